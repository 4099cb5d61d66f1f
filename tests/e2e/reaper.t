#!/usr/bin/env bash
# The reaper against a real database: what is listed, deleted, kept, refused,
# archived and forgotten; and that no row can slip back in beside it.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

reaper=$BIN/reaper
servers=$PWD/scripts/servers

stop_servers() {
	"$servers" stop "$tmp/srv" >/dev/null 2>&1 || :
	clean_up
}
trap stop_servers EXIT
"$servers" start "$tmp/srv" mariadb
eval "$("$servers" env "$tmp/srv")"
export MYSQL_URL
"$BIN/sink" --migrate
cd "$tmp"

q() {
	"$servers" mysql "$tmp/srv" messaging -N -B -e "$1"
}

# What is left: "tenant/chat ..." of a table, sorted.
keys() {
	q "SELECT CONCAT(tenant, '/', chat) FROM $1 ORDER BY 1" | tr '\n' ' ' |
		sed 's/ $//'
}

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# run WANTED-CODE COMMAND...: stdout in out, stderr in err.
run() {
	local want=$1 rc=0
	shift
	"$@" >out 2>err || rc=$?
	is "exit status of '$*' ($(cat err))" "$rc" "$want"
}

silent() {
	is "what it says" "$(cat out err)" ""
}

# Leaks cannot be looked for under strace.
traced() {
	ASAN_OPTIONS=detect_leaks=0 strace -f -o /dev/null "$@"
}
untraced=
traced true 2>/dev/null || untraced=1

one_line() { # PATTERN
	is "lines on stderr ($(cat err))" "$(wc -l <err)" 1
	grep -q -- "$1" err || fail "no '$1' in: $(cat err)"
}

answer() { # TENANT CHAT STATUS TIME
	printf '{"type":"chat","tenant":"%s","chat":"%s","status":"%s","at":"2026-11-20T%sZ"}\n' "$@"
}

# Two tenants as of 10:00, one of them stored an hour ago; acme/1 and acme/2
# have left.
fresh() {
	q "DELETE FROM tenants; DELETE FROM chat_metrics;
	DELETE FROM closed_chats; DELETE FROM refused_rows;
	DELETE FROM operator_metrics; DELETE FROM tenant_metrics;
	DELETE FROM event_counts;
	INSERT INTO tenants (tenant, as_of, snapshot, stored_at) VALUES
	('acme', '2026-11-20 10:00:00', 's', UTC_TIMESTAMP(3)),
	('beta', '2026-11-20 10:00:00', 's', UTC_TIMESTAMP(3) - INTERVAL 1 HOUR);
	INSERT INTO chat_metrics (tenant, chat, status, customer_name,
		avg_response_seconds, messages, as_of) VALUES
	('acme', '1', 'left', 'Zoë \"q\"', 1.5, 4, '2026-11-20 10:00:00.123'),
	('acme', '2', 'left', NULL, NULL, 1, '2026-11-20 10:00:00'),
	('acme', '3', 'open', NULL, NULL, 1, '2026-11-20 10:00:00'),
	('beta', '1', 'open', NULL, NULL, 1, '2026-11-20 10:00:00'),
	('beta', '2', 'pending', NULL, NULL, 1, '2026-11-20 10:00:00');
	INSERT INTO operator_metrics (tenant, operator, available, as_of) VALUES
	('acme', '7', 1, '2026-11-20 10:00:00'),
	('beta', '7', 0, '2026-11-20 10:00:00')"
}

# What was revoked stays so, even where a tenant's rows were purged.
echo "- rules: every table that knows tenants has one, with its key"
"$TESTBIN/tools/tables" | sed -n 's/^rule	//p' | sort >rules
is "tables with a rule" "$(cut -f 1 rules)" "$(q "
	SELECT DISTINCT c.table_name FROM information_schema.columns c
	JOIN information_schema.tables t USING (table_schema, table_name)
	WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'
	AND c.column_name = 'tenant'
	AND c.table_name NOT IN ('tenants', 'revoked_tokens')" | sort)"
