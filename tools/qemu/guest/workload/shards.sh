# Four redis-server shards, 2 GiB in all, under redis-benchmark's reads, writes and list operations on loopback.
ports="7001 7002 7003 7004"
for port in $ports; do
	redis-server --port $port --save '' --appendonly no --daemonize yes --logfile /tmp/$port.log >/dev/null
	until redis-cli -p $port ping >/dev/null 2>&1; do sleep 0.2; done
done
for port in $ports; do
	redis-benchmark -p $port -t set -n 200000 -r 140000 -d 4096 -P 16 -q >/dev/null &
done
wait
for port in $ports; do
	redis-cli -p $port config resetstat >/dev/null
	redis-benchmark -p $port -t set,get,incr,lpush,rpop,hset,mset -l -n 5000 -r 140000 -d 4096 -c 20 -P 4 -q >/dev/null &
done
echo READY
while sleep 1; do
	count=0
	for port in $ports; do
		count=$((count + $(redis-cli -p $port info stats | sed -n 's/^total_commands_processed:\([0-9]*\).*/\1/p')))
	done
	echo "PROGRESS $count"
done
