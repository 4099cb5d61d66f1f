#!/bin/bash
# A snapshot cut at any byte: not 0, one line that says so, nothing on stdout.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/aggregator_cut.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MESSAGING_CONFIG
whole=tests/records/cut.ndjson
size=$(wc -c <"$whole")

"$BIN/aggregator" <"$whole" >"$tmp/out"
[ -s "$tmp/out" ]
for ((n = 0; n < size; n++)); do
	rc=0
	head -c "$n" "$whole" |
		"$BIN/aggregator" -o ndjson >"$tmp/out" 2>"$tmp/err" || rc=$?
	want=65
	[ "$n" -gt 0 ] || want=66
	if [ "$rc" != "$want" ] || [ -s "$tmp/out" ] ||
		[ "$(wc -l <"$tmp/err")" != 1 ]; then
		echo "cut after $n of $size bytes: exit $rc, not $want"
		cat "$tmp/out" "$tmp/err"
		exit 1
	fi
done
echo "$size cuts"
