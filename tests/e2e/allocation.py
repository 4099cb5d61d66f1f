#!/usr/bin/env python3
"""allocation.py DIR: a CRM of two companies in which chats arrive and are
closed, somebody who carries out what an aggregator reservations, and that
aggregator, killed again and again. Called by allocation.t, which has a broker.

The CRM sometimes refuses; who carries out sometimes forgets a reservation, or dies
before the outcome is told; records come twice, and late. In the end every chat
was given to one operator, chats of which no reservation came to nothing were reserved
in the order of their arrival, and nobody was reserved more than the limit by
an aggregator that could know: an outcome that nobody told of in time is an
operator with room, to whom the CRM then refuses the chat.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

DIR = sys.argv[1]
BIN, TESTBIN = os.environ["BIN"], os.environ["TESTBIN"]
PROBE = os.path.join(TESTBIN, "tools", "amqp_probe")
SEED = int(os.environ.get("SEED", "1"))
LIMIT, CHATS, KILLS = 2, 16, 5
# On a busy machine most reservations expire, in a second, before they are read:
# only who never comes to an end is late.
DEADLINE = time.monotonic() + 800
R = random.Random(SEED)


def fail(text):
    sys.exit("FAILED (SEED=%d): %s" % (SEED, text))


def stamp(seconds):
    t = time.gmtime(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", t) + ".%03dZ" % (
        seconds * 1000 % 1000)


def put(records):
    lines = "".join(json.dumps(r, separators=(",", ":")) + "\n"
                    for r in records)
    subprocess.run([PROBE, "-b", str(R.choice((1, 5, 50))), "write",
                    "queue:records"], input=lines, text=True, check=True,
                   stdout=subprocess.DEVNULL)


def reservations():
    out = subprocess.run([PROBE, "-e", "read", "queue:assignments"],
                         text=True, check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line.split("\t", 1)[1]) for line in out.splitlines()]


class Aggregator:
    def __init__(self):
        self.kills = 0
        self.start()

    def start(self):
        with open(os.path.join(DIR, "log"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [os.path.join(BIN, "aggregator"), "-f", "queue:records",
                 "-t", "queue:rows", "--state", os.path.join(DIR, "state"),
                 "--every", "20ms", "-a", "allocation", "--assign-to",
                 "queue:assignments"], stdout=subprocess.DEVNULL, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1
        self.start()

    def stop(self):
        self.process.terminate()
        # One that was just started has no handler of the signal yet.
        if self.process.wait() not in (0, -signal.SIGTERM):
            fail("the aggregator ended with %d" % self.process.returncode)


class Crm:
    """What is true, of one company."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.operators = ["a", "b", "c"][:R.randrange(2, 4)]
        self.chats = {}        # id -> [arrival, holder, closed]
        self.done = {}         # reservation -> the outcome's record
        self.first = []        # chats by their first reservation
        self.unlucky = set()
        self.number = 0
        self.given = {}        # chat -> the reservation that did it
        self.told = {}         # chat -> when its holder was first told of
        self.came = {}         # chat -> when it was itself; both in writings
        self.history = []      # what was reserved and written

    def arrive(self, now):
        self.number += 1
        name = "%s%d" % (self.tenant, self.number)
        self.chats[name] = [now, None, False]
        return self.record(name, now)

    def record(self, name, now, **more):
        arrival, holder, closed = self.chats[name]
        r = {"type": "chat", "tenant": self.tenant, "chat": name,
             "status": "closed" if closed else "open", "at": stamp(now),
             "opened_at": stamp(arrival)}
        if holder is not None:
            r["operator"] = holder
        return dict(r, **more)

    def held(self, operator):
        return [n for n, (_, holder, closed) in self.chats.items()
                if holder == operator and not closed]

    def note(self, record, writing):
        """That record is about to be written."""
        name = record["chat"]
        self.history.append((writing, record))
        self.came.setdefault(name, writing)
        if "operator" in record:
            self.told.setdefault(name, writing)

    def could_know(self, name, p):
        """When that was reserved it was known who has this chat, since what
        made the reservation was written later, or its own reservation still held."""
        return (self.told.get(name, sys.maxsize) < self.came[p["chat"]]
                or self.given[name]["expires"] > p["at"])

    def history_of(self, names):
        return "\n".join(str(h) for h in self.history
                         if h[1]["chat"] in names)

    def has_room(self, p):
        held = self.held(p["operator"])
        if len(held) < LIMIT:
            return True
        if all(self.could_know(n, p) for n in held):
            fail("%s is reserved above the limit: %s\n%s" % (
                p, held, self.history_of(held + [p["chat"]])))
        return False

    def carry_out(self, p, now):
        """A reservation: the records that come of it."""
        name = p["chat"]
        self.history.append(("reserved", p))
        if p["id"] not in self.done and name not in self.first:
            self.first.append(name)
        if p["expires"] <= stamp(now) or R.random() < 0.06:
            self.unlucky.add(name)
            return []          # forgotten
        chat = self.chats[name]
        # A reservation that comes again is told of again, but not tried again:
        # since its refusal was told, its operator may have been given others.
        if p["id"] not in self.done and chat[1] is None and not chat[2]:
            if R.random() < 0.1 or not self.has_room(p):
                self.unlucky.add(name)
            else:
                chat[1] = p["operator"]
                self.given[name] = p
                if R.random() < 0.06:
                    self.unlucky.add(name)
                    return []  # dies before it tells
        self.done[p["id"]] = True
        return [self.record(name, now, assignment=p["id"])]

    def close_one(self, now):
        names = [n for n, c in self.chats.items()
                 if c[1] is not None and not c[2]]
        if not names:
            return []
        name = R.choice(names)
        self.chats[name][2] = True
        return [self.record(name, now)]

    def look(self, now):
        """A poll of what is open."""
        return [self.record(n, now) for n, c in self.chats.items()
                if not c[2]]

    def is_over(self):
        return len(self.chats) == CHATS and all(
            c[2] for c in self.chats.values())

    def check(self):
        for name, (_, holder, _) in self.chats.items():
            if holder is None:
                fail("%s was never given" % name)
        lucky = [n for n in self.first if n not in self.unlucky]
        if lucky != sorted(lucky, key=lambda n: int(n[1:])):
            fail("not in the order of arrival: %s" % lucky)


