#!/usr/bin/env bash
# A customer is forgotten in the event counter: its state and its files have an
# alias in the place of the id, the counts are what they were and go on, as those
# of the database do; with the counter away, while it runs, and killed at any time.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
"$BIN/sink" --migrate
state=$tmp/state
runs=0

sql() {
	"$servers" mysql "$tmp/servers" messaging -N -B -e "$1"
}
publish() { # OPTION...: events, whose counts are in a folder of their own
	runs=$((runs + 1))
	mkdir -p "$tmp/sent/$runs"
	"$TESTBIN/tools/event_publisher" -d -q counted -o "$tmp/sent/$runs" \
		-s $runs "$@" >/dev/null || fail "nothing was published"
}
counter=("$BIN/aggregator" --input eventcounter -f queue:counted
	--json-dir "$tmp/files" --state "$state" -t queue:rows)
count() { # OPTION...
	"${counter[@]}" "$@" || fail "the counter gives $?"
}
forget() { # CODE CUSTOMER
	expect "$1" "$BIN/reaper" --forget "$2" --tenant default --state "$state"
}
nothing_of() { # CUSTOMER
	local found
	found=$(grep -raFl "$1" "$state" "$tmp/files" || :)
	[ -z "$found" ] || fail "$1 is in $found"
}
# The files and the database have what was sent, those who are forgotten by one
# alias each.
same() { # CUSTOMER...
	"$BIN/sink" -f queue:rows --until-empty || fail "the sink gives $?"
	sql "SELECT user, event, count FROM event_counts WHERE tenant = 'default'" \
		>"$tmp/rows"
	python3 - "$tmp" "$@" <<-'END' || fail "other counts"
	import collections, glob, json, os, re, sys
	tmp, forgotten = sys.argv[1], sys.argv[2:]
	want, got = collections.Counter(), {}
	for path in glob.glob(tmp + "/sent/*/*.json"):
	    for user, n in json.load(open(path)).items():
	        want[user, os.path.basename(path)[:-5]] += n
	for path in glob.glob(tmp + "/files/*.json"):
	    for user, n in json.load(open(path)).items():
	        got[user, os.path.basename(path)[:-5]] = n
	rows = {(user, event): int(n) for user, event, n in
	        (line.split("\t") for line in open(tmp + "/rows"))}
	def by_user(counts):
	    users = collections.defaultdict(dict)
	    for (user, event), n in counts.items():
	        users[user][event] = n
	    return users
	want, got = by_user(want), by_user(got)
	aliases = {u for u in got if re.fullmatch("forgotten-[0-9a-f]{16}", u)}
	def of(users):
	    return sorted(sorted(c.items()) for c in users)
	assert len(aliases) == len(forgotten), aliases
	assert of(want.pop(c) for c in forgotten) == \
	    of(got[a] for a in aliases), (want, got)
	assert want == {u: got[u] for u in got if u not in aliases}, (want, got)
	assert by_user(rows) == got, (rows, got)
	END
}

echo "- counted; the state and the files have the ids"
publish -n 300
count --until-empty
same
for place in "$state" "$tmp/files"; do
	grep -raqF user_a "$place" || fail "$place has no user_a"
done

echo "- forgotten by the next run, when none runs now"
sleep 0 &
gone=$!
wait $gone
echo '{"user_a": ' >"$tmp/files/.created.json.$gone" # of one that was killed
forget 75 user_a
says "has not forgotten them yet; start its aggregator"
count --until-empty
forget 0 user_a
nothing_of user_a
same user_a

echo "- what comes later counts there, too"
publish -n 300
count --until-empty
nothing_of user_a
same user_a

echo "- while it runs, which goes on"
"${counter[@]}" 2>"$tmp/log" &
running=$!
publish -n 300
forget 0 user_b
nothing_of user_b
publish -n 300
forget 0 user_a
until_true 60 none_waits counted || fail "it does not go on"
kill $running
wait $running || fail "it gives $?"
same user_a user_b

echo "- killed at any time while it forgets"
publish -n 300
for i in 1 2 3 4 5 6 7 8; do
	[ "$i" != 4 ] || publish -n 300
	"${counter[@]}" 2>>"$tmp/log" &
	running=$!
	"$BIN/reaper" --forget user_c --tenant default --state "$state" \
		>"$tmp/out" 2>"$tmp/err" &
	reaper=$!
	sleep "$((RANDOM % 3)).$((RANDOM % 10))"
	kill -9 $running
	kill -9 $reaper 2>/dev/null || :
	wait $running $reaper 2>/dev/null || :
done
# A run that was not killed in time may have done it: then this one has heard of
# it, and another one would ask anew.
code=0
"$BIN/reaper" --forget user_c --tenant default --state "$state" 2>"$tmp/err" ||
	code=$?
[ $code = 0 ] || [ $code = 75 ] || fail "$(cat "$tmp/err")"
count --until-empty
[ $code = 0 ] || forget 0 user_c
nothing_of user_c
same user_a user_b user_c

echo "- of another tenant, or of an operator with the same id: nothing changes"
order() { # TENANT [ALIAS]
	"$TESTBIN/tools/forget_order" "$state" "$1" user_d '' 0 "${@:2}"
	count --until-empty
	[ -e "$state/forget/1.done" ] || fail "the order was not taken"
	rm "$state/forget/1.done"
	same user_a user_b user_c
}
order other forgotten-0123456789abcdef
order default ''

echo "- of an earlier version, which has no alias: nobody says that it is done"
"$TESTBIN/tools/forget_order" "$state" default user_d '' 0
expect 0 "${counter[@]}" --until-empty
grep -q "1.order' is an order of an earlier version" "$tmp/err" ||
	fail "$(cat "$tmp/err")"
[ -e "$state/forget/1.order" ] || fail "the order was taken"
