"""The recovery handlers of the conformance cases, as a Python author writes them.

Each time a handler runs it does its words in their order: `7` reports slot 7,
`add 9` registers a handler 9 that reports slot 9, `remove NAME` takes one away,
`fail` fails.
"""

from __future__ import annotations

from typing import Callable, Iterator

import lares


class Handlers:
    """A registry, and its handlers by their names."""

    def __init__(self, registry: lares.Recovery) -> None:
        self.registry = registry
        self.named: dict[str, Callable[[], Iterator[int]]] = {}

    def add(self, name: str, *words: str) -> int:
        def handler() -> Iterator[int]:
            rest = iter(words)
            for word in rest:
                if word == "fail":
                    raise RuntimeError("cannot recover")
                if word == "add":
                    slot = next(rest)
                    self.add(slot, slot)
                elif word == "remove":
                    self.remove(next(rest))
                else:
                    yield int(word)

        self.named[name] = handler
        return self.registry.register(handler, name)

    def remove(self, name: str) -> bool:
        handler = self.named.get(name)
        return handler is not None and self.registry.remove(handler)
