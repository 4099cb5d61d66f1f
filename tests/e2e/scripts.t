#!/usr/bin/env -S python3 -B
"""The scripts as people use them: cron jobs are silent while everything works,
tenants are added and removed while jobs run, and a failing tenant does not
delay the others.
"""

import json
import os
import re

from harness import BIN, Checklist, run_checks, until

SCRIPTS = os.path.abspath("scripts")


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        self.sim = lab.sim("--account", "one-token:5:12", "--account",
                           "two-token:6:5", "--pace", 60)
        self.database = lab.door("mariadb")
        for folder in ("state", "tenants"):
            os.mkdir(lab.path(folder), 0o700)
        self.sections = {
            "amqp": {"url": lab.env.pop("AMQP_URL")},
            "mysql": {"url": self.database.url},
            "aggregator": {"state": lab.path("aggregator")},
            "poller": {"state": lab.path("state"),
                       "tenants": lab.path("tenants")}}
        del lab.env["MYSQL_URL"]
        lab.env.update(MESSAGING_BIN=BIN, MESSAGING_CONFIG=lab.conf(
            "messaging.conf", self.sections))
        lab.must(["sink", "--migrate"])

    def cron(self, script, *more, code=0, says=""):
        """Runs a script in cron's environment; its output would be a mail."""
        lab = self.lab
        done = lab.run([
            "env", "-i", f"HOME={lab.tmp}", "SHELL=/bin/sh",
            "PATH=/usr/bin:/bin", f"MESSAGING_BIN={BIN}",
            "MESSAGING_CONFIG=" + lab.path("messaging.conf"),
            f"{SCRIPTS}/{script}", "-l", lab.path(script + ".lock"), *more])
        mail = done.out.decode() + done.err
        self.that(done.code == code and (says is None or mail == says),
                  f"{script}: exit {done.code}, not {code}, mail {mail!r}")
        return mail

    def tenant(self, *words, token="", code=0):
        done = self.lab.run(["scripts/tenant", *words],
                            stdin=token.encode() + b"\n" * bool(token))
        self.that(done.code == code and (code or not done.err),
                  f"tenant {words}: {done}")
        return done

    def add(self, name, *options, **kw):
        return self.tenant("add", name, "--url", self.sim.url, *options, **kw)

    def _listed(self):
        return {r["tenant"]: r for r in self.tenant("list").records()}

    def number(self, statement):
        return int(self.lab.sql(statement)[0][0])

    def chats(self, tenant, more="status = 'open'"):
        return self.number("SELECT COUNT(*) FROM chat_metrics WHERE "
                           f"tenant = '{tenant}' AND {more}")

    def as_of(self, tenant):
        return self.lab.sql("SELECT as_of FROM tenants WHERE "
                            f"tenant = '{tenant}'")[0][0]

    def report(self, *options):
        return self.lab.must(["sink", "--now", *options])

    def added(self):
        done = self.add("one", token="no-token", code=77)
        self.that("the CRM refuses the token: " in done.err, done)
        self.that(not os.path.exists(self.lab.path("tenants/one.conf")),
                  "a refused tenant is there")
        self.add("one", token="one-token")
        self.cron("job")
        self.equal(self.chats("one"), 12, "chats of one")
        self.cron("reap")

    def beside_daemons(self):
        """A daemon that reads a queue is left alone."""
        lab, before = self.lab, self.as_of("one")
        self.sim.advance(120)
        daemons = [lab.start(argv, lab.path("log")) for argv in (
            ["aggregator", "-f", "queue:records", "-t", "queue:rows", "--every",
             "50ms"], ["sink", "-f", "queue:rows"])]
        until(20, lambda: lab.must(
            ["aggregator", "--declare"], stdin=b"readers records\nreaders rows\n"
        ).out == b"1 records\n1 rows\n", "readers")
        self.cron("job")
        until(20, lambda: self.as_of("one") > before, "rows of the daemons")
        self.equal([lab.end(p) for p in daemons], [0, 0], lab.text("log"))

    def another_while_a_job_runs(self):
        lab = self.lab
        job = lab.start([SCRIPTS + "/job", "-l", lab.path("job.lock")],
                        lab.path("during"))
        self.token_of_two = lab.write("two.token", "two-token\n")
        self.add("two", "--token-file", self.token_of_two)
        self.equal((job.wait(), lab.text("during")), (0, ""), "the job")
        self.sim.advance(60)
        self.cron("job")
        self.that(self.chats("two") > 0, "the second company was not read")
        found = self._listed()
        self.equal({t: r["state"] for t, r in found.items()},
                   {"one": "current", "two": "current"}, "the list")
        self.equal(found["two"]["open_chats"], self.chats("two"), "the tenant's chats")
        # A tenant whose CRM only pushes has no token.
        key = lab.write("pushed.key", "0123456789abcdef\n")
        self.tenant("add", "pushed", "--profile", "chatwoot", "--no-token",
                    "--set", "account=1", "--set", "hook=signature", "--set",
                    "hook_secret_file=" + key)
        self.cron("job")
        self.tenant("remove", "pushed")

    def reports(self):
        """All tenants, or one, as a table."""
        table = self.report().out.decode()
        for pattern in (r"one, as of 20[\d-]* [\d:]* [A-Z]",
                        r"two, as of 20[\d-]* [\d:]* [A-Z]",
                        f"open {self.chats('two')}, unassigned ",
                        "OPERATOR *WAITING *LONGEST *AVAIL"):
            self.that(re.search("(?m)^" + pattern, table), f"{pattern}: {table}")
        one = self.report("--tenant", "one").out.decode()
        self.that("one, as of" in one and "two, as of" not in one,
                  f"only one: {one}")

    def one_fails(self):
        """One tenant fails: the other is served, and the exit code reports the
        failure."""
        self.lab.write("two.token", "wrong-token\n")
        before = self.as_of("two")
        self.sim.advance(60)
        mail = self.cron("job", code=77, says=None)
        self.that("two" in mail and "wrong-token" not in mail, mail)
        self.equal(self.as_of("two"), before, "the one that fails")
        self.that(self.as_of("one") > before, "the other one is not newer")
        self.add("two", "--replace", token="two-token")
        self.cron("job")

    def closed_and_reopened(self):
        chat = self.lab.sql("SELECT chat FROM chat_metrics WHERE tenant = 'one' "
                            "AND status = 'open' ORDER BY chat LIMIT 1")[0][0]
        account = {"dialog": chat, "account": "one-token"}
        self.sim.control("act", do="close", **account)
        self.sim.advance(1)
        self.cron("job")
        self.cron("reap", "--archive", self.lab.path("archive"))
        self.equal(self.chats("one", f"chat = '{chat}'"), 0, "the closed chat")
        self.that(chat in [json.loads(line).get("chat") for line in
                           self.lab.text("archive").splitlines()],
                  f"chat {chat} is not in the archive")
        self.sim.control("act", do="client", **account)
        # A poll knows the CRM's clock to within half the duration of its first
        # call.
        self.sim.advance(10)
        self.cron("job")
        self.cron("reap")
        self.equal(self.chats("one", f"chat = '{chat}' AND status = 'open'"), 1,
                   "the reopened chat")

    def database_away(self):
        """Rows wait in the queue for the next minute."""
        sections, before = self.sections, self.as_of("one")
        self.database.shut()
        self.lab.conf("messaging.conf", {**sections, "mysql": {
            **sections["mysql"], "wait_timeout": "1s"}})
        self.sim.advance(60)
        self.cron("job", code=75, says=None)
        self.lab.conf("messaging.conf", sections)
        self.database.open()
        self.cron("job")
        self.that(self.as_of("one") > before, "nothing newer was stored")

    def removed(self):
        """With --purge, a tenant is also removed from the tables and the
        state."""
        def kept():
            return [f for f in os.listdir(self.lab.path("state"))
                    if f.startswith("two")]

        self.tenant("remove", "two")
        self.cron("job")
        self.equal(self._listed()["two"]["file"], "not configured", "it is shown")
        self.that("two.mdb" in kept(), kept())
        self.tenant("remove", "two", "--purge")
        self.equal(kept(), [], "what is kept of it")
        self.cron("job")
        for table in ("chat_metrics", "operator_metrics"):
            self.equal(self.number(f"SELECT COUNT(*) FROM {table} WHERE "
                                   "tenant = 'two'"), 0, table)
        self.equal(self._listed()["two"]["state"], "purged", "its state")
        self.that(self.chats("one") > 0, "the other company is gone, too")


run_checks(Test)
