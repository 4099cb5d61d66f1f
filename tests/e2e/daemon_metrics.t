#!/usr/bin/env bash
# What the daemons that read a queue tell Prometheus, in files for node_exporter:
# counts of what was done to them, also what they tried again; the last ones when
# they ended; files that another user may read. promtool approves of each. A
# folder that cannot be written is one warning.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
"$servers" start "$tmp/servers" mariadb || fail "no database"
eval "$("$servers" env "$tmp/servers")"
export AMQP_URL MYSQL_URL
umask 077
mkdir "$tmp/metrics"
cat >"$tmp/conf" <<END
[metrics]
folder = $tmp/metrics
[mysql]
# A busy database takes more than a second, and what is tried again counts.
timeout = 10s
[crm acme]
url = http://127.0.0.1:1/v1
token = x
assign = yes
END
"$BIN/sink" -c "$tmp/conf" --migrate

daemon() { # NAME PROGRAM OPTION...: its pid is $pid
	local name=$1 program=$2
	shift 2
	"$BIN/$program" -c "$tmp/conf" "$@" 2>"$tmp/$name.log" &
	pid=$!
}
send() { # QUEUE
	"$TESTBIN/tools/amqp_probe" write "queue:$1" >/dev/null
}
# value FILE SAMPLE: of a sample without its labels program and queue.
value() {
	sed -E 's/program="[a-z]*",queue="[^"]*",?//; s/[{][}]//' \
		"$tmp/metrics/messaging_$1.prom" | awk -v name="$2" '$1 == name { print $2 }'
}
has() { # FILE SAMPLE VALUE
	[ -e "$tmp/metrics/messaging_$1.prom" ] && [ "$(value "$1" "$2")" = "$3" ]
}
wait_for() { # FILE SAMPLE VALUE
	until_true 60 has "$@" ||
		fail "$2 is not $3: $(cat "$tmp/metrics/messaging_$1.prom" "$tmp"/*.log)"
}
stop() { # FILE
	kill "$pid"
	wait "$pid" || fail "exit $?: $(cat "$tmp"/*.log)"
	[ "$(stat -c %a "$tmp/metrics/messaging_$1.prom")" = 644 ] || fail "its mode"
	[ ! -e "$tmp/metrics/messaging_$1.prom.new" ] || fail "left behind"
}
succeeded() { # FILE: a flush is in it
	[ -e "$tmp/metrics/messaging_$1.prom" ] &&
		! has "$1" messaging_daemon_last_success_timestamp_seconds 0.000
}
later_than() { # FILE SAMPLE OTHER: a time is not before another one
	awk -v a="$(value "$1" "$2")" -v b="$(value "$1" "$3")" \
		'BEGIN { exit !(a >= b && b > 1000000000) }' ||
		fail "$2 $(value "$1" "$2"), $3 $(value "$1" "$3")"
}
row() { # TENANT
	printf '{"type":"row","table":"tenant_metrics","tenant":"%s",' "$1"
	printf '"operators":1,"as_of":"2026-11-20T10:00:00Z","version":1}\n'
}
stored() { # TENANT
	[ "$("$servers" mysql "$tmp/servers" messaging -N -e \
		"SELECT COUNT(*) FROM tenant_metrics WHERE tenant = '$1'")" = 1 ]
}

echo "- the sink"
daemon sink sink -f queue:rows
wait_for sink_rows messaging_daemon_records_total 0
has sink_rows messaging_daemon_last_success_timestamp_seconds 0.000 ||
	fail "$(cat "$tmp"/metrics/*)"
{ row a; row b; row c; echo "no JSON"; } | send rows
wait_for sink_rows messaging_daemon_records_total 4
wait_for sink_rows messaging_daemon_dead_letters_total 1
wait_for sink_rows 'messaging_sink_rows_total{result="stored"}' 3
# The file may be of a moment between the rows and the end of their flush.
until_true 60 succeeded sink_rows || fail "$(cat "$tmp"/metrics/*)"
[ "$(value sink_rows messaging_daemon_retries_total)" = 0 ] || fail "retries"
later_than sink_rows messaging_daemon_last_success_timestamp_seconds \
	messaging_daemon_start_timestamp_seconds
later_than sink_rows messaging_daemon_written_timestamp_seconds \
	messaging_daemon_last_success_timestamp_seconds

echo "- tries again"
read -r database _ <"$tmp/servers/mariadb/pid"
kill -STOP "$database"
row d | send rows
until_true 60 grep -q 'waiting for it' "$tmp/sink.log" || fail "$(cat "$tmp/sink.log")"
kill -CONT "$database"
wait_for sink_rows 'messaging_sink_rows_total{result="stored"}' 4
[ "$(value sink_rows messaging_daemon_retries_total)" -gt 0 ] || fail "no retries"
stop sink_rows

echo "- the last file has all"
daemon sink sink -f queue:rows
wait_for sink_rows messaging_daemon_records_total 0
row e | send rows
until_true 60 stored e || fail "no row"
stop sink_rows
has sink_rows 'messaging_sink_rows_total{result="stored"}' 1 ||
	fail "$(cat "$tmp"/metrics/*)"
has sink_rows messaging_daemon_flush_duration_seconds_count 1 || fail "one flush"

echo "- never idle"
daemon sink sink -f queue:rows
wait_for sink_rows messaging_daemon_records_total 0
while row g; do sleep 0.2; done |
	"$TESTBIN/tools/amqp_probe" -b 1 write queue:rows >/dev/null &
