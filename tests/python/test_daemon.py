"""What authors of daemons see: results, errors, emit, the class itself."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading

import lares
import pytest


def deliver(node, fn, data=b""):
    """Deliver to a daemon made of a function, whatever its name."""
    kind = node.register(lares.daemon(fn), "subject")
    return node.spawn(kind).deliver(data)


# -- results ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "outputs"),
    [
        (None, []),
        (b"", [b""]),
        (b"one", [b"one"]),
        (bytearray(b"two"), [b"two"]),
        (memoryview(b"three"), [b"three"]),
        ([], []),
        ((b"a", bytearray(b"b"), memoryview(b"c")), [b"a", b"b", b"c"]),
        (iter([b"x", b"y"]), [b"x", b"y"]),
        ({b"k": 1}, [b"k"]),
    ],
)
def test_process_answers(lares_node, result, outputs):
    def fn(event):
        return result

    assert [e.data for e in deliver(lares_node, fn)] == outputs


def test_process_may_be_a_generator(lares_node):
    def fn(event):
        for byte in event.data:
            yield bytes([byte])

    events = deliver(lares_node, fn, b"abc")
    assert [e.data for e in events] == [b"a", b"b", b"c"]
    assert [e.sequence for e in events] == [1, 2, 3]


# id: PY02
@pytest.mark.parametrize(
    ("result", "culprit"),
    [
        ("text", "returned str"),
        (5, "returned int"),
        (True, "returned bool"),
        (object(), "returned object"),
        ([b"a", "b"], "returned an iterable with str"),
        ([b"a", None], "returned an iterable with NoneType"),
        ([[b"a"]], "returned an iterable with list"),
    ],
)
def test_process_answers_rubbish(lares_node, result, culprit):
    def rubbish(event):
        return result

    inbox = lares_node.subscribe("out")
    handle = lares_node.spawn(lares.daemon(rubbish), publish="out")
    with pytest.raises(lares.CallbackError) as caught:
        handle.deliver(b"")
    expected = (
        f"rubbish.process {culprit}, "
        "expected None, bytes or an iterable of bytes"
    )
    assert str(caught.value.__cause__) == expected
    assert caught.value.text.startswith(f"TypeError: {expected}")
    assert inbox.drain() == []
    assert handle.stats["sequence"] == 0


# id: PY02
def test_generator_that_raises_has_emitted_nothing(lares_node):
    def fn(event):
        yield b"one"
        yield b"two"
        raise LookupError("three")

    inbox = lares_node.subscribe("out")
    handle = lares_node.spawn(lares.daemon(fn), publish="out")
    with pytest.raises(lares.CallbackError) as caught:
        handle.deliver(b"")
    assert isinstance(caught.value.__cause__, LookupError)
    assert inbox.drain() == []
    assert handle.stats["sequence"] == 0


def test_endless_generator_ends_at_its_quota(lares_node):
    def fn(event):
        while True:
            yield b""

    with pytest.raises(lares.CallbackError) as caught:
        deliver(lares_node, fn)
    assert caught.value.__cause__ is None
    assert "1024 outputs" in caught.value.detail


def test_results_may_be_big(lares_node):
    big = bytes(16 << 20)

    @lares.daemon
    def grow(event):
        return big + event.data

    handle = lares_node.spawn(grow)
    assert handle.deliver(b"")[0].data == big
    with pytest.raises(lares.CallbackError, match="at most 16777216"):
        handle.deliver(b"x")


# -- errors -------------------------------------------------------------------


# id: PY01
def test_exception_comes_out_whole(lares_node):
    error = ValueError("naïve – 水")

    class Fragile(lares.Daemon):
        def process(self, event):
            if event.data == b"bad":
                raise error
            return event.data

    handle = lares_node.spawn(Fragile)
    with pytest.raises(lares.CallbackError) as caught:
        handle.deliver(b"bad")
    assert caught.value.__cause__ is error
    assert caught.value.code == "ECALLBACK"
    assert "ValueError: naïve – 水" in caught.value.detail
    lines = caught.value.text.splitlines()
    assert lines[0] == "ValueError: naïve – 水"
    assert re.fullmatch(r".*test_daemon\.py:\d+ process", lines[1])
    assert [e.data for e in handle.deliver(b"good")] == [b"good"]


# id: PY01
@pytest.mark.parametrize("error", [ValueError("late"), SystemExit(5)])
def test_cause_of_a_turn_that_ran_on_the_lane(lares_node, error, caplog):
    begun, go = threading.Event(), threading.Event()

    class Slow(lares.Daemon):
        def process(self, event):
            if event.data == b"bad":
                raise error
            begun.set()
            go.wait(5)

    handle = lares_node.spawn(Slow)
    handle.send(b"first")
    begun.wait(5)
    threading.Timer(0.05, go.set).start()
    with pytest.raises((lares.CallbackError, SystemExit)) as caught:
        handle.deliver(b"bad")
    assert error in (caught.value, caught.value.__cause__)
    assert caplog.records == []
    assert lares_node.state == "READY"


def test_error_text_names_eight_innermost_frames(lares_node):
    def dig(depth):
        if depth == 0:
            raise ValueError("deep")
        dig(depth - 1)

    with pytest.raises(lares.CallbackError) as caught:
        deliver(lares_node, lambda event: dig(20))
    lines = caught.value.text.splitlines()
    assert len(lines) == 9
    assert all(line.endswith(" dig") for line in lines[1:])


def test_error_text_survives_odd_exceptions(lares_node):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError("no")

    odd = [
        ("Odd: <no text>", Odd()),
        ("ValueError: a\\0b", ValueError("a\0b")),
        ("ValueError: \\ud800", ValueError("\ud800")),
        ("ValueError", ValueError()),
    ]
    for number, (name, error) in enumerate(odd):

        def fn(event, error=error):
            raise error

        kind = lares_node.register(lares.daemon(fn), f"odd-{number}")
        with pytest.raises(lares.CallbackError) as caught:
            lares_node.spawn(kind).deliver(b"")
        assert caught.value.text.splitlines()[0] == name
        assert caught.value.__cause__ is error


def test_constructor_that_raises(lares_node):
    error = KeyError("missing")

    class Broken(lares.Daemon):
        def __init__(self):
            raise error

        def process(self, event):
            pass

    key = lares.Key()
    with pytest.raises(lares.CallbackError) as caught:
        lares_node.spawn(Broken, identity=key)
    assert caught.value.__cause__ is error
    frame = caught.value.text.splitlines()[1:]
    assert [line.split()[-1] for line in frame] == ["__init__"]
    assert len(lares_node) == 0
    Broken.__init__ = lambda self: None
    assert lares_node.spawn(Broken, identity=key).origin == key.origin


def test_factory_that_returns_no_daemon(lares_node):
    kind = lares_node.register(lambda: object(), "strange")
    with pytest.raises(lares.CallbackError) as caught:
        lares_node.spawn(kind)
    assert isinstance(caught.value.__cause__, TypeError)
    assert "expected a lares.Daemon" in caught.value.text
    assert "\n" not in caught.value.text  # no frame of Lares itself


def test_lane_failures_are_logged_once_a_second(lares_node, caplog, until):
    class Fragile(lares.Daemon):
        def process(self, event):
            raise ValueError("bad line")

    handle = lares_node.spawn(Fragile, subscribe="lines")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            lares_node.publish("lines", b"x")
        until(lambda: handle.stats["crashes"] >= 2)
    records = [r for r in caplog.records if r.name == "lares.test.fragile"]
    assert len(records) == 1
    assert records[0].levelno == logging.ERROR
    assert isinstance(records[0].exc_info[1], ValueError)


def test_failures_beside_a_deliver_of_the_same_bytes(lares_node, caplog):
    begun, go, errors = threading.Event(), threading.Event(), []

    class Slow(lares.Daemon):
        def process(self, event):
            if event.data == b"bad":
                errors.append(ValueError(event.channel))
                raise errors[-1]
            begun.set()
            go.wait(5)

    handle = lares_node.spawn(Slow, subscribe="in", restart_attempts=1)
    handle.send(b"first")
    begun.wait(5)
    lares_node.publish("in", b"bad")
    threading.Timer(0.05, go.set).start()
    with pytest.raises(lares.CallbackError) as caught:
        handle.deliver(b"bad")
    assert [str(error) for error in errors] == ["in", "None"]
    assert caught.value.__cause__ is errors[1]
    assert [record.exc_info[1] for record in caplog.records] == [errors[0]]
    caplog.clear()


@pytest.mark.parametrize("error", [ValueError("first"), SystemExit(3)])
def test_failure_of_an_event_that_a_deliver_looks_like(error, caplog):
    begun, go, errors = threading.Event(), threading.Event(), [error]

    class Slow(lares.Daemon):
        def process(self, event):
            if event.data == b"once":
                if errors:
                    raise errors.pop()
                return b"twice"
            begun.set()
            go.wait(5)

    def program():
        with lares.Node("east") as node:
            handle = node.spawn(Slow)
            handle.send(b"first")
            begun.wait(5)
            handle.send(b"once")
            threading.Timer(0.05, go.set).start()
            assert handle.deliver(b"once")[0].data == b"twice"

    if isinstance(error, SystemExit):
        with pytest.raises(SystemExit) as caught:
            program()
        assert caught.value is error
    else:
        program()
        assert [record.exc_info[1] for record in caplog.records] == [error]
        caplog.clear()


def test_causes_of_delivers_of_the_same_bytes(lares_node, caplog):
    class Picky(lares.Daemon):
        def process(self, event):
            raise ValueError("no")

    handle = lares_node.spawn(Picky)
    causes = []

    def ask():
        for _ in range(300):
            with pytest.raises(lares.CallbackError) as caught:
                handle.deliver(b"bad")
            causes.append(caught.value.__cause__)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(causes) == 1200
    assert None not in causes
    caplog.clear()


def test_delivered_failures_are_not_logged(lares_node, caplog):
    def fn(event):
        raise ValueError("mine")

    with pytest.raises(lares.CallbackError):
        deliver(lares_node, fn)
    assert caplog.records == []


def test_third_failure_becomes_a_letter(lares_node, until):
    class Fragile(lares.Daemon):
        def process(self, event):
            if event.data == b"bad":
                raise ValueError("bad line")
            return event.data

    inbox = lares_node.subscribe("out")
    lares_node.spawn(Fragile, subscribe="in", publish="out")
    lares_node.publish("in", b"bad")
    lares_node.publish("in", b"good")
    assert inbox.next(5).data == b"good"
    (letter,) = lares_node.report("letters")
    assert letter["reason"] == "FAILED"
    assert str(letter["text"]).startswith("ValueError: bad line")


# -- emit ---------------------------------------------------------------------


def test_emit_names_channels(lares_node):
    class Splitter(lares.Daemon):
        def process(self, event):
            self.emit(b"own")
            self.emit(bytearray(b"other"), "b")
            self.emit(memoryview(b"third"), channel="b")
            return b"last"

    a, b = lares_node.subscribe("a"), lares_node.subscribe("b")
    events = lares_node.spawn(Splitter, publish="a").deliver(b"")
    assert [e.data for e in events] == [b"own", b"other", b"third", b"last"]
    assert [e.data for e in a.drain()] == [b"own", b"last"]
    assert [e.data for e in b.drain()] == [b"other", b"third"]


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        ((b"", "bad channel"), lares.InvalidArgument, "ENAME"),
        ((b"", "$mine"), lares.Denied, "EDENIED"),
        ((b"", "a\0b"), lares.InvalidArgument, "EINVAL"),
        ((bytes((16 << 20) + 1),), lares.InvalidArgument, "ETOOBIG"),
    ],
)
def test_emit_refuses(lares_node, arguments, error, code):
    caught = []

    class Emitter(lares.Daemon):
        def process(self, event):
            try:
                self.emit(*arguments)
            except lares.Error as refusal:
                caught.append(refusal)
                raise

    with pytest.raises(lares.CallbackError):
        lares_node.spawn(Emitter).deliver(b"")
    assert type(caught[0]) is error
    assert caught[0].code == code


@pytest.mark.parametrize("arguments", [("text",), (1,), (b"", 5), ()])
def test_emit_wants_bytes(lares_node, arguments):
    class Emitter(lares.Daemon):
        def process(self, event):
            self.emit(*arguments)

    with pytest.raises(lares.CallbackError) as caught:
        lares_node.spawn(Emitter).deliver(b"")
    assert isinstance(caught.value.__cause__, TypeError)


def test_emit_works_inside_process_only(lares_node):
    made = []

    class Emitter(lares.Daemon):
        def __init__(self):
            made.append(self)
            with pytest.raises(lares.WrongState):
                self.emit(b"early")

        def process(self, event):
            raised = []

            def emit():
                try:
                    self.emit(b"elsewhere")
                except lares.WrongState as error:
                    raised.append(error.code)

            thread = threading.Thread(target=emit)
            thread.start()
            thread.join()
            return [code.encode() for code in raised]

    handle = lares_node.spawn(Emitter)
    assert [e.data for e in handle.deliver(b"")] == [b"EPHASE"]
    with pytest.raises(lares.WrongState):
        made[0].emit(b"late")


def test_emit_on_an_instance_of_nobody(counter):
    with pytest.raises(lares.WrongState):
        counter().emit(b"")


# id: AB06
def test_nothing_waits_inside_a_callback(lares_node, echo):
    other = lares_node.spawn(echo)
    inbox = lares_node.subscribe("nothing.comes.here")
    tried = {}

    def attempt(name, call):
        try:
            call()
            tried[name] = "OK"
        except lares.Error as error:
            tried[name] = (type(error).__name__, error.code)

    class Waiter(lares.Daemon):
        def process(self, event):
            attempt("deliver", lambda: other.deliver(b""))
            attempt("own", lambda: self.handle.deliver(b""))
            attempt("wait", lambda: lares_node.wait(1))
            attempt("next", lambda: inbox.next(1))
            attempt("publish", lambda: lares_node.publish("free", b""))
            attempt("send", lambda: other.send(b""))
            return b"done"

    handle = lares_node.spawn(Waiter)
    assert [e.data for e in handle.deliver(b"")] == [b"done"]
    deadlock = ("Deadlock", "EDEADLK")
    assert tried == {
        "deliver": deadlock,
        "own": deadlock,
        "wait": deadlock,
        "next": deadlock,
        "publish": "OK",
        "send": "OK",
    }


# id: AB06
def test_publish_to_a_full_receiver_inside_a_callback(lares_node):
    lares_node.subscribe("narrow", mailbox_count=1)
    codes = []

    class Publisher(lares.Daemon):
        def process(self, event):
            for timeout in (5, 5, 0):
                try:
                    lares_node.publish("narrow", b"", timeout)
                    codes.append("OK")
                except lares.Error as error:
                    codes.append(error.code)

    inbox = lares_node.subscribe("narrow", mailbox_count=1)
    lares_node.spawn(Publisher).deliver(b"")
    assert codes == ["OK", "EDEADLK", "EAGAIN"]
    assert len(inbox.drain()) == 1


def test_stops_itself_and_a_sibling_inside_a_callback(lares_node, echo):
    sibling = lares_node.spawn(echo, name="sibling")

    class Stopper(lares.Daemon):
        def process(self, event):
            for handle in lares_node:
                handle.stop()
            return b"asked"

    handle = lares_node.spawn(Stopper)
    assert handle.deliver(b"")[0].data == b"asked"
    handle.stop()
    sibling.stop()
    assert len(lares_node) == 0


# id: AB09
def test_fork_inside_a_callback(child):
    done = child(
        """
        import os, time, warnings
        import lares

        warnings.simplefilter("ignore")

        class Forker(lares.Daemon):
            def process(self, event):
                time.sleep(0.1)  # ASan hangs if a starting thread allocates
                pid = os.fork()
                if pid != 0:
                    os.waitpid(pid, 0)
                    return b"parent"
                for call in (lambda: node.publish("in", b""),
                             lambda: self.handle.send(b""),
                             lares.Recovery):
                    try:
                        call()
                    except lares.Closed as error:
                        print(error.code, flush=True)
                os._exit(0)

        with lares.Node("east") as node:
            print(node.spawn(Forker).deliver(b"")[0].text)
        """,
        ASAN_OPTIONS="detect_leaks=0",  # it takes lost threads for leaks
    )
    assert done.stderr == ""
    assert done.stdout == "EFORKED\nEFORKED\nEFORKED\nparent\n"


# -- the class ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Counter", "counter"),
        ("HTTPProbe", "http_probe"),
        ("WordCount2D", "word_count2_d"),
        ("myThing", "my_thing"),
        ("X", "x"),
    ],
)
def test_kind_is_the_class_in_snake_case(name, kind):
    made = type(name, (lares.Daemon,), {})
    assert made.kind == kind


def test_kind_of_a_subclass_is_its_own(counter):
    class FastCounter(counter):
        pass

    class Named(FastCounter):
        kind = "special"

    assert (FastCounter.kind, Named.kind) == ("fast_counter", "special")


def test_argument_and_origin_stand_before_init(lares_node):
    seen = []

    class Configured(lares.Daemon):
        def __init__(self):
            seen.append((self.argument, self.origin))

        def process(self, event):
            return self.argument.encode()

    handle = lares_node.spawn(Configured, argument="blå = 5")
    assert seen == [("blå = 5", handle.origin)]
    assert handle.deliver(b"")[0].text == "blå = 5"


def test_argument_of_another_language(lares_node):
    class Configured(lares.Daemon):
        def process(self, event):
            return os.fsencode(self.argument)

    lares_node.register(Configured)
    ffi, lib = lares._native.ffi, lares._native.lib
    options, out = ffi.new("lares_options **"), ffi.new("lares_daemon **")
    assert lib.lares_options_new(options) == 0
    options = ffi.gc(options[0], lib.lares_options_free)
    assert lib.lares_options_set(options, b"argument", b"bl\xe5") == 0
    args = lares_node._node, b"configured", ffi.NULL, options, out
    assert lib.lares_node_spawn(*args) == 0
    handle = lares.Handle(lares_node, out[0])
    assert handle.deliver(b"")[0].data == b"bl\xe5"


def test_factory_gets_them_afterwards(lares_node):
    class Held(lares.Daemon):
        def __init__(self, limit):
            self.limit = limit

        def process(self, event):
            return f"{self.limit} {self.argument}".encode()

    lares_node.register(lambda: Held(7), "held")
    handle = lares_node.spawn("held", argument="x")
    assert handle.deliver(b"")[0].text == "7 x"


def test_handle_and_log_of_a_daemon(lares_node):
    class Selfish(lares.Daemon):
        def __init__(self):
            with pytest.raises(lares.WrongState):
                self.handle  # noqa: B018

        def process(self, event):
            if event.data == b"again":
                return [b"done"]
            self.handle.send(b"again")
            return [self.log.name.encode(), repr(self).encode()]

    inbox = lares_node.subscribe("out")
    handle = lares_node.spawn(Selfish, publish="out")
    name, text = handle.deliver(b"")
    assert name.data == b"lares.test.selfish"
    assert text.text == f"<selfish {handle.origin:016x}>"
    assert [inbox.next(5).data for _ in range(3)][2] == b"done"


def test_function_as_a_daemon(lares_node):
    @lares.daemon
    def shout(event):
        """Say it louder."""
        return event.data.upper()

    assert shout.kind == "shout"
    assert shout.__doc__ == "Say it louder."
    assert lares_node.spawn(shout).deliver(b"hey")[0].data == b"HEY"


def test_close_is_called_once_and_may_raise(lares_node, caplog):
    closed = []

    class Closing(lares.Daemon):
        def process(self, event):
            pass

        def close(self):
            closed.append(self)
            raise ValueError("too late")

    lares_node.spawn(Closing).stop()
    assert len(closed) == 1
    assert "close failed" in caplog.text
    caplog.clear()


def test_instance_goes_with_its_daemon(lares_node):
    alive = []

    class Mortal(lares.Daemon):
        def __init__(self):
            alive.append(1)

        def __del__(self):
            alive.pop()

        def process(self, event):
            pass

    handle = lares_node.spawn(Mortal)
    assert alive == [1]
    handle.stop()
    assert alive == []


@pytest.mark.parametrize(
    ("body", "error", "text"),
    [
        ({}, lares.InvalidArgument, "Subject has no process method"),
        (
            {"process": print, "snapshot": print},
            lares.InvalidArgument,
            "Subject has one of snapshot and restore, but not both",
        ),
        (
            {"process": print, "kind": "Bad Name"},
            lares.InvalidArgument,
            "kind 'Bad Name'",
        ),
    ],
)
def test_register_refuses_classes(lares_node, body, error, text):
    subject = type("Subject", (lares.Daemon,), body)
    with pytest.raises(error, match=text):
        lares_node.register(subject)
    assert lares_node.report("kinds") == []


@pytest.mark.parametrize("factory", [object, int, 5, None, "counter"])
def test_register_wants_a_daemon(lares_node, factory):
    with pytest.raises(TypeError):
        lares_node.register(factory)


# -- ends of the program ------------------------------------------------------


# id: PY04
@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_exit_in_a_delivered_turn_rises_as_it_is(lares_node, error):
    class Quitter(lares.Daemon):
        def process(self, event):
            if event.data == b"quit":
                raise error
            return event.data

    handle = lares_node.spawn(Quitter)
    with pytest.raises(type(error)) as caught:
        handle.deliver(b"quit")
    assert caught.value is error
    assert handle.deliver(b"on")[0].data == b"on"
    assert lares_node.state == "READY"


# id: PY04
@pytest.mark.parametrize("how", ["wait", "run", "with"])
def test_exit_on_a_lane_stops_the_node(how):
    class Quitter(lares.Daemon):
        def process(self, event):
            sys.exit(3)

    def program():
        with lares.Node("east") as node:
            node.spawn(Quitter, subscribe="in")
            node.publish("in", b"")
            if how != "with":
                getattr(node, how)()

    with pytest.raises(SystemExit) as caught:
        program()
    assert caught.value.code == 3


def test_exit_in_a_constructor_rises_from_spawn(lares_node):
    class Quitter(lares.Daemon):
        def __init__(self):
            sys.exit(4)

        def process(self, event):
            pass

    with pytest.raises(SystemExit) as caught:
        lares_node.spawn(Quitter)
    assert caught.value.code == 4
