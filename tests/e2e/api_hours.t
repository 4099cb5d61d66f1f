#!/usr/bin/env -S python3 -B
"""Response times of the past in work time, and the targets that were kept and
missed, as the API shows them, equal a computation with Python's zoneinfo from
each interval: in random opening hours, with hours for one channel only, and
for intervals that were stored before there were hours; by period, operator and
channel, by hour of the week, and while half of the hours are still to be added
up. The links open exactly these intervals. The report has the same figures.
Without hours, nothing changes.
SEED=n repeats one.
"""

import csv
import io
import json
import random
import time
from collections import defaultdict, namedtuple
from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

from harness import LONG, Checklist, run_checks, seed
from report_page import ReportPage, sections, shown
from streamlib import Sql
from team_hours import FIRST, TARGETS, Team
from time_zones import Place

V1 = "/api/v1/"
KINDS = {"response": ("first_response", "reply"),
         "first_response": ("first_response",), "reply": ("reply",),
         "resolution": ("resolution",), "unanswered": ("unanswered",),
         "waiting": ("waiting",)}
DAYS = 20
ROWS = 900
QUESTIONS = 300 if LONG else 20
ZONES = (None, "UTC", "Europe/Lisbon", "Asia/Kolkata")
CHANNELS, OPERATORS = ("web", "mail", None), ("7", "8", None)
HOUR = 3600000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
ERROR = 1 / 64

# work and kept: None if unknown.
Interval = namedtuple("Interval", "tenant end chat kind operator channel "
                      "awaited ms work kept")


def rfc(ms):
    return (EPOCH + ms * MS).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z")


def ms_of(text):
    return (datetime.fromisoformat(text) - EPOCH) // MS


def mean(lengths):
    n = len(lengths)
    return (2 * sum(lengths) + n) // (2 * n)


def thousandths(seconds):
    return None if seconds is None else round(1000 * seconds)


