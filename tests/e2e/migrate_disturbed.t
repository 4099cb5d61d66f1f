#!/usr/bin/env bash
# sink --migrate and --recompute where a statement takes longer than [mysql]
# timeout; sink --migrate where it is asked to stop, then run again; a sink that
# goes on while another version migrates.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

not_at_midnight
start_db mariadb rabbitmq
checkout
last=$(find sink/migrations -name '*.sql' | wc -l)
printf '[mysql]\ntimeout = 2s\nwait_timeout = 5s\n' >"$tmp/conf"

# A statement with held() in it lasts until `unlock`.
held="GET_LOCK('held', 600)"
hold() {
	lock "SELECT $held"
}
# start OPTION: begins what will wait for the lock.
start() {
	"$copy" -c "$tmp/conf" "$1" 2>"$tmp/err" 9>&- &
	pid=$!
}
lasts() { # SECONDS: a statement that is held does, as the server has it
	[ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE state = 'User lock' AND time >= $1")" = 1 ]
}
ends() { # CODE
	local got=0
	wait $pid || got=$?
	[ $got = "$1" ] || fail "exit $got, not $1: $(cat "$tmp/err")"
}
number() {
	sql "SELECT MAX(number) FROM schema_migrations"
}

echo "- a statement may take longer than [mysql] timeout"
echo "DO $held;" | tee -a "$tmp/copy/sink/migrations/$(printf %04d "$last")"_*.sql \
	>"$tmp/statement"
hold
start --migrate
until_true 30 lasts 4 || fail "it gave up: $(cat "$tmp/err")"
unlock
ends 0
is "a word" "" "$(cat "$tmp/err")"
is "schema" "$last" "$(number)"

echo "- nor does --recompute read within it what is stored"
sql "INSERT INTO rollups_due (tenant, day) VALUES ('t', '2026-11-20');
	RENAME TABLE rollups_due TO kept;
	CREATE VIEW rollups_due AS SELECT * FROM kept WHERE $held"
hold
start --recompute
until_true 30 lasts 4 || fail "it gave up: $(cat "$tmp/err")"
unlock
ends 0
is "due" 0 "$(sql "SELECT COUNT(*) FROM kept WHERE done = 0")"
sql "DROP VIEW rollups_due; RENAME TABLE kept TO rollups_due"

# tells_of_stop LINES: it ends, and the last of so many lines says why.
tells_of_stop() {
	ends 75
	is "lines" "$1" "$(wc -l <"$tmp/err")"
	# A starved database keeps it so long that it leaves.
	tail -n 1 "$tmp/err" |
		grep -qE 'asked to stop.*(run it again|it is left)' ||
		fail "no reason: $(cat "$tmp/err")"
}

echo "- asked to stop while another migration is at work"
printf '[mysql]\nwait_timeout = 1h\n' >"$tmp/conf"
lock "SELECT GET_LOCK(CONCAT('messaging schema ',
	LEFT(MD5(DATABASE()), 16)), 1)"
start --migrate
until_true 30 grep -q 'at work; waiting' "$tmp/err" || fail "it does not wait"
kill -TERM $pid
tells_of_stop 2
unlock

echo "- asked to stop in a file, it ends behind it"
sql "DELETE FROM schema_migrations WHERE number >= $last - 1"
echo "DO $held;" | tee -a \
	"$tmp/copy/sink/migrations/$(printf %04d $((last - 1)))"_*.sql >"$tmp/statement"
hold
start --migrate
until_true 30 lasts 0 || fail "nothing is held: $(cat "$tmp/err")"
kill -TERM $pid
unlock
tells_of_stop 1
is "schema" $((last - 1)) "$(number)"

echo "- asked to stop in the last one, it leaves days to add up, and to cut off"
partitions() {
	sql "SELECT COUNT(*) FROM information_schema.partitions
		WHERE table_schema = DATABASE() AND table_name = 'messages'"
}
sql "UPDATE rollups_due SET done = 0;
	INSERT INTO messages (tenant, created_at, conversation_id, message_id,
	sender) SELECT 't', UTC_DATE(), 'c', seq, 'bot' FROM seq_1_to_20000"
hold
start --migrate
until_true 30 lasts 0 || fail "nothing is held: $(cat "$tmp/err")"
kill -TERM $pid
unlock
tells_of_stop 1
is "schema" "$last" "$(number)"
is "due" 1 "$(sql "SELECT COUNT(*) FROM rollups_due WHERE done = 0")"
is "partitions" 1 "$(partitions)"
start --migrate
ends 0
is "due" 0 "$(sql "SELECT COUNT(*) FROM rollups_due WHERE done = 0")"
is "partitions: before today, today and three more, bmax" 6 "$(partitions)"
sql "TRUNCATE TABLE messages"

echo "- a sink of before stores no more as soon as it has another connection"
probe=$TESTBIN/tools/amqp_probe
message() {
	printf '{"type":"message","tenant":"t","chat":"c","id":"%s","from":"customer","at":"2026-11-20T10:00:00Z"}\n' \
		"$1" | "$probe" write queue:rows >"$tmp/sent"
}
messages() {
	[ "$(sql "SELECT COUNT(*) FROM messages")" = "$1" ]
}
"$sink" -f queue:rows 2>"$tmp/err" &
pid=$!
message 1
until_true 30 messages 1 || fail "it stores nothing: $(cat "$tmp/err")"
sql "INSERT INTO schema_migrations VALUES ($((last + 1)), 'x', '', NOW(3))"
sql "$(sql "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist
	WHERE user = 'messaging'")"
message 2
gone() {
	[ -z "$(jobs -pr)" ]
}
until_true 30 gone || fail "it goes on"
ends 78
one_line 'newer than this program'
messages 1 || fail "it stored on"
