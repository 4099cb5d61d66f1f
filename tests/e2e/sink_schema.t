#!/usr/bin/env bash
# A schema that somebody changed: sink --check names each table, column, type,
# key, view and partition that is missing or other than the migrations make it,
# and sink --migrate makes it again where no value is lost or invented; for the
# rest it tells what to type, and that helps.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate
rows t s1 1 2 5 >"$tmp/rows"
"$sink" -f "$tmp/rows"
shape() {
	sql "SELECT table_name, column_name, ordinal_position, column_type,
		is_nullable, column_key, extra, collation_name, column_default
		FROM information_schema.columns
		WHERE table_schema = DATABASE() ORDER BY 1, 3"
	sql "SELECT table_name, index_name, seq_in_index, column_name
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() ORDER BY 1, 2, 3"
	sql "SELECT table_name, MAX(partition_expression)
		FROM information_schema.partitions
		WHERE table_schema = DATABASE() GROUP BY 1"
}
shape >"$tmp/shape"
found() { # PATTERN: what sink --check says is wrong with tables and views
	local got=0
	"$sink" --check -o csv >"$tmp/check" || got=$?
	is "check after: $change" 78 $got
	grep '^tables and views,failed' "$tmp/check" >"$tmp/found" || :
	grep -qE "$1" "$tmp/found" ||
		fail "after $change: no '$1' in: $(cat "$tmp/found")"
}
whole() {
	code 0 "$sink" --check -o csv >"$tmp/check"
	grep -q '^tables and views,ok' "$tmp/check" || fail "$(cat "$tmp/check")"
	shape >"$tmp/now"
	diff "$tmp/shape" "$tmp/now" || fail "another schema after $change"
	is "rows after $change" 5 "$(sql "SELECT COUNT(*) FROM chat_metrics")"
}
change=nothing
whole

echo "- for people, what is fine is one line"
code 0 "$sink" --check -o table >"$tmp/check"
grep -qE '^all else +ok +[0-9]+ checks; -v shows each$' "$tmp/check" ||
	fail "$(cat "$tmp/check")"
is "lines that are fine" 1 "$(grep -cE '  ok  ' "$tmp/check")"
code 0 "$sink" --check -v -o table >"$tmp/check" 2>&1
grep -q '^tables and views *ok' "$tmp/check" || fail "$(cat "$tmp/check")"

echo "- what loses nothing is made again"
while IFS='|' read -r change pattern; do
	sql "$change"
	found "$pattern.*run .sink --migrate"
	code 0 "$sink" --migrate
	is "a word" "" "$(cat "$tmp/err")"
	whole
done <<'END'
DROP TABLE tenant_metrics|table tenant_metrics is missing
DROP TABLE messages|table messages is missing
DROP TABLE refused_rows, metric_settings|table refused_rows is missing
DROP VIEW reports|view reports is missing
DROP VIEW operator_metrics_all, tenant_parts|view tenant_parts is missing
ALTER TABLE chat_metrics DROP COLUMN tag|column chat_metrics.tag is missing
ALTER TABLE chat_metrics DROP COLUMN version|column chat_metrics.version is missing
ALTER TABLE messages DROP COLUMN user_id|column messages.user_id is missing
ALTER TABLE intervals DROP COLUMN channel|column intervals.channel is missing
ALTER TABLE message_analytics DROP COLUMN period_hour|column message_analytics.period_hour is missing
ALTER TABLE tenants DROP COLUMN removed_at, DROP COLUMN stored_at|column tenants.removed_at is missing
ALTER TABLE closed_chats DROP KEY by_age|key by_age of closed_chats is missing
ALTER TABLE messages DROP KEY by_chat|key by_chat of messages is missing
ALTER TABLE messages DROP KEY by_chat, ADD KEY by_chat (tenant, conversation_id)|key by_chat of messages is tenant,conversation_id, not .tenant,conversation_id,created_at
ALTER TABLE intervals DROP KEY by_chat|key by_chat of intervals is missing
ALTER TABLE message_analytics DROP KEY by_time, ADD KEY by_time (tenant, created_at)|key by_time of message_analytics is tenant,created_at, not .tenant,created_at,channel_id,direction,sentiment_score,response_time
ALTER TABLE message_views PARTITION BY RANGE COLUMNS (viewed_at) (PARTITION b1 VALUES LESS THAN ('2026-11-20'), PARTITION bmax VALUES LESS THAN (MAXVALUE))|table message_views still has partitions by viewed_at
ALTER TABLE messages MODIFY event_type VARCHAR(32) GENERATED ALWAYS AS ('other') VIRTUAL|column messages.event_type is computed as .other., not as .*message_sent
ALTER TABLE messages MODIFY event_type VARCHAR(32) GENERATED ALWAYS AS ('Message_Sent') VIRTUAL|column messages.event_type is computed as .Message_Sent., not as .*message_sent
ALTER TABLE message_analytics MODIFY period_day VARCHAR(10) GENERATED ALWAYS AS (DATE(created_at)) VIRTUAL|column message_analytics.period_day is computed as
CREATE OR REPLACE VIEW tenant_metrics_all AS SELECT tenant, as_of FROM tenant_metrics|view tenant_metrics_all has the columns tenant,as_of, not .tenant,operators,.*,version.
CREATE OR REPLACE VIEW read_status AS SELECT 1 AS user_id|view read_status has the columns user_id, not
ALTER TABLE chat_metrics ALTER COLUMN version SET DEFAULT 5|column chat_metrics.version has the default 5, not BIGINT NOT NULL DEFAULT 0
ALTER TABLE rollups_due ALTER COLUMN done DROP DEFAULT|column rollups_due.done has the default .none., not TINYINT
ALTER TABLE events ALTER COLUMN conversation_id SET DEFAULT 'x'|column events.conversation_id has the default 'x', not
ALTER TABLE chat_metrics ALTER COLUMN tag SET DEFAULT ''|column chat_metrics.tag has the default '', not VARCHAR.255. NULL
ALTER TABLE chat_metrics ALTER COLUMN chat SET DEFAULT ''|column chat_metrics.chat has the default '', not
ALTER TABLE closed_chats DROP KEY by_age, ADD KEY by_age (as_of)|key by_age of closed_chats is as_of, not .tenant,as_of
END

