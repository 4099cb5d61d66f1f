"""When rules tell somebody that customers wait too long, from
messaging-notices(7), and random teams on which to try them: what happens in a
step, as records, and the rows of the table notices after it.
"""

import json
import random
from datetime import datetime, timezone

import dues

MINUTE = 60000
CHANNELS = ("11", "13")
REACH = dues.REACH * dues.DAY
# As in the configuration; times in ms.
RULES = {
    "late": {"when": "late", "for": 0},
    "later": {"when": "late", "for": 7 * MINUTE},
    "soon": {"when": "soon"},
    "left": {"when": "soon", "left": 10 * MINUTE},
    "two": {"when": "waiting", "for": 10 * MINUTE, "customers": 2, "clear": 1},
    "channel": {"when": "waiting", "for": 5 * MINUTE, "customers": 1,
                "channels": CHANNELS[0]},
    "nobody": {"when": "nobody_online", "for": 15 * MINUTE, "customers": 1},
    "team": {"when": "waiting", "for": 5 * MINUTE, "customers": 1,
             "teams": "sales"},
    "team-late": {"when": "late", "for": 0, "teams": "sales"},
    "team-away": {"when": "nobody_online", "for": 15 * MINUTE, "customers": 1,
                  "teams": "sales"},
}
# The operator o is in the team, p is not.
TEAM, OPERATORS = "sales: o", ("o", "p")
PER_CHAT = ("soon", "late")


def sections():
    """The rules, for a configuration file."""
    for name, rule in RULES.items():
        yield f"[notice {name}]"
        for key, value in rule.items():
            if key in ("for", "left"):
                value = f"{value // 1000}s"
            if not (key == "for" and value == "0s"):
                yield f"{key} = {value}"


class Wait:
    def __init__(self, since, kind, channel, operator):
        self.since, self.kind, self.channel = since, kind, channel
        self.operator = operator # None: unassigned


