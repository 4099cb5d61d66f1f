"""The metrics that a stream counts message by message, computed from all
messages at once, without a state and without withdrawals: conversations,
users, activity, alerts, trends, channels, intervals and events. Each function returns rows as dictionaries. A metric may have its own
file, table_NAME.py after its table: it declares KEY and ZERO_IF_WITHDRAWN, see
row_keys.py, and rows(versions, newest, conf), which gets the arguments of
rows().
"""

import collections
import glob
import importlib
import os
import unicodedata

from clocks import LONG_AGO, by_bytes, counts, latest, writer
from metrics import seconds

MINUTE, HOUR = 60000, 3600000
TABLES = {
    os.path.basename(path)[6:-3]:
        importlib.import_module(os.path.basename(path)[:-3])
    for path in sorted(glob.glob(os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "table_*.py")))}
JOINERS = "\u200c\u200d"


def groups(items, key):
    found = collections.defaultdict(list)
    for m in items:
        found[key(m)].append(m)
    return found.items()


def has_no_blanks(c):
    """Whether the character belongs to a script without blanks between words,
    and is not a mark."""
    n = ord(c)
    return unicodedata.category(c)[0] != "M" and (
        c in "々〇" or 0x3040 <= n <= 0x30ff or 0x31f0 <= n <= 0x31ff or
        0x3400 <= n <= 0x4dbf or 0x4e00 <= n <= 0x9fff or
        0xf900 <= n <= 0xfaff or 0x1b000 <= n <= 0x1b16f or
        0x20000 <= n <= 0x323af)


def belongs(c):
    category = unicodedata.category(c)
    return category[0] in "LM" or category == "Nd" or c in "_〇"


def words(text, more_than):
    """The distinct words of a text, at most the first thousand."""
    found, run, before = {}, "", None
    # Lower-casing turns only this letter into two characters.
    text = unicodedata.normalize("NFKC", text).replace("İ", "i")

    def end():
        # Word by word: the lower case of a sigma depends on its neighbours.
        word = unicodedata.normalize("NFC", run.rstrip(JOINERS).lower())
        if more_than < len(word) <= 60 and len(word.encode()) <= 191:
            found[word] = True

    for c in text:
        if 0xfe00 <= ord(c) <= 0xfe0f or 0xe0100 <= ord(c) <= 0xe01ef:
            continue
        if not run and unicodedata.category(c)[0] == "M":
            continue
        if belongs(c) and has_no_blanks(c):
            end()
            run = ""
            if before is not None:
                found[before + c] = True
            before = c
            continue
        before = None
        if belongs(c):
            run += c
        elif c in JOINERS and run:
            run += c
        else:
            end()
            run = ""
    end()
    return list(found)[:1000]


def pieces(messages, forget):
    """The messages between silences of at least that length."""
    found = []
    for m in sorted(messages, key=lambda m: m["at"]):
        if not found or m["at"] - found[-1][-1]["at"] > forget:
            found.append([])
        found[-1].append(m)
    return found


def remembered(messages, key, conf):
    """{key: messages of its row} since the last silence."""
    return {k: pieces(own, conf["forget"])[-1]
            for k, own in groups(messages, key) if k is not None}


def of_chat(m):
    return m["chat"]


def conversation_rows(messages, chats, conf):
    for chat, own in remembered(messages, of_chat, conf).items():
        told = chats[chat]
        first = told.first_response if told.is_open() else None
        yield {
            "first_response_seconds":
                seconds(first.ms) if first else None,
            "conversation_id": chat, "message_count": len(own),
            "participant_count": len({
                (m["from"], writer(m)) for m in own}),
            "last_message_at": own[-1]["at"], "created_at": own[0]["at"]}


def user_rows(named, newest, conf):
    active = {user: {m["chat"] for m in own
                     if m["at"] > newest - conf["user_active"]}
              for user, own in groups(named, writer)}
    for user, own in remembered(named, writer, conf).items():
        times = [m["at"] for m in own]
        yield {
            "user_id": user, "message_count": len(own),
            "active_conversations": len(active.get(user, ())),
            "last_active": max(times), "created_at": min(times)}


