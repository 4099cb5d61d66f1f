#!/usr/bin/env -S python3 -B
"""Snapshots through a queue. A snapshot counts only when it is complete: it
waits for missing lines, a newer one drops it with one line and exit code 65,
and its bad records become dead letters and do not count later. Next to a stream, it corrects the
stream, passes on unknown messages once, and keeps the names of operators who
left. A queue without a leader does not change its order.
"""

import datetime
import json
import signal

from harness import TESTBIN, Checks, Lab, main, say, until
from streams import Flow, lines_of

SMALL = "tests/records/small.ndjson"


def small(number=1):
    """The lines as snapshot s<number>, each number a minute later."""
    with open(SMALL, encoding="utf-8") as f:
        return [line.replace('"s1"', f'"s{number}"').replace(
            "10:15:00", f"10:{14 + number}:00")
            if '"snapshot"' in line else line for line in f]


def snapshot(name, at, *records, **marks):
    head = {"tenant": "a", "snapshot": name}
    mark = {"type": "snapshot", **head, "at": at, **marks}
    return [json.dumps(r) for r in (
        {**mark, "state": "begin"}, *({**head, **r} for r in records),
        {**mark, "state": "end", "records": len(records)})]


def check_polls(lab, checks):
    flow = Flow(lab, "operators,chats,tenant", prefetch=3, clock="records")

    say("- a snapshot in messages of any size")
    for lines in 1, 1000:
        flow.fresh()
        flow.put(small(), lines)
        flow.run()
        flow.same_figures(small())

    say("- one that came already is passed over")
    flow.rows = []
    flow.put(small(), 5)
    flow.run()
    checks.that(flow.rows == [], "rows of it again")

    say("- an unfinished one waits for its rest, without a word")
    flow.fresh()
    flow.put(small()[:20], 3)
    done = flow.run()
    checks.that(not flow.rows and not done.err, f"{flow.rows} {done}")
    checks.that(lab.in_queue("records", "total") == 0, "not acknowledged")
    flow.put(small()[:20], 3) # repeated
    flow.put(small()[20:], 3)
    flow.run()
    flow.same_figures(small())

    say("- one that lacks a line is told, and completed by the next run")
    flow.fresh()
    flow.put(small()[:9] + small()[10:])
    done = flow.run(code=65)
    checks.that(not flow.rows and len(done.lines()) == 1 and
                done.err.endswith("; the next run continues with it\n"), done)
    flow.put(small()[9:10])
    flow.run()
    flow.same_figures(small())

    say("- a newer one drops an unfinished one, and that is told")
    flow.fresh()
    flow.put(small()[:9] + small(2), 7)
    done = flow.run(code=65)
    checks.that("snapshot 's1' of tenant 'acme' is incomplete" in done.err and
                len(done.lines()) == 1, done)
    flow.same_figures(small(2))
    flow.rows = []
    flow.put(small()[9:], 7)
    flow.run()
    checks.that(not flow.rows and not flow.letters(), "of a dropped one")

    say("- bad records are dead letters; the rest goes on")
    flow = Flow(lab, "operators,chats,tenant", prefetch=3)
    flow.fresh()
    lines = small()
    bad = '{"type":"operator","tenant":"acme","snapshot":"s1"}'
    begin = json.dumps({**json.loads(lines[0]), "snapshot": "s9",
                        "at": "2099-01-01T00:00:00Z"})
    flow.put(lines[:9] + [begin, bad] + lines[9:-1] +
             [lines[-1].replace('"records":29', '"records":30')], 10)
    flow.run()
    flow.same_figures(lines)
    letters = flow.letters()
    checks.that([x["record"] for x in letters] == [begin, bad], letters)
    checks.that("ahead" in letters[0]["reason"] and
                "field 'operator' is missing" in letters[1]["reason"], letters)


