"""http_load: asks an API; a process of its own, so that the bench's other work
does not count. The token is in the environment, TOKEN.

    http_load.py get RATE SECONDS PORT FILE

GET requests at a fixed rate, an open loop: the wait of a request that found no
free connection counts. Each line of FILE is a name, a space and a path;
requests use them in turn. Prints for each name: the name, the number of
answers, how many of them were not 200, and the 50th and 99th percentile and
the longest of the waits, in microseconds.

    http_load.py listen CONNECTIONS PORT PATH

Listeners of Server-Sent Events. Prints "open" when all have received an
answer, then for each piece that is read the number of its connection and the
time by the monotonic clock in microseconds; ends with its input.
"""

import http.client
import itertools
import os
import selectors
import socket
import sys
import threading
import time

CONNECTIONS = 16
HEADERS = {"Authorization": "Bearer " + os.environ["TOKEN"]}


class Load:
    def __init__(self, rate, seconds, port, path):
        with open(path) as f:
            self.targets = [line.split() for line in f]
        self.rate, self.total, self.port = rate, rate * seconds, port
        self.numbers, self.began = itertools.count(), time.monotonic()
        self.waits = {name: [] for name, _ in self.targets}
        self.bad = dict.fromkeys(self.waits, 0)

    def run_connection(self):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while (i := next(self.numbers)) < self.total:
            name, path = self.targets[i % len(self.targets)]
            due = self.began + i / self.rate
            time.sleep(max(0, due - time.monotonic()))
            try:
                c.request("GET", path, headers=HEADERS)
                answer = c.getresponse()
                answer.read()
                status = answer.status
            except OSError as e:
                c.close()
                status = e
            self.waits[name].append(time.monotonic() - due)
            if status != 200:
                self.bad[name] += 1
                print(f"{path}: {status}", file=sys.stderr)

    def run(self):
        threads = [threading.Thread(target=self.run_connection)
                   for _ in range(CONNECTIONS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for name, waits in self.waits.items():
            us = [int(w * 1e6) for w in sorted(waits)] or [0]
            n = len(us)
            print(name, len(waits), self.bad[name], us[(n - 1) // 2],
                  us[(99 * n + 99) // 100 - 1], us[-1])


def listen(connections, port, path):
    chosen, told = selectors.DefaultSelector(), set()
    request = (f"GET {path} HTTP/1.1\r\nHost: bench\r\n" + "".join(
        f"{k}: {v}\r\n" for k, v in HEADERS.items()) + "\r\n").encode()
    for i in range(connections):
        s = socket.create_connection(("127.0.0.1", port))
        s.sendall(request)
        chosen.register(s, selectors.EVENT_READ, i)
    chosen.register(sys.stdin, selectors.EVENT_READ)
    while True:
        for key, _ in chosen.select():
            if key.data is None:
                return
            piece = key.fileobj.recv(65536)
            if not piece:
                sys.exit(f"connection {key.data} ended")
            if len(told) == connections:
                print(key.data, int(time.monotonic() * 1e6), flush=True)
            elif key.data not in told:
                if not piece.startswith(b"HTTP/1.1 200"):
                    sys.exit(f"connection {key.data}: {piece[:60]}")
                told.add(key.data)
                if len(told) == connections:
                    print("open", flush=True)


if sys.argv[1] == "get":
    Load(*map(int, sys.argv[2:5]), sys.argv[5]).run()
else:
    listen(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
