"""budget: calls cost money, so they are counted at the CRM."""

import datetime
import json
import math
import re
import time

from cron import Schedule
from harness import LONG, TOKEN, Checks, Lab, say

POLLS = "* 8-18 * * *" # the original's schedule
REAPS = "*/2 6-20 * * *"
DAYS = 31 # in the longest month
PAGE = 200 # dialogs per call


def conf(lab, sim, name="messaging.conf", **more):
    return lab.conf(name, {
        "crm acme": {"url": sim.url, "token": TOKEN, "concurrency": 16,
                     "bot_operators": "10900"},
        "poller": {"state": lab.path("state")},
        **more,
    })


def poll(lab, sim, path):
    """The number of calls of one poll, which must succeed."""
    before = sim.calls()
    done = lab.run(["poller", "-c", path])
    if done.code != 0 or done.err:
        raise AssertionError(f"poller: {done}")
    return sim.calls() - before, done


def changed_between(old, new):
    """Dialogs in the new listing that a poll has to request."""
    return sum(
        1 for k, d in new.items()
        if k not in old or old[k]["last_message"] != d["last_message"]
    )


def second_poll(lab, dialogs=1000, percent=5):
    """The calls of a poll of many open dialogs of which a few changed, and of
    idle minutes after it."""
    sim = lab.sim("--dialogs", dialogs, "--operators", 10, "--messages", 5,
                  "--pace", 0, name="second")
    path = conf(lab, sim)
    first, _ = poll(lab, sim, path)
    old = sim.open_dialogs()
    sim.advance(60)
    sim.control("act", do="touch", percent=percent)
    new = sim.open_dialogs()
    second, _ = poll(lab, sim, path)
    idle = []
    for _ in range(3):
        sim.advance(60)
        idle.append(poll(lab, sim, path)[0])
    # The poller expects the clock to advance as before, so it notices a jump
    # one poll late.
    sim.advance(600)
    with_operators = poll(lab, sim, path)[0]
    sim.advance(60)
    with_operators += poll(lab, sim, path)[0]
    return {
        "dialogs": len(new),
        "listing": math.ceil(len(new) / PAGE),
        "changed": changed_between(old, new),
        "first": first, "second": second, "idle": idle,
        "idle_with_operators": with_operators, # two polls
    }


class Office:
    """An account whose job and reaper run minute by minute, without the
    servers: computes what the reaper would ask about."""

    def __init__(self, lab, sim, path):
        self.lab, self.sim, self.path = lab, sim, path
        self.known, self.left = set(), set()
        self.fresh = -10**9 # minute of the newest snapshot

    def job(self, minute):
        _, done = poll(self.lab, self.sim, self.path)
        now = {
            json.loads(line)["chat"] for line in done.out.splitlines()
            if line.startswith(b'{"type":"chat"')
            and b'"status":"closed"' not in line
        }
        self.left |= self.known - now
        self.left -= now
        self.known, self.fresh = now, minute

    def reap(self, minute):
        """Like reaper --list: chats that left, or all if the snapshot is
        old."""
        ask = set(self.left)
        if minute - self.fresh > 2:
            ask |= self.known
        text = "".join(
            json.dumps({"type": "chat", "tenant": "acme", "chat": c}) + "\n"
            for c in sorted(ask)
        )
        done = self.lab.run(
            ["poller", "-c", self.path, "--status"], stdin=text.encode()
        )
        if done.code != 0:
            raise AssertionError(f"poller --status: {done}")
        for r in done.records():
            if r.get("status") in ("closed", "gone"):
                self.left.discard(r["chat"])
                self.known.discard(r["chat"])

    def minutes(self, first, last, polls, reaps):
        """Runs the jobs that fire between two minutes of the day and returns
        the number of calls."""
        before = self.sim.calls()
        for minute in range(first, last):
            if polls.fires(minute):
                self.job(minute)
            if reaps.fires(minute):
                self.reap(minute)
            self.sim.advance(60)
        return self.sim.calls() - before


