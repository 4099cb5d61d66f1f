#!/bin/bash
# The examples say what the programs mean: the crontab's schedules are those
# that the doctor counts with, its lines name scripts that exist, the units are
# such as systemd takes, and nginx's file is one for nginx, where they are
# installed; what it says of the listener's limits is what they are.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_examples.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# Every line of a job, those in comments too.
sed -n 's/^#\{0,1\}\([0-9*][0-9*\/]* .*\)/\1/p' scripts/crontab.example |
	tr -s ' ' >"$tmp/lines"
[ "$(wc -l <"$tmp/lines")" = 6 ] || fail "$(cat "$tmp/lines")"
while read -r minute hour day month weekday command; do
	case $minute$hour$day$month$weekday in
	*[!0-9*/,-]*) fail "no schedule: $minute $hour $day $month $weekday" ;;
	esac
	script=$(echo "$command" | sed -n 's,.*[$]SCRIPTS/\([a-z]*\).*,\1,p')
	[ -z "$script" ] || [ -x "scripts/$script" ] || fail "no $script"
done <"$tmp/lines"
schedule() { # KEY: what conf_keys.c says
	tr -d '\n' <common/conf_keys.c |
		sed -n "s/.*\"poller\", \"$1\", \"\\([^\"]*\\)\".*/\\1/p"
}
# shellcheck disable=SC2016 # cron's shell expands it
while read -r key job; do
	[ -n "$(schedule "$key")" ] || fail "no key $key"
	grep -Fqx "$(schedule "$key") $job" "$tmp/lines" ||
		fail "'$(schedule "$key") $job' is not in the crontab"
done <<'END'
schedule $SCRIPTS/job
reaper_schedule sleep 30; $SCRIPTS/reap
END

if command -v systemd-analyze >/dev/null; then
	# The paths of an installation are not here.
	for unit in messaging-sink.service messaging-aggregator.service \
		messaging-assign.service messaging-listener.service; do
		sed 's,/usr/local/bin/[a-z]*,/bin/true,
			s,^User=.*,User=root,' "scripts/$unit" >"$tmp/$unit"
		systemd-analyze verify --man=no "$tmp/$unit" >"$tmp/said" 2>&1 ||
			fail "$(cat "$tmp/said")"
		! grep -E "$unit:[0-9]+: " "$tmp/said" ||
			fail "systemd does not know all of $unit"
	done
fi

nginx=scripts/nginx.conf.example
limit() { # KEY: the default of [listen], in small letters
	tr -d '\n' <common/conf_keys.c |
		sed -n "s/.*\"listen\", \"$1\", \"\([^\"]*\)\".*/\\1/p" |
		tr '[:upper:]' '[:lower:]'
}
while read -r key directive; do
	[ -n "$(limit "$key")" ] || fail "no key $key"
	grep -q "^ *$directive $(limit "$key");" $nginx ||
		fail "$directive in $nginx is not $(limit "$key")"
done <<'END'
max_body client_max_body_size
header_timeout client_header_timeout
END
port=$(sed -n 's/^ *server 127.0.0.1:\([0-9]*\);$/\1/p' $nginx)
grep -q -- "--listen 127.0.0.1:$port " scripts/messaging-listener.service ||
	fail "nginx and the unit do not meet at port '$port'"
if command -v nginx >/dev/null && command -v openssl >/dev/null; then
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 2 \
		-keyout "$tmp/key" -out "$tmp/cert" 2>/dev/null
	sed "/listen \[/d; s,listen 443,listen unix:$tmp/s,
		s,/etc/ssl/.*pem;,$tmp/cert;,; s,/etc/ssl/.*key;,$tmp/key;,
		s,/var/log/nginx,$tmp," $nginx >"$tmp/site"
	{
		echo "pid $tmp/pid; error_log $tmp/error; events { } http {"
		for kind in client_body proxy fastcgi uwsgi scgi; do
			echo "${kind}_temp_path $tmp/$kind;"
		done
		echo "include $tmp/site; }"
	} >"$tmp/nginx.conf"
	nginx -t -e "$tmp/error" -p "$tmp" -c "$tmp/nginx.conf" 2>"$tmp/said" ||
		fail "$(cat "$tmp/said")"
fi
