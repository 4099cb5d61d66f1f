#!/usr/bin/env -S python3 -B
"""The aggregator as a filter gives the same rows for any form of its input:
from a file or a pipe, in any order, each record outside snapshots once or
twice, if the first version of a message comes first. A snapshot truncated at any byte gives no
rows, one line on standard error and exit code 65. LONG=1: every byte, more
orders and inputs. SEED=N repeats a run.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time

BIN, TESTBIN = os.environ["BIN"], os.environ["TESTBIN"]
LONG = os.environ.get("LONG") == "1"


def aggregate(data, *options, path=None):
    """Returns exit code, standard output and standard error, for input from a
    pipe or from a file."""
    argv = [BIN + "/aggregator", "-o", "ndjson", *options]
    if path is None:
        done = subprocess.run(argv, input=data, capture_output=True,
                              check=False)
    else:
        with open(path, "wb") as f:
            f.write(data)
        with open(path, "rb") as f:
            done = subprocess.run(argv, stdin=f, capture_output=True,
                                  check=False)
    return done.returncode, done.stdout, done.stderr


def same(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: {got[0]} {got[2]!r} {got[1][:2000]!r}, "
                             f"not {want[0]} {want[2]!r} {want[1][:2000]!r}")


def check_cuts():
    with open("tests/records/cut.ndjson", "rb") as f:
        whole = f.read()
    code, rows, _ = aggregate(whole)
    assert code == 0 and rows
    near_newlines = {i + d for i, c in enumerate(whole[:-1]) if c == 10
                     for d in (0, 1, 2)}
    cuts = range(len(whole)) if LONG else sorted(
        near_newlines | set(range(0, len(whole), 20)) | {len(whole) - 1})
    for n in cuts:
        code, rows, err = aggregate(whole[:n])
        want = 65 if n else 66
        if code != want or rows or err.count(b"\n") != 1:
            raise AssertionError(f"cut after {n} of {len(whole)} bytes: exit "
                                 f"{code}, not {want}: {rows} {err}")
    print(len(cuts), "cuts")


def twice_in_any_order(dice, lines):
    """Indices of the lines, each twice and shuffled. The first version of a
    message stays the first, because it fixes the message's time."""
    places = {}
    order = [i // 2 for i in dice.sample(range(2 * len(lines)),
                                         2 * len(lines))]
    for place, i in enumerate(order):
        r = json.loads(lines[i])
        if r["type"] == "message":
            places.setdefault((r["chat"], r["id"]), []).append(place)
    for own in places.values():
        for place, i in zip(own, sorted(order[place] for place in own)):
            order[place] = i
    return order


def check_order(dice):
    with open("tests/records/small.ndjson", "rb") as f:
        begin, *body, end = f.read().splitlines(True)
    stream = [line.replace(b'"snapshot":"s1",', b"") for line in body]
    for definition in ("ours", "chatwoot"):
        options = ("--definition", definition)
        want = aggregate(b"".join([begin, *body, end]), *options)
        want_stream = aggregate(b"".join(stream), *options)
        assert want[0] == want_stream[0] == 0, (want, want_stream)
        for _ in range(25 if LONG else 5):
            order = twice_in_any_order(dice, body)
            shuffled = [body[i] for i in dict.fromkeys(order)]
            same(f"a shuffled snapshot, {definition}",
                 aggregate(b"".join([begin, *shuffled, end]), *options), want)
            same(f"a shuffled stream, {definition}",
                 aggregate(b"".join(stream[i] for i in order), *options),
                 want_stream)


def check_large_chats(dice):
    """Thousands of messages in each of two chats, whose ids are numbers or
    texts, each twice."""
    ids = [f"x{i}y" if i % 3 else str(i) for i in range(12000)]
    lines = {m: json.dumps({
        "type": "message", "tenant": "t", "chat": str(i % 2), "id": m,
        "from": "bot",
        "at": f"2026-11-20T{i // 3600:02}:{i // 60 % 60:02}:{i % 60:02}Z"})
             for i, m in enumerate(ids)}
    data = "\n".join(lines[m] for m in ids + dice.sample(ids, len(ids))) + "\n"
    for metrics in ("chats", "chats,channels"):
        rows = aggregate(data.encode(), "-a", metrics)[1].splitlines()
        for row in rows[:2]:
            assert json.loads(row)["messages"] == len(ids) // 2, row


def check_files(dice, folder):
    """Includes bad lines, long lines, and lines that span two reads."""
    path = os.path.join(folder, "input")
    for i in range(10 if LONG else 2):
        done = subprocess.run(
            [TESTBIN + "/load", "-t", "-", "-n", "5000", "--late", "0", "--seed",
             str(dice.randrange(1 << 30))], capture_output=True, check=True)
        lines = done.stdout.splitlines(True)
        at = dice.randrange(len(lines))
        lines[at] = lines[at].replace(
            b"{", b'{"x":"' + b"y" * dice.randrange(10, 600000) + b'",', 1)
        if i % 2:
            for bad in (b"nonsense\n", b"\n", b'{"type":"message"}\n'):
                lines.insert(dice.randrange(len(lines)), bad)
        data = b"".join(lines)
        for options in (("-a", "operators,chats,events"), ("-a", "all")):
            piped = aggregate(data, *options)
            assert piped[0] == (65 if i % 2 else 0) and piped[1], piped
            same(f"a file, {options}",
                 aggregate(data, *options, path=path), piped)


def check_ends_of_csv():
    """Each row ends with CR LF, as RFC 4180 says; text cases show LF only. A
    lone CR in a name is quoted."""
    with open("tests/cases/aggregator/csv-odd-names/in", "rb") as f:
        out = aggregate(f.read(), "-o", "csv")[1]
    rows = out.split(b"\r\n")
    assert rows[-1] == b"" and len([r for r in rows if b",,0,,0," in r]) == 22, out
    assert b'"a\rb"' in out, out


def main():
    os.environ.pop("MESSAGING_CONFIG", None)
    seed = int(os.environ.get("SEED") or os.environ.get("FIRST_SEED") or
               time.time())
    print(f"SEED={seed}")
    dice = random.Random(seed)
    check_cuts()
    check_ends_of_csv()
    check_order(dice)
    check_large_chats(dice)
    with tempfile.TemporaryDirectory() as folder:
        check_files(dice, folder)


try:
    main()
except AssertionError as why:
    sys.exit(f"FAILED: {why}")
