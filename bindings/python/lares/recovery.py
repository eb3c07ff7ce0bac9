"""Registries of recovery handlers, which are asked to repair what was lost."""

from __future__ import annotations

import itertools
import logging
import operator
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Callable

from lares import _callbacks
from lares._native import ffi, lib
from lares._values import Rows, encode, rows_list, table
from lares._waiting import Waiting
from lares.errors import check

if TYPE_CHECKING:
    from lares.node import Node

__all__ = ["Recovery", "Slot"]

NAME_MAX = 63  # bytes of a handler's name
SLOT_MAX, GROUP_MAX = 2**32 - 1, 2**64 - 1
RETRIES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)  # seconds between tries


class Slot(int):
    """A slot that was recovered: its number, and who says so.

    group: int, the group it belongs to; 0: none.
    handler: int, the id of the handler, as in report().
    """

    group: int
    handler: int

    def __new__(cls, slot: int, group: int = 0, handler: int = 0) -> Slot:
        """Make one; programs get them from Recovery.run."""
        self = super().__new__(cls, slot)
        self.group = group
        self.handler = handler
        return self

    __str__ = int.__repr__

    def __repr__(self) -> str:
        return f"Slot({int(self)}, group={self.group}, handler={self.handler})"


class Recovery:
    """An ordered list of handlers, which a pass calls one after the other.

    Recovery() stands alone, and only run() runs it; node.recovery is the
    node's, which each tick of the node runs, too. A handler takes no
    arguments. It returns what it has recovered: None, an int (a slot), or an
    iterable of ints and (group, slot) pairs. One that raises, whatever it is,
    is evicted: it never runs again, and report() says why.
    """

    def __init__(self) -> None:
        out = ffi.new("lares_recovery **")
        check(lib.lares_recovery_new(out))
        self._open(out[0], Home())

    def _open(self, pointer: Any, home: Home) -> None:
        self._recovery = ffi.gc(pointer, lib.lares_recovery_free)
        self._home = home
        self._lock = threading.RLock()  # held while a handler is registered

    @classmethod
    def _of(cls, node: Node) -> Recovery:
        out = ffi.new("lares_recovery **")
        check(lib.lares_node_recovery(node._node, out))
        recovery = cls.__new__(cls)
        recovery._open(out[0], Home(node))
        return recovery

    def register(
        self, fn: Callable[[], object], name: str | None = None
    ) -> int:
        """Append a handler and return how many there are now.

        fn: called without arguments from the next pass on.
        name: str of at most 63 bytes, for reports; None: the function's own.

        It never waits for a handler. Raises InvalidArgument (ENAME), Full
        (4096 handlers), Closed (the node has ended), TypeError.
        """
        if not callable(fn):
            raise TypeError(
                f"a handler is {type(fn).__name__}, expected a function"
            )
        label = own_label(fn) if name is None else encode(name)
        count = ffi.new("size_t *")
        with self._lock:
            handler = Handler(fn, self._home)
            check(
                lib.lares_recovery_register(
                    self._recovery,
                    label,
                    lib.lares_py_recover(),
                    _callbacks.handler_add(handler),
                    lib.lares_py_release(),
                    handler.id,
                    count,
                )
            )
        return int(count[0])

    def remove(self, fn: Callable[[], object]) -> bool:
        """Take a handler away, the oldest if fn is registered several times.

        One that is running finishes. Returns False if there is none.
        """
        with self._lock:
            handlers = list(self._home.handlers)
        for handler in handlers:
            if handler.fn == fn and self._removed(handler):
                return True
        return False

    def _removed(self, handler: Handler) -> bool:
        status = lib.lares_recovery_remove(self._recovery, handler.id[0])
        if status == lib.LARES_ENOTFOUND:
            return False
        check(status)
        return True

    def run(self) -> list[Slot]:
        """Run every handler once and return what they have recovered.

        In the order of registration, on this thread. While another pass of
        this registry runs it waits; inside a handler it returns [] instead.
        Raises Deadlock inside a callback of a daemon, Closed (the node has
        ended). A KeyboardInterrupt evicts its handler like anything else, and
        rises here after the pass.
        """
        out = table()
        status, error = self._pass(out)
        for delay in itertools.chain(RETRIES, itertools.repeat(RETRIES[-1])):
            if status != lib.LARES_EBUSY:
                break
            if _here.handlers > 0:
                return []
            time.sleep(delay)
            status, error = self._pass(out)
        check(status)
        rows = rows_list(out)
        if error is not None:
            raise error
        return [
            Slot(int(row["slot"]), int(row["group"]), int(row["handler"]))
            for row in rows
        ]

    def _pass(self, out: Any) -> tuple[int, BaseException | None]:
        """Try one, and return its status, and what interrupted a handler."""
        with Waiting(None) as waiting:
            status = lib.lares_recovery_run(self._recovery, out)
            return int(status), waiting.interrupt

    def report(self) -> Rows:
        """Return a list of dict, one a handler: its id, name, state, counters.

        Handlers evicted lately are there too, and `text` says why.
        """
        out = table()
        check(lib.lares_recovery_report(self._recovery, out))
        return rows_list(out)

    def __len__(self) -> int:
        count = ffi.new("size_t *")
        check(lib.lares_recovery_count(self._recovery, count))
        return int(count[0])

    def __repr__(self) -> str:
        try:
            return f"<Recovery {len(self)}>"
        except Exception:
            return "<Recovery>"


