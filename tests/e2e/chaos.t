#!/usr/bin/env -S python3 -B
"""chaos: kill -9 of everything, at random, while a reader checks the tables. A
cycle: the CRM's clock is moved, the oracle reads the CRM, the minute job runs,
and every other time the reaper, too; some of the programs are killed at a
random moment. Broker and database are killed and restarted meanwhile. In the
first half of the cycles the sink is a daemon, in the second it runs from cron.
The clock does not move within a cycle, so the world at each row's as_of is
known: that of the cycle with the nearest time. 50 cycles (LONG=1: 500); SEED=N
repeats a run.
"""

import json
import random
import subprocess
import threading
import time

import tables
from harness import LONG, Checks, Lab, main, say, seed, until
from worlds import Worlds

CYCLES = 500 if LONG else 50
OUTAGES = CYCLES // 10
TENANTS = {"acme": ("chaos-token-a", 40), "bolt": ("chaos-token-b", 15)}
# Exit codes of a program that was not killed itself, while others were.
EXCUSED = {0, 65, 66, 75}
QUEUE = "queue:rows"
ROBOT = "10900" # a bot of the simulator


class Watch(threading.Thread):
    """Reads the tables as often as it can and checks every row."""

    def __init__(self, lab, worlds, checks):
        super().__init__()
        self.reader = tables.Reader(lab)
        self.worlds = worlds
        self.checks = checks
        self.known = set() # rows already checked
        self.looks = self.away = 0
        self.ending = threading.Event()
        self.seen = {} # tenant: the as_of values of its rows
        self.stones = set() # chats that had a tombstone

    def run(self):
        try:
            while not self.ending.wait(0.01):
                found = self.reader.look()
                if found is None:
                    self.away += 1
                    continue
                self.looks += 1
                self.check(found)
        except Exception as e: # would be lost in the thread
            self.checks.that(False, f"the reader fell over: {e!r}")
            raise
        finally:
            self.reader.close()

    def check(self, found):
        stones, chats = {}, []
        for table, text in found:
            if table not in ("closed_chats", "chat_metrics"):
                if (table, text) in self.known:
                    continue
            row = tables.row_of(table, json.loads(text))
            if table == "closed_chats":
                stones[tables.key_of(table, row)] = row["as_of"]
            if table == "chat_metrics":
                chats.append(row)
            if (table, text) not in self.known:
                self.known.add((table, text))
                self.compare(table, row)
        self.stones.update(stones)
        for row in chats:
            key = tables.key_of("chat_metrics", row)
            self.checks.that(
                stones.get(key, "") < row["as_of"],
                f"chat {key} is there as of {row['as_of']} although it has "
                f"a tombstone of {stones.get(key)}",
            )

    def compare(self, table, row):
        """Checks one new row."""
        if table == "tenants":
            return
        key = tables.key_of(table, row)
        want = self.worlds.expected(row["tenant"], row["as_of"])
        if table == "closed_chats":
            self.checks.that(
                want["chat_metrics"].get(key) is None,
                f"tombstone of {key}, an open chat, as of {row['as_of']}",
            )
            return
        if table == "chat_metrics" and row["status"] == "left":
            self.checks.that(
                want["chat_metrics"].get(key) is None,
                f"{key} is marked as left but open as of {row['as_of']}",
            )
            return
        self.seen.setdefault(row["tenant"], set()).add(row["as_of"])
        if key not in want[table]:
            self.checks.that(False, f"{table} {key}: nobody expects {row}")
            return
        for text in tables.differences(
            table, {key: want[table][key]}, {key: row}
        ):
            self.checks.that(False, f"{text} (as of {row['as_of']})")
        self.checks.that(True, "")


class Programs:
    """Starts the programs, kills some, and records the results."""

    def __init__(self, lab, dice, checks):
        self.lab = lab
        self.dice = dice
        self.checks = checks
        self.lives = {} # stage: about how long it runs
        self.kills = {}
        self.codes = {}
        self.ends = 0.4 # the probability that a program is killed
        self.disturbed = False
        self.log = lab.path("stderr")

    def start(self, stage, argv, **kw):
        p = self.lab.start(
            argv, stderr=open(self.log, "ab"), **kw
        )
        p.stage, p.began, p.doomed = stage, time.monotonic(), None
        if self.dice.random() < self.ends:
            life = self.lives.get(stage, 0.3)
            p.doomed = p.began + self.dice.uniform(0, 1.1 * life)
        return p

    def kill(self, p):
        p.kill()
        p.wait()
        self.kills[p.stage] = self.kills.get(p.stage, 0) + 1
        self.disturbed = True

    def finish(self, processes, wait_timeout=300):
        """Waits until all have ended, killed or not. Returns their exit
        codes."""
        end = time.monotonic() + wait_timeout
        left = list(processes)
        while left:
            now = time.monotonic()
            for p in left[:]:
                if p.poll() is not None:
                    left.remove(p)
                    if p.returncode == 0:
                        old = self.lives.get(p.stage, now - p.began)
                        self.lives[p.stage] = (
                            0.8 * old + 0.2 * min(now - p.began, 2.0)
                        )
                elif p.doomed is not None and now >= p.doomed:
                    self.kill(p)
                elif now > end:
                    self.checks.that(False, f"{p.stage} does not end")
                    p.kill()
                    p.wait()
            time.sleep(0.003)
        for p in processes:
            self.lab.processes.remove(p)
            key = (p.stage, p.returncode)
            self.codes[key] = self.codes.get(key, 0) + 1
        return [p.returncode for p in processes]

    def pipeline(self, *stages):
        """Starts a pipeline of (stage, argv)."""
        processes, stdin = [], subprocess.DEVNULL
        for i, (stage, argv) in enumerate(stages):
            last = i + 1 == len(stages)
            p = self.start(
                stage, argv, stdin=stdin,
                stdout=subprocess.DEVNULL if last else subprocess.PIPE,
            )
            if stdin != subprocess.DEVNULL:
                stdin.close()
            stdin = p.stdout
            processes.append(p)
        return processes


