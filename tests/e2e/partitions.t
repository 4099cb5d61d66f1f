#!/usr/bin/env bash
# Metrics in parts: the views add up what several aggregators store, and tell
# the same as one aggregator over everything, from files and from queues behind
# an exchange; and a change of their number, in the middle of a stream, loses
# nothing and doubles nothing, wherever it is cut and begun again.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

sink=$BIN/sink
metrics=operators,tenant,events,users,activity,alerts,trends,channels,histograms
metrics=$metrics,chats,conversations

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export AMQP_URL MYSQL_URL
settings 'prefetch = 20' 'wait_timeout = 90s'

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
		('schema_migrations', 'generations', 'metric_settings')
	END
}

# told: what the views tell, and the tables of chats.
told() {
	sql <<-'END' | tests/e2e/partitions.py dump | sql
		SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = 'messaging' AND (table_name LIKE '%\_all'
		OR table_name = 'chat_metrics')
		ORDER BY table_name, ordinal_position
	END
}

same() { # WANT GOT
	tests/e2e/partitions.py same "$tmp/$1" "$tmp/$2" ||
		fail "the parts do not add up to the whole"
}

# shown NAME: what who looks at it sees: scripts/report and the view reports,
# without the times and what is read from buckets, which told has.
shown() {
	scripts/report -o csv | cut -d , -f 1-9,12 >"$tmp/shown.$1"
	sql <<-'END' >>"$tmp/shown.$1"
		SELECT tenant, operator_id, operator_name, dialog_id, opened_dialogs,
		client, status_tag FROM reports ORDER BY tenant, dialog_id
	END
	scripts/tenant list -o csv | cut -d , -f 1,4- >>"$tmp/shown.$1"
}

same_shown() { # WANT GOT
	diff "$tmp/shown.$1" "$tmp/shown.$2" >"$tmp/diff" ||
		fail "readers see others: $(head -n 5 "$tmp/diff")"
}

# make OPTION...: records, and what one aggregator makes of them.
make() {
	"$load" -n 40000 --chats 1500 --users 300 --tenants 2 --gap 700 --late 0 \
		--seed "${SEED:-$((RANDOM))}" "$@" >"$tmp/records" 2>/dev/null
	lines=$(wc -l <"$tmp/records")
	anew
	"$aggregator" -a "$metrics" -o ndjson -f "$tmp/records" -t "$tmp/whole"
	"$sink" -f "$tmp/whole"
	told >"$tmp/want"
	shown want
	[ "$(wc -l <"$tmp/shown.want")" -gt 100 ] || fail "too little is shown"
}

"$sink" --migrate
make

echo "- two halves of a file, by bucket"
tests/e2e/partitions.py split "$tmp/records" 2 "$tmp/half"
anew
for i in 0 1; do
	"$aggregator" -a "$metrics" -o ndjson -f "$tmp/half.$i" --part $i/2 |
		"$sink" -f -
done
told >"$tmp/got"
same want got
shown got
same_shown want got

echo "- rows of before the parts, and a switch before the first new part"
sql <<'END'
	INSERT INTO operator_metrics (tenant, operator, name, open_chats, as_of)
		SELECT tenant, operator, 'of before', 99, MAX(as_of)
		FROM operator_metrics_parts GROUP BY tenant, operator;
	INSERT INTO operator_metrics (tenant, operator, name, as_of)
		SELECT tenant, 'gone', 'of before', as_of FROM tenant_metrics_parts
		WHERE part = 0;
	INSERT INTO tenant_metrics (tenant, open_chats, as_of)
		SELECT tenant, 99, as_of FROM tenant_metrics_parts WHERE part = 0;
END
shown stale
same_shown want stale
echo 'UPDATE generations SET generation = 2' | sql
shown switched
same_shown want switched
echo 'UPDATE generations SET generation = 1' | sql

# count GENERATION N [ENDING]: an aggregator a part, until its queue is empty.
count() {
	local g=$1 n=$2 i pid running=()
	for i in $(seq 0 $((n - 1))); do
		"$aggregator" -f "queue:records.g$g.$i${3:-}" -t queue:rows \
			--every 20ms --part "$i/$n" --generation "$g" \
			-a "$metrics" --state "$tmp/states/g$g.$i" \
			--until-empty 2>>"$tmp/log" &
		running+=($!)
	done
	for pid in "${running[@]}"; do
		wait "$pid" || fail "an aggregator gave $?: $(cat "$tmp/log")"
	done
}

topology() {
	scripts/topology -b "$BIN" "$@" >/dev/null
}

# publish FIRST LAST: these lines of the records.
publish() {
	sed -n "$1,$2p" "$tmp/records" |
		"$probe" -p -b 3000 write exchange:records >/dev/null
}

store() {
	expect 0 "$sink" -f queue:rows --until-empty
}

