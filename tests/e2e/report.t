#!/bin/sh
# sink --report; see report.py. With Chromium and python3-selenium its pictures
# are kept in build/report, for people to look at.
python=/usr/bin/python3
$python -c 'import selenium' 2>/dev/null || python=python3
exec $python -B "$(dirname "$0")/report.py"
