#!/bin/sh
# Who is an operator when poller and listener have folders of their own; see
# listen_operators.py.
set -eu

command -v python3 >/dev/null || {
	echo "python3 is missing"
	exit 77
}
exec python3 tests/e2e/listen_operators.py
