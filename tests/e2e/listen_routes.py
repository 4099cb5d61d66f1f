#!/usr/bin/env python3
"""listen_routes: the routes for messages and events, over HTTP: the requests
of the original services' READMEs, as printed there; the same records for a
repeated request, also after the listener was killed in between; names that two
concurrent listeners never assign twice; bearer tokens that are good, old and
forged, created here; and openapi.json, which has all paths and describes every
answer. The unit tests (test_poller_routes_*) cover the details of the
contracts.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
import types
import urllib.error
import urllib.parse
import urllib.request

from harness import Checks, Lab, until

SEND = "/api/v1/messages/send"
EVENTS = "/api/v1/analytics/events"
BULK = EVENTS + "/bulk"
ANALYTICS = "/api/v1/analytics/messages/analytics"
EVENT = {"event_type": "user_action", "event_data": {"n": 1}}
KEY = "a key of thirty-two random bytes"

# An apostrophe would end a shell string; '\'' stands for it.
CURL = r"""
# Send a message
curl -X POST http://localhost:8080/api/v1/messages/send \
  -H "Content-Type: application/json" \
  -d '{
    "sender_id": "alice",
    "receiver_id": "bob",
    "content": "Hello Bob! Let'\''s discuss the project deadline.",
    "message_type": "text"
  }'
"""
CURL_HEALTH = """
# Health check
curl http://localhost:8080/api/v1/health
"""
HTTPX = """
import httpx

async with httpx.AsyncClient() as client:
    response = await client.post(
        "http://localhost:8004/api/v1/analytics/events",
        json={
            "event_type": "message_sent",
            "event_data": {"channel_id": "123", "user_id": "456"},
            "tenant_id": "tenant-1"
        },
        params={"tenant_id": "tenant-1"}
    )
"""

# Method, path, status and type of each answer in this test.
MET = set()

PATIENCE = 300  # seconds for an answer on a busy machine
LATE = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Listener:
    def __init__(self, lab, name, *options, env=None):
        self.out = lab.path(name + ".out")
        self.log = lab.path(name + ".log")
        port_file = lab.path(name + ".port")
        if "--state" not in options:
            options += "--state", lab.path(name + ".state")
        self.process = lab.start(
            ["poller", "--listen", "127.0.0.1:0", "-t", self.out,
             "--port-file", port_file, *options], self.log, env=env)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError("poller: " + open(self.log).read())
            return os.path.exists(port_file) and open(port_file).read()

        self.port = int(until(60, ready, "the listener's port"))

    def ask(self, method, path, *more, **query):
        """(status, headers, body)."""
        got = self.ask_quietly(method, path, *more, **query)
        MET.add((method, path, got[0], got[1].get_content_type()))
        return got

    def ask_quietly(self, method, path, body=None, headers=None, **query):
        url = f"http://127.0.0.1:{self.port}{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            url, method=method, data=body,
            headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with LATE.open(request, timeout=PATIENCE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def post(self, path, body, headers=None, **query):
        return self.ask("POST", path, body, headers, **query)

    def is_drained(self):
        health = self.ask("GET", "/api/v1/analytics/health")[2]
        return json.loads(health)["processing_queue_size"] == 0

    def lines(self):
        """All lines so far; a stored request reaches the file later."""
        if self.process.poll() is None:
            until(60, self.is_drained, "the records in the file")
        with open(self.out, "rb") as f:
            return f.read().splitlines()


def httpx_for(port):
    """The parts of httpx that the README uses, on top of the standard
    library."""

    class AsyncClient:
        async def __aenter__(self):
            return self

        async def __aexit__(self, *exc):
            return False

        async def post(self, url, json=None, params=None):
            parts = urllib.parse.urlsplit(url)
            url = parts._replace(netloc=f"127.0.0.1:{port}",
                                 query=urllib.parse.urlencode(params)).geturl()
            data = sys.modules["json"].dumps(json).encode()
            request = urllib.request.Request(
                url, data, {"Content-Type": "application/json"})
            return LATE.open(request, timeout=PATIENCE)

    module = types.ModuleType("httpx")
    module.AsyncClient = AsyncClient
    return module


def run_python(text, port):
    """Runs a README's fragment, which belongs in a coroutine."""
    sys.modules["httpx"] = httpx_for(port)
    body = "".join("    " + line + "\n" for line in text.splitlines())
    scope = {}
    exec("async def fragment():\n" + body + "    return response\n", scope)
    return asyncio.run(scope["fragment"]())


