"""Daemons as authors write them, and kinds, by which nodes make them."""

from __future__ import annotations

import logging
import os
import re
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Union

from lares._native import DaemonBase, Event, call_lend, lib
from lares._values import Data, is_data
from lares.errors import Closed, FormatError, InvalidArgument, WrongState

if TYPE_CHECKING:
    from lares.handle import Handle
    from lares.node import Node

__all__ = ["Daemon", "Factory", "Kind", "daemon", "describe"]

FRAMES_MAX = 8
LOG_INTERVAL = 1.0  # seconds between logged failures of one daemon
LOGGED_MAX = 1024  # daemons of a kind of which the last failure is known

_OWN = os.path.join(os.path.dirname(__file__), "")
_WORD = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Daemon(DaemonBase):
    """An event processor with an identity; subclass it and write process.

    Lares calls these methods of yours, one at a time:

    process(self, event): one turn. Return None, bytes (bytearray, memoryview)
        or an iterable of them, a generator too: the outputs. What it raises
        makes the turn fail: then nothing was emitted, and the event comes
        again. It is tried three times in all, then it is a dead letter.
    snapshot(self): return the state, bytes or an iterable of bytes; b"" is a
        state. It changes nothing.
    restore(self, state): become what that state says; on a fresh instance.
    upgrade(self, version, state): return a state that an older `version` of
        the class has written as restore reads it.
    close(self): the instance goes. What it raises is logged.

    Write both of snapshot and restore, or neither. With them a turn that
    failed leaves nothing behind: the daemon is made anew, restored from its
    last snapshot, and shown once more what was committed since, with
    event.replay set. Without them it keeps its object as it is.

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
    after = DaemonBase.after
    cancel = DaemonBase.cancel

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

    __slots__ = ("found", "kind", "origin", "ready")

    def __init__(self, kind: Kind, origin: int) -> None:
        self.kind = kind
        self.origin = origin
        self.ready = False
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

    def __init__(
        self,
        node: Node,
        factory: Factory,
        name: str | None,
        version: int | None,
        stateful: bool,
    ) -> None:
        self.factory = factory
        self.cls = checked_class(factory)
        if name is None and self.cls is not None:
            name = self.cls.kind
        self.name = name or kind_name(getattr(factory, "__name__", ""))
        if version is None:
            version = self.cls.version if self.cls is not None else 0
        self.version = version
        self.stateful = (
            stateful if self.cls is None else can_snapshot(self.cls)
        )
        self.node: Callable[[], Node | None] = weakref.ref(node)
        self.log = logging.getLogger(f"lares.{node.name}.{self.name}")
        self._logged: dict[int, float] = {}  # when, by origin; oldest first

    # -- instances ----------------------------------------------------------

    def create(self, argument: str, origin: int, call: int) -> Daemon:
        """Make an instance; a factory's one is told its place afterwards.

        call: lent to the constructor of a class, for timers.
        """
        if self.cls is not None:
            made = self.cls.__new__(self.cls)
            self._settle(made, argument, origin)
            call_lend(made, call)
            try:
                self.cls.__init__(made)
            finally:
                call_lend(made, 0)
        else:
            made = self.factory()
            self._settle(made, argument, origin)
        made._lares.ready = True
        return made

    def _settle(self, made: Daemon, argument: str, origin: int) -> None:
        self._check(made)
        made.argument = argument
        made.origin = origin
        made._lares = Place(self, origin)

    def _check(self, made: Daemon) -> None:
        name = type(made).__name__
        if not isinstance(made, Daemon):
            raise TypeError(
                f"the factory of {self.name} returned {name}, "
                "expected a lares.Daemon"
            )
        if self.cls is None:
            checked_class(type(made))
        if can_snapshot(made) != self.stateful:
            ability = "cannot" if self.stateful else "can"
            raise TypeError(
                f"{name} {ability} snapshot: register the factory of "
                f"{self.name} with stateful={not self.stateful}"
            )

    # -- state --------------------------------------------------------------

    def snapshot(self, made: Any) -> Iterator[Data]:
        """Yield the state of an instance, piece by piece."""
        state = made.snapshot()
        if is_data(state):
            yield state
            return
        if isinstance(state, str) or not isinstance(state, Iterable):
            raise self._no_state(state)
        yield b""  # no piece at all is a state, too
        for piece in state:
            if not is_data(piece):
                raise self._no_state(piece, "an iterable with ")
            yield piece
            del piece  # before its author goes on, who may use it again

    def _no_state(self, answer: object, where: str = "") -> TypeError:
        return TypeError(
            f"{self.name}.snapshot returned {where}{type(answer).__name__}, "
            "expected bytes or an iterable of bytes"
        )

    def restore(self, made: Any, version: int, state: bytes) -> None:
        """Put a state, also an older one, into a fresh instance."""
        if version != int(self.version):
            state = self._upgraded(made, version, state)
        answer = made.restore(state)
        if answer is not None:
            raise TypeError(
                f"{self.name}.restore returned {type(answer).__name__}, "
                "expected None"
            )

    def _upgraded(self, made: Any, version: int, state: bytes) -> bytes:
        upgrade = getattr(made, "upgrade", None)
        if upgrade is None:
            raise FormatError(
                lib.LARES_EVERSION,
                f"the state is of version {version}, and {self.name} of "
                f"version {self.version} has no upgrade method",
            )
        newer = upgrade(version, state)
        if not is_data(newer):
            raise TypeError(
                f"{self.name}.upgrade returned {type(newer).__name__}, "
                "expected bytes"
            )
        return bytes(newer)

    # -- failures -----------------------------------------------------------

    def failed(self, origin: int, what: str, error: BaseException) -> None:
        """Tell of a failure that nobody waits for."""
        node = self.node()
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            if node is not None:
                node._exit_with(error)
        elif self._log_due(origin):
            text = f"<{self.name} {origin:016x}>: {what} failed"
            self.log.error(text, exc_info=error)

    def _log_due(self, origin: int) -> bool:
        now = time.monotonic()
        last = self._logged.get(origin)
        if last is not None and now - last < LOG_INTERVAL:
            return False
        self._logged.pop(origin, None)
        self._logged[origin] = now
        if len(self._logged) > LOGGED_MAX:
            self._logged.pop(next(iter(self._logged)), None)
        return True


def can_snapshot(thing: object) -> bool:
    """Tell whether a class or an instance can snapshot."""
    return callable(getattr(thing, "snapshot", None))


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
    elif can_snapshot(factory) != callable(getattr(factory, "restore", None)):
        wrong = "one of snapshot and restore, but not both"
    if wrong is not None:
        text = f"{factory.__name__} has {wrong}"
        raise InvalidArgument(lib.LARES_EINVAL, text)
    return factory


def describe(error: BaseException) -> str:
    """Return an exception as a line, then its innermost frames, one a line.

    Those of Lares itself are nobody's business. Cheap: no source is read. Only
    text that UTF-8 and C can hold.
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
        if not code.co_filename.startswith(_OWN):
            frames.appendleft(
                f"{code.co_filename}:{trace.tb_lineno} {code.co_name}"
            )
        trace = trace.tb_next
    lines += frames
    plain = "\n".join(lines).replace("\0", "\\0")
    return plain.encode("utf-8", "backslashreplace").decode()
