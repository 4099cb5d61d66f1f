#!/usr/bin/env bash
# poller --assign against a simulated CRM: a free chat is given, nothing else
# is; what fails, hangs or is killed in between leads to one operator, or to an
# outcome that says so; nothing is asked or changed that need not be.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

poller=$BIN/poller
profiles=$PWD/poller/profiles
cd "$tmp"

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3' ($(cat err))"
}
run() { # WANTED-CODE COMMAND...: from the file in, to out, stderr in err
	local want=$1 rc=0
	shift
	"$@" >out 2>err <in || rc=$?
	is "exit status of '$*'" "$rc" "$want"
}
control() { # PATH
	curl -sS --fail -X POST "$sim/control/$1" >/dev/null
}
calls() { # ROUTE: how often it was called
	curl -sS --fail "$sim/control/stats" | jq ".by_route[\"$1\"] // 0"
}
put="PUT /v1/dialogs/{id}"
get="GET /v1/dialogs/{id}"
list="GET /v1/dialogs"
holder() { # DIALOG: who has it, says the CRM
	shows "/dialogs/$1" | jq -r '.data | if type == "array" then .[0] else . end
		| .operator_id'
}
at() { # SECONDS from now, on the CRM's clock
	curl -sS --fail "$sim/control/stats" | jq -r --argjson s "$1" \
		'.now[:19] + "Z" | fromdate + $s | todate'
}
assignment() { # ID CHAT OPERATOR [EXPIRES]
	printf '{"type":"assignment","tenant":"acme","id":"%s","chat":"%s","operator":"%s","expires":"%s"}\n' \
		"$1" "$2" "$3" "${4:-$later}"
}
# outcome: what the run wrote, "CHAT OPERATOR STATUS ID" a line.
outcome() {
	jq -r '[.chat, .operator // "-", .status // "-", .assignment] | join(" ")' out |
		xargs -n 4
}
free() { # DIALOG...: nobody has it, and nothing was asked yet
	for dialog in "$@"; do
		control "act?do=transfer&dialog=$dialog"
	done
	control "fault?name=none"
	control reset-stats
}
conf() { # LINE...
	(umask 077 && printf '%s\n' '[crm acme]' "url = $sim/v1" "$@" >conf)
}

