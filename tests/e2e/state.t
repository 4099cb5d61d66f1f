#!/usr/bin/env -S python3 -B
"""With keep_state = database, a lost or old state of the aggregator changes no
figure: all tables equal the oracle's (stream_rounds.py), without a replay.

While a random stream is published, two aggregators with folders of their own
wait for each other, and one of these happens again and again to one of them:
it is killed, at a random moment or at a fault point; its state is removed, is
replaced by an older one, by a copy that was made while it ran, or by that of the
other one, or is in another folder; it is frozen, and thawed when the other one
has taken over. The sink, broker and database are killed, too. The last run
begins without a state.

Before that, a database is restored that is older than the state; and no chat is
reserved twice by two aggregators that are killed or frozen at fault points.

One round (LONG=1: 40). SEED=n repeats one, ROUNDS=n sets their number.
"""

import json
import os
import shutil
import signal
import threading
import time

from harness import LONG, PROBE, Checks, Lab, main, say, seed, until
from stream_rounds import Round, tell

ROUNDS = int(os.environ.get("ROUNDS", 40 if LONG else 1))
POINTS = ("before_commit", "after_commit", "stored", "rows_confirmed",
          "state_loaded", "passed_on", "snapshot_applied")
LOADED, REFUSED = "state_loaded ", "starting again from there"
AGGREGATORS = ("aggregator", "standby")


class StateRound(Round):
    keeps = "database"

    def __init__(self, lab, number):
        super().__init__(lab, number)
        self.folders = {name: "state." + name for name in AGGREGATORS}
        self.saved, self.made, self.did = [], 0, {}
        self.timers = []

    def settings(self, terms):
        super().settings(terms)
        for name in "conf", "conf.ample":
            with open(self.lab.path(name)) as f:
                text = f.read()
            self.lab.write(name, text.replace(
                "[amqp]\n", "[amqp]\nheartbeat = 1s\n"))
        return self.lab.path("conf")

    def commands(self):
        sink = super().commands()
        argv = sink.pop("aggregator")
        return {**sink, **{
            name: argv[:-1] + [self.lab.path(folder)]
            for name, folder in self.folders.items()}}

    def new_folder(self):
        self.made += 1
        return "state.%d" % self.made

    def start(self, name, fault=None):
        argv, env = self.commands()[name], None
        if fault:
            argv[0] = os.path.abspath("build/faults/bin/aggregator")
            env = {"FAULT": fault}
        self.running[name] = self.lab.start(
            argv, self.lab.path(name + ".log"), env)

    def copy(self, name):
        """A copy of the state of a stopped program."""
        path = self.lab.path(self.folders[name])
        to = self.lab.path(self.new_folder())
        if os.path.exists(path + "/stream.mdb"):
            os.mkdir(to)
            shutil.copy(path + "/stream.mdb", to)
            self.saved.append(to)

    def put(self, name, saved):
        path = self.lab.path(self.folders[name])
        shutil.rmtree(path, ignore_errors=True)
        if saved:
            shutil.copytree(saved, path)

    def kill(self, name):
        if name not in AGGREGATORS:
            return super().kill(name)
        d = self.dice
        what = d.choice(("killed", "fault", "removed", "older", "copied",
                         "of the other", "elsewhere", "frozen"))
        self.did[what] = self.did.get(what, 0) + 1
        p = self.running[name]
        if what == "frozen":
            p.send_signal(signal.SIGSTOP)
            timer = threading.Timer(d.uniform(0, 6), p.send_signal,
                                    (signal.SIGCONT,))
            timer.start()
            self.timers.append(timer)
            return None
        if what == "copied":
            p.send_signal(signal.SIGSTOP)
            self.copy(name)
            p.send_signal(signal.SIGCONT)
            time.sleep(d.uniform(0, 0.5))
        self.remove(name)
        if what == "removed":
            self.put(name, None)
        elif what in ("older", "copied") and self.saved:
            self.put(name, self.saved[-1 if what == "copied" else
                                      d.randrange(len(self.saved))])
        elif what == "of the other":
            other = AGGREGATORS[name == AGGREGATORS[0]]
            self.running[other].send_signal(signal.SIGSTOP)
            self.copy(other)
            self.running[other].send_signal(signal.SIGCONT)
            if self.saved:
                self.put(name, self.saved[-1])
        elif what == "elsewhere":
            self.folders[name] = self.new_folder()
        else:
            self.copy(name)
        self.start(name, "aggregator.%s:%d" % (
            d.choice(POINTS), d.choice((1, 1, 2, 5))) if what == "fault"
            else None)
        return None

    def told(self, words):
        """How often the aggregators have logged this."""
        n = 0
        for name in AGGREGATORS:
            with open(self.lab.path(name + ".log"), errors="replace") as f:
                n += f.read().count(words)
        return n

    def end(self):
        for timer in self.timers:
            timer.cancel()
        for name in list(self.running):
            self.remove(name)
        # The last one begins with nothing, and needs a sink meanwhile.
        self.folders["aggregator"] = self.new_folder()
        self.start("sink")
        self.last_run("aggregator", self.commands()["aggregator"])
        self.remove("sink")
        self.last_run("sink", ["sink", "-c", self.ample, "-f", self.to])


