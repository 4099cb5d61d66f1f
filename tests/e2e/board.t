#!/usr/bin/env -S python3 -B
"""board: the live board in a browser: its numbers equal those of SQL, rows
change without a reload, the keyboard is enough, a wall shows no names,
customers' text never becomes markup, and no request leaves the host.
board_opened tests the data behind its figures. LONG=1: all roles, sizes and
sections, dark and light, long names, keys, rare cases and failures; otherwise a
short run. Pictures are kept in build/board.
"""

import os
import re
import time

from harness import LONG, Checks, Lab, main, need, say

need("selenium", "python3-selenium: scripts/install-deps browser")
import board_compare
import board_faults
import board_form
import board_looks
import board_opened
import board_periods
import board_planted
import board_rows
import board_session
import board_totals
from board_opened import seconds_of
from board_world import MARKUP, OPERATORS, TENANT, BoardWorld, example
from browser import Browser, Keys
from report_page import duration

PICTURES = "build/board"
DESK = (1280, 900)
SIZES = {"320": (320, 900), "1280": DESK, "2560": (2560, 1440)} if LONG else {
    "1280": DESK}
SCHEMES = ("light", "dark") if LONG else ("light",)


def span(seconds):
    """A duration as the page writes it; an average in milliseconds, as the page
    received it."""
    return "–" if seconds == "NULL" else duration(seconds)


