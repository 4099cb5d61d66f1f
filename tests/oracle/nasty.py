"""Nasty streams: everything that a publisher can send, likely or not.

Several tenants have messages that come late, twice, edited and out of order;
chats that are described, closed, opened, transferred and dropped; snapshots in
between, whole and truncated; identifiers, texts, times and numbers of every
kind; and lines that are not records. The same seed gives the same stream.
"""

import collections
import json
import random
import unicodedata

import dues
from records import FIRST, LAST, shown

SECOND, MINUTE, HOUR, DAY = 1000, 60000, 3600000, 86400000
YEARS_400 = 146097 * DAY
YEAR_1000 = -30610224000000 # older times are not stored
START = 1763632800000 # 2025-11-20T10:00:00Z
# With more records per chat, a stream may drop some that repeat another, and a
# late record among them would show the difference. Only busy() has more, in
# order.
MOST_DESCRIBED = 60
WRITERS = ("customer", "operator", "bot", "system")
KINDS = ("opened", "closed", "assigned", "handoff", "other")
STATUS = ("open", "pending", "snoozed", "closed", "gone")

PHRASES = (
    "Where is my ORDER? order order, please", "the invoice is wrong again",
    "please call me back, don't write", "thanks! thanks; thank_you 2026",
    "где мой ЗАКАЗ? заказ не пришёл", "спасибо большое, спасибо",
    "cafe\u0301 caf\u00e9 CAFÉ naïve façade", "Straße STRASSE straße",
    "İstanbul ıstanbul ISTANBUL", "ΣΊΣΥΦΟΣ σίσυφος Οδυσσέας",
    "J\u030cabc \u01f0abc", "H\u0331ello \u1e96ello",
    "我的订单在哪里", "订单订单 请尽快发货", "注文はどこですか カタカナ",
    "คำสั่งซื้อของฉัน อยู่ที่ไหน", "मेरा ऑर्डर कहाँ है नमस्ते",
    "می\u200cخواهم می\u200cروم\u200c سفارش", "طلبي أين هو؟ طلبي",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글 주문이요", "x" * 61, "y" * 60,
    "Ångström \u212bngstro\u0308m \u2126hms", "🎉🎉 party🎉party", "",
    "a b c de fgh", "٣٤٥٦٧ १२३४५", "e\u0301" * 60, "́leading mark",
    "❤️deadline ⚠️DEADLINE ☎️ deadline", "葛\U000e0100城市 葛城市",
    "ΔΡΌΜΟΣ δρόμος ΑΣ3 Σ \U0001e922ΑΣ'Σ ΟΔΟΣ.ΟΔΟΣ",
    "ΠΟΛΕΜΟΣ.ΑΛΛΟ πολεμος ΣΑΣ:ΣΑΣ ΑΛΛΑΣーΑΛΛΑΣ", "あ゙い ｱﾞﾞ ㇷ゚ー abcd゙ ゙abcd",
    "\u200djoiner joi\u200d\u200dner joiner\u200d",
    "ｆｕｌｌｗｉｄｔｈ ＦＵＬＬＷＩＤＴＨ", "עברית הזמנה שלי",
    "ﬁnance ﬃ Ǆungla ǆungla ǅungla", "𐐀𐐁𐐂𐐃 𝒳𝒴𝒵𝒲",
)
ASIAN = ("人々が時々、二〇二六年", "ｶﾞﾗｽ と ﾃﾞｰﾀ", "x²Ⅷy① ½ক়৴",
         "ｶﾀｶﾅ ｺｰﾋｰ ﾊﾟﾝ カタカナ コーヒー パン",
         "½½½½ ⅣⅣⅣⅣ ²²²² ①②③④", "〇〇〇〇 々々", "㈱㌔㍻ ﬀﬁﬂﬃ", "߁߂߃߄ ᠐᠑᠒᠓ 𝟘𝟙𝟚𝟛")

# Values that no program may fail on.
NUMBERS = ("9223372036854775808", "-9223372036854775809", "1e400", "-1E+999",
           "18446744073709551616", "0.1000000000000000055511151231257827",
           "123456789012345678901234567890.5e-7", "9" * 400, "1e-400", "1.10",
           "12345678901234567890")
