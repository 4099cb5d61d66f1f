#!/usr/bin/env -S python3 -B
"""notice_counts: how many notices and messages a lead gets in a night, over a
weekend, while the CRM is broken for three hours, and in a flood of 300 late
customers. None comes while the team is closed, and a flood is few messages.

The aggregator goes by the records' clock, and runs at chosen moments; with
LONG=1 at many more. The notices of a run that have one rule are one message
(messages of real time are counted in notices.t).
"""

import json
import os
import random
from datetime import datetime, timedelta, timezone

from harness import LONG, Checklist, run_checks, say, seed

CONF = """
[aggregator]
clock = records
keep_state = local
notices_to = queue:notices
[hours office]
zone = UTC
mon = 9:00-18:00
tue = 9:00-18:00
wed = 9:00-18:00
thu = 9:00-18:00
fri = 9:00-18:00
[targets]
first_response = 15m work
[notice late]
when = late
[notice soon]
when = soon
left = 5m
[notice long]
when = waiting
for = 10m
customers = 3
"""
TENANTS = ("night", "weekend", "outage", "flood")
FRIDAY = datetime(2026, 11, 27, tzinfo=timezone.utc)
MONDAY, TUESDAY = FRIDAY + timedelta(days=3), FRIDAY + timedelta(days=4)


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def at(day, clock):
    hours, minutes = map(int, clock.split(":"))
    return day + timedelta(hours=hours, minutes=minutes)


def moments():
    """When the aggregator runs."""
    def every(minutes, begin, end):
        while begin <= end:
            yield begin
            begin += timedelta(minutes=minutes)

    rare, often = (30, 1) if LONG else (480, 5)
    return sorted({
        *every(rare, at(FRIDAY, "18:05"), at(MONDAY, "8:30")),
        *every(often, at(MONDAY, "8:55"), at(MONDAY, "9:30")),
        *every(rare, at(MONDAY, "18:05"), at(TUESDAY, "8:30")),
        *every(often, at(TUESDAY, "8:55"), at(TUESDAY, "10:30")),
        *every(rare // 8 or often, at(TUESDAY, "10:30"),
               at(TUESDAY, "13:30"))})


