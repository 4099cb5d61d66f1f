#!/usr/bin/env bash
# sink: messages and read receipts as they are, rows of all tables of a stream;
# the newest version stays, whatever comes when and how often; read_status; what
# a deletion forbids, with on_close = live and with all, and what it removes.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate

# message CHAT ID SECOND REST, view MESSAGE USER SECOND REST
message() {
	printf '{"type":"message","tenant":"t","chat":"%s","id":"%s","at":"2026-11-20T10:00:%s.000Z"%s}\n' \
		"$1" "$2" "$3" "${4:-,\"from\":\"customer\"}"
}
view() {
	printf '{"type":"view","tenant":"t","message":"%s","user":"%s","at":"2026-11-20T10:01:%s.000Z"%s}\n' \
		"$1" "$2" "$3" "${4:-}"
}
count() {
	sql "SELECT COUNT(*) FROM $1"
}

echo "- every field of a message"
message c 1 01 ',"from":"operator","user":"u","operator":"7","to":"x","channel":"w","private":true,"automated":true,"kind":"text","text":"\u00e9\n","data":{"a":[1,null]},"updated_at":"2026-11-20T10:00:02.000Z"' >"$tmp/one"
code 0 "$sink" -f "$tmp/one"
is "the row" 'operator u x 7 w text 1 1 é {"a":[1,null]} 1795168802000 u message_sent' \
	"$(sql "SELECT sender, sender_id, receiver_id, operator, channel,
		message_type, private, automated, TRIM('\n' FROM content), data,
		version, user_id, event_type FROM messages" | tr '\t' ' ')"
sql "DELETE FROM messages"

echo "- versions of a message in any order, again and again"
{
	message c 1 01 ',"from":"customer","text":"new","updated_at":"2026-11-20T10:00:09.000Z"'
	message c 1 01 ',"from":"customer","text":"old"'
	message c 1 01 ',"from":"customer","text":"edited","updated_at":"2026-11-20T10:00:05.000Z"'
	message d 1 01 ',"from":"customer","text":"another chat"'
} >"$tmp/versions"
for order in cat tac sort; do
	for batch in 1 2 1000; do
		printf '[sink]\nbatch = %s\n' $batch >"$tmp/conf"
		for _ in 1 2; do
			$order "$tmp/versions" | code 0 "$sink" -c "$tmp/conf"
		done
		is "$order, $batch" "c new d another chat" "$(sql "SELECT
			conversation_id, content FROM messages
			ORDER BY conversation_id" | xargs)"
		[ $order = sort ] || sql "DELETE FROM messages"
	done
done

echo "- of versions of one time the greater one stays, in any order"
same=',"updated_at":"2026-11-20T10:00:05.000Z"'
# tie ID LESS GREATER: two versions that differ in that.
tie() {
	message tie "$1" 01 "$same$2"
	message tie "$1" 01 "$same$3"
}
{
	tie from ',"from":"customer","text":"b"' ',"from":"system","text":"a"'
	tie to ',"from":"customer","text":"b"' ',"from":"customer","to":"1","text":"a"'
	tie text ',"from":"customer"' ',"from":"customer","text":""'
	tie blank ',"from":"customer","text":"a"' ',"from":"customer","text":"a "'
	tie bytes ',"from":"customer","text":"Z\ufb01"' ',"from":"customer","text":"Z\ud83d\ude00"'
	tie flag ',"from":"system","channel":"w"' ',"from":"system","automated":true'
	tie kind ',"from":"system","private":true,"to":"z"' ',"from":"system","kind":"a"'
	tie operator ',"from":"operator","user":"u","operator":"7","kind":"z"' ',"from":"operator","user":"u","operator":"8"'
	tie data ',"from":"customer","data":{"a":1}' ',"from":"customer","data":{"a":2}'
} >"$tmp/ties"
awk 'NR % 2 == 0' "$tmp/ties" | code 0 "$sink"
all="SELECT message_id, sender, sender_id, receiver_id, operator, channel,
	message_type, private, automated, HEX(content), data, version
	FROM messages WHERE conversation_id = 'tie' ORDER BY 1"
sql "$all" >"$tmp/greater"
is "ties" 9 "$(wc -l <"$tmp/greater")"
for order in cat tac; do
	for batch in 1 1000; do
		sql "DELETE FROM messages WHERE conversation_id = 'tie'"
		printf '[sink]\nbatch = %s\n' $batch >"$tmp/conf"
		$order "$tmp/ties" | code 0 "$sink" -c "$tmp/conf"
		sql "$all" | diff "$tmp/greater" - >"$tmp/diff" ||
			fail "$order, $batch: $(cat "$tmp/diff")"
	done
