#!/bin/sh
# man-lint: every program has its page, every page is clean mdoc, fits a
# screen of 80 columns, and is shown by man(1)'s other formatter too.
set -eu

command -v mandoc >/dev/null || {
	echo "mandoc is missing"
	exit 77
}
bad=0
for page in poller.1 aggregator.1 sink.1 reaper.1 messaging.conf.5 \
	messaging-records.5 messaging-profile.5 messaging-analytics.7; do
	if [ ! -f "man/$page" ]; then
		echo "man/$page is missing"
		bad=1
		continue
	fi
	mandoc -T lint -W warning "man/$page" || bad=1
	# Records in examples are lines that must not be broken.
	mandoc -T ascii -O width=80 "man/$page" | sed 's/.\x08//g' |
		grep -v '^ *{"type"' | awk -v page="$page" 'length > 80 {
			print page ": wider than 80 columns: " $0
			wide = 1
		}
		END { exit wide }' || bad=1
done
for page in man/*; do
	case $page in
	*.[157] | *.svg) ;;
	*) echo "$page: what is that?" && bad=1 ;;
	esac
done
exit $bad
