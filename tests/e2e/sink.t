#!/usr/bin/env -S python3 -B
"""The rows that the sink stores: the newest version of each row stays,
regardless of repetition and order; a snapshot removes missing objects when all
of its rows have arrived; deleted chats and removed tenants do not reappear;
and messages acknowledged to the broker are stored.
"""

import json
import random
import subprocess
import sys

from harness import BIN, run_checks, seed, until
from sinklib import Lock, Tables, snapshot, text

DAY = "2026-11-20T"
SNAPSHOT_TABLES = ("operator_metrics", "chat_metrics", "tenant_metrics",
                   "refused_rows")


def message(tenant, chat, id, second, **more):
    return {"type": "message", "tenant": tenant, "chat": chat, "id": id,
            "at": f"{DAY}10:00:{second:02}.000Z", "from": "customer", **more}


def edited(second):
    return {"updated_at": f"{DAY}10:00:{second:02}.000Z"}


def view(tenant, message, user, second, **more):
    return {"type": "view", "tenant": tenant, "message": message, "user": user,
            "at": f"{DAY}10:01:{second:02}.000Z", **more}


def event(tenant, id, second, **more):
    return {"type": "event", "tenant": tenant, "id": id, "event": "click",
            "at": f"{DAY}10:00:{second:02}.000Z", **more}


def assignment(tenant, id, chat, operator, second):
    return {"type": "assignment", "tenant": tenant, "id": id, "chat": chat,
            "operator": operator, "at": f"{DAY}10:00:{second:02}.000Z",
            "expires": f"{DAY}10:01:00.000Z"}


def undated(tenant, id):
    """Records that may lack a time."""
    e, a = event(tenant, id, 0), assignment(tenant, id, "1", "7", 0)
    del e["at"], a["at"]
    return [e, a]


def stream_rows(tenant, n):
    """A row of each table of a stream, with version N."""
    at = f"{DAY}09:00:00.000Z"

    def row(table, **columns):
        return {"type": "row", "table": table, "tenant": tenant,
                "as_of": f"{DAY}10:00:00.000Z", "version": n, **columns}

    return [
        row("intervals", end_at=at, start_at=at, chat="c", message="1",
            kind="reply", operator="7", ms=n * 1000, withdrawn=False),
        row("conversation_metrics", conversation_id="c", message_count=n,
            participant_count=2, last_message_at=at, created_at=at),
        row("user_stats", user_id="u", message_count=n, last_active=at,
            active_conversations=1, created_at=at),
        row("realtime_user_activity", created_at=at, user_id="u",
            messages_last_minute=n),
        row("alerts", started_at=at, user_id="u", rule="minute", ended_at=None,
            messages=n, threshold=8),
        row("trends", window_start=at, word="água", window_end=at,
            occurrences=n),
        row("channel_metrics", hour=at, channel=None, messages=n,
            inbound_messages=1, outbound_messages=1, active_conversations=1),
        row("event_counts", user="u", event="e", count=n),
        row("chat_metrics", chat="c", status="left", messages=n),
    ]


FIGURES = {"intervals": "seconds", "conversation_metrics": "message_count",
           "user_stats": "message_count",
           "realtime_user_activity": "messages_last_minute",
           "alerts": "messages", "trends": "occurrences",
           "channel_metrics": "messages", "event_counts": "count",
           "chat_metrics": "messages"}


