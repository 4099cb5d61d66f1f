#!/bin/bash
# scripts/install-deps with stubs of apt, dpkg and sudo: what it asks of them,
# that no service may start meanwhile, and what it says when it fails.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_deps.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
script=$PWD/scripts/install-deps
[ -d /var/lib/dpkg ] || {
	echo "no Debian"
	exit 77
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# A PATH with only the commands that the script may use.
mkdir "$tmp/bin"
for tool in sh flock sed tr grep mktemp chmod mv rm tail date sleep cat true; do
	ln -s "$(type -P $tool)" "$tmp/bin/$tool"
done
pretend() { # NAME, the stub on stdin
	{
		echo '#!/bin/sh'
		cat
	} >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}
pretend id <<'END'
cat "$TMP/uid"
END
pretend dpkg-query <<'END'
for last; do :; done
grep -qx "$last" "$TMP/installed" && printf installed
END
pretend apt-get <<'END'
echo "$*" >>"$TMP/apt"
mkdir "$TMP/busy" 2>/dev/null || echo overlap >>"$TMP/apt"
if [ -s "$TMP/held" ]; then
	sed -i 1d "$TMP/held"
	rmdir "$TMP/busy"
	echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1" >&2
	exit 100
fi
case "$*" in
*\ install\ *)
	"$POLICY_RC_D" mariadb start
	echo "policy $?" >>"$TMP/apt"
	sleep 0.2
	if [ -e "$TMP/broken" ]; then
		echo "E: no such package" >&2
		rmdir "$TMP/busy"
		exit 100
	fi
	for name; do echo "$name"; done >>"$TMP/installed"
	;;
esac
rmdir "$TMP/busy"
END
ln -s "$(command -v rmdir)" "$tmp/bin/rmdir"
ln -s "$(command -v mkdir)" "$tmp/bin/mkdir"

fresh() {
	rm -f "$tmp"/apt "$tmp"/held "$tmp"/broken "$tmp"/policy "$tmp"/bin/sudo
	: >"$tmp/apt"
	: >"$tmp/installed"
	echo 0 >"$tmp/uid"
}

deps() { # WANTED-CODE ARGUMENT...
	local want=$1 rc=0
	shift
	env -i PATH="$tmp/bin" TMP="$tmp" POLICY_RC_D="$tmp/policy" \
		${SKIP:+SKIP_DEPS=1} sh "$script" "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	[ "$rc" = "$want" ] ||
		fail "install-deps $*: $rc, not $want: $(cat "$tmp/err" "$tmp/apt")"
	[ ! -s "$tmp/out" ] || fail "on stdout: $(cat "$tmp/out")"
}

says() {
	grep -q -- "$1" "$tmp/err" || fail "no '$1' in: $(cat "$tmp/err")"
}

echo "- installs what is missing, and no service starts"
fresh
deps 0 demo
grep -q '^-q .* install -y --no-install-recommends gcc .*rabbitmq-server' \
	"$tmp/apt" || fail "$(cat "$tmp/apt")"
grep -q ' libcurl4-openssl-dev ' "$tmp/apt" || fail "no alternative chosen"
! grep -q 'libcmocka' "$tmp/apt" || fail "a test tool for the demo"
grep -qx 'policy 101' "$tmp/apt" || fail "services may start: $(cat "$tmp/apt")"
[ ! -e "$tmp/policy" ] || fail "policy-rc.d was left"

echo "- it says what is done"
says '^installing [0-9]* packages, .*: gcc '
sed '1d; s/^  //' "$tmp/err" | tr '\n' ',' >"$tmp/told"
[ "$(cat "$tmp/told")" = "reading apt's lists,downloading and installing packages," ] ||
	fail "told: $(cat "$tmp/told")"

echo "- does nothing when all is there"
: >"$tmp/apt"
deps 0 demo
[ -z "$(cat "$tmp/apt" "$tmp/err")" ] || fail "$(cat "$tmp/apt" "$tmp/err")"

