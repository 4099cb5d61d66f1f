"""Reads vectors.txt: records and their expected rows.

A vector begins with "--" and a sentence; "conf KEY=VALUE" sets a key of the
configuration; "hours thu=9:00-17:00" and "targets reply=15m-work" are those of
the tenant, in UTC. A record is a word or two and fields, KEY=VALUE:

  chat C, listed OPERATOR, event ID       a record of that type
  customer C, bot C, A C, B C             a message in chat C, of that writer
  closed C, opened C, assigned C, handoff C, other C   one of the system
  begin S, end S                          a snapshot, with all between them
  {...}                                   the record itself

Times are seconds after BEGIN; 90d, 24h, 5m and sums such as 24h+0.001 are also
possible. A message's id is the line's number unless the line sets another.

  = TABLE KEY=VALUE ...         such a row exists
  = no TABLE KEY=VALUE ...      no such row exists
  = 2 TABLE KEY=VALUE ...       two such rows exist
  = refused 3                   only the third record is refused

"ours" or "chatwoot" after "=" limits the line to that definition. Records may
come in any order unless the sentence ends with "in order"; snapshots are always
in order.
"""

import json
import os
import shlex
from decimal import Decimal

import dues
import records
from clocks import CHATWOOT, OURS

HERE = os.path.dirname(os.path.abspath(__file__))
FILE = os.path.join(HERE, "vectors.txt")
BEGIN = 1767225600000 # 2026-01-01T00:00:00Z
UNITS = {"m": 60, "h": 3600, "d": 86400}
WRITERS = {"customer": {"from": "customer", "user": "c"},
           "bot": {"from": "bot", "user": "robot"}}
TIMES = ("at", "updated_at", "opened_at", "closed_at")
FLAGS = {"true": True, "false": False}


def instant(text):
    """Milliseconds."""
    seconds = Decimal(0)
    for part in text.split("+"):
        unit = UNITS.get(part[-1])
        seconds += Decimal(part[:-1]) * unit if unit else Decimal(part)
    return BEGIN + int(seconds * 1000)


def fields(words):
    found = {}
    for word in words:
        key, value = word.split("=", 1)
        if key in TIMES:
            value = records.shown(instant(value))
        found[key] = int(value) if key == "records" \
            else FLAGS.get(value, value)
    return found


def message(word, chat, number):
    m = {"type": "message", "id": str(number), "chat": chat}
    if word in records.SYSTEM_KINDS:
        return dict(m, **{"from": "system", "kind": word})
    if word in WRITERS:
        return dict(m, **WRITERS[word])
    assert len(word) == 1 and word.isupper(), word
    return dict(m, **{"from": "operator", "user": word, "operator": word})


class Vector:
    def __init__(self, sentence):
        self.in_order = sentence.endswith(", in order")
        self.sentence = sentence
        self.conf, self.records, self.wanted = {}, [], []
        self.snapshot = None

    def add(self, line):
        if line.startswith("="):
            self.wanted.append(Wanted(line[1:]))
        elif line.startswith("{"):
            self.records.append(line.encode())
        elif line.startswith(("hours ", "targets ")):
            self.apply(*line.split(" ", 1))
        elif line.startswith("conf "):
            self.set(line[5:])
        else:
            self.record(shlex.split(line))

    def apply(self, word, text):
        """Hours, and after them targets, of the tenant."""
        terms = self.conf.setdefault(
            "terms", {"t": {None: dues.Terms(None, None, "UTC")}})
        if word == "hours":
            terms["t"][None].versions = dues.read_week(text.split())
        else:
            terms["t"][None].targets = dues.read_targets(text.split())

    def set(self, text):
        key, value = text.split("=")
        self.conf[key] = instant(value) - BEGIN if value[-1] in UNITS \
            else int(value)

    def record(self, words):
        kind, name = words[:2]
        if kind in ("begin", "end"):
            r = {"type": "snapshot", "snapshot": name, "state": kind}
            if kind == "end":
                r["records"] = len(self.records) - self.snapshot[1]
                self.snapshot = None
        elif kind == "listed":
            r = {"type": "operator", "operator": name}
        elif kind in ("chat", "event"):
            r = {"type": kind, "chat" if kind == "chat" else "id": name}
        else:
            r = message(kind, name, len(self.records))
        if self.snapshot is not None:
            r["snapshot"] = self.snapshot[0]
        r = dict(r, tenant="t", **fields(words[2:]))
        self.records.append(json.dumps(r).encode())
        if kind == "begin":
            self.in_order = True
            self.snapshot = name, len(self.records)

    def orders(self):
        """The bytes of the records, in two orders."""
        yield b"\n".join(self.records) + b"\n"
        if not self.in_order:
            yield b"\n".join(reversed(self.records)) + b"\n"


class Wanted:
    def __init__(self, text):
        self.text = text.strip()
        words = shlex.split(text)
        self.definitions = (OURS, CHATWOOT)
        if words[0] in self.definitions:
            self.definitions = (words.pop(0),)
        self.refused = int(words[1]) if words[0] == "refused" else None
        self.number = None # at least one
        if words[0] == "no" or words[0].isdigit():
            word = words.pop(0)
            self.number = 0 if word == "no" else int(word)
        self.table = words[0]
        self.cells = {} if self.refused else dict(
            word.split("=", 1) for word in words[1:])

    def holds(self, rows):
        n = sum(key[0] == self.table and all(
            is_shown(column, row[column], text)
            for column, text in self.cells.items())
            for key, row in rows.items())
        return n == self.number if self.number is not None else n > 0


def is_shown(column, value, text):
    if value is None or text == "NULL":
        return value is None and text == "NULL"
    if isinstance(value, bool):
        return FLAGS[text] == value
    if isinstance(value, int) and value > BEGIN // 2:
        return instant(text) == value
    if isinstance(value, (int, Decimal)):
        return Decimal(text) == value
    return value == text


def read():
    """Reads the vectors of the file."""
    found = []
    with open(FILE, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("--"):
                found.append(Vector(line[2:].strip()))
            elif found and line and not line.startswith("#"):
                found[-1].add(line)
    return found
