# GNU sort, gzip and md5sum over 48 files of 2 MiB in tmpfs, round and round.
set -e
mkdir in out
work text 96 | split -l 42800 -a 2 - in/
echo READY
n=0
while :; do
	for f in in/*; do
		sort -S 32M "$f" | gzip -1 | tee "out/${f##*/}.gz" | md5sum >"out/${f##*/}.md5"
		n=$((n + 1))
		echo "PROGRESS $n"
	done
done
