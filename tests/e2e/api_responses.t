#!/usr/bin/env -S python3 -B
"""api_responses: /api/v1/responses and /api/v1/heatmap against an oracle that
only uses the rows of intervals: while half of the hours are still to be added
up, and when none is. Messages are late, so rows arrive for hours that were
added up before.
"""

import csv
import io
import json
import math
import os
import random
import re
import sys
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from urllib.parse import urlsplit

from api_client import Server, token
from harness import LONG, Checklist, run_checks, seed
from streamlib import Sql, millis

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
from time_zones import Place  # noqa: E402

TENANT = "acme"
V1 = "/api/v1/"
QUESTIONS = 2000 if LONG else 60
MANY_DAYS = 40 if LONG else 6  # with 4800 rows each
CHATS = 500
CHUNKS = 14 if LONG else 8
HOUR = 3600 * 1000
QUARTER = HOUR // 4
MINUTE = HOUR // 60
DAY = 24 * HOUR
ZONES = ("UTC", "Europe/Lisbon", "Asia/Kolkata", "Pacific/Chatham",
         "America/New_York", "Australia/Lord_Howe", "America/St_Johns")
OPERATORS = ["7", "10", "ann", "Zoé", "a&b=c", "x y", "x'y?"]
CHANNELS = ["web", "mail", "Ж&b=c", "x'y?"]
ANY = None, None  # operator, channel
KINDS = {"response": ("first_response", "reply"),
         "first_response": ("first_response",), "reply": ("reply",),
         "resolution": ("resolution",), "unanswered": ("unanswered",),
         "waiting": ("waiting",)}
BY = ("quarter", "hour", "day", "week", "month", "total")
LONG_UNITS = {"day": 0, "week": 1, "month": 2}
# In each of these weeks, the clocks change in one of the zones.
CHANGES = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-09-27",
           "2026-10-04", "2026-10-25", "2026-11-01")
ERROR = 1 / 64


def utc_text(t):
    return (datetime(1970, 1, 1, tzinfo=timezone.utc)
            + timedelta(milliseconds=t)).isoformat(
                timespec="milliseconds").replace("+00:00", "Z")


class Stream:
    """Messages of chats that begin around midnights with clock changes."""

    def __init__(self, dice):
        self.dice = dice
        self.records = []  # (time of arrival, record)
        for n in range(CHATS):
            self.chat(str(n))
        self.records.sort(key=lambda x: x[0])

    def add(self, at, **record):
        late = self.dice.randrange(18 * HOUR) if self.dice.random() < 0.3 \
            else 0
        self.records.append((at + late, {"tenant": TENANT, "at": utc_text(at),
                                         **record}))

    def chat(self, name):
        d = self.dice
        day = millis(d.choice(CHANGES) + "T00:00:00.000")
        at = day + d.randrange(-30, 48) * HOUR + d.choice(
            (0, d.randrange(HOUR), d.randrange(HOUR), -1, 15 * 60000))
        for n in range(d.choice((2, 4, 8, 20))):
            who = d.choices(("customer", "operator", "system"),
                            (48, 42, 10))[0]
            record = {"type": "message", "chat": name, "id": f"{name}.{n}",
                      "from": who}
            if who == "operator":
                record["user"] = record["operator"] = d.choice(OPERATORS)
            elif who == "system":
                record["kind"] = d.choice(("closed", "assigned", "assigned",
                                           "handoff"))
                if record["kind"] == "assigned" and d.random() < 0.8:
                    record["operator"] = d.choice(OPERATORS)
            if d.random() < 0.8:
                record["channel"] = d.choice(CHANNELS)
            self.add(at, **record)
            at += d.choice((0, 1, 40, 999, 60000, 899999, d.randrange(1000),
                            d.randrange(100000), d.randrange(8 * HOUR)))

    def chunks(self):
        size = len(self.records) // CHUNKS + 1
        for i in range(0, len(self.records), size):
            yield [json.dumps(r, ensure_ascii=False)
                   for _, r in self.records[i:i + size]]


