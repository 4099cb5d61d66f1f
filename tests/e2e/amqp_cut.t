#!/usr/bin/env bash
# Connections that are cut anywhere: in the login, in a publish, in a delivery,
# before a confirm, before an acknowledgement. Nothing is lost, nothing hangs,
# no sanitizer complains.
set -eu
. tests/e2e/amqp.sh

RECORDS=${LONG:+200000}
RECORDS=${RECORDS:-10000}
seed=${SEED:-$RANDOM}
echo "SEED=$seed"

start_broker
python3 tests/e2e/cut_proxy.py "$tmp/port" \
	"$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/ports")" "$seed" \
	>"$tmp/proxy" 2>&1 &
until_true 10 test -s "$tmp/port" || fail "no proxy: $(cat "$tmp/proxy")"
direct=$AMQP_URL
AMQP_URL=${AMQP_URL%:*}:$(cat "$tmp/port")/messaging

records 1 "$RECORDS" |
	env timeout --foreground 1500 "$probe" -p -b 50 write queue:cut \
		>"$tmp/confirmed" 2>"$tmp/writer" &
writer=$!
env timeout --foreground 1500 "$probe" -p -b 100 read queue:cut \
	>"$tmp/read" 2>"$tmp/reader" &
reader=$!
wait $writer || fail "the writer gave $?: $(tail -n 3 "$tmp/writer")"
AMQP_URL=$direct
all_read() {
	[ "$(wc -l <"$tmp/read")" -ge "$RECORDS" ] &&
		[ "$(cut -f 2 "$tmp/read" | sort -u | wc -l)" = "$RECORDS" ]
}
until_true 300 all_read ||
	fail "$(wc -l <"$tmp/read") lines read: $(tail -n 3 "$tmp/reader")"
kill $reader
wait $reader || fail "the reader gave $?: $(tail -n 3 "$tmp/reader")"
same_lines "$tmp/read" 1 "$RECORDS"
sort -u "$tmp/read" | cut -f 2 | sort | uniq -d >"$tmp/twice"
[ ! -s "$tmp/twice" ] || fail "other ids: $(head -n 3 "$tmp/twice")"
cuts=$(cat "$tmp/writer" "$tmp/reader" | grep -c 'trying again' || :)
[ "$cuts" -ge 1 ] || fail "only $cuts cuts"
echo "$cuts cuts, $(wc -l <"$tmp/read") lines for $RECORDS records"
