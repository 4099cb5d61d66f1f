# shellcheck shell=sh
# setup-hours.sh: the question about opening hours. An answer such as "Mon to Fri
# 9:00-18:00" becomes a calendar of messaging-hours(7). Chatwoot's inboxes have
# hours of their own, which are offered.

hours_example="Mon to Fri 9:00-18:00, Sat 10:00-14:00"
# The answer is kept in the configuration as a comment.
told_hours="# Opening hours, as told to setup: "

# hours_lines TEXT: prints the lines of a calendar; returns 1 if the text is not
# understood.
hours_lines() {
	printf '%s\n' "$1" | awk '
	# The number of the day that begins with these letters, or 0.
	function day(word,  i) {
		for (i = 1; i <= 7; i++)
			if (length(word) > 2 && index(full[i], word) == 1)
				return i
		return 0
	}
	function clock(text) {
		return text ~ /:/ ? text : text ":00"
	}
	function refuse() {
		refused = 1
		exit 1
	}
	# Adds a day, or a range of days, which may pass Sunday.
	function add_days(word,  ends, n, i) {
		n = split(word, ends, "-")
		i = day(ends[1])
		to = day(ends[n])
		if (n > 2 || !i || !to)
			refuse()
		for (; i != to; i = i % 7 + 1)
			days[i]
		days[to]
	}
	# Adds an interval to these days.
	function add_hours(interval,  ends, i, n) {
		for (i in days)
			n++
		if (!n || split(interval, ends, "-") != 2)
			refuse()
		for (i in days)
			hours[i] = hours[i] " " clock(ends[1]) "-" clock(ends[2])
	}
	BEGIN {
		split("monday tuesday wednesday thursday friday saturday sunday",
			full, " ")
	}
	{
		$0 = tolower($0)
		gsub(/ *(to|-|–) */, "-")
		gsub(/daily|every day/, "mon-sun")
		gsub(/[,;]/, " ")
		for (i = 1; i <= NF; i++) {
			if ($i ~ /^[0-9]/) {
				add_hours($i)
				added = 1
				continue
			}
			if (added)
				split("", days)
			add_days($i)
			added = 0
		}
		if (!added)
			refuse()
	}
	END {
		for (i = 1; i <= 7 && !refused; i++)
			if (i in hours)
				print substr(full[i], 1, 3) " =" hours[i]
		exit refused
	}'
}

# try_hours ZONE: checks the lines of standard input as a program reads them.
try_hours() {
	said=$({
		printf '[hours team]\nzone = %s\n' "$1"
		cat
	} | AMQP_URL=amqp://u:p@localhost MYSQL_URL=mysql://u:p@localhost/d \
		"$sink" -n -c /dev/stdin -f queue:rows 2>&1) ||
		refuse "${said#*/dev/stdin:*: }"
}

is_hours() {
	case $1:$inboxes in
	n:* | no:* | inboxes:?*) return 0 ;;
	esac
	lines=$(hours_lines "$1") || {
		refuse "'$1' are no hours such as '$hours_example'; or answer no."
		return
	}
	printf '%s\n' "$lines" | try_hours UTC
}

is_zone() {
	echo "mon = 9:00-18:00" | try_hours "$1"
}

# The time zone of this machine.
zone_here() {
	zone=$(readlink -f /etc/localtime) || zone=''
	case $zone in
	*/zoneinfo/*) zone=${zone#*/zoneinfo/} ;;
	*) zone=UTC ;;
	esac
	say "${zone#Etc/}"
}

# Sets $inboxes to Chatwoot's inboxes with opening hours, as JSON lines; to
# nothing if there are none, or if they cannot be read.
find_inboxes() {
	inboxes=''
	[ "$crm" = chatwoot ] && command -v curl >/dev/null &&
		command -v jq >/dev/null || return 0
	inboxes=$(printf 'Api-Access-Token: %s\n' "$token" |
		curl -sS -f -m 20 -H @- -- "${url%/}/api/v1/accounts/$account/inboxes" |
		jq -c '.payload[] | select(.working_hours_enabled and
			any(.working_hours[]; .closed_all_day | not))') 2>/dev/null ||
		inboxes=''
}

# Chatwoot's page ends a day at 23:59.
inbox_sections() {
	printf '%s\n' "$inboxes" | jq -r '
	def clock($hour; $minutes):
		if $hour == 23 and $minutes == 59 then "24:00"
		else "\($hour):\(100 + $minutes | tostring[1:])" end;
	"\n[hours inbox-\(.id)]",
	"zone = \(.timezone)",
	(.working_hours | sort_by((.day_of_week + 6) % 7)[]
		| select(.closed_all_day | not)
		| "\(["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
			[.day_of_week]) = "
			+ if .open_all_day then "0:00-24:00"
			else clock(.open_hour; .open_minutes) + "-"
				+ clock(.close_hour; .close_minutes) end)'
}

# Prints the keys of [crm] about hours.
hours_keys() {
	case $hours in
	'' | n | no) ;;
	inboxes) printf '%s\n' "$inboxes" |
		jq -r '"hours.\(.id) = inbox-\(.id)"' ;;
	*) say "hours = team" ;;
	esac
}

hours_sections() {
	case $hours in
	'' | n | no) ;;
	inboxes)
		printf '\n%s%s\n' "$told_hours" "$hours"
		inbox_sections
		;;
	*)
		printf '\n%s%s\n[hours team]\nzone = %s\n' "$told_hours" "$hours" \
			"$zone"
		hours_lines "$hours"
		;;
	esac
}

ask_about_hours() {
	find_inboxes
	before=''
	[ ! -r "$draft" ] || before=$(sed -n "s/^$told_hours//p" "$draft")
	question="Opening hours, such as Mon to Fri 9:00-18:00"
	[ -z "$inboxes" ] || question="$question, or inboxes for those of Chatwoot"
	ask hours "${before:-no}" "$question (or no)" is_hours
	case $hours in
	n | no | inboxes) ;;
	*) ask zone "$(was "hours team" zone "$(zone_here)")" \
		"Time zone of these hours" is_zone ;;
	esac
}
