#!/usr/bin/env bash
# sink: a database that is away, read-only, locked, small, or refuses us. What
# the environment does is never blamed on a row; the exit code and one line say
# what to do; rows wait meanwhile.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate
where=${MYSQL_URL#*@}
# A connection takes no longer than that, either.
printf '[mysql]\nwait_timeout = 5s\ntimeout = 5s\n' >"$tmp/conf"
rows t s1 1 3 50 >"$tmp/rows"
quick() {
	"$sink" -c "$tmp/conf" "$@"
}
untouched() {
	is "nothing was stored" 0 "$(sql "SELECT COUNT(*) FROM chat_metrics")"
}

# The configuration.
code 78 env -u MYSQL_URL "$sink" -n
one_line 'set \[mysql\] url or MYSQL_URL'
code 78 env MYSQL_URL=postgres://x/y "$sink" -n
one_line 'mysql://USER:PASSWORD@HOST/DATABASE'
code 78 env MYSQL_URL=mysql://x "$sink" -n
one_line 'names no database'
code 0 "$sink" -n
code 64 "$sink" --nonsense
code 64 "$sink" --migrate --check
code 64 "$sink" rows

# Who we are.
code 77 env MYSQL_URL="mysql://messaging:canary@$where" "$sink" -f "$tmp/rows"
one_line 'Access denied.*check user, password and grants'
grep -q canary "$tmp/err" && fail "the password is shown"
untouched

# Nobody there.
code 75 env MYSQL_URL="mysql://messaging:canary@127.0.0.1:1/messaging" \
	"$sink" -c "$tmp/conf" -f "$tmp/rows"
one_line 'is it running'

# TLS: a server without it, and a host that is not this one.
echo x >"$tmp/ca"
printf '[mysql]\nca_file = %s\n' "$tmp/ca" >"$tmp/tls"
code 78 "$sink" -c "$tmp/tls" -f "$tmp/rows"
one_line 'TLS|SSL'
untouched

# A socket is of this machine, whatever host is beside it.
code 77 env MYSQL_URL="mysql://who:x@db.example/messaging?socket=$(
	sql "SELECT @@socket")" "$sink" --migrate
one_line "Access denied for user 'who'@'localhost'"

# Read-only.
"$servers" mysql "$tmp/db" -e "SET GLOBAL read_only = 1"
code 75 quick -f "$tmp/rows"
one_line 'make the server writable; nothing is lost'
untouched
quick --check -o ndjson >"$tmp/check" || is "check" 78 $?
grep -q '"check":"read_only","result":"failed","detail":"ON; ' "$tmp/check" ||
	fail "$(cat "$tmp/check")"
"$servers" mysql "$tmp/db" -e "SET GLOBAL read_only = 0"
code 74 "$sink" --check >/dev/full
one_line 'cannot write standard output: No space'

# No room for prepared statements, until others end theirs.
"$servers" mysql "$tmp/db" -e "SET GLOBAL max_prepared_stmt_count = 0"
code 75 quick -f "$tmp/rows"
one_line '\(1461\); raise max_prepared_stmt_count; nothing is lost'
untouched
"$servers" mysql "$tmp/db" -e "SET GLOBAL max_prepared_stmt_count = DEFAULT"

# Commits that are not flushed.
"$servers" mysql "$tmp/db" -e "SET GLOBAL innodb_flush_log_at_trx_commit = 0"
code 78 "$sink" -f "$tmp/rows"
one_line 'innodb_flush_log_at_trx_commit = 0.*--accept-loss'
untouched
rows other s1 1 1 1 | code 0 "$sink" --accept-loss
sql "DELETE FROM chat_metrics"
code 78 "$sink" --check -o table >"$tmp/check"
grep -q 'innodb_flush_log_at_trx_commit *failed *0; set it to 1' "$tmp/check" ||
	fail "$(cat "$tmp/check")"
"$servers" mysql "$tmp/db" -e "SET GLOBAL innodb_flush_log_at_trx_commit = 1"

# The self-check is content; as NDJSON every line is an object.
code 0 "$sink" --check >"$tmp/check"
jq -e -s 'all(.[]; .type == "check" and .result != "failed")' "$tmp/check" \
	>"$tmp/jq" || fail "$(cat "$tmp/check")"
grep -q '"\[reaper] on_close","result":"ok"' "$tmp/check" || fail "on_close"

