#!/usr/bin/env -S python3 -B
"""Random worlds of a simulated Qiscus whose chats we assign to agents. A world
is one simulator and the four programs that serve it: a listener that receives
its webhooks, occasional polls, an aggregator that reserves, and `poller
--assign`, which carries out the reservations. Customers arrive, write, are
resolved and return; agents start and stop work; limits change; some rooms are
assigned manually in the CRM; webhooks are lost, repeated and late; each
process is killed at random moments, and in some worlds the broker, too.
allocation_judge.py checks each world. WORLDS worlds are run (12; LONG=1: 200);
SEED=n repeats from one on, CALM=1 omits faults, KEEP=DIR keeps the data of a
world that failed.
"""

import concurrent.futures
import json
import os
import random
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from allocation_judge import Judge, Wrong, story  # noqa: E402
from harness import (  # noqa: E402
    BIN, LONG, PROBE, Lab, main, say, seed, until)
from streamlib import millis  # noqa: E402

LANES = 2 if LONG else 4  # concurrent worlds, each with its own queues
PATIENCE = 300    # seconds until a missing event counts as a failure
WITHIN = 2.0      # seconds
# Possible answers to an assigning request; some requests succeed all the same.
FAULTS = ("500", "500-done", "lost-answer", "reset", "404", "502-html")
SECRET = "0123456789abcdef"


class Relay:
    """Moves lines from one queue to another and writes them to the log."""

    def __init__(self, world, kind, source, to):
        self.world, self.kind = world, kind
        lab, log = world.lab, world.path("relay.log")
        env = {"MESSAGING_CONFIG": world.conf}
        self.writer = lab.start([PROBE, "-p", "-b", "1", "write",
                                 "queue:" + to], log, env=env, stdin=-1)
        self.reader = lab.start([PROBE, "-p", "-b", "1", "read",
                                 "queue:" + source], log, env=env, stdout=-1)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        mine = b'"tenant":"%s"' % self.world.tenant.encode()
        for line in self.reader.stdout:
            text = line.split(b"\t", 1)[1]
            if mine not in text:
                continue  # from an earlier world with these queues
            self.world.take(self.kind, json.loads(text))
            try:
                self.writer.stdin.write(text)
                self.writer.stdin.flush()
            except OSError:
                return

    def stop(self):
        self.reader.terminate()
        self.reader.wait()
        self.thread.join()
        try:
            self.writer.stdin.close()
        except OSError:
            pass
        self.reader.stdout.close()
        self.writer.wait(PATIENCE)


class Daemon:
    """A process that is killed and restarted; records when it was down."""

    def __init__(self, world, name, argv):
        self.world, self.name, self.argv = world, name, argv
        self.down = []  # [from, to]
        self.process = None
        self.kills = 0
        self.start()

    def start(self):
        self.process = self.world.lab.start(
            self.argv(), self.world.path(self.name + ".log"))
        if self.down and self.down[-1][1] is None:
            self.down[-1][1] = time.time()

    def kill(self):
        self.down.append([time.time(), None])
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def check(self):
        if self.process.poll() is not None:
            raise Wrong("%s ended with %d: %s" % (
                self.name, self.process.returncode, self.said()))

    def said(self):
        with open(self.world.path(self.name + ".log"), errors="replace") as f:
            return f.read()[-1500:]

    def stop(self):
        self.process.terminate()
        code = self.process.wait(PATIENCE)
        if code != 0:
            raise Wrong("%s, asked to end, gave %d: %s" % (
                self.name, code, self.said()))


class Choices:
    """The parameters of a world."""

    def __init__(self, dice, calm):
        d = dice
        self.agents = d.choice((1, 2, 3, 5))
        self.dialogs = d.choice((0, 0, 3, 12))
        self.limit = d.choice((1, 2, 2, 4))
        self.steps = d.choice((12, 25, 45))
        self.latency = d.choice((0, 0, 5, 30))
        self.expiry = d.choice((1, 2, 60))
        self.lose = 0 if calm else d.choice((0, 100, 400, 1000))
        self.repeat = 0 if calm else d.choice((0, 300))
        self.delay = 0 if calm else d.choice((0, 0, 300, 1500))
        self.kills = 0 if calm else d.choice((0, 2, 4, 8))
        self.by_hand = 0 if calm else d.choice((0, 0.04, 0.1))
        self.going = 0 if calm else d.choice((0, 0.06, 0.15))
        self.limits = 0 if calm else d.choice((0, 0.05))
        self.poll_every = d.choice((0.3, 0.7, 1.5))
        self.crowd = d.choice((0.25, 0.4, 0.6))
        self.faults = 0 if calm else d.choice((0, 0, 0.1))
        self.ahead = 0 if calm else d.choice((0, 0, -0.7, 0.7))

    def __str__(self):
        return " ".join("%s=%s" % item for item in vars(self).items())


