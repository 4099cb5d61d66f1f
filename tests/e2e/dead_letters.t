#!/usr/bin/env bash
# scripts/dead-letters: lists, shows, replays and drops what lies in NAME.dead: all
# of it or by reason, to where it came from or elsewhere; killed in the middle it
# loses nothing but what was to be dropped; what is no record is not replayed.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export MESSAGING_BIN=$BIN
"$BIN/sink" --migrate
letters=$PWD/scripts/dead-letters

sql() {
	"$servers" mysql "$tmp/servers" messaging -N -B -e "$1"
}
is() { # WHAT EXPECTED GOT
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}
listed() { # queue, letters, program and reason of each line
	"$letters" "$@" -o ndjson |
		jq -r '"\(.queue) \(.letters) \(.program): \(.reason)"'
}
chat() { # NUMBER TAG
	echo '{"type":"row","table":"chat_metrics","tenant":"t","chat":"c'"$1"'",' \
		'"status":"open","tag":"'"$2"'","as_of":"2026-11-20T10:00:00Z"}' |
		tr -d '\n'
	echo
}
letter() { # REASON RECORD AT
	jq -nc --arg reason "$1" --arg record "$2" --arg at "$3" '{type: "dead",
		program: "sink", at: $at, reason: $reason, where: "line 1",
		record: $record}'
}

echo "- none yet, and no queue is made by looking"
expect 0 "$letters" -o ndjson
[ ! -s "$tmp/out" ] || fail "$(cat "$tmp/out")"
expect 0 "$letters" show rows
expect 66 "$letters" replay --all rows
says "there is no queue 'rows' that anybody would read; say with -t"
expect 0 "$letters" drop --all rows
is "dropped" "letters removed from rows.dead: 0" "$(cat "$tmp/out")"
expect 66 "$letters" drop --all nowhere
says "there is no queue 'nowhere'"
is "queues" "" "$(ctl list_queues -p messaging --no-table-headers name)"

echo "- what a sink refuses is listed by reason, and shown"
sql "ALTER TABLE chat_metrics ADD CONSTRAINT no_poison
	CHECK (tag IS NULL OR tag <> 'poison')"
{
	chat 1 fine
	for i in 2 3 4; do chat $i poison; done
	echo '{"type":"row","table":"x","tenant":"t","as_of":"2026-11-20T10:00:00Z"}'
	printf '{"type":"row\xff"\n'
} | "$probe" write queue:rows >"$tmp/out"
"$BIN/sink" -f queue:rows --until-empty || fail "the sink gives $?"
listed >"$tmp/listed"
is "reasons" 3 "$(wc -l <"$tmp/listed")"
grep -q '^rows 3 sink: .*no_poison' "$tmp/listed" || fail "$(cat "$tmp/listed")"
grep -q "^rows 1 sink: no table 'x'" "$tmp/listed" ||
	fail "$(cat "$tmp/listed")"
is "of one queue" "$(cat "$tmp/listed")" "$(listed rows.dead)"
"$letters" -o table | grep -Eq '^QUEUE +LETTERS +OLDEST' || fail "no table"
is "shown" 5 "$("$letters" show rows | wc -l)"
is "two of them" 2 "$("$letters" -n 2 show rows | wc -l)"
for action in list show; do
	expect 66 "$letters" "$action" nowhere
	says "there is no queue 'nowhere'"
done
got=0
"$letters" show rows >/dev/full 2>"$tmp/err" || got=$?
is "nowhere to write" 74 "$got"
says "cannot be written"
is "of a reason" '"c2"' "$("$letters" show -n 1 -r no_poison rows |
	jq -r .record | jq .chat)"
is "still there" "$(cat "$tmp/listed")" "$(listed)"

echo "- replayed once the cause is removed: by reason, the others stay"
sql "ALTER TABLE chat_metrics DROP CONSTRAINT no_poison"
expect 0 "$letters" replay --reason no_poison rows
is "left" "2 sink" "$(listed | awk '{n += $2; p = $3} END {print n, p}' | tr -d :)"
"$BIN/sink" -f queue:rows --until-empty || fail "the sink gives $?"
is "stored" "c1 c2 c3 c4" "$(sql "SELECT GROUP_CONCAT(chat ORDER BY chat
	SEPARATOR ' ') FROM chat_metrics")"
is "none came back" 2 "$(listed | awk '{n += $2} END {print n}')"

echo "- as messaging-monitoring(7) has it"
shown_in messaging-monitoring.7 'DEAD LETTERS' | sed 's,^,scripts/,; 3!d' |
	bash >"$tmp/out" || fail "the page's example gives $?"
