"""The golden vectors of keys and chains, through the Python classes."""

from __future__ import annotations

import json
import pathlib
from types import SimpleNamespace

import lares
import pytest

FILE = pathlib.Path(__file__).parent.parent / "golden" / "chain.json"
VECTORS = json.loads(FILE.read_text())


def number(text: str) -> int:
    return int(text, 16)


def event_of(vector, event):
    return SimpleNamespace(
        origin=number(vector["origin"]),
        horizon=number(vector["horizon"]),
        sequence=number(event["sequence"]),
        parent=number(event["parent"]),
        hash=number(event["hash"]),
        data=bytes.fromhex(event["data"]),
    )


@pytest.mark.parametrize("vector", VECTORS["G1"], ids=lambda v: v["name"])
def test_keys(vector):
    seed = bytes.fromhex(vector["seed"])
    key = lares.Key(seed)
    assert key.origin == number(vector["origin"])
    assert key.seed() == seed


def test_chain():
    vector = VECTORS["G4"]
    events = [event_of(vector, event) for event in vector["events"]]
    chain = lares.Chain(number(vector["origin"]))
    for event in events:
        chain.check(event)
    with pytest.raises(lares.ChainError):
        chain.check(events[0])


def test_first_link_of_a_key():
    vector = VECTORS["G6"]
    chain = lares.Chain(number(vector["origin"]))
    chain.check(event_of(vector, vector))


def test_daemon_makes_the_same_link(lares_node, echo):
    vector = VECTORS["G6"]
    seed = bytes.fromhex(VECTORS["G1"][0]["seed"])
    handle = lares_node.spawn(echo, identity=lares.Key(seed))
    (event,) = handle.deliver(bytes.fromhex(vector["data"]))
    assert event.origin == number(vector["origin"])
    assert event.parent == number(vector["parent"])
    assert event.sequence == 1
