#!/usr/bin/env -S python3 -B
"""Which data reaper --export and --forget attribute to the customer."""

import json
import os
import re
import subprocess

from forget import House, at, chat_of, lines_of, message

from harness import Checklist, run_checks, until

# Customers whose id is also that of a bot, of an operator who left, and of an
# operator known only from an assignment.
TWINS = ("5", "6", "8")


def of_another(chat, customer, who, user, **more):
    """A chat of another customer with messages from a person with a twin's
    id."""
    yield message(chat, 1, 1, "customer", customer, None, f"question {chat}")
    yield message(chat, 2, 2, who, user, customer, f"answer {chat}", **more)


def twins():
    head = {"type": "row", "as_of": at(9)}
    yield from of_another("200", "x1", "bot", "5")
    yield from of_another("202", "x2", "operator", "6", operator="6")
    yield from of_another("204", "x3", "operator", "y", operator="y")
    yield {"type": "event", "id": "e1", "user": "8", "event": "clicked",
           "chat": "204", "at": at(3), "data": {"event_data": {"n": 204}}}
    yield {"type": "assignment", "id": "a1", "chat": "204", "operator": "8",
           "at": at(1), "expires": at(2)}
    for n, user in enumerate(TWINS):
        chat = str(2 * n + 201)
        yield {**head, **chat_of(chat, user), "type": "row",
               "table": "chat_metrics", "messages": 1, "participants": 1,
               "responses": 0, "operator": None, "customer_name": "Mine"}
        yield message(chat, 1, 1, "customer", user, None, "mine")
        yield {**head, "table": "user_stats", "user_id": user,
               "message_count": 2, "last_active": at(2)}


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.house = House(lab)

    def store(self, tenant, records):
        self.lab.must(["sink"], stdin=lines_of(tenant, records))

    def count(self, tenant, table, where):
        return int(self.lab.sql(f"SELECT COUNT(*) FROM {table} WHERE tenant = "
                                f"'{tenant}' AND {where}")[0][0])

    def texts(self, chat):
        return self.count("twins", "messages", f"conversation_id = '{chat}' "
                          "AND content IS NOT NULL AND sender_id NOT LIKE "
                          "'forgotten%'")

    def check_twin(self, user, theirs, other, archive):
        that = self.that
        done = self.lab.run(["reaper", "--export", user, "--tenant", "twins",
                             "--file", archive])
        text = done.out.decode()
        that(done.code == 0 and '"mine"' in text, f"export {user}: {done}")
        that(f'"{other}"' not in text, f"export {user} has {other}: {text}")
        done = self.house.forget("twins", "--file", archive, customer=user)
        that(done.code == 0 and "has or had the same id" in done.err,
             f"forget {user}: {done}")
        that(self.texts(theirs) == 0, f"a text of {user} stayed")
        that(self.texts(other) == 2, f"forget {user} took chat {other}")
        that(self.count("twins", "user_stats", f"user_id = '{user}'") == 1,
             f"the counts of the twin of {user} went")

    def check_twins(self):
        """Chats of the twins' customers do not belong to the customer."""
        self.store("twins", twins())
        archived = [{**r, "type": "row", "table": "messages", "as_of": at(9),
                     "conversation_id": r["chat"], "sender": r["from"],
                     "sender_id": r["user"]}
                    for r in twins() if r["type"] == "message"]
        archive = self.lab.write(
            "archive", lines_of("twins", archived).decode())
        for n, user in enumerate(TWINS):
            self.check_twin(user, str(2 * n + 201), str(2 * n + 200), archive)
        with open(archive, encoding="utf-8") as f:
            left = {r["chat"] for r in map(json.loads, f) if "text" in r}
        self.that(left == {"200", "202", "204"},
                  f"texts of {left} stayed in the archive")
        self.that(self.count("twins", "events",
                             "event_data IS NOT NULL") == 1,
                  "an event of the twin lost its data")
        # Later rows; the person with id 9 was unknown before.
        self.store("twins", [*of_another("206", "x1", "bot", "5"),
                             message("9", 1, 1, "customer", "9", None, "9")])
        done = self.house.forget("twins", customer="9")
        self.that(done.code == 0 and done.err == "" and re.search(
            rb"erased from tenant twins: everything up to \S+Z, [1-9]\d* rows "
            rb"and files\. The customer's alias is \S+\.\n$", done.out),
                  f"no receipt: {done}")
        self.store("twins", of_another("208", "x1", "bot", "9"))
        for chat in ("206", "208"):
            self.that(self.texts(chat) == 2, f"a text of {chat} went")

    def check_lines(self):
        """Lines of a file: only those of the customer change."""
        def row(tenant, who, chat, **more):
            return json.dumps({"type": "row", "tenant": tenant, "chat": chat,
                               "from": "customer", "user": who, **more})

        def text(tenant, who):
            return row(tenant, who, "of " + who, text="x", data={"a": 1})

        def audit(tenant, who):
            return json.dumps({"tenant": tenant, "role": "lead", "path": "/",
                               "parameters": {"user_id": who}})

        def broken(tenant, who):
            return f'{{"tenant": "{tenant}", "customer": "{who}"'

        def dead(tenant, who):
            return json.dumps({"type": "dead", "where": "line 1",
                               "record": text(tenant, who)})

        def webhook(tenant, who):
            return json.dumps({"type": "dead", "where": f"webhook {tenant}/a",
                               "record": f'{{"a": [{{"id": {who}}}]}}'})

        self.store("lines", [
            message("700", 1, 1, "customer", "70", None, "mine")])
        kinds = text, audit, broken, dead, webhook
        others = [kind(*whose) for kind in kinds
                  for whose in (("other", "70"), ("lines", "71"))]
        path = self.lab.write("lines", "".join(
            x + "\n" for x in others + [kind("lines", "70")
                                        for kind in kinds]))
        done = self.house.forget("lines", "--file", path, customer="70")
        self.that(done.code == 0, f"lines: {done}")
        alias = self.lab.sql("SELECT alias FROM forgotten WHERE tenant = "
                             "'lines' AND kind = 'customer'")[0][0]
        with open(path, encoding="utf-8") as f:
            left = f.read().splitlines()
        self.that(left[:len(others)] == others, f"lines of others: {left}")
        want = [row("lines", alias, "of 70"), audit("lines", alias)]
        self.that([json.loads(x) for x in left[len(others):]] ==
                  [json.loads(x) for x in want], f"lines of theirs: {left}")

    def check_last_day(self):
        """The search also ends at a day that no later one follows."""
        last = "9999-12-31T23:59:59.999Z"
        self.store("last", [
            {**message("300", n, 1, "customer", "30", None, "to the end"),
             "at": when} for n, when in enumerate((at(1), last))])
        for mode in ("--export", "--forget"):
            done = self.lab.run(["reaper", mode, "30", "--tenant", "last"],
                                timeout=300)
            self.that(done.code == 0, f"{mode} at the end: {done}")
            self.that(mode != "--export" or
                      done.out.count(b"to the end") == 2, f"{done}")
        self.that(self.count("last", "messages", "content IS NULL") ==
                  2, "a text of the last day stayed")

    def check_event_alone(self):
        """A customer without chats, with only an event in the future."""
        ahead = {"id": "e1", "type": "event", "event": "looked", "user": "40",
                 "at": "2099-01-01T00:00:00.000Z",
                 "data": {"ip_address": "203.0.113.40"}}
        self.store("event", [ahead])
        done = self.house.forget("event", customer="41")
        self.that(done.code == 66, f"nobody: {done}")
        for _ in range(2):
            done = self.house.forget("event", customer="40")
            self.that(done.code == 0, f"an event alone: {done}")
        self.that(not self.house.found("203.0.113.40", "event"),
                  "an event without a chat stayed as it was")
        self.that(self.count("event", "forgotten", "kind = 'customer' AND "
                             "done_at IS NOT NULL") == 1,
                  "an erasure that is complete must be repeated")

    def check_state_alone(self):
        """Before their rows are stored, or after their chat was closed: a state
        may still have the customer, and later rows, too."""
        that = self.that
        for folder in ("poller", "other"):
            os.makedirs(self.lab.path(folder))
        self.lab.write("poller/event.mdb", "")
        self.lab.write("other/event2.mdb", "")
        for state, who, code in (("other", "50", 66), ("poller", "50", 0)):
            done = self.house.forget("event", "--state", self.lab.path(state),
                                     customer=who)
            that(done.code == code, f"{who} in the state of {state}: {done}")
        that(not os.path.exists(self.lab.path("poller/event.mdb")),
             "the state of the poller stayed")
        self.store("event",
                   [message("501", 1, 1, "customer", "50", None, "late")])
        that(self.count("event", "messages", "content IS NOT NULL") == 0,
             "a row that came later has a text")

    def nameless(self, as_of):
        """Chats of 80: one names no customer, one names another but has
        messages of 80. And a chat of 82 that names no customer."""
        head = {"type": "row", "as_of": at(as_of)}
        for chat, customer, name in (("800", None, "Quillon Marsh"),
                                     ("801", "81", "Bertram"),
                                     ("802", None, "Gwendolyn")):
            yield {**head, **chat_of(chat, customer), "type": "row",
                   "table": "chat_metrics", "messages": as_of,
                   "participants": 1, "responses": 0, "operator": None,
                   "customer_name": name, "tag": "tag " + name,
                   "customer_phone": "+351 77 " + chat, "version": as_of}

    def check_chats_that_name_nobody(self):
        """The writers of messages determine to whom a name in the chat's record
        belongs."""
        that, house = self.that, self.house
        self.store("nameless", [
            *self.nameless(9),
            *(message(chat, n, 1, "customer", who, None, "text")
              for n, (chat, who) in enumerate((
                  ("800", "80"), ("801", "80"), ("801", "81"),
                  ("802", "82"))))])
        done = self.lab.must(["reaper", "--export", "80", "--tenant",
                              "nameless"])
        that(b"Quillon Marsh" in done.out and b"Gwendolyn" not in done.out, f"export: {done.out}")
        done = house.forget("nameless", customer="80")
        that(done.code == 0, f"{done}")
        for moment in ("forgotten", "that came later"):
            for secret in ("quillon", "marsh", "77 800", "77800"):
                found = house.found(secret, "nameless")
                that(not found, f"{moment}: {secret} is in {found}")
            got = self.lab.sql(
                "SELECT IFNULL(customer, '-'), IFNULL(customer_name, '-'), "
                "IFNULL(tag, '-') FROM chat_metrics WHERE tenant = 'nameless' "
                "ORDER BY chat")
            that(got == [["-", "-", "-"], ["81", "Bertram", "tag Bertram"],
                         ["-", "Gwendolyn", "tag Gwendolyn"]],
                 f"{moment}: {got}")
            that(house.found("bertram", "nameless") == ["chat_metrics"],
                 "another's name went")
            self.store("nameless", self.nameless(20))
        that(self.count("nameless", "chat_metrics", "messages = 20") == 3,
             "the later rows were not stored")

    def check_purged(self):
        """A running sink uses the alias when the purged tenant returns."""
        sink = self.lab.start(["sink"], stdin=subprocess.PIPE)

        def send(chat, hour):
            records = [
                {**message(chat, 1, 1, "customer", "60", None, "text"),
                 "at": f"2098-01-01T{hour}:00:00.000Z"},
                {"type": "row", "table": "user_stats", "user_id": "60",
                 "message_count": 1, "as_of": f"2098-01-01T{hour}:00:00.000Z",
                 "version": int(hour)}]
            sink.stdin.write(lines_of("purged", records))
            sink.stdin.flush()
            until(60, lambda: self.count(
                "purged", "messages", f"conversation_id = '{chat}'"),
                "a row to be stored")

        def ids():
            return self.lab.sql(
                "SELECT COUNT(*), MIN(id LIKE 'forgotten%'), COUNT(DISTINCT "
                "id) FROM (SELECT sender_id AS id FROM messages WHERE tenant ="
                " 'purged' UNION ALL SELECT user_id FROM user_stats WHERE "
                "tenant = 'purged') a")

        def forget():
            done = self.house.forget("purged", customer="60")
            self.that(done.code == 0, f"{done}")

        send("600", "11")
        forget()
        send("601", "10")
        self.that(ids() == [["3", "1", "1"]], f"forgotten: {ids()}")
        self.lab.must(["reaper", "--purge", "purged"])
        # Rows from before the purge are refused.
        send("602", "12")
        self.that(ids() == [["2", "0", "1"]], f"added again: {ids()}")
        forget()
        send("603", "12")
        self.that(ids() == [["3", "1", "1"]], f"once more: {ids()}")
        sink.stdin.close()
        self.that(sink.wait(60) == 0, "the sink ends badly")


run_checks(Test)