VALUES = NUMBERS + ('{"n":[1.10,-0.0]}', '"x"', "[]", "[1,[2,{}]]", "{}", "true", "null", '""',
                    '"\\u0000"', '"\\u0000a\\ud83c\\udf89"')

BROKEN = (
    '{"type":"message","tenant":"%s","chat":"c","at":"2025-11-20T10:00:00Z","from":"customer"}',
    '{"type":"message","tenant":"%s","chat":"c","id":"1","from":"customer"}',
    '{"type":"message","tenant":"%s","chat":"c","id":"1","at":"yesterday","from":"customer"}',
    '{"type":"message","tenant":"%s","chat":"c","id":"1","at":"2025-02-30T10:00:00Z","from":"bot"}',
    '{"type":"message","tenant":"%s","chat":"c","id":"1","at":"2025-11-20T10:00:00Z","from":"Robot"}',
    '{"type":"message","tenant":"%s","chat":"c","id":1.5,"at":"2025-11-20T10:00:00Z","from":"bot"}',
    '{"type":"message","tenant":"%s","chat":"c","id":"1","at":"2025-11-20T10:00:00Z","from":"bot","private":"yes"}',
    '{"type":"message","tenant":"%s","chat":"c","id":"1","at":"2025-11-20T10:00:00Z","from":"bot","text":7}',
    '{"type":"chat","tenant":"%s","chat":"","status":"open"}',
    '{"type":"chat","tenant":"%s","chat":"c","status":"ajar"}',
    '{"type":"chat","tenant":"%s","chat":["c"]}',
    '{"type":"operator","tenant":"%s","operator":true}',
    '{"type":"operator","tenant":"%s","operator":"7","reported_open_chats":-1}',
    '{"type":"event","tenant":"%s","id":"e"}',
    '{"type":"view","tenant":"%s","message":"1","at":"2025-11-20T10:00:00Z"}',
    '{"type":"event","tenant":"%s/x","id":"e","event":"login"}',
    '{"type":"event","id":"%s","event":"login"}',
    '{"tenant":"%s"}', '["%s"]', '"%s"', "%s", '{"type":"event","tenant":"%s"',
    '{"type":"event","tenant":"%s","id":"e","event":"x",}',
    '{"type":"event","tenant":"%s","id":"' + "i" * 192 + '","event":"login"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","data":NaN}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","data":01}',
)
BLANKS = (
    '{"type":"event","tenant":"%s","id":"blank ","event":"login"}',
    '{"type":"event","tenant":"%s","id":"tab\\t","event":"login"}',
    '{"type":"event","tenant":"%s","id":"a\\nb","event":"login"}',
    '{"type":"event","tenant":"%s","id":"a\\u0000b","event":"login"}',
    '{"type":"chat","tenant":"%s","chat":"c","operator":"7\\u007f"}',
)
YEARS = (
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"0000-01-01T00:00:00Z"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"10000-01-01T00:00:00Z"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"9999-12-31T23:59:59-00:01"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"0001-01-01T00:00:00+00:01"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"2025-11-20T10:00:00+24:00"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"2025-11-20T10:00:00-00:60"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"2025-11-20T10:00:00-99:99"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"2025-11-20T10:00:61Z"}',
    '{"type":"event","tenant":"%s","id":"e","event":"x","at":"9999-12-31T23:59:60Z"}',
)
EVERY = ("edits", "undated", "repeats", "records", "closed_records", "opened_later",
         "opened_long_ago",
         "snapshots", "snapshot_texts", "forgetting", "forget", "json",
         "words", "blanks", "years", "about", "late", "broken", "views",
         "moved_events", "chatwoot", "busy")
# A stream keeps only the last few times and forgets ended chats. A record that
# comes a window later, or in a chat that returns, may count for a new chat, so
# only one-shot runs include these two. Messages that are newer than their
# snapshot would move a stream's clock. A chat record without any time counts as
# of what its aggregator has read before.
BY_HAND = (*EVERY, "withdrawn", "returns", "newer", "timeless", "hours")


