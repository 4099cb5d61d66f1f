#!/usr/bin/env -S python3 -B
"""prometheus: a run with faults, as Prometheus sees it. Private instances of
Prometheus and of node_exporter watch a listener, an aggregator, a sink and the
server of the API, while messages arrive continuously. The alerts are those of
the example, with shorter times. The faults follow one another; during each one
its alert fires, and no other does.
"""

import glob
import http.client
import json
import os
import random
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from harness import PROBE, Checks, Lab, Skip, main, say, until

RULES = "scripts/examples/alerts.yml.example"
# Seconds instead of the example's times; each "for" becomes two seconds.
SHORTER = {
    "MessagingTenantStale": ("> 900", "> 60"),
    "MessagingJobFailing": ("> 900", "> 30"),
    "MessagingDaemonSilent": ("> 60", "> 35"),
}
SCRAPE_SECONDS = 2
PATIENCE = 180
SECRET = "0123456789abcdef"
# How long after a kill its target may still count as dead.
GRACE = 10


def free_ports():
    """Ports below those of scripts/servers: no server of another test and no
    outgoing connection takes one before it is in use."""
    for port in random.sample(range(10000, 12000), 2000):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


def shorter(text):
    """The example's rules, shortened for a run of minutes."""
    parts = re.split(r"(?m)^(?=      - alert: )", text)
    for i, part in enumerate(parts):
        name = re.match(r" *- alert: (\w+)", part)
        if name and name.group(1) in SHORTER:
            old, new = SHORTER[name.group(1)]
            assert old in part, name.group(1)
            parts[i] = part.replace(old, new)
    text = "".join(parts)
    text = re.sub(r"\[\d+m\]", "[15s]", text)
    return re.sub(r"for: \d+m", "for: 2s", text)


class Daemon:
    """A daemon that is killed and restarted."""

    def __init__(self, test, name, argv, job=None, labels=None, conf=None):
        self.test, self.name, self.argv = test, name, argv
        self.conf = conf or test.conf
        self.job, self.labels = job, labels or {}
        self.dead = [] # (from, to) of each time it was dead
        self.process = None

    def start(self):
        self.process = self.test.lab.start(
            [self.argv[0], "-c", self.conf, *self.argv[1:]],
            self.test.lab.path(self.name + ".log"))

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.dead.append([time.time(), None])

    def is_back(self):
        """Whether Prometheus has seen the restarted daemon."""
        if self.dead and self.dead[-1][1] is None:
            self.dead[-1][1] = time.time()

    def was_dead(self, at):
        return any(a - 2 <= at <= (b or time.time()) + GRACE
                   for a, b in self.dead)