grep -qx '{"type":"row","table":"x".*' "$tmp/out" || fail "$(cat "$tmp/out")"
shown_in messaging-monitoring.7 'DEAD LETTERS' | sed 's,^,scripts/,; 3d; 5,$d' |
	bash >"$tmp/out" || fail "the page's examples give $?"

echo "- while its reader refuses it again: this ends, and nothing is lost"
"$BIN/sink" -f queue:rows &
reader=$!
expect 0 "$letters" replay --all rows
says "1 dead letters stay in 'queue:rows.dead': what they keep is no record"
expect 0 "$letters" replay --reason UTF-8 rows
says "1 dead letters stay in 'queue:rows.dead': what they keep is no record"
expect 0 "$letters" replay --reason nobody rows
is "said of others" "" "$(cat "$tmp/err")"
until_true 20 bash -c "[ \"\$('$letters' show rows | grep -c 'no table')\" = 1 ]" ||
	fail "it did not come back"
kill $reader
wait $reader || fail "the sink gives $?"
is "letters" 2 "$("$letters" show rows | wc -l)"

echo "- messages with letters of both kinds; elsewhere, and nowhere"
for i in $(seq 1 700); do
	letter "reason $((i % 2))" "$(chat "$i" x)" \
		"2026-11-20T10:$((10 + i % 50)):00.000Z"
done | "$probe" -b 7 write queue:some.dead >"$tmp/out"
is "counted" "some 350 sink: reason 0
some 350 sink: reason 1" "$(listed some | sort)"
is "the oldest and the newest" "2026-11-20T10:10:00.000Z 2026-11-20T10:59:00.000Z" \
	"$("$letters" some -o ndjson | jq -rs '"\(map(.oldest) | min) \(
		map(.newest) | max)"')"
expect 66 "$letters" replay --all some
says "there is no queue 'some'"
expect 66 "$letters" replay --all -t exchange:none some
says "there is no exchange 'none'"
expect 0 "$letters" replay -r "reason 1" -t queue:rows some
is "left" "some 350 sink: reason 0" "$(listed some)"
"$probe" -e read queue:rows | cut -f 2 | jq -r '.chat[1:]' | sort -n >"$tmp/got"
cmp -s "$tmp/got" <(seq 1 2 700) || fail "not the odd ones: $(head "$tmp/got")"

echo "- those of topology are listed, of what was before, too"
"$PWD/scripts/topology" -n 2 >"$tmp/out"
for queue in records.g1.1 records.g1.0.before; do
	letter "of $queue" "{}" 2026-11-20T10:00:00.000Z |
		"$probe" write "queue:$queue.dead" >"$tmp/out"
done
of_shards="records.g1.0.before 1 sink: of records.g1.0.before
records.g1.1 1 sink: of records.g1.1"
is "listed" "$of_shards" "$(listed | grep '^records' | sort)"
"$PWD/scripts/topology" -n 2 --next >"$tmp/out"
"$PWD/scripts/topology" --retire 1
is "listed of a retired generation, without those of its first shard" \
	"$of_shards" "$(listed | grep '^records' | sort)"

echo "- one of several queues cannot be read"
mkdir "$tmp/bin"
cat >"$tmp/bin/aggregator" <<'END'
#!/bin/sh
case "$*" in
*"queue:some.dead"*) exit 77 ;;
esac
exec "$REAL/aggregator" "$@"
END
chmod +x "$tmp/bin/aggregator"
for queues in "some records.g1.1" "records.g1.1 some"; do
	# shellcheck disable=SC2086 # words
	REAL=$BIN expect 77 "$letters" -b "$tmp/bin" -o ndjson $queues
done

echo "- killed while it waits for a full queue, and run again"
ctl set_policy -p messaging full '^rows$' '{"max-length":8}' --apply-to queues
filler=$(printf '%01000d' 0)
for i in $(seq 1 1500); do
	echo '{"type":"dead","program":"sink","at":"2026-11-20T10:00:00.000Z",' \
		'"reason":"r","where":"line 1","record":"{\"type\":\"row\",' \
		'\"table\":\"chat_metrics\",\"tenant\":\"t\",\"as_of\":' \
		'\"2026-11-20T10:00:00Z\",\"n\":'"$i"',' \
		'\"filler\":\"'"$filler"'\"}"}' | tr -d ' '
done |
	"$probe" -b 1 write queue:rows.dead >"$tmp/out"
