#!/usr/bin/env -S python3 -B
"""Random worlds through all programs: after poll, reap and poll the tables
equal the oracle's.

One world is one simulator with one to three accounts, on a frozen clock. A
step moves the clock, polls (poller | aggregator | sink, for some worlds over
a queue) and compares all tables with those that the oracle computes from the
CRM; then it reaps, sometimes after a while, and compares again.
Chosen for each world: sizes, pace, lag, definition, history, customers,
big ids, the contents of service lines. What may happen at a step: the poller's
state is lost; one of the programs is killed while it polls or reaps; the CRM
gives faulty answers; the reaper asks about all chats. LONG=1 also kills the
broker and the database.

Every fourth world is one of Chatwoot, the others are of Chat2Desk.

WORLDS worlds are run (3; LONG=1: 260), with seeds from the commit or,
with LONG=1, the time.
SEED=n runs n alone, or WORLDS from n on; CRM=chatwoot, those of that CRM.
"""

import collections
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import chatwoot  # noqa: E402
import compare  # noqa: E402
import crm  # noqa: E402
import clocks  # noqa: E402
import dues  # noqa: E402
import metrics  # noqa: E402
from harness import LONG, Lab, main, program, say, until  # noqa: E402
from rollup_sums import difference, read_sums, sums_of_rows  # noqa: E402
from world_hours import STARTS, TeamHours  # noqa: E402

ROBOT = 10900
# Possible faulty answers of the CRM, given once or twice; some make the poll
# fail.
FAULTS = ("401", "403", "404", "429-negative", "500", "502-html",
            "login-page", "204", "empty", "cut-chunk", "long-length",
            "short-length", "truncated", "bom", "reset", "errors-string",
            "errors-object", "error-200", "wrong-shape", "html-type")
METRICS = ("operator_metrics", "chat_metrics", "tenant_metrics", "intervals")
CHANNELS = ("11", "13")  # some of those of the simulator
SERVERS = ("rabbitmq", "mariadb") if LONG else () # those that are killed


class Wrong(Exception):
    """The tables, or a program, are not as expected."""


