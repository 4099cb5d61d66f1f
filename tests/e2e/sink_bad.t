#!/usr/bin/env bash
# sink: a bad row goes away with its reason, its neighbours are stored. What is
# wrong is mostly seen before the database; what only the database sees is
# found by halving. By hand: stderr and exit 65; from a queue: dead letters.
set -euo pipefail
# shellcheck source=tests/e2e/sinklib.sh
. "$(dirname "$0")/sinklib.sh"

start_db mariadb rabbitmq
"$sink" --migrate

as_of=2026-11-20T10:00:00.000Z
head='{"type":"row","table":"chat_metrics","tenant":"t","snapshot":"s"'
long=$(printf '%0256d' 0)
wide=$(printf '%0255d' 0 | sed 's/0/é/g')
id=$(printf '%0191d' 0)

# REASON<tab>LINE
cat >"$tmp/bad" <<END
no table 'x'	{"type":"row","table":"x","tenant":"t","as_of":"$as_of"}
field 'as_of' is missing	$head,"chat":"b2","status":"open"}
field 'as_of' must be a time	$head,"chat":"b3","status":"open","as_of":"noon"}
field 'as_of' must be a time	$head,"chat":"b4","status":"open","as_of":"2026-02-30T00:00:00Z"}
field 'as_of' is before the year 1000	$head,"chat":"b5","status":"open","as_of":"0999-12-31T23:59:59Z"}
field 'chat' is missing	$head,"status":"open","as_of":"$as_of"}
field 'chat' is missing	$head,"chat":null,"status":"open","as_of":"$as_of"}
field 'chat' is empty	$head,"chat":"","status":"open","as_of":"$as_of"}
field 'chat' ends with a blank	$head,"chat":"1 ","status":"open","as_of":"$as_of"}
field 'chat' is too long	$head,"chat":"$long","status":"open","as_of":"$as_of"}
field 'chat' must be a string	$head,"chat":1.5,"status":"open","as_of":"$as_of"}
field 'status' is missing	$head,"chat":"b12","as_of":"$as_of"}
field 'status' must be open	$head,"chat":"b13","status":"closed","as_of":"$as_of"}
field 'operator' is too long	$head,"chat":"b14","status":"open","operator":"$long","as_of":"$as_of"}
field 'tag' must be a string	$head,"chat":"b15","status":"open","tag":["a"],"as_of":"$as_of"}
field 'messages' is below 0	$head,"chat":"b16","status":"open","messages":-1,"as_of":"$as_of"}
field 'messages' is too large	$head,"chat":"b17","status":"open","messages":4294967296,"as_of":"$as_of"}
field 'messages' is too large	$head,"chat":"b18","status":"open","messages":99999999999999999999999,"as_of":"$as_of"}
field 'messages' must be a whole number	$head,"chat":"b19","status":"open","messages":1.5,"as_of":"$as_of"}
field 'messages' must be a whole number	$head,"chat":"b20","status":"open","messages":"7","as_of":"$as_of"}
field 'avg_response_seconds' is too large	$head,"chat":"b21","status":"open","avg_response_seconds":1e12,"as_of":"$as_of"}
field 'avg_response_seconds' must be a number	$head,"chat":"b22","status":"open","avg_response_seconds":true,"as_of":"$as_of"}
field 'tenant' must be the name of a .crm NAME. section	{"type":"row","table":"tenant_metrics","tenant":"$long","as_of":"$as_of"}
field 'tenant' must be	{"type":"row","table":"tenant_metrics","tenant":"a b","snapshot":"s","as_of":"$as_of"}
field 'tenant' must be	{"type":"snapshot","tenant":"t ","state":"begin","snapshot":"s","at":"$as_of"}
field 'ms' is below 0	{"type":"row","table":"intervals","tenant":"t","snapshot":"s","end_at":"$as_of","chat":"$id","message":"$id","kind":"reply","ms":-1,"as_of":"$as_of"}
field 'available' must be true or false	{"type":"row","table":"operator_metrics","tenant":"t","operator":"1","available":1,"as_of":"$as_of"}
the limit	$head,"chat":"b25","status":"open","unknown":"$(head -c 70000 /dev/zero | tr '\0' x)","as_of":"$as_of"}
no type	{"tenant":"t"}
END
{
	printf 'not valid UTF-8\t%s,"chat":"b27\377","status":"open","as_of":"%s"}\n' \
		"$head" "$as_of"
	printf 'holds a control character\t%s,"chat":"b\\u0007","status":"open","as_of":"%s"}\n' \
		"$head" "$as_of"
	printf 'holds a control character\t%s,"chat":"b","operator":"1\\n","status":"open","as_of":"%s"}\n' \
		"$head" "$as_of"
	printf '.\t%s,"chat":"b28"\n' "$head"
	printf '.\tnot JSON at all\n'
	printf 'holds .u0000\t%s,"chat":"b\\u0000d","status":"open","as_of":"%s"}\n' \
		"$head" "$as_of"
} >>"$tmp/bad"
bad=$(wc -l <"$tmp/bad")

