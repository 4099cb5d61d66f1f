#!/usr/bin/env -S python3 -B
"""scripts/topology distributes chats over queues, each complete and in order;
changing the number of queues loses nothing while a publisher writes.
"""

import json
import subprocess
import threading

from harness import BIN, PROBE, Checklist, run_checks, until

KINDS = {0: {"type": "view"}, 1: {"type": "event", "user": "u"}}


def records(first, last):
    """Numbered lines of 3,000 chats and two tenants, including views and
    events."""
    for i in range(first, last + 1):
        chat = i * 7919 % 3000
        yield json.dumps({
            **KINDS.get(i % 10, {"type": "message", "id": str(i)}), "n": i,
            "tenant": "one" if chat % 3 else "two", "chat": str(chat),
            "message": str(i), "at": "2026-11-20T10:00:00Z"})


def queues(prefix, count):
    return [f"{prefix}.{i}" for i in range(count)]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers(private=True)
        lab.must(["sink", "--migrate"])
        lab.env["MESSAGING_CONFIG"] = lab.conf("conf", {
            "amqp": {"wait_timeout": "40s", "prefetch": 500}})

    def topology(self, *words, code=0, says=""):
        done = self.lab.run(["scripts/topology", "-b", BIN, *words])
        self.ends(done, code, says, words)
        return done.out.decode().split()

    def plan(self, *lines, code=0, says=""):
        self.ends(self.lab.run(
            ["aggregator", "--declare"], stdin="".join(
                line + "\n" for line in lines).encode()), code, says, lines)

    def write(self, lines, *options, to="records"):
        self.lab.must([PROBE, *options, "write", "exchange:" + to],
                      stdin="".join(line + "\n" for line in lines).encode())

    def listed(self, what, *columns):
        """Rows that rabbitmqctl lists."""
        out = self.lab.must(
            ["scripts/servers", "rabbitmqctl", self.lab.server_dir, "-q", "-p",
             self.lab.vhost, "list_" + what, "--no-table-headers", *columns])
        return [line.split("\t") for line in out.out.decode().splitlines()]

    def names(self, prefix):
        return sorted(q for q, in self.listed("queues", "name")
                      if q.startswith(prefix) and not q.endswith(".dead"))

    def nothing_there(self):
        lab = self.lab
        self.ends(lab.run([PROBE, "write", "exchange:records"]), 78,
                  "there is no exchange 'records'.*scripts/topology")
        self.ends(lab.run([PROBE, "read", "exchange:records"]), 64,
                  "cannot be read; read one of its queues")
        self.topology("--list", code=65,
                      says="there is no 'records.g1'; make it with -n N")
        for wrong in (["-n", "0"], ["-n", "3", "--list"], []):
            self.topology(*wrong, code=64, says=None)

    def three_queues(self):
        want = queues("records.g1", 3)
        for words in (["-n", "3"], ["--list"], ["-n", "3"]):
            self.equal(self.topology(*words), want, words)
        self.that(["records.g1.2.dead", "quorum"] in
                  self.listed("queues", "name", "type"), "no dead letters")

    def each_chat_in_one(self):
        """In order; records for all are in each queue."""
        for_all = ['{"type":"snapshot","tenant":"one","state":"begin",'
                   '"snapshot":"s"}',
                   '{"type":"operator","tenant":"one","operator":"5"}',
                   '{"type":"something new","tenant":"one","chat":"1"}']
        self.write([for_all[0], *records(1, 20000), for_all[1],
                    *records(20001, 40000), for_all[2]], "-b", "3000")
        queue_of, last, numbers = {}, {}, []
        for queue in queues("records.g1", 3):
            lines = self.lab.take(queue)
            self.equal([x for x in lines if '"n"' not in x], for_all, queue)
            for r in map(json.loads, lines):
                if "n" in r:
                    chat = r["tenant"], r["chat"]
                    numbers.append(r["n"])
                    self.that(queue_of.setdefault(chat, queue) == queue
                              and last.get(chat, 0) < r["n"], f"{chat} is split"
                              f" or out of order: {queue}, {r}")
                    last[chat] = r["n"]
        self.that(sorted(numbers) == list(range(1, 40001)), len(numbers))
        self.that(all(list(queue_of.values()).count(q) > 300
                      for q in queues("records.g1", 3)), "chats a queue")

    def broker_comes_back(self):
        """A chat stays in its queue after the broker restarts."""
        def where():
            self.write(records(1, 6000), "-p", "-b", "3000")
            return [set(self.lab.take(q)) for q in queues("records.g1", 3)]

        before = where()
        self.lab.servers("kill", "rabbitmq")
        self.lab.servers("start", "rabbitmq")
        self.that(where() == before, "some chats went to another queue")

    def one_bucket_a_message(self):
        self.write(['{"type":"message","tenant":"one","chat":"%s","id":"1"}' % c
                    for c in "1212"])
        chats = {}
        for queue in queues("records.g1", 3):
            out = self.lab.must([PROBE, "-e", "read", "queue:" + queue]).out
            for line in out.decode().splitlines():
                message, record = line.split("\t", 1)
                chats.setdefault(message, []).append(json.loads(record)["chat"])
        self.equal(sorted(c for x in chats.values() for c in x), list("1122"),
                   "all four")
        self.that(all(len(set(x)) == 1 for x in chats.values()),
                  f"mixed: {chats}")

    def another_number(self):
        """While a publisher writes: each line is in one generation or the
        other."""
        lab, log, old = self.lab, self.lab.path("log"), queues("records.g1", 3)
        with open(log, "wb") as out:
            writer = lab.start([PROBE, "-p", "-b", "500", "write",
                                "exchange:records"], stdout=out,
                               stdin=subprocess.PIPE)
        stop, sent = threading.Event(), 0

        def feed():
            nonlocal sent
            while not stop.is_set():
                writer.stdin.write("".join(x + "\n" for x in records(
                    sent + 1, sent + 1000)).encode())
                writer.stdin.flush()
                sent += 1000
                until(60, lambda: f"confirmed {sent}\n" in lab.text("log"),
                      "a confirm")

        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        both = []

        def take(*names):
            for queue in names:
                out = lab.must([PROBE, "-e", "read", "queue:" + queue]).out
                both.extend((queue, *line.split("\t", 1))
                            for line in out.decode().splitlines())

        until(30, lambda: sent >= 10000, "some to be written")
        self.topology("-n", "2", code=75,
                      says="is not empty; let its consumer finish, then try again")
        take(*old)
        reader = lab.start([PROBE, "-p", "read", "queue:" + old[1]])
        until(20, lambda: [old[1], "1"] in self.listed(
            "queues", "name", "consumers"), "a reader")
        self.topology("-n", "2", code=75,
                      says=f"'{old[1]}' has a consumer; stop it first")
        lab.end(reader)
        new = self.topology("-n", "2")
        self.equal(new, queues("records.g2", 2), "new queues")
        was = sent
        until(30, lambda: sent > was + 1000, "more to be written")
        stop.set()
        feeder.join()
        writer.stdin.close()
        self.equal(writer.wait(), 0, "the writer")
        self.equal(lab.text("log").splitlines()[-1], f"confirmed {sent}", "log")
        take(*new)
        ids, where, generations = {}, {}, set()
        for queue, message, text in both:
            r, generation = json.loads(text), queue.split(".")[1]
            # Unconfirmed messages may be repeated, with the same id.
            self.that(ids.setdefault(r["n"], message) == message, text)
            generations.add(generation)
            chat = generation, r["tenant"], r["chat"]
            self.that(where.setdefault(chat, queue) == queue, f"split: {text}")
        self.that(sorted(ids) == list(range(1, sent + 1)), f"{len(ids)} lines")
        self.equal(generations, {"g1", "g2"}, "generations")
        self.equal(self.names("records.g"), new, "queues that are left")
        self.equal(self.topology("--list"), new, "the newest")
        self.equal(lab.sql("SELECT generation, parts FROM generations"),
                   [["2", "2"]], "what the database knows")

    def printed(self):
        """The plan of --print has the same effect when the aggregator gets
        it."""
        done = self.lab.must(["scripts/topology", "-b", BIN, "-p", "x", "-n",
                              "1", "--print"])
        lines = done.out.decode().splitlines()
        binds = [f"bind x.g1 x.g1.0 {bucket}" for bucket in range(64)]
        self.equal([x for x in lines if x in binds], binds, "buckets")
        self.equal([x for x in lines if x not in binds], [
            "exchange x.g1 direct", "queue x.g1.0", "exchange x.g1.all fanout",
            "bind x.g1.all x.g1.0 all", "exchange x fanout",
            "exchange x.all fanout", "pass x x.g1", "pass x.all x.g1.all"],
            "the plan")
        self.plan(*lines)
        self.plan(*lines)
        self.write(['{"type":"message","tenant":"t","chat":"1"}'], to="x")
        self.equal(len(self.lab.take("x.g1.0")), 1, "messages")
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                ["scripts/topology", "-b", BIN, "-p", "x", "-n", "1", "--print"],
                stdout=full, stderr=subprocess.PIPE, env=self.lab.env,
                check=False)
        self.equal(done.returncode, 74, f"nowhere to write: {done}")

    def wrong_plans(self):
        self.plan("queue a", "bind a", code=65, says="line 2: 'bind' is not "
                  "a known action, or has too many words")
        self.plan("queue a b/c", code=65, says=None)
        self.plan("exchange a/b fanout", code=65, says="'a/b' is not a name")
        self.plan("exchange x topic", code=78, says="line 1: cannot create "
                  "exchange 'x'.*delete it, or change what differs")
        self.plan("exchange y x-no-such-type", code=78,
                  says="unknown exchange type")

    def cut_off(self):
        """Interrupted at any line and run again, perhaps with another number of
        queues."""
        def half_done(lines, count):
            done = self.lab.must(["scripts/topology", "-b", BIN, "-p", "cut",
                                  "-n", str(count), "--print"])
            self.plan(*done.out.decode().splitlines()[:lines])

        def bound():
            return sorted(b for b in self.listed(
                "bindings", "source_name", "destination_name", "routing_key")
                if b[0].startswith("cut.g1")), self.names("cut.g1")

        def switched(generation):
            self.equal([b for b in self.listed(
                "bindings", "source_name", "destination_name")
                if b[0] == "cut"], [["cut", f"cut.g{generation}"]], "the switch")
            self.equal(self.names("cut"), self.topology("-p", "cut", "--list"),
                       "queues")

        self.topology("-p", "cut", "-n", "2")
        want = bound()
        for lines, count in ((3, 3), (60, 3), (65, 1)):
            self.plan(*(f"drop queue {q}" for q, in self.listed("queues", "name")
                        if q.startswith("cut.g1")),
                      "drop exchange cut.g1", "drop exchange cut.g1.all")
            half_done(lines, count)
            self.topology("-p", "cut", "-n", "2")
            self.equal(bound(), want, f"after {lines} lines of {count} queues")
        half_done(60, 3)
        self.topology("-p", "cut", "-n", "4")
        switched(2)
        self.plan("part cut cut.g2", "part cut.all cut.g2.all")
        self.topology("-p", "cut", "-n", "4")
        switched(2)
        self.topology("-p", "cut", "-n", "1")
        switched(3)


run_checks(Test)
