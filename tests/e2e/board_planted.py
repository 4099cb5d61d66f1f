"""board_planted: a tenant with known data: who is waiting, who is overloaded,
and why responses are slower than the day before: WhatsApp was, from 14:00 to
17:00. Ines Duarte has more chats than allowed; Oleg Marin is offline while his
customers wait. The local time is 17:30.
"""

import random
import re

from api_client import token
from board_opened import seconds_of
from board_world import quoted
from report_page import duration

PLANTED = "helpdesk"
HOUR = 17
# Id: name, available, chats, waiting chats, seconds of the longest wait
OPERATORS = {
    "11": ("Ines Duarte", 1, 14, 6, 1710),
    "12": ("Oleg Marin", 0, 5, 4, 2640),
    "13": ("Anna Schmidt", 1, 6, 1, 95),
    "14": ("Chloé Martin", 1, 5, 1, 140),
    "15": ("יעל כהן", 1, 7, 1, 60),
    "16": ("Tomasz Wiśniewski-Kowalczyk", 1, 4, 0, 0),
    "17": ("Priya Raman", 1, 8, 1, 215),
    "18": ("Lucas Moreau", 0, 0, 0, 0),
    "19": ("Sara Nilsson", 1, 3, 0, 0),
    "20": ("Ahmed Said", 1, 6, 0, 0),
}
QUEUE = [410, 180, 35]  # seconds that unassigned chats have waited
CHANNELS = ["whatsapp", "web", "telegram", "email"]
CUSTOMERS = ["Marta Silva", "John Baker", "محمد علي", "Wei Li", "Olga Petrova",
             "Pedro Gómez", "Sofia Rossi", "Jan de Vries", "Aiko Tanaka"]
LIMIT = 8
FIRST_HOUR, SLOW = 8, range(14, 17)
EACH_HOUR = 24  # responses


def zone_of(sql):
    """A zone where it is that hour now, and its offset in hours."""
    [[hour]] = sql("SELECT HOUR(UTC_TIMESTAMP())")
    offset = HOUR - int(hour)
    if offset > 14: # no such zone; use that hour of the day before
        offset -= 24
    name = f"Etc/GMT{-offset:+}" if offset else "UTC"
    return name.replace("+", "%2B"), offset


def put_intervals(sql, offset):
    """Seven days of equally slow responses, except for the planted hours."""
    dice = random.Random(5)
    rows = []
    midnight = (f"(TIMESTAMP(DATE(UTC_TIMESTAMP() + INTERVAL {offset} HOUR)) "
                f"- INTERVAL {offset} HOUR)")
    for day in range(8):
        for hour in range(FIRST_HOUR, HOUR + 1 if day == 0 else 21):
            for n in range(EACH_HOUR):
                channel = CHANNELS[(0, 0, 0, 1, 1, 2, 3)[n % 7]]
                seconds = 40 + dice.randrange(150) + 20 * (channel == "email")
                if day == 0 and hour in SLOW and channel == "whatsapp":
                    seconds *= 4
                elif day == 0 and hour > SLOW[-1]:
                    seconds = 60  # not slower, at any minute
                operator = str(11 + (n + hour) % 10)
                if operator == "18":
                    operator = "11"
                if n % 4 == 0:
                    kind = "first_response"
                elif n == 23:
                    kind = "unanswered"
                elif n % 6 == 5:
                    kind = "resolution"
                    seconds *= 20
                else:
                    kind = "reply"
                second = 3600 * hour + 150 * n
                end = f"{midnight} - INTERVAL {day} DAY + INTERVAL {second} SECOND"
                rows.append(
                    f"('{PLANTED}', {end}, 'c{day}-{hour}-{n}', "
                    f"'m{day}-{hour}-{n}', '{kind}', {end} - INTERVAL "
                    f"{seconds} SECOND, '{operator}', '{channel}', "
                    f"{1000 * seconds + n}, 0, UTC_TIMESTAMP(3), 1)")
    # In the current hour only ended intervals count, and no row lies in the
    # future.
    sql("INSERT INTO intervals (tenant, end_at, chat, message, kind, start_at, "
        "operator, channel, ms, withdrawn, as_of, version) VALUES "
        + ",".join(rows))
    sql(f"DELETE FROM intervals WHERE tenant = '{PLANTED}' AND "
        "end_at > UTC_TIMESTAMP(3)")


