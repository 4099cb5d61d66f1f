# shellcheck shell=sh
# lib.sh: functions that all scripts share. bash and sh source it before the
# options are read. It sets $me and $here and starts nothing. Values are printed
# with printf, because echo interprets backslashes in some shells.
#
# The programs are looked up in -b DIR, then $MESSAGING_BIN, build/bin of the
# checkout that has these scripts, ../../../bin (PREFIX/bin if they are
# installed in PREFIX/share/messaging-analytics/scripts), and the PATH.
# PROGRAM_PREFIX is put before each name.

# shellcheck disable=SC2034 # used by scripts that source this file
{
	me=${0##*/}
	here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
	bin=${MESSAGING_BIN:-}
	config=
}

die() {
	code=$1
	shift
	complain "$*"
	exit "$code"
}

# complain TEXT: prints a message; in a file with the time, like the programs.
complain() {
	at=
	[ ! -f /dev/stderr ] || at=$(date -u '+%FT%TZ ') || at=
	printf '%s\n' "$at$me: $*" >&2
}

# The comment at the head of the script is its help.
help() {
	sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" || exit 74
	exit 0
}

usage_error() {
	complain "$*"
	echo "Try '$me -h'." >&2
	exit 64
}

# check_option "$@": checks the option that getopts put into $opt; $letters must
# begin with a colon. An unknown option, or a missing or empty value, ends the
# script.
check_option() {
	# shellcheck disable=SC2154 # set by the caller
	case $opt${OPTARG:-} in
	'?-')
		for word; do
			case $word in
			--help) help ;;
			--?*) usage_error "unknown option '$word'" ;;
			esac
		done
		;;
	'?'*) usage_error "unknown option '-$OPTARG'" ;;
	:*) usage_error "-$OPTARG needs a value" ;;
	esac
	# shellcheck disable=SC2154
	case $letters in
	*"$opt:"*) [ -n "${OPTARG:-}" ] || usage_error "-$opt needs a value" ;;
	esac
}

