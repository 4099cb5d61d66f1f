#!/bin/bash
# Errors that scripts report before they ask or start anything: invalid values,
# and thresholds in the wrong order. With stubs of the programs: a missing
# answer is not taken for an answer.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_usage.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
# No program can be found, so arguments that are not refused first end with
# another error.
export MESSAGING_BIN=$tmp

refused() { # CODE TEXT SCRIPT OPTION...
	local want=$1 text=$2 script=scripts/$3 rc=0
	shift 3
	"$script" "$@" >"$tmp/said" 2>&1 || rc=$?
	if [ $rc != "$want" ] || ! grep -qF -- "$text" "$tmp/said"; then
		echo "FAILED: $script $*: exit $rc, not $want: $(cat "$tmp/said")" >&2
		exit 1
	fi
}

for port in abc -1 65536 8080x 999999999999999999999; do
	refused 64 "-p '$port' is not a port" demo --live -p "$port"
done

refused 3 "--warning, 10 s, is above --critical, 5 s" health-check.sh \
	--warning 10 --critical 5
refused 3 "--warning, 3600 s, is above --critical, 900 s" health-check.sh \
	--warning 1h
refused 3 "-d 5,10: " health-check.sh -d 5,10
# Both thresholds may be equal, and numbers may have a leading zero.
refused 3 "cannot find the program" health-check.sh --warning 08 \
	--critical 8s -d 09,9

# An empty value, as a variable may have, differs from an option that was left
# out.
refused 64 "--url needs a value" tenant add acme --url ''
for none in '' -oi '|cat' /etc/passwd 'a b@example.com' 'a@b,c@d' 'A <a@b>' \
	'a@b
Bcc: c@d'; do
	refused 64 "'$none' is not an address" mail-report -- "$none"
done
for one in lead@example.com "o'neil@example.com" 'r&d+x@example.com' '~{*}@a'; do
	refused 69 "cannot find the program 'sink'" mail-report "$one"
done
# An unknown option is named, also where getopts reads it.
for script in job reap tenant mail-report reconcile; do
	refused 64 "unknown option '-Z'" $script -Z
	refused 64 "unknown option '--nosuch'" $script --nosuch
	refused 0 "usage: $script" $script --help
done
for script in job reap tenant mail-report; do
	refused 64 "-c needs a value" $script -c
	refused 64 "-c needs a value" $script -c ''
done
# In a file, with the time.
refused 64 "Z setup: unknown argument '--nosuch'" setup --nosuch
refused 64 "--archive needs a value" reap --force --archive ''
refused 64 "--tenant needs a value" mail-report --tenant '' lead@example.com
refused 64 "-p needs a value" demo --live -p ''
refused 69 "cannot find the program 'poller'" job -v

# Stubs of a database and of a broker.
mkdir "$tmp/bin"
cat >"$tmp/bin/aggregator" <<'END'
#!/bin/bash
while read -r _ name; do
	echo "0 $name"
done
END
cat >"$tmp/bin/sink" <<'END'
#!/bin/bash
case $* in
*schema_migrations*) echo '{"number":1}' ;;
*stream_heads*) ;;
*SELECT*) echo '{"tenant":"acme","age":10}' ;;
esac
END
for name in poller reaper; do
	ln -s sink "$tmp/bin/$name"
