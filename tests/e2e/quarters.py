"""quarters: the quarters of response_rollups against the intervals of their
hour, when the hour's own rows come first, when an interval moves, and when the
rows of one group are stored by several transactions."""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from harness import Checks, Lab, main, until
from rollup_sums import read_sums
from streamlib import Sql

TENANT = "acme"
HOUR = timedelta(hours=1)
PATIENCE = 300  # seconds; of a sink, too
MANY = 3000  # more than one transaction stores alone


def text(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def bucket(length):
    """Of a histogram."""
    shift = max(length.bit_length() - 6, 0)
    return shift * 32 + (length >> shift)


class Hour:
    """Replies of an hour, and the rows that tell of them."""

    def __init__(self, begin):
        self.begin = begin
        self.version = 1
        self.replies = {}  # message -> (second, ms)

    def row(self, table, **columns):
        return {"type": "row", "table": table, "tenant": TENANT,
                "operator": "7", "kind": "reply", "version": self.version,
                "as_of": text(self.begin), **columns}

    def sums(self):
        """Of the hour as a whole."""
        lengths = [ms for _, ms in self.replies.values()]
        rows = [self.row("response_hours", hour=text(self.begin),
                         responses=len(lengths), sum_ms=sum(lengths),
                         max_ms=max(lengths))]
        for b, n in Counter(map(bucket, lengths)).items():
            rows.append(self.row("response_histogram", bucket=b, count=n,
                                 hour=text(self.begin)))
        return rows

    def interval(self, message, withdrawn=False):
        second, ms = self.replies[message]
        end = self.begin + timedelta(seconds=second)
        return self.row("intervals", chat="1", message=message, ms=ms,
                        withdrawn=withdrawn, end_at=text(end),
                        start_at=text(end - timedelta(milliseconds=ms)))

    def intervals(self):
        return [self.interval(message) for message in self.replies]

    def move(self, message, second):
        """Rows that say that it ended at another time, as long as before."""
        self.version += 1
        was = self.interval(message, withdrawn=True)
        self.replies[message] = (second, self.replies[message][1])
        return [was, self.interval(message)]

    def quarters(self):
        """{begin: as read_sums() has it}"""
        lengths = defaultdict(list)
        for second, ms in self.replies.values():
            lengths[self.begin + second // 900 * HOUR / 4].append(ms)
        return {f"{begin:%Y-%m-%d %H:%M:%S}.000": {"reply": (
            len(of), sum(of), max(of), 0, dict(Counter(map(bucket, of))))}
                for begin, of in lengths.items()}


class Test:
    def __init__(self, lab):
        self.lab = lab
        self.checks = Checks()
        self.that = self.checks.that
        lab.start_servers("mariadb")
        # All rows of a file are one group, however long it takes to read them.
        self.conf = lab.conf("m.conf", {
            "sink": {"batch": MANY, "connections": 2, "batch_age": "1m"},
            "mysql": {"wait_timeout": f"{PATIENCE}s"}})
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self.sql = Sql(lab.server_dir)
        now = datetime.now(timezone.utc)
        self.next = now.replace(minute=0, second=0, microsecond=0) - 30 * HOUR
        self.files = 0

    def new_hour(self, n):
        """Later than those before, long over: the next that is made."""
        self.next += HOUR
        hour = Hour(self.next)
        hour.replies = {f"m{i}": (i * 7 % 3600, 1000 + i * 13 % 5000)
                        for i in range(n)}
        return hour

    def file(self, rows):
        self.files += 1
        return self.lab.write(f"rows{self.files}", "".join(
            json.dumps(row) + "\n" for row in rows).encode())

    def store(self, *rows):
        """By a sink that ends: it makes the newest hour that has none."""
        self.lab.must(["sink", "-c", self.conf, "-f",
                       self.file(sum(rows, []))])

    def version(self, hour):
        found = self.sql.ask(
            "SELECT version FROM response_rollups WHERE everyone = 1 AND "
            f"span = 'quarter' AND begin_at = '{hour.begin:%F %T}' AND "
            "operator = ''")
        return int(found[0][0]) if found else None

    def are_right(self, hour, when):
        got = {at: read_sums(sums) for at, sums in self.sql.ask(
            "SELECT begin_at, sums FROM response_rollups WHERE everyone = 1 "
            f"AND span = 'quarter' AND begin_at >= '{hour.begin:%F %T}' AND "
            f"begin_at < '{hour.begin + HOUR:%F %T}' AND sums <> ''")}
        want = hour.quarters()
        self.that(self.version(hour) == 0 and got == want,
                  f"{when}: version {self.version(hour)}, {got} for {want}")

    def the_hour_comes_first(self):
        hour = self.new_hour(40)
        self.store(hour.sums())
        self.that(self.version(hour) == -2,
                  f"without intervals: version {self.version(hour)}")
        self.store(hour.intervals())
        self.are_right(hour, "the hour first")

    def an_interval_moves(self):
        hour = self.new_hour(4)
        hour.replies["m1"] = (5 * 60, 2000)
        self.store(hour.sums(), hour.intervals())
        self.are_right(hour, "before one moves")
        self.store(hour.move("m1", 20 * 60))
        self.are_right(hour, "one has moved")

    def lock_interval(self, hour, message):
        """A transaction of somebody else that stores it, and does not end."""
        other = Sql(self.lab.server_dir)
        second, ms = hour.replies[message]
        other.ask(
            "BEGIN; INSERT INTO intervals (tenant, end_at, chat, message, "
            "kind, operator, ms, as_of, version) VALUES "
            f"('{TENANT}', '{hour.begin + timedelta(seconds=second):%F %T}', "
            f"'1', '{message}', 'reply', '7', {ms}, '{hour.begin:%F %T}', 1)")
        return other

    def start(self, rows):
        return self.lab.start(["sink", "-c", self.conf, "-f",
                               self.file(rows)], self.lab.path("log"))

    def ends(self, sink, other):
        """Once the other transaction has."""
        other.ask("COMMIT")
        other.close()
        self.that(sink.wait(PATIENCE) == 0, open(self.lab.path("log")).read())

    def a_group_is_divided(self):
        """The part that has the hour's own rows is stored long before."""
        hour = self.new_hour(MANY)
        last = max(hour.replies, key=lambda m: hour.replies[m][0])
        other = self.lock_interval(hour, last)
        sink = self.start(hour.sums() + hour.intervals())
        until(PATIENCE, lambda: self.version(hour) is not None,
              "the first part")
        self.ends(sink, other)
        self.are_right(hour, "divided")

    def who_makes_them_waits_for_who_stores(self):
        hour = self.new_hour(5)
        self.store(hour.sums(), hour.intervals()[1:])
        spoiled = ("INSERT INTO response_rollups VALUES "
                   f"('{TENANT}', 1, 'quarter', '{hour.begin:%F %T}', '', '', "
                   "NOW(3), -1) ON DUPLICATE KEY UPDATE version = -1")
        self.sql.ask(spoiled)
        other = self.lock_interval(hour, "m0")
        other.ask(spoiled)
        sink = self.start([{"type": "row", "table": "event_counts",
                            "tenant": TENANT, "user": "u", "event": "e",
                            "count": 1, "version": 1,
                            "as_of": text(hour.begin)}])
        until(PATIENCE, lambda: sink.poll() is not None or self.sql.ask(
            "SELECT 1 FROM information_schema.processlist WHERE user = "
            "'messaging' AND info LIKE '%response_rollups%'"),
            "a sink that waits")
        self.ends(sink, other)
        self.are_right(hour, "beside another")


def body():
    with Lab("quarters") as lab:
        test = Test(lab)
        test.the_hour_comes_first()
        test.an_interval_moves()
        test.a_group_is_divided()
        test.who_makes_them_waits_for_who_stores()
        return test.checks.result()


main(body)
