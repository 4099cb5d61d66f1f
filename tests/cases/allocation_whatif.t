#!/bin/sh
# The simulation allocates a recorded day again from a file. Checks its rows and
# its table, and the effect of other limits.
set -eu
: "${BIN:=build/bin}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

line() {
	echo "{\"type\":\"$1\",\"tenant\":\"t\",$2}"
}

chat() { # CHAT STATUS MINUTE:SECOND [OPERATOR]
	line chat "\"chat\":\"$1\",\"status\":\"$2\",\"at\":\"2026-11-20T10:$3Z\"${4:+,\"operator\":\"$4\"}"
}

message() { # CHAT ID MINUTE:SECOND FROM [FIELDS]
	line message "\"chat\":\"$1\",\"id\":\"$2\",\"at\":\"2026-11-20T10:$3Z\",\"from\":\"$4\"${5:+,$5}"
}

# Two operators work. One of them may have one chat and is assigned another by
# someone else.
{
	line operator '"operator":"7","name":"Ann","available":true'
	line operator '"operator":"8","name":"Bob","available":true,"max_chats":1'
	chat 1 open 00:00
	chat 2 open 00:10
	chat 3 open 00:20
	chat 4 open 00:30
	chat 5 open 00:31 8
	chat 6 open 00:40
	chat 6 closed 01:00
	chat 1 open 00:05 9
	chat 1 closed 05:30 9
	chat 7 open 06:30
} >"$tmp/day"

gives() { # WANT OPTION...: checks the reservations
	want=$1
	shift
	"$BIN/aggregator" -a allocation -o ndjson "$@" <"$tmp/day" >"$tmp/rows" ||
		fail "it gives $?"
	got=$(sed -n 's/.*"assignment".*"chat":"\([^"]*\)","operator":"\([^"]*\)",.*"at":"[^T]*T10:\([0-9:]*\).*/\1>\2@\3/p' \
		"$tmp/rows" | tr '\n' ' ')
	[ "$got" = "${want:+$want }" ] || fail "reserved '$got', not '$want '"
}

has() { # TEXT: the rows contain it
	grep -Fq -e "$1" "$tmp/rows" || fail "no $1 in: $(cat "$tmp/rows")"
}

# For operator 9 only the name is known, which makes nobody available.
line operator '"operator":"9","name":"Cy","stale":true' >>"$tmp/day"

gives '1>7@00:00 2>8@00:10 3>7@00:20 4>7@05:30'
has '"operator":"9","name":"Cy","max_chats":null,"given":0,"had":0'
has '"operator":"7","name":"Ann","max_chats":2,"given":3,"had":0,"busiest":2,"busiest_at":"2026-11-20T10:00:20.000Z","breaches":0,"above_seconds":0.000'
has '"operator":"8","name":"Bob","max_chats":1,"given":1,"had":1,"busiest":2,"busiest_at":"2026-11-20T10:00:31.000Z","breaches":1,"above_seconds":359.000'
has '"chats":6,"given":4,"moved":0,"unserved":1,"waiting":1,"avg_wait_seconds":75.000,"median_wait_seconds":0.000,"p90_wait_seconds":300.000,"longest_wait_seconds":300.000,"operators":2,"least_given":1,"most_given":3,"breaches":1'

# A reservation has all fields that an assigner needs, but it is marked as
# simulated.
[ "$(grep -c '^{"type":"assignment","tenant":"t","simulated":true,"id"' \
	"$tmp/rows")" = 4 ] || fail "not marked: $(cat "$tmp/rows")"
has '"chat":"2","operator":"8","at":"2026-11-20T10:00:10.000Z","expires":"2026-11-20T10:01:10.000Z","max_chats":1}'
has '"chat":"3","operator":"7","at":"2026-11-20T10:00:20.000Z","expires":"2026-11-20T10:01:20.000Z","max_chats":2}'