# wrong_name NAME: prints what is wrong with the name of a tenant.
wrong_name() {
	case $1 in
	'' | [.-]* | *[!A-Za-z0-9_.-]*)
		printf '%s\n' "'$1' is not a name: letters, digits, '_', '.', '-'"
		;;
	*) [ ${#1} -le 64 ] || printf '%s\n' "'$1' is longer than 64 characters" ;;
	esac
}

# check_name NAME: ends the script if a tenant cannot have the name.
check_name() {
	wrong=$(wrong_name "$1")
	[ -z "$wrong" ] || usage_error "$wrong"
}

# read_token KEPT: sets $token to the first line of standard input, without echo
# on a terminal; to KEPT if the line is empty.
read_token() {
	if [ -t 0 ]; then
		saved=$(stty -g)
		trap 'stty "$saved"' EXIT
		stty -echo # before the question: an answer may come at once
		printf 'token: ' >&2
	fi
	IFS= read -r token || [ -n "$token" ] || :
	if [ -t 0 ]; then
		stty "$saved"
		trap - EXIT
		echo >&2
	fi
	token=$(printf '%s' "${token:-$1}" | tr -d '\r')
	[ -n "$token" ] || die 65 "no token on standard input"
}

# Makes the folder $tmp, which the caller removes.
make_tmp() {
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/$me.XXXXXX" 2>/dev/null) || die 73 \
		"cannot create a folder in '${TMPDIR:-/tmp}'; set TMPDIR to another one"
}

# Programs then read only the configuration that they are given.
drop_environment() {
	unset MESSAGING_CONFIG CRM_URL CRM_TOKEN CRM_TOKEN_FILE CRM_ACCOUNT \
		CRM_PROFILE CRM_TENANT
}

# program NAME: prints the program's path.
program() {
	name=${PROGRAM_PREFIX:-}$1
	for dir in "$bin" "$here/../build/bin" "$here/../../../bin"; do
		if [ -n "$dir" ] && [ -x "$dir/$name" ]; then
			printf '%s\n' "$dir/$name"
			return
		fi
		[ -z "$bin" ] || break
	done
	[ -n "$bin" ] || command -v "$name" || :
}

# Sets the variable of that name to each program's path, or ends the script.
need_programs() {
	for need; do
		path=$(program "$need")
		[ -n "$path" ] || die 69 "cannot find the program '$need';" \
			"build it with make, or say where it is with -b DIR"
		eval "$need=\$path"
	done
}

# Sets $config to the absolute path of the configuration that the programs would
# use; empty if there is none and they use only the environment. Symbolic links
# are not resolved: relative paths in the file start where it was found, for
# programs too.
find_config() {
	if [ -z "$config" ]; then
		config=${MESSAGING_CONFIG:-}
	fi
	if [ -z "$config" ] && [ -e /etc/messaging-analytics/messaging.conf ]; then
		config=/etc/messaging-analytics/messaging.conf
	fi
	if [ -z "$config" ] && [ -d /etc/messaging-analytics ] &&
		[ ! -x /etc/messaging-analytics ]; then
		config=/etc/messaging-analytics/messaging.conf
	fi
	[ -n "$config" ] || return 0
	[ -r "$config" ] || unreadable_config
	[ ! -d "$config" ] ||
		die 78 "the configuration '$config' is a folder; name a file"
	case $config in
	/*) ;;
	*) config=$PWD/$config ;;
	esac
	export MESSAGING_CONFIG="$config"
}

# Ends the script: the file does not exist, or the user may not read it or its
# folder.
unreadable_config() {
	closed=$config
	[ -e "$closed" ] || closed=$(dirname "$config")
	if [ ! -e "$config" ] && { [ ! -d "$closed" ] || [ -x "$closed" ]; }; then
		die 78 "cannot read the configuration '$config'; check its name"
	fi
	die 77 "$(id -un) may not read '$config'; run this as its owner," \
		"sudo -u $(stat -L -c %U "$closed") ..., or give another with -c"
}

# whose_run: prints a text that identifies the configuration, or the tenant of
# the environment. It is the same for all names of a file, and has no secret.
whose_run() {
	realpath "$config" 2>/dev/null || echo
	for name in CRM_TENANT CRM_URL CRM_ACCOUNT CRM_PROFILE CRM_TOKEN_FILE; do
		eval "value=\${$name:-}"
		[ -z "$value" ] || printf '%s\n' "$name=$value"
	done
}

# lock_file NAME: prints the lock of a job for this configuration and user.
lock_file() {
	lock=/run/lock
	[ -w $lock ] || lock=/tmp
	printf '%s\n' "$lock/messaging-$1-$(id -u)-$(whose_run | cksum |
		cut -d ' ' -f 1)"
}

# take_lock NAME FILE: locks $lock, so that one run at a time works for each
# configuration and user. The programs inherit descriptor 9, so the lock is
# released when all have ended. Returns 1 if another run holds it.
take_lock() {
	lock=$2
	[ -n "$lock" ] || lock=$(lock_file "$1")
	# >> does not truncate the file: it contains the start time of the
	# previous run. The file is private, because everyone who can open it
	# could lock it.
	mask=$(umask)
	umask 077
	{ exec 9>>"$lock"; } 2>/dev/null ||
		die 73 "cannot open the lock '$lock'; choose another with -l FILE"
	umask "$mask"
	flock -n 9 || return 1
	# 1 would mean that another run holds it.
	date +%s 2>/dev/null >"$lock" || die 73 \
		"cannot write to the lock '$lock'; choose another with -l FILE"
}

# lock_age: prints for how many seconds the other run has held the lock.
lock_age() {
	began=$(cat "$lock" 2>/dev/null) || :
	case $began in
	'' | *[!0-9]*) echo 0 ;;
	*) echo $(($(date +%s) - began)) ;;
	esac
}

# skip_or_complain SECONDS: ends a run that found the lock taken.
skip_or_complain() {
	age=$(lock_age)
	[ "$age" -lt "$1" ] || die 75 "the previous run has been at work for" \
		"$age s; 'fuser -v $lock' shows its processes"
	exit 0
}

# conf_lines FILE: prints its lines without byte order mark and surrounding
# spaces.
conf_lines() {
	LC_ALL=C sed '1s/^\xef\xbb\xbf//; s/^[ \t\r]*//; s/[ \t\r]*$//' "$1"
}

# conf_value SECTION KEY [FILE]: prints the value in the configuration, unchanged;
# nothing if it is missing.
conf_value() {
	[ -r "${3:-$config}" ] || return 0
	conf_lines "${3:-$config}" | LC_ALL=C awk -v section="$1" -v key="$2" '
		/^[#;]/ { next }
		/^\[/ { here = substr($0, 2, length($0) - 2)
			gsub(/^[ \t]+|[ \t]+$/, "", here)
			gsub(/[ \t]+/, " ", here); next }
		here == section && (at = index($0, "=")) {
			name = substr($0, 1, at - 1); value = substr($0, at + 1)
			gsub(/[ \t]+$/, "", name); gsub(/^[ \t]+/, "", value)
			if (name == key) { print value; exit }
		}'
}

# conf_path SECTION KEY: the same for a path; relative paths start in the folder
# of the configuration.
conf_path() {
	path=$(conf_value "$1" "$2")
	case $path in
	'' | /*) printf '%s\n' "$path" ;;
	*) printf '%s\n' "$(dirname "$config")/$path" ;;
	esac
}

# conf_tenants FILE: prints the names in the [crm NAME] headers.
conf_tenants() {
	[ -r "$1" ] || return 0
	conf_lines "$1" | LC_ALL=C sed -n \
		's/^\[[ \t]*crm[ \t][ \t]*\([^] \t]*\)[ \t]*\]$/\1/p'
}

# notices_from: prints the queue of notices, without queue:, if the configuration
# has receivers; see messaging-notices(7).
notices_from() {
	[ -r "$config" ] || return 0
	notify=$(conf_lines "$config" | LC_ALL=C grep -c '^\[[ 	]*notify[ 	]' || :)
	[ "$notify" != 0 ] || return 0
	notify=$(conf_value aggregator notices_to)
	notify=${notify:-queue:notices}
	printf '%s\n' "${notify#queue:}"
}

# configured_tenants: prints name, file and URL of each tenant in the
# configuration and in the folder of [poller] tenants.
configured_tenants() {
	conf_tenants "$config" | while IFS= read -r name; do
		printf '%s\t%s\t%s\n' "$name" "$config" \
			"$(conf_value "crm $name" url)"
	done
	dir=$(conf_path poller tenants)
	[ -d "$dir" ] || return 0
	for file in "$dir"/*.conf; do
		[ -e "$file" ] || continue
		name=${file##*/}
		printf '%s\t%s\t%s\n' "${name%.conf}" "$file" \
			"$(conf_lines "$file" | sed -n 's/^url[ \t]*=[ \t]*//p')"
	done
}

# records_to: prints where the jobs send records: [poller] to, if that is a
# queue.
records_to() {
	to=$(conf_value poller to)
	case $to in
	queue:?*) printf '%s\n' "$to" ;;
	*) echo queue:records ;;
	esac
}

