"""Who waits for callbacks, and how they learn what was raised.

What runs does not know who asked for it: a daemon is saved for itself while a
program waits for its image, and a queued event may be a copy of a deliver. So
all who may have asked are told of a failure, and the call that the core answers
with its text raises it. What none of them has raised in the end is reported, as
it is where nobody waits.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Callable

from lares import errors
from lares.daemon import Kind, describe

if TYPE_CHECKING:
    from lares.node import Node


class Failure:
    """What a callback of a daemon raised.

    text: str, for the core. holders: int, how many were told. raised: by one
    of them.
    """

    __slots__ = (
        "_claims",
        "_gone",
        "_kind",
        "_origin",
        "_what",
        "error",
        "holders",
        "raised",
        "text",
        "thread",
    )

    def __init__(
        self, error: BaseException, kind: Kind, origin: int, what: str
    ) -> None:
        self.error = error
        self.text = describe(error)
        self.thread = threading.get_ident()
        self.holders = 0
        self.raised = False
        self._kind, self._origin, self._what = kind, origin, what
        self._claims = itertools.count()  # to count needs no lock
        self._gone = itertools.count(1)

    def report(self) -> None:
        """Tell the log, or the node if it shall end the program."""
        self._kind.failed(self._origin, self._what, self.error)

    def claim(self) -> bool:
        """Raise it; False: another holder does so already."""
        self.raised = True
        return next(self._claims) == 0

    def drop(self) -> None:
        """One of the holders goes; the last one looks after it."""
        if next(self._gone) == self.holders and not self.raised:
            self.report()


def undone(status: int, detail: str, told: Iterable[Failure]) -> BaseException:
    """Return what a call raises that was answered a status below 0.

    told: what it may have failed for.
    """
    failed = errors.failure(status, detail)
    if not isinstance(failed, errors.CallbackError):
        return failed
    found = claimed(detail, told)
    if found is None:
        return failed
    if isinstance(found.error, (SystemExit, KeyboardInterrupt)):
        return found.error
    failed.text = found.text
    failed.__cause__ = found.error
    return failed


def claimed(detail: str, told: Iterable[Failure]) -> Failure | None:
    """Return which one the core answers with, best one of this thread."""
    reason = detail.partition(": ")[2]  # behind a name; a long one is cut
    here = threading.get_ident()
    found = sorted(
        (each for each in told if reason and each.text.startswith(reason)),
        key=lambda each: each.thread != here,
    )
    for each in found:
        if each.claim():
            return each
    return found[0] if found else None


class Waiting:
    """A call that waits for callbacks, as a context.

    origin: int, of the daemon whose snapshot it waits for; 0: it waits for
    what runs on this thread, as a daemon is made; None: for no daemon.
    interrupt: what has interrupted a callback on this thread.
    """

    _all: list[weakref.ref[Waiting]] = []  # one that never left goes by itself
    _lock = threading.RLock()

    def __init__(self, origin: int | None = 0) -> None:
        self.interrupt: BaseException | None = None
        self._origin = origin
        self._thread = threading.get_ident()
        self._told: list[Failure] = []

    def __enter__(self) -> Waiting:
        self._all.append(weakref.ref(self, self._all.remove))
        return self

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._all.remove(weakref.ref(self))
        told, self._told = self._told, []  # they may hold what holds us
        self.interrupt = None
        for failure in told:
            failure.drop()

    @classmethod
    def _calls(cls) -> list[Waiting]:
        """Those that wait, oldest first."""
        refs = cls._all[:]  # other threads come and go
        return [call for ref in refs if (call := ref()) is not None]

    def _may_wait(self, origin: int) -> bool:
        return self._origin == origin and (
            origin != 0 or self._thread == threading.get_ident()
        )

    @classmethod
    def tell(cls, origin: int, failure: Failure) -> None:
        """Tell all who may wait for this; report it if there is nobody."""
        with cls._lock:  # none of them leaves meanwhile
            calls = [call for call in cls._calls() if call._may_wait(origin)]
            failure.holders = len(calls)
            for call in calls:
                call._told.append(failure)
        if not calls:
            failure.report()

    @classmethod
    def interrupted(
        cls, error: BaseException, find: Callable[[], Node | None]
    ) -> bool:
        """Let an interrupt rise from the call that waits on this thread.

        Without one it is for the node that find returns; False: for nobody.
        """
        here = threading.get_ident()
        for call in reversed(cls._calls()):
            if call._thread == here:
                call.interrupt = error
                return True
        node = find()
        if node is not None:
            node._exit_with(error)
        return node is not None

    def check(self, status: int) -> None:
        """Raise why the call failed, or what has interrupted it."""
        if self.interrupt is not None:
            raise self.interrupt
        if status < 0:
            raise undone(status, errors.detail(), self._told)
