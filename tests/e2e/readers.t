#!/usr/bin/env -S python3 -B
"""Two aggregators with separate states at one queue would each get half of it:
the second one reports this and is refused, for a stream and for the event
counter. An aggregator that starts after a dead reader is accepted: after kill
-9, and after a reader that hangs, which the broker considers alive for a
while.
"""

import json
import re
import shlex
import signal

from harness import Checklist, run_checks, shown_in, until

TAKEN = "the queue '%s' at .* has another consumer"


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("rabbitmq")
        # A reader that pauses for two heartbeats counts as dead.
        lab.env["MESSAGING_CONFIG"] = lab.conf(
            "conf", {"amqp": {"heartbeat": "3s"}})

    def reader(self, name, queue, *options, url=None, state=None):
        options = options or ("--every", "20ms", "-a", "events")
        return self.lab.start(
            ["aggregator", "-vv", "--state", self.lab.path(state or name), "-f",
             "queue:" + queue, "-t", "queue:rows", *options],
            self.lab.path(name + ".err"),
            {"AMQP_URL": url} if url else None)

    def said(self, name, pattern):
        return re.findall(pattern, self.lab.text(name + ".err"))

    def reads(self, name, queue):
        until(60, lambda: self.said(name, f"amqp_connected queue={queue}\n"),
              f"{name} to read: {self.lab.text(name + '.err')}")

    def refused(self, name, queue, process):
        code = process.wait(240)
        last = self.said(name, TAKEN % queue + ".*; stop one, or [^;]*\n")
        self.that(code == 78 and len(last) == 1,
                  f"{name}: {code}, {self.lab.text(name + '.err')}")

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
            self.refused(name, queue, second[kind])
            self.that(
                len(self.said(name, TAKEN % queue + ".*; trying again")) == 1,
                f"it waits without a word: {self.lab.text(name + '.err')}")
            self.that(not self.said("first." + kind, TAKEN % queue),
                      "the first complains")
            self.well("first." + kind, first[kind])
        self.reads("heir", "frozen")
        still.send_signal(signal.SIGCONT)
        self.refused("still", "frozen", still)
        self.well("heir", heir)

    def killed(self):
        """It can be restarted as often as needed."""
        for i in range(3):
            name = f"same{i}"
            process = self.reader(name, "again", state="same")
            self.reads(name, "again")
            process.kill()
            process.wait()

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
                   ["aggregator", "assign", "listener", "sink"], "users")
        self.lab.must(
            ["aggregator", "--publish", "-t", "queue:records"],
            env={"AMQP_URL": users["listener"]}, stdin=json.dumps(
                {"type": "event", "tenant": "t", "id": "1", "user": "u",
                 "event": "e"}).encode() + b"\n")
        self.well("allowed", self.running("allowed", users["aggregator"]))

    def running(self, name, url):
        process = self.reader(name, "records", url=url)
        self.reads(name, "records")
        return process


run_checks(Test)
