#!/usr/bin/env python3
"""Show that the tests have teeth: put bugs back, and see them caught.

usage: run.py BUILD [NAME ...]

Each patch beside this file puts back one bug that was met or feared. It opens
with a sentence that says which, and a line `test: unit/node/rebuild, ...`
naming the tests that are to notice. They pass on the tree as it is; with the
patch at least one must fail. BUILD holds a copy of what is built and is used
again. Exit 1 if a patch does not apply or build, or if a mutant survives.
"""
from __future__ import annotations

import filecmp
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NamedTuple

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
PARTS = ["core", "tests", "CMakeLists.txt"]
LIMIT = 20  # seconds, for one test
JOBS = str(os.cpu_count() or 1)
OPTIONS = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
           "-DCMAKE_C_FLAGS_DEBUG=-O1", "-DLARES_LUA=OFF", "-DLARES_CLI=OFF",
           "-DLARES_EXAMPLES=OFF"]


class Wrong(Exception):
    """A mutant that shows nothing."""


class Mutant(NamedTuple):
    """A patch, the files it changes, and the tests that are to notice it."""

    name: str
    patch: Path
    files: list[str]
    tests: list[str]


def read_mutant(patch: Path) -> Mutant:
    """Read what a patch says of itself."""
    text = patch.read_text()
    line = re.search(r"^test: (.+)$", text, re.M)
    if line is None:
        raise Wrong(f"{patch.name}: no line `test: ...`")
    files = re.findall(r"^\+\+\+ b/(\S+)", text, re.M)
    return Mutant(patch.stem, patch, files, line[1].split(", "))


def target(test: str) -> str:
    """Return the program of a test, as tests/CMakeLists.txt calls it."""
    return "test." + test.replace("/", ".")


# -- the copy -----------------------------------------------------------------


def files_of(top: Path) -> Iterator[Path]:
    """Yield the files of a tree that are built, relative to it."""
    for part in PARTS:
        found = [top / part] if (top / part).is_file() else (
            top / part).rglob("*")
        for path in found:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(top)


def copy_file(path: Path, copy: Path) -> None:
    """Copy a file that differs; its time is now, so it is built anew."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    if not copy.exists() or not filecmp.cmp(path, copy, shallow=False):
        shutil.copyfile(path, copy)
        shutil.copymode(path, copy)


class Copy:
    """A copy of the tree, which is built, spoilt and mended."""

    def __init__(self, folder: Path) -> None:
        self.source = folder / "source"
        self.build = folder / "build"

    def take(self) -> None:
        """Make it equal to the tree."""
        wanted = set(files_of(TOP))
        for path in wanted:
            copy_file(TOP / path, self.source / path)
        for path in set(files_of(self.source)) - wanted:
            (self.source / path).unlink()

    def configure(self) -> None:
        """Prepare the build folder."""
        subprocess.run(["cmake", "-S", self.source, "-B", self.build, *OPTIONS],
                       check=True, stdout=subprocess.DEVNULL)

    @contextmanager
    def spoilt(self, mutant: Mutant) -> Iterator[None]:
        """Apply a patch, and take it back behind the block."""
        paths = [self.source / file for file in mutant.files]
        for path in paths:
            if not path.exists():
                raise Wrong(f"DOES NOT APPLY\nthere is no {path}\n")
        before = [path.read_bytes() for path in paths]
        try:
            self.patch(mutant)
            yield
        finally:
            for path, data in zip(paths, before):
                path.write_bytes(data)

    def patch(self, mutant: Mutant) -> None:
        """Apply a patch."""
        done = subprocess.run(
            ["patch", "-p1", "--batch", "--no-backup-if-mismatch",
             "--reject-file=-", "-i", mutant.patch],
            cwd=self.source, capture_output=True, text=True)
        if done.returncode != 0:
            raise Wrong(f"DOES NOT APPLY\n{done.stdout}")

    def make(self, tests: list[str]) -> None:
        """Build the programs of some tests."""
        done = subprocess.run(
            ["ninja", "-C", self.build, "-j", JOBS, *map(target, tests)],
            capture_output=True, text=True)
        if done.returncode != 0:
            raise Wrong(f"DOES NOT BUILD\n{done.stdout[-2000:]}")

    def passes(self, test: str) -> bool:
        """Run a test; one that hangs does not pass."""
        try:
            return subprocess.run(
                [self.build / "bin" / target(test)], timeout=LIMIT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL).returncode == 0
        except subprocess.TimeoutExpired:
            return False


# -- trying -------------------------------------------------------------------


def check_sound(copy: Copy, mutants: list[Mutant]) -> None:
    """Check that the tests pass where nothing is spoilt."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    copy.make(tests)
    for test in tests:
        if not copy.passes(test):
            raise Wrong(f"{test} fails without any mutant")


def caught_by(copy: Copy, mutant: Mutant) -> str:
    """Return the test that notices a mutant."""
    with copy.spoilt(mutant):
        copy.make(mutant.tests)
        for test in mutant.tests:
            if not copy.passes(test):
                return test
    raise Wrong("SURVIVES")


def try_mutant(copy: Copy, mutant: Mutant) -> bool:
    """Say whether a mutant is caught, also on a line."""
    begun = time.monotonic()
    try:
        said, caught = f"caught by {caught_by(copy, mutant)}", True
    except Wrong as error:
        said, caught = str(error), False
    print(f"{mutant.name} ({time.monotonic() - begun:.0f} s): {said}",
          flush=True)
    return caught


def main(folder: str, *names: str) -> int:
    """Try the mutants; return 1 if one is not caught."""
    copy = Copy(Path(folder).resolve())
    try:
        mutants = [read_mutant(patch) for patch in sorted(HERE.glob("*.patch"))
                   if not names or patch.stem in names]
        copy.take()
        copy.configure()
        check_sound(copy, mutants)
    except Wrong as error:
        print(error)
        return 1
    caught = sum([try_mutant(copy, mutant) for mutant in mutants])
    print(f"{caught} of {len(mutants)} mutants caught")
    return caught < max(len(mutants), len(names), 1)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
