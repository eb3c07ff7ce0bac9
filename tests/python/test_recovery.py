"""Recovery: the registry of the seed, to the letter, and the node's own."""

from __future__ import annotations

import functools
import gc
import itertools
import logging
import threading
import time
import weakref

import lares
import pytest
from lares.testing import World


@pytest.fixture(autouse=True)
def evictions(caplog):
    """What was evicted is logged; most tests here evict on purpose."""
    yield
    caplog.clear()


def raising(error):
    def handler():
        raise error

    return handler


# -- the seed's own tests -----------------------------------------------------


# id: REC1
# id: REC2
# id: REC5
@pytest.mark.parametrize("error", [RuntimeError("panic"), SystemExit(1)])
def test_try_run_all_collects_recovered_slots_and_drops_panicking_handlers(
    error,
):
    registry = lares.Recovery()
    assert len(registry) == 0
    calls_a, calls_b = itertools.count(), itertools.count()

    def a():
        next(calls_a)
        return [0, 1]

    def b():
        next(calls_b)
        raise error

    assert registry.register(a) == 1
    assert registry.register(b, name="b") == 2
    assert len(registry) == 2
    assert registry.run() == [0, 1]
    assert len(registry) == 1
    assert registry.run() == [0, 1]
    assert len(registry) == 1
    assert (next(calls_a), next(calls_b)) == (2, 1)
    living, evicted = registry.report()
    assert (living["state"], living["runs"], living["recovered"]) == (
        "living",
        2,
        4,
    )
    assert (evicted["name"], evicted["state"]) == ("b", "evicted")
    first, frame = str(evicted["text"]).splitlines()[:2]
    assert first == f"{type(error).__name__}: {error}"
    assert frame.endswith(" b")


# id: REC3
# id: REC5
def test_try_run_all_allows_handler_to_register_new_handler():
    registry = lares.Recovery()
    invoked = itertools.count()

    def handler():
        next(invoked)
        registry.register(lambda: 99)
        return 7

    assert registry.register(handler) == 1
    assert registry.run() == [7]
    assert next(invoked) == 1
    assert len(registry) == 2
    assert sorted(registry.run()) == [7, 99]


# id: REC4
# id: REC5
def test_register_during_try_run_all_does_not_block_indefinitely():
    registry = lares.Recovery()
    barrier, calls, results = threading.Barrier(2), itertools.count(), []

    def slow():
        next(calls)
        barrier.wait(5)
        time.sleep(0.2)
        return 0

    registry.register(slow)
    runner = threading.Thread(target=lambda: results.extend(registry.run()))
    runner.start()
    barrier.wait(5)
    begun = time.monotonic()
    assert registry.register(lambda: 42) == 2
    assert time.monotonic() - begun < 0.1
    runner.join()
    assert results == [0]
    assert next(calls) == 1


# -- results ------------------------------------------------------------------


def slots():
    yield 3
    yield 5, 4


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, []),
        (0, [(0, 0)]),
        (2**32 - 1, [(0, 2**32 - 1)]),
        ([], []),
        ((1, 2), [(0, 1), (0, 2)]),
        ({7}, [(0, 7)]),
        (b"\1\2", [(0, 1), (0, 2)]),
        ([(2**64 - 1, 1), 2], [(2**64 - 1, 1), (0, 2)]),
        (slots, [(0, 3), (5, 4)]),
    ],
)
def test_handler_returns(result, expected):
    registry = lares.Recovery()
    registry.register(result if callable(result) else lambda: result)
    found = registry.run()
    assert [(slot.group, slot) for slot in found] == expected
    assert {slot.handler for slot in found} <= {1}


# id: REC5
@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("text", "TypeError: a recovery handler returned str, expected"),
        (True, "TypeError: a recovery handler returned bool, expected"),
        (1.0, "TypeError: a recovery handler returned float, expected"),
        ([1, (1, 2, 3)], "TypeError: a recovery handler returned a tuple"),
        ([1, (1, None)], "TypeError: a recovery handler returned NoneType"),
        (-1, "OverflowError: a recovery handler returned the slot -1, exp"),
        ([1, 2**32], "OverflowError: a recovery handler returned the slot 42"),
        ([(2**64, 1)], "OverflowError: a recovery handler returned the group"),
    ],
)
def test_handler_returns_rubbish(result, text):
    registry = lares.Recovery()
    registry.register(lambda: 1)
    registry.register(lambda: result)
    registry.register(lambda: 2)
    assert registry.run() == [1, 2]
    evicted = registry.report()[-1]
    assert str(evicted["text"]).startswith(text)


