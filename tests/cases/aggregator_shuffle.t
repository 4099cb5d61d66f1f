#!/bin/bash
# The order in which records come does not matter, nor does a record that
# comes twice: the rows are the same to the byte, in both definitions, from a
# snapshot and from a stream.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/aggregator_shuffle.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MESSAGING_CONFIG
whole=tests/records/small.ndjson
seed=${SEED:-$(date +%s)}
echo "SEED=$seed"

sed '1d;$d' "$whole" >"$tmp/body"
sed 's/"snapshot":"[^"]*",//' "$tmp/body" >"$tmp/stream"
n=$(wc -l <"$tmp/body")

# shuffled SEED FILE: its lines, twice each, in an order that the seed decides.
shuffled() {
	awk -v seed="$1" 'BEGIN {
		srand(seed)
		for (i = 0; i < 20000; i++)
			printf "%c", 1 + int(rand() * 126)
	}' >"$tmp/dice"
	cat "$2" "$2" | shuf --random-source="$tmp/dice"
}

# snapshot FILE RECORDS: the file between markers.
snapshot() {
	head -n 1 "$whole"
	cat "$1"
	tail -n 1 "$whole" | sed "s/\"records\":[0-9]*/\"records\":$2/"
}

rows() {
	"$BIN/aggregator" --definition "$definition" -o ndjson
}

for definition in ours chatwoot; do
	snapshot "$tmp/body" "$n" | rows >"$tmp/want"
	rows <"$tmp/stream" >"$tmp/want.stream"
	for round in $(seq 25); do
		shuffled "$((seed + round))" "$tmp/body" >"$tmp/shuffled"
		snapshot "$tmp/shuffled" "$((2 * n))" | rows >"$tmp/got"
		shuffled "$((seed + round))" "$tmp/stream" | rows \
			>"$tmp/got.stream"
		if ! diff "$tmp/want" "$tmp/got" ||
			! diff "$tmp/want.stream" "$tmp/got.stream"; then
			echo "in round $round of $definition"
			exit 1
		fi
	done
done