class Nemesis(threading.Thread):
    """Kills and restarts servers, one after the other."""

    locks = {"rabbitmq": threading.Lock(), "mariadb": threading.Lock()}

    def __init__(self, lab, which, delay):
        super().__init__()
        self.lab, self.which, self.delay = lab, which, delay
        self.failed = None
        self.start()

    def run(self):
        time.sleep(self.delay) # a random moment
        with self.locks[self.which]:
            try:
                self.lab.servers("kill", self.which)
                self.lab.servers("start", self.which)
            except Exception as e:
                self.failed = e


class Chaos:
    def __init__(self, lab, dice):
        self.lab, self.dice = lab, dice
        self.checks = Checks()
        self.sim = lab.sim(
            "--operators", dice.randint(3, 10),
            "--pace", 180, "--messages", 8, "--lag", 0,
            *[
                word
                for token, dialogs in TENANTS.values()
                for word in (
                    "--account",
                    f"{token}:{dice.randrange(1, 10**6)}:{dialogs}",
                )
            ],
        )
        self.conf = lab.conf("messaging.conf", {
            **{
                f"crm {tenant}": {
                    "url": self.sim.url, "token": token,
                    "operators_every": "0s", "customers": "yes",
                    "customer_phone": "yes", "bot_operators": ROBOT,
                }
                for tenant, (token, _) in TENANTS.items()
            },
            # On a busy machine, a freshly started broker may need part of this
            # time, and the next cycle counts as undisturbed.
            "amqp": {"wait_timeout": "30s"},
            "mysql": {"wait_timeout": "10s", "timeout": "10s"},
            "poller": {"state": lab.path("state"), "retry_budget": "2s"},
        })
        self.env = {"MESSAGING_CONFIG": self.conf}
        lab.env.update(self.env)
        self.programs = Programs(lab, dice, self.checks)
        self.worlds = Worlds(
            self.sim, {t: v[0] for t, v in TENANTS.items()}, customers=True,
            phones=True, bots=(ROBOT,),
        )
        self.daemon = None
        self.nemeses = []
        self.cycles = 0

    def setup(self):
        self.lab.start_servers("rabbitmq", "mariadb", private=True)
        done = self.lab.run(["sink", "--migrate"])
        if done.code != 0:
            raise AssertionError(f"sink --migrate: {done}")
        self.watch = Watch(self.lab, self.worlds, self.checks)
        self.watch.start()

    def keep_daemon(self):
        """Restarts the sink as a supervisor would."""
        p = self.daemon
        if p is not None and p.poll() is not None:
            self.checks.that(
                p.returncode in (-9,),
                f"the sink's daemon left by itself with {p.returncode}",
            )
            p = None
        self.daemon = p or self.programs.start(
            "sink daemon", ["sink", "-f", QUEUE]
        )

    def stop_daemon(self):
        p, self.daemon = self.daemon, None
        if p is None or p.poll() is not None:
            return
        p.terminate()
        self.checks.that(
            p.wait(120) == 0, f"the sink's daemon left with {p.returncode}"
        )

    def job(self, daemon):
        codes = self.programs.finish(self.programs.pipeline(
            ("poller", ["poller"]), ("aggregator", ["aggregator", "-t", QUEUE])
        ))
        if daemon:
            self.keep_daemon()
            if self.dice.random() < self.programs.ends:
                time.sleep(self.dice.uniform(0, 0.3)) # a random moment
                self.programs.kill(self.daemon)
                self.keep_daemon()
        else:
            codes += self.programs.finish(self.programs.pipeline(
                ("sink", ["sink", "-f", QUEUE, "--until-empty"])
            ))
        return codes

    def reap(self):
        """A little later; otherwise the answers would not be newer than the
        stored rows."""
        self.step(10)
        return self.programs.finish(self.programs.pipeline(
            ("reaper --list", ["reaper", "--list"]),
            ("poller --status", ["poller", "--status"]),
            ("reaper", ["reaper"]),
        ))

    def step(self, seconds):
        self.sim.advance(seconds)
        self.worlds.remember()

    def cycle(self, i, outage):
        self.programs.disturbed = self.outage()
        if outage:
            self.nemeses.append(
                Nemesis(self.lab, outage, self.dice.uniform(0, 1.5))
            )
            self.programs.disturbed = True
        self.step(self.dice.randint(30, 90))
        codes = self.job(i < CYCLES // 2)
        if i % 2:
            codes += self.reap()
        fine = EXCUSED | {-9} if self.programs.disturbed else {0}
        self.checks.that(
            set(codes) <= fine,
            f"cycle {i}: exit codes {codes}; the last words: "
            + self.last_words(),
        )

    def outage(self):
        return any(n.is_alive() for n in self.nemeses)

    def last_words(self):
        with open(self.programs.log, "rb") as f:
            return f.read()[-1500:].decode("utf-8", "replace")

    def plan(self):
        """Chooses the server and the cycle of each kill."""
        outages = ["rabbitmq", "mariadb"] * OUTAGES
        self.dice.shuffle(outages)
        gap = CYCLES // len(outages)
        return {
            i * gap + self.dice.randrange(gap): name
            for i, name in enumerate(outages)
        }

    def quiet(self):
        """A last undisturbed cycle; then everything must be right."""
        for n in self.nemeses:
            n.join()
            self.checks.that(n.failed is None, f"{n.which}: {n.failed}")
        self.stop_daemon()
        # The queue looks empty to the next sink until the broker has noticed
        # that the last one was killed.
        until(60, lambda: self.lab.in_queue("rows", "checked_out") == 0,
              "what a sink had taken to wait again")
        self.programs.ends = 0
        self.step(self.dice.randint(30, 90))
        codes = self.job(False) + self.reap()
        self.checks.that(
            codes == [0] * len(codes),
            f"the quiet cycle: {codes}: {self.last_words()}",
        )
        reader = tables.Reader(self.lab)
        got = reader.tables()
        reader.close()
        for tenant in TENANTS:
            self.compare(tenant, got)
        self.check_queues()

    def compare(self, tenant, got):
        as_of = got["tenants"][(tenant,)]["as_of"]
        self.checks.that(
            self.worlds.age(as_of) == 1, f"{tenant} is as of {as_of}"
        )
        want = self.worlds.expected(tenant, as_of)
        # A chat that left and was open again when the reaper ran stays.
        back = self.worlds.open_now(tenant)
        for table in ("operator_metrics", "chat_metrics", "tenant_metrics"):
            rows = {
                k: r for k, r in got[table].items() if k[0] == tenant
                and not (r.get("status") == "left" and k[1] in back)
            }
            wrong = list(tables.differences(table, want[table], rows))
            self.checks.that(not wrong, "at the end: " + "; ".join(wrong[:5]))

    def check_queues(self):
        """Nothing waits, and there are no dead letters. Asks the queues
        themselves: list_queues shows earlier values. A queue that does not
        answer in time (-1) is asked again."""
        for name in ("rows", "rows.dead"):
            text = until(60, lambda: self.told(name), f"queue {name} to tell")
            self.checks.that(
                text == "0", f"queue {name} holds {text}"
            )

    def told(self, name):
        count = self.lab.in_queue(name)
        return str(count) if count >= 0 else None

    def run(self):
        outages = self.plan()
        self.setup()
        try:
            # With some timings, a program ends before it is killed.
            while self.cycles < CYCLES or (
                self.spared() and self.cycles < 3 * CYCLES
            ):
                self.cycle(self.cycles, outages.get(self.cycles))
                self.cycles += 1
            self.quiet()
        finally:
            self.watch.ending.set()
            self.watch.join()
        self.report()
        return self.checks.result()

    def spared(self):
        """Stages that were killed in less than one of ten cycles."""
        return [
            stage for stage in ("poller", "aggregator", "sink", "reaper")
            if sum(v for k, v in self.programs.kills.items()
                   if k.startswith(stage)) < CYCLES // 10
        ]

    def report(self):
        w = self.watch
        say(f"{self.cycles} cycles, {len(self.nemeses)} outages; kills: "
            + ", ".join(f"{k} {n}" for k, n in self.programs.kills.items()))
        say(f"the reader looked {w.looks} times, {w.away} times in vain, "
            f"and saw {len(w.stones)} tombstones and {len(w.known)} rows, of "
            + ", ".join(f"{len(v)} snapshots of {k}"
                        for k, v in w.seen.items()))
        self.checks.that(not self.spared(), "too seldom killed: "
                         + ", ".join(self.spared()))
        self.checks.that(
            len(w.stones) >= CYCLES // 10,
            f"only {len(w.stones)} chats were ever reaped",
        )
        for tenant in TENANTS:
            n = len(w.seen.get(tenant, ()))
            self.checks.that(
                n >= CYCLES // 10, f"only {n} snapshots of {tenant} came by"
            )


def body():
    dice = random.Random(seed())
    with Lab("chaos") as lab:
        return Chaos(lab, dice).run()


main(body)
