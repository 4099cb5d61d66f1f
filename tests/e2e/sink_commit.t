#!/usr/bin/env bash
# sink: the answer to a COMMIT is lost. Was it done? Nobody knows, so the batch
# is stored again, and the tables are those of an undisturbed run: rows, sweeps,
# refused rows, late end markers. The same when a transaction does not begin,
# which is known only after its first query was sent.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db
"$sink" --migrate
port=${MYSQL_URL##*:}
port=${port%%/*}

sql "ALTER TABLE chat_metrics ADD CONSTRAINT no_poison
	CHECK (tag IS NULL OR tag <> 'poison')"
{
	rows t s1 1 4 40
	rows u s1 1 4 40
	rows t s2 2 3 40 6 | sed '/"chat":"1017"/s/"tag":[^,]*/"tag":"poison"/'
	rows t s3 3 3 40 11 | sed '/"chat":"1019"/s/"messages":[0-9]*/"messages":-1/'
	rows u s2 2 2 40 9 | sort -r # the end first
} >"$tmp/rows"
printf '[sink]\nbatch = 11\n[mysql]\nwait_timeout = 3m\n' >"$tmp/conf"

code 65 "$sink" -c "$tmp/conf" -f "$tmp/rows"
grep -v '^sink: snapshot' "$tmp/err" >"$tmp/letters"
dump >"$tmp/want"

for spoils in 1 8 100 '8 begin'; do
	empty
	rm -f "$tmp/port"
	read -r times what <<<"$spoils"
	python3 -B tests/e2e/dbproxy.py "$port" "$times" "$tmp/port" ${what:+"$what"} \
		>"$tmp/spoilt" &
	proxy=$!
	until_true 10 test -s "$tmp/port" || fail "no proxy"
	code 65 env MYSQL_URL="${MYSQL_URL/:$port\//:$(cat "$tmp/port")/}" \
		"$sink" -c "$tmp/conf" -f "$tmp/rows"
	kill $proxy
	wait $proxy
	[ "$(cat "$tmp/spoilt")" -ge 1 ] || fail "none was spoilt"
	same "$tmp/want"
	grep -v '^sink: snapshot' "$tmp/err" >"$tmp/again"
	diff "$tmp/letters" "$tmp/again" || fail "other dead letters"
done
