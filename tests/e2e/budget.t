#!/usr/bin/env -S python3 -B
"""The cost of a schedule in calls to the CRM, counted by the simulator, and the
prediction of the self-check. poller.t counts the calls of single polls, pace.t
those of a budget. LONG=1: a whole busy day instead of an hour.
"""

import datetime
import json
import re

from harness import LONG, TOKEN, Checks, Lab, main, say


def conf(lab, sim):
    return lab.conf("busy.conf", {
        "crm acme": {"url": sim.url, "token": TOKEN, "concurrency": 16,
                     "bot_operators": "10900"},
        "poller": {"state": lab.path("busy")}})


class Office:
    """An account whose jobs run minute by minute, without the servers: keeps
    the chats that the reaper would ask about."""

    def __init__(self, lab, sim, path):
        self.lab, self.sim, self.path = lab, sim, path
        self.known, self.left = set(), set()

    def job(self):
        done = self.lab.must(["poller", "-c", self.path])
        now = {r["chat"] for r in done.records()
               if r["type"] == "chat" and r.get("status") != "closed"}
        self.left = (self.left | self.known) - now
        self.known = now

    def reap(self):
        text = "".join(
            json.dumps({"type": "chat", "tenant": "acme", "chat": c}) + "\n"
            for c in sorted(self.left))
        done = self.lab.must(["poller", "-c", self.path, "--status"],
                             stdin=text.encode())
        self.left -= {r["chat"] for r in done.records()
                      if r.get("status") in ("closed", "gone")}

    def minutes(self, first, last):
        """Polls every minute and reaps every second one; returns the number of
        calls."""
        before = self.sim.calls()
        for minute in range(first, last):
            self.job()
            if minute % 2 == 0:
                self.reap()
            self.sim.advance(60)
        return self.sim.calls() - before


def expected(lab, sim, path):
    """Calls per minute until the end of the month, as poller --check expects
    them around the clock."""
    done = lab.must(["poller", "-c", path, "--check", "-o", "ndjson"])
    said = [r for r in done.records() if r["check"] == "calls"][0]
    now = datetime.datetime.fromisoformat(
        sim.stats()["now"].replace("Z", "+00:00"))
    end = datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc)
    left = said["expected"] - said.get("used", 0)
    return left / ((end - now).total_seconds() / 60)


def busy_day(lab, first, last, ask, dialogs=120, pace=900):
    """Calls per minute of a busy day on which the job runs from one hour to
    another, and the expectation of the self-check: before the first run, and at
    the beginning of the hour `ask`. The world is always the same."""
    sim = lab.sim("--seed", 7, "--dialogs", dialogs, "--operators", 8,
                  "--messages", 10, "--pace", pace, "--start",
                  f"2026-11-20T{first - 1:02}:00:00Z", name="busy")
    path = conf(lab, sim)
    office = Office(lab, sim, path)
    sim.advance(3600)
    guess = expected(lab, sim, path)
    office.job() # the very first poll reads everything
    counted = office.minutes(first * 60, int(ask * 60))
    forecast = expected(lab, sim, path)
    counted += office.minutes(int(ask * 60), last * 60)
    return {"counted": counted / ((last - first) * 60), "guess": guess,
            "forecast": forecast}


def new_account(lab):
    """The calls that --check expects for a new, small team."""
    sim = lab.sim("--dialogs", 5, "--operators", 3, "--messages", 3,
                  name="new")
    done = lab.run(["poller", "--check", "-o", "csv"], env={
        "CRM_URL": sim.url, "CRM_TOKEN": TOKEN, "CRM_TENANT": "acme"})
    lines = [r for r in done.out.decode().splitlines() if ",calls," in r]
    return done.code, lines


def body():
    checks = Checks()
    with Lab("budget") as lab:
        first, last, ask = (8, 19, 12) if LONG else (9, 10, 9.5)
        busy = busy_day(lab, first, last, ask)
        say(str(busy))
        checks.that(
            abs(busy["forecast"] / busy["counted"] - 1) < 0.1,
            f"the self-check expected {busy['forecast']:.2f} calls a minute, "
            f"the CRM counted {busy['counted']:.2f}",
        )
        checks.that(
            1 / 1.5 < busy["guess"] / busy["counted"] < 1.5,
            f"the first self-check expected {busy['guess']:.2f} calls a minute",
        )
        code, lines = new_account(lab)
        say(str(lines))
        checks.that(
            code == 0 and len(lines) == 1 and re.search(
                r'calls,ok,"[0-9]+ calls this month, about [0-9,]+ by its end: '
                r'polls every minute"', lines[0]),
            f"a new account: exit {code}, {lines}")
        return checks.result()


main(body)
