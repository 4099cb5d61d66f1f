"""Compares clocks.py, metrics.py and stream.py with the vectors of the
definition, and with small cases whose metrics were computed manually."""

import os
import sys
import unittest
from decimal import Decimal

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clocks  # noqa: E402
import metrics  # noqa: E402
import stream  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM = {"opened": "opened", "closed": "closed", "handoff": "handoff"}


def message(n, word, at, to):
    m = {"id": str(n), "at": at * 1000, "kind": "text"}
    if word == "customer":
        m.update({"from": "customer", "user": "c"})
    elif word == "bot":
        m.update({"from": "bot", "user": "robot"})
    elif word == "autoreply":
        m.update({"from": "bot", "automated": True})
    elif word == "note":
        m.update({"from": "operator", "user": "A", "operator": "A",
                  "private": True})
    elif word == "transfer":
        m.update({"from": "system", "kind": "assigned", "operator": to})
    elif word in SYSTEM:
        m.update({"from": "system", "kind": SYSTEM[word]})
    else:
        m.update({"from": "operator", "user": word, "operator": word})
    return m


def timeline(text):
    """Returns the messages, the assigned operator at the end, and the time."""
    messages, holder, now = [], "A", 0
    for n, part in enumerate(text.split(",")):
        words = part.split()
        at = int(words[-1])
        now = max(now, at)
        if words[0] == "now":
            continue
        to = words[2] if words[0] == "transfer" else None
        holder = to or holder
        messages.append(message(n, words[0], at, to))
    return messages, holder, now * 1000


NAMES = {"first_response": "FR", "reply": "RT"}


