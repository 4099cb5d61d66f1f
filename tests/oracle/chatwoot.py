"""Turns what a Chatwoot account shows into the input of the metrics.

It reads the simulated world itself, not through the poller's API calls, and
implements the manual's description of the poller:

- A chat is a conversation that is not resolved. Its operator is an agent of the
  account, or a bot, "bot-ID".
- It is opened at the first line about a reopening, or message that is neither
  automated nor private, after the last line about a resolution, or at the
  resolution while there is nothing of this kind. A conversation that was never
  resolved is opened when it is created.
- Nobody has it before the first line that assigns it. If all messages are
  shown, a second record as of the creation says so, provided that there is such
  a line, or that the conversation was reopened and nobody has it.
- A line names an agent if exactly one agent has the name.
- Times are in seconds.
- history = episode: messages before opened_at are left out.
"""

import collections

import clocks
import crm
from crm import View, milliseconds

NAMES = ("Ann", "María José", "李雷", "Jo \"J\" Doe", "")
FIRST_CLIENT = 40001
ROBOT = 10900


def full_name(o):
    return " ".join(n for n in (o["first_name"], o["last_name"]) if n)


class Account(crm.Account):
    def __init__(self, sim, token, tenant, history="episode",
                 customers=False, phones=False, operators_every=0):
        super().__init__(sim.url, token, tenant, history, customers, phones,
                         (), operators_every)
        self.sim = sim
        self.everybody = {}

    def list_operators(self):
        now = {o["id"]: o for o in self.rows("/operators?")}
        self.everybody.update(now) # a line may name an agent who has left since
        return {
            str(o["id"]): {
                "name": full_name(o),
                "available": o["online"] == 1 and not o["offline_type"],
                "reported": None,
            }
            for o in now.values()
            if o["role"] not in crm.OFF and o["id"] < ROBOT
        }

    def assigned(self, who):
        """The line about an assignment to an agent, or to nobody."""
        line = {"from": "system", "kind": "assigned", "operator": None}
        if who is None:
            return line
        name = full_name(self.everybody[who])
        same = [k for k, o in self.operators.items() if o["name"] == name]
        if len(same) == 1:
            return {**line, "operator": same[0]}
        return {**line, "kind": "other"}

    def system(self, m):
        kind = m["extra_data"].get("system_type")
        if kind == "transfer":
            return self.assigned(m["operator_id"])
        return {"from": "system", "operator": None,
                "kind": crm.SYSTEM_KINDS.get(kind, "other")}

    def message(self, m):
        out = {"id": str(m["id"]), "at": milliseconds(m["created"]),
               "channel": str(m["channel_id"]),
               "kind": "image" if m["photo"] else "text"}
        writer, kind = m["operator_id"], m["type"]
        if kind is None and not m["photo"]:
            out["kind"] = "input_csat"
        if kind == "from_client":
            out.update({"from": "customer", "user": str(m["client_id"])})
        elif kind == "system":
            out.update(self.system(m))
        elif kind not in ("to_client", "comment") or writer is None:
            out.update({"from": "bot", "automated": True})
        elif writer == ROBOT:
            out.update({"from": "bot", "user": str(writer)})
        else:
            out.update({"from": "operator", "user": str(writer),
                        "operator": str(writer)})
        if kind == "comment":
            out["private"] = True
        return out

    def opened_at(self, d, messages):
        opened, closed = milliseconds(d["begin"]), False
        for m in messages:
            if clocks.is_closing(m):
                opened, closed = m["at"], True
            elif closed and crm.opens(m):
                opened, closed = m["at"], False
        return opened

    def chat(self, d, messages):
        client = d["last_message"]["client_id"]
        number = client - FIRST_CLIENT
        phone = "+4917%09d" % number if number % 3 else None
        holder = crm.name_or_none(d["operator_id"])
        if holder == str(ROBOT):
            holder = f"bot-{ROBOT}"
        elif holder not in self.operators:
            holder = None
        begin, opened = milliseconds(d["begin"]), self.opened_at(d, messages)
        began_differently = any(clocks.is_assigned(m) for m in messages) or (
            holder is None and begin < opened)
        before = [{"at": begin, "opened_at": begin}] if began_differently and (
            self.history == "all" or begin >= opened) else []
        return {
            "status": "open",
            "operator": holder,
            "channel": str(d["last_message"]["channel_id"]),
            "customer": str(client),
            "customer_name":
                (NAMES[number % 5] or None) if self.customers else None,
            "customer_phone": phone if self.phones else None,
            "tag": "urgent" if d["id"] % 4 == 0 else None,
            "opened_at": opened,
            "before": before,
        }

    def look(self, now=0):
        """What the account shows now, on a clock that stands still."""
        self.read_operators(now)
        self.world = self.sim.world(self.token)
        written = collections.defaultdict(list)
        for m in self.world["messages"]:
            written[m["dialog_id"]].append(self.message(m))
        chats, messages = {}, {}
        for d in self.world["dialogs"]:
            if d["state"] != "open" or not written[d["id"]] or \
                    d["id"] in self.world["gone"]:
                continue
            own = clocks.in_order(written[d["id"]])
            chat = self.chat(d, own)
            chats[str(d["id"])] = chat
            messages[str(d["id"])] = [
                m for m in own
                if self.history == "all" or m["at"] >= chat["opened_at"]
            ]
        return View(self.tenant, self.operators, chats, messages)

    def dialog(self, chat):
        world = self.sim.world(self.token)
        for d in world["dialogs"]:
            if d["id"] == int(chat) and d["id"] not in world["gone"]:
                return d
        return None
