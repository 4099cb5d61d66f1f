"""The simulator's Qiscus follows the contract: permissions, pages and cursors,
foreign rows in lists, assigning and its guard, comments, and webhooks that are
sent, repeated or lost."""

import http.server
import json
import os
import sys
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_sim import Sim as AnySim  # noqa: E402

KEYS = {"Qiscus-App-Id": "sim-app", "Qiscus-Secret-Key": "sim-token"}
ADMIN = {"Qiscus-App-Id": "sim-app", "Authorization": "admin-sim-token"}
SDK = {"QISCUS_SDK_APP_ID": "sim-app", "QISCUS_SDK_SECRET": "sim-token"}
ASSIGN = "/api/v1/admin/service/assign_agent"
ROOMS = "/api/v2/customer_rooms"


class Sim(AnySim):
    def __init__(self, *options):
        super().__init__("--crm", "qiscus", "--pace", "0", *options)

    def ask(self, path, body=None, headers=KEYS, form=False):
        """(status, JSON)"""
        data = None
        headers = dict(headers)
        if form:
            data = urllib.parse.urlencode(body)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data = json.dumps(body)
            headers["Content-Type"] = "application/json"
        status, _, answer = self.raw(
            "GET" if body is None else "POST", path, headers, data)
        return status, json.loads(answer)

    def rooms(self, **filters):
        found, cursor = [], None
        while True:
            body = {"limit": 7, "status": "unresolved", **filters}
            if cursor is not None:
                body["cursor_after"] = cursor
            page = self.ask(ROOMS, body)[1]
            found += page["data"]["customer_rooms"]
            cursor = page["meta"]["cursor_after"]
            if cursor is None:
                return found

    def act(self, **what):
        what["do"] = what.pop("act")
        return self.control("act", **what)

    def room(self, room):
        return self.ask("%s/%s" % (ROOMS, room))[1]["data"]["customer_room"]

    def arrive(self):
        return str(self.act(act="arrive")["dialog"])


class Receiver:
    """Receives webhooks."""

    def __init__(self):
        got = self.got = []
        signed = self.signed = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((self.path, json.loads(body)))
                signed.append((self.headers["X-Chatwoot-Signature"],
                               self.headers["X-Chatwoot-Timestamp"], body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *ignored):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, path):
        return "http://127.0.0.1:%d%s" % (self.server.server_port, path)

    def settled(self, sim):
        """The webhooks received, once none is still being sent."""
        end = time.monotonic() + 30
        while sim.get_stats()["webhooks"]["queued"] > 0:
            if time.monotonic() > end:
                raise AssertionError("webhooks stay queued")
            time.sleep(0.01)
        return list(self.got)


Sim.get_stats = lambda self: json.loads(self.raw("GET", "/control/stats")[2])


