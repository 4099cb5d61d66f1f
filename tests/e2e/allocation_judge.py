"""Checks a world of allocation_worlds.t.

It relies on the simulator's own journal: which agent got which chat, in order,
and how many chats that agent had then. Two relays between the programs note the
order in which records reached the aggregator and reservations left it; this
list is the log. A record that comes after a reservation in the log was unknown
to it. A record that comes before the first record about the reserved chat was
known (reservations are made one after the other, so a record known to one is
known to the next). In between, nothing can be known and nothing is judged.

Required of each world:

 limits  When we give a chat to an agent, the agent's chats, including this one,
         do not exceed the limit, whoever gave them the others. Chats that
         others gave them do not count if no surely known record mentions this.
         If several limits may have been in force, the highest counts.
 one     When we give a chat to an agent, no other agent has it or is added.
 order   A and B wait for the first time. If A came first, is before B in the
         log, and no later record changes this, A is reserved first. This is
         not judged if A ended or had an agent before its reservation, or was
         resolved in the second of its arrival: Qiscus's times have no
         fractions. A record in a snapshot is known from the end marker on, and
         never without an end marker.
         (All chats need the same tags: Qiscus does not say what a room needs.)
 end     When everything is quiet, and polls have repaired losses, no chat waits
         while an online agent has a free slot. Then rooms are resolved until no
         chat waits any more.

For each assignment, the time since the last necessary record, about the chat or
the free slot, is measured and printed. Time with a process down is subtracted,
and a process counts as down until it has had a second to start. Only LONG=1
judges this time (2 s, except in worlds with a killed broker), since on a loaded
machine it says more about the machine. SLOW=1 lists assignments that took more
than one second.
"""

import itertools
import json
import os

from harness import say
from streamlib import millis

SLACK = 0.1  # seconds, between the simulator's clock and ours
START = 1.0  # seconds


class Wrong(Exception):
    """The world violates a requirement."""


def story(log, journal, others=()):
    """The log, the journal and other (time, what, text), sorted by time."""
    lines = [(t, kind, json.dumps(r)) for kind, t, r in log]
    lines += [(e["time"], "sim", json.dumps(e)) for e in journal]
    return "".join("%.3f %s %s\n" % (t % 10000, kind, text)
                   for t, kind, text in sorted(lines + list(others)))


