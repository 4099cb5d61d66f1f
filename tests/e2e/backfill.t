#!/usr/bin/env -S python3 -B
"""Past conversations of each CRM: every message is read, and the responses and
resolutions that the programs compute equal those of the oracle; a killed run
continues where it was; a budget ends it. chatwoot.t tests how the past and the
polls of Chatwoot fit together.
"""

import collections
import json
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import chatwoot  # noqa: E402
import clocks  # noqa: E402
import compare  # noqa: E402
import crm  # noqa: E402
import qiscus  # noqa: E402
from harness import (BIN, TOKEN, Checks, Lab, main, say,  # noqa: E402
                     seed, until)

KINDS = ("first_response", "reply", "resolution", "unanswered")


class Account:
    """A simulated CRM with a long past; its profile reads without pauses."""

    def __init__(self, lab, name, number, *options, folder=None, **section):
        self.lab, self.name = lab, name
        folder = folder or name
        options = ("--crm", name, *options) if name != "chat2desk" else options
        self.sim = lab.sim("--pace", 0, "--seed", number, "--dialogs", 60,
                           "--messages", 14, "--die-with-parent", *options,
                           name=folder + "-sim")
        with open(f"poller/profiles/{name}.jq", encoding="utf-8") as f:
            text = f.read()
        cut = text.index("backfill: ") + len("backfill: ")
        profile = lab.write(folder + ".jq", text[:cut] + "60000" + text[
            text.index(",", cut):])
        url = self.sim.url if name == "chat2desk" else self.sim.root
        account = {"chatwoot": {"account": 1},
                   "qiscus": {"account": "sim-app",
                              "hosts": "messages=" + self.sim.root}}
        self.conf = lab.conf(folder + ".conf", {
            "crm " + TOKEN: {"profile": profile, "url": url, "token": TOKEN,
                             **account.get(name, {}), **section},
            "poller": {"state": lab.path(folder + "-state")}})
        self.argv = ["poller", "-c", self.conf, "--backfill", "900d"]

    def oracle(self):
        """{chat: (records, messages)} according to the manual."""
        world, found = self.sim.world(), {}
        read = self.reader(world)
        for d in world["dialogs"]:
            own = [m for m in world["messages"] if m["dialog_id"] == d["id"]]
            if own:
                found[str(d["id"])] = self.past(d, own, [read(m) for m in own])
        return found

    def reader(self, world):
        if self.name == "chat2desk":
            return lambda m: crm.message(m, ())
        if self.name == "chatwoot":
            account = chatwoot.Account(self.sim, TOKEN, TOKEN)
        else:
            account = qiscus.Account(self.sim, TOKEN, "sim-app", 0)
        account.look()
        return account.message

    def past(self, d, own, read):
        begin = crm.milliseconds(d["begin"])
        holder = None if self.name == "qiscus" else \
            crm.name_or_none(d["operator_id"])
        records, last = [], 0
        if self.name == "chatwoot":
            records.append({"at": begin, "opened_at": begin})
            if not any(clocks.is_assigned(m) for m in read):
                records[0]["operator"] = holder
        for i, m in enumerate(own):
            if self.name == "chat2desk" and all(
                    x["request_id"] != m["request_id"] for x in own[:i]):
                last = i
                records.append({"at": read[i]["at"], "operator": holder,
                                "opened_at": read[i]["at"]})
        if d["state"] == "closed" and not any(
                m["from"] == "system" and m["kind"] == "closed"
                for m in read[last:]):
            end = crm.milliseconds(d["end"])
            records.append({
                "at": end, "closed_at": end, "status": "closed",
                "operator": holder,
                **({"opened_at": begin} if self.name == "chat2desk" else {})})
        return records, read

    def expected(self, definition):
        found = collections.Counter()
        for chat, (records, messages) in self.oracle().items():
            for i in clocks.Chat(records, messages, definition, True).intervals:
                if i.kind in KINDS:
                    found[chat, i.kind, i.operator, i.start, i.end] += 1
        return found

    def intervals(self, lines, definition):
        found = collections.Counter()
        for r in self.lab.must(
                ["aggregator", "-a", "intervals", "-o", "ndjson", "--clock",
                 "records", "--definition", definition],
                stdin=lines).records():
            if r.get("kind") in KINDS:
                found[r["chat"], r["kind"], r.get("operator"),
                      compare.parse_time(r["start_at"]),
                      compare.parse_time(r["end_at"])] += 1
        return found