while read -r table key others; do
	is "the key of $table" "$key" "$(q "SELECT GROUP_CONCAT(column_name
		ORDER BY ordinal_position) FROM information_schema.key_column_usage
		WHERE table_schema = DATABASE() AND table_name = '$table'
		AND constraint_name = 'PRIMARY'")"
	for column in $(echo "$others" | tr , ' '); do
		is "$table.$column" "$(q "SELECT COUNT(*) FROM
			information_schema.columns WHERE table_schema = DATABASE()
			AND table_name = '$table' AND column_name = '$column'")" 1
	done
done <rules

echo "- --list: those that left, and all of a stale tenant"
fresh
run 0 "$reaper" --list
is "the list" "$(jq -r '"\(.tenant)/\(.chat) \(.status) \(.at)"' out)" \
	"acme/1 null 2026-11-20T10:00:00.123Z
acme/2 null 2026-11-20T10:00:00.000Z
beta/1 open 2026-11-20T10:00:00.000Z
beta/2 pending 2026-11-20T10:00:00.000Z"
q "UPDATE tenants SET removed_at = as_of WHERE tenant = 'beta';
	UPDATE tenants SET stored_at = NULL WHERE tenant = 'acme'"
run 0 "$reaper" --list -t list.ndjson
is "a removed tenant, and one without snapshot" \
	"$(jq -r '"\(.tenant)/\(.chat)"' list.ndjson | tr '\n' ' ')" \
	"acme/1 acme/2 acme/3 "
q "DELETE FROM chat_metrics; INSERT INTO chat_metrics
	(tenant, chat, status, as_of) SELECT 'acme', seq, 'left',
	'2026-11-20 10:00:00' FROM seq_1_to_2500"
run 0 "$reaper" --list
is "a long list, page by page" "$(jq -r .chat out | sort -u | wc -l)" 2500

run 0 sh -c "'$reaper' --list | head -n 1"
is "lines on stderr" "$(cat err)" ""

echo "- closed ones go, open and newer ones stay, tombstones are dated"
fresh
{
	answer acme 1 closed 10:01:00 | sed 's/}$/,"closed_at":"2026-11-20T10:00:30Z"}/'
	answer acme 2 closed 09:59:00
	answer acme 3 open 10:01:00
	answer beta 1 gone 10:01:00
	answer beta 77 closed 10:01:00
	echo '{"type":"operator","tenant":"acme","operator":"7"}'
	echo '{"type":"news","tenant":"acme"}'
} >in
run 0 "$reaper" --dry-run -o table <in
is "a dry run's table" "$(awk '{ print $1 "/" $2, $3 }' out | tail -n +2)" \
	"acme/1 closed
beta/1 gone"
run 0 "$reaper" --dry-run <in
is "a dry run's rows" "$(jq -r '"\(.table) \(.tenant)/\(.chat)"' out)" \
	"chat_metrics acme/1
chat_metrics beta/1"
is "after a dry run" "$(keys chat_metrics) $(keys closed_chats)" \
	"acme/1 acme/2 acme/3 beta/1 beta/2 "
run 0 "$reaper" -o ndjson <in
is "the summary" "$(jq -c 'del(.type)' out)" \
	'{"tenant":"acme","open":1,"closed":2,"gone":0,"deleted":1,"newer":1,"refused":0}
{"tenant":"beta","open":0,"closed":1,"gone":1,"deleted":1,"newer":0,"refused":0}'
is "what is left" "$(keys chat_metrics)" "acme/2 acme/3 beta/2"
is "tombstones" "$(q "SELECT tenant, chat, IFNULL(closed_at, '-'), as_of
	FROM closed_chats ORDER BY 1, 2" | tr '\t' ' ')" \
	"acme 1 2026-11-20 10:00:30.000 2026-11-20 10:01:00.000
beta 1 - 2026-11-20 10:01:00.000
beta 77 - 2026-11-20 10:01:00.000"
run 0 "$reaper" <in
silent
answer acme 1 closed 09:00:00 >older
run 0 "$reaper" <older
is "an older answer about a tombstone" \
	"$(q "SELECT closed_at, as_of FROM closed_chats WHERE chat = '1' AND
		tenant = 'acme'" | tr '\t' ' ')" \
	"2026-11-20 10:00:30.000 2026-11-20 10:01:00.000"

