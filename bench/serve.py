"""The protocol of bench.h for programs in Python.

A variant is a function (count) that returns another, which tells whether the
work was done and is not timed. One that times a part of its work itself, or
counts bytes, returns what it spent as well.
"""

from __future__ import annotations

import sys
import time
from typing import Callable, Union

Proof = Callable[[], bool]
Variant = Callable[[int], Union[Proof, tuple[int, Proof]]]


def measure(name: str, variant: Variant, count: int) -> int:
    start = time.thread_time_ns()
    proved = variant(count)
    spent = time.thread_time_ns() - start
    if isinstance(proved, tuple):
        spent, proved = proved
    if not proved():
        sys.exit(f"benchmark: {name}: the work was not done")
    return spent


def main(open_variants: dict[str, Callable[[], Variant]]) -> None:
    """Serve variants; each is opened when it is first run."""
    opened: dict[str, Variant] = {}

    def variant(name: str) -> Variant:
        if name not in opened:
            opened[name] = open_variants[name]()
        return opened[name]

    if sys.argv[1:2] == ["--list"]:
        print(*open_variants, sep="\n")
    elif sys.argv[1:2] == ["--ir"]:
        variant(sys.argv[2])(int(sys.argv[3]))
    else:
        for line in sys.stdin:
            count, name = line.rstrip("\n").split(" ", 1)
            print(measure(name, variant(name), int(count)), flush=True)
