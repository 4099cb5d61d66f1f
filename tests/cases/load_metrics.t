#!/bin/sh
# The metrics of a stream in a one-shot run are what the generator counted.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/loadgen/load_metrics.py
