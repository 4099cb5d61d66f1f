#!/bin/sh
# make live's script; see live.py.
exec python3 -B "$(dirname "$0")/live.py"
