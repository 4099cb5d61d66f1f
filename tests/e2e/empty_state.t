#!/usr/bin/env -S python3 -B
"""An aggregator that lost its state does not replace earlier counts. The sink
reports this in one line, also after a restart; counts of later hours and the
present state are stored. A replay restores the counts, as does the old state,
and without the tenant's row they begin from 0.
"""

import json
import os
import shutil

from harness import Checks, Lab, main, say
from streams import Flow

LOST = "begins at 2026-11-20T12:30:00.000Z, but stored rows go up to"


def message(n, at, sender="customer"):
    return json.dumps({"type": "message", "tenant": "acme", "id": str(n),
                       "chat": "c", "from": sender, "user": "u-" + sender,
                       "at": f"2026-11-20T{at}Z"})


FIRST = [message(1, "10:00:00"), message(2, "10:01:00", "operator"),
         message(3, "10:02:00")]
LATER = [message(4, "12:30:00"), message(5, "13:10:00", "operator")]


class World:
    def __init__(self, lab, checks):
        self.lab, self.checks = lab, checks
        self.flow = Flow(lab, "all")

    def store(self, lines):
        """Stores lines; returns the sink's messages."""
        self.flow.put(lines)
        done = self.lab.must(self.flow.argv("--until-empty"))
        self.checks.that("state was lost" not in done.err, done)
        return self.lab.must(["sink", "-f", "queue:rows", "--until-empty"]).err

    def lose(self):
        shutil.rmtree(self.flow.state)

    def empty(self):
        for table in ("tenant_metrics", "user_stats", "channel_metrics",
                      "conversation_metrics", "chat_metrics"):
            self.lab.sql(f"DELETE FROM {table}")
        if os.path.exists(self.flow.state):
            self.lose()

    def counts(self):
        """Counts of the customer, and messages by hour."""
        return (int(self.lab.sql("SELECT message_count FROM user_stats "
                                 "WHERE user_id = 'u-customer'")[0][0]),
                {str(hour)[11:13]: int(n) for hour, n in self.lab.sql(
                    "SELECT hour, messages FROM channel_metrics")})

    def are(self, user, hours, when):
        got = self.counts()
        self.checks.that(got == (user, hours), f"{when}: {got}")


def lost(world):
    world.empty()
    said = world.store(FIRST)
    world.checks.that("state was lost" not in said, said)
    world.are(2, {"10": 3}, "at first")
    kept = world.flow.state + ".kept"
    shutil.copytree(world.flow.state, kept)
    world.lose()
    said = world.store(LATER[:1])
    world.checks.that(said.count("state was lost") == 1 and LOST in said, said)
    world.are(2, {"10": 3}, "in the hour of the loss")
    said = world.store(LATER[1:])
    world.checks.that(said.count("state was lost") == 1, said)
    world.are(2, {"10": 3, "13": 1}, "in the hour behind it")
    return kept


def body():
    checks = Checks()
    with Lab("empty") as lab:
        lab.start_servers("rabbitmq", "mariadb")
        lab.must(["sink", "--migrate"])
        world = World(lab, checks)
        say("- counts of a lost state are kept")
        kept = lost(world)
        open_chats = lab.sql("SELECT last_message_at FROM chat_metrics")
        checks.that("13:10:00" in str(open_chats), open_chats)

        say("- the state is put back")
        world.lose()
        shutil.move(kept, world.flow.state)
        said = world.store(LATER)
        checks.that("state was lost" not in said, said)
        world.are(3, {"10": 3, "12": 1, "13": 1}, "put back")

        say("- a replay restores the counts")
        shutil.rmtree(lost(world))
        world.lose()
        said = world.store(FIRST + LATER)
        checks.that("state was lost" not in said, said)
        world.are(3, {"10": 3, "12": 1, "13": 1}, "replayed")

        say("- without the tenant's row they begin from 0")
        shutil.rmtree(lost(world))
        lab.sql("DELETE FROM tenant_metrics")
        said = world.store([message(6, "14:00:00"),
                            message(7, "14:00:01")])
        checks.that("state was lost" not in said, said)
        world.are(3, {"10": 3, "13": 1, "14": 2}, "from 0")
    return checks.result()


main(body)
