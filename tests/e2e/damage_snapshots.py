"""damage_snapshots: states for damage.t: an aggregator in the middle of
snapshots, a stream with an erasure order, and a stream that assigns chats. See
damage_states.py.
"""

import glob
import json
import os
import shutil

from damage_states import Stream, is_told, read_text
from harness import TESTBIN

ASKED_AT = 1795305600000 # 2026-11-22


class Staging(Stream):
    """Snapshots of two tenants; runs end in the middle of them."""
    name = "staging"
    some = 4
    runs = 4

    def lines(self):
        return [line for number in range(5) for pair in zip(
            *(snapshot(tenant, number) for tenant in ("a", "b")))
                for line in pair]


def snapshot(tenant, number):
    """The lines of a snapshot."""
    head = {"tenant": tenant, "snapshot": f"s{number}"}
    at = f"2026-11-20T1{number}:00:00.000Z"
    records = [{"type": "operator", **head, "operator": str(n),
                "name": f"{n} of {number}", "available": True}
               for n in range(3)]
    for n in range(10):
        records.append({
            "type": "chat", **head, "chat": str(n), "status": "open",
            "operator": str(n % 3), "customer": f"c{n}", "channel": "web",
            "opened_at": "2026-11-20T08:00:00Z", "at": at})
        records += [{
            "type": "message", **head, "chat": str(n), "id": f"{n}.{m}",
            "from": "operator" if m % 2 else "customer",
            "user": str(n % 3) if m % 2 else f"c{n}", "channel": "web",
            "at": f"2026-11-20T09:{m:02d}:{n:02d}Z"}
            for m in range(number + 2)]
    mark = {"type": "snapshot", **head, "at": at, "records": len(records)}
    for r in ({**mark, "state": "begin"}, *records, {**mark, "state": "end"}):
        yield json.dumps(r, separators=(",", ":")).encode() + b"\n"


class Orders(Stream):
    """A stream as above, with an erasure order that is not yet carried out. An
    unreadable order is reported and stays."""
    name = "orders"
    some = 3
    runs = 3

    def lines(self):
        """Customers of waiting chats have a name."""
        lines = [line.replace(b"}", b',"customer_name":"Quorbella"}')
                 if line.startswith(b'{"type":"chat"') else line
                 for line in super().lines()]
        first = next(line for line in lines if b'"customer_name"' in line)
        self.tenant = json.loads(first)["tenant"]
        self.customer = json.loads(first)["customer"]
        return lines

    def make(self):
        super().make()
        folder = self.lab.path("unasked." + self.name)
        shutil.copytree(self.folder, folder)
        self.unasked = self.go_on(folder, self.name + ".unasked")[1]()
        self.lab.must([TESTBIN + "/tools/forget_order", self.folder,
                       self.tenant, self.customer, ASKED_AT, ""])
        self.copy()

    def judge(self, folder, place):
        """A removed order never existed."""
        there = glob.glob(folder + "/forget/*.order")
        done, got = self.go_on(folder, f"{self.name}.{place}")
        if done.code == 0 and (not there or is_told(done.lines())) and \
                got() == self.unasked and self.want is not None:
            return ("refused" if there else "the same"), ""
        return self.compare(done, got)


class Allocation(Stream):
    """A stream that assigns chats. Which operator gets a chat depends on what
    is known when, so all input is one flush."""
    name = "allocation"
    settings = {"allocation_limit": 100, "allocation_expiry": "1d"}
    every = "1m"
    some = 1
    runs = clean = 4

    def lines(self):
        """Each part ends with waiting chats."""
        lines = super().lines()[:600]
        step = len(lines) // (self.runs + 1)
        tenant = json.loads(lines[0])["tenant"]
        for n in range(self.runs + 1, 0, -1):
            before = reversed(lines[:n * step])
            at = next(json.loads(line)["at"] for line in before
                      if b'"message"' in line)
            lines[n * step:n * step] = [json.dumps({
                "type": "chat", "tenant": tenant, "chat": f"waits{n}.{i}",
                "status": "open", "customer": f"c{n}.{i}", "at": at,
                "opened_at": at}).encode() + b"\n" for i in range(5)]
        return lines

    def names(self):
        return ["allocation"]

    def argv(self, folder, queue, to):
        return [*super().argv(folder, queue, to), "--assign-to",
                to + ".given"]

    def go_on(self, folder, queue):
        given = folder + ".rows.given"
        if os.path.exists(given):
            os.unlink(given)
        done, got = super().go_on(folder, queue)
        return done, lambda: got() + sorted(
            f"{r['operator']} gets {r['chat']}"
            for r in map(json.loads, read_text(given)))
