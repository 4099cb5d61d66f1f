#!/usr/bin/env -S python3 -B
"""board_hours: the board of a team with opening hours and targets: past figures
are work times, as the API has them, until the reader switches to calendar time;
the share of targets kept opens the missed ones. A team without hours sees
neither the switch nor the columns.
"""

import json

from harness import Checks, Lab, main, need

need("selenium", "python3-selenium: scripts/install-deps browser")
from api_client import Server, token
from board_world import SECTIONS, TENANT, BoardWorld
from browser import Browser
from report_page import duration

PLAIN = "aside"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = {"hours day": {"zone": "UTC", **{day: "8:00-20:00" for day in DAYS}},
         "targets day": {"first_response": "2m work", "reply": "4m calendar"},
         "crm acme": {**SECTIONS["crm acme"], "hours": "day",
                      "targets": "day"}}


class Test:
    def __init__(self, lab, world, browser):
        self.checks, self.lab = Checks(), lab
        self.world, self.browser = world, browser
        self.that = self.checks.that

    def shows(self, condition, text):
        try:
            return self.that(self.browser.until(condition, text), text)
        except AssertionError as why:
            return self.that(False, why)

    def visit(self, tenant, path):
        self.browser.log_in(token(tenant_id=tenant, role="lead"))
        self.browser.open(path)
        self.browser.until(
            lambda: self.browser.text("#total-average dd.value") != "–"
            and self.browser.rows("#breakdown-table"), "the responses")

    def answer(self, **more):
        """The total that the page shows: the last 28 days, in UTC."""
        first, last = self.browser.ask(
            "['from', 'to'].map((id) => document.getElementById(id).value)")
        [end] = self.world.sql.ask(
            f"SELECT CAST('{last}' + INTERVAL 1 DAY AS DATE)")
        path = f"from={first}&to={end[0]}&zone=UTC&by=total" + "".join(
            f"&{name}={value}" for name, value in more.items())
        return json.loads(self.lab.must([
            "sink", "-c", self.lab.path("serve.conf"), "--tenant", TENANT,
            "--get", "/api/v1/responses?" + path]).out)["rows"]

    def figures_are(self, clock):
        [row] = self.answer(clock=clock)
        value = lambda of: self.browser.text(f"#{of} dd.value")
        share = f"{row['kept_percent']:.1f} %"
        for of, want in (("total-average", duration(row["avg_seconds"])),
                         ("total-kept", share), ("summary-kept", share),
                         ("summary-count", str(row["count"])),
                         ("summary-median", duration(row["median_seconds"])),
                         ("summary-closed", str(row["closed"]))):
            self.shows(lambda of=of, want=want: value(of) == want,
                       f"{clock}: {of} is {want}")
        self.shows(lambda: self.browser.ask(
            "document.getElementById('clock').value") == clock, "the switch")
        for section in "responses", "breakdown", "heatmap":
            self.shows(lambda s=section: f", {clock} time" in
                       self.browser.text(f"#{s}-note"), f"{clock}: {section}")
        return row

    def work_time_is_the_default(self):
        self.visit(TENANT, "/#range=28d&zone=UTC")
        work = self.figures_are("work")
        self.browser.picture("build/board", "hours")
        want = {row["channel"]: [f"{row['kept_percent']:.1f} %",
                                 str(row["closed"])]
                for row in self.answer(group="channel")}
        names = {"mail": "Email", "web": "Web"}
        self.shows(lambda: {row["Name"]: [row["Targets kept"],
                                          row["Outside hours"]]
                            for row in self.browser.rows("#breakdown-table")}
                   == {names[c]: cells for c, cells in want.items()},
                   f"by channel: {want}")
        self.browser.ask("((e) => { e.value = 'calendar'; e.dispatchEvent("
                         "new Event('change')); })("
                         "document.getElementById('clock'))")
        self.shows(lambda: "clock=calendar" in self.browser.ask(
            "location.hash"), "the address has the switch")
        calendar = self.figures_are("calendar")
        self.that(work["avg_seconds"] < calendar["avg_seconds"]
                  and work["closed"] > 0 and work["missed"] > 0,
                  f"{work}, {calendar}")

    def missed_targets_open(self):
        self.visit(TENANT, "/#range=28d&zone=UTC")
        row = self.figures_are("work")
        self.browser.ask("document.querySelector("
                         "'#total-kept dd.value a').click()")
        self.shows(lambda: self.browser.text("#opened-title").startswith(
            "Responses, missed targets"), "the title")
        self.shows(lambda: self.browser.text("#opened-count dd.value")
                   == str(row["missed"]), f"{row['missed']} missed")
        self.shows(lambda: {r["Kept"] for r in self.browser.rows(
            "#opened-table")} == {"missed"}, "only missed targets")
        self.browser.ask("document.querySelector("
                         "'#opened-table a[href*=chat]').click()")
        self.shows(lambda: any(row["Ends"].endswith(", target missed")
                               for row in self.browser.rows("#timeline-table")),
                   "the timeline says so")
        self.browser.ask("document.getElementById('back').click()")
        self.that({r["Target"] for r in self.browser.rows("#opened-table")}
                  <= {"2m00s", "4m00s"}, "the targets")

    def the_operators_times_are_calendar_time(self):
        """Those of open chats, which have no work time."""
        for tenant, want in (TENANT, True), (PLAIN, False):
            self.visit(tenant, "/#range=28d&zone=UTC")
            self.that(("in calendar time" in self.browser.text(
                "#operators-note")) == want, f"{tenant}: operators")

    def while_the_team_is_closed_nothing_is_worse(self):
        """More and longer waits than yesterday are red only while it is
        open."""
        opens = (self.world.now.hour + 12) % 24
        closed = {"zone": "UTC", **{day: f"{opens}:00-{opens}:30"
                                    for day in DAYS}}
        self.world.sql.ask(
            "UPDATE chat_metrics SET next_kind = 'reply', answer_by = "
            "waiting_since + INTERVAL 1 DAY, soon_at = answer_by "
            f"WHERE tenant = '{TENANT}'")
        for hours in None, closed:
            sections = {**HOURS, "targets day": {"reply": "5m work"}}
            if hours:
                sections["hours day"] = hours
            server = Server(self.lab, sections, name="closed" if hours
                            else "open")
            self.browser.url = f"http://127.0.0.1:{server.port}"
            self.visit(TENANT, "/#range=28d&zone=UTC")
            self.shows(lambda: "vs. yesterday" in self.browser.text(
                "#total-waiting .change"), "the change")
            self.checks.equal([self.browser.ask(
                f"document.querySelector('#total-{name} .change.worse')")
                is not None for name in ("waiting", "longest")][:2 if hours else 1],
                [False, False] if hours else [True], f"{hours}: worse")
        self.browser.url = self.world.url

    def without_hours_there_is_no_switch(self):
        self.visit(PLAIN, "/#range=28d&zone=UTC")
        self.that(self.browser.ask(
            "document.getElementById('clock').parentNode.hidden"), "a switch")
        self.that(self.browser.ask(
            "['total-kept', 'summary-kept', 'summary-closed'].every((id) => "
            "document.getElementById(id) === null)"), "figures of targets")
        rows = self.browser.rows("#breakdown-table")
        self.that("Targets kept" not in rows[0]
                  and "Outside hours" not in rows[0], f"{rows}")
        self.that(" time:" not in self.browser.text("#responses-note"),
                  "a clock is named")
        self.that(self.browser.complaints() == [], "complaints")


def body():
    with Lab("board_hours") as lab:
        world = BoardWorld(lab, HOURS)
        world.fill(PLAIN)
        conf = lab.path("serve.conf")
        lab.must(["sink", "-c", conf, "--recompute", "--since", "2000-01-01"])
        with Browser(lab, world.url) as browser:
            browser.resize(1280, 900)
            test = Test(lab, world, browser)
            test.work_time_is_the_default()
            test.missed_targets_open()
            test.without_hours_there_is_no_switch()
            test.the_operators_times_are_calendar_time()
            test.while_the_team_is_closed_nothing_is_worse()
            return test.checks.result()


main(body)
