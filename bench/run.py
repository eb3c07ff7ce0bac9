#!/usr/bin/env python3
"""Measure the rows of bench/rows.py in one run.

    make bench
    bench/run.py [--only 1,N1] [--rounds 11] [--ms 25] [--json FILE]

In each round every row runs its base and then ours, for some --ms each, so a
slow phase of the machine hits both. The ratio is taken in each round. Shown are
medians, and the least and the largest ratio. Times orient the reader; only
ratios mean something on another machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import build
from rows import ROWS, Row, Variant

FRESH = 10240  # daemons whose memory is measured
PEERS = {"netmesh": "net-mesh ", "wheel": "net-mesh wheel ",
         "erlang": "Erlang: "}
FORM = "{:<11}{:<48}{:>11}{:>11}  {:<40}{:>7}{:>8}{:>8}  {:<8}{}"


class Program:
    """One of the programs, kept running; it speaks as bench.h says."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, name: str, count: int) -> int:
        """Nanoseconds for count operations, or bytes of as many daemons."""
        assert self.process.stdin and self.process.stdout
        print(count, name, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"bench: {name}: the program ended")
        return int(answer)

    def close(self) -> None:
        self.process.communicate()


class Bench:
    """The programs that there are, and how long each variant has to run."""

    def __init__(self, ms: float) -> None:
        self.enough = ms * 1e6
        self.commands: dict[str, list[str]] = {}
        self.programs: dict[str, Program | None] = {}
        self.counts: dict[Variant, int] = {}

    def open(self, name: str) -> None:
        if name in self.programs:
            return
        print("building", name, file=sys.stderr)
        try:
            self.commands[name] = build.PROGRAMS[name]()
            self.programs[name] = Program(self.commands[name])
        except build.Missing as reason:
            self.programs[name] = None
            print(f"{reason}: not measured", file=sys.stderr)
        except subprocess.CalledProcessError:
            raise SystemExit(f"bench: {name} could not be built") from None

    def close(self) -> None:
        for program in self.programs.values():
            if program is not None:
                program.close()

    def calibrate(self, program: Program, name: str, burst: int) -> int:
        """How many operations, in whole bursts, last long enough."""
        program.run(name, burst)  # the first run of a context opens it
        count, lasted = burst, 0
        while lasted < self.enough / 4:
            start = time.perf_counter_ns()
            program.run(name, count)
            lasted = time.perf_counter_ns() - start
            count *= 2
        return burst * (int(count / 2 * self.enough / lasted / burst) + 1)

    def weigh(self, variant: Variant) -> float:
        """Bytes of a daemon, in a process that has freed none before."""
        program = Program(self.commands[variant[0]])
        result = program.run(variant[1], FRESH) / FRESH
        program.close()
        return result

    def measure(self, variant: Variant, row: Row) -> float | None:
        """Nanoseconds per operation, or bytes; None: no such program."""
        program, name = self.programs[variant[0]], variant[1]
        if program is None:
            return None
        if row.fresh:
            return self.weigh(variant)
        if variant not in self.counts:
            self.counts[variant] = self.calibrate(program, name, row.burst)
        count = self.counts[variant]
        return program.run(name, count) / count


@dataclass
class Result:
    """What the rounds of a row have shown."""

    row: Row
    ours: list[float]
    base: list[float]  # empty: not measured

    @property
    def ratios(self) -> list[float]:
        return [self.row.ratio(*pair) for pair in zip(self.ours, self.base)]

    def line(self) -> str:
        row, ratios = self.row, self.ratios
        ours = statistics.median(self.ours)
        base = PEERS.get(row.base[0], "") + row.base[1]
        if not ratios:
            return FORM.format(row.row, row.metric, f"{ours:.1f}", "-", base,
                               "-", "-", "-", "", "not measured")
        middle = statistics.median(ratios)
        target, met = "", ""
        if row.target is not None:
            target = f"{'>=' if row.higher else '<='} {row.target:g}"
            met = "yes" if row.met(middle) else "NO"
        return FORM.format(
            row.row, row.metric, f"{ours:.1f}",
            f"{statistics.median(self.base):.1f}", base,
            f"{middle:.2f}", f"{min(ratios):.2f}", f"{max(ratios):.2f}",
            target, met).rstrip()

    def facts(self) -> dict[str, object]:
        row, ratios = self.row, self.ratios
        return {
            "row": row.row,
            "metric": row.metric,
            "unit": "bytes" if row.fresh else "ns",
            "ours": round(statistics.median(self.ours), 2),
            "against": " ".join(row.base) if ratios else "not measured",
            "base": round(statistics.median(self.base), 2) if ratios else None,
            "ratio": round(statistics.median(ratios), 3) if ratios else None,
            "target": row.target,
            "higher_is_better": row.higher,
        }


def measure(rows: list[Row], rounds: int, ms: float) -> list[Result]:
    bench = Bench(ms)
    for row in rows:
        bench.open(row.ours[0])
        bench.open(row.base[0])
    results = [Result(row, [], []) for row in rows]
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for result in results:
            base = bench.measure(result.row.base, result.row)
            ours = bench.measure(result.row.ours, result.row)
            assert ours is not None  # ours is always there
            result.ours.append(ours)
            if base is not None:
                result.base.append(base)
    bench.close()
    return results


def versions() -> str:
    def first_line(*command: str) -> str:
        return subprocess.check_output(command, text=True).splitlines()[0]

    compiler = first_line(os.environ.get("CC", "cc"), "--version")
    lua = first_line("pkg-config", "--modversion", "lua5.4")
    return (f"{compiler}; Python {platform.python_version()}; Lua {lua}; "
            f"net-mesh {build.NETMESH}; Erlang {build.erlang_release()}")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="rows, such as 1,9,N1")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--ms", type=float, default=25)
    parser.add_argument("--json", type=Path, help="file to write")
    return parser.parse_args()


def main() -> None:
    asked = options()
    wanted = asked.only.split(",") if asked.only else None
    rows = [row for row in ROWS if wanted is None or row.row in wanted]
    results = measure(rows, asked.rounds, asked.ms)
    print(versions())
    print(FORM.format(
        "row", "what (ns per operation, or bytes)", "ours", "base", "base is",
        "ratio", "min", "max", "target", "met"))
    for result in results:
        print(result.line())
    if asked.json is not None:
        facts = [result.facts() for result in results]
        asked.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