def put_chats(sql):
    rows, n = [], 4000
    for operator, (_, _, chats, waiting, longest) in OPERATORS.items():
        for i in range(chats):
            since = ("NULL" if i >= waiting else "UTC_TIMESTAMP(3) - INTERVAL "
                     f"{longest * (waiting - i) // waiting} SECOND")
            n += 17
            rows.append((str(n), operator, since))
    for seconds in QUEUE:
        n += 17
        rows.append((str(n), None,
                     f"UTC_TIMESTAMP(3) - INTERVAL {seconds} SECOND"))
    sql("INSERT INTO chat_metrics (tenant, chat, operator, channel, "
        "customer_name, status, opened_at, messages, responses, "
        "waiting_since, as_of, version) VALUES " + ",".join(
            f"('{PLANTED}', '{chat}', {quoted(operator)}, "
            f"'{CHANNELS[(0, 0, 1, 2, 0, 3)[i % 6]]}', "
            f"{quoted(CUSTOMERS[i % len(CUSTOMERS)])}, 'open', "
            f"UTC_TIMESTAMP(3) - INTERVAL 3 HOUR, 6, 2, {since}, "
            "UTC_TIMESTAMP(3), 1)"
            for i, (chat, operator, since) in enumerate(rows)))


def put_operators(sql):
    for operator, (name, there, chats, waiting, longest) in OPERATORS.items():
        sql("INSERT INTO operator_metrics (tenant, operator, name, available, "
            "open_chats, reported_open_chats, responses, "
            "avg_response_seconds, median_response_seconds, "
            "p90_response_seconds, waiting_chats, longest_wait_seconds, as_of, "
            f"version) VALUES ('{PLANTED}', '{operator}', {quoted(name)}, "
            f"{there}, {chats}, {chats}, {2 * chats}, "
            f"{'NULL' if chats == 0 else 90 + 9 * chats}, "
            f"{'NULL' if chats == 0 else 80 + 5 * chats}, "
            f"{'NULL' if chats == 0 else 200 + 20 * chats}, {waiting}, "
            f"{longest if waiting else 'NULL'}, UTC_TIMESTAMP(3), 1)")
    sql("INSERT INTO allocation_limits (tenant, operator, channel, max_chats, "
        f"as_of, version) VALUES ('{PLANTED}', '', '', {LIMIT}, "
        "UTC_TIMESTAMP(3), 1)")
    sql("INSERT INTO tenant_metrics (tenant, operators, open_chats, "
        "unassigned_chats, waiting_chats, longest_wait_seconds, responses, "
        f"avg_response_seconds, as_of, version) SELECT '{PLANTED}', "
        f"{len(OPERATORS)}, COUNT(*), SUM(operator IS NULL), "
        "COUNT(waiting_since), TIMESTAMPDIFF(MICROSECOND, MIN(waiting_since), "
        "UTC_TIMESTAMP(3)) / 1000000, 120, 150, UTC_TIMESTAMP(3), 1 "
        f"FROM chat_metrics WHERE tenant = '{PLANTED}'")


def plant(world, sql):
    """Fills the tables and returns the zone."""
    sql("SET NAMES utf8mb4")
    zone, offset = zone_of(sql)
    put_intervals(sql, offset)
    world.list_hours(PLANTED)
    put_chats(sql)
    put_operators(sql)
    return zone


def lead():
    return token(tenant_id=PLANTED, role="lead")


def verdict_names_the_cause(test, zone):
    """The sentence, and its averages, which equal SQL's."""
    browser = test.browser
    test.enter(lead(), f"/#zone={zone}")
    test.shows(lambda: (note := browser.text("#changes-note")).startswith(
        "Slower than yesterday until 17:") and "WhatsApp" in note
        and note.endswith("14:00 to 17:00."), "the cause")
    rows = {row["Where"]: row for row in browser.rows("#changes-table")}
    test.that(list(rows)[:2] == ["14:00 to 17:00", "WhatsApp"],
              f"the causes are {list(rows)}")
    test.that(rows["14:00 to 17:00"]["Mostly"] == "WhatsApp"
              and rows["WhatsApp"]["Mostly"] == "14:00 to 17:00",
              f"when and where: {rows}")
    averages_are_sqls(test, rows["WhatsApp"], zone)


