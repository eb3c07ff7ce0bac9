"""The verbs that speak to a running node, seen from a shell.

    LARES=build/bin/lares python3 tests/cli/test_admin.py
"""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import threading
import time
import unittest

LARES = os.environ.get("LARES", "lares")

COUNTER = """
local lares = require "lares"
local Counter = lares.daemon "counter"
function Counter:init() self.n = 0 end
function Counter:process(event)
    if event.data == "bad" then error "bad line" end
    if event.data == "sleep" then os.execute "sleep 2" end
    self.n = self.n + 1
    return tostring(self.n)
end
function Counter:snapshot() return string.pack("<I8", self.n) end
function Counter:restore(state) self.n = string.unpack("<I8", state) end
return lares.main(Counter)
"""

HANDLER = """
local lares = require "lares"
local Echo = lares.daemon "echo"
function Echo:process(event) return event.data end
local Fix = lares.handler("fix", function() return {{group = 7, slot = 3}} end)
return lares.main {Echo, Fix}
"""

TABLES = ["node", "daemons", "kinds", "lanes", "subscriptions", "letters",
          "recovery", "records", "counters"]
VERBS = ["ps", "send", "snapshot", "restore", "stop", "restart", "dead",
         "recover"]


class Case(unittest.TestCase):
    """A folder with scripts and sockets, and the program run in it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=str(self.folder))
        self.write("counter.lua", COUNTER)
        self.write("handler.lua", HANDLER)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def lares(self, *words, data=b"", code=0, env=None):
        done = subprocess.run([LARES, *words], input=data, cwd=self.folder,
                              capture_output=True, timeout=60,
                              env=env or self.env)
        self.assertEqual(done.returncode, code,
                         done.stderr.decode() + done.stdout.decode())
        self.err = done.stderr.decode()
        return done.stdout.decode()

    def rows(self, *words, **more):
        out = self.lares(*words, "--json", **more)
        return [json.loads(line) for line in out.splitlines()]

    def start(self, *words, node="east", file="counter.lua"):
        """Run a node until the test ends; its socket is there on return."""
        process = subprocess.Popen(
            [LARES, "run", file, "--node", node, *words], cwd=self.folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.env)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.eventually(lambda: self.names(node))
        return process

    def names(self, node="east"):
        """The daemons of a node; none if it cannot be reached."""
        done = subprocess.run([LARES, "ps", "--json", "--node", node],
                              capture_output=True, env=self.env)
        return done.returncode == 0 and done.stdout

    def feed(self, process, *lines):
        for line in lines:
            process.stdin.write(line + b"\n")
        process.stdin.flush()

    def eventually(self, holds):
        """Wait until something is true, and return it."""
        end = time.monotonic() + 20
        while not (value := holds()):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        return value

    def origin(self):
        return self.rows("ps")[0]["origin"]


class TestPs(Case):

    def test_daemons_at_a_glance(self):
        process = self.start()
        self.feed(process, b"a", b"b")
        self.assertEqual(process.stdout.readline(), b"1\n")
        self.assertEqual(process.stdout.readline(), b"2\n")
        head, row = self.lares("ps").splitlines()
        self.assertEqual(head.split(), ["name", "origin", "kind", "state",
                                        "inputs", "outputs", "queued",
                                        "failures", "error"])
        self.assertEqual(row.split()[:1] + row.split()[2:],
                         ["counter", "counter", "RUNNING", "2", "2", "0", "0"])

    # id: NO04
    def test_every_table(self):
        self.start()
        for table in TABLES:
            rows = self.rows("ps", table)
            out = self.lares("ps", table)
            if rows:
                self.assertEqual(out.splitlines()[0].split(), list(rows[0]))
                self.assertEqual(len(out.splitlines()), len(rows) + 1)
            else:
                self.assertEqual(out, "")
        self.lares("ps", "nothing", code=4)
        self.assertIn("'nothing'", self.err)

    def test_numbers_are_whole_and_ids_are_text(self):
        self.start()
        row = self.rows("ps", "records")[0]
        self.assertIsInstance(row["time"], int)
        self.assertGreater(row["time"], 10 ** 18)
        self.assertAlmostEqual(row["time"] / 1e9, time.time(), delta=120)
        self.assertRegex(self.rows("ps")[0]["origin"], "^[0-9a-f]{16}$")

    def test_seconds_are_seconds(self):
        self.start()
        line, = [line for line in self.lares("ps", "counters").splitlines()
                 if line.startswith("uptime_seconds")]
        self.assertRegex(line, r"^uptime_seconds +\d+\.\d{3}$")
        self.assertLess(float(line.split()[1]), 60)
        row, = [row for row in self.rows("ps", "counters")
                if row["name"] == "uptime_seconds"]
        self.assertGreater(row["value"], 10 ** 6)

    def test_texts_stay_on_their_line(self):
        process = self.start()
        self.feed(process, b"bad")
        self.eventually(lambda: self.rows("ps", "letters"))
        head, row = self.lares("ps", "letters").splitlines()
        self.assertTrue(row.endswith("bad line"), row)
        self.assertIn("\n", self.rows("ps", "letters")[0]["text"])


class TestNodes(Case):

    # id: NO04
    def test_nobody_is_there(self):
        for verb, words in (("ps", []), ("send", ["d"]), ("stop", ["d"]),
                            ("snapshot", ["d", "-o", "f"]), ("dead", []),
                            ("restore", ["counter.lua"]), ("restart", ["d"]),
                            ("recover", [])):
            self.lares(verb, *words, "--node", "nowhere", code=3)
            self.assertIn("no node 'nowhere' runs: looked in "
                          f"{self.folder}/lares, /tmp/lares-", self.err)
            out = self.lares(verb, *words, "--node", "nowhere", "--json",
                             code=3)
            self.assertEqual(json.loads(out)["error"]["name"], "EIO")
        self.assertFalse((self.folder / "f").exists())

    def test_no_node_at_all(self):
        path = str(self.folder / "none.sock")
        self.lares("ps", "--node", path, code=3)
        self.assertIn(f"{path}: No such file", self.err)
        if not list(pathlib.Path(f"/tmp/lares-{os.geteuid()}").glob("*.sock")):
            self.lares("ps", code=3)
            self.assertIn(f"looked in {self.folder}/lares, ", self.err)

    def test_what_is_wrong_here_is_said_before_a_node_is_sought(self):
        (self.folder / "short").write_text("x")
        for words, code in ((["dead", "x"], 2),
                            (["dead", "replay", "x"], 2),
                            (["stop", "d", "--grace", "x"], 2),
                            (["restore", "none"], 4),
                            (["restore", "counter.lua", "--key", "none"], 4),
                            (["restore", "counter.lua", "--key", "short"], 2),
                            (["snapshot", "d", "-o", "none/file"], 4),
                            (["stop", "d", "--image", "none/file"], 4)):
            self.lares(*words, "--node", "nowhere", code=code)
        self.lares("stop", "d", "--image", "f", "--node", "nowhere", code=3)
        self.assertFalse(list(self.folder.glob("f*")))

    def test_sockets_of_the_dead_are_taken_away(self):
        self.start()
        folder = self.folder / "lares"
        (folder / "file.sock").write_text("no socket")
        for words, code in ((["--node", "dead"], 3), ([], 0)):
            process = self.start(node="dead")
            process.kill()
            process.wait()
            self.assertTrue((folder / "dead.sock").exists())
            self.lares("ps", *words, code=code)
            self.assertEqual({path.name for path in folder.iterdir()},
                             {"east.sock", "file.sock"})

    def test_sockets_in_an_open_folder_are_left_alone(self):
        process = self.start()
        process.kill()
        process.wait()
        (self.folder / "lares").chmod(0o755)
        self.lares("ps", "--node", "east", code=3)
        self.assertTrue((self.folder / "lares" / "east.sock").exists())

    def test_one_is_found_of_several_one_is_named(self):
        self.start()
        self.assertEqual(len(self.rows("ps")), 1)
        self.start(node="west")
        self.lares("ps", code=2)
        self.assertIn("2 nodes run: ", self.err)
        self.assertIn("east", self.err)
        self.assertIn("west", self.err)
        self.assertEqual(self.rows("ps", "node", "--node", "west")[0]["name"],
                         "west")
        path = str(self.folder / "lares" / "east.sock")
        self.assertEqual(self.rows("ps", "node", f"--node={path}")[0]["name"],
                         "east")

    def test_a_name_is_taken_once(self):
        process = self.start()
        self.lares("run", "counter.lua", "--node", "east", code=5)
        self.assertIn("east.sock", self.err)
        process.kill()
        process.wait()
        self.start()  # what it left behind is replaced

    def test_socket_is_for_its_owner_alone_and_goes(self):
        process = self.start()
        path = self.folder / "lares" / "east.sock"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(path.parent.stat().st_mode), 0o700)
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertFalse(path.exists())

    def test_without_a_place_for_it_lines_are_handled(self):
        env = dict(self.env, XDG_RUNTIME_DIR=str(self.folder / "none"))
        out = self.lares("run", "counter.lua", data=b"a\n", env=env)
        self.assertEqual(out, "1\n")
        self.assertIn("no admin socket", self.err)
        (self.folder / "open" / "lares").mkdir(parents=True)
        (self.folder / "open" / "lares").chmod(0o755)
        env["XDG_RUNTIME_DIR"] = str(self.folder / "open")
        self.assertEqual(self.lares("run", "counter.lua", data=b"a\n",
                                    env=env), "1\n")
        self.assertIn("0700", self.err)

    def test_a_node_that_hangs(self):
        process = self.start()
        process.send_signal(signal.SIGSTOP)
        client = subprocess.Popen([LARES, "ps", "--node", "east"],
                                  env=self.env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.addCleanup(client.communicate)
        time.sleep(0.2)
        self.assertIsNone(client.poll())
        process.kill()
        self.assertEqual(client.wait(10), 6)


class FakeNode:
    """Somebody else behind a socket: says its lines to whoever comes."""

    def __init__(self, path, *lines):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen()
        self.lines = lines
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        peer, _ = self.socket.accept()
        with peer, contextlib.suppress(BrokenPipeError):
            peer.recv(65536)
            for line in self.lines:
                peer.sendall(line)


class TestAnswers(Case):

    def fake(self, *lines):
        path = self.folder / "fake"
        if path.exists():
            path.unlink()
        node = FakeNode(path, *lines)
        self.addCleanup(node.socket.close)
        return str(path)

    def test_progress_and_news_are_passed_over(self):
        path = self.fake(b'{"id":1,"progress":{"ok":1}}\n{"id":1,"item":{"a"',
                         b':"x","b":[1,{"c":"}"}]}}\n{"id":1,"ok":{}}\n')
        self.assertEqual(self.lares("ps", "t", "--node", path, "--json"),
                         '{"a":"x","b":[1,{"c":"}"}]}\n')

    def test_an_end_in_the_middle(self):
        for lines in ([], [b'{"id":1,"item":{"a":1}}\n'], [b'{"id":1,"ok"']):
            self.lares("ps", "--node", self.fake(*lines), code=6)
            self.assertIn("has gone", self.err)

    def test_rubbish(self):
        for line in (b"\n", b"[]\n", b'"\n', b'{"\n', b'{"item"\n', b"\0\n",
                     b'{"item":"\\\n', b'{"item":{"\\u"}}\n'):
            self.lares("ps", "--node", self.fake(line), code=6)
        self.lares("ps", "--node", self.fake(b"x" * 300000), code=6)

    def test_errors_become_exit_codes(self):
        for status, code in ((-10, 2), (-22, 5), (-23, 4), (-30, 1), (-32, 6),
                             (-33, 6), (-37, 1), (-54, 5), (-60, 1), (-70, 4)):
            path = self.fake(b'{"id":1,"error":{"code":%d,"name":"E",'
                             b'"detail":"why \\"so\\""}}\n' % status)
            self.lares("ps", "--node", path, code=code)
            self.assertIn('why "so" (', self.err)

    def test_the_code_stands_behind_the_first_line(self):
        path = self.fake(b'{"id":1,"error":{"code":-27,"name":"ESTALE",'
                         b'"detail":"a\\nb"}}\n')
        self.lares("ps", "--node", path, code=5)
        self.assertEqual(self.err, "lares ps: a (ESTALE)\nb\n")


class TestNames(Case):

    def test_a_name_or_the_beginning_of_an_origin(self):
        self.start()
        origin = self.origin()
        for name in ("counter", origin, origin[:4].upper(), origin[:9]):
            self.lares("send", name, "--text", "x")
        for name in ("count", origin[:3], "0" * 16, origin.upper() + "X",
                     origin + "0"):
            self.lares("send", name, "--text", "x", code=4)
            self.assertIn("4 digits or more", self.err)
        self.eventually(lambda: self.rows("ps")[0]["inputs"] == 4)

    def test_of_two_that_fit_both_are_listed(self):
        self.start("--option", "name=twin")
        image = self.folder / "image"
        self.lares("snapshot", "twin", "-o", str(image))
        self.start("--option", "name=twin", node="west")
        self.lares("snapshot", "twin", "-o", "west", "--node", "west")
        seed = self.folder / "seed"
        self.lares("keygen", "-o", str(seed))
        third = self.start("--option", "name=twin", "--key", str(seed),
                           node="third")
        self.lares("snapshot", "twin", "-o", str(image), "--node", "third")
        third.communicate()
        self.lares("restore", str(image), "--key", str(seed), "--node", "east")
        origins = [row["origin"] for row in self.rows("ps", "--node", "east")]
        self.lares("stop", "twin", "--node", "east", code=2)
        for origin in origins:
            self.assertIn(origin + " (twin)", self.err)
        self.assertEqual(len(self.rows("ps", "--node", "east")), 2)
        self.lares("stop", origins[0], "--node", "east")
        self.lares("stop", "twin", "--node", "east")


class TestSend(Case):

    def test_lines_are_events(self):
        process = self.start()
        self.lares("send", "counter", data=b"a\n\nlast without end")
        self.assertEqual([process.stdout.readline() for _ in range(3)],
                         [b"1\n", b"2\n", b"3\n"])
        self.assertEqual(self.lares("send", "counter", "--json"), "")

    def test_payloads_are_bytes_of_any_size(self):
        self.write("echo.lua", COUNTER.replace("tostring(self.n)",
                                               "event.data"))
        process = self.start(file="echo.lua")
        lines = [b"\0\xff\r", b"x" * 32768, b"y" * 32769, b"z" * 200000, b""]
        self.lares("send", "counter", data=b"\n".join(lines) + b"\n")
        for line in lines:
            self.assertEqual(process.stdout.readline(), line + b"\n")

    def test_how_many_lines_went_is_said(self):
        row = b'{"id":1,"item":{"origin":"00000000000000aa","name":"d"}}\n'
        full = b'{"id":4,"error":{"code":-32,"name":"E","detail":"full"}}\n'
        for ok, code in ((1, 6), (2, 7), (3, 7)):
            node = FakeNode(self.folder / "fake",
                            row, b'{"ok":{}}\n' * ok, full)
            self.addCleanup(node.socket.close)
            self.lares("send", "d", "--node", "./fake", data=b"a\nb\nc\n",
                       code=code)
            self.assertEqual("went before" in self.err, ok > 1)
            (self.folder / "fake").unlink()
        self.assertIn("2 lines went before that", self.err)

    def test_too_big(self):
        self.start()
        self.lares("send", "counter", data=b"x" * (16 * 1024 * 1024 + 1),
                   code=2)
        self.assertIn("16777216", self.err)


class TestSnapshot(Case):

    # id: NO04
    def test_a_daemon_is_handed_on(self):
        self.lares("keygen", "-o", "seed")
        first = self.start("--key", "seed")
        self.feed(first, b"a", b"b")
        for n in (b"1\n", b"2\n"):
            self.assertEqual(first.stdout.readline(), n)
        row, = self.rows("snapshot", "counter", "-o", "image")
        image = self.folder / "image"
        self.assertEqual(row, {"origin": self.origin(), "file": "image",
                               "len": image.stat().st_size})
        self.assertEqual(stat.S_IMODE(image.stat().st_mode), 0o600)
        first.communicate()

        second = self.start()
        self.lares("restore", "image", code=5)  # its seed is not here
        self.assertIn("lares restore: image: ", self.err)
        self.assertIn("(EKEY)\nan identity is a file of lares keygen: --key",
                      self.err)
        restored, = self.rows("restore", "image", "--key", "seed")
        self.assertEqual(restored, {"origin": row["origin"]})
        self.lares("send", row["origin"], "--text", "c")
        self.assertEqual(second.stdout.readline(), b"3\n")
        self.lares("restore", "image", "--key", "seed", code=5)
        self.assertIn("lives", self.err)
        self.lares("stop", "counter", "--node", "east", code=2)  # two fit
        self.lares("stop", row["origin"])
        self.lares("restore", "image", "--key", "seed", code=5)
        self.assertIn(f"identity {row['origin']} was activated in epoch 2 "
                      "since the image of epoch 1 was taken (ESTALE)",
                      self.err)

    def test_a_run_goes_on_from_an_image(self):
        self.lares("keygen", "-o", "seed")
        first = self.start("--key", "seed", "--subscribe", "ticks",
                           "--publish", "counts")
        self.feed(first, b"a")
        first.stdout.readline()
        origin = self.lares("snapshot", "counter", "-o", "image").strip()
        first.communicate()
        out = self.lares("run", "counter.lua", "--restore", "image", "--key",
                         "seed", "--subscribe", "ticks", "--publish", "counts",
                         "--json", data=b"b\n")
        self.assertEqual(json.loads(out), {
            "channel": "counts", "origin": origin, "sequence": 2, "text": "2"})
        self.lares("run", "counter.lua", "--restore", "none", code=4)
        self.lares("run", "counter.lua", "--restore", "seed", code=1)

    def test_channels_that_are_not_said_are_those_of_the_image(self):
        self.lares("keygen", "-o", "seed")
        first = self.start("--key", "seed", "--subscribe", "ticks ticks.end b.*",
                           "--publish", "counts")
        self.lares("snapshot", "counter", "-o", "image")
        first.communicate()
        again = ("run", "counter.lua", "--restore", "image", "--key", "seed")
        out = self.lares(*again, "--json", data=b"a\n")
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([(row["channel"], row["text"]) for row in rows],
                         [("counts", "1"), ("counts", "2")])
        self.assertEqual(self.err, "")
        self.lares(*again, "--subscribe", "bar", data=b"a\nb\n", code=7)
        self.assertIn("2 lines reached nobody: nothing was subscribed to "
                      "'bar'", self.err)
        self.assertEqual(self.lares(*again, "--publish", "other", data=b"a\n"),
                         "")

    def test_of_several_channels_the_first_is_named(self):
        self.lares("keygen", "-o", "seed")
        first = self.start("--key", "seed", "--subscribe", "x c a a.end")
        self.lares("snapshot", "counter", "-o", "image")
        first.communicate()
        self.lares("run", "counter.lua", "--restore", "image", "--key", "seed",
                   data=b"1\n")
        self.assertIn("one of several channels: a (--subscribe chooses)",
                      self.err)
        image = (self.folder / "image").read_bytes()
        for n in (0, 40, 56, 119, 200, 360, len(image) - 1):
            (self.folder / "cut").write_bytes(image[:n])
            self.lares("run", "counter.lua", "--restore", "cut", code=1)

    def test_a_last_image_is_never_deleted(self):
        self.write("slow.lua", COUNTER.replace(
            "function Counter:snapshot()",
            "function Counter:snapshot()\n"
            "local t = os.clock() + 1; while os.clock() < t do end"))
        self.start(file="slow.lua")
        (self.folder / "place").mkdir()
        self.lares("stop", "counter", "--image", "place", code=1)
        self.assertIn("Is a directory", self.err)
        origin = self.origin()  # it lives: nothing was begun
        (self.folder / "place").rmdir()
        blocker = threading.Thread(target=self.block, args=("place",))
        blocker.start()
        self.lares("stop", "counter", "--image", "place", code=1)
        blocker.join()
        found = re.search("the image is in (\\S+) ", self.err)
        row, = self.rows("image", found[1])
        self.assertEqual(row["origin"], origin)

    def block(self, name):
        """Make a folder of that name, once a file is on its way there."""
        while not list(self.folder.glob(name + ".??????")):
            time.sleep(0.001)
        (self.folder / name).mkdir()

    def test_channels_of_an_image_that_take_no_lines(self):
        self.lares("keygen", "-o", "seed")
        first = self.start("--key", "seed", "--subscribe", "in $a a.*")
        self.lares("snapshot", "counter", "-o", "image")
        first.communicate()
        out = self.lares("run", "counter.lua", "--restore", "image", "--key",
                         "seed", data=b"a\n")
        self.assertEqual((out, self.err), ("1\n", ""))

    def test_an_image_says_whose_it_is(self):
        first = self.start("--subscribe", "ticks b.*", "--publish", "counts",
                           "--argument", "x")
        self.feed(first, b"a")
        self.assertEqual(first.stdout.readline(), b"1\n")
        self.lares("snapshot", "counter", "-o", "image")
        origin = self.origin()
        row, = self.rows("image", "image")
        self.assertEqual((row["origin"], row["name"], row["kind"]),
                         (origin, "counter", "counter"))
        self.assertEqual((row["epoch"], row["sequence"], row["arrival"]),
                         (1, 1, 1))
        self.assertEqual(row["publish"], "counts")
        names, facts = self.lares("image", "image").splitlines()
        self.assertEqual(names.split()[:3], ["name", "origin", "kind"])
        self.assertEqual(facts.split()[:3], ["counter", origin, "counter"])
        self.assertEqual(
            [row["pattern"] for row in self.rows("image", "image",
                                                 "subscriptions")],
            ["b.*", "ticks"])
        self.assertEqual(self.rows("image", "image", "options"),
                         [{"key": "argument", "value": "x"}])
        self.lares("image", "image", "pictures", code=4)
        self.lares("image", "none", code=4)
        self.lares("image", "image", "--node", "a", code=2)
        self.lares("image", code=2)
        cut = (self.folder / "image").read_bytes()[:-1]
        (self.folder / "cut").write_bytes(cut)
        self.lares("image", "cut", code=1)
        self.assertIn("lares image: cut: ", self.err)
        self.assertIn("(EFORMAT)", self.err)

    def test_whole_or_not_at_all(self):
        self.start()
        (self.folder / "image").write_text("old")
        self.lares("snapshot", "nobody", "-o", "image", code=4)
        self.assertEqual((self.folder / "image").read_text(), "old")
        self.lares("snapshot", "counter", "-o", "no/image", code=4)
        (self.folder / "folder").mkdir()
        self.lares("snapshot", "counter", "-o", "folder", code=1)
        self.lares("snapshot", "counter", "-o", "image")
        self.assertEqual((self.folder / "image").read_bytes()[:4], b"LARS")
        left = {path.name for path in self.folder.iterdir()}
        self.assertEqual(left, {"counter.lua", "handler.lua", "image",
                                "folder", "lares"})

    def test_large_states_come_in_pieces(self):
        self.write("large.lua", COUNTER.replace(
            'string.pack("<I8", self.n)', '("x"):rep(3000000)').replace(
            'self.n = string.unpack("<I8", state)', "self.n = #state"))
        self.lares("keygen", "-o", "seed")
        self.start("--key", "seed", file="large.lua")
        self.lares("snapshot", "counter", "-o", "image")
        self.assertGreater((self.folder / "image").stat().st_size, 3000000)
        self.lares("stop", "counter")
        origin = self.lares("restore", "image", "--key", "seed").strip()
        self.assertEqual(self.origin(), origin)

    def test_what_is_no_image_or_seed(self):
        self.start()
        (self.folder / "empty").write_bytes(b"")
        self.lares("restore", "empty", code=1)
        self.lares("restore", "counter.lua", code=1)
        self.assertIn("lares restore: counter.lua: ", self.err)
        self.lares("restore", "none", code=4)
        self.lares("restore", "empty", "--key", "none", code=4)
        self.lares("restore", "empty", "--key", "empty", code=2)
        self.assertIn("32 bytes", self.err)

    # id: NO04
    def test_a_busy_daemon_times_out(self):
        process = self.start()
        self.feed(process, b"sleep")
        self.eventually(lambda: self.rows("ps", "lanes")
                        and any(row["running"] == "counter"
                                for row in self.rows("ps", "lanes")))
        path = str(self.folder / "lares" / "east.sock")
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(path)
            peer.sendall(json.dumps({
                "id": 1, "verb": "snapshot",
                "args": {"daemon": self.origin(), "timeout_ms": 1}
            }).encode() + b"\n")
            answer = json.loads(peer.makefile().readline())
        self.assertEqual(answer["error"]["name"], "ETIMEDOUT")


class TestLife(Case):

    def test_stop(self):
        process = self.start()
        self.assertEqual(self.lares("stop", "counter", "--json"), "")
        self.assertEqual(self.rows("ps"), [])
        self.lares("stop", "counter", code=4)
        self.assertIsNone(process.poll())
        for grace in ("-1", "x", "3601", "", "nan"):
            self.lares("stop", "counter", "--grace", grace, code=2)

    # id: NO04
    def test_stop_with_an_image_hands_a_daemon_over(self):
        self.lares("keygen", "-o", "seed")
        process = self.start("--key", "seed")
        origin = self.origin()
        lines = [b"%d" % n for n in range(500)]
        self.feed(process, *lines)
        self.eventually(lambda: self.rows("ps")[0]["inputs"] > 0)
        row, = self.rows("stop", "counter", "--image", "image")
        image = self.folder / "image"
        self.assertEqual(row, {"origin": origin, "file": "image",
                               "len": image.stat().st_size})
        self.assertEqual(stat.S_IMODE(image.stat().st_mode), 0o600)
        self.assertEqual(self.rows("ps"), [])
        self.lares("stop", "counter", "--image", "image", code=4)
        out, err = process.communicate()
        done = len(out.splitlines())
        if done < len(lines):  # the others came when it had ended
            self.assertIn(b"%d line" % (len(lines) - done), err)
        out = self.lares("run", "counter.lua", "--restore", "image", "--key",
                         "seed", data=b"x\n")
        self.assertEqual(int(out), done + 1)

    def test_stop_that_finds_no_image(self):
        self.write("mute.lua", COUNTER.replace(
            "return string.pack", 'do error "no picture" end return '
            "string.pack"))
        self.start(file="mute.lua")
        (self.folder / "image").write_text("old")
        self.lares("stop", "counter", "--image", "image", code=1)
        self.assertIn("no picture", self.err)
        self.assertEqual((self.folder / "image").read_text(), "old")
        self.assertEqual(self.rows("ps"), [])

    def test_lines_behind_a_stop_reach_nobody(self):
        process = self.start()
        self.lares("stop", "counter")
        out, err = process.communicate(b"a\nb\nc\n")
        self.assertEqual((process.returncode, out), (7, b""))
        self.assertIn(b"3 lines reached nobody: nothing was subscribed to "
                      b"'in'", err)
        process = self.start("--json")
        self.lares("stop", "counter")
        out, err = process.communicate(b"a\n")
        self.assertEqual(json.loads(out), {"unheard": 1, "channel": "in"})
        self.assertEqual((process.returncode, err), (7, b""))

    def test_stop_with_no_grace(self):
        process = self.start()
        self.feed(process, b"sleep", b"a", b"b")
        self.eventually(lambda: self.rows("ps")[0]["queued"] >= 2)
        self.lares("stop", "counter", "--grace=0", code=6)
        self.eventually(lambda: not self.rows("ps"))
        reasons = {row["reason"] for row in self.rows("dead")}
        self.assertEqual(reasons, {"CLOSED"})

    def test_restart(self):
        process = self.start("--option", "restart.initial=10000")
        self.feed(process, b"bad", b"good")
        self.eventually(lambda: self.rows("ps")[0]["failures"] == 2)
        self.assertEqual(self.rows("ps")[0]["crashes"], 2)
        self.assertEqual(self.lares("restart", "counter", "--json"), "")
        self.eventually(lambda: self.rows("ps")[0]["crashes"] > 2)
        self.lares("restart", "nobody", code=4)


class TestDead(Case):

    def letters(self, count):
        self.eventually(lambda: len(self.rows("dead")) == count)

    # id: NO04
    def test_letters_are_shown_replayed_and_dropped(self):
        process = self.start()
        self.assertEqual(self.lares("dead"), "")
        self.assertEqual(self.lares("dead", "replay"), "")
        self.feed(process, b"bad", b"good")
        self.letters(1)
        head, row = self.lares("dead").splitlines()
        self.assertEqual(head.split()[:4], ["id", "reason", "name", "channel"])
        self.assertEqual(row.split()[:4], ["1", "FAILED", "counter", "in"])
        self.assertEqual(self.lares("dead", "1"), "bad\n")
        self.assertEqual(self.rows("dead", "1"), [{"id": 1, "text": "bad"}])
        self.lares("dead", "replay", "1")  # and it fails again
        self.eventually(lambda: [row["id"] for row in self.rows("dead")] == [2])
        self.lares("dead", "replay", "1", code=4)
        self.lares("dead", "drop", "2")
        self.assertEqual(self.lares("dead"), "")
        self.lares("dead", "drop", "2", code=4)
        self.lares("dead", "2", code=4)
        self.lares("dead", "drop")
        for words in (["x"], ["replay", "x"], ["drop", "1", "2"], ["1", "2"]):
            self.lares("dead", *words, code=2)

    def test_of_several_some_can_be_replayed(self):
        process = self.start()
        seed = self.folder / "seed"
        self.lares("keygen", "-o", str(seed))
        other = self.start("--key", str(seed), "--option", "name=other",
                           node="west")
        self.lares("snapshot", "other", "-o", "image", "--node", "west")
        other.communicate()
        self.lares("restore", "image", "--key", str(seed))
        self.lares("send", "other", "--text", "bad")
        self.letters(1)
        self.feed(process, b"bad")
        self.eventually(lambda: len(self.rows("dead")) >= 2)
        self.lares("stop", "other")
        letters = {row["name"]: row["id"] for row in self.rows("dead")}
        self.lares("dead", "replay", code=7)
        self.assertIn(f"lares dead: letter {letters['other']}: ", self.err)
        self.assertIn("has ended (ECLOSED)", self.err)
        self.assertNotIn(f"letter {letters['counter']}:", self.err)


class TestRecover(Case):

    def test_slots_are_shown(self):
        self.start(file="handler.lua")
        self.eventually(lambda: self.rows("ps", "recovery"))
        rows = self.eventually(self.recover)
        self.assertEqual([(row["group"], row["slot"]) for row in rows],
                         [("%016x" % 7 if isinstance(rows[0]["group"], str)
                           else 7, 3)])

    def recover(self):
        """The rows of a pass; None while the tick is at one."""
        done = subprocess.run([LARES, "recover", "--json"], env=self.env,
                              capture_output=True)
        if done.returncode == 5:
            return None
        self.assertEqual(done.returncode, 0)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_nobody_recovers(self):
        self.start()
        self.assertEqual(self.eventually(
            lambda: self.recover() == [] and "none"), "none")


class TestLines(Case):

    # id: NO03
    def test_seventeenth_connection_is_told_why(self):
        self.start()
        path = str(self.folder / "lares" / "east.sock")
        peers = []
        for _ in range(16):
            peer = socket.socket(socket.AF_UNIX)
            self.addCleanup(peer.close)
            peer.connect(path)
            peer.sendall(b'{"id":1,"verb":"report","args":{"what":"node"}}\n')
            peer.makefile().readline()
            peers.append(peer)
        self.lares("ps", "--node", "east", code=1)
        self.assertIn("16 connections", self.err)

    def test_a_connection_that_breaks_harms_nobody(self):
        self.start()
        path = str(self.folder / "lares" / "east.sock")
        for _ in range(50):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(path)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
                peer.sendall(b'{"id":1,"verb":"report"}\n{"id":2,')
        self.eventually(lambda: self.names())


class TestUsage(Case):

    # id: NO04
    def test_usage(self):
        for words in (["ps", "a", "b"], ["ps", "--frob"], ["ps", "--node"],
                      ["send"], ["send", "a", "b"], ["send", "a", "--text"],
                      ["snapshot"], ["snapshot", "a"], ["restore"],
                      ["snapshot", "a", "-o"], ["restore", "a", "--key"],
                      ["stop"], ["stop", "a", "--grace"], ["restart"],
                      ["recover", "a"], ["dead", "a", "b", "c"]):
            self.lares(*words, code=2)
            self.assertIn("--help", self.err)
            out = self.lares(*words, "--json", code=2) if words[-1][0] != "-" \
                or words[-1] == "--frob" else None
            if out is not None:
                self.assertEqual(json.loads(out)["error"]["name"], "EINVAL")

    def test_help_names_everything_and_fits_a_terminal(self):
        out = self.lares("--help")
        for verb in VERBS:
            self.assertIn("\n  " + verb, out)
            text = self.lares(verb, "--help")
            self.assertTrue(text.startswith(f"usage: lares {verb}"))
            self.assertIn("--json", text)
            self.assertIn("--node", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)


if __name__ == "__main__":
    unittest.main()
