#!/bin/sh
# Chaos: the four programs are killed at random moments of 50 cycles (LONG=1:
# 500), broker and database too, while a reader looks all the time. Every row
# it sees is the one the oracle expects at that row's as_of, no chat with a
# tombstone is seen again, and in the end the tables are the oracle's.
# SEED=N repeats a run.
exec python3 -B "$(dirname "$0")/chaos.py"
