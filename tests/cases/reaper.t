#!/bin/sh
# reaper without a database: options, configuration and their messages; text cases.
exec python3 tests/cases/text_cases.py reaper