def averages_are_sqls(test, row, zone):
    """The previous period ends when the headline says so."""
    offset = -int(zone.replace("%2B", "+").removeprefix("Etc/GMT") or 0)
    until = test.browser.text("#total-average .before").split(" until ")[1][:5]
    local = f"(end_at + INTERVAL {offset} HOUR)"
    today = f"DATE(UTC_TIMESTAMP() + INTERVAL {offset} HOUR)"

    def average(condition):
        [[seconds]] = test.sql(
            "SELECT AVG(ms) / 1000 FROM intervals WHERE "
            f"tenant = '{PLANTED}' AND kind IN ('first_response', 'reply') AND "
            f"{condition} AND channel = 'whatsapp'")
        return float(seconds)

    now = f"DATE({local}) = {today}"
    before = (f"DATE({local}) = {today} - INTERVAL 1 DAY AND "
              f"TIME({local}) < '{until}'")
    is_, was = average(now), average(before)
    test.that(row["Before"] == duration(was) and row["Now"] == duration(is_)
              and row["Change"] == f"+{100 * (is_ / was - 1):.0f} %",
              f"{row} of {was}, {is_}")


def load_is_seen(test, zone):
    browser = test.browser
    test.enter(lead(), f"/#zone={zone}")
    browser.until(lambda: browser.texts("#operators-table tr.overloaded"),
                  "the limits")
    rows = browser.rows("#operators-table")
    test.that([row["Operator"] for row in rows][:2]
              == ["Oleg Marin", "Ines Duarte"]
              and rows[1]["Chats"] == f"14 of {LIMIT}",
              f"the first operators: {rows[:2]}")
    above = browser.ask("[...document.querySelectorAll('#operators-table tr')]"
                        ".filter((tr) => tr.querySelector('.above'))"
                        ".map((tr) => tr.dataset.operator)")
    test.that(above == ["11"], f"above their limit: {above}")
    for tile, text in (("available", "Oleg Marin offline, 4 wait"),
                       ("overloaded", f"Ines Duarte 14 of {LIMIT}, 6 wait")):
        test.shows(lambda: browser.text(f"#total-{tile} .before") == text,
                   text)
    test.that(browser.text("#total-overloaded .value") == "1",
              "how many are overloaded")
    by_name = {row["Operator"]: row for row in rows}
    waits = browser.rows("#waiting-table")
    for operator, shown in (("Oleg Marin", "Oleg Marin, offline"),
                            ("Ines Duarte", "Ines Duarte")):
        first = next(row["Waits"] for row in waits if row["Operator"] == shown)
        test.that(abs(seconds_of(by_name[operator]["Longest wait"])
                      - seconds_of(first)) <= 2,
                  f"{operator}: {first}, {by_name[operator]}")
    test.that(browser.text("#total-longest .before").endswith(
        "with Oleg Marin, offline · Web"), "who waits longest, and with whom")


def columns_sort(test, zone):
    """Pressing a title sorts by it, a second press restores the order."""
    browser = test.browser
    test.enter(lead(), f"/#zone={zone}")
    browser.until(lambda: browser.texts("#operators-table tr.overloaded"),
                  "the limits")
    names = [row["Operator"] for row in browser.rows("#operators-table")]
    title = "#operators-table button[data-by=Operator]"
    for want in (sorted(names, key=str.lower), names):
        browser.ask("document.querySelector(arguments[0]).click()", title)
        test.shows(lambda: [row["Operator"] for row in browser.rows(
            "#operators-table")][:4] == want[:4], f"sorted: {want}")


def today_in(zone):
    offset = -int(zone.replace("%2B", "+").removeprefix("Etc/GMT") or 0)
    return (f"DATE(end_at + INTERVAL {offset} HOUR) = "
            f"DATE(UTC_TIMESTAMP() + INTERVAL {offset} HOUR)")


