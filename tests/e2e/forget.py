"""forget: a customer is exported and erased in a filled installation. The same
world is stored for several tenants, so that one tenant can be compared with
another that was treated differently, such as with all rows arriving again
after the customer was erased. In the end, no table and no file outside the
database contains any byte that identifies the customer. faults.t kills reaper.
"""

import gzip
import json
import os
import re
import signal
import subprocess
import time

from harness import BIN, TOKEN, Checks, Lab, until
from streamlib import Sql

DAY = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
C, D = "cust-77341", "cust-2"
SECRETS = {
    "id": C, "name": "Quorbella", "surname": "zyxtrand", "phone": "119876001",
    "accent": "nu\u00f1or",
    "text": "markertext", "reply": "markerreply", "ip": "203.0.113.77",
    "session": "sess-marker", "agent": "agent-marker", "event": "markerevent",
    "tag": "markertag", "data": "markerdata",
}
# Metrics without customers: these must stay identical.
UNTOUCHED = (
    "operator_metrics", "tenant_metrics", "conversation_metrics",
    "longest_monologue", "intervals",
    "channel_metrics", "message_analytics",
)
# These too, except for the columns with the customer.
LOST = {
    "user_stats": {"user_id"},
    "realtime_user_activity": {"user_id"},
    "alerts": {"user_id"}, "event_counts": {"user"},
    "message_views": {"user_id"},
    "messages": {"sender_id", "receiver_id", "content", "data", "user_id"},
    "events": {"user_id", "session_id", "ip_address", "user_agent",
               "event_data"},
    "chat_metrics": {"customer", "customer_name", "customer_phone", "tag"},
}


def at(minute, second=0):
    return f"{DAY}T{10 + minute // 60:02d}:{minute % 60:02d}:{second:02d}.000Z"


def message(chat, n, minute, who, user, to, text, second=0, **more):
    return {"type": "message", "id": f"{chat}-{n}", "chat": chat,
            "at": at(minute, second), "from": who, "user": user, "to": to,
            "channel": "telegram", "text": text, **more}


def chat_of(chat, customer, **more):
    return {"type": "chat", "chat": chat, "at": at(59), "status": "open",
            "operator": "7", "customer": customer, "channel": "telegram",
            "opened_at": at(0), **more}


def talk(chat, customer, mark):
    """Questions and answers, enough for an alert, a receipt and events."""
    yield chat_of(chat, customer,
                  customer_name=(f"Quorbella Zyxtrand {mark} NUN\u0303OR"
                                 if mark else "Dan"),
                  customer_phone=f"+55-119876001{mark}" if mark else "+551",
                  tag="markertag" if mark else "vip")
    for n in range(12):
        yield message(chat, n, 5, "customer", customer, "7",
                      f"markertext{n}" + (
                          " Zyxtrand Nu\u00f1or 551198760011" if n == 0 else "")
                      if mark else "hello there",
                      second=n * 3,
                      data={"note": "markerdata" if mark else "n"})
    for n in range(12, 20):
        yield message(chat, n, n - 5, "operator", "7", customer,
                      f"markerreply{n}" + (" Quorbella" if n == 12 else "")
                      if mark else "certainly",
                      operator="7",
                      data={"analytics": {"direction": "outbound"}})
    yield {"type": "view", "message": f"{chat}-12", "user": customer,
           "chat": chat, "at": at(16)}
    yield {"type": "view", "message": f"{chat}-1", "user": "7", "chat": chat,
           "at": at(16)}
    for n, user in enumerate((customer, customer, "7")):
        theirs = mark and user == customer
        yield {"type": "event", "id": f"{chat}-e{n}", "user": user,
               "event": "clicked", "chat": chat, "at": at(17, n),
               "data": {"event_data": {"x": "markerevent" if mark else "y"},
                        "session_id": "sess-marker" if theirs else "s",
                        "ip_address": "203.0.113.77" if theirs else "::1",
                        "user_agent": "agent-marker" if theirs else "a"}}


def world():
    yield {"type": "operator", "operator": "7", "name": "Ann",
           "available": True}
    yield from talk("100", C, 1)
    yield from talk("101", D, 0)
    yield from talk("102", C, 2)


def lines_of(tenant, records):
    return "".join(json.dumps({**r, "tenant": tenant}) + "\n"
                   for r in records).encode()


