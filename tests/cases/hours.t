#!/bin/sh
# Work time and deadlines in random opening hours of ten time zones, compared
# with a computation by Python's zoneinfo. SEED=n repeats one run.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
exec python3 -B tests/oracle/opening_hours.py
