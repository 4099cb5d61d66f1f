#!/usr/bin/env -S python3 -B
"""The poller against a simulated CRM: complete snapshots, the calls that the
state saves, chats that fail, budgets, signals and --status. The text cases
have its messages, its answers to faults of the CRM, and --check.
"""

import fcntl
import json
import os
import re
import subprocess
import time

from harness import TOKEN, Checklist, program, run_checks, until


def content(done):
    """The records without values that differ from poll to poll."""
    kept = []
    for r in done.records():
        if r["type"] not in ("snapshot", "coverage"):
            for key in ("snapshot", "text", "available_at") + (
                    ("at",) if r["type"] in ("chat", "operator") else ()):
                r.pop(key, None)
            kept.append(json.dumps(r, sort_keys=True))
    return sorted(kept)


def of_type(done, kind):
    return [r for r in done.records() if r["type"] == kind]


def ended(done):
    return sorted(r["tenant"] for r in done.records()
                  if r.get("state") == "end")


def stale(done):
    return [r["chat"] for r in of_type(done, "chat") if r.get("stale")]


def answers(done):
    """Sorted "CHAT STATUS" of poller --status."""
    return sorted(f"{r['chat']} {r['status']}" for r in done.records())


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.path, self.new = None, 0
        self.sim = lab.sim("--dialogs", 30, "--messages", 20, "--pace", 0,
                           "--operators", 5)

    def conf(self, *more, tenant="acme", poller=None, **keys):
        """The configuration of one tenant; MORE are other sections."""
        crm = {"url": self.sim.url, "token": TOKEN, "concurrency": 8, **keys}
        self.path = self.lab.conf("conf", {f"crm {tenant}": crm,
                                           "poller": poller or {},
                                           **dict(more)})

    def run(self, code, *options, says=None, state="state", stdin=b"",
            env=None):
        """Runs the poller; checks the exit code and that one line, or none,
        matches."""
        argv = ["poller", "-c", self.path, *options]
        if state == "new":
            self.new += 1
            state = f"new{self.new}"
        if state: # otherwise the user's own
            argv += ["--state", self.lab.path(state)]
        done = self.lab.run(argv, stdin=stdin, env=env)
        what = f"poller {options}: {done}"
        self.that(done.code == code, f"{what}, wanted exit {code}")
        if says is None:
            self.that(done.err == "", what)
        elif says != "":
            self.that(len(done.lines()) == 1 and re.search(says, done.err),
                      f"{what}, wanted '{says}'")
        return done

    def whole(self, done):
        """A complete snapshot of one tenant with the CRM's chats."""
        records = done.records()
        self.that(
            records and records[0].get("state") == "begin"
            and records[-1].get("state") == "end"
            and records[-1]["records"] == len(records) - 2
            and len({r["snapshot"] for r in records}) == 1,
            f"the snapshot is not whole: {done}")
        return done

    def same_chats(self, done):
        self.whole(done)
        self.equal(sorted(r["chat"] for r in of_type(done, "chat")),
                   sorted(map(str, self.sim.open_dialogs())), "chats")
        return done

    def _reset(self):
        self.sim.control("reset-stats")

    def touch(self, *dialogs):
        for dialog in dialogs or (9002,):
            self.sim.control("act", do="client", dialog=dialog)

    def _heals(self):
        self.sim.fault()
        return self.run(0)

    def snapshots(self):
        self.conf()
        first = self.same_chats(self.run(0, state="new"))
        self.equal(len(of_type(first, "operator")), 6, "operators")
        self.that(b'"text":' not in first.out, "texts unasked")
        texts = self.run(0, "--with-text", state="new")
        self.that(b'"text":' in texts.out, "no texts")
        self.equal(content(texts), content(first), "with texts")
        kept = self.run(0)
        self.equal(content(kept), content(first), "the first with a state")
        listed = {r["available_at"] for r in of_type(kept, "operator")}
        self._reset()
        idle = self.whole(self.run(0))
        self.equal(self.sim.calls(), 1, "calls of an idle poll")
        self.equal({r["available_at"] for r in of_type(idle, "operator")},
                   listed, "the time of the operators' list")
        self.equal(content(idle), content(first), "an idle poll")
        mode = os.stat(self.lab.path("state/acme.mdb")).st_mode & 0o777
        self.equal(mode, 0o600, "mode of the state")
        self.touch(9001)
        self._reset()
        changed = self.same_chats(self.run(0))
        self.equal(self.sim.calls(), 2, "calls after one change")
        self.equal(content(changed), content(self.run(0, state="new")),
                   "with and without state")

    def one_at_a_time(self):
        with open(self.lab.path("state/acme.lock"), "a",
                  encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.run(75, says="tenant acme: this poll is skipped, because "
                              "another poller is running")
        self.run(0)

    def clock_goes_back(self):
        self.sim.fault("skew")
        ahead = self.run(0, state="clock").records()[0]["at"]
        self.sim.fault()
        done = self.run(0, state="clock", says="of this machine, went back by "
                        rf"3[56]\d\d s; until it reaches {ahead[:19]}")
        self.that(done.records()[0]["at"] > ahead, "time goes back")
        self.run(0, state="clock")

    def state_of_others(self):
        """Other options, or another tenant, do not use this state."""
        self._reset()
        done = self.run(0, "--with-text")
        self.that(b'"text":' in done.out and self.sim.calls() > 20,
                  "the state was used in spite of other options")
        self.run(0)
        os.mkdir(self.lab.path("swapped"), 0o700)
        os.link(self.lab.path("state/acme.mdb"),
                self.lab.path("swapped/beta.mdb"))
        self.conf(tenant="beta")
        self._reset()
        self.run(0, state="swapped")
        self.that(self.sim.calls() > 20, "another tenant's state was used")
        os.unlink(self.lab.path("swapped/beta.mdb"))

    def unreadable_chat(self, says, **fault):
        """It fails the snapshot twice; then the chat is shown as last seen."""
        self.touch()
        self.sim.fault(route="/v1/messages", **fault)
        for _ in range(2):
            done = self.run(69, says="1 of .* chats could not be read.*"
                            "chat 9002" + says)
            self.that(not ended(done), "a snapshot ends without a chat")
        done = self.same_chats(self.run(0, says="shown as last read.*9002"))
        self.equal(stale(done), ["9002"], "stale chats")
        self.equal(stale(self._heals()), [], "stale chats afterwards")

    def unreadable_chats(self):
        self.conf(poller={"retry_budget": "1s"})
        self.run(0)
        self.unreadable_chat("", name="errors-string")
        self.unreadable_chat(".*403", name="errors-string", value=403)
        # A first 404 is harmless; later it counts like any other error.
        self.touch()
        self.sim.fault("404-gone", route="/v1/messages", count=1)
        done = self.same_chats(self.run(0, "-v", says=""))
        self.that("retry tenant=acme what=messages" in done.err,
                  f"a person waits without a word: {done}")
        self.unreadable_chat(".*404", name="404-gone")

    def many_fail(self):
        """In the end the chat is stale, even if no other chat shows that the
        CRM works."""
        chats = sorted(self.sim.open_dialogs())[:11]
        self.touch(*chats)
        self.sim.fault("500", route="/v1/messages")
        for polls in range(36):
            done = self._run_any()
            if done.code == 0:
                break
            self.that(not ended(done), "a snapshot without chats")
        self.that(2 <= polls, f"stale after {polls} polls: {done}")
        self.same_chats(done)
        self.equal(len(stale(done)), 11, "stale chats")
        self._heals()

    def _run_any(self):
        return self.lab.run(["poller", "-c", self.path, "--state",
                             self.lab.path("state")])

    def unnamed_customers(self):
        self.conf(customers="yes", poller={"retry_budget": "1s"})
        customer = of_type(self._run_any(), "chat")[0]["customer"]
        fault = {"name": "500", "route": f"/v1/clients/{customer}"}
        says = r"shown without the customer's name for now; customer \d*: .*HTTP 500"
        self.sim.fault(**fault)
        self.same_chats(self.run(0, state="named", says=says))
        self.sim.fault()
        done = self.run(0, state="named")
        self.that(any(r["customer"] == customer and r.get("customer_name")
                      for r in of_type(done, "chat")), "no name afterwards")
        self.sim.fault(**fault)
        for _ in range(2):
            self.run(0, state="again", says=says)
        self._reset()
        self.same_chats(self.run(0, state="again"))
        self.equal(self.sim.calls(), 1, "calls beside such a customer")
        self.sim.fault()

    def removed_dialog(self):
        self.sim.control("act", do="remove", dialog=9003)
        self.same_chats(self.run(0))

    def used_budget(self):
        """Polls are skipped silently, except in a terminal; one line a day
        reports this."""
        self.conf(operators_every="1d")
        self.run(0, state="budget")
        self.conf(budget=5, operators_every="1d")
        last = self.whole(self.run(
            0, state="budget", says=r"tenant acme: all 5 calls for this month "
            r"\(\[crm acme\] budget\) are used up; polls continue every 60 "
            "minutes"))
        self._reset()
        done = self.run(0, state="budget")
        self.equal((done.out, self.sim.calls()), (b"", 0), "a skipped poll")
        said = []
        for _ in range(2):
            done = self.lab.must(["script", "-qec", " ".join(program([
                "poller", "-c", self.path, "--state",
                self.lab.path("budget")])) + " >" + self.lab.path("polled"),
                "/dev/null"])
            said.append(done.out.decode())
            with open(self.lab.path("polled"), encoding="utf-8") as f:
                self.that('"state":"end"' in f.read(), "skipped in a terminal")
        self.that("budget" not in str(said), f"a second line: {said}")
        # Chats that the last poll saw are not requested.
        self._reset()
        known = "".join(json.dumps({k: r[k] for k in (
            "type", "tenant", "chat", "status")}) + "\n"
            for r in of_type(last, "chat")[:3])
        done = self.run(0, "--status", state="budget", stdin=known.encode())
        self.equal((done.out, self.sim.calls()), (b"", 0), "listed chats")
        known += ('{"type":"chat","tenant":"acme","chat":"9003",'
                  '"status":"open"}\n')
        done = self.run(0, "--status", state="budget", stdin=known.encode())
        self.equal(answers(done), ["9003 gone"], "one that left")

    def one_that_waits_delays_nobody(self):
        names = "abcdef"
        sim = self.lab.sim(*[w for t in names for w in (
            "--account", f"token-{t}:3:9")], name="six")
        path = self.lab.conf("six.conf", {
            **{f"crm {t}": {"url": sim.url, "token": f"token-{t}"}
               for t in names}, "poller": {"retry_budget": "1h"}})
        for n, fault in enumerate(({"name": "429-retry", "value": 1800},
                                   {"name": "hang"})):
            sim.fault(account="token-b", **fault)
            out = self.lab.path(f"six{n}")
            p = self.lab.start(["poller", "-c", path], log=out)

            def others():
                with open(out, encoding="utf-8") as f:
                    return sorted(re.findall(
                        r'"tenant":"(.)".*"state":"end"|"state":"end".*'
                        r'"tenant":"(.)"', f.read()))

            until(60, lambda: len(others()) == 5, "five whole tenants")
            self.that(p.poll() is None, "the one that waits has ended")
            p.terminate()
            self.equal(p.wait(60), 0, "exit status after SIGTERM")
            self.that("b" not in str(others()), "b has an end")
            sim.fault()

    def stopped(self):
        """SIGTERM: exit 0, and no end marker. SIGPIPE is a normal end."""
        self.conf(concurrency=1)
        self.sim.control("set", latency=1000)
        self._reset()
        p = self.lab.start(["poller", "-c", self.path],
                           log=self.lab.path("stopped"))
        until(20, lambda: self.sim.calls() > 3, "some calls")
        p.terminate()
        self.equal(p.wait(60), 0, "exit status after SIGTERM")
        with open(self.lab.path("stopped"), encoding="utf-8") as f:
            self.that('"state":"end"' not in f.read(), "an end marker")
        self.sim.control("set", latency=0)
        self.conf()
        p = subprocess.Popen(program(["poller", "-c", self.path]),
                             env=self.lab.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.close()
        self.equal((p.stderr.read(), p.wait(60)), (b"", 0), "a closed pipe")
        # The network's proxy gets no requests to this machine.
        self.whole(self.run(0, state="new", env={
            k: "http://127.0.0.1:1" for k in (
                "http_proxy", "all_proxy", "ALL_PROXY")}))

    def ask(self, code, *chats, says=None, status=None, tail=b"", **more):
        """Runs poller --status for these chats."""
        lines = "".join(json.dumps({
            "type": "chat", "tenant": "acme", "chat": str(c),
            **({"status": status} if status else {})}) + "\n" for c in chats)
        return self.run(code, "--status", says=says,
                        stdin=lines.encode() + tail, **more)

    def status(self):
        self.conf(concurrency=1)
        listed = [r["chat"] for r in of_type(self.run(0), "chat")]
        self.sim.fault("odd-row", value=8, route="/v1/dialogs")
        done = self.ask(0, *listed, says="acme: 1 records .* are partly "
                        "unreadable.*chat 900[12]: .*'status'", status="open")
        self.equal(answers(done), sorted(f"{c} open" for c in listed),
                   "an unreadable status is open")
        self.sim.fault()
        self.sim.control("act", do="close", dialog=9001)
        self.sim.control("act", do="remove", dialog=9002)
        self._reset()
        done = self.ask(0, *listed, status="open")
        self.equal(answers(done), sorted(
            {"9001": "9001 closed", "9002": "9002 gone"}.get(c, c + " open")
            for c in listed), "answers")
        self.equal(self.sim.calls(), 3, "calls")
        by_chat = {r["chat"]: r for r in done.records()}
        self.that(by_chat["9001"]["closed_at"] <= by_chat["9001"]["at"],
                  f"fields: {by_chat}")
        self._reset()
        self.equal(answers(self.ask(0, 9001)), ["9001 closed"], "one alone")
        self.equal(self.sim.calls(), 1, "calls for one alone")
        # Only an answer about the chat makes it gone, not one about its list.
        self.sim.fault("404", route="/v1/dialogs", after=1)
        done = self.ask(69, 9002, says="cannot read open chats: .*HTTP 404")
        self.equal(done.out, b"", "gone without a list")
        self.sim.fault()
        self.equal(answers(self.ask(0, 9002)), ["9002 gone"], "with a list")

    def gone_is_all_or_nothing(self):
        """A run that gave up, was stopped or read only some chats reports no
        chat as gone, because the reaper judges by their number. One bad chat
        does not affect the others."""
        six = range(9004, 9010)
        for chat in six:
            self.sim.control("act", do="remove", dialog=chat)
        self.sim.fault("403", route="/v1/dialogs/", after=3)
        self.equal(self.ask(77, *six, says="").out, b"", "the token failed")
        self.sim.fault()
        self.sim.fault("hang", route="/v1/dialogs/", after=3)
        self._reset()
        chats = self.lab.write("six.in", "".join(
            f'{{"type":"chat","tenant":"acme","chat":"{c}"}}\n' for c in six))
        out = self.lab.path("six.out")
        p = self.lab.start(["poller", "-c", self.path, "--status", "-f",
                            chats], log=out)
        until(20, lambda: self.sim.calls() == 5, "the call that hangs")
        p.terminate()
        self.equal((p.wait(60), os.path.getsize(out)), (0, 0), "stopped")
        self.sim.fault()
        done = self.ask(65, *six, says="", tail=b'{"type":"chat","ten')
        self.equal(done.out, b"", "a cut input")
        self.conf(concurrency=1, poller={"retry_budget": "1s"})
        self.sim.fault("500", route="/v1/dialogs/9004")
        done = self.ask(75, *six, status="open", says="chat 9004: .*HTTP 500"
                        ".*; the next run asks again")
        self.equal(answers(done), [f"{c} gone" for c in six[1:]],
                   "beside an outage of one")
        self.sim.fault()
        self.sim.fault("errors-string", value=403, route="/v1/dialogs/")
        done = self.ask(77, *six, says="")
        self.that("chats: the CRM forbids all of them; check" in done.err,
                  f"all are forbidden: {done}")
        self.sim.fault()

    def act(self, *acts):
        for what, dialog in acts:
            self.sim.control("act", do=what, dialog=dialog)

    def closings(self, done):
        """The closings in a snapshot, and the messages of each."""
        said = of_type(self.whole(done), "message")
        return {r["chat"]: sum(m["chat"] == r["chat"] for m in said)
                for r in of_type(done, "chat") if r.get("status") == "closed"}

    def last_word(self):
        """If a chat leaves the list, its last messages and the closing are in
        one snapshot, which is repeated until it is confirmed."""
        self.sim = self.lab.sim("--dialogs", 70, "--messages", 4, "--pace", 0,
                                "--lag", 0, name="last")
        self.conf()
        before = of_type(self.run(0, state="last"), "message")
        self.act(("client", 9001), ("answer", 9001), ("close", 9001),
                 ("close", 9002), ("remove", 9003))
        self._reset()
        self.run(74, "-t", "/dev/full", state="last", says="No space left")
        self.equal(self.sim.calls(), 5, "calls for three that left")
        done = self.run(0, state="last")
        told = self.closings(done)
        self.equal(sorted(told), ["9001", "9002"], "closed chats")
        self.equal(told["9001"], 2 + sum(
            m["chat"] == "9001" for m in before), "messages of the last one")
        self.that(all(r["closed_at"] <= r["at"] for r in of_type(done, "chat")
                      if r["chat"] in told), f"times: {done}")
        self._reset()
        self.equal(self.closings(self.run(0, state="last")), {}, "told twice")
        self.equal(self.sim.calls(), 2, "calls for one that was deleted")
        self.act(("client", 9001))
        self.same_chats(self.run(0, state="last"))
        self.act(("close", 9001))
        # The CRM fails for this chat; it is read once that works.
        self.sim.fault("500", route="/v1/dialogs/9001")
        self.equal(self.closings(self.run(0, state="last")), {}, "unreadable")
        self.sim.fault()
        self.equal(list(self.closings(self.run(0, state="last"))), ["9001"],
                   "readable again")
        # The deletion of its history waits for it.
        self.conf(("reaper", {"on_close": "all"}))
        self.act(("close", 9004))
        self.equal(answers(self.ask(0, 9004, state="last")), [], "too early")
        self.run(0, state="last")
        self.equal(answers(self.ask(0, 9004, state="last")),
                   ["9004 closed"], "what may be deleted")
        self.act(*(("close", chat) for chat in sorted(
            self.sim.open_dialogs())[:55]))
        self.equal([len(self.closings(self.run(0, state="last")))
                    for _ in range(3)], [50, 5, 0], "many at once")
        *others, one, two = sorted(self.sim.open_dialogs())
        self.act(*(("close", chat) for chat in others))
        self.run(0, state="last")
        self.act(("answer", one), ("close", one),
                 ("answer", two), ("close", two))
        self.sim.fault("errors-string", value=403, route="/v1/messages")
        self.run(77, state="last", says="messages: the CRM forbids those of "
                 "all closed chats; check the token")
        self.sim.fault()
        self.equal(sorted(self.closings(self.run(0, state="last"))),
                   sorted(map(str, (one, two))), "allowed again")

    def pause_by_a_clock_that_jumped(self):
        """A pause that --status was told also ends for a poll when the CRM's
        clock says so, even if that clock was set since the last poll."""
        self.sim = self.lab.sim("--dialogs", 4, "--pace", 0, name="jumped")
        self.conf(poller={"retry_budget": "1s"})
        self.run(0, state="jumped")
        self.sim.advance(600)
        self.sim.fault("429-retry", value=2)
        self.ask(75, 9001, state="jumped", says="429.*no calls for [12] s")
        self.sim.fault()
        time.sleep(2.1)
        self.run(0, state="jumped")


run_checks(Test)
