"""Daemons that can snapshot: images, restores, versions of a state."""

from __future__ import annotations

import array
import itertools
import threading
import time

import lares
import pytest
from lares.testing import World


def keeper(answer):
    """Make a kind whose snapshot answers that, and which shows its state."""

    class Keeper(lares.Daemon):
        def process(self, event):
            return self.state

        def snapshot(self):
            return answer() if callable(answer) else answer

        def restore(self, state):
            self.state = state

    return Keeper


def moved(handle, node, **options):
    """Stop a daemon, and restore its image on a node."""
    image, key = handle.snapshot(), handle.identity
    handle.stop()
    return node.restore(image, identity=key, **options)


# -- images -------------------------------------------------------------------


# id: S01
def test_image_goes_on_in_a_second_node(tally):
    key = lares.Key()
    chain = lares.Chain(key.origin)
    with lares.Node("east") as east:
        handle = east.spawn(tally, identity=key, publish="counts")
        for _ in range(10):
            for event in handle.deliver(b""):
                chain.check(event)
        image = handle.snapshot()
        last = event
    with lares.Node("west") as west:
        west.register(tally)
        handle = west.restore(image, identity=key)
        inbox = west.subscribe("counts")
        (event,) = handle.deliver(b"")
        assert inbox.next(5) == event
    assert (event.data, event.sequence) == (b"11", 11)
    assert event.parent == last.hash
    chain.check(event)


# id: S02
def test_image_of_a_kind_that_cannot_snapshot(lares_node, echo):
    handle = lares_node.spawn(echo)
    before = handle.deliver(b"one")[0]
    again = moved(handle, lares_node)
    (after,) = again.deliver(b"two")
    assert (after.data, after.parent) == (b"two", before.hash)


def pieces():
    yield b"a"
    yield bytearray(b"b")
    yield memoryview(b"cd")[1:]


# id: S02
@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"", b""),
        (b"state", b"state"),
        (bytearray(b"state"), b"state"),
        (memoryview(b"xstate")[1:], b"state"),
        (array.array("H", [1, 2]), array.array("H", [1, 2]).tobytes()),
        (bytes(3 << 20), bytes(3 << 20)),
        ([], b""),
        ((b"one", b"", b"two"), b"onetwo"),
        (pieces, b"abd"),
    ],
)
def test_snapshot_answers(lares_node, answer, state):
    handle = moved(lares_node.spawn(keeper(answer)), lares_node)
    assert handle.deliver(b"")[0].data == state


@pytest.mark.parametrize("kind", [lambda buffer: buffer, memoryview])
def test_snapshot_that_uses_its_buffer_again(lares_node, kind):
    def pieces():
        buffer = bytearray()
        for part in (b"one", b"two", b""):
            buffer += part
            yield kind(buffer)
            buffer.clear()

    handle = moved(lares_node.spawn(keeper(pieces)), lares_node)
    assert handle.deliver(b"")[0].data == b"onetwo"


# id: PY08
@pytest.mark.parametrize(
    ("answer", "culprit"),
    [
        ("text", "returned str"),
        (None, "returned NoneType"),
        (5, "returned int"),
        ([b"a", "b"], "returned an iterable with str"),
        ([b"a", [b"b"]], "returned an iterable with list"),
    ],
)
def test_snapshot_answers_rubbish(lares_node, answer, culprit):
    handle = lares_node.spawn(keeper(answer))
    with pytest.raises(lares.CallbackError) as caught:
        handle.snapshot()
    assert caught.value.code == "ESNAPSHOT"
    assert isinstance(caught.value.__cause__, TypeError)
    assert str(caught.value.__cause__) == (
        f"keeper.snapshot {culprit}, expected bytes or an iterable of bytes"
    )


def failing(error):
    def snapshot():
        yield b"half of it"
        raise error

    return snapshot


