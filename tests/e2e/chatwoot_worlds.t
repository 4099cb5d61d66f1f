#!/usr/bin/env -S python3 -B
"""Random worlds of a simulated Chatwoot, polled, reported by its webhooks, or
both at once: the final intervals and open chats of the programs equal those
that the oracle computes from the world itself. A world begins without
conversations. Customers write, operators answer, transfer and close; at each
step the clock moves some minutes, the webhooks arrive, and a poll is made.
Webhooks are repeated and overtake each other, and some are lost if a poll
repairs this. Polls see whole seconds, webhooks milliseconds; both at once give
the figures of polls alone. A section without a token is never polled. In half
of the worlds, the account has random opening hours and targets, which change:
by when waiting customers must be answered, and how the sink judges intervals,
equals the oracle, too. WORLDS worlds are run (3; LONG=1: 200), alternating
between the three kinds. SEED=n begins at n.
"""

import collections
import concurrent.futures
import json
import os
import random
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import chatwoot  # noqa: E402
import clocks  # noqa: E402
import compare  # noqa: E402
import crm  # noqa: E402
import dues  # noqa: E402
import metrics  # noqa: E402
from harness import LONG, TOKEN, Checks, Lab, main, say, seed, until  # noqa: E402
from world_hours import STARTS, TeamHours  # noqa: E402

KINDS = ("polled", "pushed", "both")
SECRET = "a-secret-of-webhooks"
CHANNELS = ("11", "13")  # some of those of the simulator


