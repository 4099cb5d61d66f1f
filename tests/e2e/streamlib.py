"""streamlib: streams in tests and benches: the generator, aggregator and sink
as daemons on private servers, and the expected tables. The expected values
come from a count of the records in Python, and for the tables of operators and
chats from the aggregator in a terminal over the same records, as a file.
"""

import json
import os
import re
import subprocess
import time
from collections import Counter
from datetime import datetime, timezone

import tables
from harness import TESTBIN

END = "--end--"
DAY_MS = 24 * 3600000
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
    for table in ("chat_metrics", "operator_metrics", "operator_metrics_parts",
                  "tenant_metrics", "tenant_metrics_parts"):
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

    def ready(self, name):
        """Ready messages in a queue, as the queue itself knows; the broker's
        list is seconds old."""
        return self.lab.in_queue(name)

    def queue_rests(self, *names):
        """True if everything in the queues has been acknowledged.
        Unacknowledged messages may be written later, on a busy machine much
        later."""
        return all(self.lab.in_queue(n, "total") == 0 for n in names)

    def dead_ids(self, name):
        """Takes a queue's dead letters and returns {(tenant, chat, id)};
        self.letter is the last one."""
        out = self.lab.must([TESTBIN + "/tools/amqp_probe", "-e", "read",
                             f"queue:{name}.dead"]).out
        found = set()
        for line in out.decode().splitlines():
            letter = json.loads(line.split("\t", 1)[1])
            r = json.loads(letter["record"])
            found.add((r.get("tenant"), r.get("chat"), r.get("id")))
            self.letter = line
        return found

    def reconnect(self):
        """Reconnects after the database was unavailable."""
        self.sql.client.kill()
        self.sql.client.wait()
        self.sql = Sql(self.lab)


