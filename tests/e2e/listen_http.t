#!/usr/bin/env -S python3 -B
"""Answers of `poller --listen` to bad requests: malformed, smuggled, too
large, in odd pieces; over raw sockets, because no client library sends them.
None of them is stored.
"""

import http.client
import os
import re
import socket

from harness import Checks, Lab, main, until
from listen import Listener

EVENTS = b"/api/v1/analytics/events?tenant_id=acme"
EVENT = b'{"event_type":"user_action","event_data":{"n":1}}'
HOST = b"Host: x\r\n"


def post(*headers, body=EVENT, path=EVENTS, length=True):
    """A request with a Content-Length, unless the headers have their own."""
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST
    if length:
        head += b"Content-Length: %d\r\n" % len(body)
    return head + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


def get(path=b"/health", version=b"HTTP/1.1", headers=HOST):
    return b"GET " + path + b" " + version + b"\r\n" + headers + b"\r\n"


def chunked(*chunks):
    return b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) \
        + b"0\r\n\r\n"


TE = b"Transfer-Encoding: chunked"
SECOND = post()
SPLIT = len(EVENT) // 2

# The maximum size of request line and headers.
MUCH = [b"X-%02d: %s" % (i, b"y" * 110) for i in range(60)]
LONG_PATH = b"&a=" + b"x" * 3900

