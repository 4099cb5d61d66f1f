#!/usr/bin/env bash
# What is written to a queue comes out of it: whole, in order, once, and stays
# there until it is acknowledged. Lines of all sizes, many a message.
set -eu
. tests/e2e/amqp.sh

start_broker

# Nothing there, and until-empty ends at once; the queues are made, both.
expect 0 timeout 60 "$probe" -e read queue:first
[ ! -s "$tmp/out" ] || fail "something came from an empty queue"
[ "$(waiting first) $(waiting first.dead)" = "0 0" ] ||
	fail "the queues were not made"
ctl -p messaging list_queues --no-table-headers name type |
	grep -qx "first.quorum" || fail "the queue is no quorum queue"
ctl -p messaging list_queues --no-table-headers name arguments |
	grep '^first.dead' | grep -q 'x-message-ttl.*2592000000' ||
	fail "dead letters live for ever"
[ "$(ctl -p messaging list_queues --no-table-headers name arguments |
	grep -c '^first.*x-delivery-limit.*2147483647')" = 2 ] ||
	fail "the broker may delete what comes back often"

# 100,000 records in few messages, each id of one message only.
records 1 100000 >"$tmp/in"
expect 0 "$probe" write queue:bulk <"$tmp/in"
tail -n 1 "$tmp/out" | grep -qx 'confirmed 100000' || fail "not confirmed"
messages=$(waiting bulk)
[ "$messages" -le 1000 ] || fail "$messages messages for 100000 records"
expect 0 "$probe" -e read queue:bulk
cut -f 2 "$tmp/out" | cmp -s - "$tmp/in" || fail "other lines came back"
cut -f 1 "$tmp/out" | uniq >"$tmp/ids"
[ "$(wc -l <"$tmp/ids") $(sort -u "$tmp/ids" | wc -l)" = \
	"$messages $messages" ] || fail "the ids are not one for each message"
# What was not acknowledged would come again.
expect 0 "$probe" -e read queue:bulk
[ ! -s "$tmp/out" ] || fail "it was not acknowledged"

# A prefetch smaller than a batch does not stand still.
settings 'prefetch = 3'
expect 0 "$probe" write queue:bulk <"$tmp/in"
expect 0 timeout 120 "$probe" -b 100000 -e read queue:bulk
cut -f 2 "$tmp/out" | cmp -s - "$tmp/in" || fail "a small prefetch loses"
unset MESSAGING_CONFIG

# Empty lines, lines longer than a message usually is, bytes of any kind, and
# one above the limit of a line, which becomes a dead letter.
{
	echo
	head -c 300000 /dev/zero | tr '\0' a
	echo
	printf 'caf\351\n'
	head -c 1100000 /dev/zero | tr '\0' b
	echo
	echo 'bad "quoted"'
	printf 'bad \377\n'
	echo end
} >"$tmp/odd"
expect 0 "$probe" write queue:odd <"$tmp/odd"
expect 0 "$probe" -e read queue:odd
cut -f 2 "$tmp/out" | LC_ALL=C cmp -s - \
	<(LC_ALL=C grep -av '^b' "$tmp/odd") || fail "odd lines differ"
[ "$(waiting odd.dead)" -ge 1 ] || fail "no dead letter"
expect 0 "$probe" -e read queue:odd.dead
cut -f 2 "$tmp/out" >"$tmp/letters"
[ "$(wc -l <"$tmp/letters")" = 3 ] || fail "not three dead letters"
grep -q '"reason":"the line is too long"' "$tmp/letters" || fail "too long"
grep -qF '"record":"bad \"quoted\""' "$tmp/letters" || fail "no record"
grep -q '"record_base64":"YmFkIP8="' "$tmp/letters" || fail "no base64"
grep -q '"where":"message [0-9a-f]*-[0-9]* line ' "$tmp/letters" ||
	fail "it is not said where it was"

# A message above the limit is passed over, not taken into memory.
settings 'max_message = 8M'
{
	head -c 9000000 /dev/zero | tr '\0' c
	echo
	echo end
} >"$tmp/large"
expect 0 "$probe" write queue:odd <"$tmp/large"
expect 0 "$probe" -e read queue:odd
[ "$(cut -f 2 "$tmp/out")" = end ] || fail "what follows is lost"
expect 0 "$probe" -e read queue:odd.dead
grep -q '"reason":"the message is too long"' "$tmp/out" ||
	fail "it went without a letter"
unset MESSAGING_CONFIG

# Without an acknowledgement all comes again, under the same ids.
records 1 2000 | "$probe" write queue:again >"$tmp/out"
read_and_die again
expect 0 "$probe" -e read queue:again
same_lines "$tmp/out" 1 2000
n=$(wc -l <"$tmp/first") # it may have died after its first block of output
head -n "$n" "$tmp/first" | cmp -s - <(head -n "$n" "$tmp/out") ||
	fail "what came again has other ids"

# What was acknowledged while the leader of the queue was slow is not forgotten when
# the reader ends. The leader stands still for 2.5 s; on a machine that is busy the
# reader may come too late for that, or wait too long: hence more than one attempt.
settings 'prefetch = 1000'
records 1 400 >"$tmp/in"
are_read() {
	[ "$(wc -l <"$tmp/slow")" = "$1" ]
}
are_sent() {
	[ "$(on_queue slow "$(messages checked_out)")" = "$1" ]
}
slow_leader_forgets_nothing() {
	"$probe" -p -b 1 read queue:slow >"$tmp/slow" 2>"$tmp/errors" &
	reader=$!
	echo first | "$probe" write queue:slow >"$tmp/said"
	until_true 60 are_read 1 || fail "nobody reads"
	kill -STOP $reader
	expect 0 "$probe" -b 1 write queue:slow <"$tmp/in"
	until_true 60 are_sent 400 || fail "not all were sent"
	on_queue slow "begin {_, N} = P = amqqueue:get_pid(Q), sys:suspend(P),
		timer:apply_after(2500, sys, resume, [P]), N end" >"$tmp/said"
	kill -CONT $reader
	until_true 60 are_read 401 || fail "not all came"
	kill $reader
	wait $reader || fail "SIGTERM gave $?: $(cat "$tmp/errors")"
	expect 0 "$probe" -e read queue:slow
	[ ! -s "$tmp/out" ]
}
slow_leader_forgets_nothing || slow_leader_forgets_nothing ||
	slow_leader_forgets_nothing || fail "$(wc -l <"$tmp/out") came again"
unset MESSAGING_CONFIG

# SIGTERM: what is in hand is finished and acknowledged, the rest stays.
records 1 50000 | "$probe" write queue:term >"$tmp/out"
"$probe" -p -b 100 -s 20 read queue:term >"$tmp/part" 2>"$tmp/errors" &
reader=$!
until_true 20 test -s "$tmp/part" || fail "nothing came"
kill $reader
wait $reader || fail "SIGTERM gave $?: $(cat "$tmp/errors")"
expect 0 "$probe" -e read queue:term
cat "$tmp/part" "$tmp/out" >"$tmp/both"
same_lines "$tmp/both" 1 50000
