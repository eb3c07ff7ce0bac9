"""Play conformance cases through the public Python API.

    python runner.py SKIP CASE...

A case is its own transcript: every command is printed, then its results, and
that must equal the file. Differences go to stderr; with any, or with a line of
the file SKIP that skips no case, the exit status is 1.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Any

import lares
import lares.testing
from kinds import KINDS

WORD = re.compile(r'(?:[^\s"]|"(?:[^"\\]|\\.)*")+')
OPTION = re.compile(r"([a-z.]+)=(.*)", re.DOTALL)
STRING = re.compile(r'("?)((?:[^"\\]|\\.)*)\1(?:\*(\d+))?')
ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))")
ESCAPED = {b"n": b"\n", b"t": b"\t"}
SHOWN = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}


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


def cell(fact: int | str) -> str:
    plain = re.fullmatch(r"[A-Za-z0-9_.-]+", str(fact))
    return str(fact) if plain else quoted(str(fact).encode())


class Player:
    """What one case has made, and below it a method for each verb."""

    def __init__(self) -> None:
        self.sim: Any = None  # the world, where there is one
        self.nodes: list[Any] = []
        self.things: dict[str, Any] = {}  # nodes, handles, inboxes
        self.names: dict[int, str] = {}  # of daemons, by origin
        self.seen: dict[str, dict[int, lares.Event]] = {}

    def play(self, verb: str, *words: str) -> list[str]:
        """Do one command, and return its result lines."""
        args = [value(w) for w in words if not OPTION.fullmatch(w)]
        pairs = [m.groups() for m in map(OPTION.fullmatch, words) if m]
        self.results = []
        try:
            getattr(self, verb)(*args, **{k: value(v) for k, v in pairs})
        except lares.Error as error:
            self.results.append(f"= {error.code}")
            if verb == "deliver" and error.code == "ECALLBACK":
                text = error.text.split("\n")[0].rpartition(": ")[2]
                self.results[-1] += " " + quoted(text.encode())
        return self.results

    def show(self, event: lares.Event) -> None:
        name = self.names.get(event.origin, "node")
        self.seen.setdefault(name, {}).setdefault(event.sequence, event)
        data = (quoted(event.data) if len(event) <= 64
                else f"{len(event)} bytes sum={sum(event.data)}")
        self.results.append(f"= {name} {event.sequence} {data}")

    def world(self, seed: str) -> None:
        self.sim = lares.testing.World(int(seed))

    def node(self, name: str, **options: str) -> None:
        self.things[name] = (
            self.sim.node(name, **options) if self.sim
            else lares.Node(name, lanes=0, **options).start())
        self.nodes.append(self.things[name])

    def kind(self, name: str, **options: str) -> None:
        self.nodes[-1].register(KINDS[name], name, **options)

    def spawn(self, name: str, kind: str, subscribe: str = "",
              **options: str) -> None:
        key = lares.Key(name.encode().ljust(32, b"\0"))
        self.things[name] = self.nodes[-1].spawn(
            kind, name=name, identity=key, subscribe=subscribe.split(),
            **options)
        self.names[key.origin] = name

    def deliver(self, name: str, data: str) -> None:
        for event in self.things[name].deliver(raw(data)):
            self.show(event)

    def send(self, name: str, data: str) -> None:
        self.things[name].send(raw(data), 0)

    def publish(self, channel: str, data: str) -> None:
        self.nodes[-1].publish(channel, raw(data), 0)

    def subscribe(self, name: str, pattern: str, *group: str) -> None:
        self.things[name].subscribe(pattern, *group)

    def unsubscribe(self, name: str, pattern: str, *group: str) -> None:
        self.things[name].unsubscribe(pattern, *group)

    def inbox(self, name: str, pattern: str, **options: str) -> None:
        self.things[name] = self.nodes[-1].subscribe(pattern, **options)

    def run(self, time: str = "0s") -> None:
        seconds = int(time.rstrip("ms")) / (1000 if "ms" in time else 1)
        (self.sim or self.nodes[-1]).run(seconds)

    def next(self, name: str) -> None:
        try:
            while True:
                self.show(self.things[name].next(0))
        except lares.Timeout:
            pass

    def stop(self, name: str) -> None:
        self.things[name].stop()

    def free(self, name: str) -> None:
        thing = self.things.pop(name)
        if not isinstance(thing, lares.Handle):  # which goes by itself
            thing.close()

    def check(self, name: str) -> None:
        events = self.seen.get(name, {})
        chain = lares.Chain(self.things[name].origin)
        for sequence in sorted(events):
            chain.check(events[sequence])
        self.results.append(f"= {len(events)} OK")

    def report(self, what: str, name: str, *columns: str) -> None:
        rows = [r for r in self.nodes[-1].report(what) if r["name"] == name]
        self.results += ["= " + " ".join(f"{c}={cell(r[c])}" for c in columns)
                         for r in rows] or ["= ENOTFOUND"]


def play_case(lines: list[str]) -> bool:
    """Play a case to stdout; say whether it is its own transcript."""
    player, equal = Player(), True
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
    for node in player.nodes:
        node.close()
    return equal


def read_lines(path: str) -> list[str]:
    """Read a file without comments, empty lines and runs of blanks."""
    lines = (" ".join(WORD.findall(line)) for line in
             Path(path).read_text("utf-8").split("\n") if line[:1] != "#")
    return list(filter(None, lines))


def main(skip: str, *paths: str) -> int:
    skips = dict(line.split(": ", 1) for line in read_lines(skip))
    stale, skipped, failed = set(skips), 0, 0
    logging.disable()  # failing turns are what some cases are about
    for path in paths:
        lines = read_lines(path)
        hits = skips.keys() & {f"case {Path(path).stem}",
                               *("verb " + line.split()[0] for line in lines)}
        stale -= hits
        skipped += bool(hits)
        print(f"# {Path(path).name}", *(f"skipped: {skips[h]}" for h in hits))
        if not hits and not play_case(lines):
            failed += 1
            print(f"{path} differs", file=sys.stderr)
    for what in stale:
        print(f"{what}: skips no case", file=sys.stderr)
    print(f"# {len(paths)} cases, {skipped} skipped, {failed} differ")
    return 1 if failed or stale else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
