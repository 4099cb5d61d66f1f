#!/bin/bash
# health-check.sh: prints one line about the whole pipeline, with the exit codes
# and figures that Nagios and Icinga expect. See HEALTH CHECK in
# messaging-monitoring(7).
#
# usage: health-check.sh [-b DIR] [-c FILE] [-d W,C] [-s DIR]... [--warning TIME]
#                        [--critical TIME] [--timeout SECONDS] [--tenant NAME]
#   --warning TIME, --critical TIME  age at which metrics and jobs are a warning
#                     or critical, such as 90, 5m or 1h. Default: critical at 15m;
#                     a warning at 5m for jobs, and for metrics at 3m, or at three
#                     polling intervals if these are longer, when the board says
#                     stale
#   --timeout SECONDS  time limit for the broker and for the database (10)
#   --tenant NAME     the metrics of this tenant only
#   -d W,C            free disk below W percent is a warning, below C percent
#                     critical (10,5)
#   -s DIR            another folder whose disk is checked, such as a listener's
#                     state
#   -b DIR            where the programs are; -c FILE the configuration
#
# It checks the broker, the database, the version of its schema, the age of each
# tenant's metrics, dead letters, the daemons that setup started without systemd,
# and the disks of [poller] state and [aggregator] state. From [metrics] folder it
# reads when each job last succeeded and whether the last report was mailed. It
# tells which machine is in charge of each stream.
#
# Exit status: 0 ok, 1 warning, 2 critical, 3 unknown.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/lib.sh"
# shellcheck source=scripts/process.sh
. "$here/process.sh"

# Every outcome is one line on stdout.
die() {
	shift
	echo "MESSAGING UNKNOWN - $*"
	exit 3
}
usage_error() {
	die 64 "$*; try '$me -h'"
}

# seconds TIME: 90, 90s, 5m, 1h, 2d.
seconds() {
	local n=${1%[smhd]} unit=1
	case $n in
	'' | *[!0-9]* | ????????*) usage_error "'$1' is not a time" ;;
	esac
	case $1 in
	*m) unit=60 ;;
	*h) unit=3600 ;;
	*d) unit=86400 ;;
	esac
	echo $((10#$n * unit))
}

warn='' critical=900 disk=10,5 limit=10 tenant='' folders=()
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) help ;;
	-b | -c | -d | -s | --critical | --tenant | --timeout | --warning)
		[ -n "${2:-}" ] || usage_error "$1 needs a value"
		case $1 in
		-b) bin=$2 ;;
		-c) config=$2 ;;
		-d) disk=$2 ;;
		-s) folders+=("$2") ;;
		--critical) critical=$2 ;;
		--tenant) tenant=$2 ;;
		--timeout) limit=$2 ;;
		--warning) warn=$2 ;;
		esac
		shift
		;;
	*) usage_error "unknown argument '$1'" ;;
	esac
	shift
done
# An invalid time has already been reported.
# Metrics are stale at that time at the latest: chat_rows.h.
news_warn=$(seconds "${warn:-180}") || { echo "$news_warn" && exit 3; }
patient=${warn:+no}
warn=$(seconds "${warn:-300}") || { echo "$warn" && exit 3; }
critical=$(seconds "$critical") || { echo "$critical" && exit 3; }
limit=$(seconds "$limit") || { echo "$limit" && exit 3; }
# timeout(1) takes 0 for no limit.
[ "$limit" -gt 0 ] || usage_error "--timeout must be at least 1"
[ "$warn" -le "$critical" ] || usage_error "--warning, ${warn} s, is" \
	"above --critical, ${critical} s; choose a smaller value"
case $disk in
*[!0-9,]* | ,* | *, | *,*,* | ????????*) usage_error "'$disk' is not a value of -d" ;;
*,*) ;;
*) usage_error "-d takes two percentages, such as 10,5" ;;
esac
[ "$((10#${disk%,*}))" -ge "$((10#${disk#*,}))" ] || usage_error "-d $disk:" \
	"the first percentage, for warnings, must not be below the second"
[ -z "$tenant" ] || check_name "$tenant"
need_programs aggregator
find_config

# The problems, worst first, and the figures.
criticals=() warnings=() notes=() figures=()

# judge LEVEL TEXT...
judge() {
	local level=$1
	shift
	case $level in
	critical) criticals+=("$*") ;;
	warning) warnings+=("$*") ;;
	*) notes+=("$*") ;;
	esac
}

# judge_age WHAT SECONDS WARN: of metrics, of a job.
judge_age() {
	if [ "$2" -gt "$critical" ]; then
		judge critical "$1 is $2 s old"
	elif [ "$2" -gt "$3" ]; then
		judge warning "$1 is $2 s old"
	elif [ "$2" -lt "-$3" ]; then
		judge warning "$1 is ${2#-} s in the future: is a clock wrong?"
	fi
}

