"""Daemons in Python: rows 4, 5 and 7, N5 and N6.

    bench_python.py FOLDER [--list | --ir NAME COUNT]

FOLDER holds the CFFI module of python_build.py.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Callable

import lares
import lares._native

from serve import Variant, main

sys.path.insert(0, sys.argv.pop(1))
import _bench  # after lares, whose library it uses

BURST = 64
PAYLOADS = [i.to_bytes(8, "little") + bytes(56) for i in range(BURST)]
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


if __name__ == "__main__":
    main({
        "publish from C, burst 64": fed_from_c,
        "call by the C API": raw_call,
        'call by extern "Python"': extern_call,
        "deliver": deliver,
        "publish, burst 64": publish,
        "round trip": ping_pong,
        "asyncio.Queue hop": queue_hop,
    })
