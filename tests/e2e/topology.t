#!/usr/bin/env bash
# scripts/topology and exchange:NAME: chats are spread over queues and never
# split, each in order; what concerns all comes to all; a new number of queues
# loses nothing while somebody writes; what is in use is not removed.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export AMQP_URL MYSQL_URL
"$BIN/sink" --migrate
settings 'wait_timeout = 40s' 'prefetch = 500'
topology() {
	scripts/topology -b "$BIN" "$@"
}

# stream FROM TO [PAUSE]: messages of 3,000 chats and two tenants, numbered,
# views and events among them; after each thousand a pause.
stream() {
	python3 - "$@" <<-'END'
	import sys, time
	first, last = int(sys.argv[1]), int(sys.argv[2])
	pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0
	for i in range(first, last + 1):
	    chat = i * 7919 % 3000
	    head = '"tenant":"%s","at":"2026-11-20T10:00:00Z"' % (
	        "one" if chat % 3 else "two")
	    kind = i % 10
	    if kind == 0:
	        print('{"type":"view","n":%d,%s,"message":"%d","chat":"%d"}'
	              % (i, head, i, chat))
	    elif kind == 1:
	        print('{%s,"type":"event","n":%d,"chat":"%d","user":"u"}'
	              % (head, i, chat))
	    else:
	        print('{"type":"message","n":%d,%s,"chat":"%d","id":"%d"}'
	              % (i, head, chat, i))
	    if pause and i % 1000 == 0:
	        sys.stdout.flush()
	        time.sleep(pause)
	END
}

take() { # QUEUE: "id TAB line" of all that waits in it
	"$probe" -e read "queue:$1"
}

echo "- writing to a missing exchange fails and says so"
expect 78 "$probe" write exchange:records </dev/null
says "there is no exchange 'records'.*scripts/topology"
expect 64 "$probe" read exchange:records
says "can be written to only"
expect 65 topology --list
says "there is no 'records.g1'; make it with -n N"

echo "- three queues"
topology -n 3 >"$tmp/queues"
printf 'records.g1.%d\n' 0 1 2 | diff - "$tmp/queues"
topology --list | diff "$tmp/queues" - || fail "another list"
topology -n 3 | diff "$tmp/queues" - || fail "a second time is not the same"
ctl -p messaging list_queues name type >"$tmp/queues"
grep -qx 'records.g1.2.dead	quorum' "$tmp/queues" || fail "no dead letters"

echo "- a chat is in one queue, in order; what concerns all is in all"
{
	echo '{"type":"snapshot","tenant":"one","state":"begin","snapshot":"s"}'
	stream 1 20000
	echo '{"type":"operator","tenant":"one","operator":"5"}'
	stream 20001 40000
	echo '{"type":"something new","tenant":"one","chat":"1"}'
} | "$probe" -b 3000 write exchange:records >/dev/null
for q in 0 1 2; do
	take records.g1.$q | cut -f 2- >"$tmp/part.$q"
done
python3 - "$tmp"/part.? <<-'END' || fail "not spread as it should be"
import json, sys
queue_of, last, numbers = {}, {}, []
for path in sys.argv[1:]:
    for_all = []
    for line in open(path):
        r = json.loads(line)
        if "n" not in r:
            for_all.append(r["type"])
            continue
        numbers.append(r["n"])
        chat = r["tenant"], r["chat"]
        assert queue_of.setdefault(chat, path) == path, (chat, "is split")
        assert last.get(chat, 0) < r["n"], (chat, "is out of order")
        last[chat] = r["n"]
    assert for_all == ["snapshot", "operator", "something new"], for_all
assert sorted(numbers) == list(range(1, 40001)), len(numbers)
chats = [list(queue_of.values()).count(path) for path in sys.argv[1:]]
print("  chats a queue:", chats)
assert min(chats) > 300, chats
END

echo "- a chat stays in its queue when the broker comes back"
where() {
	stream 1 6000 | "$probe" -p -b 3000 write exchange:records >/dev/null
	for q in 0 1 2; do
		take records.g1.$q | cut -f 2- | sed "s/^/$q /" | sort -u
	done
}
where >"$tmp/before"
"$servers" kill "$tmp/servers" rabbitmq
"$servers" start "$tmp/servers" rabbitmq
where >"$tmp/after"
cmp "$tmp/before" "$tmp/after" || fail "some went to another one"

echo "- each message on the wire holds one bucket"
for chat in 1 2 1 2; do
	echo "{\"type\":\"message\",\"tenant\":\"one\",\"chat\":\"$chat\",\"id\":\"1\"}"
done | "$probe" write exchange:records >/dev/null
for q in 0 1 2; do
	take records.g1.$q
done | sed 's/"id":.*//' >"$tmp/is"
[ "$(wc -l <"$tmp/is")" = 4 ] || fail "not all four: $(cat "$tmp/is")"
[ "$(sort -u "$tmp/is" | wc -l)" = "$(cut -f 1 "$tmp/is" | sort -u | wc -l)" ] ||
	fail "mixed: $(cat "$tmp/is")"

echo "- another number while somebody writes: all in one generation or the other"
stream 1 60000 0.05 | "$probe" -p -b 500 write exchange:records >"$tmp/log" &
writer=$!
confirmed() {
	[ "$(wc -l <"$tmp/log")" -ge "$1" ]
}
until_true 30 confirmed 20 || fail "nothing is written"
expect 75 topology -n 2
says "is not empty; let its reader finish, and try again"
[ -d /proc/$writer ] || fail "it was not a switch under way"
for q in records.g1.0 records.g1.1 records.g1.2; do
	take $q | sed "s/^/$q	/"