def shown(chat, now, with_operator):
    out = []
    for i in chat.responses:
        text = "%s %d" % (NAMES[i.kind], i.ms // 1000)
        out.append(text + (" %s" % i.operator if with_operator else ""))
    out += ["%s %d" % (i.kind, i.ms // 1000) for i in chat.intervals
            if i.kind in ("resolution", "unanswered")]
    if chat.W is not None:
        out.append("waiting %d" % ((now - chat.W) // 1000))
    return out


NAMES_LINE = "names: "


def vectors(of_names):
    """The columns of each line, for vectors with or without names."""
    with open(os.path.join(HERE, "vectors.txt")) as f:
        for line in f:
            if line.startswith("--"):
                return # records follow, see vectors.py
            if line.startswith("#") or not line.strip() or \
                    line.startswith(NAMES_LINE) != of_names:
                continue
            yield [part.strip()
                   for part in line.removeprefix(NAMES_LINE).split("|")]


def name_of(story):
    """The name in A's row after all records of the story about A."""
    t = stream.Tenant("t", stream.DEFAULTS)
    chat = {"type": "chat", "chat": "1", "operator": "A"}
    for at, part in enumerate(story.split(",")):
        word, *name = part.split()
        told = {"type": "operator", "operator": "A", "at": at}
        if name and name[0] != "-":
            told["name"] = name[0]
        if word == "record":
            t.take(dict(chat, at=at))
            t.take(told)
            continue
        s = stream.Snapshot({"snapshot": str(at), "at": at})
        s.lines = [dict(chat, at=at)] + [told] * (word == "snapshot")
        t.whole(s)
    return t.rows()["operator_metrics", "A"]["name"]


class Vectors(unittest.TestCase):
    def test_vectors(self):
        n = 0
        for text, *wanted in vectors(False):
            for name, want in zip(("chatwoot", "ours"), wanted):
                self.check(text, name, want)
                n += 1
        self.assertEqual(n, 30)

    def test_names(self):
        n = 0
        for story, want in vectors(True):
            with self.subTest(told=story):
                self.assertEqual(name_of(story) or "-", want)
            n += 1
        self.assertEqual(n, 11)

    def check(self, text, definition, want):
        messages, holder, now = timeline(text)
        chat = clocks.Chat(
            [{"operator": holder, "opened_at": 0}], messages, definition)
        want = [part.strip() for part in want.split(",")]
        named = any(w.split()[-1].isalpha() for w in want)
        with self.subTest(timeline=text, definition=definition):
            self.assertEqual(shown(chat, now, named), want)


class Rows(unittest.TestCase):
    def compute(self, messages, definition=metrics.OURS, **chat):
        whole = {"status": "open", "operator": "A", "opened_at": 0}
        whole.update(chat)
        listed = {"A": {"name": "Anna", "available": True, "reported": 3},
                  "Z": {"name": None, "available": False, "reported": None}}
        return metrics.compute(
            "t", listed, {"1": whole}, {"1": messages}, 200000, definition)

    def test_idle_operator_has_nulls(self):
        row = self.compute([])["operator_metrics"]["Z"]
        self.assertEqual(row["responses"], 0)
        self.assertIsNone(row["avg_response_seconds"])
        self.assertIsNone(row["longest_wait_seconds"])
        self.assertIsNone(row["reported_open_chats"])

    def test_writer_who_is_not_listed_has_a_row(self):
        messages, _, _ = timeline("customer 0, B 61")
        rows = self.compute(messages)["operator_metrics"]
        self.assertEqual(rows["B"]["avg_response_seconds"], Decimal("61.000"))
        self.assertIsNone(rows["B"]["name"])
        self.assertEqual(rows["B"]["open_chats"], 0)
        self.assertEqual(rows["A"]["open_chats"], 1)

    def test_means_are_rounded_half_up(self):
        spans = [clocks.Interval("reply", "A", 0, ms, None) for ms in (1, 2)]
        self.assertEqual(metrics.mean(spans), Decimal("0.002"))
        self.assertEqual(metrics.median(spans), Decimal("0.002"))
        spans = [clocks.Interval("reply", "A", 0, ms, None)
                 for ms in range(1000, 11000, 1000)]
        self.assertEqual(
            metrics.percentile(spans, metrics.Fraction(9, 10)), Decimal(9))

    def test_chatwoot_cuts_to_seconds_and_ours_does_not(self):
        messages = [message(1, "customer", 0, None), message(2, "A", 2, None)]
        messages[0]["at"], messages[1]["at"] = 900, 2100
        ours = self.compute(messages)["chat_metrics"]["1"]
        theirs = self.compute(messages, metrics.CHATWOOT)["chat_metrics"]["1"]
        self.assertEqual(ours["first_response_seconds"], Decimal("1.200"))
        self.assertEqual(theirs["first_response_seconds"], Decimal("2.000"))

    def test_skew_counts_as_zero(self):
        messages, _, _ = timeline("customer 0, A 10")
        rows = self.compute(messages, metrics.CHATWOOT, opened_at=60000)
        self.assertEqual(rows["tenant_metrics"]["t"]["skewed"], 1)
        self.assertEqual(rows["tenant_metrics"]["t"]["avg_response_seconds"],
                         Decimal("0.000"))

    def test_assigned_to_nobody_counts_for_the_tenant_only(self):
        messages, _, _ = timeline("customer 0, A 10, customer 20, A 50")
        nobody = message(9, "transfer", 15, None)
        rows = self.compute(messages + [nobody], metrics.CHATWOOT)
        self.assertEqual(rows["operator_metrics"]["A"]["responses"], 1)
        self.assertEqual(rows["tenant_metrics"]["t"]["responses"], 2)

    def test_ids_are_ordered_by_value_then_bytes(self):
        ids = ["b", "10", "9", "01", "a", "123456789012345678901"]
        self.assertEqual(
            sorted(ids, key=clocks.id_key),
            ["9", "10", "123456789012345678901", "01", "a", "b"])

    def test_a_later_version_of_a_message_wins(self):
        old = message(1, "customer", 5, None)
        new = dict(old, at=4000, updated_at=9000, user="7")
        for first, second in (old, new), (new, old):
            best, = clocks.in_order([first, second])
            self.assertEqual(best["user"], "7")
            self.assertEqual(best["at"], first["at"])

    def test_a_wait_never_runs_backwards(self):
        rows = self.compute([message(1, "customer", 500, None)])
        row = rows["tenant_metrics"]["t"]
        self.assertEqual(row["longest_wait_seconds"], Decimal("0.000"))
        self.assertEqual(row["waiting_chats"], 1)


if __name__ == "__main__":
    unittest.main()
