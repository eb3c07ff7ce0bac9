"""Inboxes: next, drain, iteration, their end, and Ctrl-C."""

from __future__ import annotations

import _thread
import threading
import time

import lares
import pytest


def fill(node, count, channel="c"):
    for i in range(count):
        node.publish(channel, b"%d" % i)


def test_next_and_drain(lares_node):
    inbox = lares_node.subscribe("c")
    assert repr(inbox) == "<Inbox c>"
    assert inbox.drain() == []
    fill(lares_node, 200)
    assert inbox.next().data == b"0"
    assert inbox.next(0).data == b"1"
    rest = inbox.drain()
    assert [e.data for e in rest] == [b"%d" % i for i in range(2, 200)]
    for timeout in (0, 0.02):
        with pytest.raises(lares.Timeout) as caught:
            inbox.next(timeout)
        assert caught.value.code == "ETIMEDOUT"
    with pytest.raises(TimeoutError):
        inbox.next(timeout=0)


def test_patterns_and_groups(lares_node):
    one = lares_node.subscribe("a.>", group="g")
    two = lares_node.subscribe("a.>", group="g")
    every = lares_node.subscribe("a.*")
    for i in range(10):
        lares_node.publish("a.b", b"%d" % i)
    assert len(every.drain()) == 10
    shares = len(one.drain()), len(two.drain())
    assert shares == (5, 5)


def test_evict(lares_node):
    inbox = lares_node.subscribe("c", mailbox_count=4, mailbox_policy="evict")
    fill(lares_node, 10)
    assert [e.data for e in inbox.drain()] == [b"6", b"7", b"8", b"9"]


@pytest.mark.parametrize(
    ("pattern", "options", "code"),
    [
        ("a..b", {}, "ENAME"),
        ("a", {"group": "two words"}, "ENAME"),
        ("a", {"mailbox_policy": "maybe"}, "ERANGE"),
        ("a", {"mailbox": 5}, "EOPTION"),
    ],
)
def test_subscribe_refuses(lares_node, pattern, options, code):
    with pytest.raises(lares.InvalidArgument) as caught:
        lares_node.subscribe(pattern, **options)
    assert caught.value.code == code


def test_iteration_ends_with_the_node():
    with lares.Node("east") as node:
        inbox = node.subscribe("c")
        fill(node, 500)
        timer = threading.Timer(0.05, node.stop)
        timer.start()
        assert [int(e.data) for e in inbox] == list(range(500))
        timer.join()
    with pytest.raises(lares.Closed):
        inbox.next()
    assert list(inbox) == []


def test_iteration_in_a_thread():
    got = []
    with lares.Node("east") as node:
        inbox = node.subscribe("c")
        thread = threading.Thread(target=lambda: got.extend(inbox))
        thread.start()
        fill(node, 5000)
    thread.join(5)
    assert [int(e.data) for e in got] == list(range(5000))


def test_two_readers_share(lares_node, until):
    inbox = lares_node.subscribe("c", mailbox_count=100)
    got = []

    def read():
        try:
            while True:
                got.append(int(inbox.next(0.5).data))
        except lares.Timeout:
            pass

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    fill(lares_node, 3000)
    for thread in threads:
        thread.join()
    assert sorted(got) == list(range(3000))


def test_close(lares_node):
    with lares_node.subscribe("c", mailbox_count=1) as inbox:
        fill(lares_node, 1)
        inbox.next()
    inbox.close()
    fill(lares_node, 10)
    for call in (inbox.next, inbox.drain):
        with pytest.raises(lares.Closed):
            call()
    assert list(inbox) == []


def test_close_while_another_waits(lares_node):
    inbox = lares_node.subscribe("c")
    outcome = []

    def wait():
        try:
            inbox.next()
        except lares.Closed:
            outcome.append("closed")

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    inbox.close()
    thread.join(2)
    assert outcome == ["closed"]


# id: PY04
@pytest.mark.parametrize(
    "wait",
    [
        lambda node, inbox: inbox.next(),
        lambda node, inbox: inbox.next(30),
        lambda node, inbox: list(inbox),
        lambda node, inbox: node.wait(),
        lambda node, inbox: node.run(30),
    ],
)
def test_ctrl_c_ends_a_wait(lares_node, wait, interruptible):
    inbox = lares_node.subscribe("c")
    timer = threading.Timer(0.05, _thread.interrupt_main)
    begun = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        wait(lares_node, inbox)
    assert time.monotonic() - begun < 0.5
    timer.join()
    fill(lares_node, 1)
    assert inbox.next(5).data == b"0"
