# shellcheck shell=bash
# lib.sh: what the shell tests of tests/e2e share. Sourced; makes a private
# folder $tmp, goes away with everything that was started in it.

: "${BIN:=$PWD/build/bin}" "${TESTBIN:=$PWD/build/tests}"
unset AMQP_URL MYSQL_URL CRM_URL CRM_TOKEN CRM_TOKEN_FILE CRM_ACCOUNT CRM_PROFILE \
	CRM_TENANT MESSAGING_CONFIG
root=$PWD
tmp=$(mktemp -d "${TMPDIR:-/tmp}/$(basename "$0" .t).XXXXXX")
export XDG_STATE_HOME=$tmp/default-state

# Only what the shell knows to be running still: the number of a process that
# ended is soon another's, of another test, perhaps of its broker.
clean_up() {
	for pid in $(jobs -pr); do
		kill "$pid" 2>/dev/null || :
		kill -CONT "$pid" 2>/dev/null || : # a test may have stopped it
		wait "$pid" 2>/dev/null || :
	done
	rm -rf "$tmp"
}
trap clean_up EXIT
# Once: timeout(1) signals a test and then its group, and a second signal would end
# the cleaning up.
trap 'trap "" TERM INT HUP; exit 143' TERM INT HUP

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# In the group of the test, or the SIGTERM that ends a test would not reach the
# command, and the shell would stop no server before the command ends. In the
# background it is a shell's: what is to be killed there is run by env.
timeout() {
	command timeout --foreground "$@"
}

# until_true SECONDS COMMAND...: polls. They are seconds of a quiet machine; a
# busy one has four times as many. The pauses are a twentieth of the time that
# has passed, or twice what the command takes, and at most a second: a wait
# leaves the machine to what is waited for.
until_true() {
	local began=${EPOCHREALTIME//[.,]/} end=$((SECONDS + 4 * $1)) look now pause
	local overdue
	shift
	# The last look begins behind the end: one may take as long as all.
	while look=${EPOCHREALTIME//[.,]/} overdue=$((SECONDS - end)); ! "$@"; do
		[ $overdue -lt 0 ] || return 1
		now=${EPOCHREALTIME//[.,]/}
		pause=$(((now - began) / 20))
		[ $pause -ge $((2 * (now - look))) ] || pause=$((2 * (now - look)))
		[ $pause -ge 20000 ] || pause=20000
		[ $pause -le 999999 ] || pause=999999
		sleep "0.$(printf %06d $pause)"
	done
}

# not_at_midnight: for a test that asks more than once which day it is. It goes on
# when ten minutes of this day are left, or it is the next.
not_at_midnight() {
	local left=$((86400 - $(date +%s) % 86400))
	[ $left -gt 600 ] || sleep $left
}

# catches_term PID; for until_true: before it does, SIGTERM ends it like any
# process.
catches_term() {
	local caught
	caught=$(sed -n 's/^SigCgt:[^0-9a-f]*//p' "/proc/$1/status" 2>/dev/null)
	[ $((0x${caught:-0} & 0x4000)) != 0 ]
}

# shown_in PAGE HEADING [N]: the literal lines below that heading of PAGE, of
# the Nth block or of all, as they are typed.
shown_in() {
	awk -v heading="$2" -v only="${3:-0}" '
	/^\.S[hs] / { inside = substr($0, 5) == heading; next }
	!inside { next }
	/^\.Bd -literal/ { literal = 1; block++; next }
	/^\.Ed/ { literal = 0 }
	literal && (only == 0 || only == block)' "$root/man/man${1##*.}/$1" | sed 's/\\e/\\/g; s/\\(aq/'"'"'/g; s/\\&//g; s/^\$ //'
}

# start_sim OPTION...: a simulator; $sim is where it listens, and the
# programs find it through the environment.
start_sim() {
	rm -f "$tmp/port"
	"$TESTBIN/crm-sim" --port-file "$tmp/port" "$@" 2>"$tmp/sim.log" \
		>&2 </dev/null &
	until_true 20 test -s "$tmp/port" ||
		fail "the simulator does not start: $(cat "$tmp/sim.log")"
	sim=http://127.0.0.1:$(cat "$tmp/port")
	export CRM_URL=$sim/v1 CRM_TOKEN=sim-token
}

# shows PATH: what the CRM shows, without being counted.
shows() {
	curl -sS --fail -H 'X-Uncounted: 1' -H 'Authorization: sim-token' \
		"$CRM_URL$1"
}
