#!/usr/bin/env -S python3 -B
"""The streaming aggregator: its rows equal those of the same records in a
terminal, regardless of how they are split into messages, flushes and runs.
Late, future and bad records become dead letters. Messages, views and events are
passed through. A pipe without a reader loses no row. faults.t kills the
aggregator at each commit point, stream_oracle.t at any moment.
"""

import json
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "oracle"))
import nasty  # noqa: E402
from harness import (PROBE, TESTBIN, Checks, Lab, main, say,  # noqa: E402
                     seed, until)
from streams import Flow, lines_of  # noqa: E402


def rfc3339(seconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def load(lab, *options):
    return lab.must([TESTBIN + "/load", "--late", 0, *options]
                    ).out.decode().splitlines()


def message(tenant, id_, chat, at, sender, **more):
    return json.dumps({"type": "message", "tenant": tenant, "id": id_,
                       "chat": chat, "at": f"2026-11-{at}Z", "from": sender,
                       "user": "u" + chat, **more})


GOOD = [message("a", "1", "c", "20T10:00:00", "customer"),
        message("a", "2", "c", "20T10:01:00", "operator"),
        message("a", "5", "c", "20T10:01:30", "operator")]


def check_figures(lab, checks):
    flow = Flow(lab, clock="records")
    records = load(lab, "-n", 6000, "--chats", 300, "--users", 100, "--tenants",
                   3, "--seed", 3)
    say("- the rows are those made in a terminal")
    flow.put(records, 400)
    done = flow.run("-v")
    flow.same_figures(records)
    checks.that(lab.in_queue("records", "total") == 0, "not all acknowledged")
    checks.that(" late=0 bad=0 " in done.err, done)

    say("- the same records in another order change nothing")
    before = flow.figures()
    flow.put(random.Random(3).sample(records, len(records)), 37)
    flow.run()
    checks.that(flow.figures() == before, "other rows")

    say("- cut into runs, a record a message")
    flow.fresh()
    ends = [0, 500, 3000, len(records)]
    for i in range(3):
        flow.put(records[ends[i]:ends[i + 1]], 1000 if i else 1)
        flow.run()
    flow.same_figures(records)


class Worse(nasty.Tenant):
    """Chats return after they were forgotten, and operators who left are
    named."""

    def name_then(self, chat, at):
        return chat

    def operator(self, now):
        o = super().operator(now)
        if self.dice.random() < 0.3:
            o = {**o, "stale": True, "at": now - self.delay()}
        return o


def check_runs(lab, checks):
    say("- a run for each message leads to the same rows and dead letters as "
        "one run")
    number = seed()
    world = nasty.Nasty(number, nasty.BY_HAND)
    world.size = 200
    world.window = world.conf["window"] = nasty.HOUR
    tenant = Worse(world, "t")
    tenant.span = world.dice.choice((4, 40)) * nasty.HOUR
    world.tenants = [tenant]
    lines = world.lines()
    # One message at a time, so that each one is a flush in both.
    keys = ("window", "user_active", "trend_window")
    flow = Flow(lab, "all", prefetch=1, clock="records", forget="1d",
                definition=world.conf["definition"],
                **{k: f"{world.conf[k]}ms" for k in keys})

    def run(some):
        lab.must([PROBE, "-b", 0, "write", "queue:records"],
                 stdin=b"".join(b"\n".join(m) + b"\n\n" for m in some))
        done = lab.run(flow.argv("--until-empty"))
        checks.that(done.code in (0, 65), done) # 65: a truncated snapshot
        flow.rows += [x for x in flow.get() if '"type":"row"' in x]

    def result(runs):
        flow.fresh()
        for some in runs:
            run(some)
        return flow.figures() + sorted(
            f"{x['reason']}: {x.get('record')}" for x in flow.letters())

    each = max(1, -(-len(lines) // 30))
    messages = [lines[i:i + each] for i in range(0, len(lines), each)]
    want, got = result([messages]), result([m] for m in messages)
    checks.that(want and got == want, f"SEED={number}: missing "
                f"{[x for x in want if x not in got][:3]}, more "
                f"{[x for x in got if x not in want][:3]}")


def check_passing(lab, checks):
    flow = Flow(lab)
    records = load(lab, "-n", 3000, "--chats", 200, "--seed", 4, "--shuffle",
                   "--spaces", "--extra")
    say("- as Chatwoot counts, with keys in any order")
    flow.fresh()
    flow.put(records, 300)
    flow.run("--definition", "chatwoot")
    flow.same_figures(records, "--definition", "chatwoot")

    say("- messages, views and events pass as they came")
    flow.fresh()
    nobody = json.dumps({"type": "event", "tenant": "a", "id": "2",
                         "event": "e", "at": "2026-11-20T10:00:01Z"})
    flow.put(records + [nobody], 100)
    flow.run(metrics="messages,views,eventlog")
    for kind in "message", "view", "event":
        want = lines_of(kind, records + [nobody])
        checks.that(want and lines_of(kind, flow.rows) == want,
                    f"other lines of {kind}")
    kinds = {json.loads(line)["type"] for line in flow.rows}
    checks.that(kinds == {"message", "view", "event"}, f"more: {kinds}")


def check_letters(lab, checks):
    say("- late, future and bad records are dead letters, the rest counts")
    flow = Flow(lab)
    flow.fresh()
    row = ('{"type":"row","table":"operator_metrics","tenant":"a",'
           '"operator":"1","as_of":"2026-11-20T10:02:00Z"}')
    old = '"tenant":"a","at":"2026-11-19T09:00:00Z"}'
    late = [message("a", "3", "c", "19T09:00:00", "customer"),
            '{"type":"event","id":"1","event":"e",' + old,
            '{"type":"chat","chat":"c","status":"closed",' + old,
            '{"type":"operator","operator":"7","available":false,' + old]
    view = '{"type":"view","message":"1","chat":"c","user":"u",' + old
    bad = [*late,
           '{"type":"event","tenant":"first","id":"1","event":"e",'
           '"at":"2199-01-01T00:00:00Z"}',
           '{"type":"chat","tenant":"a","chat":"c","status":"open",'
           '"at":"9999-01-01T00:00:00Z"}',
           '{"type":"snapshot","tenant":"a","snapshot":"s","state":"begin",'
           '"at":"2199-01-01T00:00:00Z"}',
           '{"type":"message","tenant":"a","id":"4"}', "no record", row]
    flow.put([*GOOD, *bad, view], 2)
    flow.run("--window", "24h")
    letters = flow.letters()
    checks.that(sorted(x["record"] for x in letters) == sorted(bad), letters)
    for start, n in ("late: ", len(late)), ("ahead: ", 3), ("this is a row", 1):
        checks.that(sum(x["reason"].startswith(start) for x in letters) == n,
                    f"not {n} of '{start}': {letters}")
    flow.same_figures(GOOD)

    say("- a line that is too long is lost alone")
    long_line = '{"tenant":"a","type":"chat","chat":"1","tag":"%s"}' % (
        "x" * 1200000)
    name = '{"type":"operator","tenant":"a","operator":"7","name":"Ann"}'
    flow.put([long_line, name], 4)
    flow.run("--window", "24h")
    checks.that([x["reason"] for x in flow.letters()] ==
                ["the line is too long"], "other dead letters")
    checks.that(any('"name":"Ann"' in x for x in flow.rows), "no row of Ann")


def check_edge(lab, checks):
    say("- a record exactly as old as the window counts, and once")
    flow = Flow(lab, "events,channels,chats", window="1h", clock="records")
    flow.fresh()

    def records(kind, number, at):
        known = {"type": kind, "tenant": "a", "at": f"2026-11-20T{at}Z"}
        more = {"message": {"id": f"{number}", "chat": f"c{number}",
                            "from": "customer", "user": "u"},
                "event": {"id": f"{number}", "user": "u", "event": "e"},
                "chat": {"chat": f"d{number}", "status": "open"}}
        return json.dumps({**known, **more[kind]})

    kinds = "message", "event", "chat"
    flow.put([records(kind, 1, "11:00:00") for kind in kinds] +
             [records("message", 9, "12:00:00")], 1)
    edge = [records(kind, n, "11:00:00") for kind in kinds for n in (1, 2)]
    late = [records(kind, 3, "10:59:59.999") for kind in kinds]
    flow.put(edge + late, 1)
    flow.run()
    checks.equal([x["record"] for x in flow.letters()], late, "dead letters")
    rows = [json.loads(x) for x in flow.rows]
    checks.equal([r["count"] for r in rows if r["table"] == "event_counts"][-1],
                 2, "events")
    checks.equal({r["hour"][11:13]: r["messages"] for r in rows
                  if r["table"] == "channel_metrics"}, {"11": 2, "12": 1},
                 "messages")
    checks.equal({r["chat"] for r in rows if r["table"] == "chat_metrics"},
                 {"c1", "c2", "c9", "d1", "d2"}, "chats")


def check_undated(lab, checks):
    say("- rows without a date wait for one, also in the next run")
    flow = Flow(lab)
    flow.fresh()
    records = [json.dumps({"tenant": "a", **r}) for r in (
        {"type": "operator", "operator": "x", "name": "Ann"},
        {"type": "chat", "chat": "c", "operator": "x"},
        {"type": "event", "id": "1", "user": "u", "event": "e"})]
    flow.put(records)
    flow.run()
    checks.that(flow.rows == [], f"rows without a date: {flow.rows}")
    records.append(message("a", "1", "d", "20T10:00:00", "customer"))
    flow.put(records[-1:])
    flow.run()
    flow.same_figures(records)

    say("- identities of events without a date are stored once")
    flow = Flow(lab, prefetch=1)
    flow.fresh()
    flow.put([json.dumps({"type": "event", "tenant": "a", "id": str(i),
                          "user": "u", "event": "e"}) for i in range(12000)],
             300)
    flow.run()
    size = os.stat(os.path.join(flow.state, "stream.mdb")).st_size
    # 16 bytes each; every flush would add those of all flushes before it.
    checks.that(size < 1_000_000, f"the state has {size} bytes")


def check_stale(lab, checks):
    say("- a record that only names an operator never outlives a directory's")
    flow = Flow(lab, "operators,tenant")
    flow.fresh()

    def operator(minute, **more):
        return json.dumps({"type": "operator", "tenant": "a", "operator": "7",
                           "name": "Ann", "at": f"2026-11-20T10:{minute}:00Z",
                           **more})

    records = [operator("05", stale=True), operator("20", stale=True),
               operator("10", available=True)]
    for record in records:
        flow.put([message("a", "1", "c", "20T10:00:00", "customer"), record])
        flow.run()
    flow.same_figures([message("a", "1", "c", "20T10:00:00", "customer"),
                       *records])
    checks.that('"available": true' in str(flow.figures()), flow.figures())


def check_waits(lab, checks):
    say("- when nothing comes any more, waits are shown as they ended")
    flow = Flow(lab, "operators,tenant", refresh="2s", clock="records")
    flow.fresh()
    daemon = lab.start(flow.argv(every="10ms"), lab.path("log"))

    def shows(seconds):
        flow.rows += flow.get()
        return any(f'"waiting_chats":1,"longest_wait_seconds":{seconds}' in x
                   for x in flow.rows)

    records = GOOD + [message("a", "8", "w", "20T10:02:00", "customer")]
    flow.put(records, 1)
    until(20, lambda: shows("0.000"), "a row of who waits")
    records.append(message("a", "9", "c", "20T10:09:00", "bot"))
    flow.put(records[-1:])
    until(20, lambda: shows("420.000"), "the time that goes on")
    daemon.terminate()
    checks.that(daemon.wait(60) == 0, "SIGTERM is not a failure")
    flow.rows += flow.get()
    flow.same_figures(records)


def check_clock(lab, checks):
    say("- no wait ends after the clock, nor with a message after it")
    flow = Flow(lab, "tenant")
    flow.fresh()
    begun = time.time()
    flow.put(['{"type":"message","tenant":"a","id":"1","chat":"%s","from":'
              '"%s","at":"%s"}' % (chat, sender, rfc3339(begun + seconds))
              for chat, sender, seconds in (("c", "customer", -60),
                                            ("d", "operator", 240))])
    flow.run()
    row = json.loads(flow.rows[-1])
    least, most = 60, time.time() - begun + 60
    checks.that(least <= row["longest_wait_seconds"] <= most, row)
    checks.that(row["as_of"] <= rfc3339(time.time()), row)

    say("- the clock of a CRM that is ahead also counts in the next run")
    flow.fresh()
    ahead = time.time() + 120

    def customer(id_, at, **more):
        return json.dumps({"type": "message", "tenant": "a", "id": id_,
                           "from": "customer", "at": rfc3339(at), "chat": "c",
                           **more})

    marker = {"type": "snapshot", "tenant": "a", "snapshot": "s"}
    flow.put([customer("0", ahead - 600, chat="d"),
              json.dumps({**marker, "state": "begin", "at": rfc3339(ahead)}),
              customer("1", ahead - 90, snapshot="s"),
              json.dumps({**marker, "state": "end", "records": 1})])
    flow.run()
    flow.put([customer("2", ahead)])
    flow.run()
    row = json.loads(flow.rows[-1])
    checks.equal([int(row["longest_wait_seconds"]), row["as_of"]],
                 [90, rfc3339(ahead)], "the longest wait")


def check_pipe(lab, checks):
    say("- no row is lost in a pipe that nobody reads")
    flow = Flow(lab)
    flow.fresh()
    records = load(lab, "-n", 1500)
    flow.put(records)
    argv = flow.argv("--until-empty", to="-")
    reader, writer = os.pipe()
    os.close(reader)
    p = lab.start(argv, stdout=writer)
    os.close(writer)
    checks.that(p.wait(120) == 0, f"a closed pipe gives {p.returncode}")
    flow.rows = lab.must(argv).out.decode().splitlines()
    flow.same_figures(records)


def check_silent(lab, checks):
    say("- waits of a tenant that was silent when it was killed go on")
    flow = Flow(lab, prefetch=20, clock="records")
    flow.fresh()
    records = load(lab, "-n", 4000, "--chats", 200, "--users", 100, "--tenants",
                   2, "--gap", 500, "--seed", 5)
    records.sort(key=lambda x: '"tenant":"t2"' not in x)
    flow.put(records, 20)
    p = lab.start(flow.argv(), lab.path("log"))
    until(60, lambda: lab.in_queue("records") == 0, "a reader")
    p.kill()
    p.wait()
    until(60, lambda: lab.in_queue("records", "checked_out") == 0,
          "the broker to notice")
    flow.run()
    flow.same_figures(records)
    rows, flow.rows = flow.rows, []
    flow.run()
    checks.that(rows and not flow.rows, "rows are written though nothing came")


def check_dropped(lab, checks):
    say("- messages that were dropped still win for the whole of their second")
    flow = Flow(lab)
    flow.fresh()
    chat = {"type": "chat", "tenant": "a", "chat": "c"}
    system = {"type": "message", "tenant": "a", "chat": "c", "from": "system",
              "at": "2026-11-20T10:00:05Z"}
    records = [json.dumps(r) for r in (
        {**chat, "at": "2026-11-20T10:00:00Z", "operator": "1"},
        {**system, "id": "1", "kind": "assigned", "operator": "2"},
        {**system, "id": "2", "kind": "closed"},
        {**chat, "at": "2026-11-20T10:00:05.5Z", "operator": "1"})]
    records += [message("a", str(hour), "c", f"21T{hour}:00:00", sender)
                for hour, sender in ((10, "customer"), (23, "operator"))]
    records.append(message("a", "24", "c", "22T10:00:00", "operator"))
    for some in records[:5], records[5:6], records[6:]:
        flow.put(some)
        flow.run()
    flow.same_figures(records)


def check_gap(lab, checks):
    say("- a conversation that a single flush begins and forgets has its rows")
    flow = Flow(lab, "conversations", forget="1d", window="1h")
    flow.fresh()
    records = [message("a", "1", "c", "10T10:00:00", "customer"),
               message("a", "2", "c", "10T10:01:00", "customer"),
               message("a", "3", "d", "20T10:00:00", "customer")]
    flow.put(records)
    flow.run()
    flow.same_figures(records)

    say("- a conversation that was forgotten is not counted again")
    flow.put([message("a", "4", "d", "20T10:10:00", "customer")])
    flow.run()
    flow.rows = []
    flow.put([json.dumps({"type": "chat", "tenant": "a", "chat": "c",
                          "status": "open", "at": "2026-11-20T10:30:00Z"})])
    flow.run()
    checks.that(not flow.rows, f"rows again: {flow.rows}")


def check_old_records(lab, checks):
    say("- chat records older than the window still count where they differ")
    flow = Flow(lab, "intervals", window="1h")
    flow.fresh()

    def chat(chat, at, **more):
        return json.dumps({"type": "chat", "tenant": "a", "chat": chat,
                           "at": f"2026-11-20T{at}:00Z", **more})

    def opened(at, since):
        return chat("o", at, opened_at=f"2026-11-20T{since}:00Z")

    def closed(at, since):
        return chat("e", at, status="closed",
                    closed_at=f"2026-11-20T{since}:00Z")

    def write(id_, chat, at, sender):
        return message("a", id_, chat, f"20T{at}:00", sender)

    records = [
        write("1", "c", "10:00", "customer"), opened("10:00", "10:00"),
        write("2", "o", "10:01", "customer"),
        write("3", "o", "10:02", "operator"),
        chat("c", "10:05", operator="A"), write("4", "e", "10:05", "customer"),
        closed("10:10", "10:10"), write("5", "e", "10:15", "customer"),
        chat("c", "10:20", operator="B"), opened("10:20", "10:20"),
        write("6", "o", "10:21", "customer"),
        write("7", "o", "10:25", "operator"), closed("10:30", "10:30"),
        message("a", "10", "c", "20T10:35:00", "system", kind="closed"),
        chat("c", "10:40", operator="C"),
        write("11", "c", "10:45", "customer"),
        write("8", "e", "11:45", "customer"),
        closed("11:50", "11:50"), opened("11:50", "11:50"),
        chat("c", "12:00", operator="C"), closed("12:00", "11:50"),
        opened("12:00", "11:50"), chat("c", "12:10", operator="C"),
        write("9", "c", "12:20", "operator")]
    flow.put(records)
    flow.run()
    flow.same_figures(records)


def check_late_assignee(lab, checks):
    say("- a first assignment does not change what ended long ago")
    flow = Flow(lab, "intervals", window="1h")
    flow.fresh()
    flow.put([message("a", "1", "c", "01T10:00:00", "customer"),
              message("a", "2", "c", "01T10:10:00", "system", kind="closed"),
              message("a", "3", "c", "01T10:20:00", "system", kind="opened")])
    flow.run()
    checks.that("resolution" in str(flow.rows), f"no rows: {flow.rows}")
    for day in "05", "10", "15":
        flow.put([message("a", day, "d", f"{day}T10:00:00", "customer")])
        flow.run()
    flow.rows = []
    flow.put([message("a", "4", "c", "20T10:00:00", "system", kind="assigned",
                      operator="7")])
    flow.run()
    checks.that("resolution" not in str(flow.rows), f"again: {flow.rows}")


def check_late_reply(lab, checks):
    say("- the limit is the sum of the window and 7 days")
    flow = Flow(lab, "intervals", window="1h", definition="chatwoot")
    flow.fresh()
    for chat, end in ("c", "00"), ("d", "59"):
        flow.put([message("a", "1", chat, "01T10:00:00", "customer"),
                  message("a", "2", chat, "01T10:01:00", "operator"),
                  message("a", "3", chat, "01T10:02:00", "customer"),
                  message("a", "4", chat, f"01T10:0{3 - (end == '59')}:{end}",
                          "operator")])
    flow.run()
    flow.rows = []
    flow.put([message("a", "9", chat, "08T11:03:00", "system", kind="assigned",
                      operator="7") for chat in ("c", "d")])
    flow.run()
    checks.equal([(r["chat"], r["kind"], r["operator"])
                  for r in map(json.loads, flow.rows)],
                 [("c", "reply", "7")], "intervals that are written again")


def check_second_flush(lab, checks):
    say("- an interval of which only operator or channel change is written again")
    flow = Flow(lab, "intervals")
    flow.fresh()

    def chat(name, minute, **more):
        return json.dumps({
            "type": "chat", "tenant": "a", "chat": name,
            "at": f"2026-11-20T10:{minute}:00Z", "status": "closed",
            "closed_at": "2026-11-20T10:10:00Z", **more})

    def rows():
        flow.rows = []
        flow.run()
        return sorted((r["chat"], r["kind"], r["operator"], r["channel"],
                       r["withdrawn"]) for r in map(json.loads, flow.rows))

    flow.put([message("a", "1", "c", "20T10:00:00", "customer"),
              message("a", "2", "c", "20T10:10:00", "system", kind="closed"),
              message("a", "1", "d", "20T10:00:00", "customer"),
              chat("d", 10, operator="7")])
    checks.equal(rows(), [("c", "resolution", None, None, False),
                          ("c", "unanswered", None, None, False),
                          ("d", "resolution", "7", None, False),
                          ("d", "unanswered", "7", None, False)], "at first")
    flow.put([chat("c", 20, operator="8"), chat("d", 20, channel="web",
                                                operator="7")])
    checks.equal(rows(), [("c", "resolution", "8", None, False),
                          ("c", "unanswered", "8", None, False),
                          ("d", "resolution", "7", "web", False),
                          ("d", "unanswered", "7", "web", False)], "again")
    flow.put([chat("c", 30, operator="8"), chat("d", 30, channel="web",
                                                operator="7")])
    checks.equal(rows(), [], "after records that change nothing")


def check_again(lab, checks):
    say("- records that are delivered again after a commit change nothing")
    flow = Flow(lab, "operators,chats,intervals,events,messages",
                clock="records")
    flow.fresh()
    chat = {"type": "chat", "tenant": "a", "chat": "c",
            "at": "2026-11-20T10:05:00Z"}
    operator = {"type": "operator", "tenant": "a", "operator": "7"}
    marker = {"type": "snapshot", "tenant": "a", "snapshot": "s",
              "at": "2026-11-20T10:20:00Z"}
    answer = {"id_": "2", "chat": "c", "at": "20T10:01:00",
              "sender": "operator", "operator": "7"}
    records = [
        json.dumps({**operator, "name": "Old", "available": False}),
        json.dumps({**operator, "operator": "8", "available": False,
                    "at": "2026-11-20T10:00:00Z"}),
        message("a", "1", "c", "20T10:00:00", "customer"),
        message("a", **answer), message("a", **answer, private=True),
        message("a", **answer, automated=True),
        *(json.dumps({**chat, "operator": who}) for who in "978"),
        json.dumps({"type": "event", "tenant": "a", "id": "1", "event": "e",
                    "at": "2026-11-20T10:00:00Z"}),
        json.dumps({"type": "event", "tenant": "a", "id": "1", "event": "f",
                    "user": "u", "at": "2026-11-20T10:00:00Z"}),
        json.dumps({**marker, "state": "begin"}),
        json.dumps({**operator, "name": "New", "available": True,
                    "snapshot": "s"}),
        json.dumps({**operator, "operator": "8", "available": True,
                    "snapshot": "s"}),
        json.dumps({**chat, "operator": "8", "snapshot": "s"}),
        json.dumps({**marker, "state": "end", "records": 3})]
    flow.put(records)
    flow.run()
    flow.same_figures(records)
    before = flow.figures()
    text = str(before)
    checks.that('"Old"' not in text and
                '"kind": "first_response"' not in text and
                '"operator": "9"' not in text and '"event": "f"' not in text,
                before)
    flow.put(records)
    flow.run()
    checks.equal(flow.figures(), before, "the figures")


def check_no_messages(lab, checks):
    say("- a closing of a chat without messages is taken back after a restart")
    flow = Flow(lab, "intervals", clock="records", definition="chatwoot")
    flow.fresh()
    chat = {"type": "chat", "tenant": "a", "chat": "c",
            "opened_at": "2026-11-20T10:00:00Z", "at": "2026-11-20T10:10:00Z"}
    for status in {"status": "closed", "closed_at": chat["at"]}, \
            {"status": "open"}:
        flow.put([json.dumps({**chat, **status})])
        flow.run()
    rows = [json.loads(line) for line in flow.rows]
    checks.equal([(r["kind"], r["withdrawn"]) for r in rows
                  if r["table"] == "intervals"],
                 [("resolution", False), ("resolution", True)], "intervals")


def check_closed_twice(lab, checks):
    say("- a closing that a message and a chat record report counts once, also "
        "after the message was dropped")
    flow = Flow(lab, "intervals", clock="records", prefetch=1, window="1h",
                forget="1d")
    flow.fresh()
    at = "2026-11-20T10:00:00Z"
    lines = [message("a", "m1", "c", "20T10:00:00", "system", kind="closed"),
             json.dumps({"type": "chat", "tenant": "a", "chat": "c", "at": at,
                         "status": "closed", "closed_at": at, "opened_at": at,
                         "operator": "7"}),
             message("a", "2", "c", "20T10:00:00", "customer"),
             message("a", "m2", "c", "20T10:00:00", "customer"),
             message("a", "3", "c", "20T10:52:00", "operator", private=True),
             message("a", "4", "c", "20T11:12:20", "customer",
                     updated_at="2026-11-20T11:07:20Z"),
             message("a", "5", "c", "20T11:23:20", "customer")]
    flow.put(lines[:3], 3)
    flow.put(lines[3:], 1)
    flow.run()
    rows = [json.loads(line) for line in flow.rows]
    checks.equal([(r["kind"], r["message"], r["withdrawn"]) for r in rows
                  if r["table"] == "intervals"],
                 [("resolution", "m1", False), ("unanswered", "m1", False)],
                 "intervals")


def body():
    checks = Checks()
    with Lab("stream") as lab:
        lab.start_servers("rabbitmq")
        for check in (check_figures, check_runs, check_passing, check_letters,
                      check_edge, check_undated, check_stale, check_waits,
                      check_clock, check_pipe, check_silent, check_dropped, check_gap,
                      check_old_records, check_late_assignee, check_late_reply,
                      check_second_flush, check_again, check_no_messages,
                      check_closed_twice):
            check(lab, checks)
    return checks.result()


main(body)
