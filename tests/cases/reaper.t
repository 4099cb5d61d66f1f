#!/bin/sh
# Runs the text cases of the reaper without a database: options, configuration
# and their messages.
exec python3 tests/cases/text_cases.py reaper
