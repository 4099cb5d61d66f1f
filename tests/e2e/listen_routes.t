#!/usr/bin/env -S python3 -B
"""The routes for messages and events answer the requests of the original
services' documents as printed there, including retries across kill -9, two
concurrent listeners, and tokens.
"""

import harness
import listen_routes

harness.main(listen_routes.body)
