#!/usr/bin/env bash
# Idle connections live on, on both sides, for as long as they are idle; a
# broker that hangs is noticed in time, in the midst of writing too; a program
# that hung finds its way back.
set -eu
. tests/e2e/amqp.sh

start_broker
# A busy machine may leave either side without a word for some seconds.
settings 'heartbeat = 5s'
log=$tmp/servers/rabbitmq/logs/rabbitmq.log

"$probe" -p read queue:idle >"$tmp/read" 2>"$tmp/reader" &
reader=$!
expect 0 "$probe" idle queue:idle 15s
arrived() {
	[ "$(wc -l <"$tmp/read")" -ge "$1" ]
}
until_true 10 arrived 1 || fail "nothing arrived after idling"
! grep -q 'missed heartbeats' "$log" || fail "heartbeats were missed"
[ ! -s "$tmp/err" ] || fail "the writer lost its link: $(cat "$tmp/err")"
[ ! -s "$tmp/reader" ] || fail "the reader lost its link"

# So does that of a reader with more than it takes ahead, who waits for others.
settings 'heartbeat = 5s' 'prefetch = 1000'
records 1 500000 | "$probe" write queue:much >/dev/null
"$probe" -pe -l 15000 read queue:much >"$tmp/much" 2>"$tmp/err" ||
	fail "it gave $?: $(cat "$tmp/err")"
same_lines "$tmp/much" 1 500000
! grep -q 'missed heartbeats' "$log" || fail "no heartbeats while it waited"
[ ! -s "$tmp/err" ] || fail "it lost its link: $(cat "$tmp/err")"

# And that of a stream with one message whose every line is a dead letter. In a
# queue of its own: a starved broker gives back what was acknowledged before.
settings 'heartbeat = 2s'
expect 0 "$probe" -e read queue:long
ctl eval "rabbit_basic:publish(rabbit_misc:r(<<\"messaging\">>, exchange,
	<<>>), <<\"long\">>, [], binary:copy(<<10>>, 600000))." >/dev/null
expect 0 "$BIN/aggregator" -v -f queue:long -t queue:rows \
	--state "$tmp/state" --until-empty
! grep -q 'missed heartbeats' "$log" || fail "no heartbeats in a long message"
# Each line once; when a starved broker kept silent for so long that the
# aggregator gave a link up, or refused what it had no time for, some may come
# again.
"$probe" -e read queue:long.dead | cut -f 2- | tee "$tmp/letters" | wc -l >"$tmp/n"
[ "$(cat "$tmp/n")" = 600000 ] ||
	grep -qE 'reconnected|queue_full' "$tmp/err" ||
	fail "$(cat "$tmp/n") letters: $(cat "$tmp/err") $(tail -n 5 "$log")"
[ "$(sort -u "$tmp/letters" | wc -l)" = 600000 ] || fail "some have no letter"

# Longer than a busy broker leaves a confirm unsent.
settings 'heartbeat = 2s' 'wait_timeout = 10s'
# The broker hangs: a writer gives up in a bounded time, and says so.
broker=$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/pid")
mkfifo "$tmp/fifo"
"$probe" -b 300000 write queue:idle <"$tmp/fifo" >"$tmp/confirmed" \
	2>"$tmp/err" &
writer=$!
exec 9>"$tmp/fifo"
records 1 300000 >&9
until_true 60 grep -q 'confirmed 300000' "$tmp/confirmed" || fail "not confirmed"
kill -STOP "$broker"
start=$SECONDS
# More than all the buffers on the way hold.
{ records 1 600000 >&9; } 2>/dev/null || :
exec 9>&-
got=0
wait $writer || got=$?
kill -CONT "$broker"
[ "$got" = 75 ] || fail "the writer gave $got: $(cat "$tmp/err")"
echo "a hanging broker was noticed after $((SECONDS - start)) s"
[ $((SECONDS - start)) -le 100 ] || fail "it hung for $((SECONDS - start)) s"
says '(cannot publish at|cannot talk to|cannot log in at|RabbitMQ at) .*'

# The reader noticed too and comes back with the broker; then it hangs itself,
# for longer than the broker waits.
written() {
	"$probe" write queue:idle >/dev/null 2>&1 <<<"$1"
}
read_it() {
	cut -f 2 "$tmp/read" | grep -qx "$1"
}
until_true 20 written one || fail "the broker does not come back"
until_true 20 read_it one || fail "the reader is lost: $(cat "$tmp/reader")"
kill -STOP $reader
missed() {
	grep -q 'missed heartbeats' "$log"
}
until_true 20 missed || fail "the broker does not mind"
kill -CONT $reader
until_true 20 written two || fail "the broker takes nothing any more"
until_true 20 read_it two || fail "the reader stays away"
kill $reader
wait $reader || fail "the reader gave $?"
