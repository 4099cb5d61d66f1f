"""board_faults: late, missing and invalid answers of the live board: the page
shows data of the present selection, or says what is wrong. Called by board,
with its browser and world.
"""

import json
import re
import signal
import time

import board_opened
from harness import say

# Holds answers to matching addresses until they are released.
HOLD = """(() => {
    const ask = window.realFetch ?? window.fetch;
    const held = new RegExp(arguments[0]);
    window.realFetch = ask;
    window.asked = [];
    window.holding = 0;
    window.letGo = new Promise((done) => { window.release = done; });
    window.fetch = async (path, ...rest) => {
        window.asked.push(path);
        const got = await ask(path, ...rest);
        if (!held.test(path))
            return got;
        window.holding++;
        await window.letGo;
        setTimeout(() => { window.holding--; });
        return got;
    };
})()"""
# Answers matching requests with 503.
REFUSE = """(() => {
    const ask = window.realFetch ?? window.fetch;
    const bad = new RegExp(arguments[0]);
    window.realFetch = ask;
    window.fetch = async (path, ...rest) => bad.test(path)
        ? new Response('{"detail": "not now"}', { status: 503 })
        : ask(path, ...rest);
})()"""
# Refuses the first stream; then the user returns to the page twice.
# window.streams has all streams.
STREAMS = """(() => {
    const Real = window.EventSource;
    window.streams = [];
    window.EventSource = class extends Real {
        constructor(url) {
            super(window.streams.length === 0 ? "/none" : url);
            if (window.streams.push(this) > 1)
                return;
            this.addEventListener("error", () => setTimeout(() =>
                [1, 2].forEach(() => dispatchEvent(new PageTransitionEvent(
                    "pageshow", { persisted: true })))));
        }
    };
})()"""
# Makes timers of minutes run faster.
HASTE = """(() => {
    const real = window.setTimeout;
    window.setTimeout = (work, ms, ...rest) =>
        real(work, ms > 60000 ? ms / 100 : ms, ...rest);
})()"""
# A proxy whose server is down answers like this.
PROXY = REFUSE.replace("""'{"detail": "not now"}'""", "'<html>502</html>'")
FREE = "window.fetch = window.realFetch"


def choose(test, some):
    test.browser.ask("location.hash = arguments[0]", some)


def answer_of(test, path):
    got = test.world.server.ask(path, test.world.token("lead"))
    return json.loads(got.body)


def an_older_answer_is_dropped(test):
    """One operator's answer arrives after that of the next selected one."""
    browser = test.browser
    span = "range=28d&zone=UTC"
    test.visit("lead", "/#" + span)
    browser.until(lambda: browser.text("#summary-count .value"), "figures")
    browser.ask(HOLD, r"operator=1\b")
    choose(test, f"operator=1&{span}")
    browser.until(lambda: browser.ask("holding") >= 6, "the first requests")
    choose(test, f"operator=2&threshold=60&{span}")
    browser.until(lambda: browser.text("#total-within dt")
                  .startswith("Answered within 1m00s"), "the second ones' answer")
    browser.ask("release()")
    browser.until(lambda: browser.ask("holding") == 0, "the first answers")
    path = browser.ask("asked.findLast((p) => /operator=2.*within_seconds=60"
                       "&by=total$/.test(p))")
    [row] = [row for row in answer_of(test, path)["rows"]
             if row["span"] == "asked"]
    # Its answer may come after that of the figures.
    test.shows(lambda: sum(
        int(cell.split(", ")[1]) for hour in browser.rows("#heatmap-table")
        for cell in list(hour.values())[1:] if ", " in cell) == row["count"],
        f"the heat map of the second operator: {row}")
    test.that(browser.text("#summary-count .value") == str(row["count"])
              and browser.text("#total-within dt").startswith(
                  "Answered within 1m00s"),
              f"the figures are those of another operator, not {row}")


