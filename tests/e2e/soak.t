#!/bin/sh
# A stream while everything is killed: nothing is lost, nothing counted twice.
# Half a minute (LONG=1: ten, at 5,000 messages a second); SEED=N repeats one.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/e2e/soak.py
