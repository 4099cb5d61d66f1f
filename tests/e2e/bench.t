#!/bin/sh
# The bench runs, small: what it compares is equal, whatever the metrics are.
# LONG=1 runs more of it.
set -eu
compiler=${CC:-cc}
for program in python3 make "${compiler%% *}"; do
	command -v "$program" >/dev/null || {
		echo "skipped: no $program"
		exit 77
	}
done
export BENCH_ROUNDS=1
if [ "${LONG:-}" != 1 ]; then
	BENCH_SCALE=0.002 exec tests/bench/run parse
fi
export BENCH_SCALE=0.01
tests/bench/run parse partitions pipeline
BENCH_SCALE=0.002 tests/bench/run serve
# Each sampled record is followed to its commit, or it fails.
BENCH_SCALE=0.05 tests/bench/run trace
