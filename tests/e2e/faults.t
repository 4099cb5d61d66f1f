#!/usr/bin/env -S python3 -B
"""faults: every point of common/base/fault.def, one row each. A row has the
point at which a program dies and the scenario that reaches it. PROGRAM/ comes
before a point that several programs have. The scenario runs with the programs
of build/faults; the one that died runs again without faults, as cron or systemd
would start it. The final tables must equal those of an undisturbed run of the
same scenario: nothing lost, nothing counted twice. The test fails if a point
has no row, or if no program dies at the point of a row. All scenarios share one
database, each run with its own tenant, and one vhost, each run with its own
queues. ONLY=WORD: points with that word.

LONG=1 or KILLS=n: then aggregator and sink are killed at random points, one
kill after the other, while the state of the aggregator stays, is lost or is an
older one; SEED=n repeats that.
"""

import http.client
import json
import os
import random
import re
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import forget
from harness import (BIN, LONG, PROBE, TESTBIN, TOKEN, Checks, Lab, main, say,
                     seed, until)
from streamlib import Sql, millis

FAULTY = os.path.join(os.path.dirname(BIN), "faults", "bin")
POINTS = os.path.join("common", "base", "fault.def")
NOWHERE = "amqp://messaging:none@127.0.0.1:1/none"
WORKERS = 3
MOMENT = 30 # seconds on a quiet machine
KILLS = int(os.environ.get("KILLS", 2000 if LONG else 0))
# When and by whom a row was written, and random numbers; also sums that are
# recomputed when missing, because batches decide which ones exist.
UNCOMPARED = {"as_of", "version", "stored_at", "snapshot", "asked_at",
              "done_at", "digest", "forget_key", "forgets", "removed_at",
              "newest_at", "pending_as_of", "pending_snapshot"}


class Run:
    """One run of a scenario: a tenant, its queues and its folder. faults: the
    points at which programs die, one after the other."""

    def __init__(self, test, name, faults=()):
        self.test, self.lab, self.tenant = test, test.lab, name
        self.faults = list(faults)
        self.envs, self.database = {}, self.lab.database
        self.queues = set()
        self.bad = {} # by queue: its dead letters' records
        os.mkdir(self.lab.path(name))

    def path(self, name):
        return self.lab.path(f"{self.tenant}/{name}")

    def use_database(self, name):
        self.database = f"{self.lab.database}_{name}"
        self.envs = {"MYSQL_URL": self.lab.own_database(self.database)}

    def conf(self, **sections):
        keys = {"sink": {"batch": 20, "connections": 1, "batch_age": "20ms"},
                "amqp": {"prefetch": 2, "wait_timeout": "30s"},
                "aggregator": {"clock": "records"}}
        for name, more in sections.items():
            keys.setdefault(name, {}).update(more)
        if "crm" in keys:
            keys[f"crm {self.tenant}"] = keys.pop("crm")
        return self.lab.conf(f"{self.tenant}/conf", keys)

    def queue(self, name):
        self.queues.add(f"{self.tenant}.{name}")
        return f"queue:{self.tenant}.{name}"

    def next_fault(self, argv):
        """The point at which the program will die next, or None."""
        if not self.faults:
            return None
        owner = re.split("[./]", self.faults[0])[0]
        return self.faults[0].split("/")[-1] if owner == argv[0] else None

    def env(self, argv):
        fault = self.next_fault(argv)
        return {**self.envs, **({"FAULT": fault} if fault else {})}

    def program(self, argv):
        return [os.path.join(FAULTY, argv[0]), "-c", self.path("conf"),
                *argv[1:]]

    def died(self, argv):
        """Called after a program died; moves on to the next point."""
        assert self.next_fault(argv), f"{argv[0]} was killed by others"
        self.faults.pop(0)
        self.settle()

    def settle(self):
        """Waits until the broker has noticed that readers are gone and returned
        their messages."""
        for name in self.queues:
            until(MOMENT, lambda n=name: self.messages("checked_out", n) == 0,
                  f"what was taken of {name} to wait again")

    def messages(self, which, queue):
        return self.lab.in_queue(queue, which)

    def do(self, *argv, stdin=b"", codes=(0,), cut=None):
        """Runs a program to its end, again if it dies at a point. cut(): gets
        the output of a program that died, like the next program in a pipe."""
        while True:
            fault = self.next_fault(argv)
            done = self.lab.run(self.program(argv), stdin=stdin,
                                env=self.env(argv))
            if done.code != -9 or not fault:
                break
            if cut:
                cut(done.out)
            self.died(argv)
        assert done.code in codes, f"{' '.join(argv)}: {done}"
        return done

    def start(self, *argv):
        return self.lab.start(self.program(argv), self.path("log"),
                              env=self.env(argv))

    def put(self, name, records, each=20):
        self.lab.must([PROBE, "-b", str(each), "write", self.queue(name)],
                      stdin=records, env=self.envs)

    def take(self, name):
        """Takes all lines of a queue."""
        return self.lab.take(f"{self.tenant}.{name}")

    def sink(self):
        self.do("sink", "-f", self.queue("rows"), "--until-empty")

    def sim(self, *options):
        self.sim_ = self.lab.sim(
            "--seed", 7, "--dialogs", 15, "--operators", 3, "--messages", 6,
            "--pace", 120, "--lag", 0, *options, name=f"{self.tenant}/sim")
        return {"url": self.sim_.url, "token": TOKEN, "operators_every": "0s"}

    def letters(self):
        """The dead letters, each at least once, are the bad records, and all
        queues are empty."""
        for name in list(self.queues):
            bad = {json.loads(line)["record"]
                   for line in self.lab.take(name + ".dead")}
            assert bad == self.bad.get(name, set()), f"dead letters {bad}"
            n = self.messages("total", name)
            assert n == 0, f"{name} holds {n} messages"

    def tables(self):
        return self.test.tables(self.tenant, self.database)


