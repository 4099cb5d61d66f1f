"""frame_proxy: what the TCP proxies before RabbitMQ share that look into its
frames: a way for each direction, and a port of their own.
"""

import os
import socket
import struct
import threading

METHOD, HEADER, BODY = 1, 2, 3


def method(of_class, number):
    """With what the payload of that method begins."""
    return struct.pack(">HH", of_class, number)


def read(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise OSError
        data += more
    return data


def read_frame(sock):
    """Its type, the method that its payload begins with, or None, and all its
    bytes."""
    head = read(sock, 7)
    kind, _, size = struct.unpack(">BHI", head)
    rest = read(sock, size + 1)
    return kind, rest[:4] if kind == METHOD else None, head + rest


def pass_on(source, sink):
    """All bytes as they come."""
    while True:
        data = source.recv(65536)
        if not data:
            raise OSError
        sink.sendall(data)


def carry(way, near, far):
    try:
        way(near, far)
    except OSError:
        for sock in (near, far):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def serve(port_file, target, to_broker, from_broker):
    """Carries each connection to the port `target` by two threads, each with
    (near, far); the port is in port_file as soon as it listens."""
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
