"""The figures, computed straight from their definition.

An independent statement of what each column means, written from the
definition alone and sharing nothing with the programs. Whole milliseconds,
fractions and decimals; no floating point.

Input is what a snapshot says, as plain dictionaries:

  operators  {id: {"name", "available", "reported"}}
  chats      {id: {"status", "operator", "channel", "customer",
                   "customer_name", "customer_phone", "tag", "opened_at"}}
  messages   {chat: [{"id", "at", "from", "user", "operator", "kind",
                      "private", "automated", "updated_at"}]}

Times are milliseconds since 1970. Output is {table: {key: row}}.
"""

import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

OURS, CHATWOOT = "ours", "chatwoot"


def id_key(text):
    """Whole numbers first, by value; then everything else, by bytes."""
    if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0"):
        return (0, int(text), b"")
    return (1, 0, text.encode())


def version_key(m):
    return (
        m.get("updated_at") is not None,
        m.get("updated_at") or 0,
        m["at"],
        m["from"],
        m.get("user") or "",
        m.get("operator") or "",
        m.get("kind") or "",
        bool(m.get("private")),
        bool(m.get("automated")),
    )


def in_order(messages):
    """One version of each message, by (at, id)."""
    best = {}
    for m in messages:
        old = best.get(m["id"])
        if old is None or version_key(m) > version_key(old):
            best[m["id"]] = m
    return sorted(best.values(), key=lambda m: (m["at"], id_key(m["id"])))


class Interval:
    def __init__(self, kind, operator, start, end):
        self.kind, self.operator = kind, operator
        self.start, self.end = start, end
        self.ms = end - start
        self.skewed = self.ms < 0
        self.ms = max(self.ms, 0)


class Chat:
    """The clocks of one chat, run over its messages."""

    def __init__(self, chat, messages, definition):
        self.chat = chat
        self.ours = definition == OURS
        self.all = in_order(messages)
        self.opened_at = chat.get("opened_at")
        self.intervals = []  # responses that count
        self.ended = []  # resolutions and unanswered waits
        self.counted = []  # messages that count
        self.first_response = None
        self.A = self.W = self.F = None
        self.handed_over = False
        self.assigned = None  # the latest `assigned` message
        self.any_assigned = any(
            m["from"] == "system" and m.get("kind") == "assigned"
            for m in self.all
        )
        self.episode_first = None
        self.run()

    def interval(self, kind, operator, start, end):
        if not self.ours:
            start, end = start // 1000 * 1000, end // 1000 * 1000
        return Interval(kind, operator, start, end)

    def run(self):
        messages = self.all
        if self.ours:
            if self.opened_at is not None:
                messages = [m for m in messages if m["at"] >= self.opened_at]
        elif self.opened_at is not None:
            self.A = self.opened_at
        elif messages:
            self.A = messages[0]["at"]
        for m in messages:
            self.step(m)

    def step(self, m):
        at, who = m["at"], m["from"]
        plain = not m.get("private") and not m.get("automated")
        if self.episode_first is None:
            self.episode_first = at
        if who in ("customer", "operator", "bot") and plain:
            self.counted.append(m)
        if who == "customer" and plain:
            if self.ours and self.A is None:
                self.A = at
            if self.W is None:
                self.W = at
        elif who == "operator" and plain:
            self.answer(m)
        elif who == "bot" and plain:
            self.W = None
        elif who == "system" and plain:
            self.system(m)

    def answer(self, m):
        at, writer = m["at"], m.get("operator")
        if self.F is None:
            self.F = at
            if self.A is not None:
                i = self.interval("first_response", writer, self.A, at)
                self.first_response = i
                self.intervals.append(i)
        elif self.W is not None:
            credited = writer if self.ours else self.holder_then(writer)
            self.intervals.append(
                self.interval("reply", credited, self.W, at)
            )
        self.W = None

    def holder_then(self, writer):
        if not self.any_assigned:
            return self.chat.get("operator")
        if self.assigned is None:
            return writer
        return self.assigned.get("operator")

    def system(self, m):
        at, kind = m["at"], m.get("kind")
        if kind == "handoff" and not self.handed_over:
            self.handed_over = True
            self.A = at
            if self.W is None:
                self.W = at
        elif kind == "opened" and not self.ours:
            self.A = at
        elif kind == "assigned":
            self.assigned = m
        elif kind == "closed":
            self.close(m)

    def close(self, m):
        at = m["at"]
        if not self.ours:
            start = self.opened_at
            if start is None:
                start = self.all[0]["at"]
            self.ended.append(self.interval("resolution", None, start, at))
            self.W = None
            return
        self.ended.append(
            self.interval("resolution", None, self.episode_first, at)
        )
        if self.W is not None:
            self.ended.append(self.interval("unanswered", None, self.W, at))
        self.A = self.W = self.F = None
        self.handed_over = False
        self.intervals, self.counted = [], []
        self.first_response = self.episode_first = None