# keep_failure CODE: sets $rc, the exit code of the job, to the first code that
# is not 0.
keep_failure() {
	[ "$rc" != 0 ] || rc=$1
}

# reader_queues: prints the queues that programs read and that may have dead
# letters: the defaults, and those of the configuration.
reader_queues() {
	printf '%s\n' rows records assignments
	notices_from
	for name in "$(conf_value poller to)" "$(conf_value sink from)" \
		"$(conf_value aggregator assign_to)"; do
		case $name in
		queue:rows | queue:records | queue:assignments) ;;
		queue:*) printf '%s\n' "${name#queue:}" ;;
		esac
	done
}

# dead_letter_count QUEUE: prints how many messages QUEUE.dead has.
dead_letter_count() {
	# shellcheck disable=SC2154 # set by need_programs
	answer=$(printf 'count %s.dead\n' "$1" | "$aggregator" --declare) ||
		exit $?
	echo "${answer%% *}"
}

# check_alarm QUEUE: fails if the broker accepts no messages because of an alarm.
check_alarm() {
	echo "alarm $1" | "$aggregator" --declare || exit $?
}

# reader_count QUEUE: prints how many programs read it.
reader_count() {
	# shellcheck disable=SC2154 # set by need_programs
	answer=$(echo "readers $1" | "$aggregator" --declare) || exit $?
	echo "${answer%% *}"
}

