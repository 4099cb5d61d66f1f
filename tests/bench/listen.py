"""listen: messages over HTTP, answered when the broker has them. Compares the
listener with a handler in Go at 256 connections: the rate, the memory and the
waits at half that rate, and checks that the queue has each accepted message
once."""

import json
import os
import threading

import table # adds the folder of the harness to the path
import rivals

from harness import PROBE, TESTBIN, Checks, Lab, main, until

CONNECTIONS = 256
SECONDS = table.scaled(5, 1)
ROUNDS = table.rounds(3)
WARM_UP = 1 # seconds
LIMITS = {"ratio": 1.5, "memory": 0.5, "p99_ms": 20}


class Memory(threading.Thread):
    """The most private memory a process has used. Mapped files of libraries are
    shared, so they do not count."""

    def __init__(self, p):
        super().__init__(daemon=True)
        self.p, self.most = p, 0
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.02) and self.p.poll() is None:
            self.most = max(self.most, table.memory_of(self.p.pid))

    def peak(self):
        self.ending.set()
        self.join()
        return self.most


class Listener:
    """Our listener or the one in Go. Each measurement gets a fresh process,
    since peak memory counts from its start."""

    def __init__(self, lab, argv, name):
        self.lab, self.name = lab, name
        port_file = lab.path(name + ".port")
        self.log = lab.path(name + ".log")
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.p = lab.start([*argv, port_file], self.log)
        self.memory = Memory(self.p)

        def ready():
            if self.p.poll() is not None:
                raise AssertionError(f"{name}: " + open(self.log).read())
            return os.path.exists(port_file)

        until(30, ready, "the port of " + name)
        self.port = int(open(port_file).read())

    def load(self, *options):
        return json.loads(self.lab.must(
            [TESTBIN + "/tools/httpload", *options, self.port],
            timeout=600).out)

    def stop(self, checks):
        """Returns its peak memory: private, and with libraries."""
        peak = self.memory.peak(), table.peak_of(self.p.pid)
        self.p.terminate()
        code = self.p.wait(60)
        self.lab.processes.remove(self.p)
        checks.that(code == 0, f"exit {code}: " + open(self.log).read()[-500:])
        return peak


class Race:
    def __init__(self, lab):
        self.lab = lab
        self.checks = Checks()
        self.first = 0
        # No rate limit: all requests come from one client.
        self.conf = lab.conf("messaging.conf", {"listen": {
            "tenant": "acme", "rate": 0,
            "connections_per_address": 2 * CONNECTIONS}})

    def ours(self):
        return Listener(
            self.lab, ["poller", "--listen", "127.0.0.1:0", "-v", "-c",
                       self.conf, "-t", "queue:ours", "--state",
                       self.lab.path("state"), "--port-file"], "ours")

    def go(self):
        return Listener(
            self.lab, [rivals.path("golisten"), "go"], "go")

    def numbers(self):
        """The offset at which the next requests begin to count."""
        self.first += 100000000
        return self.first

    def compare(self, listener, files):
        """Each message is in the queue as often as it was accepted. If a
        confirm was lost, the same record is there again with the same id."""
        want, got, ids = {}, {}, set()
        for path in files:
            with open(path) as f:
                for line in f:
                    want[int(line)] = want.get(int(line), 0) + 1
        # A broker that stalls looks like an empty queue.
        while lines := self.lab.must(
                [PROBE, "-e", "read", "queue:" + listener.name], timeout=600).out.splitlines():
            for line in lines:
                r = json.loads(line.split(b"\t", 1)[1])
                if r["id"] not in ids:
                    n = int(r["text"].split()[0])
                    got[n] = got.get(n, 0) + 1
                ids.add(r["id"])
        lost = sum(n > got.get(k, 0) for k, n in want.items())
        more = sum(n > want.get(k, 0) for k, n in got.items())
        self.checks.that(lost == 0, f"{listener.name}: {lost} lost")
        self.checks.that(more == 0, f"{listener.name}: {more} that nobody "
                         "was told of, or twice")
        return len(want)

    def measure(self, listener):
        """Returns the rate, the 99th percentile at half of it, the peak memory
        and the number of messages."""
        files = [self.lab.path("warm"), self.lab.path("full"),
                 self.lab.path("half")]
        c = ("-c", CONNECTIONS, "-o")
        listener.load(*c, files[0], "-f", self.numbers(), "-s", WARM_UP)
        table.quiet(wait_timeout=3)
        full = listener.load(*c, files[1], "-f", self.numbers(), "-s", SECONDS)
        rate = full["success"] / SECONDS
        half = listener.load(*c, files[2], "-f", self.numbers(), "-s", SECONDS,
                             "-r", int(rate / 2))
        own, all_ = listener.stop(self.checks)
        for told in (full, half):
            bad = {k: told[k] for k in ("refused", "later", "broken", "silent")
                   if told[k]}
            self.checks.that(not bad, f"{listener.name}: {told}")
        return {"rate": rate, "p99": half["p99_ms"], "p50": half["p50_ms"],
                "half": half["success"] / SECONDS, "own": own,
                "all": all_, "n": self.compare(listener, files)}


def show_race(ours, go):
    def mid(runs, key):
        return table.median([r[key] for r in runs])

    def memory(runs):
        return (f"peak {mid(runs, 'own') / 1024:.1f} MiB of its own, "
                f"{mid(runs, 'all') / 1024:.1f} with libraries")

    lines = [("listener", mid(ours, "rate"), "req/s", memory(ours))]
    if go:
        rate = table.ratio([r["rate"] for r in ours], [r["rate"] for r in go])
        own = table.ratio([r["own"] for r in ours], [r["own"] for r in go])
        lines += [
            ("Go", mid(go, "rate"), "req/s", memory(go)),
            ("ratio", rate, "", table.at_least(rate, LIMITS["ratio"])),
            ("memory of its own / Go's", own, "",
             table.at_most(own, LIMITS["memory"])),
        ]
    lines += [
        ("at half its rate, 50th percentile", mid(ours, "p50"), "ms"),
        ("99th percentile", mid(ours, "p99"), "ms",
         table.at_most(mid(ours, "p99"), LIMITS["p99_ms"]),
         f"({mid(ours, 'half'):.0f} a second)"),
    ]
    if go:
        lines.append(("Go at half its own, 99th percentile", mid(go, "p99"),
                      "ms", f"({mid(go, 'half'):.0f} a second)"))
    lines.append(("accepted, and once in the queue each",
                  sum(r["n"] for r in ours), ""))
    table.show(f"Confirmed messages over HTTP at {CONNECTIONS} connections",
               lines, f"Medians of {ROUNDS} rounds, turn by turn; each answer "
               "waits for the broker; waits count from when a request was due.")


def body():
    table.machine()
    with Lab("listen") as lab:
        lab.start_servers("rabbitmq", private=True)
        there = rivals.build("golisten")
        race = Race(lab)
        # Both queues exist before the first measurement.
        for name in ("ours", "go"):
            lab.must([PROBE, "write", "queue:" + name])
        ours, go = [], []
        for _ in range(ROUNDS):
            ours.append(race.measure(race.ours()))
            if there:
                go.append(race.measure(race.go()))
        show_race(ours, go)
        return race.checks.result()


main(body)
