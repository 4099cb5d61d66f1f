"""hooks_chatwoot.py FILE: the part of Chatwoot's API that is about webhooks,
on a free port of the loopback that is written to FILE. Keys are made up here,
as Chatwoot does."""
import http.server
import json
import os
import re
import secrets
import sys

BASE = "/api/v1/accounts/1/webhooks"
hooks = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=None):
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_call(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if self.headers.get("api_access_token") != "woot-token":
            return self.answer(401, {"error": "Invalid Access Token"})
        found = re.fullmatch(BASE + r"(?:/(\d+))?", self.path)
        if found is None:
            return self.answer(404, {"error": "not found"})
        number = int(found[1]) if found[1] else None
        if self.command == "GET" and number is None:
            return self.answer(200,
                               {"payload": {"webhooks": list(hooks.values())}})
        if self.command == "POST" and number is None:
            return self.put(len(hooks) + 1, json.loads(body)["webhook"],
                            secrets.token_urlsafe(18))
        if number not in hooks:
            return self.answer(404, {"error": "Resource could not be found"})
        if self.command == "PATCH":
            return self.put(number, json.loads(body)["webhook"],
                            hooks[number]["secret"])
        del hooks[number]
        return self.answer(200)

    def put(self, number, wanted, secret):
        for other in hooks.values():
            if other["url"] == wanted["url"] and other["id"] != number:
                return self.answer(422, {"message": "Url has been taken"})
        hooks[number] = {"id": number, "name": wanted["name"],
                         "url": wanted["url"], "account_id": 1,
                         "subscriptions": wanted["subscriptions"],
                         "secret": secret}
        return self.answer(200, {"payload": {"webhook": hooks[number]}})

    do_GET = do_POST = do_PATCH = do_DELETE = handle_call


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
    f.write("%d\n" % server.server_address[1])
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
