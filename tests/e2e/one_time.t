#!/usr/bin/env bash
# Aggregators behind an exchange know one time: who writes in a single chat
# makes what happened in all others old, also where nothing else comes; what is
# late for one is late for each; and what tells no time is dated by what the
# others got. The views tell what one aggregator over everything would.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

sink=$BIN/sink
metrics=tenant,events,users,activity,alerts,trends,channels,conversations
parts=3

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export AMQP_URL MYSQL_URL
settings 'wait_timeout = 90s'

sql() {
	"$servers" mysql "$tmp/servers" messaging -N -B
}

told() {
	sql <<-'END' | tests/e2e/partitions.py dump | sql
		SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = 'messaging' AND table_name LIKE '%\_all'
		ORDER BY table_name, ordinal_position
	END
}

message() { # TENANT CHAT ID AT
	printf '{"type":"message","tenant":"%s","chat":"%s","id":"%s",' "$1" "$2" "$3"
	printf '"at":"2026-11-%sZ","from":"customer","user":"u%s",' "$4" "$2"
	printf '"channel":"web","text":"some words of all chats"}\n'
}

# The steps: what comes together.
step_1() { # everybody writes; of another tenant one, and what has no time
	for i in $(seq 12); do
		message a "$i" "$i" 20T10:00:00
		printf '{"type":"event","tenant":"b","id":"%s","user":"v%s","event":"e"}\n' \
			"$i" "$i"
	done
	message b 1 1 20T10:00:00
}

step_2() { # a day and some hours later a single one
	message a 1 more 21T12:00:00
}

step_3() { # older than a day before that
	for i in $(seq 12); do
		message a "$i" "late$i" 20T11:00:00
	done
}

# all TO RUN: each step is published to TO, read by RUN, and stored.
all() {
	for step in step_1 step_2 step_3; do
		$step | "$probe" -b 100 write "$1" >/dev/null
		"$2"
		expect 0 "$sink" -f queue:rows --until-empty
	done
}

one() {
	stream -q
}

# each: one behind the other, so that none hears what a later one could tell.
each() {
	for i in $(seq 0 $((parts - 1))); do
		expect 0 "$aggregator" -f "queue:records.g1.$i" -t queue:rows \
			--every 20ms --part "$i/$parts" --generation 1 \
			-a "$metrics" --state "$tmp/part.$i" --until-empty
	done
}

letters() { # QUEUE...: how many were late
	for queue; do
		get "$queue.dead"
	done | grep -c '"late'
}

"$sink" --migrate
echo "- one"
all queue:records one
told >"$tmp/want"
[ "$(letters records)" = 12 ] || fail "not all are late"
[ "$(wc -l <"$tmp/want")" -gt 40 ] || fail "too little is told"

echo "- $parts of them"
sql <<-'END' | sql
	SELECT CONCAT('TRUNCATE TABLE `', table_name, '`;')
	FROM information_schema.tables
	WHERE table_schema = 'messaging' AND table_type = 'BASE TABLE'
	AND table_name NOT IN
	('schema_migrations', 'generations', 'metric_settings')
END
scripts/topology -b "$BIN" -n "$parts" >/dev/null
all exchange:records each
told >"$tmp/got"
diff "$tmp/want" "$tmp/got" >"$tmp/diff" ||
	fail "the parts are not the whole: $(head -n 5 "$tmp/diff")"
[ "$(letters records.g1.0 records.g1.1 records.g1.2)" = 12 ] ||
	fail "not all are late in parts"
for i in $(seq 0 $((parts - 1))); do
	until_true 20 none_waits "records.g1.$i" || fail "something is left"
done
[ "$(echo "SELECT SUM(count) FROM event_counts_all WHERE tenant = 'b'" | sql)" \
	= 12 ] || fail "what has no time is missing"
[ "$(echo "SELECT SUM(active_conversations) FROM user_stats_all
	WHERE tenant = 'a'" | sql)" = 1 ] || fail "old chats are active"
