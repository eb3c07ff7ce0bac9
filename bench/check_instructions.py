#!/usr/bin/env python3
"""Compare instructions per operation with those in instructions.txt.

    bench/check_instructions.py            fails where they grew by over 1 + 2 %
    bench/check_instructions.py --write    measures, and writes the file

Callgrind counts a run of N and one of 2 N operations: the difference, divided
by N, holds neither start nor warm-up, and repeats whatever else the machine is
doing. It depends on compiler and C library: the file is for Debian 12, and
where long inputs are hashed for a processor with AVX2.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import build
from rows import COUNTED, ROWS, Variant

FILE = Path(__file__).with_name("instructions.txt")
HEAD = "# instructions per operation; bench/check_instructions.py --write\n"
COUNT = 12800
GROWTH = 1.02
NOISE = 1.0  # starts differ by some thousands of instructions
Found = dict[Variant, float]


def instructions(command: list[str], name: str, count: int) -> int:
    """How many a run of the variant executes, from start to end."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             *command, "--ir", name, str(count)]
    # The same layout and hashes in both runs.
    fixed = {**os.environ, "PYTHONHASHSEED": "0"}
    result = subprocess.run(words, capture_output=True, text=True, env=fixed)
    collected = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or collected is None:
        raise SystemExit(f"{name}: {result.stderr[-1000:]}")
    return int(collected[1])


def per_operation(command: list[str], name: str) -> float:
    once, twice = (instructions(command, name, n) for n in (COUNT, 2 * COUNT))
    return (twice - once) / COUNT


def measure() -> Found:
    variants = list(dict.fromkeys([
        *(row.ours for row in ROWS if row.target is not None and row.counted),
        *COUNTED]))
    commands = {program: build.PROGRAMS[program]()
                for program in dict.fromkeys(name for name, _ in variants)}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = pool.map(lambda variant: per_operation(
            commands[variant[0]], variant[1]), variants)
        return dict(zip(variants, counts))


def read() -> Found:
    found = {}
    for line in FILE.read_text().splitlines():
        if not line.startswith("#"):
            count, program, name = line.split(maxsplit=2)
            found[program, name] = float(count)
    return found


def write(found: Found) -> None:
    lines = (f"{count:10.1f}  {program:<7} {name}\n"
             for (program, name), count in found.items())
    FILE.write_text(HEAD + "".join(lines))


def hashes_at_length(variant: Variant) -> bool:
    """Does its count depend on AVX2?"""
    return variant[0] == "image" or "KiB" in variant[1]


def compare(found: Found, committed: Found) -> bool:
    """Print what changed, and tell whether anything grew."""
    wide = "avx2" in Path("/proc/cpuinfo").read_text().split()
    grown = False
    for variant, count in found.items():
        before = committed.get(variant, 0.0)
        if hashes_at_length(variant) and not wide:
            verdict = "else"
        elif count > before * GROWTH + NOISE:
            verdict, grown = "GREW", True
        else:
            fell = count * GROWTH + NOISE < before
            verdict = "fell" if fell else "same"
        print(f"{verdict}  {before:10.1f} -> {count:10.1f}  "
              f"{' '.join(variant)}")
    return grown


def main() -> int:
    if shutil.which("valgrind") is None:
        print("valgrind is not installed", file=sys.stderr)
        return 1
    found = measure()
    if sys.argv[1:] == ["--write"]:
        write(found)
        return 0
    return int(compare(found, read()))


if __name__ == "__main__":
    sys.exit(main())
