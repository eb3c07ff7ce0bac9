"""lares.testing: worlds with a clock of their own, and the fixtures."""

from __future__ import annotations

import lares
import pytest
from lares.testing import World


class Fragile(lares.Daemon):
    def process(self, event):
        if event.data == b"bad":
            raise ValueError("bad line")
        return event.data


def story(seed: int) -> list[tuple[int, int, bytes]]:
    """Play one bad line among good ones, and tell what came out when."""
    with World(seed) as world:
        node = world.node("east")
        inbox = node.subscribe("out")
        node.spawn(Fragile, subscribe="in", publish="out")
        for data in (b"one", b"bad", b"two"):
            node.publish("in", data)
        world.run(1)
        return [(e.origin, e.received_at, e.data) for e in inbox.drain()]


@pytest.mark.filterwarnings("ignore")
def test_a_world_repeats_itself():
    assert story(7) == story(7)
    assert [data for *_, data in story(7)] == [b"one", b"two"]
    assert story(7)[0][0] != story(8)[0][0]


def test_time_passes_only_in_run(lares_world):
    node = lares_world.node("east")
    inbox = node.subscribe("out")
    node.spawn(Fragile, subscribe="in", publish="out")
    node.publish("in", b"one")
    lares_world.run_idle()
    first = inbox.next(0)
    lares_world.run(3600)
    node.publish("in", b"two")
    lares_world.run_idle()
    waited = inbox.next(0).received_at - first.received_at
    assert abs(waited - 3600 * 10**9) < 10**9


def test_names_in_a_world_are_unique(lares_world):
    lares_world.node("east")
    with pytest.raises(lares.Exists):
        lares_world.node("east")
    with pytest.raises(lares.InvalidArgument):
        lares_world.node("west", lanes=2)


def test_repr(lares_world):
    assert repr(lares_world) == f"<World {lares_world.seed}>"


def test_lares_node_is_started(lares_node):
    assert repr(lares_node) == "<Node test READY>"


def test_seed_of_a_failure_is_printed(request, tmp_path, child):
    test = tmp_path / "test_it.py"
    test.write_text("def test_it(lares_world): assert False\n")
    installed = request.config.pluginmanager.has_plugin("lares")
    plugin = "" if installed else "-plares.testing"
    done = child(
        """
        import sys, pytest
        arguments = ["-q", "-pno:cacheprovider", "--lares-seed=42"]
        sys.exit(pytest.main([*arguments, *filter(None, sys.argv[1:])]))
        """,
        str(test),
        plugin,
    )
    assert done.returncode == 1
    assert "--lares-seed=42" in done.stdout
