# shellcheck shell=sh
# lib.sh: functions of all scripts. Sourced by bash and sh before the options are
# read. It sets $me and $here and starts nothing. Values are printed by printf: echo
# makes of a backslash and an n a line feed, in some shells.
#
# Where the programs are: -b DIR, else $MESSAGING_BIN, else build/bin of the
# checkout these scripts stand in, else ../../../bin (PREFIX/bin, when they are
# installed in PREFIX/share/messaging-analytics/scripts), else the PATH.
# PROGRAM_PREFIX is put before each name.

# shellcheck disable=SC2034 # used by whoever reads this file
{
	me=${0##*/}
	here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
	bin=${MESSAGING_BIN:-}
	config=
}

die() {
	code=$1
	shift
	printf '%s\n' "$me: $*" >&2
	exit "$code"
}

# The comment at the head of the script is its help.
help() {
	sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" || exit 74
	exit 0
}

usage_error() {
	printf '%s\n' "$me: $*" >&2
	echo "Try '$me -h'." >&2
	exit 64
}

# check_option "$@": what getopts has found, of $letters, which begin with a
# colon, in $opt. An option that there is not, or whose value is missing or empty,
# as a variable may be, ends the script.
check_option() {
	# shellcheck disable=SC2154 # set by who calls it
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

# check_name NAME: of a tenant.
check_name() {
	case $1 in
	'' | [.-]* | *[!A-Za-z0-9_.-]*)
		usage_error "'$1' is no name: letters, digits, '_', '.', '-'"
		;;
	esac
	[ ${#1} -le 64 ] || usage_error "'$1' is longer than 64 characters"
}

# read_token: sets $token to the first line of standard input, unseen on a terminal.
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
	token=$(printf '%s' "$token" | tr -d '\r')
	[ -n "$token" ] || die 65 "no token on standard input"
}

# program NAME: how to call it.
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

# Sets the variable of that name to each program's path, or ends.
need_programs() {
	for need; do
		path=$(program "$need")
		[ -n "$path" ] || die 69 "cannot find the program '$need';" \
			"build it with make, or say where it is with -b DIR"
		eval "$need=\$path"
	done
}

# The configuration that the programs would use, as an absolute path in $config;
# empty when there is none, so that the environment must be enough. A link stays
# one: relative paths in the file start where it was found, for programs too.
find_config() {
	if [ -z "$config" ]; then
		config=${MESSAGING_CONFIG:-}
	fi
	[ -n "$config" ] || [ ! -e messaging.conf ] || find_here
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

# find_here: takes ./messaging.conf as $config, or says why not, as the programs
# do: in a folder like /tmp anybody could have put it there.
find_here() {
	why="it belongs to somebody else"
	case $(stat -L -c %u messaging.conf) in
	0 | "$(id -u)")
		config=messaging.conf
		[ ! -r messaging.conf ] || return 0
		config='' why="$(id -un) may not read it"
		;;
	esac
	printf '%s\n' "$me: './messaging.conf' is not read: $why;\
 set MESSAGING_CONFIG to insist" >&2
}

# Ends the script: there is no such file, or it or its folder is closed to the user.
unreadable_config() {
	closed=$config
	[ -e "$closed" ] || closed=$(dirname "$config")
	if [ ! -e "$config" ] && { [ ! -d "$closed" ] || [ -x "$closed" ]; }; then
		die 78 "cannot read the configuration '$config'; check its name"
	fi
	die 77 "$(id -un) may not read '$config'; run this as its owner," \
		"sudo -u $(stat -L -c %U "$closed") ..., or give another with -c"
}

# whose_run: a text of its own for each configuration, and for each tenant of the
# environment. All names of a file are one; no secret is in it.
whose_run() {
	realpath "$config" 2>/dev/null || echo
	for name in CRM_TENANT CRM_URL CRM_ACCOUNT CRM_PROFILE CRM_TOKEN_FILE; do
		eval "value=\${$name:-}"
		[ -z "$value" ] || printf '%s\n' "$name=$value"
	done
}

# take_lock NAME FILE: one run at a time for each configuration and user, on
# descriptor 9, which the programs inherit: it is free when all have ended,
# however they ended. Returns 1 when another run holds it. $lock is the file.
take_lock() {
	lock=$2
	if [ -z "$lock" ]; then
		lock=/run/lock
		[ -w $lock ] || lock=/tmp
		lock=$lock/messaging-$1-$(id -u)-$(whose_run | cksum |
			cut -d ' ' -f 1)
	fi
	# >> does not empty the file: the run before has its start in it. Who may
	# open it could hold it, so nobody else may.
	mask=$(umask)
	umask 077
	{ exec 9>>"$lock"; } 2>/dev/null ||
		die 73 "cannot open the lock '$lock'; choose another with -l FILE"
	umask "$mask"
	flock -n 9 || return 1
	# 1 would say that somebody else holds it.
	date +%s 2>/dev/null >"$lock" || die 73 \
		"cannot write to the lock '$lock'; choose another with -l FILE"
}

# lock_age: the seconds for which the other run has held the lock.
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
	[ "$age" -lt "$1" ] || die 75 "the run before this one has been at work for" \
		"$age s; look what holds it up: fuser -v '$lock'"
	exit 0
}

# conf_lines FILE: without byte order mark and blanks around.
conf_lines() {
	LC_ALL=C sed '1s/^\xef\xbb\xbf//; s/^[ \t\r]*//; s/[ \t\r]*$//' "$1"
}

# conf_value SECTION KEY: the value in the configuration, unchanged.
conf_value() {
	[ -n "$config" ] || return 0
	conf_lines "$config" | LC_ALL=C awk -v section="$1" -v key="$2" '
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

# conf_path SECTION KEY: the same for a path, relative to the folder of the
# configuration.
conf_path() {
	path=$(conf_value "$1" "$2")
	case $path in
	'' | /*) printf '%s\n' "$path" ;;
	*) printf '%s\n' "$(dirname "$config")/$path" ;;
	esac
}

# conf_tenants: the names in the [crm NAME] headers.
conf_tenants() {
	[ -n "$config" ] || return 0
	conf_lines "$config" | LC_ALL=C sed -n \
		's/^\[[ \t]*crm[ \t][ \t]*\([^] \t]*\)[ \t]*\]$/\1/p'
}

# configured_tenants: name, file and url of each tenant, of the configuration and
# of the folder that [poller] tenants names.
configured_tenants() {
	conf_tenants | while IFS= read -r name; do
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

# records_to: where the jobs send records: [poller] to, if that is a queue or an
# exchange.
records_to() {
	to=$(conf_value poller to)
	case $to in
	queue:?* | exchange:?*) printf '%s\n' "$to" ;;
	*) echo queue:records ;;
	esac
}

# warned: a program has warned of a configuration that others may read; the next
# programs of this run do not repeat that.
warned() {
	export MESSAGING_WARNED="$config"
}

# keep_failure CODE: $rc, the exit code of a job, is the first one that is not 0.
keep_failure() {
	[ "$rc" != 0 ] || rc=$1
}

# reader_queues: the queues that programs read, and that may have dead letters:
# those of the defaults and of the configuration, and of every generation behind
# an exchange of topology. Needs $aggregator.
reader_queues() {
	printf '%s\n' rows records assignments
	shard_queues records
	for name in "$(conf_value poller to)" "$(conf_value sink from)" \
		"$(conf_value aggregator assign_to)"; do
		case $name in
		queue:rows | queue:records | queue:assignments) ;;
		queue:*) printf '%s\n' "${name#queue:}" ;;
		exchange:records) ;;
		exchange:*) shard_queues "${name#exchange:}" ;;
		esac
	done
}

# shard_queues EXCHANGE
shard_queues() {
	g=1
	while is_declared exchange "$1.g$g"; do
		generation_queues "$1.g$g"
		g=$((g + 1))
	done
}

# generation_queues PREFIX: those of any shard: of a retired generation there are
# those that still have dead letters.
generation_queues() {
	# shellcheck disable=SC2154 # set by need_programs
	answer=$(for q in $(seq 0 63); do
		printf 'look queue %s.dead\n' "$1.$q" "$1.$q.before"
	done | "$aggregator" --declare) || exit $?
	printf '%s\n' "$answer" | sed -n 's/^yes \(.*\)\.dead$/\1/p'
}

# dead_letter_count QUEUE: how many messages wait in QUEUE.dead.
dead_letter_count() {
	# shellcheck disable=SC2154 # set by need_programs
	answer=$(printf 'count %s.dead\n' "$1" | "$aggregator" --declare) ||
		exit $?
	echo "${answer%% *}"
}

# reader_count QUEUE: how many programs read it.
reader_count() {
	# shellcheck disable=SC2154 # set by need_programs
	answer=$(echo "readers $1" | "$aggregator" --declare) || exit $?
	echo "${answer%% *}"
}

# is_declared KIND NAME: at the broker; ends the shell when that is not known.
is_declared() {
	# shellcheck disable=SC2154 # set by need_programs
	answer=$(printf 'look %s %s\n' "$1" "$2" | "$aggregator" --declare) ||
		exit $?
	[ "$answer" = "yes $2" ]
}

# config_label: the configuration as the value of a label of Prometheus, by which
# jobs of several are told apart.
config_label() {
	realpath "$config" | sed 's/[\\"]/\\&/g'
}

# job_file FOLDER NAME [TENANT]: where job_metrics keeps it.
job_file() {
	printf '%s\n' "$1/messaging_$2_$({
		realpath "$config"
		printf '%s\n' "${3:-}"
	} | cksum | cut -d ' ' -f 1).prom"
}

# job_metrics NAME STATUS SECONDS [TENANT]: keeps what Prometheus should know of a
# run in [metrics] folder, for node_exporter. Each configuration has a file of its
# own, and each tenant that a run is for: the success of one does not hide that
# another failed. Runs that differ in the environment otherwise share theirs, and
# may write at one time: they have locks of their own, see whose_run.
job_metrics() {
	folder=$(conf_path metrics folder)
	[ -n "$folder" ] || return 0
	prom=$(job_file "$folder" "$1" "${4:-}")
	new=$prom.$$.new
	# The names were others once, the same for all tenants, or even for all
	# configurations, and what stays looks like a failure.
	for old in "$1_$(realpath "$config" | cksum | cut -d ' ' -f 1)" "$1"; do
		[ -e "$prom" ] ||
			mv "$folder/messaging_$old.prom" "$prom" 2>/dev/null || :
	done
	# What no name of a tenant has would not be as it is in a label.
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
		# HELP messaging_job_last_success_timestamp_seconds When a job of cron last ended without an error; 0: never.
		# TYPE messaging_job_last_success_timestamp_seconds gauge
		messaging_job_last_success_timestamp_seconds{$labels} $at
		# HELP messaging_job_last_run_succeeded Whether its last run ended without an error.
		# TYPE messaging_job_last_run_succeeded gauge
		messaging_job_last_run_succeeded{$labels} $last
		# HELP messaging_job_last_duration_seconds How long its last run took.
		# TYPE messaging_job_last_duration_seconds gauge
		messaging_job_last_duration_seconds{$labels} $3
		# HELP messaging_job_runs_total Its runs, but for those that found the one before at work.
		# TYPE messaging_job_runs_total counter
		messaging_job_runs_total{$labels,result="success"} $succeeded
		messaging_job_runs_total{$labels,result="failure"} $failed
		END
	} 2>/dev/null && chmod 644 "$new" && mv "$new" "$prom" && return
	rm -f "$new"
	printf '%s\n' "$me: cannot write '$prom'; see [metrics] folder" >&2
}

# job_metric PATTERN: that value of the run before in $prom; 0: there is none.
job_metric() {
	value=$(sed -n "s/^messaging_job_$1.* \([0-9]*\)\$/\1/p" "$prom" \
		2>/dev/null) || :
	echo "${value:-0}"
}

# mysql_options: prints the database's URL as an option file for its client: a
# password must not be in argv, nor in a file that may be left. A URL of which a
# part would be taken for another is refused as by the programs, see
# common/conf/url.c.
mysql_options() {
	url=${MYSQL_URL:-$(conf_value mysql url)}
	[ -n "$url" ] || die 78 \
		"no database is configured; set url in [mysql], or MYSQL_URL"
	ca=$(conf_path mysql ca_file)
	plain=$(conf_value mysql plaintext)
	# -v would turn a \t of the path into a tab.
	printf '%s\n' "$url" | me=$me ca=$ca LC_ALL=C awk -v plain="$plain" '
	function decode(s,   out, at, hex, n) {
		while ((at = index(s, "%")) > 0) {
			hex = tolower(substr(s, at + 1, 2))
			if (hex !~ /^[0-9a-f][0-9a-f]$/ || hex == "00")
				refuse("a \047%\047 in the URL is not followed " \
				    "by two hexadecimal digits; write it as %25")
			n = (index(digits, substr(hex, 1, 1)) - 1) * 16 + \
			    index(digits, substr(hex, 2, 1)) - 1
			out = out substr(s, 1, at - 1) sprintf("%c", n)
			s = substr(s, at + 3)
		}
		return out s
	}
	function option(name, value) {
		# Two for one, in every awk: "\\\\" is one in some.
		gsub(/\\/, "&&", value)
		# One inside would let the client end the value at a # behind it.
		gsub(/"/, "\\\"", value)
		gsub(/\n/, "\\n", value)
		printf "%s=\"%s\"\n", name, value
	}
	# What is left of a password that was cut is not shown.
	function refuse(why) {
		print ENVIRON["me"] ": [mysql] url: " why >"/dev/stderr"
		exit 78
	}
	# USER:PASSWORD@HOST:PORT. The brackets of IPv6 hold colons, too.
	function authority(s,   at) {
		host = s
		if (match(s, /.*@/)) {
			user = substr(s, 1, RLENGTH - 1)
			host = substr(s, RLENGTH + 1)
		}
		if ((at = index(user, ":")) > 0) {
			password = decode(substr(user, at + 1))
			user = substr(user, 1, at - 1)
		}
		match(host, /^(\[[^]]*\]|[^:]*)/)
		port = substr(host, RLENGTH + 1)
		host = substr(host, 1, RLENGTH)
		if (sub(/^:/, "", port) ? port ~ /[^0-9]/ || (port != "" && \
		    (port + 0 < 1 || port + 0 > 65535)) : port != "")
			refuse("the port of the URL is not a number from 1 to " \
			    "65535; a \047/\047 in its password must be " \
			    "written as %2F")
	}
	# /DATABASE?KEY=VALUE&...
	function tail(s,   at, cut, n, i, query) {
		cut = s ~ /^[^@]*\?/ ? "?" : substr(s, 1, 1)
		if (index(s, "@") > 0)
			refuse("there is an \047@\047 behind the \047" cut \
			    "\047 of the URL; a \047" cut "\047 in its " \
			    "password must be written as " escape[cut] ", " \
			    "and an \047@\047 in the name of a database or " \
			    "a virtual host as %40")
		sub(/#.*/, "", s)
		if ((at = index(s, "?")) > 0) {
			n = split(substr(s, at + 1), query, "&")
			for (i = 1; i <= n; i++)
				if (sub(/^socket=/, "", query[i]))
					socket = decode(query[i])
			s = substr(s, 1, at - 1)
		}
		base = decode(substr(s, 2))
	}
	{
		ca = ENVIRON["ca"]
		digits = "0123456789abcdef"
		escape["/"] = "%2F"
		escape["?"] = "%3F"
		escape["#"] = "%23"
		sub(/^[A-Za-z]+:\/\//, "")
		match($0, /^[^\/?#]*/)
		rest = substr($0, RLENGTH + 1)
		authority(substr($0, 1, RLENGTH))
		tail(rest)
		gsub(/[][]/, "", host)
		print "[client]"
		option("user", decode(user))
		option("password", password)
		option("database", base)
		print "default-character-set=utf8mb4\nconnect-timeout=10"
		if (socket != "" || (host == "localhost" && port == "")) {
			if (socket != "")
				option("socket", socket)
			print "protocol=socket"
			exit
		}
		option("host", host)
		print "protocol=tcp\nport=" (port != "" ? port : 3306)
		# As common/db/db.c has it; 127.example.com is somebody else.
		here = host ~ /^127\.[0-9]+\.[0-9]+\.[0-9]+$/ || host == "::1" || \
		    tolower(host) == "localhost"
		if (ca == "" && (here || plain ~ /^(yes|true|on|1)$/))
			exit
		print "ssl-verify-server-cert"
		option("ssl-ca", ca != "" ? ca : \
		    "/etc/ssl/certs/ca-certificates.crt")
	}'
}

# SQL: whether row m of tenant_metrics_all is a stream's. Its version is the clock;
# the version of a snapshot's row is its time.
# shellcheck disable=SC2034 # for tenant
of_stream="(m.version <> TIMESTAMPDIFF(MICROSECOND, '1970-01-01', m.as_of)
	DIV 1000)"

# SQL: the time of the newest snapshot of t, or of a stream's row in m. What is
# newer than its removed_at was stored since: it was added again.
# shellcheck disable=SC2034 # for health-check.sh and tenant
newest='GREATEST(COALESCE(t.as_of, m.as_of), COALESCE(m.as_of, t.as_of))'

# sql STATEMENT: rows as lines of cells between tabs, no header. Anything the
# client complains of goes to stderr.
sql() {
	client=$(command -v mariadb || command -v mysql) || die 69 \
		"there is no mariadb client; install mariadb-client"
	options=$(mysql_options) || exit
	# The options come through a pipe or an unlinked file of the shell's. The
	# server's defaults may neither undo nor cut nor change what is asked.
	printf '%s\n' "SET NAMES utf8mb4 COLLATE utf8mb4_bin;" \
		"SET autocommit = 1, sql_select_limit = 18446744073709551615;" \
		"$1" |
		"$client" --defaults-file=/dev/fd/8 --batch \
		--skip-column-names 8<<-END
		$options
	END
}

# unreadable CODE: ends the script after sql failed. Our own codes are explained
# already.
unreadable() {
	[ "$1" != 69 ] && [ "$1" != 78 ] || exit "$1"
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

# show FORMAT TITLE...: lines of cells between tabs on stdin as table, csv or
# ndjson. \001 in a cell is NULL. A title that ends in # is of a number, one
# that ends in ? of a flag (1 or 0), one that ends in ~ of seconds, which a table
# shows as minutes. A table cuts cells at 60 columns, except the last one of a row.
# A failing write ends it with 74: cat reports that, not every awk does.
show() {
	format=$1
	shift
	titles=$(printf '%s\t' "$@")
	{
		printf '%s\n' "${titles%?}"
		cat
	} | LC_ALL=C awk -F '\t' -v format="$format" '
	# Characters that take no column of a terminal, such as marks (of those
	# above U+FFFF, of scripts of the past, only tags), and two, such as those
	# of East Asia; as libunistring has them, and so the aggregator.
	function learn_widths(   none, two, i) {
		none = "AD 300-36F 483-489 591-5BD 5BF 5C1-5C2 5C4-5C5 5C7 600-605 " \
		    "610-61A 61C 64B-65F 670 6D6-6DD 6DF-6E4 6E7-6E8 6EA-6ED 70F " \
		    "711 730-74A 7A6-7B0 7EB-7F3 7FD 816-819 81B-823 825-827 " \
		    "829-82D 859-85B 890-89F 8CA-902 93A 93C 941-948 94D 951-957 " \
		    "962-963 981 9BC 9C1-9C4 9CD 9E2-9E3 9FE-A02 A3C A41-A51 " \
		    "A70-A71 A75 A81-A82 ABC AC1-AC8 ACD AE2-AE3 AFA-B01 B3C B3F " \
		    "B41-B44 B4D-B56 B62-B63 B82 BC0 BCD C00 C04 C3C C3E-C40 " \
		    "C46-C56 C62-C63 C81 CBC CCC-CCD CE2-CE3 D00-D01 D3B-D3C " \
		    "D41-D44 D4D D62-D63 D81 DCA DD2-DD6 E31 E34-E3A E47-E4E EB1 " \
		    "EB4-EBC EC8-ECD F18-F19 F35 F37 F39 F71-F7E F80-F84 F86-F87 " \
		    "F8D-FBC FC6 102D-1030 1032-1037 1039-103A 103D-103E " \
		    "1058-1059 105E-1060 1071-1074 1082 1085-1086 108D 109D " \
		    "1160-11FF 135D-135F 1712-1714 1732-1733 1752-1753 1772-1773 " \
		    "17B4-17B5 17B7-17BD 17C6 17C9-17D3 17DD 180B-180F 1885-1886 " \
		    "18A9 1920-1922 1927-1928 1932 1939-193B 1A17-1A18 1A1B 1A56 " \
		    "1A58-1A60 1A62 1A65-1A6C 1A73-1A7F 1AB0-1B03 1B34 1B36-1B3A " \
		    "1B3C 1B42 1B6B-1B73 1B80-1B81 1BA2-1BA5 1BA8-1BA9 1BAB-1BAD " \
		    "1BE6 1BE8-1BE9 1BED 1BEF-1BF1 1C2C-1C33 1C36-1C37 1CD0-1CD2 " \
		    "1CD4-1CE0 1CE2-1CE8 1CED 1CF4 1CF8-1CF9 1DC0-1DFF 200B-200F " \
		    "202A-202E 2060-206F 20D0-20F0 2CEF-2CF1 2D7F 2DE0-2DFF " \
		    "302A-302D 3099-309A A66F-A672 A674-A67D A69E-A69F A6F0-A6F1 " \
		    "A802 A806 A80B A825-A826 A82C A8C4-A8C5 A8E0-A8F1 A8FF " \
		    "A926-A92D A947-A951 A980-A982 A9B3 A9B6-A9B9 A9BC-A9BD A9E5 " \
		    "AA29-AA2E AA31-AA32 AA35-AA36 AA43 AA4C AA7C AAB0 AAB2-AAB4 " \
		    "AAB7-AAB8 AABE-AABF AAC1 AAEC-AAED AAF6 ABE5 ABE8 ABED " \
		    "D7B0-D7FB FB1E FE00-FE0F FE20-FE2F FEFF FFF9-FFFB " \
		    "E0001-E01EF"
		two = "1100-115F 231A-231B 2329-232A 23E9-23EC 23F0 23F3 25FD-25FE " \
		    "2614-2615 2648-2653 267F 2693 26A1 26AA-26AB 26BD-26BE " \
		    "26C4-26C5 26CE 26D4 26EA 26F2-26F3 26F5 26FA 26FD 2705 " \
		    "270A-270B 2728 274C 274E 2753-2755 2757 2795-2797 27B0 27BF " \
		    "2B1B-2B1C 2B50 2B55 2E80-3029 302E-303E 3040-3098 309B-3247 " \
		    "3250-4DBF 4E00-A4CF A960-A97C AC00-D7A3 F900-FAFF FE10-FE1F " \
		    "FE30-FE6F FF00-FF60 FFE0-FFE6 16FE0-16FE3 16FF0-18D08 " \
		    "1AFF0-1B2FB 1F004 1F0CF 1F18E 1F191-1F19A 1F200-1F320 " \
		    "1F32D-1F335 1F337-1F37C 1F37E-1F393 1F3A0-1F3CA 1F3CF-1F3D3 " \
		    "1F3E0-1F3F0 1F3F4 1F3F8-1F43E 1F440 1F442-1F4FC 1F4FF-1F53D " \
		    "1F54B-1F54E 1F550-1F567 1F57A 1F595-1F596 1F5A4 1F5FB-1F64F " \
		    "1F680-1F6C5 1F6CC 1F6D0-1F6D2 1F6D5-1F6DF 1F6EB-1F6EC " \
		    "1F6F4-1F6FC 1F7E0-1F7F0 1F90C-1F93A 1F93C-1F945 1F947-1F9FF " \
		    "1FA70-1FAFF 20000-3FFFF"
		learn(none, 0)
		learn(two, 2)
		for (i = 128; i < 256; i++)
			byte[sprintf("%c", i)] = i
	}
	function learn(list, columns,   n, part, ends, at) {
		n = ranges[columns] = split(list, part, " ")
		for (; n > 0; n--) {
			at = split(part[n], ends, "-")
			first[columns, n] = hex(ends[1])
			last[columns, n] = hex(ends[at])
		}
	}
	function hex(s,   n, i) {
		for (i = 1; i <= length(s); i++)
			n = n * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1
		return n
	}
	function is_of(code, columns,   low, high, middle) {
		low = 1
		high = ranges[columns]
		while (low < high) {
			middle = int((low + high) / 2)
			if (last[columns, middle] < code)
				low = middle + 1
			else
				high = middle
		}
		return first[columns, low] <= code && code <= last[columns, low]
	}
	# The width of one character of UTF-8.
	function columns_of(c,   n, code, i) {
		if (c in known)
			return known[c]
		n = length(c)
		code = byte[substr(c, 1, 1)] % (n == 2 ? 32 : n == 3 ? 16 : 8)
		for (i = 2; i <= n; i++)
			code = code * 64 + byte[substr(c, i, 1)] % 64
		return known[c] = is_of(code, 0) ? 0 : is_of(code, 2) ? 2 : 1
	}
	# The width of a text. Sets kept: the bytes at its beginning that leave room
	# for one column of most.
	function measure(s, most,   wide, at, n, c) {
		kept = most - 1
		if (s !~ /[\200-\377]/)
			return length(s)
		if (!("\200" in byte))
			learn_widths()
		kept = wide = 0
		for (at = 1; at <= length(s); at += n) {
			c = substr(s, at, 1)
			n = c < "\300" ? 1 : c < "\340" ? 2 : c < "\360" ? 3 : 4
			wide += c < "\200" ? 1 : columns_of(substr(s, at, n))
			if (wide < most)
				kept = at + n - 1
		}
		return wide
	}
	function width(s) {
		return measure(s, 0)
	}
	# The text without its end, so that it has that width.
	function cut(s, most) {
		if (measure(s, most) <= most)
			return s
		return substr(s, 1, kept) "\342\200\246"
	}
	function duration(s,   n) { # as aggregator shows it: cut, two units
		if (s < 10)
			return sprintf("%.1fs", int(s * 10) / 10)
		n = int(s)
		if (n < 60)
			return n "s"
		if (n < 3600)
			return sprintf("%dm%02ds", n / 60, n % 60)
		if (n < 86400)
			return sprintf("%dh%02dm", n / 3600, n % 3600 / 60)
		return sprintf("%dd%02dh", n / 86400, n % 86400 / 3600)
	}
	# The client escapes backslash, tab, newline and NUL.
	function plain(s,   out, at, c) {
		while ((at = index(s, "\\")) > 0) {
			c = substr(s, at + 1, 1)
			out = out substr(s, 1, at - 1) \
			    (c == "t" ? "\t" : c == "n" ? "\n" : c == "0" ? "" : c)
			s = substr(s, at + 2)
		}
		return out s
	}
	function csv(s, kind) {
		if (s == "\001")
			return ""
		if (kind == "?")
			return s + 0 ? "true" : "false"
		s = plain(s)
		# The bytes are those of the wide forms of = + - @.
		if ((s ~ /^[=+@\t\r\n-]/ && s !~ /^-?[0-9.]+$/) ||
		    s ~ /^\357\274[\235\213\215\240]/)
			s = "\047" s
		if (s ~ /[",\r\n]/) {
			gsub(/"/, "\"\"", s)
			s = "\"" s "\""
		}
		return s
	}
	function json(s, kind) {
		if (s == "\001")
			return "null"
		if (kind == "?")
			return s + 0 ? "true" : "false"
		if (kind != "")
			return s
		# What the client has escaped is JSON already, but for NUL.
		gsub(/\\0/, "", s)
		gsub(/[\001-\037]/, "?", s)
		gsub(/"/, "\\\"", s)
		return "\"" s "\""
	}
	NR == 1 {
		for (n = NF; n > 0 && $n == ""; n--) ;
		for (i = 1; i <= n; i++) {
			kind[i] = $i ~ /[#~?]$/ ? substr($i, length($i)) : ""
			title[i] = $i
			sub(/[#~?]$/, "", title[i])
			if (format == "table") {
				cell[0, i] = toupper(title[i])
				gsub(/_/, " ", cell[0, i])
				wide[i] = length(title[i])
			} else if (format == "csv")
				printf "%s%s", title[i], (i < n ? "," : "\r\n")
		}
		next
	}
	format == "csv" {
		for (i = 1; i <= n; i++)
			printf "%s%s", csv($i, kind[i]), (i < n ? "," : "\r\n")
	}
	format == "ndjson" {
		for (i = 1; i <= n; i++)
			printf "%s\"%s\":%s", (i > 1 ? "," : "{"), title[i],
			    json($i, kind[i])
		print "}"
	}
	format == "table" {
		rows++
		for (i = 1; i <= n; i++) {
			c = $i == "\001" ? "-" : kind[i] == "~" ? duration($i) : \
			    kind[i] == "?" ? ($i ? "yes" : "no") : plain($i)
			# Controls, and marks that turn the direction of text.
			gsub(/[\001-\037\177]|\302[\200-\237]/, "?", c)
			gsub(/\342\200[\216\217\250-\256]|\342\201[\246-\251]/, "?", c)
			gsub(/\357\273\277/, "?", c)
			# The last one pushes no other off the screen.
			if (i < n)
				c = cut(c, 60)
			cell[rows, i] = c
			if (width(c) > wide[i])
				wide[i] = width(c)
		}
	}
	END {
		if (format != "table")
			exit
		for (r = 0; r <= rows; r++) {
			line = ""
			for (i = 1; i <= n; i++) {
				pad = sprintf("%*s", wide[i] - width(cell[r, i]), "")
				line = line (i > 1 ? "  " : "") \
				    (kind[i] ~ /[#~]/ ? pad cell[r, i] : cell[r, i] pad)
			}
			sub(/ +$/, "", line)
			print line
		}
	}' | cat || exit 74
}
