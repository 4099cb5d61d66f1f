#!/bin/bash
# scripts/tenant without a database, and how scripts/lib.sh reads the
# configuration. Tenants are added, listed and removed as whole files.
set -euo pipefail

tmp=$(mktemp -d "${TMPDIR:-/tmp}/scripts_tenant.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
scripts=$PWD/scripts
unset MESSAGING_CONFIG MYSQL_URL CRM_URL CRM_TOKEN
real=${BIN:-$PWD/build/bin}
# The check of a token would call a CRM; this stub ends as the test says.
mkdir "$tmp/bin"
export MESSAGING_BIN=$tmp/bin
ln -s "$real"/* "$tmp/bin"
rm "$tmp/bin/poller"
cat >"$tmp/bin/poller" <<END
#!/bin/sh
case " \$* " in
*" --check "*) [ ! -e "$tmp/says" ] || . "$tmp/says"; exit 0 ;;
esac
exec "$real/poller" "\$@"
END
chmod +x "$tmp/bin/poller"

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

is() { # WHAT GOT WANTED
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
}

run() { # WANTED-CODE ARGUMENT...
	local want=$1 rc=0
	shift
	"$scripts/tenant" -c "$tmp/conf" "$@" >"$tmp/out" 2>"$tmp/err" || rc=$?
	[ "$rc" = "$want" ] || fail "tenant $*: $rc, not $want: $(cat "$tmp/err")"
}

says() {
	grep -q -- "$1" "$tmp/err" || fail "no '$1' in: $(cat "$tmp/err")"
}

umask 077
cat >"$tmp/conf" <<END
[poller]
  tenants=$tmp/tenants
[ crm  zeta ]
url = http://127.0.0.1:1/v1
token = x
END

echo "- add: a private file, whole, with the token from stdin or in its file"
run 0 add acme --url https://api.example.com/v1 --set history=all <<<tok1
is "the file" "$(cat "$tmp/tenants/acme.conf")" "url = https://api.example.com/v1
token = tok1
history = all"
is "its mode" "$(stat -c %a "$tmp/tenants/acme.conf")" 600
is "the folder's mode" "$(stat -c %a "$tmp/tenants")" 700
is "nothing else" "$(ls -A "$tmp/tenants")" acme.conf
run 65 add acme <<<tok2
says "change it with --replace"
run 0 add acme --replace --profile chat2desk <<<tok2
is "replaced" "$(cat "$tmp/tenants/acme.conf")" "profile = chat2desk
token = tok2"
echo secret >"$tmp/token"
(cd "$tmp" && run 0 add other --token-file token --profile chat2desk </dev/null)
is "a token file" "$(cat "$tmp/tenants/other.conf")" "profile = chat2desk
token_file = $tmp/token"

echo "- a token that the CRM refuses changes nothing; one that it cannot judge stays"
printf '%s\n' 'echo "acme,token,failed,HTTP 401"' 'exit 77' >"$tmp/says"
run 77 add acme --replace --profile chat2desk <<<bad
says "Z tenant: the CRM refuses the token: HTTP 401$"
run 77 add fresh --profile chat2desk <<<bad
is "what stays" "$(grep -rh . "$tmp/tenants")" "profile = chat2desk
token = tok2
profile = chat2desk
token_file = $tmp/token"
echo 'exit 75' >"$tmp/says"
run 0 add fresh --profile chat2desk <<<tok3
says "did not say whether the token is right; try: poller --check --tenant fresh"
rm "$tmp/says" "$tmp/tenants/fresh.conf"

echo "- what is refused, and leaves nothing behind"
before=$(ls -A "$tmp/tenants")
run 64 add a/b <<<x
run 64 add .hidden <<<x
run 64 add "$(printf '%065d' 0)" <<<x
run 64 add n --url ftp://x <<<x
run 64 add n --url "$(printf 'http://x\nbudget = 1')" <<<x
secrets=$(tr -d '\n\t' <common/conf/conf_keys.c |
	grep -o 'SECRET("crm", "[a-z_]*"' | cut -d '"' -f 4)
[ "$(wc -w <<<"$secrets")" -ge 3 ] || fail "which keys are secrets? '$secrets'"
for key in $secrets; do
	run 64 add n --set "$key=canary" <<<x
	says "$key must not stand on the command line; set ${key}_file"
	run 64 add n --set "$key = canary" <<<x
	says "$key must not stand"
	! grep -q canary "$tmp/err" || fail "$key is shown"
done
run 64 add n --set nonsense <<<x
run 65 add n </dev/null
says "no token"
run 64 add n <<<"$(printf 'a\033b')"
run 65 add n --token-file "$tmp/none" </dev/null
run 65 add zeta <<<x
says "is a section of"
run 64 frobnicate
run 64
if [ -x "$MESSAGING_BIN/poller" ]; then
	run 78 add n --set histroy=all <<<x
	says "unknown key 'histroy'"
	run 78 add n --set concurrency=none <<<x
	says "Z tenant: poller: $tmp/tenants/n.conf: concurrency = none is not"
	run 78 add n --profile chat2desk --set ca_file=none.pem <<<x
	says "$tmp/tenants/none.pem"
	! grep -q /dev/ "$tmp/err" || fail "$(cat "$tmp/err")"
fi
is "the folder" "$(ls -A "$tmp/tenants")" "$before"

if [ -x "$MESSAGING_BIN/poller" ]; then
	echo "- relative paths begin in the folder, for who checks them, too"
	cp poller/profiles/chat2desk.jq "$tmp/tenants/own.jq"
	run 0 add own --profile ./own.jq --url https://api.example.com/v1 <<<x
	rm "$tmp/tenants"/own.*
fi

echo "- a backslash and an n are two characters, in every shell"
mkdir "$tmp/d\\nir" "$tmp/empty"
echo secret >"$tmp/to\\nken"
printf '[poller]\ntenants = d\\nir\n' >"$tmp/slashed"
MESSAGING_BIN=$tmp/empty "$scripts/tenant" -c "$tmp/slashed" add slashed \
	--url 'https://x/v1\nassign = yes' --profile 'a\nb = c' \
	--token-file "$tmp/to\\nken" </dev/null
is "the file" "$(cat "$tmp/d\\nir/slashed.conf")" \
	"url = https://x/v1\\nassign = yes
profile = a\\nb = c
token_file = $tmp/to\\nken"
run 64 add 'a\nb' <<<x
says "Z tenant: 'a\\\\nb' is not a name"

echo "- of several that add the same one wins"
for i in 1 2 3 4 5 6; do
	(
		! "$scripts/tenant" -c "$tmp/conf" add race --profile chat2desk <<<"t$i" 2>/dev/null ||
			echo "$i" >>"$tmp/won"
	) &
done
wait
is "winners" "$(wc -l <"$tmp/won")" 1
is "its token" "$(cat "$tmp/tenants/race.conf")" "profile = chat2desk
token = t$(cat "$tmp/won")"

echo "- ended in the middle: no token stays, at the latest when it is removed"
mkdir "$tmp/deadly"
cat >"$tmp/deadly/poller" <<'END'
#!/bin/sh
# Its parent is the script or a subshell of it.
script=$PPID
read -r _ _ _ above _ <"/proc/$PPID/stat"
[ "$(cat "/proc/$above/comm")" != tenant ] || script=$above
kill -"$(cat "${0%/*}/signal")" "$script"
END
chmod +x "$tmp/deadly/poller"
while read -r signal code left; do
	echo "$signal" >"$tmp/deadly/signal"
	MESSAGING_BIN=$tmp/deadly run "$code" add ended <<<canary
	is "files after $signal" "$(find "$tmp/tenants" -name '.*.conf.*' |
		wc -l)" "$left"
done <<'END'
INT 130 0
TERM 143 0
HUP 143 0
KILL 137 2
END
run 65 remove ended
! grep -r canary "$tmp/tenants" || fail "a token that nobody uses"

echo "- list and remove"
run 0 list
is "the list" "$(jq -r '"\(.tenant) \(.state) \(.url)"' "$tmp/out")" \
	"acme never stored null
other never stored null
race never stored null
zeta never stored http://127.0.0.1:1/v1"
run 0 list -o table
head -n 1 "$tmp/out" | grep -q '^TENANT  NEWEST SNAPSHOT  STATE' ||
	fail "$(cat "$tmp/out")"
! grep -q tok2 "$tmp/out" || fail "a token is shown"
run 0 remove race
[ ! -e "$tmp/tenants/race.conf" ] || fail "it is still there"
run 65 remove race
run 65 remove zeta
printf '\n[mysql]\nurl = mysql://x:y@127.0.0.1:1/z\n' >>"$tmp/conf"
run 69 list
grep -q '"tenant":"acme".*"state":"unknown"' "$tmp/out" ||
	fail "no list without the database: $(cat "$tmp/out")"
sed -i '/tenants/d' "$tmp/conf"
run 78 add n <<<x
says "set tenants = DIR"

echo "- through a link: folders are those that the programs use"
mkdir "$tmp/at" "$tmp/at/tenants" "$tmp/elsewhere"
printf '[poller]\ntenants = tenants\n' >"$tmp/elsewhere/conf"
ln -s ../elsewhere/conf "$tmp/at/messaging.conf"
for way in "$tmp/at/messaging.conf" messaging.conf; do
	(cd "$tmp/at" && "$scripts/tenant" -c "$way" add linked --replace --profile chat2desk <<<x) ||
		fail "tenant -c $way: $?"
	is "beside the link" "$(ls -A "$tmp/at/tenants")" linked.conf
	is "where it leads" "$(ls -A "$tmp/elsewhere")" conf
	rm "$tmp/at/tenants/linked.conf"
done

echo "- purged: what the poller keeps goes, unless the rows could not"
printf '[poller]\nstate = at\n[metrics]\nfolder = at\n' >"$tmp/kept"
while read -r code state; do
	printf '#!/bin/sh\nexit %s\n' "$code" >"$tmp/deadly/reaper"
	chmod +x "$tmp/deadly/reaper"
	: >"$tmp/at/gone.mdb"
	: >"$tmp/at/messaging_calls_poll_gone.prom"
	rc=0
	"$scripts/tenant" -b "$tmp/deadly" -c "$tmp/kept" remove gone --purge || rc=$?
	is "exit code" "$rc" "$code"
	is "state after $code" "$(find "$tmp/at" -name gone.mdb -printf kept)" \
		"${state#gone}"
	[ ! -e "$tmp/at/messaging_calls_poll_gone.prom" ] || fail "its calls"
done <<'END'
75 kept
66 gone
0 gone
END
echo "- purged without ever having had rows"
mkdir -p "$tmp/at/tenants"
printf '[poller]\nstate = at\ntenants = at/tenants\n' >"$tmp/never"
: >"$tmp/at/tenants/gone.conf"
printf '#!/bin/sh\nexit 66\n' >"$tmp/deadly/reaper"
"$scripts/tenant" -b "$tmp/deadly" -c "$tmp/never" remove gone --purge ||
	fail "exit code $?"
[ ! -e "$tmp/at/tenants/gone.conf" ] || fail "it stays"
printf '#!/bin/sh\nexit 0\n' >"$tmp/deadly/reaper"

echo "- purged while a poller has the state open: its file stays until then"
: >"$tmp/at/gone.mdb"
lock=$tmp/at/gone.mdb-lock
# /proc/locks only shows a lock in containers while the process that took it
# lives.
mkfifo "$tmp/held"
flock -s "$lock" cat "$tmp/held" &
until flock -n "$lock" true; [ $? = 1 ]; do :; done
"$scripts/tenant" -b "$tmp/deadly" -c "$tmp/kept" remove gone --purge &
until grep -q -e "-> FLOCK .*:$(stat -c %i "$lock") " /proc/locks; do
	kill -0 $! 2>/dev/null || fail "it did not wait"
done
[ -e "$tmp/at/gone.mdb" ] || fail "the file of an open state is gone"
: >"$tmp/held"
wait $! || fail "exit code $?"
is "what is left" "$(find "$tmp/at" -name 'gone.*')" ""

echo "- as another system writes files: with a mark, and CR at the ends of lines"
printf '\357\273\277[crm first]\r\n[poller]\r\ntenants = at/tenants\r\n' \
	>"$tmp/marked"
printf '\357\273\277url = https://x/v1\r\n' >"$tmp/at/tenants/second.conf"
"$scripts/tenant" -c "$tmp/marked" list >"$tmp/out" || fail "list: $?"
is "the list" "$(jq -r '"\(.tenant) \(.url)"' "$tmp/out")" "first null
second https://x/v1"

echo "- cells of a table: side by side whatever their script, plain, and cut"
shown() { # FORMAT TITLE...
	bash -c '. "$0" && show "$@"' "$scripts/lib.sh" "$@"
}
is "widths" "$(printf '%b\t12\t1\n' 日本語 Зоя '\0001' 'a\\tb' '\033[2J' \
	'\u202ex' | shown table 'first_name' 'n#' 'yes?')" "FIRST NAME   N  YES
日本語      12  yes
Зоя         12  yes
-           12  yes
a?b         12  yes
?[2J        12  yes
?x          12  yes"
long=$(printf '%0200d' 0)
is "cut" "$(printf '%s\tx\ny\t%s\n' "$long" "$long" | shown table name last |
	sed 1d)" "$(printf '%.59s…  x\n%-60s  %s' "$long" y "$long")"
is "no rows" "$(shown table name last </dev/null)" "NAME  LAST"
is "lines" "$(printf '%b\t5\t0\n' 'a\\\\"b' '\0001' | shown ndjson name 'n#' 'yes?')" \
	'{"name":"a\\\"b","n":5,"yes":false}
{"name":null,"n":5,"yes":false}'

echo "- cells of CSV: quoted, and no formula"
cat >"$tmp/cells" <<'END'
a,b|"a,b"
say "hi"|"say ""hi"""
=1|'=1
-x|'-x
＝1|'＝1
\\t=1|'\t=1
\\n=1|"'\n=1"
\r=1|"'\r=1"
a\r\\nb|"a\r\nb"
\0001|
END
while IFS='|' read -r cell want; do
	is "$cell" "$(printf '%b\t%s\n' "$cell" -5 | shown csv name 'n#' |
		tail -n +2)" "$(printf '%b,-5\r' "$want")"
done <"$tmp/cells"
