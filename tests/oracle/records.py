"""An independent reader of records, written from messaging-records(5) alone.

read() returns the records of a text, each as a dictionary with the number of
its line, and the numbers of refused lines. Times become milliseconds since
1970; integer identifiers become their digits.
"""

import json
import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
# The calendar repeats after this many days.
CYCLE_YEARS, CYCLE = 400, timedelta(days=146097)
FIRST, LAST = -62135596800000, 253402300799999 # years 0001 to 9999
TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?"
    r"(?:([Zz])|([+-])(\d\d):(\d\d))$", re.ASCII)
TENANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$", re.ASCII)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")

# Kind and fields of each type; a leading ! marks a required field.
FIELDS = {
    "snapshot": {"!snapshot": "id", "!state": "text", "at": "time",
                 "records": "count"},
    "operator": {"!operator": "id", "snapshot": "id", "name": "text",
                 "available": "flag", "available_at": "time",
                 "max_chats": "count",
                 "reported_open_chats": "count", "tags": "text",
                 "at": "time", "stale": "flag"},
    "chat": {"!chat": "id", "snapshot": "id", "at": "time", "status": "text",
             "operator": "id", "customer": "id", "customer_name": "text",
             "customer_phone": "text", "channel": "id", "tag": "text",
             "tags": "text", "assignment": "id", "opened_at": "time",
             "closed_at": "time", "stale": "flag"},
    "message": {"!id": "id", "!chat": "id", "!at": "time", "!from": "text",
                "snapshot": "id", "channel": "id", "user": "id",
                "operator": "id", "to": "id", "private": "flag",
                "automated": "flag", "kind": "text", "updated_at": "time",
                "about": "flag", "text": "text"},
    "view": {"!message": "id", "!user": "id", "!at": "time",
             "snapshot": "id", "chat": "id", "device": "text"},
    "event": {"!id": "id", "!event": "id", "user": "id", "snapshot": "id",
              "channel": "id", "chat": "id", "at": "time"},
}
# Kinds of system messages.
SYSTEM_KINDS = ("closed", "opened", "assigned", "handoff", "other")
WORDS = {
    ("message", "from"): ("customer", "operator", "bot", "system"),
    ("chat", "status"): ("open", "pending", "snoozed", "closed", "gone"),
    ("snapshot", "state"): ("begin", "end"),
}


class Refused(Exception):
    """The text gives the reason."""


class Number(str):
    """A number in its original form."""


def loads(text):
    return json.loads(text, parse_int=Number, parse_float=Number,
                      parse_constant=constant)


def as_written(value):
    """A text that is equal for two values only if their numbers are written
    alike; escapes in strings do not matter."""
    def told(v):
        if isinstance(v, Number):
            return {"number": str(v)}
        if isinstance(v, dict):
            return {"members": {k: told(x) for k, x in v.items()}}
        return [told(x) for x in v] if isinstance(v, list) else v

    return json.dumps(told(value), sort_keys=True)


def constant(word):
    raise Refused("not JSON: %s" % word)


def time_of(text):
    parts = TIME.match(text)
    if parts is None:
        raise Refused("no time: %s" % text)
    year, month, day, hour, minute, second = map(int, parts.groups()[:6])
    east = int(parts.group(10) or 0), int(parts.group(11) or 0)
    if second > 60 or east[0] > 23 or east[1] > 59:
        raise Refused("no time: %s" % text)
    try:
        # Year 0 may be year 1 in UTC, but datetime does not support it.
        t = datetime(year or CYCLE_YEARS, month, day, hour, minute,
                     tzinfo=timezone.utc) - EPOCH
    except ValueError:
        raise Refused("no time: %s" % text) from None
    away = timedelta(hours=east[0], minutes=east[1])
    ms = (t - (CYCLE if year == 0 else timedelta())
          - (-away if parts.group(9) == "-" else away)) // MS + second * 1000
    if second < 60:
        ms += int((parts.group(7) or "").ljust(3, "0")[:3])
    if not FIRST <= ms <= LAST:
        raise Refused("no time: %s" % text)
    return ms


def shown(ms):
    """A time as all programs write it."""
    t = EPOCH + ms * MS
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        t.year, t.month, t.day, t.hour, t.minute, t.second,
        t.microsecond // 1000)


def id_of(value):
    if isinstance(value, Number):
        if not re.match(r"-?\d+$", value):
            raise Refused("no identifier: %s" % value)
        value = str(value)
    if not isinstance(value, str):
        raise Refused("no identifier")
    if not 1 <= len(value.encode("utf-8", "surrogatepass")) <= 191:
        raise Refused("an identifier of another length")
    if CONTROL.search(value) or value[-1] == " ":
        raise Refused("an identifier that ends in a blank or worse")
    return value


def count_of(value):
    if not isinstance(value, Number) or not re.match(r"\d+$", value):
        raise Refused("no count")
    return int(value)


def flag_of(value):
    if not isinstance(value, bool):
        raise Refused("no flag")
    return value


def text_of(value):
    if not isinstance(value, str) or isinstance(value, Number):
        raise Refused("no text")
    return value.replace("\0", "\ufffd")


KINDS = {"id": id_of, "time": lambda v: time_of(text_of(v)),
         "count": count_of, "flag": flag_of, "text": text_of}


def record_of(line):
    """The record in a line, or None if its type is unknown."""
    try:
        given = loads(line.decode("utf-8"))
    except ValueError as e:
        raise Refused("not JSON: %s" % e) from None
    if not isinstance(given, dict):
        raise Refused("no object")
    kind = given.get("type")
    if not isinstance(kind, str) or isinstance(kind, Number):
        raise Refused("no type")
    if kind not in FIELDS:
        return None
    tenant = given.get("tenant")
    if not isinstance(tenant, str) or not TENANT.match(tenant):
        raise Refused("no tenant")
    record = {"type": kind, "tenant": tenant}
    for name, what in FIELDS[kind].items():
        required, name = name[0] == "!", name.lstrip("!")
        value = given.get(name)
        if value is not None:
            record[name] = KINDS[what](value)
            words = WORDS.get((kind, name))
            if words is not None and record[name] not in words:
                raise Refused("%s is no %s" % (record[name], name))
        elif required:
            raise Refused("%s is missing" % name)
    if kind == "chat" and record.get("status") == "closed" and not any(
            name in record for name in ("snapshot", "at", "closed_at")):
        raise Refused("a closed chat without a time")
    if "data" in given:
        record["data"] = given["data"]
    return record


def read(data):
    """(records, {line: reason}) from NDJSON in bytes."""
    records, refused = [], {}
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = record_of(line)
        except Refused as why:
            refused[number] = str(why)
            continue
        if record is not None:
            record["line"] = number
            records.append(record)
    return records, refused
