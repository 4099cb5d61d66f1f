#!/bin/sh
# Random worlds: after poll, reap and poll the tables equal the oracle's.
# 12 of them (LONG=1: 260), a quarter of Chatwoot's; SEED=N repeats one.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
exec python3 -B tests/oracle/run_worlds.py
