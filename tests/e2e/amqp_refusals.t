#!/usr/bin/env bash
# Everything a broker can refuse: each is one clear line on stderr that names
# the thing and the way out, the documented exit code, no password, and no
# record lost.
set -eu
. tests/e2e/amqp.sh

start_broker
url=$AMQP_URL
settings 'wait_timeout = 2s'

# Names that are none.
expect 64 "$probe" write 'queue:a b' </dev/null
says "'queue:a b' names no queue"
expect 64 "$probe" write queu:rows </dev/null
says "'queu:rows' is no endpoint.*queue:NAME"

# URLs.
AMQP_URL='' expect 78 "$probe" write queue:q </dev/null
says 'set \[amqp\] url or AMQP_URL'
AMQP_URL=http://h/ expect 78 "$probe" write queue:q </dev/null
says "'http://h/' is no URL of RabbitMQ"
AMQP_URL=${url/127.0.0.1/broker.example.org} \
	expect 78 "$probe" write queue:q </dev/null
says 'in the clear; use amqps://, or set \[amqp\] plaintext = yes'

# Nobody there.
AMQP_URL=amqp://u:secret@127.0.0.1:1/v expect 75 "$probe" read queue:q
says 'cannot reach RabbitMQ at amqp://u:\*\*\*@127.0.0.1:1/v.*is it running'

# Wrong password, wrong virtual host: no waiting helps.
settings 'wait_timeout = 1h'
AMQP_URL=${url/$(password)/wrong} expect 77 timeout 60 "$probe" read queue:q
says 'cannot log in .*refused.*check user and password in \[amqp\] url'
AMQP_URL=${url}x expect 77 timeout 60 "$probe" write queue:q </dev/null
says "vhost messagingx not found; check the virtual host in \[amqp\] url"

# A user with few rights: an existing queue can be used, a new one not made.
expect 0 "$probe" -e read queue:there
ctl add_user few "$(password)"
ctl set_permissions -p messaging few '^$' 'amq.default' '^there$'
few=${url/messaging:/few:}
records 1 10 >"$tmp/in"
AMQP_URL=$few expect 0 "$probe" write queue:there <"$tmp/in"
AMQP_URL=$few expect 0 "$probe" -e read queue:there
same_lines "$tmp/out" 1 10
AMQP_URL=$few expect 77 timeout 60 "$probe" write queue:new <"$tmp/in"
says "cannot make queue 'new' .*refused for user 'few'; grant the right"
ctl set_permissions -p messaging few '^$' '^$' '^$'
AMQP_URL=$few expect 77 timeout 60 "$probe" write queue:there <"$tmp/in"
says "access to exchange 'amq.default' .*refused.*; grant the right"
AMQP_URL=$few expect 77 timeout 60 "$probe" read queue:there
says "access to queue 'there' .*refused.*; grant the right"
# It may be counted without reading it.
echo 'count there' | AMQP_URL=$few expect 0 "$BIN/aggregator" --declare
[ "$(cat "$tmp/out")" = "0 there" ] || fail "it says: $(cat "$tmp/out")"
unset MESSAGING_CONFIG

