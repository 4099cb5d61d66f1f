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
        self.status = None
        self.holder_at = NEVER
        self.holder_rank = ()
        self.news = []          # (at, rank, kind, status)
        self.opened_at = self.closed_at = self.arrival = None
        self.arrival_rank = ()  # among what is of its time
        self.tags = frozenset()
        self.tag_text = self.channel = self.customer = self.holder = None
        self.known_at = {}      # customer, channel, tag_text -> at
        self.given = self.answered = False
        self.given_at = 0
        self.answered_at = NEVER
        self.held_since = NEVER
        # [operator, expires, number, sent, at, whom it replaces]
        self.reservation = None
        self.outcome = None     # the last reservation's number
        self.refused = []       # [(operator, until)]
        self.failures = 0
        self.awaited = None     # (operator, until)
        self.mark = 0
        self.listed_at = self.newest = NEVER
        self.told = None        # the status, by records

    def learn(self, what, at, text):
        """The newest that is said counts."""
        if text is not None and at >= self.known_at.get(what, NEVER):
            self.known_at[what] = at
            setattr(self, what, text)


def id_key(name):
    """Numbers by value, then all others by bytes."""
    if name == "0" or (name.isdigit() and name[0] != "0"):
        return 0, len(name), name
    return 1, 0, name


def status_rank(message, status):
    """Of one time a chat record stands above messages."""
    return (0, id_key(message)) if message is not None else (1, status)


# Older than all of its time.
NO_MESSAGE = (0, ())


def in_order(news):
    """Of time, then of rank; of equal ones the last one to come is the last."""
    return sorted(news, key=lambda n: n[:2])


def told(news):
    """The status, step by step in the order of time."""
    status = None
    for _, _, kind, said in in_order(news):
        if kind == "said":
            status = said
        elif kind == "wrote" and status != "pending":
            status = "open"
        elif kind == "handed" and status not in OVER:
            status = "open"
    return status


def shows_open(new, said, handed):
    """What did nothing when it happened shows nothing."""
    if new[2] == "wrote" and said and said[3] == "pending":
        return handed is not None and handed[0] <= new[0]
    return not (new[2] == "handed" and said and said[3] in OVER)


def holder_rank(message, status, holder):
    """Of one time an assigned message stands above chat records."""
    if message is not None:
        return 1, id_key(message)
    return 0, status or "open", holder or ""


