#!/bin/bash
# The examples match the programs. The crontab has the schedules that the
# self-check expects and names existing scripts; systemd and nginx, if
# installed, accept their files; the limits in nginx's file are those of the
# listener; and the programs accept the example of a configuration, with its
# comments as keys, and that in the walkthrough of messaging-allocation(7).
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_examples.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# Every line of a job, commented ones included.
sed -n 's/^#\{0,1\}\([0-9*][0-9*\/]* .*\)/\1/p' scripts/examples/crontab.example |
	tr -s ' ' >"$tmp/lines"
[ "$(wc -l <"$tmp/lines")" = 8 ] || fail "$(cat "$tmp/lines")"
while read -r minute hour day month weekday command; do
	case $minute$hour$day$month$weekday in
	*[!0-9*/,-]*) fail "no schedule: $minute $hour $day $month $weekday" ;;
	esac
	script=$(echo "$command" | sed -n 's,.*[$]SCRIPTS/\([a-z-]*\).*,\1,p')
	[ -z "$script" ] || [ -x "scripts/$script" ] || fail "no $script"
done <"$tmp/lines"
# Lines that are active by default work at any hour; office hours are optional.
grep -E '^[0-9*]' scripts/examples/crontab.example | tr -s ' ' >"$tmp/first"
# shellcheck disable=SC2016 # cron's shell expands it
printf '%s\n' '* * * * * $SCRIPTS/job' '*/2 * * * * sleep 30; $SCRIPTS/reap' |
	diff - "$tmp/first" || fail "the crontab's first lines are others"
for script in job reap; do
	grep "SCRIPTS/$script\$" "$tmp/lines" | head -n 1 |
		grep -qE '^[*/2]+ \* \* \* \* ' ||
		fail "the first schedule of $script has hours when it does nothing"
done
# If no mail is delivered, the same lines can write to the journal, and the page
# says so.
journal='systemd-cat -t messaging -p warning '
sed -n "s/$journal//p" "$tmp/lines" | diff "$tmp/first" - ||
	fail "the journal is told at other times"
grep -A 4 'no mail is delivered' man/man7/messaging-quickstart.7 |
	grep -q crontab.example || fail "the page does not say what to do without mail"

missing=
for program in systemd-analyze nginx openssl; do
	command -v $program >/dev/null || missing="$missing $program"
done

if [[ $missing != *systemd* ]]; then
	mkdir "$tmp/messaging-.service.d"
	cp scripts/units/messaging-hardening.conf "$tmp/messaging-.service.d"
	# The paths of an installation do not exist here.
	for unit in messaging-sink.service messaging-aggregator.service \
		messaging-assign.service messaging-listener.service \
		messaging-notify.service \
		messaging-api.service; do
		sed 's,/usr/local/bin/[a-z]*,/bin/true,
			s,^User=.*,User=root,' "scripts/units/$unit" >"$tmp/$unit"
		systemd-analyze verify --man=no "$tmp/$unit" >"$tmp/said" 2>&1 ||
			fail "$(cat "$tmp/said")"
		! grep -E "($unit|hardening.conf):[0-9]+: " "$tmp/said" ||
			fail "systemd does not know all of $unit"
	done
fi

