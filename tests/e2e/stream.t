#!/usr/bin/env -S python3 -B
"""The streaming aggregator: its rows equal those of the same records in a
terminal, regardless of how they are split into messages, flushes and runs.
Late, future and bad records become dead letters. Redelivered records change
nothing, even when the aggregator is killed between its commit and its
acknowledgement. Messages, views and events are passed through. A pipe without
a reader loses no row.
"""

import json
import os
import random
import time

from amqp_doors import Acks
from harness import LONG, TESTBIN, Checks, Lab, main, say, seed, until
from streams import Flow, lines_of


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
    flow = Flow(lab)
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
    bad = [message("a", "3", "c", "19T09:00:00", "customer"),
           '{"type":"event","tenant":"first","id":"1","event":"e",'
           '"at":"2199-01-01T00:00:00Z"}',
           '{"type":"chat","tenant":"a","chat":"c","status":"open",'
           '"at":"9999-01-01T00:00:00Z"}',
           '{"type":"snapshot","tenant":"a","snapshot":"s","state":"begin",'
           '"at":"2199-01-01T00:00:00Z"}',
           '{"type":"message","tenant":"a","id":"4"}', "no record", row]
    flow.put(GOOD + bad, 2)
    flow.run("--window", "24h")
    letters = flow.letters()
    checks.that(sorted(x["record"] for x in letters) == sorted(bad), letters)
    for start, n in ("late: ", 1), ("ahead: ", 3), ("this is a row", 1):
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


def check_waits(lab, checks):
    say("- when nothing comes any more, waits are shown as they ended")
    flow = Flow(lab, "operators,tenant", refresh="2s")
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


def killed_at_acknowledgement(lab, flow):
    """An aggregator that is killed at its first acknowledgement."""
    door = lab.door("rabbitmq", Acks)
    p = lab.start(flow.argv(), lab.path("log"), env={"AMQP_URL": door.url})
    until(30, door.reached.is_set, "an acknowledgement")
    p.kill()
    p.wait()
    until(60, lambda: lab.in_queue("records", "checked_out") == 0,
          "the broker to notice")


def check_again(lab, checks):
    say("- killed after its commit, before it acknowledges")
    flow = Flow(lab, "operators,chats,tenant,events,messages,channels,"
                "conversations", prefetch=100)
    at = "2026-01-10T10:00:0{}Z".format
    mark = {"type": "snapshot", "tenant": "a", "snapshot": "s1", "at": at(1)}
    records = [json.dumps({"tenant": "a", **r}) for r in (
        {"type": "operator", "operator": "x", "available": True, "at": at(0)},
        {**mark, "state": "begin"},
        {"type": "operator", "snapshot": "s1", "operator": "y", "at": at(1)},
        {**mark, "state": "end", "records": 1},
        {"type": "operator", "operator": "z", "available": True, "at": at(2)},
        {"type": "operator", "operator": "z", "available": False, "at": at(3)},
        {"type": "event", "id": "1", "event": "login", "user": "u",
         "at": at(3)},
        {"type": "chat", "chat": "old", "status": "open", "operator": "z",
         "at": at(4)},
        {"type": "message", "id": "1", "chat": "c", "from": "customer",
         "at": at(5), "channel": "web"},
        {"type": "message", "id": "2", "chat": "c", "from": "system",
         "kind": "closed", "at": at(6)},
        {"type": "chat", "chat": "old", "status": "closed", "at": at(7)},
        {"type": "message", "id": "3", "chat": "c", "from": "customer",
         "at": "2026-01-14T10:00:00Z"},
        {"type": "message", "id": "4", "chat": "c", "from": "customer",
         "at": at(8)})] + ["nonsense"]

    def ends():
        flow.run()
        letters = {(x["reason"][:6], x["record"]) for x in flow.letters()}
        result = flow.figures(), lines_of("message", flow.rows), letters
        flow.fresh()
        return result

    flow.fresh()
    flow.put(records)
    want = ends()
    checks.that(want[0] and any(x[0] == "late: " for x in want[2]), want)
    for with_id, per_message in (True, 3), (False, 1):
        if with_id:
            flow.put(records, per_message)
        else:
            lab.must([TESTBIN + "/tools/amqp_lines", "records", per_message],
                     stdin=("\n".join(records) + "\n").encode())
        for _ in range(2):
            killed_at_acknowledgement(lab, flow)
        got = ends()
        # Records that became late meanwhile are dead letters although they
        # count.
        checks.that(got[:2] == want[:2] and want[2] <= got[2] and
                    all(x[0] == "late: " for x in got[2] - want[2]),
                    f"with message_id {with_id}: {got}, not {want}")
        checks.that(lab.in_queue("records", "total") == 0, "not acknowledged")


def check_kills(lab, checks):
    say("- killed at any moment, with hardly any memory")
    dice = random.Random(seed())
    tables = ("conversation_metrics user_stats realtime_user_activity alerts "
              "trends channel_metrics response_hours response_histogram "
              "intervals").split()
    flow = Flow(lab, "conversations,users,activity,alerts,trends,channels,"
                "histograms,intervals,events", prefetch=20, cache="1M",
                refresh="100ms", alert_minute=3, alert_five_minutes=5)
    flow.fresh()
    n = 30000 if LONG else 6000
    # All within the window: repeated records may come before the rest.
    records = load(lab, "-n", n, "--chats", n // 20, "--users", 300,
                   "--tenants", 2, "--gap", 2500, "--seed", dice.randrange(9999))
    flow.put(records, 60)
    for _ in range(25 if LONG else 4):
        p = lab.start(flow.argv(every=f"{dice.randrange(1, 31)}ms"),
                      lab.path("log"))
        time.sleep(dice.uniform(0, 0.4)) # a random moment
        p.kill()
        p.wait()
        flow.put(dice.sample(records, 300), 50)
    flow.run()
    flow.same_figures(records)
    checks.that(flow.letters() == [], "dead letters")
    figures = flow.figures()
    got = {json.loads(x)["table"] for x in figures}
    checks.that(got >= set(tables), f"no rows of {set(tables) - got}")
    flow.put(records, 400)
    flow.run()
    checks.that(flow.figures() == figures, "a replay changed rows")


def check_silent(lab, checks):
    say("- waits of a tenant that was silent when it was killed go on")
    flow = Flow(lab, prefetch=20)
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


def body():
    checks = Checks()
    with Lab("stream") as lab:
        lab.start_servers("rabbitmq")
        for check in (check_figures, check_passing, check_letters,
                      check_undated, check_waits, check_clock, check_pipe,
                      check_again, check_kills, check_silent, check_dropped,
                      check_gap):
            check(lab, checks)
    return checks.result()


main(body)