# Which metrics are read, and which only a stream keeps right.
advice() { # EVERY METRICS CHECK RESULT DETAIL
	printf '[aggregator]\nevery = %s\nmetrics = %s\n' "$1" "$2" >"$tmp/conf"
	code 0 "$sink" -c "$tmp/conf" --check >"$tmp/check"
	grep -q '"\[aggregator] '"$3\",\"result\":\"$4\",\"detail\":\"$5" \
		"$tmp/check" || fail "$1, $2: $(cat "$tmp/check")"
}
advice 0s operators metrics advice 'without intervals, histograms; '
advice 0s operators,intervals metrics advice 'without histograms; '
advice 0s all metrics ok ''
advice 0s operators,intervals,conversations every ok ''
advice 0s histograms,intervals,channels every advice 'channels, histograms; '
advice 50ms all every ok ''

# What is configured and takes away what is promised otherwise.
printf '[reaper]\non_close = all\n' >"$tmp/all"
code 0 "$sink" -c "$tmp/all" --check >"$tmp/check"
grep -q '"\[reaper] on_close","result":"advice","detail":"all; .*intervals' \
	"$tmp/check" || fail "$(cat "$tmp/check")"
sql "ALTER TABLE tenant_metrics ENGINE=MyISAM"
code 78 "$sink" --check >"$tmp/check"
grep -q '"engine of tenant_metrics","result":"failed","detail":"MyISAM; ' \
	"$tmp/check" || fail "$(cat "$tmp/check")"
sql "ALTER TABLE tenant_metrics ENGINE=InnoDB"

# A table whose definition the server cannot read.
data=$(sql "SELECT @@datadir")/messaging
cp "$data/tenant_metrics.frm" "$tmp/frm"
echo damaged >"$data/tenant_metrics.frm"
sql "FLUSH TABLES"
code 78 "$sink" --check >"$tmp/check"
grep -q '"engine of tenant_metrics","result":"failed","detail":"cannot be opened; ' \
	"$tmp/check" || fail "$(cat "$tmp/check")"
cat "$tmp/frm" >"$data/tenant_metrics.frm"
sql "FLUSH TABLES"
code 0 "$sink" --check >"$tmp/check"

# A right that is missing on one table of those that are only read.
sql "CREATE USER poor@'127.0.0.1' IDENTIFIED BY 'x'"
sql "$(sql "SELECT CONCAT('GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON \`',
	table_name, '\` TO poor@127.0.0.1;') FROM information_schema.tables
	WHERE table_schema = DATABASE() AND table_name <> 'forgotten'")"
MYSQL_URL=mysql://poor:x@$where code 78 "$sink" --check >"$tmp/check"
# The statement to type is printed as it is.
grant="GRANT SELECT ON \`messaging\`.\`forgotten\` TO 'poor'@'127.0.0.1'"
grep -qF '"rights that are missing","result":"failed","detail":"'"$grant; " \
	"$tmp/check" || fail "$(cat "$tmp/check")"
sql "$grant"
MYSQL_URL=mysql://poor:x@$where code 0 "$sink" --check >"$tmp/check"
# The name of a database is no right, a right beside others is.
sql "GRANT SELECT ON \`EVENT_FILE\`.* TO poor@'127.0.0.1'"
MYSQL_URL=mysql://poor:x@$where code 0 "$sink" --check >"$tmp/check"
grep -q '"rights beyond storing rows","result":"advice","detail":"ALTER; ' \
	"$tmp/check" || fail "$(cat "$tmp/check")"
sql "GRANT DROP ON \`EVENT_FILE\`.* TO poor@'127.0.0.1' WITH GRANT OPTION"
MYSQL_URL=mysql://poor:x@$where code 0 "$sink" --check >"$tmp/check"
for right in ALTER DROP "GRANT OPTION"; do
	grep -q '"rights beyond storing rows",.*"detail":"[^;]*'"$right" \
		"$tmp/check" || fail "no $right: $(cat "$tmp/check")"
done
# All that nobody has is given at once.
sql "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'x';
	GRANT SELECT ON messaging.* TO reader@'127.0.0.1'"
MYSQL_URL=mysql://reader:x@$where code 77 "$sink" -f "$tmp/rows"
one_line "; GRANT INSERT.* ON .messaging.[.].*. TO 'reader'@'127.0.0.1', see grants"
MYSQL_URL=mysql://reader:x@$where code 78 "$sink" --check >"$tmp/check"
sql "$(sed -n 's/.*"rights that are missing".*"detail":"\(GRANT INSERT, UPDATE ON .messaging.[.][*] .*\); type that .*/\1/p' \
	"$tmp/check")"
MYSQL_URL=mysql://reader:x@$where code 0 "$sink" --check >"$tmp/check"

