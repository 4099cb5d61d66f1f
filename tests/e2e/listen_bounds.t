#!/usr/bin/env -S python3 -B
"""Slow clients, floods and too many connections do not delay well-behaved
clients; and a listener stops when asked to, regardless of connections. Clients
are distinguished by their addresses of 127.0.0.0/8.
"""

import os
import re
import socket
import threading
import time

from harness import Checks, Lab, main, sanitized, until
from listen import Listener

GOOD, BAD, PROXY = "127.0.0.2", "127.0.0.3", "127.0.0.4"
PER_ADDRESS = 8
BURST = 40
# Far above every limit in this test, for slow machines.
LONG = 60
HOST = b"Host: x\r\n"
GET = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
POST = (b"POST /api/v1/analytics/events?tenant_id=acme HTTP/1.1\r\n" + HOST +
        b"Content-Length: 1000\r\n\r\n")


def connect(port, source):
    s = socket.create_connection(("127.0.0.1", port), LONG, (source, 0))
    s.settimeout(LONG)
    return s


def to_the_end(s):
    """Everything received until the connection ends."""
    data = b""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return data
            data += got
    except ConnectionError:
        return data


def ask(s, data=GET):
    """The status of the answer, or 0 without one."""
    try:
        s.sendall(data)
        got = b""
        while b"}" not in got:
            piece = s.recv(65536)
            if not piece:
                break
            got += piece
        return int(got.split()[1]) if got else 0
    except ConnectionError:
        return 0


def flood(s, requests):
    """The statuses of the answers to simultaneous requests. On a busy machine,
    fewer requests are handled in time than the limit allows."""
    s.sendall(b"".join(requests))
    got = b""
    while got.count(b"}") < len(requests):
        piece = s.recv(65536)
        if not piece:
            break
        got += piece
    return [int(n) for n in re.findall(rb"HTTP/1\.1 (\d+) ", got)]


def drip(s, data, ended):
    """Sends byte by byte without a pause until the other side closes."""
    try:
        while not ended.is_set():
            for byte in data:
                s.sendall(bytes([byte]))
                if ended.wait(0.02):
                    break
    except OSError:
        pass


def slow_ones_are_cut_off(checks, port):
    ended = threading.Event()
    headers = connect(port, BAD)
    headers.sendall(b"GET /health HTTP/1.1\r\n" + HOST)
    body = connect(port, BAD)
    body.sendall(POST)
    idle = connect(port, BAD)
    checks.that(ask(idle) == 200, "no answer before it is idle")
    silent = connect(port, BAD)
    threads = [threading.Thread(target=drip, args=(s, d, ended))
               for s, d in ((headers, b"X-A: b\r\n"), (body, b" "))]
    for t in threads:
        t.start()
    for name, s, want in (("headers", headers, b" 408 "),
                          ("a body", body, b" 408 "),
                          ("nothing", silent, b""),
                          ("nothing more", idle, b"")):
        try:
            got = to_the_end(s)
            checks.that(want in got, f"slow with {name}: {got}")
        except TimeoutError:
            checks.that(False, f"slow with {name}: it is not cut off")
    ended.set()
    for t in threads:
        t.join()
    for s in (headers, body, silent, idle):
        s.close()


def sockets(p):
    """The number of a process's sockets."""
    folder = f"/proc/{p.pid}/fd"
    n = 0
    for fd in os.listdir(folder):
        try:
            n += os.readlink(f"{folder}/{fd}").startswith("socket:")
        except FileNotFoundError:
            pass
    return n


def who_does_not_read_is_cut_off(p, port):
    until(LONG, lambda: sockets(p) == 1, "all others to be gone")
    s = connect(port, BAD)
    s.settimeout(0.2)
    wants = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
    end = time.monotonic() + LONG
    # Until neither side accepts more; our kernel may never learn of the end.
    while time.monotonic() < end:
        try:
            s.sendall(wants * 10)
        except (TimeoutError, ConnectionError):
            break
    until(LONG, lambda: sockets(p) == 1, "the end of who does not read")
    s.close()


def one_address_cannot_have_all(checks, port):
    held = [connect(port, BAD) for _ in range(PER_ADDRESS)]
    # They only count once accepted, which an answer proves.
    checks.that(all(ask(s) == 200 for s in held), "within the limit")
    more = connect(port, BAD)
    got = to_the_end(more)
    checks.that(b" 503 " in got and b"Retry-After" in got,
                f"one more than the limit: {got}")
    checks.that(ask(connect(port, GOOD)) == 200, "another client is let in")
    many = [connect(port, PROXY) for _ in range(PER_ADDRESS + 1)]
    checks.that(all(ask(s) == 200 for s in many),
                "a proxy's connections are limited")
    for s in [*held, *many, more]:
        s.close()


