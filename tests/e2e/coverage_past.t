#!/usr/bin/env -S python3 -B
"""A Chatwoot with twelve days behind it, polled for the first time, then after
a pause of four hours, and then after its past was imported: every figure of the
API and of the report is either marked as incomplete or equals the oracle's,
which computes it from the simulator's world. Before the import, those of the
past are marked, and most of them are indeed wrong; after it, none is marked.
The pause is a gap while no calls are left; then polls fill it.
"""

import collections
import csv
import json
import os
import sys
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import chatwoot  # noqa: E402
import clocks  # noqa: E402
import compare  # noqa: E402
import crm  # noqa: E402
from harness import BIN, TOKEN, Checks, Lab, main, say, seed, until  # noqa: E402

DAYS = 12
PAUSE = 4 * 3600
KINDS = ("first_response", "reply", "resolution", "unanswered")
HOUR = 3600000
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def moment(text):
    """A time of an answer in ms: a date, a minute, or RFC 3339."""
    if len(text) == 10:
        text += " 00:00"
    return compare.parse_time(text.replace(" ", "T") + ":00Z") \
        if len(text) == 16 else compare.parse_time(text)


class Account:
    """A simulated account, the minute job, and what the manual says about the
    account's whole life."""

    def __init__(self, lab, checks, number):
        self.lab, self.checks = lab, checks
        # The polls take some minutes more: at the end it is about now.
        start = datetime.now(timezone.utc) - timedelta(
            days=DAYS, seconds=PAUSE, minutes=6)
        self.sim = lab.sim(
            "--crm", "chatwoot", "--pace", 3000, "--dialogs", 25,
            "--operators", 4, "--hours", "0-24", "--seed", number, "--start",
            start.strftime("%FT%TZ"))
        self.account = chatwoot.Account(self.sim, TOKEN, TOKEN)
        for _ in range(4 * DAYS):
            self.account.list_operators() # some leave
            self.sim.advance(21600)
        self.conf = self.configure("messaging.conf")
        self.spent = self.configure("spent.conf", budget=1)
        lab.must(["sink", "-c", self.conf, "--migrate"])

    def configure(self, name, **more):
        return self.lab.conf(name, {
            "crm acme": {"profile": self.profile(), "url": self.sim.root,
                         "token": TOKEN, "account": 1, **more},
            "poller": {"state": self.lab.path("polls")},
            "aggregator": {"state": self.lab.path("state")}})

    def profile(self):
        """Reads the past without pauses."""
        with open("poller/profiles/chatwoot.jq", encoding="utf-8") as f:
            text = f.read()
        return self.lab.write("fast.jq", text.replace("backfill: 300",
                                                      "backfill: 60000"))

    def jobs(self, n, conf=None):
        for _ in range(n):
            self.sim.advance(60)
            done = self.lab.run(["scripts/job", "-c", conf or self.conf, "-b",
                                 BIN, "-l", self.lab.path("job.lock")])
            self.checks.equal(done.code, 0, f"the job: {done}")

    def sources(self):
        """The sources of the ranges of chats, and whether there is no gap between
        them. Each day of a range is a row."""
        rows = self.lab.sql("SELECT begin_at, end_at, source FROM coverage "
                            "WHERE kind = 'chats' ORDER BY begin_at")
        pairs = list(zip(rows, rows[1:]))
        return [rows[0][2]] + [
            b[2] for a, b in pairs if a[1:] != [b[0], b[2]]
            or not b[0].endswith(" 00:00:00.000")], all(
            a[1] >= b[0] for a, b in pairs)

    def get(self, path):
        return json.loads(self.lab.must(
            ["sink", "-c", self.conf, "--get", "/api/v1/" + path]).out)

    def report(self, first, last):
        """{section: rows}."""
        found = collections.defaultdict(list)
        titles = {}
        out = self.lab.must(
            ["sink", "-c", self.conf, "--report", "-", "-o", "csv", "--since",
             first, "--until", last]).out.decode()
        for line in csv.reader(out.splitlines()):
            if not line:
                titles = {}
            elif line[0] not in titles:
                titles[line[0]] = line[1:]
            else:
                found[line[0]].append(dict(zip(titles[line[0]], line[1:])))
        return found

    def look(self):
        """What happened until now, according to the oracle: intervals as (end,
        ms, operator) by kind, beginnings of conversations, and messages as (at,
        channel, way)."""
        self.account.look()
        world = self.sim.world()
        own = collections.defaultdict(list)
        for m in world["messages"]:
            own[m["dialog_id"]].append(m)
        self.ended = collections.defaultdict(list)
        self.begun, self.messages = [], []
        for d in world["dialogs"]:
            if own[d["id"]]:
                self.live(d, own[d["id"]])

    def live(self, d, own):
        read = [self.account.message(m) for m in own]
        begin = crm.milliseconds(d["begin"])
        record = {"at": begin, "opened_at": begin}
        if not any(clocks.is_assigned(m) for m in read):
            record["operator"] = crm.name_or_none(d["operator_id"])
        for i in clocks.Chat([record], read, clocks.OURS, True).intervals:
            if i.kind in KINDS:
                self.ended[i.kind].append((i.end, i.end - i.start, i.operator))
        counted = [
            (m["at"], str(w["channel_id"]), "inbound" if m["from"] == "customer"
             else "outbound") for m, w in zip(read, own)
            if not m.get("private") and not m.get("automated")
            and m["from"] != "system"]
        self.messages += counted
        if counted:
            self.begun.append(min(at for at, _, _ in counted))

    def lengths(self, kind, begin, end):
        return [ms for at, ms, _ in self.ended[kind] if begin <= at < end]

    def responses(self, begin, end):
        """{operator: lengths}"""
        found = collections.defaultdict(list)
        for kind in ("first_response", "reply"):
            for at, ms, operator in self.ended[kind]:
                if begin <= at < end:
                    found[operator].append(ms)
        return found


