"""Key and Chain."""

from __future__ import annotations

from types import SimpleNamespace

import lares
import pytest


def test_fresh_keys_differ():
    one, two = lares.Key(), lares.Key()
    assert one.origin != two.origin
    assert one != two
    assert lares.Key(one.seed()) == one


def test_key_from_a_seed():
    seed = bytes(range(32))
    key = lares.Key(seed)
    assert key == lares.Key(bytearray(seed)) == lares.Key(memoryview(seed))
    assert key.seed() == seed
    assert hash(key) == hash(lares.Key(seed))
    assert repr(key) == f"<Key {key.origin:016x}>"
    assert key != key.origin


@pytest.mark.parametrize("seed", [b"", b"x" * 31, b"x" * 33])
def test_seed_of_another_length(seed):
    with pytest.raises(lares.InvalidArgument):
        lares.Key(seed)


def test_seed_that_is_text():
    with pytest.raises(TypeError, match=r"use \.encode"):
        lares.Key("x" * 32)


def fields(event, **changes):
    names = ("origin", "sequence", "parent", "horizon", "hash", "data")
    values = {name: getattr(event, name) for name in names}
    return SimpleNamespace(**{**values, **changes})


def test_chain_finds_what_is_wrong(lares_node, echo):
    handle = lares_node.spawn(echo)
    first, second = (handle.deliver(data)[0] for data in (b"a", b"b"))
    chain = lares.Chain(handle.origin)
    for wrong, code in (
        (second, "EGAP"),
        (fields(first, origin=1), "EORIGIN"),
        (fields(first, parent=1), "EPARENT"),
        (fields(first, data=b"x"), "EDIGEST"),
        (fields(first, hash=1), "EDIGEST"),
    ):
        with pytest.raises(lares.FormatError) as caught:
            chain.check(wrong)
        assert caught.value.code == code
        is_link = code != "EDIGEST"
        assert isinstance(caught.value, lares.ChainError) == is_link
    chain.check(first)
    chain.check(second)
    with pytest.raises(lares.ChainError):
        chain.check(second)


def test_chain_of_nobody():
    with pytest.raises(lares.InvalidArgument):
        lares.Chain(0)
