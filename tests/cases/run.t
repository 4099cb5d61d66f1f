#!/bin/bash
# tests/run: counts what it ran, is no success without tests, and leaves nothing
# running: not behind a test that was killed, nor when it is ended itself, by
# SIGTERM or by ^C, which tests learn of in time to stop their servers.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/run.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export SLOTS=$tmp/slots TMPDIR=$tmp

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# a_test NAME: what it does is on standard input; $tmp is the folder of this one.
a_test() {
	{
		printf '#!/bin/bash\ntmp=%q\n' "$tmp"
		cat
	} >"$tmp/$1"
	chmod +x "$tmp/$1"
}

# ran CODE LAST-LINE TEST...
ran() {
	local want=$1 line=$2 rc=0
	shift 2
	tests/run "$@" >"$tmp/out" 2>&1 || rc=$?
	[ $rc = "$want" ] || fail "exit $rc, not $want: $(cat "$tmp/out")"
	[ "$(tail -n 1 "$tmp/out")" = "$line" ] || fail "$(cat "$tmp/out")"
}

# is_over FILE: the process whose number it has; who ended may not be collected.
is_over() {
	local state
	[ -s "$tmp/$1" ] || fail "$1 did not begin"
	state=$(sed 's/^.*) //' "/proc/$(cat "$tmp/$1")/stat" 2>/dev/null) || :
	[[ ${state:-Z} = [ZX]* ]] || fail "$1 runs still"
}

# A server is in a session of its own, as those of scripts/servers are.
server='setsid sleep 1000 & echo $! >"$tmp/server.part"
	mv "$tmp/server.part" "$tmp/server"'

echo "- what came of them"
a_test good <<<'exit 0'
a_test bad <<<'echo the reason; exit 3'
a_test skipped <<<'echo not here; exit 77'
ran 0 '1 passed, 0 failed' "$tmp/good"
ran 0 '1 passed, 0 failed, 1 skipped' "$tmp/good" "$tmp/skipped"
ran 1 "1 passed, 1 failed" -j 1 "$tmp/bad" "$tmp/good"
grep -q '^    the reason$' "$tmp/out" || fail "it does not say why"
tail -n 2 "$tmp/out" | grep -q '^    the reason$' ||
	fail "one has to look for it: $(cat "$tmp/out")"
ran 64 'tests/run: no test is named'

echo "- a test that is killed"
a_test killed <<<"$server"'; kill -KILL $$'
ran 1 '0 passed, 1 failed' "$tmp/killed"
is_over server
rm "$tmp/server"

echo "- SIGTERM"
a_test waits <<END_OF_TEST
trap 'kill "\$(cat "\$tmp/server")"; echo stopped >"\$tmp/stopped"' EXIT
trap 'trap "" TERM; exit 143' TERM
$server
sleep 1000 &
wait
END_OF_TEST
a_test waits_limited <<END_OF_TEST
. tests/e2e/lib.sh
tmp=$tmp
trap 'kill "\$(cat "\$tmp/server")"; echo stopped >"\$tmp/stopped"' EXIT
$server
timeout 1000 sleep 1000
END_OF_TEST
# Its child loses the first signal.
a_test waits_deaf <<END_OF_TEST
. tests/e2e/lib.sh
tmp=$tmp
trap 'kill "\$(cat "\$tmp/server")"; echo stopped >"\$tmp/stopped"' EXIT
$server
bash -c 'trap "trap - TERM" TERM; echo >"\$1/deaf"; while :; do sleep 0.1; done' \
	bash "\$tmp"
END_OF_TEST
for test in waits waits_limited waits_deaf; do
	tests/run "$tmp/$test" "$tmp/good" >"$tmp/out" 2>&1 &
	run=$!
	until [ -s "$tmp/server" ]; do sleep 0.02; done
	[ $test != waits_deaf ] || until [ -e "$tmp/deaf" ]; do sleep 0.02; done
	kill $run
	rc=0
	wait $run || rc=$?
	[ $rc = 143 ] || fail "exit $rc"
	[ -s "$tmp/stopped" ] || fail "$test could not stop its server"
	is_over server
	rm "$tmp/server" "$tmp/stopped"
done

echo "- ^C in a terminal"
python3 - "$tmp" <<'END_OF_PYTHON'
import os
import pty
import sys
import time

tmp = sys.argv[1]
pid, terminal = pty.fork()
if pid == 0:
    os.execv("tests/run", ["tests/run", tmp + "/waits"])
while not os.path.exists(tmp + "/server"):
    time.sleep(0.02)
os.write(terminal, b"\x03")
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert code == 130, f"exit {code}"
END_OF_PYTHON
[ -s "$tmp/stopped" ] || fail "the test could not stop its server"
is_over server
[ ! -e "$tmp/slots" ] || fail "its slots are left"
[ -z "$(find "$tmp" -name 'results.*')" ] || fail "$(find "$tmp")"
