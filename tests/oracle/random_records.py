"""Compares the aggregator's rows for random snapshots with the oracle's.

The chats have everything that a record can contain, likely or not: hand-offs,
reopenings, ties, ids of all kinds, versions of one message, messages out of
order, skewed clocks, chats that are not open, operators that are not listed. A
run has SNAPSHOTS snapshots (LONG=1: many more) in both definitions; SEED=n
repeats one.
"""

import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402
import clocks  # noqa: E402
import metrics  # noqa: E402
import records  # noqa: E402

BIN = os.environ.get("BIN", "build/bin")
SNAPSHOTS = 3000 if os.environ.get("LONG") == "1" else 200
START = 1795165200000
KINDS = ("text", "image", "audio")


class World:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        d = self.dice
        self.grain = d.choice((1, 1000, 1000, 30000))
        self.span = d.choice((60, 3600, 90000)) * 1000
        self.users = ["7", "10", "9007199254740993", "ann", "Zoé", "x\"y"]
        self.listed = d.sample(self.users, d.randint(0, len(self.users)))
        self.n = 0

    def at(self):
        return START + self.dice.randrange(self.span) // self.grain \
            * self.grain

    def message_id(self):
        self.n += 1
        return self.dice.choice((
            str(self.n), str(10 ** 18 * 20 + self.n), "m%d" % self.n,
            "0%d" % self.n, "%d" % (3000000000 - self.n), "Ω%d" % self.n))

    def message(self):
        d = self.dice
        m = {"id": self.message_id(), "at": self.at()}
        who = d.choices(("customer", "operator", "bot", "system"),
                        (40, 35, 10, 15))[0]
        m["from"] = who
        if who == "system":
            m["kind"] = d.choice(records.SYSTEM_KINDS)
            if m["kind"] == "assigned" and d.random() < 0.8:
                m["operator"] = d.choice(self.users)
        elif d.random() < 0.8:
            m["kind"] = d.choice(KINDS)
        for flag in ("automated", "private"):
            if d.random() < 0.1:
                m[flag] = True
        if who == "customer":
            m["user"] = d.choice(("c1", "c2"))
        elif who == "operator":
            m["user"] = m["operator"] = d.choice(self.users)
        elif who == "bot" and d.random() < 0.5:
            m["user"] = "robot"
        if d.random() < 0.05:
            m["updated_at"] = m["at"] + d.randrange(100000)
        return m

    def messages(self):
        d = self.dice
        out = [self.message()
               for _ in range(d.choice((0, 1, 2, 5, 12, 40)))]
        for m in list(out):
            if d.random() < 0.1:  # another version, or the same again
                other = dict(self.message(), id=m["id"])
                out.append(d.choice((dict(m), other)))
        d.shuffle(out)
        return out

    def chat(self):
        d = self.dice
        c = {"status": d.choices(
            ("open", "pending", "snoozed", "closed"), (85, 5, 5, 5))[0]}
        if d.random() < 0.8:
            c["operator"] = d.choice(self.users)
        if d.random() < 0.9:
            c["opened_at"] = self.at() if d.random() < 0.3 else START
        for key in ("channel", "customer", "customer_name", "customer_phone",
                    "tag"):
            if d.random() < 0.5:
                c[key] = key[::-1] + " é\"\\"
        return c

    def operators(self):
        d = self.dice
        return {
            o: {"name": d.choice((None, "Ann", "ж")),
                "available": d.choice((None, True, False)),
                "reported": d.choice((None, 0, 5))}
            for o in self.listed
        }


def line(**fields):
    for key in ("at", "opened_at", "closed_at", "updated_at"):
        if fields.get(key) is not None:
            fields[key] = compare.format_time(fields[key])
    return json.dumps({k: v for k, v in fields.items() if v is not None},
                      ensure_ascii=False)


def snapshot_lines(dice, tenant, operators, chats, messages, as_of):
    """Shuffles the lines. Messages of one chat keep their order of arrival,
    which decides between messages of the same time."""
    head = {"tenant": tenant, "snapshot": "s1"}
    body = [
        line(type="operator", **head, operator=o, name=v["name"],
             available=v["available"], reported_open_chats=v["reported"])
        for o, v in operators.items()
    ] + [
        line(type="chat", **head, chat=k, **c) for k, c in chats.items()
    ] + [
        (line(type="message", **head, chat=k, **m), k, m)
        for k, own in messages.items() for m in own
    ]
    dice.shuffle(body)
    sent = [each for each in body if isinstance(each, tuple)]
    for k, own in messages.items():
        own[:] = [m for _, chat, m in sent if chat == k]
    body = [each[0] if isinstance(each, tuple) else each for each in body]
    return [
        line(type="snapshot", **head, state="begin", at=as_of), *body,
        line(type="snapshot", **head, state="end", at=as_of,
             records=len(body)),
    ]


def aggregate(text, definition):
    done = subprocess.run(
        [os.path.join(BIN, "aggregator"), "-o", "ndjson", "--clock",
         "records", "--definition", definition],
        input=text.encode(), capture_output=True)
    if done.returncode != 0 or done.stderr:
        raise AssertionError("aggregator: exit %d, %s" % (
            done.returncode, done.stderr.decode()))
    return done.stdout.decode()


def try_world(seed):
    """Sentences about the wrong rows of one world."""
    w = World(seed)
    as_of = START + w.span + w.dice.choice((0, 1, -w.span // 2))
    operators = w.operators()
    chats = {str(i): w.chat() for i in range(w.dice.choice((0, 1, 3, 20)))}
    messages = {k: w.messages() for k in chats}
    text = "\n".join(snapshot_lines(
        w.dice, "acme", operators, chats, messages, as_of)) + "\n"
    for definition in (metrics.OURS, metrics.CHATWOOT):
        want = compare.expected_tables([metrics.compute(
            "acme", operators, chats, messages, as_of, definition)])
        got, markers = compare.from_ndjson(aggregate(text, definition))
        if [m["state"] for m in markers] != ["begin", "end"]:
            yield "the markers are %s" % markers
        for table in ("operator_metrics", "chat_metrics", "tenant_metrics"):
            for key, sentence in compare.differences(
                    table, want[table], got[table]):
                yield "%s: %s" % (definition, sentence)
                if table == "chat_metrics" and key[1] in messages:
                    for m in clocks.in_order(messages[key[1]]):
                        yield "    %s" % line(**m)


def main():
    start = os.environ.get("SEED") or os.environ.get("FIRST_SEED")
    start = int(start) if start else int(time.time()) % 10 ** 7 * 100
    print("SEED=%d and the %d after it" % (start, SNAPSHOTS - 1), flush=True)
    for seed in range(start, start + SNAPSHOTS):
        wrong = list(try_world(seed))
        if wrong:
            print("SEED=%d:" % seed)
            print("\n".join(wrong[:40]))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