def main():
    crms = {t: Crm(t) for t in ("t", "u")}
    put([{"type": "operator", "tenant": c.tenant, "operator": o,
          "available": True} for c in crms.values() for o in c.operators])
    aggregator = Aggregator()
    try:
        seen = live(crms, aggregator)
    finally:
        if aggregator.process.poll() is None:
            aggregator.process.kill()
    for c in crms.values():
        c.check()
    if aggregator.kills == 0:
        fail("it was never killed")
    print("%d chats, %d reservations, killed %d times" % (
        sum(len(c.chats) for c in crms.values()), seen, aggregator.kills))


def live(crms, aggregator):
    """Until all is over; how many reservations came."""
    seen = writing = 0
    while not all(c.is_over() for c in crms.values()):
        if time.monotonic() > DEADLINE:
            fail("not done: %s" % {
                n: c for crm in crms.values()
                for n, c in crm.chats.items() if not c[2]})
        now, records = time.time(), []
        for c in crms.values():
            for _ in range(R.randrange(4)):
                if c.number < CHATS:
                    records.append(c.arrive(now))
                    now += 0.001
            if R.random() < 0.7:
                records += c.close_one(now)
        for p in reservations():
            seen += 1
            records += crms[p["tenant"]].carry_out(p, time.time())
        if R.random() < 0.3:
            records += R.choice(list(crms.values())).look(time.time())
        records += [r for r in records if R.random() < 0.1]
        writing += 1
        for r in records:
            crms[r["tenant"]].note(r, writing)
        put(records)
        if aggregator.kills < KILLS and R.random() < 0.3:
            aggregator.kill()
    aggregator.stop()
    return seen


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
