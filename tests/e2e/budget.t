#!/usr/bin/env -S python3 -B
"""What a schedule costs in calls to the CRM, counted by the simulator, and what
the self-check foretells. LONG=1: a whole busy day instead of two hours."""

import budget
import harness

harness.main(budget.body)
