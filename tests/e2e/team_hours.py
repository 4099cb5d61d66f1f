"""team_hours: random opening hours and targets of a tenant: as lines of the
configuration, and what they say about an interval, computed with Python's
zoneinfo.
"""

import os
import sys
from datetime import date, timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
from opening_hours import ZONES, random_hours  # noqa: E402
from time_zones import Place  # noqa: E402

TARGETS = ("first_response", "reply", "resolution")
FIRST = date(2025, 9, 20)  # clocks change in October


def target_text(minutes, work):
    hours, rest = divmod(minutes, 60)
    return ((f"{hours}h" if hours else "") + (f"{rest}m" if rest else "")
            + (" work" if work else " calendar"))


class Team:
    """Hours and targets of a tenant, and what they say about an interval. With
    a channel, only that channel has hours, and targets are in calendar time."""

    def __init__(self, dice, folder, name, channel=None):
        self.name, self.channel = name, channel
        self.lines, self.hours = random_hours(
            dice, dice.choice(ZONES), FIRST - timedelta(days=400),
            FIRST + timedelta(days=400), folder)
        zone = [line for line in self.lines if line[:4] == "zone"][-1]
        self.zone = "UTC" if channel else zone.split()[-1]
        self.place = Place(self.zone)
        self.targets = {kind: (dice.choice((5, 15, 60, 90, 600, 1441)),
                               dice.random() < 0.7 and not channel)
                        for kind in TARGETS if dice.random() < 0.8}
        # At least one, so that there is something to judge.
        self.targets = self.targets or {TARGETS[0]: (60, False)}

    def conf(self):
        targets = [f"{kind} = {target_text(*target)}"
                   for kind, target in self.targets.items()]
        return "\n".join([f"[hours {self.name}]", *self.lines,
                          f"[targets {self.name}]", *targets,
                          f"[crm {self.name}]",
                          f"hours{'.' + self.channel if self.channel else ''}"
                          f" = {self.name}",
                          f"targets = {self.name}", ""])

    def begin_of(self, day):
        """In ms. The zone of the tenant is that of its last version."""
        return 1000 * self.place.begin_of(day)

    def has_hours(self, channel=None):
        return self.channel in (None, channel)

    def judge(self, kind, begin, end, awaited, channel=None):
        """work_ms, target_ms, kept. An unanswered wait may be missed, but is
        never kept."""
        work = self.hours.work(begin, end) if self.has_hours(channel) else None
        answered = awaited is None
        kind = awaited or kind
        if kind not in self.targets:
            return work, None, None
        minutes, in_work = self.targets[kind]
        length = work if in_work else end - begin
        kept = int(length <= minutes * 60000)
        return work, minutes * 60000, (
            kept if answered or not kept else None)
