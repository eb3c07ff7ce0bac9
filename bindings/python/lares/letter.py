"""Dead letters: events that a node could not bring to an end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lares._native import lib
from lares._values import block, copied
from lares.errors import check

if TYPE_CHECKING:
    from lares.node import Node

__all__ = ["Letter", "Letters"]


class Letter:
    """An event that was not handled, with the reason.

    id: int, as in report("letters"), which tells more about it.
    reason: str, such as FAILED (three attempts), FULL or CLOSED.
    text: str, why the last attempt failed; "" if there was none.
    """

    def __init__(self, node: Node, row: dict[str, int | str]) -> None:
        self._node = node
        self.id = int(row["id"])
        self.reason = str(row["reason"])
        self.text = str(row["text"])

    @property
    def data(self) -> bytes:
        """Its payload.

        Raises NotFound if the letter is gone, FormatError (EMISSING) if the
        payload was too big to be kept.
        """
        out = block()
        check(lib.lares_letter_data(self._node._node, self.id, out))
        return copied(out)

    def replay(self) -> None:
        """Send its payload to its receiver again, and drop the letter.

        It comes as a new event of this node. The letter is kept when it cannot
        be sent: then this raises Closed (its receiver has ended), Full or
        WrongState. Raises NotFound if the letter is gone, FormatError
        (EMISSING) if its payload was not kept.
        """
        check(lib.lares_letter_replay(self._node._node, self.id))

    def drop(self) -> None:
        """Drop it; raises NotFound if it is gone."""
        check(lib.lares_letter_drop(self._node._node, self.id))

    def __repr__(self) -> str:
        line = self.text.partition("\n")[0]
        return f"<Letter {self.id} {self.reason} {line!r}>"


class Letters:
    """The dead letters of a node, oldest first; iterate it, or ask for len."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __iter__(self) -> Iterator[Letter]:
        for row in self._node.report("letters"):
            yield Letter(self._node, row)

    def __len__(self) -> int:
        return len(self._node.report("letters"))

    def __repr__(self) -> str:
        try:
            return f"<Letters {self._node.name} {len(self)}>"
        except Exception:
            return "<Letters>"
