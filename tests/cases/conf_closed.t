#!/bin/sh
# If /etc has a configuration that this user may not read, the error about a
# missing setting mentions it, and no other message does. Messages in a file have
# a time.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/conf_closed.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MESSAGING_CONFIG CRM_URL CRM_TOKEN CRM_TOKEN_FILE CRM_TENANT MYSQL_URL AMQP_URL
cd "$tmp"
if ! unshare -rm true 2>/dev/null; then
	echo "this user may not have mounts of its own"
	exit 77
fi

# run COMMAND...: with a configuration in /etc that nobody can read: a link to
# itself.
run() {
	code=0
	unshare -rm sh -c 'mount -t tmpfs none /etc &&
		mkdir /etc/messaging-analytics && cd /etc/messaging-analytics &&
		ln -s messaging.conf messaging.conf && cd "$0" && "$@"' \
		"$tmp" "$@" >out 2>err </dev/null || code=$?
}

# mentions CODE COMMAND...: one line, about a setting and about the file.
mentions() {
	want=$1
	shift
	run "$@"
	if [ "$code" != "$want" ] || [ "$(wc -l <err)" != 1 ] ||
		! grep -q "^20[0-9T:.-]*Z [a-z]*: .*set .*; '/etc/messaging-analytics/messaging.conf' cannot be read" \
			err; then
		echo "$*: exit $code, not $want; said: $(cat out err)"
		exit 1
	fi
}

# silent COMMAND...: does not mention the file.
silent() {
	run "$@"
	if grep messaging.conf err; then
		echo "that is nothing to $*"
		exit 1
	fi
}

mentions 78 "$BIN/poller"
mentions 78 "$BIN/sink"
mentions 78 "$BIN/reaper" --list
mentions 78 "$BIN/aggregator" -f queue:records --state state
silent "$BIN/poller" -h
silent "$BIN/aggregator"
silent env CRM_TOKEN=t "$BIN/poller" -n
silent env MYSQL_URL=mysql://u:p@127.0.0.1/db "$BIN/sink" -n
[ "$code" = 0 ]