class Contract(unittest.TestCase):
    def test_who_may_ask(self):
        with Sim() as s:
            path = "/api/v2/admin/agents"
            self.assertEqual(s.ask(path)[0], 200)
            self.assertEqual(s.ask(path, headers={
                "Authorization": "admin-sim-token",
                "Qiscus-App-Id": "sim-app"})[0], 200)
            for wrong in ({}, {"Qiscus-App-Id": "sim-app"},
                          {"Authorization": "sim-token",
                           "Qiscus-App-Id": "sim-app"},
                          {"Qiscus-Secret-Key": "sim-token"},
                          {**KEYS, "Qiscus-App-Id": "another"},
                          {**KEYS, "Qiscus-Secret-Key": "wrong"}):
                self.assertIn(s.ask(path, headers=wrong)[0], (401, 403))
            comments = "/api/v2.1/rest/load_comments?room_id=9001"
            self.assertEqual(s.ask(comments, headers=SDK)[0], 200)
            self.assertEqual(s.ask(comments)[0], 401)

    def test_agents_have_pages(self):
        with Sim("--operators", "7") as s:
            seen, page = [], 0
            while page == 0 or page * 3 < meta["total_count"]:
                page += 1
                answer = s.ask("/api/v2/admin/agents?limit=3&page=%d"
                               % page)[1]
                meta = answer["meta"]
                seen += answer["data"]["agents"]
            self.assertEqual([a["id"] for a in seen],
                             [1] + list(range(501, 508)))
            self.assertEqual({a["type_as_string"] for a in seen[1:]},
                             {"agent"})
            rows = s.ask("/api/v2/admin/agents/by_division?sort=asc&limit=9"
                         "&is_available=true")[1]["data"]
            counts = [a["current_customer_count"] for a in rows]
            self.assertEqual(counts, sorted(counts))
            self.assertTrue(all(a["is_available"] for a in rows))

    def test_rooms_have_cursors_and_filters(self):
        with Sim("--dialogs", "60") as s:
            everything = {r["room_id"]: r for r in s.rooms()}
            held = {}
            for agent in s.ask("/api/v2/admin/agents?limit=50")[1]["data"][
                    "agents"]:
                own = s.rooms(user_ids=[agent["id"]], serve_status="served")
                held.update((r["room_id"], agent["id"]) for r in own)
            free = s.rooms(serve_status="unserved")
            odd = [r for r in free if r["is_resolved"] or not r["is_waiting"]]
            self.assertTrue(odd)
            waiting = {r["room_id"] for r in free} - {
                r["room_id"] for r in odd}
            self.assertEqual(len(waiting), s.ask(
                "/api/v2/admin/service/total_unserved")[1]["data"][
                    "total_unserved"])
            # A deleted account may still have some.
            self.assertFalse(waiting & set(held))
            self.assertLessEqual(set(held) | waiting, set(everything))
            self.assertGreaterEqual(len(set(held) | waiting),
                                    len(everything) - 5)
            self.assertEqual(s.ask(ROOMS, {"cursor_after": "x"})[0], 400)

    def test_assigning_is_guarded(self):
        with Sim() as s:
            room = s.arrive()
            self.assertTrue(s.room(room)["is_waiting"])
            ask = {"room_id": room, "agent_id": "501", "max_agent": "1"}
            status, answer = s.ask(ASSIGN, ask, form=True)
            self.assertEqual(
                (status, answer["data"]["added_agent"]["id"],
                 answer["data"]["service"]["room_id"]), (200, 501, room))
            self.assertFalse(s.room(room)["is_waiting"])
            self.assertEqual(s.ask(ASSIGN, ask, form=True)[0], 400)
            ask["agent_id"] = 502
            self.assertEqual(s.ask(ASSIGN, ask)[0], 400)
            world = json.loads(s.raw("GET", "/control/world")[2])
            self.assertEqual(world["crowded"], [])
            del ask["max_agent"]
            self.assertEqual(s.ask(ASSIGN, ask)[0], 200)
            world = json.loads(s.raw("GET", "/control/world")[2])
            self.assertEqual(world["crowded"], [int(room)])
            ask.update(agent_id=503, replace_latest_agent=True)
            self.assertEqual(s.ask(ASSIGN, ask)[0], 200)
            world = json.loads(s.raw("GET", "/control/world")[2])
            self.assertEqual((world["crowded"], [
                a["operator"] for a in world["assigned"]]),
                ([], [501, 502, 503]))
            self.assertEqual(
                s.ask(ASSIGN, {"room_id": room, "agent_id": 9})[0], 404)
            self.assertEqual(
                s.ask(ASSIGN, {"room_id": "9", "agent_id": 501})[0], 404)
            base = "/api/v1/admin/service/"
            self.assertEqual(s.ask(base + "remove_agent", {
                "room_id": room, "agent_id": 503})[0], 200)
            journal = json.loads(s.raw("GET", "/control/journal")[2])
            self.assertEqual(
                [(d["what"], d.get("dialog"), d["operator"], d["before"])
                 for d in journal],
                [("waits", int(room), None, None),
                 ("assigned", int(room), 501, None),
                 ("assigned", int(room), 502, 501),
                 ("assigned", int(room), 503, 501),
                 ("given", int(room), None, 503)])
            held = [sum(d["state"] == "open" and d["operator_id"] == who
                        for d in world["dialogs"]) for who in (501, 503)]
            self.assertEqual([journal[1]["held"] - 1, journal[3]["held"]],
                             held)
            self.assertTrue(s.room(room)["is_waiting"])
            self.assertEqual(s.ask(base + "mark_as_resolved", {
                "room_id": room})[0], 200)
            self.assertTrue(s.room(room)["is_resolved"])
            self.assertEqual(s.ask(ASSIGN, {
                "room_id": room, "agent_id": 501})[0], 400)

    def test_an_answer_may_be_lost(self):
        with Sim() as s:
            room = s.arrive()
            s.control("fault", name="lost-answer", count=1, route=ASSIGN)
            with self.assertRaises(OSError):
                s.ask(ASSIGN, {"room_id": room, "agent_id": 501})
            self.assertFalse(s.room(room)["is_waiting"])

    def test_comments_come_newest_first(self):
        with Sim("--dialogs", "6", "--messages", "150") as s:
            room = s.rooms()[0]["room_id"]
            seen, page = [], [0]
            path = "/api/v2.1/rest/load_comments?room_id=%s&limit=30&page=%d"
            number = 0
            while page:
                number += 1
                page = s.ask(path % (room, number), headers=SDK)[1][
                    "results"]["comments"]
                seen += page
            ids = [c["id"] for c in seen]
            self.assertEqual(ids, sorted(set(ids), reverse=True))
            self.assertEqual(seen[0]["timestamp"],
                             s.room(room)["last_comment_timestamp"])
            self.assertIn("system_event", {c["type"] for c in seen})
            s.act(act="client", dialog=room)
            page = s.ask(path % (room, 2), headers=SDK)[1]["results"][
                "comments"]
            self.assertEqual(page[0]["id"], ids[29])