# Another one that reads alone, as other clients can of a classic queue, or that
# made a queue for itself: no right is missing, and it ends.
classic=$("$servers" eval "$tmp/servers" '
	Name = fun (N) -> rabbit_misc:r(<<"messaging">>, queue, N) end,
	{new, Q} = rabbit_amqqueue:declare(Name(<<"alone">>), true, false, [],
		none, <<"test">>),
	Other = spawn(fun () ->
		rabbit_amqqueue:declare(Name(<<"own">>), false, false, [],
			self(), <<"test">>),
		rabbit_amqqueue:basic_consume(Q, false, self(), none,
			false, 10, <<"other">>, true, [], undefined,
			<<"test">>, rabbit_queue_type:init()),
		timer:sleep(infinity) end),
	register(other, Other).')
[ "$classic" = true ] || fail "it is not made: $classic"
one_reads_alone() {
	[ "$(on_queue alone 'length(rabbit_amqqueue:consumers(Q))')" = 1 ]
}
until_true 60 one_reads_alone || fail "nobody reads alone"
settings 'wait_timeout = 1s'
expect 75 timeout 120 "$probe" -e read queue:alone
says "read queue 'alone' .* exclusive use; end the other one that reads it"
expect 75 timeout 120 "$probe" write queue:own <"$tmp/in"
says "queue 'own' .*; end the connection that made it for itself"
unset MESSAGING_CONFIG
"$probe" -p read queue:alone >"$tmp/read" 2>"$tmp/reader" &
reader=$!
waits() {
	grep -q 'exclusive use; .*; trying again' "$tmp/reader"
}
until_true 60 waits || fail "it does not wait: $(cat "$tmp/reader")"
"$servers" eval "$tmp/servers" 'exit(whereis(other), kill).' >"$tmp/errors"
expect 0 "$probe" write queue:alone <"$tmp/in"
all_came() {
	[ "$(cut -f 2 "$tmp/read" | sort -u | wc -l)" = 10 ]
}
until_true 60 all_came || fail "it reads nothing: $(cat "$tmp/reader")"
kill $reader
wait $reader || fail "it gave $?"

# A stream would be read from its end on, and nothing waits in it for a reader
# that is away. Who may not configure it is told less, and does not come back to
# it for ever.
made=$("$servers" eval "$tmp/servers" 'rabbit_amqqueue:declare(
	rabbit_misc:r(<<"messaging">>, queue, <<"flow">>), true, false,
	[{<<"x-queue-type">>, longstr, <<"stream">>}], none, <<"test">>).')
[[ $made == '{new, '* ]] || fail "no stream: $made"
expect 0 "$probe" -e read queue:flow.dead
# Of an empty one --until-empty would end at once, as if all were well.
expect 78 timeout 120 "$probe" -e read queue:flow
says "the queue 'flow' at .* is a stream, .*; delete it, and a quorum queue"
expect 0 "$probe" write queue:flow <"$tmp/in"
expect 78 timeout 120 "$probe" -e read queue:flow
says "the queue 'flow' at .* is a stream, .*; delete it, and a quorum queue"
ctl set_permissions -p messaging few '^$' 'amq.default' '^flow$'
settings 'wait_timeout = 1s'
AMQP_URL=$few expect 75 timeout 120 "$probe" -e read queue:flow
says "queue 'flow' at .* sends none of its .* delete it if it is a stream"
unset MESSAGING_CONFIG
# What comes while it is read says so itself.
AMQP_URL=$few "$probe" -p read queue:flow >"$tmp/read" 2>"$tmp/reader" &
reader=$!
refuses_what_comes() {
	expect 0 "$probe" write queue:flow <"$tmp/in"
	! kill -0 $reader 2>/dev/null
}
until_true 60 refuses_what_comes || fail "it reads: $(cat "$tmp/reader")"
got=0
wait $reader || got=$?
[ $got = 78 ] || fail "it gave $got: $(cat "$tmp/reader")"
grep -q 'is a stream' "$tmp/reader" || fail "it says: $(cat "$tmp/reader")"

# A full queue: refused, waited for, and nothing lost when there is room.
expect 0 "$probe" -e read queue:full
ctl set_policy -p messaging small '^full$' '{"max-length":10}' \
	--apply-to queues
records 1 2000 >"$tmp/in"
settings 'wait_timeout = 10s' # longer than a busy broker says nothing
expect 75 "$probe" -b 20 write queue:full <"$tmp/in"
says "queue 'full' at .* is full; let its reader catch up"
unset MESSAGING_CONFIG
safe=$(tail -n 1 "$tmp/out" | cut -d' ' -f 2)
[ "$safe" -ge 100 ] || fail "only $safe of 2000 records fitted"
expect 0 "$probe" -e read queue:full
same_lines <(head -n "$safe" "$tmp/out") 1 "$safe"
"$probe" -p -b 20 write queue:full <"$tmp/in" >"$tmp/confirmed" \
	2>"$tmp/writer" &
writer=$!
"$probe" -p -s 100 -b 100 read queue:full >"$tmp/read" 2>"$tmp/err" &
reader=$!
wait $writer || fail "the writer gave $?: $(cat "$tmp/writer")"
all_read() {
	[ "$(cut -f 2 "$tmp/read" | sort -u | wc -l)" -ge 2000 ]
}
until_true 60 all_read || fail "a full queue lost something"
kill $reader
wait $reader || fail "the reader gave $?"
same_lines "$tmp/read" 1 2000

# A queue that is deleted under its reader is noticed and made anew; one
# deleted under its writer gives messages back, which are sent again. Where the
# writer makes it anew first, the broker may forget the reader, as below.
ctl clear_policy -p messaging small
"$probe" -p read queue:gone >"$tmp/read" 2>"$tmp/reader" &
reader=$!
mkfifo "$tmp/fifo"
"$probe" -p -b 10 write queue:gone <"$tmp/fifo" >"$tmp/confirmed" \
	2>"$tmp/writer" &
writer=$!
exec 9>"$tmp/fifo"
lines_read() {
	[ "$(wc -l <"$tmp/read")" -ge "$1" ]
}
records 1 10 >&9
until_true 60 lines_read 10 || fail "nothing arrived"
ctl -p messaging delete_queue gone >/dev/null
records 11 20 >&9
until_true 60 lines_read 20 ||
	fail "it does not go on: $(cat "$tmp/reader" "$tmp/writer")"
exec 9>&-
wait $writer || fail "the writer gave $?"
kill $reader
wait $reader || fail "the reader gave $?"
same_lines "$tmp/read" 1 20
grep -q "the queue 'gone' at .* was deleted or moved; trying again" \
	"$tmp/reader" || fail "the reader does not say so: $(cat "$tmp/reader")"
[ "$(wc -l <"$tmp/reader")" = 1 ] || fail "more lines: $(cat "$tmp/reader")"

# A reader whom the broker has forgotten without telling it, as happens when a
# queue is made anew in the moment of its deletion, asks and comes back.
"$probe" -p read queue:forgetful >"$tmp/read" 2>"$tmp/reader" &
reader=$!
records 1 10 >"$tmp/in"
expect 0 "$probe" write queue:forgetful <"$tmp/in"
until_true 60 lines_read 10 || fail "nothing arrived"
on_queue forgetful '[C] = rabbit_amqqueue:consumers(Q),
	{ok, _, _} = ra:process_command(amqqueue:get_pid(Q),
		rabbit_fifo:make_checkout({element(2, C), element(1, C)},
			cancel, #{}))' >/dev/null || fail "cannot be forgotten"
records 11 20 >"$tmp/in"
expect 0 "$probe" write queue:forgetful <"$tmp/in"
until_true 60 lines_read 20 ||
	fail "forgotten for good: $(cat "$tmp/reader")"
kill $reader
wait $reader || fail "the reader gave $?"
same_lines "$tmp/read" 1 20

# Of two readers none makes a deleted queue anew at once: the channel of the other
# one may not have heard of it yet, and would be forgotten like that.
read_shared() { # N
	"$probe" -p read queue:shared >"$tmp/read$1" 2>"$tmp/reader$1" &
	readers[$1]=$!
}
both_read() {
	[ "$(on_queue shared 'length(rabbit_amqqueue:consumers(Q))' \
		2>"$tmp/errors")" = 2 ]
}
shared_read() {
	cat "$tmp/read1" "$tmp/read2" >"$tmp/read"
	lines_read "$1"
}
read_shared 1
read_shared 2
until_true 60 both_read || fail "nobody reads: $(cat "$tmp"/reader[12])"
left=$(on_queue shared 'rabbit_amqqueue:delete(Q, false, false, <<"test">>),
	timer:sleep(1000), rabbit_amqqueue:lookup(amqqueue:get_name(Q))')
[ "$left" = '{error, not_found}' ] || fail "it is made anew at once: $left"
until_true 60 both_read || fail "they stay away: $(cat "$tmp"/reader[12])"
records 1 20 >"$tmp/in"
expect 0 "$probe" -b 1 write queue:shared <"$tmp/in"
until_true 60 shared_read 20 || fail "not all came: $(cat "$tmp"/reader[12])"
for n in 1 2; do
	kill "${readers[n]}"
	wait "${readers[n]}" || fail "a reader gave $?"
done
same_lines "$tmp/read" 1 20

# Unroutable: the queue is deleted while no reader makes it anew. A writer whose
# link a busy machine breaks just then makes the queue anew itself, and has
# nothing returned: that is tried again. The probe sends no heartbeat while it
# waits for lines, as long as rabbitmqctl takes there.
settings 'heartbeat = 1h'
confirmed() {
	grep -qx "confirmed $1" "$tmp/confirmed"
}
# begin_writer_and_delete QUEUE OPTION...: it has confirmed ten, and goes on to
# read descriptor 9.
begin_writer_and_delete() {
	local queue=$1
	shift
	rm -f "$tmp/fifo2" "$tmp/confirmed"
	mkfifo "$tmp/fifo2"
	"$probe" "$@" -b 10 write "queue:$queue" <"$tmp/fifo2" \
		>"$tmp/confirmed" 2>"$tmp/writer" &
	writer=$!
	exec 9>"$tmp/fifo2"
	records 1 10 >&9
	until_true 60 confirmed 10 || fail "not confirmed"
	ctl -p messaging delete_queue "$queue" >/dev/null
}
delete_under_writer() {
	begin_writer_and_delete lonely -p
	records 11 20 >&9
	until_true 60 confirmed 20 || fail "returned and not sent again"
	exec 9>&-
	wait $writer || fail "the writer gave $?"
	expect 0 "$probe" -e read queue:lonely
	same_lines "$tmp/out" 11 20
}
for _ in {1..9}; do
	delete_under_writer
	grep -q "socket error" "$tmp/writer" || break
done
grep -q "the queue 'lonely' at .* is gone; trying again" "$tmp/writer" ||
	fail "the writer does not say so: $(cat "$tmp/writer")"

# One that gives up soon makes it anew all the same. On a machine that is busy it
# may have no time to: hence more than one attempt.
settings 'wait_timeout = 1500ms' 'heartbeat = 1h'
brief_writer_goes_on() {
	begin_writer_and_delete brief
	{ records 11 20 >&9; } 2>/dev/null || :
	exec 9>&-
	wait $writer
}
brief_writer_goes_on || brief_writer_goes_on || brief_writer_goes_on ||
	fail "it gave up: $(cat "$tmp/writer")"
expect 0 "$probe" -e read queue:brief
same_lines "$tmp/out" 11 20
unset MESSAGING_CONFIG

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
confirmed 20 || fail "not confirmed after the alarm"
expect 0 "$probe" -e read queue:alarm
same_lines "$tmp/out" 1 20
