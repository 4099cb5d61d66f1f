"""By when waiting customers must be answered, and how intervals are judged,
from the rules of messaging-hours(7): hours by opening_hours.py, and targets.
"""

import random
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from opening_hours import DAY, DAYS, MINUTES, NEVER, ZONES, Hours, Version, \
    random_version
from time_zones import Place

KINDS = ("first_response", "reply", "resolution")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Hours are computed for these years.
FIRST, LAST = date(2000, 1, 1), date(2038, 1, 1)
# Within so many days, each random target in work time is over.
REACH, BLOCK = 500, 100
UNITS = {"m": 60000, "h": 3600000}


def day_of(ms):
    return (EPOCH + timedelta(milliseconds=ms)).date()


def is_known(ms):
    """Whether all random hours around that time are known."""
    return FIRST + DAY < day_of(ms) < LAST - REACH * DAY


def length_words(ms):
    seconds = ms // 1000
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


class Targets:
    """versions: (since, {kind: (ms, whether in work time)}, soon in %)."""

    def __init__(self, versions):
        self.versions = versions

    def lines(self):
        for since, targets, soon in self.versions:
            if since:
                yield f"since = {since}"
            for kind in KINDS:
                ms, work = targets.get(kind, (0, False))
                text = f"{ms // 60000}m {'work' if work else 'calendar'}"
                yield f"{kind} = {text if ms else 'none'}"
            yield f"soon = {soon}%"

    def on(self, day):
        own = [v for v in self.versions if v[0] is None or v[0] <= day]
        return own[-1] if own else (None, {}, 0)


