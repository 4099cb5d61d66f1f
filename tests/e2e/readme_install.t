#!/usr/bin/env bash
# From a checkout to an installation that cron drives, and back to nothing, by an
# ordinary user who may use sudo: step by step as messaging-quickstart(7) has it, and
# as the README has it, by scripts/setup; typed as it stands. It
# installs programs, makes users and starts the system's RabbitMQ and MariaDB,
# so it happens on a copy of this machine that goes away with it: a mount, a
# network and processes of its own, above this system's files.
set -euo pipefail

# What only a person can do at the keyboard, and what is different here: the
# token is pasted, the CRM is a simulator, the password is one, and nobody
# watches. Everything else is typed as it stands.
as_typed() {
	sed -e 's/(umask 077; cat >token).*/(umask 077; echo sim-token >token)/' \
		-e 's/PASSWORD/p4ssw0rd/g' -e 's/ --watch$//' |
		grep -v '^export CRM_PROFILE=\|^ *https://\|--serve'
}
type_readme() { # SECTION: the indented lines of the step that begins so
	sed -n "/^\*\*$1/,/^\(\*\*\|## \)/{ /^\*\*$1/p; /^    /p; }" README.md |
		sed -n 's/^    //p' | as_typed
}
type_page() { # HEADING: the literal lines below it
	sed -n "/^\.Ss $1/,/^\.S[sh]/p" man/man7/messaging-quickstart.7 |
		sed -n '/^\.Bd/,/^\.Ed/{ /^\./d; s/\\e$/\\/; p; }' | as_typed
}

