#!/usr/bin/env -S python3 -B
"""A simulated Chatwoot over many hours, polled every few minutes: the intervals
of the programs equal those computed from what really happened there, without a
look at what the polls showed. Conversations are reopened after hours or days,
surveys and other automated messages come at any time, chats are assigned in the
second of an answer. Times are in whole seconds, as Chatwoot shows them.
Episodes that no poll can see, because they begin and end between two polls, are
left out and counted, as are those of an agent who left the account, whose chats
Chatwoot shows as unassigned without a line about it, and what ended in the last
minutes, which later polls complete. HOURS are simulated (6; LONG=1: 200). SEED=n repeats one.
"""

import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import chatwoot  # noqa: E402
import compare  # noqa: E402
from harness import LONG, TOKEN, Checks, Lab, main, say, seed  # noqa: E402

HOURS = int(os.environ.get("HOURS") or (200 if LONG else 6))
PAUSE = 600 # seconds between two polls
CUSTOMERS = 12
SETTLED = 1800 # what ended so long before the last poll is compared


class Episode:
    """From the first message that a person or a bot in conversation wrote, or a
    line about an opening or assignment, to the closing."""

    def __init__(self, at):
        self.begin, self.end = at, None
        self.asked = None # when the customer wrote first
        self.told = []
        self.waiting = self.part = None
        self.parts = [] # of the running wait
        self.answered = False

    def wait(self, at):
        if self.asked is None:
            self.asked = at
        if self.waiting is None:
            self.waiting, self.part, self.parts = at, at, []

    def stop(self, at, holder, answerer=None):
        """The wait is over; whoever got the chat in that second had it."""
        if self.parts and holder is not None and holder == answerer and \
                self.part // 1000 == at // 1000:
            self.parts = []
        if self.parts:
            self.cut(at, holder)
            self.told += self.parts
        self.waiting, self.parts = None, []

    def cut(self, at, holder):
        if self.waiting is not None:
            self.parts.append(("waiting", holder, self.part, at))
            self.part = at

    def answer(self, m, holder):
        since = self.waiting if self.answered else self.asked
        if since is not None:
            kind = "reply" if self.answered else "first_response"
            self.told.append((kind, m["user"], since, m["at"]))
        self.answered = True
        self.stop(m["at"], holder, m["user"])

    def close(self, at, holder):
        waited = self.waiting
        self.stop(at, holder)
        if waited is not None:
            self.told.append(("unanswered", holder, waited, at))
        self.told.append(("resolution", holder, self.begin, at))
        self.end = at


class Conversation:
    def __init__(self):
        self.holder, self.now, self.episodes = None, None, []

    def take(self, m):
        automated = m.get("automated") and m["from"] != "system"
        if m.get("kind") == "closed" and m["from"] == "system":
            if self.now is not None:
                self.now.close(m["at"], self.holder)
            self.now = None
            return
        if self.now is None and not automated:
            self.now = Episode(m["at"])
            self.episodes.append(self.now)
        if m["from"] == "system":
            self.line(m)
        elif automated or m.get("private"):
            pass
        elif m["from"] == "customer":
            self.now.wait(m["at"])
        elif m["from"] == "operator":
            self.now.answer(m, self.holder)
        else:
            self.now.stop(m["at"], self.holder)

    def line(self, m):
        if m["kind"] != "assigned" or m["operator"] == self.holder:
            return
        self.now.cut(m["at"], self.holder)
        self.holder = m["operator"]


