#!/bin/sh
# Tokens of teams, and agents: whose rows and totals they see; api_teams.py.
exec python3 -B "$(dirname "$0")/api_teams.py"
