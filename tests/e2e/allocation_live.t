#!/usr/bin/env bash
# Allocation as it runs at a desk with a Qiscus: customers come in by webhooks,
# two agents with a limit of two get them, fewest first; the rest waits in
# order until a limit is raised, or a chat is resolved. The simulator's journal
# says who was given what. Each step is so that a chat that did not wait would
# have gone to somebody else.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

control() { # PATH
	curl -sS --fail -X POST "$sim/control/$1"
}
arrive() { # a customer writes: $room is where
	room=$(control 'act?do=arrive' | jq -r .dialog)
	rooms+=("$room")
}
journal() {
	curl -sS --fail "$sim/control/journal"
}
given() { # NUMBER>AGENT of each that the API gave, in the order of rooms
	journal | jq -r --argjson rooms "$(jq -cn '$ARGS.positional' --args "${rooms[@]}")" \
		'map(select(.what == "assigned")) | map((.dialog | tostring) as $d
		| "\(($rooms | index($d)) + 1)>\(.operator)") | sort_by(.) | join(" ")'
}
given_so() {
	[ "$(given)" = "$1" ]
}
comes_to() { # WHAT
	until_true 30 given_so "$1" ||
		fail "given '$(given)', not '$1': $(cat "$tmp"/*.log)"
}
limits() {
	scripts/limits -b "$BIN" -c "$conf" "$@" || fail "limits $*: $?"
}
daemon() { # NAME PROGRAM...
	local name=$1 program=$2
	shift 2
	"$BIN/$program" -c "$conf" "$@" 2>"$tmp/$name.log" >&2 &
	daemons+=($!)
}

start_broker
start_sim --crm qiscus --by-us --dialogs 0 --operators 2 --pace 0 \
	--start "$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)" --speed 1
control 'act?do=online' >/dev/null
unset CRM_URL CRM_TOKEN
conf=$tmp/conf rooms=() daemons=()
(umask 077 && cat >"$conf") <<END
[crm desk]
profile = qiscus
url = $sim
account = sim-app
token = sim-token
admin_token = admin-sim-token
assign = yes
hook = secret
hook_secret = 0123456789abcdef
END

daemon listen poller --listen 127.0.0.1:0 --port-file "$tmp/listening" \
	-t queue:records --state "$tmp/listener"
daemon allocate aggregator -a allocation --every 20ms -f queue:records \
	-t queue:rows --state "$tmp/state" --assign-to queue:assignments
daemon assign poller --assign -f queue:assignments -t queue:records
until_true 30 test -s "$tmp/listening" || fail "$(cat "$tmp/listen.log")"
"$BIN/poller" -c "$conf" --register "http://127.0.0.1:$(cat "$tmp/listening")" \
	>"$tmp/out" 2>&1 || fail "$(cat "$tmp/out")"
"$BIN/poller" -c "$conf" -t queue:records 2>"$tmp/poll.log" ||
	fail "the poll: $(cat "$tmp/poll.log")"

echo "- fewest first, up to the limit"
for _ in 1 2 3 4 5; do
	arrive
done
comes_to '1>501 2>502 3>501 4>502'

echo "- a limit is raised: the fifth moves"
limits 3 502
comes_to '1>501 2>502 3>501 4>502 5>502'

echo "- resolved: the next one"
arrive
arrive
arrive
control "act?do=close&dialog=${rooms[1]}" >/dev/null
comes_to '1>501 2>502 3>501 4>502 5>502 6>502'

echo "- everybody's limit is raised: all move, in order"
limits --default 502
limits 4
comes_to '1>501 2>502 3>501 4>502 5>502 6>502 7>501 8>502'

for pid in "${daemons[@]}"; do
	kill "$pid"
	wait "$pid" || fail "one ended with $?: $(cat "$tmp"/*.log)"
done
[ "$(journal | jq 'map(select(.what == "assigned" and .before != null)) | length')" = 0 ] ||
	fail "given twice: $(journal)"
