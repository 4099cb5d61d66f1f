#!/usr/bin/env -S python3 -B
"""sink --now, also under watch(1), on terminals of 50, 60, 80 and 120 columns, by
tmux: every number on the screen is a number of the database, names are cut and
numbers never, and columns that are not shown are named. Old metrics are
marked."""

import json
import os
import re
import shlex
import shutil
import subprocess
import time
import unicodedata
from datetime import datetime, timedelta, timezone

from harness import BIN, Checklist, Skip, run_checks, say, until

TITLES = ("OPERATOR WAITING LONGEST AVAIL OPEN RESPONSES AVERAGE MEDIAN P90 "
          "FIRST").split()
COLUMNS = ("waiting_chats", "longest_wait_seconds", "available", "open_chats",
           "responses", "avg_response_seconds", "median_response_seconds",
           "p90_response_seconds", "avg_first_response_seconds")
# The last name changes the direction of the text after it, and moves the
# cursor.
NAMES = ["田中花子", "Maximiliana Konstantinopolskaya", "Анна",
         "Malik\u202e\x9b2J"]
OPERATORS = 45
NOW = shlex.quote(os.path.join(BIN, "sink")) + " --now"
WATCH = f"watch -t -n 1 {NOW}"


def width(text):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def duration(seconds):
    """A duration as the screen shows it, computed independently."""
    if seconds == "NULL":
        return "-"
    ms = round(float(seconds) * 1000)
    s = ms // 1000
    if ms < 10000:
        return f"{s}.{ms % 1000 // 100}s"
    if s < 60:
        return f"{s}s"
    if s < 3600:
        return f"{s // 60}m{s % 60:02}s"
    if s < 86400:
        return f"{s // 3600}h{s % 3600 // 60:02}m"
    return f"{s // 86400}d{s % 86400 // 3600:02}h"


def shown(column, value):
    if column == "available":
        return {"1": "yes", "0": "no"}.get(value, "-")
    if column.endswith("_seconds"):
        return duration(value)
    return value


