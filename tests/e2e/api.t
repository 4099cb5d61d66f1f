#!/bin/sh
# The API over HTTP and by hand: every resource, role and tenant; see api.py.
exec python3 -B "$(dirname "$0")/api.py"
