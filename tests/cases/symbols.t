#!/bin/sh
# symbols: every external name is defined in one archive only. All of them are
# linked into each unit test, and of two definitions of a name the linker
# would take one and say nothing. And every one is used outside of its file,
# be it by a test; else it should be static. Calls follow tests/lint/rooms and
# tests/lint/circles.
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

# Of the sources that there are: a folder of objects keeps those of others.
find common poller aggregator sink reaper tests/unit tests/tools -name '*.c' |
	while read -r source; do
		object=${source%.c}.o
		if [ -e "${BIN%/*}/$object" ]; then echo "$object"; fi
	done >"$tmp/objects"
(cd "${BIN%/*}" && xargs nm -A -g) <"$tmp/objects" >"$tmp/all"
alone=$(awk '
	{ name = $NF; kind = $(NF - 1); file = $1; sub(/:.*/, "", file) }
	kind == "U" { used[name] = 1 }
	kind ~ /^[BDRT]$/ && file !~ /^tests\// { defined[name] = file }
	END {
		for (name in defined)
			if (!(name in used) && name != "main")
				print name " of " defined[name]
	}' "$tmp/all" | sort)
[ -z "$alone" ] || {
	echo "used nowhere outside of its file; let it be static:"
	echo "$alone"
	exit 1
}

tests/lint/calls.py "${BIN%/*}"
