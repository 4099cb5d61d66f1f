#!/usr/bin/env -S python3 -B
"""Random records of two chats, in any order and many with the same time, next
to a snapshot that may lack them: the simulation assigns to an operator who
starts last exactly those chats that are open and not handled by a bot, in the
order of their arrival. Without bots, chat_metrics of the same run shows the
same chats as open. SEED=N repeats world N.
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
    {"from": "system", "kind": "handoff"},
    {"from": "system", "kind": "other"},
)
OVER = "closed", "gone"


def record(what, minute, **fields):
    return dict(fields, type=what, tenant="t",
                at="2026-11-20T10:%02d:00Z" % minute)


def chat(r, minute, name):
    more = {}
    if r.random() < 0.3:
        more["opened_at"] = record("", r.randrange(minute + 1))["at"]
    return record("chat", minute, chat=name, status=r.choice(
        ("open", "open", "closed", "snoozed", "pending")), **more)


def snapshot(r, minute):
    """Its chats have times of their own: of records with one time, the later
    arrival counts, and the simulation reads a snapshot as of its time."""
    lines = [dict(chat(r, max(0, minute - r.choice((1, 1, 2, 3))), name),
                  snapshot="s") for name in "AB" if r.random() < 0.5]
    for line in lines:
        line["at"] = line["at"].replace(":00Z", ":30Z")
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
    # A record without a time is applied together with the record before it.
    lines.append(record("chat", 10, chat="Z", status="closed"))
    lines.append({"type": "operator", "tenant": "t", "operator": "7"})
    return "".join(json.dumps(line) + "\n" for line in lines)


def in_order(lines, name):
    """The records of a chat in order. At equal times, messages come first, by
    their ids; chat records follow, the later arrival last."""
    def place(line):
        if line["type"] == "chat":
            return line["at"], 1, "", 0
        number = line["id"].isdigit()
        return (line["at"], 0, "" if number else "other",
                int(line["id"]) if number else 0)
    return sorted((line for line in lines if line.get("chat") == name),
                  key=place)


def standing(lines, name):
    """The status of a chat as the allocation sees it, and when its episode
    began. A closing message wins for its second."""
    status = arrival = closed_at = None
    opening, ended = None, ""
    for line in in_order(lines, name):
        at, says, opened = line["at"], line.get("status"), None
        if line["type"] == "chat":
            if at == closed_at:
                continue
            opened = line.get("opened_at")
        elif line["from"] == "system":
            if line["kind"] in ("opened", "closed"):
                closed_at = at if line["kind"] == "closed" else None
            says = {"opened": "open", "closed": "closed"}.get(line["kind"])
            if line["kind"] == "handoff" and status not in OVER:
                says = "open"
        elif (line["from"] == "customer" and status != "pending" and
              not line.get("private") and not line.get("automated")):
            says, closed_at = "open", None
        if says == "open" and opened is not None and opened > ended:
            opening = max(opening or "", opened)
            arrival = opening
        if says in OVER:
            arrival = opening = None
            ended = max(ended, at)
        elif says == "open" and arrival is None:
            arrival = at
        status = says or status
    return status, arrival


def has_left(lines, name):
    """The snapshot lacks the chat, and no newer record names it."""
    at = [line["at"] for line in lines if line["type"] == "snapshot"]
    return bool(at) and not any(
        line.get("chat") == name and ("snapshot" in line or
                                      line["at"] > at[0]) for line in lines)


def has_bot(lines, name):
    return any(line.get("chat") == name and
               (line.get("status") == "pending" or
                line.get("kind") == "handoff") for line in lines)


def run(lines):
    """Which chats are assigned, in order, and which are open."""
    given, state = [], {}
    out = subprocess.run(
        [os.path.join(os.environ.get("BIN", "build/bin"), "aggregator"), "-a",
         "allocation,chats", "-o", "ndjson"],
        input=lines, text=True, stdout=subprocess.PIPE, check=True).stdout
    for line in out.splitlines():
        row = json.loads(line)
        if row["type"] == "assignment":
            given.append(row["chat"])
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
        told = [json.loads(line) for line in lines.splitlines()]
        want = sorted((arrival, name) for name in "AB"
                      for status, arrival in [standing(told, name)]
                      if status == "open" and not has_left(told, name))
        seen += len(want)
        if given != [name for _, name in want] or any(
                (name in given) != (name in is_open)
                for name in "AB" if not has_bot(told, name)):
            print("%sworld %d: given %s, not %s, open %s" % (
                lines, seed, given, want, sorted(is_open)))
            return 1
    print("%d worlds, %d chats open" % (worlds, seen))
    return 0 if seen > worlds // 2 else 1


if __name__ == "__main__":
    sys.exit(main())
