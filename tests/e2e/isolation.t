#!/usr/bin/env -S python3 -B
"""A tenant's rows, answers, report and terminal output are the same whether
another tenant is stored or not, with the same ids and newer figures; also after
that one was partly erased, cleaned up and purged. This holds for every path
that OpenAPI describes, so that a query without its tenant is detected anywhere.
"""

import json
import os
import re
from datetime import datetime, timedelta, timezone

from api_client import Server, resources, token
from harness import TESTBIN, Checklist, run_checks

READERS = {
    "an admin": {"role": "admin"},
    "a lead of a team": {"role": "lead", "teams": ["support"]},
    "an operator": {"role": "operator", "sub": "502"},
    "an operator of a team":
        {"role": "operator", "sub": "502", "teams": ["support"]},
}
HOURS = 60 # of messages; the newest is an hour old
# Tables that change when sums are made.
SUMS = ("response_rollups", "message_analytics_hours", "sums_due",
        "tenant_locks")
THEIRS = "/api/v1/chats/theirs/timeline" # a chat that ours lacks
# Values that change with the clock between two requests.
CLOCKS = re.compile(r'("(?:longest_)?wait_seconds": ?)[0-9.]+|'
                    r'("period":\{)"start":"[^"]+","end":"[^"]+"|'
                    r"\b\d+[dhm](?:\d\d[hms])?\b")


