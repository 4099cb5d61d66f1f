#!/usr/bin/env python3
"""ack_proxy PORT-FILE TARGET-PORT TOLD-FILE: a TCP proxy before RabbitMQ that
lets everything through up to the first acknowledgement of what was read, and
nothing more from whoever sent that: as if it had died just then. It makes
TOLD-FILE then. Writes its own port to PORT-FILE when it listens.
"""

import os
import socket
import struct
import sys
import threading

METHOD, ACK = 1, struct.pack(">HH", 60, 80)


def read(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError
        data += more
    return data


def to_broker(near, far, told):
    far.sendall(read(near, 8)) # which protocol
    while True:
        head = read(near, 7)
        kind, _, size = struct.unpack(">BHI", head)
        rest = read(near, size + 1)
        if kind == METHOD and rest[:4] == ACK:
            open(told, "w", encoding="ascii").close()
            while near.recv(65536):
                pass
            raise OSError
        far.sendall(head + rest)


def from_broker(near, far, told):
    while True:
        data = far.recv(65536)
        if not data:
            raise OSError
        near.sendall(data)


def carry(way, near, far, told):
    try:
        way(near, far, told)
    except OSError:
        for sock in (near, far):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    port_file, target, told = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".new", "w", encoding="ascii") as out:
        out.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", target))
        for way in (to_broker, from_broker):
            threading.Thread(
                target=carry, daemon=True, args=(way, near, far, told)).start()


main()
