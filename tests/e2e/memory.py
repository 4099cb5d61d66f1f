"""memory: the poller's peak memory does not grow from poll to poll.

What it keeps lies in the state folder, which does grow a little; a copy of it
in memory would show here as a peak that climbs. Ten polls of one account,
some chats changing in between.
"""

from harness import TOKEN, Checks, Lab, Skip, main, sanitized, say

POLLS = 10
DIALOGS = 2000
# Pages of an allocator and of LMDB's map come and go.
TOLERANCE = 1.10


def body():
    if sanitized():
        raise Skip("memory under a sanitizer is not the program's own")
    checks = Checks()
    with Lab("memory") as lab:
        sim = lab.sim("--dialogs", DIALOGS, "--operators", 10, "--messages",
                      10, "--pace", 0)
        conf = lab.conf("messaging.conf", {
            "crm acme": {"url": sim.url, "token": TOKEN, "concurrency": 16},
            "poller": {"state": lab.path("state")},
        })
        peaks = []
        for n in range(POLLS):
            done = lab.run(["poller", "-c", conf])
            checks.that(done.code == 0, f"poll {n + 1}: {done}")
            peaks.append(done.peak_kib)
            sim.advance(60)
            sim.control("act", do="touch", percent=5)
        say(f"peaks of {POLLS} polls: {peaks} KiB")
        # The first one has all messages in hand and is no measure.
        early, late = max(peaks[1:4]), max(peaks[-3:])
        checks.that(
            late <= early * TOLERANCE, f"{early} KiB grew to {late} KiB"
        )
        return checks.result()


main(body)