def job(run):
    """One poll per minute: poller | aggregator -t queue, and a sink from
    cron."""
    run.conf(crm=run.sim(), poller={"state": run.path("state")})

    def minute():
        records = run.do("poller", cut=lambda out: run.lab.run(
            run.program(["aggregator", "-t", run.queue("rows")]), stdin=out,
            env=run.envs)).out
        run.do("aggregator", "-t", run.queue("rows"), stdin=records)
        run.sink()

    minute()
    run.sim_.advance(300)
    minute()
    return run.tables()


def snapshots(run):
    """The same through a queue, with an aggregator that has a state."""
    run.conf(crm=run.sim(), poller={"state": run.path("state")})
    for _ in range(2):
        run.do("poller", "-t", run.queue("records"))
        aggregate(run, "records")
        run.sink()
        run.sim_.advance(300)
    return run.tables()


def aggregate(run, queue, *options, cut=None):
    run.do(*aggregating(run, queue), *options, cut=cut)


def aggregating(run, queue):
    return ["aggregator", "-f", run.queue(queue), "-t", run.queue("rows"),
            "--state", run.path("stream"), "-a", "all", "--every", "20ms",
            "--until-empty"]


def stream_records(run):
    return run.test.stream.replace(b'"tenant":"t1"',
                                   b'"tenant":"%s"' % run.tenant.encode())


def with_bad(run, queue, lines):
    """The lines with a bad one after every tenth."""
    bad = run.bad[f"{run.tenant}.{queue}"] = set()
    found = []
    for n, line in enumerate(lines.splitlines(keepends=True), 1):
        found.append(line)
        if n % 10 == 0:
            bad.add(f"bad {n}")
            found.append(b"bad %d\n" % n)
    return b"".join(found)


def stream(run):
    """Messages from a queue through a stream's state into the tables, and bad
    ones into the dead-letter queue."""
    run.conf()
    run.put("records", with_bad(run, "records", stream_records(run)))
    aggregate(run, "records")
    run.sink()
    return run.tables()


