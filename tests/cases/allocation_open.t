#!/usr/bin/env -S python3 -B
"""Random records of two chats, in any order, many of one time, beside a snapshot
that may lack them: the simulation gives exactly those chats to an operator who
comes last that chat_metrics of the same run shows open. SEED=N repeats world N.
"""
import json
import os
import random
import subprocess
import sys

LONG = os.environ.get("LONG") == "1"
SAYS = (
    {"from": "customer"},
    {"from": "customer", "private": True},
    {"from": "customer", "automated": True},
    {"from": "operator", "operator": "9"},
    {"from": "bot"},
    {"from": "system", "kind": "opened"},
    {"from": "system", "kind": "closed"},
    {"from": "system", "kind": "other"},
)


def record(what, minute, **fields):
    return dict(fields, type=what, tenant="t",
                at="2026-11-20T10:%02d:00Z" % minute)


def chat(r, minute, name):
    return record("chat", minute, chat=name,
                  status=r.choice(("open", "open", "closed", "snoozed")))


def snapshot(r, minute):
    lines = [dict(chat(r, max(0, minute - r.choice((0, 0, 1, 2))), name),
                  snapshot="s") for name in "AB" if r.random() < 0.5]
    begin = record("snapshot", minute, snapshot="s", state="begin")
    end = dict(begin, state="end", records=len(lines))
    return [begin] + lines + [end]


def world(r):
    ids = [str(i) for i in range(1, 16)] + ["x", "y"]
    r.shuffle(ids)
    lines = []
    for name in "AB":
        lines.append(chat(r, 0, name))
        for _ in range(r.randrange(6)):
            minute = r.randrange(1, 6)
            lines.append(
                chat(r, minute, name) if r.random() < 0.5 else
                record("message", minute, chat=name, id=ids.pop(),
                       **r.choice(SAYS)))
    r.shuffle(lines)
    if r.random() < 0.7:
        place = r.randrange(len(lines) + 1)
        lines[place:place] = snapshot(r, r.randrange(1, 7))
    # Without a time: applied with the record before it.
    lines.append(record("chat", 10, chat="Z", status="closed"))
    lines.append({"type": "operator", "tenant": "t", "operator": "7"})
    return "".join(json.dumps(line) + "\n" for line in lines)


def run(lines):
    """Which chats are given, and which are open."""
    given, state = set(), {}
    out = subprocess.run(
        [os.path.join(os.environ.get("BIN", "build/bin"), "aggregator"), "-a",
         "allocation,chats", "-o", "ndjson"],
        input=lines, text=True, stdout=subprocess.PIPE, check=True).stdout
    for line in out.splitlines():
        row = json.loads(line)
        if row["type"] == "assignment":
            given.add(row["chat"])
        elif row.get("table") == "chat_metrics":
            state[row["chat"]] = row["status"]
    return given, {name for name, status in state.items() if status == "open"}


def main():
    first = int(os.environ.get("SEED", 1))
    worlds = 1 if "SEED" in os.environ else 600 if LONG else 150
    seen = 0
    for seed in range(first, first + worlds):
        lines = world(random.Random(seed))
        given, is_open = run(lines)
        seen += len(is_open)
        if given != is_open:
            print("%sworld %d: given %s, open %s" % (
                lines, seed, sorted(given), sorted(is_open)))
            return 1
    print("%d worlds, %d chats open" % (worlds, seen))
    return 0 if seen > worlds // 2 else 1


if __name__ == "__main__":
    sys.exit(main())
