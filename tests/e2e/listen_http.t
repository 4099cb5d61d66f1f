#!/bin/sh
# What the listener says to requests as they should not be.
exec python3 -B "$(dirname "$0")/listen_http.py"
