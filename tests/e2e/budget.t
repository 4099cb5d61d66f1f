#!/usr/bin/env -S python3 -B
"""The cost of a schedule in calls to the CRM, counted by the simulator, and
the prediction of the self-check. LONG=1: a whole busy day instead of two
hours.
"""

import budget
import harness

harness.main(budget.body)
