#!/usr/bin/env -S python3 -B
"""The two cron lines keep a correct history: after scripts/job each minute and
scripts/reap every second minute, the tables of history show what happened in
the CRM, including chats that were answered and closed between two polls, and
the report and each section of the board have figures.

The test creates the world: it decides who writes, answers and closes, so that
no chat is opened and closed between two polls, or reopened before a poll saw
the closing, because polls cannot see such chats. The events are read from the
simulator's world, not from polls, and the oracle computes the expected tables.
Some programs are killed meanwhile. Before each job, the aggregator's state may
be lost, be an older one, or be that of another machine; it may have been copied
when the aggregator was killed.

20 minutes across a midnight. LONG=1: a week, in which the team works for two
hours around each midnight, and cron runs the jobs once an hour for the rest.
"""

import collections
import csv
import json
import os
import random
import shutil
import sys
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import compare  # noqa: E402
import crm  # noqa: E402
import stream  # noqa: E402
import stream_metrics  # noqa: E402
from harness import (  # noqa: E402
    BIN, LONG, TOKEN, Checks, Lab, main, say, seed)

DAYS = 7 if LONG else 0
WORK = 120 if LONG else 20 # minutes, half of them before a midnight
REST = 8 # minutes from a closing until the customer writes again
OPERATORS = (501, 502, 503)
BOTS = ("10900",)
KILLED = ("poller", "aggregator", "sink")
# Requests of the board's sections; SPAN stands for the days.
SECTIONS = ("/api/v1/now", "/api/v1/chats", "/api/v1/operators",
            "/api/v1/responses?SPAN&by=total&group=channel",
            "/api/v1/heatmap?SPAN",
            "/api/v1/intervals?kind=response&withdrawn=0")
KINDS = {"response": ("first_response", "reply"),
         "first_response": ("first_response",), "resolution": ("resolution",),
         "unanswered": ("unanswered",)}
# Figures of the report, and the intervals they count.
REPORTED = {"responses": "response", "first_responses": "first_response",
            "resolutions": "resolution", "unanswered": "unanswered"}


def shown(ms):
    return stream.records.shown(ms)


