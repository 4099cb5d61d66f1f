#!/usr/bin/env -S python3 -B
"""scripts/health-check.sh reports problems in one line, with the exit code
that Nagios expects: each check finds its own fault and no other.
"""

import glob
import json
import os
import re
import subprocess
import time

from harness import BIN, PROBE, Checklist, run_checks, shown_in, until

CHECK = "scripts/health-check.sh"
LEVELS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
STREAM = r"\S+ in charge of records since [^ ,]+Z"
# The CRM's clock may differ from ours.
PATIENT = ["--warning", "100000d", "--critical", "200000d", "--timeout", "60"]


def command_lines(pid):
    """Command lines of a process and of all its descendants."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            found = [f.read().replace(b"\0", b" ").decode()]
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            children = f.read().split()
    except OSError: # it has ended
        return []
    return found + [x for child in children for x in command_lines(child)]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        self.passwords = [lab.env[k].split("@")[0].split(":")[2]
                          for k in ("AMQP_URL", "MYSQL_URL")]
        self.broker, self.database = lab.door("rabbitmq"), lab.door("mariadb")
        del lab.env["AMQP_URL"], lab.env["MYSQL_URL"]
        self.sim = lab.sim("--account", "one-token:3:6")
        for folder in ("state", "metrics"):
            os.mkdir(lab.path(folder))
        self.metrics = lab.path("metrics")
        self.conf = lab.conf("conf", {
            "amqp": {"url": self.broker.url, "wait_timeout": "10s"},
            "mysql": {"url": self.database.url},
            "crm one": {"url": self.sim.url, "budget": 5000,
                        "token_file": self.token("one-token")},
            "poller": {"state": lab.path("state")},
            "metrics": {"folder": self.metrics}})
        lab.env.update(MESSAGING_CONFIG=self.conf, MESSAGING_BIN=BIN)
        lab.must(["sink", "--migrate"])

    def token(self, text):
        return self.lab.write("token", text + "\n")

    def says_once(self, done, code, pattern):
        out = done.out.decode()
        self.that(done.code == code and not done.err and out.count("\n") == 1
                  and re.match(f"MESSAGING {LEVELS[code]} - {pattern}", out)
                  and not any(p in out for p in self.passwords),
                  f"{out!r}, {done}, not {code} with {pattern!r}")

    def checked(self, code, pattern, *options):
        self.says_once(self.lab.run([CHECK, *PATIENT, *options]), code, pattern)

    def job(self, script="job", fails=None):
        done = self.lab.run(["scripts/" + script, "-l", self.lab.path("lock")])
        self.that(bool(done.code) == bool(fails), f"{script}: {done}")
        return done

    def _failing_job(self):
        self.token("wrong")
        self.job(fails=True)
        self.token("one-token")

    def files(self, task):
        return glob.glob(f"{self.metrics}/messaging_{task}_*.prom")

    def values(self, task):
        """The value of each metric in a job's file."""
        path, = self.files(task)
        with open(path, encoding="utf-8") as f:
            return {key: float(value) for key, value in (
                line.rsplit(" ", 1) for line in f if not line.startswith("#"))}

    def value(self, task, name, **labels):
        config = f'config="{os.path.realpath(self.conf)}"'
        more = "".join(f',{k}="{v}"' for k, v in labels.items())
        return self.values(task)[
            f'messaging_job_{name}{{task="{task}",{config}{more}}}']

    def succeeded(self, task):
        return self.value(task, "last_success_timestamp_seconds")

    def _runs(self):
        return [self.value("job", "runs_total", result=result)
                for result in ("success", "failure")]

    def calls(self, result):
        return self.values("calls_poll")[
            'messaging_crm_calls_total{mode="poll",tenant="one",'
            f'result="{result}"}}']

    def _all_calls(self):
        """Calls of each mode, and the rest of the budget."""
        return sum(value for mode in ("poll", "status")
                   for key, value in self.values("calls_" + mode).items()
                   if key.startswith("messaging_crm"))

    def set_success(self, task, ago):
        """Writes that a job last succeeded that many seconds ago; None:
        never."""
        for path in self.files(task):
            with open(path, encoding="utf-8") as f:
                text = f.read()
            at = 0 if ago is None else int(time.time()) - ago
            with open(path, "w", encoding="utf-8") as f:
                f.write(re.sub(r"(success_timestamp_seconds{.*}) .*",
                               rf"\1 {at}", text))

    def _jobs_succeed(self):
        """Keeps the jobs fresh, however long the test takes."""
        for task in ("job", "reap"):
            self.set_success(task, 0)

    def before_the_first_run(self):
        self.checked(2, r"no metrics \|")
        self.equal(os.listdir(self.metrics), [], "metrics")

    def how_jobs_ended(self):
        before = int(time.time())
        self.job()
        self.job("reap")
        for task in ("job", "reap"):
            self.that(self.succeeded(task) >= before, f"no success of {task}")
        self.equal(self._runs(), [1, 0], "runs")
        self.equal(os.stat(self.files("job")[0]).st_mode & 0o777, 0o644, "mode")
        at = self.succeeded("job")
        self._failing_job()
        self.equal((self._runs(), self.succeeded("job")), ([1, 1], at), "failed")
        self.equal(self.value("job", "last_run_succeeded"), 0, "the last run")
        self.equal(sorted(re.sub(r"_\d+\.", "_N.", name)
                          for name in os.listdir(self.metrics)),
                   ["messaging_calls_poll_one.prom",
                    "messaging_calls_status_one.prom", "messaging_job_N.prom",
                    "messaging_reap_N.prom", "messaging_sink_rows.prom"],
                   "files")
        os.rename(self.metrics, self.lab.path("gone"))
        done = self.job()
        self.that(re.search("cannot write .*messaging_job_.*prom", done.err),
                  f"no folder of metrics: {done}")
        os.rename(self.lab.path("gone"), self.metrics)

    def calls_are_counted(self):
        ok, refused = self.calls("ok"), self.calls("refused")
        self.that(ok > 1 and refused > 0, f"calls: {ok}, {refused}")
        self.job()
        self.that(self.calls("ok") > ok, "no calls")
        self.equal(self.calls("refused"), refused, "refused")
        whole = self._all_calls()
        self.that(whole > 4000, f"calls and their budget: {whole}")
        self._failing_job()
        self.that(self.calls("refused") > refused, "no call was refused")
        self.equal(self._all_calls(), whole, "calls and their budget")

    def described(self):
        """Each metric has an entry in messaging-monitoring(7)."""
        text = ""
        for path in glob.glob(self.metrics + "/*.prom"):
            with open(path, encoding="utf-8") as f:
                text += f.read()
        with open("man/man7/messaging-monitoring.7", encoding="utf-8") as f:
            page = f.read()
        for name in set(re.findall(r"(?m)^# TYPE (\w+) ", text)):
            self.that(re.search(rf"(?m)^\.It Li {name}\b", page), name)

    def all_is_well(self):
        self._jobs_succeed()
        self.checked(0, rf"1 tenants; {STREAM} \| dead_letters=0;0 "
                     "age_one=[0-9]+s;8640000000;17280000000")
        self.checked(0, "1 tenants; .* job_job=[0-9]+s;[0-9;]* job_reap=[0-9]+s")
        self.checked(0, "1 tenants", "--tenant", "one")
        standby = f"{self.metrics}/messaging_aggregator_records.prom"
        for reading, waits in ("1", " \\|"), ("0", ", an aggregator waits here"):
            with open(standby, "w", encoding="utf-8") as f:
                f.write('messaging_stream_reading{program="aggregator",'
                        f'queue="records"}} {reading}\n')
            self.checked(0, f".* in charge of records since [^ ,]*Z{waits}")
        os.unlink(standby)
        lines = shown_in("messaging-monitoring.7", "HEALTH CHECK").splitlines()
        self.equal(len(lines), 3, "lines of the page")
        for line in lines:
            line = line.replace("/var/lib/messaging-analytics/listener",
                                self.lab.path("state")).replace("acme", "one")
            done = self.lab.run(["bash", "-c", "scripts/" + line])
            self.that(done.code in (0, 1, 2), f"{line}: {done}")
        done = self.lab.run(["sink", "-n", "-c", self.lab.write(
            "page.conf", shown_in("messaging-monitoring.7",
                                  "The jobs of cron"))])
        self.that(done.code == 0 or "no database" in done.err, done)

    def other_complaints(self):
        """Complaints of other programs and shells do not count as the
        answer."""
        os.chmod(self.conf, 0o644)
        self.checked(0, rf"1 tenants; {STREAM} \| dead_letters=0;0 age_one=")
        os.chmod(self.conf, 0o600)
        # Ages and free disk space change meanwhile.
        want, got = (re.sub(rb"=\d*[s%]", b"", self.lab.run(
            [CHECK, *PATIENT], env=env).out)
            for env in ({}, {"LC_ALL": "xx_XX.UTF-8"}))
        self.equal(got, want, "with a locale that does not exist")
        with open("/dev/full", "wb") as full:
            self.equal(subprocess.run(
                [CHECK], stdout=full, stderr=subprocess.DEVNULL, check=False,
                env=self.lab.env).returncode, 3, "nowhere to write")

    def old_metrics(self):
        sql = self.lab.sql
        sql("UPDATE tenants SET as_of = UTC_TIMESTAMP(3) + INTERVAL 2 HOUR")
        self.checked(1, "the newest of one is 7[0-9]* s in the future: is a "
                     "clock wrong", "--warning", "10m", "--critical", "1h")
        # Without -w, as soon as the board says stale.
        for table in ("tenants", "tenant_metrics"):
            sql(f"UPDATE {table} SET as_of = UTC_TIMESTAMP(3) - "
                "INTERVAL 219 SECOND")
        for sign, late in ("-", True), ("+", False):
            sql(f"UPDATE tenants SET stale_at = UTC_TIMESTAMP(3) {sign} "
                "INTERVAL 5 MINUTE")
            self._jobs_succeed()
            done = self.lab.run([CHECK])
            self.that((b"the newest of one is 2" in done.out) == late
                      and done.code == late, f"219 s, {sign}: {done}")
        for table in ("tenants", "tenant_metrics"):
            sql(f"UPDATE {table} SET as_of = UTC_TIMESTAMP(3) - "
                "INTERVAL 20 MINUTE")
        old = (r"the newest of one is 1[0-9]* s old; 1 tenants; "
               rf"{STREAM} \|")
        for code, pattern, warn, critical in (
                (1, old, "10m", "1h"), (2, old, "9m", "10m"),
                (0, "1 tenants", "1h", "2h")):
            self._jobs_succeed()
            self.checked(code, pattern, "--warning", warn, "--critical", critical)
        self.checked(2, "no metrics of two", "--tenant", "two")

    def purged(self):
        """A tenant of a stream that returns."""
        for minute in (0, 1):
            now = time.time()
            self.lab.must(["sink"], stdin=json.dumps({
                "type": "row", "table": "tenant_metrics", "tenant": "flow",
                "operators": 1, "version": int(now * 1000), "as_of":
                time.strftime("%FT%TZ", time.gmtime(now + 60 * minute))
            }).encode() + b"\n")
            self.checked(0, "2 tenants; .* age_flow=")
            self.lab.must(["reaper", "--purge", "flow"])
            self.checked(0, "1 tenants")

    def job_without_success(self):
        self._jobs_succeed()
        self.set_success("job", 1200)
        self.checked(2, ".*the last success of job is 1[2-9].. s old",
                     "--warning", "5m", "--critical", "15m")
        self._jobs_succeed()
        self.set_success("reap", 1200)
        self.checked(1, "the newest of one .*; the last success of reap is "
                     "1[2-9].. s old;", "--warning", "15m", "--critical", "1h")
        self.set_success("reap", None)
        self.checked(2, "reap has not succeeded yet;")
        self._jobs_succeed()
        self.checked(0, "1 tenants")

    def report_not_mailed(self):
        for status, code, says in (
                (69, 1, "the last report was not mailed; 1 tenants"),
                (0, 0, "1 tenants")):
            self.lab.must(["bash", "-euc", '. scripts/lib.sh; config=$1; '
                           'job_metrics report "$2" 2', "-", self.conf, status])
            self.set_success("report", 600000)
            self.checked(code, says, "--warning", "1d", "--critical", "2d")

    def dead_letters(self):
        self.lab.put("rows", ['{"type":"row","table":"x"}'])
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])
        self.checked(1, "1 messages of dead letters in rows.dead; 1 tenants; "
                     rf"{STREAM} \| dead_letters=1;0")
        self.lab.must([PROBE, "-e", "read", "queue:rows.dead"])
        self.checked(0, "1 tenants")

    def silent_or_refused_notifier(self):
        plain = self.lab.text("conf")
        self.lab.write("conf", plain + "[notify hook]\n"
                       "url = http://127.0.0.1:9/hook\n"
                       "[notice long]\nwhen = waiting\nfor = 30d\n")
        self.checked(1, "no notifier has run for a receiver and a rule; start "
                     "messaging-notify")
        self.job()
        self.job() # stores the rows about receivers of the first one
        self.checked(0, "1 tenants")
        self.lab.sql("UPDATE notice_deliveries SET failing_since = as_of")
        self.checked(1, "receiver hook of notices fails")
        self.lab.sql("UPDATE notice_deliveries SET failing_since = NULL, "
                     "as_of = as_of - INTERVAL 20 MINUTE")
        self.checked(1, ".*the state of receiver hook of notices is 1[2-9].. s "
                     "old", "--warning", "15m", "--critical", "1h")
        self.lab.sql("INSERT INTO notice_deliveries (tenant, receiver, "
                     "failing_since, as_of, version) VALUES "
                     "('gone', 'hook', '2026-01-01', '2026-01-01', 1), "
                     "('acme', 'removed', '2026-01-01', '2026-01-01', 1)")
        self.lab.sql("UPDATE notice_deliveries SET as_of = UTC_TIMESTAMP(3) "
                     "WHERE receiver = 'hook' AND failing_since IS NULL")
        self.checked(0, "1 tenants")
        self.lab.sql("DELETE FROM notice_deliveries")
        self.lab.write("conf", plain)

    def full_disk(self):
        disk = "only [0-9]* % of the disk of .*/state is free; 1 tenants"
        self.checked(1, disk, "-d", "101,0")
        self.checked(2, disk, "-d", "101,101")
        none = self.lab.path("none")
        self.checked(2, f"cannot access the folder {none}; 1 tenants", "-s",
                     none)

    def ended_daemon(self):
        """A daemon that setup started without systemd, before a boot and
        after it."""
        path = self.lab.path("board.pid") # beside the state
        daemon = self.lab.start(["sleep", "900"], self.lab.path("daemon"))
        self.lab.must(["sh", "-c", '. scripts/process.sh; remember "$1" "$2"',
                       "-", path, daemon.pid])
        self.checked(0, "1 tenants")
        daemon.kill()
        daemon.wait()
        self.lab.processes.remove(daemon)
        self.checked(2, "the board has ended; run setup --restart; 1 tenants")
        os.unlink(path)

    def other_schema(self):
        newest = "FROM schema_migrations ORDER BY number DESC LIMIT 1"
        self.lab.sql(f"CREATE TABLE kept AS SELECT * {newest}; DELETE {newest}")
        self.checked(2, "the schema has version [0-9]*, not [0-9]*; run "
                     "sink --migrate; 1 tenants")
        self.lab.sql("INSERT INTO schema_migrations SELECT * FROM kept")
        self.checked(0, "1 tenants")

    def servers_away(self):
        self.broker.shut()
        self.checked(2, "broker: cannot reach RabbitMQ .*; 1 tenants")
        self.broker.open()
        self.database.shut()
        self.checked(2, "database: .*[Cc]an.t connect")
        self.database.open()
        self.checked(0, "1 tenants")

    def database_hangs(self):
        """The check gives up, and no command line contains a password
        meanwhile."""
        self.database.freeze()
        check = self.lab.start([CHECK, *PATIENT[:-1], "10"],
                               self.lab.path("out"))
        lines = until(20, lambda: (
            found := "\n".join(command_lines(check.pid))) and
            " --sql SELECT" in found and found,
            "a question to the database")
        self.that(not any(p in lines for p in self.passwords), lines)
        self.equal(check.wait(), 2, "exit status")
        # A busy broker may time out, too.
        late = "no answer within 10 s"
        self.that(re.match(
            rf"MESSAGING CRITICAL - (broker: {late}; )?database: {late} \|",
            self.lab.text("out")), self.lab.text("out"))
        self.database.open()

    def used_wrongly(self):
        for words, pattern in (
                ("--timeout x", "'x' is not a time"),
                ("--timeout 0", "--timeout must be at least 1"),
                ("--timeout 0m", "--timeout must be at least 1"),
                ("--what", "unknown argument '--what'"),
                ("-c", "-c needs a value"), ("-d 5", "-d takes two"),
                (f"-c {self.lab.path('none')}", "cannot read the configuration"),
                (f"-b {self.lab.tmp}", "cannot find the program")):
            self.checked(3, pattern, *words.split())
        half = self.lab.write("half", re.sub("url = mysql.*", "",
                                             self.lab.text("conf")))
        self.checked(2, "database: no database is configured; .*", "-c", half)


run_checks(Test)
