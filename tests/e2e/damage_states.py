"""damage_states: the poller's states on disk, for damage.t: how a state is
created, and the results when the program goes on with it.

Each state has copies, a list of {file: bytes}, the earliest first, and
judge(folder): the program goes on with the state in that folder. The result is
compared with that of the undamaged state.
"""

import datetime
import http.client
import json
import os
import re
import signal

from harness import TOKEN, until

# Advice: what to do.
WAY_OUT = re.compile(
    r"; .*\b(remove|move|put|replay|choose|give|make|have|raise)\b")
REFUSALS = (65, 73, 74, 78)


def read_files(folder):
    files = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            with open(path, "rb") as f:
                files[os.path.relpath(path, folder)] = f.read()
    return files


def seconds(text):
    return datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp()


def is_told(lines):
    return len(lines) == 1 and WAY_OUT.search(lines[0])


class State:
    def __init__(self, lab):
        self.lab, self.copies, self.want = lab, [], None
        self.folder = lab.path("made." + self.name)

    def copy(self):
        self.copies.append(read_files(self.folder))

    def compare(self, done, got):
        """For a program that ended; got() returns the results."""
        if done.code in REFUSALS and is_told(done.lines()):
            return "refused", done.lines()[0]
        if done.code != 0:
            return "WRONG", repr(done)
        got = got()
        if self.want is None:
            self.want = got
        if got == self.want:
            return "the same", ""
        different = [x for x in got if x not in self.want] + \
            [x for x in self.want if x not in got]
        return "WRONG", f"{len(different)} differ, {different[:2]}, {done}"


def read_text(path):
    with open(path, encoding="utf-8") as f:
        return f.read().splitlines()


class Poll(State):
    """A poller between polls of a tenant whose chats go on."""
    name = "poller"

    def make(self):
        self.sim = self.lab.sim("--dialogs", 60, "--operators", 5,
                                "--messages", 8, "--pace", 120, "--speed", 0)
        self.conf = self.lab.conf("poller.conf", {
            "crm acme": {"url": self.sim.url, "token": TOKEN,
                         "concurrency": 8, "bot_operators": "10900"}})
        for _ in range(4):
            self.lab.must(self.argv(self.folder))
            self.copy()
            self.sim.advance(90)
        self.now = seconds(self.sim.stats()["now"])
        self.known = [self.operators(self.lab.must(argv).records())
                      for argv in (self.argv(self.folder),
                                   ["poller", "-c", self.conf])]

    def argv(self, folder):
        return ["poller", "-c", self.conf, "--state", folder]

    def judge(self, folder):
        done = self.lab.run(self.argv(folder))
        return self.compare(done, lambda: self.records(done))

    @staticmethod
    def operators(records):
        return sorted(json.dumps({**r, "snapshot": "", "at": "",
                                  "available_at": ""})
                      for r in records if r["type"] == "operator")

    def records(self, done):
        """Without the name of the snapshot and the times of requests. The
        operators are only read now and then: without a state their time is
        newer."""
        records = done.records()
        operators = self.operators(records)
        found = [] if operators in self.known else operators
        for r in records:
            if r["type"] == "operator":
                continue
            r.pop("snapshot")
            at = "end_at" if r["type"] == "coverage" else "at"
            if r["type"] != "message" and self.is_now(r[at], done.wall):
                r[at] = "now"
            found.append(json.dumps(r, sort_keys=True))
        return sorted(found)

    def is_now(self, at, wall):
        """Times come from the CRM's clock, which stands still while ours runs;
        the answers have whole seconds."""
        ahead = seconds(at) - self.now
        return -1 - wall < ahead < 2 + wall


class Spool(State):
    """A listener while the broker is unavailable: each request answered with
    success is published, or reported as missing with its number."""
    name = "listener"
    path = "/api/v1/analytics/events?tenant_id=acme"
    each = 25

    def make(self):
        self.conf = self.lab.conf("listen.conf", {
            "crm acme": {"url": "http://127.0.0.1:1", "token": TOKEN},
            "listen": {"rate": 0}})
        self.answers = {}
        for run in range(4):
            p, port = self.start(self.folder, "queue:records",
                                 env={"AMQP_URL": "amqp://u:p@127.0.0.1:1/v"})
            for n in range(run * self.each, (run + 1) * self.each):
                self.answers[n] = self.send(port, n)
                if self.answers[n][0] != 200:
                    raise AssertionError(f"no success: {self.answers[n]}")
                if n % 10 == 5:
                    self.copy()
            p.kill()
            p.wait()
            self.lab.processes.remove(p)
            self.copy()

    def start(self, folder, to, env=None):
        base = folder + ".run"
        for end in (".port", ".log"):
            if os.path.exists(base + end):
                os.unlink(base + end)
        p = self.lab.start(
            ["poller", "--listen", "127.0.0.1:0", "-c", self.conf, "-t", to,
             "--state", folder, "--port-file", base + ".port"],
            base + ".log", env=env)
        until(60, lambda: p.poll() is not None or
              os.path.exists(base + ".port"), "the listener's port")
        if p.poll() is not None:
            return p, None
        return p, int(read_text(base + ".port")[0])

    def send(self, port, n):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        body = {"event_type": "user_action", "event_data": {"n": n}}
        connection.request("POST", self.path, json.dumps(body), {
            "Content-Type": "application/json", "Idempotency-Key": f"key-{n}"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        return answer.status, said

    @staticmethod
    def is_drained(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/api/v1/analytics/health")
        said = json.loads(connection.getresponse().read())
        connection.close()
        return said["processing_queue_size"] == 0

    def judge(self, folder):
        out = folder + ".out"
        if os.path.exists(out):
            os.unlink(out)
        p, port = self.start(folder, out)
        again = {}
        if port:
            until(60, lambda: p.poll() is not None or self.is_drained(port),
                  "an empty store")
            try:
                again = {n: self.send(port, n)
                         for n in range(0, 4 * self.each, 12)}
            except (OSError, http.client.HTTPException) as e:
                again = {"failed": str(e)}
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        code = p.wait(60)
        self.lab.processes.remove(p)
        said = [line for line in read_text(folder + ".run.log")
                if "listening on" not in line
                and "does not confirm" not in line] # busy machine
        return self.compare_records(code, said, out, again)

    def compare_records(self, code, said, out, again):
        """Each answered record is there once, or repeated unchanged, or
        reported as missing."""
        if not os.path.exists(out):
            told = code in REFUSALS and is_told(said)
            return ("refused" if told else "WRONG"), f"{code}, {said}"
        found, odd = {}, {}
        for line in read_text(out):
            try:
                r = json.loads(line)
                n = r["data"]["event_data"]["n"]
            except (ValueError, KeyError):
                return "WRONG", f"no record of ours: {line}, {said}"
            if found.setdefault(n, r) != r:
                odd[n] = "two records of it"
        if self.want is None:
            self.want = found
        lost = sorted(set(self.answers) - set(found))
        for n, record in found.items():
            if record != self.want[n]:
                odd[n] = "another record"
        ended = code in REFUSALS and is_told(said)
        for n, answer in again.items():
            # Nothing can be stored, and the log says why.
            refused = answer[:1] == (503,) and is_told(said)
            if answer != self.answers.get(n) and not ended and not refused:
                odd.setdefault(n, f"another answer: {answer}")
        if not lost and not odd and (ended or code == 0):
            return ("refused" if is_told(said) else "the same"), ""
        return "WRONG", f"exit {code}, lost {lost}, {odd}, {said}"
