"""Compares one-shot runs of the aggregator over random streams with the oracle.

SEED=n repeats a stream, STREAMS=n sets their number, LONG=1 means 400. A
failing stream is shrunk, reported with the row that differs, and kept in a
file. usage: stream_metrics.py [FILE]: the stream of a file instead, with the
default settings.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from decimal import Decimal

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clocks  # noqa: E402
import compare  # noqa: E402
import dues  # noqa: E402
import nasty  # noqa: E402
import row_keys  # noqa: E402
import shrink  # noqa: E402
import stream  # noqa: E402

BIN = os.environ.get("BIN", "build/bin")
FINDS = "build/finds" # folder for failing streams
TIMES = re.compile(r"(_at|_since|_active|^as_of|_by$|^hour|^window_(start|end))$")
NAMED = re.compile(r"^aggregator: line (\d+): ", re.M)
MORE = re.compile(r"^aggregator: and (\d+) more bad records$", re.M)


def configuration(conf):
    out = ["[aggregator]", "clock = records"]
    out += ["%s = %dms" % (k, conf[k]) for k in (
        "window", "forget", "user_active", "trend_window")]
    out += ["%s = %d" % (k, conf[k]) for k in (
        "alert_minute", "alert_five_minutes", "trend_count", "trend_length")]
    out.append("definition = " + conf["definition"])
    if conf["stop"]:  # an entry may be several words
        first, second, *others = (w.upper() for w in conf["stop"])
        out.append("trend_stop_words = "
                   + ", ".join([f"{first} {second}", *others]))
    return "\n".join([*out, *dues.configuration(conf["terms"])]) + "\n"


def row_of(record):
    """(key, row) from a program's output."""
    row = {k: v for k, v in record.items() if k not in (
        "type", "tenant", "table", "snapshot", "version", "withdrawn")}
    for k, v in row.items():
        if v is not None and TIMES.search(k):
            row[k] = time_or_text(v)
        elif k.endswith("_seconds") and v is not None:
            row[k] = Decimal(v)
    table = record["table"]
    return (table,) + tuple(row[k] for k in row_keys.KEYS[table]), row


def time_or_text(text):
    try:
        return compare.parse_time(text)
    except ValueError:
        return text # such as year 0, which cannot be written


def passed_on(line, at=None, number=0):
    """The content of a line, without its snapshot, at another time and with the
    number of a version."""
    record = stream.records.loads(line)
    record.pop("snapshot", None)
    if at:
        record["at"] = stream.records.shown(at)
    if number:
        record["updated_at"] = stream.records.shown(number)
    return stream.records.as_written(record)


class Output:
    """The aggregator's output by tenant."""

    def __init__(self, text):
        self.rows, self.passed = {}, []
        for line in text.splitlines():
            record = json.loads(line, parse_float=Decimal)
            if record["type"] == "row":
                key, row = row_of(record)
                rows = self.rows.setdefault(record["tenant"], {})
                assert key not in rows, "%s came twice" % (key,)
                rows[key] = row
            elif record["type"] != "snapshot":
                self.passed.append(passed_on(line))


