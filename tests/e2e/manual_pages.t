#!/usr/bin/env bash
# The examples of the pages, typed as they stand, with a simulated CRM, a broker
# and a database of their own. What differs here is said where it is replaced.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

servers=$PWD/scripts/servers
stop_servers() {
	"$servers" stop "$tmp/srv" >/dev/null 2>&1 || :
	clean_up
}
trap stop_servers EXIT
"$servers" start "$tmp/srv"
eval "$("$servers" env "$tmp/srv")"
start_sim --seed 7
mkdir "$tmp/bin" "$tmp/here" "$tmp/lib"
ln -s "$(realpath "$BIN")"/* "$tmp/bin"
# No other user is there to become.
# shellcheck disable=SC2016 # for that script to expand
printf '#!/bin/sh\n[ "$1" != -u ] || shift 2\nexec "$@"\n' >"$tmp/bin/sudo"
printf '#!/bin/sh\n' >"$tmp/bin/systemctl"
printf '#!/bin/sh\nexec "%s" rabbitmqctl "%s" "$@"\n' "$servers" "$tmp/srv" \
	>"$tmp/bin/rabbitmqctl"
chmod +x "$tmp/bin"/{sudo,systemctl,rabbitmqctl}
PATH=$tmp/bin:$PATH
export CRM_TENANT=acme
cd "$tmp/here"
umask 077
echo sim-token >token
cp token acme.token

# typed WHAT [CODE]: runs the lines of standard input; their output is in out.
typed() {
	sed "s,/var/lib/messaging-analytics,$tmp/lib,g
		s,/var/lib/stream,$tmp/lib/stream,g
		s,mysql://admin:PASSWORD@localhost/messaging,$MYSQL_URL,
		s,/etc/messaging-analytics,$tmp/here,g
		s,^scripts/,$root/scripts/,; s, scripts/, $root/scripts/,g" >typed
	[ -s typed ] || fail "$1: no such example"
	local rc=0
	timeout 300 bash -euo pipefail typed >out 2>err </dev/null || rc=$?
	[ $rc = "${2:-0}" ] || fail "$1 gives $rc: $(cat typed out err)"
}
sql() { # WHAT PAGE HEADING BLOCK
	shown_in "$2" "$3" "$4" | "$servers" mysql "$tmp/srv" messaging >out ||
		fail "$1 fails"
	[ "$(wc -l <out)" -gt 1 ] || fail "$1 shows nothing"
}

echo "- sink(1): the schema"
shown_in sink.1 EXAMPLES 1 | typed "the schema"

echo "- poller(1)"
# What it says of costs depends on the world.
{
	shown_in poller.1 EXAMPLES 1 | sed 's/$/ || [ $? = 78 ]/'
	echo unset CRM_TOKEN
	shown_in poller.1 EXAMPLES 2
} | typed "poller's first two"
grep -q '"table":"operator_metrics"' out || fail "no metrics: $(cat out)"
shown_in poller.1 EXAMPLES 3 | sed '/^curl/,$d
	s, | tee .*, --port-file port >day.ndjson \&, ; s,:8080,:0,' >listener
shown_in poller.1 EXAMPLES 3 | sed -n '/^curl/,$p' | sed \
	"s,:8080,:'\$(cat port)',; s,^curl,curl -sS --fail," >event
{
	cat listener
	echo 'until [ -s port ]; do sleep 0.02; done'
	cat event
	echo 'kill %1; wait'
} | typed "an event by hand"
grep -q '"type":"event"' day.ndjson || fail "no event: $(cat day.ndjson out)"
shown_in poller.1 EXAMPLES 4 | typed "a chat's status"
grep -q '"chat":"9001".*"status":"open"' out || fail "no status: $(cat out)"
shown_in poller.1 EXAMPLES 5 | typed "the job"
printf '[crm acme]\nurl = %s\ntoken = sim-token\nhook = signature\n' \
	"$CRM_URL" >hooks.conf
{
	echo 'unset CRM_URL CRM_TOKEN; export MESSAGING_CONFIG=hooks.conf'
	shown_in poller.1 EXAMPLES 6
	echo poller --registered
} | typed "webhooks"
grep -q 'https://hooks.example.com' out || fail "not registered: $(cat out)"

echo "- aggregator(1)"
shown_in aggregator.1 EXAMPLES 1 | typed "the metrics now"
shown_in aggregator.1 EXAMPLES 2 | typed "a day's records"
[ -s chats.csv ] || fail "no chats"
shown_in aggregator.1 EXAMPLES 3 | typed "what if"
grep -q '"table":"allocation_operators".*"max_chats":3' out || fail "no what-if"
shown_in aggregator.1 EXAMPLES 4 | typed "the job"
shown_in messaging-stream.7 'WHAT IS PUBLISHED' >stream
aggregator --publish -f stream -t queue:records
# It is not to run for ever.
shown_in aggregator.1 EXAMPLES 5 | sed '$s/$/ --until-empty/' | typed "a stream"

echo "- sink(1)"
shown_in sink.1 EXAMPLES 2 | typed "from cron"
shown_in sink.1 EXAMPLES 3 | typed "without a broker"
grep '"type":"view"' stream | sink
sql "read messages" sink.1 EXAMPLES 4
grep -q "^2	read" out || fail "message 2 is not read: $(cat out)"
(umask 077 && printf '[serve]\nsecret_key = %064d\n' 0 >key.conf)
export MESSAGING_CONFIG=$PWD/key.conf
shown_in sink.1 EXAMPLES 5 | typed "a token"
unset MESSAGING_CONFIG
[ "$(tr -cd . <ann.token)" = .. ] || fail "no token: $(cat ann.token)"

echo "- messaging-api(7)"
shown_in messaging-api.7 EXAMPLES 1 | typed "the API"
grep -q '^{"tenant":"acme","now":' out || fail "no answer: $(cat out)"

echo "- messaging-report(7)"
shown_in messaging-report.7 EXAMPLES 1 | typed "last week"
grep -q '^<h1>acme: ' week.html || fail "no report: $(cat week.html)"
grep -q '^totals,responses,Responses,count,' week.csv ||
	fail "no report: $(cat week.csv)"
shown_in messaging-report.7 EXAMPLES 2 | typed "a month"
grep -q '2026-11-30' november.html || fail "not November"
shown_in messaging-report.7 EXAMPLES 3 | typed "the operators"
grep -q '^operator,name,count,' out || fail "no operators: $(cat out)"
grep -qF "$(shown_in messaging-report.7 'EACH MONDAY' 1)" \
	"$root/scripts/examples/crontab.example" || fail "not in the crontab"
shown_in messaging-report.7 'EACH MONDAY' 2 | sed "s,.*/bin/sink,sink,
	s,/var/www/html,$tmp/lib,; s/\$/ --tenant acme/" | typed "a file by cron"
