"""growth: how much a database grows in a day at 1, 1,000 and 10,000 records per
second, with all metrics and the state in the database. A stream is published in
which the records are as far apart as at that rate, and the tables are measured.
At 1 per second it is a whole day; at the other rates an hour or less, from which
a day is computed. The state is limited: see messaging-stream(7)."""

import table # adds the folder of the harness to the path

from harness import Lab, main
from streamlib import IN, ROWS, House

RECORDS = table.scaled(200000)
DAY = 86400
# Records per second: how many customers write in a day, and operators.
HOUSES = {1: (1000, 5), 1000: (500000, 500), 10000: (2000000, 2000)}
STATE = "stream_state"
SIZES = ("SELECT table_name, SUM(data_length + index_length) FROM "
         "information_schema.tables WHERE table_schema = DATABASE() AND "
         "table_type = 'BASE TABLE' GROUP BY table_name")


class Growth:
    def __init__(self, lab, rate):
        self.rate, self.lab = rate, lab
        self.records = min(RECORDS, rate * DAY)
        customers, operators = HOUSES[rate]
        # As many as write in this part of the day.
        part = self.records / (rate * DAY)
        self.customers = max(10, int(customers * part))
        self.operators = operators

    def sizes(self):
        tables = [t for (t,) in self.lab.sql(
            "SELECT table_name FROM information_schema.tables WHERE "
            "table_schema = DATABASE() AND table_type = 'BASE TABLE'")]
        self.lab.sql("ANALYZE TABLE " + ", ".join(tables))
        return {name: int(size) for name, size in self.lab.sql(SIZES)}

    def run(self):
        house = House(self.lab, private=True)
        empty = self.sizes()
        house.sink()
        house.aggregator(metrics="all", every="1s")
        house.load("-n", self.records, "--gap", 1000 // self.rate or 1,
                   "--rate", 5000, "--tenants", 1, "--users", self.customers,
                   "--chats", self.customers, "--active",
                   max(5, self.customers // 20), "--operators", self.operators,
                   "--late", 0)
        house.rest(600, lambda: house.queue_rests(IN, ROWS))
        grown = {t: n - empty.get(t, 0) for t, n in self.sizes().items()}
        state = grown.pop(STATE)
        times = self.rate * DAY / self.records
        largest = sorted(grown, key=lambda t: -grown[t])[:3]
        return (times * sum(grown.values()), times * state, ", ".join(
            f"{t} {100 * grown[t] / sum(grown.values()):.0f} %"
            for t in largest))


def shown(size):
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def body():
    table.machine()
    print(f"{'records/s':>9}  {'rows a day':>10}  {'state at most':>13}  "
          "largest tables")
    for rate in HOUSES:
        with Lab("growth") as lab:
            rows, state, largest = Growth(lab, rate).run()
        print(f"{rate:>9,}  {shown(rows):>10}  {shown(state):>13}  {largest}",
              flush=True)
    return 0


main(body)
