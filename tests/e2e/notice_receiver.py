"""notice_receiver: an HTTP server that takes the messages of poller --notify,
and misbehaves as asked; for notices.t.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed resets its connection."""


class Receiver:
    """Each path is an address of its own. `faults[path]` is a list of what the
    next requests get: a status, (status, headers), or a number of seconds to
    hang as a float."""

    def __init__(self):
        self.lock = threading.Lock()
        self.got = {}  # path -> [(time, status, headers, body)]
        self.faults = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.take(self, body)

            def log_message(self, *args):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def take(self, request, body):
        at = time.time()
        with self.lock:
            queue = self.faults.get(request.path, [])
            fault = queue.pop(0) if queue else 200
        if isinstance(fault, float):
            time.sleep(fault)
            fault = 200
        status, headers = fault if isinstance(fault, tuple) else (fault, {})
        with self.lock:
            self.got.setdefault(request.path, []).append(
                (at, status, dict(request.headers), body))
        try:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            quotes = b""
            if status == 404: # where a message for people would be cut
                quotes = b"x" * 115 + request.path.encode()
            request.send_header("Content-Length", str(len(quotes)))
            request.end_headers()
            request.wfile.write(quotes)
        except OSError:
            pass  # it was killed, or did not wait

    def requests(self, path):
        with self.lock:
            return list(self.got.get(path, []))

    def messages(self, path):
        """The messages that were accepted."""
        return [json.loads(body) for _, status, _, body in self.requests(path)
                if status == 200]

    def ids(self, path, state="fired"):
        """How often each notice was accepted."""
        count = {}
        for m in self.messages(path):
            for n in m["notices"] if m["state"] == state else []:
                count[n["id"]] = count.get(n["id"], 0) + 1
        return count

    def close(self):
        self.server.shutdown()
        self.server.server_close()
