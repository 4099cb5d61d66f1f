#!/usr/bin/env bash
# The poller without a CRM: its options, and what it says about a
# configuration that is no good.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/poller.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
unset MESSAGING_CONFIG CRM_URL CRM_TOKEN CRM_TOKEN_FILE CRM_ACCOUNT \
	CRM_PROFILE CRM_TENANT
export XDG_STATE_HOME=$tmp/state
root=$PWD
cd "$tmp"

# expect CODE PATTERN ARGUMENT...: the code, and one line on stderr with the
# pattern, or none for "".
expect() {
	local want=$1 pattern=$2 rc=0 lines=1
	shift 2
	"$BIN/poller" "$@" >out 2>err </dev/null || rc=$?
	[ -n "$pattern" ] || lines=0
	if [ "$rc" != "$want" ] ||
		{ [ "$rc" != 64 ] && [ "$(wc -l <err)" != $lines ]; } ||
		! grep -q -- "$pattern" <(cat err; echo); then
		echo "poller $*: exit $rc, not $want, or no '$pattern' in:"
		cat err
		exit 1
	fi
}

conf() { # LINE...
	(umask 077 && printf '%s\n' "$@" >conf)
}

expect 0 "" -h
grep -q '^usage: poller' out
expect 0 "" -V
grep -q '^poller.* [0-9]' out
expect 64 "" --no-such-option
expect 64 "unexpected argument" word
expect 64 "no format 'yaml'; there are table, ndjson and csv" --check -o yaml
# An option of another mode is refused, with the modes that it is for.
expect 64 "-o is for --check, .* and --unregister, not for a poll" -o csv
expect 64 "-o is for --check and --assign --dry-run" --assign -o csv
expect 64 "-t is not for --dry-run" --assign --dry-run -t out
expect 64 "--tenant is not for --assign from a queue" --assign \
	--tenant a -f queue:assignments
expect 64 "--dry-run is for --assign, not for --status" --status --dry-run
expect 64 "--port-file is for --listen, not for --check" --check --port-file f
expect 64 "-f is for --status and --assign, not for a poll" -f chats
expect 64 "--with-text is for a poll, --listen and --try, not for --assign" \
	--with-text --assign
expect 64 "--status and --check exclude each other" --check --status
expect 64 "'any' is no address to listen on" -n --listen any
expect 64 "'unix:' is no address to listen on" -n --listen unix:
long=unix:/tmp/$(printf '%0120d' 0)
expect 64 "'$long' is no socket: its path is too long" -n --listen "$long"
expect 64 "a profile has no function 'hook'; see messaging-profile(5)" \
	--try hook
expect 0 "" --listen any -h
grep -q -e "^usage: poller --listen ADDRESS" out

expect 78 "no tenant is configured; write a \[crm NAME\] section, or set CRM_TOKEN_FILE"
expect 78 "cannot read" -c missing
conf '[crm acme]' 'url = http://127.0.0.1:9/v1' 'token = t'
expect 0 "" -c conf -n
conf '[crm acme]' 'url = https://127.0.0.1:9/v1' 'token = t' 'ca_file = no/ca'
for check in -n --check; do
	expect 78 "acme: cannot read ca_file '.*no/ca' of \[crm acme\]: No such" \
		-c conf $check
done
conf '[crm acme]' 'url = http://127.0.0.1:9/v1' 'token = t'
expect 78 "no tenant 'acne'" -c conf --tenant acne
conf '[crm acme]' 'url = http://127.0.0.1:9/v1' 'token = t' \
	'[poller]' 'retry_budget = 0'
