"""The misuse matrix: each cell is played in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "misuse" / "misuse.py"
LIMIT = 60 if "ASAN_OPTIONS" in os.environ else 10  # seconds


def play(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FILE), name],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )


CELLS = dict(
    line.split(": ", 1) for line in play("--list").stdout.splitlines()
)


@pytest.mark.parametrize("name", CELLS)
def test_misuse(name):
    done = play(name)
    assert (done.returncode, done.stderr) == (0, ""), CELLS[name]
