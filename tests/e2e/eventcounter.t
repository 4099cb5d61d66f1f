#!/usr/bin/env -S python3 -B
"""The event counter against the original's contract: its exchange, queue,
binding, keys and bodies; files equal as JSON to those its generator expects,
with duplicates, garbage, an empty queue, messages that trickle, kill -9 in the
middle, and a broker outage. A customer is erased from its state and files: an
alias replaces the id, and the counts continue, as those of the database do.
"""

import collections
import glob
import json
import os
import random
import re
import shutil
import signal
import threading
import time

from amqp_doors import ACK, METHOD, Frames
from events import Events
from harness import (LONG, TESTBIN, Checklist, catches, run_checks, say, seed,
                     until)

QUEUE = "eventcountertest"
TOOLS = TESTBIN + "/tools/"


class Unconfirmed(Frames):
    """Lets the broker take published messages but drops its confirms."""

    def see(self, frame, source, upward):
        if upward or frame[0] != METHOD or frame[7:11] != ACK:
            yield frame


def contents(folder):
    """Users and counts by type of event."""
    found = {}
    for path in glob.glob(folder + "/*.json"):
        with open(path, encoding="utf-8") as f:
            found[os.path.basename(path)[:-5]] = json.load(f)
    return found


def sums(folders):
    """{(user, type): events} over several folders."""
    total = collections.Counter()
    for folder in folders:
        for kind, users in contents(folder).items():
            for user, n in users.items():
                total[user, kind] += n
    return total


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        self.dice = random.Random(seed())
        self.settings()

    def settings(self, **aggregator):
        self.lab.env["MESSAGING_CONFIG"] = self.lab.conf("conf", {
            "amqp": {"wait_timeout": "40s"}, "aggregator": aggregator})

    def events(self, name, **more):
        found = Events(**more)
        found.expect(self.lab.path("want" + name))
        return found

    def publish(self, name, **more):
        return self.events(name, **more).publish(self.lab, QUEUE, QUEUE)

    def argv(self, name=None, *options):
        files = ("--json-dir", self.lab.path("got" + name)) if name else ()
        if name:
            os.makedirs(self.lab.path("got" + name), exist_ok=True)
        return ["aggregator", "--input", "eventcounter", "-f", "queue:" + QUEUE,
                "--exchange", QUEUE, *files, *options]

    def consume(self, name, *options, idle="1s", **kw):
        done = self.lab.run(self.argv(name, "--idle-exit", idle, *options),
                            **kw)
        self.ends(done, 0, None, name)
        self.equal(self.messages()[0], 0, f"{name}: messages that are left")
        return done

    def start(self, name, *options, **kw):
        return self.lab.start(self.argv(name, *options),
                              self.lab.path("log"), **kw)

    def same(self, name, want=None):
        got = contents(self.lab.path("got" + name))
        want = contents(self.lab.path("want" + (want or name)))
        self.that(want and got == want, f"{name}: other files")

    def messages(self, queue=QUEUE):
        """Counts of a classic queue: ready, delivered."""
        return [int(n) for n in re.findall(r"\d+", self.lab.ask_broker(
            'case rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue, '
            f'<<"{queue}">>)) of {{ok, Q}} -> '
            'rabbit_amqqueue:info(Q, [messages_ready, messages_unacknowledged])'
            '; _ -> {0, 0} end.'))]

    def _has_all(self):
        ready, delivered = self.messages()
        return ready == 0 and delivered > 0

    def empty(self):
        """A missing queue is created, and an empty one ends the run."""
        began = time.monotonic()
        self.consume("none")
        self.that(time.monotonic() - began >= 1, "it ended at once")
        self.equal(os.listdir(self.lab.path("gotnone")), [], "files of nothing")
        self.equal(self.lab.ask_broker(
            '{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue,'
            f' <<"{QUEUE}">>)), {{amqqueue:get_type(Q), '
            'amqqueue:is_durable(Q), amqqueue:get_arguments(Q)}.'),
            "{rabbit_classic_queue, true, []}", "the queue")
        made = self.lab.ask_broker(
            '{ok, X} = rabbit_exchange:lookup(rabbit_misc:r(<<"VHOST">>, '
            f'exchange, <<"{QUEUE}">>)), X.')
        self.that("topic,true" in made.replace(" ", ""), made)

    def hundred(self):
        lab = self.lab
        self.publish("100", n=100)
        self.consume("100")
        self.same("100")
        for path in glob.glob(lab.path("got100") + "/*"):
            self.that(path.endswith(".json"), path)
            self.equal(os.stat(path).st_mode & 0o777, 0o644, path)
        with open(lab.path("got100/created.json"), encoding="utf-8") as f:
            text = f.read()
        self.equal(text, json.dumps(json.loads(text), indent=2,
                                    sort_keys=True), "the layout")
        # Another run begins at zero; types that did not occur stay unchanged.
        self.publish("3", n=3, seed=4, users=1)
        want = {**contents(lab.path("want100")), **contents(lab.path("want3"))}
        self.consume("100")
        self.equal(contents(lab.path("got100")), want, "another run")

    def garbage(self):
        """Duplicates, garbage and events without an id."""
        garbage = self.publish("bad", n=2000, again=20, garbage=20,
                               seed=7).garbage
        self.consume("bad")
        self.same("bad")
        letters = [json.loads(x) for x in self.lab.take(QUEUE + ".dead")]
        self.that(len(letters) == garbage > 300, f"{len(letters)}, {garbage}")
        reasons = {x["reason"] for x in letters}
        types = "is not an event type; event types: created, updated, deleted"
        for reason in ("the body has no id", "the id is not a string",
                       "not valid UTF-8", f"'renamed' {types}", f"'' {types}",
                       f"the routing key '{QUEUE}' is not USER.event.TYPE",
                       "the routing key '.event.created' is not USER.event.TYPE",
                       "the routing key is not text", "not a JSON object",
                       "an empty line"):
            self.that(reason in reasons, f"nothing says: {reason}")
        self.that(any(x.get("record") == '{"id":"r"}' and x["where"] ==
                      "message without id key user_a.event.renamed"
                      for x in letters), "no origin")

    def many(self):
        sent = self.publish("many", n=100000 if LONG else 10000, users=1000,
                            again=1, seed=3)
        again = sent.duplicates
        done = self.consume("many", "-v")
        self.same("many")
        self.that(f"stream_done records={sent.new + again} again={again} "
                  in done.err, f"{done}, not {sent.new} and {again}")

    def trickle(self):
        """A trickle of messages keeps it running."""
        self.repeat(lambda: self.trickled(self.lab.path("gottrickle")))

    def trickled(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        self.lab.take(QUEUE)
        p = self.events("trickle", n=10, seed=5).trickle(
            self.lab, QUEUE, QUEUE, 2)
        # On a busy machine, the reader might otherwise end before the first one
        # arrives.
        until(60, lambda: self.messages()[0] > 0, "a message")
        self.consume("trickle", idle="3s")
        self.equal(p.wait(), 0, "the publisher")
        self.same("trickle")

    def slow_queue(self):
        """A queue slower than --idle-exit does not count as empty: the test
        waits in the broker for the reader, and blocks the queue's process until
        all messages have arrived there and --idle-exit is over."""
        waits, held = self.lab.path("waits"), self.lab.path("held")
        hold = threading.Thread(target=self.lab.ask_broker, args=(
            '{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"VHOST">>, queue,'
            f' <<"{QUEUE}">>)), P = amqqueue:get_pid(Q), ' """
            Until = fun(F, True) -> case True() of
                true -> ok; false -> timer:sleep(10), F(F, True) end end,
            ok = file:write_file("%s", <<>>),
            Until(Until, fun() -> rabbit_amqqueue:consumers(Q) =/= [] end),
            sys:suspend(P),
            ok = file:write_file("%s", <<>>),
            timer:sleep(3000),
            Until(Until, fun() ->
                element(2, process_info(P, message_queue_len)) >= 20 end),
            sys:resume(P).""" % (waits, held),))
        hold.start()
        until(60, lambda: os.path.exists(waits), "the broker to wait")
        p = self.start("slow", "--idle-exit", "2s")
        until(60, lambda: os.path.exists(held), "the queue to be held")
        self.publish("slow", n=20, seed=13)
        hold.join()
        self.equal(p.wait(), 0, self.lab.text("log"))
        self.same("slow")

    def ended(self):
        """SIGTERM writes the files, too. Without a state, a killed run has
        counted nothing and loses nothing."""
        self.publish("term", n=50, seed=6)
        p = self.start("term")
        until(60, self._has_all, "a reader")
        self.equal(self.lab.end(p), 0, "SIGTERM")
        self.same("term")
        self.publish("kill", n=3000, seed=8, again=10)
        p = self.start("kill")
        until(60, self._has_all, "a reader")
        p.kill()
        p.wait()
        self.equal(os.listdir(self.lab.path("gotkill")), [], "files too early")
        self.consume("kill")
        self.same("kill")

    def killed(self):
        """With a state: kill -9 at any moment, while messages arrive. Its rows
        are full values with growing versions."""
        lab, state = self.lab, ("--state", self.lab.path("state"))
        publisher = self.events(
            "state", n=8000, users=50, again=10, garbage=1, seed=9).trickle(
                lab, QUEUE, QUEUE, 2000)
        kills = 0
        while publisher.poll() is None or kills < 4:
            p = self.start(None, *state, "-t", lab.path(f"rows.{kills}"))
            time.sleep(self.dice.uniform(0.1, 0.8)) # a random moment
            p.kill()
            p.wait()
            kills += 1
        self.consume("state", *state, "-t", lab.path("rows.last"))
        self.same("state")
        say(f"  {kills} kills")
        newest = {}
        for path in glob.glob(lab.path("rows.*")):
            with open(path, "rb") as f:
                for line in f:
                    # A killed run may leave half a line; the next run writes
                    # that row.
                    r = json.loads(line) if line.endswith(b"}\n") else {}
                    if r.get("table") == "event_counts":
                        key = r["user"], r["event"]
                        if key not in newest or \
                                newest[key]["version"] <= r["version"]:
                            newest[key] = r
        self.equal({k: r["count"] for k, r in newest.items()},
                   dict(sums([lab.path("wantstate")])), "the newest rows")
        # The state covers all runs, and serves one purpose only.
        self.publish("more", n=500, seed=10, users=50)
        self.consume("state", *state)
        self.equal(sums([lab.path("gotstate")]), sums(
            [lab.path("wantstate"), lab.path("wantmore")]), "a second run")
        # Another tenant has counts, and so files, of its own.
        self.publish("other", n=20, seed=21)
        self.consume("other", *state, "--tenant", "other")
        self.same("other")
        self.consume("again", *state)
        self.equal(contents(lab.path("gotagain")),
                   contents(lab.path("gotstate")), "files of the first tenant")
        self.settings(window="2h")
        self.ends(lab.run(self.argv("state", *state)), 78,
                  "was created with --window")
        self.settings()

    def unconfirmed_rows(self):
        """Stopped before its rows are confirmed: the next run writes them."""
        lab, state = self.lab, ("--state", self.lab.path("state3"))
        self.publish("rows", n=50, seed=14)
        door = lab.door("rabbitmq", Unconfirmed)
        p = self.start(None, *state, "-t", "queue:lost",
                       env={"AMQP_URL": door.url})
        until(60, lambda: lab.in_queue("lost") > 0, "rows")
        self.equal(lab.end(p), 0, lab.text("log"))
        self.consume("rows", *state, "-t", lab.path("rows.nobody"))
        self.same("rows")
        rows = [json.loads(x) for x in lab.text("rows.nobody").splitlines()]
        self.equal(sum(r["count"] for r in rows if r["table"] ==
                       "event_counts"), 50, "events in rows")

    def broker_away(self):
        """It waits for an unavailable broker longer than for messages."""
        self.publish("back", n=10, seed=11)
        door = self.lab.door("rabbitmq")
        door.shut()
        p = self.start("back", "--idle-exit", "1s", env={"AMQP_URL": door.url})
        until(60, lambda: catches(p.pid, signal.SIGTERM), "it to begin")
        time.sleep(1.5) # until --idle-exit is over
        self.that(p.poll() is None, "it gave up")
        door.open()
        self.equal(p.wait(), 0, self.lab.text("log"))
        self.same("back")

    def misused(self):
        """Errors that need no broker are text cases."""
        file = self.lab.write("file", "")
        for options, says in (
                (["--exchange", "a b", "--json-dir", self.lab.tmp],
                 "'a b' names no exchange"),
                (["--json-dir", file], f"cannot write into --json-dir '{file}':"
                 " Not a directory"),
                (["--json-dir", file + "s/x"], "No such file or directory")):
            argv = [x for x in self.argv() if x != QUEUE and x != "--exchange"]
            done = self.lab.run([*argv, *options])
            self.ends(done, 64 if "exchange" in says else 73, says)

    def erased(self):
        """The counter is away, running, or killed at a random moment."""
        lab = self.lab
        self.state, files = lab.path("erasing"), lab.path("goterased")
        argv = self.argv("erased", "--state", self.state, "-t", "queue:rows")
        sent = []

        def publish():
            sent.append(lab.path(f"wantsent{len(sent)}"))
            self.publish(f"sent{len(sent) - 1}", seed=len(sent), n=300)

        def count():
            lab.must([*argv, "--until-empty"])

        def forget(user):
            return lab.run(["reaper", "--forget", user, "--tenant", "default",
                            "--state", self.state])

        def order(user):
            """The same while no counter runs: reaper waits for the next one
            until it is stopped."""
            said = lab.path("ordered")
            p = lab.start(["reaper", "--forget", user, "--tenant", "default",
                           "--state", self.state], said)
            until(60, lambda: p.poll() is not None or (
                catches(p.pid, signal.SIGTERM) and
                glob.glob(self.state + "/forget/*.order")), "an order")
            p.terminate()
            self.that(p.wait() in (0, 75), f"{user}: {p.returncode}")
            return p.returncode, lab.text("ordered")

        def nothing_of(user):
            for folder in (self.state, files):
                for path in glob.glob(folder + "/**", recursive=True) + \
                        glob.glob(folder + "/.*"):
                    if os.path.isfile(path):
                        with open(path, "rb") as f:
                            self.that(user.encode() not in f.read(),
                                      f"{user} is in {path}")

        def same(*erased):
            """Files and database have the published events; each erased
            customer is replaced by one alias."""
            lab.must(["sink", "-f", "queue:rows", "--until-empty"])

            def by_user(counts):
                users = collections.defaultdict(dict)
                for (user, kind), n in counts.items():
                    users[user][kind] = n
                return users

            got, want = by_user(sums([files])), by_user(sums(sent))
            rows = by_user({(user, kind): int(n) for user, kind, n in lab.sql(
                "SELECT user, event, count FROM event_counts WHERE tenant = "
                "'default'")})
            aliases = [u for u in got
                       if re.fullmatch("forgotten-[0-9a-f]{16}", u)]
            self.equal(sorted(sorted(want.pop(u).items()) for u in erased),
                       sorted(sorted(got[u].items()) for u in aliases),
                       f"the counts of {erased}")
            self.equal({u: n for u, n in got.items() if u not in aliases},
                       want, "the counts of others")
            self.equal(rows, got, "the rows")

        publish()
        count()
        same()
        self.that(b"user_a" in b"".join(
            open(p, "rb").read() for p in glob.glob(self.state + "/*")
            if os.path.isfile(p)), "the state has no user_a")
        # Nothing runs now, so the next run does it. A run that was killed while
        # it wrote has left half a file.
        lab.write("goterased/created.json.new", '{"user_a": ')
        code, said = order("user_a")
        self.that(code == 75 and "still has data about this customer; start "
                  "its aggregator" in said, f"{code}: {said}")
        count()
        self.ends(forget("user_a"), 0)
        nothing_of("user_a")
        same("user_a")
        # Later events count for the alias; the second order reaches a running
        # counter, which goes on.
        publish()
        running = lab.start(argv, lab.path("log"))
        publish()
        until(60, lambda: self.messages()[0] == 0, "it to run")
        self.ends(forget("user_b"), 0)
        nothing_of("user_b")
        publish()
        self.ends(forget("user_a"), 0)
        until(60, lambda: self.messages()[0] == 0, "it to go on")
        self.equal(lab.end(running), 0, lab.text("log"))
        nothing_of("user_a")
        same("user_a", "user_b")
        # Killed at a random moment during the erasure.
        publish()
        for i in range(4):
            if i == 2:
                publish()
            running = [lab.start(argv), lab.start(
                ["reaper", "--forget", "user_c", "--tenant", "default",
                 "--state", self.state])]
            time.sleep(self.dice.uniform(0, 1.5)) # a random moment
            for p in running:
                p.kill()
                p.wait()
        # If the run was not killed in time, it may have finished: this run
        # reports so, and another one would ask again.
        first, _ = order("user_c")
        count()
        if first:
            self.ends(forget("user_c"), 0)
        nothing_of("user_c")
        same("user_a", "user_b", "user_c")
        # Another tenant, or an operator with the same id: nothing changes.
        for order in (("other", "forgotten-0123456789abcdef"),
                      ("another", "forgotten-0123456789abcdef"), ("default", "")):
            lab.must([TOOLS + "forget_order", self.state, order[0], "user_a",
                      "0", order[1]])
            count()
            os.unlink(self.state + "/forget/1.done")
            same("user_a", "user_b", "user_c")


run_checks(Test)
