#!/usr/bin/env -S python3 -B
"""tests/run counts the tests that it ran, fails without tests, and leaves no
process running, neither after it killed a test nor when SIGTERM or ^C ends it.
Tests are notified of these signals in time to stop their servers.
"""

import os
import pty
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from harness import Checks, Lab, main, until  # noqa: E402

# The server has its own session, as the servers of scripts/servers have.
SERVER = 'setsid sleep 1000 & echo $! >"$tmp/part"; mv "$tmp/part" "$tmp/server"\n'
# Stops its server itself when it is told to end.
WAITS = f"""trap 'kill "$(cat "$tmp/server")"; echo >"$tmp/stopped"' EXIT
trap 'trap "" TERM; exit 143' TERM
trap 'trap "" INT; exit 130' INT
sleep 1000 &
echo $! >"$tmp/child"
{SERVER}wait
"""


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        self.that = self.checks.that
        lab.env.update(TMPDIR=lab.tmp, SLOTS=lab.path("slots"))
        for name, text in (("good", "exit 0"), ("waits", WAITS),
                           ("bad", "echo the reason; exit 3"),
                           ("skipped", "echo not here; exit 77"),
                           ("killed", SERVER + "kill -KILL $$")):
            lab.write(name, f"#!/bin/bash\ntmp='{lab.tmp}'\n{text}\n", 0o755)

    def run(self, code, last, *tests):
        names = [t if t[0] == "-" or t == "1" else self.lab.path(t)
                 for t in tests]
        done = self.lab.run(["tests/run", *names])
        said = (done.out.decode() + done.err).splitlines()
        self.that(done.code == code and said[-1] == last, f"{tests}: {said}")
        return said

    def server_is_over(self, name="server"):
        with open(self.lab.path(name), encoding="ascii") as f:
            pid = f.read().strip()
        os.unlink(self.lab.path(name))
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                state = f.read().rpartition(") ")[2][0]
        except FileNotFoundError:
            return
        self.that(state in "ZX", f"the {name} of a test still runs: {state}")

    def results(self):
        self.run(0, "1 passed, 0 failed", "good")
        self.run(0, "1 passed, 0 failed, 1 skipped", "good", "skipped")
        said = self.run(1, "1 passed, 1 failed", "-j", "1", "bad", "good")
        self.that("    the reason" in said[-2:], f"it does not say why: {said}")
        self.run(64, "tests/run: no test is named")
        self.run(1, "0 passed, 1 failed", "killed")
        self.server_is_over()

    def begun(self):
        until(60, lambda: os.path.exists(self.lab.path("server")),
              "the test's server")

    def has_stopped(self):
        self.that(os.path.exists(self.lab.path("stopped")),
                  "the test could not stop its server")
        os.unlink(self.lab.path("stopped"))
        self.server_is_over()
        self.server_is_over("child")

    def ended(self):
        p = self.lab.start(
            ["tests/run", self.lab.path("waits"), self.lab.path("good")])
        self.begun()
        p.send_signal(signal.SIGTERM)
        self.that(p.wait(60) == 143, f"SIGTERM: exit {p.returncode}")
        self.has_stopped()

    def interrupted(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve("tests/run", ["tests/run", self.lab.path("waits")],
                      self.lab.env)
        self.begun()
        os.write(terminal, b"\x03")
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.that(code == 130, f"^C: exit {code}")
        self.has_stopped()
        left = [x for x in os.listdir(self.lab.tmp)
                if x == "slots" or x.startswith("results.")]
        self.that(left == [], f"left: {left}")


def body():
    with Lab("run") as lab:
        test = Test(lab)
        test.results()
        test.ended()
        test.interrupted()
        return test.checks.result()


main(body)
