#!/usr/bin/env -S python3 -B
"""report: sink --report: its figures are those of --get and of SQL, in CSV and
in the parts of the page that a mail program keeps; the page runs and loads
nothing; which files it writes; and, if there is a browser, its appearance on
screen and on paper. Pictures are kept in build/report for people.
"""

import codecs
import json
import os
import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from harness import TESTBIN, Checklist, need, run_checks, say, until
from report_mail import check_mail
from report_page import ReportPage, sections, shown
from sinklib import pass_midnight
from streamlib import Sql

need("selenium", "python3-selenium", optional=True)

TENANT = "t1"
FIRST, DAYS = "2026-10-17", 12  # includes the end of summer time in Lisbon
WEEK = ("2026-10-19", "2026-10-26")
HOSTILE = {
    "501": "<script>alert(1)</script>", "502": "\"' onload='x",
    "503": 20 * "W" + " Chloé & 👩‍💻 Søn", "504": "=1+2",
    "505": "]]> --> <!--\nwaits,1\r\n\r\n=1+2",
}
CHANNEL = "\"><img src=x onerror=alert(1)>"
STRANGER = "Stranger"
PATIENCE = 120


def utc(zone, day):
    """The start of a day, computed by SQL."""
    at = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return at.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def one_line(name):
    """A name as both forms of a report show it."""
    return name.replace("\r", " ").replace("\n", " ")


