#!/usr/bin/env bash
# scripts/health-check.sh: one line, and the exit code that Nagios wants: each
# check fires in the fault it is for and in no other, servers that hang are given
# up, and no password is in any command line. And what the jobs of cron write for
# Prometheus.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
scripts=$PWD/scripts
start_sim --account one-token:3:6
mkdir "$tmp/state" "$tmp/metrics"
cat >"$tmp/conf" <<END
[amqp]
url = $AMQP_URL
# A busy broker takes more than a second to confirm what a job writes.
wait_timeout = 10s
[mysql]
url = $MYSQL_URL
[crm one]
url = $sim/v1
budget = 5000
token_file = $tmp/token
[poller]
state = $tmp/state
[metrics]
folder = $tmp/metrics
END
echo one-token >"$tmp/token"
chmod 600 "$tmp/conf" "$tmp/token"
unset AMQP_URL MYSQL_URL CRM_URL CRM_TOKEN
export MESSAGING_CONFIG=$tmp/conf MESSAGING_BIN=$BIN
"$BIN/sink" --migrate

sql() {
	"$servers" mysql "$tmp/servers" messaging -N -B -e "$1"
}

# checked WANTED-CODE PATTERN [OPTION]...: one line with that after its level.
# The CRM's clock may not be ours.
checked() {
	local want=$1 pattern=$2 got=0 level
	level=$(echo OK WARNING CRITICAL UNKNOWN | cut -d ' ' -f $((want + 1)))
	shift 2
	"$scripts/health-check.sh" -w 100000d -c 200000d -t 60 "$@" >"$tmp/out" \
		2>"$tmp/err" || got=$?
	[ "$got" = "$want" ] || fail "exit $got, not $want: $(cat "$tmp/out" "$tmp/err")"
	[ "$(wc -l <"$tmp/out")" = 1 ] || fail "not one line: $(cat "$tmp/out")"
	[ ! -s "$tmp/err" ] || fail "on stderr: $(cat "$tmp/err")"
	grep -Eq "^MESSAGING $level - $pattern" "$tmp/out" ||
		fail "no '$level - $pattern': $(cat "$tmp/out")"
	! grep -qF "$(password)" "$tmp/out" || fail "it shows a password"
}

metric() { # FILE METRIC
	awk -v name="$2" '$1 == name { print $2 }' "$tmp/metrics/messaging_$1"_*.prom
}
# However long the test has taken, the jobs have just succeeded.
jobs_succeed() {
	sed -i "s/\(last_success_timestamp_seconds{.*}\) .*/\1 $(date +%s)/" \
		"$tmp"/metrics/messaging_{job,reap}_*.prom
}
is() { # WHAT EXPECTED GOT
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

echo "- before the first run"
checked 2 'no metrics \|'
[ -z "$(ls "$tmp/metrics")" ] || fail "$(ls "$tmp/metrics")"

echo "- the jobs tell how they ended"
before=$(date +%s)
"$scripts/job" -l "$tmp/lock" || fail "the job gives $?"
"$scripts/reap" -l "$tmp/lock" || fail "the reaper's job gives $?"
config="config=\"$(realpath "$tmp/conf")\""
succeeded() { # TASK: when it did
	metric "$1" "messaging_job_last_success_timestamp_seconds{task=\"$1\",$config}"
}
[ "$(succeeded job)" -ge "$before" ] || fail "no success"
[ "$(succeeded reap)" -ge "$before" ] || fail "no success"
runs="messaging_job_runs_total{task=\"job\",$config,result="
is "runs" "1 0" "$(metric job "$runs\"success\"}") $(metric job "$runs\"failure\"}")"
is "mode" 644 "$(stat -c %a "$tmp"/metrics/messaging_job_*.prom)"
at=$(succeeded job)
echo wrong >"$tmp/token"
! "$scripts/job" -l "$tmp/lock" 2>"$tmp/err" || fail "it did not fail"
is "runs" "1 1" "$(metric job "$runs\"success\"}") $(metric job "$runs\"failure\"}")"
is "last success" "$at" "$(succeeded job)"
echo one-token >"$tmp/token"
is "left behind" "messaging_calls_poll_one.prom messaging_calls_status_one.prom \
messaging_job_N.prom messaging_reap_N.prom" \
	"$(find "$tmp/metrics" -type f -printf '%f\n' | sed 's/_[0-9]*\./_N./' |
		sort | paste -sd ' ')"
mv "$tmp/metrics" "$tmp/gone"
"$scripts/job" -l "$tmp/lock" 2>"$tmp/err" || fail "its metrics end a job: $?"
grep -q "cannot write .*messaging_job_.*prom" "$tmp/err" || fail "it is silent"
mv "$tmp/gone" "$tmp/metrics"

