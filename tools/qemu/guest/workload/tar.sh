# A kernel's tree of headers, directory by directory: find, archive, extract, grep, remove.
set -e
cd /usr/src/linux-headers-*-common
echo READY
n=0
while :; do
	for directory in include/* arch/* scripts; do
		find "$directory" -type f -newer /init | wc -l >/dev/null
		tar -cf /tmp/part.tar "$directory"
		mkdir /tmp/copy
		tar -xf /tmp/part.tar -C /tmp/copy
		grep -rlF CONFIG_SMP /tmp/copy >/dev/null || true
		rm -rf /tmp/copy
		n=$((n + 1))
		echo "PROGRESS $n"
	done
done
