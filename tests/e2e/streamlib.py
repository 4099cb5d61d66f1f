"""streamlib: streams in tests and benches: the generator, aggregator and sink
as daemons on private servers, and the expected values, which come from a count
of the records in Python.
"""

import json
import subprocess
import time
from collections import Counter
from datetime import datetime, timezone

from harness import TESTBIN

END = "--end--"
IN, ROWS = "stream.in", "stream.rows"
METRICS = "operators,chats,tenant,events,messages,views,conversations,users"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def millis(text):
    """A DATETIME(3) of the tables, or a time of a record."""
    if text in (None, "NULL"):
        return None
    d = datetime.fromisoformat(
        text.rstrip("Z")).replace(tzinfo=timezone.utc) - EPOCH
    return (d.days * 86400 + d.seconds) * 1000 + d.microseconds // 1000


def endpoint(name):
    """The name of a queue without a kind stands for that queue."""
    return name if ":" in name else "queue:" + name


class Sql:
    """One persistent client session, so a query starts no process."""

    def __init__(self, lab):
        self.lab = lab
        self.client = subprocess.Popen(
            lab.mysql_argv("-n"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            encoding="utf-8",
        )

    def ask(self, statement):
        """Runs a statement; rows are lists of text."""
        self.client.stdin.write(f"{statement}; SELECT '{END}';\n")
        self.client.stdin.flush()
        rows = []
        for line in self.client.stdout:
            if line == END + "\n":
                return rows
            rows.append(line.rstrip("\n").split("\t"))
        raise AssertionError(f"the client ended over: {statement}")

    def number(self, statement):
        return int(self.ask(statement)[0][0])

    def written(self):
        """A value that changes whenever a row of this test's database does;
        cheap."""
        return self.ask(
            "SELECT SUM(ROWS_CHANGED) FROM information_schema.TABLE_STATISTICS "
            f"WHERE TABLE_SCHEMA = '{self.lab.database}'"
        )

    def close(self):
        self.client.stdin.close()
        self.client.wait(20)
        self.client.stdout.close()


def tell_changes(sql):
    """Reports a test's changes to the tables behind /api/v1/now the way the
    programs do, which take a slot of the tenant for each change."""
    for table in ("chat_metrics", "operator_metrics", "tenant_metrics"):
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"),
                           ("DELETE", "OLD")):
            sql.ask(f"CREATE TRIGGER tell_{table}_{event} AFTER {event} ON "
                    f"{table} FOR EACH ROW INSERT INTO tenant_locks (tenant, "
                    f"slot, uses) VALUES ({row}.tenant, 0, 1) ON DUPLICATE KEY "
                    "UPDATE uses = uses + 1")