class Here(threading.local):
    """What a thread knows of the handlers that run on it."""

    handlers = 0


_here = Here()


class Home:
    """What the handlers of a registry share. It keeps nobody alive."""

    def __init__(self, node: Node | None = None) -> None:
        self.handlers: list[Handler] = []  # in order of registration
        self.log = logging.getLogger(f"lares.{node.name}" if node else "lares")
        self.node: Callable[[], Node | None] = (
            weakref.ref(node) if node else lambda: None
        )


class Handler:
    """A registered function; it goes with its registry."""

    def __init__(self, fn: Callable[[], object], home: Home) -> None:
        self.fn = fn
        self.node = home.node
        self.id = ffi.new("uint64_t *")  # written by the core
        self._home = home
        home.handlers.append(self)

    def run(self, report: Callable[[int, int], int]) -> None:
        """Call it, and report (group, slot) of each that it has recovered.

        report answers below 0 when it takes no more.
        """
        _here.handlers += 1
        try:
            for group, slot in recovered(self.fn()):
                if report(group, slot) < 0:
                    break
        finally:
            _here.handlers -= 1

    def evicted(self, error: BaseException) -> None:
        """Tell that it is, and why."""
        if isinstance(error, KeyboardInterrupt):
            Waiting.interrupted(error, self.node)
        self._home.log.error("%r was evicted", self, exc_info=error)

    def forget(self) -> None:
        """The core has released it."""
        self._home.handlers.remove(self)

    def __repr__(self) -> str:
        return f"<recovery handler {own_name(self.fn)}>"


def own_name(fn: object) -> str:
    """Return what a function is called, or anything that can be."""
    return str(getattr(fn, "__qualname__", type(fn).__name__))


def own_label(fn: object) -> Any:
    """Return that as the core takes a name: its end, if it is long.

    NULL, if it cannot be shown: then the core has a name for it.
    """
    name = own_name(fn)
    if not name or not name.isprintable():
        return ffi.NULL
    return name.encode()[-NAME_MAX:].decode("utf-8", "ignore").encode()


def recovered(result: object) -> Iterator[tuple[int, int]]:
    """Yield (group, slot) of each slot in what a handler returned."""
    if result is None:
        return
    if not isinstance(result, Iterable):
        yield 0, number(result, "slot", SLOT_MAX)
        return
    for item in result:
        group, slot = 0, item
        if isinstance(item, tuple):
            group, slot = pair(item)
        yield number(group, "group", GROUP_MAX), number(slot, "slot", SLOT_MAX)


def pair(item: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return (group, slot)."""
    if len(item) != 2:
        raise TypeError(
            f"a recovery handler returned a tuple of {len(item)}, expected "
            "(group, slot)"
        )
    return item[0], item[1]


def number(thing: Any, what: str, most: int) -> int:
    """Return an int; True is none, for it means that all went well."""
    if isinstance(thing, bool) or not hasattr(thing, "__index__"):
        raise TypeError(
            f"a recovery handler returned {type(thing).__name__}, expected "
            "None, int or an iterable of ints and (group, slot) pairs"
        )
    value = operator.index(thing)
    if not 0 <= value <= most:
        raise OverflowError(
            f"a recovery handler returned the {what} {value}, expected 0 to "
            f"{most}"
        )
    return value
