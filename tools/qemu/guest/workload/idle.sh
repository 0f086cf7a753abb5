# A booted system with nothing to do: the kernel's timers and one shell that wakes every second.
echo READY
n=0
while sleep 1; do n=$((n + 1)); echo "PROGRESS $n"; done
