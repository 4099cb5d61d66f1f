#!/usr/bin/env bash
# scripts/limits with a database: what was said last is kept and shown, and an
# operator whom nobody knows is refused. So is one that no program would read.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

"$servers" start "$tmp/servers" || fail "no servers"
eval "$("$servers" env "$tmp/servers")"
export MESSAGING_BIN=$BIN CRM_TENANT=desk
"$BIN/sink" --migrate
"$BIN/sink" <<'END'
{"type":"row","table":"operator_metrics","tenant":"desk","operator":"17","name":"Anna","as_of":"2026-11-20T10:00:00Z","version":1}
{"type":"row","table":"operator_metrics","tenant":"desk","operator":"o'neil","name":"Eve","as_of":"2026-11-20T10:00:00Z","version":1}
{"type":"row","table":"operator_metrics","tenant":"desk","operator":"a\\\"&b","name":"Q","as_of":"2026-11-20T10:00:00Z","version":1}
{"type":"row","table":"operator_metrics","tenant":"desk","operator":"\\5","name":"B","as_of":"2026-11-20T10:00:00Z","version":1}
END
limits=limits
limits() { # publishes into a file, which needs no reader
	local rc=0
	scripts/limits -t "$tmp/one" "$@" || rc=$?
	[ ! -e "$tmp/one" ] || cat "$tmp/one" >>"$tmp/told"
	rm -f "$tmp/one"
	return $rc
}
told() { # FILTER: of each record since the last call
	jq -c "$1" "$tmp/told" | paste -sd,
	rm "$tmp/told"
}

shown() { # WHAT: operator, channel and limit of each that is shown
	"$BIN/sink" -f queue:rows --until-empty || fail "the sink gives $?"
	"$limits" -o ndjson | jq -r '"\(.operator) \(.channel) \(.max_chats)"' \
		>"$tmp/shown" || fail "limits gives $?"
	[ "$(paste -sd, "$tmp/shown")" = "$1" ] || fail "$(cat "$tmp/shown")"
}

echo "- none yet"
shown ''

echo "- set, changed, forgotten"
"$limits" 5
"$limits" 3 17
"$limits" 4 "o'neil"
"$limits" 1 --channel whatsapp
shown "everybody null 5,everybody whatsapp 1,17 null 3,o'neil null 4"
"$limits" 2 17
"$limits" --default "o'neil"
shown "everybody null 5,everybody whatsapp 1,17 null 2"
"$limits" -o table | grep -q '^desk *17 *Anna *- *2 ' ||
	fail "$("$limits" -o table)"

echo "- names that JSON and SQL have to mask, and what is no name"
"$limits" 6 'a\"&b'
"$limits" 7 '\5'
"$limits" 1 --channel 'c:\x "wide"'
shown 'everybody null 5,everybody c:\x "wide" 1,everybody whatsapp 1,17 null 2,\5 null 7,a\"&b null 6'
"$limits" --default 'a\"&b'
"$limits" --default '\5'
"$limits" --default --channel 'c:\x "wide"'
shown "everybody null 5,everybody whatsapp 1,17 null 2"
while IFS='|' read -r operator fault; do
	expect 64 "$limits" 3 "$(printf '%b' "$operator")"
	grep -qx "limits: the operator $fault" "$tmp/err" || fail "$(cat "$tmp/err")"
done <<END
\\xff|is not valid UTF-8
17 |ends with a blank
1\\a7|holds a control character
1\\u0085|holds a control character
|is empty
$(printf 'a%.0s' {1..192})|is longer than 191 bytes
END
# A number that is empty, as a variable of a script may be, is not left out.
expect 64 "$limits" '' 17
grep -qx "limits: '' is no number of chats" "$tmp/err" || fail "$(cat "$tmp/err")"
expect 64 "$limits" 3 --default 17
grep -qx "limits: --default removes a limit; leave out '3'" "$tmp/err" ||
	fail "$(cat "$tmp/err")"
