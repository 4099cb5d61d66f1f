#!/bin/sh
# Days and months of responses, and hours of analyses, are the sums of what is
# stored, whatever comes late, twice or out of order, from several sinks at once that are killed; and
# after damage, an upgrade, or a deletion of old rows. SEED=n repeats one.
exec python3 -B "$(dirname "$0")/rollup.py"
