"""budget: calls cost money, so they are counted where they arrive.

The measuring functions are used by tests/bench too, which prints what they
return; here it is held against what is promised.
"""

import json
import math
import time

from cron import Schedule
from harness import LONG, TOKEN, Checks, Lab, main, say

POLLS = "* 8-18 * * *" # the original's schedule
REAPS = "*/2 6-20 * * *"
DAYS = 31 # in the longest month
PAGE = 200 # dialogs a call


def conf(lab, sim, name="messaging.conf", **more):
    return lab.conf(name, {
        "crm acme": {"url": sim.url, "token": TOKEN, "concurrency": 16,
                     "bot_operators": "10900"},
        "poller": {"state": lab.path("state")},
        **more,
    })


def poll(lab, sim, path):
    """Calls of one poll; it must work."""
    before = sim.calls()
    done = lab.run(["poller", "-c", path])
    if done.code != 0 or done.err:
        raise AssertionError(f"poller: {done}")
    return sim.calls() - before, done


def changed_between(old, new):
    """Dialogs of the new listing that a poll has to ask about."""
    return sum(
        1 for k, d in new.items()
        if k not in old or old[k]["last_message"] != d["last_message"]
    )


def second_poll(lab, dialogs=2000, percent=5):
    """Calls of a poll of many open dialogs of which few changed, and of idle
    minutes after it."""
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
    sim.advance(600)
    with_operators, _ = poll(lab, sim, path)
    return {
        "dialogs": len(new),
        "listing": math.ceil(len(new) / PAGE),
        "changed": changed_between(old, new),
        "first": first, "second": second, "idle": idle,
        "idle_with_operators": with_operators,
    }


class Office:
    """An account whose job and reaper are run minute by minute, without the
    servers: what the reaper would ask about is worked out here."""

    def __init__(self, lab, sim, path):
        self.lab, self.sim, self.path = lab, sim, path
        self.known, self.left = set(), set()
        self.fresh = -10**9 # the minute of the newest snapshot

    def job(self, minute):
        _, done = poll(self.lab, self.sim, self.path)
        now = {
            json.loads(line)["chat"] for line in done.out.splitlines()
            if line.startswith(b'{"type":"chat"')
        }
        self.left |= self.known - now
        self.left -= now
        self.known, self.fresh = now, minute

    def reap(self, minute):
        """As reaper --list: what left, or all when the snapshot is old."""
        ask = set(self.left)
        if minute - self.fresh > 2:
            ask |= self.known
        if not ask:
            return
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
            if r["status"] in ("closed", "gone"):
                self.left.discard(r["chat"])
                self.known.discard(r["chat"])

    def minutes(self, first, last, polls, reaps):
        """Runs what fires from one minute of the day to another; returns the
        calls that were made."""
        before = self.sim.calls()
        for minute in range(first, last):
            if polls.fires(minute):
                self.job(minute)
            if reaps.fires(minute):
                self.reap(minute)
            self.sim.advance(60)
        return self.sim.calls() - before


def quiet_hours(lab, dialogs=50):
    """Calls of an hour of the whole job over quiet dialogs, with database,
    and of an hour of the reaper alone, as in the evening."""
    lab.start_servers("mariadb")
    sim = lab.sim("--dialogs", dialogs, "--operators", 5, "--messages", 5,
                  "--pace", 0, name="quiet")
    state = {"poller": {"state": lab.path("quiet")}}
    day = conf(lab, sim, "day.conf", **state)
    # In the evening every snapshot is old.
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
    for minute in range(60):
        before = sim.calls()
        job()
        count["day"] += sim.calls() - before
        if minute % 2 == 0:
            before = sim.calls()
            reap(day)
            count["day_reaps"] += sim.calls() - before
        sim.advance(60)
    time.sleep(1.1) # until the snapshot is old
    for minute in range(0, 60, 2):
        before = sim.calls()
        reap(evening)
        count["evening_reaps"] += sim.calls() - before
        sim.advance(120)
    return count


def month_of(count, polls, reaps):
    """Calls a month from those of the hours, by the schedules."""
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


def busy_day(lab, first, last, dialogs=80, pace=900):
    """Calls of a stretch of a busy day, and the doctor's forecast for it:
    both as calls in that stretch's hours every day of a month."""
    sim = lab.sim("--dialogs", dialogs, "--operators", 8, "--messages", 10,
                  "--pace", pace, "--start",
                  f"2026-11-20T{first // 60 - 1:02}:00:00Z", name="busy")
    hours = f"{first // 60}-{(last - 1) // 60}"
    polls, reaps = f"* {hours} * * *", f"*/2 {hours} * * *"
    path = conf(lab, sim, "busy.conf", poller={
        "state": lab.path("busy"), "schedule": polls,
        "reaper_schedule": reaps,
    })
    office = Office(lab, sim, path)
    sim.advance(3600)
    office.job(first - 1)
    sim.advance(60)
    counted = office.minutes(first, last, Schedule(polls), Schedule(reaps))
    done = lab.run(["poller", "-c", path, "--check", "-o", "ndjson"])
    if done.code != 0:
        raise AssertionError(f"poller --check: {done}")
    return {"counted_month": counted * DAYS, "forecast": forecast_of(done)}
