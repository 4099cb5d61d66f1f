#!/usr/bin/env -S python3 -B
"""board_due: the waiting customers of a team with hours and targets on the board:
they are in order of what is due next, with the words of a terminal, which count
down without new rows; a closed channel is grey; the targets are the default of
the setting threshold; and a wall shows the same without names.
"""

import os
import re
from datetime import datetime, timedelta, timezone

from harness import Checks, Lab, main, need

need("selenium", "python3-selenium: scripts/install-deps browser")
from api_client import Server, token
from browser import Browser
from due_world import LATE, MINUTE, ORDER, TENANT, WEB, DueWorld

OPENS = r"closed, opens \w+ 9:00, "
WORDS = {"overnight": OPENS + "late, 5 min over", "late": r"late, \d\d min over", "calendar": r"late, \d+ min over",
         "soon": r"late in \d+ s", "fine": r"late in \d min",
         "closing": OPENS + r"answer by \w+ 9:00",
         "closed": OPENS + r"answer by \w+ 9:10",
         "none": "no target"}
KINDS = {"overnight": "closed", "closing": "closed", "late": "late later", "calendar": "late", "soon": "soon",
         "fine": "fine", "closed": "closed", "none": ""}


class Test:
    def __init__(self, lab, browser, world):
        self.checks, self.lab = Checks(), lab
        self.browser, self.world = browser, world

    def visit(self, role, path="/"):
        self.browser.log_in(token(tenant_id=TENANT, role=role))
        self.browser.open(path)
        self.browser.until(
            lambda: self.browser.text("#connection") == "live"
            and self.browser.rows("#waiting-table"), "the board to be live")

    def shows(self, condition, text):
        try:
            self.browser.until(condition, text)
        except AssertionError as why:
            self.checks.that(False, why)

    def words_are_those_of_a_terminal(self):
        self.visit("lead")
        rows = self.browser.rows("#waiting-table")
        self.checks.equal([row["Chat"] for row in rows], ORDER, "order")
        for row in rows:
            self.checks.that(re.fullmatch(WORDS[row["Chat"]], row["Answer"]),
                             f"{row}")
        self.checks.equal([row["Chat"] for row in rows if row["Operator"]
                           == "2, snoozed"], ["calendar"], "snoozed")
        kinds = self.browser.ask(
            "Object.fromEntries([...document.querySelectorAll("
            "'#waiting-table tbody tr')].map((row) => [row.dataset.chat, "
            "row.className]))")
        self.checks.equal(kinds, KINDS, "kinds")
        legend = self.browser.texts("#backlog-legend li")
        self.checks.that(any("late, team closed" in one for one in legend),
                         legend)
        self.checks.that(self.browser.findings() == [], "axe")
        self.browser.picture("build/board", "due")

    def a_closed_channel_is_grey(self):
        colours = self.browser.ask(
            "['closed', 'late'].map((kind) => getComputedStyle(document."
            "querySelector(`#waiting-table tr.${kind} .left`)).color)")
        quiet = self.browser.ask(
            "(() => { const e = document.createElement('i'); e.style.color = "
            "'var(--quiet)'; document.body.append(e); const c = "
            "getComputedStyle(e).color; e.remove(); return c; })()")
        self.checks.equal(colours[0], quiet, "the colour of a closed channel")
        self.checks.that(colours[1] != quiet, "late is grey")

    def the_totals_count_the_late_ones(self):
        self.shows(lambda: self.browser.text("#total-waiting .before")
                   == "3 late", "3 late")
        self.browser.ask("document.querySelector("
                         "'#total-waiting .before a').click()")
        self.shows(lambda: {row["Chat"] for row in self.browser.rows(
            "#opened-table")} == LATE, "the late chats")

    def the_target_is_the_default(self):
        for path, text in (("/", "10 minutes"), ("/#threshold=60", "1 minute"),
                           ("/#threshold=300", "5 minutes")):
            self.visit("lead", path)
            self.shows(lambda want=text: self.browser.text("#threshold-text")
                       == want, f"{path}: {text}")

    def a_wait_becomes_late_without_a_new_row(self):
        self.visit("lead")
        after = datetime.now(timezone.utc) - self.world.now
        self.world.put("changes", 8 * MINUTE, after + timedelta(seconds=8),
                       after + timedelta(seconds=5), "1", WEB)

        def answer():
            return {row["Chat"]: row["Answer"] for row in
                    self.browser.rows("#waiting-table")}["changes"]

        self.shows(lambda: re.fullmatch(r"late in \d s", answer()), "soon late")
        self.shows(lambda: re.fullmatch(r"late, \d+ s over", answer()), "late")
        self.shows(lambda: self.browser.text("#total-waiting .before")
                   == "4 late", "4 late")

    def a_wall_shows_the_same(self):
        self.visit("wall", "/#wall")
        rows = [row["Answer"] for row in self.browser.rows("#waiting-table")]
        self.checks.that(re.fullmatch(WORDS["late"], rows[1]), rows)
        self.checks.that(any("closed, opens" in row for row in rows), rows)
        self.browser.picture("build/board", "due-wall")

    def a_wall_lists_the_notices_that_are_not_over(self):
        """Also with a token of the role wall, and without chats."""
        self.visit("wall", "/#wall")
        self.shows(lambda: [(row["Notice"], row.get("Chat")) for row in
                            self.browser.rows("#notices-table")]
                   == [("late", None)], "the notice on the wall")
        self.shows(lambda: self.browser.text("#notices-note") == "1 notice",
                   "their number")
        self.shows(lambda: self.browser.ask(
            "document.querySelector('#notices-table').getBoundingClientRect()"
            ".bottom <= innerHeight && document.documentElement.scrollHeight "
            "<= innerHeight"), "all on one screen")
        self.browser.picture("build/board", "notices-wall")

    def notices_are_those_of_the_table(self):
        self.visit("lead")
        self.shows(lambda: [(row["Notice"], row["Chat"], row["Over"]) for row in
                            self.browser.rows("#notices-table")]
                   == [("late", "late", "not yet")], "the notice")

    def a_wall_rings_for_a_late_customer(self):
        self.visit("wall", "/#wall")

        def rang():
            return int(self.browser.ask("document.querySelector("
                                        "'#sound-button').dataset.rang ?? 0"))

        self.checks.equal(rang(), 0, "before the button is pressed")
        self.browser.ask("document.querySelector('#sound-button').click()")
        self.shows(lambda: rang() == 1, "the first ring")
        after = datetime.now(timezone.utc) - self.world.now
        self.world.put("rings", 11 * MINUTE, after - MINUTE, after - MINUTE,
                       "1", WEB)
        self.shows(lambda: rang() == 2, "a ring for a new late customer")
        self.browser.ask("document.querySelector('#sound-button').click()")
        self.checks.equal(self.browser.text("#sound-button"), "Sound", "button")


def body():
    with Lab("board_due") as lab:
        lab.start_servers("mariadb")
        world = DueWorld(lab)
        server = Server(lab, {**world.sections, "serve": {"rate": 0}})
        os.environ["TZ"] = "UTC" # the browser's zone
        with Browser(lab, f"http://127.0.0.1:{server.port}") as browser:
            browser.resize(1280, 900)
            test = Test(lab, browser, world)
            test.words_are_those_of_a_terminal()
            test.a_closed_channel_is_grey()
            test.the_totals_count_the_late_ones()
            test.the_target_is_the_default()
            test.a_wait_becomes_late_without_a_new_row()
            test.a_wall_shows_the_same()
            test.notices_are_those_of_the_table()
            test.a_wall_lists_the_notices_that_are_not_over()
            test.a_wall_rings_for_a_late_customer()
            return test.checks.result()


main(body)