def call(data, conf, *options):
    """(the aggregator's output, its messages)"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
        f.write(configuration(conf))
        f.flush()
        done = subprocess.run(
            [os.path.join(BIN, "aggregator"), "-c", f.name, *options],
            input=data, capture_output=True)
    said = done.stderr.decode()
    if done.returncode not in (0, 65):
        raise AssertionError("exit %d: %s" % (done.returncode, said))
    return done.stdout.decode(), said


def run(data, conf):
    out, said = call(data, conf, "-o", "ndjson", "-a", "all")
    return Output(out), said


def differences(where, want, got):
    """Sentences, one for each differing column."""
    for key in sorted(set(want) | set(got), key=str):
        name = "%s %s" % (where, " ".join(map(shown, key)))
        if key not in got:
            yield "%s: is missing: %s" % (name, shown_row(want[key]))
        elif key not in want:
            yield "%s: should not be there: %s" % (name, shown_row(got[key]))
        else:
            for column, value in want[key].items():
                if got[key].get(column) != value:
                    yield "%s: %s is %s, should be %s" % (
                        name, column, shown(got[key].get(column)),
                        shown(value))


def shown(value):
    if isinstance(value, int) and abs(value) > 10 ** 11:
        return stream.records.shown(value)
    return str(value)


def shown_row(row):
    return " ".join("%s=%s" % (k, shown(v)) for k, v in row.items()
                    if v is not None)


def problems(data, conf):
    """Errors in the rows of one stream."""
    want = stream.expected(data, conf)
    got, said = run(data, conf)
    yield from refusals(want.refused, said)
    yield from passed(data, want, got.passed)
    for tenant in sorted(set(want.rows) | set(got.rows)):
        yield from differences(tenant, want.rows.get(tenant, {}),
                               got.rows.get(tenant, {}))
    if conf["terms"]:
        yield from screen(data, conf, want)


SCREEN_CHATS = 10  # as many as a terminal shows


def dues_on_screen(text):
    """The texts below DUE by tenant, in order."""
    found, lines = {}, None
    for line in text.splitlines():
        heading = re.match(r"(\S+), as of ", line)
        if heading:
            found[heading[1]] = lines = []
        elif line.startswith("DUE "):
            lines.append(None)
        elif not line:
            continue
        elif lines and len(lines) <= SCREEN_CHATS and \
                not line.startswith("OPERATOR "):
            lines.append(re.split(" {2,}", line)[0])
        elif lines:
            lines = None
    return {tenant: own[1:] for tenant, own in found.items()}


def screen(data, conf, want):
    """In a terminal, waiting customers are sorted by what is due next."""
    got = dues_on_screen(call(data, conf, "-o", "table")[0])
    for tenant, rows in want.rows.items():
        due = sorted((row for row in rows.values()
                      if row.get("answer_by") is not None),
                     key=lambda row: row["answer_by"])
        if not due or not dues.is_known(due[0]["as_of"]):
            continue
        last = due[SCREEN_CHATS]["answer_by"] if len(due) > SCREEN_CHATS \
            else dues.NEVER
        sure = [row for row in due if row["answer_by"] < last]
        expected = sorted(dues.of_channel(
            conf["terms"], tenant, row["channel"]).words(row, row["as_of"])
            for row in sure)
        shown_ = sorted(got.get(tenant, [])[:len(sure)])
        if shown_ != expected:
            yield "%s screen: is %s, should be %s" % (
                tenant, shown_, expected)


def passed(data, want, got):
    """Messages, views and events are passed on, in any order. A message has
    the time of its first version, and its number if it has no updated_at; one
    that comes after a better one is left out."""
    lines = data.split(b"\n")
    given, versions = collections.Counter(), {}
    for r in want.taken:
        line = lines[r["line"] - 1]
        if r["type"] in ("view", "event") or r.get("about"):
            given[passed_on(line)] += 1
        elif r["type"] == "message":
            own = versions.setdefault((r["tenant"], r["chat"], r["id"]), [])
            own.append(r)
            *_, (best, number) = clocks.arrivals(own)
            if clocks.version_key(r)[:-2] == clocks.version_key(best)[:-2]:
                given[passed_on(line, own[0]["at"] - r["at"] and own[0]["at"],
                                number)] += 1
    there = collections.Counter(got)
    for line in sorted((given - there).keys()):
        yield "passed on: is missing: " + line
    for line in sorted((there - given).keys()):
        yield "passed on: should not be there: " + line


def refusals(want, said):
    """The first refused lines are named, the others counted."""
    named = {int(n) for n in NAMED.findall(said)}
    more = int((MORE.findall(said) or [0])[0])
    for n in sorted(named ^ set(want)):
        if n not in want:
            yield "line %d: is refused" % n
        elif not more:
            yield "line %d: should be refused, %s" % (n, want[n])
    if len(named) + more != len(want):
        yield "lines : %d are refused, should be %d" % (
            len(named) + more, len(want))


def same_kind(sentence):
    """The kind of a difference: the table, and the column or another
    feature."""
    name, _, what = sentence.partition(": ")
    table = name.split()[:2][-1]
    return "" if table.isdigit() else table, what.split()[0]


def tell(seed, lines, conf, wrong):
    """Shrinks the stream while its first difference stays."""
    print("SEED=%s: %d differences" % (seed, len(wrong)))
    print("\n".join(wrong[:5]), flush=True)
    kind = same_kind(wrong[0])

    def fails(fewer):
        return any(same_kind(x) == kind
                   for x in problems(b"\n".join(fewer) + b"\n", conf))

    small = shrink.shrink(lines, fails)
    data = b"\n".join(small) + b"\n"
    os.makedirs(FINDS, exist_ok=True)
    path = os.path.join(FINDS, "stream.%s.ndjson" % seed)
    with open(path, "wb") as f:
        f.write(data)
    with open(path + ".conf", "w", encoding="utf-8") as f:
        f.write(configuration(conf))
    print("made small, in %s:" % path)
    print(data.decode("utf-8", "replace"), end="")
    print("\n".join(list(problems(data, conf))[:10]))


def features(kinds=nasty.BY_HAND):
    """All features, without those in STREAMS_WITHOUT."""
    without = os.environ.get("STREAMS_WITHOUT", "").split()
    return [f for f in kinds if f not in without]


def try_file(path):
    with open(path, "rb") as f:
        wrong = list(problems(f.read(), stream.DEFAULTS))
    print("\n".join(wrong))
    return 1 if wrong else 0


def main():
    if sys.argv[1:]:
        return try_file(sys.argv[1])
    start = os.environ.get("SEED") or os.environ.get("FIRST_SEED")
    start = int(start) if start else int(time.time()) % 10 ** 7 * 100
    streams = int(os.environ.get(
        "STREAMS", 400 if os.environ.get("LONG") == "1" else 30))
    print("SEED=%d and the %d after it" % (start, streams - 1), flush=True)
    failed = 0
    for seed in range(start, start + streams):
        world = nasty.Nasty(seed, features())
        lines = world.lines()
        wrong = list(problems(b"\n".join(lines) + b"\n", world.conf))
        if wrong:
            tell(seed, lines, world.conf, wrong)
            failed += 1
            if failed >= int(os.environ.get("FAILURES", 1)):
                break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
