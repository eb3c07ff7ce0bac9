"""Nodes, and what is had from them: handles of daemons, and inboxes."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Callable

from lares import _callbacks, _exit
from lares._native import HandleBase, InboxBase, NodeBase, ffi, lib
from lares._values import (
    Rows,
    Wait,
    address,
    encode,
    milliseconds,
    options_new,
    rows_list,
    slices,
)
from lares.daemon import Daemon, Factory, Kind
from lares.errors import Closed, check, detail
from lares.key import Key, key_pointer

__all__ = ["Handle", "Inbox", "Node"]


class Node(NodeBase):
    """A host of daemons; with `with` it is started, and stopped at the end.

    name: str, lower-case letters, digits and '-', at most 63.
    lanes: int, worker threads, 0-256; None: the usable CPUs; 0: everything
        runs inside run(), or inside whichever call waits.
    options: letters_count (int), letters_bytes (int).

    A node that the program forgets is stopped. Raises InvalidArgument (ENAME,
    EOPTION, ERANGE), StorageError, OutOfMemory.
    """

    def __init__(
        self, name: str, *, lanes: int | None = None, **options: object
    ) -> None:
        out = ffi.new("lares_node **")
        made = options_new({"lanes": lanes, **options})
        check(lib.lares_node_new(encode(name), made, out))
        self._open(name, out[0])

    def _open(self, name: str, pointer: Any) -> None:
        self._own(address(pointer))
        self._node = pointer
        self.name: str = name
        self._kinds: dict[str, Kind] = {}
        self._registering = threading.RLock()
        self._exit: BaseException | None = None
        _exit.watch(self)

    @classmethod
    def _adopt(cls, name: str, pointer: Any) -> Node:
        node = cls.__new__(cls)
        node._open(name, pointer)
        return node

    # -- life ---------------------------------------------------------------

    @property
    def state(self) -> str:
        """NEW, READY, STOPPING or STOPPED."""
        return str(self.report("node")[0]["state"])

    def start(self) -> Node:
        """Start the node and return it; starting one that runs is fine.

        Raises Closed if it has been stopped, StorageError, OutOfMemory.
        """
        check(lib.lares_node_start(self._node))
        return self

    def stop(self, grace: Wait = 30.0) -> None:
        """Stop the node and wait until it has; inside a callback only ask.

        grace: seconds for what daemons had accepted; None: no deadline. A
        callback that does not return is abandoned 1 s after the deadline.
        """
        check(lib.lares_node_stop(self._node, milliseconds(grace)))
        for piece in slices(None):
            status = lib.lares_node_wait(self._node, piece)
            if status != lib.LARES_ETIMEDOUT:
                break
        if status != lib.LARES_EDEADLK:
            check(status)

    def close(self) -> None:
        """Stop the node at once: stop(0)."""
        self.stop(0)

    def wait(self, timeout: Wait = None) -> bool:
        """Wait until the node has stopped, and tell whether it has.

        timeout: seconds; 0 looks, None waits for ever. Ctrl-C ends the wait
        within 100 ms. If a daemon ended the program (SystemExit,
        KeyboardInterrupt), that rises here once the node has stopped. Raises
        WrongState if it was not started, Deadlock inside a callback.
        """
        return self._passive(lib.lares_node_wait, timeout)

    def run(self, timeout: Wait = None) -> bool:
        """Run a node without lanes on this thread; with lanes it is wait.

        timeout: seconds; 0 does all that is ready now, None runs until the
        node has stopped. Returns whether it has; raises like wait.
        """
        return self._passive(lib.lares_node_run, timeout)

    def _passive(self, call: Callable[[Any, int], int], timeout: Wait) -> bool:
        status = call(self._node, 0)  # most often this is all
        for piece in slices(timeout) if timeout != 0 else ():
            if status != lib.LARES_ETIMEDOUT:
                break
            status = call(self._node, piece)
        if status == lib.LARES_ETIMEDOUT:
            return False
        check(status)
        self._exit_raise()
        return True

    def _exit_with(self, error: BaseException) -> None:
        """A daemon wants the program to end: stop, and raise it later."""
        if self._exit is None:
            self._exit = error
        lib.lares_node_stop(self._node, _exit.GRACE_MS)

    def _exit_raise(self) -> None:
        error, self._exit = self._exit, None
        if error is not None:
            raise error

    def __enter__(self) -> Node:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop(5.0)
        self._exit_raise()

    # -- kinds and daemons ----------------------------------------------------

    def register(
        self, factory: Factory, kind: str | None = None, **options: object
    ) -> str:
        """Register a kind, a named recipe for daemons, and return its name.

        factory: a subclass of Daemon, or a function that returns a Daemon.
        kind: str; None: the class's own name for it.
        options: version (int), lane (str: kinds of one label share a thread;
            default "python", because they share the GIL).

        Raises InvalidArgument (ENAME, EOPTION, no process method), Exists,
        Closed, Full, TypeError.
        """
        recipe = Kind(self, factory, kind)
        version = recipe.cls.version if recipe.cls is not None else 0
        made = options_new({"lane": "python", "version": version, **options})
        name, user = encode(recipe.name), _callbacks.kind_add(recipe)
        ops, release = lib.lares_py_ops(), lib.lares_py_release()
        check(
            lib.lares_node_register(self._node, name, made, ops, user, release)
        )
        self._kinds[recipe.name] = recipe
        return recipe.name

    def unregister(self, kind: str) -> None:
        """Unregister a kind that has no daemon any more.

        Raises NotFound, WrongState (EBUSY: it has one).
        """
        check(lib.lares_node_unregister(self._node, encode(kind)))
        self._kinds.pop(kind, None)

    def load(self, path: str | os.PathLike[str], argument: str = "") -> None:
        """Load a plug-in, a shared object that registers kinds.

        path: a file; without a slash a short name: "lua" is lares-lua.so
            beside the library, then on the loader's path.
        argument: str, for the plug-in; a script file for "lua".

        Raises NotFound, Error (EABI), Closed, and what the plug-in answers.
        """
        file = encode(os.fspath(path))
        check(lib.lares_node_load(self._node, file, encode(argument)))

    def spawn(
        self,
        kind: str | type[Daemon],
        *,
        name: str | None = None,
        argument: str = "",
        subscribe: str | Iterable[str] = (),
        publish: str | None = None,
        identity: Key | None = None,
        **options: object,
    ) -> Handle:
        """Start a daemon of a kind and return a handle of it.

        kind: str, or a class, which is registered first if need be.
        name: str; None: the kind's. argument: str, at most 4 KiB, what two
            daemons of a kind differ in.
        subscribe: channel patterns. publish: the channel of its outputs.
        identity: Key; None: a fresh one.
        options: mailbox_count, mailbox_bytes, batch, horizon_count,
            restart_initial (ms), restart_max (ms), restart_attempts.

        Raises CallbackError if its constructor failed (__cause__ says why),
        NotFound (EKIND), Exists (the identity), InvalidArgument, WrongState
        (not started), Closed, Full.
        """
        if isinstance(kind, type):
            kind = self._register_once(kind)
        made = options_new(
            {
                "name": name,
                "argument": argument or None,
                "subscribe": subscribe or None,
                "publish": publish,
                **options,
            }
        )
        out = ffi.new("lares_daemon **")
        key = ffi.NULL if identity is None else key_pointer(identity)
        status = lib.lares_node_spawn(self._node, encode(kind), key, made, out)
        if status < 0:
            raise _callbacks.callback_error(status, detail(), *Kind.blame())
        return Handle(self, out[0])

    def _register_once(self, factory: type[Daemon]) -> str:
        with self._registering:  # threads that spawn one class at once
            known = self._kinds.get(getattr(factory, "kind", ""))
            if known is not None and known.factory is factory:
                return known.name
            return self.register(factory)

    def find(self, origin: int) -> Handle | None:
        """Return a handle of the daemon with this origin, or None."""
        out = ffi.new("lares_daemon **")
        status = lib.lares_node_find(self._node, origin, out)
        if status == lib.LARES_ENOTFOUND:
            return None
        check(status)
        return Handle(self, out[0])

    def __iter__(self) -> Iterator[Handle]:
        for row in self.report("daemons"):
            handle = self.find(int(row["origin"]))
            if handle is not None:
                yield handle

    def __len__(self) -> int:
        return len(self.report("daemons"))

    def __bool__(self) -> bool:
        return True  # also without daemons

    # -- events and facts ---------------------------------------------------

    publish = NodeBase.publish  # in C

    def subscribe(
        self, pattern: str, *, group: str | None = None, **options: object
    ) -> Inbox:
        """Subscribe the program itself to a pattern and return its inbox.

        pattern: str, a channel in which '*' is any one token and '>' at the
            end any number of them.
        group: str, a queue group: one member gets each event.
        options: mailbox_count, mailbox_bytes, mailbox_policy ("refuse": a
            full inbox holds publishers back; "evict": the oldest events go).

        Raises InvalidArgument (ENAME, EOPTION, ERANGE), WrongState (not
        started), Closed, Full.
        """
        out = ffi.new("lares_inbox **")
        made = options_new({"group": group, **options})
        check(lib.lares_node_subscribe(self._node, encode(pattern), made, out))
        return Inbox(pattern, out[0])

    def report(self, what: str) -> Rows:
        """Return a table of facts: a list of dict, one a row.

        what: "node", "daemons", "kinds", "lanes", "subscriptions", "letters"
            (dead letters) or "counters". Numbers and ids are int.

        It never waits for a daemon. Raises NotFound for another name.
        """
        out = ffi.new("lares_rows **")
        check(lib.lares_node_report(self._node, encode(what), out))
        return rows_list(ffi.gc(out[0], lib.lares_rows_free))

    def __repr__(self) -> str:
        try:
            return f"<Node {self.name} {self.state}>"
        except Exception:
            return "<Node>"


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
    def stats(self) -> dict[str, int | str]:
        """Its row of report("daemons"); Closed once it has ended."""
        node = self._node()
        rows = node.report("daemons") if node is not None else []
        for row in rows:
            if row["origin"] == self.origin:
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
        """RUNNING, BACKOFF, LOOPING, DRAINING or CLOSED."""
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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


class Inbox(InboxBase):
    """The program's own subscription: iterate it, or ask for the next event.

    `for event in inbox` waits, and ends when the node has stopped and all is
    read. With `with` it is closed at the end.
    """

    def __init__(self, pattern: str, pointer: Any) -> None:
        self._own(address(pointer))
        self._pattern = pattern

    next = InboxBase.next  # in C
    drain = InboxBase.drain
    close = InboxBase.close

    def __enter__(self) -> Inbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Inbox {getattr(self, '_pattern', '?')}>"
