"""Event: its fields, that it lasts, equality."""

from __future__ import annotations

import gc
import pickle
from datetime import datetime, timezone

import lares
import pytest


def test_fields(lares_node, echo):
    inbox = lares_node.subscribe(">")
    handle = lares_node.spawn(echo, subscribe="in", publish="out")
    lares_node.publish("in", "水".encode())
    given, made = inbox.next(5), inbox.next(5)
    assert (given.channel, made.channel) == ("in", "out")
    assert given.data == made.data == bytes(given) == b"\xe6\xb0\xb4"
    assert (given.text, len(given)) == ("水", 3)
    assert made.origin == handle.origin
    assert (given.sequence, made.sequence) == (1, 1)
    assert given.origin not in (0, made.origin)
    age = datetime.now(timezone.utc) - made.time
    assert abs(age.total_seconds()) < 60
    assert made.time.tzinfo is timezone.utc
    assert abs(made.received_at / 1e9 - made.time.timestamp()) < 1e-5


def test_links_make_a_chain(lares_node, echo):
    handle = lares_node.spawn(echo)
    events = [handle.deliver(str(i).encode())[0] for i in range(5)]
    chain = lares.Chain(handle.origin)
    for event in events:
        chain.check(event)
    assert [e.sequence for e in events] == [1, 2, 3, 4, 5]
    for before, after in zip(events, events[1:]):
        assert after.parent == before.hash


def test_event_of_a_turn_lasts(lares_node):
    kept = []

    class Keeper(lares.Daemon):
        def process(self, event):
            kept.append(event)
            return event.data

    handle = lares_node.spawn(Keeper, subscribe="in", publish="out")
    inbox = lares_node.subscribe("out")
    for i in range(300):
        lares_node.publish("in", b"%d" % i)
    for _ in range(300):
        inbox.next(5)
    handle.deliver(b"direct")
    gc.collect()
    assert [e.data for e in kept[:300]] == [b"%d" % i for i in range(300)]
    assert [e.sequence for e in kept] == list(range(1, 302))
    assert {e.channel for e in kept[:300]} == {"in"}
    assert kept[300].channel is None
    assert [e.arrival for e in kept] == sorted({e.arrival for e in kept})


def test_channel_read_later_is_still_known(lares_node):
    kept = []

    class Keeper(lares.Daemon):
        def process(self, event):
            kept.append((event, event.channel if len(kept) % 2 else None))
            return b""

    inbox = lares_node.subscribe("done")
    lares_node.spawn(Keeper, subscribe="a b", publish="done")
    for i in range(100):
        lares_node.publish("ab"[i % 2], b"")
    for _ in range(100):
        inbox.next(5)
    assert [e.channel for e, _ in kept] == ["a", "b"] * 50


# id: AB10
def test_events_outlive_their_node(echo):
    with lares.Node("east") as node:
        handle = node.spawn(echo, publish="out")
        inbox = node.subscribe("out")
        outputs = handle.deliver(b"data")
        seen = inbox.next(5)
        rows = node.report("daemons")
    del node, handle, inbox
    gc.collect()
    assert outputs == [seen]
    assert (seen.data, seen.channel) == (b"data", "out")
    assert rows[0]["kind"] == "echo"


def test_equality_and_hash(lares_node, echo):
    handle = lares_node.spawn(echo, publish="out")
    inbox = lares_node.subscribe("out")
    (made,) = handle.deliver(b"x")
    seen = inbox.next(5)
    (other,) = handle.deliver(b"x")
    assert made == seen
    assert hash(made) == hash(seen)
    assert made is not seen
    assert made != other
    assert made != b"x"
    assert len({made, seen, other}) == 2
    with pytest.raises(TypeError):
        made < seen  # noqa: B015


def test_event_never_changes(lares_node, echo):
    (event,) = lares_node.spawn(echo).deliver(b"x")
    for name in ("data", "origin", "channel", "anything"):
        with pytest.raises(AttributeError):
            setattr(event, name, 1)
    with pytest.raises(TypeError):
        lares.Event()
    with pytest.raises(TypeError):
        pickle.dumps(event)


def test_repr(lares_node, echo):
    handle = lares_node.spawn(echo, publish="counts")
    inbox = lares_node.subscribe("counts")
    name = f"{handle.origin:016x}"
    handle.deliver(b"tick")
    handle.deliver(b"\xff" * 1000)
    assert repr(inbox.next(5)) == f"<Event {name}#1 'counts' b'tick'>"
    assert repr(inbox.next(5)).endswith("\\xff'...>")


def test_text_that_is_none(lares_node, echo):
    (event,) = lares_node.spawn(echo).deliver(b"\xff")
    with pytest.raises(UnicodeDecodeError):
        event.text  # noqa: B018
