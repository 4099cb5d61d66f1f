#!/usr/bin/env -S python3 -B
"""reaper --export shows everything about a customer; after --forget nothing of
them is left and the metrics are unchanged, also when the reaper runs twice at
once, or rows arrive later."""

import forget
import harness

harness.main(forget.body)
