#!/usr/bin/env -S python3 -B
"""SIGTERM ends every program, in each of its modes, within ten seconds, even
if a server does not answer: a database or a broker that hangs or answers
slowly, a CRM that accepts a connection and sends nothing. SIGHUP means the
same, but not under nohup. The journal gets the level of each line.
"""

import json
import os
import re
import signal
import socket

from amqp_doors import Slow
from harness import BIN, PROBE, Checklist, Sim, catches, run_checks, until

AT = "2026-11-20T10:00:00Z"
ROW = json.dumps({"type": "row", "table": "tenant_metrics", "tenant": "t",
                  "operators": 1, "as_of": AT})
CHAT = json.dumps({"type": "chat", "tenant": "t", "chat": "1",
                   "status": "closed", "at": AT})
TERM, HUP = signal.SIGTERM, signal.SIGHUP
KEY = "7" * 32


def assignment(chat, operator="1"):
    return json.dumps({
        "type": "assignment", "tenant": "acme", "id": "1", "chat": chat,
        "operator": operator, "expires": "2099-01-01T00:00:00Z"})


def has_socket(pid):
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{fd}").startswith("socket:")
                   for fd in os.listdir(folder))
    except OSError:
        return False


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        self.broker, self.database = lab.door("rabbitmq"), lab.door("mariadb")
        lab.env.update(AMQP_URL=self.broker.url, MYSQL_URL=self.database.url,
                       CRM_URL="http://127.0.0.1:1/v1", CRM_TOKEN="token")
        self.row = lab.write("row", ROW + "\n")
        self.chat = lab.write("chat", CHAT + "\n")
        self.serve = lab.conf("serve.conf", {
            "serve": {"secret_key": KEY}, "crm t": {"token": "unused"}})
        self.running = {}

    def put(self, queue, line):
        """Publishes a line, bypassing the door."""
        self.lab.must([PROBE, "write", "queue:" + queue],
                      stdin=line.encode() + b"\n", env={
                          "AMQP_URL": self.broker.url.replace(
                              str(self.broker.place.getsockname()[1]),
                              str(self.broker.server.port))})

    def start(self, name, *argv, **kw):
        self.running[name] = self.lab.start(
            [argv[0], "-vv", *argv[1:]], self.lab.path(name + ".err"), **kw)
        return self.running[name]

    def said(self, name, pattern):
        return re.search(pattern, self.lab.text(name + ".err"), re.M)

    def ready(self, name, queue):
        until(60, lambda: self.said(name, f"amqp_connected queue={queue}\\b"),
              f"{name} to come up: {self.lab.text(name + '.err')}")

    def reach(self, *names):
        """Each program handles SIGTERM and has a socket: it is connected to the
        hanging server, or will be in a moment. A program that gave up before
        this check has ended."""
        for name in names:
            p = self.running[name]
            until(60, lambda p=p: p.poll() is not None or catches(
                p.pid, TERM) and has_socket(p.pid), name)
            self.that(p.poll() in (None, 75),
                      f"{name} reaches nothing: {p.poll()} "
                      f"{self.lab.text(name + '.err')}")

    def end(self, *names):
        """Stops all at once; each must end in time. The documented limit is 10
        s. These 5 may become 20 on a busy machine (see until); a program that
        waits for the server to answer needs 30 and more."""
        for name in names:
            self.running[name].terminate()
        for name in names:
            p = self.running.pop(name)
            until(5, lambda p=p: p.poll() is not None, f"{name} to end")
            self.that(p.returncode in (0, 75),
                      f"{name} gave {p.returncode}: "
                      f"{self.lab.text(name + '.err')}")

    def database_stands_still(self):
        """In the middle of their work, with input in memory."""
        self.start("sink", "sink", "-f", "queue:rows")
        self.ready("sink", "rows")
        self.database.freeze()
        self.put("rows", ROW)
        self.put("closed", CHAT)
        self.start("reaper", "reaper", "-f", "queue:closed")
        for name, queue in (("sink", "rows"), ("reaper", "closed")):
            until(20, lambda queue=queue: self.lab.in_queue(queue) == 0,
                  f"{name} to take what came")
            self.end(name)
        self.database.open()

    def requests_stand_still(self):
        token = self.lab.must(
            ["sink", "-c", self.serve, "--token", "--tenant", "t", "--role",
             "lead"]).out.decode().strip()
        self.running["serve"] = self.lab.serve(
            ["sink", "-vv", "-c", self.serve, "--serve", "127.0.0.1:0"],
            "serve")
        port = self.running["serve"].port

        def ask(path):
            s = socket.create_connection(("127.0.0.1", port))
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer"
                      f" {token}\r\n\r\n".encode())
            return s

        with ask("/api/v1/operators") as s:
            self.equal(s.recv(12), b"HTTP/1.1 200", "the answer")
        self.database.freeze()
        asked = [ask(f"{path}?n={n}") for n in range(6)
                 for path in ("/api/v1/operators", "/metrics")]
        self.end("serve")
        self.database.open()
        for s in asked:
            s.close()

    def database_from_the_start(self):
        """For daemons, and for programs that end by themselves."""
        self.database.freeze()
        self.start("sink", "sink", "-f", "queue:rows")
        report = self.lab.path("report.html")
        commands = {
            "once": f"sink -f {self.row}",
            "migrate": "sink --migrate", "check": "sink --check",
            "recompute": "sink --recompute",
            "get": "sink --get /api/v1/operators --tenant t",
            "report": f"sink --report {report} --tenant t",
            "revoke": f"sink -c {self.serve} --token --tenant t --revoke 1",
            "serve": f"sink -c {self.serve} --serve 127.0.0.1:0",
            "reap": f"reaper -f {self.chat}", "list": "reaper --list",
            "purge": "reaper --purge t --force",
            "retention": "reaper --retention 30d",
            "export": "reaper --export 7 --tenant t",
            "forget": "reaper --forget 7 --tenant t"}
        for name, command in commands.items():
            self.start(name, *command.split())
        self.reach(*commands, "sink")
        self.end(*commands, "sink")
        self.database.open()

    def _start_daemons(self):
        """Starts each daemon; returns names and queues."""
        state, conf = self.lab.path("state"), self.lab.conf("conf", {
            "crm acme": {"assign": "yes"}, "listen": {"tenant": "acme"}})
        daemons = {
            "stream": ("out", "aggregator -f queue:records -t queue:out --every"
                       f" 20ms --state {state}.1 -a events"),
            "counter": ("counted", "aggregator --input eventcounter -f "
                        f"queue:counted -t queue:out --state {state}.2"),
            "sink": ("rows", "sink -f queue:rows"),
            "assign": ("given", f"poller -c {conf} --assign -f queue:given -t "
                       "queue:records"),
            "listener": ("records", f"poller -c {conf} --listen 127.0.0.1:0 -t "
                         f"queue:records --state {state}.4")}
        for name, (_, command) in daemons.items():
            self.start(name, *command.split())
        return {name: queue for name, (queue, _) in daemons.items()}

    def broker_stands_still(self):
        daemons = self._start_daemons()
        for name, queue in daemons.items():
            self.ready(name, queue)
        self.broker.freeze()
        self.end(*daemons)
        # From the start.
        daemons = self._start_daemons()
        queues = self.lab.write("queues", "count out\n")
        commands = {
            "once": "aggregator -f tests/records/small.ndjson -t queue:out",
            "publish": f"aggregator --publish -f {self.chat} -t queue:out",
            "declare": f"aggregator --declare -f {queues}",
            "letters": "aggregator --dead-letters -f queue:out.dead",
            "reap": "reaper -f queue:closed",
            "list": "reaper --list -t queue:out"}
        for name, command in commands.items():
            self.start(name, *command.split())
        until(60, lambda: catches(self.running["listener"].pid, TERM),
              "a listener")
        self.reach(*(n for n in daemons if n != "listener"), *commands)
        self.end(*daemons, *commands)
        self.broker.open()

    def broker_is_slow(self):
        door = self.lab.door("rabbitmq", Slow)
        p = self.lab.start([PROBE, "-p", "read", "queue:slow"],
                           self.lab.path("slow.out"),
                           env={"AMQP_URL": door.url})
        self.put("slow", "x")
        until(60, lambda: self.lab.text("slow.out"), "a line")
        door.slow.set()
        self.equal(self.lab.end(p), 0, self.lab.text("slow.out"))

    def crm_says_nothing(self):
        chat = self.lab.write("acme", CHAT.replace('"t"', '"acme"') + "\n")
        given = self.lab.write("given", assignment("7") + "\n")
        hook = "https://hooks.example.org"
        self.put("given", assignment("7"))
        for options in ("", "--check", f"--status -f {chat}",
                        "--registered", "--register " + hook,
                        "--unregister " + hook, f"--assign -f {given}",
                        "--assign -f queue:given -t queue:records"):
            # Each gets a port of its own, which no earlier one has asked.
            with socket.create_server(("127.0.0.1", 0)) as crm:
                port = crm.getsockname()[1]
                conf = self.lab.conf("silent", {"crm acme": {
                    "url": f"http://127.0.0.1:{port}/v1", "token": "token",
                    "assign": "yes", "hook": "secret", "hook_secret": KEY}})
                self.start("poller", "poller", "-c", conf, *options.split(),
                           env={"CRM_URL": "", "CRM_TOKEN": ""})
                crm.settimeout(120)
                with crm.accept()[0] as asked:
                    asked.settimeout(120)
                    self.that(asked.recv(1), f"poller {options} asks nothing")
                    self.end("poller")

    def hang_up(self):
        lab = self.lab
        conf = lab.conf("hup.conf", {
            "crm acme": {"token": "x", "assign": "yes"},
            "serve": {"secret_key": KEY}})
        state = lab.path("hup")
        daemons = [
            "poller --listen 127.0.0.1:0 -t queue:records",
            "poller --assign -f queue:assignments -t queue:records",
            f"aggregator -f queue:records -t queue:rows --state {state}.2 "
            "--every 50ms",
            "aggregator --input eventcounter -f queue:counted -t queue:rows "
            f"--state {state}.3", "sink -f queue:rows",
            "sink --serve 127.0.0.1:0"]

        def start(n, argv):
            """With the journal's variable for stderr, and without a
            terminal."""
            log = lab.path(f"hup{n}.err")
            open(log, "w").close()
            place = os.stat(log)
            return lab.start(argv, log, {
                "MESSAGING_CONFIG": conf, "CRM_URL": "", "CRM_TOKEN": "",
                "JOURNAL_STREAM": f"{place.st_dev}:{place.st_ino}"},
                start_new_session=True)

        wrong = start("wrong", ["aggregator", "--unheard-of"])
        self.equal(wrong.wait(60), 64, "a wrong command line")
        self.that(lab.text("hupwrong.err").startswith(
            "<3>aggregator: unknown option '--unheard-of'"),
            lab.text("hupwrong.err"))
        running = [start(n, d.split()) for n, d in enumerate(daemons)]
        for p in running:
            until(30, lambda p=p: catches(p.pid, HUP, TERM), "a handler")
            p.send_signal(signal.SIGHUP)
        for n, p in enumerate(running):
            self.equal(p.wait(60), 0, daemons[n])
            self.that(all(re.match("<[3467]>", x) for x in lab.text(
                f"hup{n}.err").splitlines()), "a line has no level")

    def crm_hangs(self):
        lab = self.lab
        sim = Sim(lab, "sim", ["--dialogs", 3, "--messages", 1, "--operators",
                               1])
        dialog = next(iter(sim.open_dialogs()))
        operator = sim.get("/operators")["data"][0]["id"]
        sim.control("act", do="transfer", dialog=dialog)
        sim.fault("slow", value=120000, method="PUT")
        conf = lab.conf("slow.conf", {"crm acme": {
            "url": sim.url, "token": "sim-token", "assign": "yes",
            "timeout": "120s"}})
        self.put("slow", assignment(str(dialog), str(operator)))
        p = lab.start(["poller", "-c", conf, "--assign", "-f", "queue:slow"],
                      lab.path("slow.err"), {"CRM_URL": "", "CRM_TOKEN": ""})
        until(30, lambda: sim.stats()["by_route"].get(
            "PUT /v1/dialogs/{id}"), "a chat to be given")
        p.send_signal(HUP)
        self.equal(p.wait(60), 75, lab.text("slow.err"))
        self.that(
            "poller: asked to stop, but work in progress did not end within"
            in lab.text("slow.err"), lab.text("slow.err"))

    def nohup_holds(self):
        p = self.lab.start(["sh", "-c", f"trap '' HUP; exec {BIN}/sink -f "
                            "queue:rows"], self.lab.path("nohup.err"),
                           start_new_session=True)
        # Once it reads the queue: before, it would say that it was stopped.
        self.lab.put("rows", [ROW])
        until(30, lambda: self.lab.in_queue("rows", "total") == 0, "the sink")
        p.send_signal(signal.SIGHUP)
        self.equal(self.lab.end(p), 0, "nohup")
        self.equal(self.lab.text("nohup.err"), "", "nohup says")


run_checks(Test)
