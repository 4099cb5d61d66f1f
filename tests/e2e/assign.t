#!/usr/bin/env -S python3 -B
"""poller --assign against a simulated CRM: only a free chat is assigned;
failures and hangs lead to one operator, or to an outcome that reports them; no
call is made without need. assign_queue.t kills it.
"""

import collections
import json
import re

from assigning import GET, PAST, PUT, Assigning
from harness import TOKEN, run_checks

LIST = "GET /v1/dialogs"


class Test(Assigning):
    def __init__(self, lab):
        super().__init__(lab, 30)
        self.sim.control("set", speed=0)
        self.conf()

    def conf(self, poller=None, **keys):
        self.path = self.lab.conf("conf", {"crm acme": {
            "url": self.sim.url, "token": TOKEN, "assign": "yes", **keys},
            "poller": poller or {}})

    def assign(self, code, *reservations, says=None, options=()):
        """[(chat, operator, status, id)]; SAYS matches the one line on stderr,
        None: no line."""
        done = self.lab.run(["poller", "-c", self.path, "--assign", *options],
                            stdin="".join(reservations).encode())
        self.that(done.code == code, f"{done}, wanted {code}")
        if says is None:
            self.that(done.err == "", f"{done}")
        else:
            self.that(len(set(done.lines())) == 1
                      and re.search(says, done.err),
                      f"{done}, wanted '{says}'")
        self.done = done
        return sorted(((r["chat"], r.get("operator"), r.get("status"),
                        r["assignment"]) for r in done.records()
                       if "assignment" in r), key=str)

    def gives(self, want, *args, what="outcomes", **more):
        want = sorted(((str(c), o and str(o), s, n) for c, o, s, n in want),
                      key=str)
        self.equal(self.assign(*args, **more), want, what)

    def calls(self, *routes):
        by_route = self.sim.stats()["by_route"]
        return [by_route.get(r, 0) for r in routes]

    def by_default_nothing_changes(self):
        self.conf(assign="no")
        self.free(self.d)
        self.gives([], 78, self.reservation("p0", self.d, self.a),
                   says=r"acme.*set assign = yes in \[crm acme\]")
        self.equal(self.calls(GET, PUT), [0, 0], "calls")
        self.equal(self.holder(self.d), None, "holder")

    def dry_run(self):
        """A dry run only reads; old reservations count as they are."""
        d, a, b = self.d, self.a, self.b
        self.free(d, self.chats[1])
        self.sim.control("act", do="transfer", dialog=self.chats[2],
                         operator=b)
        asked = [self.reservation("p0", d, a),
                 self.reservation("p1", self.chats[1], a, PAST),
                 self.reservation("p2", self.chats[2], a),
                 self.reservation("p3", self.chats[2], b)]
        self.assign(0, *asked, options=("--dry-run", "-o", "ndjson"))
        found = {r["assignment"]: r for r in self.done.records()}
        self.equal({k: r["result"] for k, r in found.items()},
                   {"p0": "assignable", "p1": "assignable", "p2": "taken",
                    "p3": "confirmed"}, "results")
        self.equal(found["p2"]["assignee"], str(b), "assignee")
        done = self.lab.must(["poller", "-c", self.path, "--assign",
                              "--dry-run", "-o", "table"],
                             stdin="".join(asked).encode())
        self.that(re.search(rf"acme *{d} *{a} *- *assignable",
                            done.out.decode()), f"table: {done.out}")
        self.equal(self.calls(PUT), [0], "changes")

    def free_chat_is_given(self):
        self.conf()
        self.free(self.d)
        once = self.reservation("p1", self.d, self.a)
        for calls in ([1, 1], [2, 1]): # the second finds it done
            self.gives([(self.d, self.a, "open", "p1")], 0, once)
            self.equal(self.calls(GET, PUT), calls, "calls")
            record, = self.done.records()
            self.that(record["at"] and record["customer"]
                      and record["channel"], f"the record: {record}")
        self.equal(self.holder(self.d), self.a, "holder")

    def taken_closed_gone_expired(self):
        d, a, b = self.d, self.a, self.b
        closed, gone, free, other = self.chats[1:5]
        self.free(closed, gone, free)
        self.sim.control("act", do="transfer", dialog=d, operator=b)
        self.sim.control("act", do="close", dialog=closed)
        self.sim.control("act", do="remove", dialog=gone)
        old = [self.reservation(f"p4{n}", free, a, PAST) for n in "abc"]
        self.sim.control("reset-stats")
        self.gives([(d, b, "open", "p1"), (closed, None, "closed", "p2"),
                    (free, None, "open", "p4a")], 0,
                   self.reservation("p1", d, a),
                   self.reservation("p2", closed, a), *old)
        self.equal(self.calls(GET, PUT), [3, 0], "calls")
        # A chat is only gone if it is not found and the list lacks it, too.
        self.sim.control("reset-stats")
        self.gives([(gone, None, "gone", "p3")], 0,
                   self.reservation("p3", gone, a))
        self.equal(self.calls(GET, LIST), [1, 1], "calls")
        self.conf(concurrency=1)
        self.free(free, other)
        three = [self.reservation("p1", d, b), self.reservation("p2", free, a),
                 self.reservation("p3", other, a)]
        self.sim.fault("404-gone", route=f"/v1/dialogs/{free}", count=1)
        self.gives([(d, b, "open", "p1"), (free, a, "open", "p2"),
                    (other, a, "open", "p3")], 0, *three)
        self.equal(self.calls(GET, LIST), [3, 1], "calls, not found once")
        # The list takes precedence.
        self.free(free, other)
        self.sim.fault("404-gone", route=f"/v1/dialogs/{free}")
        self.gives([(d, b, "open", "p1"), (free, None, "open", "p2"),
                    (other, a, "open", "p3")], 0, *three,
                   says=f"chat {free} is not assigned to operator {a}: .*404")
        self.sim.fault()

    def taken_over(self):
        """Only from the operator named in the reservation."""
        self.conf()
        d, other = self.d, self.chats[3]
        self.sim.control("act", do="transfer", dialog=d, operator=self.b)
        self.sim.control("act", do="transfer", dialog=other, operator=self.c)
        self.sim.control("reset-stats")
        self.gives([(d, self.a, "open", "r1"), (other, self.c, "open", "r2")],
                   0, self.reservation("r1", d, self.a, replaces=str(self.b)),
                   self.reservation("r2", other, self.a, replaces=str(self.b)))
        self.equal(self.calls(PUT), [1], "changes")

    def refused(self):
        """The outcome has no operator, and the log gives the reason."""
        d = self.d
        self.free(d)
        self.gives([(d, None, "open", "p1")], 0,
                   self.reservation("p1", d, 123456789),
                   says=f"chat {d} is not assigned to operator 123456789: .*404")
        for fault in ("errors-string", "error-200"):
            self.free(d)
            self.sim.fault(fault, method="PUT", count=1)
            self.gives([(d, None, "open", "p1")], 0,
                       self.reservation("p1", d, self.a), what=fault,
                       says=f"chat {d} is not assigned to operator {self.a}: ")
            self.equal(self.calls(GET, PUT), [2, 1], "calls")
        # No clear answer until it expires.
        self.free(d)
        self.sim.fault("500", method="PUT")
        self.sim.control("set", speed=10)
        self.gives([(d, None, "open", "p1")], 0,
                   self.reservation("p1", d, self.a, self.at(100)),
                   says=f"chat {d} is not assigned to operator {self.a}: .*"
                        "HTTP 500")
        self.sim.control("set", speed=0)

    def uncertain(self):
        """The chat is read again: now assigned, or found to be already
        assigned."""
        d, a = self.d, self.a
        self.conf(timeout="10s")
        for calls, faults in (
                ([2, 2], ({"name": "500"}, {"name": "429-retry"},
                          {"name": "reset"})),
                ([2, 1], ({"name": "slow", "value": 12000},
                          {"name": "cut-chunk"}, {"name": "truncated"}))):
            for fault in faults:
                self.free(d)
                self.sim.fault(method="PUT", count=1, **fault)
                self.gives([(d, a, "open", "p1")], 0,
                           self.reservation("p1", d, a), what=str(fault))
                self.equal(self.calls(GET, PUT), calls, f"calls: {fault}")
                self.equal(self.holder(d), a, "holder")
        self.conf()
        for value, who in ((self.b, self.b), (0, None)):
            self.free(d)
            self.sim.fault("other-operator", value=value, method="PUT")
            self.gives([(d, who, "open", "p1")], 0,
                       self.reservation("p1", d, a), says="was reserved "
                       f"for operator {a}, but the CRM says")

    def crm_that_gives_none(self):
        """Reported once, without an outcome and with few calls; the run ends
        when the reservations have expired."""
        d, a = self.d, self.a
        self.conf(poller={"retry_budget": "1s"})
        several = self.chats[3:8]
        five = [self.reservation(f"p{c}", c, a) for c in several]
        self.free(*several)
        self.sim.fault("403", method="PUT")
        self.gives([], 77, *five,
                   says="acme: cannot assign chats: .*403.*; check ")
        self.that(self.calls(PUT)[0] < 60, "a storm of changes")
        self.sim.control("set", speed=10)
        for options in ((), ("--dry-run",)):
            self.free()
            self.sim.fault("500")
            soon = self.at(60)
            self.lab_run_away([self.reservation(f"p{n}", n, a, soon)
                               for n in range(300)], options)
            self.that(self.calls(GET)[0] < 300, "a storm of calls")
        # A failure of one chat does not affect the others.
        for at_a_time in (1, 4):
            self.conf(poller={"retry_budget": "1s"}, concurrency=at_a_time)
            self.free(d, *several)
            self.sim.fault("500", route=f"/v1/dialogs/{d}")
            self.gives([(c, a, "open", f"p{c}") for c in several], 75,
                       self.reservation("p0", d, a, self.at(60)), *five,
                       says="cannot read chats: .*HTTP 500.*it will be retried")
        self.sim.control("set", speed=0)
        self.free(d)

    def lab_run_away(self, many, options):
        done = self.lab.run(["poller", "-c", self.path, "--assign", *options],
                            stdin="".join(many).encode(), timeout=240)
        self.that(done.code == 75, f"a CRM that is away: {done}")

    def bad_records(self):
        # The pause that the CRM asked for is kept in the state.
        self.lab.env["XDG_STATE_HOME"] = self.lab.path("another-state")
        self.conf()
        done = self.lab.run(
            ["poller", "-c", self.path, "--assign"], stdin=(
                "nonsense\n"
                '{"type":"assignment","tenant":"acme","id":"1","chat":"2"}\n'
                '{"type":"chat","tenant":"acme","chat":"9","status":"open"}\n'
                + self.reservation("p1", self.d, self.a)
                + self.reservation("p1", self.d, self.a).replace(
                    "acme", "other")).encode())
        self.equal((done.code, [r["assignment"] for r in done.records()]),
                   (78, ["p1"]), f"bad records: {done}")
        self.that(all(re.search(p, done.err) for p in (
            "line 1: ", "line 2: ", "tenant 'other'")), f"{done}")

    def two_at_once(self):
        """Several reservations of each chat: one operator gets it."""
        some = self.chats[4:10]
        self.free(*some)
        lines = [self.reservation(f"{n}-{c}", c, self.operators[n])
                 for n in range(3) for c in some]
        path = self.lab.write("back", "".join(reversed(lines)))
        out = self.lab.path("other.out")
        with open(out, "wb") as f:
            other = self.lab.start(["poller", "-c", self.path, "--assign",
                                    "-f", path], stdout=f)
        self.assign(0, *lines)
        self.equal(other.wait(60), 0, "the other's exit status")
        with open(out, encoding="utf-8") as f:
            told = self.done.records() + [json.loads(x) for x in f]
        outcomes = collections.Counter(r["chat"] for r in told)
        for chat in some:
            self.equal(outcomes[str(chat)], 6, f"outcomes of {chat}")
            self.that(str(self.holder(chat)) in [
                r.get("operator") for r in told if r["chat"] == str(chat)],
                f"nobody tells who has {chat}")

    def from_a_snapshot(self):
        some = self.chats[4:6]
        self.free(*some)
        self.conf(bot_operators=10900)
        *_, done = self.lab.pipe(
            ["poller", "-c", self.path],
            ["aggregator", "-c", self.path, "-a", "allocation", "--limit",
             "50"], ["poller", "-c", self.path, "--assign"])
        told = {r["chat"]: r.get("operator") for r in done.records()}
        for chat in some:
            who = self.holder(chat)
            self.that(who and told.get(str(chat)) == str(who),
                      f"{chat} is {who}'s: {done} {told}")


run_checks(Test)
