#!/bin/sh
# reaper --gone: a chat that was deleted in a CRM that does not report that.
exec python3 -B "$(dirname "$0")/gone.py"
