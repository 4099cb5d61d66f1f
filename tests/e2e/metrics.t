#!/usr/bin/env -S python3 -B
"""The metrics of the programs for Prometheus. GET /metrics of the listener
counts its requests, also while the broker is unavailable; that of the API's
server describes each tenant; other clients get none. The daemons that read a
queue write files for node_exporter: counts, including retries, and final ones
when they end. A folder that cannot be written causes one warning.
"""

import datetime
import glob
import http.client
import json
import os
import re
import subprocess
import threading
import time

from events import Events
from harness import PROBE, Checklist, run_checks, until

MESSAGE = json.dumps({"conversation_id": "c", "sender_id": "a",
                      "receiver_id": "b", "content": "x"})


def samples(text, without=""):
    """{metric with its labels: value}"""
    return {re.sub(without, "", line).replace("{}", "").rsplit(" ", 1)[0]:
            line.rsplit(" ", 1)[1]
            for line in text.splitlines() if not line.startswith("#")}


class Scraped:
    """A program with a GET /metrics."""

    def __init__(self, test, name, *argv):
        self.test, self.lab, self.name = test, test.lab, name
        self.port = self.lab.serve(argv, name).port

    def ask(self, path, body=None, **headers):
        """Returns the status and the text."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request("POST" if body else "GET", path, body, {
            k.replace("_", "-"): v for k, v in headers.items()})
        answer = c.getresponse()
        self.headers = answer.headers
        text = answer.read().decode()
        c.close()
        return answer.status, text

    def scrape(self):
        status, text = self.ask("/metrics")
        self.test.equal(status, 200, "metrics")
        self.now = samples(text)
        return self.now

    def has(self, metric, value):
        self.test.equal(self.now.get(metric), str(value), metric)

    def hidden(self, *clients):
        for client in clients:
            status, text = self.ask("/metrics", X_Forwarded_For=client)
            self.test.that(status == 404 and "messaging_" not in text,
                           f"a stranger, {client}: {status} {text}")


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        self.broker, self.database = lab.door("rabbitmq"), lab.door("mariadb")
        lab.must(["sink", "--migrate"])
        self.folder = lab.path("metrics")
        os.mkdir(self.folder)
        self.conf = self.daemons_conf(self.folder)

    def listener(self):
        conf = self.lab.conf("listen", {"listen": {
            "tenant": "t", "proxies": "127.0.0.1"}})
        self.lab.env["AMQP_URL"], url = self.broker.url, self.lab.env["AMQP_URL"]
        s = Scraped(self, "listener", "poller", "-c", conf, "--listen",
                    "127.0.0.1:0", "-t", "queue:records", "--state",
                    self.lab.path("state"))
        self.lab.env["AMQP_URL"] = url
        s.scrape()
        self.that(s.headers["Content-Type"].startswith(
            "text/plain; version=0.0.4"), s.headers)
        self.that(any(re.fullmatch(
            r'messaging_build_info\{program="poller",version="[0-9.]+"\}', x)
            for x in s.now), "no build")
        s.has("messaging_listener_records_total", 0)
        s.has("messaging_listener_broker_confirms", 1)

        def post(status, body=MESSAGE):
            self.equal(s.ask(
                "/api/v1/messages/send", body, Content_Type="application/json",
                X_Forwarded_For="127.0.0.1")[0], status, body)

        for _ in range(3):
            post(200)
        post(400, "no JSON")
        self.equal(s.ask("/none")[0], 404, "no such path")
        s.scrape()
        s.has("messaging_listener_records_total", 3)
        # The previous one was accepted as well; this one counts once it is
        # answered.
        for result, n in (("accepted", 4), ("malformed", 1), ("refused", 1),
                          ("later", 0)):
            s.has(f'messaging_http_requests_total{{result="{result}"}}', n)

        def all_published():
            return s.scrape()["messaging_listener_waiting_requests"] == "0"

        until(60, all_published, "all to be published")
        self.broker.shut()
        post(200)
        post(200)
        until(60, lambda: s.scrape()["messaging_listener_broker_confirms"]
              == "0", "it to notice")
        s.has("messaging_listener_records_total", 5)
        s.has("messaging_listener_spool_usable", 1)
        s.has("messaging_listener_waiting_requests", 2)
        self.broker.open()
        until(60, all_published, f"all to be published: {s.now}")
        s.hidden("192.0.2.1", "nobody", "unknown", "unix")

    def log_names_clients(self, s):
        """If a proxy does not name its client, the log names the proxy."""
        for client, logged in (({}, "127.0.0.1"),
                               ({"X_Forwarded_For": "192.0.2.9"}, "192.0.2.9"),
                               ({"X_Forwarded_For": "unknown"}, "127.0.0.1")):
            self.equal(s.ask("/api/v1/now", Authorization="Bearer x",
                             **client)[0], 401, "a wrong token")
            last = self.lab.text(s.name + ".log").splitlines()[-1]
            self.that(f"token_refused peer={logged} " in last, last)

    def server(self):
        """Metrics of the API's server."""
        lab = self.lab
        rows = [{"type": "row", "table": "tenant_metrics", "operators": 2,
                 "version": 1, **more} for more in (
                     {"tenant": "one", "open_chats": 7, "waiting_chats": 3,
                      "longest_wait_seconds": 61.5,
                      "as_of": "2026-11-20T10:00:00.250Z"},
                     {"tenant": "two", "as_of": "2026-11-20T11:00:00Z"})]
        lab.must(["sink"], stdin="".join(
            json.dumps(r) + "\n" for r in rows).encode())
        conf = lab.conf("serve", {"serve": {
            "proxies": "127.0.0.1", "secret_key": "7" * 32}})
        lab.env["MYSQL_URL"], url = self.database.url, lab.env["MYSQL_URL"]
        s = Scraped(self, "server", "sink", "-v", "-c", conf, "--serve",
                    "127.0.0.1:0")
        lab.env["MYSQL_URL"] = url
        s.scrape()
        self.that(any(x.startswith('messaging_build_info{program="sink",')
                      for x in s.now), "no build")
        as_of = datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.timezone.utc)
        for metric, value in (
                ("database_up", 1),
                ('tenant_as_of_timestamp_seconds{tenant="one"}',
                 f"{int(as_of.timestamp())}.250"),
                ('tenant_open_chats{tenant="one"}', 7),
                ('tenant_waiting_chats{tenant="one"}', 3),
                ('tenant_longest_wait_seconds{tenant="one"}', "61.500"),
                ('tenant_longest_wait_seconds{tenant="two"}', "0.000"),
                ('http_requests_total{result="accepted"}', 0)):
            s.has("messaging_" + metric, value)
        self.equal(s.ask("/api/v1/now")[0], 401, "without a token")
        s.hidden("192.0.2.1", "nobody")
        self.database.shut()
        s.scrape()
        s.has("messaging_database_up", 0)
        s.has('messaging_http_requests_total{result="accepted"}', 1)
        s.has('messaging_http_requests_total{result="refused"}', 3)
        self.log_names_clients(s)
        self.that(not any("messaging_tenant" in x for x in s.now),
                  "of which database?")
        # A database that hangs is reported before Prometheus gives up, also on
        # an open connection.
        self.database.open()
        token = "Bearer " + lab.must(
            ["sink", "-c", conf, "--token", "--tenant", "one", "--role", "wall"]
        ).out.decode().strip()
        until(20, lambda: s.ask("/api/v1/now", Authorization=token)[0] == 200,
              "the database to be back")
        s.scrape()
        s.has("messaging_database_up", 1)
        self.database.freeze()
        askers = [threading.Thread(target=s.ask, args=("/api/v1/now",), kwargs={
            "Authorization": token}) for _ in range(8)]
        for asker in askers: # twice as many as there are connections
            asker.start()

        def scraped():
            began = time.monotonic()
            s.scrape()
            self.that(time.monotonic() - began < 10,
                      "later than Prometheus waits")

        self.repeat(scraped)
        s.has("messaging_database_up", 0)
        self.database.open()
        for asker in askers:
            asker.join()

    def daemons_conf(self, folder):
        return self.lab.conf("conf", {
            "metrics": {"folder": folder},
            # A busy database takes more than a second, and retries count.
            "mysql": {"url": self.database.url, "timeout": "10s"},
            "crm acme": {"url": "http://127.0.0.1:1/v1", "token": "x",
                         "assign": "yes"}})

    def file(self, name):
        return f"metrics/messaging_{name}.prom"

    def values(self, name):
        """Values without the labels program and queue."""
        return samples(self.lab.text(self.file(name)),
                       'program="[a-z]*",queue="[^"]*",?')

    def value(self, name, metric):
        return float(self.values(name).get("messaging_" + metric, -1))

    def wait(self, name, **metrics):
        """Waits for values. Labels follow two underscores: a__result_stored."""
        for key, n in metrics.items():
            metric, _, label = key.partition("__")
            if label:
                metric += '{%s="%s"}' % tuple(label.split("_", 1))
            until(60, lambda metric=metric, n=n: self.value(name, metric) == n
                  if n is not None else self.value(name, metric) > 0,
                  f"{metric} {n}: {self.values(name)}")

    def daemon(self, name, *argv, **wanted):
        env = {k: v for k, v in self.lab.env.items() if k != "MYSQL_URL"}
        self.p = subprocess.Popen(
            [f"{os.environ['BIN']}/{argv[0]}", "-c", self.conf, *argv[1:]],
            env=env, stderr=open(self.lab.path("log"), "ab"),
            stdin=subprocess.DEVNULL)
        self.lab.processes.append(self.p)
        self.wait(name, daemon_records_total=0)

    def stop(self, name):
        self.equal(self.lab.end(self.p), 0, self.lab.text("log"))
        path = self.lab.path(self.file(name))
        self.equal(os.stat(path).st_mode & 0o777, 0o644, path)
        self.that(not os.path.exists(path + ".new"), "left behind")

    def row(self, tenant):
        return json.dumps({
            "type": "row", "table": "tenant_metrics", "tenant": tenant,
            "operators": 1, "as_of": "2026-11-20T10:00:00Z", "version": 1})

    def stored(self, tenant):
        return self.lab.sql("SELECT COUNT(*) FROM tenant_metrics WHERE tenant ="
                            f" '{tenant}'") == [["1"]]

    def sink(self):
        put, name = self.lab.put, "sink_rows"
        self.daemon(name, "sink", "-f", "queue:rows")
        self.equal(self.value(
            name, "daemon_last_success_timestamp_seconds"), 0, "a success")
        put("rows", [self.row("a"), self.row("b"), self.row("c"), "no JSON"])
        self.wait(name, daemon_records_total=4, daemon_dead_letters_total=1,
                  sink_rows_total__result_stored=3,
                  # The file may have been written between rows and flush.
                  daemon_last_success_timestamp_seconds=None)
        self.equal(self.value(name, "daemon_retries_total"), 0, "retries")
        times = [self.value(name, f"daemon_{x}_timestamp_seconds")
                 for x in ("start", "last_success", "written")]
        self.that(times == sorted(times) and times[0] > 1e9, times)
        # Retries.
        self.database.freeze()
        put("rows", [self.row("d")])
        until(60, lambda: "waiting for it" in self.lab.text("log"), "a word")
        self.database.open()
        self.wait(name, sink_rows_total__result_stored=4)
        self.that(self.value(name, "daemon_retries_total") > 0, "no retries")
        self.stop(name)
        # The last file is complete.
        os.unlink(self.lab.path(self.file(name)))
        self.daemon(name, "sink", "-f", "queue:rows")
        put("rows", [self.row("e")])
        until(60, lambda: self.stored("e"), "a row")
        self.stop(name)
        self.wait(name, sink_rows_total__result_stored=1,
                  daemon_flush_duration_seconds_count=1)

    def never_idle(self):
        """The file is written even if the program is never idle."""
        name = "sink_rows"
        os.unlink(self.lab.path(self.file(name)))
        self.daemon(name, "sink", "-f", "queue:rows")
        feeder = subprocess.Popen(
            [PROBE, "-b", "1", "write", "queue:rows"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=self.lab.env)
        self.lab.processes.append(feeder)

        def fed(n):
            feeder.stdin.write(self.row("g").encode() + b"\n")
            feeder.stdin.flush()
            return self.value(name, "daemon_records_total") >= n

        until(60, lambda: fed(1), "the first")
        until(60, lambda: fed(10), "more")
        self.stop(name)
        feeder.stdin.close()
        feeder.wait()
        self.lab.take("rows")

    def stream(self):
        name = "aggregator_stream.records"
        self.daemon(name, "aggregator", "-f", "queue:stream.records", "-t",
                    "queue:unread", "--every", "50ms", "--state",
                    self.lab.path("stream"))
        message = json.dumps({
            "type": "message", "tenant": "a", "chat": "1", "id": "m1",
            "from": "customer", "at": "2026-11-20T10:00:00Z"})
        self.lab.put("stream.records", [message, message, "no JSON"])
        at = datetime.datetime(2026, 11, 20, 10, tzinfo=datetime.timezone.utc)
        self.wait(name, daemon_records_total=3, daemon_dead_letters_total=1,
                  stream_repeated_records_total=1,
                  stream_as_of_timestamp_seconds=at.timestamp(),
                  stream_rows_total=None)
        self.stop(name)

    def assignments(self):
        name, now = "poller_assignments", datetime.datetime.now(
            datetime.timezone.utc)
        self.daemon(name, "poller", "--assign", "-f", "queue:assignments", "-t",
                    "queue:outcomes", "--state", self.lab.path("polls"))

        def reserve(tenant, id_, at):
            self.lab.put("assignments", [json.dumps({
                "type": "assignment", "tenant": tenant, "id": id_, "chat": "1",
                "operator": "1", "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "expires": (at + datetime.timedelta(minutes=1)).strftime(
                    "%Y-%m-%dT%H:%M:%SZ")})])

        reserve("other", "r", now - datetime.timedelta(days=8))
        self.wait(name, daemon_records_total=1,
                  assign_reservations_total__result_failed=1,
                  assign_open_reservations=0)
        reserve("acme", "s", now) # the tenant's CRM is unavailable
        until(60, lambda: self.value(
            name, 'crm_calls_total{mode="assign",tenant="acme",result="failed"}')
            > 0, "a call")
        self.stop(name)

    def events(self):
        name = "aggregator_events"
        self.daemon(name, "aggregator", "--input", "eventcounter", "-f",
                    "queue:events", "--exchange", "events", "--json-dir",
                    self.lab.tmp, "--state", self.lab.path("counts"))
        until(60, self.is_bound, "the queue's binding")
        sent = Events(seed=7, n=30, garbage=20)
        sent.publish(self.lab, "events", "events")
        self.that(sent.garbage, "no garbage")
        self.wait(name, daemon_records_total=30,
                  daemon_dead_letters_total=sent.garbage,
                  daemon_last_success_timestamp_seconds=None)
        self.stop(name)

    def is_bound(self):
        """An exchange drops what is published before it has a queue."""
        return self.lab.ask_broker("""
            length(rabbit_binding:list_for_source(
                rabbit_misc:r(<<"VHOST">>, exchange, <<"events">>))).""") == "1"

    def unwritable(self):
        conf, self.conf = self.conf, self.daemons_conf(self.lab.path("none"))
        os.unlink(self.lab.path("log"))
        p = self.lab.start(["sink", "-c", self.conf, "-f", "queue:rows"],
                           self.lab.path("log"))
        self.lab.put("rows", [self.row("f")])
        until(60, lambda: self.stored("f"), "a row")
        self.equal(self.lab.end(p), 0, "exit code")
        self.equal(self.lab.text("log").count("cannot write"), 1,
                   self.lab.text("log"))
        self.conf = conf

    def described(self):
        """Each metric is documented."""
        with open("man/man7/messaging-monitoring.7", encoding="utf-8") as f:
            page = f.read()
        files = []
        for path in glob.glob(self.folder + "/*.prom"):
            with open(path, encoding="utf-8") as f:
                files.append(f.read())
        names = set(re.findall("^# TYPE ([a-z_]*) ", "".join(files), re.M))
        self.that(len(names) >= 15, names)
        for name in names:
            self.that(re.search(rf"^\.It Li {name}\b", page, re.M),
                      f"messaging-monitoring(7) does not describe {name}")


run_checks(Test)
