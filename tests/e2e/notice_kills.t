#!/usr/bin/env -S python3 -B
"""notice_kills: notices of all rules, while the aggregator, the sink, the
notifier, the broker and the database are killed, and receivers fail. Each
customer who was late is a notice at each receiver; other notices arrive unless
they were over before; a receiver that gets what is over learns the end of each;
nothing arrives that is not in the table.

KILLS is the number of kills, with LONG=1 200, otherwise 5: one of each.
"""

import json
import os
import random
import shutil
from datetime import datetime, timedelta, timezone

from harness import LONG, Checklist, run_checks, say, seed, until
from notice_receiver import Receiver
from streamlib import House

IN, ROWS, NOTICES = "records", "rows", "notices"
PROGRAMS = ("aggregator", "sink", "poller")
SERVERS = ("rabbitmq", "mariadb")
TENANT = "t"
RULES = {
    "late": {"when": "late"},
    "soon": {"when": "soon", "left": "20s"},
    "two": {"when": "waiting", "for": "62s", "customers": 2, "clear": 1},
    "nobody": {"when": "nobody_online", "for": "1s"},
}
# ends: also gets what is over. flaky: fails often. only: of one rule.
RECEIVERS = ("all", "ends", "flaky", "only")


def now():
    return datetime.now(timezone.utc)


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.receiver = Receiver()
        self.dice = random.Random(seed())
        self.keep = os.environ.get("KEEP_STATE") or self.dice.choice(
            ("local", "database"))
        say(f"- the state is kept in: {self.keep}")
        conf = {"aggregator": {"keep_state": self.keep},
                "targets": {"first_response": "1m calendar"},
                f"crm {TENANT}": {"token": "x"}}
        for name, rule in RULES.items():
            conf[f"notice {name}"] = {
                **rule, "to": "all, ends, flaky" +
                (", only" if name == "late" else "")}
        for name in RECEIVERS:
            conf[f"notify {name}"] = {
                "url": f"{self.receiver.url}/{name}", "every": "1s",
                "timeout": "1s", "over": "yes" if name == "ends" else "no"}
        self.house = House(lab, "rabbitmq", "mariadb", conf=conf, private=True)
        self.number = int(os.environ.get("KILLS", "200" if LONG else "5"))
        self.n, self.open = 0, []
        for name in PROGRAMS:
            self._start(name)

    def _leave(self):
        self.receiver.close()

    def _start(self, name):
        h = self.house
        if name == "aggregator":
            h.aggregator(metrics="all", source=IN, to=ROWS)
        elif name == "sink":
            h.sink(source=ROWS)
        else:
            h._start("poller", ["poller", "-c", h.conf, "--notify", "-f",
                                "queue:" + NOTICES, "-t", "queue:" + ROWS])

    def _kill(self, name):
        if name in SERVERS:
            self.lab.servers("kill", name)
            self.lab.servers("start", name)
            return
        self.house.kill(name)
        # Another machine takes over, without the files of this one.
        if name == "aggregator" and self.keep == "database":
            shutil.rmtree(self.house.state)
        self._start(name)

    def _put(self, *records):
        self.lab.put(IN, [json.dumps({"tenant": TENANT, **r})
                          for r in records])

    def _write(self):
        """A new customer, who is late within a second or is so already."""
        self.n += 1
        chat = f"c{self.n}"
        since = text(now() - timedelta(seconds=self.dice.uniform(59, 61)))
        self._put({"type": "chat", "chat": chat, "status": "open", "at": since},
                  {"type": "message", "chat": chat, "id": chat, "at": since,
                   "from": "customer", "user": "u"})
        self.open.append(chat)

    def _known_late(self):
        """The open chats of which each receiver knows that they are late."""
        known = set(self.open)
        for name in RECEIVERS:
            known &= {n["chat"] for m in self.receiver.messages("/" + name)
                      if m["rule"] == "late" for n in m["notices"]}
        return known

    def _answer(self, chat):
        self.open.remove(chat)
        self._put({"type": "message", "chat": chat, "id": chat + "a",
                   "from": "operator", "user": "o", "operator": "o",
                   "at": text(now())})

    def _be(self, online):
        self._put({"type": "operator", "operator": "o", "at": text(now()),
                   "available": online})

    def _fail(self):
        """The next requests to a receiver."""
        self.receiver.faults["/flaky"] = [
            self.dice.choice((500, 503, 429, (429, {"Retry-After": "1"}), 1.5))
            for _ in range(self.dice.randrange(1, 4))]

    def rounds(self):
        killed = dict.fromkeys((*PROGRAMS, *SERVERS), 0)
        for i in range(self.number):
            self._be(self.dice.random() < 0.5)
            for _ in range(self.dice.randint(1, 3)):
                self._write()
            for chat in sorted(self._known_late()):
                if self.dice.random() < 0.7:
                    self._answer(chat)
            if self.dice.random() < 0.5:
                self._fail()
            name = self.dice.choice(list(killed)) if self.number >= 20 \
                else list(killed)[i % 5]
            killed[name] += 1
            # The kill comes while the records of this round are under way.
            until(10, lambda t=now() + timedelta(
                seconds=self.dice.uniform(0, 1)): now() > t, "the moment")
            self._kill(name)
        say(f"  kills: {killed}")
        self.receiver.faults.clear()

    def each_late_customer_is_known(self):
        def is_known():
            self.house.check_alive()
            return self._known_late() == set(self.open)

        until(150, is_known, "notices: " + self.house.log("poller")[-500:])

    def all_is_over_at_the_end(self):
        self._be(True)
        for chat in list(self.open):
            self._answer(chat)
        self.house.sql.close()
        self.house.sql = type(self.house.sql)(self.lab) # of the new server
        until(60, lambda: self.house.queue_rests(IN, ROWS), "the input")
        until(120, lambda: (rows := self._rows()) and all(
            r[2] == "1" for r in rows.values()), "the end of each notice")
        rows = self._rows().values()
        count = {name: sum(r[0] == name for r in rows) for name in RULES}
        say(f"  {self.n} customers; notices: {count}")
        self.equal(count["late"], self.n, "notices about late customers")
        for name in RULES if self.number >= 20 else ():
            self.that(count[name] > 0, f"no notice of the rule {name}")

    def _rows(self):
        return {r[0]: r[1:] for r in self.house.sql.ask(
            "SELECT id, rule, chat, over_at IS NOT NULL FROM notices")}

    def each_notice_arrived(self):
        until(120, lambda: self.house.queue_rests(NOTICES),
              "acknowledgements: " + self.house.log("poller")[-500:])
        rows = self._rows()
        for name in RECEIVERS:
            of_rule = {i for i, r in rows.items()
                       if name != "only" or r[0] == "late"}
            got = self.receiver.ids("/" + name)
            self.that(set(got) <= of_rule, f"{name}: unknown notices")
            missing = of_rule - set(got)
            again = sum(n - 1 for n in got.values())
            say(f"  {name}: {len(got)} of {len(of_rule)}, {again} repeated, "
                f"{len(missing)} over before they were sent")
            self.equal({rows[i][0] for i in missing} & {"late"}, set(),
                       f"{name}: missing")
        ends = set(self.receiver.ids("/ends", "over"))
        untold = set(self.receiver.ids("/ends")) - ends
        self.equal(untold, set(), "notices whose end was not told")
        self.equal(self.lab.in_queue(NOTICES + ".dead"), 0, "dead letters")

    def programs_end(self):
        for name in PROGRAMS:
            self.equal(self.house.stop(name), 0, name)


run_checks(Test)
