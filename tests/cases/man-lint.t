#!/bin/sh
# man-lint: every program has its page, every page is clean mdoc and fits a
# screen of 80 columns.
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
	man/man[157] | *.svg | *.png) ;;
	*) echo "$file: what is that?" && bad=1 ;;
	esac
done

# apropos messaging finds each page.
if command -v mandb >/dev/null && command -v apropos >/dev/null; then
	index=$(mktemp -d "${TMPDIR:-/tmp}/man.XXXXXX")
	trap 'rm -rf "$index"' EXIT
	cp -R man/man? "$index"
	mandb -q -c "$index" 2>/dev/null || :
	apropos -l -M "$index" messaging >"$index/found" || :
	for page in man/man?/*; do
		name=${page##*/}
		grep -q "^${name%.*} (${name##*.})" "$index/found" ||
			{ echo "$page: apropos messaging does not find it" && bad=1; }
	done
fi
exit $bad
