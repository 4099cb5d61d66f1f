"""Compares the starts of days, weeks, months, hours and quarter-hours in every
zone of this machine with Python's zoneinfo, at random times and near changes of
the clock from 1900 to 2036.
"""

import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

TESTBIN = os.environ.get("TESTBIN", "build/tests")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
TIMES = 30  # per zone
SHORT = (900, 3600)
# Not places: this machine's setting, and the mark that it has none.
HOSTS = {"localtime", "posixrules", "Factory"}
FIRST, LAST = -2208988800, 2114380800


def utc(s):
    return EPOCH + timedelta(seconds=s)


class Place:
    """All times are seconds since 1970."""

    def __init__(self, name):
        self.zone = ZoneInfo(name)

    def offset(self, s):
        return utc(s).astimezone(self.zone).utcoffset() // SECOND

    def change(self, low, high):
        """Finds the change of the offset between the two times."""
        before = self.offset(low)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset(middle) == before:
                low = middle
            else:
                high = middle
        return high

    def of_wall(self, wall, fold):
        there = wall.replace(fold=fold, tzinfo=self.zone)
        return (there.astimezone(timezone.utc) - EPOCH) // SECOND

    def first_at(self, wall):
        """The first time at which the clock shows WALL or later."""
        early, late = self.of_wall(wall, 0), self.of_wall(wall, 1)
        if early <= late:
            return early
        return self.change(late - 1, early)  # the clock skips it

    def begin_of(self, date):
        """The first instant of a date."""
        return self.first_at(datetime(date.year, date.month, date.day))

    def days_before(self, s, days):
        """The same time by the clock some days before; the start of a day gives
        the start of the other day."""
        date = self.date(s)
        begin = self.begin_of(date - timedelta(days=days))
        if self.begin_of(date) == s:
            return begin
        wall = utc(s).astimezone(self.zone).replace(tzinfo=None)
        return max(begin, self.first_at(wall - timedelta(days=days)))

    def date(self, s):
        date = utc(s).astimezone(self.zone).date()
        while self.begin_of(date + timedelta(days=1)) <= s:
            date += timedelta(days=1)
        return date

    def long_units(self, s):
        date = self.date(s)
        yield (self.begin_of(date), self.begin_of(date + timedelta(days=1)))
        monday = date - timedelta(days=date.weekday())
        yield (self.begin_of(monday),
               self.begin_of(monday + timedelta(days=7)))
        first = date.replace(day=1)
        after = (first + timedelta(days=31)).replace(day=1)
        yield (self.begin_of(first), self.begin_of(after))

    def short_end(self, s, unit):
        """A change of the clock begins another unit."""
        offset = self.offset(s)
        end = s - (s + offset) % unit + unit
        return self.change(s, end) if self.offset(end) != offset else end

    def units(self, s):
        for unit in SHORT:
            yield (self.short_end(s, unit),)
        yield from self.long_units(s)

    def text(self, s):
        there = utc(s).astimezone(self.zone)
        if there.utcoffset().seconds % 60:
            there = utc(s)
        return there.isoformat(timespec="milliseconds")

    def times(self, dice):
        """Random times, half of them near changes of the clock."""
        for i in range(TIMES):
            s = dice.randrange(FIRST, LAST) if i % 5 == 0 else \
                dice.randrange(0, LAST)
            later = s + 200 * 86400
            if i % 2 and self.offset(s) != self.offset(later):
                s = self.change(s, later) + dice.choice(
                    (-86400, -3600, -1800, -900, -1, 0, 1, 60, 1800, 3600,
                     dice.randrange(-90000, 90000)))
            yield s


def main():
    seed = int(os.environ.get("SEED") or os.environ.get("FIRST_SEED") or
               random.randrange(2 ** 32))
    print(f"SEED={seed}")
    dice = random.Random(seed)
    asked = []
    for name in sorted(available_timezones() - HOSTS):
        place = Place(name)
        asked += [(name, place, s) for s in place.times(dice)]
    text = "".join(f"{name} {s * 1000}\n" for name, _, s in asked)
    lines = subprocess.run(
        [os.path.join(TESTBIN, "tools", "calendar_lines")], input=text,
        capture_output=True, text=True, check=True).stdout.splitlines()
    wrong = 0
    for (name, place, s), line in zip(asked, lines, strict=True):
        want = " ".join([place.text(s)] + [
            str(at * 1000) for unit in place.units(s) for at in unit])
        if line != want:
            wrong += 1
            if wrong <= 10:
                print(f"{name} {s}: is     {line}\n  should be {want}")
    print(f"{len(asked)} times, {wrong} wrong")
    return 1 if wrong or len(asked) < 5000 else 0


if __name__ == "__main__":
    sys.exit(main())