# id: PY08
# id: S03
def test_snapshot_that_raises(lares_node, caplog):
    error = LookupError("naïve")

    class Moody(keeper(failing(error))):
        state = b"as it was"

    handle = lares_node.spawn(Moody)
    with pytest.raises(lares.CallbackError) as caught:
        handle.snapshot()
    assert caught.value.code == "ESNAPSHOT"
    assert caught.value.__cause__ is error
    assert caught.value.text.startswith("LookupError: naïve\n")
    assert handle.deliver(b"")[0].data == b"as it was"
    assert handle.stats["crashes"] == 0
    assert caplog.records == []


# id: PY08
@pytest.mark.parametrize("error", [ValueError("late"), SystemExit(5)])
def test_cause_of_a_snapshot_that_the_lane_takes(lares_node, error, caplog):
    begun, go = threading.Event(), threading.Event()

    class Slow(keeper(failing(error))):
        def process(self, event):
            begun.set()
            go.wait(5)

    handle = lares_node.spawn(Slow)
    handle.send(b"")
    begun.wait(5)
    threading.Timer(0.05, go.set).start()
    with pytest.raises((lares.CallbackError, SystemExit)) as caught:
        handle.snapshot()
    assert error in (caught.value, caught.value.__cause__)
    assert caplog.records == []
    assert lares_node.state == "READY"


def test_causes_of_snapshots_at_once(lares_node):
    taken = itertools.count()

    class Moody(lares.Daemon):
        def process(self, event):
            pass

        def snapshot(self):
            raise ValueError(f"snapshot {next(taken)}")

        def restore(self, state):
            pass

    handle = lares_node.spawn(Moody)
    wrong, seen = [], []

    def ask():
        for _ in range(50):
            with pytest.raises(lares.CallbackError) as caught:
                handle.snapshot()
            cause = str(caught.value.__cause__)
            if caught.value.detail != f"moody: ValueError: {cause}":
                wrong.append((caught.value.detail, cause))
            seen.append(cause)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(set(seen)) == len(seen) == 200


def test_snapshot_of_a_busy_daemon(lares_node):
    begun, go = threading.Event(), threading.Event()

    class Slow(keeper(b"")):
        def process(self, event):
            begun.set()
            go.wait(5)

    handle = lares_node.spawn(Slow)
    handle.send(b"")
    begun.wait(5)
    with pytest.raises(lares.Timeout):
        handle.snapshot(timeout=0.02)
    go.set()
    assert handle.snapshot()


# id: S03
def test_state_that_is_too_big(lares_node):
    handle = lares_node.spawn(keeper(bytes(100_000)), snapshot_max=65_536)
    with pytest.raises(lares.InvalidArgument) as caught:
        handle.snapshot()
    assert caught.value.code == "ETOOBIG"
    with pytest.raises(lares.InvalidArgument) as caught:
        handle.snapshot(timeout=-1)
    assert caught.value.code == "ERANGE"


# id: AB06
def test_snapshot_inside_a_callback(lares_node, tally):
    other = lares_node.spawn(tally)
    codes = []

    class Waiter(lares.Daemon):
        def process(self, event):
            for handle in (other, self.handle):
                with pytest.raises(lares.Deadlock) as caught:
                    handle.snapshot()
                codes.append(caught.value.code)

    lares_node.spawn(Waiter).deliver(b"")
    assert codes == ["EDEADLK", "EDEADLK"]


def test_nothing_is_answered_in_snapshot_and_restore(lares_node):
    refused = []

    class Chatty(lares.Daemon):
        def process(self, event):
            pass

        def chat(self):
            for call in (self.emit, self.after, self.cancel):
                with pytest.raises(lares.WrongState) as caught:
                    call(b"" if call == self.emit else 1)
                refused.append(caught.value.code)

        def snapshot(self):
            self.chat()
            return b""

        def restore(self, state):
            self.chat()

    moved(lares_node.spawn(Chatty), lares_node)
    assert refused == ["EPHASE"] * 6


# -- restores -----------------------------------------------------------------


