"""Shared by the Python tests: children, and the daemons that many use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator

import lares
import pytest


class Echo(lares.Daemon):
    def process(self, event):
        return event.data


class Counter(lares.Daemon):
    def __init__(self):
        self.n = 0

    def process(self, event):
        self.n += 1
        return str(self.n).encode()


class Tally(Counter):
    """A counter that can snapshot; it fails after it has counted `bad`."""

    def process(self, event):
        self.n += 1
        if event.data == b"bad":
            raise ValueError("bad line")
        return str(self.n).encode()

    def snapshot(self):
        return self.n.to_bytes(8, "little")

    def restore(self, state):
        self.n = int.from_bytes(state, "little")


@pytest.fixture
def echo() -> type[lares.Daemon]:
    return Echo


@pytest.fixture
def counter() -> type[lares.Daemon]:
    return Counter


@pytest.fixture
def tally() -> type[lares.Daemon]:
    return Tally


Child = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def child() -> Child:
    """Run Python text in a process of its own, which must end in time."""

    def run(
        text: str, *args: str, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(text), *args],
            capture_output=True,
            text=True,
            timeout=20,
            env={**os.environ, **env},
        )

    return run


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait until something is so; fail after some seconds."""

    def wait(so: Callable[[], object], seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, "it did not come to be so"
            time.sleep(0.005)

    return wait


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt in the main thread.

    A background job of a shell is started with the signal ignored.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
