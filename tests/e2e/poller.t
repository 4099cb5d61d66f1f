#!/usr/bin/env bash
# The poller against a simulated CRM: whole snapshots, what the state saves,
# chats that fail, long histories, budgets, signals, --status and --check.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

poller=$BIN/poller
profiles=$PWD/poller/profiles
cd "$tmp"

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

# run WANTED-CODE COMMAND...: stdout in out, stderr in err.
run() {
	local want=$1 rc=0
	shift
	"$@" >out 2>err </dev/null || rc=$?
	is "exit status of '$*' ($(cat err))" "$rc" "$want"
}

silent() {
	is "what it says" "$(cat err)" ""
}

one_line() { # PATTERN
	is "lines on stderr ($(cat err))" "$(wc -l <err)" 1
	grep -q -- "$1" err || fail "no '$1' in: $(cat err)"
}

control() { # PATH
	curl -sS --fail -X POST "$sim/control/$1" >/dev/null
}

# How often the operators were asked for.
operators_asked() {
	curl -sS --fail "$sim/control/stats" |
		jq '[.by_route | to_entries[] | select(.key | test("/operators"))
			| .value] | add // 0'
}

calls() {
	curl -sS --fail "$sim/control/stats" | jq .calls
}

# records TYPE: of the last run.
records() {
	jq -c "select(.type == \"$1\")" out
}

# Whether the last run wrote what was written.
texts() {
	grep -q '"type":"message".*"text":' out
}

# The last snapshot is whole.
whole() {
	jq -es '
		(.[0] | .type == "snapshot" and .state == "begin")
		and (.[-1] | .type == "snapshot" and .state == "end")
		and .[-1].records == length - 2
		and ([.[].snapshot] | unique | length) == 1
		and ([.[].tenant] | unique | length) == 1' out >/dev/null ||
		fail "the snapshot is not whole"
}

# What the CRM shows of open chats: as many, the same ids.
same_chats() {
	CRM_URL=$sim/v1 shows "/dialogs?state=open&limit=200" | jq -r '.data[].id' | sort >want
	records chat | jq -r .chat | sort >got
	cmp -s want got || fail "other chats than the CRM shows"
}

# The records but for what differs from poll to poll.
content() {
	jq -cS 'select(.type != "snapshot") | del(.snapshot)
		| if .type == "chat" then del(.at) else del(.available_at) end' \
		"$1" | sort
}

conf() { # LINE...
	(umask 077 && printf '%s\n' '[crm acme]' "url = $sim/v1" "$@" >conf)
}

start_sim --dialogs 30 --messages 20 --operators 5
unset CRM_URL # the configuration says it
conf "concurrency = 8"

# A snapshot, twice without state.
run 0 "$poller" -c conf
silent
whole
same_chats
is "operators" "$(records operator | wc -l)" 6
texts && fail "texts unasked"
cp out first
run 0 "$poller" -c conf --with-text
content first >a
jq -c 'del(.text)' out >b
content b >c
cmp -s a c || fail "texts change more than texts"
texts || fail "no texts"

# With state, a second poll asks for the list, and says the same.
run 0 "$poller" -c conf --state state
content out >b
cmp -s a b || fail "the state changes the first snapshot"
since() {
	jq -r 'select(.type == "operator") | .available_at' out | sort -u
}
listed=$(since)
case $listed in
20*Z*20*Z | [!2]* | "") fail "available_at is $listed" ;;
esac
control reset-stats
run 0 "$poller" -c conf --state state
whole
is "calls of an idle poll" "$(calls)" 1
is "the time of the operators' list" "$(since)" "$listed"
content out >b
cmp -s a b || fail "the second snapshot differs"
is "mode of the state" "$(stat -c %a state/acme.mdb)" 600

# Only what changed is asked for.
control "act?do=client&dialog=9001"
control "act?do=operator" 2>/dev/null || :
control reset-stats
run 0 "$poller" -c conf --state state
whole
same_chats
is "calls after one change" "$(calls)" 2
cp out with_state
run 0 "$poller" -c conf
content out >a
content with_state >b
cmp -s a b || fail "with and without state differ"

