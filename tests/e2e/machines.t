#!/usr/bin/env -S python3 -B
"""Two machines with an aggregator and a sink each, three nodes of the broker and
three of the database (messaging-machines(7)), while messages arrive and chats
are assigned. One program, node or machine after the other is killed, frozen or
cut off, at random, and comes back later; a program sometimes without its state.

Each message is counted once, in the tables of messages, conversations and users;
each unassigned chat is reserved for one operator. Prints how long no new row was
stored, by what was broken.

12 times (LONG=1: 60), or TIMES=n; SEED=n repeats a run. With LONG=1 or
DIVISIONS=n, the first node of the broker is then divided from the others n
times, while both machines may believe to be in charge.
"""

import collections
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse

from harness import LONG, PROBE, Checklist, Door, run_checks, say, seed, until

TIMES = int(os.environ.get("TIMES", 60 if LONG else 12))
DIVISIONS = int(os.environ.get("DIVISIONS", 6 if LONG else 0))
RATE, STEP_S = 500, 0.05 # messages per second, and pause between two sendings
CHATS, TENANTS, OPERATORS = 500, 5, 3
PATIENCE_S = 120
# After a change of members, Galera sometimes logs "Temporary failure in sending
# state UUID, will try again in next primary component", and commits nothing
# until the next change. After this time, the node that was away is restarted.
STUCK_S = 40
PROGRAMS = ("aggregator", "sink")
# With `ignore`, the sides stay divided until a node is restarted.
DIVIDE = """
[rpc:call(N, application, set_env, [rabbit, cluster_partition_handling, %s])
    || N <- [node() | nodes()]],
length([erlang:disconnect_node(N) || N <- nodes()])."""
BROKERS = ("rabbitmq", "rabbitmq2", "rabbitmq3")
DATABASES = ("mariadb", "mariadb2", "mariadb3")
MEMBERS = """
length([1 || Q <- [<<"records">>, <<"rows">>],
    Member <- rabbit_quorum_queue:status(<<"VHOST">>, Q),
    lists:member(proplists:get_value(<<"Raft State">>, Member),
        [leader, follower])])."""


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat()


