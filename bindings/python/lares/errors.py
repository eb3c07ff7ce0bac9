"""Exceptions: one class per group of status codes, all of them an Error."""

from __future__ import annotations

from lares._native import ffi, lib

__all__ = [
    "CallbackError",
    "ChainError",
    "Closed",
    "Deadlock",
    "Denied",
    "Error",
    "Exists",
    "FormatError",
    "Full",
    "IdentityError",
    "InvalidArgument",
    "NotFound",
    "OutOfMemory",
    "OutcomeUnknown",
    "StorageError",
    "Timeout",
    "WrongState",
]


class Error(RuntimeError):
    """A call to Lares failed.

    status: int, the number of the code.
    code: str, its name, such as "ENAME".
    detail: str, one line that names the value and the rule; may be "".
    """

    def __init__(self, status: int, detail: str = "") -> None:
        text = ffi.string(lib.lares_status_text(status)).decode()
        super().__init__(f"{text}: {detail}" if detail else text)
        self.status = status
        self.code: str = ffi.string(lib.lares_status_name(status)).decode()
        self.detail = detail


class InvalidArgument(Error, ValueError):
    """A name, an option, a size or a number is not what it must be."""


class Closed(Error):
    """The thing has ended, or the process was forked."""


class Exists(Error):
    """There is one already."""


class NotFound(Error, LookupError):
    """There is none."""


class WrongState(Error):
    """Not now: not started, busy, or waiting to be restarted."""


class Deadlock(WrongState):
    """The call would wait inside a daemon's callback."""


class Full(Error):
    """There is no room now, or a limit is reached."""


class OutOfMemory(Error, MemoryError):
    """Lares could not allocate; everything is as it was."""


class Timeout(Error, TimeoutError):
    """The time is up, and nothing has happened."""


class OutcomeUnknown(Timeout):
    """The time is up, and what had begun may still happen."""


class FormatError(Error, ValueError):
    """The bytes are not what they claim to be."""


class ChainError(FormatError):
    """An event does not follow its predecessor."""


class IdentityError(Error):
    """The identity is the wrong one, or has no private key."""


class Denied(Error, PermissionError):
    """That is not allowed to this caller."""


class StorageError(Error):
    """Input or output failed."""


class CallbackError(Error):
    """A daemon failed.

    text: str, why: the exception in one line, then where it was raised.
    __cause__: the exception itself, if it was raised in this process.
    """

    def __init__(self, status: int, detail: str = "") -> None:
        super().__init__(status, detail.split("\n", 1)[0])
        self.text = detail


_CLASSES: dict[type[Error], str] = {
    InvalidArgument: "EINVAL ENAME EOPTION ERANGE ETOOBIG",
    Closed: "ECLOSED EFORKED",
    Exists: "EEXIST",
    NotFound: "ENOTFOUND EKIND",
    WrongState: "ENOTREADY EBUSY EPHASE ESTALE EDOWN",
    Deadlock: "EDEADLK",
    Full: "EAGAIN ELIMIT",
    OutOfMemory: "ENOMEM",
    Timeout: "ETIMEDOUT",
    OutcomeUnknown: "EUNKNOWN",
    FormatError: "EFORMAT EVERSION EDIGEST ESTATELESS EMISSING",
    ChainError: "EPARENT EGAP EORIGIN ESEQUENCE",
    IdentityError: "EIDENTITY EKEY ESIGNATURE",
    Denied: "EDENIED",
    StorageError: "EIO",
    CallbackError: "ECALLBACK EQUOTA ESCRIPT ESNAPSHOT ERESTORE",
}
_BY_STATUS: dict[int, type[Error]] = {
    getattr(lib, "LARES_" + name): error
    for error, names in _CLASSES.items()
    for name in names.split()
}


def failure(status: int, detail: str) -> Error:
    """Make the exception of a status."""
    return _BY_STATUS.get(status, Error)(status, detail)


def detail() -> str:
    """Return the line about the last failed call of this thread."""
    line: bytes = ffi.string(lib.lares_error_detail())
    return line.decode("utf-8", "replace")


def check(status: int) -> None:
    """Raise the exception of a status that this thread was just answered."""
    if status < 0:
        raise failure(status, detail())
