#!/bin/sh
# The listener, its spool and the broker, killed under load.
exec python3 -B "$(dirname "$0")/listen.py"