class World:
    def __init__(self):
        self.set = {"limit": 2, "expiry": 60000, "pause": 1000,
                    "window": 86400000, "same": 0, "same_wait": 0,
                    "silent": 0, "offline": 0}
        self.now = 0
        self.chats, self.operators, self.limits = {}, {}, {}
        self.last_of = {}       # customer -> (began, chat, operator)
        self.heard_of = {}      # customer -> at
        self.reservations = self.mark = 0
        self.newest = NEVER     # of all records
        self.whole_at = NEVER   # of the newest snapshot
        self.within = False     # one
        self.out = []

    # What follows from what is known.

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
        """How many chats, of the channel."""
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

    # Deciding.

    def last(self, c):
        """Whom its customer had last; one that is waited for stays that."""
        if c.awaited is not None and c.awaited[1] > self.now:
            return c.awaited[0]
        c.awaited = None
        if (c.customer not in self.last_of or
                self.heard_of[c.customer] < self.now - self.set["same"]):
            return None
        return self.operator(self.last_of[c.customer][2])

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
        self.forget()
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
                         self.reservations, False, self.now, c.holder]
        c.outcome, c.awaited = self.reservations, None
        self.out.append("%s>%s%s " % (c.name, o.name, "/" + c.holder
                                      if c.holder is not None else ""))

    # What happens.

    def settle(self, c):
        if c.reservation and c.status != "open":
            c.reservation = None
        if not self.is_waiting(c):
            c.awaited = None

    def forget(self):
        """Whatever is older by now than two windows, if it is over."""
        for c in list(self.chats.values()):
            if (c.status in OVER + (None,) and
                    c.newest < self.newest - 2 * self.set["window"]):
                del self.chats[c.name]

    def chat_at(self, name, at):
        self.newest = max(at, self.newest)
        c = self.chats.setdefault(name, Chat(name))
        c.mark = self.mark
        return c

    def chat(self, name, at, status, holder, told_holder=False, opened=None,
             tags=None, channel=None, customer=None, reservation=None,
             message=None, kind="said"):
        c = self.chat_at(name, at)
        before = c.tags, c.channel
        c.learn("customer", at, customer)
        c.learn("channel", at, channel)
        if tags is not None:
            c.learn("tag_text", at, ",".join(sorted(set(tags.split(",")))))
            c.tags = frozenset(c.tag_text.split(",")) - {""}
        if before != (c.tags, c.channel):
            c.awaited = None
        if status is not None:
            self.take_status(c, at, status, opened, message, kind)
        if told_holder:
            self.take_holder(c, at, holder, reservation,
                             holder_rank(message, status, holder), opened)
        if c.told is None:
            c.news.append((NEVER, NO_MESSAGE, "said", "open"))
            c.told, c.arrival, c.arrival_rank = "open", at, NO_MESSAGE
        c.newest = max(at, c.newest)
        self.set_status(c)
        self.settle(c)

    def recompute(self, c):
        before = c.status
        self.set_status(c)
        if c.status != before:
            self.settle(c)

    def missed(self, c):
        """The newest snapshot without it."""
        return self.whole_at if c.listed_at < self.whole_at else NEVER

    def set_status(self, c):
        """It has left while nothing is newer than a snapshot without it."""
        missed = self.missed(c)
        c.status = ("gone" if missed > NEVER and missed >= c.newest
                    else c.told)
        if c.status in OVER:
            c.given = False

    def set_arrival(self, c, at, rank=NO_MESSAGE):
        c.arrival_rank = rank
        if at != c.arrival:
            c.arrival, c.awaited = at, None

    def take_status(self, c, at, status, opened, message, kind):
        def past(t):
            return c.closed_at is not None and t <= c.closed_at

        def arrival_past():
            """At the time of a closing what is newer counts."""
            return c.arrival is None or past(c.arrival) and (
                c.arrival < c.closed_at or any(
                    n[0] == c.arrival and n[3] in OVER
                    and n[1] >= c.arrival_rank for n in c.news + [new]))

        def last(which):
            """The newest of a kind, if it is newer than what was said."""
            known = [n for n in in_order(c.news) if n[2] == which]
            return known[-1] if known and (
                not said or known[-1][:2] > said[:2]) else None

        said = None
        said = last("said")
        new = (at, status_rank(message, status), kind, status)
        if status in OVER:
            c.closed_at = max(at, c.closed_at if c.closed_at is not None
                              else at)
        known = c.opened_at is not None and not past(c.opened_at)
        if status == "open" and shows_open(new, said, last("handed")):
            if opened is not None and not past(opened):
                if not known or opened > c.opened_at:
                    c.opened_at = opened
                    self.set_arrival(c, opened)
                    known = True
            elif not known and (not past(at) or not said or
                                    new[:2] >= said[:2]):
                if arrival_past() or at < c.arrival:
                    self.set_arrival(c, at, new[1])
                elif at == c.arrival:
                    c.arrival_rank = max(c.arrival_rank, new[1])
        newer = kind == "said" and (not said or new[:2] >= said[:2])
        c.news.append(new)
        c.told = told(c.news)
        if kind != "said" or known:
            return
        said = None
        said, wrote, handed = last("said"), last("wrote"), last("handed")
        later = c.arrival is not None and c.arrival > said[0]
        if c.told != "open":
            if later:
                self.set_arrival(c, None)
        elif arrival_past():
            by = said if said[3] == "open" else (
                wrote if said[3] != "pending" and wrote else handed)
            self.set_arrival(c, by[0], by[1])
        elif (newer and later and said[3] == "pending" and
              c.arrival < handed[0]):
            self.set_arrival(c, handed[0], handed[1])

    def remember(self, c, holder, began):
        """The last chat of a customer is the one that began last."""
        heard = self.heard_of.get(c.customer, NEVER)
        if heard < self.now - self.set["same"]:
            self.last_of.pop(c.customer, None)
        self.heard_of[c.customer] = self.now
        last = self.last_of.get(c.customer)
        if last is None or c.name == last[1] or (
                began, id_key(c.name)) > (last[0], id_key(last[1])):
            self.last_of[c.customer] = began, c.name, holder

    def take_holder(self, c, at, holder, reservation, rank, opened):
        running = c.reservation
        outcome = running is not None and reservation == running[2]
        ends = running is not None and holder not in (None, running[5])
        if outcome and not ends:
            self.refuse(c)
        if running is not None and holder is None and not outcome:
            return
        newer = (at, rank) >= (c.holder_at, c.holder_rank)
        if not newer and not (outcome and ends):
            return
        if newer:
            c.holder_at, c.holder_rank = at, rank
        elif c.holder_rank[0] == 0:
            c.holder_rank = 0, c.holder_rank[1], holder
        if holder != c.holder:
            c.given = c.answered = False
            c.holder, c.held_since = holder, at
        if holder is not None:
            self.operator(holder)
            if self.set["same"] and c.customer is not None:
                self.remember(c, holder, max(
                    (t for t in (c.arrival, opened) if t is not None),
                    default=at))
        if ends:
            c.given = holder == running[0]
            c.held_since = min(c.held_since, running[4])
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
        o.mark = self.mark
        if since is not None:
            since = min(since, self.now)
        if available is not None and None not in (since, o.since) \
                and since < o.since:
            available, since = o.available, o.since
        if not o.known or self.within:
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
        if self.is_limited(key[1]) != before:  # another line
            for c in self.chats.values():
                if c.channel == key[1]:
                    c.awaited = None

    def whole(self, at):
        for o in self.operators.values():
            if o.known and getattr(o, "mark", 0) != self.mark:
                self.set_available(o, False)
                o.known, o.since = False, None
        for c in self.chats.values():
            if c.mark == self.mark:
                c.listed_at = max(at, c.listed_at)
        self.whole_at = max(at, self.whole_at)
        self.within = False
        for c in self.chats.values():
            self.recompute(c)
        self.newest = max(at, self.newest)

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

    # Lines.

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
        elif what == "operator":
            self.tell_operator(
                name, True if "free" in rest else
                False if "away" in rest else None, arg("since", int),
                arg("max", int), arg("tags"))
        elif what == "chat":
            status = [s for s in ("open", "closed", "pending", "snoozed",
                                  "gone") if s in rest]
            kind = [k for k in ("wrote", "handed") if k in rest]
            at = arg("at", int)
            self.chat(name, self.now if at is None else at,
                      status[0] if status else None, arg("holder"),
                      "holder" in rest, arg("opened", int), arg("tags"),
                      arg("channel"), arg("customer"), None, arg("id"),
                      kind[0] if kind else "said")
        elif what == "answer":
            c = self.chats.get(name)
            at = arg("at", int)
            if c is not None:
                c.answered_at = max(self.now if at is None else at,
                                    c.answered_at)
                c.answered |= c.given and c.answered_at >= c.held_since
                self.settle(c)
        elif what == "heard":
            at = arg("at", int)
            c = self.chat_at(name, at)
            c.newest = max(at, c.newest)
            self.recompute(c)
        elif what == "limit":
            key, at = (arg("operator"), arg("channel")), arg("at", int)
            at = self.now if at is None else at
            if key[0] is not None:
                self.operator(key[0])
            if key not in self.limits or at >= self.limits[key][1]:
                self.set_limit(key, None if name == "-" else int(name), at)
        elif what in ("keep", "refuse"):
            self.outcome(name, arg("by"))
        elif what == "snapshot":
            self.mark += 1
            self.within = True
        elif what == "whole":
            self.whole(int(name))
        elif what == "sent":
            for c in self.chats.values():
                if c.reservation:
                    c.reservation[3] = True
        elif what == "restart":
            self.restart(int(name))
        elif what == "go":
            return self.go()
        elif what == "unsent":
            return "".join("?%s " % c.name for c in sorted(
                (c for c in self.chats.values()
                 if c.reservation and not c.reservation[3]),
                key=lambda c: c.reservation[2]))
        return None

    def outcome(self, name, by):
        if name in self.told:
            self.chat(name, self.now, "open", by, True,
                      reservation=self.told[name])

    told = {}


