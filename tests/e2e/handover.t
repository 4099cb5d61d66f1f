#!/usr/bin/env bash
# What an aggregator hands over to those of the next generation: chats whose
# records are older than the window or no longer kept, closings, holders, names
# of who left, monologues, limits and tags. At the end 6 random worlds (LONG=1:
# 60); SEED=N repeats them from the Nth on, WORLDS=N says how many.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'wait_timeout = 20s'

is() { # WHAT GOT WANT
	[ "$2" = "$3" ] || fail "$1: '$2', not '$3'"
}
line() { # TYPE MORE
	printf '{"type":"%s","tenant":"a",%s}\n' "$1" "$2"
}
message() { # ID CHAT TIME FROM MORE
	line message "\"id\":\"$1\",\"chat\":\"$2\",\"at\":\"2026-01-$3Z\",\"from\":\"$4\"${5:-}"
}
chat() { # CHAT TIME MORE
	line chat "\"chat\":\"$1\",\"at\":\"2026-01-$2Z\",$3"
}

mark='"snapshot":"s1","at":"2026-01-10T09:00:00Z"'
{
	# Rows of a tenant without any time wait, but do not keep the rest.
	echo '{"type":"operator","tenant":"b","operator":"1","name":"Di"}'
	line operator '"operator":"7","name":"Ann"'
	line operator '"operator":"8","name":"Bo"'
	line operator '"operator":"9","name":"Cy"'
	line snapshot "$mark,\"state\":\"begin\""
	line operator '"snapshot":"s1","operator":"8","name":"Bo"'
	line snapshot "$mark,\"state\":\"end\",\"records\":1"
	chat old 10T10:00:00 '"status":"open","operator":"7"'
	message 1 old 10T10:00:01 customer
	chat free 10T10:00:00 '"status":"open","operator":"7"'
	chat back 10T10:00:00 '"status":"open","customer":"c1"'
	chat back 10T10:00:01 '"status":"closed"'
	message 1 free 10T10:00:01 customer
	message 2 free 10T10:00:02 system ',"kind":"assigned"'
	message 3 free 10T10:00:03 system ',"kind":"closed"'
	message 4 free 10T20:00:00 customer
	message 1 back 10T20:00:00 customer
	message 2 back 10T20:00:01 customer
	message 3 back 10T21:00:00 system ',"kind":"closed"'
	message 4 back 11T18:00:00 customer
	chat back 12T23:00:00 '"status":"open"'
	chat shut 12T23:00:00 '"status":"open","operator":"7"'
	message 1 shut 12T23:00:01 customer
	chat shut 12T23:05:00 \
		'"status":"closed","operator":"7","closed_at":"2026-01-12T23:04:00Z"'
	chat new 13T10:00:00 '"status":"open","operator":"7"'
	chat passed 13T10:00:00 '"status":"open","operator":"7"'
	message 1 passed 13T10:00:01 system ',"kind":"assigned","operator":"8"'
	chat passed 13T10:00:02 '"status":"open","operator":"7"'
	chat passed 13T10:00:03 '"status":"open","operator":"8"'
	chat new 14T12:00:00 '"status":"open","operator":"7"'
} >"$tmp/records"

exported() { # FILTER: of the records that are handed over
	"$aggregator" --export --state "$state" -t - | jq -c "$1"
}

echo "- chats: their closings, and that they are known"
put records 1 <"$tmp/records"
stream -a "$metrics,histograms,monologues"
is "what is known of the closed chat" "$(exported \
	'select(.chat == "shut" and .status == "closed") | [.closed_at, .stale]')" \
	'["2026-01-12T23:04:00.000Z",true]'

echo "- a tenant that has no time yet"
is "its operator" "$(exported 'select(.tenant == "b") | [.operator, .name]')" \
	'["1","Di"]'

echo "- nobody holds a chat that was taken from its operator"
is "the holder" "$(exported 'select(.chat == "free" and .held and .episode)
	| [.at, .operator]')" '["2026-01-10T10:00:03.000Z",null]'

