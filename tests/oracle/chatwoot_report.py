"""Computes Chatwoot's own summary report of its agents from a simulated world,
by the rules of Chatwoot's code, as averages over its events.

- Messages count in the order in which they were stored.
- waiting_since begins at the creation, and at the first unanswered message of
  the customer; a public answer of an agent or a bot, and a closing, end it.
- The first answer of an agent in the conversation's life is a first_response,
  measured from the last opening, or from the creation; it belongs to its
  author. Each later answer to a waiting customer is a reply_time; it belongs to
  the assignee.
- A bot that hands over opens the conversation unless it is closed; then the
  customer waits.
- Each closing is a resolution, measured from the creation; it belongs to the
  assignee.
- Times are whole seconds. Events without an agent are in no row.
- The value in business hours is the part within them; without hours it is 0.
"""

import collections
import datetime

from crm import milliseconds

ROBOT = 10900
FIGURES = {"first_response": "avg_first_response_time",
           "reply_time": "avg_reply_time",
           "conversation_resolved": "avg_resolution_time"}


def utc(seconds):
    return datetime.datetime.fromtimestamp(
        seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def in_hours(start, end, hours):
    """Seconds of a time range within business hours, (from, to) for each day;
    None: never."""
    if hours is None:
        return 0
    days = range(start // 86400, end // 86400 + 1)
    return sum(max(0, min(end, day * 86400 + hours[1] * 3600)
                   - max(start, day * 86400 + hours[0] * 3600)) for day in days)


class Conversation:
    def __init__(self, begin, hours):
        self.begin = self.base = self.waiting = begin
        self.hours = hours
        self.answered, self.assignee, self.closed = False, None, False
        self.events = []

    def event(self, name, agent, since, at):
        self.events.append({
            "name": name, "user_id": agent, "value": at - since, "at": at,
            "value_in_business_hours": in_hours(since, at, self.hours),
            "event_end_time": utc(at), "created_at": utc(at)})

    def take(self, m):
        at = milliseconds(m["created"]) // 1000
        kind, writer = m["type"], m["operator_id"]
        if kind == "from_client":
            if self.waiting is None:
                self.waiting = at
        elif kind == "to_client" and writer == ROBOT:
            self.waiting = None
        elif kind == "to_client" and writer is not None:
            self.answer(writer, at)
        elif kind == "system":
            self.line(m["extra_data"].get("system_type"), writer, at)

    def answer(self, writer, at):
        if not self.answered:
            self.event("first_response", writer, self.base, at)
        elif self.waiting is not None:
            self.event("reply_time", self.assignee, self.waiting, at)
        self.answered, self.waiting = True, None

    def line(self, what, who, at):
        if what == "transfer":
            self.assignee = who
        elif what == "close_dialog":
            self.event("conversation_resolved", self.assignee, self.begin, at)
            self.waiting, self.closed = None, True
        elif what == "reopen_dialog":
            self.base = at
            if not self.closed and self.waiting is None:
                self.waiting = at
            self.closed = False


def events(world, hours=None):
    """{conversation: its events}, with the business hours of all inboxes."""
    found = {d["id"]: Conversation(milliseconds(d["begin"]) // 1000, hours)
             for d in world["dialogs"]}
    for m in world["messages"]:
        found[m["dialog_id"]].take(m)
    return {number: c.events for number, c in found.items()}


def report(all_events, agents, since, until, value="value"):
    """The rows of the agents; times in seconds since 1970."""
    values = collections.defaultdict(list)
    for some in all_events.values():
        for e in some:
            if since <= e["at"] < until:
                values[e["user_id"], e["name"]].append(e[value])

    def average(agent, name):
        some = values[agent, name]
        return sum(some) / len(some) if some else None

    return [{"id": agent, "conversations_count": 0,
             "resolved_conversations_count":
                 len(values[agent, "conversation_resolved"]),
             **{figure: average(agent, name)
                for name, figure in FIGURES.items()}} for agent in agents]
