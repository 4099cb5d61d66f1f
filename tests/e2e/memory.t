#!/usr/bin/env -S python3 -B
"""The poller's peak memory does not grow from poll to poll. Ten polls of one
active account: chats change, close and arrive, one in twenty every minute. The
state's file is mapped, so a state that grew without end would be visible here,
too.
"""

from harness import TOKEN, Checks, Lab, Skip, main, sanitized, say

POLLS = 10
DIALOGS = 2000
# Pages of the allocator and of the map vary.
TOLERANCE = 1.10


def body():
    if sanitized():
        raise Skip("memory under a sanitizer is not the program's own")
    checks = Checks()
    with Lab("memory") as lab:
        sim = lab.sim("--dialogs", DIALOGS, "--operators", 10, "--messages",
                      10, "--pace", 1200)
        conf = lab.conf("messaging.conf", {
            "crm acme": {"url": sim.url, "token": TOKEN, "concurrency": 16},
            "poller": {"state": lab.path("state")},
        })

        def polls():
            peaks = []
            for n in range(POLLS):
                done = lab.run(["poller", "-c", conf])
                checks.that(done.code == 0, f"poll {n + 1}: {done}")
                peaks.append(done.peak_kib)
                sim.advance(60)
            say(f"peaks of {POLLS} polls: {peaks} KiB")
            # The first poll holds all messages in memory and does not count.
            early, late = max(peaks[1:4]), max(peaks[-3:])
            checks.that(late <= early * TOLERANCE,
                        f"{early} KiB grew to {late} KiB")

        # A peak also depends on how many answers arrive at once.
        checks.repeat(polls)
        return checks.result()


main(body)