echo "- the sink lets only newer rows back in"
row() { # TIME
	printf '{"type":"row","table":"chat_metrics","tenant":"acme","chat":"1","status":"open","messages":1,"as_of":"2026-11-20T%sZ"}\n' "$1"
}
row 10:01:00 | "$BIN/sink" -f - || :
is "a row as old as the tombstone" "$(keys chat_metrics)" \
	"acme/2 acme/3 beta/2"
row 10:01:00.001 | "$BIN/sink" -f -
is "a reopened chat" "$(keys chat_metrics)" "acme/1 acme/2 acme/3 beta/2"
run 0 "$reaper" <in
is "the answer from before it was reopened" "$(keys chat_metrics)" \
	"acme/1 acme/2 acme/3 beta/2"

echo "- of answers about one chat the one asked for last counts"
fresh
{
	answer acme 1 closed 10:01:00
	answer acme 1 open 10:02:00
	answer beta 1 gone 10:01:00
	answer beta 1 open 10:02:00
	answer beta 2 open 10:02:00
	answer beta 2 gone 10:01:00
} | run 0 "$reaper"
is "after closed, then open" "$(keys chat_metrics)" \
	"acme/1 acme/2 acme/3 beta/1 beta/2"
{
	answer acme 1 open 10:02:00
	answer acme 2 closed 10:01:00
	answer acme 2 open 10:02:00
	for chat in $(seq 1001 2000); do
		answer acme "$chat" closed 10:01:00
	done
	answer acme 1 closed 10:01:00
	answer acme 2 closed 10:03:00
} | run 0 "$reaper"
is "after open, then closed in another batch" "$(keys chat_metrics)" \
	"acme/1 acme/3 beta/1 beta/2"
fresh
{
	answer acme 1 open 10:01:00
	answer acme 1 closed 10:02:00
	answer acme 2 gone 10:01:00
	answer nobody 1 open 10:01:00
	answer nobody 1 closed 10:02:00
} >once.ndjson
run 65 "$reaper" -o ndjson <once.ndjson
is "the summary of open, then closed, beside a gone one" \
	"$(jq -c '[.tenant, .deleted]' out | tr '\n' ' ')" \
	'["acme",2] ["nobody",0] '
one_line "line 5: .*does not know"

echo "- input that is empty, cut, bad, or of a tenant nobody knows"
run 0 "$reaper" </dev/null
silent
fresh
{
	answer acme 1 closed 10:01:00
	answer acme 2 open 10:00:00
	answer acme 2 gone 10:01:00
	answer acme 3 closed 10:01:00 | head -c 50
} >cut.ndjson
run 65 "$reaper" <cut.ndjson
grep -q "cut off" err || fail "no word of the cut: $(cat err)"
grep -q "1 chats that are gone were left" err || fail "gone: $(cat err)"
is "after a cut input" "$(keys chat_metrics)" "acme/2 acme/3 beta/1 beta/2"
fresh
{
	echo nonsense
	answer acme 1 closed 10:01:00
	echo '{"type":"chat","tenant":"acme","chat":"2","status":"closed"}'
	answer nobody 1 closed 10:01:00
	answer acme "2 " closed 10:01:00
} >bad
run 65 "$reaper" <bad
is "lines about bad lines: $(cat err)" "$(wc -l <err)" 4
grep -q "line 3: .*without 'at'" err || fail "$(cat err)"
grep -q "line 4: .*does not know" err || fail "$(cat err)"
grep -q "line 5: .*ends with a blank" err || fail "$(cat err)"
is "beside bad lines" "$(keys chat_metrics)" "acme/2 acme/3 beta/1 beta/2"

echo "- principle 7: many gone at once are not believed, the others are served"
fresh
q "INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'beta',
	100 + seq, 'open', '2026-11-20 10:00:00' FROM seq_1_to_98"
{
	for chat in $(seq 101 121); do
		answer beta "$chat" gone 10:01:00
	done
	answer beta 150 closed 10:01:00
	answer acme 1 gone 10:01:00
} >gone.ndjson
run 65 "$reaper" <gone.ndjson
one_line "21 of the 9[0-9]* known chats of tenant 'beta' are gone"
one_line "--force"
is "chats of beta" "$(q "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'beta'")" 99
is "the others" "$(keys chat_metrics | tr ' ' '\n' | grep acme | tr '\n' ' ')" \
	"acme/2 acme/3 "