def visible(test, section):
    return test.browser.ask(
        "[...document.querySelectorAll(`#${arguments[0]} :is(dl, svg, "
        "table, ul)`)].filter((e) => e.checkVisibility()).length", section)


def what_is_refused_says_so(test):
    """Figures of an earlier selection disappear."""
    browser = test.browser
    test.visit("lead", "/#range=7d")
    for section in ("responses", "heatmap", "alerts"):
        browser.until(lambda: visible(test, section), section)
    choose(test, "range=2026-11-20..2026-11-01")
    test.shows(lambda: visible(test, "responses") == 0
               and "from must be before to" in browser.text("#responses-note"),
               "why there are no figures")
    choose(test, "range=28d")
    browser.until(lambda: visible(test, "responses"), "other figures")
    browser.ask(REFUSE, "/(responses|heatmap|alerts)")
    choose(test, "range=90d")
    for section in ("responses", "heatmap", "alerts"):
        browser.until(lambda: visible(test, section) == 0
                      and browser.text(f"#{section}-note") == "not now",
                      f"{section} to say that it failed")
    browser.ask(FREE)
    for section in ("responses", "heatmap", "alerts"):
        browser.until(lambda: visible(test, section) > 0,
                      f"{section} to be asked for again")
    browser.complaints()


def what_is_no_json_is_a_sentence(test):
    browser = test.browser
    test.visit("lead", "/#range=7d")
    browser.until(lambda: visible(test, "responses"), "the figures")
    browser.ask(PROXY, "/responses")
    choose(test, "range=28d")
    test.shows(lambda: "503, is not from this server"
               in browser.text("#responses-note"), "what a proxy answers")
    browser.ask(FREE)
    browser.complaints()


# The scroll position of a viewer who has scrolled down.
TOP = """(() => {
    scrollTo(0, document.documentElement.scrollHeight);
    return document.getElementById("problem").getBoundingClientRect().top;
})()"""


def an_open_page_says_that_the_database_is_away(test):
    """Soon, at the top, until the database is back."""
    browser = test.browser
    test.visit("lead", "/#range=7d")
    browser.until(test.waiting, "rows")
    test.that(not browser.visible("#problem"), "a problem without a reason")
    test.world.door.shut()
    start = time.monotonic()
    browser.until(lambda: browser.visible("#problem"), "the message")
    took = time.monotonic() - start
    say(f"the page said that the database is unavailable after {took:.2f} s")
    test.that(took < 10, f"it took {took:.2f} s")
    text = browser.text("#problem")
    test.that(re.fullmatch(
        r"Nothing new is shown: the database is unavailable\. The figures are as of "
        r"\d\d:\d\d:\d\d\.", text), f"the message: {text}")
    test.that(browser.ask(TOP) == 0, "the message is not at the top")
    test.that(len(test.waiting()) > 0, "what was there is gone")
    browser.picture("build/board", "database-away")
    test.world.door.open()
    test.shows(lambda: not browser.visible("#problem"),
               "the message goes when the database is back")
    browser.complaints()


def a_database_that_is_away_is_said(test):
    """For a page that is opened meanwhile; it shows everything once the
    database is back."""
    browser = test.browser
    test.world.door.shut()
    browser.log_in(test.world.token("lead"))
    browser.open("/")
    browser.until(lambda: browser.text("#problem"), "the reason")
    since = browser.ask("performance.now()")
    seen = set()
    browser.until(lambda: seen.add((
        browser.text("#connection"), browser.text("#problem") != ""))
        or browser.ask("performance.now()") > since + 12000, "some time")
    test.that(seen <= {("connecting", True), ("disconnected", True)}
              and ("disconnected", True) in seen, f"the page was {seen}")
    test.world.door.open()
    test.shows(lambda: browser.text("#connection") == "live"
               and test.waiting() and not browser.visible("#problem"),
               "all is there again")
    browser.complaints()


