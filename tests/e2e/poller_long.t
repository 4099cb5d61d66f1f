#!/usr/bin/env bash
# Chats of more messages than a page holds: all of them are read, from the
# beginning or from where the state ends, each once, with ids of any size.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$tmp"

# all_messages DIALOG: ids that the CRM shows, page by page.
all_messages() {
	local from=0 n=200
	while [ "$n" = 200 ]; do
		shows "/messages?dialog_id=$1&limit=200&start_id=$from" >page
		n=$(jq '.data | length' page)
		grep -o '"id":[0-9]*' page | cut -d : -f 2
		# The shell's integers have 64 bits, those of jq 53.
		from=$(grep -o '"id":[0-9]*' page | tail -n 1 | cut -d : -f 2)
		from=$((${from:-0} + 1))
	done
}

# same: the last snapshot has what the CRM shows.
same() {
	for dialog in $(shows "/dialogs?state=open&limit=200" |
		grep -o '"id":[0-9]*,"state"' | tr -dc '0-9\n'); do
		all_messages "$dialog"
	done | sort >want
	grep '"type":"message"' out | grep -o '"id":"[0-9]*"' |
		tr -dc '0-9\n' | sort >got
	cmp -s want got ||
		fail "$(wc -l <got) messages instead of $(wc -l <want)"
}

for ids in --operators=3 --big-ids --no-request-ids; do
	start_sim --dialogs 3 --messages 150 --pace 0 "$ids"
	(umask 077 && printf '%s\n' '[crm acme]' "url = $CRM_URL" \
		'history = all' >conf)
	url=$CRM_URL
	unset CRM_URL
	"$BIN/poller" -c conf --state "state$ids" >out
	CRM_URL=$url same
	# More new messages than a page holds, then.
	dialog=$(grep '"type":"chat"' out | head -n 1 |
		grep -o '"chat":"[0-9]*"' | tr -dc 0-9)
	for _ in $(seq 110); do
		for act in client answer; do
			echo "url = \"$sim/control/act?do=$act&dialog=$dialog\""
		done
	done | curl -sS --fail -X POST -K - >/dev/null
	curl -sS --fail -X POST "$sim/control/advance?seconds=300" >/dev/null
	# A page that cannot be read leaves no gap: a state with the newest page
	# alone would look whole, and all before that page would never be read.
	fault="name=errors-string&route=/v1/messages&after=1"
	for state in "state$ids" "new$ids"; do
		curl -sS --fail -X POST "$sim/control/fault?$fault" >/dev/null
		! "$BIN/poller" -c conf --state "$state" >out 2>err ||
			fail "a page was to fail: $(cat err)"
		! grep -q '"state":"end"' out || fail "an end after a failure"
		curl -sS --fail -X POST "$sim/control/fault?name=none" \
			>/dev/null
	done
	curl -sS --fail -X POST "$sim/control/reset-stats" >/dev/null
	"$BIN/poller" -c conf --state "state$ids" >out
	CRM_URL=$url same
	n=$(curl -sS "$sim/control/stats" | jq .calls)
	[ "$n" -le 5 ] || fail "$n calls for 220 new messages of one chat"
	"$BIN/poller" -c conf --state "new$ids" >out
	CRM_URL=$url same
done
