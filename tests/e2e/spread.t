#!/usr/bin/env bash
# Snapshots through an exchange: each bucket is whole by itself. Three
# aggregators of a stream, killed at any moment, tell of them what one does that
# gets them in one piece; chats that were closed leave, also the last one of a
# bucket; each message comes to its table once, and not anew with each poll. One
# queue with all buckets, or a file, is as good as a snapshot in one piece.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

sink=$BIN/sink
metrics=operators,chats,tenant,messages,conversations,users,channels
metrics=$metrics,activity,histograms

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export AMQP_URL MYSQL_URL
settings 'prefetch = 20' 'wait_timeout = 90s'
start_sim --dialogs 60 --messages 900 --operators 5 --speed 0
export CRM_TENANT=acme

sql() {
	"$servers" mysql "$tmp/servers" messaging -N -B
}

control() { # PATH
	curl -sS --fail -X POST "$sim/control/$1" >/dev/null
}

plan() { # LINE...
	printf '%s\n' "$@" | "$BIN/aggregator" --declare
}

# part I: how the aggregator of a partition is called.
part() {
	printf '%s\n' "$aggregator" -f "queue:records.g1.$1" -t queue:rows \
		--every 10ms --part "$1/3" --generation 1 -a "$metrics" \
		--state "$tmp/states/$1"
}

poll() {
	expect 0 "$BIN/poller" --state "$tmp/crm" -t exchange:records
	[ ! -s "$tmp/err" ] || fail "the poller says: $(cat "$tmp/err")"
}

# finish: all that waits is taken in, and the rows are stored.
finish() {
	local i
	for i in 0 1 2; do
		mapfile -t command < <(part $i)
		expect 0 "${command[@]}" --until-empty
	done
	expect 0 "$sink" -f queue:rows --until-empty
}

told() {
	sql <<-'END' | tests/e2e/partitions.py dump | sql
		SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = 'messaging' AND (table_name LIKE '%\_all'
		OR table_name IN ('chat_metrics', 'messages'))
		ORDER BY table_name, ordinal_position
	END
}

left() { # how many chats did
	echo "SELECT COUNT(*) FROM chat_metrics WHERE status = 'left'" | sql
}

"$sink" --migrate
mkdir "$tmp/states"
scripts/topology -b "$BIN" -n 3 >/dev/null
# All that is published, once.
plan 'queue tee' 'bind records tee all' 'bind records.all tee all'

echo "- the first one: all buckets, most of them with nothing in it"
poll
get tee >"$tmp/first"
python3 - "$tmp/first" <<-'END' || fail "not the markers it should have"
	import json, sys
	begun, lines, ended = {}, {}, {}
	for line in open(sys.argv[1]):
	    r = json.loads(line)
	    if r["type"] != "snapshot":
	        continue
	    where = begun if r["state"] == "begin" else ended
	    assert r["bucket"] not in where, line
	    where[r["bucket"]] = r.get("records")
	assert sorted(begun) == sorted(ended) == list(range(65)), begun
	assert sum(ended.values()) > 500 and 0 in ended.values(), ended
END
finish
[ -z "$(find "$tmp/states" -name '*.spool')" ] || fail "a spool stays"
[ "$(left)" = 0 ] || fail "chats left"

echo "- by hand, and in one queue, its parts are the snapshot"
tests/e2e/partitions.py plain <"$tmp/first" >"$tmp/plain"
"$aggregator" -o ndjson -a "$metrics" <"$tmp/plain" >"$tmp/want"
"$aggregator" -o ndjson -a "$metrics" <"$tmp/first" >"$tmp/got"
cmp "$tmp/want" "$tmp/got" || fail "other rows by hand"
grep -c '"type":"message"' "$tmp/want" >"$tmp/n"
[ "$(cat "$tmp/n")" -gt 500 ] || fail "messages are not passed on"
! grep -q '"type":"message".*"snapshot"' "$tmp/want" || fail "in a snapshot"
put one 5 <"$tmp/first"
expect 0 "$aggregator" -f queue:one -t queue:out -a "$metrics" \
	--state "$tmp/one" --until-empty
