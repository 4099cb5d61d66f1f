"""world_hours: random opening hours and targets of the tenants of a simulated
CRM, how they change, and what they say about stored intervals."""

import os
import sys
from datetime import timedelta

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import dues  # noqa: E402
from opening_hours import DAY, random_version  # noqa: E402
from time_zones import Place  # noqa: E402

# Nights, and days on which clocks are changed, are among them.
STARTS = ("2025-10-26T00:20:00Z", "2026-03-29T00:30:00Z",
          "2026-03-08T06:30:00Z", "2026-04-04T14:40:00Z",
          "2026-11-20T09:00:00Z", "2026-11-20T22:50:00Z",
          "2026-07-31T16:30:00Z")


def zone_before_midnight(now):
    """A zone in which a day begins within the next hour."""
    east = 23 - now // 3600000 % 24
    east -= 24 if east > 14 else 0
    return "Etc/GMT%+d" % -east if east else "Etc/GMT"


def local_day(zone, now):
    return dues.day_of(now + 1000 * Place(zone).offset(now // 1000))


class TeamHours:
    """terms: as in dues.py."""

    def __init__(self, dice, tenants, channels, now):
        self.dice, self.tenants, self.channels = dice, tenants, channels
        self.replace(now)

    def replace(self, now):
        """Other hours and targets, also of the past."""
        self.terms = dues.random_terms(
            self.dice, dues.day_of(now), self.tenants, self.channels)
        for channels in self.terms.values():
            if self.dice.random() < 0.5:
                for t in channels.values():
                    t.zone = zone_before_midnight(now)

    def add_versions(self, now):
        """Hours and targets from tomorrow on, which soon begins."""
        for channels in self.terms.values():
            for channel, t in list(channels.items()):
                if self.dice.random() < 0.7:
                    channels[channel] = dues.Terms(
                        self.more_hours(t.versions, now),
                        self.more_targets(t, now), t.zone)

    def more_hours(self, versions, now):
        if versions is None:
            return None
        zone = zone_before_midnight(now)
        since = local_day(zone, now) + DAY
        if versions[-1].since and versions[-1].since >= since:
            return versions
        return versions + [random_version(
            self.dice, zone, since, since - 10 * DAY, since + 30 * DAY)]

    def more_targets(self, t, now):
        since = local_day(t.zone, now) + DAY
        before = t.targets.versions
        if before[-1][0] and before[-1][0] >= since:
            return t.targets
        (_, targets, soon), *_ = dues.random_targets(
            self.dice, since, t.versions).versions
        return dues.Targets(before + [(since, targets, soon)])

    def configure(self, text):
        """The configuration with these hours and targets."""
        sections, keys = dues.sections(self.terms)
        for tenant, lines in keys.items():
            own = f"[crm {tenant}]\n"
            assert own in text, text
            text = text.replace(own, own + "".join(
                line + "\n" for line in lines))
        return text + "".join(line + "\n" for line in sections)

    def some_day(self, now):
        """A day to judge again from, in each tenant's zone."""
        return dues.day_of(now) - timedelta(days=self.dice.choice(
            (0, 0, 1, 2, 7, 60)))

    def begin_of(self, tenant, day):
        own = self.terms.get(tenant)
        return 1000 * Place(own[None].zone if own else "UTC").begin_of(day)

    def judged(self, tenant, row):
        """The row with what the sink adds to it."""
        return {**row, **dues.judged(self.terms, tenant, row)}
