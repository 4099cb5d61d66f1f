#!/usr/bin/env bash
# The database over TLS: a certificate that verifies is spoken to, encrypted;
# an unknown authority, another host's name, an expired one and a server
# without TLS are refused with one line, and nothing is sent in plaintext.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

command -v openssl >/dev/null || {
	echo "openssl is not installed"
	exit 77
}
PATH=$PATH:/usr/sbin
start_db
"$sink" --migrate
url=${MYSQL_URL/127.0.0.1/localhost}
port=${url##*:}
port=${port%%/*}
rows t s1 1 1 1 >"$tmp/rows"

# certificate NAME SUBJECTALT DAYS
certificate() {
	openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$1" \
		-keyout "$tmp/$1.key" -out "$tmp/$1.req" 2>"$tmp/openssl"
	printf 'subjectAltName=%s\n' "$2" >"$tmp/ext"
	openssl x509 -req -in "$tmp/$1.req" -CA "$tmp/ca.pem" \
		-CAkey "$tmp/ca.key" -CAcreateserial -days "$3" \
		-extfile "$tmp/ext" -out "$tmp/$1.pem" 2>"$tmp/openssl"
}
for ca in ca other; do
	openssl req -x509 -newkey rsa:2048 -nodes -subj "/CN=$ca" -days 2 \
		-keyout "$tmp/$ca.key" -out "$tmp/$ca.pem" 2>"$tmp/openssl"
done
certificate good DNS:localhost,IP:127.0.0.1 2
certificate wrong DNS:elsewhere.example 2
certificate expired DNS:localhost,IP:127.0.0.1 -1

# The same data, another server: with the certificate $1, or without one.
running=
serve() {
	local tls=(--skip-ssl) user=()
	[ -z "$running" ] || {
		kill "$running"
		wait "$running" || :
	}
	[ $# = 0 ] || tls=(--ssl-cert="$tmp/$1.pem" --ssl-key="$tmp/$1.key")
	[ "$(id -u)" != 0 ] || user=(--user=root)
	mariadbd --no-defaults "${user[@]}" --datadir="$tmp/db/mariadb/data" \
		--socket="$tmp/sock" --port="$port" --bind-address=127.0.0.1 \
		--skip-name-resolve --pid-file="$tmp/pid" \
		"${tls[@]}" >"$tmp/server.log" 2>&1 &
	running=$!
	until_true 30 test -S "$tmp/sock" || fail "$(cat "$tmp/server.log")"
}
with() {
	printf '[mysql]\nurl = %s\nwait_timeout = 30s\nca_file = %s\n' "$url" \
		"$tmp/$1.pem" >"$tmp/conf"
	chmod 600 "$tmp/conf"
}
unset MYSQL_URL
"$servers" stop "$tmp/db" mariadb >/dev/null 2>&1

serve good
with ca
code 0 "$sink" -c "$tmp/conf" -f "$tmp/rows"
code 0 "$sink" -c "$tmp/conf" --check >"$tmp/check"
grep -qE '"check":"tls","result":"ok","detail":"(TLS|ECDHE)' "$tmp/check" ||
	fail "no cipher: $(grep tls "$tmp/check")"
with other
code 78 "$sink" -c "$tmp/conf" -f "$tmp/rows"
one_line 'check \[mysql\] ca_file and the server.s certificate'
for certificate in wrong expired; do
	serve $certificate
	with ca
	code 78 "$sink" -c "$tmp/conf" -f "$tmp/rows"
	one_line 'check \[mysql\] ca_file and the server.s certificate'
done
serve
code 78 "$sink" -c "$tmp/conf" -f "$tmp/rows"
one_line 'check \[mysql\] ca_file and the server.s certificate'

# Without a ca_file this machine is spoken to as it is.
printf '[mysql]\nurl = %s\n' "$url" >"$tmp/conf"
chmod 600 "$tmp/conf"
code 0 "$sink" -c "$tmp/conf" -f "$tmp/rows"
