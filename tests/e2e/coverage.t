#!/usr/bin/env -S python3 -B
"""Coverage: the first poll begins it, each poll extends it, and a pause longer
than three intervals is a gap. A lost snapshot is none, because the next poll
reads again what it had. The API and the board say since when figures are
complete.
"""

import os
from datetime import datetime, timedelta, timezone

from api_client import Server, token
from harness import BIN, TOKEN, Checks, Lab, main, need, say

need("selenium", "python3-selenium: scripts/install-deps browser")
from browser import Browser

FAULTY = os.path.join(os.path.dirname(BIN), "faults", "bin")
KINDS = ("chats", "counts")


class Cron:
    """A tenant whose CRM is simulated, and the minute job."""

    def __init__(self, lab, name, checks, *options, **section):
        self.lab, self.name, self.checks = lab, name, checks
        start = datetime.now(timezone.utc) - timedelta(hours=5)
        self.sim = lab.sim("--pace", 0, "--dialogs", 6, "--start",
                           start.strftime("%FT%TZ"), *options,
                           name=name + "-sim")
        self.conf = lab.conf(name + ".conf", {
            "crm " + name: {"url": self.sim.url, "token": TOKEN, **section},
            "poller": {"state": lab.path(name + "-polls")},
            "aggregator": {"state": lab.path(name + "-state")}})

    def now(self):
        return moment(self.sim.stats()["now"])

    def job(self, code=0):
        done = self.lab.run(["scripts/job", "-c", self.conf, "-b", BIN, "-l",
                             self.lab.path("job.lock")])
        self.checks.equal(done.code, code, f"the job: {done}")
        return done

    def minutes(self, n):
        for _ in range(n):
            self.sim.advance(60)
            self.job()

    def ranges(self, kind):
        return [(moment(a), moment(b), source) for a, b, source in self.lab.sql(
            "SELECT begin_at, end_at, source FROM coverage WHERE "
            f"tenant = '{self.name}' AND kind = '{kind}' ORDER BY begin_at")]


def moment(text):
    return datetime.strptime(text[:19].replace("T", " "),
                             "%Y-%m-%d %H:%M:%S")


def near(a, b):
    return abs(a - b) < timedelta(seconds=20)


def polls(lab, checks, cron):
    """The range begins with the first poll and ends with the last."""
    first = cron.now()
    cron.job()
    cron.minutes(3)
    for kind in KINDS:
        found = cron.ranges(kind)
        checks.that(len(found) == 1 and near(found[0][0], first) and
                    near(found[0][1], cron.now()) and found[0][2] == "poll",
                    f"{kind}: {found}, from {first} to {cron.now()}")
    return cron.ranges("chats")[0][0]


def lost(lab, checks, cron):
    """The snapshot of a poll that is killed before its end marker is published
    is no gap: nobody has confirmed it."""
    before = cron.ranges("chats")
    cron.sim.advance(60)
    done = lab.run([os.path.join(FAULTY, "poller"), "-c", cron.conf, "-t",
                    "queue:records"],
                   env={"FAULT": "poller.after_state_commit:1"})
    checks.that(done.code != 0, f"the poller is killed: {done}")
    cron.minutes(1)
    checks.equal([r[0] for r in cron.ranges("chats")],
                 [r[0] for r in before], "one range")
    checks.that(near(cron.ranges("chats")[0][1], cron.now()), "it goes on")


def pause(lab, checks, cron):
    """A pause of three intervals is no gap, a longer one is."""
    before = cron.ranges("chats")[0]
    cron.sim.advance(120)
    cron.minutes(1)
    checks.equal(len(cron.ranges("chats")), 1, "after three minutes")
    until = cron.now()
    cron.sim.advance(3600)
    done = cron.job()
    checks.that("there was no poll from" in done.err, f"the warning: {done}")
    begun = cron.now()
    cron.minutes(2)
    for kind in KINDS:
        found = cron.ranges(kind)
        checks.that(
            len(found) == 2 and found[0][0] == before[0] and
            near(found[0][1], until) and near(found[1][0], begun) and
            near(found[1][1], cron.now()), f"{kind} after the pause: {found}")


def shown(lab, checks, cron, server, since, zone="UTC"):
    """The API and the board say it."""
    lead = token(tenant_id=cron.name, role="lead")
    now = server.ask("/api/v1/now", lead).json()
    checks.equal((now["complete_since"][:19].replace("T", " "),
                  now["first_record"]), (str(since), None), "the API")
    with Browser(lab, f"http://127.0.0.1:{server.port}") as browser:
        browser.log_in(lead)
        browser.open(f"/#zone={zone}")
        browser.until(lambda: f"complete since {since:%H:%M} today" in
                      browser.text("#fresh")
                      or f"complete since {since:%F %H:%M}" in
                      browser.text("#fresh"), "the board's line")


def body():
    checks = Checks()
    with Lab("coverage") as lab:
        lab.start_servers()
        cron = Cron(lab, "acme", checks)
        lab.must(["sink", "-c", cron.conf, "--migrate"])
        server = Server(lab)
        say("- polls")
        first = polls(lab, checks, cron)
        say("- shown")
        shown(lab, checks, cron, server, first)
        say("- lost")
        lost(lab, checks, cron)
        say("- pause")
        pause(lab, checks, cron)
        shown(lab, checks, cron, server, cron.ranges("chats")[-1][0])
    return checks.result()


main(body)
