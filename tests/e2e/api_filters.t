#!/usr/bin/env -S python3 -B
"""api_filters: lists of a long history, from which the request selects a few
rows by columns without an index. No page reads all rows of the tenant;
together they have each row once, in every form, and in a terminal.
"""

import json
import re

from api_client import Server, token
from harness import Checklist, run_checks
from streamlib import Sql

OURS = "acme"
V1 = "/api/v1/"
ROWS = 45000  # a page reads at most 10,000
MOST = 30000  # rows read for one answer: user, last row, and page
EVERY = 9000
RARE = [n for n in range(1, ROWS + 1) if n % EVERY == 0]

# Name, table, columns, values.
TABLES = (
    ("messages", "messages",
     "created_at, conversation_id, message_id, sender, operator, channel",
     "{at}, 'c', CONCAT('m', seq), 'customer', {rare}, {rare}"),
    ("intervals", "intervals",
     "end_at, chat, message, kind, channel, as_of",
     "{at}, 'c', CONCAT('m', seq), 'reply', {rare}, '2026-11-01'"),
    ("events", "events",
     "created_at, id, event_type, user_id",
     "{at}, CONCAT('m', seq), 'typing', {rare}"),
    ("receipts", "message_views",
     "viewed_at, message_id, user_id",
     "{at}, CONCAT('m', seq), {rare}"),
)
FILTERS = {"messages": ("operator", "channel"), "intervals": ("channel",),
           "events": ("user_id",), "receipts": ("user_id",)}


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        self.sql = Sql(lab)
        conf = lab.conf("conf", {})
        lab.must(["sink", "-c", conf, "--migrate"])
        for _, table, columns, values in TABLES:
            self.sql.ask(
                f"INSERT INTO {table} (tenant, {columns}) SELECT '{OURS}', "
                + values.format(
                    at="'2026-11-01' + INTERVAL seq SECOND",
                    rare=f"IF(seq MOD {EVERY} = 0, 'rare', 'usual')")
                + f" FROM seq_1_to_{ROWS}")
        self.sql.ask(f"INSERT INTO tenants (tenant) VALUES ('{OURS}')")
        self.audit = lab.path("audit")
        self.server = Server(lab, {"serve": {"audit": self.audit}})
        self.admin = token(tenant_id=OURS, role="admin")

    def pages(self, path, parameters):
        """(rows, next) of each page, and the most rows that one of them
        read."""
        cursor, pages, most = None, [], 0
        while True:
            before = self.lab.rows_read()
            answer = self.server.get(
                V1 + path, self.admin, **parameters,
                **({"cursor": cursor} if cursor else {}))
            most = max(most, self.lab.rows_read() - before)
            page = answer.json()
            linked = "Link" in answer.headers
            self.that(linked == ("next" in page),
                      f"{path} {parameters}: header Link")
            pages.append(page["rows"])
            cursor = page.get("next")
            if not cursor:
                return pages, most

    def few_of_many_cost_little(self):
        for name, _, _, _ in TABLES:
            for column in FILTERS[name]:
                self.one_list(name, {column: "rare"})
                self.one_list(name, {column: "rare", "limit": 1})
        self.one_list("messages", {"operator": "rare", "to":
                                   "2026-11-01T10:00:00Z"}, 36000)
        self.one_list("messages", {"operator": "rare", "from":
                                   "2026-11-01T10:00:00Z"}, None, 36000)
        pages, _ = self.pages("messages", {"operator": "nobody"})
        self.that(len(pages) == 5 and not any(pages), f"{len(pages)} of none")

    def one_list(self, name, parameters, to=None, since=0):
        pages, most = self.pages(name, parameters)
        rows = [r for page in pages for r in page]
        key = "message" if name == "intervals" else \
            "id" if name == "events" else "message_id"
        want = ["m%d" % n for n in reversed(RARE)
                if n >= since and (to is None or n < to)]
        self.that([r[key] for r in rows] == want,
                  f"{name} {parameters}: {[r[key] for r in rows]}")
        self.that(most < MOST, f"{name} {parameters}: {most} rows were read")

    def usual_rows_fill_a_page(self):
        for parameters in ({}, {"channel": "usual"}, {"sender": "customer"}):
            page = self.server.get(V1 + "messages", self.admin, limit=1000,
                                   **parameters).json()
            self.that(len(page["rows"]) == 1000 and "next" in page,
                      f"{parameters}: {len(page['rows'])} rows")

    def what_was_looked_at_is_not_what_was_read(self):
        page = self.server.get(V1 + "messages", self.admin,
                               operator="rare").rows()
        with open(self.audit, encoding="utf-8") as f:
            line = json.loads(f.read().splitlines()[-1])
        self.that(line["rows"] == len(page), f"{line}, {len(page)} rows")

    def by_hand_all_pages_are_printed(self):
        for form in "csv", "ndjson":
            done = self.lab.must(["sink", "--tenant", OURS, "--get",
                                  f"{V1}messages.{form}?operator=rare"])
            got = re.findall(r"\bm\d+\b", done.out.decode())
            self.that(got == ["m%d" % n for n in reversed(RARE)],
                      f"{form} by hand: {got}")


run_checks(Test)
