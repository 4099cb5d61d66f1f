#!/usr/bin/env bash
# SIGTERM ends every program, in each of its modes, within ten seconds, whatever
# does not answer: a database or a broker that stands still, or is slow with each
# answer, a CRM that takes a connection and says nothing.
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

# reaches NAME: it is a program that minds SIGTERM and has a socket, so it is
# at the server that does not answer, or will be in a moment.
reaches() {
	minds "$1" && find "/proc/$(cat "$tmp/$1.pid")/fd" -lname 'socket:*' \
		2>/dev/null | grep -q .
}

# Says so in $reached: a moment later it may wait before it tries once more.
reached_or_ended() {
	if reaches "$1"; then
		reached=$1
	else
		ended "$(cat "$tmp/$1.pid")"
	fi
}

# gave_up NAME: it waited in vain for the server before anybody looked, as where
# it started long before the last one did.
gave_up() {
	local pid got=0
	pid=$(cat "$tmp/$1.pid")
	ended "$pid" && { wait "$pid" || got=$?; } && [ "$got" = 75 ]
}

reach() { # NAME...
	local name reached=
	for name; do
		until_true 60 reached_or_ended "$name" || :
		[ "$reached" = "$name" ] || gave_up "$name" || fail "$name reaches nothing: $(
			cat "$tmp/$name.err")"
	done
}

# end NAME...: all at once, and each in time.
end() {
	local name pid got
	for name; do
		# One that starved may have given up before.
		kill "$(cat "$tmp/$name.pid")" 2>/dev/null || :
	done
	for name; do
		pid=$(cat "$tmp/$name.pid") got=0
		# The promise itself is a time: 10 s. These 5 are up to 20 (see
		# until_true), the rest for a busy machine; what waits for the
		# server to answer needs 30 and more.
		until_true 5 ended "$pid" || fail "$name does not end in time"
		wait "$pid" || got=$?
		[ "$got" = 0 ] || [ "$got" = 75 ] ||
			fail "$name gave $got: $(cat "$tmp/$name.err")"
	done
}

echo '{"type":"row","table":"tenant_metrics","tenant":"t","operators":1,"as_of":"2026-11-20T10:00:00Z"}' \
	>"$tmp/row"
echo '{"type":"chat","tenant":"t","chat":"1","status":"closed","at":"2026-11-20T10:00:00Z"}' \
	>"$tmp/chat"

echo "- a database that stands still in the middle"
stands_still_under() { # PROGRAM QUEUE FILE: what it takes meanwhile
	start "$1" "$1" -f "queue:$2"
	ready "$1" "amqp_connected queue=$2"
	signal STOP mariadb
	"$probe" write "queue:$2" <"$3" >/dev/null
	until_true 20 none_waits "$2" || fail "$1 did not take what came"
	end "$1"
	signal CONT mariadb
}
stands_still_under sink rows "$tmp/row"
stands_still_under reaper closed "$tmp/chat"

echo "- requests at one that stands still"
printf '[serve]\nsecret_key = %032d\n' 7 >"$tmp/serve.conf"
chmod 600 "$tmp/serve.conf"
"$BIN/sink" -c "$tmp/serve.conf" --token --tenant t --role lead >"$tmp/token" 2>"$tmp/err" ||
	fail "no token: $(cat "$tmp/err")"
start serve sink -c "$tmp/serve.conf" --serve 127.0.0.1:0 \
	--port-file "$tmp/serve.port"
until_true 60 test -s "$tmp/serve.port" || fail "no server: $(
	cat "$tmp/serve.err")"
asks() { # PATH FILE
	curl -sv -H "Authorization: Bearer $(cat "$tmp/token")" \
		"http://127.0.0.1:$(cat "$tmp/serve.port")$1" >"$tmp/$2" 2>&1
}
asks /api/v1/operators answer
grep -q '^< HTTP/1.1 200' "$tmp/answer" || fail "$(cat "$tmp/answer")"
signal STOP mariadb
for n in 1 2 3 4 5 6; do
	asks "/api/v1/operators?n=$n" "asked.$n" &
	asks "/metrics?n=$n" "asked.1$n" &
done
are_asked() {
	[ "$(grep -l '^> GET' "$tmp"/asked.* 2>/dev/null | wc -l)" = 12 ]
}
until_true 20 are_asked || fail "not all is asked: $(
	tail -n 5 "$tmp"/asked.* "$tmp/serve.err")"
end serve
signal CONT mariadb

echo "- one that stands still from the start"
signal STOP mariadb
start sink sink -f queue:rows
start reaper reaper -f queue:closed
until_true 60 minds sink || fail "no sink"
until_true 60 minds reaper || fail "no reaper"
end sink reaper