def check_ahead(lab, checks):
    """A message ten minutes ahead is refused, by the first aggregator only."""
    say("- a refused record does not count when the snapshot is applied later")
    flow = Flow(lab, "chats,messages")
    flow.fresh()
    at = "2026-11-20T10:00:00Z"
    question = {"type": "message", "chat": "c", "id": "1", "from": "customer",
                "at": at}
    later = datetime.datetime.now(datetime.timezone.utc) + \
        datetime.timedelta(minutes=10)
    reply = {**question, "id": "2", "from": "operator",
             "at": later.isoformat(timespec="seconds")}
    lines = snapshot("s1", at, {"type": "chat", "chat": "c", "opened_at": at},
                     reply, question)
    flow.put(lines[:-2])
    flow.run()
    letters = flow.letters()
    checks.that([x["record"] for x in letters] == [lines[2]], letters)
    Flow(lab, ahead="1h")
    flow.put(lines[:3]) # repeated
    flow.put(lines[3:])
    flow.run()
    passed = [json.loads(x)["id"] for x in lines_of("message", flow.rows)]
    checks.that(passed == ["1"] and not flow.letters(), f"messages {passed}")


def check_leader(lab, checks):
    """An aggregator that died while the queue had no leader was given the first
    messages. The next one must not get others before these are back."""
    say("- a queue without a leader")
    flow = Flow(lab, "operators,chats,tenant", prefetch=3)
    flow.fresh()
    snapshots = small(1) + small(2)
    flow.put(snapshots, 1)
    on_leader = """{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(
        <<"VHOST">>, queue, <<"records">>)), {P, _} = amqqueue:get_pid(Q), """

    def asked(n):
        return int(lab.ask_broker(on_leader + """
            {_, M} = process_info(whereis(P), messages),
            length([1 || X <- M, string:find(
                io_lib:format("~p", [X]), "{checkout,") =/= nomatch])."""
            )) >= n

    lab.ask_broker(on_leader + "sys:suspend(P, 60000).")
    first = lab.start(flow.argv(), lab.path("log"))
    until(30, lambda: asked(1), "the first one to ask")
    first.send_signal(signal.SIGKILL)
    first.wait()
    second = lab.start(flow.argv("--until-empty"), lab.path("log"))
    until(60, lambda: asked(2), "the second one to ask")
    lab.ask_broker(on_leader + "sys:resume(P, 60000).")
    checks.that(second.wait(120) == 0, "the second one failed")
    flow.rows = flow.get()
    flow.same_figures(snapshots)


