#!/usr/bin/env -S python3 -B
"""A database that is unavailable, read-only, locked, small, slow or set up
differently, that refuses the user, or speaks TLS. Faults of the environment
are never attributed to a row: nothing is stored or lost, the exit code and one
line give advice, and the next run, or the waiting one, stores everything.
"""

import json
import os
import re

from certificates import Authority
from harness import Door, run_checks, until
from sinklib import Lock, Tables, snapshot
from streamlib import Sql

DENIED = "check user, password and grants"
LOCKED = "another connection holds the lock"
# Packets to the server, and its error.
COMMIT = b"\x07\x00\x00\x00\x03COMMIT"
BEGIN = b"\x12\x00\x00\x00\x03START TRANSACTION"
ROLLBACK = b"\x09\x00\x00\x00\x03ROLLBACK"
BULK = b"\xfa" # the command of a statement with arrays
INTERRUPTED = b"\xff\x25\x05#70100Query execution was interrupted"


def message(id, length, chat="1"):
    return {"type": "message", "tenant": "t", "id": id, "chat": chat,
            "at": "2026-11-20T10:00:00Z", "from": "customer",
            "text": "0" * length}


class Lossy(Door):
    """Spoils COUNT transactions. COMMIT: the connection breaks, and either the
    answer to a commit is lost or the commit itself; a client cannot tell the
    difference. BEGIN: a transaction does not begin, as when an administrator
    kills it; the following statements reach the server. ROLLBACK: instead of a
    statement with arrays, the server gets a rollback and answers OK, as a node
    of a Galera cluster does when another node's transaction was first. The
    third one in a row is not spoilt."""

    def __init__(self, url):
        super().__init__(url)
        self.what, self.count = COMMIT, 0
        self.seen = self.spoilt = 0
        self.deaf = set() # connections of servers whose answers are lost

    def spoil(self):
        """The number of this one, or 0."""
        with self.lock:
            self.seen += 1
            if self.spoilt >= self.count or self.seen % 3 == 0:
                return 0
            self.spoilt += 1
            return self.spoilt

    def pieces(self, source, upward):
        for data in super().pieces(source, upward):
            if source in self.deaf:
                raise OSError
            if upward and (data[4:5] == BULK if self.what == ROLLBACK else
                           self.what in data):
                data = self.spoilt_by(source, data, self.spoil())
            yield data

    def spoilt_by(self, source, data, number):
        """What the server gets instead of DATA."""
        if number and self.what == COMMIT:
            if number % 2 == 0:
                raise OSError
            self.deaf.add(self.ends[source])
        elif number and self.what == BEGIN:
            source.sendall(bytes([len(INTERRUPTED), 0, 0, 1]) + INTERRUPTED)
            return data.replace(BEGIN, b"")
        elif number:
            rest = int.from_bytes(data[:3], "little") + 4 - len(data)
            while rest > 0:
                rest -= len(source.recv(rest))
            return ROLLBACK
        return data


