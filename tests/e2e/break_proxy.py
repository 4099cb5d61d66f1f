#!/usr/bin/env python3
"""break_proxy PORT-FILE TARGET-PORT N: a TCP proxy before RabbitMQ that cuts one
connection, as a network does: the first that acknowledges N times, instead of
passing that on. All others are left alone. Writes its own port to PORT-FILE
when it listens.
"""

import sys
import threading

import frame_proxy

ACK = frame_proxy.method(60, 80)
HEADER_OF_PROTOCOL = 8
LAST = int(sys.argv[3])
done = threading.Event()


def to_broker(near, far):
    acks = 0
    far.sendall(frame_proxy.read(near, HEADER_OF_PROTOCOL))
    while True:
        _, method, frame = frame_proxy.read_frame(near)
        acks += method == ACK
        if acks == LAST and not done.is_set():
            done.set()
            raise OSError
        far.sendall(frame)


def from_broker(near, far):
    frame_proxy.pass_on(far, near)


frame_proxy.serve(sys.argv[1], int(sys.argv[2]), to_broker, from_broker)
