"""unix_socket: see unix_socket.t."""

import json
import os
import random
import signal
import socket
import stat
import struct
import time

import tables
from harness import Checks, Lab, main, seed, until
from streamlib import House, Totals, by_hand, in_tables

KILLS = 14
PATIENCE = 120
MAGIC = 0x6672616D
# Two aggregators, of a tenant each: they have queues of their own.
STREAMS = ("first", "second")


class Socket:
    def __init__(self, lab, number):
        self.lab, self.checks = lab, Checks()
        self.dice = random.Random(number)
        self.house = House(lab)
        self.path = lab.path("rows")
        self.to = "unix:" + self.path
        self.seed = number

    def aggregator(self, name):
        self.house.aggregator(
            "-v", name=name, state=self.lab.path("state." + name),
            source="in." + name, to=self.to)

    def start(self, name):
        if name == "sink":
            self.house.sink(source=self.to)
        else:
            self.aggregator(name)

    def stop(self, name):
        code = self.house.stop(name)
        self.checks.that(code == 0, f"{name}: exit {code}: "
                         + self.house.log(name)[-300:])

    def stored(self):
        return self.house.sql.number("SELECT COUNT(*) FROM messages")

    def records(self, i, name):
        """A file of the stream's records; its tenant is called as it is."""
        path = self.lab.path("records." + name)
        self.house.load(
            "--seed", str(self.seed + i), "-n", "6000", "--chats", "300",
            "--late", "0", "--tenants", "1", "--totals",
            self.lab.path(name + ".totals"), "-t", path)
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace('"tenant":"t1"', f'"tenant":"{name}"'))
        return path

    # The parts of the test.

    def waits_for_the_sink(self):
        """Nothing is lost while there is none, and it is said once."""
        for name in STREAMS:
            self.start(name)
        until(PATIENCE, lambda: "nobody reads" in self.house.log("first"),
              "the aggregator's word")
        self.house.check_alive()
        self.start("sink")
        until(PATIENCE, lambda: os.path.exists(self.path), "the socket")
        word = f"reconnected endpoint={self.to} after_ms="
        until(PATIENCE, lambda: word in self.house.log("first"), word)
        mode = stat.S_IMODE(os.stat(self.path).st_mode)
        self.checks.that(mode == 0o660, f"the socket has mode {mode:o}")

    def storm(self, loads):
        for i in range(KILLS):
            before = self.stored()
            until(PATIENCE, lambda b=before: self.stored() > b or all(
                p.poll() is not None for p in loads), "a stored message")
            time.sleep(self.dice.uniform(0, 0.2)) # the random moment itself
            name = self.dice.choice(["sink", "sink", *STREAMS])
            self.house.kill(name)
            if i % 4 == 0:
                time.sleep(0.3) # nobody is there for a while
            self.start(name)

    def frozen(self):
        """A sink that stands still keeps nobody from ending in time."""
        p = self.house.running["sink"]
        p.send_signal(signal.SIGSTOP)
        self.house.load("-n", "50", "--seed", "99", "--tenants", "1",
                        "--late", "0", source="in.frozen")
        self.house.aggregator(name="frozen", source="in.frozen", to=self.to,
                              state=self.lab.path("state.frozen"))
        until(PATIENCE, lambda: self.house.ready("in.frozen") == 0, "reading")
        code = self.house.stop("frozen")
        self.checks.that(code == 0, f"beside a frozen sink: exit {code}")
        p.send_signal(signal.SIGCONT)
        self.house.aggregator(name="frozen", source="in.frozen", to=self.to,
                              state=self.lab.path("state.frozen"))
        self.house.rest(PATIENCE, lambda: self.house.queue_rests("in.frozen"))

    def others_write(self):
        """What is no frame is refused; a frame of what is no row is a dead
        letter, kept before it is acknowledged."""
        for junk in (b"GET / HTTP/1.1\r\n\r\n",
                     struct.pack("=II", MAGIC, 0),
                     struct.pack("=II", MAGIC, 0xffffffff) + b"x",
                     struct.pack("=II", MAGIC, 3) + b"abc"):
            with self.connect() as s:
                s.sendall(junk)
                self.checks.that(s.recv(8) == b"", f"{junk[:20]} is taken")
        bad = b'{"type":"row","table":"no_such","tenant":"t"}\n{\n'
        with self.connect() as s:
            frame = struct.pack("=II", MAGIC, len(bad)) + bad
            s.sendall(frame[:11])
            s.sendall(frame[11:])
            self.checks.that(struct.unpack("=Q", s.recv(8))[0] == 1,
                             "a frame of bad rows is not acknowledged")
        with open(self.path + ".dead") as f:
            letters = [json.loads(line) for line in f]
        self.checks.that(
            [x["record"] for x in letters][-2:] == bad.decode().split("\n")[:2],
            f"dead letters: {letters}")

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(PATIENCE)
        s.connect(self.path)
        return s

    def only_one_listens(self):
        done = self.lab.run(["sink", "-c", self.house.conf, "-f", self.to])
        self.checks.that(done.code != 0 and "cannot listen" in done.err,
                         f"a second sink: {done}")
        self.checks.that(os.path.exists(self.path), "the socket is gone")
        done = self.lab.run(["aggregator", "-f", self.to])
        self.checks.that(done.code == 64 and "only sink reads" in done.err,
                         f"an aggregator that reads: {done}")

    def compare(self, name, want):
        totals = Totals(self.lab.path(name + ".totals"))
        there = in_tables(self.house.sql)
        for table, rows in want.items():
            got = {k: v for k, v in there[table].items() if k[0] == name}
            for d in tables.differences(table, rows, got):
                self.checks.that(False, d)
            self.checks.that(len(rows) > 0, f"{table} is empty")
        return totals["messages"]

    def run(self):
        paths = {n: self.records(i, n) for i, n in enumerate(STREAMS)}
        hand = {n: by_hand(self.lab, path) for n, path in paths.items()}
        loads = [
            self.house.load("-i", path, "--rate", "1500", wait=False,
                            source="in." + name)
            for name, path in paths.items()
        ]
        self.waits_for_the_sink()
        self.storm(loads)
        for p in loads:
            self.checks.that(p.wait(PATIENCE) == 0, "the generator failed")
        self.house.rest(PATIENCE, lambda: self.house.queue_rests(
            *["in." + name for name in STREAMS]))
        for name in STREAMS: # and all that they still have
            self.stop(name)
        messages = sum(self.compare(n, want) for n, want in hand.items())
        self.checks.that(self.stored() == messages,
                         f"{self.stored()} messages stored, not {messages}")
        self.checks.that(not os.path.exists(self.path + ".dead"),
                         "there are dead letters")
        self.only_one_listens()
        self.frozen()
        self.others_write()
        for name in list(self.house.running):
            self.stop(name)
        self.checks.that(not os.path.exists(self.path), "the socket is left")
        return self.checks.result()


def body():
    number = seed()
    with Lab("unix_socket") as lab:
        return Socket(lab, number).run()


main(body)
