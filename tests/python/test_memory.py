"""Memory stays flat, and no reference is lost or kept."""

from __future__ import annotations

import functools
import gc
import logging
import os
import sys
from collections.abc import Callable

import lares
import pytest

sanitized = pytest.mark.skipif(
    "ASAN_OPTIONS" in os.environ, reason="a sanitizer keeps freed memory"
)
SCALE = int(os.environ.get("LARES_SCALE", "1"))  # 10 in a deep run


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def growth(work: Callable[[], None]) -> int:
    """Return by how much the second run of some work grew the process."""
    work()
    gc.collect()
    before = resident()
    work()
    gc.collect()
    return resident() - before


@pytest.fixture
def threshold():
    """Collect as often as Python can."""
    gc.set_threshold(1)
    yield
    gc.set_threshold(700, 10, 10)


# id: PY05
@sanitized
def test_many_events(lares_node, echo):
    lares_node.spawn(echo, subscribe="in", publish="out")
    handle = lares_node.spawn(echo)
    inbox = lares_node.subscribe("out")

    def work() -> None:
        for _ in range(50 * SCALE):
            for i in range(1000):
                lares_node.publish("in", b"%d" % i)
            for i in range(1000):
                assert inbox.next(5).data == b"%d" % i
        for _ in range(10_000 * SCALE):
            handle.deliver(b"x" * 100)

    assert growth(work) < 1 << 20


# id: PY05
@sanitized
def test_many_spawns(lares_node, counter):
    def work() -> None:
        for i in range(500 * SCALE):
            handle = lares_node.spawn(counter, name="n", argument=str(i))
            assert handle.deliver(b"")[0].data == b"1"
            handle.stop()

    assert growth(work) < 1 << 20


# id: PY05
@sanitized
def test_many_failures(lares_node):
    @lares.daemon
    def bad(event):
        raise ValueError(event.data)

    handle = lares_node.spawn(bad)

    def work() -> None:
        for _ in range(2000 * SCALE):
            with pytest.raises(lares.CallbackError):
                handle.deliver(b"x" * 1000)

    assert growth(work) < 1 << 20


# id: PY05
@sanitized
def test_many_rebuilds(lares_node, tally):
    handle = lares_node.spawn(tally)

    def work() -> None:
        for _ in range(1000 * SCALE):
            with pytest.raises(lares.CallbackError):
                handle.deliver(b"bad")
            handle.snapshot()

    assert growth(work) < 1 << 20


# id: PY05
@sanitized
def test_many_restores(lares_node, tally):
    handles = [lares_node.spawn(tally, name="one")]
    key = handles[0].identity

    def work() -> None:
        for _ in range(300 * SCALE):
            handle = handles.pop()
            image = handle.snapshot()
            handle.stop()
            handles.append(lares_node.restore(image, identity=key))

    assert growth(work) < 1 << 20


# id: PY05
@sanitized
def test_many_handlers(monkeypatch):
    monkeypatch.setattr(logging.getLogger("lares"), "disabled", True)

    def bad():
        raise ValueError(bytes(10_000))

    def work() -> None:
        for _ in range(200 * SCALE):
            registry = lares.Recovery()
            registry.register(functools.partial(len, registry))
            registry.register(bad)
            for _ in range(10):
                registry.register(int)
                assert registry.remove(int)
                assert len(registry.run()) == 1

    assert growth(work) < 1 << 20


# id: PY05
def test_collector_at_each_step(lares_node, counter, threshold):
    inbox = lares_node.subscribe("counts")
    lares_node.spawn(counter, subscribe="in", publish="counts")
    for _ in range(200 * SCALE):
        lares_node.publish("in", b"")
    got = [int(inbox.next(5).data) for _ in range(200 * SCALE)]
    assert got == list(range(1, 200 * SCALE + 1))


# id: PY05
def test_collector_at_each_rebuild(lares_node, tally, threshold):
    handle = lares_node.spawn(tally)
    for expected in range(1, 50 * SCALE):
        with pytest.raises(lares.CallbackError):
            handle.deliver(b"bad")
        assert int(handle.deliver(b"")[0].data) == expected


def test_failed_deliver_keeps_nothing(lares_node):
    class Token:
        pass

    @lares.daemon
    def bad(event):
        token = Token()
        tokens.append(sys.getrefcount(token))
        raise ValueError("x")

    tokens: list[int] = []
    handle = lares_node.spawn(bad)
    for _ in range(3):
        with pytest.raises(lares.CallbackError):
            handle.deliver(b"")
    gc.collect()
    assert not [o for o in gc.get_objects() if isinstance(o, Token)]


def test_results_are_released(lares_node):
    result = bytes(1000)
    pair = [result, result]

    @lares.daemon
    def same(event):
        return result if event.data else pair

    handle = lares_node.spawn(same)
    before = sys.getrefcount(result), sys.getrefcount(pair)
    for data in (b"", b"x") * 50:
        handle.deliver(data)
    assert (sys.getrefcount(result), sys.getrefcount(pair)) == before
