#!/usr/bin/env -S python3 -B
"""board_stream: the files of the board have the headers that protect a page;
the stream has the content of /api/v1/now for the same role, at once and after
each change; a listener that does not read blocks no other; everything ends
with the server.
"""

import gzip
import json
import os
import re
import resource
import subprocess
import time

from api_client import PATIENCE, STREAM, Server, Stream, token
from board_world import MARKUP, OPERATORS, TENANT, BoardWorld, example
from harness import LONG, Checklist, Skip, run_checks, until

NOW = "/api/v1/now"
FILES = {
    "/": "text/html; charset=utf-8",
    "/login": "text/html; charset=utf-8",
    "/board/board.css": "text/css; charset=utf-8",
    "/board/board.js": "text/javascript; charset=utf-8",
    "/board/settings.js": "text/javascript; charset=utf-8",
}
POLICY = {
    "default-src 'none'", "script-src 'self'", "style-src 'self'",
    "connect-src 'self'", "img-src 'self' data:", "form-action 'self'",
    "base-uri 'none'", "frame-ancestors 'none'",
}
MOST_BYTES = 120000 # for all files, compressed
LISTENERS = 50
CROWD = 1000 if LONG else 250
CROWD_KB = 50 * CROWD
# Open files that the crowd needs in the test, and in a server with default
# limits.
OPEN_FILES = 2560