if [ "${1:-}" = --typing ]; then
	# The ordinary user, in a fresh checkout, with the simulator's address.
	cd "$HOME/messaging-analytics"
	export CRM_URL=$2
	conf=/etc/messaging-analytics/messaging.conf
	# Each line in the environment that cron gives it; nobody waits for :30.
	run_cron() {
		sudo crontab -u messaging -l | while read -r _ _ _ _ _ line; do
			# shellcheck disable=SC2024 # the mail is ours
			sudo -u messaging env -i HOME=/var/lib/messaging-analytics \
				SHELL=/bin/sh PATH=/usr/bin:/bin LOGNAME=messaging \
				sh -c "cd; ${line#sleep 30; }" </dev/null \
				>"$HOME/mail" 2>&1 ||
				{ echo "$line gives $?: $(cat "$HOME/mail")"; exit 1; }
			[ ! -s "$HOME/mail" ] ||
				{ echo "a mail: $(cat "$HOME/mail")"; exit 1; }
		done
	}
	step() { # HEADING
		echo "- $1"
		type_page "$1" >"$HOME/typed"
		[ -s "$HOME/typed" ] || { echo "the page has no step $1"; exit 1; }
		bash -euo pipefail "$HOME/typed" || { echo "step $1 gives $?"; exit 1; }
	}
	echo "- 1. Look"
	type_readme '1[.] Look' >"$HOME/typed"
	# Without a state The self-check may find that polls cost too much.
	sed -i 's,^\(build/bin/poller --check\).*,\1 || [ $? = 78 ],' "$HOME/typed"
	bash -euo pipefail "$HOME/typed" >"$HOME/out" ||
		{ echo "step 1 gives $?: $(cat "$HOME/out")"; exit 1; }
	grep -q '"check":"token","result":"ok"' "$HOME/out" ||
		{ echo "no doctor: $(cat "$HOME/out")"; exit 1; }
	grep -q '"table":"operator_metrics"' "$HOME/out" ||
		{ echo "no metrics: $(cat "$HOME/out")"; exit 1; }
	[ -z "$(git status --porcelain)" ] || { git status --short; exit 1; }
	step Install

	echo "- the configuration, filled in"
	sudo -u messaging sed -i -e "s,^url = https://api.*,url = $CRM_URL," \
		-e 's,://messaging:password@,://messaging:p4ssw0rd@,' \
		-e '/^\[serve\]/a secret_key_file = /etc/messaging-analytics/serve.key' $conf
	step Configure

	echo "- Run the jobs"
	type_page 'Run the jobs' >"$HOME/crontab"
	[ "$(wc -l <"$HOME/crontab")" = 2 ] || { cat "$HOME/crontab"; exit 1; }
	sudo crontab -u messaging "$HOME/crontab"
	run_cron
	echo "- Look"
	type_page Look >"$HOME/typed"
	bash -e "$HOME/typed" >"$HOME/out"
	grep -q '"tenant":"acme".*"open_chats":' "$HOME/out" ||
		{ echo "no report: $(cat "$HOME/out")"; exit 1; }
	# Who may not read the configuration is told so.
	rc=0
	/usr/local/share/messaging-analytics/scripts/report >"$HOME/out" 2>&1 || rc=$?
	grep -q "messaging.conf' cannot be read: Permission denied" "$HOME/out" || rc=1
	[ $rc = 78 ] || { echo "report gives $rc: $(cat "$HOME/out")"; exit 1; }

	# Nothing is left, and others are there, or the servers were not asked.
	nothing_left() {
		for left in /etc/messaging-analytics /var/lib/messaging-analytics \
			/usr/local/share/messaging-analytics /usr/local/bin/poller \
			/usr/local/share/man/man1/poller.1; do
			! sudo test -e $left || { echo "$left was left"; exit 1; }
		done
		! getent passwd messaging || exit 1
		there=$(sudo mariadb -N -e "SHOW DATABASES; SELECT User FROM mysql.user"
			sudo rabbitmqctl -q list_vhosts name
			sudo rabbitmqctl -q list_users)
		for other in mysql root / guest; do
			cut -f 1 <<<"$there" | grep -xF "$other" >/dev/null ||
				{ echo "no $other in: $there"; exit 1; }
		done
		! grep -w messaging <<<"$there" || { echo "left behind"; exit 1; }
	}
	step Remove
	nothing_left

	echo "- setup, as the README has it"
	type_readme '2[.] Set it up' >"$HOME/typed"
	sed -i "s,scripts/setup,& -y --tenant acme --url $CRM_URL --token-file token," \
		"$HOME/typed"
	bash -euo pipefail "$HOME/typed" >"$HOME/out" 2>&1 </dev/null ||
		{ echo "setup gives $?: $(cat "$HOME/out")"; exit 1; }
	run_cron
	link=$(grep -o 'http://127.0.0.1:8081/login#token=.*' "$HOME/out")
	curl -sS -o /dev/null -c "$HOME/cookies" -H 'Origin: http://127.0.0.1:8081' \
		-d "${link#*#}" "${link%#*}"
	curl -sS --fail -b "$HOME/cookies" http://127.0.0.1:8081/api/v1/now \
		>"$HOME/out"
	grep -q '"open_chats":[1-9]' "$HOME/out" ||
		{ echo "no board: $(cat "$HOME/out")"; exit 1; }

	echo "- Remove it all"
	type_readme 'Remove it all' >"$HOME/typed"
	sed -i 's,--remove,& -y,' "$HOME/typed"
	bash -euo pipefail "$HOME/typed" >"$HOME/out" 2>&1 </dev/null ||
		{ echo "--remove gives $?: $(cat "$HOME/out")"; exit 1; }
	nothing_left
	! pgrep -x sink || { echo "the board still runs"; exit 1; }
	exit 0
fi

