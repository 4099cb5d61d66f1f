#!/usr/bin/env bash
# With need = channel a room of a simulated Qiscus is reserved to agents of its
# channel only, and those whose channel nobody serves wait. The agents are read
# in each poll: the rooms of one who is new would be missing.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$tmp"

start_sim --crm qiscus --by-us --apart --dialogs 60 --messages 2 --operators 3 \
	--pace 0
unset CRM_URL
(umask 077 && printf '%s\n' '[crm q]' "url = $sim" "hosts = messages=$sim" \
	'profile = qiscus' 'account = sim-app' 'token = sim-token' \
	'need = channel' '[aggregator]' 'allocation_limit = 100' >conf)

ask() { # PATH [BODY]
	curl -sS --fail -H 'Qiscus-App-Id: sim-app' \
		-H 'Qiscus-Secret-Key: sim-token' ${2+--data "$2"} "$sim$1"
}

# What the CRM has, as CHANNEL of ROOM and as AGENT:CHANNEL.
ask '/api/v2/customer_rooms' '{"status":"unresolved","limit":100}' |
	jq '.data.customer_rooms | map({(.room_id): .channel_id}) | add' >rooms
ask '/api/v2/admin/agents?limit=100' |
	jq '.data.agents | map({(.id | tostring): [.user_channels[].id]}) | add' \
		>agents

"$BIN/poller" -c conf >records 2>err || fail "$(cat err)"
"$BIN/aggregator" -c conf -a allocation --assign-to reservations <records \
	>rows 2>err || fail "$(cat err)"
[ -s reservations ] || fail "nothing is reserved: $(cat records)"
crossed=$(jq -r --slurpfile room rooms --slurpfile agent agents '
	$room[0][.chat] as $channel
	| select($agent[0][.operator] | index($channel) | not)
	| "\(.chat) of \($channel) to \(.operator)"' reservations)
[ "$crossed" = "" ] || fail "not of the channel: $crossed"
[ "$(jq -s 'map(select(.table == "allocation_totals"))[-1].waiting' rows)" != 0 ] ||
	fail "nobody waits: $(cat rows)"

# And without it others get them, too: the channel is not why by itself.
sed -i '/^need/d' conf
"$BIN/poller" -c conf >records 2>err || fail "$(cat err)"
rm reservations
"$BIN/aggregator" -c conf -a allocation --assign-to reservations <records \
	>rows 2>err || fail "$(cat err)"
jq -e -s --slurpfile room rooms --slurpfile agent agents 'any(.[];
	$room[0][.chat] as $channel
	| $agent[0][.operator] | index($channel) | not)' reservations >out ||
	fail "all are of the channel without need"

# Whatever is configured, and though the state has them.
sed -i 's/^account = .*/&\noperators_every = 1d/' conf
"$BIN/poller" -c conf --state state >records 2>err || fail "$(cat err)"
curl -sS --fail -X POST "$sim/control/reset-stats" >/dev/null
"$BIN/poller" -c conf --state state >records 2>err || fail "$(cat err)"
asked=$(curl -sS --fail "$sim/control/stats" |
	jq '[.by_route | to_entries[] | select(.key | test("/agents")) | .value]
		| add // 0')
[ "$asked" = 1 ] || fail "the agents were asked for $asked times"
