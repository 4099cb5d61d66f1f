#!/usr/bin/env bash
# reaper --retention: history older than that goes, whole days as partitions,
# the rest row by row, and nothing else; never because of one message from the
# future, nor all at once; held tables and missing rights are told.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

not_at_midnight
start_db
"$sink" --migrate
reaper=$BIN/reaper

day() { # DAYS-FROM-TODAY [FORMAT]
	date -u -d "$1 day" "+${2:-%Y%m%d}"
}
partitions() { # TABLE
	sql "SELECT partition_name FROM information_schema.partitions
		WHERE table_schema = DATABASE() AND table_name = '$1'
		ORDER BY partition_ordinal_position" | xargs
}
# A row of a table as it is declared: names are ID, times AT, numbers 1.
fields() { # TABLE ID AT
	"$TESTBIN/tools/declared" types | awk -F '\t' -v t="$1" -v id="$2" -v at="$3" '
	$1 == t && $2 !~ /^(tenant|as_of|version|PRIMARY KEY)$/ {
		value = 1
		if ($3 ~ /^VARCHAR/)
			value = "\"" id "\""
		else if ($3 ~ /^DATETIME/)
			value = "\"" at "\""
		printf "%s\"%s\":%s", comma, $2, value
		comma = ","
	}'
}
# one DAYS TENANT: a row of each table of history, of that day.
one() {
	local at hour table id=$1.$2
	at=$(day "$1" %F)T${3:-12:00:00}Z
	hour=${at%%:*}:00:00Z
	row() { # TABLE FIELDS
		printf '{"type":"row","table":"%s","tenant":"%s","as_of":"%s",%s}\n' \
			"$1" "$tenant" "$(day 0 %FT00:00:00Z)" "$2"
	}
	part() { # the same of one of several aggregators
		row "$1_parts" "$2,\"generation\":1,\"part\":0"
	}
	local tenant=$2
	printf '{"type":"message","tenant":"%s","chat":"%s","id":"%s","from":"customer","at":"%s","data":{"analytics":{}}}\n' \
		"$2" "$id" "$id" "$at"
	printf '{"type":"event","tenant":"%s","id":"%s","event":"e","at":"%s"}\n' \
		"$2" "$id" "$at"
	printf '{"type":"assignment","tenant":"%s","id":"%s","chat":"%s","operator":"7","expires":"%s","at":"%s"}\n' \
		"$2" "$id" "$id" "$at" "$at"
	printf '{"type":"view","tenant":"%s","message":"%s","user":"u","at":"%s"}\n' \
		"$2" "$id" "$at"
	row intervals '"end_at":"'"$at"'","chat":"'"$id"'","message":"1","kind":"reply","ms":5'
	row conversation_metrics '"conversation_id":"'"$id"'","message_count":1,"last_message_at":"'"$at"'"'
	row user_stats '"user_id":"'"$id"'","message_count":1,"last_active":"'"$at"'"'
	row realtime_user_activity '"created_at":"'"$at"'","user_id":"u","messages_last_minute":1'
	row alerts '"started_at":"'"$at"'","user_id":"u","rule":"minute","messages":9'
	row trends '"window_start":"'"$at"'","word":"word","occurrences":3'
	row channel_metrics '"hour":"'"$hour"'","channel":"w","messages":1'
	row response_hours '"hour":"'"$hour"'","operator":"7","kind":"reply","responses":1'
	row response_histogram '"hour":"'"$hour"'","operator":"7","kind":"reply","bucket":1,"count":1'
	part conversation_metrics '"conversation_id":"'"$id"'","message_count":1,"last_message_at":"'"$at"'"'
	part user_stats '"user_id":"'"$id"'","message_count":1,"last_active":"'"$at"'"'
	part realtime_user_activity '"created_at":"'"$at"'","user_id":"u","messages_last_minute":1'
	part trends '"window_start":"'"$at"'","word":"word","occurrences":3'
	part channel_metrics '"hour":"'"$hour"'","channel":"w","messages":1'
	part response_hours '"hour":"'"$hour"'","operator":"7","kind":"reply","responses":1'
	part response_histogram '"hour":"'"$hour"'","operator":"7","kind":"reply","bucket":1,"count":1'
	for table in $others; do
		row "$table" "$(fields "$table" "$id" "$at")"
	done
	row chat_metrics '"chat":"'"$id"'","status":"open"'
	row event_counts '"user":"'"$id"'","event":"e","count":1'
}
tables="messages message_views intervals conversation_metrics user_stats
	realtime_user_activity alerts trends channel_metrics response_hours
	response_histogram conversation_metrics_parts user_stats_parts realtime_user_activity_parts
	trends_parts channel_metrics_parts response_hours_parts
	response_histogram_parts events message_analytics assignments"
