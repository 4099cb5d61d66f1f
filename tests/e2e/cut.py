"""cut.py FILE: cuts a snapshot at every byte (a large one at random bytes)
and lets the aggregator read what is left. Each time it must end non-zero, say
so in one line, and print nothing on stdout. The whole file must pass.

CUTS=N in the environment: so many cuts instead of every byte.
"""

import os
import random
import subprocess
import sys
import threading

from harness import BIN, Checks, main, say, sanitized, seed

WORKERS = 2


def cuts_of(size):
    """Where to cut; around the ends always."""
    wanted = int(os.environ.get("CUTS", 0))
    if not wanted and not sanitized():
        return list(range(size))
    dice = random.Random(seed())
    some = dice.sample(range(size), min(size, wanted or 200))
    return sorted({*some, 0, 1, size - 2, size - 1})


def aggregate(text):
    done = subprocess.run(
        [os.path.join(BIN, "aggregator")], input=text, capture_output=True
    )
    return done.returncode, done.stdout, done.stderr


def body():
    with open(sys.argv[1], "rb") as f:
        whole = f.read()
    checks = Checks()
    cuts = cuts_of(len(whole))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not cuts:
                    return
                at = cuts.pop()
            code, out, err = aggregate(whole[:at])
            with lock:
                checks.that(
                    code > 0 and out == b"" and err.count(b"\n") == 1
                    and err.startswith(b"aggregator: "),
                    f"cut at byte {at}: exit {code}, stdout {out[:200]!r}, "
                    f"stderr {err[:400]!r}",
                )

    code, out, err = aggregate(whole)
    checks.that(
        code == 0 and out and not err, f"whole: exit {code}, stderr {err!r}"
    )
    say(f"{len(cuts)} cuts of {len(whole)} bytes")
    # What a thread raises is only printed: all cuts were judged, and the whole.
    wanted = len(cuts) + 1
    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    checks.that(checks.done == wanted, f"{checks.done} of {wanted} judged")
    return checks.result()


main(body)
