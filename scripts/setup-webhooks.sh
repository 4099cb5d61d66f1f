# shellcheck shell=sh
# setup-webhooks.sh: setup --webhooks, and what makes the board and the listener
# public.

# The lines that begin with $1 are comments in which setup keeps what it did.
noted() { # LINE
	sed -n "s,^$1,,p" "$config" | sed 's/[. ]*$//'
}

# add_keys FILE SECTION LINE...: adds lines to the section, which is created if
# it is missing; without a section, to the end of the file. Keys that are there
# are kept.
add_keys() {
	file=$1 section=$2
	shift 2
	for line; do
		case $line in
		'#'*) ! grep -Fqx -e "$line" "$file" || continue ;;
		*) [ -z "$(conf_value "$section" "${line%% =*}" "$file")" ] || continue ;;
		esac
		# shellcheck disable=SC2016 # for awk
		added=$(as env SECTION="$section" LINE="$line" awk '
			{ print; head = $0 }
			gsub(/^[ \t]*\[[ \t]*|[ \t]*\][ \t\r]*$/, "", head) == 2 &&
			gsub(/[ \t]+/, " ", head) >= 0 &&
			head == ENVIRON["SECTION"] {
				print ENVIRON["LINE"]; done = 1 }
			END { if (done) exit
				if (ENVIRON["SECTION"] != "")
					print "\n[" ENVIRON["SECTION"] "]"
				print ENVIRON["LINE"] }' "$file") ||
			die 73 "cannot add '${line%% =*}' to '$file'"
		printf '%s\n' "$added" | put "$file.new"
		as chmod --reference="$file" "$file.new"
		as mv "$file.new" "$file" || die 73 "cannot write '$file'"
	done
}

# publish URL: the board is reached there.
publish() {
	add_keys "$config" serve "$public_line$1" "proxies = 127.0.0.1"
	write_nginx "${1#*://}"
}

# write_nginx HOST: writes a configuration for nginx as the proxy of the board and
# the listener.
write_nginx() {
	case $1 in
	127.* | localhost*) return 0 ;;
	esac
	conf=$folder/nginx.conf host=${1%%:*}
	pem=/etc/ssl/certs/$host.pem key=/etc/ssl/private/$host.key
	live=/etc/letsencrypt/live/$host
	[ ! -e "$live" ] || pem=$live/fullchain.pem key=$live/privkey.pem
	names=$host
	[ ! -e "$conf" ] || names=$(sed -n 's/^ *server_name \(.*\);/\1/p' "$conf")
	case " $names " in
	*" $host "*) ;;
	*) names="$names $host" ;;
	esac
	sed -e "s,server_name .*;,server_name $names;," \
		-e "s,ssl_certificate .*;,ssl_certificate $pem;," \
		-e "s,ssl_certificate_key .*;,ssl_certificate_key $key;," \
		-e "s,server 127.0.0.1:8080;,server ${listen:-127.0.0.1:8080};," \
		-e "s,server 127.0.0.1:8081;,server ${board:-127.0.0.1:8081};," \
		"$examples/nginx.conf.example" | put "$conf"
	say "Wrote $conf for nginx. When nginx and a certificate for $names are" \
		"there, install it:"
	say "  sudo cp '$conf' /etc/nginx/conf.d/messaging.conf &&" \
		"sudo nginx -t && sudo systemctl reload nginx"
}

# The webhooks, for each tenant in turn: the keys in $file, its section $section.

# hook_keys PROFILE: prints the lines that a tenant with webhooks needs.
hook_keys() {
	case ${1##*/} in
	chatwoot | chatwoot.jq)
		say "hook_secret_file = $folder/$name.hook"
		say "hook = signature"
		;;
	chat2desk | chat2desk.jq) say "hook = signature" ;;
	qiscus | qiscus.jq)
		say "admin_token_file = $folder/$name.admin"
		say "hook_secret_file = $folder/$name.hook"
		say "hook = secret"
		;;
	esac
}

# Chatwoot makes the secret when the webhook is registered, and poller writes it.
make_secrets() { # PROFILE
	case ${1##*/} in
	qiscus | qiscus.jq) ;;
	*) return 0 ;;
	esac
	as test -s "$folder/$name.hook" || random_hex 16 | put "$folder/$name.hook"
	! as test -s "$folder/$name.admin" || return 0
	say "Qiscus needs the token of an admin to register webhooks of $name; see" \
		"messaging-allocation(7)."
	token=$(
		read_token ""
		printf '%s' "$token"
	)
	printf '%s\n' "$token" | put "$folder/$name.admin"
}

