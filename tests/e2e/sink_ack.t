#!/usr/bin/env bash
# The sink acknowledges all that it stored, also where a group is full with the
# last line of a message: else the broker, or an aggregator at the other end of
# a socket, waits for that before it sends more. So with a message without a row.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db mariadb rabbitmq
"$sink" --migrate
probe=$TESTBIN/tools/amqp_probe
# Two lines are a group.
cat >"$tmp/conf" <<END
[amqp]
prefetch = 1
wait_timeout = 90s
[sink]
connections = 1
batch = 2
END
export MESSAGING_CONFIG=$tmp/conf
messages() { # FROM TO
	for k in $(seq "$1" "$2"); do
		printf '{"type":"message","tenant":"t","chat":"c","id":"%s","from":"customer","at":"2026-11-20T10:00:00Z"}\n' \
			"$k"
	done
}
stored() {
	sql "SELECT COUNT(*) FROM messages"
}

echo "- a queue whose messages are a group each, one at a time"
messages 1 10 | "$probe" -b 2 write queue:rows >"$tmp/sent"
code 0 timeout 300 "$sink" -f queue:rows --until-empty
is "stored" 10 "$(stored)"
is "left in the queue" "" "$("$probe" -e read queue:rows)"

echo "- a message of the broker without a row"
printf '\n\n\n' | "$TESTBIN/tools/amqp_lines" rows 1
messages 11 12 | "$probe" -b 2 write queue:rows >"$tmp/sent"
code 0 timeout 300 "$sink" -f queue:rows --until-empty
is "stored" 12 "$(stored)"

echo "- a writer that waits for each frame"
"$sink" -f "unix:$tmp/socket" 2>"$tmp/daemon" &
daemon=$!
messages 13 22 | code 0 "$probe" -b 2 write "unix:$tmp/socket" >"$tmp/sent"
is "confirmed" "confirmed 10" "$(tail -n 1 "$tmp/sent")"
is "stored" 22 "$(stored)"
kill $daemon
wait $daemon || fail "it gave $?: $(cat "$tmp/daemon")"