class Test(Tables):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        self.small = self.conf(sink={"batch": 2}, mysql={"bulk": "off"})
        self.tenants = 0

    def _tenant(self):
        self.tenants += 1
        return f"t{self.tenants}"

    def orders(self, records):
        """In order, reversed, each twice, and shuffled."""
        twice = records * 2
        self.dice.shuffle(twice)
        return records, records[::-1], twice

    def snapshot_of(self, tenant):
        """The stored rows of its present state, without the snapshot's name."""
        rows = []
        for table in SNAPSHOT_TABLES:
            rows += [f"{table} {row[1:]}" for row in self.sql.ask(
                f"SELECT * FROM {table} WHERE tenant = '{tenant}' "
                "ORDER BY 1, 2, 3")]
        return rows + self.found("SELECT as_of, snapshot FROM tenants WHERE "
                                 f"tenant = '{tenant}'")

    def rows_are_stored_as_they_are(self):
        t = self._tenant()
        self.store("a snapshot", snapshot(t, "s1", 1, 3, 8))
        of = f"WHERE tenant = '{t}'"
        self.holds(
            "an operator", "2 Op 2 0 3 2 1 1.125 2026-11-20 10:01:00.000",
            "SELECT operator, name, available, open_chats, "
            "reported_open_chats, responses, avg_response_seconds, as_of "
            f"FROM operator_metrics {of} AND operator = '2'")
        self.holds(
            "a chat", "2 telegram 1 +551 vip open 2026-11-20 09:00:00.000 2 1 "
            "1.001 2026-11-20 09:59:00.500",
            "SELECT operator, channel, customer, customer_phone, tag, status, "
            "opened_at, messages, responses, avg_response_seconds, "
            f"waiting_since FROM chat_metrics {of} AND chat = '1001'")
        self.holds("the tenant", "3 8", "SELECT operators, open_chats FROM "
                   f"tenant_metrics {of}")
        self.holds("its snapshot", "2026-11-20 10:01:00.000 s1",
                   f"SELECT as_of, snapshot FROM tenants {of}")
        # The view has the form of the earlier system; waits last until the
        # tenant's newest row.
        reports = ("SELECT operator_name, operator_id, dialog_id, "
                   "tmr_in_seconds, opened_dialogs, client, status_tag, "
                   f"created_at, updated_at, tenant FROM reports {of}")
        self.holds("a waiting chat in reports", "Op 2 2 1001 119 2 +551 vip "
                   f"2026-11-20 09:00:00.000 2026-11-20 10:01:00.000 {t}",
                   f"{reports} AND dialog_id = '1001'")
        self.sql.ask("UPDATE tenant_metrics SET as_of = as_of + INTERVAL 1 "
                     f"HOUR {of}")
        self.holds("its wait an hour later", "3719", "SELECT tmr_in_seconds "
                   f"FROM reports {of} AND dialog_id = '1001'")
        self.holds("a chat that does not wait", "0 Sem tag",
                   f"SELECT tmr_in_seconds, status_tag FROM reports {of} AND "
                   "dialog_id = '1002'")
        self.holds("chats with an operator", "7", "SELECT COUNT(DISTINCT id) "
                   f"FROM reports {of}")

    def snapshots_in_any_order(self):
        """Chats 1001 and 1002 and operator 3 leave, 1009 and 1010 arrive."""
        want = None
        for conf in (self.conf(sink={"batch": 1000}),
                     self.conf(sink={"batch": 4}), self.small):
            for n in range(3):
                t = self._tenant()
                one = snapshot(t, "s1", 1, 3, 8)
                order = self.orders(snapshot(t, "s2", 2, 2, 8, 3))[n]
                self.store("the first", one, conf=conf)
                for _ in range(2):
                    # Its end marker may come before its rows.
                    done = self.lab.run(["sink", "-c", conf, "-f",
                                         self.file(order)])
                    self.that(done.code in (0, 65), f"{done}")
                done = self.store("an older one", one, "-v", conf=conf,
                                  says="sink: ")
                self.that("stored=0 refused=0 older=12 dead=0" in done.err,
                          f"an older one: {done}")
                got = self.snapshot_of(t)
                want = want or got
                self.that(got == want, f"{conf}, order {n}: {got} for {want}")
                self.holds("left", "1001,1002", "SELECT chat FROM chat_metrics "
                           f"WHERE tenant = '{t}' AND status = 'left'")
                self.holds("operators", "1,2", "SELECT operator FROM "
                           f"operator_metrics WHERE tenant = '{t}'")

    def chats(self, what, t, want):
        self.holds(what, want, "SELECT CONCAT(chat, ':', status) FROM "
                   f"chat_metrics WHERE tenant = '{t}' ORDER BY chat")

    def stored(self, what, t, want):
        self.holds(what, want,
                   f"SELECT snapshot FROM tenants WHERE tenant = '{t}'")

    def an_incomplete_snapshot_removes_nothing(self):
        t, other, same = self._tenant(), self._tenant(), self._tenant()
        self.store("two tenants", snapshot(t, "s1", 1, 3, 3)
                   + snapshot(other, "o1", 1, 3, 3))
        # Rows of another tenant do not make up for a missing one, whether of
        # the same snapshot, refused, or newer.
        bad = snapshot(same, "s2", 2, 3, 3)
        bad[2]["open_chats"] = -1
        self.store("the same name", bad, code=65, says="sink: line ")
        self.store("newer", snapshot(self._tenant(), "s9", 9, 3, 3))
        of_other = ("SELECT t.*, (SELECT COUNT(*) FROM operator_metrics o WHERE "
                    "o.tenant = t.tenant) FROM tenants t WHERE tenant = "
                    f"'{other}'")
        before = self.found(of_other)
        two = snapshot(t, "s2", 2, 1, 1)
        last = two.pop(-2)
        self.store("a missing row", two, code=65,
                   says=f"snapshot s2 of {t} is incomplete: 2 of 3 rows arrived")
        done = self.lab.run(["sink", "-v", "-f", self.file(two)])
        self.that(f"snapshot_incomplete tenant={t} snapshot=s2 arrived=2 "
                  "expected=3" in done.err, f"the event: {done}")
        self.chats("all stay", t, "1001:open,1002:open,1003:open")
        self.stored("still the first", t, "s1")
        self.holds("but what came is stored", "3", "SELECT open_chats FROM "
                   f"operator_metrics WHERE tenant = '{t}' AND operator = '1'")
        self.store("the missing row", [last])
        self.chats("now it is whole", t, "1001:open,1002:left,1003:left")
        self.stored("now it is whole", t, "s2")
        self.chats("another tenant", other, "1001:open,1002:open,1003:open")
        self.that(self.found(of_other) == before, "another tenant's snapshot")
        self.store("no end", snapshot(t, "s3", 3, 0, 1)[:2], code=65,
                   says=f"snapshot s3 of {t} is incomplete")
        self.store("back", snapshot(t, "s4", 4, 1, 3))
        self.chats("back", t, "1001:open,1002:open,1003:open")
        bad = snapshot(t, "s5", 5, 2, 2)
        bad[2]["open_chats"] = -1
        del bad[4]["chat"]
        self.store("bad rows count as arrived", bad, code=65,
                   says="sink: line ")
        self.chats("bad rows count as arrived", t,
                   "1001:open,1002:left,1003:left")
        self.store("an older snapshot", snapshot(t, "s2", 2, 3, 3),
                   says=f"snapshot s2 of {t} (2026-11-20T10:02:00.000Z) "
                   "is not newer than the stored one (2026-11-20T10:05:00.000Z)")

    def a_stream_says_last_that_it_applied_a_snapshot(self):
        """Its marker has no number of rows: it is stored after all rows before
        it, and a message does not wait for them."""
        t, u = self._tenant(), self._tenant()
        self.store("rows", stream_rows(t, 1))
        lock = Lock(self.lab, "BEGIN; SELECT chat FROM chat_metrics WHERE "
                    f"tenant = '{t}' FOR UPDATE")
        log = self.lab.path("applied")
        conf = self.conf(sink={"connections": 8, "batch_age": "50ms"})
        sink = self.lab.start(["sink", "-c", conf, "-f", "-"], log,
                              stdin=subprocess.PIPE)
        lines = [*stream_rows(t, 2), {
            "type": "snapshot", "tenant": t, "snapshot": "s1",
            "state": "applied", "at": f"{DAY}10:00:00.000Z"},
            *(message(u, f"c{n}", "1", n) for n in range(16))]
        sink.stdin.write(text(lines).encode())
        sink.stdin.flush()
        until(30, lambda: self.counts(u, "messages") == [16],
              "messages beside locked rows")
        of = f"FROM tenants WHERE tenant = '{t}'"
        self.holds("not applied yet", "NULL", f"SELECT as_of {of}")
        lock.release()
        sink.stdin.close()
        code, said = sink.wait(60), self.lab.text(log)
        self.that(code == 0 and said == "", f"exit {code}: {said}")
        self.holds("applied", "2026-11-20 10:00:00.000 s1",
                   f"SELECT as_of, snapshot {of}")

    def what_was_deleted_does_not_come_back(self):
        t, other = self._tenant(), self._tenant()
        self.store("two tenants", snapshot(t, "s5", 5, 1, 2)
                   + snapshot(other, "s5", 5, 1, 2))
        # The CRM was asked at 10:06.
        self.run("delete", "reaper", "-f", self.file([
            {"type": "chat", "tenant": t, "chat": "1001", "status": "closed",
             "at": f"{DAY}10:06:00Z"}]))
        for n in 5, 6:
            self.store("before that", snapshot(t, f"s{n}", n, 1, 2))
        self.chats("deleted", t, "1002:open")
        self.stored("it counts as arrived", t, "s6")
        self.chats("another tenant's chat of that name", other,
                   "1001:open,1002:open")
        self.store("reopened", snapshot(t, "s7", 7, 1, 2))
        self.chats("reopened", t, "1001:open,1002:open")
        self.sql.ask("INSERT INTO closed_chats SELECT "
                     f"'{t}', 1000 + seq, NULL, '2026-11-20 10:08:00' FROM "
                     "seq_11_to_2000")
        self.store("many deleted ones", snapshot(t, "s8", 8, 1, 1500))
        self.holds("many deleted ones", "10", "SELECT COUNT(*) FROM "
                   f"chat_metrics WHERE tenant = '{t}'")
        # Tombstones are kept for a limited time; rows older than that are
        # refused.
        conf = self.conf(reaper={"tombstones": "1h"})
        for at, n in ("09:07:59.999", 0), ("09:08:00.000", 1):
            row = stream_rows(t, 1)[-2]
            row["as_of"] = f"{DAY}{at}Z"
            del row["version"]
            self.store(at, [row], conf=conf)
            self.holds(at, str(n), "SELECT COUNT(*) FROM event_counts WHERE "
                       f"tenant = '{t}'")

    def a_removed_tenant_comes_back_with_newer_rows_only(self):
        t, flow = self._tenant(), self._tenant()
        ids = ("SELECT id FROM events WHERE tenant = '%s' UNION ALL SELECT id "
               "FROM assignments WHERE tenant = '%s' ORDER BY 1")
        for name in t, flow:
            self.sql.ask(f"INSERT INTO tenants SET tenant = '{name}', "
                         "removed_at = '2026-11-20 10:09:00', "
                         "newest_at = '2026-11-20 10:08:00'")
        self.store("older rows", snapshot(t, "o3", 9, 1, 1)
                   + undated(t, "1") + undated(flow, "1"))
        self.chats("older rows", t, "")
        self.holds("without a time", "", ids % (t, t))
        self.store("newer rows", snapshot(t, "o4", 10, 1, 1))
        self.chats("newer rows", t, "1001:open")
        self.store("without a time", undated(t, "2"))
        self.holds("without a time, after newer rows", "2,2", ids % (t, t))
        row = {"type": "row", "table": "tenant_metrics", "tenant": flow,
               "operators": 1, "as_of": f"{DAY}10:41:00Z"}
        self.store("a stream's row", [row] + undated(flow, "4"))
        self.holds("with a stream's row", "4,4", ids % (flow, flow))

    def the_newest_version_stays(self):
        for n in range(3):
            for conf in None, self.small:
                t = self._tenant()
                records = stream_rows(t, 5) + stream_rows(t, 9) \
                    + stream_rows(t, 7)
                records += [
                    message(t, "c", "1", 1, text="new", **edited(9)),
                    message(t, "c", "1", 1, text="old"),
                    message(t, "c", "1", 1, text="edited", **edited(5)),
                    message(t, "d", "1", 1, text="another chat"),
                    # At the same time, the greater id stays.
                    message(t, "e", "1", 1, text="a"),
                    message(t, "e", "1", 1, text="a "),
                    view(t, "1", "u", 1), view(t, "1", "u", 1)]
                self.store("any order", self.orders(records)[n], conf=conf)
                self.store("again", records, conf=conf)
                for table, column in FIGURES.items():
                    want = "9.000" if column == "seconds" else "9"
                    self.holds(f"{table}, order {n}", want,
                               f"SELECT `{column}` FROM {table} WHERE "
                               f"tenant = '{t}'")
                self.holds(f"messages, order {n}", "c new,d another chat,e a ",
                           "SELECT conversation_id, content FROM messages "
                           f"WHERE tenant = '{t}' ORDER BY 1")
                self.holds("views", "1", "SELECT COUNT(*) FROM message_views "
                           f"WHERE tenant = '{t}'")

    def every_field_is_stored(self):
        """By bulk arrays and by statements of text."""
        for conf in (None, self.small):
            self._every_field(conf)

    def _every_field(self, conf):
        t = self._tenant()
        analytics = {
            "id": "a1", "direction": "outbound", "message_length": 42,
            "sentiment": {"score": -0.125, "label": "negative",
                          "confidence": 1e-3},
            "intent": {"name": "order é", "confidence": 0.7},
            "response_time": 3.5}
        self.store("all fields", [
            {**message(t, "c", "1", 1), "from": "operator", "user": "u",
             "operator": "7", "to": "x", "channel": "w", "private": True,
             "automated": True, "kind": "text", "text": "é'\\\"?",
             "data": {"a": [1, None]}, **edited(2)},
            message(t, "c", "2", 1, channel="w", data={"analytics": analytics}),
            message(t, "c", "3", 1, data={"analytics": {}}),
            message(t, "c", "4", 1, data={"analytics": None}),
            message(t, "c", "long", 1, text="x" * 500000),
            event(t, "e1", 1, user="u", chat="c", channel="w", data={
                "source_service": "hub", "session_id": "s é",
                "event_data": {"a": [1, "x"]}, "ip_address": "::1",
                "user_agent": "curl"}),
            event(t, "e2", 1, data=[1, 2]),
            assignment(t, "p1", "c", "7", 5)], conf=conf)
        of = f"WHERE tenant = '{t}'"
        self.holds("a message", 'operator u x 7 w text 1 1 é\'\\\\"? '
                   '{"a": [1, null]}',
                   "SELECT sender, sender_id, receiver_id, operator, channel, "
                   "message_type, private, automated, content, data FROM "
                   f"messages {of} AND message_id = '1'")
        self.holds("a long one", "500000", "SELECT LENGTH(content) FROM "
                   f"messages {of} AND message_id = 'long'")
        self.holds("an event", 'click hub {"a": [1, "x"]} u s é c w ::1 curl',
                   "SELECT event_type, source_service, event_data, user_id, "
                   "session_id, conversation_id, channel_id, ip_address, "
                   f"user_agent FROM events {of} AND id = 'e1'")
        self.holds("an event with other data", "NULL [1, 2]",
                   "SELECT source_service, event_data FROM events "
                   f"{of} AND id = 'e2'")
        self.holds(
            "analyses", "2 c w outbound 42 -0.125 negative 0.001 order é 0.7 "
            "3.5,3 c NULL inbound NULL NULL NULL NULL NULL NULL NULL",
            "SELECT message_id, conversation_id, channel_id, direction, "
            "message_length, sentiment_score, sentiment_label, "
            "sentiment_confidence, intent_name, intent_confidence, response_time "
            f"FROM message_analytics {of} ORDER BY message_id")
        self.holds("an assignment", "p1 c 7 2026-11-20 10:00:05.000 "
                   "2026-11-20 10:01:00.000", "SELECT id, chat, operator, "
                   f"reserved_at, expires FROM assignments {of}")

    def records_become_rows(self):
        """What a record lacks, or has in another form."""
        t = self._tenant()
        # An operator who is named once is both writer and assignee.
        writers = (("operator", None, "7"), ("operator", "7", None),
                   ("operator", "5", "7"), ("operator", None, None),
                   ("bot", "7", None), ("system", None, "7"))
        # Some CRMs send the year 1 for a missing time.
        edits = ("0001-01-01T00:00:00", "1969-12-31T23:59:59",
                 "1970-01-01T00:00:00", "1970-01-01T00:00:00.002")
        # What does not fit its column is dropped.
        members = ({"session_id": "s", "ip_address": "::1"},
                   {"session_id": {"a": 1}, "ip_address": "::1"},
                   {"session_id": False, "user_agent": 7},
                   {"session_id": "s", "ip_address": 1.5},
                   {"user_agent": True, "ip_address": []})
        odd = [json.dumps({**event(t, "x", 1), "data": "DATA"}),
               json.dumps({**message(t, "c", "x", 1), "from": "bot",
                           "about": True, "data": "DATA"})]
        self.store("in other forms", [
            *({**message(t, "w", str(i), 1), "from": sender, "user": user,
               "operator": operator}
              for i, (sender, user, operator) in enumerate(writers)),
            *(message(t, "e", str(i), 1, updated_at=at + "Z")
              for i, at in enumerate(edits)), message(t, "e", "none", 1),
            view(t, "1", "u", 1), view(t, "2", "u", 1, chat="c", device="app"),
            *(event(t, str(i), 1, data={"event_data": 5, **more})
              for i, more in enumerate(members)),
            event(t, "text", 1, data="a"),
            odd[0].replace('"DATA"', '{"event_data": 1e400}'),
            odd[1].replace('"DATA"', r'{"\u0061nal\u0079tics": {"id": "a"}}')])
        of = f"WHERE tenant = '{t}'"
        self.holds("writers", "7 7,7 7,5 7,NULL NULL,7 NULL,NULL 7",
                   f"SELECT sender_id, operator FROM messages {of} AND "
                   "conversation_id = 'w' ORDER BY message_id")
        self.holds("versions", "1,1,1,2,0", f"SELECT version FROM messages {of} "
                   "AND conversation_id = 'e' ORDER BY message_id")
        self.holds("views", "1  web,2 c app", "SELECT message_id, "
                   f"conversation_id, device FROM message_views {of} ORDER BY 1")
        self.holds("events", "5 s ::1 NULL,5 NULL ::1 NULL,5 NULL NULL 7,"
                   '5 s NULL NULL,5 NULL NULL NULL,"a" NULL NULL NULL,'
                   "1e400 NULL NULL NULL", "SELECT event_data, session_id, "
                   f"ip_address, user_agent FROM events {of} ORDER BY id")
        self.holds("an analysis with escapes in its name", "a x outbound",
                   "SELECT id, message_id, direction FROM message_analytics "
                   + of)
        for what, record in {
                "no analysis": odd[1].replace('"DATA"',
                                              r'{"\u0061nalytic": {}}'),
                "an id that ends with a blank": view(t, "3", "u ", 1),
                "a time before all columns":
                    {**view(t, "3", "u", 1), "at": "0999-11-20T10:00:00Z"},
                }.items():
            self.store(what, [record], code=65, says="sink: line ")

    def an_id_counts_once(self):
        t = self._tenant()
        analysis = message(t, "c", "1", 1, data={"analytics": {"id": "a"}})
        later = message(t, "c", "1", 1, about=True, data={"analytics": {
            "id": "b", "direction": "outbound"}})
        records = [event(t, "e", 1, user="first"), event(t, "e", 9, user="x"),
                   event(t, "e", 0, user="y"), analysis, later,
                   assignment(t, "p", "c", "7", 5),
                   assignment(t, "p", "c", "7", 9),
                   *undated(t, "now")[:1]]
        for conf in None, self.small, None:
            self.store("ids", records, conf=conf)
        self.holds("an event", "e first", "SELECT id, user_id FROM events "
                   f"WHERE tenant = '{t}' AND id = 'e'")
        self.holds("an event without a time has ours", "1", "SELECT COUNT(*) "
                   f"FROM events WHERE tenant = '{t}' AND id = 'now' AND "
                   "created_at > UTC_TIMESTAMP() - INTERVAL 1 DAY")
        self.holds("analyses", "a inbound,b outbound", "SELECT id, direction "
                   f"FROM message_analytics WHERE tenant = '{t}' ORDER BY 1")
        self.holds("the message", "1", "SELECT COUNT(*) FROM messages WHERE "
                   f"tenant = '{t}'")
        self.holds("an assignment", "2026-11-20 10:00:05.000", "SELECT "
                   f"reserved_at FROM assignments WHERE tenant = '{t}'")

    def counts(self, t, *tables):
        return [self.sql.number(f"SELECT COUNT(*) FROM {table} WHERE "
                                f"tenant = '{t}'") for table in tables]

    def receipts_tell_what_was_read(self):
        """Compares tenant r with the oracle."""
        want = self.lab.path("want")
        path = self.lab.path("receipts")
        subprocess.run([sys.executable, "-B", "tests/oracle/receipts.py",
                        str(self.dice.randrange(10**6)), path, want],
                       check=True)
        self.run("receipts", "sink", "-f", path)
        with open(want) as f:
            lines = f.read().splitlines()
        got = self.found(
            "SELECT conversation_id, message_id, read_status, TIME(read_at), "
            "read_by FROM read_status WHERE tenant = 'r' ORDER BY 1, 2")
        self.that(got == lines and " read " in "".join(lines),
                  f"receipts: {set(got) ^ set(lines)}")

    def on_close_all_removes_history(self):
        t = self._tenant()
        tables = ("chat_metrics", "messages", "message_views", "intervals",
                  "conversation_metrics", "events", "message_analytics",
                  "assignments")
        records = [*stream_rows(t, 1), message(t, "c", "1", 1, data={
            "analytics": {}}), message(t, "d", "2", 1),
            view(t, "1", "u", 1, chat="c"), view(t, "2", "u", 1), event(t, "e1", 1, chat="c"),
            event(t, "e2", 1, chat="d"), assignment(t, "p", "c", "7", 1)]
        self.store("all", records)
        closed = self.file([{"type": "chat", "tenant": t, "chat": "c",
                             "status": "closed", "at": f"{DAY}10:02:00Z"}])
        self.run("live", "reaper", "-f", closed)
        self.store("live", records)
        live = self.counts(t, *tables)
        self.that(live == [0, 2, 2, 1, 1, 2, 1, 1], f"live keeps {live}")
        archive = self.lab.path("archive")
        conf = self.conf(reaper={"on_close": "all", "archive": archive})
        self.run("all", "reaper", "-c", conf, "-f", closed)
        self.store("all", records, conf=conf)
        left = self.counts(t, *tables)
        self.that(left == [0, 1, 1, 1, 0, 1, 0, 0], f"all leaves {left}")
        with open(archive) as f:
            archived = {json.loads(line)["table"] for line in f}
        self.that(set(tables[1:]) - {"intervals"} <= archived,
                  f"archived: {archived}")
        newer = message(t, "c", "3", 1)
        newer["at"] = f"{DAY}10:03:00Z"
        self.store("what is newer", [newer], conf=conf)
        self.that(self.counts(t, "messages") == [2], "newer is stored")
        self.run("purge", "reaper", "--purge", t)
        left = self.counts(t, *tables, *FIGURES)
        self.that(not any(left), f"a purged tenant has {left}")

    def what_is_no_row(self):
        self.store("other records", [{"type": "chat", "tenant": "t",
                                      "chat": "1"}],
                   says="skipping records of type chat")
        self.store("a later version's record", [{"type": "telepathy"}])
        done = self.lab.run(["sink"])
        self.that(done.code == 66 and "no input" in done.err, f"{done}")
        done = self.lab.run(["sh", "-c", '"$0" <&-',
                             BIN + "/sink"])
        self.that(done.code == 74 and "cannot read standard input" in done.err,
                  f"closed: {done}")

    def what_is_stored_is_acknowledged(self):
        """Also if a batch is full at the last line of a message, and for
        messages without a row."""
        t = self._tenant()
        conf = self.conf(amqp={"prefetch": 1}, sink={"connections": 1,
                                                     "batch": 2})
        self.put("rows", [message(t, "c", str(n), n) for n in range(10)], 2)
        self.lab.publish([("", "rows", b"\n")] * 3)
        self.put("rows", [message(t, "c", str(n), n) for n in range(10, 12)])
        self.run("until empty", "sink", "-c", conf, "-f", "queue:rows",
                 "--until-empty", says="an empty line")
        self.that(self.counts(t, "messages") == [12], "stored")
        self.that(self.lab.in_queue("rows", "total") == 0, "acknowledged")

    def what_is_not_stored_comes_again(self):
        """A locked table blocks the worker that needs it, not the other one; a
        sink that dies with rows of both gets them again."""
        t, u = self._tenant(), self._tenant()
        lock = Lock(self.lab, "LOCK TABLES chat_metrics WRITE")
        log = self.lab.path("sink.log")
        daemon = self.lab.start(["sink", "-f", "queue:rows"], log)
        self.put("rows", snapshot(t, "s1", 1, 1, 1))

        def said():
            with open(log) as f:
                return f.read()

        until(60, lambda: "waiting for it" in said(), "a word about the lock")
        self.put("rows", [message(u, f"c{n}", "1", n) for n in range(16)])
        until(60, lambda: self.counts(u, "messages") > [0],
              "messages beside locked rows")
        daemon.kill()
        daemon.wait()
        lock.release()
        self.that(said().count("\n") == 1, f"said once: {said()}")
        until(60, lambda: self.lab.in_queue("rows", "checked_out") == 0,
              "the broker to notice")
        self.run("again", "sink", "-f", "queue:rows", "--until-empty")
        got = self.counts(u, "messages") + self.counts(t, "chat_metrics")
        self.that(got == [16, 1], f"again: {got}")


run_checks(Test)
