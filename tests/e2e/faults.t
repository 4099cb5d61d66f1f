#!/bin/sh
# Every point of common/base/fault.def: the program dies there, runs again, and
# the tables are those of an undisturbed run. ONLY=WORD: points with that word.
exec python3 -B "$(dirname "$0")/faults.py"
