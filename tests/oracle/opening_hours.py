"""Opening hours, computed with Python's zoneinfo from the rules of
messaging-hours(7) alone: the open intervals of each day, one after the other.

As a program, it compares random intervals and deadlines in random calendars
with those of common/hours.
"""

import os
import random
import subprocess
import sys
import tempfile
from bisect import bisect_right
from datetime import date, datetime, time, timedelta

from time_zones import Place

TESTBIN = os.environ.get("TESTBIN", "build/tests")
DAYS = "mon tue wed thu fri sat sun".split()
DAY = timedelta(days=1)
MINUTES = 24 * 60
NEVER = 2 ** 63 - 1
# Half hours and quarters; clocks that are changed by 30 minutes; no changes.
ZONES = """Europe/Lisbon Europe/Berlin America/New_York Asia/Kolkata
    Asia/Kathmandu Australia/Lord_Howe Pacific/Chatham America/St_Johns
    America/Sao_Paulo Pacific/Apia""".split()


def clock(minutes):
    return f"{minutes // 60}:{minutes % 60:02d}"


def shift_text(shift):
    """An end after midnight is a time of the next day."""
    begin, end = shift
    return f"{clock(begin)}-{clock(end if end <= MINUTES else end - MINUTES)}"


class Version:
    """Shifts are (begin, end) in minutes since midnight. A week's days are 0 to
    6, others are dates."""

    def __init__(self, zone, week, since=None):
        self.zone, self.week, self.since = zone, week, since
        self.closed, self.parts, self.open = set(), {}, {}
        self.holidays = set()

    def shifts(self, day):
        if day in self.open:
            return self.open[day]
        if day in self.closed or day in self.holidays:
            return []
        return self.week.get(day.weekday(), [])

    def lines(self):
        """All of it, as a configuration has it; nothing is left of the version
        before."""
        if self.since:
            yield f"since = {self.since}"
        yield f"zone = {self.zone}"
        for i, name in enumerate(DAYS):
            shifts = " ".join(map(shift_text, self.week.get(i, [])))
            yield f"{name} = {shifts or 'closed'}"
        words = [str(day) for day in sorted(self.closed)]
        words += [f"{day}/{shift_text(part)}"
                  for day, parts in self.parts.items() for part in parts]
        yield "closed = " + " ".join(words)
        words = [f"{day}/{shift_text(shift)}"
                 for day, shifts in self.open.items() for shift in shifts]
        yield "open = " + ", ".join(words)


class Hours:
    """The versions of a calendar, from one date to another."""

    def __init__(self, versions, first, last):
        spans, closed = [], []
        for version, following in zip(versions, versions[1:] + [None]):
            place = Place(version.zone)
            day = max(first, version.since or first)
            end = min(last, following.since if following else last)
            while day < end:
                for begin, until in version.shifts(day):
                    spans.append((self.opening(place, day, begin),
                                  self.closing(place, day, until)))
                for begin, until in version.parts.get(day, []):
                    closed.append((self.closing(place, day, begin),
                                   self.opening(place, day, until)))
                day += DAY
        self.spans = self.without(self.union(spans), self.union(closed))
        self.ends = [end for _, end in self.spans]

    @staticmethod
    def wall(day, minutes):
        return datetime.combine(day, time()) + timedelta(minutes=minutes)

    def opening(self, place, day, minutes):
        """The first time that the clock shows it, in ms."""
        return 1000 * place.first_at(self.wall(day, minutes))

    def closing(self, place, day, minutes):
        """The last time."""
        wall = self.wall(day, minutes)
        early, late = place.of_wall(wall, 0), place.of_wall(wall, 1)
        if early <= late:
            return 1000 * late
        return 1000 * place.first_at(wall)

    @staticmethod
    def union(spans):
        joined = []
        for begin, end in sorted(s for s in spans if s[0] < s[1]):
            if joined and begin <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
            else:
                joined.append((begin, end))
        return joined

    @staticmethod
    def without(spans, closed):
        left = []
        for begin, end in spans:
            for from_, until in closed:
                if until <= begin or from_ >= end:
                    continue
                if from_ > begin:
                    left.append((begin, from_))
                begin = min(until, end)
            if begin < end:
                left.append((begin, end))
        return left

    def after(self, t):
        """The intervals that end after t."""
        for i in range(bisect_right(self.ends, t), len(self.spans)):
            yield self.spans[i]

    def work(self, begin, end):
        total = 0
        for opens, closes in self.after(begin):
            if opens >= end:
                break
            total += min(closes, end) - max(opens, begin)
        return total

    def deadline(self, begin, work):
        if work == 0:
            return begin
        for opens, closes in self.after(begin):
            there = closes - max(opens, begin)
            if there >= work:
                return max(opens, begin) + work
            work -= there
        return NEVER

    def state(self, t):
        """Open or not, and until when; NEVER also if that is after the last
        day that this calendar knows."""
        opens, closes = next(self.after(t))
        if closes == self.ends[-1]:
            closes = NEVER
        return (1, closes) if opens <= t else (0, opens)