run 0 "$reaper" --force <gone.ndjson
is "with --force" "$(q "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'beta'")" 78
fresh
q "INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'beta',
	100 + seq, 'open', '2026-11-20 10:00:00' FROM seq_1_to_10"
head -n 10 gone.ndjson | run 0 "$reaper"
is "ten are believed" "$(keys chat_metrics)" "acme/1 acme/2 acme/3 beta/1 beta/2"

echo "- a part of the answers about gone chats, whole lines, deletes none"
fresh
for chat in 1 2; do
	answer acme $chat gone 10:01:00 | sed 's/}$/,"records":2}/'
done >two.ndjson
run 65 "$reaper" --force < <(head -n 1 two.ndjson | sed 'p;p')
one_line "of 2 chats of tenant 'acme' that are gone only 1 came"
is "after a part" "$(keys chat_metrics)" "acme/1 acme/2 acme/3 beta/1 beta/2"
run 0 "$reaper" <two.ndjson
is "after all" "$(keys chat_metrics)" "acme/3 beta/1 beta/2"

echo "- answers of a time that cannot be are refused"
fresh
while IFS='|' read -r status at closed why; do
	printf '{"type":"chat","tenant":"acme","chat":"1","status":"%s","at":"%s","closed_at":"%s"}\n' \
		"$status" "$at" "$closed" >future.ndjson
	run 65 "$reaper" <future.ndjson
	one_line "line 1: $why"
done <<'END'
closed|9999-12-31T23:59:59Z|0001-01-01T00:00:00Z|field 'closed_at' is before
closed|0999-12-31T23:59:59Z|2026-11-20T10:00:00Z|field 'at' is before the year
gone|9999-12-31T23:59:59Z|2026-11-20T10:00:00Z|ahead: its time
open|9999-12-31T23:59:59Z|2026-11-20T10:00:00Z|ahead: its time
END
is "tombstones" "$(keys closed_chats)" ""
is "chats" "$(keys chat_metrics)" "acme/1 acme/2 acme/3 beta/1 beta/2"
printf '[aggregator]\nahead = 0\n' >any.conf
run 0 "$reaper" -c any.conf < <(sed 's/open/closed/' future.ndjson)
is "with ahead = 0" "$(keys closed_chats)" acme/1

echo "- more than a batch"
q "DELETE FROM chat_metrics; INSERT INTO chat_metrics
	(tenant, chat, status, as_of) SELECT 'acme', seq, 'left',
	'2026-11-20 10:00:00' FROM seq_1_to_2500"
for chat in $(seq 2 2500); do
	answer acme "$chat" closed 10:01:00
done >many
run 0 "$reaper" --archive many.archive <many
silent
is "left of 2500" "$(keys chat_metrics)" acme/1
is "in the archive" "$(jq -r .chat many.archive | sort -un | wc -l)" 2499

echo "- the archive: first there, then deleted"
fresh
run 0 "$reaper" --archive kept.ndjson <in
silent
is "its mode" "$(stat -c %a kept.ndjson)" 600
is "its rows" "$(jq -c '[.table, .chat, .customer_name, .messages,
	.avg_response_seconds, .operator, .as_of]' kept.ndjson)" \
	'["chat_metrics","1","Zoë \"q\"",4,1.5,null,"2026-11-20T10:00:00.123Z"]
["chat_metrics","1",null,1,null,null,"2026-11-20T10:00:00.000Z"]'
q "DELETE FROM closed_chats; DELETE FROM chat_metrics"
# 'left' is what a table says, no row does.
sed 's/"left"/"open"/' kept.ndjson | "$BIN/sink" -f -
is "the archive brings them back" "$(keys chat_metrics)" "acme/1 beta/1"
fresh
ln -s kept.ndjson link
run 73 "$reaper" --archive link <in
one_line "it is a link"
run 73 "$reaper" --archive no/such/file <in
is "without an archive nothing is read" "$(keys chat_metrics)" \
	"acme/1 acme/2 acme/3 beta/1 beta/2"