def some_chat(r, now, returning):
    told = 0.9 if returning else 0.3
    line = "chat %s at %d" % (r.choice(CHATS),
                              max(0, now + r.choice((0, 0, -50, -500, 3))))
    kind = r.random()
    if kind < 0.55:
        line += " open"
        if r.random() < 0.5:
            line += " holder -"
    elif kind < 0.75:
        line += " open holder " + r.choice("abcdz")
    elif kind < 0.85:
        line += " closed"
    elif kind < 0.93:
        line += r.choice((" pending", " pending", " snoozed"))
    else:
        line += r.choice((" open wrote id 12", " open handed id 13"))
    if r.random() < 0.35 - told / 3:
        line += " tags " + r.choice(("x", "y", "x,y"))
    if r.random() < told:
        line += " channel " + r.choice("wm")
    if r.random() < told + 0.1:
        line += " customer " + r.choice("uv")
    if " id " not in line and r.random() < 0.2:
        line += " id " + r.choice(("9", "10", "x"))
    if r.random() < 0.1:
        line += " opened %d" % max(0, now - r.randrange(900))
    return line


def some_operator(r, now):
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
    """Lines of one world. In some customers return, and chats of several
    channels wait for one operator."""
    returning = r.random() < 0.3
    yield "set expiry %d" % r.choice((500, 5000))
    yield "set pause %d" % r.choice((1, 100, 1000))
    yield "set window %d" % r.choice((300, 100000))
    if returning or r.random() < 0.4:
        yield "set same %d" % r.choice((400, 100000))
        yield "set same_wait %d" % (
            20000 if returning else r.choice((0, 200)))
    if r.random() < 0.4:
        yield "set silent %d" % r.choice((150, 700))
    if r.random() < 0.4:
        yield "set offline %d" % r.choice((150, 700))
    now, within = 1000, False
    yield "clock %d" % now
    if returning:
        yield "limit 1 channel w at 1"
    for _ in range(r.randrange(20, 160)):
        what = r.random()
        if what < 0.30:
            yield some_chat(r, now, returning)
        elif what < 0.42:
            yield some_operator(r, now)
        elif what < 0.58:
            now += r.choice((1, 10, 100, 400, 3000))
            yield "clock %d" % now
        elif what < 0.70:
            yield "keep %s by %s" % (r.choice(CHATS), r.choice("abcdz"))
        elif what < 0.78:
            # Whether one that all refused is waited for is seen at its turn.
            yield "%s %s" % ("refuse" if not returning else "sent",
                             r.choice(CHATS))
        elif what < 0.82:
            yield "answer %s at %d" % (r.choice(CHATS),
                                       now - r.choice((0, 0, 100)))
        elif what < 0.87:
            line = "limit %s" % r.choice("-01233")
            if r.random() < 0.5:
                line += " operator " + r.choice("abcd")
            if r.random() < 0.4:
                line += " channel " + r.choice("wm")
            yield line + " at %d" % (now - r.choice((0, 0, 20)))
        elif what < 0.89:
            yield "chat %s at %d gone" % (r.choice(CHATS), now)
            yield "heard %s at %d" % (r.choice(CHATS),
                                      now - r.choice((0, 0, 50)))
        elif what < 0.91:
            if not within:
                now += r.choice((0, 0, 100, 400))
                yield "restart %d" % now
        elif what < 0.93:
            yield "sent"
        elif what < 0.94:
            yield "unsent"
        elif what < 0.96:
            yield "snapshot" if not within else "whole %d" % (
                now - r.choice((0, 100)))
            within = not within
        yield "go"
    yield "unsent"


def play(seed):
    """The lines of a world, and what they are answered."""
    world, lines, answers = World(), ["new"], []
    world.told = {}
    for line in events(random.Random(seed)):
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
        asked = [i for i, line in enumerate(lines) if line in ("go", "unsent")]
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