# A second poll at the same time leaves the field, quietly.
# What a poller at work holds is held here for as long as that takes.
mkfifo held
flock state/acme.lock cat held >/dev/null &
busy=$!
exec 3>held
run 75 "$poller" -c conf --state state
silent
run 75 "$poller" -v -c conf --state state
one_line "busy tenant=acme .*another poller is at work"
exec 3>&-
wait $busy
run 0 "$poller" -c conf --state state

# A clock that goes back is told once; time goes forward all the same.
control "fault?name=skew"
run 0 "$poller" -c conf --state clock
silent
ahead=$(jq -r 'select(.state == "begin") | .at' out)
control "fault?name=none"
run 0 "$poller" -c conf --state clock
one_line "clock, or ours, went back by 3[56][0-9][0-9] s; until ${ahead%.*}"
[[ $(jq -r 'select(.state == "begin") | .at' out) > $ahead ]] ||
	fail "time goes back"
run 0 "$poller" -c conf --state clock
silent
run 0 "$poller" -c conf --state clock --check -o ndjson
jq -es --arg at "${ahead%.*}" 'any(.[]; .check == "clock" and
	.result == "advice" and (.detail | contains("until " + $at)))' \
	out >/dev/null ||
	fail "the self-check does not tell of the clock: $(cat out)"

# Other options make other records: nothing of the state is used.
control reset-stats
run 0 "$poller" -c conf --state state --with-text
texts || fail "no texts from the state"
[ "$(calls)" -gt 20 ] || fail "the state was used in spite of other options"
is "questions for operators with other options" "$(operators_asked)" 1
run 0 "$poller" -c conf --state state
# Nor is a file that was another tenant's.
mkdir -m 700 swapped
cp state/acme.mdb swapped/beta.mdb
sed 's/crm acme/crm beta/' conf >beta.conf
chmod 600 beta.conf
control reset-stats
run 0 "$poller" -c beta.conf --state swapped
[ "$(calls)" -gt 20 ] || fail "the state of another tenant was used"
is "questions for the operators of this tenant" "$(operators_asked)" 1

# A chat that cannot be read fails the snapshot twice, and the third time it
# is shown as it was; it recovers. The others are in the state all the while.
conf "concurrency = 8" "[poller]" "retry_budget = 1s"
run 0 "$poller" -c conf --state state
control "act?do=client&dialog=9002"
control "fault?name=errors-string&route=/v1/messages"
for _ in 1 2; do
	run 69 "$poller" -c conf --state state
	one_line "1 of .* chats could not be read.*chat 9002"
	grep -q '"state":"end"' out && fail "a snapshot ends without a chat"
done
run 0 "$poller" -c conf --state state
one_line "shown as last seen.*9002"
whole
same_chats
is "stale chats" "$(records chat | jq -r 'select(.stale) | .chat')" 9002
control "fault?name=none"
run 0 "$poller" -c conf --state state
silent
is "stale chats" "$(records chat | jq -r 'select(.stale) | .chat')" ""

# So it is with one that the token may not read: it is not the token's fault, as
# the list was read with it.
control "act?do=client&dialog=9002"
control "fault?name=errors-string&value=403&route=/v1/messages"
for _ in 1 2; do
	run 69 "$poller" -c conf --state state
	one_line "1 of .* chats could not be read.*chat 9002.*403"
done
run 0 "$poller" -c conf --state state
one_line "shown as last seen.*9002.*403"
control "fault?name=none"
run 0 "$poller" -c conf --state state
silent
control "act?do=client&dialog=9002"
control "fault?name=403&route=/v1/messages"
run 77 "$poller" -c conf --state state
one_line "cannot read messages: .*Token is not correct; check .* and its rights"
control "fault?name=none"
run 0 "$poller" -c conf --state state
silent
# Nor are all the tenant's chats, if the token may read none of them.
for chat in $(records chat | jq -r .chat | head -n 11); do
	control "act?do=client&dialog=$chat"
done
control "fault?name=errors-string&value=403&route=/v1/messages"
run 77 "$poller" -c conf --state state
one_line "cannot read messages: .*403.*; check .* and its rights"
control "fault?name=none"
run 0 "$poller" -c conf --state state
silent

