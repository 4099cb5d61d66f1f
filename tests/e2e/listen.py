"""listen: a running poller --listen, requests to it, and clients that send one
event after another, and repeat a request without success with the same key, as
a careful client does.
"""

import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import until

CLIENTS = 8
LONG = 120
PATH = "/api/v1/analytics/events?tenant_id=acme"
HEALTH = "/api/v1/analytics/health"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Listener:
    """Can be started again and again; clients find it by its port. SETTINGS are
    those of [listen], unless OPTIONS name a configuration; TO is a queue
    instead of the file NAME.out."""

    def __init__(self, lab, name, *options, to=None, env=None, **settings):
        self.lab, self.name, self.env = lab, name, env
        self.out, self.log = lab.path(name + ".out"), lab.path(name + ".log")
        if "-c" not in options:
            options += "-c", lab.conf(name + ".conf", {
                "listen": {"rate": 0, **settings}})
        if "--state" not in options:
            options += "--state", lab.path(name + ".state")
        self.argv = ["poller", "--listen", "127.0.0.1:0", "-v", "-t",
                     to or self.out, *options]
        self.start()

    def start(self):
        self.process = self.lab.serve(self.argv, self.name, self.env)
        self.port = self.process.port

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(LONG)

    def said(self):
        return self.lab.text(self.name + ".log")

    def ask(self, method, path, body=None, headers=None, **query):
        """(status, headers, body)."""
        url = f"http://127.0.0.1:{self.port}{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(
            url, method=method, data=body,
            headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with DIRECT.open(request, timeout=2 * LONG) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def post(self, path, body, headers=None, **query):
        return self.ask("POST", path, body, headers, **query)

    def health(self):
        return json.loads(self.ask("GET", HEALTH)[2])

    def is_drained(self):
        """Whether the broker, or the file, has all records."""
        health = self.health()
        return health["processing_queue_size"] == 0 and \
            health["database_connected"]

    def lines(self):
        """All lines so far; a stored request reaches the file later."""
        if self.process.poll() is None:
            until(60, self.is_drained, "the records in the file")
        with open(self.out, "rb") as f:
            return f.read().splitlines()


class Client(threading.Thread):
    """Sends its events in order until it is told to stop."""

    def __init__(self, number, listener):
        super().__init__(daemon=True)
        self.number, self.listener = number, listener
        self.safe, self.refused, self.broken = [], 0, 0
        self.odd = []
        self.ended = threading.Event()

    def send(self, connection, n):
        body = {"event_type": "user_action",
                "event_data": {"client": self.number, "n": n}}
        connection.request("POST", PATH, json.dumps(body), {
            "Content-Type": "application/json",
            "Idempotency-Key": f"c{self.number}-{n}"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status == 200:
            self.safe.append(n)
            return True
        self.refused += 1
        if answer.status != 503 or answer.getheader("Retry-After") is None:
            self.odd.append((answer.status, said))
        return False

    def run(self):
        n, connection = 1, None
        while not self.ended.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(
                        "127.0.0.1", self.listener.port, timeout=LONG)
                if self.send(connection, n):
                    n += 1
                time.sleep(0.01)
            except (OSError, http.client.HTTPException):
                self.broken += 1
                connection = None
                time.sleep(0.02)


class Load:
    def __init__(self, listener, first):
        self.clients = [Client(first + i, listener) for i in range(CLIENTS)]
        for c in self.clients:
            c.start()

    def count(self):
        return sum(len(c.safe) for c in self.clients)

    def more(self, n, what):
        """Waits until every client has succeeded that many more times."""
        want = [len(c.safe) + n for c in self.clients]
        until(LONG, lambda: all(len(c.safe) >= w for c, w in
                                zip(self.clients, want)), what)

    def stop(self):
        for c in self.clients:
            c.ended.set()
        for c in self.clients:
            c.join()


def becomes(listener, *wanted):
    """The answer of /health, and whether records wait."""
    def has_become():
        status, _, body = listener.ask("GET", HEALTH)
        said = json.loads(body)
        return (status, said["status"], said["database_connected"],
                said["cache_connected"], said["processing_queue_size"] > 0
                ) == (200, *wanted)

    until(LONG, has_become, f"health of '{listener.name}' to become {wanted}")


def read_queue(lab):
    # The listener states each minute what is covered.
    return [r for r in map(json.loads, lab.take("records"))
            if r["type"] != "coverage"]


def check_records(checks, records, loads):
    by_id, order = {}, {}
    for r in records:
        known = by_id.setdefault(r["id"], r)
        checks.that(known == r, f"two records of one id: {known}, {r}")
        data = r["data"]["event_data"]
        seen = order.setdefault(data["client"], [])
        if data["n"] not in seen:
            seen.append(data["n"])
    for c in (c for load in loads for c in load.clients):
        lost = set(c.safe) - set(order.get(c.number, []))
        checks.that(not lost, f"client {c.number}: {len(lost)} lost")
        got = order.get(c.number, [])
        checks.that(got == sorted(got),
                    f"client {c.number}: out of order")
        checks.that(not c.odd, f"client {c.number}: {c.odd[:3]}")
