#!/usr/bin/env -S python3 -B
"""When a program ends, all messages that it read are gone from the queue,
including refused records and messages without a record, even as many as the
prefetch. But its output must have been confirmed first."""

import json
import os

from events import Events
from harness import PROBE, TOKEN, Checks, Lab, main, until

AT = "2026-11-20T10:00:00.000Z"
CHAT = {"type": "chat", "tenant": "acme", "chat": "9001"}
QUEUES = {
    "rows": {"type": "row", "table": "chat_metrics", "tenant": "acme",
             "chat": "1", "status": "open", "as_of": AT},
    "records": {"type": "message", "tenant": "acme", "chat": "1", "id": "1",
                "at": AT, "from": "customer", "user": "c"},
    "chats": CHAT,
    "statuses": {**CHAT, "status": "closed", "at": AT},
    "waiting": {"type": "message", "tenant": "acme", "chat": "2", "id": "1",
                "at": AT, "from": "customer", "user": "c"},
    "reservations": {"type": "assignment", "tenant": "acme", "id": "a1",
                     "chat": "9001", "operator": "501", "expires": AT},
}
READERS = {
    "rows": ["sink", "--until-empty"],
    "records": ["aggregator", "-t", "queue:rows2", "--every", "20ms",
                "--until-empty", "--state", "STATE"],
    "waiting": ["aggregator", "-t", "queue:rows3", "--every", "20ms",
                "-a", "chats,allocation", "--assign-to", "queue:assigned",
                "--until-empty", "--state", "STATE2"],
    "chats": ["poller", "--status", "-t", "queue:statuses2"],
    "statuses": ["reaper"],
    "reservations": ["poller", "--assign", "-t", "queue:outcomes"],
}


# The outputs that are full while these records wait.
OUTPUTS = {
    "records": {"rows2": [{**QUEUES["records"], "id": "2"}]},
    "waiting": {
        "assigned": [{"type": "operator", "tenant": "acme", "operator": "5",
                      "available": True},
                     {**CHAT, "chat": "2", "status": "open", "at": AT}],
        "rows3": [{**QUEUES["waiting"], "id": "2"}]},
    "chats": {"statuses2": [CHAT]},
}


def fill(lab, checks, output, conf):
    """From now on, the broker refuses what is written to a queue."""
    lab.take(output)
    lab.ask_broker(
        'rabbit_policy:parse_set(<<"VHOST">>, <<"%s">>, <<"^%s$">>, '
        r'<<"{\"max-length\":1}">>, <<"0">>, <<"queues">>, <<"test">>).' %
        (output, output))
    done = lab.run([PROBE, "-b", "1", "write", "queue:" + output],
                   stdin=b"full\n" * 50, env={"MESSAGING_CONFIG": conf})
    checks.ends(done, 75, "is full", output)


def output_is_full(lab, checks, argv, queue, output):
    """The input stays, and the reader says why."""
    fill(lab, checks, output, argv[2])
    lab.take(queue)
    lab.put(queue, map(json.dumps, OUTPUTS[queue][output]))
    log = output + ".full"
    reader = lab.start(argv, lab.path(log))
    until(20, lambda: "is full" in lab.text(log) or reader.poll() is not None,
          f"{output} to be full")
    reader.terminate()
    reader.wait(60)
    checks.that(f"'{output}'" in lab.text(log) and "is full" in lab.text(log),
                f"{output} is full: {lab.text(log)}")
    checks.equal(lab.in_queue(queue, "total"), 1,
                 f"{queue} that were not confirmed: {lab.text(log)}")
    lab.take(output)


