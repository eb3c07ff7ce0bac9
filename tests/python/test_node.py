"""Nodes and handles: life, kinds, daemons, publish, options, reports."""

from __future__ import annotations

import array
import gc
import sys
import threading
import time
import weakref

import lares
import pytest

# -- life ---------------------------------------------------------------------


def test_life(echo):
    node = lares.Node("east-1")
    assert (node.name, node.state, repr(node)) == (
        "east-1",
        "NEW",
        "<Node east-1 NEW>",
    )
    assert node.start() is node
    assert node.start().state == "READY"
    assert not node.wait(0)
    node.stop()
    node.stop()
    assert node.state == "STOPPED"
    assert node.wait()
    assert node.run()
    with pytest.raises(lares.Closed):
        node.start()
    with pytest.raises(lares.Closed):
        node.publish("a", b"")
    node.close()


def test_not_started(counter):
    node = lares.Node("east")
    node.register(counter)
    with pytest.raises(lares.WrongState):
        node.spawn("counter")
    with pytest.raises(lares.WrongState):
        node.publish("a", b"")
    with pytest.raises(lares.WrongState):
        node.wait(0)
    node.close()


@pytest.mark.parametrize("name", ["", "East", "-x", "a b", "x" * 64, "水"])
def test_malformed_name(name):
    with pytest.raises(lares.InvalidArgument) as caught:
        lares.Node(name)
    assert caught.value.code == "ENAME"


def test_name_with_a_zero_byte():
    with pytest.raises(lares.InvalidArgument):
        lares.Node("a\0b")


# id: AB10
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"lanes": 257}, "ERANGE"),
        ({"lanes": -1}, "ERANGE"),
        ({"lanes": "many"}, "ERANGE"),
        ({"lane": 1}, "EOPTION"),
        ({"tick_interval": "often"}, "ERANGE"),
        ({"letters_count": 0.5}, None),
        ({"nonsense": None}, "OK"),
    ],
)
def test_options(options, code):
    if code == "OK":
        lares.Node("east", **options)
        return
    error = TypeError if code is None else lares.InvalidArgument
    with pytest.raises(error) as caught:
        lares.Node("east", **options)
    if code is not None:
        assert caught.value.code == code
        assert next(iter(options)).replace("_", ".") in caught.value.detail


def test_stop_inside_a_callback(echo):
    with lares.Node("east") as node:

        @lares.daemon
        def stopper(event):
            node.stop()
            return b"asked"

        assert node.spawn(stopper).deliver(b"")[0].data == b"asked"
        assert node.wait(5)


def test_without_lanes_it_runs_on_this_thread():
    seen = []

    @lares.daemon
    def where(event):
        seen.append(threading.get_ident())
        return event.data

    with lares.Node("east", lanes=0) as node:
        inbox = node.subscribe("out")
        node.spawn(where, subscribe="in", publish="out")
        node.publish("in", b"one")
        assert seen == []
        assert not node.run(0)
        assert inbox.next(0).data == b"one"
        node.publish("in", b"two")
        assert inbox.next(5).data == b"two"
    assert seen == [threading.get_ident()] * 2


# id: PY05
def test_forgotten_node_is_stopped(echo, until):
    alive = []

    class Mortal(echo):
        def __init__(self):
            alive.append(weakref.ref(self))

    node = lares.Node("east").start()
    handle = node.spawn(Mortal)
    del node
    gc.collect()
    until(lambda: alive[0]() is None)
    with pytest.raises(lares.Closed):
        handle.deliver(b"")
    assert handle.state == "CLOSED"


def test_daemon_handle_does_not_keep_the_node(until):
    class Holder(lares.Daemon):
        def process(self, event):
            return str(self.handle.origin).encode()

    node = lares.Node("east").start()
    node.spawn(Holder).deliver(b"")
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None


def test_node_in_a_daemon_keeps_itself(counter):
    class Owner(lares.Daemon):
        node = None

        def process(self, event):
            pass

    node = lares.Node("east").start()
    Owner.node = node
    node.spawn(Owner)
    seen = weakref.ref(node)
    del node
    gc.collect()
    assert seen().state == "READY"
    seen().stop()
    Owner.node = None


# id: PY06
def test_a_thousand_starts_and_stops(echo):
    def once():
        with lares.Node("east", lanes=2) as node:
            inbox = node.subscribe("out")
            node.spawn(echo, subscribe="in", publish="out")
            node.publish("in", b"x")
            inbox.next(5)

    once()
    gc.collect()
    before = states()
    for _ in range(1000):
        once()
    gc.collect()
    assert states() == before


def states() -> int:
    """Count the thread states that the interpreter knows."""
    return len(sys._current_frames())


# -- kinds and daemons --------------------------------------------------------