class Terms:
    """What applies to a channel. zone: where the days of targets begin."""

    def __init__(self, versions, targets, zone):
        self.versions, self.targets, self.zone = versions, targets, zone

    def day(self, ms):
        """Far from the days on which versions begin, the zone is
        irrelevant."""
        if not FIRST < day_of(ms) < LAST - DAY:
            return day_of(ms)
        return day_of(ms + 1000 * Place(self.zone).offset(ms // 1000))

    def target(self, kind, begin):
        """(ms, whether in work time, soon in %); 0 ms: none."""
        if self.targets is None:
            return 0, False, 0
        _, targets, soon = self.targets.on(self.day(begin))
        return *targets.get(kind, (0, False)), soon

    def due(self, kind, begin):
        """(answer_by, soon_at), None without a target."""
        ms, work, soon = self.target(kind, begin)
        early = ms // 100 * (100 - soon)
        if ms == 0:
            return None, None
        if not work:
            return begin + ms, begin + early
        if not FIRST < day_of(begin) < LAST - REACH * DAY:
            return None, None
        hours = self.hours(day_of(begin), day_of(begin) + REACH * DAY)
        end = hours.deadline(begin, ms)
        is_open, until = hours.state(end)
        # An answer at the opening keeps a target that ends with the closing.
        return end if is_open else until, hours.deadline(begin, early)

    def work(self, begin, end):
        """None without hours."""
        if self.versions is None or day_of(begin) < FIRST or \
                day_of(end) >= LAST:
            return None
        return self.hours(day_of(begin), day_of(end)).work(begin, end)

    def hours(self, first, last):
        return self.of_blocks(first.toordinal() // BLOCK,
                              last.toordinal() // BLOCK)

    @lru_cache(maxsize=32)
    def of_blocks(self, first, last):
        return Hours(self.versions, date.fromordinal(first * BLOCK) - 3 * DAY,
                     date.fromordinal((last + 1) * BLOCK) + 3 * DAY)

    def words(self, row, now):
        """When the answer to a waiting customer is due, as a terminal shows
        it."""
        by = row["answer_by"]
        _, work, _ = self.target(row["next_kind"], row["waiting_since"])
        text, is_open, until, late = "", True, NEVER, now - by
        if work:
            hours = self.hours(min(day_of(now), day_of(by)),
                               day_of(now) + REACH * DAY)
            is_open, until = hours.state(now)
            late = hours.work(by, now) if late > 0 else late
        if not is_open:
            text = f"closed, opens {self.clock(until, now)}, "
        if by < now:
            return text + f"late, {length_words(late)} over"
        if is_open and by <= until:
            return f"late in {length_words(by - now)}"
        return text + f"answer by {self.clock(by, now)}"

    def clock(self, at, now):
        there = EPOCH + timedelta(
            seconds=at // 1000 + Place(self.zone).offset(at // 1000))
        text = f"{there.hour}:{there.minute:02d}"
        if at - now >= 7 * 86400000:
            return f"{there.date()} {text}"
        if at - now >= 86400000:
            return f"{there:%a} {text}"
        return text

    def judge(self, kind, begin, end, awaited=None):
        """(work_ms, target_ms, kept). awaited: what an unanswered wait was
        for. Such a wait is missed or not judged; parts of waits have no
        target."""
        begin = min(begin, end)
        work = self.work(begin, end)
        ms, in_work, _ = self.target(awaited or kind, begin)
        length = work if in_work else end - begin
        if ms == 0:
            return work, None, None
        if length is None:
            return work, ms, None
        if length > ms:
            return work, ms, 0
        return work, ms, None if kind == "unanswered" else 1


def of_channel(terms, tenant, channel):
    own = (terms or {}).get(tenant, {})
    return own.get(channel, own.get(None))


def of_tenant(terms, tenant):
    """A function of a channel, a kind and the begin of a wait."""
    def due(channel, kind, begin):
        found = of_channel(terms, tenant, channel)
        return found.due(kind, begin) if found else (None, None)

    return due


JUDGED = ("work_ms", "target_ms", "kept")


def judged(terms, tenant, row):
    """What the sink adds to a row of the table intervals."""
    found = of_channel(terms, tenant, row["channel"])
    if found is None:
        return dict.fromkeys(JUDGED)
    return dict(zip(JUDGED, found.judge(
        row["kind"], row["start_at"], row["end_at"], row["awaited"])))


def sections(terms):
    """The lines about hours and targets for the programs, and those that belong
    to the section of each tenant."""
    calendars, targets = [], []

    def number(found, what):
        if what not in found:
            found.append(what)
        return found.index(what)

    tenants = {}
    for name, channels in terms.items():
        general = channels[None]
        own = tenants[name] = [f"zone = {general.zone}"]
        for channel, t in channels.items():
            dot = f".{channel}" if channel else ""
            if t.versions:
                own.append(f"hours{dot} = h{number(calendars, t.versions)}")
            if t.targets:
                own.append(f"targets{dot} = t{number(targets, t.targets)}")
    lines = []
    for i, versions in enumerate(calendars):
        lines.append(f"[hours h{i}]")
        for version in versions:
            lines += version.lines()
    for i, t in enumerate(targets):
        lines.append(f"[targets t{i}]")
        lines += t.lines()
    return lines, tenants


def configuration(terms):
    """All of these lines."""
    lines, tenants = sections(terms)
    yield from lines
    for name, own in tenants.items():
        yield f"[crm {name}]"
        yield from own


# ---- from the lines of an example ----

def minutes(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def read_week(words):
    """From "thu=9:00-12:00", in UTC."""
    week = {}
    for word in words:
        name, text = word.split("=")
        begin, end = map(minutes, text.split("-"))
        end += MINUTES if end <= begin else 0
        week.setdefault(DAYS.index(name), []).append((begin, end))
    return [Version("UTC", week)]


def read_targets(words):
    """From "reply=15m-work"."""
    found, soon = {}, 20
    for word in words:
        kind, text = word.split("=")
        if kind == "soon":
            soon = int(text)
        else:
            length, time = text.split("-")
            found[kind] = (int(length[:-1]) * UNITS[length[-1]],
                           time == "work")
    return Targets([(None, found, soon)])


# ---- random ----

def random_targets(dice, day, work):
    def some():
        return {kind: (60000 * dice.choice((1, 5, 30, dice.randint(1, 300))),
                       work and dice.random() < 0.7)
                for kind in KINDS if dice.random() < 0.9}

    versions = [(None, some(), dice.choice((20, 10, 50)))]
    if dice.random() < 0.4:
        versions.append((day + dice.randint(-2, 2) * DAY, some(), 33))
    return Targets(versions)


def random_terms(dice, day, tenants, channels):
    """For worlds around that day. Some tenants have none."""
    def calendar():
        first, last = day - 10 * DAY, day + 30 * DAY
        versions = [random_version(dice, dice.choice(ZONES), None, first, last)]
        if dice.random() < 0.4:
            versions.append(random_version(
                dice, dice.choice(ZONES), day + dice.randint(-2, 2) * DAY,
                first, last))
        return versions

    found = {}
    for tenant in tenants:
        if dice.random() < 0.2:
            continue
        hours = calendar() if dice.random() < 0.8 else None
        zone = dice.choice(ZONES)
        general = Terms(hours, random_targets(dice, day, hours), zone)
        found[tenant] = {None: general}
        for channel in channels:
            if dice.random() < 0.4:
                own = calendar() if dice.random() < 0.5 else hours
                found[tenant][channel] = Terms(
                    own, random_targets(dice, day, own), zone)
    return found


def random_for(seed, day, tenants, channels):
    """Independent of the dice of the world itself."""
    return random_terms(
        random.Random(f"hours {seed}"), day, tenants, channels)