# So it is with many, even if no other chat changes, which could show that the
# CRM works, and even if their answers are late.
for fault in errors-string 500; do
	for chat in $(records chat | jq -r .chat | head -n 11); do
		control "act?do=client&dialog=$chat"
	done
	control "fault?name=$fault&route=/v1/messages"
	polls=0
	until "$poller" -c conf --state state >out 2>err; do
		grep -q '"state":"end"' out && fail "a snapshot without chats"
		polls=$((polls + 1))
		[ $polls -le 36 ] || fail "no snapshot for ever: $(cat err)"
	done
	[ $polls -ge 2 ] || fail "stale after $polls polls"
	same_chats
	is "stale chats" "$(records chat | jq -r 'select(.stale) | .chat' | wc -l)" 11
	control "fault?name=none"
	run 0 "$poller" -c conf --state state
	silent
done

# The same when only this chat is left to ask about and its answers are late.
control "act?do=client&dialog=9002"
control "fault?name=500&route=/v1/messages"
for _ in 1 2; do
	run 69 "$poller" -c conf --state state
done
run 0 "$poller" -c conf --state state
control "fault?name=none"
run 0 "$poller" -c conf --state state
silent

# Nor does a customer whom the CRM cannot show end a poll; the next one asks
# again, and the ones after it, for some minutes, do not.
conf "customers = yes" "concurrency = 8" "[poller]" "retry_budget = 1s"
customer=$(records chat | jq -rs '.[0].customer')
unnamed() {
	control "fault?name=500&route=/v1/clients/$customer"
	run 0 "$poller" -c conf --state named
	one_line "customers have no name for now; customer [0-9]*: .*HTTP 500"
	whole
	same_chats
}
unnamed
control "fault?name=none"
run 0 "$poller" -c conf --state named
silent
is "name, once the CRM works" "$(records chat | jq -s --arg customer "$customer" \
	'any(.[]; .customer == $customer and .customer_name != null)')" true
rm -r named
unnamed
unnamed
control reset-stats
run 0 "$poller" -c conf --state named
silent
whole
same_chats
is "calls beside a customer who cannot be shown" "$(calls)" 1
control "fault?name=none"
rm -r named
conf "concurrency = 8" "[poller]" "retry_budget = 1s"

# A chat of the list whose messages are not found is not gone: once does no harm,
# later it is like any other that cannot be read.
control "act?do=client&dialog=9002"
control "fault?name=404-gone&route=/v1/messages&count=1"
run 0 "$poller" -c conf --state state
silent
whole
same_chats
control "act?do=client&dialog=9002"
control "fault?name=404-gone&route=/v1/messages"
for _ in 1 2; do
	run 69 "$poller" -c conf --state state
	one_line "1 of .* chats could not be read.*chat 9002.*404"
done
run 0 "$poller" -c conf --state state
one_line "shown as last seen.*9002"
same_chats
is "stale chats" "$(records chat | jq -r 'select(.stale) | .chat')" 9002
control "fault?name=none"
run 0 "$poller" -c conf --state state
silent

# A dialog of the list that is odd in one thing goes without that; one without
# an id is lost, and so is no other. The same for an operator.
odd() { # VALUE ROUTE WHAT-IS-SAID
	control "fault?name=odd-row&value=$1&route=$2"
	for _ in 1 2; do
		run 0 "$poller" -c conf --with-text --state odd
		[ "$2" = /v1/dialogs ] || rm -r odd # operators are cached
		one_line "acme: [12] records .* cannot be read wholly.*the first: $3"
		whole
		is "chats with $3" "$(records chat | wc -l)" "${4:-30}"
	done
	control "fault?name=none"
}
odd 0 /v1/dialogs "chat 9001: .*'opened_at'"
odd 1 /v1/dialogs "chat 9001: .*'channel'"
odd 2 /v1/dialogs "chat 9001: .*'operator'"
odd 3 /v1/dialogs "chat 9001: .*'message' has no 'id'"
odd 4 /v1/dialogs "chat 9001: .*'text'"
odd 5 /v1/dialogs "chat 9001: .*'at'"
odd 8 /v1/dialogs "chat 9001: .*'status'"
odd 6 /v1/dialogs "record 'chat' has a bad 'chat'" 29
rm -r odd
odd 7 /v1/operators "operator [0-9]*: .*'reported_open_chats'"

# A removed dialog is gone from the next snapshot.
control "act?do=remove&dialog=9003"
run 0 "$poller" -c conf --state state
whole
grep -q '"type":"chat".*"chat":"9003"' out && fail "9003 is still there"