def breakdown_is_sqls(test, zone):
    browser, day = test.browser, today_in(zone)
    for group in "channel", "operator":
        want = test.sql(
            f"SELECT {group}, COUNT(*), AVG(ms) / 1000 FROM intervals WHERE "
            f"tenant = '{PLANTED}' AND kind IN ('first_response', 'reply') AND "
            f"{day} GROUP BY {group} ORDER BY AVG(ms) DESC")
        names = [OPERATORS[key][0] if group == "operator" else key
                 for key, _, _ in want]
        test.enter(lead(), f"/#zone={zone}&group={group}&all=breakdown")
        test.shows(lambda: [
            [row["Name"].lower(), row["Responses"], row["Average"]]
            for row in browser.rows("#breakdown-table")] == [
                [name.lower(), n, duration(mean)]
                for name, (_, n, mean) in zip(names, want)], f"by {group}")
        waiting = [test.sql(
            "SELECT COUNT(waiting_since) FROM chat_metrics WHERE tenant = "
            f"'{PLANTED}' AND {group} = '{key}'")[0][0] for key, _, _ in want]
        test.shows(lambda: [row["Waiting now"] for row in browser.rows(
            "#breakdown-table")] == waiting, f"waiting by {group}: {waiting}")
    address = browser.ask("document.getElementById('csv').href")
    got = test.world.server.ask(
        address.removeprefix(browser.url), lead()).body.decode()
    test.that(got.startswith("\ufeff"), "Excel misreads the CSV")
    test.that(got.count("asked,") == len(want), f"CSV: {got}")
    for kind, column, shown in (
            ("unanswered", "COUNT(*)", "#summary-unanswered .value"),):
        [[n]] = test.sql(f"SELECT {column} FROM intervals WHERE tenant = "
                         f"'{PLANTED}' AND kind = '{kind}' AND {day}")
        test.shows(lambda: browser.text(shown) == n, f"{kind}: {n}")


def teams_are_sqls(test, zone):
    """Two teams share an operator."""
    want = []
    for team, operators in ("Day", "11, 12, 13"), ("Chat", "13, 14, 20"):
        [[n, mean]] = test.sql(
            "SELECT COUNT(*), AVG(ms) / 1000 FROM intervals WHERE tenant = "
            f"'{PLANTED}' AND kind IN ('first_response', 'reply') AND "
            f"{today_in(zone)} AND operator IN ({operators})")
        want.append((float(mean), [team, n, duration(mean)]))
    want = [row for _, row in sorted(want, reverse=True)]
    test.enter(lead(), f"/#zone={zone}&group=team")
    test.shows(lambda: [[row["Name"], row["Responses"], row["Average"]] for row
                        in test.browser.rows("#breakdown-table")] == want,
               f"by team: {want}")


def shares_of_the_spread(test):
    """The shares add up to all responses; none took longer than 15 minutes."""
    texts = test.browser.texts("#spread-legend strong")
    shares = [float(text.split()[0]) for text in texts]
    test.that(len(shares) == 5 and abs(sum(shares) - 100) < 0.3
              and shares[3:] == [0, 0], f"the distribution: {texts}")


def the_backlog_is_sqls(test):
    ages = [(0, 300), (300, 900), (900, 3600), (3600, 10 ** 9)]

    def want():
        return [test.sql(
            "SELECT COUNT(*) FROM chat_metrics WHERE waiting_since <= "
            f"UTC_TIMESTAMP(3) - INTERVAL {least} SECOND AND waiting_since > "
            f"UTC_TIMESTAMP(3) - INTERVAL {most} SECOND AND tenant = "
            f"'{PLANTED}'")[0][0] for least, most in ages]

    test.shows(lambda: test.browser.texts("#backlog-legend strong") == want(),
               "the backlog by age")


