"""Finish the compiled module: compare versions, add what is written in C."""

from __future__ import annotations

from lares import _native

lib = _native.lib


def check_abi(found: int, major: int, minor: int) -> None:
    """Raise ImportError if the library is of another ABI, or too old."""
    if found >> 16 != major or found & 0xFFFF < minor:
        raise ImportError(
            f"lares was built for ABI {major}.{minor}, "
            f"but liblares has {found >> 16}.{found & 0xFFFF}"
        )


check_abi(lib.lares_abi_version(), lib.LARES_ABI_MAJOR, lib.LARES_ABI_MINOR)
if lib.lares_py_bind(id(_native)) < 0:
    raise ImportError("lares works in the main interpreter only")