# A budget that is used up: once an hour was measured, polls are skipped
# silently, but for those in a terminal, and a line a day says so.
conf "budget = 5" "operators_every = 1d"
run 0 "$poller" -c conf --state budget
control "advance?seconds=3700"
for _ in 1 2; do
	run 0 "$poller" -c conf --state budget
	whole
	silent
done
control reset-stats
run 0 "$poller" -c conf --state budget
silent
is "records of a poll that is skipped" "$(cat out)" ""
is "its calls" "$(calls)" 0
in_terminal() {
	script -qec "'$poller' -c conf --state budget >out" /dev/null >said ||
		fail "exit status in a terminal: $?: $(cat said)"
	whole
}
in_terminal
is "the line" "$(tr -d '\r' <said | grep -o 'tenant acme:.*')" "tenant acme: all 5 calls of \
this month ([crm acme] budget) are used; polls go on, every 60 minutes"
in_terminal
is "words of the budget on the same day" "$(grep -c budget said)" 0
# Chats that the last poll saw are not asked about, those that left are.
control reset-stats
jq -c 'select(.type == "chat") | {type, tenant, chat, status}' out | head -n 3 >in
run 0 "$poller" -c conf --state budget --status -f in
is "answers about listed chats" "$(cat out)" ""
is "calls for them" "$(calls)" 0
echo '{"type":"chat","tenant":"acme","chat":"9003","status":"open"}' >>in
run 0 "$poller" -c conf --state budget --status -f in
is "answers about one that left" "$(jq -r .chat out)" 9003
rm -r budget

# Three tenants, one of them wrong: the others are served.
(
	umask 077
	for t in a b c; do
		printf '%s\n' "[crm $t]" "url = $sim/v1"
		[ $t != b ] || echo "token = wrong"
		[ $t = b ] || echo "token = sim-token"
	done >three
)
token=$CRM_TOKEN
unset CRM_TOKEN
run 77 "$poller" -c three
one_line "tenant b: .*Token is not correct"
is "whole tenants" "$(jq -r 'select(.state == "end") | .tenant' out | sort |
	tr '\n' ' ')" "a c "
run 0 "$poller" -c three --tenant a --tenant c
silent
grep -q wrong out err && fail "a token is shown"
export CRM_TOKEN=$token

# More tenants than are polled at once, and one of them is told to wait: all the
# others are whole while it still does.
crm=$sim
# shellcheck disable=SC2046 # options
start_sim $(printf -- '--account token-%s:3:9 ' a b c d e f)
(
	umask 077
	for t in a b c d e f; do
		printf '%s\n' "[crm $t]" "url = $sim/v1" "token = token-$t"
	done >six
	printf '[poller]\nretry_budget = 1h\n' >>six
)
unset CRM_TOKEN CRM_URL
ends() {
	jq -r 'select(.state == "end") | .tenant' out | sort | tr '\n' ' '
}
others_end() {
	[ "$(ends)" = "a c d e f " ]
}
for fault in '429-retry&value=1800' hang; do
	control "fault?name=$fault&account=token-b"
	"$poller" -c six >out 2>err &
	poll=$!
	until_true 60 others_end || fail "whole beside one that waits: $(ends)"
	kill "$poll" || fail "the one that waits had ended: $(cat err)"
	wait "$poll" || fail "SIGTERM gave $?: $(cat err)"
	others_end || fail "whole at the end: $(ends)"
	control "fault?name=none"
done
sim=$crm
export CRM_TOKEN=$token

# Asked to stop, it leaves with 0, and without an end marker.
conf "concurrency = 1"
control "set?latency=1000"
control reset-stats
"$poller" -c conf --state stopped >out 2>err &
busy=$!
until_true 20 sh -c "curl -sS '$sim/control/stats' | jq -e '.calls > 3'" \
	>/dev/null || fail "it does not ask"
kill -TERM $busy
rc=0
wait $busy || rc=$?
is "exit status after SIGTERM ($(cat err))" $rc 0
grep -q '"state":"end"' out && fail "an end marker after SIGTERM"
control "set?latency=0"

