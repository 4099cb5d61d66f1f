#!/usr/bin/env -S python3 -B
"""A cluster of three broker nodes: the node to which the aggregator is
connected is killed and stays away, while messages arrive. The aggregator reads
on through another node, sink and publisher, too; none of them ends, and each
message is stored once. The node comes back only before the next one is killed.
Prints how long nothing was read and stored. LONG=1: 20 times; otherwise 3.
"""

import datetime
import json
import subprocess
import threading
import time

from harness import LONG, PROBE, Checklist, run_checks, say, until

TIMES = 20 if LONG else 3
# Of a quiet machine: an election, and PREDECESSOR_MS of endpoint_amqp.c.
GAP_S = 10
AFTER_S = 3 # how long the stream must go on without the node
READER = """
case rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue,
    <<"records.reader">>)) of
{ok, Q} -> node(amqqueue:get_pid(Q)); _ -> none end."""
MEMBERS = """
length([1 || Q <- [<<"records">>, <<"rows">>],
    Member <- rabbit_quorum_queue:status(<<"VHOST">>, Q),
    lists:member(proplists:get_value(<<"Raft State">>, Member),
        [leader, follower])])."""


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("--nodes", "3", "rabbitmq", "mariadb", private=True)
        lab.must(["sink", "--migrate"])
        self.programs = {
            name: lab.start(argv, lab.path(name), stdin=stdin)
            for name, argv, stdin in (
                ("aggregator", ["aggregator", "-vv", "-f", "queue:records", "-t",
                                "queue:rows", "--state", lab.path("state"),
                                "--every", "50ms"], None),
                ("sink", ["sink", "-f", "queue:rows"], None),
                ("publisher", [PROBE, "-p", "-b", "0", "write",
                               "queue:records"], subprocess.PIPE))}
        self.sent, self.ending = 0, threading.Event()
        self.publisher = threading.Thread(target=self._publish, daemon=True)
        self.publisher.start()

    def _publish(self):
        """Ten messages at a time, each in a message of the broker."""
        pipe = self.programs["publisher"].stdin
        while not self.ending.wait(0.05):
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            for _ in range(10):
                self.sent += 1
                pipe.write(json.dumps({
                    "type": "message", "tenant": "t", "id": str(self.sent),
                    "chat": str(self.sent % 100), "at": now, "user": "u",
                    "from": "customer"}).encode() + b"\n")
            pipe.write(b"\n")
            pipe.flush()

    def _stored(self):
        return int(self.lab.sql("SELECT COUNT(*) FROM messages")[0][0])

    def _links(self):
        return self.lab.text("aggregator").count(
            "amqp_connected queue=records\n")

    def live(self, when):
        for name, program in self.programs.items():
            self.equal(program.poll(), None,
                       (when, name, self.lab.text(name)[-2000:]))

    def kill_node_of_reader(self, number):
        """Returns for how many seconds nothing was read, and stored."""
        links = self._links()
        node = self.lab.ask_broker(READER).split("@", maxsplit=1)[0]
        name = node.replace("messaging", "rabbitmq")
        began = time.monotonic()
        self.lab.servers("kill", name)
        until(60, lambda: self._links() > links, "the aggregator to read on: " +
              self.lab.text("aggregator")[-2000:])
        read = time.monotonic() - began
        sent = self.sent
        until(60, lambda: self._stored() >= sent, "rows to be stored: " +
              self.lab.text("sink")[-2000:])
        stored = time.monotonic() - began
        say(f"{number}: {name} killed, read on after {read:.1f} s, "
            f"stored after {stored:.1f} s")
        end, last = time.monotonic() + AFTER_S, self._stored()
        while time.monotonic() < end:
            until(GAP_S, lambda n=last: self._stored() > n, "more rows")
            last = self._stored()
        self.live(f"{name} is away")
        self.lab.servers("start", name)
        until(60, lambda: self.lab.ask_broker(MEMBERS) == "6",
              "all members of the queues")
        return read, stored

    def nodes_are_killed(self):
        until(60, lambda: self._stored() > 0, "the first row")
        gaps = [self.kill_node_of_reader(n + 1) for n in range(TIMES)]
        read, stored = (sorted(g) for g in zip(*gaps))
        say(f"longest gaps: reading {read[-1]:.1f} s, stored {stored[-1]:.1f} s; "
            f"medians {read[TIMES // 2]:.1f} and {stored[TIMES // 2]:.1f} s")
        self.that(read[TIMES // 2] < GAP_S, f"gaps of {read} s")

    def nothing_is_lost(self):
        self.ending.set()
        self.publisher.join()
        until(60, lambda: self._stored() == self.sent,
              f"all {self.sent} messages")
        self.live("at the end")
        self.programs["publisher"].stdin.close()
        self.equal(self.programs["publisher"].wait(60), 0, "the publisher")
        for name in "aggregator", "sink":
            self.equal(self.lab.end(self.programs[name]), 0,
                       (name, self.lab.text(name)[-2000:]))


run_checks(Test)
