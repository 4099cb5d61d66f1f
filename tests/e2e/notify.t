#!/usr/bin/env -S python3 -B
"""notify: the notifications of the daemons to the manager that started them
(sd_notify(3)). The test is the manager: a datagram socket of the file system
or with an abstract name, as systemd has it. Each daemon reports that it is
ready only when it reads its queue or accepts requests, continues to report
that it works, also while a server hangs, and reports that it ends. If a
debugger stops one of its threads, the daemon stops reporting until the thread
continues.
"""

import ctypes
import os
import signal
import socket
import time
import urllib.request

from harness import Checks, Lab, Skip, main, say, until

# Seconds; reported four times in that time, and a turn may take half of it
WATCHDOG = 6.0
QUIET = WATCHDOG / 2
PATIENCE = 90

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000
ROW = (b'{"type":"row","table":"tenant_metrics","tenant":"t%d","operators":1,'
       b'"as_of":"2026-11-20T10:00:00Z","version":1}\n')
ROWS = [ROW % i for i in range(50)]
CHAT = (b'{"type":"row","table":"chat_metrics","tenant":"t","chat":"1",'
        b'"customer":"42","customer_name":"Ann","status":"open","messages":0,'
        b'"participants":0,"responses":0,"as_of":"2026-11-20T10:00:00Z",'
        b'"version":1}\n')


class Manager:
    """The socket, and the notifications received."""

    def __init__(self, lab, name, abstract=False):
        path = lab.path(name + ".notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + path if abstract else path)
        self.socket.setblocking(False)
        self.env = {"NOTIFY_SOCKET": "@" + path if abstract else path,
                    "WATCHDOG_USEC": str(int(WATCHDOG * 1e6))}
        self.said = []

    def look(self):
        while True:
            try:
                self.said.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.said

    def count(self, word):
        return self.look().count(word)

    def wait(self, word, more=1):
        n = self.count(word) + more
        until(PATIENCE, lambda: self.count(word) >= n,
              f"{more} more {word}, after {self.said}")


class Held:
    """A thread that a debugger stops."""

    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, tid):
        self.tid = tid
        self.call(PTRACE_SEIZE)
        self.call(PTRACE_INTERRUPT)
        os.waitpid(tid, WALL)

    def call(self, what):
        ask = self.libc.ptrace
        ask.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]
        ask.restype = ctypes.c_long
        if ask(what, self.tid, None, None) != 0:
            raise Skip(f"ptrace: {os.strerror(ctypes.get_errno())}")

    def release(self):
        self.call(PTRACE_DETACH)


def thread_of(process, name):
    folder = f"/proc/{process.pid}/task"
    for tid in os.listdir(folder):
        with open(f"{folder}/{tid}/comm", encoding="ascii") as f:
            if f.read().strip() == name:
                return int(tid)
    raise AssertionError(f"no thread {name}")


def server_pid(lab, name):
    with open(f"{lab.server_dir}/{name}/pid", encoding="ascii") as f:
        return int(f.read().split()[0])


