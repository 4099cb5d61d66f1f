"""board_world: a database with a team that has waiting chats, for the tests of
the live board; served by sink --serve. Names contain text that looks like
markup. Times are close to the present, because the board measures from it. All
response figures are computed from the rows of intervals of 30 days.
"""

import datetime
import random
import re

from api_client import Server, token
from harness import seed
from streamlib import Sql, tell_changes

TENANT = "acme"
OPERATORS = {  # id: name, available
    "1": ("Anna Orlova", 1),
    "2": ("Boris Lee", 0),
    "3": ("Chloé <b>D.</b>", 1),
    "4": ("Дмитрий Иванов", 1),
    "5": ("Eve O'Neil & Sons", 0),
}
CHANNELS = ["web", "telegram", "whatsapp"]
WAITS = [1342, 612, 301, 244, 200, 121, 76, 51, 12]  # seconds, longest first
HISTORY_DAYS = 30
EPISODE_MINUTES = 180  # minutes since open chats were opened
# The teams of "aside" have the names of others, and operators with their ids.
SECTIONS = {"crm aside": {"token": "unused",
                          "teams": "support: 1 3, sales: 1 4"},
            "crm acme": {"token": "unused", "teams": "support: 1 2, sales: 3"},
            "crm helpdesk": {"token": "unused",
                            "teams": "Day: 11 12 13 11, Chat: 13 14 20",
                            "chat_url": "https://crm.example/c/{chat}"}}
MARKUP = "<img src=x onerror=document.title=1>"


def quoted(text):
    if text is None:
        return "NULL"
    return "'" + str(text).replace("\\", "\\\\").replace("'", "''") + "'"


def example(n):
    """The n-th example of messaging-board(7), as typed."""
    with open("man/man7/messaging-board.7", encoding="utf-8") as f:
        text = f.read().split(".Sh EXAMPLES\n")[1]
    blocks = re.findall(r"\.Bd -literal.*?\n(.*?)\.Ed", text, re.S)
    return blocks[n].replace("\\(aq", "'").replace("\\e", "\\")


