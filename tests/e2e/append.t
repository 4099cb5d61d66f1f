#!/usr/bin/env bash
# append [NAME...]: what reads a queue or a socket without end writes a file
# behind its present content: the input of that was acknowledged and does not
# come again. So what was written before a kill -9 is there after the next start,
# and half a line that the kill left is not.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

"$servers" start "$tmp/servers" >"$tmp/servers.log" 2>&1 ||
	fail "no servers: $(cat "$tmp/servers.log")"
eval "$("$servers" env "$tmp/servers")"
"$BIN/sink" --migrate || fail "no tables"
small=$PWD/tests/records/small.ndjson

# run_NAME becomes the program, which writes $file; feed_NAME N gives it what it
# writes some lines for, the first and the second time.
run_stream() {
	exec "$BIN/aggregator" -f queue:records -t "$file" --every 20ms \
		--state "$tmp/stream.state"
}
feed_stream() {
	"$TESTBIN/load" -n 300 --late 0 --seed "$1" 2>/dev/null |
		"$probe" -b 100 write queue:records
}

run_snapshots() {
	exec "$BIN/aggregator" -f queue:snapshots -t "$file" \
		--state "$tmp/snapshots.state"
}
feed_snapshots() {
	sed "s/\"s1\"/\"s$1\"/; s/\(begin.*\)10:15:00/\110:1$1:00/" "$small" |
		"$probe" -b 100 write queue:snapshots
}

run_counter() {
	exec "$BIN/aggregator" --input eventcounter -f queue:counted -t "$file" \
		--exchange counting --state "$tmp/counter.state"
}
feed_counter() {
	mkdir -p "$tmp/counts"
	"$TESTBIN/tools/event_publisher" -d -q counted -e counting \
		-o "$tmp/counts" -n 100 -s "$1"
}

run_assign() {
	exec "$BIN/poller" -c "$tmp/conf" --assign -f queue:given -t "$file"
}
feed_assign() {
	local chat
	chat=$(shows '/dialogs?state=open' | jq ".data[$1].id")
	printf '{"type":"assignment","tenant":"acme","id":"%s","chat":"%s","operator":"%s","expires":"2099-01-01T00:00:00Z"}\n' \
		"$1" "$chat" "$operator" | "$probe" write queue:given
}

# The dead letters of a socket.
run_letters() {
	exec "$BIN/sink" -f "unix:${file%.dead}"
}
feed_letters() {
	until_true 20 test -S "${file%.dead}" || fail "no socket"
	echo '{"type":"row","table":"none","tenant":"t","n":'"$1"'}' |
		"$probe" write "unix:${file%.dead}"
}

lines() {
	grep -c '^{.*}$' "$file" || :
}

more_than() { # N
	[ -e "$file" ] && [ "$(lines)" -gt "$1" ]
}

begin() { # NAME
	"run_$1" 2>"$tmp/$1.err" >&2 </dev/null &
	pid=$!
}

drop() { # by kill -9
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || :
}

start_sim --dialogs 4 --messages 1 --operators 1
operator=$(shows /operators | jq '.data[0].id')
(umask 077 && printf '%s\n' '[crm acme]' "url = $sim/v1" 'assign = yes' \
	>"$tmp/conf")

[ $# != 0 ] || set -- stream snapshots counter assign letters
for name; do
	echo "- $name"
	file=$tmp/$name.dead
	begin "$name"
	"feed_$name" 1 >"$tmp/fed" || fail "not fed: $(cat "$tmp/$name.err")"
	until_true 30 more_than 0 || fail "nothing comes: $(
		cat "$tmp/$name.err")"
	drop
	grep '^{.*}$' "$file" >"$tmp/first"
	cp "$tmp/first" "$file"
	printf '{"type":"half' >>"$file"
	begin "$name"
	"feed_$name" 2 >"$tmp/fed" || fail "not fed: $(cat "$tmp/$name.err")"
	until_true 30 more_than "$(wc -l <"$tmp/first")" ||
		fail "it does not go on: $(cat "$tmp/$name.err")"
	drop
	head -c "$(stat -c %s "$tmp/first")" "$file" | cmp - "$tmp/first" ||
		fail "what was written before is gone"
	! grep -q half "$file" || fail "half a line stays"
	grep -q "'$file' ended in 13 bytes of a line" "$tmp/$name.err" ||
		fail "half a line is not told: $(cat "$tmp/$name.err")"
done
