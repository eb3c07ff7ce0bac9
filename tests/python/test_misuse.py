"""The misuse matrix: each cell is played in a process of its own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "misuse"
COMMAND = [sys.executable, str(FOLDER / "misuse.py")]

spec = importlib.util.spec_from_file_location("misuse_run", FOLDER / "run.py")
assert spec is not None and spec.loader is not None
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)

CELLS = dict(run.cells(COMMAND))
assert CELLS  # no name, no test


@pytest.mark.parametrize("name", CELLS)
def test_misuse(name):
    assert run.play(COMMAND, name) == "", CELLS[name]