done
sql "DELETE FROM messages WHERE conversation_id = 'tie'"

echo "- an edit that moves a message replaces it, in any order"
{
	message move 1 01 ',"from":"customer","text":"old"'
	message move 1 04 ',"from":"customer","text":"later","updated_at":"2026-11-20T10:00:30.000Z"'
	message move 1 02 ',"from":"customer","text":"newest","updated_at":"2026-11-20T10:00:40.000Z"'
	message move 2 01 ',"from":"customer","text":"another"'
	message move2 1 01 ',"from":"customer","text":"another chat"'
	message move 3 01 ',"from":"customer","text":"on another day"'
	message move 3 01 ',"from":"customer","text":"a day later","updated_at":"2026-11-20T10:00:50.000Z"' |
		sed 's/"at":"2026-11-20/"at":"2026-11-21/'
	# The original says that it is later than its edit.
	message back 1 59 ',"from":"customer","text":"original"'
	message back 1 57 ',"from":"customer","text":"edited","updated_at":"2026-11-20T10:00:58.000Z"'
} >"$tmp/moved"
moved="SELECT conversation_id, message_id, content, created_at FROM messages
	WHERE tenant = 't' ORDER BY 1, 2, created_at"
was="back 1 edited 2026-11-20 10:00:57.000
move 1 newest 2026-11-20 10:00:02.000
move 2 another 2026-11-20 10:00:01.000
move 3 a day later 2026-11-21 10:00:01.000
move2 1 another chat 2026-11-20 10:00:01.000"
sql "DELETE FROM messages"
for connections in 1 2; do
	for batch in 1 2 1000; do
		printf '[sink]\nbatch = %s\nconnections = %s\n' $batch \
			$connections >"$tmp/conf"
		for order in cat tac sort 'shuf --random-source=/bin/bash'; do
			sql "DELETE FROM messages;
				UPDATE tenants SET edited_at = NULL"
			for again in 1 2; do
				$order "$tmp/moved" | code 0 "$sink" -c "$tmp/conf"
				is "$connections, $batch, $order, $again" "$was" \
					"$(sql "$moved" | tr '\t' ' ')"
			done
		done
	done
done
edited_at() {
	sql "SELECT edited_at FROM tenants WHERE tenant = 't'"
}
# Only an edit that comes first makes other messages of its day cost a look.
for batch in 1 1000; do
	printf '[sink]\nbatch = %s\nconnections = 1\n' $batch >"$tmp/conf"
	sql "DELETE FROM messages; UPDATE tenants SET edited_at = NULL"
	grep move "$tmp/moved" | code 0 "$sink" -c "$tmp/conf"
	is "the newest edit, $batch" "2026-11-20 10:00:50.000" "$(edited_at)"
	grep back "$tmp/moved" | code 0 "$sink" -c "$tmp/conf"
	is "what it replaced, $batch" "2026-11-20 10:00:59.000" "$(edited_at)"
done
sql "UPDATE tenants SET edited_at = NULL"
message c 4 01 ',"from":"customer","updated_at":"2026-11-20T10:00:05.000Z"' |
	code 0 "$sink"
is "an edit without its original" "2026-11-21 10:00:05.000" "$(edited_at)"
sql "DELETE FROM messages"
message c 1 01 ',"from":"customer","text":"new","updated_at":"2026-11-20T10:00:09.000Z"' |
	code 0 "$sink"
message d 1 01 | code 0 "$sink"

echo "- read or only sent"
message c 2 02 >"$tmp/messages"
message c 3 03 >>"$tmp/messages"
{
	view 1 zoe 05 ',"chat":"c"'
	view 1 bob 09 ',"chat":"c","device":"mobile"'
	view 2 bob 07
	view 2 amy 07
	view nowhere bob 08
} >"$tmp/views"
code 0 "$sink" -f "$tmp/views" # before its messages
code 0 "$sink" -f "$tmp/messages"
code 0 "$sink" -f "$tmp/views" # and again
is "receipts" 5 "$(count message_views)"
is "devices" "1 bob mobile 1 zoe web 2 amy web" "$(sql "SELECT message_id,
	user_id, device FROM message_views WHERE message_id = '1' OR
	user_id = 'amy' ORDER BY 1, 2" | xargs)"
