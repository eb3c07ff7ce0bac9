"""Counts the words of its events; on channel lines.end it emits the counts:
sorted lines "count word" in blocks, then an empty event.

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

    def report(self) -> Iterator[bytes]:
        lines = [b"%d %s\n" % (self.counts[word], word)
                 for word in sorted(self.counts)]
        for first in range(0, len(lines), BLOCK):
            yield b"".join(lines[first:first + BLOCK])
        yield b""
