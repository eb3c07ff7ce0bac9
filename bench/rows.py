"""The rows that are measured, and the targets they must meet.

A variant is named by its program (bench/build.py) and its name there.
"""

from __future__ import annotations

from dataclasses import dataclass

Variant = tuple[str, str]


@dataclass(frozen=True)
class Row:
    row: str
    metric: str
    ours: Variant
    base: Variant
    target: float | None = None  # None: the row informs
    higher: bool = False  # ratio = base / ours, else ours / base

    def ratio(self, ours: float, base: float) -> float:
        return base / ours if self.higher else ours / base

    def met(self, ratio: float) -> bool | None:
        if self.target is None:
            return None
        return ratio >= self.target if self.higher else ratio <= self.target


ROWS = [
    Row("1", "C daemon, publish to delivered, 64 B, burst 64",
        ("core", "publish, burst 64"), ("core", "event without a hub"), 2.0),
    Row("2", "Lua daemon, 64 B to string, burst 64",
        ("lua", "publish, burst 64"), ("lua", "64 calls in one lua_pcall"),
        1.6),
    Row("3", "Lua daemon, 64 B, burst 1",
        ("lua", "publish, burst 1"), ("lua", "lua_pcall"), 1.75),
    Row("3", "Lua daemon, 1 KiB, burst 64",
        ("lua", "publish 1 KiB, burst 64"), ("lua", "lua_pcall 1 KiB"), 1.75),
    Row("4", "Python daemon, 64 B to bytes, burst 64",
        ("python", "publish from C, burst 64"),
        ("python", "call by the C API"), 1.9),
    Row("5", "Python daemon, 64 B to bytes, burst 64",
        ("python", "publish from C, burst 64"),
        ("python", 'call by extern "Python"'), 0.25),
    Row("7", "Python ping-pong, a round trip",
        ("python", "round trip"), ("python", "asyncio.Queue hop"), 1.0),
    Row("8", "chain hash, 64 B",
        ("chain", "link"), ("chain", "hash"), 1.3),
    Row("8", "chain hash, 1 KiB",
        ("chain", "link 1 KiB"), ("chain", "hash 1 KiB"), 1.3),
    Row("9", "ticket at 1000 daemons",
        ("core", "find by ticket"), ("core", "find in a bare table"), 1.5),
    Row("9", "origin at 1000 daemons",
        ("core", "find by origin"), ("core", "find in a bare table"), 1.5),
    Row("16", "C daemons, two lanes",
        ("core", "pairs on two lanes"), ("core", "pairs on one lane"), 1.7,
        higher=True),
    Row("16", "Lua daemons, two lanes",
        ("lua", "pairs on two lanes"), ("lua", "pairs on one lane"), 1.7,
        higher=True),
    Row("N1", "send + deliver, 64 B, 1 daemon, burst 1",
        ("core", "deliver"), ("netmesh", "send and deliver"), 4,
        higher=True),
    Row("N2", "send + deliver, 64 B, 1000 daemons",
        ("core", "deliver to 1000"), ("netmesh", "send and deliver to 1000"),
        3, higher=True),
    Row("N2", "send + deliver, 1 KiB, 1 daemon",
        ("core", "deliver 1 KiB"), ("netmesh", "send and deliver 1 KiB"), 2,
        higher=True),
    Row("N2", "send + deliver, 1 KiB, 1000 daemons",
        ("core", "deliver 1 KiB to 1000"),
        ("netmesh", "send and deliver 1 KiB to 1000"), 2, higher=True),
    Row("N3", "echo: 2 sends, 2 deliveries",
        ("core", "round trip"), ("netmesh", "round trip"), 5, higher=True),
    Row("N3", "the same, 64 under way",
        ("core", "round trips, 64 under way"), ("netmesh", "round trip"),
        higher=True),
    Row("N4", "echo after 1000 origins, against 1",
        ("core", "echo, 1000 origins"), ("core", "echo, 1 origin")),
    Row("N4", "echo after 1000 origins",
        ("core", "echo, 1000 origins"), ("netmesh", "echo, 1000 origins"),
        higher=True),
    Row("N5", "Python deliver echo from Python, 64 B",
        ("python", "deliver"), ("wheel", "deliver"), 1.7, higher=True),
    Row("N5", "Python echo from Python, 64 B, batched",
        ("python", "publish, burst 64"), ("wheel", "deliver"), 2.5,
        higher=True),
    Row("N6", "events from C to a Python daemon, batch",
        ("python", "publish from C, burst 64"), ("wheel", "deliver"), 6,
        higher=True),
]
