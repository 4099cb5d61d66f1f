#!/bin/sh
# Checks rules that the compiler does not: banned functions, foreign libraries
# only in their files, includes in one direction (tests/lint/rooms) and only of
# used headers, and layout.
# Prints FILE:LINE: COMPLAINT for each violation and exits with 1 if there was
# one.
#
# usage: check-style.sh [FILE...]        (default: every source of the tree)
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.."

max_line=80

# Exceptions to the rules, with reasons: RULE FILE [NAME]. Rules: call NAME (a
# banned function), way_out (an errno without syserr_way_out()).
allowances() {
	sed 's/#.*//; /^[[:space:]]*$/d' <<'END'
call common/base/xalloc.c malloc    # the home of allocation
call common/base/xalloc.c calloc
call common/base/xalloc.c realloc
call common/base/xalloc.c strdup
call common/base/xalloc.c strndup
call common/base/clock.c clock_gettime  # clock_*() are its only callers
call common/base/log.c strerror     # log_errno() is its only caller
call common/base/log.c strerror_r
call common/base/prog.c exit        # prog_die(), and before anything can be logged
way_out common/base/log.c           # the home of log_errno()
way_out common/digest/random.c      # a system call that takes no name
way_out poller/crm/profile_jq.c     # a timer that cannot be made
way_out common/lmdb/lmdb_file.c     # the error is known
END
}

# FOREIGN HEADER (a pattern) and the files that may include it (another).
libraries() {
	cat <<'END'
^curl/ ^(poller/crm/http|tests/crm/push)[.]c$
^j[qv][.]h$ ^poller/crm/profile_jq[.]c$
^lmdb[.]h$ ^(tests/unit/poller/crm/test_store[.]c|common/lmdb/lmdb_file[.]c)$
^amqp ^common/(amqp|endpoint)/(endpoint_)?amqp[a-z_]*[.][ch]$
^(mysql|mariadb|mysqld_error|errmsg) ^(common/db/db[a-z_]*|tests/bench/peers/store)[.][ch]$
^jansson[.]h$ ^(common/base/prog|common/tokens/jwt|poller/crm/(json_read|profile[a-z_]*)|poller/intake/route[a-z_]*|sink/resources/by_hand|poller/crm/tape|sink/report/[a-z_]*|sink/modes/mode_explain|tests/.*)[.][ch]$
^uni(case|ctype|norm|str|width)[.]h$ ^(common/(base/(log|parse)|output/output_table|json/json_text)|aggregator/words/text_words)[.]c$
^xxhash[.]h$ ^common/digest/hash[.]h$
^openssl/ ^(common/digest/(signature|hash)|tests/unit/common/digest/test_signature)[.]c$
^libical/ ^common/hours/holidays[.]c$
^microhttpd[.]h$ ^(tests/|common/http/(web|event_topic|server[a-z_]*)[.][ch]$)
^cmocka[.]h$ ^tests/unit/
END
}

# HEADER, and names of which each .c file that includes it must use one.
uses() {
	cat <<'END'
errno.h errno|E[A-Z][A-Z0-9]+
inttypes.h (PRI|SCN)[a-zA-Z0-9]+
stdio.h v?[a-z]*printf|FILE|EOF|std(in|out|err)|f?put[cs]|putchar|f(open|close|flush|read|write)|rename|remove|getline|fdopen|perror
stdlib.h free|malloc|qsort|bsearch|[a-z_]*env|strto[a-z]+|(ll?)?abs|_?exit|atexit|abort|EXIT_[A-Z]+|mks?d?temp|realpath|s?rand|rand_r
string.h mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|str(n?len|n?cmp|r?chr|str|c?spn|pbrk|n?dup|n?cpy|error|sep|signal|coll)|stpcpy|explicit_bzero|[a-z_]*strcmp
END
}

# ROOM|ROOMS THAT IT MAY INCLUDE, from tests/lint/rooms.
rooms() {
	sed '/^#/d; s/ *| */|/g; s/^ *//' tests/lint/rooms | cut -d '|' -f 1,2
}

# Checks tests/lint/rooms: a room includes only rooms above it, and each that it
# may include; each room exists, with the header in its line.
check_rooms() {
	sed '/^#/d; s/ *| */|/g' tests/lint/rooms | awk -F '|' '
	function complain(what) {
		printf "tests/lint/rooms: %s: %s\n", $1, what
	}
	{
		n = split($2, names, " ")
		for (i = 1; i <= n; i++)
			if (names[i] != "common" && !(names[i] in above))
				complain(names[i] " does not stand above it")
		above[$1] = 1
		if ($3 != "" && (getline line <($1 "/" $3)) < 1)
			complain("there is no " $1 "/" $3)
		if ($4 == "")
			complain("say what it is for")
	}'
	rooms | while IFS='|' read -r room may; do
		for to in $may; do
			[ "$to" = common ] ||
			    grep -qs "^#include \"$to/[^/]*\"" "$room"/*.[ch] ||
			    echo "tests/lint/rooms: $room includes nothing of $to"
		done
	done
	find common poller aggregator sink reaper -mindepth 2 -name '*.[ch]' |
	    sed 's,/[^/]*$,,' | sort -u | while read -r room; do
		rooms | grep -q "^$room|" ||
		    echo "tests/lint/rooms: $room is missing"
	done
}

# Two programs have no files of the same name, unless both do the same.
check_names() {
	find common poller aggregator sink reaper -name '*.[ch]' |
	    sed 's,.*/,,' | sort | uniq -d |
	    grep -vx 'main[.]c\|modes[.][ch]\|check[.]c' |
	    sed 's/$/: the name of two files/'
}

