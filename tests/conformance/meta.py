"""Check a conformance runner itself: python meta.py LANGUAGE RUNNER...

It plays all cases with the runner twice, and then shows that the runner has
teeth: a changed case and a stale skip line make it fail.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
CASES = sorted(HERE.glob("*.case"))
VERBS = {"world", "node", "kind", "spawn", "deliver", "send", "publish",
         "subscribe", "unsubscribe", "inbox", "run", "next", "snapshot",
         "retire", "restore", "restart", "replay", "drop", "handler", "remove", "pass",
         "stop", "free", "check", "report", "facts"}
PAYLOADS = (' ""\n', ' "\\x00"\n', "16777216 bytes sum=")


def play(runner: list[str], skip: Path, *cases: Path,
         ) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*runner, str(skip), *map(str, cases)],
                          capture_output=True, text=True, timeout=60)


def check_equal(runner: list[str], skip: Path) -> None:
    """Two runs over all cases print the same, and all are equal. id: CF01"""
    first, second = (play(runner, skip, *CASES) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert first.stdout == second.stdout
    assert first.stdout.endswith(f"# {len(CASES)} cases, 0 skipped, 0 differ\n")


def check_cases() -> None:
    """Every verb and every edge of a payload occurs. id: CF01"""
    text = "".join(case.read_text("utf-8") for case in CASES)
    commands = re.findall(r"^\w+", text, re.MULTILINE)
    assert set(commands) == VERBS
    assert all(payload in text for payload in PAYLOADS)


def check_changed(runner: list[str], skip: Path) -> None:
    """A case with one byte of a result changed fails. id: CF02"""
    text = (HERE / "fail_once.case").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder, "changed.case")
        for result in re.finditer(r"^=.*(\w)", text, re.MULTILINE):
            byte = "x" if result[1] != "x" else "y"
            changed = text[:result.start(1)] + byte + text[result.end(1):]
            case.write_text(changed, "utf-8")
            run = play(runner, skip, case)
            assert run.returncode == 1, f"unnoticed: {result[0]}"
            assert f"\n-{result[0][:-1]}{byte}" in run.stderr, run.stderr
            assert f"\n+{result[0]}" in run.stderr, run.stderr


def check_skips(runner: list[str]) -> None:
    """What is skipped is printed and counted; stale lines fail. id: CF02"""
    cases = [HERE / "counter.case", HERE / "sum.case", HERE / "once.case"]
    with tempfile.TemporaryDirectory() as folder:
        skip = Path(folder, "skip.txt")
        skip.write_text("case counter: too far\nverb unsubscribe: late\n")
        run = play(runner, skip, *cases)
        assert run.returncode == 0, run.stderr
        assert "# counter.case skipped: too far\n" in run.stdout
        assert "# once.case skipped: late\n" in run.stdout
        assert run.stdout.endswith("# 3 cases, 2 skipped, 0 differ\n")
        for stale in ("verb migrate: not yet", "case sums: not yet"):
            skip.write_text(stale + "\n")
            run = play(runner, skip, *cases)
            assert run.returncode == 1
            assert run.stderr == stale.split(":")[0] + ": skips no case\n"


def main(language: str, *runner: str) -> None:
    skip = HERE / "skip" / f"{language}.txt"
    check_cases()
    check_equal(list(runner), skip)
    check_changed(list(runner), skip)
    check_skips(list(runner))
    print(f"{len(CASES)} cases in {language}, twice")


if __name__ == "__main__":
    main(*sys.argv[1:])
