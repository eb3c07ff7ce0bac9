"""Exceptions: every code has its class, and classes are what they promise."""

from __future__ import annotations

import lares
import pytest
from lares._native import lib
from lares.errors import failure

BASES = {
    lares.InvalidArgument: ValueError,
    lares.NotFound: LookupError,
    lares.Timeout: TimeoutError,
    lares.FormatError: ValueError,
    lares.OutOfMemory: MemoryError,
    lares.Denied: PermissionError,
    lares.Deadlock: lares.WrongState,
    lares.OutcomeUnknown: lares.Timeout,
    lares.ChainError: lares.FormatError,
}
PLAIN = {"OK", "EABI", "EDONE"}  # never raised, or at import, or internal


def codes():
    for name in dir(lib):
        if name.startswith("LARES_E") and getattr(lib, name) < 0:
            yield name[len("LARES_") :]


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_a_class(code):
    error = failure(getattr(lib, f"LARES_{code}"), "why")
    assert error.code == code
    assert error.status == getattr(lib, f"LARES_{code}")
    assert error.detail == "why"
    assert str(error).endswith(": why")
    assert (type(error) is lares.Error) == (code in PLAIN)


@pytest.mark.parametrize(("error", "base"), BASES.items())
def test_bases(error, base):
    assert issubclass(error, base)
    assert issubclass(error, lares.Error)
    assert issubclass(error, RuntimeError)


def test_without_detail():
    error = failure(lib.LARES_ENAME, "")
    assert (str(error), error.detail) == ("malformed name", "")


def test_unknown_status():
    error = failure(-9999, "new")
    assert type(error) is lares.Error
    assert (error.status, error.code) == (-9999, "UNKNOWN")


def test_all_classes_are_public():
    for name in lares.__all__:
        assert getattr(lares, name).__doc__
