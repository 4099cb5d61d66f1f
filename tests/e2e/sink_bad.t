#!/usr/bin/env -S python3 -B
"""A bad row is removed with its reason, and its neighbours are stored. Most
errors are detected before the database; those that only the database detects
are found by halving. In a terminal: stderr and exit 65; from a queue: dead
letters.
"""

import json
import resource

from harness import run_checks, sanitized
from sinklib import Tables, snapshot

AS_OF = "2026-11-20T10:00:00.000Z"
LONG = "0" * 256
WIDE = "é" * 255
SHOWN = 20 # a terminal shows at most that many


def row(table="chat_metrics", **columns):
    of_chat = {"chat": "b", "status": "open"} if table == "chat_metrics" else {}
    made = {"type": "row", "table": table, "tenant": "t", "as_of": AS_OF,
            **of_chat, **columns}
    return {k: v for k, v in made.items() if v is not ...}


def said(id, analytics, **more):
    return {"type": "message", "tenant": "t", "chat": "a", "id": id,
            "at": AS_OF, "from": "customer",
            "data": {"analytics": analytics}, **more}


def message(**fields):
    made = {"type": "message", "tenant": "t", "chat": "c", "id": "9",
            "from": "customer", "at": AS_OF, **fields}
    return {k: v for k, v in made.items() if v is not ...}


def raw(record, text):
    """The record with TEXT, as Python would not write it, for RAW."""
    return json.dumps(record).replace('"RAW"', text)


def interval(**columns):
    return row("intervals", end_at=AS_OF, chat="1", message="1", kind="reply",
               **columns)


def by_hour(table, hour, **columns):
    return row(table, kind="reply", hour=hour, **columns)


# The error, and the record; ... removes a field.
BAD = [
    ("no table 'x'", row("x")),
    ("field 'as_of' is missing", row(as_of=...)),
    ("field 'as_of' must be a time", row(as_of="noon")),
    ("field 'as_of' must be a time", row(as_of="2026-02-30T00:00:00Z")),
    ("field 'as_of' is before the year 1000",
     row(as_of="0999-12-31T23:59:59Z")),
    ("field 'chat' is missing", row(chat=...)),
    ("field 'chat' is missing", row(chat=None)),
    ("field 'chat' is empty", row(chat="")),
    ("field 'chat' ends with a space", row(chat="1 ")),
    ("field 'chat' is too long", row(chat="a" * 192)),
    ("field 'chat' is too long", row(chat="é" * 96)),
    ("field 'chat' must be a string", row(chat=1.5)),
    ("field 'status' is missing", row(status=...)),
    ("field 'status' must be open, snoozed or left", row(status="pending")),
    ("field 'status' must be open, snoozed or left", row(status="")),
    ("field 'operator' ends with a space", row(operator="1 ")),
    ("field 'operator' is too long", row(operator=LONG)),
    ("field 'tag' must be a string", row(tag=["a"])),
    ("field 'messages' is below 0", row(messages=-1)),
    ("field 'messages' is too large", row(messages=2**32)),
    ("field 'messages' is too large", row(messages=10**23)),
    ("field 'messages' must be a whole number", row(messages=1.5)),
    ("field 'messages' must be a whole number", row(messages="7")),
    *(("field 'avg_response_seconds' is too large",
       raw(row(avg_response_seconds="RAW"), number))
      for number in ("1e12", "-1e12", "999999999999.9995", "1e400", "12" * 25)),
    ("field 'avg_response_seconds' must be a number",
     row(avg_response_seconds=True)),
    ("field 'tenant' must be the name of", row("tenant_metrics", tenant=LONG)),
    ("field 'tenant' must be", row("tenant_metrics", tenant="a b")),
    ("field 'tenant' must be", {"type": "snapshot", "tenant": "t ", "at": AS_OF,
                                "state": "begin", "snapshot": "s"}),
    ("field 'ms' is below 0", interval(ms=-1)),
    ("field 'ms' is missing", interval()),
    ("field 'ms' is missing", interval(ms=None)),
    ("field 'version' is below 0", row(version=-1)),
    ("field 'hour' is not a whole hour",
     by_hour("channel_metrics", "2026-11-20T10:00:00.001Z")),
    ("field 'hour' is not a whole hour",
     by_hour("channel_metrics", "1026-11-20T10:30:00Z")),
    ("field 'available' must be true or false",
     row("operator_metrics", operator="1", available=1)),
    ("the limit", row(unknown="x" * 70000)),
    ("field 'type' is missing", {"tenant": "t"}),
    ("holds a control character", row(chat="b\a")),
    ("holds a control character", row(operator="1\n")),
    ("holds a control character", raw(row(chat="RAW"), r'"\u0085"')),
    ("has \\u0000", row(chat="b\0d")),
    ("has \\u0000", row(operator="1\0")),
    ("has \\u0000 or half of", raw(row(chat="RAW"), r'"b\ud800d"')),
    ("sink: ", json.dumps(row())[:-1]),
    ("sink: ", "not JSON at all"),
    ("", message(chat="c ")),
    ("", message(at="0999-01-01T00:00:00Z")),
    ("", message(at=...)),
    ("", message(**{"from": "nobody"})),
    ("a record about a message has no analytics",
     message(about=True, data={"text": "hello"})),
    ("", {"type": "event", "tenant": "t", "id": "bad ", "event": "e",
          "at": AS_OF}),
    ("it is simulated: nobody reserved the chat",
     {"type": "assignment", "tenant": "t", "id": "a", "chat": "c",
      "operator": "7", "at": AS_OF, "expires": AS_OF, "simulated": True}),
]


