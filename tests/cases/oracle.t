#!/bin/sh
# The oracle agrees with the vectors of the definition.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/oracle/test_metrics.py
