#!/usr/bin/env python3
"""End a program in each of its ways, again and again.

usage: exits.py COMMAND...

COMMAND --list prints a line for each way, `way: status`, and behind the status
what is to stand on stderr, if anything. COMMAND WAY ends that way, which may
take 2 s; under a sanitizer six times as long.
"""
from __future__ import annotations

import os
import subprocess
import sys
import time

SANITIZED = "ASAN_OPTIONS" in os.environ
LIMIT = 12 if SANITIZED else 2  # seconds
TIMES = 50 if "LARES_DEEP" in os.environ else 5


def environment() -> dict[str, str]:
    """Return ours; whoever ends amid its work need not free it first."""
    if not SANITIZED:
        return dict(os.environ)
    options = os.environ["ASAN_OPTIONS"] + ":detect_leaks=0"
    return {**os.environ, "ASAN_OPTIONS": options}


def wrong(command: list[str], way: str, status: int, error: str) -> str:
    """Return what does not come as expected: nothing, as a rule."""
    begun = time.monotonic()
    done = subprocess.run([*command, way], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=10 * LIMIT,
                          env=environment())
    took = time.monotonic() - begun
    if done.returncode != status:
        return f"exit {done.returncode}\n{done.stderr}"
    if (error not in done.stderr) if error else done.stderr:
        return f"stderr is\n{done.stderr}"
    return f"took {took:.1f} s\n" if took > LIMIT else ""


def main(*command: str) -> int:
    """Try all ways; return 1 if one did not come as expected."""
    done = subprocess.run([*command, "--list"], check=True,
                          capture_output=True, text=True)
    failed = 0
    for line in done.stdout.splitlines():
        way, _, expected = line.partition(": ")
        status, _, error = expected.partition(" ")
        for _ in range(TIMES):
            text = wrong(list(command), way, int(status), error)
            if text:
                failed += 1
                print(f"{line}: {text}", end="", flush=True)
                break
    print(f"{len(done.stdout.splitlines())} ways, {failed} failed")
    return failed > 0 or not done.stdout


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
