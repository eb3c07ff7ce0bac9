"""The text of conformance cases: commands in, a transcript out.

A case is its own transcript: every command is printed, then its results, and
that must equal the file. Differences go to stderr; with any, or with a line of
the file SKIP that skips no case, the exit status is 1.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Callable, Protocol

WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
STRING = re.compile(r'("?)((?:[^"\\]|\\.)*)\1(?:\*(\d+))?')
ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))")
ESCAPED = {b"n": b"\n", b"t": b"\t"}
SHOWN = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}


class Player(Protocol):
    """What plays the commands of one case."""

    def play(self, verb: str, *words: str) -> list[str]: ...
    def end(self) -> None: ...


def value(word: str) -> str:
    """Read a word, quoted or not; bytes that are no text become surrogates."""
    _, text, times = STRING.fullmatch(word).groups()
    data = ESCAPE.sub(lambda match: bytes([int(match[1], 16)]) if match[1]
                      else ESCAPED.get(match[2], match[2]), text.encode())
    return data.decode("utf-8", "surrogateescape") * int(times or 1)


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def quoted(data: bytes) -> str:
    return '"' + "".join(SHOWN.get(c) or (chr(c) if 32 <= c < 127
                         else f"\\x{c:02x}") for c in data) + '"'


def payload(data: bytes) -> str:
    """Write a payload: one over 64 bytes by their number and sum."""
    return (quoted(data) if len(data) <= 64
            else f"{len(data)} bytes sum={sum(data)}")


def failure(text: str) -> str:
    """Cut a failure's text to what the author said."""
    return text.split("\n")[0].rpartition(": ")[2]


def cell(column: str, fact: int | str) -> str:
    text = str(fact)
    if column in ("text", "error"):
        text = failure(text)
    plain = re.fullmatch(r"[A-Za-z0-9_.-]+", text)
    return f"{column}={text if plain else quoted(text.encode())}"


def play_case(lines: list[str], player: Player) -> bool:
    """Play a case to stdout; say whether it is its own transcript."""
    equal = True
    while lines:
        command, expected = lines.pop(0), []
        while lines and lines[0].startswith("="):
            expected.append(lines.pop(0))
        results = player.play(*WORD.findall(command))
        print(command, *results, sep="\n")
        if results != expected:
            equal = False
            print(f" {command}", *("-" + line for line in expected),
                  *("+" + line for line in results), sep="\n", file=sys.stderr)
    player.end()
    return equal


def read_lines(path: str) -> list[str]:
    """Read a file without comments, empty lines and runs of blanks."""
    lines = (" ".join(WORD.findall(line)) for line in
             Path(path).read_text("utf-8").split("\n") if line[:1] != "#")
    return list(filter(None, lines))


def main(begin: Callable[[], Player], skip: str, *paths: str) -> int:
    """Play `runner SKIP CASE...`; return the exit status of the program."""
    skips = dict(line.split(": ", 1) for line in read_lines(skip))
    stale, skipped, failed = set(skips), 0, 0
    for path in paths:
        lines = read_lines(path)
        hits = skips.keys() & {f"case {Path(path).stem}",
                               *("verb " + line.split()[0] for line in lines)}
        stale -= hits
        skipped += bool(hits)
        print(f"# {Path(path).name}", *(f"skipped: {skips[h]}" for h in hits))
        if not hits and not play_case(lines, begin()):
            failed += 1
            print(f"{path} differs", file=sys.stderr)
    for what in stale:
        print(f"{what}: skips no case", file=sys.stderr)
    print(f"# {len(paths)} cases, {skipped} skipped, {failed} differ")
    return 1 if failed or stale else 0