class Test:
    def __init__(self, lab, world, browser):
        self.checks = Checks()
        self.lab = lab
        self.world = world
        self.browser = browser

    def that(self, good, text):
        return self.checks.that(good, text)

    def shows(self, condition, text):
        """Like that(), for content that the page draws or changes later."""
        try:
            return self.that(self.browser.until(condition, text), text)
        except AssertionError as why:
            return self.that(False, why)

    def sql(self, statement):
        return self.browser.note(self.world.sql.ask(statement))

    def visit(self, role, path="/", **claims):
        self.enter(self.world.token(role, **claims), path)

    def enter(self, bearer, path):
        """The totals are drawn after the tables of the same answer. The stream
        may begin with an older one."""
        self.browser.log_in(bearer)
        self.browser.open(path)
        self.browser.until(
            lambda: self.browser.text("#connection") == "live"
            and self.browser.text("#total-available"),
            "the board to be live")

    def all_is_answered(self):
        """Each part of the page sends its own requests, including refused
        ones."""
        self.browser.until(lambda: self.browser.ask(
            "(document.body.classList.contains('wall') ? ['responses'] : "
            "['responses', 'heatmap', 'allocation', 'alerts']).every((part) => "
            "performance.getEntriesByType('resource').some((e) => "
            "e.name.includes(`/api/v1/${part}?`)))"), "all answers")

    def waiting(self):
        return self.browser.rows("#waiting-table")

    def nobody_sees_it_without_a_login(self):
        self.browser.open("/#operator=1")
        # The browser moves the focus shortly after it has shown the field.
        self.shows(
            lambda: self.browser.ask(
                "(() => { const f = document.forms[0]; return ["
                "location.pathname, f.method, new URL(f.action).pathname, "
                "f.elements[0].name, f.elements[0].type, "
                "document.activeElement.id]; })()")
            == ["/login", "post", "/login", "token", "password", "token"],
            "the form of the login")
        self.that(self.browser.findings() == [], "axe: the login")
        self.that(self.browser.ask(
            "getComputedStyle(document.getElementById('token')).borderColor "
            "!== getComputedStyle(document.getElementById('refused')).color"),
                  "the field is red before anything is wrong")
        self.browser.picture(PICTURES, "login")
        self.the_form_logs_in()
        # The part of the address after # is restored after the login.
        self.that(self.browser.ask("location.hash") == "#operator=1",
                  "what was chosen is lost by the login")
        self.browser.complaints()

    def the_form_logs_in(self):
        """Also on the machine itself without HTTPS, where not every browser
        keeps a secure cookie."""
        self.browser.press(self.world.token("lead") + Keys.ENTER)
        self.browser.until(
            lambda: self.browser.text("#connection") == "live", "the board")
        cookie = self.browser.driver.get_cookie("messaging_session")
        self.that(cookie["secure"] is False and cookie["httpOnly"],
                  f"the cookie is {cookie}")

    def its_numbers_are_sqls(self):
        self.visit("lead")
        [[chats, unassigned, waiting]] = self.sql(
            "SELECT open_chats, unassigned_chats, waiting_chats "
            "FROM tenant_metrics")
        for name, want in {"open": chats, "unassigned": unassigned,
                           "waiting": waiting,
                           "available": f"3/{len(OPERATORS)}"}.items():
            self.shows(lambda: self.browser.text(f"#total-{name} .value")
                       == want, f"{name}: {want}")
        self.operators_are_sqls()
        self.who_waits_is_sqls()
        self.alerts_are_sqls()
        self.free_slots_are_sqls()

    def operators_are_sqls(self):
        want = self.sql(
            "SELECT name, IF(available, 'online', 'offline'), CONCAT(open_chats, ' of ', "
            "IF(o.operator = '2', 3, 8)), "
            "waiting_chats, longest_wait_seconds, responses, "
            "avg_response_seconds, median_response_seconds, "
            "p90_response_seconds, (SELECT COUNT(*) FROM assignments a WHERE "
            "a.operator = o.operator AND reserved_at > UTC_TIMESTAMP() - "
            "INTERVAL 1 DAY) FROM operator_metrics o ORDER BY "
            "(available = 0 AND waiting_chats > 0) DESC, "
            "open_chats > IF(o.operator = '2', 3, 8) DESC, "
            "longest_wait_seconds DESC, open_chats DESC, operator")
        for row in want:
            for i in (4, 6, 7, 8):
                row[i] = span(row[i])

        def got():
            rows = [list(r.values()) for r in
                    self.browser.rows("#operators-table")]
            for row, shown in zip(want, rows):
                # The waits grow; waits_count() checks how fast.
                if "–" not in (row[4], shown[4]) and \
                        seconds_of(shown[4]) >= seconds_of(row[4]):
                    shown[4] = row[4]
            return rows

        self.shows(lambda: got() == want, f"operators: {want}")

    def who_waits_is_sqls(self):
        want = self.sql(
            "SELECT c.chat, c.customer_name, COALESCE(CONCAT(o.name, "
            "IF(o.available = 0, ', offline', '')), 'unassigned'), "
            "c.channel FROM chat_metrics c LEFT JOIN operator_metrics o "
            "ON o.tenant = c.tenant AND o.operator = c.operator "
            "WHERE c.waiting_since IS NOT NULL ORDER BY c.waiting_since")
        self.shows(
            lambda: [[r["Chat"], r["Customer"], r["Operator"],
                      r["Channel"].lower()] for r in self.waiting()] == want, f"waiting: {want}")

    def alerts_are_sqls(self):
        self.shows(
            lambda: [[alert["User"], alert["Messages"], alert["Until"]]
                     for alert in self.browser.rows("#alerts-table")]
            == [[MARKUP, "11", "now"]], "the alert")

    def free_slots_are_sqls(self):
        """Boris Lee has more chats than his limit."""
        [[free]] = self.sql(
            "SELECT SUM(GREATEST(0, CAST(IF(operator = '2', 3, 8) AS SIGNED) "
            "- open_chats)) FROM operator_metrics WHERE available")
        [[chats, waiting]] = self.sql(
            "SELECT COUNT(*), COUNT(waiting_since) FROM chat_metrics WHERE "
            "operator IS NULL")
        self.shows(lambda: self.browser.text("#operators-note")
                   .startswith(f"Free slots: {free}. ")
                   and self.browser.text("#total-unassigned .value") == chats
                   and self.browser.text("#total-unassigned .before")
                   .startswith(f"{waiting} waiting, "),
                   f"the queue: {free}, {chats}, {waiting}")

    def spans_are_sqls(self):
        self.span_is_sqls("", "")
        self.span_is_sqls("&channel=mail", " AND channel = 'mail'")

    def span_is_sqls(self, chosen, condition):
        """Days and hours in a zone half an hour off UTC; a new day may
        begin."""
        self.browser.open("/#range=7d&zone=Asia/Kolkata" + chosen)
        local = "(end_at + INTERVAL 330 MINUTE)"
        today = "DATE(UTC_TIMESTAMP() + INTERVAL 330 MINUTE)"
        of = ("FROM intervals WHERE withdrawn = 0 AND kind IN "
              f"('first_response', 'reply') AND DATE({local}) <= {today} AND "
              f"DATE({local}) > {today} - INTERVAL %d DAY" + condition)
        year = f"YEAR({today} - INTERVAL 6 DAY) = YEAR({today})"

        def days():
            return [[day, n, span(mean), span(longest)] for
                    day, n, mean, longest in self.sql(
                f"SELECT DATE_FORMAT({local}, IF({year}, '%m-%d', '%Y-%m-%d'))"
                " AS day, COUNT(*), ROUND(AVG(ms) / 1000, 3), MAX(ms) / 1000 "
                f"{of % 7} GROUP BY day ORDER BY day")]

        self.shows(lambda: days() == [
            [row[c] for c in ("From", "Responses", "Average", "Longest")]
            for row in self.browser.rows("#responses-table")], "days")
        self.shows(
            lambda: len(self.browser.texts("#responses-picture rect.bar"))
            == len(days()), "the picture's bars")
        self.shows(lambda: self.summary_is_sqls(of, local, today),
                   "the figures of the span")
        self.shows(lambda: self.heatmap_is_sqls(local, of), "the heat map")
        self.shows(lambda: len(self.browser.texts("#heatmap-picture rect"))
                   == 168, "the picture of the heat map")

    def summary_is_sqls(self, of, local, today):
        """The previous period ends when the page says so."""
        [[n, mean, share]] = self.sql(
            "SELECT COUNT(*), ROUND(AVG(ms) / 1000, 3), "
            "100 * AVG(ms <= 300000) " + of % 7)
        text = self.browser.text
        until, before = re.fullmatch(
            r"vs\. the previous 7 days until (\d\d:\d\d): (\d+)",
            text("#summary-count .before")).groups()
        [[previous, mean_before, share_before]] = self.sql(
            "SELECT COUNT(*), ROUND(AVG(ms) / 1000, 3), "
            f"100 * AVG(ms <= 300000) {of % 14} AND {local} < "
            f"TIMESTAMP({today}, '{until}') - INTERVAL 7 DAY")
        shown = [text(f"#total-{figure} .before").rpartition(": ")[2]
                 for figure in ("average", "within")]
        same = (shown == ["–", "–"] if previous == "0" else
                shown[0] == span(mean_before)
                and abs(float(shown[1].split()[0]) - float(share_before)) < 4)
        return (same and text("#summary-count .value") == n
                and text("#total-average .value") == span(mean)
                and before == previous
                and abs(float(text("#total-within .value").split()[0])
                        - float(share)) < 4)

    def heatmap_is_sqls(self, local, of):
        want = {(int(day), int(hour)): f"{span(mean)}, {n}"
                for day, hour, n, mean in self.sql(
            f"SELECT WEEKDAY({local}) AS day, HOUR({local}) AS hour, "
            f"COUNT(*), ROUND(AVG(ms) / 1000, 3) {of % 7} GROUP BY day, hour")}
        rows = self.browser.rows("#heatmap-table")
        return len(rows) == 24 and want == {
            (day, hour): cell for hour, row in enumerate(rows)
            for day, cell in enumerate(list(row.values())[1:]) if cell != "–"}

    def text_is_no_markup(self):
        self.all_is_answered()
        self.shows(lambda: all(MARKUP in self.browser.texts(f"{table} td")
                               for table in ("#waiting-table",
                                             "#alerts-table")), "the names")
        self.that(self.browser.ask(
            "document.querySelectorAll('main img, main b').length") == 0
            and self.browser.ask("document.title") != "1",
            "a name became markup")
        self.browser.ask(
            "(() => { const s = document.createElement('script'); "
            "s.textContent = 'window.injected = 1'; document.body.append(s);"
            " s.remove(); })()")
        self.shows(lambda: any("Content Security Policy" in text
                               for text in self.browser.complaints()),
                   "the policy complains")
        self.that(self.browser.ask("window.injected") is None,
                  "an inline script runs")

    def a_row_changes_without_a_reload(self):
        self.browser.ask("window.mark = 1")
        self.shows(lambda: "9003" in [r["Chat"] for r in self.waiting()],
                   "9003 waits")
        before = int(self.browser.text("#total-waiting .value"))
        self.world.answer_chat("9003")
        start = time.monotonic()
        self.browser.until(lambda: "9003" not in [
            r["Chat"] for r in self.waiting()], "the row to go")
        say(f"a row was gone {time.monotonic() - start:.3f} s after its "
            "commit")
        self.browser.until(lambda: int(self.browser.text(
            "#total-waiting .value")) == before - 1, "the total to follow")
        self.world.put_chat(TENANT, "9999", 1, None, "web", "New one")
        self.world.put_tenant(TENANT)
        self.browser.until(lambda: self.waiting()[-1]["Chat"] == "9999",
                           "the new row")
        self.that(self.browser.ask("window.mark") == 1, "it was reloaded")

    def an_alert_comes_without_a_reload(self):
        """Soon, although the page has just requested alerts; and not with a
        request for each change."""
        browser = self.browser
        self.visit("lead")
        browser.until(lambda: browser.rows("#alerts-table"), "the alerts")
        browser.ask("window.mark = 1")
        self.world.put_alert(TENANT, 1, "Someone new", 9)
        self.world.put_tenant(TENANT)
        start = time.monotonic()
        self.shows(lambda: "Someone new" in [
            row["User"] for row in browser.rows("#alerts-table")],
            "the new alert")
        took = time.monotonic() - start
        say(f"an alert was there {took:.3f} s after its commit")
        self.that(took < 200, "it came when the page looks again anyway")
        self.that(browser.ask("window.mark") == 1, "it was reloaded")
        before, start = self.asked_for("alerts"), time.monotonic()
        for _ in range(20):
            self.world.put_tenant(TENANT)
        asked = self.asked_for("alerts") - before
        most = 2 + (time.monotonic() - start) / 2
        self.that(asked <= most, f"alerts: asked {asked} times, not {most}")

    def asked_for(self, part):
        return len([url for url in self.browser.take_requests()
                    if f"/api/v1/{part}?" in url])

    def waits_count(self):
        total = self.browser.text("#total-longest .value")
        first = self.waiting()[0]
        self.shows(lambda: all(self.waiting()[0][column] != first[column]
                               for column in ("Waits", "Answer")),
                   f"the first row counts from {first}")
        self.shows(lambda: total != self.browser.text("#total-longest .value")
                   and seconds_of(self.browser.text("#total-longest .value"))
                   >= seconds_of(first["Waits"]),
                   f"the longest wait counts from {total}, {first}")
        longest = [r["Longest wait"] for r in
                   self.browser.rows("#operators-table")]
        self.browser.until(
            lambda: all(r["Longest wait"] != was or was == "–"
                        for r, was in zip(
                            self.browser.rows("#operators-table"), longest)),
            "the operators' longest waits to count")

    def the_threshold_decides(self):
        self.browser.open("/#threshold=130")
        self.browser.until(self.waiting, "rows")
        for row in self.waiting():
            waits = seconds_of(row["Waits"])
            word = row["Answer"].split(",")[0]
            want = ("late" if waits >= 130 else "soon" if waits >= 104
                    else "in time")
            self.that(word == want or abs(waits - 130) < 3
                      or abs(waits - 104) < 3, f"{row} is {want}")
        self.shows(lambda: self.browser.text("#total-waiting .before")
                   .startswith(str(len([r for r in self.waiting() if
                                        r["Answer"].startswith("late")]))
                               + " late"), "the number of late ones")

    def the_keyboard_is_enough(self):
        browser = self.browser
        browser.open("/")
        browser.until(self.waiting, "rows")
        everyone = len(self.waiting())
        for key, title in (("3", "waiting-title"), ("t", "threshold")):
            browser.press(key)
            self.shows(lambda: browser.focused() == title,
                       f"{key} leads to {title}")
        browser.press(Keys.ARROW_LEFT)
        browser.until(lambda: browser.ask("location.hash")
                      == "#threshold=240", "the threshold in the URL")
        browser.until(lambda: browser.ask(
            "document.activeElement.ariaValueText") == "4 minutes",
                      "the slider to say it")
        browser.press("z")
        self.shows(lambda: browser.focused() == "zone", "z leads to the zone")
        browser.press("c")  # is typed as text
        self.shows(lambda: browser.ask("[document.activeElement.id, "
                                       "document.activeElement.value]")
                   == ["zone", "c"], "a letter is not a key")
        browser.press(Keys.ESCAPE)
        browser.ask("document.activeElement.blur()")
        browser.press("c")
        self.shows(lambda: browser.focused() == "channel",
                   "c leads to the channel")
        browser.press("w")
        browser.until(lambda: browser.ask("location.hash")
                      == "#threshold=240&channel=web"
                      or browser.press("w"), "a channel chosen by its letter")
        browser.until(lambda: {r["Channel"] for r in self.waiting()}
                      == {"Web"}, "the channel to select")
        browser.open(browser.ask("location.pathname + location.hash"))
        self.shows(lambda: {r["Channel"] for r in self.waiting()} == {"Web"}
                   and 0 < len(self.waiting()) < everyone,
                   "the URL keeps what was chosen")
        browser.press("x")
        browser.until(lambda: len(self.waiting()) == everyone, "all again")
        self.keys_open_and_close()

    def keys_open_and_close(self):
        browser = self.browser
        browser.press("?")
        browser.until(lambda: browser.ask(
            "document.getElementById('help').open"), "the help to open")
        self.that(browser.findings() == [], "axe: the help")
        browser.picture(PICTURES, "help")
        browser.press(Keys.ESCAPE)
        browser.until(lambda: not browser.ask(
            "document.getElementById('help').open"), "the help to close")
        browser.press("w")
        browser.until(lambda: browser.ask(
            "document.body.classList.contains('wall')"), "the wall")
        self.that("Customer" not in self.waiting()[0]
                  and "Chat" not in self.waiting()[0], "a wall has names")
        browser.press(Keys.ESCAPE)
        browser.until(lambda: "Chat" in self.waiting()[0],
                      "the board behind the wall")
        browser.open("/#keys=off")
        browser.until(self.waiting, "rows")
        browser.ask("addEventListener('keyup', () => { window.heard = 1; })")
        browser.press("?")
        browser.until(lambda: browser.ask("window.heard"), "the key")
        self.that(not browser.ask("document.getElementById('help').open"),
                  "keys that are off work")

    def names_and_labels_are_there(self):
        """Names and labels for screen readers."""
        self.browser.open("/")
        self.all_is_answered()
        self.shows(lambda: self.browser.text("#announcement").endswith("."),
                   "what is announced")
        self.shows(lambda: len(self.browser.texts("main th[scope=row]"))
                   >= len(self.waiting()) > 0, "names of rows")
        bad = self.browser.ask(
            "[...document.querySelectorAll('input, select, button')]"
            ".filter((e) => !e.labels?.length && !e.textContent.trim())"
            ".map((e) => e.id)")
        self.that(bad == [], f"without a name: {bad}")
        ids, refs = self.browser.ask(
            "[[...document.querySelectorAll('[id]')].map((e) => e.id), "
            "[...document.querySelectorAll('[aria-labelledby]')].flatMap("
            "(e) => e.getAttribute('aria-labelledby').split(' '))]")
        self.that(len(ids) == len(set(ids)), "an id twice")
        self.that(set(refs) <= set(ids), f"{set(refs) - set(ids)} are none")

    def each_role_sees_its_part(self):
        self.visit("wall", "/#wall")
        self.browser.until(self.waiting, "rows")
        self.all_is_answered()
        page = self.browser.ask("document.documentElement.outerHTML")
        for name in [n for n, *_ in OPERATORS.values()] + ["Customer 0",
                                                           "onerror"]:
            self.that(name.split(" ")[0] not in page or name == "Customer 0"
                      and "Customer 0" not in page, f"a wall has {name}")
        self.that(self.browser.ask(
            "['operators', 'responses', 'heatmap', 'changes', 'alerts']"
            ".every((id) => "
            "document.getElementById(id).hidden)"),
            "a wall has views that it may not see")
        self.visit("wall", example(0).strip())
        self.shows(lambda: {r["Channel"] for r in self.waiting()} == {"Web"}
                   and self.browser.text("#threshold-text") == "3 minutes",
                   "the example of a wall")
        self.that(self.browser.texts("main a:not(#csv)") == [],
                  "a wall has links")
        self.visit("operator", sub="4")
        self.browser.until(lambda: self.browser.text("#summary-count"),
                           "the totals")
        self.all_is_answered()
        self.shows(lambda: len(self.browser.texts("#operators-table a")) == 6,
                   "an operator may open their own figures")
        self.that(self.browser.texts(".figures a") == [],
                  "an operator may open others' figures")
        self.visit("lead", teams=["support"])
        self.that({r["Operator"] for r in self.browser.rows(
            "#operators-table")} == {"Anna Orlova", "Boris Lee"}
            and {r["Operator"] for r in self.waiting()}
            == {"Anna Orlova", "Boris Lee, offline", "unassigned"}, "a lead sees other teams")
        self.visit("operator", sub="2")
        self.that([r["Operator"] for r in self.browser.rows(
            "#operators-table")] == ["Boris Lee"], "an operator sees others")
        self.that({r["Operator"] for r in self.waiting()}
                  <= {"Boris Lee, offline", "unassigned"},
                  "an operator sees others' chats")

    def a_wall_hears_what_is_not_for_it(self):
        """A wall opens a link from a lead, and reports once what it may not
        see."""
        for path in ("/#figure=kind%3Dreply%26from%3D24h",
                     "/#chats=open%3D1"):
            self.visit("wall", path)
            self.shows(lambda: self.browser.text("#opened-note")
                       == "What is behind it is not for this role.",
                       f"{path}: why there is nothing")
            self.that(self.browser.text("#opened-problem") == "",
                      f"{path}: {self.browser.text('#opened-problem')}")
            self.that(self.browser.ask(
                "[...document.querySelectorAll('#behind a, #behind button')]"
                ".every((e) => !e.checkVisibility())"), f"{path}: links")
        before = len(self.browser.take_requests())
        self.visit("wall")
        for n in range(3):
            self.browser.until(self.waiting, "rows")
            waiting = int(self.browser.text("#total-waiting .value"))
            self.world.put_chat(TENANT, f"97{n}", 1, None, "web", "A new one")
            self.world.put_tenant(TENANT)
            self.browser.until(lambda: int(self.browser.text(
                "#total-waiting .value")) > waiting, "the total to follow")
        asked = self.browser.until(lambda: [
            url for url in self.browser.take_requests()[before:]
            if url.endswith("/api/v1/allocation?")], "its question")
        # Once, plus a late request of the page before.
        self.that(len(asked) <= 2, f"a wall asks for the queue: {asked}")

    def it_fits_every_screen(self):
        """One page, resized: it has to redraw everything that depends on the
        width."""
        self.visit("lead", "/#range=7d")
        self.all_is_answered()
        self.browser.until(lambda: self.browser.rows("#heatmap-table"),
                           "the pictures")
        for name, size in SIZES.items():
            self.browser.resize(*size)
            for scheme in SCHEMES:
                self.browser.scheme(scheme)
                self.it_fits(size, f"{name}-{scheme}")
            self.browser.scheme("light")
            self.dialog_fits(size, f"{name}-opened")
            self.browser.press("w")
            self.browser.until(lambda: self.browser.ask(
                "document.body.classList.contains('wall')"), "the wall")
            self.it_fits(size, f"{name}-wall")
            self.browser.press(Keys.ESCAPE)
            self.browser.until(lambda: not self.browser.ask(
                "document.body.classList.contains('wall')"), "the board")
        self.browser.resize(*DESK)

    def dialog_fits(self, size, name):
        board_opened.opened(self, "#operators-table tr:nth-child(4) "
                            "td:nth-child(6) a")
        self.it_fits(size, name)
        board_opened.close(self)

    def it_fits(self, size, name):
        width = size[0]
        wide = self.browser.ask("document.documentElement.scrollWidth")
        self.that(wide <= width, f"{name}: {wide} px wide")
        spilt = self.browser.ask(
            "[...document.querySelectorAll('main dd, main td, main th')]"
            ".filter((e) => e.scrollWidth > e.clientWidth + 1)"
            ".map((e) => e.textContent)")
        self.that(spilt == [], f"{name}: {spilt} do not fit")
        findings = self.browser.findings()
        self.that(findings == [], f"{name}: axe: {findings}")
        high = self.browser.ask("document.documentElement.scrollHeight")
        if name.endswith(("light", "dark")):
            self.browser.resize(width, max(high, 600))
        self.browser.picture(PICTURES, name)
        self.browser.resize(*size)

    def it_says_when_it_is_cut_off(self):
        self.visit("lead", "/#range=7d")
        self.browser.until(lambda: all(
            self.browser.rows(f"#{part}-table") for part in (
                "responses", "heatmap", "operators", "alerts")), "all rows")
        self.browser.complaints()
        # The page would soon request each once more.
        self.world.server.process.terminate()
        self.browser.until(
            lambda: self.browser.text("#connection") == "disconnected",
            "the board to notice")
        self.that(len(self.waiting()) > 0
                  and len(self.browser.rows("#alerts-table")) > 0
                  and self.browser.texts(".failed") == [],
                  "what was there is gone")

    def no_request_left_the_host(self):
        # chrome: is the browser's start page, from its own files.
        away = {url for url in self.browser.take_requests()
                if not url.startswith((self.world.url + "/", "data:",
                                       "chrome:", board_session.ELSEWHERE))}
        self.that(away == set(), f"requests to {away}")
        self.that(len(self.browser.requests) > 10, "no request was seen")