def quiet_hours(lab, dialogs=50, minutes=60):
    """Calls per hour of the whole job over quiet dialogs, with a database, and
    of the reaper alone, as in the evening; measured over that many minutes of
    each."""
    lab.start_servers("mariadb")
    sim = lab.sim("--dialogs", dialogs, "--operators", 5, "--messages", 5,
                  "--pace", 0, name="quiet")
    state = {"poller": {"state": lab.path("quiet")}}
    day = conf(lab, sim, "day.conf", **state)
    # In the evening, every snapshot is old.
    evening = conf(lab, sim, "evening.conf", **state,
                   reaper={"stale": "1s"})

    def works(*commands):
        for done in lab.pipe(*commands):
            if done.code != 0:
                raise AssertionError(f"{commands}: {done}")

    def job():
        works(["poller", "-c", day], ["aggregator", "-c", day],
              ["sink", "-c", day])

    def reap(path):
        works(["reaper", "-c", path, "--list"],
              ["poller", "-c", path, "--status"], ["reaper", "-c", path])

    works(["sink", "-c", day, "--migrate"])
    job()
    sim.advance(60)
    count = {"day": 0, "day_reaps": 0, "evening_reaps": 0}
    for minute in range(minutes):
        before = sim.calls()
        job()
        count["day"] += sim.calls() - before
        if minute % 2 == 0:
            before = sim.calls()
            reap(day)
            count["day_reaps"] += sim.calls() - before
        sim.advance(60)
    time.sleep(1.1) # until the snapshot is old
    for minute in range(0, minutes, 2):
        before = sim.calls()
        reap(evening)
        count["evening_reaps"] += sim.calls() - before
        sim.advance(120)
    return {name: n * 60 / minutes for name, n in count.items()}


def month_of(count, polls, reaps):
    """Calls per month computed from the hours, by the schedules."""
    fresh = stale = 0
    last = -10**9
    for minute in range(24 * 60):
        if reaps.fires(minute):
            if minute - last > 2:
                stale += 1
            else:
                fresh += 1
        if polls.fires(minute):
            last = minute
    day = (
        polls.a_day() * count["day"] / 60
        + fresh * count["day_reaps"] / 30
        + stale * count["evening_reaps"] / 30
    )
    return math.ceil(day * DAYS)


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
    path = conf(lab, sim, "busy.conf", poller={"state": lab.path("busy")})
    fires = Schedule("* * * * *"), Schedule("*/2 * * * *")
    office = Office(lab, sim, path)
    sim.advance(3600)
    guess = expected(lab, sim, path)
    office.job(first * 60) # the very first poll reads everything
    counted = office.minutes(first * 60, int(ask * 60), *fires)
    forecast = expected(lab, sim, path)
    counted += office.minutes(int(ask * 60), last * 60, *fires)
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
        c = second_poll(lab)
        say(str(c))
        checks.that(
            c["changed"] == c["dialogs"] // 20, "the world is another one"
        )
        limit = c["listing"] + c["changed"] + 20
        checks.that(
            c["second"] <= limit, f"second poll: {c['second']} > {limit}"
        )
        checks.that(
            c["idle"] == [c["listing"]] * len(c["idle"]),
            f"idle minutes: {c['idle']}, the listing takes {c['listing']}",
        )
        checks.that(
            c["idle_with_operators"] == 2 * c["listing"] + 1,
            f"with operators: {c['idle_with_operators']}",
        )
        count = quiet_hours(lab, minutes=60 if LONG else 10)
        month = month_of(count, Schedule(POLLS), Schedule(REAPS))
        say(f"{count}, {month} a month")
        checks.that(month < 27000, f"{month} calls a month")
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
                r'calls,ok,"[0-9]+ calls this month, about [0-9,]+ expected: '
                r'polls every minute"', lines[0]),
            f"a new account: exit {code}, {lines}")
        return checks.result()
