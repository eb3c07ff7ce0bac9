"""A daemon in Python: counts its events, and emits the count.

    python counter.py
"""

import lares


class Counter(lares.Daemon):
    def __init__(self):
        self.n = 0

    def process(self, event):  # None, bytes, or an iterable of bytes
        self.n += 1
        return str(self.n).encode()


if __name__ == "__main__":
    with lares.Node("east") as node:
        node.register(Counter)  # kind name: "counter"
        counter = node.spawn("counter", subscribe=["ticks"], publish="counts")
        inbox = node.subscribe("counts")
        outputs = counter.deliver(b"tick")  # synchronous: list of Event
        print(outputs[0].text)
        node.publish("ticks", b"tick")  # through the bus
        for _ in range(2):
            print(inbox.next(timeout=5))
