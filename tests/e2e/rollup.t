#!/usr/bin/env -S python3 -B
"""The sums of responses by hour and day, and of analyses by hour, equal those
of the stored intervals and analyses, even if rows are late, repeated or out of
order, from several concurrent sinks, including killed ones; after damage, a
recomputation and a deletion of old rows. Hours on the list of sums that are due
are read from the rows. SEED=n repeats one.
"""

import json
import random
from collections import defaultdict
from datetime import datetime, timedelta, timezone

from api_client import Server, token
from harness import Checklist, run_checks, seed, until
from rollup_sums import difference, read_sums, sums_of
from streamlib import Sql

TENANTS = ("acme", "beta")
OPERATORS = ("", "7", "10", "Zoé", "a;b c", "x'y")
CHANNELS = ("", "web", "mail", "x'y", "Ж b")
KINDS = ("first_response", "reply", "resolution", "unanswered", "waiting")
DAYS = 75  # includes two or three changes of month
INTERVALS = 900
BATCHES = 6
HOUR = timedelta(hours=1)
PATIENCE = 300  # seconds; for the programs, too


def text(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def sql_time(t):
    return t.strftime("%Y-%m-%d %H:%M:%S.000")


class World:
    """Intervals that change; each change is a full row with a greater
    version."""

    def __init__(self, dice, now):
        self.dice = dice
        # Hours that were over some time ago, so that sinks add them up.
        first = now.replace(minute=0, second=0, microsecond=0) - (
            24 * DAYS + 2) * HOUR
        # Most intervals are in a few hours, as in a stream.
        busy = [first + dice.randrange(DAYS * 24) * HOUR for _ in range(12)]
        self.intervals = [
            (dice.choice(TENANTS), dice.choice(
                busy * 2 + [first + dice.randrange(DAYS * 24) * HOUR])
             + timedelta(milliseconds=dice.choice(
                 (0, dice.randrange(3600000), 3599999))),
             f"c{n}", dice.choice(KINDS)) for n in range(INTERVALS)]
        self.version = 0
        self.old = []

    def row(self, tenant, end, chat, kind):
        d = self.dice
        at = datetime(2026, 1, 1, tzinfo=timezone.utc)
        at += timedelta(seconds=self.version)
        return json.dumps({
            "type": "row", "table": "intervals", "tenant": tenant,
            "end_at": end.isoformat(timespec="milliseconds").replace(
                "+00:00", "Z"),
            "chat": chat, "message": "1", "kind": kind,
            "operator": d.choice(OPERATORS) or None,
            "channel": d.choice(CHANNELS) or None,
            "ms": d.choice((0, *(d.randrange(2 ** n)
                                 for n in (6, 10, 20, 40)))),
            "withdrawn": d.random() < 0.1, "as_of": text(at),
            "version": self.version}, ensure_ascii=False)

    def lines(self):
        """Changed intervals in any order, mixed with repeated rows."""
        d, lines = self.dice, []
        for interval in d.sample(self.intervals, INTERVALS // 3):
            self.version += 1
            lines.append(self.row(*interval))
        lines += [self.analysis() for _ in range(60)]
        lines += d.sample(self.old, min(len(self.old), 200))
        self.old += d.sample(lines, 100)
        d.shuffle(lines)
        return ("\n".join(lines) + "\n").encode()

    def analysis(self):
        """Some ids are repeated with other figures: the first one stays."""
        d = self.dice
        tenant, at, *_ = d.choice(self.intervals)
        at = at.replace(microsecond=0)
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
        # As another user, whose connections are not those of a sink.
        self.server = Server(
            lab, {"serve": {"rate": 0, "query_timeout": f"{PATIENCE}s"}},
            {"MYSQL_URL": lab.database_user("reader", "SELECT ON *")})

    def _file(self):
        return self.lab.write(f"rows{self.world.version}", self.world.lines())

    def sink(self, *argv, **kw):
        return self.lab.must(["sink", "-c", self.conf, *argv], **kw)

    def _wanted(self):
        """{(tenant, subject, span, begin, id): {kind: ...}} from intervals."""
        found = defaultdict(lambda: defaultdict(list))
        for t, end, who, channel, kind, ms in self.sql.ask(
                "SELECT tenant, end_at, COALESCE(operator, ''), "
                "COALESCE(channel, ''), kind, ms FROM intervals WHERE "
                "NOT COALESCE(withdrawn, 0) AND ms IS NOT NULL AND "
                "kind <> 'waiting'"):
            for span, begin in (("hour", end[:13] + ":00:00.000"),
                                ("day", end[:10] + " 00:00:00.000")):
                for subject, name in (("operator", who), ("channel", channel),
                                      ("tenant", "")):
                    found[t, subject, span, begin, name][kind].append(int(ms))
        return {key: {kind: sums_of(lengths) for kind, lengths in of.items()}
                for key, of in found.items()}

    def _due(self):
        """{(tenant, span, begin)} of hours that are due, and of their days."""
        return {(t, span, hour if span == "hour"
                 else hour[:10] + " 00:00:00.000")
                for t, hour in self.sql.ask("SELECT tenant, hour FROM sums_due")
                for span in ("hour", "day")}

    def _add_up(self):
        """Each run of a sink computes the sums of some hours."""
        nothing = self.lab.write("nothing", b'{"type":"later"}\n')
        left = self.sql.number("SELECT COUNT(*) FROM sums_due")
        while left > 0:
            self.sink("-f", nothing)
            before, left = left, self.sql.number(
                "SELECT COUNT(*) FROM sums_due")
            if not self.that(left < before, f"{left} hours remain due"):
                return

    def analyses_are_right(self, when):
        """Sums of quarters and eighths are exact."""
        due = set(map(tuple, self.sql.ask(
            "SELECT tenant, hour FROM sums_due")))
        got = self.sql.ask(
            "SELECT tenant, hour, messages, inbound, outbound, "
            "sentiments, sentiment_sum, responses, response_sum FROM "
            "message_analytics_hours WHERE messages > 0 ORDER BY 1, 2")
        want = self.sql.ask(
            "SELECT tenant, CAST(DATE_FORMAT(created_at, '%Y-%m-%d %H:00:00') "
            "AS DATETIME(3)), COUNT(*), "
            "SUM(direction = 'inbound'), SUM(direction = 'outbound'), "
            "COUNT(sentiment_score), COALESCE(SUM(sentiment_score), 0), "
            "COUNT(response_time), COALESCE(SUM(response_time), 0) FROM "
            "message_analytics GROUP BY 1, 2 ORDER BY 1, 2")
        got, want = ([row for row in rows if tuple(row[:2]) not in due]
                     for rows in (got, want))
        wrong = [w for w in want if w not in got] + [
            g for g in got if g not in want]
        self.that((due or len(want) > 5) and not wrong,
                  f"{when}: of {len(want)} hours of analyses differ: "
                  f"{wrong[:4]}")

    def is_right(self, when):
        self.sums_are_right(f"{when}, before all hours are added up")
        self.totals_are_right(when, 2)
        self._add_up()
        self.sums_are_right(when)

    def sums_are_right(self, when):
        self.analyses_are_right(when)
        due = self._due()
        got = {}
        for *key, stored in self.sql.ask(
                "SELECT tenant, subject, span, begin_at, id, sums "
                "FROM response_rollups"):
            got[tuple(key)] = read_sums(stored)
        got, want = ({k: v for k, v in x.items()
                      if v and (k[0], k[2], k[3]) not in due}
                     for x in (got, self._wanted()))
        wrong = difference(got, want)
        self.compared += len(want)
        self.that(not wrong, f"{when}: {wrong}")

    def rows_come_late_and_twice(self):
        for _ in range(BATCHES // 3):
            self.sink("-f", self._file())
            self.is_right("one after the other")

    def tenants_have_the_same_hour_due(self):
        """A batch with one interval of each tenant, in an hour of which nothing
        is stored."""
        hour = datetime(2025, 1, 1, 10, tzinfo=timezone.utc)
        for n in range(2):
            self.world.version += 1
            rows = [self.world.row(tenant, hour + n * HOUR, f"same{n}", "reply")
                    .replace('"withdrawn": true', '"withdrawn": false')
                    for tenant in TENANTS]
            self.sink("-f", self.lab.write(f"same{n}", "\n".join(rows) + "\n"))
            self.is_right(f"hour {n} of all tenants")

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
        asked = [self.get("acme", hour - (DAYS + 1) * 24 * HOUR, hour, group)
                 for group in ("none", "operator")]
        # The same range; with some seeds the last week has none.
        asked.append(self.lab.run(
            ["sink", "-c", self.conf, "--tenant", "acme", "--report", "-",
             "--since", (hour - (DAYS + 1) * 24 * HOUR).date().isoformat(),
             "--until", hour.date().isoformat()]))
        for done in asked:
            self.that(done.code == 75 and "sink --recompute" in done.err
                      and not done.out, f"damaged: {done}")
        done = self.get("beta", hour - (DAYS + 1) * 24 * HOUR, hour)
        self.that(done.code == 0, f"another's damage: {done}")
        self.sink("--recompute", "--tenant", "acme")
        self.is_right("damaged")

    def damage_is_recomputed(self):
        self.sql.ask(
            "UPDATE response_rollups SET sums = 'reply 1 1 1 5:b;' WHERE "
            "CRC32(CONCAT(begin_at, id)) % 3 = 0; "
            "UPDATE message_analytics_hours SET messages = messages - 1, "
            "inbound = 9, response_sum = 1 WHERE "
            "CRC32(hour) % 2; "
            "DELETE FROM message_analytics_hours WHERE CRC32(hour) % 3 = 0; "
            "DELETE FROM response_rollups WHERE CRC32(CONCAT(begin_at, "
            "id, span)) % 5 = 0; "
            "INSERT INTO response_rollups VALUES ('beta', 'operator', 'day', "
            "'2026-02-03', 'gone', 'reply 1 1 1 5:b;', NOW(3)); "
            "UPDATE response_rollups SET sums = 'x y' WHERE "
            "CRC32(CONCAT(begin_at, id)) % 11 = 0")
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

    def killed_recomputation_leaves_hours_due(self):
        """Damaged sums are out of use as soon as the hours are listed."""
        self.sql.ask("UPDATE response_rollups SET sums = 'x y'")
        p = self.lab.start(["sink", "-c", self.conf, "--recompute"],
                           self.lab.path("log"))
        until(PATIENCE, lambda: p.poll() is not None or self.sql.number(
            "SELECT COUNT(*) FROM sums_due") > 0, "hours that are due")
        p.kill()
        p.wait()
        self.totals_are_right("recomputation killed", 2)
        self._add_up()
        self.sums_are_right("recomputation killed")

    def deleted_analyses_stay_counted(self):
        """As on_close = all deletes them, except where their hours are gone,
        too."""
        hours = ("SELECT * FROM message_analytics_hours WHERE messages > 0 "
                 "ORDER BY 1, 2")
        before = self.sql.ask(hours)
        self.sql.ask("DELETE FROM message_analytics WHERE CRC32(id) % 2")
        self.sink("--recompute")
        left = self.sql.number("SELECT COUNT(*) FROM message_analytics")
        self.that(self.sql.ask(hours) == before
                  and 5 < left < sum(int(row[2]) for row in before),
                  f"hours of {left} rows that are left differ")
        self.sql.ask("DELETE FROM message_analytics_hours")
        self.sink("--recompute")
        self.is_right("of the analyses that are left")

    def a_day_that_fails_delays_no_other(self):
        hours = self.sql.ask(
            "SELECT tenant, begin_at FROM response_rollups WHERE span = 'hour' "
            "AND subject = 'tenant' ORDER BY begin_at DESC, tenant")
        newest, oldest = hours[0], hours[-1]
        self.sql.ask(
            "CREATE TRIGGER refuse BEFORE INSERT ON response_rollups FOR EACH "
            "ROW SET NEW.sums = IF(NEW.begin_at < DATE('%s'), NEW.sums, NULL); "
            "INSERT INTO sums_due VALUES ('%s', '%s'), ('%s', '%s')"
            % (newest[1], *newest, *oldest))
        self.sink("-f", self.lab.write("nothing", b'{"type":"later"}\n'))
        left = self.sql.ask("SELECT tenant, hour FROM sums_due")
        self.that(left == [newest], f"of {newest} and {oldest}, {left} is due")
        self.sql.ask("DROP TRIGGER refuse")
        self.is_right("a day failed")

    def get(self, tenant, begin, end, group="none"):
        return self.lab.run([
            "sink", "-c", self.conf, "--tenant", tenant, "--get",
            f"/api/v1/responses?by=total&from={text(begin)}&to={text(end)}"
            f"&group={group}"])

    def ask(self, tenant, begin, end, group):
        answer = self.server.get(
            "/api/v1/responses", token(tenant_id=tenant, role="lead"),
            by="total", to=text(end), group=group, **{"from": text(begin)})
        if answer.status != 200:
            raise AssertionError(f"{answer.status} {answer.body}")
        return answer.json()

    def totals_are_right(self, when, ranges=12):
        """Ranges begin and end at any hour."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        for _ in range(ranges):
            tenant = self.dice.choice(TENANTS)
            back = sorted(self.dice.sample(range(-24, DAYS * 24 + 72), 2))
            begin, end = hour - back[1] * HOUR, hour - back[0] * HOUR
            n, total = self.sql.ask(
                "SELECT COUNT(*), COALESCE(SUM(ms), 0) FROM intervals WHERE "
                f"tenant = '{tenant}' AND end_at >= '{sql_time(begin)}' AND "
                f"end_at < '{sql_time(end)}' AND ms IS NOT NULL AND NOT "
                "COALESCE(withdrawn, 0) AND kind IN ('first_response', "
                "'reply')")[0]
            for group in ("none", "operator", "channel"):
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
