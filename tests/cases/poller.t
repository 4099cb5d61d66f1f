#!/bin/sh
# The poller on the text cases in tests/cases/poller: answers and webhooks of
# CRMs, and what their profiles make of them.
exec python3 tests/cases/text_cases.py poller
