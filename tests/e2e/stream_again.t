#!/usr/bin/env bash
# A stream comes again, because the aggregator died when it had committed and not
# acknowledged: that changes no metric, whether messages of the broker have an
# id or not, whatever came behind them, and nothing is late that was in time.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'wait_timeout = 90s'
python3 tests/e2e/ack_proxy.py "$tmp/port" \
	"$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/ports")" "$tmp/told" &
until_true 10 test -s "$tmp/port" || fail "no proxy"
deaf=${AMQP_URL%:*}:$(cat "$tmp/port")/messaging
metrics=operators,chats,tenant,events,messages,channels,conversations

line() { # TYPE MORE
	printf '{"type":"%s","tenant":"a",%s}\n' "$1" "$2"
}
message() { # ID AT MORE
	line message "\"id\":\"$1\",\"chat\":\"c\",\"from\":\"customer\",\"at\":\"2026-01-$2Z\"$3"
}
mark='"snapshot":"s1","at":"2026-01-10T10:00:01Z"'
{
	line operator '"operator":"x","available":true'
	line snapshot "$mark,\"state\":\"begin\""
	line operator '"snapshot":"s1","operator":"y","available":false'
	line snapshot "$mark,\"state\":\"end\",\"records\":1"
	line operator '"operator":"z","available":true'
	line operator '"operator":"z","available":false'
	line event '"id":"1","event":"login","user":"u"'
	line chat '"chat":"old","status":"open","operator":"z"'
	message 1 10T10:00:05 ',"channel":"web"'
	message 2 10T10:00:06 ',"kind":"closed","from":"system"' |
		sed 's/"from":"customer",//'
	line chat '"chat":"old","status":"closed","at":"2026-01-10T10:00:07Z"'
	message 3 14T10:00:00 ',"channel":"mail"'
	message 4 10T10:00:08 '' # late
	echo nonsense
	line chat '"chat":"new","status":"open","operator":"y","at":"2026-01-14T10:00:00Z"'
} >"$tmp/records"

# give LINES-A-MESSAGE: with an id.
give() {
	put records "$1" <"$tmp/records"
}
# plainly LINES-A-MESSAGE: without.
plainly() {
	"$TESTBIN/tools/amqp_lines" records "$1" <"$tmp/records"
}

# die: an aggregator that is killed when it acknowledges for the first time.
die() {
	rm -f "$tmp/told"
	AMQP_URL=$deaf "$aggregator" -f queue:records -t queue:rows \
		--state "$state" --every 20ms -a "$metrics" 2>>"$tmp/log" &
	daemon=$!
	until_true 30 test -e "$tmp/told" ||
		fail "nothing was acknowledged: $(cat "$tmp/log")"
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
}

# rows: what all comes to.
rows() {
	stream -q
	collect
	tests/e2e/streams.py fold <"$tmp/rows"
	tests/e2e/streams.py lines message <"$tmp/rows"
	get records.dead | jq -r '.reason[:6] + " " + .record' | sort -u
	rm -r "$state" "$tmp/rows"
}

give 100
rows >"$tmp/want"
grep -q '"operator": "x".*"available": true' "$tmp/want" && fail "x is there"
grep -q '^late: .*"id":"4"' "$tmp/want" || fail "nothing is late"
# One message at a time: without an id only the last ones are known.
for way in "give 100" "give 1" "plainly 1"; do
	settings 'wait_timeout = 90s' "prefetch = ${way#* }"
	for lines in 1 3 6 100; do
		echo "- ${way% *}, $lines lines in a message, ${way#* } ahead"
		${way% *} "$lines"
		die
		die
		die
		rows >"$tmp/got"
		diff "$tmp/want" "$tmp/got" || fail "other rows"
		[ "$(waiting records)" = 0 ] || fail "not acknowledged"
	done
done

echo "- what a publisher without ids publishes again counts once"
grep -v '"snapshot"' "$tmp/records" >"$tmp/outside"
"$TESTBIN/tools/amqp_lines" records 1 <"$tmp/outside"
rows >"$tmp/want"
for lines in 1 3; do # within the window
	# Each message of the broker twice.
	split -l "$lines" "$tmp/outside" "$tmp/part."
	for part in "$tmp"/part.*; do
		cat "$part" "$part" >"$tmp/twice"
		"$TESTBIN/tools/amqp_lines" records "$lines" <"$tmp/twice"
	done
	rm "$tmp"/part.*
	rows >"$tmp/got"
	# Late by then: it counts, and is a dead letter, too.
	grep -v '^late: ' "$tmp/got" >"$tmp/figures"
	grep -v '^late: ' "$tmp/want" | diff - "$tmp/figures" ||
		fail "other rows, $lines lines in a message"
done

echo "- but a line of a snapshot makes it incomplete, until the next"
there() { # SNAPSHOT TIMES
	local mark="\"snapshot\":\"$1\",\"at\":\"2026-01-10T10:00:0${1#s}Z\""
	line snapshot "$mark,\"state\":\"begin\""
	for _ in $(seq "$2"); do
		line operator "\"snapshot\":\"$1\",\"operator\":\"y\""
	done
	line snapshot "$mark,\"state\":\"end\",\"records\":1"
}
# took yes|no: all that was published; whether y is there.
took() {
	local there=no

	expect 65 "$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every 20ms -a "$metrics" --until-empty
	says 'not all their records|not whole: 2 of 1 records'
	get rows >"$tmp/rows"
	! grep -q '"operator":"y"' "$tmp/rows" || there=yes
	[ "$there" = "$1" ] || fail "y is there: $there"
}
there s1 2 >"$tmp/twice"
"$TESTBIN/tools/amqp_lines" records 1 <"$tmp/twice"
took no
there s2 1 >"$tmp/once"
"$TESTBIN/tools/amqp_lines" records 1 <"$tmp/once"
took yes
