#!/usr/bin/env python3
"""allocation: an independent allocation without any data structure: each decision
examines all chats and operators. It shares nothing with aggregator/allocation
but the definition, and the scripts of events that
tests/tools/allocation_script.c explains.

    allocation.py [FIRST [WORLDS]]    random events, compared with the program

$TESTBIN/tools/allocation_script runs them in C.
"""
import os
import random
import subprocess
import sys

LONGEST_PAUSE = 60000
NEVER = float("-inf")
OVER = "closed", "gone"
CHATS = "1", "2", "3", "4", "5", "9", "10", "11", "x"


class Operator:
    def __init__(self, name):
        self.name = name
        self.known = self.available = False
        self.tags = frozenset()
        self.max = None
        self.given_last = 0
        self.away_since = self.since = None
        self.refusals = 0
        self.resting_until = NEVER


class Chat:
    def __init__(self, name):
        self.name = name
        self.status = self.closed_at = self.arrival = None
        self.tags = frozenset()
        self.channel = self.customer = self.holder = None
        self.given = self.answered = False
        self.given_at = 0
        self.answered_at = NEVER
        self.held_since = NEVER
        # [operator, expires, number, at, previous operator]
        self.reservation = None
        self.outcome = None     # the last reservation's number
        self.refused = []       # [(operator, until)]
        self.failures = 0
        self.awaited = None     # (operator, until)


def id_key(name):
    """Numbers by value, then everything else by bytes."""
    if name == "0" or (name.isdigit() and name[0] != "0"):
        return 0, len(name), name
    return 1, 0, name


