"""single: where a stranger publishes one record a message: how fast aggregator
and sink work a full queue off, beside the same pipeline in Go, and what both
take of the CPU."""

import table # first: it knows where the others are
import rivals

from harness import Checks, Lab, main
from streamlib import IN, House, Totals

MESSAGES = table.scaled(300000)
ROUNDS = table.rounds(3)
WORLD = ["--tenants", "4", "--users", "5000", "--operators", "50", "--chats",
         str(max(1000, MESSAGES // 50)), "--views", "0", "--events", "0",
         "--late", "0"]
PATIENCE = 600
AHEAD = 2000 # messages that the broker may send ahead to the other


class Race:
    def __init__(self, lab):
        self.lab = lab
        self.house = House(lab, pool="1G")
        self.sql = self.house.sql
        self.checks = Checks()

    def fill(self):
        path = self.lab.path("totals")
        self.house.load("-n", MESSAGES, "--single", "--totals", path, *WORLD)
        self.totals = Totals(path)
        table.quiet()

    def stored(self, name):
        return (self.sql.number(f"SELECT COUNT(*) FROM {name}")
                == self.totals["messages"])

    def timed(self, start, name):
        """Rate, CPU seconds."""
        self.fill()
        began = table.now()
        start()
        with table.Cpu(self.house.running.values()) as cpu:
            last = self.house.rest(PATIENCE, lambda: self.stored(name))
        for daemon in sorted(self.house.running):
            code = self.house.stop(daemon)
            self.checks.that(code == 0, f"{daemon}: exit {code}")
        return MESSAGES / (last - began), cpu.seconds

    def ours(self, number):
        for name in ("messages", "operator_metrics", "chat_metrics",
                     "user_stats", "tenants"):
            self.sql.ask(f"TRUNCATE TABLE {name}")
        self.house.state = self.lab.path(f"state{number}")

        def start():
            self.house.sink()
            self.house.aggregator(metrics="operators,chats,users,messages")

        result = self.timed(start, "messages")
        self.totals.compare_messages(self.checks, self.sql)
        self.totals.compare_users(self.checks, self.sql)
        return result

    def go(self):
        env = {"MYSQL_DSN": rivals.mysql_dsn(self.lab)}

        def start():
            self.house.running["go"] = self.lab.start(
                [rivals.path("gopipeline"), IN, str(AHEAD)],
                self.lab.path("go.log"), env=env)

        return self.timed(start, "go_messages")


def body():
    table.machine()
    with Lab("single") as lab:
        there = rivals.build("gopipeline")
        race = Race(lab)
        ours, go = [], []
        for k in range(ROUNDS):
            ours.append(race.ours(k))
            if there:
                go.append(race.go())
        rate = table.median([r for r, _ in ours])
        lines = [("aggregator and sink", rate, "msg/s",
                  f"CPU {table.median([c for _, c in ours]):.2f} s")]
        if go:
            speed = table.ratio([r for r, _ in ours], [r for r, _ in go])
            part = table.ratio([c for _, c in ours], [c for _, c in go])
            lines += [
                ("Go", table.median([r for r, _ in go]), "msg/s",
                 f"CPU {table.median([c for _, c in go]):.2f} s"),
                ("ratio", speed, "", table.at_least(speed, 1.2)),
                ("CPU seconds / Go's", part, "", table.at_most(part, 0.5)),
            ]
        table.show(
            f"A queue of {MESSAGES:,} messages, one record each, to committed",
            lines, f"Medians of {ROUNDS} rounds, turn by turn, from the start "
            "of the programs to the last row written.")
        return race.checks.result()


main(body)
