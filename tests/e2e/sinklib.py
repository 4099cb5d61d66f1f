"""sinklib: rows for the tests of the sink, and the expected tables."""

import json
import subprocess
import time
from datetime import datetime, timezone

from harness import Checklist
from streamlib import Sql

CHATS = 1000 # the first chat of a snapshot has the next number


def text(records):
    """Lines of records, which are dictionaries or text."""
    return "".join((r if isinstance(r, str) else json.dumps(
        r, ensure_ascii=False)) + "\n" for r in records)


def snapshot(tenant, name, minute, operators, chats, first=1):
    """A snapshot of rows as of 10:MINUTE, with figures that depend on the
    minute. Chats are numbered from FIRST."""
    as_of = f"2026-11-20T10:{minute:02}:00.000Z"
    marker = {"type": "snapshot", "tenant": tenant, "snapshot": name,
              "at": as_of}

    def row(table, **columns):
        return {"type": "row", "table": table, "tenant": tenant,
                "snapshot": name, "as_of": as_of, **columns}

    return [
        {**marker, "state": "begin"},
        *(row("operator_metrics", operator=str(i), name=f"Op {i}",
              available=i % 2 == 1, open_chats=minute + i,
              reported_open_chats=i, responses=minute,
              avg_response_seconds=minute + 0.125, longest_wait_seconds=None)
          for i in range(1, operators + 1)),
        *(row("chat_metrics", chat=str(CHATS + i),
              operator=str(1 + i % 3) if i % 5 else None, channel="telegram",
              customer=str(i), customer_phone=f"+55{i}",
              tag="vip" if i % 2 else None, status="open",
              opened_at="2026-11-20T09:00:00.000Z", messages=minute + i,
              responses=minute, avg_response_seconds=minute + i / 1000,
              waiting_since="2026-11-20T09:59:00.500Z" if i % 2 else None)
          for i in range(first, first + chats)),
        row("tenant_metrics", operators=operators, open_chats=chats),
        {**marker, "state": "end", "records": operators + chats + 1},
    ]


class Tables(Checklist):
    """A database with the tables, the programs that fill it, and checks."""

    def __init__(self, lab, *servers, private=False):
        super().__init__(lab)
        lab.start_servers(*servers, private=private)
        lab.must(["sink", "--migrate"])
        self.sql = Sql(lab)
        self.files = 0

    def conf(self, **sections):
        self.files += 1
        return self.lab.conf(f"conf{self.files}", sections)

    def file(self, records):
        self.files += 1
        return self.lab.write(f"records{self.files}", records if isinstance(
            records, (bytes, str)) else text(records))

    def run(self, what, *argv, code=0, says="", env=None):
        """Runs a program. SAYS: text in its one line on stderr, or none."""
        done = self.lab.run(argv, env=env)
        lines = [line for line in done.lines() if says not in line] \
            if says else done.lines()
        self.that(done.code == code and not lines and says in done.err,
                  f"{what}: {argv}: {done}, not {code} with {says!r}")
        return done

    def store(self, what, records, *options, code=0, says="", conf=None):
        """Stores records from a file, which makes batches of known size."""
        conf = ("-c", conf) if conf else ()
        return self.run(what, "sink", *conf, *options, "-f",
                        self.file(records), code=code, says=says)

    def found(self, statement):
        """Rows as values separated by blanks."""
        return [" ".join(row) for row in self.sql.ask(statement)]

    def holds(self, what, want, statement):
        """WANT: the rows, separated by commas."""
        got = ",".join(self.found(statement))
        return self.that(got == want, f"{what}: {got!r}, not {want!r}")

    def put(self, queue, records, each=20):
        self.lab.put(queue, text(records).split("\n")[:-1], each)


def pass_midnight():
    """Returns the present day, after waiting for the next one if that is near:
    a check that names partitions by the number of their day has to see only
    one."""
    left = 86400 - time.time() % 86400
    if left < 120:
        time.sleep(left)
    return datetime.now(timezone.utc).date()


class Lock:
    """Holds the locks of a statement in a separate session until release()."""

    def __init__(self, lab, statement):
        self.client = subprocess.Popen(
            lab.mysql_argv("-n"), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self._say(statement, "locked")

    def _say(self, statement, word):
        self.client.stdin.write(f"{statement}; SELECT '{word}';\n")
        self.client.stdin.flush()
        for line in self.client.stdout:
            if line == word + "\n":
                return
        raise AssertionError(f"the client ended over: {statement}")

    def release(self):
        """A server notices late that a client is gone, so the lock is released
        explicitly."""
        self._say("ROLLBACK; UNLOCK TABLES", "released")
        self.client.stdin.close()
        self.client.wait()
        self.client.stdout.close()
