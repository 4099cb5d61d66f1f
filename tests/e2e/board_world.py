"""board_world: a database with a team that has waiting chats, for the tests of
the live board; served by sink --serve.

Names hold what a page could take for markup. Times are near the present one,
because a board counts from it.
"""

import re

from api_client import Server, token
from streamlib import Sql

TENANT = "acme"
OPERATORS = {  # id: name, available, open chats, waiting
    "1": ("Anna Orlova", 1, 7, 3),
    "2": ("Boris Lee", 0, 5, 2),
    "3": ("Chloé <b>D.</b>", 1, 6, 2),
    "4": ("Дмитрий Иванов", 1, 1, 1),
    "5": ("Eve O'Neil & Sons", 0, 0, 0),
}
CHANNELS = ["web", "telegram", "whatsapp"]
WAITS = [1342, 612, 301, 244, 200, 121, 76, 51, 12]  # seconds, longest first
MARKUP = "<img src=x onerror=document.title=1>"


def quoted(text):
    if text is None:
        return "NULL"
    return "'" + str(text).replace("\\", "\\\\").replace("'", "''") + "'"


def example(n):
    """The n-th example of messaging-board(7), as it is typed."""
    with open("man/messaging-board.7", encoding="utf-8") as f:
        text = f.read().split(".Sh EXAMPLES\n")[1]
    blocks = re.findall(r"\.Bd -literal.*?\n(.*?)\.Ed", text, re.S)
    return blocks[n].replace("\\(aq", "'").replace("\\e", "\\")


class BoardWorld:
    def __init__(self, lab, sections=None):
        lab.start_servers("mariadb")
        conf = lab.conf("messaging.conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        self.sql = Sql(lab.server_dir)
        self.version = 1
        self.fill(TENANT)
        lab.must(["sink", "-c", conf, "--recompute"])
        self.server = Server(lab, {"serve": {"rate": 0}, **(sections or {})})
        self.url = f"http://127.0.0.1:{self.server.port}"

    def token(self, role, **claims):
        return token(tenant_id=TENANT, role=role, **claims)

    def fill(self, tenant):
        self.put_operators(tenant)
        self.put_chats(tenant)
        self.put_hours(tenant)
        self.put_tenant(tenant)
        self.sql.ask(
            "INSERT INTO alerts (tenant, started_at, user_id, rule, "
            "messages, threshold, as_of) VALUES "
            f"('{tenant}', UTC_TIMESTAMP(3) - INTERVAL 50 MINUTE, "
            f"{quoted(MARKUP)}, 'minute', 11, 8, UTC_TIMESTAMP(3))")

    def put_operators(self, tenant):
        for i, (name, there, chats, waiting) in OPERATORS.items():
            n = int(i)
            self.sql.ask(
                "INSERT INTO operator_metrics (tenant, operator, name, "
                "available, open_chats, reported_open_chats, responses, "
                "avg_response_seconds, median_response_seconds, "
                "p90_response_seconds, waiting_chats, longest_wait_seconds, "
                f"as_of, version) VALUES ('{tenant}', '{i}', {quoted(name)}, "
                f"{there}, {chats}, {chats}, {10 + n}, {78 + 31 * n}.5, "
                f"{60 + 7 * n}, {300 + 90 * n}, {waiting}, "
                f"{'NULL' if waiting == 0 else 50 * n}, UTC_TIMESTAMP(3), 1)")

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
            "customer_name, status, messages, responses, waiting_since, "
            f"as_of, version) VALUES ('{tenant}', '{chat}', "
            f"{quoted(operator)}, '{channel}', {quoted(name)}, 'open', 4, 2, "
            f"{since}, UTC_TIMESTAMP(3), 1)")

    def put_hours(self, tenant):
        """Of today's hours in UTC, the browser's zone, up to 23:00."""
        for hour in range(24):
            for operator in ("1", "2"):
                self.sql.ask(
                    "INSERT INTO response_hours (tenant, hour, operator, "
                    "kind, responses, sum_ms, max_ms, as_of) VALUES "
                    f"('{tenant}', UTC_DATE() + INTERVAL {hour} HOUR, "
                    f"'{operator}', 'reply', {3 + hour % 7}, "
                    f"{(3 + hour % 7) * (60 + 25 * (hour % 9)) * 1000}, "
                    f"{400000 + hour}, UTC_TIMESTAMP(3))")

    def put_tenant(self, tenant):
        """The tenant's row, from the others."""
        self.version += 1
        self.sql.ask(
            "REPLACE INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, longest_wait_seconds, "
            "responses, avg_response_seconds, as_of, version) "
            f"SELECT '{tenant}', {len(OPERATORS)}, COUNT(*), "
            "SUM(operator IS NULL), COUNT(waiting_since), "
            "TIMESTAMPDIFF(SECOND, MIN(waiting_since), UTC_TIMESTAMP(3)), "
            f"61, 149.207, UTC_TIMESTAMP(3), {self.version} "
            f"FROM chat_metrics WHERE tenant = '{tenant}'")

    def answer_chat(self, chat):
        """Somebody answers: it does not wait any more. One commit."""
        self.version += 1
        self.sql.ask(
            "UPDATE chat_metrics SET waiting_since = NULL, "
            f"version = version + 1 WHERE chat = '{chat}'")
        self.put_tenant(TENANT)
