#!/bin/bash
# make install with a blank in DESTDIR and a prefix for the programs' names:
# everything is there, no file names another path or program, and uninstall
# leaves nothing. A PREFIX that would break in cron or systemd is refused. A
# user's own fortify level replaces ours.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_install.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# -o all: does not rebuild the programs under test. make does not accept a
# folder with a blank in its name, so the path is relative.
build=$(realpath --relative-to=. "$(dirname "${BIN:-$PWD/build/bin}")")
stage="$tmp/a stage"
makes() { # TARGET
	make -s -o all B="$build" "$1" DESTDIR="$stage" PREFIX=/opt/own \
		PROGRAM_PREFIX=ma- >"$tmp/said" 2>&1 || fail "$1: $(cat "$tmp/said")"
}
makes install
top="$stage/opt/own"
for program in poller aggregator sink reaper; do
	for file in bin/ma-$program share/man/man1/ma-$program.1; do
		[ -s "$top/$file" ] || fail "no $file"
	done
done
for file in examples/nginx.conf.example grafana/messages.json board/board.js \
	profiles/chat2desk.jq api/openapi.json; do
	[ -r "$top/share/messaging-analytics/$file" ] || fail "no $file"
done
! grep -rnI /usr/local "$stage" || fail "another place is named"

# The lines of the crontab, commented ones included.
cd "$top/share/messaging-analytics"
! grep -nE '^#?[0-9*].*[ (/](poller|aggregator|sink|reaper) ' \
	examples/crontab.example || fail "no such program"
grep -qx "POLLER=/opt/own/bin/ma-poller" examples/crontab.example ||
	fail "no poller in the crontab"
scripts/tenant -h >"$tmp/said"
cd "$OLDPWD"

makes uninstall
[ -z "$(find "$stage" -type f)" ] || fail "left: $(find "$stage" -type f)"

for prefix in "/opt/my own" /opt/a,b '/opt/50%'; do
	! make -s -o all B="$build" install DESTDIR="$stage" PREFIX="$prefix" \
		>"$tmp/said" 2>&1 || fail "it installs into $prefix"
	grep -q "^install: '$prefix/bin' .*; take another PREFIX$" "$tmp/said" ||
		fail "$prefix: $(cat "$tmp/said")"
	[ -z "$(find "$stage" -type f)" ] || fail "$prefix: it left a file"
done

# Whatever flags the tests themselves are built with.
unset MAKEFLAGS SAN CFLAGS CPPFLAGS
for flags in 'CPPFLAGS=-Wdate-time -D_FORTIFY_SOURCE=2' \
	'CFLAGS=-O2 -D_FORTIFY_SOURCE=2' ''; do
	make -n B="$tmp/none" ${flags:+"$flags"} "$tmp/none/common/base/log.o" \
		>"$tmp/said" 2>/dev/null
	[ "$(grep -o '[-]D_FORTIFY_SOURCE' "$tmp/said" | wc -l)" = 1 ] ||
		fail "'$flags': $(cat "$tmp/said")"
done