# A limit of three for everyone overrides the records: no chat waits.
gives '1>7@00:00 2>8@00:10 3>7@00:20 4>8@00:30 6>7@00:40 7>7@06:30' --limit 3
has '"unserved":0,"waiting":0,"avg_wait_seconds":0.000'
has '"chat":"2","operator":"8","at":"2026-11-20T10:00:10.000Z","expires":"2026-11-20T10:01:10.000Z","max_chats":3}'

# A limit without allocation is an error.
got=0
"$BIN/aggregator" --limit 3 <"$tmp/day" >"$tmp/rows" 2>"$tmp/err" || got=$?
[ $got = 64 ] || fail "it gave $got: $(cat "$tmp/err")"
grep -q '^aggregator: --limit is for -a allocation' "$tmp/err" ||
	fail "$(cat "$tmp/err")"

got=0
"$BIN/aggregator" -a allocation --limit 1000001 <"$tmp/day" >"$tmp/rows" \
	2>"$tmp/err" || got=$?
[ $got = 64 ] || fail "it gave $got: $(cat "$tmp/err")"
grep -q "^aggregator: '1000001' is not a limit from 0 to 1000000" "$tmp/err" ||
	fail "$(cat "$tmp/err")"

# The order of the lines does not matter, except for lines without a time.
{
	head -n 2 "$tmp/day"
	tail -n +3 "$tmp/day" | sort -r
} >"$tmp/other"
mv "$tmp/other" "$tmp/day"
gives '1>7@00:00 2>8@00:10 3>7@00:20 4>7@05:30'

# Simulated reservations never go to the endpoint that the configuration names
# for a stream.
printf '[aggregator]\nassign_to = %s\n' "$tmp/live" >"$tmp/conf"
echo kept >"$tmp/live"
"$BIN/aggregator" -c "$tmp/conf" -a allocation -o ndjson <"$tmp/day" \
	>"$tmp/rows"
[ "$(grep -c '"assignment"' "$tmp/rows")" = 4 ] || fail "not among the rows"
"$BIN/aggregator" -c "$tmp/conf" -a all,allocation --explain c1 <"$tmp/day" \
	>/dev/null 2>&1 || :
"$BIN/aggregator" -c "$tmp/conf" <"$tmp/day" >/dev/null
[ "$(cat "$tmp/live")" = kept ] || fail "reservations in $(cat "$tmp/live")"

"$BIN/aggregator" -a allocation,messages -o table <"$tmp/day" |
	grep -q '^Use -o ndjson to pass records on' || fail "no word about messages"
"$BIN/aggregator" -a allocation -o table <"$tmp/day" >"$tmp/table"
grep -Eq '^Ann \(7\) +2 +3 +0 +2 ' "$tmp/table" || fail "$(cat "$tmp/table")"
sed '/^$/,$!d' "$tmp/table" | sed '1d; /^OPERATOR/,$d' >"$tmp/totals"
cat >"$tmp/want" <<'END'
Unassigned chats that arrived:           6
  assigned                               4
  ended before an operator got it        1
  waiting at the end                     1
Wait until assignment: 1m15s on average;
median 0.0s, P90 5m00s, the longest 5m00s.
Operators who were online and may take chats got between 1 and 3 each.
Some operators exceeded their limit, because chats assigned by others (OTHERS) count.

END
diff "$tmp/want" "$tmp/totals" || fail "the table says something else"
"$BIN/aggregator" -a allocation -o csv --table allocation_totals \
	<"$tmp/day" | grep -q '^t,6,4,0,1,1,75.000,' || fail "no csv"
"$BIN/aggregator" -o csv --table allocation_totals <"$tmp/day" |
	grep -q '^t,6,4,0,1,1,75.000,' || fail "no csv of the table alone"

# An operator who does not answer loses the chat to another one. The output
# names the operator who lost it.
printf '[aggregator]\nallocation_silent = 1m\n' >"$tmp/conf"
{
	line operator '"operator":"7","name":"Ann","available":true'
	line operator '"operator":"8","name":"Bob","available":true'
	chat 1 open 00:00
	chat 2 open 01:30 9
} >"$tmp/day"
gives '1>7@00:00 1>8@01:00' -c "$tmp/conf"
has '"chat":"1","operator":"8","replaces":"7","at":'
has '"chats":1,"given":1,"moved":1,'

