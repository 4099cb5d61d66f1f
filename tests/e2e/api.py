"""api: the API's answers equal the tables, in every form, page by page; each
role gets its part, another tenant nothing; the same in a terminal; and bad
requests, an unavailable database and a user with read permission only. Every
text of a tenant's rows begins with the tenant's name, so that a leak is
visible in the bytes of any answer.
"""

import codecs
import csv
import http.client
import io
import json
import os
import random
import re
import socket
import struct
import time
from datetime import datetime
from urllib.parse import parse_qs

from api_client import PATIENCE, Answer, Server, resources, token
from harness import LONG, Checklist, seed, until
from streamlib import Sql

OURS, THEIRS = "tenant1", "tenant2"
# A tenant without rows, and one without current operators or chats
NEW, QUIET = "new", "quiet"
STRANGER_REQUESTS = 10000 if LONG else 1500
V1 = "/api/v1/"

# Resource: table, order, time columns.
LISTS = {
    "operators": ("operator_metrics", "operator"),
    "chats": ("chat_metrics", "chat"),
    "messages": ("messages",
                 "created_at DESC, conversation_id DESC, message_id DESC"),
    "intervals": ("intervals",
                  "end_at DESC, chat DESC, message DESC, kind DESC"),
    "conversations": ("conversation_metrics", "conversation_id"),
    "users": ("user_stats", "user_id"),
    "alerts": ("(SELECT * FROM alerts WHERE messages > 0) t",
               "started_at DESC, user_id DESC, rule DESC"),
    "trends": ("(SELECT * FROM trends WHERE occurrences > 0) t",
               "window_start DESC, word DESC"),
    "events": ("events", "created_at DESC, id DESC"),
    "receipts": ("message_views", "viewed_at DESC, message_id DESC, "
                                  "user_id DESC, conversation_id DESC"),
    "channels": ("channel_metrics", "hour DESC, channel DESC"),
    "assignments": ("assignments", "reserved_at DESC, id DESC"),
    "notices": ("notices", "begin_at DESC, id DESC"),
}
# Columns that the tables have in another unit.
COMPUTED = {"work_seconds": "work_ms / 1000",
            "target_seconds": "target_ms / 1000"}
# Names of aggregator -a, where a list and its metric have different names
METRICS = {
    "events": "eventlog", "receipts": "views"}
TABLES = {  # tables to fill, and their numbers of rows
    "operator_metrics": 12, "chat_metrics": 60, "tenant_metrics": 1,
    "messages": 150, "intervals": 120,
    "conversation_metrics": 40, "user_stats": 40, "alerts": 20, "trends": 20,
    "events": 40, "message_views": 40, "channel_metrics": 30,
    "assignments": 30, "notices": 30,
}
PERSONAL = "customer", "customer_name", "customer_phone", "tag"
NASTY = ['"', "\\", ",", "\n", "=1+1", "<script>", "%00", "é", "🙂", "'", ";"]


def csv_says(cell, value):
    """Whether a cell of CSV equals a member of JSON."""
    if isinstance(value, bool):
        return cell == ("true" if value else "false")
    if isinstance(value, (int, float)):
        return cell != "" and float(cell) == value
    if isinstance(value, (dict, list)):
        return json.loads(cell) == value
    return cell in (value or "", "'" + (value or ""))


class World:
    """Random rows of two tenants, written directly into the tables."""

    def __init__(self, lab, dice):
        self.dice = dice
        self.sql = Sql(lab)
        self.sql.ask("SET NAMES utf8mb4")
        for table, n in TABLES.items():
            columns = self.sql.ask(
                "SELECT column_name, data_type, character_maximum_length "
                "FROM information_schema.columns WHERE table_schema = "
                f"DATABASE() AND table_name = '{table}' AND "
                "generation_expression IS NULL ORDER BY ordinal_position")
            for tenant in (OURS, THEIRS):
                for _ in range(n):
                    self.put(table, columns, tenant)
        # Withdrawn trends: rows that no list shows.
        self.sql.ask("UPDATE trends SET occurrences = 0 WHERE tenant = "
                     f"'{OURS}' ORDER BY word LIMIT 3")

    def put(self, table, columns, tenant):
        cells = {c[0]: self.cell(c, tenant) for c in columns}
        if table == "tenant_metrics":
            cells["tenant"] = f"'{tenant}'"
        self.sql.ask(f"INSERT IGNORE INTO {table} ("
                     + ", ".join(f"`{c}`" for c in cells) + ") VALUES ("
                     + ", ".join(cells.values()) + ")")

    def cell(self, column, tenant):
        name, kind, length = column
        if name == "tenant":
            return f"'{tenant}'"
        if kind in ("varchar", "mediumtext", "text"):
            return self.text(name, tenant, length)
        if name == "left_at": # the lists show present operators
            return "NULL"
        if kind == "datetime":
            return "'2026-11-%02d %02d:00:0%d.%03d'" % (
                self.dice.randrange(1, 29), self.dice.randrange(24),
                self.dice.randrange(3), self.dice.randrange(2))
        if kind == "tinyint":
            return str(self.dice.randrange(2))
        if kind == "decimal":
            return "%d.%03d" % (self.dice.randrange(99),
                                self.dice.randrange(1000))
        if kind == "double":
            return str(self.dice.random())
        return str(self.dice.randrange(100))

    def text(self, name, tenant, length):
        words = {"status": ["open", "snoozed", "left"],
                 "kind": ["reply", "first_response", "waiting"],
                 "next_kind": ["reply", "first_response"],
                 "sender": ["customer", "operator", "bot"]}
        if name in words:
            return "'%s'" % self.dice.choice(words[name])
        text = tenant + str(self.dice.randrange(25))
        if name in ("content", "event_data", "customer_name", "tag", "chat",
                    "conversation_id", "word", "operator", "user_id"):
            text += self.dice.choice([""] * 9 + NASTY)
        text = text[:int(length)]
        return "'%s'" % text.replace("\\", "\\\\").replace(
            "'", "\\'").replace("\n", "\\n")

    def table(self, name, columns):
        """[{column: text or None}] in the form of the resource."""
        table, order = LISTS[name]
        names = ", ".join(f"'{c}', CAST({COMPUTED.get(c, f'`{c}`')} AS CHAR)"
                          for c in columns)
        # JSON, so that NULL, newlines and tabs can be distinguished.
        rows = self.sql.ask(
            f"SELECT TO_BASE64(JSON_OBJECT({names})) FROM {table} "
            f"WHERE tenant = '{OURS}' ORDER BY {order}")
        return [json.loads(base64_text(r[0])) for r in rows]


