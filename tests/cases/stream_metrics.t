#!/bin/sh
# Every metric of random streams, compared with the oracle written from the
# manual. LONG=1: 400 streams.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/oracle/stream_metrics.py
