#!/bin/sh
# Files that keep their lines when a customer is forgotten: the audit of sink
# --serve, and the counts of the event counter, with an alias in the place of the
# id; beside a server that runs, and killed at any time.
exec python3 -B "$(dirname "$0")/forget_files.py"