good() {
	echo "$head,\"chat\":\"g$1\",\"status\":\"open\",\"tag\":\"$2\",\"as_of\":\"$as_of\"}"
}
# mix FILE: good ones before, between and after.
mix() {
	local n=0
	good 0 first
	while IFS= read -r line; do
		n=$((n + 1))
		printf '%s\n' "${line#*$'\t'}"
		good $n "$wide"
	done <"$1"
}

# By hand no more than twenty are shown, so: a few at a time.
split -l 12 "$tmp/bad" "$tmp/some."
for some in "$tmp"/some.*; do
	sql "DELETE FROM chat_metrics"
	mix "$some" >"$tmp/mixed"
	code 65 "$sink" -f "$tmp/mixed"
	is "good rows" $(($(wc -l <"$some") + 1)) \
		"$(sql "SELECT COUNT(*) FROM chat_metrics")"
	is "letters" "$(wc -l <"$some")" "$(wc -l <"$tmp/err")"
	n=0
	while IFS= read -r line; do
		n=$((n + 1))
		grep -q "^sink: line $((2 * n)): .*${line%%$'\t'*}" "$tmp/err" ||
			fail "line $((2 * n)): no '${line%%$'\t'*}' in:" \
				"$(sed -n "${n}p" "$tmp/err" | cut -c 1-200)"
	done <"$some"
done
mix "$tmp/bad" >"$tmp/mixed"

# A text that only people read costs nobody the row.
{
	echo "$head,\"chat\":\"w1\",\"status\":\"open\",\"tag\":\"${wide}é\",\"as_of\":\"$as_of\"}"
	echo "$head,\"chat\":\"w2\",\"status\":\"open\",\"tag\":\"$wide$wide\",\"as_of\":\"$as_of\"}"
	echo "{\"type\":\"row\",\"table\":\"operator_metrics\",\"tenant\":\"t\",\"operator\":\"1\",\"name\":\"$long\",\"as_of\":\"$as_of\"}"
} >"$tmp/wide"
code 0 "$sink" -f "$tmp/wide"
is "warnings" "line 1: a text is too long for chat_metrics.tag and is cut to 255 characters; so are others like it
line 3: a text is too long for operator_metrics.name and is cut to 255 characters; so are others like it" \
	"$(sed 's/^sink: //' "$tmp/err")"
is "cut" 2 "$(sql "SELECT COUNT(*) FROM chat_metrics
	WHERE chat IN ('w1', 'w2') AND tag = '$wide'")"
is "cut" "${long%?}" "$(sql "SELECT name FROM operator_metrics")"
code 0 "$sink" -v -f "$tmp/wide"
grep -q "sink_done .* cut=3 " "$tmp/err" || fail "$(cat "$tmp/err")"

# An analysis that is bad does not cost its message, which was counted.
said() { # ID DATA [REST]
	echo "{\"type\":\"message\",\"tenant\":\"t\",\"chat\":\"a\",\"id\":\"$1\",\"at\":\"$as_of\",\"from\":\"customer\",\"data\":{\"analytics\":$2}${3:-}}"
}
{
	said 1 '{"sentiment":{"score":"0.8"},"id":"x"}'
	said 2 '{"intent":7}'
	said 3 '{"response_time":1.5}'
	said 4 '{"response_time":true}' ',"about":true'
} >"$tmp/analyses"
code 65 "$sink" -f "$tmp/analyses"
is "the bad ones" "line 1: in sentiment: field 'sentiment_score' must be a number
line 2: in analytics: field 'intent' must be an object
line 4: in analytics: field 'response_time' must be a number" \
	"$(sed 's/^sink: //' "$tmp/err")"
is "messages" "1 2 3" "$(sql "SELECT message_id FROM messages" | xargs)"
is "analyses" 3 "$(sql "SELECT message_id FROM message_analytics")"

