#!/usr/bin/env -S python3 -B
"""The commands in messaging-troubleshooting(7) for a chat that was deleted in
the CRM: its rows are deleted, it leaves a tombstone, and the aggregator of the
stream no longer counts it as open."""

import json
import os

from harness import BIN, Checklist, run_checks, shown_in

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

    def has(self, what, chats, open_chats, tombstones):
        got = (self.lab.sql("SELECT chat FROM chat_metrics ORDER BY 1"),
               self.lab.sql("SELECT open_chats FROM operator_metrics"),
               self.lab.sql("SELECT chat FROM closed_chats ORDER BY 1"))
        want = ([[c] for c in chats], [[str(open_chats)]],
                [[c] for c in tombstones])
        self.that(got == want, f"{what}: {got}, not {want}")

    def check(self):
        self.send(chat("9001") + chat("2"))
        self._store()
        self.has("before", ["2", "9001"], 2, [])

        lines = shown_in("messaging-troubleshooting.7",
                         "A CHAT DOES NOT GO AWAY", 2)
        self.that(lines.count("gone |") == 2, f"the page says: {lines}")
        self.lab.must(["bash", "-ec", lines], env={
            "PATH": f"{os.path.realpath(BIN)}:{os.environ['PATH']}"})
        self.has("the rows are deleted at once", ["2"], 2, ["9001"])
        self._store()
        self.has("the stream no longer counts it", ["2"], 1, ["9001"])

    def operators_leave(self):
        """With the snapshot that lacks them, once they have no open chat; they
        stay in history, and may come back."""
        self._snapshot(1, ["ann", "ben"], "ben", "open")
        self._present(["ann", "ben"], "both are listed")
        self._snapshot(2, ["ann"], "ben", "open")
        self._present(["ann", "ben"], "not listed, but with an open chat")
        self._snapshot(3, ["ann"])
        self._present(["ann"], "one left")
        history = self._get("/api/v1/intervals?operator=ben&kind=reply")
        self.equal(len(history["rows"]), 1, "the history")
        self._snapshot(4, ["ann", "ben"])
        self._present(["ann", "ben"], "one came back")

    def _snapshot(self, minute, operators, assigned=None, status="closed"):
        at = f"2026-11-20T10:{minute:02}:00Z"
        own = {"tenant": "left", "snapshot": f"s{minute}"}
        said = [("1", "operator", "00"), ("2", "customer", "10"),
                ("3", "operator", "20")]
        records = [{"type": "operator", "operator": o, "name": o}
                   for o in operators]
        if assigned:
            records += [{"type": "chat", "chat": "1", "status": status,
                         "operator": assigned}] + [
                {"type": "message", "chat": "1", "id": i, "from": sender,
                 "at": f"2026-11-20T10:00:{second}Z", "user": assigned}
                for i, sender, second in said]
        marker = {"type": "snapshot", "at": at, **own}
        self.send([{**marker, "state": "begin"},
                   *({**r, **own} for r in records),
                   {**marker, "state": "end", "records": len(records)}])
        self.lab.must(["aggregator", "-f", "queue:records", "--state",
                       self.lab.path("left"), "-t", "queue:rows",
                       "--until-empty"])
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])

    def _get(self, path):
        return json.loads(self.lab.must(
            ["sink", "--tenant", "left", "--get", path]).out)

    def _present(self, want, what):
        for path, rows in (("/api/v1/now", "operators"),
                           ("/api/v1/operators", "rows")):
            got = [o["operator"] for o in self._get(path)[rows]]
            self.equal(sorted(got), want, (what, path))
        page = self.lab.must(["sink", "--now", "--tenant", "left"]).out.decode()
        self.equal([o for o in ("ann", "ben") if f"\n{o} " in page], want,
                   (what, page))


run_checks(Test)
