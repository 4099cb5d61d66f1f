#!/usr/bin/env -S python3 -B
"""Assigning rooms of a simulated Qiscus. The rooms do not name their agent,
and the CRM refuses a second one: a room is assigned once, regardless of
failures in between and of the number of pollers. With need = channel, a room
is reserved only for agents of its channel, and rooms whose channel has no
agent wait; the agents are then read in each poll, because otherwise the rooms
of a new agent would be missing.
"""

import json
import urllib.request

from harness import TOKEN, Checklist, run_checks


class Test(Checklist):
    def start(self):
        self.sim = self.lab.sim("--crm", "qiscus", "--dialogs", 30, "--messages",
                                3, "--operators", 4, "--pace", 0)
        self.conf = self.lab.conf("conf", {"crm q": {
            "url": self.sim.root, "profile": "qiscus", "account": "sim-app",
            "token": TOKEN, "assign": "yes", "timeout": "4s"}})
        self.d = [d["id"] for d in self._open()]
        self.that(len(self.d) >= 12, "few open rooms")

    def _open(self):
        return [d for d in self.sim._ask("/control/world", "GET", {})["dialogs"]
                if d["state"] == "open"]

    def free(self, *dialogs):
        for dialog in dialogs:
            self.sim.control("act", do="transfer", dialog=dialog)
        self.sim.fault()
        self.sim.control("reset-stats")

    def given(self, n):
        by_route = self.sim.stats()["by_route"]
        self.equal(sum(k for route, k in by_route.items()
                       if "assign_agent" in route), n, "times a room was given")

    def asks(self, name, room, operator, **more):
        return json.dumps({
            "type": "assignment", "tenant": "q", "id": name, "chat": str(room),
            "operator": str(operator), "expires": "2099-01-01T00:00:00Z",
            **more}) + "\n"

    def assign(self, *lines):
        self.done = self.lab.must(["poller", "-c", self.conf, "--assign"],
                                  stdin="".join(lines).encode())
        self.records = self.done.records()

    def comes(self, *want):
        self.equal(sorted((r["chat"], r.get("operator"), r.get("status"),
                           r["assignment"]) for r in self.records
                          if r.get("assignment")),
                   sorted((str(d), o and str(o), s, n) for d, o, s, n in want),
                   "outcomes")

    def once(self):
        """A waiting room is assigned; then its agent's list shows it."""
        self.free(self.d[0])
        for _ in range(2):
            self.assign(self.asks("p1", self.d[0], 501))
            self.comes((self.d[0], 501, "open", "p1"))
            self.given(1)

    def of_others(self):
        """Rooms of another agent, resolved rooms, unknown agents, rooms taken
        over."""
        d = self.d
        self.free(d[1], d[2])
        self.sim.control("act", do="close", dialog=d[1])
        self.sim.control("act", do="transfer", dialog=d[3], operator=502)
        self.assign(self.asks("p1", d[0], 503), self.asks("p2", d[1], 501),
                    self.asks("p3", d[2], 99999),
                    self.asks("p4", d[3], 503, replaces="502"))
        self.comes((d[0], None, None, "p1"), (d[1], None, "closed", "p2"),
                   (d[2], None, "open", "p3"), (d[3], 503, "open", "p4"))
        self.given(2)
        self.ends(self.done, 0, f"chat {d[2]} is not assigned to operator "
                  "99999: .*agent not found")

    def lost_answer(self):
        """The assignment succeeded, and is found done."""
        self.free(self.d[0])
        self.sim.fault("slow", value=20000, route="/api/v1/admin/service",
                       count=1)
        self.assign(self.asks("p1", self.d[0], 502))
        self.comes((self.d[0], 502, "open", "p1"))
        self.given(1)

    def at_the_limit(self):
        """Nothing is assigned, and the message tells how many chats they
        have."""
        d = self.d
        self.free(d[0], d[1])
        has = sum(x["operator_id"] == 504 for x in self._open())
        self.that(has > 0, "504 has nothing")
        self.assign(self.asks("f1", d[0], 504, max_chats=has))
        self.comes((d[0], None, "open", "f1"))
        self.equal(sum(r.get("operator") == "504" for r in self.records), has,
                   "what they have")
        self.given(0)
        self.free(d[2])
        self.assign(*(self.asks(name, room, 504, max_chats=has + 1)
                      for name, room in (("f2", d[0]), ("f3", d[2]))))
        self.given(1)

    def two_pollers(self):
        """Two pollers assign to different agents: each room gets one, never
        two."""
        some = self.d[4:12]
        self.free(*some)
        self.sim.control("set", latency=20)
        path = self.lab.write("other", "".join(
            self.asks(f"b{room}", room, 502) for room in some))
        with open(path, "rb") as stdin, open(self.lab.path("two"), "wb") as out:
            other = self.lab.start(["poller", "-c", self.conf, "--assign"],
                                   self.lab.path("log"), stdin=stdin, stdout=out)
        self.assign(*(self.asks(f"a{room}", room, 501) for room in some))
        self.equal(other.wait(), 0, self.lab.text("log"))
        self.equal(self.sim._ask("/control/world", "GET", {})["crowded"], [],
                   "crowded")
        got = [r["chat"] for r in self.records + [
            json.loads(x) for x in self.lab.text("two").splitlines()]
            if r.get("operator")]
        self.equal([got.count(str(room)) for room in some], [1] * len(some),
                   "outcomes of each")

    def need(self):
        sim = self.lab.sim("--crm", "qiscus", "--by-us", "--apart", "--dialogs",
                           60, "--messages", 2, "--operators", 3, "--pace", 0,
                           name="apart")

        def ask(path, body=None):
            with urllib.request.urlopen(urllib.request.Request(
                    sim.root + path, body, {
                        "Qiscus-App-Id": "sim-app", "Qiscus-Secret-Key": TOKEN,
                        "Content-Type": "application/json"})) as answer:
                return json.load(answer)["data"]

        rooms = {r["room_id"]: r["channel_id"] for r in ask(
            "/api/v2/customer_rooms", b'{"status":"unresolved","limit":100}')
            ["customer_rooms"]}
        agents = {str(a["id"]): {c["id"] for c in a["user_channels"]} for a in
                  ask("/api/v2/admin/agents?limit=100")["agents"]}

        def conf(**more):
            return self.lab.conf("need", {
                "crm q": {"url": sim.root, "hosts": "messages=" + sim.root,
                          "profile": "qiscus", "account": "sim-app",
                          "token": TOKEN, **more},
                "aggregator": {"allocation_limit": 100}})

        def crossed(path):
            """Rooms reserved for an agent of other channels; number of rows."""
            polled = self.lab.must(["poller", "-c", path]).out
            rows = self.lab.must(["aggregator", "-c", path, "-a", "allocation"],
                                 stdin=polled).records()
            reserved = [r for r in rows if r["type"] == "assignment"]
            self.that(reserved, "nothing is reserved")
            return [r for r in reserved
                    if rooms[r["chat"]] not in agents[r["operator"]]], rows

        bad, rows = crossed(conf(need="channel"))
        self.equal(bad, [], "not of the channel")
        totals = [r for r in rows if r.get("table") == "allocation_totals"]
        self.that(totals[-1]["waiting"] != 0, "nobody waits")
        # Without it, other agents get them, too.
        self.that(crossed(conf())[0], "all are of the channel anyway")
        # Whatever is configured, and although the state has them.
        path = conf(need="channel", operators_every="1d")
        poll = ["poller", "-c", path, "--state", self.lab.path("state")]
        self.lab.must(poll)
        sim.control("reset-stats")
        self.lab.must(poll)
        self.equal(sum(n for route, n in sim.stats()["by_route"].items()
                       if "/agents" in route), 1, "times agents were read")


run_checks(Test)
