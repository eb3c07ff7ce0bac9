"""Write the C text of the CFFI module: python _build.py OUTPUT.

_cdef.h is made from core/include/lares.h and committed; what stands here is
the seam to the hand-written files beside it.
"""

import pathlib
import sys

import cffi

SEAM = """
lares_status lares_py_bind(uint64_t module);
const lares_daemon_ops *lares_py_ops(int stateful);
lares_recovery_fn lares_py_recover(void);
lares_release_fn lares_py_release(void);
void lares_py_end(void);
extern "Python+C" lares_verdict lares__py_on_create(
    lares_call *, lares_daemon *, void **, void *);
extern "Python+C" void lares__py_on_destroy(void *);
extern "Python+C" lares_verdict lares__py_on_snapshot(lares_call *, void *);
extern "Python+C" lares_verdict lares__py_on_restore(
    lares_call *, uint32_t, const void *, size_t, void *);
extern "Python+C" lares_verdict lares__py_on_recover(lares_call *, void *);
extern "Python+C" void lares__py_on_release(void *);
"""


def main(output: str) -> None:
    here = pathlib.Path(__file__).parent
    ffi = cffi.FFI()
    ffi.cdef((here / "_cdef.h").read_text() + SEAM)
    ffi.set_source("lares._native", '#include "_trampoline.h"\n')
    ffi.emit_c_code(output)


if __name__ == "__main__":
    main(sys.argv[1])
