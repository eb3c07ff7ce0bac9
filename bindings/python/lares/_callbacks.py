"""What the core calls: the cold callbacks, and the hooks of the C files.

Importing this module attaches them. `user` is a token that names a kind,
`instance` one that names a slot of _trampoline.c; no address of a Python
object ever crosses into the core.
"""

from __future__ import annotations

import functools
import itertools
import logging
import threading
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lares import _native, errors
from lares._values import address, view
from lares.daemon import Daemon, Kind, describe

if TYPE_CHECKING:
    from lares.recovery import Handler

ffi, lib = _native.ffi, _native.lib

kinds: dict[int, Kind] = {}
handlers: weakref.WeakValueDictionary[int, Handler] = (
    weakref.WeakValueDictionary()  # a registry holds its own
)
_tokens = itertools.count(1)


def kind_add(kind: Kind) -> Any:
    """Return the `user` of a kind, which is known until it is released."""
    token = next(_tokens)
    kinds[token] = kind
    return ffi.cast("void *", token)


def handler_add(handler: Handler) -> Any:
    """Return the `user` of a handler, which is known while it lives."""
    token = next(_tokens)
    handlers[token] = handler
    return ffi.cast("void *", token)


# -- who waits ----------------------------------------------------------------


class Waiting:
    """A call that waits for callbacks; it learns what they raise.

    origin: int, of the daemon whose snapshot it waits for; 0: it waits for
    what runs on this thread, as a daemon is made.
    """

    _all: list[Waiting] = []

    def __init__(self, origin: int = 0) -> None:
        self._key = origin, 0 if origin else threading.get_ident()
        self._error: BaseException | None = None
        self._text: str | None = None

    def __enter__(self) -> Waiting:
        self._all.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._all.remove(self)

    @classmethod
    def tell(cls, origin: int, error: BaseException, text: str) -> bool:
        """Tell all who wait why a callback failed. Was there anybody?"""
        key = origin, 0 if origin else threading.get_ident()
        calls = [call for call in cls._all if call._key == key]
        for call in calls:
            call._error, call._text = error, text
        return bool(calls)

    def check(self, status: int) -> None:
        """Raise what the call was answered, caused by what was raised."""
        if status < 0:
            detail = errors.detail()
            raise callback_error(status, detail, self._error, self._text)


# -- callbacks ----------------------------------------------------------------


def _broken(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Log what went wrong in a callback itself; it answers FAILED."""
    logging.getLogger("lares").error("a callback broke", exc_info=error)


def _fail(call: Any, error: BaseException) -> str:
    text = describe(error)
    lib.lares_call_fail(call, text.encode())
    return text


def on_create(call: Any, daemon: Any, instance_out: Any, user: Any) -> int:
    kind = kinds[address(user)]
    argument = ffi.string(lib.lares_call_argument(call)).decode()
    origin = lib.lares_daemon_origin(daemon)
    try:
        made = kind.create(argument, origin, address(call))
        token = _native.slot_new(made, origin)
    except BaseException as error:
        if not Waiting.tell(0, error, _fail(call, error)):
            kind.failed(origin, "create", error)
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


def on_snapshot(call: Any, instance: Any) -> int:
    daemon: Daemon = _native.slot_get(address(instance))
    place = daemon._lares
    try:
        for piece in place.kind.snapshot(daemon):
            data = view(piece)
            if lib.lares_call_state(call, data, len(data)) < 0:
                break  # the core knows why, and fails it
    except BaseException as error:
        if not Waiting.tell(place.origin, error, _fail(call, error)):
            place.kind.failed(place.origin, "snapshot", error)
        return int(lib.LARES_FAILED)
    return int(lib.LARES_DONE)


def on_restore(
    call: Any, version: int, data: Any, size: int, instance: Any
) -> int:
    daemon: Daemon = _native.slot_get(address(instance))
    place = daemon._lares
    try:
        state = bytes(ffi.buffer(data, size)) if size > 0 else b""
        place.kind.restore(daemon, version, state)
    except BaseException as error:
        if not Waiting.tell(0, error, _fail(call, error)):
            place.kind.failed(place.origin, "restore", error)
        return int(lib.LARES_FAILED)
    return int(lib.LARES_DONE)


def on_recover(call: Any, user: Any) -> int:
    handler = handlers.get(address(user))
    if handler is None:  # its registry is going
        return int(lib.LARES_FAILED)
    try:
        handler.run(functools.partial(lib.lares_call_recovered, call))
    except BaseException as error:
        _fail(call, error)
        handler.evicted(error)
        return int(lib.LARES_FAILED)
    return int(lib.LARES_DONE)


def on_release(user: Any) -> None:
    token = address(user)
    kinds.pop(token, None)
    handler = handlers.pop(token, None)
    if handler is not None:
        handler.forget()


# -- hooks --------------------------------------------------------------------


def turn_failed(daemon: Daemon, error: BaseException, awaited: int) -> str:
    """Hook: tell why a turn failed; log it unless a deliver awaits it."""
    if not awaited:
        place = daemon._lares
        place.kind.failed(place.origin, "a turn", error)
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
ffi.def_extern("lares__py_on_snapshot", _failed, _broken)(on_snapshot)
ffi.def_extern("lares__py_on_restore", _failed, _broken)(on_restore)
ffi.def_extern("lares__py_on_recover", _failed, _broken)(on_recover)
ffi.def_extern("lares__py_on_release", onerror=_broken)(on_release)
_native.set_hooks(errors.failure, turn_failed, callback_error)
