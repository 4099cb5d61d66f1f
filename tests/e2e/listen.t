#!/usr/bin/env -S python3 -B
"""Records that `poller --listen` answered with success are in the queue, even
if the broker, the listener, or both are killed meanwhile, and in the order of
each client.
"""

import os
import re

from harness import Checks, Lab, main, until
from listen import (
    LONG, Client, Listener, Load, becomes, check_records, read_queue)


def its_reader_ends(checks, lab):
    """If the reader of the output pipe ends, the listener fails, and the
    records stay in the store."""
    pipe = lab.path("pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    listener = Listener(lab, "pipe.listener", to=pipe)
    os.close(reader)
    client = Client(0, listener)
    client.start()
    code = listener.process.wait(LONG)
    client.ended.set()
    client.join()
    checks.that(code == 74 and "the program that reads the records"
                in listener.said(), f"{code}: {listener.said()}")


def body():
    checks = Checks()
    with Lab("listen") as lab:
        its_reader_ends(checks, lab)
        lab.start_servers("rabbitmq", private=True)
        kept = Listener(lab, "kept", to="queue:records")
        idle = Listener(lab, "idle", to="queue:records")
        becomes(idle, "healthy", True, True, False)
        again = lab.run(kept.argv)
        checks.that(again.code == 75 and "--state" in again.err,
                    f"a second listener with one store: {again}")
        homeless = lab.run(
            ["poller", "--listen", "127.0.0.1:0", "-t", "queue:records"],
            env={"XDG_STATE_HOME": "/dev/null"})
        checks.that(homeless.code == 78 and "--state" in homeless.err,
                    f"a listener without a folder: {homeless}")
        wrong = lab.run(
            ["poller", "--listen", "127.0.0.1:0", "--state",
             lab.path("wrong"), "-t", "queue:records"],
            env={"AMQP_URL": re.sub("//messaging:[^@]*", "//messaging:wrong",
                                    lab.env["AMQP_URL"])})
        checks.that(wrong.code == 77, f"a wrong password: {wrong}")
        load = Load(kept, 0)
        load.more(20, "requests while all is well")
        lab.servers("kill", "rabbitmq")
        load.more(20, "success while the broker is away")
        becomes(kept, "healthy", False, True, True)
        becomes(idle, "healthy", False, True, False)
        kept.kill()
        kept.start()
        load.more(20, "success after it was killed")
        becomes(kept, "healthy", False, True, True)
        lab.servers("start", "rabbitmq")
        load.more(20, "success when the broker is back")
        until(LONG, lambda: kept.health()["database_connected"],
              "health to say that the broker is back")
        becomes(idle, "healthy", True, True, False)
        for listener in (kept, idle):
            checks.that(listener.stop() == 0, "it did not end in order: " +
                        listener.said())
        load.stop()
        said = kept.said().splitlines()[-1]
        checks.that("listened " in said and "published=0" not in said,
                    f"no summary: {said}")
        # A listener that is stopped while its broker is slow leaves the rest to
        # the next one.
        kept.start()
        until(LONG, kept.is_drained, "its rest")
        checks.that(kept.stop() == 0, "the last did not end in order: " +
                    kept.said())
        check_records(checks, read_queue(lab), [load])
    return checks.result()


main(body)
