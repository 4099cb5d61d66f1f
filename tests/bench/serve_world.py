"""serve_world: 90 days of a team in all tables, created by SQL; and the rows
that arrive each second while they are read."""

import json
from datetime import datetime, timedelta, timezone

import table

from harness import until
from streamlib import Sql

TENANT = "acme"
N = table.scaled(10000000, 20000)
DAYS = 90
OPERATORS = 50
CHANNELS = ("whatsapp", "telegram", "web")
AT_ONCE = 64  # chats; each has 50 messages
PIECE = 250000  # rows per statement

CHAT = f"(seq DIV {50 * AT_ONCE}) * {AT_ONCE} + seq % {AT_ONCE}"
CHANNEL = "ELT(1 + ({}) % 3, 'whatsapp', 'telegram', 'web')".format(CHAT)
OPERATOR = f"CONCAT('op', ({CHAT}) % {OPERATORS})"
# From a second to about a day; most take minutes.
MS = "FLOOR(1000 * EXP(CRC32(seq) / 4294967296 * 6 + CRC32(-seq) / " \
     "4294967296 * 5))"


def as_sql(t):
    return f"'{t:%Y-%m-%d %H:%M:%S}'"


class World:
    def __init__(self, lab, conf):
        self.lab, self.conf, self.n = lab, conf, N
        self.now = datetime.now(timezone.utc).replace(
            minute=0, second=0, microsecond=0, tzinfo=None)
        self.begin = self.now - timedelta(days=DAYS)
        self.step = int(DAYS * 86400 * 1e6 / N)  # us between two messages
        self.connect()
        self.sql.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 2; "
                     "SET time_zone = '+00:00'")
        self.partitions()
        self.in_pieces(self.messages_piece)
        self.in_pieces(self.receipts_piece)
        self.in_pieces(self.intervals_piece)
        self.present()
        self.rest()
        self.sql.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
        self.lab.must(["sink", "-c", conf, "--recompute"], timeout=3600)
        self.sql.ask("ANALYZE TABLE messages, message_views, intervals, "
                     "response_rollups, message_analytics, "
                     "conversation_metrics; SELECT 1")
        self.settle()

    def settle(self):
        """Flushes the filled tables to disk, so that no measurement competes
        with these writes."""
        dirty = ("SELECT variable_value FROM information_schema.global_status "
                 "WHERE variable_name = 'innodb_buffer_pool_pages_dirty'")
        self.sql.ask("SET GLOBAL innodb_max_dirty_pages_pct = 0")
        until(600, lambda: self.sql.number(dirty) < 100,
              "the pages to be written")
        self.sql.ask("SET GLOBAL innodb_max_dirty_pages_pct = 90")

    def connect(self):
        self.sql = Sql(self.lab)

    def at(self, number="seq"):
        return (f"{as_sql(self.begin)} + INTERVAL {number} * {self.step} "
                "MICROSECOND")

    def partitions(self):
        """One partition per day, as the sink creates them."""
        days = "".join(
            f"PARTITION p{d:%Y%m%d} VALUES LESS THAN ("
            f"'{d + timedelta(days=1):%Y-%m-%d}'), "
            for d in (self.begin + timedelta(days=n)
                      for n in range(DAYS + 4)))
        for name in ("messages", "intervals"):
            self.sql.ask(
                f"ALTER TABLE {name} REORGANIZE PARTITION bmax INTO ({days}"
                "PARTITION bmax VALUES LESS THAN (MAXVALUE))")

    def in_pieces(self, insert):
        for first in range(1, N + 1, PIECE):
            insert(f"seq_{first}_to_{min(first + PIECE - 1, N)}")

    def messages_piece(self, seq):
        self.sql.ask(
            "INSERT INTO messages (tenant, created_at, conversation_id, "
            "message_id, sender, sender_id, receiver_id, operator, channel, "
            "message_type, private, automated, content) "
            f"SELECT '{TENANT}', {self.at()}, CONCAT('c', {CHAT}), "
            "CONCAT('m', seq), IF(seq % 2, 'customer', 'operator'), "
            f"IF(seq % 2, CONCAT('u', {CHAT}), {OPERATOR}), "
            f"IF(seq % 2, {OPERATOR}, CONCAT('u', {CHAT})), "
            f"IF(seq % 2, NULL, {OPERATOR}), {CHANNEL}, 'text', 0, 0, "
            "CONCAT('Hello, and what is left of number ', seq, '?') "
            f"FROM {seq}")

    def receipts_piece(self, seq):
        """Two of three messages were read."""
        self.sql.ask(
            "INSERT INTO message_views (tenant, viewed_at, message_id, "
            f"user_id, conversation_id) SELECT '{TENANT}', {self.at()} + "
            f"INTERVAL 20 SECOND, CONCAT('m', seq), IF(seq % 2, "
            f"{OPERATOR}, CONCAT('u', {CHAT})), CONCAT('c', {CHAT}) "
            f"FROM {seq} WHERE seq % 3")

    def intervals_piece(self, seq):
        self.sql.ask(
            "INSERT INTO intervals (tenant, end_at, chat, message, kind, "
            "start_at, operator, channel, ms, withdrawn, as_of, version) "
            f"SELECT '{TENANT}', {self.at()}, CONCAT('c', {CHAT}), "
            "CONCAT('m', seq), CASE WHEN seq % 50 = 0 THEN 'resolution' "
            "WHEN seq % 15 = 0 THEN 'first_response' ELSE 'reply' END, "
            f"{self.at()} - INTERVAL 1 MINUTE, {OPERATOR}, {CHANNEL}, "
            f"{MS}, 0, "
            f"{self.at()}, seq FROM {seq} WHERE seq % 3 = 0 OR seq % 50 = 0")

    def present(self):
        now = as_sql(self.now)
        self.sql.ask(
            "INSERT INTO operator_metrics (tenant, operator, name, available, "
            "open_chats, reported_open_chats, responses, "
            "avg_response_seconds, median_response_seconds, "
            "p90_response_seconds, waiting_chats, longest_wait_seconds, "
            f"as_of, version) SELECT '{TENANT}', CONCAT('op', seq), "
            "CONCAT('Operator ', seq), 1, 10, 10, 40, 90.5, 60, 300, 2, 50, "
            f"{now}, 1 FROM seq_0_to_{OPERATORS - 1}; "
            "INSERT INTO chat_metrics (tenant, chat, operator, channel, "
            "customer_name, status, messages, responses, waiting_since, "
            f"as_of, version) SELECT '{TENANT}', CONCAT('c', seq), "
            f"CONCAT('op', seq % {OPERATORS}), 'web', CONCAT('Customer ', "
            f"seq), 'open', 4, 2, IF(seq % 5, NULL, {now} - INTERVAL seq "
            f"SECOND), {now}, 1 FROM seq_0_to_499; "
            "INSERT INTO tenant_metrics (tenant, operators, open_chats, "
            "unassigned_chats, waiting_chats, longest_wait_seconds, "
            "responses, avg_response_seconds, as_of, version) VALUES "
            f"('{TENANT}', {OPERATORS}, 500, 0, 100, 500, 2000, 90, {now}, 1)")

    def rest(self):
        """Fills the other tables: each chat has 50 messages, each user one
        chat."""
        chats = N // 50
        last = self.at("(seq + 1) * 50")
        self.sql.ask(
            "INSERT INTO conversation_metrics (tenant, conversation_id, "
            "message_count, participant_count, last_message_at, created_at, "
            f"as_of, version) SELECT '{TENANT}', CONCAT('c', seq), 50, 2, "
            f"{last}, {self.at('seq * 50')}, {last}, 1 "
            f"FROM seq_0_to_{chats - 1}; "
            "INSERT INTO user_stats (tenant, user_id, message_count, "
            "active_conversations, last_active, as_of, version) "
            f"SELECT '{TENANT}', CONCAT('u', seq), 25, 0, {last}, {last}, 1 "
            f"FROM seq_0_to_{chats - 1}; "
            "INSERT INTO channel_metrics (tenant, hour, channel, messages, "
            "inbound_messages, outbound_messages, active_conversations, "
            f"as_of, version) SELECT '{TENANT}', {as_sql(self.begin)} + "
            "INTERVAL seq DIV 3 HOUR, ELT(1 + seq % 3, 'whatsapp', "
            f"'telegram', 'web'), 500, 250, 250, 60, {as_sql(self.now)}, 1 "
            f"FROM seq_0_to_{3 * 24 * DAYS - 1}; "
            "INSERT INTO message_analytics (tenant, id, created_at, "
            "message_id, conversation_id, channel_id, direction, "
            "message_length, sentiment_score, sentiment_label, intent_name, "
            f"response_time) SELECT '{TENANT}', CONCAT('a', seq), "
            f"{self.at('seq * 10')}, CONCAT('m', seq), "
            "CONCAT('c', seq DIV 5), 'whatsapp', IF(seq % 2, 'inbound', "
            "'outbound'), 40, seq % 100 / 100, 'neutral', 'order', seq % 90 "
            f"FROM seq_0_to_{N // 10 - 1}; "
            "INSERT INTO alerts (tenant, started_at, user_id, rule, messages, "
            f"threshold, as_of) SELECT '{TENANT}', {as_sql(self.now)} - "
            "INTERVAL seq MINUTE, CONCAT('u', seq), 'minute', 11, 8, "
            f"{as_sql(self.now)} FROM seq_1_to_5000; "
            "INSERT INTO trends (tenant, window_start, word, occurrences, "
            f"as_of) SELECT '{TENANT}', {as_sql(self.now)} - INTERVAL 2 * seq "
            f"MINUTE, 'hello', 9, {as_sql(self.now)} FROM seq_1_to_5000; "
            "INSERT INTO events (tenant, id, created_at, event_type) "
            f"SELECT '{TENANT}', CONCAT('e', seq), {self.at('seq * 100')}, "
            f"'login' FROM seq_1_to_{N // 100}")

    def change(self):
        """A commit of which listeners are notified, as the sink makes it."""
        self.sql.ask("START TRANSACTION; "
                     "UPDATE tenant_metrics SET open_chats = open_chats + 1, "
                     "version = version + 1; "
                     "UPDATE tenant_locks SET uses = uses + 1; COMMIT")

    def messages(self):
        """The number of messages that arrived."""
        return self.sql.number(
            "SELECT COUNT(*) FROM messages WHERE created_at >= "
            f"{as_sql(self.now)} AND message_id LIKE 'live%'")

    def intervals(self):
        return self.sql.number("SELECT COUNT(*) FROM intervals")


def text(t):
    return f"{t:%Y-%m-%dT%H:%M:%S}.000Z"


def seconds_of_rows(n, rate, now):
    """The rows of the n-th second in ten parts: each message as a record, a
    third of them with an interval, and once the sums of this hour's
    operators."""
    at = now + timedelta(seconds=n)
    for part in range(10):
        lines = []
        for i in range(part, rate, 10):
            number = n * rate + i
            chat, operator = f"live{number % 5000}", f"op{i % OPERATORS}"
            lines.append(
                f'{{"type":"message","tenant":"{TENANT}","at":"{text(at)}",'
                f'"chat":"{chat}","id":"live{number}","from":"customer",'
                f'"user":"u{number % 5000}","text":"Hello, and what is left '
                f'of number {number}?"}}')
            if i % 3 == 0:
                lines.append(row(
                    "intervals", at, n, end_at=text(at), chat=chat,
                    message=f"live{number}", kind="reply",
                    operator=operator, channel="whatsapp",
                    ms=1000 * (i % 600), withdrawn=False))
        yield ("\n".join(lines) + "\n").encode()


def row(name, at, n, **columns):
    return json.dumps({"type": "row", "table": name, "tenant": TENANT,
                       "as_of": text(at), "version": n + 1, **columns})
