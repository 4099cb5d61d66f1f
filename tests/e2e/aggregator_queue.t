#!/usr/bin/env bash
# The aggregator at a queue: rows are those made by hand, whatever the size of
# the messages and of the window; what is bad or no snapshot is a dead letter;
# kill -9 of it at any moment, and of the broker, change no row (LONG=1).
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
settings 'prefetch = 3' 'wait_timeout = 90s'
aggregator=$BIN/aggregator
small=$PWD/tests/records/small.ndjson
state=$tmp/state

put() { # QUEUE LINES-A-MESSAGE
	"$probe" -b "$2" write "queue:$1" >/dev/null
}

get() { # QUEUE: its lines
	"$probe" -e read "queue:$1" | cut -f 2-
}

run() { # CODE FROM: until it is empty
	expect "$1" timeout 600 "$aggregator" -f "queue:$2" -t queue:rows \
		--state "$state" --until-empty
}

# same_rows FILE: what is in the queue of rows is what FILE gives by hand.
same_rows() {
	"$aggregator" <"$1" >"$tmp/want"
	get rows >"$tmp/got"
	diff "$tmp/want" "$tmp/got" || fail "other rows than by hand"
}

echo "- a snapshot larger than the window, in messages of any size"
for lines in 1 4 1000; do
	put records "$lines" <"$small"
	run 0 records
	[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
	same_rows "$small"
	rm -r "$state"
done

echo "- an unfinished one waits for its rest, without a word"
head -n 20 "$small" | put records 3
run 0 records
[ ! -s "$tmp/err" ] || fail "$(cat "$tmp/err")"
[ "$(waiting records) $(waiting rows)" = "0 0" ] || fail "too soon"
[ "$(stat -c %a "$state" "$state/acme.spool" | xargs)" = "700 600" ] ||
	fail "others may read it"
tail -n +21 "$small" | put records 3
run 0 records
same_rows "$small"
[ ! -e "$state/acme.spool" ] || fail "the spool stays"

# poll TIME CHAT...: a snapshot of the chats that are open.
poll() {
	local of='"tenant":"acme","snapshot":"'$1'"' at='"at":"'$1'"' chat
	echo '{"type":"snapshot",'"$of"',"state":"begin",'"$at"'}'
	shift
	for chat; do
		echo '{"type":"chat",'"$of"',"chat":"'"$chat"'","status":"open",'"$at"'}'
		echo '{"type":"message",'"$of"',"chat":"'"$chat"'","id":"'"$chat"'","at":"2026-11-20T10:00:00Z","from":"customer","channel":"web"}'
	done
	echo '{"type":"snapshot",'"$of"',"state":"end",'"$at"',"records":'$((2 * $#))'}'
}

# counted FILE: the messages of the hour.
counted() {
	sed -n 's/.*"channel_metrics".*"messages":\([0-9]*\),"in.*/\1/p' "$1"
}

echo "- what adds up chats of the past falls with a closed one, and it says so"
poll 2026-11-20T11:00:00Z 1 2 >"$tmp/first"
poll 2026-11-20T11:01:00Z 1 >"$tmp/second"
for n in first second; do
	for to in queue:rows -; do
		"$aggregator" -v -a operators,intervals,conversations,channels,histograms \
			-t "$to" -o ndjson <"$tmp/$n" >"$tmp/out" 2>"$tmp/err"
		if [ "$to" = - ]; then
			! grep -e --every "$tmp/err" || fail "by hand it warns"
		else
			get rows >"$tmp/$n.rows"
			[ "$(grep -c 'channels, histograms: .*--every' "$tmp/err")" = 1 ] ||
				fail "of $n it says: $(cat "$tmp/err")"
		fi
	done
done
[ "$(counted "$tmp/first.rows") $(counted "$tmp/second.rows")" = "2 1" ] ||
	fail "it warns of nothing: $(cat "$tmp/first.rows" "$tmp/second.rows")"
put records 5 <"$tmp/first"
expect 0 "$aggregator" -f queue:records -t queue:rows -a channels \
	-v --state "$tmp/warned" --until-empty
grep -q '^aggregator: .*channels: .*--every' "$tmp/err" ||
	fail "of a queue it says: $(cat "$tmp/err")"
get rows >/dev/null
"$aggregator" -t queue:rows <"$tmp/first" 2>"$tmp/err"
[ ! -s "$tmp/err" ] || fail "by default: $(cat "$tmp/err")"
get rows >/dev/null
# Without -v it is silent, and cron has nothing to mail.
(umask 077 && printf '[aggregator]\nmetrics = all\n' >"$tmp/all")
for n in first second; do
	"$aggregator" -c "$tmp/all" -t queue:rows <"$tmp/$n" 2>"$tmp/err"
	[ ! -s "$tmp/err" ] || fail "of all, by hand: $(cat "$tmp/err")"
	put records 5 <"$tmp/$n"
	expect 0 "$aggregator" -c "$tmp/all" -f queue:records -t queue:rows \
		--state "$tmp/polled" --until-empty
	[ ! -s "$tmp/err" ] || fail "of all, from a queue: $(cat "$tmp/err")"
done
get rows >"$tmp/got"
grep -q '"channel_metrics"' "$tmp/got" || fail "not all metrics were made"

echo "- one that came already is passed over"
put records 5 <"$small"
run 0 records
[ "$(waiting rows)" = 0 ] || fail "it was written again"

echo "- bad records and a stream are dead letters; the rest goes on"
rm -r "$state"
{
	sed '$d' "$small"
	echo '{"type":"operator","tenant":"acme","snapshot":"s1"}'
	for id in 1 2; do
		echo '{"type":"message","tenant":"acme","id":"'$id'","chat":"1","at":"2026-11-20T10:00:00Z","from":"customer"}'
	done
	tail -n 1 "$small" | sed 's/"records":31/"records":32/'
} | put records 10
run 0 records
same_rows "$small"
[ "$(grep -c 'give --every 50ms' "$tmp/err")" = 1 ] ||
	fail "--every is not told of once: $(cat "$tmp/err")"
get records.dead | jq -r .reason | sort -u >"$tmp/reasons"
diff - "$tmp/reasons" <<-'END' || fail "other reasons"
	field 'operator' is missing in an operator record
	it is outside a snapshot, and without --every this aggregator makes rows of snapshots only; for a stream give --every 50ms
END

echo "- a newer one drops an unfinished one, and that is told"
rm -r "$state"
{
	head -n 9 "$small"
	sed 's/"s1"/"s2"/; s/\(begin.*\)10:15:00/\110:16:00/' "$small"
} | put records 7
run 65 records
says "snapshot 's1' of tenant 'acme' is cut"
sed 's/"s1"/"s2"/; s/\(begin.*\)10:15:00/\110:16:00/' "$small" >"$tmp/newer"
same_rows "$tmp/newer"

echo "- a folder is for one; a queue needs one; a full one stops it"
"$aggregator" -f queue:records -t queue:rows --state "$state" &
daemon=$!
holds_lock() {
	find "/proc/$daemon/fd" -lname "$state/lock" 2>/dev/null | grep -q .
}
until_true 10 holds_lock || fail "no lock"
run 75 records
says 'choose another'
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?"
expect 73 "$aggregator" -f queue:records --state "$small"
says 'choose another'
rm -r "$state"
put records 1000 <"$small"
before=$(waiting records)
(
	ulimit -f 2
	run 74 records
)
says "cannot write '$state/acme.spool'"
until_true 10 so_many_wait records "$before" || fail "it was acknowledged"
run 0 records
same_rows "$small"

echo "- messages of the broker without a line, as many as it sends ahead"
rm -r "$state"
printf '\n\n\n\n' | "$TESTBIN/tools/amqp_lines" records 0
put records 1000 <"$small"
run 0 records
[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
same_rows "$small"

# Snapshots of two tenants, a minute each.
snapshots() {
	local n tenant at
	for n in $(seq 10 34); do
		for tenant in a b; do
			at=2026-11-20T11:$n:00Z
			sed "s/\"acme\"/\"$tenant\"/; s/\"s1\"/\"s$n\"/
				s/\(begin.*\"at\":\"\)[^\"]*/\1$at/" "$small"
		done
	done
}

# tests/e2e/faults.t kills it at each step.
[ -n "${LONG:-}" ] || exit 0
echo "- kill -9 at any moment, and of the broker, change no row"
rm -r "$state"
snapshots >"$tmp/many"
"$probe" -p -b 1 write queue:records <"$tmp/many" >/dev/null &
writer=$!
killed=0
while kill -0 "$writer" 2>/dev/null; do
	"$aggregator" -f queue:records -t queue:rows --state "$state" \
		2>>"$tmp/log" &
	daemon=$!
	sleep "0.$((RANDOM % 6 + 1))"
	if [ "$killed" = 3 ]; then
		"$servers" kill "$tmp/servers" rabbitmq
		"$servers" start "$tmp/servers" rabbitmq
	fi
	kill -9 "$daemon"
	wait "$daemon" 2>/dev/null || :
	killed=$((killed + 1))
done
wait "$writer"
run 0 records
[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
[ -z "$(find "$state" -name '*.spool')" ] || fail "a spool stays"
get rows | sort -u >"$tmp/got"
for tenant in a b; do
	for n in $(seq 10 34); do
		grep "\"tenant\":\"$tenant\".*\"snapshot\":\"s$n\"" "$tmp/many" |
			"$aggregator" -o ndjson
	done
done | sort -u >"$tmp/want"
diff "$tmp/want" "$tmp/got" || fail "other rows than by hand"
[ -z "$(get records.dead)" ] || fail "dead letters"
echo "killed $killed times"