class Traffic(threading.Thread):
    """Messages keep arriving and cron's job succeeds, unless this is the
    fault."""

    def __init__(self, test):
        super().__init__(daemon=True)
        self.test = test
        self.ending = threading.Event()
        self.writes = self.job = True
        self.n = 0

    def run(self):
        while not self.ending.wait(0.5):
            if self.writes:
                self.write()
            if self.job and self.n % 4 == 0:
                self.test.job()
            self.n += 1

    def write(self):
        try:
            self.test.post("/api/v1/messages/send", {
                "conversation_id": f"c{self.n % 7}", "sender_id": "a",
                "receiver_id": "b", "content": "x"})
        except OSError:
            pass # it is dead


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        self.folder = lab.path("metrics")
        os.mkdir(self.folder)
        os.chmod(lab.tmp, 0o755)
        self.ports = dict(zip(
            ("listener", "api", "node", "rabbitmq", "prometheus"),
            free_ports()))
        self.conf = lab.conf("messaging.conf", {
            "metrics": {"folder": self.folder},
            "listen": {"tenant": "t", "rate": 5,
                       "burst": 20},
            "mysql": {"timeout": "2s"},
            "crm room": {"url": "http://127.0.0.1:1/v1", "token": "x",
                         "hook": "secret", "hook_secret": SECRET,
                         "assign": "yes"},
        })
        self.serve_conf = lab.conf("serve.conf", {
            "serve": {"secret_key_file": lab.write("key", SECRET * 2)},
            "mysql": {"timeout": "2s"},
        })
        p = self.ports
        self.listener = Daemon(self, "listener", [
            "poller", "--listen", f"127.0.0.1:{p['listener']}", "-t",
            "queue:records", "--state", lab.path("listener")],
            "messaging-listener")
        self.api = Daemon(self, "api", [
            "sink", "--serve", f"127.0.0.1:{p['api']}"],
            "messaging-api", conf=self.serve_conf)
        self.sink = Daemon(self, "sink", ["sink", "-f", "queue:rows"],
                           labels={"program": "sink"})
        self.stream = Daemon(self, "stream", [
            "aggregator", "-f", "queue:records", "-t", "queue:rows",
            "--every", "50ms", "--state", lab.path("stream")],
            labels={"program": "aggregator"})
        self.assign = Daemon(self, "assign", [
            "poller", "--assign", "-f", "queue:assignments", "-t",
            "queue:records", "--state", lab.path("polls")],
            labels={"program": "poller"})
        self.daemons = [self.listener, self.api, self.sink, self.stream,
                        self.assign]

    def post(self, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['listener']}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as e:
            return e.code

    def job(self, task="job", code=0):
        """The metrics that a script writes at its end."""
        subprocess.run(
            ["sh", "-c", ". scripts/lib.sh; config=$1; job_metrics $2 $3 1",
             "job", self.conf, task, str(code)], check=True, env=self.lab.env)

    def ask(self, path, **query):
        """Queries Prometheus; returns the data of its answer."""
        url = (f"http://127.0.0.1:{self.ports['prometheus']}/api/v1/{path}?"
               + urllib.parse.urlencode(query))
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def start_monitoring(self):
        with open(RULES, encoding="utf-8") as f:
            rules = self.lab.write("rules.yml", shorter(f.read()))
        targets = "".join(
            f"  - job_name: {job}\n    metrics_path: {path}\n"
            f"    static_configs:\n"
            f"      - targets: ['127.0.0.1:{self.ports[port]}']\n"
            for job, port, path in (
                ("messaging-listener", "listener", "/metrics"),
                ("messaging-api", "api", "/metrics"),
                ("node", "node", "/metrics"),
                ("rabbitmq", "rabbitmq", "/metrics/per-object")))
        config = self.lab.write("prometheus.yml", (
            f"global:\n  scrape_interval: {SCRAPE_SECONDS}s\n"
            f"  scrape_timeout: {SCRAPE_SECONDS}s\n"
            f"  evaluation_interval: 1s\nrule_files:\n  - {rules}\n"
            f"scrape_configs:\n{targets}"))
        self.lab.start([
            "prometheus-node-exporter", "--collector.disable-defaults",
            "--collector.textfile", "--collector.textfile.directory",
            self.folder,
            f"--web.listen-address=127.0.0.1:{self.ports['node']}"],
            self.lab.path("node.log"))
        self.lab.start([
            "prometheus", f"--config.file={config}",
            f"--storage.tsdb.path={self.lab.path('tsdb')}",
            f"--web.listen-address=127.0.0.1:{self.ports['prometheus']}"],
            self.lab.path("prometheus.log"))

    def enable_plugin(self):
        """RabbitMQ's own metrics on our port, until it is killed."""
        home = f"{self.lab.server_dir}/rabbitmq"
        for each in glob.glob("/usr/lib/rabbitmq/lib/*/plugins/*-*"):
            link = f"{home}/plugins/{os.path.basename(each)}"
            if not os.path.lexists(link): # the broker's own plugin is there
                os.symlink(each, link)
        plugins = f"{home}/enabled_plugins"
        with open(plugins, "w", encoding="ascii") as f:
            f.write("[rabbitmq_prometheus].\n")
        self.rabbitmqctl("eval", (
            "application:set_env(rabbitmq_prometheus, tcp_config, "
            f'[{{ip, "127.0.0.1"}}, {{port, {self.ports["rabbitmq"]}}}]), '
            f'rabbit_plugins:ensure("{plugins}").'))

    def rabbitmqctl(self, *argv):
        subprocess.run(
            ["scripts/servers", "rabbitmqctl", self.lab.server_dir, "-q",
             *argv], check=True, stdout=subprocess.DEVNULL)

    def purge(self, queue):
        self.rabbitmqctl("-p", "messaging", "purge_queue", queue)

    def firing(self):
        found = self.ask("alerts")
        return {a["labels"]["alertname"] for a in (found or {}).get(
            "alerts", ()) if a["state"] == "firing"}

    def begin(self):
        lab = self.lab
        lab.start_servers("rabbitmq", "mariadb", private=True)
        self.enable_plugin()
        lab.must(["sink", "--migrate"])
        for d in self.daemons:
            d.start()
        self.job()
        until(PATIENCE, self.answers, "the listener")
        self.start_monitoring()
        self.traffic = Traffic(self)
        self.traffic.start()
        until(PATIENCE, lambda: len(self.series(
            "messaging_daemon_records_total > 0")) == 2, "both daemons")
        until(PATIENCE, lambda: self.series(
            "messaging_tenant_as_of_timestamp_seconds"), "the tenant")
        until(PATIENCE, lambda: len(self.series("up == 1")) == 4, "targets")
        until(PATIENCE, lambda: len(self.series(
            "messaging_daemon_written_timestamp_seconds")) == 3, "all files")
        # Alerts from the start-up do not count.
        until(PATIENCE, lambda: not self.firing(), "peace")
        self.began = time.time()

    def answers(self):
        try:
            return self.post("/api/v1/messages/send", {
                "conversation_id": "c", "sender_id": "a", "receiver_id": "b",
                "content": "x"}) == 200
        except OSError:
            return False

    def series(self, query):
        found = self.ask("query", query=query)
        return found["result"] if found else []

    def fault(self, alert, fault, remedy, also=()):
        """Only that alert fires, until the remedy has worked. If a busy machine
        makes another alert fire rightly, tries again."""
        for _ in range(3):
            seen = self.fault_once(alert, fault, remedy)
            if seen <= {alert, *also}:
                return
        self.checks.that(False, f"{alert}: {seen} fired")

    def fault_once(self, alert, fault, remedy):
        """All alerts that fired until the remedy had worked."""
        say(f"- {alert}")
        seen = set()

        def fires():
            seen.update(self.firing())
            return alert in seen

        fault()
        until(PATIENCE, fires, alert)
        remedy()

        def over():
            seen.update(self.firing())
            return not self.firing()

        until(PATIENCE, over, f"the end of {alert}, with {seen}")
        for d in self.daemons:
            d.is_back()
        return seen

    def start_flood(self):
        self.calm = threading.Event()
        threading.Thread(target=self.flood, args=(self.calm,),
                         daemon=True).start()

    def flood(self, calm):
        """Sends too many requests until `calm`; not from Prometheus's address,
        because the listener would refuse its requests, too."""
        while not calm.wait(0.01):
            c = http.client.HTTPConnection(
                "127.0.0.1", self.ports["listener"], timeout=10,
                source_address=("127.0.0.2", 0))
            try:
                c.request("POST", "/api/v1/messages/send", "{}")
                c.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass # it is too busy
            c.close()

    def faults(self):
        lab, t = self.lab, self.traffic
        self.fault("MessagingDaemonAway", self.listener.kill,
                   self.listener.start)
        self.fault("MessagingDaemonAway", self.api.kill, self.api.start)
        self.fault("MessagingDaemonSilent", self.sink.kill, self.sink.start)
        self.fault("MessagingDaemonSilent", self.stream.kill,
                   self.stream.start)
        self.fault("MessagingDaemonSilent", self.assign.kill,
                   self.assign.start)
        self.fault("MessagingDeadLetters", lambda: lab.must(
            [PROBE, "write", "queue:rows"], stdin=b"no JSON\n"),
            lambda: self.purge("rows.dead"))
        self.fault("MessagingWebhooksNotUnderstood", lambda: self.post(
            f"/hooks/room/chat2desk/{SECRET}", {"hook_type": "nobody knows"}),
            # It is also a dead letter.
            lambda: self.purge("records.dead"), also={"MessagingDeadLetters"})
        self.fault("MessagingListenerRefusing", self.start_flood,
                   lambda: self.calm.set())
        self.fault("MessagingSpoolFilling",
                   lambda: lab.servers("kill", "rabbitmq"),
                   lambda: lab.servers("start", "rabbitmq"),
                   # If the start takes long, no data arrives meanwhile.
                   also={"MessagingTenantStale"})
        self.fault("MessagingDatabaseAway",
                   lambda: lab.servers("kill", "mariadb"),
                   lambda: lab.servers("start", "mariadb"),
                   also={"MessagingTenantStale"})
        self.fault("MessagingJobFailing", lambda: setattr(t, "job", False),
                   lambda: setattr(t, "job", True))
        self.fault("MessagingReportFailed", lambda: self.job("report", 69),
                   lambda: self.job("report"))
        self.fault("MessagingTenantStale", lambda: setattr(t, "writes", False),
                   lambda: setattr(t, "writes", True))

    def samples(self, selector):
        """All samples of the run: (labels, [(time, value)])."""
        seconds = int(time.time() - self.began) + 1
        for s in self.series(f"{selector}[{seconds}s]"):
            yield s["metric"], [(t, float(v)) for t, v in s["values"]]

    def scrapes(self):
        """Scrapes failed only for dead targets, or when the machine was so busy
        that two seconds were too short."""
        n = slow = 0
        took = {(labels["job"], at): seconds for labels, values in
                self.samples("scrape_duration_seconds")
                for at, seconds in values}
        for labels, values in self.samples('up{job!="rabbitmq"}'):
            own = [d for d in self.daemons if d.job == labels["job"]]
            for at, value in values:
                n += 1
                late = took.get((labels["job"], at), 0) >= SCRAPE_SECONDS
                slow += value != 1 and late
                self.checks.that(
                    value == 1 or late or any(d.was_dead(at) for d in own),
                    f"{labels['job']} was not scraped at {at}")
        self.checks.that(n - slow > 100,
                         f"of {n} scrapes {slow} took too long")
        for labels, values in self.samples("node_textfile_scrape_error"):
            self.checks.that(all(v == 0 for _, v in values),
                             f"{labels}: {values}")

    def counters(self):
        """Counters decrease only when their process was restarted."""
        n = 0
        for labels, values in self.samples(
                '{__name__=~"messaging_.*_(total|count|sum|bucket)"}'):
            own = [d for d in self.daemons
                   if d.job == labels["job"] or (d.labels and d.labels[
                       "program"] == labels.get("program"))]
            for (_, before), (at, after) in zip(values, values[1:]):
                n += 1
                self.checks.that(
                    after >= before or any(d.was_dead(at) for d in own),
                    f"{labels} fell from {before} to {after} at {at}")
        self.checks.that(n > 1000, f"only {n} steps")

    def texts(self):
        """promtool accepts the form of each text."""
        found = {port: urllib.request.urlopen(
            f"http://127.0.0.1:{self.ports[port]}/metrics").read()
            for port in ("listener", "api")}
        for path in glob.glob(self.folder + "/*.prom"):
            with open(path, "rb") as f:
                found[path] = f.read()
        for name, text in found.items():
            done = self.lab.run(["promtool", "check", "metrics"], stdin=text)
            self.checks.ends(done, 0, "", name)

    def run(self):
        self.begin()
        self.faults()
        self.traffic.ending.set()
        self.traffic.join()
        say("- what was scraped")
        self.scrapes()
        self.counters()
        self.texts()
        return self.checks.result()


def body():
    for name in "prometheus", "promtool", "prometheus-node-exporter":
        if not shutil.which(name):
            raise Skip(f"{name} is missing: scripts/install-deps monitoring")
    with Lab("prometheus") as lab:
        return Test(lab).run()


main(body)