class Notices:
    """The notices of a tenant. terms: of dues.random_terms()."""

    def __init__(self, terms, tenant):
        self.terms, self.tenant = terms, tenant
        self.rows = []  # fired ones, over or not
        self.nobody_since = {} # by rule

    def of(self, channel):
        return dues.of_channel(self.terms, self.tenant, channel)

    def calendar(self, channel, at):
        """None: always open."""
        terms = self.of(channel)
        if terms is None or terms.versions is None:
            return None
        return terms.hours(dues.day_of(at), dues.day_of(at) + REACH)

    def is_open(self, channel, at):
        calendar = self.calendar(channel, at)
        return calendar is None or calendar.state(at)[0]

    def after(self, channel, at, ms):
        calendar = self.calendar(channel, at)
        return at + ms if calendar is None else calendar.deadline(at, ms)

    def target(self, w):
        terms = self.of(w.channel)
        return terms.target(w.kind, w.since)[:2] if terms else (0, False)

    @staticmethod
    def scope(rule):
        return f"channel {rule['channels']}" if "channels" in rule else \
            f"team {rule['teams']}" if "teams" in rule else ""

    def counts(self, rule, w, now):
        """Whether a wait counts for a rule."""
        if rule.get("channels") not in (None, w.channel) or \
                "teams" in rule and w.operator != OPERATORS[0]:
            return False
        if rule["when"] == "waiting":
            return now >= self.after(w.channel, w.since, rule["for"])
        if rule["when"] == "nobody_online":
            return now >= w.since
        terms = self.of(w.channel)
        by, soon_at = terms.due(w.kind, w.since) if terms else (None, None)
        if by is None:
            return False
        if rule["when"] == "late":
            return now > self.after(w.channel, by, rule["for"])
        if "left" in rule:
            ms, work = self.target(w)
            ms = max(0, ms - rule["left"])
            soon_at = self.after(w.channel, w.since, ms) if work \
                else w.since + ms
        return soon_at <= now <= by

    def fire(self, name, scope, chat, channel, begin, now, value, target):
        self.rows.append({
            "rule": name, "kind": RULES[name]["when"], "scope": scope,
            "chat": chat, "channel": channel, "begin_at": begin,
            "fired_at": now, "over_at": None, "value": value,
            "target": target})

    def current(self, name):
        return [r for r in self.rows
                if r["rule"] == name and r["over_at"] is None]

    def per_chat(self, name, waits, now):
        rule = RULES[name]
        good = {(chat, w.since): w for chat, w in waits.items()
                if self.counts(rule, w, now)}
        for row in self.current(name):
            if not self.is_open(row["channel"], now):
                good.pop((row["chat"], row["begin_at"]), None)
            elif good.pop((row["chat"], row["begin_at"]), None) is None:
                row["over_at"] = now
        for (chat, since), w in good.items():
            if self.is_open(w.channel, now):
                target, work = self.target(w)
                passed = self.of(w.channel).work(since, now) if work \
                    else now - since
                self.fire(name, self.scope(rule), chat, w.channel, since, now,
                          passed // 1000, target // 1000)

    def per_scope(self, name, waits, now, nobody):
        rule = RULES[name]
        channel, scope = rule.get("channels"), self.scope(rule)
        if not self.is_open(channel, now):
            return
        since = sorted(w.since for w in waits.values()
                       if self.counts(rule, w, now))
        begin = None
        if rule["when"] == "nobody_online":
            holds = fires = nobody(rule) and len(since) >= rule["customers"]
            calendar = self.calendar(channel, now)
            begin = self.nobody_since.get(name)
            if not holds:
                begin = None
            elif begin is None or calendar is not None and \
                    not self.current(name) and \
                    calendar.state(begin)[1] <= now:
                begin = now
            self.nobody_since[name] = begin
            fires = holds and now >= begin + rule["for"]
        else:
            holds = len(since) > rule["clear"] if "clear" in rule else since
            fires = len(since) >= rule["customers"]
            if fires:
                begin = since[rule["customers"] - 1]
        current = self.current(name)
        if current and not holds:
            current[0]["over_at"] = now
        if not current and fires:
            self.fire(name, scope, "", channel, begin, now, len(since),
                      rule["customers"])

    def evaluate(self, waits, now, nobody):
        """waits: chat -> Wait. nobody(rule): no operator of the rule is online,
        as the CRM says."""
        for name, rule in RULES.items():
            if rule["when"] in PER_CHAT:
                self.per_chat(name, waits, now)
            else:
                self.per_scope(name, waits, now, nobody)


def text(ms):
    at = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


class Team:
    """A random tenant: its chats, and its notices."""

    def __init__(self, seed, tenant, start):
        self.dice = random.Random(f"notices {seed} {tenant}")
        self.tenant, self.now = tenant, start
        self.terms = dues.random_terms(
            self.dice, dues.day_of(start), [tenant], CHANNELS)
        self.notices = Notices(self.terms, tenant)
        self.waits, self.answered, self.channels = {}, set(), {}
        self.operators = {} # of open chats
        self.n = 0
        self.tells = self.dice.random() < 0.8  # who is online
        self.online = {}

    def record(self, type_, **members):
        return json.dumps({"type": type_, "tenant": self.tenant, **members})

    def describe(self, chat, status, at):
        operator = self.operators[chat]
        return self.record("chat", chat=chat, status=status, at=text(at),
                           channel=self.channels[chat],
                           **({"operator": operator} if operator else {}))

    def open_chat(self, at):
        self.n += 1
        chat = f"c{self.n}"
        self.channels[chat] = self.dice.choice(CHANNELS)
        self.operators[chat] = self.dice.choice((None, *OPERATORS))
        yield self.describe(chat, "open", at)
        yield from self.write(chat, at)

    def write(self, chat, at):
        self.n += 1
        yield self.record("message", chat=chat, id=f"m{self.n}",
                          user="u", at=text(at), **{"from": "customer"})
        self.waits.setdefault(chat, Wait(
            at, "reply" if chat in self.answered else "first_response",
            self.channels[chat], self.operators[chat]))

    def snooze(self, chat, at):
        """A customer who waits goes on waiting."""
        yield self.describe(chat, "snoozed", at)

    def answer(self, chat, at):
        self.n += 1
        yield self.record("message", chat=chat, id=f"m{self.n}", user="o",
                          operator="o", at=text(at), **{"from": "operator"})
        self.answered.add(chat)
        self.waits.pop(chat, None)

    def close(self, chat, at):
        yield self.record("chat", chat=chat, status="closed", at=text(at),
                          closed_at=text(at), channel=self.channels.pop(chat))
        self.waits.pop(chat, None)

    def step(self):
        """Yields the records of the next step, the newest last."""
        begin = self.now
        self.now += self.dice.choice((1, 5, 20, 60, 300, 900)) * MINUTE
        moments = sorted(self.dice.randrange(begin + 1, self.now)
                         for _ in range(self.dice.randrange(6)))
        for at in moments:
            chats = sorted(self.channels)
            what = self.dice.random()
            if not chats or what < 0.4:
                yield from self.open_chat(at)
            elif what < 0.6:
                yield from self.write(self.dice.choice(chats), at)
            elif what < 0.8:
                yield from self.answer(self.dice.choice(chats), at)
            elif what < 0.9:
                yield from self.snooze(self.dice.choice(chats), at)
            else:
                yield from self.close(self.dice.choice(chats), at)
        for operator in OPERATORS:
            self.online[operator] = self.dice.random() < 0.5
            more = {"available": self.online[operator]} if self.tells else {}
            yield self.record("operator", operator=operator,
                              at=text(self.now), **more)
        self.notices.evaluate(self.waits, self.now, self.nobody)

    def nobody(self, rule):
        mine = OPERATORS[:1] if "teams" in rule else OPERATORS
        return self.tells and not any(self.online[o] for o in mine)