class Chat:
    """A customer who writes, perhaps an answer, and when the CRM reports."""

    def __init__(self, tenant, number, wrote, answered):
        self.tenant, self.name = tenant, f"c{number}"
        self.wrote, self.answered = wrote, answered
        self.reported = 0

    def record(self, type_, when, **members):
        return json.dumps({"type": type_, "tenant": self.tenant,
                           "chat": self.name, "at": text(when), **members})

    def news(self, until):
        if self.reported == 0 and self.wrote <= until:
            self.reported = 1
            yield self.record("chat", self.wrote, status="open")
            yield self.record("message", self.wrote, id=self.name,
                              **{"from": "customer", "user": "u"})
        if self.reported == 1 and self.answered and self.answered <= until:
            self.reported = 2
            yield self.record("message", self.answered, id=self.name + "a",
                              **{"from": "operator", "user": "o",
                                 "operator": "o"})


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("rabbitmq")
        self.conf = lab.write("conf", CONF + "".join(
            f"[crm {t}]\ntoken = x\nhours = office\n" for t in TENANTS))
        os.chmod(self.conf, 0o600)
        self.chats = []
        self._people()
        self.fired = {t: [] for t in TENANTS} # (when, rule)
        self.over = dict.fromkeys(TENANTS, 0)

    def _write(self, tenant, begin, end, answered=None):
        wrote = begin + self.dice.random() * (end - begin)
        self.chats.append(Chat(tenant, len(self.chats), wrote, answered))

    def _people(self):
        """In each scenario, two customers are never answered in time."""
        for tenant, begin, end, n in (
                ("night", at(MONDAY, "18:00"), at(TUESDAY, "9:00"), 40),
                ("weekend", at(FRIDAY, "18:00"), at(MONDAY, "9:00"), 100)):
            for i in range(n):
                opening = at(TUESDAY if tenant == "night" else MONDAY, "9:00")
                self._write(tenant, begin, end, None if i < 2 else
                            opening + timedelta(minutes=9 * i / n))
        # The CRM is broken from 10:00 to 13:00. Those who wrote before were
        # answered in time, of those who wrote meanwhile two are still waiting.
        for _ in range(5):
            self._write("outage", at(TUESDAY, "9:50"), at(TUESDAY, "9:54"),
                        at(TUESDAY, "10:03"))
        for i in range(60):
            wrote = at(TUESDAY, "10:01") + timedelta(minutes=2 * i)
            self._write("outage", wrote, wrote, None if i > 57 else
                        wrote + timedelta(minutes=5))
        for _ in range(300):
            self._write("flood", at(TUESDAY, "9:30"), at(TUESDAY, "9:31"))

    def _news(self, moment):
        for tenant in TENANTS:
            broken = tenant == "outage" and \
                at(TUESDAY, "10:00") <= moment < at(TUESDAY, "13:00")
            for chat in self.chats:
                if chat.tenant == tenant and not broken:
                    yield from chat.news(moment)
            # Time goes on, also if the CRM is broken.
            yield json.dumps({"type": "operator", "tenant": tenant,
                              "operator": "o", "at": text(moment)})

    def _run(self):
        for moment in moments():
            self.lab.put("records", list(self._news(moment)), 10 ** 6)
            self.lab.must(["aggregator", "-c", self.conf, "-a", "chats,notices",
                           "-f", "queue:records", "-t", "queue:rows",
                           "--until-empty", "--state", self.lab.path("state")])
            self.lab.take("rows")
            for n in map(json.loads, self.lab.take("notices")):
                if "over_at" in n:
                    self.over[n["tenant"]] += 1
                else:
                    self.fired[n["tenant"]].append((moment, n["rule"]))
        return super()._run()

    def _say(self, tenant, name, begin, end):
        fired = [f for f in self.fired[tenant] if begin <= f[0] < end]
        count = {rule: sum(f[1] == rule for f in fired)
                 for rule in ("soon", "late", "long")}
        messages = len(set(fired))
        say(f"  {name}: {len(fired)} notices in {messages} messages {count}")
        return count, messages

    def a_night(self):
        count, messages = self._say("night", "while closed, 40 customers",
                                    at(MONDAY, "18:00"), at(TUESDAY, "9:00"))
        self.equal(messages, 0, "messages at night")
        count, messages = self._say("night", "from 9:00 to 9:30, 2 unanswered",
                                    at(TUESDAY, "9:00"), at(TUESDAY, "9:31"))
        self.equal(count, {"soon": 2, "late": 2, "long": 0}, "in the morning")

    def a_weekend(self):
        count, messages = self._say("weekend", "while closed, 100 customers",
                                    at(FRIDAY, "18:00"), at(MONDAY, "9:00"))
        self.equal(messages, 0, "messages on the weekend")
        count, messages = self._say("weekend",
                                    "from 9:00 to 9:30, 2 unanswered",
                                    at(MONDAY, "9:00"), at(MONDAY, "9:31"))
        self.equal(count, {"soon": 2, "late": 2, "long": 0}, "on Monday")

    def a_broken_crm(self):
        """What the CRM does not report is not known: those who were waiting
        when it broke are thought to be late, once."""
        count, messages = self._say(
            "outage", "the CRM is broken for 3 h, 5 customers were waiting",
            at(TUESDAY, "10:00"), at(TUESDAY, "13:00"))
        self.equal(count, {"soon": 5, "late": 5, "long": 1}, "meanwhile")
        self.that(messages <= 9, messages)
        count, messages = self._say(
            "outage", "afterwards, 60 wrote meanwhile, 2 unanswered",
            at(TUESDAY, "13:00"), at(TUESDAY, "13:31"))
        self.equal(count, {"soon": 0, "late": 2, "long": 0}, "afterwards")

    def a_flood(self):
        count, messages = self._say("flood", "300 late customers",
                                    at(TUESDAY, "9:30"), at(TUESDAY, "10:31"))
        self.equal(count, {"soon": 300, "late": 300, "long": 1}, "flood")
        self.that(messages <= 5, f"{messages} messages")


run_checks(Test)
