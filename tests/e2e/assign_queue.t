#!/usr/bin/env bash
# poller --assign between queues: a reservation is acknowledged when its outcome is
# confirmed; killed anywhere it comes again, and what was done is found done;
# what fails because the CRM is away waits; a signal ends it in order.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

poller=$BIN/poller
probe=$TESTBIN/tools/amqp_probe
start_broker

control() { # PATH
	curl -sS --fail -X POST "$sim/control/$1" >/dev/null
}
calls() { # METHOD: how often a chat was read or given
	curl -sS --fail "$sim/control/stats" |
		jq ".by_route[\"$1 /v1/dialogs/{id}\"] // 0"
}
called() { # METHOD N
	[ "$(calls "$1")" -ge "$2" ]
}
holder() { # DIALOG
	shows "/dialogs/$1" | jq -r '.data | if type == "array" then .[0] else . end
		| .operator_id'
}
at() { # SECONDS from now, on the CRM's clock
	curl -sS --fail "$sim/control/stats" | jq -r --argjson s "$1" \
		'.now[:19] + "Z" | fromdate + $s | todate'
}
reservation() { # ID CHAT OPERATOR [EXPIRES]
	printf '{"type":"assignment","tenant":"acme","id":"%s","chat":"%s","operator":"%s","expires":"%s"}\n' \
		"$1" "$2" "$3" "${4:-$later}"
}
put() {
	"$probe" -b 3 write queue:assignments >/dev/null
}
outcomes() { # what came so far, taken out of the queue
	"$probe" -e read queue:records | cut -f 2- |
		jq -r '[.chat, .operator // "-", .status, .assignment] | join(" ")' |
		sort
}
set_prefetch() { # N
	sed -i "/^prefetch/d; s/^\[amqp\]/&\nprefetch = $1/" "$tmp/conf"
}
free() { # DIALOG...
	for dialog in "$@"; do
		control "act?do=transfer&dialog=$dialog"
	done
	control "fault?name=none"
	control reset-stats
}
begin() { # a poller in the background: $pid
	"$poller" -c "$tmp/conf" --assign -f queue:assignments -t queue:records \
		2>"$tmp/err" >&2 &
	pid=$!
}
end() { # by a signal, with 0
	local rc=0
	kill -TERM "$pid"
	wait "$pid" || rc=$?
	[ $rc = 0 ] || fail "SIGTERM gives $rc: $(cat "$tmp/err")"
}
drop() { # by kill -9
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
}
arrived() { # N outcomes
	[ "$(waiting records)" -ge "$1" ]
}
is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3' ($(cat "$tmp/err"))"
}

start_sim --dialogs 60 --messages 3 --operators 5
mapfile -t dialogs < <(shows '/dialogs?state=open&limit=200' | jq '.data[].id')
mapfile -t operators < <(shows '/operators' | jq '.data[].id')
a=${operators[0]} b=${operators[1]} d=${dialogs[0]}
later=$(at 360000)
(umask 077 && printf '%s\n' '[crm acme]' "url = $sim/v1" 'assign = yes' \
	'timeout = 60s' '[poller]' 'retry_budget = 1s' '[amqp]' >"$tmp/conf")
# One message holds several outcomes if they come together.
"$probe" -e read queue:records >/dev/null
"$probe" -e read queue:assignments >/dev/null

echo "- killed while the CRM changes: found done"
free "$d"
control "fault?name=slow&value=30000&method=PUT&count=1"
reservation p1 "$d" "$a" | put
begin
until_true 20 called PUT 1 || fail "no change is asked for: $(cat "$tmp/err")"
drop
is "holder" "$(holder "$d")" "$a"
begin
until_true 20 arrived 1 || fail "no outcome: $(cat "$tmp/err")"
end
is "outcome" "$(outcomes)" "$d $a open p1"
is "changes" "$(calls PUT)" 1
until_true 60 none_is_kept assignments || fail "it is not acknowledged"

echo "- the same, and the reservation expires meanwhile: it is told all the same"
free "$d"
control "fault?name=slow&value=30000&method=PUT&count=1"
reservation p2 "$d" "$b" "$(at 60)" | put
begin
until_true 20 called PUT 1 || fail "no change is asked for: $(cat "$tmp/err")"
drop
control "advance?seconds=120"
begin
until_true 20 arrived 1 || fail "no outcome: $(cat "$tmp/err")"
end
is "outcome" "$(outcomes)" "$d $b open p2"