class World:
    def __init__(self, lab, seed, kind):
        self.lab, self.seed, self.kind = lab, seed, kind
        self.dice = random.Random(seed)
        self.folder = lab.path(f"w{seed}")
        os.mkdir(self.folder)
        self.definition = self.dice.choice((clocks.OURS, clocks.CHATWOOT))
        self.queue, self.rows = f"queue:w{seed}", {}
        self.tenant, self.team = f"w{seed}", None
        self.team_dice = random.Random(f"hours {seed}")
        self.has_team = seed // len(KINDS) % 2 == 0
        self.judged = {}  # interval: what the sink should say

    def file(self, name):
        return os.path.join(self.folder, name)

    def configure(self, url):
        tenant = {"profile": "chatwoot", "account": 1, "hook": "signature",
                  "hook_secret": SECRET}
        if self.kind != "pushed":
            tenant.update(url=url, token=TOKEN, history="all")
        path = self.lab.conf(f"w{self.seed}/conf", {
            "crm " + self.tenant: tenant,
            "poller": {"state": self.file("polls")},
            "aggregator": {"definition": self.definition,
                           "clock": "records"}})
        if self.team:
            with open(path, encoding="utf-8") as f:
                text = self.team.configure(f.read())
            self.lab.write(path, text)
        return path

    def start(self):
        """Starts the listener first: the simulator needs its address."""
        conf = self.configure("http://127.0.0.1:1")
        self.listener = self.lab.serve(
            ["poller", "-c", conf, "--listen", "127.0.0.1:0", "-t", self.queue,
             "--state", self.file("listener")], f"w{self.seed}/listener")
        self.port = self.listener.port
        self.sim = self.lab.sim(
            "--crm", "chatwoot", "--dialogs", 0, "--die-with-parent",
            "--seed", self.seed, "--operators", 4, "--hours", "0-24",
            "--pace", self.dice.choice((30, 90, 300)),
            *(("--start", self.team_dice.choice(STARTS))
              if self.has_team else ()),
            *(("--webhooks", "http://127.0.0.1:%s/hooks/%s/chatwoot" % (
                self.port, self.tenant), "--webhook-secret", SECRET)
              if self.kind != "polled" else ()), name=f"w{self.seed}/sim")
        if self.has_team:
            self.team = TeamHours(
                self.team_dice, [self.tenant], CHANNELS, self.now())
        self.conf = self.configure(self.sim.root)
        self.sim.control("webhooks", repeat=100, delay=40,
                         lose=200 if self.kind == "both" else 0)
        self.account = chatwoot.Account(
            self.sim, TOKEN, self.tenant, history="all")
        self.sim.control("act", do="online", account=TOKEN)
        self.records = collections.defaultdict(list)

    def now(self):
        return compare.parse_time(self.sim.stats()["now"])

    def settle(self):
        """Waits until webhooks are in the queue before the next event
        happens."""
        until(30, lambda: self.sim.stats()["webhooks"]["queued"] == 0,
              "the webhooks")
        failed = self.sim.stats()["webhooks"]["failed"]
        if failed:
            raise AssertionError(f"{failed} webhooks were refused: "
                                 + open(self.file("listener.log")).read())
        until(30, lambda: self.unpublished() == 0, "the listener")

    def unpublished(self):
        with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}/api/v1/analytics/health",
                timeout=60) as answer:
            return json.load(answer)["processing_queue_size"]

    def step(self):
        for _ in range(self.dice.choice((0, 1, 1, 3))):
            self.sim.control("act", do="arrive", account=TOKEN)
            self.sim.advance(self.dice.randrange(1, 30))
        self.sim.advance(self.dice.choice((30, 60, 200, 700)))
        if self.kind != "polled":
            self.settle()
        if self.kind != "pushed":
            self.poll()

    def poll(self):
        self.lab.must(["poller", "-c", self.conf, "-t", self.queue])
        now = self.now()
        view = self.account.look()
        for chat, said in view.chats.items():
            self.records[chat] += [*said["before"], dict(said, at=now)]

    def reopen(self):
        """Polls read a conversation that was opened and closed between two of
        them only when it is reopened."""
        self.sim.advance(20)
        for d in self.sim.world()["dialogs"]:
            if d["state"] != "open":
                self.sim.control("act", do="client", dialog=d["id"],
                                 account=TOKEN)
        self.poll()

    def change_hours(self):
        """What was stored before is only judged again if it must be."""
        self.take()
        if self.team_dice.random() < 0.5:
            self.team.add_versions(self.now())
            self.conf = self.configure(self.sim.root)
            return
        self.team.replace(self.now())
        self.conf = self.configure(self.sim.root)
        day = self.team.some_day(self.now())
        if self.rows: # else the database does not know the tenant yet
            self.lab.must(["sink", "-c", self.conf, "--recompute", "--tenant",
                           self.tenant, "--since", str(day)])
        begin = self.team.begin_of(self.tenant, day)
        for key in self.judged:
            if compare.parse_time(self.rows[key]["end_at"]) >= begin:
                self.judge(key, self.rows[key])

    def judge(self, key, row):
        times = {k: compare.parse_time(row[k]) for k in ("start_at", "end_at")}
        self.judged[key] = dues.judged(
            self.team.terms, self.tenant, {**row, **times})

    def take(self):
        """The last version of each row counts."""
        done = self.lab.must(["aggregator", "-c", self.conf, "-a", "all",
                              "-f", self.queue, "-t", "-", "--until-empty",
                              "--state", self.file("aggregator")])
        for row in done.records():
            if row["type"] == "row" and row["table"] in (
                    "intervals", "chat_metrics"):
                key = [row["table"], row["chat"]]
                if row["table"] == "intervals":
                    key += [row["end_at"], row["message"], row["kind"]]
                self.rows[tuple(key)] = row
                if self.team and row["table"] == "intervals":
                    self.judge(tuple(key), row)
        if self.team and done.out:
            self.lab.must(["sink", "-c", self.conf], stdin=done.out)

    def wrong_judgements(self):
        there = self.lab.sql(
            "SELECT JSON_ARRAY(chat, end_at, message, kind), JSON_ARRAY("
            "work_ms, target_ms, kept) FROM intervals "
            f"WHERE tenant = '{self.tenant}'")
        got = {}
        for key, values in there:
            chat, end, message, kind = json.loads(key)
            got[chat, compare.parse_time(end), message, kind] = tuple(
                json.loads(values))
        want = {(chat, compare.parse_time(end), message, kind):
                tuple(row[c] for c in dues.JUDGED)
                for (_, chat, end, message, kind), row in self.judged.items()}
        for key in sorted(want.keys() | got.keys()):
            if got.get(key) != want.get(key):
                yield f"{key} is judged {got.get(key)}, not {want.get(key)}"

    def written(self):
        """Messages by conversation, in ms for webhooks, else in seconds."""
        self.account.look()
        world, found = self.account.world, collections.defaultdict(list)
        for m, ms in zip(world["messages"], world["message_ms"]):
            message = self.account.message(m)
            if self.kind == "pushed":
                message["at"] = ms
                if message["from"] == "system":
                    message["id"] = f"{message['kind']}-{ms}"
            found[str(m["dialog_id"])].append(message)
        return found

    def told(self, messages, opened):
        """The record that the webhooks at each time create: the state of the
        conversation by then."""
        holder, status = None, "open"
        for i, m in enumerate(messages):
            if m["from"] == "system" and m["kind"] == "assigned":
                holder = m["operator"]
            elif m["from"] == "system" and m["kind"] in ("closed", "opened"):
                status = "closed" if m["kind"] == "closed" else "open"
            if i + 1 < len(messages) and messages[i + 1]["at"] == m["at"]:
                continue
            yield {"at": m["at"], "status": status, "operator": holder,
                   "opened_at": opened,
                   **({"closed_at": m["at"]} if status == "closed" else {})}

    def expected(self):
        """(intervals, open chats)"""
        intervals, chats = collections.Counter(), {}
        written = self.written()
        for d in self.account.world["dialogs"]:
            chat = str(d["id"])
            messages = written[chat]
            if not messages:
                continue # it appears with its first message
            records = list(self.told(messages, crm.milliseconds(d["begin"]))) \
                if self.kind == "pushed" else self.records[chat]
            life = clocks.Chat(records, messages, self.definition, True)
            for i in life.intervals:
                intervals[chat, i.kind, i.operator, i.start, i.end, i.ms] += 1
            if life.is_open():
                chats[chat] = (life.operator, len(life.counted), life.W,
                               *self.due(d, life))
        return intervals, chats

    def due(self, dialog, life):
        kind, since = metrics.next_answer(life)
        if kind is None or not self.team:
            return kind, None, None
        due = dues.of_tenant(self.team.terms, self.tenant)
        return kind, *due(str(dialog["last_message"]["channel_id"]), kind,
                          since)

    def found(self):
        intervals, chats = collections.Counter(), {}
        for key, r in self.rows.items():
            if key[0] == "chat_metrics" and r["status"] != "left":
                chats[r["chat"]] = (
                    r["operator"], r["messages"],
                    compare.value_of("_at", r["waiting_since"]),
                    r["next_kind"],
                    compare.value_of("_by", r["answer_by"]),
                    compare.value_of("_at", r["soon_at"]))
            elif key[0] == "intervals" and not r.get("withdrawn"):
                start, end = (compare.parse_time(r[x])
                              for x in ("start_at", "end_at"))
                intervals[r["chat"], r["kind"], r["operator"], start, end,
                          r["ms"]] += 1
        return intervals, chats

    def differences(self):
        (want, open_), (got, there) = self.expected(), self.found()
        for text, some in (("is missing", want - got),
                           ("should not be there", got - want)):
            for chat, kind, operator, start, end, ms in sorted(some, key=str):
                yield (f"{chat}: {kind} of {operator} {ms} ms from "
                       f"{compare.format_time(start)} to "
                       f"{compare.format_time(end)} {text}")
        for chat in sorted(set(open_) | set(there)):
            if open_.get(chat) != there.get(chat):
                yield f"{chat}: {there.get(chat)}, not {open_.get(chat)}"

    def run(self):
        """Returns errors, the number of intervals, and of those with work
        time."""
        self.start()
        steps = self.dice.randrange(4, 9)
        change = self.team_dice.randrange(2 * steps)
        for n in range(steps):
            if self.team and n == change:
                self.change_hours()
            self.step()
        if self.kind != "pushed":
            self.reopen()
        self.take()
        wrong = list(self.differences())
        if self.team:
            wrong += self.wrong_judgements()
        self.lab.end(self.listener)
        self.lab.end(self.sim.process)
        return wrong, sum(self.found()[0].values()), sum(
            row["work_ms"] is not None for row in self.judged.values())


def run(lab, number):
    """(kind, intervals, those with work time, errors)"""
    kind = os.environ.get("KIND") or KINDS[number % 3]
    wrong, intervals, judged = World(lab, number, kind).run()
    return kind, intervals, judged, wrong and (
        f"SEED={number} KIND={kind} WORLDS=1: " + "\n  ".join(wrong[:12]))


def body():
    checks, counts = Checks(), collections.Counter()
    first = seed()
    count = int(os.environ.get("WORLDS") or (200 if LONG else 3))
    with Lab("chatwoot_worlds") as lab:
        lab.start_servers("rabbitmq", "mariadb")
        lab.must(["sink", "--migrate"])
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            for kind, intervals, judged, wrong in pool.map(
                    lambda n: run(lab, n), range(first, first + count)):
                counts[kind] += intervals
                counts["with work time"] += judged
                checks.that(not wrong, wrong)
    say("intervals: " + ", ".join(f"{n} {k}" for k, n in counts.items()))
    return checks.result()


main(body)
