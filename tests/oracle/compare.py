"""Compares tables column by column with the expected rows.

Expected rows come from metrics.of_lives(). Actual ones come from the
aggregator's NDJSON or from the database; both are normalized: times in
milliseconds, seconds as decimals, flags as booleans, null as None.
"""

import calendar
import json
import re
from decimal import Decimal

KEYS = {
    "operator_metrics": ("tenant", "operator"),
    "chat_metrics": ("tenant", "chat"),
    "tenant_metrics": ("tenant",),
    "closed_chats": ("tenant", "chat"),
    "tenants": ("tenant",),
    "intervals": ("tenant", "end_at", "chat", "message", "kind"),
}
COLUMNS = {
    "operator_metrics": (
        "tenant", "operator", "name", "available", "open_chats",
        "reported_open_chats", "responses", "avg_response_seconds",
        "median_response_seconds", "p90_response_seconds", "first_responses",
        "avg_first_response_seconds", "waiting_chats",
        "longest_wait_seconds", "as_of"),
    "chat_metrics": (
        "tenant", "chat", "operator", "channel", "customer", "customer_name",
        "customer_phone", "tag", "status", "opened_at", "last_message_at",
        "messages", "participants", "responses", "avg_response_seconds",
        "first_response_seconds", "waiting_since", "next_kind", "answer_by",
        "soon_at", "as_of"),
    "tenant_metrics": (
        "tenant", "operators", "open_chats", "unassigned_chats",
        "waiting_chats", "longest_wait_seconds", "responses",
        "avg_response_seconds", "skewed", "as_of"),
    "closed_chats": ("tenant", "chat", "closed_at", "as_of"),
    "tenants": ("tenant", "as_of", "snapshot"),
    "intervals": (
        "tenant", "end_at", "chat", "message", "kind", "start_at", "operator",
        "channel", "awaited", "ms", "as_of", "work_ms", "target_ms", "kept"),
}
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z?$")


def parse_time(text):
    parts = TIME.match(text)
    if parts is None:
        raise ValueError("not a time: %r" % text)
    fields = [int(x) for x in parts.groups()[:6]]
    fraction = (parts.group(7) or "").ljust(3, "0")[:3]
    return calendar.timegm(tuple(fields)) * 1000 + int(fraction)


def format_time(ms):
    if ms is None:
        return None
    import datetime
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    return t.isoformat(timespec="milliseconds") + "Z"


def is_time(column):
    return column == "as_of" or column.endswith(("_at", "_since", "_by"))


def value_of(column, value):
    if value is None:
        return None
    if is_time(column):
        return parse_time(value)
    if column.endswith("_seconds"):
        return Decimal(value)
    if column == "available":
        return bool(value)
    return value


def put(tables, table, row):
    row = {c: value_of(c, row.get(c)) for c in COLUMNS[table]}
    key = tuple(row[k] for k in KEYS[table])
    rows = tables[table]
    if key in rows:
        raise ValueError("%s %s came twice" % (table, key))
    rows[key] = row


def from_ndjson(text):
    """(tables, markers) from the aggregator's output."""
    tables, markers = {t: {} for t in KEYS}, []
    for line in text.splitlines():
        record = json.loads(line, parse_float=Decimal)
        if record["type"] == "snapshot":
            markers.append(record)
        elif record["type"] == "row":
            if record["table"] in KEYS:
                put(tables, record["table"], record)
        elif record["type"] != "name":
            raise ValueError("an odd record: %s" % line)
    return tables, markers


def statement():
    """An SQL statement that returns table and JSON of every row."""
    parts = []
    for table, columns in COLUMNS.items():
        # DECIMAL and BIGINT as text, since JSON would round them.
        names = ", ".join(
            "CAST(`%s` AS CHAR)" % c if c.endswith("_seconds") else "`%s`" % c
            for c in columns)
        parts.append("SELECT '%s', JSON_ARRAY(%s) FROM %s"
                     % (table, names, table))
    return "; ".join(parts)


def from_database(lines):
    tables = {t: {} for t in KEYS}
    for line in lines:
        table, text = line.split("\t", 1)
        put(tables, table, dict(zip(COLUMNS[table], json.loads(text))))
    return tables


def shown(column, value):
    if is_time(column):
        return format_time(value)
    return str(value)


def differences(table, expected, actual):
    """(key, sentence) for every difference; both are {key: row}."""
    for key in sorted(set(expected) | set(actual), key=str):
        name = "%s %s" % (table, " ".join(map(str, key)))
        if key not in actual:
            yield key, "%s: is missing" % name
        elif key not in expected:
            yield key, "%s: should not be there" % name
        else:
            for column in COLUMNS[table]:
                want, got = expected[key][column], actual[key][column]
                if want != got:
                    yield key, "%s: %s is %s, should be %s" % (
                        name, column, shown(column, got),
                        shown(column, want))


def expected_tables(all_rows):
    """The tables of several tenants together, with the same keys as the actual
    ones."""
    tables = {t: {} for t in KEYS}
    for rows in all_rows:
        for table, by_id in rows.items():
            for row in by_id.values():
                key = tuple(row[k] for k in KEYS[table])
                tables[table][key] = row
    return tables
