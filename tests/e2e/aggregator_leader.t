#!/usr/bin/env bash
# A quorum queue without a leader, as after a start of the broker, keeps what it
# is asked for. An aggregator that died meanwhile is then given the first
# messages, and the next one must not be given others before these are back.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
# It gives up no sooner than a busy test has looked whether it asks.
settings 'prefetch = 3' 'wait_timeout = 10m'
small=$PWD/tests/records/small.ndjson
state=$tmp/state

# on_leader EXPRESSION: of the queue, with its process as P.
on_leader() {
	on_queue records "{P, _} = amqqueue:get_pid(Q), $1"
}

# How many ask to read and were not answered.
asked() {
	on_leader "{_, M} = process_info(whereis(P), messages),
		length([1 || X <- M, string:find(
			io_lib:format(\"~p\", [X]), \"{checkout,\") =/= nomatch])"
}

asked_for() {
	[ "$(asked)" -ge "$1" ]
}

aggregate() {
	exec "$BIN/aggregator" -f queue:records -t queue:rows --state "$state" "$@"
}

for n in 1 2 3; do
	sed "s/\"s1\"/\"s$n\"/; s/\(begin.*\)10:15:00/\110:15:0$n/" "$small"
done >"$tmp/snapshots"
"$probe" -b 1 write queue:records <"$tmp/snapshots" >/dev/null

echo "- one dies while the queue has no leader, the next one follows"
on_leader 'sys:suspend(P, 60000)' >/dev/null
aggregate 2>>"$tmp/log" &
first=$!
until_true 30 asked_for 1 || fail "nobody asks: $(cat "$tmp/log")"
kill -9 $first
wait $first 2>/dev/null || :
(aggregate --until-empty) 2>>"$tmp/log" &
second=$!
until_true 60 asked_for 2 || fail "the next one does not: $(cat "$tmp/log")"
on_leader 'sys:resume(P, 60000)' >/dev/null
wait $second || fail "the next one gave $?: $(cat "$tmp/log")"

echo "- all snapshots are whole"
"$probe" -e read queue:rows | cut -f 2- | sort >"$tmp/got"
for n in 1 2 3; do
	grep "\"s$n\"" "$tmp/snapshots" | "$BIN/aggregator" -o ndjson
done | sort >"$tmp/want"
diff "$tmp/want" "$tmp/got" || fail "other rows than by hand"
