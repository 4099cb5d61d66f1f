#!/usr/bin/env bash
# sink: the end of a snapshot sweeps only when every row of it is accounted
# for; tombstones, removed tenants and ages are respected; tenants do not
# touch each other.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate

operators() {
	sql "SELECT operator FROM operator_metrics WHERE tenant = '$1'
		ORDER BY operator" | xargs
}
chats() {
	sql "SELECT CONCAT(chat, ':', status) FROM chat_metrics
		WHERE tenant = '$1' ORDER BY chat" | xargs
}
stored() {
	sql "SELECT snapshot FROM tenants WHERE tenant = '$1'"
}

rows t s1 1 3 3 | "$sink"
rows other o1 1 3 3 | "$sink"
dump >"$tmp/one"

# One row is missing: what came is stored, nothing is removed.
rows t s2 2 1 1 | grep -v tenant_metrics >"$tmp/two"
code 65 "$sink" -f "$tmp/two"
one_line 'snapshot s2 of t is not whole: 2 of 3 rows came'
is "operators are still there" "1 2 3" "$(operators t)"
is "chats too" "1001:open 1002:open 1003:open" "$(chats t)"
is "the stored snapshot" s1 "$(stored t)"
is "but the newest row is stored" 3 \
	"$(sql "SELECT open_chats FROM operator_metrics
		WHERE tenant = 't' AND operator = '1'")"

# The row comes late, alone: now it is whole. (It is a cut snapshot by hand.)
rows t s2 2 1 1 | grep tenant_metrics | code 0 "$sink"
is "swept" "1" "$(operators t)"
is "left" "1001:open 1002:left 1003:left" "$(chats t)"
is "the stored snapshot" s2 "$(stored t)"
is "another tenant" "1 2 3" "$(operators other)"
is "another tenant" "1001:open 1002:open 1003:open" "$(chats other)"

# Cut before its end: stored, not swept, told.
rows t s3 3 0 1 | head -n 2 | code 65 "$sink"
one_line 'snapshot s3 of t was cut'
is "nothing swept" "1" "$(operators t)"
# Cut inside a line.
rows t s3 3 0 1 | head -c 400 | code 65 "$sink"
is "nothing swept" "1" "$(operators t)"

# A missed sweep is mended by the next snapshot; a chat may come back.
rows t s4 4 1 3 | code 0 "$sink"
is "back" "1001:open 1002:open 1003:open" "$(chats t)"

# A bad row counts as arrived; the key of it may even be missing.
rows t s5 5 2 2 | sed '/"operator":"2","name"/s/"open_chats":[0-9]*/"open_chats":-1/
	/"chat":"1002"/s/"chat":"1002",//' |
	code 65 "$sink"
is "both are told" 2 "$(grep -c . "$tmp/err")"
grep -q "line 3: .*open_chats.*below 0" "$tmp/err" || fail "$(cat "$tmp/err")"
is "swept all the same" s5 "$(stored t)"
is "chats" "1001:open 1002:left 1003:left" "$(chats t)"
is "refused rows" "t s5 chat_metrics line t s5 operator_metrics 2" \
	"$(sql "SELECT tenant, snapshot, table_name,
		SUBSTRING_INDEX(row_key, ' ', 1) FROM refused_rows
		ORDER BY row_key DESC" | xargs)"

# An older snapshot, and an older end marker.
dump >"$tmp/five"
rows t s2 2 3 3 | code 0 "$sink" -v
grep -q "older=7" "$tmp/err" || fail "$(cat "$tmp/err")"
grep -q "snapshot_older tenant=t snapshot=s2" "$tmp/err" ||
	fail "$(cat "$tmp/err")"
same "$tmp/five"
# Without -v, too; once a tenant. One that comes again is not told.
{
	rows t s2 2 3 3
	rows t s3 3 3 3
} | code 0 "$sink"
one_line 'snapshot s[23] of t is of 2026-11-20T10:0[23]:00.000Z, no newer than what is stored, of 2026-11-20T10:05:00.000Z, and is not stored'
rows other o1 1 3 3 | code 0 "$sink"
is "again" "" "$(cat "$tmp/err")"
same "$tmp/five"

# Tombstones. The CRM was asked at 10:06 about chat 1001.
sql "DELETE FROM chat_metrics WHERE tenant = 't' AND chat = '1001';
	INSERT INTO closed_chats VALUES ('t', '1001', '2026-11-20 10:05:30',
		'2026-11-20 10:06:00')"