class World:
    def __init__(self):
        self.set = {"limit": 2, "expiry": 60000, "pause": 1000,
                    "same": 0, "same_wait": 0, "silent": 0, "offline": 0}
        self.now = 0
        self.chats, self.operators, self.limits = {}, {}, {}
        self.last_of = {}       # customer -> (at, operator)
        self.reservations = 0
        self.out = []

    def operator(self, name):
        return self.operators.setdefault(name, Operator(name))

    def own(self, o, channel):
        limit = self.limits.get((o, channel), (None, 0))[0]
        return limit

    def limit_of(self, o):
        for limit in (self.own(o.name, None), o.max, self.own(None, None)):
            if limit is not None:
                return limit
        return self.set["limit"]

    def has(self, o, channel=None):
        """How many chats the operator has, optionally of one channel."""
        return sum(1 for c in self.chats.values()
                   if (channel is None or c.channel == channel) and
                   ((c.status == "open" and c.holder == o) or
                    (c.reservation and c.reservation[0] == o)))

    def is_limited(self, channel):
        return channel is not None and any(
            key[1] == channel and limit is not None
            for key, (limit, _) in self.limits.items())

    def line(self, c):
        return c.tags, c.channel if self.is_limited(c.channel) else None

    def serves(self, o, c):
        return o.known and c.tags <= o.tags

    def has_room(self, o, c):
        if not (self.serves(o, c) and o.available and
                o.resting_until <= self.now and
                self.has(o.name) < self.limit_of(o)):
            return False
        if not self.is_limited(c.channel):
            return True
        limit = self.own(o.name, c.channel)
        if limit is None:
            limit = self.own(None, c.channel)
        return limit is None or self.has(o.name, c.channel) < limit

    def is_refused(self, c, o):
        return any(by == o.name and until > self.now
                   for by, until in c.refused)

    def is_waiting(self, c):
        if c.status != "open" or c.reservation:
            return False
        if c.holder is None:
            return True
        if not c.given or c.answered:
            return False
        away = self.operator(c.holder).away_since
        return ((self.set["silent"] and
                 c.given_at + self.set["silent"] <= self.now) or
                (self.set["offline"] and away is not None and
                 away + self.set["offline"] <= self.now))

    def last(self, c):
        """The customer's last operator. An operator the chat waits for stays
        the last one."""
        if c.awaited is not None and c.awaited[1] > self.now:
            return c.awaited[0]
        c.awaited = None
        at, name = self.last_of.get(c.customer, (NEVER, None))
        if at < self.now - self.set["same"]:
            return None
        return self.operator(name)

    def choose(self, c):
        last = self.last(c)
        if last is not None:
            if last.name != c.holder and not self.is_refused(c, last):
                if self.has_room(last, c):
                    return last
                until = c.arrival + self.set["same_wait"]
                if (self.serves(last, c) and last.available and
                        self.set["same_wait"] and until > self.now):
                    c.awaited = last, until
                    return None
        free = [o for o in self.operators.values()
                if self.has_room(o, c) and o.name != c.holder and
                not self.is_refused(c, o)]
        return min(free, default=None,
                   key=lambda o: (self.has(o.name), o.given_last,
                                  id_key(o.name)))

    def go(self):
        done = False
        while not done:
            done = True
            for c in sorted(self.chats.values(),
                            key=lambda c: (c.arrival or 0, id_key(c.name))):
                if not self.is_waiting(c) or not any(
                        self.has_room(o, c) for o in self.operators.values()):
                    continue
                o = self.choose(c)
                if o is not None:
                    self.give(c, o)
                    done = False
                    break
        answer, self.out = "".join(self.out), []
        return answer

    def give(self, c, o):
        self.reservations += 1
        o.given_last = self.reservations
        c.reservation = [o.name, self.now + self.set["expiry"],
                         self.reservations, self.now, c.holder]
        c.outcome, c.awaited = self.reservations, None
        self.out.append("%s>%s%s " % (c.name, o.name, "/" + c.holder
                                      if c.holder is not None else ""))

    def settle(self, c):
        if c.reservation and c.status != "open":
            c.reservation = None
        if not self.is_waiting(c):
            c.awaited = None

    def chat(self, name, status=None, opened=None, holder=None,
             tells_holder=False, tags=None, channel=None, customer=None,
             reservation=None):
        """Absent fields keep their values."""
        c = self.chats.setdefault(name, Chat(name))
        before = c.tags, c.channel, c.arrival
        if tags is not None:
            c.tags = frozenset(tags.split(",")) - {""}
        c.channel = channel or c.channel
        c.customer = customer or c.customer
        c.status = status or c.status or "open"
        if opened is not None:
            c.arrival = opened
        if before != (c.tags, c.channel, c.arrival):
            c.awaited = None
        if tells_holder:
            self.take_holder(c, holder, reservation)
        if c.status in OVER:
            c.given, c.closed_at = False, self.now
            c.refused, c.failures = [], 0
        self.settle(c)

    def begins(self, name, status):
        """Begins an episode of the chat."""
        c = self.chats.get(name)
        return status == "open" and (
            c is None or c.arrival is None or
            (c.closed_at is not None and c.arrival <= c.closed_at))

    def take_holder(self, c, holder, reservation):
        running = c.reservation
        outcome = running is not None and reservation == running[2]
        ends = running is not None and holder not in (None, running[4])
        if outcome and not ends:
            self.refuse(c)
        if holder != c.holder:
            c.given = c.answered = False
            c.holder, c.held_since = holder, self.now
        if holder is not None:
            self.operator(holder)
            if self.set["same"] and c.customer is not None:
                self.last_of[c.customer] = self.now, holder
        if ends:
            c.given = holder == running[0]
            c.held_since = min(c.held_since, running[3])
            c.answered = c.answered_at >= c.held_since
            c.given_at = self.now
            c.failures, c.refused = 0, []
            self.operator(running[0]).refusals = 0
            c.reservation = None

    def pause(self, n):
        return min(self.set["pause"] * 2 ** (n - 1), LONGEST_PAUSE)

    def refuse(self, c):
        o = self.operator(c.reservation[0])
        c.failures += 1
        c.refused.append((o.name, self.now + self.pause(c.failures)))
        o.refusals += 1
        if o.refusals >= 3:
            o.resting_until = self.now + self.pause(o.refusals - 2)
        c.reservation = None

    def tell_operator(self, name, available, since, limit, tags):
        o = self.operator(name)
        if since is not None:
            since = min(since, self.now)
        if available is not None and None not in (since, o.since) \
                and since < o.since:
            available, since = o.available, o.since
        if not o.known:
            available = True if available is None else available
            limit, tags = (-1 if limit is None else limit), tags or ""
        if available is not None:
            self.set_available(o, available)
            o.since = since
        o.known = True
        if limit is not None:
            o.max = limit if limit >= 0 else None
        if tags is not None:
            o.tags = frozenset(tags.split(",")) - {""}

    def remove_operator(self, name):
        """Removes an operator from the directory."""
        o = self.operator(name)
        self.set_available(o, False)
        o.known, o.since = False, None

    def set_available(self, o, available):
        if available == o.available:
            return
        o.available = available
        o.away_since = None if available else self.now
        if available:
            o.refusals, o.resting_until = 0, NEVER

    def set_limit(self, key, limit, at):
        before = self.is_limited(key[1])
        self.limits[key] = limit, at
        if self.is_limited(key[1]) != before:  # moves to another queue
            for c in self.chats.values():
                if c.channel == key[1]:
                    c.awaited = None

    def clock(self, now):
        self.now = max(self.now, now)
        for c in list(self.chats.values()):
            if c.reservation and c.reservation[1] <= self.now:
                c.reservation = None
                self.settle(c)

    def restart(self, now):
        self.now = now
        for c in self.chats.values():
            c.refused, c.failures, c.awaited = [], 0, None
            self.settle(c)
        for o in self.operators.values():
            o.refusals, o.resting_until = 0, NEVER

    def run(self, line):
        what, *rest = line.split()
        name = rest[0] if rest else None

        def arg(key, kind=str):
            if key not in rest[1:] or rest[rest.index(key, 1) + 1] == "-":
                return None
            return kind(rest[rest.index(key, 1) + 1])

        if what == "set":
            self.set[name] = int(rest[1])
        elif what == "clock":
            self.clock(int(name))
        elif what == "operator" and "gone" in rest:
            self.remove_operator(name)
        elif what == "operator":
            self.tell_operator(
                name, True if "free" in rest else
                False if "away" in rest else None, arg("since", int),
                arg("max", int), arg("tags"))
        elif what == "chat":
            self.chat(name, rest[1], arg("opened", int), arg("holder"),
                      "holder" in rest, arg("tags"), arg("channel"),
                      arg("customer"))
        elif what == "answer":
            c = self.chats.get(name)
            at = arg("at", int)
            if c is not None:
                c.answered_at = max(self.now if at is None else at,
                                    c.answered_at)
                c.answered |= c.given and c.answered_at >= c.held_since
                self.settle(c)
        elif what == "limit":
            key, at = (arg("operator"), arg("channel")), arg("at", int)
            at = self.now if at is None else at
            if key[0] is not None:
                self.operator(key[0])
            if key not in self.limits or at >= self.limits[key][1]:
                self.set_limit(key, None if name == "-" else int(name), at)
        elif what in ("keep", "refuse"):
            self.outcome(name, arg("by"))
        elif what == "restart":
            self.restart(int(name))
        elif what == "go":
            return self.go()
        return None

    def outcome(self, name, by):
        if name in self.told:
            self.chat(name, holder=by, tells_holder=True,
                      reservation=self.told[name])

    told = {}


