#!/usr/bin/env -S python3 -B
"""reaper --forget with a file whose lines stay: an audit, which records who
has read which data. An alias replaces the customer's id in it, and nothing
else changes. And a chat that only a file names, in the order to a state.
"""

import glob
import json
import os
import random
import re
import subprocess

from api_client import Server, token
from forget import C, D, House

from harness import BIN, Checklist, run_checks, say, seed, until

TENANT = "calm"
ALIAS = re.compile(r"forgotten-[0-9a-f]{16}")


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.house = House(lab)
        for tenant in (TENANT, "storm", "twin"):
            self.house.make(tenant)
            self.house.store(tenant)
        self.audit = lab.path("audit")

    def read(self, path):
        with open(path, encoding="utf-8") as f:
            return f.read()

    def alias(self, tenant):
        """The alias in the tables."""
        return self.lab.sql("SELECT DISTINCT user_id FROM user_stats WHERE "
                            f"tenant = '{tenant}' AND user_id LIKE "
                            "'forgotten-%'")[0][0]

    def somebody_reads(self, server):
        """Reads of the customer's data, of others', and page by page."""
        lead = token(tenant_id=TENANT, role="lead", sub="ann", jti="t1")
        for path in (f"users?user_id={C}", f"users.csv?user_id={D}",
                     f"events?user_id={C}&limit=1", "chats?chat=100",
                     "messages?conversation_id=100"):
            answer = server.ask("/api/v1/" + path, lead)
            self.that(answer.status == 200, f"{path}: {answer.body!r}")
        for path in ("users", "receipts", "alerts"):
            answer, pages = server.ask(f"/api/v1/{path}?limit=1", lead), 1
            while answer.json().get("next"):
                cursor = answer.json()["next"].rsplit("cursor=", 1)[-1]
                answer = server.ask(f"/api/v1/{path}?limit=1&cursor={cursor}",
                                    lead)
                pages += 1
            self.that(pages > 1, f"{path}: {pages} pages: {answer.body!r}")

    def forget(self, tenant, *paths):
        return self.house.forget(tenant, *(x for path in paths
                                           for x in ("--file", path)))

    def the_audit_keeps_its_lines(self):
        server = Server(self.lab, {"serve": {"rate": 0, "audit": self.audit}})
        self.somebody_reads(server)
        before = self.read(self.audit)
        self.that(C in before, f"the audit does not name them: {before}")
        self.that('"cursor":null' in before
                  and C.encode().hex() not in before,
                  f"a cursor names them: {before}")
        exported = self.lab.must(["reaper", "--export", C, "--tenant", TENANT,
                                  "--file", self.audit]).out.decode()
        theirs = [x for x in before.splitlines() if C in x]
        self.that(all(x in exported for x in theirs)
                  and f'{D}"}}' not in exported, f"exported: {exported}")
        done = self.forget(TENANT, self.audit)
        self.that(done.code == 75 and "cannot lock" in done.err
                  and self.read(self.audit) == before,
                  f"while it is written: {done}")
        server.process.terminate()
        server.process.wait()
        self.lab.processes.remove(server.process)
        self.lab.write("storm", before.replace(f'"{TENANT}"', '"storm"'))
        done = self.house.forget(TENANT, "--file", self.audit, "-o", "ndjson")
        counted = {r["place"]: r["rows"] for r in done.records()}
        self.that(done.code == 0 and counted[self.audit] == len(theirs),
                  f"{len(theirs)} lines: {done}")
        alias = self.alias(TENANT)
        want = before.replace(C, alias)
        self.that(self.read(self.audit) == want,
                  f"{before} became {self.read(self.audit)}")
        done = self.forget(TENANT, self.audit)
        self.that(done.code == 0 and self.read(self.audit) == want,
                  f"once more: {done}")

    def killed_at_any_time(self):
        """A long audit."""
        path, lines = self.lab.path("storm"), self.read(self.lab.path("storm"))
        lines = lines * 2000
        self.lab.write("storm", lines)
        dice = random.Random(seed())
        argv = [os.path.join(BIN, "reaper"), "--forget", C, "--tenant",
                "storm", "--file", path]
        kills, most = 0, 0.02
        while True:
            run = subprocess.Popen(argv, env=self.lab.env,
                                   stdout=subprocess.DEVNULL)
            try:
                code = run.wait(dice.uniform(0, most))
                break
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
                kills += 1
                most *= 1.1
            left = ALIAS.sub("ALIAS", self.read(path))
            self.that(left.count("\n") == lines.count("\n"), "lines are gone")
        say(f"killed {kills} times")
        self.that(code == 0 and kills > 3, f"{kills} kills, then {code}")
        alias = self.alias("storm")
        self.that(self.read(path) == lines.replace(C, alias), "the audit")
        self.that(not [x for x in os.listdir(self.lab.tmp)
                       if x.endswith(".forget")], "a new file is left")

    def begin_to_forget(self, path):
        """Returns the reaper when its order waits for an aggregator, and the
        order."""
        def orders():
            return {(order, os.stat(order).st_ino) for order in glob.glob(
                self.lab.path("state/forget/*.order"))}

        before = orders()
        reaper = self.lab.start(
            ["reaper", "--forget", C, "--tenant", "twin", "--file", path,
             "--state", self.lab.path("state")], self.lab.path("reaper.log"))
        until(60, lambda: orders() - before, "an order")
        [(order, _)] = orders()
        return reaper, order

    def a_chat_that_only_a_file_names(self):
        """After the first run, the file no longer tells whose chat it is: a
        second run keeps it in the order that waits for an aggregator."""
        os.mkdir(self.lab.path("state"))
        self.lab.write("state/stream.mdb", "")
        path = self.lab.write("archive", json.dumps(
            {"type": "row", "table": "chat_metrics", "tenant": "twin",
             "chat": "in-a-file", "customer": C}) + "\n")
        reaper, order = self.begin_to_forget(path)
        # It waits for an aggregator as long as its order is there.
        os.rename(order, order + ".aside")
        self.that(reaper.wait(60) == 75, "no aggregator has erased anything")
        os.rename(order + ".aside", order)
        self.that(f'"{C}"' not in self.read(path), self.read(path))
        reaper, order = self.begin_to_forget(path)
        reaper.terminate()
        self.that(reaper.wait(60) == 75, "stopped")
        log = self.read(self.lab.path("reaper.log"))
        for words in "disappeared without a result", "start its aggregator":
            self.that(words in log, log)
        with open(order, "rb") as f:
            self.that(b"in-a-file" in f.read(), "the order has no chat")


run_checks(Test)
