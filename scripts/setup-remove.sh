# shellcheck shell=sh
# setup-remove.sh: setup --remove.

# Deletes the rows in a database that others created: its tables are kept, and so
# are the queues of such a broker.
purge_rows() {
	if ! grep -Fqx -e "$database_line" "$config"; then
		say "Deleting the rows of $tenant; the empty tables are kept"
		# shellcheck disable=SC2154
		as "$reaper" -q --purge "$tenant" --force || [ $? = 66 ] ||
			say "The rows could not be deleted."
	fi
	grep -Fqx -e "$vhost_line" "$config" ||
		say "The queues rows and records, and those with .dead, are kept."
}

drop_local() {
	if grep -Fqx -e "$database_line" "$config"; then
		say "Deleting the database and its user"
		as_root mariadb -e "DROP DATABASE IF EXISTS messaging;
			DROP USER IF EXISTS messaging@localhost"
	fi
	if grep -Fqx -e "$vhost_line" "$config"; then
		say "Deleting the virtual host and its user"
		as_root rabbitmqctl -q delete_vhost messaging
		as_root rabbitmqctl -q delete_user messaging
	fi
}

remove_cron() {
	lines=$(crontab_of -l 2>/dev/null) || return 0
	case $lines in
	*"$cron_mark"*) say "Deleting the lines of cron" ;;
	*) return 0 ;;
	esac
	lines=$(printf '%s\n' "$lines" | grep -vF -e "$cron_mark") || :
	if [ -n "$lines" ]; then
		printf '%s\n' "$lines" | crontab_of -
	else
		crontab_of -r
	fi
}

# All units of this installation: setup's, and those enabled later.
stop_daemons() {
	if has_units; then
		for unit in "$systemd"/messaging-*.service; do
			name=${unit##*/}
			[ -e "$units/$name" ] || continue
			say "Stopping $name"
			systemctl stop "$name"
			systemctl disable "$name"
			rm -f "$unit"
		done
		rm -f "$hardening"
		rmdir "${hardening%/*}" 2>/dev/null || :
		systemctl daemon-reload
	fi
	for name in listener aggregator sink board; do
		stop_process $name
	done
}

# is_own_user: whether the user has no other purpose than this installation.
is_own_user() {
	case $as:$(getent passwd "$as") in
	messaging:*:"$state":*) ;;
	*) return 1 ;;
	esac
}

processes_of_user() {
	find /proc -maxdepth 1 -name '[0-9]*' -user "$as" -printf '%f\n' 2>/dev/null
}

# Ends jobs, and shells of cron that sleep before one: they would use deleted
# files, and userdel refuses a user who has processes. Daemons have ended.
end_jobs() {
	printf '%s\n' "$cron_mark" | grep -lsF -f - /proc/[0-9]*/cmdline |
		while IFS=/ read -r _ _ pid _; do
			kill "$pid" 2>/dev/null || :
		done || :
	is_own_user || return 0
	for signal in TERM KILL; do
		n=0
		while [ -n "$(processes_of_user)" ] && [ $n -lt 150 ]; do
			[ $n != 0 ] || say "Ending the processes of $as"
			[ $n != 0 ] || kill -s $signal $(processes_of_user) 2>/dev/null || :
			sleep 0.1
			n=$((n + 1))
		done
	done
}

delete_files() {
	say "Deleting $folder and $state"
	eval "rm -f $locks"
	if is_own_user; then
		rm -rf "$folder" "$state"
		say "Deleting the user $as"
		userdel "$as"
	else
		rm -rf "$folder" "$state"
	fi
}

# tell_kept_by_look: poller without a configuration kept data in the home of the
# person who calls sudo.
tell_kept_by_look() {
	[ "$as" != "$me_user" ] && [ -n "${SUDO_USER:-}" ] || return 0
	kept=$(getent passwd "$SUDO_USER" | cut -d : -f 6)
	kept=$kept/.local/state/messaging-analytics
	[ ! -e "$kept" ] || say "A first look without setup left data of customers." \
		"To delete it:  rm -r '$kept'"
}

remove_all() {
	confirm "Stop everything and delete $folder, $state and all metrics?"
	remove_cron
	[ ! -e "$config" ] || remove_webhooks
	stop_daemons
	end_jobs
	say "Waiting for the jobs of cron"
	pause_jobs
	if [ -e "$config" ]; then
		purge_rows
		drop_local
	fi
	end_jobs
	delete_files
	tell_kept_by_look
}