class Webhooks(unittest.TestCase):
    def register(self, s, receiver):
        for name in ("agent_allocation", "mark_as_resolved"):
            path, params = "/api/v1/app/webhook/" + name, {
                "webhook_url": receiver.url("/" + name),
                "is_webhook_enabled": True}
            self.assertEqual(s.ask(path, params)[0], 401)
            status, _ = s.ask(path, params, headers=ADMIN)
            self.assertEqual(status, 200)
        config = s.ask("/api/v2/admin/webhook_config")[1]["data"]
        self.assertEqual(config["mark_as_resolved_webhook_url"],
                         receiver.url("/mark_as_resolved"))
        self.assertIs(config["is_allocate_agent_webhook_enabled"], True)

    def test_a_waiting_room_is_told_of_until_it_has_an_agent(self):
        with Receiver() as r, Sim() as s:
            self.register(s, r)
            rooms = [s.arrive() for _ in range(3)]
            s.act(act="client", dialog=rooms[0])
            got = r.settled(s)
            self.assertEqual([p["room_id"] for _, p in got],
                             rooms + rooms[:1])
            self.assertEqual([p["is_new_session"] for _, p in got],
                             [True] * 3 + [False])
            self.assertTrue(all(p["latest_service"] is None for _, p in got))
            self.assertEqual({p["extras"] is None for _, p in got},
                             {True, False})
            s.ask(ASSIGN, {"room_id": rooms[0], "agent_id": 501})
            s.act(act="client", dialog=rooms[0])
            self.assertEqual(len(r.settled(s)), 4)
            s.act(act="close", dialog=rooms[0])
            path, resolved = r.settled(s)[4]
            self.assertEqual(
                (path, resolved["service"]["room_id"],
                 resolved["resolved_by"]["id"]),
                ("/mark_as_resolved", rooms[0], 501))
            s.act(act="client", dialog=rooms[0])
            path, again = r.settled(s)[5]
            self.assertEqual((path, again["room_id"], again["is_new_session"]),
                             ("/agent_allocation", rooms[0], True))
            self.assertTrue(again["latest_service"]["is_resolved"])

    def test_webhooks_are_lost_and_repeated(self):
        with Receiver() as r, Sim("--webhooks", r.url("/x")) as s:
            s.control("webhooks", lose=1000)
            s.arrive()
            self.assertEqual(r.settled(s), [])
            s.control("webhooks", repeat=1000, delay=50)
            room = s.arrive()
            got = r.settled(s)
            self.assertEqual(len(got), 4) # a session and a waiting room
            self.assertEqual(
                sorted(p.get("webhook_type", "waits") for _, p in got),
                ["NEW_SESSION_WEBHOOK"] * 2 + ["waits"] * 2)
            self.assertEqual(
                {p["room_id"] for _, p in got if "room_id" in p}, {room})
            self.assertEqual(s.get_stats()["webhooks"]["lost"], 2)

    def test_who_is_away_gets_nothing(self):
        with Receiver() as r:
            url = r.url("/x")
        with Sim("--webhooks", url) as s:
            s.arrive()
            end = time.monotonic() + 30
            while s.get_stats()["webhooks"]["failed"] < 2:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)


class Life(unittest.TestCase):
    def test_only_we_assign(self):
        with Sim("--by-us", "--pace", "20", "--dialogs", "0",
                 "--start", "2026-11-20T09:00:00Z") as s:
            for _ in range(5):
                s.arrive()
            s.control("advance", seconds=3600)
            self.assertEqual(
                s.rooms(serve_status="served",
                        user_ids=list(range(501, 509))), [])
            self.assertNotEqual(s.rooms(), [])

    def test_agents_come_and_go(self):
        with Sim("--operators", "3") as s:
            s.act(act="offline")
            s.act(act="online", operator=502)
            agents = s.ask("/api/v2/admin/agents")[1]["data"]["agents"]
            self.assertEqual(
                [a["id"] for a in agents if a["is_available"]], [1, 502])


if __name__ == "__main__":
    unittest.main()
