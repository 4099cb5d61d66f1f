#!/bin/bash
# The Makefile's targets that call scripts, in a folder with blanks in its name:
# built programs have a blank in their path, too. The scripts only print their
# arguments, and nothing is built.
set -euo pipefail

makefile=$PWD/Makefile
tmp=$(mktemp -d "${TMPDIR:-/tmp}/make_targets.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

unset MAKEFLAGS MAKELEVEL B
cd "$tmp"
mkdir -p "a folder/tests/bench" "a folder/scripts"
cd "a folder"
cp "$makefile" .
for script in tests/run tests/bench/run scripts/demo scripts/install-deps; do
	printf '#!/bin/sh\nprintf "%%s\\n" "$BIN" "$TESTBIN" "$@" >"%s/got"\n' \
		"$tmp" >$script
	chmod +x $script
done
for target in check check-fast check-e2e demo live bench; do
	rm -f ../got
	BIN='' TESTBIN='' make -s MAKE=true -o test-programs $target \
		>../out 2>&1 || fail "make $target: $(cat ../out)"
	[ "$(head -n 2 ../got)" = "$PWD/build/bin
$PWD/build/tests" ] || fail "make $target: $(cat ../got)"
	sed -n '/^tests.*\.t$/p' ../got | while read -r test; do
		[ -e "${makefile%/*}/$test" ] || fail "make $target: no $test"
	done
done

# An incremental build forgets a test that was removed, also with its room.
list=build/tests/units-common.list
mkdir -p tests/unit/common/json tests/unit/common/words
touch tests/unit/common/json/test_a.c tests/unit/common/words/test_b.c
make -s $list
grep -q test_b $list || fail "no test_b in $(cat $list)"
rm -r tests/unit/common/words
make -s $list
[ "$(cat $list)" = 'UNIT(test_a)' ] || fail "a removed test in $(cat $list)"