get out >"$tmp/got"
cmp "$tmp/want" "$tmp/got" || fail "other rows from a queue"
grep -v '"end".*"bucket":17,' "$tmp/first" >"$tmp/cut"
expect 65 "$aggregator" -o ndjson -f "$tmp/cut"
says 'is not whole: .* of its 65 parts there are 64; nothing of it is used'
# Of one part of an exchange no snapshot can be made.
expect 0 "$BIN/poller" -t exchange:records
get tee >"$tmp/first"
for i in 1 2; do
	get records.g1.$i >/dev/null
done
expect 65 "$aggregator" -f queue:records.g1.0 -t queue:out -a "$metrics" \
	--state "$tmp/two" --until-empty
says 'of its 65 parts came, so nothing of it is used; .* needs --every 50ms'
[ -z "$(get out)" ] || fail "rows of a part"

echo "- killed at any moment, while chats go on, come and are closed"
chats=$(jq -r 'select(.type == "chat") | .chat' "$tmp/plain")
# shellcheck disable=SC2086 # one word each
set -- $chats
closed=0
for _ in 1 2 3 4 5; do
	daemons=()
	for i in 0 1 2; do
		mapfile -t command < <(part $i)
		"${command[@]}" 2>>"$tmp/log" &
		daemons+=($!)
	done
	for chat in $1 $2 $3; do
		control "act?do=close&dialog=$chat"
		closed=$((closed + 1))
	done
	control "act?do=client&dialog=$4"
	control "act?do=answer&dialog=$5"
	shift 3
	poll
	sleep "0.0$((RANDOM % 10))"
	kill -9 "${daemons[@]}"
	wait "${daemons[@]}" 2>/dev/null || :
done
# A busy broker learns of their end later than the next ones find nothing.
for i in 0 1 2; do
	until_true 60 none_is_taken "records.g1.$i" ||
		fail "it keeps what they had"
done
get tee >"$tmp/rest"
finish
[ "$(left)" = "$closed" ] || fail "$(left) chats left, not $closed"
told >"$tmp/got"
ids() {
	echo 'SELECT conversation_id, message_id, version FROM messages' | sql
}
ids | sort >"$tmp/ids"

echo "- one aggregator that gets them in one piece tells the same"
for q in records.g1.0 records.g1.1 records.g1.2; do
	[ -z "$(get $q.dead)" ] || fail "dead letters"
done
sql <<-'END' | sql
	SELECT CONCAT('TRUNCATE TABLE `', table_name, '`;')
	FROM information_schema.tables
	WHERE table_schema = 'messaging' AND table_type = 'BASE TABLE'
	AND table_name NOT IN
	('schema_migrations', 'generations', 'metric_settings')
END
{
	cat "$tmp/plain"
	tests/e2e/partitions.py plain <"$tmp/rest"
} >"$tmp/all"
put records 100 <"$tmp/all"
stream -q
get rows >"$tmp/rows"
"$sink" -f "$tmp/rows"
told >"$tmp/want"
tests/e2e/partitions.py same "$tmp/want" "$tmp/got" ||
	fail "the parts do not add up to the whole"

echo "- each message once, and what was known is not written again"
jq -r 'select(.type == "message") | "\(.chat)\t\(.id)\t0"' "$tmp/all" |
	sort -u >"$tmp/want"
cmp "$tmp/want" "$tmp/ids" || fail "other messages are stored"
grep -c '"type":"message"' "$tmp/rows" >"$tmp/n"
[ "$(cat "$tmp/n")" = "$(wc -l <"$tmp/want")" ] ||
	fail "$(cat "$tmp/n") were written, $(wc -l <"$tmp/want") there are"