add_hook_keys() {
	had=$(conf_value "$section" hook "$file")
	[ -z "$had" ] || [ "$had" = off ] || return 0
	[ -z "$had" ] || die 78 "hook = off in '$file'; remove that line first"
	profile=$(conf_value "$section" profile "$file")
	lines=$(hook_keys "${profile:-chat2desk}")
	[ -n "$lines" ] || die 78 "set hook in the section of '$name' in '$file';" \
		"messaging-profile(5) explains what its profile needs"
	[ -n "$(conf_value "$section" admin_token "$file")" ] ||
		make_secrets "${profile:-chat2desk}"
	printf '%s\n' "$lines" | {
		while IFS= read -r line; do
			add_keys "$file" "$section" "$line"
		done
	}
}

# each_tenant COMMAND: calls it for each tenant, or for --tenant.
each_tenant() {
	configured_tenants | cut -f 1,2 >"$tmp/tenants"
	found=''
	while IFS='	' read -r name file <&6; do
		[ -z "$only" ] || [ "$only" = "$name" ] || continue
		section=''
		[ "$file" != "$config" ] || section="crm $name"
		found=yes
		"$@"
	done 6<"$tmp/tenants"
	[ -n "$found" ] || die 78 "there is no tenant '${only:-}' in '$config'"
}

listener_records() {
	# shellcheck disable=SC2016 # for bash
	bash -c 'exec 3<>"/dev/tcp/${0%:*}/${0##*:}" && printf "%s\r\n" \
		"GET /metrics HTTP/1.0" "" >&3 && cat <&3' "$(address_of listener)" \
		2>/dev/null | sed -n 's/^messaging_listener_records_total //p'
}

# A customer's message is the test: it also shows that the CRM reaches us.
wait_for_webhook() {
	before=$(listener_records)
	limit=120
	[ ! -t 0 ] || limit=600
	say "Waiting for a webhook: write a message to ${only:-$tenant} as a customer" \
		"(at most $((limit / 60)) minutes; Ctrl-C ends the wait, all else is done)"
	began=$(date +%s)
	while [ "$(listener_records)" = "$before" ]; do
		[ $(($(date +%s) - began)) -lt $limit ] || die 75 "no webhook has" \
			"arrived; does $webhooks reach $(address_of listener)? Run this" \
			"again, and see the log of the listener"
		sleep 0.5
	done
	say "A webhook arrived after $(($(date +%s) - began)) s."
}

# Webhooks and the records of polls are one stream, which an aggregator computes
# all the time.
set_up_webhooks() {
	webhooks=${webhooks%/}
	listen=${listen:-127.0.0.1:8080}
	make_tmp
	trap 'rm -rf "$tmp"' EXIT
	each_tenant add_hook_keys
	add_keys "$config" listen "proxies = 127.0.0.1"
	add_keys "$config" serve "proxies = 127.0.0.1"
	add_keys "$config" listen "$hooks_line$webhooks"
	before=$(address_of listener)
	listen=${before:-$listen}
	write_nginx "${webhooks#*://}"
	say "Registering the webhooks"
	as "$poller" --register "$webhooks" ${only:+--tenant "$only"} -o table
	pause_jobs
	start_daemon aggregator
	start_daemon sink
	resume_jobs
	# It reads the keys and the secrets when it starts.
	[ -z "$before" ] || restart_daemon listener
	start_daemon listener "$listen"
	[ -z "$(address_of board)" ] || restart_daemon board
	wait_for_webhook
}

# tenants_with_webhooks: prints their names, one a line.
tenants_with_webhooks() {
	configured_tenants | while IFS='	' read -r name file _; do
		section=''
		[ "$file" != "$config" ] || section="crm $name"
		case $(conf_value "$section" hook "$file") in
		'' | off) ;;
		*) say "$name" ;;
		esac
	done
}

# Removes the webhooks that setup registered, and tells which others are there.
remove_webhooks() {
	set --
	for name in $(tenants_with_webhooks); do
		set -- "$@" --tenant "$name"
	done
	[ $# != 0 ] || return 0
	for site in $(noted "$hooks_line"); do
		say "Removing the webhooks at $site from the CRM"
		as "$poller" -q --unregister "$site" "$@" -o csv >/dev/null ||
			say "They could not be removed; remove them in the CRM."
	done
	left=$(as "$poller" -q --registered "$@" -o csv 2>/dev/null |
		grep -F "/hooks/" | cut -d , -f 1,2) || :
	[ -z "$left" ] || say "Registered with the CRM by others, and kept:" "$left"
}