# Comments are blanked out, because they may contain banned names.
# shellcheck disable=SC2016
code_rules='
	function complain(line, what) {
		printf "%s:%d: %s\n", file, line, what
	}
	# The columns of a line, with tabs expanded.
	function columns(s,    n, i, part, wide) {
		n = split(s, part, "\t")
		for (i = 1; i < n; i++) {
			wide += length(part[i])
			wide += 8 - wide % 8
		}
		return wide + length(part[n])
	}
	function begin_file(    guard) {
		end_file()
		file = FILENAME
		in_comment = told = 0
		guarded = file !~ /[.]h$/
		guard = toupper(file)
		gsub(/[\/.-]/, "_", guard)
		sub(/^TESTS_UNIT_/, "", guard) # may say TESTS_X_H
		guard_line = "^#ifndef [A-Z_]*" guard "$"
		guard_name = guard
	}
	function end_file(    path) {
		for (path in included) {
			complain(included[path], "<" path "> is not used")
			delete included[path]
		}
		if (file != "" && !guarded)
			complain(1, "no include guard ..._" guard_name)
	}
	function allowed(rule, name) {
		return (rule " " file " " name) in ok
	}
	function strip(s,    out, p, q) {
		if (!in_comment && s !~ /["*]/)
			return s
		out = ""
		while (s != "") {
			if (in_comment) {
				p = index(s, "*/")
				if (p == 0)
					return out
				in_comment = 0
				s = substr(s, p + 2)
				continue
			}
			p = index(s, "/*")
			q = match(s, /"([^"\\]|\\.)*"/)
			if (q > 0 && (p == 0 || q < p)) {
				# Only includes keep their strings.
				out = out substr(s, 1, q - 1)
				if (s ~ /^#include/)
					out = out substr(s, q, RLENGTH)
				else
					out = out "\"\""
				s = substr(s, q + RLENGTH)
			} else if (p > 0) {
				out = out substr(s, 1, p - 1) " "
				in_comment = 1
				s = substr(s, p + 2)
			} else {
				return out s
			}
		}
		return out
	}
	function check_calls(s,    i, name, rest) {
		# True for nearly every line; the rest is slow
		if (" " s !~ any_banned)
			return
		for (i = 1; i <= banned_n; i++) {
			name = banned[i]
			if (name == "exit" &&
			    file ~ /(^|\/)main\.c$|^tests\/tools\//)
				continue
			if (name ~ /jmp$|^clock/ && file ~ /^tests\//)
				continue
			if (match(" " s, "[^A-Za-z0-9_.>]" name "[ \t]*\\(") &&
			    !allowed("call", name))
				complain(FNR, "banned here: " name "()")
		}
	}
	# A message with the text of an errno also gives advice.
	function check_way_out(s) {
		if (s ~ /[^a-z_]log_errno\(/)
			told = FNR
		if (s ~ /syserr_way_out\(/)
			told = 0
		if (told > 0 && s ~ /;[ \t]*$/) {
			complain(told, "log_errno() without syserr_way_out()")
			told = 0
		}
	}
	function check_include(s,    quoted, path, i, dir) {
		quoted = s ~ /"/
		path = s
		sub(/^#[ \t]*include[ \t]*[<"]/, "", path)
		sub(/[>"].*/, "", path)
		for (i = 1; i <= libs_n; i++) {
			split(lib[i], part, " ")
			if (!quoted && path ~ part[1] && file !~ part[2])
				complain(FNR, "<" path "> may be included by " \
				    part[2] " only")
		}
		if (path in names && file ~ /[.]c$/)
			included[path] = FNR
		if (!quoted || file ~ /^tests\//)
			return
		dir = file
		sub(/\/.*/, "", dir)
		if (path ~ /\// && path !~ "^(common|" dir ")/")
			complain(FNR, "\"" path "\" belongs to another " \
			    "program: only common/ is shared")
		else if (path ~ /\//)
			check_room(path)
	}
	function check_uses(s,    path) {
		for (path in included)
			if ((" " s " ") ~ names[path])
				delete included[path]
	}
	function room_of(path) {
		sub(/\/[^\/]*$/, "", path)
		return path
	}
	# The main folder of a program is not a room.
	function check_room(path,    from, to) {
		from = room_of(file)
		to = room_of(path)
		if (from == to || from !~ /\//)
			return
		if (!(from in may))
			complain(FNR, from " is not a room of tests/lint/rooms")
		else if (!((" " may[from] " ") ~ (" " to " ")) &&
		    !(to ~ /^common\// && (" " may[from] " ") ~ / common /))
			complain(FNR, from " may not include " to \
			    ", see tests/lint/rooms")
	}
	BEGIN {
		banned_n = split("sprintf vsprintf strcpy strcat strncpy " \
		    "strncat strtok atoi atol atoll atof sscanf gets alloca " \
		    "system popen setjmp longjmp strerror strerror_r exit " \
		    "malloc calloc realloc reallocarray strdup strndup " \
		    "asprintf vasprintf usleep clock_gettime", banned, " ")
		for (i = 1; i <= banned_n; i++)
			any_banned = any_banned (i > 1 ? "|" : "") banned[i]
		any_banned = "[^A-Za-z0-9_.>](" any_banned ")[ \t]*\\("
		n = split(allow, lines, "\n")
		for (i = 1; i <= n; i++) {
			split(lines[i], part, " ")
			ok[part[1] " " part[2] " " part[3]] = 1
		}
		libs_n = split(libs, lib, "\n")
		n = split(uses, lines, "\n")
		for (i = 1; i <= n; i++) {
			split(lines[i], part, " ")
			names[part[1]] = "[^A-Za-z0-9_](" part[2] \
			    ")[^A-Za-z0-9_]"
		}
		n = split(rooms, lines, "\n")
		for (i = 1; i <= n; i++) {
			split(lines[i], part, "|")
			may[part[1]] = part[2]
		}
	}
	FNR == 1 { begin_file() }
	columns($0) > max_line {
		complain(FNR, "longer than " max_line " columns")
	}
	$0 ~ guard_line { guarded = 1 }
	FNR == 1 && $0 !~ /^\/\*/ {
		complain(1, "begin with a comment: what is it, and why")
	}
	/\/\/ / && $0 !~ /"/ && !in_comment && $0 !~ /\*/ {
		complain(FNR, "write comments as /* */")
	}
	{ code = strip($0) }
	code ~ /^#[ \t]*include/ { check_include(code) }
	code !~ /^#[ \t]*include/ {
		check_calls(code)
		check_uses(code)
		if (file !~ /^tests\/|[.]h$/ && !allowed("way_out", ""))
			check_way_out(code)
	}
	END { end_file() }'

check_code() {
	grep '[.][ch]$' "$1" | xargs -r awk -v allow="$(allowances)" \
	    -v libs="$(libraries)" -v max_line="$max_line" \
	    -v rooms="$(rooms)" -v uses="$(uses)" "$code_rules"
}

# Checks the ends of lines and of files in every text file.
check_text() {
	# shellcheck disable=SC2016
	xargs -r awk '
	/[ \t]$/ && $0 !~ /^[ \t]*$/ {
		printf "%s:%d: trailing blanks\n", FILENAME, FNR
	}
	/^[ \t]+$/ { printf "%s:%d: a line of blanks\n", FILENAME, FNR }
	/\r$/ { printf "%s:%d: carriage return\n", FILENAME, FNR }
	/^(<<<<<<<|>>>>>>>) / { printf "%s:%d: merge mark\n", FILENAME, FNR }
	/(TODO|FIXME|XXX)[ :(]/ && FILENAME !~ /check-style/ {
		printf "%s:%d: unfinished business\n", FILENAME, FNR
	}' <"$1"
	xargs -r grep -LPz '^$|\n\z' <"$1" | sed 's/$/: no newline at the end/'
}

sources() {
	find . \( -name .git -o -name build -o -name __pycache__ \) -prune \
	    -o -type f \( -name '*.[ch157]' -o -name '*.sh' -o -name '*.t' \
	    -o -name '*.py' -o -name '*.jq' -o -name '*.sql' -o -name '*.md' \
	    -o -name Makefile -o -path './scripts/*' \) -print |
	    sed 's,^[.]/,,' | sort
}

format() {
	if ! command -v clang-format >/dev/null; then
		echo "check-style: clang-format is missing, layout is not" \
		    "checked" >&2
		return 0
	fi
	grep '\.[ch]$' "$1" | xargs -r -n 200 -P 2 clang-format --dry-run 2>&1 |
	    sed -n 's/^\([^:]*\):[0-9:]* .*violations\]$/\1/p' | sort -u |
	    sed 's/$/: run clang-format -i on it/'
}

list=$(mktemp "${TMPDIR:-/tmp}/check-style.XXXXXX")
complaints=$list.complaints
trap 'rm -f "$list" "$complaints"' EXIT
trap 'exit 1' HUP INT TERM

if [ $# -gt 0 ]; then
	printf '%s\n' "$@" >"$list"
else
	sources >"$list"
fi

{
	check_text "$list"
	check_code "$list"
} >"$complaints"
format "$list" >>"$complaints"
if [ $# = 0 ]; then
	check_rooms
	check_names
fi >>"$complaints"

if [ -s "$complaints" ]; then
	cat "$complaints" >&2
	exit 1
fi