# id: REC6
def test_groups_and_the_limit():
    registry = lares.Recovery()

    def failing():
        yield 5, 1
        raise ValueError("amid")

    registry.register(lambda: [(5, 0)])
    registry.register(lambda: [(6, 1)])
    registry.register(failing)
    registry.register(lambda: [(5, 2), (5, 3)])
    registry.register(lambda: range(257))
    found = registry.run()
    assert [(s.handler, s.group, s) for s in found[:4]] == [
        (1, 5, 0),
        (2, 6, 1),
        (4, 5, 2),
        (4, 5, 3),
    ]
    assert found[4:] == list(range(256))
    refused = {row["id"]: row["refused"] for row in registry.report()}
    assert refused == {1: 0, 2: 0, 3: 0, 4: 0, 5: 1}


def test_endless_answer():
    registry = lares.Recovery()
    registry.register(itertools.count)
    assert registry.run() == list(range(256))
    assert registry.report()[0]["refused"] == 1


def test_slot():
    slot = lares.Slot(7, group=5, handler=2)
    assert (slot, slot.group, slot.handler) == (7, 5, 2)
    assert repr(slot) == "Slot(7, group=5, handler=2)"
    assert f"{slot} {slot:02}" == "7 07"


# -- handlers -----------------------------------------------------------------


# id: REC7
def test_remove():
    registry = lares.Recovery()
    ran = []

    class Nurse:
        def tend(self):
            ran.append("tend")
            assert registry.remove(self.tend)  # runs on to its end
            assert registry.remove(later)
            return 1

    def later():
        ran.append("later")

    nurse = Nurse()
    registry.register(nurse.tend)
    registry.register(later)
    assert registry.run() == [1]
    assert ran == ["tend"]
    assert len(registry) == 0
    assert not registry.remove(later)
    registry.register(later)
    registry.register(later)
    assert [registry.remove(later) for _ in range(3)] == [True, True, False]


def test_handlers_are_released(monkeypatch):
    monkeypatch.setattr(logging.getLogger("lares"), "disabled", True)

    class Handler:
        def __call__(self):
            raise ValueError("evicted")

    registry = lares.Recovery()
    evicted, removed, living = Handler(), Handler(), Handler()
    gone = [weakref.ref(handler) for handler in (evicted, removed, living)]
    registry.register(evicted)
    registry.run()
    registry.register(removed)
    registry.register(living)
    registry.remove(removed)
    del evicted, removed, living
    gc.collect()
    assert [ref() is None for ref in gone] == [True, True, False]
    del registry
    gc.collect()
    assert gone[2]() is None


def test_registry_that_its_handler_knows_is_forgotten():
    registry = lares.Recovery()
    registry.register(functools.partial(len, registry))
    gone = weakref.ref(registry)
    del registry
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("fn", [None, 5, "text", [print]])
def test_what_is_no_handler(fn):
    with pytest.raises(TypeError, match="expected a function"):
        lares.Recovery().register(fn)


def test_names():
    class Nurse:
        def tend(self):
            pass

    def named(name):
        def fn():
            pass

        fn.__qualname__ = name
        return fn

    registry = lares.Recovery()
    registry.register(print)
    registry.register(print, "størst")
    registry.register(Nurse().tend)
    registry.register(functools.partial(print))
    registry.register(named("å" + "b" * 62))
    registry.register(named("two\nlines"))
    assert [row["name"] for row in registry.report()] == [
        "print",
        "størst",
        "test_names.<locals>.Nurse.tend",
        "partial",
        "b" * 62,
        "handler",
    ]
    with pytest.raises(lares.InvalidArgument) as caught:
        registry.register(print, "x" * 64)
    assert caught.value.code == "ENAME"
    with pytest.raises(TypeError):
        registry.register(print, 5)
    assert repr(registry) == "<Recovery 6>"


def test_limit_of_handlers():
    registry = lares.Recovery()
    for number in range(1, 4097):
        assert registry.register(int) == number
    with pytest.raises(lares.Full):
        registry.register(int)
    assert len(registry.run()) == 4096


def test_eviction_is_logged(caplog):
    registry = lares.Recovery()
    error = ValueError("lost")
    registry.register(raising(error))
    registry.run()
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("lares", logging.ERROR)
    assert "raising.<locals>.handler> was evicted" in record.getMessage()
    assert record.exc_info[1] is error


# -- passes -------------------------------------------------------------------


# id: REC8
def test_run_inside_a_handler_does_nothing():
    one, two = lares.Recovery(), lares.Recovery()
    inner = []

    def handler():
        inner.append(one.run())
        inner.append(two.run())
        return 1

    one.register(handler)
    two.register(lambda: [*one.run(), 2])
    assert one.run() == [1]
    assert inner == [[], [2]]


