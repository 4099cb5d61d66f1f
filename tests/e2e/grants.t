#!/usr/bin/env bash
# The rights that scripts/examples/grants.sql.example gives are enough for each program,
# and not more than they need: a program's forbidden deeds are refused.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

servers=$PWD/scripts/servers
page=$PWD/man/man5/messaging-records.5
report=$PWD/scripts/report

stop_servers() {
	"$servers" stop "$tmp/srv" >/dev/null 2>&1 || :
	clean_up
}
trap stop_servers EXIT
"$servers" start "$tmp/srv" mariadb
eval "$("$servers" env "$tmp/srv")"
where=${MYSQL_URL#*@}

# Over TCP the host is an address.
sed "s/@localhost/@'%'/; s/CHANGE ME/secret/" scripts/examples/grants.sql.example \
	>"$tmp/grants"
sed '/^-- 2[.]/,$d' "$tmp/grants" | "$servers" mysql "$tmp/srv"
cd "$tmp"

as() { # USER COMMAND...
	local user=$1
	shift
	MYSQL_URL=mysql://$user:secret@$where "$@"
}

mysql_as() { # USER STATEMENT
	printf '[client]\nuser=%s\npassword=secret\n' "$1" >"$1.cnf"
	local host=${where%%:*} port=${where#*:}
	mariadb --defaults-file="$1.cnf" -h "$host" -P "${port%%/*}" \
		messaging -N -B -e "$2"
}

refused() { # USER STATEMENT
	if mysql_as "$1" "$2" >out 2>&1; then
		fail "$1 may do this: $2"
	fi
	grep -q 'denied' out || fail "$1: $2: $(cat out)"
}

as admin "$BIN/sink" --migrate
sed '1,/^-- 2[.]/d' grants | "$servers" mysql "$tmp/srv"

# The whole snapshot among the examples of the page.
sed -n '/^A whole snapshot/,/^\.Ed/s/^{/{/p' "$page" >records
as sink "$BIN/aggregator" -f records -t rows
as sink "$BIN/sink" -f rows
as sink "$BIN/sink" --check -o ndjson >check
grep '"result":"failed"' check && fail "sink --check is not content"
as report "$report" -o csv >table
grep -q '^t1,7,Ann,' table || fail "the report shows: $(cat table)"
as report "$report" -o ndjson >/dev/null
as sink "$BIN/sink" --token --tenant t1 --revoke x

# Each path of the API, the figures of one aggregator and those of several.
# A busy database may take longer than 5 s.
printf '%s\n' '[serve]' 'rate = 0' 'query_timeout = 50s' \
	"secret_key = $(printf %064d 0)" >serve.conf
chmod 600 serve.conf
MYSQL_URL=mysql://serve:secret@$where "$BIN/sink" -c serve.conf \
	--serve 127.0.0.1:0 --port-file port 2>serve.log &
served=$!
until_true 20 test -s port || fail "no server: $(cat serve.log)"
as sink "$BIN/sink" -c serve.conf --token --tenant t1 --role admin \
	--days 1 2>/dev/null | sed 's/^/Authorization: Bearer /' >header
ask_every_path() {
	local path
	# But the stream, which does not end and asks what /api/v1/now asks.
	"$BIN/sink" --openapi |
		jq -r '.paths | to_entries[] | select(.value.get) | .key' | grep -v '/stream$' |
		sed 's/{chat}/9/; s/{[a-z_]*}/x/' >paths
	[ "$(wc -l <paths)" -gt 20 ] || fail "which paths? $(cat paths)"
	while read -r path; do
		case $path in
		*/analytics/*) path+='?tenant_id=t1&period=week' ;;
		esac
		curl -sS --max-time 60 -H @header -o answer -w '%{http_code}' \
			"http://127.0.0.1:$(cat port)$path" >status
		grep -qE '^(200|404|422)$' status ||
			fail "$path: $(cat status answer serve.log)"
		[[ $path != */health* ]] || grep -q '"healthy"' answer ||
			fail "$path: $(cat answer serve.log)"
	done <paths
	curl -sS --max-time 60 -o answer "http://127.0.0.1:$(cat port)/metrics"
	grep -q '^messaging_tenant_open_chats{tenant="t1"}' answer ||
		fail "metrics: $(cat answer serve.log)"
}
ask_every_path
"$servers" mysql "$tmp/srv" messaging -e "INSERT INTO tenant_metrics_parts
	(tenant, generation, part, open_chats, as_of) VALUES ('t1', 1, 0, 1, NOW())"
ask_every_path
kill "$served"
wait "$served" || fail "sink --serve: $(cat serve.log)"
! grep -i denied serve.log || fail "refused"
# It looks at the number of the schema with these rights, too.
"$servers" mysql "$tmp/srv" messaging -e "INSERT INTO schema_migrations
	SELECT MAX(number) + 1, NOW(3) FROM schema_migrations"
rc=0
as serve timeout 60 "$BIN/sink" -c serve.conf --serve 127.0.0.1:0 \
	2>serve.log || rc=$?
