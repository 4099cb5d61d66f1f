"""The simulator follows Chat2Desk's contract: envelopes, paging and its traps,
errors, lag, its clock, and each of its faults."""

import gzip
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse

SIM = os.path.join(os.environ.get("TESTBIN", "build/tests"), "crm-sim")
TOKEN = {"Authorization": "sim-token"}


class Sim:
    def __init__(self, *options):
        self.dir = tempfile.TemporaryDirectory(prefix="sim.")
        port_file = os.path.join(self.dir.name, "port")
        self.process = subprocess.Popen(
            [SIM, "--port-file", port_file, "--die-with-parent", *options],
            stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
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
        code = self.process.wait(20)
        self.dir.cleanup()
        if exc[0] is None and code != 0:
            raise AssertionError("crm-sim ended with %d" % code)

    def raw(self, method, path, headers=TOKEN, body=None, timeout=20):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers)
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            c.close()

    def get(self, path, headers=TOKEN):
        return json.loads(self.raw("GET", "/v1" + path, headers)[2])

    def control(self, what, method="POST", **query):
        text = urllib.parse.urlencode(query)
        status, _, body = self.raw(method, "/control/%s?%s" % (what, text))
        assert status == 200, body
        return json.loads(body)

    def dialogs(self, state="open"):
        return self.get("/dialogs?state=%s&limit=200" % state)["data"]