summed="response_rollups message_analytics_hours"
# What else is declared as history, but what the sink adds up itself: rollup.t.
others=$("$reaper" --retention 30d --dry-run -o ndjson | jq -r .table |
	grep -vxF "$(echo "$tables $summed" | xargs -n 1)" || :)
given() {
	grep -vE '"table":"(response_rollups|message_analytics_hours)"'
}
counts() { # [OTHERS]: of these and of the live ones
	local table
	for table in $tables ${1-$others} chat_metrics event_counts; do
		sql "SELECT COUNT(*) FROM $table"
	done | xargs
}
fill() {
	local n
	for table in $tables $others $summed chat_metrics event_counts; do
		sql "DELETE FROM $table"
	done
	for n in "$@"; do
		one "$n" t
		one "$n" u
	done | code 0 "$sink"
}
all() { # N LIVE
	for _ in $tables $others; do
		echo "$1"
	done | xargs | sed "s/$/ $2 $2/"
}

echo "- a dry run shows what would go"
fill 0 -1 -29 -30 -31 -40 -500
one -30 edge 00:00:00 | code 0 "$sink"
one -31 edge 23:59:59.999 | code 0 "$sink"
before=$(partitions messages)
"$reaper" --retention 30d --dry-run -o ndjson | given >"$tmp/dry"
is "type" expired "$(jq -r .type "$tmp/dry" | sort -u)"
is "rows" "7" "$(jq -r .rows "$tmp/dry" | sort -u | xargs)"
is "tables" "$(echo "$tables $others" | xargs -n 1 | sort | xargs)" \
	"$(jq -r .table "$tmp/dry" | sort | xargs)"
is "partitions" "4 4" "$(jq -r 'select(.table == "messages" or
	.table == "intervals") | .partitions' "$tmp/dry" | xargs)"
is "deletes nothing" "$(all 16 16) $before" "$(counts) $(partitions messages)"

echo "- what is older goes, what is not stays"
"$reaper" --retention 30d -o ndjson | given >"$tmp/did"
diff "$tmp/dry" "$tmp/did" || fail "not what the dry run showed"
is "rows" "$(all 9 16)" "$(counts)"
is "partitions" "p$(day -30) p$(day -29) b$(day -1) p$(day -1) p$(day 0) p$(day 1) p$(day 2) p$(day 3) bmax" \
	"$(partitions messages)"
is "the oldest" "$(day -30 %F) 00:00:00.000" \
	"$(sql "SELECT MIN(created_at) FROM messages")"
"$reaper" --retention 30d -o csv >"$tmp/again"
is "again" "0,0" "$(sed 1d "$tmp/again" | cut -d , -f 2- | tr -d '\r' | sort -u)"
# A row that comes after its day was dropped goes with the next run.
one -35 t | code 0 "$sink"
is "comes late" "$(all 10 17)" "$(counts)"
"$reaper" --retention 30d
is "and goes" "$(all 9 17)" "$(counts)"

echo "- one message from the future makes no other old"
fill 0 -1 -10
one 2000 t | code 0 "$sink"
"$reaper" --retention 30d
is "all stay" "$(all 7 7)" "$(counts)"
"$reaper" --retention 1d
is "yesterday stays" "$(all 5 7)" "$(counts)"

echo "- all at once: only when told"
fill -50 -60
code 65 "$reaper" --retention 30d
one_line "all [0-9]+ rows of history are older than .* is the clock right"
is "nothing went" "$(all 4 4)" "$(counts)"
code 65 "$reaper" --retention 30d --dry-run >"$tmp/dry"
code 0 "$reaper" --retention 30d --force
is "all went" "$(all 0 4)" "$(counts)"
code 0 "$reaper" --retention 30d
is "nothing to do" "" "$(cat "$tmp/err")"

