#!/usr/bin/env -S python3 -B
"""scripts/dead-letters lists, shows, replays and drops the messages in
NAME.dead: all or by reason, to their origin or elsewhere. If it is killed, only
letters to be dropped can be lost. Messages without a record are not replayed.
"""

import json
import os
import subprocess

from amqp_doors import Acks
from harness import BIN, PROBE, Checklist, run_checks, shown_in, until

SCRIPT = os.path.abspath("scripts/dead-letters")
AT = "2026-11-20T10:00:00.000Z"


def chat(number, tag="x"):
    return json.dumps({
        "type": "row", "table": "chat_metrics", "tenant": "t",
        "chat": f"c{number}", "status": "open", "tag": tag, "as_of": AT})


def letter(reason, record, at=AT, **more):
    return json.dumps({"type": "dead", "program": "sink", "at": at,
                       "reason": reason, "where": "line 1", "record": record,
                       **more})


def kinds(first, last):
    """Letters with two reasons in turn, and messages that are not letters."""
    return [letter(f"reason {i % 2}", json.dumps({**json.loads(chat(i)), "n": i}))
            for i in range(first, last + 1)] + [f"no letter {last}"]


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers()
        lab.must(["sink", "--migrate"])
        lab.env["MESSAGING_BIN"] = BIN

    def letters(self, *words, code=0, says="", **kw):
        done = self.lab.run([SCRIPT, *words], **kw)
        self.ends(done, code, says, words)
        return done

    def shown(self, *words):
        return self.letters("show", *words).out.decode().splitlines()

    def listed(self, *words):
        done = self.letters(*words, "-o", "ndjson")
        return sorted(f"{r['queue']} {r['letters']} {r['program']}: "
                      f"{r['reason']}" for r in done.records())

    def dropped(self, n, *words, **kw):
        queue = words[-1].removesuffix(".dead")
        self.equal(self.letters("drop", *words, **kw).out.decode(),
                   f"letters removed from {queue}.dead: {n}\n", words)

    def numbers(self, queue):
        return sorted({json.loads(json.loads(line)["record"])["n"]
                       for line in self.shown("--count", "100000", queue)
                       if line.startswith("{")})

    def _store(self):
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])

    def nowhere_to_write(self, *words):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SCRIPT, *words], stdout=full, check=False,
                                  stderr=subprocess.PIPE, env=self.lab.env)
        self.equal(done.returncode, 74, done.stderr)

    def typed(self, *numbers):
        """Lines of the page's example."""
        lines = shown_in("messaging-monitoring.7", "DEAD LETTERS").splitlines()
        text = "\n".join(os.path.dirname(SCRIPT) + "/" + lines[n - 1]
                         for n in numbers)
        return self.lab.must(["bash", "-euc", text]).out.decode()

    def from_nobody(self):
        """Reading does not create a queue."""
        self.equal(self.listed(), [], "letters of nobody")
        self.equal(self.shown("rows"), [], "shown of nobody")
        self.letters("replay", "--all", "rows", code=66,
                     says="there is no queue 'rows' with a reader; "
                          "choose another destination with -t")
        self.dropped(0, "--all", "rows")
        self.letters("drop", "--all", "nowhere", code=66,
                     says="there is no queue 'nowhere'")
        done = self.lab.run(["aggregator", "--dead-letters", "-f",
                             "queue:nowhere.dead"])
        self.that(done.code == 66 and
                  "there is no queue 'nowhere.dead'" in done.err, done)
        self.equal(self.lab.ask_broker(
            'length(rabbit_amqqueue:list(<<"VHOST">>)).'), "0", "queues")

    def by_reason(self):
        self.lab.sql("ALTER TABLE chat_metrics ADD CONSTRAINT no_poison "
                     "CHECK (tag IS NULL OR tag <> 'poison')")
        lines = [chat(1, "fine"), *(chat(i, "poison") for i in (2, 3, 4)),
                 json.dumps({"type": "row", "table": "x", "tenant": "t",
                             "as_of": AT})]
        self.lab.must([PROBE, "write", "queue:rows"], stdin="\n".join(
            lines).encode() + b'\n{"type":"row\xff"\n')
        self._store()
        listed = self.listed()
        self.equal(len(listed), 3, listed)
        self.that(any("no_poison" in x and x.startswith("rows 3 sink: ")
                      for x in listed), listed)
        self.that(any(x.startswith("rows 1 sink: no table 'x'")
                      for x in listed), listed)
        self.equal(self.listed("rows.dead"), listed, "of one queue")
        self.that(self.letters("-o", "table").out.startswith(
            b"QUEUE"), "no table")
        self.equal(len(self.shown("rows")), 5, "shown")
        self.equal(len(self.shown("--count", "2", "rows")), 2, "two of them")
        for action in ("list", "show"):
            self.letters(action, "nowhere", code=66,
                         says="there is no queue 'nowhere'")
        self.nowhere_to_write("show", "rows")
        of_reason = self.shown("--count", "1", "--reason", "no_poison", "rows")
        self.that(json.loads(json.loads(of_reason[0])["record"])["chat"]
                  in ("c2", "c3", "c4"), "one of a reason")
        self.equal(self.listed(), listed, "still there")

        self.lab.sql("ALTER TABLE chat_metrics DROP CONSTRAINT no_poison")
        self.letters("replay", "--reason", "no_poison", "rows")
        self.equal(len(self.shown("rows")), 2, "left by a replay")
        self._store()
        self.equal([r[0] for r in self.lab.sql(
            "SELECT chat FROM chat_metrics ORDER BY 1")],
            ["c1", "c2", "c3", "c4"], "stored")
        self.equal(len(self.shown("rows")), 2, "none came back")
        self.that('{"type":"row","table":"x"' in self.typed(3).replace(
            " ", ""), "the page's example shows no record")
        self.typed(1, 2, 4)

    def refused_again(self):
        """A replay ends even if the reader refuses the records again."""
        reader = self.lab.start(["sink", "-f", "queue:rows"])
        stays = "1 dead letters stay in 'queue:rows.dead': they have no usable "\
            "record"
        self.letters("replay", "--all", "rows", says=stays)
        self.letters("replay", "--reason", "UTF-8", "rows", says=stays)
        self.letters("replay", "--reason", "nobody", "rows")
        until(20, lambda: sum("no table" in x for x in self.shown("rows")) == 1,
              "the refused one")
        self.equal(self.lab.end(reader), 0, "the sink")
        self.equal(len(self.shown("rows")), 2, "letters")

    def of_a_message(self):
        """Letters with and without an origin queue; replays elsewhere, and to
        nowhere."""
        lab = self.lab
        lab.put("some.dead", (
            letter(f"reason {i % 2}", chat(i), f"2026-11-20T10:{10 + i % 50}:00"
                   ".000Z") for i in range(1, 701)))
        self.equal(self.listed("some"), ["some 350 sink: reason 0",
                                         "some 350 sink: reason 1"], "counted")
        records = self.letters("some", "-o", "ndjson").records()
        self.equal((min(r["oldest"] for r in records),
                    max(r["newest"] for r in records)),
                   ("2026-11-20T10:10:00.000Z", "2026-11-20T10:59:00.000Z"),
                   "the oldest and the newest")
        self.letters("replay", "--all", "some", code=66,
                     says="there is no queue 'some'")
        self.letters("replay", "--reason", "reason 1", "-t", "queue:rows", "some")
        self.equal(self.listed("some"), ["some 350 sink: reason 0"], "left")
        self.equal(sorted(int(json.loads(line)["chat"][1:])
                          for line in lab.take("rows")),
                   list(range(1, 701, 2)), "replayed")
        # One of several queues cannot be read.
        os.mkdir(lab.path("bin"))
        lab.write("bin/aggregator", '#!/bin/sh\ncase "$*" in\n'
                  '*queue:some.dead*) exit 77 ;;\nesac\n'
                  f'exec {BIN}/aggregator "$@"\n', 0o755)
        for queues in (["some", "rows"], ["rows", "some"]):
            self.letters("-b", lab.path("bin"), "-o", "ndjson", *queues,
                         code=77)

    def more_than_a_broker_delivers(self):
        """A list acknowledges nothing, and the broker delivers at most 65,535
        messages without an acknowledgement."""
        self.lab.put("many.dead", [letter("of many", "{}")] * 65540)
        done = self.letters("many", "-o", "ndjson",
                            says="has more than 65535 messages")
        self.equal([r["letters"] for r in done.records()], [65535], "listed")
        until(60, lambda: self.lab.in_queue("many.dead") == 65540,
              "the listed letters to wait again")
        self.dropped(65540, "--all", "many")

    def killed(self):
        """Killed before and after its first acknowledgement: a replay loses
        nothing, and a drop only what was to be dropped."""
        lab = self.lab
        odd, even = list(range(1, 701, 2)), list(range(2, 701, 2))
        lab.put("old.dead", kinds(1, 700))
        settings = lab.conf("few", {"amqp": {"prefetch": 100}})
        lab.take("kept") # creates the queue
        for options, after in ((["-t", "queue:kept"], False),
                               (["-t", "queue:kept"], True),
                               (["--drop"], False), (["--drop"], True)):
            door = lab.door("rabbitmq", Acks)
            door.after = after
            p = lab.start(["aggregator", "--dead-letters", *options, "-f",
                           "queue:old.dead", "--reason", "reason 1"],
                          lab.path("killed.log"),
                          env={"AMQP_URL": door.url,
                               "MESSAGING_CONFIG": settings})
            until(20, lambda: door.reached.is_set() or p.poll() is not None,
                  "an acknowledgement")
            if not door.reached.is_set():
                raise AssertionError(lab.text("killed.log"))
            p.kill()
            p.wait()
            until(60, lambda: lab.in_queue("old.dead", "checked_out") == 0,
                  "the broker to notice")
            left = self.numbers("old")
            self.equal([n for n in left if n % 2 == 0], even,
                       f"others, {options} {after}")
            if options != ["--drop"]:
                replayed = {json.loads(line)["n"] for line in lab.take("kept")}
                self.that(replayed, "nothing was replayed")
                self.equal(sorted(replayed | {n for n in left if n % 2}), odd,
                           f"replayed or left, {after}")
                lab.put("old.dead", kinds(1, 700)[:-1][::2])
        self.letters("drop", "--reason", "reason 1", "old")
        self.equal(self.numbers("old"), even, "not those of reason 0")
        self.letters("drop", "--all", "old")

    def by_dropping(self):
        lab = self.lab
        lab.put("old.dead", kinds(1, 700))
        self.dropped(350, "--reason", "reason 1", "old")
        self.equal(self.numbers("old"), list(range(2, 701, 2)), "others")
        self.dropped(0, "--reason", "reason 1", "old.dead")
        self.equal([x for x in self.shown("--count", "1000", "old") if x[0] != "{"],
                   ["no letter 700"], "what is not a letter")
        self.dropped(351, "--all", "old")
        self.equal(lab.in_queue("old.dead", "total"), 0, "left")
        self.equal(self.typed(6), "letters removed from rows.dead: 1\n",
                   "as the page has it")
        self.dropped(1, "--all", "rows")
        lab.put("old.dead", ["x" * (8 * 1024 * 1024 + 1)])
        self.dropped(0, "--reason", "x", "old") # too long to have a reason
        self.dropped(1, "--all", "old")
        self.equal(lab.in_queue("old.dead", "total"), 0, "left")
        self.nowhere_to_write("drop", "--all", "old")

    def used_wrongly(self):
        for words, fault in (
                ("replay rows", "no letters selected"),
                ("replay --all --reason x rows", "either --all or"),
                ("drop rows", "no letters selected"),
                ("drop --all --reason x rows", "either --all or"),
                ("drop --all", "takes one queue"),
                ("drop --all -t queue:x rows", "-t is for replay"),
                ("replay --all", "takes one queue"),
                ("show rows records", "takes one queue"),
                ("show --count 0 rows", "is not a number of letters"),
                ("--reason x rows", "show, replay or drop"),
                ("show a/b", "names no queue"),
                ("list -x", "unknown option"),
                ("show replay rows", "unexpected 'replay'"),
                ("replay --all -t elsewhere rows",
                 "is not queue:NAME"),
                ("-o xml", "no format")):
            done = self.letters(*words.split(), code=64, says=None)
            self.that(fault in done.err, f"{words}: {done}")
        for words, fault in (
                ("rows", "needs a dead-letter queue"),
                ("rows.dead -t queue:rows.dead", "is the queue they are in"),
                ("rows.dead --drop -t queue:x", "drop writes nothing")):
            self.ends(self.lab.run(
                ["aggregator", "--dead-letters", "-f",
                 *("queue:" + words).split()]), 64, fault)

    def broker_away(self):
        door = self.lab.door("rabbitmq")
        door.shut()
        conf = self.lab.conf("away", {"amqp": {
            "url": door.url, "wait_timeout": "100ms"}})
        self.letters("-c", conf, code=75, says="cannot reach",
                     env={"AMQP_URL": door.url})


run_checks(Test)