def check_readmes(checks, lab, listener):
    # Redirects the address in the text to our port.
    lab.write(".curlrc", f'connect-to = "localhost:8080:127.0.0.1:'
              f'{listener.port}"\nnoproxy = "*"\nsilent\nshow-error\nfail\n')
    env = {"CURL_HOME": lab.tmp}
    before = len(listener.lines())
    done = lab.must(["/bin/sh", "-c", CURL], env=env)
    answer = json.loads(done.out)
    checks.that(
        list(answer) == ["status", "message_id", "conversation_id"]
        and answer["status"] == "success"
        and re.fullmatch(r"msg-\d{19}", answer["message_id"])
        and re.fullmatch(r"conv-[0-9a-f]{24}", answer["conversation_id"]),
        f"README's message: {answer}")
    record = json.loads(listener.lines()[before])
    checks.that(
        record["type"] == "message" and record["tenant"] == "acme"
        and record["id"] == answer["message_id"]
        and record["chat"] == answer["conversation_id"]
        and record["from"] == "customer" and record["user"] == "alice"
        and record["to"] == "bob" and record["kind"] == "text"
        and record["text"] == "Hello Bob! Let's discuss the project deadline.",
        f"its record: {record}")
    health = json.loads(lab.must(["/bin/sh", "-c", CURL_HEALTH], env=env).out)
    checks.that(
        health["status"] == "healthy" and health["service"] == "message-api"
        and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                         health["timestamp"]), f"README's health: {health}")
    got = run_python(HTTPX, listener.port)
    event = json.load(got)
    checks.that(
        got.status == 200 and event["tenant_id"] == "tenant-1"
        and event["event_type"] == "message_sent"
        and event["source_service"] == "communication-hub"
        and event["event_data"] == {"channel_id": "123", "user_id": "456"}
        and event["user_id"] is None
        and re.fullmatch(r"session_\d+\.\d+", event["session_id"]),
        f"README's event: {event}")
    checks.that(json.loads(listener.lines()[-1])["id"] == event["id"],
                "the event is not among the records")


# method, path, query, body, status, pattern of the answer.
CASES = [
    ("POST", SEND, {}, b"{", 400, r"Invalid request\n"),
    ("POST", SEND, {}, {"sender_id": 5}, 400,
     r"Invalid request: sender_id must be a text\n"),
    ("POST", SEND, {}, {}, 400, r"Invalid request: sender_id is missing\n"),
    ("GET", SEND, {}, None, 405, r'{"detail":"Method Not Allowed"}'),
    ("POST", EVENTS, {"tenant_id": "a"}, {}, 422,
     r'{"detail":\[{"loc":\["body","event_type"\],.*'
     r'"loc":\["body","event_data"\],.*}\]}'),
    ("POST", EVENTS, {}, EVENT, 422,
     r'{"detail":\[{"loc":\["query","tenant_id"\],'
     r'"msg":"is missing"}\]}'),
    ("POST", EVENTS, {"tenant_id": "a"}, b"{]", 422,
     r'{"detail":\[{"loc":\["body",1\],"msg":"is not JSON: .*"}\]}'),
    ("POST", EVENTS, {"tenant_id": "a"}, b"", 422,
     r'.*"loc":\["body"\],"msg":"is missing".*'),
    ("POST", BULK, {"tenant_id": "a"}, {"events": [EVENT, EVENT, {}]}, 422,
     r'{"detail":\[{"loc":\["body","events",2,'
     r'"event_type"\],.*}\]}'),
    ("POST", BULK, {"tenant_id": "a"}, {"events": []}, 200, r"\[\]"),
    ("POST", ANALYTICS, {"tenant_id": "a"}, {"id": "1"}, 422,
     r'.*"loc":\["body","conversation_id"\].*"loc":\["body","direction"\].*'),
    ("GET", EVENTS, {"tenant_id": "a"}, None, 405,
     r'{"detail":"Method Not Allowed"}'),
    ("POST", "/api/v1/analytics/nothing", {"tenant_id": "a"}, {}, 404,
     r'{"detail":"Not Found"}'),
]


