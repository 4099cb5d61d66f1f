#!/usr/bin/env python3
"""late_proxy PORT-FILE TARGET-PORT: a TCP proxy before RabbitMQ that holds what
a reader is sent until the broker has told it twice how many messages a queue
has, and lets it go ahead of the second answer: as a broker does that is slow to
send what it has taken out of the queue. Writes its own port to PORT-FILE when
it listens.
"""

import os
import socket
import struct
import sys
import threading

METHOD, HEADER, BODY = 1, 2, 3
CONSUMES, DELIVERS, DECLARED = (
    struct.pack(">HH", *m) for m in ((60, 21), (60, 60), (50, 11)))


def read(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError
        data += more
    return data


def to_broker(near, far):
    while True:
        data = near.recv(65536)
        if not data:
            raise OSError
        far.sendall(data)


def from_broker(near, far):
    held, answers = b"", None # since it reads
    while True:
        head = read(far, 7)
        kind, _, size = struct.unpack(">BHI", head)
        frame = head + read(far, size + 1)
        method = frame[7:11] if kind == METHOD else None
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


def carry(way, near, far):
    try:
        way(near, far)
    except OSError:
        for sock in (near, far):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    port_file, target = sys.argv[1], int(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", target))
        for way in (to_broker, from_broker):
            threading.Thread(
                target=carry, daemon=True, args=(way, near, far)).start()


main()
