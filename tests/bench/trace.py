"""trace: follows records on their way from publishing to the commit, and shows
in which wait their time goes, at a steady rate, where each message of the
broker is one record and where many are; and the CPU seconds of each program,
beside the same pipeline in Go where it is installed.

The programs are started with -vvv and say when they did what with which lines
(the generator of each hundredth record); these numbers are joined here, so
that no record is published, asked for or synced for the measuring alone."""

import bisect
import contextlib
import json
import os
import re

import table # first: it knows where the others are
import rivals

from harness import Checks, Lab, main
from streamlib import IN, ROWS, House

RATES = [int(r * min(1, max(table.SCALE, 0.05)))
         for r in map(int, os.environ.get("RATES", "2000,10000").split(","))]
SECONDS = table.scaled(20, 4)
MODES = [("one record a message", ["--single"]), ("many a message", [])]
WORLD = ["--tenants", "4", "--users", "5000", "--operators", "50", "--chats",
         "20000", "--views", "0", "--events", "0", "--late", "0",
         "--duplicates", "0"]
METRICS = "operators,chats,messages"
EVERY = "100ms" # as pipeline.sh
AHEAD = {"--single": "1000"} # messages that the broker may send ahead to Go
WARM = 0.25 # of the records are not looked at
SLOWEST = 0.02 # of them: where their time went shows what to mend for a p99

EVENT = re.compile(r"trace_(\w+) (.*)")
# What a record waits for: from the end of the wait before until this.
WAITS = [
    ("gathering at the publisher", "sent"),
    ("broker, and read by the aggregator", "read"),
    ("aggregator: its flush begins", "begin"),
    ("aggregator: sends it", "rows_sent"),
    ("broker, and read by the sink", "rows_read"),
    ("sink: its batch begins", "started"),
    ("transaction of the database", "stored"),
]
# What nobody who looks at the database waits for.
BESIDE = [
    ("publisher's confirm", "sent", "confirmed"),
    ("rows' confirm", "rows_sent", "rows_confirmed"),
    ("flush: what changed is computed", "begin", "recomputed"),
    ("flush: the state's commit", "recomputed", "committed"),
    ("flush: metrics are written", "committed", "written"),
    ("flush: they are confirmed", "written", "flushed"),
]


def events(text):
    """{event: [{key: number}]}"""
    found = {}
    for name, rest in EVENT.findall(text):
        pairs = (p.split("=") for p in rest.split())
        found.setdefault(name, []).append({k: int(v) for k, v in pairs})
    return found


class Steps:
    """What was done with lines, the numbers of which only grow."""

    def __init__(self, entries):
        # Groups of the sink may end in another order.
        self.entries = sorted(entries, key=lambda e: e["lines"])
        self.lines = [e["lines"] for e in self.entries]

    def of(self, number):
        """What was done with that line; None: it is not known."""
        k = bisect.bisect_left(self.lines, number)
        if k == len(self.lines):
            return None
        e = self.entries[k]
        return None if e.get("before", 0) >= number else e


def join(load, aggregator, sink):
    """Of each sampled record the moments it passed, in microseconds."""
    sent, reads, flushes = (Steps(e) for e in (
        load.get("sent", []), aggregator.get("read", []),
        aggregator.get("flush", [])))
    rows = Steps(aggregator.get("sent", []))
    taken, stored = (Steps(sink.get(n, [])) for n in ("read", "stored"))
    found = []
    for wrote in load.get("wrote", []):
        number = wrote["lines"]
        steps = [s.of(number) for s in (sent, reads, flushes)]
        if None in steps:
            continue
        first, read, flush = steps
        # Each record is passed through, in its order.
        number = read["out"] - (read["lines"] - number)
        steps = [s.of(number) for s in (rows, taken, stored)]
        if None in steps:
            continue
        row, take, store = steps
        found.append({
            "wrote": wrote["wrote"], "sent": first["sent"],
            "confirmed": first["confirmed"], "read": read["read"],
            "begin": flush["begin"], "recomputed": flush["recomputed"],
            "committed": flush["committed"], "written": flush["written"],
            "flushed": flush["confirmed"],
            "rows_sent": row["sent"], "rows_confirmed": row["confirmed"],
            "rows_read": take["read"], "started": store["started"],
            "stored": store["stored"]})
    return found


def quantile(values, q):
    """In ms."""
    v = sorted(values)
    return v[min(len(v) - 1, int(len(v) * q))] / 1000


def waits_of(record):
    """The waits of one record. What was sent before the flush came to a step
    did not wait for that; clocks of two programs may cross by little."""
    at, waits = record["wrote"], []
    for _, until in WAITS:
        end = record[until]
        if until == "begin":
            end = min(end, record["rows_sent"])
        end = max(at, end)
        waits.append(end - at)
        at = end
    return waits


