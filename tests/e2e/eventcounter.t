#!/usr/bin/env bash
# The event counter against the original's contract: its exchange, queue,
# binding, keys and bodies; files equal as JSON to those its generator expects,
# with duplicates, garbage, an empty queue, messages that trickle, kill -9 in
# the middle, and a broker that goes away.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
settings 'wait_timeout = 40s'
aggregator=$BIN/aggregator
publisher=$TESTBIN/tools/event_publisher
queue=eventcountertest

publish() { # FOLDER OPTION...: the files that are to come are there
	mkdir -p "$tmp/$1"
	"$publisher" -d -e eventcountertest -o "$tmp/$1" "${@:2}" >"$tmp/sent" ||
		fail "nothing was published"
}

consume() { # FOLDER OPTION...
	expect 0 timeout 600 "$aggregator" --input eventcounter \
		-f "queue:$queue" --exchange eventcountertest \
		--json-dir "$tmp/$1" --idle-exit "${idle:-1s}" "${@:2}"
	[ "$(waiting $queue)" = 0 ] || fail "not all was acknowledged"
}

same() { # FOLDER FOLDER: equal as JSON, file by file
	python3 - "$tmp/$1" "$tmp/$2" <<-'END' || fail "$1 is not $2"
	import json, os, sys
	def read(folder):
	    return {f: json.load(open(os.path.join(folder, f)))
	            for f in os.listdir(folder)}
	want, got = map(read, sys.argv[1:])
	for f in sorted(set(want) | set(got)):
	    if want.get(f) != got.get(f):
	        print(f, want.get(f), got.get(f), sep="\n")
	        sys.exit(1)
	END
}

letters() { # what is dead, emptied
	"$probe" -e read "queue:$queue.dead" | cut -f 2-
}

echo "- a queue that is not there is made, and an empty one ends it"
start=$(date +%s%N)
consume none
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 1000 ] || fail "it ended after $took ms already"
[ -z "$(ls -A "$tmp/none")" ] || fail "files of nothing"
ctl -p messaging list_queues name durable type arguments | grep "^$queue	" >"$tmp/is"
printf '%s\ttrue\tclassic\t[]\n' $queue | diff - "$tmp/is"
ctl -p messaging list_exchanges name type durable | grep -c \
	'^eventcountertest	topic	true' >/dev/null || fail "another exchange"

echo "- 100 messages"
publish want100 -n 100
consume got100
same want100 got100
[ "$(stat -c %a "$tmp"/got100/*.json | sort -u)" = 644 ] || fail "the mode"
python3 - "$tmp/got100/created.json" <<-'END' || fail "another layout"
import json, sys
text = open(sys.argv[1]).read()
sys.exit(text != json.dumps(json.loads(text), indent=2, sort_keys=True))
END
[ -z "$(find "$tmp/got100" -type f ! -name '[a-z]*.json')" ] ||
	fail "a file was left there"

echo "- another run counts anew; what did not occur stays as it is"
publish want3 -n 3 -s 4 -u 1
cp -r "$tmp/got100" "$tmp/expect3"
cp "$tmp"/want3/*.json "$tmp/expect3"
consume got100
same expect3 got100

echo "- duplicates, garbage and what has no id"
publish wantbad -n 2000 -a 20 -g 20 -s 7
consume gotbad
same wantbad gotbad
letters >"$tmp/letters"
garbage=$(sed 's/.*garbage=//' "$tmp/sent")
[ "$garbage" -gt 300 ] || fail "too little garbage to be a test"
[ "$(wc -l <"$tmp/letters")" = "$garbage" ] || fail "$garbage letters are due"
jq -r .reason "$tmp/letters" | sort -u >"$tmp/reasons"
for reason in 'the body has no id' 'the id is not a string' 'not valid UTF-8' \
	"'renamed' is no type of event; there are created, updated and deleted" \
	"'' is no type of event; there are created, updated and deleted" \
	"the routing key '$queue' is not USER.event.TYPE" \
	"the routing key '.event.created' is not USER.event.TYPE" \
	'the routing key is no text' 'not a JSON object' 'an empty line'; do
	grep -qxF "$reason" "$tmp/reasons" || fail "nothing says: $reason"
done
jq -es 'any(.where == "message without id key user_a.event.renamed" and
	.record == "{\"id\":\"r\"}")' "$tmp/letters" >/dev/null || fail "no origin"

echo "- 100,000 messages"
publish want100k -n 100000 -u 1000 -a 1 -s 3
start=$(date +%s%N)
consume got100k -v
took=$((($(date +%s%N) - start) / 1000000 - 1000))
echo "  in $took ms"
same want100k got100k
grep -q "events_counted $(sed 's/garbage.*//' "$tmp/sent")" "$tmp/err" ||
	fail "it says: $(cat "$tmp/err"), not $(cat "$tmp/sent")"

