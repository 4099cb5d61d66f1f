#!/usr/bin/env -S python3 -B
"""notices: from a customer's message to a receiver, with a broker, a database
and all programs: in time, with a row; grouped; through receivers that fail in
any way, without telling their address; silent while the calendar is closed; by
mail. Kills are in notice_kills.t.
"""

import hashlib
import hmac
import json
import os
import random
import shutil
import sys
import time
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import dues  # noqa: E402
import notices  # noqa: E402
from harness import LONG, Checklist, run_checks, say, seed, until
from notice_receiver import Receiver
from streamlib import House

IN, ROWS, NOTICES = "records", "rows", "notices"
TARGET = 60 # seconds
SECRET = "a-secret-of-receivers"
# A tenant for each check, because messages are grouped by tenant.
TENANTS = ("prompt flood refusing404 slow500 slow429 hang night several "
           "nobody mailed answered other both quick").split()


def text(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


def now():
    return datetime.now(timezone.utc)


def rows_of(lines):
    """{(tenant, rule, chat, begin): row}; a later version replaces."""
    found = {}
    for r in map(json.loads, lines):
        if r.get("table") == "notices":
            found[r["tenant"], r["rule"], r["chat"], r["begin_at"]] = r
    return found


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.receiver = Receiver()
        self.random = random.Random(seed())
        self.keep = os.environ.get("KEEP_STATE") or self.random.choice(
            ("local", "database"))
        say(f"- the state is kept in: {self.keep}")
        self.house = House(lab, "rabbitmq", "mariadb", conf=self._conf())
        self.lab.write("sendmail", "#!/bin/sh\ncat >>$MAIL_TO\n"
                       "[ ! -e ${MAIL_TO}_status ] || . ${MAIL_TO}_status\n", 0o700)
        lab.env["MAIL_TO"] = lab.path("mail")
        lab.env["PATH"] = lab.tmp + ":" + lab.env["PATH"]
        for queue in (IN, ROWS, NOTICES):
            lab.take(queue)
        self.n = 0
        self._start()

    def _conf(self):
        closed = (now() + timedelta(days=3)).strftime("%a").lower()
        conf = {
            "aggregator": {"keep_state": self.keep},
            "targets": {"first_response": "1m calendar"},
            "hours night": {"zone": "UTC", closed: "12:00-12:30"},
            "notice mailed": {"when": "soon", "left": "30s",
                              "tenants": "mailed", "to": "lead"},
            "notice several": {"when": "waiting", "customers": 3, "for": "70s",
                               "clear": 1, "tenants": "several",
                               "to": "several"},
            "notice nobody": {"when": "nobody_online", "for": "2s",
                              "tenants": "nobody", "to": "nobody"},
            "notify lead": {"mail": "lead@example.com, chief@example.com"},
        }
        # A rule and a receiver for each tenant.
        for t in TENANTS:
            conf[f"crm {t}"] = {"token": "x"}
            if t in ("mailed", "several", "nobody"):
                continue
            conf[f"notice late-{t}"] = {
                "when": "late", "tenants": t,
                "to": "both, away" if t == "both" else t}
        for t in TENANTS:
            if t == "mailed":
                continue
            conf[f"notify {t}"] = {
                "every": "10s" if t == "flood" else "1s",
                "url": f"{self.receiver.url}/{t}", "secret": SECRET,
                "timeout": "2s", "over": "yes" if t in (
                    "answered", "several", "nobody") else "no"}
        conf["notify away"] = {**conf["notify both"],
                               "url": f"{self.receiver.url}/away"}
        conf["crm night"]["hours"] = "night"
        return conf

    def _start(self):
        h = self.house
        for name in ("aggregator", "sink", "poller"):
            if name not in h.running:
                self._start_one(name)

    def _start_one(self, name):
        h = self.house
        if name == "aggregator":
            h.aggregator(metrics="all", source=IN, to=ROWS)
        elif name == "sink":
            h.sink(source=ROWS)
        else:
            h._start("poller", ["poller", "-c", h.conf, "--notify", "-f",
                                "queue:" + NOTICES, "-t", "queue:" + ROWS])

    def _leave(self):
        self.receiver.close()

    def _wait(self, tenant, left, chats=1):
        """Records of chats whose customers are late in that many seconds."""
        since = now() - timedelta(seconds=TARGET - left)
        lines, names = [], []
        for _ in range(chats):
            self.n += 1
            chat = f"c{self.n}"
            names.append(chat)
            lines += [{"type": "chat", "tenant": tenant, "chat": chat,
                       "status": "open", "at": text(since)},
                      {"type": "message", "tenant": tenant, "chat": chat,
                       "id": chat, "from": "customer", "user": "u",
                       "at": text(since)}]
        self.lab.put(IN, map(json.dumps, lines))
        return names, since + timedelta(seconds=TARGET)

    def _answer(self, tenant, chat):
        self.lab.put(IN, [json.dumps({
            "type": "message", "tenant": tenant, "chat": chat,
            "id": chat + "a", "from": "operator", "user": "o",
            "operator": "o", "at": text(now())})])

    def _said(self):
        return {n: self.house.log(n)[-500:] for n in self.house.running}

    def _comes(self, path, n=1, seconds=30):
        def is_there():
            self.house.check_alive()
            return len(self.receiver.ids(path)) >= n

        until(seconds, is_there, f"{n} notices at {path}: {self._said()}")
        return self.receiver.messages(path)

    def _rows(self, tenant):
        return self.house.sql.ask(
            "SELECT id, kind, chat, over_at IS NULL, value, target FROM notices "
            f"WHERE tenant = '{tenant}'")

    def in_time_with_a_signature_and_a_row(self):
        chats, late = self._wait("prompt", 6, 5)
        messages = self._comes("/prompt")
        at, _, headers, body = self.receiver.requests("/prompt")[0]
        lag = at - late.timestamp()
        self.that(0 <= lag < 5, f"{lag:.2f} s after the target")
        stamp, mac = (part.split("=")[1] for part in
                      headers["Messaging-Signature"].split(","))
        self.equal(mac, hmac.new(SECRET.encode(), f"{stamp}.".encode() + body,
                                 hashlib.sha256).hexdigest(), "signature")
        self.that(abs(int(stamp) - at) < 3, f"signed at {stamp}")
        first = messages[0]
        self.equal((first["tenant"], first["kind"], first["state"]),
                   ("prompt", "late", "fired"), "message")
        self.that("late" in first["text"], first["text"])
        until(20, lambda: len(self._rows("prompt")) == 5, "rows")
        rows = {row[0]: row for row in self._rows("prompt")}
        for n in first["notices"]:
            self.equal(rows[n["id"]][1:4], ["late", n["chat"], "1"], "row")
            self.that(n["chat"] in chats, n)

    def within_two_seconds(self):
        """The median from the instant at which a customer is late to the
        request at the receiver."""
        late = {}
        for i in range(41 if LONG else 9):
            (chat,), at = self._wait("quick", 4 + 1.3 * i)
            late[chat] = at.timestamp()
        self._comes("/quick", len(late), 90)
        lags = sorted(at - late[n["chat"]]
                      for at, _, _, body in self.receiver.requests("/quick")
                      for n in json.loads(body)["notices"])
        median = lags[len(lags) // 2]
        say(f"  {len(lags)} notices after {lags[0]:.2f} to {lags[-1]:.2f} s, "
            f"median {median:.2f} s")
        self.that(lags[0] >= 0 and median < 2, "the median of all")

    def over_when_answered(self):
        (chat,), _ = self._wait("answered", -1)
        self._comes("/answered")
        until(20, lambda: self._rows("answered"), "row")
        self._answer("answered", chat)
        until(30, lambda: self.receiver.ids("/answered", "over"), "over")
        until(20, lambda: self._rows("answered")[0][3] == "0", "row")
        self.equal(self.receiver.ids("/answered"),
                   self.receiver.ids("/answered", "over"), "one id")

    def a_flood_is_few_messages(self):
        self._wait("flood", -1, 300)
        self._comes("/flood", 300, 60) # the second one after `every`
        counts = [m["count"] for m in self.receiver.messages("/flood")]
        say(f"  300 late chats: messages that count {counts}")
        self.equal(sum(counts), 300, "notices")
        self.equal(set(self.receiver.ids("/flood").values()), {1}, "repeats")
        self.that(len(counts) <= 3, counts)

    def several_customers(self):
        names, _ = self._wait("several", -8, 3)
        message = self._comes("/several")[0]
        self.equal((message["kind"], message["notices"][0]["value"],
                    message["notices"][0]["target"]), ("waiting", 3, 3),
                   "value")
        self._answer("several", names[0])
        self._answer("several", names[1])
        until(30, lambda: self.receiver.ids("/several", "over"), "over")

    def nobody_online(self):
        who = {"type": "operator", "tenant": "nobody", "operator": "o",
               "at": text(now()), "available": False}
        self.lab.put(IN, [json.dumps(who)])
        self._wait("nobody", 50)
        self._comes("/nobody")
        self.lab.put(IN, [json.dumps(
            {**who, "at": text(now()), "available": True})])
        until(30, lambda: self.receiver.ids("/nobody", "over"), "over")

    def a_closed_team_is_not_told(self):
        self._wait("night", -1)
        until(20, lambda: self.house.sql.number(
            "SELECT COUNT(*) FROM chat_metrics WHERE tenant = 'night'") == 1,
            "the chat")
        self._wait("prompt", -1) # after it in the queue
        until(20, lambda: len(self._rows("prompt")) == 6, "a later notice")
        self.equal(self._rows("night"), [], "notices at night")

    def mail(self):
        self._wait("mailed", 20)
        until(30, lambda: self.lab.text("mail").endswith("\n"), "mail")
        mail = self.lab.text("mail")
        self.that(mail.startswith("To: lead@example.com, chief@example.com\n"
                                  "Subject: mailed: a customer will be late "
                                  "soon"), mail)

    def sendmails_exit_status_decides(self):
        """Permanent ones give dead letters, others are tried again. A mail may
        be larger than the buffer of a pipe."""
        at = text(now())
        line = json.dumps({
            "type": "notice", "tenant": "mailed", "id": "m", "rule": "mailed",
            "kind": "soon", "scope": "x" * 200000, "begin_at": at,
            "fired_at": at}).encode() + b"\n"
        for status, code, says in (
                (0, 0, ""), (67, 65, "receiver 'lead': sendmail failed with 67"),
                (78, 65, "receiver 'lead': sendmail failed with 78"),
                (75, 75, "sendmail failed with 75"),
                (69, 75, "sendmail failed with 69")):
            self.lab.write("mail_status", f"exit {status}\n")
            done = self.lab.run(["poller", "-c", self.house.conf, "--notify"],
                                stdin=line)
            self.equal(done.code, code, f"exit status {status}")
            self.that(says in done.err, done.err)
        os.unlink(self.lab.path("mail_status"))

    def too_many_notices_for_a_receiver_that_fails(self):
        """With 60 receivers, 1,000 may wait for each. The oldest for the one
        that fails become dead letters, and the other one gets all."""
        conf = self.lab.conf("many.conf", {
            "notice late": {"when": "late", "to": "bad, good"},
            "notify good": {"url": f"{self.receiver.url}/good", "every": "1s"},
            "notify bad": {"url": "http://127.0.0.1:1"},
            **{f"notify n{i}": {"mail": "a@example.com"}
               for i in range(58)}})
        at = text(now())
        done = self.lab.run(
            ["poller", "-c", conf, "--notify"], stdin=b"".join(json.dumps({
                "type": "notice", "tenant": "t", "id": f"n{i}", "rule": "late",
                "kind": "late", "begin_at": at, "fired_at": at}).encode() +
                b"\n" for i in range(1500)))
        self.equal(len(self.receiver.ids("/good")), 1500, "at the other one")
        reason = "receiver 'bad': too many notices are waiting for it: "
        self.that(done.code in (65, 75) and reason in done.err, done)

    def a_server_that_fails_is_asked_again(self):
        self.receiver.faults["/slow500"] = [500, 503]
        self._wait("slow500", -1)
        self._comes("/slow500")
        bodies = [b for _, _, _, b in self.receiver.requests("/slow500")]
        self.equal(len(bodies), 3, "requests")
        self.equal(len(set(bodies)), 1, "bodies")

    def retry_after_is_heeded(self):
        self.receiver.faults["/slow429"] = [(429, {"Retry-After": "3"})]
        self._wait("slow429", -1)
        self._comes("/slow429")
        first, second = (r[0] for r in self.receiver.requests("/slow429"))
        self.that(second - first >= 3, f"again after {second - first:.1f} s")

    def a_refused_notice_is_a_dead_letter_without_an_address(self):
        self.receiver.faults["/refusing404"] = [404]
        self._wait("refusing404", -1)
        until(30, lambda: self.lab.in_queue(NOTICES + ".dead") == 1,
              "a dead letter")
        letter = json.loads(self.lab.take(NOTICES + ".dead")[0])
        error = "HTTP 404: " + "x" * 115 + "/***"
        self.equal(letter["reason"], f"receiver 'refusing404': {error}", "reason")
        until(30, lambda: self.house.sql.ask(
            "SELECT error FROM notice_deliveries WHERE tenant = 'refusing404' AND "
            "receiver = 'refusing404' AND failing_since IS NOT NULL") ==
            [[error]], "the row about the receiver")
        self.that(self.receiver.url not in self._all_logs(), "the address")

    def _all_logs(self):
        return "".join(self.lab.text(n + ".log")
                       for n in ("poller", "aggregator", "sink"))

    def a_hanging_receiver_delays_no_other(self):
        self.receiver.faults["/hang"] = [20.0]
        self._wait("hang", -1)
        time.sleep(0.5)
        began = time.time()
        self._wait("other", -1)
        self._comes("/other")
        self.that(not self.receiver.ids("/hang"), "still hanging")
        until(30, lambda: self.receiver.ids("/hang"), "again")
        self.that(time.time() - began < 20, "after the timeout")

    def a_receiver_that_is_away_delays_no_other(self):
        """The other one gets its notice, and gets it once, although the
        notifier is killed, and the one that is away gets it later. What is
        over by then is not sent."""
        self.receiver.faults["/away"] = [503] * 1000
        names, _ = self._wait("both", -1, 2)
        self._comes("/both", 2)
        until(30, lambda: self.receiver.requests("/away"), "an attempt")
        self.equal(self.lab.in_queue(NOTICES, "total"), 2, "records left")
        self.house.kill("poller")
        self._answer("both", names[0])
        until(20, lambda: len([r for r in self._rows("both") if r[3] == "0"])
              == 1, "the end of a wait")
        self._start_one("poller")
        more, _ = self._wait("both", -1)
        self._comes("/both", 3)
        self.receiver.faults["/away"] = []
        self._comes("/away", 2, 60)
        until(30, lambda: self.lab.in_queue(NOTICES, "total") == 0,
              "acknowledgements")
        chats = [n["chat"] for m in self.receiver.messages("/away")
                 for n in m["notices"]]
        self.equal(sorted(chats), sorted([names[1], *more]), "chats")
        self.equal(set(self.receiver.ids("/both").values()), {1}, "repeats")

    def random_worlds_equal_the_oracle(self):
        """Each step is a run of the aggregator, by the records' clock."""
        start = int(datetime(2026, 11, 30, 8, tzinfo=timezone.utc)
                    .timestamp() * 1000)
        number = int(os.environ.get("WORLDS", "60"))
        dice = seed()
        teams = [notices.Team(dice, f"w{i}", start) for i in range(number)]
        lines = [*notices.sections(), "[aggregator]", "clock = records",
                 "notices_to = queue:world.notices",
                 f"keep_state = {self.keep}"]
        own = {}
        for team in teams:
            own.update(team.terms)
        more, sections = dues.sections(own)
        lines += more
        for team in teams:
            lines += [f"[crm {team.tenant}]", "teams = " + notices.TEAM,
                      *sections.get(team.tenant, ())]
        conf = self.lab.write("world.conf", "\n".join(lines) + "\n")
        state, got = self.lab.path("world.state"), {}
        if self.keep == "database":
            self.house.sink(name="world.sink", source="world.rows")
        for _ in range(20 if LONG else 6):
            self.lab.put("world", [line for team in teams
                                   for line in team.step()], 10 ** 6)
            self.lab.must(["aggregator", "-c", conf, "-a", "chats,notices",
                           "-f", "queue:world", "-t", "queue:world.rows",
                           "--until-empty", "--state", state])
            if self.keep == "local":
                got.update(rows_of(self.lab.take("world.rows")))
            else: # another machine takes over
                shutil.rmtree(state)
        if self.keep == "database":
            self.house.stop("world.sink")
            got = self._stored_worlds()
        want = {(t.tenant, r["rule"], r["chat"], notices.text(r["begin_at"])): r
                for t in teams for r in t.notices.rows}
        say(f"  {len(want)} notices")
        self.that(len(want) >= number, "too few notices")
        for key in sorted(set(want) | set(got)):
            self.equal(self._plain(got.get(key)), self._plain(want.get(key)),
                       f"notice {key}")
        published = [json.loads(line)["id"]
                     for line in self.lab.take("world.notices")]
        self.equal(set(published), {r["id"] for r in got.values()},
                   "published")

    def _stored_worlds(self):
        names = ("tenant rule chat begin_at id kind scope channel fired_at "
                 "over_at value target").split()
        found = {}
        for values in self.house.sql.ask(
                f"SELECT {', '.join(names)} FROM notices WHERE tenant LIKE "
                "'w%'"):
            row = dict(zip(names, (None if v == "NULL" else v
                                   for v in values)))
            for name in row:
                if name.endswith("_at") and row[name] is not None:
                    row[name] = row[name].replace(" ", "T") + "Z"
            row["value"], row["target"] = int(row["value"]), int(row["target"])
            found[row["tenant"], row["rule"], row["chat"],
                  row["begin_at"]] = row
        return found

    @staticmethod
    def _plain(row):
        if row is None:
            return None
        return {c: notices.text(row[c]) if c.endswith("_at") and
                isinstance(row[c], int) else row[c] for c in (
                    "kind", "scope", "channel", "fired_at", "over_at",
                    "value", "target")}

    def everything_is_acknowledged(self):
        until(150, lambda: self.house.queue_rests(NOTICES), "the queue")
        for name in ("poller", "aggregator", "sink"):
            self.equal(self.house.stop(name), 0, name)

    def a_run_that_ends_sends_what_is_there(self):
        """As in the minute job. What fails stays in the queue."""
        self.receiver.faults["/other"] = [500]
        at = text(now())
        before = len(self.receiver.messages("/other"))
        self.lab.put(NOTICES, [json.dumps({
            "type": "notice", "tenant": "other", "id": f"run{i}",
            "rule": "late-other", "kind": "late", "chat": str(i),
            "begin_at": at, "fired_at": at}) for i in range(3)])
        run = ["poller", "-c", self.house.conf, "--notify", "--until-empty",
               "-f", "queue:" + NOTICES, "-t", "queue:" + ROWS]
        for code, left, sent in (75, 1, 0), (0, 0, 1), (0, 0, 1):
            self.equal(self.lab.run(run).code, code, "exit code")
            until(20, lambda n=left: self.lab.in_queue(NOTICES) == n, "queue")
            self.equal(len(self.receiver.messages("/other")) - before, sent,
                       "messages")
        self.equal(self.receiver.messages("/other")[-1]["count"], 3, "count")


run_checks(Test)
