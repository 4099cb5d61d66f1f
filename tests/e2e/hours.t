#!/usr/bin/env -S python3 -B
"""The sink's work time, targets and judgement of each stored interval equal a
computation with Python's zoneinfo, in random opening hours; so do the sums of
hours and days. After the hours were changed, sink --recompute --since judges the
intervals of that day and later ones again, and no others. Rows that arrive
again, or in newer versions, are judged by the hours of now. SEED=n repeats one.
"""

import json
import os
import random
import re
from collections import defaultdict
from datetime import datetime, timedelta, timezone

from harness import Checklist, run_checks, seed
from rollup_sums import difference, read_sums, sums_of
from streamlib import Sql
from team_hours import FIRST, Team

KINDS = ("first_response", "reply", "resolution", "unanswered", "waiting")
TARGETS = ("first_response", "reply", "resolution")
DAYS = 30
ROWS = 400
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
HOUR = 3600000


def sql_text(ms):
    return (EPOCH + ms * MS).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def rfc(ms):
    return sql_text(ms).replace(" ", "T") + "Z"


def ms_of(day):
    return (datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
            - EPOCH) // MS


class World:
    def __init__(self, dice, tenants):
        self.rows = {}
        low = ms_of(FIRST)
        for n in range(ROWS):
            begin = low + dice.randrange(DAYS * 24 * HOUR)
            length = dice.choice((0, 1, dice.randrange(10 ** 6),
                                  dice.randrange(10 ** 8),
                                  dice.randrange(10 ** 9)))
            key = (dice.choice(tenants), begin + length, f"c{n}",
                   dice.choice(KINDS))
            self.rows[key] = (begin, dice.choice(("7", "8", None)),
                              dice.choice(TARGETS[:2])
                              if key[3] == "unanswered" else None)
        self.version = 0

    def lines(self, keys):
        self.version += 1
        return ("\n".join(json.dumps({
            "type": "row", "table": "intervals", "tenant": tenant,
            "end_at": rfc(end), "chat": chat, "message": "1", "kind": kind,
            "start_at": rfc(self.rows[tenant, end, chat, kind][0]),
            "operator": self.rows[tenant, end, chat, kind][1],
            "awaited": self.rows[tenant, end, chat, kind][2],
            "ms": end - self.rows[tenant, end, chat, kind][0],
            "work_ms": 5, "judged": 7, # not theirs to say
            "as_of": "2026-01-01T00:00:00Z", "version": self.version})
            for tenant, end, chat, kind in keys) + "\n").encode()


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("mariadb")
        self.base = lab.conf("base.conf", {"sink": {"batch": 100}})
        self.sql = Sql(lab)
        self.teams = {}
        self._configure("acme", "beta")
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self.world = World(self.dice, ("acme", "beta", "other"))

    def _configure(self, *names):
        """New hours and targets for these tenants."""
        for name in names:
            self.teams[name] = Team(self.dice, self.lab.path(""), name)
        with open(self.base, encoding="utf-8") as base:
            text = base.read() + "".join(
                team.conf() for team in self.teams.values())
        self.conf = self.lab.write("m.conf", text)

    def _sink(self, *options, stdin=b""):
        return self.lab.must(["sink", "-c", self.conf, *options], stdin=stdin)

    def _expected(self, teams):
        want = {}
        for key, (begin, _, awaited) in self.world.rows.items():
            tenant, end, chat, kind = key
            team = teams(tenant, end)
            want[tenant, sql_text(end), chat, kind] = (
                team.judge(kind, begin, end, awaited) if team else (None,) * 3)
        return want

    def _stored(self):
        rows = self.sql.ask("SELECT tenant, end_at, chat, kind, work_ms, "
                        "target_ms, kept FROM intervals")
        number = lambda s: None if s == "NULL" else int(s)
        return {tuple(row[:4]): tuple(map(number, row[4:]))
                for row in map(tuple, rows)}

    def _compare(self, what, teams):
        wrong = difference(self._stored(), self._expected(teams))
        self.that(not wrong, f"{what}: {wrong}")

    def _compare_sums(self):
        """The sums of days are those of the rows."""
        lengths, counts = defaultdict(list), defaultdict(int)
        for (tenant, end, chat, kind), (work, _, kept) in \
                self._stored().items():
            if kind == "waiting":
                continue
            at = datetime.strptime(end, "%Y-%m-%d %H:%M:%S.%f")
            ms = int((at.replace(tzinfo=timezone.utc) - EPOCH) / MS)
            begin, _, awaited = self.world.rows[tenant, ms, chat, kind]
            key = (tenant, end[:10], kind)
            lengths[key].append(ms - begin)
            if work is not None:
                lengths[*key[:2], kind + "_work"].append(work)
                counts[*key[:2], kind + "_closed"] += (
                    work == 0 < ms - begin
                    and kind in ("first_response", "reply"))
            if kept is not None:
                counts[*key[:2], kind + ("_missed", "_kept")[kept]] += 1
                if awaited is not None:
                    counts[*key[:2], awaited + "_missed"] += 1
        want = {key: sums_of(list_) for key, list_ in lengths.items()}
        want |= {key: (n, 0, 0, {}) for key, n in counts.items() if n}
        got = {}
        for tenant, begin, sums in self.sql.ask(
                "SELECT tenant, begin_at, sums FROM response_rollups "
                "WHERE subject = 'tenant' AND span = 'day'"):
            for kind, numbers in read_sums(sums).items():
                got[tenant, begin[:10], kind] = numbers
        wrong = difference(got, want)
        self.that(not wrong, f"sums of days: {wrong}")

    def each_interval_is_judged(self):
        self._sink(stdin=self.world.lines(self.world.rows))
        self._compare("stored", lambda tenant, end: self.teams.get(tenant))
        self._sink("--recompute")
        self._compare_sums()

    def a_file_of_holidays_that_vanished_counts_as_stored(self):
        gone = [os.path.join(self.lab.path(""), name)
                for name in os.listdir(self.lab.path(""))
                if name.endswith(".ics")]
        for path in gone:
            os.remove(path)
        done = self.lab.run(["sink", "-c", self.conf],
                            stdin=self.world.lines(self.world.rows))
        self.ends(done, 0)
        self.equal(done.err.count("as last stored"), len(gone), done.err)
        self._compare("vanished", lambda tenant, end: self.teams.get(tenant))
        rows = self.sql.ask("SELECT tenant, version, terms FROM hours_versions")
        self.equal(sorted(row[0] for row in rows), ["acme", "beta"],
                   "versions")
        self.that(all(len(row[1]) == 16 and "[hours " in row[2]
                      for row in rows), rows)

    def a_file_that_was_never_stored_stops_only_who_needs_it(self):
        conf = self.lab.write("gone.conf", "[hours h]\nzone = UTC\n"
                              "mon = 9:00-17:00\nholidays = never.ics\n"
                              "[crm gone]\nhours = h\n")
        self.ends(self.lab.run(["sink", "-c", conf, "--migrate"]), 0)
        for options in (), ("--check",), ("--now",):
            done = self.lab.run(["sink", "-c", conf, *options])
            self.ends(done, 78, "gone.conf:4: cannot read '.*never.ics'")

    def _check(self):
        done = self.lab.run(["sink", "-c", self.conf, "--check", "-o", "csv"])
        return [line for line in done.out.decode().splitlines()
                if "hours and targets" in line and "aggregator" in line]

    def an_aggregator_with_other_hours_is_told(self):
        for tenant in "acme", "beta":
            self.sql.ask("INSERT INTO tenant_metrics (tenant, operators, "
                         "open_chats, unassigned_chats, waiting_chats, "
                         "responses, hours_version, as_of, version) SELECT "
                         "tenant, 0, 0, 0, 0, 0, version, '2026-11-01', 1 "
                         f"FROM hours_versions WHERE tenant = '{tenant}'")
        self.equal(self._check(), [], "the same hours")
        self.sql.ask("UPDATE tenant_metrics SET hours_version = NULL "
                     "WHERE tenant = 'beta'")
        lines = self._check()
        self.equal(len(lines), 1, lines)
        line = lines[0]
        self.that(line.startswith("beta: hours and targets,advice,") and
                  "as of 2026-11-01" in line, line)
        self.sql.ask("DELETE FROM tenant_metrics")

    def a_row_that_comes_again_is_not_changed(self):
        before = dict(self.teams)
        self._configure("acme")
        self.world.version -= 1
        self._sink(stdin=self.world.lines(self.world.rows))
        self._compare("again", lambda tenant, end: before.get(tenant))
        self.before = before
        done = self.lab.run(["sink", "-c", self.conf, "--check", "-o", "csv"])
        want = self._expected(lambda tenant, end: self.teams.get(tenant))
        differ = sum(1 for key, row in self._stored().items()
                     if row != want[key])
        count = re.search(r"(\d+) intervals were judged by others",
                          done.out.decode())
        self.that(count and int(count[1]) >= differ > 0,
                  f"{count and count[0]}: {differ} differ")

    def from_a_day_on_they_are_judged_again(self):
        from_day = FIRST + timedelta(days=DAYS // 2)
        self._sink("--recompute", "--since", str(from_day))
        low = self.teams["acme"].begin_of(from_day)
        self._compare("from a day", lambda tenant, end: (
            self.before if tenant == "acme" and end < low
            else self.teams).get(tenant))
        self._compare_sums()

    def a_newer_row_is_judged_by_the_hours_of_now(self):
        self._sink(stdin=self.world.lines(self.world.rows))
        self._compare("newer", lambda tenant, end: self.teams.get(tenant))

    def without_hours_nothing_is_judged(self):
        self.teams.clear()
        self._configure()
        self._sink("--recompute", "--since", "2000-01-01")
        self._compare("none", lambda tenant, end: None)
        self._compare_sums()
        done = self.lab.run(["sink", "-c", self.conf, "--check", "-o", "csv"])
        self.that(b"judged by others" not in done.out, done.out)


run_checks(Test)
