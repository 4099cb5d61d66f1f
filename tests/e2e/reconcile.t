#!/usr/bin/env -S python3 -B
"""scripts/reconcile compared with the report of a simulated Chatwoot, which
the oracle computes by Chatwoot's rules: our figures by its definition are the
same for every operator, and each planted difference has its reason and its
conversations.
"""

import json
import os
import random
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import chatwoot_report  # noqa: E402
from harness import BIN, Checks, Lab, TOKEN, main, seed  # noqa: E402

SINCE, SECONDS = "2026-11-20T09:00:00Z", 1795165200
UNTIL = SECONDS + 86400


class Test:
    def __init__(self, lab, name, *options, **keys):
        self.lab, self.name = lab, name
        self.sim = lab.sim("--crm", "chatwoot", "--dialogs", 0, "--hours",
                           "0-24", "--die-with-parent", *options, name=name)
        with open("poller/profiles/chatwoot.jq", encoding="utf-8") as f:
            profile = lab.write("chatwoot.jq", f.read().replace(
                "backfill: 300", "backfill: 60000"))
        lab.write("token", TOKEN + "\n")
        self.conf = lab.conf(name + ".conf", {"crm " + TOKEN: {
            "profile": profile, "url": self.sim.root, "account": 1,
            "token_file": lab.path("token"), **keys}})

    def act(self, what, after=10, **more):
        self.sim.advance(after)
        return self.sim.control("act", do=what, account=TOKEN, **more).get(
            "dialog")

    def events(self, hours=None):
        return chatwoot_report.events(self.sim.world(), hours)

    def reconcile(self, events, *options, left=(), shown=True):
        """{(operator, figure): row}; left: agents who left the account."""
        agents = [o["id"] for o in self.sim.get("/operators?limit=200")["data"]
                  if o["id"] < chatwoot_report.ROBOT and o["id"] not in left
                  and o["role"] not in ("disabled", "deleted", "unconfirmed")]

        def rows(value):
            return chatwoot_report.report(events, agents, SECONDS, UNTIL,
                                          value)

        urllib.request.urlopen(urllib.request.Request(
            self.sim.root + "/control/report", json.dumps({
                "agents": rows("value"),
                "business_hours": rows("value_in_business_hours"),
                "events": events if shown else {}}).encode(),
            method="POST")).close()
        done = self.lab.must(["scripts/reconcile", "-b", BIN, "-c", self.conf,
                              "-o", "ndjson", *options, SINCE, "2026-11-21"])
        return {(r["operator"], r["figure"]): r for r in done.records()}

    def talk(self, agent, **more):
        """A customer writes; the agent gets the conversation and answers."""
        chat = self.act("arrive", **more)
        self.act("transfer", dialog=chat, operator=agent)
        self.act("answer", 40, dialog=chat, operator=agent)
        return chat


def same(lab, checks):
    """A day of a team: every conversation is assigned at once, followed by
    random events."""
    number = seed()
    dice, open_ = random.Random(number), {}
    t = Test(lab, "same", "--operators", 4, "--pace", 0)
    for _ in range(400):
        chat = dice.choice(list(open_)) if open_ and dice.random() < 0.93 else \
            t.act("arrive", dice.randrange(1, 90))
        what = dice.choice(("client", "answer", "client", "answer", "note",
                            "autoreply", "transfer", "close"))
        if chat not in open_:
            what = "transfer"
        if what == "close" and not open_[chat]:
            continue
        t.act(what, dice.randrange(1, 90) if chat in open_ else 0, dialog=chat,
              operator=501 + dice.randrange(4))
        if what in ("client", "answer", "close") or chat not in open_:
            open_[chat] = what != "close"
    rows = t.reconcile(t.events())
    checks.that(len(rows) >= 10, f"{len(rows)} rows")
    checks.equal({key: r for key, r in rows.items()
                  if not -0.01 < (r["difference"] or 0) < 0.01},
                 {}, "differences")


def reasons(rows):
    return {key: r["reasons"] for key, r in rows.items() if r["reasons"]}


