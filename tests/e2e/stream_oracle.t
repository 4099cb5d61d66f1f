#!/usr/bin/env -S python3 -B
"""Random streams through queues into the tables, while aggregator, sink and
broker are killed, against the oracle that the manual makes: 1 (LONG=1: 40)
through one queue, 1 (20) in three shards. SEED=n repeats one, ROUNDS=n says
how many, SHARDS=n of them in shards."""

import harness
import stream_oracle

harness.main(stream_oracle.body)