# An operator who lost a chat has a free slot for the next one at once.
printf '[aggregator]\nallocation_silent = 4m\n' >"$tmp/conf"
{
	line operator '"operator":"7","available":true,"max_chats":1'
	chat 1 open 00:01
	chat 2 open 00:02
	line operator '"operator":"8","available":true,"max_chats":1,"at":"2026-11-20T10:05:00Z"'
	chat 3 closed 30:00
} >"$tmp/day"
gives '1>7@00:01 1>8@05:00 2>7@05:00' -c "$tmp/conf"
has '"longest_wait_seconds":298.000,'

# Snapshots repeat older answers; a repeated answer does not count as a new one.
snapshot() { # MINUTE [LINE]...
	minute=$1
	shift
	mark="\"type\":\"snapshot\",\"tenant\":\"t\",\"snapshot\":\"s$minute\",\"at\":\"2026-11-20T10:$minute:00Z\""
	echo "{$mark,\"state\":\"begin\"}"
	for record; do
		echo "$record" | sed "s/}$/,\"snapshot\":\"s$minute\"}/"
	done
	echo "{$mark,\"state\":\"end\",\"records\":$#}"
}
ann=$(line operator '"operator":"7","name":"Ann","available":true')
bob=$(line operator '"operator":"8","name":"Bob","available":true')
old=$(message 1 1 00:00 operator '"operator":"8"')
new=$(message 1 2 02:30 operator '"operator":"7"')
{
	snapshot 01 "$ann" "$bob" "$(chat 1 open 01:00)" "$old"
	snapshot 02 "$ann" "$bob" "$(chat 1 open 02:00)" "$old"
	chat 2 closed 09:00
} >"$tmp/day"
printf '[aggregator]\nallocation_silent = 2m\n' >"$tmp/conf"
gives '1>7@01:00 1>8@03:00 1>7@05:00 1>8@07:00 1>7@09:00' -c "$tmp/conf"
{
	cat "$tmp/day"
	snapshot 03 "$ann" "$bob" "$(chat 1 open 03:00)" "$old" "$new"
} >"$tmp/answered"
mv "$tmp/answered" "$tmp/day"
gives '1>7@01:00' -c "$tmp/conf"

# A chat whose channel becomes known later stays one chat, and records of one
# time apply together, so nobody was above a limit. Operators who are away all
# day, or whose limit is 0, do not count for the fewest chats given.
{
	line operator '"operator":"7","name":"Ann","available":true,"max_chats":1'
	line operator '"operator":"8","name":"Bob","available":false'
	line operator '"operator":"9","name":"Cid","available":true,"max_chats":0'
	chat 1 open 00:00
	chat 1 open 00:10 7 | sed 's/}/,"channel":"w"}/'
	chat 2 open 00:20 7
	chat 1 closed 00:20 7
} >"$tmp/day"
gives '1>7@00:00'
has '"operator":"7","name":"Ann","max_chats":1,"given":1,"had":1,"busiest":1,"busiest_at":"2026-11-20T10:00:00.000Z","breaches":0,'
has '"operators":1,"least_given":1,"most_given":1,"breaches":0'
"$BIN/aggregator" -a allocation -o table --limit 1 <"$tmp/day" >"$tmp/table"
grep -qx 't, with a limit of 1 for every operator' "$tmp/table" || fail "no title"
grep -qx 'No operator exceeded the limit.' "$tmp/table" ||
	fail "$(cat "$tmp/table")"

# A chat that returns, and one that loses its operator, wait like others, and do
# not push an operator above the limit. A chat whose customer writes again after
# the closing still belongs to its operator.
{
	line operator '"operator":"7","name":"Ann","available":true'
	chat 1 open 00:00
	chat 1 closed 00:30
	chat 2 open 00:40
	chat 1 open 01:00
	chat 2 closed 02:00
} >"$tmp/day"
gives '1>7@00:00 2>7@00:40 1>7@02:00' --limit 1
has '"given":3,"had":0,"busiest":1,'
has '"chats":3,"given":3,"moved":0,"unserved":0,"waiting":0,'
{
	line operator '"operator":"7","name":"Ann","available":true'
	chat 1 open 00:00 8
	chat 1 open 00:10
	chat 1 closed 00:20 7
	line message '"chat":"1","id":"1","at":"2026-11-20T10:00:30Z","from":"customer"'
} >"$tmp/day"
gives '1>7@00:10'
has '"chats":1,"given":1,"moved":0,"unserved":0,"waiting":0,'