# ---- random calendars ----

def random_week(dice):
    if dice.random() < 0.1:
        return {day: [(0, MINUTES)] for day in range(7)}
    week = {}
    small = dice.random() < 0.3  # the hours in which clocks are changed
    for day in dice.sample(range(7), dice.randint(1, 7)):
        kind = dice.random()
        if small:
            edges = sorted(dice.sample(range(0, 5 * 60, 15), 4))
            week[day] = list(zip(edges[::2], edges[1::2]))
            continue
        if kind < 0.2:  # a night, not longer than up to the next day's hours
            begin = dice.randrange(18 * 60, MINUTES, 15)
            week[day] = [(begin, dice.randrange(MINUTES, MINUTES + 360, 15))]
        else:
            edges = sorted(dice.sample(range(6 * 60, MINUTES + 1),
                                       2 * dice.randint(1, 3)))
            week[day] = list(zip(edges[::2], edges[1::2]))
    return week


def ics_date(day):
    return day.strftime("%Y%m%d")


def random_events(dice, first, last):
    """Lines of an iCalendar file, and the days that are holidays."""
    lines, days = [], set()

    def event(start, length, *more):
        lines.extend(["BEGIN:VEVENT", f"UID:{len(lines)}", "SUMMARY:Holiday",
                      f"DTSTART;VALUE=DATE:{ics_date(start)}"])
        if length > 1 or dice.random() < 0.5:
            end = ics_date(start + length * DAY)
            lines.append(f"DTEND;VALUE=DATE:{end}")
        lines.extend([*more, "END:VEVENT"])

    def add(start, length):
        days.update(start + i * DAY for i in range(length))

    span = (last - first).days
    for _ in range(dice.randint(1, 6)):
        start = first + dice.randrange(span) * DAY
        length = dice.choice((1, 1, 2, 5))
        kind = dice.randrange(6)
        if kind == 0:
            event(start, length)
            add(start, length)
        elif kind == 1:
            start = start.replace(year=start.year - 30, day=dice.randint(1, 28))
            event(start, length, "RRULE:FREQ=YEARLY")
            for year in range(start.year, 2038):
                add(start.replace(year=year), length)
        elif kind == 2:
            step, count = dice.randint(1, 3), dice.randint(1, 20)
            event(start, 1, f"RRULE:FREQ=WEEKLY;INTERVAL={step};COUNT={count}")
            for i in range(count):
                add(start + 7 * step * i * DAY, 1)
        elif kind == 3:
            until = start + dice.randrange(10, 40) * DAY
            gone = start + dice.randrange(1, 10) * DAY
            event(start, 1, f"RRULE:FREQ=DAILY;UNTIL={ics_date(until)}",
                  f"EXDATE;VALUE=DATE:{ics_date(gone)}")
            # Another event may still make that day a holiday.
            days.update({start + i * DAY
                         for i in range((until - start).days + 1)} - {gone})
        elif kind == 4:
            # the fourth Thursday of November
            start = date(first.year - 1, 11, 22)
            while start.weekday() != 3:
                start += DAY
            event(start, 1, "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH")
            for year in range(start.year, 2038):
                day = date(year, 11, 22)
                while day.weekday() != 3:
                    day += DAY
                add(day, 1)
        else:
            extra = start + dice.randint(20, 50) * DAY
            event(start, length, f"RDATE;VALUE=DATE:{ics_date(extra)}")
            add(start, length)
            add(extra, length)
    # A meeting is no holiday.
    at = ics_date(first + dice.randrange(span) * DAY)
    lines.extend(["BEGIN:VEVENT", "UID:m", "SUMMARY:Meeting",
                  f"DTSTART:{at}T090000Z", f"DTEND:{at}T100000Z",
                  "END:VEVENT"])
    return lines, days


def random_version(dice, zone, since, first, last):
    version = Version(zone, random_week(dice), since)
    span = (last - first).days
    for _ in range(dice.choice((0, 0, 3, 10))):
        day = first + dice.randrange(span) * DAY
        begin = dice.randrange(0, MINUTES - 1)
        part = (begin, dice.randrange(begin + 1, MINUTES + 1))
        kind = dice.randrange(3)
        if kind == 0 and day not in version.open:
            version.closed.add(day)
        elif kind == 1:
            version.parts.setdefault(day, []).append(part)
        elif kind == 2 and day not in version.closed:
            version.open[day] = [part]
    return version