def body():
    with Lab("board") as lab:
        world = BoardWorld(lab)
        os.environ["TZ"] = "UTC"  # the browser's zone
        with Browser(lab, world.url) as browser:
            browser.resize(*DESK)
            test = Test(lab, world, browser)
            test.nobody_sees_it_without_a_login()
            test.its_numbers_are_sqls()
            test.spans_are_sqls()
            test.that(browser.complaints() == [], "the console complains")
            board_compare.test(test)
            board_planted.test(test)
            board_form.a_screen_without_a_zone_has_utc(test)
            if LONG:
                for part in (board_totals, board_looks, board_periods,
                             board_opened, board_faults, board_form,
                             board_rows, board_session):
                    part.test(test)
            test.visit("lead")
            test.text_is_no_markup()
            test.a_row_changes_without_a_reload()
            if LONG:
                test.an_alert_comes_without_a_reload()
                test.waits_count()
                test.the_threshold_decides()
                test.the_keyboard_is_enough()
                test.names_and_labels_are_there()
                test.each_role_sees_its_part()
                test.a_wall_hears_what_is_not_for_it()
            test.it_fits_every_screen()
            board_faults.an_open_page_says_that_the_database_is_away(test)
            if LONG:
                test.it_says_when_it_is_cut_off()
            test.no_request_left_the_host()
            return test.checks.result()


main(body)
