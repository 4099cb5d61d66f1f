"""serve: the answers of the API and the board over filled tables, 200 a second
while messages arrive through the sink: percentiles by route; the same with
cold caches; compared with the same answers by SQL over the raw rows. Then
listeners of events: the server's memory,
and the delay between a commit and each event. And the report of a month."""

import os
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import table # adds the folder of the harness to the path
from serve_world import OPERATORS, TENANT, World, seconds_of_rows

from api_client import Server, token
from harness import Checks, Lab, main

HTTP_LOAD = [sys.executable, "-B", "tests/bench/http_load.py"]
RATE = 200
ARRIVING = table.scaled(5000, 50) # messages a second
# About 360 answers per route: three lie above the 99th percentile.
SECONDS = table.scaled(60, 3)
LISTENERS = table.scaled(1000, 20)
COMMITS = table.scaled(20, 3)
V1 = "/api/v1/"
ANALYTICS = V1 + "analytics/"
LIMITS = {"p99_ms": 10, "month_ms": 10, "cold_ms": 100, "mib": 50,
          "told_ms": 100, "report_ms": 2000}


def routes(now):
    """(name, path), for the last days and for the last whole month in the
    tables."""
    end = now.replace(day=1)
    begin = (end - timedelta(days=1)).replace(day=1)
    month = f"from={begin:%Y-%m-%d}&to={end:%Y-%m-%d}"
    by = V1 + "responses?by={}&" + month
    day = f"{now - timedelta(days=9):%Y-%m-%d}"
    found = [
        ("now", V1 + "now"),
        ("month_by_operator", by.format("month") + "&group=operator"),
        ("month_Lisbon", by.format("month")
         + "&group=operator&zone=Europe/Lisbon"),
        ("month_Kolkata", by.format("month")
         + "&group=operator&zone=Asia/Kolkata"),
        ("month_by_channel", by.format("month") + "&group=channel"),
        ("days_by_channel", by.format("day")
         + "&group=channel&zone=Europe/Lisbon"),
        ("days_one_channel", by.format("day") + "&channel=whatsapp"),
        ("days_New_York", by.format("day") + "&zone=America/New_York"),
        ("days_one_operator", by.format("day") + "&operator=op7&within_seconds"
         "=300&zone=Europe/Lisbon"),
        ("this_week", V1 + "responses?compare=previous"),
        ("today_by_hour", V1 + "responses?by=hour&from=24h"),
        ("heatmap", V1 + "heatmap?from=28d&zone=Europe/Lisbon"),
        ("intervals", V1 + f"intervals?from={day}&operator=op7&withdrawn=0"
         "&kind=response"),
        ("operators", V1 + "operators"), ("chats", V1 + "chats"),
        ("chat", V1 + "chats?chat=c64"),
        ("timeline", V1 + "chats/c64/timeline"),
        ("messages", V1 + f"messages?from={day}"),
        ("history", V1 + f"messages/conversation/c64?tenant_id={TENANT}"),
        ("conversation", ANALYTICS
         + f"conversations/c64/analytics?tenant_id={TENANT}"),
        ("channel", ANALYTICS + "channels/whatsapp/analytics?tenant_id="
         f"{TENANT}&start_time={day}T00:00:00Z&end_time={now:%Y-%m-%d}"
         "T00:00:00Z"),
        ("dashboard", ANALYTICS + f"dashboard?tenant_id={TENANT}"),
        ("dashboard_month", ANALYTICS
         + f"dashboard?tenant_id={TENANT}&period=month"),
        ("health", ANALYTICS + f"health?tenant_id={TENANT}"),
        ("conversations", V1 + "conversations"), ("users", V1 + "users"),
        ("alerts", V1 + "alerts?from=24h"), ("trends", V1 + "trends"),
        ("events", V1 + "events"), ("receipts", V1 + "receipts"),
        ("channels", V1 + f"channels?from={day}"),
        ("assignments", V1 + "assignments"), ("openapi", V1 + "openapi"),
        ("board", "/"), ("board_script", "/board/board.js"),
    ]
    return found, (begin, end)