before=$(waiting rows.dead)
# At most so many letters at once, else few messages hold them all.
(umask 077 && printf '[amqp]\nurl = %s\nwait_timeout = 10m\nprefetch = 100\n' \
	"$AMQP_URL" >"$tmp/patient")
MESSAGING_CONFIG=$tmp/patient "$BIN/aggregator" --dead-letters \
	-f queue:rows.dead --reason r -t queue:rows 2>"$tmp/err" &
replay=$!
is_full() {
	[ "$(waiting rows)" -ge 8 ]
}
until_true 60 is_full || fail "it is never full: $(cat "$tmp/err")"
kill -9 $replay
wait $replay 2>/dev/null || :
put_back() {
	left=$(waiting rows.dead)
	[ "$left" -gt 0 ]
}
until_true 20 put_back || fail "nothing is left: it was not killed in the middle"
[ "$left" -lt "$before" ] || fail "nothing was acknowledged before: $left"
ctl clear_policy -p messaging full
expect 0 "$letters" replay --reason r rows
"$probe" -e read queue:rows | cut -f 2 | jq .n | sort -n | uniq >"$tmp/got"
cmp -s "$tmp/got" <(seq 1 1500) || fail "$(wc -l <"$tmp/got") are there"
is "letters" 2 "$("$letters" show rows | wc -l)"

echo "- dropped by reason: the others stay, each once"
kinds() { # FROM TO: two reasons in turn, and none
	for i in $(seq "$1" "$2"); do
		letter "reason $((i % 2))" "{\"n\":$i}" 2026-11-20T10:00:00.000Z
	done
	echo "no letter $2"
}
numbers() { # QUEUE
	"$letters" show -n 100000 "$1" | jq -rR 'fromjson? | .record | fromjson.n'
}
kinds 1 700 | "$probe" -b 7 write queue:old.dead >"$tmp/out"
expect 0 "$letters" drop --reason "reason 1" old
is "dropped" "letters removed from old.dead: 350" "$(cat "$tmp/out")"
cmp -s <(numbers old | sort -n) <(seq 2 2 700) ||
	fail "others: $(numbers old | head)"
expect 0 "$letters" drop --reason "reason 1" old.dead
is "none is left" "letters removed from old.dead: 0" "$(cat "$tmp/out")"
is "what is no letter stays" "no letter 700" \
	"$("$letters" show -n 1000 old | grep -v '^{')"
expect 0 "$letters" drop --all old
is "all" "letters removed from old.dead: 351" "$(cat "$tmp/out")"
is "left" 0 "$(waiting old.dead)"

echo "- dropping is killed before its first acknowledgement, and behind it"
kinds 1 700 | "$probe" -b 7 write queue:old.dead >"$tmp/out"
for moment in before after; do
	rm -f "$tmp/told" "$tmp/port"
	python3 tests/e2e/ack_proxy.py "$tmp/port" \
		"$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/ports")" "$tmp/told" $moment &
	proxy=$!
	until_true 20 test -s "$tmp/port" || fail "no proxy"
	AMQP_URL=${AMQP_URL%:*}:$(cat "$tmp/port")/messaging \
		"$BIN/aggregator" --dead-letters --drop -f queue:old.dead \
		--reason "reason 1" >"$tmp/out" 2>"$tmp/err" &
	drop=$!
	until_true 60 test -e "$tmp/told" || fail "no message goes: $(cat "$tmp/err")"
	kill_reader old.dead $drop
	kill $proxy
	wait $proxy 2>/dev/null || :
	cmp -s <(numbers old | grep '[02468]$' | sort -nu) <(seq 2 2 700) ||
		fail "killed $moment it: some of the others are gone"
done
expect 0 "$letters" drop -r "reason 1" old
cmp -s <(numbers old | sort -nu) <(seq 2 2 700) || fail "not those of reason 0"

echo "- dropped: as the page has it, and what is no record, or too long"
shown_in messaging-monitoring.7 'DEAD LETTERS' | sed 's,^,scripts/,; 6!d' |
	bash >"$tmp/out" || fail "the page's example gives $?"
is "dropped" "letters removed from rows.dead: 1" "$(cat "$tmp/out")"
is "letters" 1 "$("$letters" show rows | wc -l)"
expect 0 "$letters" drop --all rows
is "dropped" "letters removed from rows.dead: 1" "$(cat "$tmp/out")"
expect 0 "$letters" drop --all old
head -c $((8 * 1024 * 1024 + 1)) /dev/zero | tr '\0' x |
	"$probe" write queue:old.dead >"$tmp/out"