def the_past_is_sqls(test, zone):
    """Each figure of yesterday at this time counts what had not ended then, and
    the picture ends with the current customers, or those of the minute that has
    just begun."""
    browser = test.browser
    test.enter(lead(), f"/#zone={zone}")
    browser.until(lambda: browser.texts("#day-picture title"), "the picture")

    def was(condition):
        return int(test.sql(
            f"SELECT COUNT(*) FROM intervals WHERE tenant = '{PLANTED}' AND "
            "DATE_FORMAT(UTC_TIMESTAMP() - INTERVAL 1 DAY, '%Y-%m-%d %H:%i:00')"
            f" BETWEEN start_at AND end_at - INTERVAL 1 SECOND AND {condition}"
        )[0][0])

    def changes():
        waiting, opened = was("kind <> 'resolution'"), was("kind = 'resolution'")
        return [f"▲ +{17 - waiting} vs. yesterday",
                f"+{61 - opened} vs. yesterday"]

    test.shows(lambda: [browser.text("#total-waiting .change"),
                        browser.text("#total-open .before")] == changes(),
               "yesterday at this time")
    test.shows(lambda: re.search(
        ": 1[678] waiting, longest 4[45]m", browser.texts(
            "#day-picture title")[-1]), "the picture of the day")
    browser.ask("location.hash += '&channel=web'")
    test.shows(lambda: not browser.visible("#day-picture"),
               "no picture of all customers beside a list of some")


def what_opens_has_a_title(test, zone):
    browser = test.browser
    for link, title in (("#total-waiting .value a", "Waiting customers"),
                        ("#total-unassigned .value a",
                         "Open chats, unassigned"),
                        ("#operators-table tr:nth-child(2) td:nth-child(4) a",
                         "Waiting customers, Ines Duarte")):
        test.enter(lead(), f"/#zone={zone}")
        browser.until(lambda: browser.text(link), link)
        browser.ask("document.querySelector(arguments[0]).click()", link)
        test.shows(lambda: browser.text("#opened-title") == title, title)
    browser.until(lambda: len(browser.rows("#opened-table")) == 6, "the chats")
    waits = [row["Waits"] for row in browser.rows("#opened-table")]
    test.that(len(waits) == 6 and waits == sorted(
        waits, key=seconds_of, reverse=True), f"sorted by wait: {waits}")
    browser.ask("document.querySelector('#opened-table a').click()")
    chat = re.search("chat=(\\d+)", browser.ask("location.hash"))[1]
    test.shows(lambda: browser.ask(
        "document.getElementById('crm').href")
        == f"https://crm.example/c/{chat}" and browser.visible("#crm"),
        "the link into the CRM")


def it_fits_a_phone(test, zone):
    browser = test.browser
    test.enter(lead(), f"/#zone={zone}")
    browser.until(lambda: browser.rows("#changes-table"), "the page")
    browser.resize(375, 812)
    high, wide = browser.ask("[document.documentElement.scrollHeight, "
                             "document.documentElement.scrollWidth]")
    test.that(high < 3000 and wide <= 375, f"a phone: {wide} x {high}")
    test.that(not browser.visible("#operator")
              and not browser.visible("#responses"), "what is folded away")
    for button, node in (("filters", "#operator"), ("history", "#responses")):
        browser.ask(f"document.getElementById('{button}-button').click()")
        test.that(browser.visible(node), f"{button} opens {node}")
    test.that(browser.findings() == [], "axe: a phone")
    browser.resize(1280, 900)


def test(t):
    zone = plant(t.world, t.sql)
    verdict_names_the_cause(t, zone)
    load_is_seen(t, zone)
    columns_sort(t, zone)
    breakdown_is_sqls(t, zone)
    teams_are_sqls(t, zone)
    shares_of_the_spread(t)
    the_backlog_is_sqls(t)
    the_past_is_sqls(t, zone)
    what_opens_has_a_title(t, zone)
    it_fits_a_phone(t, zone)
    t.enter(lead(), f"/#zone={zone}")
    t.browser.until(lambda: t.browser.rows("#changes-table") and t.browser.texts(
        "tr.overloaded") and t.browser.texts("#day-picture title"), "the page")
    t.that(t.browser.findings() == [], "axe: the planted world")
    t.browser.picture("build/board", "planted")
    for table in ("intervals", "sums_due", "chat_metrics",
                  "operator_metrics", "tenant_metrics",
                  "allocation_limits"):
        t.sql(f"DELETE FROM {table} WHERE tenant = '{PLANTED}'")
