#!/usr/bin/env bash
# A table that somebody keeps locked: one-shot, wait_timeout counts the waiting for
# it, and a daemon, which waits for ever, says within seconds what for, once.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db mariadb rabbitmq
"$sink" --migrate
probe=$TESTBIN/tools/amqp_probe
rows t s1 1 1 5 >"$tmp/rows"
said="at 'INSERT INTO \`chat_metrics\`'; somebody else holds the lock"

lock_table() {
	lock 'LOCK TABLES chat_metrics WRITE'
}
idle() {
	[ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE info LIKE 'INSERT INTO \`chat_metrics\`%'")" = 0 ]
}
echo "- one-shot, wait_timeout is all there is"
lock_table
for wait_timeout in 0s 4s; do
	printf '[mysql]\nwait_timeout = %s\n' $wait_timeout >"$tmp/conf"
	began=$SECONDS
	code 75 "$sink" -c "$tmp/conf" -f "$tmp/rows"
	one_line "$said"
	[ $((SECONDS - began)) -le 30 ] ||
		fail "a wait_timeout of $wait_timeout took $((SECONDS - began)) s"
done
unlock
code 0 "$sink" -c "$tmp/conf" -f "$tmp/rows"
empty

echo "- a server that stands still in the middle is waited for as long"
# Another limit would keep it for ten minutes.
printf '[mysql]\nwait_timeout = 20s\ntimeout = 10m\n' >"$tmp/conf"
lock_table
timeout 300 "$sink" -c "$tmp/conf" -f "$tmp/rows" 2>"$tmp/err" &
once=$!
at_work() {
	[ "$(sql "SELECT COUNT(*) FROM information_schema.processlist
		WHERE info LIKE 'INSERT INTO \`chat_metrics\`%'")" = 1 ]
}
until_true 20 at_work || fail "it does not wait: $(cat "$tmp/err")"
read -r database <"$tmp/db/mariadb/server.pid"
kill -STOP "$database"
got=0
wait $once || got=$?
kill -CONT "$database"
is "the code of one that gave up" 75 $got
one_line 'Lost connection.*(2013)'
unlock
empty

echo "- one that is at work is not"
# The first chat takes longer than all that is waited for.
sql "CREATE TRIGGER slow BEFORE INSERT ON chat_metrics FOR EACH ROW
	SET @slept = IF(NEW.chat = '1001', SLEEP(25), 0)"
for bulk in auto off; do
	printf '[mysql]\nwait_timeout = 3s\ntimeout = 5m\nbulk = %s\n' $bulk \
		>"$tmp/conf"
	code 0 "$sink" -c "$tmp/conf" -f "$tmp/rows"
	is "a word" "" "$(cat "$tmp/err")"
	is "stored" 5 "$(sql "SELECT COUNT(*) FROM chat_metrics")"
	empty
done
printf '[mysql]\nwait_timeout = 3s\ntimeout = 10s\n' >"$tmp/conf"
code 75 "$sink" -c "$tmp/conf" -f "$tmp/rows"
one_line 'Lost connection.*(2013)'
sql "DROP TRIGGER slow"
# What was left to the server may go on there.
until_true 60 idle || fail "the server is still at work"
empty

echo "- a backup that holds up all writing is no fault of the configuration"
printf '[mysql]\nwait_timeout = 2s\n' >"$tmp/conf"
lock 'FLUSH TABLES WITH READ LOCK'
code 75 "$sink" -c "$tmp/conf" --check >"$tmp/check"
one_line 'somebody else holds the lock'
unlock
code 0 "$sink" -c "$tmp/conf" --check >"$tmp/check"

echo "- a daemon says what it waits for, once, and goes on"
printf '[amqp]\nheartbeat = 2s\n' >"$tmp/conf"
broker_log=$tmp/db/rabbitmq/logs/rabbitmq.log
"$sink" -c "$tmp/conf" -f queue:rows 2>>"$tmp/daemon" &
daemon=$!
# So that it has a link for dead letters too.
echo 'not a row' | "$probe" write queue:rows >"$tmp/sent"
letter() {
	[ -n "$("$probe" -e read queue:rows.dead)" ]
}
until_true 60 letter || fail "no dead letter: $(cat "$tmp/daemon")"
says() {
	grep -q "$said.*; waiting for it" "$tmp/daemon"
}
stored() {
	[ "$(sql "SELECT COUNT(*) FROM chat_metrics")" = "$1" ]
}
for _ in 1 2; do
	: >"$tmp/daemon"
	lock_table
	"$probe" write queue:rows <"$tmp/rows" >"$tmp/sent"
	began=$SECONDS
	until_true 60 says || fail "it waits without a word: $(cat "$tmp/daemon")"
	[ $((SECONDS - began)) -le 60 ] || fail "it said so late"
	# Long enough for a second one, and for a broker that hears nothing.
	sleep 12
	! grep 'missed heartbeats' "$broker_log" || fail "a link was lost"
	unlock
	until_true 60 stored 5 || fail "it does not go on: $(cat "$tmp/daemon")"
	[ "$(wc -l <"$tmp/daemon")" = 1 ] || fail "not once: $(cat "$tmp/daemon")"
	empty
done

echo "- messages do not wait for metrics that are locked, one after the other"
message() {
	printf '{"type":"message","tenant":"t","chat":"c","id":"%s","from":"customer","at":"2026-11-20T10:00:00Z"}\n' \
		"$1" | "$probe" write queue:rows >"$tmp/sent"
}
messages_are() {
	[ "$(sql "SELECT COUNT(*) FROM messages")" = "$1" ]
}
: >"$tmp/daemon"
lock_table
rows t s2 2 1 6 | "$probe" write queue:rows >"$tmp/sent"
until_true 60 says || fail "it waits without a word: $(cat "$tmp/daemon")"
for k in 1 2 3 4 5; do
	message $k
	until_true 60 messages_are $k || fail "message $k waits for metrics"
done
# Killed now, it has acknowledged none of them: they come again, once each.
kill -9 $daemon
wait $daemon || :
unlock
"$sink" -f queue:rows 2>>"$tmp/daemon" &
daemon=$!
until_true 60 stored 6 || fail "the rows did not come again: $(cat "$tmp/daemon")"
messages_are 5 || fail "messages were lost, or are there twice"
kill $daemon
wait $daemon || fail "it gave $?"

echo "- another migration is waited for as long"
printf '[mysql]\nwait_timeout = 1s\n' >"$tmp/conf"
lock "SELECT GET_LOCK(CONCAT('messaging schema ',
	LEFT(MD5(DATABASE()), 16)), 1)"
code 75 timeout 60 "$sink" -c "$tmp/conf" --migrate
grep -q 'another migration is at work; try again' "$tmp/err" ||
	fail "$(cat "$tmp/err")"
unlock
code 0 "$sink" -c "$tmp/conf" --migrate
