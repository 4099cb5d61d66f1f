#!/usr/bin/env bash
# amqps: who the broker is gets checked, and every way in which it can be
# somebody else is told apart.
set -eu
. tests/e2e/amqp.sh

# A certificate authority, and certificates for a host and so many days.
tls=$tmp/servers/rabbitmq/tls
(umask 077 && mkdir -p "$tls")
quietly() {
	"$@" >"$tmp/log" 2>&1 || fail "$*: $(cat "$tmp/log")"
}
authority() {
	quietly openssl req -x509 -newkey rsa:2048 -nodes -days 2 \
		-subj "/CN=authority ${1##*/}" -keyout "$1-key.pem" -out "$1.pem"
}
certificate() { # FILE HOST DAYS
	quietly openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" \
		-keyout "$tls/key.pem" -out "$tmp/request"
	quietly openssl x509 -req -in "$tmp/request" -days "$3" \
		-CA "$tls/ca.pem" -CAkey "$tls/ca-key.pem" -CAcreateserial \
		-extfile <(echo "subjectAltName=DNS:$2") -out "$1"
}
authority "$tls/ca"
authority "$tmp/stranger"
certificate "$tls/cert.pem" localhost 2

start_broker
plain=$AMQP_URL
AMQP_URL=${AMQPS_URL:?}

settings 'wait_timeout = 30s' "ca_file = $tls/ca.pem"
records 1 20000 >"$tmp/in"
expect 0 "$probe" write queue:tls <"$tmp/in"
expect 0 "$probe" -e read queue:tls
cut -f 2 "$tmp/out" | cmp -s - "$tmp/in" || fail "other lines came back"
"$probe" -p read queue:tls >"$tmp/read" 2>"$tmp/reader" &
by_tls() {
	ctl list_connections --no-table-headers ssl | grep -qx true
}
until_true 60 by_tls || fail "the broker sees no TLS"

# Certificates of the system know nothing of ours; nor does a stranger.
settings 'wait_timeout = 30s'
expect 78 "$probe" read queue:tls
says 'is not trusted .*; renew it, or set \[amqp\] ca_file'
settings 'wait_timeout = 30s' "ca_file = $tmp/stranger.pem"
expect 78 "$probe" read queue:tls
says 'is not trusted .*; renew it, or set \[amqp\] ca_file'
settings 'wait_timeout = 30s' "ca_file = $tmp/none.pem"
expect 78 "$probe" read queue:tls
says "cannot read \[amqp\] ca_file '.*none.pem': No such file or directory; check"
echo none >"$tmp/none.pem"
expect 78 "$probe" read queue:tls
says "cannot load certificates from '.*none.pem'; check \[amqp\] ca_file"

# The right certificate, but asked for by another name.
settings 'wait_timeout = 30s' "ca_file = $tls/ca.pem"
AMQP_URL=${AMQPS_URL/localhost/127.0.0.1} expect 78 "$probe" read queue:tls
says 'is for another host; name the host in \[amqp\] url as'

# No TLS behind that port.
settings 'wait_timeout = 1s' "ca_file = $tls/ca.pem"
AMQP_URL=${plain/amqp:/amqps:} expect 75 "$probe" read queue:tls
says 'cannot reach RabbitMQ at amqps:'

# A broker whose certificate has expired.
settings 'wait_timeout = 30s' "ca_file = $tls/ca.pem"
certificate "$tls/cert.pem" localhost -1
"$servers" restart "$tmp/servers" rabbitmq
expect 78 "$probe" read queue:tls
says 'has expired; renew it'
