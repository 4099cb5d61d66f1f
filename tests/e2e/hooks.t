#!/usr/bin/env bash
# Webhooks end to end: who is let in, that what is told twice counts once, that
# what nobody understands is kept, and that they are registered at the CRMs.
set -euo pipefail
# shellcheck source=tests/e2e/amqp.sh
. "$(dirname "$0")/amqp.sh"

start_broker
start_sim --seed 7
umask 077
key=s3cr3t-that-nobody-knows
cat >"$tmp/my.conf" <<END
[crm wo]
profile = chatwoot
hook = signature
hook_secret = $key
[crm desk]
url = $sim/v1
token = sim-token
hook = signature
[crm room]
url = $sim/v1
token = sim-token
hook = secret
hook_secret = 0123456789abcdef
[listen]
END
unset CRM_URL CRM_TOKEN

# listen CONF TO: a listener, with $state if there is one; $there is where.
state=$tmp/state
listen() {
	rm -f "$tmp/listening"
	"$BIN/poller" -c "$1" --listen 127.0.0.1:0 --port-file "$tmp/listening" \
		-t "$2" ${state:+--state "$state"} 2>>"$tmp/listen.log" &
	listener=$!
	until_true 20 test -s "$tmp/listening" ||
		fail "no listener: $(cat "$tmp/listen.log")"
	there=http://127.0.0.1:$(cat "$tmp/listening")
}

# What was answered is stored; it has reached its queue or file, too.
is_published() {
	curl -s "$there/api/v1/analytics/health" |
		grep -q '"processing_queue_size":0'
}
published() {
	until_true 60 is_published || fail "not published"
}

# mac KEY: of standard input.
mac() {
	openssl dgst -sha256 -hmac "$1" | sed 's/.* //'
}

# post PATH BODY HEADER...: prints the status; the answer is in $tmp/answer.
post() {
	local path=$1 body=$2 headers=()
	shift 2
	for header; do
		headers+=(-H "$header")
	done
	curl -s -o "$tmp/answer" -w '%{http_code}' -X POST "$there$path" \
		-H 'Content-Type: application/json' ${headers[@]+"${headers[@]}"} \
		--data-binary "$body"
}

# chatwoot BODY [TIME]: signed as Chatwoot does.
chatwoot() {
	local at=${2:-$(date +%s)}
	post "/hooks/${tenant:-wo}/chatwoot" "$1" "X-Chatwoot-Timestamp: $at" \
		"X-Chatwoot-Delivery: 1" \
		"X-Chatwoot-Signature: sha256=$(printf '%s.%s' "$at" "$1" | mac "$key")"
}

# chat2desk BODY: signed as Chat2Desk does, by the MD5 of the token.
chat2desk() {
	local at md5
	at=$(date +%s)
	md5=$(printf sim-token | openssl dgst -md5 | sed 's/.* //')
	post /hooks/desk/chat2desk "$1" "X-Timestamp: $at" \
		"X-Signature: $(printf '%s%s' "$1" "$at" | mac "$md5")"
}

# is WANT GOT WHAT
is() {
	[ "$1" = "$2" ] || fail "$3: $2, not $1: $(cat "$tmp/answer")"
}

# taken: all that waits in a queue, a line each.
taken() {
	published
	"$probe" -e read "queue:$1" | cut -f 2-
}