class Oracle:
    def __init__(self, sql):
        rows = sql.ask("SELECT end_at, COALESCE(operator, ''), kind, ms, "
                       "COALESCE(channel, '') FROM "
                       f"intervals WHERE tenant = '{TENANT}' AND "
                       "NOT COALESCE(withdrawn, 0) AND ms IS NOT NULL")
        self.intervals = sorted((millis(end), who, kind, int(n), channel)
                                for end, who, kind, n, channel in rows)
        self.places = {name: Place(name) for name in ZONES}

    def next(self, zone, by, t, to):
        """The end of the period that contains t."""
        if by == "total":
            return to
        place = self.places[zone]
        if by in LONG_UNITS:
            return list(place.long_units(t // 1000))[
                LONG_UNITS[by]][1] * 1000
        return place.short_end(
            t // 1000, 900 if by == "quarter" else 3600) * 1000

    def periods(self, zone, by, begin, end):
        found = []
        while begin < end:
            after = min(self.next(zone, by, begin, end), end)
            found.append((begin, after))
            begin = after
        return found

    def earlier(self, zone, t, unit, n):
        """The time that many units earlier."""
        place = self.places[zone]
        if unit == "ms":
            return t - n
        days = n
        if unit == "months":
            date = place.date(t // 1000)
            month = date.year * 12 + date.month - 1 - n
            first = date.replace(day=1, year=month // 12,
                                 month=month % 12 + 1)
            after = (first + timedelta(days=31)).replace(day=1)
            there = first + timedelta(days=date.day - 1)
            if there >= after:
                return place.begin_of(after) * 1000
            days = (date - there).days
        before = place.days_before(t // 1000, days)
        shown = place.offset(before) + before
        # Fractions of a second only count if the clock shows that time.
        return before * 1000 + (
            t % 1000 if shown == place.offset(t // 1000) + t // 1000
            - days * DAY // 1000 else 0)

    def before(self, zone, by, periods, now):
        """The periods of the previous range. For the current period, the same
        elapsed part in whole minutes."""
        place = self.places[zone]
        begin, end = periods[0][0], periods[-1][1]
        first, last = (place.date(t // 1000) for t in (begin, end))
        whole = all(place.begin_of(place.date(t // 1000)) * 1000 == t
                    for t in (begin, end))
        n, unit, step = end - begin, "ms", {"quarter": QUARTER,
                                            "hour": HOUR}.get(by, 1)
        if by == "month" or (by == "total" and whole
                             and first.day == last.day == 1):
            n = (last.year - first.year) * 12 + last.month - first.month
            unit, step = "months", 1
        elif by in ("day", "week") or whole:
            n, unit, step = (last - first).days, "days", 1
            step = 7 if by == "week" else 1
        n = -(-n // step) * step
        while self.earlier(zone, end, unit, n) > begin:
            n += step
        elapsed = now // MINUTE * MINUTE if begin < now < end else end
        times = [self.earlier(zone, min(t, elapsed), unit, n)
                 for t in [p[0] for p in periods] + [end]]
        for i in range(len(times) - 1, 0, -1):
            times[i - 1] = min(times[i - 1], times[i])
        return list(zip(times[:-1], times[1:], strict=True))

    def chosen(self, kind, whose, begin, end):
        operator, channel = whose
        return [i for i in self.intervals
                if begin <= i[0] < end and i[2] in KINDS[kind]
                and operator in (None, i[1]) and channel in (None, i[4])]

    def groups(self, kind, whose, group, periods):
        """{(period, operator, channel or None): [ms]}"""
        found = defaultdict(list)
        if group is None:
            for n, (begin, end) in enumerate(periods):
                if begin < end:
                    found[n, None] = []
        rows, n = self.chosen(kind, whose, periods[0][0],
                              periods[-1][1]), 0
        for at, who, _, length, channel in rows:
            while at >= periods[n][1]:
                n += 1
            found[n, {"operator": who, "channel": channel}.get(
                group)].append(length)
        return found

    def heatmap(self, zone, kind, whose, begin, end):
        place, found = self.places[zone], defaultdict(list)
        for at, _, _, length, _ in self.chosen(kind, whose, begin, end):
            there = (datetime(1970, 1, 1, tzinfo=timezone.utc)
                     + timedelta(milliseconds=at)).astimezone(place.zone)
            found[there.isoweekday(), there.hour].append(length)
        return found


def backlog_of(over, at, oldest):
    """The backlog row of a point in time, from (kind, start, end)."""
    of = [(kind, at - start) for kind, start, end in over
          if start <= at < end]
    waits = [waited for kind, waited in of if kind != "resolution"]
    found = {"open_chats": len(of) - len(waits), "waiting_chats": len(waits),
             "longest_wait_seconds":
                 max(waits) / 1000 if waits else None}
    least = 0
    for name, minutes in (("waiting_5m", 5), ("waiting_15m", 15),
                          ("waiting_1h", 60), ("waiting_longer", 2 ** 40)):
        found[name] = sum(least <= w < minutes * MINUTE for w in waits)
        least = minutes * MINUTE
    return {name: None for name in found} if at < oldest else found


def near(got, want):
    """Compares seconds from buckets with ms of the intervals."""
    return abs(got * 1000 - want) <= want * ERROR + 0.51


def mean(lengths):
    n = len(lengths)
    return (2 * sum(lengths) + n) // (2 * n)


def middle(lengths):
    n = len(lengths)
    return (lengths[(n + 1) // 2 - 1] + lengths[n // 2]) / 2


def percentile(lengths, p):
    return lengths[math.ceil(round(len(lengths) * p, 6)) - 1]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("rabbitmq", "mariadb")
        self.conf = lab.conf("messaging.conf", {"aggregator": {}, "sink": {}})
        self.fill(self.conf)
        self.sql = Sql(lab)
        self._make_due()
        self.oracle = Oracle(self.sql)
        self.server = Server(lab, {"serve": {"rate": 0,
                                             "query_timeout": "60s"}})
        self.lead = token(tenant_id=TENANT, role="lead")
        withdrawn = self.sql.number(
            "SELECT COUNT(*) FROM intervals WHERE withdrawn = 1")
        nobody = [i for i in self.oracle.intervals if i[1] == ""]
        self.that(len(self.oracle.intervals) > 100 and withdrawn > 0
                  and len(nobody) > 0,
                  f"{len(self.oracle.intervals)} intervals, {withdrawn} "
                  f"withdrawn, {len(nobody)} of nobody: too few")
        self.links = self.inexact = 0
        self.grouped = Counter()

    def fill(self, conf):
        lab = self.lab
        lab.must(["sink", "-c", conf, "--migrate"])
        for lines in Stream(self.dice).chunks():
            lab.put("records", lines, 20)
            lab.must(["aggregator", "-c", conf, "-a", "all", "--every",
                      "20ms", "-f", "queue:records", "-t", "queue:rows",
                      "--state", lab.path("state"), "--until-empty"])
            lab.must(["sink", "-c", conf, "-f", "queue:rows",
                      "--until-empty"])

    def _make_due(self):
        """Lists half of the hours as due. Their sums must not be read."""
        self.sql.ask(
            "INSERT IGNORE INTO sums_due SELECT * FROM (SELECT DISTINCT "
            "tenant, DATE_FORMAT(end_at, '%Y-%m-%d %H:00') AS hour FROM "
            "intervals) hours WHERE CRC32(hour) % 2; "
            "UPDATE response_rollups r JOIN sums_due d ON d.tenant = r.tenant "
            "AND d.hour >= r.begin_at AND d.hour < r.begin_at + INTERVAL "
            "IF(r.span = 'day', 24, 1) HOUR SET r.sums = 'reply 1 1 1 1:b;'")

    def _due_hours(self):
        return {millis(at) for at, in self.sql.ask(
            f"SELECT hour FROM sums_due WHERE tenant = '{TENANT}'")}

    def _recompute(self):
        """The number of hours that the sink has added up depends on its
        runs."""
        before = self._due_hours()
        self.lab.must(["sink", "-c", self.conf, "--recompute"])
        after = self._due_hours()
        self.that(before and not after,
                  f"{len(before)} hours were due, and {len(after)} are")

    def get(self, path, **parameters):
        answer = self.server.get(V1 + path, self.lead, **parameters)
        if answer.status != 200:
            raise AssertionError(
                f"{path} {parameters}: {answer.status} {answer.body!r} "
                + open(self.lab.path("serve.log")).read()[-2000:])
        return answer.json()

    def get_within_a_minute(self, path, asked):
        """Rows, and the time: the minute matters for the current period."""
        while True:
            now = int(time.time() * 1000)
            rows = self.get(path, **asked)["rows"]
            if time.time() * 1000 // MINUTE == now // MINUTE:
                return rows, now

    def range(self, zone, by):
        """Some days, some hours, or a range around a clock change."""
        d, place = self.dice, self.oracle.places[zone]
        day = millis(d.choice(CHANGES) + "T00:00:00.000")
        short = by in ("quarter", "hour")
        kind = d.choice(("days", "days", "hours", "any", "months", "year"))
        longest = 5 if short else 60
        begin = day - d.randrange(3 * 24) * HOUR
        end = begin + d.randrange(1, longest * 24) * HOUR
        if kind == "days":
            begin = place.begin_of(place.date(begin // 1000)) * 1000
            end = place.begin_of(place.date(end // 1000)
                                 + timedelta(days=1)) * 1000
        elif kind == "any":
            begin += d.randrange(HOUR)
            end += d.randrange(HOUR)
        elif kind == "year" and not short:  # several clock changes
            begin = millis("2026-01-02T00:00:00.000") + d.randrange(DAY)
            end = millis("2026-11-20T00:00:00.000") + d.randrange(DAY)
        elif kind == "months" and not short:
            first = place.date(begin // 1000).replace(day=1)
            last = (first + timedelta(days=31 * d.randrange(1, 4))).replace(
                day=1)
            begin = place.begin_of(first) * 1000
            end = place.begin_of(last) * 1000
        return begin, end

    def _question(self):
        d = self.dice
        by, zone = d.choice(BY), d.choice(ZONES)
        begin, end = self.range(zone, by)
        asked = {"from": utc_text(begin), "to": utc_text(end), "by": by,
                 "zone": zone}
        kind = d.choice(list(KINDS) + ["response"] * 4)
        if kind != "response" or d.random() < 0.5:
            asked["kind"] = kind
        operator = channel = None
        if d.random() < 0.2:
            operator = d.choice(OPERATORS + [""])
            asked.update({"operator": operator} if operator
                         else {"nobody": "1"})
        if d.random() < 0.2:
            channel = d.choice(CHANNELS + [""])
            asked.update({"channel": channel} if channel
                         else {"no_channel": "1"})
        if d.random() < 0.6:
            asked["group"] = d.choice(("operator", "operator", "channel"))
        if d.random() < 0.3:
            asked["compare"] = "previous"
        if d.random() < 0.5:
            asked["within_seconds"] = d.choice(
                ("0", "60", "1", "1800", "600", "90"))
        return asked, (zone, by, kind, (operator, channel), begin, end)

    def responses_are_right(self, questions=QUESTIONS):
        for _ in range(questions):
            asked, (zone, by, kind, whose, begin, end) = self._question()
            rows, now = self.get_within_a_minute("responses", asked)
            spans = [("asked", self.oracle.periods(zone, by, begin, end))]
            if "compare" in asked:
                spans.append(("previous", self.oracle.before(
                    zone, by, spans[0][1], now)))
            for name, periods in spans:
                groups = self.oracle.groups(kind, whose, asked.get("group"),
                                            periods)
                self.span_is_right(
                    asked, [r for r in rows if r["span"] == name], groups,
                    periods)

    def span_is_right(self, asked, rows, groups, periods):
        place = self.oracle.places[asked["zone"]]
        group = asked.get("group", "operator")  # null without one
        other = {"operator": "channel", "channel": "operator"}[group]
        got = [(r["period"], r[group]) for r in rows if r[other] is None]
        want = sorted(groups, key=lambda k: (k[0], (k[1] or "").encode()))
        if not self.that(got == want, f"{asked}: rows {got[:9]} for "
                                      f"{want[:9]}"):
            return
        for row in rows:
            n = row["period"]
            begin, end = periods[n]
            lengths = sorted(groups[n, row[group]])
            same = (millis(row["begin_utc"]) == begin
                    and millis(row["end_utc"]) == end
                    and row["begin"] == self.text(place, begin)
                    and row["end"] == self.text(place, end))
            self.that(same, f"{asked}: {row} is not {periods[n]}")
            self.row_is_right(asked, row, lengths)
            self.grouped[asked.get("group")] += 1
            if self.dice.random() < 0.02:
                self.link_opens(row)

    @staticmethod

    def text(place, t):
        there = (datetime(1970, 1, 1, tzinfo=timezone.utc)
                 + timedelta(milliseconds=t)).astimezone(place.zone)
        return there.isoformat(timespec="milliseconds")

    def row_is_right(self, asked, row, lengths):
        where = f"{asked}: {row} of {lengths[:20]}"
        self.that(row["count"] == len(lengths), where)
        self.that(round(row["sum_seconds"] * 1000) == sum(lengths), where)
        names = ("avg", "max", "median", "p90", "p99")
        values = [row[n + "_seconds"] for n in names]
        if not lengths:
            self.that(values == [None] * 5 and row["within"] is None, where)
            return
        average, longest, median, p90, p99 = values
        self.that(round(average * 1000) == mean(lengths), where)
        self.that(round(longest * 1000) == lengths[-1], where)
        self.that(near(median, middle(lengths)), where)
        self.that(near(p90, percentile(lengths, 0.9)), where)
        self.that(near(p99, percentile(lengths, 0.99)), where)
        self.within_is_right(asked, row, lengths, where)

    def within_is_right(self, asked, row, lengths, where):
        if "within_seconds" not in asked:
            self.that(row["within"] is None, where)
            return
        limit = 1000 * int(asked["within_seconds"])
        n = len(lengths)
        share = sum(x <= limit for x in lengths) / n
        unsure = sum(abs(x - limit) <= limit / 32 for x in lengths) / n
        self.inexact += unsure > 0
        self.that(abs(row["within"] - share) <= unsure + 0.0001, where)

    def link_opens(self, row):
        """The intervals behind a row's link sum to it."""
        self.links += 1
        count = total = 0
        path = row["href"]
        while path is not None:
            answer = self.server.ask(path, self.lead)
            if not self.that(answer.status == 200, f"{path}: {answer.body}"):
                return
            page = answer.json()
            count += len(page["rows"])
            total += sum(round(r["seconds"] * 1000) for r in page["rows"])
            path = None
            if "next" in page:
                link = answer.headers["Link"]
                path = V1 + "intervals" + link[1:link.index(">")]
        self.that(count == row["count"]
                  and total == round(row["sum_seconds"] * 1000),
                  f"{row['href']} has {count}, {total} for {row}")

    def _heat_maps_are_right(self):
        for _ in range(QUESTIONS // 5):
            asked, (zone, _, kind, whose, begin, end) = self._question()
            for name in ("by", "within_seconds", "compare", "group"):
                asked.pop(name, None)
            rows = self.get("heatmap", **asked)["rows"]
            want = self.oracle.heatmap(zone, kind, whose, begin, end)
            self.that([(r["weekday"], r["hour"]) for r in rows]
                      == [(d, h) for d in range(1, 8) for h in range(24)],
                      "the hours of the week")
            for r in rows:
                lengths = sorted(want[r["weekday"], r["hour"]])
                good = r["count"] == len(lengths) and round(
                    r["sum_seconds"] * 1000) == sum(lengths)
                if lengths:
                    good = good and round(
                        r["avg_seconds"] * 1000) == mean(lengths) and near(
                            r["median_seconds"], middle(lengths))
                else:
                    good = good and r["avg_seconds"] is None
                self.that(good, f"heatmap {asked}: {r} of {lengths}")
            for r in self.dice.sample(rows, 3):
                self.link_opens(r)
                self.figure_is_the_row(r)
                self.figure_of_a_chat(r)

    def figure_of(self, query):
        """The number, sum and average of intervals."""
        [row] = self.server.ask(f"{V1}figure?{query}", self.lead).rows()
        return [row[c] for c in ("count", "sum_seconds", "avg_seconds")]

    def figure_is_the_row(self, row):
        """The same figure, opened."""
        query = urlsplit(row["href"]).query
        want = [row[c] for c in ("count", "sum_seconds", "avg_seconds")]
        self.that(self.figure_of(query) == want, f"{query}: not {want}")

    def figure_of_a_chat(self, row):
        """The intervals of a figure that belong to one chat."""
        rows = self.server.ask(row["href"] + "&limit=1000", self.lead).rows()
        chat = rows[0]["chat"] if rows else "none"
        query = urlsplit(row["href"]).query + "&chat=" + chat
        behind = self.server.ask(f"{V1}intervals?{query}&limit=1000",
                                 self.lead).rows()
        want = [r for r in rows if r["chat"] == chat]
        self.that(behind == want or len(rows) == 1000,
                  f"{query}: {behind}, not {want}")
        self.that(self.figure_of(query)[:2]
                  == [len(behind), round(sum(r["seconds"] for r in behind), 3)],
                  f"{query}: not that of {behind}")

    def _parts_of_waits_are_right(self):
        parts = [i[3] for i in self.oracle.intervals if i[2] == "waiting"]
        self.that(self.figure_of("kind=waiting&withdrawn=0")[:2]
                  == [len(parts), sum(parts) / 1000] and parts,
                  f"not {len(parts)} parts of waits")

    def _backlog_is_right(self):
        """For rows that are not added up: ended intervals and current ones."""
        over = [(kind, millis(start), millis(end))
                for kind, start, end in self.sql.ask(
                    "SELECT kind, start_at, end_at FROM intervals WHERE "
                    f"tenant = '{TENANT}' AND NOT COALESCE(withdrawn, 0) AND "
                    "ms IS NOT NULL AND kind <> 'waiting'")]
        chats = self.sql.ask(
            "SELECT COALESCE(opened_at, last_message_at, as_of), "
            f"waiting_since FROM chat_metrics WHERE tenant = '{TENANT}' AND "
            "status <> 'left'")
        never = 2 ** 60
        over += [("resolution", millis(opened), never) for opened, _ in chats]
        over += [("reply", millis(since), never) for _, since in chats
                 if since != "NULL"]
        [(first,)] = self.sql.ask("SELECT MIN(end_at) FROM intervals WHERE "
                                  f"tenant = '{TENANT}'")
        oldest = millis(first)
        seen = Counter()
        for n in range(QUESTIONS // 6):
            zone, by = self.dice.choice(ZONES), self.dice.choice(
                ("quarter", "hour", "day", "week", "total"))
            begin, end = self.range(zone, by)
            end = min(end, begin + (5 if by == "quarter" else 19) * DAY)
            if n % 8 == 0:  # still running
                end = int(time.time() * 1000) + 3 * HOUR
                begin = end - 2 * DAY
            asked = {"from": utc_text(begin), "to": utc_text(end),
                     "zone": zone, "by": by, "compare": "previous"}
            rows, now = self.get_within_a_minute("backlog", asked)
            self.that([(r["span"], r["period"], millis(r["at_utc"]))
                       for r in rows] == self.moments(
                           zone, by, begin, end, now), f"{asked}: {rows}")
            for row in rows:
                want = backlog_of(over, millis(row["at_utc"]), oldest)
                seen[want["waiting_chats"]] += 1
                self.that(want == {c: row[c] for c in want},
                          f"backlog {asked}: {row}, not {want}")
        self.that(len(seen) > 4, f"too few customers waited: {seen}")

    def all_is_right_before_hours_are_added_up(self):
        self.responses_are_right()
        self._heat_maps_are_right()
        self._parts_of_waits_are_right()
        self._backlog_is_right()

    def cells_open_in_zones_with_half_hours(self):
        """Their hours begin in the middle of an hour in UTC."""
        [[first]] = self.sql.ask("SELECT MIN(end_at) FROM intervals")
        for zone in "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe":
            rows = self.get("heatmap", **{
                "zone": zone, "from": first[:10], "to": "0s"})["rows"]
            rows.sort(key=lambda row: row["count"])
            self.that(rows[-10]["count"] > 0, f"{zone}: few hours have rows")
            for row in rows[-10:]:
                self.link_opens(row)
                self.figure_is_the_row(row)

    def moments(self, zone, by, begin, end, now):
        """Starts of periods, and the end or now, of both ranges."""
        periods = self.oracle.periods(zone, by, begin, end)
        found = []
        for span, of, last in (
                ("asked", periods, min(end, now // MINUTE * MINUTE)),
                ("previous", earlier := self.oracle.before(
                    zone, by, periods, now), earlier[-1][1])):
            begins = [t for t, _ in of if t < last]
            found += [(span, i, t) for i, t in enumerate([*begins, last])]
        return found

    def backlog_is_unknown_before_a_purge(self):
        """Some intervals from before it may arrive again."""
        for purged, known in ("'2026-11-06'", False), ("NULL", True):
            self.sql.ask(f"UPDATE tenants SET removed_at = {purged} WHERE "
                         f"tenant = '{TENANT}'")
            answer = self.get("backlog", **{
                "from": "2026-11-01", "to": "2026-11-05"}, by="day")
            figures = [row[c] for row in answer["rows"] for c in row
                       if c.endswith(("_chats", "_seconds", "m", "_longer"))]
            self.that(len(answer["rows"]) == 5
                      and any(f is not None for f in figures) == known
                      and answer["not_kept"] is None,
                      f"purged at {purged}: {answer}")

    def intervals_have_the_dates(self, zone, row):
        """Also without an hour of the week; with one, also in one step."""
        dates = {"from": "2026-10-25", "to": "2026-11-02", "zone": zone}
        times = {"from": row["begin_utc"], "to": row["end_utc"]}
        for hour in {}, {"weekday": 7, "hour": 0, "zone": zone}:
            for_dates, for_times = (
                self.get("intervals", limit=1000, **{**asked, **hour})["rows"]
                for asked in (dates, times))
            self.that(for_dates == for_times,
                      f"{zone} {hour}: {for_dates}, not {for_times}")

    def and_afterwards(self):
        self._recompute()
        self.responses_are_right()
        self._heat_maps_are_right()

    def _an_operators_figure_is_their_own(self):
        viewer = token(tenant_id=TENANT, role="operator", sub="ann")
        found = []
        for name in ("figure", "intervals"):
            found.append(self.server.get(V1 + name, viewer, **{
                "from": "2026-03-01", "to": "2026-11-05", "kind": "response",
                "withdrawn": 0}, **({} if name == "figure" else {
                    "limit": 1000})).rows())
        [[figure], rows] = found
        self.that({r["operator"] for r in rows} == {"ann"}
                  and figure["count"] == len(rows),
                  f"an operator's figure: {figure}, {len(rows)} rows")

    def _peak(self):
        """The server's peak memory so far, in bytes."""
        with open(f"/proc/{self.server.process.pid}/status",
                  encoding="ascii") as f:
            return 1024 * int(re.search(r"VmHWM:\s+(\d+)", f.read())[1])

    def _spans_share_the_limit(self):
        """Three days have 14400 rows, and so do the three days before."""
        for compare, status in (("none", 200), ("previous", 400)):
            answer = self.server.get(
                V1 + "responses", token(tenant_id="many", role="lead"),
                by="hour", group="operator", compare=compare,
                **{"from": "2026-01-04", "to": "2026-01-07"})
            self.that(answer.status == status,
                      f"compare={compare}: {answer.status}")

    def dates_are_of_the_zone(self):
        for zone in ZONES:
            place = self.oracle.places[zone]
            rows = self.get("responses", **{
                "from": "2026-10-25", "to": "2026-11-02", "zone": zone,
                "by": "total"})
            want = [place.begin_of(datetime(2026, m, d).date()) * 1000
                    for m, d in ((10, 25), (11, 2))]
            row = rows["rows"][0]
            self.that([millis(row["begin_utc"]), millis(row["end_utc"])] == want,
                      f"{zone}: {row}")
            self.intervals_have_the_dates(zone, row)
        frame = self.get("responses", zone="Asia/Kolkata")
        self.that(len(frame["rows"]) == 7
                  and frame["from"].endswith("T00:00:00.000+05:30"),
                  f"without a range: {frame}")

    def roles_see_their_part(self):
        asked = {"from": "2026-03-01", "to": "2026-11-05", "by": "month"}

        def ask(role, sub=None, **more):
            return self.server.get(V1 + "responses", token(
                tenant_id=TENANT, role=role, sub=sub), **asked, **more)

        all_of_them = self.get("responses", **asked)["rows"]
        for role, sub in (("wall", None), ("operator", "ann")):
            rows = ask(role, sub).rows()
            self.that(all(r["href"] is None for r in rows)
                      and [r["count"] for r in rows]
                      == [r["count"] for r in all_of_them], f"{role}: {rows}")
            self.that(ask(role, sub, operator="7").status == 403, role)
            self.that(ask(role, sub, nobody="1").status == 403, role)
            rows = ask(role, sub, group="channel").rows()
            self.that(all(r["href"] is None for r in rows)
                      and sum(r["count"] for r in rows)
                      == sum(r["count"] for r in all_of_them),
                      f"{role} by channel: {rows}")
        self.that(ask("wall", group="operator").status == 403, "wall")
        own = ask("operator", "ann", group="operator").rows()
        self.that(own and {r["operator"] for r in own} == {"ann"}
                  and all(r["href"] for r in own), f"operator: {own}")
        same = ask("operator", "ann", operator="ann").rows()
        self.that([r["count"] for r in same if r["count"]]
                  == [r["count"] for r in own], "an operator by name")
        self._an_operators_figure_is_their_own()
        stranger = self.server.get(
            V1 + "responses", token(tenant_id="other", role="admin"), **asked)
        self.that(all(r["count"] is None and r["sum_seconds"] is None
                      for r in stranger.rows())
                  and stranger.json()["not_kept"] == "intervals",
                  "what is not kept of a stranger is not 0")

    def the_span_before_may_be_empty(self):
        """The last days of March correspond to a single moment of February."""
        for whose in {"channel": "web"}, {"group": "channel"}, {
                "channel": "web", "group": "operator"}, {"operator": "7"}:
            rows = self.get("responses", **{
                "from": "2026-03-28T18:30:00.000Z",
                "to": "2026-03-30T18:30:00.000Z"}, by="month",
                zone="Asia/Kolkata", compare="previous", **whose)["rows"]
            before = [r["count"] for r in rows if r["span"] != "asked"]
            self.that(not any(before), f"{whose}: {rows}")

    def _put_open_world(self):
        """Chats that are open or closed, again or for good; no two messages of
        a chat have the same time."""
        d, start = self.dice, millis("2026-11-26T00:00:00.000")
        records = [{"type": "operator", "operator": who, "name": f"Name {who}",
                    "available": True} for who in OPERATORS]
        for n in range(60):
            chat, at = f"{n}/a b", start + d.randrange(HOUR)
            if n % 3:
                records.append({"type": "chat", "chat": chat, "status": "open",
                                "at": utc_text(at), "opened_at": utc_text(at),
                                "operator": d.choice(OPERATORS)})
            for i in range(d.randrange(2, 30)):
                at += d.randrange(1, 20 * 60000)
                record = {"type": "message", "chat": chat, "id": str(i),
                          "at": utc_text(at), "from": d.choices(
                              ("customer", "operator", "system"),
                              (9, 9, 2))[0]}
                if record["from"] == "operator":
                    record["operator"] = d.choice(OPERATORS)
                elif record["from"] == "system":
                    record.update(d.choice((
                        {"kind": "closed"}, {"kind": "handoff"},
                        {"kind": "assigned",
                         "operator": d.choice(OPERATORS)})))
                records.append(record)
        rows = self.lab.must(
            ["aggregator", "-c", self.conf, "-a", "all", "-f", "-", "-o",
             "ndjson"], stdin="".join(json.dumps({"tenant": "open", **r}) + "\n"
                          for r in records).encode()).out
        self.lab.must(["sink", "-c", self.conf, "-f", "-"], stdin=rows)
        self.sql.ask(
            "INSERT INTO chat_metrics (tenant, chat, status, messages, "
            "responses, as_of, version) VALUES ('open', 'gone', 'left', 3, 2,"
            " '2026-11-26', 1)")

    def by_hand(self, path, tenant="open"):
        return self.lab.must(["sink", "--tenant", tenant, "--get", path]).out

    def number_opens(self, row, count, sum_ms=None, mean_seconds=None):
        """A row's link has as many intervals, with the same sum."""
        behind = list(csv.DictReader(io.StringIO(self.by_hand(
            row["href"].replace("intervals?", "intervals.csv?")).decode(),
            newline="")))
        lengths = [round(1000 * float(r["seconds"])) for r in behind]
        self.that(len(lengths) == count
                  and sum_ms in (None, sum(lengths))
                  and (mean_seconds is None or round(1000 * mean_seconds)
                       == mean(lengths)), f"{row} opens {behind}")
        return len(lengths)

    def too_many_rows_are_refused_early(self):
        """For days with 200 operators, each hour of each operator is a row."""
        buckets = " ".join(f"{64 + 4 * n}:b" for n in range(60))
        self.sql.ask(
            "INSERT INTO response_rollups SELECT 'many', 'operator', 'hour', "
            "'2026-01-01' + INTERVAL seq DIV 200 HOUR, "
            f"CONCAT('o', seq MOD 200), 'reply 60 600000 9999 {buckets};', "
            f"NOW(3) FROM seq_0_to_{MANY_DAYS * 4800 - 1}; "
            "INSERT INTO response_rollups SELECT 'many', 'tenant', 'hour', "
            "'2026-01-01' + INTERVAL seq HOUR, '', '', NOW(3) "
            f"FROM seq_0_to_{MANY_DAYS * 24 - 1}")
        before = self._peak()
        answer = self.server.get(
            V1 + "responses", token(tenant_id="many", role="lead"),
            by="hour", group="operator",
            **{"from": "2026-01-01", "to": utc_text(
                millis("2026-01-01T00:00:00.000") + MANY_DAYS * DAY)})
        took = self._peak() - before
        self.that(answer.status == 400 and b"20000 rows" in answer.body,
                  f"too many rows: {answer.status} {answer.body[:200]!r}")
        self.that(took < 120 << 20, f"to refuse them took {took} bytes")
        self._spans_share_the_limit()

    def _numbers_of_nothing_open_nothing(self):
        """Numbers without intervals have no rows behind them."""
        self.sql.ask(
            "INSERT INTO operator_metrics (tenant, operator, open_chats, "
            "responses, avg_response_seconds, as_of, version) VALUES "
            "('without', '7', 1, 2, 3, '2026-11-26', 1); "
            "INSERT INTO tenants (tenant) VALUES ('without')")
        now = json.loads(self.by_hand(V1 + "now", "without"))
        rows = json.loads(self.by_hand(V1 + "operators", "without"))["rows"]
        for row in now["operators"] + rows:
            got = json.loads(self.by_hand(row["href"], "without"))
            self.that(got["rows"] == [] and got["not_kept"] == "intervals",
                      f"{row} opens {got}")
        for group, want in ("none", [[None] * 3]), ("operator", []):
            got = json.loads(self.by_hand(
                f"{V1}responses?by=total&kind=waiting&group={group}",
                "without"))
            self.that([[r[c] for c in ("count", "sum_seconds", "href")]
                       for r in got["rows"]] == want
                      and got["not_kept"] == "intervals",
                      f"responses of nothing: {got}")

    def present_of_chatwoot_opens(self):
        """The whole life of an open chat, including answers before it was
        closed."""
        at = ("2026-11-26T10:00:00.000Z", "2026-11-26T10:00:20.000Z",
              "2026-11-26T10:05:00.000Z", "2026-11-26T12:00:00.000Z",
              "2026-11-26T12:00:50.000Z")
        message = {"type": "message", "tenant": "cw", "chat": "a"}
        records = [
            {"type": "operator", "tenant": "cw", "operator": "A",
             "name": "Ann", "available": True},
            {"type": "chat", "tenant": "cw", "chat": "a", "status": "open",
             "operator": "A", "at": at[0], "opened_at": at[0]}] + [
            {**message, "id": str(n), "at": at[n], **who}
            for n, who in enumerate((
                {"from": "customer"}, {"from": "operator", "operator": "A"},
                {"from": "system", "kind": "closed"}, {"from": "customer"},
                {"from": "operator", "operator": "A"}))]
        conf = self.lab.conf("chatwoot.conf", {
            "aggregator": {"definition": "chatwoot"}, "sink": {}})
        rows = self.lab.must(
            ["aggregator", "-c", conf, "-a", "all", "-f", "-", "-o",
             "ndjson"], stdin="".join(json.dumps(r) + "\n"
                                      for r in records).encode()).out
        self.lab.must(["sink", "-c", conf, "-f", "-"], stdin=rows)
        lead = token(tenant_id="cw", role="lead")

        def counts(conf):
            return [(f["count"], f["sum_seconds"]) for of in ("", "&operator=A")
                    for f in json.loads(self.lab.must(
                        ["sink", "-c", conf, "--tenant", "cw", "--get",
                         f"{V1}figure?kind=response&withdrawn=0&open=1{of}"]
                    ).out)["rows"]]

        now = self.server.get(V1 + "now", lead).json()["now"][0]
        self.that([now["responses"], now["avg_response_seconds"]]
                  == [2, 35], f"now: {now}")
        for name, counted in (self.conf, [(1, 50)] * 2), (conf, [(2, 70)] * 2):
            got = counts(name)
            self.that(got == counted, f"{name}: {got}")

    def every_number_opens(self):
        self._put_open_world()
        rows = {name: json.loads(self.by_hand(f"{V1}{name}?limit=1000"))["rows"]
                for name in ("operators", "chats", "intervals")}
        now = json.loads(self.by_hand(V1 + "now"))
        opened = sum(self.number_opens(
            row, row["responses"], None, row["avg_response_seconds"])
            for row in now["now"] + now["operators"] + rows["operators"])
        for row in rows["chats"]:
            if row["status"] == "left":
                self.that(row["href"] is None, f"{row} is not open")
                continue
            opened += self.number_opens(row, row["responses"], None,
                                        row["avg_response_seconds"])
        self.that(opened > 100, f"only {opened} intervals are behind them")
        for row in self.dice.sample(rows["intervals"], 10):
            timeline = json.loads(self.by_hand(row["href"]))
            self.that(timeline["chat"] == row["chat"] and [
                row["end_at"], row["message"], row["kind"]] in [
                    [i["end_at"], i["message"], i["kind"]]
                    for i in timeline["intervals"]], f"{row}: {timeline}")
        self._numbers_of_nothing_open_nothing()

    def enough_was_asked(self):
        self.that(len(self.grouped) == 3 and self.links > 0
                  and self.inexact > 0,
                  f"too little was asked: {self.grouped} rows by group, "
                  f"{self.links} links, {self.inexact} inexact")


run_checks(Test)
