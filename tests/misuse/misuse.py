"""The misuse matrix in Python: a callback does what it must not, and nobody
else is harmed. tests/python/test_misuse.py plays each cell by a process.

    misuse.py --list       names, and what is expected
    misuse.py NAME         plays that cell
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import lares

PINGS = 100  # at least, while a cell is played
LATE = 0.05  # seconds at the 99th percentile, on a machine with time to spare

Act = Callable[[Any, lares.Event], object]


# -- the neighbour ------------------------------------------------------------


class Neighbour(lares.Daemon):
    """One that does no wrong, on a lane of its own."""

    def process(self, event):
        return event.data


class Pinger(threading.Thread):
    """Asks the neighbour all the time, and notes how long it takes."""

    def __init__(self, node):
        super().__init__()
        self.inbox = node.subscribe("pong")
        self.handle = node.spawn("neighbour", publish="pong")
        self.took = []
        self.overslept = 0.0  # at worst, where the machine had other to do
        self.over = False
        self.error = None

    def run(self):
        try:
            while len(self.took) < PINGS or not self.over:
                self.ping()
        except lares.Closed:
            pass  # its node was stopped
        except BaseException as error:
            self.error = error

    def ping(self):
        begun = time.monotonic()
        self.handle.send(b"x", 5)
        self.inbox.next(5)
        asked = time.monotonic()
        self.took.append(asked - begun)
        time.sleep(0.001)
        self.overslept = max(self.overslept, time.monotonic() - asked)

    def judge(self):
        """A nap says how late the machine, and the GIL, are by themselves."""
        self.over = True
        self.join()
        assert self.error is None, self.error
        if self.took:
            late = sorted(self.took)[(len(self.took) - 1) * 99 // 100]
            assert late < LATE + 4 * self.overslept, late


# -- the subject --------------------------------------------------------------


class Subject(lares.Daemon):
    """Counts, and does what a cell says when the input is b"bad", after it
    has counted."""

    act: Act
    acted = 0
    broken: dict[str, int] = {}  # how often a method fails

    def __init__(self):
        self.fail("init")
        self.n = 0

    def fail(self, method):
        left = self.broken.get(method, 0)
        self.broken[method] = max(left - 1, 0)
        if left > 0:
            raise ValueError(f"no {method}")

    def process(self, event):
        self.n += 1
        self.emit(str(self.n).encode())
        if event.data != b"bad" or event.replay:
            return None
        Subject.acted += 1
        return Subject.act(self, event)

    def snapshot(self):
        self.fail("snapshot")
        return self.n.to_bytes(8, "little")

    def restore(self, state):
        self.fail("restore")
        self.n = int.from_bytes(state, "little")


class Stage:
    """A node with the two, and what the library logs."""

    def __init__(self, act):
        Subject.act = staticmethod(act)
        self.logged = []
        handler = logging.Handler()
        handler.emit = self.logged.append
        logging.getLogger("lares").addHandler(handler)
        self.node = lares.Node("east", lanes=2).start()
        self.node.register(Neighbour, lane="neighbour")
        self.out = self.node.subscribe("out")
        self.subject = self.node.spawn(Subject, publish="out")
        self.pinger = Pinger(self.node)
        self.pinger.start()

    def close(self):
        self.pinger.judge()
        self.node.stop(5)

    def turn(self, data, *outputs):
        self.subject.deliver(data)
        self.comes(*outputs)

    def comes(self, *outputs):
        assert [self.out.next(8).data for _ in outputs] == [*outputs]

    def errors(self):
        return [record.exc_info[1] for record in self.logged]


def raised(call, *arguments):
    """Return what a call raises."""
    try:
        call(*arguments)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def until(so):
    end = time.monotonic() + 8
    while not so():
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.001)


# -- the matrix ---------------------------------------------------------------

CELLS: dict[str, tuple[str, Callable[[], None]]] = {}


def cell(row, expected):
    """Decorate the function that plays a cell."""

    def add(fn):
        CELLS[f"{row}/python"] = expected, fn
        return fn

    return add


def dropped(row, text, act):
    """Add a cell whose bad turns leave nothing behind: neither for who
    delivered it, nor after three attempts from the mailbox."""

    @cell(row, "turn dropped, a letter at the third attempt, its text kept")
    def play():
        stage = Stage(act)
        stage.turn(b"a", b"1")
        error = raised(stage.subject.deliver, b"bad")
        assert isinstance(error, lares.CallbackError), error
        assert text in error.text, error.text
        assert stage.out.drain() == []
        stage.turn(b"b", b"2")
        stage.subject.send(b"bad")
        stage.subject.send(b"c")
        stage.comes(b"3")
        assert Subject.acted == 1 + 3
        (letter,) = stage.node.letters
        assert text in letter.text
        stats = stage.subject.stats
        assert (stats["sequence"], stats["diverged"]) == (3, 0)
        stage.close()


def raise_it(error):
    def act(self, event):
        raise error

    return act


def raise_amid(self, event):
    yield b"one"
    yield b"two"
    raise LookupError("amid")


def emit_then(answer):
    def act(self, event):
        self.emit(answer)

    return act


dropped("raises amid its outputs", "LookupError: amid", raise_amid)
dropped("answers 0", "returned int", lambda self, event: 0)
dropped("answers a str", "returned str", lambda self, event: "text")
dropped(
    "answers a list with a str",
    "an iterable with str",
    lambda self, event: [b"a", "b"],
)
dropped("answers itself", "returned Subject", lambda self, event: self)
dropped("emits a str", "TypeError", emit_then("text"))
dropped(
    "answers 1 GiB",
    "1073741824 bytes",
    lambda self, event: bytes(1 << 30),  # nobody touches its pages
)
dropped("emits 1 GiB", "1073741824 bytes", emit_then(bytes(1 << 30)))
dropped(
    "answers 10^6 outputs",
    "1024 outputs",
    lambda self, event: (b"x" for _ in range(10**6)),
)


@cell("raises", "turn dropped, a letter, the very exception kept")
def raises():
    error = ValueError("naïve")
    stage = Stage(raise_it(error))
    assert raised(stage.subject.deliver, b"bad").__cause__ is error
    stage.subject.send(b"bad")
    stage.subject.send(b"b")
    stage.comes(b"1")
    assert set(stage.errors()) == {error}
    (letter,) = stage.node.letters
    assert letter.text.startswith("ValueError: naïve\n")
    stage.close()


def ends_the_program(row, error):
    @cell(f"{row}, delivered", "rises from deliver as it is")
    def delivered():
        stage = Stage(raise_it(error))
        assert raised(stage.subject.deliver, b"bad") is error
        stage.turn(b"b", b"1")
        stage.close()

    @cell(f"{row} on a lane", "the node stops, and it rises from wait")
    def on_a_lane():
        stage = Stage(raise_it(error))
        stage.subject.send(b"bad")
        assert raised(stage.node.wait) is error
        assert stage.node.state == "STOPPED"
        stage.close()


ends_the_program("raises SystemExit", SystemExit(3))
ends_the_program("raises KeyboardInterrupt", KeyboardInterrupt())


@cell("sends to itself", "queued")
def sends_to_itself():
    stage = Stage(lambda self, event: self.handle.send(b"again"))
    stage.turn(b"bad", b"1", b"2")
    stage.close()


@cell("delivers to itself, to others", "Deadlock, an exception")
def delivers():
    def act(self, event):
        for handle in (self.handle, stage.pinger.handle):
            codes.append(raised(handle.deliver, b"x").code)

    codes = []
    stage = Stage(act)
    stage.turn(b"bad", b"1")
    assert codes == ["EDEADLK", "EDEADLK"]
    stage.close()


@cell("stops itself", "its turn commits, then it ends")
def stops_itself():
    stage = Stage(lambda self, event: self.handle.stop())
    stage.turn(b"bad", b"1")
    stage.subject.stop()
    assert isinstance(raised(stage.subject.send, b"x"), lares.Closed)
    stage.close()


@cell("stops a sibling being listed", "the sibling ends, it goes on")
def stops_a_sibling():
    def act(self, event):
        for handle in stage.node:
            if handle.stats["name"] == "sibling":
                handle.stop(0)

    stage = Stage(act)
    stage.node.spawn("neighbour", name="sibling")
    stage.turn(b"bad", b"1")
    until(lambda: len(stage.node) == 2)
    stage.turn(b"b", b"2")
    stage.close()


@cell("stops its node", "the node ends after its turn")
def stops_its_node():
    stage = Stage(lambda self, event: stage.node.stop(0))
    stage.turn(b"bad", b"1")
    assert stage.node.wait(8)
    stage.close()


@cell("a handler registers another", "the next pass sees it")
def handler_registers():
    def handler():
        if len(registry) == 1:
            registry.register(lambda: 99)
        return 7

    registry = lares.Recovery()
    stage = Stage(None)
    registry.register(handler)
    assert registry.run() == [7]
    assert registry.run() == [7, 99]
    stage.close()


@cell("a handler removes itself", "what it reported counts, it is gone")
def handler_removes_itself():
    def handler():
        assert registry.remove(handler)
        return 7

    registry = lares.Recovery()
    stage = Stage(None)
    registry.register(handler)
    assert (registry.run(), registry.run(), len(registry)) == ([7], [], 0)
    stage.close()


def handler_raises(row, error):
    @cell(row, "evicted, and why stands in the report")
    def play():
        def handler():
            raise error

        stage = Stage(None)
        registry = lares.Recovery()
        registry.register(handler)
        registry.register(lambda: 1)
        assert registry.run() == [1]
        text = str(registry.report()[-1]["text"])
        assert text.startswith(type(error).__name__)
        stage.close()


handler_raises("a handler raises", ValueError("no"))
handler_raises("a handler raises SystemExit", SystemExit(3))


@cell("a handler runs a pass", "nothing more is run")
def handler_runs_a_pass():
    registry = lares.Recovery()
    stage = Stage(None)
    registry.register(lambda: [7, *registry.run()])
    assert registry.run() == [7]
    stage.close()


@cell("a handler stops its node", "the node ends after its pass")
def handler_stops_its_node():
    stage = Stage(None)
    stage.node.recovery.register(lambda: stage.node.stop(0))
    assert stage.node.wait(8)
    stage.close()


@cell("forks and goes on", "every call is refused in the child")
def forks():
    def act(self, event):
        child = os.fork()
        if child == 0:
            calls = (stage.subject.deliver, stage.subject.send)
            closed = [raised(call, b"x").code for call in calls]
            closed.append(raised(lares.Node, "west").code)
            os._exit(closed != ["EFORKED"] * 3)
        statuses.append(os.waitpid(child, 0)[1])

    statuses = []
    warnings.simplefilter("ignore")  # a fork beside threads is the point
    stage = Stage(act)
    stage.turn(b"bad", b"1")
    stage.turn(b"b", b"2")
    assert statuses == [0]
    stage.close()


@cell("keeps the event and the daemon", "the event is whole; emit raises")
def keeps_the_event():
    def act(self, event):
        kept.extend((self, event))

    kept = []
    stage = Stage(act)
    stage.turn(b"bad", b"1")
    stage.turn(b"b", b"2")
    daemon, event = kept
    assert (event.data, event.arrival) == (b"bad", 1)
    assert raised(daemon.emit, b"ghost").code == "EPHASE"
    stage.close()


@cell("fails in snapshot", "ESNAPSHOT; the daemon is as it was")
def snapshot_fails():
    stage = Stage(None)
    stage.turn(b"a", b"1")
    Subject.broken["snapshot"] = 1
    error = raised(stage.subject.snapshot)
    assert (error.code, str(error.__cause__)) == ("ESNAPSHOT", "no snapshot")
    stage.turn(b"b", b"2")
    assert stage.subject.snapshot()
    stage.close()


@cell("fails in restore", "ERESTORE; no zombie, identity free")
def restore_fails():
    stage = Stage(None)
    stage.turn(b"a", b"1")
    image, key = stage.subject.snapshot(), stage.subject.identity
    stage.subject.stop()
    Subject.broken["restore"] = 1
    error = raised(lambda: stage.node.restore(image, identity=key))
    assert (error.code, str(error.__cause__)) == ("ERESTORE", "no restore")
    assert len(stage.node) == 1
    stage.subject = stage.node.restore(image, identity=key)
    stage.turn(b"b", b"2")
    stage.close()


@cell("fails in its constructor", "no zombie, identity free")
def constructor_fails():
    stage = Stage(None)
    key = lares.Key()
    Subject.broken["init"] = 1
    error = raised(lambda: stage.node.spawn("subject", identity=key))
    assert (error.code, str(error.__cause__)) == ("ECALLBACK", "no init")
    assert len(stage.node) == 2
    assert stage.node.spawn("subject", identity=key).origin == key.origin
    stage.close()


def fails_rebuilt(row, method):
    @cell(f"{row}, rebuilt", "tried again; state kept")
    def play():
        stage = Stage(raise_it(ValueError("boom")))
        stage.turn(b"a", b"1")
        stage.subject.snapshot()
        Subject.broken[method] = 2
        raised(stage.subject.deliver, b"bad")
        assert f"no {method}" in stage.subject.stats["error"]
        stage.subject.send(b"b")
        stage.comes(b"2")
        assert stage.subject.stats["rebuilds"] == 1
        stage.close()


fails_rebuilt("fails in restore", "restore")
fails_rebuilt("fails in its constructor", "init")


def main(name: str) -> int:
    """Play a cell, or list them all."""
    if name == "--list":
        for row, (expected, _) in CELLS.items():
            print(f"{row}: {expected}")
        return 0
    CELLS[name][1]()
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
