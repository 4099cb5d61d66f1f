#!/bin/sh
# Names of endpoints in all four programs: an invalid name, or one that does not
# fit its use, is refused when it is read, with and without -n, in one line that
# says what to write. An option exits with 64, a configuration with 78.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/names.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset AMQP_URL MESSAGING_CONFIG
export CRM_TOKEN=t CRM_URL=http://127.0.0.1:1 MYSQL_URL=mysql://u:p@127.0.0.1:1/d
PATH=$BIN:$PATH
cd "$tmp"

# refuses CODE TEXT COMMAND...: prints exactly one line on stderr, with TEXT.
refuses() {
	want=$1 text=$2 got=0
	shift 2
	"$@" >out 2>err </dev/null || got=$?
	if [ "$got" != "$want" ] || [ "$(wc -l <err)" != 1 ] || [ -s out ] ||
		! grep -qF -e "$text" err; then
		echo "$*: exit $got, not $want; said: $(cat out err)"
		exit 1
	fi
}

# each COMMAND...: tries each bad name in place of the one that COMMAND lacks.
each() {
	refuses 64 "'queue:' lacks the name of the queue; write queue:NAME" \
		"$@" queue:
	refuses 64 "'queu:q' is not an endpoint" "$@" queu:q
	refuses 64 "'' is not an endpoint" "$@" ''
	refuses 64 "'exchange:x' is not an endpoint" "$@" exchange:x
	refuses 64 "'unix:x' is not an endpoint" "$@" unix:x
}

for dry in -q -n; do
	each aggregator "$dry" -f
	each aggregator "$dry" --explain c1 -f
	each aggregator "$dry" --publish -t queue:q -f
	each aggregator "$dry" --declare -f
	each aggregator "$dry" -t
	each aggregator "$dry" --publish -t
	each aggregator "$dry" --dead-letters -f queue:q.dead -t
	each aggregator "$dry" -f queue:q --assign-to
	each poller "$dry" -t
	each poller "$dry" --listen 127.0.0.1:0 -t
	each poller "$dry" --status -f
	each poller "$dry" --assign -f
	each sink "$dry" -f
	each reaper "$dry" -f
	each reaper "$dry" --list -t

	printf '[sink]\nfrom = queue:\n' >sink.conf
	refuses 78 "[sink] from: 'queue:' lacks the name of the queue; write" \
		sink "$dry" -c sink.conf
	printf '[poller]\nto = queue:\n' >poller.conf
	refuses 78 "[poller] to: 'queue:' lacks the name of the queue; write" \
		poller "$dry" -c poller.conf
	printf '[aggregator]\nassign_to = queue:\nstate = s\n' >aggregator.conf
	refuses 78 "[aggregator] assign_to: 'queue:' lacks the name" \
		aggregator "$dry" -c aggregator.conf -f queue:q
done

# The longest name of a queue.
name=$(printf '%0200d' 0)
sink -n -f "queue:$name"
refuses 64 "is not a valid name for a queue; use up to 200" \
	sink -n -f "queue:0$name"

# No endpoint is both read and written: a file would be emptied before or after
# it is read.
echo '{"type":"chat","tenant":"t","chat":"7","at":"2026-11-20T10:00:00Z"}' >in
cp in kept
ln in hard
ln -s in soft
for dry in -q -n; do
	for to in in hard soft "$tmp/in"; do
		same="'$to' is also the input; choose another -t"
		refuses 64 "$same" poller "$dry" --status -f in -t "$to"
		refuses 64 "$same" poller "$dry" --assign -f in -t "$to"
		refuses 64 "$same" aggregator "$dry" -f in -t "$to"
		refuses 64 "$same" aggregator "$dry" --explain c -f in -t "$to"
		refuses 64 "$same" aggregator "$dry" --publish -f in -t "$to"
	done
	same="'queue:q' is also the input; choose another -t"
	refuses 64 "$same" poller "$dry" --status -f queue:q -t queue:q
	refuses 64 "$same" poller "$dry" --assign -f queue:q -t queue:q
	refuses 64 "$same" aggregator "$dry" -f queue:q -t queue:q --state st
	refuses 64 "$same" aggregator "$dry" --input eventcounter -f queue:q \
		-t queue:q
	refuses 64 "'queue:q' is also the input; choose another --assign-to" \
		aggregator "$dry" -a allocation -f queue:q --every 1s --state st \
		--assign-to queue:q
	refuses 64 "'rows' is also the output of rows; choose another --assign-to" \
		aggregator "$dry" -a allocation -f queue:q --state st \
		--assign-to rows -t rows
	# A key that nothing uses does no harm.
	printf '[aggregator]\nassign_to = queue:rows\nstate = s\n' >same.conf
	refuses 78 "[aggregator] assign_to: 'queue:rows' is also the output of rows" \
		aggregator "$dry" -c same.conf -f queue:q -t queue:rows \
		--every 1s -a allocation
	printf '[aggregator]\nassign_to = queue:q\nstate = s\n' >in.conf
	refuses 78 "[aggregator] assign_to: 'queue:q' is also the input; choose" \
		aggregator "$dry" -c in.conf -f queue:q -t queue:rows \
		--every 1s -a allocation
done
aggregator -n -c same.conf -f queue:q -t queue:rows
refuses 64 "'in' is also the input; choose another --archive" \
	reaper -f in --archive in
got=0
# shellcheck disable=SC2094 # that is what is refused
aggregator -t in <in 2>err || got=$?
[ $got = 64 ] || { echo "its own standard input: exit $got"; exit 1; }
cmp in kept
[ ! -e rows ]
aggregator -n -f /dev/null -t /dev/null
aggregator -n -f queue:q -t - --assign-to - -a allocation --state st

# Names that may turn out to be the same are not compared before they are
# opened.
aggregator -n --state s -f queue:q -t queue:x
poller -n -t queue:q
reaper -n -f queue:q
