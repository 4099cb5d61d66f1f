#!/bin/sh
# Whatever goes wrong outside (the CRM, the network, the disk, a server, the
# input, the configuration): one clear line, the documented exit code,
# previous data untouched, the other tenants served, bounded memory.
# SEED=N repeats a run; fault_injection.py has the table.
exec python3 -B "$(dirname "$0")/fault_injection.py" "$@"
