#!/bin/sh
# The poller against a simulated Qiscus: metrics of random worlds equal the
# oracle's. 3 of them (LONG=1: 60); SEED=N repeats from one on.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
exec python3 -B tests/e2e/qiscus_worlds.py
