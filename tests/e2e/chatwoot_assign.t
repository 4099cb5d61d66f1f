#!/usr/bin/env -S python3 -B
"""Chats of a simulated Chatwoot that we assign: only to members of the inbox
and of the team, which Chatwoot itself does not check; and a Chatwoot that
assigns chats itself is reported.
"""

import json
import re

from harness import TOKEN, Checklist, run_checks

AGENTS = 10  # so that each inbox has a member of each team


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.sim = lab.sim("--crm", "chatwoot", "--by-us", "--apart",
                           "--dialogs", 60, "--messages", 2, "--operators",
                           AGENTS, "--pace", 0, "--hours", "0-24")
        self.sim.control("act", do="online")

    def conf(self, name, **keys):
        return self.lab.conf(name, {
            "crm acme": {"profile": "chatwoot", "url": self.sim.root,
                         "account": 1, "token": TOKEN, "assign": "yes",
                         **keys},
            "aggregator": {"allocation_limit": 100}})

    def _strangers(self):
        return self.sim.world()["strangers"]

    def reserve(self, conf):
        """Reservations for the unassigned chats."""
        polled = self.lab.must(["poller", "-c", conf]).out
        rows = self.lab.must(["aggregator", "-c", conf, "-a", "allocation"],
                             stdin=polled).records()
        return "".join(json.dumps(r) + "\n" for r in rows
                       if r["type"] == "assignment")

    def assign(self, conf, reservations, *options):
        return self.lab.must(["poller", "-c", conf, "--assign", *options],
                             stdin=reservations.encode())

    def only_members(self):
        conf = self.conf("members")
        for chat in self.sim.open_dialogs():
            self.sim.control("act", do="transfer", dialog=chat)
        done = self.assign(conf, self.reserve(conf))
        given = [r for r in done.records() if r.get("operator")]
        self.equal(len(given), len(self.sim.open_dialogs()),
                   "chats that got an operator")
        self.that(len({r["operator"] for r in given}) == AGENTS,
                  "not every agent got some")
        self.equal(self._strangers(), [], "given to strangers")

    def what_the_simulator_notices(self):
        """The same with a profile that does not know the members."""
        with open("poller/profiles/chatwoot.jq", encoding="utf-8") as f:
            text, n = re.subn(r"tags: needed\(\$in\),", "", f.read())
        self.equal(n, 1, "lines with the tags of a chat")
        conf = self.conf("blind", profile=self.lab.write("blind.jq", text))
        for chat in self.sim.open_dialogs():
            self.sim.control("act", do="transfer", dialog=chat)
        self.assign(conf, self.reserve(conf))
        self.that(self._strangers(), "strangers are not noticed")

    def lists_of_members(self):
        """Pollers that do not assign do not request the lists of members."""
        for assign, calls in (("no", 0), ("yes", 7)):
            self.sim.control("reset-stats")
            self.lab.must(["poller", "-c", self.conf("n", assign=assign)])
            self.equal(sum(
                n for route, n in self.sim.stats()["by_route"].items()
                if "member" in route), calls, f"assign = {assign}: calls")

    def assigns_itself(self):
        conf = self.conf("itself")
        says = "Chatwoot itself assigns conversations of the inboxes 'Main'; " \
            "turn that off in their settings"
        for itself in (1, 0):
            self.sim.control("set", auto_assign=itself)
            found = {r["check"]: r for r in self.lab.must([
                "poller", "-c", conf, "--check", "-o", "ndjson"]).records()}
            self.equal(found["assigning"]["result"],
                       "advice" if itself else "ok", "the check")
            done = self.assign(conf, "")
            if itself:
                self.that(says in found["assigning"]["detail"]
                          and "teams 'sales'"
                          in found["assigning"]["detail"],
                          f"the check: {found['assigning']}")
            self.equal(says in done.err, bool(itself),
                       f"said at the start: {done.err}")
        self.sim.control("set", auto_assign=1)
        found = self.lab.must(["poller", "-c", self.conf("n", assign="no"),
                               "--check", "-o", "ndjson"]).records()
        self.that(all(r["result"] == "-" for r in found
                      if r["check"] == "assigning"), "without assign")


run_checks(Test)
