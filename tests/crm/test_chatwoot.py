"""The simulator's Chatwoot follows the contract: permissions, pages of 25,
statuses, changes within some seconds, messages by id, assigning, and
refusals."""

import hashlib
import hmac
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_qiscus import Receiver  # noqa: E402
from test_sim import Sim as AnySim  # noqa: E402

KEYS = {"api_access_token": "sim-token"}
BASE = "/api/v1/accounts/1/"


class Sim(AnySim):
    def __init__(self, *options):
        super().__init__("--crm", "chatwoot", "--pace", "0", *options)

    def ask(self, path, body=None, headers=KEYS):
        """(status, JSON)"""
        status, _, answer = self.raw(
            "GET" if body is None else "POST", BASE + path, dict(headers),
            None if body is None else json.dumps(body))
        return status, json.loads(answer)

    def list(self, query):
        data = self.ask("conversations?" + query)[1]["data"]
        return data["payload"], data["meta"]["all_count"]

    def get_stats(self):
        return json.loads(self.raw("GET", "/control/stats")[2])

    def act(self, what, **more):
        return self.control("act", do=what, **more)

    def messages(self, chat, query=""):
        return self.ask("conversations/%s/messages?%s" % (chat, query))[1][
            "payload"]


class Contract(unittest.TestCase):
    def test_who_may_ask(self):
        with Sim() as s:
            self.assertEqual(s.ask("agents")[0], 200)
            for wrong in ({}, {"api_access_token": "wrong"},
                          {"Authorization": "sim-token"}):
                status, answer = s.ask("agents", headers=wrong)
                self.assertEqual((status, answer["error"]),
                                 (401, "Invalid Access Token"))

    def test_agents_are_one_bare_list(self):
        with Sim("--operators", "30") as s:
            agents = s.ask("agents")[1]
            self.assertEqual(len(agents), 30)
            self.assertLessEqual({a["availability_status"] for a in agents},
                                 {"online", "busy", "offline"})

    def test_pages_have_25_open_ones(self):
        with Sim("--dialogs", "60") as s:
            first, count = s.list("")
            self.assertEqual((len(first), count), (25, 60))
            seen = [c for page in (1, 2, 3)
                    for c in s.list("page=%d&sort_by=last_activity_at_asc"
                                    % page)[0]]
            self.assertEqual(len({c["id"] for c in seen}), 60)
            self.assertEqual({c["status"] for c in seen}, {"open"})
            times = [c["last_activity_at"] for c in seen]
            self.assertEqual(times, sorted(times))
            self.assertEqual(s.list("page=4")[0], [])
            self.assertGreater(s.list("status=all")[1], 60)

    def test_what_changed_has_no_pages(self):
        with Sim("--dialogs", "200") as s:
            s.control("advance", seconds=86400)
            self.assertEqual(s.list("status=all&updated_within=60")[0], [])
            s.act("touch", percent=20)
            chat = s.list("page=1")[0][0]["id"]
            s.act("close", dialog=chat)
            rows = s.list("status=all&updated_within=60&page=2")[0]
            self.assertEqual(len(rows), 40)
            self.assertEqual([c["id"] for c in rows
                              if c["status"] == "resolved"], [chat])

    def test_messages_by_id(self):
        with Sim("--dialogs", "1", "--messages", "300", "--seed", "3") as s:
            chat = s.list("status=all")[0][0]["id"]
            while True:
                newest = s.messages(chat)
                every, page = [], s.messages(chat, "after=0")
                while page:
                    every += page
                    page = s.messages(chat, "after=%d" % every[-1]["id"])
                if len(every) > 120:
                    break
                for _ in range(130):
                    s.act("client", dialog=chat)
            ids = [m["id"] for m in every]
            self.assertEqual(ids, sorted(set(ids)))
            self.assertEqual([m["id"] for m in newest], ids[-20:])
            before = s.messages(chat, "before=%d" % ids[-20])
            self.assertEqual([m["id"] for m in before], ids[-40:-20])
            self.assertEqual(len(s.messages(chat, "after=0")), 100)
            self.assertLessEqual({m["message_type"] for m in every},
                                 {0, 1, 2, 3})

    def test_life_of_a_conversation(self):
        with Sim("--dialogs", "0") as s:
            chat = s.act("arrive")["dialog"]
            status, agent = s.ask("conversations/%s/assignments" % chat,
                                  {"assignee_id": 502})
            self.assertEqual((status, agent["id"]), (200, 502))
            show = s.ask("conversations/%s" % chat)[1]
            self.assertEqual((show["meta"]["assignee"]["id"],
                              show["meta"]["assignee_type"]), (502, "User"))
            s.act("close", dialog=chat)
            show = s.ask("conversations/%s" % chat)[1]
            self.assertEqual((show["status"], show["messages"][0][
                "message_type"]), ("resolved", 2))
            s.act("client", dialog=chat)
            show = s.ask("conversations/%s" % chat)[1]
            self.assertEqual((show["id"], show["status"],
                              show["meta"]["assignee"]["id"]),
                             (chat, "open", 502))
            lines = [m["content"] for m in s.messages(chat)
                     if m["message_type"] == 2]
            self.assertEqual(len(lines), 3, lines)
            self.assertEqual(s.ask("conversations/%s/assignments" % chat,
                                   {"assignee_id": 9})[1], None)
            self.assertNotIn("assignee",
                             s.ask("conversations/%s" % chat)[1]["meta"])

    def test_webhooks(self):
        """The webhooks of one conversation come in order, each signed."""
        with Receiver() as r, Sim("--dialogs", "0", "--webhooks", r.url("/w"),
                                  "--webhook-secret", "s3cr3t") as s:
            chat = s.act("arrive")["dialog"]
            s.ask("conversations/%s/assignments" % chat, {"assignee_id": 502})
            s.control("advance", seconds=30)
            s.act("answer", dialog=chat)
            s.act("label", dialog=chat)
            s.act("close", dialog=chat)
            s.control("advance", seconds=30)
            s.act("client", dialog=chat)
            got = [p for _, p in r.settled(s)]
            for signature, at, body in r.signed:
                want = hmac.new(b"s3cr3t", at.encode() + b"." + body,
                                hashlib.sha256).hexdigest()
                self.assertEqual(signature, "sha256=" + want)
                self.assertLess(abs(time.time() - int(at)), 60)
        talks = [p.get("conversation", p) for p in got]
        self.assertEqual({t["id"] for t in talks}, {chat})
        self.assertEqual(
            [p["event"] for p in got if p["event"] != "message_updated"],
            ["conversation_created", "message_created", "conversation_updated",
             "message_created", "conversation_updated", "conversation_updated",
             "conversation_status_changed", "conversation_updated",
             "conversation_status_changed", "message_created"])
        changed = [next(iter(p["changed_attributes"][0].items())) for p in got
                   if p.get("changed_attributes")]
        self.assertEqual([(k, v["current_value"]) for k, v in changed], [
            ("assignee_id", 502), ("label_list", ["new", "vip"]),
            ("status", "resolved"), ("status", "open")])
        said = [p for p in got if p["event"] == "message_created"]
        self.assertEqual([(p["message_type"], p["sender"].get("type"))
                          for p in said],
                         [("incoming", None), ("outgoing", "user"),
                          ("incoming", None)])
        self.assertEqual({p["created_at"][-1] for p in said}, {"Z"})

    def test_webhooks(self):
        """The server creates the key and keeps it; registering an address twice
        counts once."""
        wanted = {"webhook": {"url": "https://h.example.com/in", "name": "x",
                              "subscriptions": ["message_created"]}}

        def made(method, path, body=None):
            status, _, answer = s.raw(method, BASE + "webhooks" + path,
                                      dict(KEYS), body and json.dumps(body))
            return status, json.loads(answer) if answer else None

        with Sim() as s:
            first = made("POST", "", wanted)[1]["payload"]["webhook"]
            self.assertEqual(made("POST", "", wanted)[0], 422)
            wanted["webhook"]["url"] += "/x"
            path = "/%d" % first["id"]
            again = made("PATCH", path, wanted)[1]["payload"]["webhook"]
            self.assertEqual(again, {**first, "url": wanted["webhook"]["url"]})
            self.assertEqual(made("GET", "")[1],
                             {"payload": {"webhooks": [again]}})
            self.assertEqual([made("DELETE", path)[0] for _ in "12"],
                             [200, 404])

    def test_refusals(self):
        with Sim("--dialogs", "1", "--per-minute", "2") as s:
            self.assertEqual(s.ask("conversations/1")[0], 404)
            self.assertEqual(s.ask("agents")[0], 200)
            status, headers, body = s.raw("GET", BASE + "agents", KEYS, None)
            self.assertEqual((status, body), (429, b"Retry later\n"))
            self.assertNotIn("retry-after",
                             {k.lower() for k in dict(headers)})


if __name__ == "__main__":
    unittest.main()
