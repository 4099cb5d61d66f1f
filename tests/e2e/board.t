#!/bin/sh
# The live board in a real Chromium; see board.py. Its pictures are kept in
# build/board, for people to look at.
for python in python3 /usr/bin/python3; do
	if $python -c 'import selenium' 2>/dev/null; then
		exec $python -B "$(dirname "$0")/board.py"
	fi
done
echo "python3-selenium is missing; run: scripts/install-deps browser"
exit 77
