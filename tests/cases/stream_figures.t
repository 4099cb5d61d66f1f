#!/bin/sh
# Conversations, users, activity, alerts, trends, channels, intervals,
# histograms and events of random streams, against figures computed from all of it
# at once. LONG=1: many streams.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/oracle/stream_figures.py
