"""stream_rounds: a random stream through queues, with kills, and the comparison
of all tables with the oracle, for stream_oracle.t and state.t.
"""

import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from decimal import Decimal

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import compare  # noqa: E402
import dues  # noqa: E402
import nasty  # noqa: E402
import row_keys  # noqa: E402
import stream  # noqa: E402
import stream_metrics  # noqa: E402
from harness import PROBE, say  # noqa: E402
from rollup_sums import difference, read_sums, sums_of_rows  # noqa: E402

SAID_AGAIN = ("snapshots", "snapshot_texts", "forgetting") # the exceptions
KEPT = ("schema_migrations",)
HISTORY = {
    "messages": ("tenant", "conversation_id", "message_id", "created_at",
                 "sender", "sender_id", "receiver_id", "operator", "channel",
                 "message_type", "private", "automated", "content",
                 "version", "data"),
    "message_views": ("tenant", "viewed_at", "message_id", "user_id",
                      "conversation_id"),
    "message_analytics": ("tenant", "id", "created_at", "message_id",
                          "conversation_id"),
    "events": ("tenant", "id", "event_type", "user_id", "event_data"),
}


def is_nothing(table, row):
    if table == "chat_metrics":
        return row["status"] == "left"
    return row_keys.is_zero(table, row)


def with_times(lines):
    """Gives each event without a time one. Such an event is recognised by its id
    for a window after the newest record; a kill makes the broker deliver lines
    again that are hours older here."""
    newest = {}
    for line in lines:
        try:
            r = json.loads(line)
            tenant, at = r["tenant"], r.get("at")
        except (ValueError, KeyError, TypeError):
            r = None
        if not isinstance(r, dict) or r.get("type") not in ("event", "message"):
            yield line
        elif at is not None:
            if r["type"] == "message" and str(at).endswith("000Z"):
                newest[tenant] = max(at, newest.get(tenant, ""))
            yield line
        elif r["type"] == "event" and tenant in newest:
            yield json.dumps({**r, "at": newest[tenant]}).encode()
        else:
            yield line


