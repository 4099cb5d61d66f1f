#!/bin/sh
# Whatever is damaged of a state's files, it is refused in one line, or changes
# nothing. 200 random damages (LONG=1: 10,000); SEED=N repeats them, ONLY=WORD
# is of one kind of state alone.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/e2e/damage.py
