#!/usr/bin/env -S python3 -B
"""The operators in messages from applications, if poller and listener have
separate folders, as with the shipped units: the ids are read from the folder
of [poller] state, regardless of --state; the listener creates nothing there,
and polls continue meanwhile. A tenant that was never polled is reported once,
with advice.
"""

import json
import os

from harness import TOKEN, Checks, Lab, main
from listen import Listener

LISTEN = {"tenant": "acme"}


def sent_by(listener, sender):
    """The record of a message from that sender."""
    before = len(listener.lines())
    listener.post("/api/v1/messages/send",
                  {"sender_id": sender, "conversation_id": "c"})
    [line] = listener.lines()[before:]
    return json.loads(line)


def check_listed(checks, lab, conf):
    polled = lab.must(["poller", "-c", conf])
    ids = [r["operator"] for r in polled.records() if r["type"] == "operator"]
    checks.that(ids, f"no operators are polled: {polled}")
    before = sorted(os.listdir(lab.path("polled")))
    own = Listener(lab, "own", "-c", conf, "--state", lab.path("own"))
    for sender, who in ((ids[0], "operator"), (ids[-1], "operator"),
                        ("nobody", "customer")):
        record = sent_by(own, sender)
        checks.that(record["from"] == who
                    and record.get("operator") ==
                    (sender if who == "operator" else None),
                    f"{sender} is no {who}: {record}")
    lab.must(["poller", "-c", conf])
    checks.that(own.stop() == 0, "the listener did not end well")
    checks.that(sorted(os.listdir(lab.path("polled"))) == before,
                f"the poller's folder: {os.listdir(lab.path('polled'))}")
    checks.that("acme.mdb" not in os.listdir(lab.path("own")),
                "the listener made a state of its own for acme")
    checks.that("tenant acme: operators are unknown" not in own.said(),
                f"the log: {own.said()}")


def check_never_polled(checks, lab):
    conf = lab.conf("never.conf", {
        "crm acme": {}, "listen": LISTEN,
        "poller": {"state": lab.path("never")}})
    alone = Listener(lab, "alone", "-c", conf)
    for _ in range(3):
        record = sent_by(alone, "17")
        checks.that(record["from"] == "customer", f"a record: {record}")
    alone.stop()
    told = [x for x in alone.said().splitlines()
            if "tenant acme: operators are unknown" in x]
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
