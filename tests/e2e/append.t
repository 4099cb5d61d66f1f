#!/usr/bin/env -S python3 -B
"""A program that reads a queue endlessly appends to an existing file, because
acknowledged input is not delivered again. So everything written before a kill
-9 is there after the next start, without an incomplete line that the kill
left.
"""

import json
import os

from events import Events
from harness import TESTBIN, Checks, Lab, main, until


class Writer:
    """A program, and its first and second input."""

    def __init__(self, lab, name, argv, feed):
        self.lab, self.feed = lab, feed
        self.file, self.err = lab.path(name), lab.path(name + ".err")
        self.argv = [*argv, "-t", self.file]

    def begin(self):
        self.process = self.lab.start(self.argv, self.err)

    def whole(self):
        """Its complete lines."""
        if not os.path.exists(self.file):
            return []
        with open(self.file, encoding="utf-8") as f:
            return [x for x in f if x.startswith("{") and x.endswith("}\n")]

    def drop_after(self, lines):
        until(30, lambda: len(self.whole()) > lines, "a line of " + self.err)
        self.process.kill()
        self.process.wait()


def load(lab, seed):
    return lab.must([TESTBIN + "/load", "-n", 300, "--late", 0, "--seed", seed]
                    ).out.decode().splitlines()


def writers(lab):
    sim = lab.sim("--dialogs", 4, "--messages", 1, "--operators", 1)
    operator = str(sim.get("/operators")["data"][0]["id"])
    chats = list(sim.open_dialogs())
    conf = lab.conf("conf", {"crm acme": {
        "url": sim.url, "token": "sim-token", "assign": "yes"}})

    def state(name):
        return ["--state", lab.path(name + ".state")]

    def count(n):
        Events(seed=n, n=100).publish(lab, "counting", "counted")

    def assign(n):
        lab.put("given", [json.dumps({
            "type": "assignment", "tenant": "acme", "id": str(n),
            "chat": str(chats[n]), "operator": operator,
            "expires": "2099-01-01T00:00:00Z"})])

    yield Writer(lab, "stream", ["aggregator", "-f", "queue:records", "--every",
                                 "20ms", *state("stream")],
                 lambda n: lab.put("records", load(lab, n)))
    counter = ["aggregator", "--input", "eventcounter", "-f", "queue:counted",
               "--exchange", "counting", *state("counter")]
    # Creates the queue and the exchange.
    lab.must([*counter, "-t", "/dev/null", "--until-empty"])
    yield Writer(lab, "counter", counter, count)
    yield Writer(lab, "assign", ["poller", "-c", conf, "--assign", "-f",
                                 "queue:given"], assign)


def body():
    with Lab("append") as lab:
        checks = Checks()
        lab.start_servers("rabbitmq")
        all_writers = list(writers(lab))
        for w in all_writers:
            w.begin()
            w.feed(1)
        first = {}
        for w in all_writers:
            w.drop_after(0)
            first[w] = w.whole()
            with open(w.file, "w", encoding="utf-8") as f:
                f.writelines([*first[w], '{"type":"half'])
            w.begin()
            w.feed(2)
        for w in all_writers:
            w.drop_after(len(first[w]))
            checks.equal(w.whole()[:len(first[w])], first[w],
                         "what was written before")
            with open(w.file, encoding="utf-8") as f:
                checks.that("half" not in f.read(), f"half a line of {w.file}")
            with open(w.err, encoding="utf-8") as f:
                checks.that(f"'{w.file}' ended with an unfinished line; its 13 bytes" in
                            f.read(), f"half a line is not told: {w.err}")
        return checks.result()


main(body)
