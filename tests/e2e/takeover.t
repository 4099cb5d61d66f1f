#!/usr/bin/env -S python3 -B
"""An aggregator on another machine, with a folder of its own, goes on with the
state in the database: after a late message withdrew an interval, with a clock a
day ahead or behind, and after a customer was erased. A broker that was replaced
by an empty one, and another configuration, each need one command
(messaging-machines(7)). The child that loads the state has a limit.

LONG=1: a snapshot of 100,000 chats is killed in the middle, and the time to
take over a tenant with a million open chats is printed (CHATS=n).
"""

import datetime
import json
import os
import shutil
import time


from harness import BIN, LONG, Checklist, run_checks, say, until

TENANT, CUSTOMER, NAME = "acme", "cust-77341", "Quorbella"
BEGAN = datetime.datetime.now(datetime.timezone.utc).replace(
    microsecond=0) - datetime.timedelta(days=3)
WINDOW = "--window", "25h"
CHATS = int(os.environ.get("CHATS", 1000000))


def at(second):
    return (BEGAN + datetime.timedelta(seconds=second)).isoformat(
        timespec="milliseconds").replace("+00:00", "Z")


def message(n, second, sender="customer", **more):
    return {"type": "message", "tenant": TENANT, "chat": "c", "id": str(n),
            "at": at(second), "from": sender, "user": "u-" + sender, **more}


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        self.sink = self._start_sink()
        self.sent = 0

    def _start_sink(self):
        return self.lab.start(["sink", "-f", "queue:rows"],
                              self.lab.path("sink.log"))

    def _argv(self, machine, *options):
        return ["aggregator", "-f", "queue:records", "-t", "queue:rows", "-a",
                "all", "--keep-state", "database", "--state",
                self.lab.path(machine), *options]

    def _aggregate(self, machine, *options, env=None, wrap=(), **sections):
        argv = self._argv(machine, "--until-empty", *options)
        if env and "FAULT" in env:
            argv[0] = os.path.join(os.path.dirname(BIN), "faults", "bin",
                                   "aggregator")
        elif wrap:
            argv[0] = os.path.join(BIN, argv[0])
        conf = self.lab.conf("conf", sections or {"amqp": {
            "wait_timeout": "60s"}})
        return self.lab.run([*wrap, *argv],
                            env={"MESSAGING_CONFIG": conf, **(env or {})})

    def _well(self, machine, *options, **kw):
        done = self._aggregate(machine, *options, **kw)
        self.that(done.code == 0, f"{machine}: {done}")
        return done

    def _publish(self, *records):
        self.lab.put("records", map(json.dumps, records))

    def _count(self, n=1):
        """Publishes messages of a customer."""
        self._publish(*(message(self.sent + i, self.sent + i)
                        for i in range(n)))
        self.sent += n

    def _counted(self, what):
        self.equal(self.lab.sql("SELECT message_count FROM user_stats WHERE "
                                "user_id = 'u-customer'"),
                   [[str(self.sent)]], what)

    def _take_over(self, machine, what, *options, **kw):
        self._count(2)
        done = self._well(machine, *options, **kw)
        self._counted(what)
        return done

    def late_message_withdraws_an_interval(self):
        """The first answer is stored, but was not acknowledged, when another
        machine takes over and finds an earlier answer beside it."""
        self._publish({**message("a", 0), "chat": "late"},
                      {**message("b", 300, "operator"), "chat": "late"})
        done = self._aggregate("one", env={"FAULT": "aggregator.stored"})
        self.equal(done.code, -9, "killed")
        first = ("SELECT end_at, message FROM intervals WHERE chat = 'late' "
                 "AND kind = 'first_response' AND withdrawn = 0")
        self.equal([m for _, m in self.lab.sql(first)], ["b"], "the first answer")
        self._publish({**message("c", 120, "operator"), "chat": "late"})
        self._well("two")
        self.equal([m for _, m in self.lab.sql(first)], ["c"],
                   "the earlier answer")
        self.lab.sql("DELETE FROM user_stats; DELETE FROM stream_heads; "
                     "DELETE FROM stream_state")
        for machine in "one", "two":
            shutil.rmtree(self.lab.path(machine))

    def empty_broker_loses_nothing_that_was_read(self):
        self._take_over("one", "at first")
        self.equal(self.lab.end(self.sink), 0, "the sink")
        self._count(5)
        done = self._aggregate("one", amqp={"wait_timeout": "1s"})
        self.that(done.code == 75 and "is one running" in done.err,
                  f"without a sink: {done}")
        self.lab.ask_broker('rabbit_vhost:delete(<<"VHOST">>, <<"test">>).')
        self.lab._lodge(("rabbitmq",))
        self.sink = self._start_sink()
        self._take_over("one", "with an empty broker")

    def other_configuration_is_refused(self):
        self._count(2)
        done = self._aggregate("other", *WINDOW)
        self.that(done.code == 78 and "window=" in done.err and
                  "--rewrite" in done.err, f"another window: {done}")
        self._well("two")
        self._counted("the same window again")
        self._publish(*(message(i, i) for i in range(self.sent)))
        self._well("other", "--rewrite", *WINDOW)
        self._counted("a replay with another window")
        done = self._aggregate("two")
        self.that(done.code == 78 and "window=" in done.err,
                  f"the first window: {done}")

    def erased_customer_stays_erased(self):
        chat = {"type": "chat", "tenant": TENANT, "chat": "erased",
                "status": "open", "customer": CUSTOMER, "at": at(0)}
        named = ("SELECT COUNT(*) FROM chat_metrics WHERE customer_name LIKE "
                 f"'%{NAME}%'", "SELECT COUNT(*) FROM stream_state WHERE "
                 f"INSTR(data, '{NAME}') > 0")

        def names():
            return [int(self.lab.sql(s)[0][0]) > 0 for s in named]

        self._publish({**chat, "customer_name": NAME},
                      {**message("e", 1), "chat": "erased", "user": CUSTOMER})
        self._well("other", *WINDOW)
        self._well("third", *WINDOW)
        self.equal(names(), [True, True], "before")
        forget = ["reaper", "--forget", CUSTOMER, "--tenant", TENANT]
        done = self.lab.run(forget)
        self.ends(done, 75, "its aggregator runs on '.*': run this there",
                  "without its state")
        log = self.lab.path("daemon.log")
        daemon = self.lab.start(self._argv("third", *WINDOW), log)
        until(60, lambda: self.lab.in_queue("records", "total") == 0, "a daemon")
        done = self.lab.run([*forget, "--state", self.lab.path("third")])
        self.that(done.code == 0, f"forget: {done} {self.lab.text(log)}")
        self.equal(self.lab.end(daemon), 0, "the daemon")
        for machine in "other", "new":
            self._publish({**chat, "at": at(60), "operator": machine})
            self._well(machine, *WINDOW)
            self.equal(names(), [False, False], f"after {machine} took over")
            self.equal(self.lab.sql(
                "SELECT operator FROM chat_metrics WHERE chat = 'erased'"),
                [[machine]], machine)
        with open(self.lab.path("new/stream.mdb"), "rb") as f:
            self.that(NAME.encode() not in f.read(), "the new file")

    def sink_that_hangs_is_killed(self):
        folder, pid = self.lab.path("hanging"), self.lab.path("pid")
        os.mkdir(folder)
        shutil.copy(os.path.join(BIN, "aggregator"), folder)
        self.lab.write("hanging/sink", "#!/bin/sh\n"
                       f"echo $$ >{pid}\nexec sleep 1000\n", 0o700)
        conf = self.lab.conf("hanging.conf", {
            "mysql": {"timeout": "1s", "wait_timeout": "1s"}})

        def is_killed():
            with open(pid) as f:
                number = int(f.read())
            os.unlink(pid)
            try:
                os.kill(number, 0)
            except ProcessLookupError:
                return True
            return False

        env = {"MESSAGING_CONFIG": conf}
        argv = self._argv("hung")
        argv[0] = folder + "/aggregator"
        done = self.lab.run([*argv, "--until-empty"], env=env)
        self.ends(done, 75, "printed nothing for too long", "hangs")
        self.that(is_killed(), "its sink runs on")
        daemon = self.lab.start(argv, self.lab.path("hung.log"), env)
        until(60, lambda: self.lab.text("pid").endswith("\n"), "its sink")
        self.equal(self.lab.end(daemon), 0, "a daemon that is stopped")
        self.that(is_killed(), "the daemon's sink runs on")

    def clocks_of_machines_differ(self):
        self._take_over("new", "at first", *WINDOW)
        for shift in "+1d", "-1d":
            done = self._take_over("third", f"clock {shift}", *WINDOW, wrap=[
                "faketime", "--exclude-monotonic", "-f", shift])
            self.equal("synchronize the clocks" in done.err, shift == "-1d",
                       f"clock {shift}: {done}")
            done = self._take_over("new", f"after clock {shift}", *WINDOW)
            self.that("synchronize the clocks" in done.err, done)

    def _open(self, tenant):
        return int(self.lab.sql("SELECT COUNT(*) FROM chat_metrics WHERE tenant "
                                f"= '{tenant}' AND status = 'open'")[0][0])

    def large_snapshot_is_killed_in_the_middle(self):
        if not LONG:
            return
        snapshot = {"tenant": "large", "snapshot": "s1"}
        chat = {**snapshot, "type": "chat", "status": "open", "opened_at": at(0)}
        mark = {**snapshot, "type": "snapshot"}
        chats = [{**chat, "chat": str(n)} for n in range(100000)]
        self._publish({**mark, "state": "begin", "at": at(1)},
                      *chats[:50000])
        for point in "after_commit", "stored":
            done = self._aggregate("new", *WINDOW,
                                   env={"FAULT": "aggregator." + point})
            self.equal(done.code, -9, point)
            shutil.rmtree(self.lab.path("new"))
        self._publish(*chats[50000:], {**mark, "state": "end",
                                       "records": len(chats)})
        for point in "snapshot_applied", "after_commit:3":
            done = self._aggregate("new", *WINDOW,
                                   env={"FAULT": "aggregator." + point})
            self.equal(done.code, -9, point)
            shutil.rmtree(self.lab.path("new"))
        self._well("new", *WINDOW)
        self.equal(self._open("large"), len(chats), "chats of the snapshot")

    def how_long_a_large_tenant_takes(self):
        if not LONG:
            return
        chat = {"type": "chat", "tenant": "huge", "status": "open",
                "at": at(0)}
        for n in range(0, CHATS, 50000):
            self._publish(*({**chat, "chat": str(n + i)}
                            for i in range(min(50000, CHATS - n))))
            self._well("new", *WINDOW)
        self._publish({**chat, "chat": "last"})
        began = time.monotonic()
        self._well("cold", *WINDOW)
        say(f"{time.monotonic() - began:.1f} s to take over {CHATS} open chats")
        self.equal(self._open("huge"), CHATS + 1, "chats")


run_checks(Test)
