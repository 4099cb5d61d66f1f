#!/bin/sh
# The board without a browser: its files and their headers, the stream of
# events, who may hear it, and how it ends; see board_stream.py.
exec python3 -B "$(dirname "$0")/board_stream.py"