start_sim --dialogs 30 --messages 3 --operators 5
unset CRM_URL
CRM_URL=$sim/v1
mapfile -t dialogs < <(shows '/dialogs?state=open&limit=200' | jq '.data[].id')
mapfile -t operators < <(shows '/operators' | jq '.data[].id')
[ ${#dialogs[@]} -ge 8 ] || fail "few open chats"
a=${operators[0]} b=${operators[1]} d=${dialogs[0]}
later=$(at 36000)
conf "assign = yes"
assign=("$poller" -c conf --assign)
export -n CRM_URL

echo "- by default nothing is changed"
conf
free "$d"
assignment p0 "$d" "$a" >in
run 78 "${assign[@]}"
grep -q 'acme.*set assign = yes in \[crm acme\]' err || fail "$(cat err)"
is "lines" "$(wc -l <err)" 1
is "calls" "$(calls "$get") $(calls "$put")" "0 0"
is "holder" "$(holder "$d")" null

echo "- a dry run asks, and changes nothing; a reservation of the past counts there"
free "$d" "${dialogs[1]}"
control "act?do=transfer&dialog=${dialogs[2]}&operator=$b"
{
	assignment p0 "$d" "$a"
	assignment p1 "${dialogs[1]}" "$a" 2020-01-01T00:00:00Z
	assignment p2 "${dialogs[2]}" "$a"
	assignment p3 "${dialogs[2]}" "$b"
	assignment p4 "${dialogs[1]}" "$b" 2020-01-01T00:00:00Z
} >in
run 0 "${assign[@]}" --dry-run -o ndjson
is "results" "$(jq -r '.assignment + " " + .result' out | sort | xargs)" \
	"p0 assignable p1 assignable p2 taken p3 confirmed p4 assignable"
is "assignee" "$(jq -r 'select(.assignment == "p2").assignee' out)" "$b"
run 0 "${assign[@]}" --dry-run -o table
grep -q "acme *$d *$a *- *assignable" out || fail "table: $(cat out)"
is "changes" "$(calls "$put")" 0
is "holder" "$(holder "$d")" null
conf "assign = yes"

echo "- a free chat is given: one reading, one change"
free "$d"
assignment p1 "$d" "$a" >in
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "$d $a open p1"
is "holder" "$(holder "$d")" "$a"
is "calls" "$(calls "$get") $(calls "$put")" "1 1"
jq -e '.at and .customer and .channel and .tenant == "acme"' out >/dev/null ||
	fail "the record: $(cat out)"

echo "- again: it is found done"
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "$d $a open p1"
is "changes" "$(calls "$put")" 1

echo "- taken meanwhile, closed, gone, expired"
free "${dialogs[@]:1:3}"
control "act?do=transfer&dialog=$d&operator=$b"
control "act?do=close&dialog=${dialogs[1]}"
control "act?do=remove&dialog=${dialogs[2]}"
{
	assignment p1 "$d" "$a"
	assignment p2 "${dialogs[1]}" "$a"
	assignment p4 "${dialogs[3]}" "$a" 2020-01-01T00:00:00Z
} >in
run 0 "${assign[@]}"
is "outcomes" "$(outcome | sort)" "$(sort <<-END
	$d $b open p1
	${dialogs[1]} - closed p2
	${dialogs[3]} - open p4
END
)"
is "changes" "$(calls "$put")" 0
# Gone is said when it is not found twice, and the list has it not.
assignment p3 "${dialogs[2]}" "$a" >in
control reset-stats
run 0 "${assign[@]}"
is "gone" "$(outcome)" "${dialogs[2]} - gone p3"
is "calls" "$(calls "$get") $(calls "$list")" "2 1"

echo "- not found once, or against the list: not gone"
conf "assign = yes" "concurrency = 1"
{
	assignment p1 "$d" "$b"
	assignment p2 "${dialogs[3]}" "$a"
	assignment p3 "${dialogs[4]}" "$a"
} >in
free "${dialogs[@]:3:2}"
control "fault?name=404-gone&route=/v1/dialogs/${dialogs[3]}&count=1"
run 0 "${assign[@]}"
is "outcomes" "$(outcome | sort | xargs)" "$(printf '%s\n' "$d $b open p1" \
	"${dialogs[3]} $a open p2" "${dialogs[4]} $a open p3" | sort | xargs)"
is "calls" "$(calls "$get") $(calls "$list")" "4 0"
free "${dialogs[@]:3:2}"
control "fault?name=404-gone&route=/v1/dialogs/${dialogs[3]}"
control "fault?name=404-gone&route=/v1/dialogs/${dialogs[4]}"
run 69 "${assign[@]}"
is "outcomes" "$(outcome)" "$d $b open p1"
is "lines" "$(wc -l <err)" 1
grep -q 'cannot read chats: one that is listed is not found; ' err ||
	fail "$(cat err)"
is "calls" "$(calls "$get") $(calls "$list")" "4 1"
control "fault?name=none"
conf "assign = yes"

echo "- on to another operator: only from whom it is said"
control "act?do=transfer&dialog=$d&operator=$b"
control "act?do=transfer&dialog=${dialogs[3]}&operator=${operators[2]}"
control reset-stats
for dialog in "$d" "${dialogs[3]}"; do
	assignment "r$dialog" "$dialog" "$a" | sed "s/}/,\"replaces\":\"$b\"}/"
done >in
run 0 "${assign[@]}"
is "outcomes" "$(outcome | sort | xargs)" "$(printf '%s\n' "$d $a open r$d" \
	"${dialogs[3]} ${operators[2]} open r${dialogs[3]}" | sort | xargs)"
is "changes" "$(calls "$put")" 1
is "holder" "$(holder "$d")" "$a"

echo "- a CRM that does not say who has a chat: whose list it is in"
sed -e 's/^     operator: (.operator_id | as_id),/     taken: (.operator_id | as_id != null),/' \
	-e 's/^     query: {state: "open", /&operator_id: .operator, /' \
	"$profiles/chat2desk.jq" >shy.jq
[ "$(grep -c 'taken:\|operator_id: .operator,' shy.jq)" = 2 ] || fail "no such profile"
conf "assign = yes" "profile = ./shy.jq"
control reset-stats
free "${dialogs[3]}"
{
	assignment p1 "$d" "$a" # has it
	assignment p2 "$d" "$b" # has it not
	assignment p3 "$d" "${operators[2]}" |
		sed "s/}/,\"replaces\":\"$b\"}/"
	assignment p4 "$d" "${operators[2]}" |
		sed "s/}/,\"replaces\":\"$a\"}/"
	assignment p5 "${dialogs[3]}" "$b"
} >in
run 0 "${assign[@]}"
is "outcomes" "$(outcome | sort -k 4 | xargs)" "$(xargs <<-END
	$d $a open p1
	$d - - p2
	$d - - p3
	$d ${operators[2]} open p4
	${dialogs[3]} $b open p5
END
)"
is "changes" "$(calls "$put")" 2

echo "- not found where each operator has a list: it is in none of three, or in one"
sed -i -e 's/^     max_pages:/     by_operator: true,&/' \
	-e 's/operator_id: .operator, /operator_id: (.operator \/\/ 1), /' shy.jq
