#!/bin/sh
# The metrics of a one-shot run over a generated stream equal the generator's
# counts.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/loadgen/load_metrics.py