[ -s "$tmp/lib/team.html" ] || fail "cron keeps no file"

echo "- messaging-quickstart(7)"
{
	echo unset CRM_TOKEN
	shown_in messaging-quickstart.7 'LOOK FIRST' | sed -n '/^export.*token$/p
		/^build.bin/s,build/bin/,,gp' | sed '/--check/s/$/ || [ $? = 78 ]/'
} >looked
[ "$(wc -l <looked)" = 4 ] || fail "not three lines: $(cat looked)"
typed "look first" <looked
grep -q '"table":"operator_metrics"' out || fail "no metrics: $(cat out)"
shown_in messaging-quickstart.7 'MONDAY REPORT' 1 | typed "Monday's report"
grep -q '^totals,responses,Responses,' out || fail "no report: $(cat out)"

echo "- messaging-troubleshooting(7): commands that exist, with such options"
sed -n 's/^\.Sh //p' "$root/man/man7/messaging-troubleshooting.7" |
	while read -r heading; do
		shown_in messaging-troubleshooting.7 "$heading" 1 >typed
		[ -s typed ] || continue
		rc=0
		(PATH=$root/scripts:$PATH && timeout 300 bash -o pipefail typed) \
			>out 2>&1 </dev/null || rc=$?
		case $rc in 64 | 70 | 124 | 126 | 127)
			fail "$heading gives $rc: $(cat typed out)" ;;
		esac
	done

