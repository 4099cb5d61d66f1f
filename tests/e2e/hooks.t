#!/usr/bin/env -S python3 -B
"""Webhooks end to end: which are accepted, that duplicates count once, that
unknown ones are kept, and that they are registered at the CRMs.
"""

import hashlib
import hmac
import http.client
import json
import os
import time

from harness import Checklist, run_checks, until

KEY = "s3cr3t-that-nobody-knows"
HOOK = "0123456789abcdef"
TIMES = {"created_at": 1795168790}
META = {"meta": {"sender": {"id": 71}, "assignee": {"id": 5},
                 "assignee_type": "User"}}


def conversation(status, updated, **more):
    return {"id": 13, "inbox_id": 2, "status": status, **TIMES,
            "updated_at": updated, **META, **more}


def said(number, at, talk, **more):
    return {"event": "message_created", "id": number,
            "created_at": f"2026-11-20T{at}Z", "conversation": talk, **more}


NAMED = {"meta": {"sender": {"id": 71}, "assignee": {"id": 5, "name": "Bo"},
                  "assignee_type": "User"}}
CUSTOMER = {"message_type": "incoming", "sender": {"id": 71}}
AGENT = {"message_type": "outgoing", "sender": {"id": 5, "type": "user"}}
SAID = said(901, "10:00:00.5", {**conversation("open", 1795168800.5), **NAMED},
            content="private words", **CUSTOMER)
ANSWERED = said(902, "10:00:40.5", conversation("open", 1795168840.5),
                content="more of them", **AGENT)
# The two events that Chatwoot sends for one closing; the second has the change.
RESOLVED = conversation("resolved", 1795168900.512345)
SHOWN = {"event": "conversation_status_changed", "changed_attributes": None,
         **RESOLVED}


def changed(before, after, at, talk):
    return {"event": "conversation_updated", "changed_attributes": [
        {"status": {"previous_value": before, "current_value": after}},
        {"updated_at": {"previous_value": "2026-11-20T10:00:40.500Z",
                        "current_value": f"2026-11-20T{at}Z"}}], **talk}


CHANGED = changed("open", "resolved", "10:01:40.500", RESOLVED)
# Resolving writes a survey message, which arrives before the change is
# reported.
SURVEYED = conversation("resolved", 1795168901.45, messages=[
    {"id": 903, "message_type": 3, "content_type": "input_csat",
     "created_at": 1795168901}])
SHOWN_LATE = {**SHOWN, **SURVEYED}
SURVEY = said(903, "10:01:41.400", SURVEYED, content_type="input_csat",
              message_type="template")
NOTED = said(904, "10:03:20.400", {**SURVEYED, "updated_at": 1795169000.45},
             private=True, **AGENT)