echo "- many rows outside partitions"
fill 0
sql "INSERT INTO trends (tenant, window_start, word, as_of) SELECT 't',
	'$(day -90 %F)', seq, NOW() FROM seq_1_to_5001;
	INSERT INTO user_stats (tenant, user_id, last_active, as_of) SELECT 't',
	seq, '$(day -90 %F)', NOW() FROM seq_1_to_4000"
"$reaper" --retention 30d -o ndjson | given >"$tmp/did"
is "counted" "4000 5001" \
	"$(jq -r 'select(.rows > 0) | .rows' "$tmp/did" | xargs)"
is "gone" "$(all 2 2)" "$(counts)"

echo "- rows without such a time, of a user whose messages were all withdrawn"
fill 0
for table in user_stats user_stats_parts; do
	more=
	[ $table = user_stats ] || more=', generation = 1, part = 0'
	for n in 40 20; do
		sql "INSERT INTO $table SET tenant = 't', user_id = 'before $n',
			message_count = 0, as_of = '$(day -$n %F)'$more"
	done
done
"$reaper" --retention 30d --dry-run -o ndjson | given >"$tmp/dry"
is "counted" "user_stats 1 user_stats_parts 1" \
	"$(jq -r 'select(.rows > 0) | .table, .rows' "$tmp/dry" | xargs)"
"$reaper" --retention 30d -o ndjson | given >"$tmp/did"
diff "$tmp/dry" "$tmp/did" || fail "not what the dry run showed"
for table in user_stats user_stats_parts; do
	is "$table" "before 20" "$(sql "SELECT user_id FROM $table
		WHERE last_active IS NULL")"
done

echo "- a batch that takes longer than a run waits for the database"
fill 0 -40
sql "CREATE TRIGGER slow BEFORE DELETE ON trends FOR EACH ROW
	SET @slept = SLEEP(14)"
printf '[mysql]\nwait_timeout = 3s\ntimeout = 5m\n' >"$tmp/slow.conf"
code 0 "$reaper" -c "$tmp/slow.conf" --retention 30d
sql "DROP TRIGGER slow"
is "gone" "$(all 2 4)" "$(counts)"

echo "- [reaper] retention, at the end of each run"
printf '[reaper]\nretention = 30d\n' >"$tmp/conf"
fill 0 -40
echo '{"type":"chat","tenant":"t","chat":"x","status":"open","at":"2026-11-20T10:00:00Z"}' |
	code 0 "$reaper" -c "$tmp/conf" --dry-run
is "not in a dry run" "$(all 4 4)" "$(counts)"
echo '{"type":"chat","tenant":"t","chat":"x","status":"open","at":"2026-11-20T10:00:00Z"}' |
	code 0 "$reaper" -c "$tmp/conf"
