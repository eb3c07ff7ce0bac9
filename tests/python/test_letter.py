"""Node.letters: dead letters are read, replayed, dropped."""

from __future__ import annotations

import lares
import pytest
from lares.testing import World


class Picky(lares.Daemon):
    """Takes no `bad` events as long as it is picky."""

    picky = True

    def process(self, event):
        if self.picky and event.data.startswith(b"bad"):
            raise ValueError(f"no {event.text}")
        return event.data


@pytest.fixture
def node(caplog):
    """A node of a world, with a few dead letters of a daemon Picky."""
    with World(1) as world:
        node = world.node("east")
        node.world = world
        node.picky = node.spawn(Picky, subscribe="in", publish="out")
        for data in (b"bad one", b"good", b"bad two"):
            node.publish("in", data)
        world.run(60)
        yield node
    caplog.clear()


def test_letters(node):
    assert len(node.letters) == 2
    one, two = node.letters
    assert (one.reason, one.data, two.data) == (
        "FAILED",
        b"bad one",
        b"bad two",
    )
    assert one.text.startswith("ValueError: no bad one\n")
    assert one.id < two.id
    assert repr(one) == f"<Letter {one.id} FAILED 'ValueError: no bad one'>"
    assert repr(node.letters) == "<Letters east 2>"


# id: BD01
def test_replay(node, monkeypatch):
    inbox = node.subscribe("out")
    one, two = node.letters
    one.replay()
    node.world.run(60)
    assert [letter.data for letter in node.letters] == [b"bad two", b"bad one"]
    monkeypatch.setattr(Picky, "picky", False)
    for letter in node.letters:
        letter.replay()
    node.world.run(60)
    assert [e.data for e in inbox.drain()] == [b"bad two", b"bad one"]
    assert list(node.letters) == []
    for call in (two.replay, two.drop, lambda: two.data):
        with pytest.raises(lares.NotFound):
            call()


def test_drop(node):
    one, two = node.letters
    two.drop()
    assert [letter.id for letter in node.letters] == [one.id]


# id: BD01
def test_receiver_that_has_ended(node):
    node.picky.stop()
    one, _ = node.letters
    with pytest.raises(lares.Closed) as caught:
        one.replay()
    assert caught.value.code == "ECLOSED"
    assert len(node.letters) == 2
    assert one.data == b"bad one"


def test_payload_that_was_not_kept(lares_node, until):
    class Fragile(lares.Daemon):
        def process(self, event):
            raise ValueError("too big for me")

    lares_node.spawn(Fragile, subscribe="in")
    lares_node.publish("in", bytes((1 << 20) + 1))
    until(lambda: len(lares_node.letters))
    (letter,) = lares_node.letters
    for call in (letter.replay, lambda: letter.data):
        with pytest.raises(lares.FormatError) as caught:
            call()
        assert caught.value.code == "EMISSING"