# config_label: prints the configuration as the value of a Prometheus label,
# which separates the jobs of several configurations.
config_label() {
	realpath "$config" | sed 's/[\\"]/\\&/g'
}

# job_file FOLDER NAME [TENANT]: prints the path of job_metrics' file.
job_file() {
	printf '%s\n' "$1/messaging_$2_$({
		realpath "$config"
		printf '%s\n' "${3:-}"
	} | cksum | cut -d ' ' -f 1).prom"
}

# job_metrics NAME STATUS SECONDS [TENANT]: writes metrics of a run to [metrics]
# folder, for node_exporter. Each configuration, and each tenant that a run is
# for, has its own file: the success of one does not hide the failure of
# another. Runs that differ in other environment variables share a file and may
# write at the same time, because their locks differ; see whose_run.
job_metrics() {
	folder=$(conf_path metrics folder)
	[ -n "$folder" ] || return 0
	prom=$(job_file "$folder" "$1" "${4:-}")
	new=$prom.$$.new
	# Other characters would need escapes in a label.
	whose=$(printf '%s\n' "${4:-}" |
		LC_ALL=C sed -n 'H; ${ g; s/^\n//; s/[^A-Za-z0-9_.-]/_/g; p; }')
	labels=task=\"$1\"${whose:+,tenant=\"$whose\"}
	labels=$labels,config=\"$(config_label)\"
	at=$(date +%s) last=1
	succeeded=$(job_metric 'runs_total.*result="success"')
	failed=$(job_metric 'runs_total.*result="failure"')
	if [ "$2" = 0 ]; then
		succeeded=$((succeeded + 1))
	else
		at=$(job_metric last_success_timestamp_seconds) last=0
		failed=$((failed + 1))
	fi
	{ cat >"$new" <<-END
		# HELP messaging_job_last_success_timestamp_seconds When a cron job last ended without an error; 0: never.
		# TYPE messaging_job_last_success_timestamp_seconds gauge
		messaging_job_last_success_timestamp_seconds{$labels} $at
		# HELP messaging_job_last_run_succeeded Whether its last run ended without an error.
		# TYPE messaging_job_last_run_succeeded gauge
		messaging_job_last_run_succeeded{$labels} $last
		# HELP messaging_job_last_duration_seconds How long its last run took.
		# TYPE messaging_job_last_duration_seconds gauge
		messaging_job_last_duration_seconds{$labels} $3
		# HELP messaging_job_runs_total Its runs, without those that found the previous one still at work.
		# TYPE messaging_job_runs_total counter
		messaging_job_runs_total{$labels,result="success"} $succeeded
		messaging_job_runs_total{$labels,result="failure"} $failed
		END
	# Only the job that polls has this.
	[ -z "${standby:-}" ] || cat >>"$new" <<-END
		# HELP messaging_job_standby Whether its last run found another machine polling the same tenants.
		# TYPE messaging_job_standby gauge
		messaging_job_standby{$labels} $standby
		END
	} 2>/dev/null && chmod 644 "$new" && mv "$new" "$prom" && return
	rm -f "$new"
	complain "cannot write '$prom'; see [metrics] folder"
}

# job_metric PATTERN: prints the value that the previous run wrote to $prom; 0
# if there is none.
job_metric() {
	value=$(sed -n "s/^messaging_job_$1.* \([0-9]*\)\$/\1/p" "$prom" \
		2>/dev/null) || :
	echo "${value:-0}"
}

# SQL: true if row m of tenant_metrics comes from a stream. Its version is
# the clock; the version of a snapshot's row is the time of the snapshot.
# shellcheck disable=SC2034 # for tenant
of_stream="(m.version <> TIMESTAMPDIFF(MICROSECOND, '1970-01-01', m.as_of)
	DIV 1000)"

