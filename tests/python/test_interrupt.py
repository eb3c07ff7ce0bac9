"""Ctrl-C, wherever it comes: it rises in the program, once.

It is handled where Python runs next on the main thread, so it may come as a
callback is entered, before the first line of it.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
import weakref

import lares
import pytest


@pytest.fixture
def interrupt_after(interruptible):
    """Return what lets Ctrl-C come as a thing goes, before Python runs on."""
    trip = ctypes.PYFUNCTYPE(None, ctypes.py_object)(
        ("PyErr_SetInterrupt", ctypes.pythonapi)
    )
    refs = []
    return lambda thing: refs.append(weakref.ref(thing, trip))


def argument(name):
    """Return an argument of the callback that runs; nobody else holds it."""
    frame = sys._getframe()
    while not frame.f_code.co_name.startswith("on_"):
        frame = frame.f_back
    return frame.f_locals[name]


class Restored(lares.Daemon):
    def process(self, event):
        raise ValueError("a failing turn")

    def snapshot(self):
        return b""

    def restore(self, state):
        pass


@pytest.fixture(autouse=True)
def failures(caplog):
    yield
    caplog.clear()


def test_before_a_handler(interrupt_after, caplog):
    registry, armed = lares.Recovery(), [True]
    registry.register(
        lambda: interrupt_after(argument("call")) if armed else None
    )
    registry.register(lambda: 1)
    registry.register(lambda: 2)
    with pytest.raises(KeyboardInterrupt):
        registry.run()
    assert "broke" not in caplog.text
    armed.clear()
    assert registry.run() == [2]


def test_before_a_handler_of_a_tick(interrupt_after):
    def program():
        with lares.Node("east", lanes=0, tick_interval=5) as node:
            node.recovery.register(lambda: interrupt_after(argument("call")))
            node.recovery.register(lambda: 1)
            node.run(5)

    with pytest.raises(KeyboardInterrupt):
        program()


def test_before_restore(lares_node, interrupt_after):
    armed = []

    class Armed(Restored):
        def __init__(self):
            if armed:
                interrupt_after(argument("call"))

    handle = lares_node.spawn(Armed)
    image, key = handle.snapshot(), handle.identity
    handle.stop()
    armed.append(True)
    with pytest.raises(KeyboardInterrupt):
        lares_node.restore(image, identity=key)
    armed.clear()
    assert lares_node.state == "READY"
    lares_node.restore(image, identity=key)


@pytest.mark.parametrize("where", ["create", "restore"])
def test_before_a_part_of_a_rebuild(interrupt_after, where):
    class Armed(Restored):
        made = 0

        def __init__(self):
            Armed.made += 1
            if where == "restore" and Armed.made == 2:
                interrupt_after(argument("call"))

        def close(self):
            if where == "create" and Armed.made == 1:
                interrupt_after(argument("instance"))

    def program():
        with lares.Node("east", lanes=0) as node:
            handle = node.spawn(Armed)
            handle.snapshot()
            handle.send(b"")
            node.run(5)

    with pytest.raises(KeyboardInterrupt):
        program()


def test_an_image_that_nobody_gets_is_freed(lares_node, interrupt_after):
    class Large(Restored):
        def snapshot(self):
            interrupt_after(argument("call"))
            return bytes(8 * 1024 * 1024)

    def peak():  # KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def images():
        for _ in range(16):
            handle = lares_node.spawn(Large)
            with pytest.raises(KeyboardInterrupt):
                handle.retire()
        return peak()

    before = images()
    assert images() - before < 64 * 1024  # of 128 MiB


def test_before_a_daemon_goes(interrupt_after):
    closed = []

    class Last(Restored):
        def snapshot(self):
            interrupt_after(argument("call"))
            return b""

        def close(self):
            closed.append(weakref.ref(self))

    with lares.Node("east", lanes=0) as node:
        handle = node.spawn(Last)
        with pytest.raises(KeyboardInterrupt):
            handle.retire()
        assert len(closed) == 1
        gc.collect()
        assert closed[0]() is None


class Answer:
    """No answer of process: the turn fails, and then this goes."""


@pytest.mark.parametrize("way", ["deliver", "send"])
def test_as_a_failing_turn_is_told_of(interrupt_after, way):
    class Armed(lares.Daemon):
        def process(self, event):
            answer = Answer()
            interrupt_after(answer)
            return answer

    def program():
        with lares.Node("east", lanes=0) as node:
            getattr(node.spawn(Armed), way)(b"")
            node.run(5)

    with pytest.raises(KeyboardInterrupt) as caught:
        program()
    assert "armed.process returned Answer" in str(caught.value.__context__)
