#!/usr/bin/env -S python3 -B
"""listen_routes: the routes for messages and events, over HTTP: the requests
of the original services' READMEs, as printed there; the same records for a
repeated request, also after the listener was killed in between; bearer tokens
that are good and forged; and openapi.json, which has all paths and describes
every answer. The files of tests/cases/routes cover the details of the contracts.
"""

import functools
import json
import os
import re

import listen
from api_client import token
from harness import Checks, Lab, main, until

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
# Method, path, status and type of each answer in this test.
MET = set()
# Refusals of a path that have a form of their own.
STATUSES = {SEND: "400", "/webhook": "400", "/resolve": "400",
            **dict.fromkeys((EVENTS, BULK, ANALYTICS), "422")}


class Listener(listen.Listener):
    """Remembers its answers."""

    def ask(self, method, path, *more, **query):
        got = super().ask(method, path, *more, **query)
        MET.add((method, path, got[0], got[1].get_content_type()))
        return got


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
        record["tenant"] == "acme" and record["id"] == answer["message_id"]
        and record["chat"] == answer["conversation_id"]
        and record["text"] == "Hello Bob! Let's discuss the project deadline.",
        f"its record: {record}")
    health = json.loads(lab.must(["/bin/sh", "-c", CURL_HEALTH], env=env).out)
    checks.that(
        health["status"] == "healthy" and health["service"] == "message-api"
        and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                         health["timestamp"]), f"README's health: {health}")


# method, path, query, body, status, pattern of the answer.
CASES = [
    ("POST", SEND, {}, {}, 400, r"Invalid request: sender_id is missing\n"),
    ("GET", SEND, {}, None, 405, r'{"detail":"Method Not Allowed"}'),
    ("POST", BULK, {"tenant_id": "a"}, {"events": [EVENT, EVENT, {}]}, 422,
     r'{"detail":\[{"loc":\["body","events",2,'
     r'"event_type"\],.*}\]}'),
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
    check_statuses(checks, document["paths"])
    for ref in references(document):
        # This fails if it leads nowhere.
        functools.reduce(dict.__getitem__, ref[2:].split("/"), document)
    check_defaults(checks, listener, document["components"]["schemas"])
    return document


def check_statuses(checks, paths):
    """Each path describes its answer and its refusals."""
    for path, methods in paths.items():
        want = {"200", "default", STATUSES.get(path, "200")}
        for method, operation in methods.items():
            checks.equal(set(operation["responses"]), want, f"{method} {path}")


def references(v):
    """Every $ref in the document."""
    if isinstance(v, dict) and isinstance(v.get("$ref"), str):
        yield v["$ref"]
    for member in v.values() if isinstance(v, dict) else \
            v if isinstance(v, list) else ():
        yield from references(member)


def check_defaults(checks, listener, schemas):
    """Omitted fields have the schema's defaults."""
    def default(schema, field):
        about = schemas[schema]["properties"][field]
        return about.get("anyOf", [about])[0]["default"]

    def described(got, schema):
        """The answer has each member that the schema lists, and no other."""
        answer = json.loads(got[2])
        checks.equal(set(answer), set(schemas[schema]["properties"]), schema)
        return answer

    described(listener.post(SEND, {"sender_id": "a", "receiver_id": "b"}),
              "MessageResponse")
    record = json.loads(listener.lines()[-1])
    checks.that(record["kind"] == default("MessageRequest", "message_type"),
                f"a message without a type: {record}")
    got = listener.post(EVENTS, EVENT, tenant_id="acme")
    checks.that(described(got, "EventResponse")["source_service"] ==
                default("EventCreate", "source_service"),
                f"an event without a source: {got}")
    got = listener.post(EVENTS + "?tenant_id=other&tenant_id=acme", EVENT)
    checks.that(json.loads(got[2])["tenant_id"] == "acme",
                f"two tenants in a query, of which the last counts: {got}")
    one = {"id": "m", "conversation_id": "c", "channel_id": "h",
           "direction": "inbound"}
    given = {**one, "content": default("MessageAnalyticsCreate", "content")}
    lengths = [described(listener.post(ANALYTICS, b, tenant_id="acme"),
                         "MessageAnalyticsResponse")["message_length"]
               for b in (one, given)]
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
        responses = operation["responses"]
        response = responses.get(str(status), responses["default"])
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


def check_pages(checks, lab, listener):
    """Refuses requests that any web page can make a browser on this machine
    send, and those of a proxy that does not name its client."""
    before = len(listener.lines())
    asks = [(SEND, {"sender_id": "a", "receiver_id": "b"}), (EVENTS, EVENT),
            (BULK, {"events": [EVENT]}),
            ("/webhook", {"room_id": "7", "email": "a@b"}), ("/resolve", {})]
    for status, headers in (
            (403, {"Origin": "null"}),
            (403, {"Origin": f"http://127.0.0.1:{listener.port}"}),
            (415, {"Content-Type": "text/plain; application/json"}),
            (403, {"X-Forwarded-For": "127.0.0.1"})):
        for path, said in asks:
            got = listener.post(path, said, headers, tenant_id="acme")
            checks.that(got[0] == status and json.loads(got[2])["detail"],
                        f"{headers} to {path}: {got}")
    checks.that(len(listener.lines()) == before, "a page's requests count")
    conf = lab.conf("proxy.conf", {
        "crm acme": {"profile": "qiscus"},
        "listen": {"tenant": "acme", "proxies": "127.0.0.1"}})
    behind = Listener(lab, "behind", "-c", conf)
    for names, status in (({}, 403), ({"X-Forwarded-For": " , "}, 403),
                          ({"X-Forwarded-For": "unknown"}, 403),
                          ({"X-Forwarded-For": "127.0.0.1"}, 200)):
        got = behind.post(EVENTS, EVENT, names, tenant_id="acme")
        checks.that(got[0] == status, f"{names} by a proxy: {got}")
    checks.that(len(behind.lines()) == 1, "what nobody sends counts")


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
    until(60, one.is_drained, "the stored requests in the file")
    one.process.terminate()
    one.process.wait()
    ids = [json.loads(line)["id"][:-17] for line in one.lines()]
    checks.that(list(dict.fromkeys(ids)) == ["first", "second", "third"],
                f"file: {ids}")
    with open(one.log) as f:
        checks.that(f"'{one.out}' ended with an unfinished line; its 12 bytes" in f.read(),
                    "file: half a line is not told")


def check_tokens(checks, lab):
    claims = {"tenant_id": "acme"}
    listener = Listener(
        lab, "tokens", "-c", lab.conf("tokens.conf", {"listen": {}}),
        env={"SECRET_KEY": KEY})
    for name, text in {
            "none": None, "another key": token("x" * 32, **claims),
            "a reader's": token(KEY, role="lead", **claims)}.items():
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
    # Claims that the listener does not use may have any value.
    for more in {}, {"sub": 42}, {"jti": "x" * 65}, {"teams": "a"}:
        good = token(KEY, **claims, **more)
        got = listener.post(EVENTS, EVENT, {"Authorization": "Bearer " + good},
                            tenant_id="other")
        checks.that(got[0] == 200
                    and json.loads(got[2])["tenant_id"] == "acme",
                    f"a good token with {more}: {got}")
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
        document = check_openapi(checks, listener)
        check_aggregator(checks, lab, listener)
        check_retries(checks, lab, conf)
        check_pages(checks, lab, listener)
        check_file(checks, lab, conf)
        check_tokens(checks, lab)
        check_limits(checks, lab)
        check_met(checks, document)
    return checks.result()


main(body)