def test_image_from_a_path(lares_node, tally, tmp_path):
    handle = lares_node.spawn(tally)
    handle.deliver(b"")
    path, key = tmp_path / "tally.image", handle.identity
    path.write_bytes(handle.snapshot())
    handle.stop()
    handle = lares_node.restore(path, identity=key)
    assert handle.deliver(b"")[0].data == b"2"
    path.write_bytes(handle.snapshot())
    handle.stop()
    handle = lares_node.restore(str(path), identity=key)
    assert handle.deliver(b"")[0].data == b"3"
    with pytest.raises(FileNotFoundError):
        lares_node.restore(tmp_path / "nothing")
    with pytest.raises(TypeError):
        lares_node.restore(None)


def test_what_an_image_says(lares_node, tally, tmp_path):
    handle = lares_node.spawn(
        tally, subscribe=["b", "a.*"], publish="out", argument="x", batch=7
    )
    handle.deliver(b"")
    image = handle.snapshot()
    (row,) = lares.image_report(image)
    now = time.time_ns()
    assert row["origin"] == handle.origin
    assert now - 60_000_000_000 < row.pop("time") <= now
    facts = {key: row[key] for key in ("epoch", "sequence", "arrival")}
    assert facts == {"epoch": 1, "sequence": 1, "arrival": 1}
    assert (row["name"], row["kind"]) == ("tally", "tally")
    assert (row["publish"], row["stateful"]) == ("out", 1)
    path = tmp_path / "tally.image"
    path.write_bytes(image)
    assert lares.image_report(path, "subscriptions") == [
        {"pattern": "a.*", "group": ""},
        {"pattern": "b", "group": ""},
    ]
    assert lares.image_report(memoryview(image), "options") == [
        {"key": "argument", "value": "x"},
        {"key": "batch", "value": "7"},
    ]
    handle.stop()
    handle = lares_node.restore(image, identity=handle.identity)
    (row,) = lares.image_report(handle.snapshot())
    assert (row["epoch"], row["arrival"]) == (2, 1)


def test_what_no_image_says(lares_node, tally, tmp_path):
    image = lares_node.spawn(tally).snapshot()
    with pytest.raises(lares.NotFound, match="'picture'"):
        lares.image_report(image, "picture")
    with pytest.raises(lares.FormatError):
        lares.image_report(image[:-1])
    with pytest.raises(lares.FormatError) as caught:
        lares.image_report(image[:-1] + bytes([image[-1] ^ 1]))
    assert caught.value.code == "EDIGEST"
    with pytest.raises(FileNotFoundError):
        lares.image_report(tmp_path / "nothing")
    for wrong in (None, 7):
        with pytest.raises(TypeError):
            lares.image_report(wrong)


# id: V01
def test_restored_daemon_is_what_it_was(lares_node):
    class Placed(lares.Daemon):
        def __init__(self):
            self.seen = [self.argument, self.origin]

        def process(self, event):
            return repr(self.seen).encode()

        def snapshot(self):
            return b""

        def restore(self, state):
            self.seen += [self.argument, self.origin]

    inbox = lares_node.subscribe("out")
    handle = lares_node.spawn(
        Placed, name="placed-1", argument="blå", subscribe="in", publish="out"
    )
    again = moved(handle, lares_node)
    assert again == handle
    assert (again.name, again.kind) == ("placed-1", "placed")
    lares_node.publish("in", b"")
    assert inbox.next(5).text == repr(["blå", handle.origin] * 2)
    again = moved(again, lares_node, name="other", argument="new")
    assert again.name == "other"
    seen = again.deliver(b"")[0].text
    assert seen == repr(["new", handle.origin] * 2)
    image, key = again.snapshot(), again.identity
    for option in ("subscribe", "publish"):
        with pytest.raises(lares.InvalidArgument) as caught:
            lares_node.restore(image, identity=key, **{option: "elsewhere"})
        assert caught.value.code == "EOPTION"
        assert caught.value.detail == f"{option}: the image holds the channels"


