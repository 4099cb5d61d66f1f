"""Computes the clocks of a chat from all its records.

This is an independent implementation of the definition for one chat. It was
written from the definition alone and shares no code with the programs. It sorts
all events by time. Messages at the same time are sorted by their numbers, else
in order of arrival:

  messages  [{"id", "at", "from", "user", "operator", "kind", "private",
              "automated", "updated_at", "channel", "to", "text"}]
  records   chat records: [{"at", "status", "operator",
              "opened_at", "closed_at", "channel", "customer", ...}]

Times are whole milliseconds since 1970.
"""

OURS, CHATWOOT = "ours", "chatwoot"
LONG_AGO = float("-inf")
DETAILS = ("channel", "customer", "customer_name", "customer_phone", "tag")
OVER = ("closed", "gone")


def id_key(text):
    """Integers first, by value; then everything else, by bytes."""
    if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0"):
        return (0, (len(text), text), b"")
    return (1, (0, ""), text.encode())


def instant_key(m):
    """By time, then numbers by value; other ids keep their order."""
    return (m["at"], *id_key(m["id"])[:2])


def last_told(records):
    return told(records)[-1] if records else None


def by_bytes(text):
    return b"" if text is None else text.encode()


def version_key(m):
    """Of two versions of a message with updated_at, the greater one counts."""
    return (
        LONG_AGO if m.get("updated_at") is None else m["updated_at"],
        by_bytes(m["from"]),
        by_bytes(writer(m)),
        by_bytes(named_operator(m)),
        by_bytes(m.get("kind")),
        bool(m.get("private")),
        bool(m.get("automated")),
        by_bytes(m.get("channel")),
        by_bytes(m.get("to")),
        by_bytes(m.get("text")),
    )


def arrivals(versions):
    """For each version of a message, in order of arrival: the one that counts
    then, and its number among those without updated_at. Of these, the later
    arrival counts, but one that has come before changes nothing."""
    best, known, number = versions[0], [], 0
    yield best, number
    for m in versions[1:]:
        if m.get("updated_at") is None and best.get("updated_at") is None:
            known.append(clocks_see(best))
            if clocks_see(m) not in known:
                best, number = m, number + 1
        elif version_key(m) > version_key(best):
            best, number = m, 0
        yield best, number


def latest(versions):
    """The version that counts, at the time of the first."""
    *_, (best, _) = arrivals(versions)
    return dict(best, at=versions[0]["at"])


def clocks_see(m):
    """What distinguishes two versions without updated_at: neither recipient nor
    text."""
    return version_key(m)[1:-2]


def in_order(messages):
    """One version of each message, sorted by time. The first version that
    arrived fixes time and place."""
    versions = {}
    for m in messages:
        versions.setdefault(m["id"], []).append(m)
    return sorted(map(latest, versions.values()), key=instant_key)


def is_plain(m):
    return not m.get("private") and not m.get("automated")


def counts(m):
    """Whether metrics count the message."""
    return m["from"] != "system" and is_plain(m)


def writer(m):
    """The writer of a message. For an operator's message one of both fields is
    enough."""
    if m.get("user") is None and m["from"] == "operator":
        return m.get("operator")
    return m.get("user")


def named_operator(m):
    """The operator a message names. A message from an operator also names its
    writer."""
    if m.get("operator") is None and m["from"] == "operator":
        return m.get("user")
    return m.get("operator")


def answerer(m):
    """The operator credited with an answer."""
    return m.get("user") if m.get("operator") is None else m["operator"]


def as_of_what(record):
    """The time a chat record is about."""
    ended = record.get("status") == "closed"
    for name in ("at", "closed_at" if ended else "opened_at"):
        if record.get(name) is not None:
            return record[name]
    return LONG_AGO


