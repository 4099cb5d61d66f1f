#!/usr/bin/env -S python3 -B
"""Requests that the listener answered with success reach the queue, although
listener and broker are killed under load.
"""

import harness
import listen

harness.main(listen.body)
