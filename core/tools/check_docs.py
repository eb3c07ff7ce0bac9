#!/usr/bin/env python3
"""Check the doc comment of every function of lares.h.

usage: check_docs.py HEADER

The first line is a sentence that stands alone in 80 columns. The five keys
stand in their order. `Own` names every pointer but the receiver, `Thread` and
`Blocks` say what they may, `Errors` lists codes that exist.
"""
import pathlib
import re
import sys

KEYS = ["Own", "Thread", "Blocks", "Errors", "Since"]
FUNCTION = re.compile(
    r"(?P<comment>/\*\*(?:(?!\*/).)*\*/\s*)?^LARES_API\s(?P<prototype>[^;]+);",
    re.S | re.M)
POINTER = re.compile(r"(?:void|char|lares_\w+) \*+(\w+)$")


def read_comment(comment):
    """Split a comment into its first line and the keys of its last part."""
    lines = [re.sub(r"^ \* ?", "", line) for line in comment.splitlines()]
    text = "\n".join(lines[1:-1])
    fields = re.findall(r"^(\w+):\s+(.*(?:\n +.*)*)",
                        text.rpartition("\n\n")[2], re.M)
    return text.partition("\n")[0], {
        key: " ".join(value.split()) for key, value in fields}


def pointers(name, parameters):
    """Return all that point at more than a number, but the receiver."""
    found = [POINTER.search(" ".join(part.split()))
             for part in parameters.rstrip(")").split(",")]
    receiver = name.split("_")[1]
    return [match.group(1) for match in found
            if match and match.group(1) != receiver]


def check(comment, named, codes):
    """Yield one line for each rule that is broken."""
    if not comment:
        yield "no doc comment"
        return
    first, keys = read_comment(comment)
    if not first.endswith(".") or len(first) > 80:
        yield "the first line is not one sentence"
    if list(keys) != KEYS:
        yield f"keys are {', '.join(keys)}"
        return
    for name in named:
        if not re.search(rf"\b{name}\b", keys["Own"]):
            yield f"Own does not name {name}"
    if keys["Thread"] not in ("any", "turn", "one"):
        yield f"Thread is {keys['Thread']}"
    if not re.match(r"(no|until|while)\b", keys["Blocks"]):
        yield f"Blocks is {keys['Blocks']}"
    for word in re.findall(r"\bE[A-Z]+\b", keys["Errors"]):
        if word not in codes:
            yield f"Errors lists {word}, which does not exist"
    if not re.fullmatch(r"\d+\.\d+", keys["Since"]):
        yield f"Since is {keys['Since']}"


def main(header):
    """Check all functions; print what is broken."""
    text = pathlib.Path(header).read_text()
    codes = set(re.findall(r"XX\((\w+), -?\d+,", text))
    functions = list(FUNCTION.finditer(text))
    broken = 0
    for match in functions:
        before, _, parameters = match["prototype"].partition("(")
        name = before.split()[-1].lstrip("*")
        named = pointers(name, parameters)
        for line in check(match["comment"], named, codes):
            print(f"{header}: {name}: {line}")
            broken += 1
    return 1 if broken or not functions else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
