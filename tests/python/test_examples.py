"""The examples, run as a reader would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"

sys.path.insert(0, str(EXAMPLES))
import demo  # noqa: E402


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few files in the place of the machine's licences."""
    licences = tmp_path / "common-licenses"
    licences.mkdir()
    (licences / "one").write_bytes(b"The cat\n\nsat on the mat. The end\n")
    (licences / "two").write_bytes(b"\xe9t\xe9 don't a-b\r\nno newline here")
    copyright = tmp_path / "doc" / "cat"
    copyright.mkdir(parents=True)
    (copyright / "copyright").write_bytes(b"")
    monkeypatch.setattr(demo, "SHARE", tmp_path)
    monkeypatch.setattr(demo, "LINES", 2_000)
    monkeypatch.setattr(demo, "MORE", 1_000)
    return tmp_path


def mapped_cores() -> set[str]:
    maps = Path("/proc/self/maps").read_text().split()
    return {word for word in maps if "/liblares.so" in word}


def test_counter() -> None:
    run = subprocess.run([sys.executable, str(EXAMPLES / "counter.py")],
                         capture_output=True, text=True, timeout=10)
    assert run.stderr == ""
    assert run.stdout.splitlines()[0] == "1"
    assert "#2 'counts' b'2'" in run.stdout.splitlines()[2]


def test_demo(share: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Python, a C plug-in built on another copy of the core, and a script are
    three daemons of one node, on one core. id: AB08"""
    assert demo.main() == 0
    assert len(mapped_cores()) == 1
    out = capsys.readouterr().out
    assert "2,002 lines of text (3 licence files" in out
    assert out.count("2,003 ") == 2  # and the marker
    assert out.count("2,002 ") == 2  # the counter with the dead letter
    assert out.count(" 4 links") == 3  # two on the second node
    assert "dead letter 'the line that the Lua" in out
    assert "cannot stand this line" in out
    assert "NO" not in out


def test_demo_fails_when_a_counter_errs(
        share: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(demo.WordCount, "report", lambda _: [b"1 cat\n", b""])
    assert demo.main() == 1
    assert capsys.readouterr().out.count("NO") == 2  # in both acts
