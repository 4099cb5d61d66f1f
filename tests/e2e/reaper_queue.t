#!/usr/bin/env -S python3 -B
"""The reaper at a queue, until it is empty: it deletes and then acknowledges,
bad records and refused ones become dead letters, and work that failed because
a server was unavailable stays in the queue.
"""

import collections
import json
from datetime import datetime, timedelta, timezone

from harness import Checklist, run_checks, until


def answer(tenant, chat, status, minute=1):
    return json.dumps({"type": "chat", "tenant": tenant, "chat": str(chat),
                       "status": status, "at": f"2026-11-20T10:0{minute}:00Z"})


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        self.database = lab.door("mariadb")
        lab.env["MYSQL_URL"] = self.database.url
        for tenant in ("acme", "beta"):
            lab.sql("INSERT INTO tenants (tenant, as_of, snapshot, stored_at, "
                    f"stale_at) VALUES ('{tenant}', '2026-11-20 10:00:00', 's',"
                    " UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 HOUR)")
            lab.sql("INSERT INTO chat_metrics (tenant, chat, status, as_of) "
                    f"SELECT '{tenant}', seq, 'left', '2026-11-20 10:00:00' "
                    "FROM seq_1_to_60")

    def chats(self, tenant):
        return int(self.lab.sql("SELECT COUNT(*) FROM chat_metrics WHERE "
                                f"tenant = '{tenant}'")[0][0])

    def reap(self, code, *options):
        done = self.lab.run(["reaper", "-f", "queue:closed", *options])
        self.equal(done.code, code, done)
        return done

    def prefetch(self, n):
        self.lab.env["MESSAGING_CONFIG"] = self.lab.conf(
            "conf", {"amqp": {"prefetch": n, "wait_timeout": "90s"}})

    def _settled(self):
        until(20, lambda: self.lab.in_queue("closed", "total") == 0,
              "all to be acknowledged")

    def list_and_answers(self):
        """The list goes to a queue, and answers come from another one."""
        self.lab.must(["reaper", "--list", "-t", "queue:left"])
        self.that(self.lab.take("left"), "nothing is listed")
        self.lab.put("closed", [
            *(answer("acme", n, "closed") for n in range(1, 31)),
            *(answer("beta", n, "gone") for n in range(1, 14)),
            answer("beta", 60, "closed"), answer("nobody", 1, "closed"),
            "nonsense"])
        done = self.reap(65)
        self._settled()
        self.equal((self.chats("acme"), self.chats("beta")), (30, 59), "left")
        self.that("13 of the 60 known chats of tenant 'beta'" in
                  done.err, done)
        reasons = collections.Counter(
            json.loads(x)["reason"] for x in self.lab.take("closed.dead"))
        self.that(len(reasons) == 3 and
                  reasons["too many chats gone at once"] == 13 and
                  reasons["the database does not know this tenant"] == 1,
                  reasons)

    def gone_in_portions(self):
        """The gone chats of all batches of a run count together. A batch has
        a thousand answers: the first one leaves 54 of beta's chats, the second
        49, and the third is refused as a whole: 15 of 59."""
        for part in range(3):
            self.lab.put("closed", [
                *(answer("beta", 5 * part + n, "gone") for n in range(1, 6)),
                *(answer("beta", 59, "open") for _ in range(995))])
        done = self.reap(65)
        self.that("15 of the 59 known chats of tenant 'beta' are suddenly "
                  "missing" in done.err, done)
        self.equal(self.chats("beta"), 49, "chats of beta")
        self.equal(len(self.lab.take("closed.dead")), 5, "dead letters")

    def dry_run(self):
        """Shows what would be deleted and what is refused, and changes
        nothing."""
        self.prefetch(1)
        letters = self.lab.in_queue("closed.dead")
        # More than a quorum queue sends to a reader without a prefetch limit.
        self.lab.put("closed", [*2101 * [answer("acme", 31, "closed")], answer(
            "nobody", 1, "closed"), "nonsense"], 1)
        done = self.reap(65, "--dry-run", "-o", "ndjson")
        self.equal([r["chat"] for r in done.records()], ["31"], "shown")
        self.equal(sum(" line 1: " in x and "message" in x
                       for x in done.lines()), 2, done)
        until(20, lambda: self.lab.in_queue("closed") == 2103, "all of them")
        self.equal(self.lab.in_queue("closed.dead"), letters, "dead letters")
        self.equal(self.chats("acme"), 30, "chats of acme")
        self.lab.take("closed")

    def crm_ahead(self):
        """The CRM's clock is two minutes ahead of ours. Waits end by the CRM's
        clock, and a chat that is reopened after its deletion returns at
        once."""
        now = datetime.now(timezone.utc) + timedelta(minutes=2)

        def at(seconds):
            return (now + timedelta(seconds=seconds)).strftime("%FT%T.000Z")

        def poll(second, opened, written):
            own = {"tenant": "fast", "snapshot": at(second)}
            self.lab.put("records", [json.dumps({**own, **r}) for r in (
                {"type": "snapshot", "state": "begin", "at": at(second)},
                {"type": "chat", "chat": "1", "status": "open",
                 "at": at(second), "opened_at": at(opened)},
                {"type": "message", "chat": "1", "id": str(900 + written),
                 "from": "customer", "at": at(written)},
                {"type": "snapshot", "state": "end", "at": at(second),
                 "records": 2})])
            self.lab.must([
                "aggregator", "--state", self.lab.path("state"), "--every",
                "1s", "-f", "queue:records", "-t", "queue:rows",
                "--until-empty"])
            self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])
            return self.lab.sql(
                "SELECT FLOOR(longest_wait_seconds), c.chat "
                "FROM tenant_metrics t "
                "LEFT JOIN chat_metrics c USING (tenant) "
                "WHERE t.tenant = 'fast'")

        self.equal(poll(0, -600, -60), [["60", "1"]], "the first poll")
        self.lab.put("closed", [json.dumps({
            "type": "chat", "tenant": "fast", "chat": "1", "at": at(5),
            "status": "closed", "closed_at": at(4)})])
        self.reap(0)
        self.equal(self.lab.sql("SELECT chat FROM chat_metrics WHERE "
                                "tenant = 'fast'"), [], "deleted")
        self.equal(poll(12, 10, 10), [["2", "1"]], "opened again")

    def database_away(self):
        """Nothing becomes a dead letter, and the next run deletes the
        chat."""
        letters = self.lab.in_queue("closed.dead")
        self.lab.put("closed", [answer("acme", 31, "closed")])
        self.lab.env["MESSAGING_CONFIG"] = self.lab.conf(
            "conf", {"mysql": {"wait_timeout": "1s"}})
        self.database.shut()
        self.reap(75)
        del self.lab.env["MESSAGING_CONFIG"]
        self.database.open()
        until(20, lambda: self.lab.in_queue("closed") == 1, "its answer")
        self.equal(self.lab.in_queue("closed.dead"), letters, "dead letters")
        self.reap(0)
        self.equal(self.chats("acme"), 29, "chats of acme")

    def last_answer_counts(self):
        self.lab.put("closed", [
            answer("acme", 41, "closed"), answer("acme", 43, "closed"),
            answer("acme", 43, "open", 2)])
        self.reap(0)
        self._settled()
        self.equal(self.chats("acme"), 28, "chats of acme")


run_checks(Test)