echo "- messaging-tables(5)"
aggregator -f day.ndjson -a all -o ndjson | sink
sql "who lets customers wait" messaging-tables.5 EXAMPLES 1
sql "how fresh" messaging-tables.5 EXAMPLES 2
sql "a median" messaging-tables.5 EXAMPLES 3

echo "- messaging-metrics(7)"
shown_in messaging-metrics.7 METRICS | typed "two metrics"
grep -q '"table":"realtime_user_activity"' out || fail "no activity"
shown_in messaging-records.5 EXAMPLES 1 >snapshot
shown_in messaging-metrics.7 'Over which chats' >explained
head -n 1 explained | sed 's/day/snapshot/; s/\.ndjson//; s/$/ -o table/' |
	typed "--explain"
diff <(sed 1d explained) out || fail "the page explains otherwise"

echo "- messaging-records(5)"
shown_in messaging-records.5 EXAMPLES 2 | sed 's/day.ndjson/snapshot/' |
	typed "messages of each operator"
grep -qx ' *1 7' out || fail "other counts: $(cat out)"
{
	printf '{"type":"message","tenant":"t1","id":"3","chat":"9","at":"%s"' \
		2026-11-20T10:03:00Z
	echo ",\"from\":\"customer\",\"data\":$(shown_in messaging-records.5 message 1 |
		tr -d '\n' | sed 's/\.\.\././')}"
} >about
aggregator -f about -a messages -o ndjson | sink
echo 'SELECT sentiment_label, intent_name FROM message_analytics' |
	"$servers" mysql "$tmp/srv" messaging >out
grep -qx 'positive	order' out || fail "nothing is known of it: $(cat about out)"

echo "- messaging-analytics(7): the job of a minute"
shown_in messaging-analytics.7 'THE MINUTE JOB' 2 | typed "job"
shown_in messaging-analytics.7 'THE MINUTE JOB' 3 | typed "reap"
shown_in messaging-analytics.7 'THE MINUTE JOB' 1 | while read -r line; do
	grep -qF "${line% *}" "$root/scripts/examples/crontab.example" ||
		fail "not in the crontab: $line"
done

echo "- messaging.conf(5)"
for block in "DESCRIPTION 1" "EXAMPLES 1"; do
	# shellcheck disable=SC2086 # two words
	shown_in messaging.conf.5 $block >some.conf
	sed -i "s,/etc/messaging-analytics,$tmp/here,; s,/var/lib/.*,$tmp/lib/p," \
		some.conf
	(unset CRM_URL CRM_TOKEN CRM_TENANT && poller -n -c some.conf) >out 2>&1 ||
		fail "no configuration: $(cat some.conf out)"
done
{
	echo unset CRM_TOKEN
	shown_in messaging.conf.5 EXAMPLES 2
} | typed "a token by hand"