feeder=$!
busy() {
	[ "$(value sink_rows messaging_daemon_records_total)" -ge "$1" ]
}
until_true 60 busy 1 || fail "$(cat "$tmp"/metrics/*)"
until_true 60 busy 30 || fail "$(cat "$tmp"/metrics/*)"
stop sink_rows
kill $feeder

echo "- a stream"
daemon stream aggregator -f queue:records.g1.0 -t queue:unread --every 50ms \
	--state "$tmp/state"
wait_for aggregator_records.g1.0 messaging_daemon_records_total 0
message='{"type":"message","tenant":"a","chat":"1","id":"m1","from":"customer",'
message+='"at":"2026-11-20T10:00:00Z"}'
printf '%s\n' "$message" "$message" "no JSON" | send records.g1.0
wait_for aggregator_records.g1.0 messaging_daemon_records_total 3
wait_for aggregator_records.g1.0 messaging_daemon_dead_letters_total 1
wait_for aggregator_records.g1.0 messaging_stream_repeated_records_total 1
wait_for aggregator_records.g1.0 messaging_stream_as_of_timestamp_seconds \
	"$(date -u -d 2026-11-20T10:00:00Z +%s).000"
# The file may be of a moment between the records and their rows.
some_rows() {
	[ "$(value aggregator_records.g1.0 messaging_stream_rows_total)" -gt 0 ]
}
until_true 60 some_rows || fail "no rows"
stop aggregator_records.g1.0

echo "- assignments"
daemon assign poller --assign -f queue:assignments -t queue:outcomes \
	--state "$tmp/polls"
wait_for poller_assignments messaging_daemon_records_total 0
printf '{"type":"assignment","tenant":"other","id":"r","chat":"1","operator":"1",%s}\n' \
	'"at":"2026-11-20T10:00:00Z","expires":"2026-11-20T10:01:00Z"' |
	send assignments
wait_for poller_assignments messaging_daemon_records_total 1
wait_for poller_assignments 'messaging_assign_reservations_total{result="failed"}' 1
wait_for poller_assignments messaging_assign_open_reservations 0
# Its CRM is away.
printf '{"type":"assignment","tenant":"acme","id":"s","chat":"1","operator":"1",%s}\n' \
	"$(date -u "+\"at\":\"%FT%TZ\"")$(date -u -d '1 minute' \
		"+,\"expires\":\"%FT%TZ\"")" | send assignments
called() {
	[ "$(value poller_assignments \
		'messaging_crm_calls_total{mode="assign",tenant="acme",result="failed"}')" -gt 0 ]
}
until_true 60 called || fail "no call: $(cat "$tmp"/metrics/poller*)"
stop poller_assignments

echo "- a reaper"
"$servers" mysql "$tmp/servers" messaging -e "INSERT INTO tenants (tenant, as_of,
	snapshot, stored_at) VALUES ('a', '2026-11-20 10:00:00', 's', UTC_TIMESTAMP(3))
	ON DUPLICATE KEY UPDATE snapshot = 's'; INSERT INTO chat_metrics (tenant, chat,
	status, as_of) VALUES ('a', '1', 'left', '2026-11-20 10:00:00')"
daemon reaper reaper -f queue:closed
wait_for reaper_closed messaging_daemon_records_total 0
printf 'no JSON\n{"type":"chat","tenant":"a","chat":"1","status":"closed",%s}\n' \
	'"at":"2026-11-20T10:01:00Z"' | send closed
wait_for reaper_closed messaging_daemon_records_total 2
wait_for reaper_closed messaging_daemon_dead_letters_total 1
wait_for reaper_closed 'messaging_reaper_chats_total{result="deleted"}' 1
until_true 60 succeeded reaper_closed || fail "$(cat "$tmp"/metrics/reaper*)"
stop reaper_closed

echo "- the event counter"
daemon events aggregator --input eventcounter -f queue:events \
	--exchange events --json-dir "$tmp/counted" --state "$tmp/counts"
wait_for aggregator_events messaging_daemon_records_total 0
"$TESTBIN/tools/event_publisher" -e events -q events -n 30 -g 20 -s 7 >"$tmp/sent"
read -r good again bad <<<"$(tr -dc '0-9 ' <"$tmp/sent")"
wait_for aggregator_events messaging_daemon_records_total $((good + again + bad))
wait_for aggregator_events messaging_daemon_dead_letters_total "$bad"
until_true 60 succeeded aggregator_events || fail "$(cat "$tmp"/metrics/*)"
stop aggregator_events

echo "- a folder that cannot be written"
sed "s,^folder = .*,folder = $tmp/none," "$tmp/conf" >"$tmp/other"
mv "$tmp/other" "$tmp/conf"
daemon nowhere sink -f queue:rows
row f | send rows
until_true 60 stored f || fail "no row: $(cat "$tmp/nowhere.log")"
kill "$pid"
wait "$pid" || fail "exit $?"
[ "$(grep -c 'cannot write' "$tmp/nowhere.log")" = 1 ] ||
	fail "$(cat "$tmp/nowhere.log")"

echo "- all of them are described"
names=$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$tmp"/metrics/*.prom | sort -u)
[ "$(echo "$names" | wc -l)" -ge 15 ] || fail "few: $names"
for name in $names; do
	grep -q "^\.It Li $name\b" man/man7/messaging-monitoring.7 ||
		fail "messaging-monitoring(7) does not describe $name"
done

echo "- promtool"
command -v promtool >/dev/null || {
	echo "promtool is missing: scripts/install-deps monitoring"
	exit 77
}
for file in "$tmp"/metrics/*.prom; do
	promtool check metrics <"$file" || fail "$(cat "$file")"
done