# A proxy for the network gets nothing that is for this machine.
for proxy in http_proxy all_proxy ALL_PROXY; do
	run 0 env $proxy=http://127.0.0.1:1 "$poller" -c conf
	whole
done

# A closed pipe is an ordinary end.
conf "concurrency = 8"
rc=0
"$poller" -c conf 2>err | head -n 1 >/dev/null || rc=$?
is "exit status of a cut pipe ($(cat err))" $rc 0
silent

# Which chats are closed, and at what cost.
run 0 "$poller" -c conf --state state
records chat >chats
# One whose row in the list has no status that can be read is open, as in a
# poll, and that is told of.
control "fault?name=odd-row&value=8&route=/v1/dialogs"
run 0 "$poller" -c conf --state state --status -f chats
one_line "acme: 1 records .* cannot be read wholly.*chat 900[12]: .*'status'"
is "answers" "$(jq -r '.status' out | sort | uniq -c | xargs)" \
	"$(wc -l <chats) open"
control "fault?name=none"
control "act?do=close&dialog=9001"
control "act?do=remove&dialog=9002"
control reset-stats
run 0 "$poller" -c conf --state state --status -f chats
silent
is "answers" "$(jq -r '.status' out | sort | uniq -c | awk '{print $2 $1}' |
	tr '\n' ' ')" "closed1 gone1 open$(($(wc -l <chats) - 2)) "
is "closed" "$(jq -r 'select(.status == "closed") | .chat' out)" 9001
is "gone" "$(jq -r 'select(.status == "gone") | "\(.chat) of \(.records)"' out)" \
	"9002 of 1"
jq -es '[.[] | select(.status == "closed")] | .[0].closed_at <= .[0].at
	and .[0].closed_at != null' out >/dev/null ||
	fail "no time of closing"
is "calls" "$(calls)" 3
# One alone is asked about directly, and no chat is gone unless the list works.
jq -c 'select(.status == "closed") | {type, tenant, chat}' out >one
control reset-stats
run 0 "$poller" -c conf --state state --status -f one
is "calls for one" "$(calls)" 1
echo '{"type":"chat","tenant":"acme","chat":"9002"}' >one
control "fault?name=404&route=/v1/dialogs?"
run 0 "$poller" -c conf --state state --status -f one
control "fault?name=none"
is "gone" "$(jq -r .status out)" gone
# A run that gave up, was stopped, or got a part of the chats says of none that it
# is gone, as the reaper judges by their number; one bad chat keeps no other.
for chat in $(seq 9004 9009); do
	control "act?do=remove&dialog=$chat"
	echo '{"type":"chat","tenant":"acme","chat":"'"$chat"'"}'
done >six_gone
conf "concurrency = 1"
control "fault?name=403&route=/v1/dialogs/&after=3"
run 77 "$poller" -c conf --state state --status -f six_gone
is "said when the token failed after three of six" "$(cat out)" ""
control "fault?name=none"
control "fault?name=hang&route=/v1/dialogs/&after=3"
control reset-stats
"$poller" -c conf --state state --status -f six_gone >out 2>err &
busy=$!
hangs() {
	[ "$(calls)" = 5 ]
}
until_true 20 hangs || fail "it asked $(calls) times: $(cat err)"
kill -TERM $busy
rc=0
wait $busy || rc=$?
is "exit status after SIGTERM ($(cat err))" $rc 0
is "said when it was stopped after three of six" "$(cat out)" ""
control "fault?name=none"
run 65 "$poller" -c conf --state state --status -f <(
	cat six_gone && printf '{"type":"chat","ten')
is "said of six of a cut input" "$(cat out)" ""
for status in 400 403; do
	control "fault?name=errors-string&value=$status&route=/v1/dialogs/9004"
	sed 's/}/,"status":"open"}/' six_gone >six_open # the list comes first
	run 69 "$poller" -c conf --state state --status -f six_open
	one_line "chat 9004: .*$status.*it is asked about again next time"
	control "fault?name=none"
	is "gone beside one that fails with $status" \
		"$(jq -r 'select(.status == "gone").chat' out | sort | xargs)" \
		"9005 9006 9007 9008 9009"
