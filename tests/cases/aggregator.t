#!/bin/sh
# Runs the aggregator as a filter on the text cases in tests/cases/aggregator.
exec python3 tests/cases/text_cases.py aggregator