class World:
    def __init__(self, lab, number, lane, broker=False):
        self.lab, self.number, self.lane = lab, number, lane
        self.broker = broker
        self.dice = random.Random(number)
        self.choices = Choices(self.dice, os.environ.get("CALM") == "1")
        self.tenant = "w%d" % number
        self.folder = lab.path(self.tenant)
        os.mkdir(self.folder)
        self.lock = threading.Lock()
        self.log = []  # (kind, time, record)
        self.online, self.limits = set(), {}
        self.polls, self.poll, self.next_poll = 0, None, 0
        self.port, self.dead = 0, []

    def path(self, name):
        return os.path.join(self.folder, name)

    def queue(self, name):
        return "%s-%d" % (name, self.lane)

    def take(self, kind, record):
        with self.lock:
            self.log.append((kind, time.time(), record))

    # --- processes ---

    def begin(self):
        c, d = self.choices, self.dice
        t = time.time() + c.ahead
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + (
            ".%03dZ" % (t * 1000 % 1000))
        self.sim = self.lab.sim(
            "--crm", "qiscus", "--by-us", "--seed", self.number,
            "--operators", c.agents, "--dialogs", c.dialogs, "--messages", 4,
            "--pace", 0, "--start", now, "--speed", 1, "--token", "sim-token",
            name=self.tenant + "/sim")
        self.agents = [501 + i for i in range(c.agents)]
        for agent in self.agents:
            if d.random() < 0.8 or agent == 501:
                self.go("online", agent)
            else:
                self.go("offline", agent)
        self.limits = {None: c.limit}
        self.conf = self.lab.conf(self.tenant + "/conf", {
            "crm " + self.tenant: {
                "profile": "qiscus", "url": self.sim.root,
                "account": "sim-app", "token": "sim-token",
                "admin_token": "admin-sim-token",
                "hosts": "messages=" + self.sim.root,
                "operators_every": 0, "assign": "yes", "timeout": "5s",
                "hook": "secret", "hook_secret": SECRET,
            },
            # A busy simulator may take longer than a timeout to answer.
            "poller": {"retry_budget": "60s"},
            "aggregator": {"allocation_limit": c.limit,
                           "allocation_expiry": "%ds" % c.expiry,
                           "allocation_pause": "100ms"},
            "listen": {"rate": 0},
        })
        self.behind = self.clock()
        self.sim.control("set", latency=c.latency, speed=1)
        self.relays = [Relay(self, "record", self.queue("told"),
                             self.queue("records")),
                       Relay(self, "reservation", self.queue("reserved"),
                             self.queue("assignments"))]
        self.daemons = {
            "listener": Daemon(self, "listener", self.listener),
            "aggregator": Daemon(self, "aggregator", lambda: [
                "aggregator", "-v", "-c", self.conf, "-a", "allocation",
                "--every", "20ms", "-f", "queue:" + self.queue("records"),
                "-t", "queue:" + self.queue("rows"), "--state",
                self.path("state"), "--assign-to",
                "queue:" + self.queue("reserved")]),
            "assigner": Daemon(self, "assigner", lambda: [
                "poller", "-v", "-c", self.conf, "--assign", "-f",
                "queue:" + self.queue("assignments"), "-t",
                "queue:" + self.queue("told")]),
        }
        self.listens()
        self.lab.must(["poller", "-c", self.conf, "--register",
                       "http://127.0.0.1:%d" % self.port])
        self.sim.control("webhooks", lose=c.lose, repeat=c.repeat,
                         delay=c.delay)

    def clock(self):
        """How far the simulator's clock is behind ours, in seconds."""
        found = []
        for _ in range(5):
            began = time.time()
            now = millis(self.sim.stats()["now"]) / 1000
            found.append((time.time() - began, began - now))
        return min(found)[1]

    def listener(self):
        if os.path.exists(self.path("port")):
            os.unlink(self.path("port"))
        return ["poller", "-v", "-c", self.conf, "--listen",
                "127.0.0.1:%d" % self.port, "--port-file", self.path("port"),
                "-t", "queue:" + self.queue("told"), "--state",
                self.path("listener")]

    def listens(self):
        """Waits for its port. If another process has taken it, it gets a new
        port and the webhooks are redirected."""
        d = self.daemons["listener"]

        def ready():
            if d.process.poll() is not None and self.port:
                self.port = 0
                d.start()
            return os.path.exists(self.path("port")) or d.check()

        until(PATIENCE, ready, "the listener's port: " + d.said())
        with open(self.path("port")) as f:
            port = int(f.read())
        if self.port == 0 and d.kills:
            self.lab.must(["poller", "-c", self.conf, "--register",
                           "http://127.0.0.1:%d" % port])
        self.port = port

    def revive(self):
        """Restarts killed processes."""
        for name in list(self.dead):
            self.dead.remove(name)
            self.daemons[name].start()
            if name == "listener":
                self.listens()

    def polled(self, wait=False):
        """Polls now and then, one poll at a time. With wait, waits for the end
        of a poll that began after this call."""
        if self.poll is not None and (wait or self.poll.poll() is not None):
            self.poll.wait(PATIENCE)
            self.poll = None
        if wait or self.poll is None and time.time() > self.next_poll:
            self.poll = self.lab.start(
                ["poller", "-v", "-c", self.conf, "-t",
                 "queue:" + self.queue("told")], self.path("poll.log"))
            self.polls += 1
            self.next_poll = time.time() + self.choices.poll_every * (
                0.5 + self.dice.random())
        if wait:
            code = self.poll.wait(PATIENCE)
            self.poll = None
            if code != 0 and not self.broker:
                with open(self.path("poll.log")) as f:
                    raise Wrong("a poll gave %d: %s" % (code, f.read()[-900:]))

    # --- events ---

    def act(self, what, **more):
        return self.sim.control("act", do=what, **more)

    def go(self, what, agent):
        self.act(what, operator=agent)
        (self.online.add if what == "online" else self.online.discard)(agent)

    def rooms(self):
        """[(id, agent or None)] of open rooms; the ids of the others."""
        is_open, over = [], []
        for d in self.sim.world()["dialogs"]:
            if d["state"] != "open":
                over.append(d["id"])
            else:
                is_open.append((d["id"], d["operator_id"] or None))
        return is_open, over

    def set_limit(self, n, agent=None):
        argv = ["scripts/limits", "-b", BIN, "-c", self.conf, "-t",
                "queue:" + self.queue("told"), "--tenant", self.tenant, n]
        self.lab.must(argv + ([agent] if agent else []))
        self.limits[agent] = n

    def limit_of(self, agent):
        return self.limits.get(agent, self.limits[None])

    def customer(self):
        d = self.dice
        if d.random() < self.choices.crowd:
            self.act("arrive")
            return
        is_open, over = self.rooms()
        some = over if over and d.random() < 0.4 else [r for r, _ in is_open]
        if some:
            self.act("client", dialog=d.choice(some))

    def resolve(self):
        held = [r for r, who in self.rooms()[0] if who]
        if held:
            self.act("close", dialog=self.dice.choice(held))

    def by_hand(self):
        is_open, _ = self.rooms()
        if is_open:
            room, who = self.dice.choice(is_open)
            others = [a for a in self.agents if a != who]
            if others:
                self.act("transfer", dialog=room,
                         operator=self.dice.choice(others))

    def kill_one(self):
        name = self.dice.choice(list(self.daemons))
        if name not in self.dead:
            self.daemons[name].kill()
            self.dead.append(name)

    def step(self):
        c, d = self.choices, self.dice
        if d.random() < c.faults:
            self.sim.fault(d.choice(FAULTS), count=1,
                             route="/api/v1/admin/service")
        pick = d.random()
        if pick < c.by_hand:
            self.by_hand()
        elif pick < c.by_hand + c.going:
            self.go(d.choice(("online", "offline")), d.choice(self.agents))
        elif pick < c.by_hand + c.going + c.limits:
            self.set_limit(d.choice((1, 2, 3, 5)),
                           d.choice([None] + self.agents))
        elif d.random() < 0.7:
            self.customer()
        else:
            self.resolve()
        time.sleep(d.choice((0, 0, 0.02, 0.1)))  # sets the pace

    def live(self):
        c, d = self.choices, self.dice
        kills = set(d.sample(range(c.steps), min(c.kills, c.steps)))
        self.polled()
        for i in range(c.steps):
            self.step()
            self.polled()
            if self.dead and d.random() < 0.5:
                self.revive()
            if i in kills:
                self.kill_one()
            for name, daemon in self.daemons.items():
                if name not in self.dead:
                    daemon.check()
        self.revive()

    # --- the end ---

    def unserved(self):
        """Chats that wait although an agent could take them."""
        is_open, _ = self.rooms()
        waiting = [r for r, who in is_open if who is None]
        for agent in self.online:
            held = sum(who == agent for _, who in is_open)
            if waiting and held < self.limit_of(agent):
                return "%s could have %s (has %d)" % (agent, waiting, held)
        return None

    def settle(self, what):
        """Polls until no chat waits that an agent could take."""
        end = time.monotonic() + PATIENCE
        while True:
            self.polled(wait=True)
            for _ in range(25):
                why = self.unserved()
                if why is None:
                    return
                time.sleep(0.02)
            if time.monotonic() > end:
                raise Wrong("%s: %s" % (what, why))

    def finish(self):
        self.sim.control("webhooks")
        self.sim.fault("none")
        if not self.online:
            self.go("online", self.agents[0])
        self.settle("at the end")
        while any(who is None for _, who in self.rooms()[0]):
            for _ in range(3):
                self.resolve()
            self.settle("while rooms are resolved")

    def end(self):
        for d in self.daemons.values():
            d.stop()
        if self.poll is not None:
            self.poll.wait(PATIENCE)
        for r in self.relays:
            r.stop()

    def run(self):
        try:
            self.begin()
            self.live()
            self.finish()
            self.end()
            if os.environ.get("SLOW"):
                self.dump()
            return Judge(self).judge()
        except (Wrong, AssertionError) as why:
            self.dump()
            raise Wrong("world %d (SEED=%d): %s\n(%s)" % (
                self.number, self.number, why, self.choices)) from why
        finally:
            if hasattr(self, "sim"):
                self.sim.process.kill()

    def journal(self):
        """The journal, with our time in seconds as `time`."""
        with urllib.request.urlopen(self.sim.root + "/control/journal") as f:
            return [dict(e, time=millis(e["at"]) / 1000 + self.behind)
                    for e in json.load(f)]

    def dump(self):
        """All events, sorted by time."""
        to = os.environ.get("KEEP")
        if not to:
            return
        with open(os.path.join(to, self.tenant + ".log"), "w") as f:
            kills = []
            for name, d in self.daemons.items():
                for a, b in d.down:
                    kills += [(a, "killed", name), (b or a, "began", name)]
            f.write(story(self.log, self.journal(), kills))
            for name in os.listdir(self.folder):
                if not name.endswith(".log"):
                    continue
                with open(self.path(name), errors="replace") as g:
                    f.write("--- %s\n%s" % (name, g.read()))


