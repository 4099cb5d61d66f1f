#!/usr/bin/env bash
# scripts/report --watch on a terminal: see report_watch.py.
set -eu
exec python3 -B tests/e2e/report_watch.py