[ $rc = 78 ] || fail "it serves another version's schema: $(cat serve.log)"
grep -q 'newer than this program' serve.log || fail "said: $(cat serve.log)"
# So does the reaper, which deletes nothing then.
rc=0
as reaper timeout 60 "$BIN/reaper" --list 2>listed.log || rc=$?
[ $rc = 78 ] || fail "it reaps another version's schema: $(cat listed.log)"
grep -q 'newer than this program' listed.log ||
	fail "said: $(cat listed.log)"
"$servers" mysql "$tmp/srv" messaging -e \
	"DELETE FROM schema_migrations ORDER BY number DESC LIMIT 1"

as reaper "$BIN/reaper" --list -o ndjson >listed
cat >closed <<'END'
{"type":"chat","tenant":"t1","chat":"9","status":"closed","at":"2026-11-20T11:00:00Z"}
END
as reaper "$BIN/reaper" -f closed --archive gone
grep -q '"chat":"9"' gone || fail "nothing was archived"
as sink "$BIN/sink" -f rows # what was deleted stays deleted
[ -z "$("$servers" mysql "$tmp/srv" messaging -N -B \
	-e 'SELECT chat FROM chat_metrics')" ] || fail "the chat is back"
today=$(date -u +%FT00:00:00Z) # so old that its partition is dropped is another
cat >said <<END
{"type":"message","tenant":"t1","chat":"5","id":"1","from":"customer","user":"c1","text":"hello","at":"$today"}
{"type":"event","tenant":"t1","id":"1","user":"c1","event":"click","at":"$today"}
END
"$BIN/aggregator" -a all <said -o ndjson >rows
as sink "$BIN/sink" -f rows
as reaper "$BIN/reaper" --export c1 --tenant t1 >rows
grep -q '"content":"hello"' rows || fail "exported: $(cat rows)"
as reaper "$BIN/reaper" --forget c1 --tenant t1 --archive gone
as reaper "$BIN/reaper" --export c1 --tenant t1 >rows
if grep -q '"content":"hello"' rows; then fail "not forgotten: $(cat rows)"; fi
as reaper "$BIN/reaper" --purge t1

# History: the sink makes partitions, the reaper drops them.
{
	for days in 0 -40; do
		printf '{"type":"message","tenant":"t2","chat":"c","id":"1","from":"customer","at":"%s"}\n' \
			"$(date -u -d "$days day" +%FT00:00:00Z)"
	done
} >history
as sink "$BIN/sink" -f history 2>said
as reaper "$BIN/reaper" --retention 30d -o ndjson >went 2>>said
[ ! -s said ] || fail "said: $(cat said)"
grep -q '"table":"messages","partitions":2,"rows":1' went ||
	fail "retention: $(cat went)"

refused sink 'DELETE FROM chat_metrics'
refused sink 'DELETE FROM closed_chats'
refused sink 'DROP TABLE chat_metrics'
refused sink 'CREATE TABLE x (a INT)'
refused sink 'DROP TABLE messages'
refused sink 'ALTER TABLE messages DROP PARTITION bmax'
refused sink 'ALTER TABLE chat_metrics ADD COLUMN x INT'
refused reaper 'INSERT INTO chat_metrics (tenant) VALUES (1)'
refused reaper 'UPDATE operator_metrics SET name = 1'
refused reaper 'DROP TABLE chat_metrics'
refused report 'DELETE FROM chat_metrics'
refused report 'INSERT INTO tenants (tenant) VALUES (1)'
refused report "DELETE FROM revoked_tokens"
refused serve 'SELECT 1 FROM closed_chats'
refused serve 'SELECT applied_at FROM schema_migrations'
refused serve 'UPDATE chat_metrics SET tag = 1'
refused serve "DELETE FROM revoked_tokens"
refused grafana 'SELECT content FROM messages'
refused grafana 'SELECT customer_phone FROM chat_metrics'
for table in trends trends_parts trends_all events; do
	refused grafana "SELECT 1 FROM $table"
done

# Of words, Grafana sees those above the limit only, of parts as well.
"$servers" mysql "$tmp/srv" messaging -e "
	INSERT INTO tenant_metrics_parts (tenant, generation, part, as_of)
	VALUES ('t1', 1, 0, NOW());
	INSERT INTO trends_parts (tenant, window_start, word, generation, part,
		window_end, occurrences, as_of)
	SELECT 't1', '2026-11-20 10:00:00', word, 1, part,
		'2026-11-20 10:02:00', occurrences, NOW()
	FROM (SELECT '5511999990000' word, 0 part, 1 occurrences
		UNION ALL SELECT 'deadline', 0, 2
		UNION ALL SELECT 'deadline', 1, 1) s"
[ "$(mysql_as grafana 'SELECT word, occurrences FROM grafana_trends')" = \
	$'deadline\t3' ] || fail "words: $(mysql_as grafana \
		'SELECT * FROM grafana_trends' 2>&1)"
