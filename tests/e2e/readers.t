#!/usr/bin/env bash
# Two aggregators with states of their own at one queue would have half of it
# each: the second says so and is refused, a stream's and the event counter's.
# One that comes after a reader that died is not: neither after kill -9 nor
# after one that stands still, which the broker takes for alive a while longer.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
aggregator=$BIN/aggregator
taken="the queue 'records' at .* is read by another one"

# reader NAME OPTION...: in the background, with a state of its own; its pid is
# in $pid.
reader() {
	local name=$1
	shift
	"$aggregator" -vv --state "$tmp/$name" "$@" 2>"$tmp/$name.err" &
	pid=$!
}

stream() {
	reader "$1" -f queue:records -t queue:rows --every 20ms -a events
}

counter() {
	reader "$1" --input eventcounter -f queue:records -t queue:rows
}

reads() { # NAME
	grep -q 'amqp_connected queue=records$' "$tmp/$1.err"
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

refused() { # NAME PID
	local got=0
	until_true 60 ended "$2" || fail "$1 goes on: $(cat "$tmp/$1.err")"
	wait "$2" || got=$?
	[ "$got" = 78 ] || fail "$1 gave $got: $(cat "$tmp/$1.err")"
	[ "$(grep -c "$taken.*; end one, or [^;]*\$" "$tmp/$1.err")" = 1 ] ||
		fail "$1 does not say why: $(cat "$tmp/$1.err")"
}

stands_still() { # NAME
	stream "$1"
	still=$pid
	until_true 30 reads "$1" || fail "no reader: $(cat "$tmp/$1.err")"
	kill -STOP "$still"
}

echo "- one that stands still is waited for however long the heartbeat"
settings 'heartbeat = 20s'
stands_still slow
stream heir
heir_knows() {
	reads heir || ended "$pid"
}
until_true 120 heir_knows || :
kill -9 "$still"
wait "$still" 2>/dev/null || :
reads heir || fail "it does not take over: $(cat "$tmp/heir.err")"
kill "$pid"
wait "$pid" || fail "the heir gave $?"
settings 'heartbeat = 1s'

echo "- the second is refused, the first goes on"
for kind in stream counter; do
	$kind "first.$kind"
	first=$pid
	until_true 30 reads "first.$kind" ||
		fail "no reader: $(cat "$tmp/first.$kind.err")"
	$kind "second.$kind"
	refused "second.$kind" "$pid"
	[ "$(grep -c "$taken.*; trying again" "$tmp/second.$kind.err")" = 1 ] ||
		fail "it waits without a word: $(cat "$tmp/second.$kind.err")"
	kill -0 "$first" || fail "the first has ended"
	! grep -q "$taken" "$tmp/first.$kind.err" ||
		fail "the first complains"
	kill "$first"
	wait "$first" || fail "the first gave $?"
	ctl -p messaging delete_queue records >/dev/null
done

echo "- after kill -9 it starts again, however often"
for i in 1 2 3 4 5; do
	stream same
	until_true 30 reads same || fail "start $i: $(cat "$tmp/same.err")"
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
done

echo "- one that stands still is waited for until the broker forgets it"
stands_still still
stream next
next=$pid
until_true 60 reads next ||
	fail "it does not take over: $(cat "$tmp/next.err")"
kill -CONT "$still"
refused still "$still"
kill "$next"
wait "$next" || fail "the next gave $?"

echo "- without the right to be told from another it reads, and says so"
ctl add_user poor secret
ctl set_permissions -p messaging poor '^(records|rows)(\.dead)?$' '.*' '.*'
AMQP_URL=amqp://poor:secret@${AMQP_URL#*@} stream poor
until_true 30 reads poor || fail "no reader: $(cat "$tmp/poor.err")"
kill "$pid"
wait "$pid" || fail "it gave $?"
grep -q "grant the right to configure 'records.reader'" "$tmp/poor.err" ||
	fail "it does not say so: $(cat "$tmp/poor.err")"

echo "- the rights in messaging-operation(7) are enough"
for user in aggregator sink listener assign; do
	ctl add_user $user secret
done
sed -n '/^rabbitmqctl set_permissions/,/^\.Ed/{ /^\.Ed/d; p; }' \
	man/man7/messaging-operation.7 |
	sed "s/\\\\(aq/'/g; s/\\\\e/\\\\/g; s/^rabbitmqctl/ctl/" \
		>"$tmp/rights"
[ "$(grep -c '^ctl set_permissions' "$tmp/rights")" = 4 ] ||
	fail "$(cat "$tmp/rights")"
# shellcheck source=/dev/null
. "$tmp/rights"
echo '{"type":"event","tenant":"t","id":"1","user":"u","event":"e"}' |
	AMQP_URL=amqp://listener:secret@${AMQP_URL#*@} \
		"$aggregator" --publish -t queue:records || fail "no right to publish"
AMQP_URL=amqp://aggregator:secret@${AMQP_URL#*@} stream told
until_true 30 reads told || fail "no reader: $(cat "$tmp/told.err")"
kill "$pid"
wait "$pid" || fail "it gave $?: $(cat "$tmp/told.err")"
! grep "grant the right" "$tmp/told.err" || fail "a right is missing"
