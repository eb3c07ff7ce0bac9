#!/usr/bin/env python3
"""Check that lares.h keeps to what a C compiler, CFFI and SWIG all read.

usage: check_header.py CDEF [FOLDER]

CDEF is the preprocessed text. With FOLDER, functions.txt and enums.txt are
written there: what every binding is compared with.
"""
import pathlib
import re
import sys

FORBIDDEN = {
    r"\b(static|inline)\b": "a body",
    r"\.\.\.": "varargs",
    r"\bunion\b": "a union",
    r"\b(bool|_Bool)\b": "bool",
    r"\blong\b": "long",
    r"\benum \w": "an enum type",
    r"\w : \d+": "a bit-field",
    r"(?<!typedef )\bstruct \w+ \w": "a struct by value",
    r"\b(unsigned|short|int)\b": "a type without a width",
}
# A struct of ours by value; opaque handles are only ever pointers.
BY_VALUE = r"[(,] ?(?:const )?lares_(?!status|verdict)\w+(?<!_fn) \w+"


def read_functions(text):
    """Return the names of all prototypes, in order."""
    flat = re.sub(r"\{[^{}]*\}", "", text)
    statements = (part.strip() for part in flat.split(";"))
    return [re.match(r"[\w ]+?[ *]+(\w+) ?\(", part).group(1)
            for part in statements
            if "(" in part and not part.startswith("typedef")]


def read_enums(text):
    """Return (name, value) of all enumerators; value None when implicit."""
    found = []
    for body in re.findall(r"enum \{(.*?)\}", text, re.S):
        for item in filter(None, map(str.strip, body.split(","))):
            name, _, value = item.partition("=")
            found.append((name.strip(), value.strip() or None))
    return found


def check(text, functions, enums):
    """Yield one line for each rule that is broken."""
    for pattern, what in FORBIDDEN.items():
        for hit in re.findall(f".*{pattern}.*", text):
            yield f"{what}: {hit}"
    for hit in re.findall(BY_VALUE, text):
        yield f"a struct by value: {hit}"
    for name in functions:
        if not re.fullmatch(r"lares_[a-z0-9]+(_[a-z0-9]+)+", name):
            yield f"not lares_<noun>_<verb>: {name}"
    for name, value in enums:
        if value is None:
            yield f"no explicit value: {name}"
    names = functions + [name for name, _ in enums]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"declared twice: {name}"


def main(cdef, folder=None):
    """Check the text; write the two lists where they are wanted."""
    text = re.sub(r"\s+", " ", pathlib.Path(cdef).read_text())
    text = re.sub(r"([;{}]) ", r"\1\n", text)
    functions, enums = read_functions(text), read_enums(text)
    broken = list(check(text, functions, enums))
    for line in broken:
        print(f"lares.h: {line}")
    if folder is not None:
        out = pathlib.Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        out.joinpath("functions.txt").write_text(
            "".join(f"{name}\n" for name in sorted(functions)))
        out.joinpath("enums.txt").write_text(
            "".join(f"{name} {value}\n" for name, value in enums))
    return 1 if broken or not functions else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
