#!/bin/sh
# style: tests/lint/check-style.sh finds what it is there for, in a tree made for
# it, and nothing where there is nothing.
set -eu

dir=$(mktemp -d "${TMPDIR:-/tmp}/style.XXXXXX")
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/tests/lint" "$dir/common/base" "$dir/poller/client" "$dir/sink"
cp tests/lint/check-style.sh tests/lint/rooms "$dir/tests/lint"
cp .clang-format "$dir"

# case NAME FILE EXPECTED: the file's text comes on stdin. EXPECTED is a part
# of the only complaint, or empty for none.
bad=0
case_() {
	mkdir -p "$dir/${2%/*}"
	cat >"$dir/$2"
	out=$("$dir/tests/lint/check-style.sh" "$2" 2>&1) && rc=0 || rc=$?
	rm "$dir/$2"
	# What it says where there is no clang-format is no complaint.
	out=$(printf '%s\n' "$out" | sed '/clang-format is missing/d')
	if [ -z "$3" ] && [ "$rc" = 0 ] && [ -z "$out" ]; then
		return
	fi
	case $out in
	*"
"*) ;; # two complaints, or more
	*"$3"*) [ -z "$3" ] || [ "$rc" != 1 ] || return 0 ;;
	esac
	echo "$1: exit $rc: $out"
	bad=1
}

head='/* x: a file. */'
case_ "a clean file" common/x.c '' <<END
$head
#include <stdio.h>

/* Never strcpy(), says the comment; "malloc(" says a string. */
int
x(void)
{
	return puts("malloc(1) /* no comment");
}
END
case_ "no header comment" common/x.c 'common/x.c:1: begin with' <<END
#include <stdint.h>
END
case_ "an include of nothing used" common/x.c 'c:2: <string.h> is not' <<END
$head
#include <string.h>

/* strlen() */
struct strings {
	char strlen_of[2];
};
END
case_ "an include of a name that is passed on" common/x.c '' <<END
$head
#include <string.h>
#define X apply(strcmp)
END
case_ "a banned function" common/x.c 'common/x.c:6: banned here: strcpy' <<END
$head
/* a
 * comment of two lines */
void x(char *);
#define A 1 /* a */
#define X(a, b) strcpy(a, b)
END
case_ "allocation outside its home" common/x.c 'banned here: calloc' <<END
$head
#define X(a) calloc(1, a)
END
case_ "the clock outside its home" common/x.c 'banned here: clock_gettime' <<END
$head
#define NOW(t) clock_gettime(CLOCK_MONOTONIC, t)
END
case_ "an errno without a way out" common/x.c 'common/x.c:5: log_errno() with' <<END
$head
static void
x(int error)
{
	log_warn("it cannot be; wait: %s", log_errno(error));
	log_warn("it cannot be, for the reason: %s; %s", log_errno(error),
	    syserr_way_out(error));
}
END
case_ "a function of that name elsewhere" common/x.c '' <<END
$head
#define X(o) (o).exit(1), (o)->malloc(1), my_exit(0), exit_now()
END
case_ "exit in main.c" poller/main.c '' <<END
$head
#define X exit(0)
END
case_ "exit elsewhere" poller/x.c 'banned here: exit' <<END
$head
#define X exit(0)
END
case_ "a library in its file" poller/client/http.c '' <<END
$head
#include <curl/curl.h>
END
case_ "a library elsewhere" poller/x.c '<curl/curl.h> may be included' <<END
$head
#include <curl/curl.h>
END
case_ "another program's header" poller/x.c 'belongs to another program' <<END
$head
#include "sink/store/batch_store.h"
END
case_ "a program's header in common" common/x.c 'belongs to another' <<END
$head
#include "poller/client/http.h"
END
case_ "a room below" common/base/x.c 'common/base may not include common/os' <<END
$head
#include "common/os/file.h"
END
case_ "a room above" poller/client/x.c '' <<END
$head
#include "common/os/file.h"
#include "poller/profile/profile.h"
END
case_ "a room that is none" poller/new/x.c 'poller/new is no room' <<END
$head
#include "common/os/file.h"
END
case_ "a long line" common/x.c 'x.c:2: longer than 80 columns' <<END
$head
#include "common/$(printf '%070d' 0).h"
END
case_ "trailing blanks" scripts/x.sh 'scripts/x.sh:2: trailing blanks' <<END
#!/bin/sh
true$(printf '\040')
END
case_ "a header without guard" common/x.h 'no include guard' <<END
$head
int x(void);
END
{
	echo "$head"
	echo 'int'
	echo 'long_one(void)'
	echo '{'
	seq 100 | sed 's/.*/	(void)&;/'
	echo '	return 0;'
	echo '}'
} | case_ "a long function" common/x.c 'long_one() has 103 lines'
{
	echo "$head"
	seq 600 | sed 's/.*/#define X& &/'
} | case_ "a long file" common/x.c 'longer than 600 lines'
if command -v clang-format >/dev/null; then
	case_ "another layout" common/x.c 'run clang-format' <<-END
	$head
	int x( void ) ;
	END
fi

# Without files: the table of rooms, too, and the names of files.
cat >"$dir/tests/lint/rooms" <<END
common/base | | a.h | what is below
poller/client | common common/base | a.h | what is above
END
echo "$head" | tee "$dir/common/base/a.h" >"$dir/poller/client/a.h"
"$dir/tests/lint/check-style.sh" >"$dir/out" 2>&1 || true
for complaint in "a.h: the name of two files" \
	"tests/lint/rooms: poller/client includes nothing of common/base"; do
	grep -qxF "$complaint" "$dir/out" || {
		echo "not found: $complaint"
		bad=1
	}
done
exit $bad
