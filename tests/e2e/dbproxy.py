"""dbproxy.py PORT COUNT FILE [begin|rollback]: a proxy to the database at
127.0.0.1:PORT that loses the answer to COUNT commits. Either the COMMIT goes to
the server and its answer is dropped, or the COMMIT itself is dropped; both
times the connection is cut, and a client cannot tell the difference. With
`begin`, the start of a transaction fails, as when an administrator kills it:
the server does not get it, but gets the following statements. With `rollback`,
a statement with arrays does not reach the server, which rolls its transaction
back instead and answers OK, as a node of a Galera cluster does when another
node's transaction was first. The third one in a row passes, and so does
everything after COUNT. Writes its own port to FILE once it listens, and the
number of lost ones to stdout at the end (SIGTERM).
"""

import os
import selectors
import signal
import socket
import sys
import threading

COMMIT = b"\x07\x00\x00\x00\x03COMMIT"
BEGIN = b"\x12\x00\x00\x00\x03START TRANSACTION"
ROLLBACK = b"\x09\x00\x00\x00\x03ROLLBACK"
BULK = 0xfa
INTERRUPTED = b"\xff\x25\x05#70100Query execution was interrupted"
port, count, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
begins = sys.argv[4:] == ["begin"]
rolls = sys.argv[4:] == ["rollback"]
spoilt = seen = 0
lock = threading.Lock()


def spoil():
    """Whether to lose this one: None, or its number."""
    global seen, spoilt
    with lock:
        seen += 1
        if spoilt >= count or seen % 3 == 0:
            return None
        spoilt += 1
        return spoilt


def serve(client):
    server = socket.create_connection(("127.0.0.1", port))
    with client, server, selectors.DefaultSelector() as both:
        both.register(client, selectors.EVENT_READ, server)
        both.register(server, selectors.EVENT_READ, client)
        while True:
            for key, _ in both.select():
                data = key.fileobj.recv(65536)
                if not data:
                    return
                if key.fileobj is client and begins and BEGIN in data:
                    if spoil() is not None:
                        data = data.replace(BEGIN, b"")
                        client.sendall(bytes([len(INTERRUPTED), 0, 0, 1])
                                       + INTERRUPTED)
                elif key.fileobj is client and rolls:
                    if data[4] == BULK and spoil() is not None:
                        rest = int.from_bytes(data[:3], "little") + 4 - len(data)
                        while rest > 0:
                            rest -= len(client.recv(rest))
                        data = ROLLBACK
                elif key.fileobj is client and not begins and COMMIT in data:
                    number = spoil()
                    if number is not None:
                        if number % 2:
                            server.sendall(data)
                            server.recv(65536)
                        return
                key.data.sendall(data)


def leave(*_):
    print(spoilt, flush=True)
    os._exit(0)


signal.signal(signal.SIGTERM, leave)
listener = socket.create_server(("127.0.0.1", 0))
with open(name + ".new", "w") as f:
    print(listener.getsockname()[1], file=f)
os.rename(name + ".new", name)
while True:
    threading.Thread(
        target=serve, args=(listener.accept()[0],), daemon=True
    ).start()