# Input, the status of each answer in order, and whether the connection stays
# open.
CASES = [
    ("a health check", get(), [200], True),
    ("a body with its length", post(), [200], True),
    ("two at once", post() + get(), [200, 200], True),
    ("many at once", (post() + get()) * 50, [200] * 100, True),
    ("a good one behind a bad one",
     post(b"Content-Length: 0") + post(), [400], False),
    ("chunks", post(TE, length=False,
                    body=chunked(EVENT[:SPLIT], EVENT[SPLIT:])), [200], True),
    ("chunks with extension and trailer",
     post(TE, length=False, body=b"%x;a=b\r\n%s\r\n0\r\nX-A: b\r\n\r\n"
          % (len(EVENT), EVENT)), [200], True),
    ("much of everything",
     post(*MUCH, path=EVENTS + LONG_PATH, body=EVENT + b" " * 500000), [200],
     True),
    ("the most headers", get(headers=HOST + b"X-A: b\r\n" * 63), [200], True),
    ("one too many", get(headers=HOST + b"X-A: b\r\n" * 64), [431], False),
    ("HTTP/1.0", get(version=b"HTTP/1.0"), [200], False),
    ("a client that closes", get(headers=HOST + b"Connection: close\r\n"),
     [200], False),
    ("a length beside chunks", post(TE), [400], False),
    ("smuggling by chunks",
     post(TE, b"Content-Length: %d" % (5 + len(SECOND)), length=False,
          body=b"0\r\n\r\n" + SECOND), [400], False),
    ("smuggling by length",
     post(b"Content-Length: 0", TE, length=False,
          body=chunked(EVENT) + SECOND), [400], False),
    ("two lengths that differ",
     post(b"Content-Length: 0"), [400], False),
    ("two lengths that agree",
     post(b"Content-Length: %d" % len(EVENT)), [400], False),
    ("two lengths in one",
     post(b"Content-Length: %d, %d" % (len(EVENT), len(EVENT)),
          length=False), [400], False),
    ("a length below zero", post(b"Content-Length: -1", length=False), [400],
     False),
    ("a length with a sign", post(b"Content-Length: +49", length=False),
     [400], False),
    ("a length in hexadecimal", post(b"Content-Length: 0x31", length=False),
     [400], False),
    ("no length at all", post(b"Content-Length:", length=False), [400],
     False),
    ("a length beyond all numbers",
     post(b"Content-Length: 99999999999999999999999", length=False), [413],
     False),
    ("a length above the limit",
     post(b"Content-Length: 1048577", length=False), [413], False),
    ("another encoding",
     post(b"Transfer-Encoding: gzip", length=False), [400], False),
    ("two encodings in one",
     post(b"Transfer-Encoding: gzip, chunked", length=False), [400], False),
    ("two encodings", post(TE, TE, length=False, body=chunked(EVENT)), [400],
     False),
    ("an encoding that hides",
     post(b"Transfer-Encoding: \x0bchunked", length=False), [400], False),
    ("an encoding of HTTP/1.0",
     post(TE, length=False, body=chunked(EVENT)).replace(
         b"HTTP/1.1", b"HTTP/1.0"), [400], False),
    ("a chunk of no size", post(TE, length=False, body=b"zz\r\nab\r\n"),
     [400], False),
    ("a chunk below zero", post(TE, length=False, body=b"-1\r\nab\r\n"),
     [400], False),
    ("a chunk of too many digits",
     post(TE, length=False, body=b"fffffffffffffffff1\r\nab\r\n"),
     [413], False),
    ("a chunk longer than it says",
     post(TE, length=False, body=b"2\r\nabcdef\r\n0\r\n\r\n"), [400], False),
    ("no host", get(headers=b""), [400], False),
    ("two hosts", get(headers=HOST + HOST), [400], False),
    ("two cookies", get(headers=HOST + b"Cookie: a=b\r\n" * 2), [400], False),
    ("two tokens", get(headers=HOST + b"Authorization: Bearer a\r\n" * 2),
     [400], False),
    ("two names of a request",
     post(b"Idempotency-Key: a", b"idempotency-key: b"), [400], False),
    ("two types", post(b"Content-Type: application/json",
                       b"CONTENT-TYPE: text/plain"), [400], False),
    ("a blank before the colon",
     post(b"Content-Length : 5", length=False), [400], False),
    ("a blank in the name", get(headers=HOST + b"X A: b\r\n"), [400],
     False),
    ("a header without a colon", get(headers=HOST + b"nonsense\r\n"), [400],
     False),
    ("a control character in a header",
     get(headers=HOST + b"X-A: a\x01b\r\n"), [400], False),
    ("a blank in the path", get(b"/hea lth"), [400], False),
    ("a NUL in the query", get(b"/health?a=b%00c"), [400], False),
    ("a path that is none", get(b"health"), [400], False),
    ("a NUL in the path", get(b"/heal%00th"), [404], True),
    ("a raw NUL in the path", get(b"/health\0th"), [400], False),
    ("a raw NUL at the path's end", get(b"/health\0"), [400], False),
    ("a raw NUL in the query", get(b"/health?a\0b"), [400], False),
    ("a raw NUL before the version", get(version=b"\0HTTP/1.1"), [400],
     False),
    ("a NUL in a value", get(headers=HOST + b"X-A: b\0c\r\n"), [400], False),
    ("a NUL at a value's end", get(headers=HOST + b"X-A: b\0\r\n"), [400],
     False),
    ("a NUL for a value", get(headers=b"X-A:\0\r\n" + HOST), [400], False),
    ("a NUL in a name", get(headers=HOST + b"X-A\0B: c\r\n"), [400], False),
    ("a header without a name", get(headers=HOST + b": x\r\n"), [400], False),
    ("a header without a name, and a request behind it",
     get(headers=HOST + b": x\r\n" + SECOND), [400], False),
    ("a header without a name first", get(headers=b": x\r\n" + HOST), [400],
     False),
    ("a line of a colon", get(headers=HOST + b":\r\n"), [400], False),
    ("a bare line feed", get(headers=b"Host: x\nX-A: b\r\n"), [400], False),
    ("bare line feeds", b"GET /health HTTP/1.1\nHost: x\n\n", [400], False),
    ("a bare line feed at the end", b"GET /health HTTP/1.1\r\nHost: x\r\n\n",
     [400], False),
    ("a bare line feed behind the line",
     b"GET /health HTTP/1.1\nHost: x\r\n\r\n", [400], False),
    ("bare line feeds for what a NUL hides",
     b"GET /health HTTP/1.1\nHost: x\r\nX-A: b\0\r\n\r\n", [400], False),
    ("a folded header", get(headers=HOST + b"X-A: b\r\n c\r\n"), [400],
     False),
    ("a folded header first", get(headers=b"X-A: b\r\n\tc\r\n" + HOST), [400],
     False),
    ("two blanks in the line", get(b" /health"), [400], False),
    ("blanks around values",
     get(headers=b"Host:x\r\nX-A:\t b \r\nX-B: \r\nX-C:\r\n"), [200], True),
    ("a path that climbs", get(b"/x/../health"), [404], True),
    ("a path twice encoded", get(b"/%2568ealth"), [404], True),
    ("an absolute address", get(b"http://x/health"), [200], True),
    ("one with a port and a query", get(b"HTTPS://x.y:8443/health?a=b"),
     [200], True),
    ("one of a message", post(path=b"http://x" + EVENTS), [200], True),
    ("one without a path", get(b"http://x"), [200], True),
    ("one with a blank", get(b"http://x y/health"), [400], False),
    ("one with a NUL", get(b"http://x\0y/health"), [400], False),
    ("one with a user", get(b"http://u@x/health"), [400], False),
    ("one without a host", get(b"http:///health"), [400], False),
    ("one of another scheme", get(b"ftp://x/health"), [400], False),
    ("one without the header", get(b"http://x/health", headers=b""), [400],
     False),
    ("a proxy's method", get(b"x:443").replace(b"GET", b"CONNECT"), [400],
     False),
    ("HTTP/0.9", b"GET /health\r\n\r\n", [400], False),
    ("a header before all others", b"X-A: b\r\n" + get(), [400], False),
    ("a request line that is none", b"nonsense\r\n\r\n", [], False),
    ("another protocol", get(version=b"HTTX/1.1"), [400], False),
    ("a later version", get(version=b"HTTP/2.0"), [505], False),
    ("a long path", get(b"/" + b"a" * 5000), [414], False),
    ("a very long path", get(b"/" + b"a" * 100000), [414], False),
    ("many headers",
     get(headers=HOST + b"".join(b"X-%d: y\r\n" % i for i in range(64))),
     [431], False),
    ("very many headers",
     get(headers=HOST + b"".join(b"X-%d: y\r\n" % i for i in range(9999))),
     [431], False),
    ("long headers", get(headers=HOST + b"X-A: " + b"y" * 12500 + b"\r\n"),
     [431], False),
    ("longer headers",
     get(headers=HOST + b"X-A: " + b"y" * 21000 + b"\r\n"),
     [431], False),
    ("very long headers",
     get(headers=HOST + b"X-A: " + b"y" * 300000 + b"\r\n"), [431], False),
    ("an unknown path", get(b"/nonsense"), [404], True),
    ("an unknown path with a body", post(path=b"/nonsense"), [404], True),
    ("a wrong method", post(path=b"/health"), [405], True),
    ("an unknown method", get().replace(b"GET", b"BREW"), [405], True),
    ("no JSON", post(body=b"{"), [422], True),
]


