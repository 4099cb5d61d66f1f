#!/bin/sh
# The simulator keeps the contracts of the CRMs.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/crm/test_sim.py
