#!/usr/bin/env -S python3 -B
"""The reaper against a real database: which rows are listed, deleted, kept,
refused, archived and purged; and that no row can slip in meanwhile. faults.t
kills it at each step, fault_injection.t fills its disk and stops its database.
"""

import datetime
import json
import os
import re
import subprocess

from harness import BIN, Checklist, program, run_checks, until
from streamlib import Sql

ALL = ["acme/1", "acme/2", "acme/3", "beta/1", "beta/2"]
OLD, YOUNG = "2026-11-13 09:59:59.999", "2026-11-13 10:00:00"


def line(**fields):
    return json.dumps(fields).encode() + b"\n"


def answer(tenant, chat, status, at, **more):
    at = at if "-" in at else f"2026-11-20T{at}Z"
    return line(type="chat", tenant=tenant, chat=str(chat), status=status,
                at=at, **more)


def row(chat, time, tenant="acme", table="chat_metrics", **more):
    time = time if "-" in time else f"2026-11-20T{time}Z"
    key = {"chat": str(chat), "status": "open"} \
        if table == "chat_metrics" else {}
    return line(type="row", table=table, tenant=tenant, as_of=time, **key,
                **more)


ANSWERS = b"".join([
    answer("acme", 1, "closed", "10:01:00", closed_at="2026-11-20T10:00:30Z"),
    answer("acme", 2, "closed", "09:59:00"),
    answer("acme", 3, "open", "10:01:00"),
    answer("beta", 1, "gone", "10:01:00"),
    answer("beta", 77, "closed", "10:01:00"),
    line(type="operator", tenant="acme", operator="7"),
    line(type="news", tenant="acme")])


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        lab.must(["sink", "--migrate"])

    def q(self, statement):
        return self.lab.sql(statement)

    def value(self, statement):
        return self.q(statement)[0][0]

    def column(self, statement):
        return [r[0] for r in self.q(statement)]

    def keys(self, table="chat_metrics"):
        return self.column(f"SELECT CONCAT(tenant, '/', chat) FROM {table} "
                           "ORDER BY 1")

    def left(self, want, what):
        self.equal(self.keys(), want, what)

    def reap(self, code, *options, stdin=b"", says=None, **more):
        """Runs the reaper; checks the exit code and its lines, one pattern
        each."""
        done = self.lab.run(["reaper", *options], stdin=stdin, **more)
        self.that(done.code == code, f"reaper {options}: {done}, wanted {code}")
        lines, says = done.lines(), says or []
        says = [says] if isinstance(says, str) else says
        self.that(len(lines) == len(says) and all(
            re.search(p, text) for p, text in zip(says, lines)),
            f"reaper {options}: {done}, wanted {says}")
        return done

    def sink(self, rows, *options):
        return self.lab.run(["sink", *options], stdin=rows)

    def fresh(self, many=None):
        """Two tenants as of 10:00, one of them stored an hour ago; acme/1 and
        acme/2 have left. MANY: additional (tenant, first chat, last chat)."""
        self.q("""DELETE FROM tenants; DELETE FROM chat_metrics;
            DELETE FROM closed_chats; DELETE FROM refused_rows;
            DELETE FROM operator_metrics; DELETE FROM tenant_metrics;
            DELETE FROM event_counts;
            INSERT INTO tenants (tenant, as_of, snapshot, stored_at, stale_at)
            VALUES ('acme', '2026-11-20 10:00:00', 's', UTC_TIMESTAMP(3),
                UTC_TIMESTAMP(3) + INTERVAL 1 HOUR),
            ('beta', '2026-11-20 10:00:00', 's',
                UTC_TIMESTAMP(3) - INTERVAL 1 HOUR,
                UTC_TIMESTAMP(3) - INTERVAL 57 MINUTE);
            INSERT INTO chat_metrics (tenant, chat, status, customer_name,
                avg_response_seconds, messages, as_of) VALUES
            ('acme', '1', 'left', 'Zoë "q"', 1.5, 4,
                '2026-11-20 10:00:00.123'),
            ('acme', '2', 'left', NULL, NULL, 1, '2026-11-20 10:00:00'),
            ('acme', '3', 'open', NULL, NULL, 1, '2026-11-20 10:00:00'),
            ('beta', '1', 'open', NULL, NULL, 1, '2026-11-20 10:00:00'),
            ('beta', '2', 'pending', NULL, NULL, 1, '2026-11-20 10:00:00');
            INSERT INTO operator_metrics (tenant, operator, available, as_of)
            VALUES ('acme', '7', 1, '2026-11-20 10:00:00'),
            ('beta', '7', 0, '2026-11-20 10:00:00')""")
        if many:
            self.chats(*many)

    def chats(self, tenant, first, last):
        self.q("INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT "
               f"'{tenant}', seq, 'left', '2026-11-20 10:00:00' FROM "
               f"seq_{first}_to_{last}")

    def listed(self, *options):
        return [(f"{r['tenant']}/{r['chat']}", r.get("status"), r["at"])
                for r in self.reap(0, "--list", *options).records()]

    def list(self):
        """Lists chats that left, and all chats of a tenant with an old
        snapshot."""
        self.fresh()
        self.equal(self.listed(), [
            ("acme/1", None, "2026-11-20T10:00:00.123Z"),
            ("acme/2", None, "2026-11-20T10:00:00.000Z"),
            ("beta/1", "open", "2026-11-20T10:00:00.000Z"),
            ("beta/2", "pending", "2026-11-20T10:00:00.000Z")], "the list")
        self.q("UPDATE tenants SET removed_at = as_of WHERE tenant = 'beta'; "
               "UPDATE tenants SET stored_at = NULL WHERE tenant = 'acme'")
        self.equal([x[:2] for x in self.listed()],
                   [("acme/1", "closed"), ("acme/2", "closed"),
                    ("acme/3", "open")],
                   "a removed tenant, and one without snapshot")
        self.q("DELETE FROM chat_metrics")
        self.chats("acme", 1, 2500)
        self.equal(len(set(self.listed())), 2500, "a long list")
        p = subprocess.Popen(program(["reaper", "--list"]), env=self.lab.env,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdout.close()
        self.equal((p.stderr.read(), p.wait(60)), (b"", 0), "a closed pipe")

    def closed_ones_go(self):
        self.fresh()
        done = self.reap(0, "--dry-run", "-o", "table", stdin=ANSWERS)
        self.equal([x.split()[:3] for x in done.out.decode().splitlines()[1:]],
                   [["acme", "1", "closed"], ["beta", "1", "gone"]],
                   "a dry run's table")
        done = self.reap(0, "--dry-run", stdin=ANSWERS)
        self.equal([(r["type"], r["tenant"], r["chat"], r["status"])
                    for r in done.records()],
                   [("chat", "acme", "1", "closed"),
                    ("chat", "beta", "1", "gone")], "a dry run's records")
        self.equal((self.keys(), self.keys("closed_chats")), (ALL, []),
                   "after a dry run")
        done = self.reap(0, "-o", "ndjson", stdin=ANSWERS)
        self.equal([tuple(r[k] for k in ("tenant", "open", "closed", "gone",
                                         "deleted", "newer", "refused"))
                    for r in done.records()],
                   [("acme", 1, 2, 0, 1, 1, 0), ("beta", 0, 1, 1, 1, 0, 0)],
                   "the summary")
        left = ["acme/2", "acme/3", "beta/2"]
        self.left(left, "what is left")
        stones = [["acme", "1", "2026-11-20 10:00:30.000",
                   "2026-11-20 10:01:00.000"],
                  ["beta", "1", "-", "2026-11-20 10:01:00.000"],
                  ["beta", "77", "-", "2026-11-20 10:01:00.000"]]
        dated = "SELECT tenant, chat, IFNULL(closed_at, '-'), as_of FROM " \
                "closed_chats ORDER BY 1, 2"
        self.equal(self.q(dated), stones, "tombstones")
        self.equal(self.reap(0, stdin=ANSWERS).out, b"", "again")
        self.reap(0, stdin=answer("acme", 1, "closed", "09:00:00"))
        self.equal(self.q(dated), stones, "tombstones after an older answer")
        # Of a deleted chat, only newer rows are stored.
        self.sink(row(1, "10:01:00"))
        self.left(left, "a row as old as the tombstone")
        self.sink(row(1, "10:01:00.001"))
        self.left(["acme/1"] + left, "a reopened chat")
        self.reap(0, stdin=ANSWERS)
        self.left(["acme/1"] + left, "the answer from before it was reopened")

    def last_answer_counts(self):
        self.fresh()
        self.reap(0, stdin=b"".join([
            answer("acme", 1, "closed", "10:01:00"),
            answer("acme", 1, "open", "10:02:00"),
            answer("beta", 1, "gone", "10:01:00"),
            answer("beta", 1, "open", "10:02:00"),
            answer("beta", 2, "open", "10:02:00"),
            answer("beta", 2, "gone", "10:01:00")]))
        self.left(ALL, "closed, then open")
        self.reap(0, stdin=b"".join([
            answer("acme", 1, "open", "10:02:00"),
            answer("acme", 2, "closed", "10:01:00"),
            answer("acme", 2, "open", "10:02:00"),
            *(answer("acme", n, "closed", "10:01:00")
              for n in range(1001, 2001)),
            answer("acme", 1, "closed", "10:01:00"),
            answer("acme", 2, "closed", "10:03:00")]))
        self.left(["acme/1", "acme/3", "beta/1", "beta/2"],
                  "open, then closed in another batch")

    def bad_input(self):
        self.fresh()
        self.equal(self.reap(0).out, b"", "no input")
        self.reap(65, stdin=b"".join([
            answer("acme", 1, "closed", "10:01:00"),
            answer("acme", 2, "open", "10:00:00"),
            answer("acme", 2, "gone", "10:01:00"),
            answer("acme", 3, "closed", "10:01:00")[:50]]),
            says=["ends inside", "1 chats that are gone were left"])
        self.left(ALL[1:], "a cut input")
        self.fresh()
        self.reap(65, stdin=b"".join([
            b"nonsense\n", answer("acme", 1, "closed", "10:01:00"),
            line(type="chat", tenant="acme", chat="2", status="closed"),
            answer("nobody", 1, "closed", "10:01:00"),
            answer("acme", "2 ", "closed", "10:01:00")]),
            says=["line 1: ", "line 3: .*needs 'at'",
                  "line 5: .*ends with a space", "line 4: .*does not know"])
        self.left(ALL[1:], "beside bad lines")

    def many_gone(self):
        """More than 20 % and more than 10 gone chats at once look like a
        mistake."""
        self.fresh(("beta", 101, 198))
        gone = [answer("beta", n, "gone", "10:01:00") for n in range(101, 122)]
        more = [answer("beta", 150, "closed", "10:01:00"),
                answer("acme", 1, "gone", "10:01:00")]
        count = "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'beta'"
        self.reap(65, stdin=b"".join(gone + more),
                  says="21 of the 100 known chats of tenant 'beta' are suddenly missing"
                       ".*--force")
        self.equal(self.value(count), "99", "chats of beta")
        self.equal(self.keys()[:2], ["acme/2", "acme/3"], "the others")
        self.reap(0, "--force", stdin=b"".join(gone + more))
        self.equal(self.value(count), "78", "with --force")
        self.fresh(("beta", 101, 110))
        self.reap(0, stdin=b"".join(gone[:10]))
        self.left(ALL, "ten are believed")

    def impossible_times(self):
        self.fresh()
        end, now = "9999-12-31T23:59:59Z", "2026-11-20T10:00:00Z"
        for status, at, closed, why in (
                ("closed", end, "0001-01-01T00:00:00Z",
                 "field 'closed_at' is before"),
                ("closed", "0999-12-31T23:59:59Z", now,
                 "field 'at' is before the year"),
                ("gone", end, now, "ahead: its time"),
                ("open", end, now, "ahead: its time")):
            self.reap(65, stdin=answer("acme", 1, status, at,
                                       closed_at=closed),
                      says="line 1: " + why)
        self.equal((self.keys("closed_chats"), self.keys()), ([], ALL),
                   "tombstones and chats")
        conf = self.lab.conf("any", {"aggregator": {"clock": "records"}})
        self.reap(0, "-c", conf,
                  stdin=answer("acme", 1, "closed", end, closed_at=now))
        self.equal(self.keys("closed_chats"), ["acme/1"],
                   "with clock = records")

    def archive(self):
        """Rows are archived first, then deleted; also more than a batch."""
        self.fresh()
        kept = self.lab.path("kept.ndjson")
        self.reap(0, "--archive", kept, stdin=ANSWERS)
        self.equal(os.stat(kept).st_mode & 0o777, 0o600, "mode")
        with open(kept, "rb") as f:
            rows = f.read()
        self.equal([[r[k] for k in ("table", "chat", "customer_name",
                                    "messages", "avg_response_seconds",
                                    "operator", "as_of")]
                    for r in map(json.loads, rows.splitlines())],
                   [["chat_metrics", "1", 'Zoë "q"', 4, 1.5, None,
                     "2026-11-20T10:00:00.123Z"],
                    ["chat_metrics", "1", None, 1, None, None,
                     "2026-11-20T10:00:00.000Z"]], "rows")
        self.q("DELETE FROM closed_chats; DELETE FROM chat_metrics")
        # No record has the status 'left', only the table.
        self.sink(rows.replace(b'"left"', b'"open"'))
        self.left(["acme/1", "beta/1"], "the archive brings them back")
        self.fresh()
        os.symlink(kept, self.lab.path("link"))
        self.reap(73, "--archive", self.lab.path("link"), stdin=ANSWERS,
                  says="it is a symbolic link")
        self.reap(73, "--archive", "/no/such/file", stdin=ANSWERS,
                  says="No such")
        self.left(ALL, "without an archive")
        self.q("DELETE FROM chat_metrics")
        self.chats("acme", 1, 2500)
        many = self.lab.path("many")
        self.reap(0, "--archive", many, stdin=b"".join(
            answer("acme", n, "closed", "10:01:00") for n in range(2, 2501)))
        self.left(["acme/1"], "of 2500")
        with open(many, "rb") as f:
            self.equal(len({json.loads(x)["chat"] for x in f}), 2499,
                       "in the archive")

    def on_close(self):
        """With on_close = all, rows of history are deleted, too, except
        intervals, from which response times are computed."""
        for close, left in ("live", ["1", "3"]), ("all", ["3"]):
            self.fresh()
            for table, time, chat, more in (
                    ("intervals", "end_at", "chat", {"kind": "'reply'",
                                                     "ms": "1"}),
                    ("conversation_metrics", "last_message_at",
                     "conversation_id", {})):
                names = ", ".join([time, chat, *more])
                self.q(f"DELETE FROM {table}; INSERT INTO {table} (tenant, "
                       f"{names}, as_of, version) VALUES " + ", ".join(
                           "('acme', " + ", ".join(
                               ["'2026-11-20 10:00:00'", f"'{n}'",
                                *more.values()])
                           + ", '2026-11-20 10:00:00', 1)" for n in (1, 3)))
            self.reap(0, "-c", self.lab.conf(close, {
                "reaper": {"on_close": close}}),
                stdin=answer("acme", 1, "closed", "10:01:00"))
            self.equal(self.column("SELECT conversation_id FROM "
                                   "conversation_metrics ORDER BY 1"),
                       left, f"on_close = {close}")
            self.equal(self.column("SELECT chat FROM intervals ORDER BY 1"),
                       ["1", "3"], f"intervals with on_close = {close}")

    def stones(self, tenant):
        self.q("INSERT IGNORE INTO closed_chats (tenant, chat, as_of) VALUES "
               f"('{tenant}', 'old', '{OLD}'), "
               f"('{tenant}', 'young', '{YOUNG}')")

    def tombstones_go_in_time(self):
        """A week before the newest time of the tenant."""
        self.fresh()
        self.stones("acme")
        self.stones("beta")
        self.q(f"""
            UPDATE tenants SET as_of = '2026-11-19' WHERE tenant = 'beta';
            INSERT INTO closed_chats (tenant, chat, as_of) SELECT
            'beta', seq, '2026-01-01 00:00:00' FROM seq_1_to_2100;
            INSERT INTO refused_rows (tenant, snapshot, line, as_of) VALUES
            ('acme', 's', 1, '{OLD}'), ('acme', 's', 2, '{YOUNG}')""")
        self.reap(0)
        self.equal(self.keys("closed_chats"),
                   ["acme/young", "beta/old", "beta/young"], "tombstones")
        self.equal(self.column("SELECT line FROM refused_rows"), ["2"],
                   "refusals")

    def streams(self):
        """Streams have no snapshots: the newest row's time counts."""
        self.q("DELETE FROM tenants; DELETE FROM chat_metrics; "
               "DELETE FROM closed_chats")
        at = "2026-11-20T10:00:00.000Z"
        for tenant, first in (
                ("flow", row(0, at, "flow", "tenant_metrics", version=1)),
                ("bare", row("now", at, "bare", version=1)),
                ("base", row(0, at, "base", "operator_metrics", operator="7",
                             version=1))):
            self.sink(first)
            self.stones(tenant)
            self.reap(0)
            self.equal([k for k in self.keys("closed_chats")
                        if k.startswith(tenant)], [tenant + "/young"],
                       "tombstones")
        late = b"".join(
            row(chat, f"2026-11-13T{time}Z", "flow")
            + row(0, f"2026-11-13T{time}Z", "flow", "event_counts", user=chat,
                  event="e", count=1)
            for chat, time in (("old", "09:59:59.999"),
                               ("young", "10:00:00.000"),
                               ("kept", "10:00:00.000")))
        self.sink(late)
        self.left(["bare/now", "flow/kept"],
                  "after rows without a tombstone any more")
        self.equal(self.column("SELECT user FROM event_counts ORDER BY 1"),
                   ["kept", "old", "young"], "rows without a chat")
        # A replay into an empty state gives newer versions of older times.
        self.sink(row(0, "2026-11-01T00:00:00.000Z", "flow", "tenant_metrics",
                      version=2))
        self.equal(self.q("SELECT as_of, version FROM tenant_metrics WHERE "
                          "tenant = 'flow'"),
                   [["2026-11-01 00:00:00.000", "2"]], "the replay's row")
        self.sink(late)
        self.left(["bare/now", "flow/kept"], "after a replay")
        self.stones("flow")
        self.reap(0)
        self.equal(self.keys("closed_chats")[-1], "flow/young",
                   "tombstones after a replay")
        # A time in the future does not make other rows old.
        self.sink(row(0, "2036-11-01T00:00:00.000Z", "flow", "tenant_metrics",
                      version=3))
        self.equal(self.value("SELECT newest_at <= UTC_TIMESTAMP(3) FROM "
                              "tenants WHERE tenant = 'flow'"), "1",
                   "the newest time is not later than now")

    def history_is_not_refused(self):
        """The history of an open chat may be as old as a tombstone."""
        for close in ("live", "all"):
            conf = self.lab.conf("close", {"reaper": {"on_close": close}})
            self.q("DELETE FROM messages")
            for name, as_of in (("stream", "NULL"),
                                ("snapshots", "'2026-11-20 10:00:00'")):
                self.q(f"UPDATE tenants SET as_of = {as_of}")
                self.sink(line(type="message", tenant="flow", id=name,
                               chat="kept", at="2026-11-01T10:00:00.000Z",
                               to="7", **{"from": "customer"}), "-c", conf)
            self.equal(self.column("SELECT message_id FROM messages "
                                   "ORDER BY 1"), ["snapshots", "stream"],
                       f"messages with on_close = {close}")

    def purge(self):
        """Deletes everything of one tenant and nothing of another."""
        self.fresh(("acme", 11, 2010))
        self.q("INSERT INTO closed_chats (tenant, chat, as_of) VALUES "
               "('acme', '9', '2026-11-20 09:00:00')")
        self.reap(66, "--purge", "nobody",
                  says="has no tenant 'nobody'")
        self.reap(64, "--purge", "acme ", says="not a valid tenant name")
        self.reap(78, "--purge", "acme", says="still configured", env={
            "CRM_URL": "http://127.0.0.1:1/v1", "CRM_TOKEN": "x",
            "CRM_TENANT": "acme"})
        done = self.reap(0, "--purge", "acme", "--dry-run", "-o", "csv")
        self.that(b"chat_metrics,2003" in done.out, f"a dry purge: {done.out}")
        done = self.reap(0, "--purge", "acme", env={
            "CRM_URL": "http://127.0.0.1:1/v1", "CRM_TOKEN": "x",
            "CRM_TENANT": "beta"})
        self.equal(done.out, b"", "output")
        for table, left in (("chat_metrics", ["beta"]),
                            ("operator_metrics", ["beta"]),
                            ("closed_chats", []),
                            ("tenants", ["acme", "beta"])):
            self.equal(self.column(f"SELECT DISTINCT tenant FROM {table} "
                                   "ORDER BY 1"), left, f"left in {table}")
        self.sink(row(1, "10:00:00"))
        self.left(["beta/1", "beta/2"], "a row that was on its way")

    def purge_is_stopped(self):
        """A signal ends it, and it reports that it is incomplete."""
        self.fresh(("acme", 10001, 12000))
        other = Sql(self.lab)
        other.ask("START TRANSACTION; DELETE FROM chat_metrics WHERE tenant = "
                  "'acme' AND chat = '10101'; SELECT 1")
        p = subprocess.Popen(
            program(["reaper", "--purge", "acme"]),
            env=self.lab.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(20, lambda: self.value(
            "SELECT COUNT(*) FROM information_schema.innodb_trx t JOIN "
            "information_schema.processlist p ON p.id = "
            "t.trx_mysql_thread_id WHERE t.trx_state = 'LOCK WAIT' AND "
            f"p.db = '{self.lab.database}'") == "1", "a purge that waits")
        p.terminate()
        other.ask("COMMIT; SELECT 1")
        other.close()
        said = p.communicate(timeout=60)[1]
        self.that(p.returncode == 75 and said.count("\n") == 1 and re.search(
            "stopped by a signal; run it again", said),
            f"a purge that was stopped: {p.returncode} {said}")
        count = "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'acme'"
        self.that(0 < int(self.value(count)) < 2002, "rows left of it")
        self.reap(0, "--purge", "acme")
        self.equal(self.value(count), "0", "rows left of the next")

    def _flow(self):
        """The output of the list and of scripts/tenant for a stream."""
        chats = [r["chat"] for r in self.reap(0, "--list").records()
                 if r["tenant"] == "flow"]
        done = self.lab.must(["scripts/tenant", "list", "-o", "ndjson"],
                             env={"MESSAGING_BIN": BIN})
        return chats, [r["state"] for r in done.records()
                       if r["tenant"] == "flow"]

    def webhooks_alone_report_closings(self):
        """There is no token to ask the CRM with."""
        self.fresh()
        self.q("UPDATE tenants SET stored_at = NULL WHERE tenant = 'acme'; "
               "DELETE FROM tenants WHERE tenant = 'beta'")
        key = self.lab.write("hook.key", "0123456789abcdef\n")
        conf = self.lab.conf("hooks.conf", {"crm acme": {
            "profile": "chatwoot", "account": 1, "hook": "signature",
            "hook_secret_file": key}})
        done = self.lab.run(["scripts/reap", "-c", conf],
                            env={"MESSAGING_BIN": BIN})
        self.that(done.code == 0 and not done.err, f"scripts/reap: {done}")
        self.left(["acme/3", "beta/1", "beta/2"], "who was closed goes")
        self.sink(row(1, "10:00:00") + row(2, "10:00:01"))
        self.left(["acme/2", "acme/3", "beta/1", "beta/2"],
                  "who is reopened later is back")

    def stream_is_purged_and_added(self):
        def stream(later):
            now = datetime.datetime.now(datetime.timezone.utc)
            at = (now + datetime.timedelta(seconds=later)).strftime(
                "%Y-%m-%dT%H:%M:%SZ")
            self.sink(row(1, at, "flow") + row(
                0, at, "flow", "tenant_metrics", operators=1,
                version=int(now.timestamp() * 1000) | 1))

        stream(0)
        self.equal(self._flow(), (["1"], ["streaming"]), "a stream")
        self.reap(0, "--purge", "flow")
        self.equal(self._flow(), ([], ["purged"]), "purged")
        stream(-3600)
        self.equal(self._flow(), ([], ["purged"]), "rows on their way")
        stream(60)
        self.equal(self._flow(), (["1"], ["streaming"]), "added again")

    def no_row_slips_in(self):
        """Sinks write older rows while the reaper deletes: no chat may have
        both a tombstone and an older row. Nobody asks about the chats "by":
        they show that the sinks were working."""
        self.fresh()
        flood = b"".join(row(n % 20, "10:00:30") for n in range(200))
        every = b"".join(answer("acme", n, "closed", "10:01:00")
                         for n in range(20))
        for n in (1, 2):
            self.q("DELETE FROM closed_chats")
            sinks = []
            for i in (1, 2, 3):
                path = self.lab.write(f"flood{i}", flood + row(
                    f"by {i}", f"10:00:3{n}"))
                sinks.append(self.lab.start(["sink", "-f", path]))
            self.reap(0, stdin=every)
            self.equal([p.wait(60) for p in sinks], [0, 0, 0], "sinks")
            self.equal(self.q("SELECT chat, SECOND(as_of) FROM chat_metrics "
                              "WHERE chat LIKE 'by%' ORDER BY 1"),
                       [[f"by {i}", f"3{n}"] for i in (1, 2, 3)], "stored")
            self.equal(self.value("SELECT COUNT(*) FROM closed_chats"), "20",
                       "tombstones")
            self.equal(self.value(
                "SELECT COUNT(*) FROM chat_metrics c JOIN closed_chats t "
                "USING (tenant, chat) WHERE c.as_of <= t.as_of"), "0",
                "rows that slipped in")


run_checks(Test)
