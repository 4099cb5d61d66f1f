#!/usr/bin/env bash
# [amqp] compress: the broker keeps a part of the bytes, and whoever reads them
# need not know of it. What is short goes as it is.
set -eu
. tests/e2e/amqp.sh

start_broker

# How often $1 stands in what the broker has written so far.
written() {
	grep -rhoaF -- "$1" "$tmp/servers/rabbitmq" | wc -l
}

sed 's/^/a record of which no other test knows /' <(records 1 50000) >"$tmp/in"
expect 0 "$probe" write queue:plain <"$tmp/in"
plain=$(written 'a record of which no other')
[ "$plain" -ge 50000 ] || fail "only $plain of 50000 lines were written"

settings 'compress = yes'
sed 's/^/what the broker does not see /' <(records 1 50000) >"$tmp/packed"
expect 0 "$probe" write queue:packed <"$tmp/packed"
packed=$(written 'what the broker does not see')
[ "$packed" -lt 1000 ] || fail "$packed of 50000 lines stand there in full"
expect 0 "$probe" -e read queue:plain
cut -f 2 "$tmp/out" | cmp -s - "$tmp/in" || fail "plain lines are not read"

# A reader without the setting, and one that lets it come again first.
unset MESSAGING_CONFIG
read_and_die packed
expect 0 "$probe" -e read queue:packed
cut -f 2 "$tmp/out" | cmp -s - "$tmp/packed" || fail "packed lines differ"
# What a channel acknowledged just before it closed can come again from a broker
# that is behind; it is acknowledged again.
packed_is_acknowledged() {
	none_is_kept packed || {
		"$probe" -e read queue:packed >"$tmp/again" 2>&1
		none_is_kept packed
	}
}
until_true 20 packed_is_acknowledged || fail "not all was acknowledged"
none_waits packed.dead || fail "dead letters of packed lines"

# Short ones as they are, long ones within the limits of lines and messages.
settings 'compress = yes'
{
	echo
	head -c 300000 /dev/zero | tr '\0' a
	echo
	head -c 1100000 /dev/zero | tr '\0' b
	echo
} >"$tmp/odd"
expect 0 "$probe" write queue:odd <"$tmp/odd"
expect 0 "$probe" -e read queue:odd
cut -f 2 "$tmp/out" | cmp -s - <(grep -v '^b' "$tmp/odd") || fail "odd lines"
[ "$(waiting odd.dead)" = 1 ] || fail "the long line is no dead letter"

# Dead letters are for people to look into.
sed 's/^/bad "for people" /' <(records 1 100) >"$tmp/bad"
expect 0 "$probe" write queue:bad <"$tmp/bad"
expect 0 "$probe" -e read queue:bad
[ "$(written '"record":"bad \"for people\"')" -ge 100 ] ||
	fail "dead letters were packed"
settings 'max_message = 8M' 'compress = yes'
{
	head -c 9000000 /dev/zero | tr '\0' a
	echo
} >"$tmp/large"
expect 0 "$probe" write queue:odd <"$tmp/large"
expect 0 "$probe" -e read queue:odd
[ ! -s "$tmp/out" ] || fail "a message above the limit was unpacked"
expect 0 "$probe" -e read queue:odd.dead
grep -q '"reason":"the message is too long"' "$tmp/out" ||
	fail "it went without a letter"
expect 0 "$probe" write queue:short <<<'short enough to be read by people'
[ "$(written 'short enough to be read by people')" -ge 1 ] ||
	fail "a short record was packed"
