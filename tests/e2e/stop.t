#!/usr/bin/env bash
# SIGTERM ends every program within ten seconds, whatever does not answer: a
# database or a broker that stands still, a CRM that takes a connection and says
# nothing. Five more are for a busy machine.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

command -v python3 >/dev/null || {
	echo "python3 is missing"
	exit 77
}

"$servers" start "$tmp/servers" >"$tmp/servers.log" 2>&1 ||
	fail "no servers: $(cat "$tmp/servers.log")"
eval "$("$servers" env "$tmp/servers")"
export CRM_URL=http://127.0.0.1:1/v1 CRM_TOKEN=token
"$BIN/sink" --migrate || fail "no tables"

# Its process stands still and comes back, or is stopped in the end.
signal() { # SIGNAL SERVER
	local server
	read -r server _ <"$tmp/servers/$2/pid"
	kill "-$1" "$server"
}

# start NAME PROGRAM OPTION...: in the background; its pid is in $tmp/NAME.pid.
start() {
	local name=$1 program=$2
	shift 2
	"$BIN/$program" -vv "$@" 2>"$tmp/$name.err" >"$tmp/$name.out" &
	echo $! >"$tmp/$name.pid"
}

told() { # NAME PATTERN
	grep -q -e "$2" "$tmp/$1.err"
}

ready() { # NAME PATTERN
	until_true 60 told "$@" || fail "$1 does not come up: $(
		cat "$tmp/$1.err")"
}

# minds NAME: the program is there, no shell any more, and its handler of
# SIGTERM, bit 14 of the signals that it catches.
minds() {
	local pid caught
	pid=$(cat "$tmp/$1.pid")
	caught=$(sed -n 's/^SigCgt:.*\(....\)$/\1/p' "/proc/$pid/status") &&
		case $(readlink "/proc/$pid/exe") in
		"$BIN"/*) [ $((0x$caught & 0x4000)) != 0 ] ;;
		*) false ;;
		esac
}

ended() {
	! kill -0 "$1" 2>/dev/null
}

# end NAME...: all at once, and each in time.
end() {
	local name pid got
	for name; do
		kill "$(cat "$tmp/$name.pid")"
	done
	for name; do
		pid=$(cat "$tmp/$name.pid") got=0
		until_true 15 ended "$pid" || fail "$name does not end in time"
		wait "$pid" || got=$?
		[ "$got" = 0 ] || [ "$got" = 75 ] ||
			fail "$name gave $got: $(cat "$tmp/$name.err")"
	done
}

echo "- a database that stands still in the middle"
start sink sink -f queue:rows
ready sink 'amqp_connected queue=rows'
signal STOP mariadb
echo '{"type":"row","table":"tenant_metrics","tenant":"t","operators":1,"as_of":"2026-11-20T10:00:00Z"}' |
	"$probe" write queue:rows >/dev/null
until_true 20 none_waits rows || fail "the row was not taken"
end sink
signal CONT mariadb

echo "- one that stands still from the start"
signal STOP mariadb
start sink sink -f queue:rows
start reaper reaper -f queue:closed
until_true 60 minds sink || fail "no sink"
until_true 60 minds reaper || fail "no reaper"
end sink reaper
signal CONT mariadb

echo "- a broker that stands still"
printf '[crm acme]\n[listen]\ntenant = acme\n' >"$tmp/conf"
chmod 600 "$tmp/conf"
start stream aggregator -f queue:records -t queue:out --every 20ms \
	--state "$tmp/stream" -a events
start counter aggregator --input eventcounter -f queue:counted -t queue:out \
	--state "$tmp/counter"
start sink sink -f queue:rows
start listener poller -c "$tmp/conf" --listen "unix:$tmp/door" \
	-t queue:records --state "$tmp/listener"
ready stream 'amqp_connected queue=out'
ready counter 'amqp_connected queue=counted'
ready sink 'amqp_connected queue=rows'
ready listener 'amqp_connected queue=records'
signal STOP rabbitmq
end stream counter sink listener

echo "- and one that stands still from the start"
start stream aggregator -f queue:records -t queue:out --every 20ms \
	--state "$tmp/stream" -a events
start sink sink -f queue:rows
until_true 60 minds stream || fail "no aggregator"
until_true 60 minds sink || fail "no sink"
end stream sink
signal CONT rabbitmq

echo "- a CRM that says nothing"
python3 - "$tmp/port" "$tmp/asked" <<'END' &
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1], "w").write("%d\n" % s.getsockname()[1])
held = []
while True:
    held.append(s.accept()[0])
    held[-1].recv(1)
    open(sys.argv[2], "a").write("x")
END
until_true 20 test -s "$tmp/port" || fail "no CRM"
CRM_URL=http://127.0.0.1:$(cat "$tmp/port")/v1
for mode in "" --check; do
	rm -f "$tmp/asked"
	# shellcheck disable=SC2086 # none, or one word
	start poller poller $mode
	until_true 30 test -s "$tmp/asked" || fail "it asks nothing"
	end poller
done