done
# Nor does one that fails as in an outage, with nothing else that is found.
conf "concurrency = 1" "[poller]" "retry_budget = 1s"
control "fault?name=500&route=/v1/dialogs/9004"
run 75 "$poller" -c conf --state state --status -f six_open
one_line "chat 9004: .*HTTP 500.*; it is asked about again next time"
control "fault?name=none"
is "gone beside one that fails as in an outage" \
	"$(jq -r 'select(.status == "gone").chat' out | sort | xargs)" \
	"9005 9006 9007 9008 9009"
conf "concurrency = 1"
# The first question may be about the forbidden one. If all are, it is the token.
control "fault?name=errors-string&value=403&route=/v1/dialogs/9004"
run 69 "$poller" -c conf --state state --status -f six_gone
control "fault?name=errors-string&value=403&route=/v1/dialogs/"
run 77 "$poller" -c conf --state state --status -f six_gone
grep -q 'chats: each of them is forbidden; check .* and its rights' err ||
	fail "all are forbidden: $(cat err)"
control "fault?name=none"
conf
# Where the list has only free chats, one answer alone is not believed.
sed -e 's/^     budget:/     by_operator: true,&/' \
	-e 's/^     query: {state: "open", /&operator_id: (.operator \/\/ 1), /' \
	"$profiles/chat2desk.jq" >each.jq
conf "profile = ./each.jq"
echo '{"type":"chat","tenant":"acme","chat":"9010"}' >>one
control "fault?name=404-gone&route=/v1/dialogs/9010&count=1"
run 0 "$poller" -c conf --state state --status -f one
control "fault?name=none"
is "where each operator has a list" "$(jq -r '.chat + " " + .status' out | sort |
	xargs)" "9002 gone 9010 open"
# An answer that has another chat tells nothing of this one, and that is said.
sed 's/records: \[\$dialog | chat,/records: [$dialog | chat | .chat = "77",/' \
	"$profiles/chat2desk.jq" >other.jq
conf "profile = ./other.jq"
echo '{"type":"chat","tenant":"acme","chat":"9010"}' >one
run 69 "$poller" -c conf --state state --status -f one
is "an answer of another chat" "$(cat out)" ""
one_line "chat 9010: the answer has another chat, or none; it is asked about"
# Where no single chat can be asked about, that is said once, and none is asked.
{
	cat "$profiles/chat2desk.jq"
	echo "def chat_request: null;"
} >none.jq
conf "profile = ./none.jq"
control reset-stats
run 78 "$poller" -c conf --state state --status -f six_gone
one_line "acme: its profile has no chat_request for its chats, so they"
is "calls without chat_request" "$(calls)" 0
# Nor is it another thing where the list comes first and has some of the chats;
# it answers them, and if it has them all, nothing else was needed.
for chat in 9010 9011; do
	echo '{"type":"chat","tenant":"acme","chat":"'"$chat"'","status":"open"}'
done >listed
cat listed six_open >listed_too
run 78 "$poller" -c conf --state state --status -f listed_too
one_line "acme: its profile has no chat_request for chats that its list lacks"
is "listed" "$(jq -r '.chat + " " + .status' out | sort | xargs)" \
	"9010 open 9011 open"
run 0 "$poller" -c conf --state state --status -f listed
silent
is "listed" "$(jq -r '.chat + " " + .status' out | sort | xargs)" \
	"9010 open 9011 open"
# An answer without records is no empty list: no chat leaves because of it.
for name in operators chats messages; do
	for answer in '{record: [], next: null}' '{records: null}' '{error: 5}'; do
		{
			cat "$profiles/chat2desk.jq"
			echo "def ${name}_read: $answer;"
		} >none.jq
		conf "profile = ./none.jq"
		run 69 "$poller" -c conf
		grep -q "${name}_read of profile './none.jq': it must give {rec" \
			err || fail "$name $answer: $(cat err)"
		grep -q '"state":"end"' out && fail "an end marker: $name $answer"
	done
done
conf
control "fault?name=403&route=/v1/dialogs"
run 77 "$poller" -c conf --state state --status -f one
is "said without a token" "$(cat out)" ""
control "fault?name=none"
run 78 "$poller" -c conf --status -f <(
	echo '{"type":"chat","tenant":"nobody","chat":"1"}')
one_line "tenant 'nobody'"
# What has webhooks and no token is served by them, and its chats end so.
conf
printf '[crm pushed]\nprofile = chatwoot\nhook = secret\n%s\n' \
	'hook_secret = 0123456789abcdef' >>conf
