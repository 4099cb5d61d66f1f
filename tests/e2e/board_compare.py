"""board_compare: comparisons on the live board: today is compared with
yesterday until the same time, an offline operator with waiting customers is the
most prominent row, and filters that a section ignores are named. Called by
board, with its browser and world.
"""

import re

from api_client import token
from board_world import TENANT

NOON = "noon"
# Most of yesterday's responses come later than the current time; they are slow.
DAYS = [  # days before today, local hour, number, seconds each
    (1, 10, 4, 60), (1, 20, 40, 600), (0, 10, 6, 120)]
# Background colours of elements that are distinguished by colour.
GROUNDS = """[...document.querySelectorAll("#operators-table tbody tr")].map(
    (tr) => [tr.className, getComputedStyle(tr).backgroundColor])"""


def noon_zone(test):
    """A zone where the time is between 12:00 and 13:00, and its offset."""
    [[hour]] = test.sql("SELECT HOUR(UTC_TIMESTAMP())")
    offset = 12 - int(hour)
    name = f"Etc/GMT{-offset:+}" if offset else "UTC"
    return name.replace("+", "%2B"), offset


def put_days(test, offset):
    rows = [f"('{NOON}', DATE(UTC_TIMESTAMP() + INTERVAL {offset} HOUR) - "
            f"INTERVAL {days} DAY + INTERVAL {hour - offset} HOUR + INTERVAL "
            f"{n} MINUTE, '1', '{days} {hour} {n}', 'reply', "
            f"UTC_TIMESTAMP(3), '1', 'web', {1000 * seconds}, 0, "
            "UTC_TIMESTAMP(3), 1)"
            for days, hour, count, seconds in DAYS for n in range(count)]
    test.sql("INSERT INTO intervals (tenant, end_at, chat, message, kind, "
             "start_at, operator, channel, ms, withdrawn, as_of, version) "
             "VALUES " + ",".join(rows))
    test.sql("REPLACE INTO coverage (tenant, kind, begin_at, source, end_at, "
             f"as_of, version) VALUES ('{NOON}', 'chats', '2020-01-01', 'poll', "
             "UTC_TIMESTAMP(3) + INTERVAL 1 DAY, UTC_TIMESTAMP(3), 1)")
    test.world.list_hours(NOON)


def figure_of(test, name):
    return [test.browser.text(f"#{name} {part}")
            for part in (".value", ".change", ".before")]


def today_is_compared_until_now(test):
    """Today is slower than yesterday until now, and faster than all of
    yesterday."""
    browser = test.browser
    zone, offset = noon_zone(test)
    put_days(test, offset)
    lead = token(tenant_id=NOON, role="lead")
    test.enter(lead, f"/#zone={zone}&range=yesterday")
    test.shows(lambda: figure_of(test, "total-average")[0] == "9m10s",
               "all of yesterday is slower than today")
    test.enter(lead, f"/#zone={zone}&threshold=90")
    for figure, value, change, before in (
            ("total-average", "2m00s", "▲ +100 %", "1m00s"),
            ("summary-count", "6", "2 more", "4"),
            ("summary-median", "1m59s", "1m00s slower", "59s"),
            ("total-within", "0.0 %", "▼ −100.0 points", "100.0 %")):
        test.shows(lambda: (got := figure_of(test, figure))[:2]
                   == [value, change] and re.fullmatch(
                       rf"vs\. yesterday until 1[23]:\d\d: {before}", got[2]),
                   f"today's {figure}: {value}, {change}, not {before}")
    test.shows(lambda: re.search(
        r"broken line: yesterday until 1[23]:\d\d;",
        browser.text("#responses-note")), "the picture's note")
    test.that(browser.texts("#summary-median .change.worse") == [
        "1m00s slower"], "slower is not marked as worse")
    test.enter(lead, f"/#zone={zone}&range=7d")
    test.shows(lambda: re.fullmatch(
        r"vs\. the previous 7 days until 1[23]:\d\d: 0",
        figure_of(test, "summary-count")[2]), "seven days")
    test.sql(f"DELETE FROM intervals WHERE tenant = '{NOON}'")


def who_is_offline_is_loudest(test):
    """Boris Lee is most prominent although other customers wait longer; Eve
    O'Neil, whose customers do not wait, is not."""
    browser = test.browser
    test.visit("lead")
    browser.until(lambda: len(browser.rows("#operators-table")) == 5, "rows")
    rows = browser.rows("#operators-table")
    test.that([row["Operator"] for row in rows][0] == "Boris Lee"
              and rows[0]["Status"] == "offline",
              f"the first operator: {rows[0]}")
    grounds = browser.ask(GROUNDS)
    test.that([kind for kind, _ in grounds]
              == ["unattended"] + ["online"] * 3 + ["offline"],
              f"the rows are {grounds}")
    test.that({ground for _, ground in grounds[1:]} == {"rgba(0, 0, 0, 0)"}
              and grounds[0][1] == "rgb(176, 0, 32)",
              f"the loudest row: {grounds}")
    test.sql("UPDATE operator_metrics SET available = 1, version = version + 1 "
             f"WHERE tenant = '{TENANT}' AND operator = '2'")
    test.shows(lambda: browser.rows("#operators-table")[-2]["Operator"]
               == "Boris Lee" or browser.texts("tr.unattended") == [],
               "an operator who comes online is as the others")
    test.sql("UPDATE operator_metrics SET available = 0, version = version + 1 "
             f"WHERE tenant = '{TENANT}' AND operator = '2'")


def ignored_filters_are_named(test):
    browser = test.browser
    sections = ("totals", "operators", "alerts")
    for path, want in (
            ("/", ["", "", ""]),
            ("/#operator=1", ["Present figures are not filtered by operator.",
                              "", "Not filtered by operator."]),
            ("/#operator=1&channel=web", [
                "Present figures are not filtered by operator or channel.",
                "Not filtered by channel.",
                "Not filtered by operator or channel."])):
        test.visit("lead", path)
        test.shows(lambda: [browser.text(f"#{section}-filters")
                            for section in sections] == want,
                   f"{path}: {want}")
        test.shows(lambda: "range is not applied: it is shorter than a week"
                   in browser.text("#heatmap-note"), "a week is needed")
    test.visit("lead", "/#range=7d")
    test.shows(lambda: (note := browser.text("#heatmap-note"))
               and "not applied" not in note, "a week is enough")


def test(t):
    today_is_compared_until_now(t)
    who_is_offline_is_loudest(t)
    ignored_filters_are_named(t)
