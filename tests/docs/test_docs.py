"""The documents: their code runs, their links lead somewhere, and what the
sources know (codes, options, verbs, tables) is described in them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import lares
import pytest
import run_blocks
from lares import errors

TOP = run_blocks.TOP
BUILD = Path(os.environ.get("LARES_BUILD", TOP / "build" / "release"))
C_PAGE = (TOP / "docs" / "c.md").read_text()
PROGRAM_PAGE = (TOP / "docs" / "program.md").read_text()
PYTHON_PAGE = (TOP / "docs" / "python.md").read_text()

in_each_document = pytest.mark.parametrize(
    "document", run_blocks.DOCUMENTS, ids=lambda path: path.name)


def read(path: str, pattern: str) -> list:
    """Return all that a pattern finds in a source file; there is something."""
    found = re.findall(pattern, (TOP / path).read_text(), re.M | re.S)
    assert found, f"{path}: {pattern}"
    return found


def rows(page: str, section: str) -> list[list[str]]:
    """Return the table rows of a section, cell by cell, without its head."""
    text = re.split(rf"^##+ {section}$", page, flags=re.M)[1]
    lines = re.split(r"^##+ ", text, flags=re.M)[0].splitlines()
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in table[2:]]


def words(text: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`]+)`", text)


# -- what is said is so --------------------------------------------------------


@in_each_document
def test_code_runs(document: Path) -> None:
    run_blocks.run_document(document, BUILD)


@in_each_document
def test_links_lead_somewhere(document: Path) -> None:
    run_blocks.check_links(document)


@in_each_document
def test_named_files_exist(document: Path) -> None:
    named = re.findall(r"`([\w./-]+/[\w.-]+\.(?:c|h|py|txt))`",
                       document.read_text())
    for name in named:
        assert (TOP / name).exists() or (TOP / "core/src" / name).exists()


@in_each_document
def test_lines_fit(document: Path) -> None:
    for line in document.read_text().splitlines():
        assert len(line) <= 80 or line.startswith("|")


@pytest.mark.parametrize("text", [
    "```\nno language\n```\n",
    "```sh\nexit 3\n```\n",
    "```sh\nmake world\n```\n",
    "```sh\nctest --preset nothing\n```\n",
    "```sh\nsudo apt-get install liblares\n```\n",
    "```sh\npytest tests/nowhere\n```\n",
    "```c\nint f(void)\n{\n    int unused;\n    return 0;\n}\n```\n",
    "```c\nint main(void)\n{\n    return 3;\n}\n```\n",
    "```python\nprint(1)\n```\n\n```text output\n2\n```\n",
    "```lua\nerror 'no'\n```\n",
    "[there](nowhere.md)",
    "# A\n[there](#b)",
])
def test_what_is_wrong_is_found(text: str, tmp_path: Path) -> None:
    document = tmp_path / "wrong.md"
    document.write_text(text)
    with pytest.raises(run_blocks.Wrong):
        run_blocks.check_links(document)
        run_blocks.run_document(document, BUILD)


def open_with(thing: str, node: lares.Node, **options: int) -> None:
    if thing == "node":
        lares.Node("other", **options)
    elif thing == "kind":
        node.register(lares.daemon(print), "other", **options)
    elif thing == "spawn":
        node.spawn(lares.daemon(print), **options)
    else:
        node.subscribe("any", **options)


RANGES = [(row[0].strip("`"), row[1], *row[3].replace(" ", "").split("–"))
          for row in rows(C_PAGE, "Options")
          if re.fullmatch(r"[\d ]+–[\d ]+", row[3])]


@pytest.mark.parametrize(("key", "thing", "low", "high"), RANGES)
def test_ranges_of_options(key: str, thing: str, low: str, high: str) -> None:
    option = {key.replace(".", "_"): int(high) + 1}
    with lares.Node("docs", lanes=1) as node:
        with pytest.raises(lares.InvalidArgument) as caught:
            open_with(thing, node, **option)
    assert f"'{key}' is a number from {low} to {high}," in caught.value.detail


# -- what there is, is described -----------------------------------------------


def test_status_codes() -> None:
    known = read("core/include/lares.h", r'XX\((\w+), (-?\d+), "([^"]+)"\)')
    said = [(row[0].strip("`"), row[1], row[2])
            for row in rows(C_PAGE, "Status codes")]
    assert said == known


def test_exceptions() -> None:
    said = {code: words(row[0])[0] for row in rows(PYTHON_PAGE, "Exceptions")
            for code in row[2].split()}
    known = {name: type(errors.failure(int(number), "")).__name__
             for name, number in read("core/include/lares.h",
                                      r"XX\((E\w+), (-\d+),")}
    assert said == known


def options_of(path: str, name: str) -> set[str]:
    """Return the options that a source file knows."""
    [listed] = read(path, name + r"\[\] = \{(.*?)NULL\}")
    return set(re.findall(r'"(.+?)"', listed))


@pytest.mark.parametrize(("path", "name", "thing"), [
    ("core/src/node/node.c", "known_options", "node"),
    ("core/src/daemon/kinds.c", "known_options", "kind"),
    ("core/src/node/spawn.c", "spawn_options", "spawn"),
    ("core/src/node/inbox.c", "known_options", "inbox")])
def test_options(path: str, name: str, thing: str) -> None:
    said = [row[0] for row in rows(C_PAGE, "Options") if row[1] == thing]
    assert sorted(words(" ".join(said))) == sorted(options_of(path, name))


def test_options_of_restore() -> None:
    spawn = options_of("core/src/node/spawn.c", "spawn_options")
    restore = options_of("core/src/node/spawn.c", "restore_options")
    assert restore == spawn - {"subscribe", "publish"}  # as the page says


def test_reports() -> None:
    known = {table: re.findall(r'\("(\w+)"\)', columns)
             for table, columns in read(
                 "core/src/node/report.c",
                 r"lares__column (\w+?)_columns\[\] = \{(.*?)NULL")}
    known["recovery"] = re.findall(r'\{"(\w+)",', *read(
        "core/src/group/recovery.c", r"recovery_columns\[\] = \{(.*?)NULL"))
    said = {row[0].strip("`"): words(row[2]) for row in rows(C_PAGE, "Reports")}
    assert set(said) == set(
        read("core/src/node/report.c", r'^    \{"(\w+)",\s+\w+_columns'))
    for table, columns in known.items():
        table = table if table in said else table + "s"
        assert sorted(said[table]) == sorted(columns), table


def test_records() -> None:
    known = read("core/src/node/records.c", r'\[LARES__RECORD_\w+\] = "(\w+)"')
    assert [row[0] for row in rows(C_PAGE, "Records")] == known


def test_counters() -> None:
    known = read("core/src/node/report.c", r'counter\(rows, "(\w+)"')
    said = [row[0] for row in rows(C_PAGE, "Counters")]
    assert sorted(words(" ".join(said))) == sorted(set(known))


def test_verbs_and_flags() -> None:
    verbs = read("cli/main.c", r'^    \{"(\w+)",')
    assert words(" ".join(re.findall(r"^## (.*)", PROGRAM_PAGE, re.M))) == []
    said = re.findall(r"^(?:## |\| `)lares (\w+)", PROGRAM_PAGE, re.M)
    assert set(said) == set(verbs)
    flags = read("bindings/lua/job.c", r'^    \{"(\w+)",\s+"([A-Z=]+)"')
    said = [row[0].strip("`") for row in rows(PROGRAM_PAGE, "lares run")]
    assert [f"--{name} {value}" for name, value in flags] == said[:len(flags)]


def test_exit_codes() -> None:
    known = read("bindings/lua/console.h", r"LARES__EXIT_\w+ = (\d+)")
    assert [row[0] for row in rows(PROGRAM_PAGE, "Exit codes")] == known
