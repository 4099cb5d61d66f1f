#!/usr/bin/env bash
# Messages of snapshots beside a stream: those that the stream did not know are
# passed on, whatever is killed meanwhile, and those that it knew are not; what
# comes again with another time is not passed on beside the one that did.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'prefetch = 20' 'patience = 20s'
kills=${KILLS:-12}

# snapshots N: of the records on stdin, the first so many Nth parts of them.
snapshots() {
	python3 -c '
import json, sys
lines = [l for l in sys.stdin if json.loads(l)["type"] in ("chat", "message")]
n = int(sys.argv[1])
for k in range(1, n + 1):
    some = lines[: len(lines) * k // n]
    at = max(json.loads(l)["at"] for l in some)
    mark = {"type": "snapshot", "tenant": json.loads(lines[0])["tenant"],
            "snapshot": f"s{k}", "at": at}
    print(json.dumps({**mark, "state": "begin"}))
    for l in some:
        print("{\"snapshot\":\"s%d\"," % k + l[1:], end="")
    print(json.dumps({**mark, "state": "end", "records": len(some)}))
' "$1"
}

# passed WANT: the messages among the rows are those of WANT, and no others.
passed() {
	tests/e2e/streams.py lines message <"$1" >"$tmp/want"
	tests/e2e/streams.py lines message <"$tmp/rows" >"$tmp/got"
	[ -s "$tmp/want" ] || fail "no messages"
	cmp "$tmp/want" "$tmp/got" || fail "other messages were passed on"
}

"$load" -n 6000 --chats 150 --users 60 --tenants 1 --late 0 --gap 500 \
	--seed "${SEED:-$((RANDOM))}" >"$tmp/records"
figures=operators,chats,users,messages

echo "- kill -9 at any moment: every message of every snapshot comes out"
head -n 3000 "$tmp/records" >"$tmp/half"
snapshots 12 <"$tmp/half" >"$tmp/snapshots"
"$probe" -p -b 50 write queue:records <"$tmp/snapshots" >/dev/null &
writer=$!
for _ in $(seq "$kills"); do
	"$aggregator" -f queue:records -t queue:rows --state "$state" \
		--every "$((RANDOM % 20 + 1))ms" -a "$figures" \
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

echo "- with no other figure asked for, the same"
rm -r "$state" "$tmp/rows"
figures=messages
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

echo "- who is no longer listed is told of once more, without a name"
rm -r "$state" "$tmp/rows"
figures=operators
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
[ "$(last y)" = none ] || fail "y is $(last y): $(cat "$tmp/rows")"
grep -q "Name of y" "$tmp/rows" || fail "y was never named"