def a_flood_is_refused(checks, port):
    s, good = connect(port, BAD), connect(port, GOOD)
    statuses = flood(s, [GET] * (5 * BURST))
    checks.that(len(statuses) == 5 * BURST, f"{len(statuses)} answers")
    checks.that(statuses[0] == 200 and 429 in statuses,
                f"nothing of a flood is refused: {set(statuses)}")
    checks.that(set(statuses) == {200, 429}, f"it got {set(statuses)}")
    # The flood lasts at most as long as this check.
    checks.that(all(ask(good) == 200 for _ in range(5)),
                "another client is refused")
    s.sendall(GET)
    until(LONG, lambda: ask(s) == 200, "the one who waited")
    proxy = connect(port, PROXY)

    def of(client):
        return (b"GET /health HTTP/1.1\r\n" + HOST +
                b"X-Forwarded-For: 127.0.0.9, " + client + b"\r\n\r\n")

    statuses = flood(proxy, [of(b"192.0.2.1")] * (5 * BURST))
    checks.that(429 in statuses, "nothing of a proxied flood is refused")
    checks.that(ask(proxy, of(b"192.0.2.2")) == 200,
                "another proxied client is refused")
    # A header Forwarded from an unknown proxy is ignored: the request is
    # refused, and counts for the peer.
    liar = connect(port, BAD)

    def forged(i):
        return (b"GET /health HTTP/1.1\r\n" + HOST +
                b"X-Forwarded-For: 192.0.2.%d\r\n\r\n" % (i % 250))

    # Its earlier flood may still count.
    until(LONG, lambda: ask(liar, forged(0)) == 403, "a refusal of the proxy")
    statuses = flood(liar, [forged(i) for i in range(5 * BURST)])
    checks.that(429 in statuses and set(statuses) <= {403, 429},
                f"made up: {set(statuses)}")
    for s in (s, good, proxy, liar):
        s.close()


def a_crowd_of_slow_ones_holds_nobody(checks, port):
    ended = threading.Event()
    slow = [connect(port, f"127.0.1.{i + 1}") for i in range(30)]
    for s in slow:
        s.sendall(POST)
    drips = [threading.Thread(target=drip, args=(s, b" ", ended))
             for s in slow]
    for t in drips:
        t.start()
    checks.that(all(ask(connect(port, f"127.0.2.{i + 1}")) == 200
                    for i in range(50)), "a good one got no answer")
    ended.set()
    for t in drips:
        t.join()
    for s in slow:
        s.close()


def memory_of(listener):
    """Private memory in KiB; 0 under a sanitizer, which uses most of it."""
    if sanitized():
        return 0
    with open(f"/proc/{listener.process.pid}/status") as f:
        return [int(line.split()[1]) for line in f
                if line.startswith("RssAnon")][0]


def memory_is_bounded(checks, listener):
    """Forty incomplete bodies of nearly a megabyte, and memory for four: the
    others are told to retry. The number depends on what had been read when
    memory became free."""
    size = 1000000
    head = (b"POST /api/v1/analytics/events?tenant_id=acme HTTP/1.1\r\n" +
            HOST + b"Content-Length: %d\r\n\r\n" % size)
    held = [connect(listener.port, f"127.0.4.{i + 1}") for i in range(40)]
    for s in held:
        s.sendall(head + b" " * (size - 1))
    # The kernel holds some of it, too; only our process is measured.
    most = memory_of(listener)
    statuses = []
    for s in held:
        statuses.append(ask(s, b" "))
        most = max(most, memory_of(listener))
    checks.that(most < 20000, f"it holds {most} KiB")
    checks.that({422} <= set(statuses) <= {422, 503},
                f"other answers: {statuses}")
    checks.that(ask(connect(listener.port, GOOD)) == 200,
                "a good one is refused")
    for s in held:
        s.close()


# Not shorter: a busy machine would delay the slow client, which would then
# count as silent.
SHORT = {"header_timeout": "4s", "request_timeout": "6s", "keep_alive": "4s"}
LIMITS = {"connections": "100", "connections_per_address": PER_ADDRESS,
          "rate": "20", "burst": BURST, "proxies": PROXY,
          "trusted": "127.0.0.0/8"}


def stop(checks, listener):
    """Stops it and returns its counts."""
    checks.that(listener.stop() == 0, "it did not stop in order")
    checks.that(listener.lab.text(listener.name + ".out") == "",
                "something is stored")
    return listener.said()


def body():
    checks = Checks()
    with Lab("listen_bounds") as lab:
        hasty = Listener(lab, "hasty", **SHORT, **LIMITS)
        # A slow client that a busy machine delays counts as silent.
        checks.repeat(lambda: slow_ones_are_cut_off(checks, hasty.port))
        who_does_not_read_is_cut_off(hasty.process, hasty.port)
        said = stop(checks, hasty)
        checks.that("slow=0" not in said, f"not counted: {said}")
        calm = Listener(lab, "calm", **LIMITS)
        one_address_cannot_have_all(checks, calm.port)
        a_crowd_of_slow_ones_holds_nobody(checks, calm.port)
        a_flood_is_refused(checks, calm.port)
        idle = [connect(calm.port, f"127.0.3.{i + 1}") for i in range(20)]
        said = stop(checks, calm)
        for s in idle:
            s.close()
        checks.that("too_many=0" not in said and "turned_away=0" not in said,
                    f"not counted: {said}")
        full = Listener(lab, "full", **LIMITS, memory="4M",
                        header_timeout="300s", request_timeout="300s")
        memory_is_bounded(checks, full)
        said = stop(checks, full)
        checks.that("later=0" not in said, f"not counted: {said}")
    return checks.result()


main(body)
