"""pipeline: the whole pipeline on one machine: the generator into a quorum
queue, the aggregator, a queue and the sink, until everything is committed:
every message stored, and operators, chats and users rolled up. In the same run
it is compared with a bare loop that only stores the same messages, on one
connection and on two. The tables are compared with a count of its records."""

import json

import table # adds the folder of the harness to the path
import rivals

from harness import Checks, Lab, main
from streamlib import IN, House, Totals

MESSAGES = table.scaled(4000000)
ROUNDS = table.rounds(3)
WORLD = ["--tenants", "4", "--users", "20000", "--operators", "50",
         "--chats", str(max(1000, MESSAGES // 50)), "--views", "0",
         "--events", "0", "--late", "0"]
METRICS = "operators,chats,users,messages"
# The part of the messages that the bare loop stores on one connection; with
# two, the database has both cores.
BARE_PART = {1: 0.5}
PATIENCE = 900
LOOK = 0.1 # seconds; each query costs CPU, too


class Race:
    def __init__(self, lab):
        self.lab = lab
        self.house = House(lab, pool="1G")
        self.sql = self.house.sql
        self.file = lab.path("stream")
        self.house.load("-n", MESSAGES, "-t", self.file, *WORLD)
        self.totals = Totals(self.file)
        self.checks = Checks()

    def truncate(self, *names):
        for name in names:
            self.sql.ask(f"TRUNCATE TABLE {name}")

    def stored(self, name):
        return (self.sql.number(f"SELECT COUNT(*) FROM {name}")
                == self.totals.messages)

    def publish(self):
        return self.house.load("-n", MESSAGES, *WORLD)

    def ours(self, number):
        h = self.house
        self.truncate("messages", "operator_metrics", "chat_metrics",
                      "user_stats", "closed_chats", "refused_rows", "tenants",
                      "stream_heads", "stream_state")
        h.state = self.lab.path(f"state{number}")
        table.quiet()
        servers = table.cpu_of_servers(self.lab)
        h.sink()
        h.aggregator(metrics=METRICS)
        with table.Cpu(h.running.values()) as cpu:
            began = table.now()
            self.publish()
            last = h.rest(PATIENCE, lambda: self.stored("messages"),
                          every=LOOK)
        used = table.minus(table.cpu_of_servers(self.lab), servers)
        self.totals.compare_messages(self.checks, self.sql)
        self.totals.compare_users(self.checks, self.sql)
        for name in ("aggregator", "sink"):
            self.checks.that(h.stop(name) == 0, f"{name}: {h.log(name)}")
        return self.totals.messages / (last - began), cpu, used

    def bare(self, connections):
        self.truncate("messages")
        table.quiet()
        done = self.lab.must([rivals.path("store"), connections],
                             stdin=open(self.file, "rb"), timeout=PATIENCE)
        return self.totals.messages / json.loads(done.out)["seconds"]


def describe(cpu, used):
    return (f"CPU {cpu.seconds:.1f} s, broker {used['rabbitmq']:.1f}, "
            f"database {used['mariadb']:.1f}; peak "
            f"{cpu.peak_kib / 1024:.0f} MiB")


def body():
    table.machine()
    with Lab("pipeline") as lab:
        there = rivals.build("store")
        race = Race(lab)
        ours, bare = [], {1: [], 2: []}
        for k in range(ROUNDS):
            ours.append(race.ours(k))
            if "store" in there:
                for n, rates in bare.items():
                    rates.append(race.bare(n))
        rate = [r for r, _, _ in ours]
        lines = [("aggregator and sink", table.median(rate), "msg/s",
                  describe(*ours[-1][1:]))]
        for n, rates in bare.items():
            if rates:
                ratio = table.ratio(rate, rates)
                lines += [(f"bare bulk-array loop, connections: {n}",
                           table.median(rates), "msg/s"),
                          ("ratio", ratio, "",
                           table.at_least(ratio, BARE_PART.get(n)))]
        table.show(
            f"Generator to committed: {MESSAGES:,} messages, gathered to "
            "124 KB for the broker, metrics included", lines,
            f"Medians of {ROUNDS} rounds, turn by turn, from the first "
            "publish to the last row written.")
        return race.checks.result()


main(body)