echo "- nothing of it is late"
exported . >"$tmp/export"
rm -r "$state"
get rows >/dev/null
put records 1 <"$tmp/export"
stream -a "$metrics,histograms,monologues" --part 0/1 --generation 2
is "dead letters" "$(get records.dead)" ""
collect
is "the holder of the old chat" "$(jq -r 'select(.table == "chat_metrics" and
	.chat == "old") | .operator' "$tmp/rows")" 7
is "closings that count again" "$(grep -c response_hours "$tmp/rows" || true)" 0
is "who left has a name, and is not listed" "$(jq -r \
	'select(.table == "operator_metrics_parts") | [.operator, .name]
	| join(" ")' "$tmp/rows" | sort -u | tr '\n' ,)" "7 Ann,8 Bo,9 Cy,"
is "listed operators" "$(jq -r \
	'select(.table == "tenant_metrics_parts") | .operators' "$tmp/rows" |
	tail -n 1)" 1

echo "- who left long ago, too, also after another start"
{
	message 1 new 14T12:00:00 customer
	message 2 new 14T12:00:00 operator ',"operator":"9"'
} | put records 1
stream -a "$metrics,histograms,monologues" --part 0/1 --generation 2
collect
is "the name" "$(jq -r 'select(.table == "operator_metrics_parts" and
	.operator == "9" and .responses == 1) | .name' "$tmp/rows")" Cy

echo "- a chat counts when all of it is there: until then nothing is dropped"
is "the times at which an operator is known" "$(exported \
	'select(.type == "chat" and .chat == "passed") | .at[17:19]' | sort | tr '\n' ,)" \
	'"00","02","03",'

echo "- what messages left that are no longer kept: a chat that was never silent"
is "the customer" "$(jq -r 'select(.table == "chat_metrics" and
	.chat == "back") | .customer' "$tmp/rows")" c1
message 5 back 14T12:00:00 customer | put records 1
stream -a "$metrics,histograms,monologues" --part 0/1 --generation 2
collect
is "the monologue" "$(jq -r 'select(.conversation_id == "back" and
	.table == "longest_monologue_parts") | .messages' "$tmp/rows" |
	tail -n 1)" 4

echo "- that a snapshot lacked a chat: it does not come back by itself"
rm -r "$state"
get rows >/dev/null
mark='"snapshot":"s2","at":"2026-01-15T09:01:00Z"'
{
	chat lost 15T09:00:00 '"status":"open","operator":"7"'
	line snapshot "$mark,\"state\":\"begin\""
	line snapshot "$mark,\"state\":\"end\",\"records\":0"
	chat kept 15T09:02:00 '"status":"open","operator":"7"'
} | put records 1
stream -a "$metrics"
exported . >"$tmp/export"
is "the snapshot" "$(jq -r 'select(.chat == "lost") | .absent_at // empty' \
	"$tmp/export")" "2026-01-15T09:01:00.000Z"
rm -r "$state" "$tmp/rows"
get rows >/dev/null
put records 1 <"$tmp/export"
stream -a "$metrics" --part 0/1 --generation 3
collect
is "open chats" "$(jq -r 'select(.table == "chat_metrics" and
	.status == "open") | .chat' "$tmp/rows" | sort -u)" kept

echo "- and a chat of which nothing came before: it does not come with a message"
rm "$tmp/rows"
message 1 late 15T09:00:30 customer | put records 1
message 1 new 15T09:01:30 customer | put records 1
stream -a "$metrics" --part 0/1 --generation 3
collect
is "open chats" "$(jq -r 'select(.table == "chat_metrics" and
	.status == "open") | .chat' "$tmp/rows" | sort -u)" new

echo "- limits, and the limits and tags of operators and chats"
rm -r "$state"
assigning() {
	stream -a "$metrics,allocation" --assign-to queue:assignments
}
{
	line limit '"max_chats":3,"at":"2026-01-14T08:00:00Z"'
	line limit '"operator":"7","max_chats":1,"at":"2026-01-15T08:00:00Z"'
	line limit '"operator":"8","channel":"w","max_chats":0'
	line operator '"operator":"7","available":true,"max_chats":9'
	line operator '"operator":"8","available":true,"max_chats":2,"tags":"de,en"'
	chat held 15T10:00:00 '"status":"open","operator":"7","tags":"de"'
} | put records 1
assigning
exported . >"$tmp/export"
is "the limits" "$(jq -r 'select(.type == "limit")
	| [.operator, .channel, .max_chats, .at] | join(",")' "$tmp/export" | sort)" \
	",,3,2026-01-14T08:00:00.000Z
