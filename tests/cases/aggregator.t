#!/bin/sh
# The aggregator as a filter: each folder of tests/cases/aggregator has the
# arguments (cmd) and the input (in), and what must come of them: out, err (no
# file: nothing) and rc (no file: 0). A file env sets variables. UPDATE=1 writes
# out, err and rc, to be read with git diff. Where there is a file only, lines that fit none of its
# patterns are left out of out: metrics that came later.
set -eu

tmp=$(mktemp -d "${TMPDIR:-/tmp}/aggregator.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd tests/cases/aggregator
unset MESSAGING_CONFIG COLUMNS
export TZ=UTC
: >"$tmp/none"

# keep FILE NAME: FILE becomes the expected NAME, unless there is nothing.
keep() {
	if [ -s "$1" ]; then cp "$1" "$2"; else rm -f "$2"; fi
}

# same FILE NAME: FILE equals the expected NAME.
same() {
	want=$2
	[ -e "$want" ] || want=$tmp/none
	diff -u "$want" "$1" >"$tmp/diff" && return
	echo "$2 is not as expected:"
	cat "$tmp/diff"
	failed=$((failed + 1))
}

failed=0
cases=0
for cmd in */cmd; do
	name=${cmd%/cmd}
	rc=0
	# shellcheck disable=SC2046 # variables and arguments are words
	env $(cat "$name/env" 2>/dev/null) "$BIN/aggregator" $(cat "$cmd") <"$name/in" >"$tmp/raw" 2>"$tmp/err" ||
		rc=$?
	tr -d "\r" <"$tmp/raw" >"$tmp/out" # git keeps lines without it
	if [ -e "$name/only" ]; then
		grep -Ef "$name/only" "$tmp/out" >"$tmp/raw" || :
		mv "$tmp/raw" "$tmp/out"
	fi
	: >"$tmp/rc"
	[ "$rc" = 0 ] || echo "$rc" >"$tmp/rc"
	for what in out err rc; do
		if [ "${UPDATE:-}" = 1 ]; then
			keep "$tmp/$what" "$name/$what"
		else
			same "$tmp/$what" "$name/$what"
		fi
	done
	cases=$((cases + 1))
done
echo "$cases cases, $failed differences"
[ "$cases" -gt 0 ] && [ "$failed" = 0 ]
