#!/bin/sh
# scripts/setup, from a token to a board: answered by options and in a terminal,
# run twice, and undone; see setup.py.
exec python3 -B "$(dirname "$0")/setup.py"
