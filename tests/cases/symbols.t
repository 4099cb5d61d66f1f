#!/bin/sh
# symbols: every external name is defined in one archive only. All of them are
# linked into each unit test, and of two definitions of a name the linker
# would take one and say nothing.
set -eu

command -v nm >/dev/null || {
	echo "nm is missing; install binutils"
	exit 77
}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/symbols.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# Weak ones may be many: sanitizers and inline functions make them.
for archive in common poller aggregator sink reaper; do
	nm -g --defined-only "${BIN%/*}/$archive.a" |
		awk 'NF == 3 && $2 !~ /[VWuvw]/ { print $3 }' >"$tmp/$archive"
	[ -s "$tmp/$archive" ] || {
		echo "no names in $archive.a"
		exit 1
	}
done
twice=$(sort "$tmp"/* | uniq -d)
[ -z "$twice" ] || {
	echo "defined more than once:"
	cd "$tmp" && grep -xF "$twice" ./*
	exit 1
}