def activity_rows(named):
    for (user, minute), own in groups(
            named, lambda m: (writer(m), m["at"] // MINUTE)):
        yield {"user_id": user, "created_at": minute * MINUTE,
               "messages_last_minute": len(own)}


def channel_rows(messages):
    for (channel, hour), own in groups(
            messages, lambda m: (m.get("channel") or "", m["at"] // HOUR)):
        inbound = sum(m["from"] == "customer" for m in own)
        yield {
            "channel": channel, "hour": hour * HOUR,
            "messages": len(own), "inbound_messages": inbound,
            "outbound_messages": len(own) - inbound,
            "active_conversations": len({m["chat"] for m in own})}


def alert_rows(named, newest, rule, length, threshold):
    full = collections.Counter(
        (writer(m), m["at"] // length) for m in named)
    full = {k: n for k, n in full.items() if n > threshold}
    for user, window in full:
        if (user, window - 1) in full:
            continue
        n, last = 0, window
        while (user, last) in full:
            n += full[user, last]
            last += 1
        yield {
            "user_id": user, "rule": rule, "started_at": window * length,
            "ended_at": last * length if (last + 1) * length <= newest
            else None,
            "messages": n, "threshold": threshold}


def trend_rows(versions, newest, conf):
    """From the first version of each message."""
    length = conf["trend_window"]
    told = collections.Counter(
        (word, v[0]["at"] // length) for v in versions if counts(v[0])
        for word in words(v[0].get("text") or "", conf["trend_length"]))
    for (word, window), n in told.items():
        end = (window + 1) * length
        if n > conf["trend_count"] and end <= newest and \
                word not in conf["stop"]:
            yield {"word": word, "window_start": end - length,
                   "window_end": end, "occurrences": n}


def interval_rows(chat, intervals):
    for i in intervals:
        yield {"end_at": i.end, "chat": chat, "message": i.message,
               "kind": i.kind, "start_at": i.start, "operator": i.operator,
               "channel": i.channel, "awaited": i.awaited, "ms": i.ms}


def step(at, conf):
    """Identities are forgotten in steps of this length."""
    return at // min(max(conf["window"] // 24, 10000), HOUR)


def event_rows(events, conf):
    """The first event of each id. In a stream, an id counts as new again after
    a window."""
    known, told = {}, collections.Counter()
    for e in events:
        now, at = e["before"], e.get("at")
        since = known.get(e["id"])
        if since is None or (now is not None and
                             step(now - conf["window"], conf) > since):
            if e.get("user") is not None:
                told[e["user"], e["event"]] += 1
            since = float("-inf")
        # In a one-shot run it is not forgotten.
        known[e["id"]] = max(
            since, float("inf") if at is None and now is None
            else step(now if at is None else at, conf))
    for (user, event), n in told.items():
        yield {"user": user, "event": event, "count": n}


def rows(versions, events, chats, newest, conf):
    """{table: [row]} of a tenant. versions: all versions of each message in
    order of arrival; events; chats: {id: Chat}."""
    first = [v[0] for v in versions if counts(v[0])]
    named = [m for m in first if writer(m) is not None]
    best = [latest(v) for v in versions]
    best = [m for m in best if counts(m)]
    intervals = [i for c in chats.values() for i in c.intervals]
    found = {
        "conversation_metrics": conversation_rows(best, chats, conf),
        "user_stats": user_rows(named, newest, conf),
        "realtime_user_activity": activity_rows(named),
        "channel_metrics": channel_rows(first),
        "alerts": [row for rule, length in (
            ("minute", MINUTE), ("five_minutes", 5 * MINUTE))
            for row in alert_rows(named, newest, rule, length,
                                  conf["alert_" + rule])],
        "trends": trend_rows(versions, newest, conf),
        "intervals": [row for k, c in chats.items()
                      for row in interval_rows(k, c.intervals)],
        "event_counts": event_rows(events, conf),
    }
    for table, module in TABLES.items():
        found[table] = module.rows(versions, newest, conf)
    return {table: list(own) for table, own in found.items()}
