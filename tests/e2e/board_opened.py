"""board_opened: the data behind the live board's figures: each opens its
intervals, which sum to it; an interval opens its chat, and a message in it; a
permalink shows the current figure. Called by board, with its browser and world.
"""

import re

from browser import Keys
from report_page import duration

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(text):
    """1m33s or 1h02m on the page, in whole seconds."""
    parts = re.findall(r"([\d.]+)([smhd])", text)
    if "".join(n + unit for n, unit in parts) != text or not parts:
        raise ValueError(f"no duration: {text}")
    return sum(int(float(n)) * UNITS[unit] for n, unit in parts)


def shown(test):
    """The rows behind a figure, all pages: {column: text}."""
    browser = test.browser
    browser.until(lambda: browser.text("#opened-note"), "what is behind")
    while not browser.ask("document.getElementById('more').hidden"):
        before = browser.text("#opened-note")
        browser.ask("document.getElementById('more').click()")
        browser.until(lambda: browser.text("#opened-note") != before,
                      "more of it")
    return browser.rows("#opened-table")


def expect_another(browser):
    """Makes shown() wait for a new list."""
    browser.ask("document.getElementById('opened-note').textContent = ''")


def opened(test, link):
    """Clicks the first link that the selector matches."""
    browser = test.browser
    browser.until(lambda: browser.text(link), link)
    expect_another(browser)
    value = browser.ask(
        "(() => { const a = document.querySelector(arguments[0]); "
        "a.click(); return a.textContent; })()", link)
    return value, shown(test)


def close(test):
    test.browser.press(Keys.ESCAPE)
    test.browser.until(lambda: test.browser.ask(
        "!document.getElementById('opened').open && "
        "!/figure=|chats=|chat=/.test(location.hash)"), "it to close")