# within COMMAND [ARGUMENT]...: runs a command of lib.sh with a time limit. Its
# output goes to $answer. If it fails, the result is false and $answer is the
# reason. Warnings of a successful command, such as a missing locale or the mode
# of the configuration, are dropped.
within() {
	local rc=0 both mark=$'\001'
	# shellcheck disable=SC2154 # set by need_programs
	both=$({
		out=$(timeout -k 1 "$limit" bash -c 'set -eu; . "$0"
			config=$1 bin=$2 aggregator=$3; shift 3; "$@"' \
			"$here/lib.sh" "$config" "$bin" "$aggregator" "$@" \
			2>&3) || rc=$?
		printf '%s%s' "$mark" "$out"
		exit "$rc"
	} 3>&1) || rc=$?
	answer=${both#*"$mark"}
	[ $rc != 0 ] || return 0
	answer=${both%%"$mark"*} answer=${answer%$'\n'}
	answer=${answer##*$'\n'} answer=${answer#*: }
	[ $rc -lt 124 ] || answer="no answer within $limit s"
	return 1
}

check_broker() {
	local queue n=0 count
	for queue in $(reader_queues); do
		within dead_letter_count "$queue" || {
			judge critical "broker: $answer"
			return
		}
		count=$answer
		[ "$count" = 0 ] ||
			judge warning "$count messages of dead letters in $queue.dead"
		n=$((n + count))
	done
	[ -z "${queue-}" ] || within check_alarm "$queue" ||
		judge critical "broker: $answer"
	figures+=("dead_letters=$n;0")
}

check_schema() {
	local wanted=1 # schema_last in common/db/schema_number.c
	if ! within sql "SELECT COALESCE(MAX(number), 0) FROM schema_migrations"; then
		judge critical "database: $answer"
		return 1
	elif [ "$answer" != "$wanted" ]; then
		judge critical "the schema has version $answer, not $wanted;" \
			"run sink --migrate"
	fi
}

check_tenants() {
	local name age due at n=0
	# shellcheck disable=SC2154 # of lib.sh
	within sql "SELECT t.tenant,
		TIMESTAMPDIFF(SECOND, $newest, UTC_TIMESTAMP(3)),
		COALESCE(t.stale_at > UTC_TIMESTAMP(3), 0)
		FROM tenants t LEFT JOIN tenant_metrics m USING (tenant)
		WHERE (t.removed_at IS NULL OR t.removed_at < $newest)
		AND $newest IS NOT NULL
		AND ('$tenant' = '' OR t.tenant = '$tenant') ORDER BY t.tenant" || {
		judge critical "database: $answer"
		return
	}
	while read -r name age due; do
		[ -n "$name" ] || continue
		n=$((n + 1))
		at=$news_warn
		# The next poll is not late yet.
		[ "$patient$due" != 1 ] || at=$critical
		judge_age "the newest of $name" "$age" "$at"
		figures+=("age_$name=${age}s;$at;$critical")
	done <<<"$answer"
	if [ "$n" = 0 ]; then
		judge critical "no metrics${tenant:+ of $tenant}"
	else
		judge note "$n tenants"
	fi
}

# setup keeps the numbers of the daemons that it starts without systemd beside the
# poller's state. Nothing starts them after a boot.
check_daemons() {
	local name folder
	folder=$(conf_path poller state)
	for name in board listener aggregator sink; do
		[ ! -e "${folder%/*}/$name.pid" ] ||
			alive "${folder%/*}/$name.pid" ||
			judge critical "the $name has ended; run setup --restart"
	done
}

check_disks() {
	local folder free used
	for folder in "$(conf_path poller state)" "$(conf_path aggregator state)" \
		${folders[0]+"${folders[@]}"}; do
		[ -n "$folder" ] || continue
		# df prints a dash if there is no disk, as for /proc.
		used=$(timeout -k 1 "$limit" df --output=pcent -- "$folder" \
			2>/dev/null | tail -n 1 | tr -d ' %') || used=
		case $used in
		'' | *[!0-9]*)
			judge critical "cannot access the folder $folder"
			continue
			;;
		esac
		free=$((100 - used))
		if [ "$free" -lt "${disk#*,}" ]; then
			judge critical "only $free % of the disk of $folder is free"
		elif [ "$free" -lt "${disk%,*}" ]; then
			judge warning "only $free % of the disk of $folder is free"
		fi
		figures+=("'free $folder'=$free%;${disk%,*}:;${disk#*,}:")
	done
}

check_jobs() {
	local folder own what task whose at where name age
	folder=$(conf_path metrics folder)
	[ -n "$folder" ] || return 0
	own=$(config_label)
	while read -r what task whose at where; do
		[ -n "$task" ] || continue
		name=job_$task
		if [ "$whose" != = ]; then
			name=${name}_${whose#=}
			task="$task of ${whose#=}"
		fi
		if [ "$where" != "$own" ]; then
			task="$task of $where"
			name="'job_${task//[\'=|]/_}'"
		fi
		# A report is mailed once a week, so its age is not checked.
		case $what-$task in
		run-report*)
			[ "$at" = 1 ] || judge warning "the last $task was not mailed"
			continue
			;;
		run-* | success-report*) continue ;;
		esac
		if [ "$at" = 0 ]; then
			judge critical "$task has not succeeded yet"
			continue
		fi
		age=$(($(date +%s) - at))
		judge_age "the last success of $task" "$age" "$warn"
		figures+=("$name=${age}s;$warn;$critical")
	done <<<"$(sed -n 's/^messaging_job_last_\(success\|run\)_.*{task="\([a-z]*\)"\(,tenant="\([^"]*\)"\)\{0,1\},config="\(.*\)"} \([0-9]*\)$/\1 \2 =\4 \6 \5/p' \
		"$folder"/messaging_*.prom 2>/dev/null || :)"
}

