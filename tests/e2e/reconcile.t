#!/usr/bin/env -S python3 -B
"""scripts/reconcile beside the report of a simulated Chatwoot, which the oracle
computes by Chatwoot's rules: our figures by its definition are the same for every
operator, and each planted difference has its reason and its conversations."""

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
    def __init__(self, lab, name, *options):
        self.lab, self.name = lab, name
        self.sim = lab.sim("--crm", "chatwoot", "--dialogs", 0, "--hours",
                           "0-24", "--die-with-parent", *options, name=name)
        with open("poller/profiles/chatwoot.jq", encoding="utf-8") as f:
            profile = lab.write("chatwoot.jq", f.read().replace(
                "backfill: 300", "backfill: 60000"))
        lab.write("token", TOKEN + "\n")
        self.conf = lab.conf(name + ".conf", {"crm " + TOKEN: {
            "profile": profile, "url": self.sim.root, "account": 1,
            "token_file": lab.path("token")}})

    def act(self, what, after=10, **more):
        self.sim.advance(after)
        return self.sim.control("act", do=what, account=TOKEN, **more).get(
            "dialog")

    def report(self, since=SECONDS):
        agents = [o["id"] for o in self.sim.get("/operators?limit=200")["data"]
                  if o["id"] < chatwoot_report.ROBOT
                  and o["role"] not in ("disabled", "deleted", "unconfirmed")]
        return chatwoot_report.report(self.sim.world(), agents, since, UNTIL)

    def reconcile(self, report):
        """{(operator, figure): row}"""
        urllib.request.urlopen(urllib.request.Request(
            self.sim.root + "/control/report", json.dumps(report).encode(),
            method="POST")).close()
        done = self.lab.must(["scripts/reconcile", "-b", BIN, "-c", self.conf,
                              "-o", "ndjson", SINCE, "2026-11-21"])
        return {(r["operator"], r["figure"]): r for r in done.records()}

    def talk(self, agent, **more):
        """A customer writes, and the agent has the conversation and answers."""
        chat = self.act("arrive", **more)
        self.act("transfer", dialog=chat, operator=agent)
        self.act("answer", 40, dialog=chat, operator=agent)
        return chat


def same(lab, checks):
    """A day of a team: every conversation is assigned at once, and then anything
    happens to it."""
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
    rows = t.reconcile(t.report())
    checks.that(len(rows) >= 10, f"{len(rows)} rows")
    checks.equal({key: r for key, r in rows.items()
                  if not -0.01 < (r["difference"] or 0) < 0.01},
                 {}, "differences")


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
    report = [r for r in t.report(SECONDS + 60) if r["id"] != 508]
    for r in report:
        if r["id"] == 501:
            r.update(resolved_conversations_count=2, avg_resolution_time=500)
    rows = t.reconcile(report)
    want = {
        ("501", "resolution"): "missing",
        ("502", "reply"): f"transfer {passed}",
        ("503", "reply"): f"transfer {passed}",
        ("504", "first_response"): f"reopening {again}",
        ("504", "reply"): f"reopening {again}",
        ("504", "resolution"): f"reopening {again}",
        ("505", "first_response"): f"outbound {ours}",
        ("506", "resolution"): f"unassigned {nobody}",
        ("507", "first_response"): f"edge {edge}",
        ("508", "first_response"): "removed",
    }
    checks.equal({key: r["reasons"] for key, r in rows.items()
                  if r["reasons"]}, want, "reasons")
    checks.equal([rows["502", "reply"][k] for k in (
        "chatwoot", "same_rules", "ours", "difference")],
        [30, 30, None, 0], "the reply that was passed on")
    checks.equal([rows["504", "resolution"][k] for k in (
        "chatwoot", "ours")], [375, 150], "resolutions")
    checks.that(gone and rows["508", "first_response"]["chatwoot"] is None,
                "who left")


def refused(lab, checks):
    t = Test(lab, "refused", "--pace", 0)
    run = ["scripts/reconcile", "-b", BIN, "-c", t.conf]
    for words, says in (([SINCE], "give SINCE and UNTIL"),
                        (["2026-11-21", "2026-11-20"], "behind SINCE")):
        done = lab.run(run + words)
        checks.that(done.code == 64 and says in done.err, f"{words}: {done}")
    lab.write("token", "wrong\n")
    done = lab.run(run + [SINCE, "2026-11-21"])
    checks.that(done.code == 69 and "administrator" in done.err and
                "wrong" not in done.err, f"a wrong token: {done}")


def body():
    checks = Checks()
    with Lab("reconcile") as lab:
        for test in (planted, same, refused):
            test(lab, checks)
    return checks.result()


main(body)
