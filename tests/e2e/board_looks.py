"""board_looks: the live board with rare data: none at all, 500 operators and
200 waiting chats, numbers of seven digits, names from right to left, responses
that took hours. Called by board, with its browser and world.
"""

from api_client import token
from board_opened import seconds_of
from board_world import quoted
from browser import Keys

NOBODY, MANY = "nobody", "many"
OPERATORS = 500
WAITING = 200
FIRST = 10  # rows of a long list
NAME = "דוד ב."
SIZES = ((320, 900), (1280, 900), (2560, 1440))
# Positions of values in a row of figure boxes, and cut values.
VALUES = """[...document.querySelectorAll("#figures .figure")].map((e) => [
    Math.round(e.getBoundingClientRect().top),
    Math.round(e.children[1].getBoundingClientRect().bottom)])"""
SPILT = """[...document.querySelectorAll("#figures .figure")].filter((e) => {
    const range = document.createRange();
    range.selectNodeContents(e);
    return range.getBoundingClientRect().right
        > e.getBoundingClientRect().right - 1; }).map((e) => e.textContent)"""
# Positions of the first and the last character of a text.
ENDS = """(() => {
    const at = (text, i) => {
        const range = document.createRange();
        range.setStart(text, i);
        range.setEnd(text, i + 1);
        return range.getBoundingClientRect().left;
    };
    const walk = document.createTreeWalker(
        document.querySelector(arguments[0]), NodeFilter.SHOW_TEXT);
    const text = walk.nextNode();
    return [at(text, 0), at(text, text.length - 1)];
})()"""
# Texts that a picture cuts off.
CUT = """(() => {
    const node = document.getElementById("responses-picture");
    const box = node.getBoundingClientRect();
    return [...node.querySelectorAll("text")].filter((e) => {
        const b = e.getBoundingClientRect();
        return b.left < box.left || b.right > box.right;
    }).map((e) => e.textContent);
})()"""
# Elements that reach beyond the right edge.
TOO_WIDE = """[...document.querySelectorAll("main *")].filter((e) =>
    e.getBoundingClientRect().right > innerWidth).map((e) =>
    `${e.tagName} ${e.id || e.closest("[id]").id} ${e.textContent}`)"""
# Names that reach beyond the screen.
CUT_NAMES = """[...document.querySelectorAll("#operators-table bdi")].filter(
    (e) => e.getBoundingClientRect().right > innerWidth)
    .map((e) => e.textContent)"""
# Millions of responses that took hours.
SLOW = """(() => {
    const ask = window.fetch;
    window.fetch = async (path, ...rest) => {
        const got = await ask(path, ...rest);
        if (!/responses/.test(path))
            return got;
        const answer = await got.json();
        for (const row of answer.rows)
            Object.assign(row, { count: 1234567, avg_seconds: 80000 });
        return new Response(JSON.stringify(answer));
    };
})()"""


def visit(test, tenant, path="/"):
    test.enter(token(tenant_id=tenant, role="lead"), path)


def nothing_is_not_0(test):
    """Before the first row arrives."""
    browser = test.browser
    visit(test, NOBODY)
    for note in ("#alerts-note", "#heatmap-note", "#total-overloaded .value",
                 "#summary-count .value", "#responses-note"):
        browser.until(lambda: browser.text(note), note)
    got = browser.texts(".figure .value")
    test.that(set(got) == {"–"} and len(got) > 10, f"figures: {got}")
    test.that(browser.texts(".figure a") == [], "a dash opens something")
    for note in ("#waiting-note", "#announcement"):
        test.shows(lambda: browser.text(note) == "Nothing is stored yet.",
                   f"{note}: nothing is stored")
    test.that(browser.ask("document.title") == "Live board", "another title")
    test.shows(lambda: "or this metric is not computed."
               in browser.text("#alerts-note"),
               "alerts are not kept")
    shown = browser.ask("[...document.querySelectorAll('details, "
                        "#heatmap-legend')].filter((e) => "
                        "e.checkVisibility()).length")
    test.that(shown == 0, f"{shown} tables and legends of nothing")
    browser.picture("build/board", "nothing")


def put_many(test):
    test.sql("SET NAMES utf8mb4")
    test.sql(
        "INSERT INTO operator_metrics (tenant, operator, name, available, "
        "open_chats, responses, waiting_chats, as_of, version) SELECT "
        f"'{MANY}', seq, CONCAT('Operator ', seq), 1, 1, 0, 0, "
        f"UTC_TIMESTAMP(3), 1 FROM seq_1_to_{OPERATORS}")
    test.sql(f"UPDATE operator_metrics SET name = x'{NAME.encode().hex()}' "
             f"WHERE tenant = '{MANY}' AND operator = '1'")
    test.sql("UPDATE operator_metrics SET name = REPEAT('Konstantin', 8) "
             f"WHERE tenant = '{MANY}' AND operator = '10'")
    test.sql(
        "INSERT INTO tenant_metrics (tenant, operators, open_chats, "
        "unassigned_chats, waiting_chats, responses, avg_response_seconds, "
        f"as_of, version) VALUES ('{MANY}', {OPERATORS}, 1234567, 7654321, "
        f"0, 2345678, 123456, UTC_TIMESTAMP(3), 1)")
    test.world.put_chat(MANY, "1", 5, "1", "web", NAME)


