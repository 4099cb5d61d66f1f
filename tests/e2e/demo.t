#!/usr/bin/env -S python3 -B
"""demo: what `make demo` shows. It goes through all its parts, says that all
went well, and leaves files that are what it says. With --keep everything stays
for the user to try, until --stop. Nothing is left behind: no process, no
folder. LONG=1: also on a terminal, and interrupted in each of its parts.
"""

import fcntl
import json
import os
import re
import signal
import subprocess

from harness import BIN, LONG, TESTBIN, Checks, Lab, main, say, until

DEMO = os.path.abspath("scripts/demo")


def folder(said):
    """The folder that a run names."""
    return re.search(r"^   all in (.*?)\r?$", said, re.M).group(1)


def left(path):
    """Processes that name the folder."""
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


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        lab.env.update(BIN=BIN, TESTBIN=TESTBIN)
        self.that = self.checks.that

    def nothing_left(self, said):
        path = folder(said)
        self.that(not os.path.exists(path), f"{path} is left")
        self.that(left(path) == [], f"left running: {left(path)}")

    def told(self, said):
        for text in ("All went as it should",
                     "each once, in spite of the kill -9",
                     "11 chats, assigned once each, in the order"):
            self.that(text in said, f"it does not say '{text}': {said}")
        for what in ("alerts", "trends", "read receipts", "history"):
            self.that(f"What it keeps, too: {what}," in said, f"no {what}")
        parts = re.findall(r"^(\d+)\. ", said, re.M)
        self.that(parts == [str(i + 1) for i in range(len(parts))] and parts,
                  f"the parts are numbered {parts}")
        self.that("\033" not in said, "colours without a terminal")

    def files(self):
        """What it names below build/demo."""
        for name in ("day", "rows", "deleted", "allocation"):
            with open(f"build/demo/{name}.ndjson", encoding="utf-8") as f:
                lines = [json.loads(line) for line in f]
            self.that(lines != [], f"{name}.ndjson is empty")
        done = self.lab.must(
            ["aggregator", "-a", "allocation", "-o", "table", "--limit", "2"],
            stdin=open("build/demo/allocation.ndjson", "rb"))
        self.that(b"No operator exceeded the limit." in done.out,
                  f"with the limit 2: {done.out}")
        with open("build/demo/report.html", encoding="utf-8") as f:
            page = f.read()
        self.that("<h1>team: response times, Mon " in page
                  and page.count("<svg ") == 2, "another report")

    def kept(self):
        say("- left running, tried, and stopped")
        # All demos of a checkout leave their files in build/demo.
        alone = open("build/demo.lock", "w")
        fcntl.flock(alone, fcntl.LOCK_EX)
        done = self.lab.must([DEMO, "--keep"])
        said = done.out.decode() + done.err
        path = folder(said)
        try:
            self.told(said)
            self.files()
            env = {"MESSAGING_CONFIG": path + "/messaging.conf",
                   "MESSAGING_BIN": BIN}
            self.lab.must([os.path.abspath("scripts/job"), "-l",
                           self.lab.path("lock")], env=env)
            report = self.lab.must([os.path.abspath("scripts/report"), "-o",
                                    "table"], env=env)
            self.that(b"demo, as of" in report.out, f"no report: {report.out}")
            done = self.lab.run([DEMO, "--stop", path + "/none"])
            self.that(done.code == 64, f"--stop of nothing: {done}")
        finally:
            alone.close()
            self.lab.must([DEMO, "--stop", path])
        self.nothing_left(said)

    def without_programs(self):
        done = self.lab.run([DEMO], env={"BIN": self.lab.tmp})
        self.that(done.code == 69 and "run: make demo"
                  in done.err + done.out.decode(), f"without programs: {done}")

    def on_a_terminal(self):
        say("- on a terminal, until Enter")
        log = self.lab.path("terminal")

        def said():
            with open(log, encoding="utf-8", errors="replace") as f:
                return f.read()

        p = self.lab.start(
            ["/usr/bin/script", "-qec", f"env -u NO_COLOR '{DEMO}' --keep",
             "/dev/null"], log, env={"TERM": "xterm"}, stdin=subprocess.PIPE)
        until(300, lambda: "Enter stops" in said(), "the end of the demo")
        p.stdin.write(b"\n")
        p.stdin.close()
        self.that(p.wait(120) == 0, f"it ends otherwise: {said()}")
        self.that("\033[1m" in said(), "no bold type")
        self.nothing_left(said())

    def interrupted(self, pattern, *options):
        say(f"- SIGTERM after '{pattern}'")
        log = self.lab.path("cut" + "".join(options))

        def said():
            with open(log, encoding="utf-8", errors="replace") as f:
                return f.read()

        p = self.lab.start([DEMO, *options], log)
        until(200, lambda: pattern in said(), f"'{pattern}' of the demo")
        p.send_signal(signal.SIGTERM)
        self.that(p.wait(120) == 143, f"SIGTERM: {p.returncode}")
        self.nothing_left(said())


def body():
    with Lab("demo") as lab:
        test = Test(lab)
        test.without_programs()
        test.kept()
        if LONG:
            test.on_a_terminal()
            test.interrupted("after 300 messages", "--stream")
            test.interrupted("chat 9001 -> ", "--allocation")
        return test.checks.result()


main(body)