expect 0 "$letters" drop --reason x old
is "too long to have a reason" "letters removed from old.dead: 0" \
	"$(cat "$tmp/out")"
expect 0 "$letters" drop --all old
is "too long" "letters removed from old.dead: 1" "$(cat "$tmp/out")"
is "left" 0 "$(waiting old.dead)"
got=0
"$letters" drop --all old >/dev/full 2>"$tmp/err" || got=$?
is "nowhere to write" 74 "$got"

echo "- the link breaks: nothing is told that is not so, and nothing twice"
letter reason "$(chat 1 cut)" 2026-11-20T10:00:00Z |
	jq -c 'range(2000) as $i | .reason = "reason \($i % 2)" |
		.more = 16384 * "x"' | # in all more than sockets hold
	"$probe" -b 1 write queue:cut.dead >"$tmp/out"
break_proxy() { # N COMMAND...
	rm -f "$tmp/port"
	python3 tests/e2e/break_proxy.py "$tmp/port" \
		"$(cut -d' ' -f 1 "$tmp/servers/rabbitmq/ports")" "$1" &
	proxy=$!
	until_true 10 test -s "$tmp/port" || fail "no proxy"
	shift
	AMQP_URL=${AMQP_URL%:*}:$(cat "$tmp/port")/messaging expect 75 "$@"
	kill "$proxy"
	[ ! -s "$tmp/out" ] || fail "it says $(cat "$tmp/out")"
}
wait_there() { # N, as the script sees it
	[ "$(echo 'count cut.dead' | "$BIN/aggregator" --declare)" = \
		"$1 cut.dead" ]
}
left() { # N
	until_true 30 wait_there "$1" || fail "$(waiting cut.dead) are left"
}
left 2000
mkfifo "$tmp/pipe"
"$letters" show -n 5000 cut >"$tmp/pipe" 2>"$tmp/err" &
shows=$!
exec 8<"$tmp/pipe"
read -r line <&8
[ -n "$line" ] || fail "nothing is shown"
ctl close_all_connections --global cut >"$tmp/closed"
cat <&8 >"$tmp/shown"
exec 8<&-
got=0
wait $shows || got=$?
is "shown twice" 75 $got
says "the link to 'queue:cut.dead' was lost"
[ "$(wc -l <"$tmp/shown")" -lt 2000 ] || fail "some are shown twice"
left 2000
echo x | "$probe" write queue:landing >"$tmp/out"
break_proxy 1 "$letters" replay --all -t queue:landing cut
left 2000
break_proxy 1 "$letters" drop -r "reason 1" cut
says "was lost; 0 dead letters were removed before, and more may be"
left 2000
break_proxy 2 "$letters" drop --all cut
says "was lost; 500 dead letters were removed before, and more may be"
left 1500
expect 0 "$letters" drop --all cut
is "dropped" "letters removed from cut.dead: 1500" "$(cat "$tmp/out")"

echo "- used wrongly"
while IFS='|' read -r args fault; do
	# shellcheck disable=SC2086 # words
	expect 64 "$letters" $args
	grep -q "$fault" "$tmp/err" || fail "$args: $(cat "$tmp/err")"
done <<'END'
replay rows|which letters: --all
replay --all -r x rows|not both
drop rows|which letters: --all
drop --all -r x rows|not both
drop --all|takes one queue
drop --all -t queue:x rows|puts them nowhere
replay --all|takes one queue
show rows records|takes one queue
show -n 0 rows|is no number of letters
-r x rows|show, replay or drop
show a/b|names no queue
list -x|unknown option
show replay rows|unexpected 'replay'
replay --all -t elsewhere rows|is neither queue:NAME nor exchange:NAME
-o xml|no format
END
expect 64 "$BIN/aggregator" --dead-letters -f queue:rows
says "reads a queue of them"
expect 64 "$BIN/aggregator" --dead-letters -f queue:rows.dead -t queue:rows.dead
says "where they are already"
expect 64 "$BIN/aggregator" --dead-letters -f queue:rows.dead --drop -t queue:x
says "drop puts them nowhere"

echo "- the broker is away"
printf '[amqp]\nurl = %s\nwait_timeout = 100ms\n' "$AMQP_URL" >"$tmp/conf"
chmod 600 "$tmp/conf"
unset AMQP_URL
"$servers" stop "$tmp/servers" rabbitmq
expect 75 "$letters" -c "$tmp/conf"
says "cannot reach"
