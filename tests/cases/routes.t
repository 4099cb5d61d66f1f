#!/usr/bin/env -S python3 -B
"""Requests to a listener, its answers and the records that they become, from
the files of tests/cases/routes. A file has a configuration, then cases:

    == NAME
    POST /path?query
    Header: value

    BODY
    --
    STATUS
    ANSWER
    RECORDS

Headers are optional. "From: ADDRESS" is the client's address (127.0.0.1),
"Sign: KEY" signs as Chatwoot does, "Sign-by-token: TOKEN" as Chat2Desk does,
"Age: SECONDS" makes that signature older, and with "Python: yes" the body is an
expression of bytes. Times of the last day are numbered in each case; one of an
earlier case has its name, unless it is a whole second. Ids that nobody can
foretell are written as UUID, MSG, MS (milliseconds), SESSION and OF-KEY, the
time of a dead letter as NOW, and characters that repeat as "c * 100".

UPDATE=1 writes what the listener answers; review it with git diff."""

import datetime
import difflib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from harness import Lab, until # noqa: E402

UPDATE = os.environ.get("UPDATE") == "1"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RANDOM = ((re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
          (re.compile(r"msg-\d{19}"), "MSG"),
          (re.compile(r"(?<=ed-)\d{13}(?=[-\"])"), "MS"),
          # The clock may have moved on after the records before it.
          (re.compile(r'(?<="type":"dead","program":"poller","at":")[^"]+'),
           "NOW"),
          (re.compile(r"session_\d+\.\d{3}"), "SESSION"),
          (re.compile(r"-[0-9a-f]{16}(?=[ \"])"), "-OF-KEY"))
RUN = re.compile(r"(.)\1{99,}")


def is_recent(text):
    try:
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError: # the 30th of February
        return False
    return abs(time.time() - at.timestamp()) < 86400


def signature(key, age, body):
    at = str(int(time.time()) - age)
    mac = hmac.digest(key.encode(), at.encode() + b"." + body, "sha256")
    return {"X-Chatwoot-Timestamp": at,
            "X-Chatwoot-Signature": "sha256=" + mac.hex()}


def signature_by_token(token, age, body):
    at = str(int(time.time()) - age)
    key = hashlib.md5(token.encode()).hexdigest().encode()
    return {"X-Timestamp": at, "X-Signature": hmac.digest(
        key, body + at.encode(), "sha256").hex()}


class Listener:
    def __init__(self, lab, name, conf):
        self.out, port = lab.path(name + ".out"), lab.path(name + ".port")
        self.times, self.read = {}, 0
        self.process = lab.start(
            ["poller", "-c", lab.write(name + ".conf", conf), "--listen",
             "127.0.0.1:0", "--port-file", port, "-t", self.out],
            lab.path(name + ".log"))
        until(60, lambda: os.path.exists(port) and open(port).read(),
              "the listener's port")
        with open(port) as f:
            self.port = int(f.read())

    def send(self, method, target, headers, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, target, body, headers)
        answer = c.getresponse()
        text = answer.read().decode()
        c.close()
        return answer.status, text

    def records(self):
        """What was written since the last call; an answered request reaches the
        file later."""
        until(60, lambda: json.loads(self.send(
            "GET", "/api/v1/analytics/health", {})[1])[
                "processing_queue_size"] == 0, "the records in the file")
        if not os.path.exists(self.out):
            return ""
        with open(self.out) as f:
            f.seek(self.read)
            records = f.read()
            self.read = f.tell()
        return records

    def ask(self, method, target, headers, body):
        given = {"Content-Type": "application/json",
                 "X-Forwarded-For": headers.pop("From", "127.0.0.1")}
        age = int(headers.pop("Age", 0))
        for name, sign in (("Sign", signature),
                           ("Sign-by-token", signature_by_token)):
            if name in headers:
                given |= sign(headers.pop(name), age, body)
        # Times differ, and none is a whole second by chance.
        time.sleep(0.002)
        until(60, lambda: 0.01 < time.time() % 1 < 0.9, "the next second")
        status, text = self.send(method, target, {
            k: v for k, v in {**given, **headers}.items() if v != "none"}, body)
        return f"{status}\n{text.rstrip()}\n{self.records()}"

    def shown(self, name, text):
        for pattern, word in RANDOM:
            text = pattern.sub(word, text)
        text = RUN.sub(lambda m: f"{m[1]} * {len(m[0])}", text)
        here = {}
        text = TIME.sub(
            lambda m: self.times.get(m[0]) or here.setdefault(
                m[0], "TIME%d" % (len(here) + 1))
            if is_recent(m[0]) else m[0], text)
        self.times |= {at: f"{word} of {name}" for at, word in here.items()
                       if not at.endswith(".000Z")}
        return text


def run_case(listener, name, asked):
    head, _, body = asked.partition("\n\n")
    first, *headers = head.split("\n")
    headers = dict(h.split(": ", 1) for h in headers)
    body = body.removesuffix("\n")
    body = eval(body) if headers.pop("Python", "") else body.encode()
    return listener.shown(name, listener.ask(*first.split(" ", 1), headers, body))


def check_file(lab, path):
    conf, *cases = re.split(r"^== ", path.read_text(), flags=re.M)
    listener, new, failed = Listener(lab, path.name, conf), conf, 0
    for case in cases:
        name, _, rest = case.partition("\n")
        asked, _, want = rest.partition("\n--\n")
        got = run_case(listener, name, asked + "\n")
        new += f"== {name}\n{asked}\n--\n{got.rstrip()}\n\n"
        if got.rstrip() != want.rstrip() and not UPDATE:
            failed += 1
            print(f"{path.name}: {name}: is not as expected:")
            print("".join(difflib.unified_diff(
                want.splitlines(True), got.splitlines(True), "want", "got")))
    lab.end(listener.process)
    if UPDATE:
        path.write_text(new.rstrip() + "\n")
    print(f"{path.name}: {len(cases)} cases, {failed} failed")
    return failed


with Lab("routes") as LAB:
    sys.exit(1 if sum(check_file(LAB, file) for file in sorted(
        pathlib.Path("tests/cases/routes").iterdir())) else 0)
