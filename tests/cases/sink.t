#!/bin/sh
# Runs the text cases of the sink without a database: options, configuration and
# their messages.
exec python3 tests/cases/text_cases.py sink
