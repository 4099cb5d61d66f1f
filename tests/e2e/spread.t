#!/usr/bin/env -S python3 -B
"""Snapshots through an exchange: three aggregators of a stream, killed at any
moment, store the same rows as one aggregator with the same snapshots in one
piece.
"""

import json
import random
import time

import partitions
from harness import BIN, TOKEN, Checklist, run_checks, seed, until
from streams import Flow

METRICS = ("operators,chats,tenant,messages,conversations,users,channels,"
           "activity,histograms")
PARTS = 3
QUEUES = [f"records.g1.{i}" for i in range(PARTS)]


def of_type(kind, lines):
    return [r for r in map(json.loads, lines) if r["type"] == kind]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        self.flow = Flow(lab, METRICS)
        lab.env["MESSAGING_CONFIG"] = lab.conf("amqp.conf", {
            "amqp": {"prefetch": 20, "wait_timeout": "90s"}})
        self.sim = lab.sim("--dialogs", 60, "--messages", 900, "--operators", 5,
                           "--speed", 0)
        lab.env.update(CRM_URL=self.sim.url, CRM_TOKEN=TOKEN, CRM_TENANT="acme")
        lab.must(["sink", "--migrate"])
        lab.must(["scripts/topology", "-b", BIN, "-n", str(PARTS)])
        # The queue tee gets everything that is published, once.
        lab.must(["aggregator", "--declare"], stdin=b"queue tee\n"
                 b"bind records tee all\nbind records.all tee all\n")

    def poll(self, *options):
        self.ends(self.lab.run(
            ["poller", *options, "-t", "exchange:records"]), 0, "", "a poll")
        return self.flow.get("tee")

    def _poll_with_state(self):
        return self.poll("--state", self.lab.path("crm"))

    def part(self, i):
        """The command of a shard's aggregator."""
        return self.flow.argv(
            "--part", f"{i}/{PARTS}", "--generation", "1", every="10ms",
            queue=QUEUES[i], state=self.lab.path(f"part.{i}"))

    def _finish(self):
        """Stores everything that is left in the queues."""
        for i, queue in enumerate(QUEUES):
            # Until the broker notices that a killed reader is gone, its queue
            # looks empty.
            until(60, lambda q=queue: self.lab.in_queue(q, "checked_out") == 0,
                  "what killed readers had to be ready again")
            self.lab.must([*self.part(i), "--until-empty"])
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])

    def viewed(self, name):
        """Writes the rows of the views and of the tables of chats and messages
        to a file."""
        columns = self.lab.sql(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND (table_name LIKE '%\\_all' OR "
            "table_name IN ('chat_metrics', 'messages')) "
            "ORDER BY table_name, ordinal_position")
        return self.lab.write(name, "".join(
            "\t".join(row) + "\n" for row in self.lab.sql(
                "; ".join(partitions.statements(columns)))))

    def _left(self):
        return int(self.lab.sql("SELECT COUNT(*) FROM chat_metrics WHERE "
                                "status = 'left'")[0][0])

    def each_bucket(self):
        """A snapshot has all buckets, including empty ones."""
        self.first = self._poll_with_state()
        begun, ended = [], {}
        for r in of_type("snapshot", self.first):
            if r["state"] == "begin":
                begun.append(r["bucket"])
            else:
                self.that(r["bucket"] not in ended, f"again: {r}")
                ended[r["bucket"]] = r["records"]
        self.equal(sorted(begun), list(range(65)), "begun")
        self.equal(sorted(ended), begun and sorted(begun), "ended")
        self.that(sum(ended.values()) > 500 and 0 in ended.values(), ended)
        self._finish()
        self.equal(self._left(), 0, "chats that left")

    def rows_of(self, lines):
        return self.lab.run(["aggregator", "-o", "ndjson", "-a", METRICS],
                            stdin="".join(x + "\n" for x in lines).encode())

    def in_one_place(self):
        """A partial snapshot in a file is refused, not taken for a small
        one."""
        self.plain = list(partitions.plain(self.first))
        messages = of_type("message", self.rows_of(
            self.plain).out.decode().splitlines())
        self.that(len(messages) > 500, "messages are not passed on")
        self.that(not any("snapshot" in r for r in messages),
                  "messages belong to a snapshot")
        self.ends(self.rows_of(self.first), 65, "is in parts, which "
                  "only an aggregator behind a queue can read; all of "
                  "it is ignored")

    def killed(self):
        """While chats go on and are closed."""
        chats = [r["chat"] for r in of_type("chat", self.plain)]
        dice, rest = random.Random(seed()), []
        seen = set(chats)
        for _ in range(5):
            daemons = [self.lab.start(self.part(i)) for i in range(PARTS)]
            # A closing in the second of a poll that listed the chat appears in
            # the poll after the next one.
            self.sim.advance(2)
            for chat in chats[:3]:
                self.sim.control("act", do="close", dialog=chat)
            self.sim.control("act", do="client", dialog=chats[3])
            self.sim.control("act", do="answer", dialog=chats[4])
            del chats[:3]
            polled = self._poll_with_state()
            listed = {r["chat"] for r in of_type("chat", polled)
                      if r["status"] != "closed"}
            seen |= listed
            rest += polled
            time.sleep(dice.random() / 10) # a random moment
            for daemon in daemons:
                daemon.kill()
                daemon.wait()
        self._finish()
        self.that(len(seen - listed) > 10, "too few chats were closed")
        self.equal(self._left(), len(seen - listed), "chats that left")
        self.equal([self.flow.get(q + ".dead") for q in QUEUES], [[]] * PARTS,
                   "dead letters")
        self.all = self.plain + list(partitions.plain(rest))
        self.got = self.viewed("got")
        self.stored = sorted(map(tuple, self.lab.sql(
            "SELECT conversation_id, message_id, version FROM messages")))

    def one_aggregator(self):
        """It gets the same snapshots in one piece, and stores the same rows."""
        for name, in self.lab.sql(
                "SELECT table_name FROM information_schema.tables WHERE "
                "table_schema = DATABASE() AND table_type = 'BASE TABLE' AND "
                "table_name NOT IN ('schema_migrations', 'generations', "
                "'metric_settings')"):
            self.lab.sql(f"TRUNCATE TABLE {name}")
        self.flow.put(self.all)
        self.flow.run("-q")
        self.lab.must(["sink"], stdin="".join(
            x + "\n" for x in self.flow.rows).encode())
        self.that(partitions.same(self.viewed("want"), self.got) == 0,
                  "the parts do not add up to the whole")

    def messages_once(self):
        """A message that a later poll shows again is not written again."""
        want = sorted({(r["chat"], r["id"], "0")
                       for r in of_type("message", self.all)})
        self.equal(self.stored == want, True, "the messages are stored")
        self.equal(len(of_type("message", self.flow.rows)), len(want),
                   "messages written")


run_checks(Test)