def test_register_and_spawn(lares_node, counter):
    assert lares_node.register(counter) == "counter"
    assert lares_node.register(counter, "other") == "other"
    with pytest.raises(lares.Exists):
        lares_node.register(counter)
    kinds = {row["name"]: row for row in lares_node.report("kinds")}
    assert set(kinds) == {"counter", "other"}
    assert {row["lane"] for row in kinds.values()} == {"python"}
    a = lares_node.spawn("counter", name="a")
    b = lares_node.spawn(counter)
    assert (a.name, a.kind, b.name) == ("a", "counter", "counter")
    with pytest.raises(lares.WrongState):
        lares_node.unregister("counter")
    a.stop()
    b.stop()
    lares_node.unregister("counter")
    with pytest.raises(lares.NotFound) as caught:
        lares_node.spawn("counter")
    assert caught.value.code == "EKIND"
    with pytest.raises(lares.NotFound):
        lares_node.unregister("counter")


def test_threads_that_spawn_a_class_at_once(counter):
    for _ in range(20):
        with lares.Node("east", lanes=1) as node:
            start = threading.Barrier(4)

            def spawn(node=node, start=start):
                start.wait()
                node.spawn(counter)

            threads = [threading.Thread(target=spawn) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(node) == 4


def test_version_of_a_class(lares_node, counter):
    class Versioned(counter):
        version = 7

    lares_node.register(Versioned)
    lares_node.register(counter, "tuned", version=3, lane="own")
    rows = {row["name"]: row for row in lares_node.report("kinds")}
    assert rows["versioned"]["version"] == 7
    assert (rows["tuned"]["version"], rows["tuned"]["lane"]) == (3, "own")


def test_handles(lares_node, counter):
    handle = lares_node.spawn(counter)
    found = lares_node.find(handle.origin)
    assert found == handle
    assert hash(found) == hash(handle)
    assert found != lares_node.spawn(counter)
    assert lares_node.find(12345) is None
    assert len(lares_node) == 2
    assert handle in list(lares_node)
    name = f"{handle.origin:016x}"
    assert repr(handle) == f"<Handle counter {name} RUNNING>"
    assert handle.identity.origin == handle.origin
    with handle:
        assert handle.deliver(b"")[0].data == b"1"
    assert handle.state == "CLOSED"
    assert repr(handle).endswith("CLOSED>")
    assert handle.identity.origin == handle.origin
    with pytest.raises(lares.Closed):
        handle.deliver(b"")
    with pytest.raises(lares.Closed):
        handle.stats  # noqa: B018
    assert lares_node.find(handle.origin) is None


def test_identity(lares_node, counter):
    key = lares.Key(bytes(range(32)))
    handle = lares_node.spawn(counter, identity=key)
    assert handle.origin == key.origin
    assert handle.identity == key
    with pytest.raises(lares.Exists):
        lares_node.spawn(counter, identity=key)
    handle.stop()
    with pytest.raises(lares.WrongState) as caught:  # restore its image
        lares_node.spawn(counter, identity=key)
    assert caught.value.code == "ESTALE"


# id: AB10
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"mailbox_count": 0}, "ERANGE"),
        ({"mailbox_bytes": "much"}, "ERANGE"),
        ({"colour": "red"}, "EOPTION"),
        ({"subscribe": "bad..pattern"}, "ENAME"),
        ({"publish": "a b"}, "ENAME"),
        ({"argument": "x" * 4097}, "ETOOBIG"),
        ({"name": "Bad Name"}, "ENAME"),
    ],
)
def test_spawn_refuses(lares_node, counter, options, code):
    with pytest.raises(lares.InvalidArgument) as caught:
        lares_node.spawn(counter, **options)
    assert caught.value.code == code
    assert len(lares_node) == 0


@pytest.mark.parametrize("wrong", [5, None, b"text"])
def test_texts_and_identities_of_another_type(lares_node, counter, wrong):
    handle = lares_node.spawn(counter)
    for call in (
        lares.Node,
        lares_node.spawn,
        lares_node.unregister,
        lares_node.report,
        lares_node.subscribe,
        handle.subscribe,
        handle.unsubscribe,
    ):
        with pytest.raises(TypeError, match=type(wrong).__name__):
            call(wrong)
    if wrong is not None:
        with pytest.raises(TypeError, match=type(wrong).__name__):
            lares_node.spawn(counter, identity=wrong)


def test_load_what_is_not_there(lares_node, tmp_path):
    with pytest.raises(lares.NotFound):
        lares_node.load(tmp_path / "missing.so")


# -- events -------------------------------------------------------------------


def test_channels_of_a_daemon(lares_node, counter):
    inbox = lares_node.subscribe("counts")
    handle = lares_node.spawn(
        counter, subscribe=["a.*", "b"], publish="counts"
    )
    for channel in ("a.x", "b", "a", "c"):
        lares_node.publish(channel, b"")
    handle.unsubscribe("b")
    handle.unsubscribe("b")
    handle.subscribe("c")
    handle.subscribe("c")
    handle.subscribe("d", group="workers")
    for channel in ("b", "c", "d"):
        lares_node.publish(channel, b"")
    handle.send(b"")
    got = [inbox.next(5).data for _ in range(5)]
    assert got == [b"1", b"2", b"3", b"4", b"5"]
    with pytest.raises(lares.InvalidArgument):
        handle.subscribe("bad pattern")


