"""Write the C text of a CFFI module for bench_python.py: OUTPUT.

It holds the floors of the Python rows, and feeds a node from C.
"""

import sys

import cffi

CDEF = """
struct echo { ...; };
void echo_open(struct echo *, lares_node *, const char *kind, uint64_t len);
void echo_burst(struct echo *, uint64_t count);
int echo_proved(struct echo *, uint64_t count);

uint64_t python_floor_raw(uintptr_t callable, uint64_t count);
uint64_t python_floor_extern(size_t (*)(void *, const char *, size_t, char *),
                             void *user, uint64_t count);
extern "Python" size_t called(void *user, const char *data, size_t len,
                              char *out);
"""


def main(output: str) -> None:
    ffi = cffi.FFI()
    ffi.cdef("typedef struct lares_node lares_node;" + CDEF)
    ffi.set_source(
        "_bench", '#include "echo.h"\n#include "python_floor.h"\n'
    )
    ffi.emit_c_code(output)


if __name__ == "__main__":
    main(sys.argv[1])