def some_chat(r, returning):
    told = 0.9 if returning else 0.3
    line = "chat %s" % r.choice(CHATS)
    kind = r.random()
    if kind < 0.55:
        line += " open"
        if r.random() < 0.5:
            line += " holder -"
    elif kind < 0.75:
        line += " open holder " + r.choice("abcdz")
    elif kind < 0.87:
        line += r.choice((" closed", " closed", " gone"))
    else:
        line += r.choice((" pending", " pending", " snoozed"))
    if r.random() < 0.35 - told / 3:
        line += " tags " + r.choice(("x", "y", "x,y"))
    if r.random() < told:
        line += " channel " + r.choice("wm")
    if r.random() < told + 0.1:
        line += " customer " + r.choice("uv")
    return line


def some_operator(r, now):
    if r.random() < 0.05:
        return "operator %s gone" % r.choice("abcd")
    line = "operator %s %s" % (r.choice("abcd"),
                               r.choice(("free", "free", "away", "")))
    if line[-1] != " " and r.random() < 0.3:
        line += " since %d" % max(0, now - r.randrange(900))
    if r.random() < 0.3:
        line += " max %d" % r.randrange(4)
    if r.random() < 0.6:
        line += " tags " + r.choice(("x", "y", "y,x", "x,z"))
    return line