def check_correction(lab, checks):
    say("- a snapshot corrects the stream")
    flow = Flow(lab, "operators,chats,tenant")
    flow.fresh()
    gone = json.dumps({"type": "message", "tenant": "acme", "id": "99001",
                       "chat": "gone", "from": "customer",
                       "at": "2026-11-20T10:00:00Z"})
    flow.put([gone] + small()[:20], 5)
    flow.run()
    checks.that(any('"chat":"gone"' in x for x in flow.rows), "no row of it")
    flow.put(small()[20:], 4)
    flow.run()
    flow.same_figures(small())

    say("- an operator who left keeps the name")
    flow.fresh()
    crew = {n: {"type": "operator", "operator": n, "name": "Name of " + n,
                "available": True} for n in "xyz"}
    flow.put(snapshot("s1", "2026-11-20T10:00:01Z", crew["x"], crew["y"]) +
             snapshot("s2", "2026-11-20T10:00:02Z", crew["x"]))
    flow.run()
    flow.put([json.dumps({
        "type": "message", "tenant": "a", "id": str(i), "chat": "c", "from": who,
        "user": who[0], "operator": "y", "at": f"2026-11-20T10:00:0{2 + i}Z"})
        for i, who in ((1, "customer"), (2, "operator"))], 1)
    flow.put([json.dumps({
        "type": "message", "tenant": "a", "id": "3", "chat": "c",
        "from": "operator", "user": "y", "at": "2026-11-20T10:00:05Z"})])
    flow.run()
    rows = [json.loads(x) for x in flow.figures()]
    names = {r["operator"]: r["name"] for r in rows
             if r["table"] == "operator_metrics"}
    checks.that(names.get("y") == "Name of y", f"names: {names}")

    say("- messages of a snapshot have their own channel, and words")
    flow.fresh()
    flow.metrics = "channels,trends"
    at = "2026-11-20T10:05:00Z"
    flow.put(snapshot(
        "s1", at, {"type": "chat", "chat": "c", "status": "open",
                   "channel": "mail", "at": at},
        *({"type": "message", "chat": "c", "id": str(i), "from": "customer",
           "user": "u", "channel": "web", "text": f"invoice {i}",
           "at": f"2026-11-20T10:00:0{i}Z"} for i in (1, 2, 3))))
    flow.run()
    rows = [json.loads(x) for x in flow.figures()]
    checks.that([(r["channel"], r["messages"]) for r in rows
                 if r["table"] == "channel_metrics"] == [("web", 3)], rows)
    checks.that([r["occurrences"] for r in rows if r["table"] == "trends"
                 and r["word"] == "invoice"] == [3], rows)

    say("- a past episode in a snapshot does not count, in any order of lines")
    flow.fresh()
    flow.metrics = "intervals"
    flow.put([json.dumps({
        "type": "message", "tenant": "a", "chat": "d", "id": "0",
        "from": "customer", "at": "2026-11-20T10:00:00Z"})])
    flow.put(snapshot(
        "s1", "2026-11-20T10:05:00Z",
        *({"type": "message", "chat": "c", "id": str(i), "from": who,
           "user": who[0], "at": f"2026-11-{day}T10:0{i}:00Z"}
          for i, day, who in ((1, 18, "customer"), (2, 18, "operator"),
                              (3, 20, "customer"), (4, 20, "operator"))),
        {"type": "chat", "chat": "c", "status": "open",
         "opened_at": "2026-11-20T10:02:30Z", "at": "2026-11-20T10:04:30Z"}))
    flow.run()
    ends = [json.loads(x)["end_at"] for x in flow.figures()]
    checks.that(ends == ["2026-11-20T10:04:00.000Z"], f"intervals: {ends}")


def check_passing(lab, checks):
    """Snapshots of growing parts of the same records."""
    say("- the messages of snapshots are passed on once")
    flow = Flow(lab, "operators,chats,users,messages", prefetch=20)
    flow.fresh()
    records = [line for line in lab.must(
        [TESTBIN + "/load", "--late", 0, "-n", 2000, "--chats", 50, "--users",
         30, "--tenants", 1, "--seed", 5]).out.decode().splitlines()
        if json.loads(line)["type"] in ("chat", "message")]
    tenant = json.loads(records[0])["tenant"]

    def part(name, n):
        some = list(dict.fromkeys(records[:n]))
        mark = {"type": "snapshot", "tenant": tenant, "snapshot": name,
                "at": max(json.loads(x)["at"] for x in some)}
        return [json.dumps({**mark, "state": "begin"})] + [
            f'{{"snapshot":"{name}",' + x[1:] for x in some] + [
            json.dumps({**mark, "state": "end", "records": len(some)})]

    half = len(records) // 2
    flow.put(part("s1", half // 2) + part("s2", half))
    flow.run()
    checks.that(lines_of("message", flow.rows) ==
                lines_of("message", records[:half]), "of the first half")
    checks.that(sum('"type":"message"' in x for x in flow.rows) <=
                sum('"type":"message"' in x for x in records[:half]),
                "some were passed on with each snapshot")
    flow.rows = []
    flow.put(part("s3", half))
    flow.run()
    checks.that(lines_of("message", flow.rows) == [], "what is known, again")
    flow.put(records[half:])
    flow.put(part("s4", len(records)))
    flow.run()
    want, got = (set(lines_of("message", some))
                 for some in (records[half:], flow.rows))
    checks.that(want == got, f"of the second half: missing "
                f"{sorted(want - got)[:3]}, more {sorted(got - want)[:3]}")
    checks.that(not flow.letters(), "dead letters")


def body():
    checks = Checks()
    with Lab("snapshots") as lab:
        lab.start_servers("rabbitmq")
        for check in (check_polls, check_ahead, check_leader, check_correction,
                      check_passing):
            check(lab, checks)
    return checks.result()


main(body)
