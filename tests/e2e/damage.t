#!/usr/bin/env -S python3 -B
"""damage: if any byte of any file that the poller keeps is changed, zeroed, cut
or exchanged, or a file is older than the others, the program reports this in
one line with advice, or the results are the same as without damage. The only
exception is an LMDB file with an older root, which is a valid state of that
time. stream_refuse.t does the same to the state of a stream.

The programs create each state in several runs, after each of which the files
are copied: these are the earlier times. Then one file is damaged, the program
goes on with the rest of its input, and the whole result is compared with that
without damage. damage_states.py defines the states, damage_kinds.py the kinds
of damage.
"""

import collections
import concurrent.futures
import os
import random
import shutil
import threading

import damage_kinds
import damage_states
from harness import LONG, Checks, Lab, main, say, seed

DAMAGES = int(os.environ.get("DAMAGES") or (10000 if LONG else 200))
AT_ONCE = 4
STATES = damage_states.Poll, damage_states.Spool
SAME, TOLD, OLDER, WRONG = "the same", "refused", "older", "WRONG"


def choose(state, dice):
    """A file, and a damage that changes it. Each kind is equally likely."""
    while True:
        kind = dice.choice(list(damage_kinds.KINDS))
        now, before = state.copies[-1], dice.choice(state.copies[:-1])
        name = dice.choice(sorted(now))
        if kind == "removed" and name in damage_kinds.LMDB:
            continue # an absent state is a state, too
        new = damage_kinds.KINDS[kind](now[name], before.get(name), dice)
        if new is not None:
            return kind, name, new


def write(folder, files):
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as f:
            f.write(content)


class Trials:
    def __init__(self, states, checks, first):
        self.states, self.checks, self.first = states, checks, first
        self.table = collections.Counter()
        self.lock = threading.Lock()
        self.free = list(range(AT_ONCE))

    def run(self, n):
        """Number n; the seed determines the damage."""
        dice = random.Random(f"{self.first}.{n}")
        state = self.states[n % len(self.states)]
        kind, name, new = choose(state, dice)
        files = dict(state.copies[-1])
        if new is damage_kinds.REMOVED:
            del files[name]
        else:
            files[name] = new
        with self.lock:
            place = self.free.pop()
        try:
            folder = os.path.join(state.lab.tmp, f"damaged{place}", state.name)
            write(folder, files)
            result, why = state.judge(folder)
            if result == WRONG and name in damage_kinds.LMDB and \
                    damage_kinds.is_older(state.copies[-1][name], new):
                result = OLDER
        finally:
            with self.lock:
                self.free.append(place)
        with self.lock:
            self.table[state.name, kind, result] += 1
            self.checks.that(
                result != WRONG,
                f"number {n}: {state.name}, {kind} in {name}: {why[:500]}")

    def print(self):
        results = (SAME, TOLD, OLDER, WRONG)
        say(f"{'STATE':14} {'DAMAGE':14}" +
            "".join(f"{r:>10}" for r in results))
        for state in self.states:
            for kind in damage_kinds.KINDS:
                n = [self.table[state.name, kind, r] for r in results]
                if any(n):
                    say(f"{state.name:14} {kind:14}" +
                        "".join(f"{i:10}" for i in n))
        for state in self.states:
            n = [sum(v for k, v in self.table.items()
                     if k[0] == state.name and k[2] == r) for r in results]
            say(f"{state.name:14} {'all':14}" + "".join(f"{i:10}" for i in n))


def prepare(state):
    """Creates the state. Returns an error if its undamaged result is not the
    same each time."""
    state.make()
    for i in range(2):
        folder = os.path.join(state.lab.tmp, f"again{i}", state.name)
        write(folder, state.copies[-1])
        result, why = state.judge(folder)
        if result != SAME:
            return f"{state.name} undamaged: {result}, {why}"
    return ""


def body():
    checks = Checks()
    first = seed()
    with Lab("damage") as lab:
        states = [kind(lab) for kind in STATES]
        trials = Trials(states, checks, first)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for wrong in pool.map(prepare, states):
                checks.that(not wrong, wrong)
            list(pool.map(trials.run, range(DAMAGES)))
        trials.print()
        # With few damages, all of them may be reported.
        for state in states:
            for result in (SAME, TOLD) if LONG else (TOLD,):
                checks.that(
                    any(k[0] == state.name and k[2] == result
                        for k in trials.table),
                    f"{state.name}: of no damage the end is '{result}'")
    return checks.result()


if __name__ == "__main__":
    main(body)
