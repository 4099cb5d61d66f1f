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
            ("the same, with operators", c["idle_with_operators"], "calls",
             "every ten minutes"),
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
        busy = budget.busy_day(lab, 9 * 60, 11 * 60)
        table.show("The doctor's forecast, two busy hours every day", [
            ("counted", busy["counted_month"], "a month"),
            ("foretold", busy["forecast"], "a month"),
            ("ratio", busy["forecast"] / busy["counted_month"], "",
             "within 0.90 to 1.10"),
        ])
    return 0


main(body)
