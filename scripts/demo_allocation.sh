# shellcheck shell=bash disable=SC2034,SC2154 # names that demo sets and reads
# demo_allocation.sh: the part of the demo in which chats are assigned to operators.
# Sourced by demo, which starts the broker and the database.
#
# It polls the tables chat_metrics and operator_metrics and shows what changed, a
# line each, and after each step who has which chat. It checks at the CRM who was
# assigned which chat, in which order, and that no operator exceeds the limit.

staff='501 502 503'
limit_all=2

# --- Setup

start_qiscus() {
	background qiscus "$sim" --crm qiscus --by-us --port-file "$tmp/qport" \
		--start "$(date -u +%FT%T.%3NZ)" --speed 1 --operators 3 \
		--dialogs 0 --pace 0 --token demo-token --app demo-app
	wait_for "$tmp/qport" qiscus
	crm=http://127.0.0.1:$(cat "$tmp/qport")
	# Nobody is on a break by chance.
	control 'act?do=online'
	control 'act?do=offline&operator=503'
}

configure_allocation() {
	mkdir -m 700 "$tmp/listener"
	(
		umask 077
		cat >"$tmp/allocation.conf" <<-END
			[crm desk]
			url = $crm
			hosts = messages=$crm
			profile = qiscus
			account = demo-app
			token = demo-token
			admin_token = admin-demo-token
			assign = yes
			hook = secret
			hook_secret = $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

			[amqp]
			url = $(conf_value amqp url)

			[mysql]
			url = $(conf_value mysql url)

			[poller]
			retry_budget = 5s

			[aggregator]
			state = $tmp/allocation
			clock = records
			metrics = operators, chats, tenant, allocation
			every = 50ms
			assign_to = queue:assignments
		END
	)
	export MESSAGING_CONFIG=$tmp/allocation.conf
	config=$MESSAGING_CONFIG
}

# A copy of the aggregator's input for the simulation: the tracing of the broker
# writes it to a queue of its own.
tap() {
	printf '%s\n' 'queue tap' 'bind amq.rabbitmq.trace tap deliver.records' |
		"$bin/aggregator" --declare >"$tmp/said" 2>&1 ||
		wrong "the queue of copies was not made"
	"$here/servers" rabbitmqctl "$tmp/servers" -q trace_on -p messaging \
		>"$tmp/said" 2>&1 || wrong "the broker copies nothing"
}

start_allocation() {
	background listener "$bin/poller" --listen 127.0.0.1:0 -v \
		--port-file "$tmp/lport" -t queue:records --state "$tmp/listener"
	wait_for "$tmp/lport" listener
	"$bin/poller" --register "http://127.0.0.1:$(cat "$tmp/lport")" \
		>"$tmp/said" 2>&1 || wrong "the webhooks were not registered"
	background aggregator "$bin/aggregator" -v -f queue:records -t queue:rows
	alive "$tmp/sink.pid" || background sink "$bin/sink" -f queue:rows
	background assign "$bin/poller" --assign -v -f queue:assignments \
		-t queue:records
	poll
}

stop_one() { # NAME
	if alive "$tmp/$1.pid"; then
		kill "$pid"
		wait "$pid" || wrong "$1 failed with $?: $(cat "$tmp/$1.log")"
	fi
	rm -f "$tmp/$1.pid"
}

poll() {
	"$bin/poller" -t queue:records >"$tmp/said" 2>&1 ||
		wrong "poller failed with $?"
}

# --- Display

