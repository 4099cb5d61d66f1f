#!/usr/bin/env -S python3 -B
"""In a terminal, without broker and database: `poller | aggregator` prints the
operator table, the same day in a file gives the same rows, CSV and --explain
work, and the terminal shows what a program waits for.
"""

import json
import os
import re
import subprocess

from harness import BIN, TOKEN, Checks, Lab, main, until

RECORD = (b'{"type":"chat","tenant":"t","chat":"7",'
          b'"at":"2026-11-20T10:00:00Z","status":"open"}\n')


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        self.that = self.checks.that

    def quiet(self, argv, **kw):
        done = self.lab.must(argv, **kw)
        self.that(done.err == "", f"{argv}: {done}")
        return done.out

    def poll(self, *options):
        sim = self.lab.sim(*options)
        self.lab.env.update(CRM_URL=sim.url, CRM_TOKEN=TOKEN)
        return sim, self.quiet(["poller"])

    def terminal(self, command, stdin=subprocess.DEVNULL):
        """A command in a shell on a terminal, in the background."""
        log = self.lab.path("terminal")
        return self.lab.start(["/usr/bin/script", "-qec", command,
                               "/dev/null"], log, stdin=stdin), log

    def table(self, sim, text):
        """Each operator in the CRM's list, with their chats."""
        held = [d["operator_id"] for d in sim.open_dialogs().values()]
        listed = [o for o in sim.get("/operators?limit=200")["data"]
                  if o["role"] not in ("deleted", "disabled")]
        self.that(listed, "the CRM lists nobody")
        for o in listed:
            name = f"{o['first_name'] or ''} {o['last_name'] or ''}".strip()
            line = (rf"^{re.escape(name)} +\d+ +\S+ +(yes|no) "
                    rf"+{held.count(o['id'])} ")
            self.that(re.search(line, text, re.M), f"no {line} in: {text}")

    def tables(self, sim, day):
        text = self.quiet(["aggregator", "-o", "table"], stdin=day).decode()
        self.table(sim, text)
        p, log = self.terminal(f"'{BIN}/poller' 2>/dev/null | "
                               f"'{BIN}/aggregator'")
        self.that(p.wait(60) == 0, f"on a terminal: {p.returncode}")
        with open(log, encoding="utf-8") as f:
            self.table(sim, f.read().replace("\r\n", "\n"))

    def alone_on_a_terminal(self):
        """The program says what it waits for before any input is typed."""
        typed, said = self.lab.path("typed"), self.lab.path("said")
        p, _ = self.terminal(f"'{BIN}/aggregator' -o ndjson >'{typed}' "
                             f"2>'{said}'", subprocess.PIPE)
        until(20, lambda: os.path.exists(said) and os.path.getsize(said),
              "a word about what is waited for")
        p.stdin.write(RECORD)
        p.stdin.close()
        self.that(p.wait(60) == 0, f"typed: {p.returncode}")
        with open(said, encoding="utf-8") as f:
            text = f.read()
        self.that("Z aggregator: reading records from this terminal" in text
                  and text.count("\n") == 1, f"it says {text}")
        with open(typed, "rb") as f:
            self.that(f.read() == self.quiet(
                ["aggregator", "-o", "ndjson"], stdin=RECORD), "other rows")

    def rows(self, day):
        out = self.quiet(["aggregator", "-o", "ndjson"], stdin=day)
        path = self.lab.write("day.ndjson", day)
        self.that(self.quiet(["aggregator", "-f", path]) == out,
                  "-f FILE gives other rows than a pipe")
        self.that(self.quiet(["aggregator", "-f", path, "-t",
                              self.lab.path("rows")]) == b"", "-t FILE prints")
        with open(self.lab.path("rows"), "rb") as f:
            self.that(f.read() == out, "-t FILE gives other rows")
        rows = [json.loads(line) for line in out.splitlines()]
        tables = [r.get("table") for r in rows]
        self.that(tables.count("tenant_metrics") == 1, f"tables: {tables}")
        csv = self.quiet(["aggregator", "-o", "csv"], stdin=day).splitlines()
        self.that(csv[0].startswith(b"tenant,operator,name,") and
                  len(csv) == tables.count("operator_metrics") + 1, f"{csv}")
        self.explained(day, next(
            r for r in rows if r.get("table") == "chat_metrics"
            and r["responses"]))

    def explained(self, day, row):
        """The average of the shown intervals equals the row's."""
        explain = ["aggregator", "--explain", row["chat"]]
        self.that(self.quiet(explain, stdin=day), "--explain says nothing")
        out = self.quiet([*explain, "-o", "ndjson"], stdin=day)
        seconds = [r["seconds"] for r in map(json.loads, out.splitlines())
                   if r.get("kind") in ("first_response", "reply")]
        self.that(seconds and abs(sum(seconds) / len(seconds)
                                  - row["avg_response_seconds"]) < 0.001,
                  f"{seconds}, but {row}")

    def closed_output(self):
        """No file of ours takes the descriptor of the closed standard
        output."""
        done = self.lab.run(["/bin/sh", "-c", '"$0" >&-', BIN + "/poller"])
        self.that(done.code == 74 and len(done.lines()) == 1
                  and "cannot write standard output" in done.err, f"{done}")


def body():
    with Lab("byhand") as lab:
        test = Test(lab)
        sim, day = test.poll("--dialogs", 12, "--operators", 3, "--messages",
                             6, "--seed", 5)
        test.tables(sim, day)
        test.alone_on_a_terminal()
        test.rows(day)
        test.closed_output()
        return test.checks.result()


main(body)
