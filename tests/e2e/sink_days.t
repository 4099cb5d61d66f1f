#!/usr/bin/env bash
# sink: a day of messages is a partition: today's and the next ones ahead, that
# of a row that is met, whatever comes when and by how many sinks; not without
# the right, not while somebody holds the table, not for days that are far away
# or when many rows would have to be moved; and every row is stored.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

not_at_midnight
start_db
"$sink" --migrate

day() { # DAYS-FROM-TODAY [FORMAT]
	date -u -d "$1 day" "+${2:-%Y%m%d}"
}
message() { # DAYS-FROM-TODAY ID
	printf '{"type":"message","tenant":"t","chat":"c","id":"%s","from":"customer","at":"%sT12:00:00Z"}\n' \
		"$2" "$(day "$1" %F)"
}
partitions() { # [TABLE]
	sql "SELECT partition_name FROM information_schema.partitions
		WHERE table_schema = DATABASE() AND table_name =
		'${1:-messages}' ORDER BY partition_ordinal_position" | xargs
}
anew() {
	sql "TRUNCATE TABLE messages;
		ALTER TABLE messages REMOVE PARTITIONING;
		ALTER TABLE messages PARTITION BY RANGE COLUMNS (created_at)
		(PARTITION bmax VALUES LESS THAN (MAXVALUE))"
}
# placed: how many rows are not in the partition that has their name.
misplaced() {
	local p n=0
	for p in $(partitions | tr ' ' '\n' | grep ^p); do
		n=$((n + $(sql "SELECT COUNT(*) FROM messages PARTITION ($p)
			WHERE DATE_FORMAT(created_at, 'p%Y%m%d') <> '$p'")))
	done
	echo $n
}

is "at first" bmax "$(partitions)"
message 0 1 | code 0 "$sink"
ahead="p$(day 0) p$(day 1) p$(day 2) p$(day 3) bmax"
is "today and ahead" "b$(day 0) $ahead" "$(partitions)"
is "of this table only" bmax "$(partitions intervals)"
message 0 1 | code 0 "$sink"
is "once" "b$(day 0) $ahead" "$(partitions)"

# Days of the past and of the future, in one load and another, in any order.
# From a file: of a pipe the sink stores what came within 200 ms.
{
	message -7 2
	message 9 3
	message -2 4
	message -3 5
	message -1 6
} >"$tmp/rows"
code 0 "$sink" -f "$tmp/rows"
around="p$(day -3) p$(day -2) p$(day -1) p$(day 0) p$(day 1) p$(day 2) p$(day 3)"
is "days that were met" "b$(day -7) p$(day -7) b$(day -3) $around b$(day 9) p$(day 9) bmax" \
	"$(partitions)"
# Far away: no partition, but stored.
before=$(partitions)
{
	message -4000 7
	message 4000 8
} | code 0 "$sink"
is "far away" "$before" "$(partitions)"
is "all are stored" 8 "$(sql "SELECT COUNT(*) FROM messages")"
is "each in its place" 0 "$(misplaced)"

# Rows that are there move along.
anew
message -5 1 >"$tmp/rows"
message -4 2 >>"$tmp/rows"
sql "INSERT INTO messages (tenant, created_at, conversation_id, message_id,
	sender) VALUES ('t', '$(day -5 %F) 01:00:00', 'c', '9', 'bot')"
code 0 "$sink" -f "$tmp/rows"
is "moved" 2 "$(sql "SELECT COUNT(*) FROM messages PARTITION (p$(day -5))")"
# Not when they are many, which is told once, until a migration cuts them.
anew
sql "INSERT INTO messages (tenant, created_at, conversation_id, message_id,
	sender) SELECT 't', '$(day -5 %F) 01:00:00', 'c', seq, 'bot'
	FROM seq_1_to_20000"
printf '[sink]\nbatch = 1\n' >"$tmp/conf"
code 0 "$sink" -c "$tmp/conf" -f "$tmp/rows"
one_line 'bmax of messages has many rows.*run .sink --migrate'
is "not moved" bmax "$(partitions)"
for _ in 1 2; do
	code 0 "$sink" --migrate
	is "a word" "" "$(cat "$tmp/err")"
	is "cut" "b$(day -5) p$(day -5) p$(day -4) b$(day 0) $ahead" "$(partitions)"
done
is "stored" 20002 "$(sql "SELECT COUNT(*) FROM messages")"
is "each in its place" 0 "$(misplaced)"
message -6 3 >"$tmp/rows"
code 0 "$sink" -f "$tmp/rows"
is "a word" "" "$(cat "$tmp/err")"

# Several sinks meet the same days at the same time.
for round in 1 2 3; do
	anew
	pids=()
	for i in 1 2 3 4; do
		for n in -3 -1 0 2; do
			message $n "$i.$n"
		done | "$sink" -v 2>"$tmp/err.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "round $round: $(cat "$tmp"/err.*)"
	done
	is "round $round: rows" 16 "$(sql "SELECT COUNT(*) FROM messages")"
	is "round $round: each in its place" 0 "$(misplaced)"
	grep -h 'sink: no right' "$tmp"/err.* && fail "something was said"
done

# Somebody holds the table: rows are stored without a partition, soon.
anew
lock "START TRANSACTION; SELECT COUNT(*) FROM messages"
message 0 1 | code 0 "$sink" 9>&-
is "in silence" "" "$(cat "$tmp/err")"
is "stored" 1 "$(sql "SELECT COUNT(*) FROM messages")"
is "no partition" bmax "$(partitions)"
unlock
message 0 2 | code 0 "$sink"
is "later" "b$(day 0) $ahead" "$(partitions)"

# Somebody does not even let it look: that is no reason to look never again.
anew
lock 'LOCK TABLES messages WRITE'
message 0 1 >"$tmp/rows"
"$sink" -vv -f "$tmp/rows" 2>"$tmp/err" 9>&- &
looking=$!
until_true 20 grep -q 'no_partition table=messages' "$tmp/err" || fail "it gave up"
unlock
wait $looking || fail "it gave $?: $(cat "$tmp/err")"
is "stored" 1 "$(sql "SELECT COUNT(*) FROM messages")"

# Without the right: told once, and stored.
anew
"$servers" mysql "$tmp/db" -e "CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'x';
	GRANT SELECT, INSERT, UPDATE ON messaging.* TO poor@'127.0.0.1'"
poor=mysql://poor:x@${MYSQL_URL#*@}
for n in 0 1 2; do
	message $n "$n"
done >"$tmp/rows"
printf '[sink]\nbatch = 1\nconnections = 1\n' >"$tmp/conf"
code 0 env MYSQL_URL="$poor" "$sink" -c "$tmp/conf" -f "$tmp/rows"
one_line 'no right to make partitions of messages; GRANT ALTER ON .messaging.[.].messages. TO .poor.@'
is "stored" 3 "$(sql "SELECT COUNT(*) FROM messages")"
code 78 env MYSQL_URL="$poor" "$sink" --check -o ndjson >"$tmp/check"
grep -q 'GRANT DELETE, ALTER ON .*messages.*; GRANT ALTER ON .*intervals' \
	"$tmp/check" || fail "The self-check: $(cat "$tmp/check")"
"$servers" mysql "$tmp/db" -e "
	GRANT ALTER ON messaging.messages TO poor@'127.0.0.1'"
code 0 env MYSQL_URL="$poor" "$sink" -f "$tmp/rows"
is "with it" "b$(day 0) $ahead" "$(partitions)"
exit 0
