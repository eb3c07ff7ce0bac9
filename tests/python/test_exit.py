"""How programs end: in time, with their status, and nothing on stderr."""

from __future__ import annotations

import os
import time

import pytest

EXITS = int(os.environ.get("LARES_EXITS", "5"))  # of each way; more when deep

HEAD = """
import sys, threading, time
import lares

class Echo(lares.Daemon):
    def process(self, event):
        return event.data

class Quitter(lares.Daemon):
    def process(self, event):
        sys.exit(3)

class Sleeper(lares.Daemon):
    def process(self, event):
        time.sleep(0.3)

class Rebuilt(Echo):
    slow = 0

    def __init__(self):
        time.sleep(Rebuilt.slow)
        Rebuilt.slow = 0.3

    def snapshot(self):
        return b""

    def restore(self, state):
        pass

node = lares.Node("east").start()
inbox = node.subscribe("out")
node.spawn(Echo, subscribe="in", publish="out")

def read():
    for event in inbox:
        pass

def feed():
    try:
        while True:
            node.publish("in", b"x")
    except lares.Closed:
        pass

threading.Thread(target=read).start()
threading.Thread(target=feed).start()
"""

WAYS = {
    "end": ("", 0, ""),
    "sys.exit": ("sys.exit(4)", 4, ""),
    "exception": ("raise LookupError('lost')", 1, "LookupError: lost"),
    "exit in a delivered callback": (
        "node.spawn(Quitter).deliver(b'')",
        3,
        "",
    ),
    "exit on a lane": ("node.spawn(Quitter).send(b''); node.wait()", 3, ""),
    "callback still runs": (
        "node.spawn(Sleeper).send(b''); time.sleep(0.02)",
        0,
        "",
    ),
    "handler still runs": (
        "west = lares.Node('west', tick_interval=5).start();"
        "west.recovery.register(lambda: time.sleep(0.3)); time.sleep(0.05)",
        0,
        "",
    ),
    "rebuild still runs": (
        "node.spawn(Rebuilt).restart(); time.sleep(0.02)",
        0,
        "",
    ),
    "SIGTERM": (
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM);"
        "time.sleep(10)",
        -15,
        "",
    ),
    "SIGTERM as an exit": (
        "import os, signal;"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5));"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(10)",
        5,
        "",
    ),
    "stopped before": ("node.stop()", 0, ""),
    "in with": ("with node: pass", 0, ""),
}


# id: PY03
@pytest.mark.parametrize("way", WAYS)
def test_exit(child, way):
    text, status, error = WAYS[way]
    for _ in range(EXITS):
        begun = time.monotonic()
        done = child(HEAD + text)
        took = time.monotonic() - begun
        assert done.returncode == status, done.stderr
        assert error in done.stderr if error else done.stderr == ""
        assert took < 2


# id: PY06
def test_callback_after_the_end(child):
    done = child(
        """
        import lares

        class Late(lares.Daemon):
            def process(self, event):
                return b"on time"

        node = lares.Node("east", lanes=0).start()
        late = node.spawn(Late)
        print(late.deliver(b"")[0].text)
        lares._core.lib.lares_py_end()
        try:
            late.deliver(b"")
        except lares.CallbackError as error:
            print(error.code)
        """
    )
    assert done.stdout == "on time\nECALLBACK\n", done.stderr


# id: AB09
# id: PY09
def test_forked_child_is_closed(child):
    done = child(
        """
        import os, sys, time, warnings
        import lares

        warnings.simplefilter("ignore")  # a fork beside threads is the point

        class Echo(lares.Daemon):
            def process(self, event):
                return event.data

            def close(self):
                print("closed in the parent:", os.getpid() == parent)

        parent = os.getpid()
        node = lares.Node("east").start()
        handle = node.spawn(Echo)
        inbox = node.subscribe("out")
        sys.stdout.flush()
        time.sleep(0.1)  # ASan hangs if a thread that starts allocates
        if os.fork() == 0:
            calls = {
                "deliver": lambda: handle.deliver(b""),
                "send": lambda: handle.send(b""),
                "publish": lambda: node.publish("out", b""),
                "next": lambda: inbox.next(1),
                "report": lambda: node.report("node"),
                "node": lambda: lares.Node("west"),
                "key": lambda: lares.Key(),
                "stop": node.stop,
            }
            for name, call in calls.items():
                try:
                    call()
                    print(name, "OK")
                except lares.Closed as error:
                    if error.code != "EFORKED":
                        print(name, error.code)
            del node, handle, inbox, calls, call
            sys.exit(0)
        _, status = os.wait()
        print(os.waitstatus_to_exitcode(status), handle.deliver(b"on")[0].text)
        """,
        ASAN_OPTIONS="detect_leaks=0",  # it takes lost threads for leaks
    )
    assert done.stderr == ""
    assert done.stdout == "0 on\nclosed in the parent: True\n"
    assert done.returncode == 0


def test_forgotten_nodes_do_not_delay_the_end(child):
    begun = time.monotonic()
    done = child(
        """
        import lares

        class Echo(lares.Daemon):
            def process(self, event):
                return event.data

        for i in range(50):
            node = lares.Node("east", lanes=1).start()
            node.spawn(Echo).deliver(b"")
        """
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - begun < 4


def test_threads_that_end_under_the_debug_allocator(child):
    done = child(
        """
        import threading
        import lares

        class Echo(lares.Daemon):
            local = threading.local()

            def process(self, event):
                self.local.seen = event  # goes with the thread
                return event.data

        for i in range(3):
            with lares.Node("east", lanes=2) as node:
                inbox = node.subscribe("out")
                handle = node.spawn(Echo, publish="out")
                handle.send(b"on a lane")
                text = inbox.next(5).text
        print(text)
        """,
        PYTHONDEVMODE="1",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "on a lane\n"


def test_traceback_of_a_lane_is_printed(child):
    done = child(
        """
        import lares

        class Bad(lares.Daemon):
            def process(self, event):
                raise ValueError("bad line")

        with lares.Node("east") as node:
            node.spawn(Bad).send(b"")
        """
    )
    assert done.returncode == 0
    assert "Traceback" in done.stderr
    assert "ValueError: bad line" in done.stderr
