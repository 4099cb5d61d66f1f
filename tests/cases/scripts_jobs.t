#!/bin/bash
# scripts/job and scripts/reap with stubs of the programs: which programs run,
# when the sink runs, whose exit code counts, and that two runs never overlap.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_jobs.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
scripts=$PWD/scripts
unset MESSAGING_CONFIG MESSAGING_BIN PROGRAM_PREFIX

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# Each stub logs its call and ends with the code in its file.
mkdir "$tmp/bin"
for name in poller aggregator sink reaper; do
	cat >"$tmp/bin/$name" <<-'END'
		#!/bin/sh
		name=${0##*/}
		if [ "$*" = --declare ]; then
			read -r verb queue
			[ ! -e "$TMP/declare" ] || exit "$(cat "$TMP/declare")"
			echo "$(cat "$TMP/$verb.$queue" 2>/dev/null || echo 0) $queue"
			exit
		fi
		# Programs in a pipe log in the order in which they end.
		case "$name $*" in
		*--status*) cat - "$TMP/answers" | sed /record/d ;;
		reaper\ --list) ;;
		reaper*) cat >"$TMP/reaped" ;;
		esac
		echo "$name $*" >>"$TMP/called"
		[ "$name" != poller ] || [ ! -e "$TMP/slow" ] ||
			until [ ! -e "$TMP/slow" ]; do sleep 0.02; done
		[ "$name" != poller ] || cat "$TMP/says" 2>/dev/null
		[ "$*" != --list ] || [ ! -e "$TMP/list" ] || exit "$(cat "$TMP/list")"
		if [ "$name $*" != "reaper --list" ] && [ -e "$TMP/$name" ]; then
			exit "$(cat "$TMP/$name")"
		fi
		[ "$name $*" != "reaper --list" ] || echo record
	END
	chmod +x "$tmp/bin/$name"
done
: >"$tmp/conf"
export TMP="$tmp"

run() { # WANTED-CODE SCRIPT OPTION...
	local want=$1 script=$2 rc=0
	shift 2
	: >"$tmp/called"
	"$scripts/$script" -b "$tmp/bin" -c "$tmp/conf" -l "$tmp/lock" "$@" \
		>"$tmp/out" 2>&1 </dev/null || rc=$?
	[ "$rc" = "$want" ] || fail "$script $*: $rc, not $want: $(cat "$tmp/out")"
}

called() {
	sort "$tmp/called" >"$tmp/got"
	printf '%s\n' "$@" | sort | diff - "$tmp/got" || fail "other calls"
}

# started N: waits until N programs of a background run have logged their calls.
started() {
	until [ "$(wc -l <"$tmp/called")" -ge "$1" ]; do sleep 0.02; done
}

closed='{"type":"chat","tenant":"a","chat":"1","status":"closed"}'
open='{"type":"chat","tenant":"a","chat":"2","status":"open"}'
printf '%s\n' "$open" "$closed" >"$tmp/answers"

echo "- the job: poller, aggregator, sink"
poll="poller -t queue:records"
aggregate="aggregator -f queue:records --until-empty -t queue:rows --every 1s"
store="sink -f queue:rows --until-empty"
run 0 job
called "$poll" "$aggregate" "$store"
[ "$(stat -c %a "$tmp/lock")" = 600 ] || fail "others may hold the lock"
[ ! -s "$tmp/out" ] || fail "it spoke: $(cat "$tmp/out")"
run 0 job -v
called "poller -v -t queue:records" \
	"aggregator -v -f queue:records --until-empty -t queue:rows --every 1s" \
	"sink -v -f queue:rows --until-empty"

echo "- a configuration that others may read causes a warning"
printf '[crm a]\nprofile = chat2desk\ntoken = secret\n' >"$tmp/open.conf"
chmod 644 "$tmp/open.conf"
"$BIN/poller" -c "$tmp/open.conf" -n 2>"$tmp/out" ||
	fail "poller -n: $(cat "$tmp/out")"
[ "$(grep -c "other users can read" "$tmp/out")" = 1 ] ||
	fail "the warning: $(cat "$tmp/out")"

echo "- a queue that a daemon reads is left to it"
echo 1 >"$tmp/readers.records"
run 0 job
called "$poll" "$store"
echo 2 >"$tmp/readers.rows"
run 0 job
called "$poll"
rm "$tmp/readers.records"
run 0 job
called "$poll" "$aggregate"
rm "$tmp/readers.rows"