expect 75 "tenant acme: cannot read .*next run" -c conf
expect 73 "state" -c conf --state conf/state
# A CRM that is away fails one check of each tenant, and no other.
printf '%s\n' '[crm zenith]' 'url = http://127.0.0.1:9/v1' 'token = t' >>conf
expect 75 "" -c conf --check -o csv
grep failed out >failed
if [ "$(cut -d , -f 1-3 failed)" != "acme,address,failed
zenith,address,failed" ] || ! grep -q "^acme,chats,'-,see address" out; then
	echo "of a CRM that is away: $(cat out)"
	exit 1
fi
conf '[crm acme]' 'url = http://127.0.0.1:9/v1'
expect 78 "no token" -c conf
# Webhooks without a token: nothing is asked, and nobody complains.
conf '[crm acme]' 'url = http://127.0.0.1:9/v1' 'hook = signature' \
	'hook_secret = s'
expect 0 "" -c conf
expect 0 "not_polled tenant=acme" -v -c conf
expect 78 "no token" -c conf --tenant acme
conf '[crm acme]' 'url = http://crm.example.test/v1' 'token = t'
expect 78 "plaintext = yes" -c conf -n
conf '[crm acme]' 'url = https://u:secret@crm.example.test/v1' 'token = t'
expect 78 "token_file" -c conf -n
if grep -q secret@ err; then exit 1; fi
conf '[crm acme]' 'url = nonsense' 'token = t'
expect 78 "is not a URL" -c conf -n
conf '[crm acme]' 'token = t' 'profile = zendesk9'
expect 78 "no profile 'zendesk9'; there are chat2desk, chatwoot, qiscus" -c conf -n
conf '[crm acme]' 'token = t'
expect 0 "" -c conf -n # the profile knows the address

# Where no state can be kept, one line says so.
conf '[crm good]' 'url = http://127.0.0.1:9/v1' 'token = t' \
	'[poller]' 'retry_budget = 0'
rc=0
env -u HOME -u XDG_STATE_HOME "$BIN/poller" -c conf >out 2>err || rc=$?
if [ $rc != 75 ] || [ "$(wc -l <err)" != 2 ] ||
	! grep -q "nothing is kept between polls, so each reads everything: neither XDG_STATE_HOME nor HOME is set; set \[poller\] state" err; then
	echo "no state: exit $rc"
	cat err
	exit 1
fi

# A CRM with an account beside the token, and another host.
conf '[crm acme]' 'token = t' 'profile = qiscus'
expect 78 "has no account, .*CRM_ACCOUNT" -c conf -n
conf '[crm acme]' 'token = t' 'profile = qiscus' 'account = a'
expect 0 "" -c conf -n
conf '[crm acme]' 'token = t' 'profile = qiscus' \
	"account = a$(printf '\001')b"
expect 78 "control character" -c conf -n
conf '[crm acme]' 'token = t' 'profile = qiscus' 'account = a' \
	'hosts = messages=https://sdk.example.test'
expect 0 "" -c conf -n
for hosts in messages=http://sdk.example.test messages=nonsense messages= \
	messages=https://u:p@sdk.example.test; do
	conf '[crm acme]' 'token = t' 'profile = qiscus' 'account = a' \
		"hosts = $hosts"
	expect 78 "hosts: messages of \[crm acme\] " -c conf -n
done
for hosts in other=https://sdk.example.test https://sdk.example.test \
	'messages=https://sdk.example.test messages=https://b.example.test'; do
	conf '[crm acme]' 'token = t' 'profile = qiscus' 'account = a' \
		"hosts = $hosts"
	expect 78 "NAME=URL each" -c conf -n
done
conf '[crm acme]' 'token = t' 'hosts = messages=https://sdk.example.test'
expect 78 "NAME=URL each" -c conf -n

# Tags that chats need are for who has operators with tags.
conf '[crm acme]' 'token = t' 'need = channel'
expect 78 "need of \[crm acme\]: .* has no tags" -c conf -n
conf '[crm acme]' 'token = t' 'profile = qiscus' 'account = a' \
	'need = channel, division-7'
expect 0 "" -c conf -n

# A profile of one's own: its mistakes are told with their lines.
cp "$root/poller/profiles/chat2desk.jq" own.jq
conf '[crm acme]' 'token = t' 'url = http://127.0.0.1:9/' 'profile = ./own.jq'
expect 0 "" -c conf -n
echo 'def hooks_request: {url: "http://127.0.0.1:9/hooks"};' >>own.jq
expect 69 "its profile asks elsewhere than at its hosts" -c conf --registered
printf 'def about: {;\n' >own.jq
expect 78 "line 1: syntax error" -c conf -n
printf 'def about:\n  no_such_thing;\n' >own.jq
expect 78 "no_such_thing/0 is not defined" -c conf -n

# -n tells of webhooks what registering would find before it asks the CRM.
conf '[crm acme]' 'token = t' 'url = http://127.0.0.1:9/'
expect 78 "acme: it takes no webhooks; set hook" -c conf -n --register https://h.test
conf '[crm acme]' 'token = t' 'hook = secret' 'hook_secret = short' \
	'url = http://127.0.0.1:9/'
expect 78 "acme: its webhooks. secret must be" -c conf -n --register https://h.test
expect 78 "acme: its webhooks. secret must be" -c conf -n --unregister https://h.test
conf '[crm acme]' 'token = t' 'hook = secret' 'url = http://127.0.0.1:9/' \
	'hook_secret = 0123456789abcdef'
expect 64 "acme: the listener's address is not a URL" -c conf -n --register ''
expect 64 "acme: the listener's address .* unencrypted" -c conf -n \
	--register http://h.test
expect 0 "" -c conf -n --register https://h.test
expect 0 "" -c conf -n --registered

# One tenant that is wrong does not stop the others.
conf '[crm bad]' 'url = nonsense' 'token = t' \
	'[crm good]' 'url = http://127.0.0.1:9/v1' 'token = t' \
	'[poller]' 'retry_budget = 0'
rc=0
"$BIN/poller" -c conf >out 2>err || rc=$?
if [ $rc != 78 ] || [ "$(wc -l <err)" != 2 ] ||
	! grep -q "tenant good" err; then
	echo "two tenants, one wrong: exit $rc"
	cat err
	exit 1
fi
