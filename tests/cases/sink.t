#!/bin/sh
# sink without a database: help, version, options, configuration; and that the
# migrations are numbered without a gap up to what the program knows.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/sink.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MYSQL_URL AMQP_URL MESSAGING_CONFIG
sink=$BIN/sink
migrations=$PWD/sink/migrations
cd "$tmp"

# expect CODE PATTERN COMMAND...: one line on stderr that says it.
expect() {
	want=$1 pattern=$2 got=0
	shift 2
	"$@" >out 2>err </dev/null || got=$?
	if [ "$got" != "$want" ] || [ "$(wc -l <err)" != 1 ] || [ -s out ] ||
		! grep -q -e "$pattern" err; then
		echo "$*: exit $got, not $want; said: $(cat out err)"
		exit 1
	fi
}

"$sink" -h >help
[ "$(head -n 1 help)" = "usage: sink [-hnqvV] [-c FILE] [-f FROM] [--until-empty] [--accept-loss]" ]
"$sink" -V | grep -q '^sink (messaging-analytics) [0-9]'

# What was asked for and could not be told is said, except to a reader who
# went away.
for option in -h -V; do
	got=0
	"$sink" "$option" >/dev/full 2>err || got=$?
	if [ "$got" != 74 ] || [ "$(wc -l <err)" != 1 ] ||
		! grep -q '^sink: cannot write standard output: No space' err; then
		echo "$option into a full device: exit $got: $(cat err)"
		exit 1
	fi
done

expect 64 "unknown option '-x'" "$sink" -x
expect 64 "unknown option '--x'" "$sink" --x
expect 64 "option '-f' needs a value" "$sink" -f
expect 64 '-o is for --check' "$sink" -o csv
expect 64 "unexpected argument 'rows'" "$sink" rows
expect 64 "no format 'xml'; there are table, ndjson and csv" "$sink" --check -o xml
expect 64 'exclude each other' "$sink" --check --migrate
expect 64 '--accept-loss is for storing rows, not for --check' \
	"$sink" --check --accept-loss
expect 64 '-f is for storing rows and --report, not for --migrate' \
	"$sink" --migrate -f queue:rows
expect 64 '--until-empty is for -f queue:NAME' "$sink" --until-empty
expect 78 'set \[mysql\] url or MYSQL_URL' "$sink"
expect 78 "cannot .*'none'" "$sink" -c none
echo '[mysql]
ulr = x' >typo
expect 78 "typo:2: unknown key 'ulr'" "$sink" -c typo

# What is not understood in a URL is not ignored.
MYSQL_URL='mysql://u:canary@127.0.0.1:1/db?ssl-mode=required' \
	expect 78 "url: 'ssl-mode' behind the '?'" "$sink" -n
MYSQL_URL=mysql://u:p@127.0.0.1:1/db "$sink" -n
MYSQL_URL='mysql://u:p@localhost/db?socket=/nowhere' "$sink" -n

# The queue may stand in the configuration.
printf '[sink]\nfrom = queue:rows\n' >queue
expect 64 '--until-empty is for -f queue:NAME' "$sink" -c queue -f - --until-empty
MYSQL_URL=mysql://u:p@127.0.0.1:1/db "$sink" -n -c queue --until-empty

# Checking the configuration asks no server.
MYSQL_URL=mysql://u:p@127.0.0.1:1/db "$sink" -n >out 2>&1
[ ! -s out ]

# A database that is away is told soon.
began=$(date +%s)
MYSQL_URL=mysql://u:p@127.0.0.1:1/db \
	expect 75 'connect to server on .*; is it running' "$sink" --check
[ $(($(date +%s) - began)) -le 5 ]

# --get lists its paths, and needs no database for that.
paths() { # CODE PATTERN PATH...
	want=$1 pattern=$2 got=0
	shift 2
	"$sink" --get "$@" >out 2>err </dev/null || got=$?
	if [ "$got" != "$want" ] || [ -s out ] ||
		! head -n 1 err | grep -q -e "$pattern" ||
		! grep -qx '  /api/v1/chats/{chat}' err; then
		echo "--get $*: exit $got, not $want; said: $(cat out err)"
		exit 1
	fi
}
paths 64 "'--get' needs a value; try 'sink --get -h'"
paths 66 '^sink: /api/v1/chat.csv?limit=1: there is no such path; the paths are' \
	'/api/v1/chat.csv?limit=1'
"$sink" --get -h | grep -qx '  /api/v1/now'
MYSQL_URL=mysql://u:p@127.0.0.1:1/db \
	"$sink" -n --get '/api/v1/chats/7/timeline.ndjson?at=1'

# It looks at all that the mode reads of it.
MYSQL_URL=mysql://u:p@127.0.0.1:1/db
export MYSQL_URL
(umask 077 && echo 0123456789abcdef0123456789abcdef >key)
printf '[serve]\nsecret_key_file = %s/key\n' "$PWD" >serve
echo 'proxies = nobody' | cat serve - >proxies
"$sink" -n -c serve --serve unix:socket
[ ! -e socket ]
expect 78 'no secret_key_file.*; run scripts/setup' "$sink" -n --serve 127.0.0.1:0
expect 64 "'here' is no address to listen on" "$sink" -n -c serve --serve here
expect 78 'proxies: ' "$sink" -n -c proxies --serve 127.0.0.1:0
expect 64 "'Mars/Base'" "$sink" -n --report r.html --zone Mars/Base
unset MYSQL_URL

# A host that is not this one is spoken to in plaintext only when told so, and
# that is said.
echo '[mysql]
plaintext = yes' >plain
MYSQL_URL=mysql://u:canary@db.example/db expect 0 'without TLS' "$sink" -n -c plain
if grep canary err; then exit 1; fi

n=0
for file in "$migrations"/*; do
	n=$((n + 1))
	case ${file##*/} in
	"$(printf %04d $n)"_*.sql) ;;
	*)
		echo "$file is not number $n"
		exit 1
		;;
	esac
done
