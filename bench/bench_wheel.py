"""net-mesh 0.21.0 from PyPI: rows N5, N6 and N10. It needs nothing of Lares."""

from __future__ import annotations

from typing import Callable

from net import CausalEvent, DaemonRuntime, Identity, NetMesh

from serve import Variant, main

BURST = 64
PAYLOADS = [i.to_bytes(8, "little") + bytes(56) for i in range(BURST)]


class Echo:
    def process(self, event: CausalEvent) -> list[bytes]:
        return [event.payload]


def deliver() -> Variant:
    """An echo's turn; the events were made before."""
    mesh = NetMesh(bind_addr="127.0.0.1:0", psk="42" * 32)
    runtime = DaemonRuntime(mesh)
    runtime.register_factory("echo", Echo)
    runtime.start()
    identity = Identity.from_seed((3).to_bytes(32, "little"))
    origin = runtime.spawn("echo", identity).origin_hash
    events = [CausalEvent(77, i, PAYLOADS[i]) for i in range(BURST)]

    def run(count: int) -> Callable[[], bool]:
        call, outputs = runtime.deliver, 0
        for _ in range(count // BURST):
            for event in events:
                last = call(origin, event)
                outputs += len(last)
        return lambda: (
            mesh is not None and outputs == count
            and bytes(last[0]) == PAYLOADS[-1]
        )

    return run


def spawn_and_stop() -> Variant:
    """The identities are there already."""
    mesh = NetMesh(bind_addr="127.0.0.1:0", psk="42" * 32)
    runtime = DaemonRuntime(mesh)
    runtime.register_factory("echo", Echo)
    runtime.start()
    keys = [Identity.from_seed(i.to_bytes(32, "big")) for i in range(BURST)]

    def run(count: int) -> Callable[[], bool]:
        born = 0
        for _ in range(count // BURST):
            for key in keys:
                origin = runtime.spawn("echo", key).origin_hash
                born += runtime.daemon_count()
                runtime.stop(origin)
        return lambda: (
            mesh is not None and born == count and runtime.daemon_count() == 0
        )

    return run


if __name__ == "__main__":
    main({"deliver": deliver, "spawn and stop": spawn_and_stop})