status() { # [TENANT]
	sql "SELECT conversation_id, message_id, read_status, TIME(read_at), read_by
		FROM read_status WHERE tenant = '${1:-t}' ORDER BY 1, 2" |
		tr '\t' ' '
}
is "read_status" "c 1 read 10:01:05.000 zoe
c 2 read 10:01:07.000 amy
c 3 sent NULL NULL
d 1 sent NULL NULL" "$(status)"

seed=${SEED:-$RANDOM}
echo "- random receipts: SEED=$seed"
python3 -B tests/oracle/receipts.py "$seed" "$tmp/receipts" "$tmp/want"
code 0 "$sink" -f "$tmp/receipts"
grep -q ' read ' "$tmp/want" || fail "nothing was read"
status r | diff "$tmp/want" - >"$tmp/diff" || fail "$(cat "$tmp/diff")"
sql "DELETE FROM messages WHERE tenant = 'r'"
sql "DELETE FROM message_views WHERE tenant = 'r'"

echo "- what cannot be stored"
{
	message 'c ' 9 01
	message c '9 ' 01
	view 9 'u ' 01
	printf '{"type":"message","tenant":"t","chat":"c","id":"9","from":"customer","at":"0999-01-01T00:00:00Z"}\n'
	printf '{"type":"message","tenant":"t","chat":"c","id":"9","from":"customer"}\n'
	printf '{"type":"message","tenant":"t","chat":"c","id":"9","from":"nobody","at":"2026-11-20T10:00:00Z"}\n'
} >"$tmp/bad"
code 65 "$sink" -f "$tmp/bad"
is "each has a line" 6 "$(grep -c '^sink: line [1-6]' "$tmp/err")"
is "nothing of it is stored" 0 "$(sql "SELECT COUNT(*) FROM messages WHERE
	message_id LIKE '9%'")"
# A long text is whole.
message c long 59 ",\"from\":\"customer\",\"text\":\"$(head -c 500000 /dev/zero | tr '\0' x)\"" |
	code 0 "$sink"
is "half a megabyte" 500000 \
	"$(sql "SELECT LENGTH(content) FROM messages WHERE message_id = 'long'")"

echo "- a row of each table of a stream, newest wins"
row() { # TABLE VERSION FIELDS
	printf '{"type":"row","table":"%s","tenant":"t","as_of":"2026-11-20T10:00:00.000Z","version":%s,%s}\n' "$@"
}
at=2026-11-20T09:00:00.000Z
for n in 5 9 7; do
	row intervals $n '"end_at":"'$at'","chat":"c","message":"1","kind":"reply","start_at":"'$at'","operator":"7","ms":'$n'500,"withdrawn":false'
	row conversation_metrics $n '"conversation_id":"c","message_count":'$n',"participant_count":2,"last_message_at":"'$at'","created_at":"'$at'"'
	row user_stats $n '"user_id":"u","message_count":'$n',"active_conversations":1,"last_active":"'$at'","created_at":"'$at'"'
	row realtime_user_activity $n '"created_at":"'$at'","user_id":"u","messages_last_minute":'$n
	row alerts $n '"started_at":"'$at'","user_id":"u","rule":"minute","ended_at":null,"messages":'$n',"threshold":8'
	row trends $n '"window_start":"'$at'","word":"água","window_end":"'$at'","occurrences":'$n
	row channel_metrics $n '"hour":"'$at'","channel":null,"messages":'$n',"inbound_messages":1,"outbound_messages":1,"active_conversations":1'
	row response_hours $n '"hour":"'$at'","operator":"7","kind":"reply","responses":'$n',"sum_ms":1,"max_ms":1'
	row response_histogram $n '"hour":"'$at'","operator":null,"kind":"reply","bucket":17,"count":'$n
	row chat_metrics $n '"chat":"c","status":"left","messages":'$n
done >"$tmp/stream"
for order in cat tac sort; do
	for batch in 1 1000; do
		printf '[sink]\nbatch = %s\n' $batch >"$tmp/conf"
		$order "$tmp/stream" | code 0 "$sink" -c "$tmp/conf"
		is "$order, $batch" "9.500 9 9 9 9 9 9 9 9 9" "$(sql "SELECT
			(SELECT seconds FROM intervals),
			(SELECT message_count FROM conversation_metrics),
			(SELECT message_count FROM user_stats),
			(SELECT messages_last_minute FROM realtime_user_activity),
			(SELECT messages FROM alerts),
			(SELECT occurrences FROM trends WHERE word = 'água'),
			(SELECT messages FROM channel_metrics WHERE channel = ''),
			(SELECT responses FROM response_hours),
			(SELECT count FROM response_histogram WHERE operator = ''),
			(SELECT messages FROM chat_metrics)" | tr '\t' ' ')"
		[ $order = sort ] || sql "DELETE FROM intervals;
			DELETE FROM user_stats; DELETE FROM chat_metrics"
	done
