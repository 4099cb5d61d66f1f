"""poller: a first poll of 2,000 dialogs from a CRM that takes 50 ms an
answer, beside curl --parallel over the same URLs, turn by turn; then the
memory of ten polls that keep their state."""

import os
import shutil
import time

import table # first: it knows where the others are

from harness import TOKEN, Lab, main

DIALOGS = 2000
CONCURRENCY = 16
LATENCY_MS = 50
ROUNDS = 3
POLLS = 10


def urls(sim):
    """What a first poll asks for."""
    found = [sim.url + "/operators?limit=200&offset=0"]
    dialogs = list(sim.open_dialogs())
    found += [
        f"{sim.url}/dialogs?state=open&order=asc&limit=200&offset={n}"
        for n in range(0, len(dialogs), 200)
    ]
    found += [
        f"{sim.url}/messages?dialog_id={d}&limit=200&order=desc"
        for d in dialogs
    ]
    return found


class Race:
    def __init__(self, lab):
        self.lab = lab
        self.sim = lab.sim(
            "--dialogs", DIALOGS, "--operators", 10, "--messages", 10,
            "--pace", 1200, "--latency", LATENCY_MS,
        )
        self.state = lab.path("state")
        self.conf = lab.conf("messaging.conf", {
            "crm acme": {"url": self.sim.url, "token": TOKEN,
                         "concurrency": CONCURRENCY},
            "poller": {"state": self.state},
        })
        header = lab.write("header", f"Authorization: {TOKEN}\n")
        text = "".join(
            f'url = "{u}"\noutput = "/dev/null"\n' for u in urls(self.sim)
        )
        self.curl = [
            shutil.which("curl"), "-s", "--parallel", "--parallel-max",
            CONCURRENCY, "--compressed", "-H", "@" + header, "-K",
            lab.write("urls", text),
        ]

    def timed(self, argv):
        calls = self.sim.calls()
        done = self.lab.run(argv)
        if done.code != 0:
            raise AssertionError(f"{argv[0]}: {done}")
        done.calls = self.sim.calls() - calls
        return done

    def first_poll(self):
        if os.path.exists(self.state):
            shutil.rmtree(self.state)
        return self.timed(["poller", "-c", self.conf])

    def run(self):
        ours, curls = [], []
        for _ in range(ROUNDS):
            curls.append(self.timed(self.curl))
            ours.append(self.first_poll())
        self.show(ours, curls)
        self.memory()

    def show(self, ours, curls):
        wall = table.median([d.wall for d in ours])
        curl = table.median([d.wall for d in curls])
        cpu = table.median([d.cpu for d in ours])
        table.show(
            f"First poll of {DIALOGS} dialogs, {LATENCY_MS} ms an answer, "
            f"concurrency {CONCURRENCY}",
            [
                ("curl --parallel, the same URLs", curl, "s",
                 f"{curls[0].calls:,} calls, CPU "
                 f"{table.median([d.cpu for d in curls]):.2f} s"),
                ("poller", wall, "s", f"{ours[0].calls:,} calls"),
                ("ratio", table.ratio([d.wall for d in ours],
                                      [d.wall for d in curls]), "",
                 "limit 1.25"),
                ("poller's CPU", cpu, "s"),
                ("poller's peak memory",
                 table.median([d.peak_kib for d in ours]) / 1024, "MiB"),
                ("the least that latency allows",
                 ours[0].calls * LATENCY_MS / 1000 / CONCURRENCY, "s"),
            ],
            f"Medians of {ROUNDS} rounds, turn by turn.",
        )

    def memory(self):
        self.sim.control("set", latency=0)
        peaks = []
        began = time.monotonic()
        for _ in range(POLLS):
            self.sim.advance(60)
            peaks.append(self.timed(["poller", "-c", self.conf]).peak_kib)
        took = time.monotonic() - began
        early, late = max(peaks[:3]), max(peaks[-3:])
        table.show(f"{POLLS} more polls, about 5 % changed each time", [
            ("peak memory, the first three", early / 1024, "MiB"),
            ("peak memory, the last three", late / 1024, "MiB"),
            ("ratio", late / early, "", "does not grow"),
            ("a poll, the CRM answering at once", took / POLLS, "s"),
        ])


def body():
    with Lab("race") as lab:
        Race(lab).run()
    return 0


main(body)
