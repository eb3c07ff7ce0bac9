"""One node, three languages, and all the licences of this machine.

    make demo

The text below /usr/share streams line by line through channel `lines` of one
node in this process. Three daemons count its words, each in its own way: one
in C (a plug-in), one in Python, one in Lua (in the script host). When a marker
comes on `lines.end` they emit what they have counted. The three results must
equal each other and that of `tr | sort | uniq -c`, and the three chains must
verify from their first link to their last; otherwise the exit status is 1.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import lares
from wordcount import WordCount

HERE = Path(__file__).parent
BUILD = Path(os.environ.get("LARES_BUILD", HERE.parent / "build" / "release"))
SHARE = Path("/usr/share")
LINES = 2_000_000
ALONE = 200_000  # lines for a counter that has the node for itself
PIPELINE = "tr -cs A-Za-z '\\n' | sort | uniq -c"


class Text:
    """The files, repeated until there are enough lines; never all in memory."""

    def __init__(self) -> None:
        found = [*SHARE.glob("common-licenses/*"),
                 *SHARE.glob("doc/*/copyright")]
        self.files = sorted(path for path in found if path.is_file())
        once = sum(len(self.read(path)) for path in self.files)
        self.rounds = -(-LINES // max(once, 1))
        self.count = once * self.rounds

    @staticmethod
    def read(path: Path) -> list[bytes]:
        lines = path.read_bytes().split(b"\n")
        return lines if lines[-1] else lines[:-1]

    def lines(self) -> Iterator[bytes]:
        for _ in range(self.rounds):
            for path in self.files:
                yield from self.read(path)


class Counter:
    """One of the three: its daemon, what it emitted, whether that is whole."""

    def __init__(self, node: lares.Node, language: str, kind: str) -> None:
        self.language, self.kind = language, kind
        channel = f"counts.{kind}"
        self.inbox = node.subscribe(channel)
        self.daemon = node.spawn(kind, subscribe=["lines", "lines.end"],
                                 publish=channel)
        self.chain = lares.Chain(self.daemon.origin)
        self.result = b""
        self.links = self.head = self.events = 0
        self.rate = 0.0  # events per second, alone

    def collect(self) -> None:
        """Read up to the empty output, and check that each follows the last."""
        while True:
            event = self.inbox.next(timeout=60)
            self.chain.check(event)
            self.links += 1
            if not event.data:
                return
            self.result += event.data

    def look_up(self) -> None:
        """Ask the node how many inputs came, and where the chain ends."""
        row = self.daemon.stats
        self.events, self.head = row["inputs"], row["sequence"]

    def measure_alone(self, node: lares.Node, lines: list[bytes]) -> None:
        """Time another such daemon that has the node for itself."""
        show_progress(f"{self.language} alone")
        daemon = node.spawn(self.kind, subscribe="alone")
        begun = time.monotonic()
        for line in lines:
            node.publish("alone", line)
        daemon.stop()  # when all is counted
        self.rate = len(lines) / (time.monotonic() - begun)


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def stream(node: lares.Node, text: Text) -> None:
    lines = text.lines()
    sent = 0
    while batch := list(itertools.islice(lines, 20_000)):
        for line in batch:
            node.publish("lines", line)
        sent += len(batch)
        show_progress(f"{sent:,} of {text.count:,} lines, "
                      f"{100 * sent // text.count} %")
    node.publish("lines.end", b"")


def count_plainly(text: Text) -> bytes:
    """Count with the tools of every Unix, in the form of the counters."""
    show_progress(f"the same by {PIPELINE}")
    with subprocess.Popen(PIPELINE, shell=True, env={**os.environ,
                          "LC_ALL": "C"}, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as pipe:
        assert pipe.stdin and pipe.stdout
        for line in text.lines():
            pipe.stdin.write(line + b"\n")
        pipe.stdin.close()
        rows = (row.split() for row in pipe.stdout)
        return b"".join(b" ".join(row) + b"\n" for row in rows if row[1:])


def open_counters(node: lares.Node) -> list[Counter]:
    node.load(BUILD / "examples" / "wordcount.so")
    node.load("lua", str(HERE / "wordcount.lua"))
    node.register(WordCount)
    return [Counter(node, language, f"wordcount-{language.lower()}")
            for language in ("C", "Python", "Lua")]


ROW = "{:8} {:>10} {:>15} {:>8}  {:22} {}"


def print_row(counter: Counter, text: Text, plain: bytes) -> bool:
    """Print what became of a counter; say whether all is as it must be."""
    whole = counter.links == counter.head > 0
    equal = counter.result == plain
    print(ROW.format(
        counter.language, f"{counter.events:,}", f"{counter.rate:,.0f}",
        f"{counter.result.count(10):,}",
        f"{counter.links} of {counter.head} links" + ("" if whole else " NO"),
        "yes" if equal else "NO"))
    return whole and equal and counter.events == text.count + 1


def main() -> int:
    text = Text()
    print(f"{text.count:,} lines of text ({len(text.files)} licence files of "
          f"this machine, {text.rounds} times over) go\n"
          "through channel `lines` of one node in this process, to three word\n"
          "counters at once: in C (a plug-in), in Python, in Lua (a script).")
    with lares.Node("demo") as node:
        counters = open_counters(node)
        begun = time.monotonic()
        stream(node, text)
        for counter in counters:
            counter.collect()
        seconds = time.monotonic() - begun
        letters = node.report("letters")
        lines = list(itertools.islice(text.lines(), ALONE))
        for counter in counters:
            counter.look_up()
            counter.measure_alone(node, lines)
    plain = count_plainly(text)
    show_progress("")
    print(f"It took {seconds:.1f} s: {text.count / seconds:,.0f} lines, or "
          f"{3 * text.count / seconds:,.0f} events, a second.\n")
    print(ROW.format("counter", "events", "alone, events/s", "words",
                     "chain verified", f"equals {PIPELINE}"))
    good = [print_row(counter, text, plain) for counter in counters]
    good.append(not letters)
    print("\nAll three agree, and nothing is missing." if all(good) else
          "\nSomething is wrong: this must not happen.")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