# systemd applies SuccessExitStatus to ExecStartPre, too.
for unit in scripts/units/*.service; do
	grep -q '^ExecStart=/usr/local/bin/' "$unit" || fail "what starts $unit?"
	! grep -q '^ExecStartPre=' "$unit" || ! grep '^SuccessExitStatus=' "$unit" ||
		fail "$unit goes on when its first step failed"
done

# The API's audit log lies in a folder that its unit may write.
audit=$(sed -n 's/^#audit = //p' scripts/examples/messaging.conf.example)
api=$(sed -n 's/^StateDirectory=//p' scripts/units/messaging-api.service)
[ "${audit%/*}" = "/var/lib/$api" ] || fail "'$audit' is not in /var/lib/$api"

page=man/man7/messaging-allocation.7
sed -n '/^\.Sh QISCUS FROM ZERO/,/^\.Sh/p' $page >"$tmp/zero"
(
	umask 077
	echo key >"$tmp/acme.token"
	echo 0123456789abcdef >"$tmp/acme.hook"
	mkdir "$tmp/poller" "$tmp/tenants"
	sed -n "/^\[crm acme\]/,/^\.Ed/{
		/^\.Ed/d; s,/var/lib/messaging-analytics,$tmp,
		s,^\[poller\],&\ntenants = $tmp/tenants,; p
	}" "$tmp/zero" >"$tmp/conf"
	printf '%s\n' '[amqp]' 'url = amqp://a:b@localhost' '[mysql]' \
		'url = mysql://a:b@localhost/x' >>"$tmp/conf"
)
starts() { # PROGRAM OPTION...: starts up to the check of its configuration
	"${BIN:-build/bin}/$1" -n -c "$tmp/conf" "${@:2}" >"$tmp/said" 2>&1 ||
		fail "$*: $(cat "$tmp/said")"
}
(
	umask 077
	sed "s,/etc/messaging-analytics,$tmp,; s/^#\([a-z_]* = \|\[.*]$\)/\1/" \
		scripts/examples/messaging.conf.example >"$tmp/example"
)
for each in poller aggregator sink reaper; do
	"${BIN:-build/bin}/$each" -n -c "$tmp/example" >"$tmp/said" 2>&1 ||
		fail "$each: $(cat "$tmp/said")"
done
# unit NAME: the command of a service, without -c and without what -n does not
# use.
unit() {
	tr -d '\\\n' <"scripts/units/messaging-$1.service" | sed \
		"s,.*/usr/local/bin/,,; s, -c [^ ]*,,; s,\${STATE_DIRECTORY},$tmp/s,
		s,/var/lib/messaging-analytics/listener,$tmp/s,
		s/\(StateDirectory\|Restart\)=.*//"
}
for each in listener aggregator assign sink; do
	# shellcheck disable=SC2046 # words
	starts $(unit $each)
done
starts poller -t queue:records
# The commands that the page shows exist; those that are not in PATH are called
# by their full path.
share=/usr/local/share/messaging-analytics
grep -o "^$share/scripts/[a-z]*" "$tmp/zero" >"$tmp/paths"
[ "$(wc -l <"$tmp/paths")" = 2 ] || fail "not two: $(cat "$tmp/paths")"
while read -r path; do
	[ -x "scripts/${path##*/}" ] || fail "there is no $path"
	grep -q "^INSTALLED_SCRIPTS.* ${path##*/} " Makefile ||
		fail "$path is not installed"
done <"$tmp/paths"
# As is each one that messaging-analytics(7) lists.
sed -n '/^The scripts are in/,/^That folder/s/^\.Nm //p' \
	man/man7/messaging-analytics.7 >"$tmp/listed"
[ -s "$tmp/listed" ] || fail "the page lists no scripts"
while read -r name; do
	grep -q "^INSTALLED_SCRIPTS.* $name\( \|$\)" Makefile ||
		fail "$name is not installed"
done <"$tmp/listed"
! grep -E '^(sudo )?(\.Ql )?(job|limits|reap|report|tenant) ' \
	"$tmp/zero" || fail "that is not in PATH"
sed -n "s/\\\\e\$/\\\\/; \\,^$share/scripts/tenant add,,/<key\$/p" "$tmp/zero" |
	sed "s,^$share/scripts/tenant,scripts/tenant -b '${BIN:-build/bin}' -c '$tmp/conf',
		s,/etc/messaging-analytics/other.hook,$tmp/acme.hook,
		s,/etc/messaging-analytics/other.admin,$tmp/acme.token,
		s,<key,<$tmp/acme.token," >"$tmp/typed"
bash "$tmp/typed" >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
grep -q 'assign = yes' "$tmp/tenants/other.conf" || fail "no other tenant"
starts poller --tenant other --register https://hooks.example.com