echo "- what came of all calls is kept"
calls() { # MODE RESULT
	metric "calls_$1" "messaging_crm_calls_total{mode=\"$1\",tenant=\"one\",result=\"$2\"}"
}
before="$(calls poll ok) $(calls poll refused)"
read -r ok refused <<<"$before"
[ "$ok" -gt 1 ] || fail "calls: $before"
[ "$refused" -gt 0 ] || fail "calls: $before"
"$scripts/job" -l "$tmp/lock" || fail "the job gives $?"
[ "$(calls poll ok)" -gt "$ok" ] || fail "no calls"
whole() { # the calls that are told, and what they leave of the budget
	cat "$tmp"/metrics/messaging_calls_*.prom |
		awk '/^messaging_crm/ { n += $2 } END { print n }'
}
whole=$(whole)
[ "$whole" -gt 4000 ] || fail "calls and their budget: $whole"
is "refused" "$refused" "$(calls poll refused)"
at=$(succeeded job)
echo wrong >"$tmp/token"
! "$scripts/job" -l "$tmp/lock" 2>"$tmp/err" || fail "it did not fail"
echo one-token >"$tmp/token"
is "last success" "$at" "$(succeeded job)"
is "the last run" 0 "$(metric job "messaging_job_last_run_succeeded{task=\"job\",$config}")"
[ "$(calls poll refused)" -gt "$refused" ] || fail "no call was refused"
is "calls and their budget" "$whole" "$(whole)"
sed -i "s/\(last_success_timestamp_seconds{.*}\) .*/\1 $(($(date +%s) - 1200))/" \
	"$tmp"/metrics/messaging_job_*.prom
checked 2 '.*the last success of job is 1[2-9].. s old' -w 5m -c 15m
jobs_succeed
no_promtool=
command -v promtool >/dev/null || no_promtool=1
[ -n "$no_promtool" ] ||
	cat "$tmp"/metrics/messaging_{job,calls_poll}_*.prom |
	promtool check metrics || fail "promtool complains"
names=$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' "$tmp"/metrics/*.prom | sort -u)
for name in $names; do
	grep -q "^\.It Li $name\b" man/man7/messaging-monitoring.7 ||
		fail "messaging-monitoring(7) does not describe $name"
done

echo "- all is well"
checked 0 '1 tenants \| dead_letters=0;0 age_one=[0-9]+s;8640000000;17280000000'
checked 0 '1 tenants' --tenant one
checked 0 '1 tenants .* job_job=[0-9]+s;[0-9;]* job_reap=[0-9]+s'

shown_in messaging-monitoring.7 'HEALTH CHECK' | sed "s,^,$scripts/,
	s,/var/lib/messaging-analytics/listener,$tmp/state,; s/acme/one/" >"$tmp/typed"
[ "$(wc -l <"$tmp/typed")" = 3 ] || fail "$(cat "$tmp/typed")"
while read -r line; do
	rc=0
	bash -c "$line" >"$tmp/out" || rc=$?
	[ $rc -le 2 ] || fail "$line: $(cat "$tmp/out")"
done <"$tmp/typed"
(
	shown_in messaging-monitoring.7 'The jobs of cron' >"$tmp/page.conf"
	chmod 600 "$tmp/page.conf"
	"$BIN/sink" -n -c "$tmp/page.conf" 2>"$tmp/err" ||
		grep -q 'no database' "$tmp/err" || fail "$(cat "$tmp/err")"
)

echo "- what programs and shells complain of besides is not an answer"
chmod 644 "$tmp/conf"
checked 0 '1 tenants \| dead_letters=0;0 age_one='
chmod 600 "$tmp/conf"
"$scripts/health-check.sh" -w 100000d -c 200000d -t 60 >"$tmp/wanted"
LC_ALL=xx_XX.UTF-8 "$scripts/health-check.sh" -w 100000d -c 200000d -t 60 \
	>"$tmp/out" 2>/dev/null ||
	fail "a locale that is not there: $? $(cat "$tmp/out")"
# Ages and what is free of the disk go on meanwhile.
still='s/=[0-9]*[s%]//g'
diff <(sed "$still" "$tmp/wanted") <(sed "$still" "$tmp/out") ||
	fail "a locale that is not there"
rc=0
"$scripts/health-check.sh" >/dev/full 2>"$tmp/err" || rc=$?
is "nowhere to write" 3 "$rc"

echo "- metrics are old, or are none"
sql "UPDATE tenants SET as_of = UTC_TIMESTAMP(3) + INTERVAL 2 HOUR"
checked 1 'the newest of one is 7[0-9]* s in the future: whose clock is wrong' \
	-w 10m -c 1h
sql "UPDATE tenants SET as_of = UTC_TIMESTAMP(3) - INTERVAL 20 MINUTE;
	UPDATE tenant_metrics SET as_of = UTC_TIMESTAMP(3) - INTERVAL 20 MINUTE"
jobs_succeed
checked 1 'the newest of one is 1[0-9]* s old; 1 tenants \|' -w 10m -c 1h
checked 2 'the newest of one is 1[0-9]* s old; 1 tenants \|' -w 9m -c 10m
checked 0 '1 tenants' -w 1h -c 2h
checked 2 'no metrics of two' --tenant two

