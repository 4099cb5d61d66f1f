"""The expected rows of a stream of records, from the manual alone.

expected() reads the lines in order and returns the rows of every table, the
refused lines and the late ones. In a stream, a line is late relative to the
newest time before it, and the events of snapshots do not count. In a one-shot
run nothing is late, and if all records of a tenant are from snapshots, its chat
records are final. Everything else is the same.
"""

import collections

import counts
import dues
import metrics
import records
import clocks
from clocks import LONG_AGO, OURS, as_of_what
from row_keys import KEYS

DAY = 86400000
DEFAULTS = {
    "window": DAY, "forget": 90 * DAY, "user_active": DAY,
    "alert_minute": 8, "alert_five_minutes": 20, "trend_window": 120000,
    "trend_count": 2, "trend_length": 3, "stop": (), "definition": OURS,
    "terms": {},
}


class Snapshot:
    def __init__(self, begin):
        self.id, self.at = begin["snapshot"], begin["at"]
        self.lines = []

    def add(self, r):
        """A chat without a time counts as of the CRM's answer."""
        if r["type"] == "chat" and r.get("at") is None:
            r = dict(r, at=self.at)
        self.lines.append(r)


class Tenant:
    """All records of one tenant that were not late."""

    def __init__(self, name, conf, by_hand=True):
        self.name, self.conf, self.by_hand = name, conf, by_hand
        self.first = self.newest = self.before_snapshot = None
        self.taken = 0
        self.versions = collections.defaultdict(list) # in order of arrival
        self.said = collections.defaultdict(list) # records of each chat
        self.listed, self.names, self.available = {}, {}, {}
        self.told = {} # operator -> time of the newest record, or snapshot
        self.corrected = set() # operators whom a snapshot told last
        self.timeless = {} # record of an operator -> when it came
        self.events = []
        self.snapshots = [] # (at, its chats)
        self.open = None

    def is_late(self, at):
        return at is not None and self.newest is not None and \
            at < self.newest - self.conf["window"]

    def pass_time(self, at):
        if at is not None and at != LONG_AGO:
            self.first = at if self.first is None else self.first
            self.newest = at if self.newest is None else max(self.newest, at)

    def taken_in(self, r):
        """Adds the record's arrival. In a stream it also adds the tenant's time
        with and before the record; for a snapshot, before all of its
        records."""
        self.taken += 1
        before = now = None
        if not self.by_hand:
            before = self.newest if r.get("snapshot") is None else \
                self.before_snapshot
            now = max((t for t in (self.newest, r.get("at"))
                       if t is not None), default=None)
        return dict(r, taken=self.taken, before=before, now=now)

    @staticmethod
    def tell_available(to, r, at, afresh=False):
        """The later of two records about availability counts. Without
        available_at, it is as old as the record; without that, it is new."""
        name = r["operator"]
        at = r.get("available_at", at)
        if "available" in r:
            known = to.get(name, (None, None))[1]
            if at is None or known is None or at >= known:
                to[name] = r["available"], known if at is None else at
        elif afresh:
            to.pop(name, None)

    def operator(self, r, afresh=False):
        old = {} if afresh else self.listed.get(r["operator"], {})
        known = self.names.get(r["operator"])
        name = r.get("name")
        if name is not None:
            self.names[r["operator"]] = name
        elif not afresh:
            name = known
        self.listed[r["operator"]] = {
            "name": name,
            "available": self.available.get(r["operator"], (None,))[0],
            "reported": r.get("reported_open_chats", old.get("reported")),
        }

    def message(self, r):
        """A later version keeps the time of the first."""
        if r.get("about"):
            return
        versions = self.versions[r["chat"], r["id"]]
        taken = self.taken_in(r)
        if versions:
            taken["at"] = versions[0]["at"]
        versions.append(taken)

    def told_operator(self, r):
        """The later of two records counts, and one without a time is the
        latest, unless it has come before and a snapshot has corrected it since.
        An older record only changes the availability, which may have its own
        time."""
        name, at = r["operator"], r.get("at")
        if at is None and self.has_come(r) and name in self.corrected:
            return
        older = at is not None and at < self.told.get(name, at)
        if older and name not in self.listed:
            return
        self.tell_available(self.available, r, at)
        if older:
            self.listed[name]["available"] = self.available.get(
                name, (self.listed[name]["available"],))[0]
            return
        if at is not None:
            self.told[name] = at
        self.corrected.discard(name)
        self.operator(r)

    def has_come(self, r):
        """Whether the same record without a time has come within the window."""
        content = tuple(sorted((k, v) for k, v in r.items() if k != "line"))
        before, now = self.timeless.get(content), self.newest
        self.timeless[content] = -1 if now is None else now
        if before is None or self.by_hand or now is None:
            return before is not None
        if before == -1:
            before = self.first
        return counts.step(now - self.conf["window"], self.conf) <= \
            counts.step(before, self.conf)

    def take(self, r):
        """Applies a record outside snapshots and returns its time."""
        kind = r["type"]
        if kind == "operator":
            self.told_operator(r)
        elif kind == "chat":
            if as_of_what(r) == LONG_AGO and self.newest is not None:
                r = dict(r, at=self.newest)
            self.said[r["chat"]].append(self.taken_in(r))
        elif kind == "message":
            self.message(r)
        elif kind == "event":
            self.events.append(self.taken_in(r))
        self.pass_time(time_of(r))

    def directory(self, lines, at):
        """The operators of a snapshot, and those who are newer."""
        before, self.listed = self.listed, {}
        there = {r["operator"] for r in lines}
        newer = {k for k in {*before, *there} if self.told.get(k, at) > at}
        for name in before:
            if name in newer:
                self.listed[name] = before[name]
            elif name not in there:
                self.available.pop(name, None)
        for r in lines:
            name = r["operator"]
            if name not in newer:
                self.tell_available(self.available, r, at, afresh=True)
                self.operator(r, afresh=True)
            elif name in self.listed:
                self.tell_available(self.available, r, at)
                self.listed[name]["available"] = self.available.get(
                    name, (self.listed[name]["available"],))[0]
        for name in {*before, *there} - newer:
            self.told[name] = at
            self.corrected.add(name)

    def whole(self, snapshot):
        """Applies a complete snapshot to the known state."""
        self.before_snapshot = self.newest
        self.pass_time(snapshot.at)
        chats = set()
        self.directory([r for r in snapshot.lines if r["type"] == "operator"],
                       snapshot.at)
        for r in snapshot.lines:
            if r["type"] == "chat":
                chats.add(r["chat"])
                self.said[r["chat"]].append(self.taken_in(r))
            elif r["type"] == "message":
                chats.add(r["chat"])
                self.message(r)
            elif r["type"] == "event" and self.by_hand:
                # A stream has events next to its snapshots.
                self.events.append(self.taken_in(r))
        self.snapshots.append((snapshot.at, chats))

    def newest_snapshot(self):
        return max((at for at, _ in self.snapshots), default=None)

    def chats(self, alone):
        own = collections.defaultdict(list)
        for (chat, _), versions in self.versions.items():
            own[chat] += versions
        return {chat: self.chat(chat, own.get(chat, []), alone)
                for chat in sorted(set(own) | set(self.said))}

    def chat(self, name, messages, alone):
        definition, window = self.conf["definition"], self.conf["window"]
        said = self.said.get(name, [])
        messages = sorted(messages, key=lambda m: m["taken"])
        newest = self.newest_snapshot()
        lacked = newest is not None and not any(
            at == newest and name in there for at, there in self.snapshots)
        if not self.by_hand:
            said = clocks.heard(said, messages, definition, window)
        chat = clocks.Chat(said, messages, definition, not alone,
                           newest if lacked else None)
        if alone and not chat.missed:
            chat.is_as_said(clocks.last_told(said))
        return chat

    def rows(self, alone=False):
        """{(table, key...): row}. alone: all records are from snapshots."""
        if self.newest is None:
            return {}
        chats = self.chats(alone)
        found = metrics.live_rows(
            self.name, self.listed, self.names, chats, self.newest,
            dues.of_tenant(self.conf["terms"], self.name))
        tables = {t: list(rows.values()) for t, rows in found.items()}
        tables.update(self.counted(chats))
        return keyed(tables, self.newest)

    def counted(self, chats):
        first = None if self.by_hand else self.first
        events = [dict(e, before=first) if e["before"] is None else e
                  for e in self.events]
        return counts.rows(list(self.versions.values()), events, chats,
                           self.newest, self.conf)