class Judged:
    """What is expected of some intervals."""

    def __init__(self, kind, work, rows):
        own = [i for i in rows if i.kind in KINDS[kind]]
        closings = [i for i in rows if i.kind == "unanswered" and i.kept == 0
                    and i.awaited in KINDS[kind]]
        self.there = bool(own or closings)
        self.lengths = sorted(
            length for i in own
            if (length := i.work if work else i.ms) is not None)
        self.kept = sum(i.kept == 1 for i in own)
        self.missed = sum(i.kept == 0 for i in own) + len(closings)
        self.closed = sum(i.work == 0 < i.ms for i in own
                          if i.kind in KINDS["response"])
        self.timeless = sum(i.work is None for i in own)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("mariadb")
        self.base = base = lab.conf("base.conf", {"sink": {"batch": 100}})
        self.sql = Sql(lab)
        folder = lab.path("")
        self.teams = {"acme": Team(self.dice, folder, "acme"),
                      "late": Team(self.dice, folder, "late"),
                      "part": Team(self.dice, folder, "part", "web")}
        for team in self.teams.values():
            if self.dice.random() < 0.5 and "reply" in team.targets:
                team.targets["first_response"] = team.targets["reply"]
        with open(base, encoding="utf-8") as f:
            text = f.read()
        self.conf = lab.write("m.conf", text + "".join(
            team.conf() for team in self.teams.values()))
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self.intervals = []
        self._store(base, ("late",), ROWS // 4, False)
        self._store(self.conf, (*self.teams, "none"), ROWS, True)
        lab.must(["sink", "-c", self.conf, "--recompute"])
        self.asked = defaultdict(int)

    def _interval(self, tenant, n, judged):
        d = self.dice
        begin = ms_of(f"{FIRST}T00:00:00Z") + d.randrange(DAYS * 24 * HOUR)
        length = d.choice((0, 1, d.randrange(10 ** 6), d.randrange(10 ** 7),
                           d.randrange(10 ** 8), d.randrange(10 ** 9)))
        kind = d.choice(("first_response", "reply", "reply", "resolution",
                         "unanswered", "waiting"))
        awaited = d.choice(TARGETS[:2]) if kind == "unanswered" else None
        channel, team = d.choice(CHANNELS), self.teams.get(tenant)
        work, kept = None, None
        if team and judged:
            work, _, kept = team.judge(kind, begin, begin + length, awaited,
                                       channel)
        return Interval(tenant, begin + length, f"c{n}", kind,
                        d.choice(OPERATORS), channel, awaited, length, work,
                        kept)

    def _store(self, conf, tenants, n, judged):
        """Stored by these hours and targets."""
        new = [self._interval(self.dice.choice(tenants), f"{judged}{i}",
                              judged) for i in range(n)]
        self.lab.must(["sink", "-c", conf], stdin="".join(json.dumps({
            "type": "row", "table": "intervals", "tenant": i.tenant,
            "end_at": rfc(i.end), "chat": i.chat, "message": "1",
            "kind": i.kind, "start_at": rfc(i.end - i.ms),
            "operator": i.operator, "channel": i.channel,
            "awaited": i.awaited, "ms": i.ms,
            "as_of": "2026-01-01T00:00:00Z", "version": 1}) + "\n"
            for i in new).encode())
        self.intervals += new

    def get(self, tenant, path):
        return self.lab.must(["sink", "-c", self.conf, "--tenant", tenant,
                              "--get", path]).out.decode()

    def ask(self, tenant, path, **parameters):
        return json.loads(self.get(
            tenant, f"{V1}{path}?{urlencode(parameters)}"))

    def _choose(self, tenant):
        """Parameters, and the intervals and the clock that they mean."""
        d, low = self.dice, ms_of(f"{FIRST}T00:00:00Z")
        begin = low + d.randrange((DAYS + 5) * 24) * HOUR
        end = begin + d.randrange(1, 400) * HOUR
        if d.random() < 0.2:
            begin, end = begin + d.randrange(HOUR), end + d.randrange(HOUR)
        asked = {"from": rfc(begin), "to": rfc(end)}
        kind, zone = d.choice((*KINDS, "response")), d.choice(ZONES)
        channel = operator = None
        if d.random() < 0.8:
            asked["kind"] = kind
        else:
            kind = "response"
        if zone:
            asked["zone"] = zone
        if d.random() < 0.3:
            channel = d.choice(CHANNELS) or ""
            asked.update({"channel": channel} if channel
                         else {"no_channel": "1"})
        if d.random() < 0.2:
            operator = d.choice(OPERATORS) or ""
            asked.update({"operator": operator} if operator
                         else {"nobody": "1"})
        team = self.teams.get(tenant)
        work = bool(team and team.has_hours(channel or None))
        if team and d.random() < 0.4:
            asked["clock"] = d.choice(("work", "calendar"))
            work = asked["clock"] == "work"
        rows = [i for i in self.intervals if i.tenant == tenant
                and begin <= i.end < end
                and channel in (None, i.channel or "")
                and operator in (None, i.operator or "")]
        return asked, kind, work, rows

    def _frame_is_right(self, tenant, asked, answer, work):
        team = self.teams.get(tenant)
        zone = asked.get("zone") or (team.zone if team else "UTC")
        self.that(answer["clock"] == ("work" if work else "calendar")
                  and answer["zone"] == zone, f"{tenant} {asked}: {answer}")
        versions = self.sql.ask("SELECT version FROM hours_versions WHERE "
                                f"tenant = '{tenant}'")
        self.equal([answer["hours"]] if answer["hours"] else [],
                   [version for version, in versions], f"hours of {tenant}")

    def _row_is_right(self, tenant, row, want, work, where):
        team, lengths = self.teams.get(tenant), want.lengths
        where = f"{where}: {row} of {lengths[:20]} {vars(want)}"
        self.that(row["count"] == len(lengths)
                  and thousandths(row["sum_seconds"]) == sum(lengths)
                  and thousandths(row["avg_seconds"])
                  == (mean(lengths) if lengths else None), where)
        if "max_seconds" in row:
            self.equal(thousandths(row["max_seconds"]),
                       lengths[-1] if lengths else None, where)
        if lengths:
            n = len(lengths)
            middle = (lengths[(n + 1) // 2 - 1] + lengths[n // 2]) / 2
            self.that(abs(thousandths(row["median_seconds"]) - middle)
                      <= middle * ERROR + 0.51, where)
        judged = want.kept + want.missed
        self.that([row["kept"], row["missed"], row["closed"],
                   row["no_work_time"]]
                  == [want.kept if team else None,
                      want.missed if team else None,
                      want.closed if team else None,
                      want.timeless if work else None], where)
        self.that(row["kept_percent"] is None if not team or not judged
                  else abs(row["kept_percent"] - 100 * want.kept / judged)
                  < 0.006, where)
        self.that(row["late_now"] is None, where)

    def _link_opens(self, tenant, row, want, work):
        """The intervals behind a figure, and those with missed targets."""
        if row["href"] is None:
            return
        column = "work_seconds" if work else "seconds"
        behind = self._behind(tenant, row["href"])
        self.that(len(behind) == row["count"] and sum(
            round(1000 * float(i[column])) for i in behind)
            == thousandths(row["sum_seconds"]), f"{row} opens {behind}")
        query = row["href"].split("?")[1]
        [figure] = self.ask_query(tenant, "figure", query)
        self.that(all(figure[c] == row[c] for c in (
            "count", "sum_seconds", "avg_seconds")), f"{figure} for {row}")
        if tenant not in self.teams:
            return
        href = row["href"].replace("&clock=work", "")
        if "kind=unanswered" not in href and "kind=waiting" not in href:
            href = href.replace("kind=", "target=")
        for kept, number in (("0", want.missed), ("1", want.kept)):
            behind = self._behind(tenant, f"{href}&kept={kept}")
            self.equal([i["kept"] for i in behind],
                       [("false", "true")[int(kept)]] * number,
                       f"{href}&kept={kept}")
        self.asked["links"] += 1

    def _behind(self, tenant, href):
        return list(csv.DictReader(io.StringIO(self.get(
            tenant, href.replace("intervals?", "intervals.csv?")),
            newline="")))

    def ask_query(self, tenant, path, query):
        return json.loads(self.get(tenant, f"{V1}{path}?{query}"))["rows"]

    def responses_are_right(self):
        for _ in range(QUESTIONS):
            tenant = self.dice.choice((*self.teams, "acme", "none"))
            asked, kind, work, rows = self._choose(tenant)
            asked["by"] = self.dice.choice(("hour", "day", "week", "total"))
            group = self.dice.choice((None, "operator", "channel"))
            if group:
                asked["group"] = group
            answer = self.ask(tenant, "responses", **asked)
            self._frame_is_right(tenant, asked, answer, work)
            spans, of = {}, defaultdict(list)
            for row in answer["rows"]:
                of[row["period"], row[group] if group else None] = []
                spans[row["period"]] = (ms_of(row["begin_utc"]),
                                        ms_of(row["end_utc"]))
            for i in rows:
                if not Judged(kind, work, [i]).there:
                    continue
                found = [n for n, (begin, end) in spans.items()
                         if begin <= i.end < end]
                self.that(len(found) == 1, f"{asked}: {i} is in {found}")
                of[found[0] if found else None, (
                    getattr(i, group) or "") if group else None].append(i)
            got = {(row["period"], row[group] if group else None): row
                   for row in answer["rows"]}
            self.that(got.keys() == of.keys() and (
                not group or all(of.values())),
                      f"{tenant} {asked}: {of.keys() ^ got.keys()}")
            for key, row in got.items():
                want = Judged(kind, work, of[key])
                self._row_is_right(tenant, row, want, work,
                                   f"{tenant} {asked}")
                self.asked["missed"] += want.missed
                self.asked["timeless"] += work and want.timeless
                if self.dice.random() < 0.01:
                    self._link_opens(tenant, row, want, work)

    def heat_maps_are_right(self):
        for _ in range(QUESTIONS // 6):
            tenant = self.dice.choice((*self.teams, "none"))
            asked, kind, work, rows = self._choose(tenant)
            answer = self.ask(tenant, "heatmap", **asked)
            self._frame_is_right(tenant, asked, answer, work)
            zone, hours = Place(answer["zone"]).zone, defaultdict(list)
            for i in rows:
                there = (EPOCH + i.end * MS).astimezone(zone)
                hours[there.isoweekday(), there.hour].append(i)
            for row in answer["rows"]:
                want = Judged(kind, work, hours[row["weekday"], row["hour"]])
                self._row_is_right(tenant, row, want, work,
                                   f"{tenant} {asked}")
            for row in self.dice.sample(answer["rows"], 2):
                self._link_opens(tenant, row, Judged(
                    kind, work, hours[row["weekday"], row["hour"]]), work)

    def figures_are_those_of_the_intervals(self):
        """By calendar unless work time is requested."""
        for tenant in self.teams:
            for clock in {}, {"clock": "calendar"}, {"clock": "work"}:
                s = self.dice.choice((60, 600, 6000))
                asked = {"min_seconds": s, "kind": "reply", **clock}
                lengths = [n for n in (
                    i.work if "work" in clock.values() else i.ms
                    for i in self.intervals
                    if (i.tenant, i.kind) == (tenant, "reply"))
                    if n is not None and n >= 1000 * s]
                [row] = self.ask(tenant, "figure", **asked)["rows"]
                self.equal([row["count"], thousandths(row["sum_seconds"])],
                           [len(lengths), sum(lengths)], f"{tenant} {asked}")
                rows = self._behind(tenant, f"{V1}intervals.csv?limit=1000&"
                                    + urlencode(asked))
                self.equal(len(rows), min(len(lengths), 1000), asked)

    def all_is_right_while_hours_are_due(self):
        """Their sums must not be read."""
        self.sql.ask(
            "INSERT IGNORE INTO sums_due SELECT * FROM (SELECT DISTINCT "
            "tenant, DATE_FORMAT(end_at, '%Y-%m-%d %H:00') AS hour FROM "
            "intervals) hours WHERE CRC32(hour) % 2; "
            "UPDATE response_rollups r JOIN sums_due d ON d.tenant = r.tenant "
            "AND d.hour >= r.begin_at AND d.hour < r.begin_at + INTERVAL "
            "IF(r.span = 'day', 24, 1) HOUR SET r.sums = 'reply 1 1 1 1:b;"
            "reply_work 1 1 1 1:b;reply_missed 1 0 0;'")
        self.responses_are_right()
        self.heat_maps_are_right()

    def targets_are_the_default_of_within(self):
        for tenant, team in self.teams.items():
            for kind in ("first_response", "reply", "response", "resolution"):
                for clock in "work", "calendar":
                    target = next((team.targets[k] for k in KINDS[kind]
                                   if team.targets.get(k)), None)
                    want = 60 * target[0] if target and target[1] == (
                        clock == "work") else None
                    asked = {"kind": kind, "clock": clock, "by": "total",
                             "from": str(FIRST), "to": rfc(ms_of(
                                 f"{FIRST}T00:00:00Z") + DAYS * 24 * HOUR)}
                    answer = self.ask(tenant, "responses", **asked)
                    self.equal(answer["within_seconds"], want,
                               f"{tenant} {asked}")
                    [row] = answer["rows"]
                    self.equal(row["within"] is None,
                               want is None or row["count"] == 0, row)
                    self.equal(self.ask(tenant, "responses", **asked,
                                        within_seconds=7)["within_seconds"],
                               7, "within_seconds, as requested")

    def days_are_the_teams(self):
        for tenant, team in self.teams.items():
            day = FIRST + timedelta(days=self.dice.randrange(DAYS))
            want = team.begin_of(day)
            answer = self.ask(tenant, "responses", **{"from": day})
            self.equal(ms_of(answer["rows"][0]["begin_utc"]), want, answer)
            at = {"from": day, "limit": 1000}
            rows = self.ask(tenant, "intervals", **at)["rows"]
            self.equal(len(rows), sum(
                i.tenant == tenant and i.end >= want for i in self.intervals)
                if len(rows) < 1000 else 1000, f"{tenant} from {day}")

    def timelines_have_them(self):
        for i in self.dice.sample([i for i in self.intervals if i.kept
                                   is not None or i.work is not None], 10):
            [got] = json.loads(self.get(i.tenant, (
                f"{V1}chats/{i.chat}/timeline")))["intervals"]
            self.equal([thousandths(got["work_seconds"]), got["kept"]],
                       [i.work, None if i.kept is None else bool(i.kept)], i)

    def late_customers_count(self):
        """Those who wait beyond the target, now."""
        waits = []
        now = int(time.time() * 1000)
        for n in range(60):
            d = self.dice
            waits.append((d.choice(OPERATORS), d.choice(CHANNELS),
                          d.choice(TARGETS[:2]), d.choice(("open", "left")),
                          d.choice((True, False))))
            operator, channel, kind, status, late = waits[-1]
            due = rfc(now + (-HOUR if late else HOUR))[:-1]
            self.sql.ask(
                "INSERT INTO chat_metrics (tenant, chat, operator, channel, "
                "status, waiting_since, next_kind, answer_by, as_of, version) "
                f"VALUES ('acme', 'w{n}', " + ", ".join(
                    f"'{v}'" if v else "NULL" for v in (
                        operator, channel, status, "2026-01-01", kind, due))
                + ", '2026-01-01', 1)")
        for kind in "response", "first_response", "reply":
            for group in "none", "operator", "channel":
                want = defaultdict(int)
                for operator, channel, of, status, late in waits:
                    who = {"none": None, "operator": operator or "",
                           "channel": channel or ""}[group]
                    want[who] += (of in KINDS[kind] and status == "open"
                                  and late)
                rows = self.ask("acme", "responses", kind=kind, group=group,
                                by="total")["rows"]
                got = {r[group] if group != "none" else None: r["late_now"]
                       for r in rows}
                self.equal(got, {w: n for w, n in want.items() if n},
                           f"late {kind} by {group}")
                self.that(all(r["kept_percent"] == 0 for r in rows), rows)
        for more in {"to": "2026-01-01"}, {"kind": "resolution"}:
            [row] = self.ask("acme", "responses", by="total", **{
                "from": "2025-01-01", **more})["rows"]
            self.equal(row["late_now"], None, more)

    def _report(self, conf, tenant, form, *options):
        return self.lab.must(["sink", "-c", conf, "--tenant", tenant,
                              "--report", "-", "-o", form, *options]
                             ).out.decode()

    def the_report_has_them(self):
        """By the team's days, in CSV and on the page."""
        for tenant, team in self.teams.items():
            days = [FIRST + timedelta(days=n) for n in (2, DAYS)]
            options = ["--since", days[0], "--until", days[1]]
            rows = [i for i in self.intervals if i.tenant == tenant
                    and team.begin_of(days[0]) <= i.end < team.begin_of(
                        days[1])]
            work = team.has_hours()
            r = sections(self._report(self.conf, tenant, "csv", *options))
            about = {row["what"]: row["value"] for row in r["about"]}
            self.equal([about["zone"], about["clock"], len(about["hours"])],
                       [team.zone, "work" if work else "calendar", 16], about)
            self._totals_are_right(r, Judged("response", work, rows), team)
            for subject in "operator", "channel":
                want = {}
                for who in (OPERATORS if subject == "operator" else CHANNELS):
                    of = Judged("response", work, [
                        i for i in rows if getattr(i, subject) == who])
                    if of.there:
                        judged = of.kept + of.missed
                        want[who or ""] = [
                            len(of.lengths), of.closed, of.kept, of.missed,
                            f"{of.kept / judged:.4f}" if judged else ""]
                got = {row["id"]: [int(row[c]) for c in (
                    "count", "closed", "kept", "missed")] + [row["kept_share"]]
                    for row in r["targets"] if row["subject"] == subject}
                self.equal(got, want, f"{tenant} by {subject}")
            waits = [i for i in rows if i.kind in (*KINDS["response"],
                                                   "unanswered")]
            lengths = sorted((i.work if work else i.ms for i in waits
                              if not work or i.work is not None),
                             reverse=True)
            self.equal([thousandths(float(row["seconds"]))
                        for row in r["waits"]], lengths[:10], "longest waits")
            html = self._report(self.conf, tenant, "html", *options)
            page = ReportPage(html)
            self.equal(page.tables["targets"], [
                [cell for column in row if (cell := shown(
                    "targets", column, row)) is not None]
                for row in r["targets"]], "the page")
            self.that(page.complaints() == [] and (
                f"in the hours “{tenant}”, version {about['hours']}" in html)
                == work, f"{tenant}: {page.text[:900]}")

    def _totals_are_right(self, r, want, team):
        totals = {row["figure"]: row["value"] for row in r["totals"]}
        judged = want.kept + want.missed
        self.equal([totals["responses"], totals["responses_closed"]],
                   [str(len(want.lengths)), str(want.closed)], totals)
        self.equal(totals.get("response_kept"), None if not team.targets
                   else f"{want.kept / judged:.4f}" if judged else "", totals)

    def without_hours_the_report_is_the_same(self):
        """As without any in the configuration."""
        for form in "csv", "html":
            got, want = (self._report(
                conf, "none", form, "--since", FIRST, "--until",
                FIRST + timedelta(days=9)) for conf in (self.conf, self.base))
            self.equal(got, want, form)
            self.that("responses_closed" not in got and "argets kept"
                      not in got, got)

    def what_cannot_be_is_refused(self):
        for tenant, query, says in (
                ("none", "responses?clock=work", "needs opening hours"),
                ("none", "figure?clock=work", "needs opening hours"),
                ("none", "intervals?clock=work", "needs opening hours"),
                ("acme", "heatmap?clock=night", "one of calendar, work"),
                ("acme", "intervals?kept=2", "one of 0, 1"),
                ("acme", "figure?target=waiting", "one of response")):
            done = self.lab.run(["sink", "-c", self.conf, "--tenant", tenant,
                                 "--get", V1 + query])
            self.that(done.code != 0 and says in done.err, f"{query}: {done}")

    def enough_was_asked(self):
        self.that(all(self.asked[what] > 0 for what in (
            "links", "missed", "timeless")), f"too little: {self.asked}")


run_checks(Test)