# id: S08
def test_restore_refuses(lares_node, tally):
    handle = lares_node.spawn(tally)
    old = handle.snapshot()
    key = handle.identity

    def refused(image, error, code, identity=key):
        with pytest.raises(error) as caught:
            lares_node.restore(image, identity=identity)
        assert caught.value.code == code
        assert type(caught.value) is error

    refused(old, lares.Exists, "EEXIST")
    new = moved(handle, lares_node).snapshot()
    lares_node.find(handle.origin).stop()
    refused(old, lares.WrongState, "ESTALE")
    refused(new, lares.IdentityError, "EIDENTITY", lares.Key())
    refused(b"", lares.FormatError, "EFORMAT")
    refused(new[:-1], lares.FormatError, "EFORMAT")
    refused(new[:-1] + b"x", lares.FormatError, "EDIGEST")
    refused(b"LARS" + bytes(500), lares.FormatError, "EVERSION")
    with lares.Node("west") as west, pytest.raises(lares.NotFound) as caught:
        west.restore(new, identity=key)
    assert caught.value.code == "EKIND"
    assert lares_node.restore(new, identity=key).deliver(b"")[0].data == b"1"


# id: S08
def test_image_of_another_process_needs_its_identity(
    lares_node, child, tmp_path
):
    done = child(
        """
        import sys
        import lares

        class Echo(lares.Daemon):
            def process(self, event):
                return event.data

        with lares.Node("east") as node:
            handle = node.spawn(Echo)
            handle.deliver(b"")
            open(sys.argv[1], "wb").write(handle.snapshot())
            print(handle.identity.seed().hex())
        """,
        str(tmp_path / "image"),
    )
    assert done.stderr == ""

    class Echo(lares.Daemon):
        def process(self, event):
            return event.data

    lares_node.register(Echo)
    with pytest.raises(lares.IdentityError) as caught:
        lares_node.restore(tmp_path / "image")
    assert caught.value.code == "EKEY"
    key = lares.Key(bytes.fromhex(done.stdout))
    handle = lares_node.restore(tmp_path / "image", identity=key)
    assert handle.deliver(b"")[0].sequence == 2


def test_state_for_a_kind_of_the_other_sort(tally, echo):
    with lares.Node("east") as node:
        node.register(tally, "one")
        node.register(echo, "two")
        one, two = node.spawn("one"), node.spawn("two")
        images = one.snapshot(), two.snapshot()
        keys = one.identity, two.identity
    with lares.Node("west") as node:
        node.register(echo, "one")
        node.register(tally, "two")
        codes = []
        for image, key in zip(images, keys):
            with pytest.raises(lares.FormatError) as caught:
                node.restore(image, identity=key)
            codes.append(caught.value.code)
    assert codes == ["ESTATELESS", "EMISSING"]


# id: S08
# id: PY08
def test_restore_that_raises(lares_node, tally, caplog):
    handle = lares_node.spawn(tally)
    image, key = handle.snapshot(), handle.identity
    handle.stop()
    errors = [ValueError("no"), KeyError("constructor"), SystemExit(4)]

    class Broken(tally):
        def __init__(self):
            if isinstance(errors[0], KeyError):
                raise errors[0]

        def restore(self, state):
            raise errors[0]

    lares_node.unregister("tally")
    lares_node.register(Broken, "tally")
    for code in ("ERESTORE", "ECALLBACK"):
        with pytest.raises(lares.CallbackError) as caught:
            lares_node.restore(image, identity=key)
        assert caught.value.code == code
        assert caught.value.__cause__ is errors.pop(0)
    with pytest.raises(SystemExit) as ended:
        lares_node.restore(image, identity=key)
    assert ended.value is errors[0]
    assert len(lares_node) == 0
    assert caplog.records == []
    lares_node.unregister("tally")
    lares_node.register(tally)
    assert lares_node.restore(image, identity=key).deliver(b"")


def test_restore_answers_rubbish(lares_node):
    class Async(keeper(b"")):
        def restore(self, state):
            return b"done"

    with pytest.raises(lares.CallbackError) as caught:
        moved(lares_node.spawn(Async), lares_node)
    assert caught.value.code == "ERESTORE"
    assert str(caught.value.__cause__) == (
        "async.restore returned bytes, expected None"
    )


