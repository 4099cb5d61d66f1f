#!/usr/bin/env -S python3 -B
"""Allocation in a stream: unassigned chats are reserved in order of arrival,
separately for each tenant; a raised limit moves unassigned chats; a killed
aggregator never reserves a chat for two people. Also with a Qiscus whose
customers arrive by webhooks. allocation_worlds.t kills all programs at random,
with a CRM that refuses, forgets and repeats.
"""

import datetime
import json

from harness import BIN, Checks, Lab, main, steps, until


class Stream:
    """An aggregator that reserves, and the contents of its queues."""

    def __init__(self, lab, checks):
        self.lab, self.checks = lab, checks
        self.assigned = {} # by the id of the reservation, in order
        # A busy machine may lose a second between a refusal and the flush that
        # acts on it, so the pause is longer.
        self.conf = lab.conf("stream", {
            "amqp": {"prefetch": 50, "wait_timeout": "60s"},
            "crm t": {"token": "x"},
            "aggregator": {"allocation_expiry": "1h",
                           "allocation_pause": "1m"}})
        # Limits are current: records a day older than a limit would come too
        # late.
        hour = datetime.datetime.now(datetime.timezone.utc) - \
            datetime.timedelta(hours=1)
        self.hour = hour.strftime("%Y-%m-%dT%H:")

    def argv(self, *options):
        return ["aggregator", "-c", self.conf, "-f", "queue:records", "-t",
                "queue:rows", "--state", self.lab.path("state"), "-a",
                "allocation", *options]

    def begin(self):
        self.p = self.lab.start(
            self.argv("--every", "20ms", "--assign-to", "queue:assignments"),
            self.lab.path("log"))

    def put(self, *records):
        self.lab.put("records", map(json.dumps, records), 1)

    def chat(self, tenant, chat, minute, status="open", **more):
        return {"type": "chat", "tenant": tenant, "chat": str(chat),
                "status": status, "at": f"{self.hour}{minute}Z", **more}

    def message(self, tenant, chat, minute, who, **more):
        return {"type": "message", "tenant": tenant, "chat": str(chat),
                "id": minute, "from": who, "at": f"{self.hour}{minute}Z",
                **more}

    def outcome(self, chat, second, **more):
        """The outcome of the chat's last reservation."""
        last = [i for i, r in self.assigned.items()
                if (r["tenant"], r["chat"]) == ("t", str(chat))][-1]
        self.put(self.chat("t", chat, f"01:{second}", assignment=last, **more))

    def reserved(self, tenant):
        for line in self.lab.take("assignments"):
            r = json.loads(line)
            self.assigned.setdefault(r["id"], r)
        return " ".join(f"{r['chat']}>{r['operator']}" for r in
                        self.assigned.values() if r["tenant"] == tenant)

    def comes_to(self, want, tenant="t"):
        """Waits until exactly these reservations have been made, in this
        order."""
        last = []

        def is_so():
            last[:] = [self.reserved(tenant)]
            return last[0] == want

        try:
            until(30, is_so, want)
        except AssertionError as e:
            raise AssertionError(f"reserved {last[0]}, not {want}: "
                                 f"{self.lab.text('log')}") from e

    def limits(self, *words):
        self.lab.must(["scripts/limits", "-b", BIN, "-c", self.conf, *words])

    def run(self):
        def operator(tenant, name):
            return {"type": "operator", "tenant": tenant, "operator": name,
                    "available": True}

        self.begin()
        # In order of arrival, to the operator with the fewest chats, up to the
        # limit.
        self.lab.put("records", map(json.dumps, (
            operator("t", "a"), operator("t", "b"),
            *(self.chat("t", n, f"00:0{n}") for n in (5, 2, 6, 1, 4, 3)),
            operator("u", "z"), self.chat("u", 1, "00:03"),
            self.chat("u", 2, "00:01"), self.chat("u", 3, "00:02"))))
        self.comes_to("1>a 2>b 3>a 4>b")
        self.comes_to("2>z 3>z", "u")
        # Tags and capacities in the CRM apply. A pending chat belongs to a bot,
        # even while its customer writes.
        self.put(dict(operator("v", "y"), tags="x", max_chats=1),
                 operator("v", "z"),
                 self.chat("v", 1, "00:01", tags="x"),
                 self.chat("v", 2, "00:02", tags="w,x"),
                 self.chat("v", 3, "00:03", "pending"),
                 self.message("v", 3, "00:04", "customer"),
                 self.chat("v", 4, "00:05", tags="x"))
        self.comes_to("1>y", "v")
        # After a kill, the aggregator still has its reservations and the state
        # they depend on.
        self.p.kill()
        self.p.wait()
        self.put(self.chat("t", 7, "00:07"))
        self.begin()
        self.outcome(1, "01", operator="a")
        self.outcome(2, "02", operator="b")
        until(30, lambda: self.lab.in_queue("records", "total") == 0, "a reader")
        self.comes_to("1>a 2>b 3>a 4>b")
        self.put(self.chat("v", 1, "01:00", "closed"))
        self.comes_to("1>y 4>y", "v")
        self.put(self.message("v", 3, "01:01", "system", kind="handoff"))
        self.comes_to("1>y 4>y 3>z", "v")
        # Refused: nobody else has a free slot, so other chats go first until
        # this operator is asked again.
        self.outcome(3, "02")
        self.comes_to("1>a 2>b 3>a 4>b 5>a")
        # A raised limit moves unassigned chats, in order.
        self.limits("3")
        self.comes_to("1>a 2>b 3>a 4>b 5>a 3>b 6>a")
        self.limits("--tenant", "t", "4", "b")
        self.comes_to("1>a 2>b 3>a 4>b 5>a 3>b 6>a 7>b")
        self.limits("--tenant", "u", "3")
        self.comes_to("2>z 3>z 1>z", "u")
        # A closing frees a slot, and an operator who comes online gets the
        # chat.
        self.put(self.chat("t", 8, "00:08"), self.chat("t", 9, "00:09"),
                 self.chat("t", 1, "02:00", "closed"))
        self.comes_to("1>a 2>b 3>a 4>b 5>a 3>b 6>a 7>b 8>a")
        self.put(operator("t", "c"))
        self.comes_to("1>a 2>b 3>a 4>b 5>a 3>b 6>a 7>b 8>a 9>c")
        self.checks.equal(self.lab.end(self.p), 0, self.lab.text("log"))

    def needs(self):
        """Missing settings are reported in one line."""
        self.checks.ends(self.lab.run(self.argv("--every", "20ms")), 78,
                         "use --assign-to")
        self.checks.ends(
            self.lab.run(["aggregator", "--publish", "-t", "queue:records"],
                         stdin=b'{"type":"limit"}\n'), 65,
            "field 'tenant' is missing in a limit record; nothing was published")


