"""Shrinks a failing stream: drops records and optional fields while it still
fails."""

import collections
import json
import time

NEEDED = ("type", "tenant", "id", "chat", "at", "from", "operator", "event",
          "message", "user", "snapshot", "state", "records")


def shrink(lines, fails, seconds=40):
    """The smallest subset of the lines, in order, for which fails(lines) still
    holds, as found within that time."""
    end = time.monotonic() + seconds
    missing = lacks(lines)

    def ask(fewer):
        return time.monotonic() < end and fails(counted(fewer, missing))

    size = max(len(lines) // 2, 1)
    while time.monotonic() < end:
        start, before = 0, len(lines)
        while start < len(lines):
            fewer = lines[:start] + lines[start + size:]
            if fewer and ask(fewer):
                lines = fewer
            else:
                start += size
        if size == 1 and len(lines) == before:
            break
        size = max(size // 2, 1)
    for i, line in enumerate(lines):
        for shorter in without_fields(line):
            fewer = lines[:i] + [shorter] + lines[i + 1:]
            if ask(fewer):
                lines = fewer
                break
    return counted(lines, missing)


def snapshot_of(line):
    """(key, record) if the line belongs to a snapshot, else None."""
    try:
        given = json.loads(line)
        if given.get("snapshot"):
            return (given.get("tenant"), given["snapshot"]), given
    except (ValueError, AttributeError):
        pass
    return None


def sizes(lines):
    """{snapshot: lines between its markers}"""
    found = collections.Counter()
    for key, given in filter(None, map(snapshot_of, lines)):
        if given.get("type") != "snapshot":
            found[key] += 1
    return found


def lacks(lines):
    """{snapshot: its end marker's count minus its lines}"""
    there = sizes(lines)
    return {key: given["records"] - there[key]
            for key, given in filter(None, map(snapshot_of, lines))
            if given.get("state") == "end"}


def counted(lines, missing):
    """Adjusts the end markers so that each snapshot lacks as many lines as
    before."""
    there, out = sizes(lines), []
    for line in lines:
        found = snapshot_of(line)
        if found is not None and found[1].get("state") == "end":
            key, given = found
            given["records"] = max(there[key] + missing[key], 0)
            line = json.dumps(given).encode()
        out.append(line)
    return out


def without_fields(line):
    """Variants of the line: without all optional fields, with all but one, and
    so on."""
    try:
        given = json.loads(line)
    except ValueError:
        return
    if not isinstance(given, dict):
        return
    more = [k for k in given if k not in NEEDED]
    for keep in [()] + [(k,) for k in more] + [
            tuple(k for k in more if k != gone) for gone in more]:
        if len(keep) < len(more):
            yield json.dumps({k: v for k, v in given.items()
                              if k in NEEDED or k in keep}).encode()
