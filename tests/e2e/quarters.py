"""quarters: the quarters of response_rollups, and the hours and days of
channels, against the intervals of their hour, when the hour's own rows come
first, when an interval moves or changes its channel, when the rows of one group
are stored by several transactions, and when two sinks make hours of one day."""

import json
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone

from harness import Checks, Lab, main, until
from rollup_sums import bucket, difference, read_sums, sums_of
from streamlib import Sql

TENANT = "acme"
HOUR = timedelta(hours=1)
PATIENCE = 300  # seconds; of a sink, too
MANY = 3000  # more than one transaction stores alone


def text(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Hour:
    """Replies of an hour, and the rows that tell of them."""

    def __init__(self, begin):
        self.begin = begin
        self.version = 1
        self.replies = {}  # message -> (second, ms)
        self.channel_of = lambda message: ("", "web", "mail")[
            int(message[1:]) % 3]

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
                        channel=self.channel_of(message) or None,
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

    def move_channels(self):
        """Rows that say that all were of one other channel."""
        self.version += 1
        self.channel_of = lambda message: "chat"
        return self.intervals()

    def quarters(self):
        """{begin: as read_sums() has it}"""
        lengths = defaultdict(list)
        for second, ms in self.replies.values():
            lengths[self.begin + second // 900 * HOUR / 4].append(ms)
        return {f"{begin:%Y-%m-%d %H:%M:%S}.000": {"reply": sums_of(of)}
                for begin, of in lengths.items()}

    def by_channel(self):
        """{channel: [ms]}"""
        lengths = defaultdict(list)
        for message, (_, ms) in self.replies.items():
            lengths[self.channel_of(message)].append(ms)
        return lengths


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
        self.sql = Sql(lab)
        now = datetime.now(timezone.utc)
        self.next = now.replace(minute=0, second=0, microsecond=0) - 30 * HOUR
        self.files = 0
        self.hours = []

    def new_hour(self, n):
        """Later than those before, long over: the next that is made."""
        self.next += HOUR
        hour = Hour(self.next)
        hour.replies = {f"m{i}": (i * 7 % 3600, 1000 + i * 13 % 5000)
                        for i in range(n)}
        self.hours.append(hour)
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
        self.channels_are_right(when)

    def channels_are_right(self, when):
        """Of all hours so far, which have quarters, and their days."""
        want = defaultdict(list)
        for hour in self.hours:
            for channel, lengths in hour.by_channel().items():
                for span, begin in (("hour", hour.begin), (
                        "day", hour.begin.replace(hour=0))):
                    want[span, f"{begin:%F %T}.000", channel] += lengths
        want = {key: {"reply": sums_of(of)} for key, of in want.items()}
        got = {tuple(key): read_sums(sums) for *key, sums in self.sql.ask(
            "SELECT span, begin_at, operator, sums FROM response_rollups "
            "WHERE everyone = 2 AND span <> 'quarter' AND sums <> ''")}
        wrong = difference(got, want)
        self.that(not wrong, f"{when}: by channel {wrong}")
        self.days_say_whether_they_are_whole(when)

    def days_say_whether_they_are_whole(self, when):
        """By a version below 0 that they are not, in the row of no channel."""
        lacking = {f"{hour.begin:%F}" for hour in self.hours
                   if self.version(hour) != 0}
        days = {day: int(version) >= 0 for day, version in self.sql.ask(
            "SELECT DATE(begin_at), version FROM response_rollups WHERE "
            "everyone = 2 AND span = 'day' AND operator = ''")}
        want = {f"{hour.begin:%F}": f"{hour.begin:%F}" not in lacking
                for hour in self.hours}
        self.that(days == want, f"{when}: days are whole {days}, not {want}")

    def a_row_of_no_hour(self):
        return [{"type": "row", "table": "event_counts", "tenant": TENANT,
                 "user": "u", "event": "e", "count": 1, "version": 1,
                 "as_of": text(self.next)}]

    def the_hour_comes_first(self):
        hour = self.new_hour(40)
        self.store(hour.sums())
        self.that(self.version(hour) == -2,
                  f"without intervals: version {self.version(hour)}")
        self.days_say_whether_they_are_whole("without intervals")
        self.store(hour.intervals())
        self.are_right(hour, "the hour first")

    def an_interval_moves(self):
        hour = self.new_hour(4)
        hour.replies["m1"] = (5 * 60, 2000)
        self.store(hour.sums(), hour.intervals())
        self.are_right(hour, "before one moves")
        self.store(hour.move("m1", 20 * 60))
        self.are_right(hour, "one has moved")
        self.store(hour.move_channels())
        self.are_right(hour, "of another channel")

    def lock_interval(self, hour, message):
        """A transaction of somebody else that stores it, and does not end."""
        other = Sql(self.lab)
        second, ms = hour.replies[message]
        other.ask(
            "BEGIN; INSERT INTO intervals (tenant, end_at, chat, message, "
            "kind, operator, channel, ms, as_of, version) VALUES "
            f"('{TENANT}', '{hour.begin + timedelta(seconds=second):%F %T}', "
            f"'1', '{message}', 'reply', '7', NULLIF("
            f"'{hour.channel_of(message)}', ''), {ms}, "
            f"'{hour.begin:%F %T}', 1)")
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
        sink = self.start(self.a_row_of_no_hour())
        until(PATIENCE, lambda: sink.poll() is not None or self.sql.ask(
            "SELECT 1 FROM information_schema.processlist WHERE user = "
            "'messaging' AND info LIKE '%response_rollups%'"),
            "a sink that waits")
        self.ends(sink, other)
        self.are_right(hour, "beside another")

    def hold(self, row):
        """A row of sums that is written by a transaction that comes to
        nothing: whoever writes it waits until that ends."""
        other = Sql(self.lab)
        other.ask(f"BEGIN; INSERT INTO response_rollups VALUES ('{TENANT}', 2, "
                  f"{row}, '', NOW(3), 0) ON DUPLICATE KEY UPDATE sums = ''")
        return other

    def until_wait(self, *sinks):
        """For a lock, each in a transaction of its own."""
        until(PATIENCE, lambda: self.sql.number(
            "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE "
            "trx_state = 'LOCK WAIT'") == len(sinks)
            or None not in [sink.poll() for sink in sinks], "sinks that wait")

    def two_sinks_make_hours_of_a_day(self):
        """The one that comes to the day second waits for the first, and adds
        its hour to the day."""
        if (self.next + HOUR).date() != (self.next + 2 * HOUR).date():
            self.next += HOUR
        hours = [self.new_hour(6), self.new_hour(7)]
        for hour in hours:
            self.store(hour.sums(), hour.intervals()[1:])
        begin = hours[0].begin
        of_hour = self.hold(f"'hour', '{begin:%F %T}', ''")
        second = self.start(hours[0].intervals()[:1])
        self.until_wait(second)
        of_day = self.hold(f"'day', '{begin:%F}', 'web'")
        first = self.start(hours[1].intervals()[:1])
        self.until_wait(second, first)
        of_hour.ask("ROLLBACK")
        self.until_wait(second, first)
        of_day.ask("ROLLBACK")
        for other in of_hour, of_day:
            other.close()
        codes = [sink.wait(PATIENCE) for sink in (first, second)]
        self.that(codes == [0, 0], f"{codes}: "
                  + open(self.lab.path("log")).read())
        for hour in hours:
            self.are_right(hour, "by two sinks")

    def days_of_an_earlier_version_say_it_after_an_update(self):
        """One has an hour that is stored and not made."""
        self.store(self.hours[-1].move("m1", 30 * 60))
        hour = f"begin_at = '{self.hours[-1].begin:%F %T}'"
        self.sql.ask(
            "UPDATE response_rollups SET version = -1 WHERE everyone = 1 AND "
            f"span = 'quarter' AND operator = '' AND {hour}; UPDATE "
            "response_rollups SET version = 0 WHERE everyone = 2 AND span = "
            "'day'; DELETE FROM schema_migrations WHERE number = 22")
        self.lab.must(["sink", "-c", self.conf, "--migrate"])
        self.days_say_whether_they_are_whole("an earlier version's")
        self.store(self.a_row_of_no_hour())
        self.are_right(self.hours[-1], "after an update")

    def quarters_of_an_earlier_version_get_channels(self):
        self.sql.ask("DELETE FROM response_rollups WHERE everyone = 2")
        for _ in self.hours:
            self.store(self.a_row_of_no_hour())
        self.channels_are_right("after an upgrade")


def body():
    with Lab("quarters") as lab:
        test = Test(lab)
        test.the_hour_comes_first()
        test.an_interval_moves()
        test.a_group_is_divided()
        test.who_makes_them_waits_for_who_stores()
        test.two_sinks_make_hours_of_a_day()
        test.days_of_an_earlier_version_say_it_after_an_update()
        test.quarters_of_an_earlier_version_get_channels()
        return test.checks.result()


main(body)
