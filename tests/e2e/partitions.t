#!/usr/bin/env -S python3 -B
"""Metrics in parts: the views add up the rows of several aggregators, and show
the same as one aggregator over everything, from files and from queues behind
an exchange, through which a poller sends its snapshots. stream_oracle.t kills
aggregators of parts.
"""

import json

import partitions
from harness import BIN, PROBE, TESTBIN, TOKEN, Checklist, run_checks, seed

METRICS = ("operators,tenant,events,users,activity,alerts,trends,channels,"
           "chats,conversations,messages")
KEYS = {"message": ["chat"], "view": ["chat", "message"],
        "event": ["chat", "user"], "chat": ["chat"], "row": ["chat"]}


def split(lines, n):
    """Distributes each chat's records over N files by its bucket; records for
    all go to each."""
    parts = [[] for _ in range(n)]
    for line in lines:
        r = json.loads(line)
        if r["type"] in KEYS:
            key = next((str(r[k]) for k in KEYS[r["type"]] if k in r), "")
            parts[partitions.bucket(r["tenant"], key) % n].append(line)
        else:
            for part in parts:
                part.append(line)
    return parts


def listed_in(snapshots):
    """The chats that a CRM listed as not closed."""
    return {r["chat"] for r in map(json.loads, snapshots)
            if r["type"] == "chat" and r["status"] != "closed"}