class Desk:
    """Two agents with a limit of two get the arriving chats, the one with the
    fewest first. The others wait in order until a limit is raised or a chat is
    resolved. The simulator's journal shows who got which chat. In each step, a
    chat that did not wait would have gone to another agent."""

    def __init__(self, lab, checks):
        self.lab, self.checks, self.rooms = lab, checks, []
        now = datetime.datetime.now(datetime.timezone.utc)
        self.sim = lab.sim(
            "--crm", "qiscus", "--by-us", "--dialogs", 0, "--operators", 2,
            "--pace", 0, "--start",
            now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z",
            "--speed", 1)
        self.sim.control("act", do="online")
        self.conf = lab.conf("desk", {"crm desk": {
            "profile": "qiscus", "url": self.sim.root, "account": "sim-app",
            "token": "sim-token", "admin_token": "admin-sim-token",
            "assign": "yes", "hook": "secret",
            "hook_secret": "0123456789abcdef"}})
        port_file = lab.path("listening")
        self.daemons = [lab.start(
            [program, "-c", self.conf, *words.split()], lab.path("desk.log"))
            for program, words in (
                ("poller", f"--listen 127.0.0.1:0 --port-file {port_file} -t "
                 f"queue:desk --state {lab.path('listener')}"),
                ("aggregator", "-a allocation --every 20ms -f queue:desk -t "
                 f"queue:desk.rows --state {lab.path('desk.state')} --assign-to "
                 "queue:desk.assignments"),
                ("poller", "--assign -f queue:desk.assignments -t queue:desk"))]
        until(30, lambda: lab.text("listening").endswith("\n"), "the listener")
        lab.must(["poller", "-c", self.conf, "--register",
                  "http://127.0.0.1:" + lab.text("listening").strip()])
        lab.must(["poller", "-c", self.conf, "-t", "queue:desk"])

    def journal(self):
        return [e for e in self.sim._ask("/control/journal", "GET", {})
                if e["what"] == "assigned"]

    def comes_to(self, want):
        def given():
            return " ".join(sorted(
                f"{self.rooms.index(e['dialog']) + 1}>{e['operator']}"
                for e in self.journal()))

        try:
            until(30, lambda: given() == want, want)
        except AssertionError as e:
            raise AssertionError(f"given {given()}, not {want}: "
                                 f"{self.lab.text('desk.log')}") from e

    def arrive(self, n):
        for _ in range(n):
            self.rooms.append(self.sim._ask(
                "/control/act?do=arrive", "POST", {})["dialog"])

    def limits(self, *words):
        self.lab.must(["scripts/limits", "-b", BIN, "-c", self.conf, "-t",
                       "queue:desk", *words])

    def run(self):
        self.arrive(5)
        self.comes_to("1>501 2>502 3>501 4>502")
        self.limits("3", "502")
        self.comes_to("1>501 2>502 3>501 4>502 5>502")
        self.arrive(3)
        self.sim.control("act", do="close", dialog=self.rooms[1])
        self.comes_to("1>501 2>502 3>501 4>502 5>502 6>502")
        self.limits("--default", "502")
        self.limits("4")
        self.comes_to("1>501 2>502 3>501 4>502 5>502 6>502 7>501 8>502")
        for p in self.daemons:
            self.checks.equal(self.lab.end(p), 0, self.lab.text("desk.log"))
        self.checks.equal([e for e in self.journal() if e["before"]], [],
                          "given twice")


def body():
    with Lab("allocation") as lab:
        checks = Checks()
        lab.start_servers("rabbitmq")
        stream = Stream(lab, checks)
        steps(stream.run, stream.needs, Desk(lab, checks).run)
        return checks.result()


main(body)