def told(records):
    """The chat records in order of time, one of each. Of several, the later
    arrival counts, but one that has come before changes nothing. Fields that it
    lacks keep their values."""
    by_time = {}
    for r in records:
        by_time.setdefault(as_of_what(r), []).append(r)
    found = []
    for _, (last, *others) in sorted(by_time.items()):
        known = [chat_content(last)]
        for r in others:
            if chat_content(r) in known:
                continue
            known.append(chat_content(r))
            for name in (*DETAILS, "opened_at"):
                if r.get(name) is None and last.get(name) is not None:
                    r = dict(r, **{name: last[name]})
                    if name == "opened_at" and last.get("opened_late"):
                        r["opened_late"] = True
            last = r
        found.append(last)
    return found


def chat_content(r):
    return (r.get("status") or "open",
            closing(r) if r.get("status") == "closed" else None,
            *(r.get(name) for name in (
                "operator", "opened_at", "tags", *DETAILS)))


class Interval:
    """The length is exact or in whole seconds; the ends are exact. by: the
    message that ended the interval, or None."""

    def __init__(self, kind, operator, start, end, by, exact=True):
        self.kind, self.operator = kind, operator
        self.message, self.channel, self.awaited = "", None, None
        self.by_record = by is None
        if by is not None:
            self.message, self.channel = by["id"], by.get("channel")
        self.start, self.end = start, end
        ms = end - start if exact else (end // 1000 - start // 1000) * 1000
        self.skewed = ms < 0
        self.ms = max(ms, 0)


class Happening:
    """An event at a point in time. At the same time, the CRM's records come
    first, then an opening, then messages, then a closing. But a closing of what
    began earlier comes before an opening."""

    SAYS, BEGINS, MESSAGE, ENDS = range(4)

    def __init__(self, at, what, order, given):
        self.at, self.what, self.given = at, what, given
        self.key = (at, what, order)


def happenings(records, messages):
    """All events of a chat, in order; the messages are sorted already."""
    out = [Happening(m["at"], Happening.MESSAGE, (), m) for m in messages]
    for r in told(records):
        out.append(Happening(as_of_what(r), Happening.SAYS, (), r))
        if r.get("opened_at") is not None and not r.get("opened_late"):
            out.append(Happening(r["opened_at"], Happening.BEGINS, (), r))
        if r.get("status") == "closed" and not r.get("closed_late"):
            out.append(Happening(closing(r), Happening.ENDS, (), r))
    return sorted(out, key=lambda h: h.key)


def closing(r):
    """When the episode ended that the record reports as closed."""
    return as_of_what(r) if r.get("closed_at") is None else r["closed_at"]


def is_within(at, message_at):
    """Whether a message may be that late: with whole seconds, it may have come
    at any point of its second."""
    return message_at is not None and message_at % 1000 == 0 and \
        at - message_at < 1000


class Status:
    """The newest event decides; at the same time a closing wins, then the CRM's
    own record."""

    def __init__(self):
        self.now = self.said = "open"
        self.said_at = self.closed_at = None

    def after(self, e):
        if e.what == Happening.SAYS:
            self.said, self.said_at = e.given.get("status") or "open", e.at
            if not is_within(e.at, self.closed_at):
                self.now = self.said
        elif e.what == Happening.MESSAGE:
            self.message(e.at, e.given)
        return self.now

    def message(self, at, m):
        if m["from"] == "system" and m.get("kind") == "closed":
            self.now, self.closed_at = "closed", at
        elif m["from"] == "customer" and is_plain(m) or \
                m["from"] == "system" and m.get("kind") == "opened":
            self.now = self.said if at == self.said_at else "open"
            self.closed_at = None


class Chat:
    """The final values of a chat. missing: the time of the newest snapshot, if
    it lacks the chat. Outside a stream, chat records are final."""

    def __init__(self, records, messages, definition=OURS, in_stream=False,
                 missing=None):
        self.ours = definition == OURS
        self.in_stream = in_stream
        self.events = events = happenings(records, in_order(messages))
        status = Status()
        self.operator = None # the assigned operator
        self.details = dict.fromkeys(DETAILS)
        self.opened_at = None
        self.intervals = [] # all intervals
        self.closings = 0
        self.told_at = None # time of the last closing
        self.said = None # when a record last named the operator, and which one
        self.passed_at = None # when the chat was transferred
        self.over = [] # episodes: the end, and whether an operator was named
        self.known = self.known_then = False # whether an operator was named
        self.A = None
        self.begin()
        self.messages = [
            e.given for e in events if e.what == Happening.MESSAGE]
        self.says = [e for e in events if e.what == Happening.SAYS]
        self.before_all = self.holder_before_all()
        if not self.ours:
            self.begin_of_life()
        for e in events:
            status.after(e)
        self.live(list(events))
        for i in self.intervals:
            if i.by_record:
                i.channel = self.details["channel"]
        self.status = status.now
        self.missed = missing is not None and all(
            missing >= e.at for e in events
            if e.what in (Happening.SAYS, Happening.MESSAGE))
        if self.missed:
            self.status = "left"

    def holder_before_all(self):
        """The operator named by the first record, or by the first message about
        an assignment if that is earlier."""
        first = [e for e in self.says if e.at == self.says[0].at][-1:]
        for m in self.messages:
            if first and m["at"] >= first[0].at:
                break
            if is_assigned(m):
                return m.get("operator")
        return first[0].given.get("operator") if first else None

    def begin_of_life(self):
        """Chatwoot's times count from the first opening, or else from the first
        message."""
        opened = [e.given["opened_at"] for e in self.says
                  if e.given.get("opened_at") is not None]
        self.life_at = min(opened, default=None)
        first = self.messages[0]["at"] if self.messages else None
        if first is not None and (
                not opened or self.in_stream and first < self.life_at):
            self.life_at, opened = first, []
        self.opening_known = bool(opened)
        if opened:
            self.begun_at = self.life_at
        self.A = self.life_at

    def begin(self):
        """Begins an episode. By Chatwoot's definition a chat has only one."""
        self.A = self.W = self.F = None
        self.begun_at = None # when something began it
        self.handed_over = False
        self.first_at = None
        self.part = None
        self.cut = False
        self.responses = [] # in this episode
        self.first_response = None
        self.counted = []

    def holder(self):
        return self.operator if self.known else self.before_all

    def live(self, waiting):
        while waiting:
            e = waiting.pop(0)
            if e.what == Happening.BEGINS and self.begun_at is not None and \
                    self.begun_at < e.at:
                now = [x for x in waiting if x.at == e.at]
                told = [x for x in now if x.what == Happening.MESSAGE
                        and is_closing(x.given)]
                ends = [x for x in now if x.what == Happening.ENDS]
                if told:
                    waiting.insert(waiting.index(told[0]) + 1, e)
                    continue
                if ends:
                    waiting.remove(ends[0])
                    self.step(ends[0])
            self.step(e)

    def step(self, e):
        if e.what == Happening.MESSAGE:
            self.message(e.given)
            self.known_then = self.known
        elif e.what == Happening.SAYS:
            self.say(e.at, e.given)
        elif e.what == Happening.BEGINS:
            self.open(e.at)
        elif self.told_at != e.at: # else it was told already
            self.end(e.at, None)

    def open(self, at):
        """Messages before the reopening keep their values."""
        if self.ours:
            if self.begun_at is not None:
                self.over.append((at, self.known_then))
            self.begin()
            return
        if self.begun_at is None:
            self.begun_at = at
        if at > self.life_at:
            self.A = at
            if not self.opening_known:
                self.life_at, self.opening_known = at, True

    def say(self, at, r):
        if not is_within(at, self.passed_at):
            if self.said is None or self.said[0] != at:
                self.said = (at, self.holder())
            self.operator, self.known = r.get("operator"), True
        for name in DETAILS:
            if r.get(name) is not None:
                self.details[name] = r[name]
        if r.get("opened_at") is not None:
            self.opened_at = r["opened_at"]

    def message(self, m):
        at, who = m["at"], m["from"]
        if is_closing(m):
            self.end(at, m)
            return
        if who == "system" or not m.get("automated"):
            if self.begun_at is None:
                self.begun_at = at
            if self.first_at is None:
                self.first_at = at
        if counts(m):
            self.counted.append(m)
        if who == "system":
            self.system(m)
        elif not is_plain(m):
            pass
        elif who == "customer":
            if self.ours and self.A is None:
                self.A = at
            self.wait(at)
        elif who == "operator":
            self.answer(m)
        else:
            self.served(at, m)

    def wait(self, at):
        if self.W is None:
            self.W = self.part = at
            self.cut = False

    def served(self, at, by):
        if self.W is not None and self.cut:
            self.tell_part(self.holder(), at, by)
        self.W = None

    def tell_part(self, operator, at, by):
        if at > self.part:
            self.tell("waiting", operator, self.part, at, by)

    def join(self, m):
        """Assigned in the second of the answer, the answerer had the whole
        wait."""
        if self.W is not None and self.cut and \
                self.holder() is not None and self.holder() == answerer(m) and \
                self.part // 1000 == m["at"] // 1000:
            self.intervals = [
                i for i in self.intervals
                if i.kind != "waiting" or i.start < self.W]
            self.cut = False

    def tell(self, kind, operator, start, end, by):
        i = Interval(kind, operator, start, end, by, self.ours)
        self.intervals.append(i)
        return i

    def answer(self, m):
        at = m["at"]
        self.join(m)
        if self.F is None:
            self.F = at
            if self.A is not None:
                self.first_response = self.tell(
                    "first_response", answerer(m), self.A, at, m)
                self.responses.append(self.first_response)
        elif self.W is not None:
            credited = answerer(m) if self.ours else self.holder()
            self.responses.append(
                self.tell("reply", credited, self.W, at, m))
        self.served(at, m)

    def system(self, m):
        at, kind = m["at"], m.get("kind")
        if kind == "handoff" and not self.handed_over:
            self.handed_over = True
            self.A = at
            self.wait(at)
        elif kind == "opened" and not self.ours:
            self.A = at
        elif kind == "assigned":
            self.transfer(m)

    def transfer(self, m):
        before = self.holder()
        if before == m.get("operator") and self.said is not None and \
                self.said[0] == m["at"]:
            before = self.said[1] # the record is about the same transfer
        self.said, self.passed_at = None, m["at"]
        if self.ours and self.W is not None and \
                before != m.get("operator"):
            self.tell_part(before, m["at"], m)
            self.part, self.cut = m["at"], True
        self.operator, self.known = m.get("operator"), True

    def end(self, at, by):
        """Closes the chat and ends the episode, if there is one."""
        self.told_at = at
        if self.begun_at is None:
            return
        waited = self.W
        first = self.first_at if self.ours else self.life_at
        awaited = "reply" if self.A is None or self.F is not None else \
            "first_response"
        self.served(at, by)
        self.tell("resolution", self.holder(), first, at, by)
        self.begun_at = None
        if not self.ours:
            return
        self.over.append((at, self.known if by else self.known_then))
        if waited is not None:
            self.tell("unanswered", self.holder(), waited, at,
                      by).awaited = awaited
        self.begin()

    def is_open(self):
        """A snoozed chat is open while a customer waits."""
        return self.status == "open" or \
            self.status == "snoozed" and self.W is not None

    def is_as_said(self, record):
        """A snapshot's record is final for status and operator. Without a
        record the chat is not open."""
        if record is None:
            self.status = "left"
            return
        self.status = record.get("status") or "open"
        self.operator = record.get("operator")


def heard(records, messages, definition, window):
    """The records as a stream applies them. A record that comes more than a
    window after its time is too late for episodes that had ended by then. Until
    a record names the operator, episodes stay open for another window."""
    out = []
    for r in sorted(records, key=lambda r: r["taken"]):
        told = [("opened_late", r.get("opened_at"))]
        if r.get("status") == "closed":
            told.append(("closed_late", closing(r)))
        for name, at in told:
            if at is None or r["before"] is None or \
                    at >= r["before"] - window:
                continue
            over = Chat(out, [m for m in messages if m["taken"] < r["taken"]],
                        definition, in_stream=True).over
            if any(at <= end < r["before"] - window * (1 if known else 2)
                   for end, known in over):
                r = dict(r, **{name: True})
        out.append(r)
    return out


def is_closing(m):
    return m["from"] == "system" and m.get("kind") == "closed"


def is_assigned(m):
    return m["from"] == "system" and m.get("kind") == "assigned"