def time_of(r):
    """The time a record is about, if it has one."""
    if r["type"] == "chat":
        at = as_of_what(r)
        return None if at == LONG_AGO else at
    if r["type"] == "message" and r.get("about"):
        return None
    return r.get("at")


def keyed(tables, newest):
    found = {}
    for table, rows in tables.items():
        for row in rows:
            row = dict(row, as_of=newest)
            row.pop("tenant", None)
            key = (table,) + tuple(row[k] for k in KEYS[table])
            assert key not in found, key
            found[key] = row
    return found


class Expected:
    """rows: {tenant: {key: row}}; refused and late: line numbers; cut: tenants
    with a truncated snapshot."""

    def __init__(self):
        self.rows = {}
        self.refused, self.late, self.cut = {}, set(), set()
        self.accepted, self.in_snapshots = [], [] # records
        self.taken = [] # both, in order


def expected(data, conf=None, by_hand=True):
    conf = dict(DEFAULTS, **(conf or {}))
    found = Expected()
    read, found.refused = records.read(data)
    tenants, streams = {}, set()
    for r in read:
        name = r["tenant"]
        t = tenants.setdefault(name, Tenant(name, conf, by_hand))
        if r["type"] == "snapshot":
            marker(t, r, found)
        elif r.get("snapshot") is not None:
            if t.open is not None and t.open.id == r["snapshot"]:
                t.open.add(r)
        elif not by_hand and r["type"] != "view" and t.is_late(time_of(r)):
            found.late.add(r["line"])
        else:
            found.accepted.append(r)
            found.taken.append(r)
            streams.add(name)
            t.take(r)
    for name, t in tenants.items():
        if t.open is not None:
            found.cut.add(name)
        found.rows[name] = t.rows(alone=by_hand and name not in streams)
    return found


def marker(t, r, found):
    """A complete snapshot is applied at its end, unless a newer one came
    first."""
    if r["state"] == "begin":
        if t.open is not None:
            found.cut.add(t.name)
        t.open = Snapshot(r)
        return
    s, t.open = t.open, None
    if s is None or s.id != r["snapshot"] or len(s.lines) != r["records"]:
        found.cut.add(t.name)
        return
    newest = t.newest_snapshot()
    if newest is None or newest <= s.at:
        found.in_snapshots += s.lines
        found.taken += s.lines
        t.whole(s)