class Judge:
    """Compares figures with the oracle's, and counts."""

    def __init__(self, account, what):
        self.a, self.what = account, what
        self.marked = self.equal = self.marked_wrong = 0
        self.unsummed = 0 # channels, of hours that are not added up yet
        self.false = []

    def figure(self, complete, got, want, where):
        same = got == want
        if complete in (False, "no"):
            self.marked += 1
            # Conversations are only counted since the first poll.
            self.unsummed += (" channel " in where
                              or where.endswith(" conversations"))
            self.marked_wrong += not same
        elif complete in (True, "yes") and same:
            self.equal += 1
        else:
            self.false.append(f"{where}: {got}, not {want}, complete {complete}")

    def lasts(self, row, lengths, where):
        """Average, median and longest. A median is off by at most 1.6 %."""
        own = sorted(ms / 1000 for ms in lengths)
        n = len(own)
        for name, low, high in (
                ("avg_seconds", sum(own) / (n or 1), sum(own) / (n or 1)),
                ("median_seconds", own[(n - 1) // 2] * 0.984 if n else 0,
                 own[n // 2] * 1.016 if n else 0),
                ("max_seconds", max(own, default=0), max(own, default=0))):
            got = row[name]
            right = got == "" if not own else \
                got != "" and low - 0.06 <= float(got) <= high + 0.06
            self.figure(row["complete"], right, True,
                        f"{where} {name} {got}, not {low} to {high}")

    def api(self, first, last):
        for kind in KINDS:
            answer = self.a.get(f"responses?from={first}&to={last}&by=day&"
                                f"kind={kind}&compare=previous")
            for row in answer["rows"]:
                want = self.a.lengths(kind, moment(row["begin_utc"]),
                                      moment(row["end_utc"]))
                self.figure(row["complete"], (row["count"],
                                              round(1000 * row["sum_seconds"])),
                            (len(want), sum(want)),
                            f"{kind} {row['span']} {row['begin_utc']}")
        answer = self.a.get(f"heatmap?from={first}&to={last}&kind=reply")
        self.figure(answer["complete"], sum(r["count"] for r in answer["rows"]),
                    len(self.a.lengths("reply", moment(first), moment(last))),
                    f"heatmap {first}")

    def sheet(self, first, last):
        r = self.a.report(first, last)
        begin, end = moment(first), moment(last)
        hours = (end - begin) // HOUR <= 48
        step = HOUR if hours else 24 * HOUR
        totals = {row["figure"]: row for row in r["totals"]}
        of = {k: len(self.a.lengths(k, begin, end)) for k in KINDS}
        for name, want in (
                ("responses", of["reply"] + of["first_response"]),
                ("first_responses", of["first_response"]),
                ("resolutions", of["resolution"]),
                ("unanswered", of["unanswered"]),
                ("conversations",
                 sum(begin <= at < end for at in self.a.begun))):
            self.figure(totals[name]["complete"], totals[name]["value"],
                        str(want), f"{first} {name}")
        # Running totals begin with the first poll.
        self.a.checks.equal(totals["alerts"]["complete"], "no",
                            f"{first}: alerts")
        own = self.a.responses(begin, end)
        complete = totals["responses"]["complete"]
        self.figure(complete, sum(float(row[day + "_count"] or 0)
                                  for row in r["week"] for day in WEEK),
                    sum(map(len, own.values())), f"{first} week")
        listed = {row["operator"]: row for row in r["operators"]}
        for who in own.keys() | listed.keys():
            row = listed.get(str(who))
            self.figure(complete, row and row["count"],
                        str(len(own[who])) if own[who] else None,
                        f"{first} operator {who}")
            if row and row["count"] == str(len(own[who])):
                self.lasts(row, own[who], f"{first} operator {who}")
        self.figure(complete, [row["seconds"] for row in r["waits"]], [
            f"{ms / 1000:.3f}" for ms in sorted((
                ms for k in ("reply", "first_response", "unanswered")
                for ms in self.a.lengths(k, begin, end)), reverse=True)[:10]],
            f"{first} longest waits")
        for row in r["days"]:
            at = moment(row["begin"])
            self.lasts(row, [ms for k in ("reply", "first_response")
                             for ms in self.a.lengths(k, at, at + step)],
                       f"{first} days {row['begin']}")
            self.figure(row["complete"], row["count"], str(sum(
                len(self.a.lengths(k, at, at + step))
                for k in ("reply", "first_response"))),
                f"{first} days {row['begin']}")
        for row in r["resolved"]:
            at = moment(row["begin"])
            self.figure(row["complete"],
                        (row["resolutions"], row["unanswered"]), tuple(
                            str(len(self.a.lengths(k, at, at + step)))
                            for k in ("resolution", "unanswered")),
                        f"{first} resolved {row['begin']}")
        want = collections.Counter(
            (channel, way) for at, channel, way in self.a.messages
            if begin <= at < end)
        for row in r["channels"]:
            self.figure(row["complete"],
                        (row["inbound_messages"], row["outbound_messages"]),
                        tuple(str(want[row["channel"], way]) for way in (
                            "inbound", "outbound")),
                        f"{first} channel {row['channel']}")
        # Nothing is compared with an incomplete period.
        about = {row["what"]: row["value"] for row in r["about"]}
        if "no" in (about["complete"], about["before_complete"]):
            self.a.checks.equal(
                {row["change"] for row in r["totals"]}, {""},
                f"{first}: changes")


def names(account, checks, first, last):
    """Inboxes have their names, and an operator keeps the name after
    leaving."""
    inboxes = {str(m["channel_id"]) for m in account.sim.world()["messages"]}
    named = dict(account.lab.sql(
        "SELECT id, name FROM names WHERE kind = 'channel'"))
    checks.that(inboxes <= set(named), f"names of {inboxes}: {named}")
    for row in account.report(first, last)["channels"]:
        checks.equal(row["name"], named[row["channel"]],
                     f"the report's channel {row['channel']}")
    for row in account.get(f"responses?from={first}&to={last}&by=total&"
                           "group=channel")["rows"]:
        checks.equal(row["name"], named.get(row["channel"]),
                     f"the API's channel {row['channel']}")
    now = account.get("now")
    [who] = account.lab.sql("SELECT id, name FROM names WHERE kind = 'operator' "
                            "LIMIT 1")
    account.lab.sql("DELETE FROM operator_metrics WHERE tenant = 'acme' "
                    f"AND operator = '{who[0]}'")
    then = account.get("now")
    checks.equal([dict(n) for n in then["names"] if n not in now["names"]],
                 [{"kind": "operator", "id": who[0], "name": who[1]}],
                 "a former operator")


def pause(account, checks):
    """No calls are left to fill the gap. The list has all that changed within
    the hour, so a shorter pause would be none."""
    account.sim.advance(PAUSE // 2)
    for _ in range(50):
        made = account.sim.control("act", do="arrive", account=TOKEN)
        account.sim.control("act", do="close", dialog=made["dialog"],
                            account=TOKEN)
    account.sim.advance(PAUSE // 2)
    account.lab.must(["poller", "-c", account.conf, "--status"], stdin=(
        b'{"type":"chat","tenant":"acme","chat":"1"}\n')) # reads the CRM's clock
    account.jobs(1, account.spent)
    checks.equal(account.sources(), (["poll", "poll"], False), "a gap")


def filled(account, checks):
    """Several polls read its conversations."""
    jobs = 0
    while jobs < 9 and len(account.sources()[0]) < 3:
        account.jobs(1)
        jobs += 1
    checks.equal(account.sources(), (["poll", "backfill", "poll"], True),
                 "the gap is filled")
    checks.that(jobs > 1, f"{jobs} polls fill it")


def judged(account, what, today):
    account.look()
    j = Judge(account, what)
    dates = [(today + timedelta(days=n)).strftime("%F")
             for n in range(-DAYS + 1, 2)]
    j.api(dates[0], dates[-1])
    j.api(dates[-3], dates[-2])
    for first, last in ((dates[0], dates[7]), (dates[-3], dates[-2]),
                        (dates[-4], dates[-1])):
        j.sheet(first, last)
    account.checks.equal(j.false[:12], [], f"{what}: {len(j.false)} figures "
                         "that are neither marked nor right")
    say(f"- {what}: {j.equal} right, {j.marked} marked, of these "
        f"{j.marked_wrong} wrong")
    return j


def body():
    checks, number = Checks(), seed()
    with Lab("coverage_past") as lab:
        lab.start_servers()
        a = Account(lab, checks, number)
        today = datetime.strptime(a.sim.stats()["now"][:10], "%Y-%m-%d")
        a.jobs(3)
        pause(a, checks)
        before = judged(a, "after the first polls", today)
        checks.that(before.marked_wrong > 50, "the past is not known yet")
        filled(a, checks)
        lab.must(["sh", "-c", '"$0/poller" -c "$1" --backfill 30d | '
                  '"$0/aggregator" -c "$1" -a intervals,conversations,messages'
                  ' | "$0/sink" -c "$1"', BIN, a.conf])
        until(60, lambda: a.jobs(1) or lab.sql(
            "SELECT COUNT(*) FROM sums_due WHERE hour < "
            "UTC_TIMESTAMP() - INTERVAL 2 HOUR")[0][0] == "0", "the sums")
        after = judged(a, "after the import", today)
        checks.that(after.marked == after.unsummed < 10 and after.equal > 50,
                    f"all is complete: {after.marked} marked, "
                    f"{after.unsummed} channels")
        names(a, checks, (today - timedelta(days=5)).strftime("%F"),
              today.strftime("%F"))
    return checks.result()


main(body)