# The customer writes within the second of the closing.
OPENED = conversation("open", 1795168900.8)
REOPENED = changed("resolved", "open", "10:01:40.750", OPENED)
WROTE = said(905, "10:01:40.700", OPENED, **CUSTOMER)
UNKNOWN = {"event": "conversation_merged", "id": 13}


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("rabbitmq")
        self.sim = lab.sim("--seed", 7)
        self.state, self.key, self.listener = lab.path("state"), KEY, None

    def mine(self, secret=HOOK):
        there = {"url": self.sim.url, "token": "sim-token"}
        return self.lab.conf("my.conf", {
            "crm wo": {"profile": "chatwoot", "hook": "signature",
                       "hook_secret": KEY},
            "crm desk": {**there, "hook": "signature"},
            "crm room": {**there, "hook": "secret", "hook_secret": secret}})

    def listen(self, conf, to, state=True):
        if self.listener:
            self.equal(self.lab.end(self.listener), 0, self._log())
        self.listener = self.lab.serve(
            ["poller", "-c", conf, "--listen", "127.0.0.1:0", "-t", to,
             *(["--state", self.state] if state else [])], "listen")

    def _log(self):
        return self.lab.text("listen.log")

    def ask(self, path, body=None, headers=None):
        c = http.client.HTTPConnection(
            "127.0.0.1", self.listener.port, timeout=60)
        c.request("POST" if body is not None else "GET", path, body,
                  {"Content-Type": "application/json", **(headers or {})})
        answer = c.getresponse()
        self.answer = answer.read().decode()
        c.close()
        return answer.status

    def post(self, status, path, body, headers=None):
        if not isinstance(body, str):
            body = json.dumps(body)
        got = self.ask(path, body, headers)
        self.equal(got, status, f"{path} {body[:80]}: {self.answer}")

    def chatwoot(self, status, body, age=0, key=None, tenant="wo"):
        """Signed like Chatwoot's."""
        at, text = str(int(time.time()) - age), body if isinstance(
            body, str) else json.dumps(body)
        mac = hmac.digest((key or self.key).encode(), f"{at}.{text}".encode(),
                          "sha256").hex()
        self.post(status, f"/hooks/{tenant}/chatwoot", text, {
            "X-Chatwoot-Timestamp": at, "X-Chatwoot-Delivery": "1",
            "X-Chatwoot-Signature": "sha256=" + mac})

    def chat2desk(self, status, body):
        """Signed like Chat2Desk's, with the MD5 of the token."""
        at, text = str(int(time.time())), json.dumps(body)
        key = hashlib.md5(b"sim-token").hexdigest().encode()
        self.post(status, "/hooks/desk/chat2desk", text, {
            "X-Timestamp": at, "X-Signature": hmac.digest(
                key, (text + at).encode(), "sha256").hex()})

    def _published(self):
        """Accepted webhooks are stored; waits until they have reached their
        queue or file."""
        def is_so():
            self.ask("/api/v1/analytics/health")
            return json.loads(self.answer)["processing_queue_size"] == 0

        until(60, is_so, "all to be published")

    def taken(self, queue="records"):
        """Without the statements that the listener makes each minute."""
        self._published()
        return [line for line in self.lab.take(queue)
                if json.loads(line)["type"] != "coverage"]

    def who_is_let_in(self):
        self.listen(self.mine(), "queue:records")
        self.chatwoot(200, SAID)
        self.equal(self.answer, '{"status":"ok"}', "the answer")
        self.chatwoot(200, ANSWERED)
        self.chat2desk(200, {"hook_type": "inbox", "dialog_id": 9,
                             "message_id": 5})
        self.post(401, "/hooks/wo/chatwoot", SAID)
        self.chatwoot(401, SAID, age=400)
        self.chatwoot(401, SAID, key="guess")
        self.post(401, "/hooks/nobody/chatwoot", SAID)
        nobody = self.answer
        self.post(401, "/hooks/room/chat2desk", SAID)
        self.equal(self.answer, nobody, "a tenant that is there shows")
        self.post(401, "/hooks/room/chat2desk/0123456789abcdeg", SAID)
        # A route of the original service
        self.post(404, "/webhook", {"room_id": "1"})
        # A secret in the address suffices if configured.
        self.post(200, "/hooks/room/chat2desk/" + HOOK,
                  {"hook_type": "close_dialog", "dialog_id": 9})
        self.post(401, "/hooks/room/chat2desk?secret=" + HOOK, SAID)
        # Unknown webhooks are kept.
        self.chatwoot(200, UNKNOWN)
        self.chatwoot(400, '{"event":')
        records = self.taken()
        self.equal(len(records), 8, f"records: {records}")
        self.that("words" not in "".join(records), "what was written is told")
        self.equal([json.loads(json.loads(x)["record"])
                    for x in self.lab.take("records.dead")], [UNKNOWN], "dead")
        self.once = [x for x in records if '"tenant":"wo"' in x]

    def secrets_written_later(self):
        """The listener starts before there is a secret, as in the quickstart;
        it reads the secret, another one and a new tenant by itself."""
        key = {"profile": "chatwoot", "hook": "signature"}
        late = {"crm late": {**key, "hook_secret_file": "late.key"}}
        conf = self.lab.conf("late.conf", late)
        self.listen(conf, "queue:records")
        self.chatwoot(401, SAID, tenant="late")

        def accepts(tenant, secret):
            def is_so():
                at, text = str(int(time.time())), json.dumps(SAID)
                mac = hmac.digest(secret.encode(), f"{at}.{text}".encode(),
                                  "sha256").hex()
                return self.ask(f"/hooks/{tenant}/chatwoot", text, {
                    "X-Chatwoot-Timestamp": at,
                    "X-Chatwoot-Signature": "sha256=" + mac}) == 200

            until(60, is_so, f"{tenant} to be accepted")

        self.lab.write("late.key", KEY + "\n")
        accepts("late", KEY)
        self.lab.write("late.key", "the second secret\n")
        accepts("late", "the second secret")
        self.chatwoot(401, SAID, tenant="late")
        self.lab.conf("late.conf", {
            **late, "crm new": {**key, "hook_secret": KEY}})
        accepts("new", KEY)
        # A configuration that cannot be read changes nothing.
        self.lab.write("late.conf", "[crm late]\nnonsense\n")
        until(60, lambda: "keeps the configuration" in self._log(), "a warning")
        self.chatwoot(200, SAID, tenant="new")
        self.taken()

    def kept_among_records(self):
        """Without a broker, a dead letter is a line among the records."""
        self.listen(self.mine(), self.lab.path("few"), state=False)
        self.chatwoot(200, SAID)
        self.chatwoot(200, UNKNOWN)
        self._published()
        lines = [json.loads(x) for x in self.lab.text("few").splitlines()]
        self.equal([json.loads(x["record"]) for x in lines
                    if x["type"] == "dead"], [UNKNOWN], lines)
        self.listen(self.mine(), "queue:records")

    def aggregate(self, lines, *options):
        return self.lab.must(["aggregator", "-o", "ndjson", *options],
                             stdin="".join(x + "\n" for x in lines).encode()
                             ).records()

    def table(self, lines, name, *options):
        return [r for r in self.aggregate(lines, *options)
                if r.get("table") == name]

    def twice(self):
        """Sent twice and in reverse order, it counts once."""
        for body in (ANSWERED, SAID, ANSWERED):
            self.chatwoot(200, body)
        again = self.taken()
        self.equal(len(again), 7, f"records: {again}")

        def rows(lines):
            return sorted(map(json.dumps, self.aggregate(lines)))

        self.equal(rows(self.once + again), rows(self.once), "twice")
        chat = self.table(self.once, "chat_metrics")[0]
        self.equal((chat["responses"], chat["avg_response_seconds"]), (1, 40),
                   "responses")
        # The webhook gives an operator a name, but makes nobody listed or
        # available.
        operator = self.table(self.once, "operator_metrics")[0]
        self.equal([operator[x] for x in ("name", "available", "open_chats")],
                   ["Bo", None, 1], "the operator")
        self.equal(self.table(self.once, "tenant_metrics")[0]["operators"], 0,
                   "operators")
        self.equal([row["max_chats"] for row in self.table(
            self.once, "allocation_operators", "-a", "allocation")], [None],
                   "capacities in allocation")

    def closings(self):
        """The two events of a closing count as one closing in any order;
        messages in a resolved conversation do not close it a second time."""
        def closed(*events):
            for event in events:
                self.chatwoot(200, event)
            return self.once + self.taken()

        for events in ((SHOWN, CHANGED), (CHANGED, SHOWN), (CHANGED,),
                       (CHANGED, SHOWN, CHANGED),
                       (CHANGED, SHOWN_LATE, SURVEY, NOTED),
                       (NOTED, SURVEY, SHOWN_LATE, CHANGED)):
            lines = closed(*events)
            self.equal([(r["ms"], r["operator"]) for definition in
                        ("ours", "chatwoot") for r in self.aggregate(
                            lines, "-a", "intervals", "--definition", definition)
                        if r.get("kind") == "resolution"],
                       [(100000, "5"), (110000, "5")],
                       f"resolutions of {[e['event'] for e in events]}")
        # A customer who writes within the second of the closing waits.
        chat = self.table(closed(CHANGED, REOPENED, WROTE), "chat_metrics")[0]
        self.equal([chat[x] for x in ("status", "messages", "waiting_since")],
                   ["open", 1, "2026-11-20T10:01:40.700Z"], "a quick customer")

    def poller(self, conf, *options, code=0, says=None):
        done = self.lab.run(["poller", "-c", conf, *options])
        self.ends(done, code, says, options)
        self.that(HOOK not in done.err + done.out.decode() and
                  "sim-token" not in done.err, f"a secret is shown: {done}")
        return done

    def registered(self):
        mine, hook = self.mine(), "https://hooks.example.com/in"
        room = ("--tenant", "room")

        def listed():
            return [h["url"] for h in self.sim.get("/webhooks")["data"]]

        done = self.poller(mine, "--tenant", "desk", *room, "--register",
                           hook + "/")
        self.equal(listed(), [hook + "/hooks/desk/chat2desk",
                              f"{hook}/hooks/room/chat2desk/{HOOK}"], "there")
        self.that(b"hooks/room/chat2desk/***" in done.out, done.out)
        self.sim.fault("401-echo", value=400, method="POST", count=1)
        self.poller(mine, *room, "--unregister", hook)
        self.poller(mine, *room, "--register", hook, code=77, says=r"Token \*\*\* "
                    r"is not correct.*/hooks/room/chat2desk/\*\*\*")
        self.poller(mine, *room, "--register", hook)
        self.poller(self.mine(HOOK[::-1]), *room, "--register", hook)
        self.equal(listed()[1:], [f"{hook}/hooks/room/chat2desk/{HOOK[::-1]}"],
                   "changed")
        self.poller(mine, "--tenant", "desk", "--unregister", hook)
        self.poller(mine, *room, "--unregister", hook)
        self.equal(listed(), [], "not removed")
        self.poller(mine, "--tenant", "wo", "--register", hook, code=78,
                    says="has no account")

    def qiscus(self):
        """Each webhook is registered in its own request."""
        sim = self.lab.sim("--crm", "qiscus", name="qiscus")
        hook = "https://h.example.com"

        def conf(**more):
            return self.lab.conf("qiscus.conf", {"crm q": {
                "profile": "qiscus", "url": sim.root, "account": "sim-app",
                "hosts": "messages=" + sim.root, "token": "sim-token",
                "hook": "secret", "hook_secret": HOOK, **more}})

        missing = "has no admin_token, .* set admin_token_file"
        self.poller(conf(), "--register", hook, code=78, says=missing)
        self.poller(conf(admin_token="sim-token"), "--register", hook, code=77,
                    says=r"check the admin_token of \[crm q\]")
        self.lab.write("qiscus.admin", "admin-sim-token\n")
        path = conf(admin_token_file="qiscus.admin")
        for _ in range(2):
            self.equal([(r["url"], r["active"]) for r in self.poller(
                path, "--register", hook).records()],
                2 * [(hook + "/hooks/q/qiscus/***", True)], "registered")
        self.poller(path, "--unregister", hook)
        self.that(not any(r["active"] for r in self.poller(
            path, "--registered").records()), "not removed")

    def made_up_key(self):
        """The new key is written to a private file; with that file, the
        tenant's webhooks are accepted."""
        lab, hook = self.lab, "https://h.example.com"
        sim = lab.sim("--crm", "chatwoot", "--token", "woot-token", name="woot")
        keys = {"profile": "chatwoot", "token": "woot-token", "account": 1,
                "url": sim.root, "hook": "signature"}

        def conf(name="made.conf", without=(), **more):
            return lab.conf(name, {"crm made": {
                k: v for k, v in {**keys, **more}.items() if k not in without}})

        self.poller(conf(without="account"), "--register", hook, code=78,
                    says="has no account")
        path, file = conf(), {"hook_secret_file": "made.key"}
        for words, code, says in (
                (["--register", hook], 78, "set hook_secret_file"),
                (["-n", "--register", hook], 78, "set hook_secret_file"),
                (["-n", "--listen", "127.0.0.1:0"], 78,
                 "webhooks of tenant made: there is no webhook secret")):
            self.poller(path, *words, code=code, says=says)
        path = conf(**file)
        done = self.poller(path, "--register", hook)
        self.key = lab.text("made.key").strip()
        self.equal(len(self.key), 24, self.key)
        self.equal(os.stat(lab.path("made.key")).st_mode & 0o777, 0o600, "mode")
        self.that(self.key not in done.err + done.out.decode(), "it is shown")
        self.equal([(r["url"], r["active"]) for r in done.records()],
                   [(hook + "/hooks/made/chatwoot", True)], "registered")
        for again in (hook, "HTTPS://H.example.com/"):
            self.equal(len(self.poller(path, "--register", again).records()), 1,
                       again)
        self.equal(lab.text("made.key").strip(), self.key, "another key")
        # With a token only for that command, polls do not complain.
        bare = conf("bare.conf", without="token", **file)
        lab.must(["poller", "-c", bare, "--tenant", "made", "--register", hook],
                 env={"CRM_TENANT": "made", "CRM_TOKEN_FILE":
                      lab.write("made.token", "woot-token\n")})
        self.poller(bare)

        # A copy of the profile has its routes, too.
        with open("poller/profiles/qiscus.jq", encoding="utf-8") as f:
            rooms = lab.write("rooms.jq", f.read())
        path = lab.conf("both.conf", {
            "crm made": {**keys, **file}, "crm room": {"profile": rooms},
            "listen": {"tenant": "room"}})
        self.listen(path, lab.path("file"))
        self.chatwoot(200, SAID, tenant="made")
        self.chatwoot(200, UNKNOWN, tenant="made")
        self._published()
        self.equal([json.loads(r["record"]) for r in self._file()
                    if r["type"] == "dead"], [UNKNOWN], "the dead letter")
        self.equal(len(self._file()), 4, self._file())
        self.made = path

    def _file(self):
        """Without the statements that the listener makes each minute."""
        records = map(json.loads, self.lab.text("file").splitlines())
        return [r for r in records if r["type"] != "coverage"]

    def of_room(self, room):
        self._published()
        return [r for r in self._file() if r.get("chat") == room]

    def originals(self):
        """The routes of the original allocator."""
        room = {"email": "e", "room_id": "77"}
        self.post(200, "/webhook", {**room, "candidate_agent": None})
        self.equal(self.answer, '{"message":"Webhook received successfully"}',
                   "a room")
        self.post(200, "/webhook", room)
        self.post(400, "/webhook", "room_id=77")
        self.equal(self.answer, '{"error":"Invalid payload"}', "no JSON")
        self.post(200, "/resolve", {"service": {"room_id": "77",
                                                "last_comment_id": 5}})
        self.equal([r["status"] for r in self.of_room("77")],
                   ["open", "open", "closed"], "what became of it")
        # A repeated resolution, after the customer wrote again, closes nothing.
        resolving = {"service": {"id": 31, "room_id": "78", "is_resolved": True}}
        room = {"email": "e", "room_id": "78"}
        self.post(200, "/webhook", room)
        self.post(200, "/resolve", resolving)
        time.sleep(0.002) # reach another millisecond
        self.post(200, "/webhook", room)
        self.post(200, "/resolve", resolving)
        records = self.of_room("78")
        self.equal(len({r["at"] for r in records if r["status"] == "closed"}),
                   1, f"times: {records}")
        self.equal(self.table(map(json.dumps, records), "allocation_totals",
                              "-a", "allocation")[-1]["waiting"], 1, "waiting")
        self.poller(self.made, "--tenant", "made", "--unregister",
                    "https://h.example.com")
        self.equal(self.poller(self.made, "--tenant", "made",
                               "--registered").records(), [], "not removed")
        self.equal(self.lab.end(self.listener), 0, self._log())
        self.that(not any(x in self._log() for x in (self.key, "s3cr3t",
                                                    "words")), "the log tells")


run_checks(Test)
