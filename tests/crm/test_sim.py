"""The simulator keeps those rules of the CRMs that a poller can trip over. If
it did not, tests of the poller would pass for a poller that trips."""

import http.client
import json
import os
import subprocess
import tempfile
import time
import unittest

SIM = os.path.join(os.environ.get("TESTBIN", "build/tests"), "crm-sim")
KEYS = {
    "chat2desk": {"Authorization": "sim-token"},
    "chatwoot": {"Api-Access-Token": "sim-token"},
    "qiscus": {"Qiscus-App-Id": "sim-app", "Qiscus-Secret-Key": "sim-token"},
}
BASE = {"chat2desk": "/v1", "chatwoot": "/api/v1/accounts/1/", "qiscus": ""}
ROOMS = "/api/v2/customer_rooms"
ASSIGN = "/api/v1/admin/service/assign_agent"


class Sim:
    def __init__(self, crm, *options):
        self.crm = crm
        self.dir = tempfile.TemporaryDirectory(prefix="sim.")
        port_file = os.path.join(self.dir.name, "port")
        crm = () if crm == "chat2desk" else ("--crm", crm)
        self.process = subprocess.Popen(
            [SIM, "--port-file", port_file, "--die-with-parent", *crm,
             *options], stdin=subprocess.DEVNULL)
        end = time.monotonic() + 120
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("crm-sim does not start")
            time.sleep(0.01)
        with open(port_file) as f:
            self.port = int(f.read())

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        code = self.process.wait(60)
        self.dir.cleanup()
        if exc[0] is None and code != 0:
            raise AssertionError("crm-sim ended with %d" % code)

    def ask(self, path, body=None, keys=None):
        """(status, JSON)"""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            c.request("GET" if body is None else "POST", path,
                      None if body is None else json.dumps(body),
                      {"Content-Type": "application/json",
                       **(KEYS[self.crm] if keys is None else keys)})
            answer = c.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            c.close()

    def get(self, path):
        return self.ask(BASE[self.crm] + path)[1]

    def control(self, what, **query):
        text = "&".join("%s=%s" % pair for pair in query.items())
        status, body = self.ask("/control/%s?%s" % (what, text), {})
        assert status == 200, body
        return body

    def world(self):
        return self.ask("/control/world")[1]


class AllOfThem(unittest.TestCase):
    def test_a_wrong_token_is_refused(self):
        for crm, path in (("chat2desk", "/operators"), ("chatwoot", "agents"),
                          ("qiscus", "/api/v2/admin/agents")):
            with self.subTest(crm), Sim(crm) as s:
                for token, good in (("sim-token", True), ("wrong", False)):
                    keys = {k: token if v == "sim-token" else v
                            for k, v in KEYS[crm].items()}
                    self.assertEqual(
                        s.ask(BASE[crm] + path, keys=keys)[0] == 200, good)

    def test_one_seed_is_one_world_however_its_clock_moves(self):
        worlds = []
        for steps in ([600] * 6, [3600], [1, 59, 3540]):
            with Sim("chat2desk", "--seed", "9", "--dialogs", "30") as s:
                for n in steps:
                    s.control("advance", seconds=n)
                worlds.append(s.world())
        self.assertEqual(worlds[0], worlds[1])
        self.assertEqual(worlds[0], worlds[2])