if [ -z "$untraced" ]; then
	for fault in write:error=ENOSPC fdatasync:error=EIO; do
		before=$(cat kept.ndjson)
		# -P: only the archive, not the connection or stderr.
		run 74 traced -P "$tmp/kept.ndjson" \
			-e "trace=${fault%%:*}" -e "inject=$fault" \
			"$reaper" --archive "$tmp/kept.ndjson" <in
		one_line "nothing was deleted"
		is "after $fault" "$(keys chat_metrics) $(keys closed_chats)" \
			"acme/1 acme/2 acme/3 beta/1 beta/2 "
		is "the archive after $fault" "$(cat kept.ndjson)" "$before"
	done
fi

echo "- on_close = all: what is kept as history goes too"
printf '[reaper]\non_close = all\n' >all.conf
for close in live all; do
	fresh
	q "INSERT INTO refused_rows (tenant, snapshot, table_name, row_key, chat,
		reason, as_of) VALUES
		('acme', 's', 'chat_metrics', '1', '1', 'r', '2026-11-20 10:00:00'),
		('acme', 's', 'chat_metrics', '3', '3', 'r', '2026-11-20 10:00:00')"
	answer acme 1 closed 10:01:00 >one
	case $close in
	live)
		run 0 "$reaper" <one
		left="1 3"
		;;
	all)
		run 0 "$reaper" -c all.conf <one
		left=3
		;;
	esac
	is "history left by on_close = $close" \
		"$(q 'SELECT row_key FROM refused_rows ORDER BY 1' | xargs)" "$left"
	is "chats" "$(keys chat_metrics)" "acme/2 acme/3 beta/1 beta/2"
done

echo "- tombstones and refusals are forgotten in time"
fresh
q "INSERT INTO closed_chats (tenant, chat, as_of) VALUES
	('acme', 'old', '2026-11-13 09:59:59.999'),
	('acme', 'young', '2026-11-13 10:00:00');
	INSERT INTO closed_chats (tenant, chat, as_of) SELECT 'beta', seq,
	'2026-01-01 00:00:00' FROM seq_1_to_2100;
	INSERT INTO refused_rows (tenant, snapshot, table_name, row_key, reason,
	as_of) VALUES ('acme', 's', 't', 'old', 'r', '2026-11-13 09:59:59.999'),
	('acme', 's', 't', 'young', 'r', '2026-11-13 10:00:00')"
run 0 "$reaper" </dev/null
is "tombstones" "$(keys closed_chats)" acme/young
is "refusals" "$(q 'SELECT row_key FROM refused_rows')" young

echo "- the same in a stream, which has no snapshots: by its newest row"
q "DELETE FROM tenants; DELETE FROM chat_metrics"
stream_row() { # TABLE TIME FIELDS
	printf '{"type":"row","table":"%s","tenant":"flow","as_of":"%s",%s}\n' "$@"
}
stream_row tenant_metrics 2026-11-20T10:00:00.000Z '"version":1' | "$BIN/sink" -f -
q "INSERT INTO closed_chats (tenant, chat, as_of) VALUES
	('flow', 'old', '2026-11-13 09:59:59.999'),
	('flow', 'young', '2026-11-13 10:00:00')"
run 0 "$reaper" </dev/null
is "tombstones of a stream" "$(keys closed_chats)" "acme/young flow/young"
late() { # CHAT TIME
	stream_row chat_metrics "$2" "\"chat\":\"$1\",\"status\":\"open\""
	stream_row event_counts "$2" "\"user\":\"$1\",\"event\":\"e\",\"count\":1"
}
{
	late old 2026-11-13T09:59:59.999Z
	late young 2026-11-13T10:00:00.000Z
	late kept 2026-11-13T10:00:00.000Z
} >late.rows
"$BIN/sink" -f late.rows
is "whose tombstone went does not return" "$(keys chat_metrics)" flow/kept
is "a row without a chat has none" \
	"$(q 'SELECT user FROM event_counts ORDER BY 1' | xargs)" "kept old young"

