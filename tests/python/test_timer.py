"""Daemon.after and Daemon.cancel, in virtual time."""

from __future__ import annotations

import lares
import pytest


class Clock(lares.Daemon):
    """Does what its events say, and emits what its timers bring."""

    def process(self, event):
        if event.origin == 0:
            return b"%d:%s" % (event.sequence, event.data)
        return eval(event.text, {"self": self})


@pytest.fixture
def clock(lares_world):
    """Make a Clock: how to tell it things, and how time passes."""
    node = lares_world.node("east")
    inbox = node.subscribe("out")
    handle = node.spawn(Clock, publish="out")

    def after(seconds):
        lares_world.run(seconds)
        return [event.data for event in inbox.drain()]

    handle.after = after
    handle.node = node
    return handle


def test_once(clock):
    clock.deliver(b"b'%d' % self.after(1.5, b'tick')")
    assert clock.after(1.499) == [b"1"]
    assert clock.after(0.002) == [b"1:tick"]
    assert clock.after(3600) == []


def test_every(clock):
    clock.deliver(b"self.after(1, every=0.5) and None")
    assert clock.after(0.999) == []
    assert clock.after(1.002) == [b"1:"] * 3
    clock.deliver(b"self.cancel(1)")
    assert clock.after(10) == []


def test_cancel(clock):
    clock.deliver(b"[b'%d' % self.after(1), b'%d' % self.after(0)][:0]")
    clock.deliver(b"[self.cancel(n) for n in (1, 1, 77)][:0]")
    assert clock.after(2) == [b"2:"]


def test_fields_of_a_firing(lares_world):
    events = []

    class Once(lares.Daemon):
        def __init__(self):
            assert self.after(0.25, bytearray(b"x")) == 1

        def process(self, event):
            events.append(event)

    lares_world.node("east").spawn(Once)
    lares_world.run(1)
    (event,) = events
    assert (event.origin, event.sequence, event.data) == (0, 1, b"x")
    assert (event.channel, event.replay) == (None, False)
    assert event.arrival > 0


def test_failing_turn_starts_none(clock):
    with pytest.raises(lares.CallbackError):
        clock.deliver(b"self.after(1) / 0")
    with pytest.raises(lares.CallbackError):
        clock.deliver(b"[self.after(1), b''][:1]")
    assert clock.after(5) == []
    clock.deliver(b"b'%d' % self.after(1)")
    assert clock.after(0) == [b"1"]


def test_firing_that_fails_is_logged(lares_world, caplog):
    class Late(lares.Daemon):
        def process(self, event):
            if event.origin == 0:
                raise ValueError("late")
            self.after(1)

    handle = lares_world.node("east").spawn(Late)
    handle.deliver(b"")
    lares_world.run(0.5)
    assert caplog.text == ""
    lares_world.run(60)
    assert "ValueError: late" in caplog.text
    assert handle.deliver(b"") == []
    caplog.clear()


@pytest.mark.parametrize(
    ("call", "error", "code"),
    [
        ("self.after(-1)", lares.InvalidArgument, "ERANGE"),
        ("self.after(float('nan'))", lares.InvalidArgument, "ERANGE"),
        ("self.after(1, every=0)", lares.InvalidArgument, "ERANGE"),
        ("self.after(1, every=-1)", lares.InvalidArgument, "ERANGE"),
        ("self.after(1, bytes(4097))", lares.InvalidArgument, "ETOOBIG"),
        ("[self.after(9) for _ in range(1025)]", lares.Full, "ELIMIT"),
        ("self.after(None)", TypeError, None),
        ("self.after('soon')", TypeError, None),
        ("self.after(1, 'text')", TypeError, None),
        ("self.after()", TypeError, None),
        ("self.after(1, b'', 1, 1)", TypeError, None),
        ("self.cancel('one')", TypeError, None),
        ("self.cancel(-1)", OverflowError, None),
        ("self.cancel()", TypeError, None),
    ],
)
def test_refusals(clock, call, error, code):
    with pytest.raises(lares.CallbackError) as caught:
        clock.deliver(call.encode())
    assert type(caught.value.__cause__) is error
    assert getattr(caught.value.__cause__, "code", None) == code


def test_elsewhere(lares_node, echo):
    made = []

    class Hasty(echo):
        def __init__(self):
            made.append(self)
            with pytest.raises(lares.WrongState):
                self.cancel(1)

    lares_node.spawn(Hasty)
    for call in (lambda: made[0].after(1), lambda: made[0].cancel(1)):
        with pytest.raises(lares.WrongState) as caught:
            call()
        assert caught.value.code == "EPHASE"
    with pytest.raises(lares.WrongState):
        echo().after(1)


# id: BT02
def test_timers_travel_with_the_image(clock, lares_world):
    clock.deliver(b"self.after(1.5, b'tick') and None")
    lares_world.run(0.5)
    image, key = clock.snapshot(), clock.identity
    clock.stop()
    west = lares_world.node("west")
    inbox = west.subscribe("out")
    west.register(Clock)
    lares_world.run(10)
    west.restore(image, identity=key)
    lares_world.run(0.998)
    assert inbox.drain() == []
    lares_world.run(0.004)
    assert [event.data for event in inbox.drain()] == [b"1:tick"]


def test_rebuild_starts_no_timer_twice(lares_world):
    class Patient(lares.Daemon):
        def __init__(self):
            self.after(1, b"born")

        def process(self, event):
            if event.data == b"bad":
                raise ValueError("bad line")
            if event.origin != 0:
                return b"%d" % self.after(2, event.data)
            return event.data

        def snapshot(self):
            return b""

        def restore(self, state):
            pass

    node = lares_world.node("east")
    inbox = node.subscribe("out")
    handle = node.spawn(Patient, publish="out")
    handle.deliver(b"one")
    with pytest.raises(lares.CallbackError):
        handle.deliver(b"bad")
    handle.deliver(b"two")
    lares_world.run(60)
    got = [event.data for event in inbox.drain()]
    assert got == [b"2", b"3", b"born", b"one", b"two"]
    assert handle.stats["diverged"] == 0
