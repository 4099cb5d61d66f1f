#!/usr/bin/env -S python3 -B
"""Coverage: the first poll begins it, each poll extends it, and a pause longer
than three intervals is a gap, which the next poll fills for all that is computed
from single chats. A lost snapshot is none, because the next poll reads again
what it had. The API and the board say since when figures are
complete. Webhooks cover the time from the first one on.
"""

import json
import os
import re
from datetime import datetime, time, timedelta, timezone

from api_client import Server, token
from harness import BIN, TOKEN, Checks, Lab, main, need, say, until

need("selenium", "python3-selenium: scripts/install-deps browser")
from browser import Browser

FAULTY = os.path.join(os.path.dirname(BIN), "faults", "bin")
KINDS = ("chats", "counts")
MIDNIGHT = time()
SECRET = "a-secret-of-webhooks"


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
        return joined((moment(a), moment(b), s) for a, b, s in self.lab.sql(
            "SELECT begin_at, end_at, source FROM coverage WHERE "
            f"tenant = '{self.name}' AND kind = '{kind}' ORDER BY begin_at"))


def moment(text):
    return datetime.strptime(text[:19].replace("T", " "),
                             "%Y-%m-%d %H:%M:%S")


def joined(rows):
    """Joins the rows of days to ranges."""
    found = []
    for begin, end, source in rows:
        last = found[-1] if found else (None, None, None)
        if (begin, source) == last[1:] and begin.time() == MIDNIGHT:
            found[-1] = (last[0], end, source)
        else:
            found.append((begin, end, source))
    return found


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
    """A pause of three intervals is no gap, a longer one is. It is filled, but
    counts begin again."""
    before = cron.ranges("chats")[0]
    cron.sim.advance(120)
    cron.minutes(1)
    checks.equal(len(cron.ranges("chats")), 1, "after three minutes")
    until = cron.now()
    cron.sim.advance(3600)
    cron.job()
    begun = cron.now()
    cron.minutes(2)
    for kind, sources in zip(KINDS, (["poll", "backfill", "poll"],
                                     ["poll", "poll"])):
        found = cron.ranges(kind)
        checks.equal([r[2] for r in found], sources, f"{kind}: the sources")
        checks.that(found[0][0] == before[0] and near(found[0][1], until) and
                    near(found[-1][0], begun) and
                    near(found[-1][1], cron.now()),
                    f"{kind} after the pause: {found}")
    poll, fill, later = cron.ranges("chats")
    checks.equal((fill[0], fill[1]), (poll[1], later[0]), "the gap is filled")


def shared(lab, checks):
    """The gap of a tenant with many conversations does not keep that of another
    tenant from being filled."""
    start = datetime.now(timezone.utc) - timedelta(hours=5)
    tokens = {name: name + "-token" for name in ("many", "others")}
    sim = lab.sim("--pace", 600, "--hours", "0-24", "--start",
                  start.strftime("%FT%TZ"), name="shared-sim", *(
                      x for t in tokens.values()
                      for x in ("--account", t + ":1:60")))
    conf = lab.conf("shared.conf", {
        "poller": {"state": lab.path("shared-polls")},
        **{"crm " + name: {"url": sim.url, "token": t}
           for name, t in tokens.items()}})
    poll = ["poller", "-v", "-c", conf, "-t", "queue:shared"]
    lab.must(poll)
    sim.advance(3600)
    filled = re.findall(r"gap_filled tenant=(\w+) conversations=(\d+) .*left=yes",
                        lab.must(poll).err)
    checks.that([name for name, _ in filled] == list(tokens), f"{filled}")


def shown(lab, checks, cron, server, since, zone="UTC"):
    """The API and the board say it."""
    lead = token(tenant_id=cron.name, role="lead")
    now = server.ask("/api/v1/now", lead).json()
    terminal = lab.must(["sink", "-c", cron.conf, "--now"]).out.decode()
    checks.that(any(f"; complete since {text}" in " ".join(terminal.split())
                    for text in (f"{since:%H:%M} today", f"{since:%F %H:%M}")),
                f"the terminal: {terminal}")
    checks.equal((now["complete_since"][:19].replace("T", " "),
                  now["first_record"]), (str(since), None), "the API")
    with Browser(lab, f"http://127.0.0.1:{server.port}") as browser:
        browser.log_in(lead)
        browser.open(f"/#zone={zone}")
        browser.until(lambda: f"complete since {since:%H:%M} today" in
                      browser.text("#fresh")
                      or f"complete since {since:%F %H:%M}" in
                      browser.text("#fresh"), "the board's line")


