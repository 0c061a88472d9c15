#!/usr/bin/env bash
# Runs one libFuzzer entry for a while and says in one line how it went: fuzz-one.sh SECONDS ENTRY
set -euo pipefail
seconds=$1 entry=$2 name=${2#fuzz_}
cd "$(dirname "$(realpath "$0")")/.."
log=build/logs/$entry.log corpus=build-fuzz/corpus/$name
mkdir -p build/logs "$corpus" fuzz/crashes
seeds=()
[ ! -d "fuzz/corpus/$name" ] || seeds=("fuzz/corpus/$name")
[ -x "build-fuzz/fuzz/$entry" ] || { echo "there is no fuzz entry $name"; exit 1; }
status=0
ASAN_OPTIONS=detect_leaks=1 "build-fuzz/fuzz/$entry" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="fuzz/crashes/$name-" \
    "$corpus" "${seeds[@]}" >"$log" 2>&1 </dev/null || status=1
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
edges=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1) || edges=
if [ $status = 0 ]; then
    printf '%-16s %12s runs, %s: clean\n' "$name" "${runs:-0}" "${edges:-cov: 0}"
else
    printf '%-16s FAILED: %s (log: %s)\n' "$name" \
        "$(grep -m1 -E 'ERROR: |runtime error' "$log" || echo 'see the log')" "$log"
fi
exit $status