# SQL: the time of the newest snapshot of t, or of a stream's row in m. If it is
# newer than removed_at, the tenant was added again.
# shellcheck disable=SC2034 # for health-check.sh and tenant
newest='GREATEST(COALESCE(t.as_of, m.as_of), COALESCE(m.as_of, t.as_of))'

# sql STATEMENT: prints rows as lines of tab-separated cells without titles;
# \001 is NULL.
sql() {
	need_programs sink
	# shellcheck disable=SC2154 # set by need_programs
	answer=$("$sink" -o ndjson --sql "$1") || return
	printf '%s' "$answer" | jq -r 'map(. // "\u0001") | @tsv'
}

# unreadable CODE: ends the script after sink --sql failed.
unreadable() {
	[ "$1" != 69 ] && [ "$1" != 74 ] && [ "$1" != 78 ] || exit "$1"
	die 69 "cannot read the database, see above; 'sink --check' says what to do"
}

# Sets $format from -o: auto becomes a table on a terminal, else ndjson.
choose_format() {
	case $format in
	auto)
		format=ndjson
		[ ! -t 1 ] || format=table
		;;
	table | csv | ndjson) ;;
	*)
		usage_error "there is no format '$format';" \
			"there are table, ndjson and csv"
		;;
	esac
}

# show FORMAT TITLE...: prints the output of sql, read from stdin, as table, csv
# or ndjson. A title that ends with # marks a column of numbers, and ? marks a
# column of flags (1 or 0). A table truncates cells to 60 characters, except the
# last one of a row.
show() {
	format=$1
	shift
	for need in jq column; do
		command -v $need >/dev/null ||
			die 69 "'$need' is missing; install jq and bsdextrautils"
	done
	# shellcheck disable=SC2016 # for jq
	jq -Rnr --arg format "$format" '
	def unmasked: gsub("\\\\(?<c>.)";
		{"t": "\t", "n": "\n", "0": ""}[.c] // .c);
	def cell($title):
		if . == "\u0001" then null
		elif $title | endswith("?") then . == "1"
		elif $title | endswith("#") then tonumber
		else unmasked end;
	# Cells that look like formulas get a leading apostrophe.
	def csv:
		if . == null then "" elif type != "string" then tostring
		elif test("^[=+@\t\r\n＝＋－＠-]") then "\u0027" + . else . end |
		if test("[\",\r\n]") then
			"\"" + gsub("\""; "\"\"") + "\"" else . end;
	# Replaces control characters and marks that change the direction of
	# text.
	def shown:
		if . == null then "-" elif . == true then "yes"
		elif . == false then "no" else tostring end |
		gsub("[\\x{00}-\\x{1f}\\x{7f}-\\x{9f}\\x{200e}\\x{200f}" +
			"\\x{2028}-\\x{202e}\\x{2066}-\\x{2069}\\x{feff}]"; "?");
	def cut: if length > 60 then .[:59] + "…" else . end;
	$ARGS.positional as $titles | ($titles | map(sub("[#?]$"; ""))) as $names |
	[inputs | split("\t") | [., $titles] | transpose |
		map(.[1] as $title | .[0] | cell($title))] as $rows |
	if $format == "ndjson" then
		$rows[] | [$names, .] | transpose |
			map({(.[0]): .[1]}) | add | tojson
	elif $format == "csv" then
		($names, $rows[]) | map(csv) | join(",") + "\r"
	else
		($names | map(ascii_upcase | gsub("_"; " "))),
		($rows[] | map(shown) | .[:-1] |= map(cut)) | join("\t")
	end' --args "$@" | if [ "$format" = table ]; then
		# Numbers are right-aligned.
		n=0 right=
		for title; do
			n=$((n + 1))
			case $title in *'#') right=$right${right:+,}$n ;; esac
		done
		LC_ALL=C.UTF-8 column -t -s "$(printf '\t')" ${right:+-R "$right"} |
			sed 's/ *$//'
	else
		cat
	fi || exit 74
}
