"""board_periods: all periods of the live board have different labels, even
hours of two days, those before and after clocks go back, and months of two
years. Called by board, with its browser and world.
"""

import json
import re

# By hour, day or month: the starts of the periods in an answer.
PERIODS = [
    ("range=2d", ["2026-10-25T02:00:00.000+02:00",
                  "2026-10-25T02:00:00.000+01:00",
                  "2026-10-25T03:00:00.000+01:00"],
     ["02:00 +02:00", "02:00 +01:00", "03:00"]),
    ("range=2d", ["2026-11-20T01:00:00.000Z", "2026-11-21T01:00:00.000Z"],
     ["11-20 01:00", "11-21 01:00"]),
    ("range=60d", ["2026-10-31T00:00:00.000Z", "2026-11-01T00:00:00.000Z"],
     ["10-31", "11-01"]),
    ("range=500d", ["2025-11-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z"],
     ["2025-11-01", "2026-11-01"]),
]
# Replaces the periods of answers by ones that begin at these times.
BEGIN = """(() => {
    const ask = window.fetch;
    const begins = %s;
    window.fetch = async (path, ...rest) => {
        const got = await ask(path, ...rest);
        if (!/responses.*by=(hour|day|month)/.test(path))
            return got;
        const answer = await got.json();
        answer.rows = begins.map((begin) => ({ ...answer.rows[0], begin,
            span: "asked", count: 1, avg_seconds: 1, complete: true }));
        return new Response(JSON.stringify(answer));
    };
})()"""


# Locales format dates in different ways, and so may browser versions.
SPELT = """(() => {
    const real = Date.prototype.toLocaleDateString;
    Date.prototype.toLocaleDateString = function (_, options) {
        return real.call(this, "en-US", options);
    };
})()"""


def names(test):
    return [row["From"] for row in test.browser.rows("#responses-table")]


def no_two_are_called_the_same(test):
    browser = test.browser
    for chosen, begins, want in PERIODS:
        with browser.first_running(BEGIN % json.dumps(begins)):
            test.visit("lead", "/#" + chosen)
            test.shows(lambda: names(test) == want, f"{chosen}: {want}")
        test.shows(lambda: browser.texts("#responses-picture rect title")
                   == [f"{name}: 1" for name in want], f"{chosen}: picture")


def names_fit(test):
    """Names below the picture do not overlap."""
    test.visit("lead", "/#range=2d")
    test.browser.until(lambda: names(test), "the periods")
    test.that(all(re.fullmatch(r"(\d{4}-)?\d\d-\d\d \d\d:00", name)
                  for name in names(test)), f"hours: {names(test)}")
    boxes = test.browser.ask(
        "[...document.querySelectorAll('#responses-picture text')]"
        ".filter((e) => e.textContent.endsWith(':00') && "
        "/-/.test(e.textContent)).map((e) => e.getBoundingClientRect())"
        ".map((b) => [b.left, b.right])")
    test.that(len(boxes) > 1 and all(
        one[1] < other[0] for one, other in zip(boxes, boxes[1:])),
        f"names of the picture: {boxes}")


def dates_are_of_no_locale(test):
    """Dates in requests and on the page."""
    browser = test.browser
    with browser.first_running(SPELT):
        test.visit("lead", "/#range=28d&zone=Asia/Kolkata")
        test.shows(lambda: names(test) and re.match(
            r"\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, Asia/Kolkata:",
            browser.text("#responses-note")), "the range of dates")
        test.visit("lead", "/#chat=9000")
        test.shows(lambda: re.match(
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$",
            browser.rows("#timeline-table")[0]["Time"]), "a day and time")


def dates_that_are_none_are_told(test):
    """Also a day whose previous day does not exist: Samoa skipped it."""
    browser = test.browser
    for chosen in "2026-13-45..2026-13-46", "99999999999d":
        test.visit("lead", "/#range=" + chosen)
        for section in "responses", "heatmap":
            test.shows(lambda: browser.text(f"#{section}-note")
                       == f"range={chosen} has no such dates.",
                       f"{section}: {chosen}")
    test.that(not any("Uncaught" in one for one in browser.complaints()),
              "an error that nothing takes")
    test.visit("lead", "/#range=2011-12-31..2011-12-31&zone=Pacific/Apia")
    test.shows(lambda: browser.text("#summary-count .value") == "0"
               and browser.text("#summary-count .before") == "vs. the day before: –"
               and "no responses" in browser.text("#responses-note"),
               "the day behind the one that was left out")


def test(t):
    no_two_are_called_the_same(t)
    names_fit(t)
    dates_are_of_no_locale(t)
    dates_that_are_none_are_told(t)
