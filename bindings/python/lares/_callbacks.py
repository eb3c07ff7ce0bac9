"""What the core calls: the cold callbacks, and the hooks of the C files.

Importing this module attaches them. `user` is a token that names a kind,
`instance` one that names a slot of _trampoline.c; no address of a Python
object ever crosses into the core.
"""

from __future__ import annotations

import itertools
import logging
from types import TracebackType
from typing import Any

from lares import _native, errors
from lares._values import address
from lares.daemon import Daemon, Kind, describe

ffi, lib = _native.ffi, _native.lib

kinds: dict[int, Kind] = {}
_tokens = itertools.count(1)


def kind_add(kind: Kind) -> Any:
    """Return the `user` of a kind, which is known until it is released."""
    token = next(_tokens)
    kinds[token] = kind
    return ffi.cast("void *", token)


def _broken(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Log what went wrong in a callback itself; it answers FAILED."""
    logging.getLogger("lares").error("a callback broke", exc_info=error)


def on_create(call: Any, daemon: Any, instance_out: Any, user: Any) -> int:
    kind = kinds[address(user)]
    argument = ffi.string(lib.lares_call_argument(call)).decode()
    origin = lib.lares_daemon_origin(daemon)
    try:
        made = kind.create(argument, origin)
        token = _native.slot_new(made, origin)
    except BaseException as error:
        lib.lares_call_fail(call, kind.create_failed(error).encode())
        return int(lib.LARES_FAILED)
    instance_out[0] = ffi.cast("void *", token)
    return int(lib.LARES_DONE)


def on_destroy(instance: Any) -> None:
    daemon: Daemon | None = _native.slot_drop(address(instance))
    close = getattr(daemon, "close", None)
    if daemon is None or close is None:
        return
    try:
        close()
    except BaseException as error:
        daemon.log.error("%r: close failed", daemon, exc_info=error)


def on_release(user: Any) -> None:
    kinds.pop(address(user), None)


def turn_failed(daemon: Daemon, error: BaseException, awaited: int) -> str:
    """Hook: tell why a turn failed; log it unless a deliver awaits it."""
    if not awaited:
        daemon._lares.kind.turn_failed(daemon, error)
    return describe(error)


def callback_error(
    status: int, detail: str, error: BaseException | None, text: str | None
) -> BaseException:
    """Hook: what a call raises that waited for a callback in vain."""
    failure = errors.failure(status, detail)
    if error is None or not isinstance(failure, errors.CallbackError):
        return failure
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        return error
    failure.text = text or detail
    failure.__cause__ = error
    return failure


_failed = lib.LARES_FAILED  # also what an unattached callback answers
ffi.def_extern("lares__py_on_create", _failed, _broken)(on_create)
ffi.def_extern("lares__py_on_destroy", onerror=_broken)(on_destroy)
ffi.def_extern("lares__py_on_release", onerror=_broken)(on_release)
_native.set_hooks(errors.failure, turn_failed, callback_error)