class Client:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 60)
        self.s.settimeout(60)
        self.data = b""

    def send(self, data):
        """A refused request need not be read to its end."""
        try:
            self.s.sendall(data)
        except OSError:
            pass

    def more(self):
        try:
            got = self.s.recv(65536)
        except ConnectionError:
            got = b""
        self.data += got
        return got != b""

    def answer(self):
        """(status, headers, body), or None at the end."""
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                return None
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        status = int(head.split()[1])
        headers = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower().decode()] = value.strip().decode()
        length = int(headers.get("content-length", 0))
        while len(self.data) < length:
            if not self.more():
                raise AssertionError("an answer is cut")
        body, self.data = self.data[:length], self.data[length:]
        return status, headers, body

    def is_over(self):
        """Whether the connection has ended. libmicrohttpd 0.9.75 sends the head
        of its own errors twice, and closes before the body."""
        try:
            while self.more():
                pass
        except TimeoutError:
            return False
        rest = self.data.partition(b"</html>")
        return rest[0] == b"" or rest[1:] == (b"</html>", b"")

    def close(self):
        self.s.close()


def check_case(checks, port, name, data, statuses, stays):
    c = Client(port)
    c.send(data)
    for want in statuses:
        got = c.answer()
        if not checks.that(got is not None and got[0] == want,
                           f"{name}: {got}, not {want}"):
            return c.close()
        if want == 405:
            checks.that("GET" in got[1].get("allow", ""),
                        f"{name}: no Allow: {got}")
    if stays:
        c.send(get())
        got = c.answer()
        checks.that(got is not None and got[0] == 200,
                    f"{name}: the connection did not stay: {got}")
    else:
        checks.that(c.is_over(),
                    f"{name}: the connection stayed, and says {c.data}")
    c.close()


