#!/bin/sh
# Random snapshots: the aggregator's rows equal the oracle's.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/oracle/random_records.py
