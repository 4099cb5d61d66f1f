#!/usr/bin/env -S python3 -B
"""Random streams through queues, with kills, lead to the tables that the
oracle of the manual computes. Each round has its own nasty stream: published
in messages of some lines, with and without a message_id, while aggregator,
sink, broker and database are killed with -9 and restarted. Finally, every
table equals the oracle's: metrics, messages, views, events, findings, dead
letters. A publisher that sets no message_id and loses its broker publishes
unconfirmed messages again, so that records count once by their own contents:
not the lines of a snapshot, nor events that arrive a window later. Most tenants
have random hours and targets. In half of the rounds, these change while
programs are killed; sink --recompute --since judges the past again. In the
others, the tables of a pipe over a file of the same records equal those of the
oracle for such a file. One round (LONG=1: 40). SEED=n repeats one, ROUNDS=n
sets their number.
"""

import os

from harness import LONG, Checks, Lab, main, seed
from stream_rounds import Round, tell

ROUNDS = int(os.environ.get("ROUNDS", 40 if LONG else 1))


def body():
    first = seed() % 10 ** 8
    checks = Checks()
    with Lab("stream_oracle") as lab:
        lab.start_servers(private=True)
        conf = lab.conf("conf", {"sink": {}})
        lab.must(["sink", "-c", conf, "--migrate"])
        # amqp_publish creates no queues.
        lab.must(["aggregator", "--declare"], stdin=b"queue records\n")
        for i in range(ROUNDS):
            r = Round(lab, first + i)
            wrong = r.run()
            if not checks.that(not wrong, "SEED=%d" % r.number):
                tell(r, wrong)
                if not LONG:
                    break
    return checks.result()


main(body)