class Totals:
    """What the tables must have after a stream of the generator: its records,
    counted one by one. Of a message that is a day older than the newest before
    it, nothing but `late` counts."""

    def __init__(self, path, kept=None):
        """KEPT: a file that gets the lines that are not late."""
        self.messages = self.late = 0
        self.seen, self.newest = set(), {}
        self.all_of_chat, self.events = Counter(), Counter()
        self.views, self.read = Counter(), set()
        self.chats = {}  # [count, writers, first, last]
        self.users = {}  # [count, chats, last]
        self.hours = {}  # [inbound, outbound]
        with open(path) as lines, open(kept or os.devnull, "w") as keep:
            for line in lines:
                if self.take(json.loads(line)):
                    keep.write(line)

    def take(self, r):
        """False for a late message."""
        tenant, kind = r["tenant"], r["type"]
        if kind == "view":
            self.views[tenant] += 1
            self.read.add((tenant, r["message"]))
        elif kind == "event" and self.is_new(tenant, r["id"]):
            self.events[tenant, r["user"], r["event"]] += 1
        elif kind == "message":
            at = millis(r["at"].rstrip("Z"))
            newest = self.newest.get(tenant, at)
            if at < newest - DAY_MS:
                self.late += 1
                return False
            self.newest[tenant] = max(at, newest)
            if self.is_new(tenant, r["chat"], r["id"]):
                self.count(r, tenant, at)
        return True

    def is_new(self, *key):
        is_new = key not in self.seen
        self.seen.add(key)
        return is_new

    def count(self, r, tenant, at):
        self.messages += 1
        self.all_of_chat[tenant, r["chat"]] += 1
        if r["from"] == "system" or r.get("private") or r.get("automated"):
            return
        chat = self.chats.setdefault((tenant, r["chat"]), [0, set(), at, at])
        chat[0] += 1
        chat[1].add((r["from"], r["user"]))
        chat[2:] = min(chat[2], at), max(chat[3], at)
        user = self.users.setdefault((tenant, r["user"]), [0, set(), at])
        user[0] += 1
        user[1].add(r["chat"])
        user[2] = max(user[2], at)
        hour = self.hours.setdefault(
            (tenant, r["channel"], at // 3600000 * 3600000), [0, 0])
        hour[r["from"] != "customer"] += 1

    def compare(self, checks, sql):
        for name in ("messages", "views", "events", "conversations", "users",
                     "channels"):
            getattr(self, "compare_" + name)(checks, sql)

    def _same(self, checks, what, want, got):
        """Both are {key: values}; reports lost, doubled and unexpected rows."""
        checks.that(want == got, f"{what}: {len(want)} expected, "
                    f"{len(got)} there")
        if want == got:
            return
        for key in sorted(set(want) | set(got), key=str)[:100000]:
            if want.get(key) != got.get(key):
                checks.that(False, f"{what} {key}: should be "
                            f"{want.get(key)}, is {got.get(key)}")

    def compare_messages(self, checks, sql):
        rows = sql.ask("SELECT tenant, conversation_id, COUNT(*) "
                       "FROM messages GROUP BY 1, 2")
        want = self.all_of_chat
        got = {(t, c): int(n) for t, c, n in rows}
        lost = sum(max(0, n - got.get(k, 0)) for k, n in want.items())
        more = sum(max(0, n - want.get(k, 0)) for k, n in got.items())
        checks.that(lost == 0, f"messages: lost {lost}")
        checks.that(more == 0, f"messages: unexpected or doubled {more}")

    def compare_views(self, checks, sql):
        rows = sql.ask("SELECT tenant, COUNT(*), COUNT(DISTINCT message_id) "
                       "FROM message_views GROUP BY 1")
        read = Counter(t for t, _ in self.read)
        self._same(checks, "views of",
                   {t: (n, read[t]) for t, n in self.views.items()},
                   {t: (int(n), int(d)) for t, n, d in rows})

    def compare_events(self, checks, sql):
        rows = sql.ask("SELECT tenant, user, event, count FROM event_counts")
        self._same(checks, "events of",
                   dict(self.events),
                   {(t, u, e): int(n) for t, u, e, n in rows})

    def compare_conversations(self, checks, sql):
        rows = sql.ask("SELECT tenant, conversation_id, message_count, "
                       "participant_count, created_at, last_message_at "
                       "FROM conversation_metrics")
        self._same(
            checks, "conversation",
            {k: (n, len(who), first, last)
             for k, (n, who, first, last) in self.chats.items()},
            {(t, c): (int(n), int(p), millis(first), millis(last))
             for t, c, n, p, first, last in rows})

    def compare_users(self, checks, sql):
        rows = sql.ask("SELECT tenant, user_id, message_count, "
                       "active_conversations, last_active FROM user_stats")
        self._same(
            checks, "user",
            {k: (n, len(chats), last)
             for k, (n, chats, last) in self.users.items()},
            {(t, u): (int(n), int(c), millis(last))
             for t, u, n, c, last in rows})

    def compare_channels(self, checks, sql):
        rows = sql.ask("SELECT tenant, channel, hour, messages, "
                       "inbound_messages, outbound_messages "
                       "FROM channel_metrics")
        self._same(
            checks, "channel",
            {k: (sum(n), *n) for k, n in self.hours.items()},
            {(t, c, millis(h)): (int(n), int(i), int(o))
             for t, c, h, n, i, o in rows})


def by_hand(lab, path):
    """The aggregator's rows of operators, chats and tenants from the records in
    a file: {table: {key: row}}."""
    done = lab.must(
        ["aggregator", "-a", "operators,chats,tenant", "-o", "ndjson", "-f",
         path], timeout=600)
    found = {t: {} for t in HAND}
    for line in done.out.splitlines():
        r = json.loads(line)
        if r.get("table") in found:
            row = stripped(r["table"], tables.row_of(r["table"], r))
            found[r["table"]][tables.key_of(r["table"], row)] = row
    return found


HAND = ("operator_metrics", "chat_metrics", "tenant_metrics")


def stripped(table, row):
    """A row without the time at which it was written."""
    return {c: v for c, v in row.items() if c != "as_of"}


def in_tables(sql):
    """The same from the database."""
    found = {}
    for table in HAND:
        names = ", ".join(f"`{c}`" for c in tables.compare.COLUMNS[table])
        rows = sql.ask(f"SELECT JSON_ARRAY({names}) FROM {table}")
        found[table] = {}
        for line in rows:
            row = tables.row_of(table, json.loads(unescaped(line[0])))
            if table == "chat_metrics" and row["status"] != "open":
                continue
            found[table][tables.key_of(table, row)] = stripped(table, row)
    return found


def unescaped(text):
    """The client's batch output doubles backslashes."""
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(
        m[1], m[1]), text)