def passed_on_before_it_is_known(lab, checks, conf):
    """A message of a snapshot is passed on once, also if the aggregator is
    killed while nobody accepts it."""
    argv = ["aggregator", "-c", conf, "-f", "queue:snapshots", "-t",
            "queue:passed", "-a", "chats,messages", "--every", "20ms",
            "--until-empty", "--state", lab.path("STATE3")]
    fill(lab, checks, "passed", conf)
    of = {"tenant": "acme", "snapshot": "s1"}
    mark = {**of, "type": "snapshot", "at": AT}
    lab.put("snapshots", map(json.dumps, (
        {**mark, "state": "begin"}, {**CHAT, **of, "chat": "1", "at": AT},
        {**QUEUES["records"], **of}, {**mark, "state": "end", "records": 2})))
    reader = lab.start(argv, lab.path("passed.log"))
    until(20, lambda: "is full" in lab.text("passed.log")
          or reader.poll() is not None, "the output to be full")
    reader.kill()
    reader.wait()
    until(20, lambda: lab.in_queue("snapshots", "checked_out") == 0,
          "the broker to notice")
    lab.ask_broker('rabbit_policy:delete(<<"VHOST">>, <<"passed">>, '
                   '<<"test">>).')
    lab.take("passed")
    argv[2] = lab.conf("patient", {"amqp": {"wait_timeout": "60s"}})
    lab.must(argv)
    checks.that(any('"message"' in x for x in lab.take("passed")),
                "a message was not passed on")


def events_are_counted(lab, checks, conf):
    """Without a state, the messages of the event counter are gone when it has
    ended. With one, its files appear while it runs."""
    def publish():
        Events().publish(lab, "counted", "counted")

    def count(folder, *options):
        return ["aggregator", "-c", conf, "--input", "eventcounter", "-f",
                "queue:counted", "--exchange", "counted", "--json-dir",
                lab.path(folder), *options]

    def files(folder):
        return os.path.isdir(lab.path(folder)) and any(
            name.endswith(".json") for name in os.listdir(lab.path(folder)))

    lab.must(count("none", "--until-empty")) # creates queue and exchange
    publish()
    for folder, is_there in ("first", True), ("again", False):
        lab.must(count(folder, "--idle-exit", "1s"))
        checks.equal(files(folder), is_there, f"counts: {folder}")
    counter = lab.start(count("live", "--state", lab.path("STATE4")),
                        lab.path("counter.log"))
    publish()
    until(30, lambda: files("live") or counter.poll() is not None,
          "counts of a running counter")
    checks.equal(lab.end(counter), 0, lab.text("counter.log"))


def body():
    checks = Checks()
    with Lab("acks") as lab:
        lab.start_servers()
        sim = lab.sim("--dialogs", 3, "--operators", 2, "--pace", 0)
        conf = lab.conf("conf", {
            "crm acme": {"url": sim.url, "token": TOKEN, "assign": "yes"},
            "amqp": {"wait_timeout": "2s", "prefetch": 2},
            "poller": {"state": lab.path("polls")}})
        lab.must(["sink", "-c", conf, "--migrate"])
        for queue, record in QUEUES.items():
            # One line per message, or none: some in the middle and the last
            # one contain no record.
            lab.put(queue, [json.dumps(record), "no record", ""], 1)
            lab.publish([("", queue, b"")] * 3)
            lab.put(queue, [json.dumps(record), ""], 1)
            program, *options = READERS[queue]
            argv = [program, "-c", conf, "-f", "queue:" + queue,
                    *(lab.path(o) if o.startswith("STATE") else o
                      for o in options)]
            reader = lab.start(argv, lab.path(queue + ".log"))
            until(60, lambda: lab.in_queue(queue) == 0, queue)
            if "--until-empty" in argv:
                checks.equal(reader.wait(60), 0, lab.text(queue + ".log"))
            else:
                until(60, lambda: lab.in_queue(queue, "total") == 0,
                      f"{queue} to be acknowledged")
                checks.equal(lab.end(reader), 0, lab.text(queue + ".log"))
            checks.equal(lab.in_queue(queue, "total"), 0, queue)
            letters = lab.must([PROBE, "-e", "read", f"queue:{queue}.dead"])
            checks.that(b"no record" in letters.out,
                        f"{queue}.dead: {letters.out}")
            for output in OUTPUTS.get(queue, ()):
                output_is_full(lab, checks, argv, queue, output)
        passed_on_before_it_is_known(lab, checks, conf)
        events_are_counted(lab, checks, conf)
        return checks.result()


main(body)
