#!/usr/bin/env bash
# A stream whose rows go into a pipe that nobody reads any more: that is no
# failure, and no row is lost: the next run writes them.
set -euo pipefail
# shellcheck source=tests/e2e/stream.sh
. "$(dirname "$0")/stream.sh"

start_broker
settings 'wait_timeout = 90s'
"$load" -n 3000 --late 0 >"$tmp/records"

run() { # until the queue is empty
	"$aggregator" -f queue:records -t - --state "$state" --every 20ms \
		-a "$metrics" --until-empty
}

put records 100 <"$tmp/records"
exec {closed}> >(:)
# Where it was waited for already, bash says 255.
wait $! || :
run >&"$closed" || fail "a pipe that is closed gave $?"
run >"$tmp/rows" || fail "the next run gave $?"
same_figures "$tmp/records"
[ "$(waiting records)" = 0 ] || fail "records are left"