def waterfall(title, records, note):
    each = [waits_of(r) for r in records]
    whole = [sum(w) for w in each]
    late = sorted(each, key=sum)[-max(1, int(len(each) * SLOWEST)):]
    lines = []
    for (what, _), values, slow in zip(WAITS, zip(*each), zip(*late)):
        share = sum(values) / sum(whole)
        lines.append((what, quantile(values, 0.5), "ms",
                      f"99th {quantile(values, 0.99):8.2f}  "
                      f"{share:4.0%} of all, of the slowest "
                      f"{sum(slow) / len(slow) / 1000:8.2f}"))
    lines.append(("publish to committed", quantile(whole, 0.5), "ms",
                  f"99th {quantile(whole, 0.99):8.2f}"))
    for what, begin, end in BESIDE:
        values = [r[end] - r[begin] for r in records]
        lines.append((f"beside: {what}", quantile(values, 0.5), "ms",
                      f"99th {quantile(values, 0.99):8.2f}"))
    table.show(title, lines, note)


class Work:
    """CPU seconds of programs and servers between two moments."""

    def __init__(self, house):
        self.house = house

    def now(self):
        used = table.cpu_of_servers(self.house.lab)
        used.update({n: table.cpu_of(p.pid)
                     for n, p in self.house.running.items()})
        return used

    def __enter__(self):
        self.began = self.now()
        return self

    def __exit__(self, *exc):
        if exc[0] is None:
            self.used = table.minus(self.now(), self.began)

    def text(self):
        names = {"rabbitmq": "broker", "mariadb": "database"}
        return ", ".join(f"{names.get(n, n)} {s:.2f}"
                         for n, s in sorted(self.used.items()))


def truncate(house):
    for name in ("messages", "operator_metrics", "chat_metrics",
                 "closed_chats", "refused_rows", "tenants"):
        house.sql.ask(f"TRUNCATE TABLE {name}")


def publish(house, rate, mode, *more):
    return house.load("--stamp", "--rate", rate, "--seconds", SECONDS, *WORLD,
                      *mode, *more, wait=False)


def finish(house, load, name):
    """Until everything is stored; how many records were published."""
    if load.wait(SECONDS + 300) != 0:
        raise AssertionError(house.log("load"))
    said = json.loads(house.log("load").splitlines()[-1])
    house.rest(300, lambda: house.sql.number(
        f"SELECT COUNT(*) FROM {name}") == said["messages"])
    return said["records"]


def clear(house):
    """Nothing is left of the run before."""
    truncate(house)
    for name in ("load", "aggregator", "sink"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(house.lab.path(name + ".log"))


def ours(house, rate, mode, number):
    """The joined records, what it took of the CPU, and both programs' logs."""
    clear(house)
    house.state = house.lab.path(f"state{number}")
    house.sink("-vvv", source=ROWS)
    house.aggregator("-vvv", metrics=METRICS, every=EVERY, to=ROWS)
    table.quiet()
    with Work(house) as work:
        records = finish(
            house, publish(house, rate, mode, "--trace"), "messages")
    for name in ("aggregator", "sink"):
        if house.stop(name) != 0:
            raise AssertionError(house.log(name))
    logs = [events(house.log(n)) for n in ("load", "aggregator", "sink")]
    if logs[1]["flush"][-1]["lines"] != records:
        raise AssertionError(f"{records} records were published, others read")
    records = join(*logs)
    return records[int(len(records) * WARM):], work, logs


def go(house, rate, mode):
    ahead = [AHEAD[m] for m in mode if m in AHEAD]
    clear(house)
    house.running["Go"] = house.lab.start(
        [rivals.path("gopipeline"), IN, *ahead], house.lab.path("go.log"),
        env={"MYSQL_DSN": rivals.mysql_dsn(house.lab)})
    table.quiet()
    with Work(house) as work:
        finish(house, publish(house, rate, mode), "go_messages")
    house.stop("Go")
    return work


def measure(checks, house, there, rate, title, mode, number):
    records, work, (load, aggregator, sink) = ours(house, rate, mode, number)
    sampled = len(load.get("wrote", []))
    checks.that(len(records) > sampled * (1 - WARM) / 2,
                f"{title}: {len(records)} of {sampled} samples were followed")
    if not records:
        return
    rows = [e["rows"] for e in sink["stored"]]
    note = (f"{len(records)} records; a second "
            f"{len(aggregator['flush']) / SECONDS:.0f} flushes, "
            f"{len(aggregator['sent']) / SECONDS:.0f} messages of rows, "
            f"{sum(rows) / SECONDS:.0f} rows in {len(rows) / SECONDS:.0f} "
            f"batches.\nCPU seconds: {work.text()}")
    if there:
        note += f"\nCPU seconds with Go: {go(house, rate, mode).text()}"
    waterfall(f"Where the time goes: {rate:,} a second, {title}, "
              f"{SECONDS} s", records, note)


def body():
    table.machine()
    checks = Checks()
    with Lab("trace") as lab:
        there = rivals.build("gopipeline")
        house = House(lab, pool="1G")
        for k, rate in enumerate(RATES):
            for n, mode in enumerate(MODES):
                measure(checks, house, there, rate, *mode, 2 * k + n)
    return checks.result()


main(body)
