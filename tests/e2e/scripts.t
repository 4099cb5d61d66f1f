#!/usr/bin/env bash
# The scripts as they are used: the jobs from cron's bare environment, silent
# when all is well; companies added, listed and removed while jobs run; one
# company that fails beside others; the report in its three faces.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

root=$PWD
scripts=$root/scripts

stop_servers() {
	"$scripts/servers" stop "$tmp/srv" >/dev/null 2>&1 || :
	clean_up
}
trap stop_servers EXIT
"$scripts/servers" start "$tmp/srv"
start_sim --account one-token:5:12 --account two-token:6:5 --pace 60
eval "$("$scripts/servers" env "$tmp/srv")"
umask 077
mkdir "$tmp/state" "$tmp/tenants"
cat >"$tmp/messaging.conf" <<END
[amqp]
url = $AMQP_URL
[mysql]
url = $MYSQL_URL
[aggregator]
state = $tmp/aggregator
[poller]
state = $tmp/state
tenants = $tmp/tenants
END
unset AMQP_URL MYSQL_URL CRM_URL CRM_TOKEN
export MESSAGING_CONFIG=$tmp/messaging.conf MESSAGING_BIN=$BIN
"$BIN/sink" --migrate
cd "$tmp"

q() {
	"$scripts/servers" mysql "$tmp/srv" messaging -N -B -e "$1"
}

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# cron WANTED-CODE SCRIPT...: in the environment that cron gives.
cron() {
	local want=$1 rc=0
	shift
	env -i HOME="$tmp" SHELL=/bin/sh PATH=/usr/bin:/bin \
		MESSAGING_CONFIG="$MESSAGING_CONFIG" MESSAGING_BIN="$BIN" \
		"$scripts/$1" -l "$tmp/$1.lock" "${@:2}" >mail 2>&1 </dev/null ||
		rc=$?
	is "exit status of $1 ($(cat mail))" "$rc" "$want"
}

silent() {
	[ ! -s mail ] || fail "a mail: $(cat mail)"
}

advance() {
	curl -sS --fail -X POST "$sim/control/advance?seconds=$1" >/dev/null
}

chats() {
	q "SELECT COUNT(*) FROM chat_metrics WHERE tenant = '$1' AND status = 'open'"
}

echo "- a company is added, and is there after the next minute"
"$scripts/tenant" add one --url "$sim/v1" <<<no-token 2>refused && fail "added"
grep -q "the CRM refuses the token: " refused || fail "$(cat refused)"
[ ! -e tenants/one.conf ] || fail "a refused tenant is there"
"$scripts/tenant" add one --url "$sim/v1" <<<one-token 2>said
[ ! -s said ] || fail "a good token: $(cat said)"
cron 0 job
silent
is "chats of one" "$(chats one)" 12
cron 0 reap
silent

echo "- a daemon that reads a queue is left alone"
advance 120
"$BIN/aggregator" -f queue:records -t queue:rows --every 50ms 2>aggregator.log &
aggregator=$!
"$BIN/sink" -f queue:rows 2>sink.log &
sink=$!
newest() {
	q "SELECT as_of FROM tenants WHERE tenant = 'one'"
}
before=$(newest)
has_readers() {
	[ "$(printf 'readers %s\n' records rows | "$BIN/aggregator" --declare |
		cut -c 1 | paste -sd ' ')" = "1 1" ]
}
until_true 20 has_readers || fail "no daemon reads: $(cat ./*.log)"
cron 0 job
silent
is_newer() {
	[[ $(newest) > $before ]]
}
until_true 20 is_newer || fail "the daemons stored nothing: $(cat ./*.log)"
kill "$aggregator" "$sink"
wait "$aggregator" "$sink" || fail "the daemons gave $?: $(cat ./*.log)"

echo "- another one, while a job is at work"
"$scripts/job" -l "$tmp/job.lock" >during 2>&1 &
running=$!
echo two-token >two.token
"$scripts/tenant" add two --url "$sim/v1" --token-file two.token
wait "$running"
[ ! -s during ] || fail "the job said: $(cat during)"
advance 60
cron 0 job
silent
[ "$(chats two)" -gt 0 ] || fail "the second company was not read"
"$scripts/tenant" list >listed
is "the list" "$(jq -r '"\(.tenant) \(.state)"' listed)" "one current
two current"
is "its chats" "$(jq -r 'select(.tenant == "two").open_chats' listed)" "$(chats two)"
# One whose CRM only pushes has no token.
(umask 077 && echo 0123456789abcdef >pushed.key)
"$scripts/tenant" add pushed --profile chatwoot --no-token --set account=1 \
	--set hook=signature --set hook_secret_file="$PWD/pushed.key" </dev/null
cron 0 job
silent
"$scripts/tenant" remove pushed