class World:
    """The CRM, the test's actions in it, and its observations."""

    def __init__(self, lab, dice):
        # A past midnight, so that a report of whole days includes it.
        today = datetime.now(timezone.utc).replace(
            hour=0, minute=0, second=0, microsecond=0)
        self.first = today - timedelta(days=DAYS + 2)
        self.sim = lab.sim(
            "--seed", dice.randrange(10 ** 6), "--dialogs", 6, "--operators",
            len(OPERATORS), "--messages", 4, "--pace", 0, "--lag", 20,
            "--hours", "0-24", "--start",
            (self.first - timedelta(minutes=WORK // 2)).strftime("%FT%TZ"))
        self.dice = dice
        self.account = crm.Account(self.sim.url, TOKEN, "acme", bots=BOTS)
        self.began = self.now()
        self.seen = [] # (ms, record of a chat)
        self.known = {} # chat: its record at the last look
        self.opened = {} # chat that existed before: when it was opened
        self.since = {} # chat: minute of its opening or closing
        self.closed, self.quick = set(), 0

    def now(self):
        return compare.parse_time(self.sim.stats()["now"])

    def act(self, what, chat, **query):
        self.sim.control("act", do=what, dialog=chat, **query)

    def live(self, minute):
        """The events of a minute, at random seconds."""
        d, second = self.dice, 0
        for at in sorted(d.sample(range(1, 58), d.randint(1, 4))):
            self.sim.advance(at - second)
            second = at
            self.happen(minute)
        self.sim.advance(60 - second)

    def happen(self, minute):
        d = self.dice
        old = [c for c in self.since
               if minute - self.since[c] >= 2 and c not in self.closed]
        rested = [c for c in sorted(self.closed)
                  if minute - self.since[c] >= REST]
        if not old or d.random() < 0.1 and len(self.since) < 60:
            self.arrive(minute)
        elif rested and d.random() < 0.3:
            chat = d.choice(rested)
            self.act("client", chat)
            self.closed.discard(chat)
            self.since[chat] = minute
        else:
            self.go_on(minute, d.choice(old))

    def arrive(self, minute):
        chat = str(self.sim._ask("/control/act?do=arrive", "POST",
                                 {})["dialog"])
        self.since[chat] = minute

    def go_on(self, minute, chat):
        what = self.dice.choices(
            ("client", "answer", "note", "autoreply", "transfer", "close",
             "answer and close"), (8, 8, 1, 1, 1, 1, 3))[0]
        if what == "answer and close":
            self.act("client", chat)
            self.sim.advance(1)
            self.answer(chat)
            self.sim.advance(1)
            self.quick += 1
        if what in ("close", "answer and close"):
            self.act("close", chat)
            self.closed.add(chat)
            self.since[chat] = minute
        elif what == "answer":
            self.answer(chat)
        else:
            self.act(what, chat)

    def answer(self, chat):
        self.act("answer", chat, operator=self.dice.choice(OPERATORS))

    def look(self):
        """As the list of open chats shows them now."""
        view, now = self.account.look(self.now()), self.now()
        for chat, c in view.chats.items():
            # The list may show a chat that existed before, and its first
            # message, some seconds late.
            if c["opened_at"] < self.began:
                self.opened[chat] = c["opened_at"]
                self.since.setdefault(chat, 0)
            r = {"type": "chat", "tenant": "acme", "chat": chat,
                 "status": "open", "operator": c["operator"],
                 "channel": c["channel"], "opened_at": shown(c["opened_at"])}
            if self.known.get(chat) != r:
                self.known[chat] = r
                self.seen.append((now, dict(r, at=shown(now))))

    def look_for_closings(self):
        now = self.now()
        for chat in list(self.known):
            dialog = self.account.dialog(chat)
            if dialog["state"] == "closed":
                self.seen.append((now, dict(
                    self.known.pop(chat), status="closed", at=shown(now),
                    closed_at=shown(crm.milliseconds(dialog["end"])))))

    def messages(self):
        for m in self.sim.world()["messages"]:
            at = crm.milliseconds(m["created"])
            chat = str(m["dialog_id"])
            if at < self.opened.get(chat, self.began):
                continue
            r = crm.message(m, self.account.bots)
            r.pop("request")
            yield at, dict(r, type="message", tenant="acme",
                           chat=chat, at=shown(at),
                           channel=str(m["channel_id"]))

    def records(self):
        """Sorted by time; messages before observations."""
        both = [(at, 0, r) for at, r in self.messages()] + \
            [(at, 1, r) for at, r in self.seen]
        return [{k: v for k, v in r.items() if v is not None}
                for _, _, r in sorted(both, key=lambda x: x[:2])]


class Cron:
    def __init__(self, lab, world, checks):
        self.lab, self.checks, self.dice = lab, checks, world.dice
        self.machine, self.saved = 0, []
        self.changes = collections.Counter()
        self.folders = [lab.path("state"), lab.path("state.other")]
        self.confs = [lab.conf(f"messaging.{i}.conf", {
            "crm acme": {"url": world.sim.url, "token": TOKEN,
                         "bot_operators": ",".join(BOTS)},
            "poller": {"state": lab.path("polls")},
            "aggregator": {"state": folder},
        }) for i, folder in enumerate(self.folders)]
        self.conf = self.confs[0]
        lab.must(["sink", "-c", self.conf, "--migrate"])

    def save_state(self):
        """Keeps the states of the last minutes."""
        to = self.lab.path(f"saved.{sum(self.changes.values())}")
        if not os.path.exists(self.folders[self.machine]):
            return # the job was killed before it began one
        shutil.copytree(self.folders[self.machine], to)
        self.saved.append(to)
        if len(self.saved) > 5:
            shutil.rmtree(self.saved.pop(0))

    def change_state(self):
        what = self.dice.choice(("kept", "kept", "lost", "older", "elsewhere"))
        self.changes[what] += 1
        if what == "elsewhere":
            self.machine = 1 - self.machine
            self.conf = self.confs[self.machine]
        folder = self.folders[self.machine]
        if what in ("lost", "older"):
            shutil.rmtree(folder, ignore_errors=True)
        if what == "older" and self.saved:
            shutil.copytree(self.dice.choice(self.saved), folder)

    def run(self, script, folder=BIN):
        return self.lab.run(
            ["scripts/" + script, "-c", self.conf, "-b", folder, "-l",
             self.lab.path(script + ".lock")])

    def quietly(self, script):
        """The state of an aggregator that was killed has a flush that the
        database refuses if another state went on; the aggregator says so."""
        done = self.run(script)
        lines = [line for line in done.lines()
                 if "starting again from there" not in line]
        self.checks.that(done.code == 0 and not lines,
                         "%s: %r" % (script, done))

    def killed_job(self, program):
        """A job in which a program is killed at a random point."""
        folder = self.lab.path("killing")
        os.makedirs(folder, exist_ok=True)
        for name in ("poller", "aggregator", "sink", "reaper"):
            path = os.path.join(folder, name)
            how = "timeout -s KILL %.3f " % self.dice.uniform(0.005, 0.2)
            with open(path, "w") as f:
                f.write("#!/bin/sh\nexec %s%s \"$@\"\n" % (
                    how if name == program else "",
                    os.path.join(os.path.abspath(BIN), name)))
            os.chmod(path, 0o700)
        done = self.run("job", folder)
        if program == "poller": # otherwise a minute of the CRM is not observed
            self.quietly("job")
        return done.code != 0


def rows(lab, table):
    columns = [c for (c,) in lab.sql(
        "SELECT column_name FROM information_schema.columns WHERE "
        f"table_schema = DATABASE() AND table_name = '{table}'")
        if c not in ("tenant", "as_of", "version", "seconds")]
    cells = ", ".join("'%s', `%s`" % (c, c) for c in columns)
    found = {}
    for (text,) in lab.sql(f"SELECT JSON_OBJECT({cells}) FROM {table}"):
        row = json.loads(text)
        if row.pop("withdrawn", 0):
            continue
        for k, v in row.items():
            if v is not None and stream_metrics.TIMES.search(k):
                row[k] = compare.parse_time(v)
        key = (table,) + tuple(row[k] for k in stream.KEYS[table])
        found[key] = row
    return found


def wrong_rows(lab, expected):
    for table in ("intervals", "user_stats", "channel_metrics"):
        want = {k: {c: v for c, v in row.items() if c != "as_of"}
                for k, row in expected.items() if k[0] == table}
        got = {k: row for k, row in rows(lab, table).items()
               if k in want or not stream_metrics.row_keys.is_zero(table, row)}
        yield from stream_metrics.differences("", want, got)


def wrong_messages(lab, records):
    want = {(r["chat"], r["id"], r["from"], r.get("operator", "NULL"), r["at"])
            for r in records if r["type"] == "message"}
    got = {(chat, name, sender, operator,
            shown(compare.parse_time(at)))
           for chat, name, sender, operator, at in lab.sql(
               "SELECT conversation_id, message_id, sender, operator, "
               "created_at FROM messages")}
    yield from ("message %s is missing" % (m,) for m in sorted(want - got))
    yield from ("message %s: never was" % (m,) for m in sorted(got - want))


def wrong_closings(lab, records):
    want = collections.Counter(
        (r["chat"], r["closed_at"]) for r in records
        if r.get("status") == "closed")
    last = {}
    for r in records:
        if r["type"] == "chat":
            last[r["chat"]] = r
    closed = {r["chat"]: r["closed_at"] for r in last.values()
              if r["status"] == "closed"}
    got = {chat: shown(compare.parse_time(at)) for chat, at in lab.sql(
        "SELECT chat, closed_at FROM closed_chats")}
    for chat in sorted(closed):
        if got.get(chat) != closed[chat]:
            yield "chat %s closed at %s, the table says %s" % (
                chat, closed[chat], got.get(chat))
    if not want:
        yield "no chat was closed"


def figures(lab, cron, world, kinds, checks):
    """The report and the board's sections."""
    days = [world.first + timedelta(days=n)
            for n in (-1, DAYS + 1)]
    first, last = (day.strftime("%F") for day in days)
    want = {name: sum(kinds[k] for k in own) for name, own in KINDS.items()}

    def ask(path):
        path = path.replace("SPAN", "from=%s&to=%s" % (first, last))
        done = lab.run(["sink", "-c", cron.conf, "--get", path])
        checks.that(done.code == 0, "%s: %r" % (path, done))
        return json.loads(done.out) if done.code == 0 else {}

    for path in SECTIONS:
        answer = ask(path)
        checks.that(answer.get("rows") or answer.get("operators"),
                    "%s has no figures: %s" % (path, answer))
    for kind, n in want.items():
        for by in ("total", "hour", "day"):
            path = "/api/v1/responses?SPAN&by=%s&kind=%s" % (by, kind)
            got = sum(row["count"] for row in ask(path).get("rows", []))
            checks.that(got == n, "%s: %s, the CRM had %s" % (path, got, n))
    report = lab.path("report.csv")
    done = lab.run(["sink", "-c", cron.conf, "--report", report, "--since",
                    first, "--until", last])
    if not checks.that(done.code == 0, "sink --report: %r" % done):
        return
    with open(report, newline="") as f:
        said = {r[1]: r[4] for r in csv.reader(f)
                if len(r) > 4 and r[0] == "totals"}
    for figure, kind in REPORTED.items():
        checks.that(said.get(figure) == str(want[kind]),
                    "the report's %s: %s, the CRM had %s" % (
                        figure, said.get(figure), want[kind]))


def minutes():
    """Minutes at whose end the job runs, from the start of the test on."""
    yield from range(WORK)
    for day in range(1, DAYS):
        yield from range((day - 1) * 1440 + WORK, day * 1440, 60)
        yield from range(day * 1440, day * 1440 + WORK)


def body():
    checks, dice = Checks(), random.Random(seed())
    with Lab("cron_history") as lab:
        lab.start_servers()
        world = World(lab, dice)
        cron = Cron(lab, world, checks)
        kills = dict(zip(dice.sample(range(3, WORK - 3), 6), KILLED * 2))
        killed = 0
        for minute in minutes():
            if minute % 1440 >= WORK:
                world.sim.advance(3600)
            elif minute:
                world.live(minute)
            world.look()
            cron.change_state()
            if minute in kills:
                killed += cron.killed_job(kills[minute])
            else:
                cron.quietly("job")
            cron.save_state()
            world.look_for_closings()
            if minute % 2 or minute % 1440 >= WORK:
                world.sim.advance(30)
                cron.quietly("reap")
                world.sim.advance(30)
        for _ in range(3):
            world.sim.advance(60)
            world.look()
            cron.quietly("job")
            world.look_for_closings()
            cron.quietly("reap")
        cron.quietly("job")
        records = world.records()
        expected = stream.expected(
            b"\n".join(json.dumps(r).encode() for r in records) + b"\n",
            by_hand=False)
        checks.that(not expected.refused and not expected.late,
                    "the oracle refuses records of the test")
        own = expected.rows["acme"]
        wrong = list(wrong_messages(lab, records)) + \
            list(wrong_rows(lab, own)) + \
            list(wrong_closings(lab, records))
        for sentence in wrong:
            checks.that(False, sentence)
        kinds = collections.Counter(
            row["kind"] for k, row in own.items() if k[0] == "intervals")
        say("%d jobs, %d records, %d chats answered and closed within a "
            "minute, %d of %d kills ended a job; states: %s; %s" % (
                len(list(minutes())), len(records), world.quick, killed, len(kills),
                dict(cron.changes), dict(kinds)))
        checks.that(world.quick > 0 and kinds["resolution"] > 0,
                    "nothing happened")
        figures(lab, cron, world, kinds, checks)
        return checks.result()


if __name__ == "__main__":
    main(body)