class Contract(unittest.TestCase):
    def test_who_may_ask(self):
        with Sim() as s:
            status, _, body = s.raw("GET", "/v1/operators", {})
            self.assertEqual(status, 401)
            self.assertIn(b"specify your token", body)
            status, _, body = s.raw(
                "GET", "/v1/operators", {"Authorization": "wrong"})
            self.assertEqual((status, b"Token is not correct" in body),
                             (403, True))
            status, _, body = s.raw("GET", "/v1/nothing")
            self.assertEqual((status, b"Page not found" in body), (404, True))
            status, _, body = s.raw("GET", "/v1/dialogs/1")
            self.assertEqual((status, b"not_found" in body), (404, True))

    def test_lists_have_pages(self):
        with Sim("--dialogs", "450", "--messages", "4") as s:
            self.assertEqual(len(s.get("/dialogs?state=open")["data"]), 20)
            seen = []
            for offset in (0, 200, 400):
                page = s.get("/dialogs?state=open&limit=1000&offset=%d"
                             % offset)
                self.assertEqual(int(page["meta"]["total"]), 450)
                seen += [d["id"] for d in page["data"]]
            self.assertEqual(len(set(seen)), 450)
            self.assertEqual(seen, sorted(seen))
            newest = s.get("/dialogs?state=open&order=desc&limit=1")["data"]
            self.assertEqual(newest[0]["id"], seen[-1])
            ignored = s.get("/dialogs?state=open&client_id=40001&limit=1")
            self.assertEqual(int(ignored["meta"]["total"]), 450)
            of_one = s.get("/dialogs?state=open&operator_id=501&limit=200")
            self.assertEqual({d["operator_id"] for d in of_one["data"]}, {501})

    def test_messages_have_traps(self):
        with Sim("--dialogs", "3", "--messages", "900") as s:
            dialog = max(s.dialogs(), key=lambda d: int(d["messages"]))
            base = "/messages?limit=200&dialog_id=%d" % dialog["id"]
            first = s.get(base)["data"]
            self.assertEqual(s.get(base + "&offset=200")["data"], first)
            self.assertEqual(s.get(base + "&request_id=1")["data"], first)
            newest = s.get(base + "&order=desc")["data"]
            self.assertEqual(newest[0]["id"], dialog["last_message"]["id"])
            seen, page, start = [], [0] * 200, 0
            while len(page) == 200:
                page = s.get(base + "&start_id=%d&order=desc" % start)["data"]
                seen += [m["id"] for m in page]
                start = seen[-1] + 1
            self.assertEqual(len(seen), int(dialog["messages"]))
            self.assertEqual(seen, sorted(set(seen)))
            back = s.get(base + "&direction_reverse=true&start_id=%d"
                         % seen[300])["data"]
            self.assertEqual([m["id"] for m in back], seen[300:100:-1])
            status, _, body = s.raw(
                "GET", "/v1" + base + "&start_id=1&start_date=20-11-2026")
            self.assertEqual((status, b"separately" in body), (400, True))
            status, _, _ = s.raw("GET", "/v1" + base + "&start_date=2026-1-1")
            self.assertEqual(status, 400)
            day = s.get(base + "&start_date=20-11-2026&type=to_client")["data"]
            self.assertTrue(all(m["created"] >= "2026-11-20" and
                                m["type"] == "to_client" for m in day))

    def test_other_objects(self):
        with Sim() as s:
            dialog = s.dialogs()[0]
            last = dialog["last_message"]
            one = s.get("/dialogs/%d/" % dialog["id"])
            self.assertEqual(one["data"], dialog)
            self.assertNotIn("meta", one)
            self.assertEqual(s.get("/messages/%d" % last["id"])["data"], last)
            request = dialog["last_request_id"]
            self.assertEqual(s.get("/requests/%d" % request)["data"]
                             ["dialog_id"], dialog["id"])
            listed = s.get("/requests/%d/messages" % request)
            self.assertIsInstance(listed, list)
            self.assertEqual({m["dialogID"] for m in listed}, {dialog["id"]})
            self.assertTrue(all(m["type"] in ("in", "out", "system") and
                                isinstance(m["created"], int)
                                for m in listed))
            client = s.get("/clients/%d" % last["client_id"])["data"]
            self.assertEqual(client["id"], last["client_id"])
            self.assertIn("tags", client)
            self.assertTrue(s.get("/operators/statuses")[0]["name"])
            self.assertTrue(s.get("/operators_groups")["data"])
            self.assertTrue(s.get("/companies/api_info")["data"])
            whole = s.get("/channels?limit=200")["data"]
            self.assertEqual(s.get("/channels?limit=200&offset=3")["data"],
                             whole)
            stats = s.get("/statistics?report=request_stats&limit=200"
                          "&date=2026-11-20")["data"]
            self.assertIn(request, [r["request_id"] for r in stats]
                          + [request])
            self.assertTrue(stats)

    def test_writes(self):
        with Sim("--pace", "0") as s:
            dialog = s.dialogs()[0]
            path = "/v1/dialogs/%d" % dialog["id"]
            s.raw("PUT", path, body=json.dumps({"operator_id": 503}))
            self.assertEqual(s.get(path[3:])["data"]["operator_id"], 503)
            s.raw("PUT", path, body=json.dumps({"operator_id": None}))
            self.assertIsNone(s.get(path[3:])["data"]["operator_id"])
            s.raw("PUT", path + "?state=closed")
            closed = s.get(path[3:])["data"]
            self.assertEqual(closed["state"], "closed")
            self.assertEqual(closed["end"], "2026-11-20T09:00:00 UTC")
            status, _, body = s.raw("PUT", path + "?state=closed")
            self.assertEqual((status, b"already has state" in body),
                             (400, True))
            s.raw("GET", "/v1/messages/%d/transfer?operator_id=504"
                  % closed["last_message"]["id"])
            note = {"client_id": closed["last_message"]["client_id"],
                    "text": "x", "type": "comment", "open_dialog": False}
            status, _, body = s.raw(
                "POST", "/v1/messages", body=json.dumps(note))
            self.assertEqual(status, 200)
            now = s.get(path[3:])["data"]
            self.assertEqual(now["operator_id"], 504)
            self.assertEqual(now["state"], "closed")
            self.assertEqual(now["last_message"]["type"], "comment")

    def test_ids_can_be_large(self):
        with Sim("--big-ids") as s:
            dialog = s.dialogs()[0]
            for n in (dialog["id"], dialog["last_request_id"],
                      dialog["last_message"]["id"]):
                self.assertGreater(n, 2 ** 53)

    def test_counts_are_numbers_or_strings(self):
        with Sim("--seed", "3") as s:
            page = s.get("/dialogs?state=open&limit=200")
            self.assertIsInstance(page["meta"]["total"], str)
            kinds = {type(d["messages"]) for d in page["data"]}
            self.assertEqual(kinds, {int, str})

    def test_answers_are_gzipped_when_asked(self):
        with Sim() as s:
            head = {**TOKEN, "Accept-Encoding": "gzip"}
            _, headers, body = s.raw("GET", "/v1/dialogs?state=open", head)
            self.assertEqual(headers["Content-Encoding"], "gzip")
            self.assertEqual(json.loads(gzip.decompress(body)),
                             s.get("/dialogs?state=open"))


