"""Two nodes, three languages, all the licences of this machine, and failures.

    make demo

The text below /usr/share streams line by line through channel `lines` of a
node in this process. Three daemons count its words, each in its own way: one
in C (a plug-in), one in Python, one in Lua (in the script host). When a marker
comes on `lines.end` they emit what they have counted.

On the way one line makes the Python counter raise twice, and another is poison
for the Lua counter. Each time the daemon is rebuilt from its last checkpoint;
the Python one goes on, the poison ends as a dead letter. Lares logs what the
Python counter raised: that traceback, and the text of the dead letter, are
meant to be there. Then all three are saved as images, their node is stopped,
and a second one restores them and counts on.

The results must equal each other and those of `tr | sort | uniq -c` (for Lua
without the words of its dead letter), and each chain must verify from its
first link on the first node to its last on the second; otherwise the exit
status is 1.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import time
from collections import Counter as Tally
from pathlib import Path
from typing import Iterable, Iterator

import lares
from wordcount import WordCount, words

HERE = Path(__file__).parent
BUILD = Path(os.environ.get("LARES_BUILD", HERE.parent / "build" / "release"))
SHARE = Path("/usr/share")
LINES = 2_000_000
ALONE = 200_000  # lines for a counter that has the node for itself
MORE = 100_000  # lines that come after the move
PIPELINE = "tr -cs A-Za-z '\\n' | sort | uniq -c"
HARD = b"the line at which the service that Python needs is down twice"
POISON = b"the line that the Lua counter cannot stand"


class Text:
    """The files, repeated until there are enough lines; never all in memory."""

    def __init__(self) -> None:
        found = [*SHARE.glob("common-licenses/*"),
                 *SHARE.glob("doc/*/copyright")]
        self.files = sorted(path for path in found if path.is_file())
        once = sum(len(self.read(path)) for path in self.files)
        self.rounds = -(-LINES // max(once, 1))
        self.count = once * self.rounds + 2

    @staticmethod
    def read(path: Path) -> list[bytes]:
        lines = path.read_bytes().split(b"\n")
        return lines if lines[-1] else lines[:-1]

    def plain(self) -> Iterator[bytes]:
        for _ in range(self.rounds):
            for path in self.files:
                yield from self.read(path)

    def lines(self) -> Iterator[bytes]:
        """Two lines of ours stand among those of the files."""
        plain = self.plain()
        yield from itertools.islice(plain, LINES // 3)
        yield HARD
        yield from itertools.islice(plain, LINES // 3)
        yield POISON
        yield from plain


class Service:
    """Something outside that a daemon may need: it is down, twice."""

    down = 0

    @classmethod
    def ask(cls) -> None:
        if cls.down > 0:
            cls.down -= 1
            raise ConnectionError("the service is down")


class CarefulWordCount(WordCount):
    """A counter that needs the service for one line, once it has counted."""

    def process(self, event: lares.Event) -> Iterable[bytes] | None:
        outputs = super().process(event)
        if event.data == HARD and not event.replay:
            Service.ask()
        return outputs


class Counter:
    """One of the three: its daemon, what it emitted, whether that is whole."""

    def __init__(self, node: lares.Node, language: str, **options: str) -> None:
        self.language = language
        self.kind = f"wordcount-{language.lower()}"
        self.channel = f"counts.{self.kind}"
        self.inbox = node.subscribe(self.channel)
        self.daemon = node.spawn(self.kind, subscribe=["lines", "lines.end"],
                                 publish=self.channel, **options)
        self.chain = lares.Chain(self.daemon.origin)
        self.image = b""
        self.links = self.head = self.events = self.failures = self.rebuilds = 0
        self.rate = 0.0  # events per second, alone

    def collect(self) -> bytes:
        """Read up to the empty output, and check that each follows the last."""
        result = b""
        while True:
            event = self.inbox.next(timeout=120)
            self.chain.check(event)
            self.links += 1
            if not event.data:
                return result
            result += event.data

    def look_up(self) -> None:
        """Ask the node how many inputs came, and what went wrong."""
        row = self.daemon.stats
        self.events += row["inputs"]
        self.failures += row["crashes"]
        self.rebuilds += row["rebuilds"]
        self.head = row["sequence"]

    def is_whole(self) -> bool:
        """Were all links seen, from the first to the head?"""
        return self.links == self.head > 0

    def measure_alone(self, node: lares.Node, lines: list[bytes]) -> None:
        """Time another such daemon that has the node for itself."""
        show_progress(f"{self.language} alone")
        daemon = node.spawn(self.kind, subscribe="alone")
        begun = time.monotonic()
        for line in lines:
            node.publish("alone", line)
        daemon.stop()  # when all is counted
        self.rate = len(lines) / (time.monotonic() - begun)

    def move(self, node: lares.Node) -> None:
        """Come to life again from the image, on another node."""
        self.inbox = node.subscribe(self.channel)
        self.daemon = node.restore(self.image)


def show_progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def stream(node: lares.Node, lines: Iterator[bytes], count: int) -> None:
    sent = 0
    while batch := list(itertools.islice(lines, 20_000)):
        for line in batch:
            node.publish("lines", line, timeout=60)
        sent += len(batch)
        show_progress(f"{sent:,} of {count:,} lines, {100 * sent // count} %")
    node.publish("lines.end", b"", timeout=60)


def count_plainly(lines: Iterable[bytes]) -> Tally[bytes]:
    """Count with the tools of every Unix."""
    show_progress(f"the same by {PIPELINE}")
    with subprocess.Popen(PIPELINE, shell=True, env={**os.environ,
                          "LC_ALL": "C"}, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as pipe:
        assert pipe.stdin and pipe.stdout
        for line in lines:
            pipe.stdin.write(line + b"\n")
        pipe.stdin.close()
        rows = (row.split() for row in pipe.stdout)
        return Tally({row[1]: int(row[0]) for row in rows if row[1:]})


def in_words(counts: Tally[bytes]) -> bytes:
    """In the form of the counters: sorted lines "count word"."""
    return b"".join(b"%d %s\n" % (counts[word], word)
                    for word in sorted(counts) if counts[word] > 0)


def register_kinds(node: lares.Node) -> None:
    node.load(BUILD / "examples" / "wordcount.so")
    node.load("lua", str(HERE / "wordcount.lua"))
    node.register(CarefulWordCount, "wordcount-python")


class Act:
    """What the counters said at an end, and what it had to be."""

    def __init__(self, counters: list[Counter]) -> None:
        self.counters = counters
        self.results: dict[str, bytes] = {}

    def collect(self) -> None:
        for counter in self.counters:
            self.results[counter.language] = counter.collect()
            counter.look_up()

    def good(self, plain: Tally[bytes]) -> dict[str, bool]:
        """The dead letter's words are missing in Lua's, and only there."""
        less = plain - Tally(words(POISON))
        return {language: result == in_words(less if language == "Lua"
                                             else plain)
                for language, result in self.results.items()}


def rebuild_times(node: lares.Node) -> dict[int, list[float]]:
    """The milliseconds of each rebuild, as the node's records tell them."""
    times: dict[int, list[float]] = {}
    for row in node.report("records"):
        took = re.match(r"rebuilt in ([0-9.]+) ms", str(row["text"]))
        if row["what"] == "RESTORED" and took:
            times.setdefault(int(row["origin"]), []).append(float(took[1]))
    return times