echo "- messages that trickle keep it alive"
(publish wanttrickle -n 30 -r 3 -s 5) &
one_waits() {
	[ "$(waiting $queue)" -gt 0 ]
}
# Or on a busy machine the reader is gone before the first one comes.
until_true 60 one_waits || fail "nothing is published"
idle=6s consume gottrickle
wait $!
same wanttrickle gottrickle

echo "- a queue that is slower than --idle-exit is not taken for an empty one"
# The broker itself waits for the reader, holds the queue's process until all
# has come to it and --idle-exit is over, and lets it go on.
on_queue $queue "P = amqqueue:get_pid(Q),
	Until = fun(F, True) -> case True() of
		true -> ok;
		false -> timer:sleep(10), F(F, True) end end,
	ok = file:write_file(\"$tmp/waits\", <<>>),
	Until(Until, fun() -> rabbit_amqqueue:consumers(Q) =/= [] end),
	sys:suspend(P),
	ok = file:write_file(\"$tmp/suspended\", <<>>),
	timer:sleep(3000),
	Until(Until, fun() ->
		element(2, process_info(P, message_queue_len)) >= 20 end),
	sys:resume(P)" >/dev/null &
holding=$!
until_true 60 test -e "$tmp/waits" || fail "the broker does not wait"
"$aggregator" --input eventcounter -f queue:$queue --idle-exit 2s \
	--json-dir "$tmp/gotslow" --exchange eventcountertest &
slow=$!
until_true 60 test -e "$tmp/suspended" || fail "the queue was not suspended"
mkdir "$tmp/wantslow"
"$publisher" -e eventcountertest -o "$tmp/wantslow" -n 20 -s 13 >"$tmp/sent" ||
	fail "nothing was published"
wait $holding || fail "the queue was not held"
wait $slow || fail "it gave $?"
same wantslow gotslow

echo "- SIGTERM writes the files, too"
publish wantterm -n 50 -s 6
"$aggregator" --input eventcounter -f queue:$queue --json-dir "$tmp/gotterm" \
	--exchange eventcountertest &
nothing_ready() {
	# A grep that ends with the first line would be an error of ctl.
	ctl -p messaging list_queues name messages_ready messages_unacknowledged |
		grep "^$queue	0	[1-9]" >/dev/null
}
until_true 60 nothing_ready || fail "it does not read"
kill $!
wait $! || fail "SIGTERM gave $?"
same wantterm gotterm

echo "- without a state a killed run has counted nothing, and nothing is lost"
publish wantkill -n 3000 -s 8 -a 10
"$aggregator" --input eventcounter -f queue:$queue --json-dir "$tmp/gotkill" \
	--exchange eventcountertest &
until_true 60 nothing_ready || fail "it does not read"
kill -9 $!
wait $! || :
[ -z "$(ls -A "$tmp/gotkill")" ] || fail "a file came before the end"
consume gotkill
same wantkill gotkill

echo "- with one, kill -9 at any moment, and messages that come meanwhile"
(publish wantstate -n 60000 -u 50 -a 10 -g 1 -s 9 -r 8000) &
publishing=$!
kills=0
while kill -0 $publishing 2>/dev/null; do
	"$aggregator" --input eventcounter -f queue:$queue \
		--exchange eventcountertest --state "$tmp/state" \
		-t "$tmp/rows.$kills" &
	sleep "0.$((RANDOM % 8 + 1))"
	kill -9 $! 2>/dev/null && kills=$((kills + 1))
	wait $! || :
done
wait $publishing
[ $kills -ge 5 ] || fail "only $kills kills"
consume gotstate --state "$tmp/state" -t "$tmp/rows.last"
same wantstate gotstate
echo "  $kills kills"

echo "- its rows are full values, with growing versions"
# A killed run leaves its last line cut: the next one writes the row again.
cat "$tmp"/rows.* | jq -cR 'fromjson? | select(.table == "event_counts")' |
	python3 -c '
import json, os, sys
newest, want = {}, {}
for line in sys.stdin:
    r = json.loads(line)
    assert r["tenant"] == "default" and r["type"] == "row", line
    key = r["event"], r["user"]
    if key not in newest or newest[key]["version"] <= r["version"]:
        newest[key] = r
for t in "created", "updated", "deleted":
    for user, n in json.load(open(sys.argv[1] + "/%s.json" % t)).items():
        want[t, user] = n
assert {k: r["count"] for k, r in newest.items()} == want' \
	"$tmp/wantstate" || fail "other rows"

echo "- the state is of all runs, and serves one purpose"
publish wantmore -n 500 -s 10 -u 50
consume gotstate --state "$tmp/state"
python3 - "$tmp" <<-'END' || fail "the second run did not go on"
import json, sys
for t in "created", "updated", "deleted":
    a, b, got = (json.load(open("%s/%s/%s.json" % (sys.argv[1], d, t)))
                 for d in ("wantstate", "wantmore", "gotstate"))
    assert got == {u: a.get(u, 0) + b.get(u, 0) for u in set(a) | set(b)}
END
printf '[amqp]\nwait_timeout = 40s\n[aggregator]\nwindow = 2h\n' >"$tmp/conf"
expect 78 "$aggregator" --input eventcounter -f queue:$queue \
	--json-dir "$tmp/gotstate" --state "$tmp/state"
says "was made with --window"
settings 'wait_timeout = 40s'

echo "- few addresses"
# The sanitizer reserves far more than it uses.
if ! grep -q __asan_init "$aggregator"; then
	publish wantfew -n 3000 -s 21
	(
		ulimit -v 500000
		expect 75 "$aggregator" --input eventcounter -f queue:$queue \
			--exchange eventcountertest --json-dir "$tmp" \
			--state "$tmp/statefew"
		says "it needs 512 MiB of addresses"
	)
	(
		ulimit -v 700000
		consume gotfew --state "$tmp/statefew"
	)
	same wantfew gotfew
fi

echo "- stopped while nobody takes its rows: the next run writes them"
publish wantrows -n 50 -s 14
"$aggregator" --input eventcounter -f queue:$queue \
	--exchange eventcountertest --state "$tmp/state3" \
	-t "unix:$tmp/nobody" 2>"$tmp/err" &
counter=$!
until_true 20 grep -q 'nobody reads' "$tmp/err" || fail "it waits for no reader"
until_true 60 nothing_ready || fail "it does not read"
sleep 0.5 # its commit is due after a tenth of a second
kill $counter
wait $counter || fail "SIGTERM gave $?"
consume gotrows --state "$tmp/state3" -t "$tmp/rows.nobody"
same wantrows gotrows
is=$(jq -s 'map(select(.table == "event_counts").count) | add' \
	"$tmp/rows.nobody")
[ "$is" = 50 ] || fail "rows of $is events, not of 50"

echo "- a broker that goes away is waited for, longer than for messages"
publish wantback -n 10 -s 11
settings 'wait_timeout = 10m' # a busy machine starts a broker in minutes
"$aggregator" --input eventcounter -f queue:$queue \
	--exchange eventcountertest --json-dir "$tmp/gotback" \
	--state "$tmp/state2" --idle-exit 40s &
counter=$!
until_true 20 none_waits $queue || fail "it does not read"
"$servers" restart "$tmp/servers" rabbitmq
publish wantback2 -n 10 -s 12
wait $counter || fail "it gave up: $?"
settings 'wait_timeout = 40s'
python3 - "$tmp" <<-'END' || fail "what came after the restart was not counted"
import glob, json, sys
def total(folder):
    return sum(sum(json.load(open(f)).values())
               for f in glob.glob("%s/%s/*.json" % (sys.argv[1], folder)))
assert total("gotback") == 20, total("gotback")
END

echo "- the script does what the original's make targets did"
script() {
	TESTBIN=$TESTBIN scripts/eventcounter -b "$BIN" -d "$tmp/data" "$@"
}
script env-up publish consume compare >"$tmp/out" || fail "it failed: $?"
grep -q '^events=100 ' "$tmp/out" || fail "not 100: $(cat "$tmp/out")"
tail -n 1 "$tmp/out" | grep -qx 'as expected' || fail "it does not compare"
echo '{"user_a": 1}' >"$tmp/data/counted/created.json"
expect 1 script compare
[ ! -d "$tmp/data/servers" ] || fail "a broker of its own beside the given one"
cp -R scripts "$tmp/scripts"
expect 69 env TESTBIN="$tmp" AMQP_URL= \
	"$tmp/scripts/eventcounter" -d "$tmp/own"
says 'cannot find the publisher; .* make eventcounter builds it'
[ ! -e "$tmp/own" ] || fail "a broker for nothing"
make -n eventcounter B="$tmp/build" SKIP_DEPS=1 >"$tmp/out" ||
	fail "make eventcounter: $(cat "$tmp/out")"
grep -q -- "-d $tmp/build/eventcounter" "$tmp/out" || fail "$(cat "$tmp/out")"

echo "- what is asked for must make sense"
run() {
	"$aggregator" --input eventcounter "$@"
}
expect 64 run -f "$tmp/file" --json-dir "$tmp"
says 'input eventcounter is for -f queue:NAME'
expect 64 run -f queue:x
says 'where to\? give --json-dir DIR, or -t TO for rows'
expect 64 run -f queue:x --json-dir "$tmp" --tenant 'a b'
says "'a b' names no tenant"
expect 64 run -f queue:x --json-dir "$tmp" --exchange 'a b'
says "'a b' names no exchange"
expect 64 "$aggregator" --json-dir "$tmp"
says 'json-dir is for --input eventcounter'
expect 64 "$aggregator" --input other
says "unknown input 'other'; there is eventcounter"
touch "$tmp/file"
expect 73 run -f queue:x --json-dir "$tmp/file"
says "cannot write into --json-dir '.*/file': Not a directory"
expect 73 run -f queue:x --json-dir "$tmp/no/folder"
says "cannot write into --json-dir '.*/no/folder': No such file or directory"
