"""Random streams through the aggregator, against figures that count.

An independent statement of what conversations, users, activity, alerts,
trends, channels, intervals, response histograms and counts of events mean,
computed from all messages and events at once, with nothing kept and nothing
taken back, and a stream of several tenants and languages with bursts,
duplicates, versions, latecomers and ties to hold the program against. SEED=n repeats a stream, STREAMS=n says how many; LONG=1: many.
"""

import collections
import json
import os
import random
import subprocess
import sys
import time
import unicodedata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402

BIN = os.environ.get("BIN", "build/bin")
START = 1795165200000
DAY = 86400000
WRITERS = ("customer", "operator", "bot", "system")

PHRASES = (
    "Where is my ORDER? order order, please", "the invoice is wrong again",
    "please call me back, don't write", "thanks! thanks; thank_you 2026",
    "где мой ЗАКАЗ? заказ не пришёл", "спасибо большое, спасибо",
    "cafe\u0301 caf\u00e9 CAFÉ naïve façade", "Straße STRASSE straße",
    "İstanbul ıstanbul ISTANBUL", "ΣΊΣΥΦΟΣ σίσυφος Οδυσσέας",
    "我的订单在哪里", "订单订单 请尽快发货", "注文はどこですか カタカナ",
    "คำสั่งซื้อของฉัน อยู่ที่ไหน", "मेरा ऑर्डर कहाँ है नमस्ते",
    "می\u200cخواهم می\u200cروم\u200c سفارش", "طلبي أين هو؟ طلبي",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글 주문이요", "x" * 61, "y" * 60,
    "Ångström \u212bngstro\u0308m \u2126hms", "🎉🎉 party🎉party", "",
    "a b c de fgh", "٣٤٥٦٧ १२३४५ ½½½½", "e\u0301" * 60, "́leading mark",
    "\u200djoiner joi\u200d\u200dner joiner\u200d", "ｆｕｌｌｗｉｄｔｈ ＦＵＬＬＷＩＤＴＨ",
    "עברית הזמנה שלי", "ﬁnance ﬃ Ǆungla ǆungla ǅungla", "𐐀𐐁𐐂𐐃 𝒳𝒴𝒵𝒲",
)


# What the figures mean.

def is_ideograph(c):
    n = ord(c)
    return (0x3040 <= n <= 0x30ff or 0x3400 <= n <= 0x4dbf or
            0x4e00 <= n <= 0x9fff or 0xf900 <= n <= 0xfaff or
            0x20000 <= n <= 0x323af)


def words(text, more_than):
    found, run = set(), ""

    def end():
        word = unicodedata.normalize("NFC", run.rstrip("\u200c\u200d"))
        if more_than < len(word) <= 60 and len(word.encode()) <= 250:
            found.add(word)

    before = None
    for c in text:
        belongs = unicodedata.category(c)[0] in "LMN" or c == "_"
        if belongs and is_ideograph(c):
            end()
            run = ""
            if before is not None:
                found.add(before + c)
            before = c
            continue
        before = None
        if belongs:
            run += c.lower()[0]
        elif c in "\u200c\u200d" and run:
            run += c
        else:
            end()
            run = ""
    end()
    return found


def counts(m):
    return m["from"] != "system" and not m.get("private") \
        and not m.get("automated")


def writer(m):
    user = m.get("user")
    if user is None and m["from"] == "operator":
        return m.get("operator")
    return user


def winners(messages):
    """Of each message the version that counts, and the one that came first."""
    best, first = {}, {}
    for m in messages:
        key = (m["chat"], m["id"])
        first.setdefault(key, m)
        if key not in best or version(m) > version(best[key]):
            best[key] = m
    return list(best.values()), list(first.values())


def version(m):
    return (m.get("updated_at") or -1, m["at"])


