#!/usr/bin/env -S python3 -B
"""The examples of messaging-hours(7) are right: lines such as
"# Fri 2026-12-04 16:30 + 1h = Mon 2026-12-07 9:30" in its calendars.
"""

import os
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

TESTBIN = os.environ.get("TESTBIN", "build/tests")
PAGE = "man/man7/messaging-hours.7"
LEAST = 9
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
COUNT = sum(check(block.splitlines()) for block in blocks
            if "targets" not in block and "[crm" not in block)
print(f"{COUNT} examples")
sys.exit(COUNT < LEAST)
