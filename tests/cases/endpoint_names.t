#!/bin/sh
# The names of endpoints that all four programs take: one that can be none, or
# is none for that use, is refused when it is read, with -n and without it, in
# one line that says what to write. An option gives 64, a configuration 78.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/names.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset AMQP_URL MESSAGING_CONFIG
export CRM_TOKEN=t CRM_URL=http://127.0.0.1:1 MYSQL_URL=mysql://u:p@127.0.0.1:1/d
PATH=$BIN:$PATH
cd "$tmp"

# refuses CODE TEXT COMMAND...: one line on stderr that says it, and no more.
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

# each USE COMMAND...: the command lacks a name, each bad one is tried.
each() {
	use=$1
	shift
	refuses 64 "'queue:' lacks the name of the queue; write queue:NAME" \
		"$@" queue:
	refuses 64 "'queu:q' is no endpoint" "$@" queu:q
	refuses 64 "'' is no endpoint" "$@" ''
	if [ "$use" = to ]; then
		refuses 64 "'exchange:' lacks the name of the exchange; write" \
			"$@" exchange:
	else
		refuses 64 "'exchange:' can be written to only; read" \
			"$@" exchange:
		refuses 64 "'exchange:x' can be written to only; read" \
			"$@" exchange:x
	fi
	if [ "$use" = from ]; then
		refuses 64 "only sink reads 'unix:x'; take" "$@" unix:x
	else
		refuses 64 "'unix:' lacks the path of the socket; write" \
			"$@" unix:
	fi
}

for dry in -q -n; do
	each from aggregator "$dry" -f
	each from aggregator "$dry" --explain c1 -f
	each from aggregator "$dry" --publish -t queue:q -f
	each from aggregator "$dry" --declare -f
	each to aggregator "$dry" -t
	each to aggregator "$dry" --publish -t
	each to aggregator "$dry" --dead-letters -f queue:q.dead -t
	each to aggregator "$dry" -a allocation --assign-to
	each to poller "$dry" -t
	each to poller "$dry" --listen 127.0.0.1:0 -t
	each from poller "$dry" --status -f
	each from poller "$dry" --assign -f
	each socket sink "$dry" -f
	each from reaper "$dry" -f
	each to reaper "$dry" --list -t

	printf '[sink]\nfrom = queue:\n' >sink.conf
	refuses 78 "[sink] from: 'queue:' lacks the name of the queue; write" \
		sink "$dry" -c sink.conf
	printf '[poller]\nto = queue:\n' >poller.conf
	refuses 78 "[poller] to: 'queue:' lacks the name of the queue; write" \
		poller "$dry" -c poller.conf
	printf '[aggregator]\nassign_to = exchange:\nstate = s\n' >aggregator.conf
	refuses 78 "[aggregator] assign_to: 'exchange:' lacks the name" \
		aggregator "$dry" -c aggregator.conf -f queue:q
done

# What may be one is none's business before it is opened.
aggregator -n -t unix:x
aggregator -n --state s -f queue:q -t exchange:x
poller -n -t queue:q
sink -n -f unix:x
reaper -n -f queue:q
