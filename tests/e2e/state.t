#!/usr/bin/env -S python3 -B
"""With keep_state = database, a lost or old state of the aggregator changes no
figure: all tables equal the oracle's (stream_rounds.py), without a replay.

While a random stream is published, two aggregators with folders of their own
wait for each other, and one of these happens again and again to one of them:
it is killed, at a random moment or at a fault point; its state is removed, is
replaced by an older one, by a copy that was made while it ran, or by that of the
other one, or is in another folder; it is frozen, and thawed when the other one
has taken over. The sink, broker and database are killed, too. The last run
begins without a state.

One round (LONG=1: 40). SEED=n repeats one, ROUNDS=n sets their number.
"""

import os
import shutil
import signal
import threading
import time

from harness import LONG, Checks, Lab, main, say, seed
from stream_rounds import Round, tell

ROUNDS = int(os.environ.get("ROUNDS", 40 if LONG else 1))
POINTS = ("before_commit", "after_commit", "stored", "rows_confirmed",
          "state_loaded", "passed_on", "snapshot_applied")
LOADED, REFUSED = "state_loaded ", "starting again from there"
AGGREGATORS = ("aggregator", "standby")


class StateRound(Round):
    def __init__(self, lab, number):
        super().__init__(lab, number)
        self.folders = {name: "state." + name for name in AGGREGATORS}
        self.saved, self.made, self.did = [], 0, {}
        self.timers = []

    def settings(self, terms):
        super().settings(terms)
        for name in "conf", "conf.ample":
            with open(self.lab.path(name)) as f:
                text = f.read()
            text = text.replace("[amqp]\n", "[amqp]\nheartbeat = 1s\n")
            self.lab.write(name, text.replace(
                "[aggregator]\n", "[aggregator]\nkeep_state = database\n"))
        return self.lab.path("conf")

    def commands(self):
        sink = super().commands()
        argv = sink.pop("aggregator")
        return {**sink, **{
            name: argv[:-1] + [self.lab.path(folder)]
            for name, folder in self.folders.items()}}

    def new_folder(self):
        self.made += 1
        return "state.%d" % self.made

    def start(self, name, fault=None):
        argv, env = self.commands()[name], None
        if fault:
            argv[0] = os.path.abspath("build/faults/bin/aggregator")
            env = {"FAULT": fault}
        self.running[name] = self.lab.start(
            argv, self.lab.path(name + ".log"), env)

    def copy(self, name):
        """A copy of the state of a stopped program."""
        path = self.lab.path(self.folders[name])
        to = self.lab.path(self.new_folder())
        if os.path.exists(path + "/stream.mdb"):
            os.mkdir(to)
            shutil.copy(path + "/stream.mdb", to)
            self.saved.append(to)

    def put(self, name, saved):
        path = self.lab.path(self.folders[name])
        shutil.rmtree(path, ignore_errors=True)
        if saved:
            shutil.copytree(saved, path)

    def kill(self, name):
        if name not in AGGREGATORS:
            return super().kill(name)
        d = self.dice
        what = d.choice(("killed", "fault", "removed", "older", "copied",
                         "of the other", "elsewhere", "frozen"))
        self.did[what] = self.did.get(what, 0) + 1
        p = self.running[name]
        if what == "frozen":
            p.send_signal(signal.SIGSTOP)
            timer = threading.Timer(d.uniform(0, 6), p.send_signal,
                                    (signal.SIGCONT,))
            timer.start()
            self.timers.append(timer)
            return None
        if what == "copied":
            p.send_signal(signal.SIGSTOP)
            self.copy(name)
            p.send_signal(signal.SIGCONT)
            time.sleep(d.uniform(0, 0.5))
        self.remove(name)
        if what == "removed":
            self.put(name, None)
        elif what in ("older", "copied") and self.saved:
            self.put(name, self.saved[-1 if what == "copied" else
                                      d.randrange(len(self.saved))])
        elif what == "of the other":
            other = AGGREGATORS[name == AGGREGATORS[0]]
            self.running[other].send_signal(signal.SIGSTOP)
            self.copy(other)
            self.running[other].send_signal(signal.SIGCONT)
            if self.saved:
                self.put(name, self.saved[-1])
        elif what == "elsewhere":
            self.folders[name] = self.new_folder()
        else:
            self.copy(name)
        self.start(name, "aggregator.%s:%d" % (
            d.choice(POINTS), d.choice((1, 1, 2, 5))) if what == "fault"
            else None)
        return None

    def told(self, words):
        """How often the aggregators have logged this."""
        n = 0
        for name in AGGREGATORS:
            with open(self.lab.path(name + ".log"), errors="replace") as f:
                n += f.read().count(words)
        return n

    def end(self):
        for timer in self.timers:
            timer.cancel()
        for name in list(self.running):
            self.remove(name)
        # The last one begins with nothing, and needs a sink meanwhile.
        self.folders["aggregator"] = self.new_folder()
        self.start("sink")
        self.last_run("aggregator", self.commands()["aggregator"])
        self.remove("sink")
        self.last_run("sink", ["sink", "-c", self.ample, "-f", self.to])


def body():
    first = seed() % 10 ** 8
    checks = Checks()
    with Lab("state") as lab:
        lab.start_servers(private=True)
        conf = lab.conf("conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        lab.must(["aggregator", "--declare"], stdin=b"queue records\n")
        for i in range(ROUNDS):
            r = StateRound(lab, first + i)
            before = [r.told(w) for w in (LOADED, REFUSED)] if i else [0, 0]
            wrong = r.run()
            say("SEED=%d: %s; tenants loaded %d, flushes refused %d" % (
                r.number, ", ".join("%d %s" % (n, what)
                                    for what, n in sorted(r.did.items())),
                r.told(LOADED) - before[0], r.told(REFUSED) - before[1]))
            if not checks.that(not wrong, "SEED=%d" % r.number):
                tell(r, wrong)
                if not LONG:
                    break
    return checks.result()


main(body)
