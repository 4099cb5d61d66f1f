#!/bin/sh
# What a schedule costs in calls to the CRM, counted by the simulator, and
# what The self-check foretells. LONG=1: a whole busy day instead of two hours.
exec python3 -B "$(dirname "$0")/budget.py"
