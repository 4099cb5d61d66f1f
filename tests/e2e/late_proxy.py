#!/usr/bin/env python3
"""late_proxy PORT-FILE TARGET-PORT: a TCP proxy before RabbitMQ that holds what
a reader is sent until the broker has told it twice how many messages a queue
has, and lets it go ahead of the second answer: as a broker does that is slow to
send what it has taken out of the queue. Writes its own port to PORT-FILE when
it listens.
"""

import sys

import frame_proxy
from frame_proxy import BODY, HEADER

CONSUMES, DELIVERS, DECLARED = (
    frame_proxy.method(*m) for m in ((60, 21), (60, 60), (50, 11)))


def from_broker(near, far):
    held, answers = b"", None # since it reads
    while True:
        kind, method, frame = frame_proxy.read_frame(far)
        if method == CONSUMES:
            answers = 0
        if answers in (0, 1) and (
                method == DELIVERS or kind in (HEADER, BODY)):
            held += frame
            continue
        if method == DECLARED and answers is not None:
            answers += 1
        if answers == 2:
            near.sendall(held)
            held = b""
        near.sendall(frame)


frame_proxy.serve(
    sys.argv[1], int(sys.argv[2]), frame_proxy.pass_on, from_broker)
