#!/bin/sh
# The oracle and the aggregator agree with the timelines and the vectors of the
# definition.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
export PYTHONDONTWRITEBYTECODE=1
python3 tests/oracle/test_timelines.py
exec python3 tests/oracle/test_vectors.py
