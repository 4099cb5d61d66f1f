#!/bin/sh
# Allocation in random worlds: chats come, are held, closed and repeated out of
# order, operators come and go, limits and tags change, reservations are kept,
# refused and forgotten, the program starts anew. It reservations what an oracle
# does that looks at everybody each time. SEED=n repeats a world.
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
