"""The metrics of a stream in a one-shot run, with duplicates and late
messages, equal the counts of the generator that created the stream:
conversations, users, events, channels."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, "e2e"))

from harness import TESTBIN, Checks, Lab, main
from streamlib import Totals, millis

# Columns by metric: of the key, of the values, and those that are times.
METRICS = {
    "conversations": (
        ("tenant", "conversation_id"),
        ("message_count", "participant_count", "created_at",
         "last_message_at")),
    "users": (
        ("tenant", "user_id"),
        ("message_count", "active_conversations", "last_active")),
    "events": (("tenant", "user", "event"), ("count",)),
    "channels": (
        ("tenant", "channel", "hour"),
        ("messages", "inbound_messages", "outbound_messages")),
}
WORLDS = [
    ["--seed", "1"],
    ["--seed", "2", "--tenants", "1", "--duplicates", "200000",
     "--latecomers", "200000"],
    ["--seed", "3", "--gap", "700", "--chats", "300", "--shuffle",
     "--extra", "--spaces"],
]


def value(column, v):
    if column in ("hour", "created_at", "last_message_at", "last_active"):
        return millis(v.rstrip("Z"))
    return v


def expected(totals, metric):
    keys, values = METRICS[metric]
    told = totals["event_counts" if metric == "events" else metric]
    n = len(keys)
    return {tuple(x[:n]): tuple(x[n:n + len(values)])
            for x in told if x[n] != 0}


def body():
    checks = Checks()
    with Lab("totals") as lab:
        path, told = lab.path("stream"), lab.path("totals")
        for world in WORLDS:
            lab.must([TESTBIN + "/load", "-n", "20000", "--late", "0", "-t",
                      path, "--totals", told] + world)
            totals = Totals(told)
            for metric, (keys, values) in METRICS.items():
                done = lab.must(["aggregator", "-a", metric, "-o", "ndjson",
                                 "-f", path])
                got = {
                    tuple(value(k, r[k]) for k in keys):
                    tuple(value(v, r[v]) for v in values)
                    for r in done.records()
                }
                want = expected(totals, metric)
                checks.that(len(want) > 4, f"{metric}: too few expected")
                for key in want.keys() | got.keys():
                    checks.that(
                        want.get(key) == got.get(key),
                        f"{world} {metric} {key}: should be "
                        f"{want.get(key)}, is {got.get(key)}")
    return checks.result()


main(body)
