#!/usr/bin/env -S python3 -B
"""A stream while everything is killed: the generator sends at a steady rate,
aggregator and sink are killed with -9 every few seconds, broker and database
occasionally. Afterwards, the tables contain exactly what a count of the records
gives: nothing lost, nothing counted twice, nothing else; and for operators and
chats the rows that the aggregator computes from the same records in a terminal.
Then the same stream is sent again, and nothing changes. LONG=1: ten
minutes at 5,000 messages a second. SEED=N repeats one.
"""

import os
import random
import time


import tables
from harness import LONG, Checks, Lab, main, say, seed
from streamlib import IN, ROWS, House, Totals, by_hand, in_tables

SECONDS = 600 if LONG else 24
RATE = 5000 if LONG else 1500
CALM = (1.0, 4.0) # seconds between two kills
PATIENCE = 600 if LONG else 90
METRICS = ("operators,chats,tenant,events,messages,views,conversations,users,"
           "channels")
OLDER_WAITS = ("SELECT COUNT(*) FROM operator_metrics o JOIN tenant_metrics t "
               "USING (tenant) WHERE o.waiting_chats > 0 AND o.as_of < t.as_of")
# Values that must be the same after the stream was sent twice.
FIXED = {
    "messages": "tenant, created_at, conversation_id, message_id, sender_id, "
                "content",
    "message_views": "tenant, viewed_at, message_id, user_id",
    "conversation_metrics": "tenant, conversation_id, message_count, "
                            "participant_count, created_at, last_message_at",
    "user_stats": "tenant, user_id, message_count, active_conversations, "
                  "last_active",
    "event_counts": "tenant, user, event, count",
    "channel_metrics": "tenant, channel, hour, messages",
}


class Soak:
    def __init__(self, lab, number):
        self.lab = lab
        self.checks = Checks()
        self.dice = random.Random(number)
        self.world = ["-n", RATE * SECONDS, "--seed", number % 1000000,
                      "--late", "300", "--duplicates", "20000",
                      "--chats", max(1000, RATE * SECONDS // 50)]
        self.house = House(lab, private=True)
        self.kills = {"aggregator": 0, "sink": 0, "rabbitmq": 0, "mariadb": 0}

    def start(self, name):
        if name == "aggregator":
            self.house.aggregator(metrics=METRICS)
        elif name == "sink":
            self.house.sink()
        else:
            self.lab.servers("start", name)

    def kill(self, name):
        self.kills[name] += 1
        if name in self.house.running:
            self.house.kill(name)
        else:
            self.lab.servers("kill", name)
        self.start(name)
        if name == "mariadb":
            self.house.reconnect()

    def victims(self):
        """An endless sequence of programs to kill; a server every tenth
        time."""
        while True:
            few = ["aggregator", "sink"] * 4
            self.dice.shuffle(few)
            yield from few
            yield self.dice.choice(["rabbitmq", "mariadb"])

    def storm(self):
        for name in ("sink", "aggregator"):
            self.start(name)
        load = self.house.load(
            *self.world, "--rate", RATE, wait=False)
        victims = self.victims()
        while load.poll() is None:
            time.sleep(self.dice.uniform(*CALM))
            self.house.check_alive()
            self.kill(next(victims))
        self.checks.that(load.returncode == 0,
                         "the generator: " + self.house.log("load")[-500:])
        say("killed: " + ", ".join(f"{k} {n}" for k, n in self.kills.items()))
        for name in ("aggregator", "sink"):
            self.checks.that(self.kills[name] >= SECONDS // 12,
                             f"{name} was killed too rarely")

    def calm(self, totals):
        """Both programs write their remaining data, then end. Waits are
        included: an aggregator stopped while its broker is unavailable leaves
        the newest to the next run."""
        def done():
            n = self.house.sql.number
            return (n("SELECT COUNT(*) FROM messages") >= totals.messages
                    and n(OLDER_WAITS) == 0
                    and self.house.queue_rests(IN, ROWS))

        try:
            self.house.rest(PATIENCE, done)
        except AssertionError as e:
            self.checks.that(False, str(e)) # then report what is missing
        code = self.house.stop("aggregator")
        self.checks.that(code == 0, f"aggregator: exit {code}: "
                         + self.house.log("aggregator")[-500:])
        self.house.rest(PATIENCE, lambda: self.house.queue_rests(ROWS))

    def compare(self, totals, hand):
        sql = self.house.sql
        totals.compare(self.checks, sql)
        there = in_tables(sql)
        for table, want in hand.items():
            for d in tables.differences(table, want, there[table]):
                self.checks.that(False, d)
            self.checks.that(len(want) > 0, f"{table} is empty")

    def late(self, totals):
        """All late records are dead letters, and nothing else is. After a kill,
        a record may be there twice."""
        ids = self.house.dead_ids(IN)
        self.checks.that(len(ids) == totals.late,
                         f"dead letters: {len(ids)} of {totals.late}")
        self.checks.that(totals.late > 0, "none was too late")
        if self.house.dead_ids(ROWS):
            self.checks.that(False, "the sink has dead letters, one is: "
                             + self.house.letter)
        else:
            self.checks.that(True, "")

    def fixed(self):
        return {
            t: self.house.sql.ask(
                f"SELECT COUNT(*), SUM(CRC32(CONCAT_WS('|', {c}))) FROM {t}")
            for t, c in FIXED.items()
        }

    def replay(self, totals):
        before, rows = self.fixed(), in_tables(self.house.sql)
        self.start("aggregator")
        self.house.load(*self.world)
        self.calm(totals)
        after = self.fixed()
        for table in FIXED:
            self.checks.that(before[table] == after[table],
                             f"{table} changed when the stream came again: "
                             f"{before[table]}, {after[table]}")
        there = in_tables(self.house.sql)
        for table, want in rows.items():
            for d in tables.differences(table, want, there[table]):
                self.checks.that(False, "replayed: " + d)

    def run(self):
        path, kept = self.lab.path("stream"), self.lab.path("kept")
        self.house.load(*self.world, "-t", path)
        totals = Totals(path, kept)
        hand = by_hand(self.lab, kept)
        os.unlink(path)
        os.unlink(kept)
        self.storm()
        self.calm(totals)
        self.compare(totals, hand)
        self.late(totals)
        say("replaying")
        self.replay(totals)
        return self.checks.result()


def body():
    number = seed()
    with Lab("soak") as lab:
        return Soak(lab, number).run()


main(body)
