#!/usr/bin/env python3
"""ack_proxy PORT-FILE TARGET-PORT TOLD-FILE [after]: a TCP proxy before RabbitMQ
that lets everything through up to the first acknowledgement of what was read,
with `after` that, too, and nothing more from whoever sent that: as if it had
died just then. It makes TOLD-FILE then. Writes its own port to PORT-FILE when it
listens.
"""

import sys

import frame_proxy

ACK = frame_proxy.method(60, 80)
port_file, target, told = sys.argv[1], int(sys.argv[2]), sys.argv[3]
after = sys.argv[4:] == ["after"]


def to_broker(near, far):
    far.sendall(frame_proxy.read(near, 8)) # which protocol
    while True:
        _, method, frame = frame_proxy.read_frame(near)
        if method == ACK:
            if after:
                far.sendall(frame)
            open(told, "w", encoding="ascii").close()
            while near.recv(65536):
                pass
            raise OSError
        far.sendall(frame)


def from_broker(near, far):
    frame_proxy.pass_on(far, near)


frame_proxy.serve(port_file, target, to_broker, from_broker)
