#!/usr/bin/env -S python3 -B
"""poller --assign between queues: a reservation is acknowledged when its
outcome is confirmed; after a kill at any point it is delivered again, and
completed work is detected; it waits while the CRM is unavailable; a signal
ends it normally.
"""

import json
import os
import re
import time

from assigning import GET, PAST, PUT, Assigning
from harness import TOKEN, run_checks, until

ASK = "assignments" # the queue of reservations


class Test(Assigning):
    def __init__(self, lab):
        super().__init__(lab, 60)
        lab.start_servers("rabbitmq")
        self.conf()
        for queue in (ASK, "records"):
            lab.take(queue) # creates it
        self.p = None

    def conf(self, prefetch=None, **more):
        self.path = self.lab.conf("conf", {
            "crm acme": {"url": self.sim.url, "token": TOKEN, "assign": "yes",
                         "timeout": "60s"},
            "poller": {"retry_budget": "1s"},
            "amqp": {"prefetch": prefetch} if prefetch else {}, **more})

    def put(self, *lines, queue=ASK):
        self.lab.put(queue, [line.rstrip() for line in lines], 3)

    def calls(self, route):
        return self.sim.stats()["by_route"].get(route, 0)

    def called(self, route, n=1):
        until(20, lambda: self.calls(route) >= n,
              f"{n} of {route}: {self._said()}")

    def _said(self):
        return self.lab.text("err")

    def argv(self, *options):
        return ["poller", "-c", self.path, "--assign", *options, "-f",
                "queue:" + ASK]

    def _begin(self):
        self.p = self.lab.start(self.argv("-t", "queue:records"),
                                self.lab.path("err"))

    def _end(self):
        self.equal(self.lab.end(self.p), 0, "SIGTERM: " + self._said())

    def _drop(self):
        self.p.kill()
        self.p.wait()

    def _outcomes(self):
        """The outcomes so far, removed from the queue."""
        return sorted((r["chat"], r.get("operator"), r["status"],
                       r["assignment"]) for r in map(
                           json.loads, self.lab.take("records")))

    def comes(self, *want):
        """Waits for exactly these outcomes."""
        until(30, lambda: self.lab.in_queue("records") > 0,
              "an outcome: " + self._said())
        self.equal(self._outcomes(), sorted(
            (str(chat), str(operator), "open", name)
            for chat, operator, name in want), "outcomes")

    def _settled(self):
        until(60, lambda: self.lab.in_queue(ASK, "total") == 0,
              "all to be acknowledged")

    def dry_run(self, code=0):
        done = self.lab.run(self.argv("--dry-run", "-o", "ndjson"))
        self.equal(done.code, code, done)
        self.done = done
        return [f"{r['assignment']} {r['result']}" for r in done.records()]

    def still(self, n=1):
        """A dry run changes nothing."""
        until(20, lambda: self.lab.in_queue(ASK) == n, "reservations")
        self.lab.take(ASK)

    def killed_while_it_changes(self):
        """After the kill the change is found done, also if the reservation
        expired meanwhile."""
        for name, operator, expires in (("p1", self.a, 360000),
                                        ("p2", self.b, 60)):
            self.free(self.d)
            self.sim.fault("slow", value=30000, method="PUT", count=1)
            self.put(self.reservation(name, self.d, operator, self.at(expires)))
            self._begin()
            self.called(PUT)
            self._drop()
            self.equal(self.holder(self.d), operator, "holder")
            if expires == 60:
                self.sim.advance(120)
            self._begin()
            self.comes((self.d, operator, name))
            self._end()
            self.equal(self.calls(PUT), 1, "changes")
        self._settled()

    def killed_while_it_reads(self):
        self.free(self.d)
        self.sim.fault("slow", value=30000, count=1)
        self.put(self.reservation("p3", self.d, self.a))
        self._begin()
        self.called(GET)
        self._drop()
        self.equal(self.calls(PUT), 0, "changes")
        self._begin()
        self.comes((self.d, self.a, "p3"))

    def expired(self):
        """Costs no call once the CRM's clock is known."""
        before = self.calls(GET)
        self.put(self.reservation("p16", self.chats[1], self.b, PAST))
        self._settled()
        self.equal(self.calls(GET), before, "calls")
        self.equal(self._outcomes(), [], "outcomes")

    def done_while_another_waits(self):
        """The finished one is acknowledged, so it is not repeated."""
        other = self.chats[1]
        self.free(self.d, other)
        self.sim.fault("slow", value=60000, route=f"/v1/dialogs/{other}")
        self._drop()
        self.put(self.reservation("p17", self.d, self.a))
        self.put(self.reservation("p18", other, self.b))
        self._begin()
        self.comes((self.d, self.a, "p17"))
        until(10, lambda: self.lab.in_queue(ASK, "total") == 1,
              "the first reservation to be acknowledged")
        self._drop()
        self.sim.fault()
        self._begin()
        self.comes((other, self.b, "p18"))

    def crm_away(self):
        """Reported once; the reservation waits and does not become a dead
        letter."""
        os.truncate(self.lab.path("err"), 0)
        self.free(self.d)
        self.sim.fault("500", method="GET")
        self.put(self.reservation("p4", self.d, self.b))
        until(20, lambda: re.search("acme: cannot read chats: .*it will be "
                                    "retried", self._said()), "a word")
        self.called(GET, 3)
        # No further calls: the program pauses.
        before, began = self._ticks(), self.calls(GET)
        self.called(GET, began + 2)
        used = self._ticks() - before
        self.that(used < 50, f"{used} ticks for two tries")
        self.sim.fault()
        self.comes((self.d, self.b, "p4"))
        self.equal(len(self._said().splitlines()), 1, self._said())
        self._end()

    def dry_runs(self):
        """Dry runs report expired reservations, bad records and an unavailable
        CRM, and change nothing."""
        self.free(self.d)
        self.put(self.reservation("p9", self.d, self.b, PAST))
        self.equal(self.dry_run(), ["p9 expired"], "results")
        self.still()
        self.put("nonsense")
        self.dry_run(65)
        self.that("line 1: " in self.done.err, self.done)
        self.equal(self.lab.take(ASK + ".dead"), [], "dead letters")
        self.still()
        self.sim.fault("500", method="GET")
        self.put(self.reservation("p15", self.d, self.b))
        self.equal(self.dry_run(75), ["p15 unanswered"], "results")
        self.still()
        self.free(self.d)
        # A reader that acknowledges nothing reads more than the broker's
        # prefetch.
        self.conf(prefetch=1)
        for name in ("p11", "p12"):
            self.put(self.reservation(name, self.d, self.b, PAST))
        self.equal(self.dry_run(), ["p11 expired", "p12 expired"], "results")
        self.lab.take(ASK)
        for chat in self.chats[:2]:
            self.put(json.dumps({
                "type": "chat", "tenant": "acme", "chat": str(chat),
                "status": "open", "at": self.at(0)}), queue="asked")
        done = self.lab.must(["poller", "-c", self.path, "--status", "-f",
                              "queue:asked"])
        self.equal(sorted(r["chat"] for r in done.records()
                          if r["type"] == "chat"),
                   sorted(map(str, self.chats[:2])), "chats")

    def _ticks(self):
        """CPU time."""
        with open(f"/proc/{self.p.pid}/stat", encoding="ascii") as f:
            return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))

    def other_tenant_away(self):
        """Reservations of other tenants are carried out."""
        self.conf(**{"crm beta": {"url": "http://127.0.0.1:1/v1",
                                  "token": "none", "assign": "yes"}})
        self.free(self.d)
        line = self.reservation("N", "N", self.b, self.at(-3600)).replace(
            '"acme"', '"beta"')
        self.put(*(line.replace('"N"', f'"{n}"') for n in range(2000)))
        self.put(self.reservation("p14", self.d, self.b))
        self._begin()
        self.comes((self.d, self.b, "p14"))
        self._settled()
        self._end()
        self.conf()

    def bad_records(self):
        """Bad records become dead letters, as do simulated reservations."""
        self.put("nonsense", self.reservation("s5", self.d, self.a,
                                              simulated=True),
                 self.reservation("p5", self.d, self.b))
        self._begin()
        self.comes((self.d, self.b, "p5"))
        self._settled()
        dead = self.lab.take(ASK + ".dead")
        self.that(len(dead) == 2 and "it is simulated: nobody reserved the chat"
                  in "".join(dead), dead)

    def signal_waits(self):
        """A signal waits for a change in progress. Two reservations in one
        message are acknowledged together."""
        self.free(self.d)
        self.sim.fault("slow", value=4000, method="PUT", count=1)
        began = time.monotonic()
        self.put(self.reservation("p6", self.d, self.a),
                 self.reservation("p7", self.d, self.b))
        self.called(PUT)
        self.p.terminate()
        in_time = time.monotonic() - began < 4
        self.equal(self.p.wait(240), 0, self._said())
        first, got = self._outcomes(), []
        # A signal that a busy machine sends too late finds both done.
        self.that([x[3] for x in first] == ["p6"] or not in_time,
                  f"outcomes: {first}")
        self.equal(self.calls(PUT), 1, "changes")
        self._begin()
        until(20, lambda: got.extend(self._outcomes()) or
              "p7" in {x[3] for x in first + got}, "p7")
        self._end()
        self.equal(sorted(got + self._outcomes()) or first,
                   [(str(self.d), str(self.a), "open", name)
                    for name in ("p6", "p7")], "outcomes")

    def two_killed(self):
        """Two pollers at one queue, killed repeatedly: each chat is assigned
        once."""
        some = dict(zip(sorted(self.sim.open_dialogs())[1:11], 4 * (
            self.a, self.b, self.c)))
        self.free(*some)
        self.sim.control("set", latency=15)
        self._begin()
        other = self.p
        for n, (chat, operator) in enumerate(some.items()):
            self.put(self.reservation(f"q{n}", chat, operator))
            if n % 5 == 0:
                self._begin()
                self.called(GET, n)
                self._drop()
        self._settled()
        self.p = other
        self._end()
        self.equal(sorted(set(self._outcomes())), sorted(
            (str(chat), str(operator), "open", f"q{n}")
            for n, (chat, operator) in enumerate(some.items())), "outcomes")
        self.equal({chat: self.holder(chat) for chat in some}, some, "holders")

    def crm_wants_no_call(self):
        """A pause of hours is reported, and the program ends normally."""
        self._begin()
        self.free(self.d)
        self.sim.fault("429-decade", method="PUT", count=1)
        self.put(self.reservation("p8", self.d, self.b))
        until(20, lambda: re.search("acme: cannot assign chats.*no calls for 3600 "
                                    "s; it will be retried", self._said()), "a word")
        self._end()
        self.lab.take(ASK)


run_checks(Test)
