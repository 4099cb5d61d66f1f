#!/usr/bin/env -S python3 -B
"""Random streams through two generations of aggregators, against the oracle.

Two aggregators read the first part of a stream, hand their states over, and
three, killed while they take over, read the rest. Then the views of the
database tell what the oracle says about the whole: nothing is lost and nothing
counts twice. Records come in time and once, because what a late one changes of
the past is lost at such a change, as the manual has it.
"""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import stream_oracle  # noqa: E402
from harness import BIN, LONG, TESTBIN, Checks, Lab, main, say, seed  # noqa: E402
from stream_oracle import nasty, row_keys, stream, stream_metrics  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", 60 if LONG else 8))
FEATURES = ("json", "words", "chatwoot", "views", "about", "repeats",
            "records", "closed_records")
PARTS = (2, 3)


class Prompt(nasty.Tenant):
    def delay(self):
        return 0


class Change(stream_oracle.Round):
    def __init__(self, lab, number):
        super().__init__(lab, number, shards=True)
        nasty.Tenant = Prompt
        self.anonymous = self.again = False
        self.long = self.dice.random() < 0.5
        self.world = nasty.Nasty(
            number, FEATURES + ("forgetting",) * self.long)
        # Nothing is written of a tenant before there is a time.
        lines = [begin(t.name) for t in self.world.tenants] \
            + self.world.lines()
        middle = self.dice.randrange(len(lines))
        self.first = lines[:middle]
        self.rest = without_known(self.first, lines[middle:])
        self.lines = self.first + self.rest
        self.data = b"\n".join(self.lines) + b"\n"
        self.name = "n%d" % number

    def topology(self, *argv):
        done = subprocess.run(
            ["scripts/topology", "-b", BIN, "-c", self.conf, "-p", self.name,
             *argv], env=self.lab.env, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError("topology %s: %s" % (argv, done.stderr))

    def publish_lines(self, lines):
        self.lab.must(
            [TESTBIN + "/tools/amqp_probe", "-p", "-b", "1", "write",
             "exchange:" + self.name], env={"MESSAGING_CONFIG": self.conf},
            stdin=b"\n".join(lines) + b"\n")

    def start_aggregators(self, generation, ending, log):
        parts = PARTS[generation - 1]
        return [self.lab.start(
            ["aggregator", "-c", self.conf, "-a", "all",
             "--every", self.dice.choice(("1ms", "20ms")),
             "-f", "queue:%s.g%d.%d%s" % (self.name, generation, i, ending),
             "-t", "queue:rows", "--part", "%d/%d" % (i, parts),
             "--generation", str(generation), "--until-empty", "--state",
             self.lab.path("states/g%d.%d" % (generation, i))], log)
            for i in range(parts)]

    def aggregate(self, generation, ending=""):
        log = self.lab.path(self.name + ".log")
        running = self.start_aggregators(generation, ending, log)
        if ending: # wherever they are in what is handed over
            time.sleep(self.dice.uniform(0, 0.2))
            for p in running:
                p.kill()
                p.wait()
                self.lab.processes.remove(p)
            running = self.start_aggregators(generation, ending, log)
        if any([p.wait(600) for p in running]):
            with open(log, encoding="utf-8", errors="replace") as f:
                raise AssertionError("aggregators: %s" % f.read()[-1000:])

    def hand_over(self):
        """Also once more, as after an error at its end."""
        for i in range(self.dice.choice((0, 0, PARTS[0]))):
            self.lab.must(
                ["aggregator", "-c", self.conf, "--export",
                 "--state", self.lab.path("states/g1.%d" % i),
                 "-t", "exchange:%s.g2.before" % self.name])
        self.topology("--retire", "1", "--states", self.lab.path("states"))

    def run(self):
        self.fresh()
        self.lab.sql("UPDATE generations SET generation = 1")
        os.makedirs(self.lab.path("states"))
        self.topology("-n", str(PARTS[0]))
        self.publish_lines(self.first)
        self.aggregate(1)
        self.topology("-n", str(PARTS[1]), "--next")
        self.hand_over()
        self.aggregate(2, ".before")
        self.publish_lines(self.rest)
        self.aggregate(2)
        self.lab.must(
            ["sink", "-c", self.ample, "-f", "queue:rows", "--until-empty"])
        wrong = list(self.wrong())
        say("SEED=%d: %d lines and %d%s" % (
            self.number, len(self.first), len(self.rest),
            ", %d differences" % len(wrong) if wrong else ""))
        return wrong

    def wrong(self):
        want = stream.expected(self.data, self.world.conf, by_hand=False)
        before = stream.expected(b"\n".join(self.first) + b"\n",
                                 self.world.conf, by_hand=False)
        unsure = changed_later(before, want) \
            | changed_meanwhile(before, self.later_messages(want))
        for table in row_keys.KEYS:
            if table in unsure:
                continue
            for sentence in self.wrong_rows(table, want):
                if not self.long or not is_of_old_messages(sentence):
                    yield sentence


    def later_messages(self, want):
        """(tenant, time, chat)"""
        return {(r["tenant"], r["at"], r["chat"])
                for r in want.accepted + want.in_snapshots
                if r["type"] == "message" and r["line"] > len(self.first)}


def changed_meanwhile(before, later):
    """The tables in which an earlier generation told of a response that may
    have been another's while some messages of its instant had not come: whose
    it was is lost then, though the end is as the beginning."""
    told = {k[:3] for k in rows_of(before, "intervals")}
    return {"response_hours", "response_histogram"} if told & later else set()


def changed_later(before, after):
    """The tables in which an earlier generation told what later records take
    back."""
    old, new = (rows_of(x, "intervals", "operator", "ms")
                for x in (before, after))
    found = set()
    if any(old[k] != new.get(k) for k in old):
        found |= {"response_hours", "response_histogram"}
    old, new = (rows_of(x, "longest_monologue", "messages")
                for x in (before, after))
    if any(new[k] < old[k] for k in old):
        found.add("longest_monologue")
    return found


def rows_of(found, table, *columns):
    """{(tenant, key...): columns}"""
    return {(name, *key[1:]): [row[c] for c in columns]
            for name, rows in found.rows.items()
            for key, row in rows.items() if key[0] == table}


def is_of_old_messages(sentence):
    """Those older than the window are not handed over."""
    return "participant_count is" in sentence or (
        " user_stats " in sentence and "active_conversations is" in sentence)


def begin(tenant):
    return json.dumps({
        "type": "event", "tenant": tenant, "id": "begin", "event": "begin",
        "at": stream.records.shown(nasty.START)}).encode()


def event_of(line):
    """(tenant, id) of an event; else None."""
    if b'"event"' not in line:
        return None
    r = json.loads(line, parse_float=str)
    return (r["tenant"], str(r["id"])) if r["type"] == "event" else None


def without_known(before, lines):
    """Identities of events are not handed over."""
    known = {event_of(line) for line in before} - {None}
    return [line for line in lines if event_of(line) not in known]


def body():
    first = seed() % 10 ** 8
    checks = Checks()
    with Lab("generations") as lab:
        lab.start_servers(private=True)
        conf = lab.conf("conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        # What --retire says in the database is to stay, whatever the defaults
        # of sessions are.
        lab.sql("SET GLOBAL init_connect = "
                "'SET autocommit = 0, sql_select_limit = 1'")
        for number in range(first, first + ROUNDS):
            change = Change(lab, number)
            wrong = change.run()
            if not checks.that(not wrong, "SEED=%d" % number):
                for sentence in wrong[:10]:
                    say("  " + sentence)
    return checks.result()


main(body)
