#!/usr/bin/env python3
"""Run every code block of the documents, as a reader would.

usage: run_blocks.py BUILD [DOCUMENT ...]

BUILD is a build tree with its examples; the Python that runs this has the
package. A block opens with LANGUAGE [NAME]: sh, c, python, lua or text. The
blocks of one document run one after the other in one folder, and one with a
NAME is kept there under it. C without `main` is built as a plug-in, and not
run. `text output` is what the block before it prints; other text is not looked
at. Commands that build or install are not run: what they name must be there.
"""
from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple

TOP = Path(__file__).resolve().parents[2]
DOCUMENTS = [TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "CHANGELOG.md",
             *sorted((TOP / "docs").glob("*.md"))]
LIMIT = 60  # seconds, for one block
SUFFIXES = {"sh": ".sh", "c": ".c", "python": ".py", "lua": ".lua"}
CFLAGS = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
NOT_RUN = {"apt-get", "cmake", "ctest", "git", "ldconfig", "make", "pip",
           "pytest", "run"}

FENCE = re.compile(r"^```(.*)\n((?:.*\n)*?)^```$", re.M)
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.M)


class Wrong(Exception):
    """A document does not hold what it says."""


class Block(NamedTuple):
    """A code block, and where it stands."""

    where: str
    language: str
    name: str
    text: str


# -- documents ----------------------------------------------------------------


def title(document: Path) -> str:
    """Return how a document is called."""
    return os.path.relpath(document, TOP)


def read_blocks(document: Path) -> Iterator[Block]:
    """Yield the code blocks of a document."""
    text = document.read_text()
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        where = f"{title(document)}:{line}"
        language, _, name = match[1].partition(" ")
        if language != "text" and language not in SUFFIXES:
            raise Wrong(f"{where}: a block in {language or 'no language'}")
        if not name:
            name = f"block-{line}{SUFFIXES.get(language, '')}"
        yield Block(where, language, name, match[2])


def anchors(document: Path) -> set[str]:
    """Return what a link into a document may name, as GitHub spells it."""
    headings = HEADING.findall(FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in headings}


