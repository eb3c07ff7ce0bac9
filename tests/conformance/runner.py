"""Play conformance cases through the public Python API.

    python runner.py SKIP CASE...

case.py reads cases and compares transcripts.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Callable, Iterable, Mapping

import lares
import lares.testing
from case import cell, failure, main, payload, quoted, raw, value
from handlers import Handlers
from kinds import KINDS

OPTION = re.compile(r"([a-z.]+)=(.*)", re.DOTALL)


def row_line(row: Mapping[str, int | str], columns: Iterable[str]) -> str:
    """Return a row of a table as a result."""
    return "= " + " ".join(cell(column, row[column]) for column in columns)


class Player:
    """What one case has made, and below it a method for each verb."""

    def __init__(self) -> None:
        self.sim: Any = None  # the world, where there is one
        self.nodes: list[Any] = []
        self.things: dict[str, Any] = {}  # nodes, handles, inboxes
        self.images: dict[str, bytes] = {}
        self.registries: dict[str, Handlers] = {}
        self.names: dict[int, str] = {}  # of daemons, by origin
        self.seen: dict[str, dict[int, lares.Event]] = {}

    def play(self, verb: str, *words: str) -> list[str]:
        """Do one command, and return its result lines."""
        args = [value(w) for w in words if not OPTION.fullmatch(w)]
        pairs = [m.groups() for m in map(OPTION.fullmatch, words) if m]
        self.results = []
        try:
            act = getattr(self, "pass_" if verb == "pass" else verb)
            act(*args, **{k: value(v) for k, v in pairs})
        except lares.Error as error:
            self.results.append(f"= {error.code}")
            if verb == "deliver" and error.code == "ECALLBACK":
                self.results[-1] += " " + quoted(failure(error.text).encode())
        return self.results

    def end(self) -> None:
        for node in self.nodes:
            node.close()

    def show(self, event: lares.Event) -> None:
        name = self.names.get(event.origin, "node")
        self.seen.setdefault(name, {}).setdefault(event.sequence, event)
        self.results.append(f"= {name} {event.sequence} {payload(event.data)}")

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
        self.things[name] = self.nodes[-1].spawn(
            kind, name=name, identity=self.key(name),
            subscribe=subscribe.split(), **options)

    def key(self, name: str) -> lares.Key:
        """A daemon's key: its seed is the name, padded with zeros."""
        key = lares.Key(name.encode().ljust(32, b"\0"))
        self.names[key.origin] = name
        return key

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

    def snapshot(self, name: str, image: str) -> None:
        self.images[image] = self.things[name].snapshot()

    def retire(self, name: str, image: str) -> None:
        self.images[image] = self.things[name].retire()

    def restore(self, name: str, image: str, /, **options: str) -> None:
        self.things[name] = self.nodes[-1].restore(
            self.image(image), identity=self.key(name), **options)

    def image(self, name: str) -> bytes:
        """Return an image; what names none is one itself."""
        return self.images.get(name, raw(name))

    def facts(self, image: str, table: str, *columns: str) -> None:
        rows = lares.image_report(self.image(image), table)
        self.results += [row_line(row, columns) for row in rows]

    def restart(self, name: str) -> None:
        self.things[name].restart()

    def replay(self, place: str) -> None:
        self.letter(place, lares.Letter.replay)

    def drop(self, place: str) -> None:
        self.letter(place, lares.Letter.drop)

    def letter(self, place: str, act: Callable[[Any], None]) -> None:
        """Do something with a dead letter, named by its place from 1 on."""
        letters = list(self.nodes[-1].letters)[int(place) - 1:]
        if letters:
            act(letters[0])
        else:
            self.results.append("= ENOTFOUND")

    def registry(self, name: str) -> Handlers:
        """A node's registry, or a lone one; made when it is named first."""
        if name not in self.registries:
            node = self.things.get(name)
            self.registries[name] = Handlers(
                lares.Recovery() if node is None else node.recovery)
        return self.registries[name]

    def handler(self, name: str, handler: str, *words: str) -> None:
        self.results.append(f"= {self.registry(name).add(handler, *words)}")

    def remove(self, name: str, handler: str) -> None:
        handlers = self.registry(name)
        found = handlers.remove(handler)
        self.results.append(
            f"= {len(handlers.registry)}" if found else "= ENOTFOUND")

    def pass_(self, name: str) -> None:
        slots = self.registry(name).registry.run()
        self.results.append(" ".join(["=", *map("{:d}".format, slots)]))

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
        rows = (self.registries[what].registry.report()
                if what in self.registries else self.nodes[-1].report(what))
        self.results += [row_line(row, columns) for row in rows
                         if row["name"] == name] or ["= ENOTFOUND"]


if __name__ == "__main__":
    logging.disable()  # failing turns are what some cases are about
    sys.exit(main(Player, *sys.argv[1:]))