def kept(run, here=False):
    """The same with the state in the database; an aggregator that died goes on
    with nothing, as on another machine."""
    run.conf(aggregator={"keep_state": "database"})
    run.put("records", with_bad(run, "records", stream_records(run)))
    sink = run.start("sink", "-f", run.queue("rows"))
    aggregate(run, "records",
              cut=lambda _: here or shutil.rmtree(run.path("stream")))
    # Once more, so that there is a state to load.
    shutil.rmtree(run.path("stream"))
    aggregate(run, "records")
    if here:
        # As if the database lacked the state.
        for table in "stream_heads", "stream_state":
            run.lab.must(["sink", "--sql", f"DELETE FROM {table} WHERE "
                          f"tenant = '{run.tenant}'"], env=run.envs)
        aggregate(run, "records", "--rewrite")
    sink.terminate()
    assert sink.wait(60) == 0, "the sink"
    run.sink()
    return run.tables()


def kept_here(run):
    """The aggregator goes on with its state. At the end it is written again as
    a whole."""
    return kept(run, here=True)


class Storm:
    """A run of `kept`, or of `stream`, in which both programs are killed at
    random points."""

    AGGREGATOR = ("passed_on", "before_commit", "after_commit", "stored",
                  "rows_confirmed", "state_half_loaded", "state_loaded")
    BOTH = ("input.before_acknowledge", "input.acknowledged")
    SINK = ("sink.before_commit", "sink.after_commit")
    PIECES = 10

    def __init__(self, run, dice):
        self.run, self.dice = run, dice
        self.kept = dice.random() < 0.8
        self.kills, self.ending = 0, False
        self.saved = [] # earlier states

    def point(self, points):
        return f"{self.dice.choice(points)}:{self.dice.choice((1, 1, 2, 3, 5))}"

    def store(self):
        """Sinks, one after the other."""
        argv = ["sink", "-f", self.run.queue("rows")]
        while not self.ending:
            self.sink = self.run.lab.start(
                self.run.program(argv), self.run.path("log"),
                {"FAULT": self.point(self.SINK + self.BOTH)})
            code = self.sink.wait()
            assert code in (0, -9) or self.ending, f"the sink: {code}"
            self.kills += code == -9

    def change_state(self):
        folder = self.run.path("stream")
        what = self.dice.choice(("kept", "lost", "older")) if self.kept else ""
        if what == "kept" and os.path.exists(folder):
            self.saved.append(self.run.path(f"saved{len(self.saved)}"))
            shutil.copytree(folder, self.saved[-1])
        elif what:
            shutil.rmtree(folder, ignore_errors=True)
        if what == "older" and self.saved:
            shutil.copytree(self.dice.choice(self.saved), folder)

    def aggregate(self):
        """Until nothing waits."""
        argv = self.run.program(aggregating(self.run, "records"))
        points = [f"aggregator.{p}" for p in self.AGGREGATOR]
        fault = self.point(points + list(self.BOTH))
        while True:
            done = self.run.lab.run(argv,
                                    env={"FAULT": fault} if fault else None)
            if done.code != -9:
                break
            self.kills += 1
            self.change_state()
            fault = self.dice.random() < 0.7 and self.point(points)
        # 75: the sink was killed again and again, or the broker has not noticed
        # yet that a reader is gone.
        assert done.code in (0, 75), f"aggregator: {done}"

    def publish(self):
        lines = with_bad(self.run, "records", stream_records(self.run)) \
            .splitlines(keepends=True)
        size = len(lines) // self.PIECES + 1
        for i in range(0, len(lines), size):
            self.run.put("records", b"".join(lines[i:i + size]))
            self.aggregate()

    def check(self):
        self.run.conf(aggregator={
            "keep_state": "database" if self.kept else "local"})
        self.run.queue("rows")
        sinks = threading.Thread(target=self.store)
        sinks.start()
        try:
            self.publish()
        finally:
            self.ending = True
            while sinks.is_alive():
                self.sink.terminate()
                sinks.join(0.2)
        sink = self.run.start("sink", "-f", self.run.queue("rows"))
        aggregate(self.run, "records")
        sink.terminate()
        assert sink.wait(60) == 0, "the sink"
        self.run.sink()
        return self.run.tables()


def store(run):
    """Rows in many small messages, which are acknowledged individually; bad
    ones become dead letters."""
    run.conf()
    run.put("records", stream_records(run))
    aggregate(run, "records")
    rows = "".join(row + "\n" for row in run.take("rows"))
    run.put("rows", with_bad(run, "rows", rows.encode()), each=5)
    run.sink()
    return run.tables()


