"""Help for tests: a pytest plug-in, and worlds with a clock of their own.

With pytest installed there are two fixtures: lares_node, a started Node that
must leave nothing behind, and lares_world, a World whose seed is printed when
the test fails (run it again with --lares-seed=SEED).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lares._native import ffi, lib
from lares._values import encode, milliseconds, options_new
from lares.errors import check
from lares.node import Node

if TYPE_CHECKING:
    import pytest

__all__ = ["World"]


class World:
    """Nodes under a virtual clock, on this thread: time passes in run().

    seed: int, below 2**64; time and entropy of its nodes, so fresh identities
    too, come from it. With `with` its nodes are stopped at the end.
    """

    def __init__(self, seed: int = 0) -> None:
        out = ffi.new("lares_world **")
        check(lib.lares_world_new(seed, out))
        self._world = ffi.gc(out[0], lib.lares_world_free)
        self._nodes: list[Node] = []
        self.seed = seed

    def node(self, name: str, **options: object) -> Node:
        """Make and start a node without lanes; options as Node has them.

        Raises InvalidArgument (ENAME, EOPTION, ERANGE), Exists.
        """
        out = ffi.new("lares_node **")
        made = options_new(options)
        check(lib.lares_world_node(self._world, encode(name), made, out))
        node = Node._adopt(name, out[0])
        self._nodes.append(node)
        return node

    def run(self, seconds: float) -> None:
        """Let virtual seconds pass and do all that falls due, in order.

        If a daemon ended the program (SystemExit), that rises here.
        """
        check(lib.lares_world_run(self._world, milliseconds(seconds)))
        for node in self._nodes:
            node._exit_raise()

    def run_idle(self) -> None:
        """Do all that is ready now; no time passes."""
        self.run(0)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *raised: object) -> None:
        for node in self._nodes:
            node.close()

    def __repr__(self) -> str:
        return f"<World {self.seed}>"


def _node() -> Iterator[Node]:
    """A started Node, stopped after the test; nothing may be left of it."""
    with Node("test") as node:
        yield node
    row = node.report("node")[0]
    assert (row["leftover"], row["abandoned"]) == (0, 0), row


def _world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A World with a random seed, which is printed when the test fails."""
    seed = request.config.getoption("--lares-seed")
    if seed is None:
        seed = random.SystemRandom().getrandbits(64)
    print(f"lares: --lares-seed={seed}")
    with World(seed) as world:
        yield world


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("lares")
    group.addoption(
        "--lares-seed",
        type=int,
        help="seed of the fixture lares_world; default: a random one",
    )


try:
    import pytest
except ImportError:
    pass
else:
    lares_node = pytest.fixture(name="lares_node")(_node)
    lares_world = pytest.fixture(name="lares_world")(_world)
