"""Nodes, where daemons live, and inboxes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Callable

from lares import _callbacks, _exit
from lares._native import InboxBase, NodeBase, ffi, lib
from lares._values import (
    Data,
    Rows,
    Wait,
    address,
    encode,
    image_bytes,
    milliseconds,
    options_new,
    rows_list,
    slices,
    table,
    view,
)
from lares._waiting import Waiting
from lares.daemon import Daemon, Factory, Kind
from lares.errors import InvalidArgument, check
from lares.handle import Handle
from lares.key import Key, key_pointer
from lares.letter import Letters
from lares.recovery import Recovery

__all__ = ["Inbox", "Node"]


class Node(NodeBase):
    """A host of daemons; with `with` it is started, and stopped at the end.

    name: str, lower-case letters, digits and '-', at most 63.
    lanes: int, worker threads, 0-256; None: the usable CPUs; 0: everything
        runs inside run(), or inside whichever call waits.
    options: tick_interval (ms), letters_count (int), letters_bytes (int),
        admin (True, or the path of a socket: what the program `lares` speaks
        to).

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
        self._recovery: Recovery | None = None
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

    def __exit__(self, *raised: object) -> None:
        self.stop(5.0)
        self._exit_raise()

    # -- kinds and daemons ----------------------------------------------------

    def register(
        self,
        factory: Factory,
        kind: str | None = None,
        *,
        version: int | None = None,
        stateful: bool = False,
        **options: object,
    ) -> str:
        """Register a kind, a named recipe for daemons, and return its name.

        factory: a subclass of Daemon, or a function that returns a Daemon.
        kind: str; None: the class's own name for it.
        version: int, of the state; None: as the class says, or 0.
        stateful: what the function returns can snapshot. Of a class that is
            plain to see.
        options: lane (str: kinds of one label share a thread; default
            "python", because they share the GIL).

        Raises InvalidArgument (ENAME, EOPTION, no process method, one of
        snapshot and restore without the other), Exists, Closed, Full,
        TypeError.
        """
        recipe = Kind(self, factory, kind, version, stateful)
        made = options_new(
            {"lane": "python", "version": recipe.version, **options}
        )
        name, user = encode(recipe.name), _callbacks.kind_add(recipe)
        ops = lib.lares_py_ops(recipe.stateful)
        release = lib.lares_py_release()
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
            restart_initial (ms), restart_max (ms), restart_attempts,
            snapshot_max (bytes of an image).

        Raises CallbackError if its constructor failed (__cause__ says why),
        NotFound (EKIND), Exists (the identity), InvalidArgument, WrongState
        (not started; ESTALE: the identity has lived here, restore its image),
        Closed, Full.
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
        with Waiting() as waiting:
            waiting.check(
                lib.lares_node_spawn(self._node, encode(kind), key, made, out)
            )
        return Handle(self, out[0])

    def _register_once(self, factory: type[Daemon]) -> str:
        with self._registering:  # threads that spawn one class at once
            known = self._kinds.get(getattr(factory, "kind", ""))
            if known is not None and known.factory is factory:
                return known.name
            return self.register(factory)

    def restore(
        self,
        image: Data | str | os.PathLike[str],
        *,
        identity: Key | None = None,
        **options: object,
    ) -> Handle:
        """Start the daemon of an image: what it was, it is again.

        image: bytes, bytearray or memoryview, from Handle.snapshot; or the
            path of a file with them. Its kind must be registered.
        identity: Key; None: its secret is alive in this process.
        options: as of spawn; they replace those of the image, which alone
            holds the channels.

        Raises CallbackError if its constructor or restore failed (__cause__
        says why), FormatError (also ESTATELESS, EMISSING), IdentityError,
        NotFound (EKIND), Exists (the identity lives here), WrongState (not
        started; ESTALE: it was activated after the image was taken),
        InvalidArgument, Closed, Full, OSError for a path.
        """
        data = view(image_bytes(image))
        for name in ("subscribe", "publish"):
            if options.get(name) is not None:
                text = f"{name}: the image holds the channels"
                raise InvalidArgument(lib.LARES_EOPTION, text)
        made = options_new(options)
        out = ffi.new("lares_daemon **")
        key = ffi.NULL if identity is None else key_pointer(identity)
        with Waiting() as waiting:
            waiting.check(
                lib.lares_node_restore(
                    self._node, data, len(data), key, made, out
                )
            )
        return Handle(self, out[0])

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
            (dead letters), "recovery", "records" (what became of daemons) or
            "counters". Numbers and ids are int.

        It never waits for a daemon. Raises NotFound for another name.
        """
        out = table()
        check(lib.lares_node_report(self._node, encode(what), out))
        return rows_list(out)

    @property
    def letters(self) -> Letters:
        """The dead letters: iterable of Letter, and their number by len."""
        return Letters(self)

    @property
    def recovery(self) -> Recovery:
        """The registry of recovery handlers, which each tick runs."""
        with self._registering:
            if self._recovery is None:
                self._recovery = Recovery._of(self)
            return self._recovery

    def __repr__(self) -> str:
        try:
            return f"<Node {self.name} {self.state}>"
        except Exception:
            return "<Node>"


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

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Inbox {getattr(self, '_pattern', '?')}>"
