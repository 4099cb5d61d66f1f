#!/bin/sh
# The originals' requests to read, as their clients send them; see
# api_originals.py.
exec python3 -B "$(dirname "$0")/api_originals.py"