def alert_rows(messages, newest, rule, length, threshold):
    full = collections.Counter(
        (writer(m), m["at"] // length) for m in messages)
    full = {k: n for k, n in full.items() if n > threshold}
    for user, window in sorted(full):
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
            "messages": n, "threshold": threshold,
        }


def id_order(text):
    """Whole numbers first, by value; then everything else, by bytes."""
    whole = text.isascii() and text.isdigit() and (
        text == "0" or text[0] != "0")
    return (0, int(text), b"") if whole else (1, 0, text.encode())


class Clocks:
    """The intervals of one chat that was never described."""

    def __init__(self, messages):
        self.found = []
        self.holder = None
        self.episode()
        for m in sorted(messages, key=lambda m: (m["at"], id_order(m["id"]))):
            if self.first is None:
                self.first = m["at"]
            self.step(m)

    def episode(self):
        self.asked = self.waits = self.answered = self.part = None
        self.first = None
        self.cut = self.handed = False

    def tell(self, m, kind, start, operator):
        self.found.append((m["at"], m["chat"], m["id"], kind, start, operator))

    def wait(self, at):
        if self.waits is None:
            self.waits = self.part = at
            self.cut = False

    def served(self, m):
        if self.waits is not None and self.cut:
            self.tell(m, "waiting", self.part, self.holder)
        self.waits = None

    def step(self, m):
        at, who, kind = m["at"], m["from"], m.get("kind")
        if who == "system":
            if kind == "handoff" and not self.handed:
                self.handed = True
                self.asked = at
                self.wait(at)
            elif kind == "assigned" and self.holder != m.get("operator"):
                if self.waits is not None:
                    self.tell(m, "waiting", self.part, self.holder)
                    self.part, self.cut = at, True
                self.holder = m.get("operator")
            elif kind == "closed":
                waited, first = self.waits, self.first
                self.served(m)
                self.tell(m, "resolution", first, self.holder)
                if waited is not None:
                    self.tell(m, "unanswered", waited, self.holder)
                self.episode()
        elif not counts(m):
            return
        elif who == "customer":
            if self.asked is None:
                self.asked = at
            self.wait(at)
        elif who == "bot":
            self.served(m)
        else:
            # Who is told of as the operator, else as the user.
            answerer = m.get("operator", m.get("user"))
            if self.answered is None:
                self.answered = at
                if self.asked is not None:
                    self.tell(m, "first_response", self.asked, answerer)
            elif self.waits is not None:
                self.tell(m, "reply", self.waits, answerer)
            self.served(m)


def bucket(ms):
    """32 to each doubling, from 32 ms on; below, one a millisecond."""
    if ms < 32:
        return ms
    octave = ms.bit_length() - 1
    return 32 * (octave - 4) + (ms - 2 ** octave) * 32 // 2 ** octave


def interval_rows(messages, rows):
    chats = collections.defaultdict(list)
    for m in messages:
        chats[m["chat"]].append(m)
    hours = collections.defaultdict(list)
    for own in chats.values():
        for end, chat, message, kind, start, operator in Clocks(own).found:
            ms = max(end - start, 0)
            rows["intervals"].append({
                "end_at": end, "chat": chat, "message": message, "kind": kind,
                "start_at": start, "operator": operator, "ms": ms,
                "withdrawn": False})
            if kind != "waiting":
                hours[operator or "", end // 3600000 * 3600000, kind].append(
                    ms)
    for (operator, hour, kind), ms in hours.items():
        key = {"operator": operator, "hour": hour, "kind": kind}
        rows["response_hours"].append(dict(
            key, responses=len(ms), sum_ms=sum(ms), max_ms=max(ms)))
        for b, n in collections.Counter(map(bucket, ms)).items():
            rows["response_histogram"].append(dict(key, bucket=b, count=n))


def event_rows(events):
    """Of each id the greatest version; a user takes part by bytes."""
    best = {}
    for e in events:
        if e.get("user") is None:
            continue  # nobody did it
        rank = (e.get("at", -1), e["user"].encode(), e["event"].encode())
        best[e["id"]] = max(rank, best.get(e["id"], rank))
    for (user, event), n in collections.Counter(
            rank[1:] for rank in best.values()).items():
        yield {"user": user.decode(), "event": event.decode(), "count": n}


def figures(messages, events, newest, conf):
    """{table: [row]} of one tenant's messages, in the order they came."""
    best, first = winners(messages)
    rows = collections.defaultdict(list)
    interval_rows(best, rows)
    rows["event_counts"].extend(event_rows(events))
    best = [m for m in best if counts(m)]
    named = [m for m in best if writer(m) is not None]

    def group(items, key):
        groups = collections.defaultdict(list)
        for m in items:
            groups[key(m)].append(m)
        return groups.items()

    for chat, own in group(best, lambda m: m["chat"]):
        rows["conversation_metrics"].append({
            "conversation_id": chat, "message_count": len(own),
            "participant_count": len({(m["from"], writer(m)) for m in own}),
            "last_message_at": max(m["at"] for m in own),
            "created_at": min(m["at"] for m in own)})
    for user, own in group(named, writer):
        rows["user_stats"].append({
            "user_id": user, "message_count": len(own),
            "active_conversations": len({
                m["chat"] for m in own
                if m["at"] > newest - conf["user_active"]}),
            "last_active": max(m["at"] for m in own),
            "created_at": min(m["at"] for m in own)})
    for (user, minute), own in group(
            named, lambda m: (writer(m), m["at"] // 60000)):
        rows["realtime_user_activity"].append({
            "user_id": user, "created_at": minute * 60000,
            "messages_last_minute": len(own)})
    for (channel, hour), own in group(
            best, lambda m: (m.get("channel") or "", m["at"] // 3600000)):
        inbound = sum(m["from"] == "customer" for m in own)
        rows["channel_metrics"].append({
            "channel": channel, "hour": hour * 3600000,
            "messages": len(own), "inbound_messages": inbound,
            "outbound_messages": len(own) - inbound,
            "active_conversations": len({m["chat"] for m in own})})
    for rule, length in (("minute", 60000), ("five_minutes", 300000)):
        rows["alerts"].extend(alert_rows(
            named, newest, rule, length, conf["alert_" + rule]))
    told = collections.Counter(
        (word, m["at"] // conf["trend_window"]) for m in first if counts(m)
        for word in words(m.get("text") or "", conf["trend_length"]))
    for (word, window), n in told.items():
        end = (window + 1) * conf["trend_window"]
        if n > conf["trend_count"] and end <= newest and \
                word not in conf["stop"]:
            rows["trends"].append({
                "word": word, "window_start": end - conf["trend_window"],
                "window_end": end, "occurrences": n})
    return rows


# Streams.

class Stream:
    def __init__(self, seed):
        self.dice = d = random.Random(seed)
        self.conf = {
            "user_active": d.choice((DAY, DAY, 3600000, 60000)),
            "alert_minute": d.choice((8, 8, 2, 1)),
            "alert_five_minutes": d.choice((20, 20, 5, 2)),
            "trend_window": d.choice((120000, 120000, 30000, 3600000)),
            "trend_count": d.choice((2, 2, 1, 5)),
            "trend_length": d.choice((3, 3, 1, 6)),
            "stop": d.choice(((), (), ("order", "заказ", "订单"))),
        }
        self.span = d.choice((60, 600, 7200, 100000, 300000)) * 1000
        self.grain = d.choice((1, 1000, 20000))
        self.users = ["7", "ann", "Zoé", "x\"y", "ж" * 95, "0"] \
            + ["u%d" % i for i in range(d.choice((0, 3, 40)))]
        self.chats = ["c%d" % i for i in range(d.choice((1, 4, 60)))]
        self.n = 0

    def at(self):
        d = self.dice
        if d.random() < 0.4:  # a burst
            return self.burst + d.randrange(90000)
        return START + d.randrange(self.span) // self.grain * self.grain

    def message(self):
        d = self.dice
        self.n += 1
        m = {"id": d.choice(("%d", "m%d")) % self.n,
             "chat": d.choice(self.chats), "at": self.at(),
             "from": d.choices(WRITERS, (50, 30, 10, 10))[0]}
        user = self.noisy if d.random() < 0.3 else d.choice(self.users)
        if m["from"] == "operator" and d.random() < 0.5:
            m["operator"] = user
        elif d.random() < 0.93:
            m["user"] = user
        if m["from"] == "system":
            m["kind"] = d.choice(
                ("opened", "closed", "assigned", "handoff", "other"))
            if m["kind"] == "assigned" and d.random() < 0.7:
                m["operator"] = d.choice(self.users)
        for flag in ("private", "automated"):
            if d.random() < 0.05:
                m[flag] = True
        if d.random() < 0.8:
            m["channel"] = d.choice(("web", "mail", "t g", "é"))
        if d.random() < 0.9:
            m["text"] = " ".join(
                d.choice(PHRASES) for _ in range(d.randint(1, 3)))
        return m

    def another_version(self, m):
        """Of the same channel; the later updated_at counts."""
        d = self.dice
        other = dict(self.message(), id=m["id"], chat=m["chat"])
        other.pop("channel", None)
        if "channel" in m:
            other["channel"] = m["channel"]
        if d.random() < 0.5:
            other["at"] = m["at"]
        other["updated_at"] = START + self.n
        return other

    def event(self):
        d = self.dice
        self.n += 1
        e = {"type": "event", "id": d.choice(("%d", "e%d")) % self.n,
             "event": d.choice(self.deeds)}
        if d.random() < 0.95:
            e["user"] = d.choice(self.users)
        if d.random() < 0.9:
            e["at"] = self.at()
        if d.random() < 0.2:
            e["chat"] = d.choice(self.chats)
        return e

    def events(self):
        """Some come again, some in other versions, some of the same time."""
        d = self.dice
        self.deeds = ("login", "Login", "é", "e\u0301", "x y\"z") \
            + tuple("deed%d" % i for i in range(d.choice((0, 20))))
        self.burst = START
        out = [self.event() for _ in range(d.choice((0, 20, 200, 1000)))]
        for e in list(out):
            while d.random() < 0.2:
                other = dict(self.event(), id=e["id"])
                if d.random() < 0.5:
                    other.pop("at", None)
                    if "at" in e:
                        other["at"] = e["at"]
                out.append(other)
            if d.random() < 0.1:
                out.append(dict(e))
        d.shuffle(out)
        return out

    def messages(self):
        d = self.dice
        out = []
        for _ in range(d.choice((1, 30, 300, 1500))):
            if not out or d.random() < 0.02:
                self.burst = START + d.randrange(self.span)
                self.noisy = d.choice(self.users)
            out.append(self.message())
        for m in list(out):
            if d.random() < 0.05:
                out.append(self.another_version(m))
            if d.random() < 0.05:
                out.append(dict(m))
        order = d.choice(("shuffled", "late", "late"))
        if order == "shuffled":
            d.shuffle(out)
        else:
            late = self.span // 3
            out.sort(key=lambda m: m["at"]
                     + (d.randrange(late) if d.random() < 0.1 else 0))
        return out

    def mixed(self, messages, events):
        """Both in one, each in its order."""
        left = [collections.deque(messages), collections.deque(events)]
        out = collections.deque()
        while any(left):
            out.append(self.dice.choices(
                left, [len(x) for x in left])[0].popleft())
        return out


def line(tenant, m):
    fields = dict({"type": "message"}, tenant=tenant, **m)
    for key in ("at", "updated_at"):
        if key in fields:
            fields[key] = compare.format_time(fields[key])
    return json.dumps(fields, ensure_ascii=bool(len(m["id"]) % 2))


def configuration(conf):
    out = ["[aggregator]", "user_active = %dms" % conf["user_active"],
           "trend_window = %dms" % conf["trend_window"]]
    out += ["%s = %d" % (k, conf[k]) for k in (
        "alert_minute", "alert_five_minutes", "trend_count", "trend_length")]
    if conf["stop"]:
        out.append("trend_stop_words = " + ", ".join(
            w.upper() for w in conf["stop"]))
    return "\n".join(out) + "\n"


FIGURES = ("conversations", "users", "activity", "alerts", "trends",
           "channels", "intervals", "histograms", "events")
TABLES = {
    "conversation_metrics": ("conversation_id",),
    "user_stats": ("user_id",),
    "realtime_user_activity": ("created_at", "user_id"),
    "alerts": ("started_at", "user_id", "rule"),
    "trends": ("window_start", "word"),
    "channel_metrics": ("hour", "channel"),
    "intervals": ("end_at", "chat", "message", "kind"),
    "response_hours": ("hour", "operator", "kind"),
    "response_histogram": ("hour", "operator", "kind", "bucket"),
    "event_counts": ("user", "event"),
}
TIMES = ("_at", "_active", "window_start", "window_end", "hour", "as_of")


def aggregate(text, conf):
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"),
                        "stream_figures.%d.conf" % os.getpid())
    with open(path, "w", encoding="utf-8") as f:
        f.write(configuration(conf))
    try:
        done = subprocess.run(
            [os.path.join(BIN, "aggregator"), "-c", path, "-o", "ndjson",
             "-a", ",".join(FIGURES)],
            input=text.encode(), capture_output=True)
    finally:
        os.remove(path)
    said = [x for x in done.stderr.decode().splitlines()
            if "come without text" not in x]
    if done.returncode != 0 or said:
        raise AssertionError("aggregator: exit %d, %s" % (
            done.returncode, said))
    return done.stdout.decode()


def keyed(tenant, table, row):
    return (tenant, table) + tuple(row[k] for k in TABLES[table])


def actual(text):
    rows = {}
    for each in text.splitlines():
        row = json.loads(each)
        assert row.pop("type") == "row", each
        table, tenant = row.pop("table"), row.pop("tenant")
        for k, v in row.items():
            if k.endswith(TIMES) and v is not None and \
                    k != "active_conversations":
                row[k] = compare.parse_time(v)
        key = keyed(tenant, table, row)
        assert key not in rows, "%s came twice" % (key,)
        rows[key] = row
    return rows


def try_stream(seed):
    """Sentences on what is wrong with the rows of one stream."""
    s = Stream(seed)
    tenants = {"t%d" % i: (s.messages(), s.events())
               for i in range(s.dice.choice((1, 3)))}
    lines = []
    # Tenants mixed, each in its own order, with its events anywhere.
    queues = {t: s.mixed(*own) for t, own in tenants.items()}
    while queues:
        t = s.dice.choice(sorted(queues))
        lines.append(line(t, queues[t].popleft()))
        if not queues[t]:
            del queues[t]
    got = actual(aggregate("\n".join(lines) + "\n", s.conf))
    want = {}
    for t, (messages, events) in tenants.items():
        newest = max(x.get("at", -1) for x in messages + events)
        for table, rows in figures(messages, events, newest, s.conf).items():
            for row in rows:
                row["as_of"] = newest
                want[keyed(t, table, row)] = row
    for key in sorted(set(want) | set(got), key=str):
        if key not in got:
            yield "%s is missing: %s" % (key, want[key])
        elif key not in want:
            yield "%s should not be there: %s" % (key, got[key])
        elif want[key] != got[key]:
            yield "%s is %s, should be %s" % (key, got[key], want[key])


def write_stream(seed):
    """A stream's lines alone, all within two hours and in no order."""
    s = Stream(seed)
    s.span, s.grain = 7200000, 1000
    own = [m for _ in range(4) for m in s.messages() + s.events()]
    s.dice.shuffle(own)
    for m in own:
        print(line("t1", m))


def main():
    if sys.argv[1:2] == ["--write"]:
        write_stream(int(sys.argv[2]))
        return 0
    start = os.environ.get("SEED")
    start = int(start) if start else int(time.time()) % 10 ** 7 * 100
    streams = int(os.environ.get(
        "STREAMS", 1500 if os.environ.get("LONG") == "1" else 60))
    print("SEED=%d and the %d after it" % (start, streams - 1), flush=True)
    for seed in range(start, start + streams):
        wrong = list(try_stream(seed))
        if wrong:
            print("SEED=%d: %d differences" % (seed, len(wrong)))
            print("\n".join(wrong[:20]))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