ms() {
	local now=${EPOCHREALTIME//[.,]/}
	echo $((now / 1000))
}

# look: reads the tables into $tmp/now and shows changes.
look() {
	[ ! -e "$tmp/now" ] || mv "$tmp/now" "$tmp/before"
	ask "SELECT 'o', operator, name, IFNULL(available, 0)
		FROM operator_metrics WHERE tenant = 'desk' AND operator IN
			('${staff// /\',\'}')
		UNION ALL SELECT 'c', chat, IFNULL(operator, '-'), ''
		FROM chat_metrics WHERE tenant = 'desk' AND status = 'open'
		ORDER BY 1, 2" >"$tmp/now"
	LC_ALL=C awk -F '\t' -v now="$(ms)" -v began="$began_ms" -v all="$limit_all" \
		-v events="$tmp/events" -v board="$tmp/board" "$watch" \
		"$tmp/arrived" "$tmp/before" "$tmp/now"
	cat "$tmp/events"
}

# Writes changes to events, and the table to board.
# shellcheck disable=SC2016 # awk's
watch='
FILENAME ~ /arrived$/ { if ($1 == "l") limit[$2] = $3; else came[$1] = $2; next }
FILENAME ~ /before$/ { if ($1 == "o") was_there[$2] = $4; else had[$2] = $3; next }
$1 == "o" { name[$2] = $3; there[$2] = $4; staff[++staff_n] = $2 }
$1 == "c" { has[$2] = $3; chats[++chats_n] = $2 }
function event(text) {
	printf "   %5.1fs  %s\n", (now - began) / 1000, text >events
}
function waited(chat) {
	return sprintf("%.1fs", (now - came[chat]) / 1000)
}
END {
	printf "" >events
	for (i = 1; i <= staff_n; i++) {
		o = staff[i]
		if ((o in was_there) && was_there[o] != there[o])
			event(name[o] (there[o] ? " is there" : " is offline"))
	}
	for (chat in had)
		if (!(chat in has))
			event("chat " chat " is resolved")
	for (i = 1; i <= chats_n; i++) {
		chat = chats[i]
		o = has[chat]
		if (o != "-" && had[chat] != o)
			event("chat " chat " -> " name[o] ", after " waited(chat))
		if (o != "-") {
			list[o] = list[o] " " chat
			n[o]++
		} else {
			place++
			if (!(chat in had))
				event("chat " chat " waits, number " place)
			queue = queue (place > 1 ? ", " : " ") chat " " waited(chat)
		}
	}
	for (i = 1; i <= staff_n; i++) {
		o = staff[i]
		most = o in limit ? limit[o] : all
		bar = ""
		for (k = 1; k <= most || k <= n[o]; k++)
			bar = bar (k <= n[o] ? "#" : ".")
		pad = name[o]
		gsub(/[\200-\277]/, "", pad) # characters, not bytes
		printf "   %s%*s %-8s %-5s %d of %d %s\n", name[o],
		    14 - length(pad), "", there[o] ? "" : "offline", bar,
		    n[o], most, list[o] >board
	}
	printf "   waiting:%s\n", queue == "" ? " nobody" : queue >board
}'

leave_board() {
	cat "$tmp/board"
}

# What is to be known when something does not come: who runs and what they said
# last, what the queues hold, and whom the CRM knows to have which chat.
state_of_all() {
	local name
	for name in qiscus listener aggregator assign sink; do
		alive "$tmp/$name.pid" && echo "$name runs" || echo "$name ended"
		tail -n 30 "$tmp/$name.log"
	done
	"$here/servers" rabbitmqctl "$tmp/servers" -q list_queues -p messaging \
		name messages_ready messages_unacknowledged consumers || :
	curl -sS -m 20 "$crm/control/world" |
		jq -c '[.dialogs[] | [.id, .state, .operator_id]]' || :
}

# until_seen WHAT CONDITION...: looks until it holds. A webhook may have been lost,
# or what the listener asked for it: so now and then a poll, as cron has it.
until_seen() {
	local what=$1 i
	shift
	for ((i = 1; i <= 600; i++)); do
		look
		! "$@" || return 0
		sleep 0.05
		[ $((i % 150)) != 0 ] || poll
	done
	state_of_all >"$tmp/said" 2>&1
	wrong "$what did not come: $(cat "$tmp/board")"
}

# held OPERATOR CHAT..., waits CHAT...: whether the tables show that; waits also
# checks that no other chat waits.
held() {
	local chat who=$1
	shift
	for chat; do
		grep -q "^c	$chat	$who	" "$tmp/now" || return 1
	done
}

waits() {
	[ "$(awk -F '\t' '$1 == "c" && $3 == "-" { print $2 }' "$tmp/now" |
		xargs)" = "$*" ]
}

somebody_has() {
	grep -q "^c	$1	[0-9]" "$tmp/now"
}

is_away() {
	grep -q "^o	$1	.*	0\$" "$tmp/now"
}

# --- The steps

step() {
	say "   $*"
}

# arrive: a new customer writes; $chat is the chat.
arrive() {
	control 'act?do=arrive'
	chat=$(sed 's/.*"dialog":\([0-9]*\).*/\1/' "$tmp/said")
	echo "$chat	$(ms)" >>"$tmp/arrived"
}

# limit N [OPERATOR]
limit() {
	"$here/limits" -b "$bin" "$@" >"$tmp/said" 2>&1 || wrong "limits failed"
	if [ $# = 2 ]; then
		echo "l	$2	$1" >>"$tmp/arrived"
	else
		limit_all=$1
	fi
}

resolve() { # CHAT
	control "act?do=close&dialog=$1"
}

# present on|off OPERATOR: the next poll reads it.
present() {
	control "act?do=${1}line&operator=$2"
	poll
}

# Checks at the CRM: no operator exceeds the limit, no chat has two operators, and
# chats were assigned once each, in the order of their arrival; of those assigned
# at the same time any may be the first.
check_crm() {
	curl -sS --fail "$crm/control/world" >"$tmp/world" ||
		wrong "the CRM does not show its world"
	jq -e --argjson all "$limit_all" --rawfile own "$tmp/arrived" '
		($own | split("\n") | map(split("\t") | select(.[0] == "l") |
			{key: .[1], value: (.[2] | tonumber)}) |
			from_entries) as $limit
		| .crowded == []
		and ([.dialogs[] | select(.state == "open" and .operator_id)
			| .operator_id | tostring] | group_by(.)
			| all(length <= ($limit[.[0]] // $all)))
		and ([.assigned[].dialog] | length == (unique | length))
		and ([.assigned[] | {dialog, ms: ((.at[:19] + "Z" |
				fromdateiso8601) * 1000 + (.at[20:23] | tonumber))}]
			as $given | all(range(1; $given | length);
				$given[. - 1].dialog < $given[.].dialog
				or $given[.].ms - $given[. - 1].ms < 1000))' "$tmp/world" \
		>/dev/null || wrong "it is not so at the CRM: $(
			jq -c '{crowded, assigned, dialogs: [.dialogs[] |
				[.id, .state, .operator_id]]}' "$tmp/world"
		)"
}

settled() {
	check_crm
	leave_board
}

what_if() { # LIMIT: prints the longest wait
	"$bin/aggregator" -a allocation -o ndjson --limit "$1" \
		<"$tmp/allocation.ndjson" >"$tmp/whatif" 2>"$tmp/said" ||
		wrong "what-if failed with $?"
	jq -s '[.[] | select(.table == "allocation_totals")
		| .longest_wait_seconds] | if length == 1 then .[0]
		else error("no totals") end' "$tmp/whatif" 2>"$tmp/said" ||
		wrong "what-if tells nothing"
}

show_allocation() {
	local before=$MESSAGING_CONFIG crm_before=${crm:-} chat n
	local began_ms first second least
	began_ms=$(ms)
	: >"$tmp/arrived"
	: >"$tmp/before"
	stop_one aggregator
	start_qiscus
	configure_allocation
	tap
	start_allocation
	echo "   Qiscus -> poller --listen -> aggregator -> poller --assign -> Qiscus"
	echo
	until_seen "the operators" is_away 503
	leave_board

	step "Customers arrive; two operators may have two chats each"
	for n in 1 2 3 4; do
		arrive
		until_seen "chat $chat" somebody_has "$chat"
	done
	for n in 9005 '9005 9006' '9005 9006 9007' '9005 9006 9007 9008'; do
		arrive
		# shellcheck disable=SC2086 # words
		until_seen "the queue" waits $n
	done
	settled

	step "scripts/limits 3 501: Anna Orlova may have three"
	limit 3 501
	until_seen "the move" held 501 9005
	settled
	step "scripts/limits 3: everybody may"
	limit 3
	until_seen "the move" held 502 9006
	settled

	step "Chloé comes, and takes the next ones; more customers arrive"
	present on 503
	until_seen "the move" held 503 9007 9008
	arrive
	until_seen "chat $chat" held 503 "$chat"
	for n in 9010 '9010 9011'; do
		arrive
		# shellcheck disable=SC2086 # words
		until_seen "the queue" waits $n
	done
	settled

	first=$(awk -F '\t' '$3 == 501 { print $2; exit }' "$tmp/now")
	second=$(awk -F '\t' '$3 == 502 { print $2; exit }' "$tmp/now")
	step "Anna goes offline; a chat of hers is resolved, then one of Boris"
	present off 501
	until_seen "that she is away" is_away 501
	resolve "$first"
	resolve "$second"
	until_seen "the move" held 502 9010
	waits 9011 || wrong "chat 9011 does not wait any more"
	settled
	step "She is back"
	present on 501
	until_seen "the move" held 501 9011
	settled

	# Their order was checked each time.
	[ "$(jq -c '[.assigned[].dialog] | sort' "$tmp/world")" = \
		"[$(seq -s , 9001 9011)]" ] ||
		wrong "not each was given: $(jq -c .assigned "$tmp/world")"
	echo "   11 chats, assigned once each, in the order of their arrival;" \
		"nobody had too many"

	say "   Simulation: the same input of the aggregator, with other limits:"
	stop_one listener
	stop_one assign
	stop_one aggregator
	"$probe" -e read queue:tap 2>"$tmp/said" | cut -f 2- \
		>"$tmp/allocation.ndjson" || wrong "there is no copy of the records"
	least=$(what_if 9)
	n=$(what_if 2)
	"$bin/aggregator" -a allocation -o table --limit 2 \
		<"$tmp/allocation.ndjson" >"$tmp/whatif" || wrong "what-if failed"
	echo "   aggregator -a allocation --limit 2 <allocation.ndjson"
	sed 's/^/   /' "$tmp/whatif"
	jq -en "$least <= $n" >/dev/null ||
		wrong "with room for nine they wait $least s, for two $n s"
	echo "   with --limit 9 the longest wait would have been ${least}s"
	mkdir -p "$results"
	cp "$tmp/allocation.ndjson" "$results/.allocation.$$"
	mv -f "$results/.allocation.$$" "$results/allocation.ndjson"
	stop_one qiscus

	MESSAGING_CONFIG=$before config=$before crm=$crm_before
}