shown "everybody null 5,everybody whatsapp 1,17 null 2"
[ "$(told .max_chats)" = \
	5,3,4,1,2,null,6,7,1,null,null,null ] || fail "other records"

echo "- of nobody"
expect 65 "$limits" 3 18
says "there is no operator '18' of desk; there are 17 \\\\5 a\\\\\"&b o'neil"
CRM_TENANT=other expect 65 "$limits" 3 18
says "there is no operator '18' of other; there are none yet"
expect 65 "$limits" --default 18
expect 65 "$limits" --tenant dsk 5
says "there is no tenant 'dsk'; there are desk"
expect 65 "$limits" --tenant dsk --default
expect 65 "$limits" --tenant dsk
[ ! -e "$tmp/told" ] || fail "it was published"
CRM_TENANT='' expect 0 "$limits" --tenant desk 5
[ "$(told .tenant)" = '"desk"' ] ||
	fail "not of the one that is there"
CRM_TENANT=fresh expect 0 "$limits" 5
[ "$(told .tenant)" = '"fresh"' ] ||
	fail "not of the one that the environment configures"

echo "- whose, where there is a folder of tenants"
umask 077
mkdir "$tmp/folder"
printf '[poller]\ntenants = folder\n' >"$tmp/conf"
printf 'token = x\n' >"$tmp/folder/beta.conf"
CRM_TENANT='' expect 0 "$limits" -c "$tmp/conf" 5
[ "$(told .tenant)" = '"beta"' ] ||
	fail "not the only one's"
printf '[crm acme]\ntoken = x\n' >>"$tmp/conf"
CRM_TENANT='' expect 78 "$limits" -c "$tmp/conf" 5
says "say --tenant NAME"
[ ! -e "$tmp/told" ] || fail "it was published"

echo "- while no program reads the queue"
expect 69 scripts/limits 5
says "no program reads 'queue:records'"
[ "$(echo "look queue records" | "$BIN/aggregator" --declare)" = \
	"no records" ] || fail "it was published"
"$BIN/aggregator" -f queue:records -t "$tmp/rows" 2>"$tmp/aggregator.log" &
reader=$!
is_read() {
	[ "$(echo "readers records" | "$BIN/aggregator" --declare)" = "1 records" ]
}
until_true 30 is_read || fail "nobody reads: $(cat "$tmp/aggregator.log")"
expect 0 scripts/limits 5
kill "$reader"
wait "$reader" || fail "the aggregator gives $?"

echo "- nowhere to be written"
unwritable='standard output'
for format in table csv ndjson; do
	rc=0
	"$limits" -o $format 2>"$tmp/err" >/dev/full || rc=$?
	[ $rc = 74 ] || fail "limits -o $format gives $rc: $(cat "$tmp/err")"
	rc=0
	scripts/report -o $format 2>"$tmp/err" >/dev/full || rc=$?
	[ $rc = 74 ] || fail "report -o $format gives $rc: $(cat "$tmp/err")"
	grep -q "^sink: .*$unwritable" "$tmp/err" || fail "report: $(cat "$tmp/err")"
	rc=0
	timeout 60 scripts/report -o $format --watch 2>"$tmp/err" >/dev/full || rc=$?
	[ $rc = 74 ] || fail "report --watch gives $rc: $(cat "$tmp/err")"
	grep -q "^sink: .*$unwritable" "$tmp/err" || fail "report: $(cat "$tmp/err")"
	rc=0
	timeout 60 scripts/report -o $format --watch 2>"$tmp/err" >&- || rc=$?
	[ $rc = 74 ] || fail "report --watch gives $rc: $(cat "$tmp/err")"
	grep -q "^sink: .*$unwritable" "$tmp/err" || fail "report: $(cat "$tmp/err")"
done

echo "- the database is away: they can be set, and are not shown"
"$servers" stop "$tmp/servers" mariadb
expect 0 "$limits" 3 18
grep -q "not known whether there is an operator '18'" "$tmp/err" ||
	fail "$(cat "$tmp/err")"
expect 69 "$limits"