control reset-stats
assignment p1 "${dialogs[2]}" "$a" | sed "s/}/,\"replaces\":\"$b\"}/" >in
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "${dialogs[2]} - gone p1"
is "calls" "$(calls "$get") $(calls "$list")" "2 3"
free
control "fault?name=404-gone&route=/v1/dialogs/${dialogs[3]}"
assignment p1 "${dialogs[3]}" "$a" | sed "s/}/,\"replaces\":\"$b\"}/" >in
run 69 "${assign[@]}"
is "outcome" "$(outcome)" ""
is "calls" "$(calls "$get") $(calls "$list")" "2 3"
control "fault?name=none"
conf "assign = yes"

echo "- many old reservations of a chat cost one reading"
free "${dialogs[3]}"
for n in 1 2 3 4 5; do
	assignment "old$n" "${dialogs[3]}" "$a" 2020-01-01T00:00:00Z
done >in
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "${dialogs[3]} - open old1"
is "calls" "$(calls "$get") $(calls "$put")" "1 0"

echo "- the operator is unknown: an outcome without one"
free "$d"
assignment p1 "$d" 123456789 >in
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "$d - open p1"
grep -q "chat $d is not given to operator 123456789: .*404" err || fail "$(cat err)"
is "holder" "$(holder "$d")" null

echo "- 4xx: refused, and read again"
free "$d"
control "fault?name=errors-string&method=PUT&count=1"
assignment p1 "$d" "$a" >in
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "$d - open p1"
is "calls" "$(calls "$get") $(calls "$put")" "2 1"

echo "- refused with success's status: as with 4xx"
free "$d"
control "fault?name=error-200&method=PUT&count=1"
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "$d - open p1"
is "calls" "$(calls "$get") $(calls "$put")" "2 1"
grep -q "chat $d is not given to operator $a: " err || fail "$(cat err)"

echo "- never a clear answer, until it expires: the log says why"
free "$d"
control "fault?name=500&method=PUT"
control "set?speed=1"
assignment p1 "$d" "$a" "$(at 30)" >in # time to ask once on a busy machine
run 0 timeout 240 "${assign[@]}"
control "set?speed=0"
is "outcome" "$(outcome)" "$d - open p1"
is "lines" "$(wc -l <err)" 1
grep -q "chat $d is not given to operator $a: .*HTTP 500" err || fail "$(cat err)"
assignment p1 "$d" "$a" >in

echo "- 5xx, too many requests, cut off: read again, then given"
for fault in 500 502-html 429-retry reset; do
	free "$d"
	control "fault?name=$fault&method=PUT&count=1"
	run 0 "${assign[@]}"
	is "$fault" "$(outcome)" "$d $a open p1"
	is "$fault: holder" "$(holder "$d")" "$a"
	is "$fault: calls" "$(calls "$get") $(calls "$put")" "2 2"
done

echo "- no answer, or none to be read, although the CRM did it: found done"
for fault in 'slow&value=20000' cut-chunk truncated; do
	free "$d"
	control "fault?name=$fault&method=PUT&count=1"
	conf "assign = yes" "timeout = 10s" # longer than a busy CRM takes
	run 0 "${assign[@]}"
	is "$fault" "$(outcome)" "$d $a open p1"
	is "$fault: calls" "$(calls "$get") $(calls "$put")" "2 1"
done
conf "assign = yes"

echo "- the answer names another operator, or nobody"
for who in "$b" null; do
	free "$d"
	[ "$who" = null ] || control "fault?name=other-operator&value=$who&method=PUT"
	[ "$who" != null ] || control "fault?name=other-operator&value=0&method=PUT"
	run 0 "${assign[@]}"
	is "outcome" "$(outcome)" "$d ${who/null/-} open p1"
	grep -q "was to be given to operator $a; the CRM says" err || fail "$(cat err)"
done

echo "- the token may not write: told once, no outcome, the reservation expires"
free "$d" "${dialogs[4]}"
control "fault?name=403&method=PUT"
{
	assignment p1 "$d" "$a"
	assignment p2 "${dialogs[4]}" "$a"
} >in
run 77 "${assign[@]}"
is "outcomes" "$(outcome)" ""
is "lines" "$(wc -l <err)" 1
grep -q 'acme: cannot give chats to operators: .*403.*; check ' err || fail "$(cat err)"

echo "- the CRM is away: by hand that is the end"
free "$d"
control "fault?name=500"
conf "assign = yes"
printf '[poller]\nretry_budget = 1s\n' >>conf
assignment p1 "$d" "$a" >in
run 75 "${assign[@]}"
is "outcomes" "$(outcome)" ""

echo "- however many there are: it is asked no more, once that is known"
for n in $(seq 300); do
	assignment "p$n" "$n" "$a"
done >in
for how in --tenant=acme --dry-run; do
	control reset-stats
	run 75 timeout 120 "${assign[@]}" "$how"
	called=$(calls "$get")
	[ "$called" -lt 300 ] || fail "$called calls of a CRM that is away"