def check_cases(checks, listener):
    before = len(listener.lines())
    for method, path, query, body, status, pattern in CASES:
        got = listener.ask(method, path, body, **query)
        text = got[2].decode()
        kind = "text/plain" if path == SEND and status == 400 \
            else "application/json"
        checks.that(
            got[0] == status and re.fullmatch(pattern, text, re.S)
            and got[1]["Content-Type"].startswith(kind),
            f"{method} {path} {body}: {got[0]} {text}")
    checks.that(len(listener.lines()) == before,
                "a request that was refused is stored")


def check_data_ids(checks, listener):
    """Chat, channel and user of an event's data, as texts and as numbers; and
    the data itself with the same values."""
    for given, want in (("c1", "c1"), (5, "5"), (-2 ** 63, str(-2 ** 63)),
                        (2 ** 80, None), (0, "0"), ("c ", None),
                        (5.0, None), (True, None), (None, None),
                        ([5], None)):
        listener.ask("POST", EVENTS, {
            "event_type": "user_action",
            "event_data": {"conversation_id": given, "channel_id": given,
                           "user_id": given}},
            tenant_id="a")
        record = json.loads(listener.lines()[-1])
        checks.that(record.get("chat") == record.get("channel") ==
                    record.get("user") == want,
                    f"an event of {given!r}: {record}")
    data = rb'{"n":1234567890123456789,"r":1.1,"x":[-1.5,null,"\n"]}'
    event = b'{"event_type":"user_action","event_data":%s}' % data
    for path, body, n in ((EVENTS, event, 1),
                          (BULK, b'{"events":[%s, %s]}' % (event, event), 2)):
        got = listener.ask("POST", path, body, tenant_id="a")
        lines = listener.lines()[-n:]
        checks.that(got[0] == 200 and got[2].count(data) == n and
                    all(data in line for line in lines),
                    f"the values of the data: {got} {lines}")


def check_openapi(checks, listener):
    status, _, text = listener.ask("GET", "/openapi.json")
    document = json.loads(text)
    checks.that(status == 200 and document["openapi"].startswith("3."),
                f"openapi.json: {status}")
    # Includes paths that need configuration: they exist, even if others get 401
    # or 404.
    for path, methods in document["paths"].items():
        other = "PUT" if "get" in methods or "post" in methods else "GET"
        got = listener.ask(other, re.sub("{.*?}", "x", path))
        allowed = {m.upper() for m in methods}
        if "GET" in allowed:
            allowed.add("HEAD") # descriptions omit it
        checks.that(
            got[0] == 405 and got[1]["Allow"] == ", ".join(sorted(allowed)),
            f"{path} is described, and is {got[0]} {got[1]['Allow']}")
    check_defaults(checks, listener, document["components"]["schemas"])
    return document


def check_defaults(checks, listener, schemas):
    """Omitted fields have the schema's defaults."""
    def default(schema, field):
        about = schemas[schema]["properties"][field]
        return about.get("anyOf", [about])[0]["default"]

    listener.post(SEND, {"sender_id": "a", "receiver_id": "b"})
    record = json.loads(listener.lines()[-1])
    checks.that(record["kind"] == default("MessageRequest", "message_type"),
                f"a message without a type: {record}")
    got = listener.post(EVENTS, EVENT, tenant_id="acme")
    checks.that(json.loads(got[2])["source_service"] ==
                default("EventCreate", "source_service"),
                f"an event without a source: {got}")
    got = listener.ask_quietly(
        "POST", EVENTS + "?tenant_id=other&tenant_id=acme", EVENT)
    checks.that(json.loads(got[2])["tenant_id"] == "acme",
                f"two tenants in a query, of which the last counts: {got}")
    one = {"id": "m", "conversation_id": "c", "channel_id": "h",
           "direction": "inbound"}
    given = {**one, "content": default("MessageAnalyticsCreate", "content")}
    lengths = [json.loads(listener.post(ANALYTICS, b, tenant_id="acme")[2])
               ["message_length"] for b in (one, given)]
    checks.that(lengths == [0, 0], f"analytics without a text: {lengths}")