def print_first(act: Act, good: dict[str, bool], text: Text) -> bool:
    row = "{:8} {:>10} {:>15} {:>8}  {}"
    print(row.format("counter", "events", "alone, events/s", "words",
                     f"equals {PIPELINE}"))
    for counter in act.counters:
        result = act.results[counter.language]
        note = ", but for the dead letter" if counter.language == "Lua" else ""
        print(row.format(
            counter.language, f"{counter.events:,}", f"{counter.rate:,.0f}",
            f"{result.count(10):,}",
            f"yes{note}" if good[counter.language] else "NO"))
    expected = {"C": 1, "Python": 1, "Lua": 0}  # the marker; less the poison
    return all(good.values()) and all(
        counter.events == text.count + expected[counter.language]
        for counter in act.counters)


def print_failures(act: Act, times: dict[int, list[float]],
                   letters: list[lares.Letter]) -> bool:
    row = "{:8} {:>8} {:>8} {:>12}  {}"
    print("\nWhat went wrong on the way, and what it took:\n" +
          row.format("counter", "failures", "rebuilds", "dead letters",
                     "each rebuild, ms"))
    for counter in act.counters:
        took = times.get(counter.daemon.origin, [])
        print(row.format(
            counter.language, counter.failures, counter.rebuilds,
            len(letters) if counter.language == "Lua" else 0,
            ", ".join(f"{ms:.1f}" for ms in took) or "-"))
    for letter in letters:
        print(f"  dead letter {bytes(letter.data).decode()!r}:")
        print("    " + letter.text.replace("\n", "\n    "))
    return ([counter.failures for counter in act.counters] == [0, 2, 3]
            and [counter.rebuilds for counter in act.counters] == [0, 2, 3]
            and [letter.data for letter in letters] == [POISON])


