#!/usr/bin/env python3
"""streams.py fold [--by-hand] < ROWS: what tables hold after these rows.

The newest version of each row, a line each, sorted, without what may differ
between two ways to the same metrics: as_of, version, snapshot. Rows that say
that something is gone (a chat that left, an operator of zeros, an interval
that was withdrawn, counts that fell back to zero) are left out. Without
--by-hand each row must have a version, and two rows of one version must be
the same.

streams.py lines TYPE < RECORDS: the different lines of that type, sorted.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import row_keys  # noqa: E402


def is_gone(row):
    table = row["table"]
    if table == "chat_metrics":
        return row["status"] == "left"
    if table == "intervals":
        return bool(row.get("withdrawn"))
    if table == "operator_metrics" and row.get("name"):
        return False
    return row_keys.is_zero(table, row)


def folded(records, by_hand):
    """A line for each row that a table has in the end."""
    newest = {}
    for line in records:
        row = json.loads(line)
        if row["type"] != "row":
            continue
        version = row.get("version")
        if (version is None) != by_hand:
            sys.exit(f"version: {line}")
        key = (row["tenant"], row["table"],
               *(str(row[c]) for c in row_keys.KEYS[row["table"]]))
        old = newest.get(key)
        if old is None or by_hand or version > old["version"]:
            newest[key] = row
        elif version == old["version"] and row != old:
            sys.exit(f"two rows of one version: {line}")
    for key in sorted(newest):
        row = newest[key]
        if is_gone(row):
            continue
        for name in ("as_of", "version", "snapshot"):
            row.pop(name, None)
        yield json.dumps(row, sort_keys=True, ensure_ascii=False)


def fold(by_hand):
    for line in folded(sys.stdin, by_hand):
        print(line)


def lines(kind):
    print("\n".join(sorted({line.rstrip("\n") for line in sys.stdin
                            if json.loads(line)["type"] == kind})))


if __name__ == "__main__":
    if sys.argv[1] == "fold":
        fold("--by-hand" in sys.argv)
    else:
        lines(sys.argv[2])
