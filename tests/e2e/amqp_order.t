#!/usr/bin/env bash
# What a reader that died had not acknowledged comes again in its order, before
# all else, also where more came ahead of its acknowledgements the longer it
# read.
set -eu
. tests/e2e/amqp.sh

MESSAGES=4000 # medium ones, more than may come ahead or are read below

start_broker
long=$(printf '%5000s' '' | tr ' ' x)
seq 1 "$MESSAGES" | sed "s/\$/ $long/" |
	"$probe" -b 1 write queue:order >/dev/null

# in_order FILE: what the probe read.
in_order() {
	cut -f 2 "$1" | cut -d ' ' -f 1 >"$tmp/numbers"
	sort -n -c "$tmp/numbers" 2>"$tmp/err" ||
		fail "out of order: $(cat "$tmp/err")"
}

some() {
	[ "$(wc -l <"$tmp/first")" -ge 600 ]
}
for _ in 1 2 3; do
	: >"$tmp/first"
	# It acknowledges after each 150; the first 100 come ahead of that. So
	# slowly that it does not read all before a busy machine looks.
	"$probe" -p -b 150 -s 1000 read queue:order >>"$tmp/first" 2>"$tmp/err" &
	reader=$!
	until_true 60 some || fail "it does not read: $(cat "$tmp/err")"
	kill_reader order $reader
	# The last line may be cut; a whole one may be acknowledged.
	if [ -z "$(tail -c 1 "$tmp/first")" ]; then
		cp "$tmp/first" "$tmp/whole"
	else
		head -n -1 "$tmp/first" >"$tmp/whole"
	fi
	in_order "$tmp/whole"
	cat "$tmp/numbers" >>"$tmp/all"
done
# What the dead one had may be back a moment after the queue looked empty.
all_came() {
	"$probe" -e -b 100 read queue:order >>"$tmp/rest" 2>"$tmp/err" ||
		fail "the last reader gave $?: $(cat "$tmp/err")"
	in_order "$tmp/rest"
	[ "$(sort -nu "$tmp/all" "$tmp/numbers" | wc -l)" = "$MESSAGES" ]
}
until_true 60 all_came || fail "some are lacking"
