#!/bin/bash
# Install into a clean prefix, and use what is there as a stranger would.
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
embed=$top/examples/embed.c

say()
{
    printf '  %s\n' "$*"
}

installed() # each path exists below the prefix
{
    for path in "$@"; do
        test -e "$prefix/$path" || { say "missing: $path"; exit 1; }
    done
}

consumer() # configure, build and run the project with these settings
{
    cmake -S "$top/tests/install/consumer" -B "$work/consumer" -G Ninja \
        --fresh -DEMBED="$embed" "$@" >/dev/null
    cmake --build "$work/consumer" >/dev/null
    for kind in lares static; do
        "$work/consumer/embed_$kind" >/dev/null
    done
}

say "cmake --install"
cmake -S "$top" -B "$work/build" -G Ninja -DLARES_TESTS=OFF \
    -DCMAKE_INSTALL_PREFIX="$prefix" >/dev/null
cmake --build "$work/build" >/dev/null
cmake --install "$work/build" >/dev/null
installed include/lares.h lib/liblares.so lib/liblares.so.0 lib/liblares.a \
    lib/lares-lua.so lib/pkgconfig/lares.pc lib/cmake/lares/laresConfig.cmake \
    lib/lua/5.4/lares/core.so share/lua/5.4/lares/init.lua bin/lares

say "only lares_* is exported, the file is known as liblares.so.0"
nm -D --defined-only "$prefix/lib/liblares.so" |
    awk '$2 != "A" && $3 !~ /^lares_[a-z]/ { print; bad = 1 } END { exit bad }'
readelf -d "$prefix/lib/liblares.so" | grep -q 'SONAME.*\[liblares\.so\.0\]'

say "the line of the README"
line=$(grep -m 1 -E '^ *cc .*examples/embed\.c.* -o embed' "$top/README.md")
ln -s "$top/examples" "$work/examples"
(cd "$work" && eval "$line" && LD_LIBRARY_PATH=$prefix/lib ./embed >/dev/null)

say "pkg-config, our own header alone"
test "$(pkg-config --cflags lares | wc -w)" = 1

say "pkg-config, the static archive"
cc "$embed" -o "$work/static" $(pkg-config --cflags lares) \
    $(pkg-config --static --libs lares | sed 's/-llares/-l:liblares.a/')
"$work/static" >/dev/null

say "find_package"
consumer -DCMAKE_PREFIX_PATH="$prefix"

say "add_subdirectory"
consumer -DLARES_SOURCE="$top"

say "the program and its script host"
seq 3 | "$prefix/bin/lares" run "$top/examples/counter.lua" \
    --subscribe ticks --publish counts | diff - <(seq 3)

say "the Lua module"
LUA_CPATH="$prefix/lib/lua/5.4/?.so" \
    LUA_PATH="$prefix/share/lua/5.4/?/init.lua" \
    lua5.4 -e 'assert(require "lares".node "east"):close()'
