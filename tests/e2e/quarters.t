#!/bin/sh
# Quarters of hours are those of the hour, in whatever order, from however many
# transactions the rows of the hour and its intervals come.
exec python3 -B "$(dirname "$0")/quarters.py"
