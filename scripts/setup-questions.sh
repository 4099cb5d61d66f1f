# shellcheck shell=sh
# setup-questions.sh: the questions of setup about the CRM and the servers. Each
# answer is checked when it is given.

# ask OPTION DEFAULT QUESTION [CHECK]: asks for the variable of that name, unless
# the option set it. CHECK prints what is wrong with the value and returns 1, or
# the exit status of a program; in a terminal, the question is then asked again.
ask() {
	option=$(printf '%s' "$1" | tr _ -)
	while :; do
		eval "given=\$$1"
		asked=''
		if [ -n "$given" ]; then
			:
		elif [ -n "$yes" ]; then
			eval "$1=\$2"
		elif [ ! -t 0 ]; then
			usage_error "there is no terminal to ask in; give" \
				"--$option, or -y for defaults"
		else
			printf '%s%s: ' "$3" "${2:+ [$(without_password "$2")]}"
			IFS= read -r answer || die 64 "no answer"
			eval "$1=\${answer:-\$2}"
			asked=yes
		fi
		eval "value=\$$1" rc=0
		if [ -z "$value" ]; then
			[ -n "$asked" ] || usage_error "--$option is needed"
			say "This needs an answer."
			continue
		fi
		[ $# -lt 4 ] || $4 "$value" || rc=$?
		[ $rc != 0 ] || return 0
		[ $rc != 1 ] || rc=64
		# Not the value: an address of a server contains a password.
		[ -n "$asked" ] || die $rc "'$option' cannot be used, see above"
		eval "$1=\$given"
	done
}

# without_password ANSWER: prints it; in a URL, without the password.
without_password() {
	printf '%s\n' "$1" | sed 's,\(://[^:@]*\):.*@,\1:...@,'
}

# refuse TEXT: prints what is wrong with an answer, and returns 1.
refuse() {
	say "$*" >&2
	return 1
}

is_yes_or_no() {
	case $1 in
	y | yes | n | no) ;;
	*) refuse "'$1' is neither yes nor no." ;;
	esac
}

# The answers of a run that ended before the configuration was complete are in
# $draft. It is the new configuration, and is renamed at the end.

# was SECTION KEY DEFAULT: prints the earlier answer, or else the default.
was() {
	before=$(conf_value "$1" "$2" "$draft")
	printf '%s\n' "${before:-$3}"
}

keep_answers() {
	rc=$?
	[ -n "$asking" ] && [ -t 0 ] && [ -n "$crm" ] || exit $rc
	say
	mkdir -p "$folder" && write_answers &&
		say "Your answers are kept in '$draft'; the next run offers them."
	exit $rc
}

# try_answers COMMAND...: runs a program with the answers about the CRM, and with
# values that do no harm for those that are not known yet.
try_answers() {
	(
		export CRM_TENANT="${named:-team}" CRM_PROFILE="$crm" \
			CRM_URL="${url:-https://crm.invalid}" \
			CRM_ACCOUNT="${account:-1}" CRM_TOKEN="${token:-none}"
		unset MESSAGING_CONFIG
		"$@"
	)
}

try_poller() {
	said=$(try_answers "$poller" -c /dev/null -n 2>&1) ||
		refuse "${said#*: tenant *: }"
}

is_crm() {
	crm=$1
	try_poller
}

is_tenant() {
	wrong=$(wrong_name "$1")
	[ -z "$wrong" ] || refuse "$wrong."
}

