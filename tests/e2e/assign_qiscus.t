#!/usr/bin/env bash
# poller --assign against a simulated Qiscus, whose rooms do not say who has
# them, and which refuses a second agent: a room is given once, whatever fails
# in between and however many pollers there are.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

poller=$BIN/poller
cd "$tmp"

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3' ($(cat err))"
}
run() { # WANTED-CODE
	local rc=0
	"$poller" -c conf --assign >out 2>err <in || rc=$?
	is "exit status" "$rc" "$1"
}
control() { # PATH
	curl -sS --fail -X POST "$sim/control/$1" >/dev/null
}
world() { # FILTER
	curl -sS --fail "$sim/control/world" | jq -r "$1"
}
given() { # how often a room was
	curl -sS --fail "$sim/control/stats" |
		jq '.by_route | to_entries | map(select(.key | test("assign_agent"))) |
			map(.value) | add // 0'
}
assignment() { # ID CHAT OPERATOR [REPLACES]
	printf '{"type":"assignment","tenant":"q","id":"%s","chat":"%s","operator":"%s","expires":"2099-01-01T00:00:00Z"%s}\n' \
		"$1" "$2" "$3" "${4:+,\"replaces\":\"$4\"}"
}
outcome() {
	jq -r '[.chat, .operator // "-", .status // "-", .assignment] | join(" ")' out |
		sort -k 4 | xargs
}
free() { # DIALOG...
	for dialog in "$@"; do
		control "act?do=transfer&dialog=$dialog"
	done
	control "fault?name=none"
	control reset-stats
}

start_sim --crm qiscus --dialogs 30 --messages 3 --operators 4 --pace 0
unset CRM_URL
mapfile -t d < <(world '.dialogs[] | select(.state == "open") | .id')
[ ${#d[@]} -ge 12 ] || fail "few open rooms"
(umask 077 && printf '%s\n' '[crm q]' "url = $sim" 'profile = qiscus' \
	'account = sim-app' 'token = sim-token' 'assign = yes' 'timeout = 10s' >conf)

echo "- a room that waits is given; then its agent's list tells"
free "${d[0]}"
assignment p1 "${d[0]}" 501 >in
run 0
is "outcome" "$(outcome)" "${d[0]} 501 open p1"
is "given" "$(given)" 1
run 0
is "outcome" "$(outcome)" "${d[0]} 501 open p1"
is "given" "$(given)" 1

echo "- another agent's, resolved, no such agent, taken over"
free "${d[1]}" "${d[2]}"
control "act?do=close&dialog=${d[1]}"
control "act?do=transfer&dialog=${d[3]}&operator=502"
{
	assignment p1 "${d[0]}" 503
	assignment p2 "${d[1]}" 501
	assignment p3 "${d[2]}" 99999
	assignment p4 "${d[3]}" 503 502
} >in
run 0
is "outcomes" "$(outcome)" "${d[0]} - - p1 ${d[1]} - closed p2 ${d[2]} - open p3 ${d[3]} 503 open p4"
is "given" "$(given)" 2
grep -q "chat ${d[2]} is not given to operator 99999: .*agent not found" err ||
	fail "$(cat err)"

echo "- no answer although it was done: found done"
free "${d[0]}"
control "fault?name=slow&value=20000&route=/api/v1/admin/service&count=1"
assignment p1 "${d[0]}" 502 >in
run 0
is "outcome" "$(outcome)" "${d[0]} 502 open p1"
is "given" "$(given)" 1

echo "- an agent at the limit: nothing is given, and told what they have"
free "${d[0]}" "${d[1]}"
full() { # MAX ID CHAT: reservations with a limit, to 504
	assignment "$2" "$3" 504 | sed "s/}\$/,\"max_chats\":$1}/"
}
has=$(world '[.dialogs[] | select(.state == "open" and .operator_id == 504)] | length')
[ "$has" -gt 0 ] || fail "504 has nothing"
full "$has" f1 "${d[0]}" >in
run 0
is "outcome" "$(grep f1 out | jq -r '[.operator // "-", .status] | join(" ")')" "- open"
is "what they have" "$(jq -r 'select(.operator == "504").chat' out | wc -l)" "$has"
is "given" "$(given)" 0
{
	full $((has + 1)) f2 "${d[0]}"
	full $((has + 1)) f3 "${d[2]}"
} >in
free "${d[2]}"
run 0
is "given" "$(given)" 1

echo "- two pollers that want different agents: one each, never two"
some=("${d[@]:4:8}")
free "${some[@]}"
control "set?latency=20"
for dialog in "${some[@]}"; do
	assignment "a$dialog" "$dialog" 501
done >in
sed 's/"501"/"502"/; s/"id":"a/"id":"b/' in >other
"$poller" -c conf --assign <other >two 2>err.two &
run 0
wait $! || fail "the other: $(cat err.two)"
is "crowded" "$(world '.crowded | length')" 0
for dialog in "${some[@]}"; do
	is "outcomes of $dialog" "$(jq -r "select(.chat == \"$dialog\" and .operator) |
		.operator" out two | wc -l)" 1
done