def figures_fit(test):
    """Boxes next to each other align their values."""
    browser = test.browser
    for path in ("/", "/#wall"):
        visit(test, MANY, path)
        for size in SIZES:
            browser.resize(*size)
            spilt = browser.ask(SPILT)
            test.that(spilt == [], f"{path} {size}: {spilt} do not fit")
            cut = browser.ask(CUT_NAMES)
            test.that(cut == [], f"{path} {size}: {cut} are cut")
            rows = {}
            for top, bottom in browser.ask(VALUES):
                rows.setdefault(top, set()).add(bottom)
            test.that(all(len(lines) == 1 for lines in rows.values()),
                      f"{path} {size}: values stand at {rows}")
            browser.picture("build/board", f"{size[0]}-many"
                            + ("-wall" if "wall" in path else ""))
    browser.resize(*SIZES[1])


def names_run_their_way(test):
    """A name in a right-to-left script begins at its right and ends at its
    left, including its full stop."""
    visit(test, MANY)
    for cell in ("#operators-table tbody tr:first-child th",
                 "#waiting-table tbody tr:first-child td:nth-child(3)"):
        test.shows(lambda: (at := test.browser.ask(ENDS, cell))[0] > at[1],
                   f"{cell} begins at its right")


def put_waiting(test):
    test.sql(
        "INSERT INTO chat_metrics (tenant, chat, status, messages, responses, "
        "operator, channel, waiting_since, opened_at, as_of, version) SELECT "
        f"'{MANY}', 1000 + seq, 'open', 1, 1, seq, 'web', UTC_TIMESTAMP(3) - "
        "INTERVAL 100 + seq SECOND, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), 1 "
        f"FROM seq_1_to_{WAITING - 1}")
    test.sql(f"UPDATE operator_metrics SET waiting_chats = 1, "
             f"longest_wait_seconds = 100 + operator WHERE tenant = '{MANY}' "
             f"AND operator < {WAITING}")
    test.sql("INSERT INTO allocation_limits (tenant, operator, channel, "
             f"max_chats, as_of, version) VALUES ('{MANY}', '', '', 3, "
             f"UTC_TIMESTAMP(3), 1), ('{MANY}', '77', '', 9, "
             "UTC_TIMESTAMP(3), 1)")
    test.sql("INSERT INTO alerts (tenant, started_at, user_id, rule, messages, "
             f"threshold, as_of) SELECT '{MANY}', UTC_TIMESTAMP(3) - INTERVAL "
             "seq MINUTE, seq, 'minute', 11, 8, UTC_TIMESTAMP(3) FROM "
             "seq_1_to_30")
    test.sql(f"UPDATE tenant_metrics SET waiting_chats = {WAITING}, version = "
             f"version + 1 WHERE tenant = '{MANY}'")


LONG = {"waiting": WAITING, "operators": OPERATORS, "alerts": 30}


def shown(test):
    return {name: len(test.browser.rows(f"#{name}-table")) for name in LONG}


def long_lists_push_nothing_away(test):
    """The most urgent rows, and all of them after a button is pressed, until it
    is pressed again."""
    browser = test.browser
    visit(test, MANY)
    test.shows(lambda: shown(test) == dict.fromkeys(LONG, FIRST), "the lists")
    high = browser.ask("document.documentElement.scrollHeight")
    test.that(high < 4 * SIZES[1][1], f"the board is {high} px high")
    test.shows(lambda: browser.text("#waiting-note")
               == f"{FIRST} of {WAITING} are shown.", "how many are shown")
    for name, cell, want in (("waiting", "Chat", 1000 + WAITING - 1),
                             ("operators", "Operator", "Operator 199")):
        test.shows(lambda: browser.rows(f"#{name}-table")[0][cell]
                   == str(want), f"the first of {name}: {want}")
    test.that("Assigned in 24 h" not in browser.rows("#operators-table")[0],
              "chats were assigned by nobody")
    for name, rows in LONG.items():
        a_button_shows_all(test, name, rows)
    test.that(browser.findings() == [], "axe: long lists")


def a_button_shows_all(test, name, rows):
    """By keyboard; the address keeps the setting."""
    browser, button = test.browser, f"{name}-all"

    def is_shown(n):
        return (len(browser.rows(f"#{name}-table")) == n
                and browser.ask("document.getElementById(arguments[0])"
                                ".ariaExpanded", button)
                == ("false" if n == FIRST else "true"))

    # The page may have been reloaded, and each list arrives separately.
    browser.until(lambda: browser.text("#" + button) == f"Show all ({rows})",
                  f"the button of {name}")
    browser.ask("document.getElementById(arguments[0]).focus()", button)
    browser.press(Keys.ENTER)
    browser.until(lambda: is_shown(rows), f"all of {name}")
    test.shows(lambda: browser.ask("[document.activeElement.id, "
                                   "location.hash]")
               == [button, f"#all={name}"], f"{name}: its button, its address")
    visit(test, MANY, f"/#all={name}")
    browser.until(lambda: is_shown(rows), f"all of {name} by address")
    browser.ask("document.getElementById(arguments[0]).focus()", button)
    browser.press(Keys.SPACE)
    browser.until(lambda: is_shown(FIRST), f"the first of {name}")