echo "- killed while the chat is read: nothing was done, and then it is"
free "$d"
control "fault?name=slow&value=30000&count=1"
reservation p3 "$d" "$a" | put
begin
until_true 20 called GET 1 || fail "nothing is read: $(cat "$tmp/err")"
drop
is "changes" "$(calls PUT)" 0
begin
until_true 20 arrived 1 || fail "no outcome: $(cat "$tmp/err")"

echo "- the CRM is away: it is told once and waits, and is no dead letter"
outcomes >/dev/null
free "$d"
control "fault?name=500&method=GET"
reservation p4 "$d" "$b" | put
until_true 20 grep -q 'acme: cannot read chats: .*it is tried again' "$tmp/err" ||
	fail "nothing is told"
until_true 20 called GET 5 || fail "it is not tried again"
control "fault?name=none"
until_true 30 arrived 1 || fail "no outcome: $(cat "$tmp/err")"
is "outcome" "$(outcomes)" "$d $b open p4"
is "lines" "$(wc -l <"$tmp/err")" 1

echo "- it wants no call for hours: that is told, and ends in order"
free "$d"
control "fault?name=429-decade&method=PUT&count=1"
reservation p8 "$d" "$b" | put
until_true 20 grep -q 'acme: cannot give chats.*no call for 3600 s; it is wait' \
	"$tmp/err" || fail "nothing is told: $(cat "$tmp/err")"
end
"$probe" -e read queue:assignments >/dev/null

echo "- a dry run says what came too late, and leaves all where it is"
free "$d"
reservation p9 "$d" "$b" 2020-01-01T00:00:00Z | put
"$poller" -c "$tmp/conf" --assign --dry-run -f queue:assignments -o ndjson \
	>"$tmp/out" 2>"$tmp/err" || fail "it gives $?: $(cat "$tmp/err")"
is "result" "$(jq -r '.assignment + " " + .result' "$tmp/out")" "p9 expired"
still() { [ "$(waiting assignments)" = 1 ]; }
until_true 20 still || fail "it is acknowledged"
"$probe" -e read queue:assignments >/dev/null

echo "- a dry run tells of bad records and of a CRM that is away, and keeps both"
"$probe" -e read queue:assignments.dead >/dev/null
rehearse() { # WANTED-CODE
	local rc=0
	"$poller" -c "$tmp/conf" --assign --dry-run -f queue:assignments \
		-o ndjson >"$tmp/out" 2>"$tmp/err" || rc=$?
	is "exit status of a dry run" "$rc" "$1"
}
echo nonsense | put
rehearse 65
grep -q 'line 1: ' "$tmp/err" || fail "$(cat "$tmp/err")"
is "dead letters" "$("$probe" -e read queue:assignments.dead | wc -l)" 0
until_true 20 still || fail "it is acknowledged"
"$probe" -e read queue:assignments >/dev/null
control "fault?name=500&method=GET"
reservation p15 "$d" "$b" | put
rehearse 75
is "result" "$(jq -r '.assignment + " " + .result' "$tmp/out")" "p15 unanswered"
"$probe" -e read queue:assignments >/dev/null
free "$d"

echo "- what acknowledges nothing reads more than the broker sends ahead"
set_prefetch 1
for id in p11 p12; do
	reservation $id "$d" "$b" 2020-01-01T00:00:00Z | put
done
timeout 60 "$poller" -c "$tmp/conf" --assign --dry-run -f queue:assignments \
	-o ndjson >"$tmp/out" 2>"$tmp/err" || fail "it gives $?: $(cat "$tmp/err")"
is "results" "$(jq -r '.assignment + " " + .result' "$tmp/out" | xargs)" \
	"p11 expired p12 expired"
"$probe" -e read queue:assignments >/dev/null
for chat in "${dialogs[@]:0:2}"; do
	echo "{\"type\":\"chat\",\"tenant\":\"acme\",\"chat\":\"$chat\",\"status\":\"open\",\"at\":\"$later\"}" |
		"$probe" write queue:asked >/dev/null
done
timeout 60 "$poller" -c "$tmp/conf" --status -f queue:asked \
	>"$tmp/out" 2>"$tmp/err" || fail "it gives $?: $(cat "$tmp/err")"
is "chats" "$(jq -r 'select(.type == "chat").chat' "$tmp/out" | sort | xargs)" \
	"$(printf '%s\n' "${dialogs[@]:0:2}" | sort | xargs)"

