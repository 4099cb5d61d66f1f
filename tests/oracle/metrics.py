"""The tables about the present, computed directly from their definition.

Computes operator_metrics, chat_metrics and tenant_metrics from the chats of
clocks.py. Uses whole milliseconds, fractions and decimals, and no floating
point.
"""

import math
from decimal import Decimal
from fractions import Fraction

from clocks import CHATWOOT, OURS, Chat, writer  # noqa: F401


def half_up(fraction):
    """Rounds half up to three decimals."""
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


def next_answer(life):
    """What an answer would be now, and since when the customer waits for
    it."""
    if life.W is None:
        return None, None
    if life.F is None and life.A is not None:
        return "first_response", life.A
    return "reply", life.W


def chat_row(tenant, chat_id, life, due, as_of):
    people = {(m["from"], writer(m)) for m in life.counted}
    first = life.first_response
    kind, since = next_answer(life)
    by, soon = due(life.details["channel"], kind, since) \
        if kind else (None, None)
    return {
        "tenant": tenant,
        "chat": chat_id,
        "operator": life.operator,
        **life.details,
        "status": life.status,
        "opened_at": life.opened_at,
        "last_message_at": life.counted[-1]["at"] if life.counted else None,
        "messages": len(life.counted),
        "participants": len(people),
        "responses": len(life.responses),
        "avg_response_seconds": mean(life.responses),
        "first_response_seconds": seconds(first.ms) if first else None,
        "waiting_since": life.W,
        "next_kind": kind,
        "answer_by": by,
        "soon_at": soon,
        "as_of": as_of,
    }


def operator_row(tenant, op, listed, names, held, credited, as_of):
    firsts = [i for i in credited if i.kind == "first_response"]
    waits = [c.W for c in held if c.W is not None]
    return {
        "tenant": tenant,
        "operator": op,
        "name": listed["name"] if listed else names.get(op),
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


def no_target(*_):
    return None, None


def live_rows(tenant, operators, names, chats, as_of, due=no_target):
    """{table: {key: row}}. operators: the listed ones, {id: {"name",
    "available", "reported"}}; names: the last known names of all others; chats:
    {id: Chat}; due: dues.of_tenant()."""
    ongoing = {k: c for k, c in chats.items() if c.is_open()}
    everything = [i for c in ongoing.values() for i in c.responses]
    waits = [c.W for c in ongoing.values() if c.W is not None]
    ids = set(operators)
    ids.update(i.operator for i in everything if i.operator is not None)
    ids.update(
        c.operator for c in ongoing.values() if c.operator is not None)
    operator_rows = {}
    for op in ids:
        held = [c for c in ongoing.values() if c.operator == op]
        credited = [i for i in everything if i.operator == op]
        operator_rows[op] = operator_row(
            tenant, op, operators.get(op), names, held, credited, as_of
        )
    tenant_row = {
        "tenant": tenant,
        "operators": len(operators),
        "open_chats": len(ongoing),
        "unassigned_chats": sum(
            c.operator is None for c in ongoing.values()),
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
            k: chat_row(tenant, k, c, due, as_of) for k, c in ongoing.items()
        },
        "tenant_metrics": {tenant: tenant_row},
    }


def lives(chats, messages, as_of, definition=OURS):
    """{id: Chat} of a single snapshot, whose chat records are final: {id: chat
    record}, {id: [message]}. A record without a time counts as of the snapshot;
    before: earlier records of the chat."""
    lived = {}
    for k, record in chats.items():
        lived[k] = Chat([*record.get("before", ()),
                         dict(record, at=record.get("at") or as_of)],
                        messages.get(k, []), definition)
        lived[k].is_as_said(record)
    return lived


def of_lives(tenant, operators, lived, as_of, due=no_target):
    """The rows of a single snapshot. A bot is not an operator, but has its
    name."""
    bots = {k: o["name"] for k, o in operators.items() if o.get("bot")}
    operators = {k: o for k, o in operators.items() if k not in bots}
    return live_rows(tenant, operators, bots, lived, as_of, due)
