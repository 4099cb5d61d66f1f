#!/bin/sh
# docs: the pages and the README say what the programs do: options, keys,
# fields, columns, exit codes, messages; both ways. See tests/lint/docs.py. What
# comments name is there, see tests/lint/comments.py.
set -eu

for tool in python3 mandoc jq; do
	command -v $tool >/dev/null || {
		echo "$tool is missing"
		exit 77
	}
done
tests/lint/comments.py
exec tests/lint/docs.py
