#!/usr/bin/env -S python3 -B
"""state_sink: flushes of an aggregator that keeps its state in the database,
written by the test itself: a flush is stored with its state if it follows the
tenant's last one; of two rivals one is refused, with all its rows; a flush of
several messages is stored whole or not at all, also by sinks that are killed;
the writer is answered; the log is compacted; sink --state returns what a writer
lacks.
"""

import base64
import json
import os
import re

from api_client import Server
from harness import BIN, PROBE, run_checks, until
from sinklib import Tables, text

ME, RIVAL, LATE = "a" * 16, "b" * 16, "c" * 16
FAULTY = os.path.join(os.path.dirname(BIN), "faults", "bin")
PATIENCE = 60


class Test(Tables):
    def __init__(self, lab):
        super().__init__(lab)
        self.rounds = {}
        self.sink = self.start()

    def start(self, fault=None):
        program = os.path.join(FAULTY, "sink") if fault else "sink"
        return self.lab.start([program, "-vv", "-f", "queue:rows"],
                              self.lab.path("sink.log"),
                              {"FAULT": fault} if fault else None)

    @staticmethod
    def flush(tenant, version, before, count, writer=ME, came=None, **more):
        """Lines of a flush after version BEFORE, which was written by CAME. The
        state says which version it is."""
        data = f"{tenant} {version} {writer}\0\xff".encode("latin-1")
        return [
            {"type": "flush", "tenant": tenant, "stream": "records",
             "version": version, "writer": writer, "prev_version": before,
             "prev_writer": (came or writer) if before else "",
             "from": 0, "identity": "i1", "host": "here", "part": 1, **more},
            {"type": "row", "table": "event_counts", "tenant": tenant,
             "user": "u", "event": "e", "count": count,
             "as_of": "2026-11-20T10:00:00.000Z", "version": version},
            {"type": "state", "data": base64.b64encode(data).decode()},
            {"type": "flushed"},
        ]

    def round(self, *messages, writer=ME, n=None, flushes=None):
        """Lines of a round: MESSAGES are lists of lines, and the last one ends
        with the question. "|" divides messages."""
        n = n or self.rounds.get(writer, 0) + 1
        self.rounds[writer] = n
        last, i, lines = None, 0, []
        for message in messages:
            for line in message:
                if line.get("type") == "flush":
                    i += (line["tenant"], line["version"]) != last
                    last = line["tenant"], line["version"]
                    line = {**line, "n": n, "i": i}
                lines.append(json.dumps(line, separators=(",", ":")))
            lines.append("|")
        lines[-1] = json.dumps({
            "type": "sent", "writer": writer, "n": n,
            "flushes": i if flushes is None else flushes})
        return ["<", *lines]

    def ask(self, lines):
        """Returns the answer to a round."""
        done = self.lab.must(
            [PROBE, "-p", "-a", "1", "ask", "queue:rows"], stdin=text(lines).encode())
        said = [line for line in done.out.decode().splitlines()
                if line.startswith("answer ")]
        assert said, f"no answer: {done} {self.lab.text('sink.log')[-3000:]}"
        return json.loads(said[0].split(" ", 1)[1])

    def asks(self, what, want, *messages, writer=ME, **kw):
        answer = self.ask(self.round(*messages, writer=writer, **kw))
        self.equal((answer["writer"], answer["n"], answer["result"]),
                   (writer, self.rounds[writer], want), f"{what}: {answer}")
        return answer

    def stored(self, what, tenant, version, count, log, writer=ME):
        """The tenant's head, its row, and the versions in its log."""
        self.holds(what, f"{version} {writer} {count}",
                   "SELECT h.version, writer, count FROM stream_heads h JOIN "
                   f"event_counts USING (tenant) WHERE tenant = '{tenant}' "
                   "AND user = 'u'")
        self.holds(what, ",".join(map(str, log)), "SELECT version FROM "
                   f"stream_state WHERE tenant = '{tenant}' ORDER BY 1")

    def one_follows_the_other(self):
        self.asks("the first flush", "stored", self.flush("a", 10, 0, 1))
        self.stored("the first flush", "a", 10, 1, [10])
        self.asks("the next one", "stored", self.flush("a", 20, 10, 2))
        self.asks("the same again", "stored", self.flush("a", 20, 10, 3))
        self.stored("what is known changes nothing", "a", 20, 2, [10, 20])

    def a_rival_is_refused(self):
        self.asks("the first flush", "stored", self.flush("r", 10, 0, 1))
        self.asks("the next one", "stored", self.flush("r", 20, 10, 2))
        rival = self.flush("r", 30, 10, 3, RIVAL, ME)
        answer = self.asks("a rival", "refused", rival,
                             self.flush("s", 30, 0, 1, RIVAL), writer=RIVAL)
        self.equal((answer["tenant"], answer["reason"]),
                   ("r", f"version 20 of {ME} is stored, and not version 10 "
                    f"of {ME} before it"), "the reason")
        self.stored("nothing of the rival", "r", 20, 2, [10, 20])
        self.stored("but its other tenant", "s", 30, 1, [30], RIVAL)
        answer = self.asks("what follows nothing", "refused",
                             self.flush("n", 30, 20, 3))
        self.equal(answer["reason"], "the database has no state of this tenant",
                   "the reason")
        self.holds("no head is left", "",
                   "SELECT * FROM stream_heads WHERE tenant = 'n'")
        self.asks("by force", "stored",
                    self.flush("r", 40, 10, 4, RIVAL, ME, force=True,
                               **{"from": 40}), writer=RIVAL)
        self.stored("by force", "r", 40, 4, [40], RIVAL)

    def several_in_a_message(self):
        self.asks("two tenants, and one twice", "stored", [
            *self.flush("b", 10, 0, 1), *self.flush("c", 10, 0, 1),
            *self.flush("b", 20, 10, 2), *self.flush("b", 30, 20, 3)])
        self.stored("three flushes", "b", 30, 3, [10, 20, 30])
        self.stored("one flush", "c", 10, 1, [10])
        self.asks("nothing", "stored", [])

    def long(self, tenant, version, before, count):
        """A flush in three messages."""
        flush, row, state, end = self.flush(tenant, version, before, count)
        other = {**row, "user": "v"}
        return [[flush, row, state], [{**flush, "part": 2}, other],
                [{**flush, "part": 3}, state, end]]

    def parts_come_together(self):
        parts = self.long("p", 10, 0, 1)
        self.asks("without its middle", "again", parts[0], parts[2])
        self.holds("nothing is stored", "",
                   "SELECT user FROM event_counts WHERE tenant = 'p'")
        self.asks("with too few flushes", "again", *parts, flushes=2)
        self.asks("whole", "stored", *parts)
        self.holds("whole", "u,v", "SELECT user FROM event_counts WHERE "
                   "tenant = 'p' ORDER BY 1")
        self.holds("its state", "1,2", "SELECT part FROM stream_state WHERE "
                   "tenant = 'p' ORDER BY 1")
        parts = self.long("p", 20, 10, 2)
        self.asks("begun twice", "stored", parts[0], *parts)
        parts = self.long("p", 30, 20, 3)
        self.asks("begun twice in a message", "stored",
                  [line for part in (parts[0], *parts) for line in part])

    def bad_lines_are_refused(self):
        flush, row, state, end = self.flush("d", 10, 0, 1)
        self.asks("a bad state", "refused",
                    [flush, row, {**state, "data": "x"}, end])
        self.asks("a flush without a version", "again",
                    [{**flush, "version": None}, row, end], flushes=1)
        self.holds("nothing is stored", "",
                   "SELECT user FROM event_counts WHERE tenant = 'd'")
        self.asks("with a row of others", "stored",
                    [flush, row, {**row, "tenant": "e"}, state, end])
        self.holds("of its tenant only", "d", "SELECT tenant FROM event_counts "
                   "WHERE tenant IN ('d', 'e')")
        until(PATIENCE, lambda: self.lab.in_queue("rows.dead") == 3,
              "dead letters")
        self.lab.take("rows.dead")

    def another_sink_waits(self):
        log = self.lab.path("other.log")
        other = self.lab.start(["sink", "-vv", "-f", "queue:rows"], log)
        until(PATIENCE, lambda: "another program reads the queue 'rows'" in
              self.lab.text("other.log"), "another sink to wait")
        done = self.lab.run(
            ["sink", "-c", self.conf(amqp={"wait_timeout": "1s"}), "-f",
             "queue:rows", "--until-empty"])
        self.that(done.code == 75 and "another program" in done.err,
                  f"a run until the queue is empty: {done}")
        self.equal(self.lab.end(self.sink), 0, "its end")
        self.sink = other
        self.asks("the other sink", "stored", self.flush("o", 10, 0, 1))

    def dies(self, point, lines):
        """The sink is killed there while it reads a round; another one answers
        the writer."""
        dies = self.start(point)
        with open(self.lab.write("round", text(lines)), "rb") as f:
            asker = self.lab.start([PROBE, "-p", "-a", "1", "ask",
                "queue:rows"], self.lab.path("answer"), stdin=f)
        self.equal(dies.wait(PATIENCE), -9, point)
        self.sink = self.start()
        self.equal(asker.wait(PATIENCE), 0, "the writer")
        self.that('"result":"' in self.lab.text("answer"),
                  f"{point}: {self.lab.text('answer')}")
        os.unlink(self.lab.path("answer"))

    def a_killed_sink_loses_no_dead_letter(self):
        self.q("ALTER TABLE event_counts ADD CONSTRAINT no_poison CHECK "
               "(event <> 'poison')")
        self.equal(self.lab.end(self.sink), 0, "its end")
        flush, row, state, end = self.flush("y", 10, 0, 1)
        self.dies("sink.after_commit", self.round(
            [flush, row, {**row, "event": "poison"}, state, end]))
        self.stored("its neighbour", "y", 10, 1, [10])
        letters = self.lab.take("rows.dead")
        self.that(len(letters) == 1 and "poison" in letters[0],
                  f"dead letters: {letters}")

    def a_killed_sink_stores_once(self):
        """At each point, the next sink completes the round, perhaps after it
        was sent again."""
        self.equal(self.lab.end(self.sink), 0, "its end")
        for k, point in enumerate(("sink.before_commit", "sink.after_commit",
                                   "input.before_acknowledge",
                                   "input.acknowledged")):
            tenant = f"k{k}"
            parts = self.long(tenant, 10, 0, 1)
            lines = self.round(*parts, self.flush(tenant, 20, 10, 2))
            self.dies(point, lines)
            self.equal(self.ask(lines)["result"], "stored", point)
            self.stored(point, tenant, 20, 2, [10, 10, 20])
            self.equal(self.lab.end(self.sink), 0, "its end")
        # Parts that a killed sink had acknowledged are lost.
        parts = self.long("k", 10, 0, 1)
        lines = self.round(*parts)
        first = [line for line in lines if line not in "<|"]
        self.sink = self.start()
        self.lab.put("rows", first[:3], each=3)
        until(PATIENCE, lambda: self.lab.in_queue("rows", "total") == 0,
              "the acknowledgement of the first part")
        self.sink.kill()
        self.sink.wait()
        self.sink = self.start()
        again = json.loads(lines[-1])
        self.equal(self.ask(["<", *first[3:]])["result"], "again", "lost parts")
        self.holds("nothing of it", "",
                   "SELECT user FROM event_counts WHERE tenant = 'k'")
        self.equal(self.ask([json.dumps(again)])["result"], "again", "asked")
        self.equal(self.ask(lines)["result"], "stored", "sent again")
        self.stored("sent again", "k", 10, 1, [10, 10])

    def the_log_is_compacted(self):
        for version in range(10, 60, 10):
            self.asks("a chain", "stored", self.flush(
                "l", version, version - 10, version,
                **{"from": {10: 0, 20: 0, 30: 20, 40: 0, 50: 40}[version]}))
        self.stored("a chain", "l", 50, 50, [40, 50])

    def state(self, *held):
        """What a writer with that state gets: heads as TENANT LOAD, and the
        versions of changes."""
        done = self.lab.must(["sink", "--state", "records"], stdin=text(
            [{"tenant": t, "version": v, "writer": w}
             for t, v, w in held]).encode())
        got, lines = {}, [json.loads(line) for line in done.out.splitlines()]
        self.equal(lines.pop(), {"type": "end"}, "the end")
        for line in lines:
            if line["type"] == "head":
                tenant = line["tenant"]
                got[tenant] = [line["load"], line["version"]]
                continue
            got[tenant].append(line["version"])
            said = base64.b64decode(line["data"]).decode("latin-1")
            self.that(said.startswith(f"{tenant} {line['version']} ")
                      and said.endswith("\0\xff"), f"its data: {said!r}")
        return got

    def a_writer_loads_what_it_lacks(self):
        self.q("DELETE FROM stream_heads; DELETE FROM stream_state")
        for t in "abcdefg":
            for v in (10, 20, 30):
                self.asks("a flush", "stored", self.flush(
                    t, v, v - 10, v, **{"from": 20 if v == 30 else 0}))
        got = self.state(("a", 30, ME), ("b", 20, ME), ("c", 10, ME),
                         ("d", 20, RIVAL), ("e", 30, RIVAL), ("f", 40, ME),
                         ("missing", 30, ME))
        self.equal(got, {
            "a": ["nothing", 30], "b": ["newer", 30, 30],
            "c": ["all", 30, 20, 30], "d": ["all", 30, 20, 30],
            "e": ["all", 30, 20, 30], "f": ["older", 30],
            "g": ["all", 30, 20, 30], "missing": ["missing", 0]}, "loads")
        done = self.lab.run(["sink", "--state", "records"],
                            stdin=b'{"tenant":"a","version":1}\n')
        self.equal((done.code, done.out), (65, b""), "a bad line")
        self.that("'writer'" in done.err, f"a bad line: {done}")

    def the_stream_is_shown(self):
        done = self.lab.run(["sink", "--check", "-o", "csv"])
        shown = [line for line in done.out.decode().splitlines()
                 if line.startswith("stream ")]
        self.that(len(shown) == 1 and shown[0].startswith(
            "stream records,ok,") and ", from here, in charge since " in shown[0]
            and "; states take " in shown[0],
            f"sink --check: {shown}")
        server = Server(self.lab, {"serve": {"rate": 0}})
        said = server.ask("/metrics").body
        for metric in (br'messaging_stream_stored_timestamp_seconds'
                       br'{stream="records",host="here"} \d{10}',
                       br'messaging_stream_host_timestamp_seconds'
                       br'{stream="records",host="here"} \d{10}',
                       br"messaging_stream_state_bytes \d+"):
            self.that(re.search(b"\n" + metric + b"\n", said),
                      f"{metric} in {said}")
        self.lab.end(server.process)

    def a_removed_tenant_begins_again(self):
        self.asks("a flush", "stored", self.flush("x", 10, 0, 1))
        self.lab.must(["reaper", "--purge", "x"])
        for table in ("stream_heads", "stream_state"):
            self.holds(table, "", f"SELECT * FROM {table} WHERE tenant = 'x'")
        self.equal(self.state(("x", 10, ME))["x"], ["removed", 0], "removed")
        answer = self.asks("what followed it", "refused",
                             self.flush("x", 20, 10, 2))
        self.equal(answer["reason"], "the tenant was removed", "the reason")
        later = self.sql.number("SELECT ROUND(1000 * UNIX_TIMESTAMP(removed_at)) + 1 "
                                "FROM tenants WHERE tenant = 'x'")
        self.asks("a new beginning", "stored", self.flush("x", later, 0, 3))
        self.holds("a new beginning", f"{later}",
                   "SELECT version FROM stream_heads WHERE tenant = 'x'")

    def q(self, statements):
        for statement in statements.split(";"):
            self.lab.must(["sink", "--sql", statement])


run_checks(Test)
