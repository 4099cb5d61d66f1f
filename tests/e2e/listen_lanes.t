#!/usr/bin/env -S python3 -B
"""Webhooks that take a profile too long delay neither those of another tenant
nor /health, and end by themselves; the same applies to those of many small
objects, which the tenant's own thread reads.
"""

import glob
import itertools
import os
import threading

from harness import Checks, Lab, main, until
from listen import Listener

SECRET = "nobody-knows-this-one"
SPINNERS = 4
MANY = 100000  # objects: 0.9 MB, which used to block everything for 1.7 s
MIB = 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")

# Qiscus's profile, with a payload that it never finishes.
PROFILE = """
def as_qiscus: hook_read;
def hook_read: if .payload.spin then last(range(1e12)) else as_qiscus end;
"""


def ms_of(stat):
    """CPU time of a process or thread from its file in /proc."""
    with open(stat) as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13])) \
            * 1000 / TICKS


def cpu_ms(pid):
    return ms_of(f"/proc/{pid}/stat")


def check_quick(checks, listener, beside):
    """Webhooks of another tenant and /health are answered."""
    for i in range(3):
        got = listener.ask(
            "POST", f"/hooks/quick/qiscus/{SECRET}",
            {"email": "e", "room_id": str(i)})
        checks.that(got[0] == 200, f"another tenant's beside {beside}: {got}")
        got = listener.ask("GET", "/health")
        checks.that(got[0] == 200, f"health beside {beside}: {got}")


class Spinner(threading.Thread):
    def __init__(self, listener, answers):
        super().__init__(daemon=True)
        self.listener, self.answers = listener, answers
        self.start()

    def run(self):
        self.answers.append(self.listener.ask(
            "POST", f"/hooks/slow/slow/{SECRET}", {"spin": True})[0])


def check_others(checks, listener, tries):
    before = cpu_ms(listener.process.pid)
    answers = []
    spinners = [Spinner(listener, answers) for _ in range(SPINNERS)]
    until(60, lambda: cpu_ms(listener.process.pid) > before + 50,
          "a webhook that spins")
    check_quick(checks, listener, "those that spin")
    checks.that(not answers, f"they waited for {len(answers)} of another")
    for s in spinners:
        s.join()
    checks.that(answers == [200] * SPINNERS, f"those that spin: {answers}")
    took = cpu_ms(listener.process.pid) - before
    checks.that(took < 2000 * SPINNERS, f"they took {took} ms of a processor")
    n = b"".join(listener.lines()).count(b"it takes longer than 1 s")
    checks.that(n == SPINNERS * tries, f"{n} are told to take too long")


def objects(n):
    """A webhook with that many small objects of 9 bytes each."""
    return b'{"email":"e","room_id":"1","extras":[%s]}' % b",".join(
        [b'{"a":10}'] * n)


def cpu_by_thread(pid):
    """{thread: ms}"""
    return {path: ms_of(path)
            for path in glob.glob(f"/proc/{pid}/task/*/stat")}


class Poster(threading.Thread):
    """Sends a webhook again and again."""

    def __init__(self, listener, payload, enough):
        super().__init__(daemon=True)
        self.listener, self.payload, self.enough = listener, payload, enough
        self.answers = []
        self.start()

    def run(self):
        while not self.answers or not self.enough.is_set():
            self.answers.append(self.listener.ask(
                "POST", f"/hooks/slow/qiscus/{SECRET}", self.payload)[0])


def check_objects(checks, listener, payload, connections):
    """More such webhooks at a time than serving threads: others are answered
    meanwhile, and the tenant's own thread does the work."""
    pid = listener.process.pid
    before, enough = cpu_by_thread(pid), threading.Event()

    def used():
        return sorted((ms - before.get(thread, 0) for thread, ms
                       in cpu_by_thread(pid).items()), reverse=True)

    posters = [Poster(listener, payload, enough) for _ in range(connections)]
    until(300, lambda: sum(used()) > 1000 and all(p.answers for p in posters),
          "their answers")
    check_quick(checks, listener, f"{len(payload)} bytes")
    ms = used()
    enough.set()
    for p in posters:
        p.join()
    answers = [a for p in posters for a in p.answers]
    checks.that(set(answers) == {200}, f"of {len(payload)} bytes: {answers}")
    checks.that(ms[0] > 4 * sum(ms[1:]),
                f"{len(payload)} bytes: so many ms of each thread: {ms}")
    checks.that(ms[0] < 2000 * len(answers),
                f"{len(answers)} took {ms[0]} ms of a processor")


def check_many_objects(checks, lab, tenants):
    conf = lab.conf("default.conf", tenants)
    listener = Listener(lab, "default", "-c", conf, to="/dev/null")
    got = listener.post("/hooks/slow/qiscus/" + SECRET, b"1" * (2 * MIB))
    checks.that(got[0] == 413 and "longer than [listen] max_body" in listener.said(),
                f"longer than max_body: {got}, {listener.said()}")
    check_objects(checks, listener, objects(MANY), 4)
    end(checks, listener)


def end(checks, listener):
    code = listener.stop()
    checks.that(code == 0, f"exit {code}")


def body():
    checks = Checks()
    with Lab("listen_lanes") as lab:
        with open("poller/profiles/qiscus.jq") as f:
            profile = lab.write("slow.jq", f.read() + PROFILE)
        hook = {"hook": "secret", "hook_secret": SECRET}
        conf = lab.conf("messaging.conf", {
            "crm slow": {"profile": profile, **hook},
            "crm quick": {"profile": "qiscus", **hook}})
        listener = Listener(lab, "one", "-c", conf)
        tries = itertools.count(1)
        checks.repeat(lambda: check_others(checks, listener, next(tries)))
        end(checks, listener)
        check_many_objects(checks, lab, {
            "crm slow": {"profile": "qiscus", **hook},
            "crm quick": {"profile": "qiscus", **hook}})
    return checks.result()


main(body)
