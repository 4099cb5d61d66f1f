#!/bin/sh
# Random worlds of a simulated Qiscus, whose chats we give to agents while
# webhooks are lost, repeated and late and everything is killed: nobody above
# the limit, no chat given twice, in order, nobody forgotten.
# 12 of them (LONG=1: 200); SEED=N repeats one.
set -eu
command -v python3 >/dev/null || {
	echo "skipped: no python3"
	exit 77
}
exec python3 -B tests/e2e/allocation_worlds.py