echo "- records go to the queue of [poller] to"
echo '[poller]' >"$tmp/conf"
echo 'to = queue:own' >>"$tmp/conf"
run 0 job
called "poller -t queue:own" "${aggregate/records/own}" "$store"
: >"$tmp/conf"

echo "- whose failure counts, and whether rows are stored"
while read -r poller aggregator sink want stored; do
	echo "$poller" >"$tmp/poller"
	echo "$aggregator" >"$tmp/aggregator"
	echo "$sink" >"$tmp/sink"
	run "$want" job
	[ "$(grep -c '^sink' "$tmp/called")" = "$stored" ] ||
		fail "$poller $aggregator $sink: sink"
done <<END
0 0 0 0 1
77 65 0 77 1
75 66 0 75 1
77 65 75 77 1
0 65 0 65 1
0 0 75 75 1
0 75 0 75 1
0 78 0 78 1
END
rm "$tmp/poller" "$tmp/aggregator" "$tmp/sink"
# The broker is away: no other program is called.
echo 75 >"$tmp/declare"
run 75 job
[ ! -s "$tmp/called" ] || fail "called: $(cat "$tmp/called")"
# The query of the broker was killed: the poll still runs.
echo 137 >"$tmp/declare"
run 137 job
called "$poll"
rm "$tmp/declare"

echo "- the reaper's job"
status="poller --status"
run 0 reap --archive file --force
called "reaper --list" "$status" "reaper --archive file --force"
diff "$tmp/answers" "$tmp/reaped" || fail "the reaper lacks answers"
echo 65 >"$tmp/reaper"
run 65 reap
# A tenant that fails does not stop the others.
echo 77 >"$tmp/poller"
run 77 reap
called "reaper --list" "$status" "reaper "
rm "$tmp/poller" "$tmp/reaper"
echo 75 >"$tmp/list"
run 75 reap
called "reaper --list" # no other program complains about the database
rm "$tmp/list"

echo "- through a symbolic link, from elsewhere"
mkdir "$tmp/links"
for script in job reap; do
	ln -s "$scripts/$script" "$tmp/links/my-$script"
	: >"$tmp/called"
	(cd / && "$tmp/links/my-$script" -b "$tmp/bin" -c "$tmp/conf" \
		-l "$tmp/lock") || fail "$script through a link: $?"
	[ -s "$tmp/called" ] || fail "$script through a link does nothing"
done

echo "- while one is at work another does nothing, in silence"
for script in job reap; do
	programs=1
	[ $script = job ] || programs=2
	: >"$tmp/slow"
	: >"$tmp/called"
	"$scripts/$script" -b "$tmp/bin" -c "$tmp/conf" -l "$tmp/lock" \
		>/dev/null 2>&1 </dev/null &
	first=$!
	started $programs
	run 0 $script
	[ -z "$(cat "$tmp/out" "$tmp/called")" ] ||
		fail "the second $script did something"
	# A run that hangs for a quarter of an hour is reported.
	echo $(($(date +%s) - 1000)) >"$tmp/lock"
	run 75 $script
	grep -q 'at work for 1[0-9][0-9][0-9] s' "$tmp/out" || fail "$(cat "$tmp/out")"
	rm "$tmp/slow"
	wait "$first"
	run 0 $script
done

echo "- a killed run leaves no lock that counts"
: >"$tmp/slow"
: >"$tmp/called"
"$scripts/job" -b "$tmp/bin" -c "$tmp/conf" -l "$tmp/lock" \
	>/dev/null 2>&1 </dev/null &
first=$!
started 1
kill -KILL "$first"
wait "$first" 2>/dev/null || :
# Its programs still hold the lock until they end.
run 0 job
[ ! -s "$tmp/called" ] || fail "a second poller beside the first"
rm "$tmp/slow"
until run 0 job && [ -s "$tmp/called" ]; do sleep 0.02; done

echo "- the lock is one for each configuration"
: >"$tmp/other"
rm -f "$tmp/lock"
: >"$tmp/slow"
: >"$tmp/called"
HOME=$tmp "$scripts/job" -b "$tmp/bin" -c "$tmp/conf" >/dev/null 2>&1 \
	</dev/null &
first=$!
started 1
: >"$tmp/called"
"$scripts/job" -b "$tmp/bin" -c "$tmp/conf"
! grep '^poller' "$tmp/called" || fail "the same configuration twice"
"$scripts/job" -b "$tmp/bin" -c "$tmp/other" &
second=$!
started 1
rm "$tmp/slow"
wait "$first" "$second"
for name in conf other; do
	rm -f /run/lock/messaging-job-"$(id -u)"-"$(echo "$tmp/$name" | cksum |
		cut -d ' ' -f 1)" /tmp/messaging-job-"$(id -u)"-"$(
		echo "$tmp/$name" | cksum | cut -d ' ' -f 1)"
