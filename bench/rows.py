"""The rows that are measured, and the targets they must meet.

A variant is named by its program (bench/build.py) and its name there.
"""

from __future__ import annotations

from dataclasses import dataclass

Variant = tuple[str, str]

RECORDS = 10240  # of a snapshot in row 13
CHECKPOINTS = 1 << 20  # inputs: two tails of 64 MiB as they are charged


@dataclass(frozen=True)
class Row:
    row: str
    metric: str
    ours: Variant
    base: Variant
    target: float | None = None  # None: the row informs
    higher: bool = False  # ratio = base / ours, else ours / base
    burst: int = 64  # counts are multiples of it
    fresh: bool = False  # bytes, each time of a process of its own
    counted: bool = True  # by check_instructions.py, if there is a target

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
    Row("12", "Lua error -> dead letter, beyond a turn",
        ("lua-life", "error, given up"),
        ("lua-life", "error, short traceback"), 1.5, counted=False),
    Row("13", "C snapshot, a record of 72 B",
        ("image", "snapshot of records"),
        ("image", "records written and hashed"), 1.5, burst=RECORDS,
        counted=False),
    Row("13", "Lua snapshot, a record of 72 B",
        ("lua-life", "snapshot of a table"), ("lua-life", "lua_next"), 1.4,
        burst=RECORDS, counted=False),
    Row("14", "C daemon, spawn, its key at hand",
        ("life", "spawn"), ("erlang", "spawn a process"), 0.25,
        counted=False),
    Row("14", "C daemon, bytes, its key at hand",
        ("life", "idle daemons"), ("erlang", "idle processes"), 0.25,
        fresh=True, counted=False),
    Row("14", "Lua closure, spawn, its key at hand",
        ("closure", "spawn"), ("erlang", "spawn a process"), 0.5,
        counted=False),
    Row("14", "Lua closure, bytes, its key at hand",
        ("closure", "idle daemons"), ("erlang", "idle processes"), 0.5,
        fresh=True, counted=False),
    Row("16", "C daemons, two lanes",
        ("core", "pairs on two lanes"), ("core", "pairs on one lane"), 1.7,
        higher=True, counted=False),
    Row("16", "Lua daemons, two lanes",
        ("lua", "pairs on two lanes"), ("lua", "pairs on one lane"), 1.7,
        higher=True, counted=False),
    Row("checkpoint", "C counter, 1.5 MB of state, in its snapshots",
        ("life", "count, in snapshots"), ("life", "count"), 0.1,
        burst=CHECKPOINTS, counted=False),
    Row("checkpoint", "C counter, 1.5 MB of state, an event",
        ("life", "count"), ("life", "count, nothing saved"),
        burst=CHECKPOINTS),
    Row("checkpoint", "C counter, 72 bytes of state, an event",
        ("life", "count one word"), ("life", "count one word, not saved"),
        burst=CHECKPOINTS),
    Row("checkpoint", "Lua counter, 1.5 MB of state, an event",
        ("lua-life", "count"), ("lua-life", "count, nothing saved"),
        burst=CHECKPOINTS),
    Row("checkpoint", "Python counter, 1.5 MB of state, an event",
        ("python", "count"), ("python", "count, nothing saved"),
        burst=CHECKPOINTS),
    Row("signed", "image, 1 KiB",
        ("image", "save and sign 1 KiB"),
        ("image", "copy, hash and sign 1 KiB"), 1.2, burst=1, counted=False),
    Row("signed", "image, 1 MiB",
        ("image", "save and sign 1 MiB"),
        ("image", "copy, hash and sign 1 MiB"), 1.2, burst=1, counted=False),
    Row("rebuild", "1 KiB of state, 64 inputs",
        ("life", "rebuild of 64 inputs"), ("life", "restore and 64 calls")),
    Row("rebuild", "64 KiB of state, 4096 inputs",
        ("life", "rebuild of 4096 inputs"),
        ("life", "restore and 4096 calls"), burst=1),
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
    Row("N7", "bytes of an idle daemon, its identity among them",
        ("life", "idle daemons and their keys"),
        ("netmesh", "idle daemons and their keys"), 6, higher=True,
        fresh=True, counted=False),
    Row("N8", "save and load, plain, 1 KiB",
        ("image", "save and load 1 KiB"), ("netmesh", "save and load 1 KiB"),
        3, higher=True, counted=False),
    Row("N8", "save and load, plain, 16 MiB",
        ("image", "save and load 16 MiB"),
        ("netmesh", "save and load 16 MiB"), 5, higher=True, burst=1,
        counted=False),
    Row("N9", "save, plain, 64 KiB",
        ("image", "save 64 KiB"), ("netmesh", "save 64 KiB"), 0.9,
        higher=True, burst=1, counted=False),
    Row("N9", "save, plain, 1 MiB",
        ("image", "save 1 MiB"), ("netmesh", "save 1 MiB"), 0.9,
        higher=True, burst=1, counted=False),
    Row("N10", "spawn + stop, C",
        ("life", "spawn and stop"), ("netmesh", "spawn and stop"), 2,
        higher=True, counted=False),
    Row("N10", "spawn + stop, Python",
        ("python", "spawn and stop"), ("wheel", "spawn and stop"), 8,
        higher=True, counted=False),
    Row("N13", "recovery pass, 100 handlers",
        ("life", "recovery pass"), ("netmesh", "recovery pass"), 0.7,
        higher=True),
]

# Counted by check_instructions.py as well.
COUNTED = [("image", "save 1 KiB"), ("life", "rebuild of 64 inputs")]
