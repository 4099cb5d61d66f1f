#!/usr/bin/env bash
# sink --migrate: makes the tables; again changes nothing; two at once take
# turns; killed anywhere, the next one finishes; a changed file, a newer schema
# and a folder that does not fit are refused; the sink works with no other
# schema than its own.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db

anew() {
	"$servers" mysql "$tmp/db" -e \
		"DROP DATABASE messaging; CREATE DATABASE messaging"
}
schema() {
	sql "SELECT table_name, column_name, column_type, is_nullable,
		collation_name, column_key FROM information_schema.columns
		WHERE table_schema = DATABASE() ORDER BY 1, ordinal_position"
	sql "SELECT number, name, checksum FROM schema_migrations"
	sql "SELECT table_name, index_name, non_unique, column_name
		FROM information_schema.statistics
		WHERE table_schema = DATABASE() ORDER BY 1, 2, seq_in_index"
}
same_schema() {
	schema >"$tmp/now"
	diff -u "$tmp/schema" "$tmp/now" || fail "another schema"
}

# Without tables.
rows t s1 1 1 1 >"$tmp/rows"
code 78 "$sink" -f "$tmp/rows"
one_line 'run .sink --migrate'
code 0 "$sink" --migrate
is "silence" "" "$(cat "$tmp/err")"
schema >"$tmp/schema"
code 0 "$sink" --migrate -v
last=$(find sink/migrations -name '*.sql' | wc -l)
one_line "schema number=$last was=$last"
same_schema
views="SELECT table_name FROM information_schema.views
	WHERE table_schema = DATABASE()"
is "one unique key a table" "" "$(sql "SELECT table_name FROM
	information_schema.statistics WHERE table_schema = DATABASE() AND
	non_unique = 0 AND index_name <> 'PRIMARY'")"
is "bytes compared" "" "$(sql "SELECT table_name, column_name FROM
	information_schema.columns WHERE table_schema = DATABASE() AND
	collation_name <> 'utf8mb4_bin' AND table_name NOT IN ($views)")"

# The declared columns are those of the tables, in order.
declared=$("$TESTBIN/tools/tables" | sed -n 's/^column	\(.*\)	[a-z]*$/\1/p')
tables=$(echo "$declared" | cut -f 1 | uniq)
is "all are declared" "$(echo "$tables" | sort)" "$(sql "SELECT table_name FROM
	information_schema.tables WHERE table_schema = DATABASE() AND
	table_type = 'BASE TABLE'" | sort)"
for table in $tables; do
	sql "SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = '$table'
		AND COALESCE(generation_expression, '') = ''
		ORDER BY ordinal_position"
done >"$tmp/columns.db"
diff -u "$tmp/columns.db" <(echo "$declared") ||
	fail "common/tables/tables.def differs"

# Several at once.
for round in 1 2 3; do
	anew
	pids=()
	for i in 1 2 3 4; do
		"$sink" --migrate 2>"$tmp/err.$i" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || fail "round $round: $(cat "$tmp"/err.*)"
	done
	same_schema
done

# Killed in the middle, at ever later moments.
for ms in 000 005 010 015 020 030 040 060 080 120 160; do
	anew
	"$sink" --migrate &
	pid=$!
	sleep 0.$ms
	kill -9 $pid 2>/dev/null || :
	wait $pid 2>/dev/null || :
	code 0 "$sink" --migrate
	same_schema
done

