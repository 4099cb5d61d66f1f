# shellcheck shell=bash
# sinklib.sh: what the tests of the sink share: a private MariaDB in $tmp/db,
# rows to store, and the tables as text. Sourced; reads lib.sh.

# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

servers=$PWD/scripts/servers
# shellcheck disable=SC2034 # for those who source this
sink=$BIN/sink

stop_all() {
	"$servers" stop "$tmp/db" >/dev/null 2>&1 || :
	clean_up
}
trap stop_all EXIT

# start_db [SERVER]...: MariaDB, or what is named.
start_db() {
	[ $# -gt 0 ] || set -- mariadb
	"$servers" start "$tmp/db" "$@" >"$tmp/servers.log" 2>&1 ||
		fail "no servers: $(cat "$tmp/servers.log")"
	eval "$("$servers" env "$tmp/db")"
}

sql() {
	"$servers" mysql "$tmp/db" messaging -N -B -e "$1"
}

# is WHAT EXPECTED GOT
is() {
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# code EXPECTED COMMAND...: what it says goes to $tmp/err.
code() {
	local want=$1 got=0
	shift
	"$@" 2>"$tmp/err" || got=$?
	[ "$got" = "$want" ] ||
		fail "$*: exit $got, not $want: $(cat "$tmp/err")"
}

# one_line PATTERN: $tmp/err is one line and says that.
one_line() {
	[ "$(wc -l <"$tmp/err")" = 1 ] || fail "not one line: $(cat "$tmp/err")"
	grep -qE -e "$1" "$tmp/err" || fail "no '$1' in: $(cat "$tmp/err")"
}

# rows TENANT SNAPSHOT MINUTE OPERATORS CHATS [FIRST]: a snapshot of rows, as
# of 10:MINUTE; the metrics depend on the minute. Chats count from FIRST.
rows() {
	awk -v tenant="$1" -v snapshot="$2" -v minute="$3" -v operators="$4" \
		-v chats="$5" -v first="${6:-1}" '
	function head(table) {
		return "{\"type\":\"row\",\"table\":\"" table "\",\"tenant\":\"" \
			tenant "\",\"snapshot\":\"" snapshot "\""
	}
	BEGIN {
		as_of = sprintf("2026-11-20T10:%02d:00.000Z", minute)
		marker = "{\"type\":\"snapshot\",\"tenant\":\"" tenant \
			"\",\"snapshot\":\"" snapshot "\",\"at\":\"" as_of "\""
		print marker ",\"state\":\"begin\"}"
		for (i = 1; i <= operators; i++)
			print head("operator_metrics") ",\"operator\":\"" i \
				"\",\"name\":\"Op " i "\",\"available\":" \
				(i % 2 ? "true" : "false") ",\"open_chats\":" \
				minute + i ",\"reported_open_chats\":" i \
				",\"responses\":" minute \
				",\"avg_response_seconds\":" minute ".125" \
				",\"longest_wait_seconds\":null,\"as_of\":\"" \
				as_of "\"}"
		for (i = first; i < first + chats; i++)
			print head("chat_metrics") ",\"chat\":\"" 1000 + i \
				"\",\"operator\":" \
				(i % 5 ? "\"" 1 + i % 3 "\"" : "null") \
				",\"channel\":\"telegram\",\"customer\":\"" i \
				"\",\"customer_phone\":\"+55" i \
				"\",\"tag\":" (i % 2 ? "\"vip\"" : "null") \
				",\"status\":\"open\",\"opened_at\":" \
				"\"2026-11-20T09:00:00.000Z\",\"messages\":" \
				minute + i ",\"responses\":" minute \
				",\"avg_response_seconds\":" minute "." \
				sprintf("%03d", i % 1000) ",\"waiting_since\":" \
				(i % 2 ? "\"2026-11-20T09:59:00.500Z\"" : "null") \
				",\"as_of\":\"" as_of "\"}"
		print head("tenant_metrics") ",\"operators\":" operators \
			",\"open_chats\":" chats ",\"as_of\":\"" as_of "\"}"
		print marker ",\"state\":\"end\",\"records\":" \
			operators + chats + 1 "}"
	}' </dev/null
}

# The tables as text, but for the time of our own clock.
dump() {
	local table
	for table in operator_metrics chat_metrics tenant_metrics \
		event_counts messages message_views events \
		message_analytics assignments closed_chats \
		refused_rows; do
		echo "== $table"
		sql "SELECT * FROM $table" | sort
	done
	echo "== tenants"
	sql "SELECT tenant, as_of, snapshot, removed_at, pending_as_of,
		pending_snapshot, pending_records FROM tenants" | sort
}

# same FILE: the tables are as dumped there.
same() {
	dump >"$tmp/now"
	diff -u "$1" "$tmp/now" >"$tmp/diff" ||
		fail "the tables differ from $1: $(head -n 20 "$tmp/diff")"
}

empty() {
	sql "DELETE FROM operator_metrics; DELETE FROM chat_metrics;
		DELETE FROM tenant_metrics; DELETE FROM event_counts;
		DELETE FROM messages; DELETE FROM message_views;
		DELETE FROM events; DELETE FROM message_analytics;
		DELETE FROM assignments;
		DELETE FROM closed_chats; DELETE FROM refused_rows;
		DELETE FROM tenants"
}

# lock STATEMENT: the lock is that of a session that waits for a line. What the
# one before said must be gone: it is what tells that there is a lock.
lock() {
	rm -f "$tmp/locked"
	mkfifo "$tmp/hold"
	"$servers" mysql "$tmp/db" messaging -n <"$tmp/hold" >"$tmp/locked" &
	locker=$!
	exec 9>"$tmp/hold"
	echo "$1; SELECT 1;" >&9
	until_true 20 test -s "$tmp/locked" || fail "nothing is locked"
}
# A server learns late that a client is gone: it is told before.
unlock() {
	echo "ROLLBACK; UNLOCK TABLES; SELECT 'let go';" >&9
	until_true 20 grep -q 'let go' "$tmp/locked" || fail "it holds on"
	exec 9>&-
	wait $locker
	rm "$tmp/hold"
}

# checkout: the sink and its migrations in $tmp/copy, where they may be changed.
checkout() {
	mkdir -p "$tmp/copy/build/bin" "$tmp/copy/sink"
	cp "$sink" "$tmp/copy/build/bin/"
	cp -r sink/migrations "$tmp/copy/sink/"
	touch "$tmp/copy/Makefile"
	copy=$tmp/copy/build/bin/sink
}
