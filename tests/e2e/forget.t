#!/bin/sh
# A customer's rights: reaper --export has all of them, after --forget there is
# nothing of them anywhere, and the metrics are what they were; killed at any
# time, two at once, with rows that arrive later.
exec python3 -B "$(dirname "$0")/forget.py"