nginx=scripts/examples/nginx.conf.example
# in_order FILE PATTERN...: the first match of each pattern stands below that of
# the one before.
in_order() {
	local file=$1 last=1 line pattern
	shift
	for pattern; do
		line=$(awk -v pattern="$pattern" '$0 ~ pattern { print NR; exit }' "$file")
		[ "${line:-0}" -ge "$last" ] ||
			fail "$file: '$pattern' is not below what it needs"
		last=$line
	done
}
# Without the certificate files nginx does not start, and without nginx nothing
# answers at the registered address.
in_order $nginx 'a certificate for the name' 'copy this to' 'nginx -t' '^ *ssl_certificate '
in_order "$tmp/zero" 'A certificate for your name' 'nginx.conf.example' \
	'poller --register'
sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' man/man7/messaging-listen.7 >"$tmp/listen"
in_order "$tmp/listen" 'poller --register' 'Before you type the last line' 'its certificate' 'nginx.conf.example'
limit() { # KEY: the default of [listen], in lower case
	sed -n "/^\.Ss .*\[listen\]/,/^\.S/{
		/^\.Ss .*\[listen\]/b
		s/^\.It Ic $1 Ta \([^ ]*\) Ta.*/\1/p
	}" man/man7/messaging-listen.7 | tr '[:upper:]' '[:lower:]'
}
while read -r key directive; do
	[ -n "$(limit "$key")" ] || fail "no key $key"
	grep -q "^ *$directive $(limit "$key");" $nginx ||
		fail "$directive in $nginx is not $(limit "$key")"
done <<'END'
max_body client_max_body_size
header_timeout client_header_timeout
END
port=$(sed -n '/^upstream messaging_listener/,/}/s/^ *server 127.0.0.1:\([0-9]*\);$/\1/p' $nginx)
grep -q -- "--listen 127.0.0.1:$port " scripts/units/messaging-listener.service ||
	fail "nginx and the unit do not meet at port '$port'"
api=$(sed -n '/^upstream messaging_api/,/}/s/^ *server 127.0.0.1:\([0-9]*\);$/\1/p' $nginx)
[ -n "$api" ] || fail "no server of the API in $nginx"
if [[ $missing != *nginx* && $missing != *openssl* ]]; then
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -days 2 \
		-keyout "$tmp/key" -out "$tmp/cert" 2>/dev/null
	sed "/listen \[/d; s,listen 443,listen unix:$tmp/tls,
		s,/etc/ssl/.*pem;,$tmp/cert;,; s,/etc/ssl/.*key;,$tmp/key;,
		s,server 127.0.0.1:$port;,server unix:$tmp/nobody;,
		s,server 127.0.0.1:$api;,server unix:$tmp/api;,
		s,/var/log/nginx,$tmp," $nginx >"$tmp/site"
	{
		# The workers must be able to reach the sockets here.
		echo "user $(id -un); pid $tmp/pid; error_log $tmp/error;"
		echo "events { } http {"
		for kind in client_body proxy fastcgi uwsgi scgi; do
			echo "${kind}_temp_path $tmp/$kind;"
		done
		echo "include $tmp/site; }"
	} >"$tmp/nginx.conf"
	mv "$tmp/cert" "$tmp/later"
	! nginx -t -e "$tmp/error" -p "$tmp" -c "$tmp/nginx.conf" 2>"$tmp/said" ||
		fail "it does without a certificate"
	grep -q "cannot load certificate" "$tmp/said" || fail "$(cat "$tmp/said")"
	mv "$tmp/later" "$tmp/cert"
	nginx -t -e "$tmp/error" -p "$tmp" -c "$tmp/nginx.conf" 2>"$tmp/said" ||
		fail "$(cat "$tmp/said")"

	# With the listener away, a body that is too long, and too many
	# requests, no log has the secret.
	rm -f "$tmp/tls" # the check above may leave it
	nginx -e "$tmp/error" -p "$tmp" -c "$tmp/nginx.conf" \
		-g 'daemon off;' 2>"$tmp/said" &
	server=$!
	trap 'kill "$server"; wait "$server"; rm -rf "$tmp"' EXIT
	ask() { # PATH OPTION...
		curl -sk -o "$tmp/answer" -w '%{http_code}\n' "${@:2}" \
			--unix-socket "$tmp/tls" "https://hooks.example.com$1" || :
	}
	for _ in $(seq 600); do
		[ "$(ask /health)" = 000 ] || break
		sleep 0.1
	done
	head -c 2000000 /dev/zero >"$tmp/long"
	[ "$(ask /hooks/acme/qiscus/canary -d '{}')" = 502 ] ||
		fail "a listener that is away: $(cat "$tmp/answer" "$tmp/said")"
	ask "/hooks/acme/qiscus?secret=canary" -d '{}' >"$tmp/codes"
	ask /hooks/acme/qiscus/canary --data-binary @"$tmp/long" >>"$tmp/codes"
	ask /webhook -d '{}' >>"$tmp/codes"
	[ "$(xargs <"$tmp/codes")" = "502 413 403" ] || fail "$(cat "$tmp/codes")"

	# The board and all reads go to the API, which answers; everything else
	# goes to the listener, which is away.
	python3 -B - "$tmp/api" >"$tmp/said.api" 2>&1 <<'END' &
