#!/bin/bash
# run.sh [SECONDS] - make up inputs for each target, after `build fuzz`.
#
# New inputs are kept in build/fuzz/corpus. One that breaks a promise lies in
# build/fuzz/found, and joins tests/fuzz/corpus with the fix. It takes no more
# than a second and 512 MiB.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-10} failed=0
mkdir -p build/fuzz/found

for program in build/fuzz/bin/fuzz.*; do
    name=${program##*.}
    mkdir -p "build/fuzz/corpus/$name"
    "$program" -max_total_time="$seconds" -timeout=1 -rss_limit_mb=512 \
        -artifact_prefix="build/fuzz/found/$name-" -verbosity=0 \
        -print_final_stats=1 \
        "build/fuzz/corpus/$name" "tests/fuzz/corpus/$name" \
        >"build/fuzz/$name.log" 2>&1 || failed=1
    grep -E 'number_of_executed_units|ERROR|does not hold' \
        "build/fuzz/$name.log" | sed "s/^/$name: /"
done
exit $failed
