#!/usr/bin/env -S python3 -B
"""due: by when waiting customers must be answered, in the API, its live events
and a terminal: late, soon and closed follow from the clock without new rows, in
each channel's hours; the list is in order of what is due next; the counts, the
list of late chats and the figures of the past count the same customers; a
response only changes when something happens; and without targets nothing of this
is shown.
"""

import json
import re
from datetime import datetime, timedelta, timezone

from api_client import Server, Stream, token
from due_world import LATE, MINUTE, ORDER, TENANT, WEB, DueWorld
from harness import Checklist, run_checks

V1 = "/api/v1/"
COMPUTED = ("due", "opens_at", "closes_at", "work_left_then_seconds")


def utc(text):
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=timezone.utc)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        lab.start_servers("mariadb")
        self.world = DueWorld(lab)
        self.server = Server(lab, {**self.world.sections, "serve": {"rate": 0}})
        self.plain = Server(lab, {**self.world.plain, "serve": {"rate": 0}},
                            name="plain")

    def get(self, path, role="lead", server=None, **claims):
        answer = (server or self.server).get(
            V1 + path, token(tenant_id=TENANT, role=role, **claims))
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body}")
        return answer.json()

    def the_list_is_in_order_of_what_is_due(self):
        now = self.get("now")
        self.equal([row["chat"] for row in now["waiting"]],
                   ORDER, "order")
        self.equal([row["due"] for row in now["waiting"]],
                   ["closed", "late", "late", "soon", "in_time", "closed",
                    "closed", None], "due")

    def times_are_those_of_the_calendar(self):
        now = self.get("now")
        rows = {row["chat"]: row for row in now["waiting"]}
        for chat, row in rows.items():
            opens = row["opens_at"] and utc(row["opens_at"])
            left = {"closed": 600, "closing": 0, "overnight": -300}
            self.equal(opens, self.world.opens if chat in left else None,
                       f"{chat} opens at")
            self.equal(row["closes_at"], None, f"{chat} closes at")
            self.equal(row["work_left_then_seconds"], left.get(chat),
                       f"{chat}: work left")
        self.equal(now["target_seconds"], 600, "target")

    def counts_are_those_of_the_list(self):
        now = self.get("now")
        [total] = now["now"]
        self.equal((total["soon_chats"], total["late_chats"]),
                   (1, len(LATE)), "all")
        self.equal({o["operator"]: (o["soon_chats"], o["late_chats"])
                    for o in now["operators"]}, {"1": (1, 1), "2": (0, 1)},
                   "operators")
        [total] = self.get("now", teams=["south"])["now"]
        self.equal((total["soon_chats"], total["late_chats"]), (0, 1), "team")
        [total] = self.get("now", role="operator", sub="1")["now"]
        self.equal((total["soon_chats"], total["late_chats"]), (1, 1),
                   "an operator's team")
        wall = self.get("now", role="wall")
        self.equal((wall["now"][0]["late_chats"],
                    [o["late_chats"] for o in wall["operators"]],
                    wall["waiting"][1]["due"], wall["waiting"][1]["chat"]),
                   (len(LATE), [1, 1], "late", None), "wall")
        [row] = self.get("responses?by=total")["rows"]
        self.equal((row["late_now"], row["kept_percent"]), (len(LATE), 0),
                   "late now")

    def a_snoozed_chat_waits_and_takes_no_slot(self):
        self.world.sql.ask(
            "INSERT INTO allocation_limits (tenant, operator, channel, "
            f"max_chats, as_of, version) VALUES ('{TENANT}', '', '', 5, "
            "UTC_TIMESTAMP(3), 1)")
        self.equal({row["chat"]: row["status"]
                    for row in self.get("now")["waiting"]},
                   {chat: "snoozed" if chat == "calendar" else "open"
                    for chat in ORDER}, "status")
        for chat, n in (("closed", 2), ("calendar", 3)):
            self.world.sql.ask("UPDATE chat_metrics SET status = 'snoozed' "
                               f"WHERE chat = '{chat}'")
            got = self.get("allocation")
            self.equal((got["queue"][0]["unassigned_chats"],
                        {o["operator"]: o["free"] for o in got["operators"]}),
                       (n, {"1": 2, "2": 3}), f"{chat}: allocation")
            self.world.sql.ask("UPDATE chat_metrics SET status = 'open' "
                               "WHERE chat = 'closed'")

    def the_list_of_chats_shows_the_same(self):
        now = {row["chat"]: row for row in self.get("now")["waiting"]}
        for row in self.get("chats")["rows"]:
            chat = row["chat"]
            want = now[chat] if chat in now else {"due": None,
                                                 "opens_at": None}
            self.equal((row["due"], row["opens_at"]),
                       (want["due"], want["opens_at"]), chat)
        late = [r["chat"] for r in self.get("chats?late=1&open=1")["rows"]]
        self.equal(set(late), LATE, "late=1")
        done = self.lab.must(["sink", "-c", self.world.conf, "--tenant", TENANT,
                              "--get", V1 + "chats.csv?late=1"])
        self.that(b"soon_at,as_of,due,opens_at" in done.out, done.out)

    def words_in_a_terminal(self):
        done = self.lab.must(["sink", "-c", self.world.conf, "--now"])
        lines = re.findall(r"^(.*?)  +\S+  +(overnight|late|calendar|soon|"
                           r"fine|closing|closed|none) ",
                           done.out.decode(), re.M)
        opens = r"closed, opens \w+ 9:00, "
        want = {"overnight": opens + "late, 5 min over", "late": r"late, \d\d min over",
                "calendar": r"late, \d+ min over", "soon": r"late in \d+ s",
                "fine": r"late in \d min",
                "closing": opens + r"answer by \w+ 9:00",
                "closed": opens + r"answer by \w+ 9:10",
                "none": "-"}
        self.equal([chat for _, chat in lines], list(want), done.out)
        for words, chat in lines:
            self.that(re.fullmatch(want[chat], words), f"{chat}: {words}")

    def a_wait_becomes_late_without_a_new_row(self):
        """The live events show it when it happens."""
        stream = Stream(self.server.port, token(tenant_id=TENANT, role="lead"))
        stream.event()
        second = datetime.now(timezone.utc) - self.world.now + timedelta(seconds=6)
        self.world.put("changes", 8 * MINUTE, second + timedelta(seconds=1), second,
                 "1", WEB)
        seen = []
        while "late" not in seen:
            _, data = stream.event()
            rows = {r["chat"]: r for r in json.loads(data)["waiting"]}
            if "changes" in rows:
                seen.append(rows["changes"]["due"])
        self.equal([due for i, due in enumerate(seen)
                    if i == 0 or seen[i - 1] != due],
                   ["in_time", "soon", "late"], "states")
        stream.close()
        self.world.sql.ask("DELETE FROM chat_metrics WHERE chat = 'changes'")

    def a_response_changes_only_with_its_figures(self):
        """So a client that has it already needs no other, and a wait that is
        not listed is in the counts in time."""
        lead = token(tenant_id=TENANT, role="lead")
        for path in "now", "chats":
            first = self.server.ask(V1 + path, lead)
            again = self.server.ask(V1 + path, lead, headers={
                "If-None-Match": first.headers["ETag"]})
            self.equal(again.status, 304, path)
        stream = Stream(self.server.port, lead)
        stream.event()
        sql = self.world.sql
        sql.ask("INSERT INTO chat_metrics (tenant, chat, channel, status, "
                "waiting_since, next_kind, answer_by, soon_at, as_of, version) "
                f"SELECT tenant, CONCAT('more', seq), channel, status, "
                "waiting_since, next_kind, answer_by, soon_at, as_of, version "
                "FROM chat_metrics, seq_1_to_200 WHERE chat = 'late'")
        second = datetime.now(timezone.utc) - self.world.now + timedelta(
            seconds=2)
        self.world.put("changes", 8 * MINUTE, second, -MINUTE, "1", WEB)
        late = 0
        while late < len(LATE) + 201:
            data = json.loads(stream.event()[1])
            late = data["now"][0]["late_chats"]
            self.that("changes" not in [r["chat"] for r in data["waiting"]],
                      data)
        stream.close()
        sql.ask("DELETE FROM chat_metrics WHERE chat = 'changes' OR chat LIKE "
                "'more%'")

    def prometheus_reads_the_counts(self):
        def samples(server):
            lines = server.ask("/metrics", None).body.decode().split("\n")
            return sorted(line for line in lines if re.match(
                r"messaging_tenant_(soon|late)_chats", line))

        self.equal(samples(self.server), [
            f'messaging_tenant_late_chats{{tenant="{TENANT}"}} {len(LATE)}',
            f'messaging_tenant_soon_chats{{tenant="{TENANT}"}} 1'], "samples")
        self.equal(samples(self.plain), [], "without targets")

    def prometheus_reads_kept_and_missed_targets(self):
        """Of the last 24 hours that are over, from the stored sums."""
        hour = self.world.now.replace(minute=0, second=0, microsecond=0)
        for ago, sums in ((1, "reply_kept 3 0 0;reply_missed 1 0 0;"),
                          (23, "reply_kept 2 0 0;first_response_missed 4 0 0;"
                               "unanswered_missed 4 0 0;"),
                          (26, "resolution_kept 9 0 0;")):
            self.world.sql.ask(
                "INSERT INTO response_rollups (tenant, subject, span, "
                f"begin_at, id, sums, as_of) VALUES ('{TENANT}', 'tenant', "
                f"'hour', '{hour - timedelta(hours=ago):%Y-%m-%d %H:%M:%S}', "
                f"'', '{sums}', NOW())")
        want = {("reply", "kept"): 5, ("reply", "missed"): 1,
                ("first_response", "missed"): 4}
        lines = self.server.ask("/metrics", None).body.decode().split("\n")
        self.equal(sorted(line for line in lines if line.startswith(
            "messaging_tenant_targets{")), sorted(
                f'messaging_tenant_targets{{tenant="{TENANT}",kind="{kind}",'
                f'result="{result}"}} {want.get((kind, result), 0)}'
                for kind in ("first_response", "reply", "resolution")
                for result in ("kept", "missed")), "samples")

    def without_targets_nothing_is_due(self):
        now = self.get("now", server=self.plain)
        self.equal({row[c] for row in now["waiting"] for c in COMPUTED},
                   {None}, "computed")
        self.equal((now["now"][0]["late_chats"], now["targets"],
                    now["target_seconds"]), (None, False, None), "counts")


run_checks(Test)
