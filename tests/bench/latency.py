"""latency: from publishing a message until it is committed and counted, seen
from outside at a steady rate, and the memory of aggregator and sink meanwhile,
with a window short enough to be full, and so few chats at a time that most of
them have ended and begun anew by then: a chat that goes on keeps what it has."""

import json
import threading
import time

import table # first: it knows where the others are

from harness import TESTBIN, Checks, Lab, main
from streamlib import IN, ROWS, House

# Messages a second, seconds in all, limit of the 99th percentile in ms, and
# how often rows are written: the fewer messages, the less it costs.
RATES = [(10000, table.scaled(300, 15), 50, "20ms"),
         (2000, table.scaled(90, 15), 20, "5ms")]
ROUNDS = table.rounds(3)
WINDOW = "60s"


class Memory(threading.Thread):
    """Looks once a second; [(seconds, {name: KiB})]."""

    def __init__(self, house):
        super().__init__(daemon=True)
        self.house = house
        self.ending = threading.Event()
        self.seen = []

    def run(self):
        began = time.monotonic()
        while not self.ending.wait(1):
            try:
                self.seen.append((time.monotonic() - began, {
                    n: table.memory_of(p.pid)
                    for n, p in self.house.running.items()}))
            except OSError:
                return # it has ended

    def lines(self):
        """Between the middle and the end: the window has long been full."""
        if len(self.seen) < 8:
            return []
        found = []
        for name in sorted(self.seen[-1][1]):
            kib = [m[name] for _, m in self.seen]
            half = len(kib) // 2
            early = max(kib[half:half + half // 2])
            late = max(kib[half + half // 2:])
            found += [
                (f"memory of {name}, third quarter", early / 1024, "MiB"),
                ("last quarter", late / 1024, "MiB",
                 table.at_most(round(late / early, 3), 1.05)
                 if len(kib) >= 200 else ""),
            ]
        return found


def measure(house, rate, seconds, limit, every):
    lab = house.lab
    house.state = lab.path(f"state.{rate}")
    house.sink(source=ROWS)
    house.aggregator("--window", WINDOW, every=every, to=ROWS,
                     metrics="operators,chats,users,messages,conversations")
    memory = Memory(house)
    memory.start()
    load = house.load(
        "--stamp", "--rate", rate, "--seconds", seconds + 5, "--window",
        WINDOW, "--chats", "4000", "--users", "5000", "--late", "0",
        wait=False)
    time.sleep(3) # the first second builds up what is there ever after
    rounds = []
    for _ in range(ROUNDS):
        done = lab.must([TESTBIN + "/tools/latency", "-c", house.conf,
                         "queue:" + IN, int(seconds / ROUNDS)],
                        timeout=seconds + 60)
        rounds.append(json.loads(done.out))
    code = load.wait(seconds + 60)
    memory.ending.set()
    memory.join()
    house.check_alive()
    said = json.loads(house.log("load").splitlines()[-1])

    def mid(key):
        return table.median([r[key] for r in rounds])

    table.show(
        f"Publish to commit at {rate:,} messages a second, {seconds} s", [
            ("50th percentile", mid("p50_ms"), "ms"),
            ("99th percentile", mid("p99_ms"), "ms",
             table.at_most(mid("p99_ms"), limit)),
            ("the longest", max(r["max_ms"] for r in rounds), "ms"),
            ("the message alone, 99th", mid("stored_p99_ms"), "ms"),
            ("probes", sum(r["probes"] for r in rounds), "",
             f"{sum(r['lost'] for r in rounds)} not seen in ten seconds"),
            ("the generator kept its pace within", said["behind_ms"], "ms"),
        ] + memory.lines(),
        f"Medians of {ROUNDS} rounds; window {WINDOW}, rows every {every}; "
        "metrics counted when seen.")
    for name in ("aggregator", "sink"):
        house.stop(name)
    return code == 0 and all(r["lost"] == 0 for r in rounds)


def body():
    table.machine()
    checks = Checks()
    with Lab("latency") as lab:
        house = House(lab, pool="1G")
        for rate, *how in RATES:
            checks.that(measure(house, rate, *how),
                        f"{rate} a second: everything arrived")
    return checks.result()


main(body)
