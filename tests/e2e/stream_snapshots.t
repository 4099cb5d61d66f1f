#!/usr/bin/env bash
# Messages of snapshots beside a stream: those that the stream did not know are
# passed on, whatever is killed meanwhile, and those that it knew are not; what
# comes again with another time is not passed on beside the one that did.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'prefetch = 20' 'wait_timeout = 90s'
kills=${KILLS:-12}

# snapshots N [alone]: of the records on stdin, the first so many Nth parts of
# them, or each part alone.
snapshots() {
	python3 -c '
import json, sys
lines = [l for l in sys.stdin if json.loads(l)["type"] in ("chat", "message")]
n = int(sys.argv[1])
for k in range(1, n + 1):
    first = len(lines) * (k - 1) // n if sys.argv[2:] else 0
    some = lines[first: len(lines) * k // n]
    at = max(json.loads(l)["at"] for l in lines[: len(lines) * k // n])
    mark = {"type": "snapshot", "tenant": json.loads(lines[0])["tenant"],
            "snapshot": f"s{k}", "at": at}
    print(json.dumps({**mark, "state": "begin"}))
    for l in some:
        print("{\"snapshot\":\"s%d\"," % k + l[1:], end="")
    print(json.dumps({**mark, "state": "end", "records": len(some)}))
' "$@"
}

# passed WANT [GOT]: the messages among the rows are those of WANT, no others.
passed() {
	tests/e2e/streams.py lines message <"$1" >"$tmp/want"
	tests/e2e/streams.py lines message <"${2:-$tmp/rows}" >"$tmp/got"
	[ -s "$tmp/want" ] || fail "no messages"
	cmp "$tmp/want" "$tmp/got" || fail "other messages were passed on"
}

"$load" -n 6000 --chats 150 --users 60 --tenants 1 --late 0 --gap 500 \
	--seed "${SEED:-$((RANDOM))}" >"$tmp/records"
metrics=operators,chats,users,messages

echo "- kill -9 at any moment: every message of every snapshot comes out"
head -n 3000 "$tmp/records" >"$tmp/half"
snapshots 12 <"$tmp/half" >"$tmp/snapshots"
"$probe" -p -b 50 write queue:records <"$tmp/snapshots" >/dev/null &
writer=$!
for _ in $(seq "$kills"); do
	"$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every "$((RANDOM % 20 + 1))ms" -a "$metrics" \
		2>>"$tmp/log" &
	daemon=$!
	sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
done
wait "$writer"
stream -q
collect
passed "$tmp/half"
letters=$(get records.dead)
[ -z "$letters" ] || fail "dead letters: ${letters:0:600}"

echo "- nor do kills lose one where messages of the broker carry no id"
# Each has messages of its own: they come out, unless it was lost.
awk '!there[$0]++' "$tmp/half" >"$tmp/distinct"
# The broker is killed when it has made all queues: scripts/servers says why.
put plain 1 </dev/null
put others 1 </dev/null
snapshots "$kills" alone <"$tmp/distinct" >"$tmp/plain"
"$TESTBIN/tools/amqp_lines" plain 7 <"$tmp/plain"
for n in $(seq "$((2 * kills))"); do
	"$aggregator" -f queue:plain -t queue:others --state "$tmp/plain.state" \
		--every "$((RANDOM % 20 + 1))ms" -a "$metrics" \
		2>>"$tmp/plain.log" &
	daemon=$!
	sleep "0.$((RANDOM % 2))$((RANDOM % 10))"
	if [ "$n" = 5 ]; then
		"$servers" kill "$tmp/servers" rabbitmq
		"$servers" start "$tmp/servers" rabbitmq
	fi
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
done
expect 0 "$aggregator" -f queue:plain -t queue:others \
	--state "$tmp/plain.state" --every 20ms -a "$metrics" --until-empty
get others >"$tmp/others"
passed "$tmp/distinct" "$tmp/others"
letters=$(get plain.dead)
[ -z "$letters" ] || fail "dead letters: ${letters:0:600}"

echo "- what is known, from wherever, is not passed on again"
rm "$tmp/rows"
sed 's/"s12"/"s13"/g' "$tmp/snapshots" | grep '"s13"' | put records 100
stream -q
collect
! grep -q '"type":"message"' "$tmp/rows" || fail "it was"
tail -n +3001 "$tmp/records" >"$tmp/rest"
put records 100 <"$tmp/rest"
stream -q
collect
passed "$tmp/rest"
snapshots 1 <"$tmp/records" | put records 100
stream -q
collect
passed "$tmp/rest"

echo "- with no other metric asked for, the same"
rm -r "$state" "$tmp/rows"
metrics=messages
snapshots 3 <"$tmp/half" | put records 100
stream -q
collect
passed "$tmp/half"
# What stands in one twice may come out twice.
[ "$(grep -c '"type":"message"' "$tmp/rows")" -le \
	"$(grep -c '"type":"message"' "$tmp/half")" ] ||
	fail "some were passed on with each snapshot"

echo "- one that comes again with another time is the same one"
rm -r "$state" "$tmp/rows"
message() { # AT MORE
	printf '{"type":"message","tenant":"a","id":"1","chat":"c",'
	printf '"from":"customer","at":"2026-11-20T10:%sZ"%s}\n' "$1" "${2:-}"
}
{
	message 00:01
	message 00:01
} >"$tmp/once"
{
	cat "$tmp/once"
	message 00:00
	message 00:02
} | put records 1
edited=',"updated_at":"2026-11-20T11:00:00Z"'
message 00:02 "$edited" | tee -a "$tmp/once" | put records 1
message 00:02 | put records 1
message 00:01 | put records 1
stream -q
collect
sort "$tmp/once" >"$tmp/want"
sort "$tmp/rows" | cmp "$tmp/want" - || fail "not these: $(cat "$tmp/rows")"

echo "- who is no longer listed keeps the name, also for what comes later"
rm -r "$state" "$tmp/rows"
metrics=operators
crew() { # SNAPSHOT SECOND OPERATOR...
	head="\"tenant\":\"a\",\"snapshot\":\"$1\",\"at\":\"2026-11-20T10:00:$2Z\""
	echo "{\"type\":\"snapshot\",$head,\"state\":\"begin\"}"
	for one in "${@:3}"; do
		echo "{\"type\":\"operator\",\"tenant\":\"a\",\"snapshot\":\"$1\",\"operator\":\"$one\",\"name\":\"Name of $one\"}"
	done
	echo "{\"type\":\"snapshot\",$head,\"state\":\"end\",\"records\":$(($# - 2))}"
}
crew s1 01 x y | put records 100
stream -q
crew s2 02 x | put records 100
stream -q
collect
last() { # OPERATOR: its newest row's name
	grep "\"operator\":\"$1\"" "$tmp/rows" | tail -n 1 |
		jq -r '.values.name // .name // "none"'
}
[ "$(last x)" = "Name of x" ] || fail "x is $(last x): $(cat "$tmp/rows")"
[ "$(last y)" = "Name of y" ] || fail "y is $(last y): $(cat "$tmp/rows")"
rm "$tmp/rows"
said() { # ID SECOND FROM USER
	echo "{\"type\":\"message\",\"tenant\":\"a\",\"id\":\"$1\",\"chat\":\"c\",\"at\":\"2026-11-20T10:00:$2Z\",\"from\":\"$3\",\"user\":\"$4\"}"
}
{
	said 1 03 customer c1
	said 2 05 operator y
} | put records 1
stream -q
collect
[ "$(last y)" = "Name of y" ] || fail "y is $(last y): $(cat "$tmp/rows")"

echo "- a snapshot counts where it stands, also among what comes with it"
rm -r "$state" "$tmp/rows"
metrics=operators,tenant
there() { # OPERATOR AVAILABLE
	echo "{\"type\":\"operator\",\"tenant\":\"a\",\"operator\":\"$1\",\"available\":$2}"
}
{
	there x true
	there z true
	crew s1 01 x y
	there y false
	crew s2 02 y
	there z false
} | put records 100
stream -q
collect
is_there() { # OPERATOR: the newest row's
	grep "\"operator\":\"$1\"" "$tmp/rows" | tail -n 1 |
		jq -r 'if has("values") then .values else . end | .available'
}
for pair in x=null y=null z=false; do
	[ "$(is_there "${pair%=*}")" = "${pair#*=}" ] ||
		fail "${pair%=*} is not ${pair#*=}: $(cat "$tmp/rows")"
done
grep '"table":"tenant_metrics"' "$tmp/rows" | tail -n 1 |
	grep -q '"operators":2' || fail "not two: $(cat "$tmp/rows")"

echo "- messages of a snapshot have their own channel, and words"
rm -r "$state" "$tmp/rows"
metrics=channels,trends
head='"tenant":"a","snapshot":"s1"'
{
	echo "{\"type\":\"snapshot\",$head,\"state\":\"begin\",\"at\":\"2026-11-20T10:05:00Z\"}"
	echo "{\"type\":\"chat\",$head,\"chat\":\"c\",\"status\":\"open\",\"channel\":\"mail\",\"at\":\"2026-11-20T10:05:00Z\"}"
	for one in 1 2 3; do
		echo "{\"type\":\"message\",$head,\"chat\":\"c\",\"id\":\"$one\",\"at\":\"2026-11-20T10:00:0${one}Z\",\"from\":\"customer\",\"user\":\"u\",\"channel\":\"web\",\"text\":\"invoice $one\"}"
	done
	echo "{\"type\":\"snapshot\",$head,\"state\":\"end\",\"at\":\"2026-11-20T10:05:00Z\",\"records\":4}"
} | put records 100
stream -q
collect
grep '"table":"trends"' "$tmp/rows" | grep '"word":"invoice"' |
	grep -q '"occurrences":3' || fail "no words: $(cat "$tmp/rows")"
grep '"table":"channel_metrics"' "$tmp/rows" |
	grep '"channel":"web"' | grep -q '"messages":3' ||
	fail "another channel: $(cat "$tmp/rows")"
! grep '"table":"channel_metrics"' "$tmp/rows" | grep -q '"channel":"mail"' ||
	fail "that of the chat: $(cat "$tmp/rows")"

echo "- a chat without a time is as of its snapshot, whatever lacked it before"
metrics=operators,chats,tenant,allocation
listing() { # SNAPSHOT SECOND CHAT...: open ones; CHAT may be a chat's fields
	local head="\"tenant\":\"a\",\"snapshot\":\"$1\"" one
	local mark="\"type\":\"snapshot\",$head,\"at\":\"2026-11-20T10:00:$2Z\""
	echo "{$mark,\"state\":\"begin\"}"
	for one in "${@:3}"; do
		echo "{\"type\":\"chat\",$head,\"chat\":\"$one\",\"status\":\"open\"}"
	done
	echo "{$mark,\"state\":\"end\",\"records\":$(($# - 2))}"
}
held='held","operator":"7'
opened='opened","operator":"7","opened_at":"2026-11-20T09:00:00Z'
closed='{"type":"message","tenant":"a","chat":"free","id":"1","from":"system","kind":"closed","at":"2026-11-20T10:00:01Z"}'
counted() { # SNAPSHOT...: files, each after a flush; open, unassigned, given
	local file
	rm -rf "$state"
	get rows >/dev/null
	for file; do
		put records 1 <"$file"
		stream -q --assign-to queue:assignments
	done
	echo '{"type":"operator","tenant":"a","operator":"8","available":true}' |
		put records 1
	stream -q --assign-to queue:assignments
	get rows | jq -rs 'map(select(.table == "tenant_metrics")) | last |
		"\(.open_chats) \(.unassigned_chats)"'
	get assignments | jq -r .chat
}
{
	echo "$closed"
	listing s2 02
} >"$tmp/none"
listing s3 03 "$held" "$opened" free >"$tmp/some"
listing s4 04 "$held" >"$tmp/one"
got() { # WANT FILE...
	local want=$1 is
	shift
	is=$(counted "$@" | paste -s -d ' ')
	[ "$is" = "$want" ] || fail "after $* it is '$is', not '$want'"
}
got "3 1 free" "$tmp/none" "$tmp/some"
got "3 1 free" "$tmp/some" "$tmp/none"
got "1 0" "$tmp/none" "$tmp/some" "$tmp/one"
got "1 0" "$tmp/one" "$tmp/some" "$tmp/none"
