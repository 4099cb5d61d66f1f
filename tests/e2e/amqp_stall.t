#!/usr/bin/env bash
# A queue whose process does not answer for a while, which the broker then calls
# empty and unread, is not taken for that: it is not deleted, it is read to its
# end, and what waits in it is shown. Nor is one whose messages are under way.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
settings 'wait_timeout = 40s' 'prefetch = 1'

# stall QUEUE: for 4 s, which is more than a believer needs. The broker itself ends
# it: a command that did could come after the 10 s that a call waits, where the
# machine has much to do.
stall() {
	on_queue "$1" 'P = amqqueue:get_pid(Q), sys:suspend(P, 60000),
		spawn(fun() -> timer:sleep(4000), sys:resume(P) end)' >/dev/null
}

drop() { # QUEUE
	echo "drop queue $1" | "$BIN/aggregator" --declare
}

# while_stalled QUEUE CODE COMMAND...: it begins while the queue stands still.
while_stalled() {
	stall "$1"
	expect "${@:2}"
}

echo "- a message is not deleted with its queue"
records 1 1 | "$probe" write queue:one >/dev/null
while_stalled one 75 drop one
[ "$(waiting one)" = 1 ] || fail "the message is gone"

echo "- a dead letter neither"
echo bad | "$probe" write queue:two >/dev/null
expect 0 "$probe" -e read queue:two
while_stalled two.dead 0 drop two
[ "$(waiting two.dead)" = 1 ] || fail "the dead letter is gone"

echo "- messages that wait are shown"
while_stalled two.dead 0 "$BIN/aggregator" --dead-letters -f queue:two.dead
[ -s "$tmp/out" ] || fail "nothing is shown"

echo "- and counted, where a script asks how many there are"
count() {
	echo "count $1" | "$BIN/aggregator" --declare
}
while_stalled two.dead 0 count two.dead
[ "$(cat "$tmp/out")" = "1 two.dead" ] || fail "it says: $(cat "$tmp/out")"

echo "- a queue is read to its end"
records 1 30 | "$probe" -b 1 write queue:many >/dev/null
"$probe" -e -b 1 -s 100 read queue:many >"$tmp/read" &
reader=$!
until_true 20 test -s "$tmp/read" || fail "nothing is read"
stall many
wait $reader || fail "it gave $?"
same_lines "$tmp/read" 1 30

echo "- also where all of it is under way when the broker calls it empty"
python3 tests/e2e/late_proxy.py "$tmp/port" \
	"$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/ports")" &
until_true 10 test -s "$tmp/port" || fail "no proxy"
late=${AMQP_URL%:*}:$(cat "$tmp/port")/messaging
settings 'wait_timeout = 40s'
records 1 30 | "$probe" -b 1 write queue:many >/dev/null
AMQP_URL=$late expect 0 "$probe" -e read queue:many
same_lines "$tmp/out" 1 30
settings 'wait_timeout = 40s' 'prefetch = 1'

echo "- one that is empty is dropped, also a classic one"
"$probe" -e read queue:one >/dev/null
ctl eval 'rabbit_amqqueue:declare(rabbit_misc:r(<<"messaging">>, queue,
	<<"old">>), true, false, [], none, <<"test">>).' >/dev/null
# The queue may notice later that its reader has ended.
dropped() {
	drop "$1" 2>"$tmp/err"
}
until_true 20 dropped one || fail "it stays: $(cat "$tmp/err")"
expect 0 drop old
[ "$(ctl -p messaging list_queues name | grep -cxe one -e old)" = 0 ] ||
	fail "they stay"
