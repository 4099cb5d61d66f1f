#!/usr/bin/env -S python3 -B
"""scripts/limits with a database: the last limit is stored and shown, and an
unknown operator is refused, and so is a limit that no program would accept.
"""

import json
import os

from harness import BIN, Checklist, run_checks, until


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.records = []
        lab.start_servers()
        lab.env.update(MESSAGING_BIN=BIN, CRM_TENANT="desk")
        lab.must(["sink", "--migrate"])
        lab.must(["sink"], stdin="".join(json.dumps({
            "type": "row", "table": "operator_metrics", "tenant": "desk",
            "operator": operator, "name": name, "as_of": "2026-11-20T10:00:00Z",
            "version": 1}) + "\n" for operator, name in (
                ("17", "Anna"), ("o'neil", "Eve"), ('a\\"&b', "Q"), ("\\5", "B"))
        ).encode())

    def limits(self, *words, code=0, says="", env=None):
        """Publishes to a file, which needs no reader."""
        done = self.lab.run(["scripts/limits", "-t", self.lab.path("told"),
                             *words], env=env)
        self.ends(done, code, says, words)
        if os.path.exists(self.lab.path("told")):
            self.records += map(json.loads, self.lab.text("told").splitlines())
            os.unlink(self.lab.path("told"))
        return done

    def told(self, field):
        """That field of each record since the last call."""
        records, self.records = self.records, []
        return [r.get(field) for r in records]

    def shown(self, *want):
        """(operator, channel, limit) of each shown row, once it is stored."""
        self.lab.must(["sink", "-f", "queue:rows", "--until-empty"])
        self.equal([(r["operator"], r["channel"], r["max_chats"]) for r in
                    self.limits("-o", "ndjson").records()], list(want), "shown")

    def said_last(self):
        """Set, changed and removed, with names that JSON and SQL must
        escape."""
        everybody = [("everybody", None, 5), ("everybody", "whatsapp", 1)]
        self.shown()
        self.limits("5")
        self.limits("3", "17")
        self.limits("4", "o'neil")
        self.limits("1", "--channel", "whatsapp")
        self.shown(*everybody, ("17", None, 3), ("o'neil", None, 4))
        self.limits("2", "17")
        self.limits("--default", "o'neil")
        self.shown(*everybody, ("17", None, 2))
        table = self.limits("-o", "table").out.decode()
        self.that(["desk", "17", "Anna", "-", "2"] in [
            x.split()[:5] for x in table.splitlines()], table)
        odd = 'c:\\x "wide"'
        self.limits("6", 'a\\"&b')
        self.limits("7", "\\5")
        self.limits("1", "--channel", odd)
        self.shown(everybody[0], ("everybody", odd, 1), everybody[1],
                   ("17", None, 2), ("\\5", None, 7), ('a\\"&b', None, 6))
        self.limits("--default", 'a\\"&b')
        self.limits("--default", "\\5")
        self.limits("--default", "--channel", odd)
        self.shown(*everybody, ("17", None, 2))
        self.equal(self.told("max_chats"),
                   [5, 3, 4, 1, 2, None, 6, 7, 1, None, None, None], "records")

    def no_names(self):
        # An empty number, as from an unset variable, does not count as left
        # out.
        for words, fault in ((["3", ""], "the operator is empty"),
                             (["", "17"], "'' is not a number of chats"),
                             (["3", "--default", "17"],
                              "--default removes a limit; omit '3'")):
            done = self.limits(*words, code=64, says=None)
            self.equal(done.lines()[0], "limits: " + fault, words)

    def of_nobody(self):
        names = r"there are 17 \\5 a\\\"&b o'neil"
        self.limits("3", "18", code=65,
                    says=f"there is no operator '18' of desk; {names}")
        self.limits("3", "18", code=65, env={"CRM_TENANT": "other"}, says="there"
                    " is no operator '18' of other; there are none yet")
        self.limits("--default", "18", code=65, says=None)
        for words in (["5"], ["--default"], []):
            self.limits("--tenant", "dsk", *words, code=65,
                        says="there is no tenant 'dsk'; there are desk")
        self.equal(self.told("tenant"), [], "published")
        # The only tenant, or the one configured in the environment.
        self.limits("--tenant", "desk", "5", env={"CRM_TENANT": ""})
        self.limits("5", env={"CRM_TENANT": "fresh"})
        self.equal(self.told("tenant"), ["desk", "fresh"], "tenants")

    def folder_of_tenants(self):
        os.mkdir(self.lab.path("folder"))
        self.lab.write("folder/beta.conf", "token = x\n")
        nobody = {"CRM_TENANT": ""}
        conf = self.lab.conf("conf", {"poller": {"tenants": "folder"}})
        self.limits("-c", conf, "5", env=nobody)
        self.equal(self.told("tenant"), ["beta"], "the only one")
        conf = self.lab.conf("conf", {"poller": {"tenants": "folder"},
                                      "crm acme": {"token": "x"}})
        self.limits("-c", conf, "5", env=nobody, code=78,
                    says="several tenants are configured; give --tenant NAME")
        self.equal(self.told("tenant"), [], "published")

    def declared(self, line):
        """The broker's answer; none while it creates the queue."""
        return self.lab.run(["aggregator", "--declare"],
                            stdin=line + b"\n").out.decode().strip()

    def without_reader(self):
        lab = self.lab
        self.ends(lab.run(["scripts/limits", "5"]), 69,
                  "no program reads 'queue:records'")
        self.equal(self.declared(b"look records"), "no records", "a queue")
        reader = lab.start(["aggregator", "-f", "queue:records", "-t",
                            lab.path("rows")], lab.path("log"))
        until(30, lambda: self.declared(b"readers records") == "1 records",
              lab.text("log"))
        self.ends(lab.run(["scripts/limits", "5"]), 0, "")
        self.equal(lab.end(reader), 0, lab.text("log"))

    def database_away(self):
        """Limits can be set but not shown."""
        door = self.lab.door("mariadb")
        door.shut()
        env = {"MYSQL_URL": door.url}
        done = self.limits("3", "18", env=env, says=None)
        self.that("unknown whether there is an operator '18'" in
                  done.err, done)
        self.limits(code=69, env=env, says=None)


run_checks(Test)
