#!/usr/bin/env bash
# What the daemons tell Prometheus: GET /metrics of the listener has the counts of
# what was done to it, before and during an outage of the broker; that of the
# API's server how each tenant is; strangers get none. promtool approves of each
# text.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
"$servers" start "$tmp/servers" mariadb || fail "no database"
eval "$("$servers" env "$tmp/servers")"
umask 077
printf '[listen]\ntenant = t\nproxies = 127.0.0.1\n' >"$tmp/conf"

# metric NAME: its value in what was scraped last.
metric() {
	awk -v name="$1" '$1 == name { print $2 }' "$tmp/scraped"
}
is() { # METRIC EXPECTED
	[ "$(metric "$1")" = "$2" ] ||
		fail "$1 is '$(metric "$1")', not '$2': $(cat "$tmp/scraped")"
}
scrape() {
	curl -sS --fail -D "$tmp/head" "$there/metrics" >"$tmp/scraped" ||
		fail "no metrics"
	cp "$tmp/scraped" "$tmp/all.$((++scrapes))"
}
scrapes=0
post() { # BODY: prints the status
	curl -s -o "$tmp/answer" -w '%{http_code}' -X POST "$there/api/v1/messages/send" \
		-H 'Content-Type: application/json' \
		-H 'X-Forwarded-For: 127.0.0.1' --data-binary "$1"
}
message='{"conversation_id":"c","sender_id":"a","receiver_id":"b","content":"x"}'

echo "- the listener"
"$BIN/poller" -c "$tmp/conf" --listen 127.0.0.1:0 --port-file "$tmp/listening" \
	-t queue:records --state "$tmp/state" 2>>"$tmp/listen.log" &
until_true 20 test -s "$tmp/listening" || fail "no listener: $(cat "$tmp/listen.log")"
there=http://127.0.0.1:$(cat "$tmp/listening")
scrape
grep -qi '^content-type: text/plain; version=0.0.4' "$tmp/head" ||
	fail "$(cat "$tmp/head")"
grep -qE '^messaging_build_info\{program="poller",version="[0-9.]+"\} 1$' \
	"$tmp/scraped" || fail "no build"
is messaging_listener_records_total 0
is messaging_listener_broker_confirms 1
for i in 1 2 3; do
	[ "$(post "$message")" = 200 ] || fail "message $i: $(cat "$tmp/answer")"
done
[ "$(post 'no JSON')" = 400 ] || fail "$(cat "$tmp/answer")"
[ "$(curl -s -o "$tmp/answer" -w '%{http_code}' "$there/none")" = 404 ] || fail "no 404"
scrape
is messaging_listener_records_total 3
# The one before was accepted, too; this one is counted when it is answered.
is 'messaging_http_requests_total{result="accepted"}' 4
is 'messaging_http_requests_total{result="malformed"}' 1
is 'messaging_http_requests_total{result="refused"}' 1
is 'messaging_http_requests_total{result="later"}' 0
nothing_waits() {
	scrape
	[ "$(metric messaging_listener_waiting_records)" = 0 ]
}
until_true 60 nothing_waits || fail "some wait: $(cat "$tmp/scraped")"

echo "- while the broker is away"
"$servers" stop "$tmp/servers" rabbitmq
for i in 1 2; do
	[ "$(post "$message")" = 200 ] || fail "message $i: $(cat "$tmp/answer")"
done
scrape
is messaging_listener_records_total 5
is messaging_listener_broker_confirms 0
is messaging_listener_spool_usable 1
is messaging_listener_waiting_records 2
"$servers" start "$tmp/servers" rabbitmq
until_true 60 nothing_waits || fail "not published: $(cat "$tmp/scraped")"

echo "- is not for strangers"
for client in 192.0.2.1 nobody unknown unix; do
	[ "$(curl -s -o "$tmp/answer" -w '%{http_code}' \
		-H "X-Forwarded-For: $client" "$there/metrics")" = 404 ] ||
		fail "$client: $(cat "$tmp/answer")"
	grep -qx '{"detail":"Not Found"}' "$tmp/answer" ||
		fail "$(cat "$tmp/answer")"