done

echo "- of the environment's tenants each has its own"
if [ ! -e /etc/messaging-analytics ]; then
	: >"$tmp/slow"
	: >"$tmp/called"
	jobs=()
	mkdir "$tmp/nowhere"
	for tenant in a b; do
		(cd "$tmp/nowhere" && CRM_TENANT=$tmp/$tenant CRM_TOKEN_FILE=$tmp/$tenant \
			exec "$scripts/job" -b "$tmp/bin") &
		jobs+=($!)
	done
	started_both() {
		[ "$(grep -c '^poller' "$tmp/called")" = 2 ]
	}
	for _ in $(seq 3000); do
		! started_both || break
		sleep 0.02
	done
	started_both || fail "one has kept the other out: $(cat "$tmp/called")"
	: >"$tmp/called"
	(cd "$tmp/nowhere" && CRM_TENANT=$tmp/a CRM_TOKEN_FILE=$tmp/a \
		"$scripts/job" -b "$tmp/bin")
	! grep '^poller' "$tmp/called" || fail "the same tenant twice"
	rm "$tmp/slow"
	wait "${jobs[@]}"
	for tenant in a b; do
		sum=$(printf '\nCRM_TENANT=%s\nCRM_TOKEN_FILE=%s\n' "$tmp/$tenant" \
			"$tmp/$tenant" | cksum | cut -d ' ' -f 1)
		rm -f {/run/lock,/tmp}/messaging-job-"$(id -u)-$sum"
	done
fi

echo "- two configurations with one folder of metrics: each has its own"
mkdir "$tmp/metrics"
for name in one 'its "own" success'; do
	printf '[metrics]\nfolder = metrics\n' >"$tmp/$name"
done
echo 78 >"$tmp/aggregator"
run 78 job -c "$tmp/its \"own\" success"
rm "$tmp/aggregator"
echo "standby: another poller is at work" >"$tmp/says"
run 0 job -c "$tmp/one"
[ ! -s "$tmp/out" ] || fail "a job beside one of another machine prints"
rm "$tmp/says"
cat "$tmp/metrics"/messaging_job_*.prom | sed 's/} [1-9][0-9]\{8,\}$/} TIME/' |
	grep '^messaging.*\(succe\|failure\|standby\)' | grep -v duration |
	sort >"$tmp/got"
sort >"$tmp/wanted" <<END
messaging_job_last_success_timestamp_seconds{task="job",config="$tmp/one"} TIME
messaging_job_last_success_timestamp_seconds{task="job",config="$tmp/its \\"own\\" success"} 0
messaging_job_last_run_succeeded{task="job",config="$tmp/one"} 1
messaging_job_last_run_succeeded{task="job",config="$tmp/its \\"own\\" success"} 0
messaging_job_runs_total{task="job",config="$tmp/one",result="success"} 1
messaging_job_runs_total{task="job",config="$tmp/one",result="failure"} 0
messaging_job_runs_total{task="job",config="$tmp/its \\"own\\" success",result="success"} 0
messaging_job_runs_total{task="job",config="$tmp/its \\"own\\" success",result="failure"} 1
messaging_job_standby{task="job",config="$tmp/one"} 1
messaging_job_standby{task="job",config="$tmp/its \\"own\\" success"} 0
END
diff "$tmp/wanted" "$tmp/got" || fail "other metrics"

