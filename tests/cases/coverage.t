#!/usr/bin/env -S python3 -B
"""Rows of the table coverage for random statements, in any order and some of
them twice: they cover exactly the times that were stated, by kind and source,
and none of them crosses a day.
"""

import collections
import json
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone

START = datetime(2026, 11, 20, 22, tzinfo=timezone.utc)
SOURCES = ("poll", "webhook", "backfill")
STEP = timedelta(hours=1)
MOST = 10 # of a source: the aggregator remembers 32 ranges


def text(step):
    return (START + step * STEP).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def step(at):
    return (datetime.fromisoformat(at.replace("Z", "+00:00")) - START) / STEP


def statements(dice):
    """(tenant, kind, source, begin, end): each source has few gaps."""
    found = []
    for tenant in ("a", "b"):
        for source in SOURCES:
            at = dice.randrange(9)
            for _ in range(MOST):
                end = at + dice.choice((0, 1, 2, 3, 30))
                found.append((tenant, "chats", source, at, end))
                at = end + dice.choice((0, 0, 0, 1, 5))
    dice.shuffle(found)
    return found + found[:5]


def rows(told):
    lines = "".join(json.dumps({
        "type": "coverage", "tenant": tenant, "kind": kind, "source": source,
        "begin_at": text(begin), "end_at": text(end)}) + "\n"
        for tenant, kind, source, begin, end in told)
    done = subprocess.run(
        [os.path.join(os.environ.get("BIN", "build/bin"), "aggregator"), "-o",
         "ndjson", "-a", "intervals"], input=lines.encode(), check=True,
        stdout=subprocess.PIPE)
    return [r for r in map(json.loads, done.stdout.splitlines())
            if r["table"] == "coverage"]


def covered(ranges):
    """{(tenant, kind, source): its steps}; a range of no length has none."""
    found = collections.defaultdict(set)
    for *key, begin, end in ranges:
        found[tuple(key)].update(range(begin, end))
    return found


def judge(seed):
    told = statements(random.Random(seed))
    wrong, read = [], []
    for r in rows(told):
        begin, end = step(r["begin_at"]), step(r["end_at"])
        read.append((r["tenant"], r["kind"], r["source"], int(begin), int(end)))
        days = {r["begin_at"][:10], text(end - 0.001)[:10]}
        if end > begin and len(days) > 1:
            wrong.append(f"it crosses a day: {r}")
    want, got = covered(told), covered(read)
    for key in want.keys() | got.keys():
        if want[key] != got[key]:
            wrong.append(f"{key}: lacks {sorted(want[key] - got[key])[:9]}, "
                         f"has {sorted(got[key] - want[key])[:9]}")
    # Ranges of a source that touch are one, whose days follow each other.
    for key in got:
        own = sorted(r[3:] for r in read if r[:3] == key)
        wrong += [f"{key}: {a} and {b}" for a, b in zip(own, own[1:])
                  if a[1] > b[0]]
    return wrong


def main():
    first = int(os.environ.get("SEED", os.environ.get("FIRST_SEED", 1)))
    for seed in range(first, first + (1 if "SEED" in os.environ else 20)):
        wrong = judge(seed)
        if wrong:
            sys.exit(f"SEED={seed}: " + "\n".join(wrong[:9]))


main()