class Test(Tables):
    def __init__(self, lab):
        super().__init__(lab, "mariadb", private=True)
        self.url = lab.env["MYSQL_URL"]
        self.where = self.url.split("@")[1]
        self.quick = self.conf(mysql={"wait_timeout": "5s", "timeout": "5s"})
        self.rows = self.file(snapshot("t", "s1", 1, 3, 50))
        self._empty()

    def _empty(self):
        self.sql.ask("; ".join(f"DELETE FROM {t}" for t in (
            "chat_metrics", "operator_metrics", "tenant_metrics", "messages",
            "refused_rows", "tenants")))

    def chats(self, what, want, condition="1"):
        self.holds(what, str(want), "SELECT COUNT(*) FROM chat_metrics WHERE "
                   f"{condition}")

    def refused(self, what, code, says, conf=None, env=None):
        """No row is stored, and one line gives the reason."""
        self.run(what, "sink", "-c", conf or self.quick, "-f", self.rows,
                 code=code, says=says, env=env)
        self.chats(what, 0)

    def check(self, what, result, *options, code=None, env=None):
        """A line of sink --check has this result: CHECK RESULT DETAIL."""
        done = self.lab.run(["sink", *options, "--check", "-o", "ndjson"],
                            env=env)
        found = [f"{r['check']} {r['result']} {r['detail']}"
                 for r in done.records()]
        code = code if code is not None else 78 * (" failed " in result)
        self.that(done.code == code and any(result in f for f in found),
                  f"{what}: no {result!r} in {found}, {done}")
        return found

    def set(self, **settings):
        self.sql.ask("SET " + ", ".join(
            f"GLOBAL {name} = {value}" for name, value in settings.items()))

    def user(self, name, *grants):
        self.sql.ask(f"CREATE USER {name}@127.0.0.1 IDENTIFIED BY 'x'; "
                     + "; ".join(f"GRANT {g} TO {name}@127.0.0.1"
                                 for g in grants))
        return {"MYSQL_URL": f"mysql://{name}:x@{self.where}"}

    def settings_are_refused(self):
        wrong = {"MYSQL_URL": f"mysql://messaging:canary@{self.where}"}
        self.refused("a wrong password", 77, DENIED, env=wrong)
        done = self.lab.run(["sink", "-f", self.rows], env=wrong)
        self.that("canary" not in done.err, "the password is shown")

        self.set(read_only=1)
        self.refused("read-only", 75, "make the server writable; nothing is "
                     "lost")
        self.check("read-only", "read_only failed ON; ", "-c", self.quick)
        self.set(read_only=0, max_prepared_stmt_count=0)
        self.refused("no statements", 75, "raise max_prepared_stmt_count")
        self.set(max_prepared_stmt_count="DEFAULT",
                 innodb_flush_log_at_trx_commit=0)
        self.refused("commits that are not flushed", 78,
                     "innodb_flush_log_at_trx_commit = 0")
        self.check("not flushed",
                   "innodb_flush_log_at_trx_commit failed 0; set it to 1")
        self.run("told to accept it", "sink", "--accept-loss", "-f", self.rows)
        self.chats("told to accept it", 50)
        self._empty()
        self.set(innodb_flush_log_at_trx_commit=1)
        self.run("a wrong statement", "sink", "--sql", "SELEC 1", code=64,
                 says="SQL syntax")
        found = self.check("all is well", "tls ")
        self.that(not any(" failed " in f for f in found), f"{found}")
        done = self.lab.run(["sh", "-c", "exec \"$0\" --check >/dev/full",
                             os.path.join(os.environ["BIN"], "sink")])
        self.that(done.code == 74 and "cannot write standard output"
                  in done.err, f"{done}")

    def rights_are_told(self):
        """They can be granted."""
        env = self.user("reader", "SELECT ON messaging.*")
        self.refused("no right to store", 77, DENIED, env=env)
        found = self.check("no right to store", "missing privileges "
                           "failed SELECT, INSERT, UPDATE on all tables; "
                           "DELETE on operator_metrics; ", env=env)
        missing = next(f for f in found if f.startswith("missing privileges"))
        for right, table in re.findall(r"([A-Z, ]+) on (all tables|\w+)",
                                       missing.split(" failed")[1]):
            self.sql.ask(f"GRANT {right} ON messaging."
                         f"{'*' if table == 'all tables' else table} "
                         "TO reader@127.0.0.1")
        self.check("with it", "missing privileges ok", env=env)
        self.run("with it", "sink", "-f", self.rows, env=env)
        self.chats("with it", 50)
        self._empty()

    def statements_fit_the_server(self):
        self.set(max_allowed_packet=8192)
        many = snapshot("t", "s5", 5, 5, 400)
        wide = snapshot("t", "s9", 9, 1, 3)
        wide.insert(3, message("wide", 9000))
        for bulk in "auto", "off":
            conf = self.conf(mysql={"bulk": bulk})
            self.store("small packets", many, conf=conf)
            self.chats(f"small packets, {bulk}", 400)
            self.store("a row that never fits", wide, code=65, conf=conf,
                       says="line 4: a row of ")
            self.chats(f"its neighbours, {bulk}", 3, "responses = 9")
            self._empty()
        longest = 1048462 # for a line of 1 MiB
        for bulk, need in ("auto", 1114112), ("off", 2162688):
            conf = self.conf(mysql={"bulk": bulk})
            self.set(max_allowed_packet=1048576)
            self.check("small", f"max_allowed_packet failed 1048576; set it to "
                       f"{need} or more", "-c", conf)
            self.set(max_allowed_packet=need)
            self.check("enough", "max_allowed_packet ok", "-c", conf)
            self.store("the longest record", [json.dumps(message(
                "1", longest), separators=(",", ":"))], conf=conf)
            self.holds("the longest record", str(longest),
                       "SELECT LENGTH(content) FROM messages")
            self._empty()
        self.set(max_allowed_packet=16777216)

    def sessions_with_other_defaults(self):
        """Commits still happen, no statement is truncated, and texts are stored
        unchanged."""
        self.set(autocommit=0, completion_type="'CHAIN'", sql_select_limit=1,
                 sql_safe_updates=1, max_join_size=10, max_sort_length=64,
                 group_concat_max_len=16, alter_algorithm="'INSTANT'")
        url = self.lab.own_database("odd")
        env = {"MYSQL_URL": url}
        for argv in ("--migrate",), ("-f", self.rows):
            self.run("odd defaults", "sink", *argv, env=env)
        self.set(autocommit=1, completion_type="'NO_CHAIN'",
                 sql_safe_updates=0,
                 **{name: "DEFAULT" for name in (
                     "sql_select_limit", "max_join_size", "max_sort_length",
                     "group_concat_max_len", "alter_algorithm")})
        self.sql.close()
        self.sql = Sql(self.lab)
        self.holds("odd defaults", "50", "SELECT COUNT(*) FROM "
                   "odd.chat_metrics")
        for init in ("SET NAMES latin1", "SET collation_connection = "
                     "utf8mb3_unicode_ci"):
            self.set(init_connect=f'"{init}"')
            rows = snapshot("t", "s6", 6, 1, 1)
            rows[1]["name"] = "é😀"
            self.store(init, rows)
            self.holds(init, "C3A9F09F9880",
                       "SELECT HEX(name) FROM operator_metrics")
            self._empty()
        self.set(init_connect="''")

    def _hold(self):
        return Lock(self.lab, "LOCK TABLES chat_metrics WRITE")

    def processes(self, condition):
        return self.sql.number("SELECT COUNT(*) FROM "
                               "information_schema.processlist WHERE user = "
                               f"'messaging' AND {condition}")

    def a_lock_is_waited_for(self):
        lock = self._hold()
        for wait in "0s", "3s":
            conf = self.conf(mysql={"wait_timeout": wait})
            done = self.run("locked", "sink", "-c", conf, "-f", self.rows,
                            code=75, says=LOCKED)
            self.that(done.wall < 30, f"wait_timeout {wait}: {done.wall} s")
        log = self.lab.path("waits")
        conf = self.conf(mysql={"wait_timeout": "4m", "timeout": "4s"})
        p = self.lab.start(["sink", "-c", conf, "-vv", "-f", self.rows], log)
        until(50, lambda: "transaction_conflict errno=1205" in open(log).read(),
              "a statement that times out")
        lock.release()
        self.that(p.wait(120) == 0, "released: " + open(log).read())
        self.chats("released", 50)
        self._empty()
        lock = Lock(self.lab, "FLUSH TABLES WITH READ LOCK")
        self.run("a backup", "sink", "-c", self.conf(mysql={
            "wait_timeout": "2s"}), "--check", code=75, says=LOCKED)
        lock.release()

    def two_sinks_with_rows_in_the_other_order(self):
        conf = self.conf(mysql={"wait_timeout": "3m"})
        for n in range(5, 8):
            rows = snapshot("t", f"s{n}", n, 5, 300) \
                + snapshot("u", f"s{n}", n, 5, 300)
            log = self.lab.path("other")
            p = self.lab.start(["sink", "-c", conf, "-f", self.file(
                rows[::-1])], log)
            # The other one's begin marker may come in between, and the
            # snapshot's rows are counted from there.
            done = self.lab.run(["sink", "-c", conf, "-f", self.file(rows)])
            self.that(done.code == 0 or done.code == 65
                      and "is incomplete" in done.err, f"in order: {done}")
            self.that(p.wait(200) in (0, 65), open(log).read())
            self.chats(f"both, {n}", 600, f"responses = {n}")
            self.holds(f"both, {n}", "2", "SELECT COUNT(*) FROM tenants WHERE "
                       f"snapshot = 's{n}'")
        self._empty()

    def a_slow_server_is_not_a_dead_one(self):
        """A running statement is waited for up to [mysql] timeout."""
        self.sql.ask("CREATE TRIGGER slow BEFORE INSERT ON chat_metrics FOR "
                     "EACH ROW SET @slept = IF(NEW.chat = '1001', SLEEP(15), "
                     "0)")
        for code, says, timeout in (0, "", "5m"), (75, "Lost connection", "6s"):
            self.run(f"slow, {timeout}", "sink", "-c", self.conf(
                sink={"connections": 1},
                mysql={"wait_timeout": "3s", "timeout": timeout}),
                "-f", self.rows, code=code, says=says)
            self.chats(f"slow, {timeout}", 50 if code == 0 else 0)
            until(60, lambda: self.processes(
                "info LIKE 'INSERT INTO `chat_metrics`%'") == 0,
                "the server's statement to end")
            self._empty()
        self.sql.ask("DROP TRIGGER slow")
        self._empty()

    def _tables(self):
        return {t: self.sql.ask(f"SELECT * FROM {t} ORDER BY 1, 2, 3")
                for t in ("chat_metrics", "operator_metrics",
                          "tenant_metrics", "refused_rows")}

    def lost_answers_to_commits_change_nothing(self):
        """Nobody knows whether they were done, so the rows are stored again.
        The same happens when a transaction does not begin, or the server
        dies."""
        late = snapshot("t", "s2", 2, 3, 40, 6)
        late[10]["messages"] = -1
        rows = (snapshot("t", "s1", 1, 4, 40) + snapshot("u", "s1", 1, 4, 40)
                + late + snapshot("u", "s2", 2, 2, 40, 9)[::-1])
        path = self.file(rows)
        conf = self.conf(sink={"batch": 11}, mysql={"wait_timeout": "3m"})

        def store(env=None):
            done = self.lab.run(["sink", "-c", conf, "-f", path], env=env)
            letters = [x for x in done.lines() if " is incomplete" not in x
                       and "snapshot" not in x]
            self.that(done.code == 65 and len(letters) == 1, f"{done}")
            return self._tables(), letters

        want = store()
        for what, count in ((COMMIT, 1), (COMMIT, 100), (BEGIN, 8),
                            (ROLLBACK, 8)):
            self._empty()
            door = self.lab.door("mariadb", Lossy)
            door.what, door.count = what, count
            got = store({"MYSQL_URL": door.url})
            self.that(got == want and door.spoilt > 0,
                      f"{what}, {door.spoilt} spoilt: {got} for {want}")
        self._empty()
        p = self.lab.start(["sink", "-c", self.conf(
            sink={"batch": 1, "connections": 1}, mysql={"wait_timeout": "5m"}),
            "-f", path], self.lab.path("killed"))
        until(30, lambda: self.sql.number("SELECT COUNT(*) FROM chat_metrics"),
              "the first rows")
        self.lab.servers("kill", "mariadb")
        self.lab.servers("start", "mariadb")
        self.sql.client.kill()
        self.sql.client.wait()
        self.sql = Sql(self.lab)
        self.that(p.wait(200) == 65, open(self.lab.path("killed")).read())
        self.that(self._tables() == want[0], "a killed server")
        self._empty()

    def serve(self, *tls):
        """Serves the same data with another server."""
        socket = self.lab.path("socket")
        argv = ["mariadbd", "--no-defaults", *(
            ["--user=root"] if os.getuid() == 0 else []),
            "--datadir=" + self.lab.path("servers/mariadb/data"),
            "--socket=" + socket, "--bind-address=127.0.0.1",
            "--port=" + self.where.split(":")[1].split("/")[0],
            "--skip-name-resolve", "--pid-file=" + self.lab.path("pid"), *tls]
        server = self.lab.start(argv, self.lab.path("server.log"))
        until(30, lambda: os.path.exists(socket), "a server")
        return server

    def certificates_are_verified(self):
        """Nothing is sent in plaintext if they are wrong."""
        authority, other = (Authority(self.lab.tmp, ca)
                            for ca in ("ca", "other"))
        issued = {name: authority.issue(name, hosts, days, name + "-key")
                  for name, hosts, days in (
                      ("good", "DNS:localhost,IP:127.0.0.1", 2),
                      ("wrong", "DNS:elsewhere.example", 2),
                      ("expired", "DNS:localhost,IP:127.0.0.1", -1))}
        self.sql.close()
        self.lab.servers("stop", "mariadb")
        url = self.url.replace("127.0.0.1", "localhost")
        refuse = "check [mysql] ca_file and the server's certificate"
        for name, ca, code in (("good", authority, 0), ("good", other, 78),
                               ("wrong", authority, 78),
                               ("expired", authority, 78),
                               (None, authority, 78), (None, None, 0)):
            server = self.serve(*(
                ["--ssl-cert=%s" % issued[name][0],
                 "--ssl-key=%s" % issued[name][1]] if name
                else ["--skip-ssl"]))
            keys = {"url": url, "wait_timeout": "30s"}
            if ca:
                keys["ca_file"] = ca.pem
            conf = self.conf(mysql=keys)
            env = {"MYSQL_URL": ""}
            self.run(f"{name} of {ca}", "sink", "-c", conf, "-f", self.rows,
                     code=code, says=refuse if code else "", env=env)
            if code == 0 and ca:
                self.check("encrypted", "tls ok TLS", "-c", conf, env=env)
            server.terminate()
            server.wait()


run_checks(Test)
