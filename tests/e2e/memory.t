#!/bin/sh
# The poller's peak memory does not grow from poll to poll.
exec python3 -B "$(dirname "$0")/memory.py"
