#!/usr/bin/env -S python3 -B
"""scripts/servers runs two sets at once, one in a folder with a very long name.
Killed servers start again with their data; stopped ones leave nothing."""

import glob
import os
import re
import shlex
import stat
import subprocess

from harness import Checklist, run_checks


def pids(folder):
    """The process ids of everything that runs there, including the port
    mapper."""
    found = set()
    for path in glob.glob(glob.escape(folder) + "/*/*pid"):
        with open(path, encoding="ascii") as f:
            found.add(int(f.read().split()[0]))
    return found


def life(pid):
    """When a process began, in ticks since boot, because its number may be
    reused; None if it has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.one = lab.path("one")
        self.long = lab.path("a folder with blanks and a long name " * 3)

    def servers(self, command, folder, *words, code=0):
        done = self.lab.run(["scripts/servers", command, folder, *words])
        self.that(done.code == code, f"{command} {words}: {done}, not {code}")
        return done

    def asked(self, *words):
        return self.servers(*words).out.decode().strip()

    def env(self, folder):
        return dict(shlex.split(line)[1].split("=", 1)
                    for line in self.asked("env", folder).splitlines())

    def client(self, folder):
        """Runs the database client as the application's user."""
        return self.lab.run([
            "mariadb", f"--defaults-file={folder}/mariadb/client.cnf", "-N",
            "-e", "select 1", "messaging"]).out

    def two_sets(self):
        starts = []
        for folder in (self.one, self.long):
            os.mkdir(folder)
            starts.append(self.lab.start(["scripts/servers", "start", folder],
                                         self.lab.path("log")))
        self.equal([p.wait() for p in starts], [0, 0], self.lab.text("log"))
        for folder in (self.one, self.long):
            self.equal(self.asked("status", folder).count(" up "), 2, folder)
            self.equal(self.client(folder), b"1\n", "the database")
            self.equal(self.asked("mysql", folder, "-N", "-e", "select user()"),
                       "root@localhost", "root")
            for name in ("rabbitmq", "mariadb"):
                self.equal(stat.S_IMODE(os.stat(f"{folder}/{name}").st_mode),
                           0o700, f"mode of {folder}/{name}")
        self.url, other = self.env(self.one)["AMQP_URL"], self.env(self.long)
        self.that(self.url != other["AMQP_URL"], "both sets have one broker")
        self.socket = other["MYSQL_SOCKET"]
        self.that(stat.S_ISSOCK(os.stat(self.socket).st_mode), self.socket)

    def only_this_machine(self):
        """Other machines cannot reach them, and root can only log in through
        the socket."""
        listening = self.lab.must(["ss", "-ltnHp"]).out.decode().splitlines()
        for pid in pids(self.one):
            places = [line.split()[3] for line in listening
                      if f"pid={pid}," in line]
            self.that(places and all(re.match(r"(127\.0\.0\.1|\[::1\]):", p)
                                     for p in places), f"{pid}: {places}")
        with open(self.one + "/mariadb/ports", encoding="ascii") as f:
            port = f.read().strip()
        self.that(self.lab.run([
            "mariadb", "--no-defaults", "-uroot", "--protocol=tcp", "-h",
            "127.0.0.1", "-P", port, "-e", "select 1"]).code != 0,
            "root comes by the network")
        users = self.asked("rabbitmqctl", self.one, "-q", "list_users",
                           "--no-table-headers")
        self.equal(users.split("\t")[0], "messaging", users)
        self.equal(users.count("\n"), 0, users)

    def answers(self):
        """The broker's answers are printed, and its errors fail."""
        self.equal(self.asked("eval", self.one, "{1, none}."), "{1, none}",
                   "eval")
        done = self.lab.run(["scripts/servers", "eval", self.one, "1 = 2."])
        self.that(done.code and re.search(
            "cannot evaluate '1 = 2.': .*badmatch", done.err), done)

    def killed(self):
        one = self.one
        self.servers("mysql", one, "messaging", "-e", "create table t (n int)")
        self.servers("rabbitmqctl", one, "-q", "add_user", "other", "secret")
        self.servers("kill", one, "rabbitmq", "mariadb")
        self.servers("status", one, code=1)
        self.servers("start", one)
        self.equal(self.env(one)["AMQP_URL"], self.url, "the ports")
        self.servers("mysql", one, "messaging", "-e", "select * from t")
        self.that("other" in self.asked("rabbitmqctl", one, "-q", "list_users"),
                  "the broker lost a user")
        self.servers("restart", one, "mariadb")
        self.equal(self.client(one), b"1\n", "the database after a restart")

    def stranger(self):
        """A number that now belongs to another process gets no signal."""
        other = self.lab.start(["sleep", "1000"])
        self.servers("stop", self.long, "mariadb")
        with open(self.long + "/mariadb/pid", "w", encoding="ascii") as f:
            f.write(f"{other.pid} 1\n")
        self.servers("stop", self.long, "mariadb")
        self.equal(other.poll(), None, "a stranger's end")

    def nothing_left(self):
        ran = {pid: life(pid) for pid in pids(self.one) | pids(self.long)}
        self.that(any(ran.values()), "nothing ran")
        self.servers("kill", self.long, "rabbitmq")
        for folder in (self.long, self.one, self.one):
            self.servers("stop", folder)
        for pid, began in ran.items():
            self.that(began is None or life(pid) != began,
                      f"process {pid} still runs")
        self.that(not os.path.exists(self.socket), "the socket is left behind")

    def _leave(self):
        for folder in (self.one, self.long):
            if os.path.exists(folder):
                subprocess.run(["scripts/servers", "stop", folder], check=False,
                               stderr=subprocess.DEVNULL)


run_checks(Test)