def check_limits(checks, lab):
    """Provokes the server's own refusals, so that they are checked, too."""
    conf = lab.conf("limits.conf", {"listen": {
        "max_body": 1024, "rate": 1, "burst": 4}})
    one = Listener(lab, "limits", "-c", conf)
    for status, headers, path, size in (
            (413, {}, EVENTS, 2000), (414, {}, EVENTS + "?" + "a" * 5000, 2),
            (431, {f"x-{i}": "y" for i in range(70)}, EVENTS, 2)):
        got = one.post(path, b" " * size, headers)
        checks.that(got[0] == status, f"{size} bytes to {path}: {got}")
    # Without a pause: with the pauses of until() a busy machine would send too
    # rarely.
    until(60, lambda: 429 in [one.ask("GET", "/health")[0] for _ in range(8)],
          "429")


def check_met(checks, document):
    """Every answer in this test is described."""
    statuses = set()
    for method, path, status, kind in sorted(MET):
        path = path.partition("?")[0]
        about = [methods for name, methods in document["paths"].items()
                 if re.fullmatch(re.sub("{.*?}", "[^/]+", name), path)]
        if not about:
            checks.that(status == 404, f"{method} {path}: {status}")
            continue
        # A method without a description gets the answers of the described ones.
        operation = about[0].get(method.lower()) or \
            next(iter(about[0].values()))
        response = operation["responses"].get(str(status), {})
        if "$ref" in response:
            response = document["components"]["responses"][
                response["$ref"].rpartition("/")[2]]
        checks.that(kind in response.get("content", {}),
                    f"{method} {path}: {status} {kind} is not described")
        statuses.add(status)
    checks.that(statuses >= {200, 400, 401, 403, 405, 413, 414, 415, 422, 429,
                             431},
                f"only {statuses} are met")


def check_retries(checks, lab, conf):
    """The same key gives the same records, before and after kill -9, after
    which the last ones may be published again."""
    asks = [(SEND, {"sender_id": "a", "receiver_id": "b", "content": "x"}, {}),
            (EVENTS, EVENT, {"tenant_id": "acme"}),
            (BULK, {"events": [EVENT, EVENT]}, {"tenant_id": "acme"}),
            (ANALYTICS, {"id": "m", "conversation_id": "c", "channel_id": "h",
                         "direction": "inbound"}, {"tenant_id": "acme"})]
    lines, answers = [], []
    for turn in range(3):
        one = Listener(lab, f"retry{turn}", "-c", conf, "--state",
                       lab.path("state"))
        got = [one.post(path, body, {"Idempotency-Key": "key-1"}, **query)
               for path, body, query in asks]
        checks.that([g[0] for g in got] == [200] * 4, f"retry: {got}")
        answers.append([g[2] for g in got])
        lines.append(one.lines())
        one.process.kill()
        one.process.wait()
    lines = [sorted(set(got)) for got in lines]
    checks.that(len(lines[0]) == 5 and lines[0] == lines[1] == lines[2],
                f"records of a retry differ: {lines}")
    checks.that(answers[0] == answers[1] == answers[2],
                f"answers to a retry differ: {answers}")
    key = "key-1-[0-9a-f]{16}"
    ids = sorted(json.loads(line)["id"] for line in lines[0])
    kinds = [sum(bool(re.fullmatch(form, i)) for i in ids)
             for form in (key, key + " 0", key + " 1", "m")]
    checks.that(kinds == [2, 1, 1, 1], f"ids of a retry: {ids}")


def check_keys(checks, lab):
    """The number of keys that are kept: another request with a kept key is
    refused."""
    conf = lab.conf("keys.conf", {"crm acme": {}, "listen": {
        "tenant": "acme", "idempotency_keys": 2}})
    one = Listener(lab, "keys", "-c", conf, "--state", lab.path("keys"))

    def status(key, n):
        return one.post(EVENTS, {**EVENT, "event_data": {"n": n}},
                        {"Idempotency-Key": key}, tenant_id="acme")[0]

    first = [status(key, 1) for key in ("k0", "k1", "k2")]
    checks.that(first == [200] * 3, f"new keys: {first}")
    other = [status(key, 2) for key in ("k1", "k2", "k0")]
    checks.that(other == [422, 422, 200], f"two keys are kept: {other}")
    one.process.kill()
    one.process.wait()


