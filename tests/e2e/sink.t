#!/usr/bin/env bash
# sink: what is in the tables after a snapshot, column by column; a replay, a
# shuffle and duplicates change nothing; an old row never wins, not in part
# either; as arrays and as text.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate

rows t s1 1 3 8 >"$tmp/one"
code 0 "$sink" -f "$tmp/one"
is "a quiet run" "" "$(cat "$tmp/err")"
is "an operator's row" \
	"t 2 Op 2 0 3 2 1 1.125 NULL NULL NULL NULL NULL NULL 2026-11-20 10:01:00.000 1795168860000" \
	"$(sql "SELECT * FROM operator_metrics WHERE operator = '2'" | tr '\t' ' ')"
is "a chat's row" \
	"t 1001 2 telegram 1 NULL +551 vip open 2026-11-20 09:00:00.000 NULL 2 NULL 1 1.001 NULL 2026-11-20 09:59:00.500 2026-11-20 10:01:00.000 1795168860000" \
	"$(sql "SELECT * FROM chat_metrics WHERE chat = '1001'" | tr '\t' ' ')"
is "the tenant's row" "t 3 8 NULL NULL NULL NULL NULL NULL 2026-11-20 10:01:00.000 1795168860000" \
	"$(sql "SELECT * FROM tenant_metrics" | tr '\t' ' ')"
is "the snapshot" "2026-11-20 10:01:00.000 s1" \
	"$(sql "SELECT as_of, snapshot FROM tenants" | tr '\t' ' ')"

# The view of the system we replace: its columns, its wait in whole seconds.
is "the columns of reports" \
	"id operator_name operator_id dialog_id tmr_in_seconds opened_dialogs client status_tag created_at updated_at tenant" \
	"$(sql "SELECT column_name FROM information_schema.columns WHERE
		table_schema = DATABASE() AND table_name = 'reports'
		ORDER BY ordinal_position" | tr '\n' ' ' | sed 's/ $//')"
is "a chat that waits" \
	"Op 2 2 1001 119 2 +551 vip 2026-11-20 09:00:00.000 2026-11-20 10:01:00.000 t" \
	"$(sql "SELECT operator_name, operator_id, dialog_id, tmr_in_seconds,
		opened_dialogs, client, status_tag, created_at, updated_at, tenant
		FROM reports WHERE dialog_id = '1001'" | tr '\t' ' ')"
is "one that does not" "0 Sem tag" \
	"$(sql "SELECT tmr_in_seconds, status_tag FROM reports
		WHERE dialog_id = '1002'" | tr '\t' ' ')"
is "one that nobody holds" 0 \
	"$(sql "SELECT COUNT(*) FROM reports WHERE dialog_id = '1005'")"
is "ids are there, and differ" 7 "$(sql "SELECT COUNT(DISTINCT id) FROM reports")"
# A stream writes no row of a chat whose customer just waits on.
later() {
	sql "UPDATE tenant_metrics SET as_of = as_of + INTERVAL $1 SECOND
		WHERE tenant = 't'"
}
later 3600
is "it waits up to the present" 3719 "$(sql "SELECT tmr_in_seconds FROM reports
	WHERE dialog_id = '1001'")"
later -3600

# Rows of a stream, which no snapshot's age judges.
event() {
	echo '{"type":"row","table":"event_counts","tenant":"t","user":"u","event":"e","count":'"$1"',"as_of":"2026-11-20T10:00:0'"$2"'.000Z"}'
}
event 1 1 | "$sink"
event 3 3 | "$sink"
{ event 2 2; event 1 1; } | "$sink" # old ones, in another order
is "an old row" "3 2026-11-20 10:00:03.000" \
	"$(sql "SELECT count, as_of FROM event_counts" | tr '\t' ' ')"
{ event 5 5; event 4 4; event 5 5; } | "$sink"
is "the newest of a batch" "5 2026-11-20 10:00:05.000" \
	"$(sql "SELECT count, as_of FROM event_counts" | tr '\t' ' ')"
sql "DELETE FROM event_counts"

# A second snapshot without one operator and two chats, with two new ones.
rows t s2 2 2 8 3 >"$tmp/two"
"$sink" -f "$tmp/two"
is "an operator that is gone" "1 2" \
	"$(sql "SELECT operator FROM operator_metrics ORDER BY 1" | xargs)"
is "chats that are gone" "1001:left 1002:left" "$(sql "SELECT
	CONCAT(chat, ':', status) FROM chat_metrics WHERE status <> 'open'
	ORDER BY chat" | xargs)"
is "they are in no report" 0 \
	"$(sql "SELECT COUNT(*) FROM reports WHERE dialog_id IN ('1001', '1002')")"
dump >"$tmp/want"

for bulk in auto off; do
	printf '[mysql]\nbulk = %s\n[sink]\nbatch = 4\n' "$bulk" >"$tmp/conf"
	# Again, both, as they were; the older one is refused as a whole.
	cat "$tmp/one" "$tmp/two" "$tmp/one" | "$sink" -c "$tmp/conf"
	same "$tmp/want"
	# Anew: in order; each line twice; the lines shuffled, their end
	# marker too, once a second batch size, once in one batch.
	empty
	cat "$tmp/one" "$tmp/two" | "$sink" -c "$tmp/conf"
	same "$tmp/want"
	for seed in 1 2 3 4; do
		empty
		"$sink" -c "$tmp/conf" <"$tmp/one"
		cat "$tmp/two" "$tmp/two" | shuf --random-source=<(
			awk -v seed=$seed 'BEGIN { srand(seed);
			for (;;) printf "%c", rand() * 256 }'
		) >"$tmp/shuffled"
		"$sink" -c "$tmp/conf" <"$tmp/shuffled" 2>"$tmp/err" ||
			[ $? = 65 ] || fail "$(cat "$tmp/err")"
		same "$tmp/want"
		sed -i 's/^batch = .*/batch = 1000/' "$tmp/conf"
	done
	code 0 "$sink" -c "$tmp/conf" -vv -f "$tmp/two"
	grep -q "bulk=$([ $bulk = auto ] && echo yes || echo no)" "$tmp/err" ||
		fail "not stored the way it was meant: $(cat "$tmp/err")"
done

# The counters.
code 0 "$sink" -v -f "$tmp/one"
grep -q "sink_done rows=12 stored=0 refused=0 older=12 dead=0" "$tmp/err" ||
	fail "$(cat "$tmp/err")"

# What is no row.
echo '{"type":"chat","tenant":"t","chat":"1"}' | code 0 "$sink"
one_line 'type chat are no rows'
echo '{"type":"telepathy"}' | code 0 "$sink"
is "a type of a later version" "" "$(cat "$tmp/err")"
code 66 "$sink" </dev/null
one_line "no input"

# Closed descriptors: the database's is never taken for one of them.
code 74 timeout 300 "$sink" <&-
one_line "cannot read standard input: Bad file descriptor"
rc=0
timeout 300 "$sink" -vv -f "$tmp/two" 2>&- || rc=$?
is "without stderr" 0 "$rc"
same "$tmp/want"