def planted(lab, checks):
    t = Test(lab, "planted", "--operators", 8, "--pace", 0)
    edge = t.act("arrive", 1)
    t.act("transfer", 1, dialog=edge, operator=507)
    t.act("answer", 20, dialog=edge, operator=507)
    t.sim.advance(100)
    passed = t.talk(502)
    t.act("client", dialog=passed)
    t.act("answer", 30, dialog=passed, operator=503)
    again = t.talk(504)
    t.act("close", 100, dialog=again)
    t.act("client", 300, dialog=again)
    t.act("answer", 50, dialog=again, operator=504)
    t.act("close", 100, dialog=again)
    ours = t.act("arrive", operator=505)
    nobody = t.act("arrive")
    t.act("close", 60, dialog=nobody)
    t.act("client", 60, dialog=nobody)
    t.act("transfer", dialog=nobody, operator=506)
    gone = t.talk(508)
    lost = t.talk(501)
    t.act("close", 60, dialog=lost)
    events = t.events()
    events[lost].append(dict(events[lost][-1], value=500))
    events[edge][0].update(at=SECONDS - 1,
                           created_at=chatwoot_report.utc(SECONDS - 1))
    rows = t.reconcile(events, left=(508,))
    want = {
        ("501", "resolution"): f"missing {lost}",
        ("502", "reply"): f"transfer {passed}",
        ("503", "reply"): f"transfer {passed}",
        ("504", "first_response"): f"reopening {again}",
        ("504", "reply"): f"reopening {again}",
        ("504", "resolution"): f"reopening {again}",
        ("505", "first_response"): f"outbound {ours}",
        ("507", "first_response"): f"edge {edge}",
        ("508", "first_response"): "removed",
    }
    checks.equal(reasons(rows), want, "reasons")
    checks.equal([rows["502", "reply"][k] for k in (
        "chatwoot", "same_rules", "ours", "difference")],
        [30, 30, None, 0], "the reply that was passed on")
    checks.equal([rows["504", "resolution"][k] for k in (
        "chatwoot", "ours")], [375, 150], "resolutions")
    checks.that(gone and rows["508", "first_response"]["chatwoot"] is None,
                "who left")


def bots_and_late(lab, checks):
    t = Test(lab, "bots", "--operators", 5, "--pace", 0, bot_operators="504")
    t.sim.advance(100)
    t.talk(501)
    # A bot answers and hands over.
    handed = t.act("arrive")
    t.act("answer", 3, dialog=handed, operator=chatwoot_report.ROBOT)
    t.act("handoff", 20, dialog=handed)
    t.act("transfer", 0, dialog=handed, operator=502)
    t.act("answer", 30, dialog=handed, operator=502)
    # A message that Chatwoot stored after the answer, although it was written
    # before.
    late = t.talk(503)
    t.act("late", 10, ago=20, dialog=late)
    t.act("answer", 30, dialog=late, operator=503)
    # Chatwoot takes a bot that writes as an agent for a person.
    robot = t.act("arrive")
    t.act("transfer", 0, dialog=robot, operator=505)
    t.act("answer", 5, dialog=robot, operator=504)
    t.act("answer", 50, dialog=robot, operator=505)
    events = t.events()
    want = {
        ("502", "first_response"): f"bot {handed}",
        ("503", "reply"): f"late {late}",
        ("504", "first_response"): f"bot {robot}",
        ("505", "first_response"): f"bot {robot}",
    }
    checks.equal(reasons(t.reconcile(events)), want, "reasons")
    # An older Chatwoot does not provide the events of a conversation.
    want.update({("503", "reply"): "missing",
                 ("504", "first_response"): "missing"})
    checks.equal(reasons(t.reconcile(events, shown=False)), want,
                 "without events")


def business_hours(lab, checks):
    """Business hours are from 9 to 17."""
    t = Test(lab, "hours", "--operators", 2, "--pace", 0)
    t.talk(501)
    t.sim.advance(8 * 3600 - 300)
    late = t.talk(502)
    t.act("client", 240 - 60 - 30, dialog=late)
    t.act("answer", 120, dialog=late, operator=502)
    for hours, want in (((9, 17), {("502", "reply"): f"business hours {late}"}),
                        ((0, 24), {})):
        events = t.events(hours)
        checks.equal(reasons(t.reconcile(events)), {}, "around the clock")
        checks.equal(reasons(t.reconcile(events, "-B")), want, f"{hours}")


def refused(lab, checks):
    t = Test(lab, "refused", "--pace", 0)
    run = ["scripts/reconcile", "-b", BIN, "-c", t.conf]
    for words, says in (([SINCE], "give SINCE and UNTIL"),
                        (["2026-11-21", "2026-11-20"], "after SINCE")):
        done = lab.run(run + words)
        checks.that(done.code == 64 and says in done.err, f"{words}: {done}")
    lab.write("token", "wrong\n")
    done = lab.run(run + [SINCE, "2026-11-21"])
    checks.that(done.code == 69 and "administrator" in done.err and
                "wrong" not in done.err, f"a wrong token: {done}")


def body():
    checks = Checks()
    with Lab("reconcile") as lab:
        for test in (planted, bots_and_late, business_hours, same, refused):
            test(lab, checks)
    return checks.result()


main(body)
