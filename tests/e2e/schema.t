#!/usr/bin/env -S python3 -B
"""The schema: sink --migrate creates the tables, changes nothing when
repeated, and refuses a schema that differs, with the statement to type; sink
--check lists every difference; the programs refuse the schema of another
version; and the sink creates daily partitions in advance.
"""

import datetime
import os
import re
import subprocess

from harness import TESTBIN, run_checks
from sinklib import Lock, Tables, pass_midnight, snapshot

TODAY = pass_midnight()

# Possible manual changes to a schema, and the output of --check for each.
CHANGES = [
    ("DROP TABLE user_stats", "table user_stats is missing"),
    ("DROP VIEW reports", "view reports is missing"),
    ("ALTER TABLE chat_metrics DROP COLUMN tag",
     "column chat_metrics.tag is missing"),
    ("ALTER TABLE chat_metrics MODIFY COLUMN messages TINYINT NULL",
     "column chat_metrics.messages is tinyint"),
    ("ALTER TABLE chat_metrics MODIFY COLUMN channel VARCHAR(191) COLLATE "
     "utf8mb4_general_ci NULL", "column chat_metrics.channel has the collation "
     "utf8mb4_general_ci, not utf8mb4_bin"),
    ("ALTER TABLE chat_metrics ADD UNIQUE KEY theirs (chat)",
     "key theirs of chat_metrics was not created"),
    ("ALTER TABLE event_counts DROP PRIMARY KEY",
     "key PRIMARY of event_counts is missing"),
    ("ALTER TABLE closed_chats DROP KEY by_age",
     "key by_age of closed_chats is missing"),
    ("ALTER TABLE alerts ADD COLUMN theirs INT NOT NULL",
     "column alerts.theirs was not created"),
    ("ALTER TABLE messages REMOVE PARTITIONING",
     "table messages has no partitions by created_at"),
    ("ALTER TABLE tenants ALTER COLUMN forgets DROP DEFAULT",
     "column tenants.forgets has the default (none), not 0"),
    ("ALTER TABLE intervals DROP COLUMN seconds, ADD COLUMN seconds "
     "DECIMAL(15,3) NULL",
     "column intervals.seconds is decimal(15,3) NULL, not DECIMAL(15,3) "
     "GENERATED ALWAYS AS (ms / 1000) VIRTUAL"),
]


def day(days, form="%Y%m%d"):
    return (TODAY + datetime.timedelta(days)).strftime(form)


def message(days, id):
    return {"type": "message", "tenant": "t", "chat": "c", "id": str(id),
            "from": "customer", "at": day(days, "%Y-%m-%dT12:00:00Z")}


