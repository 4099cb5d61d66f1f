#!/usr/bin/env -S python3 -B
"""The routes for messages and events answer the requests of the original
services' documents as they stand there; retries across kill -9, two listeners at
once and tokens included."""

import harness
import listen_routes

harness.main(listen_routes.body)
