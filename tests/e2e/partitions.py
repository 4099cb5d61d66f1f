"""partitions: compares snapshots and tables in shards with the whole."""

import json

WITHIN = 1 / 64
COUNTS = {"realtime_user_activity_all": "messages_last_minute"}


def bucket(tenant, key):
    h = 14695981039346656037
    for c in tenant.encode() + b"\0" + key.encode():
        h = ((h ^ c) * 1099511628211) & (2**64 - 1)
    return (h ^ h >> 32) % 64


def plain(lines):
    """Joins the parts in LINES of snapshots that went through an exchange."""
    begun, count, ended = None, 0, 0
    for line in lines:
        r = json.loads(line)
        if r["type"] != "snapshot":
            assert r["snapshot"] == begun["snapshot"], line
            count += 1
            yield line
            continue
        del r["bucket"]
        if r["state"] == "begin" and (
                begun is None or begun["snapshot"] != r["snapshot"]):
            begun, count, ended = r, 0, 0
            yield json.dumps(r)
        elif r["state"] == "end":
            ended += 1
            if ended == 65:
                yield json.dumps({**r, "records": count})


def statements(view_columns):
    """One statement per view; rows begin with the view's name."""
    views = {}
    for view, column in view_columns:
        views.setdefault(view, []).append(column)
    for view, columns in sorted(views.items()):
        names = [c for c in columns if c not in ("as_of", "version")]
        cells = ", ".join(f"'{c}', `{c}`" for c in names)
        yield f"SELECT '{view}', {cells} FROM {view}"


def read(path):
    """{view: rows}, with medians and percentiles separate. A one-shot run has
    no chats that left, and no rows with everything withdrawn."""
    found = {}
    with open(path, encoding="utf-8") as f:
        for line in f:
            view, *cells = line.rstrip("\n").split("\t")
            row = dict(zip(cells[::2], cells[1::2]))
            if row.get("status") == "left" or (
                    row.get(COUNTS.get(view)) == "0"):
                continue
            quantiles = {c: row.pop(c) for c in list(row)
                         if c.startswith(("median_", "p90_"))}
            found.setdefault(view, []).append((sorted(row.items()), quantiles))
    return {view: sorted(rows, key=str) for view, rows in found.items()}


def is_near(a, b):
    if "NULL" in (a, b):
        return a == b
    a, b = float(a), float(b)
    return abs(a - b) <= WITHIN * abs(a) + 0.001


def same(want_path, got_path):
    """Returns 0 if two files of rows, from statements(), are equal: counts,
    sums, maxima and times exactly, medians and percentiles within 1/64 and the
    rounding to a millisecond."""
    want, got = read(want_path), read(got_path)
    problems = []
    for view in sorted(want.keys() | got.keys()):
        a, b = want.get(view, []), got.get(view, [])
        metrics = [[str(r) for r, _ in rows] for rows in (a, b)]
        for what, mine, other in (("missing", *metrics),
                                  ("unexpected", *metrics[::-1])):
            others = set(other)
            problems += [f"{view}: {what}: {r}" for r in mine
                         if r not in others]
        for x, y in zip(a, b):
            problems += [f"{view} {c}: {x} {y}" for c in x[1]
                         if not is_near(x[1][c], y[1][c])]
        if len(a) != len(b):
            problems.append(f"{view}: {len(a)} rows, {len(b)} in parts")
        print(f"  {view}: {len(a)} rows")
    for p in problems[:5]:
        print(p)
    return 1 if problems or len(want) < 10 else 0
