#!/usr/bin/env bash
# What sink --migrate makes again is as a new database has it, every table,
# first row and view of it: also where a repair waits, is killed at ever later
# moments and run again, or finds views of before in the places of ours. What is
# whole it does not touch; and what was added up stays, though the rows it was
# made of are gone.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate
objects() { # TYPE
	sql "SELECT table_name FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_type = '$1' AND
		table_name <> 'schema_migrations' ORDER BY 1"
}
whole() { # the schema, without what partitions and rows came since
	sql "SELECT number, name, checksum FROM schema_migrations;
		SELECT * FROM generations; SELECT * FROM metric_settings;
		SELECT table_name, security_type, view_definition
		FROM information_schema.views
		WHERE table_schema = DATABASE() ORDER BY 1"
	for table in $tables; do
		sql "SHOW CREATE TABLE \`$table\`"
	done
}
same_whole() {
	whole >"$tmp/now"
	diff "$tmp/whole" "$tmp/now" || fail "another schema after $1"
}
tables=$(objects 'BASE TABLE')
views=$(objects VIEW)
whole >"$tmp/whole"

echo "- all of it"
sql "DROP VIEW ${views//$'\n'/, }"
sql "DROP TABLE ${tables//$'\n'/, }"
code 0 "$sink" --migrate
same_whole "everything was removed"

echo "- beside somebody who reads a view for long"
# count_of CONDITION: connections that are so.
count_of() {
	sql "SELECT COUNT(*) FROM information_schema.processlist WHERE $1"
}
is_held() {
	[ "$(count_of "info LIKE 'SELECT SLEEP(%'")" = 1 ]
}
hold() { # SQL: in a transaction that stays open until let_go
	"$servers" mysql "$tmp/db" messaging \
		-e "BEGIN; $1; SELECT SLEEP(1000)" >"$tmp/held" 2>&1 &
	holder=$!
	until_true 20 is_held || fail "nobody reads: $(cat "$tmp/held")"
}
let_go() {
	is_held || fail "nobody reads any more: $(cat "$tmp/held")"
	sql "KILL $(sql "SELECT id FROM information_schema.processlist
		WHERE info LIKE 'SELECT SLEEP(%'")"
	wait "$holder" || :
}
hold "SELECT 1 FROM read_status, alerts_all"
sql "DROP VIEW reports"
code 0 "$sink" --migrate # what is whole does not wait
same_whole "a repair beside a reader"
let_go

echo "- killed, and run again"
killed() { # CHANGE: at ever later moments
	for ms in 020 030 040 050 060 080 100 120 150 180 220 260; do
		sql "$1"
		"$sink" --migrate &
		pid=$!
		sleep "0.$ms"
		kill -9 $pid 2>/dev/null || :
		wait $pid 2>/dev/null || :
		code 0 "$sink" --migrate
		same_whole "$1, and kill after $ms ms"
	done
}
killed "DROP VIEW reports"
killed "DROP VIEW reports, tenant_parts, operator_quantiles, trends_all;
	DROP TABLE generations, response_rollups, assignments, intervals"

echo "- views of before, and those that only hold a place"
for file in sink/migrations/0001_*.sql sink/migrations/0003_*.sql; do
	sed -n '/^CREATE OR REPLACE/,/;$/p' "$file"
done | sed 's/figure_settings/metric_settings/' >"$tmp/before.sql"
"$servers" mysql "$tmp/db" messaging <"$tmp/before.sql"
sql "CREATE OR REPLACE VIEW tenant_parts AS SELECT 1 AS tenant,
	1 AS generation, 1 AS parts, 1 AS as_of"
hold "SELECT 1 FROM reports"
whole >"$tmp/now"
! diff "$tmp/whole" "$tmp/now" >"$tmp/diff" || fail "nothing to do"
"$sink" --migrate 2>"$tmp/err" &
migrates=$!
it_waits() {
	[ "$(count_of "state LIKE '%metadata lock'")" != 0 ]
}
until_true 60 it_waits || fail "it waits for no reader"
let_go
wait $migrates || fail "the repair gives $?: $(cat "$tmp/err")"
is "a word" "" "$(cat "$tmp/err")"
same_whole "views of before"

echo "- versions are those of the rows' time"
rows t s1 1 1 2 >"$tmp/rows"
"$sink" -f "$tmp/rows"
sql "ALTER TABLE chat_metrics DROP COLUMN version"
code 0 "$sink" --migrate
is "versions" 1795168860000 "$(sql "SELECT DISTINCT version FROM chat_metrics")"

