#!/usr/bin/env -S python3 -B
"""If the listener's disk is full while its broker is unavailable, it answers
503 to requests that it cannot store. It continues when there is space again,
and requests answered with success are in the queue at the end, once for each
key. The disk is full only for the listener: none of its files may grow beyond
the size of the store.
"""

import os
import resource

from harness import Checks, Lab, main, until
from listen import (
    LONG, Listener, Load, becomes, check_records, read_queue)


def limit(listener, size):
    hard = resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(listener.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def refusals(load):
    return sum(c.refused for c in load.clients)


def body():
    checks = Checks()
    with Lab("listen_full") as lab:
        lab.start_servers("rabbitmq")
        door = lab.door("rabbitmq")
        own, lab.env["AMQP_URL"] = lab.env["AMQP_URL"], door.url
        state = lab.path("state")
        listener = Listener(lab, "full", "--state", state, to="queue:records")
        # Its health follows the broker, also without requests.
        for up in True, False, True:
            (door.open if up else door.shut)()
            becomes(listener, "healthy", up, True, False)
        load = Load(listener, 0)
        load.more(10, "requests while all is well")
        checks.that(refusals(load) == 0, "refused while all was well")
        door.shut()
        load.more(10, "requests while the broker is away")
        limit(listener, os.path.getsize(f"{state}/spool/requests.mdb"))
        for _ in range(2):
            # Removed entries free space, so some requests may still be stored.
            before = refusals(load)
            until(LONG, lambda before=before: refusals(load) > before + 50,
                  "refusals of a full disk")
        becomes(listener, "unhealthy", False, False, True)
        checks.that("cannot use spool" in listener.said(),
                    f"it does not say why: {listener.said()[-300:]}")
        limit(listener, resource.RLIM_INFINITY)
        load.more(10, "success when there is room again")
        # Full again, and killed.
        limit(listener, os.path.getsize(f"{state}/spool/requests.mdb"))
        before = refusals(load)
        until(LONG, lambda: refusals(load) > before + 50, "more refusals")
        listener.kill()
        door.open()
        listener.start()
        load.more(10, "success after it was killed")
        load.stop()
        until(LONG, listener.is_drained, "the last records")
        checks.that(listener.stop() == 0, f"at the end: {listener.said()}")
        lab.env["AMQP_URL"] = own
        check_records(checks, read_queue(lab), [load])
    return checks.result()


main(body)
