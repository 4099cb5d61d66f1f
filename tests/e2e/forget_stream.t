#!/usr/bin/env -S python3 -B
"""reaper --forget next to a running stream. The same world is stored for
several tenants; one of them has an erasure, one has not, and the metrics of
both must stay the same, including those of later records.
"""

import glob
import json
import os
import random
import time

import streamlib
from forget import C, D, LOST, SECRETS, UNTOUCHED, House, at, lines_of, \
    message, same, world

from harness import LONG, PROBE, Checks, Lab, main, seed, until

KEPT, GONE, STORM = "kept", "gone", "storm"
TENANTS = (KEPT, GONE, STORM)
# What a stream's state has about a customer besides the id.
IN_STATE = ("name", "surname", "phone", "text", "reply", "tag")
WRITTEN = {"version", "stored_at"}  # when a row was written
STORMS = 4 if LONG else 0  # kills at random moments


def afterwards(tenant):
    """Later records: of the customer, of another one, and late ones."""
    for chat, user in (("100", C), ("101", D)):
        for n in range(30, 34):
            yield message(chat, n, n + 20, "customer", user, "7", "once more")
        yield message(chat, 40, 55, "operator", "7", user, "yes, once more",
                      operator="7")
    yield message("102", 50, 3, "customer", C, "7", "it was late")


def unfinished(tenant):
    """A snapshot without its end."""
    head = {"tenant": tenant, "snapshot": "s1"}
    yield {**head, "type": "snapshot", "state": "begin", "at": at(58)}
    yield {**head, "type": "chat", "chat": "100", "status": "open",
           "customer": C, "customer_name": "Quorbella Staged",
           "opened_at": at(0), "operator": "7"}


def its_rest(tenant):
    """The rows of that snapshot when the customer is already erased."""
    head = {"tenant": tenant, "snapshot": "s1"}
    yield {**head, "type": "chat", "chat": "101", "status": "open",
           "customer": C, "customer_name": "Quorbella Staged",
           "opened_at": at(0), "operator": "7"}


def comes_back(tenant):
    yield {"tenant": tenant, "type": "chat", "chat": "100", "status": "open",
           "customer": C, "customer_name": "Quorbella", "at": at(59),
           "opened_at": at(0), "operator": "7"}


