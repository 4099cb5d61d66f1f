#!/usr/bin/env -S python3 -B
"""due: by when waiting customers must be answered, in the API, its live events
and a terminal: late, soon and closed follow from the clock without new rows, in
each channel's hours; the list is in order of what is due next; the counts are
those of the list; and without targets nothing of this is shown.
"""

import json
import re
from datetime import datetime, timedelta, timezone

from api_client import Server, Stream, token
from harness import Checklist, run_checks
from streamlib import Sql

TENANT = "acme"
V1 = "/api/v1/"
DAYS = "mon tue wed thu fri sat sun".split()
MINUTE = timedelta(minutes=1)
# In channel `shut`, the team opens at 9:00 three days from now.
WEB, SHUT = "web", "shut"
FIRST, REPLY = "first_response", "reply"
COMPUTED = ("due", "opens_at", "closes_at", "work_left_seconds")


def utc(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        self.sql = Sql(lab)
        self.now = datetime.now(timezone.utc)
        day = (self.now + timedelta(days=3)).date()
        self.opens = datetime(day.year, day.month, day.day, 9,
                              tzinfo=timezone.utc)
        crm = {"token": "x"}
        hours = {
            "hours always": {"zone": "UTC", **{d: "0:00-24:00" for d in DAYS}},
            "hours later": {"zone": "UTC",
                            DAYS[day.weekday()]: "9:00-17:00"},
            "targets": {FIRST: "10m work", REPLY: "20m calendar"},
            f"crm {TENANT}": {**crm, "hours": "always",
                              f"hours.{SHUT}": "later",
                              "teams": "north: 1, south: 2"},
        }
        plain = {f"crm {TENANT}": crm}
        self.conf = lab.conf("m.conf", hours)
        lab.must(["sink", "-c", self.conf, "--migrate"])
        self._fill()
        self.server = Server(lab, {**hours, "serve": {"rate": 0}})
        self.plain = Server(lab, {**plain, "serve": {"rate": 0}},
                            name="plain")

    def _fill(self):
        m = MINUTE
        open_at = self.opens - self.now
        self.put("none", 300 * m, None, None, "2", WEB)
        self.put("late", 30 * m, -20 * m, -22 * m, "1", WEB)
        self.put("soon", 9 * m, 1 * m, -1 * m, "1", WEB)
        self.put("fine", 2 * m, 8 * m, 6 * m, "2", WEB)
        self.put("calendar", 25 * m, -5 * m, -9 * m, "2", SHUT, REPLY)
        self.put("closed", 40 * m, open_at + 10 * m, open_at + 8 * m, None,
                 SHUT)
        self.put("left", 50 * m, -40 * m, -42 * m, "1", WEB, status="left")
        for operator in "12":
            self.sql.ask(
                "INSERT INTO operator_metrics (tenant, operator, open_chats, "
                f"waiting_chats, as_of, version) VALUES ('{TENANT}', "
                f"'{operator}', 3, 2, {self.time(timedelta())}, 1)")
        self.sql.ask(
            "INSERT INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, responses, as_of, version) "
            f"VALUES ('{TENANT}', 2, 6, 1, 6, 0, {self.time(timedelta())}, 1)")

    def time(self, after):
        """SQL of a time after the start of the test, with its milliseconds."""
        at = self.now + after
        return f"'{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}'"

    def put(self, chat, waited, left, soon, operator, channel, kind=FIRST,
            status="open"):
        cells = [f"'{TENANT}'", f"'{chat}'",
                 f"'{operator}'" if operator else "NULL", f"'{channel}'",
                 f"'{status}'", self.time(-waited), f"'{kind}'",
                 "NULL" if left is None else self.time(left),
                 "NULL" if soon is None else self.time(soon),
                 self.time(-waited), "1"]
        self.sql.ask("INSERT INTO chat_metrics (tenant, chat, operator, "
                     "channel, status, waiting_since, next_kind, answer_by, "
                     "soon_at, as_of, version) VALUES (" + ", ".join(cells)
                     + ")")

    def get(self, path, role="lead", server=None, **claims):
        answer = (server or self.server).get(
            V1 + path, token(tenant_id=TENANT, role=role, **claims))
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body}")
        return answer.json()

    def the_list_is_in_order_of_what_is_due(self):
        now = self.get("now")
        self.equal([row["chat"] for row in now["waiting"]],
                   ["late", "calendar", "soon", "fine", "closed", "none"],
                   "order")
        self.equal([row["due"] for row in now["waiting"]],
                   ["late", "late", "soon", "in_time", "closed", None], "due")

    def times_are_those_of_the_calendar(self):
        now = self.get("now")
        at = utc(now["computed_at"])
        rows = {row["chat"]: row for row in now["waiting"]}
        for chat, row in rows.items():
            opens = row["opens_at"] and utc(row["opens_at"])
            self.equal(opens, self.opens if chat == "closed" else None,
                       f"{chat} opens at")
            self.equal(row["closes_at"], None, f"{chat} closes at")
            left = row["work_left_seconds"]
            if chat in ("calendar", "none"):
                self.equal(left, None, f"{chat}: work left")
            elif chat == "closed":
                self.equal(left, 600, f"{chat}: work left")
            else:
                want = utc(row["answer_by"]) - at
                self.equal(left, want / timedelta(seconds=1),
                           f"{chat}: work left")
        self.equal(now["target_seconds"], 600, "target")

    def counts_are_those_of_the_list(self):
        now = self.get("now")
        [total] = now["now"]
        self.equal((total["soon_chats"], total["late_chats"]), (1, 2), "all")
        self.equal({o["operator"]: (o["soon_chats"], o["late_chats"])
                    for o in now["operators"]}, {"1": (1, 1), "2": (0, 1)},
                   "operators")
        [total] = self.get("now", teams=["south"])["now"]
        self.equal((total["soon_chats"], total["late_chats"]), (0, 1), "team")
        [total] = self.get("now", role="agent", sub="1")["now"]
        self.equal((total["soon_chats"], total["late_chats"]), (1, 1),
                   "an agent's team")
        wall = self.get("now", role="wall")
        self.equal((wall["now"][0]["late_chats"],
                    [o["late_chats"] for o in wall["operators"]],
                    wall["waiting"][0]["due"], wall["waiting"][0]["chat"]),
                   (2, [1, 1], "late", None), "wall")

    def the_list_of_chats_shows_the_same(self):
        now = {row["chat"]: row for row in self.get("now")["waiting"]}
        for row in self.get("chats")["rows"]:
            chat = row["chat"]
            want = now[chat] if chat in now else {"due": None,
                                                 "opens_at": None}
            self.equal((row["due"], row["opens_at"]),
                       (want["due"], want["opens_at"]), chat)
        late = [r["chat"] for r in self.get("chats?late=1&open=1")["rows"]]
        self.equal(late, ["calendar", "late"], "late=1")
        done = self.lab.must(["sink", "-c", self.conf, "--tenant", TENANT,
                              "--get", V1 + "chats.csv?late=1"])
        self.that(b"soon_at,as_of,due,opens_at" in done.out, done.out)

    def words_in_a_terminal(self):
        done = self.lab.must(["sink", "-c", self.conf, "--now"])
        lines = re.findall(r"^(.*?)  +\S+  +(late|calendar|soon|fine|closed|"
                           r"none) ", done.out.decode(), re.M)
        want = {"late": r"late, \d\d min over",
                "calendar": r"late, \d+ min over", "soon": r"late in \d+ s",
                "fine": r"late in \d min",
                "closed": r"closed, opens \w+ 9:00, answer by \w+ 9:10",
                "none": "-"}
        self.equal([chat for _, chat in lines], list(want), done.out)
        for words, chat in lines:
            self.that(re.fullmatch(want[chat], words), f"{chat}: {words}")

    def a_wait_becomes_late_without_a_new_row(self):
        """The live events show it when it happens."""
        stream = Stream(self.server.port, token(tenant_id=TENANT, role="lead"))
        stream.event()
        second = datetime.now(timezone.utc) - self.now + timedelta(seconds=2)
        self.put("changes", 8 * MINUTE, second + timedelta(seconds=1), second,
                 "1", WEB)
        # The row is stored without a slot of the tenant, so that nothing
        # tells the server; another change tells it once.
        self.sql.ask("INSERT INTO tenant_locks (tenant, slot, uses) VALUES "
                     f"('{TENANT}', 0, 1) ON DUPLICATE KEY UPDATE "
                     "uses = uses + 1")
        seen = []
        while "late" not in seen:
            _, data = stream.event()
            rows = {r["chat"]: r for r in json.loads(data)["waiting"]}
            if "changes" in rows:
                seen.append(rows["changes"]["due"])
        self.equal([due for i, due in enumerate(seen)
                    if i == 0 or seen[i - 1] != due],
                   ["in_time", "soon", "late"], "states")
        stream.close()
        self.sql.ask("DELETE FROM chat_metrics WHERE chat = 'changes'")

    def without_targets_nothing_is_due(self):
        now = self.get("now", server=self.plain)
        self.equal({row[c] for row in now["waiting"] for c in COMPUTED},
                   {None}, "computed")
        self.equal((now["now"][0]["late_chats"], now["computed_at"],
                    now["target_seconds"]), (None,) * 3, "counts")


run_checks(Test)