class Round:
    # The last run of the aggregator ends before that of the sink begins.
    keeps = "local"

    def __init__(self, lab, number):
        self.lab, self.number = lab, number
        self.dice = random.Random(number)
        self.anonymous = self.dice.random() < 0.5
        self.again = self.anonymous and self.dice.random() < 0.5
        change = random.Random(f"change {number}")
        # Kills until the hours change; 0: they stay.
        self.change_after = change.choice((0, change.randint(1, 5)))
        # --since has no years before 2000.
        without = (SAID_AGAIN if self.again else ()) + (
            ("years",) if self.change_after else ())
        self.world = nasty.Nasty(number, [
            f for f in stream_metrics.features((*nasty.EVERY, "hours"))
            if f not in without], stored=True)
        self.lines = list(with_times(self.world.lines()))
        self.data = b"\n".join(self.lines) + b"\n"
        self.to = "queue:rows"
        self.running = {}

    def other_terms(self):
        """The hours and targets before the change."""
        return dues.random_for(
            f"{self.number} before", dues.day_of(nasty.START),
            [t.name for t in self.world.tenants], ["web"])

    def settings(self, terms):
        conf = "[amqp]\nwait_timeout = 30s\n" + stream_metrics.configuration(
            dict(self.world.conf, terms=terms)).replace(
                "[aggregator]\n", "[aggregator]\nrefresh = 100ms\n"
                "keep_state = %s\n" % self.keeps)
        # For the sink at the end of a round: with a transaction per message, a
        # long stream takes ten minutes on a busy machine.
        self.ample = self.lab.write("conf.ample", conf)
        return self.lab.write("conf", conf.replace(
            "[amqp]\n", "[amqp]\nprefetch = %d\n" % self.prefetch))

    def change(self):
        """Other hours and targets."""
        self.conf = self.settings(self.world.conf["terms"])
        for name in self.commands():
            self.kill(name)

    def commands(self):
        return {
            "sink": ["sink", "-c", self.conf, "-f", self.to],
            "aggregator": [
                "aggregator", "-c", self.conf, "-f", "queue:records", "-t",
                self.to, "-a", "all", "--every",
                "%dms" % self.dice.randrange(1, 60), "--state",
                self.lab.path("state")]}

    def start(self, name):
        self.running[name] = self.lab.start(
            self.commands()[name], self.lab.path(name + ".log"))

    def kill(self, name):
        if name in ("rabbitmq", "mariadb"):
            self.lab.servers("kill", name)
            self.lab.servers("start", name)
            return
        self.remove(name)
        self.start(name)

    def publish(self):
        """Publishes everything, several flushes at a time."""
        d = self.dice
        size = d.choice((1, 3, 20, 100))
        flushes = [self.lines[i:i + size]
                   for i in range(0, len(self.lines), size)]
        while flushes:
            time.sleep(d.choice((0, 0.1, 0.3)))
            n = max(1, d.choice((5, 20, 200, 2000)) // size)
            some, flushes = flushes[:n], flushes[n:]
            self.send(some, d.choice((1, 3, 20, 100)))

    def send(self, flushes, size):
        env = {"MESSAGING_CONFIG": self.conf}
        if self.anonymous:
            self.lab.publish(self.messages(sum(flushes, []), size), env=env)
            return
        self.lab.must([PROBE, "-p", "-b", "0", "write", "queue:records"],
                      stdin=b"".join(b"\n".join(f) + b"\n\n"
                                     for f in flushes), env=env)

    @staticmethod
    def messages(lines, size):
        for i in range(0, len(lines), size):
            yield "", "records", b"\n".join(lines[i:i + size]) + b"\n"

    def storm(self):
        names = list(self.commands())
        for name in names:
            self.start(name)
        failed = []

        def write():
            try:
                self.publish()
            except BaseException as e:
                failed.append(e)

        writer = threading.Thread(target=write)
        writer.start()
        kills = self.broken = 0
        while writer.is_alive() or kills < 6:
            time.sleep(self.dice.uniform(0, 0.6))
            name = self.dice.choice(names)
            if not self.anonymous and self.dice.random() < 0.04 or \
                    self.again and self.dice.random() < 0.15:
                name = "rabbitmq"
                self.broken += 1
            elif self.dice.random() < 0.03:
                name = "mariadb"
            self.kill(name)
            kills += 1
            if kills == self.change_after:
                self.change()
        writer.join()
        if failed:
            raise failed[0]
        self.end()
        self.lab.must(["sink", "-c", self.ample, "--recompute", *(
            ("--since", str(dues.FIRST)) if self.change_after else ())])
        return kills

    def end(self):
        """Reads the queues to their end."""
        for name in list(self.running):
            self.remove(name)
        self.last_run("aggregator", self.commands()["aggregator"])
        self.last_run("sink", ["sink", "-c", self.ample, "-f", self.to])

    def remove(self, name):
        p = self.running.pop(name)
        p.kill()
        p.wait()
        self.lab.processes.remove(p)

    def last_run(self, name, argv):
        done = self.until_empty(argv)
        # A truncated snapshot of the stream may only be noticed now.
        if done.code != 0 and not re.search("is incomplete:", done.err):
            raise AssertionError("%s: %s" % (name, done))

    def until_empty(self, argv):
        """Tries again if the broker does not confirm in time, as a unit would:
        a slow machine must not count as a difference."""
        for _ in range(4):
            done = self.lab.run(argv + ["--until-empty"], timeout=300)
            if done.code != 75:
                break
        return done

    def fresh(self):
        self.prefetch = self.dice.choice((1, 5, 20, 500))
        terms = self.world.conf["terms"]
        self.conf = self.settings(
            self.other_terms() if self.change_after else terms)
        for name in os.listdir(self.lab.tmp):
            if name.startswith("state"):
                shutil.rmtree(self.lab.path(name))
            elif name in ("rows", "rows.dead"):
                os.unlink(self.lab.path(name))
        tables = [t for t, kind in self.lab.sql("SHOW FULL TABLES")
                  if kind == "BASE TABLE" and t not in KEPT]
        self.lab.sql("; ".join("TRUNCATE TABLE `%s`" % t for t in tables))
        self.lab.must(["sink", "-c", self.conf, "--migrate"])

    def select(self, table, columns):
        cells = ", ".join("CAST(`%s` AS CHAR)" % c
                          if c.endswith(("_seconds", "data")) else "`%s`" % c
                          for c in columns)
        out = subprocess.run(
            ["scripts/servers", "mysql", self.lab.server_dir, "-N", "-B",
             "-r", "--default-character-set=utf8mb4", "messaging", "-e",
             "SELECT JSON_ARRAY(%s) FROM %s" % (cells, table)],
            check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout
        for line in out.decode().splitlines():
            yield dict(zip(columns, json.loads(line)))

    def columns(self, table):
        return [c for (c,) in self.lab.sql(
            "SELECT column_name FROM information_schema.columns WHERE "
            "table_schema = DATABASE() AND table_name = '%s'" % table)]

    def rows(self, table):
        """{tenant: {key: row}} from the database."""
        found = {}
        names = [c for c in self.columns(table) if c not in (
            "as_of", "version", "seconds")]
        for row in self.select(table, names):
            name = row.pop("tenant")
            if table == "intervals" and row["withdrawn"]:
                continue
            row.pop("withdrawn", None)
            for k, v in row.items():
                row[k] = value_of(k, v)
            key = (table,) + tuple(row[k] for k in row_keys.KEYS[table])
            found.setdefault(name, {})[key] = row
        return found

    def wrong(self):
        want = stream.expected(self.data, self.world.conf, by_hand=False)
        for table in row_keys.KEYS:
            yield from self.wrong_rows(table, want)
        yield from self.wrong_sums(want)
        yield from self.history(want)
        yield from self.dead(want)

    def wrong_by_pipe(self):
        self.fresh()
        path = self.lab.write("records", self.data)
        done = self.lab.run(["aggregator", "-c", self.ample, "-f", path, "-a",
                             "all", "-o", "ndjson"])
        if done.code not in (0, 65): # 65: records were refused
            raise AssertionError(done)
        self.lab.must(["sink", "-c", self.ample], stdin=done.out)
        self.lab.must(["sink", "-c", self.ample, "--recompute"])
        want = stream.expected(self.data, self.world.conf)
        for table in row_keys.KEYS:
            yield from self.wrong_rows(table, want, in_stream=False)
        yield from self.wrong_sums(want)

    def wrong_rows(self, table, want, in_stream=True):
        there = self.rows(table)
        for name in sorted(set(want.rows) | set(there)):
            if table == "intervals" and in_stream:
                self.settle(want, name, there.get(name, {}))
            expected = {k: self.stored(name, row) for k, row in want.rows.get(
                name, {}).items() if k[0] == table}
            got = {k: row for k, row in there.get(name, {}).items()
                   if k in expected or not is_nothing(table, row)}
            yield from stream_metrics.differences(name, expected, got)

    def settle(self, want, tenant, there):
        """A window after a chat record ended an interval, the interval keeps
        the channel that the chat had by then."""
        rows = want.rows.get(tenant, {})
        channels = {(r["chat"], r.get("channel")) for r in want.taken
                    if r["type"] == "chat" and r["tenant"] == tenant}
        for key in rows.keys() & there.keys():
            row, channel = rows[key], there[key]["channel"]
            if row["message"] == "" and (row["chat"], channel) in channels and \
                    row["end_at"] < row["as_of"] - self.world.window:
                row["channel"] = channel

    def stored(self, tenant, row):
        """A row as the table has it."""
        row = {k: v for k, v in row.items() if k != "as_of"}
        if "awaited" in row:
            row.update(dues.judged(self.world.conf["terms"], tenant, row))
        return row

    def wrong_sums(self, want):
        """Hours are added up when they are over, those of the year 9999 not
        yet."""
        expected, got = {}, {}
        for name, rows in want.rows.items():
            expected.update(sums_of_rows(name, [
                self.stored(name, row) for key, row in rows.items()
                if key[0] == "intervals"
                and row["end_at"] < 1000 * time.time() - 2 * stream.DAY]))
        columns = ("tenant", "subject", "span", "begin_at", "id", "sums")
        for row in self.select("response_rollups", columns):
            *key, sums = row.values()
            key[3] = compare.parse_time(key[3])
            if sums:
                got[tuple(key)] = read_sums(sums)
        wrong = difference(got, expected)
        if wrong:
            yield "response_rollups: " + wrong

    def history(self, want):
        given = want.accepted
        there = {t: list(self.select(t, c)) for t, c in HISTORY.items()}
        yield from sets("message_views", {
            (r["tenant"], r["at"], r["message"], r["user"],
             r.get("chat") or "") for r in given if r["type"] == "view"}, {
            (r["tenant"], compare.parse_time(r["viewed_at"]),
             r["message_id"], r["user_id"], r["conversation_id"])
            for r in there["message_views"]})
        yield from sets("events", {
            (r["tenant"], r["id"]) for r in given if r["type"] == "event"}, {
            (r["tenant"], r["id"]) for r in there["events"]})
        yield from event_data(
            [r for r in given if r["type"] == "event"], there["events"])
        yield from sets("message_analytics", {
            (r["tenant"], analytics(r)) for r in given if analytics(r)}, {
            (r["tenant"], r["id"]) for r in there["message_analytics"]})
        yield from messages(
            [r for r in given + want.in_snapshots
             if r["type"] == "message" and not r.get("about")],
            there["messages"])

    def dead(self, want):
        """Exactly the refused and late lines are dead letters."""
        found = set()
        letters = []
        for name in "records", "rows":
            out = self.lab.must([PROBE, "-pe", "read",
                                 "queue:%s.dead" % name]).out
            letters += [line.split("\t", 1)[1]
                        for line in out.decode().splitlines()]
        if os.path.exists(self.lab.path("rows.dead")):
            with open(self.lab.path("rows.dead")) as f:
                letters += f.read().splitlines()
        for line in letters:
            letter = json.loads(line)
            record = letter.get("record", "").encode() or \
                base64.b64decode(letter.get("record_base64", ""))
            found.add((record, letter["reason"].startswith("late")))
        lines = [b""] + self.lines
        # Records repeated by a killed program or publisher may be late by then.
        taken = {lines[r["line"]] for r in want.accepted}
        found -= {(line, True) for line in taken}
        yield from sets("dead letters",
                        {(lines[n], False) for n in want.refused}
                        | {(lines[n], True) for n in want.late}, found)

    def run(self):
        """Returns sentences about errors."""
        self.fresh()
        kills = self.storm()
        wrong = list(self.wrong())
        if not self.change_after:
            wrong += [f"by pipe: {what}" for what in self.wrong_by_pipe()]
        say("SEED=%d: %d lines, %s message_id, %d kills, %d of the broker%s"
            % (self.number, len(self.lines),
               "without" if self.anonymous else "with", kills, self.broken,
               ", %d differences" % len(wrong) if wrong else ""))
        return wrong


def analytics(r):
    data = r.get("data")
    found = data.get("analytics") if isinstance(data, dict) else None
    return found.get("id", r.get("id")) if isinstance(found, dict) else None


def value_of(column, value):
    if value is None:
        return None
    if column == "available":
        return bool(value)
    if stream_metrics.TIMES.search(column):
        return compare.parse_time(value)
    if column.endswith("_seconds"):
        return Decimal(value)
    return value


def sets(name, want, got):
    for what, items in (("is missing", want - got),
                        ("should not be there", got - want)):
        for item in sorted(items, key=str):
            yield "%s %s: %s" % (name, item, what)


def data_of(text):
    """A column of JSON in its stored form."""
    return stream.records.as_written(
        None if text is None else stream.records.loads(text))


def event_data(given, there):
    """The data of the event, or of an equal one."""
    versions = {}
    for r in given:
        versions.setdefault((r["tenant"], r["id"]), []).append(
            stream.records.as_written(r.get("data")))
    for row in there:
        own = versions.get((row["tenant"], row["id"]), [])
        if own and data_of(row["event_data"]) not in own:
            yield "events %s: should be one of %s" % (row, own)


def version_of(message):
    """For edits before 1970, the table only knows that they occurred."""
    edited = message.get("updated_at")
    return 0 if edited is None else max(edited, 1)


def messages(given, there):
    """Each message has one row, at the time of one of its versions, with the
    content of the version edited last."""
    versions = {}
    for r in given:
        versions.setdefault(
            (r["tenant"], r["chat"], r["id"]), []).append(r)
    rows = {}
    for row in there:
        rows.setdefault((row["tenant"], row["conversation_id"],
                         row["message_id"]), []).append(row)
    yield from sets("messages", set(versions), set(rows))
    for key in sorted(set(versions) & set(rows)):
        row, own = rows[key][0], versions[key]
        last = max(map(version_of, own))
        if len(rows[key]) > 1 or \
                compare.parse_time(row["created_at"]) not in {
                    r["at"] for r in own} or \
                (row["sender"], row["content"], row["channel"],
                 data_of(row["data"])) not in {
                    (r["from"], r.get("text"), r.get("channel"),
                     stream.records.as_written(r.get("data")))
                    for r in own if version_of(r) == last}:
            yield "messages %s: is %s, should be one of %s" % (
                key, rows[key], own)


def tell(r, wrong):
    os.makedirs(stream_metrics.FINDS, exist_ok=True)
    path = os.path.join(stream_metrics.FINDS, "stream.%d.ndjson" % r.number)
    with open(path, "wb") as f:
        f.write(r.data)
    say("SEED=%d: the stream is %s" % (r.number, path))
    for sentence in wrong[:10]:
        say("  " + sentence)
    for name in r.commands():
        with open(r.lab.path(name + ".log"), errors="replace") as log:
            for line in log.read().splitlines()[-12:]:
                say("  %s: %s" % (name, line))
