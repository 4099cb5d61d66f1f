#!/usr/bin/env bash
# What the streaming aggregator does not go on with: one line, and the exit
# code of the page. Nothing is acknowledged.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'wait_timeout = 90s'
"$load" -n 3000 --late 0 >"$tmp/records"
head -n 1500 "$tmp/records" | put records 100
stream -q
tail -n +1501 "$tmp/records" | put records 100
left=$(waiting records)

refused() { # CODE PATTERN OPTION...
	local code=$1 pattern=$2
	shift 2
	expect "$code" "$aggregator" -f queue:records -t queue:rows \
		--state "$state" --every 20ms --until-empty "$@"
	says "$pattern"
	until_true 10 so_many_wait records "$left" || fail "something was acknowledged"
}

echo "- another definition or window"
refused 78 'made with --definition ours; ' --definition chatwoot
refused 78 'made with --window 86400s; ' --window 12h

echo "- a second one"
"$aggregator" -f queue:others -t queue:rows --state "$state" --every 20ms &
daemon=$!
holds_lock() {
	find "/proc/$daemon/fd" -lname "$state/lock" 2>/dev/null | grep -q .
}
until_true 10 holds_lock || fail "no lock"
refused 75 "another run holds '$state/lock'; end it, or choose another folder with --state$"
kill "$daemon"
wait "$daemon" || fail "SIGTERM gave $?"

echo "- another version, damage, a folder that cannot be made"
cp -r "$state" "$tmp/kept"
again() {
	rm -rf "$state"
	cp -r "$tmp/kept" "$state"
}
printf 'x' | dd of="$state/stream.mdb" bs=1 seek=20 conv=notrunc status=none
printf 'x' | dd of="$state/stream.mdb" bs=1 seek=4116 conv=notrunc status=none
refused 65 "state '$state/stream.mdb' is of a version"
again
size=$(stat -c %s "$state/stream.mdb")
truncate -s $((size / 2)) "$state/stream.mdb"
refused 65 "state '$state/stream.mdb' is damaged"
again
# Every page but the first two: whichever is met first.
perl -e 'open(F, "+<", $ARGV[0]) or die;
	for ($i = 2; $i < (-s F) / 4096; $i++) {
		seek(F, $i * 4096 + 300, 0); print F "\xee" x 3500;
	}' "$state/stream.mdb"
refused 65 "state '$state/stream.mdb' is damaged"
again
expect 73 "$aggregator" -f queue:records -t queue:rows --every 20ms \
	--state "$tmp/records"
says "'$tmp/records', of --state, as a folder: Not a directory; a part of its name is a file; choose another$"

echo "- a state that may not grow, or a full disk"
# Into a queue of their own: rows of what fits are written before it ends.
printf '[aggregator]\nstate_limit = 1M\n' >>"$tmp/conf"
rm -r "$state"
"$load" -n 20000 --late 0 --seed 2 | put big 500
expect 74 "$aggregator" -f queue:big -t queue:elsewhere --state "$state" \
	--every 200ms --until-empty
says 'raise \[aggregator\] state_limit'
sed -i '/^state_limit/d' "$tmp/conf"
rm -r "$state"
(
	ulimit -f 100
	expect 74 "$aggregator" -f queue:big -t queue:elsewhere --state "$state" \
		--every 200ms --until-empty
)
says "raise what limits the size of files"

echo "- few addresses"
rm -r "$state"
(
	ulimit -v 1500000
	head -n 1500 "$tmp/records" | put few 100
	expect 0 "$aggregator" -f queue:few -t queue:elsewhere --state "$state" \
		--every 20ms --until-empty
)
rm -r "$state"
(
	ulimit -v 500000
	expect 75 "$aggregator" -f queue:few -t queue:elsewhere --state "$state" \
		--every 20ms --until-empty
)
says "it needs 512 MiB of addresses"

echo "- and then it goes on"
again
stream -q
[ "$(waiting records)" = 0 ] || fail "not all was acknowledged"
collect
same_figures "$tmp/records"
