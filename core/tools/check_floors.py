#!/usr/bin/env python3
"""Check that the rooms of core/src stand on their floors.

usage: check_floors.py CORE

A file includes only from its own folder or from floors below, floors up to 4
touch no system but memory and threads, <uv.h> stays under io/uv, and the
source list of CORE/CMakeLists.txt is what lies in CORE/src.
"""
import pathlib
import re
import sys

FLOORS = {
    "base": 0, "identity": 1, "chain": 1, "daemon": 2, "bus": 3,
    "placement": 3, "group": 4, "migration": 4, "io": 5, "engine": 6,
    "node": 7, "abi": 8,
}
NEIGHBOURS = {("chain", "identity")} # the one look sideways
OUTSIDE = re.compile(r"time\.h|unistd\.h|fcntl\.h|dlfcn\.h|signal\.h|sys/.*"
                     r"|netinet/.*|arpa/.*")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)', re.M)


def check_own(folder, name):
    """Judge an include of one of our files, seen from a folder."""
    other = name.split("/")[0] if "/" in name else folder
    if name == "lares.h" or other == folder:
        return None
    if other not in FLOORS:
        return "is in no room"
    if (folder, other) in NEIGHBOURS or FLOORS[other] < FLOORS[folder]:
        return None
    return f"{other} is not below {folder}"


def check_system(path, folder, name):
    """Judge an include of a library's or the system's file."""
    if name.startswith("uv") and path.parts[:2] != ("io", "uv"):
        return "libuv stays under io/uv"
    if 1 <= FLOORS[folder] <= 4 and OUTSIDE.fullmatch(name):
        return "floors 1 to 4 are pure"
    return None


def check_file(path, text):
    """Yield one line for each include that a file must not have."""
    folder = path.parts[0]
    for mark, name in INCLUDE.findall(text):
        why = (check_own(folder, name) if mark == '"'
               else check_system(path, folder, name))
        if why:
            yield f"{path}: {name}: {why}"


def check_list(listed, found):
    """Yield one line for each difference between list and tree."""
    for name in sorted(found - listed):
        yield f"{name}: not in CMakeLists.txt"
    for name in sorted(listed - found):
        yield f"{name}: in CMakeLists.txt only"


def main(core):
    """Check all files; print what is broken."""
    core = pathlib.Path(core)
    source = core / "src"
    files = {path.relative_to(source): path.read_text()
             for path in source.rglob("*.[ch]")}
    listed = set(re.findall(r"\bsrc/(\S+\.c)\b",
                            (core / "CMakeLists.txt").read_text()))
    broken = [line for path in sorted(files)
              for line in check_file(path, files[path])]
    broken += check_list(
        listed, {str(path) for path in files if path.suffix == ".c"})
    for line in broken:
        print(line)
    return 1 if broken or not files else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
