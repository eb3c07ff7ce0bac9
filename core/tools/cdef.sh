#!/bin/sh
# Make the CFFI text from lares.h; with --check, compare it with the committed.
set -eu
cd "$(dirname "$0")/../.."
cdef=bindings/python/lares/_cdef.h

cdef_print() # blanks are squeezed, for gcc and clang differ in them
{
    ${CC:-cc} -E -P -DLARES_CDEF core/include/lares.h |
        sed -e 's/[ \t][ \t]*/ /g' -e 's/^ //' -e '/^$/d'
}

case ${1-} in
--check) cdef_print | diff -u $cdef - ;;
'') cdef_print >$cdef ;;
*) echo "usage: cdef.sh [--check]" >&2; exit 2 ;;
esac