done >"$tmp/both"
"$probe" -p read queue:records.g1.1 >/dev/null &
reader=$!
is_read() {
	ctl -p messaging list_queues name consumers | grep -cx 'records.g1.1	1' >/dev/null
}
until_true 20 is_read || fail "no reader"
expect 75 topology -n 2
says "'records.g1.1' has a reader; end it first"
kill $reader
wait $reader || :
topology -n 2 >"$tmp/queues"
printf 'records.g2.%d\n' 0 1 | diff - "$tmp/queues"
wait $writer || fail "the writer gave up: $?"
[ "$(tail -n 1 "$tmp/log")" = "confirmed 60000" ] || fail "not all was confirmed"
for q in records.g2.0 records.g2.1; do
	take $q | sed "s/^/$q	/"
done >>"$tmp/both"
python3 - "$tmp/both" <<-'END' || fail "the switch lost or doubled something"
import json, sys
ids, generations, where = {}, set(), {}
for line in open(sys.argv[1]):
    queue, message, text = line.rstrip("\n").split("\t", 2)
    r = json.loads(text)
    # What was not confirmed may come again, by the same id.
    assert ids.setdefault(r["n"], message) == message, line
    generations.add(queue.split(".")[1])
    key = queue.split(".")[1], r["tenant"], r["chat"]
    assert where.setdefault(key, queue) == queue, (line, "is split")
assert sorted(ids) == list(range(1, 60001)), len(ids)
assert generations == {"g1", "g2"}, generations
END

ctl -p messaging list_queues name >"$tmp/names"
grep -q '^records\.g2' "$tmp/names" || fail "$(cat "$tmp/names")"
! grep '^records\.g1' "$tmp/names" || fail "it stays"
topology --list | diff "$tmp/queues" - || fail "it is not the newest one"
[ "$(echo 'SELECT generation, parts FROM generations' |
	"$servers" mysql "$tmp/servers" messaging -N -B)" = "2	2" ] ||
	fail "the database was not told"

echo "- by hand: what would be done"
topology -p x -n 1 --print >"$tmp/plan"
for bucket in $(seq 0 63); do
	grep -qx "bind x.g1 x.g1.0 $bucket" "$tmp/plan" ||
		fail "bucket $bucket has no queue"
done
diff - <(grep -Ev ' x.g1.0 [0-9]+$' "$tmp/plan") <<-'END' ||
exchange x.g1 direct
queue x.g1.0
exchange x.g1.all fanout
bind x.g1.all x.g1.0 all
exchange x fanout
exchange x.all fanout
pass x x.g1
pass x.all x.g1.all
END
	fail "another plan"
"$BIN/aggregator" --declare -f "$tmp/plan"
"$BIN/aggregator" --declare <"$tmp/plan"
echo '{"type":"message","tenant":"t","chat":"1"}' |
	"$probe" write exchange:x >/dev/null
[ "$(take x.g1.0 | wc -l)" = 1 ] || fail "the plan does not work"
rc=0
topology -p x -n 1 --print >/dev/full 2>"$tmp/err" || rc=$?
[ "$rc" = 74 ] || fail "nowhere to write: $rc $(cat "$tmp/err")"
plan() {
	printf '%s\n' "$@" | "$BIN/aggregator" --declare
}
expect 65 plan 'queue a' 'bind a'
says "line 2: 'bind' is nothing that can be done, or has other words behind it"
expect 65 plan 'queue a b/c'
expect 65 plan 'exchange a/b fanout'
says "'a/b' is not a name"
expect 78 plan 'exchange x topic'
says "line 1: cannot make exchange 'x'.*delete or change what is in the way"
expect 78 plan 'exchange y x-no-such-type'
says 'unknown exchange type'

echo "- cut off at any line, and run again, perhaps with another number of queues"
bound() { # GENERATION: its bindings, and whose queues are there
	ctl -p messaging list_bindings source_name destination_name routing_key |
		grep "^cut.g$1[.	]" | sort
	ctl -p messaging list_queues name | grep "^cut.g$1[.]" | sort
}
cut_off() { # LINES N
	topology -p cut -n "$2" --print | sed -n "1,$1p" |
		"$BIN/aggregator" --declare
}
topology -p cut -n 2 >/dev/null
bound 1 >"$tmp/wanted"
for cut in "3 3" "60 3" "65 1"; do
	{
		ctl -p messaging list_queues name | sed -n 's/^cut[.]g1/drop queue &/p'
		printf 'drop exchange %s\n' cut.g1 cut.g1.all
	} | "$BIN/aggregator" --declare
	# shellcheck disable=SC2086 # two words
	cut_off $cut
	topology -p cut -n 2 >/dev/null || fail "after $cut: $?"
	bound 1 | diff "$tmp/wanted" - || fail "after $cut"
done
is_switched() { # GENERATION
	ctl -p messaging list_bindings source_name destination_name |
		grep '^cut	' | diff <(printf 'cut\tcut.g%d\n' "$1") - ||
		fail "no switch"
	ctl -p messaging list_queues name | grep '^cut' | grep -v '[.]dead' |
		sort | diff <(topology -p cut --list) - ||
		fail "other queues"
}
cut_off 60 3
topology -p cut -n 4 >/dev/null || fail "to four: $?"
is_switched 2
plan 'part cut cut.g2' 'part cut.all cut.g2.all'
topology -p cut -n 4 >/dev/null || fail "before it was switched: $?"
is_switched 2
topology -p cut -n 1 >/dev/null || fail "to one: $?"
is_switched 3

expect 64 topology -n 0
expect 64 topology -n 3 --list
expect 64 topology