echo "- windows of alerts before 1970"
anew
for minute in 56 57 58 59; do
	for i in 1 2 3 4 5 6; do
		printf '{"type":"message","tenant":"a","id":"%s","chat":"c","from":"customer","user":"u","at":"1969-12-31T23:%s:00Z"}\n' \
			"$minute.$i" $minute
	done
done >"$tmp/old"
"$aggregator" -a tenant,activity,alerts -o ndjson -f "$tmp/old" --part 0/1 |
	"$sink" -f -
[ "$(echo "SELECT started_at, messages FROM alerts_all" | sql)" = \
	"1969-12-31 23:55:00.000	24" ] || fail "the window begins elsewhere"

echo "- an alert of before the parts has an end"
sql <<'END'
	INSERT INTO alerts (tenant, started_at, user_id, rule, messages, as_of)
		VALUES ('a', '1969-12-31 22:00', 'v', 'minute', 9, '1969-12-31 22:00:50'),
		('alone', '1969-12-31 22:00', 'v', 'minute', 9, '1969-12-31 22:00:50');
END
[ "$(echo "SELECT tenant, ended_at FROM alerts_all WHERE user_id = 'v'
	ORDER BY 1" | sql)" = "a	1969-12-31 22:00:50.000
alone	NULL" ] || fail "it goes on for ever"

echo "- two partitions behind an exchange"
anew
mkdir "$tmp/states"
topology -n 2
publish 1 "$lines"
count 1 2
store
told >"$tmp/got"
same want got

echo "- a state belongs to one part of one generation"
for other in "1/2 1" "0/3 1" "0/2 2"; do
	# shellcheck disable=SC2086 # two words
	set -- $other
	expect 78 "$aggregator" -f queue:records.g1.0 -t queue:rows \
		--every 20ms --part "$1" --generation "$2" \
		--state "$tmp/states/g1.0" --until-empty
	says 'is that of part 0/2 of generation 1, not of part'
done
expect 78 "$aggregator" -f queue:records.g1.0 -t queue:rows --every 20ms \
	--state "$tmp/states/g1.0" --until-empty
says 'is that of part 0/2 of generation 1, not of one alone'
expect 66 "$aggregator" --export --state "$tmp/none"
says "there is no state in '$tmp/none'"
mkdir "$tmp/none"
expect 66 "$aggregator" --export --state "$tmp/none"
[ -z "$(ls -A "$tmp/none")" ] || fail "it made one"
AMQP_URL=amqp://127.0.0.1:1 "$aggregator" --export --state "$tmp/states/g1.0" \
	-t queue:others 2>"$tmp/err" &
exporting=$!
until_true 30 grep -q 'trying again' "$tmp/err" || fail "it does not try"
kill $exporting
got=0
wait $exporting || got=$?
[ $got = 75 ] || fail "an export that was not done gave $got"
for wrong in 2/2 0/65 -1/2 1 x/y; do
	expect 64 "$aggregator" --part $wrong </dev/null
	says "'$wrong' is no part"
done

# An aggregator for scripts/topology that takes the script with it, as a loss of
# power would: within an export or behind it, or when a queue was dropped.
mkdir "$tmp/bin"
cat >"$tmp/bin/aggregator" <<-END
	#!/bin/bash
	case \$* in
	*--export*)
	    "$aggregator" "\$@" &
	    if [ \$DIE = within ]; then
	        sleep 0.0\$((RANDOM % 10))
	        kill -9 0
	    fi
	    wait \$! || exit
	    [ \$DIE != export ] || kill -9 0
	    ;;
	*)
	    list=\$(cat)
	    "$aggregator" "\$@" <<<"\$list" || exit
	    [ "\$DIE \${list%% *}" != "drop drop" ] || kill -9 0
	    ;;
	esac
END
chmod +x "$tmp/bin/aggregator"

# Without latecomers: one that comes after the change does not change how long
# an answer before it took. Without duplicates: an event that comes again after it
# is not known any more.
echo "- from two to three in the middle"
make --latecomers 0 --duplicates 0
anew
rm -r "$tmp/states"
mkdir "$tmp/states"
middle=$((lines / 2))
publish 1 $middle
count 1 2
publish $((middle + 1)) $((middle + 2000))
topology -n 3 --next
publish $((middle + 2001)) "$lines"
# What is in the old queues holds it up.
expect 75 topology --retire 1 --states "$tmp/states"
says "is not empty; let its reader finish, and try again"
count 1 2
for die in within export drop within export drop; do
	DIE=$die expect 137 setsid -w scripts/topology -b "$tmp/bin" \
		--retire 1 --states "$tmp/states"
done
# All is handed over by now; that is to be told of only.
topology --retire 1 --states "$tmp/states"
[ "$(echo 'SELECT generation, parts FROM generations' | sql)" = "2	3" ] ||
	fail "the database was not told"
count 2 3 .before
count 2 3
store
told >"$tmp/got"
same want got
shown got
same_shown want got
