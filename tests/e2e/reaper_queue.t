#!/usr/bin/env bash
# The reaper at a queue: it deletes and then acknowledges, bad records and what
# it refuses are dead letters, and what failed for want of a server waits.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
"$servers" start "$tmp/servers" mariadb
eval "$("$servers" env "$tmp/servers")"
export MYSQL_URL
"$BIN/sink" --migrate
reaper=$BIN/reaper

q() {
	"$servers" mysql "$tmp/servers" messaging -N -B -e "$1"
}

answer() { # TENANT CHAT STATUS
	printf '{"type":"chat","tenant":"%s","chat":"%s","status":"%s","at":"2026-11-20T10:01:00Z"}\n' "$@"
}

chats() {
	q "SELECT COUNT(*) FROM chat_metrics WHERE tenant = '$1'"
}

dead() { # what waits in closed.dead, its reasons counted
	"$probe" -e read queue:closed.dead | cut -f 2- | jq -r .reason |
		sort | uniq -c | sed 's/^ *//'
}

q "INSERT INTO tenants (tenant, as_of, snapshot, stored_at, stale_at) VALUES
	('acme', '2026-11-20 10:00:00', 's', UTC_TIMESTAMP(3),
		UTC_TIMESTAMP(3) + INTERVAL 1 HOUR),
	('beta', '2026-11-20 10:00:00', 's', UTC_TIMESTAMP(3),
		UTC_TIMESTAMP(3) + INTERVAL 1 HOUR);
	INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'acme', seq,
	'left', '2026-11-20 10:00:00' FROM seq_1_to_60;
	INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'beta', seq,
	'left', '2026-11-20 10:00:00' FROM seq_1_to_60"

echo "- the list goes to a queue, answers come from another"
"$reaper" --list -t queue:left
[ "$(waiting left)" -gt 0 ] || fail "nothing in the queue"
{
	for chat in $(seq 30); do
		answer acme "$chat" closed
	done
	for chat in $(seq 13); do
		answer beta "$chat" gone
	done
	answer beta 60 closed
	answer nobody 1 closed
	echo nonsense
} | "$probe" -b 100 write queue:closed >/dev/null
expect 65 "$reaper" -f queue:closed --until-empty
until_true 20 none_waits closed || fail "not all was acknowledged"
[ "$(chats acme) $(chats beta)" = "30 59" ] ||
	fail "left: $(chats acme) of acme, $(chats beta) of beta"
grep -q "13 of the 60 known chats of tenant 'beta'" "$tmp/err" ||
	fail "$(cat "$tmp/err")"
got=$(dead | sed 's/ [a-z]*: .*/ unreadable/')
want="1 the database does not know this tenant
13 too many chats gone at once"
[ "$(echo "$got" | grep -e database -e 'too many')" = "$want" ] ||
	fail "dead letters: $got"
[ "$(echo "$got" | wc -l)" = 3 ] || fail "dead letters: $got"

echo "- gone in small portions is gone all the same, for one at work for long"
# The first portion leaves 54 of beta's chats, the second 49, of the third
# nothing is believed: 15 of 59.
handled() {
	case $1 in
	1 | 2) [ "$(chats beta)" = $((59 - 5 * $1)) ] ;;
	*) [ "$(waiting closed.dead)" -gt 0 ] ;;
	esac
}
test_left() {
	[ "$(chats acme)" = "$1" ]
}
"$reaper" -f queue:closed 2>"$tmp/log" &
daemon=$!
for part in 1 2 3; do
	for n in 1 2 3 4 5; do
		answer beta $((5 * part - 5 + n)) gone
	done | "$probe" -b 100 write queue:closed >/dev/null
	until_true 20 handled "$part" || fail "portion $part waits: $(chats beta); $(cat "$tmp/log")"
done
until_true 20 grep -q "of tenant 'beta' are gone" "$tmp/log" ||
	fail "it was believed: $(chats beta) left; $(cat "$tmp/log")"
[ "$(chats beta)" = 49 ] || fail "$(chats beta) chats of beta are left"

echo "- a dry run shows what would go and what is refused, and leaves all there"
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?"
settings 'prefetch = 1' 'wait_timeout = 90s'
letters=$(waiting closed.dead)
# More than a quorum queue sends where it is told that there is no limit.
for _ in $(seq 2100); do
	answer acme 31 closed
done | "$TESTBIN/tools/amqp_lines" closed 1
{
	answer acme 31 closed
	answer nobody 1 closed
	echo nonsense
} | while read -r line; do
	echo "$line" | "$probe" write queue:closed >/dev/null
done
expect 65 timeout 300 "$reaper" --dry-run -o ndjson -f queue:closed
[ "$(jq -r .chat "$tmp/out")" = 31 ] ||
	fail "shown: $(cat "$tmp/out")"
[ "$(grep -c 'message .* line 1: ' "$tmp/err")" = 2 ] ||
	fail "$(cat "$tmp/err")"
until_true 20 so_many_wait closed 2103 ||
	fail "$(waiting closed) are left of 2103"
[ "$(waiting closed.dead)" = "$letters" ] || fail "a dead letter of a dry run"
[ "$(chats acme)" = 30 ] || fail "a dry run deletes"
"$probe" -e read queue:closed >/dev/null

echo "- messages of the broker without a line, as many as it sends ahead"
settings 'prefetch = 2' 'wait_timeout = 90s'
printf '\n\n\n' | "$TESTBIN/tools/amqp_lines" closed 0
answer acme 60 closed | "$probe" write queue:closed >/dev/null
expect 0 timeout 300 "$reaper" -f queue:closed --until-empty
until_true 20 none_waits closed || fail "not all was acknowledged"
test_left 29 || fail "left: $(chats acme)"
"$reaper" -f queue:closed 2>"$tmp/log" &
daemon=$!

echo "- a database that is away is waited for, nothing becomes a dead letter"
letters=$(waiting closed.dead)
"$servers" kill "$tmp/servers" mariadb
answer acme 31 closed | "$probe" write queue:closed >/dev/null
sleep 1
[ "$(waiting closed.dead)" = "$letters" ] || fail "a dead letter"
"$servers" start "$tmp/servers" mariadb
until_true 40 test_left 28 || fail "left: $(chats acme)"
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?"