def check_continue(checks, port):
    c = Client(port)
    c.send(post(b"Expect: 100-continue")[:-len(EVENT)])
    got = c.answer()
    checks.that(got is not None and got[0] == 100, f"no 100 Continue: {got}")
    c.send(EVENT)
    got = c.answer()
    checks.that(got is not None and got[0] == 200,
                f"after 100 Continue: {got}")
    c.close()
    c = Client(port)
    c.send(post(b"Content-Length: 9999999", b"Expect: 100-continue",
                length=False, body=b""))
    got = c.answer()
    checks.that(got is not None and got[0] == 413,
                f"a body that is too large is asked for: {got}")
    c.close()


def check_too_large_in_chunks(checks, port):
    c = Client(port)
    c.send(post(TE, length=False, body=chunked(*[b" " * 65536] * 20)))
    got = c.answer()
    checks.that(got is not None and got[0] == 413,
                f"a large body in chunks: {got}")
    c.close()
    # An endless request is cut off long before its timeout.
    c = Client(port)
    c.send(post(TE, length=False, body=b""))
    cut = False
    try:
        for _ in range(1000):
            c.s.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
    except ConnectionError:
        cut = True
    checks.that(cut, "a body without end is read for ever")
    c.close()


def check_client_that_sends_on(checks, port):
    """The client gets its answer without a reset, although the rest is not
    read."""
    for _ in range(3):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            c.request("POST", EVENTS.decode(), b" " * 3000000)
            got = c.getresponse().status
        except OSError as e:
            got = e
        checks.that(got == 413, f"a large body, all of it sent: {got}")
        c.close()


def leave_in_the_middle(port):
    """Clients that leave in the middle of a body are not waited for; the
    summary does not count them as slow."""
    for _ in range(5):
        c = Client(port)
        c.send(post()[:-SPLIT])
        c.close()


def check_pieces(checks, port):
    """Sent byte by byte, the request has the same result."""
    c = Client(port)
    c.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in post():
        c.send(bytes([byte]))
    got = c.answer()
    checks.that(got is not None and got[0] == 200, f"byte by byte: {got}")
    c.close()


# The cases above with a record, and one for each of the others.
GOOD = sum(len(re.findall(rb"POST \S*/api/", case[1])) for case in CASES
           if case[2][:1] == [200]) + 2


def body():
    checks = Checks()
    with Lab("listen_http") as lab:
        listener = Listener(lab, "http", "-c", lab.conf("messaging.conf", {}))
        port = listener.port
        for case in CASES:
            check_case(checks, port, *case)
        check_continue(checks, port)
        check_too_large_in_chunks(checks, port)
        check_client_that_sends_on(checks, port)
        check_pieces(checks, port)
        leave_in_the_middle(port)
        until(60, lambda: len(listener.lines()) >= GOOD, "all records")
        checks.that(listener.stop() == 0, f"it ended: {listener.said()}")
        n = len(listener.lines())
        checks.that(n == GOOD, f"{n} records, not {GOOD}")
        checks.that(not os.path.exists(lab.path("http.port")),
                    "the port file stays")
        said = listener.said()
        checks.that(re.search(r"listened .*requests=\d+ .*slow=0 records=%d "
                              % GOOD, said), f"no summary in: {said}")
    return checks.result()


main(body)