class Life(unittest.TestCase):
    def test_one_seed_is_one_world(self):
        worlds = []
        for steps in ([600] * 6, [3600], [1, 59, 3540]):
            with Sim("--seed", "9", "--dialogs", "30") as s:
                for n in steps:
                    s.control("advance", seconds=n)
                worlds.append(s.control("world", "GET"))
        self.assertEqual(worlds[0], worlds[1])
        self.assertEqual(worlds[0], worlds[2])
        with Sim("--seed", "10", "--dialogs", "30") as s:
            self.assertNotEqual(s.control("world", "GET"), worlds[0])

    def test_the_clock_obeys_and_shows_in_date(self):
        with Sim() as s:
            _, headers, _ = s.raw("GET", "/v1/operators")
            self.assertEqual(headers["Date"], "Fri, 20 Nov 2026 09:00:00 GMT")
            s.control("advance", seconds=86400)
            _, headers, _ = s.raw("GET", "/v1/operators")
            self.assertEqual(headers["Date"], "Sat, 21 Nov 2026 09:00:00 GMT")

    def test_the_clock_can_run(self):
        with Sim("--speed", "1000") as s:
            begin = s.control("stats", "GET")["now"]
            end = time.monotonic() + 20
            while s.control("stats", "GET")["now"][:16] == begin[:16]:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.01)

    def test_about_as_many_dialogs_close_as_open(self):
        with Sim("--dialogs", "100", "--hours", "0-24") as s:
            for _ in range(24):
                s.control("advance", seconds=3600)
            self.assertGreater(len(s.dialogs()), 50)
            self.assertLess(len(s.dialogs()), 200)
            self.assertTrue(s.dialogs("closed"))
            kinds = {m["type"] for m in s.control("world", "GET")["messages"]}
            self.assertEqual(kinds, {"from_client", "to_client", "autoreply",
                                     "system", "comment", None})

    def test_a_new_message_is_late_in_messages_only(self):
        with Sim("--lag", "60", "--pace", "0") as s:
            dialog = s.dialogs()[0]
            s.control("advance", seconds=100)
            s.control("act", do="client", dialog=dialog["id"])
            path = "/messages?order=desc&limit=1&dialog_id=%d" % dialog["id"]
            last = s.dialogs()[0]["last_message"]
            self.assertNotEqual(last["id"], dialog["last_message"]["id"])
            self.assertEqual(s.get(path)["data"][0]["id"],
                             dialog["last_message"]["id"])
            s.control("advance", seconds=60)
            self.assertEqual(s.get(path)["data"][0]["id"], last["id"])

    def test_acts(self):
        with Sim("--pace", "0") as s:
            d = s.dialogs()[0]["id"]
            for act, kind in (("client", "from_client"),
                              ("answer", "to_client"), ("note", "comment"),
                              ("autoreply", "autoreply"),
                              ("system", "system"), ("survey", None)):
                s.control("act", do=act, dialog=d, operator=502)
                last = s.get("/dialogs/%d" % d)["data"]["last_message"]
                self.assertEqual(last["type"], kind)
            s.control("act", do="transfer", dialog=d, operator=504)
            self.assertEqual(
                s.get("/dialogs/%d" % d)["data"]["operator_id"], 504)
            before = s.get("/dialogs/%d" % d)["data"]["last_request_id"]
            s.control("act", do="close", dialog=d)
            self.assertNotIn(d, [x["id"] for x in s.dialogs()])
            s.control("act", do="client", dialog=d)
            again = s.get("/dialogs/%d" % d)["data"]
            self.assertEqual(again["state"], "open")
            self.assertGreater(again["last_request_id"], before)

    def test_a_dialog_can_be_removed(self):
        with Sim("--pace", "0") as s:
            d = s.dialogs()[0]["id"]
            s.control("act", do="remove", dialog=d)
            self.assertNotIn(d, [x["id"] for x in s.dialogs()])
            self.assertEqual(s.raw("GET", "/v1/dialogs/%d" % d)[0], 404)
            self.assertEqual(s.get("/messages?dialog_id=%d" % d)["data"], [])

    def test_touch_changes_a_share(self):
        with Sim("--pace", "0", "--dialogs", "200") as s:
            before = {d["id"]: d["last_message"] for d in s.dialogs()}
            s.control("act", do="touch", percent=5)
            changed = [d for d in s.dialogs()
                       if d["last_message"] != before[d["id"]]]
            self.assertEqual(len(changed), 10)

    def test_accounts_are_apart(self):
        with Sim("--account", "a:1:5", "--account", "b:2:7") as s:
            for token, n in (("a", 5), ("b", 7)):
                page = s.get("/dialogs?state=open", {"Authorization": token})
                self.assertEqual(int(page["meta"]["total"]), n)
            self.assertEqual(s.control("stats", "GET")["by_account"],
                             {"a": 1, "b": 1})

    def test_calls_are_counted(self):
        with Sim() as s:
            s.get("/operators")
            s.get("/dialogs/9001")
            s.get("/operators", {**TOKEN, "X-Uncounted": "1"})
            stats = s.control("stats", "GET")
            self.assertEqual(stats["calls"], 2)
            self.assertEqual(stats["by_route"], {
                "GET /v1/operators": 1, "GET /v1/dialogs/{id}": 1})
            s.control("reset-stats")
            self.assertEqual(s.control("stats", "GET")["calls"], 0)

    def test_limits(self):
        with Sim("--per-minute", "2") as s:
            codes = [s.raw("GET", "/v1/operators")[0] for _ in range(3)]
            self.assertEqual(codes, [200, 200, 429])
        with Sim("--quota", "1") as s:
            codes = [s.raw("GET", "/v1/operators")[0] for _ in range(2)]
            self.assertEqual(codes, [200, 403])

    def test_it_ends_with_its_parent(self):
        with tempfile.TemporaryDirectory(prefix="sim.") as d:
            port = os.path.join(d, "port")
            script = ("import subprocess, os, time\n"
                      "p = subprocess.Popen([%r, '--die-with-parent',"
                      " '--port-file', %r])\n"
                      "while not os.path.exists(%r): time.sleep(0.01)\n"
                      % (SIM, port, port))
            subprocess.run([sys.executable, "-c", script], check=True)
            with open(port) as f:
                number = int(f.read())
            end = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", number)).close()
                except ConnectionRefusedError:
                    return
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)

    def test_it_ends_with_its_input(self):
        with tempfile.TemporaryDirectory(prefix="sim.") as d:
            p = subprocess.Popen(
                [SIM, "--until-eof", "--port-file", os.path.join(d, "p")],
                stdin=subprocess.PIPE)
            p.stdin.close()
            self.assertEqual(p.wait(20), 0)

    @unittest.skipUnless(shutil.which("openssl"), "no openssl")
    def test_tls(self):
        with tempfile.TemporaryDirectory(prefix="sim.") as d:
            cert, key = os.path.join(d, "cert"), os.path.join(d, "key")
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                 "-keyout", key, "-out", cert, "-days", "1", "-subj",
                 "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                check=True, stderr=subprocess.DEVNULL)
            with Sim("--tls-cert", cert, "--tls-key", key) as s:
                trust = ssl.create_default_context(cafile=cert)
                c = http.client.HTTPSConnection(
                    "127.0.0.1", s.port, timeout=20, context=trust)
                c.request("GET", "/v1/operators", headers=TOKEN)
                self.assertEqual(c.getresponse().status, 200)
                c.close()

    def test_latency_needs_no_thread(self):
        with Sim("--latency", "2000") as s:
            import concurrent.futures
            begin = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda _: s.get("/operators"), range(16)))
            took = time.monotonic() - begin
            self.assertGreater(took, 2)
            # One after the other, they would take 32 s.
            self.assertLess(took, 24)


