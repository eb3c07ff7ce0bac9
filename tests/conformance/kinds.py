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


class Counter(lares.Daemon):
    def __init__(self) -> None:
        self.n = 0

    def process(self, event: lares.Event) -> bytes:
        self.n += 1
        return str(self.n).encode()


class Sum(lares.Daemon):
    def __init__(self) -> None:
        self.total = 0

    def process(self, event: lares.Event) -> bytes:
        if len(event) != 8:
            raise ValueError(f"not 8 bytes: {event.text}")
        self.total += int.from_bytes(event.data, "little")
        self.total %= 2**64
        return self.total.to_bytes(8, "little")


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


class Rubbish(lares.Daemon):
    def process(self, event: lares.Event) -> int:  # type: ignore[override]
        return 7


KINDS = {
    "echo": Echo,
    "tagged": Tagged,
    "counter": Counter,
    "sum": Sum,
    "fail-once": FailOnce,
    "burst": Burst,
    "rubbish": Rubbish,
}