echo "- in one that writes no tenant_metrics, by those of chats and operators"
for table in chat_metrics operator_metrics; do
	stream_row $table 2026-11-20T10:00:00.000Z \
		'"chat":"now","status":"open","operator":"7","version":1' |
		sed 's/"flow"/"bare"/' | "$BIN/sink" -f -
	q "INSERT INTO closed_chats (tenant, chat, as_of) VALUES
		('bare', 'old', '2026-11-13 09:59:59.999'),
		('bare', 'young', '2026-11-13 10:00:00');
		INSERT INTO refused_rows (tenant, snapshot, table_name, row_key,
		reason, as_of) VALUES
		('bare', 's', 't', 'old', 'r', '2026-11-13 09:59:59.999')"
	run 0 "$reaper" </dev/null
	is "tombstones by $table" "$(keys closed_chats)" \
		"acme/young bare/young flow/young"
	is "refusals by $table" \
		"$(q 'SELECT row_key FROM refused_rows' | xargs)" young
	q "DELETE FROM closed_chats WHERE tenant = 'bare';
		DELETE FROM $table WHERE tenant = 'bare';
		DELETE FROM tenants WHERE tenant = 'bare'"
done

echo "- a replay into an empty state: newer versions of older times"
q "DELETE FROM chat_metrics"
stream_row tenant_metrics 2026-11-01T00:00:00.000Z '"version":2' | "$BIN/sink" -f -
is "the row of the replay" "$(q 'SELECT as_of, version FROM tenant_metrics
	WHERE tenant = "flow"' | tr '\t' ' ')" "2026-11-01 00:00:00.000 2"
"$BIN/sink" -f late.rows
is "nor does it in a replay" "$(keys chat_metrics)" flow/kept
q "INSERT INTO closed_chats (tenant, chat, as_of) VALUES
	('flow', 'old', '2026-11-13 09:59:59.999')"
run 0 "$reaper" </dev/null
is "tombstones after a replay" "$(keys closed_chats)" "acme/young flow/young"

echo "- a row with a time that is still to come makes no other one old"
stream_row tenant_metrics 2036-11-01T00:00:00.000Z '"version":3' | "$BIN/sink" -f -
is "the newest time is not later than now" \
	"$(q 'SELECT newest_at > "2026-11-20 10:00" AND
	newest_at <= UTC_TIMESTAMP(3) FROM tenants WHERE tenant = "flow"')" 1

echo "- history is not refused by its age: an open chat's may be as old"
said() { # ID
	printf '{"type":"message","tenant":"flow","id":"%s","chat":"kept","at":"%s","from":"customer","to":"7"}\n' \
		"$1" 2026-11-01T10:00:00.000Z
}
for close in live all; do
	q "DELETE FROM messages; UPDATE tenants SET as_of = NULL"
	printf '[reaper]\non_close = %s\n' "$close" >close.conf
	said stream | "$BIN/sink" -c close.conf -f -
	q "UPDATE tenants SET as_of = '2026-11-20 10:00:00'"
	said snapshots | "$BIN/sink" -c close.conf -f -
	is "messages with on_close = $close" "$(q 'SELECT message_id FROM messages
		ORDER BY 1' | xargs)" "snapshots stream"
done

echo "- --purge: all of one tenant, nothing of another"
fresh
q "INSERT INTO closed_chats (tenant, chat, as_of) VALUES
	('acme', '9', '2026-11-20 09:00:00');
	INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'acme',
	10 + seq, 'open', '2026-11-20 10:00:00' FROM seq_1_to_2000"
run 66 "$reaper" --purge nobody
one_line "does not know the tenant 'nobody'"
run 64 "$reaper" --purge 'acme '
one_line "no name of a tenant"
CRM_URL=http://127.0.0.1:1/v1 CRM_TOKEN=x CRM_TENANT=acme run 78 \
	"$reaper" --purge acme
