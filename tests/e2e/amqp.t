#!/usr/bin/env -S python3 -B
"""amqp: a queue returns everything that was written to it: whole, in order,
once, and it stays there until it is acknowledged, even if readers die and
connections are cut anywhere.
"""

import json
import os
import random
import time

from amqp_doors import Confirms
from harness import LONG, PROBE, Checklist, Door, run_checks, seed, until

PATIENCE = 60


def records(first, last):
    return [b'{"type":"row","tenant":"t","n":%d,"filler":"0123456789"}' % n
            for n in range(first, last + 1)]


def text(lines):
    return b"".join(line + b"\n" for line in lines)


def pairs(output):
    """(id, line) of each complete line that a probe read."""
    whole = output[:output.rfind(b"\n") + 1].split(b"\n")[:-1]
    return [tuple(line.split(b"\t", 1)) for line in whole]


class Cutting(Door):
    """Breaks connections after a random number of bytes in a random direction,
    about 30 to 30,000 of them, so many break during the login. The first two
    connections always break."""

    def pieces(self, source, upward):
        if upward:
            self.accepted += 1
        budget = int(10 ** self.dice.uniform(1.5, 4.5))
        if self.accepted <= 2:
            budget = min(budget, 250)
        elif self.dice.random() < 0.5: # the other direction breaks first
            budget = 1 << 60
        for data in super().pieces(source, upward):
            yield data[:budget]
            budget -= len(data)
            if budget <= 0:
                if self.dice.random() < 0.3:
                    time.sleep(1) # silence, then the break
                raise OSError


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("rabbitmq")

    def settings(self, **keys):
        """Sets [amqp] for the following probes."""
        return {"MESSAGING_CONFIG": self.lab.conf("amqp.conf", {"amqp": keys})}

    def write(self, queue, lines, *options, **env):
        done = self.lab.must([PROBE, *options, "write", "queue:" + queue],
                             stdin=text(lines), env=env)
        said = done.out.splitlines()
        self.that(not lines or said[-1] == b"confirmed %d" % len(lines),
                  f"{queue}: {said[-1:]} of {len(lines)} lines")

    def read(self, queue, *options, **env):
        return pairs(self.lab.must(
            [PROBE, "-e", *options, "read", "queue:" + queue], env=env).out)

    def read_and_die(self, queue, least, *options):
        """Returns the output of a reader that is killed without a last
        message."""
        log = self.lab.path(queue + ".first")
        p = self.lab.start([PROBE, "-p", *options, "read", "queue:" + queue],
                           log)
        until(PATIENCE, lambda: self.lines_of(log) >= least, "a reader")
        p.kill()
        p.wait()
        until(PATIENCE, lambda: self.lab.in_queue(queue, "checked_out") == 0,
              "the broker to notice its end")
        with open(log, "rb") as f:
            read = pairs(f.read())
        os.unlink(log)
        return read

    @staticmethod

    def lines_of(path):
        with open(path, "rb") as f:
            return f.read().count(b"\n")

    def queues_are_made(self):
        self.that(self.read("first") == [], "an empty queue gives something")
        made = self.lab.ask_broker(
            '[{amqqueue:get_type(Q), amqqueue:get_arguments(Q)} || N <- [<<"first">>, <<"first.dead">>], {ok, Q} '
            '<- [rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue, '
            'N))]].')
        self.that(made.count("rabbit_quorum_queue") == 2, f"no quorum queues: {made}")
        self.that(made.count("2592000000") == 1, f"letters' age: {made}")
        self.that(made.count("2147483647") == 2,
                  f"the broker may delete what comes back often: {made}")

    def many_records_are_few_messages(self):
        lines = records(1, 100000)
        self.write("bulk", lines)
        n = self.lab.in_queue("bulk")
        self.that(n <= 1000, f"{n} messages")
        read = self.read("bulk")
        self.that([line for _, line in read] == lines, "other lines")
        ids = [one for one, _ in read]
        turns = 1 + sum(a != b for a, b in zip(ids, ids[1:]))
        self.that(turns == len(set(ids)) == n, "an id is of two messages")
        self.that(self.read("bulk") == [], "it was not acknowledged")
        # A prefetch smaller than a batch does not block the reader.
        lines = lines[:20000]
        few = self.settings(prefetch=3)
        self.write("bulk", lines, **few)
        self.that([line for _, line in self.read("bulk", "-b", "100000", **few)]
                  == lines, "a small prefetch loses")

    def each_dead_letter_is_a_message(self):
        """More of them than are sent before the broker confirms some."""
        lines = records(1, 1000)
        self.write("bulk.dead", lines)
        self.equal(self.lab.in_queue("bulk.dead"), 1000, "messages")
        self.that([line for _, line in self.read("bulk.dead")] == lines,
                  "other dead letters")

    def ask(self, n, lines, **env):
        """Returns the first n answers."""
        done = self.lab.must(
            [PROBE, "-p", "-a", str(n), "ask", "queue:asked"],
            stdin=text(lines), env=env)
        return [line for line in done.out.splitlines()
                if line.startswith(b"answer")]

    def readers_answer(self):
        """Each message gets an answer, also on a connection that replaces the
        one on which it was first written."""
        Cutting.dice, Cutting.accepted = random.Random(seed()), 0
        door = self.lab.door("rabbitmq", Cutting)
        long = [b"%d " % n + b"x" * 1000 for n in range(400)]
        lines = [b"one", b"<", *long, b">", b"|", b"<", b"two", b"three",
                 b"|", b"four"]
        log = self.lab.path("asked")
        reader = self.lab.start([PROBE, "-p", "read", "queue:asked"], log)
        said = self.ask(3, lines)
        self.equal(said, [b"answer " + long[-1], b"answer three",
                          b"answer four"], "answers")
        read, want = [], [b"one", *long, b"two", b"three", b"four"]

        def is_written(): # after the last answer
            with open(log, "rb") as f:
                read[:] = pairs(f.read())
            return len(read) >= len(want)

        until(30, is_written, "all lines in the log of the reader")
        self.equal([line for _, line in read], want, "lines")
        ids = [one for one, _ in read]
        self.equal([ids.count(one) for one in dict.fromkeys(ids)],
                   [401, 2, 1], "lines in each message")
        self.equal(self.ask(1, [b"again"], AMQP_URL=door.url),
                   [b"answer again"], "answers over broken connections")
        self.that(door.accepted > 2, f"only {door.accepted} connections")
        reader.terminate()
        self.that(reader.wait(PATIENCE) == 0, f"it gave {reader.returncode}")

    def declare(self, code, lines, out="", says=""):
        done = self.lab.run(["aggregator", "--declare"],
                            stdin=("\n".join(lines) + "\n").encode())
        self.equal((done.code, done.out.decode()), (code, out), f"{lines}")
        self.that(says in done.err and len(done.lines()) == bool(says),
                  f"{lines}: {done}")

    def a_list_is_carried_out(self):
        """aggregator --declare ends at the first line that fails."""
        self.declare(0, [
            "# a comment", "", "queue listed", "queue listed",
            "queue " + 200 * "q", "look listed", "look listed.dead",
            "look other", "count listed", "readers listed", "count other",
            "readers other", "look other"],
            "yes listed\nyes listed.dead\nno other\n0 listed\n0 listed\n"
            "0 other\n0 other\nno other\n")
        self.write("listed", [b"x"])
        self.declare(0, ["count listed"], "1 listed\n")
        reader = self.lab.start([PROBE, "read", "queue:listed"])
        until(PATIENCE, lambda: self.lab.in_queue("listed", "total") == 0,
              "a reader")
        self.declare(0, ["readers listed"], "1 listed\n")
        reader.terminate()
        reader.wait(PATIENCE)
        until(PATIENCE, lambda: self.lab.run(
            ["aggregator", "--declare"], stdin=b"readers listed\n").out ==
            b"0 listed\n", "the broker to notice its end")
        for line, says in (
                ("queue", "'queue' is not a known command with"),
                ("queue a b", "'queue' is not a known command with"),
                ("tee a", "'tee' is not a known command with"),
                ("queue " + 201 * "q", "is not a name"),
                ("queue a/b", "'a/b' is not a name")):
            self.declare(65, [line, "look a"], says=says)

    def lines_of_all_kinds(self):
        """Empty lines, lines longer than a usual message, arbitrary bytes. A
        line and a message above their limits become dead letters."""
        good = [b"", b"a" * 300000, b"", b"", b"end"]
        bad = [b"caf\xe9", b"b" * 1100000, b'bad "quoted"', b"bad \xff"]
        self.write("odd", good[:3] + bad + good[3:])
        got = [line for _, line in self.read("odd")]
        self.that([x for x in got if not x.startswith(b"caf")
                   and not x.startswith(b"bad")] == good, "odd lines differ")
        letters = [json.loads(line) for _, line in self.read("odd.dead")]
        reasons = [x["reason"] for x in letters]
        self.that("the line is too long" in reasons, f"letters: {reasons}")
        self.that(any(x.get("record") == 'bad "quoted"' for x in letters),
                  f"the record is not in its letter: {reasons}")
        self.that(any(x.get("record_base64") == "YmFkIP8=" for x in letters),
                  "no base64 of bytes that are no UTF-8")
        self.that(all(x["where"].startswith("message ") for x in letters),
                  "it is not said where it was")
        self.write("odd", [b"c" * 17000000])
        self.write("odd", [b"end"])
        self.that([line for _, line in self.read("odd")] == [b"end"],
                  "what follows a long message is lost")
        reasons = [json.loads(line)["reason"]
                   for _, line in self.read("odd.dead")]
        self.that(reasons == ["the message is too long"], f"{reasons}")

    def what_is_not_acknowledged_comes_again(self):
        """Unacknowledged messages are redelivered first, in order and under the
        same ids."""
        long = b"x" * 5000
        lines = [b"%d %s" % (n, long) for n in range(1, 2001)]
        self.write("again", lines, "-b", "1")
        known = {}
        for _ in range(2):
            first = self.read_and_die("again", 300, "-b", "150", "-s", "1000")
            known.update((line, one) for one, line in first)
            numbers = [int(line.split()[0]) for _, line in first]
            self.that(numbers == sorted(numbers), "out of order")
        rest = self.read("again", "-b", "100")
        numbers = [int(line.split()[0]) for _, line in rest]
        self.that(numbers == sorted(numbers), "out of order at last")
        self.that(set(known) | {line for _, line in rest} == set(lines),
                  "some are lacking")
        self.that(all(known.get(line, one) == one for one, line in rest),
                  "what came again has other ids")
        self.that(numbers[0] <= len(known), "nothing came again")

    def what_is_in_hand_is_finished(self):
        """SIGTERM finishes the messages already read; the rest stays."""
        lines = records(1, 50000)
        self.write("term", lines)
        log = self.lab.path("part")
        p = self.lab.start([PROBE, "-p", "-b", "100", "-s", "20", "read",
                            "queue:term"], log)
        until(PATIENCE, lambda: self.lines_of(log) > 0, "a reader")
        p.terminate()
        self.that(p.wait(PATIENCE) == 0, f"SIGTERM gave {p.returncode}")
        with open(log, "rb") as f:
            part = pairs(f.read())
        rest = self.read("term")
        self.that(rest and {x for _, x in part + rest} == set(lines),
                  "the parts are not the whole")

    def what_the_broker_refuses_is_sent_again(self):
        door = self.lab.door("rabbitmq", Confirms)
        door.nacks = 3
        door.free.set()
        lines = records(1, 200)
        self.write("refused", lines, "-p", "-b", "10", AMQP_URL=door.url)
        self.equal(door.nacks, 0, "refusals that were not seen")
        got = set(self.read("refused", "-e"))
        self.that(sorted(line for _, line in got) == sorted(lines),
                  f"{len(got)} lines, or two ids of one")

    def what_is_not_confirmed_is_sent_again(self):
        """RabbitMQ can forget to confirm a message when a node dies."""
        lines = records(1, 10)
        door = self.lab.door("rabbitmq", Confirms)
        door.free.set()
        door.lost = 1
        self.write("unconfirmed", lines, AMQP_URL=door.url)
        read = self.read("unconfirmed")
        self.equal([line for _, line in read], 2 * lines, "the lines")
        self.equal(len({i for i, _ in read}), 1, "their message")

    def connections_are_cut(self):
        """Connections break in the login, in a publish, in a delivery, before a
        confirm, before an acknowledgement. Nothing is lost and nothing
        hangs."""
        n = 200000 if LONG else 10000
        Cutting.dice, Cutting.accepted = random.Random(seed()), 0
        door = self.lab.door("rabbitmq", Cutting)
        lines = records(1, n)
        log, err = self.lab.path("cut"), self.lab.path("cut.err")
        with open(err, "wb") as said:
            reader = self.lab.start(
                [PROBE, "-p", "-b", "100", "read", "queue:cut"], log,
                {"AMQP_URL": door.url}, stderr=said)
        wrote = self.lab.must([PROBE, "-p", "-b", "50", "write", "queue:cut"],
                              stdin=text(lines), env={"AMQP_URL": door.url})
        seen, at = {}, 0

        def all_read():
            nonlocal at
            with open(log, "rb") as f:
                f.seek(at)
                more = f.read()
            at += more.rfind(b"\n") + 1
            for one, line in pairs(more):
                self.that(seen.setdefault(line, one) == one,
                          "what came again has another id")
            return len(seen) >= n

        until(120, all_read, "all that was written")
        reader.terminate()
        self.that(reader.wait(PATIENCE) == 0, f"it gave {reader.returncode}")
        all_read()
        self.that(set(seen) == set(lines), "other lines")
        with open(err, encoding="utf-8") as f:
            cuts = (f.read() + wrote.err).count("trying again")
        self.that(cuts >= 2, f"only {cuts} cuts")


run_checks(Test)
