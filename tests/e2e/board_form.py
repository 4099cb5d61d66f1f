"""board_form: the settings at the top of the live board: channels are those
with waiting customers and those with responses in the range; the threshold is
shown as set. Called by board, with its browser and world.
"""

import re

from board_faults import FREE, REFUSE, choose
from browser import Keys

# How often this page has requested the channels.
ASKED = """performance.getEntriesByType('resource').filter((e) =>
    e.name.endsWith('by=total&group=channel')).length"""
# A system whose time zone is not set; Intl accepts no such zone.
NO_ZONE = """(() => {
    const options = Intl.DateTimeFormat.prototype.resolvedOptions;
    Intl.DateTimeFormat.prototype.resolvedOptions = function () {
        return { ...options.call(this), timeZone: "Etc/Unknown" };
    };
})()"""
PICK = """(() => {
    const node = document.getElementById(arguments[0]);
    node.focus();
    node.value = arguments[1];
    node.dispatchEvent(new Event("change"));
})()"""


def channels(test):
    return set(test.browser.ask(
        "[...document.getElementById('channel').options]"
        ".map((one) => one.value)"))


def in_sql(test, table, condition):
    return {channel for [channel] in test.sql(
        f"SELECT DISTINCT channel FROM {table} WHERE tenant = 'acme' AND "
        "channel IS NOT NULL AND " + condition)}


def who_was_answered_can_be_chosen(test):
    waiting = in_sql(test, "chat_metrics", "waiting_since IS NOT NULL")
    answered = in_sql(test, "intervals", "withdrawn = 0 AND kind IN "
                                         "('first_response', 'reply')")
    test.that(answered - waiting == {"mail"}, f"{waiting}, {answered}")
    test.visit("lead", "/#range=28d&zone=UTC")
    test.shows(lambda: channels(test) == {""} | waiting | answered,
               f"{waiting} and {answered}")
    test.browser.ask(PICK, "channel", "mail")
    test.shows(lambda: "channel=mail" in test.browser.ask("location.hash"),
               "the choice in the URL")
    # The selection stays, even if no row has it.
    test.visit("lead", "/#range=2020-01-01..2020-01-02&channel=lost")
    test.shows(lambda: channels(test) == {"", "lost"} | waiting,
               f"{waiting} and what is chosen")


def it_asks_once_for_a_range(test):
    browser = test.browser
    test.visit("lead", "/#wall&range=7d&zone=UTC")
    browser.until(test.waiting, "rows")
    test.that(browser.ask(ASKED) == 0, "a wall asks for channels")
    browser.press(Keys.ESCAPE)
    test.shows(lambda: "mail" in channels(test), "mail, without the wall")
    choose(test, "operator=1&range=7d&zone=UTC")
    test.world.put_tenant("acme")
    choose(test, "operator=1&threshold=60&range=7d&zone=UTC")
    browser.until(lambda: browser.text("#total-within dt")
                  .startswith("Answered within 1m00s"), "the last figures")
    test.that(browser.ask(ASKED) == 1, f"it asked {browser.ask(ASKED)} times")


def who_waits_is_there_without_an_answer(test):
    browser = test.browser
    test.visit("lead", "/#range=2020-01-01..2020-01-02")
    browser.until(lambda: browser.ask(ASKED) == 1, "the question")
    browser.ask(REFUSE, "group=channel")
    choose(test, "range=28d")
    browser.until(lambda: browser.text("#summary-count .value")
                  not in (None, "–", "0"), "the figures of another range")
    test.that("web" in channels(test) and "mail" not in channels(test),
              f"who waits: {channels(test)}")
    browser.ask(FREE)
    choose(test, "range=90d")
    test.shows(lambda: "mail" in channels(test), "the next range's")
    browser.complaints()


def a_choice_with_the_focus_follows(test):
    """The browser's Back button changes a setting while it has the focus."""
    browser = test.browser
    test.visit("lead", "/#operator=1")
    browser.until(lambda: channels(test), "the choices")
    for name, value in ("operator", "2"), ("range", "7d"), ("zone", "UTC"):
        was = browser.ask("document.getElementById(arguments[0]).value", name)
        browser.ask(PICK, name, value)
        browser.until(lambda: f"{name}={value}" in browser.ask(
            "location.hash"), "the choice in the URL")
        browser.ask("history.back()")
        test.shows(lambda: f"{name}={value}" not in browser.ask(
            "location.hash") and browser.focused() == name and browser.ask(
            "document.activeElement.value") == was, f"{name} is {was} again")


def a_range_is_chosen_by_its_dates(test):
    browser = test.browser
    test.visit("lead", "/#range=7d&zone=UTC")
    browser.until(lambda: channels(test), "the choices")
    test.that(not browser.visible("#from"), "dates beside a range with a name")
    browser.ask(PICK, "range", "dates")
    test.shows(lambda: browser.visible("#from") and browser.visible("#to")
               and re.search(r"range=(\d{4}-\d\d-\d\d)\.\.(?!\1)\d{4}",
                             browser.ask("location.hash")),
               "the same seven days by their dates")
    browser.ask(PICK, "to", "2020-01-03")
    browser.ask(PICK, "from", "2020-01-05")
    test.shows(lambda: "range=2020-01-03..2020-01-05"
               in browser.ask("location.hash"), "both dates, in their order")
    test.shows(lambda: "2020-01-03 to 2020-01-05, UTC" in browser.text(
        "#responses-note"), "the range of the figures")


def a_screen_without_a_zone_has_utc(test):
    browser = test.browser
    with browser.first_running(NO_ZONE):
        for zone, note in (("", "This screen has no time zone; times are in "
                                "the zone UTC."), ("UTC", ""),
                           ("Mars/Base", "Unknown time zone Mars/Base; "
                                         "times are in the zone UTC.")):
            test.visit("lead", f"/#zone={zone}")
            test.shows(lambda: ", UTC" in browser.text("#responses-note"),
                       f"{zone}: responses in UTC")
            test.that(browser.ask("document.getElementById('zone').value")
                      == "UTC", f"{zone}: the field")
            test.that(browser.text("#zone-note") == note, f"{zone}: {note}")
    test.that(browser.complaints() == [], "an error on the console")


def the_threshold_is_said_as_it_is(test):
    """Visibly and for screen readers, also if no unit fits."""
    for threshold, want in (
            ("45", "45 seconds"), ("90", "1 minute 30 seconds"),
            ("5400", "1 hour 30 minutes"), ("7200", "2 hours"),
            ("9000", "2 hours 30 minutes"),
            ("100000", "1 day 3 hours 46 minutes 40 seconds")):
        test.browser.open(f"/#threshold={threshold}")
        test.shows(lambda: [test.browser.text("#threshold-text"),
                            test.browser.ask("document.getElementById("
                                             "'threshold').ariaValueText")]
                   == [want, want], f"{threshold}: {want}")


def test(t):
    who_was_answered_can_be_chosen(t)
    it_asks_once_for_a_range(t)
    who_waits_is_there_without_an_answer(t)
    a_choice_with_the_focus_follows(t)
    a_range_is_chosen_by_its_dates(t)
    the_threshold_is_said_as_it_is(t)
