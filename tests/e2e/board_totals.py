"""board_totals: the totals of the live board cover all waiting customers,
including those that are not listed, regardless of filters. Called by board,
with its browser and world.
"""

from api_client import token
from board_opened import seconds_of

CROWD = "crowd"
MANY = 350  # 200 of them are listed


def visit(test, path, role="lead", **claims):
    test.enter(token(tenant_id=CROWD, role=role, **claims), path)


def totals(test):
    """Late chats are shown below the waiting ones; if unknown, nothing is."""
    late = test.browser.text("#total-waiting .before").split(" late, ")
    return {"late": late[0] or "–", **{
        name: test.browser.text(f"#total-{name} .value")
        for name in ("waiting", "longest")}}


def late_ones(test, threshold):
    [[n]] = test.sql(
        f"SELECT COUNT(*) FROM chat_metrics WHERE tenant = '{CROWD}' AND "
        f"waiting_since < UTC_TIMESTAMP(3) - INTERVAL {threshold} SECOND")
    return int(n)


def those_not_listed_count(test):
    """The longest waits belong to other channels, and to another operator."""
    test.sql(
        "INSERT INTO chat_metrics (tenant, chat, status, messages, responses, "
        "operator, channel, waiting_since, opened_at, as_of, version) SELECT "
        f"'{CROWD}', seq, 'open', 1, 1, '1', 'web', UTC_TIMESTAMP(3) - "
        "INTERVAL 1000 + seq SECOND, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 1 "
        f"FROM seq_1_to_{MANY}")
    test.world.put_tenant(CROWD)
    for choice, note in (("", f"10 of {MANY} are shown."),
                         ("all=waiting", f"200 of {MANY} are shown."),
                         ("channel=telegram", f"None of {MANY} is shown."),
                         ("operator=2", f"None of {MANY} is shown.")):
        visit(test, "/#" + choice)
        test.shows(lambda: (got := totals(test))["waiting"] == str(MANY)
                   and got["late"] == "≥ 200"
                   and 0 <= seconds_of(got["longest"]) - 1000 - MANY < 600,
                   f"{choice}: the totals")
        test.shows(lambda: test.browser.text("#waiting-note") == note,
                   f"{choice}: {note}")
    # Chats that are not late wait longer than all unlisted ones, until three
    # minutes from now, however long it took to get here.
    [[threshold]] = test.sql(
        "SELECT TIMESTAMPDIFF(SECOND, MIN(waiting_since), UTC_TIMESTAMP(3)) "
        f"- 15 FROM chat_metrics WHERE tenant = '{CROWD}'")
    before = late_ones(test, threshold)
    test.that(before >= 10, f"{before} are late")
    visit(test, f"/#threshold={threshold}")
    test.shows(lambda: before - 1 <= int(totals(test)["late"])
               <= late_ones(test, threshold) + 1, f"{before} or more are late")


def an_operator_hears_of_others(test):
    visit(test, "/", "operator", sub="9")
    test.shows(lambda: (got := totals(test))["waiting"] == str(MANY)
               and got["late"] == "–" and got["longest"] != "–", "an operator")
    test.shows(lambda: test.browser.text("#waiting-note")
               == f"None of {MANY} is shown."
               and test.browser.text("#announcement").startswith(
                   f"{MANY} waiting, the longest"), "an operator's note and word")


def team_is_sqls(test):
    [[waiting, late, others]] = test.sql(
        "SELECT SUM(operator = '3'), SUM(operator = '3' AND waiting_since < "
        "UTC_TIMESTAMP(3) - INTERVAL 240 SECOND), SUM(operator IS NULL) "
        "FROM chat_metrics WHERE tenant = 'acme' AND waiting_since IS NOT "
        "NULL")
    got = totals(test)
    return ([got["waiting"], got["late"]] == [waiting, late]
            and f"{others} more that nobody has"
            in test.browser.text("#announcement"))


def what_nobody_has_is_no_teams(test):
    # Not late before all of this has been checked, however long that takes.
    test.sql("UPDATE chat_metrics SET waiting_since = UTC_TIMESTAMP(3) "
             "WHERE tenant = 'acme' AND chat = '9008'")
    # A wall is not told who has a chat, but whether someone has it.
    for role in ("lead", "wall"):
        test.visit(role, "/#threshold=240", teams=["sales"])
        test.shows(lambda: team_is_sqls(test), f"a team, {role}")
    nothing_of_these_teams(test, "lead")


