#!/usr/bin/env -S python3 -B
"""database_away: a database that accepts connections but answers nothing, one
that refuses the password, and tables that are away for a moment: no daemon
ends, no request waits longer than query_timeout, and clients learn the cause.
"""

import time
from urllib.parse import urlsplit

from api_client import Server, token
from harness import Checklist, run_checks, until

TENANT = "acme"
NOW = "/api/v1/now"
# query_timeout is 1 s; [mysql] timeout is 30 s.
AT_MOST = 15
ROW = ('{"type":"row","table":"operator_metrics","tenant":"acme","operator":'
       '"%s","as_of":"2026-11-20T10:00:00Z","version":%d}\n')


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        self.bearer = token(tenant_id=TENANT, role="admin", jti="1")
        self.rows = 0

    def sql(self, statement):
        return self.lab.must(["sink", "--sql", statement, "-o", "csv"]).out

    def serve(self, name, url=None):
        return Server(self.lab, {"serve": {"query_timeout": "1s", "rate": 0}},
                      name=name, env={"MYSQL_URL": url} if url else None)

    def answers(self, server, path, status, says=""):
        begun = time.monotonic()
        answer = server.ask(path, self.bearer)
        took = time.monotonic() - begun
        self.that(answer.status == status and says in answer.body.decode()
                  and took < AT_MOST,
                  f"{path}: {answer.status} {answer.body} after {took:.0f} s")

    def a_silent_database_delays_nobody(self):
        door = self.lab.door("mariadb")
        server = self.serve("silent", door.url)
        until(AT_MOST, lambda: server.ask(NOW, self.bearer).status == 200,
              "the API")
        # Sessions that have rested are checked first.
        rested = time.monotonic() + 1.5
        until(AT_MOST, lambda: time.monotonic() > rested, "a pause")
        door.freeze()
        for _ in "an open connection", "a new one":
            self.answers(server, "/health", 200, '"unhealthy"')
            self.answers(server, NOW, 503, "the database is unavailable")
        begun = time.monotonic()
        done = self.lab.run(["sink", "-c", self.lab.path("silent.conf"),
                             "--tenant", TENANT, "--get", NOW],
                            env={"MYSQL_URL": door.url})
        self.that(done.code == 75 and time.monotonic() - begun < AT_MOST,
                  f"--get: {done}")
        door.open()
        until(AT_MOST, lambda: server.ask(NOW, self.bearer).status == 200,
              "the database to be back")

    def a_wrong_password_is_the_cause_that_clients_learn(self):
        url = urlsplit(self.lab.env["MYSQL_URL"])
        wrong = url._replace(netloc=f"{url.username}:x@{url.hostname}:"
                             f"{url.port}").geturl()
        server = self.serve("refused", wrong)
        self.answers(server, NOW, 503, "the database refuses this server")
        bearer, self.bearer = self.bearer, token(
            tenant_id=TENANT, role="admin")
        self.answers(server, NOW, 500, "the database refuses this server")
        self.bearer = bearer
        self.that("x@" not in self.lab.text("refused.log"), "the password")

    def put(self):
        """Publishes another row for the sink."""
        self.rows += 1
        self.lab.put("rows", [ROW % (self.rows, self.rows)])

    def all_rows_are_stored(self):
        return self.sql("SELECT COUNT(*) FROM operator_metrics").split()[
            -1] == str(self.rows).encode()

    def tables_may_be_away_for_a_moment(self):
        sink = self.lab.start(["sink", "-f", "queue:rows"],
                              self.lab.path("sink.log"))
        server = self.serve("serve")
        self.put()
        until(AT_MOST, self.all_rows_are_stored, "the first row")
        self.sql("RENAME TABLE operator_metrics TO away")
        self.answers(server, "/api/v1/operators", 503)
        self.put()
        until(AT_MOST, lambda: "waiting for it" in self.lab.text("sink.log"),
              "the sink to wait")
        self.that("sink --migrate" in self.lab.text("sink.log"),
                  "the log has no advice")
        self.sql("RENAME TABLE away TO operator_metrics")
        until(4 * AT_MOST, self.all_rows_are_stored, "the row that waited")
        self.answers(server, "/api/v1/operators", 200)
        sink.terminate()
        self.that(sink.wait(60) == 0, self.lab.text("sink.log"))

    def daemons_start_before_the_tables_are_there(self):
        tables = "schema_migrations", "revoked_tokens"
        self.sql("RENAME TABLE " + ", ".join(f"{t} TO {t}_" for t in tables))
        sink = self.lab.start(["sink", "-f", "queue:rows"],
                              self.lab.path("early.log"))
        server = self.serve("early")
        self.answers(server, NOW, 503)
        until(AT_MOST, lambda: "waiting for it" in self.lab.text("early.log"),
              "the sink to wait")
        self.sql("RENAME TABLE " + ", ".join(f"{t}_ TO {t}" for t in tables))
        self.put()
        until(4 * AT_MOST, self.all_rows_are_stored, "a row")
        until(AT_MOST, lambda: server.ask(NOW, self.bearer).status == 200,
              "the API")
        sink.terminate()
        self.that(sink.wait(60) == 0, self.lab.text("early.log"))


run_checks(Test)