# A lock that somebody holds: the statement times out, the transaction is
# rolled back as a whole and done again, when the lock is gone.
sql "INSERT INTO tenants (tenant) VALUES ('t') ON DUPLICATE KEY UPDATE tenant = 't'"
printf '[mysql]\nwait_timeout = 240s\ntimeout = 4s\n' >"$tmp/waits"
lock 'START TRANSACTION; SELECT * FROM tenants FOR UPDATE'
"$sink" -c "$tmp/waits" -vv -f "$tmp/rows" 2>"$tmp/err" 9>&- &
storing=$!
timed_out() {
	grep -q 'transaction_conflict errno=1205' "$tmp/err"
}
until_true 50 timed_out || fail "$(cat "$tmp/err")"
unlock
wait $storing || fail "it gave $?: $(cat "$tmp/err")"
is "stored after all" 50 "$(sql "SELECT COUNT(*) FROM chat_metrics")"
dump >"$tmp/want"

# Locks met in another order: rows locked by somebody while we hold others.
empty
cat >"$tmp/deadlock.sql" <<'END'
START TRANSACTION;
UPDATE chat_metrics SET tag = tag WHERE chat = '1050';
SELECT SLEEP(0.3);
UPDATE chat_metrics SET tag = tag WHERE chat = '1001';
COMMIT;
END
"$sink" -f "$tmp/rows"
for _ in 1 2 3 4 5; do
	"$servers" mysql "$tmp/db" messaging -f <"$tmp/deadlock.sql" >/dev/null 2>&1 &
	for minute in 1 2 3; do
		rows t x$minute $minute 3 50
	done | code 0 "$sink"
	wait $! || :
done
rows t s4 4 3 50 >"$tmp/four"
code 0 "$sink" -f "$tmp/four"
is "all of the newest" 50 "$(sql "SELECT COUNT(*) FROM chat_metrics
	WHERE as_of = '2026-11-20 10:04:00' AND responses = 4")"

# Two sinks with the same rows in the other order. Each waits for the other.
printf '[mysql]\nwait_timeout = 3m\n' >"$tmp/patient"
for round in 5 6 7 8; do
	rows t s$round $round 5 400 >"$tmp/r"
	rows u s$round $round 5 400 >>"$tmp/r"
	tac "$tmp/r" >"$tmp/tac"
	code 0 "$sink" -c "$tmp/patient" -f "$tmp/r" &
	"$sink" -c "$tmp/patient" -f "$tmp/tac" 2>"$tmp/err2" || [ $? = 65 ] ||
		fail "$(cat "$tmp/err2")"
	wait $! || fail "$(cat "$tmp/err")"
	is "round $round" 800 "$(sql "SELECT COUNT(*) FROM chat_metrics
		WHERE responses = $round")"
	is "round $round" 2 "$(sql "SELECT COUNT(*) FROM tenants
		WHERE snapshot = 's$round'")"
done

# long_message BYTES: a record of that text.
long_message() {
	printf '{"type":"message","tenant":"t","id":"%d","chat":"1","at":"%s",' \
		"$1" 2026-11-20T10:00:00Z
	printf '"from":"customer","text":"%0*d"}\n' "$1" 0
}

# A small max_allowed_packet: statements are cut to fit.
"$servers" mysql "$tmp/db" -e "SET GLOBAL max_allowed_packet = 8192"
for bulk in auto off; do
	printf '[mysql]\nbulk = %s\n' "$bulk" >"$tmp/conf2"
	empty
	code 0 "$sink" -c "$tmp/conf2" -f "$tmp/r"
	is "$bulk: stored" 800 "$(sql "SELECT COUNT(*) FROM chat_metrics")"
	# One that never fits goes away alone.
	rows t s9 9 1 3 | sed "3a $(long_message 9000)" >"$tmp/wide"
	code 65 "$sink" -c "$tmp/conf2" -f "$tmp/wide"
	one_line 'line 4: a row of .* bytes is above the server'
	is "$bulk: neighbours" 3 "$(sql "SELECT COUNT(*) FROM chat_metrics
		WHERE responses = 9")"