def what_is_not_kept_is_not_0(test):
    """An administrator sees what to do, others do not."""
    visit(test, "/")
    test.shows(lambda: test.browser.text("#heatmap-note").endswith(
        "or this metric is not computed."), "a lead's note")
    visit(test, "/", "admin")
    test.browser.until(lambda: test.browser.text("#summary-count .value"),
                       "the responses")
    for note in ("#responses-note", "#heatmap-note"):
        test.shows(lambda: "add intervals to metrics "
                   "of [aggregator]" in test.browser.text(note), note)
    test.that(test.browser.text("#summary-count .value") == "–"
              and test.browser.texts("#heatmap-table a") == [],
              "what is not kept has figures")
    findings = test.browser.findings()
    test.that(findings == [], f"axe: what is not kept: {findings}")
    test.browser.picture("build/board", "not-kept")


def who_is_not_listed_is_not_counted(test):
    test.sql("INSERT INTO operator_metrics (tenant, operator, name, "
             "available, open_chats, responses, waiting_chats, as_of, "
             f"version) VALUES ('{CROWD}', '1', 'Here', 1, 0, 0, 0, "
             f"UTC_TIMESTAMP(3), 1), ('{CROWD}', '2', 'Left', NULL, 1, 0, 0, "
             "UTC_TIMESTAMP(3), 1)")
    for role, want in (("lead", "1/1"), ("operator", "–")):
        visit(test, "/", role, sub="1")
        test.browser.until(
            lambda: test.browser.text("#total-available .value") == want,
            f"{role}: {want} of the operators to be there")
    test.sql(f"DELETE FROM operator_metrics WHERE tenant = '{CROWD}'")


def operators_without_totals(test):
    """Metrics without tenant and chats: operators have rows, but the waiting
    customers are unknown."""
    test.sql("INSERT INTO operator_metrics (tenant, operator, name, "
             "available, open_chats, responses, waiting_chats, "
             f"longest_wait_seconds, as_of, version) VALUES ('{CROWD}', '1', "
             "'Here', 1, 2, 0, 1, 75, UTC_TIMESTAMP(3), 1)")
    visit(test, "/", "admin")
    test.shows(lambda: [row["Longest wait"] for row in
                        test.browser.rows("#operators-table")] == ["1m15s"],
               "Here")
    test.shows(lambda: test.browser.text("#fresh") == "Totals are not kept."
               and "add tenant and chats to metrics"
               in test.browser.text("#waiting-note")
               and test.browser.text("#announcement")
               == test.browser.text("#waiting-note"), "what is not kept")
    test.sql(f"DELETE FROM operator_metrics WHERE tenant = '{CROWD}'")


def chats_without_totals(test):
    """Metrics without tenant: waiting chats are listed, without totals."""
    test.sql(
        "INSERT INTO chat_metrics (tenant, chat, status, messages, responses, "
        "waiting_since, opened_at, as_of, version) VALUES "
        f"('{CROWD}', '1', 'open', 1, 0, UTC_TIMESTAMP(3) - INTERVAL 90 "
        "SECOND, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 1)")
    visit(test, "/")
    test.shows(lambda: test.browser.text("#announcement").startswith(
        "1 waiting, 0 late"), "one is announced")
    test.sql("UPDATE chat_metrics SET waiting_since = NULL WHERE tenant = "
             f"'{CROWD}'")
    visit(test, "/")
    test.shows(
        lambda: [test.browser.text(f"#{name}") for name in (
            "fresh", "waiting-note", "total-waiting .before")]
        == ["Totals are not kept.", "No customers are waiting.",
            "0 late, over 5m00s"], "that nobody waits, and no totals")
    test.sql(f"DELETE FROM chat_metrics WHERE tenant = '{CROWD}'")


def nothing_of_these_teams(test, role, **claims):
    test.visit(role, teams=["nobody"], **claims)
    test.shows(lambda: test.browser.text("#fresh")
               == "Nothing is stored of these teams yet.", role)


def test(t):
    operators_without_totals(t)
    chats_without_totals(t)
    # The operator has a row, but it is in none of the token's teams.
    nothing_of_these_teams(t, "operator", sub="1")
    what_is_not_kept_is_not_0(t)
    who_is_not_listed_is_not_counted(t)
    those_not_listed_count(t)
    an_operator_hears_of_others(t)
    for table in ("chat_metrics", "tenant_metrics"):
        t.sql(f"DELETE FROM {table} WHERE tenant = '{CROWD}'")
    what_nobody_has_is_no_teams(t)
