#!/usr/bin/env -S python3 -B
"""Five tenants have addresses that do not answer or do not exist, and one
works. Its snapshot is not delayed and is the only output; nor are its rows,
which scripts/job stores.
"""

import json
import os
import signal
import socket
import time

from harness import BIN, TOKEN, Checks, Lab, main, say, until


def snapshot(lab, path):
    """Seconds until the end marker of the tenant good, and the records before
    it."""
    began, records = time.monotonic(), []
    p = lab.start(["poller", "-c", path], stdout=-1)
    for line in p.stdout:
        records.append(json.loads(line))
        if records[-1].get("state") == "end":
            break
    took = time.monotonic() - began
    p.send_signal(signal.SIGTERM)
    p.stdout.close()
    p.wait()
    return took, records


def stored(lab, checks, path, beside):
    """Seconds until a job has stored a newer snapshot of the tenant good."""
    def as_of():
        return lab.sql("SELECT as_of FROM tenants WHERE tenant = 'good'")

    before, began = as_of(), time.monotonic()
    job = lab.start(["scripts/job", "-c", path, "-b", BIN, "-l",
                     lab.path("job.lock")], log=lab.path("job.log"))
    until(60, lambda: as_of() != before, "rows of tenant good")
    took, code = time.monotonic() - began, job.wait()
    checks.that((code != 0) == beside and "bad" not in str(
        lab.sql("SELECT tenant FROM tenant_metrics")), f"the job gave {code}")
    return took


def compare(checks, what, alone, beside, most):
    """On a busy machine, the fastest of several attempts counts. A poller that
    waited for the other tenants would need their timeouts in each attempt."""
    took = [[], []]
    for _ in range(6):
        took[0].append(alone())
        took[1].append(beside())
        if min(took[1]) <= most(min(took[0])):
            break
    least, late = min(took[0]), min(took[1])
    say(f"{what}: alone {least:.2f} s, beside others {late:.2f} s")
    checks.that(late <= most(least), f"{what}: {took}")


def job(lab, checks, sim, silent):
    lab.start_servers()
    keys = {"poller": {"state": lab.path("polls"), "retry_budget": "8s"},
            "aggregator": {"state": lab.path("metrics")},
            "crm good": {"url": sim.url, "token": TOKEN}}
    alone = lab.conf("job.conf", keys)
    beside = lab.conf("jobs.conf", {
        "crm bad": {"url": silent, "token": TOKEN}, **keys})
    lab.must(["sink", "-c", alone, "--migrate"])
    stored(lab, checks, alone, False) # creates queues and states

    def in_time(path):
        sim.advance(60)
        return stored(lab, checks, path, path == beside)

    compare(checks, "stored by a job", lambda: in_time(alone),
            lambda: in_time(beside), lambda t: 2 * t + 1)


def body():
    checks = Checks()
    with Lab("tenants") as lab, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50) # never accepts a connection
        sim = lab.sim("--dialogs", 20, "--operators", 3, "--pace", 0)
        good = {"crm good": {"url": sim.url, "token": TOKEN}}
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        bad = {f"crm bad{i}": {"url": url, "token": TOKEN} for i in range(4)}
        bad["crm nowhere"] = {"url": "https://crm.invalid/v1", "token": "t"}
        alone = lab.conf("alone.conf", {
            **good, "poller": {"state": lab.path("alone")}})
        everyone = lab.conf("all.conf", {
            **bad, **good, "poller": {"state": lab.path("state")}})
        records = []

        def beside():
            took, records[:] = snapshot(lab, everyone)
            return took

        # On a busy machine, starting each tenant costs as much as it does
        # alone.
        compare(checks, "a snapshot", lambda: snapshot(lab, alone)[0], beside,
                lambda t: 6 * t + 1)
        checks.that({r["tenant"] for r in records} == {"good"},
                    "lines of others between them")
        checks.that(records[-1]["records"] == len(records) - 2,
                    "the snapshot is not whole")
        job(lab, checks, sim, url)
        return checks.result()


main(body)
