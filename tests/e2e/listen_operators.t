#!/usr/bin/env -S python3 -B
"""The operators in messages from applications, if poller and listener have
separate folders, as with the shipped units: the ids are read from the folder
of [poller] state, regardless of --state; the listener creates nothing there,
and polls continue meanwhile. A tenant that was never polled is reported once,
with advice.
"""

import json
import os
import urllib.request

from harness import TOKEN, Checks, Lab, main, until

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LISTEN = {"tenant": "acme"}


def listen(lab, name, conf):
    """(process, port)."""
    port_file = lab.path(name + ".port")
    process = lab.start(
        ["poller", "--listen", "127.0.0.1:0", "-c", conf,
         "-t", lab.path(name + ".out"), "--state", lab.path(name),
         "--port-file", port_file], lab.path(name + ".log"))

    def ready():
        if process.poll() is not None:
            raise AssertionError(open(lab.path(name + ".log")).read())
        return os.path.exists(port_file) and open(port_file).read()

    return process, int(until(60, ready, "the listener's port"))


def sent_by(lab, name, port, sender):
    """The record of a message from that sender, which reaches the file soon
    after the answer."""
    def lines():
        path = lab.path(name + ".out")
        if not os.path.exists(path):
            return []
        with open(path) as f:
            return [x for x in f if x.endswith("\n")]

    before = len(lines())
    body = json.dumps({"sender_id": sender, "conversation_id": "c"})
    with DIRECT.open(urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/messages/send", body.encode(),
            {"Content-Type": "application/json"}), timeout=60):
        pass
    until(60, lambda: len(lines()) > before, "the record in the file")
    return json.loads(lines()[-1])


def check_listed(checks, lab, conf):
    polled = lab.must(["poller", "-c", conf])
    ids = [r["operator"] for r in polled.records() if r["type"] == "operator"]
    checks.that(ids, f"no operators are polled: {polled}")
    before = sorted(os.listdir(lab.path("polled")))
    process, port = listen(lab, "own", conf)
    for sender, who in ((ids[0], "operator"), (ids[-1], "operator"),
                        ("nobody", "customer")):
        record = sent_by(lab, "own", port, sender)
        checks.that(record["from"] == who
                    and record.get("operator") ==
                    (sender if who == "operator" else None),
                    f"{sender} is no {who}: {record}")
    lab.must(["poller", "-c", conf])
    process.terminate()
    checks.that(process.wait(120) == 0, "the listener did not end well")
    checks.that(sorted(os.listdir(lab.path("polled"))) == before,
                f"the poller's folder: {os.listdir(lab.path('polled'))}")
    checks.that("acme.mdb" not in os.listdir(lab.path("own")),
                "the listener made a state of its own for acme")
    with open(lab.path("own.log")) as f:
        log = f.read()
    checks.that("tenant acme: operators are unknown" not in log, f"the log: {log}")


def check_never_polled(checks, lab):
    conf = lab.conf("never.conf", {
        "crm acme": {}, "listen": LISTEN,
        "poller": {"state": lab.path("never")}})
    process, port = listen(lab, "alone", conf)
    for _ in range(3):
        record = sent_by(lab, "alone", port, "17")
        checks.that(record["from"] == "customer", f"a record: {record}")
    process.terminate()
    process.wait(120)
    with open(lab.path("alone.log")) as f:
        told = [x for x in f if "tenant acme: operators are unknown" in x]
    checks.that(len(told) == 1 and lab.path("never/acme.mdb") in told[0]
                and "[poller] state" in told[0], f"the log: {told}")
    checks.that(not os.path.exists(lab.path("never")),
                "the listener made the poller's folder")


def body():
    checks = Checks()
    with Lab("listen_operators") as lab:
        sim = lab.sim("--operators", 4, "--dialogs", 6)
        conf = lab.conf("messaging.conf", {
            "crm acme": {"url": sim.url, "token": TOKEN},
            "listen": LISTEN,
            "poller": {"state": lab.path("polled")}})
        check_listed(checks, lab, conf)
        check_never_polled(checks, lab)
    return checks.result()


main(body)
