#!/bin/sh
# Runs the poller on the text cases in tests/cases/poller: responses and
# webhooks of CRMs, and the records that their profiles make of them.
exec python3 tests/cases/text_cases.py poller