class House:
    """A lab with a database, and the rows of the world."""

    def __init__(self, lab):
        self.lab = lab
        lab.start_servers("mariadb")
        lab.must(["sink", "--migrate"])
        self.rows = {}

    def make(self, tenant):
        done = self.lab.must(["aggregator", "-a", "all", "-o", "ndjson"],
                             stdin=lines_of(tenant, world()))
        self.rows[tenant] = done.out

    def store(self, tenant):
        self.lab.must(["sink"], stdin=self.rows[tenant])

    def ask(self, *statements):
        """The rows of each statement, as dictionaries of text."""
        text = subprocess.run(
            self.lab.mysql_argv("--xml", "-e", ";".join(statements)), check=True,
            capture_output=True, stdin=subprocess.DEVNULL).stdout.decode()
        return [[dict(re.findall(r'<field name="([^"]*)"[^/>]*>([^<]*)<', row))
                 for row in re.findall(r"<row>(.*?)</row>", answer, re.S)]
                for answer in re.findall(r"<resultset.*?</resultset>|"
                                         r"<resultset[^>]*/>", text, re.S)]

    def dump(self, table, tenant, without=()):
        """Rows as sorted text, with the alias replaced by that word."""
        # The clock moves waits_until at each refresh.
        without = {*without, "waits_until"}
        rows = [{k: v for k, v in r.items() if k not in without}
                for r in self.ask(f"SELECT * FROM {table} WHERE tenant = "
                                  f"'{tenant}'")[0]]
        text = [re.sub(r"forgotten-[0-9a-f]{16}", "ALIAS",
                       json.dumps(r, sort_keys=True)).replace(tenant, "T")
                for r in rows]
        return sorted(text)

    def tables(self):
        return [t for (t,) in self.lab.sql(
            "SELECT table_name FROM information_schema.tables WHERE "
            "table_schema = DATABASE() AND table_type = 'BASE TABLE'")]

    def whole(self, tenant):
        """All tables except those that must differ."""
        skip = ("tenants", "tenant_locks", "forgotten", "schema_migrations")
        return {t: self.dump(t, tenant, ("asked_at", "done_at"))
                for t in self.tables() if t not in skip}

    def figures(self, tenant):
        got = {t: self.dump(t, tenant) for t in UNTOUCHED}
        for table, without in LOST.items():
            got[table] = self.dump(table, tenant, without)
        return got

    def found(self, secret, tenant):
        """Tables with the secret in any column."""
        tables = [t for t in self.tables() if t != "schema_migrations"]
        rows = self.ask(*(f"SELECT * FROM {t} WHERE tenant = '{tenant}'"
                          for t in tables))
        assert len(rows) == len(tables)
        return [t for t, of in zip(tables, rows)
                if secret.lower() in repr(of).lower()]

    def on_disk(self, secret):
        """Files of the lab with the secret, except the database's own."""
        got = []
        for folder, _, names in os.walk(self.lab.tmp):
            if folder.startswith(self.lab.server_dir):
                continue
            for name in names:
                try:
                    with open(os.path.join(folder, name), "rb") as f:
                        found = secret.lower().encode() in f.read().lower()
                except FileNotFoundError: # a program has just removed it
                    continue
                if found:
                    got.append(name)
        return got

    def forget(self, tenant, *options, customer=C):
        return self.lab.run(["reaper", "--forget", customer, "--tenant",
                             tenant, *options])


def same(checks, what, want, got):
    for table, rows in want.items():
        more = [r for r in got[table] if r not in rows]
        less = [r for r in rows if r not in got[table]]
        checks.that(got[table] == rows,
                    f"{what}: {table}: more {more[:2]}, less {less[:2]}")


def check_filled(checks, house):
    for name, secret in SECRETS.items():
        checks.that(house.found(secret, "calm"), f"no {name} in any table")
    for table in (*UNTOUCHED, *LOST):
        checks.that(house.dump(table, "calm"), f"{table} is empty")


