#!/bin/sh
# The routes for messages and events over HTTP: the requests of the original
# services' documents as they stand there, retries across kill -9, two
# listeners at once, tokens; see listen_routes.py.
set -eu

for tool in python3 curl; do
	command -v $tool >/dev/null || {
		echo "$tool is missing"
		exit 77
	}
done
exec python3 tests/e2e/listen_routes.py