def events(r):
    """The lines of one world. In some worlds customers return, and chats of
    several channels wait for one operator."""
    returning = r.random() < 0.3
    yield "set expiry %d" % r.choice((500, 5000))
    yield "set pause %d" % r.choice((1, 100, 1000))
    if returning or r.random() < 0.4:
        yield "set same %d" % r.choice((400, 100000))
        yield "set same_wait %d" % (
            20000 if returning else r.choice((0, 200)))
    if r.random() < 0.4:
        yield "set silent %d" % r.choice((150, 700))
    if r.random() < 0.4:
        yield "set offline %d" % r.choice((150, 700))
    now = 1000
    yield "clock %d" % now
    if returning:
        yield "limit 1 channel w at 1"
    for _ in range(r.randrange(20, 160)):
        what = r.random()
        if what < 0.34:
            now += 1
            yield "clock %d" % now
            yield some_chat(r, returning)
        elif what < 0.46:
            yield some_operator(r, now)
        elif what < 0.61:
            now += r.choice((1, 10, 100, 400, 3000))
            yield "clock %d" % now
        elif what < 0.73:
            now += 1
            yield "clock %d" % now
            yield "keep %s by %s" % (r.choice(CHATS), r.choice("abcdz"))
        elif what < 0.81:
            chat = r.choice(CHATS)
            for _ in range(r.choice((1, 1, 2, 5))):
                now += 1
                yield "clock %d" % now
                # A chat that everyone refused: the wait for its operator is
                # only visible at its turn.
                if not returning:
                    yield "refuse %s" % chat
                    yield "go"
        elif what < 0.85:
            yield "answer %s at %d" % (r.choice(CHATS),
                                       now - r.choice((0, 0, 100)))
        elif what < 0.90:
            line = "limit %s" % r.choice("-01233")
            if r.random() < 0.5:
                line += " operator " + r.choice("abcd")
            if r.random() < 0.4:
                line += " channel " + r.choice("wm")
            yield line + " at %d" % (now - r.choice((0, 0, 20)))
        else:
            now += r.choice((0, 0, 100, 400))
            yield "restart %d" % now
        yield "go"


def play(seed):
    """The lines of a world, and the answers to them."""
    world, lines, answers = World(), ["new"], []
    world.told = {}
    r = random.Random(seed)
    for line in events(r):
        what, *rest = line.split()
        if what == "chat" and world.begins(*rest[:2]):
            c = world.chats.get(rest[0])
            since = max(0, c.closed_at + 1 if c is not None and
                        c.closed_at is not None else 0)
            line += " opened %d" % max(since, world.now - r.choice(
                (0, 0, 50, 500)))
        if what == "chat" and "holder" not in line:
            c = world.chats.get(rest[0])
            line += " holder %s" % (c and c.holder or "-")
        lines.append(line)
        answer = world.run(line)
        if answer is not None:
            answers.append(answer)
        for c in world.chats.values():
            if c.outcome is not None:
                world.told[c.name] = c.outcome
    return lines, answers


def main():
    first = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    worlds = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    program = os.path.join(os.environ["TESTBIN"], "tools", "allocation_script")
    reserved = 0
    for seed in range(first, first + worlds):
        lines, want = play(seed)
        got = subprocess.run([program], input="\n".join(lines) + "\n",
                             text=True, stdout=subprocess.PIPE,
                             check=True).stdout.split("\n")[:-1]
        reserved += sum(a.count(">") for a in want)
        if got == want:
            continue
        asked = [i for i, line in enumerate(lines) if line == "go"]
        wrong = next(i for i, (a, b) in enumerate(
            zip(want + ["(end)"], got + ["(end)"])) if a != b)
        print("\n".join(lines[:asked[wrong] + 1]))
        print("world %d: it says '%s', the oracle '%s'"
              % (seed, got[wrong], want[wrong]))
        return 1
    print("%d worlds, %d reservations" % (worlds, reserved))
    return 0 if reserved > worlds else 1


if __name__ == "__main__":
    sys.exit(main())
