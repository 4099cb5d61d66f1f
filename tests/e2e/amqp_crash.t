#!/usr/bin/env bash
# kill -9 of the broker while one program writes and another reads: what was
# confirmed is not lost, what comes twice carries the same id, and both
# programs go on by themselves. So does one that starts while the broker is away.
# And while its alarm is on, nothing is sent to it.
set -eu
. tests/e2e/amqp.sh

CRASHES=${LONG:+3}
CRASHES=${CRASHES:-1}
RECORDS=40000

start_broker

# One message a flush: there is always one that the broker has not confirmed.
mkfifo "$tmp/records"
: >"$tmp/read" # looked at before the reader may have begun
"$probe" -p -b 10 write queue:crash <"$tmp/records" >"$tmp/confirmed" \
	2>"$tmp/writer" &
writer=$!
exec 3>"$tmp/records"
"$probe" -p -b 200 read queue:crash >"$tmp/read" 2>"$tmp/reader" 3>&- &
reader=$!

goes_on() {
	[ "$(wc -l <"$tmp/read")" -gt "$size" ]
}

# start_late: a program that finds no broker.
start_late() {
	"$BIN/aggregator" -v -f queue:late -t queue:later --every 1s \
		--state "$tmp/late" 2>"$tmp/late.err" 3>&- &
	late=$!
}
end_late() {
	until_true 60 came_up || fail "who came up? $(cat "$tmp/late.err")"
	kill "$late"
	wait "$late" || fail "it gave $?: $(cat "$tmp/late.err")"
}
came_up() {
	grep -q 'reconnected endpoint=queue:late after_ms=' "$tmp/late.err"
}

# However fast the machine is, each crash meets a writer that has work.
share=$((RECORDS / (CRASHES + 1)))
for crash in $(seq 0 "$CRASHES"); do
	size=$(wc -l <"$tmp/read")
	records $((crash * share + 1)) $(((crash + 1) * share)) >&3 &
	feeder=$!
	until_true 30 goes_on || fail "it does not go on: $(cat "$tmp/writer")"
	if [ "$crash" -lt "$CRASHES" ]; then
		sleep "0.$((RANDOM % 10))"
		"$servers" kill "$tmp/servers" rabbitmq
		[ "$crash" != 0 ] || start_late
		"$servers" start "$tmp/servers" rabbitmq 3>&-
		[ "$crash" != 0 ] || end_late
	fi
	wait $feeder
done
exec 3>&-
wait $writer || fail "the writer gave $?: $(cat "$tmp/writer")"
tail -n 1 "$tmp/confirmed" | grep -qx "confirmed $RECORDS" ||
	fail "the writer stopped at $(tail -n 1 "$tmp/confirmed")"

all_read() {
	[ "$(wc -l <"$tmp/read")" -ge $RECORDS ] &&
		[ "$(cut -f 2 "$tmp/read" | sort -u | wc -l)" -ge $RECORDS ]
}
until_true 60 all_read || fail "not all was read: $(cat "$tmp/reader")"
kill $reader
wait $reader || fail "the reader gave $?: $(cat "$tmp/reader")"
# What was on its way when it was told to stop is in the queue again.
"$probe" -e -b 200 read queue:crash >>"$tmp/read" 2>"$tmp/rest" ||
	fail "the second reader gave $?: $(cat "$tmp/rest")"
same_lines "$tmp/read" 1 $RECORDS
[ "$(waiting crash)" = 0 ] || fail "something was left"

# One line is always in the same message, however often it came.
sort -u "$tmp/read" | cut -f 2 | sort | uniq -d >"$tmp/twice"
[ ! -s "$tmp/twice" ] || fail "other ids: $(head -n 3 "$tmp/twice")"
for side in writer reader; do
	n=$(grep -c 'trying again' "$tmp/$side" || :)
	# Either may be done before the last one; a busy broker may be asked twice.
	if [ "$n" -lt 1 ] || [ "$n" -gt $((2 * CRASHES)) ]; then
		fail "$n lines about $CRASHES crashes: $(cat "$tmp/$side")"
	fi
done
echo "$(wc -l <"$tmp/read") lines for $RECORDS records"

# The alarm: not a message is sent against it, the end of it is noticed, and
# a writer from cron says what is the matter.
ctl set_vm_memory_high_watermark 0.00001
alarm_is_on() {
	"$servers" eval "$tmp/servers" 'rabbit_alarm:get_alarms().' | grep -q memory
}
until_true 60 alarm_is_on || fail "no alarm"
records 1 20 >"$tmp/in"
settings 'wait_timeout = 10s'
expect 75 "$probe" -b 10 write queue:alarm <"$tmp/in"
says 'takes no messages, its alarm is on \(low on memory\); give it'
unset MESSAGING_CONFIG
"$probe" -p -b 10 write queue:alarm <"$tmp/in" >"$tmp/confirmed" \
	2>"$tmp/writer" &
writer=$!
blocked() {
	ctl list_connections --no-table-headers state | grep -q '^block'
}
until_true 60 blocked || fail "the writer is not blocked"
ctl set_vm_memory_high_watermark 0.4
wait $writer || fail "the writer gave $?: $(cat "$tmp/writer")"
grep -qx "confirmed 20" "$tmp/confirmed" || fail "not confirmed after the alarm"
expect 0 "$probe" -e read queue:alarm
same_lines "$tmp/out" 1 20
