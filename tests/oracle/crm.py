"""Turns what a Chat2Desk account shows into the input of the metrics.

It is an independent client that sends "X-Uncounted: 1" to the simulator, so
that its calls are neither counted nor get faults. It implements the manual's
description of the poller:

- A chat is an open dialog. It is opened at the first known message of its last
  request. If no such message is known, it is opened at the latest of: the first
  message after the last closing in a service line, the first message of the
  newest message's request, and the begin of the dialog. Without a closing, the
  previous value is also considered if /messages had shown a message of that
  time or later. Automated messages, comments and service lines other than
  about a reopening do not open a dialog.
- The last message in the listing is known even while /messages hides it, and
  stays known. When a chat has left the listing, its dialog shows its last
  message.
- history = episode: messages before opened_at are left out.
"""

import json
import urllib.error
import urllib.request
from datetime import datetime, timezone

import clocks
import counts
import metrics
import row_keys

OFF = ("disabled", "deleted", "unconfirmed")
SYSTEM_KINDS = {
    "close_dialog": "closed",
    "reopen_dialog": "opened",
    "transfer": "assigned",
}


def milliseconds(text):
    """2026-07-10T17:57:56 UTC; None for null."""
    if not text:
        return None
    t = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S UTC")
    return int(t.replace(tzinfo=timezone.utc).timestamp()) * 1000


def name_or_none(value):
    return None if value is None else str(value)


def full_name(o):
    parts = [p for p in (o["first_name"], o["last_name"]) if p is not None]
    return " ".join(parts).strip() or o["email"]


def content_kind(m):
    if m.get("photo"):
        return "image"
    return "text"


def system_message(m):
    extra = m.get("extra_data") or {}
    kind = SYSTEM_KINDS.get(extra.get("system_type"), "other")
    operator = extra.get("operator_id") if kind == "assigned" else None
    if kind == "assigned" and operator is None:
        kind = "other"
    return {"from": "system", "kind": kind, "operator": name_or_none(operator)}


def message(m, bots):
    """A message of the API as the metrics see it."""
    out = {
        "id": str(m["id"]),
        "at": milliseconds(m["created"]),
        "channel": name_or_none(m["channel_id"]),
        "request": m.get("request_id"),
        "kind": content_kind(m),
    }
    writer = name_or_none(m["operator_id"])
    kind = m["type"]
    if kind == "from_client":
        out.update({"from": "customer", "user": str(m["client_id"])})
    elif kind == "to_client" and writer is None:
        out.update({"from": "bot", "automated": True})
    elif kind == "to_client" and writer in bots:
        out.update({"from": "bot", "user": writer})
    elif kind == "to_client":
        out.update({"from": "operator", "user": writer, "operator": writer})
    elif kind == "comment":
        out.update({"from": "operator", "user": writer, "operator": writer,
                    "private": True})
    elif kind == "system":
        out.update(system_message(m))
    else:
        out.update({"from": "bot", "automated": True})
    return out


def opens(m):
    """Whether the message may open a chat."""
    if m["from"] == "system":
        return m["kind"] == "opened"
    return not m.get("private") and not m.get("automated")


def row_key(interval):
    return tuple(interval[k] for k in row_keys.KEYS["intervals"])


class View:
    """The expected content of one snapshot of an account."""

    def __init__(self, tenant, operators, chats, messages):
        self.tenant = tenant
        self.operators, self.chats = operators, chats
        self.messages = messages
        self.computed = {}

    def expected(self, as_of, definition=metrics.OURS, due=metrics.no_target):
        """due: dues.of_tenant(), which counts at the first call."""
        key = (as_of, definition)
        if key not in self.computed:
            lives = metrics.lives(self.chats, self.messages, as_of, definition)
            self.intervals = {
                row_key(row): row for chat, life in lives.items()
                for row in counts.interval_rows(chat, life.intervals)}
            self.computed[key] = metrics.of_lives(
                self.tenant, self.operators, lives, as_of, due)
        return self.computed[key]