TENANT = "restored"
MANY = 200
COUNTS = ("SELECT conversation_id, message_count FROM conversation_metrics "
          "WHERE tenant = '%s' ORDER BY 1" % TENANT,
          "SELECT user_id, message_count FROM user_stats WHERE tenant = '%s' "
          "ORDER BY 1" % TENANT)


def records(begin, end):
    """Messages of five customers in five chats."""
    return b"".join(json.dumps({
        "type": "message", "tenant": TENANT, "id": str(n), "chat": str(n % 5),
        "from": "customer", "user": "u%d" % (n % 5),
        "at": "2026-11-20T10:%02d:%02d.000Z" % divmod(n, 60)}).encode() + b"\n"
        for n in range(begin, end))


class Restored:
    """A database that is older than the state, as after a backup was
    restored."""

    def __init__(self, lab):
        self.lab = lab
        self.conf = lab.conf("conf.restored", {
            "sink": {}, "amqp": {"wait_timeout": "60s"},
            "aggregator": {"keep_state": "database", "clock": "records"}})
        self.tables, self.more = {}, 10
        for table, column in lab.sql(
                "SELECT c.table_name, column_name FROM "
                "information_schema.columns c JOIN information_schema.tables t "
                "USING (table_schema, table_name) WHERE table_schema = "
                "DATABASE() AND table_type = 'BASE TABLE' "
                "AND extra NOT LIKE '%GENERATED%'"):
            self.tables.setdefault(table, []).append("`%s`" % column)
        self.tables = {t: ", ".join(c) for t, c in self.tables.items()
                       if "`tenant`" in c}

    def argv(self, state, *options):
        return ["aggregator", "-c", self.conf, "-f", "queue:restored", "-t",
                "queue:restored.rows", "-a", "all", "--state",
                self.lab.path(state), *options]

    def aggregate(self, *options, state="state.restored", fault=None):
        argv = self.argv(state, "--until-empty", *options)
        if fault:
            argv[0] = os.path.abspath("build/faults/bin/aggregator")
        return self.lab.run(argv, timeout=300,
                            env={"FAULT": fault} if fault else None)

    def publish(self, begin, end):
        self.lab.must([PROBE, "-b", "7", "write", "queue:restored"],
                      stdin=records(begin, end))

    def messages(self):
        """Messages of all conversations; the users must have as many."""
        chats, users = (sum(int(n) for _, n in self.lab.sql(statement))
                        for statement in COUNTS)
        return chats if chats == users else -1

    def back_up(self):
        self.lab.sql("; ".join(
            "CREATE OR REPLACE TABLE saved_%s AS SELECT * FROM %s "
            "WHERE tenant = '%s'" % (t, t, TENANT) for t in self.tables))

    def restore(self):
        self.lab.sql("; ".join(
            "DELETE FROM %s WHERE tenant = '%s'; "
            "INSERT INTO %s (%s) SELECT %s FROM saved_%s; DROP TABLE saved_%s"
            % (t, TENANT, t, c, c, t, t) for t, c in self.tables.items()))

    def check(self, checks):
        sink = self.lab.start(["sink", "-c", self.conf, "-f",
                               "queue:restored.rows"],
                              self.lab.path("sink.log"))
        self.publish(0, 40)
        checks.that(self.aggregate().code == 0, "the first run")
        self.back_up()
        self.publish(40, 90)
        checks.that(self.aggregate(state="state.half").code == 0,
                    "the second run")
        self.publish(90, MANY)
        checks.that(self.aggregate().code == 0, "the third run")
        done = self.aggregate(state="state.half",
                              fault="aggregator.state_half_loaded")
        checks.that(done.code == -9, "half of a state: %s" % done)
        daemon = self.lab.start(self.argv("state.restored", "-vv"),
                                self.lab.path("daemon.log"))
        until(60, lambda: "amqp_connected queue=restored\n" in
              self.lab.text("daemon.log"), "the daemon to read")
        self.restore()
        self.publish(MANY, MANY + 10)
        checks.equal(daemon.wait(120), 78, "a daemon meanwhile: " +
                     self.lab.text("daemon.log"))
        checks.that(self.messages() < MANY, "the backup lacks nothing")
        for options in (), ("--rewrite",):
            done = self.aggregate(*options, state="state.half")
            checks.that(done.code == 78 and "incomplete" in done.err and
                        "--rewrite" not in done.err, "half: %s" % done)
        done = self.aggregate()
        checks.that(done.code == 78 and "older than this state" in done.err
                    and "--rewrite" in done.err, "older: %s" % done)
        done = self.aggregate("--rewrite")
        checks.that(done.code == 0, "--rewrite: %s" % done)
        checks.equal(self.messages(), MANY + 10, "after --rewrite")
        for state in "state.new", "state.half":
            self.publish(MANY + self.more, MANY + self.more + 10)
            self.more += 10
            done = self.aggregate(state=state)
            checks.that(done.code == 0, "%s goes on: %s" % (state, done))
            checks.equal(self.messages(), MANY + self.more,
                         state + " goes on")
        done = self.aggregate("--window", "25h", state="state.other")
        checks.that(done.code == 78 and "window=" in done.err,
                    "another window: %s" % done)
        sink.terminate()
        checks.that(sink.wait(60) == 0, "the sink")


