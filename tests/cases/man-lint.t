#!/bin/sh
# man-lint: every program has its page, every page is clean mdoc, fits a
# screen of 80 columns, and is no longer than one can read at a sitting.
set -eu

command -v mandoc >/dev/null || {
	echo "mandoc is missing"
	exit 77
}
bad=0
for program in poller aggregator sink reaper; do
	[ -f man/man1/$program.1 ] ||
		{ echo "man/man1/$program.1 is missing" && bad=1; }
done
for page in man/man?/*; do
	case $page in
	man/man1/*.1 | man/man5/*.5 | man/man7/*.7) ;;
	*) echo "$page: what is that?" && bad=1 ;;
	esac
	# The reference of the tables is looked up, not read; the overview leads
	# to the others.
	case $page in
	*/messaging-tables.5) most=100000 ;;
	*/messaging-analytics.7) most=250 ;;
	*) most=500 ;;
	esac
	lines=$(wc -l <"$page")
	[ "$lines" -le $most ] || {
		echo "$page:$lines: longer than $most lines"
		bad=1
	}
	mandoc -T lint -W warning "$page" || bad=1
	# Records and tables in examples are lines that must not be broken.
	mandoc -T ascii -O width=80 "$page" | sed 's/.\x08//g' |
		grep -Ev '^ *([{]"type"|TIME  |20[0-9-]+ [0-9:.]+  )' | awk -v page="$page" 'length > 80 {
			print page ": wider than 80 columns: " $0
			wide = 1
		}
		END { exit wide }' || bad=1
done
for file in man/*; do
	case $file in
	man/man[157] | *.svg) ;;
	*) echo "$file: what is that?" && bad=1 ;;
	esac
done
exit $bad
