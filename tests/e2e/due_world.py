"""due_world: a tenant whose customers must be answered at known times: late, soon
late, in time, and in a channel whose team is closed, where one has been late
since before the closing; for due and board_due.
"""

from datetime import datetime, timedelta, timezone

from streamlib import Sql, tell_changes

TENANT = "acme"
DAYS = "mon tue wed thu fri sat sun".split()
MINUTE = timedelta(minutes=1)
# In channel `shut`, the team opens at 9:00 three days from now.
WEB, SHUT = "web", "shut"
FIRST, REPLY = "first_response", "reply"
# The chats, by what is due next.
ORDER = ["overnight", "late", "calendar", "soon", "fine", "closing", "closed",
         "none"]
# Those whose target is missed, also while the team is closed.
LATE = {"overnight", "late", "calendar"}


class DueWorld:
    def __init__(self, lab):
        self.sql = Sql(lab)
        self.now = datetime.now(timezone.utc)
        day = (self.now + timedelta(days=3)).date()
        self.opens = datetime(day.year, day.month, day.day, 9,
                              tzinfo=timezone.utc)
        crm = {"token": "x"}
        self.plain = {f"crm {TENANT}": crm}
        self.sections = {
            "hours always": {"zone": "UTC", **{d: "0:00-24:00" for d in DAYS}},
            "hours later": {"zone": "UTC",
                            DAYS[day.weekday()]: "9:00-17:00"},
            "targets": {FIRST: "10m work", REPLY: "20m calendar"},
            f"crm {TENANT}": {**crm, "hours": "always",
                              f"hours.{SHUT}": "later",
                              "teams": "north: 1, south: 2"},
        }
        self.conf = lab.conf("m.conf", self.sections)
        lab.must(["sink", "-c", self.conf, "--migrate"])
        tell_changes(self.sql)
        self.fill()

    def fill(self):
        m = MINUTE
        open_at = self.opens - self.now
        closed_at = open_at - timedelta(days=7) + timedelta(hours=8)
        self.put("none", 300 * m, None, None, "2", WEB)
        self.put("late", 30 * m, -20 * m, -22 * m, "1", WEB)
        self.put("soon", 9 * m, 1 * m, -1 * m, "1", WEB)
        self.put("fine", 2 * m, 8 * m, 6 * m, "2", WEB)
        self.put("calendar", 25 * m, -5 * m, -9 * m, "2", SHUT, REPLY,
                 status="snoozed")
        self.put("closed", 40 * m, open_at + 10 * m, open_at + 8 * m, None,
                 SHUT)
        # The target of one was missed before the closing, that of the other
        # ended with it.
        self.put("overnight", 15 * m - closed_at, closed_at - 5 * m,
                 closed_at - 7 * m, None, SHUT)
        self.put("closing", 10 * m - closed_at, open_at, closed_at - 2 * m,
                 None, SHUT)
        self.put("left", 50 * m, -40 * m, -42 * m, "1", WEB, status="left")
        self.sql.ask(
            "INSERT INTO notices (tenant, id, rule, kind, scope, chat, channel, "
            "begin_at, fired_at, value, target, as_of, version) VALUES "
            f"('{TENANT}', 'n1', 'tell', 'late', '', 'late', '{WEB}', "
            f"{self.time(-30 * m)}, {self.time(-20 * m)}, 600, 600, "
            f"{self.time(-20 * m)}, 1)")
        for operator in "12":
            self.sql.ask(
                "INSERT INTO operator_metrics (tenant, operator, available, "
                "open_chats, waiting_chats, as_of, version) VALUES "
                f"('{TENANT}', '{operator}', 1, 3, 2, {self.time(timedelta())}, 1)")
        self.sql.ask(
            "INSERT INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, responses, as_of, version) "
            f"VALUES ('{TENANT}', 2, 8, 3, 8, 0, {self.time(timedelta())}, 1)")

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
