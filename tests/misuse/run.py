#!/usr/bin/env python3
"""Play each cell of the misuse matrix in a process of its own.

usage: run.py COMMAND...

COMMAND --list prints a line for each cell, `row/column: expected`; COMMAND CELL
plays it, and exits 0 if all came as expected. A cell has 10 s; under a
sanitizer six times as many.
"""
from __future__ import annotations

import os
import subprocess
import sys

LIMIT = 60 if "ASAN_OPTIONS" in os.environ else 10  # seconds


def cells(command: list[str]) -> list[tuple[str, str]]:
    """Return the name of each cell, and what is expected of it."""
    done = subprocess.run([*command, "--list"], check=True,
                          capture_output=True, text=True)
    pairs = [line.partition(": ") for line in done.stdout.splitlines()]
    return [(name, expected) for name, _, expected in pairs]


def play(command: list[str], name: str) -> str:
    """Play a cell, and return what was wrong: nothing, as a rule."""
    try:
        done = subprocess.run([*command, name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        return f"did not end within {LIMIT} s\n"
    if done.returncode == 0 and done.stderr == "":
        return ""
    return f"exit {done.returncode}\n{done.stdout}{done.stderr}"


def main(*command: str) -> int:
    """Play all cells; return 1 if one did not come as expected."""
    names = cells(list(command))
    failed = 0
    for name, expected in names:
        wrong = play(list(command), name)
        print(f"{name}: {wrong and 'NOT '}{expected}\n{wrong}", end="",
              flush=True)
        failed += wrong != ""
    print(f"{len(names) - failed} of {len(names)} cells")
    return failed > 0 or not names


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
