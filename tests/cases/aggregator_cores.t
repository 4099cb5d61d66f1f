#!/bin/sh
# A file is read on every core as on one: the same rows to the byte, the same
# errors with the same line numbers, the same exit code.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
[ "$(nproc)" -gt 1 ] || {
	echo "skipped: one core"
	exit 77
}
unset MESSAGING_CONFIG
exec python3 -B tests/cases/aggregator_cores.py