class Requests:
    """A CRM that sends requests one after the other. Each is repeated with the
    same key until it succeeds."""

    def __init__(self, run, url):
        self.run, self.url = run, url

    def begin(self):
        run, port = self.run, self.run.path("port")
        if os.path.exists(port):
            os.unlink(port)
        argv = ["poller", "--listen", "127.0.0.1:0", "-t",
                run.queue("records"), "--port-file", port, "--state",
                run.path("state")]
        self.p = run.lab.start(run.program(argv), run.path("log"),
                               env={**run.env(argv), "AMQP_URL": self.url})

        def is_ready():
            return os.path.exists(port) or self.p.poll() is not None

        until(MOMENT, is_ready, "the listener")
        if self.p.poll() is None:
            self.port = int(open(port).read())

    def revive(self):
        """Restarts the listener if it died. False: it is alive."""
        if self.p.poll() is None:
            return False
        code = self.p.returncode
        assert code == -9, f"listener: exit {code}"
        self.run.died(["poller"])
        self.begin()
        return True

    def send(self, n):
        body = json.dumps({
            "event_type": "user_action", "user_id": f"u{n % 3}",
            "session_id": "s",
            "event_data": {"n": n}})
        while True:
            try:
                c = http.client.HTTPConnection("127.0.0.1", self.port,
                                               timeout=60)
                c.request("POST", "/api/v1/analytics/events?tenant_id="
                          + self.run.tenant, body,
                          {"Content-Type": "application/json",
                           "Idempotency-Key": f"key-{n}"})
                answer = c.getresponse()
                said = answer.read()
                if answer.status == 200:
                    return
                assert answer.status == 503, f"request {n}: {answer.status} {said}"
            except (OSError, http.client.HTTPException):
                until(MOMENT, lambda: self.p.poll() is not None,
                      "the listener's death")
            finally:
                c.close()
            self.revive()

    def waiting(self):
        """The number of records not yet at the broker; None: the listener died
        meanwhile."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("GET", "/api/v1/analytics/health")
            return json.loads(c.getresponse().read())["processing_queue_size"]
        except (OSError, http.client.HTTPException):
            return None
        finally:
            c.close()

    def drain(self):
        """Waits until all records are at the broker."""
        until(MOMENT, lambda: not self.revive() and self.waiting() == 0,
              "an empty store")

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
        code = self.p.wait(60)
        if code == -9:
            self.revive()
            return self.stop()
        assert code == 0, f"listener: exit {code}"
        return None


def listen(run):
    """Webhooks while the broker is available."""
    run.conf(listen={"rate": "0", "proxies": ""})
    requests = Requests(run, run.lab.env["AMQP_URL"])
    requests.begin()
    for n in range(12):
        requests.send(n)
        if n % 4 == 3:
            requests.drain()  # on a busy machine all might be one batch
    requests.stop()
    return listened(run)


def listened(run):
    aggregate(run, "records")
    run.sink()
    return run.tables()


def outage(run):
    """Webhooks while the broker is unavailable: stored, and published later."""
    run.conf(listen={"rate": "0", "proxies": ""})
    requests = Requests(run, NOWHERE)
    requests.begin()
    for n in range(6):
        requests.send(n)
    requests.stop()
    requests.url = run.lab.env["AMQP_URL"]
    requests.begin()
    requests.drain()
    for n in range(6, 9):
        requests.send(n)
    requests.stop()
    return listened(run)


def assign(run):
    """Reservations are carried out in the CRM; outcomes go to a queue."""
    run.conf(crm={**run.sim("--pace", 0), "assign": "yes"})
    run.sim_.fault()
    chats = sorted(run.sim_.open_dialogs())[:4]
    operators = [o["id"] for o in run.sim_.get("/operators")["data"]][:2]
    for chat in chats:
        run.sim_.control("act", do="transfer", dialog=chat)
    run.put("assignments", b"".join(json.dumps({
        "type": "assignment", "tenant": run.tenant, "id": f"r{n}",
        "chat": str(chat), "operator": str(operators[n % 2]),
        "expires": "2026-11-20T12:00:00Z"}).encode() + b"\n"
        for n, chat in enumerate(chats)), each=1)
    argv = ("poller", "--assign", "-f", run.queue("assignments"), "-t",
            run.queue("outcomes"))
    p = run.start(*argv)

    def is_over():
        nonlocal p
        if p.poll() is not None:
            assert p.returncode == -9, f"poller --assign: {p.returncode}"
            run.died(argv)
            p = run.start(*argv)
        return run.messages("total", f"{run.tenant}.assignments") == 0

    until(MOMENT, is_over, "all reservations to be over")
    p.terminate()
    assert p.wait(60) == 0, f"poller --assign: {p.returncode}"
    outcomes = set()
    for line in run.take("outcomes"):
        r = json.loads(line)
        if r.get("assignment"):
            outcomes.add((r["chat"], r.get("operator"), r["assignment"]))
    given = [(e["dialog"], e["operator"]) for e in
             run.sim_._ask(f"/control/journal?account={TOKEN}", "GET", {})
             if e["what"] == "assigned"]
    return {"outcomes": sorted(outcomes), "assigned by the API":
            sorted(given, key=str)}


def polled(run):
    records = run.do("poller").out
    run.do("aggregator", "-t", run.queue("rows"), stdin=records)
    run.sink()


def close(run):
    """Closed chats are deleted, with an archive."""
    run.conf(crm=run.sim("--pace", 0), poller={"state": run.path("state")})
    polled(run)
    for chat in sorted(run.sim_.open_dialogs())[:3]:
        run.sim_.control("act", do="close", dialog=chat)
    run.sim_.advance(60)
    polled(run)
    run.sim_.advance(60)
    listed = b"".join(
        line for line in run.do("reaper", "--list").out.splitlines(True)
        if json.loads(line)["tenant"] == run.tenant)
    asked = run.do("poller", "--status", stdin=listed).out
    archive = run.path("archive.ndjson")
    run.do("reaper", "--archive", archive, stdin=asked)
    return {**run.tables(), "archive": archived(run, archive)}


def archived(run, path):
    """An archive may contain rows twice."""
    with open(path) as f:
        rows = [json.loads(line) for line in f]
    return sorted({masked(json.dumps({k: v for k, v in row.items()
                                      if k not in UNCOMPARED}), run.tenant)
                   for row in rows})


def purge(run):
    """All rows of a removed tenant."""
    run.conf()
    run.put("records", stream_records(run))
    aggregate(run, "records")
    run.sink()
    run.do("reaper", "--purge", run.tenant)
    return run.tables()


def forget_(run):
    """A customer is erased from tables, a state and a file. Nothing stores the
    daemon's rows meanwhile, so its state is local."""
    run.conf()
    records = b"".join(json.dumps({**r, "tenant": run.tenant}).encode() + b"\n"
                       for r in forget.world())
    file = run.lab.write(f"{run.tenant}/records.ndjson", records)
    run.put("records", records)
    aggregate(run, "records")
    run.sink()
    # A daemon carries the order out.
    daemon = run.lab.start(
        ["aggregator", "-f", run.queue("records"), "-t", run.queue("rows"),
         "--state", run.path("stream"), "-a", "all", "--keep-state", "local"],
        run.path("daemon"), env=run.envs)
    run.do("reaper", "--forget", forget.C, "--tenant", run.tenant, "--state",
           run.path("stream"), "--file", file)
    daemon.terminate()
    assert daemon.wait(60) == 0, open(run.path("daemon")).read()
    with open(file) as f:
        kept = sorted(masked(line, run.tenant) for line in f)
    return {**run.tables(), "file": kept}