# id: REC8
def test_run_waits_for_another_pass():
    registry = lares.Recovery()
    begun, go = threading.Event(), threading.Event()

    def slow():
        begun.set()
        go.wait(5)
        return 1

    results = []
    registry.register(slow)
    threads = [
        threading.Thread(target=lambda: results.append(registry.run()))
        for _ in range(3)
    ]
    threads[0].start()
    begun.wait(5)
    for thread in threads[1:]:
        thread.start()
    assert registry.report()[0]["runs"] <= 1
    go.set()
    for thread in threads:
        thread.join()
    assert results == [[1]] * 3


# id: REC8
def test_run_inside_a_daemon(lares_node):
    registry = lares.Recovery()
    ran = []
    registry.register(lambda: ran.append(1))

    @lares.daemon
    def runner(event):
        for each in (registry, lares_node.recovery):
            with pytest.raises(lares.Deadlock):
                each.run()

    lares_node.spawn(runner).deliver(b"")
    assert ran == []


def test_handler_may_wait(lares_node, echo):
    handle = lares_node.spawn(echo)
    registry = lares.Recovery()
    registry.register(lambda: int(handle.deliver(b"7")[0].data))
    lares_node.recovery.register(lambda: int(handle.deliver(b"8")[0].data))
    assert registry.run() == [7]
    assert lares_node.recovery.run() == [8]


def test_interrupt_rises_after_the_pass():
    registry = lares.Recovery()
    ran = []
    error = KeyboardInterrupt()
    registry.register(raising(error))
    registry.register(lambda: ran.append(1))
    with pytest.raises(KeyboardInterrupt) as caught:
        registry.run()
    assert caught.value is error
    assert (ran, len(registry)) == ([1], 1)
    assert registry.run() == []


# -- the node's ---------------------------------------------------------------


def test_registry_of_a_node(until):
    ran = []

    def handler():
        ran.append(threading.get_ident())
        return [(1, 2)]

    with lares.Node("east", tick_interval=5) as node:
        assert node.recovery is node.recovery
        assert node.recovery.register(handler, "mine") == 1
        until(lambda: len(ran) > 2)
        (row,) = node.report("recovery")
        assert (row["name"], row["state"]) == ("mine", "living")
        assert node.recovery.report()[0]["name"] == "mine"
        assert node.recovery.remove(handler)
    assert threading.get_ident() not in ran


def test_registry_of_a_node_by_hand():
    with World(1) as world:
        registry = world.node("east").recovery
        registry.register(lambda: [(5, 3)])
        (slot,) = registry.run()
        assert (slot.group, slot) == (5, 3)
    with pytest.raises(lares.Closed):
        registry.register(print)
    with pytest.raises(lares.Closed):
        registry.run()


def test_eviction_by_the_tick(caplog):
    with World(1) as world:
        node = world.node("east")
        node.recovery.register(raising(SystemExit(3)), "quitter")
        world.run(2)
        assert node.state == "READY"
        (row,) = node.report("recovery")
        (record,) = [
            record
            for record in node.report("records")
            if record["what"] == "HANDLER_EVICTED"
        ]
    assert (row["state"], row["runs"]) == ("evicted", 1)
    assert str(row["text"]).startswith("SystemExit: 3\n")
    assert (record["name"], record["text"]) == ("quitter", row["text"])
    assert [record.name for record in caplog.records] == ["lares.east"]


def test_interrupt_in_a_tick_ends_the_program():
    error = KeyboardInterrupt()

    def program():
        with lares.Node("east", lanes=0, tick_interval=5) as node:
            node.recovery.register(raising(error))
            node.run(5)

    with pytest.raises(KeyboardInterrupt) as caught:
        program()
    assert caught.value is error


def test_forgotten_node_with_a_handler_that_knows_it(until):
    ran = []

    def seen(node):
        ran.append(node.name)

    node = lares.Node("east", tick_interval=5).start()
    node.recovery.register(functools.partial(seen, node))
    until(lambda: ran)
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None


def test_forked_child_has_no_registry(child):
    done = child(
        """
        import os
        import lares

        one = lares.Recovery()
        one.register(lambda: 1)
        if os.fork() == 0:
            for call in (one.run, one.report, lares.Recovery,
                         lambda: one.register(print), lambda: len(one)):
                try:
                    call()
                    print("OK", flush=True)
                except lares.Closed as error:
                    print(error.code, flush=True)
            os._exit(0)
        os.wait()
        print(one.run())
        """
    )
    assert done.stderr == ""
    assert done.stdout == "EFORKED\n" * 5 + "[Slot(1, group=0, handler=1)]\n"
