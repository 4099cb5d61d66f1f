#!/bin/sh
# Rows from two aggregators to a sink through unix:PATH: all three are killed
# -9 again and again, the sink is away or stands still, others write there what
# is no row. In the end the tables hold what the generator counted and what the
# same records give by hand. SEED=N repeats a run.
exec python3 -B "$(dirname "$0")/unix_socket.py"