# A repeated closing, by a message and a poll or twice by one of them, does not
# take the chat from its operator. Only records that reopen the chat change its
# operator, even if several have the same time.
returns() { # WANT RECORD...: the chat was given to 7 and closed before 9:00
	want=$1
	shift
	{
		line operator '"operator":"7","name":"Ann","available":true'
		message 1 1 00:00 customer
		printf '%s\n' "$@"
		message 2 1 09:00 system '"kind":"closed"'
	} >"$tmp/day"
	gives "$want"
}
closed=$(chat 1 closed 03:00)
again=$(chat 1 closed 04:00)
ended=$(message 1 2 02:00 system '"kind":"closed"')
wrote=$(message 1 3 06:00 system '"kind":"opened"')
nobody=$(message 1 4 05:00 system '"kind":"assigned"')
snapshot_06=$(snapshot 06 "$ann" "$(chat 1 open 01:00)" "$again" "$wrote")
for records in "$closed" "$closed $again" "$ended" "$ended $closed" \
	"$ended $closed $nobody $again" "$closed $(chat 1 pending 05:00)"; do
	# shellcheck disable=SC2086
	returns '1>7@00:00' $records "$wrote"
	has '"chats":1,"given":1,'
done
returns '1>7@00:00' "$closed" "$snapshot_06"
has '"chats":1,"given":1,'
reopened=$(chat 1 open 06:00)
returns '1>7@00:00 1>7@06:00' "$closed" "$again" "$reopened" \
	"$wrote" "$(chat 1 open 07:00)"
has '"chats":2,"given":2,'
returns '1>7@00:00 1>7@06:00' "$ended" "$wrote" "$closed" "$reopened"
has '"chats":2,"given":2,'
returns '1>7@00:00' "$closed" "$wrote" \
	"$(message 1 5 06:00 system '"kind":"assigned","operator":"8"')"
has '"operator":"8","name":null,"max_chats":null,"given":0,"had":1,'

# A chat that is reopened at the time of its closing arrives at that time,
# whatever is written later and in whatever order the lines come.
for again in "$(message 1 3 04:00 customer)" \
	"$(message 1 3 04:00 system '"kind":"opened"')" "$(chat 1 open 04:00)"; do
	{
		line operator '"operator":"7","name":"Ann","max_chats":0,"at":"2026-11-20T10:00:00Z"'
		message 1 1 01:00 customer
		message 1 2 04:00 system '"kind":"closed"'
		echo "$again"
		message 2 1 10:00 customer
		message 1 4 20:00 customer
		line operator '"operator":"7","available":true,"max_chats":1,"available_at":"2026-11-20T10:30:00Z","at":"2026-11-20T10:30:00Z"'
	} >"$tmp/records"
	for order in cat tac; do
		$order "$tmp/records" >"$tmp/day"
		gives '1>7@30:00'
	done
done