done
chmod +x "$tmp/bin"/*
# setup does not ask whether cron may run the jobs if cron is not installed.
mkdir "$tmp/without-cron"
ln -s /usr/bin/* "$tmp/without-cron"
rm -f "$tmp/without-cron/crontab"
PATH=$tmp/without-cron refused 69 "cron is missing" setup -b "$tmp/bin" \
	--as "$(id -un)" </dev/null
refused 64 "--cron takes yes or no, not 'maybe'" setup -b "$tmp/bin" \
	--as "$(id -un)" --cron maybe </dev/null
printf '[mysql]\nurl = mysql://u:p@127.0.0.1/db\n' >"$tmp/conf"
refused 78 "none or several tenants" limits -b "$tmp/bin" -c "$tmp/conf" 5
refused 64 "none or several tenants" reconcile -b "$tmp/bin" -c "$tmp/conf" \
	2026-11-01 2026-11-02
export TMP=$tmp PATH=$tmp/bin:$PATH

# A disk whose device has blanks in its name, and two folders without blanks.
cat >"$tmp/bin/df" <<'END'
#!/bin/bash
for folder; do :; done
case $folder in
*/none) exit 1 ;;
*/share) device='//nas/my share' size=100 used=98 percent=98% ;;
*) device=proc size=0 used=0 percent=- ;;
esac
case $1 in
--output=pcent) printf 'Use%%\n%4s\n' $percent ;;
*) printf 'Filesystem 1024-blocks Used Available Capacity Mounted on
%s %s %s 2 %s %s\n' "$device" $size $used $percent "$folder" ;;
esac
END
chmod +x "$tmp/bin/df"
rc=0
scripts/health-check.sh -b "$tmp/bin" -c "$tmp/conf" --timeout 60 -s /proc \
	-s "$tmp/none" -s "$tmp/share" >"$tmp/out" 2>"$tmp/said" || rc=$?
if [ $rc != 2 ] || [ -s "$tmp/said" ] || ! grep -qF "CRITICAL - cannot access the \
folder /proc; cannot access the folder $tmp/none; only 2 % of the disk of $tmp/share \
is free; 1 tenants |" "$tmp/out"; then
	echo "FAILED: health-check.sh: exit $rc: $(cat "$tmp/out" "$tmp/said")" >&2
	exit 1
fi

# A job of another configuration with the same folder.
mkdir "$tmp/metrics"
printf '[metrics]\nfolder = metrics\n' >>"$tmp/conf"
for name in conf other; do
	printf 'messaging_job_last_success_timestamp_seconds{%s} %s\n' \
		"task=\"job\",config=\"$tmp/$name\"" "$(date +%s)" \
		>"$tmp/metrics/messaging_job_$name.prom"
done
health() { # CODE PATTERN
	local rc=0
	scripts/health-check.sh -b "$tmp/bin" -c "$tmp/conf" --timeout 60 \
		>"$tmp/out" || rc=$?
	if [ $rc != "$1" ] || ! grep -q "$2" "$tmp/out"; then
		echo "FAILED: health-check.sh: exit $rc: $(cat "$tmp/out")" >&2
		exit 1
	fi
}
health 0 "OK - 1 tenants .* job_job=[0-9]*s;.* 'job_job of $tmp/other'=[0-9]*s;"
sed -i 's/ [0-9]*$/ 0/' "$tmp/metrics/messaging_job_other.prom"
health 2 "CRITICAL - job of $tmp/other has not succeeded yet; 1 tenants"
# A quote in its name does not end the metric's label.
printf 'messaging_job_last_success_timestamp_seconds{%s} %s\n' \
	"task=\"job\",config=\"/its='own'|x\"" "$(date +%s)" \
	>"$tmp/metrics/messaging_job_other.prom"
health 0 " 'job_job of /its__own__x'=[0-9]*s;"
# Each of several tenants has its own report, and one job runs for a single
# tenant.
ran() { # TASK STATUS TENANT
	# shellcheck source=/dev/null disable=SC2034 # it sets other variables, too
	(. scripts/lib.sh && config=$tmp/conf && job_metrics "$1" "$2" 1 "$3")
}
rm "$tmp/metrics"/*
ran report 69 two
ran report 0 one
ran job 0 one
health 1 "WARNING - the last report of two was not mailed; 1 tenants"
ran report 0 two
health 0 "OK - 1 tenants .* job_job_one=[0-9]*s;"
ran job 75 two
health 2 "CRITICAL - job of two has not succeeded yet; 1 tenants"
