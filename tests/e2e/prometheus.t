#!/bin/sh
# Debian's Prometheus and node_exporter over all daemons while these, the broker
# and the database are killed: each alert fires in its fault and in no other, no
# scrape fails but of what is dead, no counter goes back but at a restart; see
# prometheus.py.
exec python3 -B "$(dirname "$0")/prometheus.py"
