"""The kinds of the conformance cases, as a Python author writes them."""

from __future__ import annotations

from typing import Iterator

import lares


class Echo(lares.Daemon):
    def process(self, event: lares.Event) -> bytes:
        return event.data


class Tagged(lares.Daemon):
    def process(self, event: lares.Event) -> bytes:
        return self.argument.encode() + b":" + event.data


class Memory(lares.Daemon):
    """What remembers one number, and can hand it on."""

    def __init__(self) -> None:
        self.n = 0

    def snapshot(self) -> bytes:
        return self.n.to_bytes(8, "little")

    def restore(self, state: bytes) -> None:
        if len(state) != 8:
            raise ValueError("not a state of 8 bytes")
        self.n = int.from_bytes(state, "little")


class Counter(Memory):
    def process(self, event: lares.Event) -> bytes:
        self.n += 1
        return str(self.n).encode()


class Sum(Memory):
    def process(self, event: lares.Event) -> bytes:
        if len(event) != 8:
            raise ValueError(f"not 8 bytes: {event.text}")
        self.n = (self.n + int.from_bytes(event.data, "little")) % 2**64
        return self.n.to_bytes(8, "little")


class Boom(Memory):
    """Counts all the same, so that only a rebuild can take it back."""

    def process(self, event: lares.Event) -> bytes:
        self.n += 1
        if event.data == b"boom":
            raise RuntimeError("boom")
        return str(self.n).encode()


class FailOnce(lares.Daemon):
    def __init__(self) -> None:
        self.calls = 0

    def process(self, event: lares.Event) -> bytes:
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("first call fails")
        return str(self.calls - 1).encode()


class Burst(lares.Daemon):
    def process(self, event: lares.Event) -> Iterator[bytes]:
        times, output, *channel = event.text.split(":")
        for _ in range(int(times)):
            if channel:
                self.emit(output.encode(), channel[0])
            else:
                yield output.encode()


class Late(lares.Daemon):
    def process(self, event: lares.Event) -> bytes | None:
        if event.origin == 0:  # its timer
            return event.data
        ms, _, data = event.text.partition(":")
        self.after(int(ms) / 1000, data.encode())
        return None


class Rubbish(lares.Daemon):
    def process(self, event: lares.Event) -> int:  # type: ignore[override]
        return 7


KINDS = {
    "echo": Echo,
    "tagged": Tagged,
    "counter": Counter,
    "sum": Sum,
    "boom": Boom,
    "fail-once": FailOnce,
    "burst": Burst,
    "late": Late,
    "rubbish": Rubbish,
}