echo "- only what is missing; one of two names is enough"
sed -i 's/^libcurl4-openssl-dev$/libcurl4-gnutls-dev/; /^jq$/d' "$tmp/installed"
deps 0 demo
grep -q 'recommends jq$' "$tmp/apt" || fail "$(cat "$tmp/apt")"
deps 0 check
grep -q 'libcmocka-dev' "$tmp/apt" || fail "$(cat "$tmp/apt")"

echo "- several sets at once, each package once"
fresh
deps 0 demo monitoring check
[ "$(grep -c ' install ' "$tmp/apt")" = 1 ] || fail "$(cat "$tmp/apt")"
grep -q ' prometheus .*libcmocka-dev' "$tmp/apt" || fail "$(cat "$tmp/apt")"
[ "$(grep -cx gcc "$tmp/installed")" = 1 ] || fail "gcc twice"
deps 64 demo nonesuch
says "unknown set 'nonesuch'"

echo "- a policy-rc.d that is there stays and decides"
fresh
printf '#!/bin/sh\nexit 104\n' >"$tmp/policy"
chmod +x "$tmp/policy"
deps 0
grep -qx 'policy 104' "$tmp/apt" || fail "$(cat "$tmp/apt")"
[ -e "$tmp/policy" ] || fail "somebody's policy-rc.d is gone"
fresh
printf '#!/bin/sh\n# messaging-analytics install-deps: left\nexit 101\n' \
	>"$tmp/policy"
chmod +x "$tmp/policy"
deps 0
[ ! -e "$tmp/policy" ] || fail "ours from a killed run was left"

echo "- a failure says why and leaves nothing"
fresh
: >"$tmp/broken"
deps 69
says "no such package"
[ ! -e "$tmp/policy" ] || fail "policy-rc.d was left after a failure"

echo "- somebody else's lock is waited for"
fresh
printf '1\n2\n' >"$tmp/held"
deps 0 demo
[ "$(grep -c update "$tmp/apt")" = 3 ] || fail "$(cat "$tmp/apt")"

echo "- an ordinary user: sudo, or a word about it"
fresh
echo 1000 >"$tmp/uid"
deps 77
says "no sudo; ask root to run: apt-get install gcc"
pretend sudo <<'END'
exit 1
END
deps 77
says "sudo needs a password; run: sudo apt-get install gcc"
pretend sudo <<'END'
[ "$1" = -n ] && shift
echo 0 >"$TMP/uid"
exec "$@"
END
deps 0
grep -q ' install ' "$tmp/apt" || fail "sudo was not used"

echo "- two at once: one after the other, the second has nothing to do"
fresh
for _ in 1 2 3; do
	deps 0 demo &
done
wait
! grep -q overlap "$tmp/apt" || fail "two at once: $(cat "$tmp/apt")"
[ "$(grep -c ' install ' "$tmp/apt")" = 1 ] || fail "$(cat "$tmp/apt")"
[ ! -e "$tmp/policy" ] || fail "policy-rc.d was left"

echo "- the rest"
fresh
SKIP=1 deps 0
[ ! -s "$tmp/apt" ] || fail "SKIP_DEPS did not skip"
deps 64 everything
says "one of demo, check, browser, axe, monitoring, dev"
mkdir "$tmp/scripts"
cp "$script" "$tmp/scripts"
script=$tmp/scripts/install-deps
deps 69 axe
says "npm is missing; run: apt-get install npm"
SKIP=1 deps 0 axe
mkdir -p "$tmp/build/node_modules/axe-core"
: >"$tmp/build/node_modules/axe-core/axe.min.js"
deps 0 axe
rm "$tmp/bin/dpkg-query"
deps 0 axe
deps 69 demo check
says "this is not Debian"
[ "$(grep -ow jq "$tmp/err" | wc -l)" = 1 ] || fail "twice: $(cat "$tmp/err")"
