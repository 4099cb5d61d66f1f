#!/bin/sh
# The simulator keeps the contract of Chatwoot.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
exec python3 -B tests/crm/test_chatwoot.py