class Machine:
    """Reaches each node through a door of its own."""

    def __init__(self, lab, name, conf):
        self.lab, self.name, self.conf = lab, name, conf
        self.doors, self.env = [], {"MESSAGING_CONFIG": conf}
        for key in "AMQP_URL", "MYSQL_URL":
            one = urllib.parse.urlsplit(lab.env["AMQP_URL"])
            hosts = one.netloc.split("@")[1].split(",")
            user = one.netloc.split("@")[0]
            if key == "MYSQL_URL":
                urls = [urllib.parse.urlsplit(lab.env[k]) for k in (
                    "MYSQL_URL", "MYSQL_URL2", "MYSQL_URL3")]
                one, hosts = urls[0], [u.netloc.split("@")[1] for u in urls]
                user = one.netloc.split("@")[0]
            if name == "b": # prefers another node than a
                hosts = hosts[::-1]
            doors = [Door(f"{one.scheme}://{user}@{host}/") for host in hosts]
            self.doors += doors
            self.env[key] = f"{one.scheme}://{user}@" + ",".join(
                urllib.parse.urlsplit(d.url).netloc.split("@")[1]
                for d in doors) + one.path
        self.state = self.path("state")
        self.running = {}
        for program in PROGRAMS:
            self.start(program)

    def path(self, name):
        return self.lab.path(f"{self.name}.{name}")

    def start(self, program):
        argv = {
            "sink": ["sink", "-f", "queue:rows"],
            "aggregator": [
                "aggregator", "-f", "queue:records", "-t", "queue:rows", "-a",
                "all,allocation", "--assign-to", "queue:assignments",
                "--state", self.state, "--every", "100ms"]}[program]
        self.running[program] = self.lab.start(
            argv, self.path(program + ".log"), env=self.env)

    def kill(self, program):
        p = self.running[program]
        p.kill()
        p.wait()
        self.lab.processes.remove(p)

    def log(self, program):
        return self.lab.text(f"{self.name}.{program}.log")

    def cut(self):
        for door in self.doors:
            door.freeze()

    def mend(self):
        for door in self.doors:
            door.cut()
            door.open()


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("--nodes", "3", "--galera", "3", "rabbitmq",
                          "mariadb", private=True)
        conf = lab.conf("conf", {
            "amqp": {"heartbeat": "2s", "wait_timeout": "60s"},
            "crm t0": {"token": "x"},
            "aggregator": {"keep_state": "database",
                           "allocation_limit": "1000000",
                           "allocation_expiry": "12h"}})
        lab.must(["sink", "-c", conf, "--migrate"])
        self.sent, self.asked = collections.Counter(), 0
        self.total, self.ending = 0, threading.Event()
        self.stuck = 0 # how often Galera was
        self.machines = [Machine(lab, name, conf) for name in ("a", "b")]
        self.publisher = lab.start(
            [PROBE, "-p", "-b", "0", "write", "queue:records"],
            lab.path("publisher"), stdin=subprocess.PIPE,
            env={"MESSAGING_CONFIG": conf})
        self.gaps = collections.defaultdict(list)
        self.writer = threading.Thread(target=self._publish, daemon=True)
        self.writer.start()

    def _leave(self):
        self.ending.set()
        for machine in self.machines:
            machine.mend()

    def _publish(self):
        self._write([{"type": "operator", "tenant": "t0", "operator": str(n),
                      "name": f"Operator {n}", "available": True, "at": now()}
                     for n in range(OPERATORS)])
        while not self.ending.wait(STEP_S):
            lines, at = [], now()
            for _ in range(int(RATE * STEP_S)):
                self.total += 1
                n = self.total % CHATS
                tenant, chat = f"t{n % TENANTS}", f"c{n}"
                self.sent[tenant, chat] += 1
                lines.append({
                    "type": "message", "tenant": tenant, "chat": chat,
                    "id": str(self.total), "at": at, "user": f"u{n}",
                    "from": "customer", "operator": "0"})
            self.asked += 1
            lines.append({"type": "chat", "tenant": "t0", "status": "open",
                          "chat": f"u{self.asked}", "at": at})
            self._write(lines)

    def _write(self, records):
        self.publisher.stdin.write("".join(
            json.dumps(r) + "\n" for r in records).encode() + b"\n")
        self.publisher.stdin.flush()

    def _rows(self, statement, broken=None):
        """Asks a node of the database that nobody has broken."""
        node = next(n for n in DATABASES if n != broken)
        key = "MYSQL_URL" + node.removeprefix("mariadb")
        url = urllib.parse.urlsplit(self.lab.env[key])
        done = subprocess.run(
            ["mariadb", "--no-defaults", "-h", url.hostname, "-P",
             str(url.port), "-u", url.username, "messaging", "-N", "-B", "-e",
             statement], env={**self.lab.env, "MYSQL_PWD": url.password},
            check=False, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=60)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def _stored(self, broken=None):
        """0 while the cluster elects."""
        rows = self._rows("SELECT COUNT(*) FROM messages", broken)
        return int(rows[0][0]) if rows else 0

    def _gap(self, seconds, mend, broken):
        """The longest time without a new row, in these seconds, after which
        the broken part is mended, and until all that is sent by then is
        stored. Restarts a node of the database without which Galera stays
        stuck."""
        last, since, longest = self._stored(broken), time.monotonic(), 0
        end, want, stuck = since + seconds, None, STUCK_S

        def arrived():
            nonlocal last, since, longest, want, stuck
            there, at = self._stored(broken), time.monotonic()
            if there > last:
                longest, last, since = max(longest, at - since), there, at
            if want is None and at >= end:
                mend()
                want = self.total
            if broken and at > max(end, since) + stuck:
                self.stuck += 1
                stuck += STUCK_S
                self.lab.servers("kill", broken)
                self.lab.servers("start", broken)
            return want is not None and there >= want

        try:
            until(seconds + PATIENCE_S, arrived, "all messages")
        except AssertionError as e:
            raise AssertionError(
                f"{want} messages were sent, {last} are stored: " + "".join(
                    f"\n{m.name} {p}: {m.log(p)[-700:]}"
                    for m in self.machines for p in PROGRAMS)) from e
        return longest

    def _signal(self, node, number):
        with open(f"{self.lab.server_dir}/{node}/pid") as f:
            os.kill(int(f.read().split()[0]), number)

    def _break_node(self, node):
        """Returns what mends it, and how it was broken."""
        if self.dice.random() < 0.6:
            self.lab.servers("kill", node)
            return lambda: self.lab.servers("start", node), "killed"
        self._signal(node, signal.SIGSTOP)
        return lambda: self._signal(node, signal.SIGCONT), "frozen"

    def _break_program(self, machine, program):
        if self.dice.random() < 0.6:
            machine.kill(program)
            without = program == "aggregator" and self.dice.random() < 0.4
            if without:
                shutil.rmtree(machine.state, ignore_errors=True)
            return (lambda: machine.start(program),
                    "killed, its state lost" if without else "killed")
        machine.running[program].send_signal(signal.SIGSTOP)
        return (lambda: machine.running[program].send_signal(signal.SIGCONT),
                "frozen")

    def _once(self, number):
        d, node = self.dice, None
        machine = d.choice(self.machines)
        kind = d.choice(("aggregator", "aggregator", "sink", "broker",
                         "database", "machine"))
        if kind in PROGRAMS:
            name = f"{kind} of {machine.name}"
            mend, how = self._break_program(machine, kind)
        elif kind == "machine":
            name, how, mend = f"machine {machine.name}", "cut off", machine.mend
            machine.cut()
        else:
            node = name = d.choice(BROKERS if kind == "broker" else DATABASES)
            mend, how = self._break_node(node)
        away = d.uniform(0, 15)
        gap = self._gap(away, mend, node if kind == "database" else None)
        self.gaps[kind, how].append(gap)
        say(f"{number}: {name} {how} for {away:.1f} s, no new row for "
            f"{gap:.1f} s")
        if kind == "broker":
            until(PATIENCE_S, lambda: self.lab.ask_broker(MEMBERS) == "6",
                  "all members of the queues")
        if kind == "database":
            until(PATIENCE_S, self._is_whole, "all nodes of the database")
        self._live()

    def _is_whole(self):
        rows = self._rows("SHOW STATUS LIKE 'wsrep_cluster_size'")
        return bool(rows) and rows[0][1] == "3"

    def _live(self):
        for m in self.machines:
            for name, program in m.running.items():
                self.equal(program.poll(), None,
                           (m.name, name, m.log(name)[-2000:]))

    def it_goes_on(self):
        until(PATIENCE_S, lambda: self._stored() > 0, "the first row: " +
              self.machines[0].log("aggregator"))
        for number in range(1, TIMES + 1):
            self._once(number)
        for (kind, how), gaps in sorted(self.gaps.items()):
            say(f"{kind} {how}: {len(gaps)} times, longest gap "
                f"{max(gaps):.1f} s, median {sorted(gaps)[len(gaps) // 2]:.1f} s")
        say(f"Galera was stuck {self.stuck} times until a node was restarted")

    def divided_broker(self):
        for number in range(1, DIVISIONS + 1):
            handling = self.dice.choice(("ignore", "autoheal"))
            machine = self.dice.choice((*self.machines, None))

            def mend(m=machine, h=handling):
                if m:
                    m.start("aggregator")
                if h == "ignore":
                    self.lab.servers("kill", BROKERS[0])
                    self.lab.servers("start", BROKERS[0])

            self.lab.ask_broker(DIVIDE % handling)
            seconds = self.dice.uniform(5, 15)
            if machine: # the other one, on the other side, takes over
                time.sleep(self.dice.uniform(0, 5))
                machine.kill("aggregator")
            gap = self._gap(seconds, mend, None)
            say(f"division {number}, {handling}, aggregator of "
                f"{machine.name if machine else 'nobody'} killed: no new row "
                f"for {gap:.1f} s")
            until(PATIENCE_S, lambda: self.lab.ask_broker(MEMBERS) == "6",
                  "all members of the queues")
            self._live()
        self._refusals()

    def _refusals(self):
        n = sum(m.log("aggregator").count("starting again from there")
                for m in self.machines)
        say(f"{n} flushes of another aggregator were refused")

    def nothing_is_lost_or_doubled(self):
        self.ending.set()
        self.writer.join()
        self.publisher.stdin.close()
        self.equal(self.publisher.wait(PATIENCE_S), 0, "the publisher")
        want = {(t, c, str(n)) for (t, c), n in self.sent.items()}

        def chats():
            return {tuple(r) for r in self._rows(
                "SELECT tenant, conversation_id, message_count FROM "
                "conversation_metrics WHERE conversation_id LIKE 'c%'")}

        def users():
            return {(t, "c" + u[1:], n) for t, u, n in self._rows(
                "SELECT tenant, user_id, message_count FROM user_stats "
                "WHERE user_id LIKE 'u%'")}

        for what, found in ("conversations", chats), ("users", users):
            try:
                until(PATIENCE_S, lambda f=found: f() == want, what)
            except AssertionError:
                there = found()
                self.that(False, f"{what}: {sorted(there - want)[:10]}, not "
                          f"{sorted(want - there)[:10]}")
        self.equal(self._stored(), self.total, "messages")

    def one_operator_each(self):
        found = collections.defaultdict(set)

        def all_reserved():
            for line in self.lab.take("assignments"):
                r = json.loads(line)
                found[r["chat"]].add(r["operator"])
            return len(found) >= self.asked

        until(PATIENCE_S, all_reserved, f"{self.asked} chats to be reserved")
        two = [c for c, operators in found.items() if len(operators) > 1]
        self.equal(two, [], "chats with two operators")
        say(f"{self.total} messages, {len(found)} chats reserved, lost 0, "
            f"doubled 0, chats with two operators {len(two)}")

    def they_end(self):
        for m in self.machines:
            for name, program in m.running.items():
                self.equal(self.lab.end(program), 0, m.log(name)[-2000:])


run_checks(Test)