7,,1,2026-01-15T08:00:00.000Z
8,w,0,"
is "what only allocation knows" "$(jq -r 'select(.tags or (.type == "operator"
	and .max_chats)) | [.type, .operator, .max_chats, .tags] | join("/")' \
	"$tmp/export" | sort)" "chat/7//de
operator/7/9/
operator/8/2/de,en"
rm -r "$state"
put records 1 <"$tmp/export"
assigning
{
	chat n1 15T11:00:01 '"status":"open"'
	chat n2 15T11:00:02 '"status":"open","tags":"en"'
	chat n3 15T11:00:03 '"status":"open","channel":"w"'
	chat n4 15T11:00:04 '"status":"open"'
	chat n5 15T11:00:05 '"status":"open"'
	chat held 15T11:00:06 '"status":"open"'
} | put records 1
assigning
is "who is assigned what" "$(get assignments | jq -r '"\(.chat)>\(.operator)"' |
	paste -s -d ' ')" "held>8 n1>7 n2>8"
is "dead letters" "$(get records.dead)" ""

echo "- what messages told allocation: who has a chat, and whether it is open"
mark='"snapshot":"s3","at":"2026-01-10T10:30:00Z"'
told_chats() { # SUFFIX AT ID...: pending ones, but for held and shut
	local suffix=$1 at=$2 id status
	shift 2
	for id; do
		status=pending
		case $id in held | shut) status=open ;; esac
		chat "$id.$suffix" "$at" "\"status\":\"$status\""
	done
}
{
	line operator '"operator":"7","available":false'
	chat lost 10T10:00:00 '"status":"open"'
	chat again 10T10:00:00 '"status":"open","operator":"7"'
	line snapshot "$mark,\"state\":\"begin\""
	line snapshot "$mark,\"state\":\"end\",\"records\":0"
	# Of these nothing is younger than the window.
	told_chats old 10T11:00:00 bot asked opened held shut
	message 1 bot.old 10T11:00:01 customer
	message 1 asked.old 10T11:00:03 system ',"kind":"handoff"'
	message 2 asked.old 10T11:00:04 customer ',"channel":"w"'
	message 1 opened.old 10T11:00:05 system ',"kind":"opened"'
	message 1 held.old 10T11:00:01 system ',"kind":"assigned","operator":"7"'
	message 1 shut.old 10T11:00:01 system ',"kind":"closed"'
	message 2 shut.old 11T11:00:00 operator ',"private":true'
	for at in 11:00:01 11:00:09; do
		message "m$at" first.old "10T$at" customer
	done
	# Was it silent? Not with the messages that are not kept.
	chat back 10T12:00:00 '"status":"closed","operator":"7"'
	message 1 back 11T11:00:00 operator ',"private":true'
	message 3 shut.old 12T08:00:00 operator ',"private":true'
	message 2 back 12T08:00:01 operator ',"private":true'
	message 3 back 13T08:00:00 customer
	message 1 again 13T08:00:01 customer
	told_chats new 13T09:00:00 bot asked held shut
	message 1 bot.new 13T09:00:01 customer
	message 1 asked.new 13T09:00:01 system ',"kind":"handoff"'
	message 2 asked.new 13T09:00:02 customer ',"channel":"w"'
	message 1 held.new 13T09:00:01 system ',"kind":"assigned","operator":"7"'
	message 1 shut.new 13T09:00:01 system ',"kind":"closed"'
	chat none 13T10:00:00 '"status":"closed"'
} >"$tmp/told"
given() { # FILE...: to the operator who comes after the records of all
	local file
	rm -rf "$state"
	for file; do
		put records 1 <"$file"
		assigning
	done
	is "assigned before anybody comes" "$(get assignments)" ""
	exported . >"$tmp/export"
	{
		line limit '"channel":"w","max_chats":1'
		line operator '"operator":"8","available":true,"max_chats":99'
		message 1 unseen 14T10:29:59 customer
	} | put records 1
	assigning
	get assignments | jq -r '"\(.chat)>\(.operator)"' | paste -s -d ' '
}
everywhere() { # WANT [LINES]: of the export that was cut, half of it
	local lines
	is "given by the aggregator that read them" "$(given "$tmp/told")" "$1"
	cp "$tmp/export" "$tmp/first"
	is "given by one of the next generation" "$(given "$tmp/first")" "$1"
	is "by one of that after the next" "$(given "$tmp/export")" "$1"
	is "where the export came twice" \
		"$(given "$tmp/first" "$tmp/first")" "$1"
	lines=${2:-$(($(wc -l <"$tmp/first") / 2))}
	head -n "$lines" "$tmp/first" >"$tmp/cut"
	is "where it was cut after record $lines first" \
		"$(given "$tmp/cut" "$tmp/first")" "$1"
	is "dead letters" "$(get records.dead)" ""
}
everywhere "first.old>8 asked.old>8 opened.old>8 again>8 unseen>8"

