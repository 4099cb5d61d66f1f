#!/usr/bin/env python3
"""slow_proxy PORT-FILE TARGET-PORT SLOW-FILE: a TCP proxy before RabbitMQ that, as
soon as SLOW-FILE is there, keeps each method that the broker sends for two
seconds: as a broker with much to do answers each call. Writes its own port to
PORT-FILE when it listens.
"""

import os
import sys
import time

import frame_proxy

SLOW_S = 2
port_file, target, slow = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def from_broker(near, far):
    while True:
        kind, _, frame = frame_proxy.read_frame(far)
        if kind == frame_proxy.METHOD and os.path.exists(slow):
            time.sleep(SLOW_S)
        near.sendall(frame)


frame_proxy.serve(port_file, target, frame_proxy.pass_on, from_broker)