# halted STATE: waits until a statement of a migration has that state, and ends
# the migration and the statement; what it waited for is given up behind that.
halted() {
	local waiting="FROM information_schema.processlist
		WHERE state = '$1' AND db = 'messaging'"
	"$sink" --migrate 2>"$tmp/err" 9>&- &
	pid=$!
	waits() {
		[ "$(sql "SELECT COUNT(*) $waiting")" = 1 ]
	}
	until_true 30 waits || fail "nothing waits: $(cat "$tmp/err")"
	kill -9 $pid
	wait $pid 2>/dev/null || :
	# The server ends it, too, once it sees that its client is gone.
	ends() {
		sql "$(sql "SELECT CONCAT('KILL ', id) $waiting")" 2>/dev/null || :
		! waits
	}
	until_true 30 ends || fail "the statement goes on"
	unlock
}

echo "- and where the repair ends before it has them"
lock "SELECT GET_LOCK('held', 1)"
sql "CREATE TRIGGER held BEFORE UPDATE ON chat_metrics FOR EACH ROW
	SET @held = GET_LOCK('held', 600);
	ALTER TABLE chat_metrics DROP COLUMN version"
halted 'User lock'
sql "DROP TRIGGER held"
code 0 "$sink" --migrate
is "versions" 1795168860000 "$(sql "SELECT DISTINCT version FROM chat_metrics")"
same_whole "a repair that was halted"

echo "- what is added up stays"
for chat in a b; do
	echo '{"type":"message","tenant":"t","at":"2026-11-20T10:00:00Z",' \
		"\"chat\":\"$chat\",\"id\":\"m$chat\",\"from\":\"customer\"," \
		"\"data\":{\"analytics\":{\"id\":\"a$chat\"," \
		'"direction":"inbound","message_length":1}}}'
done >"$tmp/rows"
echo '{"type":"row","table":"response_hours","tenant":"t",' \
	'"hour":"2026-11-20T10:00:00Z","operator":"1","kind":"reply",' \
	'"responses":3,"sum_ms":4,"max_ms":2,"as_of":"2026-11-20T11:00:00Z",' \
	'"version":1795168860000000000}' >>"$tmp/rows"
"$sink" -f "$tmp/rows"
sums() {
	sql "SELECT SUM(messages) FROM message_analytics_hours;
		SELECT COUNT(*), MIN(sums) FROM response_rollups
		WHERE span <> 'quarter' AND everyone < 2"
}
all="$(printf '2\n6\treply 3 4 2 1795168860000000000;')"
is "before" "$all" "$(sums)"
# As reaper deletes what on_close = all deletes of a closed chat.
sql "DELETE FROM message_analytics WHERE conversation_id = 'a'"
sql "DROP VIEW reports; DROP TABLE intervals"
code 0 "$sink" --migrate -v
is "days to add up" "" "$(grep recomputed "$tmp/err" || :)"
is "after a repair" "$all" "$(sums)"
for table in response_rollups rollups_due; do
	sql "DROP TABLE $table"
	code 0 "$sink" --migrate -v
	grep -q 'recomputed days=1' "$tmp/err" || fail "$(cat "$tmp/err")"
	is "after $table was missing" "$all" "$(sums)"
done
echo '{"type":"message","tenant":"t","at":"2026-11-21T10:00:00Z",' \
	'"chat":"b","id":"next","from":"customer","data":{"analytics":' \
	'{"id":"next","direction":"inbound","message_length":1}}}' >"$tmp/rows"
"$sink" -f "$tmp/rows"
lock 'LOCK TABLES message_analytics WRITE'
sql "DROP TABLE rollups_due"
halted 'Waiting for table metadata lock'
code 0 "$sink" --migrate -v
grep -q 'recomputed days=2' "$tmp/err" ||
	fail "after a halt: $(cat "$tmp/err")"
is "tables" "$tables" "$(objects 'BASE TABLE')"
sql "DELETE FROM message_analytics WHERE message_id = 'next'"
sql "DROP TABLE message_analytics_hours"
code 0 "$sink" --migrate
is "of what is left" "${all/2/1}" "$(sums)"
is "due" 0 "$(sql "SELECT COUNT(*) FROM rollups_due WHERE done = 0")"
