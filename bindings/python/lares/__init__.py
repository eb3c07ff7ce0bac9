"""Lares hosts daemons: event processors with an identity and a chain.

    import lares

    class Counter(lares.Daemon):
        def __init__(self):
            self.n = 0

        def process(self, event):
            self.n += 1
            return str(self.n).encode()

    with lares.Node("east") as node:
        counter = node.spawn(Counter, subscribe="ticks", publish="counts")
        print(counter.deliver(b"tick"))

Daemon is what authors subclass, Node is where daemons live.
"""

# isort: skip_file
from lares import _core  # noqa: F401  first: it adds types to the others
from lares._native import Event
from lares.daemon import Daemon, daemon
from lares.errors import (
    CallbackError,
    ChainError,
    Closed,
    Deadlock,
    Denied,
    Error,
    Exists,
    FormatError,
    Full,
    IdentityError,
    InvalidArgument,
    NotFound,
    OutOfMemory,
    OutcomeUnknown,
    StorageError,
    Timeout,
    WrongState,
)
from lares.handle import Handle
from lares.image import image_report
from lares.key import Chain, Key
from lares.letter import Letter, Letters
from lares.node import Inbox, Node
from lares.recovery import Recovery, Slot

__all__ = [
    "CallbackError",
    "Chain",
    "ChainError",
    "Closed",
    "Daemon",
    "Deadlock",
    "Denied",
    "Error",
    "Event",
    "Exists",
    "FormatError",
    "Full",
    "Handle",
    "IdentityError",
    "Inbox",
    "InvalidArgument",
    "Key",
    "Letter",
    "Letters",
    "Node",
    "NotFound",
    "OutOfMemory",
    "OutcomeUnknown",
    "Recovery",
    "Slot",
    "StorageError",
    "Timeout",
    "WrongState",
    "daemon",
    "image_report",
]
