# shellcheck shell=sh
# setup-daemons.sh: the daemons that setup starts, restarts and stops.

units=$here/units examples=$here/examples
[ -d "$units" ] || units=$here/../examples examples=$here/../examples
systemd=/etc/systemd/system
hardening=$systemd/messaging-.service.d/hardening.conf

# Daemons are units if root sets up a machine with systemd. Otherwise, they are
# processes; $state/NAME.pid has their number and start.
has_units() {
	[ "$as" != "$me_user" ] && [ -d /run/systemd/system ]
}

program_of() { # DAEMON
	case $1 in
	board | sink) realpath "$sink" ;;
	aggregator) realpath "$aggregator" ;;
	listener) realpath "$poller" ;;
	esac
}

unit_of() { # DAEMON
	case $1 in
	board) echo messaging-api.service ;;
	*) echo "messaging-$1.service" ;;
	esac
}

# install_unit DAEMON [ADDRESS]: keeps the unit if it is there.
install_unit() {
	unit=$systemd/$(unit_of "$1")
	if [ -e "$unit" ]; then
		say "Keeping $unit"
	else
		say "Starting $(unit_of "$1")${2:+ at $2}"
		mkdir -p "${hardening%/*}"
		cp "$units/messaging-hardening.conf" "$hardening"
		sed -e "s,^User=.*,User=$as," \
			-e "s,^ExecStart=[^ ]*,ExecStart=$(program_of "$1")," \
			-e "s,-c [^ ]*\.conf,-c $config," \
			-e "s,\(--serve\|--listen\) [^ ]*,\1 ${2:-}," \
			"$units/${unit##*/}" >"$unit"
		chmod 644 "$unit" "$hardening"
		systemctl daemon-reload
	fi
	systemctl enable --now "$(basename "$unit" .service)"
}

# start_process DAEMON [ADDRESS]: keeps the process if it runs.
start_process() {
	if alive "$state/$1.pid"; then
		say "Keeping the $1 that runs as process $pid"
		return
	fi
	say "Starting the $1${2:+ at $2}"
	port=$state/$1.port
	case $1 in
	board) set -- "$1" "$2" --serve "$2" --port-file "$port" ;;
	listener) set -- "$1" "$2" --listen "$2" --port-file "$port" \
		-t queue:records --state "$state/listener" ;;
	aggregator) set -- "$1" '' -f queue:records -t queue:rows \
		--state "$state/aggregator" ;;
	sink) set -- "$1" '' -f queue:rows ;;
	esac
	name=$1 address=$2
	shift 2
	rm -f "$port"
	# The exec: a redirected function would keep the old output open, and the
	# locks of pause_jobs; then `setup | cat` would not end before the daemon.
	# shellcheck disable=SC2016 # for the inner shell
	(exec >>"$state/$name.log" 2>&1 </dev/null 7<&- 8<&-
		as setsid sh -c '. "$1" && remember "$2.pid" $$ && shift 2 &&
			exec "$@"' sh "$here/process.sh" "$state/$name" \
			"$(program_of "$name")" -v -c "$config" "$@") &
	until [ -s "$port" ] || { [ -z "$address" ] && has_reader "$name"; }; do
		kill -0 $! 2>/dev/null || die 75 "the $name does not start:" \
			"$(tail -n 1 "$state/$name.log")"
		sleep 0.1
	done
	[ -z "$address" ] ||
		say "${address%:*}:$(cat "$port")" | put "$state/$name.address"
}

# has_reader DAEMON: whether the daemon reads its queue.
has_reader() {
	case $1 in
	aggregator) queue=records ;;
	sink) queue=rows ;;
	esac
	said=$(echo "readers $queue" | as "$aggregator" --declare) || return 1
	[ "${said%% *}" != 0 ]
}

stop_process() { # DAEMON
	alive "$state/$1.pid" || return 0
	say "Stopping the $1"
	kill "$pid"
	while alive "$state/$1.pid"; do sleep 0.1; done
}

start_daemon() { # DAEMON [ADDRESS]
	if has_units; then
		install_unit "$@"
	else
		start_process "$@"
	fi
}

# address_of DAEMON: prints where it is served; nothing if it was never started.
address_of() {
	if has_units; then
		sed -n 's/.*\(--serve\|--listen\) \([^ ]*\).*/\2/p' \
			"$systemd/$(unit_of "$1")" 2>/dev/null || :
	else
		cat "$state/$1.address" 2>/dev/null || :
	fi
}

# pause_jobs: waits until no cron job runs, and keeps others from beginning, until
# setup ends or calls resume_jobs.
pause_jobs() {
	for job in job reap; do
		# shellcheck disable=SC2016 # for the inner shell
		lock=$(as_if_there sh -c '. "${0%/*}/lib.sh" &&
			config=$MESSAGING_CONFIG &&
			lock_file "$1" && : >>"$(lock_file "$1")"' "$here/job" $job)
		locks="$locks '$lock'"
		case $job in
		job) exec 7<"$lock" && flock 7 ;;
		reap) exec 8<"$lock" && flock 8 ;;
		esac
	done
}

resume_jobs() {
	exec 7<&- 8<&-
}

# was_started DAEMON: whether setup started the process, even if it has ended.
was_started() {
	case $1 in
	board | listener) [ -e "$state/$1.address" ] ;;
	*) [ -e "$state/$1.pid" ] ;;
	esac
}

restart_daemon() { # DAEMON
	if has_units; then
		[ ! -e "$systemd/$(unit_of "$1")" ] ||
			systemctl restart "$(basename "$(unit_of "$1")" .service)"
	elif was_started "$1"; then
		address=$(address_of "$1")
		stop_process "$1"
		start_process "$1" ${address:+"$address"}
	fi
}

# Prints the units of this installation that run, or would if they had not failed.
running_units() {
	systemctl list-units --plain --no-legend \
		--state=active,activating,failed 'messaging-*.service' |
		while read -r name _; do
			[ ! -e "$units/$name" ] || say "$name"
		done
}

# The migration creates what is missing and changes no table, so the daemons run
# meanwhile; if it fails, they go on. Then the readers of a queue are first.
restart_all() {
	[ -e "$config" ] || die 78 "'$config' is missing; run setup first"
	say "Waiting for the jobs of cron"
	pause_jobs
	quietly "Bringing the tables up to date" "$sink" --migrate
	quietly "Checking the database" "$sink" --check
	rc=0
	if has_units; then
		for name in $(running_units); do
			say "Restarting $name"
			systemctl restart "$name" || keep_failure $?
		done
	else
		for name in sink aggregator listener board; do
			# A daemon that does not start keeps no other one down.
			(restart_daemon "$name") || keep_failure $?
		done
	fi
	exit "$rc"
}
