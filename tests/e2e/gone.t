#!/usr/bin/env -S python3 -B
"""reaper --gone CHAT deletes the rows of one chat, leaves a tombstone, and
tells the aggregator of the stream, which then no longer counts it as open."""

import json

from harness import Checklist, run_checks

TENANT = "acme"
AT = "2026-11-20T10:0%d:00.000Z"


def chat(name):
    return [{"type": "message", "tenant": TENANT, "chat": name, "id": name,
             "at": AT % 0, "from": "customer", "user": "c" + name},
            {"type": "chat", "tenant": TENANT, "chat": name, "at": AT % 1,
             "status": "open", "operator": "5"}]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb", "rabbitmq")
        lab.must(["sink", "--migrate"])
        self.conf = lab.conf("conf", {
            "crm " + TENANT: {"profile": "chatwoot", "hook": "signature",
                              "hook_secret": "s"},
            "poller": {"to": "queue:records"}})

    def send(self, records):
        text = "".join(json.dumps(r) + "\n" for r in records).encode()
        self.lab.must(["aggregator", "--publish", "-t", "queue:records"],
                      stdin=text)

    def _store(self):
        """Stores the stream's rows in the database."""
        self.lab.must(["aggregator", "-f", "queue:records", "-a",
                       "operators,chats", "--every", "100ms", "--state", self.lab.path("state"),
                       "-t", "queue:rows", "--until-empty"])
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])

    def reap(self, *options, code=0):
        done = self.lab.run(["reaper", "-c", self.conf, *options])
        self.that(done.code == code, f"{options}: {done}")
        return done

    def has(self, what, chats, open_chats, tombstones):
        got = (self.lab.sql("SELECT chat FROM chat_metrics ORDER BY 1"),
               self.lab.sql("SELECT open_chats FROM operator_metrics_all"),
               self.lab.sql("SELECT chat FROM closed_chats ORDER BY 1"))
        want = ([[c] for c in chats], [[str(open_chats)]],
                [[c] for c in tombstones])
        self.that(got == want, f"{what}: {got}, not {want}")

    def check(self):
        self.send(chat("1") + chat("2"))
        self._store()
        self.has("before", ["1", "2"], 2, [])

        self.reap("--gone", "1", "--dry-run")
        self._store()
        self.has("a dry run changes nothing", ["1", "2"], 2, [])

        self.reap("--gone", "1")
        self.has("the rows are deleted at once", ["2"], 2, ["1"])
        self._store()
        self.has("the stream no longer counts it", ["2"], 1, ["1"])

        for options in ((), ("--dry-run",)):
            done = self.reap("--gone", "1", *options, code=66)
            self.that(
                [line for line in done.lines() if "has no rows" in line] == [
                    f"reaper: tenant {TENANT} has no rows of chat '1'; "
                    "check its id"], f"deleted before: {done}")

        done = self.reap("--gone", "1", "--tenant", "other", code=65)
        self.that("does not know this tenant" in done.err,
                  f"another tenant: {done}")


run_checks(Test)