echo "- the report: for people, for a spreadsheet, for a pipe"
"$scripts/report" -o table >report
grep -q '^one, as of 20[0-9-]* [0-9:]* [A-Z]' report || fail "$(cat report)"
grep -q "^open $(chats two), unassigned " report || fail "$(cat report)"
grep -q '^OPERATOR *WAITING *LONGEST *AVAIL' report || fail "$(cat report)"
"$scripts/report" -t one -o csv | tr -d '\r' >report
is "lines of CSV" "$(wc -l <report)" \
	"$(($(q "SELECT COUNT(*) FROM operator_metrics WHERE tenant = 'one'") + 1))"
cut -d , -f 4 report >available
! grep -vxE 'available|true|false|' available ||
	fail "available is not true or false: $(cat report)"
"$scripts/report" | jq -es 'map(.tenant) | unique == ["one", "two"]' >/dev/null ||
	fail "the report in a pipe: $("$scripts/report")"
is "sums of chats held" \
	"$("$scripts/report" -t one | jq -s 'map(.open_chats) | add')" \
	"$(q "SELECT COUNT(*) FROM chat_metrics c WHERE tenant = 'one'
		AND status = 'open' AND operator IS NOT NULL")"
env timeout --foreground 300 "$scripts/report" -o table --watch=1 >watched &
watcher=$!
until_true 15 grep -q '^two, as of' watched || fail "--watch shows nothing"
kill "$watcher"
wait "$watcher" 2>/dev/null || :

echo "- one company fails, the other is served, the code tells"
echo wrong-token >two.token
before=$(q "SELECT as_of FROM tenants WHERE tenant = 'two'")
advance 60
rc=0
env -i HOME="$tmp" PATH=/usr/bin:/bin MESSAGING_CONFIG="$MESSAGING_CONFIG" \
	MESSAGING_BIN="$BIN" "$scripts/job" -l "$tmp/job.lock" >mail 2>&1 || rc=$?
is "the poller's code ($(cat mail))" "$rc" 77
grep -q "two" mail || fail "who failed? $(cat mail)"
! grep -q wrong-token mail || fail "a token in a mail"
is "the failed one is as it was" \
	"$(q "SELECT as_of FROM tenants WHERE tenant = 'two'")" "$before"
is "the other one is newer" "$(q "SELECT as_of > '$before' FROM tenants
	WHERE tenant = 'one'")" 1
"$scripts/tenant" add two --replace --url "$sim/v1" <<<two-token
cron 0 job
silent

echo "- closed chats are reaped, archived, and come back when reopened"
chat=$(q "SELECT chat FROM chat_metrics WHERE tenant = 'one'
	AND status = 'open' ORDER BY chat LIMIT 1")
curl -sS --fail -X POST \
	"$sim/control/act?do=close&dialog=$chat&account=one-token" >/dev/null
advance 1
cron 0 job
cron 0 reap -a "$tmp/archive"
silent
is "the closed chat" "$(q "SELECT COUNT(*) FROM chat_metrics
	WHERE tenant = 'one' AND chat = '$chat'")" 0
jq -es --arg chat "$chat" 'any(.chat == $chat)' archive >/dev/null ||
	fail "chat $chat is not in the archive: $(cat archive)"
curl -sS --fail -X POST \
	"$sim/control/act?do=client&dialog=$chat&account=one-token" >/dev/null
# A poll knows the CRM's clock to half of what its first call takes.
advance 10
cron 0 job
cron 0 reap
is "the reopened chat" "$(q "SELECT status FROM chat_metrics
	WHERE tenant = 'one' AND chat = '$chat'")" open

echo "- the database is away: rows wait in the queue for the next minute"
"$scripts/servers" stop "$tmp/srv" mariadb
sed -i 's/^\[mysql\]/&\nwait_timeout = 1s/' messaging.conf
advance 60
cron 75 job
# Again as long as it waits by itself: busy servers answer late.
sed -i '/^wait_timeout = 1s$/d' messaging.conf
"$scripts/servers" start "$tmp/srv" mariadb
before=$(q "SELECT as_of FROM tenants WHERE tenant = 'one'")
cron 0 job
silent
is "newer than before" "$(q "SELECT as_of > '$before' FROM tenants
	WHERE tenant = 'one'")" 1

echo "- a company is removed, and with --purge all its rows"
"$scripts/tenant" remove two
cron 0 job
is "the removed one is still shown" \
	"$("$scripts/tenant" list | jq -r 'select(.tenant == "two").file')" \
	"not configured"
[ -s "$tmp/state/two.mdb" ] || fail "the poller kept nothing of it"
"$scripts/tenant" remove two --purge
is "what is kept of it" "$(echo "$tmp/state/two"*)" "$tmp/state/two*"
cron 0 job
silent
is "rows of two" "$(q "SELECT COUNT(*) FROM chat_metrics
	WHERE tenant = 'two'")$(q "SELECT COUNT(*) FROM operator_metrics
	WHERE tenant = 'two'")" 00
is "its state" "$("$scripts/tenant" list |
	jq -r 'select(.tenant == "two").state')" purged
[ "$(chats one)" -gt 0 ] || fail "the other company is gone, too"