is "by a run" "$(all 2 4)" "$(counts)"
code 78 env MESSAGING_CONFIG=/dev/null "$reaper" -c <(echo '[reaper]
retention = 3h') --list
code 64 "$reaper" --retention 3h
code 64 "$reaper" --retention soon

fill -50 -60
echo '{"type":"chat","tenant":"t","chat":"x","status":"open","at":"2026-11-20T10:00:00Z"}' |
	code 65 "$reaper" -c "$tmp/conf" --force # which is about gone chats
is "--force is about gone chats there" "$(all 4 4)" "$(counts)"

echo "- partitions whose rows are not counted in time"
fill 0 -40 -50
port=${MYSQL_URL##*:}
port=${port%%/*}
python3 -B tests/e2e/dbproxy.py "$port" 1000 "$tmp/port" 'messages PARTITION' \
	>"$tmp/spoilt" &
proxy=$!
until_true 10 test -s "$tmp/port" || fail "no proxy"
code 0 env MYSQL_URL="${MYSQL_URL/:$port\//:$(cat "$tmp/port")/}" \
	"$reaper" --retention 30d
kill $proxy
wait $proxy
[ "$(cat "$tmp/spoilt")" -ge 1 ] || fail "none was spoilt"
one_line "rows of .*messages.* not counted"
is "gone all the same" "$(all 2 6)" "$(counts)"

echo "- the server itself ends a count that takes long, before its client goes"
fill 0 -40 -50
sql "SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1"
printf '[mysql]\ntimeout = 9s\n' >"$tmp/nine.conf"
code 0 "$reaper" -c "$tmp/nine.conf" --retention 30d
sql "SET GLOBAL general_log = 0"
counts="FROM mysql.general_log WHERE argument LIKE '%COUNT(*) FROM % PARTITION (%'
	AND argument NOT LIKE '%general_log%'"
[ "$(sql "SELECT COUNT(*) $counts")" -ge 4 ] || fail "no partition was counted"
is "without a limit" 0 "$(sql "SELECT COUNT(*) $counts AND argument NOT LIKE
	'SET STATEMENT max_statement_time = 4.500, % FOR SELECT %'")"

echo "- killed in between, the next run finishes"
fill 0 -40 -50
for _ in 1 2 3 4 5 6; do
	"$reaper" --retention 30d &
	pid=$!
	sleep 0.0$((RANDOM % 10))
	kill -9 $pid 2>/dev/null || :
	wait $pid 2>/dev/null || :
done
# shellcheck disable=SC2317 # until_true calls it
none_is_connected() {
	[ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE user = 'messaging'")" = 0 ]
}
# The server may be at the last one's statement still, and the next one waits
# ten seconds for it.
until_true 60 none_is_connected || fail "what was killed goes on"
"$reaper" --retention 30d
is "gone" "$(all 2 6)" "$(counts)"

echo "- what another run drops meanwhile is no error"
fill 0 -40
# shellcheck disable=SC2317 # until_true calls it
wait_for_tables() { # N: so many sessions do
	[ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE state LIKE '%metadata lock'")" = "$1" ]
}
lock "START TRANSACTION; SELECT COUNT(*) FROM messages"
oldest=$(sql "SELECT partition_name FROM information_schema.partitions
	WHERE table_schema = DATABASE() AND table_name = 'messages'
	ORDER BY partition_ordinal_position LIMIT 1")
"$reaper" --retention 30d 9>&- &
pid=$!
until_true 60 wait_for_tables 1 || fail "the reaper does not wait"
# It tries for ten seconds: it is stopped until the other one is done.
kill -STOP $pid
until_true 60 wait_for_tables 0 || fail "what it has asked for lasts"
unlock
sql "ALTER TABLE messages DROP PARTITION $oldest"
kill -CONT $pid
wait $pid || fail "the reaper: $?"
is "gone" "$(all 2 4)" "$(counts)"

echo "- somebody holds a table: told, and the rest is done"
fill 0 -40
# A long report.
lock "START TRANSACTION; SELECT COUNT(*) FROM messages"
"$reaper" --retention 30d 2>"$tmp/reaper.err" 9>&- &
pid=$!
one 0 t 13:00:00 | code 0 "$sink" 9>&-
got=0
wait $pid || got=$?
is "exit" 75 $got
grep -q 'the table messages is in use by somebody for long' \
	"$tmp/reaper.err" || fail "said: $(cat "$tmp/reaper.err")"
is "other tables" 3 "$(sql "SELECT COUNT(*) FROM intervals")"
unlock
"$reaper" --retention 30d
is "later" "3 3 3 2 2 3 3 3 3 3 3 2 2 3 3 3 3 3 2 2 2 4 4" "$(counts '')"

echo "- without the right to drop partitions"
fill 0 -40
"$servers" mysql "$tmp/db" -e "CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'x';
	GRANT SELECT, DELETE ON messaging.* TO poor@'127.0.0.1'"
code 0 env MYSQL_URL="mysql://poor:x@${MYSQL_URL#*@}" "$reaper" --retention 30d
is "each table once" 2 "$(wc -l <"$tmp/err")"
grep -q 'no right to drop partitions of messages; GRANT ALTER, DROP ON .messaging.[.].messages. TO ' \
	"$tmp/err" || fail "said: $(cat "$tmp/err")"
is "rows go all the same" "$(all 2 4)" "$(counts)"
exit 0