one_line "still configured"
run 0 "$reaper" --purge acme --dry-run -v -o csv
grep -q '^chat_metrics,2003' out || fail "a dry purge: $(cat out)"
! grep tenant_purged err || fail "a dry purge says that it was done"
run 0 "$reaper" --purge acme --archive purged.ndjson
silent
is "in the archive" "$(jq -r .table purged.ndjson | sort | uniq -c |
	awk '{ print $2, $1 }')" "chat_metrics 2003
operator_metrics 1"
for table in chat_metrics operator_metrics closed_chats tenants; do
	echo "$table $(q "SELECT GROUP_CONCAT(DISTINCT tenant) FROM $table")"
done >left
is "left of a purge" "$(cat left)" "chat_metrics beta
operator_metrics beta
closed_chats NULL
tenants acme,beta"
row 10:00:00 | "$BIN/sink" -f - || :
is "a row that was on its way" "$(keys chat_metrics)" "beta/1 beta/2"

echo "- --purge: what another deletes meanwhile shifts nothing"
fresh
q "INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'acme',
	10000 + seq, 'open', '2026-11-20 10:00:00' FROM seq_1_to_2000"
# shellcheck disable=SC2317 # until_true calls it
transactions() { # N CONDITION
	[ "$(q "SELECT COUNT(*) FROM information_schema.innodb_trx
		WHERE $2")" = "$1" ]
}
mkfifo other
"$servers" mysql "$tmp/srv" messaging <other >/dev/null &
other=$!
exec 5>other
echo "START TRANSACTION; DELETE FROM chat_metrics WHERE tenant = 'acme' AND
	chat BETWEEN '10101' AND '10200';" >&5
until_true 20 transactions 1 "trx_rows_modified = 100" || fail "no other"
"$reaper" --purge acme --archive shifted.ndjson 5>&- &
pid=$!
until_true 20 transactions 1 "trx_state = 'LOCK WAIT'" || fail "no wait"
echo "COMMIT;" >&5
exec 5>&-
wait $other
wait $pid || fail "a purge beside another: $?"
is "in the archive beside another" \
	"$(jq -r 'select(.table == "chat_metrics").chat' shifted.ndjson |
		sort | md5sum)" \
	"$({ seq 3; seq 10001 10100; seq 10201 12000; } | sort | md5sum)"

echo "- --purge: one that a signal ends says that it is not done"
fresh
q "INSERT INTO chat_metrics (tenant, chat, status, as_of) SELECT 'acme',
	10000 + seq, 'open', '2026-11-20 10:00:00' FROM seq_1_to_2000"
"$servers" mysql "$tmp/srv" messaging <other >/dev/null &
other=$!
exec 5>other
echo "START TRANSACTION; DELETE FROM chat_metrics WHERE tenant = 'acme' AND
	chat = '10101';" >&5
until_true 20 transactions 1 "trx_rows_modified = 1" || fail "no other"
"$reaper" --purge acme 5>&- >out 2>err &
pid=$!
until_true 20 transactions 1 "trx_state = 'LOCK WAIT'" || fail "no wait"
kill -TERM $pid
echo "COMMIT;" >&5
exec 5>&-
wait $other
rc=0
wait $pid || rc=$?
is "exit status of a purge that was stopped ($(cat err))" $rc 75
one_line "the purge of 'acme' was asked to stop.*; run it again"
is "rows left of it" "$(q "SELECT COUNT(*) FROM chat_metrics
	WHERE tenant = 'acme'")" 1002
run 0 "$reaper" --purge acme
is "rows left of the next" "$(q "SELECT COUNT(*) FROM chat_metrics
	WHERE tenant = 'acme'")" 0

echo "- the tenant of a stream, which has no markers: purged, and added again"
stream() { # its rows, as of now and so many seconds later
	local at
	at=$(date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ)
	printf '{"type":"row","table":"%s","tenant":"flow",%s,"as_of":"%s"}\n' \
		chat_metrics '"chat":"1","status":"open"' "$at" \
		tenant_metrics '"operators":1,"version":'"$(date +%s%3N)" "$at"
}
flow() { # what the list, and what tenant list, says of it
	"$reaper" --list | jq -r 'select(.tenant == "flow").chat'
	MESSAGING_BIN=$BIN "$(dirname "$servers")/tenant" list -o ndjson |
		jq -r 'select(.tenant == "flow").state'
}
stream 0 | "$BIN/sink" -f -
is "a stream" "$(flow)" "1
streaming"
run 0 "$reaper" --purge flow
is "purged" "$(flow)" purged
stream -3600 | "$BIN/sink" -f - || :
is "rows that were on their way" "$(flow)" purged
stream 60 | "$BIN/sink" -f -
is "added again" "$(flow)" "1
streaming"

