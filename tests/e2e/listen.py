"""listen: records that `poller --listen` answered with success are in the
queue, even if the broker, the listener, or both are killed meanwhile, and in
the order of each client. The clients here send one event after another, and
repeat a request without success with the same key, as a careful client does.
"""

import http.client
import json
import os
import re
import signal
import threading
import time

from harness import TESTBIN, Checks, Lab, until

CLIENTS = 8
LONG = 120
PATH = "/api/v1/analytics/events?tenant_id=acme"


class Listener:
    """Starts the listener again and again; clients find it by its port."""

    target = "queue:records"

    def __init__(self, lab, name, *options, settings=None):
        self.lab, self.name, self.options = lab, name, options
        self.log = lab.path(name + ".log")
        self.port_file = lab.path(name + ".port")
        self.conf = lab.conf(name + ".conf", {"listen": {
            "rate": "0", **(settings or {})}})
        self.start()

    def start(self):
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.p = self.lab.start(
            ["poller", "--listen", "127.0.0.1:0", "-v", "-c", self.conf,
             "-t", self.target, "--port-file", self.port_file,
             *self.options], self.log)

        def ready():
            if self.p.poll() is not None:
                raise AssertionError("it ended: " + self.said())
            return os.path.exists(self.port_file)

        until(LONG, ready, "the listener's port")
        self.port = int(open(self.port_file).read())

    def kill(self):
        self.p.kill()
        self.p.wait()

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        return self.p.wait(LONG)

    def said(self):
        return open(self.log).read()


class Client(threading.Thread):
    """Sends its events in order until it is told to stop."""

    def __init__(self, number, listener):
        super().__init__(daemon=True)
        self.number, self.listener = number, listener
        self.safe, self.refused, self.broken = [], 0, 0
        self.odd = []
        self.ended = threading.Event()

    def request(self, n):
        """The path and the body of request number n."""
        return PATH, {"event_type": "user_action", "event_data":
                      {"client": self.number, "n": n}}

    def key(self, n):
        return f"c{self.number}-{n}"

    def send(self, connection, n):
        path, body = self.request(n)
        connection.request("POST", path, json.dumps(body), {
            "Content-Type": "application/json",
            "Idempotency-Key": self.key(n)})
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
    def __init__(self, listener, first, kind=Client, n=CLIENTS):
        self.clients = [kind(first + i, listener) for i in range(n)]
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


def health(listener):
    connection = http.client.HTTPConnection(
        "127.0.0.1", listener.port, timeout=LONG)
    connection.request("GET", "/api/v1/analytics/health")
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return (answer.status, said["status"], said["database_connected"],
            said["cache_connected"], said["processing_queue_size"] > 0)


def is_drained(listener):
    """Whether the broker is available and has all records."""
    return health(listener)[2:] == (True, True, False)


def becomes(listener, *wanted):
    until(LONG, lambda: health(listener) == (200, *wanted),
          f"health of '{listener.name}' to become {wanted}")


def read_queue(lab):
    got = lab.must([f"{TESTBIN}/tools/amqp_probe", "-e", "read",
                    "queue:records"])
    return [json.loads(line.split("\t", 1)[1])
            for line in got.out.decode().splitlines()]


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


def its_reader_ends(checks, lab):
    """If the reader of the output pipe ends, the listener fails, and the
    records stay in the store."""
    class Pipe(Listener):
        target = lab.path("pipe")

    os.mkfifo(Pipe.target)
    reader = os.open(Pipe.target, os.O_RDONLY | os.O_NONBLOCK)
    listener = Pipe(lab, "pipe.listener", "--state", lab.path("pipe.state"))
    os.close(reader)
    client = Client(0, listener)
    client.start()
    code = listener.p.wait(LONG)
    client.ended.set()
    client.join()
    checks.that(code == 74 and "the program that reads the records"
                in listener.said(), f"{code}: {listener.said()}")


def body():
    checks = Checks()
    with Lab("listen") as lab:
        its_reader_ends(checks, lab)
        lab.start_servers("rabbitmq", private=True)
        kept = Listener(lab, "kept")
        idle = Listener(lab, "idle", "--state", lab.path("idle.state"))
        becomes(idle, "healthy", True, True, False)
        again = lab.run(["poller", "--listen", "127.0.0.1:0", "-t",
                         "queue:records"])
        checks.that(again.code == 75 and "--state" in again.err,
                    f"a second listener with one store: {again}")
        homeless = lab.run(
            ["poller", "--listen", "127.0.0.1:0", "-t", "queue:records"],
            env={"XDG_STATE_HOME": "/dev/null"})
        checks.that(homeless.code == 78 and "--state" in homeless.err,
                    f"a listener without a folder: {homeless}")
        wrong = lab.run(
            ["poller", "--listen", "127.0.0.1:0", "--state",
             lab.path("wrong"), "-t", "queue:records"],
            env={"AMQP_URL": re.sub("//messaging:[^@]*", "//messaging:wrong",
                                    lab.env["AMQP_URL"])})
        checks.that(wrong.code == 77, f"a wrong password: {wrong}")
        load = Load(kept, 0)
        load.more(20, "requests while all is well")
        lab.servers("kill", "rabbitmq")
        load.more(20, "success while the broker is away")
        becomes(kept, "healthy", False, True, True)
        becomes(idle, "healthy", False, True, False)
        kept.kill()
        kept.start()
        load.more(20, "success after it was killed")
        becomes(kept, "healthy", False, True, True)
        lab.servers("start", "rabbitmq")
        load.more(20, "success when the broker is back")
        until(LONG, lambda: health(kept)[1:4] == ("healthy", True, True),
              "health to say that the broker is back")
        becomes(idle, "healthy", True, True, False)
        for listener in (kept, idle):
            checks.that(listener.stop() == 0, "it did not end in order: " +
                        listener.said())
        load.stop()
        said = kept.said().splitlines()[-1]
        checks.that("listened " in said and "published=0" not in said,
                    f"no summary: {said}")
        # A listener that is stopped while its broker is slow leaves the rest to
        # the next one.
        kept.start()
        until(LONG, lambda: is_drained(kept), "its rest")
        checks.that(kept.stop() == 0, "the last did not end in order: " +
                    kept.said())
        check_records(checks, read_queue(lab), [load])
    return checks.result()
