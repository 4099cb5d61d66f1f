#!/usr/bin/env bash
# The metrics that count as messages pass, over queues: with hardly any memory,
# killed at random moments and begun anew, with records that come again, late
# and in other versions, their rows come to what the same records give by hand.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'prefetch = 20' 'wait_timeout = 90s' '[aggregator]' 'cache = 1M' \
	'refresh = 100ms' 'alert_minute = 3' 'alert_five_minutes = 5'
metrics=conversations,users,activity,alerts,trends,channels,histograms,intervals,events
kills=${KILLS:-12}

# In all less than the window, for what is sent again may stand before the rest.
"$load" -n 30000 --chats 1500 --users 300 --tenants 2 --gap 2500 --late 0 \
	--seed "${SEED:-$((RANDOM))}" >"$tmp/records"
grep -q '"text"' "$tmp/records" || fail "no text for the trends"

echo "- kill -9 at any moment"
"$probe" -p -b 60 write queue:records <"$tmp/records" >/dev/null &
writer=$!
killed=0
while [ "$killed" -lt "$kills" ]; do
	"$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every "$((RANDOM % 30 + 1))ms" -a "$metrics" \
		2>>"$tmp/log" &
	daemon=$!
	sleep "0.$((RANDOM % 4))$((RANDOM % 10))"
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
	killed=$((killed + 1))
	shuf -n 300 "$tmp/records" | put records 50
done
wait "$writer"
stream -q
[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
collect
get records.dead >"$tmp/dead"
[ ! -s "$tmp/dead" ] || fail "dead letters: $(head -n 1 "$tmp/dead")"
same_figures "$tmp/records"
for table in conversation_metrics user_stats realtime_user_activity alerts \
	trends channel_metrics response_hours response_histogram intervals; do
	grep -q "\"$table\"" "$tmp/want" || fail "no row of $table"
done
cp "$tmp/got" "$tmp/before"

echo "- the whole stream once more changes nothing"
put records 400 <"$tmp/records"
stream -q
collect
same_figures "$tmp/records"
cmp "$tmp/before" "$tmp/got" || fail "the replay changed rows"
