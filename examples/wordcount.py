"""Counts the words of its events; on channel lines.end it emits the counts:
sorted lines "count word" in blocks, then an empty event. Such lines are its
state, too.

    node.spawn(WordCount, subscribe=["lines", "lines.end"], publish="counts")
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Iterator

import lares

BLOCK = 1000  # lines; an input may have 1 024 outputs
words = re.compile(rb"[A-Za-z]+").findall


class WordCount(lares.Daemon):
    kind = "wordcount-python"

    def __init__(self) -> None:
        self.counts: Counter[bytes] = Counter()

    def process(self, event: lares.Event) -> Iterator[bytes] | None:
        if event.channel == "lines.end":
            return self.report()
        self.counts.update(words(event.data))
        return None

    def lines(self) -> list[bytes]:
        return [b"%d %s\n" % (self.counts[word], word)
                for word in sorted(self.counts)]

    def snapshot(self) -> bytes:
        return b"".join(self.lines())

    def restore(self, state: bytes) -> None:
        for line in state.splitlines():
            count, word = line.split()
            self.counts[word] = int(count)

    def report(self) -> Iterator[bytes]:
        lines = self.lines()
        for first in range(0, len(lines), BLOCK):
            yield b"".join(lines[first:first + BLOCK])
        yield b""
