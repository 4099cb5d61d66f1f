#!/usr/bin/env -S python3 -B
"""A stream of chats that are opened, answered and closed, over a simulated
month: the aggregator's memory and state do not grow, because they hold open
chats, the window, and counts that are younger than [aggregator] forget. That is
90 days by default, so the counts of a month are all kept; here, it is a day.
A second tenant has only snapshots: its chats are not closed, but missing from
the next one. Each day is read by a new process, as the minute job does.
LONG=1: ten million chats.
"""

import os
import time

from harness import LONG, Checks, Lab, main, sanitized, say

CHATS, DAYS = (10_000_000, 30) if LONG else (20_000, 12)
DAY_MS = 86_400_000
SLOT_MS = DAYS * DAY_MS / CHATS
# A chat is answered after ten minutes and closed after twenty.
LATER = max(1, round(600_000 / SLOT_MS))
OPERATORS, CUSTOMERS = 200, CHATS // 50
SNAPSHOTS, LISTED = 4, CHATS // DAYS // 2
# The allocator, and pages that LMDB may use again only after two commits.
TOLERANCE = 1.15


def rfc3339(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + \
        f".{ms % 1000:03d}Z"


def lines_of(i, at):
    """The records of one moment: chat I is opened, an earlier one answered,
    and a still earlier one closed."""
    text = (f'{{"type":"chat","tenant":"t","chat":"{i}","status":"open",'
            f'"at":"{at}","opened_at":"{at}","operator":"o{i % OPERATORS}",'
            f'"customer":"c{i % CUSTOMERS}","channel":"web"}}\n'
            f'{{"type":"message","tenant":"t","chat":"{i}","id":"{i}a",'
            f'"at":"{at}","from":"customer","user":"c{i % CUSTOMERS}",'
            '"kind":"text"}\n')
    j = i - LATER
    if j >= 0:
        text += (f'{{"type":"message","tenant":"t","chat":"{j}","id":"{j}b",'
                 f'"at":"{at}","from":"operator","operator":"o{j % OPERATORS}",'
                 f'"user":"o{j % OPERATORS}","kind":"text"}}\n')
    j -= LATER
    if j >= 0:
        text += (f'{{"type":"chat","tenant":"t","chat":"{j}","status":"closed",'
                 f'"at":"{at}","closed_at":"{at}","operator":'
                 f'"o{j % OPERATORS}","customer":"c{j % CUSTOMERS}"}}\n')
    return text


def snapshot(name, at):
    """A snapshot of chats that no other snapshot lists."""
    head = f'{{"tenant":"s","snapshot":"{name}","at":"{at}"'
    marker = head + ',"type":"snapshot","state":"'
    yield marker + 'begin"}\n'
    for i in range(LISTED):
        yield (f'{head},"type":"chat","chat":"{name}-{i}","status":"open",'
               f'"opened_at":"{at}","operator":"o{i % OPERATORS}"}}\n'
               f'{head},"type":"message","chat":"{name}-{i}","id":"{i}",'
               '"from":"customer","kind":"text"}\n')
    yield f'{marker}end","records":{2 * LISTED}}}\n'


def body():
    checks = Checks()
    with Lab("closed_chats") as lab:
        conf = lab.conf("conf", {
            "crm t": {"token": "x"},
            "crm s": {"token": "x"},
            "aggregator": {"clock": "records", "forget": "1d"},
        })
        state = lab.path("state")
        lab.start_servers("rabbitmq")
        now = int(time.time() * 1000) // DAY_MS * DAY_MS
        memory, disk, i = [], [], 0
        for day in range(DAYS):
            first, i = i, CHATS * (day + 1) // DAYS
            records = lab.path("records")
            with open(records, "w") as f:
                for k in range(first, i):
                    f.write(lines_of(
                        k, rfc3339(now - DAYS * DAY_MS + int(k * SLOT_MS))))
                for k in range(SNAPSHOTS):
                    f.writelines(snapshot(f"{day}.{k}", rfc3339(
                        now - (DAYS - day) * DAY_MS +
                        k * DAY_MS // SNAPSHOTS)))
            with open(records, "rb") as f:
                done = lab.run(["aggregator", "-c", conf, "--publish", "-t",
                                "queue:records"], stdin=f)
            checks.equal(done.code, 0, f"day {day}: publish: {done}")
            done = lab.run(["aggregator", "-c", conf, "-f", "queue:records",
                            "-t", lab.path("rows"), "--state", state, "-a",
                            "all", "--until-empty"])
            checks.equal(done.code, 0, f"day {day}: {done}")
            os.remove(lab.path("rows"))
            memory.append(done.peak_kib)
            disk.append(os.stat(lab.path("state/stream.mdb")).st_blocks // 2)
        say(f"{CHATS} chats; each day, memory: {memory} KiB, state: {disk} KiB")
        for what, kib in ("state", disk), ("memory", memory):
            if what == "memory" and sanitized():
                continue
            # A chat stays for two windows and its counts for a further day.
            early, late = max(kib[3:9]), max(kib[-3:])
            checks.that(late <= early * TOLERANCE,
                        f"{what}: {early} KiB grew to {late} KiB")
        return checks.result()


main(body)
