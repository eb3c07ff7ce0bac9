"""Identities, and chains that can be verified."""

from __future__ import annotations

from typing import Any

from lares._native import Event, ffi, lib
from lares._values import Data, block, copied, view
from lares.errors import check

__all__ = ["Chain", "Key"]


class Key:
    """An identity: an Ed25519 key pair, whose origin is its 64-bit name.

    seed: 32 bytes that determine it; None makes a fresh one.

    Raises InvalidArgument (EINVAL) for a seed of another length.
    """

    _key: Any

    def __init__(self, seed: Data | None = None) -> None:
        out = ffi.new("lares_key **")
        data = ffi.NULL if seed is None else view(seed)
        check(lib.lares_key_new(data, 0 if seed is None else len(data), out))
        self._key = ffi.gc(out[0], lib.lares_key_free)

    @classmethod
    def _adopt(cls, pointer: Any) -> Key:
        key = cls.__new__(cls)
        key._key = ffi.gc(pointer, lib.lares_key_free)
        return key

    @property
    def origin(self) -> int:
        """The 64-bit name of this identity."""
        return int(lib.lares_key_origin(self._key))

    def seed(self) -> bytes:
        """Return the 32 bytes that determine this identity, to be stored.

        Whoever has them is this identity. Raises IdentityError (EKEY) if the
        private key is not here.
        """
        out = block()
        check(lib.lares_key_seed(self._key, out))
        return copied(out)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return self.origin == other.origin

    def __hash__(self) -> int:
        return hash(self.origin)

    def __repr__(self) -> str:
        return f"<Key {self.origin:016x}>"


def key_pointer(key: Key) -> Any:
    """Return the key of the core."""
    if not isinstance(key, Key):
        raise TypeError(f"identity is {type(key).__name__}, expected Key")
    return key._key


class Chain:
    """A verifier of one origin's chain, which stands at its genesis.

    origin: int, the identity whose events it is shown.

    Raises InvalidArgument (EINVAL) for origin 0.
    """

    def __init__(self, origin: int) -> None:
        out = ffi.new("lares_chain **")
        check(lib.lares_chain_new(origin, out))
        self._chain = ffi.gc(out[0], lib.lares_chain_free)
        self._event = ffi.new("lares_event *")

    def check(self, event: Event) -> None:
        """Check that an event follows the head, and move the head to it.

        Every event of the origin must be shown, from the first on. Raises
        ChainError (EORIGIN, EGAP, EPARENT) or FormatError (EDIGEST), and then
        the head stands where it stood.
        """
        data = view(event.data)  # stays alive until the call has returned
        copy = self._event
        copy.origin = event.origin
        copy.sequence = event.sequence
        copy.parent = event.parent
        copy.horizon = event.horizon
        copy.hash = event.hash
        copy.data = data
        copy.len = len(data)
        check(lib.lares_chain_check(self._chain, copy))