# become COMMAND: as the root of the copy, in processes of its own.
if [ "${1:-}" = --copy ]; then
	tmp=$2
	unset TMPDIR # the copy has another
	mount -t tmpfs -o mode=755 tmpfs "$tmp/copy"
	mkdir "$tmp/copy/upper" "$tmp/copy/work" "$tmp/copy/root"
	root=$tmp/copy/root
	mount -t overlay overlay -o \
		"lowerdir=/,upperdir=$tmp/copy/upper,workdir=$tmp/copy/work" "$root"
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"
	mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
	mkdir -p "$root/run/lock" "$root/debs"
	chmod 1777 "$root/run/lock"
	ip link set lo up
	hostname copy
	echo '127.0.0.1 localhost copy' >"$root/etc/hosts"
	cp "$tmp"/debs/* "$root/debs/" 2>/dev/null || :
	cat >"$root/inside" <<-'END'
		set -e
		for deb in /debs/cron-daemon* /debs/cron_* /debs/sudo_*; do
			[ ! -e "$deb" ] || dpkg -i "$deb" >/debs/log 2>&1 ||
				{ cat /debs/log; exit 1; }
		done
		userdel -r readme 2>/dev/null || :
		useradd -m -s /bin/bash readme
		echo 'readme ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/readme
		# Where much else runs, a start takes longer than its 30 s.
		echo MYSQLD_STARTUP_TIMEOUT=600 >>/etc/default/mariadb
	END
	chroot "$root" bash /inside
	cp -a "$tmp/checkout" "$root/home/readme/messaging-analytics"
	chroot "$root" chown -R readme: /home/readme
	chroot "$root" runuser -u readme -- sh -c 'cd &&
		messaging-analytics/build/tests/crm-sim --port-file ~/port \
			>~/sim.log 2>&1 </dev/null &
		until [ -s ~/port ]; do sleep 0.05; done'
	exec chroot "$root" runuser -l readme -c "bash \
		messaging-analytics/tests/e2e/readme_install.t --typing \
		http://127.0.0.1:$(cat "$root/home/readme/port")/v1"
fi

: "${BIN:=$PWD/build/bin}"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/readme_install.XXXXXX")
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
trap '"${as_root[@]}" rm -rf "$tmp"' EXIT
trap 'trap "" TERM INT HUP; exit 143' TERM INT HUP

skip() {
	echo "$*"
	exit 77
}
"${as_root[@]}" true 2>/dev/null || skip "neither root nor sudo without a password"
for service in rabbitmq-server mariadb; do
	[ -x /etc/init.d/$service ] || skip "$service is not installed"
done
mkdir "$tmp/copy" "$tmp/debs" "$tmp/checkout"
"${as_root[@]}" unshare --mount --propagation private sh -c "
	mount -t tmpfs tmpfs $tmp/copy && mkdir $tmp/copy/u $tmp/copy/w $tmp/copy/r &&
	mount -t overlay overlay -o lowerdir=/,upperdir=$tmp/copy/u,workdir=$tmp/copy/w \
		$tmp/copy/r" 2>/dev/null || skip "no overlay can be mounted here"
# A bare machine has no cron, and one where root works no sudo: the copy has.
for package in sudo cron cron-daemon-common; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' $package 2>/dev/null)" = installed ] ||
		(cd "$tmp/debs" && apt-get -qq download $package >/dev/null 2>&1) ||
		skip "$package is not installed and cannot be fetched"
done

# As a user has it who cloned it and built it.
git -C "$PWD" rev-parse --git-dir >/dev/null 2>&1 || skip "this is not a checkout"
git ls-files -z | xargs -0 cp --parents -at "$tmp/checkout" 2>/dev/null || :
built=$(dirname "$(realpath "$BIN")")
mkdir -p "$tmp/checkout/build/tests"
for part in bin common poller aggregator sink reaper places common.a poller.a \
	aggregator.a sink.a reaper.a; do
	[ ! -e "$built/$part" ] || cp -a "$built/$part" "$tmp/checkout/build/"
done
cp -a "$built/tests/crm-sim" "$tmp/checkout/build/tests/"
(cd "$tmp/checkout" && git init -q . && git add -A &&
	git -c user.name=t -c user.email=t@example.test commit -qm all)
"${as_root[@]}" unshare --mount --pid --net --uts --ipc --fork --kill-child \
	--propagation private bash "$PWD/tests/e2e/readme_install.t" --copy "$tmp"
