#!/usr/bin/env -S python3 -B
"""What the listener answered success to reaches the queue, although listener and
broker are killed under load."""

import harness
import listen

harness.main(listen.body)
