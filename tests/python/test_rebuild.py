"""What is left of a failed turn: nothing, where a daemon can snapshot."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import sys

import lares
import pytest
from lares._waiting import Waiting
from lares.testing import World

SCALE = int(os.environ.get("LARES_SCALE", "1"))  # 10 in a deep run


# id: B01
def test_state_of_a_failed_turn_is_gone(lares_node, tally, until):
    inbox = lares_node.subscribe("counts")
    handle = lares_node.spawn(tally, subscribe="in", publish="counts")
    chain = lares.Chain(handle.origin)
    for data in (b"", b"bad", b""):
        lares_node.publish("in", data)
    for expected in (b"1", b"2"):
        event = inbox.next(5)
        chain.check(event)
        assert event.data == expected
    (letter,) = lares_node.letters
    assert letter.text.startswith("ValueError: bad line\n")
    assert handle.stats["rebuilds"] >= 3


def test_state_of_a_failed_deliver_is_gone(lares_node, tally):
    handle = lares_node.spawn(tally)
    for expected in (b"1", b"2", b"3"):
        with pytest.raises(lares.CallbackError, match="bad line"):
            handle.deliver(b"bad")
        assert handle.deliver(b"")[0].data == expected
    assert handle.stats["rebuilds"] == 3
    assert handle.stats["failures"] == 0


def test_object_that_cannot_snapshot_stays(lares_node, counter):
    class Fragile(counter):
        def process(self, event):
            self.n += 1
            if event.data == b"bad":
                raise ValueError("bad line")
            return str(self.n).encode()

    handle = lares_node.spawn(Fragile)
    with pytest.raises(lares.CallbackError):
        handle.deliver(b"bad")
    assert handle.deliver(b"")[0].data == b"2"


class Witness(lares.Daemon):
    """Writes down what is done to it."""

    seen: list[tuple[object, ...]] = []

    def __init__(self):
        self.seen.append(("init", self.argument, self.origin))

    def process(self, event):
        self.seen.append((event.data, event.replay))
        if event.data == b"bad":
            raise ValueError("bad line")
        return event.data

    def snapshot(self):
        self.seen.append(("snapshot",))
        return b"state"

    def restore(self, state):
        self.seen.append(("restore", state, self.argument, self.origin))

    def close(self):
        self.seen.append(("close",))


@pytest.fixture
def seen():
    Witness.seen.clear()
    return Witness.seen


def test_what_a_rebuild_does(lares_node, seen):
    inbox = lares_node.subscribe("out")
    handle = lares_node.spawn(Witness, argument="x", publish="out")
    init = ("init", "x", handle.origin)
    handle.deliver(b"one")
    with pytest.raises(lares.CallbackError):
        handle.deliver(b"bad")
    replay = [(b"one", True)]
    assert seen == [
        init,
        (b"one", False),
        (b"bad", False),
        ("close",),
        init,
        *replay,
    ]
    seen.clear()
    handle.snapshot()
    handle.deliver(b"two")
    with pytest.raises(lares.CallbackError):
        handle.deliver(b"bad")
    restore = ("restore", b"state", "x", handle.origin)
    assert seen == [
        ("snapshot",),
        (b"two", False),
        (b"bad", False),
        ("close",),
        init,
        restore,
        (b"two", True),
    ]
    handle.stop()
    assert seen[-1] == ("close",)
    assert [event.data for event in inbox.drain()] == [b"one", b"two"]


def test_restart(lares_node, seen, until):
    handle = lares_node.spawn(Witness)
    handle.deliver(b"one")
    seen.clear()
    handle.restart()
    until(lambda: (b"one", True) in seen)
    assert [step[0] for step in seen] == ["close", "init", b"one"]
    handle.stop()
    with pytest.raises(lares.Closed):
        handle.restart()


def test_event_kept_from_a_replay(lares_node):
    kept = []

    class Hoarder(Witness):
        def process(self, event):
            kept.append(event)
            return super().process(event)

    handle = lares_node.spawn(Hoarder)
    handle.deliver(b"one")
    with pytest.raises(lares.CallbackError):
        handle.deliver(b"bad")
    first, bad, again = kept
    assert (first, first.replay, again.replay) == (again, False, True)
    assert not bad.replay


def test_close_that_raises_in_a_rebuild(lares_node, caplog):
    class Closing(Witness):
        def close(self):
            raise SystemExit("too late")

    handle = lares_node.spawn(Closing)
    with pytest.raises(lares.CallbackError):
        handle.deliver(b"bad")
    assert handle.deliver(b"good")
    assert "close failed" in caplog.text
    handle.stop()
    caplog.clear()


# -- rebuilds that fail -------------------------------------------------------


class Faulty(lares.Daemon):
    """Counts; each of its hooks fails when its name stands in `faults`."""

    faults: list[str] = []
    error: BaseException = OSError("not now")

    def __init__(self):
        self.fault("init")
        self.n = 0

    def fault(self, where):
        if where in self.faults:
            self.faults.remove(where)
            raise self.error

    def process(self, event):
        self.n += 1
        self.fault("replay" if event.replay else "process")
        return str(self.n).encode()

    def snapshot(self):
        self.fault("snapshot")
        return str(self.n).encode()

    def restore(self, state):
        self.fault("restore")
        self.n = int(state)


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.setattr(Faulty, "faults", [])
    return Faulty.faults


# id: B03
@pytest.mark.parametrize("where", ["init", "restore", "replay"])
def test_rebuild_that_fails(faults, where, caplog):
    with World(1) as world:
        node = world.node("east")
        handle = node.spawn(Faulty)
        handle.deliver(b"")
        handle.snapshot()
        handle.deliver(b"")
        faults += ["process", where, where]
        with pytest.raises(lares.CallbackError) as caught:
            handle.deliver(b"")
        assert caught.value.__cause__ is Faulty.error
        world.run(1)
        assert faults == []
        assert handle.deliver(b"")[0].data == b"3"
        assert list(node.letters) == []
    assert caplog.records != []
    what = {"init": "create", "replay": "a turn"}.get(where, where)
    assert f"{what} failed" in caplog.text
    caplog.clear()


@pytest.mark.parametrize("where", ["init", "restore", "replay"])
def test_exit_in_a_rebuild_stops_the_node(faults, where, monkeypatch):
    monkeypatch.setattr(Faulty, "error", SystemExit(3))

    def program():
        with lares.Node("east") as node:
            handle = node.spawn(Faulty)
            handle.deliver(b"")
            handle.snapshot()
            handle.deliver(b"")
            faults.append(where)
            handle.restart()
            node.wait(5)

    with pytest.raises(SystemExit) as caught:
        program()
    assert caught.value.code == 3


# id: B05
def test_checkpoint_that_fails(faults, caplog):
    big = bytes(600_000)
    with World(1) as world:
        handle = world.node("east").spawn(Faulty)
        faults += ["snapshot"] * 2
        for _ in range(3):  # the tail is too long before the third
            handle.send(big)
        world.run(1)
        assert faults == []
        assert handle.stats["inputs"] == 3
        assert handle.deliver(b"")[0].data == b"4"
    assert "snapshot failed" in caplog.text
    caplog.clear()


def checkpoint_failing(node, faults):
    """Return a daemon whose next checkpoint fails; it comes by itself."""
    handle = node.spawn(Faulty)
    faults.append("snapshot")
    for _ in range(3):
        handle.send(bytes(600_000))
    return handle


def test_checkpoint_that_fails_while_an_image_is_awaited(faults, caplog):
    with World(1) as world:
        handle = checkpoint_failing(world.node("east"), faults)
        with Waiting(handle.origin):
            world.run(1)
            assert (faults, caplog.text) == ([], "")
    assert "snapshot failed" in caplog.text
    caplog.clear()


def test_exit_in_a_checkpoint_while_an_image_is_awaited(faults, monkeypatch):
    monkeypatch.setattr(Faulty, "error", SystemExit(3))

    def program():
        with lares.Node("east", lanes=0) as node:
            handle = checkpoint_failing(node, faults)
            with Waiting(handle.origin):
                node.run(0.05)
                assert (faults, node.state) == ([], "READY")
            node.run(5)

    with pytest.raises(SystemExit) as caught:
        program()
    assert caught.value.code == 3


def test_call_that_was_interrupted_hides_no_failure(faults, caplog):
    with World(1) as world:
        handle = checkpoint_failing(world.node("east"), faults)
        Waiting(handle.origin).__enter__()  # and was never left
        world.run(1)
    assert "snapshot failed" in caplog.text
    caplog.clear()


def test_failures_are_logged_once_a_second_across_rebuilds(
    lares_node, tally, caplog, until
):
    handle = lares_node.spawn(tally, subscribe="in")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            lares_node.publish("in", b"bad")
        until(lambda: handle.stats["crashes"] >= 3)
    assert len(caplog.records) == 1
    text = f"<tally {handle.origin:016x}>: a turn failed"
    assert caplog.records[0].getMessage() == text
    caplog.clear()


def test_failed_rebuilds_keep_nothing(lares_node):
    class Token:
        pass

    class Holder(lares.Daemon):
        def __init__(self):
            self.token = Token()
            tokens.append(sys.getrefcount(self.token))

        def process(self, event):
            raise ValueError("x")

        def snapshot(self):
            return b""

        def restore(self, state):
            pass

    tokens: list[int] = []
    handle = lares_node.spawn(Holder)
    for _ in range(5):
        with pytest.raises(lares.CallbackError):
            handle.deliver(b"")
    assert len(tokens) == 6
    handle.stop()
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, Token)]


# -- any mixture of failures --------------------------------------------------


class Book(lares.Daemon):
    """Adds up amounts by name, and tells the new sum; fails as it is told."""

    faults: set[str] = set()

    def __init__(self):
        self.fault("init")
        self.sums = {}

    def fault(self, where):
        if where in self.faults:
            self.faults.remove(where)
            raise OSError(f"{where} fails once")

    def process(self, event):
        if event.data == b"dump":
            yield from self.snapshot()
            return
        name, amount, *how = event.text.split()
        self.sums[name] = self.sums.get(name, 0) + int(amount)
        self.emit(name.encode(), "names")
        for failure in how:
            yield b"doomed"
            yield from getattr(self, failure)()
        yield f"{name} {self.sums[name]}".encode()

    def raising(self):
        raise ValueError("told to")

    def rubbish(self):
        yield "text"

    def flooding(self):
        while True:
            yield b""

    def clearing(self):
        self.sums.clear()
        yield self.sums["gone"]

    def snapshot(self):
        self.fault("snapshot")
        for name, total in sorted(self.sums.items()):
            yield f"{name} {total}\n".encode()

    def restore(self, state):
        self.fault("restore")
        lines = (line.split() for line in state.decode().splitlines())
        self.sums = {name: int(total) for name, total in lines}


FAILURES = "raising", "rubbish", "flooding", "clearing"


def make_steps(rng):
    """Make up steps: (verb, text). An entry of three words will fail."""
    for _ in range(60):
        entry = f"{rng.choice('abc')} {rng.randrange(100)}"
        if rng.random() < 0.4:
            entry += f" {rng.choice(FAILURES)}"
        yield rng.choice(("deliver", "publish")), entry
        if rng.random() < 0.2:
            yield "fault", rng.choice(("init", "restore", "snapshot"))
        if rng.random() < 0.15:
            yield rng.choice(("snapshot", "restart")), ""


def fails(step):
    return len(step[1].split()) == 3


def take(node, handle, step):
    """Take one step, which may fail if it is to."""
    verb, text = step
    if verb == "fault":
        Book.faults.add(text)
    elif verb == "publish":
        node.publish("in", text.encode())
    elif verb == "restart":
        handle.restart()
    elif verb == "snapshot":
        broken = "snapshot" in Book.faults
        with contextlib.suppress(*[lares.CallbackError] * broken):
            handle.snapshot()
    else:
        with contextlib.suppress(*[lares.CallbackError] * fails(step)):
            handle.deliver(text.encode())


def play(steps):
    """Take all steps in a world, and tell what came out of the daemon."""
    Book.faults.clear()
    with World(1) as world:
        node = world.node("east")
        inbox = node.subscribe(">")
        key = lares.Key(bytes(32))
        handle = node.spawn(Book, identity=key, subscribe="in", publish="out")
        for step in steps:
            take(node, handle, step)
            world.run(60)
        Book.faults.clear()
        handle.deliver(b"dump")
        events = [e for e in inbox.drain() if e.origin == key.origin]
        return events, len(node.letters), handle.stats


@pytest.mark.parametrize("seed", range(10 * SCALE))
def test_as_if_the_failing_turns_had_never_been(seed, caplog):
    steps = list(make_steps(random.Random(seed)))
    entries = [step for step in steps if step[0] in ("deliver", "publish")]
    events, letters, stats = play(steps)
    honest, none, _ = play([step for step in entries if not fails(step)])
    caplog.clear()
    assert events == honest
    assert (stats["diverged"], none) == (0, 0)
    poison = [step for step in entries if step[0] == "publish" and fails(step)]
    assert letters == len(poison)
    assert stats["rebuilds"] > 0
    chain = lares.Chain(events[0].origin)
    for event in events:
        chain.check(event)