class Bench:
    def __init__(self, lab):
        self.lab = lab
        self.checks = Checks()
        pool = "1G" if table.SCALE >= 0.1 else "128M"
        lab.env["MYSQL_OPTIONS"] = f"--innodb-buffer-pool-size={pool}"
        lab.start_servers("mariadb", private=True) # cold() stops it
        self.conf = lab.conf("m.conf", {"sink": {"connections": 2}})
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self.world = World(lab, self.conf)
        self.server = self.serve()
        self.token = token(tenant_id=TENANT, role="admin",
                           exp=int(time.time()) + 86400)
        self.routes, self.month = routes(self.world.now)

    def serve(self):
        return Server(self.lab, {"serve": {
            # A busy machine answers late, but it does answer.
            "rate": 0, "query_timeout": "60s",
            "connections_per_address": LISTENERS + 100}})

    def env(self):
        return {"TOKEN": self.token}

    def load(self):
        """{name: (p50, p99)} in ms."""
        paths = self.lab.write("paths", "".join(
            f"{name} {path}\n" for name, path in self.routes))
        done = self.lab.must(
            [*HTTP_LOAD, "get", RATE, SECONDS, self.server.port, paths],
            env=self.env(), timeout=600)
        found = {}
        for line in done.out.decode().splitlines():
            name, n, bad, p50, p99, _ = line.split()
            self.checks.that(int(n) > 0 and int(bad) == 0,
                             f"{name}: {bad} of {n} are no answers: "
                             + done.err[:300])
            found[name] = int(p50) / 1000, int(p99) / 1000
        return found

    def feed(self, ending):
        """Runs a sink and gives it one second's rows each second."""
        sink = self.lab.start(
            ["sink", "-c", self.conf, "-f", "-"], self.lab.path("sink.log"),
            stdin=subprocess.PIPE)
        due, n = time.monotonic(), 0
        while not ending.is_set():
            # Steps of 0.1 s: the sink stores rows as they arrive.
            for part in seconds_of_rows(n, ARRIVING, self.world.now):
                sink.stdin.write(part)
                sink.stdin.flush()
                due += 0.1
                ending.wait(max(0, due - time.monotonic()))
            n += 1
        sink.stdin.close()
        self.arrived = n * ARRIVING
        self.checks.that(sink.wait(120) == 0, "the sink: "
                         + open(self.lab.path("sink.log")).read())

    def busy(self):
        ending = threading.Event()
        feeder = threading.Thread(target=self.feed, args=(ending,))
        before = self.world.messages()
        feeder.start()
        began, stolen = table.now(), table.stolen()
        found = self.load()
        ending.set()
        feeder.join()
        stored = self.world.messages() - before
        self.checks.that(stored == self.arrived,
                         f"{stored} messages are stored of {self.arrived}")
        took = table.now() - began
        self.stored = stored / took
        self.stolen = (table.stolen() - stolen) / took / os.cpu_count()
        return found

    def once(self, path):
        """Milliseconds of one answer by a running server."""
        began = table.now()
        answer = self.server.ask(path, self.token)
        took = 1000 * (table.now() - began)
        self.checks.that(answer.status == 200, f"{path}: {answer.status}")
        return took

    def cold(self):
        """{name: ms}: the first answer after the database was started."""
        self.lab.servers("stop", "mariadb", quiet=True)
        self.lab.servers("start", "mariadb")
        self.world.connect()
        self.server.process.terminate()
        self.checks.that(self.server.process.wait(60) == 0, "sink --serve")
        self.server = self.serve()
        self.once(ANALYTICS + "health?tenant_id=" + TENANT) # connects
        return {name: self.once(path) for name, path in self.routes}

    def show(self):
        quiet = self.load()
        found = self.busy()
        rows = [(name, p99, "ms", table.at_most(p99, LIMITS["p99_ms"]),
                 f"(50th {p50:.2f}; without arrivals {quiet[name][0]:.2f}, "
                 f"{quiet[name][1]:.2f})")
                for name, (p50, p99) in found.items()]
        table.show(
            f"Answers at {RATE} a second while messages arrive: 99th "
            "percentile", rows,
            f"Over {self.world.n:,} messages and {self.world.intervals():,} "
            f"intervals of {OPERATORS} operators in 90 days; "
            f"{self.stored:,.0f} messages a second were stored meanwhile, and "
            f"{self.stolen:.1%} of the CPU went to other guests of the host. "
            "A wait begins when the request was due.")
        cold = self.cold()
        table.show("The first answers of a database that was just started", [
            (name, ms, "ms", table.at_most(ms, LIMITS["cold_ms"]))
            for name, ms in cold.items()])

    # Comparisons.

    def raw(self):
        begin, end = (f"'{t:%Y-%m-%d}'" for t in self.month)
        where = f"tenant = '{TENANT}'"
        week = "created_at >= UTC_TIMESTAMP() - INTERVAL 7 DAY"
        by_kind = "kind IN ('first_response', 'reply') AND withdrawn = 0"
        return {
            "month_by_operator":
                "SELECT operator, COUNT(*), SUM(ms), MAX(ms) FROM intervals "
                f"WHERE {where} AND end_at >= {begin} AND end_at < {end} AND "
                f"{by_kind} GROUP BY operator",
            "heatmap":
                "SELECT WEEKDAY(end_at), HOUR(end_at), COUNT(*), SUM(ms) FROM "
                f"intervals WHERE {where} AND end_at >= UTC_TIMESTAMP() - "
                f"INTERVAL 28 DAY AND {by_kind} GROUP BY 1, 2",
            "dashboard":
                "SELECT COUNT(*), SUM(direction = 'inbound'), "
                "AVG(sentiment_score), AVG(response_time) FROM "
                f"message_analytics WHERE {where} AND {week}",
            "history":
                "SELECT created_at, message_id, sender, content FROM messages "
                f"WHERE {where} AND conversation_id = 'c64' ORDER BY "
                "created_at LIMIT 101",
        }

    def show_raw(self):
        rows, paths = [], dict(self.routes)
        for name, statement in self.raw().items():
            ours = table.median([self.once(paths[name]) for _ in range(5)])
            theirs = []
            for _ in range(3):
                began = table.now()
                self.world.sql.ask(statement)
                theirs.append(1000 * (table.now() - began))
            raw = table.median(theirs)
            rows += [(name, ours, "ms"),
                     ("  SQL over the raw rows", raw, "ms",
                      f"{raw / ours:.1f} times")]
        table.show("Beside SQL over the raw rows", rows,
                   "Medians; SQL's without percentiles and JSON.")

    def show_report(self):
        begin, end = self.month
        took = []
        for name in ("report.html", "report.csv"):
            command = ["sink", "-c", self.conf, "--report",
                       self.lab.path(name), "--tenant", TENANT, "--since",
                       f"{begin:%Y-%m-%d}", "--until", f"{end:%Y-%m-%d}"]
            times = []
            for _ in range(3):
                began = table.now()
                self.lab.must(command)
                times.append(1000 * (table.now() - began))
            took.append((name, table.median(times), "ms",
                         table.at_most(table.median(times),
                                       LIMITS["report_ms"])))
        table.show("The report of a month", took, "Medians of three.")

    def listen(self):
        """Returns the memory in MiB and the delays of all listeners in ms."""
        log = self.lab.path("told")
        with open(log, "wb") as out:
            p = self.lab.start(
                [*HTTP_LOAD, "listen", LISTENERS, self.server.port,
                 V1 + "now/stream"], stdout=out,
                stdin=subprocess.PIPE, env=self.env())
        self.wait_for_open(p, log)
        commits = []
        for _ in range(COMMITS):
            commits.append(time.monotonic())
            self.world.change()
            time.sleep(1) # one commit per second, as the table says
            self.wait_until_told(log, commits)
        memory = table.memory_of(self.server.process.pid) / 1024
        p.stdin.close()
        self.checks.that(p.wait(60) == 0, "the listeners failed")
        return memory, self.waits(log, commits)

    def wait_for_open(self, p, log):
        while b"open" not in open(log, "rb").read():
            if p.poll() is not None:
                raise AssertionError("the listeners are refused")
            time.sleep(0.1)

    def last_pieces(self, log, commits):
        """For each commit and listener, the last piece before the next
        commit."""
        last = {}
        with open(log) as f:
            next(f)
            for line in f:
                if not line.endswith("\n"):
                    break # still being written
                n, us = map(int, line.split())
                at = us / 1e6
                k = sum(c <= at for c in commits) - 1
                if k >= 0:
                    last[k, n] = 1000 * (at - commits[k])
        return last

    def wait_until_told(self, log, commits):
        """On a busy machine this takes longer than a second."""
        until = time.monotonic() + 240
        while len(self.last_pieces(log, commits)) < LISTENERS * len(commits):
            if time.monotonic() > until:
                return
            time.sleep(0.1)

    def waits(self, log, commits):
        last = self.last_pieces(log, commits)
        self.checks.that(
            len(last) == LISTENERS * COMMITS,
            f"{len(last)} are told of {LISTENERS} times {COMMITS}")
        return sorted(last.values())

    def show_events(self):
        memory, waits = self.listen()
        longest = waits[-1] if waits else 0.0
        table.show(f"{LISTENERS:,} listeners of events", [
            ("memory of the server", memory, "MiB",
             table.at_most(memory, LIMITS["mib"])),
            ("commit to listener, 50th percentile",
             waits[len(waits) // 2] if waits else 0.0, "ms"),
            ("the longest", longest, "ms",
             table.at_most(longest, LIMITS["told_ms"])),
        ], f"{COMMITS} commits, a second apart.")


def body():
    table.machine()
    with Lab("serve") as lab:
        bench = Bench(lab)
        bench.show()
        bench.show_raw()
        bench.show_report()
        bench.show_events()
        return bench.checks.result()


main(body)
