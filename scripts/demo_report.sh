# shellcheck shell=bash disable=SC2154 # names that demo sets
# demo_report.sh: the part of the demo with the report of the last week. Sourced by
# demo, which starts the database.
#
# A demo of a minute has no week, so the generator writes two: a team that is there
# from 7 to 20 o'clock, busy before noon, and less so on Saturday and Sunday.

# From which hour on, for how many: seconds between two messages.
team_day='7:2:60 9:3:15 12:1:40 13:3:20 16:2:30 18:2:90'

# write_day DATE NUMBER: the records of a day.
write_day() {
	local part hour hours gap slow=1
	[ "$(date -u -d "$1" +%u)" -lt 6 ] || slow=4
	for part in $team_day; do
		IFS=: read -r hour hours gap <<<"$part"
		gap=$((gap * slow))
		"$load" --seed "$2$hour" --prefix "$2-$hour-" --tenants 1 \
			--start "$1T$(printf %02d "$hour"):00:00Z" \
			--gap "${gap}000" -n $((hours * 3600 / gap)) \
			--operators 5 --users 200 --chats 300 --active 8 \
			--late 0 --latecomers 0 2>"$tmp/said"
	done
}

# The two whole weeks before today.
write_weeks() {
	local monday n
	monday=$(date -u -d "-$(($(date -u +%u) - 1)) days" +%F)
	for n in $(seq 14 -1 1); do
		write_day "$(date -u -d "$monday -$n days" +%F)" "$n"
	done | sed 's/"tenant":"t1"/"tenant":"team"/
		s/Operator 501/Anna Orlova/; s/Operator 502/Boris Lee/
		s/Operator 503/Chloé/; s/Operator 504/Дмитрий Иванов/
		s/Operator 505/Eve O'\''Neil/'
}

show_report() {
	write_weeks >"$tmp/team.ndjson" || wrong "the weeks were not written"
	"$bin/aggregator" -o ndjson -a operators,tenant,intervals,histograms,\
conversations,channels,views,alerts,trends <"$tmp/team.ndjson" 2>"$tmp/said" |
		"$bin/sink" >>"$tmp/said" 2>&1 || wrong "the weeks were not stored"
	"$bin/sink" --tenant team --report "$tmp/report.html" >"$tmp/said" 2>&1 ||
		wrong "sink --report failed with $?"
	"$bin/sink" --tenant team --report "$tmp/week.csv" >"$tmp/said" 2>&1 ||
		wrong "sink --report failed with $?"
	echo "   sink --tenant team --report report.html; some of it, from week.csv:"
	echo
	# Their medians fell or rose; names have no commas.
	sed -n 's/^operators,//p' "$tmp/week.csv" | tr -d '\r' |
		awk -F, 'NR > 1 { print $2 "\t" $3 "\t" $5 "\t" $10 }' |
		sed 's/\t$/\t\o001/' |
		show table operator responses# median_seconds# before# |
		sed 's/^/   /'
	[ "$(grep -c '^operators,[0-9]' "$tmp/week.csv")" = 5 ] ||
		wrong "the report has not five operators"
}
