"""Turns what a Qiscus account shows into the input of the metrics.

It reads the simulated world itself, not through the poller's API calls, and
implements the manual's description of the poller:

- A chat is a room that is not resolved and has messages. Any account may have
  it; a room of an operator without an account is left out.
- A comment that is still hidden is unknown.
- It is opened at the first message after the last resolution, or at the
  resolution while there is no such message. A room that was never resolved is
  opened at its first message.
- An agent is the account with that sdk_email, even if it left the list; an
  agent without an account is identified by the sdk_email. A joining agent is
  known if exactly one account has the name, or none has it and exactly one
  account that left.
- history = episode: messages before opened_at are left out.
"""

import collections

import compare
import crm
import clocks
import metrics
from crm import View, milliseconds

NAMES = ("Budi", "Siti Aminah", "李雷", "O'Neil \"Jo\"", "")
FIRST_CLIENT = 40001


def full_name(o):
    return " ".join(n for n in (o["first_name"], o["last_name"]) if n)


class Account:
    def __init__(self, sim, token, app, seed, history="episode",
                 customers=False, phones=False, lag=0):
        self.sim, self.token, self.app, self.seed = sim, token, app, seed
        self.history, self.customers = history, customers
        self.phones, self.lag = phones, lag
        self.base = 0
        self.bot = "%s_bot@qismo.example.test" % app
        self.everybody = {}
        self.seen = {} # everyone who was listed at some look

    def people(self):
        """All accounts of the world that are not removed."""
        rows = self.sim.get("/operators?limit=200", self.token)["data"]
        self.base = min(o["id"] for o in rows) - 501
        return {o["id"]: o for o in rows}

    def operators(self, people):
        shown = {str(self.base + 1): {
            "name": "Admin", "available": False, "reported": None}}
        for o in people.values():
            if o["role"] in crm.OFF or o["id"] - self.base >= 10900:
                continue
            shown[str(o["id"])] = {
                "name": full_name(o),
                "available": o["online"] == 1 and not o["offline_type"],
                "reported":
                    o["opened_dialogs"] if self.seed % 2 == 1 else None,
            }
        return shown

    def person(self, m):
        if m["transport"] == "wa_dialog":
            return "4917%09d" % (m["client_id"] % 1000000000)
        return "customer%d@example.test" % m["client_id"]

    def joined(self, m):
        who = self.everybody.get(m["extra_data"].get("operator_id"))
        name = full_name(who) if who else None
        known = [k for k, o in self.listed.items() if o["name"] == name]
        known = known or [k for k, o in self.seen.items() if o["name"] == name]
        return known[0] if len(known) == 1 else None

    def system(self, m):
        kind = (m["extra_data"] or {}).get("system_type")
        if kind == "close_dialog":
            return {"from": "system", "kind": "closed", "operator": None}
        who = self.joined(m) if kind == "transfer" else None
        return {"from": "system", "kind": "assigned" if who else "other",
                "operator": who}

    def message(self, m):
        out = {"id": str(m["id"]), "at": milliseconds(m["created"]),
               "kind": "image" if m["photo"] else "text"}
        writer = m["operator_id"]
        human = writer is not None and writer - self.base != 10900
        if m["type"] == "from_client":
            out.update({"from": "customer", "user": self.person(m)})
        elif m["type"] == "system":
            out.update(self.system(m))
        elif m["type"] == "to_client" and human:
            name = str(writer) if str(writer) in self.seen else \
                "%s_agent%d@qismo.example.test" % (self.app, writer)
            out.update({"from": "operator", "user": name, "operator": name})
        else:
            admin = str(self.base + 1)
            out.update({"from": "bot",
                        "user": admin if m["id"] % 2 == 1 else self.bot})
        return out

    def chat(self, d, messages):
        opened, closed = messages[0]["at"] if messages else None, False
        for m in messages:
            if clocks.is_closing(m):
                opened, closed = m["at"], True
            elif closed and crm.opens(m):
                opened, closed = m["at"], False
        last = d["last_message"]
        name = NAMES[(last["client_id"] - self.base - FIRST_CLIENT) % 5]
        phone = self.person(last) if last["transport"] == "wa_dialog" else None
        return {
            "status": "open",
            "operator": crm.name_or_none(d["operator_id"]),
            "channel": str(last["channel_id"]),
            "customer": self.person(last),
            "customer_name": (name or None) if self.customers else None,
            "customer_phone": phone if self.phones else None,
            "opened_at": opened,
        }

    def look(self):
        """What the account shows now, on a clock that stands still."""
        world = self.sim.world(self.token)
        people = self.people()
        self.everybody.update(people)
        self.listed = self.operators(people)
        self.seen.update(self.listed)
        written = collections.defaultdict(list)
        newest = compare.parse_time(world["now"]) - round(self.lag * 1000)
        begun = set()
        for m in world["messages"]:
            begun.add(m["dialog_id"])
            if milliseconds(m["created"]) <= newest:
                written[m["dialog_id"]].append(self.message(m))
        chats, messages = {}, {}
        for d in world["dialogs"]:
            holder = d["operator_id"]
            if d["state"] != "open" or d["id"] not in begun or (
                    holder is not None and str(holder) not in self.listed):
                continue
            own = clocks.in_order(written[d["id"]])
            chat = self.chat(d, own)
            chats[str(d["id"])] = chat
            messages[str(d["id"])] = [
                m for m in own
                if self.history == "all" or m["at"] >= chat["opened_at"]
            ]
        return View(self.token, self.listed, chats, messages)
