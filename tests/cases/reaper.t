#!/bin/sh
# reaper without a database: help, version, options, configuration. Options
# that say nothing together are refused, in one line.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/reaper.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MYSQL_URL AMQP_URL MESSAGING_CONFIG
reaper=$BIN/reaper
cd "$tmp"

# expect CODE PATTERN OPTION...: one line on stderr that says it.
expect() {
	want=$1 pattern=$2 got=0
	shift 2
	"$reaper" "$@" >out 2>err </dev/null || got=$?
	if [ "$got" != "$want" ] || [ "$(wc -l <err)" != 1 ] || [ -s out ] ||
		! grep -q -e "$pattern" err; then
		echo "reaper $*: exit $got, not $want; said: $(cat out err)"
		exit 1
	fi
}

"$reaper" -V | grep -q '^reaper (messaging-analytics) [0-9]'

expect 64 "unknown option '-x'" -x
expect 64 "option '-f' needs a value" -f
expect 64 "no format 'xml'; there are table, ndjson and csv" -o xml
expect 64 "unexpected argument 'chats'" chats
expect 64 'exclude each other' --export 5 --forget 5
expect 64 '-t takes a file' --export 5 -t queue:rows
expect 64 '-t takes a file' --export 5 -t exchange:rows
expect 64 '-t takes a file' --export 5 -t unix:rows
expect 64 '-t is for' --forget 5 -t gone
for mode in --export --forget; do
	expect 64 'has 1 to 191 bytes' -n $mode ''
	expect 64 'customer ends with a blank; no record' -n $mode '5 ' --tenant t
done
expect 64 'exclude each other' --list --purge t
expect 64 'exclude each other' --retention 30d --purge t
expect 64 '--archive is for deleting closed chats, --gone, --purge, --export and --forget, not for --retention' --retention 30d --archive gone
expect 64 'retention = 30 is not between 1d and 36500d; write the unit: ms, s, m, h or d' --retention 30
expect 64 'retention = 3h is not between' --retention 3h
expect 64 '--dry-run is for .*, not for --list' --list --dry-run
expect 64 '--force is for .*, not for --list' --list --force
expect 64 '--archive is for .*, not for --list' --list --archive gone
expect 64 '-f is for deleting closed chats, not for --list' --list -f queue:closed
expect 64 '-f is for deleting closed chats, not for --purge' --purge t -f chats
expect 64 '-f is for deleting closed chats, not for --retention' --retention 30d -f chats
expect 64 '-t is for --list' -t chats
expect 64 '-t takes records' --list -t chats -o csv
expect 64 '--until-empty is for -f queue:NAME' --until-empty
expect 64 '--until-empty is for -f queue:NAME' -f chats --until-empty
for mode in --list '--purge t' '--retention 30d'; do
	# shellcheck disable=SC2086 # a mode is several words
	expect 64 "until-empty is for .*, not for ${mode%% *}" $mode --until-empty
done
expect 78 'set \[mysql\] url or MYSQL_URL'
expect 78 "cannot .*'none'" -c none

# A database that is away is told soon; the next run of scripts/reap asks again.
MYSQL_URL=mysql://u:p@127.0.0.1:1/db
export MYSQL_URL
began=$(date +%s)
expect 75 'connect to server on .*; is it running' --list
[ $(($(date +%s) - began)) -le 5 ]
unset MYSQL_URL

# Checking the configuration asks no server.
MYSQL_URL=mysql://u:p@127.0.0.1:1/db "$reaper" -n -f queue:closed \
	--until-empty >out 2>&1
[ ! -s out ]