def check_pages(checks, lab, listener):
    """Refuses requests that any web page can make a browser on this machine
    send, and those of a proxy that does not name its client."""
    before = len(listener.lines())
    asks = [(SEND, {"sender_id": "a", "receiver_id": "b"}), (EVENTS, EVENT),
            (BULK, {"events": [EVENT]}),
            (ANALYTICS, {"id": "m", "conversation_id": "c", "channel_id": "h",
                         "direction": "inbound"}),
            ("/webhook", {"room_id": "7", "email": "a@b"}), ("/resolve", {})]
    for status, headers in (
            (403, {"Origin": "http://evil"}), (403, {"Origin": "null"}),
            (403, {"Origin": f"http://127.0.0.1:{listener.port}"}),
            (415, {"Content-Type": "text/plain"}),
            (415, {"Content-Type": "application/x-www-form-urlencoded"}),
            (415, {"Content-Type": "text/plain; application/json"})):
        for path, said in asks:
            got = listener.post(path, said, headers, tenant_id="acme")
            checks.that(got[0] == status and json.loads(got[2])["detail"],
                        f"{headers} to {path}: {got}")
    for path, said in asks:
        got = listener.post(path, said, {"X-Forwarded-For": "127.0.0.1"},
                            tenant_id="acme")
        checks.that(got[0] == 403 and b"[listen] proxies" in got[2],
                    f"from a proxy that is not configured to {path}: {got}")
    checks.that(len(listener.lines()) == before, "a page's requests count")
    conf = lab.conf("proxy.conf", {
        "crm acme": {"profile": "qiscus"},
        "listen": {"tenant": "acme", "proxies": "127.0.0.1"}})
    behind = Listener(lab, "behind", "-c", conf)
    for names in ({}, {"X-Forwarded-For": ""}, {"X-Forwarded-For": "unix"},
                  {"X-Forwarded-For": " , "}, {"X-Forwarded-For": "unknown"}):
        for path, said in asks:
            got = behind.post(path, said, names, tenant_id="acme")
            checks.that(got[0] == 403 and b"X-Forwarded-For" in got[2],
                        f"{names} to {path}: {got}")
    checks.that(behind.lines() == [], "what nobody sends counts")
    for path, said in asks[:-1]:
        got = behind.post(path, said, {"X-Forwarded-For": "127.0.0.1"},
                          tenant_id="acme")
        checks.that(got[0] == 200, f"ours by the proxy to {path}: {got}")


def check_file(checks, lab, conf):
    """After a kill and a restart, each answered request is in the file,
    possibly twice; half a line is not."""
    for key in ("first", "second", "third"):
        one = Listener(lab, "file", "-c", conf)
        got = one.post(EVENTS, EVENT, {"Idempotency-Key": key},
                       tenant_id="acme")
        checks.that(got[0] == 200, f"file: {got}")
        one.process.kill()
        one.process.wait()
        os.unlink(lab.path("file.port"))
        with open(one.out, "a") as f:
            f.write('{"type":"eve')
    one = Listener(lab, "file", "-c", conf)
    one.process.terminate()
    one.process.wait()
    ids = [json.loads(line)["id"][:-17] for line in one.lines()]
    checks.that(list(dict.fromkeys(ids)) == ["first", "second", "third"],
                f"file: {ids}")
    with open(one.log) as f:
        checks.that(f"'{one.out}' ended with an unfinished line; its 12 bytes" in f.read(),
                    "file: half a line is not told")


def check_names(checks, lab, conf):
    """Two listeners with four clients each: no id is used twice."""
    two = [Listener(lab, f"names{i}", "-c", conf) for i in range(2)]
    found, lock = [], threading.Lock()

    def client(listener):
        mine = []
        for _ in range(50):
            got = listener.post(SEND, {"sender_id": "a", "receiver_id": "b"})
            mine.append(json.loads(got[2])["message_id"])
        with lock:
            found.extend(mine)

    threads = [threading.Thread(target=client, args=(x,)) for x in two * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    checks.that(len(found) == 400 and len(set(found)) == 400,
                f"{len(found)} ids, {len(set(found))} different ones")
    for x in two:
        x.process.terminate()
        checks.that(x.process.wait(120) == 0, "a listener did not end well")


def token(header, claims, key=KEY):
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    signed = part(json.dumps(header).encode()) + b"." \
        + part(json.dumps(claims).encode())
    mac = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + part(mac)).decode()


