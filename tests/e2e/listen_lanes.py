"""listen_lanes: webhooks that a profile does not get done with hold up neither
those of another tenant nor /health, and end by themselves.
"""

import glob
import os
import threading

from harness import Checks, Lab, main, until
from listen_routes import Listener

SECRET = "nobody-knows-this-one"
SPINNERS = 4
LONGEST = 4096
TICKS = os.sysconf("SC_CLK_TCK")

# Qiscus's, but for a payload that it never gets done with.
PROFILE = """
def as_qiscus: hook_read;
def hook_read: if .payload.spin then last(range(1e12)) else as_qiscus end;
"""


def cpu_ms(pid):
    with open(f"/proc/{pid}/stat") as f:
        return sum(map(int, f.read().rpartition(")")[2].split()[11:13])) \
            * 1000 / TICKS


class Spinner(threading.Thread):
    def __init__(self, listener, answers):
        super().__init__(daemon=True)
        self.listener, self.answers = listener, answers
        self.start()

    def run(self):
        self.answers.append(self.listener.ask_quietly(
            "POST", f"/hooks/slow/slow/{SECRET}", {"spin": True})[0])


def check_others(checks, listener, dead):
    before = cpu_ms(listener.process.pid)
    answers = []
    spinners = [Spinner(listener, answers) for _ in range(SPINNERS)]
    until(60, lambda: cpu_ms(listener.process.pid) > before + 50,
          "a webhook that spins")
    for i in range(3):
        got = listener.ask_quietly(
            "POST", f"/hooks/quick/qiscus/{SECRET}", {"room_id": str(i)})
        checks.that(got[0] == 200, f"another tenant's: {got}")
        got = listener.ask_quietly("GET", "/health")
        checks.that(got[0] == 200, f"health: {got}")
    checks.that(not answers, f"they waited for {len(answers)} of another")
    for s in spinners:
        s.join()
    checks.that(answers == [200] * SPINNERS, f"those that spin: {answers}")
    took = cpu_ms(listener.process.pid) - before
    checks.that(took < 2000 * SPINNERS, f"they took {took} ms of a processor")
    n = 0
    for path in glob.glob(dead + "/*"):
        with open(path) as f:
            n += f.read().count("it takes longer than 1 s")
    checks.that(n == SPINNERS, f"{n} are told to take too long")


def check_too_long(checks, listener):
    body = {"room_id": "1", "extras": "x" * LONGEST}
    for path in ("quick/qiscus/" + SECRET, "quick/qiscus/" + SECRET[::-1],
                 "nobody/qiscus/" + SECRET):
        got = listener.post("/hooks/" + path, body)
        checks.that(got[0] == 413, f"too long, to {path}: {got}")


def body():
    checks = Checks()
    with Lab("listen_lanes") as lab:
        with open("poller/profiles/qiscus.jq") as f:
            profile = lab.write("slow.jq", f.read() + PROFILE)
        hook = {"hook": "secret", "hook_secret": SECRET}
        conf = lab.conf("messaging.conf", {
            "crm slow": {"profile": profile, **hook},
            "crm quick": {"profile": "qiscus", **hook},
            "listen": {"max_hook": LONGEST}})
        # Nobody waits for a disk but dead letters, which have their place.
        state = lab.path("state")
        listener = Listener(lab, "one", "-c", conf, "-t", "/dev/null",
                            "--state", state)
        check_others(checks, listener, state + "/dead")
        check_too_long(checks, listener)
        listener.process.terminate()
        code = listener.process.wait(60)
        checks.that(code == 0, f"exit {code}")
    return checks.result()


main(body)