class Nemesis(threading.Thread):
    """Kills and restarts the broker."""

    def __init__(self, lab, dice):
        super().__init__()
        self.lab, self.delay = lab, dice.uniform(0.5, 3)
        self.failed = None
        self.start()

    def run(self):
        time.sleep(self.delay)  # a random moment
        try:
            self.lab.servers("kill", "rabbitmq")
            self.lab.servers("start", "rabbitmq")
        except AssertionError as e:
            self.failed = e


def share(lab, first, many, dice):
    """Runs that many worlds, LANES at a time; in each fifth batch the broker is
    killed."""
    judged, wrong = [], []
    for at in range(0, many, LANES):
        broken = many > LANES and at // LANES % 5 == 3
        worlds = [World(lab, first + at + i, i, broken)
                  for i in range(min(LANES, many - at))]
        nemesis = Nemesis(lab, dice) if broken else None
        with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
            for f in [pool.submit(w.run) for w in worlds]:
                try:
                    judged.append(f.result())
                except Wrong as why:
                    wrong.append(str(why))
        if nemesis is not None:
            nemesis.join()
            if nemesis.failed:
                wrong.append(str(nemesis.failed))
        for why in wrong:
            say("FAILED: " + why)
        if wrong:
            break
    return judged, wrong


def report(judged, wrong):
    worlds = [j.world for j in judged]
    gifts = sum(e["what"] == "assigned" for j in judged for e in j.journal)
    say("%d worlds: %d chats given, %d pairs in order, %d excused, %d polls, "
        "kills: %s" % (
            len(judged), gifts, sum(j.pairs for j in judged),
            sum(j.excused for j in judged), sum(w.polls for w in worlds),
            ", ".join("%s %d" % (n, sum(w.daemons[n].kills for w in worlds))
                      for n in ("listener", "aggregator", "assigner"))))
    report_times(judged, wrong)


def report_times(judged, wrong):
    """Prints times; worlds with a process down are separate, because that time
    is subtracted."""
    for disturbed in (False, True):
        times = sorted((took, j.world.number) for j in judged
                       if not j.world.broker
                       for took, d in j.delays() if d == disturbed)
        if not times:
            continue
        most = times[-1]
        say("given within%s: median %.3f s, 99 %% %.3f s, longest %.3f s "
            "(world %d), of %d" % (
                " (kills meanwhile)" if disturbed else "",
                times[len(times) // 2][0], times[len(times) * 99 // 100][0],
                *most, len(times)))
        if LONG and most[0] > WITHIN:
            wrong.append("a chat waited for %.3f s (world %d)" % most)
            say("FAILED: " + wrong[-1])


def body():
    first = seed() % 10 ** 6
    many = int(os.environ.get("WORLDS") or (200 if LONG else 12))
    with Lab("allocation") as lab:
        lab.start_servers("rabbitmq", private=True)
        judged, wrong = share(lab, first, many, random.Random(first))
        report(judged, wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    main(body)
