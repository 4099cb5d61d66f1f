#!/usr/bin/env -S python3 -B
"""api_teams: each viewer sees, in every resource, only the rows and totals of
their operators; the configuration defines the teams. The expected rows come
from SQL.
"""

import http.client
import json

from api_client import PATIENCE, token
from board_world import TENANT, BoardWorld, quoted
from harness import Checklist, run_checks
from streamlib import millis

V1 = "/api/v1/"
WALL, OPERATOR, LEAD, ADMIN = "wall", "operator", "lead", "admin"
EVERYONE = None  # including rows without an operator
RESPONSES = "kind IN ('first_response', 'reply') AND withdrawn = 0"

# role, claims, operators of rows, operators of totals. support: 1 2, sales: 3.
VIEWERS = [
    (LEAD, {}, EVERYONE, EVERYONE),
    (LEAD, {"teams": ["support"]}, {"1", "2"}, {"1", "2"}),
    (LEAD, {"teams": ["sales", "support"]}, {"1", "2", "3"},
     {"1", "2", "3"}),
    (LEAD, {"teams": ["sales", "nosuch"]}, {"3"}, {"3"}),
    (LEAD, {"teams": ["suppor"]}, set(), set()),
    (LEAD, {"teams": ["support:"]}, set(), set()),
    (LEAD, {"teams": []}, set(), set()),
    (ADMIN, {}, EVERYONE, EVERYONE),
    (ADMIN, {"teams": ["sales"]}, {"3"}, {"3"}),
    (OPERATOR, {"sub": "1"}, {"1"}, {"1", "2"}),
    (OPERATOR, {"sub": "3"}, {"3"}, {"3"}),
    (OPERATOR, {"sub": "4"}, {"4"}, EVERYONE),
    (OPERATOR, {"sub": "1", "teams": ["sales"]}, {"1"}, {"3"}),
    (OPERATOR, {"sub": "1') OR TRUE OR operator IN ('"}, set(), EVERYONE),
    (WALL, {}, set(), EVERYONE),
    (WALL, {"teams": ["support"]}, set(), {"1", "2"}),
]
# A resource with rows: its table, the least role, and the member of the answer.
ROWS = {
    "operators": ("operator_metrics", OPERATOR, "rows"),
    "chats": ("chat_metrics", OPERATOR, "rows"),
    "intervals": ("intervals", OPERATOR, "rows"),
    "assignments": ("assignments", OPERATOR, "rows"),
    "messages": ("messages", LEAD, "rows"),
    "now": ("operator_metrics", OPERATOR, "operators"),
    "allocation": ("operator_metrics", LEAD, "operators"),
    "responses?group=operator&by=total&from=40d":
        (f"intervals WHERE {RESPONSES}", OPERATOR, "rows"),
    "responses?group=operator&by=total&kind=waiting&from=40d":
        ("intervals WHERE kind = 'waiting'", OPERATOR, "rows"),
}
# Rows that belong to no operator.
NOBODYS = ["conversations", "users", "alerts", "trends", "events", "receipts",
           "channels", "notices", "messages/conversation/9000",
           "analytics/dashboard?tenant_id=" + TENANT,
           "analytics/conversations/9000/analytics?tenant_id=" + TENANT]
ROLES = [WALL, OPERATOR, LEAD, ADMIN]