echo '{"type":"chat","tenant":"pushed","chat":"1"}' >one
run 0 env CRM_TENANT=acme "$poller" -c conf --status -f one
silent
is "said of what is pushed" "$(cat out)" ""
conf
run 65 "$poller" -c conf --status -f <(printf '{"type":"chat","ten')
run 0 "$poller" -c conf --status

# Messages of another chat than was asked for are no answer.
{
	cat "$profiles/chat2desk.jq"
	echo 'def messages_request: {path: "/messages", query: {dialog_id: "9001"}};'
	echo 'def messages_read: {records: [rows(.data)[] | message(.dialog_id; [])]};'
} >mixed.jq
conf "profile = ./mixed.jq"
run 69 "$poller" -c conf
grep -q 'the answer has messages of another chat' err || fail "$(cat err)"
is "end markers of mixed chats" "$(grep -c '"state":"end"' out)" 0

# The self-check says nothing of what was not asked: without any answer not
# that the address is right, without the token's question not that it is.
{
	cat "$profiles/chat2desk.jq"
	echo 'def check_request: null;'
} >unasked.jq
conf "profile = ./unasked.jq"
run 0 "$poller" -c conf --state unasked --check -o ndjson
is "checked of address, token and chats" "$(jq -r 'select(.check | IN("address",
	"token", "chats")).result' out | xargs)" "ok - ok"
echo 'def operators_request: null; def chats_request: null;' >>unasked.jq
run 0 "$poller" -c conf --state unasked --check -o ndjson
is "checked without a question" "$(jq -r 'select(.check | IN("profile",
	"state") | not).result' out | sort -u)" -

# The self-check.
conf "concurrency = 8" "budget = 10000000"
run 0 "$poller" -c conf --state state --check -o ndjson
jq -se 'map({(.check): .result}) | add
	| .token == "ok" and .operators == "ok" and .chats == "ok"
	and .messages == "ok" and .clock == "ok" and .state == "ok"' out \
	>/dev/null || fail "The self-check finds fault: $(cat out)"
# Some polls in a few seconds tell nothing about a month.
control "act?do=client&dialog=9002"
run 0 "$poller" -c conf --state state
run 0 "$poller" -c conf --state state --check
jq -e 'select(.check == "calls") | (.measured | not) and .interval == 1
	and .used > 0 and .expected > .used' out >/dev/null ||
	fail "no expectation: $(cat out)"
control "advance?seconds=3700"
for _ in 1 2; do
	run 0 "$poller" -c conf --state state
done
run 0 "$poller" -c conf --state state --check
jq -e 'select(.check == "calls") | .measured' out >/dev/null ||
	fail "an hour is not enough: $(cat out)"
# A budget that does not last is advice, and no failure.
conf "budget = 1"
run 0 "$poller" -c conf --state state --check -o table
grep -qE '^acme *calls *advice *[0-9,]+ calls this month, about [0-9,]+ expected of 1: polls every 60 minutes$' \
	out || fail "no advice: $(cat out)"
# Without a state every poll reads everything, and without a budget there is no
# limit.
conf "concurrency = 8"
run 0 env -u HOME -u XDG_STATE_HOME "$poller" -c conf --check -o table
one_line "nothing is kept between polls"
grep -q '^acme *chats *ok' out || fail "no table: $(cat out)"
grep -qE '^acme *calls *advice *about [0-9,]+ expected: polls every minute, each of everything; set \[poller\] state$' \
	out || fail "$(cat out)"
grep -q '^acme *state *- .*no calls are counted' out || fail "$(cat out)"
grep -q '^acme *token .*API calls: used [0-9]' out || fail "$(cat out)"
control "fault?name=401"
run 77 "$poller" -c conf --check -o table
grep -q 'token *failed.*not correct' out || fail "it is blind: $(cat out)"
control "fault?name=none"

# A few chats that are all forbidden are no bad chats either, and never shown as
# last seen.
start_sim --dialogs 4 --speed 0 --pace 0
conf
control "fault?name=errors-string&value=403&route=/v1/messages"
for _ in 1 2 3 4; do
	run 77 "$poller" -c conf --state few
	one_line "cannot read messages: .*403.*; check .* and its rights"
done
