"""The conformance cases, played through the public Python API."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "conformance"
RUNNER = [sys.executable, str(FOLDER / "runner.py")]
SKIP = FOLDER / "skip" / "python.txt"

sys.path.insert(0, str(FOLDER))
import meta  # noqa: E402


def test_cases_are_their_own_transcripts() -> None:
    meta.check_equal(RUNNER, SKIP)


def test_cases_cover_verbs_and_payloads() -> None:
    meta.check_cases()


def test_changed_case_fails() -> None:
    meta.check_changed(RUNNER, SKIP)


def test_skips_are_counted_and_stale_ones_fail() -> None:
    meta.check_skips(RUNNER)