class Database:
    """A separate database for each way to the same metrics."""

    def __init__(self, lab, checks, name):
        self.lab, self.checks, self.files = lab, checks, 0
        self.name = f"{lab.database}_{name}"
        self.env = {"MYSQL_URL": lab.own_database(self.name)}
        self.run(["sink", "--migrate"])

    def run(self, argv, **kw):
        return self.lab.must(argv, env=self.env, **kw).out.decode()

    def sql(self, statement):
        return self.lab.sql(f"USE {self.name}; {statement}")

    def store(self, rows=None):
        self.run(["sink", "-f", "-"] if rows else [
            "sink", "-f", "queue:rows", "--until-empty"],
            stdin=(rows or "").encode())

    def viewed(self):
        """Writes the rows of the views and of the tables of chats and messages
        to a file."""
        columns = self.sql(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND (table_name LIKE '%\\_all' OR "
            "table_name IN ('chat_metrics', 'messages')) "
            "ORDER BY table_name, ordinal_position")
        self.files += 1
        return self.lab.write(f"{self.name}.{self.files}", "".join(
            "\t".join(row) + "\n"
            for row in self.sql("; ".join(partitions.statements(columns)))))

    def shown(self):
        """The displayed rows, without times and values from buckets, which
        viewed() covers."""
        tenants = self.run(["scripts/tenant", "list", "-o", "csv"])
        return self.sql(
            "SELECT tenant, operator, name, available, open_chats, "
            "waiting_chats, longest_wait_seconds, responses, "
            "avg_response_seconds, avg_first_response_seconds "
            "FROM operator_metrics_all ORDER BY tenant, operator") + \
            self.sql("SELECT tenant, operator_id, operator_name, dialog_id, "
                     "opened_dialogs, client, status_tag FROM reports "
                     "ORDER BY tenant, dialog_id") + \
            [[*x.split(",")[:1], *x.split(",")[3:]]
             for x in tenants.splitlines()]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.env["MESSAGING_BIN"] = BIN
        lab.env["MESSAGING_CONFIG"] = lab.conf("conf", {
            "amqp": {"prefetch": 20, "wait_timeout": "90s"}})

    def database(self, name):
        return Database(self.lab, self, name)

    def aggregate(self, lines, *options, metrics=METRICS):
        return self.lab.must(
            ["aggregator", "-a", metrics, "-o", "ndjson", *options],
            stdin="".join(x + "\n" for x in lines).encode()).out.decode()

    def same(self, want, got, what):
        self.that(partitions.same(want, got) == 0,
                  f"{what}: the parts do not add up to the whole")

    def same_shown(self, want, got, what):
        self.that(want == got, f"{what}: readers see others: "
                  f"{[x for x in got if x not in want][:3]}")

    def whole(self):
        self.records = self.lab.must(
            [TESTBIN + "/load", "-n", 12000, "--chats", 500, "--users", 150,
             "--tenants", 2, "--gap", 700, "--late", 0, "--seed", seed()
             % 32768]).out.decode().splitlines()
        one = self.database("one")
        one.store(self.aggregate(self.records))
        self.want, self.want_shown = one.viewed(), one.shown()
        self.that(len(self.want_shown) > 100, "too little is shown")

    def halves_of_a_file(self):
        db = self.database("halves")
        for i, half in enumerate(split(self.records, 2)):
            db.store(self.aggregate(half, "--part", f"{i}/2"))
        self.same(self.want, db.viewed(), "two halves of a file")
        self.same_shown(self.want_shown, db.shown(), "two halves of a file")
        # Rows from before sharding, and a switch before the first new shard.
        db.sql("""
            INSERT INTO operator_metrics (tenant, operator, name, open_chats,
                as_of) SELECT tenant, operator, 'of before', 99, MAX(as_of)
                FROM operator_metrics_parts GROUP BY tenant, operator;
            INSERT INTO operator_metrics (tenant, operator, name, as_of)
                SELECT tenant, 'gone', 'of before', as_of
                FROM tenant_metrics_parts WHERE part = 0;
            INSERT INTO tenant_metrics (tenant, open_chats, as_of)
                SELECT tenant, 99, as_of FROM tenant_metrics_parts
                WHERE part = 0""")
        self.same_shown(self.want_shown, db.shown(), "rows of before the parts")
        db.sql("UPDATE generations SET generation = 2")
        self.same_shown(self.want_shown, db.shown(), "a switch before its rows")

    def start(self, queue, state, *options):
        """Starts an aggregator, which ends when its queue is empty."""
        return self.lab.start(
            ["aggregator", "-f", "queue:" + queue, "-t", "queue:rows",
             "--every", "20ms", "-a", METRICS, "--state", self.lab.path(state),
             "--until-empty", *options], self.lab.path(state + ".log"))

    def count(self, parts, prefix="records", generation=1):
        """Runs one aggregator per shard until its queue is empty."""
        states = [f"{prefix}.{i}" if generation == 1 else f"{prefix}.new.{i}"
                  for i in range(parts)]
        running = [self.start(
            f"{prefix}.g{generation}.{i}", state, "--part", f"{i}/{parts}",
            "--generation", generation) for i, state in enumerate(states)]
        for p, state in zip(running, states):
            self.equal(p.wait(), 0, self.lab.text(state + ".log"))

    def _poll(self):
        """Sends a snapshot through the exchange; returns its lines."""
        self.ends(self.lab.run(["poller", "--state", self.lab.path("crm"), "-t",
                                "exchange:records"]), 0, "", "a poll")
        return self.lab.take("tee")

    def each_bucket(self, lines):
        """A snapshot has all buckets, including empty ones."""
        begun, ended = [], {}
        for r in map(json.loads, lines):
            if r["type"] == "snapshot" and r["state"] == "begin":
                begun.append(r["bucket"])
            elif r["type"] == "snapshot":
                self.that(r["bucket"] not in ended, f"again: {r}")
                ended[r["bucket"]] = r["records"]
        self.equal(sorted(begun), list(range(65)), "begun")
        self.equal(sorted(ended), list(range(65)), "ended")
        self.that(sum(ended.values()) > 500 and 0 in ended.values(), ended)

    def queues(self):
        """Snapshots of a poller, between which chats are closed, and a stream:
        two shards behind an exchange show the same as one aggregator that gets
        each snapshot in one piece. A file with parts is refused."""
        lab, db = self.lab, self.database("queues")
        db.run(["scripts/topology", "-n", "2"])
        # The queue tee gets everything that is published, once.
        lab.must(["aggregator", "--declare"], stdin=b"queue tee\n"
                 b"bind records tee all\nbind records.all tee all\n")
        sim = lab.sim("--dialogs", 60, "--messages", 900, "--operators", 5,
                      "--speed", 0)
        lab.env.update(CRM_URL=sim.url, CRM_TOKEN=TOKEN, CRM_TENANT="acme")
        polled = self._poll()
        self.each_bucket(polled)
        done = lab.run(["aggregator"], stdin="".join(
            x + "\n" for x in polled).encode())
        self.ends(done, 65, "is in parts, which only an aggregator behind a "
                  "queue can read; all of it is ignored")
        closed = list(sim.open_dialogs())[:3]
        sim.advance(2)
        for chat in closed:
            sim.control("act", do="close", dialog=chat)
        polled += self._poll()
        # A closing in the second of a poll that listed the chat appears in the
        # poll after the next one.
        last = self._poll()
        polled += last
        seen, listed = listed_in(polled), listed_in(last)
        for name in "CRM_URL", "CRM_TOKEN", "CRM_TENANT":
            del lab.env[name]
        self.publish(self.records, "records", 3000)
        self.count(2)
        db.store()
        left = db.sql("SELECT chat FROM chat_metrics WHERE tenant = 'acme' AND "
                      "status = 'left' ORDER BY chat")
        self.equal({chat for chat, in left}, seen - listed, "chats that left")
        self.that(len(left) >= 3, "too few chats were closed")
        lab.put("whole", [*partitions.plain(polled), *self.records])
        self.equal(self.start("whole", "whole").wait(), 0,
                   lab.text("whole.log"))
        one = self.database("whole")
        one.store()
        self.same(one.viewed(), db.viewed(), "two queues")
        self.same_shown(one.shown(), db.shown(), "two queues")
        # A state belongs to one shard.
        for options, is_not in (
                (["--part", "1/2", "--generation", "1"], "part 1/2 "),
                (["--part", "0/3", "--generation", "1"], "part 0/3 "),
                ([], "one alone")):
            self.ends(self.lab.run(
                ["aggregator", "-f", "queue:records.g1.0", "-t", "queue:rows",
                 "--every", "20ms", "--state", self.lab.path("records.0"),
                 "--until-empty", *options]), 78,
                f"belongs to part 0/2 of generation 1, not to {is_not}")
        for wrong in ("2/2", "0/65", "-1/2", "1", "x/y"):
            self.ends(self.lab.run(["aggregator", "--part", wrong]), 64,
                      None, wrong)

    def another_number(self):
        """From two shards to three in the middle, with new states: rows that do
        not depend on an aggregator's past stay the same."""
        records = self.lab.must(
            [TESTBIN + "/load", "-n", 6000, "--chats", 300, "--users", 100,
             "--tenants", 2, "--gap", 700, "--late", 0, "--latecomers", 0,
             "--duplicates", 0, "--seed",
             seed() % 32768]).out.decode().splitlines()

        def sums(db):
            return [db.sql(f"SELECT tenant, {keys}, {count} FROM {table}_all "
                           "ORDER BY 1, 2, 3") for table, keys, count in (
                ("channel_metrics", "hour, channel", "messages"),
                ("user_stats", "user_id", "message_count"),
                ("conversation_metrics", "conversation_id", "message_count"))]

        one = self.database("ungrown")
        one.store(self.aggregate(records))
        db, middle = self.database("grown"), len(records) // 2
        change = ["scripts/topology", "-p", "grown", "-n"]
        db.run(change + ["2"])
        self.publish(records[:middle], "grown", 3000)
        # Messages in the old queues prevent the change.
        self.ends(self.lab.run(change + ["3"], env=db.env), 75,
                  "is not empty; let its consumer finish, then try again")
        self.count(2, "grown")
        db.run(change + ["3"])
        self.equal(db.sql("SELECT generation, parts FROM generations"),
                   [["2", "3"]], "the generation")
        self.publish(records[middle:], "grown", 3000)
        self.count(3, "grown", generation=2)
        db.store()
        self.that(all(len(x) > 3 for x in sums(one)), "too few sums")
        for want, got in zip(sums(one), sums(db)):
            self.equal(got, want, "after the change")

    def publish(self, lines, exchange, each=100):
        self.lab.must([PROBE, "-p", "-b", each, "write", "exchange:" + exchange],
                      stdin="".join(x + "\n" for x in lines).encode())


run_checks(Test)
