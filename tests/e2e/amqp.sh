# shellcheck shell=bash
# amqp.sh: what the tests of the broker share, above lib.sh: a private RabbitMQ
# in $tmp/servers, and short words for what they do with it. Sourced.

# shellcheck source=tests/e2e/lib.sh
. tests/e2e/lib.sh

# shellcheck disable=SC2034 # for whoever reads this file
probe=$TESTBIN/tools/amqp_probe
servers=$PWD/scripts/servers

stop_servers() {
	for pid in $(jobs -pr); do
		kill -CONT "$pid" 2>/dev/null || :
	done
	[ ! -d "$tmp/servers" ] || "$servers" stop "$tmp/servers" || :
	clean_up
}
trap stop_servers EXIT

if [ ! -x "${RABBITMQ_BIN:-/usr/lib/rabbitmq/bin}/rabbitmq-server" ]; then
	echo "rabbitmq-server is not installed"
	exit 77
fi

start_broker() {
	"$servers" start "$tmp/servers" rabbitmq || fail "no broker"
	eval "$("$servers" env "$tmp/servers")"
	export AMQP_URL
}

ctl() {
	"$servers" rabbitmqctl "$tmp/servers" -q "$@"
}

# on_queue QUEUE EXPRESSION: of Erlang, in the broker, with the queue as Q.
on_queue() {
	"$servers" eval "$tmp/servers" "{ok, Q} = rabbit_amqqueue:lookup(
		rabbit_misc:r(<<\"messaging\">>, queue, <<\"$1\">>)), $2."
}

# messages ready|checked_out|total: of a quorum queue Q, in Erlang: how many wait,
# are taken, or both; -1: it cannot tell. Asked of the queue itself: list_queues
# shows what was so some seconds ago, and stat() says 0 of one that does not
# answer in time, which on a busy machine is more than the 5 s of a query.
messages() {
	echo "case ra:local_query(amqqueue:get_pid(Q),
		fun rabbit_fifo:query_messages_$1/1, 30000) of
		{ok, {_, N}, _} -> N; _ -> -1 end"
}

# waiting QUEUE: how many messages wait in it, whatever type it has.
waiting() {
	on_queue "$1" "case amqqueue:get_type(Q) of
		rabbit_quorum_queue -> $(messages ready);
		_ -> {ok, Waiting, _} = rabbit_amqqueue:stat(Q), Waiting end"
}

# so_many_wait QUEUE N; for until_true: what a reader that ended left unacknowledged
# is ready again only when the broker has noticed.
so_many_wait() {
	[ "$(waiting "$1")" = "$2" ]
}

# none_waits QUEUE: all was taken; for until_true.
none_waits() {
	so_many_wait "$1" 0
}

# none_is_kept QUEUE: all was taken and acknowledged; for until_true.
none_is_kept() {
	[ "$(on_queue "$1" "$(messages total)")" = 0 ]
}

# none_is_taken QUEUE: the broker has noticed that its readers are gone; for
# until_true. Before that, to one with --until-empty the queue is empty.
none_is_taken() {
	[ "$(on_queue "$1" "$(messages checked_out)")" = 0 ]
}

# kill_reader QUEUE PID: what it had taken waits again in its place.
kill_reader() {
	kill -9 "$2"
	wait "$2" 2>/dev/null || :
	# A busy broker learns of its end later than the next one comes.
	until_true 60 none_is_taken "$1" || fail "it keeps what it had"
}

# read_and_die QUEUE: a reader that acknowledges nothing; what it had read is in
# $tmp/first.
read_and_die() {
	local reader
	"$probe" -s 60000 read "queue:$1" >"$tmp/first" 2>"$tmp/err" &
	reader=$!
	until_true 20 test -s "$tmp/first" || fail "nothing came"
	kill_reader "$1" $reader
}

# settings LINE...: of section [amqp], for the probes that follow.
settings() {
	(umask 077 && printf '%s\n' '[amqp]' "$@" >"$tmp/conf")
	export MESSAGING_CONFIG=$tmp/conf
}

# expect CODE COMMAND...: runs it, its output in $tmp/out and $tmp/err.
expect() {
	local want=$1 got=0
	shift
	"$@" >"$tmp/out" 2>"$tmp/err" || got=$?
	[ "$got" = "$want" ] ||
		fail "'$*' gave $got, not $want: $(cat "$tmp/err")"
}

# says PATTERN: the one line on stderr does.
says() {
	[ "$(wc -l <"$tmp/err")" = 1 ] ||
		fail "not one line on stderr: $(cat "$tmp/err")"
	grep -qE "$1" "$tmp/err" || fail "'$(cat "$tmp/err")' lacks '$1'"
	! grep -q "$(password)" "$tmp/err" || fail "it shows the password"
}

password() {
	cat "$tmp/servers/rabbitmq/password"
}

# records FROM TO: so many different lines.
records() {
	seq -f '{"type":"row","tenant":"t","n":%.0f,"filler":"0123456789"}' \
		"$1" "$2"
}

# same_lines FILE FROM TO: what the probe read is these records, each at least
# once, and no others.
same_lines() {
	cut -f 2 "$1" | sort -u | cmp -s - <(records "$2" "$3" | sort -u) ||
		fail "$1 does not hold the records $2..$3"
}
