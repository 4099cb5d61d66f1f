#!/bin/sh
# The starts of quarter-hours, hours, days, weeks and months in every time zone
# of this machine, compared with Python's zoneinfo. SEED=n repeats one run.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
exec python3 -B tests/oracle/time_zones.py
