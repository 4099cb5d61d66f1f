"""aggregator: messages a second of one large snapshot in a file, beside a
loop that does nothing but parse the same lines with jansson."""

import random
from datetime import datetime, timedelta, timezone

import table # first: it knows where the others are

from harness import TESTBIN, Lab, main

CHATS = 10000
OPERATORS = 100
MESSAGES = 500000
ROUNDS = 5
START = datetime(2026, 11, 20, tzinfo=timezone.utc)


def stamp(seconds):
    t = START + timedelta(seconds=seconds)
    return t.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def write_snapshot(f, dice):
    """One tenant; customers and operators take turns, more or less."""
    lines = 0
    head = '"tenant":"acme","snapshot":"s1"'
    f.write('{"type":"snapshot",%s,"state":"begin","at":"%s"}\n'
            % (head, stamp(80000)))
    for o in range(OPERATORS):
        f.write('{"type":"operator",%s,"operator":"%d","name":"Op %d",'
                '"available":true}\n' % (head, o, o))
        lines += 1
    number = 3000000000
    for chat in range(CHATS):
        holder = dice.randrange(OPERATORS)
        f.write('{"type":"chat",%s,"chat":"%d","status":"open",'
                '"operator":"%d","customer":"c%d","opened_at":"%s"}\n'
                % (head, chat, holder, chat, stamp(0)))
        at = dice.randrange(20000)
        for _ in range(MESSAGES // CHATS):
            at += dice.randrange(1, 1000)
            number += 1
            if dice.random() < 0.5:
                who = '"from":"customer","user":"c%d"' % chat
            else:
                who = '"from":"operator","user":"%d","operator":"%d"' % (
                    holder, holder)
            f.write('{"type":"message",%s,"id":"%d","chat":"%d",'
                    '"channel":"11","at":"%s",%s,"kind":"text"}\n'
                    % (head, number, chat, stamp(at), who))
        lines += 1 + MESSAGES // CHATS
    f.write('{"type":"snapshot",%s,"state":"end","at":"%s","records":%d}\n'
            % (head, stamp(80000), lines))


def body():
    with Lab("aggregate") as lab:
        path = lab.path("records")
        with open(path, "w") as f:
            write_snapshot(f, random.Random(1))
        ours, loops = [], []
        for _ in range(ROUNDS):
            for argv, done in (
                ([TESTBIN + "/tools/json_loop"], loops),
                (["aggregator", "-o", "ndjson"], ours),
            ):
                done.append(lab.run(argv, stdin=open(path, "rb")))
                if done[-1].code != 0:
                    raise AssertionError(f"{argv[0]}: {done[-1]}")
        rate = MESSAGES / table.median([d.wall for d in ours])
        loop = MESSAGES / table.median([d.wall for d in loops])
        table.show(f"A snapshot of {MESSAGES:,} messages in {CHATS:,} chats", [
            ("jansson, parsing alone", loop, "a second"),
            ("aggregator", rate, "a second"),
            ("ratio", table.ratio([d.wall for d in loops],
                                  [d.wall for d in ours]), ""),
            ("aggregator's CPU", table.median([d.cpu for d in ours]), "s"),
            ("aggregator's peak memory",
             table.median([d.peak_kib for d in ours]) / 1024, "MiB"),
        ], f"Medians of {ROUNDS} rounds, turn by turn.")
    return 0


main(body)
