#!/bin/sh
# Check that lares.h, the library, and every language know the same functions.
#
# usage: check_symbols.sh LIBLARES
#
# What the header declares is what the library exports and what stands in
# tests/abi/lares.symbols. Each language uses every function, or names it in its
# skip.txt as `function: reason`; a line there that skips nothing is an error.
set -eu
export LC_ALL=C
library=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

compare() # what two sorted lists differ in
{
    if ! diff "$2" "$3" >"$work/diff"; then
        echo "$1:"
        sed -n 's/^[<>]/ &/p' "$work/diff"
        failed=1
    fi
}

check_language() # name, its sources
{
    name=$1
    shift
    skip=bindings/$name/skip.txt
    sed -n 's/^\(lares_[a-z0-9_]*\): ..*/\1/p' "$skip" | sort >"$work/skip"
    grep -ohrw 'lares_[a-z0-9_]*' "$@" | sort -u |
        comm -12 - "$work/functions.txt" >"$work/used"
    sort -m "$work/used" "$work/skip" >"$work/known"
    compare "$name: < not bound and not in $skip, > skipped in vain" \
        "$work/functions.txt" "$work/known"
}

core/tools/check_header.py bindings/python/lares/_cdef.h "$work" || failed=1
nm -D --defined-only "$library" |
    awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
compare "exports: < declared only, > exported only" \
    "$work/functions.txt" "$work/exported"
compare "tests/abi/lares.symbols: < declared only, > listed only" \
    "$work/functions.txt" tests/abi/lares.symbols
check_language python --include=*.py --include=*.c bindings/python/lares
check_language lua --include=*.c bindings/lua
exit $failed