def at(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def message(chat, id_, time, sender, **more):
    return json.dumps({
        "type": "message", "tenant": "ours", "id": id_, "chat": chat,
        "channel": "web", "at": at(time), "from": sender, **more})


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        crm = {"url": "http://127.0.0.1:1/v1", "token": "x"}
        sections = {"crm ours": {**crm, "teams": "support: 501 502"},
                    "crm theirs": {**crm, "teams": "support: 502 503 504"}}
        self.conf = lab.conf("conf", sections)
        lab.must(["sink", "-c", self.conf, "--migrate"])
        lab.sql("INSERT INTO revoked_tokens VALUES ('theirs', 'x', NOW(3), NULL)")
        self.server = Server(lab, {**sections, "serve": {"rate": 0}})
        self.tables = [table for (table,) in lab.sql(
            "SELECT table_name FROM information_schema.columns JOIN "
            "information_schema.tables USING (table_schema, table_name) WHERE "
            "table_schema = DATABASE() AND column_name = 'tenant' AND "
            "table_type = 'BASE TABLE'")]
        begin = datetime.now(timezone.utc) - timedelta(hours=HOURS + 1)
        self.lines = self.records(begin)
        self.lines.append(message("new", "n", begin, "customer"))
        self.last = begin + timedelta(hours=HOURS)

    def records(self, begin):
        """A tenant's records: those of the load generator, and other kinds."""
        lines = self.lab.must(
            [os.path.join(TESTBIN, "load"), "--seed", 3, "--start", at(begin),
             "--gap", HOURS * 3600000 // 700, "-n", 400, "--tenants", 1,
             "--operators", 4, "--users", 30, "--chats", 30, "--active", 6,
             "--late", 0, "--latecomers", 0]).out.decode().replace(
                 '"tenant":"t1"', '"tenant":"ours"').splitlines()
        for n in range(80):
            # First a burst, for alerts and trends.
            when = begin + timedelta(seconds=n if n < 40 else n * 2000)
            asks = n < 40 or n % 2
            lines.append(message(
                f"9{n % 4}", f"a{n}", when, "customer" if asks else "operator",
                user="u1", operator=None if asks else "501",
                text="urgent price", data={"analytics": {
                    "id": f"analysis{n}", "message_length": 10 + n,
                    "direction": "outbound" if n % 2 else "inbound",
                    "response_time": n * 1.5,
                    "sentiment": {"score": n / 80, "label": "positive"},
                    "intent": {"name": "order"}}}))
        return lines

    def store(self, lines):
        rows = self.lab.must(
            ["aggregator", "-c", self.conf, "-a", "all", "-o", "ndjson"],
            stdin=("\n".join(lines) + "\n").encode()).out
        self.lab.must(["sink", "-c", self.conf], stdin=rows)
        self.lab.sql("DELETE FROM chat_metrics WHERE chat = '90' AND tenant = "
                     "'ours'")

    def plant(self, tenant, more):
        """Adds receipts, reservations, capacities and notices."""
        for statement in (
                "INSERT INTO message_views (tenant, viewed_at, message_id, "
                "user_id, conversation_id, device) SELECT tenant, created_at + "
                f"INTERVAL {60 - more} SECOND, message_id, 'u1', "
                f"conversation_id, 'device {more}' FROM messages",
                "INSERT INTO assignments (tenant, id, reserved_at, chat, "
                "operator, expires) SELECT tenant, message_id, created_at + "
                f"INTERVAL {more} SECOND, conversation_id, '501', created_at + "
                "INTERVAL 1 DAY FROM messages",
                "INSERT INTO notices (tenant, id, rule, kind, scope, chat, "
                "channel, begin_at, fired_at, value, target, as_of, version) "
                "SELECT tenant, MD5(message_id), 'late', 'late', '', "
                "conversation_id, COALESCE(channel, ''), created_at, created_at "
                f"+ INTERVAL {60 + more} SECOND, {60 + more}, 60, created_at, "
                "1 FROM messages",
                "INSERT INTO allocation_limits (tenant, operator, channel, "
                "max_chats, as_of, version) SELECT tenant, IF(own, '501', ''), "
                f"'', IF(own, 60, 50) + {more}, UTC_TIMESTAMP(3), 1 "
                "FROM tenants, (SELECT 0 AS own UNION SELECT 1) x"):
            self.lab.sql(statement + f" WHERE tenant = '{tenant}'")

    def _of_theirs(self):
        """The same ids, a little later, with other content: more rows, newer
        versions."""
        more = [message("91", "closed", self.last, "system", kind="closed"),
                message("theirs", "t1", self.last, "customer"),
                message("theirs", "t2", self.last, "operator", operator="501")]
        self.store([re.sub(
            r'"tenant": ?"ours"', '"tenant":"theirs"', re.sub(
                r'"name": ?"', '"name":"Their ', line)).replace(
                    "price", "refund") for line in self.lines + more])
        self.plant("theirs", 7)
        # Their rows also begin earlier.
        for table, column in (("intervals", "end_at"), ("alerts", "started_at"),
                              ("trends", "window_start")):
            self.lab.sql(f"UPDATE {table} SET {column} = {column} - INTERVAL 1 "
                         "YEAR WHERE tenant = 'theirs' ORDER BY "
                         f"{column} LIMIT 1")
        self.lab.sql("UPDATE tenants SET stale_at = '2031-01-01' WHERE tenant "
                     "= 'theirs'")

    def _paths(self):
        lab = self.lab
        document = json.loads(lab.must(
            ["sink", "-c", self.conf, "--tenant", "ours", "--get",
             "/api/v1/openapi"]).out)
        now = datetime.now(timezone.utc)
        self.days = [at(now + timedelta(days=n))[:10] for n in (-4, -1, 0)]
        span = f"from={self.days[0]}&to={self.days[2]}"
        times = (f"tenant_id=ours&start_time={at(now - timedelta(days=3))}"
                 f"&end_time={at(now)}")
        chat = lab.sql("SELECT chat FROM intervals ORDER BY 1 LIMIT 1")[0][0]
        yield "/api/v1/chats/90/timeline" # which no longer exists
        yield "/api/v1/chats/new/timeline" # which has no operator
        yield "/api/v1/intervals?open=1"
        for pattern in resources(document):
            if "openapi" in pattern or "health" in pattern:
                continue
            path = pattern.replace("{conversation_id}", "90").replace(
                "{channel_id}", "web").replace("{chat}", chat)
            if "{" in path:
                raise AssertionError(f"what is in {path}?")
            if path.endswith("/dashboard"):
                yield path + "?tenant_id=ours&period=week"
            elif path.endswith("/analytics"):
                yield path + "?" + times
            elif path.endswith("/responses"):
                for by in ("total", "hour", "day", "week", "month"):
                    yield f"{path}?{span}&by={by}"
                for more in ("group=channel", "operator=501", "group=operator",
                             "channel=telegram", "kind=waiting"):
                    yield f"{path}?{span}&by=day&{more}"
            elif path.endswith(("/heatmap", "/backlog")):
                yield f"{path}?{span}"
            else:
                yield path

    def _shown(self):
        """{request: answer without values that change with the clock}"""
        lab, found = self.lab, {}
        argv = ["sink", "-c", self.conf, "--tenant", "ours"]
        for who, claims in READERS.items():
            bearer = token(tenant_id="ours", **claims)
            for path in [*self.asked, THEIRS]:
                answer = self.server.ask(path, bearer)
                found[f"{path} as {who}"] = \
                    f"{answer.status} {answer.body.decode()}"
        # Everything, once with a full previous period
        for first in self.days[:2]:
            found["--report from " + first] = lab.must(
                [*argv, "--report", "-", "-o", "csv", "--since", first, "--until",
                 self.days[2]]).out.decode()
        found["--now"] = lab.must([*argv, "--now"]).out.decode()
        # The order in which a database adds up fractions decides their end.
        return {what: re.sub(r"\d+\.\d+", lambda m: f"{float(m[0]):.9g}",
                             CLOCKS.sub(r"\1\2", text))
                for what, text in found.items()}

    def _stored(self):
        """{table: the rows of ours}"""
        return {table: sorted(self.lab.sql(
            f"SELECT * FROM `{table}` WHERE tenant = 'ours'"))
                for table in self.tables if table not in SUMS}

    def _drop_sums(self):
        """In hours that are due the intervals count, although another tenant
        has sums of these hours."""
        self.lab.sql(
            "INSERT IGNORE INTO sums_due SELECT DISTINCT tenant, "
            "DATE_FORMAT(end_at, '%Y-%m-%d %H:00') FROM intervals WHERE "
            f"tenant = 'ours' AND (end_at < '{self.days[1]}' OR end_at >= "
            f"'{self.days[2]}')")
        self.lab.sql("DELETE FROM response_rollups WHERE tenant = 'ours' AND "
                     f"(begin_at < '{self.days[1]}' OR begin_at >= "
                     f"'{self.days[2]}')")

    def same(self, what):
        self.equal([table for table, rows in self._stored().items()
                    if rows != self.rows[table]], [],
                   f"{what}: tables of which rows differ")
        for asked, answer in self._shown().items():
            old = self.before[asked]
            first = next((i for i, (a, b) in enumerate(zip(old, answer))
                          if a != b), min(len(old), len(answer)))
            self.that(
                answer == old, f"{what}, {asked}: "
                f"{answer[max(0, first - 80):first + 80]!r}, it was "
                f"{old[max(0, first - 80):first + 80]!r}")

    def alone(self):
        self.store(self.lines)
        self.plant("ours", 0)
        # They are missing, also when another tenant has some.
        self.lab.sql("DELETE FROM alerts")
        self.lab.sql("UPDATE tenants SET stale_at = '2030-01-01'")
        self.asked = list(self._paths())
        self._drop_sums()
        self.rows, self.before = self._stored(), self._shown()
        self.same("asked again")
        admins = [path + " as an admin" for path in self.asked]
        self.equal([asked for asked in admins
                    if not self.before[asked].startswith("200 ")], [], "refused")
        self.equal([asked for asked in admins
                    if '"rows":[]' in self.before[asked]],
                   ["/api/v1/alerts as an admin"], "nothing there")

    def beside_another(self):
        self._of_theirs()
        self.lab.must(["sink", "-c", self.conf, "--recompute", "--tenant",
                       "ours"])
        self._drop_sums()
        self.same("beside another tenant")
        for tenant, status in ("ours", 200), ("theirs", 401):
            answer = self.server.ask("/api/v1/now", token(
                tenant_id=tenant, role="lead", jti="x"))
            self.equal(answer.status, status, f"{tenant}: a revoked id")

    def when_another_is_cleaned_up(self):
        reaper = ["reaper", "-c", self.conf]
        who = self.lab.sql("SELECT user_id FROM user_stats WHERE tenant = "
                           "'theirs' ORDER BY 1 LIMIT 1")[0][0]
        self.lab.must([*reaper, "--forget", who, "--tenant", "theirs"])
        self.equal(self.lab.sql(
            "SELECT tenant FROM tenants WHERE forgets > 0 OR forget_key IS NOT "
            "NULL"), [["theirs"]], "tenants who erased a customer")
        self.same("a customer of another tenant is erased")
        self.lab.sql("UPDATE messages SET created_at = created_at - INTERVAL "
                     "3 YEAR WHERE tenant = 'theirs'")
        self.lab.must([*reaper, "--purge", "theirs", "--force"])
        self.same("another tenant is purged")
        for unknown in "theirs", "nobody":
            self.ends(self.lab.run(
                ["sink", "-c", self.conf, "--tenant", unknown, "--report", "-",
                 "-o", "csv"]), 66, f"'{unknown}'")
        left = [table for table in self.tables
                if table not in ("tenants", "tenant_locks", "revoked_tokens")
                and self.lab.sql(
                    f"SELECT 1 FROM `{table}` WHERE tenant = 'theirs' LIMIT 1")]
        self.equal(left, [], "still has rows of a purged tenant")


run_checks(Test)
