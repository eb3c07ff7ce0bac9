"""`lares run` and `lares keygen`, seen from a shell.

    LARES=build/bin/lares python3 tests/cli/test_run.py

LARES_PLUGIN names examples/counter.so.
"""
import filecmp
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest
import unittest.mock

LARES = os.environ.get("LARES", "lares")
SANITIZED = "ASAN_OPTIONS" in os.environ  # slow, and keeps what was freed

COUNTER = """
local lares = require "lares"
local Counter = lares.daemon "counter"
function Counter:init() self.n = 0 end
function Counter:process(event)
    self.n = self.n + 1
    if event.data == "bad" then error "bad line" end
    return self.n .. self.argument
end
return lares.main(Counter)
"""

ECHO = """
local lares = require "lares"
local Echo = lares.daemon "echo"
function Echo:process(event) return event.data end
return lares.main(Echo)
"""


def peak_memory(process):
    """Watch a process until it ends, and return its peak in KiB."""
    peak = 0
    while process.poll() is None:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmHWM"):
                peak = int(line.split()[1])
        time.sleep(0.02)
    return peak


class Case(unittest.TestCase):
    """A folder with scripts, and the program run in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        sockets = unittest.mock.patch.dict(os.environ,
                                           XDG_RUNTIME_DIR=folder.name)
        sockets.start()
        self.addCleanup(sockets.stop)
        self.write("counter.lua", COUNTER)
        self.write("echo.lua", ECHO)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def lares(self, *words, data=b"", code=0):
        done = subprocess.run([LARES, *words], input=data, cwd=self.folder,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        self.err = done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape")

    def start(self, *words):
        process = subprocess.Popen([LARES, *words], cwd=self.folder,
                                   stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process


class TestRun(Case):

    def test_lines_in_lines_out(self):
        out = self.lares("run", "counter.lua", data=b"a\n\nlast without end")
        self.assertEqual(out, "1\n2\n3\n")
        self.assertEqual(self.err, "")

    def test_no_input(self):
        self.assertEqual(self.lares("run", "counter.lua"), "")

    def test_payloads_are_bytes(self):
        data = b"\0\xff\r\nna\xc3\xafve\n"
        out = self.lares("run", "echo.lua", data=data)
        self.assertEqual(out.encode("utf-8", "surrogateescape"), data)

    def test_channels_argument_options(self):
        out = self.lares("run", "counter.lua", "--subscribe", "ticks",
                         "--publish=counts", "--argument", "!", "--option",
                         "batch=1", "--option", "mailbox.count=1", "--node",
                         "east", data=b"a\nb\n")
        self.assertEqual(out, "1!\n2!\n")

    def test_a_value_may_look_like_an_option(self):
        for value in ("-h", "--help", "--json"):
            out = self.lares("run", "counter.lua", "--argument", value,
                             data=b"x\n")
            self.assertEqual(out, f"1{value}\n")

    def test_a_channel_too_long_for_its_end(self):
        channel = "c" * 255
        out = self.lares("run", "echo.lua", "--subscribe", channel,
                         data=b"x\n")
        self.assertEqual(out, "x\n")

    def test_end_is_seen(self):
        out = self.lares("run", "counter.lua", "--subscribe", "a",
                         "--subscribe", "a.end", data=b"x\n")
        self.assertEqual(out, "1\n2\n")

    # id: NO04, id: LU03
    def test_a_million_lines_in_order_in_bounded_memory(self):
        with open(self.folder / "in", "wb") as file:
            for i in range(50000 if SANITIZED else 1000000):
                file.write(b"%0100d\n" % i)
        with open(self.folder / "in", "rb") as lines, open(
                self.folder / "out", "wb") as out:
            process = subprocess.Popen([LARES, "run", "echo.lua"],
                                       cwd=self.folder, stdin=lines, stdout=out)
            peak = peak_memory(process)
        self.assertEqual(process.wait(), 0)
        self.assertTrue(filecmp.cmp(self.folder / "in", self.folder / "out",
                                    shallow=False))
        if not SANITIZED:
            self.assertLess(peak, 32 * 1024)  # KiB, of 100 MB that went through

    def test_many_outputs_a_line(self):
        self.write("burst.lua", ECHO.replace(
            "return event.data end",
            "for i = 1, 1000 do self:emit(event.data .. i) end end"))
        out = self.lares("run", "burst.lua", data=b"a\nb\n" * 50)
        lines = [f"{c}{i}" for c in "ab" * 50 for i in range(1, 1001)]
        self.assertEqual(out.split(), lines)

    def test_long_lines(self):
        line = b"x" * (16 * 1024 * 1024)
        out = self.lares("run", "echo.lua", data=line + b"\nshort\n")
        self.assertEqual(len(out), len(line) + 7)
        for end in (b"x\n", b"x", b"x" * 100000 + b"\n"):
            self.lares("run", "echo.lua", data=line + end, code=1)
            self.assertIn("at most 16777216", self.err)

    def test_outputs_come_while_the_input_is_open(self):
        process = self.start("run", "counter.lua")
        for n in (1, 2, 3):
            process.stdin.write(b"x\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b"%d\n" % n)

    def test_dead_letters(self):
        out = self.lares("run", "counter.lua", data=b"a\nbad\nc\n", code=7)
        self.assertEqual(out, "1\n5\n")
        self.assertIn("1 dead letter, the first: ", self.err)
        self.assertIn("bad line", self.err)

    def test_key(self):
        origin = self.lares("keygen", "-o", "id").strip()
        for _ in range(2):
            out = self.lares("run", "echo.lua", "--key", "id", "--json",
                             data=b"x\n")
            self.assertEqual(json.loads(out)["origin"], origin)
        (self.folder / "short").write_bytes(b"x" * 31)
        self.lares("run", "echo.lua", "--key", "short", code=2)
        self.assertIn("short: a seed has 32 bytes\n", self.err)
        (self.folder / "empty").write_bytes(b"")
        self.lares("run", "echo.lua", "--key", "empty", code=2)
        self.lares("run", "echo.lua", "--key", "none", code=4)

    def test_kinds(self):
        self.write("two.lua", ECHO.replace(
            "return lares.main(Echo)",
            'local Also = lares.daemon "also"\n'
            'function Also:process(event) return "also" end\n'
            "return lares.main {Echo, Also}"))
        self.assertEqual(self.lares("run", "two.lua", data=b"x\n"), "also\n")
        self.assertIn("one of 2 kinds: also", self.err)
        out = self.lares("run", "two.lua", "--kind", "echo", data=b"x\n")
        self.assertEqual(out, "x\n")
        self.lares("run", "two.lua", "--kind", "none", code=4)
        self.assertEqual(self.err,
                         "lares run: no kind 'none', only echo, also (EKIND)\n")


    def test_a_plugin(self):
        plugin = os.environ.get("LARES_PLUGIN")
        if plugin is None:
            self.skipTest("LARES_PLUGIN is not set")
        self.assertEqual(self.lares("run", plugin, data=b"a\nb\n"), "1\n2\n")
        shutil.copy(plugin, self.folder / "copy.so")
        self.assertEqual(self.lares("run", "copy.so", data=b"a\n"), "1\n")
        self.write("text.so", "no plug-in")
        self.lares("run", "text.so", code=1)
        self.assertIn("lares run: ./text.so: ", self.err)


class TestJson(Case):

    def test_outputs_are_objects(self):
        out = self.lares("run", "echo.lua", "--json",
                         data=b'say "\xc3\xa4"\\\t\n\xff\xfe\n\xff\n\n')
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row.get("text") for row in rows],
                         ['say "ä"\\\t', None, None, ""])
        self.assertEqual(rows[1]["base64"], "//4=")
        self.assertEqual(rows[2]["base64"], "/w==")
        self.assertEqual([row["sequence"] for row in rows], [1, 2, 3, 4])
        self.assertEqual({row["channel"] for row in rows}, {"out"})

    def test_errors_are_objects(self):
        out = self.lares("run", "none.lua", "--json", code=4)
        error = json.loads(out)["error"]
        self.assertEqual(error["name"], "ENOTFOUND")
        self.assertEqual(error["code"], -23)
        self.assertIn("none.lua", error["detail"])
        self.assertEqual(self.err, "")
        out = self.lares("run", "--frob", "--json", code=2)
        self.assertEqual(json.loads(out)["error"]["name"], "EINVAL")

    def test_letters_are_an_object(self):
        out = self.lares("run", "counter.lua", "--json", data=b"bad\n", code=7)
        self.assertEqual(json.loads(out)["letters"], 1)


class TestExitCodes(Case):

    def test_usage(self):
        for words in ([], ["frob"], ["run"], ["run", "a", "b"],
                      ["run", "echo.lua", "--kind"],
                      ["run", "echo.lua", "--option", "batch"],
                      ["run", "echo.lua", "--option", "colour=red"],
                      ["run", "echo.lua", "--option", "batch=0"],
                      ["run", "echo.lua", "--subscribe", "a.*"],
                      ["run", "echo.lua", "--subscribe", " "],
                      ["run", "echo.lua", "--subscribe", "a..b"],
                      ["run", "echo.lua", "--publish", "a..b"],
                      ["run", "echo.lua", "--node", "No Name"],
                      ["keygen"], ["keygen", "--frob"]):
            self.lares(*words, code=2)

    def test_not_found(self):
        self.lares("run", "none.lua", code=4)
        self.assertIn("none.lua: No such file", self.err)

    def test_a_script_that_does_not_load(self):
        self.write("bad.lua", "return (")
        self.lares("run", "bad.lua", code=1)
        self.assertIn("lares run: bad.lua:1: unexpected symbol near <eof> "
                      "(ESCRIPT)\n", self.err)

    def test_a_kind_that_is_refused(self):
        self.write("bad.lua", ECHO.replace('"echo"', '"No Kind"'))
        self.lares("run", "bad.lua", code=1)
        self.assertIn("'No Kind'", self.err)

    def test_a_daemon_that_does_not_start(self):
        self.write("bad.lua", ECHO.replace(
            "return lares", 'function Echo:init() error "no start" end\n'
                            "return lares"))
        self.lares("run", "bad.lua", code=1)
        self.assertIn("lares run: echo: bad.lua:5: no start (ECALLBACK)\n",
                      self.err)

    def test_a_channel_that_is_reserved(self):
        for option in ("--subscribe", "--publish"):
            self.lares("run", "echo.lua", option, "$sys", data=b"x\n", code=5)
            self.assertIn("'$sys' is reserved", self.err)

    def test_interrupted_says_what_is_left(self):
        self.write("slow.lua", ECHO.replace(
            "return event.data", 'io.stdout:write("here\\n"):flush() '
                                 'os.execute "sleep 8"'))
        process = self.start("run", "slow.lua", "--option", "mailbox.count=2")
        process.stdin.write(b"x\n" * 5)
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 130)
        self.assertIn(b"interrupted: 5 lines left undone", process.stderr.read())

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start("run", "counter.lua")
            process.stdin.write(b"x\n")
            process.stdin.flush()
            process.stdout.readline()
            process.send_signal(number)
            self.assertEqual(process.wait(2), 130)

    @unittest.skipIf(SANITIZED, "a sanitizer may put signals off")
    def test_interrupted_twice(self):
        self.write("busy.lua", ECHO.replace("return event.data",
                                            "while true do end"))
        process = self.start("run", "busy.lua")
        process.stdin.write(b"x\n")
        process.stdin.flush()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(1), 130)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([LARES, "run", "echo.lua"], input=b"x\n",
                                  cwd=self.folder, stdout=full,
                                  stderr=subprocess.PIPE, timeout=10)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_closed_streams_harm_nobody(self):
        for closed, code in (("<&-", 1), (">&-", 1), ("2>&-", 0)):
            done = subprocess.run(
                ["sh", "-c", f'echo x | {{ "$0" run echo.lua {closed}; }}',
                 LARES], cwd=self.folder, capture_output=True, timeout=10)
            self.assertEqual(done.returncode, code, closed)
            if code != 0:
                self.assertIn(b"Bad file descriptor", done.stderr)
            else:
                self.assertEqual(done.stdout, b"x\n")


class TestHelp(Case):

    def test_help_names_everything(self):
        out = self.lares("--help")
        for verb in ("run", "keygen"):
            self.assertIn(verb, out)
            self.assertIn("usage: lares " + verb, self.lares(verb, "--help"))
        out = self.lares("run", "--help")
        for option in ("subscribe", "publish", "argument", "option", "kind",
                       "key", "restore", "node", "json"):
            self.assertIn("--" + option, out)

    def test_version(self):
        self.assertRegex(self.lares("--version"),
                         r"^lares \d+\.\d+\.\d+ \(library: ABI \d+\.\d+\)$")

    def test_lines_fit_a_terminal(self):
        for words in (["--help"], ["run", "--help"], ["keygen", "--help"]):
            for line in self.lares(*words).splitlines():
                self.assertLessEqual(len(line), 80)


class TestKeygen(Case):

    def test_a_seed_of_32_bytes_for_the_owner_alone(self):
        out = self.lares("keygen", "-o", "id")
        self.assertRegex(out, "^[0-9a-f]{16}\n$")
        path = self.folder / "id"
        self.assertEqual(len(path.read_bytes()), 32)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    def test_an_identity_is_never_written_over(self):
        self.lares("keygen", "-o", "id")
        before = (self.folder / "id").read_bytes()
        self.lares("keygen", "-o", "id", code=5)
        self.assertIn("File exists (EEXIST)", self.err)
        self.lares("keygen", "-o", code=2)
        self.assertIn("-o: expected a value", self.err)
        self.assertIn("no such option", json.loads(
            self.lares("keygen", "--node", "n", "-o", "x", "--json", code=2)
        )["error"]["detail"])
        self.assertEqual((self.folder / "id").read_bytes(), before)

    def test_json(self):
        row = json.loads(self.lares("keygen", "-o", "id", "--json"))
        self.assertEqual(row["file"], "id")
        self.assertRegex(row["origin"], "^[0-9a-f]{16}$")
        out = self.lares("keygen", "-o", "no/id", "--json", code=4)
        self.assertEqual(json.loads(out)["error"]["name"], "ENOTFOUND")


if __name__ == "__main__":
    unittest.main()