def a_wall_needs_no_scrolling(test):
    """Rows are not cut, and a note gives their total."""
    browser = test.browser
    visit(test, MANY, "/#wall")
    for size in (*SIZES, (1920, 1080), (1280, 720)):
        browser.resize(*size)
        test.shows(lambda: fits(browser, size)
                   and (size[1] < 900 or rows_seen(browser) > 0),
                   f"a wall of {size} needs no scrolling, and says how many "
                   "rows it shows")
        browser.picture("build/board", f"{size[0]}-{size[1]}-many-waiting")
    browser.resize(*SIZES[1])


def rows_seen(browser):
    return browser.ask("[...document.querySelectorAll('#waiting-table tbody "
                       "tr')].filter((e) => e.checkVisibility()).length")


def fits(browser, size):
    n = rows_seen(browser)
    return (browser.ask("document.documentElement.scrollHeight") <= size[1]
            and browser.text("#waiting-note") == (
                f"{n} of {WAITING} are shown." if n > 0
                else f"None of {WAITING} is shown."))


def pictures_are_whole(test):
    browser = test.browser
    with browser.first_running(SLOW):
        test.visit("lead", "/#range=2d")
        for size in SIZES:
            browser.resize(*size)
            browser.until(lambda: browser.rows("#responses-table"), "the rows")
            if not browser.visible("#responses"):
                browser.ask("document.getElementById('history-button')"
                            ".click()")
            browser.until(lambda: browser.texts("#responses-picture text"),
                          "the picture")
            cut = browser.ask(CUT)
            test.that(cut == [], f"{size}: {cut} are cut")
    browser.resize(*SIZES[1])


def the_queue_counts(test):
    """Its longest wait is that of the customer who waits longest, in an
    unassigned chat."""
    browser = test.browser
    test.visit("lead")
    queue = "#total-unassigned .before"
    first = browser.until(lambda: browser.text(queue), "the queue")
    browser.until(lambda: browser.text(queue) != first, "the queue to count")

    def apart():
        waits, total = browser.ask(
            "['unassigned .before', 'longest .value'].map((one) => document"
            ".querySelector(`#total-${one}`).textContent)")
        return abs(seconds_of(waits.split(", ")[1]) - seconds_of(total))

    # If the queue's answer set the clock, the total follows within a second.
    test.shows(lambda: apart() <= 1, "the longest wait is that of the queue")
    free = browser.ask(
        "[...document.querySelectorAll('#operators-table tbody tr')].map("
        "(tr) => [tr.cells[1].textContent, tr.querySelectorAll('.free')"
        ".length])")
    test.that(all(n == 0 for there, n in free if there != "online")
              and any(n > 0 for there, n in free),
              f"slots of operators who are offline are free: {free}")


def it_fits_between(test):
    """On a tablet, and on paper, where nothing can be selected."""
    browser = test.browser
    test.visit("lead", "/#range=7d")
    test.all_is_answered()
    browser.until(lambda: browser.rows("#heatmap-table"), "the pictures")
    for width in range(600, 1240, 40):
        browser.resize(width, 900)
        wide = browser.ask("document.documentElement.scrollWidth")
        test.that(wide <= width, f"at {width} px the board has {wide}: "
                  + str(browser.ask(TOO_WIDE) if wide > width else ""))
    browser.resize(*SIZES[1])
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                   {"media": "print"})
    test.shows(lambda: not browser.visible("#settings"),
               "the form is not printed")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                   {"media": ""})


def a_title_in_focus_is_whole(test):
    # A day that has just begun has no responses
    test.visit("lead", "/#range=7d")
    # Hidden until its answer has arrived.
    test.browser.until(lambda: test.browser.rows("#responses-table"),
                       "the responses")
    test.browser.press("5")
    test.shows(lambda: test.browser.focused() == "responses-title",
               "the title is in focus")
    top = test.browser.ask("document.activeElement.getBoundingClientRect()"
                           ".top")
    test.that(top >= 5, f"the ring of a title is cut: {top} px from the edge")


def test(t):
    nothing_is_not_0(t)
    put_many(t)
    figures_fit(t)
    names_run_their_way(t)
    put_waiting(t)
    long_lists_push_nothing_away(t)
    a_wall_needs_no_scrolling(t)
    for table in ("operator_metrics", "tenant_metrics", "chat_metrics",
                  "allocation_limits", "alerts"):
        t.sql(f"DELETE FROM {table} WHERE tenant = {quoted(MANY)}")
    pictures_are_whole(t)
    the_queue_counts(t)
    it_fits_between(t)
    a_title_in_focus_is_whole(t)
