#!/usr/bin/env -S python3 -B
"""From requests to rows: an analysis of a message becomes a row of
message_analytics, whether the message is known or not, and regardless of
repetition; and it has no other effect. The messages and every metric are
unchanged, and no chat waits for an operator because of it.
"""

import json

import listen
from harness import PROBE, Checks, Lab, main, until
from streamlib import IN, ROWS, House

TENANT = "acme"
LONG = listen.LONG
SEND = "/api/v1/messages/send"
FIND = "/api/v1/analytics/messages/analytics?tenant_id=" + TENANT
EVENT = "/api/v1/analytics/events?tenant_id=" + TENANT
PROMISES = "reservations"
METRICS = "operators,chats,tenant,events,messages,eventlog,conversations," \
    "users,channels,allocation"
# Rows that must not change, without the time at which they were written.
KEPT = {
    "messages": "conversation_id, message_id, created_at, sender, sender_id, "
                "content, version",
    "chat_metrics": "chat, operator, status, messages, last_message_at",
    "conversation_metrics": "conversation_id, message_count, "
                            "participant_count, created_at, last_message_at",
    "user_stats": "user_id, message_count, active_conversations, last_active",
    "channel_metrics": "channel, hour, messages, inbound_messages",
}


def send(listener, path, body, key):
    got = listener.post(path, body, {"Idempotency-Key": key})
    if got[0] != 200:
        raise AssertionError(f"{path}: {got}")


def mark(house, listener, name):
    """Sends an event last: once it is counted and no row waits, all earlier
    records are stored, too. A flush may take several transactions."""
    send(listener, EVENT, {"event_type": "user_action", "user_id": name,
                          "event_data": {}}, name)

    def counted():
        house.check_alive()
        return house.sql.number(
            f"SELECT COUNT(*) FROM event_counts WHERE user = '{name}'") and \
            house.sql.number(
                f"SELECT COUNT(*) FROM events WHERE user_id = '{name}'") and \
            house.queue_rests(IN, ROWS)

    until(LONG, counted, f"the event {name} in the tables")


def kept(sql):
    return {table: sorted(sql.ask(f"SELECT {columns} FROM {table}"))
            for table, columns in KEPT.items()}


def finding(message, chat, direction):
    return {"id": message, "conversation_id": chat, "channel_id": "web",
            "direction": direction, "response_time": 2.5,
            "content": {"text": "hello"},
            "sentiment": {"score": 0.5, "label": "good", "confidence": 1}}


def reserved(lab):
    """The chats of the reservations so far, removed from the queue."""
    return {json.loads(line)["chat"] for line in lab.take(PROMISES)}


def check_given(checks, lab, house, listener):
    """An operator comes online: only chats whose customers wrote are
    assigned."""
    lab.must([PROBE, "write", "queue:" + IN], stdin=json.dumps(
        {"type": "operator", "tenant": TENANT, "operator": "7",
         "available": True, "max_chats": 10}).encode() + b"\n")
    given, want = set(), {"c0", "c1", "c2"}

    def all_given():
        house.check_alive()
        given.update(reserved(lab))
        return want <= given

    until(LONG, all_given, "a reservation for each chat that waits")
    mark(house, listener, "given")
    given.update(reserved(lab))
    checks.that(given == want, f"reserved are {given}, not {want}")


def body():
    checks = Checks()
    with Lab("listen_about") as lab:
        house = House(lab)
        house.sink()
        house.aggregator("--assign-to", "queue:" + PROMISES, metrics=METRICS)
        listener = listen.Listener(lab, "about", to="queue:" + IN,
                                   tenant=TENANT)
        for n in range(3):
            send(listener, SEND, {
                "sender_id": "alice", "conversation_id": f"c{n}",
                "channel_id": "web", "content": f"hello {n}"}, f"m{n}")
        mark(house, listener, "sent")
        before = kept(house.sql)
        checks.that(all(before.values()), f"rows before: {before}")

        asks = [("f1", finding("m1", "c1", "inbound")),
                ("f2", finding("m2", "c2", "outbound")),
                ("f3", finding("unknown", "c3", "inbound")),
                ("f4", finding("unknown", "c0", "outbound"))]
        for key, found in asks * 2:
            send(listener, FIND, found, key)
        mark(house, listener, "found")
        after = kept(house.sql)
        for table, rows in before.items():
            checks.that(after[table] == rows,
                        f"{table}: was {rows}, is {after[table]}")
        got = house.sql.ask(
            "SELECT LEFT(id, LENGTH(id) - 17), message_id, conversation_id, "
            "direction, channel_id, message_length, sentiment_label, "
            "response_time FROM message_analytics ORDER BY id")
        want = [[key, f["id"], f["conversation_id"], f["direction"], "web",
                 "5", "good", "2.5"] for key, f in asks]
        checks.that(got == want, f"message_analytics: {got}, not {want}")

        check_given(checks, lab, house, listener)
        checks.that(listener.stop() == 0, listener.said())
        for name in ("aggregator", "sink"):
            checks.that(house.stop(name) == 0, name + ": " + house.log(name))
    return checks.result()


main(body)