def test_any_buffer_is_data(lares_node, echo):
    handle = lares_node.spawn(echo)
    for data in (b"ab", bytearray(b"ab"), memoryview(b"xabx")[1:3]):
        assert handle.deliver(data)[0].data == b"ab"
    numbers = array.array("H", [1, 2])
    assert handle.deliver(numbers)[0].data == numbers.tobytes()
    assert handle.deliver(data=b"", timeout=1)[0].data == b""


@pytest.mark.parametrize(
    "data", ["text", 5, None, ["a"], memoryview(b"abcd")[::2]]
)
def test_what_is_no_data(lares_node, echo, data):
    handle = lares_node.spawn(echo)
    for call in (
        handle.deliver,
        handle.send,
        lambda d: lares_node.publish("a", d),
    ):
        with pytest.raises((TypeError, BufferError)) as caught:
            call(data)
        if isinstance(data, str):
            assert "use .encode()" in str(caught.value)


@pytest.mark.parametrize("call", ["deliver", "send", "publish"])
def test_arguments_of_the_fast_methods(lares_node, echo, call):
    handle = lares_node.spawn(echo)
    method = {
        "deliver": handle.deliver,
        "send": handle.send,
        "publish": lambda *a, **k: lares_node.publish("a", *a, **k),
    }[call]
    for arguments, options in (
        ((), {}),
        ((b"", 1, 1), {}),
        ((b"",), {"data": b""}),
        ((b"",), {"time": 1}),
        ((b"", "soon"), {}),
    ):
        with pytest.raises(TypeError):
            method(*arguments, **options)
    for timeout in (-1, -0.001, float("nan")):
        with pytest.raises(lares.InvalidArgument) as caught:
            method(b"", timeout)
        assert caught.value.code == "ERANGE"
    for timeout in (0, 1, 0.5, None, 1e300, float("inf")):
        method(b"", timeout)


def test_too_big(lares_node, echo):
    handle = lares_node.spawn(echo)
    big = bytes((16 << 20) + 1)
    for call in (
        handle.deliver,
        handle.send,
        lambda d: lares_node.publish("a", d),
    ):
        with pytest.raises(lares.InvalidArgument) as caught:
            call(big)
        assert caught.value.code == "ETOOBIG"


def test_publish_waits_for_space(lares_node):
    inbox = lares_node.subscribe("narrow", mailbox_count=1)
    lares_node.publish("narrow", b"1")
    with pytest.raises(lares.Full) as full:
        lares_node.publish("narrow", b"2", 0)
    assert full.value.code == "EAGAIN"
    begun = time.monotonic()
    with pytest.raises(lares.Timeout):
        lares_node.publish("narrow", b"2", timeout=0.05)
    assert 0.04 < time.monotonic() - begun < 2
    reader = threading.Timer(0.05, inbox.next)
    reader.start()
    lares_node.publish("narrow", b"3")
    reader.join()
    assert inbox.next(5).data == b"3"


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("", lares.InvalidArgument),
        ("a..b", lares.InvalidArgument),
        ("a.*", lares.InvalidArgument),
        ("$lares", lares.Denied),
        ("a\0", lares.InvalidArgument),
        (5, TypeError),
        (b"a", TypeError),
    ],
)
def test_publish_refuses_channels(lares_node, channel, error):
    with pytest.raises(error):
        lares_node.publish(channel, b"")


def test_many_threads_deliver(lares_node, counter):
    handle = lares_node.spawn(counter)
    got = []

    def work():
        for _ in range(500):
            got.extend(int(e.data) for e in handle.deliver(b""))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(1, 2001))


# -- reports ------------------------------------------------------------------


@pytest.mark.parametrize(
    "what",
    [
        "node",
        "daemons",
        "kinds",
        "lanes",
        "subscriptions",
        "letters",
        "recovery",
        "records",
        "counters",
    ],
)
def test_report(lares_node, counter, what):
    lares_node.spawn(counter, subscribe="a")
    rows = lares_node.report(what)
    assert isinstance(rows, list)
    for row in rows:
        for name, value in row.items():
            assert isinstance(name, str)
            assert isinstance(value, (int, str))


def test_report_of_nothing(lares_node):
    with pytest.raises(lares.NotFound):
        lares_node.report("weather")


def test_stats(lares_node, counter):
    handle = lares_node.spawn(counter, publish="counts")
    for _ in range(3):
        handle.deliver(b"")
    stats = handle.stats
    assert stats["origin"] == handle.origin
    assert (stats["inputs"], stats["outputs"], stats["sequence"]) == (3, 3, 3)


def test_handles_come_from_a_node(lares_node):
    with pytest.raises(TypeError, match="come from a Node"):
        lares.Handle(lares_node, 5)
    with pytest.raises(TypeError, match="come from a Node"):
        lares.Inbox("a", 5)
