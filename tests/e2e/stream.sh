# shellcheck shell=bash
# stream.sh: what the tests of the streaming aggregator share, above amqp.sh.
# Sourced.

# shellcheck source=tests/e2e/amqp.sh
. tests/e2e/amqp.sh

command -v python3 >/dev/null || {
	echo "python3 is missing"
	exit 77
}
# shellcheck disable=SC2034 # for whoever reads this file
load=$TESTBIN/load
aggregator=$BIN/aggregator
state=$tmp/state
metrics=operators,chats,tenant,events

put() { # QUEUE LINES-A-MESSAGE
	"$probe" -b "$2" write "queue:$1" >/dev/null
}

get() { # QUEUE: its lines
	"$probe" -e read "queue:$1" | cut -f 2-
}

# stream OPTION...: until the queue is empty.
stream() {
	expect 0 "$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every 20ms -a "$metrics" --until-empty "$@"
}

# collect: adds what is in the queue of rows to $tmp/rows.
collect() {
	get rows >>"$tmp/rows"
}

# same_figures FILE [OPTION...]: $tmp/rows come to what the records of FILE
# give by hand.
same_figures() {
	local file=$1
	shift
	"$aggregator" -a "$metrics" -o ndjson "$@" <"$file" >"$tmp/hand" ||
		fail "by hand it gives $?"
	tests/e2e/streams.py fold --by-hand <"$tmp/hand" >"$tmp/want"
	tests/e2e/streams.py fold <"$tmp/rows" >"$tmp/got" ||
		fail "the rows are not sound"
	[ -s "$tmp/want" ] || fail "no rows by hand"
	diff "$tmp/want" "$tmp/got" >"$tmp/diff" ||
		fail "other rows than by hand: $(head -n 6 "$tmp/diff")"
}
