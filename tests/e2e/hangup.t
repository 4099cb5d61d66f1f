#!/usr/bin/env bash
# SIGHUP does not end a daemon: it says in one line that it stays as it is, and
# goes on until SIGTERM. Where its terminal has gone it leaves, in time. The
# journal is told the level of each line.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"
export LC_ALL=C

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
"$BIN/sink" --migrate || fail "no tables"
(
	umask 077
	echo 'a key of thirty-two random bytes' >"$tmp/key"
	printf '[crm acme]\ntoken = x\nassign = yes\n[serve]\nsecret_key_file = %s\n' \
		"$tmp/key" >"$tmp/conf"
)
export MESSAGING_CONFIG=$tmp/conf

# minds_hangup PID: the program is there, no shell any more, and its handler
# (bit 0 of the signals it catches).
minds_hangup() {
	grep -qE '/(poller|aggregator|sink|reaper)$' <(readlink "/proc/$1/exe") && sed -n 's/^SigCgt:.*\(.\)$/\1/p' "/proc/$1/status" | grep -q '[13579bdf]'
}

said() {
	grep -q SIGHUP "$tmp/err"
}

# daemon COMMAND...: without a terminal, and with the journal's word for stderr.
daemon() {
	echo "- ${1##*/} ${*:2}"
	: >"$tmp/err"
	journal=$(stat -c %d:%i "$tmp/err")
	JOURNAL_STREAM=$journal setsid "$@" 2>>"$tmp/err" >"$tmp/out" </dev/null &
	pid=$!
	until_true 30 minds_hangup $pid || fail "no handler: $(cat "$tmp/err")"
	kill -HUP $pid
	until_true 10 said || fail "it says nothing"
	grep -qxE "<4>${1##*/}: SIGHUP: the configuration is read at the start only; restart to read it anew" \
		"$tmp/err" || fail "$(cat "$tmp/err")"
	kill -0 $pid || fail "it ended"
	kill "$pid"
	rc=0
	wait $pid || rc=$?
	[ $rc = 0 ] || fail "SIGTERM gives $rc: $(cat "$tmp/err")"
	! grep -v '^<[3467]>' "$tmp/err" || fail "a line has no level"
}

# A command line that cannot be run is an error for whoever reads the journal.
: >"$tmp/err"
journal=$(stat -c %d:%i "$tmp/err")
rc=0
JOURNAL_STREAM=$journal "$BIN/aggregator" --unheard-of 2>>"$tmp/err" || rc=$?
[ $rc = 64 ] || fail "it gives $rc"
grep -q "^<3>aggregator: unknown option '--unheard-of'" "$tmp/err" ||
	fail "$(cat "$tmp/err")"

daemon "$BIN/poller" --listen "unix:$tmp/listens" -t queue:records
daemon "$BIN/poller" --assign -f queue:assignments -t queue:records
daemon "$BIN/aggregator" -f queue:snapshots -t queue:rows --state "$tmp/one"
daemon "$BIN/aggregator" -f queue:records -t queue:rows --state "$tmp/two" \
	--every 50ms
daemon "$BIN/aggregator" --input eventcounter -f queue:counted -t queue:rows \
	--state "$tmp/three"
daemon "$BIN/sink" -f queue:rows
daemon "$BIN/sink" --serve "unix:$tmp/serves"
daemon "$BIN/reaper" -f queue:closed

echo "- its terminal goes"
script -qec "sh -c 'echo \$\$ >$tmp/pid; exec $BIN/sink -f queue:rows'" /dev/null \
	>"$tmp/out" 2>&1 </dev/null &
shell=$!
until_true 20 test -s "$tmp/pid" || fail "it does not start"
until_true 30 minds_hangup "$(cat "$tmp/pid")" || fail "no handler"
kill -HUP "$(cat "$tmp/pid")"
wait $shell || fail "it gives $?: $(cat "$tmp/out")"

echo "- its terminal goes while a CRM does not answer"
start_sim --dialogs 3 --messages 1 --operators 1
dialog=$(shows '/dialogs?state=open' | jq '.data[0].id')
(umask 077 && printf '%s\n' '[crm acme]' "url = $sim/v1" 'assign = yes' \
	'timeout = 120s' >"$tmp/away")
operator=$(shows /operators | jq '.data[0].id')
for fault in "act?do=transfer&dialog=$dialog" \
	"fault?name=slow&value=120000&method=PUT"; do
	curl -sS --fail -X POST "$sim/control/$fault" >/dev/null
done
printf '{"type":"assignment","tenant":"acme","id":"1","chat":"%s","operator":"%s","expires":"2099-01-01T00:00:00Z"}\n' \
	"$dialog" "$operator" | "$probe" write queue:given >/dev/null
gives() {
	curl -sS --fail "$sim/control/stats" |
		jq -e '.by_route["PUT /v1/dialogs/{id}"] > 0' >/dev/null
}
rm "$tmp/pid"
script -qec "sh -c 'echo \$\$ >$tmp/pid; exec $BIN/poller -c $tmp/away --assign -f queue:given'" \
	/dev/null >"$tmp/out" 2>&1 </dev/null &
shell=$!
until_true 30 gives || fail "it gives nothing: $(cat "$tmp/out")"
kill -HUP "$(cat "$tmp/pid")"
wait $shell || :
grep -q 'poller: asked to stop, and what is in hand is not done after' "$tmp/out" ||
	fail "it is not ended: $(cat "$tmp/out")"

echo "- nohup holds"
(trap '' HUP && exec setsid "$BIN/sink" -f queue:rows 2>"$tmp/err" </dev/null) &
pid=$!
consumes() {
	[ "$(ctl -p messaging list_consumers | grep -cw rows)" = 1 ]
}
until_true 30 consumes || fail "it does not read: $(cat "$tmp/err")"
kill -HUP $pid
kill $pid
wait $pid || fail "it gives $?"
[ ! -s "$tmp/err" ] || fail "$(cat "$tmp/err")"
