#!/bin/sh
# A tenant whose CRM does not answer does not delay another.
exec python3 -B "$(dirname "$0")/tenants.py"
