#!/bin/sh
# The generator of streams: one seed gives the same bytes, however fast they are
# read, and its totals match a count of its records.
set -eu
: "${TESTBIN:=$PWD/build/tests}"
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/load.XXXXXX")
trap 'rm -rf "$dir"' EXIT

load() {
	"$TESTBIN/load" "$@" 2>"$dir/said" || {
		echo "load $*: $(cat "$dir/said")"
		exit 1
	}
}

bad=0
# counted WINDOW_MS OPTION...: checks the totals.
counted() {
	window=$1
	shift
	load -n 20000 --totals "$dir/totals" -t "$dir/stream" "$@"
	python3 -B tests/loadgen/recount.py "$dir/stream" "$dir/totals" \
		"$window" || {
		echo "totals are wrong: $*"
		bad=1
	}
}
day=86400000
counted $day
counted $day --seed 7 --tenants 1 --ids uuid --spaces
counted 300000 --window 5m --late 3000 --duplicates 60000 --latecomers 60000
counted $day --seed 9 --sweep --chats 9000 --users 3000 --shuffle --extra
counted $day --stamp --views 900000 --events 500000

load -n 5000 --seed 5 -t "$dir/one"
load -n 5000 --seed 5 --rate 20000 -t "$dir/two"
load -n 5000 --seed 6 -t "$dir/three"
cmp "$dir/one" "$dir/two" || bad=1
if cmp -s "$dir/one" "$dir/three"; then
	echo "the seed changes nothing"
	bad=1
fi
load -i "$dir/one" -t "$dir/four"
cmp "$dir/one" "$dir/four" || bad=1

# Without the late messages nothing else changes.
load -n 5000 --seed 5 --late 5000 -t "$dir/one"
load -n 5000 --seed 5 --late 5000 --leave-late -t "$dir/two"
diff "$dir/one" "$dir/two" >"$dir/three" || :
if [ "$(grep -c '^<' "$dir/three")" -lt 10 ] || grep -q '^>' "$dir/three"; then
	echo "leaving the late ones out changes more"
	bad=1
fi

# The stream has the requested number of messages, evenly spread.
load -n 5000 --seed 5 -t "$dir/one"
lines=$(grep -c '"type":"message"' "$dir/one")
[ "$lines" = 5000 ] || {
	echo "5000 messages are $lines"
	bad=1
}
load -n 1000 --rate 2000 -t "$dir/one"
python3 - "$dir/said" <<END || bad=1
import json, sys
took = json.load(open(sys.argv[1]))["seconds"]
if not 0.45 <= took < 5:
    sys.exit(f"1000 messages at 2000 a second took {took} s")
END
exit $bad