import os, socketserver, sys, time
from http.server import BaseHTTPRequestHandler
class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200, "api")
        self.send_header("X-Path", self.path)
        if self.path.endswith("/stream"):
            self.send_header("X-Accel-Buffering", "no")
            self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if self.path.endswith("/stream"):
            self.wfile.write(b"data: now\n\n")
            while not os.path.exists(sys.argv[1] + ".seen"):
                time.sleep(0.02)
    do_HEAD = do_POST = do_GET
    address_string = lambda self: "nginx"
socketserver.UnixStreamServer(sys.argv[1], Api).serve_forever()
END
	api=$!
	trap 'kill "$server" "$api"; wait "$server" "$api"; rm -rf "$tmp"' EXIT
	for _ in $(seq 600); do
		[ ! -S "$tmp/api" ] || break
		sleep 0.1
	done
	while read -r code method path; do
		[ "$(ask "$path" -X "$method" -D "$tmp/headers")" = "$code" ] ||
			fail "$method $path: $(cat "$tmp/answer" "$tmp/said")"
		[ "$code" != 200 ] || grep -Fqx "X-Path: $path" \
			<(tr -d '\r' <"$tmp/headers") ||
			fail "$path became $(cat "$tmp/headers")"
	done <<'END'
200 GET /api/v1/now
200 GET /api/v1/analytics/dashboard?tenant_id=acme
200 GET /api/v1/analytics/health
200 GET /api/v1/messages/conversation/a%2Fb//c%20d
200 GET /api/v1/openapi.json
200 GET /
200 GET /?from=mail
200 GET /login
200 GET /board/board.js
200 GET /board/board.css
200 POST /login
200 POST /logout
502 POST /
502 GET /logout
502 GET /login/x
502 GET /board
502 GET /health
502 GET /metrics
502 GET /api/v1/health
502 GET /openapi.json
502 POST /api/v1/analytics/events?tenant_id=acme
502 POST /api/v1/messages/send
502 DELETE /api/v1/now
END
	# The stream does not end before its event has arrived.
	rm -f "$tmp/answer"
	ask /api/v1/now/stream -N >"$tmp/codes" &
	reader=$!
	for _ in $(seq 600); do
		! grep -qsx 'data: now' "$tmp/answer" || break
		sleep 0.1
	done
	grep -qsx 'data: now' "$tmp/answer" || fail "an event is held up"
	: >"$tmp/api.seen"
	wait "$reader"
	kill "$api"
	wait "$api" || :
	trap 'kill "$server"; wait "$server"; rm -rf "$tmp"' EXIT
	kill -QUIT "$server"
	wait "$server" || fail "nginx ended with $?: $(cat "$tmp/said")"
	trap 'rm -rf "$tmp"' EXIT
	! grep -r canary "$tmp"/*.log "$tmp/error" "$tmp/said" || fail "a secret"
	[ "$(grep -c ' /hooks/acme/qiscus 502 502 ' "$tmp/messaging.log")" = 2 ] ||
		fail "the log: $(cat "$tmp/messaging.log")"
fi

[ -z "$missing" ] || {
	echo "not all was looked at, these are missing:$missing"
	exit 77
}
