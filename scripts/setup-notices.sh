# shellcheck shell=sh
# setup-notices.sh: the question whom to tell when a customer waits too long; see
# messaging-notices(7). The address of a webhook is a secret: it is read from the
# terminal or from TELL, and kept in a file.

is_told() {
	case $1 in
	n | no) ;;
	*[[:space:]]*) refuse "'no', one webhook's address or one mail address." ;;
	https://?* | http://127.0.0.1:?* | http://localhost:?*) ;;
	*://*) refuse "The address of a webhook begins with https://." ;;
	?*@?*.?*) ;;
	*) refuse "'$1' is neither the https address of a webhook nor a mail" \
		"address." ;;
	esac
}

# notice_format URL: prints the format that its service understands.
notice_format() {
	case $1 in
	https://hooks.slack.com/*) say slack ;;
	https://api.telegram.org/*) say telegram ;;
	https://*.logic.azure.com* | https://*.webhook.office.com/* | \
		https://*.api.powerplatform.com*) say teams ;;
	*) say json ;;
	esac
}

ask_about_notices() {
	tell=${tell:-${TELL:-}}
	ask tell "$(was "notify first" mail no)" "Tell whom if a customer waits for\
 more than 10 minutes? A webhook's address, a mail address (or no)" is_told
	case $tell in
	https://api.telegram.org/*) ask tell_chat '' "The id of the Telegram chat" ;;
	esac
}

# Prints the sections, and writes the file with the address.
notice_sections() {
	case $tell in
	'' | n | no) return 0 ;;
	esac
	say
	say "[notice long]"
	say "when = waiting"
	say "for = 10m"
	say
	say "[notify first]"
	case $tell in
	*://*)
		printf '%s\n' "$tell" | put "$folder/notify.url"
		say "url_file = $folder/notify.url"
		say "format = $(notice_format "$tell")"
		[ -z "${tell_chat-}" ] || say "recipient = $tell_chat"
		;;
	*) say "mail = $tell" ;;
	esac
}

# The rest works without it, so a failure is only reported.
test_notices() {
	case $tell in
	'' | n | no) return 0 ;;
	esac
	say "Sending a test of notices"
	as "$poller" -c "$config" --notify --test ||
		say "The test was not sent; see RECEIVERS in messaging-notices(7)."
}
