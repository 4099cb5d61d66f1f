"""api_client: sink --serve in a Lab, tokens for it, and requests to it. Tokens
are created here, with Python's hmac, independently of the tested code.
"""

import base64
import hashlib
import hmac
import http.client
import json
import time
from urllib.parse import urlencode

KEY = "0123456789abcdef0123456789abcdef"
PATIENCE = 120  # seconds; only guards against hanging
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
