#!/bin/sh
# The dashboards of scripts/grafana: each query runs against a filled database as
# the user whom grants.sql.example gives to Grafana, and answers what its panel
# wants; each of Prometheus' names only metrics that there are; see grafana.py.
exec python3 -B "$(dirname "$0")/grafana.py"