class Test:
    def __init__(self, lab):
        self.checks = Checks()
        self.that = self.checks.that
        self.lab = lab
        self.stream = streamlib.House(lab, private=True)
        self.tables = House.__new__(House)
        self.tables.lab = lab

    def aggregator(self):
        self.stream.aggregator(metrics="all")

    def publish(self, records):
        self.lab.must([PROBE, "-p", "-b", "20", "write",
                       "queue:" + streamlib.IN], stdin=records,
                      env={"MESSAGING_CONFIG": self.stream.conf})

    def dead_letters(self):
        return self.lab.must([PROBE, "-e", "read",
                              f"queue:{streamlib.IN}.dead"],
                             env={"MESSAGING_CONFIG": self.stream.conf}).out

    def rest(self):
        self.stream.rest(60, lambda: self.stream.queue_rests(
            streamlib.IN, streamlib.ROWS))

    def figures(self, tenant):
        got = {}
        for table in UNTOUCHED:
            got[table] = self.tables.dump(table, tenant, WRITTEN)
        for table, without in LOST.items():
            got[table] = self.tables.dump(table, tenant, without | WRITTEN)
        return got

    def in_state(self, secret):
        return self.tables.on_disk(secret)

    def forget(self, tenant):
        return self.tables.forget(tenant, "--state", self.stream.state)

    def nothing_is_left(self, tenant):
        for name in IN_STATE:
            found = self.in_state(secret_of(name, tenant))
            self.that(not found, f"{tenant}: {name} is in {found}")
        self.that(not self.in_state("staged" + tenant), "a staged snapshot")
        self.that(not os.listdir(os.path.join(self.stream.state, "forget")),
                  "an order is left")

    def fill(self):
        self.aggregator()
        self.stream.sink()
        for tenant in TENANTS:
            self.publish(marked(lines_of(tenant, world()), tenant))
            self.publish(marked(lines_of(tenant, unfinished(tenant)), tenant))
        self.rest()
        for name in IN_STATE:
            self.that(self.in_state(secret_of(name, GONE)),
                      f"no {name} in the state")
        self.that(self.in_state("staged" + GONE), "nothing is staged")

    def it_forgets_while_it_runs(self):
        before = self.figures(GONE)
        done = self.forget(GONE)
        self.that(done.code == 0, f"forget: {done}")
        self.nothing_is_left(GONE)
        self.rest()
        self.nothing_is_left(GONE)
        same(self.checks, "at once", before, self.figures(GONE))
        self.publish(marked(lines_of(GONE, its_rest(GONE)), GONE))
        self.rest()
        letters = self.dead_letters()
        self.that(not letters, f"dead letters: {letters[:600]}")
        self.that(self.in_state(SECRETS["name"] + KEPT), "others are gone")
        again = self.forget(GONE)
        self.that(again.code == 0, f"once more: {again}")
        # At its end a sanitizer reports memory left by the run.
        code = self.stream.stop("aggregator")
        self.that(code == 0, f"its end: {code}")
        self.aggregator()

    def the_metrics_go_on(self, tenant):
        want = self.figures(KEPT)
        same(self.checks, f"afterwards, {tenant}", want, self.figures(tenant))
        words = [json.loads(r)["word"]
                 for r in self.tables.dump("trends", tenant)]
        self.that("hello" in words, f"trends of {tenant}: {words}")
        self.that(not any(SECRETS["name"] in w for w in words),
                  f"{tenant}: the name in trends: {words}")

    def an_order_that_cannot_be_read_stays(self):
        """The stream reports it, goes on, and carries out other orders."""
        path = os.path.join(self.stream.state, "forget", "bad.order")
        with open(path, "wb") as f:
            f.write(b"forget everybody")
        told = f"cannot read the erasure order in '{path}'"
        until(60, lambda: told in self.stream.log("aggregator"), "a warning")
        for _ in range(3):
            self.rest()
        n = self.stream.log("aggregator").count(told)
        self.that(n == 1, f"told {n} times of a bad order")
        done = self.forget(GONE)
        self.that(done.code == 0, f"beside a bad order: {done}")
        os.unlink(path)

    def begin_to_forget(self, tenant):
        """Returns the reaper, which waits for an aggregator."""
        log = self.lab.path(f"reaper.{tenant}.log")
        orders = os.path.join(self.stream.state, "forget", "*.order")
        before = set(glob.glob(orders))
        reaper = self.lab.start(["reaper", "--forget", C, "--tenant", tenant,
                                 "--state", self.stream.state], log)
        reaper.log = log
        until(60, lambda: set(glob.glob(orders)) - before, "an order")
        return reaper

    def it_is_killed_in_the_middle(self, dice):
        """The aggregator is away; then both are killed at any time."""
        self.stream.kill("aggregator")
        reaper = self.begin_to_forget(STORM)
        reaper.terminate()
        code = reaper.wait(60)
        with open(reaper.log, encoding="utf-8") as f:
            said = f.read()
        self.that(code == 75 and "start its aggregator" in said,
                  f"without an aggregator: {code} {said}")
        self.aggregator()
        for _ in range(STORMS):
            reaper = self.lab.start(
                ["reaper", "--forget", C, "--tenant", STORM, "--state",
                 self.stream.state], self.lab.path("reaper.log"))
            time.sleep(dice.uniform(0, 1.6))
            self.stream.kill("aggregator")
            if dice.random() < 0.5:
                reaper.kill()
            else:
                reaper.terminate()
            reaper.wait()
            self.lab.processes.remove(reaper)
            self.aggregator()
        until(60, lambda: self.forget(STORM).code == 0, "it to be forgotten")
        self.nothing_is_left(STORM)

    def it_forgets_by_runs_that_end(self):
        """As in the minute job: no aggregator runs when the erasure is
        requested, and the next run carries it out. The CRM still has the
        customer, so a second erasure is needed soon after the first."""
        self.stream.kill("aggregator")
        self.forget_by_a_run(STORM)
        for tenant in TENANTS:
            self.publish(marked(lines_of(tenant, comes_back(tenant)), tenant))
        self.run_aggregator()
        for tenant in TENANTS:
            self.that(self.in_state(secret_of("name", tenant)),
                      f"{tenant} did not come back")
        for tenant in (GONE, STORM):
            self.forget_by_a_run(tenant)
        self.aggregator()

    def run_aggregator(self):
        self.stream.aggregator("--until-empty", metrics="all").wait(600)
        self.stream.kill("aggregator")  # it has ended

    def forget_by_a_run(self, tenant):
        reaper = self.begin_to_forget(tenant)
        self.run_aggregator()
        code = reaper.wait(60)
        self.lab.processes.remove(reaper)
        self.that(code == 0, f"forget {tenant} by a run: {code}")
        self.nothing_is_left(tenant)

    def the_tables_files_have_nothing(self):
        """After the tables are rewritten, because updates leave old bytes in
        the files."""
        names = ", ".join(self.tables.tables())
        self.tables.ask(f"OPTIMIZE TABLE {names}",
                        f"FLUSH TABLES {names} FOR EXPORT", "UNLOCK TABLES")
        files = [os.path.join(folder, name)
                 for folder, _, names in os.walk(self.lab.server_dir)
                 for name in names if name.endswith(".ibd")
                 and os.path.basename(folder) == "messaging"]
        self.that(len(files) > 10, f"the tables' files: {files}")
        for name in IN_STATE:
            self.that(self.found(files, secret_of(name, KEPT).lower()),
                      f"no {name} at all")
            for tenant in (GONE, STORM):
                found = self.found(files, secret_of(name, tenant).lower())
                self.that(not found, f"{tenant}: {name} is in {found}")

    @staticmethod
    def found(files, secret):
        got = []
        for path in files:
            with open(path, "rb") as f:
                if secret.encode() in f.read().lower():
                    got.append(os.path.basename(path))
        return got


def secret_of(name, tenant):
    """Numbers stay numbers."""
    return SECRETS[name] + (str(TENANTS.index(tenant)) if name == "phone"
                            else tenant)


def marked(lines, tenant):
    """Each tenant's secrets end in its name, so that they can be
    distinguished."""
    for name in IN_STATE:
        end = secret_of(name, tenant)[len(SECRETS[name]):]
        for form in {SECRETS[name], SECRETS[name].capitalize()}:
            lines = lines.replace(form.encode(), (form + end).encode())
    return lines.replace(b"Staged", b"Staged" + tenant.encode())


def body():
    dice = random.Random(seed())
    with Lab("forget_stream") as lab:
        test = Test(lab)
        test.fill()
        test.it_forgets_while_it_runs()
        test.an_order_that_cannot_be_read_stays()
        test.it_is_killed_in_the_middle(dice)
        test.it_forgets_by_runs_that_end()
        for tenant in TENANTS:
            test.publish(marked(lines_of(tenant, afterwards(tenant)), tenant))
        test.rest()
        for tenant in (GONE, STORM):
            test.nothing_is_left(tenant)
            test.the_metrics_go_on(tenant)
        test.the_tables_files_have_nothing()
        return test.checks.result()


main(body)
