"""idle: what a million chats in which nothing happens cost: the CPU seconds
of a stream in a thousand chats with them in the state and without, and how
long a restart takes with that state until the first row is out."""

import subprocess
import time

import table # first: it knows where the others are

from harness import TESTBIN, Checks, Lab, main
from streamlib import IN, ROWS, House

IDLE = table.scaled(1000000, 20000)
ACTIVE = 1000
MESSAGES = table.scaled(1000000, 50000)
ROUNDS = table.rounds(3)
METRICS = "operators,chats,tenant"
WORLD = ["--tenants", "4", "--operators", "50", "--views", "0", "--events",
         "0", "--late", "0"]
SLEEPERS = ["--sweep", "--chats", IDLE, "-n", IDLE, "--users", "100000",
            "--gap", "1", "--duplicates", "0", "--latecomers", "0"]
BUSY = ["--chats", ACTIVE, "--active", ACTIVE, "--turnover", "0", "-n",
        MESSAGES, "--gap", "1"]
START = "2026-11-20T11:{:02d}:00Z"


class Queues:
    """Nobody reads the rows here: they are thrown away."""

    def __init__(self, house):
        self.house = house

    def ctl(self, *argv):
        return subprocess.run(
            ["scripts/servers", "rabbitmqctl", self.house.lab.server_dir, "-q",
             *argv], check=True, capture_output=True, text=True,
            stdin=subprocess.DEVNULL).stdout

    def purge(self):
        self.ctl("purge_queue", "-p", "messaging", ROWS)

    def drained(self):
        return self.house.queue_rests(IN)


class Idle:
    def __init__(self, lab):
        self.lab = lab
        self.house = House(lab)
        self.queues = Queues(self.house)
        self.house.load("-n", "10", source=ROWS) # makes the queue
        self.turn = 0

    def stream(self, options):
        """CPU seconds of the aggregator for it, from the first record to the
        last acknowledgement."""
        p = self.house.running["aggregator"]
        self.turn += 1
        began = self.rested(p) # reading the state is not counted
        self.house.load(*WORLD, "--seed", self.turn, "--start",
                        START.format(10 * self.turn % 60), *options)
        used = self.rested(p) - began
        self.queues.purge()
        return used

    def rested(self, p):
        """Its CPU seconds once it has taken everything and works no more."""
        was, since = -1, table.now()
        for _ in range(6000):
            is_ = table.fine_cpu_of(p.pid)
            if is_ - was > 0.01:
                was, since = is_, table.now()
            elif table.now() - since > 1.5 and self.queues.drained():
                return is_
            self.house.check_alive()
            time.sleep(0.1)
        raise AssertionError("the aggregator does not come to its end")

    def begin(self, state):
        self.house.aggregator(metrics=METRICS, state=self.lab.path(state))

    def end(self):
        if self.house.stop("aggregator") != 0:
            raise AssertionError(self.house.log("aggregator"))
        self.queues.purge()

    def first_row(self, state):
        """Seconds from the start of the program to a row of its own, with
        one record waiting for it."""
        self.turn += 1
        self.house.load(*WORLD, "--seed", self.turn, "-n", "1", "--operators",
                        "1", "--prefix", f"y{self.turn}-", "--start",
                        START.format(10 * self.turn % 60))
        reader = self.lab.start(
            [TESTBIN + "/tools/amqp_probe", "-p", "read", "queue:" + ROWS],
            stdout=subprocess.PIPE)
        began = table.now()
        self.begin(state)
        for line in reader.stdout:
            if b"chat_metrics" in line:
                break
        took = table.now() - began
        reader.kill()
        reader.wait()
        reader.stdout.close()
        self.lab.processes.remove(reader)
        self.end()
        return took


def body():
    table.machine()
    checks = Checks()
    with Lab("idle") as lab:
        idle = Idle(lab)
        idle.begin("full")
        filling = idle.stream(SLEEPERS)
        idle.end()
        restarts = [idle.first_row("full") for _ in range(ROUNDS)]
        alone, among = [], []
        for k in range(ROUNDS):
            idle.turn = k
            idle.begin(f"empty{k}")
            busy = BUSY + ["--prefix", f"x{k}-"] # ids nobody had before
            alone.append(idle.stream(busy))
            idle.end()
            idle.turn = k
            idle.begin("full")
            among.append(idle.stream(busy))
            peak = table.peak_of(idle.house.running["aggregator"].pid)
            idle.end()
        ratio = table.ratio(among, alone)
        table.show(
            f"{MESSAGES:,} messages in {ACTIVE:,} chats, {IDLE:,} idle ones "
            "in the state", [
                ("CPU to take the idle ones in", filling, "s"),
                ("alone", table.median(alone), "s"),
                ("with them", table.median(among), "s"),
                ("ratio", ratio, "", table.at_most(ratio, 1.5)),
                ("peak memory with them", peak / 1024, "MiB"),
                ("a restart until the first row", table.median(restarts), "s",
                 table.at_most(table.median(restarts), 2)),
            ], f"CPU seconds of the aggregator; medians of {ROUNDS} rounds.")
    return checks.result()


main(body)
