#!/usr/bin/env -S python3 -B
"""reaper --retention deletes old history, whole days of messages and intervals
as partitions, other rows in batches, and nothing else; never because of one
message from the future, nor all at once; tables in use and missing permissions
are reported.
"""

import datetime
import json
import os

from harness import run_checks
from sinklib import Lock, Tables, pass_midnight

TODAY = pass_midnight()
# Tables of history, and the column with the age of a row.
TIMES = {
    "messages": "created_at", "message_views": "viewed_at",
    "intervals": "end_at", "conversation_metrics": "last_message_at",
    "longest_monologue": "last_message_at", "user_stats": "last_active",
    "realtime_user_activity": "created_at", "alerts": "started_at",
    "trends": "window_start", "channel_metrics": "hour",
    "coverage": "begin_at",
    "events": "created_at", "message_analytics": "created_at",
    "assignments": "reserved_at", "notices": "begin_at",
    "message_analytics_hours": "hour",
    "response_rollups": "begin_at"}
SUMMED = ("message_analytics_hours", "response_rollups") # tested by rollup.t
BY_DAY = ("messages", "intervals")
LIVE = {"chat_metrics": "as_of", "event_counts": "as_of"}


def day(days, form="%Y-%m-%d"):
    return (TODAY + datetime.timedelta(days)).strftime(form)


