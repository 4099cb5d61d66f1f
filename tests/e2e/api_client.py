"""api_client: sink --serve in a Lab, tokens for it, requests to it and its
stream. Tokens are created here, with Python's hmac, independently of the tested
code.
"""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
from urllib.parse import urlencode

KEY = "0123456789abcdef0123456789abcdef"
PATIENCE = 120  # seconds; only guards against hanging
STREAM = "/api/v1/now/stream"
RESTS = 20  # far less than the server's keep_alive


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(key=KEY, **claims):
    """A JWT. Claims with the value None are left out."""
    claims.setdefault("exp", int(time.time()) + 86400)
    claims = {k: v for k, v in claims.items() if v is not None}
    text = (encoded(b'{"alg":"HS256","typ":"JWT"}') + "."
            + encoded(json.dumps(claims).encode()))
    mac = hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()
    return text + "." + encoded(mac)


def resources(document):
    """Paths of the OpenAPI description that are read from tables, without the
    login and the endless stream."""
    return {path: operations for path, operations in document["paths"].items()
            if "get" in operations and "text/event-stream"
            not in operations["get"]["responses"]["200"]["content"]}


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def json(self):
        return json.loads(self.body)

    def rows(self):
        return self.json()["rows"]

    def problem(self):
        """The message of a problem with this status."""
        if self.headers["Content-Type"] != "application/problem+json":
            raise AssertionError(f"no problem: {self.headers} {self.body!r}")
        problem = self.json()
        if problem["status"] != self.status:
            raise AssertionError(f"{self.status} says {problem}")
        return problem["detail"]


class Server:
    """A sink --serve that runs until the lab ends."""

    def __init__(self, lab, sections=None, env=None, name="serve",
                 options=()):
        key = lab.write(name + ".key", KEY + "\n")
        sections = sections or {}
        conf = lab.conf(name + ".conf", {**sections, "serve": {
            "secret_key_file": key, **sections.get("serve", {})}})
        self.log = lab.path(name + ".log")
        self.process = lab.serve(
            ["sink", "-c", conf, "--serve", "127.0.0.1:0", *options], name, env)
        self.port = self.process.port
        self.connection = None
        self.asked = 0 # time of the last answer

    def ask(self, path, bearer=None, method="GET", headers=None,
            body=None):
        """Sends a request on one persistent connection. If the server has
        closed it because it was idle, tries once more, as any client does."""
        rested = self.connection is not None and \
            time.monotonic() - self.asked > RESTS
        if self.connection is None:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=PATIENCE)
        headers = dict(headers or {})
        if bearer is not None:
            headers["Authorization"] = "Bearer " + bearer
        try:
            self.connection.request(method, path, body, headers)
            got = self.connection.getresponse()
            answer = Answer(got.status, got.headers, got.read())
            self.asked = time.monotonic()
            return answer
        except (OSError, http.client.HTTPException) as why:
            self.connection.close()
            self.connection = None
            if not rested or method != "GET" or \
                    not isinstance(why, ConnectionError):
                raise
        return self.ask(path, bearer, method, headers, body)

    def get(self, path, bearer, **parameters):
        if parameters:
            path += "?" + urlencode(parameters)
        return self.ask(path, bearer)


class Stream:
    """A raw connection to the stream; splits it into chunks and events."""

    def __init__(self, port, bearer, last=None, cookie=False):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        who = ("Cookie: session=b; messaging_session=" if cookie
               else "Authorization: Bearer ")
        known = f"Last-Event-ID: {last}\r\n" if last else ""
        self.socket.sendall(
            f"GET {STREAM} HTTP/1.1\r\nHost: x\r\n{who}{bearer}\r\n{known}"
            "\r\n".encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().decode().strip()):
            name, value = line.split(": ", 1)
            self.headers[name] = value
        self.text = b""
        self.ended = False

    def chunk(self):
        size = self.file.readline()
        if not size:
            return False
        data = self.file.read(int(size, 16))
        self.file.readline()
        self.text += data
        self.ended = not data
        return bool(data)

    def block(self):
        """The text up to the next empty line."""
        while b"\n\n" not in self.text:
            if not self.chunk():
                raise AssertionError(f"the stream ended: {self.text!r}")
        block, self.text = self.text.split(b"\n\n", 1)
        return block.decode()

    def event(self, name="now"):
        """The next event of that name, as (id, data); skips others and
        comments."""
        while True:
            block = self.block()
            fields = dict(line.split(": ", 1) for line in block.split("\n")
                          if not line.startswith(":"))
            if "data" in fields:
                if fields["event"] not in ("now", "problem"):
                    raise AssertionError(f"no event of ours: {block}")
                if fields["event"] == name:
                    return fields["id"], fields["data"]

    def until_revoked(self):
        """False if the stream continues with only comments."""
        while self.text.count(b":\n\n") < 4:
            if not self.chunk():
                return self.ended
        return False

    def until_end(self):
        while self.chunk():
            pass
        return self.ended

    def close(self):
        self.file.close()
        self.socket.close()