class Test(Tables):
    def __init__(self, lab):
        super().__init__(lab, "mariadb")
        self.url = lab.env["MYSQL_URL"]
        self.users = []

    def database(self, name):
        """A new database, and the environment that names it."""
        name = f"{self.lab.database}_{name}"
        self.users.append(f"DROP DATABASE IF EXISTS {name}")
        return name, {"MYSQL_URL": self.lab.own_database(name)}

    def user(self, name, *grants):
        """Users belong to the whole server, which tests share."""
        name = f"{name}_{os.getpid()}"
        self.users.append(f"DROP USER IF EXISTS {name}@127.0.0.1")
        self.sql.ask(f"CREATE USER {name}@127.0.0.1 IDENTIFIED BY 'x'; "
                     + "; ".join(f"GRANT {g} TO {name}@127.0.0.1"
                                 for g in grants))
        where = self.url.split("@")[1]
        return {"MYSQL_URL": f"mysql://{name}:x@{where}"}

    def _leave(self):
        self.lab.sql("; ".join(self.users))

    def schema(self, database=None):
        name = f"'{database or self.lab.database}'"
        return self.sql.ask(
            "SELECT table_name, column_name, column_type, is_nullable, "
            "collation_name, column_key, column_default FROM "
            f"information_schema.columns WHERE table_schema = {name} "
            "ORDER BY 1, ordinal_position; SELECT table_name, index_name, "
            "non_unique, column_name FROM information_schema.statistics WHERE "
            f"table_schema = {name} ORDER BY 1, 2, seq_in_index")

    def checked(self, *options, env=None):
        """The results of --check: [(check, result, detail)]."""
        done = self.lab.run(["sink", *options, "--check", "-o", "ndjson"],
                            env=env)
        return [(r["check"], r["result"], r["detail"])
                for r in done.records()]

    def migrating_makes_the_declared_tables(self):
        before = self.schema()
        self.run("again", "sink", "--migrate")
        self.that(self.schema() == before, "migrating again changes nothing")
        declared = {}
        for line in self.lab.must([TESTBIN + "/tools/tables"]
                                  ).out.decode().splitlines():
            what, *rest = line.split("\t")
            if what == "column":
                declared.setdefault(rest[0], []).append(rest[1])
        got = {}
        for table, column in self.sql.ask(
                "SELECT table_name, column_name FROM "
                "information_schema.columns JOIN information_schema.tables "
                "USING (table_schema, table_name) WHERE table_schema = "
                "DATABASE() AND table_type = 'BASE TABLE' AND "
                "COALESCE(generation_expression, '') = '' "
                "ORDER BY table_name, ordinal_position"):
            got.setdefault(table, []).append(column)
        self.that(got == declared and len(got) > 20,
                  f"columns: {[t for t in got if got[t] != declared.get(t)]}")
        self.holds("one unique key for each table", "", "SELECT table_name "
                   "FROM information_schema.statistics WHERE table_schema = "
                   "DATABASE() AND non_unique = 0 AND index_name <> 'PRIMARY'")

    def several_migrate_at_once(self):
        name, env = self.database("several")
        self.run("no tables", "sink", "-f", self.file(snapshot(
            "t", "s1", 1, 1, 1)), code=78, says="run `sink --migrate`",
            env=env)
        log = self.lab.path("migrate")
        several = [self.lab.start(["sink", "--migrate"], log, env=env)
                   for _ in range(3)]
        codes = [p.wait(300) for p in several]
        self.that(codes == [0, 0, 0], f"{codes}: {open(log).read()}")
        self.that(self.schema(name) == self.schema(), "the same schema")
        failed = [x for x in self.checked(env=env) if x[1] == "failed"]
        self.that(not failed, f"after several: {failed}")

    def every_difference_is_named(self):
        name, env = self.database("changed")
        self.run("a schema", "sink", "--migrate", env=env)
        for change, _ in CHANGES:
            self.sql.ask(f"USE {name}; {change}; USE {self.lab.database}")
        found = [detail for check, result, detail in self.checked(env=env)
                 if check == "tables and views" and result == "failed"]
        for change, says in CHANGES:
            self.that(any(says in f for f in found), f"{change}: {found}")
        done = self.lab.run(["sink", "--migrate"], env=env)
        self.that(done.code == 78 and len(done.lines()) == 1
                  and "; type: ALTER TABLE" in done.err, f"{done}")
        # Each remedy is a statement; applied one after the other, they restore
        # the schema.
        for _ in range(2 * len(CHANGES)):
            done = self.lab.run(["sink", "--migrate"], env=env)
            if done.code == 0:
                break
            self.sql.ask(f"USE {name}; " + done.err.split("; type: ")[1].split(
                "; then run this")[0] + f"; USE {self.lab.database}")
        self.that(done.code == 0, f"the ways out: {done}")
        failed = [x for x in self.checked(env=env) if x[1] == "failed"]
        self.that(not failed, f"after the ways out: {failed}")

    def an_older_schema_is_compared(self):
        """A database of number 0 lacks a column."""
        name, env = self.database("older")
        self.run("a schema", "sink", "--migrate", env=env)
        self.sql.ask(f"USE {name}; UPDATE schema_migrations SET number = 0; "
                     "ALTER TABLE chat_metrics DROP COLUMN tag; "
                     f"USE {self.lab.database}")
        self.run("older", "sink", "-f", self.file(snapshot(
            "t", "s1", 1, 1, 1)), code=78, says="run `sink --migrate`", env=env)
        done = self.run("it lacks a column", "sink", "--migrate", code=78,
                        env=env, says="column chat_metrics.tag is missing")
        self.sql.ask(f"USE {name}; " + done.err.split("; type: ")[1]
                     + f"; USE {self.lab.database}")
        for what in "with the column", "again":
            self.run(what, "sink", "--migrate", env=env)
            self.holds(what, "1", f"SELECT MAX(number) FROM "
                       f"{name}.schema_migrations")

    def what_others_put_on_tables_stays(self):
        name, env = self.database("others")
        self.run("a schema", "sink", "--migrate", env=env)
        self.sql.ask(
            f"CREATE TRIGGER {name}.spy BEFORE INSERT ON {name}.chat_metrics "
            f"FOR EACH ROW SET NEW.messages = 0; ALTER TABLE "
            f"{name}.chat_metrics ADD COLUMN theirs INT NULL, ADD CONSTRAINT "
            "few CHECK (messages < 99)")
        self.run("theirs stay", "sink", "--migrate", env=env)

    def a_newer_schema_is_refused(self):
        """The next one is accepted: the other machine was upgraded first."""
        newer = ("INSERT INTO schema_migrations SELECT MAX(number) + 1, "
                 "NOW(3) FROM schema_migrations")
        self.sql.ask(newer)
        self.run("the next", "sink", "-f", self.file([message(0, 1)]))
        self.run("the next", "sink", "--migrate", code=78,
                 says="newer than this program")
        self.sql.ask(newer)
        conf = self.conf(serve={"audit": self.lab.path("audit"),
                                "secret_key": "0" * 64})
        for argv in (["--migrate"], ["-f", self.file([message(0, 1)])],
                     ["--get", "/api/v1/now"], ["--report", "-"],
                     ["--recompute"], ["--serve", "127.0.0.1:0"]):
            done = self.run("newer", "sink", "-c", conf, *argv, code=78,
                            says="newer than this program")
            self.that(not done.out, f"{argv}: {done.out[:99]}")
        self.run("newer", "reaper", "--list", code=78,
                 says="newer than this program")
        self.sql.ask("DELETE FROM schema_migrations ORDER BY number DESC "
                     "LIMIT 2")

    def without_the_right_or_the_database(self):
        env = self.user("few", f"SELECT ON {self.lab.database}.*",
                        "SELECT ON nowhere.*")
        self.sql.ask("DELETE FROM schema_migrations")
        name, _ = self.database("denied")
        other = {"MYSQL_URL": env["MYSQL_URL"].rsplit("/", 1)[0] + "/nowhere"}
        self.run("no database", "sink", "--migrate", code=78,
                 says="create the database first", env=other)
        user = env["MYSQL_URL"].split("//")[1].split(":")[0]
        self.sql.ask(f"GRANT SELECT ON {name}.* TO {user}@127.0.0.1")
        self.run("no right", "sink", "--migrate", code=77,
                 says="check user, password and grants", env={
                     "MYSQL_URL": env["MYSQL_URL"].rsplit("/", 1)[0]
                     + "/" + name})
        self.run("migrated anew", "sink", "--migrate")

    def a_dump_in_another_database_shows_its_own_rows(self):
        self.store("rows", snapshot("dumped", "s1", 1, 1, 3))
        name, env = self.database("restored")
        dump = self.lab.path("dump")
        socket = self.found("SELECT @@socket")[0]
        with open(dump, "w") as f:
            subprocess.run(["mariadb-dump", "--no-defaults",
                            f"--socket={socket}", "-uroot",
                            "--single-transaction", self.lab.database],
                           check=True, stdout=f)
        argv = self.lab.mysql_argv()
        with open(dump) as f:
            subprocess.run(argv[:-1] + [name], check=True, stdin=f)
        self.run("restored", "sink", "--migrate", env=env)
        self.sql.ask("DELETE FROM chat_metrics WHERE tenant = 'dumped'")
        self.holds("its own", "3", f"SELECT COUNT(*) FROM "
                   f"{name}.reports WHERE tenant = 'dumped'")
        failed = [x for x in self.checked(env=env) if x[1] == "failed"]
        self.that(not failed, f"restored: {failed}")

    def anew(self, before=None):
        """A table of messages with the partition of the present and, before it,
        that of the day BEFORE."""
        global TODAY
        TODAY = pass_midnight()
        before = "" if before is None else (
            f"PARTITION p{day(before)} VALUES LESS THAN "
            f"('{day(before + 1, '%F')}'), ")
        self.sql.ask("TRUNCATE TABLE messages; ALTER TABLE messages REMOVE "
                     "PARTITIONING; ALTER TABLE messages PARTITION BY RANGE "
                     f"COLUMNS (created_at) ({before}PARTITION bmax VALUES "
                     "LESS THAN (MAXVALUE))")

    def partitions(self, what, want):
        got = [p for p, in self.sql.ask(
            "SELECT partition_name FROM information_schema.partitions WHERE "
            "table_schema = DATABASE() AND table_name = 'messages' ORDER BY "
            "partition_ordinal_position")]
        self.that(got == want.split(), f"{what}: {got}, not {want}")
        for p in got:
            if p[0] == "p":
                self.holds("in its place", "0", "SELECT COUNT(*) FROM messages "
                           f"PARTITION ({p}) WHERE DATE_FORMAT(created_at, "
                           f"'p%Y%m%d') <> '{p}'")

    def rows(self, what, want):
        self.holds(what, str(want), "SELECT COUNT(*) FROM messages")

    def each_day_has_a_partition(self):
        self.anew()
        ahead = " ".join(f"p{day(n)}" for n in range(4)) + " bmax"
        for _ in 1, 2:
            self.store("today", [message(0, 1)])
            self.partitions("today and ahead", f"b{day(0)} {ahead}")
        self.store("other days", [message(n, n) for n in (
            -7, 9, -2, -3, -1, -4000, 4000)])
        self.partitions("other days", f"b{day(0)} {ahead}")
        self.rows("all are stored", 8)

    def days_of_an_outage_get_theirs(self):
        for since in -3, -400:
            self.anew(since)
            self.store("after the outage", [message(0, 1)])
            days = [f"p{day(n)}" for n in range(-2, 4)]
            self.partitions("after the outage", " ".join([
                f"p{day(since)}", *(days if since == -3 else
                                    [f"b{day(0)}", *days[2:]]), "bmax"]))

    def many_rows_are_moved_by_the_told_statement(self):
        self.anew()
        self.sql.ask(
            "INSERT INTO messages (tenant, created_at, conversation_id, "
            f"message_id, sender) SELECT 't', '{day(-5, '%F')} 01:00:00', 'c', "
            "seq, 'bot' FROM seq_1_to_20000")
        told = self.store("told once", [message(-5, "x"), message(-4, "y")],
                          says="bmax of messages has too many rows")
        self.partitions("not moved", "bmax")
        self.sql.ask(re.search("execute: (ALTER TABLE .*)", told.err)[1])
        self.partitions("cut", f"b{day(1)} p{day(1)} bmax")
        self.store("ahead again", [message(2, "z")])
        self.partitions("ahead again", f"b{day(1)} " + " ".join(
            f"p{day(n)}" for n in range(1, 4)) + " bmax")
        self.rows("all are stored", 20003)

    def several_sinks_meet_the_same_days(self):
        self.anew()
        log = self.lab.path("several")
        several = [self.lab.start(["sink", "-f", self.file(
            [message(n, f"{i}.{n}") for n in (-3, -1, 0, 2)])], log)
            for i in range(4)]
        codes = [p.wait(300) for p in several]
        self.that(codes == [0] * 4, f"{codes}: {open(log).read()}")
        self.rows("several", 16)

    def a_table_in_use_gets_its_partition_later(self):
        self.anew()
        lock = Lock(self.lab, "START TRANSACTION; SELECT COUNT(*) FROM "
                    "messages")
        self.store("in use", [message(0, 1)])
        self.partitions("in use", "bmax")
        lock.release()
        self.store("later", [message(0, 2)])
        self.rows("later", 2)
        self.partitions("later", f"b{day(0)} " + " ".join(
            f"p{day(n)}" for n in range(4)) + " bmax")

    def without_the_right_rows_are_stored(self):
        self.anew()
        env = self.user("poor", "SELECT, INSERT, UPDATE ON "
                        f"{self.lab.database}.*")
        self.run("told once", "sink", "-c", self.conf(sink={
            "batch": 1, "connections": 1}), "-f", self.file(
                [message(n, n) for n in range(3)]), env=env,
            says="no permission to create partitions of messages; grant ALTER, ")
        self.rows("stored", 3)
        self.partitions("none", "bmax")


run_checks(Test)