def names(operators):
    return ", ".join(f"'{one}'" for one in sorted(operators)) or "NULL"


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.world = BoardWorld(lab)
        self.server = self.world.server
        # Parts of waits that a transfer splits.
        for n, operator in enumerate(("1", "1", "2", "3", None)):
            self.put_interval(f"UTC_TIMESTAMP(3) - INTERVAL {n} HOUR", "cut",
                              n, "waiting", operator, 1000 + n)
        # Two closed chats: one of sales, one that was transferred.
        for chat, operator in (("s1", "3"), ("both", "3"), ("both", "1")):
            self.put_interval("'2026-01-02'", chat, operator, "reply",
                              operator, 5)
            self.sql("INSERT INTO messages (tenant, created_at, "
                     "conversation_id, message_id, sender, operator, version) "
                     f"VALUES ('{TENANT}', '2026-01-02', '{chat}', "
                     f"'{operator}', 'operator', '{operator}', 0)")

    def put_interval(self, end, chat, message, kind, operator, ms):
        self.sql("INSERT INTO intervals (tenant, end_at, chat, message, kind, "
                 "start_at, operator, ms, withdrawn, as_of, version) VALUES ("
                 f"'{TENANT}', {end}, '{chat}', '{message}', '{kind}', "
                 f"'2026-01-01', {quoted(operator)}, {ms}, 0, '2026-01-02', "
                 "1)")

    def sql(self, statement):
        return self.world.sql.ask(statement)

    def ask(self, path, role, claims):
        bearer = token(tenant_id=TENANT, role=role, **claims)
        return self.server.ask(V1 + path, bearer)

    def pages(self, path, role, claims, member):
        """All rows; an answer has at most one page of them."""
        rows, cursor = [], ""
        while True:
            answer = self.ask(
                path + ("" if "?" in path or member != "rows" else
                        f"?limit=1000{cursor}"), role, claims).json()
            rows += answer[member]
            if not answer.get("next"):
                return rows
            cursor = "&cursor=" + answer["next"]

    def each_sees_their_rows(self):
        for role, claims, whose, _ in VIEWERS:
            for path, (table, least, member) in ROWS.items():
                status = self.ask(path, role, claims).status
                allowed = ROLES.index(role) >= ROLES.index(least)
                if role == WALL and path == "now":
                    continue
                if not self.that(status == (200 if allowed else 403),
                                 f"{role} {claims}: {path}: {status}"):
                    continue
                if allowed:
                    self.rows_are_theirs(path, role, claims, whose, table,
                                         member)

    def rows_are_theirs(self, path, role, claims, whose, table, member):
        got = self.pages(path, role, claims, member)
        where = ("" if whose is EVERYONE else
                 (" AND " if "WHERE" in table else " WHERE ")
                 + f"(operator IN ({names(whose)})"
                 + (" OR operator IS NULL)" if path == "chats" else ")"))
        group = "group=operator" in path
        want = self.sql(
            ("SELECT COALESCE(operator, ''), COUNT(*) FROM " + table + where
             + " GROUP BY 1"))
        if group:
            counted = {row["operator"]: row["count"] for row in got}
            want = [r for r in want]
            # Rows that ended long ago are outside the range.
            self.that(set(counted) == {r[0] for r in want},
                      f"{role} {claims}: {path}: {counted}, not {want}")
            return
        counted = {}
        for row in got:
            one = row["operator"] or ""
            counted[one] = counted.get(one, 0) + 1
        self.that(counted == {one: int(n) for one, n in want},
                  f"{role} {claims}: {path}: {counted}, not {want}")

    def each_sees_their_totals(self):
        for role, claims, _, whose in VIEWERS:
            of = ("" if whose is EVERYONE
                  else f"AND operator IN ({names(whose)})")
            [[n, ms]] = self.sql(
                "SELECT COUNT(*), COALESCE(SUM(ms), 0) FROM intervals WHERE "
                f"{RESPONSES} AND end_at > '2026-02-01' {of}")
            [row] = self.ask("responses?by=total&from=40d", role,
                             claims).rows()
            self.that([row["count"], round(1000 * row["sum_seconds"])]
                      == [int(n), int(ms)],
                      f"{role} {claims}: {row}, not {n}, {ms}")
            [[n_cut, ms_cut]] = self.sql(
                "SELECT COUNT(*), COALESCE(SUM(ms), 0) FROM intervals WHERE "
                f"kind = 'waiting' {of}")
            [row] = self.ask("responses?by=total&kind=waiting&from=40d", role,
                             claims).rows()
            self.that([row["count"], round(1000 * row["sum_seconds"])]
                      == [int(n_cut), int(ms_cut)],
                      f"{role} {claims}: {row}, not {n_cut}, {ms_cut}")
            hours = self.ask("heatmap?from=40d", role, claims).rows()
            self.that(sum(h["count"] for h in hours) == int(n),
                      f"{role} {claims}: the heat map is not {n}")
            self.now_is_theirs(role, claims, whose)

    def teams_are_theirs(self):
        """A sum for each team of the token; without teams, for all."""
        teams = {"support": {"1", "2"}, "sales": {"3"}}
        for role, claims, _, _ in VIEWERS:
            answer = self.ask("responses?group=team&by=total&from=40d", role,
                              claims)
            if role not in (LEAD, ADMIN):
                self.that(answer.status == 403, f"{role} sees teams")
                continue
            want = {}
            for team in set(teams) & set(claims.get("teams", teams)):
                [[n, ms]] = self.sql(
                    "SELECT COUNT(*), SUM(ms) FROM intervals WHERE "
                    f"{RESPONSES} AND end_at > '2026-02-01' AND operator IN "
                    f"({names(teams[team])})")
                want[team] = [int(n), int(ms), None]
            got = {row["team"]: [row["count"],
                                 round(1000 * row["sum_seconds"]), row["href"]]
                   for row in answer.rows()}
            self.that(got == want, f"{role} {claims}: {got}, not {want}")

    def now_is_theirs(self, role, claims, whose):
        answer = self.ask("now", role, claims).json()
        now, of_teams = answer["now"], whose is not EVERYONE
        self.that(answer["of_teams"] is of_teams, f"{role} {claims}: of_teams")
        if whose is EVERYONE:
            want = self.sql("SELECT open_chats, responses FROM "
                            "tenant_metrics")
        else:
            want = self.sql(
                "SELECT SUM(open_chats), SUM(responses) FROM "
                f"operator_metrics WHERE operator IN ({names(whose)})"
                " HAVING COUNT(*) > 0")
        got = [[str(row["open_chats"]), str(row["responses"])]
               for row in now]
        self.that(got == want, f"{role} {claims}: {got}, not {want}")
        if now and role in (LEAD, ADMIN):
            mine = "&assigned=1" if of_teams else ""
            chats = self.pages("chats?limit=1000&open=1" + mine, role, claims,
                               "rows")
            self.that(len(chats) == now[0]["open_chats"],
                      f"{role} {claims}: {len(chats)} open chats: {now}")

    def links_are_for_who_may_open_them(self):
        for role, claims, _, _ in VIEWERS:
            now = self.ask("now", role, claims).json()
            self.links_open(role, claims, now["now"],
                            role in (LEAD, ADMIN))
            self.links_open(role, claims, now["operators"], role != WALL)
            if role == WALL:
                continue
            self.links_open(role, claims, self.ask(
                "operators", role, claims).rows(), True)
            sees_all = role != OPERATOR and "teams" not in claims
            self.that(all((row["href"] is not None) == sees_all for row in
                          self.ask("chats?open=1", role, claims).rows()),
                      f"{role} {claims}: the links of chats")
            for row in self.ask("intervals?limit=5", role, claims).rows():
                self.that((row["href"] is not None) == (role != OPERATOR) and (
                    role == OPERATOR or self.server.ask(row["href"], token(
                        tenant_id=TENANT, role=role, **claims)).status
                    == 200), f"{role} {claims}: {row}")

    def links_open(self, role, claims, rows, may):
        bearer = token(tenant_id=TENANT, role=role, **claims)
        for row in rows:
            behind = self.server.ask(
                row["href"] + "&limit=1000", bearer).rows() \
                if row["href"] else None
            self.that((behind is not None) == may and (
                not may or len(behind) == row["responses"]),
                f"{role} {claims}: {row} opens {behind}")

    def what_waits_is_theirs_or_nobodys(self):
        for role, claims, whose, _ in VIEWERS:
            got = self.ask("now", role, claims).json()
            if role == WALL:
                size = 2 if "teams" in claims else 5
                self.that(len(got["operators"]) == size and all(
                    row["name"] is row["operator"] is None
                    for row in got["operators"]), f"{claims}: a wall")
                continue
            seen = {row["operator"] for row in got["waiting"]}
            self.that(None in seen and (whose is EVERYONE or
                                        seen - {None} <= whose),
                      f"{role} {claims}: {seen} wait")

    def waits_run_to_the_present(self):
        """A stream updates the row of a chat, and of an operator without
        waiting customers, only when it changes: the tenant's row is newer."""
        self.sql("UPDATE tenant_metrics SET as_of = as_of + INTERVAL 2 HOUR")
        [[present]] = self.sql("SELECT as_of FROM tenant_metrics")
        until = millis(present)
        since = {row[0]: until - millis(row[1]) for row in self.sql(
            "SELECT chat, waiting_since FROM chat_metrics WHERE "
            "waiting_since IS NOT NULL AND status = 'open'")}
        for role, claims, whose, totals in VIEWERS:
            now = self.ask("now", role, claims).json()
            self.that(all(millis(row["as_of"]) == until
                          for row in now["now"]),
                      f"{role} {claims}: {now['now']}, not {present}")
            for row in now["waiting"] if role != WALL else []:
                self.that(round(1000 * row["wait_seconds"])
                          == since[row["chat"]], f"{role} {claims}: {row}")
        waits = [since[row[0]] for row in self.sql(
            "SELECT chat FROM chat_metrics WHERE waiting_since IS NOT NULL "
            "AND operator IS NULL AND status = 'open'")]
        [queue] = self.ask("allocation", LEAD, {}).json()["queue"]
        self.that(waits and millis(queue["as_of"]) == until
                  and round(1000 * queue["longest_wait_seconds"]) == max(waits)
                  and abs(1000 * queue["avg_wait_seconds"]
                          - sum(waits) / len(waits)) <= 1,
                  f"{queue}, not {waits}")
        self.sql("UPDATE tenant_metrics SET as_of = as_of - INTERVAL 2 HOUR")

    def reservations_are_theirs(self):
        """Also if another tenant has an operator with the same id."""
        for tenant, n in (TENANT, 1), ("other", 3):
            for operator in "1", "2", "3":
                for i in range(n):
                    self.sql(
                        "INSERT INTO assignments (tenant, id, chat, operator, "
                        "reserved_at, expires) VALUES ("
                        f"'{tenant}', 'r{operator}-{i}', 'c', '{operator}', "
                        "UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))")
        for role, claims, whose, _ in VIEWERS:
            if role not in (LEAD, ADMIN):
                continue
            of = "" if whose is EVERYONE else f"AND operator IN ({names(whose)})"
            want = {row[0]: int(row[1]) for row in self.sql(
                "SELECT operator, COUNT(*) FROM assignments WHERE "
                f"tenant = '{TENANT}' AND reserved_at > UTC_TIMESTAMP(3) - "
                f"INTERVAL 1 DAY {of} GROUP BY 1")}
            got = {row["operator"]: row["chats"] for row in self.ask(
                "allocation", role, claims).json()["assigned"]}
            self.that(got == want and (want or whose is not EVERYONE),
                      f"{role} {claims}: {got}, not {want}")
        self.sql("DELETE FROM assignments WHERE chat = 'c'")

    def the_chats_of_nobody_are_everybodys(self):
        want = {row[0] for row in self.sql(
            "SELECT chat FROM chat_metrics WHERE operator IS NULL")}
        for role, claims, _, _ in VIEWERS:
            if role == WALL:
                continue
            rows = self.ask("chats?nobody=1&limit=1000", role, claims).rows()
            self.that(want and {row["chat"] for row in rows} == want,
                      f"{role} {claims}: {len(rows)} chats, not {len(want)}")

    def a_figure_is_theirs(self):
        asked = "figure?from=40d&kind=response&withdrawn=0"
        for role, claims, whose, _ in VIEWERS:
            answer = self.ask(asked, role, claims)
            if role == WALL:
                self.that(answer.status == 403, "a wall opens a figure")
                continue
            of = ("" if whose is EVERYONE
                  else f"AND operator IN ({names(whose)})")
            [[n]] = self.sql(
                "SELECT COUNT(*) FROM intervals WHERE "
                f"{RESPONSES} AND end_at > '2026-02-01' {of}")
            [row] = answer.rows()
            self.that(row["count"] == int(n),
                      f"{role} {claims}: {answer.body}, not {n}")

    def others_are_refused(self):
        team = {"teams": ["support"]}
        for path, status in (
                ("responses?operator=1", 200), ("responses?operator=3", 403),
                ("responses?nobody=1", 403), ("heatmap?operator=3", 403),
                ("chats/s1/timeline", 404), ("chats/both/timeline", 200)):
            answer = self.ask(path, LEAD, team)
            self.that(answer.status == status,
                      f"{path}: {answer.status}, not {status}")
        for which in "operator=3", "nobody=1":
            [figure] = self.ask("figure?" + which, LEAD, team).rows()
            self.that(self.ask("intervals?" + which, LEAD, team).rows() == []
                      and figure["count"] == 0,
                      f"{which} opens another team")
        for chat, n in (("9002", 1), ("9003", 0), ("9000", 1)):
            rows = self.ask("chats?chat=" + chat, LEAD, team).rows()
            self.that(len(rows) == n, f"chat {chat}: {rows}")
        for path in NOBODYS:
            self.that(self.ask(path, LEAD, {}).status in (200, 404),
                      f"{path}: not for a lead")
            for role in (LEAD, ADMIN):
                self.that(self.ask(path, role, team).status == 403,
                          f"{path}: for a token of teams")
        # The configuration can do what a claim cannot: put an operator into a
        # team.
        times = "start_time=2026-01-01T00:00:00Z&end_time=2026-01-02T00:00:00Z"
        for path in ("channels", "channels.csv",
                     "analytics/dashboard?tenant_id=" + TENANT,
                     f"analytics/channels/x/analytics?tenant_id={TENANT}&"
                     + times):
            for sub, status in (("1", 403), ("3", 403), ("4", 200)):
                answer = self.ask(path, OPERATOR, {"sub": sub})
                self.that(answer.status == status,
                          f"{path}: {answer.status} for operator {sub}")

    def a_timeline_names_no_others(self):
        self.world.put_chat(TENANT, "both", 60, "3", "web", "Carl")
        for claims, whose in (({"teams": ["support"]}, {"1"}),
                              ({"teams": ["sales"]}, {"3"}),
                              ({}, {"1", "3"})):
            answer = self.ask("chats/both/timeline", LEAD, claims).json()
            seen = {row["operator"] for row in answer["intervals"]}
            wrote = {row["operator"] for row in answer["messages"]}
            self.that(seen == whose and wrote - {None} == whose
                      and len(answer["messages"]) == 2,
                      f"{claims}: {seen}, {wrote}")
            [now] = answer["now"]
            self.that(now["operator"] == ("3" if "3" in whose else None)
                      and now["assigned"] is True,
                      f"{claims}: who has it: {now}")
            self.that({row["operator"] for row in answer["running"]}
                      == {"3"} & whose, f"{claims}: {answer['running']}")
        self.sql("DELETE FROM chat_metrics WHERE chat = 'both'")

    def bad_claims_are_refused(self):
        for teams in ("support", 7, [7], [None], [""], ["a\nb"], ["x" * 1100],
                      [["support"]], {"support": 1}):
            answer = self.ask("now", LEAD, {"teams": teams})
            self.that(answer.status == 401, f"{teams}: {answer.status}")

    def a_stream_is_theirs(self):
        """Listeners with different teams get different answers."""
        for teams in (["support"], ["sales"], []):
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.server.port, timeout=PATIENCE)
            connection.request("GET", V1 + "now/stream", headers={
                "Authorization": "Bearer " + token(
                    tenant_id=TENANT, role=LEAD, teams=teams)})
            got = connection.getresponse()
            line = b""
            while not line.startswith(b"data: "):
                line = got.readline()
            connection.close()
            self.that(json.loads(line[6:]) == self.ask(
                "now", LEAD, {"teams": teams}).json(), f"{teams}: {line}")

    def a_token_is_made_for_teams(self):
        conf = self.lab.path("serve.conf")
        made = self.lab.must(["sink", "-c", conf, "--token", "--tenant",
                              TENANT, "--role", LEAD, "--teams",
                              "support,sales"]).out.decode().strip()
        rows = self.server.ask(V1 + "operators", made).rows()
        self.that({row["operator"] for row in rows} == {"1", "2", "3"},
                  f"{rows}")
        conf = self.lab.conf("bad.conf", {
            "serve": {"secret_key": "0123456789abcdef0123456789abcdef"},
            "crm acme": {"token": "unused", "teams": "7 support: 8"}})
        done = self.lab.run(["sink", "-c", conf, "--serve", "127.0.0.1:0"])
        self.that(done.code == 78 and "'7'" in done.err
                  and len(done.lines()) == 1, f"{done}")


run_checks(Test)
