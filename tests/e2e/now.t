#!/usr/bin/env bash
# sink --now and scripts/report on a terminal: see now.py.
set -eu
exec python3 -B tests/e2e/now.py
