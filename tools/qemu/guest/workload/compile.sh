# Two gcc -O2 at a time, each on a single-file C library of the stb collection, again and again.
ln -s x86_64-linux-gnu-as /usr/bin/as
library() {
	printf '#define %s_IMPLEMENTATION\n#include <stb/%s.h>\n' "$2" "$1" |
		x86_64-linux-gnu-gcc-12 -O2 -w -pipe -x c -c - -o "/tmp/$1.o" || echo "FAILED to compile $1"
}
loop() {
	n=0
	while :; do
		for name in "$@"; do
			library "$name" "$(echo "$name" | tr a-z A-Z)"
			n=$((n + 1))
			echo "PROGRESS $n"
		done
	done
}
loop stb_image stb_rect_pack stb_truetype &
loop stb_image_write stb_ds stb_dxt stb_image_resize >/dev/null &
echo READY
wait
