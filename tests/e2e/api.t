#!/usr/bin/env -S python3 -B
"""The API over HTTP and in a terminal: each resource, for each role and tenant."""

import api
import harness

harness.run_checks(api.Test)
