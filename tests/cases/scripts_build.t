#!/bin/bash
# scripts/build shows the progress of a build in a few lines, and how it ended.
# Also runs the Makefile's targets that call scripts, in a folder with blanks in
# its name.
set -euo pipefail

build=$PWD/scripts/build
makefile=$PWD/Makefile
tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_build.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

cd "$tmp"
cat >Makefile <<'END'
N = 40
.PHONY: all
all: $(patsubst %,%.o,$(shell seq $(N)))
%.o:
	@printf '  %-4s %s\n' CC $@; : -c -o $@; touch $@; $(FAIL)
END
unset MAKEFLAGS MAKELEVEL B

build() { # WANTED-CODE ARGUMENT...
	local want=$1 rc=0
	shift
	MAKE='make' "$build" "$@" >out 2>err || rc=$?
	[ "$rc" = "$want" ] || fail "build $*: $rc, not $want: $(cat out err)"
}

build 0 all
[ "$(find . -name '*.o' | wc -l)" = 40 ] || fail "not all is built"
[ "$(tr '\n' ',' <err)" = "compiling 40 files,  compiled: 20 %,\
  compiled: 40 %,  compiled: 60 %,  compiled: 80 %,  compiled: 100 %," ] ||
	fail "$(cat err)"
[ ! -s out ] || fail "$(cat out)"

# Everything, or nearly everything, is built: no output.
build 0 all
[ -z "$(cat err out)" ] || fail "$(cat err out)"
rm 7.o
build 0 all
[ -z "$(cat err out)" ] || fail "$(cat err out)"

# It fails with make's exit code and shows make's messages.
rm ./*.o
build 2 all FAIL='echo "no compiler" >&2; false'
grep -q 'no compiler' err || fail "$(cat err)"
build 2 nothing
grep -q nothing err || fail "$(cat err)"

# The built programs have a blank in their path, too. The scripts only print
# their arguments.
mkdir -p "a folder/tests/bench" "a folder/scripts"
cd "a folder"
cp "$makefile" .
for script in tests/run tests/bench/run scripts/demo scripts/install-deps \
	scripts/build; do
	printf '#!/bin/sh\nprintf "%%s\\n" "$BIN" "$TESTBIN" "$@" >"%s/got"\n' \
		"$tmp" >$script
	chmod +x $script
done
for target in check check-fast check-e2e demo live bench; do
	rm -f ../got
	BIN='' TESTBIN='' make -s -o test-programs -o demo-programs $target \
		>../out 2>&1 || fail "make $target: $(cat ../out)"
	[ "$(head -n 2 ../got)" = "$PWD/build/bin
$PWD/build/tests" ] || fail "make $target: $(cat ../got)"
	sed -n '/^tests.*\.t$/p' ../got | while read -r test; do
		[ -e "${makefile%/*}/$test" ] || fail "make $target: no $test"
	done
done
