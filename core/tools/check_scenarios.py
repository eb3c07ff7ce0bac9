#!/usr/bin/env python3
"""Compare the scenarios with the tests that show them.

usage: check_scenarios.py TESTS

Every scenario of stage 1 in TESTS/scenarios.txt is shown by a test that
carries its id (`id: H01`), or stands in TESTS/pending.txt as `ID stage reason`
with the stage of the list; never both. An id that is on no list is an error.
"""
import pathlib
import re
import sys

ID = r"[A-Z]+\d+"
CARRIED = re.compile(rf"\bid: ({ID}(?:,? {ID})*)")
SUFFIXES = {".c", ".h", ".py", ".lua", ".sh", ".case", ".txt"}


def read_list(path, pattern):
    """Return {id: stage} of a list; a line that does not fit is an error."""
    found = {}
    for line in path.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.match(pattern, line)
        if not match or match[1] in found:
            sys.exit(f"{path}: malformed or twice: {line}")
        found[match[1]] = match[2]
    return found


def read_tests(tests):
    """Return {id: first file that carries it}."""
    found = {}
    for path in sorted(tests.rglob("*")):
        if path.suffix in SUFFIXES:
            for ids in CARRIED.findall(path.read_text()):
                for name in re.findall(ID, ids):
                    found.setdefault(name, path)
    return found


def compare(stages, pending, carried):
    """Yield one line for each difference."""
    for name, path in sorted(carried.items()):
        if name not in stages:
            yield f"{path}: {name} is no scenario"
        if name in pending:
            yield f"{path}: {name} is shown here; take it off pending.txt"
    for name, stage in stages.items():
        if stage == "1" and name not in carried and name not in pending:
            yield f"{name}: neither shown by a test nor pending"
    for name, stage in pending.items():
        if stages.get(name) != stage:
            yield f"pending.txt: {name} is not of stage {stage}"


def main(folder):
    """Compare the three; print what differs, then the count."""
    tests = pathlib.Path(folder)
    stages = read_list(tests / "scenarios.txt", rf"({ID}) \[(\d)\] \S")
    pending = read_list(tests / "pending.txt", rf"({ID}) (\d) \S")
    carried = read_tests(tests)
    broken = list(compare(stages, pending, carried))
    for line in broken:
        print(line)
    print(f"scenarios: {len(carried)} shown, {len(pending)} pending, "
          f"{len(stages)} in all")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
