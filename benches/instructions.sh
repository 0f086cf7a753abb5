#!/usr/bin/env bash
# Instructions of three runs, counted by valgrind, against those on record.
#
#   benches/instructions.sh            compares; exits with 1 where a run takes over 2 % more or less than recorded
#   benches/instructions.sh --record   writes benches/instructions.csv anew
#
# Counts do not depend on what else the machine does. They do depend on the compiler: record them anew with a new one.
set -euo pipefail
cd "$(dirname "$0")/.."

RECORD=benches/instructions.csv
MOST_PERCENT=2

cargo build --release --locked --quiet
binary=${CARGO_TARGET_DIR:-target}/release/migsim
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Name, and the command's arguments; names in ascending order. Rayon gets one thread, so that no waiting is counted.
count() {
    local name=$1 total
    shift
    RAYON_NUM_THREADS=1 valgrind --tool=callgrind --callgrind-out-file="$scratch/$name" \
        "$binary" "$@" > /dev/null 2> "$scratch/log" || { cat "$scratch/log" >&2; exit 2; }
    total=$(sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$scratch/$name" | tail -n 1)
    printf '%s,%s\n' "$name" "$total"
}

{
    printf 'run,instructions\n'
    count default compare --format csv
    count faults compare benches/faults.toml --format csv
    count qemu compare qemu-7.2 --trace traces/sort.mtrace --strategies post-copy --format csv
} > "$scratch/counted.csv"

if [[ ${1:-} == --record ]]; then
    cp "$scratch/counted.csv" "$RECORD"
    cat "$RECORD"
    exit
fi

join -t, --header "$RECORD" "$scratch/counted.csv" | awk -F, -v most="$MOST_PERCENT" '
    NR == 1 { next }
    {
        change = 100 * ($3 - $2) / $2
        bad = change > most || change < -most
        printf "%-10s %14d, recorded %14d: %+.2f %%%s\n", $1, $3, $2, change, bad ? "  <-- beyond " most " %" : ""
        failed += bad
    }
    END { exit failed > 0 }'