done

echo "- deleted stays deleted: history only with on_close = all"
history() {
	for table in messages message_views intervals conversation_metrics; do
		count $table
	done | xargs
}
before=$(history)
printf '{"type":"chat","tenant":"t","chat":"c","status":"closed","at":"2026-11-20T10:01:30.000Z"}\n' \
	>"$tmp/closed"
"$BIN/reaper" -f "$tmp/closed"
is "live keeps it" "$before" "$(history)"
is "the chat is gone" 0 "$(count chat_metrics)"
code 0 "$sink" -f "$tmp/messages"
is "live stores it" "$before" "$(history)"

printf '[reaper]\non_close = all\narchive = %s\n' "$tmp/archive" >"$tmp/all"
"$BIN/reaper" -c "$tmp/all" -f "$tmp/closed"
is "all removes it" "1 3 0 0" "$(history)"
is "and keeps it in the archive" 8 "$(jq -r .table "$tmp/archive" |
	grep -cE '^(messages|message_views|intervals|conversation_metrics)$')"
cat "$tmp/messages" "$tmp/views" "$tmp/stream" |
	sed 's/"as_of":"2026-11-20T10:00/"as_of":"2026-11-20T10:09/' >"$tmp/late"
code 0 "$sink" -c "$tmp/all" -f "$tmp/late"
is "and keeps it away" "1 3 0 0" "$(history)"
sed 's/"at":"2026-11-20T10:00/"at":"2026-11-20T10:02/' "$tmp/messages" |
	code 0 "$sink" -c "$tmp/all"
is "but for what is newer" "3 3 0 0" "$(history)"

echo "- a snapshot is whole whatever else is counted of it"
{
	sed -n '/^A whole snapshot/,/^\.Ed/s/^{/{/p' man/man5/messaging-records.5 |
		sed '$d'
	printf '{"type":"event","tenant":"t1","snapshot":"s1","id":"1","user":"7","event":"e"}\n'
	printf '{"type":"snapshot","tenant":"t1","state":"end","snapshot":"s1","at":"2026-11-20T10:02:00.000Z","records":5}\n'
} | "$BIN/aggregator" -q -a all -o ndjson >"$tmp/whole"
code 0 "$sink" -f "$tmp/whole"
is "stored as a whole" s1 \
	"$(sql "SELECT snapshot FROM tenants WHERE tenant = 't1'")"
is "with history" "1 1 1" "$(sql "SELECT
	(SELECT COUNT(*) FROM intervals WHERE tenant = 't1'),
	(SELECT COUNT(*) FROM conversation_metrics WHERE tenant = 't1'),
	(SELECT COUNT(*) FROM event_counts WHERE tenant = 't1')" | xargs)"

echo "- messages of an older snapshot, as the poller writes them"
sql "DELETE FROM messages WHERE tenant = 't1'"
sed -n '/^A whole snapshot/,/^\.Ed/s/^{"type":"message"/&/p' \
	man/man5/messaging-records.5 | sed 's/"s1"/"s0"/' | code 0 "$sink"
is "they are stored" 2 \
	"$(sql "SELECT COUNT(*) FROM messages WHERE tenant = 't1'")"

echo "- a stream that is no newer than the snapshot it continues"
sed 's/"acme"/"late"/' tests/cases/aggregator/stream-no-newer/in |
	"$BIN/aggregator" -q -a all -o ndjson >"$tmp/late"
for order in cat tac; do
	$order "$tmp/late" | grep '"row"' | code 0 "$sink"
	is "its answer counts, $order" "1 2 1" "$(sql "SELECT
		(SELECT responses FROM operator_metrics WHERE tenant = 'late'),
		(SELECT message_count FROM conversation_metrics
			WHERE tenant = 'late'),
		(SELECT responses FROM tenant_metrics WHERE tenant = 'late')" |
		xargs)"
	sql "DELETE FROM operator_metrics; DELETE FROM tenant_metrics;
		DELETE FROM conversation_metrics"
done

echo "- a tenant that is purged"
"$BIN/reaper" --purge t -o ndjson >"$tmp/purged"
is "messages are counted" 3 \
	"$(jq -r 'select(.table == "messages") | .rows' "$tmp/purged")"
for table in $(jq -r .table "$tmp/purged"); do
	is "$table" 0 "$(sql "SELECT COUNT(*) FROM $table WHERE tenant = 't'")"
done
exit 0
