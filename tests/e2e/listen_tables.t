#!/bin/sh
# What the listener accepts is in the tables once, whoever is killed.
exec python3 -B "$(dirname "$0")/listen_tables.py"