class Account:
    def __init__(self, url, token, tenant, history="episode", customers=False,
                 phones=False, bots=(), operators_every=0):
        self.url, self.token, self.tenant = url, token, tenant
        self.history, self.customers, self.phones = history, customers, phones
        self.bots = set(bots)
        self.known = {}  # dialog: {message id: message}
        self.hidden = {}  # known only from the listing
        self.people = {}
        self.opened = {}  # dialog: when it was opened, if known
        self.shown = {}  # dialog: the newest message at the last look
        self.listed = set()  # the dialogs of the last look
        self.next_id = 0
        self.operators_every = operators_every * 1000
        self.operators, self.operators_at, self.before = None, 0, 0

    def get(self, path):
        request = urllib.request.Request(
            self.url + path,
            headers={"Authorization": self.token, "X-Uncounted": "1"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def rows(self, path):
        found, page = [], None
        while page is None or len(page) == 200:
            page = self.get("%slimit=200&offset=%d" % (path, len(found)))
            page = page["data"]
            found += page
        return found

    def read_messages(self):
        """Reads everything that became visible since the last time."""
        while True:
            page = self.get(
                "/messages?limit=200&start_id=%d" % self.next_id)["data"]
            for m in page:
                self.keep(self.known, m)
                self.next_id = max(self.next_id, m["id"] + 1)
            if len(page) < 200:
                return

    def keep(self, where, m):
        own = where.setdefault(str(m["dialog_id"]), {})
        own[str(m["id"])] = message(m, self.bots)

    def forget(self):
        """Forgets what only the poller's state knew, because the state was
        lost."""
        self.hidden, self.opened, self.shown = {}, {}, {}
        self.listed, self.operators = set(), None

    def person(self, client):
        if client not in self.people:
            c = self.get("/clients/%s" % client)["data"]
            names = [n for n in (c["assigned_name"], c["name"])
                     if n not in (None, "", "unknown", c["phone"])]
            phones = [p for p in (c["phone"], c["client_phone"])
                      if p and not p.startswith("[")]
            tags = [t["label"] for t in c["tags"]]
            self.people[client] = {
                "customer_name": names[0] if names else None,
                "customer_phone":
                    phones[0] if phones and self.phones else None,
                "tag": tags[0] if tags else None,
            }
        return self.people[client]

    def opened_at(self, d, messages):
        request = d.get("last_request_id")
        begun = [m["at"] for m in messages
                 if request is not None and m["request"] == request
                 and opens(m)]
        if begun:
            return min(begun)
        messages = clocks.in_order(messages)
        times = []
        for i, m in enumerate(messages):
            if clocks.is_closing(m):
                later = [x["at"] for x in messages[i + 1:] if opens(x)]
                times = [(later or [m["at"]])[0]]
        before = self.opened.get(str(d["id"]), 0)
        if not times and self.shown.get(str(d["id"]), 0) >= before:
            times.append(before)
        times.append(milliseconds(d["begin"]))
        newest = messages[-1]["request"] if messages else None
        if request is not None and newest is not None:
            times += [m["at"] for m in messages
                      if m["request"] == newest and opens(m)][:1]
        return max(times)

    def chat(self, d, messages):
        last = d["last_message"] or {}
        out = {
            "status": "open",
            "operator": name_or_none(d["operator_id"]),
            "channel": name_or_none(last.get("channel_id")),
            "customer": name_or_none(last.get("client_id")),
            "opened_at": self.opened_at(d, messages),
        }
        self.opened[str(d["id"])] = out["opened_at"]
        if self.customers and out["customer"] is not None:
            out.update(self.person(out["customer"]))
        return out

    def read_operators(self, now):
        """Reads the list of operators, which is only due now and then. Whether
        it is due depends on the CRM's clock at the last poll, because the
        simulated clock stands still between polls and jumps."""
        before, self.before = self.before, now
        if self.operators is not None and \
                before < self.operators_at + self.operators_every:
            return self.operators
        self.operators_at = now
        self.operators = self.list_operators()
        return self.operators

    def list_operators(self):
        return {
            str(o["id"]): {
                "name": full_name(o),
                "available": o["online"] == 1 and not o["offline_type"],
                "reported": o["opened_dialogs"],
                "bot": str(o["id"]) in self.bots,
            }
            for o in self.rows("/operators?")
            if o["role"] not in OFF and o["status"] not in OFF
        }

    def look(self, now=0):
        """Reads what is shown now and remembers it. now: the CRM's clock in ms,
        needed when operators are not read every time."""
        operators = self.read_operators(now)
        dialogs = self.rows("/dialogs?state=open&order=asc&")
        listed = {str(d["id"]) for d in dialogs}
        for key in self.listed - listed:
            left = self.dialog(key)
            if left is not None and left["last_message"] is not None:
                self.keep(self.hidden, left["last_message"])
        self.listed = listed
        self.read_messages()
        chats, messages = {}, {}
        for d in dialogs:
            key = str(d["id"])
            if d["last_message"] is not None:
                self.keep(self.hidden, d["last_message"])
            told = {**self.hidden.get(key, {}), **self.known.get(key, {})}
            chats[key] = self.chat(d, told.values())
            start = chats[key]["opened_at"]
            messages[key] = [
                m for m in told.values()
                if self.history == "all" or m["at"] >= start
            ]
        self.shown = {key: max(m["at"] for m in own.values())
                      for key, own in self.known.items()}
        return View(self.tenant, operators, chats, messages)

    def dialog(self, chat):
        """One dialog, open or closed; None if it does not exist."""
        try:
            return self.get("/dialogs/%s" % chat)["data"]
        except urllib.error.HTTPError as e:
            e.close()
            if e.code == 404:
                return None
            raise