def random_hours(dice, zone, first, last, folder):
    """A calendar's lines, and what they mean."""
    versions, lines = [], []
    for i in range(dice.choice((1, 1, 2, 3))):
        since = first + (200 * i + dice.randrange(100)) * DAY if i else None
        versions.append(random_version(
            dice, zone if i == 0 else dice.choice(ZONES), since, first, last))
        lines.extend(versions[-1].lines())
    if dice.random() < 0.6:
        events, days = random_events(dice, first, last)
        path = os.path.join(folder, f"{dice.randrange(10 ** 9)}.ics")
        with open(path, "w", newline="\r\n", encoding="utf-8") as file:
            print("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:test",
                  *events, "END:VCALENDAR", sep="\n", file=file)
        lines.insert(0, f"holidays = {path}")
        for version in versions:
            version.holidays = days
    return lines, Hours(versions, first, last)


CALENDARS_PER_ZONE = 5
QUESTIONS = 200  # to each calendar


def clock_changes(place, low, high):
    """In ms, as all of these."""
    step = 40 * 86400
    for s in range(low // 1000, high // 1000, step):
        if place.offset(s) != place.offset(s + step):
            yield 1000 * place.change(s, s + step)


def questions(dice, hours, place):
    """Random intervals and targets; many begin or end near the edge of an
    interval or a change of the clock. They stay away from the first and the
    last days, of which the calendar here does not know everything."""
    low = hours.spans[0][0] + 2 * 86400000
    high = low + (hours.spans[-1][1] - low) * 2 // 3
    edges = [edge for span in hours.spans for edge in span
             if low <= edge <= high]
    edges += [t + dice.choice((-7200000, -1800000, 0, 1, 3600000))
              for t in clock_changes(place, low, high)
              for _ in range(len(edges) // 8 + 1)]
    edges.append(low)
    for _ in range(QUESTIONS):
        begin = dice.randrange(low, high)
        if dice.random() < 0.5:
            begin = dice.choice(edges) + dice.choice((-1, 0, 1, 60000))
        end = begin + dice.choice((0, 1, 60000, 3600000, 10 ** 8, 10 ** 9)) + \
            dice.randrange(10 ** dice.randrange(1, 10))
        if dice.random() < 0.3:
            end = max(begin, dice.choice(edges))
        end = min(end, hours.spans[-1][1])
        limit = hours.work(begin, hours.spans[-1][1])
        work = dice.choice((1, 300000, 3600000, dice.randrange(10 ** 9),
                            hours.work(begin, end)))
        yield begin, end, min(work, limit)


def compare(dice, folder):
    asked, text = [], []
    for zone in ZONES:
        for _ in range(CALENDARS_PER_ZONE):
            first = date(dice.randrange(2004, 2032), dice.randint(1, 12), 1)
            lines, hours = random_hours(
                dice, zone, first, first + 1000 * DAY, folder)
            text += lines + [""]
            for begin, end, work in questions(dice, hours, Place(zone)):
                text.append(f"{begin} {end} {work}")
                asked.append((lines, hours, begin, end, work))
            text.append("")
    answers = subprocess.run(
        [os.path.join(TESTBIN, "tools", "opening_hours")],
        input="\n".join(text), capture_output=True, text=True,
        check=True).stdout.splitlines()
    wrong = 0
    for (lines, hours, begin, end, work), line in zip(asked, answers):
        want = (hours.work(begin, end), hours.deadline(begin, work),
                *hours.state(begin))
        got = tuple(map(int, line.split()))
        if want[3] == NEVER and got[3] >= hours.ends[-1]:
            got = *got[:3], NEVER
        if got == want:
            continue
        wrong += 1
        if wrong <= 3:
            print(*lines, f"ask {begin} {end} {work}", f"is     {line}",
                  f"should {want}", sep="\n")
    print(f"{len(asked)} questions, {len(answers)} answers, {wrong} wrong")
    return wrong == 0 and len(answers) == len(asked) >= 10000


def main():
    seed = int(os.environ.get("SEED") or os.environ.get("FIRST_SEED") or
               random.randrange(2 ** 32))
    print(f"SEED={seed}")
    with tempfile.TemporaryDirectory() as folder:
        return 0 if compare(random.Random(seed), folder) else 1


if __name__ == "__main__":
    sys.exit(main())