def history(run):
    """The schema of a new database, and the removal of old history."""
    run.conf()
    run.use_database(run.tenant)
    run.do("sink", "--migrate")
    schema = [" ".join(row) for row in run.test.sql().ask(
        "SELECT table_name, column_name, column_type, is_nullable, "
        "IFNULL(column_default, '-'), column_key FROM "
        f"information_schema.columns WHERE table_schema = '{run.database}'")]
    run.put("records", stream_records(run))
    aggregate(run, "records")
    run.sink()
    run.do("reaper", "--retention", "1d", "--force")
    return {**run.tables(), "schema": sorted(schema)}


# The point, perhaps ":N" for the Nth pass, and the scenario. Several points:
# the program dies at each of them in turn.
ROWS = [
    ("poller.before_state_commit", job),
    ("poller.after_state_commit", job),
    ("aggregator.input_read", job),
    ("aggregator.rows_written", job),
    ("sink.after_commit:2", job),
    ("poller.snapshot_confirmed", snapshots),
    ("aggregator.snapshot_applied", snapshots),
    ("aggregator.passed_on:3", stream),
    ("aggregator.before_commit", stream),
    ("aggregator.before_commit:3", stream),
    ("aggregator.after_commit:3", stream),
    ("aggregator.rows_confirmed:3", stream),
    ("aggregator.after_commit:3", kept),
    ("aggregator.stored:3", kept),
    ("aggregator.stored:2 aggregator.rows_confirmed:3", kept),
    ("aggregator.state_loaded", kept),
    ("aggregator.before_commit:2 aggregator.state_loaded "
     "aggregator/input.acknowledged:2", kept),
    ("aggregator.state_half_loaded:2", kept),
    ("aggregator.after_commit:3 aggregator.stored:2 "
     "aggregator.rows_confirmed:2", kept_here),
    ("aggregator/input.before_acknowledge:3", stream),
    ("aggregator/input.acknowledged:3", stream),
    ("sink.before_commit:3", store),
    ("sink.after_commit:3", store),
    ("sink/input.before_acknowledge:3 sink.before_commit:2", store),
    ("sink/input.acknowledged:3", store),
    ("poller.request_stored:3", listen),
    ("poller.request_answered:3", listen),
    ("poller.stored_published:3", listen),
    ("poller.request_stored:2", outage),
    ("poller.stored_published", outage),
    ("poller.before_assign:2", assign),
    ("poller.assigned:2", assign),
    ("poller.outcome_confirmed", assign),
    ("reaper.archived", close),
    ("reaper.before_commit", close),
    ("reaper.after_commit", close),
    ("reaper/input.before_acknowledge", close),
    ("reaper/input.acknowledged", close),
    ("reaper.purge_marked", purge),
    ("reaper.rows_deleted:3", purge),
    ("sink.schema_statement:20 sink.schema_statement:30", history),
    ("reaper.rows_deleted:2", history),
    ("reaper.customer_recorded", forget_),
    ("reaper.chats_recorded", forget_),
    ("reaper.order_written", forget_),
    ("reaper.rows_forgotten:2", forget_),
    ("reaper.file_copied", forget_),
    ("reaper.file_exchanged", forget_),
    ("reaper.before_done", forget_),
]


