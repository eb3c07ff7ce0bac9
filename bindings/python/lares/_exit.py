"""The end of the program: nodes stop before Python ends the threads.

The hook runs when the main thread ends, before Python joins the others, so
that those in `for event in inbox` end by themselves. Python runs such hooks in
reverse, so this one comes before that of concurrent.futures, which joins.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401  its hook is registered first
import os
import threading
import time
import weakref
from typing import Any

from lares._native import lib

GRACE_MS = 1000  # for what daemons had accepted
WAIT_MS = 2500  # for all nodes together; who is late is abandoned

_nodes: dict[int, weakref.ref[Any]] = {}
_pid = os.getpid()


def watch(node: Any) -> None:
    """Stop this node at the end of the program, unless it has gone before."""
    key = id(node)
    _nodes[key] = weakref.ref(node, lambda _: _nodes.pop(key, None))


def end() -> None:
    """Stop all nodes together; then no thread asks for the GIL any more.

    A forked child has nothing to stop.
    """
    if os.getpid() != _pid:
        return
    nodes = [node for ref in list(_nodes.values()) if (node := ref())]
    for node in nodes:
        lib.lares_node_stop(node._node, GRACE_MS)
    deadline = time.monotonic() + WAIT_MS / 1000
    for node in nodes:
        left = max(0.0, deadline - time.monotonic())
        lib.lares_node_wait(node._node, int(left * 1000))
    lib.lares_py_end()


getattr(threading, "_register_atexit", atexit.register)(end)
