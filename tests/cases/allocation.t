#!/bin/sh
# Allocation in random worlds: chats arrive, are assigned and closed, operators
# come and go, limits and tags change, reservations are fulfilled, refused and
# expire, the program restarts. It reserves the same chats as an oracle that
# examines all operators each time. SEED=n repeats a world.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
export PYTHONDONTWRITEBYTECODE=1
if [ -n "${SEED:-}" ]; then
	exec python3 tests/oracle/allocation.py "$SEED" 1
fi
exec python3 tests/oracle/allocation.py 1 300
