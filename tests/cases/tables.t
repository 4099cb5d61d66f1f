#!/bin/sh
# tables: the page of the tables and the migrations agree with
# common/tables/tables.def, see tests/lint/tables.py; two tables that must be
# alike, see tests/lint/audits.py.
set -eu

command -v python3 >/dev/null || {
	echo "python3 is missing"
	exit 77
}
# The tool says what it does not know.
if "$TESTBIN/tools/declared" sql tenants 2>/dev/null; then
	echo "there is a migration for a table that rows do not go to"
	exit 1
fi
tests/lint/audits.py
exec tests/lint/tables.py
