# shellcheck shell=bash disable=SC2034,SC2154 # names that demo and live set and read
# demo_world.sh: the world of demo and live: a folder in build/ with private
# servers, a simulated CRM and programs in the background, and how all of it is
# stopped, however the script ends. Sourced after lib.sh.

root=$(dirname "$here")
bin=${BIN:-$root/build/bin}
sim=${TESTBIN:-$root/build/tests}/crm-sim
load=${TESTBIN:-$root/build/tests}/load
probe=${TESTBIN:-$root/build/tests}/tools/amqp_probe
results=$root/build/demo

# On a terminal the table of the chats is drawn where it was before; bold type is
# for those who want it (no-color.org).
screen='' bold='' plain=''
if [ -t 1 ] && [ -n "${TERM:-}" ] && [ "${TERM:-}" != dumb ]; then
	screen=yes
	[ -n "${NO_COLOR:-}" ] ||
		bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi

say() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Begins a part of the demo, with the next number.
parts=0
part() {
	parts=$((parts + 1))
	say "$parts. $*"
}

wrong() {
	die 70 "$*"
}

# remember FILE PID: stores the process and its start time, so that a later
# process with the same number is not taken for it.
remember() {
	echo "$2 $(began "$2")" >"$1"
}

began() {
	sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# alive FILE: whether that process still runs; sets $pid.
alive() {
	local since
	[ -s "$1" ] || return 1
	read -r pid since <"$1"
	# A process that ended before it was stored has no start time.
	[ -n "$since" ] && [ "$(began "$pid")" = "$since" ]
}

# Servers last: the others use them.
stop_all() { # FOLDER
	local pid name
	for name in load listener aggregator assign sink serve sim qiscus; do
		if alive "$1/$name.pid"; then
			kill "$pid" 2>/dev/null || :
			wait "$pid" 2>/dev/null || :
		fi
	done
	[ ! -d "$1/servers" ] || "$here/servers" stop "$1/servers" || :
	rm -rf "$1"
}

at_exit() {
	rc=$?
	trap '' INT TERM HUP
	if [ -e "$tmp/kept" ]; then
		exit $rc
	fi
	if [ $rc != 0 ] && [ -s "$tmp/said" ]; then
		cat "$tmp/said" >&2
	fi
	stop_all "$tmp"
	exit $rc
}

# begin_world: makes the folder $tmp; what is in it is stopped at the end.
begin_world() {
	local each
	for each in "$bin"/{poller,aggregator,sink,reaper} "$sim" "$load" "$probe"; do
		[ -x "$each" ] || die 69 "'$each' is not built; run: make demo"
	done
	mkdir -p "$root/build"
	tmp=$(mktemp -d "$root/build/demo.XXXXXX")
	export XDG_STATE_HOME=$tmp/state # of programs without a configured folder
	remember "$tmp/pid" $$
	trap at_exit EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# start_servers: a broker and a database, in $tmp/servers.
start_servers() {
	"$here/servers" start "$tmp/servers" >"$tmp/said" 2>&1 ||
		wrong "the servers did not start"
}

# background NAME COMMAND...: runs it in the background; its output is in NAME.log.
background() {
	local name=$1
	shift
	"$@" >>"$tmp/$name.log" 2>&1 </dev/null &
	remember "$tmp/$name.pid" $!
}

# wait_for FILE NAME: the port that NAME writes when it is there.
wait_for() {
	for _ in $(seq 600); do
		[ ! -s "$1" ] || return 0
		alive "$tmp/$2.pid" || break
		sleep 0.05
	done
	wrong "the $2 did not start: $(cat "$tmp/$2.log")"
}

# start_crm OPTION...: the simulated CRM; $crm is where it listens.
start_crm() {
	background sim "$sim" --port-file "$tmp/port" --seed 7 --operators 5 \
		--dialogs 24 --messages 8 --token demo-token "$@"
	wait_for "$tmp/port" sim
	crm=http://127.0.0.1:$(cat "$tmp/port")
}

configure() {
	mkdir -m 700 "$tmp/state"
	(
		umask 077
		echo demo-token >"$tmp/token"
		eval "$("$here/servers" env "$tmp/servers")"
		cat >"$tmp/messaging.conf" <<-END
			[crm demo]
			url = $crm/v1
			token_file = $tmp/token
			customers = yes
			operators_every = 1m
			bot_operators = 10900

			[amqp]
			url = $AMQP_URL

			[mysql]
			url = $MYSQL_URL

			[poller]
			state = $tmp/state

			[aggregator]
			state = $tmp/stream

			[reaper]
			archive = $tmp/deleted.ndjson
		END
	)
	export MESSAGING_CONFIG=$tmp/messaging.conf
	config=$MESSAGING_CONFIG
}

# as_cron COMMAND...: runs it like cron: a bare environment, no terminal. Output
# would be a mail; there must be none.
as_cron() {
	env -i HOME="$tmp" SHELL=/bin/sh PATH=/usr/bin:/bin \
		MESSAGING_CONFIG="$MESSAGING_CONFIG" MESSAGING_BIN="$bin" \
		"$@" >"$tmp/said" 2>&1 </dev/null ||
		wrong "'$*' failed with $?"
	[ ! -s "$tmp/said" ] || wrong "'$*' is not silent"
}

job() {
	as_cron "$here/job" -l "$tmp/job.lock"
}

reap() {
	as_cron "$here/reap" -l "$tmp/reap.lock"
}

# control PATH: a control call of the simulated CRM.
control() {
	curl -sS --fail -X POST "$crm/control/$1" >"$tmp/said" ||
		wrong "the CRM refused '$1'"
}

# Prints a value from the database.
ask() {
	sql "$1;"
}