class BoardWorld:
    def __init__(self, lab, sections=None):
        lab.start_servers("mariadb")
        self.door = lab.door("mariadb")
        lab.env["MYSQL_URL"] = self.door.url
        conf = lab.conf("messaging.conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        self.sql = Sql(lab)
        tell_changes(self.sql)
        self.version = 1
        self.tenant = TENANT
        self.dice = random.Random(seed())
        self.now = datetime.datetime.strptime(
            self.sql.ask("SELECT UTC_TIMESTAMP(3)")[0][0],
            "%Y-%m-%d %H:%M:%S.%f")
        self.fill(TENANT)
        lab.must(["sink", "-c", conf, "--recompute"])
        self.server = Server(lab, {"serve": {"rate": 0}, **SECTIONS,
                                   **(sections or {})})
        self.url = f"http://127.0.0.1:{self.server.port}"

    def token(self, role, **claims):
        return token(tenant_id=TENANT, role=role, **claims)

    def fill(self, tenant):
        self.put_chats(tenant)
        self.put_intervals(tenant)
        self.put_operators(tenant)
        self.put_limits(tenant)
        self.put_tenant(tenant)
        self.put_alert(tenant, 50, MARKUP, 11)
        self.put_alert(tenant, 49, MARKUP, 0) # merged into the one before

    def put_alert(self, tenant, minutes, user, messages):
        self.sql.ask(
            "INSERT INTO alerts (tenant, started_at, user_id, rule, "
            "messages, threshold, as_of) VALUES "
            f"('{tenant}', UTC_TIMESTAMP(3) - INTERVAL {minutes} MINUTE, "
            f"{quoted(user)}, 'minute', {messages}, 8, UTC_TIMESTAMP(3))")

    def put_operators(self, tenant):
        for i, (name, there) in OPERATORS.items():
            n = int(i)
            [[chats, waiting]] = self.sql.ask(
                "SELECT COUNT(*), COUNT(waiting_since) FROM chat_metrics "
                f"WHERE tenant = '{tenant}' AND operator = '{i}'")
            self.sql.ask(
                "INSERT INTO operator_metrics (tenant, operator, name, "
                "available, open_chats, reported_open_chats, responses, "
                "avg_response_seconds, median_response_seconds, "
                "p90_response_seconds, waiting_chats, longest_wait_seconds, "
                f"as_of, version) SELECT '{tenant}', '{i}', {quoted(name)}, "
                f"{there}, {chats}, {chats}, COUNT(*), AVG(ms) / 1000, "
                f"{60 + 7 * n}, {300 + 90 * n}, {waiting}, "
                f"{50 * n if int(waiting) else 'NULL'}, UTC_TIMESTAMP(3), 1 "
                + self.of_open_chats(tenant) + f" AND operator = '{i}'")

    @staticmethod
    def of_open_chats(tenant):
        return (f"FROM intervals WHERE tenant = '{tenant}' AND kind IN "
                "('first_response', 'reply') AND withdrawn = 0 AND chat IN "
                f"(SELECT chat FROM chat_metrics WHERE tenant = '{tenant}' "
                "AND status = 'open') AND start_at >= UTC_TIMESTAMP() - INTERVAL "
                f"{EPISODE_MINUTES + 60} MINUTE")

    def put_intervals(self, tenant):
        """Responses of open chats, of their earlier episodes, and of chats of
        earlier days."""
        rows = []
        for n in range(len(WAITS)):
            for minutes in range(9000, 8990, -1):
                rows.append((f"90{n:02}", minutes))
            for minutes in range(EPISODE_MINUTES - 10, 30, -40 - n):
                rows.append((f"90{n:02}", minutes))
        # None ends in the future: an interval lasts up to ten minutes.
        for n in range(600):
            rows.append((f"80{n:03}",
                         self.dice.randrange(10, HISTORY_DAYS * 1440)))
        cells, messages = [], []
        for n, (chat, minutes) in enumerate(rows):
            self.add_interval(
                cells, messages, tenant, n, len(rows), chat, minutes)
        self.sql.ask(
            "INSERT INTO intervals (tenant, end_at, chat, message, kind, "
            "start_at, operator, channel, ms, withdrawn, as_of, version) "
            "VALUES " + ",".join(cells))
        self.sql.ask(
            "INSERT INTO messages (tenant, created_at, conversation_id, "
            "message_id, sender, operator, channel, message_type, content, "
            "version) VALUES " + ",".join(messages))
        self.list_hours(tenant)

    def add_interval(self, cells, messages, tenant, n, of, chat, minutes):
        """The n-th interval of OF. Each takes a different time, which
        identifies it on the page."""
        ms = n + 1 + of * self.dice.randrange(600000 // of)
        start = self.now - datetime.timedelta(minutes=minutes)
        end = start + datetime.timedelta(milliseconds=ms)
        operator = self.dice.choice(["1", "1", "2", "2", "3", None])
        if n == 10: # of an open chat; each operator has one
            operator = "3"
        cells.append(
            f"('{tenant}', '{end}', '{chat}', 'a{n}', "
            f"'{self.dice.choice(['reply', 'first_response'])}', "
            f"'{start}', {quoted(operator)}, "
            f"'{'mail' if n % 3 == 0 else 'web'}', {ms}, {int(n % 50 == 7)}, "
            f"'{self.now}', {1000 + n})")
        for at, message, sender, who in (
                (start, f"q{n}", "customer", None),
                (end, f"a{n}", "operator", operator)):
            messages.append(
                f"('{tenant}', '{at}', '{chat}', '{message}', '{sender}', "
                f"{quoted(who)}, 'web', 'text', "
                f"{quoted(MARKUP if n == 1 else f'Text {n}')}, 0)")

    def list_hours(self, tenant):
        """The intervals were changed by SQL, so their sums are not read."""
        self.sql.ask(
            "INSERT IGNORE INTO sums_due SELECT DISTINCT tenant, "
            "DATE_FORMAT(end_at, '%Y-%m-%d %H:00') FROM intervals "
            f"WHERE tenant = '{tenant}'")

    def put_limits(self, tenant):
        self.sql.ask(
            "INSERT INTO allocation_limits (tenant, operator, channel, "
            "max_chats, as_of, version) VALUES "
            f"('{tenant}', '', '', 8, UTC_TIMESTAMP(3), 1), "
            f"('{tenant}', '2', '', 3, UTC_TIMESTAMP(3), 1)")
        self.sql.ask(
            "INSERT INTO assignments (tenant, id, reserved_at, chat, "
            "operator, expires) VALUES " + ",".join(
                f"('{tenant}', 'r{n}', UTC_TIMESTAMP(3) - INTERVAL {n} HOUR,"
                f" '90{n % 9:02}', '{1 + n % 3}', UTC_TIMESTAMP(3))"
                for n in range(40)))

    def put_chats(self, tenant):
        for n, seconds in enumerate(WAITS):
            operator = [None, "1", "2", "3", "4"][n % 5]
            self.put_chat(tenant, f"90{n:02}", seconds, operator,
                          CHANNELS[n % 3],
                          MARKUP if n == 1 else f"Customer {n}")
        self.put_chat(tenant, "9100", None, "1", "web", "Nobody waits here")

    def put_chat(self, tenant, chat, seconds, operator, channel, name):
        since = ("NULL" if seconds is None else
                 f"UTC_TIMESTAMP(3) - INTERVAL {seconds} SECOND")
        self.sql.ask(
            "INSERT INTO chat_metrics (tenant, chat, operator, channel, "
            "customer_name, status, opened_at, messages, responses, "
            f"waiting_since, as_of, version) VALUES ('{tenant}', '{chat}', "
            f"{quoted(operator)}, '{channel}', {quoted(name)}, 'open', "
            f"UTC_TIMESTAMP(3) - INTERVAL {EPISODE_MINUTES} MINUTE, 4, 2, "
            f"{since}, UTC_TIMESTAMP(3), 1)")

    def put_tenant(self, tenant):
        """The tenant's row, computed from the others."""
        self.version += 1
        self.sql.ask(
            "REPLACE INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, longest_wait_seconds, "
            "responses, avg_response_seconds, as_of, version) "
            f"SELECT '{tenant}', {len(OPERATORS)}, COUNT(*), "
            "SUM(operator IS NULL), COUNT(waiting_since), "
            "TIMESTAMPDIFF(MICROSECOND, MIN(waiting_since), "
            "UTC_TIMESTAMP(3)) / 1000000, "
            f"(SELECT COUNT(*) {self.of_open_chats(tenant)}), "
            f"(SELECT AVG(ms) / 1000 {self.of_open_chats(tenant)}), "
            f"UTC_TIMESTAMP(3), {self.version} "
            f"FROM chat_metrics WHERE tenant = '{tenant}'")

    def answer_chat(self, chat):
        """An operator answers: the chat no longer waits. Two commits."""
        self.version += 1
        self.sql.ask(
            "UPDATE chat_metrics SET waiting_since = NULL, "
            f"version = version + 1 WHERE chat = '{chat}'")
        self.put_tenant(TENANT)