def one_stream_is_open(test):
    """A user who returns soon after a refused stream does not get two streams,
    nor does one who returns twice."""
    browser = test.browser
    with browser.first_running(STREAMS):
        browser.log_in(test.world.token("lead"))
        browser.open("/")
        browser.until(lambda: browser.text("#connection") == "live",
                      "another stream")
        since = browser.ask("performance.now()")
        # Longer than the pause before the next attempt.
        browser.until(lambda: browser.ask("performance.now()") > since + 7000,
                      "the time to start again")
    states = browser.ask("streams.map((one) => one.readyState)")
    test.that(states == [2, 1], f"states of the streams: {states}")
    browser.complaints()


def a_silent_stream_is_noticed(test):
    """The server hangs with its connections open."""
    browser, server = test.browser, test.world.server.process
    with browser.first_running(HASTE):
        test.visit("lead")
        server.send_signal(signal.SIGSTOP)
        try:
            browser.until(
                lambda: browser.text("#connection") == "disconnected",
                "the board to notice")
            test.that(len(test.waiting()) > 0, "what was there is gone")
        finally:
            server.send_signal(signal.SIGCONT)
        browser.until(lambda: browser.text("#connection") == "live",
                      "the board to be live again")
    browser.complaints()


def the_servers_clock_counts(test):
    """Also if the computer's clock is set while the page is open."""
    browser = test.browser
    test.visit("lead")
    browser.until(test.waiting, "rows")
    browser.ask("(() => { const real = Date.now; "
                "Date.now = () => real() + 3600000; })()")
    choose(test, "threshold=600")
    browser.until(lambda: browser.text("#total-within dt")
                  .startswith("Answered within 10m00s"), "the next answers")
    # A busy browser measures late, but not by an hour.
    test.shows(
        lambda: abs(board_opened.seconds_of(test.waiting()[0]["Waits"]) - int(
            test.sql("SELECT TIMESTAMPDIFF(SECOND, MIN(waiting_since), "
                     "UTC_TIMESTAMP(3)) FROM chat_metrics")[0][0])) <= 60,
        "who waits longest waits as long as SQL says")


def what_fails_shows_no_other(test):
    """Neither the previous figure nor the previous chat is shown; opening it
    again sends a new request."""
    browser = test.browser
    browser.ask(REFUSE, "/(figure|timeline)")
    figure, chat = (browser.ask(
        "document.querySelector(arguments[0]).getAttribute('href')", link)
        for link in ("#operators-table td:nth-child(6) a",
                     "#waiting-table a"))
    for address, nothing in ((figure, "#opened-figures"),
                             (chat, "#timeline-table")):
        browser.ask("(() => { document.getElementById('opened-problem')"
                    ".textContent = ''; location.assign(arguments[0]); })()",
                    address)
        browser.until(lambda: browser.text("#opened-problem") == "not now",
                      "what is wrong")
        test.that(not browser.visible(nothing),
                  f"{nothing} is that of another")
    browser.ask(FREE)
    for address, table in ((figure, "#opened-table"),
                           (chat, "#timeline-table")):
        browser.ask("location.assign(arguments[0])", address)
        browser.until(lambda: browser.text("#opened-problem") == ""
                      and browser.visible(table) and browser.rows(table),
                      "it to be asked for again, and its rows")
    browser.complaints()


def one_after_another(test):
    test.visit("lead", "/#range=7d")
    board_opened.opened(test, "#summary-count a")
    before = test.browser.text("#opened-count .value")
    what_fails_shows_no_other(test)
    test.browser.until(
        lambda: test.browser.text("#opened-count .value") != before,
        "the other figure")
    board_opened.close(test)


def test(t):
    an_older_answer_is_dropped(t)
    what_is_refused_says_so(t)
    one_after_another(t)
    one_stream_is_open(t)
    a_silent_stream_is_noticed(t)
    the_servers_clock_counts(t)
    what_is_no_json_is_a_sentence(t)
    a_database_that_is_away_is_said(t)
