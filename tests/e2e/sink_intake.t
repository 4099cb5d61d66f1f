#!/usr/bin/env bash
# sink: events, what is known of messages, and assignments as rows of their own
# tables; an id counts once whatever its time and however often it comes; what
# a deletion forbids and removes; what is bad of them.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate

event() { # ID SECOND REST
	printf '{"type":"event","tenant":"t","id":"%s","event":"user_action","at":"2026-11-20T10:00:%s.000Z"%s}\n' \
		"$1" "$2" "${3:-}"
}
message() { # CHAT ID SECOND DATA
	printf '{"type":"message","tenant":"t","chat":"%s","id":"%s","from":"customer","at":"2026-11-20T10:00:%s.000Z","channel":"w","data":%s}\n' \
		"$1" "$2" "$3" "$4"
}
assignment() { # ID CHAT OPERATOR SECOND
	printf '{"type":"assignment","tenant":"t","id":"%s","chat":"%s","operator":"%s","at":"2026-11-20T10:00:%s.000Z","expires":"2026-11-20T10:01:00.000Z"}\n' "$@"
}
count() {
	sql "SELECT COUNT(*) FROM $1"
}

echo "- every field of an event"
event e1 01 ',"user":"u","chat":"c","channel":"w","data":{"source_service":"hub","session_id":"s \u00e9","event_data":{"a":[1,"x"]},"ip_address":"::1","user_agent":"curl"}' |
	code 0 "$sink"
is "the row" 't e1 2026-11-20 10:00:01.000 user_action hub {"a":[1,"x"]} u s é c w ::1 curl t 2026-11-20 10:00:01.000' \
	"$(sql "SELECT * FROM events" | tr '\t' ' ')"
sql "DELETE FROM events"

echo "- data of another form is the event's as a whole; what is not told is NULL"
event e1 01 ',"data":{"source_service":5}' | code 0 "$sink"
event e2 01 ',"data":[1,2]' | code 0 "$sink"
event e3 01 | code 0 "$sink"
is "the data" 'e1 {"source_service":5} NULL  NULL,e2 [1,2] NULL  NULL,e3 NULL NULL  NULL' \
	"$(sql "SELECT id, event_data, source_service, conversation_id, user_id
		FROM events ORDER BY id" | tr '\t' ' ' | paste -sd,)"

echo "- an event without a time has ours, and keeps it"
event=$(event e4 01 | sed 's/,"at":"[^"]*"//')
code 0 "$sink" <<<"$event"
first=$(sql "SELECT created_at FROM events WHERE id = 'e4'")
is "it is of now" 1 "$(sql "SELECT COUNT(*) FROM events WHERE id = 'e4' AND
	created_at BETWEEN UTC_TIMESTAMP() - INTERVAL 1 DAY AND
	UTC_TIMESTAMP() + INTERVAL 1 DAY")"
code 0 "$sink" <<<"$event"
is "it stays" "$first" "$(sql "SELECT created_at FROM events WHERE id = 'e4'")"

echo "- an id counts once, with whatever time"
sql "DELETE FROM events"
{
	event e1 01 ',"user":"first"'
	event e1 09 ',"user":"later"'
	event e1 00 ',"user":"earlier"'
	event e2 01 ',"user":"first"'
	event e2 01 ',"user":"first"'
} >"$tmp/events"
for batch in 1 2 1000; do
	printf '[sink]\nbatch = %s\n' $batch >"$tmp/conf"
	for _ in 1 2; do
		code 0 "$sink" -c "$tmp/conf" -f "$tmp/events"
	done
	is "in batches of $batch" "e1 first e2 first" \
		"$(sql "SELECT id, user_id FROM events ORDER BY id" | xargs)"
	sql "DELETE FROM events"
done
sed 's/"t"/"x"/' "$tmp/events" | cat "$tmp/events" - | code 0 "$sink"
is "a tenant each" "4" "$(count events)"

echo "- every member of analytics, and none"
full='{"analytics":{"id":"a1","direction":"outbound","message_length":42,"sentiment":{"score":-0.12345678901,"label":"negative","confidence":1e-3},"intent":{"name":"order \u00e9","confidence":0.7},"response_time":3.5}}'
message c m1 01 "$full" >"$tmp/full"
message c m2 01 '{"analytics":{"sentiment":null,"intent":{},"response_time":null,"more":[{}]}}' >"$tmp/none"
for _ in 1 2; do
	code 0 "$sink" -f "$tmp/full"
	code 0 "$sink" -f "$tmp/none"
done
is "the rows" 't a1 2026-11-20 10:00:01.000 m1 c w outbound 42 -0.12345678901 negative 0.001 order é 0.7 3.5 t 2026-11-20 10:00:01.000 2026-11-20-10 2026-11-20
t m2 2026-11-20 10:00:01.000 m2 c w inbound NULL NULL NULL NULL NULL NULL NULL t 2026-11-20 10:00:01.000 2026-11-20-10 2026-11-20' \
	"$(sql "SELECT * FROM message_analytics ORDER BY id" | tr '\t' ' ')"
is "the messages are messages, too" "m1 m2" \
	"$(sql "SELECT message_id FROM messages ORDER BY 1" | xargs)"
sed 's/10:00:01/10:00:08/' "$tmp/full" | code 0 "$sink"
is "again, later" "2" "$(count message_analytics)"

echo "- what is about a message is a row of analytics only"
about='"about":true,"at":"2026-11-20T10:00:09.000Z"'
for _ in 1 2; do
	{
		message c m1 01 '{"analytics":{"id":"a2","direction":"outbound"}}'
		message c nobodys 01 '{"analytics":{"message_length":7}}'
	} | sed "s/\"at\":[^,]*/$about/" | code 0 "$sink"