# Half of it, done by hand: every statement bears repetition.
for file in sink/migrations/*.sql; do
	anew
	"$sink" --migrate
	n=$(basename "$file")
	sql "DELETE FROM schema_migrations WHERE number >= ${n%%_*}"
	head -n $(($(wc -l <"$file") / 2)) "$file" |
		"$servers" mysql "$tmp/db" messaging -f >"$tmp/half" 2>&1 || :
	code 0 "$sink" --migrate
	same_schema
done

# From the schema of before, with rows: they get versions.
anew
"$servers" mysql "$tmp/db" messaging <sink/migrations/0001_tables.sql
sql "INSERT INTO operator_metrics (tenant, operator, as_of) VALUES
	('t', '1', '2026-11-20 10:00:00.123'), ('t', '2', '1969-12-31 23:59:59')"
for n in 1 2; do
	code 0 "$sink" --migrate
	same_schema
	is "versions" "1795168800123 -1000" "$(sql "SELECT version
		FROM operator_metrics ORDER BY operator" | xargs)"
	sql "DELETE FROM schema_migrations WHERE number >= 2"
done
anew
code 0 "$sink" --migrate

# From the schema without what comes in by HTTP, with rows: it only adds.
anew
for file in sink/migrations/000[123]_*.sql; do
	"$servers" mysql "$tmp/db" messaging <"$file"
done
"$servers" mysql "$tmp/db" messaging <<'SQL'
INSERT INTO messages (tenant, created_at, conversation_id, message_id, sender)
	VALUES ('t', '2026-11-20 10:00:00.123', 'c', 'm', 'customer');
SQL
code 0 "$sink" --migrate
same_schema
is "the row" "c m" "$(sql "SELECT conversation_id, message_id FROM messages" |
	xargs)"
anew
code 0 "$sink" --migrate

# From the schema whose view reports knew no parts, with rows.
anew
for file in sink/migrations/000[1234]_*.sql; do
	"$servers" mysql "$tmp/db" messaging <"$file"
done
"$servers" mysql "$tmp/db" messaging <<'SQL'
INSERT INTO chat_metrics (tenant, chat, operator, status, as_of) VALUES
	('t', 'c', '1', 'open', '2026-11-20 10:00:00'),
	('u', 'c', '1', 'open', '2026-11-20 10:00:00');
INSERT INTO operator_metrics (tenant, operator, name, as_of) VALUES
	('t', '1', 'of before', '2026-11-19 10:00:00'),
	('u', '1', 'Uma', '2026-11-20 10:00:00');
INSERT INTO tenants (tenant) VALUES ('t'), ('u'), ('v'), ('w');
INSERT INTO tenant_metrics (tenant, as_of) VALUES
	('u', '2026-11-20 10:01:00'), ('v', '2099-11-20 10:00:00');
INSERT INTO tenant_metrics_parts (tenant, generation, part, as_of) VALUES
	('t', 1, 0, '2026-11-20 10:00:00'), ('t', 1, 1, '2026-11-20 09:59:00');
INSERT INTO operator_metrics_parts (tenant, operator, generation, part, name,
	reported_open_chats, as_of) VALUES
	('t', '1', 1, 0, 'Ann', 3, '2026-11-20 10:00:00'),
	('t', '1', 1, 1, 'Ann', 3, '2026-11-20 10:00:00');
SQL
reports="SELECT operator_name, opened_dialogs FROM reports ORDER BY tenant"
is "before" "of before NULL Uma NULL" "$(sql "$reports" | xargs)"
code 0 "$sink" --migrate
same_schema
is "the view reports" "Ann 3 Uma NULL" "$(sql "$reports" | xargs)"
is "the newest times" "t 2026-11-20 10:00:00.000 u 2026-11-20 10:01:00.000 w NULL" \
	"$(sql "SELECT tenant, newest_at FROM tenants WHERE tenant <> 'v'
		ORDER BY tenant" | xargs)"
is "none is still to come" 1 "$(sql "SELECT newest_at <= UTC_TIMESTAMP(3)
	FROM tenants WHERE tenant = 'v'")"
anew
code 0 "$sink" --migrate

# With rows in it, migrating changes none.
"$sink" -f "$tmp/rows"
dump >"$tmp/want"
sql "DELETE FROM schema_migrations"
code 0 "$sink" --migrate
same "$tmp/want"

# The thresholds that views go by are those of the configuration.
sql "INSERT INTO realtime_user_activity_parts (tenant, created_at, user_id,
	generation, part, messages_last_minute, as_of) VALUES
	('t', '2026-11-20 10:00:00', 'u', 1, 0, 3, '2026-11-20 10:00:00'),
	('t', '2026-11-20 10:00:00', 'u', 1, 1, 3, '2026-11-20 10:00:00')"
alerts="SELECT messages, threshold FROM alerts_all"
thresholds() { # RESULT: what sink --check tells of them
	"$sink" -c "$tmp/conf" --check -o csv >"$tmp/check" || [ $? = 78 ]
	grep '^thresholds' "$tmp/check" >"$tmp/err"
	one_line "^thresholds of alerts and trends,$1"
}
: >"$tmp/conf"
thresholds 'ok,as in \[aggregator]'
printf '[aggregator]\nalert_minute = 5\ntrend_count = 9\n' >"$tmp/conf"
thresholds 'failed,"?alert_minute is 8, in \[aggregator] 5, trend_count is 2, in \[aggregator] 9; .*run `sink --migrate`'
is "with eight" "" "$(sql "$alerts")"
code 0 "$sink" -c "$tmp/conf" --migrate
is "silence" "" "$(cat "$tmp/err")"
thresholds ok,
is "with five" "6 5" "$(sql "$alerts" | xargs)"
printf 'definition = chatwoot\n' >>"$tmp/conf"
thresholds 'failed,"?definition is 0, in \[aggregator] 1; .*run `sink --migrate`'
sql "DELETE FROM metric_settings WHERE name = 'definition'"
thresholds 'failed,"?definition is missing, in \[aggregator] 1; .*'
sed '$d' "$tmp/conf" >"$tmp/conf.ours" && mv "$tmp/conf.ours" "$tmp/conf"
thresholds ok,
sql "DELETE FROM metric_settings WHERE name = 'alert_five_minutes'"
thresholds 'failed,.*alert_five_minutes is missing, in \[aggregator] 20'
"$servers" mysql "$tmp/db" -e "CREATE USER blind@'127.0.0.1' IDENTIFIED BY 'x';
	GRANT SELECT ON messaging.schema_migrations TO blind@'127.0.0.1'"
MYSQL_URL=mysql://blind:x@${MYSQL_URL#*@} thresholds \
	'advice,cannot be read; grant SELECT on metric_settings'
code 0 "$sink" --migrate
: >"$tmp/conf"
thresholds ok,
sql "DELETE FROM realtime_user_activity_parts"

# Another version's schema.
sql "INSERT INTO schema_migrations VALUES ($((last + 1)), 'x', '', NOW(3))"
printf '[serve]\naudit = %s\nsecret_key = %064d\n' "$tmp/audit" 0 \
	>"$tmp/key"
chmod 600 "$tmp/key"
for mode in '--get /api/v1/now' '--report -' --recompute \
	'--serve 127.0.0.1:0'; do
	# shellcheck disable=SC2086 # words
	code 78 timeout 60 "$sink" -c "$tmp/key" $mode >"$tmp/out"
	one_line 'newer than this program'
	is "what $mode says" "" "$(cat "$tmp/out")"
done
code 78 "$sink" --migrate
one_line 'newer than this program'
code 78 "$sink" -f "$tmp/rows"
one_line 'newer than this program'
sql "DELETE FROM schema_migrations WHERE name = 'x'"

# A changed file, a foreign one, none: in a checkout of its own.
checkout
code 0 "$copy" --migrate
echo "-- touched" >>"$tmp/copy/sink/migrations/0001_tables.sql"
code 78 "$copy" --migrate
one_line '0001_tables.sql is not what was applied'
cp sink/migrations/0001_tables.sql "$tmp/copy/sink/migrations/$(printf %04d "$last")_more.sql"
code 78 "$copy" --migrate
one_line 'install program and data of one version'
rm "$tmp/copy/sink/migrations/"*
code 78 "$copy" --migrate
one_line 'install program and data of one version'
same_schema

# No right to make tables; no such database.
"$servers" mysql "$tmp/db" -e "CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'x';
	GRANT SELECT ON messaging.* TO poor@'127.0.0.1';
	GRANT SELECT ON nowhere.* TO poor@'127.0.0.1'"
anew
where=${MYSQL_URL#*@}
code 77 env MYSQL_URL="mysql://poor:x@$where" "$sink" --migrate
one_line 'denied.*check user, password and grants'
code 78 env MYSQL_URL="mysql://poor:x@${where%/*}/nowhere" "$sink" --migrate
one_line 'Unknown database.*create the database first'
