"""hours: what opening hours and targets cost: CPU time of the same work with and
without them, in the same run and by the same build: records from a file into
metrics, records into the database, and the API's response about a month. If
BENCH_BEFORE is the folder of another build's programs, that build does the same
work, without hours."""

import http.client
import json
import os

import table # adds the folder of the harness to the path

from api_client import KEY, token
from harness import BIN, TESTBIN, Lab, main

TENANT = "t1"
PARSED = table.scaled(400000, 2000)
STORED = table.scaled(100000, 2000)
ASKED = table.scaled(200, 3)
ROUNDS = table.rounds(9)
LIMIT = 1.1
START, MONTH_MS = "2026-10-01T00:00:00Z", 30 * 86400000
MONTH = ("/api/v1/responses?by=month&group=operator&from=2026-10-01"
         "&to=2026-11-01&zone=Europe/Berlin")
HOURS = {
    "zone": "Europe/Berlin", "mon": "9:00-13:00 14:00-18:00",
    "tue": "9:00-18:00", "wed": "8:00-18:00", "thu": "9:00-18:00",
    "fri": "22:00-6:00", "closed": "2026-10-03 2026-10-12/14:00-24:00",
}
TARGETS = {"first_response": "5m work", "reply": "15m work",
           "resolution": "24h calendar"}
LOAD = ["--tenants", 1, "--users", 5000, "--operators", 50, "--views", 0,
        "--events", 0, "--late", 0, "--start", START]
KEPT = "operators,chats,tenant,intervals,messages"


class Variant:
    """A build with a configuration, and a database of its own."""

    def __init__(self, lab, name, folder=BIN, hours=False):
        self.lab, self.name, self.folder = lab, name, folder
        self.database = "bench_" + name
        self.env = {"MYSQL_URL": lab.own_database(self.database)}
        key = lab.write(name + ".key", KEY + "\n")
        sections = {"serve": {"secret_key_file": key, "rate": 0},
                    f"crm {TENANT}": {"token": "x"}}
        if hours:
            sections["hours team"] = HOURS
            sections["targets"] = TARGETS
            sections[f"crm {TENANT}"]["hours"] = "team"
        self.conf = lab.conf(name + ".conf", sections)
        self.run("sink", "--migrate")

    def argv(self, program, *options):
        return [os.path.join(self.folder, program), "-c", self.conf, *options]

    def run(self, program, *options, stdin=b""):
        return self.lab.must(self.argv(program, *options), stdin=stdin,
                             env=self.env, timeout=1800)

    def parse(self, path):
        table.touch_memory()
        return self.run("aggregator", "-a", "operators,chats", "-o", "ndjson",
                        stdin=open(path, "rb")).cpu

    def store(self, path):
        self.empty()
        with Database(self.lab) as database:
            rows = self.run("aggregator", "-a", KEPT, "-o", "ndjson",
                            stdin=open(path, "rb"))
            sink = self.run("sink", stdin=rows.out)
        return rows.cpu + sink.cpu + database.seconds

    def empty(self):
        names = self.lab.sql(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_TYPE"
            f" = 'BASE TABLE' AND TABLE_SCHEMA = '{self.database}' AND "
            "TABLE_NAME <> 'schema_migrations'")
        self.lab.sql("".join(f"TRUNCATE {self.database}.{name}; "
                             for [name] in names))

    def serve(self):
        self.run("sink", "--recompute")
        self.process = self.lab.serve(self.argv(
            "sink", "--serve", "127.0.0.1:0"), self.name, self.env)
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", self.process.port, timeout=60)

    def get(self, path):
        self.connection.request("GET", path, headers={
            "Authorization": "Bearer " + token(tenant_id=TENANT,
                                               role="admin")})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {body}")
        return json.loads(body)

    def check(self, hours):
        """With hours, there is something to compare."""
        month = self.get(MONTH)
        judged = sum(row.get("kept") or 0 for row in month["rows"])
        if not month["rows"] or hours != (month.get("clock") == "work"
                                          and judged > 0):
            raise AssertionError(f"{self.name}: {month}")

    def ask(self, path):
        self.connection.close() # by now, the server may have closed it
        with Database(self.lab, self.process.pid) as both:
            for _ in range(ASKED):
                self.get(path)
        return both.seconds


class Database:
    """The CPU seconds of the database, and of another process."""

    def __init__(self, lab, *others):
        self.pids = [table.pid_of_server(lab, "mariadb"), *others]

    def used(self):
        return sum(map(table.cpu_of, self.pids))

    def __enter__(self):
        self.began = self.used()
        return self

    def __exit__(self, *exc):
        self.seconds = self.used() - self.began


def race(variants):
    """{name: [CPU seconds of each round]} of {name: function}, in turn. The
    first round only warms up."""
    taken, names = {name: [] for name in variants}, list(variants)
    for k in range(-1, ROUNDS):
        for name in names[k % len(names):] + names[:k % len(names)]:
            seconds = variants[name]()
            if k >= 0:
                taken[name].append(seconds)
    return taken


def show(title, taken):
    """Each variant beside the first; that, beside the build before."""
    first, *others = taken
    rows = [(name, table.median(taken[name]), "s") for name in taken]
    for name in others:
        if name == "before":
            rows.append((f"{first} / before",
                         table.ratio(taken[first], taken[name]), ""))
            continue
        ratio = table.ratio(taken[name], taken[first])
        rows.append((f"{name} / {first}", ratio, "",
                     table.at_most(ratio, LIMIT)))
    table.show(title, rows, f"CPU time; medians of {ROUNDS} rounds, in turn.")


def load(lab, n):
    path = lab.path(f"load{n}")
    lab.must([TESTBIN + "/load", "-n", n, "-t", path, *LOAD, "--chats",
              n // 20, "--gap", MONTH_MS // n])
    return path


def body():
    table.machine()
    with Lab("hours") as lab:
        lab.start_servers("mariadb")
        plain, hours = Variant(lab, "plain"), Variant(lab, "hours", hours=True)
        variants = [plain, hours]
        if os.environ.get("BENCH_BEFORE"):
            variants.append(Variant(lab, "before",
                                    os.environ["BENCH_BEFORE"]))
        parsed, stored = load(lab, PARSED), load(lab, STORED)
        show(f"Parse: {PARSED:,} messages into operators and chats", race({
            v.name: lambda v=v: v.parse(parsed) for v in variants}))
        show(f"Pipeline: {STORED:,} messages into rows and the database", race({
            v.name: lambda v=v: v.store(stored) for v in variants}))
        for v in variants:
            v.serve()
            v.check(v is hours)
        asked = {v.name: lambda v=v: v.ask(MONTH) for v in variants}
        asked["hours, calendar time"] = lambda: hours.ask(
            MONTH + "&clock=calendar")
        show(f"API: a month by operator, {ASKED} requests", race(asked))
    return 0


main(body)