def same(got, want):
    """Compares a cell of CSV with a value of JSON or SQL."""
    if want is None or want == "NULL":
        return got == ""
    if isinstance(want, (int, float)):
        return got != "" and float(got) == want
    return got in (want, "'" + want)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb", private=True)
        lab.must(["sink", "-c", lab.conf("c", {"sink": {}}), "--migrate"])
        self.sql = Sql(lab)
        self._fill()

    def _fill(self):
        """Busy hours of each day for two tenants, with names that a page could
        take for markup."""
        records = b""
        for n in range(DAYS):
            day = datetime.fromisoformat(FIRST) + timedelta(days=n)
            for hour, count in ((7, 150), (22, 60)):
                at = day + timedelta(hours=hour)
                records += self.lab.must(
                    [os.path.join(TESTBIN, "load"), "--seed", n * 24 + hour,
                     "--prefix", f"{n}-{hour}-", "--start",
                     at.strftime("%Y-%m-%dT%H:%M:%SZ"), "--gap", 60000,
                     "-n", count, "--tenants", 2, "--operators", 5,
                     "--users", 40, "--chats", 60, "--active", 8,
                     "--late", 0, "--latecomers", 0]).out
        rows = self.lab.must(["aggregator", "-a", "all", "-o", "ndjson"],
                             stdin=records).out
        self.lab.must(["sink"], stdin=rows)
        self.sql.ask("SET NAMES utf8mb4")
        for operator, name in HOSTILE.items():
            self.sql.ask("UPDATE operator_metrics "
                         f"SET name = x'{name.encode().hex()}' "
                         f"WHERE operator = '{operator}' AND tenant = 't1'")
            self.sql.ask("UPDATE names "
                         f"SET name = x'{name.encode().hex()}' WHERE "
                         f"kind = 'operator' AND id = '{operator}' "
                         "AND tenant = 't1'")
        self.sql.ask(
            "INSERT INTO alerts (tenant, started_at, user_id, rule, messages, "
            f"threshold, as_of) VALUES ('{TENANT}', '2026-01-01', 'u', "
            "'minute', 11, 8, '2026-01-01')")
        self.sql.ask("UPDATE channel_metrics SET channel = "
                     f"'{CHANNEL}' WHERE channel = 'email'")
        for table in ("operator_metrics", "names"):
            self.sql.ask(f"UPDATE {table} SET name = "
                         f"'{STRANGER}' WHERE tenant = 't2'")
        for kind in ("chats", "counts"):
            self.sql.ask(
                "INSERT INTO coverage (tenant, kind, begin_at, source, end_at, "
                f"as_of, version) VALUES ('{TENANT}', '{kind}', '2025-01-01', "
                "'poll', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 1)")
        for table, column in (("intervals", "chat"), ("alerts", "user_id"),
                              ("trends", "word"),
                              ("channel_metrics", "channel")):
            self.sql.ask(f"UPDATE {table} SET {column} = CONCAT("
                         f"'{STRANGER}', {column}) WHERE tenant = 't2'")

    def report(self, *options, code=0, form="csv", env=None):
        done = self.lab.run(["sink", "--tenant", TENANT, "--report", "-",
                             "-o", form, *options], env=env)
        self.that(done.code == code, f"{options}: {done}")
        self.that(not done.err or code != 0, f"{options}: {done.err}")
        return done.out.decode()

    def span(self, zone, days, **more):
        options = ["--since", days[0], "--until", days[1], "--zone", zone]
        return sections(self.report(*options, **more))

    def get(self, path):
        return json.loads(self.lab.must(
            ["sink", "--tenant", TENANT, "--get", "/api/v1/" + path]).out)

    def rows_are(self, got, want, what):
        self.that(len(got) == len(want),
                  f"{what}: {len(got)} rows, not {len(want)}")
        for mine, theirs in zip(got, want):
            for name, value in theirs.items():
                self.that(same(mine[name], value),
                          f"{what}: {name} is {mine[name]!r}, not {value!r}")

    def its_response_times_are_the_apis(self, zone, days):
        r = self.span(zone, days)
        span = f"from={days[0]}&to={days[1]}&zone={zone}&within_seconds=300"
        figures = ("count", "avg_seconds", "median_seconds", "p90_seconds",
                   "max_seconds", "within")
        want = [{"begin": row["begin"][:10], **{f: row[f] for f in figures}}
                for row in self.get(f"responses?{span}")["rows"]]
        self.rows_are(r["days"], want, f"days of {zone}")
        whole = self.get(f"responses?{span}&by=total&compare=previous")
        totals = {row["figure"]: row for row in r["totals"]}
        for name, member in (("responses", "count"),
                             ("response_avg", "avg_seconds"),
                             ("response_p90", "p90_seconds"),
                             ("response_within", "within")):
            self.rows_are([totals[name]], [{
                "value": whole["rows"][0][member],
                "before": whole["rows"][1][member]}], name)
        for kind, name in (("first_response", "first_responses"),
                           ("resolution", "resolutions"),
                           ("unanswered", "unanswered")):
            [row] = self.get(f"responses?{span}&by=total&kind={kind}")["rows"]
            self.rows_are([totals[name]], [{"value": row["count"]}], name)
        for row in r["totals"]:
            value, before = (float(row[x] or 0) for x in ("value", "before"))
            want = f"{(value - before) / before:.4f}" if before else ""
            if row["unit"] == "share":
                want = f"{value - before:.4f}"
            self.that(row["change"] == want,
                      f"{row['figure']} changed by {row['change']}")
        about = {row["what"]: row["value"] for row in r["about"]}
        self.that(about["zone"] == zone, f"about: {about}")
        self.operators_are_the_apis(r, span, figures)
        self.the_week_is_the_apis(r, span)

    def operators_are_the_apis(self, r, span, figures):
        rows = self.get(f"responses?{span}&by=total&group=operator"
                        "&compare=previous")["rows"]
        before = {row["operator"]: row for row in rows
                  if row["span"] == "previous"}
        want = [{"operator": row["operator"],
                 "name": one_line(HOSTILE.get(row["operator"], "(nobody)")),
                 "count_before": before.get(row["operator"],
                                            {"count": None})["count"],
                 **{f: row[f] for f in figures}}
                for row in rows if row["span"] == "asked"]
        want.sort(key=lambda row: (row["median_seconds"], row["operator"]))
        self.that(len(want) >= 5, "hardly any operators")
        self.rows_are(r["operators"], want, "operators")

    def the_week_is_the_apis(self, r, span):
        names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        span = span.replace("&within_seconds=300", "")
        for row in self.get(f"heatmap?{span}")["rows"]:
            mine = r["week"][row["hour"]]
            for figure in ("count", "median_seconds"):
                cell = mine[names[row["weekday"] - 1] + "_" + figure]
                self.that(same(cell, row[figure]),
                          f"the week has {cell}, not {row[figure]}")

    def the_rest_is_sqls(self, zone, days):
        r = self.span(zone, days)
        begin, end = (utc(zone, day) for day in days)

        def rows(names, statement, times=()):
            found = self.sql.ask(statement.format(
                f"tenant = '{TENANT}'", begin, end))
            for row in found:
                for i in times:
                    at = datetime.fromisoformat(row[i] + "+00:00")
                    row[i] = at.astimezone(ZoneInfo(zone)).strftime(
                        "%Y-%m-%d %H:%M")
            return [dict(zip(names, row)) for row in found]

        for section, names, statement, times in (
            ("waits", ("ended", "seconds", "chat", "operator"),
             "SELECT end_at, seconds, chat, operator FROM intervals "
             "WHERE {} AND end_at >= '{}' AND end_at < '{}' AND kind IN "
             "('first_response', 'reply', 'unanswered') AND NOT withdrawn "
             "ORDER BY ms DESC, end_at, chat LIMIT 10", (0,)),
            ("transfers", ("operator", "parts", "sum_seconds",
                           "max_seconds"),
             "SELECT COALESCE(operator, ''), COUNT(*), SUM(seconds), "
             "MAX(seconds) FROM intervals WHERE {} AND end_at >= '{}' AND "
             "end_at < '{}' AND kind = 'waiting' AND NOT withdrawn "
             "GROUP BY 1 ORDER BY 3 DESC, 1", ()),
            ("channels", ("channel", "inbound_messages",
                          "outbound_messages"),
             "SELECT channel, SUM(inbound_messages), "
             "SUM(outbound_messages) FROM channel_metrics WHERE {} "
             "AND hour >= '{}' AND hour < '{}' GROUP BY 1", ()),
            ("receipts", ("device", "receipts"),
             "SELECT device, COUNT(*) FROM message_views WHERE {} AND "
             "viewed_at >= '{}' AND viewed_at < '{}' GROUP BY 1", ()),
            ("alerts", ("user_id", "alerts", "messages", "first", "last"),
             "SELECT user_id, COUNT(*), MAX(messages), MIN(started_at), "
             "MAX(started_at) FROM alerts WHERE {} AND started_at >= '{}' "
             "AND started_at < '{}' AND messages > 0 GROUP BY 1", (3, 4)),
            ("words", ("word", "occurrences"),
             "SELECT word, SUM(occurrences) n FROM trends WHERE {} "
             "AND window_start >= '{}' AND window_start < '{}' "
             "AND occurrences > 0 GROUP BY 1 ORDER BY n DESC, word "
             "LIMIT 30", ()),
        ):
            want = rows(names, statement, times)
            got = r[section]
            if section in ("channels", "alerts"):
                got = sorted(got, key=lambda row: row[names[0]].encode())
                want.sort(key=lambda row: row[names[0]].encode())
            self.rows_are(got, want, f"{section} in {zone}")
        [totals] = [row for row in r["totals"]
                    if row["figure"] == "conversations"]
        first, last = (datetime.fromisoformat(day) for day in days)
        before = utc(zone, str((first - (last - first)).date()))
        for figure, (since, until) in {"value": (begin, end),
                                       "before": (before, begin)}.items():
            [[begun]] = self.sql.ask(
                "SELECT COUNT(*) FROM conversation_metrics WHERE tenant = "
                f"'{TENANT}' AND created_at >= '{since}' "
                f"AND created_at < '{until}'")
            self.that(totals[figure] == begun and begun != "0",
                      f"{figure}: not {begun} conversations")
        return r

    def whatever_is_left_of_the_page_has_the_figures(self, zone, days):
        """After sanitizing, tables and text remain, with all figures."""
        options = ["--since", days[0], "--until", days[1], "--zone", zone]
        page = ReportPage(self.report(*options, form="html"))
        for complaint in page.complaints():
            self.that(False, complaint)
        table = self.span(zone, days)
        for name, rows in table.items():
            want = [[shown(name, column, row) for column in row
                     if shown(name, column, row) is not None]
                    for row in rows]
            self.that(page.tables.get(name, []) == want,
                      f"the page's {name}: {page.tables.get(name)}, "
                      f"not {want}")
        self.that(len(page.pictures) == 1, f"pictures: {page.pictures}")
        self.that(STRANGER not in page.source, "another tenant is in it")
        for name in HOSTILE.values():
            self.that(one_line(name) in page.text,
                      f"{name} is not to be read")

    def its_figures_are_the_apis_and_sqls(self):
        for zone, days in (("UTC", WEEK), ("Europe/Lisbon", WEEK),
                           ("Asia/Kolkata", ("2026-10-20", "2026-10-27"))):
            self.its_response_times_are_the_apis(zone, days)
            self.the_rest_is_sqls(zone, days)
            self.whatever_is_left_of_the_page_has_the_figures(zone, days)

    def spans_have_fitting_periods(self):
        for days, count, last in (
            (("2026-10-20", "2026-10-21"), 24, "2026-10-20 23:00"),
            (("2026-10-25", "2026-10-26"), 25, "2026-10-25 23:00"),
            (("2026-10-20", "2026-10-22"), 48, "2026-10-21 23:00"),
            (("2016-10-24", "2026-11-01"), 121, "2026-10-01"),
            (("2026-10-01", "2026-11-01"), 31, "2026-10-31"),
            (("2026-01-01", "2027-01-01"), 53, "2026-12-28"),
            (("2025-01-01", "2027-01-01"), 24, "2026-12-01"),
        ):
            r = self.span("Europe/Lisbon", days)
            self.that(len(r["days"]) == count
                      and r["days"][-1]["begin"] == last,
                      f"{days}: {len(r['days'])}, {r['days'][-1]}")
        about = {row["what"]: row["value"] for row in self.span(
            "UTC", ("2026-10-01", "2026-11-01"))["about"]}
        self.that(about["before_from"] == "2026-09-01", "before October")

    def ten_years_have_no_week(self):
        for days, rows in ((("2016-10-24", "2026-11-01"), 24),
                           (("2016-10-23", "2026-11-01"), 0)):
            r = self.span("UTC", days)
            self.that(len(r["week"]) == rows and len(r["days"]) > 100,
                      f"{days}: {len(r['week'])}, {len(r['days'])} rows")
            page = self.report("--since", days[0], "--until", days[1],
                               form="html")
            self.that(("not computed" in page) == (rows == 0),
                      f"{days}: the page's week")

    def what_is_not_kept_is_not_0(self):
        """The other tenant has only its present state left."""
        for table in ("intervals", "response_rollups", "conversation_metrics",
                      "channel_metrics", "message_views", "alerts", "trends"):
            self.sql.ask(f"DELETE FROM {table} WHERE tenant = 't2'")
        argv = ["sink", "--tenant", "t2", "--since", WEEK[0], "--until", WEEK[1],
                "--report", "-", "-o"]
        r = sections(self.lab.must([*argv, "csv"]).out.decode())
        self.that(all(row["value"] == row["before"] == ""
                      for row in r["totals"]), f"totals: {r['totals']}")
        about = {row["what"]: row["value"] for row in r["about"]}
        lacking = about["not_kept"].split(", ")
        self.that(lacking == ["intervals", "conversations", "channels", "views",
                              "alerts", "trends"],
                  f"not kept: {lacking}")
        page = self.lab.must([*argv, "html"]).out.decode()
        self.that(f"Nothing is stored yet for: {about['not_kept']}." in page,
                  "the page does not name what is not stored")
        for metric in set(lacking) - {"conversations"}:
            self.that(f"add {metric} to metrics of [aggregator]" in page,
                      f"the page does not say what to do about {metric}")
        about = self.span("UTC", WEEK)["about"]
        self.that({"what": "not_kept", "value": ""} in about,
                  f"what is kept: {about}")

    def without_dates_it_is_last_week(self):
        for zone in ("UTC", "Pacific/Chatham", "America/New_York"):
            before = datetime.now(ZoneInfo(zone)).date()
            about = {row["what"]: row["value"] for row in sections(
                self.report("--zone", zone))["about"]}
            for today in (before, datetime.now(ZoneInfo(zone)).date()):
                monday = today - timedelta(days=today.weekday())
                if about["to"] == str(monday):
                    break
            self.that((about["from"], about["to"]) == (
                str(monday - timedelta(days=7)), str(monday)),
                f"last week in {zone}: {about}")

    def a_running_period_is_compared_with_the_same_part(self):
        """Adds a row for each day at 23:59 UTC, where this is in the future,
        and for each midnight. In the first minute there is nothing to
        compare."""
        today = pass_midnight()
        until(PATIENCE, lambda: datetime.now(timezone.utc).strftime("%H:%M")
              != "00:00", "the first minute of the day to be over")
        days = [str(today + timedelta(days=n)) for n in (-1, 0, 1)]
        for day in days[:2]:
            self.sql.ask(
                "INSERT INTO alerts (tenant, started_at, user_id, rule, "
                "messages, threshold, as_of) VALUES "
                f"('{TENANT}', '{day} 00:00', 'early', 'minute', 9, 8, NOW()),"
                f"('{TENANT}', '{day} 23:59', 'late', 'minute', 9, 8, NOW())")
        r = self.span("UTC", days[1:])
        about = {row["what"]: row["value"] for row in r["about"]}
        [alerts] = [row for row in r["totals"] if row["figure"] == "alerts"]
        self.that(about["before_from"] == days[0]
                  and re.fullmatch(days[0] + r" \d\d:\d\d", about["before_to"])
                  and [alerts["value"], alerts["before"]] == ["2", "1"],
                  f"today: {about}, {alerts}")
        page = self.report("--since", days[1], "--until", days[2], form="html")
        self.that(f" until {about['before_to'][:13]}" in page
                  and "because the current period is not over" in page, "the page's subtitle")
        r = self.span("UTC", days[:2])
        [alerts] = [row for row in r["totals"] if row["figure"] == "alerts"]
        self.that([alerts["value"], alerts["before"]] == ["2", "0"],
                  f"yesterday: {alerts}")
        self.sql.ask("DELETE FROM alerts WHERE user_id IN ('early', 'late')")

    def what_is_incomplete_is_marked_and_not_compared(self):
        """The first poll came in the middle of the week, then in the week
        before."""
        for begin, is_, was in (("2026-10-21 10:00", "no", "no"),
                                ("2026-10-15 10:00", "yes", "no"),
                                ("2026-10-12 00:00", "yes", "yes")):
            self.sql.ask(f"UPDATE coverage SET begin_at = '{begin}' "
                         f"WHERE tenant = '{TENANT}'")
            r = self.span("UTC", WEEK)
            about = {row["what"]: row["value"] for row in r["about"]}
            self.that([about[k] for k in ("complete", "before_complete",
                                          "counts_complete")]
                      == [is_, was, is_], f"{begin}: {about}")
            self.that({row["complete"] for name, rows in r.items()
                       for row in rows if name not in ("about", "days",
                                                       "resolved")} == {is_},
                      f"{begin}: each row is marked")
            self.that([row["complete"] for row in r["days"]] == [
                "yes" if row["begin"] + " 00:00" >= begin else "no"
                for row in r["days"]], f"{begin}: days {r['days']}")
            compared = {row[c] for row in r["totals"]
                        for c in ("before", "change")} | {
                            row["count_before"] for row in r["operators"]} | {
                                row["inbound_before"] for row in r["channels"]}
            self.that((compared == {""}) == (was == "no"),
                      f"{begin}: compared {compared}")
            page = self.report("--since", WEEK[0], "--until", WEEK[1], form="html")
            say_ = f"figures are complete since {begin}"
            self.that((say_ in page) == (was == "no")
                      and ("This period is incomplete" in page) == (is_ == "no")
                      and (" than in the previous period" in page)
                      == (was == "yes"), f"{begin}: the page")
        self.sql.ask("UPDATE coverage SET begin_at = '2025-01-01' "
                     f"WHERE tenant = '{TENANT}'")

    def wrong_options_are_refused(self):
        for options, code, says in (
            (["--report", "x.html", "--zone", "../etc/passwd"], 64, "zone"),
            (["--report", "x.html", "--since", "1900-01-01", "--until",
              "2026-10-01"], 64, "--since 1900-01-01 --until 2026-10-01: "),
            (["--report", "none/x.html"], 73, "none/x.html"),
            (["--report", "/dev/null", "-o", "html"], 73,
             "is not a regular file"),
        ):
            done = self.lab.run(["sink", "--tenant", TENANT, *options],
                                cwd=self.lab.tmp)
            self.that(done.code == code and says in done.err
                      and len(done.lines()) == 1, f"{options}: {done}")
        self.that(not os.path.exists(self.lab.path("x.html")),
                  "a file of a report that failed")

    def a_file_is_whole_or_as_it_was(self):
        path = self.lab.path("week.html")
        run = ["sink", "--tenant", TENANT, "--report", path]
        self.lab.must(run)
        inode = os.stat(path).st_ino
        self.lab.must(run)
        self.that(os.stat(path).st_ino != inode, "written in place")
        with open(path, "rb") as f:
            before = f.read()
        done = self.lab.run(run, env={"MYSQL_URL": "mysql://a:b@127.0.0.1:1/x"})
        self.that(done.code == 75, f"without a database: {done}")
        with open(path, "rb") as f:
            self.that(f.read() == before, "a failure took the last one")
        self.that(not [x for x in os.listdir(self.lab.tmp)
                       if x.endswith(".new")], "a part was left")
        done = self.lab.run(["sh", "-c", f"{os.environ.get('BIN')}/sink "
                             f"--tenant {TENANT} --report - >/dev/full"])
        self.that(done.code == 74, f"a full disk: {done}")

    def a_spreadsheet_reads_the_file_as_utf8(self):
        """Excel needs a byte order mark; grep(1) would find it in a line."""
        path = self.lab.path("week.csv")
        run = ["sink", "--tenant", TENANT, "--report"]
        self.lab.must([*run, path])
        with open(path, "rb") as f:
            self.that(f.read() == codecs.BOM_UTF8 + self.lab.must(
                [*run, "-", "-o", "csv"]).out, "the file differs")

    def the_mail_has_it(self):
        check_mail(self.lab, TENANT, self.that)

    def it_looks_right(self):
        try:
            from report_picture import look
        except ImportError:
            say("not looked at: python3-selenium is missing; run: "
                "scripts/install-deps browser")
            return
        path = self.lab.path("look.html")
        self.lab.must(["sink", "--tenant", TENANT, "--report", path,
                       "--since", "2026-10-12", "--until", "2026-11-09"])
        look(self.lab, path, self.that)

    def channels_of_the_span_come_first(self):
        """Regardless of the channels' figures in the previous period."""
        columns = ("channel_metrics (tenant, hour, channel, messages, "
                   "inbound_messages, outbound_messages, "
                   "active_conversations, as_of, version)")
        self.sql.ask(
            f"INSERT INTO {columns} SELECT '{TENANT}', '2026-10-13 10:00:00', "
            "CONCAT('old', seq), 100, 100, 0, 1, NOW(3), 1 FROM seq_1_to_60; "
            f"INSERT INTO {columns} VALUES ('{TENANT}', "
            "'2026-10-20 10:00:00', 'new', 1, 1, 0, 1, NOW(3), 1)")
        found = self.span("UTC", WEEK)["channels"]
        self.that(len(found) == 50, f"{len(found)} channels")
        self.that("new" in {row["channel"] for row in found}, f"{found}")
        self.sql.ask("DELETE FROM channel_metrics WHERE channel = 'new' OR "
                     "channel LIKE 'old%'")

    def equal_waits_are_in_order(self):
        begin, end = (utc("UTC", day) for day in WEEK)
        of_week = (f"tenant = '{TENANT}' AND end_at >= '{begin}' AND end_at < "
                   f"'{end}' AND kind IN ('first_response', 'reply', "
                   "'unanswered')")
        self.sql.ask(
            "UPDATE intervals SET ms = 900000000 WHERE "
            f"{of_week} ORDER BY end_at DESC LIMIT 400")
        self.the_rest_is_sqls("UTC", WEEK)


run_checks(Test)