# A chat that another operator or a bot had before, or that was gone, keeps its
# place in the queue but has waited only since then. A chat that a poll sees
# first has waited since it was opened.
opened() { # CHAT STATUS MINUTE [OPERATOR]: since 9:30
	chat "$1" "$2" "$3:00" "${4:-}" |
		sed 's/}/,"opened_at":"2026-11-20T09:30:00Z"}/'
}
{
	echo "$ann"
	opened 1 open 00 8
	opened 1 open 20
	opened 2 pending 00
	opened 2 open 30
} >"$tmp/day"
gives '1>7@20:00 2>7@30:00'
has '"longest_wait_seconds":0.000,'
{
	opened 1 open 00 8
	opened 1 open 20
	opened 2 open 25
	opened 3 snoozed 26
	opened 3 open 27
	opened 3 snoozed 28
	opened 3 open 29
	line operator '"operator":"7","name":"Ann","available":true,"max_chats":3'
	chat 4 closed 30:00
} >"$tmp/day"
sed -i '/"operator":"7"/s/}/,"at":"2026-11-20T10:30:00Z"}/' "$tmp/day"
gives '1>7@30:00 2>7@30:00 3>7@30:00'
has '"median_wait_seconds":600.000,"p90_wait_seconds":3600.000,"longest_wait_seconds":3600.000,'
has '"avg_wait_seconds":1420.000,'
# The same applies if a message without a status was the first record of the
# chat.
{
	echo "$ann"
	message 1 1 00:00 operator '"operator":"8"'
	opened 1 open 05
} >"$tmp/day"
gives '1>7@05:00'
has '"chats":1,"given":1,"moved":0,"unserved":0,"waiting":0,'
has '"longest_wait_seconds":2100.000,'
{
	snapshot 00 "$(opened 1 open 00)"
	snapshot 10
	snapshot 20 "$ann" "$(opened 1 open 20)"
} >"$tmp/day"
gives '1>7@20:00'
has '"chats":2,"given":1,"moved":0,"unserved":1,"waiting":0,"avg_wait_seconds":0.000,'

# For messages of one time the greater id decides, as in chat_metrics, not the
# order of the lines.
for order in cat tac; do
	{
		line operator '"operator":"7","name":"Ann","available":true'
		{
			message 2 9 05:00 system '"kind":"closed"'
			message 2 10 05:00 customer
		} | $order
	} >"$tmp/day"
	gives '2>7@05:00'
	has '"chats":1,"given":1,"moved":0,"unserved":0,"waiting":0,'
done

# Private and automated messages of a customer do not open a chat, and a bot
# that hands over does not open a closed one.
{
	line operator '"operator":"7","name":"Ann","available":true'
	chat 1 closed 00:00
	message 1 1 01:00 customer '"automated":true'
	message 2 1 01:00 customer '"private":true'
	message 1 2 02:00 system '"kind":"handoff"'
	chat 3 pending 03:00
	message 3 1 03:30 customer
	message 3 2 04:00 system '"kind":"handoff"'
	chat 4 snoozed 05:00
	message 4 1 05:30 system '"kind":"handoff"'
} >"$tmp/day"
gives '3>7@04:00 4>7@05:30'

# All records of one time together decide who has a chat, whichever line comes
# first.
for order in cat tac; do
	{
		line operator '"operator":"7","name":"Ann","available":true'
		{
			message 1 1 05:00 customer
			chat 1 open 05:00 8
			message 2 1 05:00 system '"kind":"assigned","operator":"8"'
			chat 2 open 05:00
		} | $order
	} >"$tmp/day"
	gives ''
	has '"operator":"8","name":null,"max_chats":null,"given":0,"had":2,'
done
said=$(message 1 1 04:00 customer)
told=$(chat 1 open 05:00 8)
snapshot 05 "$ann" "$said" "$told" >"$tmp/day"
gives ''
snapshot 05 "$ann" "$told" "$said" >"$tmp/day"
gives ''
has '"chats":0,"given":0,"moved":0,"unserved":0,"waiting":0,'

# A chat that the CRM itself assigns counts for each operator who gets it.
{
	line operator '"operator":"7","name":"Ann","available":true'
	chat 1 open 01:00 8
	chat 1 open 02:00 8
	message 1 1 03:00 system '"kind":"assigned","operator":"9"'
	chat 1 open 04:00 8
} >"$tmp/day"
gives ''
has '"operator":"8","name":null,"max_chats":null,"given":0,"had":2,'
has '"operator":"9","name":null,"max_chats":null,"given":0,"had":1,'