# -- handing on ---------------------------------------------------------------


def test_retire_under_load(tally):
    key, accepted, events = lares.Key(), [], []

    def feed(handle):
        try:
            while True:
                handle.send(b"")
                accepted.append(handle)
        except lares.Closed:
            pass

    with lares.Node("east") as east:
        handle = east.spawn(tally, identity=key, publish="counts")
        inbox = east.subscribe("counts")
        threads = [
            threading.Thread(target=feed, args=(handle,)) for _ in range(3)
        ]
        threads.append(threading.Thread(target=lambda: events.extend(inbox)))
        for thread in threads:
            thread.start()
        while len(accepted) < 500:
            threads[0].join(0.001)
        image = handle.retire()
        assert handle.state == "CLOSED"
        assert list(east.letters) == []
    for thread in threads:
        thread.join()
    chain = lares.Chain(key.origin)
    for event in events:
        chain.check(event)
    with lares.Node("west") as west:
        west.register(tally)
        (event,) = west.restore(image, identity=key).deliver(b"")
    chain.check(event)
    assert event.data == b"%d" % (len(accepted) + 1)


def test_lives_of_an_identity(lares_node, tally):
    first = lares_node.spawn(tally, name="first")
    assert first.epoch == 1
    key = first.identity
    image = first.retire(grace=5)
    second = lares_node.restore(image, identity=key, name="second")
    assert (second.epoch, second.name, second.state) == (
        2,
        "second",
        "RUNNING",
    )
    assert second == first
    assert first.epoch == 1
    assert first.state == "CLOSED"
    with pytest.raises(lares.Closed):
        first.stats
    with pytest.raises(lares.Closed):
        first.deliver(b"")
    assert lares_node.find(first.origin).epoch == 2


def test_retire_of_a_kind_that_cannot_snapshot(lares_node, echo):
    handle = lares_node.spawn(echo)
    before = handle.deliver(b"one")[0]
    again = lares_node.restore(handle.retire(), identity=handle.identity)
    assert again.deliver(b"two")[0].parent == before.hash


@pytest.mark.parametrize("error", [LookupError("lost"), SystemExit(5)])
def test_retire_that_fails_ends_the_daemon(lares_node, error, caplog):
    handle = lares_node.spawn(keeper(failing(error)))
    with pytest.raises((lares.CallbackError, SystemExit)) as caught:
        handle.retire()
    assert error in (caught.value, caught.value.__cause__)
    assert handle.state == "CLOSED"
    assert caplog.records == []
    with pytest.raises(lares.Closed):
        handle.retire()
    with pytest.raises(lares.InvalidArgument) as refused:
        handle.retire(grace=-1)
    assert refused.value.code == "ERANGE"


def test_retire_inside_a_callback(lares_node, tally):
    other = lares_node.spawn(tally)

    class Waiter(lares.Daemon):
        def process(self, event):
            for handle in (other, self.handle):
                with pytest.raises(lares.Deadlock):
                    handle.retire()

    lares_node.spawn(Waiter).deliver(b"")
    assert other.state == "RUNNING"


# -- versions of a state ------------------------------------------------------


class Words(lares.Daemon):
    """Version 1 has one word, version 2 any number."""

    version = 2

    def __init__(self):
        self.words = []

    def process(self, event):
        return b" ".join(self.words)

    def snapshot(self):
        return b"\0".join(self.words)

    def restore(self, state):
        self.words = state.split(b"\0")

    def upgrade(self, version, state):
        return b"\0".join([b"v%d" % version, state])


@pytest.fixture
def old_image(lares_node):
    """An image and its key, of version 1 of the kind `words`."""
    lares_node.register(keeper(b"word"), "words", version=1)
    handle = lares_node.spawn("words")
    image, key = handle.snapshot(), handle.identity
    handle.stop()
    lares_node.unregister("words")
    return image, key


