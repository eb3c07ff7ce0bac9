"""Handles: daemons, seen from outside."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Callable

from lares._native import HandleBase, ffi, lib
from lares._values import Wait, address, block, copied, encode, milliseconds
from lares._waiting import Waiting
from lares.errors import Closed, check
from lares.key import Key

if TYPE_CHECKING:
    from lares.node import Node

__all__ = ["Handle"]


class Handle(HandleBase):
    """A daemon, seen from outside: a ticket that does not keep it alive.

    With `with` the daemon is stopped at the end. Handles of one daemon are
    equal. It does not keep the node alive either.
    """

    def __init__(self, node: Node, pointer: Any) -> None:
        self._own(address(pointer))
        self._daemon = pointer
        self._node: Callable[[], Node | None] = weakref.ref(node)

    deliver = HandleBase.deliver  # in C
    send = HandleBase.send

    @property
    def identity(self) -> Key:
        """Its Key, also after it has ended."""
        out = ffi.new("lares_key **")
        check(lib.lares_daemon_key(self._daemon, out))
        return Key._adopt(out[0])

    @property
    def epoch(self) -> int:
        """Which life of its identity it is, from 1; it grows with a restore."""
        return int(lib.lares_daemon_epoch(self._daemon))

    @property
    def stats(self) -> dict[str, int | str]:
        """Its row of report("daemons"); Closed once it has ended."""
        node = self._node()
        rows = node.report("daemons") if node is not None else []
        for row in rows:
            if (row["origin"], row["epoch"]) == (self.origin, self.epoch):
                return row
        raise Closed(lib.LARES_ECLOSED, f"daemon {self.origin:016x}")

    @property
    def name(self) -> str:
        """The spawn option, by default its kind."""
        return str(self.stats["name"])

    @property
    def kind(self) -> str:
        """The name of its recipe."""
        return str(self.stats["kind"])

    @property
    def state(self) -> str:
        """STARTING, RUNNING, BACKOFF, LOOPING, DRAINING or CLOSED."""
        try:
            return str(self.stats["state"])
        except Closed:
            return "CLOSED"

    def subscribe(self, pattern: str, group: str | None = None) -> None:
        """Subscribe the daemon to a pattern, in a queue group if one is given.

        A subscription that stands already is fine. Raises InvalidArgument
        (ENAME), Full (256 subscriptions), Closed.
        """
        token = ffi.NULL if group is None else encode(group)
        check(lib.lares_daemon_subscribe(self._daemon, encode(pattern), token))

    def unsubscribe(self, pattern: str, group: str | None = None) -> None:
        """Withdraw a subscription; one that does not stand is fine.

        Raises InvalidArgument (ENAME), Closed.
        """
        token = ffi.NULL if group is None else encode(group)
        check(
            lib.lares_daemon_unsubscribe(self._daemon, encode(pattern), token)
        )

    def snapshot(self, timeout: Wait = 30.0) -> bytes:
        """Take a signed image of the daemon: all that Node.restore needs.

        timeout: seconds until no turn is under way. A kind that cannot
        snapshot has an image without a state.

        Raises CallbackError (ESNAPSHOT) if its snapshot method failed, which
        changed nothing (__cause__ says why), Timeout, Deadlock inside a
        callback, InvalidArgument (ETOOBIG), IdentityError (EKEY), WrongState
        (EDOWN: waiting to be restarted), Closed.
        """
        return self._image(lib.lares_daemon_snapshot, timeout)

    def retire(self, grace: Wait = 30.0) -> bytes:
        """Stop the daemon and return its last image: so it is handed over.

        grace: seconds for its queued inputs; None: no deadline; what is left
        becomes dead letters. What was done within it is in the image, so
        nothing comes between it and the end.

        Raises what snapshot and stop raise, and WrongState (EBUSY: it is being
        retired already; EDOWN: it could not be rebuilt, or its puller has not
        saved it in time). After CallbackError,
        ETOOBIG and EDOWN the daemon has ended all the same, and after Timeout
        it ends when its callback returns.
        """
        return self._image(lib.lares_daemon_retire, grace)

    def _image(self, take: Callable[[Any, int, Any], int], wait: Wait) -> bytes:
        out, ms = block(), milliseconds(wait)
        with Waiting(self.origin) as waiting:
            waiting.check(take(self._daemon, ms, out))
        return copied(out)

    def restart(self) -> None:
        """Restart the daemon: forget its failures, and try again at once.

        One that can snapshot is made anew; another keeps its object. It only
        asks, and the turn under way ends first. Raises Closed.
        """
        check(lib.lares_daemon_restart(self._daemon))

    def stop(self, grace: Wait = 30.0) -> None:
        """Stop the daemon and wait until it has closed.

        grace: seconds for its queued inputs; None: no deadline; what is left
        becomes dead letters. Inside a callback it only asks, and the turn
        commits first. Raises Timeout if a callback has not returned 1 s after
        the deadline.
        """
        check(lib.lares_daemon_stop(self._daemon, milliseconds(grace)))

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop(5.0)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Handle):
            return NotImplemented
        return self.origin == other.origin

    def __hash__(self) -> int:
        return hash(self.origin)

    def __repr__(self) -> str:
        try:
            row = self.stats
        except Exception:
            row = {"name": "daemon", "state": "CLOSED"}
        return f"<Handle {row['name']} {self.origin:016x} {row['state']}>"