echo "- of several tenants each has its own"
rm "$tmp/metrics"/*
echo 78 >"$tmp/aggregator"
CRM_TENANT=bad run 78 job -c "$tmp/one"
rm "$tmp/aggregator"
CRM_TENANT=good run 0 job -c "$tmp/one"
run 0 job -c "$tmp/one"
mkdir "$tmp/mailing"
cat >"$tmp/mailing/sink" <<'END'
#!/bin/sh
# sink --tenant TENANT --report FILE
[ "$2" = good ] || exit 75
echo '<title>Report</title>' >"$4"
END
chmod +x "$tmp/mailing/sink"
mail() { # WANTED-CODE TENANT
	local rc=0
	SENDMAIL=true "$scripts/mail-report" -b "$tmp/mailing" -c "$tmp/one" \
		--tenant "$2" lead@example.com >"$tmp/out" 2>&1 || rc=$?
	[ "$rc" = "$1" ] || fail "mail of $2: $rc, not $1: $(cat "$tmp/out")"
}
mail 75 bad
mail 0 good
mail 75 'bad"
'
told() {
	sed -n 's/^messaging_job_\(last_run_succeeded\|runs_total\)//p' \
		"$tmp/metrics"/*.prom | grep -v ' 0$' | sort
}
told >"$tmp/got"
sort >"$tmp/wanted" <<END
{task="job",tenant="bad",config="$tmp/one",result="failure"} 1
{task="job",tenant="good",config="$tmp/one"} 1
{task="job",tenant="good",config="$tmp/one",result="success"} 1
{task="job",config="$tmp/one"} 1
{task="job",config="$tmp/one",result="success"} 1
{task="report",tenant="bad",config="$tmp/one",result="failure"} 1
{task="report",tenant="bad__",config="$tmp/one",result="failure"} 1
{task="report",tenant="good",config="$tmp/one"} 1
{task="report",tenant="good",config="$tmp/one",result="success"} 1
END
diff "$tmp/wanted" "$tmp/got" || fail "other metrics of tenants"
mkdir "$tmp/tenants"
printf '[poller]\ntenants = tenants\n' >>"$tmp/one"
: >"$tmp/tenants/bad.conf"
"$scripts/tenant" -c "$tmp/one" remove bad || fail "tenant remove: $?"
told | diff - <(grep -v 'tenant="bad"' "$tmp/wanted") ||
	fail "what is left of a tenant that was removed"

echo "- what is missing or wrong"
run 64 job extra
run 64 job -x
run 64 reap -l
rc=0
"$scripts/job" -b "$tmp/none" -c "$tmp/conf" >"$tmp/out" 2>&1 || rc=$?
[ "$rc" = 69 ] || fail "no programs: $rc"
grep -q "cannot find the program 'poller'" "$tmp/out" || fail "$(cat "$tmp/out")"
rc=0
"$scripts/job" -b "$tmp/bin" -c "$tmp/none" >"$tmp/out" 2>&1 || rc=$?
[ "$rc" = 78 ] || fail "no configuration: $rc"
grep -q 'check its name$' "$tmp/out" || fail "$(cat "$tmp/out")"
run 78 job -c "$tmp"
grep -q 'is a folder; name a file$' "$tmp/out" || fail "$(cat "$tmp/out")"
# Root may read everything, so it gives up this right here.
gives_up=''
[ "$(id -u)" != 0 ] || gives_up='setpriv --bounding-set=-dac_override,-dac_read_search'
mkdir "$tmp/closed"
: >"$tmp/closed/conf"
for closed in "$tmp/closed/conf" "$tmp/closed"; do
	chmod 000 "$closed"
	rc=0
	# shellcheck disable=SC2086 # words
	$gives_up "$scripts/job" -b "$tmp/bin" -c "$tmp/closed/conf" \
		-l "$tmp/lock" >"$tmp/out" 2>&1 || rc=$?
	[ "$rc" = 77 ] || fail "may not read $closed: $rc $(cat "$tmp/out")"
	grep -q "as its owner, sudo -u $(id -un) " "$tmp/out" ||
		fail "$(cat "$tmp/out")"
	chmod 700 "$closed"
done
run 73 job -l /no/such/folder/lock
grep -q 'choose another with -l' "$tmp/out" || fail "$(cat "$tmp/out")"
# A lock file of ours that cannot be written does not count as held by another
# run.
mkdir "$tmp/full"
printf '#!/bin/sh\nexit 1\n' >"$tmp/full/date"
chmod +x "$tmp/full/date"
for script in job reap; do
	PATH=$tmp/full:$PATH run 73 $script
	grep -qx "$script: cannot write to the lock '$tmp/lock'; .*-l FILE" \
		"$tmp/out" || fail "$(cat "$tmp/out")"
done
PROGRAM_PREFIX=ma-
export PROGRAM_PREFIX
for name in poller aggregator sink; do
	mv "$tmp/bin/$name" "$tmp/bin/ma-$name"
	sed -i 's/^name=.*/name=${0##*\/ma-}/' "$tmp/bin/ma-$name"
done
run 0 job
called "$poll" "$aggregate" "$store"

echo "- every script says what it is for"
for script in "$scripts"/*; do
	[ -f "$script" ] || continue
	case ${script##*/} in
	*.*) continue ;;
	esac
	"$script" -h >"$tmp/out" 2>&1 </dev/null || fail "${script##*/} -h: $?"
	grep -qi usage "$tmp/out" || [ "${script##*/}" = install-deps ] ||
		fail "${script##*/} -h: $(cat "$tmp/out")"
done