# is_receiver NAME: whether the configuration has the section [notify NAME]; rows of
# removed receivers stay in the table.
is_receiver() {
	conf_lines "$config" | LC_ALL=C sed -n \
		's/^\[[ 	]*notify[ 	][ 	]*\(.*[^ 	]\)[ 	]*\].*/\1/p' |
		grep -qxF -e "$1"
}

# check_notices: poller --notify writes the rows of a receiver together, once a
# minute or in each run of the job. Older rows are of tenants that it no longer
# serves.
check_notices() {
	local name failing age
	[ -n "$(notices_from)" ] || return 0
	within sql "SELECT d.receiver, MAX(failing_since IS NOT NULL),
		TIMESTAMPDIFF(SECOND, MAX(as_of), UTC_TIMESTAMP(3))
		FROM notice_deliveries d JOIN (SELECT receiver,
			MAX(as_of) - INTERVAL 30 SECOND AS since
			FROM notice_deliveries WHERE '$tenant' IN ('', tenant)
			GROUP BY receiver) n ON n.receiver = d.receiver
		WHERE '$tenant' IN ('', tenant) AND as_of >= since
		GROUP BY d.receiver ORDER BY d.receiver" || {
		judge critical "database: $answer"
		return
	}
	[ -n "$answer" ] || judge warning "no notifier has run for a receiver" \
		"and a rule; start messaging-notify"
	while read -r name failing age; do
		is_receiver "$name" || continue
		judge_age "the state of receiver $name of notices" "$age" "$warn"
		[ "$failing" = 0 ] ||
			judge warning "receiver $name of notices fails; see" \
				"notice_deliveries"
	done <<<"$answer"
}

# check_streams: which machine is in charge of each stream whose state is in the
# database, and whether an aggregator of this machine waits as standby. A user
# who may not read the table is told nothing.
check_streams() {
	local name host since age folder text
	within sql "SELECT stream, host,
		DATE_FORMAT(host_since, '%Y-%m-%dT%H:%i:%sZ'),
		TIMESTAMPDIFF(SECOND, stored_at, UTC_TIMESTAMP(3))
		FROM (SELECT stream, host, host_since, stored_at, ROW_NUMBER()
		OVER (PARTITION BY stream ORDER BY stored_at DESC) AS k
		FROM stream_heads) n WHERE k = 1 ORDER BY stream" || return 0
	folder=$(conf_path metrics folder)
	while read -r name host since age; do
		[ -n "$name" ] || continue
		text="$host in charge of $name since $since"
		! grep -qs '^messaging_stream_reading{.*} 0$' \
			"$folder/messaging_aggregator_$name.prom" ||
			text="$text, an aggregator waits here"
		judge note "$text"
		figures+=("'state $name'=${age}s")
	done <<<"$answer"
}

check_broker
! check_schema || { check_tenants; check_streams; check_notices; }
check_daemons
check_disks
check_jobs

word=OK code=0
if [ ${#criticals[@]} -gt 0 ]; then
	word=CRITICAL code=2
elif [ ${#warnings[@]} -gt 0 ]; then
	word=WARNING code=1
fi
text=$(printf '%s; ' ${criticals[0]+"${criticals[@]}"} \
	${warnings[0]+"${warnings[@]}"} ${notes[0]+"${notes[@]}"})
text=${text%; }
# A bar would start the figures.
echo "MESSAGING $word - ${text//|/ } | ${figures[*]-}" || exit 3
exit $code
