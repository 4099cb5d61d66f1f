#!/usr/bin/env bash
# Allocation in a stream: waiting chats are reserved in the order of their
# arrival, a tenant by itself; a raised limit moves who waits; an aggregator
# that is killed promises nothing twice to different people; and a CRM that
# refuses, forgets and repeats ends with every chat served once, while the
# aggregator is killed at random moments.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
# A busy machine may lose a second between a refusal and the flush that decides
# what comes of it: the pause lasts longer.
settings 'prefetch = 50' 'wait_timeout = 60s' '[crm t]' 'token = x' \
	'[aggregator]' 'allocation_expiry = 1h' 'allocation_pause = 1m'
touch "$tmp/assigned"

daemon=
start_aggregator() {
	"$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every 20ms -a allocation --assign-to queue:assignments \
		2>>"$tmp/log" &
	daemon=$!
}

kill_aggregator() {
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
}

# reserved [TENANT]: CHAT>OPERATOR of each reservation, in their order, once.
reserved() {
	get assignments >>"$tmp/assigned"
	sed -n 's/.*"tenant":"'"${1:-t}"'","id":"\([^"]*\)","chat":"\([^"]*\)","operator":"\([^"]*\)".*/\1 \2>\3/p' \
		"$tmp/assigned" | awk '!seen[$1]++ { print $2 }' | paste -s -d ' '
}

promised_so() { # WHAT [TENANT]
	[ "$(reserved "${2:-t}")" = "$1" ]
}

# comes_to WHAT [TENANT]: in the end those are all reservations.
comes_to() {
	until_true 60 promised_so "$@" ||
		fail "reserved '$(reserved "${2:-t}")', not '$1': $(cat "$tmp/log")"
}

id_of() { # CHAT: of its last reservation
	sed -n 's/.*"tenant":"t","id":"\([^"]*\)","chat":"'"$1"'",.*/\1/p' \
		"$tmp/assigned" | tail -n 1
}

# A limit is of now; what is a day older than it would come too late.
hour=$(date -u -d "1 hour ago" +%Y-%m-%dT%H)

outcome() { # CHAT SECOND [OPERATOR]
	echo "{\"type\":\"chat\",\"tenant\":\"t\",\"chat\":\"$1\",\"status\":\"open\",\"at\":\"$hour:01:$2Z\"${3:+,\"operator\":\"$3\"},\"assignment\":\"$(id_of "$1")\"}" |
		put records 1
}

chat() { # TENANT CHAT STATUS MINUTE:SECOND
	echo "{\"type\":\"chat\",\"tenant\":\"$1\",\"chat\":\"$2\",\"status\":\"$3\",\"at\":\"$hour:$4Z\"}"
}

operator() { # TENANT ID
	echo "{\"type\":\"operator\",\"tenant\":\"$1\",\"operator\":\"$2\",\"available\":true}"
}

echo "- in the order of arrival, to whom has the fewest, up to the limit"
start_aggregator
{
	operator t a
	operator t b
	for chat in 5 2 6 1 4 3; do
		chat t "$chat" open "00:0$chat"
	done
	operator u z
	chat u 1 open 00:03
	chat u 2 open 00:01
	chat u 3 open 00:02
} | put records 100
comes_to '1>a 2>b 3>a 4>b'
comes_to '2>z 3>z' u

echo "- killed, it holds its reservations"
kill_aggregator
chat t 7 open 00:07 | put records 1
start_aggregator
outcome 1 01 a
outcome 2 01 b
until_true 30 none_waits records || fail "nobody reads"
comes_to '1>a 2>b 3>a 4>b'

echo "- refused: nobody else has room, so others pass until it is asked again"
outcome 3 02
comes_to '1>a 2>b 3>a 4>b 5>a'

echo "- a raised limit moves who waits, in their order"
scripts/limits -b "$BIN" -c "$tmp/conf" 3
comes_to '1>a 2>b 3>a 4>b 5>a 3>b 6>a'
scripts/limits -b "$BIN" --tenant t 4 b
comes_to '1>a 2>b 3>a 4>b 5>a 3>b 6>a 7>b'
scripts/limits -b "$BIN" -c "$tmp/conf" --tenant u 3
comes_to '2>z 3>z 1>z' u

echo "- a closing makes room, an operator who comes has it"
{
	chat t 8 open 00:08
	chat t 9 open 00:09
	chat t 1 closed 02:00
} | put records 1
comes_to '1>a 2>b 3>a 4>b 5>a 3>b 6>a 7>b 8>a'
operator t c | put records 1
comes_to '1>a 2>b 3>a 4>b 5>a 3>b 6>a 7>b 8>a 9>c'
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?: $(cat "$tmp/log")"

echo "- what it needs it says in one line"
expect 78 "$aggregator" -f queue:records -t queue:rows --state "$state" \
	--every 20ms -a allocation --assign-to queue:assignments --part 0/2
says "allocation needs all chats of a tenant in one place; leave out --part"
expect 78 "$aggregator" -f queue:records -t queue:rows --state "$state" \
	--every 20ms -a allocation
says "give --assign-to"
expect 78 "$aggregator" -f queue:records -t queue:rows --state "$state" \
	-a allocation --assign-to queue:assignments
says "give --every"
expect 65 "$aggregator" --publish -t queue:records <<<'{"type":"limit"}'
says "field 'tenant' is missing in a limit record; nothing was published"

echo "- a CRM that refuses, forgets and repeats, and kill -9"
rm -r "$state"
settings 'prefetch = 50' 'wait_timeout = 60s' '[aggregator]' \
	'allocation_expiry = 1s' 'allocation_pause = 100ms'
SEED=${SEED:-$((RANDOM))} tests/e2e/allocation.py "$tmp" ||
	fail "$(cat "$tmp/log")"
