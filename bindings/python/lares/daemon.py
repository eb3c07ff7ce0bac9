"""Daemons as authors write them, and kinds, by which nodes make them."""

from __future__ import annotations

import logging
import re
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Union

from lares._native import DaemonBase, Event, lib
from lares.errors import Closed, InvalidArgument, WrongState

if TYPE_CHECKING:
    from lares.node import Handle, Node

__all__ = ["Daemon", "Factory", "Kind", "daemon", "describe"]

FRAMES_MAX = 8
LOG_INTERVAL = 1.0  # seconds between logged failures of one daemon

_WORD = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Daemon(DaemonBase):
    """An event processor with an identity; subclass it and write process.

    Lares calls these methods of yours, one at a time:

    process(self, event): one turn. Return None, bytes (bytearray, memoryview)
        or an iterable of them, a generator too: the outputs. What it raises
        makes the turn fail: then nothing was emitted, and the event comes
        again, at most three times.
    close(self): the instance goes. What it raises is logged.

    kind: str, the name of the recipe; default: the class name in snake case.
    version: int, of the state.
    argument: str, the spawn option; there before __init__.
    origin: int, the 64-bit name of this daemon; there before __init__.
    """

    kind: str = "daemon"
    version: int = 0
    argument: str
    origin: int
    _lares: Place

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "kind" not in cls.__dict__:
            cls.kind = kind_name(cls.__name__)

    emit = DaemonBase.emit  # in C

    @property
    def handle(self) -> Handle:
        """A ticket of its own, found at first use; not inside __init__."""
        return self._lares.find()

    @property
    def log(self) -> logging.Logger:
        """The logger "lares.<node>.<kind>"."""
        return self._lares.kind.log

    def __repr__(self) -> str:
        place = getattr(self, "_lares", None)
        name = type(self).kind
        return f"<{name} {place.origin:016x}>" if place else f"<{name}>"


Factory = Union[type[Daemon], Callable[[], Daemon]]


def daemon(fn: Callable[[Event], object]) -> type[Daemon]:
    """Make a kind of a function; for stateless daemons, as a decorator.

    fn(event) answers like Daemon.process. The kind is named after it, in
    snake case.
    """
    body = {
        "process": staticmethod(fn),
        "kind": kind_name(fn.__name__),
        "__doc__": fn.__doc__,
        "__module__": fn.__module__,
    }
    return type(fn.__name__, (Daemon,), body)


def kind_name(name: str) -> str:
    """Return the name of a class as a kind: HTTPProbe is http_probe."""
    return _WORD.sub("_", name).lower()


class Place:
    """Where a daemon lives: its kind, and what was found for it."""

    __slots__ = ("found", "kind", "logged", "origin", "ready")

    def __init__(self, kind: Kind, origin: int) -> None:
        self.kind = kind
        self.origin = origin
        self.ready = False
        self.logged = float("-inf")
        self.found: Handle | None = None

    def find(self) -> Handle:
        if not self.ready:
            raise WrongState(lib.LARES_EPHASE, "no handle inside __init__")
        if self.found is None:
            node = self.kind.node()
            self.found = node.find(self.origin) if node else None
        if self.found is None:
            raise Closed(lib.LARES_ECLOSED, "the daemon or its node has ended")
        return self.found


class Kind:
    """A registered kind: how its daemons are made, and for which node.

    It does not keep the node alive.
    """

    _failed = threading.local()  # why the last create of this thread failed

    def __init__(self, node: Node, factory: Factory, name: str | None) -> None:
        self.factory = factory
        self.cls = checked_class(factory)
        if name is None and self.cls is not None:
            name = self.cls.kind
        self.name = name or kind_name(getattr(factory, "__name__", ""))
        self.node: Callable[[], Node | None] = weakref.ref(node)
        self.log = logging.getLogger(f"lares.{node.name}.{self.name}")

    @classmethod
    def blame(cls) -> tuple[BaseException | None, str | None]:
        """Take the exception, and its text, of a failed create."""
        error, text = cls._failed.__dict__.pop("why", (None, None))
        return error, text

    def create(self, argument: str, origin: int) -> Daemon:
        """Make an instance; a factory's one is told its place afterwards."""
        if self.cls is not None:
            made = self.cls.__new__(self.cls)
            self._settle(made, argument, origin)
            self.cls.__init__(made)
        else:
            made = self.factory()
            self._settle(made, argument, origin)
        made._lares.ready = True
        return made

    def create_failed(self, error: BaseException) -> str:
        """Keep why a create failed for the spawn that waits for it."""
        text = describe(error)
        self._failed.why = error, text
        return text

    def _settle(self, made: Daemon, argument: str, origin: int) -> None:
        if not isinstance(made, Daemon):
            raise TypeError(
                f"the factory of {self.name} returned {type(made).__name__}, "
                "expected a lares.Daemon"
            )
        made.argument = argument
        made.origin = origin
        made._lares = Place(self, origin)

    def turn_failed(self, made: Daemon, error: BaseException) -> None:
        """Tell of a failed turn that nobody waits for."""
        node = self.node()
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            if node is not None:
                node._exit_with(error)
            return
        now = time.monotonic()
        if now - made._lares.logged >= LOG_INTERVAL:
            made._lares.logged = now
            self.log.error("%r: a turn failed", made, exc_info=error)


def checked_class(factory: Factory) -> type[Daemon] | None:
    """Return the class that a factory is, or None if it is a function.

    Classes that no daemon can be made of are refused.
    """
    if not isinstance(factory, type):
        if not callable(factory):
            raise TypeError(f"factory is {factory!r}, expected a Daemon class")
        return None
    if not issubclass(factory, Daemon):
        raise TypeError(f"{factory.__name__} is no subclass of lares.Daemon")
    wrong = None
    if not callable(getattr(factory, "process", None)):
        wrong = "no process method"
    elif hasattr(factory, "snapshot") != hasattr(factory, "restore"):
        wrong = "one of snapshot and restore, but not both"
    if wrong is not None:
        text = f"{factory.__name__} has {wrong}"
        raise InvalidArgument(lib.LARES_EINVAL, text)
    return factory


def describe(error: BaseException) -> str:
    """Return an exception as a line, then its innermost frames, one a line.

    Cheap: no source is read. Only text that UTF-8 and C can hold.
    """
    try:
        text = str(error)
    except Exception:
        text = "<no text>"
    name = type(error).__name__
    lines = [f"{name}: {text}" if text else name]
    frames: deque[str] = deque(maxlen=FRAMES_MAX)
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.appendleft(
            f"{code.co_filename}:{trace.tb_lineno} {code.co_name}"
        )
        trace = trace.tb_next
    lines += frames
    plain = "\n".join(lines).replace("\0", "\\0")
    return plain.encode("utf-8", "backslashreplace").decode()