rows t s5 5 2 2 | code 0 "$sink"
rows t s6 6 2 2 | code 0 "$sink" -v
grep -q "refused=1 " "$tmp/err" || fail "$(cat "$tmp/err")"
is "it stays deleted" "1002:open 1003:left" "$(chats t)"
is "it counts as arrived" s6 "$(stored t)"
rows other o2 6 1 2 | "$sink"
is "another tenant's chat of that name" "1001:open 1002:open 1003:left" \
	"$(chats other)"
rows t s7 7 1 2 | "$sink"
is "reopened later" "1001:open 1002:open 1003:left" "$(chats t)"

# Many tombstones and many chats: more than one list of names.
sql "INSERT INTO closed_chats SELECT 't', 1000 + seq, NULL,
	'2026-11-20 10:08:00' FROM seq_11_to_2000"
rows t s8 8 1 1500 | code 0 "$sink" -v
grep -q "refused=1490 " "$tmp/err" || fail "$(cat "$tmp/err")"
is "only the others" "10 0" "$(sql "SELECT COUNT(*), SUM(status = 'left')
	FROM chat_metrics WHERE tenant = 't'" | tr '\t' ' ')"
is "whole" s8 "$(stored t)"

# A stream's row that is older than tombstones are kept.
printf '[reaper]\ntombstones = 1h\n' >"$tmp/conf"
event() {
	echo '{"type":"row","table":"event_counts","tenant":"t","user":"u","event":"e","count":1,"as_of":"'"$1"'"}'
}
event 2026-11-20T09:07:59.999Z | code 0 "$sink" -v -c "$tmp/conf"
grep -q "refused=1 " "$tmp/err" || fail "$(cat "$tmp/err")"
event 2026-11-20T09:08:00.000Z | code 0 "$sink" -v -c "$tmp/conf"
grep -q "stored=1 " "$tmp/err" || fail "$(cat "$tmp/err")"

# A removed tenant.
sql "DELETE FROM chat_metrics WHERE tenant = 'other';
	DELETE FROM operator_metrics WHERE tenant = 'other';
	UPDATE tenants SET removed_at = '2026-11-20 10:09:00' WHERE tenant = 'other'"
rows other o3 9 1 1 | code 0 "$sink" -v
grep -q "refused=3 " "$tmp/err" || fail "$(cat "$tmp/err")"
is "nothing comes back" "" "$(chats other)"
# What has no time is of a removed tenant until something newer came.
undated() { # TENANT ID
	echo '{"type":"event","tenant":"'"$1"'","id":"'"$2"'","event":"e","user":"u"}'
	echo '{"type":"assignment","tenant":"'"$1"'","id":"'"$2"'","chat":"1","operator":"7","expires":"2026-11-20T10:10:00Z"}'
}
ids() { # TENANT
	sql "SELECT id FROM events WHERE tenant = '$1' UNION ALL
		SELECT id FROM assignments WHERE tenant = '$1' ORDER BY id" | xargs
}
undated other 1 | code 0 "$sink" -v
grep -q "refused=2 " "$tmp/err" || fail "$(cat "$tmp/err")"
is "nothing without a time" "" "$(ids other)"
rows other o4 10 1 1 | code 0 "$sink"
is "added anew" "1001:open" "$(chats other)"
undated other 2 | code 0 "$sink"
is "what has no time, too" "2 2" "$(ids other)"

# Rows of a stream have no snapshot: the first newer one of the present state
# tells, also in one batch with it.
sql "INSERT INTO tenants SET tenant = 'flow',
	removed_at = '2026-11-20 10:40:00', newest_at = '2026-11-20 10:39:00'"
undated flow 3 | code 0 "$sink"
is "one of a stream" "" "$(ids flow)"
{
	echo '{"type":"row","table":"tenant_metrics","tenant":"flow","operators":1,"as_of":"2026-11-20T10:41:00Z"}'
	undated flow 4
} | code 0 "$sink"
undated flow 5 | code 0 "$sink"
is "and back" "4 4 5 5" "$(ids flow)"

# One batch with several tenants, one of which is not whole.
{
	rows t s11 11 1 1
	rows third x1 11 2 2 | grep -v '"chat":"1002"'
	rows other o11 11 1 2
} | code 65 "$sink"
one_line 'snapshot x1 of third is not whole: 4 of 5'
is "t" s11 "$(stored t)"
is "other" o11 "$(stored other)"
is "third" NULL "$(stored third)"
