#!/bin/sh
# A customer is forgotten while a stream runs: its state, the log and a staged
# snapshot have nothing of them any more, and the metrics go on as if nothing had
# happened; with the aggregator away, and killed at any time.
exec python3 -B "$(dirname "$0")/forget_stream.py"
