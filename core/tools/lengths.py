#!/usr/bin/env python3
"""Print how long the functions of each folder are, and the ten longest.

usage: lengths.py FOLDER...

A function begins with its signature and ends with a brace in the first
column, as clang-format leaves it. The aim is a median of 12 lines or fewer
and a 90th percentile of 45 or fewer.
"""
import collections
import pathlib
import re
import sys


def functions(path):
    """Yield (length, line, name) of each function of a file."""
    lines = path.read_text().splitlines()
    start = begin = None
    for number, line in enumerate(lines):
        if line == "{":
            begin = start
        elif line == "}" and begin is not None:
            name = re.search(r"(\w+)\(", " ".join(lines[begin:number]))
            yield number - begin + 1, begin + 1, name[1] if name else "?"
            begin = None
        elif re.match(r"[A-Za-z_]", line):
            start = number

def percentile(lengths, share):
    """Return the value below which a share of the lengths lies."""
    return sorted(lengths)[min(len(lengths) - 1, int(len(lengths) * share))]


def main(*roots):
    """Print the table."""
    folders = collections.defaultdict(list)
    for root in roots:
        for path in sorted(pathlib.Path(root).rglob("*.[ch]")):
            folders[path.parent] += [
                (length, f"{path}:{line}", name)
                for length, line, name in functions(path)]
    print("median  p90  functions  folder")
    for folder, found in folders.items():
        lengths = [length for length, _, _ in found]
        if lengths:
            print(f"{percentile(lengths, 0.5):6} {percentile(lengths, 0.9):4}"
                  f" {len(lengths):10}  {folder}")
    everything = sorted(sum(folders.values(), []), reverse=True)
    for length, where, name in everything[:10]:
        print(f"{length:6}  {where}  {name}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