class House:
    """Servers and daemons in a Lab, and the tables they fill."""

    def __init__(self, lab, *servers, conf=None, pool="256M",
                 private=False):
        self.lab = lab
        lab.env.setdefault(
            "MYSQL_OPTIONS", f"--innodb-buffer-pool-size={pool} "
            "--innodb-log-file-size=512M --userstat=1")
        lab.start_servers(*servers, private=private)
        self.conf = lab.conf("messaging.conf", conf or {"sink": {}})
        self.state = lab.path("state")
        self.running = {}
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self.sql = Sql(lab)

    def aggregator(self, *options, metrics=METRICS, name="aggregator",
                   state=None, source=IN, to=ROWS, every="50ms"):
        return self._start(name, [
            "aggregator", "-c", self.conf, "-a", metrics, "--every", every,
            "-f", endpoint(source), "-t", endpoint(to),
            "--state", state or self.state, *options,
        ])

    def sink(self, *options, name="sink", source=ROWS):
        return self._start(name, [
            "sink", "-c", self.conf, "-f", endpoint(source), *options,
        ])

    def _start(self, name, argv):
        log = self.lab.path(name + ".log")
        p = self.lab.start(argv, log)
        self.running[name] = p
        return p

    def log(self, name):
        with open(self.lab.path(name + ".log"), errors="replace") as f:
            return f.read()

    def check_alive(self):
        for name, p in self.running.items():
            if p.poll() is not None:
                raise AssertionError(
                    f"{name} ended with {p.returncode}: "
                    + self.log(name)[-2000:]
                )

    def stop(self, name):
        """Stops a daemon; returns its exit code."""
        p = self.running.pop(name)
        p.terminate()
        code = p.wait(60)
        self.lab.processes.remove(p)
        return code

    def kill(self, name):
        p = self.running.pop(name)
        p.kill()
        p.wait()
        self.lab.processes.remove(p)

    def load(self, *options, wait=True, source=IN, **kw):
        """The generator's own totals, or with wait=False its process."""
        argv = [TESTBIN + "/load", "-c", self.conf, *options]
        if "-t" not in options:
            argv += ["-t", "queue:" + source]
        if not wait:
            return self.lab.start(argv, self.lab.path("load.log"), **kw)
        done = self.lab.must(argv, timeout=3600, **kw)
        return json.loads(done.lines()[-1])

    def rest(self, seconds, good, rest=1.0, every=0.02):
        """Waits until nothing has been written for a while and good() holds;
        returns the time of the last change. Seconds are those of until()."""
        was, last, asked = None, time.monotonic(), 0
        seconds *= 4
        end = last + seconds
        while True:
            now, is_ = time.monotonic(), self.sql.written()
            if is_ != was:
                was, last = is_, now
            if now - last > rest and asked < last:
                asked = now
                if good():
                    return last
            if now - last > rest and now - asked > 5:
                asked = 0 # good() may read something other than rows
            if now > end:
                raise AssertionError(
                    f"the tables do not come to what they should within "
                    f"{seconds} s"
                )
            self.check_alive()
            time.sleep(every)

    def queue_rests(self, *names):
        """True if everything in the queues has been acknowledged.
        Unacknowledged messages may be written later, on a busy machine much
        later."""
        return all(self.lab.in_queue(n, "total") == 0 for n in names)


class Totals:
    """What the tables must have after a stream of the generator without late
    records: its messages, counted one by one."""

    def __init__(self, path):
        self.messages, self.seen = 0, set()
        self.all_of_chat = Counter()
        self.users = {}  # [count, chats, last]
        with open(path) as lines:
            for line in lines:
                r = json.loads(line)
                key = r["tenant"], r.get("chat"), r.get("id")
                if r["type"] == "message" and key not in self.seen:
                    self.seen.add(key)
                    self.count(r, r["tenant"])

    def count(self, r, tenant):
        at = millis(r["at"].rstrip("Z"))
        self.messages += 1
        self.all_of_chat[tenant, r["chat"]] += 1
        if r["from"] == "system" or r.get("private") or r.get("automated"):
            return
        user = self.users.setdefault((tenant, r["user"]), [0, set(), at])
        user[0] += 1
        user[1].add(r["chat"])
        user[2] = max(user[2], at)

    def compare_messages(self, checks, sql):
        rows = sql.ask("SELECT tenant, conversation_id, COUNT(*) "
                       "FROM messages GROUP BY 1, 2")
        want = self.all_of_chat
        got = {(t, c): int(n) for t, c, n in rows}
        lost = sum(max(0, n - got.get(k, 0)) for k, n in want.items())
        more = sum(max(0, n - want.get(k, 0)) for k, n in got.items())
        checks.that(lost == 0, f"messages: lost {lost}")
        checks.that(more == 0, f"messages: unexpected or doubled {more}")

    def compare_users(self, checks, sql):
        got = {(t, u): (int(n), int(c), millis(last))
               for t, u, n, c, last in sql.ask(
                   "SELECT tenant, user_id, message_count, "
                   "active_conversations, last_active FROM user_stats")}
        want = {k: (n, len(chats), last)
                for k, (n, chats, last) in self.users.items()}
        wrong = [(k, want.get(k), got.get(k)) for k in set(want) | set(got)
                 if want.get(k) != got.get(k)]
        checks.that(not wrong, f"{len(wrong)} users: {wrong[:3]}")
