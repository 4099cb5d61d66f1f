#!/usr/bin/env bash
# sink: killed again and again while it stores from a queue, by hand and by
# SIGTERM; the database killed and restarted under it. Nothing is lost, nothing
# comes twice, bad rows reach the dead letters.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db mariadb rabbitmq
"$sink" --migrate
probe=$TESTBIN/tools/amqp_probe
RANDOM=${SEED:-$$}
echo "SEED=${SEED:-$$}"

# By hand: killed at any moment, run again to the end.
for n in 1 2 3 4 5 6; do
	rows t s$n $n $((9 - n)) 2000
done >"$tmp/rows"
rows t s7 7 2 2000 | sed 's/"messages":77,/"messages":-77,/' >"$tmp/last"
"$sink" <"$tmp/rows"
code 65 "$sink" -f "$tmp/last"
dump >"$tmp/want"
printf '[sink]\nbatch = 100\nbatch_age = 20ms\n[mysql]\nwait_timeout = 3m\n' \
	>"$tmp/conf"
empty
for _ in $(seq 12); do
	"$sink" -c "$tmp/conf" -f "$tmp/rows" 2>"$tmp/err" &
	pid=$!
	sleep 0.0$((RANDOM % 10))$((RANDOM % 10))
	kill -9 $pid 2>/dev/null || :
	wait $pid 2>/dev/null || :
done
code 0 "$sink" -c "$tmp/conf" -f "$tmp/rows"
code 65 "$sink" -c "$tmp/conf" -f "$tmp/last"
same "$tmp/want"

# From a queue, as a daemon.
daemon() {
	"$sink" -c "$tmp/conf" -f queue:rows 2>>"$tmp/daemon" &
	pid=$!
}
# shellcheck disable=SC2317 # until_true calls it
stored() {
	[ "$(sql "SELECT snapshot FROM tenants" 2>&1)" = "$1" ]
}
empty
: >"$tmp/daemon"
left='is not done after .* it is left, and comes again$'

# A connection that the server closed while it was idle is replaced unsaid.
daemon
for n in 1 2 3; do
	rows t s$n $n 1 2 | "$probe" write queue:rows >"$tmp/out"
	until_true 20 stored s$n || fail "snapshot $n: $(cat "$tmp/daemon")"
	sql "SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist
		WHERE user = 'messaging'" >"$tmp/kill"
	grep -q KILL "$tmp/kill" || fail "the sink has no connection"
	"$servers" mysql "$tmp/db" <"$tmp/kill"
done
kill -TERM "$pid"
wait "$pid" || fail "exit $?"
is "nothing was said" "" "$(cat "$tmp/daemon")"
empty
in_time=0
for round in 1 2 3; do
	cat "$tmp/rows" "$tmp/rows" | "$probe" -b 200 write queue:rows >"$tmp/out" &
	writer=$!
	for _ in 1 2 3 4; do
		daemon
		sleep 0.$((RANDOM % 4))$((RANDOM % 10))
		kill -9 "$pid"
		wait "$pid" 2>/dev/null || :
	done
	# Asked to stop under load: 0, and at once.
	daemon
	until_true 20 catches_term "$pid" || fail "it does not begin"
	sleep 0.2
	kill -TERM "$pid"
	got=0
	wait "$pid" || got=$?
	# A starved one may not be done in its seconds; not each time.
	if [ $got = 0 ]; then
		in_time=1
	elif [ $got != 75 ] || ! tail -n 1 "$tmp/daemon" | grep -q "$left"; then
		fail "round $round: exit $got after SIGTERM:" \
			"$(tail -n 3 "$tmp/daemon")"
	fi
	daemon
	sleep 0.2
	"$servers" kill "$tmp/db" mariadb
	sleep 0.$((RANDOM % 10))
	"$servers" start "$tmp/db" mariadb >/dev/null 2>&1
	"$servers" restart "$tmp/db" mariadb >/dev/null 2>&1
	wait $writer || fail "the writer"
	"$probe" write queue:rows <"$tmp/last" >"$tmp/out"
	until_true 40 stored s7 || fail "round $round: not stored:" \
		"$(tail -n 3 "$tmp/daemon"; sql "SELECT * FROM tenants")"
	kill -TERM "$pid"
	wait "$pid" || fail "round $round: exit $?"
	code 0 "$sink" -f queue:rows --until-empty
	same "$tmp/want"
	is "round $round: a bad row is in the dead letters" 1 \
		"$("$probe" -e read queue:rows.dead | sort -u -t: -k 5 |
			grep -c 'messages.*below 0')"
	empty
done
[ $in_time = 1 ] || fail "it never stopped in time"
# What a killed sink held may be delivered after the next snapshot's rows: an end
# that came before them is said to be not whole, which it was. Of its dead letters
# a run tells each cause, and how many.
grep -v -e 'waiting for it$' -e 'is not whole: ' -e "$left" \
	-e 'records* went to' \
	"$tmp/daemon" |
	grep . &&
	fail "something else was said"
exit 0
