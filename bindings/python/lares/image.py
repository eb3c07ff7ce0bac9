"""What images say of their daemons."""

from __future__ import annotations

import os

from lares._native import lib
from lares._values import Data, Rows, encode, image_bytes, rows_list, table, view
from lares.errors import check

__all__ = ["image_report"]


def image_report(
    image: Data | str | os.PathLike[str], what: str = "image"
) -> Rows:
    """Return a table of what an image says: a list of dict, one a row.

    image: bytes, bytearray or memoryview, from Handle.snapshot or retire; or
        the path of a file with them.
    what: "image" (a row: whose it is, its epoch and place in the chain, and
        time, when it was taken, in ns since 1970), "subscriptions" or
        "options". Numbers and ids are int.

    It is checked as by Node.restore, but may be larger than snapshot_max and
    have options that this version does not know. Of two images of an identity that lives
    once at a time the newer has the higher epoch, or else arrival, or else
    time.

    Raises NotFound for another table, FormatError (also EVERSION, EDIGEST),
    ChainError, IdentityError, InvalidArgument, Closed (EFORKED), OutOfMemory,
    OSError for a path.
    """
    data, out = view(image_bytes(image)), table()
    check(lib.lares_image_report(data, len(data), encode(what), out))
    return rows_list(out)
