#!/usr/bin/env bash
# scripts/servers: two sets at once, in a folder with a name too long for a
# socket, killed and started again, stopped without a trace.
set -eu
. tests/e2e/lib.sh

servers=$PWD/scripts/servers
long=$tmp/$(printf 'a folder with blanks and a long name %.0s' 1 2 3)
trap '"$servers" stop "$tmp/one" || :; "$servers" stop "$long" || :
	clean_up' EXIT
if ! PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null ||
	[ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; then
	echo "rabbitmq-server or mariadb-server is not installed"
	exit 77
fi

# pids DIR: of all that runs there, the port mapper too.
pids() {
	cat "$1"/*/*pid 2>/dev/null | cut -d' ' -f 1 | sort -u
}

# Read once: a process may end between two looks.
runs() {
	grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

# began PID: when, in clock ticks since boot: its number is soon another's.
began() {
	sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# select_1 DIR: as the application's user, by the URL.
select_1() {
	mariadb --defaults-file="$1/mariadb/client.cnf" -N -e 'select 1' messaging
}

# A server that ended, and is collected while somebody looks whether it runs:
# whoever reads /proc through this sed finds it gone the second time.
mkdir -p "$tmp/bin" "$tmp/ended/mariadb"
cat >"$tmp/bin/sed" <<END
#!/bin/sh
$(command -v sed) "\$@"
touch "$tmp/read"
until [ -e "$tmp/collected" ]; do sleep 0.01; done
END
chmod +x "$tmp/bin/sed"
perl -e 'my ($dir) = @ARGV;
	my $child = fork() // die;
	exit 0 unless $child;
	sub stat_of { open(my $f, "<", "/proc/$child/stat") or die;
		my $s = <$f>; $s =~ s/^.*\) //; return split / /, $s }
	select(undef, undef, undef, 0.01) until (stat_of())[0] eq "Z";
	open(my $pid, ">", "$dir/ended/mariadb/pid") or die;
	print $pid "$child ", (stat_of())[19], "\n";
	close $pid;
	select(undef, undef, undef, 0.01) until -e "$dir/read";
	waitpid $child, 0;
	open(my $done, ">", "$dir/collected") or die' "$tmp" &
until_true 20 test -s "$tmp/ended/mariadb/pid" || fail "there is no zombie"
PATH=$tmp/bin:$PATH "$servers" status "$tmp/ended" >"$tmp/status" &&
	fail "what has ended runs: $(cat "$tmp/status")"
grep -qx 'mariadb down' "$tmp/status" || fail "no: $(cat "$tmp/status")"

mkdir "$tmp/one" "$long"
"$servers" start "$tmp/one" &
one=$!
"$servers" start "$long" &
two=$!
wait $one || fail "the first set does not start"
wait $two || fail "the second set does not start"
for dir in "$tmp/one" "$long"; do
	[ "$("$servers" status "$dir" | grep -c ' up ')" = 2 ] ||
		fail "not both run in $dir"
	[ "$(select_1 "$dir")" = 1 ] || fail "no database in $dir"
	[ "$("$servers" mysql "$dir" -N -e 'select user()')" = root@localhost ] ||
		fail "no root in $dir"
	[ "$(stat -c %a "$dir/rabbitmq" "$dir/mariadb" | uniq)" = 700 ] ||
		fail "others may look into $dir"
done
eval "$("$servers" env "$tmp/one")"
url=$AMQP_URL
: "$MYSQL_URL" "$MYSQL_SOCKET"
eval "$("$servers" env "$long")"
[ "$url" != "$AMQP_URL" ] || fail "both sets have the same broker"
[ -S "$MYSQL_SOCKET" ] || fail "'$MYSQL_SOCKET' is not a socket"

# Only this machine is listened to, and root only through the socket.
ss -ltnHp >"$tmp/listening"
for pid in $(pids "$tmp/one"); do
	grep "pid=$pid," "$tmp/listening" | awk '{ print $4 }' >"$tmp/addresses"
	[ -s "$tmp/addresses" ] || fail "process $pid listens nowhere"
	! grep -vE '^(127\.0\.0\.1|\[::1\]):' "$tmp/addresses" ||
		fail "process $pid listens to everybody"
done
! mariadb --no-defaults -uroot --protocol=tcp -h 127.0.0.1 \
	-P "$(cat "$tmp/one/mariadb/ports")" -e 'select 1' 2>/dev/null ||
	fail "root comes in by the network"
users=$("$servers" rabbitmqctl "$tmp/one" -q list_users --no-table-headers)
[ "$(echo "$users" | cut -f 1)" = messaging ] || fail "the users: $users"

# What the broker answers is printed; what it cannot answer is an error.
[ "$("$servers" eval "$tmp/one" '{1, none}.')" = "{1, none}" ] ||
	fail "eval prints something else"
! "$servers" eval "$tmp/one" '1 = 2.' 2>"$tmp/err" || fail "1 is 2"
grep -q "cannot evaluate '1 = 2.': .*badmatch" "$tmp/err" ||
	fail "eval says: $(cat "$tmp/err")"

# Killed, and started with the same data and ports.
"$servers" mysql "$tmp/one" messaging -e 'create table t (n int)'
"$servers" rabbitmqctl "$tmp/one" -q add_user other secret
"$servers" kill "$tmp/one" rabbitmq mariadb
! "$servers" status "$tmp/one" >/dev/null || fail "status does not tell"
"$servers" start "$tmp/one"
eval "$("$servers" env "$tmp/one")"
[ "$url" = "$AMQP_URL" ] || fail "the ports have changed"
"$servers" mysql "$tmp/one" messaging -e 'select * from t' ||
	fail "the database lost a table"
"$servers" rabbitmqctl "$tmp/one" -q list_users | grep -q other ||
	fail "the broker lost a user"
"$servers" restart "$tmp/one" mariadb
[ "$(select_1 "$tmp/one")" = 1 ] || fail "no database after a restart"

# A number that belongs to another process now is not signalled.
sleep 1000 &
other=$!
"$servers" stop "$long" mariadb
echo "$other 1" >"$long/mariadb/pid"
"$servers" stop "$long" mariadb
runs $other || fail "it killed a stranger"

# What ends by itself right after it was looked at is killed well enough.
mkdir -p "$tmp/ends/mariadb" "$tmp/path"
bash -c 'sleep 1000 & echo $! >"$1"; wait' - "$tmp/ends/pid" &
until_true 10 test -s "$tmp/ends/pid"
read -r pid <"$tmp/ends/pid"
echo "$pid $(sed 's/^.*) //' "/proc/$pid/stat" | cut -d ' ' -f 20)" \
	>"$tmp/ends/mariadb/pid"
cat >"$tmp/path/sed" <<-END
	#!/bin/sh
	$(command -v sed) "\$@"
	kill -KILL $pid 2>/dev/null
	while [ -e /proc/$pid ]; do sleep 0.01; done
END
chmod +x "$tmp/path/sed"
PATH=$tmp/path:$PATH "$servers" kill "$tmp/ends" mariadb ||
	fail "it cannot kill what has ended"

all=$(for pid in $(pids "$tmp/one"; pids "$long"); do
	echo "$pid:$(began "$pid")"
done)
"$servers" kill "$long" rabbitmq
"$servers" stop "$long"
"$servers" stop "$tmp/one"
"$servers" stop "$tmp/one"
for each in $all; do
	pid=${each%:*}
	[ "$(began "$pid")" != "${each#*:}" ] || ! runs "$pid" ||
		fail "process $pid still runs"
done
[ ! -e "$MYSQL_SOCKET" ] || fail "'$MYSQL_SOCKET' is left behind"
