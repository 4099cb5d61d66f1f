#!/usr/bin/env bash
# The README's example of a stream, as it is typed: line by line into a shell,
# until the operator table has moved; then ^C, and the lines that stop it all.
# The records it shows are ones, and each gives a row.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A checkout that is built: the scripts are ours, so are the programs.
mkdir "$tmp/checkout" "$tmp/checkout/build"
ln -s "$PWD/scripts" "$PWD/sink" "$tmp/checkout"
ln -s "$(realpath "$BIN")" "$tmp/checkout/build/bin"
ln -s "$(realpath "$TESTBIN")" "$tmp/checkout/build/tests"

section() { # its indented lines
	sed -n '/^## A stream/,/^## [^A]/s/^    //p' README.md
}

section | grep -v '^{' >"$tmp/typed"
section | grep '^{' >"$tmp/records"
[ "$(wc -l <"$tmp/records")" -ge 6 ] || fail "no records in the README"
grep -q -- '--watch' "$tmp/typed" || fail "no example in the README"
# What was built above.
sed -i '/^make /d' "$tmp/typed"

stop_it() {
	[ ! -d "$tmp/checkout/build/try" ] ||
		scripts/servers stop "$tmp/checkout/build/try" || :
	clean_up
}
trap stop_it EXIT

echo "- the stream moves"
(cd "$tmp/checkout" && exec bash "$tmp/typed") >"$tmp/out" 2>&1 </dev/null &
shell=$!

# Without a terminal each operator is a line of JSON.
moves() {
	[ "$(grep '"operator":"501"' "$tmp/out" | sort -u | wc -l)" -ge 3 ]
}
until_true 60 moves || fail "nothing moves: $(cat "$tmp/out")"

echo "- and stops, and leaves nothing"
# What a terminal would send to the one in front.
report=
for each in /proc/[0-9]*/cmdline; do
	pid=${each#/proc/} pid=${pid%/cmdline}
	if tr '\0' ' ' <"$each" 2>/dev/null | grep -q 'scripts/report --watch' &&
		grep -qs "^PPid:	$shell$" "/proc/$pid/status"; then
		report=$pid
	fi
done
[ -n "$report" ] || fail "there is no report to stop"
kill "$report"
wait "$shell" || fail "it ends with $?: $(cat "$tmp/out")"
[ ! -e "$tmp/checkout/build/try" ] || fail "build/try was left"
! grep -E '^(aggregator|sink|servers|report|load): ' "$tmp/out" ||
	fail "somebody complained"

echo "- the records are some, and each gives rows"
"$BIN/aggregator" -a all -o ndjson <"$tmp/records" >"$tmp/rows" ||
	fail "the records are not good"
for table in operator_metrics chat_metrics tenant_metrics event_counts \
	intervals conversation_metrics user_stats; do
	grep -q "\"table\":\"$table\"" "$tmp/rows" || fail "no $table"
done
grep -q '"responses":1,"avg_response_seconds":30.000' "$tmp/rows" ||
	fail "other figures: $(cat "$tmp/rows")"
