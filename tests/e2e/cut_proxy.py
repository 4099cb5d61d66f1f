#!/usr/bin/env python3
"""cut_proxy PORT-FILE TARGET-PORT SEED: a TCP proxy that breaks connections.

Each connection is cut after a random number of bytes in a random direction,
about 30 to 30,000 of them, so many in the middle of the login; sometimes
orderly, sometimes by a reset, sometimes after two seconds of silence. The
first two do not survive their login, one in fifty of the others lives on. Writes its own port to PORT-FILE when it listens.
"""

import os
import random
import select
import socket
import struct
import sys
import threading
import time


def end(socks, way):
    """Ends both halves of a connection."""
    if way == 'silence':
        time.sleep(2)
    for sock in socks:
        if way == 'reset':
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack('ii', 1, 0))
        sock.close()


def carry(near, far, cut_side, budget, way):
    """Carries bytes both ways until one side ends or the budget is used."""
    other = {near: far, far: near}
    try:
        while True:
            for sock in select.select([near, far], [], [])[0]:
                data = sock.recv(65536)
                if not data:
                    end([near, far], 'close')
                    return
                if sock is cut_side:
                    data = data[:budget]
                    budget -= len(data)
                other[sock].sendall(data)
                if budget <= 0:
                    end([near, far], way)
                    return
    except OSError:
        end([near, far], 'close')


def main():
    port_file, target, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    dice = random.Random(seed)
    listener = socket.create_server(('127.0.0.1', 0))
    with open(port_file + '.new', 'w', encoding='ascii') as out:
        out.write(str(listener.getsockname()[1]))
    os.rename(port_file + '.new', port_file)
    accepted = 0
    while True:
        near, _ = listener.accept()
        try:
            far = socket.create_connection(('127.0.0.1', target))
        except OSError:
            near.close()
            continue
        budget = int(10 ** dice.uniform(1.5, 4.5))
        accepted += 1
        if accepted <= 2:
            budget = min(budget, 250)
        elif dice.random() < 0.02:
            budget = 1 << 60
        threading.Thread(
            target=carry, daemon=True,
            args=(near, far, dice.choice([near, far]), budget,
                  dice.choice(['close', 'reset', 'silence']))).start()


main()