# A chat that is snoozed before it ends counts as one that ended before anyone
# had it. A chat that stays snoozed does not wait. A chat that its operator left
# unanswered, with no other operator to take it, counts as given and no longer
# waits.
{
	echo "$ann"
	chat 1 open 00:00
	chat 1 snoozed 01:00
	chat 1 closed 02:00
	chat 2 open 03:00
	chat 2 snoozed 04:00
} >"$tmp/day"
gives '' --limit 0
has '"chats":2,"given":0,"moved":0,"unserved":1,"waiting":0,'
# Without operators who may have chats, there is no fewest number of chats.
has '"operators":0,"least_given":null,"most_given":null,'
"$BIN/aggregator" -a allocation --limit 0 -o table <"$tmp/day" >"$tmp/table"
grep -qx '  set aside at the end  *1' "$tmp/table" ||
	fail "$(cat "$tmp/table")"
{
	echo "$ann"
	chat 1 open 00:00
	chat 2 closed 09:00
} >"$tmp/day"
gives '1>7@00:00' -c "$tmp/conf"
has '"chats":1,"given":1,"moved":0,"unserved":0,"waiting":0,'

# A record with a wrong year: the simulation goes on for a day without records,
# then it waits for that record.
printf '[aggregator]\nallocation_silent = 6h\nwindow = 5m\n' >"$tmp/conf"
{
	echo "$ann"
	echo "$bob"
	chat 1 open 00:00
	chat 2 closed 00:00 | sed 's/2026/2126/'
} >"$tmp/day"
gives '1>7@00:00 1>7@00:00 1>8@00:00' --clock records -c "$tmp/conf"
has '"moved":5,'

# The longest possible allocation_silent is within that day.
printf '[aggregator]\nallocation_silent = 24h\nwindow = 5m\n' >"$tmp/conf"
gives '1>7@00:00 1>8@00:00 1>7@00:00' --clock records -c "$tmp/conf"
has '"moved":2,'

# A load that rises above the limit and stays there counts once. An operator of
# whom only the limit changes stays as available as before, and one in no record
# has the default limit.
{
	line operator '"operator":"7","name":"Ann","available":true'
	line operator '"operator":"8","name":"Bob","available":false'
	line operator '"operator":"8","max_chats":3'
	for minute in 1 2 3 4 5; do
		chat "$minute" open "0$minute:00" 7
	done
	chat 6 open 05:00 9
} >"$tmp/day"
gives ''
has '"operator":"7","name":"Ann","max_chats":2,"given":0,"had":5,"busiest":5,"busiest_at":"2026-11-20T10:05:00.000Z","breaches":1,"above_seconds":120.000'
has '"operator":"9","name":null,"max_chats":null,"given":0,"had":1,"busiest":1,"busiest_at":"2026-11-20T10:05:00.000Z","breaches":0,'
has '"operators":1,"least_given":0,"most_given":0,"breaches":1'

# A chat that one snapshot lacks and a later one has returns as a new chat.
{
	snapshot 00 "$ann" "$(chat 1 open 00:00)" "$(chat 2 open 00:00)"
	snapshot 01 "$ann" "$(chat 1 open 01:00)"
	snapshot 02 "$ann" "$(chat 1 open 02:00)" "$(chat 2 open 02:00)"
	snapshot 03 "$ann" "$(chat 2 open 03:00)"
	snapshot 04 "$ann" "$(chat 1 open 04:00)" "$(chat 2 open 04:00)"
} >"$tmp/day"
gives '1>7@00:00 2>7@03:00' --limit 1
has '"chats":4,"given":2,"moved":0,"unserved":1,"waiting":1,'

# A chat that a snapshot without lines lacks is gone until a newer record.
{
	chat 1 open 00:00
	snapshot 01
	message 1 1 01:00 customer
	chat 2 closed 02:00
	echo "$ann"
} >"$tmp/day"
gives ''
has '"chats":1,"given":0,"moved":0,"unserved":1,"waiting":0,'
message 1 2 01:01 customer >>"$tmp/day"
gives '1>7@02:00'

# "-a all" includes the reports but not the allocation, which acts.
"$BIN/aggregator" -a all -o ndjson <"$tmp/day" >"$tmp/rows"
! grep -q allocation "$tmp/rows" || fail "all does more than it should"