class Terminal:
    """A command in a terminal of that size."""

    opened = 0

    def __init__(self, lab, command, columns, lines):
        Terminal.opened += 1
        self.tmux = ["tmux", "-S", lab.path(f"tmux{Terminal.opened}")]
        self.env = {**lab.env, "TERM": "xterm-256color"}
        self.call("-f", "/dev/null", "new-session", "-d", "-x", columns,
                  "-y", lines, f"{command}; echo ended $?; exec cat")

    def call(self, *arguments):
        return subprocess.run(self.tmux + [str(a) for a in arguments],
                              env=self.env, check=True, capture_output=True,
                              text=True).stdout

    def lines(self):
        return [line.rstrip() for line in
                self.call("capture-pane", "-p").rstrip("\n").split("\n")]

    def shows(self, pattern):
        def look():
            return re.search(pattern, "\n".join(self.lines()), re.M)
        try:
            return until(60, look, f"{pattern} on the screen")
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.lines()}") from e

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.call("kill-server")


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        if not shutil.which("tmux"):
            raise Skip("tmux is not installed")
        lab.start_servers("mariadb", private=True)
        lab.env.update(MESSAGING_BIN=BIN, TZ="Asia/Kolkata")
        lab.must(["sink", "--migrate"])
        self._fill()
        self.operators = self._read_operators()

    def _fill(self):
        self.lab.sql(
            "INSERT INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, longest_wait_seconds, responses, "
            "avg_response_seconds, skewed, as_of, version) VALUES ('t', "
            f"{OPERATORS}, 1234, 5, 67, 452, 8901, 93.5, 0, "
            "UTC_TIMESTAMP(3), 1)")
        for i in range(OPERATORS):
            name = NAMES[i] if i < len(NAMES) else f"Operator {i:02}"
            waits = f"1, {(i * 7919) % 90000}.250" if i % 3 else "0, NULL"
            averages = (f"{i + 1}, {93 + i}, {452 * (i + 1)}, {86400 + i * 4000},"
                        f" {i + 1}, {i}.500" if i % 5 else
                        "0, NULL, NULL, NULL, 0, NULL")
            self.lab.sql(
                "INSERT INTO operator_metrics (tenant, operator, name, "
                "available, open_chats, waiting_chats, longest_wait_seconds, "
                "responses, avg_response_seconds, median_response_seconds, "
                "p90_response_seconds, first_responses, "
                "avg_first_response_seconds, as_of, version) VALUES ('t', "
                f"'{i}', x'{name.encode().hex()}', {i % 2}, {i * 11}, {waits}, "
                f"{averages}, UTC_TIMESTAMP(3), 1)")
        for i in range(13):
            self.lab.sql(
                "INSERT INTO chat_metrics (tenant, chat, operator, customer, "
                "channel, status, waiting_since, messages, participants, "
                "responses, as_of, version) SELECT 't', "
                f"'{1000 + i}', '1', 'c', 'web', 'open', as_of - INTERVAL "
                f"{93 + 37 * i} SECOND, 1, 1, 0, as_of, 1 FROM tenant_metrics")

    def _refresh(self):
        """Metrics that are old would have a longer heading."""
        self.lab.sql(
            "UPDATE tenant_metrics SET as_of = UTC_TIMESTAMP(3); "
            "UPDATE chat_metrics SET waiting_since = (SELECT as_of FROM "
            "tenant_metrics) - INTERVAL 93 + 37 * (chat - 1000) SECOND")

    def _read_operators(self):
        """The database's values as the screen shows them, longest wait
        first."""
        rows = self.lab.sql(
            "SELECT CONVERT(name USING utf8mb4), " + ", ".join(COLUMNS) +
            " FROM operator_metrics ORDER BY longest_wait_seconds IS NULL,"
            " longest_wait_seconds DESC, CAST(name AS BINARY)")
        return [row[:1] + [shown(c, v) for c, v in zip(COLUMNS, row[1:])]
                for row in rows]

    def page_is_true(self, lines, columns):
        """Every cell equals the database's value, in full, or as a cut name."""
        for line in lines:
            self.that(width(line) <= columns, f"too wide: {line!r}")
        at = next(i for i, line in enumerate(lines)
                  if line.startswith("OPERATOR"))
        titles = lines[at].split()
        rows = []
        for line in lines[at + 1:]:
            if not line or line.startswith(("not shown", "ended")):
                break
            rows.append(line)
        self.that(titles == TITLES[:len(titles)], f"titles: {titles}")
        self.that(len(rows) >= 3, f"hardly any operators: {lines}")
        for line, want in zip(rows, self.operators):
            cells = line.split()[1 - len(titles):]
            self.that(cells == want[1:len(titles)],
                      f"at {columns} columns {line!r}, not {want}")
        text = "\n".join(lines)
        if len(titles) < len(TITLES) and len(rows) == OPERATORS:
            note = re.search(r"not shown at (\d+) columns:\s([A-Z0-9,\s]*)\n"
                             "ended", text)
            self.that(note and int(note[1]) == columns and
                      re.findall(r"[A-Z0-9]+", note[2])[
                          :len(TITLES) - len(titles)] == TITLES[len(titles):],
                      f"what is not shown: {text}")
        self.that("open 1234, unassigned 5, waiting 67 (longest 7m32s);" in
                  " ".join(lines), f"totals: {text}")
        self.that("average 1m33s" in " ".join(lines), f"average: {text}")
        return len(rows)

    def waits_are_true(self, lines):
        """The waiting chats stand above, longest first."""
        n = 10
        at = next(i for i, line in enumerate(lines)
                  if line.startswith("WAITING"))
        want = [[duration(93 + 37 * i), str(1000 + i)]
                for i in range(12, 12 - n, -1)]
        got = [line.split()[:2] for line in lines[at + 1:at + 1 + n]]
        self.that(got == want, f"waiting: {got}, not {want}")
        self.that(f"{13 - n} more" in lines[at + 1 + n:], f"13 wait: {lines[at:]}")

    def every_width(self):
        for columns in (50, 60, 80, 120):
            for command, lines in ((NOW, 80), (WATCH, 40), (WATCH, 24)):
                say(f"- {command} at {columns} columns, {lines} lines")
                self._refresh()
                with Terminal(self.lab, command, columns, lines) as terminal:
                    terminal.shows(r"^t, as of \S+ \S+ IST")
                    terminal.shows(r"^WAITING(.|\n)*^\d+ more$")
                    page = terminal.lines()
                n = self.page_is_true(page, columns)
                self.that(n == OPERATORS if lines == 80 else n < OPERATORS,
                          f"{n} operators on {lines} lines")
                self.waits_are_true(page)

    def it_is_shown_again(self):
        with Terminal(self.lab, WATCH, 80, 40) as terminal:
            terminal.shows("^t, as of ")
            for chats in 4321, 1234:
                self.lab.sql(f"UPDATE tenant_metrics SET open_chats = {chats}")
                terminal.shows(f"open {chats},")
            self.lab.servers("stop", "mariadb")
            terminal.shows("^sink: database .*connect to")
            self.lab.servers("start", "mariadb")
            terminal.shows("^t, as of ")

    def old_metrics_are_marked(self):
        """From three minutes on; a busy machine may take the last seconds
        before."""
        for seconds, marked in ((170, False), (452, True)):
            def is_right(seconds=seconds, marked=marked):
                self.began = time.monotonic()
                self.metrics_are_old(seconds)
                self.is_marked(marked, f"{seconds} s old")

            self.repeat(is_right, lambda: time.monotonic() - self.began > 8)

    def metrics_are_old(self, seconds):
        old = datetime.now(timezone.utc) - timedelta(seconds=seconds)
        self.lab.sql("UPDATE tenant_metrics SET as_of = '%s'" %
                     old.strftime("%Y-%m-%d %H:%M:%S"))

    def is_marked(self, marked, what):
        """Whether all outputs mark the tenant as old."""
        page = self.lab.must(["sink", "--now"]).out.decode()
        self.that(("; STALE: not updated for " in page) == marked,
                  f"{what}: {page.splitlines()[0]}")
        now = json.loads(self.lab.must(
            ["sink", "--get", "/api/v1/now", "--tenant", "t"]).out)["now"][0]
        stale_at = datetime.fromisoformat(now["stale_at"].replace("Z", "+00:00"))
        self.that((stale_at < datetime.now(timezone.utc)) == marked,
                  f"{what}: stale_at is {stale_at}")

    def old_snapshots_are_marked(self):
        """For a poller that slows down: after three of its intervals."""
        for minutes in (15, 0):
            at = datetime.now(timezone.utc) - timedelta(minutes=minutes)
            at = at.strftime("%Y-%m-%dT%H:%M:%SZ")
            self.lab.must(["sink", "-f", "-"], stdin="".join(
                json.dumps({"type": "snapshot", "tenant": "t", "snapshot": at,
                            "state": state, "at": at, **more}) + "\n"
                for state, more in (("begin", {}), ("end", {"records": 0}))
            ).encode())
        for minutes, ahead, marked in (
                (0, 0, False), (20, 0, False), (44, 0, False), (46, 0, True),
                (0, -120, False), (46, -120, True), (46, 120, True)):
            self.metrics_are_old(60 * (minutes - ahead))
            self.lab.sql(
                "UPDATE tenants SET as_of = (SELECT as_of FROM tenant_metrics),"
                f" stale_at = stale_at - INTERVAL {minutes} MINUTE,"
                f" stored_at = stored_at - INTERVAL {minutes} MINUTE")
            self.is_marked(marked, f"polled every 15 minutes, {minutes} old, "
                           f"by a clock that is {ahead} minutes ahead")
            listed = self.lab.must(["scripts/tenant", "list"]).out
            self.that(json.loads(listed)["state"] ==
                      ("stale" if marked else "current"), f"the list: {listed}")
            self.lab.sql(
                "UPDATE tenants SET stale_at = stale_at + INTERVAL "
                f"{minutes} MINUTE, stored_at = stored_at + INTERVAL {minutes} "
                "MINUTE")


run_checks(Test)
