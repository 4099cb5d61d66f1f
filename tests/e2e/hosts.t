#!/usr/bin/env -S python3 -B
"""URLs with several hosts: a host that is gone, silent, outside its cluster or
read-only, or that refuses the login, is skipped, at the start and while rows
flow; nothing is lost.
"""

import struct
from urllib.parse import urlsplit

from harness import PROBE, Door, Lab, main, say, until
from sinklib import Tables, snapshot, text


class Outside(Door):
    """A database server that answers every statement after the login with an
    error: by default that of a Galera node outside its cluster."""
    error = 1047, b"#08S01WSREP has not yet prepared node for application use"

    def pieces(self, source, upward):
        number, text = self.error
        answer = b"\xff" + struct.pack("<H", number) + text
        for n, data in enumerate(super().pieces(source, upward)):
            yield data if upward or n < 2 else \
                struct.pack("<I", len(answer) | 1 << 24) + answer


class Refusing(Door):
    """A server with another password: the one that clients send is changed on
    its way."""

    def pieces(self, source, upward):
        name, password = self.server.username, self.server.password.encode()
        hashed = name.encode() + b"\0\x14" # MariaDB gets a hash, 20 bytes long
        for data in super().pieces(source, upward):
            if upward:
                data = data.replace(password, b"x" * len(password))
                head, sign, rest = data.partition(hashed)
                data = head + sign + bytes(b ^ 255 for b in rest[:20]) + \
                    rest[20:] if sign else data
            yield data


class ReadOnly(Outside):
    error = 1290, b"#HY000The server is running with the --read-only option"


class RolledBack(Door):
    """A node that rolls a transaction back in favour of another node's, but
    answers OK to the statement with arrays and to the COMMIT: the server gets
    ROLLBACK instead of the statement with this number."""
    number = 0
    bulk, instead = 0xFA, b"\x09\x00\x00\x00\x03ROLLBACK"

    def pieces(self, source, upward):
        for data in super().pieces(source, upward):
            if upward and data[4:5] == bytes([self.bulk]):
                self.number -= 1
                if self.number == 0:
                    data = self.instead
            yield data


def hosts(*doors):
    """One URL with all their hosts."""
    own = urlsplit(doors[0].url).netloc.split("@")[1]
    return doors[0].url.replace(
        own, ",".join(urlsplit(d.url).netloc.split("@")[1] for d in doors))


def at_the_start(t):
    """Each kind of unusable host, in front of a usable one."""
    gone, silent, good = (t.lab.door("mariadb") for _ in range(3))
    gone.shut()
    silent.freeze()
    for what, door in ("gone", gone), ("silent", silent), \
            ("outside", t.lab.door("mariadb", Outside)), \
            ("read-only", t.lab.door("mariadb", ReadOnly)):
        env = {"MYSQL_URL": hosts(door, good)}
        done = t.lab.run(["sink", "--check"], env=env)
        t.that(done.code == 0, f"{what}: {done}")
        env = {"MYSQL_URL": hosts(door, door)}
        done = t.lab.run(["sink", "--check"], env=env)
        t.that(done.code == 75 and "none of the 2 hosts can be used"
               in f"{done}", f"only {what}: {done}")
    say("- databases that are gone, silent, outside or read-only")


def a_host_refuses_the_login(t):
    """The next one is used; if all refuse, the program ends."""
    for kind, key, argv in (
            ("mariadb", "MYSQL_URL", ["sink", "--check"]),
            ("rabbitmq", "AMQP_URL", [PROBE, "-e", "read", "queue:none"])):
        bad, worse, gone, good = (t.lab.door(kind, k) for k in (
            Refusing, Refusing, Door, Door))
        gone.shut()
        done = t.lab.run(argv, env={key: hosts(bad, good)})
        t.that(done.code == 0, f"{kind}, one refuses: {done}")
        done = t.lab.run(argv, env={key: hosts(bad, worse)})
        t.that(done.code == 77 and "none of the 2 hosts can be used"
               in f"{done}", f"{kind}, all refuse: {done}")
        done = t.lab.run(argv, env={
            key: hosts(bad, gone), "MESSAGING_CONFIG": t.lab.conf(
                "short.conf", {"amqp": {"wait_timeout": "1s"}})})
        t.that(done.code == 75, f"{kind}, another may be back later: {done}")
    say("- a host that refuses the login is passed over")


def rolled_back_without_an_error(t):
    """Whichever statement it is, the transaction is repeated. After the last
    one, about the hour of the interval, only COMMIT follows."""
    number = statements = 0 # none at first, to count them
    while number <= statements:
        tenant = f"r{number}"
        door = t.lab.door("mariadb", RolledBack)
        door.number = number
        rows = [*snapshot(tenant, "s", 1, 3, 3), {
            "type": "row", "table": "intervals", "tenant": tenant,
            "end_at": "2026-11-20T10:00:00.000Z", "chat": "1", "message": "1",
            "kind": "reply", "operator": "1", "ms": 1, "withdrawn": False,
            "as_of": "2026-11-20T10:00:00.000Z", "version": 1}]
        t.lab.must(["sink"], stdin=text(rows).encode(), env={"MYSQL_URL": door.url})
        statements = statements or -door.number
        t.that(door.number <= 0 < statements, f"{door.number} statements left")
        for table in ("operator_metrics", "chat_metrics", "tenant_metrics",
                      "intervals"):
            want = sum(row.get("table") == table for row in rows)
            got = t.sql.number(f"SELECT COUNT(*) FROM {table} WHERE tenant = "
                               f"'{tenant}'")
            t.that(got == want, f"statement {number} rolled back: {got} rows of "
                   f"{table}, not {want}")
        number += 1
    say("- a transaction that the server rolled back without an error")


class Flow:
    """Snapshots of more and more chats go through a queue into the tables."""

    def __init__(self, t, log):
        self.t, self.log, self.rows = t, log, 0

    def goes_on(self, what):
        self.rows += 5
        self.t.lab.put("rows", text(snapshot(
            "t", f"s{self.rows}", self.rows, 1, self.rows)).splitlines())
        try:
            until(40, lambda: self.t.sql.ask(
                "SELECT COUNT(*) FROM chat_metrics WHERE responses = "
                f"{self.rows}") == [[str(self.rows)]], f"{self.rows} chats, {what}")
        except AssertionError as e:
            raise AssertionError(f"{e}: {open(self.log).read()}") from e
        say(f"- {what}: {self.rows} chats")


def while_rows_flow(t):
    broker = [t.lab.door("rabbitmq") for _ in range(2)]
    database = [t.lab.door("mariadb") for _ in range(2)]
    conf = t.conf(amqp={"url": hosts(*broker), "heartbeat": "1s"},
                  mysql={"url": hosts(*database), "timeout": "3s"})
    log = t.lab.path("sink.log")
    sink = t.lab.start(["sink", "-c", conf, "-f", "queue:rows"], log, env={
        "AMQP_URL": "", "MYSQL_URL": ""})
    flow = Flow(t, log)
    flow.goes_on("all hosts are there")
    for what, doors in ("broker", broker), ("database", database):
        doors[0].shut()
        flow.goes_on(f"the first host of the {what} is gone")
        doors[0].open()
        doors[1].freeze()
        flow.goes_on(f"the second host of the {what} is silent")
        doors[1].open()
    sink.terminate()
    t.that(sink.wait(60) == 0, open(log).read())


def test():
    with Lab("hosts") as lab:
        t = Tables(lab)
        at_the_start(t)
        a_host_refuses_the_login(t)
        rolled_back_without_an_error(t)
        while_rows_flow(t)
        return t.result()


main(test)
