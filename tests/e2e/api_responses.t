#!/bin/sh
# Response times over any range, zone and period, and the heat map, against what
# Python computes from the intervals, with its own time zones: random messages
# through aggregator and sink, many of them late, in weeks in which clocks
# change. SEED=n repeats one.
exec python3 -B "$(dirname "$0")/api_responses.py"
