#!/usr/bin/env -S python3 -B
"""Random worlds of a simulated Qiscus: the metrics of poller and aggregator
equal the oracle's; rooms that move while they are listed, and faults, lose
nothing. WORLDS worlds are run (3; LONG=1: 60); SEED=n repeats from one on.
"""

import json
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "oracle"))
import compare  # noqa: E402
import metrics  # noqa: E402
import qiscus  # noqa: E402
from harness import LONG, Lab, main, say, seed  # noqa: E402

METRICS = ("operator_metrics", "chat_metrics", "tenant_metrics")
FAULTS = ("403", "429-retry", "500", "502-html", "login-page", "cut-chunk",
            "truncated", "reset", "errors-string", "wrong-shape",
            "lost-answer", "500-done")


class World:
    def __init__(self, lab, number, **fixed):
        self.lab, self.number = lab, number
        self.dice = d = random.Random(number)
        self.token, self.app = "secret-%d" % number, "app-%d" % number
        self.seed = d.randrange(10 ** 6)
        self.history = d.choice(("episode", "all"))
        self.definition = d.choice((metrics.OURS, metrics.CHATWOOT))
        self.customers = d.random() < 0.5
        # How long comments are hidden: a thousandth more, so that no second is
        # hidden in part.
        self.lag = fixed.get("lag", d.choice((0, 0, 20.001, 90.001)))
        self.agents = fixed.get("agents", d.choice((1, 4, 12)))
        self.folder = "q%d" % number
        os.mkdir(lab.path(self.folder))
        few = d.random() < 0.6
        options = [
            "--crm", "qiscus", "--app", self.app, "--token", self.token,
            "--seed", self.seed, "--operators", self.agents,
            "--dialogs", fixed.get(
                "dialogs", d.choice((3, 25, 60) if few else (120, 230))),
            "--messages", d.choice((3, 20, 250) if few else (3, 12)),
            "--pace", fixed.get("pace", d.choice((60, 200, 900))),
            "--lag", self.lag, "--die-with-parent",
        ]
        options += ["--big-ids"] if d.random() < 0.3 else []
        self.sim = lab.sim(*options, name=self.folder + "/sim")
        # Accounts and breaks do not change randomly.
        self.sim.control("act", do="online", account=self.token)
        self.account = qiscus.Account(
            self.sim, self.token, self.app, self.seed, self.history,
            self.customers, self.customers, self.lag)
        self.conf = lab.conf(self.folder + "/conf", {
            "crm " + self.token: {
                "profile": "qiscus", "url": self.sim.root,
                "account": self.app, "token": self.token,
                "hosts": "messages=" + self.sim.root,
                "history": self.history, "operators_every": 0,
                "customers": "yes" if self.customers else "no",
                "customer_phone": "yes" if self.customers else "no",
                **fixed.get("section", {}),
            },
            "poller": {"state": lab.path(self.folder + "/state"),
                       "retry_budget": "20s"},
            "aggregator": {"definition": self.definition},
        })

    def poll(self):
        """The records of a poll that must succeed."""
        return self.lab.must(["poller", "-c", self.conf]).out

    def metrics(self, records):
        done = self.lab.must(["aggregator", "-c", self.conf], stdin=records)
        tables, markers = compare.from_ndjson(done.out.decode())
        return tables, compare.parse_time(markers[0]["at"])

    def check(self, records):
        actual, as_of = self.metrics(records)
        view = self.account.look()
        expected = compare.expected_tables(
            [view.expected(as_of, self.definition)])
        wrong = []
        for table in METRICS:
            wrong += [text for _, text in compare.differences(
                table, expected[table], actual[table])]
        if wrong:
            raise AssertionError("world %d (seed %d): %d differences:\n%s" % (
                self.number, self.seed, len(wrong), "\n".join(wrong[:12])))
        return len(expected["chat_metrics"])

    def shift(self):
        """Time passes; now and then an agent comes or goes."""
        self.sim.advance(self.dice.choice((5, 60, 600, 7200)))
        if self.dice.random() < 0.5:
            self.sim.control(
                "act", do=self.dice.choice(("online", "offline")),
                operator=self.account.base + 501 +
                self.dice.randrange(self.agents), account=self.token)


def random_world(lab, number):
    w = World(lab, number)
    chats = w.check(w.poll())
    for _ in range(3):
        w.shift()
        if w.dice.random() < 0.25:
            w.sim.fault(w.dice.choice(FAULTS), count=1,
                          after=w.dice.choice((0, 1, 3, 6)))
            w.lab.run(["poller", "-c", w.conf])
            w.sim.fault("none")
        chats += w.check(w.poll())
    say("world %d: %d chats, %d calls" % (number, chats, w.sim.calls()))


def holders(records):
    """{room: agent} from a poll's records."""
    lines = (json.loads(line) for line in records.splitlines())
    return {r["chat"]: r.get("operator") for r in lines if r["type"] == "chat"}


def moving_rooms(lab):
    """Lists are read one after the other. A room that moves forward is seen
    twice, like a room of two agents in every poll, so it stays with its first
    agent until the next poll. A room that moves back is not seen at all."""
    w = World(lab, 1000001, agents=3, dialogs=40, pace=0, lag=0,
              section={"concurrency": 1})
    before = holders(w.poll())
    w.account.look()
    first, last = str(w.account.base + 501), str(w.account.base + 503)
    rooms = {who: [r for r, h in before.items() if h == who]
             for who in (first, last)}
    if not rooms[first] or not rooms[last]:
        raise AssertionError("the world has no rooms to move")
    # The lists: waiting rooms, admin, 501, 502, 503.
    room = rooms[first][0]
    w.sim.fault("room-moves", value=room, count=1, after=3,
                  route="/api/v2/customer_rooms")
    seen = holders(w.poll())
    if seen != before:
        raise AssertionError("seen twice: %s has %s" % (seen.get(room), room))
    seen = holders(w.poll())
    if seen != {**before, room: last}:
        raise AssertionError("seen once: %s has %s" % (seen.get(room), room))
    room = rooms[last][0]
    w.sim.fault("room-moves", value="-" + room, count=1, after=3,
                  route="/api/v2/customer_rooms")
    seen, asked = holders(w.poll()), w.sim.stats()["by_route"]
    if room in seen:
        raise AssertionError("held by nobody knows whom, and yet %s"
                             % seen[room])
    if asked.get("GET /api/v2/customer_rooms/{id}", 0) == 0:
        raise AssertionError("nobody asked where %s is" % room)
    w.check(w.poll())


def body():
    first = seed() % 10 ** 6
    with Lab("qiscus") as lab:
        moving_rooms(lab)
        for i in range(int(os.environ.get("WORLDS") or (60 if LONG else 3))):
            random_world(lab, first + i)
    return 0


main(body)