echo "- one that is away, and nothing more is sent: it rests meanwhile"
ticks() { # of processor time
	awk '{ print $14 + $15 }' "/proc/$pid/stat"
}
free "$d"
control "fault?name=500&method=GET"
reservation p13 "$d" "$b" | put
begin
until_true 20 called GET 3 || fail "nothing is read: $(cat "$tmp/err")"
before=$(ticks)
sleep 5
used=$(($(ticks) - before))
[ "$used" -lt 50 ] || fail "$used ticks in 5 s"
control "fault?name=none"
until_true 30 arrived 1 || fail "no outcome: $(cat "$tmp/err")"
is "outcome" "$(outcomes)" "$d $b open p13"
end
set_prefetch 0

echo "- one tenant's CRM is away: those of the others are carried out"
printf '%s\n' '[crm beta]' "url = http://127.0.0.1:1/v1" 'token = none' \
	'assign = yes' >>"$tmp/conf"
export CRM_TENANT=acme
free "$d"
soon=$(at -3600)
for n in $(seq 5000); do
	reservation "a$n" "$n" "$b" "$soon"
done | sed 's/"tenant":"acme"/"tenant":"beta"/' | put
reservation p14 "$d" "$b" | put
begin
until_true 60 arrived 1 || fail "no outcome: $(tail -n 3 "$tmp/err")"
is "outcome" "$(outcomes)" "$d $b open p14"
until_true 60 none_is_kept assignments || fail "what expired is kept"
end
sed -i '/crm beta/,$d' "$tmp/conf"
unset CRM_TENANT
begin

echo "- bad records are dead letters, and what is simulated"
{
	echo nonsense
	reservation s5 "$d" "$a" | sed 's/"id"/"simulated":true,&/'
	reservation p5 "$d" "$b"
} | put
until_true 20 arrived 1 || fail "no outcome: $(cat "$tmp/err")"
until_true 60 none_is_kept assignments || fail "it is not acknowledged"
"$probe" -e read queue:assignments.dead >"$tmp/dead"
is "dead" "$(wc -l <"$tmp/dead")" 2
grep -q 'it is simulated: nobody reserved the chat' "$tmp/dead" ||
	fail "the reason: $(cat "$tmp/dead")"
is "outcome" "$(outcomes)" "$d $b open p5"

echo "- a signal: what the CRM is changing is waited for"
free "$d"
control "fault?name=slow&value=6000&method=PUT&count=1"
{
	reservation p6 "$d" "$a"
	reservation p7 "$d" "$b"
} | put
until_true 20 called PUT 1 || fail "no change is asked for: $(cat "$tmp/err")"
end
is "outcome" "$(outcomes)" "$d $a open p6"
is "changes" "$(calls PUT)" 1
# Both were in one message, which is acknowledged as a whole.
begin
told() {
	outcomes >>"$tmp/told"
	grep -q " $1\$" "$tmp/told"
}
until_true 20 told p7 || fail "no outcome: $(cat "$tmp/err")"
end
is "outcomes" "$(sort "$tmp/told" | xargs)" "$d $a open p6 $d $a open p7"

echo "- messages of the broker without a line, more than it sends ahead"
free "$d"
set_prefetch 1
printf '\n\n\n' | "$TESTBIN/tools/amqp_lines" assignments 0
reservation p10 "$d" "$b" | put
begin
until_true 20 arrived 1 || fail "no outcome: $(cat "$tmp/err")"
end
is "outcome" "$(outcomes)" "$d $b open p10"
set_prefetch 0

echo "- two at one queue, killed again and again: each chat is given once"
mapfile -t dialogs < <(shows '/dialogs?state=open&limit=200' | jq '.data[].id')
some=("${dialogs[@]:1:10}")
free "${some[@]}"
control "set?latency=15"
begin
other=$pid
for n in "${!some[@]}"; do
	reservation "q$n" "${some[n]}" "${operators[n % 3]}" | put
	if [ $((n % 5)) = 0 ]; then
		begin
		until_true 20 called GET "$n" || fail "nothing happens: $(cat "$tmp/err")"
		drop
	fi
done
until_true 30 none_is_kept assignments || fail "reservations are left: $(cat "$tmp/err")"
pid=$other
end
outcomes >"$tmp/got"
for n in "${!some[@]}"; do
	echo "${some[n]} ${operators[n % 3]} open q$n"
done | sort >"$tmp/want"
sort -u "$tmp/got" | cmp - "$tmp/want" || fail "$(diff "$tmp/got" "$tmp/want")"
for n in "${!some[@]}"; do
	is "holder of ${some[n]}" "$(holder "${some[n]}")" "${operators[n % 3]}"
done
