#!/usr/bin/env bash
# The manual's example of a stream, as it is typed: line by line into a shell,
# until the operator table has moved; then ^C, and the lines that stop it all.
# The records it shows are ones, and each gives a row. Its messages and events
# are sent as they stand, and its daemons of allocation have options that exist.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# A checkout that is built: the scripts are ours, so are the programs.
mkdir "$tmp/checkout" "$tmp/checkout/build"
ln -s "$PWD/scripts" "$PWD/sink" "$tmp/checkout"
ln -s "$(realpath "$BIN")" "$tmp/checkout/build/bin"
ln -s "$(realpath "$TESTBIN")" "$tmp/checkout/build/tests"

shown_in messaging-stream.7 'TRYING IT' >"$tmp/typed"
shown_in messaging-stream.7 'WHAT IS PUBLISHED' >"$tmp/records"
[ "$(wc -l <"$tmp/records")" -ge 6 ] || fail "no records in the page"
grep -q -- '--watch' "$tmp/typed" || fail "no example in the page"
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
until_true 200 moves || fail "nothing moves: $(cat "$tmp/out")"

echo "- and stops, and leaves nothing"
# What a terminal would send to the one in front.
report=
for each in /proc/[0-9]*/cmdline; do
	pid=${each#/proc/} pid=${pid%/cmdline}
	if tr '\0' ' ' <"$each" 2>/dev/null | grep -q 'sink --now --watch' &&
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
	fail "other metrics: $(cat "$tmp/rows")"

# once WORDS: the one command of allocation's page that begins so, its lines
# put together.
once() {
	{
		shown_in messaging-allocation.7 DESCRIPTION
		shown_in messaging-allocation.7 'What if'
	} | sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' >"$tmp/commands"
	[ "$(grep -c "^$1" "$tmp/commands")" = 1 ] || fail "not one '$1'"
	grep "^$1" "$tmp/commands"
}

echo "- what applications send, typed as it stands"
shown_in messaging-listen.7 EXAMPLES | sed -n '/^printf/,/^build.bin.aggregator/p' >"$tmp/typed"
[ "$(grep -c '^curl ' "$tmp/typed")" = 3 ] || fail "not three requests"
# Not at a port that may be taken; and nobody types so fast.
sed -i "s,127.0.0.1:8080 \\\\,unix:$tmp/listens \\\\,
	s,^curl ,curl -sS --unix-socket $tmp/listens ,
	s,\.ndjson &\$,&\nuntil curl -s -o /dev/null --unix-socket $tmp/listens \
		http://x/health; do sleep 0.1; done," "$tmp/typed"
(cd "$tmp/checkout" && exec timeout 300 bash "$tmp/typed") >"$tmp/out" 2>&1 \
	</dev/null || fail "it gives $?: $(cat "$tmp/out")"
for answer in '"status":"success","message_id":"msg-' '"id":"order-17-' \
	'"status":"healthy"' '"type":"event".*"id":"order-17-' \
	'"table":"user_stats"'; do
	grep -q "$answer" "$tmp/out" || fail "no $answer in: $(cat "$tmp/out")"
done

echo "- allocation has these options"
once 'aggregator -f queue' | sed "s,DIR,$tmp/state,; s,^,$BIN/,; s,$, -n," >"$tmp/typed"
once 'poller --assign' | sed "s,^,$BIN/,; s,$, -n," >>"$tmp/typed"
printf '[crm acme]\ntoken = x\nassign = yes\n' >"$tmp/conf"
AMQP_URL=amqp://a:b@localhost MESSAGING_CONFIG=$tmp/conf bash -e "$tmp/typed" \
	>"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
mkdir "$tmp/checkout/build/demo"
cp "$tmp/records" "$tmp/checkout/build/demo/allocation.ndjson"
once 'aggregator -a allocation' | sed "s,^,$BIN/," >"$tmp/typed"
(cd "$tmp/checkout" && bash "$tmp/typed") >"$tmp/out" 2>&1 ||
	fail "$(cat "$tmp/out")"
grep -q '"table":"allocation_operators".*"max_chats":3' "$tmp/out" ||
	fail "no what-if: $(cat "$tmp/out")"
shown_in messaging-listen.7 EXAMPLES | grep -q "openssl rand" ||
	fail "no webhooks"
