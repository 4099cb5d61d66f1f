"""report_picture: a report in a real Chromium: on screens of several widths,
and printed. The pictures are kept in build/report for people.
"""

import base64
import os
import re

from browser import Browser
from harness import Skip, say

PICTURES = "build/report"
WIDTHS = (320, 800, 1600)
PAPER = 703  # CSS pixels of A4 between the margins


def look(lab, path, that):
    try:
        browser = Browser(lab, "file://")
    except Skip as why:
        say(f"not looked at: {why}")
        return
    with browser:
        browser.open(path)
        that(browser.complaints() == [], "the browser complains")
        # The browser's start page comes first.
        urls = [url for url in browser.take_requests()
                if not url.startswith(("chrome:", "about:", "data:"))]
        that(urls == ["file://" + path], f"it loads {urls}")
        that(browser.ask("document.scripts.length") == 0, "there is a script")
        findings = browser.findings()
        that(findings == [], f"axe: {findings}")
        for width in WIDTHS:
            at_width(browser, width, that)
        printed(browser, that)


CUT = """[...document.querySelectorAll("th, td")].filter((e) =>
    e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"""


def at_width(browser, width, that):
    browser.resize(width, 1000)
    cut = browser.ask(CUT)
    that(cut == [], f"at {width} px cells are cut: {cut}")
    that(browser.ask("document.documentElement.scrollWidth") <= width,
         f"at {width} px the page is wider")
    sizes = browser.ask("[...document.querySelectorAll('svg')].map((s) => "
                        "[s.getBBox().width, s.clientHeight])")
    that(len(sizes) == 1 and all(w > 200 and h > 40 for w, h in sizes),
         f"at {width} px pictures have {sizes}")
    cut = browser.ask(
        "[...document.querySelectorAll('svg text')].filter((e) => { "
        "const b = e.getBoundingClientRect(), "
        "s = e.closest('svg').getBoundingClientRect(); return b.left < s.left "
        "|| b.right > s.right + 1; }).map((e) => e.textContent)")
    that(cut == [], f"at {width} px texts of pictures are cut: {cut}")
    small = browser.ask(
        "[...document.querySelectorAll('svg text')].filter((e) => "
        "e.getBoundingClientRect().height < 8).length")
    that(small == 0, f"at {width} px {small} texts are too small to read")
    lines = browser.ask(
        "[...document.querySelectorAll('#days tbody td:first-child')].filter("
        "(e) => { const r = document.createRange(); r.selectNodeContents(e); "
        "return r.getClientRects().length > 1; }).length")
    that(lines == 0, f"at {width} px {lines} dates are broken")
    height = browser.ask("document.documentElement.scrollHeight")
    browser.resize(width, height)
    browser.picture(PICTURES, f"{width}")


def printed(browser, that):
    """On paper no table is cut off, and there are several pages."""
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                   {"media": "print"})
    browser.resize(PAPER, 1000)
    wide = browser.ask(
        "[...document.querySelectorAll('table, svg')].filter((e) => "
        "e.getBoundingClientRect().right > innerWidth + 1).map((e) => "
        "e.closest('section').id + ' ' + e.tagName)")
    that(wide == [], f"wider than the paper: {wide}")
    cut = browser.ask(CUT)
    that(cut == [], f"on paper cells are cut: {cut}")
    titled = browser.ask(
        "[...document.querySelectorAll('thead')].every((e) => "
        "getComputedStyle(e).display === 'table-header-group') && "
        "[...document.querySelectorAll('tr')].every((e) => "
        "getComputedStyle(e).breakInside === 'avoid')")
    that(titled, "a page begins without titles, or within a row")
    data = base64.b64decode(browser.driver.execute_cdp_cmd(
        "Page.printToPDF", {"preferCSSPageSize": True})["data"])
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", data))
    that(2 <= pages <= 10, f"{pages} pages")
    os.makedirs(PICTURES, exist_ok=True)
    with open(os.path.join(PICTURES, "report.pdf"), "wb") as f:
        f.write(data)
