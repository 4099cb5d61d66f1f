#!/usr/bin/env -S python3 -B
"""When a program ends, all messages that it read are gone from the queue,
including refused records and messages without a record. But its output must
have been confirmed first."""

import json

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
    "statuses": ["reaper", "--until-empty"],
    "reservations": ["poller", "--assign", "-t", "queue:outcomes"],
}


OUTPUTS = {"records": "rows2", "waiting": "rows3", "chats": "statuses2"}


def output_is_full(lab, checks, argv, queue):
    """The broker refuses the output, so the input stays."""
    output = OUTPUTS[queue]
    lab.take(output)
    lab.ask_broker(
        'rabbit_policy:parse_set(<<"VHOST">>, <<"%s">>, <<"^%s$">>, '
        r'<<"{\"max-length\":1}">>, <<"0">>, <<"queues">>, <<"test">>).' %
        (output, output))
    done = lab.run([PROBE, "-b", "1", "write", "queue:" + output],
                   stdin=b"full\n" * 50, env={"MESSAGING_CONFIG": argv[2]})
    checks.ends(done, 75, "is full", output)
    lab.put(queue, [json.dumps({**QUEUES[queue], "id": "2"})])
    log = queue + ".full"
    reader = lab.start(argv, lab.path(log))
    until(20, lambda: "is full" in lab.text(log) or reader.poll() is not None,
          f"{output} to be full")
    reader.terminate()
    reader.wait(60)
    checks.equal(lab.in_queue(queue, "total"), 1,
                 f"{queue} that were not confirmed: {lab.text(log)}")


def body():
    checks = Checks()
    with Lab("acks") as lab:
        lab.start_servers()
        sim = lab.sim("--dialogs", 3, "--operators", 2, "--pace", 0)
        conf = lab.conf("conf", {
            "crm acme": {"url": sim.url, "token": TOKEN, "assign": "yes"},
            "amqp": {"wait_timeout": "2s"},
            "poller": {"state": lab.path("polls")}})
        lab.must(["sink", "-c", conf, "--migrate"])
        for queue, record in QUEUES.items():
            # One line per message: one in the middle and the last one contain
            # no record.
            lab.put(queue, [json.dumps(record), "no record", "",
                            json.dumps(record), ""], 1)
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
            if queue in OUTPUTS:
                output_is_full(lab, checks, argv, queue)
        return checks.result()


main(body)