class Faults(unittest.TestCase):
    """Each fault, once, on the second page of the open dialogs."""

    PATH = "/v1/dialogs?state=open&limit=100&offset=100"

    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--dialogs", "150", "--messages", "5")
        cls.good = json.loads(cls.sim.raw("GET", cls.PATH)[2])

    @classmethod
    def tearDownClass(cls):
        cls.sim.__exit__(None, None, None)

    def ask(self, name, timeout=20, headers=TOKEN, **query):
        self.sim.control("fault", name=name, count=1, **query)
        try:
            return self.sim.raw("GET", self.PATH, headers, timeout=timeout)
        finally:
            self.sim.control("fault", name="none")

    def test_answers_of_another_status(self):
        for name, status, text in (
                ("401", 401, b"Token is not correct"),
                ("403", 403, b"Token is not correct"),
                ("404", 404, b"Page not found"),
                ("429", 429, b"requests exceeded"),
                ("500", 500, b"error"), ("502-html", 502, b"<html>"),
                ("login-page", 200, b"<form"), ("204", 204, b""),
                ("empty", 200, b""), ("quota", 403, b"limit per month"),
                ("redirect-http", 302, b""), ("redirect-host", 302, b""),
                ("errors-string", 400, b'"errors":"'),
                ("errors-object", 400, b'"errors":{'),
                ("error-200", 200, b'"status":"error"')):
            with self.subTest(name=name):
                got, _, body = self.ask(name)
                self.assertEqual(got, status)
                self.assertIn(text, body)

    def test_throttling_says_how_long(self):
        now = 1795165200
        for name, header, value in (
                ("429-retry", "Retry-After", "1"),
                ("429-decade", "Retry-After", "315360000"),
                ("429-negative", "Retry-After", "-5"),
                ("429-date", "Retry-After", "Fri, 20 Nov 2026 09:00:02 GMT"),
                ("429-reset-s", "X-RateLimit-Reset", str(now + 2)),
                ("429-reset-ms", "X-RateLimit-Reset", str(now + 2) + "000")):
            with self.subTest(name=name):
                status, headers, _ = self.ask(name)
                self.assertEqual((status, headers[header]), (429, value))
        _, headers, _ = self.ask("429-retry", value=7)
        self.assertEqual(headers["Retry-After"], "7")

    def test_bodies_that_do_not_come_whole(self):
        for name in ("cut-chunk", "long-length"):
            with self.subTest(name=name):
                with self.assertRaises(http.client.IncompleteRead):
                    self.ask(name)
        with self.assertRaises(http.client.RemoteDisconnected):
            self.ask("reset")
        for name in ("short-length", "truncated"):
            with self.subTest(name=name):
                with self.assertRaises(ValueError):
                    json.loads(self.ask(name)[2])
        for name in ("hang", "drip", "slow"):
            with self.subTest(name=name):
                with self.assertRaises(TimeoutError):
                    self.ask(name, timeout=0.3)
        _, _, body = self.ask("slow", value=50)
        self.assertEqual(json.loads(body), self.good)

    def test_a_byte_at_a_time(self):
        self.sim.control("fault", name="drip", count=1, value=1)
        _, _, body = self.sim.raw("GET", "/v1/operators?limit=1")
        self.assertEqual(json.loads(body)["status"], "success")

    def test_pages_that_do_not_fit(self):
        good = [d["id"] for d in self.good["data"]]
        for name, want in (("page-gap", good[1:]), ("page-dup", None),
                           ("endless-page", None)):
            with self.subTest(name=name):
                page = json.loads(self.ask(name)[2])["data"]
                ids = [d["id"] for d in page]
                if name == "page-dup":
                    self.assertEqual(ids[1:], good)
                elif name == "endless-page":
                    self.assertLess(ids[-1], good[0])
                    self.assertEqual(len(ids), 100)
                else:
                    self.assertEqual(ids, want)

    def test_the_world_moves_between_pages(self):
        with Sim("--dialogs", "30", "--pace", "0") as s:
            first = s.dialogs()[0]
            s.control("fault", name="page-moves", count=1)
            s.get("/dialogs?state=open&limit=10&offset=10")
            moved = s.dialogs()[0]
            self.assertEqual(moved["id"], first["id"])
            self.assertGreater(moved["last_message"]["id"],
                               first["last_message"]["id"])
            s.control("fault", name="page-moves", count=1, value=1)
            page = s.get("/dialogs?state=open&limit=10&offset=10")
            self.assertEqual(page["meta"]["total"], 29)
            self.assertNotEqual(s.dialogs()[0]["id"], first["id"])

    def test_filters_that_are_ignored(self):
        good = [d["state"] for d in self.good["data"]]
        page = json.loads(self.ask("no-filter")[2])
        self.assertEqual(set(good), {"open"})
        self.assertGreater(page["meta"]["total"], 150)
        self.sim.control("fault", name="no-filter", count=1)
        page = self.sim.get("/messages?dialog_id=9001&limit=200")
        self.assertGreater(len({m["dialog_id"] for m in page["data"]}), 1)

    def test_contents_that_are_wrong(self):
        self.assertEqual(self.ask("bom")[2][:3], b"\xef\xbb\xbf")
        with self.assertRaises(UnicodeDecodeError):
            self.ask("bad-utf8")[2].decode()
        for shape in range(7):
            page = json.loads(self.ask("wrong-shape", value=shape)[2])
            self.assertNotEqual(page, self.good)
        self.assertIn(b"[" * 99, self.ask("deep", value=100)[2])
        _, headers, _ = self.ask("html-type")
        self.assertEqual(headers["Content-Type"], "text/html")

    def test_dates_that_are_wrong(self):
        _, headers, _ = self.ask("skew")
        self.assertEqual(headers["Date"], "Fri, 20 Nov 2026 10:00:00 GMT")
        self.assertIsNone(self.ask("no-date")[1]["Date"])

    def test_bodies_that_are_too_large(self):
        _, _, body = self.ask("huge", value=5000000)
        self.assertGreaterEqual(len(body), 5000000)
        _, headers, body = self.ask(
            "bomb", value=64 << 20, headers={**TOKEN,
                                             "Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        self.assertLess(len(body), 1 << 20)

    def test_aim(self):
        s = self.sim
        s.control("fault", name="500", count=2, after=1,
                  route="/v1/operators")
        codes = [s.raw("GET", "/v1/operators")[0] for _ in range(4)]
        self.assertEqual(codes, [200, 500, 500, 200])
        s.control("fault", name="500", account="another")
        self.assertEqual(s.raw("GET", "/v1/operators")[0], 200)
        s.control("fault", name="500")
        calm = {**TOKEN, "X-Uncounted": "1"}
        self.assertEqual(s.raw("GET", "/v1/operators", calm)[0], 200)
        self.assertEqual(s.raw("GET", "/v1/operators")[0], 500)
        s.control("fault", name="none")
        self.assertEqual(s.raw("GET", "/v1/operators")[0], 200)


if __name__ == "__main__":
    unittest.main()
