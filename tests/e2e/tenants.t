#!/usr/bin/env -S python3 -B
"""Five tenants whose addresses do not answer, or have no host, and
one that works: its snapshot comes as early as alone, and alone on the output.
"""

import json
import signal
import socket
import time

from harness import TOKEN, Checks, Lab, main, say


def snapshot(lab, path):
    """Seconds until the end marker of tenant good, and the records up to it."""
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


def body():
    checks = Checks()
    with Lab("tenants") as lab, socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50) # and accepts none
        sim = lab.sim("--dialogs", 20, "--operators", 3, "--pace", 0)
        good = {"crm good": {"url": sim.url, "token": TOKEN}}
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        bad = {f"crm bad{i}": {"url": url, "token": TOKEN} for i in range(4)}
        bad["crm nowhere"] = {"url": "https://crm.invalid/v1", "token": "t"}
        poller = {"poller": {"state": lab.path("alone")}}
        alone, _ = snapshot(lab, lab.conf("alone.conf", {**good, **poller}))
        poller = {"poller": {"state": lab.path("state")}}
        took, records = snapshot(
            lab, lab.conf("all.conf", {**bad, **good, **poller}))
        say(f"alone {alone:.2f} s, beside five others {took:.2f} s")
        # On a busy machine the start of each tenant costs as much as alone.
        checks.that(took <= 6 * alone + 1, f"{took:.2f} s, alone {alone:.2f} s")
        checks.that({r["tenant"] for r in records} == {"good"},
                    "lines of others between them")
        checks.that(records[-1]["records"] == len(records) - 2,
                    "the snapshot is not whole")
        return checks.result()


main(body)
