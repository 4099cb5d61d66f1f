#!/usr/bin/env -S python3 -B
"""api_originals: the reading routes of the earlier services, as their clients
use them: the messages of a conversation, the analytics of conversations and
channels, the dashboard and the health. Formats, defaults and codes are theirs,
and each figure equals that of an oracle over the raw rows.
"""

import random
import re
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

from api_client import Server, token
from harness import Checklist, run_checks, seed
from streamlib import Sql

OURS, THEIRS = "acme", "other"
V1 = "/api/v1/"
ANALYTICS = V1 + "analytics/"
HISTORY = V1 + "messages/conversation/"
CONVERSATIONS = ["conv-abc123", "a/b", "/first", "x.csv", "y.json", "a b%2F",
                 "ünïcode-🙂", "q?r=1&s"]
# The last one only has analyses
CHANNELS = ["whatsapp", "mail", "c%1", "posted"]
LABELS = ["positive", "neutral", "negative", "a\"b"]
INTENTS = ["order", "complaint", "greeting", None]
BACK = {"hour": 1, "day": 7, "week": 28, "month": 90}  # days


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stored(moment):
    """A time in the format of the tables."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + "%03d" % (
        moment.microsecond // 1000)


def told(text):
    """A time of the tables in the format of the API."""
    return text.replace(" ", "T") + "Z"


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'%s'" % value.replace("\\", "\\\\").replace("'", "\\'")
    return repr(value)


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else 0


def known_mean(values):
    """The average, or None without values."""
    return mean(values) if values else None


def counts(values):
    return {v: values.count(v) for v in values if v is not None}


def same(got, want):
    """Equality; numbers may differ in the last digits."""
    if isinstance(want, dict):
        return isinstance(got, dict) and set(got) == set(want) and all(
            same(got[k], want[k]) for k in want)
    if isinstance(want, list):
        return len(got) == len(want) and all(map(same, got, want))
    if isinstance(want, (int, float)) and not isinstance(want, bool):
        return (isinstance(got, (int, float)) and not isinstance(got, bool)
                and abs(got - want) <= 1e-6 * max(1, abs(want)))
    return got == want


class World:
    """Random rows of two tenants in the last hundred days."""

    def __init__(self, lab, dice):
        self.dice = dice
        self.sql = Sql(lab)
        self.sql.ask("SET NAMES utf8mb4")
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.rows = {}
        for tenant in (OURS, THEIRS):
            self.put("tenants", {"tenant": tenant})
            for n in range(400):
                self.put("message_analytics", self.analysis(tenant, n))
            for n in range(300):
                self.put("messages", self.message(tenant, n))
            for n in range(200):
                self.put("message_views", self.receipt(tenant))
            for n in range(60):
                self.put("conversation_metrics", {
                    "tenant": tenant, "conversation_id": f"c{n}",
                    "message_count": 3, "participant_count": 2,
                    "last_message_at": self.moment(), "as_of": self.now})
            self.hours(tenant)

    def put(self, table, row):
        row = {k: stored(v) if isinstance(v, datetime) else v
               for k, v in row.items()}
        self.rows.setdefault(table, []).append(row)
        self.sql.ask(f"INSERT INTO {table} (" + ", ".join(
            f"`{c}`" for c in row) + ") VALUES (" + ", ".join(
            map(literal, row.values())) + ")")

    def of(self, table, **cells):
        return [r for r in self.rows[table] if r["tenant"] == OURS
                and all(r[k] == v for k, v in cells.items())]

    def moment(self):
        days = self.dice.choice([0.9, 6, 27, 88, 100])
        return self.now - timedelta(
            milliseconds=self.dice.randrange(1, int(days * 86400000)))

    def analysis(self, tenant, n):
        maybe = lambda v: self.dice.choice([v, v, None])
        return {"tenant": tenant, "id": f"a{n}", "created_at": self.moment(),
                "message_id": f"m{n}",
                "conversation_id": self.dice.choice(CONVERSATIONS),
                "channel_id": maybe(self.dice.choice(CHANNELS)),
                "direction": self.dice.choice(["inbound", "outbound"]),
                "message_length": self.dice.randrange(300),
                "sentiment_score": maybe(self.dice.uniform(-1, 1)),
                "sentiment_label": maybe(self.dice.choice(LABELS)),
                "intent_name": self.dice.choice(INTENTS),
                "response_time": maybe(self.dice.uniform(0, 900))}

    def message(self, tenant, n):
        text = self.dice.choice(["Hello", "=1+1", "a\"b\\c", "🙂", None])
        # Some share the same time.
        moment = self.now - timedelta(minutes=self.dice.randrange(40000) // 7)
        return {"tenant": tenant, "created_at": moment,
                "conversation_id": self.dice.choice(CONVERSATIONS),
                "message_id": f"msg-{self.dice.randrange(9)}-{n}",
                "sender": "customer", "sender_id": f"{tenant}-alice",
                "receiver_id": "bob", "message_type": "text", "private": 0,
                "automated": 0, "content": text and f"{tenant} {text}"}

    def receipt(self, tenant):
        """Some receipts belong to one message, are older than it, or belong to
        another chat or to none."""
        message = self.dice.choice(
            [r for r in self.rows["messages"] if r["tenant"] == tenant][:150])
        return {"tenant": tenant, "viewed_at": self.moment(),
                "message_id": message["message_id"],
                "user_id": f"u{len(self.rows.get('message_views', []))}",
                "conversation_id": self.dice.choice(
                    [message["conversation_id"], "", "elsewhere"])}

    def read_at(self, message):
        """The time of the first receipt."""
        return min((r["viewed_at"] for r in self.of(
            "message_views", message_id=message["message_id"])
            if r["conversation_id"] in ("", message["conversation_id"])),
            default=None)

    def hours(self, tenant):
        """Hourly rows of each channel; responses and resolutions."""
        hour = self.now.replace(minute=0, second=0) - timedelta(days=95)
        # Some lie in the hours in which the dashboard's periods begin.
        ends = [self.now - timedelta(days=days, seconds=self.dice.randrange(
            -3600, 3600)) for days in BACK.values() for _ in range(12)]
        for n, end in enumerate(ends + [self.moment() for _ in range(120)]):
            row = {"tenant": tenant, "end_at": end, "chat": self.dice.choice(
                       [f"c{n}", *CONVERSATIONS]),
                   "message": f"i{n}", "kind": self.dice.choice(
                       ["resolution", "resolution", "reply"]),
                   "channel": self.dice.choice([None, *CHANNELS]),
                   "ms": self.dice.randrange(10**7),
                   "withdrawn": int(self.dice.random() < 0.1),
                   "as_of": self.now}
            self.put("intervals", row)
        while hour < self.now:
            for channel in CHANNELS[:-1]:
                if self.dice.random() < 0.1:
                    self.put("channel_metrics", {
                        "tenant": tenant, "hour": hour, "channel": channel,
                        "messages": self.dice.randrange(50),
                        "inbound_messages": self.dice.randrange(50),
                        "outbound_messages": self.dice.randrange(50),
                        "active_conversations": self.dice.randrange(9),
                        "as_of": self.now})
                    self.put("intervals", {
                        "tenant": tenant, "end_at": hour + timedelta(
                            seconds=self.dice.randrange(60)),
                        "chat": f"{channel} {hour}", "message": "",
                        "kind": "reply", "channel": channel,
                        "ms": self.dice.randrange(10**7), "withdrawn": 0,
                        "as_of": self.now})
            hour += timedelta(hours=1)


class Test(Checklist):
    def __init__(self, lab):
        super().__init__(lab)
        self.dice = random.Random(seed())
        lab.start_servers("mariadb")
        self.door = lab.door("mariadb")
        lab.env["MYSQL_URL"] = self.door.url
        lab.must(["sink", "-c", lab.conf("m.conf", {"sink": {}}),
                  "--migrate"])
        self.world = World(lab, self.dice)
        lab.must(["sink", "--recompute"])
        self._make_due()
        self.server = Server(lab, {
            "serve": {"rate": 0, "query_timeout": "60s"},
            "crm " + OURS: {"token": "unused", "teams": "support: a1"}})
        self.admin = token(tenant_id=OURS, role="admin")

    def _make_due(self):
        """Lists half of our hours as due. Their sums must not be read."""
        self.world.sql.ask(
            "INSERT INTO sums_due SELECT DISTINCT tenant, hour FROM "
            f"message_analytics_hours WHERE tenant = '{OURS}' AND "
            "CRC32(hour) % 2; UPDATE message_analytics_hours m JOIN sums_due d "
            "USING (tenant, hour) SET m.messages = m.messages + 100")

    def analytics(self, path, **parameters):
        parameters.setdefault("tenant_id", OURS)
        answer = self.server.get(ANALYTICS + path, self.admin, **parameters)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status} {answer.body}")
        return answer.json()

    def history(self, conversation, bearer, **parameters):
        """All its messages, page by page."""
        path = HISTORY + quote(conversation, safe="/")
        answer = self.server.get(path, bearer, **parameters)
        messages = []
        while True:
            if answer.status != 200:
                raise AssertionError(f"{path}: {answer.status} {answer.body}")
            got = answer.json()
            self.that(list(got) == ["conversation_id", "messages"]
                      and got["conversation_id"] == conversation,
                      f"{conversation!r}: {list(got)}")
            messages += got["messages"]
            link = re.match(r'<(\?[^>]*)>; rel="next"$',
                            answer.headers.get("Link", ""))
            if not link:
                return messages
            answer = self.server.ask(path + link[1], bearer)

    def a_conversation_has_its_messages(self):
        for conversation in CONVERSATIONS:
            rows = sorted(self.world.of("messages",
                                        conversation_id=conversation),
                          key=lambda r: (r["created_at"], r["message_id"]))
            want = [{"message_id": r["message_id"],
                     "conversation_id": conversation,
                     "sender_id": r["sender_id"], "receiver_id": "bob",
                     "content": r["content"],
                     "created_at": told(r["created_at"]),
                     "message_type": "text", "user_id": r["sender_id"],
                     "event_type": "message_sent",
                     "read_status": "read" if read else "sent",
                     "read_at": read and told(read)}
                    for r in rows for read in [self.world.read_at(r)]]
            self.that(len({m["read_status"] for m in want}) == 2,
                      f"{conversation!r} has only one status")
            self.that(len(want) > 9, f"{conversation!r} has few messages")
            self.that(self.history(conversation, self.admin) == want,
                      f"the messages of {conversation!r}")
            self.that(self.history(conversation, self.admin, limit=
                                   self.dice.randrange(1, 9)) == want,
                      f"the pages of {conversation!r}")
            lead = self.history(conversation, token(
                tenant_id=OURS, role="lead"))
            self.that([r["content"] for r in lead] == [None] * len(want),
                      f"a lead reads {conversation!r}")
            theirs = self.history(conversation, token(
                tenant_id=THEIRS, role="admin"))
            self.that(all(r["sender_id"] == "other-alice" for r in theirs),
                      f"another tenant reads {conversation!r}")
        self.that(self.history("nobody's", self.admin) == [],
                  "a conversation that is unknown")

    def _put_large_chat(self):
        one = "'2026-11-01' + INTERVAL seq SECOND"
        for table, time_, chat, message, rest, values in (
                ("messages", "created_at", "conversation_id", "message_id",
                 "sender, private, automated", "'system', 0, 0"),
                ("intervals", "end_at", "chat", "message",
                 "kind, as_of", "'reply', UTC_TIMESTAMP(3)")):
            self.world.sql.ask(
                f"INSERT INTO {table} (tenant, {time_}, {chat}, {message}, "
                f"{rest}) SELECT '{OURS}', {one}, 'large', CONCAT('l', seq), "
                f"{values} FROM seq_1_to_20000")

    def a_timeline_is_around_a_time(self):
        """A long chat's timeline covers both its messages and its intervals;
        ends that only one of them has are left out. Requests around the first
        or last time reach all rows."""
        self._put_large_chat()
        whole = range(1, 20001)
        for query, want, around in (
                ("", range(1, 2001), (False, True)),
                ("?at=2026-11-01T00:00:10Z", range(1, 1010), (False, True)),
                ("?at=2026-11-01T02:46:40Z", range(9000, 11000),
                 (True, True)),
                ("?at=2026-11-01T05:33:20Z", range(19000, 20001),
                 (True, False)),
                ("?at=2026-11-02", range(19001, 20001), (True, False))):
            got = self.timeline("large" + query)
            self.that(got["messages"] == [f"l{n}" for n in want]
                      and got["intervals"] == got["messages"]
                      and got["around"] == around,
                      f"{query}: {got['messages'][:1]} to "
                      f"{got['messages'][-1:]}, {got['around']}")
        seen, query = set(), ""
        while query is not None:
            got = self.timeline("large" + query)
            seen.update(got["messages"])
            query = "?at=" + got["last"] if got["around"][1] else None
        self.that(seen == {f"l{n}" for n in whole}, f"{len(seen)} are seen")
        [row] = self.server.ask(
            V1 + "intervals?chat=large&message=l15000", self.admin).rows()
        got = self.server.ask(row["href"], self.admin).json()
        self.that("l15000" in [m["message_id"] for m in got["messages"]],
                  f"{row['href']} does not lead to the message")
        self._a_timeline_is_cut_where_one_is()

    def _a_timeline_is_cut_where_one_is(self):
        """Two intervals end with each message."""
        self.world.sql.ask(
            "INSERT INTO intervals (tenant, end_at, chat, message, kind, "
            "as_of) SELECT tenant, end_at, chat, message, 'waiting', as_of "
            f"FROM intervals WHERE tenant = '{OURS}' AND chat = 'large'")
        got = self.timeline("large?at=2026-11-01T02:46:40Z")
        want = [f"l{n}" for n in range(9500, 10500)]
        self.that(got["messages"] == want and got["around"] == (True, True)
                  and got["intervals"] == [m for m in want for _ in (0, 1)],
                  f"{got['messages'][:1]} to {got['messages'][-1:]}, "
                  f"{len(got['intervals'])} intervals")

    def timeline(self, path):
        chat, _, query = path.partition("?")
        got = self.server.ask(
            V1 + f"chats/{chat}/timeline?{query}".rstrip("?"),
            self.admin).json()
        return {"messages": [m["message_id"] for m in got["messages"]],
                "intervals": [i["message"] for i in got["intervals"]],
                "last": got["messages"][-1]["created_at"],
                "around": (got["earlier"], got["more"])}

    def long_texts_end_a_page(self):
        """A page ends after 4 MiB of text, out of 12 MB; the next page
        continues."""
        self.world.sql.ask(
            "INSERT INTO messages (tenant, created_at, conversation_id, "
            "message_id, sender, private, automated, content) SELECT "
            f"'{OURS}', '2026-11-01' + INTERVAL seq SECOND, 'long', "
            "CONCAT('m', seq), 'customer', 0, 0, REPEAT('text', 15000) "
            "FROM seq_1_to_200")
        for path in (HISTORY + "long?limit=1000",
                     V1 + "messages?conversation_id=long&limit=1000",
                     V1 + "messages.csv?conversation_id=long&limit=1000"):
            sizes, seen = [], []
            base, link = path.split("?")[0], [None, "?" + path.split("?")[1]]
            while link:
                answer = self.server.ask(base + link[1], self.admin)
                sizes.append(len(answer.body))
                seen += re.findall(rb"\bm[0-9]+\b", answer.body)
                link = re.match(r'<(\?[^>]*)>; rel="next"$',
                                answer.headers.get("Link", ""))
            self.that(sorted(seen) == sorted(b"m%d" % (n + 1)
                                             for n in range(200)),
                      f"{path}: {len(seen)} messages")
            self.that(len(sizes) == 3 and max(sizes) < 5 << 20,
                      f"{path}: pages of {sizes} bytes")
        for chat, more in ("long", True), ("large", True), ("a%2Fb", False):
            answer = self.server.ask(V1 + f"chats/{chat}/timeline", self.admin)
            got = answer.json()
            self.that(got["more"] is more and len(answer.body) < 5 << 20
                      and len(got["messages"]) <= 2000,
                      f"{chat}: {len(got['messages'])} messages, "
                      f"{len(answer.body)} bytes, more: {got['more']}")

    def bad_requests_for_messages(self):
        for path, status in {"": 404, "x?limit=0": 400, "x?limit=1001": 400,
                             "x?cursor=1": 400, "x?cursor=yesterday,1": 400,
                             "%ff": 400, "%00": 400, "x" * 192: 400}.items():
            answer = self.server.ask(HISTORY + path, self.admin)
            self.that(answer.status == status and answer.problem(),
                      f"{path}: {answer.status}, not {status}")
        for role, status in (("operator", 403), ("wall", 403)):
            answer = self.server.ask(HISTORY + "x", token(
                tenant_id=OURS, role=role, sub="7"))
            self.that(answer.status == status, f"{role}: {answer.status}")
        answer = self.server.ask(HISTORY + "x", self.admin, "POST")
        self.that(answer.status == 405, f"POST: {answer.status}")
        self.that(self.server.ask(HISTORY + "x").status == 401, "no token")

    def within(self, rows, period, column="created_at"):
        start, end = (stored(at(period[k])) for k in ("start", "end"))
        return [r for r in rows if start <= r[column] <= end]

    def responses(self, period, **cells):
        """Response times in seconds."""
        return [r["ms"] / 1000 for r in self.within(self.world.of(
            "intervals", kind="reply", withdrawn=0, **cells), period,
            "end_at")]

    def conversation_oracle(self, conversation, period):
        """The larger number of messages or analyses counts."""
        rows = self.within(self.world.of(
            "message_analytics", conversation_id=conversation), period)
        column = lambda name: [r[name] for r in rows if r[name] is not None]
        times = self.responses(period, chat=conversation) or \
            column("response_time")
        messages = self.within(self.world.of(
            "messages", conversation_id=conversation), period)
        texts = [len(m["content"]) for m in messages if m["content"]]
        stored = len(messages) >= len(rows)
        return {
            "conversation_id": conversation, "period": period,
            "message_metrics": {
                "total_messages": max(len(messages), len(rows)),
                "inbound_messages": len(messages) if stored else
                column("direction").count("inbound"),
                "outbound_messages": 0 if stored else
                column("direction").count("outbound"),
                "avg_message_length": mean(
                    texts if stored and texts else column("message_length"))},
            "sentiment_metrics": {
                "avg_sentiment": mean(column("sentiment_score")),
                "sentiment_distribution": counts(column("sentiment_label"))},
            "intent_metrics": {
                "intent_distribution": counts(column("intent_name")),
                "intent_changes": len(set(column("intent_name")))},
            "performance_metrics": {
                "avg_response_time": mean(times),
                "max_response_time": max(times, default=0),
                "min_response_time": min(times, default=0)}}

    def conversations_are_the_oracles(self):
        moments = [r["created_at"] for r in self.world.of("message_analytics")]
        for conversation in CONVERSATIONS + ["unknown"]:
            if "/" in conversation:
                path = f"conversations/{quote(conversation, safe='')}/analytics"
            else:
                path = f"conversations/{quote(conversation)}/analytics"
            got = self.analytics(path)
            length = at(got["period"]["end"]) - at(got["period"]["start"])
            self.that(length == timedelta(days=7), f"without times {length}")
            self.that(same(got, self.conversation_oracle(
                conversation, got["period"])), f"{path}: {got}")
            # Both ends are times of rows, and included.
            first, last = sorted(self.dice.sample(moments, 2))
            got = self.analytics(path, start_time=told(first),
                                 end_time=told(last))
            want = self.conversation_oracle(
                conversation, {"start": told(first), "end": told(last)})
            self.that(same(got, want), f"{path}: {got}, not {want}")

    def channel_oracle(self, channel, period):
        """Conversations and messages by hour, and the responses in hours with
        messages; analyses do not count."""
        hours = sorted(self.within(self.world.of(
            "channel_metrics", channel=channel), period, "hour"),
            key=lambda r: r["hour"], reverse=True)
        begins = {r["hour"][:13] for r in hours}

        def times(begin):
            return [r["ms"] / 1000 for r in self.within(self.world.of(
                "intervals", channel=channel, kind="reply", withdrawn=0),
                period, "end_at") if r["end_at"][:13] in begins
                and r["end_at"].startswith(begin)]

        series = [{
            "timestamp": told(r["hour"]),
            "active_conversations": r["active_conversations"],
            "messages_processed": r["messages"],
            "response_time": known_mean(times(r["hour"][:13])),
            "success_rate": None} for r in hours]
        metrics = {
            "total_conversations": sum(
                r["active_conversations"] for r in hours),
            "total_messages": sum(r["messages"] for r in hours),
            "avg_response_time": known_mean(times("")),
            "success_rate": None, "uptime_percentage": None}
        return {"channel_id": channel, "period": period,
                "metrics": metrics if hours else {}, "time_series": series}

    def channels_are_the_oracles(self):
        known = 0
        for channel in CHANNELS + ["unknown"]:
            for days in (0.5, 3, 40, 99):
                end = self.world.now - timedelta(
                    hours=self.dice.randrange(20))
                start = end - timedelta(days=days)
                period = {"start": told(stored(start)),
                          "end": told(stored(end))}
                got = self.analytics(
                    f"channels/{quote(channel)}/analytics",
                    start_time=period["start"], end_time=period["end"])
                want = self.channel_oracle(channel, period)
                self.that(same(got, want), f"{channel}: {got}, not {want}")
                known += any(h["response_time"] for h in got["time_series"])
        self.that(known > 2, "no hour has a response time")

    def too_many_hours_are_refused(self):
        self.world.sql.ask(
            "INSERT INTO channel_metrics (tenant, `hour`, channel, messages, "
            f"as_of) SELECT '{OURS}', '2020-01-01' + INTERVAL seq HOUR, "
            "'long', 1, NOW(3) FROM seq_0_to_10000")
        for start, status in (("2020-01-01T01:00:00Z", 200),
                              ("2020-01-01", 400)):
            answer = self.server.get(
                f"{ANALYTICS}channels/long/analytics", self.admin,
                tenant_id=OURS, start_time=start, end_time="2025-01-01")
            self.that(answer.status == status and (
                status == 200 or "10000 hours" in answer.problem()),
                f"from {start}: {answer.status}")
            if answer.status == 200:  # the rows lack this column
                of = answer.json()["metrics"]
                self.that(of["total_conversations"] == 0, f"{of}")
        self.world.sql.ask(
            "DELETE FROM channel_metrics WHERE channel = 'long'")

    def dashboard_oracle(self, period):
        first = stored(at(period["start"]))
        rows = [r for r in self.world.of("message_analytics")
                if r["created_at"][:13] + ":00:00.000" >= first]
        column = lambda name: [r[name] for r in rows]
        hours = self.within(self.world.of("channel_metrics"), period, "hour")
        counted = [sum(r[name] for r in hours) for name in (
            "messages", "inbound_messages", "outbound_messages")]
        if not hours:
            counted = [len(self.within(self.world.of("messages"), period))] * 2
            counted.append(0)
        posted = [len(rows), column("direction").count("inbound"),
                  column("direction").count("outbound")]
        messages = counted if counted[0] >= posted[0] else posted
        total = len(self.within(self.world.of(
            "conversation_metrics"), period, "last_message_at"))
        resolved = [r["ms"] for r in self.within(self.world.of(
            "intervals", kind="resolution", withdrawn=0), period, "end_at")]
        return {
            "period": period,
            "message_metrics": {
                "total": messages[0], "inbound": messages[1],
                "outbound": messages[2],
                "avg_sentiment": mean(column("sentiment_score")),
                "avg_response_time": mean(
                    self.responses(period) or column("response_time"))},
            "conversation_metrics": {
                "total": total, "resolved": len(resolved),
                "avg_duration": mean(resolved) / 60000,
                "resolution_rate": min(
                    100, len(resolved) / max(total, 1) * 100)}}

    def the_dashboard_is_the_oracles(self):
        for period in (None, *BACK):
            got = self.analytics(
                "dashboard", **({"period": period} if period else {}))
            length = at(got["period"]["end"]) - at(got["period"]["start"])
            days = BACK[period or "day"]
            self.that(length == timedelta(days=days), f"{period}: {length}")
            want = self.dashboard_oracle(got["period"])
            self.that(same(got, want), f"{period}: {got}, not {want}")
            self.that(want["conversation_metrics"]["resolved"] > 0,
                      f"{period}: nothing resolved")

    def what_is_not_kept_is_null(self):
        """For a tenant with the default metrics; once there is a row of any
        time, the value is 0."""
        plain, long_ago = "plain", self.world.now - timedelta(days=99)
        want = {"total": None, "resolved": None, "avg_duration": None,
                "resolution_rate": None}
        for table, row, known in (
                (None, {}, {}),
                ("intervals", {"end_at": long_ago, "chat": "c", "message": "",
                               "kind": "reply", "ms": 1, "withdrawn": 0},
                 {"resolved": 0, "avg_duration": 0}),
                ("conversation_metrics", {
                    "conversation_id": "c", "message_count": 1,
                    "participant_count": 1, "last_message_at": long_ago},
                 {"total": 0, "resolution_rate": 0})):
            if table:
                self.world.put(table, {"tenant": plain, "as_of": long_ago,
                                       **row})
            want.update(known)
            got = self.server.get(
                ANALYTICS + "dashboard", token(tenant_id=plain, role="admin"),
                tenant_id=plain).json()
            self.that(got["conversation_metrics"] == want,
                      f"with {table}: {got}, not {want}")
            self.that(set(got["message_metrics"].values()) == {0},
                      f"with {table}: {got}")

    def times_have_the_originals_forms(self):
        for text in ("2025-01-02T03:04:00Z", "2025-01-02 03:04",
                     "2025-01-02T03:04:00",
                     "2025-01-01T21:34:00.000-05:30"):
            self.is_read_as(text, "2025-01-02T03:04:00.000Z")
        self.is_read_as("2025-01-02", "2025-01-02T00:00:00.000Z")

    def is_read_as(self, text, want):
        """Pydantic also parses it."""
        answer = self.server.get(
            ANALYTICS + "conversations/x/analytics", self.admin,
            tenant_id=OURS, start_time=text, end_time="9999-12-31T23:59:59Z")
        self.that(answer.status == 200
                  and answer.json()["period"]["start"] == want,
                  f"{text}: {answer.status} {answer.body}")

    def what_is_no_time_is_refused(self):
        for text in ("2025-01-02Z", "2025-02-30", "1735787040", "+",
                     "2025-01-02T03", "2025-01-02T03:04:00Z" + 99 * " "):
            answer = self.server.get(
                ANALYTICS + "conversations/x/analytics", self.admin,
                tenant_id=OURS, start_time=text)
            self.that(answer.status == 422, f"{text}: {answer.status}")

    def the_last_of_a_name_counts(self):
        """As in the original's framework."""
        for query, status, days in (
                (f"tenant_id={THEIRS}&tenant_id={OURS}", 200, 7),
                (f"tenant_id={OURS}&period=month&period=hour", 200, 1),
                (f"tenant_id={OURS}&period=year&period=week", 200, 28),
                (f"tenant_id={OURS}&period=week&period=", 422, 0),
                (f"tenant_id={OURS}&period=week&period", 422, 0),
                (f"tenant_id={OURS}&tenant_id={THEIRS}", 403, 0)):
            answer = self.server.ask(ANALYTICS + "dashboard?" + query,
                                     self.admin)
            self.that(answer.status == status, f"{query}: {answer.status}")
            if answer.status == 200:
                start, end = (at(answer.json()["period"][k])
                              for k in ("start", "end"))
                self.that(end - start == timedelta(days=days),
                          f"{query}: {end - start}")

    def a_tenant_id_decides_nothing(self):
        times = {"start_time": "2020-01-01T00:00:00Z",
                 "end_time": "2030-01-01T00:00:00Z"}
        for path in ("dashboard", "conversations/a%2Fb/analytics",
                     "channels/mail/analytics"):
            for tenant_id in (THEIRS, "", OURS + "'", "*"):
                answer = self.server.get(ANALYTICS + path, self.admin,
                                         tenant_id=tenant_id, **times)
                self.that(answer.status == 403 and answer.problem(),
                          f"{path} of {tenant_id!r}: {answer.status}")
            answer = self.server.get(ANALYTICS + path, None,
                                     tenant_id=OURS, **times)
            self.that(answer.status == 401, f"{path}: {answer.status}")

    def by_hand_it_is_the_same(self):
        for path in (HISTORY + "conv-abc123", HISTORY + "x.csv"):
            served = self.server.ask(path, self.admin).body
            printed = self.lab.must(
                ["sink", "--tenant", OURS, "--get", path]).out
            self.that(printed.rstrip(b"\n") == served, f"{path} by hand")

    def health_needs_no_token(self):
        want = {"status": "healthy", "database_connected": True,
                "cache_connected": None, "processing_queue_size": None}
        for path in ANALYTICS + "health", "/health":
            got = self.server.ask(path).json()
            moment = at(got.pop("timestamp"))
            self.that(abs(moment.timestamp() - time.time()) < 300, f"{moment}")
            self.that(got == want, f"{path}: {got}")

    def health_without_a_database(self):
        self.door.shut()
        answer = self.server.ask(ANALYTICS + "health")
        got = answer.json()
        self.that(answer.status == 200 and got["status"] == "unhealthy"
                  and got["database_connected"] is False, f"{answer.body}")
        self.that("Retry-After" not in answer.headers, "it asks to wait")
        answer = self.server.get(ANALYTICS + "dashboard", self.admin,
                                 tenant_id=OURS)
        self.that(answer.status == 503 and answer.problem(),
                  f"{answer.status}")


run_checks(Test)