def figures(a, checks, whole):
    for definition in (clocks.OURS, clocks.CHATWOOT):
        want, got = a.expected(definition), a.intervals(whole, definition)
        checks.that(len(want) > 60, f"{a.name}: {len(want)} intervals")
        for text, some in (("missing", want - got), ("too much", got - want)):
            checks.equal(sorted(some, key=str)[:5], [],
                         f"{a.name}, {definition}: {text}")


def of_chats(out):
    """The lines about chats: the time that a run covers depends on where it
    began."""
    return [line for line in out.splitlines()
            if b'"type":"coverage"' not in line]


def killed(a, checks, whole, calls):
    """A killed run and a complete one together write everything; the second
    reads only the rest. CALLS is the number of calls of a complete run."""
    path = a.lab.path(a.name + ".first")
    # Each of the 72 chats takes one call or more. The CRM answers all but the
    # last calls, so the first 50 chats are saved, and the kill comes before the
    # end.
    last = a.sim.calls() + calls - 5
    a.sim.fault("hang", after=calls - 6)
    with open(path, "wb") as f:
        p = a.lab.start(a.argv, stdout=f)
        until(60, lambda: a.sim.calls() >= last or p.poll() is not None,
              "the last calls")
        p.kill()
        p.wait()
    a.sim.fault()
    with open(path, "rb") as f:
        first = f.read()
    first = first[:first.rfind(b"\n") + 1]
    second = a.lab.must(a.argv).out
    lines = set(of_chats(whole))
    checks.that(set(of_chats(first)) | set(of_chats(second)) == lines,
                f"{a.name}: both runs")
    left, all_ = len(of_chats(second)), len(of_chats(whole))
    checks.that(0 < left < all_,
                f"{a.name}: the second run reads {left} of {all_}")


def closed(a, checks, calls):
    """When the program that reads the pipe ends, so does the run."""
    before = a.sim.calls()
    done = a.lab.run(["sh", "-c", '"$@" | head -n 1', "sh",
                      os.path.join(BIN, a.argv[0]), *a.argv[1:]])
    checks.that(done.err == "" and a.sim.calls() - before < calls - 5,
                f"{a.name}: {a.sim.calls() - before} calls of {calls}, {done}")


def budget(lab, checks):
    """A quarter of the month's calls ends it; polls keep the rest."""
    a = Account(lab, "chat2desk", 5, folder="budget", budget=160)
    for calls in (53, 0):
        before = a.sim.calls()
        checks.ends(lab.run(a.argv), 75, "budget")
        checks.that(calls <= a.sim.calls() - before <= calls + 2,
                    f"{a.sim.calls() - before} calls, not {calls}")


def past(lab, checks, name, number):
    more = random.Random(number).choice(((), ("--tells",))) \
        if name == "chat2desk" else ()
    a = Account(lab, name, number, *more, history="all")
    before = a.sim.calls()
    done = lab.must([*a.argv, "-v"])
    whole = done.out
    calls = a.sim.calls() - before
    told = re.search("progress (?s:.*) expected tenant=\\S+ conversations="
                     r"(\d+) calls=(\d+) minutes=\d+\n", done.err)
    checks.that(told and told[1] == told[2] == str(len(a.oracle())),
                f"{name}: what it expects: {done}")
    written = collections.defaultdict(set)
    for r in map(json.loads, whole.splitlines()):
        if r["type"] == "message":
            written[r["chat"]].add(r["id"])
    checks.equal(written, {chat: {m["id"] for m in messages}
                           for chat, (_, messages) in a.oracle().items()},
                 f"{name}: messages")
    figures(a, checks, whole)
    killed(a, checks, whole, calls)
    closed(a, checks, calls)


def body():
    checks, number = Checks(), seed()
    with Lab("backfill") as lab:
        for name in ("chat2desk", "chatwoot", "qiscus"):
            say(f"- {name}")
            past(lab, checks, name, number)
        budget(lab, checks)
    return checks.result()


main(body)