class Choices:
    """The parameters of a world."""

    def __init__(self, seed, dice):
        d = dice
        self.crm = os.environ.get("CRM") or (
            "chatwoot" if seed % 4 == 3 else "chat2desk")
        self.tenants = d.choices((1, 2, 3), (6, 3, 1))[0]
        self.dialogs = [d.choice((0, 1, 8, 25, 60, 230))
                        if i else d.choice((5, 20, 40, 250))
                        for i in range(self.tenants)]
        few = sum(self.dialogs) < 100
        self.messages = d.choice((3, 12, 30, 150) if few else (3, 12))
        self.pace = d.choice((40, 120, 300, 900))
        self.lag = d.choice((0, 0, 20, 60, 90))
        self.hours = d.choice(("6-22", "0-24", "10-11"))
        self.operators = d.choice((1, 4, 12))
        self.big_ids = d.random() < 0.3
        self.tells = d.random() < 0.5
        self.definition = d.choice((metrics.OURS, metrics.CHATWOOT))
        self.history = d.choice(("episode", "all"))
        self.customers = d.random() < 0.5
        self.phones = self.customers and d.random() < 0.5
        self.robot_known = d.random() < 0.8
        self.operators_every = d.choice((0, 0, 600))
        self.queue = d.random() < 0.25
        self.steps = d.randint(3, 6)
        self.losing = d.random() < 0.3  # loses the state at some step
        self.removing = d.random() < 0.2  # removes chats in the CRM
        self.request_ids = d.random() < 0.85
        self.honour_offset = d.random() < 0.2
        self.killing = d.random() < 0.3  # kills a program at some step
        self.faulty = d.random() < 0.3  # the CRM fails at some step
        if self.crm == "chatwoot":
            # Chatwoot shows everything at once and has small ids; a removed
            # conversation is only noticed in the next full list, an hour later.
            self.lag, self.big_ids, self.removing = 0, False, False
        self.team = (seed + seed // 4) % 2 == 0 # has hours and targets
        if self.killing or self.faulty:
            # It is unknown whether such a poll has read the operators.
            self.operators_every = 0

    def __str__(self):
        return " ".join("%s=%s" % item for item in vars(self).items())


class World:
    def __init__(self, lab, seed):
        self.lab, self.seed = lab, seed
        self.dice = random.Random(seed)
        self.choices = Choices(seed, self.dice)
        self.folder = lab.path("world%d" % seed)
        os.mkdir(self.folder)
        self.may_wait = [] # closings: tenant, chat, when
        self.tenants = ["w%d-%d" % (seed, i)
                        for i in range(self.choices.tenants)]
        self.views = {}
        self.left = {t: {} for t in self.tenants}  # chat: row
        self.live = {t: {} for t in self.tenants}
        self.tombs = {t: {} for t in self.tenants}  # chat: closed_at
        self.as_of = {t: 0 for t in self.tenants}
        self.team = None
        self.intervals = {t: {} for t in self.tenants} # as stored
        self.where = "at the start"
        self.counts = collections.Counter()

    def account(self, tenant, bots):
        c = self.choices
        if c.crm == "chat2desk":
            return crm.Account(self.sim.url, tenant, tenant, c.history,
                               c.customers, c.phones, bots, c.operators_every)
        # Accounts do not change randomly, because lines name people.
        self.sim.control("act", do="online", account=tenant)
        return chatwoot.Account(self.sim, tenant, tenant, c.history,
                                c.customers, c.phones, c.operators_every)

    def start(self):
        c = self.choices
        options = []
        for tenant, dialogs in zip(self.tenants, c.dialogs):
            options += ["--account", "%s:%d:%d" % (
                tenant, self.dice.randrange(10 ** 6), dialogs)]
        options += ["--messages", c.messages, "--pace", c.pace, "--lag",
                    c.lag, "--hours", c.hours, "--operators", c.operators,
                    "--die-with-parent", "--crm", c.crm]
        options += ["--big-ids"] if c.big_ids else []
        options += ["--tells"] if c.tells else []
        options += [] if c.request_ids else ["--no-request-ids"]
        options += ["--honour-offset"] if c.honour_offset else []
        self.team_dice = random.Random("hours %d" % self.seed)
        if c.team:
            options += ["--start", self.team_dice.choice(STARTS)]
        self.sim = self.lab.sim(*options, name="world%d/sim" % self.seed)
        robot = str(ROBOT + (2 ** 53 if c.big_ids else 0))
        bots = [robot] if c.robot_known else []
        self.accounts = {t: self.account(t, bots) for t in self.tenants}
        if c.team:
            self.team = TeamHours(self.team_dice, self.tenants, CHANNELS,
                                  self.now())
        self.bots = bots
        self.configure()

    def configure(self):
        self.conf = self.configuration("conf", "1h")
        self.conf_stale = self.configuration("conf.stale", "1s")

    def configuration(self, name, stale):
        c = self.choices
        sections = {
            "poller": {"state": os.path.join(self.folder, "state")},
            "aggregator": {"definition": c.definition, "clock": "records"},
            "reaper": {"stale": stale},
        }
        if self.team:
            sections["aggregator"]["metrics"] = \
                "operators,chats,tenant,events,intervals"
        for t in self.tenants:
            sections["crm " + t] = {
                **self.address(), "token": t, "history": c.history,
                "customers": "yes" if c.customers else "no",
                "customer_phone": "yes" if c.phones else "no",
                "operators_every": "%ds" % c.operators_every,
                "bot_operators": ",".join(self.bots) or "none",
            }
        path = self.lab.conf("world%d/%s" % (self.seed, name), sections)
        if self.team:
            with open(path, encoding="utf-8") as f:
                text = self.team.configure(f.read())
            self.lab.write(path, text)
        return path

    def address(self):
        if self.choices.crm == "chatwoot":
            return {"profile": "chatwoot", "url": self.sim.root, "account": 1}
        return {"url": self.sim.url}

    def pipeline(self, *commands, conf=None, killed=False, may_fail=False):
        """Runs commands as a pipe; fails if one complains, unless this is
        allowed. KILLED: one of them, or a server, dies meanwhile."""
        processes, stdin = [], subprocess.DEVNULL
        for argv in commands:
            argv = program([argv[0], "-c", conf or self.conf, *argv[1:]])
            p = subprocess.Popen(
                argv, stdin=stdin, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, env=self.lab.env)
            if stdin is not subprocess.DEVNULL:
                stdin.close()
            stdin = p.stdout
            processes.append(p)
        try:
            if killed:
                time.sleep(self.dice.random() * 0.3) # a random moment
                self.kill(self.dice.choice([*processes, *SERVERS]))
            out = processes[-1].stdout.read()
            errors = [p.stderr.read().decode() for p in processes]
            codes = [p.wait(120) for p in processes]
        finally:
            for p in processes:
                p.kill()
                p.wait()
                p.stdout.close()
                p.stderr.close()
        if not killed and not may_fail:
            self.quiet(commands, codes, errors, out)

    def kill(self, victim):
        self.counts["kills"] += 1
        if victim in SERVERS:
            self.lab.servers("kill", victim)
            self.lab.servers("start", victim)
        else:
            victim.kill()

    def quiet(self, commands, codes, errors, out):
        if any(codes) or any(errors) or out:
            raise Wrong("\n".join(
                "%s: exit %d, %s" % (" ".join(argv), code, error[:600])
                for argv, code, error in zip(commands, codes, errors))
                + "\n" + out.decode()[:600])

    def poll(self, killed=False, **how):
        if not self.choices.queue:
            self.pipeline(["poller"], ["aggregator"], ["sink"], killed=killed,
                          **how)
            return
        queue = "w%d" % self.seed
        store = ["sink", "-f", "queue:" + queue, "--until-empty"]
        self.pipeline(["poller"], ["aggregator", "-t", "queue:" + queue],
                      killed=killed, **how)
        self.pipeline(store, killed=killed)
        if killed:
            # The queue looks empty until the broker has noticed that the reader
            # is gone; and a snapshot may be incomplete.
            until(60, lambda: self.lab.in_queue(queue, "checked_out") == 0,
                  "the rest of a killed sink")
            self.pipeline(store, may_fail=True)

    def fault(self, reaping=False):
        # After a 429 without a time, the poller waits for Chatwoot's next full
        # minute, but the clock stands still. A 404 means that a conversation
        # was deleted, and no list contradicts this for a closed one.
        unfit = ("429-negative", "404" if reaping else "")
        name = self.dice.choice([f for f in FAULTS if f not in unfit or
                                 self.choices.crm != "chatwoot"])
        self.where += " (%s)" % name
        self.sim.fault(name, count=self.dice.choice((1, 2)),
                         after=self.dice.choice((0, 1, 2, 5)))
        self.counts["faults"] += 1

    def calm(self):
        self.sim.fault("none")

    def poll_with_fault(self):
        """The poll recovers, or stores nothing of that tenant."""
        self.fault()
        self.poll(may_fail=True)
        self.calm()
        self.take_in(all_of_them=False)

    def sql(self, statement):
        done = subprocess.run(
            self.lab.mysql_argv("-r", "-e", statement), check=True,
            capture_output=True, stdin=subprocess.DEVNULL)
        return done.stdout.decode().splitlines()

    def tables(self):
        return compare.from_database(self.sql(compare.statement()))

    def now(self):
        return compare.parse_time(self.sim.stats()["now"])

    def take_in(self, all_of_them):
        for (tenant,), row in self.tables()["tenants"].items():
            if all_of_them or (row["as_of"] or 0) > self.as_of[tenant]:
                self.expect_poll(tenant, row["as_of"])

    def expect_poll(self, tenant, as_of):
        """Adds the new snapshot to the expectation."""
        now = self.now()
        if not now - 2000 <= as_of <= now + 20000:
            raise Wrong("as_of of %s is %s, the CRM's clock %s" % (
                tenant, compare.format_time(as_of), compare.format_time(now)))
        if as_of <= self.as_of[tenant]:
            raise Wrong("as_of of %s does not grow" % tenant)
        self.as_of[tenant] = as_of
        rows = self.views[tenant].expected(
            as_of, self.choices.definition, dues.of_tenant(
                self.team and self.team.terms, tenant))
        if self.team:
            self.take_intervals(tenant, {
                **self.of_chats_that_left(tenant, rows["chat_metrics"]),
                **{key: {"as_of": as_of, **row}
                   for key, row in self.views[tenant].intervals.items()}})
        # A chat that left is as of the first snapshot without it.
        old = {c: dict(row, status="left", as_of=as_of)
               for c, row in self.live[tenant].items()}
        old.update(self.left[tenant])
        self.live[tenant] = rows["chat_metrics"]
        self.count(tenant)
        self.left[tenant] = {
            c: row for c, row in old.items() if c not in self.live[tenant]}

    def of_chats_that_left(self, tenant, chats):
        """The poll also brings the last messages of chats that were closed, of
        which the view knows nothing: these intervals are as stored, but for
        their judgement."""
        there = self.tables()["intervals"].items()
        return {key[1:]: row for key, row in there
                if key[0] == tenant and row["chat"] not in chats
                and row["as_of"] == self.as_of[tenant]}

    def take_intervals(self, tenant, intervals):
        """Stored rows are judged by the hours of now."""
        self.intervals[tenant].update({
            key: {"tenant": tenant, **self.team.judged(tenant, row)}
            for key, row in intervals.items()})
        self.counts["judged"] += len(intervals)

    def change_hours(self):
        now = self.now()
        if self.team_dice.random() < 0.5:
            self.where += ", with hours that begin soon"
            self.counts["hours that begin soon"] += 1
            self.team.add_versions(now)
            self.configure()
            return
        self.where += ", with other hours of the past"
        self.counts["hours of the past"] += 1
        self.team.replace(now)
        self.configure()
        day = self.team.some_day(now)
        self.lab.must(
            ["sink", "-c", self.conf, "--recompute", "--since", str(day)])
        for tenant, own in self.intervals.items():
            begin = self.team.begin_of(tenant, day)
            self.take_intervals(tenant, {
                key: row for key, row in own.items()
                if row["end_at"] >= begin})
        self.check()

    def check_sums(self):
        self.lab.must(["sink", "-c", self.conf, "--recompute"])
        expected, got = {}, {}
        for tenant, own in self.intervals.items():
            expected.update(sums_of_rows(tenant, own.values()))
        for line in self.sql("SELECT tenant, subject, span, begin_at, id, sums "
                             "FROM response_rollups"):
            *key, sums = line.split("\t")
            key[3] = compare.parse_time(key[3])
            if sums:
                got[tuple(key)] = read_sums(sums)
        wrong = difference(got, expected)
        self.counts["sums"] += len(expected)
        if wrong:
            raise Wrong("response_rollups: " + wrong)

    def count(self, tenant):
        """Counts what the world covered, for the log."""
        account, live = self.accounts[tenant], self.live[tenant]
        self.counts.update({
            "snapshots": 1,
            "chats": len(live),
            "responses": sum(r["responses"] for r in live.values()),
            "back after a tombstone": sum(
                c in live for c in self.tombs[tenant]),
            "messages only the list showed": sum(
                m not in account.known.get(d, ())
                for d, own in account.hidden.items() for m in own),
        })

    def expect_reap(self, tenant, everything):
        """Removes the closed chats that the reaper had to ask about from the
        expectation."""
        asked = dict(self.left[tenant])
        if everything:
            asked.update(self.live[tenant])
        for chat in asked:
            d = self.accounts[tenant].dialog(chat)
            if d is None:
                self.reaped(tenant, chat, None)
            elif d["state"] == "closed":
                end = crm.milliseconds(d["end"])
                if self.now() - end <= self.longest_wait():
                    self.may_wait.append((tenant, chat, end))
                else:
                    self.reaped(tenant, chat, end)

    def reaped(self, tenant, chat, closed_at):
        self.left[tenant].pop(chat, None)
        self.live[tenant].pop(chat, None)
        self.tombs[tenant][chat] = closed_at
        self.counts["reaped"] += 1

    def longest_wait(self):
        """In ms. The CRM may not show the last messages of a just-closed chat
        yet, so its closing waits for a later run. This CRM shows each of them
        eventually, so the poller's 15 minutes are not used up."""
        return self.choices.lag * 1000

    def take_what_waits(self):
        """A closing that waits is not expected in the tables yet."""
        there = {key[:2] for key in self.tables()["chat_metrics"]}
        waiting, self.may_wait = self.may_wait, []
        for tenant, chat, closed_at in waiting:
            if (tenant, chat) in there:
                self.may_wait.append((tenant, chat, closed_at))
            else:
                self.reaped(tenant, chat, closed_at)

    def expected(self):
        tables = {t: {} for t in compare.KEYS}
        for tenant in self.tenants:
            rows = self.views[tenant].expected(
                self.as_of[tenant], self.choices.definition)
            rows = dict(rows, chat_metrics={
                **self.left[tenant], **self.live[tenant]})
            rows["intervals"] = self.intervals[tenant]
            for table, own in compare.expected_tables([rows]).items():
                tables[table].update(own)
        return tables

    def check_tombs(self, actual):
        want = {(t, c): at for t, own in self.tombs.items()
                for c, at in own.items()}
        got = {k: r["closed_at"] for k, r in actual.items()}
        if want != got:
            odd = set(want.items()) ^ set(got.items())
            raise Wrong("closed_chats: %s" % sorted(odd, key=str)[:5])
        now = self.now()
        for key, row in actual.items():
            if row["as_of"] > now + 20000:
                raise Wrong("tombstone %s is of the future" % (key,))

    def messages_of(self, tenant, chat):
        view = self.views[tenant]
        yield "  %s %s" % (chat, view.chats.get(chat))
        for m in clocks.in_order(view.messages.get(chat, ())):
            yield "    " + " ".join(
                "%s=%s" % (k, compare.format_time(v) if k == "at" else v)
                for k, v in m.items() if v is not None)

    def check(self):
        actual, expected = self.tables(), self.expected()
        wrong = []
        for table in METRICS:
            found = list(compare.differences(
                table, expected[table], actual[table]))
            wrong += [sentence for key, sentence in found[:8]]
            if table == "chat_metrics" and found:
                wrong += list(self.messages_of(*found[0][0]))
        if wrong:
            raise Wrong("\n".join(wrong))
        self.check_tombs(actual["closed_chats"])

    def check_nothing_too_much(self):
        """After a reaper that may have failed: it has only deleted what it had
        to delete."""
        actual, expected = self.tables(), self.expected()
        for key in expected["chat_metrics"]:
            if key not in actual["chat_metrics"]:
                raise Wrong("chat_metrics %s %s: was deleted" % key)
        for tenant, chat in actual["closed_chats"]:
            if chat not in self.tombs[tenant]:
                raise Wrong("%s %s: has a tombstone" % (tenant, chat))

    def look(self):
        for tenant, account in self.accounts.items():
            self.views[tenant] = account.look(self.now())

    def pause(self):
        """How far the clock moves; never to the time when the operators are
        due, because milliseconds would then decide."""
        while True:
            seconds = self.dice.choice((30, 31, 60, 90, 250, 1190))
            now, every = self.now(), self.choices.operators_every * 1000
            age = [now + seconds * 1000 - a.operators_at
                   for a in self.accounts.values()]
            if every == 0 or all(abs(a - every) > 30000 for a in age):
                return seconds

    def remove(self):
        """Removes one chat in the CRM, which users should not do."""
        chats = [(t, c) for t in self.tenants for c in self.live[t]]
        if chats:
            tenant, chat = self.dice.choice(chats)
            self.sim.control("act", do="remove", dialog=chat, account=tenant)
            self.counts["removed"] += 1

    def shift(self):
        """An agent comes or goes."""
        self.sim.control(
            "act", do=self.dice.choice(("online", "offline")),
            operator=501 + self.dice.randrange(self.choices.operators),
            account=self.dice.choice(self.tenants))

    def step(self, n):
        c, d = self.choices, self.dice
        self.sim.advance(self.pause())
        if c.losing and d.random() < 0.5 and n > 0:
            self.where = "step %d, without the poller's state" % n
            shutil.rmtree(os.path.join(self.folder, "state"))
            for account in self.accounts.values():
                account.forget()
        else:
            self.where = "step %d" % n
        if c.removing and d.random() < 0.5:
            self.remove()
        if c.crm == "chatwoot" and d.random() < 0.5:
            self.shift()
        if self.team and n > 0 and self.team_dice.random() < 0.5:
            self.change_hours()
        self.look()
        if c.killing and d.random() < 0.6:
            self.where += ", after a poll that was killed"
            self.poll(killed=True)
            self.take_in(all_of_them=False)  # some may have been ready
        if c.faulty and d.random() < 0.6:
            self.where += ", after a poll with a fault"
            self.poll_with_fault()
        self.poll()
        self.take_in(all_of_them=True)
        self.check()
        self.reap(d.random() < 0.5, d.random() < 0.12)

    def reap(self, later, everything):
        self.where += ", reaped"
        conf = None
        if later:
            self.sim.advance(self.dice.randint(10, 100))
        if everything:
            self.where += " all"
            conf = self.conf_stale
            while self.sql("SELECT MAX(stored_at) >= UTC_TIMESTAMP(3)"
                           " - INTERVAL 1 SECOND FROM tenants") != ["0"]:
                time.sleep(0.05)
        self.may_wait = []
        for tenant in self.tenants:
            self.expect_reap(tenant, everything)
        chain = (["reaper", "--list"], ["poller", "--status"], ["reaper"])
        faulty, killed = (may and self.dice.random() < 0.4 for may in (
            self.choices.faulty, self.choices.killing))
        if faulty or killed:
            if faulty:
                self.fault(reaping=True)
            self.where += ", killed" if killed else ""
            self.pipeline(*chain, conf=conf, killed=killed, may_fail=True)
            self.calm()
            self.take_what_waits()
            self.check_nothing_too_much()
        self.pipeline(*chain, conf=conf)
        self.take_what_waits()
        self.check()

    def purge(self):
        """Removes everything once the tenants are no longer configured: the
        next world begins with empty tables."""
        self.where = "purging"
        conf = self.lab.conf("world%d/conf.none" % self.seed, {"sink": {}})
        for tenant in self.tenants:
            self.pipeline(["reaper", "--purge", tenant], conf=conf)
        for table, rows in self.tables().items():
            if rows and table != "tenants":
                raise Wrong("%s is not empty: %s" % (table, list(rows)[:3]))
        self.sql("DELETE FROM tenants")

    def run(self):
        """None, or the error."""
        try:
            self.start()
            for n in range(self.choices.steps):
                self.step(n)
            if self.team:
                self.check_sums()
            self.purge()
            return None
        except Wrong as why:
            return "SEED=%d %s: %s\n  %s" % (
                self.seed, self.where, why, self.choices)
        finally:
            self.sim.process.terminate()
            self.sim.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


def seeds():
    count = int(os.environ.get("WORLDS") or (260 if LONG else 3))
    start = os.environ.get("SEED")
    if start:
        return [int(start) + i
                for i in range(int(os.environ.get("WORLDS") or 1))]
    start = int(os.environ.get("FIRST_SEED") or
                int(time.time()) % 10 ** 7 * 100)
    return list(range(start, start + count))


def share(queue):
    """One lane: runs world after world in its own database until one fails."""
    wrong, counts = [], collections.Counter()
    with Lab("worlds") as lab:
        lab.start_servers("rabbitmq", "mariadb", private=bool(SERVERS))
        lab.must(["sink", "--migrate"])
        while queue and not wrong:
            world = World(lab, queue.pop(0))
            why = world.run()
            wrong += [why] if why else []
            counts += world.counts
    return wrong, counts


def body():
    queue = seeds()
    count = len(queue)
    say("SEED=%d and the %d after it" % (queue[0], count - 1))
    begin, lanes = time.monotonic(), min(2, count)
    with concurrent.futures.ThreadPoolExecutor(lanes) as pool:
        try:
            found = list(pool.map(share, [queue] * lanes))
        except BaseException:
            # When stopped, no lane begins another world.
            queue.clear()
            raise
    wrong = [why for lane, _ in found for why in lane]
    for why in wrong:
        say(why)
    if not wrong:
        counts = sum((c for _, c in found), collections.Counter())
        say("%d worlds in %.0f s: %s" % (
            count, time.monotonic() - begin,
            ", ".join("%d %s" % (n, what) for what, n in counts.items())))
    return 1 if wrong else 0


main(body)