echo "- and for all that ends by itself"
start once sink -f "$tmp/row"
start migrate sink --migrate
start check sink --check
start recompute sink --recompute
start get sink --get /api/v1/operators --tenant t
start report sink --report "$tmp/report.html" --tenant t
start revoke sink -c "$tmp/serve.conf" --token --tenant t --revoke 1
start serve sink -c "$tmp/serve.conf" --serve 127.0.0.1:0
start reap reaper -f "$tmp/chat"
start list reaper --list
start purge reaper --purge t --force
start retention reaper --retention 30d
start export reaper --export 7 --tenant t
start forget reaper --forget 7 --tenant t
set -- once migrate check recompute get report revoke serve reap list purge \
	retention export forget
reach "$@"
end "$@"
signal CONT mariadb

echo "- a broker that stands still"
printf '[crm acme]\nassign = yes\n[listen]\ntenant = acme\n' >"$tmp/conf"
chmod 600 "$tmp/conf"
start_daemons() {
	start stream aggregator -f queue:records -t queue:out --every 20ms \
		--state "$tmp/stream" -a events
	start counter aggregator --input eventcounter -f queue:counted \
		-t queue:out --state "$tmp/counter"
	start snapshots aggregator -f queue:snapshots -t queue:out \
		--state "$tmp/snapshots"
	start sink sink -f queue:rows
	start reaper reaper -f queue:closed
	start assign poller -c "$tmp/conf" --assign -f queue:given \
		-t queue:records
	start listener poller -c "$tmp/conf" --listen "unix:$tmp/door" \
		-t queue:records --state "$tmp/listener"
}
start_daemons
ready stream 'amqp_connected queue=out'
ready counter 'amqp_connected queue=counted'
ready sink 'amqp_connected queue=rows'
ready snapshots 'amqp_connected queue=snapshots'
ready reaper 'amqp_connected queue=closed'
ready assign 'amqp_connected queue=given'
ready listener 'amqp_connected queue=records'
signal STOP rabbitmq
end stream counter snapshots sink reaper assign listener

echo "- and one that stands still from the start"
start_daemons
echo 'count out' >"$tmp/topology"
start once aggregator -f "$root/tests/records/small.ndjson" -t queue:out
start publish aggregator --publish -f "$tmp/chat" -t queue:out
start declare aggregator --declare -f "$tmp/topology"
start letters aggregator --dead-letters -f queue:out.dead
start list reaper --list -t queue:out
set -- stream counter snapshots sink reaper assign once publish declare \
	letters list
reach "$@"
until_true 60 minds listener || fail "no listener"
end "$@" listener
start export aggregator --export --state "$tmp/stream" -t queue:out
reach export
end export
signal CONT rabbitmq

echo "- one that is slow with each answer"
python3 tests/e2e/slow_proxy.py "$tmp/slow.port" \
	"$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/ports")" "$tmp/slow" &
until_true 20 test -s "$tmp/slow.port" || fail "no proxy"
AMQP_URL=${AMQP_URL%:*}:$(cat "$tmp/slow.port")/messaging \
	"$probe" -p read queue:slow >"$tmp/slow.out" 2>"$tmp/slow.err" &
slow=$!
echo x | "$probe" write queue:slow >/dev/null
until_true 60 test -s "$tmp/slow.out" || fail "nothing is read: $(
	cat "$tmp/slow.err")"
touch "$tmp/slow"
kill $slow
wait $slow || fail "a reader gave $?: $(cat "$tmp/slow.err")"

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
asking() { # OPTION...
	rm -f "$tmp/asked"
	start poller poller "$@"
	until_true 30 test -s "$tmp/asked" || fail "it asks nothing: $(
		cat "$tmp/poller.err")"
	end poller
}
asking
asking --check
CRM_TENANT=t asking --status -f "$tmp/chat"

printf '[crm acme]\nurl = %s\nassign = yes\nhook = secret\nhook_secret = %032d\n' \
	"$CRM_URL" 7 >"$tmp/conf"
unset CRM_URL
hook=https://hooks.example.org
asking -c "$tmp/conf" --registered
asking -c "$tmp/conf" --register $hook
asking -c "$tmp/conf" --unregister $hook

echo '{"type":"assignment","tenant":"acme","id":"1","chat":"7","operator":"1","expires":"2099-01-01T00:00:00Z"}' \
	>"$tmp/given"
asking -c "$tmp/conf" --assign -f "$tmp/given"
"$probe" write queue:given <"$tmp/given" >/dev/null
asking -c "$tmp/conf" --assign -f queue:given -t queue:records
