#!/usr/bin/env -S python3 -B
"""A customer waits, and no other record of the tenant arrives: the wait grows
with the system clock, in the rows, in the API, in /metrics and on the terminal,
also after a restart. The figures are not newer because of this, and a purged
tenant does not come back. With clock = records, the wait runs to the newest
record.
"""

import datetime
import json
import re
import time

from harness import Checklist, run_checks, until

WAITED_S = 60 # when the message arrives
REFRESH_S = 1


def at(age=0):
    return (datetime.datetime.now(datetime.timezone.utc) -
            datetime.timedelta(seconds=age)).isoformat()


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        self.sink = lab.start(["sink", "-f", "queue:rows"], lab.path("sink"))
        self.streams = {c: self._stream(c) for c in ("system", "records")}

    def _stream(self, clock):
        return self.lab.start(
            ["aggregator", "-f", "queue:" + clock, "-t", "queue:rows",
             "--state", self.lab.path("state." + clock)],
            self.lab.path("aggregator." + clock),
            {"MESSAGING_CONFIG": self.lab.conf(
                clock + ".conf", {"aggregator": {"clock": clock, "refresh":
                                                 f"{REFRESH_S}s"}})})

    def _publish(self, clock, *records):
        self.lab.must(
            ["aggregator", "--publish", "-t", "queue:" + clock],
            stdin="".join(json.dumps({"tenant": clock, **r}) + "\n"
                          for r in records).encode())

    def _stored(self, tenant):
        return self.lab.sql(f"SELECT 1 FROM tenants WHERE tenant = {tenant!r}")

    def _now(self, tenant):
        return json.loads(self.lab.must(
            ["sink", "--tenant", tenant, "--get", "/api/v1/now"]).out)

    def _waits(self, tenant):
        """All places that show the wait."""
        now = self._now(tenant)
        row = self.lab.sql("SELECT longest_wait_seconds FROM tenant_metrics "
                           f"WHERE tenant = '{tenant}'")
        operator = [o["longest_wait_seconds"] for o in now["operators"]]
        return ([float(x) for x, in row] + operator +
                [t["longest_wait_seconds"] for t in now["now"]] +
                [w["wait_seconds"] for w in now["waiting"]])

    def _has_waited(self, tenant, seconds):
        if not self._stored(tenant):
            return False
        waits = self._waits(tenant)
        return len(waits) == 4 and min(waits) >= seconds

    def waits_grow(self):
        began, written = time.monotonic(), {"chat": "1", "at": at(WAITED_S)}
        for clock in self.streams:
            self._publish(
                clock, {"type": "message", "id": "1", "from": "customer",
                        **written},
                {"type": "chat", "status": "open", "operator": "7", **written})
        until(30, lambda: self._has_waited("system", WAITED_S + 3),
              "the wait to grow")
        self.that(max(self._waits("system")) <= WAITED_S + 2 +
                  time.monotonic() - began, "it is longer")
        until(30, lambda: self._has_waited("records", 0), "the other tenant")
        self.that(max(self._waits("records")) < 5, self._waits("records"))

    def all_places_show_it(self):
        wait = int(self._waits("system")[0])
        page = self.lab.must(["sink", "--now"]).out.decode()
        shown = re.search(r"system, as of (?:.|\n)*longest 1m(\d+)s", page)
        self.that(shown and 60 + int(shown[1]) >= wait, page)
        self.equal(self._now("system")["now"][0]["as_of"],
                   self._now("records")["now"][0]["as_of"], "as_of")

    def after_a_restart(self):
        wait = min(self._waits("system"))
        self.equal(self.lab.end(self.streams["system"]), 0, "its end")
        self.streams["system"] = self._stream("system")
        until(30, lambda: self._has_waited("system", wait + 2),
              "the wait to grow again")

    def a_purged_tenant_stays_away(self):
        """The sink refuses the next flush, and the aggregator removes the tenant
        from its state."""
        self.lab.must(["reaper", "--purge", "system", "--force"])
        until(30, lambda: "starting again from there" in
              self.lab.text("aggregator.system"), "the refusal")
        for table in "tenant_metrics", "operator_metrics":
            self.equal(self.lab.sql(f"SELECT COUNT(*) FROM {table} WHERE "
                                    "tenant = 'system'"), [["0"]], table)

    def all_end(self):
        for p in [*self.streams.values(), self.sink]:
            self.equal(self.lab.end(p), 0, "an end")


run_checks(Test)
