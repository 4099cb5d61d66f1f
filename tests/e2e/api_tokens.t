#!/usr/bin/env -S python3 -B
"""api_tokens: every role and every bad token, created by sink --token and by
Python's hmac; revoked tokens; the cookie of a browser; the audit of each
answer, without which no answer is sent; a database user with minimal
permissions. No message contains a token.
"""

import base64
import glob
import gzip
import hashlib
import hmac
import http.client
import json
import os
import re
import resource
import time
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from api_client import KEY, PATIENCE, STREAM, Server, Stream, token
from harness import Checklist, run_checks, until
from streamlib import Sql

OURS, THEIRS = "ours", "theirs"
V1 = "/api/v1/"
DAY = 86400
COOKIE = "messaging_session"
FORM = "application/x-www-form-urlencoded"
OLD_KEY = "fedcba9876543210fedcba9876543210"
WALL, OPERATOR, LEAD, ADMIN = ROLES = ("wall", "operator", "lead", "admin")
LEAST = {  # the least role for each resource
    "now": WALL, "operators": OPERATOR, "chats": OPERATOR,
    "chats/c1/timeline": LEAD, "messages": LEAD, "intervals": OPERATOR,
    "conversations": LEAD, "users": LEAD,
    "alerts": LEAD, "trends": LEAD, "events": LEAD, "receipts": LEAD,
    "channels": OPERATOR, "assignments": OPERATOR, "figure": OPERATOR,
    "allocation": LEAD, "notices": WALL,
}
IMPERSONAL = ("operators", "channels", "trends", "figure", "allocation")


