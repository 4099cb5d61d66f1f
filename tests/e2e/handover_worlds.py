#!/usr/bin/env python3
"""Chats of some days, for handover.t: they are silent for longer than the
window, snapshots lack them meanwhile, and they come back.

    handover_worlds.py SEED     writes the records of a tenant
"""

import datetime
import json
import random
import sys

BEGIN = datetime.datetime(2026, 1, 10)
HOURS = 105             # till shortly before what handover.t writes then
CHATS = ["c%d" % n for n in range(6)]
OPERATORS = "7", "9"    # neither takes chats
SAYS = ([{"from": "customer"}] * 3 +
        [{"from": "operator", "operator": "7"}, {"from": "bot"},
         {"from": "operator", "operator": "9", "private": True}] +
        [{"from": "system", "kind": kind}
         for kind in ("assigned", "closed", "opened", "handoff", "other")] +
        [{"from": "system", "kind": "assigned", "operator": "7"}])


def text_of(hours):
    at = BEGIN + datetime.timedelta(hours=hours)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def some_state(dice):
    chat = {"status": dice.choice(("open", "open", "open", "pending"))}
    if dice.random() < 0.4:
        chat["operator"] = dice.choice(OPERATORS)
    return chat


def some_chat(dice, hours):
    chat = some_state(dice)
    if dice.random() < 0.2:
        chat["status"] = "closed"
    for key, values in (("channel", "wx"), ("customer", "kl")):
        if dice.random() < 0.3:
            chat[key] = dice.choice(values)
    if dice.random() < 0.2:
        chat["opened_at"] = text_of(hours - 1)
    return {"type": "chat", "chat": dice.choice(CHATS), **chat}


def snapshot(dice, name, at):
    lines = [{"type": "operator", "operator": o, "available": False}
             for o in OPERATORS]
    lines += [{"type": "chat", "chat": chat, "at": at, **some_state(dice)}
              for chat in CHATS if dice.random() < 0.4]
    mark = {"type": "snapshot", "at": at}
    return [{**line, "snapshot": name} for line in
            [{**mark, "state": "begin"}] + lines +
            [{**mark, "state": "end", "records": len(lines)}]]


def world(dice):
    records = [{"type": "operator", "operator": o, "available": False}
               for o in OPERATORS]
    hours = 0.0
    while True:
        hours += dice.choice((0.001, 0.01, 0.5, 2, 9, 20))
        if hours > HOURS:
            return records
        at, what = text_of(hours), dice.random()
        if what < 0.4:
            records.append({**some_chat(dice, hours), "at": at})
        elif what < 0.85:
            records.append({"type": "message", "chat": dice.choice(CHATS),
                            "id": str(len(records)), "at": at,
                            **dice.choice(SAYS)})
        else:
            records += snapshot(dice, "s%d" % len(records), at)


if __name__ == "__main__":
    for record in world(random.Random(sys.argv[1])):
        print(json.dumps({"tenant": "a", **record}))
