# redis-server with 150,000 values of 512 bytes, under redis-benchmark's reads, writes and list operations on loopback.
redis-server --save '' --appendonly no --daemonize yes --logfile /tmp/redis.log >/dev/null
until redis-cli ping >/dev/null 2>&1; do sleep 0.2; done
redis-benchmark -t set -n 300000 -r 150000 -d 512 -P 16 -q >/dev/null
redis-cli config resetstat >/dev/null
redis-benchmark -t set,get,incr,lpush,rpop,hset,mset -l -n 5000 -r 150000 -d 512 -c 20 -P 4 -q >/dev/null &
echo READY
while sleep 1; do
	echo "PROGRESS $(redis-cli info stats | sed -n 's/^total_commands_processed:\([0-9]*\).*/\1/p')"
done
