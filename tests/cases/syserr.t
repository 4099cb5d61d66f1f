#!/bin/sh
# Errors of the system, injected into calls of the programs: each ends with the
# code and the way out that common/base/syserr.c has for it, wherever it strikes.
# What a disk or a machine lacks is never the fault of a name (66, 73, 78):
# after that no unit starts a program again.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/syserr.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MYSQL_URL AMQP_URL MESSAGING_CONFIG
small=$PWD/tests/records/small.ndjson
cd "$tmp"

if ! strace -o /dev/null true 2>/dev/null; then
	echo "no process may be traced here"
	exit 77
fi

cp "$small" in
printf '%032d\n' 7 >token
chmod 600 token
{
	echo '[mysql]'
	echo 'url = mysql://u@127.0.0.1:1/d'
	echo '[crm acme]'
} >conf
{
	echo '[crm acme]'
	echo '[listen]'
	echo 'tenant = acme'
	echo "secret_key_file = $tmp/token"
} >listen.conf
chmod 600 conf listen.conf

# inject CALL ERRNO PATH CODE PATTERN COMMAND...: the first such call on that
# file fails; one line on stderr says it. Leaks cannot be looked for under
# strace.
inject() {
	call=$1 err=$2 path=$3 want=$4 pattern=$5 got=0
	shift 5
	# shellcheck disable=SC2094 # strace's options only look like reading
	ASAN_OPTIONS=detect_leaks=0 timeout 60 strace -f -qq -o trace -P "$path" \
		-e "trace=$call" -e "inject=$call:error=$err" "$@" \
		>out 2>err </dev/null || got=$?
	if [ "$got" != "$want" ] || [ "$(wc -l <err)" != 1 ] ||
		! grep -q -e "$pattern" err || ! grep -q INJECTED trace; then
		echo "$call $err on $path: $*"
		echo "exit $got, not $want; said: $(cat err)"
		exit 1
	fi
}

# opening PATH NAMED COMMAND...: each kind of error in turn; NAMED is the code
# of who gave the name.
opening() {
	path=$1 named=$2
	shift 2
	while read -r err code way; do
		[ "$code" != named ] || code=$named
		inject openat "$err" "$path" "$code" "$way" "$@"
	done <<-END
		EMFILE 75 LimitNOFILE
		ENFILE 75 fs.file-max
		ENOMEM 75 MemoryMax
		EIO 74 disk may be dying
		ENOSPC 74 make room
		EACCES named owner and mode
	END
}

set -- "$BIN/aggregator" -q -o ndjson -f "$tmp/in" -t "$tmp/rows"
opening "$tmp/in" 66 "$@"
opening "$tmp/rows" 73 "$@"
inject read EIO "$tmp/in" 74 'disk may be dying' "$@"
for call in write fsync; do
	inject "$call" ENOSPC "$tmp/rows" 74 'No space.*; make room' "$@"
	inject "$call" EDQUOT "$tmp/rows" 74 quota "$@"
	inject "$call" EFBIG "$tmp/rows" 74 'size of files' "$@"
	inject "$call" EIO "$tmp/rows" 74 'disk may be dying' "$@"
done

opening "$tmp/conf" 78 "$BIN/sink" -n -c "$tmp/conf"
opening "$tmp/conf" 78 "$BIN/reaper" -n -c "$tmp/conf"
opening "$tmp/conf" 78 "$BIN/poller" -n -c "$tmp/conf"
opening "$tmp/conf" 78 "$BIN/aggregator" -c "$tmp/conf" -f "$tmp/in"
inject read EIO "$tmp/conf" 74 'disk may be dying' "$BIN/sink" -n -c "$tmp/conf"

set -- "$BIN/poller" -c listen.conf --listen 127.0.0.1:0 -t out.ndjson
opening "$tmp/token" 78 "$@"

# The state of a poll: its folder, its lock, its file.
printf '[crm acme]\nurl = http://127.0.0.1:1\ntoken = x\n' >poll.conf
chmod 600 poll.conf
set -- "$BIN/poller" -c poll.conf --state "$tmp/kept" -t out.ndjson
mkdir kept
opening "$tmp/kept/acme.mdb" 73 "$@"
echo "ok: what a machine lacks is told from what a name gets wrong"