def average(ms, n):
    """As on the page: the server rounds the average to ms."""
    return duration((2 * ms + n) // (2 * n) / 1000)


def sums_to_it(test, link, what):
    """what: "count" or "average" of the figure in the link."""
    value, rows = opened(test, link)
    ms = sum(round(1000 * float(row["Seconds"])) for row in rows)
    text = test.browser.text
    test.that(len(rows) == int(text("#opened-count .value"))
              and text("#opened-note").startswith(f"{len(rows)} in all")
              and text("#opened-sum .value") == duration(ms / 1000),
              f"{link}: {len(rows)} rows, {ms} ms: {text('#opened-note')}")
    good = (len(rows) == int(value) if what == "count" else
            rows and value == average(ms, len(rows)))
    test.that(good and rows, f"{link} is {value}: {len(rows)} rows, {ms} ms")
    [[n, sum_ms]] = test.sql(
        "SELECT COUNT(*), SUM(ms) FROM intervals WHERE withdrawn = 0 AND "
        "CONCAT(chat, ' ', ms) IN ("
        + ",".join(f"'{row['Chat']} {round(1000 * float(row['Seconds']))}'"
                   for row in rows) + ")")
    test.that([int(n), int(sum_ms)] == [len(rows), ms],
              f"{link}: SQL has {n} and {sum_ms} ms of them")
    leads_to_its_message(test, rows[0])
    close(test)


def timeline_is_there(test, chat):
    test.browser.until(lambda: test.browser.ask(
        "!document.getElementById('timeline').hidden && "
        "!document.getElementById('timeline-table').hidden")
        and test.browser.text("#opened-title") == f"Chat {chat}",
                       f"the timeline of chat {chat}")


def leads_to_its_message(test, row):
    browser = test.browser
    browser.ask("document.querySelector('#opened-table a').click()")
    timeline_is_there(test, row["Chat"])
    marked = browser.texts("#timeline-table tr.marked td:last-child")
    test.that(len(marked) == 1
              and f"{row['Kind']} {row['Took']}" in marked[0],
              f"{row} leads to {marked}")
    browser.ask("document.getElementById('back').click()")
    browser.until(lambda: not browser.ask(
        "document.getElementById('behind').hidden"), "the figure again")


def operators_that_responded(test):
    """Links up to that column, in rows whose order changes while customers
    wait."""
    return [f"#operators-table tr[data-operator='{operator}'] "
            "td:nth-child({}) a" for [operator] in test.sql(
        "SELECT operator FROM operator_metrics WHERE tenant = 'acme' AND "
        "responses > 0 ORDER BY operator")]


def ten_figures_open(test):
    test.visit("lead", "/#range=7d")
    figures = [("#total-average a", "mean"),
               ("#summary-count a", "count")]
    for link, what in zip(operators_that_responded(test),
                          ("count", "mean", "count")):
        figures.append((link.format(6 if what == "count" else 7), what))
    for row, column, what in ((1, 2, "count"), (4, 3, "mean"),
                              (4, 4, "mean"), (6, 2, "count")):
        figures.append((f"#responses-table tbody tr:nth-child({row}) "
                        f"td:nth-child({column}) a", what))
    for link, what in figures:
        sums_to_it(test, link, what)
    an_hour_of_the_week_opens(test)
    the_span_before_opens(test)
    chats_open(test)
    chats_of_teams_open(test)


def pages_come_once(test):
    """However often the button is pressed before the next page arrives."""
    test.visit("lead", "/#range=28d")
    browser = test.browser
    browser.until(lambda: browser.text("#summary-count a"), "the figure")
    expect_another(browser)
    browser.ask("document.querySelector('#summary-count a').click()")
    browser.until(lambda: browser.text("#opened-note"), "the first page")
    test.that(not browser.ask("document.getElementById('more').hidden"),
              "one page has all of them")
    before = browser.text("#opened-note")
    browser.ask("[1, 2, 3].forEach(() => "
                "document.getElementById('more').click())")
    browser.until(lambda: browser.text("#opened-note") != before,
                  "the second page")
    rows = shown(test)
    test.that(len(rows) == int(browser.text("#opened-count .value")),
              f"{len(rows)} rows of {browser.text('#opened-count .value')}")
    close(test)


def an_hour_of_the_week_opens(test):
    value, rows = opened(test, "#heatmap-table a")
    mean, n = value.split(", ")
    ms = sum(round(1000 * float(row["Seconds"])) for row in rows)
    test.that(len(rows) == int(n)
              and mean == average(ms, len(rows)),
              f"the heat map has {value}: {len(rows)} rows, {ms} ms")
    close(test)


def the_span_before_opens(test):
    value, rows = opened(test, "#summary-count .before a")
    test.that(value.endswith(f": {len(rows)}") and rows,
              f"{value}: {len(rows)} rows")
    close(test)


def chats_open(test):
    for link in ("#total-waiting a", "#total-open a", "#total-unassigned a",
                 "#total-unassigned .before a"):
        as_many_chats(test, link)
    late_chats_open(test)
    a_wait_goes_on(test)
    responses_of_a_chat_open(test)


def late_chats_open(test):
    """Late chats, not all waiting ones; another may become late meanwhile. The
    page's clock may be two seconds fast, or slow until it advances."""
    def late(seconds):
        [[n]] = test.sql(
            "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'acme' AND "
            f"waiting_since <= UTC_TIMESTAMP(3) - INTERVAL {seconds} SECOND")
        return int(n)

    before = late(300)
    link = "#total-waiting .before a"
    value, rows = opened(test, link)
    test.that(before <= len(rows) <= late(300)
              and int(value.split()[0]) <= late(298),
              f"late: {value}, {before} to {late(300)}, {len(rows)}")
    close(test)
    test.shows(lambda: len(rows) <= int(test.browser.text(link).split()[0])
               <= late(298), f"as many are late: {len(rows)}")


def as_many_chats(test, link):
    value, rows = opened(test, link)
    test.that(len(rows) == int(value.split(" ")[0]),
              f"{link}: {value}, {len(rows)}")
    close(test)


def a_wait_goes_on(test):
    """In the last row of its chat's timeline."""
    browser = test.browser
    [[chat, operator, least]] = test.sql(
        "SELECT c.chat, o.name, TIMESTAMPDIFF(SECOND, waiting_since, "
        "UTC_TIMESTAMP(3)) FROM chat_metrics c JOIN operator_metrics o USING "
        "(tenant, operator) WHERE tenant = 'acme' ORDER BY "
        "waiting_since IS NULL, waiting_since LIMIT 1")
    link = f"#waiting-table tr[data-chat='{chat}'] a"
    browser.until(lambda: browser.text(link), link)
    browser.ask("document.querySelector(arguments[0]).click()", link)
    timeline_is_there(test, chat)
    last = browser.rows("#timeline-table")[-1]
    test.that(browser.texts("#timeline-table tr.marked td:last-child")
              == [last["Ends"]], f"{chat}: {last} is not marked")
    words, waits = last["Ends"].rsplit(" ", 1)
    test.that([last["Message"], words] == ["no answer yet", "still waiting"]
              # The page's clock may be slow until it advances.
              and seconds_of(waits) >= int(least) - 2,
              f"{chat} waits for {least} seconds: {last}")
    note = browser.text("#timeline-note")
    test.that(note.startswith(f"Open, assigned to {operator}, opened 20"),
              f"{chat}, of {operator}: {note}")
    browser.picture("build/board", "timeline")
    close(test)


def chats_of_teams_open(test):
    test.visit("lead", "/#range=7d", teams=["support"])
    for link in ("#total-waiting a", "#total-open a", "#total-unassigned a"):
        as_many_chats(test, link)


def responses_of_a_chat_open(test):
    """Responses of its current episode."""
    _, chats = opened(test, "#total-waiting a")
    column = list(chats[0]).index("Responses") + 1
    chat = chats[0]["Chat"]
    _, rows = opened(test, "#opened-table tbody tr:first-child "
                           f"td:nth-child({column}) a")
    test.that(rows and {row["Chat"] for row in rows} == {chat}
              and test.browser.text("#opened-problem") == ""
              and test.browser.text("#opened-count .value") == str(len(rows)),
              f"the responses of {chat}: {rows}, "
              + test.browser.text("#opened-problem"))
    close(test)


def the_keyboard_opens(test):
    browser = test.browser
    link = operators_that_responded(test)[-1].format(6)
    browser.ask("document.querySelector(arguments[0]).focus()", link)
    expect_another(browser)
    browser.press(Keys.ENTER)
    rows = shown(test)
    test.shows(lambda: browser.focused() == "opened-title", "the focus inside")
    browser.press(Keys.TAB)
    test.shows(lambda: browser.focused() == "permalink", "Tab leads to a link")
    browser.press(Keys.TAB)
    browser.press(Keys.ENTER)
    timeline_is_there(test, rows[0]["Chat"])
    close(test)
    test.shows(lambda: browser.ask("document.activeElement === "
                                   "document.querySelector(arguments[0])",
                                   link), "the focus is back when it closes")


def back_leads_to_the_link(test):
    """"Back" returns to the link that was followed."""
    browser = test.browser
    test.visit("lead", "/#range=7d")
    opened(test, "#summary-count a")
    link = "document.querySelectorAll('#opened-table a')[3]"
    browser.ask(link + ".focus()")
    browser.press(Keys.ENTER)
    browser.until(lambda: browser.visible("#timeline-table")
                  and browser.focused() == "opened-title", "the chat")
    browser.ask("document.getElementById('back').focus()")
    browser.press(Keys.ENTER)
    test.shows(lambda: browser.ask(f"document.activeElement === {link}"),
               "the focus is back at the link")
    close(test)


def a_wall_opens_nothing(test):
    """A wall opens no figures, because they contain names."""
    browser = test.browser
    for query in "chats=open%3D1", "chat=9000", "figure=from%3D24h":
        test.visit("lead", "/#wall&" + query)
        test.that(not browser.ask("document.getElementById('opened').open"),
                  f"{query} opens on a wall")


def a_permalink_shows_what_is_now(test):
    opened(test, "#summary-count a")
    address = test.browser.ask(
        "document.getElementById('permalink').getAttribute('href')")
    rows = shown(test)
    ms = sum(round(1000 * float(row["Seconds"])) for row in rows)
    gone_ms = change_the_past(test, rows)
    test.browser.open(address.removeprefix("."))
    now = shown(test)
    got = len(now), sum(round(1000 * float(row["Seconds"])) for row in now)
    test.that(got == (len(rows), ms - gone_ms + 5000 + 7777),
              f"the permalink shows {got} of {len(rows)}, {ms}")
    test.browser.picture("build/board", "permalink")
    test.that(test.browser.findings() == [], "axe: the permalink")
    close(test)


def change_the_past(test, rows):
    """Withdraws one, corrects one, adds a late one. Returns the ms that were
    removed."""
    gone = 0
    for row, change in ((rows[0], "withdrawn = 1"), (rows[1], "ms = 5000")):
        ms = round(1000 * float(row["Seconds"]))
        gone += ms
        test.sql(f"UPDATE intervals SET {change}, version = 900000 "
                 f"WHERE chat = '{row['Chat']}' AND ms = {ms}")
    test.sql("INSERT INTO intervals (tenant, end_at, chat, message, kind, "
             "start_at, operator, ms, withdrawn, as_of, version) SELECT "
             "tenant, end_at, 'late', 'm', 'reply', start_at, '1', 7777, 0, "
             f"as_of, 900001 FROM intervals WHERE chat = '{rows[1]['Chat']}' "
             "AND ms = 5000 LIMIT 1")
    test.world.list_hours(test.world.tenant)
    return gone


LONG = 2600  # messages, more than one answer has


def put_long_chat(test):
    """A chat whose answer ends with the last message but one, and which was
    closed twice."""
    begin = "UTC_TIMESTAMP() - INTERVAL 20 DAY"
    at = f"{begin} + INTERVAL {{}} MINUTE"
    test.sql(
        "INSERT INTO messages (tenant, created_at, conversation_id, "
        f"message_id, sender, channel) SELECT 'acme', {at.format('seq')}, "
        f"'long', CONCAT('m', seq), 'customer', 'web' FROM seq_1_to_{LONG}")
    for end, message, kind, start in (
            (f"(SELECT created_at FROM messages WHERE message_id = 'm{n}')",
             f"m{n}", "reply", at.format(n - 1)) if n else
            (at.format(minutes + 0.5), "", "resolution", begin)
            for n, minutes in ((LONG - 1, 0), (LONG // 2, 0), (0, 60),
                               (0, LONG - 30))):
        test.sql(
            "INSERT INTO intervals (tenant, end_at, chat, message, kind, "
            "start_at, operator, ms, as_of, version) VALUES ('acme', "
            f"{end}, 'long', '{message}', '{kind}', {start}, '1', 60000, "
            "UTC_TIMESTAMP(3), 1)")


def texts_of(test, column):
    return [row[column] for row in test.browser.rows("#timeline-table")]


def a_long_chat_leads_to_its_messages(test):
    """To any of its messages; buttons load the others."""
    put_long_chat(test)
    browser = test.browser
    for n in (LONG - 1, LONG // 2):
        test.visit("lead", "/#figure=kind%3Dresponse%26chat%3Dlong"
                           "%26from%3D28d")
        rows = shown(test)
        test.that(len(rows) == 2, f"{rows}")
        browser.ask("document.querySelectorAll('#opened-table a')"
                    f"[{int(n != LONG - 1)}].click()")
        timeline_is_there(test, "long")
        test.that(browser.texts("#timeline-table tr.marked td:last-child")
                  == ["reply 1m00s"], f"m{n} is not marked")
        test.that("a message that is not stored"
                  not in texts_of(test, "Message"), f"m{n} is not stored")
    the_rest_is_behind_buttons(test)
    nothing_is_chosen_where_nothing_was(test)
    for table in ("messages WHERE conversation_id", "intervals WHERE chat"):
        test.sql(f"DELETE FROM {table} = 'long'")


def the_rest_is_behind_buttons(test):
    """From the middle to both ends."""
    browser = test.browser
    note = browser.text("#timeline-note")
    test.that(note.endswith("2000 of more messages."), note)
    for button, want in (("earlier", "The first 1299 messages."),
                         ("later", "2000 of more messages."),
                         ("later", "The last 1303 messages.")):
        browser.ask("document.getElementById(arguments[0]).click()", button)
        test.shows(lambda: browser.text("#timeline-note").endswith(want),
                   f"{button}: {want}")
    test.that(browser.visible("#earlier") and not browser.visible("#later"),
              "which buttons there are")


def nothing_is_chosen_where_nothing_was(test):
    """Shows the last messages, with no closing marked."""
    browser = test.browser
    test.visit("lead", "/#chat=long")
    timeline_is_there(test, "long")
    test.that("the chat was closed" in texts_of(test, "Message")
              and browser.texts("#timeline-table [aria-current]") == [],
              "a closing is marked")
    test.that(browser.text("#timeline-note").endswith("The last 1000 "
                                                      "messages."),
              browser.text("#timeline-note"))
    test.visit("lead", "/#chat=long&message=m1")
    timeline_is_there(test, "long")
    test.that("chosen is none of them" in browser.text("#timeline-note"),
              browser.text("#timeline-note"))
    close(test)


def test(t):
    ten_figures_open(t)
    pages_come_once(t)
    the_keyboard_opens(t)
    back_leads_to_the_link(t)
    a_wall_opens_nothing(t)
    a_long_chat_leads_to_its_messages(t)
    a_permalink_shows_what_is_now(t)