done
free "$d"

echo "- it can be read, and gives none: the same, with few calls"
for fault in 429 500; do
	for dialog in "${dialogs[@]:3:5}"; do
		assignment "p$dialog" "$dialog" "$a"
	done >in
	free "${dialogs[@]:3:5}"
	control "fault?name=$fault&method=PUT"
	run 75 timeout 120 "${assign[@]}"
	is "$fault: outcomes" "$(outcome)" ""
	grep -q "cannot give chats to operators: .*HTTP $fault.*; the next run" \
		err || fail "$(cat err)"
	[ "$(calls "$put")" -lt 60 ] || fail "$fault: $(calls "$put") changes"
done
free "$d"

echo "- it fails at one chat: the others are given"
several=("${dialogs[@]:3:5}")
free "$d" "${several[@]}"
control "fault?name=500&route=/v1/dialogs/$d"
for dialog in "$d" "${several[@]}"; do
	assignment "p$dialog" "$dialog" "$a"
done >in
mv conf any
for at_a_time in 1 4; do
	sed "s/^assign = yes/&\nconcurrency = $at_a_time/" any >conf
	run 75 timeout 120 "${assign[@]}"
	is "given" "$(outcome | sort | xargs)" "$(for dialog in "${several[@]}"; do
		echo "$dialog $a open p$dialog"
	done | sort | xargs)"
	free "${several[@]}"
	control "fault?name=500&route=/v1/dialogs/$d"
done
mv any conf
free "$d"

echo "- the CRM wants no call for longer than that: the same, at once"
for method in PUT GET; do
	free "$d" "${dialogs[4]}"
	control "fault?name=429-retry&value=600&method=$method&count=1"
	{
		assignment p1 "$d" "$a"
		assignment p2 "${dialogs[4]}" "$a"
	} >in
	run 75 timeout 300 "${assign[@]}" # of 600
	is "outcomes" "$(jq -r .assignment out | grep -c p1 || true)" 0
	grep -q 'wants no call for .* s; the next run tries again' err ||
		fail "$(cat err)"
done
free "$d"

rm -r "$XDG_STATE_HOME" # where that pause is kept

echo "- bad records are told, others are none of ours"
{
	echo nonsense
	echo '{"type":"assignment","tenant":"acme","id":"1","chat":"2"}'
	echo '{"type":"chat","tenant":"acme","chat":"9","status":"open"}'
	assignment p1 "$d" "$a"
	assignment p1 "$d" "$a" | sed 's/acme/other/'
} >in
run 78 "${assign[@]}"
is "outcome" "$(outcome)" "$d $a open p1"
is "lines" "$(grep -c '^poller: line [12]: ' err) $(grep -c "tenant 'other'" err)" "2 1"

echo "- several at a time, one for each chat, two pollers at once"
some=("${dialogs[@]:4:6}")
free "${some[@]}"
for round in 1 2 3; do
	for dialog in "${some[@]}"; do
		assignment "$round-$dialog" "$dialog" "${operators[round % 3]}"
	done
done >in
"${assign[@]}" <in >one 2>err.one &
first=$!
tac in >back
"${assign[@]}" <back >two 2>err.two &
wait $first || fail "the first: $(cat err.one)"
wait $! || fail "the second: $(cat err.two)"
for dialog in "${some[@]}"; do
	who=$(holder "$dialog")
	[ "$who" != null ] || fail "nobody has $dialog"
	is "outcomes of $dialog" "$(jq -c "select(.chat == \"$dialog\")" one two |
		wc -l)" 6
	jq -r "select(.chat == \"$dialog\") | .operator" one two | grep -qx "$who" ||
		fail "nobody told that $who has $dialog"
done

echo "- by hand, from a snapshot to the operators"
free "${some[@]:0:2}"
conf "assign = yes" "bot_operators = 10900"
"$poller" -c conf | "$BIN/aggregator" -c conf -a allocation --limit 50 >in
run 0 "${assign[@]}"
outcome >told
for dialog in "${some[@]:0:2}"; do
	who=$(holder "$dialog")
	[ "$who" != null ] || fail "nobody has $dialog: $(cat in)"
	grep -q "^$dialog $who open " told || fail "it is not told: $(cat out)"
done

echo "- an answer that names no operator is none: the chat is read instead"
{
	cat "$profiles/chat2desk.jq"
	echo 'def assign_read: {operatr: 5};'
} >none.jq
conf "assign = yes" "profile = ./none.jq"
free "${some[0]}"
assignment n1 "${some[0]}" "$a" >in
run 0 "${assign[@]}"
is "outcome" "$(outcome)" "${some[0]} $a open n1"
is "changes" "$(calls "$put")" 1
