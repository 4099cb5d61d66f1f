#!/bin/sh
# The oracle agrees with the vectors of the definition. The aggregator agrees
# with those vectors that are records.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
export PYTHONDONTWRITEBYTECODE=1
python3 tests/oracle/test_metrics.py
exec python3 tests/oracle/test_vectors.py
