#!/usr/bin/env -S python3 -B
"""A flood of new tenants, which a publisher can cause: they are stored without
the connections of the sink excluding each other, another tenant's figures
follow its messages, their waits grow in turn, and a tenant takes little memory.
"""

import datetime
import json

from harness import Checklist, run_checks, sanitized, say, until

TENANTS = 2500 # more than the aggregator refreshes at a time
KIB = 32       # of memory for each; 16 are usual
SLOTS = 2      # of the tenant's 16 locks: one for figures, one for records


def message(tenant, number):
    return json.dumps({
        "type": "message", "tenant": tenant, "id": f"m{number}", "chat": "1",
        "from": "customer", "user": "c1", "text": "Is anybody there?",
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat()})


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        conf = lab.conf("conf", {"aggregator": {"refresh": "1s"}})
        self.aggregator = lab.start(
            ["aggregator", "-c", conf, "-a", "all", "-f", "queue:records",
             "-t", "queue:rows", "--state", lab.path("state")],
            lab.path("aggregator"))
        self.sink = lab.start(["sink", "-c", conf, "-f", "queue:rows"],
                              lab.path("sink"))
        self.calm = 0
        self._calm_follows()

    def _one(self, statement):
        return self.lab.sql(statement)[0][0]

    def _calm_follows(self):
        self.calm += 1
        self.lab.put("records", [message("calm", self.calm)])
        until(30, lambda: self._one(
            "SELECT COALESCE(MAX(message_count), 0) FROM user_stats "
            "WHERE tenant = 'calm'") == str(self.calm), "the calm tenant")

    def _memory(self):
        with open(f"/proc/{self.aggregator.pid}/status") as f:
            return next(int(line.split()[1]) for line in f
                        if line.startswith("RssAnon:"))

    def all_are_stored(self):
        before = self._memory()
        self.lab.put("records", [message(f"flood{i}", i)
                                 for i in range(TENANTS)])
        self._calm_follows()
        for table in "messages", "user_stats", "tenant_metrics":
            until(60, lambda: self._one(
                f"SELECT COUNT(DISTINCT tenant) FROM {table}") ==
                str(TENANTS + 1), f"the tenants in {table}")
        if sanitized():
            return
        kib = (self._memory() - before) / TENANTS
        say(f"a tenant takes {kib:.1f} KiB")
        self.that(kib < KIB, f"it may take {KIB} KiB")

    def nothing_is_locked_exclusively(self):
        most = self._one("SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM "
                         "tenant_locks GROUP BY tenant) x")
        self.that(int(most) <= SLOTS, f"{most} locks of a tenant are used")
        self.equal(self._one("SELECT COUNT(*) FROM tenants WHERE newest_at IS "
                             "NULL"), "0", "tenants without newest_at")

    def all_waits_grow(self):
        now = self._one("SELECT MAX(waits_until) FROM tenant_metrics")
        until(60, lambda: self._one(
            "SELECT COUNT(*) FROM tenant_metrics WHERE waits_until IS NULL OR "
            f"waits_until <= '{now}'") == "0", "all waits to grow")

    def all_end(self):
        for p in self.aggregator, self.sink:
            self.equal(self.lab.end(p), 0, "an end")


run_checks(Test)
