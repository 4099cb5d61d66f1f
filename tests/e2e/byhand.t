#!/usr/bin/env bash
# By hand: with no broker and no database `poller | aggregator` prints the
# operator table, a tee in between keeps the day, jq reads the rows, CSV and
# --explain work, and a cut snapshot is refused in one line.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

poller=$BIN/poller aggregator=$BIN/aggregator
here=$PWD/tests/e2e

# quiet FILE: nothing was said there.
quiet() {
	[ ! -s "$1" ] || fail "$1: $(cat "$1")"
}

# held OPERATOR: how many open chats the CRM says they hold.
held() {
	jq -r --arg id "$1" '[.data[] | select(.operator_id != null and
		(.operator_id | tostring) == $id)] | length' "$tmp/dialogs"
}

# Each operator the CRM lists stands in a table with the chats they hold.
check_table() {
	jq -r '.data[] | select(.role != "deleted" and .role != "disabled") |
		"\(.id) \(.first_name) \(.last_name)"' "$tmp/operators" |
		sed 's/ *$//' >"$tmp/listed"
	[ -s "$tmp/listed" ] || fail "the CRM lists nobody"
	while read -r id name; do
		grep -qE "^$name +(yes|no) +$(held "$id") " "$1" ||
			fail "no line of $name ($id) with $(held "$id") chats:" \
				"$(cat "$1")"
	done <"$tmp/listed"
}

cd "$tmp"
start_sim --dialogs 12 --operators 3 --messages 6 --seed 5
shows '/operators?limit=200' >operators
shows '/dialogs?state=open&limit=200' >dialogs

# In a pipe, asked for; and unasked on a terminal.
"$poller" 2>poller.err | "$aggregator" -o table >shown 2>aggregator.err
quiet poller.err
quiet aggregator.err
check_table shown
script -qec "'$poller' 2>/dev/null | '$aggregator'" /dev/null \
	</dev/null | tr -d '\r' >terminal
check_table terminal

# Alone on a terminal it says what it waits for, before anything is typed, and
# takes that; else there is nothing to say.
mkfifo keys
script -qec "'$aggregator' -o ndjson >typed 2>alone" /dev/null <keys >/dev/null &
shell=$!
exec 7>keys
until_true 20 test -s alone || fail "alone on a terminal it says nothing"
record='{"type":"chat","tenant":"t","chat":"7","at":"2026-11-20T10:00:00Z","status":"open"}'
echo "$record" >&7
exec 7>&-
wait $shell || fail "it gives $?: $(cat alone)"
diff - alone <<'END' || fail "it says something else"
aggregator: reading from this terminal, a record a line; ^D ends it, and -h tells what else can be read
END
echo "$record" | "$aggregator" -o ndjson >want 2>aggregator.err
quiet aggregator.err
cmp want typed || fail "what is typed gives: $(cat typed)"
echo "$record" >one.ndjson
script -qec "'$aggregator' -o ndjson -f one.ndjson >got 2>aggregator.err" /dev/null \
	</dev/null >/dev/null
quiet aggregator.err
cmp want got || fail "a file gives: $(cat got)"

# Without standard output nothing of ours takes its place.
rc=0
timeout 60 "$poller" >&- 2>poller.err || rc=$?
[ "$rc" = 74 ] || fail "a closed stdout: exit $rc: $(cat poller.err)"
grep -qx "poller: cannot write standard output: Bad file descriptor; it is\
 closed or not open for that; give it a file or a pipe" poller.err || fail "$(cat poller.err)"

# A tee keeps the day, and the rows are JSON, one a line.
"$poller" 2>poller.err | tee day.ndjson | "$aggregator" -o ndjson |
	jq . >rows.json 2>aggregator.err
quiet poller.err
quiet aggregator.err
jq -s -e 'map(select(.table == "tenant_metrics")) | length == 1' rows.json \
	>/dev/null || fail "not one row of the tenant: $(cat rows.json)"

# The same day gives the same rows: from a file, and without -o in a pipe.
# Ids of snapshots of rows follow those of the records.
jq -c . rows.json >want
"$aggregator" -f day.ndjson | jq -c . >got
cmp want got || fail "-f FILE gives other rows than a pipe"
"$aggregator" -f day.ndjson -t out.ndjson >stdout
quiet stdout
jq -c . out.ndjson | cmp want - || fail "-t FILE gives other rows"

# CSV: a header, and as many lines as operators.
"$aggregator" -o csv <day.ndjson >table.csv
operators=$(jq -s 'map(select(.table == "operator_metrics")) | length' want)
head -n 1 table.csv | tr -d '\r' | grep -q '^tenant,operator,name,' ||
	fail "the head of the CSV: $(head -n 1 table.csv)"
[ "$(wc -l <table.csv)" = $((operators + 1)) ] ||
	fail "$operators operators, but: $(cat table.csv)"

# Why a metric is what it is.
chat=$(jq -rs 'map(select(.table == "chat_metrics" and .responses > 0)) |
	.[0].chat' want)
"$aggregator" --explain "$chat" <day.ndjson >explained
grep -q . explained || fail "--explain $chat says nothing"
"$aggregator" --explain "$chat" -o ndjson <day.ndjson >intervals
jq -s -e --arg chat "$chat" 'map(select(.type == "interval" and
	.chat == $chat and (.kind == "first_response" or .kind == "reply"))) |
	length > 0' intervals >/dev/null ||
	fail "--explain $chat -o ndjson: $(cat intervals)"
# Their mean is the chat's row.
mean=$(jq -s 'map(select(.kind == "first_response" or .kind == "reply") |
	.seconds) | add / length * 1000 | round' intervals)
row=$(jq -s --arg chat "$chat" 'map(select(.table == "chat_metrics" and
	.chat == $chat)) | .[0].avg_response_seconds * 1000 | round' want)
[ "$mean" = "$row" ] ||
	fail "chat $chat: intervals give $mean ms, the row says $row ms"

# Cut at some bytes of a small snapshot (LONG=1: at each), and of a large one.
[ "${LONG:-}" = 1 ] || export CUTS=60
start_sim --dialogs 2 --operators 1 --messages 2 --seed 8
"$poller" >small.ndjson
python3 -B "$here/cut.py" small.ndjson
start_sim --dialogs 300 --operators 10 --messages 30 --seed 9
"$poller" >large.ndjson
CUTS=20 python3 -B "$here/cut.py" large.ndjson
