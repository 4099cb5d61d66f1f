# shellcheck shell=sh
# lib.sh: what the scripts share. Sourced, by bash and by sh, after $0 is known
# and before the options are read. It sets $me and $here and starts nothing.
#
# Where the programs are: -b DIR, else $MESSAGING_BIN, else build/bin of the
# checkout these scripts stand in, else ../../../bin (PREFIX/bin, when they are
# installed in PREFIX/share/messaging-analytics/scripts), else the PATH.
# PROGRAM_PREFIX is put before each name.

# shellcheck disable=SC2034 # used by whoever reads this file
{
	me=${0##*/}
	here=$(cd "$(dirname "$0")" && pwd)
	bin=${MESSAGING_BIN:-}
	config=
}

die() {
	code=$1
	shift
	echo "$me: $*" >&2
	exit "$code"
}

# The comment at the head of the script is its help.
help() {
	sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
	exit 0
}

usage_error() {
	echo "$me: $*" >&2
	echo "Try '$me -h'." >&2
	exit 64
}

# program NAME: how to call it.
program() {
	name=${PROGRAM_PREFIX:-}$1
	for dir in "$bin" "$here/../build/bin" "$here/../../../bin"; do
		if [ -n "$dir" ] && [ -x "$dir/$name" ]; then
			echo "$dir/$name"
			return
		fi
		[ -z "$bin" ] || break
	done
	[ -n "$bin" ] || command -v "$name" || :
}

# Sets the variable of that name to each program's path, or ends.
need_programs() {
	for need; do
		path=$(program "$need")
		[ -n "$path" ] || die 69 "cannot find the program '$need';" \
			"build it with make, or say where it is with -b DIR"
		eval "$need=\$path"
	done
}

# The configuration that the programs would take, as an absolute path in
# $config; empty when there is none and the environment must be enough.
find_config() {
	if [ -z "$config" ]; then
		config=${MESSAGING_CONFIG:-}
	fi
	if [ -z "$config" ] && [ -r messaging.conf ]; then
		case $(stat -c %u messaging.conf) in
		0 | "$(id -u)") config=messaging.conf ;;
		esac
	fi
	if [ -z "$config" ] && [ -r /etc/messaging-analytics/messaging.conf ]; then
		config=/etc/messaging-analytics/messaging.conf
	fi
	[ -n "$config" ] || return 0
	[ -r "$config" ] ||
		die 78 "cannot read the configuration '$config'; check its name and mode"
	config=$(realpath "$config")
	export MESSAGING_CONFIG="$config"
}

# take_lock NAME FILE: one run at a time for each configuration and user, on
# descriptor 9, which the programs inherit: it is free when all have ended,
# however they ended. Returns 1 when another run holds it. $lock is the file.
take_lock() {
	lock=$2
	if [ -z "$lock" ]; then
		lock=/run/lock
		[ -w $lock ] || lock=/tmp
		lock=$lock/messaging-$1-$(id -u)-$(echo "$config" | cksum | cut -d ' ' -f 1)
	fi
	# >> does not empty the file: the run before has its start in it.
	{ exec 9>>"$lock"; } 2>/dev/null ||
		die 73 "cannot open the lock '$lock'; choose another with -l FILE"
	flock -n 9 || return 1
	date +%s >"$lock"
}

# lock_age: for how many seconds the other run has held the lock.
lock_age() {
	began=$(cat "$lock" 2>/dev/null) || :
	case $began in
	'' | *[!0-9]*) echo 0 ;;
	*) echo $(($(date +%s) - began)) ;;
	esac
}

# skip_or_complain SECONDS: what a run does that found the lock taken.
skip_or_complain() {
	age=$(lock_age)
	[ "$age" -lt "$1" ] || die 75 "the run before this one has been at work for" \
		"$age s; look what holds it up: fuser -v '$lock'"
	exit 0
}