class Test(Tables):
    def good(self, n, **columns):
        return row(chat=f"g{n}", tag=WIDE, **columns)

    def chats(self, what, want, condition="1"):
        self.holds(what, str(want), "SELECT COUNT(*) FROM chat_metrics WHERE "
                   f"{condition}")

    def each_has_its_reason(self):
        for first in range(0, len(BAD), SHOWN):
            some = BAD[first:first + SHOWN]
            self.sql.ask("DELETE FROM chat_metrics")
            mixed = [self.good(0)]
            for n, (_, record) in enumerate(some, 1):
                mixed += [record, self.good(n)]
            done = self.lab.run(["sink", "-f", self.file(mixed)])
            self.that(done.code == 65 and len(done.lines()) == len(some),
                      f"bad ones from {first}: {done}")
            for n, ((reason, _), line) in enumerate(
                    zip(some, done.lines()), 1):
                self.that(line.startswith(f"sink: line {2 * n}: ")
                          and reason in line, f"{reason!r}: {line[:200]}")
            self.chats("neighbours", len(some) + 1)
        self.holds("no bad message", "0", "SELECT COUNT(*) FROM messages")

    def what_is_unusual_is_stored(self):
        self.sql.ask("DELETE FROM chat_metrics")
        self.store("unusual rows", [
            *(raw(row("operator_metrics", operator=str(n),
                      avg_response_seconds="RAW"), number)
              for n, number in enumerate(("0", "12.345", "1.5E+3", "1e-400",
                                          "-1.5", "999999999999.999"))),
            *(row(chat=chat, operator="", tag="\0\n ")
              for chat in ("a" * 191, "b\ufffd", "\U0001f600")),
            interval(ms=0, withdrawn=True),
            # In any order, with an unknown field, one of two, and escapes.
            '{"count":1,"type":"row","later":{"a":[1]},"event":"log\\u0069n",'
            '"user":7,"tenant":"t","table":"event_counts","count":3,'
            f'"as_of":"{AS_OF}"}}'])
        self.holds("seconds", "0.000,12.345,1500.000,0.000,-1.500,"
                   "999999999999.999", "SELECT avg_response_seconds FROM "
                   "operator_metrics ORDER BY operator")
        self.chats("unusual ones", 3, "tag IS NOT NULL")
        self.holds("a row by its names", "7 login 3",
                   "SELECT user, event, count FROM event_counts")
        self.sql.ask("DELETE FROM operator_metrics")

    def bytes_that_are_no_text(self):
        path = self.file(json.dumps(row(chat="b-")).encode().replace(
            b"-", b"\xff") + b"\n")
        self.run("invalid UTF-8", "sink", "-f", path, code=65,
                 says="not valid UTF-8")

    def a_long_text_is_cut(self):
        """A long text that is only displayed is cut; the row is kept."""
        done = self.lab.must(["sink", "-v", "-f", self.file([
            row(chat="w1", tag=WIDE + "é"), row(chat="w2", tag=WIDE * 2),
            row("operator_metrics", operator="1", name=LONG)])])
        for line, column in (1, "chat_metrics.tag"), (
                3, "operator_metrics.name"):
            self.that(f"line {line}: a text is too long for {column} and was "
                      "truncated to 255 characters" in done.err, f"{done}")
        self.that(" cut=3 " in done.err, f"{done}")
        self.chats("cut", 2, f"chat IN ('w1', 'w2') AND tag = '{WIDE}'")
        self.holds("cut", LONG[1:], "SELECT name FROM operator_metrics")

    def a_bad_analysis_leaves_its_message(self):
        done = self.lab.run(["sink", "-f", self.file([
            said("1", {"sentiment": {"score": "0.8"}, "id": "x"}),
            said("2", {"intent": 7}),
            said("3", {"response_time": 1.5}),
            said("4", {"response_time": True}, about=True),
            said("5", {"message_length": -1}),
            said("6", {"direction": "longer than ten"}),
            # Each value fits its column, but not their sum.
            said("7", {"response_time": 1e308})])])
        for line, reason in [
                (1, "in sentiment: field 'sentiment_score' must be a number"),
                (2, "in analytics: field 'intent' must be an object"),
                (4, "in analytics: field 'response_time' must be a number"),
                (5, "message_length"), (6, "direction"),
                (7, "'response_time' is beyond 10^15")]:
            self.that(any(f"line {line}: " in x and reason in x
                          for x in done.lines()), f"line {line}: {done}")
        self.that(done.code == 65 and len(done.lines()) == 6, f"{done}")
        self.holds("messages", "1,2,3,5,6,7",
                   "SELECT message_id FROM messages ORDER BY 1")
        self.holds("analyses", "3", "SELECT message_id FROM message_analytics")

    def a_long_line_costs_no_memory(self):
        path = self.lab.path("huge")
        with open(path, "w") as f:
            f.write(json.dumps(self.good("a")) + "\n")
            for _ in range(200):
                f.write("y" * 10**6)
            f.write("\n" + json.dumps(self.good("b")) + "\n")
        # The sanitizer reserves far more than it uses.
        done = self.lab.run(["sink", "-f", path], limits=None if sanitized()
                            else {resource.RLIMIT_AS: 150 * 10**6})
        self.that(done.code == 65, f"a long line: {done}")
        self.chats("its neighbours", 2, "chat IN ('ga', 'gb')")

    def refused_rows_of_a_snapshot_are_known(self):
        """Only rows about the present belong to a snapshot."""
        path = self.file([
            row(chat="7", messages=-1, snapshot="p"),
            row(chat="8", messages=-1, snapshot="p"),
            row("intervals", snapshot="p", end_at=AS_OF, chat="7", message="1",
                kind="reply", ms=-1),
            row("event_counts", snapshot="p", user="a", event="e", count=-1)])
        for _ in range(2):  # rows that arrive again count once
            done = self.lab.run(["sink", "-f", path])
            self.that(len(done.lines()) == 4, f"{done}")
            self.holds("refused", "2", "SELECT COUNT(*) FROM refused_rows "
                       "WHERE snapshot = 'p'")

    def what_only_the_database_refuses(self):
        self.sql.ask("ALTER TABLE chat_metrics ADD CONSTRAINT no_poison CHECK "
                     "(tag IS NULL OR tag <> 'poison')")
        for bulk in "auto", "off":
            conf = self.conf(mysql={"bulk": bulk})
            poison = snapshot(bulk, "s2", 1, 2, 100)
            for record in poison:
                if record.get("chat", "").endswith("7"):
                    record["tag"] = "poison"
            done = self.lab.run(["sink", "-v", "-c", conf, "-f",
                                 self.file(poison)])
            self.that(done.code == 65 and done.err.count("no_poison") == 10
                      and "line 10: " in done.err
                      and "mysql://" not in done.err, f"{bulk}: {done}")
            self.chats("neighbours", 90, f"tenant = '{bulk}'")
            self.holds("refused rows", "10", "SELECT COUNT(*) FROM "
                       f"refused_rows WHERE tenant = '{bulk}'")
            self.holds("the snapshot is whole", "s2", "SELECT snapshot FROM "
                       f"tenants WHERE tenant = '{bulk}'")

    def from_a_queue_they_are_dead_letters(self):
        """Each row becomes a dead letter once, and a warning reports each cause
        once, with its count."""
        bad = [record for _, record in BAD] + [row(tag="poison")]
        mixed = []
        for n, record in enumerate(bad):
            mixed += [record, self.good(f"q{n}")]
        self.put("rows", mixed)
        done = self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])
        counted = 0
        for line in done.lines():
            cause, _, rest = line.rpartition("; ")
            self.that(rest.endswith("went to 'queue:rows.dead'"), line)
            counted += int(rest.split()[0])
            if "'messages' is too large" in cause:
                self.that(rest.startswith("2 "), line)
        self.that(counted == len(bad), f"{counted} of {len(bad)}: {done}")
        self.chats("neighbours", len(bad), "chat LIKE 'gq%'")
        letters = [json.loads(line) for line in self.lab.take("rows.dead")]
        self.that(len(letters) == len(bad) and all(
            x["type"] == "dead" and x["program"] == "sink" and x["reason"]
            for x in letters), f"{len(letters)} letters: {letters[:2]}")
        self.run("again", "sink", "-f", "queue:rows", "--until-empty")
        self.that(self.lab.take("rows.dead") == [], "none again")


run_checks(Test)
