#!/bin/sh
# What somebody found out about a message is no message.
exec python3 -B "$(dirname "$0")/listen_about.py"