echo "- and that a snapshot lacked a chat of which it knows nothing"
mark='"snapshot":"s4","at":"2026-01-14T10:30:00Z"'
{
	line operator '"operator":"7","available":false'
	chat back 14T10:00:00 '"status":"open"'
	line snapshot "$mark,\"state\":\"begin\""
	line snapshot "$mark,\"state\":\"end\",\"records\":0"
	message 1 back 14T10:31:00 customer
} >"$tmp/told"
everywhere "back>8"

echo "- cut off anywhere while it is read: nobody gets one chat too many"
rm -r "$state"
{
	line operator '"operator":"7","available":true,"max_chats":1'
	chat 1 15T09:00:00 '"status":"pending"'
	chat 2 15T09:00:01 '"status":"open","operator":"7"'
	chat 1 15T09:00:02 '"status":"open"'
} | put records 1
assigning
exported . >"$tmp/export"
for n in $(seq "$(wc -l <"$tmp/export")"); do
	rm -r "$state"
	head -n "$n" "$tmp/export" | put records 1
	assigning
	is "given after record $n" "$(get assignments)" ""
done

echo "- also where nothing but allocation is selected"
metrics=allocation
{
	line operator '"operator":"7","available":true,"max_chats":1'
	chat 1 15T09:00:00 '"status":"open","operator":"7"'
	chat 2 15T09:00:01 '"status":"open"'
	message 1 3 15T09:00:02 customer
	message 2 3 15T09:00:03 system ',"kind":"assigned","operator":"7"'
} >"$tmp/told"
everywhere "unseen>8 2>8"

echo "- a chat began anew: what it was before does not come back with the rest"
metrics=operators,chats,tenant
mark='"snapshot":"s5","at":"2026-01-13T10:00:00Z"'
{
	line operator '"operator":"7","available":false'
	chat back 13T09:00:00 '"status":"open"'
	chat bot 13T09:00:00 '"status":"pending","operator":"7"'
	line snapshot "$mark,\"state\":\"begin\""
	line snapshot "$mark,\"state\":\"end\",\"records\":0"
	message 1 first 14T10:00:00 customer
	message 1 bot 14T10:00:01 customer
	chat back 14T10:00:02 '"status":"open"'
} >"$tmp/told"
everywhere "first>8 bot>8 back>8 unseen>8"

worlds=${WORLDS:-${LONG:+60}}
seed=${SEED:-$RANDOM}
echo "- random worlds from SEED=$seed on"
for seed in $(seq "$seed" "$((seed + ${worlds:-6} - 1))"); do
	metrics=allocation
	[ $((seed % 2)) = 0 ] || metrics=operators,chats,tenant
	tests/e2e/handover_worlds.py "$seed" >"$tmp/told"
	echo "  SEED=$seed"
	everywhere "$(given "$tmp/told")" $((seed % 50 + 1))
done
