#!/bin/sh
# What a list costs whose filter has no index; see api_filters.py.
exec python3 -B "$(dirname "$0")/api_filters.py"
