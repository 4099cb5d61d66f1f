#!/bin/sh
# Which chats are open, says allocation as chat_metrics does, in random worlds of
# records. SEED=n repeats a world.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
export PYTHONDONTWRITEBYTECODE=1
if [ -n "${SEED:-}" ]; then
	exec python3 tests/cases/allocation_open.py "$SEED" 1
fi
exec python3 tests/cases/allocation_open.py 1 600
