#!/usr/bin/env bash
# Figures in parts: the views add up what several aggregators store, and tell
# the same as one aggregator over everything, from files and from queues behind
# an exchange; and a change of their number, in the middle of a stream, loses
# nothing and doubles nothing.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

sink=$BIN/sink
figures=operators,tenant,events,users,activity,alerts,trends,channels,histograms
figures=$figures,chats,conversations

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export AMQP_URL MYSQL_URL
settings 'prefetch = 20' 'patience = 20s'

sql() {
	"$servers" mysql "$tmp/servers" messaging -N -B
}

# anew: no rows.
anew() {
	sql <<-'END' | sql
		SELECT CONCAT('TRUNCATE TABLE `', table_name, '`;')
		FROM information_schema.tables
		WHERE table_schema = 'messaging' AND table_type = 'BASE TABLE'
		AND table_name NOT IN
		('schema_migrations', 'generations', 'figure_settings')
	END
}

# told: what the views tell, and the tables of chats.
told() {
	sql <<-'END' | tests/e2e/partitions.py dump | sql
		SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = 'messaging' AND (table_name LIKE '%\_all'
		OR table_name IN ('chat_metrics', 'conversation_metrics'))
		ORDER BY table_name, ordinal_position
	END
}

same() { # WANT GOT
	tests/e2e/partitions.py same "$tmp/$1" "$tmp/$2" ||
		fail "the parts do not add up to the whole"
}

"$sink" --migrate
"$load" -n 40000 --chats 1500 --users 300 --tenants 2 --gap 700 --late 0 \
	--seed "${SEED:-$((RANDOM))}" >"$tmp/records"
"$aggregator" -a "$figures" -o ndjson -f "$tmp/records" -t "$tmp/whole"
"$sink" -f "$tmp/whole"
told >"$tmp/want"

echo "- two halves of a file, by bucket"
tests/e2e/partitions.py split "$tmp/records" 2 "$tmp/half"
anew
for i in 0 1; do
	"$aggregator" -a "$figures" -o ndjson -f "$tmp/half.$i" --part $i/2 |
		"$sink" -f -
done
told >"$tmp/got"
same want got