class Judge:
    """Checks the journal against the log."""

    def __init__(self, world):
        self.world = world
        self.journal = world.journal()
        self.log = world.log
        self.wrong = []
        self.excused = 0
        self.index()

    def index(self):
        """The positions of records in the log. `waits` and `first` are about
        each chat's first wait, `reserved` about all reservations."""
        self.effective = {}  # index: the index from which it is known
        self.told = {}       # chat: [(index, record)]
        self.listed = {}     # index of an end marker: chats of its snapshot
        # (index, chat, agent, index up to which records are surely known)
        self.reserved = []
        begun, known = [], -1
        for i, (kind, _, r) in enumerate(self.log):
            if kind == "record":
                begun = self.place(i, r, begun)
                if r["type"] == "chat":
                    self.told.setdefault(r["chat"], []).append((i, r))
        self.never(begun)
        self.told = {chat: [(i, r) for i, r in told
                            if self.effective.get(i, i) is not None]
                     for chat, told in self.told.items()}
        seen = set()
        for i, (kind, _, r) in enumerate(self.log):
            if kind != "reservation" or r["id"] in seen:
                continue
            seen.add(r["id"])
            told = [self.effective.get(k, k)
                    for k, _ in self.told.get(r["chat"], [])]
            known = max(known, min(told, default=-1))
            self.reserved.append((i, r["chat"], r["operator"], known))

    def place(self, i, r, begun):
        if r["type"] == "snapshot":
            if r["state"] == "begin":
                self.never(begun)
                return []
            for k in begun:
                self.effective[k] = i
            self.listed[i] = {self.log[k][2].get("chat") for k in begun}
            return []
        if "snapshot" in r:
            begun.append(i)
        return begun

    def never(self, begun):
        """A snapshot without an end marker, because its poll gave up."""
        for k in begun:
            self.effective[k] = None

    def judge(self):
        self.judge_gifts()
        self.judge_order()
        if self.wrong:
            raise Wrong("; ".join(self.wrong[:6]))
        return self

    # --- limits, and one agent only ---

    def limit(self, agent, known, until_index):
        """The highest limit that may have been in force."""
        base, best = {None: self.world.choices.limit}, 0
        for i, (kind, _, r) in enumerate(self.log[:until_index]):
            if i > known:
                best = max(best, base.get(agent, base[None]))
            if kind == "record" and r["type"] == "limit":
                base[r.get("operator")] = r["max_chats"]
        return max(best, base.get(agent, base[None]))

    def is_told(self, chat, agent, known, at):
        """Whether it was known that another system gave the chat to the
        agent."""
        return any(i <= known and r.get("operator") == agent
                   and self.log[i][1] + SLACK >= at
                   for i, r in self.told.get(chat, ()))

    def promise_of(self, chat, agent, at):
        """The last reservation that may have caused this assignment."""
        found = None
        for i, c, a, known in self.reserved:
            if c == chat and a == agent and self.log[i][1] <= at + SLACK:
                found = (i, known)
        return found

    def judge_gifts(self):
        held, by_hand = {}, {}
        for e in self.journal:
            chat, who = str(e.get("dialog")), e["operator"]
            at = e["time"]
            if e["what"] in ("given", "resolved", "assigned"):
                by_hand.pop(chat, None)
                held.pop(chat, None)
            if e["what"] == "given" and who is not None:
                by_hand[chat] = (who, at)
            if e["what"] != "assigned":
                continue
            if e["before"] is not None:
                self.wrong.append("%s has %s, and is given to %s" % (
                    e["before"], chat, who))
            self.judge_limit(e, chat, str(who), at, by_hand)

    def judge_limit(self, e, chat, who, at, by_hand):
        reservation = self.promise_of(chat, who, at)
        if reservation is None:
            self.wrong.append("nobody reserved %s to %s" % (chat, who))
            return
        index, known = reservation
        limit = self.limit(who, known, index)
        untold = sum(str(w) == who and not self.is_told(c, who, known, t)
                     for c, (w, t) in by_hand.items())
        if e["held"] <= limit:
            return
        if e["held"] - untold <= limit:
            self.excused += 1
            return
        self.wrong.append("%s: %s has %d chats with %s, and may have %d" % (
            e["at"], who, e["held"], chat, limit))

    # --- order ---

    def judge_order(self):
        first = {}  # chat: number of earlier reservations
        for n, (i, chat, _, _) in enumerate(self.reserved):
            first.setdefault(chat, (n, i))
        waits = {c: w for c in first for w in [self.wait(c, first[c][1])] if w}
        self.pairs = 0
        for a, b in itertools.permutations(waits, 2):
            if waits[a]["late"] > waits[b]["early"] or (
                    waits[a]["arrival"] >= waits[b]["earliest"]):
                continue
            self.pairs += 1
            if first[a][0] > first[b][0] and waits[a]["clean"]:
                self.wrong.append(
                    "%s waits before %s, which is reserved first:\n%s" % (
                        a, b, self.story(a, b, first[a][1])))

    def story(self, a, b, up_to):
        """All records about both chats, and the simulator's actions on them."""
        return story(
            [(kind, t, r) for kind, t, r in self.log[:up_to + 1]
             if r["type"] == "snapshot" or r.get("chat") in (a, b)],
            [e for e in self.journal if str(e.get("dialog")) in (a, b)])

    def wait(self, chat, reserved):
        """When the log shows that the chat waits: surely, at the earliest, and
        since when; and whether no other record came before its reservation."""
        mine = self.told.get(chat, [])
        open_ = [(i, r) for i, r in mine
                 if r.get("status") == "open" and "operator" not in r]
        if not open_:
            return None
        i = open_[0][0]
        earliest = min(self.arrival(r) for k, r in mine if k < reserved)
        return {
            "late": self.effective.get(i, i),
            "early": min(self.effective.get(k, k) for k, _ in mine),
            "arrival": max([self.arrival(open_[0][1])] + [
                millis(r["opened_at"]) for k, r in mine
                if k < reserved and "opened_at" in r]),
            "earliest": earliest,
            "clean": not self.is_reopened(chat, reserved, earliest) and
            not self.is_given(chat, reserved) and
            not self.is_opened_anew(mine, reserved, earliest) and
            not self.is_missed(chat, min(k for k, _ in mine), reserved) and
            all(r.get("status") == "open" and "operator" not in r
                for k, r in mine if k < reserved),
        }

    def is_reopened(self, chat, reserved, arrival):
        """Its history has a closing in the second of its arrival, or later."""
        second = arrival // 1000 * 1000
        return any(millis(m["at"]) >= second
                   for m in self.history(chat, "closed", reserved))

    def is_given(self, chat, reserved):
        """According to its history an agent has it, although the list of chats
        showed none before."""
        return any(self.history(chat, "assigned", reserved))

    def history(self, chat, kind, up_to):
        """The messages of that kind in the log."""
        return (m for _, _, m in self.log[:up_to] if m["type"] == "message"
                and m["kind"] == kind and m["chat"] == chat)

    def is_opened_anew(self, mine, reserved, arrival):
        """It was opened after its first record, by more than the difference and
        rounding of the CRM's clock: the webhooks in between were lost."""
        soon = arrival + 1000 + self.world.choices.ahead * 1000
        return any(k < reserved and "opened_at" in r
                   and millis(r["opened_at"]) > soon for k, r in mine)

    def is_missed(self, chat, told, reserved):
        """A snapshot lacks it: it ended, and its webhook was lost."""
        return any(told < end < reserved and chat not in chats
                   for end, chats in self.listed.items())

    @staticmethod
    def arrival(r):
        return millis(r.get("opened_at") or r["at"])

    # --- time ---

    def down(self, a, b):
        """How much of the time from a to b some process was down."""
        spans = [(x, (y or b) + START)
                 for d in self.world.daemons.values() for x, y in d.down]
        spans = sorted((max(a, x), min(b, y))
                       for x, y in spans if x < b and y > a)
        total, end = 0, a
        for x, y in spans:
            total += max(0, y - max(x, end))
            end = max(end, y)
        return total

    def delays(self):
        """For each assignment, seconds since its last necessary record, and
        whether a process was down meanwhile."""
        events = [(t, 0, r) for kind, t, r in self.log if kind == "record"]
        events += [(e["time"], 1, e) for e in self.journal]
        # chat: since when it is known to wait; agent: chats according to the
        # log
        waits, has, free, since = {}, {}, {}, None
        limits, found = {None: self.world.choices.limit}, []
        for t, kind, r in sorted(events, key=lambda e: e[:2]):
            if kind == 1 and r["what"] == "assigned":
                chat = str(r["dialog"])
                start = max(waits.pop(chat, t), since or t)
                down = self.down(start, t)
                took = max(0, t - start - down)
                found.append((took, down > 0))
                if os.environ.get("SLOW") and took > 1:
                    say("world %d: %s waited %.3f s from %.3f on" % (
                        self.world.number, chat, took, start % 10000))
            self.follow(kind, t, r, waits, has, free, limits)
            room = any(on and sum(h == a for h in has.values())
                       < limits.get(a, limits[None])
                       for a, on in free.items())
            since = (since or t) if room else None
        return found

    @staticmethod
    def follow(kind, t, r, waits, has, free, limits):
        if kind == 1:
            chat, what = str(r.get("dialog")), r["what"]
            if what in ("assigned", "given", "resolved"):
                waits.pop(chat, None)
                if r["operator"] is not None:
                    has[chat] = str(r["operator"])
        elif r["type"] == "operator":
            free[r["operator"]] = r["available"]
        elif r["type"] == "limit":
            limits[r.get("operator")] = r["max_chats"]
        elif r["type"] == "chat" and r.get("status") == "open":
            if "operator" in r:
                has[r["chat"]] = r["operator"]
            elif "assignment" not in r:
                waits.setdefault(r["chat"], t)
        elif r["type"] == "chat":
            has.pop(r["chat"], None)
            waits.pop(r["chat"], None)