def claims_of(text):
    part = text.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def signed(text, key=KEY):
    """Whether Python's hmac computes the same signature."""
    head, body, mac = text.split(".")
    want = hmac.new(key.encode(), (head + "." + body).encode(),
                    hashlib.sha256).digest()
    return base64.urlsafe_b64encode(want).rstrip(b"=").decode() == mac


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.seen = []  # all tokens; no message may contain one
        self.said = ""
        lab.start_servers("mariadb")
        self.door = lab.door("mariadb")
        lab.env["MYSQL_URL"] = self.door.url
        self.conf = lab.conf("messaging.conf", {
            "serve": {"secret_key_file": lab.write("key", KEY + "\n")}})
        self.run("--migrate")
        self.sql = Sql(lab)
        for tenant in (OURS, THEIRS):
            self.put_rows(tenant)
        self.audit_file = lab.path("audit")
        self.serving_url = self._serving_user()
        self.server = Server(lab, {
            "serve": {"secret_key_file": lab.path("key"),
                      "secret_key_old_file": lab.write("old", OLD_KEY),
                      "rate": 0, "audit": self.audit_file}},
            env={"MYSQL_URL": self.serving_url}, options=["-v"])

    def put_rows(self, tenant):
        now = "UTC_TIMESTAMP(3)"
        for table, rows in {
                "tenant_metrics (tenant, operators, as_of, version)":
                    [f"'{tenant}', 1, {now}, 1"],
                "operator_metrics (tenant, operator, name, as_of, version)":
                    [f"'{tenant}', 7, 'Ann Lee', {now}, 1"],
                "chat_metrics (tenant, chat, operator, customer_name, status, "
                "as_of, version)":
                    [f"'{tenant}', '{chat}', '{operator}', '{tenant} Ann', "
                     f"'open', {now}, 1"
                     for chat, operator in (("c1", 7), ("c2", 8))],
                "messages (tenant, conversation_id, message_id, created_at, "
                "sender, version)":
                    [f"'{tenant}', 'c1', 'm{i}', {now}, 'customer', 1"
                     for i in range(3)]}.items():
            for row in rows:
                self.sql.ask(f"INSERT INTO {table} VALUES ({row})")

    def _serving_user(self):
        """The user of scripts/examples/grants.sql.example."""
        with open("scripts/examples/grants.sql.example", encoding="utf-8") as f:
            grants = re.findall(r"^GRANT ([^;]*) TO serve@localhost;",
                                f.read().replace("messaging.", ""), re.M)
        return self.lab.database_user("serve", *grants)

    def run(self, *argv, code=0, env=None):
        done = self.lab.run(["sink", "-c", self.conf, *argv], env=env)
        self.that(done.code == code, f"{argv}: {done}")
        self.said += done.err
        return done

    def make(self, *argv):
        """A token of sink --token, and the id that it prints."""
        done = self.run("--token", *argv)
        text = done.out.decode()
        self.that(text.endswith("\n") and text.count("\n") == 1
                  and re.fullmatch(r"[\w.-]+", text.strip()),
                  f"stdout has more than a token: {text!r}")
        token_id = re.search(r"has the id (\w+) ", done.err)
        self.that(len(done.lines()) == 1 and token_id, f"stderr: {done}")
        self.seen.append(text.strip())
        return text.strip(), token_id.group(1)

    def other(self, **claims):
        """A token created by others."""
        self.seen.append(token(**claims))
        return self.seen[-1]

    def status(self, path, bearer, **headers):
        return self.server.ask(V1 + path, bearer, headers=headers).status

    def what_is_made_says_what_was_asked_for(self):
        for role in ROLES:
            made, token_id = self.make("--tenant", OURS, "--role", role,
                                       "--for", "7", "--days", "3")
            claims = claims_of(made)
            self.that(signed(made), f"{role}: another signature")
            self.that(claims == {
                "tenant_id": OURS, "role": role, "sub": "7", "jti": token_id,
                "iat": claims["iat"], "exp": claims["iat"] + 3 * DAY},
                f"{role}: {claims}")
            self.that(abs(claims["iat"] - time.time()) < 600,
                      f"{role}: made at {claims['iat']}")
        made, first = self.make("--tenant", OURS, "--role", WALL)
        claims = claims_of(made)
        self.that("sub" not in claims
                  and claims["exp"] == claims["iat"] + 30 * DAY, f"{claims}")
        self.that(self.make("--tenant", OURS, "--role", WALL)[1] != first,
                  "two tokens have one id")

    def issuer_and_audience_are_said(self):
        """For a tenant that is configured, without a database."""
        conf = self.lab.conf("issuer.conf", {"serve": {
            "secret_key": KEY, "issuer": "us", "audience": "them",
            "tenant_claim": "org"}, f"crm {OURS}": {"token": "unused"}})
        done = self.lab.must(["sink", "-c", conf, "--token", "--tenant", OURS,
                              "--role", LEAD],
                             env={"MYSQL_URL": "mysql://u:p@127.0.0.1:1/none"})
        claims = claims_of(done.out.decode())
        self.that((claims["iss"], claims["aud"], claims["org"])
                  == ("us", "them", OURS), f"{claims}")
        self.that(self.status("now", done.out.decode().strip()) == 401,
                  "a token without our tenant_claim counts")

    def each_role_reads_its_part(self):
        """The same for tokens of any origin."""
        for role in ROLES:
            made = self.make("--tenant", OURS, "--role", role, "--for", "7")[0]
            theirs = self.other(tenant_id=OURS, role=role, sub="7")
            old = self.other(key=OLD_KEY, tenant_id=OURS, role=role, sub="7")
            for path, least in LEAST.items():
                want = 200 if ROLES.index(role) >= ROLES.index(least) else 403
                got = [self.status(path, t) for t in (made, theirs, old)]
                self.that(got == [want] * 3, f"{role} {path}: {got}")

    def bad_tokens_read_nothing(self):
        good = self.make("--tenant", OURS, "--role", ADMIN)[0]
        head, body, mac = good.split(".")
        evil = base64.urlsafe_b64encode(json.dumps({
            **claims_of(good), "tenant_id": THEIRS}).encode()).decode()
        for name, bearer in {
                "none": None, "no signature": f"{head}.{body}.",
                "another tenant in it": f"{head}.{evil.rstrip('=')}.{mac}",
                "another key": self.other(key="x" * 32, tenant_id=OURS,
                                          role=ADMIN),
                "an unknown role": self.other(tenant_id=OURS, role="agent",
                                              sub="7"),
                "expired": self.other(exp=int(time.time()) - 61,
                                      tenant_id=OURS, role=ADMIN)}.items():
            answer = self.server.ask(V1 + "now", bearer)
            self.that(answer.status == 401 and answer.problem()
                      and answer.headers["WWW-Authenticate"],
                      f"{name}: {answer.status}")
        answer = self.server.ask(V1 + f"now?token={good}&access_token={good}")
        self.that(answer.status == 401, "a token in the address counts")

    def the_token_in_a_header(self):
        """It may be surrounded by blanks, and other schemes are ignored."""
        good = self.make("--tenant", OURS, "--role", ADMIN)[0]
        for status, headers in (
                (200, ("Bearer %s", "bearer %s", "Bearer  %s", "Bearer %s ",
                       "Bearer \t %s \t")),
                (401, ("Bearer", "Bearer ", "Bearer%s", "Basic %s"))):
            for header in headers:
                got = self.status("now", None, Authorization=header.replace(
                    "%s", good))
                self.that(got == status, f"'{header}': {got}")

    def what_is_read_is_written_down(self):
        """One line for each answer with personal data, and for no other."""
        for role in ROLES:
            made, token_id = self.make("--tenant", OURS, "--role", role,
                                       "--for", "7")
            for path in LEAST:
                for end in ("", ".json", ".csv", ".ndjson"):
                    self.one_answer(role, path + end, made, token_id)
        made, token_id = self.make("--tenant", OURS, "--role", LEAD)
        before = len(self._audit())
        first = self.server.ask(V1 + "chats", made)
        again = self.server.ask(V1 + "chats", made, headers={
            "If-None-Match": first.headers["ETag"]})
        self.that(again.status == 304 and len(self._audit()) == before + 1,
                  "what had not changed is written down")
        self.server.ask(V1 + "messages?limit=2&conversation_id=c1&from=7d",
                        made)
        line = self._audit()[-1]
        self.that(line["parameters"] == {
            "limit": "2", "conversation_id": "c1", "from": "7d"}
                  and line["rows"] == 2, f"{line}")
        # Ignores parameters that it does not have, and logs none of them.
        answer = self.server.ask(V1 + "messages/conversation/c1?operator="
                                 f"%ff%0a&secret={made}", made)
        self.that(answer.status == 200
                  and self._audit()[-1]["parameters"] == {},
                  f"{answer.status} {self._audit()[-1]}")
        # These can be names, and a customer may be erased.
        for word in "anna", "bob":
            self.sql.ask(
                "INSERT INTO trends (tenant, window_start, word, window_end, "
                f"occurrences, as_of) VALUES ('{OURS}', '2026-11-01', "
                f"'{word}', '2026-11-02', 5, '2026-11-02')")
        page = self.server.ask(V1 + "trends?limit=1", made).json()["next"]
        for path, want in (
                ("trends.csv?word=anna", {"word": None}),
                (f"trends.csv?limit=1&cursor={page}",
                 {"limit": "1", "cursor": None}),
                ("chats?tag=anna", {"tag": None})):
            answer = self.server.ask(V1 + path, made)
            line = self._audit()[-1]
            self.that(answer.status == 200 and line["parameters"] == want,
                      f"{path}: {answer.status} {line}")
        self.sql.ask(f"DELETE FROM trends WHERE tenant = '{OURS}'")
        self.that(os.stat(self.audit_file).st_mode & 0o777 == 0o600,
                  "others may read the audit")

    def revoked_again_it_counts_as_long_as_said(self, short):
        """Also if it was revoked before; never for a shorter time."""
        def hours():
            return self.sql.ask(
                "SELECT ROUND(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), "
                "expires_at) / 3600) FROM revoked_tokens "
                "WHERE id = 'short'")[0][0]

        for days, want in ((("--days", "3"), "72"), (("--days", "1"), "72"),
                           (("--days", "5"), "120"), ((), "NULL"),
                           (("--days", "9"), "NULL")):
            self.run("--token", "--tenant", OURS, "--revoke", "short", *days)
            self.that(hours() == want, f"{days}: {hours()} hours")
        until(PATIENCE, lambda: self.status("now", short) == 401,
              "an id that was revoked again to be refused")

    def a_stream_is_written_down(self):
        for role in ROLES:
            made, token_id = self.make("--tenant", OURS, "--role", role,
                                       "--for", "7")
            status, lines = self.stream(made)
            told = [(x["id"], x["path"], x["rows"]) for x in lines]
            wanted = [(token_id, V1 + "now/stream", 0)] if role in (
                LEAD, ADMIN) else []
            self.that(status == 200 and told == wanted,
                      f"stream of {role}: {status} {lines}")

    def each_tenant_hears_its_own_changes(self):
        heard = {tenant: Stream(self.server.port, self.make(
            "--tenant", tenant, "--role", WALL)[0]) for tenant in (OURS, THEIRS)}
        first = {tenant: s.event() for tenant, s in heard.items()}
        # Both have the same role.
        for tenant in heard:
            self.that(f'"tenant":"{tenant}"' in str(first[tenant]),
                      f"{tenant} hears {first[tenant]}")
        for tenant, stream in heard.items():
            self.sql.ask(
                "UPDATE tenant_metrics SET operators = 77 WHERE tenant = "
                f"'{tenant}'; INSERT INTO tenant_locks VALUES ('{tenant}', 0, 1)"
                " ON DUPLICATE KEY UPDATE uses = uses + 1")
            event = stream.event()
            self.that(event != first[tenant]
                      and f'"tenant":"{tenant}"' in str(event),
                      f"{tenant} hears {event}")
            stream.close()

    def the_board_is_compressed(self):
        plain = self.server.ask("/")
        zipped = self.server.ask("/", headers={"Accept-Encoding": "gzip"})
        self.that(zipped.headers["Content-Encoding"] == "gzip"
                  and len(zipped.body) < len(plain.body)
                  and gzip.decompress(zipped.body) == plain.body,
                  f"{zipped.status}, {len(zipped.body)} bytes")

    def without_a_trace_nothing_is_read(self):
        made = self.make("--tenant", OURS, "--role", LEAD)[0]
        kept = self.audit_file + ".1"
        os.rename(self.audit_file, kept)
        lines = sum(1 for _ in open(kept, "rb"))
        self.that(self.status("chats", made) == 200 and len(self._audit()) == 1,
                  "a renamed file is written on")
        os.remove(self.audit_file)
        os.mkdir(self.audit_file)
        answer = self.server.ask(V1 + "chats", made)
        self.that(answer.status == 503 and answer.problem()
                  and b"Ann" not in answer.body
                  and not answer.headers["ETag"]
                  and answer.headers["Retry-After"], f"{answer.status}")
        self.that(self.stream(made)[0] == 503, "a stream without a trace")
        self.that(self.status("operators", made) == 200,
                  "what shows nobody needs no trace")
        os.rmdir(self.audit_file)
        self.that(self.status("chats", made) == 200 and len(self._audit()) == 1,
                  "it does not begin anew")
        os.remove(self.audit_file)
        os.symlink("/dev/full", self.audit_file)
        self.that(self.status("chats", made) == 503, "a full disk is not an error")
        os.remove(self.audit_file)
        self.that(self.status("chats", made) == 200, "it stays full")
        self.that(sum(1 for _ in open(kept, "rb")) == lines,
                  "the renamed file goes on")

    def login(self, bearer, path="/login", **headers):
        headers = {"Content-Type": FORM,
                   **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.server.ask(path, method="POST", headers=headers,
                               body=urlencode({"token": bearer}))

    def what_a_full_disk_left_goes_at_once(self):
        """After a full disk left half a line, a rotated file has whole lines
        only."""
        made = self.make("--tenant", OURS, "--role", LEAD)[0]
        pid = self.server.process.pid
        self.that(self.status("chats", made) == 200, "no line")
        with open(self.audit_file, "rb") as f:
            before = f.read()
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE,
                         (len(before) + 20, limits[1]))
        status = self.status("chats", made)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        with open(self.audit_file, "rb") as f:
            after = f.read()
        self.that(status == 503 and after == before,
                  f"{status}, a torn end: {after[len(before):]}")
        self.that(self.status("chats", made) == 200
                  and len(self._audit()) == before.count(b"\n") + 1,
                  "it does not go on")

    def a_second_server_needs_a_file_of_its_own(self):
        conf = self.lab.conf("second.conf", {
            "serve": {"secret_key": KEY, "audit": self.audit_file}})
        for path, word in ((self.audit_file, "another process"),
                           (self.lab.path("no/such"), "No such file")):
            self.lab.conf("second.conf", {"serve": {"secret_key": KEY,
                                                    "audit": path}})
            done = self.lab.run(["sink", "-c", conf, "--serve",
                                 "127.0.0.1:0"])
            self.that(done.code == 78 and len(done.lines()) == 1
                      and word in done.err, f"{done}")

    def post(self, path, body, **headers):
        """The status, and the cookie that is set."""
        answer = self.server.ask(path, method="POST", body=body, headers={
            k.replace("_", "-"): v for k, v in headers.items()})
        cookie = answer.headers["Set-Cookie"]
        self.that(bool(cookie) == (answer.status == 303),
                  f"{path} {body}: {answer.status} {cookie}")
        return answer.status, cookie

    def a_browser_logs_in(self):
        made = self.make("--tenant", OURS, "--role", LEAD, "--days", "2")[0]
        answer = self.login(made)
        self.that(answer.status == 303 and answer.headers["Location"] == "/"
                  and answer.body == b""
                  and "no-store" in answer.headers["Cache-Control"],
                  f"{answer.status} {answer.headers}")
        cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
        headers = {"Cookie": f"a=b; {COOKIE}={cookie.value}"}
        self.that(self.server.ask(V1 + "messages", headers=headers).status
                  == 200, "the cookie does not count")
        answer = self.login("", "/logout", **headers)
        cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
        self.that(answer.status == 303 and cookie.value == "",
                  f"{answer.headers}")
        answer = self.server.ask("/login?token=" + made, method="PUT")
        self.that(answer.status == 405 and "POST" in answer.headers["Allow"],
                  f"PUT: {answer.status}")
        self.that(self.login("x" * 5000).status == 413, "a long token")

    def a_refused_login_returns_to_its_page(self):
        for bearer in "", "x.y.z", self.other(tenant_id=OURS, role=LEAD,
                                              exp=1000):
            answer = self.login(bearer, Accept="text/html,*/*;q=0.8")
            self.that(answer.status == 303 and answer.body == b""
                      and answer.headers["Location"] == "/login#refused"
                      and not answer.headers["Set-Cookie"]
                      and not answer.headers["WWW-Authenticate"],
                      f"{bearer}: {answer.status} {answer.headers}")

    def what_is_a_login(self):
        made = self.make("--tenant", OURS, "--role", LEAD, "--days", "2")[0]
        good = "token=" + made
        for body, status in (
                (f"a=b&{good}&c", 303), (f"&&%74oken={made}&", 303),
                (f"token=++{made}%0D%0A", 303), (f"{good}&token=x", 303),
                (f"token=x&{good}", 401), ("b=1&" * 63 + good, 303),
                ("b=1&" * 64 + good, 400), ("", 400), ("token", 400),
                ("token=", 400), ("token=+%20", 400), (good[1:], 400),
                ("a" + good, 400), ("T" + good[1:], 400), ("token=a.b.c", 401),
                ("token=x%0Ay", 401), (good + "%", 401), (good + "%4", 401),
                (good + "%zz", 401)):
            got = self.post("/login", body, Content_Type=FORM)[0]
            self.that(got == status, f"{body}: {got}, not {status}")
        for status, path, headers in (
                (303, "/login", {"Content_Type": FORM + "; charset=utf-8"}),
                (415, "/login", {"Content_Type": FORM + "x"}),
                (415, "/login", {"Content_Type": "text/plain"}),
                (415, "/login", {}), (303, "/logout", {}),
                *((status, path, {"Content_Type": FORM, "Sec_Fetch_Site": site})
                  for path in ("/login", "/logout") for site, status in (
                      ("cross-site", 403), ("same-site", 403),
                      ("same-origin", 303), ("none", 303)))):
            got = self.post(path, good, **headers)[0]
            self.that(got == status, f"{path} {headers}: {got}, not {status}")

    def _audit(self):
        with open(self.audit_file, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def a_cookie_is_secure_but_for_this_machine(self):
        """Only pages from the browser's own machine may be without TLS."""
        made = self.make("--tenant", OURS, "--role", LEAD, "--days", "2")[0]
        for end, pages in (("", (
                "http://localhost", "http://localhost:8081",
                "http://127.0.0.1:8081", "http://[::1]:8081")), ("; Secure", (
                    "null", "https://localhost", "https://board.example.com",
                    "http://board.example.com", "http://localhost.example.com",
                    "http://127.0.0.1.example.com:80",
                    "http://192.0.2.1:8081"))):
            for page in pages:
                found = [re.fullmatch(
                    COOKIE + r"=([\w.-]*); Path=/; Max-Age=(\d+); HttpOnly; "
                    "SameSite=Strict" + end, self.post(
                        path, "token=" + made, Content_Type=FORM,
                        Origin=page)[1]) for path in ("/login", "/logout")]
                self.that(all(found) and found[0][1] == made
                          and 0 <= 2 * DAY - int(found[0][2]) < 600
                          and found[1].groups() == ("", "0"),
                          f"{page}: {found}")

    def one_answer(self, role, path, made, token_id):
        before = self._audit()
        answer = self.server.ask(V1 + path, made)
        lines = self._audit()[len(before):]
        name = path.rsplit(".", 1)[0]
        export = answer.status == 200 and path.endswith((".csv", ".ndjson"))
        wanted = export or (answer.status == 200 and role in (LEAD, ADMIN)
                            and name not in IMPERSONAL)
        if not self.that(len(lines) == wanted, f"{role} {path}: {lines}"):
            return
        if wanted:
            line = lines[0]
            self.that(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z",
                                   line.pop("at"))
                      and isinstance(line.pop("rows"), int)
                      and line == {
                          "tenant": OURS, "id": token_id, "role": role,
                          "subject": "7", "peer": "127.0.0.1",
                          "path": V1 + path, "parameters": {},
                          "status": 200}, f"{role} {path}: {line}")
        if wanted and name == "messages" and path.endswith(".ndjson"):
            self.that(self._audit()[-1]["rows"] == 3
                      and len(answer.body.splitlines()) == 3,
                      f"{self._audit()[-1]}")

    def stream(self, bearer):
        """Opens a stream and leaves at once; its status and audit lines."""
        before = len(self._audit()) if os.path.isfile(self.audit_file) else 0
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=PATIENCE)
        connection.request("GET", STREAM, headers={
            "Authorization": "Bearer " + bearer})
        status = connection.getresponse().status
        connection.close()
        return status, (self._audit()[before:] if status == 200 else [])

    def a_cookie_is_found_among_others(self):
        """Another application on the same host may have a cookie session."""
        made = self.make("--tenant", OURS, "--role", LEAD)[0]
        for status, cookies in ((200, (
                "our=%s", "x=1; our=%s; y=2", "x=1;our=%s", "our=%s; our=b",
                "session=b; our=%s", "our=%s; session=b")), (401, (
                    "our=b; our=%s", "xour=%s", "x=our=%s", "our", "our=",
                    "session=%s", "Messaging_Session=%s", ";; ;"))):
            for cookie in cookies:
                got = self.status("now", None, Cookie=cookie.replace(
                    "our", COOKIE).replace("%s", made))
                self.that(got == status, f"{cookie}: {got}")
        answer = self.server.ask(V1 + "now", method="POST", headers={
            "Cookie": f"{COOKIE}={made}"})
        self.that(answer.status == 401, f"POST by cookie: {answer.status}")
        # A token in the header has priority; another scheme does not count.
        for authorization, status in ("Bearer x", 401), ("Basic eDp5", 200):
            got = self.status("now", None, Cookie=f"{COOKIE}={made}",
                              Authorization=authorization)
            self.that(got == status, f"{authorization}: {got}")

    def a_token_is_for_what_exists(self):
        """Another token would show an empty board."""
        role = "--tenant", OURS, "--role"
        for argv, code, says in (
                (("--tenant", OURS + "x", "--role", LEAD), 66,
                 f"no tenant '{OURS}x'"),
                ((*role, LEAD, "--teams", "sales"), 78, "no team 'sales'"),
                ((*role, OPERATOR, "--for", "ann lee"), 66,
                 "the operator with this name is --for 7"),
                ((*role, OPERATOR, "--for", "70"), 66, "no operator with the id"),
        ):
            done = self.run("--token", *argv, code=code)
            self.that(not done.out and len(done.lines()) == 1
                      and says in done.err, f"{argv}: {done}")
        # A tenant that is configured has no rows before its first poll.
        conf = self.lab.conf("configured", {
            "serve": {"secret_key_file": self.lab.path("key")},
            "crm new": {"token": "unused", "teams": "day: 7, night: 8"}})
        for argv, code, says in (
                ((LEAD, "--teams", "night,day"), 0, "has the id"),
                ((LEAD, "--teams", "day,nigh"), 78, "no team 'nigh'"),
                ((OPERATOR, "--for", "7"), 75, "database")):
            done = self.lab.run(
                ["sink", "-c", conf, "--token", "--tenant", "new", "--role",
                 *argv], env={"MYSQL_URL": "mysql://a:b@127.0.0.1:1/x"})
            self.seen += done.out.decode().split()
            self.said += done.err
            self.that(done.code == code and len(done.lines()) == 1
                      and says in done.err, f"{argv}: {done}")

    def misspelled_tenants_are_named(self):
        done = self.run("--token", "--tenant", OURS + "x", "--revoke", "x",
                        code=66)
        self.that(OURS + "x" in done.err, f"{done}")
        self.sql.ask(f"DELETE FROM revoked_tokens WHERE tenant = '{OURS}x'")

    def who_cannot_write_revokes_nothing(self):
        done = self.run("--token", "--tenant", OURS, "--revoke", "x", code=77,
                        env={"MYSQL_URL": self.serving_url})
        self.that(len(done.lines()) == 1 and "denied" in done.err, f"{done}")

    def revoked_tokens_read_nothing(self):
        made, token_id = self.make("--tenant", OURS, "--role", LEAD)
        same_id = self.other(tenant_id=THEIRS, role=LEAD, jti=token_id)
        odd = self.other(tenant_id=OURS, role=LEAD, jti="a/b:c\u00e9")
        none = self.other(tenant_id=OURS, role=LEAD)
        short = self.other(tenant_id=OURS, role=LEAD, jti="short")
        everybody = (made, same_id, odd, none, short)
        self.that([self.status("now", t) for t in everybody] == [200] * 5,
                  "one does not count before")
        for argv in ((token_id,), (token_id,), ("a/b:c\u00e9",),
                     ("short", "--days", "9")):
            done = self.run("--token", "--tenant", OURS, "--revoke", *argv)
            self.that(not done.out and not done.err, f"{done}")
        until(PATIENCE, lambda: [self.status("now", t) for t in everybody]
              == [401, 200, 401, 200, 401], "the revoked ones to be refused")
        self.that(self.sql.ask(
            "SELECT id, tenant, expires_at IS NULL, ROUND(TIMESTAMPDIFF("
            "SECOND, revoked_at, expires_at) / 3600) FROM revoked_tokens ORDER BY id")
            == sorted([[token_id, OURS, "1", "NULL"],
                       ["a/b:c\u00e9", OURS, "1", "NULL"],
                       ["short", OURS, "0", "216"]]), "the table differs")
        answer = self.login(made)
        self.that(answer.status == 401 and not answer.headers["Set-Cookie"],
                  "a revoked token logs in")
        # Expired tokens need no entry.
        self.sql.ask("UPDATE revoked_tokens SET expires_at = "
                     "UTC_TIMESTAMP(3) - INTERVAL 1 DAY WHERE id = 'short'")
        until(PATIENCE, lambda: self.status("now", short) == 200,
              "an expired id to be forgotten")
        self.revoked_again_it_counts_as_long_as_said(short)
        self.the_last_list_counts(made, none)

    def the_last_list_counts(self, revoked, good):
        """The last list of revoked tokens applies while the database is away; a
        new server has none."""
        blind_url = self.lab.database_user("blind", "SELECT ON tenants")
        with_id = self.make("--tenant", OURS, "--role", LEAD)[0]
        self.door.shut()
        until(60, lambda: self.status("now", good) == 503, "no database")
        self.that(self.status("now", revoked) == 401,
                  "a revoked token counts while the database is away")
        late = Server(self.lab, {"serve": {"rate": 0}}, name="late")
        answer = late.ask(V1 + "now", with_id)
        self.that(answer.status == 503 and answer.headers["Retry-After"]
                  and "revoked" in answer.problem(), f"{answer.status}")
        self.that(late.ask(V1 + "now", revoked).status == 503,
                  "it is known at the start")
        blind = Server(self.lab, {"serve": {"rate": 0}}, name="blind",
                       env={"MYSQL_URL": blind_url})
        self.door.open()
        for server in (late, self.server):
            until(60, lambda s=server: (
                s.ask(V1 + "now", with_id).status,
                s.ask(V1 + "now", revoked).status) == (200, 401),
                "the list after the database came back")

        def told():
            with open(blind.log, encoding="utf-8") as f:
                return [line for line in f if "revoked tokens" in line]

        # A lasting failure is reported as well, after a temporary one.
        until(60, lambda: any("denied" in line for line in told()[1:]),
              "why there is no list")

    def no_token_is_told(self):
        """No message, log or audit contains a token."""
        self.server.process.terminate()
        self.that(self.server.process.wait(PATIENCE) == 0, "it ends badly")
        texts = {"messages": self.said}
        for path in glob.glob(self.lab.path("*.log")) + glob.glob(
                self.audit_file + "*"):
            with open(path, encoding="utf-8") as f:
                texts[path] = f.read()
        for name, text in texts.items():
            for secret in self.seen:
                self.that(secret.split(".")[2] not in text
                          and secret not in text, f"a token is in {name}")
            self.that(KEY not in text, f"the key is in {name}")
        log = texts[self.server.log]
        for word in ("token_refused peer=127.0.0.1 reason=", "it was revoked",
                     f"login tenant={OURS} id=", "it has expired",
                     f" read tenant={OURS} id="):
            self.that(word in log, f"the log has no '{word}'")


run_checks(Test)
