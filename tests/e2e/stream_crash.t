#!/usr/bin/env bash
# The streaming aggregator is killed at random moments, and the broker once,
# while records come and come again: the rows end as if nothing had happened,
# and the whole stream replayed changes nothing.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'prefetch = 20' 'wait_timeout = 90s'
metrics=$metrics,messages
kills=${KILLS:-25}

"$load" -n 60000 --chats 1500 --users 300 --tenants 2 --late 0 --gap 500 \
	--seed "${SEED:-$((RANDOM))}" >"$tmp/records"
"$load" -h >/dev/null

echo "- kill -9 at any moment"
# The broker is killed when it has made all queues: scripts/servers says why.
put rows 1 </dev/null
"$probe" -p -b 60 write queue:records <"$tmp/records" >/dev/null &
writer=$!
killed=0
while [ "$killed" -lt "$kills" ]; do
	"$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every "$((RANDOM % 30 + 1))ms" -a "$metrics" \
		2>>"$tmp/log" &
	daemon=$!
	sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
	if [ "$killed" = 5 ]; then
		"$servers" kill "$tmp/servers" rabbitmq
		"$servers" start "$tmp/servers" rabbitmq
	fi
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
	killed=$((killed + 1))
	# Then some come again.
	shuf -n 500 "$tmp/records" | put records 50
done
wait "$writer"
stream -q
[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
collect
[ -z "$(get records.dead)" ] || fail "dead letters"
tests/e2e/streams.py lines message <"$tmp/records" >"$tmp/want"
tests/e2e/streams.py lines message <"$tmp/rows" >"$tmp/got"
cmp "$tmp/want" "$tmp/got" || fail "other messages passed"
metrics=${metrics%,messages}
same_figures "$tmp/records"
echo "killed $killed times"

echo "- a SIGTERM while the broker is away, with rows that are not confirmed"
head -n 2000 "$tmp/records" | put others 100
"$aggregator" -f queue:others -t queue:rows --state "$tmp/marked" \
	--every 5ms -a "$metrics" 2>>"$tmp/log" &
daemon=$!
until_true 30 none_waits others || fail "it does not read"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || :
AMQP_URL=amqp://127.0.0.1:1 "$aggregator" -f queue:others -t queue:rows \
	--state "$tmp/marked" --every 5ms -a "$metrics" 2>"$tmp/err" &
daemon=$!
has_opened() { # STATE
	[ -n "$(find "/proc/$daemon/fd" -lname "$1/stream.mdb" 2>/dev/null)" ]
}
until_true 30 has_opened "$tmp/marked" || fail "it does not open its state"
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?: $(cat "$tmp/err")"
"$probe" -e read queue:rows >/dev/null

echo "- a SIGTERM in the middle, and a whole replay"
cp "$tmp/got" "$tmp/before"
put records 20 <"$tmp/records"
"$aggregator" -f queue:records -t queue:rows --state "$state" --every 5ms \
	-a "$metrics" 2>>"$tmp/log" &
daemon=$!
until_true 30 has_opened "$state" || fail "it does not open its state"
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?"
stream -v
collect
same_figures "$tmp/records"
cmp "$tmp/before" "$tmp/got" || fail "the replay changed rows"

echo "- waits of who was silent when the others were killed go on"
"$load" -n 4000 --chats 200 --users 100 --tenants 2 --late 0 --gap 500 \
	--seed 5 >"$tmp/two"
grep '"tenant":"t2"' "$tmp/two" >"$tmp/parted"
grep '"tenant":"t1"' "$tmp/two" >>"$tmp/parted"
put parted 20 <"$tmp/parted"
"$aggregator" -f queue:parted -t queue:rows --state "$tmp/silent" \
	--every 20ms -a "$metrics" 2>>"$tmp/log" &
daemon=$!
until_true 30 none_waits parted || fail "it does not read"
kill_reader parted "$daemon"
expect 0 "$aggregator" -f queue:parted -t queue:rows --state "$tmp/silent" \
	--every 20ms -a "$metrics" --until-empty
rm "$tmp/rows"
collect
same_figures "$tmp/parted"
expect 0 "$aggregator" -f queue:parted -t queue:rows --state "$tmp/silent" \
	--every 20ms -a "$metrics" --until-empty
[ -z "$(get rows)" ] || fail "rows are written though nothing came"