# A line above 1 MiB is skipped in bounded memory.
{
	good a x
	head -c 300000000 /dev/zero | tr '\0' y
	echo
	good b x
} >"$tmp/huge"
(
	# The sanitizer reserves far more than it uses.
	grep -q __asan_init "$sink" || ulimit -v 300000
	code 65 "$sink" -f "$tmp/huge"
)
rm "$tmp/huge"
is "its neighbours" 2 \
	"$(sql "SELECT COUNT(*) FROM chat_metrics WHERE chat IN ('ga', 'gb')")"

# Only rows about the present belong to a snapshot, whose end counts what was
# refused of them.
bad() { # TABLE FIELDS
	echo "{\"type\":\"row\",\"table\":\"$1\",\"tenant\":\"t\",\"snapshot\":\"p\",\"as_of\":\"$as_of\",$2}"
}
{
	bad chat_metrics '"chat":"7","status":"open","messages":-1'
	bad intervals "\"end_at\":\"$as_of\",\"chat\":\"7\",\"message\":\"1\",\"kind\":\"reply\",\"ms\":-1"
	bad event_counts '"user":"anna","event":"clicked","count":-1'
	bad conversation_metrics '"conversation_id":"7","message_count":-1'
} >"$tmp/bad_history"
code 65 "$sink" -f "$tmp/bad_history"
is "letters" 4 "$(wc -l <"$tmp/err")"
is "refused of the snapshot" "chat_metrics 7 7" \
	"$(sql "SELECT table_name, row_key, chat FROM refused_rows
		WHERE snapshot = 'p'" | tr '\t' ' ')"

# What only the database sees: a constraint of somebody else's.
sql "DELETE FROM chat_metrics; DELETE FROM refused_rows;
	ALTER TABLE chat_metrics ADD CONSTRAINT no_poison
	CHECK (tag IS NULL OR tag <> 'poison')"
rows t s2 1 2 100 |
	sed '/"chat":"10[0-9]7"/s/"tag":[^,]*/"tag":"poison"/' >"$tmp/poison"
for bulk in auto off; do
	printf '[mysql]\nbulk = %s\n' "$bulk" >"$tmp/conf"
	empty
	code 65 "$sink" -v -c "$tmp/conf" -f "$tmp/poison"
	is "$bulk: letters" 10 "$(grep -c 'no_poison.*4025' "$tmp/err")"
	is "$bulk: neighbours" 90 "$(sql "SELECT COUNT(*) FROM chat_metrics")"
	is "$bulk: refused rows" 10 "$(sql "SELECT COUNT(*) FROM refused_rows
		WHERE snapshot = 's2' AND chat LIKE '10_7'")"
	grep -q "snapshot_stored .*rows=103" "$tmp/err" || fail "not whole"
	grep -q "line 10: .*no_poison" "$tmp/err" || fail "$(cat "$tmp/err")"
	grep -q "mysql://" "$tmp/err" && fail "$(cat "$tmp/err")"
done

# From a queue: to its dead letters, once each, and exit 0, with a warning.
probe=$TESTBIN/tools/amqp_probe
empty
"$probe" write queue:rows <"$tmp/mixed" >/dev/null
"$probe" write queue:rows <"$tmp/poison" >/dev/null
code 0 "$sink" -v -f queue:rows --until-empty
# Each cause once a batch, with its count.
sed -n "s/^sink: .*: \(.*\); \([0-9]*\)\( more\)* records* went to 'queue:rows.dead'\$/\2 \1/p" \
	"$tmp/err" >"$tmp/causes"
is "records in warnings" $((bad + 10)) \
	"$(awk '{ n += $1 } END { print n }' "$tmp/causes")"
is "fields that are too large" "2 field 'messages' is too large" \
	"$(grep "'messages' is too large" "$tmp/causes")"
is "stored" $((bad + 1 + 90)) "$(sql "SELECT COUNT(*) FROM chat_metrics")"
"$probe" -e read queue:rows.dead >"$tmp/dead" 2>"$tmp/err"
is "dead letters" $((bad + 10)) "$(wc -l <"$tmp/dead")"
is "of the sink, with a reason" $((bad + 10)) "$(grep -c \
	'{"type":"dead","program":"sink","at":"[^"]*","reason":"[^"]' "$tmp/dead")"
grep -q '"record_base64":"' "$tmp/dead" || fail "invalid UTF-8 as it was"
code 0 "$sink" -f queue:rows --until-empty
is "none again" "" "$("$probe" -e read queue:rows.dead 2>"$tmp/err")"
