#!/usr/bin/env -S python3 -B
"""Chats of more messages than a page holds: all of them are read, from the
beginning or from where the state ends, each once, with ids of any size."""

from harness import TOKEN, Checks, Lab, main


def shown(sim):
    """The ids of all messages in open chats, page by page."""
    ids = set()
    for dialog in sim.open_dialogs():
        start = 0
        while True:
            page = sim.get(f"/messages?dialog_id={dialog}&limit=200&"
                           f"start_id={start}")["data"]
            ids |= {str(m["id"]) for m in page}
            if len(page) < 200:
                break
            start = page[-1]["id"] + 1
    return ids


def body():
    checks = Checks()
    with Lab("poller_long") as lab:
        for ids in "--operators 3", "--big-ids", "--no-request-ids":
            sim = lab.sim("--dialogs", 3, "--messages", 150, "--pace", 0,
                          *ids.split(), name="sim" + ids.replace(" ", "-"))
            conf = lab.conf("conf", {"crm acme": {
                "url": sim.url, "token": TOKEN, "history": "all"}})

            def poll(state, sim=sim, conf=conf, ids=ids):
                """The last snapshot equals the CRM's content."""
                done = lab.must(["poller", "-c", conf, "--state",
                                 lab.path(state + ids)])
                got = [r["id"] for r in done.records()
                       if r["type"] == "message"]
                checks.that(sorted(got) == sorted(shown(sim)),
                            f"{ids}, {state}: {len(got)} messages")

            poll("state")
            # More new messages than a page holds.
            dialog = next(iter(sim.open_dialogs()))
            for _ in range(110):
                sim.control("act", do="client", dialog=dialog)
                sim.control("act", do="answer", dialog=dialog)
            sim.advance(300)
            # An unreadable page leaves no gap: if the state had only the newest
            # page, the messages before it would never be read.
            for state in ("state", "new"):
                sim.fault("errors-string", route="/v1/messages", after=1)
                done = lab.run(["poller", "-c", conf, "--state",
                                lab.path(state + ids)])
                checks.that(done.code != 0 and b'"state":"end"' not in done.out,
                            f"a page was to fail: {done}")
                sim.fault()
            sim.control("reset-stats")
            poll("state")
            checks.that(sim.calls() <= 5, f"{sim.calls()} calls for 220 new "
                        "messages in one chat")
            poll("new")
        return checks.result()


main(body)
