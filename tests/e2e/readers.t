#!/usr/bin/env -S python3 -B
"""Two aggregators with separate states at one queue would each get half of it:
the second one reports this once and waits, for a stream and for the event
counter, and takes over when the first one ends. A run until the queue is empty
fails. An aggregator takes over from a dead reader: after kill -9, and after a
reader that hangs, which the broker considers alive for a while; that one waits
when it wakes up.
"""

import json
import os
import re
import shlex
import signal
import time

from harness import TOKEN, Checklist, run_checks, shown_in, until

TAKEN = "another program reads the queue '%s' at "


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("rabbitmq")
        lab.env["MESSAGING_CONFIG"] = self.conf("conf")

    def conf(self, name, **sections):
        """A reader that pauses for two heartbeats counts as dead."""
        return self.lab.conf(name, {"amqp": {"heartbeat": "3s"}, **sections})

    def metric(self, name, queue):
        """messaging_stream_reading."""
        text = self.lab.text(f"{name}.metrics/messaging_aggregator_{queue}.prom")
        found = re.findall(r"(?m)^messaging_stream_reading\{.*\} (.*)$", text)
        return found[0] if found else None

    def reader(self, name, queue, *options, url=None, state=None):
        options = options or ("--every", "20ms", "-a", "events")
        folder = self.lab.path(name + ".metrics")
        os.makedirs(folder, exist_ok=True)
        conf = self.conf(name + ".conf", metrics={"folder": folder})
        return self.lab.start(
            ["aggregator", "-vv", "--state", self.lab.path(state or name), "-f",
             "queue:" + queue, "-t", "queue:rows", *options],
            self.lab.path(name + ".err"),
            {"MESSAGING_CONFIG": conf, **({"AMQP_URL": url} if url else {})})

    def said(self, name, pattern):
        return re.findall(pattern, self.lab.text(name + ".err"))

    def reads(self, name, queue):
        until(60, lambda: self.said(name, f"amqp_connected queue={queue}\n"),
              f"{name} to read: {self.lab.text(name + '.err')}")

    def waits(self, name, queue):
        until(60, lambda: self.said(name, TAKEN % queue),
              f"{name} to wait: {self.lab.text(name + '.err')}")

    def took_over(self, name, queue):
        """It has waited, with one line in the log."""
        self.reads(name, queue)
        said = self.said(name, TAKEN % queue + ".*; trying again\n")
        self.equal(len(said), 1, self.lab.text(name + ".err"))

    def well(self, name, process):
        self.that(self.lab.end(process) == 0,
                  f"{name}: {self.lab.text(name + '.err')}")

    def together(self):
        """Runs the cases in which the broker takes time side by side."""
        still = self.reader("still", "frozen")
        self.reads("still", "frozen")
        still.send_signal(signal.SIGSTOP)
        heir = self.reader("heir", "frozen")
        counter = ("--input", "eventcounter", "--exchange", "counting")
        first = {"stream": self.reader("first.stream", "records"),
                 "counter": self.reader("first.counter", "counted", *counter)}
        self.reads("first.stream", "records")
        self.reads("first.counter", "counted")
        second = {"stream": self.reader("second.stream", "records"),
                  "counter": self.reader("second.counter", "counted", *counter)}
        for kind, queue in ("stream", "records"), ("counter", "counted"):
            name = "second." + kind
            self.waits(name, queue)
            self.until_empty_fails(kind, queue, counter)
            until(60, lambda n=name, q=queue: self.metric(n, q) == "0",
                  f"{name} to show that it waits")
            self.that(not self.said(name, "amqp_connected queue=" + queue),
                      f"two read: {self.lab.text(name + '.err')}")
            self.that(not self.said("first." + kind, TAKEN % queue),
                      "the first complains")
            self.well("first." + kind, first[kind])
            self.took_over(name, queue)
            until(60, lambda n=name, q=queue: self.metric(n, q) == "1",
                  f"{name} to show that it reads")
            self.well(name, second[kind])
        self.took_over("heir", "frozen")
        read = len(self.said("still", "amqp_connected"))
        still.send_signal(signal.SIGCONT)
        until(60, lambda: self.said("still", "trying again"),
              "the frozen one to notice that it lost the queue")
        self.well("heir", heir)
        until(60, lambda: len(self.said("still", "amqp_connected")) > read,
              f"it to read again: {self.lab.text('still.err')}")
        self.well("still", still)

    def until_empty_fails(self, kind, queue, counter):
        done = self.lab.run(
            ["aggregator", "--until-empty", "--state",
             self.lab.path("third." + kind),
             "-f", "queue:" + queue, "-t", "queue:rows",
             *(counter if kind == "counter" else ())],
            env={"MESSAGING_CONFIG": self.lab.conf(
                "short", {"amqp": {"wait_timeout": "3s"}})})
        self.ends(done, 75, TAKEN % queue + ".*; try again when", kind)

    def killed(self):
        """It can be restarted as often as needed."""
        for i in range(3):
            name = f"same{i}"
            process = self.reader(name, "again", state="same")
            self.reads(name, "again")
            process.kill()
            process.wait()

    def two_locks(self):
        """A cluster that was divided, with a reader on each side, keeps both
        readers, and one lock: the reader without it becomes the standby. Here
        the lock of the first one is deleted, until the second one gets it."""
        programs = {"left": self.reader("left", "divided")}
        self.reads("left", "divided")
        programs["right"] = self.reader("right", "divided")
        self.waits("right", "divided")

        again = 0 # when to delete it again, if the first one took it again

        def both_read():
            nonlocal again
            if time.monotonic() >= again:
                again = time.monotonic() + 8
                self.lab.ask_broker("""
                    case rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>,
                        queue, <<"divided.reader">>)) of
                    {ok, Q} -> rabbit_amqqueue:delete(Q, false, false,
                        <<"test">>);
                    _ -> none end.""")
            return self.said("right", "amqp_connected queue=divided\n")

        until(60, both_read, "two readers")
        until(60, lambda: self.said("left", TAKEN % "divided"),
              f"the reader without a lock to wait: {self.lab.text('left.err')}")
        for name, process in programs.items():
            self.well(name, process)

    def rights(self):
        """The permissions on the page suffice."""
        page = re.findall(
            r"^rabbitmqctl set_permissions -p messaging (.*)",
            shown_in("messaging-operation.7", "SECURITY").replace("\\\n", ""),
            re.M)
        users = {}
        for words in map(shlex.split, page):
            users[words[0]] = self.lab.broker_user(*words)
        self.equal(sorted(users),
                   ["aggregator", "assign", "listener", "notify", "poller",
                    "sink"],
                   "users")
        self.lab.must(
            ["aggregator", "--publish", "-t", "queue:records"],
            env={"AMQP_URL": users["listener"]}, stdin=json.dumps(
                {"type": "event", "tenant": "t", "id": "1", "user": "u",
                 "event": "e"}).encode() + b"\n")
        self.well("allowed", self.running("allowed", users["aggregator"]))
        self.one_polls(users["poller"])
        self.copies_are_written(users["notify"])

    def copies_are_written(self, url):
        """A notice for two receivers becomes a record for each."""
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.lab.must(
            ["aggregator", "--publish", "-t", "queue:notices"],
            stdin=json.dumps({
                "type": "notice", "tenant": "t", "id": "1", "rule": "late",
                "kind": "late", "begin_at": at, "fired_at": at}).encode()
            + b"\n")
        conf = self.lab.conf("notify.conf", {
            "notice late": {"when": "late"},
            "notify a": {"url": "http://127.0.0.1:1"},
            "notify b": {"url": "http://127.0.0.1:1"}})
        notifier = self.lab.start(
            ["poller", "-c", conf, "--notify", "-f", "queue:notices"],
            self.lab.path("notify.log"), {"AMQP_URL": url})
        until(30, lambda: self.lab.in_queue("notices", "total") == 2, "copies")
        self.lab.end(notifier)

    def one_polls(self, url):
        """Of two machines with the same tenants one polls; the other one says
        so, ends with 0 and asks the CRM nothing. Other tenants are polled."""
        sim = self.lab.sim("--pace", 0, "--dialogs", 3)

        def poll(name, tenant="acme"):
            conf = self.lab.conf(name + ".conf", {
                "crm " + tenant: {"url": sim.url, "token": TOKEN},
                "poller": {"state": self.lab.path(name)}})
            return ["poller", "-c", conf, "-t", "queue:records"]

        env = {"AMQP_URL": url}
        sim.fault("slow", value=30000)
        first = self.lab.start(poll("one"), self.lab.path("one.log"), env)
        until(30, lambda: sim.calls() > 0, "the first call")
        sim.fault()
        calls = sim.calls()
        done = self.lab.run(poll("two"), env=env)
        self.that(done.code == 0 and done.out.startswith(b"standby: "), done)
        self.equal(sim.calls(), calls, "calls")
        self.equal(self.lab.must(poll("three", "other"), env=env).out, b"",
                   "other tenants")
        self.lab.end(first)
        self.that(sim.calls() > calls, "other tenants are not polled")
        self.equal(self.lab.must(poll("two"), env=env).out, b"",
                   "the second one, later")

    def running(self, name, url):
        process = self.reader(name, "records", url=url)
        self.reads(name, "records")
        return process


run_checks(Test)