class Chat2Desk(unittest.TestCase):
    def test_a_page_has_at_most_200_rows(self):
        with Sim("chat2desk", "--dialogs", "450", "--messages", "4") as s:
            seen = []
            for offset in (0, 200, 400):
                page = s.get("/dialogs?state=open&limit=1000&offset=%d"
                             % offset)
                self.assertEqual(int(page["meta"]["total"]), 450)
                seen += [d["id"] for d in page["data"]]
            self.assertEqual(len(set(seen)), 450)
            self.assertEqual(seen, sorted(seen))

    def test_messages_ignore_an_offset_and_begin_at_start_id(self):
        with Sim("chat2desk", "--dialogs", "3", "--messages", "900") as s:
            dialog = max(s.get("/dialogs?state=open")["data"],
                         key=lambda d: int(d["messages"]))
            base = "/messages?limit=200&dialog_id=%d" % dialog["id"]
            self.assertEqual(s.get(base + "&offset=200"), s.get(base))
            seen, page, start = [], [0] * 200, 0
            while len(page) == 200:
                page = s.get(base + "&start_id=%d&order=desc" % start)["data"]
                seen += [m["id"] for m in page]
                start = seen[-1] + 1
            self.assertEqual(len(seen), int(dialog["messages"]))
            self.assertEqual(seen, sorted(set(seen)))

    def test_a_new_message_is_late_in_messages_only(self):
        def last(s):
            return s.get("/dialogs?state=open")["data"][0]["last_message"][
                "id"]

        with Sim("chat2desk", "--lag", "60", "--pace", "0") as s:
            before = last(s)
            dialog = s.get("/dialogs?state=open")["data"][0]["id"]
            path = "/messages?order=desc&limit=1&dialog_id=%d" % dialog
            s.control("advance", seconds=100)
            s.control("act", do="client", dialog=dialog)
            self.assertNotEqual(last(s), before)
            self.assertEqual(s.get(path)["data"][0]["id"], before)
            s.control("advance", seconds=60)
            self.assertEqual(s.get(path)["data"][0]["id"], last(s))


class Chatwoot(unittest.TestCase):
    def test_a_page_has_25_rows_and_changes_have_no_pages(self):
        def rows(s, query):
            return s.get("conversations?" + query)["data"]["payload"]

        with Sim("chatwoot", "--pace", "0", "--dialogs", "60") as s:
            pages = [rows(s, "page=%d" % n) for n in (1, 2, 3, 4)]
            self.assertEqual([len(p) for p in pages], [25, 25, 10, 0])
            s.control("advance", seconds=86400)
            s.control("act", do="touch", percent=50)
            self.assertEqual(
                len(rows(s, "status=all&updated_within=60&page=2")), 30)

    def test_messages_come_20_before_and_100_after_an_id(self):
        with Sim("chatwoot", "--pace", "0", "--dialogs", "1") as s:
            chat = s.get("conversations")["data"]["payload"][0]["id"]
            path = "conversations/%s/messages?" % chat
            for _ in range(130):
                s.control("act", do="client", dialog=chat)
            every, page = [], s.get(path + "after=0")["payload"]
            self.assertEqual(len(page), 100)
            while page:
                every += [m["id"] for m in page]
                page = s.get(path + "after=%d" % every[-1])["payload"]
            self.assertEqual(every, sorted(set(every)))
            for query, want in (("", every[-20:]),
                                ("before=%d" % every[-20], every[-40:-20])):
                self.assertEqual([m["id"] for m in s.get(path + query)[
                    "payload"]], want)


class Qiscus(unittest.TestCase):
    def test_a_list_ends_without_a_cursor(self):
        with Sim("qiscus", "--pace", "0", "--dialogs", "60") as s:
            seen, cursor = [], {}
            while True:
                page = s.ask(ROOMS, {"limit": 7, "status": "unresolved",
                                     **cursor})[1]
                seen += [r["room_id"] for r in page["data"]["customer_rooms"]]
                cursor = {"cursor_after": page["meta"]["cursor_after"]}
                if cursor["cursor_after"] is None:
                    break
            self.assertEqual(len(seen), len(set(seen)))
            self.assertGreaterEqual(len(seen), 60)

    def test_only_max_agent_keeps_a_second_agent_out(self):
        with Sim("qiscus", "--pace", "0") as s:
            room = str(s.control("act", do="arrive")["dialog"])
            for agent, more, status, crowded in (
                    (501, {"max_agent": 1}, 200, []),
                    (502, {"max_agent": 1}, 400, []),
                    (502, {}, 200, [int(room)]),
                    (503, {"replace_latest_agent": True}, 200, [])):
                self.assertEqual(s.ask(ASSIGN, {
                    "room_id": room, "agent_id": agent, **more})[0], status)
                self.assertEqual(s.world()["crowded"], crowded)


if __name__ == "__main__":
    unittest.main()
