#!/usr/bin/env -S python3 -B
"""A Galera cluster: two sinks with a queue each, and a reaper, each on its own
node and the sinks 20 ms away from theirs, while messages arrive and chats close. Rows of a chat
that are older than its closing arrive exactly when the reaper deletes it.
Nothing is lost, and no closed chat reappears, even when a node is killed and
its sink continues with another one. LONG=1: ten minutes, and as long with a
node killed; otherwise half a minute.
"""

import json
import subprocess
import time
import urllib.parse

from harness import (BIN, LONG, PROBE, Checklist, Door, run_checks, say,
                     until)

SECONDS = 600 if LONG else 15
STEP_S = 0.05
MESSAGES = 40 # per step
LIFE = 6      # steps for which a chat stays open
LATE = 10     # steps during which rows older than a chat's closing arrive
LINES = 1 + MESSAGES + LATE + 1 # per step, and per message of the broker
NODES = ("MYSQL_URL", "MYSQL_URL2", "MYSQL_URL3")
# Runs until the queue is empty, again and again; 75: the node was busy.
REAP = """trap 'exit 0' TERM
while "$0" -f queue:closed || [ $? = 75 ]; do sleep 0.1; done"""
BACK = ("SELECT COUNT(*) FROM chat_metrics c JOIN closed_chats t USING "
        "(tenant, chat) WHERE c.as_of <= t.as_of")


def at(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + \
        f".{ms % 1000:03}Z"


def row(chat, ms):
    return {"type": "row", "table": "chat_metrics", "tenant": "t",
            "chat": chat, "status": "open", "as_of": at(ms), "messages": 1,
            "participants": 1, "responses": 0}


class FarDoor(Door):
    """Adds 20 ms to each round trip to the server."""

    def pieces(self, source, upward):
        for data in super().pieces(source, upward):
            time.sleep(0.01) # the delay
            yield data


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.messages, self.closed, self.step = 0, {}, 0
        lab.start_servers("--galera", "3", "rabbitmq", "mariadb", private=True)
        self.alive = list(NODES)
        lab.must(["sink", "--migrate"])
        lab.must(["sink"], stdin=(json.dumps(row("first", 1000 * int(
            time.time()))) + "\n").encode())
        for node in NODES: # A program ends if its node lacks the tables.
            self.ask(node, "SELECT 1")
        near, self.door = (lab.door("mariadb", FarDoor) for _ in range(2))
        self.point("MYSQL_URL2")
        self.programs = {
            name: lab.start(argv, lab.path(name), env={"MYSQL_URL": url})
            for name, argv, url in (
                ("one", ["sink", "-f", "queue:rows"], near.url),
                ("two", ["sink", "-f", "queue:rows2"], self.door.url),
                ("reaper", ["sh", "-c", REAP, BIN + "/reaper"],
                 lab.env["MYSQL_URL3"]))}
        self.queues = {
            queue: lab.start([PROBE, "-b", str(lines), "write",
                              "queue:" + queue], stdin=subprocess.PIPE)
            for queue, lines in (("rows", LINES), ("rows2", LINES),
                                 ("closed", 1))}

    def point(self, node):
        """Connects the second sink's door to that node."""
        self.door.server = urllib.parse.urlsplit(self.lab.env[node])

    def ask(self, node, statement):
        """The rows of a node, once it has applied all earlier commits."""
        url = urllib.parse.urlsplit(self.lab.env[node])
        return subprocess.run(
            ["mariadb", "--no-defaults", "-h", url.hostname, "-P",
             str(url.port), "-u", url.username, "messaging", "-N", "-B", "-e",
             "SET SESSION wsrep_sync_wait = 15; " + statement],
            env={**self.lab.env, "MYSQL_PWD": url.password}, check=True,
            text=True, stdout=subprocess.PIPE).stdout.strip()

    def put(self, queue, records):
        pipe = self.queues[queue].stdin
        pipe.write("".join(json.dumps(r) + "\n" for r in records).encode())
        pipe.flush()

    def send(self, seconds):
        """Sends messages and, for each closing chat, older rows that arrive
        during and after the reaper's deletion."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now = int(time.time() * 1000)
            self.step += 1
            rows = [row(f"c{self.step}", now)]
            for n in range(MESSAGES):
                self.messages += 1
                rows.append({
                    "type": "message", "tenant": "t", "from": "customer",
                    "chat": f"m{self.messages % 500}",
                    "id": str(self.messages), "at": at(now), "user": "u"})
            ending = f"c{self.step - LIFE}"
            if self.step > LIFE:
                self.closed[ending] = now
                self.put("closed", [{
                    "type": "chat", "tenant": "t", "chat": ending,
                    "status": "closed", "at": at(now)}])
            for step in range(self.step - LIFE - LATE, self.step - LIFE + 1):
                closing = self.closed.get(f"c{step}")
                if closing is not None:
                    rows.append(row(f"c{step}", closing - 1))
            self.put("rows2" if self.step % 2 else "rows",
                     rows + rows[:1] * (LINES - len(rows)))
            time.sleep(STEP_S)

    def counts(self, node):
        return self.ask(node, "SELECT COUNT(*) FROM messages; SELECT COUNT(*) "
                        f"FROM closed_chats; {BACK}").split("\n")

    def settle(self, what):
        """Each running node has all rows, and nothing that was deleted."""
        want = [str(self.messages), str(len(self.closed)), "0"]
        for node in self.alive:
            try:
                until(120, lambda n=node: self.counts(n) == want, what)
            except AssertionError as e:
                raise AssertionError(
                    f"{what}, {node}: messages, closed chats, those that came "
                    f"back: {self.counts(node)}, not {want}") from e
            self.that(True, what)
        for name, program in self.programs.items():
            self.equal(program.poll(), None, (what, name,
                                              self.lab.text(name)))
        for queue in self.queues:
            until(60, lambda q=queue: self.lab.in_queue(q, "total") == 0,
                  f"all of {queue} to be acknowledged")
        say(f"{what}: {self.messages} messages, {len(self.closed)} closed")

    def three_nodes(self):
        self.send(SECONDS)
        self.settle("three nodes")

    def one_node_is_killed(self):
        self.send(SECONDS / 3)
        self.point("MYSQL_URL")
        self.lab.servers("kill", "mariadb2")
        self.alive.remove("MYSQL_URL2")
        self.send(SECONDS * 2 / 3)
        self.settle("a node was killed")

    def it_comes_back(self):
        self.lab.servers("start", "mariadb2")
        self.alive.append("MYSQL_URL2")
        self.point("MYSQL_URL2")
        self.door.cut()
        self.send(SECONDS / 3)
        self.settle("it came back")

    def all_end(self):
        for queue in self.queues.values():
            queue.stdin.close()
            self.equal(queue.wait(60), 0, "a writer")
        for name, program in self.programs.items():
            self.equal(self.lab.end(program), 0,
                       (name, self.lab.text(name)))


run_checks(Test)
