#!/bin/sh
# Errors of the system, injected into calls of the programs: each ends with the
# code and the way out that common/base/syserr.c has for it, wherever it strikes.
# What a disk or a machine lacks is never the fault of a name (66, 73, 78):
# after that no unit starts a program again.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/syserr.XXXXXX")
listener=''
clean_up() {
	for pid in $listener; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	rm -rf "$tmp"
}
trap clean_up EXIT
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
{
	echo '[crm acme]'
	echo '[listen]'
	echo 'tenant = acme'
	echo 'wait_timeout = 200ms'
} >spool.conf
chmod 600 conf listen.conf spool.conf

# inject CALL ERRNO PATH CODE PATTERN COMMAND...: such calls fail, on that file or
# with an empty PATH all; one line on stderr says it. Leaks cannot be looked for
# under strace.
inject() {
	call=$1 err=$2 path=$3 want=$4 pattern=$5 got=0
	shift 5
	# shellcheck disable=SC2094 # strace's options only look like reading
	ASAN_OPTIONS=detect_leaks=0 timeout 60 strace -f -qq -o trace \
		${path:+-P "$path"} -e "trace=$call" -e "inject=$call:error=$err" "$@" \
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

# The archive, before the database is reached for.
printf '[mysql]\nurl = mysql://u@127.0.0.1:1/d\n' >db.conf
printf '[amqp]\nwait_timeout = 100ms\n' >broker.conf
chmod 600 db.conf broker.conf
echo '{"type":"chat","tenant":"t","chat":"1","status":"closed","at":"2026-11-20T10:00:00Z"}' \
	>chat
set -- "$BIN/reaper" -c db.conf -f chat --archive "$tmp/archive"
opening "$tmp/archive" 73 "$@"
printf '{"type":"row"}\n{"type":"row"' >archive
chmod 600 archive
for at in 1 2; do
	inject pread64 "EIO:when=$at" "$tmp/archive" 74 'be dying' "$@"
done
# The first one only looks whether it is the input, too.
for at in 2 3; do
	inject /fstat "EIO:when=$at" "$tmp/archive" 74 'be dying' "$@"
done
inject ftruncate EIO "$tmp/archive" 74 'be dying' "$@"
rm archive

# A report to be replaced, before the database is reached for.
set -- "$BIN/sink" -c db.conf --report "$tmp/report.html" --tenant t
echo '<!doctype html>' >report.html
opening "$tmp/report.html" 73 "$@"
inject pread64 EIO "$tmp/report.html" 74 'be dying' "$@"
inject /fstat EIO "$tmp/report.html" 74 'be dying' "$@"

# The files of a stream's and of the event counter's state, before the broker
# is reached for. A disk that does not give a byte says nothing of the state:
# nobody is to remove it for that.
keeping() { # COMMAND...
	for file in stream.mdb.new stream.acknowledged stream.sums \
		stream.log.new stream.lock; do
		while read -r err code way; do
			rm -rf "$tmp/ks"
			inject openat "$err" "$tmp/ks/$file" "$code" "$way" "$@"
		done <<-END
			EMFILE 75 stream.*LimitNOFILE
			EIO 74 stream.*disk may be dying
			ENOSPC 74 stream.*make room
			EACCES 73 stream.*owner and mode
		END
	done
	while read -r call file; do
		for err in 'EIO disk may be dying' 'ENOSPC make room'; do
			rm -rf "$tmp/ks"
			inject "$call" "${err%% *}" "$tmp/ks/$file" 74 \
				"'$tmp/ks/${file%.new}': .*; .*${err#* }" "$@"
		done
	done <<-END
		pwrite64 stream.mdb.new
		fdatasync stream.mdb.new
		pwrite64 stream.acknowledged
		fdatasync stream.acknowledged
		pwrite64 stream.sums
		fdatasync stream.sums
		pwritev stream.log.new
		fallocate stream.log.new
		fsync stream.log.new
	END
	rm -rf "$tmp/ks"
	for file in stream.acknowledged stream.sums stream.log.new; do
		inject openat ENOMEM "$tmp/ks/$file" 75 MemoryMax "$@"
		rm -rf "$tmp/ks"
	done
	inject mmap ENOMEM "$tmp/ks/stream.mdb.new" 75 'MiB of addresses' "$@"
	rm -rf "$tmp/ks"
	"$@" 2>err </dev/null || [ $? = 75 ]
	while read -r call file; do
		inject "$call" EIO "$tmp/ks/$file" 74 \
			"'$tmp/ks/$file': .*disk may be dying" "$@"
		inject "$call" ENOMEM "$tmp/ks/$file" 75 "ks/$file" "$@"
	done <<-END
		openat stream.mdb
		pread64 stream.mdb
		openat stream.acknowledged
		pread64 stream.acknowledged
		openat stream.sums
		read stream.sums
		openat stream.log
		pread64 stream.log
		read stream.log
	END
	inject mmap ENOMEM "$tmp/ks/stream.mdb" 75 'MiB of addresses' "$@"
}
export AMQP_URL=amqp://u:p@127.0.0.1:1/v
set -- -c broker.conf -f queue:q -t queue:r --state "$tmp/ks" --until-empty
keeping "$BIN/aggregator" "$@" --every 20ms
keeping "$BIN/aggregator" "$@" --input eventcounter
unset AMQP_URL

# begun PORT_FILE: waits until a server wrote its port there.
begun() {
	turns=0
	until [ -s "$1" ]; do
		turns=$((turns + 1))
		if [ $turns -gt 2000 ]; then
			echo "no server: $(cat err)"
			exit 1
		fi
		sleep 0.02
	done
}

# The listener takes what it needs before anybody may ask.
set -- "$BIN/poller" -c listen.conf --listen 127.0.0.1:0 --state "$tmp/st" \
	-t out.ndjson
while read -r err code way; do
	inject '/^mkdir' "$err" "$tmp/st" "$code" "$way" "$@"
done <<-END
	ENOSPC 74 make room
	EIO 74 disk may be dying
	EROFS 73 disk is read-only
	EACCES 73 owner and mode
END
for call in socket bind epoll_create1; do
	inject "$call" EMFILE '' 75 LimitNOFILE "$@"
	inject "$call" ENOMEM '' 75 MemoryMax "$@"
done
inject bind EADDRINUSE '' 69 'another address' "$@"
inject bind EACCES '' 77 'owner and mode' "$@"
rm -r st
for file in lock acknowledged.new; do
	opening "$tmp/st/spool/$file" 73 "$@"
done
for call in pwrite64 fsync; do
	inject "$call" ENOSPC "$tmp/st/spool/acknowledged.new" 74 'make room' "$@"
	inject "$call" EIO "$tmp/st/spool/acknowledged.new" 74 'be dying' "$@"
done

# refusing CALL ERRNO FILE PATTERN: a listener whose spool fails so while the
# broker is away refuses the request, says why, and goes on.
refusing() {
	rm -rf st port
	AMQP_URL=amqp://u:p@127.0.0.1:1/v ASAN_OPTIONS=detect_leaks=0 \
		strace -D -f -qq -o trace -P "$tmp/st/spool/$3" \
		-e "trace=$1" -e "inject=$1:error=$2" "$BIN/poller" \
		-c spool.conf --listen 127.0.0.1:0 --port-file port \
		--state "$tmp/st" -t queue:q >out 2>err </dev/null &
	listener=$!
	begun port
	status=$(curl -sS -o answer -w '%{http_code}' -H 'Content-Type: application/json' \
		-d '{"sender_id":"c1","receiver_id":"ann","content":"?"}' \
		"http://127.0.0.1:$(cat port)/api/v1/messages/send")
	kill "$listener"
	got=0
	wait "$listener" || got=$?
	listener=''
	if [ "$status $got" != '503 0' ] || ! grep -q INJECTED trace ||
		! grep -q "cannot write to '$tmp/st/spool': .*; .*$4" err; then
		echo "$1 $2 on $3: answer $status, exit $got: $(cat err answer)"
		exit 1
	fi
}
for call in write fsync; do
	refusing $call ENOSPC 0000000001.ndjson 'make room'
	refusing $call EDQUOT 0000000001.ndjson quota
	refusing $call EIO 0000000001.ndjson 'disk may be dying'
done
refusing openat EMFILE 0000000001.ndjson LimitNOFILE
refusing openat EACCES 0000000001.ndjson 'owner and mode'
# One that starts again.
inject pread64 EIO "$tmp/st/spool/acknowledged" 74 'be dying' "$@"

echo "ok: what a machine lacks is told from what a name gets wrong"
