#!/bin/sh
# The simulator keeps the contract of Qiscus, and sends its webhooks.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 tests/crm/test_qiscus.py
