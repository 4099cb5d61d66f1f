#!/usr/bin/env -S python3 -B
"""The sums of responses by hour and day, and of analyses by hour, equal those
of the stored rows, even if rows are late, repeated or out of order, from
several concurrent sinks, including killed ones; after damage, a recomputation
and a deletion of old rows. SEED=n repeats one.
"""

import json
import random
from collections import defaultdict
from datetime import datetime, timedelta, timezone

from harness import Checklist, run_checks, seed, until
from rollup_sums import difference, read_sums
from streamlib import Sql

TENANTS = ("acme", "beta")
OPERATORS = ("", "7", "10", "Zoé", "a;b c", "x'y")
KINDS = ("first_response", "reply", "resolution", "unanswered")
DAYS = 75  # includes two or three changes of month
CELLS = 240
BATCHES = 6
NO_BUCKET = 1888  # for no duration
HOUR = timedelta(hours=1)
PATIENCE = 300  # seconds; for the programs, too
SUMS = ("response_hours", "response_hours_parts")
BUCKETS = ("response_histogram", "response_histogram_parts")


def text(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def sql_time(t):
    return t.strftime("%Y-%m-%d %H:%M:%S.000")


class World:
    """Cells (an hour of a tenant by operator and kind, in a shard or none) that
    grow and shrink; each change is a full row with a greater version."""

    def __init__(self, dice, now):
        self.dice = dice
        first = now.replace(minute=0, second=0, microsecond=0) - DAYS * (
            24 * HOUR)
        # Most cells are in a few hours, as in a stream.
        busy = [first + dice.randrange(DAYS * 24) * HOUR for _ in range(12)]
        self.cells = [(dice.choice(TENANTS), dice.choice(
            busy + [first + dice.randrange(DAYS * 24) * HOUR] * 4),
                       dice.choice(OPERATORS), dice.choice(KINDS),
                       dice.choice((None, None, 0, 1)))
                      for _ in range(CELLS)]
        self.version = 0
        self.old = []

    def row(self, table, cell, **columns):
        tenant, hour, operator, kind, part = cell
        row = {"type": "row", "table": table, "tenant": tenant,
               "hour": text(hour), "operator": operator or None, "kind": kind}
        if part is not None:
            row.update(table=table + "_parts", generation=1, part=part)
        at = datetime(2026, 1, 1, tzinfo=timezone.utc)
        at += timedelta(seconds=self.version)
        row.update(as_of=text(at), version=self.version, **columns)
        return json.dumps(row, ensure_ascii=False)

    def lines(self):
        """Changed cells in any order, mixed with repeated rows."""
        d, lines = self.dice, []
        for cell in d.sample(self.cells, CELLS // 3):
            self.version += 1
            n = d.choice((0, 1, 5, 40))
            lines.append(self.row("response_hours", cell, responses=n,
                                  sum_ms=n * d.randrange(10**6),
                                  max_ms=d.randrange(10**6)))
            for bucket in d.sample(range(40, 70), 6):
                lines.append(self.row("response_histogram", cell,
                                      bucket=bucket, count=d.randrange(4)))
        lines += [self.analysis() for _ in range(60)]
        lines += d.sample(self.old, min(len(self.old), 200))
        self.old += d.sample(lines, 100)
        d.shuffle(lines)
        return ("\n".join(lines) + "\n").encode()

    def analysis(self):
        """Some ids are repeated with other figures: the first one stays."""
        d = self.dice
        tenant, hour, *_ = d.choice(self.cells)
        at = hour + timedelta(seconds=d.randrange(3600))
        analytics = {"id": f"a{d.randrange(2000)}",
                     "direction": d.choice(("inbound", "outbound")),
                     "message_length": d.randrange(99)}
        if d.random() < 0.7:
            analytics["sentiment_score"] = d.randrange(100) / 4
        if d.random() < 0.5:
            analytics["response_time"] = d.randrange(1000) / 8
        message = {"type": "message", "tenant": tenant, "at": text(at),
                   "chat": "9", "id": f"m{d.randrange(10**9)}",
                   "from": "customer", "data": {"analytics": analytics}}
        if d.random() < 0.8:
            message["channel"] = d.choice(("web", "mail"))
        return json.dumps(message)


def add(to, kind, n, total, longest, buckets):
    was = to.get(kind, (0, 0, 0, {}))
    merged = dict(was[3])
    for bucket, count in buckets.items():
        merged[bucket] = merged.get(bucket, 0) + count
    to[kind] = (was[0] + n, was[1] + total, max(was[2], longest), merged)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        self.now = datetime.now(timezone.utc)
        lab.start_servers("mariadb")
        self.conf = lab.conf("m.conf", {
            "sink": {"batch": 150, "connections": 2},
            "mysql": {"wait_timeout": f"{PATIENCE}s"},
            "crm acme": {"url": "http://127.0.0.1:1", "token": "x"}})
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self.sql = Sql(lab)
        self.world = World(self.dice, self.now)
        self.compared = 0

    def _file(self):
        return self.lab.write(f"rows{self.world.version}", self.world.lines())

    def sink(self, *argv, **kw):
        return self.lab.must(["sink", "-c", self.conf, *argv], **kw)

    def _stored(self):
        """{(tenant, hour, operator): {kind: ...}} computed from the stored
        rows."""
        want = defaultdict(dict)
        for table in SUMS:
            for t, hour, who, kind, n, total, longest in self.sql.ask(
                    "SELECT tenant, hour, operator, kind, responses, sum_ms, "
                    f"max_ms FROM {table}"):
                add(want[t, hour, who], kind, int(n), int(total), int(longest),
                    {})
        for table in BUCKETS:
            for t, hour, who, kind, bucket, n in self.sql.ask(
                    "SELECT tenant, hour, operator, kind, bucket, count FROM "
                    f"{table} WHERE count > 0 AND bucket < {NO_BUCKET}"):
                add(want[t, hour, who], kind, 0, 0, 0, {int(bucket): int(n)})
        return want

    def _wanted(self):
        """{(tenant, subject, span, begin, id): {kind: ...}}"""
        want = defaultdict(dict)
        for (t, hour, who), kinds in self._stored().items():
            begins = {"hour": hour, "day": hour[:10] + " 00:00:00.000"}
            for kind, numbers in kinds.items():
                for span, begin in begins.items():
                    add(want[t, "operator", span, begin, who], kind,
                        *numbers)
                    add(want[t, "tenant", span, begin, ""], kind, *numbers)
        return want

    def analyses_are_right(self, when):
        """Sums of quarters and eighths are exact."""
        due = set(map(tuple, self.sql.ask(
            "SELECT tenant, hour FROM sums_due")))
        got = self.sql.ask(
            "SELECT tenant, hour, channel, messages, inbound, outbound, "
            "sentiments, sentiment_sum, responses, response_sum FROM "
            "message_analytics_hours WHERE messages > 0 ORDER BY 1, 2, 3")
        want = self.sql.ask(
            "SELECT tenant, CAST(DATE_FORMAT(created_at, '%Y-%m-%d %H:00:00') "
            "AS DATETIME(3)), COALESCE(channel_id, ''), COUNT(*), "
            "SUM(direction = 'inbound'), SUM(direction = 'outbound'), "
            "COUNT(sentiment_score), COALESCE(SUM(sentiment_score), 0), "
            "COUNT(response_time), COALESCE(SUM(response_time), 0) FROM "
            "message_analytics GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
        got, want = ([row for row in rows if tuple(row[:2]) not in due]
                     for rows in (got, want))
        wrong = [w for w in want if w not in got] + [
            g for g in got if g not in want]
        self.that(len(want) > 5 and not wrong,
                  f"{when}: of {len(want)} hours of analyses differ: "
                  f"{wrong[:4]}")

    def is_right(self, when):
        self.analyses_are_right(when)
        got = {}
        for *key, stored in self.sql.ask(
                "SELECT tenant, subject, span, begin_at, id, sums "
                "FROM response_rollups WHERE subject <> 'channel'"):
            got[tuple(key)] = read_sums(stored)
        # A kind without responses is omitted.
        want = {k: {kind: x for kind, x in v.items() if x[0] or x[3]}
                for k, v in self._wanted().items()}
        got, want = ({k: v for k, v in x.items() if v} for x in (got, want))
        wrong = difference(got, want)
        self.compared += len(want)
        self.that(not wrong, f"{when}: {wrong}")

    def rows_come_late_and_twice(self):
        for _ in range(BATCHES // 3):
            self.sink("-f", self._file())
            self.is_right("one after the other")

    def sinks_work_at_the_same_time(self):
        for _ in range(BATCHES // 3):
            argv = ["sink", "-c", self.conf, "-f"]
            log = self.lab.path("log")
            several = [self.lab.start(argv + [self._file()], log)
                       for _ in range(3)]
            codes = [p.wait(PATIENCE) for p in several]
            self.that(codes == [0, 0, 0], f"{codes}: {open(log).read()}")
            self.is_right("at the same time")

    def killed_sinks_leave_nothing_half(self):
        for _ in range(BATCHES // 3):
            path = self._file()
            before = self.sql.written()
            p = self.lab.start(["sink", "-c", self.conf, "-f", path],
                               self.lab.path("log"))
            until(PATIENCE, lambda: self.sql.written() != before
                  or p.poll() is not None, "the first rows")
            p.kill()
            p.wait()
            # Not innodb_trx: if queried more than ten times a second, it always
            # returns the same answer.
            until(PATIENCE, lambda: self.sql.ask(
                "SELECT 1 FROM information_schema.processlist WHERE user = "
                f"'messaging' AND db = '{self.lab.database}'") == [], "the end of its connections")
            self.is_right("killed")
            self.sink("-f", path)
        self.is_right("killed, and run again")

    def damage_is_told(self):
        self.sql.ask("UPDATE response_rollups SET sums = 'x y' "
                     "WHERE tenant = 'acme'")
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        asked = [self.get("acme", hour - DAYS * 24 * HOUR, hour, group)
                 for group in ("none", "operator")]
        # The same range; with some seeds the last week has none.
        asked.append(self.lab.run(
            ["sink", "-c", self.conf, "--tenant", "acme", "--report", "-",
             "--from", (hour - DAYS * 24 * HOUR).date().isoformat(),
             "--to", hour.date().isoformat()]))
        for done in asked:
            self.that(done.code == 75 and "sink --recompute" in done.err
                      and not done.out, f"damaged: {done}")
        done = self.get("beta", hour - DAYS * 24 * HOUR, hour)
        self.that(done.code == 0, f"another's damage: {done}")
        self.sink("--recompute", "--tenant", "acme")
        self.is_right("damaged")

    def damage_is_recomputed(self):
        self.sql.ask(
            "UPDATE response_rollups SET sums = 'reply 1 1 1 5:b;' WHERE "
            "CRC32(CONCAT(begin_at, id)) % 3 = 0; "
            "UPDATE message_analytics_hours SET messages = messages - "
            "(channel = 'web'), inbound = 9, response_sum = 1 WHERE "
            "CRC32(hour) % 2; "
            "DELETE FROM message_analytics_hours WHERE CRC32(hour) % 3 = 0; "
            "DELETE FROM response_rollups WHERE CRC32(CONCAT(begin_at, "
            "id, span)) % 5 = 0; "
            "INSERT INTO response_rollups VALUES ('beta', 'operator', 'day', "
            "'2026-02-03', 'gone', 'reply 1 1 1 5:b;', NOW(3)); "
            "UPDATE response_rollups SET sums = 'x y' WHERE "
            "CRC32(CONCAT(begin_at, id)) % 11 = 0; "
            "INSERT INTO response_histogram (tenant, hour, operator, kind, "
            "bucket, `count`, as_of, version) SELECT tenant, hour, operator, "
            f"kind, {NO_BUCKET}, 1, as_of, version FROM response_hours")
        log = self.lab.path("log")
        p = self.lab.start(["sink", "-c", self.conf, "-f", self._file()], log)
        self.sink("--recompute")
        self.that(p.wait(PATIENCE) == 0, f"beside it: {open(log).read()}")
        self.is_right("recomputed")
        self.sql.ask("UPDATE response_rollups SET sums = ''")
        self.sink("--recompute", "--tenant", "acme")
        wrong = self.sql.number("SELECT COUNT(*) FROM response_rollups WHERE "
                                "sums <> '' AND tenant <> 'acme'")
        self.that(wrong == 0, "--tenant recomputed others")
        self.sink("--recompute", "--tenant", "beta")
        self.is_right("recomputed by tenant")

    def deleted_analyses_stay_counted(self):
        """As on_close = all deletes them, except where their hours are gone,
        too."""
        hours = ("SELECT * FROM message_analytics_hours WHERE messages > 0 "
                 "ORDER BY 1, 2, 3")
        before = self.sql.ask(hours)
        self.sql.ask("DELETE FROM message_analytics WHERE CRC32(id) % 2")
        self.sink("--recompute")
        left = self.sql.number("SELECT COUNT(*) FROM message_analytics")
        self.that(self.sql.ask(hours) == before
                  and 5 < left < sum(int(row[3]) for row in before),
                  f"hours of {left} rows that are left differ")
        self.sql.ask("DELETE FROM message_analytics_hours")
        self.sink("--recompute")
        self.is_right("of the analyses that are left")

    def get(self, tenant, begin, end, group="none"):
        return self.lab.run([
            "sink", "-c", self.conf, "--tenant", tenant, "--get",
            f"/api/v1/responses?by=total&from={text(begin)}&to={text(end)}"
            f"&group={group}"])

    def ask(self, tenant, begin, end, group):
        done = self.get(tenant, begin, end, group)
        if done.code != 0:
            raise AssertionError(f"--get: {done}")
        return json.loads(done.out)

    def totals_are_right(self, when):
        """Ranges begin and end at any hour."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        for _ in range(12):
            tenant = self.dice.choice(TENANTS)
            back = sorted(self.dice.sample(range(-24, DAYS * 24 + 72), 2))
            begin, end = hour - back[1] * HOUR, hour - back[0] * HOUR
            n, total = self.sql.ask(
                "SELECT COALESCE(SUM(responses), 0), COALESCE(SUM(sum_ms), 0) "
                f"FROM response_hours_all WHERE tenant = '{tenant}' AND "
                f"hour >= '{sql_time(begin)}' AND hour < '{sql_time(end)}' "
                "AND kind IN ('first_response', 'reply')")[0]
            for group in ("none", "operator"):
                rows = self.ask(tenant, begin, end, group)["rows"]
                got = (sum(r["count"] for r in rows),
                       sum(round(1000 * r["sum_seconds"]) for r in rows))
                self.that(got == (int(n), int(total)),
                          f"{when}: {begin} to {end} by {group}: {got} for "
                          f"{n}, {total}")

    def what_is_kept_is_read(self):
        self.totals_are_right("before")
        days = DAYS // 2
        self.lab.must(["reaper", "-c", self.conf, "--retention", f"{days}d"])
        oldest = self.sql.number(
            "SELECT COUNT(*) FROM response_rollups WHERE begin_at < "
            f"UTC_DATE() - INTERVAL {days} DAY - INTERVAL 1 DAY")
        left = self.sql.number("SELECT COUNT(*) FROM response_rollups")
        self.that(oldest == 0 and left > 0,
                  f"{oldest} old ones of {left} are left")
        self.totals_are_right("after --retention")
        self.sink("-f", self._file())
        self.totals_are_right("after --retention and late rows")


    def enough_was_compared(self):
        self.that(self.compared > 1000, f"only {self.compared} compared")


run_checks(Test)