def check_links(document: Path) -> None:
    """Check that the links of a document lead to something in the tree."""
    for link in LINK.findall(FENCE.sub("", document.read_text())):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if link.startswith("https://"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            raise Wrong(f"{title(document)}: {link} leads nowhere")


# -- commands that are not run ------------------------------------------------


def known_names() -> dict[str, set[str]]:
    """Return what the commands that build may name, from their own files."""
    makefile = (TOP / "Makefile").read_text().replace("\\\n", " ")
    packages = re.findall(r"PACKAGES := (.*)", makefile)
    presets = json.loads((TOP / "CMakePresets.json").read_text())
    return {
        "make": set(re.findall(r"^([a-z-]+):", makefile, re.M)),
        "apt-get": {"install", *" ".join(packages).split()},
        "--preset": {one["name"] for one in presets["configurePresets"]},
    }


def missing(words: list[str]) -> Iterator[str]:
    """Yield what a command names and nobody has."""
    known = known_names()
    command = Path(words[0]).name
    for before, word in zip(words, words[1:]):
        if word.startswith("-") or "=" in word:
            continue
        names = known.get(before, known.get(command, {word}))
        folder, slash, _ = word.partition("/")
        is_source = slash and folder in os.listdir(TOP) and folder != "build"
        if word not in names or (is_source and not (TOP / word).exists()):
            yield word


def is_run(words: list[str]) -> bool:
    """Say whether a command is for this folder, not for the whole machine."""
    return (Path(words[0]).name not in NOT_RUN
            and words[1:3] not in (["-m", "venv"], ["-m", "pytest"]))


def split_script(block: Block) -> str:
    """Return what is to be run of a script; check the other commands."""
    kept = []
    for line in block.text.replace("\\\n", " ").splitlines():
        words = line.removeprefix("sudo ").split()
        while words and "=" in words[0]:
            del words[0]
        if not words or is_run(words):
            kept.append(line)
            continue
        for name in missing(shlex.split(" ".join(words), comments=True)):
            raise Wrong(f"{block.where}: {line}: there is no {name}")
    return "\n".join(kept) + "\n"


# -- running ------------------------------------------------------------------


class Folder:
    """Where the blocks of a document run, on a build tree."""

    def __init__(self, path: Path, build: Path) -> None:
        self.path = path
        self.build = build.resolve()
        library = self.build / "lib"
        (path / "examples").symlink_to(TOP / "examples")
        (path / "lares.pc").write_text(
            "Name: lares\nDescription: the build tree\nVersion: 0.1\n"
            f"Cflags: -I{TOP}/core/include\n"
            f"Libs: -L{library} -llares -Wl,-rpath,{library}\n")

    def environment(self, language: str) -> dict[str, str]:
        """Return the environment in which the tree looks installed.

        Under a sanitizer the shell and the compiler do not answer for leaks.
        """
        env = dict(os.environ)
        tools = [str(self.build / "bin"), str(Path(sys.executable).parent)]
        env["PATH"] = ":".join([*tools, env["PATH"]])
        env["LUA_PATH"] = f"{self.build}/lua/?/init.lua;;"
        env["LUA_CPATH"] = f"{self.build}/lua/?.so;;"
        env["PKG_CONFIG_PATH"] = str(self.path)
        if language in ("sh", "c"):
            env["ASAN_OPTIONS"] = "detect_leaks=0"
        return env

    def call(self, block: Block, command: list[str]) -> str:
        """Run a command in the folder and return what it prints."""
        done = subprocess.run(
            command, cwd=self.path, env=self.environment(block.language),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT)
        if done.returncode != 0:
            raise Wrong(f"{block.where}: exit {done.returncode}\n"
                        f"{done.stdout}{done.stderr}")
        return done.stdout

    def compile(self, block: Block) -> str:
        """Build a program and run it, or build a plug-in."""
        flags = self.call(block, ["pkg-config", "--cflags", "--libs", "lares"])
        is_program = re.search(r"\bmain\(", block.text)
        target = str(self.path / Path(block.name).stem)
        if not is_program:
            target += ".so"
        kind = [] if is_program else ["-shared", "-fPIC"]
        self.call(block, ["cc", *CFLAGS, *kind, block.name, "-o", target,
                          *flags.split()])
        return self.call(block, [target]) if is_program else ""

    def run(self, block: Block) -> str:
        """Run a block and return what it prints."""
        text = split_script(block) if block.language == "sh" else block.text
        (self.path / block.name).write_text(text)
        if block.language == "c":
            return self.compile(block)
        command = {"sh": ["bash", "-euo", "pipefail"], "lua": ["lua5.4"],
                   "python": [sys.executable]}[block.language]
        return self.call(block, [*command, block.name])


def check_output(block: Block, printed: str) -> None:
    """Compare what was printed with what the document says."""
    if printed != block.text:
        raise Wrong(f"{block.where}: printed is\n{printed}")


def run_document(document: Path, build: Path) -> int:
    """Run all blocks of a document and return how many there are."""
    printed, count = "", 0
    with tempfile.TemporaryDirectory() as path:
        folder = Folder(Path(path), build)
        for block in read_blocks(document):
            if block.language != "text":
                printed = folder.run(block)
                count += 1
            elif block.name == "output":
                check_output(block, printed)
    return count


def main(build: str, *documents: str) -> int:
    """Run and check the documents; print what is wrong."""
    wrong = 0
    for document in [Path(name).resolve() for name in documents] or DOCUMENTS:
        try:
            check_links(document)
            count = run_document(document, Path(build))
            print(f"{title(document)}: {count} blocks")
        except (Wrong, subprocess.TimeoutExpired) as error:
            print(error)
            wrong = 1
    return wrong


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
