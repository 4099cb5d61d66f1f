#!/usr/bin/env -S python3 -B
"""From requests to rows: two listeners receive messages and events while the
broker is killed and restarted, and a listener is killed as well. A client
repeats a request with the same Idempotency-Key until it succeeds. Then each
successful request is exactly one row.
"""

import time

import listen
from harness import Checks, Lab, main, until
from streamlib import IN, ROWS, House

TENANT = "acme"
LONG = listen.LONG


class Client(listen.Client):
    """Sends a message, an event, and so on."""

    def request(self, n):
        if n % 2:
            return "/api/v1/messages/send", {
                "sender_id": f"customer-{self.number}",
                "receiver_id": "agent", "content": f"{self.key(n)} hello"}
        return "/api/v1/analytics/events?tenant_id=" + TENANT, {
            "event_type": "user_action", "event_data": {"n": n},
            "user_id": f"customer-{self.number}"}

    def keys(self, odd):
        return {self.key(n) for n in self.safe if n % 2 == odd}


def rows(sql, table, column):
    """Rows by the key of the request, with which the id begins."""
    return {key: int(n) for key, n in sql.ask(
        f"SELECT LEFT({column}, LENGTH({column}) - 17), COUNT(*) "
        f"FROM {table} GROUP BY 1")}


def compare(checks, sql, clients):
    for table, column, odd in (("messages", "message_id", 1),
                               ("events", "id", 0)):
        got = rows(sql, table, column)
        want = set().union(*(c.keys(odd) for c in clients))
        sent = {c.key(n) for c in clients
                for n in range(1, len(c.safe) + 2) if n % 2 == odd}
        lost = want - set(got)
        more = set(got) - sent
        twice = [k for k, n in got.items() if n != 1]
        checks.that(len(want) > 100, f"{table}: {len(want)} is not much")
        checks.that(not lost, f"{table}: {len(lost)} lost")
        checks.that(not more, f"{table}: {len(more)} that nobody sent")
        checks.that(not twice, f"{table}: {len(twice)} more than once")
    for c in clients:
        checks.that(not c.odd, f"client {c.number}: {c.odd[:3]}")


def body():
    checks = Checks()
    with Lab("listen_tables") as lab:
        house = House(lab, private=True)
        house.sink()
        house.aggregator(metrics="messages,eventlog")
        kept, bare = (listen.Listener(lab, name, to="queue:" + IN,
                                      tenant=TENANT)
                      for name in ("kept", "bare"))
        loads = [listen.Load(kept, 0, Client, 4),
                 listen.Load(bare, 100, Client, 4)]
        for k in loads:
            k.more(15, "requests while all is well")
        lab.servers("kill", "rabbitmq")
        for k in loads:
            k.more(15, "success while the broker is away")
        kept.kill()
        kept.start()
        loads[0].more(15, "success after the listener was killed")
        lab.servers("start", "rabbitmq")
        for k in loads:
            k.more(15, "success when the broker is back")
        for k in loads:
            k.stop()
        for listener in (kept, bare):
            until(LONG, listener.is_drained, "its rest")
        for listener in (kept, bare):
            checks.that(listener.stop() == 0, "it did not end in order: " +
                        listener.said())
        clients = [c for k in loads for c in k.clients]
        want = sum(len(c.safe) for c in clients)

        def stored():
            return sum(house.sql.number(f"SELECT COUNT(*) FROM {t}")
                       for t in ("messages", "events")) >= want

        end = time.monotonic() + LONG
        while not stored() and time.monotonic() < end:
            house.check_alive()
            time.sleep(0.1)
        house.rest(LONG, lambda: house.queue_rests(IN, ROWS), rest=0.5)
        compare(checks, house.sql, clients)
        for name in ("aggregator", "sink"):
            checks.that(house.stop(name) == 0, name + ": " + house.log(name))
    return checks.result()


main(body)