done
# As long as a record may be, where the check says that it fits, and not where
# it does not; there others are stored as long as they do.
packet() { # BYTES CODE RESULT
	"$servers" mysql "$tmp/db" -e "SET GLOBAL max_allowed_packet = $1"
	code "$2" "$sink" -c "$tmp/conf2" --check >"$tmp/check"
	grep -q '"max_allowed_packet","result":"'"$3" "$tmp/check" ||
		fail "$(cat "$tmp/check")"
}
for bulk in auto off; do
	printf '[mysql]\nbulk = %s\n' "$bulk" >"$tmp/conf2"
	need=1114112
	[ $bulk = auto ] || need=2162688
	empty
	packet 1048576 78 "failed\",\"detail\":\"1048576; set it to $need or more"
	long_message 300000 >"$tmp/long"
	code 0 "$sink" -c "$tmp/conf2" -f "$tmp/long"
	packet $need 0 ok
	long_message 1048462 >"$tmp/long"
	is "the longest record" 1048576 "$(wc -c <"$tmp/long")"
	code 0 "$sink" -c "$tmp/conf2" -f "$tmp/long"
	is "$bulk: long" "300000 1048462 " "$(sql "SELECT LENGTH(content)
		FROM messages ORDER BY 1" | tr '\n' ' ')"
done
"$servers" mysql "$tmp/db" -e "SET GLOBAL max_allowed_packet = 16777216"

# A server whose sessions begin with other defaults: what is done outside a
# transaction is committed all the same, and no statement is cut short. Tables
# are made and altered, and names are sorted as a whole.
sql "DROP DATABASE messaging; CREATE DATABASE messaging"
"$servers" mysql "$tmp/db" -e "SET GLOBAL innodb_default_row_format = compact"
code 78 "$sink" --migrate
one_line '\(1709\); set innodb_default_row_format = dynamic'
"$servers" mysql "$tmp/db" -e "SET GLOBAL innodb_default_row_format = DEFAULT"
"$servers" mysql "$tmp/db" -e "SET GLOBAL autocommit = 0,
	GLOBAL completion_type = 'CHAIN', GLOBAL sql_select_limit = 1,
	GLOBAL sql_safe_updates = 1, GLOBAL max_join_size = 10,
	GLOBAL group_concat_max_len = 16, GLOBAL max_sort_length = 64,
	GLOBAL alter_algorithm = 'INSTANT'"
code 0 "$sink" --migrate
rows t s5 5 5 40 >"$tmp/two"
rows u s5 5 5 40 >>"$tmp/two"
code 0 "$sink" -f "$tmp/two"
(umask 077 && printf '[serve]\nsecret_key = %064d\n' 0 >"$tmp/key")
code 0 "$sink" -c "$tmp/key" --token --tenant t --revoke lost
"$servers" mysql "$tmp/db" -e "SET GLOBAL autocommit = 1,
	GLOBAL completion_type = 'NO_CHAIN', GLOBAL sql_select_limit = DEFAULT,
	GLOBAL sql_safe_updates = 0, GLOBAL max_join_size = DEFAULT,
	GLOBAL group_concat_max_len = DEFAULT, GLOBAL max_sort_length = DEFAULT,
	GLOBAL alter_algorithm = DEFAULT"
is "stored" 80 "$(sql "SELECT COUNT(*) FROM chat_metrics WHERE responses = 5")"
is "revoked" lost "$(sql "SELECT id FROM revoked_tokens")"

# A server that has its own idea of the characters of a session, as with
# skip_character_set_client_handshake: each text is stored and found as it is.
empty
{
	rows t s6 6 2 1 | sed 's/Op 1/é😀/; s/"operator":"1"/"operator":"u😀"/
		s/"operator":"2"/"operator":"u😁"/'
	echo '{"type":"message","tenant":"t","id":"1","chat":"9","text":"hi é😀",' \
		'"from":"customer","at":"2026-11-20T10:00:00Z"}'
} >"$tmp/faces"
want=$(printf '%s\t%s\n' 686920C3A9F09F9880 '' 75F09F9880 C3A9F09F9880 \
	75F09F9881 4F702032)
faces() {
	sql "SELECT HEX(operator), HEX(name) FROM operator_metrics
		UNION ALL SELECT HEX(content), '' FROM messages ORDER BY 1, 2"
}
for init in "SET NAMES latin1" "SET NAMES utf8mb3" \
	"SET collation_connection = utf8mb3_unicode_ci"; do
	"$servers" mysql "$tmp/db" -e "SET GLOBAL init_connect = '$init'"
	empty
	code 0 "$sink" -f "$tmp/faces"
	is "$init" "$want" "$(faces)"
	code 0 "$sink" --check >"$tmp/check"
	scripts/report -o csv >"$tmp/report"
	grep -q 'é😀' "$tmp/report" || fail "$init: $(cat "$tmp/report")"
done
"$servers" mysql "$tmp/db" -e "SET GLOBAL init_connect = ''"
