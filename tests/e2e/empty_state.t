#!/usr/bin/env -S python3 -B
"""With keep_state = local, an aggregator that lost its state begins again:
nothing freezes, the coverage begins with the new state, and a replay restores
the counts. A state that moves to the database is written there whole, and may
not become local again.
"""

import json
import shutil

from harness import Checks, Lab, main, say
from streams import Flow


def message(n, at, sender="customer"):
    return json.dumps({"type": "message", "tenant": "acme", "id": str(n),
                       "chat": "c", "from": sender, "user": "u-" + sender,
                       "at": f"2026-11-20T{at}Z"})


FIRST = [message(1, "10:00:00"), message(2, "10:01:00", "operator"),
         message(3, "10:02:00")]
COVERED = json.dumps({"type": "coverage", "tenant": "acme", "kind": "counts",
                      "begin_at": "2026-11-20T09:00:00Z", "end_at":
                      "2026-11-20T12:40:00Z", "source": "poll"})
LATER = [message(4, "12:30:00"), message(5, "13:10:00", "operator")]
LAST = [message(6, "13:20:00")]


class World:
    def __init__(self, lab, checks):
        self.lab, self.checks = lab, checks
        self.flow = Flow(lab, "all")

    def store(self, lines):
        self.flow.put(lines)
        self.lab.must(self.flow.argv("--until-empty"))
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])

    def lose(self):
        shutil.rmtree(self.flow.state)

    def counts(self):
        """Counts of the customer, and messages by hour."""
        return (int(self.lab.sql("SELECT message_count FROM user_stats "
                                 "WHERE user_id = 'u-customer'")[0][0]),
                {str(hour)[11:13]: int(n) for hour, n in self.lab.sql(
                    "SELECT hour, messages FROM channel_metrics")})

    def are(self, user, hours, when):
        got = self.counts()
        self.checks.that(got == (user, hours), f"{when}: {got}")


def lost_state(world):
    say("- counts of a lost state begin again, and none freezes")
    world.store(FIRST)
    world.are(2, {"10": 3}, "at first")
    world.lose()
    world.store([*LATER[:1], COVERED])
    world.are(1, {"10": 3, "12": 1}, "after the loss")
    world.checks.equal([str(begin)[11:] for begin, in world.lab.sql(
        "SELECT begin_at FROM coverage WHERE kind = 'counts'")],
        ["12:30:00.000"], "the beginning of complete counts")
    world.store(LATER[1:] + LAST)
    world.are(2, {"10": 3, "12": 1, "13": 2}, "later")

    say("- a replay restores the counts")
    world.lose()
    world.store(FIRST + LATER + LAST)
    world.are(4, {"10": 3, "12": 1, "13": 2}, "replayed")


def moved_state(world, lab, checks):
    """As a daemon does, the runs say that the database has the state; they need
    a sink."""
    say("- a local state moves to the database")
    sink = lab.start(["sink", "-f", "queue:rows"], lab.path("sink.log"))
    run = world.flow.argv("--until-empty", "--keep-state")
    lab.must([*run, "database"])
    checks.equal(len(lab.sql("SELECT * FROM stream_heads")), 1, "its head")
    world.lose()
    world.flow.put([message(7, "13:30:00")])
    lab.must([*run, "database"])
    world.are(5, {"10": 3, "12": 1, "13": 3}, "from the database")

    say("- and stays there")
    world.flow.put([message(8, "13:40:00")])
    lab.must([*run, "auto"])
    world.are(6, {"10": 3, "12": 1, "13": 4}, "without being asked")
    world.lose()
    world.flow.put([message(9, "13:50:00")])
    lab.must([*run, "auto"])
    world.are(7, {"10": 3, "12": 1, "13": 5}, "in an empty folder")
    checks.that(not world.flow.get(), "the sink has read all rows")
    refused = [*run, "local"], ["aggregator", "-f", "queue:records", "-t", "-",
                                "--state", world.flow.state, "--keep-state",
                                "auto", "--until-empty"]
    for argv in refused:
        checks.ends(lab.run(argv), 78, "is kept in the database.*"
                    "keep_state = database.*remove '.*/stream.mdb'", argv)
    sink.terminate()
    checks.equal(sink.wait(60), 0, "the sink")


def body():
    checks = Checks()
    with Lab("empty") as lab:
        lab.start_servers("rabbitmq", "mariadb")
        lab.must(["sink", "--migrate"])
        world = World(lab, checks)
        lost_state(world)
        moved_state(world, lab, checks)
    return checks.result()


main(body)