def base64_text(text):
    import base64
    return base64.b64decode(text.replace("\\n", "")).decode()


def same_cell(got, want):
    """Compares a cell of an answer with the table's text."""
    if got is None or want is None:
        return got is None and want is None
    if isinstance(got, bool):
        return got == (want != "0")
    if isinstance(got, (int, float)):
        return float(got) == float(want)
    if got == want:
        return True
    return len(got) == 24 and got[:-1].replace("T", " ") == want


def same_rows(got, want):
    return len(got) == len(want) and all(
        same_cell(g[c], w[c]) for g, w in zip(got, want) for c in g)


NOT_STORED = {"href", "operator_name", "due", "opens_at", "closes_at",
              "work_left_then_seconds"}


def without_links(rows):
    """The columns of the table."""
    return [{c: v for c, v in row.items() if c not in NOT_STORED}
            for row in rows]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("mariadb")
        self.door = lab.door("mariadb")
        lab.env["MYSQL_URL"] = self.door.url
        conf = lab.conf("messaging.conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        self.world = World(lab, self.dice)
        self.server = Server(lab, {"serve": {"rate": 0}})
        self.admin = token(tenant_id=OURS, role="admin")
        self.lead = token(tenant_id=OURS, role="lead")
        self.wall = token(tenant_id=OURS, role="wall")

    def pages(self, name, bearer, **parameters):
        """All rows of a list, following its cursors."""
        rows = []
        while True:
            answer = self.server.get(
                V1 + name, bearer, limit=self.dice.randrange(1, 30),
                **parameters)
            if answer.status != 200:
                raise AssertionError(f"{name}: {answer.status} {answer.body}")
            rows += answer.rows()
            cursor = answer.json().get("next")
            if cursor is None:
                return rows
            self.that(f"cursor={cursor}>" in answer.headers["Link"],
                      f"{name}: no Link to the next page")
            parameters["cursor"] = cursor

    def every_list_is_its_table(self):
        for name in LISTS:
            rows = self.pages(name, self.admin)
            if not self.that(rows, f"{name} is empty"):
                continue
            self.forms_agree(name)
            rows = without_links(rows)
            want = self.world.table(name, list(rows[0]))
            self.that(same_rows(rows, want), f"{name} differs from its table")
            self.filters_select(name, rows)

    def forms_agree(self, name):
        rows = self.server.get(V1 + name, self.admin, limit=1000).rows()
        lines = self.server.ask(V1 + name + ".ndjson?limit=1000", self.admin)
        self.that([json.loads(x) for x in lines.body.decode().split("\n")
                   if x] == rows, f"{name}: NDJSON differs from JSON")
        text = self.server.ask(V1 + name + ".csv?limit=1000", self.admin)
        self.that(text.headers["Content-Type"].startswith("text/csv"),
                  f"{name}: {text.headers['Content-Type']}")
        table = list(csv.reader(io.StringIO(text.body.decode(), newline="")))
        self.that(table[0] == list(rows[0]), f"{name}: CSV has {table[0]}")
        self.that(len(table) == len(rows) + 1, f"{name}: CSV has other rows")
        marked = self.server.ask(
            V1 + name + ".csv?limit=1000&bom=1", self.admin)
        self.that(marked.body == codecs.BOM_UTF8 + text.body, f"{name}: CSV for Excel")
        for line, row in zip(table[1:], rows):
            for cell, value in zip(line, row.values()):
                formula = isinstance(value, str) and value[:1] in tuple("=+-@")
                self.that(not formula or cell[0] == "'",
                          f"{name}: a formula in CSV: {cell}")
                self.that(csv_says(cell, value),
                          f"{name}: {cell} in CSV, {value} in JSON")

    def filters_select(self, name, rows):
        for column in ("operator", "chat", "kind", "sender", "user_id"):
            if column not in rows[0]:
                continue
            value = self.dice.choice(rows)[column]
            got = without_links(self.pages(name, self.admin,
                                           **{column: value}))
            self.that(got == [r for r in rows if r[column] == value],
                      f"{name}: {column}={value!r} selects other rows")
        time = next((c for c in rows[0] if c.endswith("_at") or c == "hour"),
                    None)
        if name in ("messages", "intervals", "events", "channels"):
            first, last = "2026-11-05T03:00:00Z", "2026-11-17T00:00:00.001Z"
            got = without_links(self.pages(
                name, self.admin, **{"from": first, "to": last}))
            self.that(got == [r for r in rows if "2026-11-05T03:00:00.000Z"
                              <= r[time] < last],
                      f"{name}: a range selects other rows")

    def what_is_not_kept_says_so(self):
        self.world.sql.ask(
            "INSERT INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, responses, as_of, version) "
            f"VALUES ('{QUIET}', 0, 0, 0, 0, 0, UTC_TIMESTAMP(3), 1)")
        new, quiet = (token(tenant_id=t, role="admin") for t in (NEW, QUIET))
        for name in LISTS:
            want = METRICS.get(name, name)
            got = self.server.get(V1 + name, new).json()
            self.that(got["rows"] == [] and got["not_kept"] == want,
                      f"{name} without rows: {got}")
            if name in ("chats", "operators"):
                got = self.server.get(V1 + name, quiet).json()
                self.that(got["not_kept"] is None, f"no {name} now: {got}")
            got = self.server.get(V1 + name, self.admin).json()
            self.that(got["rows"] and got["not_kept"] is None,
                      f"{name}: {got['not_kept']}")
            self.no_row_is_not_none_kept(name)
        for bearer, n, want in (
                (new, None, "chats, operators, assignments"),
                (quiet, 0, "assignments"), (self.admin, None, None)):
            got = self.server.get(V1 + "allocation", bearer).json()
            [queue] = got["queue"]
            self.that(got["not_kept"] == want and (
                want is None or queue["unassigned_chats"] == n
                and queue["waiting_chats"] == n), f"allocation: {got}")

        for bearer, want in ((new, "tenant, operators, chats"), (quiet, None),
                             (self.admin, None)):
            got = self.server.get(V1 + "now", bearer).json()
            self.that(got["not_kept"] == want, f"now: {got}")
        # An operator has the chat, listed or not.
        self.world.sql.ask("UPDATE tenant_metrics SET open_chats = 1 "
                           f"WHERE tenant = '{QUIET}'")
        for name in "chats", "operators":
            got = self.server.get(V1 + name, quiet).json()
            self.that(got["not_kept"] == name, f"{name} of others: {got}")

    def no_row_is_not_none_kept(self, name):
        """A filter without matches differs from a metric that is not kept."""
        rows = self.server.get(V1 + name, self.admin).rows()
        column = next(c for c in ("operator", "user_id", "conversation_id",
                                  "word", "channel") if c in rows[0])
        got = self.server.get(V1 + name, self.admin, **{column: "none"})
        self.that(got.rows() == [] and got.json()["not_kept"] is None,
                  f"{name} of none: {got.body}")

    def each_role_sees_its_part(self):
        ask = self.server.get
        for name in LISTS:
            self.that(ask(V1 + name, self.wall).status == (
                200 if name == "notices" else 403), f"a wall reads {name}")
        now = ask(V1 + "now", self.wall)
        self.that(OURS not in now.body.decode().replace(
            f'"tenant":"{OURS}"', "").replace('"channel":"' + OURS, ""),
            f"a wall sees a name: {now.body}")
        self.that(now.json()["operators"] and now.json()["waiting"],
                  "a wall sees nothing")
        for row in self.pages("messages", self.lead):
            self.that(row["content"] is None, "a lead reads a message")
        # A token's sub cannot contain a newline.
        operators = [r["operator"] for r in self.pages(
            "operators", self.lead) if "\n" not in r["operator"]]
        for operator in operators[:4]:
            self.operator_sees_their_own(operator)

    def operator_sees_their_own(self, operator):
        viewer = token(tenant_id=OURS, role="operator", sub=operator)
        for name in ("operators", "chats", "intervals", "assignments"):
            want = [r for r in self.pages(name, self.lead)
                    if r["operator"] == operator or
                    (name == "chats" and r["operator"] is None)]
            got = self.pages(name, viewer)
            for row in want:
                if name in ("chats", "intervals"):
                    row["href"] = None  # also for others; no timelines
                for column in PERSONAL:
                    if column in row:
                        row[column] = None
            self.that(got == want, f"an operator's {name} are not their own")
        now = self.server.get(V1 + "now", viewer).json()
        self.that([r["operator"] for r in now["operators"]] == [operator],
                  "an operator sees other operators")
        self.that({r["operator"] for r in now["waiting"]}
                  <= {operator, None}, "an operator sees others' chats")
        for chat in self.pages("chats", self.lead):
            rows = self.server.get(V1 + "chats", viewer,
                                   chat=chat["chat"]).rows()
            own = chat["operator"] in (operator, None)
            self.that(len(rows) == own,
                      f"{rows} for a chat of {chat['operator']}")
            self.that(not any(row.get(column) for row in rows
                              for column in PERSONAL),
                      f"an operator sees a customer: {rows}")
        tagged = self.server.get(V1 + "chats", viewer, tag=OURS + "1")
        self.that(tagged.status == 403
                  and tagged.problem() == "tag is not allowed for the role operator",
                  f"an operator asks for a tag: {tagged.status}")

    def a_chat_is_its_row_of_the_list(self):
        for bearer in self.admin, self.lead:
            for want in self.pages("chats", bearer):
                got = self.server.get(V1 + "chats", bearer,
                                      chat=want["chat"]).rows()
                self.that(got == [want], f"{want['chat']!r}: {got}")

    def a_chat_has_its_messages(self):
        """The intervals of a chat, and its current wait."""
        messages = self.pages("messages", self.admin)
        intervals = self.pages("intervals", self.admin)
        chats = self.pages("chats", self.admin)
        now = self.server.ask(V1 + "now", self.admin).json()
        [[until]] = self.world.sql.ask(
            "SELECT COALESCE(waits_until, as_of) FROM tenant_metrics WHERE "
            f"tenant = '{OURS}'")
        until = until.replace(" ", "T") + "Z"
        for chat in sorted({r["conversation_id"] for r in messages}
                           | {r["chat"] for r in chats}):
            answer = self.server.ask(
                V1 + f"chats/{quoted(chat)}/timeline", self.admin)
            got = answer.json()
            want = [r for r in messages if r["conversation_id"] == chat][::-1]
            self.that([(r["created_at"], r["message_id"], r["content"])
                       for r in got["messages"]]
                      == [(r["created_at"], r["message_id"], r["content"])
                          for r in want], f"the messages of {chat!r}")
            self.that(got["chat"] == chat, f"{got['chat']!r}, not {chat!r}")
            want = [r for r in intervals if r["chat"] == chat]
            self.that(len(got["intervals"]) == len(want),
                      f"the intervals of {chat!r}")
            rows = [r for r in chats if r["chat"] == chat]
            want = [{"assigned": r["operator"] is not None,
                     **{c: r[c] for c in ("status", "operator", "opened_at",
                                          "as_of")}} for r in rows]
            self.that(got["now"] == want, f"{chat!r}: {got['now']}")
            want = [{"kind": "waiting", "start_at": r["waiting_since"],
                     "operator": r["operator"], "seconds": r["wait_seconds"],
                     "as_of": max(rows[0]["as_of"], until)}
                    for r in now["waiting"] if r["chat"] == chat]
            self.that(got["running"] == want, f"{chat!r}: {got['running']}")

    def messages_of_one_moment_are_in_order(self):
        """Numbers first, by value, then other ids by bytes: a question with id
        9 comes before its answer, 10."""
        ids = ["0", "1", "9", "10", "100", "99999999999999999999",
               "00", "01", "1a", "9 1", "a", "é"]
        for n, one in enumerate(self.dice.sample(ids, len(ids))):
            self.world.sql.ask(
                "INSERT INTO messages (tenant, created_at, conversation_id, "
                "message_id, sender, private, automated, version) VALUES "
                f"('order', '2026-11-20 10:00', 'c', '{one}', 'customer', 0, "
                "0, 0); INSERT INTO intervals (tenant, end_at, chat, message, "
                "kind, start_at, ms, withdrawn, as_of, version) VALUES "
                f"('order', '2026-11-20 10:00', 'c', '{one}', 'reply', "
                f"'2026-11-20', {n}, 0, NOW(3), 1)")
        for day, one in ("19", "z"), ("21", "2"):
            self.world.sql.ask(
                "INSERT INTO messages (tenant, created_at, conversation_id, "
                "message_id, sender, private, automated, version) VALUES "
                f"('order', '2026-11-{day}', 'c', '{one}', 'bot', 0, 0, 0)")
        admin = token(tenant_id="order", role="admin")
        timeline = self.server.ask(V1 + "chats/c/timeline", admin).json()
        history = self.server.ask(V1 + "messages/conversation/c", admin).json()
        for what, rows, name, want in (
                ("timeline", timeline["messages"], "message_id",
                 ["z", *ids, "2"]),
                ("intervals", timeline["intervals"], "message", ids),
                ("history", history["messages"], "message_id",
                 ["z", *ids, "2"])):
            got = [row[name] for row in rows]
            self.that(got == want, f"{what}: {got}")
        self.pages_of_one_moment_have_all("messages/conversation/c", admin,
                                          ["z", *ids, "2"])

    def pages_of_one_moment_have_all(self, path, admin, ids):
        got, query = [], "?limit=5"
        while query:
            answer = self.server.ask(V1 + path + query, admin)
            got += [row["message_id"] for row in answer.json()["messages"]]
            link = answer.headers.get("Link")
            query = link and link[1:link.index(">")]
        self.that(sorted(got) == sorted(ids), f"{path}: {got}")

    def who_left_waits_no_more(self):
        """The row of a chat that left keeps the start of its wait, but counts
        nowhere."""
        waited = [r for r in self.pages("chats", self.admin)
                  if r["waiting_since"] is not None]
        want = [r for r in waited if r["status"] != "left"]
        self.that(want and len(want) < len(waited), "nobody left, or waits")
        got = self.pages("chats", self.admin, waiting=1)
        self.that(got == want, f"{len(got)} wait, not {len(want)}")
        # Some chats begin to wait on a later day than today.
        got = self.pages("chats", self.admin, waiting_seconds=1)
        self.that(got and all(r in want for r in got),
                  f"{len(got)} of {len(want)} have waited a second")

    def intervals_have_names_lengths_and_a_time(self):
        self.lab.sql(
            "INSERT INTO names (tenant, kind, id, name, as_of, version) SELECT "
            "DISTINCT tenant, 'operator', operator, CONCAT('Ms ', operator), "
            "NOW(), 1 FROM intervals WHERE operator NOT REGEXP "
            "'[^a-z0-9]'")
        rows = self.pages("intervals", self.admin)
        names = dict(self.lab.sql(
            f"SELECT id, name FROM names WHERE tenant = '{OURS}' AND "
            "kind = 'operator'"))
        self.that(any(r["operator_name"] for r in rows), "no name of an operator")
        other = [r for r in rows
                 if r["operator_name"] != names.get(r["operator"])]
        self.that(not other, f"other names of operators: {other[:2]}")
        middle = sorted(r["seconds"] for r in rows)[len(rows) // 2]
        least = int(middle)
        want = [r for r in rows if r["seconds"] >= least]
        for got in (self.pages("intervals", self.admin, min_seconds=least),
                    list(csv.DictReader(io.StringIO(self.server.ask(
                        V1 + f"intervals.csv?limit=1000&min_seconds={least}",
                        self.admin).body.decode(), newline="")))):
            self.that([(r["chat"], r["end_at"]) for r in got]
                      == [(r["chat"], r["end_at"]) for r in want],
                      f"{len(got)} of {len(want)} intervals of {least} s")
        [figure] = self.server.get(V1 + "figure", self.admin,
                                   min_seconds=least).rows()
        self.that(figure["count"] == sum(not r["withdrawn"] for r in want)
                  or figure["count"] == len(want), f"{figure}")
        for row in self.dice.sample(rows, 5):
            for at in row["start_at"], row["end_at"]:
                got = self.pages("intervals", self.admin, at=at)
                self.that(got == [r for r in rows if r["start_at"] <= at
                                  < r["end_at"]], f"at {at}: {len(got)}")

    def who_waited_at_a_time_is_listed(self):
        waiting = self.pages("chats", self.admin, waiting=1)
        at = sorted(r["waiting_since"] for r in waiting)[len(waiting) // 2]
        got = self.pages("chats", self.admin, at=at)
        self.that(got == [r for r in waiting if r["waiting_since"] <= at],
                  f"{len(got)} of {len(waiting)} waited at {at}")

    def an_offset_is_read(self):
        """Also with an unescaped + in the address."""
        first = self.server.get(V1 + "messages", self.admin,
                                to="2026-11-11T05:30:00Z").rows()
        for time in ("2026-11-11T11:00:00+05:30",
                     "2026-11-11T11:00:00.000%2B05:30",
                     "2026-11-11+11:00:00.000+05:30",
                     "2026-11-11T02:00:00-03:30"):
            again = self.server.ask(V1 + "messages?to=" + time, self.admin)
            self.that(first and again.status == 200
                      and again.rows() == first, f"{time}: {again.body[:99]}")

    def _known_parameters(self):
        """Parameters by path, as in the description."""
        document = self.server.ask(V1 + "openapi.json").json()
        return {path: [p.get("name") or p["$ref"].split("/")[-1]
                       for p in operation["get"].get("parameters", [])]
                for path, operation in resources(document).items()}

    def bad_requests_are_refused(self):
        admin, ask = self.admin, self.server.ask
        bad = {
            "nothing": 404, "chats/": 404, "chats?limit=0": 400,
            "chats?limit=1001": 400, "chats?limit=ten": 400,
            "chats?cursor=zz": 400, "chats?cursor=00": 400,
            "messages?cursor=61": 400, "chats?cursor=ff": 400,
            "messages?cursor=" + b"later\0c\0m".hex(): 400,
            "trends?cursor=" + b"2026-01-01 10:00:00.000\0\xff".hex(): 400, "messages?from=yesterday": 400,
            "messages?to=2026-02-30": 400, "messages?from=20261120": 400,
            "intervals?to=1795392000": 400, "responses?from=2026": 400,
            "heatmap?from=0": 400, "messages?from=900000d": 400,
            "heatmap?from=1970-01-02&to=2200-01-01": 400,
            "responses?from=2025-01-01&to=2026-11-01&by=quarter": 400,
            "responses?from=1969-12-31&to=2026-01-01&by=total": 400,
            "responses?from=2026-01-01&to=2201-01-01&by=total": 400,
            "responses?zone=../etc/passwd": 400,
            "responses?zone=/etc/localtime": 400,
            "responses?zone=EST5EDT,M3.2.0,M11.1.0": 400,
            "responses?zone=" + "x" * 500: 400, "figure?hour=1": 400,
            "intervals?weekday=1&hour=24": 400, "figure?weekday=1&hour=1": 400,
            "now.csv": 406, "chats?bom=1": 400, "chats.ndjson?bom=1": 400,
            "chats.csv?bom=0": 400, "now?bom=1": 400,
            "analytics/dashboard.csv?tenant_id=tenant1": 406,
            "chats/%ff/timeline": 400, "chats/ours1%20/timeline": 400,
            "messages/conversation/ours1%20": 400, "chats/%zz/timeline": 400,
            "chats/%00/timeline": 400, "chats/none": 404,
            "chats/" + "x" * 192 + "/timeline": 400,
            "chats/none/timeline": 404,
        }
        refused = self._refused_parameters()
        for path in refused:
            bad[path] = 400
        for path, status in bad.items():
            answer = ask(V1 + path, admin)
            self.that(answer.status == status,
                      f"{path}: {answer.status}, not {status}")
            said = answer.problem()
            self.that(all(word in said for word in refused.get(path, [" "])),
                      f"{path}: {said}")
        later = token(tenant_id=OURS, role="lead", exp=2e9 + 0.25)
        self.that(ask(V1 + "now", later).status == 200
                  and ask(V1 + "now/stream?x=1", later).status == 400,
                  "a time with a fraction is none")
        zones = "localtime", "posixrules", "Factory", "posix/Europe/Lisbon"
        for zone in zones:
            self.that(ask(V1 + "responses?zone=" + zone, admin).status == 400,
                      f"{zone} is not a zone of IANA's")
        hours = ask(V1 + "responses?by=hour&from=2000d", admin).problem()
        self.that("periods of an hour" in hours, hours)
        for method in ("POST", "PUT", "DELETE"):
            answer = ask(V1 + "chats", admin, method)
            self.that(answer.status == 405
                      and answer.headers["Allow"] == "GET, HEAD",
                      f"{method}: {answer.status}")

    def _refused_parameters(self):
        """Each parameter would otherwise be ignored; checks the message,
        too."""
        twice, one = ["operator", "twice"], ["must be 1"]
        other = "cannot be combined"
        return {
            "now?operator=1": ["'operator'", "no parameters"],
            "chats?oprator=1": ["'oprator'", "operator", "waiting"],
            "chats?from=7d": ["'from'"], "chats?Operator=1": ["'Operator'"],
            "chats?oprator": ["'oprator'"], "chats?=1": ["''"],
            "chats?%ff=1": ["a name in the request"],
            "chats/1/timeline?from=7d": ["'from'"],
            "allocation?operator=1": ["'operator'"],
            "openapi?v=1": ["'v'"], "now/stream?operator=1": ["'operator'"],
            "responses?tag=vip": ["'tag'", "within_seconds"],
            "responses?chat=1&by=total": ["'chat'"],
            "heatmap?group=channel": ["'group'"],
            "heatmap?by=day": ["'by'"],
            "heatmap?kind=wait": ["kind must be", "unanswered"],
            "figure?by=day": ["'by'"],
            "figure?kind=wait": ["kind must be", "waiting"],
            "backlog?operator=1": ["'operator'", "compare"],
            "backlog?from=2026-11-01&to=2026-11-20&by=quarter": ["1000"],
            "responses?group=tag": ["must be one of none, operator"],
            "responses?from=2026-11-02&to=2026-11-02": ["must be before to"],
            "operators?operator=1&operator=2": twice,
            "responses?operator=1&operator=1": twice,
            "chats?nobody=2": one, "chats?open=yes": one,
            "responses?within_seconds=31622401": ["from 0 to 31622400"],
            "responses?within_seconds=0.5": ["must be a whole number"],
            "chats?waiting_seconds=-1": ["must be a whole number"],
            "chats?waiting=0": one, "intervals?nobody=2": one,
            "responses?nobody=2": one, "heatmap?nobody=yes": one,
            "responses?channel=web&no_channel=1":
                ["channel and no_channel", other],
            "intervals?kind=bogus": ["response", "waiting"],
            "intervals?zone=Nowhere/At_All": ["zone"],
            "messages?zone=UTC": ["'zone'"],
            "intervals?operator=7&nobody=1": ["operator and nobody", other],
            "chats?operator=7&nobody=1": ["operator and nobody", other],
            "chats?assigned=1&nobody=1": ["nobody and assigned", other],
            "intervals?from=2026-11-02&to=2026-11-02": ["must be before to"],
            "messages?from=1d&to=2d": ["must be before to"],
            "operators?operator=%ff": ["UTF-8"],
            "operators?operator=": ["operator", "empty", "omit it"],
            "chats?operator": ["operator", "empty"],
            "chats?limit=": ["limit", "empty"],
            "chats?nobody=": ["nobody", "empty"],
            "responses?by=&zone=UTC": ["by", "empty"],
            "figure?chat=": ["chat", "empty"],
            "now/stream?operator=": ["'operator'"],
            "operators?operator=501%20": ["ends with a space"],
            "operators?operator=501+": ["ends with a space"],
        }

    def a_stranger_sees_nothing(self):
        """Random requests with our ids from a user of another tenant."""
        ids = sorted({v for name in LISTS for row in self.pages(
            name, self.admin) for v in row.values()
            if isinstance(v, str) and v.startswith(OURS)})
        subjects = [i for i in ids if "\n" not in i]
        known = self._known_parameters()
        paths = list(LISTS) + ["now", "chats/{}", "chats/{}/timeline"]
        for _ in range(STRANGER_REQUESTS):
            stranger = token(tenant_id=THEIRS, role=self.dice.choice(
                ["admin", "lead", "operator", "wall"]),
                sub=self.dice.choice(subjects))
            path = self.dice.choice(paths).format(
                quoted(self.dice.choice(ids)))
            names = known.get(V1 + path.split("/")[0], []) + ["tenant_id"]
            values = ids + [OURS, "1' OR '1'='1", "5", "7d"]
            parameters = {self.dice.choice(names): self.dice.choice(values)
                          for _ in range(self.dice.randrange(3))}
            answer = self.server.get(
                V1 + path + self.dice.choice(["", ".csv", ".ndjson"]),
                stranger, **parameters)
            self.that(answer.status in (200, 400, 403, 404, 406),
                      f"{answer.status} for {path} {parameters}")
            said = answer.body.decode()
            if "timeline" not in path and answer.status == 200:
                self.that(OURS not in said, f"a leak: {path} {parameters}")
            elif answer.status == 200:
                self.that(False, f"{path}: a stranger has that chat")

    def the_servers_refusals_are_problems(self):
        ask = self.server.ask
        limited = Server(self.lab, {"serve": {"rate": 1, "burst": 1}},
                         name="limited")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        while (many := limited.ask(V1 + "now", self.admin)).status == 200:
            pass
        self.that(many.headers["Retry-After"], "429 without Retry-After")
        for status, answer in (
                (400, ask(V1 + "operators?operator=%00", self.admin)),
                (414, ask(V1 + "operators?operator=" + 5000 * "x",
                          self.admin)),
                (404, ask("/board/nothing.js")),
                (413, ask("/login", None, "POST", form, 5000 * "x")),
                (431, ask(V1 + "now", self.admin,
                          headers={f"X-{n}": "y" for n in range(70)})),
                (429, many)):
            self.that(answer.status == status and answer.problem()
                      and set(answer.json()) == {"type", "title", "status",
                                                 "detail"},
                      f"{answer.status}, not {status}: {answer.body}")

    def the_suffix_chooses_the_form(self):
        ndjson = "application/x-ndjson"
        for suffix, kind in (("", "application/json"),
                             (".json", "application/json"),
                             (".csv", "text/csv"), (".ndjson", ndjson)):
            lists, objects = (self.server.ask(V1 + path + suffix, self.admin)
                              for path in ("chats", "now"))
            self.that(lists.headers["Content-Type"].split(";")[0] == kind
                      and objects.status == (200 if "/json" in kind else 406),
                      f"{suffix}: {lists.headers}, {objects.status}")
        # A tenant without rows.
        new = token(tenant_id=NEW, role="admin")
        empty = self.server.ask(V1 + "alerts.ndjson", new)
        again = self.server.ask(V1 + "alerts.ndjson", new, headers={
            "If-None-Match": empty.headers["ETag"]})
        self.that(empty.status == 200 and empty.body == b""
                  and empty.headers["Content-Type"] == ndjson,
                  f"no rows: {empty.status} {empty.headers}")
        self.that(again.status == 304 and "Content-Type" not in again.headers,
                  f"no rows again: {again.status} {again.headers}")

    def in_lines(self, path, *headers):
        """A header may be repeated."""
        c = http.client.HTTPConnection("127.0.0.1", self.server.port,
                                       timeout=PATIENCE)
        c.putrequest("GET", V1 + path)
        for name, value in headers:
            c.putheader(name, value)
        c.endheaders()
        got = c.getresponse()
        answer = Answer(got.status, got.headers, got.read())
        c.close()
        return answer

    def a_repeated_header_is_not_joined(self):
        """Of several lines If-None-Match the first counts; a second Cookie is
        refused."""
        bearer = ("Authorization", "Bearer " + self.admin)
        first = self.in_lines("chats", bearer)
        known = self.in_lines(
            "chats", bearer, ("If-None-Match", '"x"'),
            ("If-None-Match", first.headers["ETag"]))
        self.that(known.status == 200, f"of If-None-Match: {known.status}")
        cookie = self.in_lines("now", ("Cookie", "a=b"),
                               ("Cookie", "messaging_session=" + self.admin))
        self.that(cookie.status == 400, f"of Cookie: {cookie.status}")

    def the_same_is_not_sent_again(self):
        again = self.server.ask(V1 + "now", self.admin,
                                headers={"If-None-Match": "*"})
        self.that(again.status == 304, f"*: {again.status}")
        for path in ("now", "chats?limit=3", "chats.csv"):
            first = self.server.ask(V1 + path, self.admin)
            again = self.server.ask(V1 + path, self.admin, headers={
                "If-None-Match": first.headers["ETag"]})
            self.that(again.status == 304 and again.body == b"",
                      f"{path}: {again.status}")
        self.world.sql.ask("UPDATE chat_metrics SET messages = messages + 1 "
                           f"WHERE tenant = '{OURS}'")
        again = self.server.ask(V1 + "chats?limit=3", self.admin, headers={
            "If-None-Match": first.headers["ETag"]})
        self.that(again.status == 200, "a change is not seen")

    def a_page_that_gets_another_behind_it_is_not_the_same(self):
        """Also if only the Link header says that there is a next page."""
        admin = token(tenant_id="pages", role="admin")

        def say(n):
            self.world.sql.ask(
                "INSERT INTO messages (tenant, created_at, conversation_id, "
                "message_id, sender, private, automated, version) VALUES "
                f"('pages', '2026-11-20 10:0{n}', 'c', '{n}', 'customer', 0, "
                "0, 0)")

        say(2)
        say(3)
        # Newest first, and oldest first.
        for path, more in (("messages?limit=2", 1), ("messages.csv?limit=2", 1),
                           ("messages.ndjson?limit=2", 1),
                           ("messages/conversation/c?limit=2", 4)):
            first = self.server.ask(V1 + path, admin)
            say(more)
            again = self.server.ask(V1 + path, admin, headers={
                "If-None-Match": first.headers["ETag"]})
            self.that("Link" not in first.headers and again.status == 200
                      and "Link" in again.headers,
                      f"{path}: {again.status} with a page more")
            self.world.sql.ask("DELETE FROM messages WHERE tenant = 'pages' "
                               f"AND message_id = '{more}'")

    def the_next_page_begins_where_the_first_one_did(self):
        """However slow the client is: relative times are resolved once."""
        before = time.time()
        link = self.server.get(V1 + "messages", self.admin, limit=1,
                               **{"from": "9000d"}).headers["Link"]
        begin = parse_qs(link[2:].split(">")[0])["from"][0]
        begin = datetime.fromisoformat(begin.replace("Z", "+00:00"))
        late = begin.timestamp() + 9000 * 86400 - before
        self.that(-1 < late < 60, f"{link} is of {late} s later")

    def by_hand_it_is_the_same(self):
        for path in ("now", "chats?limit=5", "chats.csv", "operators.ndjson"):
            served = self.server.ask(V1 + path, self.admin).body
            printed = self.lab.must(
                ["sink", "--tenant", OURS, "--get", V1 + path]).out
            self.that(printed.rstrip(b"\n") == served.rstrip(b"\n"),
                      f"{path} by hand differs")
        for path, code in ((V1 + "chats?limit=0", 64), (V1 + "now.csv", 64)):
            done = self.lab.run(["sink", "--tenant", OURS, "--get", path])
            self.that(done.code == code and len(done.lines()) == 1
                      and path in done.err, f"{path}: {done}")
        for path in (*self._refused_parameters(), "operators?operator=%00",
                     "operators?%00=1"):
            if "stream" in path:
                continue
            done = self.lab.run(["sink", "--tenant", OURS, "--get", V1 + path])
            self.that(done.code == 64 and len(done.lines()) == 1
                      and not done.out, f"{path}: {done}")
        url = "mysql://messaging:wrong@" + self.lab.env["MYSQL_URL"].split(
            "@")[1]
        for mode in (("--get", V1 + "now"), ("--report", "-")):
            done = self.lab.run(["sink", "--tenant", OURS, *mode],
                                env={"MYSQL_URL": url})
            self.that(done.code == 77 and not done.out
                      and "denied" in done.err, f"refused: {mode} {done}")
        done = self.lab.run(["sink", "--get", V1 + "now"])
        self.that(done.code == 64 and "--tenant" in done.err, f"{done}")

    def by_hand_a_table_has_all_pages(self):
        """In a terminal a table has all pages, unless the request chooses a
        page or the form has room for the next cursor."""
        get = lambda path: self.lab.must(
            ["sink", "--tenant", "long", "--get", V1 + path])
        self.world.sql.ask(
            "INSERT INTO messages (tenant, created_at, conversation_id, "
            "message_id, sender, channel, private, automated, version) SELECT "
            "'long', '2026-11-20' + INTERVAL seq SECOND, IF(seq % 2, 'c', 'd'),"
            " seq, 'customer', 'limit=5', 0, 0, 0 FROM seq_1_to_2500; "
            "INSERT INTO tenants (tenant) VALUES ('long')")
        for path, n in (("messages", 2500), ("messages?sender=customer", 2500),
                        ("messages?channel=limit=5", 2500),
                        ("messages?bom=1", 2500),
                        ("messages?conversation_id=c&from=2026-11-20", 1250),
                        ("messages?conversation_id=none", 0)):
            done = get(path.replace("messages", "messages.csv"))
            self.that(done.out.count(codecs.BOM_UTF8) == path.count("bom"),
                      f"{path}: {done.out.count(codecs.BOM_UTF8)} marks")
            rows = list(csv.DictReader(io.StringIO(
                done.out.decode("utf-8-sig"), newline="")))
            path = path.replace("bom=1", "")
            lines = get(path.replace("messages", "messages.ndjson"))
            objects = [json.loads(x) for x in lines.out.splitlines()]
            for one in rows, objects:
                ids = [int(r["message_id"]) for r in one]
                self.that(len(ids) == n and ids == sorted(
                    set(ids), reverse=True), f"{path}: {len(ids)} rows")
            self.that(not done.err and not lines.err, f"{path}: {done.err}")
        # Otherwise a line names the next request.
        for path in ("messages.csv?limit=1000", "messages.ndjson?limit=1000",
                     "messages?limit=1000", "messages/conversation/c"):
            ids, pages = self.pages_by_hand(path)
            n = 1250 if "/c" in path else 2500
            self.that(sorted(map(int, ids)) == list(range(
                1, 2501, 2500 // n)) and pages == (13 if "/c" in path else 3),
                f"{path}: {len(ids)} rows, {pages} pages")

    def a_closed_chat_is_explained(self):
        """No live table has it any more."""
        of = {"tenant": "past", "chat": "a"}
        at = [f"2026-11-26T10:{n:02}:00.000Z" for n in range(4)]
        records = [
            {"type": "operator", "tenant": "past", "operator": "7",
             "name": "Ann", "available": True, "at": at[0]},
            *({"type": "message", **of, "id": str(n), "at": at[n], **who}
              for n, who in enumerate((
                  {"from": "customer"}, {"from": "operator", "operator": "7"},
                  {"from": "customer"}))),
            {"type": "chat", **of, "status": "closed", "operator": "7",
             "at": at[3], "closed_at": at[3]}]
        rows = self.lab.must(["aggregator", "-a", "all", "-o", "ndjson"],
                             stdin="".join(json.dumps(r) + "\n"
                                           for r in records).encode()).out
        self.lab.must(["sink"], stdin=rows)
        self.that(self.world.sql.number(
            "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'past'") == 0,
                  "the chat is open")
        got = self.lab.must(["sink", "--tenant", "past", "--explain", "a", "-o",
                             "csv"]).out.decode().splitlines()[1:]
        self.that(got == [
            f"{at[0]},customer,message,,,",
            f"{at[1]},Ann (7),message,first response,60.000,Ann (7)",
            f"{at[2]},customer,message,,,",
            f"{at[3]},chat,,resolution,180.000,Ann (7)",
            f"{at[3]},chat,,closed unanswered,60.000,Ann (7)"], f"{got}")

    def pages_by_hand(self, path):
        """The ids of all messages, following the lines of standard error, and
        the number of pages."""
        ids, pages, path = [], 0, V1 + path
        while path:
            done = self.lab.must(["sink", "--tenant", "long", "--get", path])
            ids += re.findall(r'"message_id":"(\d+)"' if "csv" not in path
                              else r"(?m)^[^,]*,[cd],(\d+),",
                              done.out.decode())
            pages += 1
            said = re.fullmatch(r".* continue with --get '(\S+)'\n", done.err)
            self.that(said or not done.err, f"{path}: {done.err}")
            path = said and said[1]
        return ids, pages

    def one_who_may_only_read_is_enough(self):
        url = self.lab.database_user("reader", "SELECT ON *")
        server = Server(self.lab, name="reader", env={"MYSQL_URL": url})
        for name in LISTS:
            self.that(server.get(V1 + name, self.admin).status == 200,
                      f"a reader cannot read {name}")

    def a_locked_table_is_not_waited_for(self):
        def ask_until(server, word):
            """Which limit comes first depends on the machine, if it loses a
            second in between."""
            for _ in range(9):
                late = server.ask(V1 + "intervals", self.admin)
                if word in late.problem():
                    break
            return late

        self.world.sql.ask("LOCK TABLES intervals WRITE")
        server = Server(self.lab, {"serve": {"query_timeout": "500ms"}},
                        name="locked")
        late = ask_until(server, "a shorter range")
        self.that(late.status == 503 and "a shorter range" in late.problem(),
                  f"too late: {late.status} {late.body}")
        # If it takes longer than the one second granted to locks, the error
        # names them.
        server = Server(self.lab, {"serve": {"query_timeout": "2s"}},
                        name="named")
        late = ask_until(server, "locks a table")
        self.that(late.status == 503 and "locks a table" in late.problem() and
                  late.headers["Retry-After"],
                  f"locked: {late.status} {late.body}")
        with open(server.log, encoding="utf-8") as log:
            self.that("another connection holds the lock" in log.read(),
                      "no word of the lock in the log")
        self.world.sql.ask("UNLOCK TABLES")

    def an_answer_may_take_longer_than_other_statements(self):
        """query_timeout is the limit, not [mysql] timeout."""
        self.world.sql.ask(
            "INSERT INTO operator_metrics (tenant, operator, name, open_chats, "
            "as_of, version) VALUES ('slow', '1', 'Ann', 1, NOW(), 1); "
            "INSERT INTO tenants (tenant) VALUES ('slow'); "
            "RENAME TABLE operator_metrics TO real_metrics; "
            "CREATE VIEW operator_metrics AS SELECT * FROM real_metrics "
            "WHERE tenant <> 'slow' OR SLEEP(2) = 0")
        # A statement of a report may take ten times as long.
        for timeout, mode in (("60s", ("--get", V1 + "operators")),
                              ("1900ms", ("--report", "-"))):
            conf = self.lab.conf("slow.conf", {
                "mysql": {"timeout": "1s"},
                "serve": {"query_timeout": timeout}})
            done = self.lab.run(["sink", "-c", conf, "--tenant", "slow", *mode])
            self.that(done.code == 0 and done.out, f"{mode}: {done}")
        server = Server(self.lab, {"mysql": {"timeout": "1s"},
                                   "serve": {"query_timeout": "60s"}},
                        name="slow")
        got = server.ask(V1 + "operators", token(tenant_id="slow", role="admin"))
        self.that(got.status == 200 and b"Ann" in got.body,
                  f"served: {got.status} {got.body}")
        self.world.sql.ask("DROP VIEW operator_metrics; "
                           "RENAME TABLE real_metrics TO operator_metrics")

    def asked_raw(self, server, path, bearer):
        connection = socket.create_connection(
            ("127.0.0.1", server.port), PATIENCE)
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            f"{bearer}\r\n\r\n".encode())
        return connection

    def _sleeping(self):
        return [n for n, in self.world.sql.ask(
            "SELECT ID FROM information_schema.PROCESSLIST "
            "WHERE STATE = 'User sleep' AND DB = DATABASE()")]

    def _sleepers(self):
        return len(self._sleeping())

    def slow_questions_of_one_tenant_delay_no_other(self):
        """Forty requests, each slower than this test waits. If a client has
        left or reset its connection, its request is not run at all."""
        self.world.sql.ask(
            "RENAME TABLE operator_metrics TO real_metrics; "
            "CREATE VIEW operator_metrics AS SELECT * FROM real_metrics "
            "WHERE tenant <> 'slow' OR SLEEP(600) = 0")
        server = Server(self.lab, {"serve": {
            "query_timeout": "600s", "rate": 0}}, name="turns")
        slow = token(tenant_id="slow", role="admin")
        asked = [self.asked_raw(server, V1 + "operators", slow)
                 for _ in range(40)]
        until(PATIENCE, lambda: self._sleepers() == 3, "three under way")
        # On new connections: each thread of the server has read all requests by
        # then.
        for _ in range(20):
            with self.asked_raw(server, V1 + "chats", self.admin) as other:
                self.that(b" 200 " in other.recv(4096),
                          "another tenant waits")
        for path in V1 + "analytics/health", "/health":
            self.that(server.ask(path).json()["status"] == "healthy",
                      f"a stranger waits for {path}")
        began = time.monotonic()
        for connection in asked[::2]:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        for connection in asked:
            connection.close()
        while time.monotonic() - began < 1.5:  # query_timeout of the server
            server.ask(V1 + "chats", self.admin)
        # Three requests are running. A starved server may have read others so
        # late that it still believes their clients are there.
        killed = 0
        while sleeping := self._sleeping():
            killed += len(sleeping)
            self.world.sql.ask("; ".join(f"KILL QUERY {n}" for n in sleeping))
            self.that(server.ask(V1 + "chats", slow).status == 200,
                      "who has left is still served")
        self.that(killed < 12, f"{killed} of 40 who have left are asked for")
        self.world.sql.ask(
            "DROP VIEW operator_metrics; "
            "RENAME TABLE real_metrics TO operator_metrics")

    def a_database_that_is_away_comes_back(self):
        self.door.shut()
        answer = self.server.ask(V1 + "now", self.admin)
        self.that(answer.status == 503 and answer.headers["Retry-After"],
                  f"away: {answer.status}")
        self.door.open()
        until(60, lambda: self.server.ask(V1 + "now",
                                          self.admin).status == 200,
              "an answer after the database came back")

    def it_ends_when_asked(self):
        self.server.process.terminate()
        self.that(self.server.process.wait(PATIENCE) == 0, "it ends badly")
        self.that(not os.path.exists(self.lab.path("serve.port")),
                  "the port file stays")
        with open(self.server.log, encoding="utf-8") as f:
            log = f.read()
        self.that(self.admin not in log, "a token is in the log")


def quoted(text):
    return "".join("%%%02X" % b for b in text.encode())