class Nasty:
    """lines(): the stream; conf: its configuration."""

    def __init__(self, seed, features=EVERY, stored=False):
        self.features = frozenset(features)
        self.dice = d = random.Random(seed)
        self.seed = seed
        self.window = d.choice((DAY, DAY, 6 * HOUR, HOUR))
        self.conf = {
            "window": self.window,
            "forget": max(DAY, 2 * self.window) if self.has("forget", 0.4)
            else 90 * DAY,
            "user_active": d.choice((DAY, 3 * DAY, HOUR, MINUTE)),
            "alert_minute": d.choice((8, 8, 2, 1)),
            "alert_five_minutes": d.choice((20, 20, 5, 2)),
            "trend_window": d.choice((120000, 120000, 30000, HOUR)),
            "trend_count": d.choice((2, 2, 1, 5)),
            "trend_length": d.choice((3, 3, 1, 6)),
            "stop": d.choice(((), (), ("order", "заказ", "订单"))),
            "definition": "chatwoot" if self.has("chatwoot", 0.4) else "ours",
        }
        self.oldest = YEAR_1000 if stored else FIRST
        self.size = d.choice((6, 20, 60, 200, 600))
        self.tenants = [Tenant(self, "t%d" % i)
                        for i in range(d.choice((1, 1, 3)))]
        self.conf["terms"] = dues.random_for(
            seed, dues.day_of(START), [t.name for t in self.tenants],
            ["web"]) if "hours" in self.features else {}

    def has(self, feature, chance=1.0):
        return feature in self.features and self.dice.random() < chance

    def lines(self):
        """The bytes of each line, in order of arrival."""
        queues = [q for q in (t.arrivals() for t in self.tenants) if q]
        out, whole = [], 0
        while queues:
            q = self.dice.choice(queues)
            line = q.pop(0)
            out.append(line)
            if not q:
                queues.remove(q)
            if b'"state"' in line: # a snapshot counts its lines
                whole += 1 if b'"begin"' in line else -1
            if whole == 0 and self.has("broken", 0.01):
                out.append(self.broken())
        return out

    def broken(self):
        own = list(BROKEN)
        for name, more in (("blanks", BLANKS), ("years", YEARS)):
            if name in self.features:
                own += more
        line = self.dice.choice(own) % self.dice.choice(self.tenants).name
        if self.dice.random() < 0.03:
            return b'{"type":"event","tenant":"t0","id":"\xff\xfe"}'
        return line.encode()