echo "- reaper(1)"
shown_in reaper.1 EXAMPLES 1 | typed "what would go"
shown_in reaper.1 EXAMPLES 2 | typed "with a copy"
shown_in reaper.1 EXAMPLES 5 | typed "retention"
who=$("$servers" mysql "$tmp/srv" messaging -N -B -e "SELECT customer FROM
	chat_metrics WHERE tenant = 'acme' AND customer IS NOT NULL LIMIT 1")
[ -n "$who" ] || fail "no customer is left"
mkdir -p "$tmp/lib/poller"
shown_in reaper.1 EXAMPLES 6 | sed "s/5001/$who/" | typed "a customer's rights"
grep -q '"type":"export".*"customer":"'"$who" customer.ndjson ||
	fail "exported: $(cat customer.ndjson)"

echo "- messaging-listen(7)"
sed -i 's,^hook = .*,hook = secret\nhook_secret_file = acme.hook,' hooks.conf
{
	echo 'unset CRM_URL CRM_TOKEN; export MESSAGING_CONFIG=hooks.conf'
	shown_in messaging-listen.7 EXAMPLES 1 | sed "s,/etc/systemd/system,$tmp/lib,"
} | typed "webhooks"
grep -qx '[0-9a-f]\{64\}' acme.hook || fail "no secret"
[ -s "$tmp/lib/messaging-listener.service" ] || fail "no unit"
shown_in messaging-listen.7 'MESSAGES AND EVENTS' 1 | typed "a conversation's id"
# As tests/unit/poller/routes/test_routes_messages.c has it.
grep -q '= e45069dcdc2f393c4fbdeda3' out || fail "another id: $(cat out)"

echo "- messaging-operation(7): rights at the broker"
for user in aggregator sink listener assign; do
	rabbitmqctl -q add_user $user secret
done
shown_in messaging-operation.7 SECURITY 1 | typed "rights at the broker"
[ "$(rabbitmqctl -q list_permissions -p messaging | grep -c 'amq')" = 4 ] ||
	fail "not four have rights"

echo "- messaging-stream(7): more than one core"
many() { shown_in messaging-stream.7 'MORE THAN ONE CORE' "$1"; }
many 1 | typed "three queues"
[ "$(grep -c '^records\.g1\.[0-2]$' out)" = 3 ] || fail "not three: $(cat out)"
aggregator --publish -f stream -t exchange:records
for part in 0 1 2; do
	many 2 | sed "s,g1\.0,g1.$part,g; s,0/3,$part/3,; \$s,\$, --until-empty," |
		typed "part $part"
done
many 3 | typed "the units' parts"
grep -qx 'GENERATION=1' parts || fail "no parts: $(cat parts)"
shown_in messaging-stream.7 'Another number' 1 | typed "another number"
for part in 0 1 2 3; do
	shown_in messaging-stream.7 'Another number' 2 | sed "s,g2\.0,g2.$part,g; s,0/4,$part/4,; \$s,\$, --until-empty," |
		typed "part $part"
done
sink -f queue:rows --until-empty
sql "the metrics of parts" messaging-tables.5 EXAMPLES 1
grep -q '^Ann	1	' out || fail "Ann is not there: $(cat out)"

echo "- messaging-profile(5)"
sed -n '/^def about:/,/^\.Ed/{/^\.Ed/d; s/\\e/\\/g; p}' \
	"$root/man/man5/messaging-profile.5" >mycrm.jq
cat >crm.py <<'END'
import http.server
import os
now = "2026-11-20T10:00:00Z"
PAGES = {"/api/agents": '{"agents":[{"id":7,"name":"Ann"}]}',
         "/api/chats": '{"chats":[{"id":9,"agent_id":7,"created_at":"%s",'
         '"updated_at":"%s","last_message_id":1}]}' % (now, now),
         "/api/chats/9/messages": '{"messages":[{"id":1,"sent_at":"%s",'
         '"by_agent":false,"author_id":"c1"}]}' % now}


class Crm(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = PAGES[self.path.split("?")[0]].encode()
        if self.headers["Authorization"] != "Bearer sim-token":
            body = b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Crm)
with open("crm.part", "w") as f:
    f.write(str(server.server_port))
os.rename("crm.part", "crm.port")
server.serve_forever()
END
python3 crm.py &
until_true 20 test -s crm.port || fail "no CRM"
# shellcheck disable=SC2016 # for the typed shell to expand
{
	echo 'unset CRM_TOKEN; export CRM_URL=http://127.0.0.1:$(cat crm.port)/api'
	shown_in messaging-profile.5 EXAMPLES 2
} | typed "a CRM of one's own"
grep -q '"table":"chat_metrics".*"chat":"9"' out || fail "no chat: $(cat out)"

echo "- reaper(1): a conversation that was deleted, and a company that left"
"$servers" mysql "$tmp/srv" messaging -e "INSERT INTO chat_metrics (tenant, chat,
	status, as_of) VALUES ('acme', '42', 'open', UTC_TIMESTAMP(3))"
{
	echo 'unset CRM_URL CRM_TOKEN CRM_TENANT'
	shown_in reaper.1 EXAMPLES 3
} | typed "a company that left"
