#!/usr/bin/env -S python3 -B
"""Polls of a simulated Chatwoot: the cost of an idle minute, and of one with
changes; lists that move while they are read; snoozed and deleted conversations;
refusals by a policy; past conversations; assigning. worlds.t includes random worlds of
Chatwoot.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Checks, Lab, TOKEN, main, say  # noqa: E402


ROBOT = 10900


class Account:
    """A simulated account, and a poller with its own state."""

    def __init__(self, lab, name, *options, **section):
        self.lab = lab
        os.mkdir(lab.path(name))
        self.sim = lab.sim("--crm", "chatwoot", "--pace", "0",
                           "--die-with-parent", *options, name=name + "/sim")
        self.conf = lab.conf(name + "/conf", {
            "crm " + TOKEN: {"profile": "chatwoot", "url": self.sim.root,
                             "account": 1, "token": TOKEN, **section},
            "poller": {"state": lab.path(name + "/state")},
        })

    def poll(self):
        """{chat: record} of the open chats, from a poll that must succeed."""
        out = self.lab.must(["poller", "-c", self.conf]).out
        records = (json.loads(line) for line in out.splitlines())
        return {r["chat"]: r for r in records if r["type"] == "chat"
                and r.get("status") != "closed"}

    def calls(self):
        """Calls since the last time, by route."""
        routes = self.sim.stats()["by_route"]
        self.sim.control("reset-stats")
        return {route.split("/")[-1]: n for route, n in routes.items()}

    def open(self):
        """Chats that are open now and have messages."""
        world = self.sim.world()
        written = {m["dialog_id"] for m in world["messages"]}
        return {str(d["id"]) for d in world["dialogs"]
                if d["state"] == "open" and d["id"] in written
                and d["id"] not in world["gone"]}

    def act(self, what, chat=None, **more):
        self.sim.control("act", do=what, account=TOKEN,
                         **({} if chat is None else {"dialog": chat}), **more)


def costs(lab, checks):
    """An idle minute costs one call; otherwise two for each changed chat that
    is not closed, and one for the list."""
    a = Account(lab, "costs", "--dialogs", 500)
    first = a.poll()
    checks.equal(set(first), a.open(), "the first poll")
    a.calls()
    for minute in range(2):
        a.sim.advance(60)
        checks.equal(set(a.poll()), set(first), "an idle minute")
        checks.equal(a.calls(), {"conversations": 1}, "its calls")
    a.sim.advance(60)
    a.act("touch", percent=4)
    a.poll()
    calls = a.calls()
    checks.that(21 <= sum(calls.values()) <= 25, f"20 changed: {calls}")
    closed = sorted(first)[:3]
    for chat in closed:
        a.act("close", chat)
    checks.equal(set(a.poll()), set(first) - set(closed), "three are closed")
    a.act("client", closed[0])
    checks.equal(set(a.poll()), set(first) - set(closed[1:]), "one is back")
    # A change without a message: no messages are read, and the snapshot is
    # complete.
    a.calls()
    a.act("label", sorted(first)[9])
    for when in ("now", "then"):
        out = lab.must(["poller", "-c", a.conf]).out
        lab.must(["aggregator"], stdin=out)
        tags = [r.get("tag") for r in map(json.loads, out.splitlines())
                if r["type"] == "chat" and r["chat"] == sorted(first)[9]]
        checks.equal(tags[-1:], ["new"], f"the label {when}")
        checks.equal(a.calls(), {"conversations": 1}, f"calls {when}")


def moving(lab, checks):
    """Before each page a conversation is closed or gets a message: no other is
    missed, neither by a poll with a state nor by the first one."""
    for value, name in ((1, "closing"), (0, "writing")):
        a = Account(lab, name, "--dialogs", 130)
        a.sim.fault("page-moves", value=value, count=50)
        seen = a.poll()
        checks.that(a.calls()["conversations"] >= 6, "the list has pages")
        a.sim.fault("none")
        checks.equal(a.open() - set(seen), set(), f"{name}: missed")
        checks.equal(set(a.poll()), a.open(), f"{name}: the next poll")


def snoozed(lab, checks):
    """A snoozed conversation is listed, and shown while its customer waits; its
    operator's answer ends that, and the customer's next message opens it."""
    a = Account(lab, "snoozed", "--dialogs", 0)
    chat = str(a.sim.control("act", do="arrive", account=TOKEN)["dialog"])

    def shown():
        a.sim.advance(60)
        out = lab.must(["poller", "-c", a.conf]).out
        done = lab.must(["aggregator", "-a", "chats,tenant", "-o", "ndjson"],
                        stdin=out)
        rows = [r for r in done.records() if r["type"] == "row"]
        [total] = [r for r in rows if r["table"] == "tenant_metrics"]
        return ([(r["status"], r["next_kind"]) for r in rows
                 if r["table"] == "chat_metrics"],
                total["open_chats"], total["waiting_chats"])

    a.act("snooze", chat)
    checks.equal(shown(), ([("snoozed", "first_response")], 1, 1), "waits")
    checks.that(a.calls()["conversations"] >= 3, "a list of each status")
    a.act("answer", chat, operator=503)
    checks.equal(shown(), ([], 0, 0), "answered")
    a.act("client", chat)
    checks.equal(shown(), ([("open", "reply")], 1, 1), "opened")
    a.act("snooze", chat)
    checks.equal(shown(), ([("snoozed", "reply")], 1, 1), "snoozed again")
    a.calls()
    checks.equal(shown(), ([("snoozed", "reply")], 1, 1), "an idle minute")
    checks.equal(a.calls(), {"conversations": 1}, "its calls")


def deleted(lab, checks):
    """The next full list reveals a deleted conversation."""
    a = Account(lab, "deleted", "--dialogs", 30)
    first = set(a.poll())
    gone = sorted(first)[7]
    a.act("remove", gone)
    a.sim.advance(600)
    checks.equal(set(a.poll()), first, "within the hour")
    a.sim.advance(3600)
    a.poll() # notices that the CRM's clock jumped
    checks.equal(set(a.poll()), first - {gone}, "after it")
    line = json.dumps({"type": "chat", "tenant": TOKEN, "chat": gone})
    status = lab.must(["poller", "-c", a.conf, "--status"],
                      stdin=line.encode() + b"\n").records()
    checks.equal([r["status"] for r in status], ["gone"], "its status")


def denied(lab, checks):
    """A policy denies one conversation with the status for a wrong token."""
    a = Account(lab, "denied", "--dialogs", 20)
    a.sim.fault("401-policy", count=1, after=3, method="GET",
                route="/api/v1/accounts/1/conversations/")
    done = lab.run(["poller", "-c", a.conf])
    checks.ends(done, 69, "1 of 20 chats could not be read.*authorized")
    checks.equal(set(a.poll()), a.open(), "the next poll")
    a.sim.fault("401", count=1)
    checks.ends(lab.run(["poller", "-c", a.conf]), 77, "Token is not correct")


def fast_profile(lab):
    """A profile that reads the past without pauses."""
    with open("poller/profiles/chatwoot.jq", encoding="utf-8") as f:
        text = f.read()
    return lab.write("fast.jq", text.replace("backfill: 300",
                                             "backfill: 60000"))


def in_chats(done):
    """The records of chats and messages."""
    return [r for r in done.records() if "chat" in r]


def past(lab, checks):
    """Each past conversation is read, and each of its closings is a row of
    history; a killed run continues; events since the first poll are left to the
    polls."""
    a = Account(lab, "past", "--dialogs", 70, "--messages", 12,
                profile=fast_profile(lab), history="all")
    back = ["poller", "-c", a.conf, "--backfill", "365d"]
    a.sim.fault("401", after=60, count=1, method="GET",
                route="/api/v1/accounts/1/conversations/")
    checks.ends(lab.run(back), 77, "Token is not correct")
    a.calls()
    rest = in_chats(lab.must(back))
    calls = a.calls()["messages"]
    checks.that(20 <= calls <= 40, f"the rest of 84: {calls}")
    first = lab.must(back)
    world = a.sim.world()
    checks.equal({r["chat"] for r in in_chats(first)},
                 {str(d["id"]) for d in world["dialogs"]
                  if d["last_message"] is not None}, "conversations")
    checks.that({r["chat"] for r in rest} <
                {r["chat"] for r in in_chats(first)}, "only the rest")
    begun = {r["chat"]: r["at"][:19] for r in first.records()
             if r["type"] == "chat" and "operator" not in r}
    assigned = {r["chat"] for r in first.records()
                if r.get("kind") == "assigned"}
    checks.equal({chat: begun.get(chat) for chat in assigned},
                 {str(d["id"]): d["begin"][:19] for d in world["dialogs"]
                  if str(d["id"]) in assigned}, "nobody had them at first")
    opened = a.open()
    closings = [m for m in world["messages"]
                if m["extra_data"].get("system_type") == "close_dialog"]
    resolved = [r for r in lab.must(
        ["aggregator", "-a", "intervals", "-o", "ndjson", "--clock",
         "records"], stdin=first.out).records()
        if r.get("kind") == "resolution"]
    checks.equal({(r["chat"], r["message"]) for r in resolved},
                 {(str(m["dialog_id"]), str(m["id"])) for m in closings},
                 "resolutions")
    lab.must(["poller", "-c", a.conf])
    a.sim.advance(60)
    a.act("touch", percent=50)
    a.act("close", sorted(opened)[0])
    again = lab.must(back)
    same = [sorted(map(json.dumps, in_chats(done)))
            for done in (again, first)]
    checks.equal(*same, "after the first poll")


def imported(lab, checks):
    """A bridge imports a day of history into a conversation, behind messages of
    today: greater ids, earlier times. Each message is read, by polls and by a
    backfill."""
    a = Account(lab, "imported", "--dialogs", 0, profile=fast_profile(lab))
    chat = str(a.sim.control("act", do="arrive", account=TOKEN)["dialog"])
    for _ in range(24):
        a.sim.advance(20)
        a.act("answer", chat, operator=503)
        a.act("client", chat)
    live = {str(m["id"]) for m in a.sim.world()["messages"]
            if str(m["dialog_id"]) == chat}
    for i in range(230):
        a.act("late", chat, ago=86400 - 60 * i)
    checks.that(len(live) >= 49, "messages of today")

    def polled():
        done = lab.must(["poller", "-c", a.conf])
        return {r["id"] for r in done.records() if r["type"] == "message"}

    checks.equal(live - polled(), set(), "the first poll")
    a.act("answer", chat, operator=503)
    live.add(str(max(m["id"] for m in a.sim.world()["messages"])))
    checks.equal(live - polled(), set(), "a later one")
    back = lab.must(["poller", "-c", a.conf, "--state", lab.path("again"),
                     "--backfill", "30d"])
    checks.equal({r["id"] for r in back.records() if r["type"] == "message"},
                 {str(m["id"]) for m in a.sim.world()["messages"]},
                 "a backfill")


def assigning(lab, checks):
    """A free conversation is assigned; one that is already assigned is not; if
    the agent does not exist, it stays free."""
    a = Account(lab, "assigning", "--dialogs", 5, assign="yes")
    free, taken, other = (str(a.sim.control(
        "act", do="arrive", account=TOKEN)["dialog"]) for _ in range(3))
    a.act("transfer", taken, operator=503)

    def give(chat, agent):
        line = json.dumps({
            "type": "assignment", "tenant": TOKEN, "id": f"{chat}-{agent}",
            "chat": chat, "operator": str(agent),
            "expires": "2026-11-20T10:00:00Z"}) + "\n"
        done = lab.run(["poller", "-c", a.conf, "--assign"],
                       stdin=line.encode())
        return [r.get("operator") for r in done.records()
                if "assignment" in r]

    def holder(chat):
        return [d["operator_id"] for d in a.sim.world()["dialogs"]
                if d["id"] == int(chat)][0]

    checks.equal(give(free, 502), ["502"], "a free one")
    checks.equal(holder(free), 502, "who has it")
    give(taken, 502)
    checks.equal(holder(taken), 503, "one that somebody has")
    checks.that("999" not in give(other, 999), "an agent who is none")
    checks.equal(holder(other), None, "who has that")
    a.act("transfer", free, operator=ROBOT)
    give(free, 502)
    checks.equal(holder(free), ROBOT, "one that a bot has")
    shown = {r["chat"]: r.get("operator") for r in lab.must(
        ["poller", "-c", a.conf]).records() if r["type"] == "chat"
        and "status" in r}
    checks.equal(shown[free], f"bot-{ROBOT}", "its operator")


def self_check(lab, checks):
    """A clock with which each snapshot is rejected fails the check."""
    def check(name, ahead):
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                              time.gmtime(time.time() + ahead))
        a = Account(lab, name, "--dialogs", 60, "--speed", 1, "--start", start)
        done = lab.run(["poller", "-c", a.conf, "--check"])
        return done.code, {r["check"]: r for r in done.records()}

    code, report = check("check", 0)
    checks.equal(code, 0, f"{report}")
    checks.equal({r["result"] for r in report.values()} - {"ok", "-"}, set(),
                 f"{report}")
    for name, ahead, rc, result in (("ahead", 3600, 78, "failed"),
                                    ("behind", -3600, 0, "advice")):
        code, there = check(name, ahead)
        checks.equal((code, there["clock"]["result"]), (rc, result),
                     f"{name}: {there['clock']}")
    checks.that("role: administrator" in report["token"]["detail"], "the role")
    checks.that(report["chats"]["detail"].startswith("60 open"), "the tenant's chats")


def body():
    checks = Checks()
    with Lab("chatwoot") as lab:
        for test in (costs, moving, snoozed, deleted, denied, past, imported,
                     assigning, self_check):
            say(f"- {test.__name__}")
            test(lab, checks)
    return checks.result()


main(body)
