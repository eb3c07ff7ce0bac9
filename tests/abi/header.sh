#!/bin/sh
# id: AB01 - lares.h alone is C11 and C++17, also after <errno.h>.
set -eu
header=$(realpath "$(dirname "$0")/../../core/include/lares.h")
flags="-fsyntax-only -Wall -Wextra -Wundef -pedantic-errors -Werror"

compile() # compiler, language, standard, what stands before
{
    command -v "$1" >/dev/null || return 0
    printf '%s\n#include "%s"\nint main(void) { return 0; }\n' "$4" "$header" |
        $1 -x "$2" -std="$3" $flags -
}

for before in '' '#include <errno.h>'; do
    for compiler in gcc clang; do
        compile $compiler c c11 "$before"
        compile $compiler c c17 "$before"
    done
    for compiler in g++ clang++; do
        compile $compiler c++ c++17 "$before"
    done
done