def print_second(act: Act, good: dict[str, bool]) -> bool:
    row = "{:8} {:>12} {:>8}  {:18} {}"
    print("\nSaved, their node stopped, restored on a second node, and "
          f"{MORE:,} lines more:\n" +
          row.format("counter", "image, bytes", "words", "chain verified",
                     f"equals {PIPELINE}"))
    whole = True
    for counter in act.counters:
        whole = whole and counter.is_whole()
        print(row.format(
            counter.language, f"{len(counter.image):,}",
            f"{act.results[counter.language].count(10):,}",
            f"{counter.links} links" + ("" if counter.is_whole() else " NO"),
            "yes" if good[counter.language] else "NO"))
    return whole and all(good.values())


def first_act(text: Text) -> tuple[Act, dict[int, list[float]], list[
        lares.Letter], float]:
    """Stream, fail, be rebuilt; at the end all three are saved."""
    with lares.Node("east") as node:
        register_kinds(node)
        Service.down = 2
        act = Act([Counter(node, "C"), Counter(node, "Python"),
                   Counter(node, "Lua", argument=POISON.decode())])
        begun = time.monotonic()
        stream(node, text.lines(), text.count)
        act.collect()
        seconds = time.monotonic() - begun
        times, letters = rebuild_times(node), list(node.letters)
        for letter in letters:
            letter.data  # read now: the letters end with their node
        for counter in act.counters:
            counter.image = counter.daemon.snapshot()
        lines = list(itertools.islice(text.plain(), ALONE))
        for counter in act.counters:
            counter.measure_alone(node, lines)
    return act, times, letters, seconds


def second_act(counters: list[Counter], text: Text) -> Act:
    """A second node, the same identities: they count on."""
    act = Act(counters)
    with lares.Node("west") as node:
        register_kinds(node)
        for counter in counters:
            counter.move(node)
        stream(node, itertools.islice(text.plain(), MORE), MORE)
        act.collect()
    return act


def main() -> int:
    text = Text()
    print(f"{text.count:,} lines of text ({len(text.files)} licence files of "
          f"this machine, {text.rounds} times over) go\n"
          "through channel `lines` of one node in this process, to three word\n"
          "counters at once: in C (a plug-in), in Python, in Lua (a script).")
    act, times, letters, seconds = first_act(text)
    plain = count_plainly(text.lines())
    show_progress("")
    print(f"It took {seconds:.1f} s: {text.count / seconds:,.0f} lines, or "
          f"{3 * text.count / seconds:,.0f} events, a second.\n")
    good = [print_first(act, act.good(plain), text),
            print_failures(act, times, letters)]
    second = second_act(act.counters, text)
    plain += count_plainly(itertools.islice(text.plain(), MORE))
    show_progress("")
    good.append(print_second(second, second.good(plain)))
    print("\nAll three agree, and nothing is missing." if all(good) else
          "\nSomething is wrong: this must not happen.")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
