#!/usr/bin/env -S python3 -B
"""demo: `make demo` completes all its parts, reports success, and leaves the
files that it names, but no process and no folder, not even those of a killed
demo. LONG=1: also interrupted.
"""

import fcntl
import json
import os
import re
import signal

from harness import BIN, LONG, TESTBIN, Checklist, run_checks, say, until

DEMO = os.path.abspath("scripts/demo")


def folder(said):
    """The folder named in a run's output."""
    return re.search(r"^   all in (.*?)\r?$", said, re.M).group(1)


def left(path):
    """Processes with the folder in their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read()
        except OSError:
            continue
        if path.encode() in words:
            found.append(words)
    return found


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.env.update(BIN=BIN, TESTBIN=TESTBIN)

    def nothing_left(self, said):
        path = folder(said)
        self.that(not os.path.exists(path), f"{path} is left")
        self.that(left(path) == [], f"left running: {left(path)}")

    def told(self, said):
        for text in ("Everything worked",
                     "each once, in spite of the kill -9"):
            self.that(text in said, f"it does not say '{text}': {said}")
        for what in ("alerts", "trends", "read receipts", "history"):
            self.that(f"Also kept: {what}," in said, f"no {what}")
        parts = re.findall(r"^(\d+)\. ", said, re.M)
        self.that(parts == [str(i + 1) for i in range(len(parts))] and parts,
                  f"the parts are numbered {parts}")
        self.that("\033" not in said, "colours without a terminal")
        counts = re.findall(r"^ [ >] open .*; responses (\d+)", said, re.M)
        self.that(int(counts[4]) > int(counts[0]),
                  f"nobody answers in three minutes: {counts[:5]}")

    def _files(self):
        """Files below build/demo named in its output."""
        for name in ("day", "rows", "deleted"):
            with open(f"build/demo/{name}.ndjson", encoding="utf-8") as f:
                lines = [json.loads(line) for line in f]
            self.that(lines != [], f"{name}.ndjson is empty")
        with open("build/demo/report.html", encoding="utf-8") as f:
            page = f.read()
        self.that("<h1>team: response times, Mon " in page
                  and page.count("<svg ") == 1, "another report")

    def without_programs(self):
        done = self.lab.run([DEMO], env={"BIN": self.lab.tmp})
        self.that(done.code == 69 and "run: make demo"
                  in done.err + done.out.decode(), f"without programs: {done}")

    def shown(self):
        # All demos of a checkout share build/demo.
        with open("build/demo.lock", "w") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            os.makedirs("build/demo.killed", exist_ok=True)
            done = self.lab.must([DEMO])
            said = done.out.decode() + done.err
            self.told(said)
            self._files()
        self.that(not os.path.exists("build/demo.killed"),
                  "what a killed demo left stays")
        self.nothing_left(said)

    def interrupted(self, pattern):
        say(f"- SIGTERM after '{pattern}'")
        log = self.lab.path("cut")

        def said():
            with open(log, encoding="utf-8", errors="replace") as f:
                return f.read()

        p = self.lab.start([DEMO], log)
        until(200, lambda: pattern in said(), f"'{pattern}' of the demo")
        p.send_signal(signal.SIGTERM)
        self.that(p.wait(120) == 143, f"SIGTERM: {p.returncode}")
        self.nothing_left(said())

    def interrupted_in_the_middle(self):
        if LONG:
            self.interrupted("after 300 messages")


run_checks(Test)
