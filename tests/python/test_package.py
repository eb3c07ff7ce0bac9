"""The package from outside: import, types, documents, what it carries."""

from __future__ import annotations

import inspect
import os
import pathlib
import subprocess
import sys
import sysconfig

import lares
import pytest
from lares import _core

PACKAGE = pathlib.Path(lares.__file__).parent


# id: PY09
@pytest.mark.skipif(
    "ASAN_OPTIONS" in os.environ, reason="a sanitizer takes its time"
)
def test_import_is_quick(child):
    text = """
    import time
    begun = time.perf_counter()
    import lares
    print(time.perf_counter() - begun)
    """
    child(text)
    assert min(float(child(text).stdout) for _ in range(3)) < 0.1


# id: PY09
def test_import_without_pytest(child):
    done = child(
        """
        import sys
        sys.modules["pytest"] = None
        import lares.testing
        print(lares.testing.World(1))
        """
    )
    assert (done.stdout, done.stderr) == ("<World 1>\n", "")


# id: AB09
@pytest.mark.parametrize(
    ("found", "fits"),
    [(0x10002, True), (0x10003, True), (0x10001, False), (0x20002, False)],
)
def test_library_of_another_version(found, fits):
    if fits:
        _core.check_abi(found, 1, 2)
        return
    with pytest.raises(ImportError) as caught:
        _core.check_abi(found, 1, 2)
    assert "ABI 1.2" in str(caught.value)
    assert f"{found >> 16}.{found & 0xFFFF}" in str(caught.value)


def test_sub_interpreter_is_refused(child):
    done = child(
        """
        import sys
        try:
            import _xxsubinterpreters as interpreters
        except ImportError:
            import _interpreters as interpreters
        import lares
        other = interpreters.create()
        text = '''
        try:
            import lares
            raise SystemError("imported")
        except ImportError:
            pass
        '''
        import textwrap
        interpreters.run_string(other, textwrap.dedent(text))
        interpreters.destroy(other)
        print("refused")
        """
    )
    assert done.stdout == "refused\n", done.stderr


PROGRAM = """
from __future__ import annotations
import lares

class Counter(lares.Daemon):
    def __init__(self) -> None:
        self.n = 0

    def process(self, event: lares.Event) -> bytes:
        self.n += 1
        timer: int = self.after(0.5, b"again", every=None)
        self.cancel(timer)
        return str(self.n).encode()

    def snapshot(self) -> bytes:
        return self.n.to_bytes(8, "little")

    def restore(self, state: bytes) -> None:
        self.n = int.from_bytes(state, "little")

@lares.daemon
def shout(event: lares.Event) -> bytes:
    return event.data.upper()

with lares.Node("east", lanes=2) as node:
    handle = node.spawn(Counter, subscribe=["ticks"])
    texts: list[str] = [e.text for e in handle.deliver(b"")]
    node.register(shout)
    node.register(lambda: Counter(), "other")
    node.publish("ticks", memoryview(b""), timeout=None)
    image: bytes = handle.snapshot(timeout=1)
    node.restore(image, identity=handle.identity, name="other").restart()
    count: int = node.recovery.register(lambda: [1, (2, 3)], "mine")
    groups: list[int] = [slot.group for slot in lares.Recovery().run()]
    for letter in node.letters:
        letter.replay() if letter.data else letter.drop()
    with node.subscribe("a") as inbox:
        for event in inbox:
            number: int = event.origin
            again: bool = event.replay
"""


def checked(tmp_path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module of mypy on the package as it is imported here."""
    installed = PACKAGE.parent.name == "site-packages"
    path = {} if installed else {"MYPYPATH": str(PACKAGE.parent)}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **path},
    )


# id: PY09
@pytest.mark.parametrize("target", [["-p", "lares"], ["program.py"]])
def test_types(tmp_path, target):
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(PROGRAM)
    done = checked(tmp_path, "mypy", "--strict", *target)
    assert done.returncode == 0, done.stdout + done.stderr


# id: PY09
def test_stubs_are_what_is_compiled(tmp_path):
    pytest.importorskip("mypy")
    allowed = "lares.lares-lua", "lares.recovery.Slot"  # no module; an int
    (tmp_path / "allowed").write_text("\n".join(allowed))
    done = checked(
        tmp_path,
        "mypy.stubtest",
        "lares",
        "--allowlist=allowed",
        "--ignore-unused-allowlist",
    )
    assert done.returncode == 0, done.stdout + done.stderr


# id: PY09
def test_wheel_carries_the_core():
    if not (PACKAGE / "liblares.so.0").exists():
        pytest.skip("not installed from a wheel")
    names = {path.name for path in PACKAGE.iterdir()}
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {f"_native{suffix}", "lares-lua.so", "py.typed"} <= names
    assert not {n for n in names if n.endswith((".c", ".h")) or "_build" in n}
    maps = pathlib.Path("/proc/self/maps").read_text()
    mapped = {word for word in maps.split() if "liblares.so" in word}
    assert mapped == {str(PACKAGE / "liblares.so.0")}


@pytest.mark.parametrize("name", lares.__all__)
def test_everything_public_is_documented(name):
    thing = getattr(lares, name)
    assert thing.__doc__
    if not inspect.isclass(thing) or issubclass(thing, BaseException):
        return
    for member, value in vars(thing).items():
        if not member.startswith("_") and callable(value):
            assert value.__doc__, f"{name}.{member}"


def test_help_reads_well():
    text = inspect.cleandoc(lares.Node.publish.__doc__)
    assert text.startswith("Publish an event on a channel")
    signature = str(inspect.signature(lares.Node.publish))
    assert signature == "(self, /, channel, data, timeout=5.0)"
    assert str(inspect.signature(lares.Handle.deliver)) == (
        "(self, /, data, timeout=30.0)"
    )
    assert str(inspect.signature(lares.Daemon.emit)) == (
        "(self, /, data, channel=None)"
    )
    assert str(inspect.signature(lares.Daemon.after)) == (
        "(self, /, seconds, data=b'', every=None)"
    )