class World:
    def __init__(self, lab, number):
        self.lab = lab
        self.sim = lab.sim(
            "--crm", "chatwoot", "--dialogs", 0, "--die-with-parent", "--seed",
            number, "--operators", 5, "--hours", "0-24", "--pace", 600)
        self.account = chatwoot.Account(self.sim, TOKEN, TOKEN, history="all")
        self.conf = lab.conf("conf", {
            "crm " + TOKEN: {"profile": "chatwoot", "account": 1,
                             "url": self.sim.root, "token": TOKEN,
                             "history": "all", "operators_every": 0},
            "poller": {"state": lab.path("polls")},
            "aggregator": {"clock": "records"}})
        self.polls = []
        self.gone = {} # agent who left: the last poll that listed the agent
        self.written = {} # id: (chat, message)

    def poll(self):
        self.lab.must(["poller", "-c", self.conf, "-t", "queue:records"])
        self.polls.append(compare.parse_time(self.sim.stats()["now"]))
        # Lines name agents, some of whom leave later.
        before = self.account.operators or {}
        for agent in before.keys() - self.account.read_operators(0).keys():
            self.gone.setdefault(agent, self.polls[-2])
        for m in self.sim.world(TOKEN)["messages"][len(self.written):]:
            self.written[m["id"]] = (str(m["dialog_id"]),
                                     self.account.message(m))

    def live(self):
        self.sim.control("act", do="online", account=TOKEN)
        self.poll()
        for _ in range(CUSTOMERS):
            self.sim.control("act", do="arrive", account=TOKEN)
            self.sim.advance(20)
        for _ in range(HOURS * 3600 // PAUSE):
            self.sim.advance(PAUSE)
            self.poll()

    def really(self):
        """{chat: its conversation}"""
        written = collections.defaultdict(list)
        for chat, message in self.written.values():
            written[chat].append(message)
        found = {}
        for chat, messages in written.items():
            found[chat] = Conversation()
            for m in sorted(messages, key=lambda m: (m["at"], int(m["id"]))):
                found[chat].take(m)
        return found

    def rows(self):
        """The last version of each interval counts."""
        done = self.lab.must([
            "aggregator", "-c", self.conf, "-a", "intervals", "-f",
            "queue:records", "-t", "-", "--until-empty", "--state",
            self.lab.path("aggregator")])
        last = {}
        for r in done.records():
            if r["type"] == "row" and r["table"] == "intervals":
                last[r["end_at"], r["chat"], r["message"], r["kind"]] = r
        return [r for r in last.values() if not r["withdrawn"]]

    def is_seen(self, episode):
        """An episode that begins in the second of a poll may begin after it."""
        return any(episode.begin < at and (
            episode.end is None or at < episode.end) for at in self.polls)

    def is_of_gone(self, episode):
        return any(end > self.gone.get(holder, end)
                   for _, holder, _, end in episode.told)


def told(kind, holder, start, end):
    return (f"{kind} of {holder}, {(end - start) / 1000:.0f} s from "
            f"{compare.format_time(start)}")


def body():
    checks, number = Checks(), seed()
    with Lab("chatwoot_truth") as lab:
        lab.start_servers("rabbitmq")
        world = World(lab, number)
        world.live()
        want, got, hidden, gone = set(), set(), 0, 0
        kinds = collections.Counter()
        spans = [] # of the episodes that are left out
        now = world.polls[-1]
        last = now - SETTLED * 1000
        for chat, conversation in world.really().items():
            for e in conversation.episodes:
                if world.is_seen(e) and not world.is_of_gone(e):
                    # The parts of a running wait are rows already.
                    known = [i for i in e.told + e.parts if i[3] < last and (
                        i[0] != "waiting" or i[3] > i[2])]
                    want |= {(chat, told(*i)) for i in known}
                    kinds.update(i[0] for i in known)
                else:
                    hidden += not world.is_seen(e)
                    gone += world.is_seen(e)
                    spans.append((chat, e.begin, e.end or now))
        for r in world.rows():
            start, end = (compare.parse_time(r[x])
                          for x in ("start_at", "end_at"))
            if end < last and not any(chat == r["chat"] and begin <= start and end <= over
                       for chat, begin, over in spans):
                got.add((r["chat"], told(r["kind"], r["operator"], start, end)))
        for name, some in ("missing", want - got), ("too many", got - want):
            checks.that(not some, f"SEED={number}: {len(some)} {name}: "
                        f"{sorted(some)[:8]}")
        checks.that(kinds["resolution"] > HOURS // 4, kinds)
    say(f"{HOURS} hours, {len(world.polls)} polls: "
        + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()))
        + f"; {hidden} episodes between two polls, {gone} of agents who left")
    return checks.result()


main(body)
