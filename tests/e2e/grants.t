#!/usr/bin/env -S python3 -B
"""The permissions of scripts/examples/grants.sql.example are sufficient for
each program, and none has more.
"""

import json
import re
import time

from api_client import Server, resources
from harness import BIN, Checklist, run_checks, shown_in

DAY = 86400
NEWER = "newer than this program"
REFUSED = {
    "sink": (
        "DELETE FROM chat_metrics", "DELETE FROM closed_chats",
        "DELETE FROM messages", "DROP TABLE chat_metrics",
        "CREATE TABLE x (a INT)", "DROP TABLE messages",
        "ALTER TABLE messages DROP PARTITION bmax",
        "ALTER TABLE chat_metrics ADD COLUMN x INT"),
    "reaper": (
        "INSERT INTO chat_metrics (tenant) VALUES (1)",
        "UPDATE operator_metrics SET name = 1", "DROP TABLE chat_metrics"),
    "report": (
        "DELETE FROM chat_metrics", "DELETE FROM revoked_tokens",
        "INSERT INTO tenants (tenant) VALUES (1)"),
    "serve": (
        "SELECT 1 FROM closed_chats", "DELETE FROM revoked_tokens",
        "SELECT applied_at FROM schema_migrations",
        "SELECT data FROM stream_state",
        "UPDATE chat_metrics SET tag = 1"),
    "grafana": (
        "SELECT content FROM messages", "SELECT 1 FROM events",
        "SELECT customer_phone FROM chat_metrics",
        "DELETE FROM trends")}


