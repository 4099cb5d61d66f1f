"""calls: what polling costs in calls to the CRM, as the CRM counts them."""

import table # first: it knows where the others are

import budget
from cron import Schedule
from harness import Lab, main


def body():
    with Lab("calls") as lab:
        c = budget.second_poll(lab)
        limit = c["listing"] + c["changed"] + 20
        table.show(f"Calls of a poll of {c['dialogs']} open dialogs", [
            ("first poll", c["first"], "calls"),
            (f"second, {c['changed']} dialogs changed", c["second"], "calls",
             f"listing + changed + 20 = {limit}"),
            ("an idle minute", max(c["idle"]), "calls",
             f"one per {budget.PAGE} dialogs = {c['listing']}"),
            ("two such minutes, ten later", c["idle_with_operators"], "calls",
             "the operators once"),
        ])
        count = budget.quiet_hours(lab)
        month = budget.month_of(
            count, Schedule(budget.POLLS), Schedule(budget.REAPS)
        )
        table.show("Calls over 50 quiet dialogs", [
            ("an hour of polls", count["day"], "calls"),
            ("an hour of the reaper beside them", count["day_reaps"],
             "calls"),
            ("an hour of the reaper alone", count["evening_reaps"], "calls"),
            ("a month of the original's schedule", month, "calls",
             "limit 27,000"),
        ])
        busy = budget.busy_day(lab, 9, 11, 10)
        table.show("The self-check's expectation of two busy hours", [
            ("counted", busy["counted"], "a minute"),
            ("expected after the first hour", busy["forecast"], "a minute"),
            ("ratio", busy["forecast"] / busy["counted"], "",
             "within 0.90 to 1.10"),
            ("guessed before the first poll", busy["guess"], "a minute"),
            ("ratio", busy["guess"] / busy["counted"], ""),
        ])
    return 0


main(body)