said='{"event":"message_created","id":901,"content":"private words",
"message_type":"incoming","created_at":"2026-11-20T10:00:00.5Z",
"sender":{"id":71},"conversation":{"id":13,"inbox_id":2,"status":"open",
"created_at":1795168790,"updated_at":1795168800.5,
"meta":{"sender":{"id":71},"assignee":{"id":5,"name":"Bo"},
"assignee_type":"User"}}}'
answered='{"event":"message_created","id":902,"content":"more of them",
"message_type":"outgoing","created_at":"2026-11-20T10:00:40.5Z",
"sender":{"id":5,"type":"user"},"conversation":{"id":13,"inbox_id":2,
"status":"open","created_at":1795168790,"updated_at":1795168840.5,
"meta":{"sender":{"id":71},"assignee":{"id":5},"assignee_type":"User"}}}'
# What a Chatwoot sends for one closing: two events, the change in the second.
resolved='"id":13,"inbox_id":2,"status":"resolved","created_at":1795168790,
"updated_at":1795168900.512345,
"meta":{"sender":{"id":71},"assignee":{"id":5},"assignee_type":"User"}'
shown='{"event":"conversation_status_changed","changed_attributes":null,'"$resolved}"
changed='{"event":"conversation_updated","changed_attributes":[
{"status":{"previous_value":"open","current_value":"resolved"}},
{"updated_at":{"previous_value":"2026-11-20T10:00:40.500Z",
"current_value":"2026-11-20T10:01:40.500Z"}}],'"$resolved}"
# Resolving writes a survey, which is there before the change is told.
surveyed='"id":13,"inbox_id":2,"status":"resolved","created_at":1795168790,
"updated_at":1795168901.45,"messages":[{"id":903,"message_type":3,
"content_type":"input_csat","created_at":1795168901}],
"meta":{"sender":{"id":71},"assignee":{"id":5},"assignee_type":"User"}'
shown_late='{"event":"conversation_status_changed","changed_attributes":null,'"$surveyed}"
survey='{"event":"message_created","id":903,"content_type":"input_csat",
"message_type":"template","created_at":"2026-11-20T10:01:41.400Z",
"conversation":{'"$surveyed}}"
noted='{"event":"message_created","id":904,"message_type":"outgoing",
"private":true,"created_at":"2026-11-20T10:03:20.400Z",
"sender":{"id":5,"type":"user"},
"conversation":{'"${surveyed/8901.45/9000.45}}}"
# The customer writes within the second of the closing.
opened='"id":13,"inbox_id":2,"status":"open","created_at":1795168790,
"updated_at":1795168900.8,
"meta":{"sender":{"id":71},"assignee":{"id":5},"assignee_type":"User"}'
reopened='{"event":"conversation_updated","changed_attributes":[
{"status":{"previous_value":"resolved","current_value":"open"}},
{"updated_at":{"previous_value":"2026-11-20T10:01:40.500Z",
"current_value":"2026-11-20T10:01:40.750Z"}}],'"$opened}"
wrote='{"event":"message_created","id":905,"message_type":"incoming",
"created_at":"2026-11-20T10:01:40.700Z","sender":{"id":71},
"conversation":{'"$opened}}"
unknown='{"event":"conversation_merged","id":13}'

listen "$tmp/my.conf" queue:records

echo "- what is signed is taken"
is 200 "$(chatwoot "$said")" "signed"
is '{"status":"ok"}' "$(cat "$tmp/answer")" "the answer"
is 200 "$(chatwoot "$answered")" "signed"
is 200 "$(chat2desk '{"hook_type":"inbox","dialog_id":9,"message_id":5}')" \
	"signed by the token"

echo "- what is not, is refused"
old=$(($(date +%s) - 400))
is 401 "$(post /hooks/wo/chatwoot "$said")" "unsigned"
is 401 "$(chatwoot "$said" "$old")" "replayed"
is 401 "$(key=guess chatwoot "$said")" "forged"
is 401 "$(post /hooks/nobody/chatwoot "$said")" "nobody's"
cp "$tmp/answer" "$tmp/nobody"
is 401 "$(post /hooks/room/chat2desk "$said")" "without the secret"
cmp "$tmp/answer" "$tmp/nobody" || fail "a tenant that is there shows"
is 401 "$(post /hooks/room/chat2desk/0123456789abcdeg "$said")" "wrong secret"
is 404 "$(post /webhook '{"room_id":"1"}')" "an original's route"

echo "- a secret in the address is enough where that is set"
is 200 "$(post /hooks/room/chat2desk/0123456789abcdef \
	'{"hook_type":"close_dialog","dialog_id":9}')" "in the path"
is 200 "$(post '/hooks/room/chat2desk?secret=0123456789abcdef' \
	'{"hook_type":"outbox_status","data":{}}')" "in the query"

echo "- what nobody understands is kept"
is 200 "$(chatwoot "$unknown")" "an unknown event"
is 400 "$(chatwoot '{"event":')" "no JSON"

taken records >"$tmp/records"
taken records.dead >"$tmp/dead"
[ "$(wc -l <"$tmp/records")" = 8 ] || fail "records: $(cat "$tmp/records")"
! grep -q words "$tmp/records" || fail "what was written is told"
[ "$(jq -r .record "$tmp/dead")" = "$unknown" ] ||
	fail "dead letters: $(cat "$tmp/dead")"

echo "- where that cannot be kept, the reason is told, and it is refused"
kill "$listener"
wait "$listener" || fail "the listener ended with $?"
state='' listen "$tmp/my.conf" "$tmp/few"
is 200 "$(chatwoot "$said")" "signed"
is 503 "$(chatwoot "$unknown")" "an unknown event"
grep -q "a dead letter cannot be kept without --state" "$tmp/listen.log" ||
	fail "$(cat "$tmp/listen.log")"
kill "$listener"
wait "$listener" || fail "the listener ended with $?"
listen "$tmp/my.conf" queue:records

echo "- told twice, and the other way round, it counts once"
is 200 "$(chatwoot "$answered")" "again"
is 200 "$(chatwoot "$said")" "again"
is 200 "$(chatwoot "$answered")" "again"
taken records >"$tmp/again"
[ "$(wc -l <"$tmp/again")" = 7 ] || fail "records: $(cat "$tmp/again")"
grep '"tenant":"wo"' "$tmp/records" >"$tmp/once"
"$BIN/aggregator" <"$tmp/once" | sort >"$tmp/rows"
cat "$tmp/once" "$tmp/again" | "$BIN/aggregator" | sort |
	cmp - "$tmp/rows" || fail "twice is not once"
grep -q '"responses":1.*"avg_response_seconds":40.000' "$tmp/rows" ||
	fail "$(cat "$tmp/rows")"

echo "- an operator has a name, and is neither listed nor available by it"
grep -q '"table":"operator_metrics".*"name":"Bo","available":null,"open_chats":1,' \
	"$tmp/rows" || fail "$(cat "$tmp/rows")"
grep -q '"table":"tenant_metrics".*"operators":0,' "$tmp/rows" ||
	fail "$(cat "$tmp/rows")"
jq -c 'select(.type == "operator")' "$tmp/once" >"$tmp/named"
[ "$("$BIN/aggregator" -a allocation <"$tmp/named" |
	jq -r 'select(.table == "allocation_totals").operators')" = "" ] ||
	fail "allocation has an operator: $(cat "$tmp/named")"

echo "- a closing is one, in whatever order its two events come"
# resolution EVENT...: how long it took and who held it, by both definitions.
resolution() {
	local event
	for event; do
		is 200 "$(chatwoot "$event")" "a closing"
	done >&2
	cat "$tmp/once" <(taken records) >"$tmp/closed"
	for definition in ours chatwoot; do
		"$BIN/aggregator" -a intervals -o ndjson --definition $definition \
			<"$tmp/closed" |
			jq -r 'select(.kind == "resolution") | "\(.ms) \(.operator)"'
	done | tr '\n' ' '
}
is "100000 5 110000 5 " "$(resolution "$shown" "$changed")" "in order"
is "100000 5 110000 5 " "$(resolution "$changed" "$shown")" "the other way round"
is "100000 5 110000 5 " "$(resolution "$changed")" "without the first"
is "100000 5 110000 5 " "$(resolution "$changed" "$shown" "$changed")" "repeated"

echo "- what is written into a resolved conversation closes it no second time"
is "100000 5 110000 5 " \
	"$(resolution "$changed" "$shown_late" "$survey" "$noted")" "a survey"
is "100000 5 110000 5 " \
	"$(resolution "$noted" "$survey" "$shown_late" "$changed")" "backwards"

echo "- who writes within the second of the closing waits"
resolution "$changed" "$reopened" "$wrote" >/dev/null
is "open 1 2026-11-20T10:01:40.700Z" "$("$BIN/aggregator" -o ndjson \
	<"$tmp/closed" | jq -r 'select(.table == "chat_metrics") |
		"\(.status) \(.messages) \(.waiting_since)"')" "a quick customer"

echo "- they are registered, changed and removed"
poller() {
	"$BIN/poller" -c "$tmp/my.conf" "$@" 2>"$tmp/err" || fail "$(cat "$tmp/err")"
}
listed() {
	curl -sS --fail -H 'Authorization: sim-token' "$sim/v1/webhooks" |
		jq -r '.data[].url'
}
poller --tenant desk --tenant room --register https://hooks.example.com/in/ \
	>"$tmp/out"
[ "$(listed)" = "https://hooks.example.com/in/hooks/desk/chat2desk
https://hooks.example.com/in/hooks/room/chat2desk/0123456789abcdef" ] ||
	fail "registered: $(listed)"
! grep -q 0123456789abcdef "$tmp/out" "$tmp/err" || fail "the secret is shown"
grep -q 'hooks/room/chat2desk/\*\*\*' "$tmp/out" || fail "$(cat "$tmp/out")"
curl -sS --fail -X POST \
	"$sim/control/fault?name=401-echo&value=400&method=POST&count=1" >/dev/null
poller --tenant room --unregister https://hooks.example.com/in >"$tmp/out"
expect 77 "$BIN/poller" -c "$tmp/my.conf" --tenant room \
	--register https://hooks.example.com/in
says 'Token \*\*\* is not correct.*/hooks/room/chat2desk/\*\*\*'
! grep -q '0123456789abcdef\|sim-token' "$tmp/err" || fail "$(cat "$tmp/err")"
poller --tenant room --register https://hooks.example.com/in >"$tmp/out"
sed -i s/0123456789abcdef/fedcba9876543210/ "$tmp/my.conf"
poller --tenant room --register https://hooks.example.com/in >"$tmp/out"
[ "$(listed | tail -n 1)" = \
	https://hooks.example.com/in/hooks/room/chat2desk/fedcba9876543210 ] ||
	fail "changed: $(listed)"
[ "$(listed | wc -l)" = 2 ] || fail "it is there twice: $(listed)"
poller --tenant desk --unregister https://hooks.example.com/in >"$tmp/out"
poller --tenant room --unregister https://hooks.example.com/in >"$tmp/out"
[ "$(listed)" = "" ] || fail "not removed: $(listed)"
expect 78 "$BIN/poller" -c "$tmp/my.conf" --tenant wo \
	--register https://hooks.example.com
says 'has no account'

echo "- where that takes a request for each webhook"
rm "$tmp/port"
"$TESTBIN/crm-sim" --crm qiscus --port-file "$tmp/port" 2>"$tmp/qiscus.log" &
until_true 20 test -s "$tmp/port" || fail "no CRM: $(cat "$tmp/qiscus.log")"
cat >"$tmp/qiscus.conf" <<END
[crm q]
profile = qiscus
url = http://127.0.0.1:$(cat "$tmp/port")
hosts = messages=http://127.0.0.1:$(cat "$tmp/port")
account = sim-app
token = sim-token
hook = secret
hook_secret = 0123456789abcdef
END
expect 78 "$BIN/poller" -c "$tmp/qiscus.conf" --register https://h.example.com
says 'has no admin_token, .* set admin_token_file'
expect 0 "$BIN/poller" -c "$tmp/qiscus.conf" --check
says 'has no admin_token, .* set admin_token_file'
echo "admin_token = sim-token" >>"$tmp/qiscus.conf"
expect 77 "$BIN/poller" -c "$tmp/qiscus.conf" --register https://h.example.com
says 'check the admin_token of \[crm q\]'
sed -i '$d' "$tmp/qiscus.conf"
(umask 077 && echo admin-sim-token >"$tmp/qiscus.admin")
echo "admin_token_file = qiscus.admin" >>"$tmp/qiscus.conf"
for again in 1 2; do
	expect 0 "$BIN/poller" -c "$tmp/qiscus.conf" --register https://h.example.com
	[ "$(wc -l <"$tmp/out")" = 2 ] || fail "$again: $(cat "$tmp/out")"
	[ "$(jq -r '"\(.url) \(.active)"' "$tmp/out" | sort -u)" = \
		"https://h.example.com/hooks/q/qiscus/*** true" ] ||
		fail "registered: $(cat "$tmp/out")"
done
expect 0 "$BIN/poller" -c "$tmp/qiscus.conf" --unregister https://h.example.com
expect 0 "$BIN/poller" -c "$tmp/qiscus.conf" --registered
! grep -q '"active":true' "$tmp/out" || fail "not removed: $(cat "$tmp/out")"

echo "- a key that the CRM makes up goes to a private file"
python3 tests/e2e/hooks_chatwoot.py "$tmp/woot" 2>"$tmp/woot.log" &
until_true 20 test -s "$tmp/woot" || fail "no CRM: $(cat "$tmp/woot.log")"
cat >"$tmp/made.conf" <<END
[crm made]
profile = chatwoot
url = http://127.0.0.1:$(cat "$tmp/woot")
token = woot-token
account = 1
hook = signature
END
sed '/^account/d' "$tmp/made.conf" >"$tmp/nobodys.conf"
expect 78 "$BIN/poller" -c "$tmp/nobodys.conf" --register https://h.example.com
says 'has no account'
expect 78 "$BIN/poller" -c "$tmp/made.conf" --register https://h.example.com
says 'set hook_secret_file'
expect 78 "$BIN/poller" -c "$tmp/made.conf" -n --register https://h.example.com
says 'set hook_secret_file'
expect 78 "$BIN/poller" -c "$tmp/made.conf" -n --listen 127.0.0.1:0
says 'webhooks of tenant made: it has no secret'
expect 69 "$BIN/poller" -c "$tmp/made.conf"
says 'Chatwoot is not polled yet'
echo "hook_secret_file = made.key" >>"$tmp/made.conf"
expect 0 "$BIN/poller" -c "$tmp/made.conf" --register https://h.example.com
key=$(cat "$tmp/made.key")
[ ${#key} = 24 ] || fail "the key is '$key'"
[ "$(stat -c %a "$tmp/made.key")" = 600 ] || fail "others may read the key"
! grep -q "$key" "$tmp/out" "$tmp/err" || fail "the key is shown"
jq -e '.url == "https://h.example.com/hooks/made/chatwoot" and .active' \
	"$tmp/out" >/dev/null || fail "$(cat "$tmp/out")"
expect 0 "$BIN/poller" -c "$tmp/made.conf" --register https://h.example.com
[ "$(cat "$tmp/made.key")" = "$key" ] || fail "another key"
[ "$(wc -l <"$tmp/out")" = 1 ] || fail "it is there twice: $(cat "$tmp/out")"
expect 0 "$BIN/poller" -c "$tmp/made.conf" --register HTTPS://H.example.com/
[ "$(wc -l <"$tmp/out")" = 1 ] || fail "in capitals twice: $(cat "$tmp/out")"
# With the token for that command alone, no poll complains.
(umask 077 && sed -n 's/^token = //p' "$tmp/made.conf" >"$tmp/made.token")
(umask 077 && sed '/^token/d' "$tmp/made.conf" >"$tmp/bare.conf")
expect 0 env CRM_TENANT=made CRM_TOKEN_FILE="$tmp/made.token" "$BIN/poller" \
	-c "$tmp/bare.conf" --tenant made --register https://h.example.com
expect 0 "$BIN/poller" -c "$tmp/bare.conf"

kill "$listener"
wait "$listener" || fail "the listener ended with $?"
cat >>"$tmp/made.conf" <<END
[crm room]
profile = qiscus
[listen]
tenant = room
END
listen "$tmp/made.conf" "$tmp/by-hand"
is 200 "$(tenant=made chatwoot "$said")" "signed by that key"
is 200 "$(tenant=made chatwoot "$unknown")" "an unknown event, by hand"
published
[ "$(jq -r .record "$tmp"/state/dead/*.ndjson)" = "$unknown" ] ||
	fail "no dead letter by hand"
[ "$(wc -l <"$tmp/by-hand")" = 3 ] || fail "$(cat "$tmp/by-hand")"

echo "- the routes of the original allocator"
is 200 "$(post /webhook '{"email":"e","room_id":"77","candidate_agent":null}')" "a room"
is '{"message":"Webhook received successfully"}' "$(cat "$tmp/answer")" "a room"
is 200 "$(post /webhook '{"email":"e","room_id":"77"}')" "the same room"
is 400 "$(post /webhook '{"room_id":77}')" "a number"
is '{"error":"Invalid payload"}' "$(cat "$tmp/answer")" "a number"
is 200 "$(post /resolve '{"service":{"room_id":"77","last_comment_id":5}}')" \
	"resolved"
published
is "open open closed" "$(jq -rs 'map(select(.chat == "77").status) | join(" ")' \
	"$tmp/by-hand")" "what became of it"

echo "- a resolving told again, after the customer wrote again, closes nothing"
resolving='{"service":{"id":31,"room_id":"78","is_resolved":true}}'
is 200 "$(post /webhook '{"email":"e","room_id":"78"}')" "a room"
is 200 "$(post /resolve "$resolving")" "resolved"
ms=$(date +%s%3N)
until [ "$(date +%s%3N)" != "$ms" ]; do :; done
is 200 "$(post /webhook '{"email":"e","room_id":"78"}')" "the customer again"
is 200 "$(post /resolve "$resolving")" "resolved, again"
published
jq -c 'select(.chat == "78")' "$tmp/by-hand" >"$tmp/again"
[ "$(jq -rs 'map(select(.status == "closed").at) | unique | length' \
	"$tmp/again")" = 1 ] || fail "another time: $(cat "$tmp/again")"
[ "$("$BIN/aggregator" -a allocation <"$tmp/again" |
	jq -r 'select(.table == "allocation_totals").waiting')" = 1 ] ||
	fail "it does not wait: $(cat "$tmp/again")"
expect 0 "$BIN/poller" -c "$tmp/made.conf" --tenant made \
	--unregister https://h.example.com
[ ! -s "$tmp/out" ] || fail "not removed: $(cat "$tmp/out")"
kill "$listener"
wait "$listener" || fail "the listener ended with $?"
! grep -e "$key" -e s3cr3t -e words "$tmp/listen.log" || fail "the log tells"