class Test(Tables):
    def __init__(self, lab):
        super().__init__(lab)
        self.tables = {t: c for t, c in TIMES.items() if t not in SUMMED}
        self.needed = {}
        for table, column, kind in self.sql.ask(
                "SELECT table_name, column_name, data_type FROM "
                "information_schema.columns WHERE table_schema = DATABASE() "
                "AND is_nullable = 'NO' AND column_default IS NULL AND "
                "COALESCE(generation_expression, '') = ''"):
            self.needed.setdefault(table, {})[column] = kind
        self.added = 0

    def add(self, days, clock="12:00:00"):
        """Adds a row of that day to each table."""
        self.added += 1
        name, at = f"n{self.added}", f"{day(days)}T{clock}Z"
        self.store("history", [
            {"type": "message", "tenant": "t", "chat": name, "id": name,
             "from": "customer", "at": at},
            {"type": "row", "table": "intervals", "tenant": "t", "end_at": at,
             "as_of": f"{day(0)}T00:00:00Z", "chat": name, "message": name,
             "kind": "reply", "ms": 5}])
        at = f"'{day(days)} {clock}'"
        statements = []
        for table, time_column in {**self.tables, **LIVE}.items():
            if table in BY_DAY:
                continue
            values = {column: f"'{name}'" if kind == "varchar" else
                      at if kind == "datetime" else "1"
                      for column, kind in self.needed[table].items()}
            values.update({"tenant": "'t'", time_column: at})
            statements.append(f"INSERT INTO {table} SET " + ", ".join(
                f"`{c}` = {v}" for c, v in values.items()))
        self.sql.ask("; ".join(statements))

    def cut(self, days):
        """Daily partitions, as if a sink had run on these days."""
        parts, end = [], None
        for n in sorted(days):
            if n != end:
                parts.append(f"PARTITION b{day(n, '%Y%m%d')} VALUES LESS THAN "
                             f"('{day(n)}')")
            end = n + 1
            parts.append(f"PARTITION p{day(n, '%Y%m%d')} VALUES LESS THAN "
                         f"('{day(end)}')")
        for table in BY_DAY:
            self.sql.ask(
                f"ALTER TABLE {table} PARTITION BY RANGE COLUMNS "
                f"({TIMES[table]}) ({', '.join(parts)}, PARTITION bmax VALUES "
                "LESS THAN (MAXVALUE))")

    def fill(self, *days):
        global TODAY
        TODAY = pass_midnight()
        self.sql.ask("; ".join(f"DELETE FROM {t}" for t in
                               (*TIMES, *LIVE, "tenants")))
        self.cut(days)
        for n in days:
            self.add(n)

    def left(self, what, want, live, but=None):
        """Checks the number of rows in each table of history, and in the
        others."""
        for table in (*self.tables, *LIVE):
            n = live if table in LIVE else (but or {}).get(table, want)
            self.holds(f"{what}: {table}", str(n),
                       f"SELECT COUNT(*) FROM {table}")

    def reap(self, what, *options, **kw):
        """{table: (partitions, rows)} that were deleted."""
        done = self.run(what, "reaper", *options, "-o", "ndjson", **kw)
        found = {}
        for line in done.out.splitlines():
            r = json.loads(line)
            self.that(r["type"] == "expired", f"{what}: {r}")
            if r["table"] not in SUMMED:
                found[r["table"]] = (r["partitions"], r["rows"])
        return found

    def _partitions(self):
        return [p for p, in self.sql.ask(
            "SELECT partition_name FROM information_schema.partitions WHERE "
            "table_schema = DATABASE() AND table_name = 'messages' ORDER BY "
            "partition_ordinal_position")]

    def what_is_older_goes(self):
        self.fill(0, -1, -29, -30, -31, -40, -500)
        self.add(-30, "00:00:00")
        self.add(-31, "23:59:59.999")
        before = self._partitions()
        shown = self.reap("a dry run", "--retention", "30d", "--dry-run")
        self.that(shown.keys() == self.tables.keys(), f"declared history, and "
                  f"this test's: {shown.keys() ^ self.tables.keys()}")
        for table, (partitions, rows) in shown.items():
            self.that(rows == 4 and (partitions > 1) == (table in BY_DAY),
                      f"{table}: {partitions} partitions, {rows} rows")
        self.left("a dry run", 9, 9)
        self.that(self._partitions() == before, "a dry run drops partitions")
        went = self.reap("for good", "--retention", "30d")
        for table, (partitions, rows) in went.items():
            # Rows in dropped partitions are not counted.
            want = (shown[table][0], 0 if table in BY_DAY else 4)
            self.that((partitions, rows) == want,
                      f"{table}: {partitions} partitions, {rows} rows")
        self.left("for good", 5, 9)
        want = [f"p{day(n, '%Y%m%d')}" for n in (-30, -29)]
        self.that(self._partitions()[:2] == want, f"{self._partitions()}")
        self.holds("the oldest", f"{day(-30)} 00:00:00.000",
                   "SELECT MIN(created_at) FROM messages")
        again = self.reap("again", "--retention", "30d")
        self.that(set(again.values()) == {(0, 0)}, f"again: {again}")
        self.add(-35)
        self.left("a row that comes late", 6, 10)
        self.reap("it goes", "--retention", "30d")
        self.left("it goes", 5, 10)

    def a_message_from_the_future_makes_no_other_old(self):
        self.fill(0, -1, -10, 2000)
        self.reap("the future", "--retention", "30d")
        self.left("the future", 4, 4)
        self.reap("one day", "--retention", "1d")
        self.left("yesterday stays", 3, 4)

    def all_at_once_only_when_told(self):
        self.fill(-50, -60)
        for options in (), ("--dry-run",):
            done = self.lab.run(["reaper", "--retention", "30d", *options])
            self.that(done.code == 65 and "all rows of history are older"
                      in done.err and "is the clock right" in done.err,
                      f"{options}: {done}")
        self.left("refused", 2, 2)
        self.reap("told", "--retention", "30d", "--force")
        self.left("told", 0, 2)
        self.reap("nothing to do", "--retention", "30d")

    def many_rows_and_rows_without_a_time(self):
        """A user whose messages were all withdrawn has no time and is as old as
        the tenant's data."""
        self.fill(0)
        self.sql.ask(
            "INSERT INTO trends (tenant, window_start, word, as_of) SELECT "
            f"'t', '{day(-90)}', seq, NOW() FROM seq_1_to_5001; "
            + "; ".join("INSERT INTO user_stats SET tenant = 't', "
                        f"user_id = 'before {n}', message_count = 0, "
                        f"as_of = '{day(-n)}'" for n in (40, 20)))
        went = self.reap("many", "--retention", "30d")
        self.that(went["trends"] == (0, 5001) and went["user_stats"] == (0, 1),
                  f"{went}")
        self.left("many", 1, 1, {"user_stats": 2})

    def at_the_end_of_each_run(self):
        self.fill(0, -40)
        conf = self.conf(reaper={"retention": "30d"})
        path = self.file([{"type": "chat", "tenant": "t", "chat": "x",
                           "status": "open", "at": "2026-11-20T10:00:00Z"}])
        self.run("a dry run", "reaper", "-c", conf, "-f", path, "--dry-run")
        self.left("a dry run", 2, 2)
        self.run("a run", "reaper", "-c", conf, "-f", path)
        self.left("a run", 1, 2)
        self.fill(-50, -60)
        # --force there only concerns gone chats.
        self.run("all", "reaper", "-c", conf, "-f", path, "--force", code=65,
                 says="is the clock right")
        self.left("all", 2, 2)

    def coverage_begins_with_the_oldest_day_that_is_kept(self):
        """Also after the aggregator, which remembers the range, has written it
        again."""
        self.fill(0)
        state = self.lab.path("state-of-coverage")

        def states(kind, *statements):
            for begin, end in statements:
                self.lab.put("covered", [json.dumps({
                    "type": "coverage", "tenant": "t", "kind": kind,
                    "begin_at": begin, "end_at": end, "source": "poll"})])
            self.run("rows", "aggregator", "-f", "queue:covered", "-t",
                     "queue:rows-of-coverage", "--state", state,
                     "--until-empty")
            self.run("stored", "sink", "-f", "queue:rows-of-coverage",
                     "--until-empty")

        def since(what, *want):
            for kind, resource in (("chats", "now"), ("counts", "users")):
                done = self.run(what, "sink", "--tenant", "t", "--get",
                                "/api/v1/" + resource)
                self.that(json.loads(done.out)["complete_since"][:19] in want,
                          f"{what}: {kind}: {done.out[:300]}")

        self.lab.put("covered", [json.dumps({
            "type": "operator", "tenant": "t", "operator": "7",
            "at": f"{day(-40)}T08:00:00Z"})])
        self.sql.ask("DELETE FROM coverage")
        for kind in ("chats", "counts"):
            states(kind, (f"{day(-40)}T10:00:00Z", f"{day(-35)}T00:00:00Z"),
                   (f"{day(-35)}T00:00:00Z", f"{day(0)}T00:01:00Z"))
        since("all", f"{day(-40)}T10:00:00")
        self.reap("older days", "--retention", "30d")
        for kind in ("chats", "counts"):
            states(kind, (f"{day(0)}T00:01:00Z", f"{day(0)}T00:02:00Z"))
        since("what is left", f"{day(-30)}T00:00:00")
        self.sql.ask("DELETE FROM operator_metrics")

    def operators_who_left_go_with_history(self):
        self.fill(0, -40)
        for name, values in (
                ("left", "left_at = '2026-11-20'"),
                ("has a chat", "open_chats = 1"),
                ("idle", "open_chats = 0, available = 0"),
                ("of a CRM that lists no availability", "open_chats = 0")):
            for days in (0, -40):
                self.sql.ask(
                    "INSERT INTO operator_metrics SET tenant = 't', operator = "
                    f"'{name} {days}', as_of = '{day(days)}', version = 1, "
                    f"{values}")
        shown = self.reap("a dry run", "--retention", "30d", "--dry-run")
        went = self.reap("for good", "--retention", "30d")
        self.that(shown.get("operator_metrics") == (0, 1) ==
                  went.get("operator_metrics"), f"{shown}, {went}")
        self.holds("operators who left lately, or still count, stay",
                   "7 left 0",
                   "SELECT COUNT(*), MAX(IF(operator LIKE 'left%', operator, "
                   "'')) FROM operator_metrics")
        self.sql.ask("DELETE FROM operator_metrics")

    def a_table_in_use_is_told(self):
        self.fill(0, -40)
        lock = Lock(self.lab, "START TRANSACTION; SELECT COUNT(*) FROM "
                    "messages")
        done = self.lab.run(["reaper", "--retention", "30d"])
        self.that(done.code == 75 and "the table messages is locked by "
                  "another connection" in done.err, f"{done}")
        lock.release()
        self.left("its rows stay, the rest is gone", 1, 2, {"messages": 2})
        old = f"p{day(-40, '%Y%m%d')}"
        self.that(old in self._partitions(), "its partition is kept")
        self.reap("later", "--retention", "30d")
        self.that(old not in self._partitions(), "its partition goes later")
        self.left("later", 1, 2)

    def _run_with(self, grants, *options):
        """Runs it as a user with only these rights, each (rights, table)."""
        user = f"reaper_{os.getpid()}@127.0.0.1"
        self.sql.ask(f"CREATE USER {user} IDENTIFIED BY 'x'; " + "; ".join(
            f"GRANT {rights} ON {self.lab.database}.{table} TO {user}"
            for rights, table in grants))
        where = self.lab.env["MYSQL_URL"].split("@")[1]
        name = user.split("@")[0]
        try:
            return self.lab.run(["reaper", "--retention", "30d", *options],
                                env={"MYSQL_URL": f"mysql://{name}:x@{where}"})
        finally:
            self.lab.sql(f"DROP USER {user}")

    def without_the_right_to_drop_partitions(self):
        self.fill(0, -40)
        done = self._run_with([("SELECT, DELETE", "*")])
        self.that(done.code == 0 and len(done.lines()) == 2 and
                  "no permission to drop partitions of messages; grant ALTER and "
                  "DROP" in done.err, f"{done}")
        self.left("rows go all the same", 1, 2)

    def a_dry_run_that_fails_shows_nothing(self):
        self.fill(0, -40)
        done = self._run_with([("SELECT", "tenants"), ("SELECT", "messages")],
                              "-v", "--dry-run")
        self.that(done.code == 77 and "message_views" in done.err and
                  "expired" not in done.err and not done.out, f"{done}")


run_checks(Test)
