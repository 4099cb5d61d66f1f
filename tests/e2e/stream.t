#!/usr/bin/env bash
# The streaming aggregator: what its rows come to in the end is what the same
# records give by hand, however they are cut into messages, flushes and runs;
# what is late or bad is a dead letter; records that come again change nothing;
# messages and views pass; a snapshot corrects it.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'prefetch = 50' 'wait_timeout = 90s'

"$load" -n 20000 --chats 600 --users 200 --tenants 3 --late 0 --seed 3 \
	>"$tmp/records"

echo "- the rows are those made by hand"
put records 400 <"$tmp/records"
stream -v
collect
same_figures "$tmp/records"
[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
grep -q 'stream_done.* late=0 bad=0 .* flushes=[1-9]' "$tmp/err" || fail "$(cat "$tmp/err")"

echo "- the same records once more, in other messages, change nothing"
cp "$tmp/got" "$tmp/before"
shuf --random-source="$tmp/records" "$tmp/records" | put records 37
stream -q
collect
same_figures "$tmp/records"
cmp "$tmp/before" "$tmp/got" || fail "other rows"

echo "- cut into many runs, and a record a message"
rm -r "$state" "$tmp/rows"
n=0
split -l 4100 "$tmp/records" "$tmp/part."
for part in "$tmp"/part.*; do
	n=$((n + 1))
	put records $((n % 2 ? 1 : 1000)) <"$part"
	stream -q
	collect
done
same_figures "$tmp/records"

echo "- operators alone tell no time: their rows wait until something does"
rm -r "$state" "$tmp/rows"
grep '"type":"operator"' "$tmp/records" | put records 5
stream -q
get rows >"$tmp/got"
[ ! -s "$tmp/got" ] || fail "rows without a time: $(head -n 2 "$tmp/got")"
grep -v '"type":"operator"' "$tmp/records" | put records 400
stream -q
collect
same_figures "$tmp/records"

echo "- as Chatwoot counts, with keys in any order"
rm -r "$state" "$tmp/rows"
"$load" -n 5000 --chats 200 --late 0 --seed 4 --shuffle --spaces --extra \
	>"$tmp/odd"
put records 300 <"$tmp/odd"
stream --definition chatwoot
collect
same_figures "$tmp/odd" --definition chatwoot

echo "- messages, views and events pass as they came, each at least once"
rm -r "$state" "$tmp/rows"
put records 100 <"$tmp/odd"
metrics=messages,views,eventlog stream -q
get rows >"$tmp/passed"
for kind in message view event; do
	tests/e2e/streams.py lines $kind <"$tmp/odd" >"$tmp/want"
	tests/e2e/streams.py lines $kind <"$tmp/passed" >"$tmp/got"
	[ -s "$tmp/want" ] || fail "no $kind"
	cmp "$tmp/want" "$tmp/got" || fail "other lines of $kind"
done
! grep -qv -e '"message"' -e '"view"' -e '"event"' "$tmp/passed" ||
	fail "rows as well"

echo "- an event that nobody did passes, and is not counted"
rm -r "$state"
nobody='{"type":"event","tenant":"a","id":"2","event":"e","at":"2026-11-20T10:00:01Z"}'
{
	echo '{"type":"event","tenant":"a","id":"1","user":"u","event":"e","at":"2026-11-20T10:00:00Z"}'
	echo "$nobody"
} | put records 2
metrics=events,eventlog stream -q
get rows >"$tmp/passed"
[ "$(grep -cxF "$nobody" "$tmp/passed")" = 1 ] || fail "$(cat "$tmp/passed")"
[ "$(jq -r 'select(.table == "event_counts") | "\(.user) \(.count)"' \
	"$tmp/passed" | sort -u)" = "u 1" ] || fail "$(cat "$tmp/passed")"

echo "- late, future and bad records are dead letters, the rest counts"
rm -r "$state"
message() { # TENANT ID CHAT AT FROM
	printf '{"type":"message","tenant":"%s","id":"%s","chat":"%s",' \
		"$1" "$2" "$3"
	printf '"at":"2026-11-%sZ","from":"%s","user":"u%s"}\n' "$4" "$5" "$3"
}
{
	message a 1 c 20T10:00:00 customer
	message a 2 c 20T10:01:00 operator
} >"$tmp/good"
{
	cat "$tmp/good"
	message a 3 c 19T09:00:00 customer
	message b 1 c 19T09:00:00 customer
	for at in '"at":"9999-01-01T00:00:00Z"' '"opened_at":"2199-01-01T00:00:00Z"'; do
		echo '{"type":"chat","tenant":"a","chat":"c","status":"open",'"$at}"
	done
	for mark in '"state":"begin"' '"state":"end","records":0'; do
		echo '{"type":"snapshot","tenant":"a","snapshot":"s","at":"2199-01-01T00:00:00Z",'"$mark}"
	done
	message a 5 c 20T10:01:30 operator | tee -a "$tmp/good"
	echo '{"type":"message","tenant":"a","id":"4"}'
	echo 'no record'
} | put records 2
stream -v --window 24h
grep -q 'stream_done.* late=1 bad=2 .* ahead=3 ' "$tmp/err" || fail "$(cat "$tmp/err")"
get records.dead | jq -r .reason | sort >"$tmp/reasons"
[ "$(wc -l <"$tmp/reasons")" = 6 ] || fail "$(cat "$tmp/reasons")"
[ "$(grep -c '^ahead: ' "$tmp/reasons")" = 3 ] || fail "$(cat "$tmp/reasons")"
grep -q '^late: ' "$tmp/reasons" || fail "$(cat "$tmp/reasons")"
collect
message b 1 c 19T09:00:00 customer >>"$tmp/good"
same_figures "$tmp/good"

echo "- rows in place of records are dead letters, and no snapshot of nothing"
row='{"type":"row","table":"operator_metrics","tenant":"a","operator":"1",'
row=$row'"as_of":"2026-11-20T10:02:00Z"'
mark='{"type":"snapshot","tenant":"a","at":"2026-11-20T10:02:00Z"'
{
	echo "$row}"
	echo "$mark,\"snapshot\":\"r\",\"state\":\"begin\"}"
	echo "$row,\"snapshot\":\"r\"}"
	echo "$mark,\"snapshot\":\"r\",\"state\":\"end\",\"records\":1}"
} | put records 1
expect 65 "$aggregator" -f queue:records -t queue:rows --state "$state" \
	--every 20ms -a "$metrics" --until-empty --window 24h
grep -q "1 snapshots have their end and not all their records" "$tmp/err" ||
	fail "the snapshot of rows: $(cat "$tmp/err")"
[ "$(get records.dead | jq -r .reason | grep -c '^it is a row')" = 2 ] ||
	fail "rows are no dead letters"
collect
same_figures "$tmp/good"

echo "- a snapshot corrects the stream, and other snapshots need none of it"
rm -r "$state" "$tmp/rows"
small=$PWD/tests/records/small.ndjson
metrics=${metrics%,events}
{
	message acme 99001 gone 20T10:00:00 customer
	head -n 20 "$small"
} | put records 5
stream -q
collect
grep -q '"chat":"gone"' "$tmp/rows" || fail "no row of the stream"
tail -n +21 "$small" | put records 4
stream -q
collect
same_figures "$small"

echo "- into an emptied state the same may come again, with its snapshots"
rm "$state"/stream.* "$tmp/rows"
{
	message acme 99001 gone 20T10:00:00 customer
	cat "$small"
} | put records 5
stream -q
collect
same_figures "$small"

echo "- what a snapshot tells first counts once, in every metric"
rm -r "$state" "$tmp/rows"
metrics=operators,chats,tenant,conversations,users,channels
{
	echo '{"type":"snapshot","tenant":"a","snapshot":"s1","state":"begin","at":"2026-11-20T09:00:00Z"}'
	sed 's/^{/{"snapshot":"s1",/' "$tmp/good" | head -n 1
	echo '{"type":"snapshot","tenant":"a","snapshot":"s1","state":"end","records":1}'
	cat "$tmp/good"
} | put records 1
stream -q
collect
same_figures "$tmp/good"

echo "- a line of a snapshot that is too long is lost alone"
mark='{"type":"snapshot","tenant":"long","snapshot":"s1","at":"2026-11-20T09:00:00Z","state":'
python3 -c '
import sys
mark = sys.argv[1]
head = "{\"tenant\":\"long\",\"snapshot\":\"s1\",\"type\":"
print(mark + "\"begin\"}")
print(head + "\"operator\",\"operator\":\"7\",\"name\":\"Ann\"}")
print(head + "\"chat\",\"chat\":\"1\",\"tag\":\"" + "x" * 1200000 + "\"}")
print(mark + "\"end\",\"records\":2}")
' "$mark" >"$tmp/long"
metrics=operators
for every in 20ms 0; do
	rm -r "$state"
	put records 4 <"$tmp/long"
	expect 0 "$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every "$every" -a "$metrics" --until-empty
	get rows | grep -q '"name":"Ann"' || fail "--every $every: no row"
	[ "$(get records.dead | jq -r .reason)" = "the line is too long" ] ||
		fail "--every $every: other dead letters"
done

echo "- what comes before any time has its rows when there is one, in another run"
rm -r "$state" "$tmp/rows"
metrics=operators,chats,tenant,events
{
	for operator in 7 8; do
		echo '{"type":"operator","tenant":"a","operator":"'$operator'","name":"Ann","available":true}'
	done
	echo '{"type":"event","tenant":"a","id":"1","user":"u","event":"e"}'
	echo '{"type":"chat","tenant":"a","chat":"d","status":"open","operator":"8"}'
	cat "$tmp/good"
} >"$tmp/undated"
head -n 4 "$tmp/undated" | put records 4
stream -q
stream -q
tail -n +5 "$tmp/undated" | put records 1
stream -q
collect
same_figures "$tmp/undated"

echo "- when nothing comes any more, the waits are shown as they ended"
rm -r "$state" "$tmp/rows"
printf '[aggregator]\nrefresh = 3s\n' >>"$tmp/conf"
metrics=operators,tenant
"$aggregator" -f queue:records -t queue:rows --state "$state" --every 10ms \
	-a "$metrics" &
daemon=$!
message a 8 w 20T10:02:00 customer >>"$tmp/good"
put records 1 <"$tmp/good"
waits() { # SECONDS
	collect
	grep -q '"tenant":"a".*"waiting_chats":1,"longest_wait_seconds":'"$1" \
		"$tmp/rows"
}
until_true 20 waits 0.000 || fail "no row: $(cat "$tmp/rows")"
# No row of the tenant changes by it, but its time goes on.
message a 9 c 20T10:09:00 bot | tee -a "$tmp/good" | put records 1
until_true 20 waits 420.000 || fail "no such row: $(tail -n 3 "$tmp/rows")"
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?"
collect
same_figures "$tmp/good"
