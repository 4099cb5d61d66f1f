#!/usr/bin/env -S python3 -B
"""After a restart with other hours or targets, an aggregator writes all rows of
the present state at its first flush, without a new record, and only once. When
the hours are removed, it does the same.
"""

import json

from harness import Checks, Lab, main, say
from streams import Flow

OPEN = {"zone": "UTC", "mon": "9:00-17:00", "tue": "9:00-17:00"}
BY = {  # 2026-11-30 is a Monday
    "15m work": "2026-12-01T09:05:00.000Z",
    "1h calendar": "2026-11-30T17:50:00.000Z",
}


def records():
    """A chat that waits since 16:50, and one that was answered."""
    for chat in "waits", "answered":
        yield {"type": "chat", "chat": chat, "at": "2026-11-30T16:50:00Z"}
        yield {"type": "message", "chat": chat, "id": chat + "1", "user": "c",
               "from": "customer", "at": "2026-11-30T16:50:00Z"}
    yield {"type": "message", "chat": "answered", "id": "a2", "operator": "A",
           "from": "operator", "user": "A", "at": "2026-11-30T16:51:00Z"}


class World:
    def __init__(self, lab, checks):
        self.checks = checks
        self.flow = Flow(lab, "chats,tenant,events")

    def configure(self, target=None):
        sections = {"aggregator": {"clock": "records"}, "crm t": {"token": "x"}}
        if target:
            sections.update({"hours h": OPEN,
                             "targets": {"first_response": target}})
            sections["crm t"]["hours"] = "h"
        self.flow.lab.conf("conf", sections)

    def run(self):
        """The rows of one run: {(table, chat): row}."""
        self.flow.rows = []
        self.flow.run()
        rows = [json.loads(line) for line in self.flow.rows]
        return {(r["table"], r.get("chat")): r for r in rows
                if r["type"] == "row"}

    def all_rows(self, what, rows, by):
        want = {("chat_metrics", "waits"), ("chat_metrics", "answered"),
                ("tenant_metrics", None)}
        self.checks.that(want <= set(rows), f"{what}: {sorted(rows, key=str)}")
        if want <= set(rows):
            waits = rows["chat_metrics", "waits"]
            answered = rows["chat_metrics", "answered"]
            self.checks.that(waits["next_kind"] == "first_response" and
                             waits["answer_by"] == by, f"{what}: {waits}")
            self.checks.that(answered["next_kind"] is None and
                             answered["answer_by"] is None,
                             f"{what}: {answered}")
        return rows.get(("tenant_metrics", None), {}).get("hours_version")


def body():
    checks = Checks()
    with Lab("stream_hours") as lab:
        lab.start_servers("rabbitmq")
        world = World(lab, checks)
        world.configure()
        world.flow.put(json.dumps({**r, "tenant": "t"}) for r in records())
        say("- without hours nothing is due")
        versions = [world.all_rows("no hours", world.run(), None)]
        for target, by in BY.items():
            say(f"- the target is now {target}")
            world.configure(target)
            rows = world.run()
            versions.append(world.all_rows(target, rows, by))
            checks.that(not any(t == "event_counts" for t, _ in rows), rows)
            rows = world.run()
            checks.that(not rows, f"{target}, again: {rows}")
        say("- hours and targets are removed")
        world.configure()
        versions.append(world.all_rows("removed", world.run(), None))
        checks.that(versions[0] is None and versions[3] is None and
                    None not in versions[1:3] and
                    versions[1] != versions[2], versions)
    return checks.result()


main(body)
