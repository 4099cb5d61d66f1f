#!/bin/sh
# Random streams through queues into the tables, while aggregator, sink and
# broker are killed, against the oracle that the manual makes: 3 (LONG=1: 40)
# through one queue, 1 (20) in three shards. SEED=n repeats one, ROUNDS=n says
# how many, SHARDS=n of them in shards.
exec python3 -B "$(dirname "$0")/stream_oracle.py"