done
is "the rows" "a2 m1 outbound NULL 10:00:09,nobodys nobodys inbound 7 10:00:09" \
	"$(sql "SELECT id, message_id, direction, message_length,
		TIME_FORMAT(created_at, '%T') FROM message_analytics
		WHERE id IN ('a2', 'nobodys') ORDER BY id" | tr '\t' ' ' | paste -sd,)"
is "the messages are as they were" "m1 10:00:01,m1 10:00:08,m2 10:00:01" \
	"$(sql "SELECT message_id, TIME_FORMAT(created_at, '%T') FROM messages
		ORDER BY 1" | tr '\t' ' ' | paste -sd,)"
sql "DELETE FROM message_analytics WHERE id IN ('a2', 'nobodys')"

echo "- what only looks like it is none"
{
	message c m3 03 '{"analytics":null}'
	message c m4 03 '{"analytics":[1]}'
	message c m7 03 '{"deep":{"analytics":{"id":"a9"}}}'
} >"$tmp/looks"
code 0 "$sink" -f "$tmp/looks"
is "no row more" "2" "$(count message_analytics)"
is "messages" "3" "$(sql "SELECT COUNT(*) FROM messages WHERE message_id > 'm2'")"

echo "- a member of an event's data that is no text is not told"
event odd 01 ',"data":{"event_data":{},"session_id":{}}' | code 0 "$sink"
is "its session" "{} NULL" \
	"$(sql "SELECT event_data, session_id FROM events WHERE id = 'odd'" | xargs)"
sql "DELETE FROM events WHERE id = 'odd'"

echo "- what is bad is told, and not stored, but a message beside its analysis"
{
	message c bad 01 '{"analytics":{"sentiment":{"score":"high"}}}'
	message c bad 01 '{"analytics":{"sentiment":"good"}}'
	message c bad 01 '{"analytics":{"direction":"longer than ten"}}'
	message c bad 01 '{"analytics":{"message_length":-1}}'
	message c bad 01 '{"text":"hello"}' | sed 's/"id"/"about":true,&/'
	message c 'bad ' 01 '{"analytics":{}}' | sed 's/"id"/"about":true,&/'
	event 'bad ' 01
	event bad 01 | sed 's/2026-11/0999-11/'
	assignment 'bad ' c 7 01
	assignment bad c 7 01 | sed 's/"id"/"simulated":true,&/'
} >"$tmp/bad"
code 65 "$sink" -f "$tmp/bad"
is "each has a line" 10 "$(grep -c '^sink: line [1-9]' "$tmp/err")"
grep -q "in sentiment: field 'sentiment_score' must be a number" "$tmp/err" ||
	fail "the reason: $(cat "$tmp/err")"
grep -q "a record about a message has no analytics" "$tmp/err" ||
	fail "the reason: $(cat "$tmp/err")"
grep -q "line 10: it is simulated: nobody reserved the chat" "$tmp/err" ||
	fail "the reason: $(cat "$tmp/err")"
is "the message alone" "1 0 0 0" "$(sql "SELECT
	(SELECT COUNT(*) FROM messages WHERE message_id = 'bad'),
	(SELECT COUNT(*) FROM message_analytics WHERE message_id = 'bad'),
	(SELECT COUNT(*) FROM events WHERE id LIKE 'bad%'),
	(SELECT COUNT(*) FROM assignments)" | xargs)"
message c huge 01 '{"analytics":{"response_time":1e999}}' | code 65 "$sink"
# Each alone fits into its column, their sum into none.
message c huge 01 '{"analytics":{"response_time":1e308}}' | code 65 "$sink"
grep -q "'response_time' is beyond 10^15" "$tmp/err" ||
	fail "the reason: $(cat "$tmp/err")"
is "a number beyond all bounds" 0 \
	"$(sql "SELECT COUNT(*) FROM message_analytics WHERE message_id = 'huge'")"

echo "- assignments"
for _ in 1 2; do
	{
		assignment p1 c 7 05
		assignment p2 d 8 06
		assignment p1 c 7 09 | sed 's/"id"/"simulated":false,&/'
	} | code 0 "$sink"
done
is "the rows" 't p1 2026-11-20 10:00:05.000 c 7 2026-11-20 10:01:00.000
t p2 2026-11-20 10:00:06.000 d 8 2026-11-20 10:01:00.000' \
	"$(sql "SELECT * FROM assignments ORDER BY id" | tr '\t' ' ')"

echo "- deleted stays deleted: with on_close = all only"
sql "DELETE FROM events"
{
	event e1 01 ',"chat":"c"'
	event e2 01 ',"chat":"d"'
	event e3 01
} >"$tmp/events"
code 0 "$sink" -f "$tmp/events"
printf '{"type":"chat","tenant":"t","chat":"c","status":"closed","at":"2026-11-20T10:02:00.000Z"}\n' \
	>"$tmp/closed"
in_tables() {
	for table in events message_analytics assignments; do
		count $table
	done | xargs
}
"$BIN/reaper" -f "$tmp/closed"
is "live keeps it" "3 2 2" "$(in_tables)"
printf '[reaper]\non_close = all\n' >"$tmp/all"
"$BIN/reaper" -c "$tmp/all" -f "$tmp/closed"
is "all removes it" "2 0 1" "$(in_tables)"
{
	cat "$tmp/events" "$tmp/full"
	assignment p1 c 7 05
} | code 0 "$sink" -c "$tmp/all"
is "and keeps it away" "2 0 1" "$(in_tables)"
