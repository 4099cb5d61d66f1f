"""Chatwoot's own summary report of its agents, from a simulated world, by the rules
of Chatwoot's code: events, whose averages it shows.

- waiting_since begins at the creation, and at the first unanswered message of the
  customer; a public answer of an agent or a bot, and a closing, end it.
- The first answer of an agent in the conversation's life is a first_response, from
  the last opening, else the creation; it belongs to who wrote it. Each later one,
  if somebody waits, is a reply_time; it belongs to the assignee.
- Each closing is a resolution from the creation; it belongs to the assignee.
- Times are whole seconds. Events of nobody are in no row.
"""

import collections

from crm import milliseconds

ROBOT = 10900


class Conversation:
    def __init__(self, begin):
        self.begin = self.base = self.waiting = begin
        self.answered, self.assignee = False, None
        self.events = [] # (kind, agent, seconds, at)

    def event(self, kind, agent, since, at):
        self.events.append((kind, agent, at - since, at))

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
            self.event("reply", self.assignee, self.waiting, at)
        self.answered, self.waiting = True, None

    def line(self, what, who, at):
        if what == "transfer":
            self.assignee = who
        elif what == "close_dialog":
            self.event("resolution", self.assignee, self.begin, at)
            self.waiting = None
        elif what == "reopen_dialog":
            self.base = at


def report(world, agents, since, until):
    """The rows of the agents; times in seconds since 1970."""
    found = {d["id"]: Conversation(milliseconds(d["begin"]) // 1000)
             for d in world["dialogs"]}
    for m in world["messages"]:
        found[m["dialog_id"]].take(m)
    values = collections.defaultdict(list)
    for conversation in found.values():
        for kind, agent, seconds, at in conversation.events:
            if since <= at < until:
                values[agent, kind].append(seconds)

    def average(agent, kind):
        some = values[agent, kind]
        return sum(some) / len(some) if some else None

    return [{"id": agent,
             "conversations_count": 0,
             "resolved_conversations_count": len(values[agent, "resolution"]),
             "avg_resolution_time": average(agent, "resolution"),
             "avg_first_response_time": average(agent, "first_response"),
             "avg_reply_time": average(agent, "reply")} for agent in agents]
