#!/bin/sh
# Slow clients, floods and crowds at the listener's door.
exec python3 -B "$(dirname "$0")/listen_bounds.py"