echo "- for the rest it is told what to type"
while IFS='|' read -r change pattern; do
	sql "$change"
	found "$pattern.*type: "
	code 78 "$sink" --migrate
	one_line "$pattern.*type: ALTER TABLE"
	typed=$(sed -n 's/.*; type: \(ALTER TABLE [^;]*\).*/\1/p' "$tmp/err")
	sql "$typed"
	code 0 "$sink" --migrate
	whole
done <<'END'
ALTER TABLE chat_metrics MODIFY COLUMN tag VARCHAR(20) NULL|column chat_metrics.tag is varchar.20. NULL, not VARCHAR.255. NULL
ALTER TABLE chat_metrics MODIFY COLUMN messages TINYINT NULL|column chat_metrics.messages is tinyint
ALTER TABLE chat_metrics MODIFY COLUMN channel VARCHAR(191) NOT NULL DEFAULT ''|column chat_metrics.channel is varchar.191. NOT NULL
ALTER TABLE chat_metrics DROP PRIMARY KEY|key PRIMARY of chat_metrics is missing
ALTER TABLE chat_metrics DROP PRIMARY KEY, ADD PRIMARY KEY (chat)|key PRIMARY of chat_metrics is chat, not .tenant,chat
ALTER TABLE chat_metrics DROP PRIMARY KEY, ADD PRIMARY KEY (tenant, chat(4))|key PRIMARY of chat_metrics is tenant,chat.4., not .tenant,chat.
ALTER TABLE chat_metrics ADD UNIQUE KEY theirs (chat)|key theirs of chat_metrics is not ours
ALTER TABLE chat_metrics MODIFY COLUMN chat VARCHAR(191) COLLATE utf8mb4_general_ci NOT NULL|column chat_metrics.chat is compared by utf8mb4_general_ci, not by utf8mb4_bin
ALTER TABLE chat_metrics MODIFY COLUMN tag VARCHAR(255) CHARACTER SET latin1 NULL|column chat_metrics.tag is compared by latin1_swedish_ci
ALTER TABLE message_analytics CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci|column message_analytics.tenant is compared by utf8mb4_general_ci
ALTER TABLE messages REMOVE PARTITIONING|table messages has no partitions by created_at
END

echo "- a view in a table's place"
change="a view of that name"
sql "RENAME TABLE chat_metrics TO kept; CREATE VIEW chat_metrics AS SELECT 1 AS a"
found 'table chat_metrics is a view; type: DROP VIEW `chat_metrics`'
is "its columns" "" "$(grep column "$tmp/found")"
code 78 "$sink" --migrate
one_line 'table chat_metrics is a view; type: DROP VIEW `chat_metrics`$'
sql "DROP VIEW chat_metrics; RENAME TABLE kept TO chat_metrics"
whole

echo "- a table in a view's place, of which others may want the rows"
change="a table of that name"
sql "DROP VIEW reports; CREATE TABLE reports AS SELECT 1 AS a"
found 'view reports is a table; type: '
code 78 "$sink" --migrate
one_line 'view reports is a table; type: RENAME TABLE [^;]*$'
sql "$(sed -n 's/.*; type: //p' "$tmp/err")"
code 0 "$sink" --migrate
is "what it had" 1 "$(sql "SELECT a FROM reports_before")"
sql "DROP TABLE reports_before"
whole

echo "- of more than one it tells one"
change="three columns"
sql "ALTER TABLE chat_metrics MODIFY tag VARCHAR(20) NULL,
	MODIFY messages TINYINT NULL, MODIFY channel VARCHAR(20) NULL"
