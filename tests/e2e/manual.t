#!/usr/bin/env -S python3 -B
"""The manual's example of a stream, typed line by line, changes the table of
operators and leaves nothing; the examples of messaging-listen(7) and
messaging-allocation(7) do what these pages say.
"""

import os
import re
import socket
import subprocess

from harness import BIN, TESTBIN, Checklist, run_checks, shown_in, until


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        # A built checkout with our scripts and the programs under test.
        self.checkout = lab.path("checkout")
        os.makedirs(self.checkout + "/build")
        for name, target in (
                ("scripts", "scripts"), ("sink", "sink"),
                ("build/bin", os.path.realpath(BIN)),
                ("build/tests", os.path.realpath(TESTBIN))):
            os.symlink(os.path.abspath(target), f"{self.checkout}/{name}")
        self.records = shown_in("messaging-stream.7", "WHAT IS PUBLISHED")

    def typed(self, lines, **env):
        done = self.lab.run(["bash", self.lab.write("typed", lines)],
                            cwd=self.checkout, env=env, timeout=300)
        self.equal(done.code, 0, f"{lines}: {done.out} {done}")
        return done.out.decode() + done.err

    def records_of_a_stream(self):
        """Each record on the page gives rows."""
        self.that(self.records.count("\n") >= 6, "no records in the page")
        rows = self.lab.must(["aggregator", "-a", "all", "-o", "ndjson"],
                             stdin=self.records.encode()).out.decode()
        for table in ("operator_metrics", "chat_metrics", "tenant_metrics",
                      "event_counts", "intervals", "conversation_metrics",
                      "user_stats"):
            self.that(f'"table":"{table}"' in rows, f"no {table}")
        self.that('"responses":1,"avg_response_seconds":30.000' in rows, rows)

    def messages_and_events(self):
        """Requests of applications to the listener."""
        page = shown_in("messaging-listen.7", "EXAMPLES")
        self.that("openssl rand" in page, "no webhooks")
        lines = re.search(r"(?ms)^printf.*?^build.bin.aggregator[^\n]*\n",
                          page)[0]
        self.equal(len(re.findall("(?m)^curl ", lines)), 3, "requests")
        # The page's port may be taken; and the commands run faster than anyone
        # types. This socket keeps the port for the listener.
        keeper = socket.socket()
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{keeper.getsockname()[1]}"
        lines = re.sub("(?m)^curl ", "curl -sS ",
                       lines.replace("127.0.0.1:8080", address))
        lines = re.sub(
            r"(?m)\.ndjson &$", r"\g<0>" "\nuntil curl -s -o /dev/null "
            f"http://{address}/health; do sleep 0.1; done", lines)
        out = self.typed(lines)
        keeper.close()
        for answer in ('"status":"success","message_id":"msg-', '"id":"order-17-',
                       '"status":"healthy"',
                       '"type":"event".*"id":"order-17-',
                       '"table":"user_stats"'):
            self.that(re.search(answer, out), f"no {answer}: {out}")

    def allocation(self):
        """The daemons have these options, and the simulation runs."""
        conf = self.lab.conf("conf", {"crm acme": {
            "profile": "chat2desk", "token": "x", "assign": "yes"}})
        lines = [self.command("aggregator -f queue").replace(
            "DIR", self.lab.path("state")), self.command("poller --assign")]
        self.typed("set -e\n" + "".join(line + " -n\n" for line in lines),
                   AMQP_URL="amqp://a:b@localhost", MESSAGING_CONFIG=conf)
        self.lab.write("checkout/yesterday.ndjson", self.records)
        out = self.typed(self.command("aggregator -a allocation") + "\n")
        self.that(re.search('"table":"allocation_operators".*"max_chats":3',
                            out), f"no what-if: {out}")

    def command(self, begins):
        """The only command in messaging-allocation(7) that begins so, as one
        line."""
        page = shown_in("messaging-allocation.7", "DESCRIPTION") + \
            shown_in("messaging-allocation.7", "What if")
        found = [line for line in re.sub(r" *\\\n *", " ", page).splitlines()
                 if line.startswith(begins)]
        self.equal(len(found), 1, begins)
        return f"{BIN}/{found[0]}"

    def stream(self):
        lines = shown_in("messaging-stream.7", "TRYING IT")
        watch = "watch -t build/bin/sink --now"
        self.that(watch in lines, "no example in the page")
        # Everything is already built; and watch needs a terminal.
        lines = re.sub("(?m)^make .*\n", "", lines).replace(
            watch, "while [ ! -e build/seen ]; do build/bin/sink --now; "
            "sleep 1; done")
        shell = self.lab.start(["bash", self.lab.write("typed", lines)],
                               self.lab.path("out"), cwd=self.checkout)
        until(60, lambda: shell.poll() is not None or len({
            line for line in self.lab.text("out").splitlines()
            if ", as of " in line}) >= 3, "the stream to move")
        self.lab.write("checkout/build/seen", "")
        self.equal(shell.wait(600), 0, self.lab.text("out"))
        self.that(not os.path.exists(self.checkout + "/build/try"),
                  "build/try was left")
        self.that(not re.search("(?m)^(aggregator|sink|servers|load): ",
                                self.lab.text("out")), self.lab.text("out"))

    def _leave(self):
        folder = self.checkout + "/build/try"
        if os.path.exists(folder):
            subprocess.run(["scripts/servers", "stop", folder], check=False)


run_checks(Test)
