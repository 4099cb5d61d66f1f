#!/bin/sh
# Random streams whose number of aggregators changes in the middle, against the
# oracle that the manual makes. SEED=n repeats one, ROUNDS=n says how many.
exec python3 -B "$(dirname "$0")/generations.py"