def check_tokens(checks, lab):
    now = int(time.time())
    head, claims = {"alg": "HS256"}, {"tenant_id": "acme", "exp": now + 3600}
    good = token(head, claims)
    listener = Listener(
        lab, "tokens", "-c", lab.conf("tokens.conf", {"listen": {}}),
        env={"SECRET_KEY": KEY})
    bad = {
        "none": None,
        "another key": token(head, claims, "another key of thirty-two bytes!"),
        "alg none": token({"alg": "none"}, claims),
        "unsigned": token({"alg": "none"}, claims).rpartition(".")[0] + ".",
        "RS256": token({"alg": "RS256"}, claims),
        "crit": token({"alg": "HS256", "crit": ["exp"]}, claims),
        "kid": token({"alg": "HS256", "kid": "../../dev/null"}, claims),
        "expired": token(head, {**claims, "exp": now - 3600}),
        "for ever": token(head, {"tenant_id": "acme"}),
        "not yet": token(head, {**claims, "nbf": now + 3600}),
        "no tenant": token(head, {"exp": now + 3600}),
        "a reader's": token(head, {**claims, "role": "lead"}),
        "a role of no name": token(head, {**claims, "role": 1}),
        "sloppy": good + "=",
        "long": good + "A" * 9000,
    }
    for name, text in bad.items():
        headers = {"Authorization": "Bearer " + text} if text else {}
        for path, body in ((SEND, {"sender_id": "a", "receiver_id": "b"}),
                           (EVENTS, EVENT), (BULK, {"events": [EVENT]}),
                           (ANALYTICS, {})):
            got = listener.post(path, body, headers, tenant_id="acme")
            checks.that(
                got[0] == 401
                and got[1]["WWW-Authenticate"].startswith("Bearer"),
                f"token '{name}' to {path}: {got[0]} {got[2]}")
    checks.that(listener.lines() == [], "a forged request is stored")
    headers = {"Authorization": "Bearer " + good}
    got = listener.post(EVENTS, EVENT, headers, tenant_id="other")
    checks.that(got[0] == 200 and json.loads(got[2])["tenant_id"] == "acme",
                f"a good token: {got}")
    got = listener.post(SEND, {"sender_id": "a", "receiver_id": "b"}, headers)
    checks.that(got[0] == 200, f"a good token: {got}")
    # Claims that the listener does not use may have any value.
    for more in ({"sub": 42}, {"jti": "x" * 65}, {"teams": "a"},
                 {"role": None}):
        got = listener.post(EVENTS, EVENT, {
            "Authorization": "Bearer " + token(head, {**claims, **more})})
        checks.that(got[0] == 200, f"a good token with {more}: {got}")
    tenants = {json.loads(line)["tenant"] for line in listener.lines()}
    checks.that(tenants == {"acme"}, f"tenants: {tenants}")
    with open(listener.log) as f:
        checks.that(good not in f.read(), "a token is in the log")


def check_aggregator(checks, lab, listener):
    """The aggregator counts the received records."""
    done = lab.run(["aggregator", "-a", "all", "-o", "ndjson"],
                   stdin=b"\n".join(listener.lines()) + b"\n")
    checks.that(done.code == 0 and done.records(), f"aggregator: {done}")


def body():
    checks = Checks()
    with Lab("listen_routes") as lab:
        conf = lab.conf("messaging.conf", {
            "crm acme": {"profile": "qiscus", "operators": "olga"},
            "listen": {"tenant": "acme"}})
        listener = Listener(lab, "one", "-c", conf)
        check_readmes(checks, lab, listener)
        check_cases(checks, listener)
        check_data_ids(checks, listener)
        document = check_openapi(checks, listener)
        check_aggregator(checks, lab, listener)
        check_retries(checks, lab, conf)
        check_keys(checks, lab)
        check_pages(checks, lab, listener)
        check_file(checks, lab, conf)
        check_names(checks, lab, conf)
        check_tokens(checks, lab)
        check_limits(checks, lab)
        check_met(checks, document)
    return checks.result()