class Allocating:
    """Chats are reserved by two aggregators with folders of their own. Each time
    chats have arrived, one is killed at a point between the commit of their
    reservations and the acknowledgement, and the other one takes over."""

    POINTS = ("aggregator.after_commit", "aggregator.stored",
              "aggregator.rows_confirmed")

    def __init__(self, lab, checks):
        self.lab, self.checks = lab, checks
        self.chats, self.reserved = 0, {} # chat: ids and operators
        self.conf = lab.conf("conf.allocating", {
            "sink": {}, "amqp": {"heartbeat": "1s"},
            "aggregator": {"keep_state": "database",
                           "allocation_expiry": "1h"}})

    def start(self, name, fault=None):
        return self.lab.start([
            os.path.abspath("build/faults/bin/aggregator"), "-vv", "-c",
            self.conf, "-f", "queue:asking", "-t", "queue:asking.rows", "-a",
            "allocation", "--assign-to", "queue:reserved", "--every", "20ms",
            "--state", self.lab.path("asking." + name)],
            self.lab.path(name + ".log"), {"FAULT": fault} if fault else None)

    def said(self, name, words):
        return words in self.lab.text(name + ".log")

    def arrive(self, n=3):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
        lines = [{"type": "operator", "operator": name, "available": True,
                  "max_chats": 100} for name in "abc"]
        lines += [{"type": "chat", "chat": str(self.chats + i),
                   "status": "open", "at": at} for i in range(n)]
        self.chats += n
        self.lab.put("asking", [json.dumps({**line, "tenant": "asking"})
                                for line in lines])

    def are_reserved(self, what):
        """Waits until each chat is reserved, and the input is acknowledged."""
        def all_are():
            for line in self.lab.take("reserved"):
                r = json.loads(line)
                self.reserved.setdefault(r["chat"], set()).add(
                    (r["id"], r["operator"]))
            return len(self.reserved) == self.chats and \
                self.lab.in_queue("asking", "total") == 0

        until(60, all_are, "reservations after " + what)
        twice = {c: r for c, r in self.reserved.items() if len(r) > 1}
        self.checks.that(not twice, "%s: reserved twice: %s" % (what, twice))

    def check(self):
        sink = self.lab.start(["sink", "-c", self.conf, "-f",
                               "queue:asking.rows"],
                              self.lab.path("sink.log"))
        for k, point in enumerate(self.POINTS):
            self.arrive()
            dies = self.start("one" if k % 2 else "two", point)
            self.checks.equal(dies.wait(120), -9, point)
            other = self.start("two" if k % 2 else "one")
            self.are_reserved(point)
            self.checks.equal(self.lab.end(other), 0, "its end")
        for point in self.POINTS:
            self.thawed_leader_waits(point)
        sink.terminate()
        self.checks.equal(sink.wait(60), 0, "the sink")

    def thawed_leader_waits(self, point):
        """It is frozen before its lines, its reservations or its
        acknowledgement, which the broker gets after it gave the records to the
        other one."""
        self.arrive()
        os.unlink(self.lab.path("one.log"))
        leader = self.start("one", point + ":1:stop")
        until(60, lambda: program_state(leader.pid) == "T", "it to freeze")
        other = self.start("two")
        self.are_reserved("a freeze at " + point)
        leader.send_signal(signal.SIGCONT)
        if point == "aggregator.after_commit":
            until(60, lambda: self.said("one", REFUSED), "the refusal")
        until(60, lambda: self.said("one", "another program reads"),
              "it to wait")
        self.arrive()
        self.are_reserved("a thaw")
        other.kill()
        other.wait()
        self.arrive()
        self.are_reserved("another takeover")
        self.checks.equal(self.lab.end(leader), 0, "its end")


def program_state(pid):
    """A letter, as in ps."""
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def body():
    first = seed() % 10 ** 8
    checks = Checks()
    with Lab("state") as lab:
        lab.start_servers(private=True)
        conf = lab.conf("conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        lab.must(["aggregator", "--declare"], stdin=b"queue records\n")
        Restored(lab).check(checks)
        Allocating(lab, checks).check()
        for i in range(ROUNDS):
            r = StateRound(lab, first + i)
            before = [r.told(w) for w in (LOADED, REFUSED)] if i else [0, 0]
            wrong = r.run()
            say("SEED=%d: %s; tenants loaded %d, flushes refused %d" % (
                r.number, ", ".join("%d %s" % (n, what)
                                    for what, n in sorted(r.did.items())),
                r.told(LOADED) - before[0], r.told(REFUSED) - before[1]))
            if not checks.that(not wrong, "SEED=%d" % r.number):
                tell(r, wrong)
                if not LONG:
                    break
    return checks.result()


main(body)
