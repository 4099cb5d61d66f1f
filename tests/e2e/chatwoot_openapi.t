#!/usr/bin/env -S python3 -B
"""Every request to Chatwoot conforms to its OpenAPI description, checked by
@stoplight/prism-cli between poller and simulator.

CHATWOOT_OPENAPI is the description, swagger/swagger.json of chatwoot/chatwoot;
PRISM is the command, such as node_modules/.bin/prism. Without them the test is
skipped. Answers may differ from the description: the simulator behaves like
Chatwoot's source, see messaging-crms(7).
"""

import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BIN, TOKEN, Checks, Lab, main, say, until  # noqa: E402

HOOK = "https://h.example.com"
DAYS = ("2026-11-01", "2026-11-21")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def between(lab, sim):
    """The port of a Prism proxy that forwards requests and writes a log."""
    port = free_port()
    lab.start([os.environ["PRISM"], "proxy", os.environ["CHATWOOT_OPENAPI"],
               sim.root, "-p", str(port), "-h", "127.0.0.1"],
              lab.path("prism.log"))
    until(120, lambda: answers(port), "Prism")
    return port


def ask_everything(lab, sim, conf):
    """Runs each mode that makes requests."""
    def poller(*options, **kw):
        return lab.must(["poller", "-c", conf, *options], **kw)

    def line(**record):
        return json.dumps({"tenant": TOKEN, **record}).encode() + b"\n"

    poller("--check")
    poller()
    sim.advance(300)
    poller()
    poller("--status", stdin=line(type="chat", chat="9001"))
    for mode in ("--register", "--register", "--unregister"):
        poller(mode, HOOK)
    free = sim.control("act", do="arrive", account=TOKEN)["dialog"]
    poller("--assign", stdin=line(
        type="assignment", id="a", chat=str(free), operator="502",
        expires="2026-12-20T10:00:00Z"))
    poller("--backfill", "30d")
    lab.must(["scripts/reconcile", "-b", BIN, "-c", conf, "-o", "csv", *DAYS])


def body():
    checks = Checks()
    if not {"CHATWOOT_OPENAPI", "PRISM"} <= set(os.environ):
        say("skipped: set CHATWOOT_OPENAPI and PRISM")
        return 77
    with Lab("chatwoot_openapi") as lab:
        sim = lab.sim("--crm", "chatwoot", "--dialogs", 40, "--pace", 60)
        conf = lab.conf("conf", {
            "crm " + TOKEN: {
                "profile": "chatwoot", "account": 1, "token": TOKEN,
                "url": f"http://127.0.0.1:{between(lab, sim)}",
                "history": "all", "assign": "yes", "hook": "signature",
                "hook_secret_file": lab.path("key")},
            "poller": {"state": lab.path("state")}})
        ask_everything(lab, sim, conf)
        log = re.sub(r"\x1b\[[0-9;]*m", "", lab.text("prism.log"))
    asked = set(re.findall(r"\[HTTP SERVER\] (\w+) (/\S+)", log))
    checks.that(len(asked) > 40, f"only {len(asked)} requests")
    checks.equal(sorted(set(re.findall(r"Violation: (request\S* .*)", log))
                        | set(re.findall(r"Route not resolved.*", log))), [],
                 "requests")
    return checks.result()


main(body)