code 78 "$sink" --migrate
one_line 'MODIFY COLUMN [^;]*; .sink --check. shows the other 2, too$'
for _ in 1 2 3; do
	code 78 "$sink" --migrate
	sql "$(sed -n 's/.*; type: \(ALTER TABLE [^;]*\).*/\1/p' "$tmp/err")"
done
code 0 "$sink" --migrate
whole

echo "- names in capitals are the same for the server"
change="a column in capitals, and one of a key"
sql "ALTER TABLE chat_metrics RENAME COLUMN tag TO Tag"
sql "ALTER TABLE closed_chats RENAME COLUMN as_of TO As_Of"
code 0 "$sink" --check >"$tmp/check"
code 0 "$sink" --migrate
sql "ALTER TABLE chat_metrics RENAME COLUMN Tag TO tag"
sql "ALTER TABLE closed_chats RENAME COLUMN As_Of TO as_of"
whole

echo "- a table that keeps what is deleted"
change="a history"
sql "ALTER TABLE chat_metrics ADD SYSTEM VERSIONING"
code 0 "$sink" --check -o csv >"$tmp/check"
grep -q '^triggers and constraints,advice,"*the history .* of chat_metrics' \
	"$tmp/check" || fail "nothing of it: $(cat "$tmp/check")"
sql "ALTER TABLE chat_metrics DROP SYSTEM VERSIONING"
whole

echo "- columns of others are theirs, but for those that refuse our rows"
change="a column of others"
sql "ALTER TABLE chat_metrics ADD COLUMN theirs INT NULL"
code 0 "$sink" --check >"$tmp/check"
sql "UPDATE chat_metrics SET theirs = 1;
	ALTER TABLE chat_metrics MODIFY COLUMN theirs INT NOT NULL"
found 'column chat_metrics.theirs is not ours.*type: ALTER TABLE'
code 78 "$sink" --migrate
sql "$(sed -n 's/.*; type: \(ALTER TABLE [^;]*\).*/\1/p' "$tmp/err")"
code 0 "$sink" --migrate
sql "ALTER TABLE chat_metrics DROP COLUMN theirs"
whole
"$sink" -f "$tmp/rows"

echo "- what others put on tables of ours is named, and is theirs"
change="what guards a table"
sql "CREATE TRIGGER spy BEFORE INSERT ON chat_metrics FOR EACH ROW
		SET NEW.messages = 0;
	ALTER TABLE chat_metrics ADD CONSTRAINT few CHECK (messages < 99);
	CREATE TABLE theirs (tenant VARCHAR(64), chat VARCHAR(191),
		CONSTRAINT held FOREIGN KEY (tenant, chat)
		REFERENCES chat_metrics (tenant, chat))
		CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
	INSERT INTO theirs VALUES ('t', '1001')"
code 0 "$sink" --check -o csv >"$tmp/check"
for guard in 'trigger spy' 'constraint few' 'foreign key held of theirs'; do
	grep -q "^triggers and constraints,advice,\"$guard of chat_metrics; not" \
		"$tmp/check" || fail "no word of the $guard: $(cat "$tmp/check")"
done
code 0 "$sink" --migrate
is "a word" "" "$(cat "$tmp/err")"
closed='"chat":"1001","status":"closed","at":"2026-11-20T11:00:00Z"'
echo "{\"type\":\"chat\",\"tenant\":\"t\",$closed}" >"$tmp/closed"
code 78 "$BIN/reaper" -f "$tmp/closed"
one_line 'CONSTRAINT `held`.*; drop that foreign key, which is not ours'
sql "DROP TRIGGER spy; DROP TABLE theirs;
	ALTER TABLE chat_metrics DROP CONSTRAINT few"
whole
grep -q '^triggers and constraints,ok,none' "$tmp/check" ||
	fail "$(cat "$tmp/check")"

echo "- a dump of one database in another one, whose rows it must show"
change="a dump of another database"
sql "CREATE DATABASE restored"
mariadb-dump --no-defaults --socket="$MYSQL_SOCKET" -uroot \
	--single-transaction messaging >"$tmp/dump"
"$servers" mysql "$tmp/db" restored <"$tmp/dump"
sql "GRANT ALL ON restored.* TO messaging@127.0.0.1"
first=$MYSQL_URL
export MYSQL_URL=${MYSQL_URL%/messaging}/restored
found "view operator_buckets reads the database 'messaging', not this one.*run"
code 0 "$sink" --migrate
is "a word" "" "$(cat "$tmp/err")"
code 0 "$sink" --check -o csv >"$tmp/check"
is "views that read the other database" 0 "$(sql "SELECT COUNT(*)
	FROM information_schema.views WHERE table_schema = 'restored'
	AND view_definition LIKE '%messaging%'")"
export MYSQL_URL=$first
whole
