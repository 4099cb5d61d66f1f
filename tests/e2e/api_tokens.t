#!/bin/sh
# Who may read: tokens of sink --token and of others, revoked ones, the login
# of a browser, and what is written down; see api_tokens.py.
exec python3 -B "$(dirname "$0")/api_tokens.py"