def half_up(fraction):
    """To three decimals."""
    scaled = fraction * 1000
    whole = math.floor(scaled + Fraction(1, 2))
    return Decimal(whole).scaleb(-3)


def seconds(ms):
    return None if ms is None else half_up(Fraction(ms, 1000))


def mean(intervals):
    if not intervals:
        return None
    return half_up(Fraction(sum(i.ms for i in intervals), 1000 * len(intervals)))


def median(intervals):
    ms = sorted(i.ms for i in intervals)
    if not ms:
        return None
    n = len(ms)
    return half_up(Fraction(ms[(n - 1) // 2] + ms[n // 2], 2000))


def percentile(intervals, p):
    ms = sorted(i.ms for i in intervals)
    if not ms:
        return None
    return seconds(ms[math.ceil(p * len(ms)) - 1])


def longest(waits, as_of):
    if not waits:
        return None
    return seconds(max(max(as_of - w, 0) for w in waits))


def chat_row(tenant, chat_id, chat, c, as_of):
    people = {(m["from"], m.get("user")) for m in c.counted}
    first = c.first_response
    return {
        "tenant": tenant,
        "chat": chat_id,
        "operator": chat.get("operator"),
        "channel": chat.get("channel"),
        "customer": chat.get("customer"),
        "customer_name": chat.get("customer_name"),
        "customer_phone": chat.get("customer_phone"),
        "tag": chat.get("tag"),
        "status": "open",
        "opened_at": chat.get("opened_at"),
        "last_message_at": c.counted[-1]["at"] if c.counted else None,
        "messages": len(c.counted),
        "participants": len(people),
        "responses": len(c.intervals),
        "avg_response_seconds": mean(c.intervals),
        "first_response_seconds": seconds(first.ms) if first else None,
        "waiting_since": c.W,
        "as_of": as_of,
    }


def operator_row(tenant, op, listed, held, credited, as_of):
    firsts = [i for i in credited if i.kind == "first_response"]
    waits = [c.W for c in held if c.W is not None]
    return {
        "tenant": tenant,
        "operator": op,
        "name": listed["name"] if listed else None,
        "available": listed["available"] if listed else None,
        "open_chats": len(held),
        "reported_open_chats": listed["reported"] if listed else None,
        "responses": len(credited),
        "avg_response_seconds": mean(credited),
        "median_response_seconds": median(credited),
        "p90_response_seconds": percentile(credited, Fraction(9, 10)),
        "first_responses": len(firsts),
        "avg_first_response_seconds": mean(firsts),
        "waiting_chats": len(waits),
        "longest_wait_seconds": longest(waits, as_of),
        "as_of": as_of,
    }


def compute(tenant, operators, chats, messages, as_of, definition=OURS):
    open_chats = {
        k: Chat(c, messages.get(k, []), definition)
        for k, c in chats.items()
        if c["status"] == "open"
    }
    everything = [i for c in open_chats.values() for i in c.intervals]
    waits = [c.W for c in open_chats.values() if c.W is not None]
    ids = set(operators)
    ids.update(i.operator for i in everything if i.operator is not None)
    ids.update(
        c.chat["operator"]
        for c in open_chats.values()
        if c.chat.get("operator") is not None
    )
    operator_rows = {}
    for op in ids:
        held = [c for c in open_chats.values() if c.chat.get("operator") == op]
        credited = [i for i in everything if i.operator == op]
        operator_rows[op] = operator_row(
            tenant, op, operators.get(op), held, credited, as_of
        )
    tenant_row = {
        "tenant": tenant,
        "operators": len(operators),
        "open_chats": len(open_chats),
        "unassigned_chats": sum(
            c.chat.get("operator") is None for c in open_chats.values()
        ),
        "waiting_chats": len(waits),
        "longest_wait_seconds": longest(waits, as_of),
        "responses": len(everything),
        "avg_response_seconds": mean(everything),
        "skewed": sum(i.skewed for i in everything),
        "as_of": as_of,
    }
    return {
        "operator_metrics": operator_rows,
        "chat_metrics": {
            k: chat_row(tenant, k, c.chat, c, as_of)
            for k, c in open_chats.items()
        },
        "tenant_metrics": {tenant: tenant_row},
    }
