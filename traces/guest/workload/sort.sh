# GNU sort, gzip and md5sum over 384 files of 256 KiB in tmpfs, round and round.
mkdir in out
work text 96 | split -n l/384 -a 3 - in/
echo READY
n=0
while :; do
	for f in in/*; do
		sort -S 8M "$f" | gzip -1 | tee "out/${f##*/}.gz" | md5sum >"out/${f##*/}.md5"
		n=$((n + 1))
		echo "PROGRESS $n"
	done
done
