#!/usr/bin/env python3
"""recount STREAM TOTALS [WINDOW_MS]: counts a stream of the generator
independently, record by record, and compares the generator's totals. Prints
differences and exits with 1 if there were any."""

import json
import sys
from collections import Counter, defaultdict
from datetime import datetime, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
KEYS = ("messages", "counted", "late", "duplicates", "views", "read", "events")


def millis(text):
    d = datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH
    return (d.days * 86400 + d.seconds) * 1000 + d.microseconds // 1000


class Recount:
    def __init__(self, window):
        self.window = window
        self.records = 0
        self.tenants = defaultdict(Counter)
        self.newest = {}
        self.seen = set()
        self.events = Counter()
        self.viewed = set()
        self.chats = {} # [count, writers, first, last, all]
        self.users = {} # [count, chats, last]
        self.hours = {} # [inbound, outbound]

    def take(self, r):
        self.records += 1
        take = getattr(self, "take_" + r["type"], None)
        if take:
            take(r, r["tenant"], self.tenants[r["tenant"]])

    def take_operator(self, r, tenant, counts):
        pass # only the tenant becomes known

    def take_event(self, r, tenant, counts):
        key = (tenant, r["id"])
        if key not in self.seen:
            self.seen.add(key)
            counts["events"] += 1
            self.events[tenant, r["user"], r["event"]] += 1

    def take_view(self, r, tenant, counts):
        key = (tenant, r["message"])
        counts["views"] += 1
        counts["read"] += key not in self.viewed
        self.viewed.add(key)

    def take_message(self, r, tenant, counts):
        at = millis(r["at"])
        newest = self.newest.get(tenant)
        if newest is not None and at < newest - self.window:
            counts["late"] += 1
            return
        self.newest[tenant] = at if newest is None else max(at, newest)
        key = (tenant, r["chat"], r["id"])
        if key in self.seen:
            counts["duplicates"] += 1
            return
        self.seen.add(key)
        counts["messages"] += 1
        chat = self.chats.setdefault(
            (tenant, r["chat"]), [0, set(), None, None, 0]
        )
        chat[4] += 1
        if r["from"] == "system" or r.get("private") or r.get("automated"):
            return
        self.count(r, tenant, counts, chat, at)

    def count(self, r, tenant, counts, chat, at):
        counts["counted"] += 1
        chat[0] += 1
        chat[1].add((r["from"], r["user"]))
        chat[2] = at if chat[2] is None else min(chat[2], at)
        chat[3] = at if chat[3] is None else max(chat[3], at)
        user = self.users.setdefault((tenant, r["user"]), [0, set(), at])
        user[0] += 1
        user[1].add(r["chat"])
        user[2] = max(user[2], at)
        hour = self.hours.setdefault(
            (tenant, r["channel"], at // 3600000 * 3600000), [0, 0]
        )
        hour[r["from"] != "customer"] += 1

    def totals(self):
        tenants = {
            t: {k: c[k] for k in KEYS} for t, c in self.tenants.items()
        }
        return {
            "tenants": tenants,
            "records": self.records,
            **{k: sum(c[k] for c in tenants.values()) for k in KEYS},
            "conversations": [
                [*k, n, len(who), first, last, all_]
                for k, (n, who, first, last, all_) in self.chats.items()
            ],
            "users": [
                [*k, n, len(chats), last]
                for k, (n, chats, last) in self.users.items()
            ],
            "event_counts": [[*k, n] for k, n in self.events.items()],
            "channels": [
                [*k, sum(n), *n] for k, n in self.hours.items()
            ],
        }


def main():
    window = int(sys.argv[3]) if len(sys.argv) > 3 else 24 * 3600000
    r = Recount(window)
    with open(sys.argv[1], encoding="utf-8") as f:
        for line in f:
            r.take(json.loads(line))
    with open(sys.argv[2], encoding="utf-8") as f:
        told = json.load(f)
    counted = r.totals()
    bad = 0
    for key in sorted(set(told) | set(counted)):
        a, b = told.get(key), counted.get(key)
        if isinstance(a, list):
            # some keys are text, and hours belong to a channel
            a, b = ({tuple(x) for x in y} for y in (a, b))
            for x in sorted(a ^ b, key=str)[:5]:
                print(f"{key}: {x} only {'told' if x in a else 'counted'}")
        elif a != b:
            print(f"{key}: told {a}, counted {b}")
        bad += a != b
    sys.exit(1 if bad else 0)


main()