echo "- the tenant of a stream, purged, and added again"
stream() { # TIME: a row of it
	printf '{"type":"row","table":"tenant_metrics","tenant":"flow",%s}\n' \
		"\"operators\":1,\"version\":$(date +%s%3N),\"as_of\":\"$(
			date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ)\"" | "$BIN/sink" -f -
}
stream now
checked 0 '2 tenants .* age_flow='
"$BIN/reaper" --purge flow
checked 0 '1 tenants'
stream '+1 minute'
checked 0 '2 tenants .* age_flow='
"$BIN/reaper" --purge flow
checked 0 '1 tenants'

echo "- a job has not succeeded for long"
jobs_succeed
sed -i "s/\(timestamp_seconds{.*}\) .*/\1 $(($(date +%s) - 1200))/" \
	"$tmp/metrics/messaging_reap_"*.prom
checked 1 'the newest of one .*; the last success of reap is 1[2-9].. s old;' \
	-w 15m -c 1h
sed -i "s/\(timestamp_seconds{.*}\) .*/\1 0/" \
	"$tmp/metrics/messaging_reap_"*.prom
checked 2 'reap has not succeeded yet;'
jobs_succeed
checked 0 '1 tenants'

echo "- a report was not mailed, or was, a week ago"
report() { # STATUS
	(
		# shellcheck source=scripts/lib.sh
		. scripts/lib.sh && config=$tmp/conf && job_metrics report "$1" 2
	)
	sed -i "s/\(success_timestamp_seconds{.*}\) .*/\1 $(($(date +%s) - 600000))/" \
		"$tmp"/metrics/messaging_report_*.prom
}
report 69
checked 1 'the last report was not mailed; 1 tenants' -w 1d -c 2d
report 0
checked 0 '1 tenants' -w 1d -c 2d

echo "- dead letters"
echo '{"type":"row","table":"x"}' | "$probe" write queue:rows >/dev/null
"$BIN/sink" -f queue:rows --until-empty
checked 1 '1 messages of dead letters in rows.dead; 1 tenants \| dead_letters=1;0'
"$probe" -e read queue:rows.dead >/dev/null
checked 0 '1 tenants'

echo "- the disk"
checked 1 '[0-9]* % of the disk of .*/state are free; 1 tenants' -d 101,0
checked 2 '[0-9]* % of the disk of .*/state are free; 1 tenants' -d 101,101
checked 2 "cannot look at the folder $tmp/none; 1 tenants" -s "$tmp/none"

echo "- a schema of another version"
sql "CREATE TABLE kept AS SELECT * FROM schema_migrations
	ORDER BY number DESC LIMIT 1;
	DELETE FROM schema_migrations ORDER BY number DESC LIMIT 1"
checked 2 'the schema has version [0-9]*, not [0-9]*; run sink --migrate; 1 tenants'
sql "INSERT INTO schema_migrations SELECT * FROM kept; DROP TABLE kept"
checked 0 '1 tenants'

echo "- the broker, the database: away, and hanging"
"$servers" stop "$tmp/servers" rabbitmq
checked 2 'broker: cannot reach RabbitMQ .*; 1 tenants'
"$servers" start "$tmp/servers" rabbitmq
read -r pid _ <"$tmp/servers/mariadb/pid"
kill -STOP "$pid"
"$scripts/health-check.sh" -w 100000d -c 200000d -t 10 >"$tmp/out" &
check=$!
# command_lines PID: of that process and all it started.
command_lines() {
	local child children
	tr '\0' ' ' <"/proc/$1/cmdline" && echo
	children=$(cat "/proc/$1/task/$1/children")
	for child in $children; do
		command_lines "$child"
	done
} 2>/dev/null
asks_database() {
	command_lines $check >"$tmp/lines"
	grep -q "mariadb --defaults-file=/dev/fd/8" "$tmp/lines"
}
until_true 20 asks_database || fail "it asks no database"
! grep -Ff "$tmp/servers/mariadb/password" "$tmp/lines" || fail "in a command line"
rc=0
wait $check || rc=$?
kill -CONT "$pid"
is "exit status" 2 "$rc"
# A busy broker may be given up, too.
late='no answer within 10 s'
grep -qE "CRITICAL - (broker: $late; )?database: $late \\|" \
	"$tmp/out" || fail "$(cat "$tmp/out")"
"$servers" stop "$tmp/servers" mariadb
checked 2 'database: .*[Cc]an.t connect'
"$servers" start "$tmp/servers" mariadb
checked 0 '1 tenants'

echo "- used wrongly, or not configured"
checked 3 "'x' is not a time" -t x
checked 3 '-t 0 leaves no time' -t 0
checked 3 '-t 0 leaves no time' -t 0m
checked 3 "unknown argument '--what'" --what
checked 3 "-c needs a value" -c
checked 3 "-d wants two" -d 5
grep -v '^url = mysql' "$tmp/conf" >"$tmp/half"
chmod 600 "$tmp/half"
checked 2 'database: no database is configured; .*' -C "$tmp/half"
checked 3 "cannot read the configuration" -C "$tmp/none"
checked 3 "cannot find the program" -b "$tmp"

[ -z "$no_promtool" ] || {
	echo "promtool is missing: scripts/install-deps monitoring"
	exit 77
}