# id: PY08
def test_older_state_is_upgraded(lares_node, old_image):
    image, key = old_image
    lares_node.register(Words)
    handle = lares_node.restore(image, identity=key)
    assert handle.deliver(b"")[0].data == b"v1 word"
    handle.restart()  # from a checkpoint of version 1, or of its own
    assert handle.deliver(b"")[0].data == b"v1 word"
    again = moved(handle, lares_node)  # by now of version 2
    assert again.deliver(b"")[0].data == b"v1 word"


# id: PY08
def test_older_state_without_upgrade(lares_node, old_image):
    image, key = old_image

    class Strict(Words):
        upgrade = None

    lares_node.register(Strict, "words")
    with pytest.raises(lares.CallbackError) as caught:
        lares_node.restore(image, identity=key)
    assert caught.value.code == "ERESTORE"
    assert "words of version 2 has no upgrade method" in caught.value.text
    assert isinstance(caught.value.__cause__, lares.FormatError)


@pytest.mark.parametrize(
    ("upgrade", "text"),
    [
        (lambda *_: "text", "words.upgrade returned str, expected bytes"),
        (lambda *_: None, "words.upgrade returned NoneType, expected bytes"),
        (lambda *_: 1 / 0, "division by zero"),
    ],
)
def test_upgrade_that_fails(lares_node, old_image, upgrade, text):
    image, key = old_image
    lares_node.register(type("Words", (Words,), {"upgrade": upgrade}))
    with pytest.raises(lares.CallbackError) as caught:
        lares_node.restore(image, identity=key)
    assert caught.value.code == "ERESTORE"
    assert str(caught.value.__cause__) == text


def test_newer_state(lares_node, old_image):
    image, key = old_image
    lares_node.register(Words, version=0)
    with pytest.raises(lares.FormatError) as caught:
        lares_node.restore(image, identity=key)
    assert caught.value.code == "EVERSION"


# -- kinds that can snapshot --------------------------------------------------


def test_kinds_say_whether_they_can_snapshot(lares_node, tally, echo):
    class Deaf(tally):
        snapshot = restore = None

    for kind in (tally, echo, Deaf):
        lares_node.register(kind)
    rows = {row["name"]: row for row in lares_node.report("kinds")}
    stateful = {name: row["stateful"] for name, row in rows.items()}
    assert stateful == {"tally": 1, "echo": 0, "deaf": 0}


@pytest.mark.parametrize("hooks", [("snapshot",), ("restore",)])
def test_one_hook_without_the_other(lares_node, hooks):
    body = {"process": print, **{name: print for name in hooks}}
    subject = type("Subject", (lares.Daemon,), body)
    with pytest.raises(lares.InvalidArgument, match="but not both"):
        lares_node.register(subject)
    lares_node.register(lambda: subject(), "made")
    with pytest.raises(lares.CallbackError) as caught:
        lares_node.spawn("made")
    assert isinstance(caught.value.__cause__, lares.InvalidArgument)


def test_factory_says_whether_it_can_snapshot(lares_node, tally, echo):
    lares_node.register(lambda: tally(), "made", stateful=True)
    handle = lares_node.spawn("made")
    handle.deliver(b"")
    assert moved(handle, lares_node).deliver(b"")[0].data == b"2"
    lares_node.register(lambda: tally(), "wrong")
    lares_node.register(lambda: echo(), "other", stateful=True)
    for kind, text in (
        ("wrong", "Tally can snapshot: register the factory of wrong with"),
        ("other", "Echo cannot snapshot: register the factory of other with"),
    ):
        with pytest.raises(lares.CallbackError) as caught:
            lares_node.spawn(kind)
        advice = f"{text} stateful={kind == 'wrong'}"
        assert str(caught.value.__cause__) == advice


def test_image_in_a_world_is_the_same_each_time(tally):
    def image():
        with World(7) as world:
            handle = world.node("east").spawn(tally)
            handle.deliver(b"")
            return handle.snapshot()

    assert image() == image()