def at(days=0):
    """Midnight of the day that many days ago."""
    return time.strftime("%FT00:00:00Z", time.gmtime(time.time() - days * DAY))


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        lab.env["MESSAGING_BIN"] = BIN
        self.where = lab.env.pop("MYSQL_URL").split("@")[1]
        with open("scripts/examples/grants.sql.example") as f:
            script = f.read().replace("CHANGE ME", "secret")
        # The server also has users and databases of other tests.
        script = re.sub(r"\bmessaging\b", lab.database, script)
        script = re.sub(r"\b(\w+)@localhost", rf"\1_{lab.database}@'%'", script)
        first, second = script.split("-- 2.")
        self.as_root(first)
        self.run("admin", "sink", "--migrate")
        self.as_root("-- " + second)

    def as_root(self, script):
        self.lab.must(self.lab.mysql_argv(), stdin=script.encode())

    def url(self, user):
        return f"mysql://{user}_{self.lab.database}:secret@{self.where}"

    def run(self, user, *argv, code=0, says="", lines=()):
        done = self.lab.run(
            argv, env={"MYSQL_URL": self.url(user)},
            stdin="".join(json.dumps(x) + "\n" for x in lines).encode())
        self.ends(done, code, says, argv)
        return done

    def query(self, user, statement):
        """Runs a statement in the database client as that user."""
        host, port = self.where.split("/")[0].split(":")
        conf = self.lab.conf(user + ".cnf", {"client": {
            "user": f"{user}_{self.lab.database}", "password": "secret",
            "host": host, "port": port}})
        return self.lab.run(["mariadb", "--defaults-file=" + conf, "-N", "-B",
                             self.lab.database, "-e", statement])

    def snapshot(self):
        """Stores, checks and reports the example of messaging-records(5)."""
        lab = self.lab
        records = lab.write("records", shown_in(
            "messaging-records.5", "EXAMPLES", 1))
        self.rows = lab.path("rows")
        self.run("sink", "aggregator", "-f", records, "-t", self.rows)
        self.run("sink", "sink", "-f", self.rows)
        done = self.run("sink", "sink", "--check", "-o", "ndjson", says=None)
        self.that(b'"failed"' not in done.out, done.out)
        done = self.run("report", "sink", "--now")
        self.that(b"Ann" in done.out, done.out)
        self.run("sink", "sink", "--token", "--tenant", "t1", "--revoke", "x",
                 says=None)

    def serve(self):
        """Each path of the API."""
        # A busy database may take longer than 5 s.
        server = Server(self.lab, {"serve": {"rate": 0, "query_timeout": "50s"}},
                        env={"MYSQL_URL": self.url("serve")})
        token = self.run(
            "sink", "sink", "-c", self.lab.path("serve.conf"), "--token",
            "--tenant", "t1", "--role", "admin", "--days", "1", says=None)
        token = token.out.decode().strip()
        paths = resources(json.loads(self.lab.must(["sink", "--openapi"]).out))
        self.that(len(paths) > 20, paths)
        for path in paths:
            about = {"tenant_id": "t1", "period": "week"} \
                if "/analytics/" in path else {}
            path = re.sub(r"{\w+}", "x", path.replace("{chat}", "9"))
            answer = server.get(path, token, **about)
            self.that(
                answer.status in (200, 404, 422) and (
                    "/health" not in path or b'"healthy"' in answer.body),
                f"{path}: {answer.status} {answer.body}")
        answer = server.ask("/metrics")
        self.that(b'\nmessaging_tenant_open_chats{tenant="t1"}' in
                  answer.body, f"metrics: {answer.body}")
        self.equal(self.lab.end(server.process), 0, "sink --serve")
        log = self.lab.text("serve.log")
        self.that("denied" not in log, log)

    def newer_schema(self):
        """These permissions suffice to detect tables of another version:
        nothing is served or deleted."""
        self.lab.sql("INSERT INTO schema_migrations SELECT MAX(number) + 1, "
                     "NOW(3) FROM schema_migrations")
        self.run("serve", "sink", "-c", self.lab.path("serve.conf"), "--serve",
                 "127.0.0.1:0", code=78, says=NEWER)
        self.run("reaper", "reaper", "--list", code=78, says=NEWER)
        self.lab.sql(
            "DELETE FROM schema_migrations ORDER BY number DESC LIMIT 1")

    def reap(self):
        """A closed chat is archived, and deleted rows stay deleted."""
        self.run("reaper", "reaper", "--list")
        closed = self.lab.write("closed", json.dumps({
            "type": "chat", "tenant": "t1", "chat": "9", "status": "closed",
            "at": "2026-11-20T11:00:00Z"}) + "\n")
        gone = self.lab.path("gone")
        self.run("reaper", "reaper", "-f", closed, "--archive", gone)
        self.that('"chat":"9"' in self.lab.text("gone"), "no archive")
        self.run("sink", "sink", "-f", self.rows)
        self.equal(self.lab.sql("SELECT chat FROM chat_metrics"), [],
                   "chats")

    def forget(self):
        today = at() # older days could lose their partition first
        said = [{"type": "message", "tenant": "t1", "chat": "5", "id": "1",
                 "from": "customer", "user": "c1", "text": "hello", "at": today},
                {"type": "event", "tenant": "t1", "id": "1", "user": "c1",
                 "event": "click", "at": today}]
        rows = self.run("sink", "aggregator", "-a", "all", "-o", "ndjson",
                        lines=said)
        self.run("sink", "sink", "-f", self.lab.write("rows.said", rows.out))
        about = "c1", "--tenant", "t1"
        hello = b'"content":"hello"'
        done = self.run("reaper", "reaper", "--export", *about)
        self.that(hello in done.out, f"exported: {done.out}")
        self.run("reaper", "reaper", "--forget", *about, "--file",
                 self.lab.path("gone"))
        done = self.run("reaper", "reaper", "--export", *about)
        self.that(hello not in done.out, f"not forgotten: {done.out}")
        self.run("reaper", "reaper", "--purge", "t1")

    def retention(self):
        """The sink creates daily partitions, and the reaper drops them."""
        old, new = at(39)[:10], at(1)[:10]
        self.lab.sql(
            "ALTER TABLE messages PARTITION BY RANGE COLUMNS (created_at) ("
            f"PARTITION old VALUES LESS THAN ('{old}'), PARTITION new VALUES "
            f"LESS THAN ('{new}'), PARTITION bmax VALUES LESS THAN (MAXVALUE))")
        self.run("sink", "sink", lines=[
            {"type": "message", "tenant": "t2", "chat": "c", "id": "1",
             "from": "customer", "at": at(days)} for days in (0, 40)])
        done = self.run("reaper", "reaper", "--retention", "30d", "-o",
                        "ndjson")
        self.that(b'"table":"messages","partitions":1,"rows":0' in
                  done.out, f"retention: {done.out}")

    def no_more(self):
        for user, statements in REFUSED.items():
            for statement in statements:
                done = self.query(user, statement)
                self.that(done.code and "denied" in done.err,
                          f"{user} may {statement}: {done}")


run_checks(Test)