class Test:
    def __init__(self, lab):
        self.lab, self.checks = lab, Checks()
        sections = {
            "listen": {"tenant": "t"},
            "serve": {"secret_key_file":
                      lab.write("key", "0123456789abcdef" * 2)},
            "crm acme": {"url": "http://127.0.0.1:1/v1", "token": "x",
                         "assign": "yes"},
        }
        # For one-shot runs: statements may take longer than in daemons.
        self.run_conf = lab.conf("run.conf", sections)
        self.conf = lab.conf("messaging.conf", {
            **sections,
            "mysql": {"timeout": "1s"},
            "amqp": {"wait_timeout": "2s"},
        })

    def daemon(self, name, argv, abstract=False):
        manager = Manager(self.lab, name, abstract)
        log = self.lab.path(name + ".log")
        p = self.lab.start(
            [argv[0], "-c", self.conf, *argv[1:]], log, manager.env)
        p.manager, p.log = manager, log
        return p

    def told(self, p, text):
        with open(p.log, encoding="utf-8") as f:
            return text in f.read()

    def ready(self, p):
        p.manager.wait("READY=1")
        p.manager.wait("WATCHDOG=1", 2)

    def end(self, p, name):
        p.terminate()
        self.checks.that(p.wait(PATIENCE) == 0, f"{name}: exit {p.returncode}")
        said = [w for w in p.manager.look() if w != "WATCHDOG=1"]
        self.checks.that(said == ["READY=1", "STOPPING=1"], f"{name}: {said}")

    def publish(self, rows):
        self.lab.must(["aggregator", "-c", self.run_conf, "--publish",
                       "-t", "queue:rows"],
                      stdin=b"".join(rows))

    def rows_are_stored(self):
        return self.lab.sql("SELECT COUNT(*) FROM tenant_metrics")[0] != ["0"]

    def rows_are_taken(self):
        return self.lab.in_queue("rows") == 0

    def rows_are_done(self):
        return self.lab.in_queue("rows", "total") == 0

    def plain(self):
        """Each program starts, works and ends."""
        lab = self.lab
        for name, argv in {
            "assign": ["poller", "--assign", "-f", "queue:assignments",
                       "-t", "queue:records", "--state", lab.path("polls")],
            "listener": ["poller", "--listen", "127.0.0.1:0", "-t",
                         "queue:records", "--state", lab.path("listener")],
            "stream": ["aggregator", "-f", "queue:records", "-t",
                       "queue:rows", "--every", "50ms", "--state",
                       lab.path("stream")],
        }.items():
            p = self.daemon(name, argv, abstract=name == "assign")
            self.ready(p)
            if name == "stream":
                self.stream_forgets(p)
            self.end(p, name)

    def stream_forgets(self, p):
        """An erasure restarts the run inside the program: the manager hears of
        neither end nor start."""
        self.publish([CHAT])
        self.lab.must(["sink", "-c", self.run_conf, "-f", "queue:rows",
                       "--until-empty"])
        done = self.lab.run(["reaper", "-c", self.run_conf, "--forget", "42",
                             "--tenant", "t", "--state",
                             self.lab.path("stream")])
        self.checks.that(done.code == 0, f"forget: {done}")
        p.manager.wait("WATCHDOG=1", 2)
        said = [w for w in p.manager.look() if w != "WATCHDOG=1"]
        self.checks.that(said == ["READY=1"], f"after an order: {said}")

    def not_a_daemon(self):
        """A one-shot run sends no notifications."""
        manager = Manager(self.lab, "once")
        self.lab.must(["sink", "-c", self.run_conf, "-f", "queue:rows",
                       "--until-empty"], env=manager.env)
        self.checks.that(manager.look() == [], f"it said {manager.said}")
        done = self.lab.run(["sink", "-c", self.conf, "--serve", "nonsense"],
                            env=manager.env)
        self.checks.that(done.code != 0 and manager.look() == [],
                         f"{done} said {manager.said}")

    def sink(self):
        lab = self.lab
        database = server_pid(lab, "mariadb")
        os.kill(database, signal.SIGSTOP)
        p = self.daemon("sink", ["sink", "-f", "queue:rows"])
        until(PATIENCE, lambda: self.told(p, "waiting for it"), "its warning")
        self.checks.that(p.manager.count("READY=1") == 0,
                         "ready without a database")
        os.kill(database, signal.SIGCONT)
        self.ready(p)

        say("- a database that stands still is not a hang")
        os.kill(database, signal.SIGSTOP)
        self.publish(ROWS)
        p.manager.wait("WATCHDOG=1", 4)
        os.kill(database, signal.SIGCONT)
        until(PATIENCE, self.rows_are_stored, "the rows")
        p.manager.wait("WATCHDOG=1")

        say("- a thread that stands still is one")
        held = Held(thread_of(p, "store"))
        self.publish(ROWS)
        # Until it has the rows, no thread of it is stopped.
        until(PATIENCE, self.rows_are_taken, "who takes them")
        self.silent(p, "the sink")
        held.release()
        p.manager.wait("WATCHDOG=1", 2)

        say("- a broker that is away is none")
        lab.servers("stop", "rabbitmq")
        p.manager.wait("WATCHDOG=1", 4)
        lab.servers("start", "rabbitmq")
        p.manager.wait("WATCHDOG=1")
        # If it were stopped before the broker answers, it would exit with 75.
        self.publish(ROWS)
        until(PATIENCE, self.rows_are_done, "who stores them")
        self.end(p, "sink")

    def silent(self, p, name):
        """No notification comes after the longest turn."""
        time.sleep(QUIET + WATCHDOG / 4)
        n = p.manager.count("WATCHDOG=1")
        time.sleep(WATCHDOG / 2 + 1)
        self.checks.that(p.manager.count("WATCHDOG=1") == n,
                         f"{name} says that it works")

    def serve(self):
        port = self.lab.path("port")
        p = self.daemon("serve", ["sink", "--serve", "127.0.0.1:0",
                                  "--port-file", port])
        self.ready(p)
        with open(port, encoding="ascii") as f:
            url = f"http://127.0.0.1:{f.read().strip()}/metrics"
        database = server_pid(self.lab, "mariadb")
        os.kill(database, signal.SIGSTOP)
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        self.checks.that("messaging_database_up 0" in text, text)
        p.manager.wait("WATCHDOG=1", 4)
        os.kill(database, signal.SIGCONT)
        held = Held(thread_of(p, "serve"))
        self.silent(p, "the server")
        held.release()
        p.manager.wait("WATCHDOG=1", 2)
        self.end(p, "serve")

    def may_hold(self):
        """Checked first: without permission to stop a thread, the whole test is
        skipped."""
        sleeper = self.lab.start(["/bin/sleep", "1000"])
        Held(sleeper.pid).release()
        sleeper.kill()

    def run(self):
        self.may_hold()
        self.lab.start_servers("rabbitmq", "mariadb", private=True)
        self.lab.must(["sink", "-c", self.run_conf, "--migrate"])
        self.lab.must(["aggregator", "-c", self.run_conf, "--publish", "-t",
                       "queue:rows"], stdin=b"")
        say("- each daemon")
        self.plain()
        say("- other runs")
        self.not_a_daemon()
        say("- the sink")
        self.sink()
        say("- the server of the API")
        self.serve()
        return self.checks.result()


def body():
    with Lab("notify") as lab:
        return Test(lab).run()


main(body)