def masked(text, tenant):
    """Masks random values, names of the run, and times of our own clock."""
    text = re.sub(r"forgotten-[0-9a-f]{16}", "ALIAS", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", lambda m: "NOW"
                  if abs(millis(m[0]) / 1000 - time.time()) < 3600 else m[0],
                  text)
    return text.replace(tenant, "TENANT")


def compared(column):
    """A column in SQL. The end of a wait is the time of the request to the CRM,
    which our clock sets to the millisecond."""
    return f"FLOOR({column})" if column == "longest_wait_seconds" \
        else f"`{column}`"


class Test:
    def __init__(self, lab):
        self.lab = lab
        self.checks = Checks()
        self.reached = set()
        self.local = threading.local()

    def sql(self):
        if not hasattr(self.local, "sql"):
            self.local.sql = Sql(self.lab)
        return self.local.sql

    def set_up(self):
        lab = self.lab
        lab.start_servers("rabbitmq", "mariadb")
        lab.must(["sink", "--migrate"])
        self.stream = lab.must([
            os.path.join(TESTBIN, "load"), "-n", "500", "--tenants", "1",
            "--chats", "30", "--users", "20", "--operators", "4", "--late",
            "0", "--gap", "2000", "--views", "200000", "--events",
            "100000"]).out
        self.columns = {}
        for table, column in self.sql().ask(
                "SELECT c.table_name, c.column_name FROM "
                "information_schema.columns c JOIN information_schema.tables "
                "t USING (table_schema, table_name) WHERE c.table_schema = "
                "DATABASE() AND t.table_type = 'BASE TABLE' "
                "ORDER BY c.ordinal_position"):
            self.columns.setdefault(table, []).append(column)

    def tables(self, tenant, database):
        """{table: its rows as sorted text}, of a tenant."""
        parts = []
        for table, columns in self.columns.items():
            if "tenant" in columns and table not in (
                    "response_rollups", "sums_due", "tenant_locks",
                    "stream_heads", "stream_state"):
                # A poll of each run begins at another millisecond.
                own = {"begin_at", "end_at"} if table == "coverage" else set()
                names = ", ".join(compared(c) for c in columns
                                  if c not in UNCOMPARED | own)
                parts.append(f"SELECT '{table}', JSON_ARRAY({names}) FROM "
                             f"{database}.{table} WHERE tenant = '{tenant}'")
        found = {}
        for table, row in self.sql().ask("; ".join(parts)):
            found.setdefault(table, []).append(masked(row, tenant))
        return {table: sorted(rows) for table, rows in found.items()}

    def scenario(self, scenario, rows):
        """The undisturbed run, then one run for each row."""
        name = scenario.__name__.rstrip("_")
        want, problem = self.attempt(scenario, f"{name}0", ())
        if not self.checks.that(not problem and want,
                                f"{name}, undisturbed: {problem}"):
            return
        for n, points in enumerate(rows, 1):
            got, problem = self.attempt(scenario, f"{name}{n}",
                                        points.split())
            if self.checks.that(problem is None, f"{points}: {problem}"):
                self.compare(points, want, got)

    def storms(self):
        """Random kills; the tables are those of an undisturbed run."""
        dice = random.Random(seed())
        want, problem = self.attempt(kept, "calm", ())
        if not self.checks.that(not problem and want, f"calm: {problem}"):
            return
        kills = self.failures = n = 0
        with ThreadPoolExecutor(WORKERS) as pool:
            while kills < KILLS and self.failures == 0:
                some = [Storm(Run(self, f"storm{n + i}"),
                              random.Random(dice.random()))
                        for i in range(2 * WORKERS)]
                n += len(some)
                for name, got in pool.map(self.storm, some):
                    if got:
                        self.compare(name, want, got)
                kills += sum(s.kills for s in some)
        say(f"{kills} kills in {n} runs")

    def storm(self, s):
        name = f"{s.run.tenant}, {'database' if s.kept else 'local'}"
        try:
            got = s.check()
            s.run.letters()
        except Exception as e:
            self.checks.that(False, f"{name}: {type(e).__name__}: {e}")
            self.failures += 1
            return name, {}
        return name, got

    def attempt(self, scenario, name, faults):
        """The scenario's result, or an error."""
        run = Run(self, name, faults)
        try:
            left = scenario(run)
            run.letters()
        except Exception as e:
            return None, f"{type(e).__name__}: {e}"
        if run.faults:
            return None, f"no program dies at {run.faults[0]}"
        self.reached.update(re.sub("^.*/|:.*", "", f) for f in faults)
        return left, None

    def compare(self, points, want, got):
        for what in sorted(set(want) | set(got)):
            lost = [r for r in want.get(what, ()) if r not in got.get(what, ())]
            more = list(got.get(what, ()))
            for row in want.get(what, ()):
                if row in more:
                    more.remove(row)
            self.checks.that(not lost and not more,
                             f"{points}: {what}: lost {lost[:2]}, "
                             f"unexpected {more[:2]}")

    def run(self):
        only = os.environ.get("ONLY", "")
        rows = {}
        for points, scenario in ROWS:
            if only in points or only in scenario.__name__:
                rows.setdefault(scenario, []).append(points)
        self.set_up()
        with ThreadPoolExecutor(WORKERS) as pool:
            for done in [pool.submit(self.scenario, s, r)
                         for s, r in rows.items()]:
                done.result()
        with open(POINTS) as f:
            points = set(re.findall(r'^POINT\("([^"]+)"', f.read(), re.M))
        if KILLS:
            self.storms()
        if not only:
            for point in sorted(points - self.reached):
                self.checks.that(False, f"no row reaches {point}")
        say(f"{len(self.reached)} points reached of {len(points)}")
        return self.checks.result()


def body():
    with Lab("faults") as lab:
        return Test(lab).run()


main(body)