def foreign(lab, checks, cron):
    """Another publisher states nothing: then there is the first record."""
    first = datetime.now(timezone.utc) - timedelta(days=3)
    rows = lab.must(["aggregator", "-o", "ndjson", "-a", "tenant,intervals"],
                    stdin="".join(
        json.dumps({"type": "message", "tenant": "foreign", "chat": "c",
                    "id": str(n), "from": who, "operator": "7",
                    "at": (first + timedelta(minutes=n)).isoformat()}) + "\n"
        for n, who in enumerate(("customer", "operator"))).encode()).out
    lab.must(["sink", "-c", cron.conf], stdin=rows)
    said = lab.must(["sink", "-c", cron.conf, "--now", "--tenant", "foreign"])
    answered = first + timedelta(minutes=1)
    checks.that(f"; since the first record, {answered:%F %H:%M}" in
                " ".join(said.out.decode().split()), f"the terminal: {said}")


class Pushed:
    """A tenant whose CRM sends webhooks and is never polled."""

    def __init__(self, lab):
        self.lab = lab
        self.conf = self.configure()
        self.listen()
        self.sim = lab.sim(
            "--crm", "chatwoot", "--dialogs", 0, "--pace", 0, "--start",
            datetime.now(timezone.utc).strftime("%FT%TZ"), "--speed", 1,
            "--webhooks",
            f"http://127.0.0.1:{self.listener.port}/hooks/pushed/chatwoot",
            "--webhook-secret", SECRET, name="pushed-sim")

    def configure(self):
        return self.lab.conf("pushed.conf", {
            "crm pushed": {"profile": "chatwoot", "account": 1,
                           "hook": "signature", "hook_secret": SECRET},
            "aggregator": {"state": self.lab.path("pushed-state")}})

    def listen(self):
        self.listener = self.lab.serve(
            ["poller", "-c", self.conf, "--listen", "127.0.0.1:0", "-t",
             "queue:pushed", "--state", self.lab.path("pushed-listener")],
            "pushed-listener")

    def ranges(self):
        self.lab.must(["aggregator", "-c", self.conf, "-f", "queue:pushed",
                       "-t", "queue:rows", "--until-empty"])
        self.lab.must(["sink", "-c", self.conf, "-f", "queue:rows",
                       "--until-empty"])
        return [r[:2] for r in joined(
            (moment(a), moment(b), s) for a, b, s in self.lab.sql(
                "SELECT begin_at, end_at, source FROM coverage WHERE "
                "tenant = 'pushed' AND kind = 'chats' AND source = 'webhook' "
                "ORDER BY begin_at"))]


def webhooks(lab, checks):
    """The first webhook begins a range, which grows each minute, also while no
    webhook arrives, and which a short restart does not end."""
    pushed = Pushed(lab)
    pushed.sim.control("act", do="arrive", account=TOKEN)
    begun = datetime.now(timezone.utc).replace(tzinfo=None)
    [first] = until(90, pushed.ranges, "the first statement")
    checks.that(near(first[0], begun) and
                timedelta(seconds=50) < first[1] - first[0],
                f"the first minute: {first}, begun {begun}")
    lab.end(pushed.listener)
    pushed.listen()
    until(90, lambda: pushed.ranges()[-1][1] > first[1], "the next statement")
    checks.equal([r[0] for r in pushed.ranges()], [first[0]], "one range")


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
        say("- foreign")
        foreign(lab, checks, cron)
        say("- lost")
        lost(lab, checks, cron)
        say("- pause")
        pause(lab, checks, cron)
        shown(lab, checks, cron, server, first)
        say("- shared")
        shared(lab, checks)
        say("- webhooks")
        webhooks(lab, checks)
    return checks.result()


main(body)
