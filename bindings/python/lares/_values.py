"""What crosses into the core and back: names, times, options and tables."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Optional, Union

from lares._native import ffi, lib
from lares.errors import InvalidArgument, check

Data = Union[bytes, bytearray, memoryview]
Wait = Optional[float]
Rows = list[dict[str, Union[int, str]]]

SLICE = 0.1  # seconds: how often a passive wait looks up for Ctrl-C
LONGEST = 1e12  # seconds: beyond it, all times are the same


def address(pointer: Any) -> int:
    """Return a pointer that the library gave as a number."""
    if not isinstance(pointer, ffi.CData):
        raise TypeError("handles and inboxes come from a Node's methods")
    return int(ffi.cast("uintptr_t", pointer))


def encode(text: str) -> bytes:
    """Return a name as the core reads it, which a zero byte would cut."""
    if not isinstance(text, str):
        raise TypeError(f"a name is {type(text).__name__}, expected str")
    data = text.encode()
    if b"\0" in data:
        raise InvalidArgument(lib.LARES_EINVAL, f"{text!r} has a zero byte")
    return data


def is_data(thing: object) -> bool:
    """Tell whether something is a buffer."""
    try:
        memoryview(thing).release()  # type: ignore[arg-type]
    except TypeError:
        return False
    return True


def view(data: Data) -> Any:
    """Return the bytes of any buffer as C sees them, without a copy."""
    if isinstance(data, str):
        raise TypeError("data is str, expected bytes: use .encode()")
    return ffi.from_buffer(data)


def image_bytes(image: Data | str | os.PathLike[str]) -> Data:
    """Return an image, or what stands in its file."""
    if not isinstance(image, (str, os.PathLike)):
        return image
    with open(image, "rb") as file:
        return file.read()


def block() -> Any:
    """Return a place for a block of the core, which is freed with it.

    So it is freed wherever an interrupt comes.
    """
    return ffi.gc(
        ffi.new("lares_bytes **"), lambda place: lib.lares_bytes_free(place[0])
    )


def copied(place: Any) -> bytes:
    """Copy the block that a call has left in its place."""
    size = lib.lares_bytes_len(place[0])
    return bytes(ffi.buffer(lib.lares_bytes_data(place[0]), size))


def milliseconds(wait: Wait) -> int:
    """Return seconds as whole milliseconds, None (for ever) as -1."""
    if wait is None:
        return -1
    if not wait >= 0:
        raise InvalidArgument(
            lib.LARES_ERANGE, f"time is {wait}, expected None or at least 0"
        )
    return math.ceil(min(wait, LONGEST) * 1000)


def slices(wait: Wait) -> Iterator[int]:
    """Yield the milliseconds of a passive wait, piece by piece."""
    ms = milliseconds(wait)
    end = math.inf if wait is None else time.monotonic() + ms / 1000
    left = end - time.monotonic()
    while left > 0:
        yield milliseconds(min(left, SLICE))
        left = end - time.monotonic()
    yield 0


def option_text(key: str, value: object) -> str:
    """Return the value of an option as the core reads it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        return " ".join(option_text(key, item) for item in value)
    raise TypeError(
        f"option {key} is {type(value).__name__}, "
        "expected str, int, bool or a list of them"
    )


def options_new(options: Mapping[str, object]) -> Any:
    """Make the core's options of keywords; those that are None are left out."""
    pairs = {key: value for key, value in options.items() if value is not None}
    if not pairs:
        return ffi.NULL
    out = ffi.new("lares_options **")
    check(lib.lares_options_new(out))
    made = ffi.gc(out[0], lib.lares_options_free)
    for key, value in pairs.items():
        text = encode(option_text(key, value))
        check(lib.lares_options_set(made, encode(key.replace("_", ".")), text))
    return made


def table() -> Any:
    """Return a place for a table of the core, which is freed with it."""
    return ffi.gc(
        ffi.new("lares_rows **"), lambda place: lib.lares_rows_free(place[0])
    )


def rows_list(place: Any) -> Rows:
    """Copy the table that a call has left in its place: one dict a row."""
    rows = place[0]
    columns: list[tuple[bytes, int]] = []
    name, kind = ffi.new("const char **"), ffi.new("uint32_t *")
    while (
        lib.lares_rows_column(rows, len(columns), name, kind) == lib.LARES_OK
    ):
        columns.append((ffi.string(name[0]), kind[0]))
    result: Rows = []
    while lib.lares_rows_next(rows) == lib.LARES_OK:
        row = {name.decode(): cell(rows, name, kind) for name, kind in columns}
        result.append(row)
    return result


def cell(rows: Any, name: bytes, kind: int) -> int | str:
    """Read a column of the current row: numbers and ids are int."""
    if kind == lib.LARES_ROWS_TEXT:
        text = ffi.new("const char **")
        check(lib.lares_rows_text(rows, name, text))
        value: bytes = ffi.string(text[0])
        return value.decode("utf-8", "replace")
    number = ffi.new("uint64_t *")
    check(lib.lares_rows_u64(rows, name, number))
    return int(number[0])