is_crm_url() {
	url=${1%/}
	case $crm:${url#*://} in
	chatwoot:*/*)
		refuse "Give the address without '/${url#*://*/}'."
		return
		;;
	chat2desk:*/*) ;;
	chat2desk:*)
		refuse "The address of the API has a path, as in" \
			"https://api.chat2desk.com/v1."
		return
		;;
	esac
	try_poller
}

is_account() {
	case $crm:$1 in
	chatwoot:*[!0-9]*)
		refuse "'$1' is not a number. The browser shows it in the address:" \
			"/app/accounts/NUMBER."
		return
		;;
	esac
	account=$1
	try_poller
}

is_chat_url() {
	case $1 in
	n | no | http://*'{chat}'* | https://*'{chat}'*) ;;
	*) refuse "'$1' is not an address with {chat} in it; or answer no." ;;
	esac
}

# Sets $token. In a terminal, Enter keeps the one given before.
ask_token() {
	if [ -n "$token_file" ]; then
		if [ ! -r "$token_file" ] || [ -d "$token_file" ]; then
			die 65 "cannot read the token file '$token_file'"
		fi
		IFS= read -r token <"$token_file" || [ -n "$token" ] ||
			die 65 "no token in '$token_file'"
		return
	fi
	[ ! -t 0 ] || [ -z "$kept" ] || say "Enter keeps the token given before."
	# In a shell of its own, because it has traps of its own.
	token=$(
		read_token "$kept"
		printf '%s' "$token"
	)
}

# Asks the CRM. In a terminal, the questions are asked again if it fails.
ask_about_access() {
	kept=$(as_if_there cat "$folder/$tenant.token" 2>/dev/null) || :
	refused=''
	while :; do
		case $crm in
		chat2desk) ask url "$(was "crm $tenant" url \
			https://api.chat2desk.com/v1)" "Address of its API" is_crm_url ;;
		qiscus) ask url "$(was "crm $tenant" url \
			https://omnichannel.qiscus.com)" "Address of its API" is_crm_url ;;
		chatwoot) ask url "$(was "crm $tenant" url https://app.chatwoot.com)" \
			"Its address" is_crm_url ;;
		*) ask url "$(was "crm $tenant" url '')" "Address of its API" is_crm_url ;;
		esac
		case $crm in
		qiscus) ask account "$(was "crm $tenant" account '')" "App id" is_account ;;
		chatwoot) ask account "$(was "crm $tenant" account '')" \
			"Number of the account" is_account ;;
		esac
		ask_token
		say "Checking the token"
		rc=0
		try_answers "$poller" -c /dev/null --check -o table \
			--state "$state/poller" || rc=$?
		[ $rc != 0 ] || return 0
		if [ ! -t 0 ] || [ -n "$yes$token_file" ]; then
			die $rc "nothing is configured; repair that and run setup again"
		fi
		kept=$token
		[ $rc != 77 ] || kept='' token=''
		mkdir -p "$folder"
		write_answers
		# A CRM at a wrong address refuses the token, too.
		refused=$refused$rc
		case $refused in
		77)
			say "The CRM refuses this token, see above. Give it again; Ctrl-C and" \
				"another run change the other answers."
			;;
		*)
			say "That failed, see above. Answer again; Enter keeps an answer."
			refused='' url='' account=''
			;;
		esac
	done
}

ask_about_crm() {
	asking=yes token='' named=''
	trap keep_answers EXIT
	before=$(conf_tenants "$draft" | head -n 1)
	ask crm "$(was "crm $before" profile chat2desk)" \
		"CRM (chat2desk, qiscus, chatwoot, or another profile)" is_crm
	ask tenant "${before:-team}" "A short name for your company" is_tenant
	named=$tenant
	ask_about_access
	case $crm in
	qiscus | chatwoot) ;; # they show names without further calls
	*) ask customers "$(was "crm $tenant" customers no)" "Read customers'\
 names, at a call a day for each open chat (yes, no)" is_yes_or_no ;;
	esac
	case $crm in
	chatwoot) link=$url/app/accounts/$account/conversations/'{chat}' ;;
	*) link=no ;;
	esac
	ask chat_url "$(was "crm $tenant" chat_url "$link")" \
		"Address of a chat in the CRM, with {chat} for its id (or no)" is_chat_url
	ask_about_hours
	ask_about_notices
}

is_broker() {
	[ "$1" != local ] || return 0
	echo "readers rows" |
		AMQP_URL=$1 "$aggregator" -c /dev/null --declare >/dev/null
}

is_database() {
	[ "$1" != local ] || return 0
	MYSQL_URL=$1 "$sink" -c /dev/null -o ndjson --sql "SELECT 1" >/dev/null
}

# was_server SECTION LINE: the earlier answer about a server.
was_server() {
	if [ -r "$draft" ] && ! grep -Fqx -e "$2" "$draft"; then
		was "$1" url local
	else
		echo local
	fi
}

ask_about_servers() {
	ask broker "$(was_server amqp "$vhost_line")" \
		"RabbitMQ: a URL, or local to create a user on this machine" is_broker
	ask database "$(was_server mysql "$database_line")" \
		"MariaDB: a URL, or local to create a user on this machine" is_database
	if [ "$broker" = local ]; then
		start_server rabbitmq-server rabbitmqctl -q status
		! { as_root rabbitmqctl -q list_vhosts
			as_root rabbitmqctl -q list_users; } | cut -f 1 |
			grep -Fqx messaging || die 69 "RabbitMQ has a user or a" \
			"virtual host 'messaging' already; set AMQP_URL to use it"
		broker=amqp://messaging:$(random_hex 16)@127.0.0.1/messaging
		vhost_made=$vhost_line
	fi
	if [ "$database" = local ]; then
		start_server mariadb mariadb -e ''
		[ -z "$(as_root mariadb -N -e "SHOW DATABASES LIKE 'messaging';
			SELECT User FROM mysql.user WHERE User = 'messaging'")" ] ||
			die 69 "MariaDB has a user or a database 'messaging' already;" \
			"set MYSQL_URL to use it"
		database=mysql://messaging:$(random_hex 16)@localhost/messaging
		database_made=$database_line
	fi
}

# keys_of VARIABLE...: prints the keys of these answers, except no.
keys_of() {
	for key; do
		eval "value=\$$key"
		case $value in
		'' | n | no) ;;
		*) say "$key = $value" ;;
		esac
	done
}

# Writes $draft, and the files that it names, from the answers so far.
write_answers() {
	case $customers in
	y) customers=yes ;;
	esac
	[ -z "$token" ] || [ -z "$tenant" ] ||
		printf '%s\n' "$token" | put "$folder/$tenant.token"
	{
		say "# Written by setup; messaging.conf(5) has the keys."
		say "[crm $tenant]"
		say "profile = $crm"
		keys_of url account customers chat_url
		hours_keys
		say "token_file = $folder/$tenant.token"
		hours_sections
		notice_sections
		say
		say "[amqp]${vhost_made:+
$vhost_made}"
		say "url = ${broker:-local}"
		say
		say "[mysql]${database_made:+
$database_made}"
		say "url = ${database:-local}"
		say
		say "[poller]"
		say "state = $state/poller"
		say "tenants = $folder/tenants"
		say
		say "[aggregator]"
		say "state = $state/aggregator"
		say
		say "[serve]"
		say "secret_key_file = $folder/serve.key"
	} | put "$draft"
}

is_no() {
	case $1 in
	n | no) ;;
	*) return 1 ;;
	esac
}

is_address() {
	case $1 in
	*:[0-9]*) ;;
	*) refuse "'$1' is not an address such as 127.0.0.1:8081." ;;
	esac
}

is_address_or_no() {
	is_no "$1" || is_address "$1"
}

is_public() {
	case $1 in
	https://*/* | *[[:space:]]*) ;;
	https://?* | http://127.0.0.1:?* | http://localhost:?*) return 0 ;;
	esac
	refuse "'$1' is not an address such as https://board.example.com."
}

is_public_or_no() {
	is_no "$1" || is_public "$1"
}
