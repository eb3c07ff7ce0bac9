"""Daemons in Python: rows 4, 5 and 7, N5, N6 and N10, checkpoints.

    bench_python.py FOLDER [--list | --ir NAME COUNT]

FOLDER holds the CFFI module of python_build.py.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from typing import Callable

import lares
import lares._native

from serve import Variant, main

sys.path.insert(0, sys.argv.pop(1))
import _bench  # after lares, whose library it uses

BURST = 64
PAYLOADS = [i.to_bytes(8, "little") + bytes(56) for i in range(BURST)]
WORDS = [i.to_bytes(8, "little") + bytes(56) for i in range(21000)]
ffi, lib = _bench.ffi, _bench.lib


def total(count: int) -> int:
    """The sum of the numbers below count."""
    return count * (count - 1) // 2


class Echo(lares.Daemon):
    def process(self, event: lares.Event) -> bytes:
        return event.data


class Plain:
    """An echo without a hub."""

    def process(self, data: bytes) -> bytes:
        return data


@ffi.def_extern(error=0)
def called(user, data, size, out):  # type: ignore[no-untyped-def]
    result = ffi.from_handle(user).process(ffi.unpack(data, size))
    ffi.memmove(out, result, len(result))
    return len(result)


def fed_from_c() -> Variant:
    """Events from C, in bursts."""
    node = lares.Node("bench", lanes=0).start()
    node.register(Echo)
    address = int(lares._native.ffi.cast("uintptr_t", node._node))
    echo = ffi.new("struct echo *")
    lib.echo_open(echo, ffi.cast("lares_node *", address), b"echo", 64)

    def run(count: int) -> Callable[[], bool]:
        lib.echo_burst(echo, count)
        return lambda: node is not None and bool(lib.echo_proved(echo, count))

    return run


def raw_call() -> Variant:
    process = Plain().process

    def run(count: int) -> Callable[[], bool]:
        result = lib.python_floor_raw(id(process), count)
        return lambda: result == total(count)

    return run


def extern_call() -> Variant:
    handle = ffi.new_handle(Plain())

    def run(count: int) -> Callable[[], bool]:
        result = lib.python_floor_extern(lib.called, handle, count)
        return lambda: result == total(count)

    return run


def fed_from_python() -> tuple[lares.Node, lares.Handle, Callable[[], int]]:
    """A node with an echo, and how many outputs that has emitted."""
    node = lares.Node("bench", lanes=0).start()
    daemon = node.spawn(Echo, subscribe="ticks")
    return node, daemon, lambda: int(daemon.stats["sequence"])


def deliver() -> Variant:
    node, daemon, sequence = fed_from_python()

    def run(count: int) -> Callable[[], bool]:
        before, call, last = sequence(), daemon.deliver, None
        for _ in range(count // BURST):
            for data in PAYLOADS:
                (last,) = call(data)
        return lambda: (
            last.data == data and last.sequence == before + count
            and sequence() == before + count and node is not None
        )

    return run


def publish() -> Variant:
    node, daemon, sequence = fed_from_python()

    def run(count: int) -> Callable[[], bool]:
        before, call = sequence(), node.publish
        for _ in range(count // BURST):
            for data in PAYLOADS:
                call("ticks", data)
            node.run(0)
        return lambda: sequence() == before + count and (
            daemon.deliver(PAYLOADS[1])[0].data == PAYLOADS[1]
        )

    return run


class Ping(lares.Daemon):
    left = 0

    def process(self, event: lares.Event) -> bytes | None:
        Ping.left -= 1
        return event.data if Ping.left >= 0 else None


def ping_pong() -> Variant:
    """Round trips between two daemons, one event under way."""
    node = lares.Node("bench", lanes=0).start()
    node.spawn(Ping, subscribe="back", publish="there")
    node.spawn(Echo, subscribe="there", publish="back")

    def run(count: int) -> Callable[[], bool]:
        Ping.left = count
        node.publish("back", PAYLOADS[1])
        node.run(0)
        return lambda: Ping.left == -1

    return run


async def hops(count: int) -> int:
    """Items from one task to another, as many under way as in a burst: with
    fewer a hop costs several times as much."""
    queue: asyncio.Queue[int] = asyncio.Queue(BURST)
    result = 0

    async def consume() -> None:
        nonlocal result
        for _ in range(count):
            result += await queue.get()

    task = asyncio.create_task(consume())
    for i in range(count):
        await queue.put(i)
    await task
    return result


def queue_hop() -> Variant:
    loop = asyncio.new_event_loop()

    def run(count: int) -> Callable[[], bool]:
        result = loop.run_until_complete(hops(count))
        return lambda: result == total(count)

    return run


class Tally(lares.Daemon):
    """Counts words, and keeps nothing of that when it is made anew."""

    last: "Tally"

    def __init__(self) -> None:
        self.counts = dict.fromkeys(WORDS, 0)
        Tally.last = self

    def process(self, event: lares.Event) -> None:
        self.counts[event.data] += 1


class Counter(Tally):
    """The same with a state of 1.5 MB: how often a word came, and the word."""

    def snapshot(self) -> bytes:
        return b"".join([
            count.to_bytes(8, "little") + word
            for word, count in self.counts.items()
        ])

    def restore(self, state: bytes) -> None:
        for i in range(0, len(state), 72):
            count = int.from_bytes(state[i : i + 8], "little")
            self.counts[state[i + 8 : i + 72]] = count


def count_words(kind: type[Tally]) -> Variant:
    node = lares.Node("bench", lanes=0).start()
    node.spawn(kind, subscribe="words")
    daemon, words = Tally.last, itertools.cycle(WORDS)

    def run(count: int) -> Callable[[], bool]:
        before, call = sum(daemon.counts.values()), node.publish
        for _ in range(count // BURST):
            for word in itertools.islice(words, BURST):
                call("words", word)
            node.run(0)
        return lambda: sum(daemon.counts.values()) == before + count

    return run


def spawn_and_stop() -> Variant:
    """An identity lives once in a node: making new ones is not counted."""
    node = lares.Node("bench", lanes=0).start()
    node.register(Echo)
    seeds = itertools.count(1)

    def run(count: int) -> tuple[int, Callable[[], bool]]:
        spent = 0
        for _ in range(count // BURST):
            seeds_now = itertools.islice(seeds, BURST)
            keys = [lares.Key(seed.to_bytes(32, "big")) for seed in seeds_now]
            start = time.thread_time_ns()
            for key in keys:
                node.spawn("echo", identity=key).stop(0)
            spent += time.thread_time_ns() - start
        row = node.report("node")[0]
        return spent, lambda: row["daemons"] == 0 and next(seeds) > count

    return run


if __name__ == "__main__":
    main({
        "publish from C, burst 64": fed_from_c,
        "call by the C API": raw_call,
        'call by extern "Python"': extern_call,
        "deliver": deliver,
        "publish, burst 64": publish,
        "round trip": ping_pong,
        "asyncio.Queue hop": queue_hop,
        "count": lambda: count_words(Counter),
        "count, nothing saved": lambda: count_words(Tally),
        "spawn and stop": spawn_and_stop,
    })
