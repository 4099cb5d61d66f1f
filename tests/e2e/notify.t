#!/bin/sh
# What the daemons tell systemd: that they are ready when they are, that they
# go on while they do, also while a server is away, and that they end; see
# notify.py.
exec python3 -B "$(dirname "$0")/notify.py"