def check_own_file(checks, lab):
    """An export must not be appended to a file that it reads: it would never
    end."""
    with open(lab.path("letters"), "rb") as f:
        before = f.read()
    lab.write("old", before.decode())
    done = subprocess.run(
        ["sh", "-c", '"$0" --export "$1" --tenant calm --file "$2" >>"$2"',
         os.path.join(BIN, "reaper"), C, lab.path("old")], env=lab.env,
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
    checks.that(done.returncode == 64 and b"standard output" in done.stderr,
                f"its own output: {done}")
    with open(lab.path("old"), "rb") as f:
        checks.that(f.read() == before, "its own output was changed")
    os.unlink(lab.path("old"))


def check_export_file(checks, lab, path):
    """An existing file stays unchanged."""
    with open(path, "rb") as f:
        before = f.read()

    def export(who, to):
        return lab.run(["reaper", "--export", who, "--tenant", "calm", "-t",
                        to])

    checks.that(export("nobody", lab.path("nobody")).code == 66 and
                not os.path.exists(lab.path("nobody")), "a file of nobody")
    os.symlink(lab.path("nobody"), lab.path("link"))
    for to, text in ((path, "File exists"), (lab.path("link"), "File exists"),
                     (lab.path("no/such/x"), "No such file"),
                     (lab.tmp, "File exists")):
        done = export(C, to)
        checks.that(done.code == 73 and text in done.err and
                    done.err.count("\n") == 1, f"-t {to}: {done}")
    with open(path, "rb") as f:
        checks.that(f.read() == before, "an export was changed by another")
    os.unlink(lab.path("link"))
    check_own_file(checks, lab)
    checks.that(export("nobody", "-").out == b"", "a head without lines")


def check_stop(checks, lab, path):
    """If stopped after some rows, it says so and leaves no file."""
    other = Sql(lab)
    other.ask("LOCK TABLES longest_monologue WRITE")
    run = subprocess.Popen(
        [os.path.join(BIN, "reaper"), "--export", C, "-t", path + ".part",
         "--tenant", "calm"],
        env=lab.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    until(20, lambda: lab.sql(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE state "
        "LIKE 'Waiting for table metadata lock' AND db = DATABASE()")
        != [["0"]], "reaper to wait for a table")
    run.terminate()
    other.ask("UNLOCK TABLES")
    said = run.communicate(timeout=60)[1]
    checks.that(run.returncode == 75 and "stopped by a signal" in said and
                said.count("\n") == 1 and not os.path.exists(path + ".part"),
                f"stopped: {run.returncode} {said}")
    other.close()


def check_export(checks, house):
    lab = house.lab
    path = lab.path("export")
    lab.must(["reaper", "--export", C, "--tenant", "calm", "-t", path,
              "--file", lab.path("letters")])
    checks.that(os.stat(path).st_mode & 0o777 == 0o600, "mode of the export")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    records = [json.loads(line) for line in text.splitlines()]
    checks.that(records[0]["customer"] == C, f"first line {records[0]}")
    checks.that({r.get("tenant") for r in records if r["type"] != "dead"} ==
                {"calm"}, "rows of another tenant")
    for name, secret in SECRETS.items():
        checks.that(secret.lower() in text.lower(), f"export without {name}")
    checks.that("markerletter" in text, "export without the dead letter")
    checks.that("hello there" not in text, "another customer's text")
    messages = [r for r in records if r.get("table") == "messages"]
    checks.that(len(messages) == 40, f"{len(messages)} messages")
    check_export_file(checks, lab, path)
    check_stop(checks, lab, path)
    os.unlink(path)
    done = lab.run(["reaper", "--export", "nobody", "--tenant", "calm"])
    checks.that(done.code == 66 and "has no data about a customer" in done.err,
                f"export of nobody: {done}")


def letters(tenant):
    """Dead letters about the customer, and about another one."""
    for user, text in ((C, "markerletter"), (D, "kept")):
        record = {"type": "message", "tenant": tenant, "chat": "x" + user,
                  "id": "1", "from": "customer", "user": user, "text": text}
        yield json.dumps({"type": "dead", "program": "sink", "at": at(1),
                          "reason": "no time", "record": json.dumps(record)})
        payload = {"hook": "new", "who": [{"user_id": user, "name": text}]}
        yield json.dumps({"type": "dead", "program": "poller", "at": at(1),
                          "reason": "new", "where": f"webhook {tenant}/crm",
                          "record": json.dumps(payload)})


def check_calm(checks, house):
    """A normal erasure, with an archive and a state."""
    lab = house.lab
    before = house.figures("calm")
    house.lab.must(["reaper", "--archive", lab.path("archive")],
                   stdin=lines_of("calm", [
                       {"type": "chat", "chat": "102", "status": "closed",
                        "at": at(60)},
                       {"type": "chat", "chat": "101", "status": "closed",
                        "at": at(60)}]))
    checks.that(house.on_disk("Zyxtrand 2"), "no name in the archive")
    os.makedirs(lab.path("state"), exist_ok=True)
    dry = house.forget("calm", "--dry-run", "-o", "ndjson")
    checks.that(dry.code == 0 and house.found("zyxtrand", "calm"),
                f"a dry run: {dry}")
    options = ("--file", lab.path("archive"), "--file",
               lab.path("letters"), "--state", lab.path("state"))
    done = house.forget("calm", "-o", "ndjson", *options)
    checks.that(done.code == 0, f"forget: {done}")
    counted = {r["place"]: r["rows"] for r in done.records()}
    for r in dry.records():
        checks.that(counted[r["place"]] == r["rows"],
                    f"{r} but {counted[r['place']]} were changed")
    after = house.figures("calm")
    # The two closed chats are not in the table of current chats.
    before["chat_metrics"] = [r for r in before["chat_metrics"]
                              if '"chat": "100"' in r]
    same(checks, "metrics", before, after)
    for name, secret in SECRETS.items():
        checks.that(not house.found(secret, "calm"),
                    f"{name} is in {house.found(secret, 'calm')}")
        checks.that(not house.on_disk(secret),
                    f"{name} is on disk in {house.on_disk(secret)}")
    checks.that(not house.on_disk("markerletter"), "a dead letter stayed")
    with open(lab.path("archive")) as f:
        checks.that(sorted(json.loads(x)["chat"] for x in f) ==
                    ["101", "102"], "the archive has other lines")
    checks.that(lab.sql("SELECT COUNT(*) FROM forgotten WHERE tenant = 'calm' "
                        "AND kind = 'customer' AND done_at IS NOT NULL")
                == [["1"]], "no entry of what was done")
    again = house.forget("calm", *options)
    checks.that(again.code == 0, f"once more: {again}")
    same(checks, "once more", after, house.figures("calm"))


def check_late(checks, house, want):
    """All rows arrive again, and missing ones arrive late."""
    lab = house.lab
    lab.sql("DELETE FROM messages WHERE tenant = 'late' AND message_id LIKE "
            "'%-1%'; DELETE FROM user_stats WHERE tenant = 'late'; "
            "DELETE FROM message_views WHERE tenant = 'late'")
    checks.that(house.forget("late").code == 0, "forget before")
    house.store("late")
    same(checks, "late rows", want, house.whole("late"))


def check_return(checks, house):
    """Later data of the customer is stored as usual, and can be erased
    again."""
    later = time.strftime("%Y-%m-%dT%H:%M:%S.000Z",
                          time.gmtime(time.time() + 2))
    house.lab.must(["sink"], stdin=lines_of("late", [
        {**message("100", 99, 0, "customer", C, "7", "back again"),
         "at": later}]))
    got = house.lab.sql("SELECT sender_id, content FROM messages WHERE "
                        "tenant = 'late' AND message_id = '100-99'")
    checks.that(got == [[C, "back again"]], f"a new message: {got}")

    def is_forgotten():
        checks.that(house.forget("late").code == 0, "forget once more")
        return not house.found(C, "late")

    until(60, is_forgotten, "the second time")
    checks.that(house.lab.sql(
        "SELECT COUNT(DISTINCT sender_id), COUNT(content) FROM messages WHERE "
        "tenant = 'late' AND conversation_id = '100' AND sender = 'customer'")
        == [["1", "0"]], "the alias is another one, or a text is left")


def check_ahead(checks, house):
    """Data from a clock ahead of ours is stored, and can be erased."""
    house.rows["ahead"] = house.rows["plain"].replace(
        DAY.encode(), b"2099-06-01").replace(b'"plain"', b'"ahead"')
    house.store("ahead")
    checks.that(house.found(C, "ahead"), "nothing is ahead")
    checks.that(house.forget("ahead").code == 0, "forget ahead")
    for moment in "stays", "is back":
        for name in SECRETS:
            got = house.found(SECRETS[name], "ahead")
            checks.that(not got, f"{name} {moment} in {got}")
        house.store("ahead")


def check_two(checks, house):
    """Two customers at once, and one customer twice."""
    before = house.figures("two")
    run = [subprocess.Popen([os.path.join(BIN, "reaper"), "--forget", who,
                             "--tenant", "two"], env=house.lab.env)
           for who in (C, D, C)]
    codes = [p.wait() for p in run]
    # The second run for one customer may begin when nothing is left.
    checks.that(codes[1] == 0 and sorted((codes[0], codes[2])) in (
        [0, 0], [0, 66]), f"two at once: {codes}")
    same(checks, "two at once", before, house.figures("two"))
    checks.that(not house.found(C, "two") and not house.found(D, "two"),
                "one of two is still there")
    checks.that(house.lab.sql("SELECT COUNT(DISTINCT user_id) FROM user_stats "
                              "WHERE tenant = 'two'") == [["3"]],
                "two aliases became one")


def check_no_such_path(checks, house):
    """A typo must not look like a complete search."""
    lab = house.lab
    lab.write("plain", "")
    before = house.whole("twin")
    for mode in ["--forget", C], ["--forget", C, "--dry-run"], ["--export", C]:
        for option, path, reason in (
                ("--file", lab.path("old.archiv"), "No such file"),
                ("--state", lab.path("plain"), "Not a directory"),
                ("--state", "", "")): # an empty variable
            if option == "--state" and "--export" in mode:
                continue
            done = lab.run(["reaper", *mode, "--tenant", "twin", option, path])
            checks.that(done.code == 66 and reason in done.err and
                        f"{option} '{path}'" in done.err and
                        done.err.count("\n") == 1 and done.out == b"",
                        f"{mode} {option} {path}: {done}")
    same(checks, "a typo", before, house.whole("twin"))
    # The configured archive is created by the first run that archives.
    conf = lab.conf("later.conf", {
        "reaper": {"archive": lab.path("later")}})
    done = lab.run(["reaper", "-c", conf, "--forget", C, "--dry-run",
                    "--tenant", "twin"])
    checks.that(done.code == 0, f"a configured archive: {done}")


def check_no_records(checks, house):
    """A file without records is refused and stays unchanged."""
    lab = house.lab
    line = lines_of("twin", [chat_of("100", C)])
    before = house.whole("twin")
    for name, content in (
            ("old.gz", gzip.compress(line * 9)),
            ("notes.csv", b"customer;note\n%s;last" % C.encode())):
        with open(lab.path(name), "wb") as f:
            f.write(content)
        for mode in (["--forget", C], ["--forget", C, "--dry-run"],
                     ["--export", C]):
            done = lab.run(["reaper", *mode, "--tenant", "twin", "--file",
                            lab.path(name)])
            checks.that(done.code == 65 and
                        f"'{lab.path(name)}' does not contain records"
                        in done.err and done.err.count("\n") == 1 and
                        done.out == b"", f"{mode} {name}: {done}")
        with open(lab.path(name), "rb") as f:
            checks.that(f.read() == content, f"{name} was changed")
    same(checks, "no file of records", before, house.whole("twin"))


def forgotten(lines):
    """Lines of the customer's chats, and their form after the erasure."""
    return b"".join(json.dumps({**json.loads(line), "customer": "ALIAS"},
                               separators=(",", ":")).encode() + b"\n"
                    for line in lines.splitlines())


def without_alias(content):
    return re.sub(rb"forgotten-[0-9a-f]{16}", b"ALIAS", content)


def check_power_cut(checks, house):
    """The archive in the configuration is never refused because of a power cut;
    the rest of it is read."""
    lab = house.lab
    line = lines_of("plain", [chat_of("100", C)])
    archive = lab.path("closed")
    conf = lab.conf("cut.conf", {"reaper": {"archive": archive}})
    for content, left in ((line[:9], line[:9]), (b"\0" * 99, b"\0" * 99),
                          (line + b"\0" * 99, forgotten(line) + b"\0" * 99)):
        with open(archive, "wb") as f:
            f.write(content)
        done = house.forget("plain", "-c", conf)
        checks.that(done.code == 0 and "are truncated or not JSON (1)" in done.err,
                    f"{content}: {done}")
        with open(archive, "rb") as f:
            got = f.read()
        checks.that(without_alias(got) == left, f"{content} became {got}")


def check_last_line(checks, house):
    """A last line without a newline changes if it is the customer's, and is
    removed if it is truncated. Lines of other customers and tenants stay."""
    lab = house.lab
    ours = lines_of("plain", [chat_of("100", C)])
    other = lines_of("plain", [chat_of("8", D)])
    cut = other[:other.index(b"operator")]
    of_them = json.dumps({"tenant": "plain", **chat_of("100", C)}).encode()
    of_them = of_them[:of_them.rindex(b"opened_at")]
    of_number = b'{"tenant": "plain", "chat": 100, "at'
    elsewhere = of_them.replace(b'"plain"', b'"twin"')
    for content, left, rows, warned in (
            (other + ours[:-1], other + forgotten(ours), 1, False),
            (ours + other[:-1], forgotten(ours) + other[:-1], 1, False),
            (other[:-1], other[:-1], 0, False),
            (ours + cut, forgotten(ours) + cut, 1, True),
            (other + of_them, other, 1, False),
            (other + of_number, other, 1, False),
            (other + elsewhere, other + elsewhere, 0, True)):
        path = lab.write("last", content.decode())
        for options in (["--dry-run"], []):
            done = house.forget("plain", "--file", path, "-o", "ndjson",
                                *options)
            counted = {r["place"]: r["rows"] for r in done.records()}
            checks.that(done.code == 0 and counted[path] == rows and
                        ("not JSON" in done.err) == warned,
                        f"{content}: {done}")
        with open(path, "rb") as f:
            got = f.read()
        checks.that(without_alias(got) == left, f"{content} became {got}")


def check_refusals(checks, house):
    for argv, code, text in (
            (["--forget", "nobody", "--tenant", "calm"], 66,
             "has no data about a customer"),
            (["--forget", C, "--tenant", "none"], 66, "has no tenant"),
            (["--export", C, "--tenant", "twin "], 64,
             "not a valid tenant name")):
        done = house.lab.run(["reaper", *argv])
        checks.that(done.code == code and text in done.err and
                    done.err.count("\n") == 1, f"{argv}: {done}")
    check_no_such_path(checks, house)
    check_no_records(checks, house)
    check_power_cut(checks, house)
    check_last_line(checks, house)
    # A customer who is only in a webhook that could not be interpreted.
    lone = house.lab.write("lone", json.dumps({
        "type": "dead", "where": "webhook calm/crm",
        "record": '{"client_id": "lone-1"}'}) + "\n")
    done = house.forget("calm", "--file", lone, customer="lone-1")
    checks.that(done.code == 0 and os.path.getsize(lone) == 0,
                f"known by a webhook alone: {done}")
    # An operator with the same id keeps the rows by user.
    before = house.dump("user_stats", "twin")
    done = house.forget("twin", customer="7")
    checks.that("operator or bot of 'twin'" in done.err, f"an operator: {done}")
    checks.that(before == house.dump("user_stats", "twin"),
                "an operator was forgotten")


def check_poller(checks, house):
    """The whole way from the CRM, with a state that has names and texts."""
    lab = house.lab
    sim = lab.sim("--seed", 5)
    conf = lab.conf("messaging.conf", {
        "crm acme": {"url": sim.url, "token": TOKEN, "customers": "yes",
                     "customer_phone": "yes"},
        "poller": {"state": lab.path("poller")}})

    def poll():
        done = lab.pipe(["poller", "-c", conf, "--with-text"],
                        ["aggregator", "-a", "all", "-o", "ndjson"], ["sink"])
        checks.that([d.code for d in done] == [0, 0, 0], f"a poll: {done}")

    poll()
    # In this world, other customers have the same names and texts.
    who, chat, phone = lab.sql(
        "SELECT customer, chat, customer_phone FROM chat_metrics WHERE "
        "tenant = 'acme' AND customer_phone IS NOT NULL GROUP BY customer "
        "HAVING COUNT(*) = 1 ORDER BY chat LIMIT 1")[0]

    def texts():
        return int(lab.sql("SELECT COUNT(content) FROM messages WHERE tenant "
                           f"= 'acme' AND conversation_id = '{chat}'")[0][0])

    def name():
        return lab.sql("SELECT IFNULL(customer_name, '') FROM chat_metrics "
                       f"WHERE tenant = 'acme' AND chat = '{chat}'")[0][0]

    checks.that(house.on_disk(phone) and texts() and name(), "not filled")
    # Without --tenant, as there is only one.
    state = lab.path("poller/acme.mdb")
    done = lab.must(["reaper", "-c", conf, "--forget", who, "--dry-run", "-o",
                     "ndjson"])
    checks.that(state in [r["place"] for r in done.records()],
                f"the state of the configuration: {done}")
    done = lab.run(["reaper", "-c", conf, "--forget", "nobody"])
    checks.that(done.code == 66 and os.path.exists(state),
                f"a misspelled id removed the state: {done}")
    unread = lab.conf("unread.conf", {
        "crm acme": {"url": sim.url, "token": TOKEN},
        "poller": {"state": lab.path("letters")}})
    done = lab.must(["reaper", "-c", unread, "--forget", who, "--dry-run"])
    checks.that("[poller] was not searched" in done.err,
                f"a state that cannot be read: {done}")
    check_open_state(checks, lab, sim, conf, who)
    poll()
    # Two stored snapshots, and the resulting rows.
    day, rows = lab.path("day.ndjson"), lab.path("rows.ndjson")
    for _ in range(2):
        sim.advance(60)
        lab.must(["poller", "-c", conf, "--with-text", "-t", day])
    lab.must(["aggregator", "-f", day, "-a", "all", "-o", "ndjson", "-t",
              rows])
    before = [os.path.getsize(path) for path in (day, rows)]
    done = lab.must(["reaper", "-c", conf, "--forget", who, "--file", day,
                     "--file", rows, "--state", lab.path("state/../poller")])
    checks.that(done.err == "", f"a state that was also named: {done}")
    for path, size, argv in (
            (day, before[0], ["aggregator", "-a", "all", "-o", "ndjson"]),
            (rows, before[1], ["sink", "-c", conf])):
        checks.that(os.path.getsize(path) < size, f"{path} lost nothing")
        done = lab.run([*argv, "-f", path])
        checks.that(done.code == 0 and done.err == "",
                    f"a kept snapshot without their lines: {done}")
    checks.that(not house.on_disk(phone), "the state has the number")
    for moment in ("is stored", "is back"):
        checks.that(not house.found(phone, "acme"), f"the number {moment}")
        checks.that(not texts(), f"a text {moment}")
        checks.that(not name(), f"the name {moment}")
        # The CRM still has the customer; its earlier data is stored without
        # them.
        sim.advance(60)
        poll()


def has_open(process, path):
    folder = f"/proc/{process.pid}/fd"
    try:
        return path in (os.readlink(f"{folder}/{fd}")
                        for fd in os.listdir(folder))
    except FileNotFoundError:  # it closed one meanwhile
        return False


def check_open_state(checks, lab, sim, conf, who):
    """While the CRM does not answer, --status has the state open: its file
    stays, and the next poll can use it."""
    state = lab.path("poller/acme.mdb")
    sim.process.send_signal(signal.SIGSTOP)
    status = lab.start(["poller", "-c", conf, "--status"],
                       lab.path("status.log"), stdin=subprocess.PIPE)
    status.stdin.write(b'{"type":"chat","tenant":"acme","chat":"1"}\n')
    status.stdin.close()
    until(60, lambda: has_open(status, state), "the state to be open")
    reaper = lab.start(["reaper", "-c", conf, "--forget", who],
                       lab.path("reaper.log"))
    until(60, lambda: has_open(reaper, state + "-lock"), "reaper to wait")
    checks.that(os.path.exists(state), "the file of an open state is gone")
    reaper.terminate()
    code = reaper.wait(60)
    with open(lab.path("reaper.log"), encoding="utf-8") as f:
        said = f.read()
    checks.that(code == 75 and f"has '{state}' open" in said
                and os.path.exists(state), f"a state in use: {code} {said}")
    reaper = lab.start(["reaper", "-c", conf, "--forget", who])
    until(60, lambda: has_open(reaper, state + "-lock"), "reaper to wait")
    sim.process.send_signal(signal.SIGCONT)
    codes = [p.wait(60) for p in (status, reaper)]
    checks.that(codes == [0, 0], f"--status, --forget: {codes}")
    for path in (state, state + "-lock"):
        checks.that(not os.path.exists(path), f"{path} stayed")


def body():
    checks = Checks()
    with Lab("forget") as lab:
        house = House(lab)
        for tenant in ("calm", "plain", "late", "two", "twin"):
            house.make(tenant)
            house.store(tenant)
        lab.write("letters", "".join(x + "\n" for x in letters("calm")))
        check_filled(checks, house)
        check_export(checks, house)
        check_calm(checks, house)
        checks.that(house.forget("plain").code == 0, "forget plain")
        want = house.whole("plain")
        check_late(checks, house, want)
        check_return(checks, house)
        check_ahead(checks, house)
        check_two(checks, house)
        check_refusals(checks, house)
        check_poller(checks, house)
    return checks.result()
