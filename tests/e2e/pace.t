#!/usr/bin/env -S python3 -B
"""A month's budget of calls lasts: the poller as cron starts it, on a clock
that is moved forward, over the last two days of a month into the next one.
LONG=1: a whole month with 2,000 dialogs and 30,000 calls. Pages and lists are
ten times smaller than Chat2Desk's: a poll costs as many calls, but the test
takes a tenth of the time. Most minutes in which the poller would skip a poll
are omitted.
"""

import os
import random
import re
from datetime import datetime, timedelta

from harness import BIN, LONG, TOKEN, Checks, Lab, main, say, seed

PAGE = 20
LONGEST = 60 # minutes between two polls, at most


def profile(lab):
    with open("poller/profiles/chat2desk.jq", encoding="utf-8") as f:
        text = f.read()
    own = text.replace("def page_size: 200;", f"def page_size: {PAGE};")
    if own == text:
        raise AssertionError("Chat2Desk's profile has no page_size")
    return lab.write("own.jq", own)


class Month:
    """A tenant, its CRM, and the clock of both."""

    def __init__(self, lab, checks, name, start, dialogs, budget, hourly):
        self.lab, self.checks, self.name = lab, checks, name
        self.dice = random.Random(lab.seed)
        self.now, self.budget = start, budget
        self.hourly = hourly # (arrivals, messages) in an hour of the day
        self.sim = lab.sim(
            "--seed", self.dice.randrange(10 ** 6), "--dialogs", dialogs,
            "--operators", 10, "--messages", 4, "--pace", 0, "--start",
            start.strftime("%FT%TZ"), name=name)
        self.open = sorted(self.sim.open_dialogs())
        self.conf = lab.conf(name + ".conf", {
            "crm acme": {"url": self.sim.url, "token": TOKEN,
                         "budget": budget, "profile": lab.profile},
            "poller": {"state": lab.path(name + ".state")}})
        self.polls = []
        self.warned = {} # day: lines
        self.seen = 0 # dialogs

    def act(self, what, **query):
        return self.sim._ask(f"/control/act?do={what}" + "".join(
            f"&{k}={v}" for k, v in query.items()), "POST", {})

    def go(self, minutes):
        """Plays the events until the clock has advanced that far."""
        for what, hourly in enumerate(self.hourly):
            if 7 <= self.now.hour < 20:
                many = hourly * minutes / 60
                many = int(many) + (self.dice.random() < many % 1)
                for _ in range(many):
                    self.happen(what == 0)
        self.sim.advance(60 * minutes)
        self.now += timedelta(minutes=minutes)

    def happen(self, new):
        if new: # replaces the oldest
            self.act("close", dialog=self.open.pop(0))
            self.open.append(self.act("arrive")["dialog"])
            self.seen += 1
        else:
            self.act("client", dialog=self.dice.choice(self.open))

    def poller(self, *options):
        # Some seconds late, as cron starts it.
        at = self.now + timedelta(seconds=self.dice.randrange(5))
        return self.lab.run(
            ["faketime", "--exclude-monotonic", "-f",
             at.strftime("@%Y-%m-%d %H:%M:%S"), os.path.join(BIN, "poller"),
             "-c", self.conf, *options], env={"TZ": "UTC"})

    def poll(self):
        """The current interval in minutes, or None if it polled."""
        done = self.poller("-v")
        lines = [line for line in done.lines()
                 if not line.startswith(("poller: listed", "poller: gap"))]
        warned = [line for line in lines if "([crm acme] budget)" in line]
        day = self.now.strftime("%m-%d")
        self.warned[day] = self.warned.get(day, 0) + len(warned)
        skipped = re.search(r"skipped tenant=acme interval_minutes=(\d+)",
                            done.err)
        what = f"{self.name}, {self.now}: {done}"
        self.checks.that(done.code == 0 and len(lines) == len(warned) + 1,
                         what)
        self.checks.that(
            (skipped is not None) == (done.out == b"")
            and (skipped or b'"state":"end"' in done.out), what)
        if skipped:
            return int(skipped[1])
        self.polls.append(self.now)
        return None

    def run(self, end, cron):
        """A job that cron runs at that interval until polls are skipped, then
        every minute."""
        interval, last = 1, self.now
        while self.now < end:
            found = self.poll()
            if found is not None: # due later
                interval = max(found, cron)
                due = last + timedelta(minutes=interval)
                if not self.checks.that(
                        due > self.now, f"{self.name}, {self.now}: skipped "
                        f"with an interval of {found} after {last}"):
                    return
                self.go((due - self.now) // timedelta(minutes=1))
                continue
            last = self.now
            # Only some polls test whether a minute earlier would do.
            if len(self.polls) % 3 == 0:
                interval = max(interval - 1, cron)
            self.go(interval)

    def judge(self, end, calls):
        """Judges the month until END, with that many calls."""
        polls = [p for p in self.polls if p < end]
        days = {}
        for p in polls:
            days.setdefault(p.strftime("%m-%d"), []).append(p)
        apart = [(b - a) // timedelta(minutes=1)
                 for a, b in zip(polls, polls[1:])]
        last = (end - timedelta(days=1)).strftime("%m-%d")
        say(f"{self.name}: {calls} of {self.budget} calls, {len(polls)} polls,"
            f" {max(apart)} minutes apart at most, {len(days[last])} on the "
            f"last day; {self.seen} new dialogs")
        self.checks.that(max(apart) <= LONGEST, f"{max(apart)} minutes apart")
        self.checks.that(
            self.budget * 3 / 4 < calls <= self.budget, f"{calls} calls")
        self.checks.that(
            len(days) == (end - polls[0] + timedelta(hours=23)).days
            and min(map(len, days.values())) >= 24,
            f"polls by day: {[len(d) for d in days.values()]}")
        self.checks.that(
            max(self.warned.values()) == 1 and self.warned[last] == 1,
            f"warnings a day: {self.warned}")


def month(lab, checks, name, start, cron, **more):
    m = Month(lab, checks, name, start, **more)
    m.run(datetime(2026, 12, 1), cron)
    m.judge(datetime(2026, 12, 1), m.sim.calls())
    before = len(m.polls)
    m.run(datetime(2026, 12, 1, 4), 1)
    checks.that(len(m.polls) - before >= 3, "polls of the next month: "
                f"{len(m.polls) - before}")


def used_up(lab, checks):
    """The first poll needs more than the month's budget, so nothing could be
    measured: polls then run every hour and do not stop."""
    start = datetime(2026, 11, 30, 18)
    m = Month(lab, checks, "used up", start, 40, 5, (0.5, 4))
    m.run(start + timedelta(hours=4, minutes=30), 1)
    checks.that([p.hour for p in m.polls] == [18, 19, 20, 21, 22] and
                m.warned == {"11-30": 1}, f"polls at {m.polls}, {m.warned}")


def body():
    with Lab("pace") as lab:
        lab.seed, checks = seed(), Checks()
        lab.profile = profile(lab)
        used_up(lab, checks)
        month(lab, checks, "two days", datetime(2026, 11, 29), cron=10,
              dialogs=40, budget=420, hourly=(0.5, 4))
        if LONG:
            month(lab, checks, "a month", datetime(2026, 11, 1), cron=1,
                  dialogs=200, budget=30000, hourly=(5, 50))
        return checks.result()


main(body)