class Tenant:
    def __init__(self, world, name):
        self.world, self.name = world, name
        self.dice = d = world.dice
        self.window = world.window
        spans = [MINUTE, 10 * MINUTE, self.window // 2]
        if "forgetting" in world.features:
            spans += [self.window * 2, self.window * 7]
        self.span = d.choice(spans)
        self.grain = d.choice((1, SECOND, 20 * SECOND))
        self.start = START
        if world.has("years", 0.05):
            self.start = d.choice((world.oldest, LAST - 2 * self.span - DAY))
        self.burst = self.start
        self.operators = ["7", "10", "9007199254740993", "ann", "Zoé",
                          "x\"y\\", "1" * 40][:d.choice((2, 4, 7))]
        self.users = self.operators + ["c1", "ж" * 90, "0", "日本"] \
            + ["u%d" % i for i in range(d.choice((0, 3, 40)))]
        self.chats = d.choice((["c"], ["1", "c2", "0x", "é\u0301"],
                               ["%d" % i for i in range(9, 49)]))
        if d.random() < 0.2:
            self.chats = self.chats + ["9" * 60, "z" * 191]
        self.n = 0
        self.told = [] # (arrival, order, line)
        self.written = [] # messages as the CRM knows them
        self.described = collections.Counter() # chat: number of its records
        self.polled = [] # the records of a busy chat

    def has(self, feature, chance=1.0):
        return self.world.has(feature, chance)

    def at(self):
        d = self.dice
        if d.random() < 0.05:
            self.burst = self.start + d.randrange(self.span + 1)
        if d.random() < 0.5:
            return self.burst + d.randrange(90000) // self.grain * self.grain
        return self.start + d.randrange(self.span + 1) // self.grain \
            * self.grain

    def name_then(self, chat, at):
        """The chat at that time: a later one has another name, unless chats
        return."""
        later = (at - self.start) // (self.window // 2)
        if "returns" in self.world.features or later <= 0:
            return chat
        return "%s.%d" % (chat[:180], later)

    def delay(self):
        """The delay between a record's time and its arrival."""
        d = self.dice
        kind = d.random()
        if kind < 0.8:
            return d.choice((0, d.randrange(2 * SECOND)))
        if kind < 0.97 or "late" not in self.world.features:
            return d.randrange(self.window // 2)
        return self.window + d.choice((-1, 0, 1, -SECOND, SECOND,
                                       d.randrange(self.window)))

    def tell(self, arrival, fields, raw=""):
        self.n += 1
        self.told.append((arrival, self.n, self.line(fields, raw)))

    def line(self, fields, raw=""):
        d = self.dice
        given = {"type": fields["type"], "tenant": self.name}
        given.update((k, v) for k, v in fields.items() if v is not None)
        for key in ("at", "updated_at", "opened_at", "closed_at",
                    "available_at"):
            if key in given:
                given[key] = self.time(given[key])
        for key in ("id", "chat", "operator", "user", "message"):
            if key in given and whole(given[key]) and d.random() < 0.3 and (
                    "json" in self.world.features or len(given[key]) < 18):
                given[key] = int(given[key])
        text = json.dumps(given, ensure_ascii=d.random() < 0.5)
        if not raw and self.has("json", 0.05):
            raw = '"%s":%s' % (d.choice(("zz", "é", "x y")),
                               d.choice(VALUES))
        if raw:
            text = text[:-1] + "," + raw + "}"
        return text.encode("utf-8", "surrogatepass")

    def time(self, ms):
        """Writes a time in one of the possible forms."""
        d = self.dice
        ms = min(max(ms, FIRST), LAST)
        if d.random() < 0.15:
            return self.elsewhere(ms)
        text = shown(ms)
        if ms % MINUTE == 0 and ms > FIRST and d.random() < 0.3:
            text = shown(ms - MINUTE)[:17] + d.choice(("60Z", "60.9Z"))
        elif ms % SECOND == 0 and d.random() < 0.3:
            text = text[:-5] + "Z"
        elif d.random() < 0.05:
            text = text[:-1] + "999Z"
        if d.random() < 0.05:
            text = d.choice((text.lower(), text.replace("T", " ")))
        return text

    def elsewhere(self, ms):
        """With an offset; years 0000 and 9999 may be others in UTC."""
        east = self.dice.choice((330, -1, 1, -150, 1439, -1439))
        local = ms + east * MINUTE
        if local > LAST:
            return shown(ms)
        year_0 = local < FIRST
        text = shown(local + YEARS_400 if year_0 else local)
        if year_0:
            text = "0000" + text[4:]
        return "%s%s%02d:%02d" % (text[:-1], "-" if east < 0 else "+",
                                  abs(east) // 60, abs(east) % 60)

    def message(self):
        d = self.dice
        self.n += 1
        m = {"type": "message",
             "id": d.choice(("%d", "m%d", "0%d", "Ω%d", "2" * 19 + "%d"))
             % self.n,
             "chat": d.choice(self.chats), "at": self.at(),
             "from": d.choices(WRITERS, (45, 30, 8, 17))[0]}
        m["chat"] = self.name_then(m["chat"], m["at"])
        self.author(m)
        for flag in ("private", "automated"):
            if d.random() < 0.06:
                m[flag] = d.random() < 0.9
        if d.random() < 0.8:
            m["channel"] = d.choice(("web", "mail", "t g", "é", "1"))
        if d.random() < 0.1:
            m["to"] = d.choice(self.users)
        if d.random() < 0.9:
            m["text"] = self.text()
        return m

    def author(self, m):
        d = self.dice
        for key in ("user", "operator", "kind"):
            m.pop(key, None)
        if m["from"] == "system":
            m["kind"] = d.choice(KINDS)
            if m["kind"] == "assigned" and d.random() < 0.8:
                m["operator"] = d.choice(self.operators)
        elif m["from"] == "operator":
            who = d.choice(self.operators)
            m.update(d.choice(({"user": who}, {"operator": who},
                               {"user": who, "operator": who}, {})))
        elif d.random() < 0.93:
            m["user"] = d.choice(self.users[:5] if d.random() < 0.5
                                 else self.users)
        if m["from"] != "system" and d.random() < 0.3:
            m["kind"] = d.choice(("text", "image"))

    def text(self):
        d = self.dice
        phrases = PHRASES + ASIAN
        if "words" not in self.world.features:
            phrases = [p for p in PHRASES if unicodedata.normalize(
                "NFC", p) == unicodedata.normalize("NFKC", p)]
        out = " ".join(d.choice(phrases) for _ in range(d.randint(1, 3)))
        if self.has("json", 0.05):
            out += "nul\0nul order\0order"
        return out

    def messages(self):
        d = self.dice
        for _ in range(self.world.size):
            m = self.message()
            delay = self.delay()
            self.publish(m, m["at"] + delay)
            if delay < self.window // 2:
                self.again(m, m["at"] + delay)
        if self.written and self.has("withdrawn", 0.5):
            self.withdraw()

    def withdraw(self):
        """Messages of a writer turn out to be automated from some time on."""
        newest = {(m["chat"], m["id"]): m for m in self.written}
        since, end = self.at(), max(m["at"] for m in self.written)
        who = self.dice.choice(self.users[:5])
        for m in newest.values():
            if who == m.get("user", m.get("operator")) and m["at"] >= since:
                m = dict(m, automated=True, updated_at=end)
                self.written.append(m)
                self.tell(end, m)

    def publish(self, m, arrival):
        self.written.append(m)
        if self.has("snapshots", 0.05): # only a snapshot has it
            if "snapshot_texts" not in self.world.features:
                m.pop("text", None)
            return
        self.tell(arrival, m, self.data())

    def data(self):
        """Adds data to a record that may have some."""
        if not self.has("json", 0.03):
            return ""
        return '"data":' + self.dice.choice(VALUES)

    def again(self, m, arrival):
        """Sends the message again or edits it, within the window."""
        d = self.dice
        quarter, versions = self.window // 4, [m]
        while d.random() < 0.12 or len(versions) > 1 and d.random() < 0.6:
            arrival += d.randrange(quarter // 8)
            if not self.has("edits", 0.7):
                self.tell(arrival, d.choice(versions))
                continue
            m = dict(m, updated_at=m["at"] + d.choice((0, 0, self.n)))
            if self.has("undated", 0.5):
                del m["updated_at"]
            self.edit(m)
            versions.append(m)
            self.written.append(m)
            self.tell(max(arrival, m["at"]), m)
            arrival = max(arrival, m["at"])
            if "updated_at" in m or len(versions) > 3:
                break

    def edit(self, m):
        d = self.dice
        for what in d.sample(("at", "channel", "sender", "flags", "text",
                              "to"), d.choice((1, 1, 2, 6))):
            if what == "at":
                m["at"] += d.randrange(-self.window // 8, self.window // 8) \
                    // self.grain * self.grain
                m["at"] = max(m["at"], self.start)
            elif what == "channel":
                m["channel"] = d.choice(("web", "mail", "new", None))
            elif what == "sender":
                m["from"] = d.choice(WRITERS)
                self.author(m)
            elif what == "flags":
                m[d.choice(("private", "automated"))] = d.random() < 0.5
            elif what == "text":
                m["text"] = self.text()
            else:
                m["to"] = d.choice(self.users)
        if not self.has("repeats", 0.5):
            m["text"] = "%d %s" % (self.n, self.text())

    # Records of the CRM about chats and operators.

    def chat(self, chat, at, with_at=True):
        """The record for that time is the same whenever it is requested."""
        name = "%s %s %s %s" % (self.world.seed, self.name, chat, at)
        own, details = random.Random(name), random.Random(name + " details")
        d = self.dice
        c = {"type": "chat", "chat": chat,
             "status": d.choices(STATUS, (60, 5, 5, 27, 3))[0]}
        if d.random() < 0.05:
            c["status"] = None
        if d.random() < 0.7:
            c["operator"] = d.choice(self.operators)
        if "opened_later" in self.world.features and own.random() < 0.7:
            c["opened_at"] = self.opened(chat, at)
        c["at"] = at
        if not with_at and c.get("opened_at") == at:
            del c["at"]
        elif not with_at and self.has("timeless", 0.3):
            c.pop("opened_at", None)
            del c["at"]
        if c["status"] == "closed":
            if "closed_records" not in self.world.features:
                c["status"] = "open"
            elif d.random() < 0.6:
                c["closed_at"] = max(
                    self.start, at - own.choice((0, 1, own.randrange(60000))))
        for key in ("channel", "customer", "customer_name", "customer_phone",
                    "tag"):
            if key == "channel" and details.random() < 0.2:
                c[key] = "web"
            elif details.random() < 0.4:
                c[key] = key[:3] + str(details.randrange(9)) + " é\"\\."
        return c

    def opened(self, chat, at):
        """When the episode at that time began, as the CRM knows it."""
        own = random.Random("%s %s %s" % (
            self.world.seed, self.name, chat))
        began = [self.start + own.randrange(self.span + 1)
                 for _ in range(own.choice((0, 1, 1, 3)))]
        before = [t // self.grain * self.grain for t in began if t <= at]
        opened = max(max(before, default=self.start), self.start)
        if "opened_long_ago" not in self.world.features:
            opened = max(opened, at - self.window // 4)
        return opened

    def chat_records(self):
        d = self.dice
        for _ in range(self.world.size // d.choice((2, 5, 20))):
            at, chat = self.at(), d.choice(self.chats)
            self.described[chat] += 3 # including the records below
            if self.described[chat] > MOST_DESCRIBED:
                continue
            if "opened_later" in self.world.features and d.random() < 0.1:
                at = self.opened(chat, at)
            c = self.chat(self.name_then(chat, at), at, d.random() < 0.8)
            delay = self.delay()
            if "opened_long_ago" not in self.world.features and \
                    delay <= 2 * self.window: # more is late anyway
                delay = min(delay, self.window // 2)
            self.tell(at + delay, c)
            if d.random() < 0.1:
                self.tell(at + self.window // 4, c)
            if d.random() < 0.1: # contradicts the record of the same time
                self.tell(at + 1, self.chat(c["chat"], at, "at" in c))

    def busy(self):
        """A chat that each of many polls describes, mostly unchanged. All of
        its records come in order."""
        d = self.dice
        polls = d.choice((70, 150, 400))
        at = self.start + d.randrange(self.span // 2 + 1)
        pause = max(1, self.span // 2 // polls)
        c = self.chat("busy", at)
        for _ in range(polls):
            at += pause
            again = self.chat("busy", at)
            c = dict(c, at=at) if d.random() < 0.93 else again
            self.polled.append(c)
            self.tell(at, c)
            if pause > 1 and d.random() < 0.1:
                m = dict(self.message(), chat="busy",
                         at=at + 1 + d.randrange(pause - 1))
                self.tell(m["at"], m)

    def operator(self, now):
        """A record of an operator that comes at that time, and in some cases
        has it."""
        d = self.dice
        o = {"type": "operator", "operator": d.choice(self.operators)}
        if d.random() < 0.4:
            o["at"] = now - d.choice((self.delay(), -self.window // 8))
        if d.random() < 0.8:
            o["name"] = d.choice(("Ann", "ж", "A\"n\\n", "a\tb"))
        if d.random() < 0.7:
            o["available"] = d.random() < 0.5
            if d.random() < 0.5:
                o["available_at"] = now - self.delay()
        if d.random() < 0.3:
            o["reported_open_chats"] = d.choice((0, 5, 2 ** 31))
        return o

    def operator_records(self):
        for _ in range(self.dice.choice((0, 2, 10))):
            now = self.at()
            self.tell(now, self.operator(now))

    def events(self):
        d = self.dice
        deeds = ("login", "Login", "é", "e\u0301", "x y\"z") \
            + tuple("deed%d" % i for i in range(d.choice((0, 20))))
        for _ in range(self.world.size // d.choice((1, 4, 20))):
            self.n += 1
            e = {"type": "event", "id": d.choice(("%d", "e%d")) % self.n,
                 "event": d.choice(deeds)}
            at = self.at()
            arrival = at + self.delay()
            if d.random() < 0.95:
                e["user"] = d.choice(self.users)
            if d.random() < 0.8:
                e["at"] = at
            if d.random() < 0.2:
                e["chat"] = d.choice(self.chats)
            self.tell(arrival, e, self.data())
            if arrival - at < self.window // 2 and d.random() < 0.2:
                if d.random() < 0.6:
                    e = dict(e, event=d.choice(deeds))
                    if "chat" in e or self.has("moved_events"):
                        e["user"] = d.choice(self.users)
                self.tell(arrival + d.randrange(self.window // 4), e)

    def views(self):
        d = self.dice
        for _ in range(self.world.size // 10):
            at = self.at()
            self.tell(at + self.delay(), {
                "type": "view", "message": str(d.randrange(100)),
                "user": d.choice(self.users), "at": at,
                "chat": d.choice(self.chats + [None]),
                "device": d.choice((None, "mobile"))})

    def findings(self):
        """A finding about a message, which may be unknown."""
        d = self.dice
        for _ in range(self.world.size // 10):
            at = self.at() + d.choice((0, 0, self.span))
            self.n += 1
            self.tell(at + self.delay(), {
                "type": "message", "id": "f%d" % self.n, "about": True,
                "chat": d.choice(self.chats + ["nobody"]), "at": at,
                "from": "customer", "text": "a finding finding",
                "data": {"analytics": {
                    "id": "a%d" % self.n, "message_length": 4,
                    "sentiment": {"score": 0.5, "label": "good"}}}})

    def snapshots(self):
        for _ in range(self.dice.choice((0, 0, 1, 1, 3))):
            self.snapshot(self.start + self.dice.randrange(self.span + 1))

    def snapshot(self, t):
        d = self.dice
        self.n += 1
        name = "s%d" % self.n
        body = [self.operator(t) for _ in range(d.choice((0, 1, 3)))]
        body = list({o["operator"]: o for o in body}.values())
        share = d.choice((0.2, 0.8, 1))
        there = [self.name_then(c, t)
                 for c in self.chats if d.random() < share]
        for chat in there:
            c = self.chat(chat, t - d.choice((0, 0, 1, 5000)))
            c["status"] = d.choice(("open", "open", "open", c["status"]))
            if c["status"] != "closed":
                c.pop("closed_at", None)
            if d.random() < 0.2:
                del c["at"]
            body.append(c)
            if d.random() < 0.05: # contradicts itself, often at the same time
                body.append(dict(c, status=d.choice(("open", "pending")),
                                 at=d.choice((c.get("at"), t)),
                                 operator=d.choice(self.operators)))
        body += [c for c in self.polled if c["at"] <= t][-1:]
        shown_now = {(m["chat"], m["id"]): m for m in self.written}
        last = t + self.window if self.has("newer", 0.2) else t - 5000
        for m in shown_now.values():
            if m["chat"] in there and d.random() < 0.7 and \
                    t - self.window * 3 // 4 < m["at"] < last:
                body.append(m)
        for _ in range(d.choice((0, 0, 3))):
            self.n += 1
            body.append({"type": "event", "id": "e%d" % self.n, "event": "seen",
                         "user": d.choice(self.users),
                         "at": t - d.randrange(self.window // 2)})
        # Lines of a snapshot differ.
        body = [r for i, r in enumerate(body) if r not in body[:i]]
        whole_one = d.random() < 0.8
        size = len(body)
        d.shuffle(body)
        if not whole_one:
            size += d.choice((1, -1)) if size else 1
        marker = {"type": "snapshot", "snapshot": name}
        self.tell(t, dict(marker, state="begin", at=t))
        for r in body:
            self.tell(t, dict(r, snapshot=name))
        if whole_one or d.random() < 0.5:
            self.tell(t, dict(marker, state="end", at=t, records=size))

    def arrivals(self):
        self.messages()
        if "records" in self.world.features:
            self.chat_records()
        self.operator_records()
        if self.has("busy", 0.15):
            self.busy()
        self.events()
        if "views" in self.world.features:
            self.views()
        if "about" in self.world.features:
            self.findings()
        if "snapshots" in self.world.features:
            self.snapshots()
        return [line for _, _, line in sorted(self.told)]


def whole(text):
    return text.isascii() and text.isdigit() and (
        text == "0" or text[0] != "0")