echo "- no row slips in: a sink at work while the reaper deletes"
# Rows of a snapshot before the asking, again and again, against deletions: at
# no moment may a chat have both a tombstone and an older row. Nobody asks about
# the last one: its row shows that the sinks were at work.
fresh
for i in $(seq 200); do
	row 10:00:30 | sed "s/\"chat\":\"1\"/\"chat\":\"$((i % 20))\"/"
done >flood
for i in $(seq 0 19); do
	answer acme "$i" closed 10:01:00
done >all
for round in 1 2 3 4 5; do
	q "DELETE FROM closed_chats"
	pids=()
	for n in 1 2 3; do
		row 10:00:3$round | sed "s/\"chat\":\"1\"/\"chat\":\"by $n\"/" |
			cat flood - | "$BIN/sink" -f - 2>err.$n &
		pids+=($!)
	done
	run 0 "$reaper" <all
	for n in 1 2 3; do
		wait "${pids[n - 1]}" || fail "sink $n gives $?: $(cat err.$n)"
	done
	is "stored in round $round" "$(q "SELECT chat, SECOND(as_of) FROM
		chat_metrics WHERE chat LIKE 'by%' ORDER BY 1" | tr '\t\n' '= ')" \
		"by 1=3$round by 2=3$round by 3=3$round "
	is "tombstones" "$(q "SELECT COUNT(*) FROM closed_chats")" 20
	is "round $round" "$(q "SELECT COUNT(*) FROM chat_metrics c JOIN
		closed_chats t USING (tenant, chat) WHERE c.as_of <= t.as_of")" 0
done

# tests/e2e/faults.t kills it at each step.
if [ -z "$untraced" ] && [ -n "${LONG:-}" ]; then
	echo "- killed at any call: what is gone is archived and has its tombstone"
	killed=0
	for n in $(seq 2 120); do
		fresh
		rm -f crash.ndjson
		rc=0
		traced -e trace=sendto -e "inject=sendto:signal=KILL:when=$n" \
			"$reaper" --archive "$tmp/crash.ndjson" <in >out 2>err ||
			rc=$?
		for chat in acme/1 beta/1; do
			row=$(q "SELECT COUNT(*) FROM chat_metrics
				WHERE CONCAT(tenant, '/', chat) = '$chat'")
			stone=$(q "SELECT COUNT(*) FROM closed_chats
				WHERE CONCAT(tenant, '/', chat) = '$chat'")
			is "row and tombstone of $chat, killed at $n" \
				$((row + stone)) 1
			[ "$row" = 1 ] || grep -q "\"${chat%/*}\",\"chat\":\"1\"" \
				crash.ndjson || fail "$chat is lost, killed at $n"
		done
		run 0 "$reaper" --archive crash.ndjson <in
		is "after killed at $n and once more" "$(keys chat_metrics)" \
			"acme/2 acme/3 beta/2"
		[ "$rc" = 137 ] || break
		killed=$((killed + 1))
	done
	[ "$killed" -gt 5 ] || fail "it was killed $killed times only"
	[ "$rc" = 0 ] || fail "it was never allowed to end"
fi

echo "- a database that is away is no fault of the input"
"$servers" stop "$tmp/srv" mariadb
printf '[mysql]\nurl = %s\nwait_timeout = 1s\n' "$MYSQL_URL" >away.conf
chmod 600 away.conf
unset MYSQL_URL
run 75 "$reaper" -c away.conf <in
one_line "mysql"
run 75 "$reaper" -c away.conf --list
run 0 "$reaper" -c away.conf -n

[ -z "$untraced" ] || {
	echo "the faults were left out: strace is missing or may not trace here"
	exit 77
}
