#!/usr/bin/env bash
# make demo's script: two at once, without a terminal and on one; interrupted; left
# running and stopped. Each time nothing is left: no process, no folder.
set -euo pipefail
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

export BIN TESTBIN
demo=$PWD/scripts/demo
kept=
stop_kept() {
	[ -z "$kept" ] || "$demo" --stop "$kept"
	clean_up
}
trap stop_kept EXIT

# ours FOLDER: processes that name that demo's folder.
ours() {
	local all pid
	for all in /proc/[0-9]*/cmdline; do
		pid=${all#/proc/}
		if grep -qs -- "$1" "$all"; then
			echo "${pid%/cmdline}"
		fi
	done
}

# The folder that a run names.
folder() {
	sed -n 's/^   all in \(.*\)/\1/p' "$1" | tr -d '\r'
}

nothing_left() { # OUTPUT
	local dir
	dir=$(folder "$1")
	[ -n "$dir" ] || fail "no folder in: $(cat "$1")"
	[ ! -e "$dir" ] || fail "$dir was left"
	[ -z "$(ours "$dir")" ] || fail "left running: $(ours "$dir")"
}

all_went_well() { # OUTPUT
	local numbers each
	grep -q 'All went as it should' "$1" || fail "$(cat "$1")"
	[ "$(grep -c '^ > ' "$1")" -gt 10 ] || fail "nothing moved: $(cat "$1")"
	[ "$(grep -n "^   > marks what is not" "$1" | cut -d: -f1)" -lt \
		"$(grep -n "^ > " "$1" | head -n 1 | cut -d: -f1)" ] || fail "nobody says what > is"
	grep -q 'each once, in spite of the kill -9' "$1" || fail "$(cat "$1")"
	numbers=$(sed -n 's/^\([0-9]*\)\. .*/\1/p' "$1")
	[ "$numbers" = "$(seq "$(echo "$numbers" | wc -l)")" ] ||
		fail "the parts are numbered $numbers"
	for each in alerts trends 'read receipts' history; do
		grep -A 2 "What it keeps, too: $each," "$1" | sed 1,2d |
			grep -q '[0-9]$\|[0-9]s$' || fail "no $each: $(cat "$1")"
	done
	nothing_left "$1"
}

chats_were_given() { # OUTPUT
	grep -q '11 chats, assigned once each, in the order' "$1" || fail "$(cat "$1")"
	grep -q 'chat 9005 -> Anna Orlova, after [0-9.]*s' "$1" || fail "$(cat "$1")"
	grep -q 'waiting: 9006 [0-9.]*s, 9007 [0-9.]*s' "$1" || fail "$(cat "$1")"
}

echo "- two at once, one of them on a terminal, until Enter"
mkfifo "$tmp/keys"
TERM=xterm script -qec "env -u NO_COLOR '$demo' --keep" /dev/null <"$tmp/keys" \
	>"$tmp/terminal" 2>&1 &
one=$!
exec 7>"$tmp/keys"
"$demo" >"$tmp/plain" 2>&1 </dev/null || fail "$?: $(cat "$tmp/plain")"
all_went_well "$tmp/plain"
chats_were_given "$tmp/plain"
! grep -q "$(printf '\033')" "$tmp/plain" || fail "colours without a terminal"
for file in day.ndjson rows.ndjson deleted.ndjson allocation.ndjson; do
	jq -s . "build/demo/$file" >/dev/null || fail "$file is not NDJSON"
done
until_true 120 grep -q 'Enter stops' "$tmp/terminal" ||
	fail "$(cat "$tmp/terminal")"
[ "$(folder "$tmp/plain")" != "$(folder "$tmp/terminal")" ] ||
	fail "one folder"
echo >&7
wait "$one" || fail "$?: $(cat "$tmp/terminal")"
exec 7>&-
grep -q "$(printf '\033')" "$tmp/terminal" || fail "no bold type"
# The table is drawn where it was before.
grep -q "$(printf '\033\\[4A')" "$tmp/terminal" || fail "no live table"
chats_were_given "$tmp/terminal"
nothing_left "$tmp/terminal"

echo "- NO_COLOR leaves out the bold type, and no more"
# The bold type of demo and live comes from one place, and there are no colours.
style='\\(033|x1[bB]|e|u001[bB])\[[0-9;]*m'
styled=$(grep -rlE "$style" scripts tests/run common aggregator poller reaper sink)
[ "$styled" = scripts/demo_world.sh ] || fail "what is bold in $styled?"
[ "$(grep -oE "$(printf '\033')\\[[0-9;]*m" "$tmp/terminal" | sort -u |
	tr -d '\033\n')" = '[0m[1m' ] || fail "the demo has other type, too"
cat >"$tmp/typed" <<'END'
here=$1/scripts tmp=$2 drawn=0
. "$here/demo_world.sh"
. "$here/demo_allocation.sh"
say heading
printf 'a line\n' >"$tmp/board"
show_news first
show_news second
END
typed() { # VARIABLE...: what a terminal gets
	script -qec "env -u NO_COLOR TERM=xterm $* bash -eu '$tmp/typed' '$PWD' '$tmp'" \
		/dev/null </dev/null | tr -d '\r' >"$tmp/type"
	grep -q "$(printf '\033\\[1A')" "$tmp/type" ||
		fail "with '$*' nothing is drawn anew: $(cat -v "$tmp/type")"
}
bold=$(printf '\033[1mheading\033[0m')
typed
grep -Fqx "$bold" "$tmp/type" || fail "a heading is $(cat -v "$tmp/type")"
typed NO_COLOR=
grep -Fqx "$bold" "$tmp/type" || fail "an empty one counts: $(cat -v "$tmp/type")"
for value in 1 0; do
	typed NO_COLOR=$value
	grep -qx heading "$tmp/type" ||
		fail "with NO_COLOR=$value a heading is $(cat -v "$tmp/type")"
done

echo "- a simulation of its file, with its limits, finds nobody above them"
for limit in 2 3; do
	"$BIN/aggregator" -a allocation -o ndjson --limit $limit \
		<build/demo/allocation.ndjson >"$tmp/rows" || fail "it gives $?"
	jq -es --argjson limit $limit '[.[] | select(.busiest != null)] |
		any(.busiest == $limit) and
		all(.max_chats == $limit and .breaches == 0 and .busiest <= $limit)' \
		"$tmp/rows" >/dev/null || fail "with $limit: $(cat "$tmp/rows")"
	"$BIN/aggregator" -a allocation -o table --limit $limit \
		<build/demo/allocation.ndjson >"$tmp/rows" || fail "it gives $?"
	grep -qx 'Nobody had more than their limit.' "$tmp/rows" ||
		fail "of $limit it says: $(cat "$tmp/rows")"
done

echo "- its report, where it says"
grep -q '^   build/demo/report.html ' "$tmp/plain" || fail "no report: $(cat "$tmp/plain")"
grep -q '^<h1>team: response times, Mon ' build/demo/report.html ||
	fail "another report"
[ "$(grep -c '^<svg ' build/demo/report.html)" = 3 ] || fail "not three pictures"
for name in Anna Chlo Boris; do
	grep -q "^<tr><td align=\"left\"[^>]*>$name.*<td align=\"right\">[1-9]" \
		build/demo/report.html || fail "no figures of $name"
done

# interrupted OUTPUT PATTERN OPTION...: as soon as it says that.
interrupted() {
	(
		"$demo" "${@:3}" >"$1" 2>&1 </dev/null &
		trap 'kill $! 2>/dev/null; wait' EXIT
		trap 'trap "" TERM INT HUP; exit 143' TERM INT HUP
		until_true 200 grep -q "$2" "$1" || fail "$(cat "$1")"
		kill -TERM $!
		rc=0
		wait $! || rc=$?
		trap - EXIT
		[ "$rc" = 143 ] || fail "SIGTERM gave $rc: $(cat "$1")"
		nothing_left "$1"
	)
}

echo "- interrupted: at the beginning, in the stream, while chats are given"
interrupted "$tmp/cut1" '^2\.' &
one=$!
interrupted "$tmp/cut2" 'after 300 messages' --stream &
two=$!
interrupted "$tmp/cut3" 'chat 9001 -> ' --allocation
wait "$one"
wait "$two"

echo "- what is claimed of chats that are given is checked at the CRM"
at_crm() { # CROWDED OPERATOR ASSIGNED...: of chats 1 to 3, the third one's
	# One every so many seconds.
	echo "{\"crowded\":[$1],\"dialogs\":[
		{\"id\":1,\"state\":\"open\",\"operator_id\":501},
		{\"id\":2,\"state\":\"open\",\"operator_id\":501},
		{\"id\":3,\"state\":\"open\",\"operator_id\":$2}],
		\"assigned\":[$(shift 2 && printf '%d\n' "$@" | awk -v every="${every:-2}" '{
			printf "{\"dialog\":%d,\"at\":\"2026-11-20T10:00:%02d.100Z\"}\n",
				$1, NR * every
		}' | paste -sd ,)]}"
}

# claims LIMIT ...: with that limit for 501, and as at_crm: whether they stand.
claims() {
	(
		printf 'l\t501\t%d\n' "$1" >"$tmp/arrived"
		at_crm "${@:2}" >"$tmp/at-crm"
		curl() { cat "$tmp/at-crm"; }
		wrong() { exit 1; }
		crm=none
		# shellcheck source=scripts/demo_allocation.sh
		. scripts/demo_allocation.sh
		check_crm
	)
}
claims 2 '' 502 1 2 3 || fail "what is well is not"
claims 3 '' 501 1 2 3 || fail "a limit of one's own is forgotten"
! claims 2 '' 501 1 2 3 || fail "above a limit"
! claims 2 '' 502 1 3 2 || fail "another order"
every=0 claims 2 '' 502 1 3 2 || fail "two at once have no order"
! claims 2 '' 502 1 2 2 3 || fail "given twice"
! claims 2 3 502 1 2 3 || fail "two have a chat"

echo "- left running, and stopped"
"$demo" --keep >"$tmp/kept" 2>&1 </dev/null || fail "$(cat "$tmp/kept")"
kept=$(folder "$tmp/kept")
MESSAGING_CONFIG=$kept/messaging.conf
export MESSAGING_CONFIG
MESSAGING_BIN=$BIN scripts/job -l "$tmp/lock"
scripts/report -o table >"$tmp/report"
grep -q '^demo, as of' "$tmp/report" || fail "no report"
unset MESSAGING_CONFIG
for more in "$kept $kept" "$kept/none"; do
	rc=0
	# shellcheck disable=SC2086 # one word or two
	"$demo" --stop $more >"$tmp/stopped" 2>&1 || rc=$?
	[ "$rc" = 64 ] || fail "--stop $more: $rc, $(cat "$tmp/stopped")"
done
"$demo" --stop "$kept" >"$tmp/stopped"
kept=
nothing_left "$tmp/kept"

echo "- what it says when something is missing"
rc=0
BIN=$tmp "$demo" >"$tmp/none" 2>&1 || rc=$?
[ "$rc" = 69 ] || fail "without programs: $rc"
grep -q 'run: make demo' "$tmp/none" || fail "$(cat "$tmp/none")"
