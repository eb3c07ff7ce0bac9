"""What the core calls: the cold callbacks, and the hooks of the C files.

Importing this module attaches them. `user` is a token that names a kind,
`instance` one that names a slot of _trampoline.c; no address of a Python
object ever crosses into the core.
"""

from __future__ import annotations

import functools
import itertools
import logging
import weakref
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Callable

from lares import _native, errors
from lares._values import address, view
from lares._waiting import Failure, Waiting, undone
from lares.daemon import Daemon, Kind, describe

if TYPE_CHECKING:
    from lares.node import Node
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


# -- callbacks ----------------------------------------------------------------


def _broken(
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
) -> None:
    """Log what went wrong in a callback itself; it answers FAILED.

    An interrupt may come before the first line of any callback. It is for who
    waits on this thread, or else for the node.
    """
    if not isinstance(error, Exception) and Waiting.interrupted(
        error, lambda: _node_of(trace.tb_frame)
    ):
        return
    logging.getLogger("lares").error("a callback broke", exc_info=error)


def _node_of(callback: FrameType) -> Node | None:
    """Return the node that a callback was entered for."""
    names = callback.f_locals
    if "instance" in names:
        daemon = _native.slot_get(address(names["instance"]))
        return daemon._lares.kind.node() if daemon is not None else None
    token = address(names["user"])
    owner = kinds.get(token) or handlers.get(token)
    return owner.node() if owner is not None else None


def _fail(call: Any, awaited: int, failure: Failure) -> int:
    """Answer FAILED; awaited: as the origin of Waiting."""
    lib.lares_call_fail(call, failure.text.encode())
    Waiting.tell(awaited, failure)
    return int(lib.LARES_FAILED)


def on_create(call: Any, daemon: Any, instance_out: Any, user: Any) -> int:
    kind = kinds[address(user)]
    origin = lib.lares_daemon_origin(daemon)
    try:
        argument = ffi.string(lib.lares_call_argument(call))
        text = argument.decode("utf-8", "surrogateescape")
        made = kind.create(text, origin, address(call))
        token = _native.slot_new(made, origin)
    except BaseException as error:
        return _fail(call, 0, Failure(error, kind, origin, "create"))
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
    kind, origin = daemon._lares.kind, daemon._lares.origin
    try:
        for piece in kind.snapshot(daemon):
            data = view(piece)
            status = lib.lares_call_state(call, data, len(data))
            del data, piece  # its author may use the buffer again
            if status < 0:
                break  # the core knows why, and fails it
    except BaseException as error:
        return _fail(call, origin, Failure(error, kind, origin, "snapshot"))
    return int(lib.LARES_DONE)


def on_restore(
    call: Any, version: int, data: Any, size: int, instance: Any
) -> int:
    daemon: Daemon = _native.slot_get(address(instance))
    kind, origin = daemon._lares.kind, daemon._lares.origin
    try:
        state = bytes(ffi.buffer(data, size)) if size > 0 else b""
        kind.restore(daemon, version, state)
    except BaseException as error:
        return _fail(call, 0, Failure(error, kind, origin, "restore"))
    return int(lib.LARES_DONE)


def on_recover(call: Any, user: Any) -> int:
    handler = handlers.get(address(user))
    if handler is None:  # its registry is going
        return int(lib.LARES_FAILED)
    try:
        handler.run(functools.partial(lib.lares_call_recovered, call))
    except BaseException as error:
        lib.lares_call_fail(call, describe(error).encode())
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


def turn_failed(daemon: Daemon, error: BaseException) -> Failure:
    """Hook: make of it what delivers are told."""
    place = daemon._lares
    return Failure(error, place.kind, place.origin, "a turn")


def delivered(
    status: int, detail: str, told: list[Failure]
) -> BaseException | None:
    """Hook: return what a deliver raises, which was told of failures."""
    error = undone(status, detail, told) if status < 0 else None
    for failure in told:
        failure.drop()
    return error


def _once_more(callback: Callable[[Any], None], argument: str) -> Any:
    """Return what follows a callback that an interrupt kept from its work.

    Nobody but it lets go of what it was called for; a second time it finds
    nothing.
    """

    def broken(
        kind: type[BaseException], error: BaseException, trace: TracebackType
    ) -> None:
        _broken(kind, error, trace)
        callback(trace.tb_frame.f_locals[argument])

    return broken


_failed = lib.LARES_FAILED  # also what an unattached callback answers
ffi.def_extern("lares__py_on_create", _failed, _broken)(on_create)
ffi.def_extern(
    "lares__py_on_destroy", onerror=_once_more(on_destroy, "instance")
)(on_destroy)
ffi.def_extern("lares__py_on_snapshot", _failed, _broken)(on_snapshot)
ffi.def_extern("lares__py_on_restore", _failed, _broken)(on_restore)
ffi.def_extern("lares__py_on_recover", _failed, _broken)(on_recover)
ffi.def_extern(
    "lares__py_on_release", onerror=_once_more(on_release, "user")
)(on_release)
_native.set_hooks(errors.failure, turn_failed, delivered)