def resident(pid):
    """Resident memory of a process in KB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s*(\d+)", f.read())[1])


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        raise_files()
        self.world = BoardWorld(lab)
        self.server = self.world.server
        self.lead = self.world.token("lead")

    def listen(self, bearer=None, **how):
        return Stream(self.server.port, bearer or self.lead, **how)

    def files_have_their_headers(self):
        for path, kind in FILES.items():
            got = self.server.ask(path)
            policy = set(got.headers["Content-Security-Policy"].split("; "))
            self.that(got.status == 200, f"{path}: {got.status}")
            self.that(got.headers["Content-Type"] == kind, f"{path}: type")
            self.that(policy == POLICY, f"{path}: {policy ^ POLICY}")
            for name, value in {"X-Content-Type-Options": "nosniff",
                                "Referrer-Policy": "same-origin",
                                "Cache-Control": "no-cache"}.items():
                self.that(got.headers[name] == value,
                          f"{path}: {name}: {got.headers[name]}")
            again = self.server.ask(path, headers={
                "If-None-Match": got.headers["ETag"]})
            self.that(again.status == 304 and again.body == b"",
                      f"{path} is sent again")
            text = got.body.decode()
            self.that("<script>" not in text and " style=" not in text
                      and "innerHTML" not in text, f"{path}: inline")
        help_text = self.lab.must(["sink", "--report", "-h"]).out
        within = self.server.ask("/board/settings.js").body
        self.that(re.findall(rb"the target for response times \(.*or (\d+)\)",
                             help_text)
                  == re.findall(rb"(?m)^const WITHIN_S = (\d+);$", within),
                  f"the board has {within}, the report {help_text}")
        for path in ("/board/none.js", "/board/..%2f..%2fmain.c", "/board/"):
            got = self.server.ask(path)
            self.that(got.status in (401, 404), f"{path}: {got.status}")

    def files_are_compressed(self):
        """Everything that the first page loads, with the same content as
        uncompressed."""
        weight = 0
        for path in FILES:
            plain = self.server.ask(path)
            got = self.server.ask(path, headers={
                "Accept-Encoding": "gzip, deflate, br"})
            self.that(got.headers["Content-Encoding"] == "gzip"
                      and got.headers["Vary"] == "Accept-Encoding"
                      and gzip.decompress(got.body) == plain.body,
                      f"{path}: {got.headers}")
            self.that(plain.headers["Content-Encoding"] is None
                      and plain.headers["ETag"] != got.headers["ETag"],
                      f"{path}: {plain.headers}")
        for name in sorted(os.listdir("sink/board")):
            path = "/" if name == "index.html" else f"/board/{name}"
            if not name.startswith("login"):
                got = self.server.ask(path, headers={
                    "Accept-Encoding": "gzip"})
                self.that(got.status == 200, f"{path}: {got.status}")
                weight += len(got.body)
        self.that(weight < MOST_BYTES, f"the board weighs {weight} bytes")

    def who_may_hear_it(self):
        for bearer in ("nonsense", token(tenant_id=TENANT),
                       self.world.token("lead", exp=1000)):
            refused = self.listen(bearer)
            self.that(refused.status == 401, f"heard by {bearer}")
            refused.close()
        got = self.server.ask(STREAM, self.lead, method="POST")
        self.that(got.status in (404, 405), f"POST: {got.status}")
        cookie = {"Cookie": "messaging_session=" + self.lead}
        got = self.server.ask(NOW, headers=cookie)
        self.that(got.status == 200, f"the cookie is refused: {got.status}")
        got = self.server.ask(NOW, method="POST", headers=cookie)
        self.that(got.status == 401, f"POST by cookie: {got.status}")

    def it_says_what_now_says(self):
        tokens = {"lead": self.lead, "wall": self.world.token("wall"),
                  "operator": self.world.token("operator", sub="2"),
                  "stranger": token(tenant_id="other", role="admin")}
        for who, bearer in tokens.items():
            listener = self.listen(bearer, cookie=who == "wall")
            self.that(listener.status == 200
                      and listener.headers["Content-Type"]
                      == "text/event-stream"
                      and listener.headers["X-Accel-Buffering"] == "no",
                      f"{who}: {listener.status} {listener.headers}")
            key, data = listener.event()
            got = self.server.ask(NOW, bearer)
            self.that(data == got.body.decode(), f"{who} hears otherwise")
            self.that(got.headers["ETag"] == f'"{key}"', f"{who}: id {key}")
            if who == "wall":
                self.that(MARKUP not in data and not any(
                    name in data for name, *_ in OPERATORS.values()),
                    "a wall hears names")
            if who == "stranger":
                self.that(json.loads(data)["waiting"] == []
                          and TENANT not in data, "a stranger hears ours")
            listener.close()

    def each_change_is_told(self):
        listeners = [self.listen() for _ in range(LISTENERS)]
        first = {listener.event() for listener in listeners}
        self.that(len(first) == 1, "listeners hear different things")
        key = first.pop()[0]
        self.world.answer_chat("9003")
        present = self.server.ask(NOW, self.lead).headers["ETag"]
        for listener in listeners:
            new, data = listener.event()
            # If the server reads between the two commits, there is one more
            # event.
            if f'"{new}"' != present:
                new, data = listener.event()
            self.that(new != key and "9003" not in data, "a change is lost")
        for listener in listeners:
            listener.close()

    def a_crowd_of_listeners_is_one_question(self):
        """However many listeners there are, the tables are read as often as for
        one; only the cost of sending grows."""
        wide = Server(self.lab, {"serve": {
            "rate": 0, "connections_per_address": CROWD + 10}}, name="wide")
        before = resident(wide.process.pid)
        crowd = [Stream(wide.port, self.lead) for _ in range(CROWD)]
        first = {one.event()[0] for one in crowd}
        self.that(len(first) == 1, f"{len(first)} answers to one question")
        before_one = self.lab.rows_read()
        alone = self.listen()
        alone.event()
        alone.close()
        before_all = self.lab.rows_read()
        self.world.put_chat(TENANT, "crowded", 5, "1", "web", "Crowded")
        told = {one.event() for one in crowd}
        for_one, for_all = before_all - before_one, self.lab.rows_read() - before_all
        self.that(len(told) == 1 and "crowded" in told.pop()[1],
                  "listeners hear different things of one change")
        # No read for a listener whose answer was just read for the others.
        self.that(for_all < 10 * max(for_one, 50), f"{for_all} rows are read for "
                  f"{CROWD} listeners, {for_one} for one")
        more = resident(wide.process.pid) - before
        self.that(more < CROWD_KB, f"{CROWD} listeners take {more} KB")
        for one in crowd:
            one.close()
        wide.process.terminate()
        self.that(wide.process.wait(PATIENCE) == 0, "the wide one")

    def what_is_known_is_not_repeated(self):
        listener = self.listen()
        key, _ = listener.event()
        known = self.listen(last=key)
        stale = self.listen(last="0000")
        self.that(stale.event()[0] == key, "the present state is not told")
        self.world.answer_chat("9005")
        self.that(known.event()[0] != key, "what is known is told again")
        for one in (listener, known, stale):
            one.close()

    def a_forgotten_name_is_told_no_more(self):
        """Although the row of an erased customer keeps its version."""
        name = "Customer 4"
        self.world.sql.ask(
            "UPDATE chat_metrics SET customer = 'c4' "
            f"WHERE tenant = '{TENANT}' AND customer_name = '{name}'")
        self.world.sql.ask(f"INSERT INTO tenants (tenant) VALUES ('{TENANT}')")
        listener = self.listen()
        self.that(name in listener.event()[1], "the name is not told before")
        conf = self.lab.conf("forget.conf", {"reaper": {}})
        self.lab.must(["reaper", "-c", conf, "--forget", "c4", "--tenant", TENANT])
        # Earlier changes may be reported in a separate event.
        self.that(any(name not in listener.event()[1] for _ in range(3)),
                  "the name stays")
        newcomer = self.listen()
        self.that(name not in newcomer.event()[1], "a newcomer hears the name")
        for one in (listener, newcomer):
            one.close()

    def a_session_that_rested_and_was_ended_is_not_missed(self):
        """The database ends sessions that idle for two minutes."""
        self.that(self.server.ask(NOW, self.lead).status == 200, "before")
        self.world.door.cut()
        time.sleep(1.2) # the idle time
        got = self.server.ask(NOW, self.lead)
        self.that(got.status == 200, f"after a rest: {got.status}")

    def a_revoked_token_hears_no_more(self):
        gone, other = (self.listen(self.world.token("lead", jti=jti))
                       for jti in ("gone", "other"))
        for listener in (gone, other):
            listener.event()
        self.world.sql.ask("INSERT INTO revoked_tokens (tenant, id, "
                           f"revoked_at) VALUES ('{TENANT}', 'gone', NOW(3))")
        self.that(gone.until_revoked(), "a revoked token listens on")
        self.world.put_chat(TENANT, "later", 5, "1", "web", "Later")
        self.world.put_tenant(TENANT)
        while "later" not in other.event()[1]:
            pass
        for listener in (gone, other):
            listener.close()
        again = self.listen(self.world.token("lead", jti="gone"))
        self.that(again.status == 401, f"it comes back: {again.status}")
        again.close()

    def who_does_not_read_holds_up_nobody(self):
        deaf = [self.listen() for _ in range(5)]
        reader = self.listen()
        reader.event()
        for n in range(10):
            self.world.put_chat(TENANT, f"new{n}", 5, "1", "web",
                                "N" * 200)
            self.world.put_tenant(TENANT)
            while f"new{n}" not in reader.event()[1]:
                pass
        for one in deaf:
            one.close()
        reader.close()

    def the_page_shows_it_right(self):
        """The page's example, typed unchanged."""
        self.lab.write("token", self.lead + "\n")
        typed = example(1).replace(":8081", f":{self.server.port}")
        shell = self.lab.start(["bash", "-euo", "pipefail", "-c", typed],
                          cwd=self.lab.tmp, stdout=subprocess.PIPE)
        waiting = self.world.sql.ask(
            "SELECT waiting_chats FROM tenant_metrics")[0][0]
        # The last chat and the tenant's row are two commits: the first line may
        # show the moment between them.
        line = shell.stdout.readline().decode().strip()
        while line not in (waiting, ""):
            line = shell.stdout.readline().decode().strip()
        self.that(line == waiting, "the first lines of the example")
        self.world.answer_chat("9002")
        line = waiting
        while line == waiting:
            line = shell.stdout.readline().decode().strip()
        self.that(line == str(int(waiting) - 1), f"the next line is {line}")
        # curl ends with the stream, and jq with curl.
        for pid in subprocess.run(
                ["pgrep", "-P", str(shell.pid)], capture_output=True,
                text=True, check=True).stdout.split():
            subprocess.run(["kill", pid], check=False)
        shell.wait(PATIENCE)
        shell.stdout.close()

    def it_outlives_the_database(self):
        listener = self.listen()
        listener.event()
        self.world.door.shut()
        until(PATIENCE, lambda: self.server.ask(NOW, self.lead).status == 503,
              "the database to be away")
        _, data = listener.event("problem")
        self.that(json.loads(data) == {"detail": "the database is unavailable"},
                  f"the problem: {data}")
        self.world.door.open()
        self.world.answer_chat("9001")
        while '"9001"' in listener.event()[1]:
            pass
        listener.close()

    def a_tenant_too_large_holds_up_no_other(self):
        """Its own listener gets nothing; the others get everything. A view
        makes its chat as slow to read as very many."""
        self.world.sql.ask(
            "INSERT INTO chat_metrics (tenant, chat, status, messages, "
            "responses, waiting_since, opened_at, as_of, version) VALUES "
            "('large', '1', 'open', 1, 1, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), "
            "UTC_TIMESTAMP(3), 1); RENAME TABLE chat_metrics TO real_metrics; "
            "CREATE VIEW chat_metrics AS SELECT * FROM real_metrics WHERE "
            "tenant <> 'large' OR SLEEP(600) = 0")
        hasty = Server(self.lab, {"serve": {"rate": 0, "query_timeout": "1s"}},
                       name="hasty")
        ours = Stream(hasty.port, self.lead)
        ours.event()
        # The last listener is read for first.
        large = Stream(hasty.port, token(tenant_id="large", role="lead"))
        self.that(large.block().startswith("retry:"), "a beginning")
        for n in range(3):
            time.sleep(0.5) # meanwhile the server reads for it
            self.world.put_chat(TENANT, f"beside{n}", 5, "1", "web", "B")
            self.world.put_tenant(TENANT)
            while f"beside{n}" not in ours.event()[1]:
                pass
        for one in (ours, large):
            one.close()
        hasty.process.terminate()
        self.that(hasty.process.wait(PATIENCE) == 0, "the hasty one")
        self.world.sql.ask("DROP VIEW chat_metrics; "
                           "RENAME TABLE real_metrics TO chat_metrics")

    def it_ends_with_the_server(self):
        listeners = [self.listen() for _ in range(LISTENERS)]
        for listener in listeners:
            listener.event()
        self.server.process.terminate()
        self.that(all(listener.until_end() for listener in listeners),
                  "a stream is broken off")
        self.that(self.server.process.wait(PATIENCE) == 0, "it ends badly")
        with open(self.server.log, encoding="utf-8") as f:
            self.that(self.lead not in f.read(), "a token is in the log")


def raise_files():
    """Before anything is started, so that children have the same limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard) and hard < OPEN_FILES:
        raise Skip(f"{OPEN_FILES} open files are wanted, the hard limit is "
                   f"{hard}; run: ulimit -n {OPEN_FILES}")
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))


run_checks(Test)