done

echo "- the server of the API"
"$BIN/sink" --migrate
"$BIN/sink" <<'END'
{"type":"row","table":"tenant_metrics","tenant":"one","operators":2,"open_chats":7,"waiting_chats":3,"longest_wait_seconds":61.5,"as_of":"2026-11-20T10:00:00.250Z","version":1}
{"type":"row","table":"tenant_metrics","tenant":"two","operators":2,"as_of":"2026-11-20T11:00:00Z","version":1}
END
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$tmp/key"
printf '[serve]\nproxies = 127.0.0.1\nsecret_key_file = %s\n' "$tmp/key" >"$tmp/serve.conf"
"$BIN/sink" -c "$tmp/serve.conf" --serve 127.0.0.1:0 --port-file "$tmp/serving" \
	2>>"$tmp/serve.log" &
until_true 20 test -s "$tmp/serving" || fail "no server: $(cat "$tmp/serve.log")"
there=http://127.0.0.1:$(cat "$tmp/serving")
scrape
grep -qE '^messaging_build_info\{program="sink",' "$tmp/scraped" || fail "no build"
is messaging_database_up 1
is 'messaging_tenant_as_of_timestamp_seconds{tenant="one"}' \
	"$(date -u -d 2026-11-20T10:00:00Z +%s).250"
is 'messaging_tenant_open_chats{tenant="one"}' 7
is 'messaging_tenant_waiting_chats{tenant="one"}' 3
is 'messaging_tenant_longest_wait_seconds{tenant="one"}' 61.500
is 'messaging_tenant_longest_wait_seconds{tenant="two"}' 0.000
is 'messaging_http_requests_total{result="accepted"}' 0
[ "$(curl -s -o "$tmp/answer" -w '%{http_code}' "$there/api/v1/now")" = 401 ] ||
	fail "without a token: $(cat "$tmp/answer")"
for client in 192.0.2.1 nobody; do
	[ "$(curl -s -o "$tmp/answer" -w '%{http_code}' \
		-H "X-Forwarded-For: $client" "$there/metrics")" = 404 ] ||
		fail "a stranger: $(cat "$tmp/answer")"
done
"$servers" stop "$tmp/servers" mariadb
scrape
is messaging_database_up 0
is 'messaging_http_requests_total{result="accepted"}' 1
is 'messaging_http_requests_total{result="refused"}' 3
! grep -q messaging_tenant "$tmp/scraped" || fail "of which database?"

echo "- a database that hangs is said to be away before Prometheus gives up"
"$servers" start "$tmp/servers" mariadb || fail "no database"
"$BIN/sink" -c "$tmp/serve.conf" --token --tenant one --role wall 2>/dev/null |
	sed 's/^/Authorization: Bearer /' >"$tmp/header"
until_true 20 curl -sS --fail -o /dev/null -H @"$tmp/header" "$there/api/v1/now" ||
	fail "the database is not back"
# So that it hangs on a connection that was in order.
scrape
is messaging_database_up 1
read -r database <"$tmp/servers/mariadb/server.pid"
kill -STOP "$database"
for _ in $(seq 8); do # twice as many as have a connection
	curl -s -m 60 -o /dev/null -H @"$tmp/header" "$there/api/v1/now" &
	askers[$!]=$!
done
curl -sS -m 9 -o "$tmp/scraped" "$there/metrics" || echo late >"$tmp/scraped"
kill -CONT "$database"
for asker in "${askers[@]}"; do
	wait "$asker" || fail "no answer"
done
is messaging_database_up 0

echo "- promtool"
command -v promtool >/dev/null || {
	echo "promtool is missing: scripts/install-deps monitoring"
	exit 77
}
for i in $(seq 1 $scrapes); do
	promtool check metrics <"$tmp/all.$i" || fail "$(cat "$tmp/all.$i")"
done
