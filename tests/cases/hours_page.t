#!/usr/bin/env -S python3 -B
"""The examples of messaging-hours(7) are right: lines such as
"# Fri 2026-12-04 16:30 + 1h = Mon 2026-12-07 9:30" in its calendars.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

BIN = os.environ.get("BIN", "build/bin")
TESTBIN = os.environ.get("TESTBIN", "build/tests")
PAGE = "man/man7/messaging-hours.7"
LEAST = 12
TIME = r"(\w{3} [-\d]+ [\d:]+)"
WORK = r"((?:\d+h)?(?:\d+m)?)"


def work_ms(text):
    hours, minutes = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?", text).groups()
    return (int(hours or 0) * 60 + int(minutes or 0)) * 60000


def instant(text, zone):
    """The day's name must be right, too."""
    at = datetime.strptime(text[4:], "%Y-%m-%d %H:%M")
    if at.strftime("%a") != text[:3]:
        sys.exit(f"{PAGE}: {text} is a {at:%A}")
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (at.replace(tzinfo=zone) - epoch) // timedelta(milliseconds=1)


def answers(lines, questions):
    asked = "\n".join([*lines, "", *questions, ""])
    done = subprocess.run(
        [os.path.join(TESTBIN, "tools", "opening_hours")], input=asked,
        capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def with_holidays(block, folder):
    """The block with the events that it contains in a file."""
    events = [line for line in block if re.match(r"[A-Z]+[:;]", line)]
    path = os.path.join(folder, "holidays.ics")
    with open(path, "w", encoding="ascii") as f:
        f.write("\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x",
                             *events, "END:VCALENDAR", ""]))
    return [re.sub("^holidays = .*", f"holidays = {path}", line)
            for line in block if line not in events]


def judgements(block, calendar, folder):
    """Each line about a first response is as `aggregator --explain` judges
    it."""
    conf = os.path.join(folder, "conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write("\n".join([*calendar, *(x for x in block if x[0] != "#"),
                           "[crm acme]", "hours = support", ""]))
    os.chmod(conf, 0o600)
    zone = ZoneInfo(next(x for x in calendar if "zone" in x).split()[-1])
    found = [re.fullmatch(rf"# {TIME} to {TIME}: (\w+)", line)
             for line in block if line[0] == "#"]
    for begin, end, want in (match.groups() for match in found):
        records = [{"type": "message", "id": who, "from": who, "user": who}
                   for who in ("customer", "operator")]
        for record, at in zip(records, (begin, end)):
            utc = datetime.fromtimestamp(instant(at, zone) / 1000,
                                         timezone.utc)
            record.update(tenant="acme", chat="1",
                          at=f"{utc:%Y-%m-%dT%H:%M:%SZ}")
        out = subprocess.run(
            [os.path.join(BIN, "aggregator"), "-c", conf, "-o", "table",
             "--clock", "records", "--explain", "1"],
            input="".join(json.dumps(r) + "\n" for r in records),
            capture_output=True, text=True, check=True).stdout
        if not re.search(rf"target \S+ work: {want}$", out, re.M):
            sys.exit(f"{PAGE}: {begin} to {end}: not {want}:\n{out}")
    return len(found)


def check(block):
    lines = [line for line in block if line[0] not in "#["]
    if not any(line.startswith("zone") for line in lines):
        lines.insert(0, "zone = Europe/Berlin")
    zone = ZoneInfo(next(line for line in lines
                         if line.startswith("zone")).split()[-1])
    questions, wanted = [], []
    for line in block:
        if match := re.fullmatch(rf"# {TIME} \+ {WORK} = {TIME}", line):
            begin = instant(match[1], zone)
            questions.append(f"{begin} {begin} {work_ms(match[2])}")
            wanted.append((1, instant(match[3], zone), line))
        elif match := re.fullmatch(rf"# {TIME} to {TIME} = {WORK}", line):
            questions.append(f"{instant(match[1], zone)} "
                             f"{instant(match[2], zone)} 0")
            wanted.append((0, work_ms(match[3]), line))
        elif line[0] == "#":
            sys.exit(f"{PAGE}: cannot read the example '{line}'")
    got = answers(lines, questions)
    for answer, (field, want, line) in zip(got, wanted, strict=True):
        if answer[field] != str(want):
            sys.exit(f"{PAGE}: {line}: it is {answer[field]}, not {want}")
    return len(wanted)


with open(PAGE, encoding="utf-8") as page:
    blocks = re.findall(r"(?ms)^\.Bd -literal.*?\n(.*?)^\.Ed", page.read())
CALENDAR = [line for line in blocks[0].splitlines() if line[0] != "#"]
with tempfile.TemporaryDirectory() as FOLDER:
    COUNT = sum(check(with_holidays(block.splitlines(), FOLDER))
                for block in blocks
                if "targets" not in block and "[crm" not in block)
    COUNT += sum(judgements(block.splitlines(), CALENDAR, FOLDER)
                 for block in blocks if "[targets]\n" in block)
print(f"{COUNT} examples")
sys.exit(COUNT < LEAST)
